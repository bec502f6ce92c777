//! The kinds of recipes: one file each, one line in the table.
//!
//! A kind has parameters (plain data), takes outputs of other recipes, and makes one artefact. Its version is part of every
//! key: whoever changes the bytes that a kind makes raises it.

pub(crate) mod archive_file;
pub(crate) mod blob;
pub(crate) mod debian;
pub(crate) mod disk;
pub(crate) mod ext4;
pub(crate) mod fat;
pub(crate) mod fetch;
pub(crate) mod grub_core;
pub(crate) mod initrd;
pub(crate) mod local;
pub(crate) mod module_aliases;
pub(crate) mod package;
pub(crate) mod part;
pub(crate) mod raw;
pub(crate) mod script_report;
pub(crate) mod swap;
pub(crate) mod tree;
pub(crate) mod unpacked;

use gravure_eval::graph::{Failure, NodeId, Recipe, Task};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::builder::{Artefact, Builder};

/// A kind of recipes.
pub(crate) struct Kind {
    name: &'static str,
    version: u32,
    /// Whether its recipes mostly wait for the network.
    waits: bool,
    /// Makes the artefact of a task.
    pub(crate) realise: fn(&Builder<'_>, &Task) -> Result<Artefact, Failure>,
}

const KINDS: &[Kind] = &[
    Kind { name: archive_file::NAME, version: 2, waits: true, realise: archive_file::realise },
    Kind { name: blob::NAME, version: 1, waits: false, realise: blob::realise },
    Kind { name: debian::NAME, version: 2, waits: false, realise: debian::realise },
    Kind { name: disk::NAME, version: 2, waits: false, realise: disk::realise },
    Kind { name: ext4::NAME, version: 2, waits: false, realise: ext4::realise },
    Kind { name: fat::NAME, version: 3, waits: false, realise: fat::realise },
    Kind { name: fetch::NAME, version: 1, waits: true, realise: fetch::realise },
    Kind { name: grub_core::NAME, version: 1, waits: false, realise: grub_core::realise },
    Kind { name: initrd::NAME, version: 1, waits: false, realise: initrd::realise },
    Kind { name: local::NAME, version: 1, waits: false, realise: local::realise },
    Kind { name: module_aliases::NAME, version: 1, waits: false, realise: module_aliases::realise },
    Kind { name: package::NAME, version: 2, waits: false, realise: package::realise },
    Kind { name: part::NAME, version: 1, waits: false, realise: part::realise },
    Kind { name: raw::NAME, version: 1, waits: false, realise: raw::realise },
    Kind { name: script_report::NAME, version: 2, waits: false, realise: script_report::realise },
    Kind { name: swap::NAME, version: 1, waits: false, realise: swap::realise },
    Kind { name: tree::NAME, version: 2, waits: false, realise: tree::realise },
    Kind { name: unpacked::NAME, version: 1, waits: false, realise: unpacked::realise },
];

/// Returns the kind of this name and version.
pub(crate) fn find(name: &str, version: u32) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name && kind.version == version)
}

/// Whether recipes of this kind mostly wait for the network.
pub(crate) fn waits(name: &str) -> bool {
    KINDS.iter().any(|kind| kind.name == name && kind.waits)
}

/// Returns a recipe of the kind `name`; `label` is what people read.
pub(crate) fn recipe(
    name: &'static str,
    parameters: &impl Serialize,
    inputs: Vec<NodeId>,
    label: impl Into<String>,
) -> Recipe {
    let kind = KINDS.iter().find(|kind| kind.name == name).expect("every kind is in the table");
    let parameters = serde_json::to_value(parameters).expect("parameters are plain data");
    Recipe { kind: name.to_owned(), version: kind.version, parameters, inputs, label: label.into() }
}

/// Returns the parameters of a task.
fn parameters<T: DeserializeOwned>(task: &Task) -> Result<T, Failure> {
    Ok(T::deserialize(&task.parameters)?)
}
