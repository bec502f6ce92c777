//! `blob`: something that a boot loader is made of, and that is written as it is: a file of a tree or of its own.

use gravure_eval::graph::{Failure, Task};
use gravure_formats::Extents;
use gravure_formats::lookup::find_file;
use gravure_formats::units::{Grouped, Size};
use serde::{Deserialize, Serialize};

use crate::builder::{Artefact, Builder};

pub(crate) const NAME: &str = "blob";

#[derive(Serialize, Deserialize)]
pub(crate) struct Parameters {
    /// The file's path in the tree that is the input, which may lead through links; none: the input is the file.
    pub(crate) path: Option<String>,
    /// What it must be.
    pub(crate) format: Option<String>,
    /// The room there is for it.
    pub(crate) limit: Option<u64>,
    /// The device tree that it is for.
    pub(crate) device_tree: Option<String>,
}

pub(crate) fn realise(builder: &Builder<'_>, task: &Task) -> Result<Artefact, Failure> {
    let Parameters { path, limit, .. } = super::parameters(task)?;
    let content: Extents = match path {
        Some(path) => find_file(&builder.tree(&task.inputs[0])?, &path)?.clone(),
        None => builder.extents(&task.inputs[0])?,
    };
    if let Some(limit) = limit.filter(|limit| *limit < content.len()) {
        return Err(format!("it has {} bytes, and there is room for {}", Grouped(content.len()), Size(limit)).into());
    }
    Ok(Artefact::Extents(content))
}
