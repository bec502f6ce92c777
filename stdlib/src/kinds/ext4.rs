//! `ext4`: a tree becomes a file system of the family: ext4, ext3 or ext2.

use std::collections::BTreeSet;

use gravure_eval::graph::{Failure, Task};
use gravure_formats::{Capacity, Guid, ext};
use serde::{Deserialize, Serialize};

use crate::builder::{Artefact, Builder};

pub(crate) const NAME: &str = "ext4";

#[derive(Serialize, Deserialize)]
pub(crate) struct Parameters {
    /// 2, 3 or 4.
    pub(crate) generation: u8,
    pub(crate) label: String,
    pub(crate) uuid: Guid,
    pub(crate) hash_seed: Guid,
    pub(crate) time: i64,
    pub(crate) capacity: Capacity,
    pub(crate) block_size: u32,
    /// Names of features that it does not have although its generation does.
    pub(crate) without: BTreeSet<String>,
}

/// A feature of a file system, as a switch.
type Switch = fn(&mut ext::Features) -> &mut bool;

/// Features that a file system can be made without, by their names for mke2fs.
const SWITCHES: &[(&str, Switch)] = &[
    ("64bit", |features| &mut features.bits64),
    ("dir_index", |features| &mut features.dir_index),
    ("dir_nlink", |features| &mut features.dir_nlink),
    ("extent", |features| &mut features.extents),
    ("extra_isize", |features| &mut features.extra_isize),
    ("flex_bg", |features| &mut features.flex_bg),
    ("huge_file", |features| &mut features.huge_file),
    ("metadata_csum", |features| &mut features.metadata_csum),
    ("resize_inode", |features| &mut features.resize_inode),
];
/// The journal, which is no switch of the writer's.
const JOURNAL: &str = "has_journal";

/// Returns the names that `without` may have.
pub(crate) fn features() -> impl Iterator<Item = &'static str> {
    SWITCHES.iter().map(|(name, _)| *name).chain([JOURNAL])
}

pub(crate) fn realise(builder: &Builder<'_>, task: &Task) -> Result<Artefact, Failure> {
    let parameters: Parameters = super::parameters(task)?;
    let profile = match parameters.generation {
        2 => ext::Profile::Ext2,
        3 => ext::Profile::Ext3,
        _ => ext::Profile::Ext4,
    };
    let mut features = profile.features();
    for (_, switch) in SWITCHES.iter().filter(|(name, _)| parameters.without.contains(*name)) {
        *switch(&mut features) = false;
    }
    let options = ext::Options {
        block_size: parameters.block_size,
        label: parameters.label,
        uuid: parameters.uuid.0,
        hash_seed: parameters.hash_seed.0,
        time: parameters.time,
        capacity: parameters.capacity,
        journal: if parameters.without.contains(JOURNAL) { ext::Journal::None } else { profile.journal() },
        features,
    };
    Ok(Artefact::Extents(ext::layout(&builder.tree(&task.inputs[0])?, &options)?))
}
