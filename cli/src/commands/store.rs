//! `gravure store`: where the store is, and whether it is sound.

use gravure_sources::Store;

use crate::arguments::{self, StoreCommand};
use crate::environment::store_path;
use crate::terminal;
use crate::trouble::{Complaint, NOT_AS_EXPECTED, Trouble};

pub(crate) fn run(arguments: &arguments::Store) -> Result<(), Trouble> {
    match &arguments.command {
        StoreCommand::Path(place) => {
            terminal::result(&format!("{}\n", store_path(place)?.display()));
            Ok(())
        }
        StoreCommand::Verify(place) => verify(&Store::open(&store_path(place)?)?),
    }
}

fn verify(store: &Store) -> Result<(), Trouble> {
    let mut trouble = Trouble::default();
    for problem in store.verify()? {
        trouble.complain(Complaint::new(NOT_AS_EXPECTED, problem.to_string()));
    }
    trouble.or(())
}
