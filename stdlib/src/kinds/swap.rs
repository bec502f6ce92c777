//! `swap`: a swap area for Linux.

use gravure_eval::graph::{Failure, Task};
use gravure_formats::{Guid, swap};
use serde::{Deserialize, Serialize};

use crate::builder::{Artefact, Builder};

pub(crate) const NAME: &str = "swap";

#[derive(Serialize, Deserialize)]
pub(crate) struct Parameters {
    pub(crate) label: String,
    pub(crate) uuid: Guid,
    /// The size in bytes.
    pub(crate) len: u64,
}

pub(crate) fn realise(_: &Builder<'_>, task: &Task) -> Result<Artefact, Failure> {
    let Parameters { label, uuid, len } = super::parameters(task)?;
    let options = swap::Options { label: Some(label), uuid, len, page_size: swap::PAGE_SIZE };
    Ok(Artefact::Extents(swap::layout(&options)?))
}
