//! `fat`: a tree becomes a FAT file system.

use gravure_eval::graph::{Failure, Task};
use gravure_formats::{Capacity, fat};
use serde::{Deserialize, Serialize};

use crate::builder::{Artefact, Builder};

pub(crate) const NAME: &str = "fat";

#[derive(Serialize, Deserialize)]
pub(crate) struct Parameters {
    /// 12, 16 or 32.
    pub(crate) bits: u8,
    pub(crate) label: String,
    pub(crate) volume_id: u32,
    pub(crate) time: i64,
    pub(crate) capacity: Capacity,
}

pub(crate) fn realise(builder: &Builder<'_>, task: &Task) -> Result<Artefact, Failure> {
    let Parameters { bits, label, volume_id, time, capacity } = super::parameters(task)?;
    let kind = match bits {
        12 => fat::Kind::Fat12,
        16 => fat::Kind::Fat16,
        _ => fat::Kind::Fat32,
    };
    let options = fat::Options {
        kind: Some(kind),
        label: Some(label),
        volume_id,
        time,
        capacity,
        cluster_len: None,
        hidden_sectors: 0,
    };
    Ok(Artefact::Extents(fat::layout(&builder.tree(&task.inputs[0])?, &options)?))
}
