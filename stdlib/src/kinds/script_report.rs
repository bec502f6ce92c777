//! `script-report`: what the scripts of packages would do that the configured system does not have, as JSON.
//!
//! The inputs are the configured system, then the packages in order.

use gravure_eval::graph::{Failure, Task};
use gravure_formats::debian::{Package, Root, unreproduced};

use crate::builder::{Artefact, Builder};

pub(crate) const NAME: &str = "script-report";

pub(crate) fn realise(builder: &Builder<'_>, task: &Task) -> Result<Artefact, Failure> {
    let (system, packages) = task.inputs.split_first().ok_or("lowering gives it a system")?;
    let root = Root::new(builder.tree(system)?, builder.store, 0);
    let mut known = Vec::with_capacity(packages.len());
    for package in packages {
        known.push(Package::take(&mut builder.tree(package)?, builder.store)?);
    }
    let text = serde_json::to_vec(&unreproduced(&root, &known)?).expect("a report is plain data");
    let mut object = builder.store.writer()?;
    std::io::Write::write_all(&mut object, &text)?;
    let (digest, len) = object.finish()?;
    Ok(Artefact::Blob(digest, len))
}
