//! From an archive to a pack and a manifest, in one pass.

use std::io::{Read, Write};

use super::{Archive, Entry, Error, Kind, Problem};
use crate::pack::PackWriter;
use crate::{Digest, Entry as TreeEntry, Extents, Kind as TreeKind, Tree, TreePath};

/// How many bytes of a file are copied at once.
const CHUNK: usize = 64 << 10;
/// How many paths a tree may have, directories that an archive leaves out included. The largest packages of Debian have a tenth
/// of it, and a small compressed archive could have a thousand times as many.
const MOST_PATHS: usize = 1 << 20;

/// What an archive contains, apart from the bytes of its files: these are in a pack whose name is not known yet.
#[derive(Clone, Debug)]
pub struct Contents {
    /// The files are empty here.
    tree: Tree,
    /// Where their bytes are.
    files: Vec<Range>,
    pack_len: u64,
}

/// Where in the pack the bytes of a file are.
#[derive(Clone, Debug)]
struct Range {
    path: TreePath,
    offset: u64,
    len: u64,
}

impl Contents {
    /// Returns the tree whose files are ranges of the pack of this name.
    pub fn into_tree(self, pack: Digest) -> Tree {
        let mut tree = self.tree;
        for Range { path, offset, len } in self.files {
            let mut content = Extents::default();
            content.push_blob(pack, offset, len);
            let entry = tree.get_mut(&path).expect("every range belongs to a file of the tree");
            entry.kind = TreeKind::File(content);
        }
        tree
    }

    /// Returns the length of the pack in bytes.
    pub fn pack_len(&self) -> u64 {
        self.pack_len
    }
}

/// Reads a root archive, not compressed, and writes the contents of its files into `pack`, as [`crate::pack`] says.
///
/// Directories that the archive leaves out are made with mode 0755. An entry of a path that is there already is refused,
/// unless both are directories: then the later one counts.
///
/// # Errors
/// As the variants of [`Error`] say.
pub fn ingest(tar: impl Read, pack: impl Write) -> Result<Contents, Error> {
    let mut ingestion = Ingestion::new(pack);
    ingestion.archive(tar)?;
    ingestion.finish()
}

/// Contents on their way into a pack, from an archive and from single files.
pub(crate) struct Ingestion<W> {
    pack: PackWriter<W>,
    tree: Tree,
    files: Vec<Range>,
    /// `MOST_PATHS`, but for tests.
    pub(super) most_paths: usize,
}

impl<W: Write> Ingestion<W> {
    pub(crate) fn new(pack: W) -> Ingestion<W> {
        Ingestion { pack: PackWriter::new(pack), tree: Tree::default(), files: Vec::new(), most_paths: MOST_PATHS }
    }

    /// Adds everything in an archive and returns the paths of its entries in their order.
    pub(crate) fn archive(&mut self, tar: impl Read) -> Result<Vec<TreePath>, Error> {
        let mut archive = Archive::new(tar);
        let mut paths = Vec::new();
        let mut chunk = vec![0; CHUNK];
        while let Some(entry) = archive.next_entry()? {
            let path = entry.path.clone();
            let size = match entry.kind {
                Kind::File { size } => size,
                _ => 0,
            };
            add(&mut self.tree, entry).map_err(|problem| archive.problem(problem))?;
            if self.most_paths < self.tree.len() {
                return Err(archive.problem(Problem::TooMany(self.most_paths)));
            }
            if size > 0 {
                let offset = copy(&mut archive, &mut self.pack, &mut chunk)?;
                self.files.push(Range { path: path.clone(), offset, len: size });
            }
            paths.push(path);
        }
        Ok(paths)
    }

    /// Adds a file of root's.
    ///
    /// # Panics
    /// When something is at its path, or no directory above.
    pub(crate) fn file(&mut self, path: TreePath, content: &[u8]) -> Result<(), Error> {
        assert!(self.tree.get(&path).is_none(), "{path} is there already");
        let entry = TreeEntry::file(0o644, Extents::default());
        self.tree.insert(&path, entry).expect("the caller has looked at the directories above");
        if !content.is_empty() {
            let offset = self.pack.start_file().map_err(Error::Write)?;
            self.pack.append(content).map_err(Error::Write)?;
            self.files.push(Range { path, offset, len: content.len() as u64 });
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<Contents, Error> {
        let pack_len = self.pack.finish().map_err(Error::Write)?;
        Ok(Contents { tree: self.tree, files: self.files, pack_len })
    }
}

/// Copies the content of the current entry and returns where in the pack it is.
fn copy<R: Read, W: Write>(archive: &mut Archive<R>, pack: &mut PackWriter<W>, chunk: &mut [u8]) -> Result<u64, Error> {
    let offset = pack.start_file().map_err(Error::Write)?;
    loop {
        match archive.read_content(chunk)? {
            0 => return Ok(offset),
            len => pack.append(&chunk[..len]).map_err(Error::Write)?,
        }
    }
}

/// Puts an entry into the tree; files are empty.
fn add(tree: &mut Tree, entry: Entry) -> Result<(), Problem> {
    let Entry { path, metadata, kind } = entry;
    let there = tree.get(&path);
    if there.is_some_and(|there| !there.is_directory() || kind != Kind::Directory) {
        return Err(Problem::Duplicate);
    }
    let kind = match kind {
        Kind::HardLink(target) => return link(tree, &path, target),
        Kind::File { .. } => TreeKind::File(Extents::default()),
        Kind::Directory => TreeKind::Directory,
        Kind::Symlink(target) => TreeKind::Symlink(target),
        Kind::CharacterDevice { major, minor } => TreeKind::CharacterDevice { major, minor },
        Kind::BlockDevice { major, minor } => TreeKind::BlockDevice { major, minor },
        Kind::Fifo => TreeKind::Fifo,
    };
    tree.insert(&path, TreeEntry { metadata, kind }).map(|_| ()).map_err(Problem::NotADirectory)
}

fn link(tree: &mut Tree, path: &TreePath, target: TreePath) -> Result<(), Problem> {
    match tree.get(&target) {
        Some(entry) if !entry.is_directory() => {
            let leaf = tree.leaf(&target).expect("a path with an entry has a leaf");
            tree.link(path, leaf).map_err(Problem::NotADirectory)
        }
        _ => Err(Problem::LinkTarget(target)),
    }
}
