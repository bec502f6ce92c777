//! `grub-core`: modules of GRUB's package for the BIOS become the image that boot code loads.

use gravure_eval::graph::{Failure, Task};
use gravure_formats::lookup::find_file;
use gravure_formats::{Extents, Tree, grub};
use serde::{Deserialize, Serialize};

use crate::builder::{Artefact, Builder};

pub(crate) const NAME: &str = "grub-core";

/// Where Debian's package `grub-pc-bin` has GRUB.
const FOLDER: &str = "/usr/lib/grub/i386-pc";

/// Returns where in its package a part of GRUB is.
pub(crate) fn path(name: &str) -> String {
    format!("{FOLDER}/{name}")
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Parameters {
    /// The modules, without those that they depend on.
    pub(crate) modules: Vec<String>,
    /// What runs first.
    pub(crate) config: String,
    /// Where GRUB finds `grub.cfg`.
    pub(crate) prefix: String,
}

pub(crate) fn realise(builder: &Builder<'_>, task: &Task) -> Result<Artefact, Failure> {
    let Parameters { modules, config, prefix } = super::parameters(task)?;
    let package = builder.tree(&task.inputs[0])?;
    let read = |name: &str| read(builder, &package, name);
    let dependencies = String::from_utf8(read("moddep.lst")?)?;
    let order = grub::closure(&dependencies, &modules)?;
    let modules: Vec<Vec<u8>> = order.iter().map(|name| read(&format!("{name}.mod"))).collect::<Result<_, _>>()?;
    let parts = grub::Parts {
        diskboot: read("diskboot.img")?,
        decompressor: read("lzma_decompress.img")?,
        kernel: read("kernel.img")?,
    };
    Ok(Artefact::Extents(Extents::from_bytes(grub::core_image(&parts, &modules, &config, &prefix)?)))
}

fn read(builder: &Builder<'_>, package: &Tree, name: &str) -> Result<Vec<u8>, Failure> {
    Ok(find_file(package, &path(name))?.to_vec(builder.store)?)
}
