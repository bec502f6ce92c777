//! `unpacked`: an archive of files becomes a tree, all contents one pack in the store. It is a tar, compressed or not, or the
//! data of a `.deb`.

use std::io::{BufReader, Read};

use gravure_eval::graph::{Failure, Task};
use gravure_formats::deb::CONTROL_DIRECTORY;
use gravure_formats::{TreePath, ar, compression, deb, tar};

use crate::builder::{Artefact, Builder};

pub(crate) const NAME: &str = "unpacked";

/// How many bytes of content an archive may have. A terabyte is more than any disk image holds, and keeps an archive that was made
/// to fill the disk from going on for ever.
const LARGEST: u64 = 1 << 40;

pub(crate) fn realise(builder: &Builder<'_>, task: &Task) -> Result<Artefact, Failure> {
    let archive = builder.extents(&task.inputs[0])?;
    let reader = || BufReader::with_capacity(1 << 20, archive.reader(builder.store));
    let mut magic = Vec::new();
    reader().take(ar::MAGIC.len() as u64).read_to_end(&mut magic)?;
    let mut pack = builder.store.writer()?;
    let is_package = magic == ar::MAGIC;
    let contents = match is_package {
        true => deb::ingest(reader(), &mut pack)?,
        false => tar::ingest(compression::detect(reader(), LARGEST)?, &mut pack)?,
    };
    let (pack, _) = pack.finish()?;
    let mut tree = contents.into_tree(pack);
    if is_package {
        tree.remove(&TreePath::parse(CONTROL_DIRECTORY)?);
    }
    Ok(Artefact::Tree(tree))
}
