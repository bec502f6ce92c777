//! `ext4`: a tree becomes an ext4 file system.

use gravure_eval::graph::{Failure, Task};
use gravure_formats::{Capacity, Guid, ext};
use serde::{Deserialize, Serialize};

use crate::builder::{Artefact, Builder};

pub(crate) const NAME: &str = "ext4";

#[derive(Serialize, Deserialize)]
pub(crate) struct Parameters {
    pub(crate) label: String,
    pub(crate) uuid: Guid,
    pub(crate) hash_seed: Guid,
    pub(crate) time: i64,
    pub(crate) capacity: Capacity,
}

pub(crate) fn realise(builder: &Builder<'_>, task: &Task) -> Result<Artefact, Failure> {
    let Parameters { label, uuid, hash_seed, time, capacity } = super::parameters(task)?;
    let options = ext::Options {
        block_size: 4096,
        label,
        uuid: uuid.0,
        hash_seed: hash_seed.0,
        time,
        capacity,
        journal: true,
        features: ext::Features::default(),
    };
    Ok(Artefact::Extents(ext::layout(&builder.tree(&task.inputs[0])?, &options)?))
}
