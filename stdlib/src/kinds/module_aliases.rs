//! `module-aliases`: the names by which a kernel asks for its modules, in a list. Reading them means reading all modules, and
//! the boards of one kernel share that.

use std::io::Write;

use gravure_eval::graph::{Failure, Task};
use gravure_formats::Tree;
use gravure_formats::modules::{ModuleSet, kernel_versions};

use crate::builder::{Artefact, Builder};

pub(crate) const NAME: &str = "module-aliases";

pub(crate) fn realise(builder: &Builder<'_>, task: &Task) -> Result<Artefact, Failure> {
    let kernel = builder.tree(&task.inputs[0])?;
    let list = modules_of(builder, &kernel)?.alias_list()?;
    let mut object = builder.store.writer()?;
    object.write_all(list.as_bytes())?;
    let (digest, len) = object.finish()?;
    Ok(Artefact::Blob(digest, len))
}

/// Returns the modules of the one kernel that a package has.
pub(super) fn modules_of<'b>(builder: &'b Builder<'_>, kernel: &Tree) -> Result<ModuleSet<'b>, Failure> {
    let versions = kernel_versions(kernel);
    let version = match &versions[..] {
        [version] => version,
        [] => return Err("the package of the kernel has no modules".into()),
        several => return Err(format!("the package of the kernel has modules of {} kernels", several.len()).into()),
    };
    Ok(ModuleSet::new(kernel, builder.store, version)?)
}
