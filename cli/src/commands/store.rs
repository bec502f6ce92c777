//! `gravure store`: where the store is, whether it is sound, and what nobody needs any more.

use std::time::{Duration, SystemTime};

use gravure_sources::{Alone, Garbage, Keep, Store};
use gravure_stdlib::references;

use super::build::size;
use crate::arguments::{self, Gc, StoreCommand};
use crate::environment::{open_store, store_path};
use crate::terminal;
use crate::trouble::{Complaint, NOT_AS_EXPECTED, Trouble, counted};

const DAY: Duration = Duration::from_secs(86_400);

pub(crate) fn run(arguments: &arguments::Store) -> Result<(), Trouble> {
    match &arguments.command {
        StoreCommand::Path(place) => {
            terminal::result(&format!("{}\n", store_path(place)?.display()));
            Ok(())
        }
        StoreCommand::Verify(place) => verify(&open_store(place)?),
        StoreCommand::Gc(arguments) => Ok(collect(arguments)?),
    }
}

fn verify(store: &Store) -> Result<(), Trouble> {
    let mut trouble = Trouble::default();
    for problem in store.verify()? {
        trouble.complain(Complaint::new(NOT_AS_EXPECTED, problem.to_string()));
    }
    trouble.or(())
}

fn collect(arguments: &Gc) -> Result<(), Complaint> {
    let store = Alone::open(&store_path(&arguments.place)?)?;
    let age = DAY.saturating_mul(arguments.keep_days);
    let since = SystemTime::now().checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH);
    let keep = Keep { since, max_size: arguments.max_size.unwrap_or(u64::MAX) };
    let garbage = store.garbage(&keep, &references)?;
    if arguments.dry_run {
        let lines = garbage.files.iter().map(|(path, len)| format!("{} ({})\n", path.display(), size(*len)));
        terminal::result(&lines.collect::<String>());
        terminal::say(&format!("would remove {}\n", described(&garbage)));
    } else {
        store.remove(&garbage)?;
        terminal::say(&format!("removed {}\n", described(&garbage)));
    }
    Ok(())
}

/// Returns "12 objects and 30 other files (1.2 GiB); 100 objects stay (2.3 GiB)".
fn described(garbage: &Garbage) -> String {
    let damaged = match garbage.n_damaged {
        0 => String::new(),
        number => format!(", {number} of them damaged,"),
    };
    format!(
        "{}{damaged} and {} ({}); {} stay ({})",
        counted(garbage.n_objects, "object"),
        counted(garbage.files.len() - garbage.n_objects, "other file"),
        size(garbage.size()),
        counted(garbage.n_kept_objects, "object"),
        size(garbage.kept_size),
    )
}
