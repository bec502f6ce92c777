//! `raw`: what an unformatted partition has: the bytes of its input, if it has one, and zeros up to its size.

use gravure_eval::graph::{Failure, Task};
use gravure_formats::Extents;
use gravure_formats::units::Size;
use serde::{Deserialize, Serialize};

use crate::builder::{Artefact, Builder};

pub(crate) const NAME: &str = "raw";

#[derive(Serialize, Deserialize)]
pub(crate) struct Parameters {
    /// The size in bytes; none: that of the input, in whole sectors.
    pub(crate) len: Option<u64>,
}

/// A partition has whole sectors.
const SECTOR: u64 = 512;

pub(crate) fn realise(builder: &Builder<'_>, task: &Task) -> Result<Artefact, Failure> {
    let Parameters { len } = super::parameters(task)?;
    let mut content = match task.inputs.first() {
        Some(input) => builder.extents(input)?,
        None => Extents::default(),
    };
    let len = len.unwrap_or(content.len().next_multiple_of(SECTOR));
    let Some(rest) = len.checked_sub(content.len()) else {
        return Err(too_long("the content", content.len(), len).into());
    };
    content.push_zeros(rest);
    Ok(Artefact::Extents(content))
}

/// Returns why content does not fit.
pub(crate) fn too_long(what: &str, needed: u64, given: u64) -> String {
    format!("{what} has {}, and the partition {}", Size(needed), Size(given))
}
