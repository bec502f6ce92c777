//! `local`: a file of the project. It entered the store when the graph was made; the recipe names what it was then.

use gravure_eval::graph::{Failure, Task};
use gravure_formats::Digest;
use serde::{Deserialize, Serialize};

use crate::builder::{Artefact, Builder};

pub(crate) const NAME: &str = "local";

#[derive(Serialize, Deserialize)]
pub(crate) struct Parameters {
    pub(crate) sha256: Digest,
}

pub(crate) fn realise(builder: &Builder<'_>, task: &Task) -> Result<Artefact, Failure> {
    let Parameters { sha256 } = super::parameters(task)?;
    Ok(Artefact::Blob(sha256, builder.store.len(&sha256)?))
}
