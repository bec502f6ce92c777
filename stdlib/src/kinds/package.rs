//! `package`: a `.deb` becomes a tree with its control files in `/DEBIAN`, all contents one pack in the store.

use std::io::BufReader;

use gravure_eval::graph::{Failure, Task};
use gravure_formats::deb;

use crate::builder::{Artefact, Builder};

pub(crate) const NAME: &str = "package";

pub(crate) fn realise(builder: &Builder<'_>, task: &Task) -> Result<Artefact, Failure> {
    let archive = builder.extents(&task.inputs[0])?;
    let mut pack = builder.store.writer()?;
    let contents = deb::ingest(BufReader::with_capacity(1 << 20, archive.reader(builder.store)), &mut pack)?;
    let (pack, _) = pack.finish()?;
    Ok(Artefact::Tree(contents.into_tree(pack)))
}
