//! `part`: one file of a tree, such as a boot loader in its package.

use gravure_eval::graph::{Failure, Task};
use gravure_formats::lookup::find_file;
use serde::{Deserialize, Serialize};

use crate::builder::{Artefact, Builder};

pub(crate) const NAME: &str = "part";

#[derive(Serialize, Deserialize)]
pub(crate) struct Parameters {
    /// The file's path, which may lead through links; `*` stands for any characters but `/`.
    pub(crate) path: String,
}

pub(crate) fn realise(builder: &Builder<'_>, task: &Task) -> Result<Artefact, Failure> {
    let Parameters { path } = super::parameters(task)?;
    let tree = builder.tree(&task.inputs[0])?;
    Ok(Artefact::Extents(find_file(&tree, &path)?.clone()))
}
