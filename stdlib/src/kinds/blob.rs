//! `blob`: something that a boot loader is made of, and that is written as it is: a file of a tree or of its own.

use gravure_eval::graph::{Failure, Task};
use gravure_formats::loader::{self, Format};
use gravure_formats::lookup::find_file;
use gravure_formats::units::{Grouped, Size};
use gravure_formats::{Blobs, Extents};
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
    let Parameters { path, format, limit, device_tree } = super::parameters(task)?;
    let content: Extents = match path {
        Some(path) => find_file(&builder.tree(&task.inputs[0])?, &path)?.clone(),
        None => builder.extents(&task.inputs[0])?,
    };
    if let Some(limit) = limit.filter(|limit| *limit < content.len()) {
        return Err(format!("it has {} bytes, and there is room for {}", Grouped(content.len()), Size(limit)).into());
    }
    if let Some(name) = format {
        check(&name, device_tree.as_deref(), &content, builder.store)?;
    }
    Ok(Artefact::Extents(content))
}

/// Returns why a file is not what it must be: something of this format, for the board with this device tree.
pub(crate) fn check(
    format: &str,
    device_tree: Option<&str>,
    content: &Extents,
    blobs: &dyn Blobs,
) -> Result<(), Failure> {
    let format = Format::by_name(format).expect("the declaration allows formats of the table");
    let header = loader::check(format, content, blobs)?;
    match (header.device_tree, device_tree) {
        (Some(own), Some(board)) if own.rsplit('/').next() != Some(board) => {
            Err(format!("it is for a board with the device tree `{own}`, and not `{board}`").into())
        }
        _ => Ok(()),
    }
}
