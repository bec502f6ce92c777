//! `local`: a file or a directory of the project. It entered the store when the graph was made; the recipe names what it
//! was then.

use gravure_eval::graph::{Failure, Task};
use gravure_formats::{Digest, Tree};
use serde::{Deserialize, Serialize};

use crate::builder::{Artefact, Builder};

pub(crate) const NAME: &str = "local";

#[derive(Serialize, Deserialize)]
pub(crate) struct Parameters {
    pub(crate) sha256: Digest,
    /// Whether the object is the manifest of a directory.
    pub(crate) is_tree: bool,
}

pub(crate) fn realise(builder: &Builder<'_>, task: &Task) -> Result<Artefact, Failure> {
    let Parameters { sha256, is_tree } = super::parameters(task)?;
    match is_tree {
        true => Ok(Artefact::Tree(Tree::from_serialised(&builder.store.read(&sha256)?)?)),
        false => Ok(Artefact::Blob(sha256, builder.store.len(&sha256)?)),
    }
}
