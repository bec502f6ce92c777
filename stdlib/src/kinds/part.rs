//! `part`: one file of a tree, such as a boot loader in its package.

use gravure_eval::graph::{Failure, Task};
use gravure_formats::Kind;
use serde::{Deserialize, Serialize};

use super::tree::find_one;
use crate::builder::{Artefact, Builder};

pub(crate) const NAME: &str = "part";

#[derive(Serialize, Deserialize)]
pub(crate) struct Parameters {
    /// The file's path; `*` stands for any characters but `/`.
    pub(crate) path: String,
}

pub(crate) fn realise(builder: &Builder<'_>, task: &Task) -> Result<Artefact, Failure> {
    let Parameters { path } = super::parameters(task)?;
    let tree = builder.tree(&task.inputs[0])?;
    let found = find_one(&tree, &path)?;
    match &tree.get(&found).expect("what was found is there").kind {
        Kind::File(content) => Ok(Artefact::Extents(content.clone())),
        _ => Err(format!("`{found}` is no regular file").into()),
    }
}
