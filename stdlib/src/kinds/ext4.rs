//! `ext4`: a tree becomes an ext4 file system.

use std::collections::BTreeSet;

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
    pub(crate) block_size: u32,
    /// Names of [`FEATURES`] that it does not have.
    pub(crate) without: BTreeSet<String>,
}

/// Features that a file system can be made without, by their names for mke2fs.
pub(crate) const FEATURES: &[&str] = &["64bit", "dir_index", "has_journal", "metadata_csum", "resize_inode"];

pub(crate) fn realise(builder: &Builder<'_>, task: &Task) -> Result<Artefact, Failure> {
    let Parameters { label, uuid, hash_seed, time, capacity, block_size, without } = super::parameters(task)?;
    let has = |feature: &str| !without.contains(feature);
    let options = ext::Options {
        block_size,
        label,
        uuid: uuid.0,
        hash_seed: hash_seed.0,
        time,
        capacity,
        journal: has("has_journal"),
        features: ext::Features {
            metadata_csum: has("metadata_csum"),
            bits64: has("64bit"),
            dir_index: has("dir_index"),
            resize_inode: has("resize_inode"),
        },
    };
    Ok(Artefact::Extents(ext::layout(&builder.tree(&task.inputs[0])?, &options)?))
}
