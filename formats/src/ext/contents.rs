//! Contents: the inodes that a tree asks for, numbered and checked, but without places.
//!
//! Inodes are numbered in the order of paths: 2 is the root, 11 `lost+found`, and from 12 on come the others, so
//! that those in use are the first ones of the tables. Everything that ext4 cannot hold is found here.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;

use super::directory::{Directory, DirectoryEntry, FileType};
use super::inode::{self, TIMES, link_max};
use super::superblock::FIRST_INO;
use super::xattr::{self, Attributes};
use super::{Error, Features, Options, block_map};
use crate::{Entry, Extents, Kind, LeafId, Metadata, Tree, TreePath};

/// The inode of the root.
pub(super) const ROOT_INO: u32 = 2;
/// The directory that e2fsck moves what it finds to.
const LOST_AND_FOUND: &[u8] = b"lost+found";
/// How large that directory is from the start, so that e2fsck need not allocate: as mke2fs makes it.
const LOST_AND_FOUND_SIZE: u64 = 16 << 10;
/// Longer targets of symbolic links do not fit into `i_block`.
const FAST_SYMLINK_MAX: usize = 59;
/// Files have block numbers of 32 bits.
const FILE_BLOCKS_MAX: u64 = u32::MAX as u64;
/// Without the feature `huge_file`, inodes count sectors with 32 bits.
const FILE_SECTORS_MAX: u64 = u32::MAX as u64;

/// All inodes of a tree.
#[derive(Debug)]
pub(super) struct Contents<'a> {
    /// The root, `lost+found`, and the others in the order of their first paths.
    pub(super) nodes: Vec<Node<'a>>,
}

/// An inode without a place.
#[derive(Debug)]
pub(super) struct Node<'a> {
    /// Its first path.
    pub(super) path: TreePath,
    pub(super) metadata: Cow<'a, Metadata>,
    /// `i_mode`: kind and permissions.
    pub(super) mode: u16,
    /// How many names it has; for a directory those in its own and its subdirectories too.
    pub(super) links: u64,
    pub(super) body: Body<'a>,
    pub(super) attributes: Attributes,
}

/// What an inode consists of, beside its metadata.
#[derive(Debug)]
pub(super) enum Body<'a> {
    Directory(Directory<'a>),
    File {
        content: &'a Extents,
        ranges: Vec<Range<u64>>,
    },
    /// A target that takes a block.
    Symlink(&'a Bytes),
    /// A target or a device number in the inode; size 0 for a device.
    InInode {
        block: [u8; 60],
        size: u64,
    },
}

impl<'a> Contents<'a> {
    /// Returns the inodes of `tree`.
    ///
    /// # Errors
    /// The first thing in the tree that ext4 cannot hold.
    pub(super) fn collect(tree: &'a Tree, options: &Options) -> Result<Contents<'a>, Error> {
        let mut collector = Collector::new(tree, options)?;
        for (path, leaf, entry) in tree.iter().skip(1) {
            collector.add(path, leaf, entry)?;
        }
        let mut nodes = collector.nodes;
        for (index, node) in nodes.iter_mut().enumerate() {
            node.finish(index == 1, options)?;
        }
        Ok(Contents { nodes })
    }

    /// The highest inode number in use.
    pub(super) fn last_ino(&self) -> u32 {
        ino(self.nodes.len() - 1)
    }
}

/// Returns the inode number of the node at `index`.
pub(super) fn ino(index: usize) -> u32 {
    if index == 0 { ROOT_INO } else { FIRST_INO + index as u32 - 1 }
}

impl Node<'_> {
    /// Bytes of the content (`i_size`).
    pub(super) fn size(&self, block_size: u64) -> u64 {
        match &self.body {
            Body::Directory(directory) => directory.blocks() * block_size,
            Body::File { content, .. } => content.len(),
            Body::Symlink(target) => target.len() as u64,
            Body::InInode { size, .. } => *size,
        }
    }

    /// `i_links_count`: directories of too many subdirectories say 1 (`dir_nlink`).
    pub(super) fn links_count(&self, features: &Features) -> u16 {
        if self.links > link_max(features) { 1 } else { self.links as u16 }
    }

    /// `i_flags`: that a directory has an index.
    pub(super) fn index_flag(&self) -> u32 {
        match &self.body {
            Body::Directory(directory) if directory.index_levels().is_some() => inode::INDEX_FL,
            _ => 0,
        }
    }

    /// Checks and computes what is known only after the whole tree was seen.
    fn finish(&mut self, is_lost_and_found: bool, options: &Options) -> Result<(), Error> {
        let max = link_max(&options.features);
        let may_have_more = options.features.dir_nlink && matches!(self.body, Body::Directory(_));
        if self.links > max && !may_have_more {
            return Err(Error::Links { path: self.path.clone(), links: self.links, max });
        }
        if let Body::Directory(directory) = &mut self.body {
            if is_lost_and_found {
                directory.arrange_linear(LOST_AND_FOUND_SIZE / u64::from(options.block_size), options);
            } else {
                directory.arrange(options);
            }
        }
        Ok(())
    }
}

/// Walks a tree in the order of its paths.
struct Collector<'a, 'o> {
    options: &'o Options,
    nodes: Vec<Node<'a>>,
    /// The node of every leaf seen so far, directories excepted.
    by_leaf: BTreeMap<LeafId, usize>,
    /// The directories that lead to the current path, the root first.
    ancestors: Vec<usize>,
}

impl<'a, 'o> Collector<'a, 'o> {
    fn new(tree: &'a Tree, options: &'o Options) -> Result<Collector<'a, 'o>, Error> {
        let mut collector = Collector { options, nodes: Vec::new(), by_leaf: BTreeMap::new(), ancestors: vec![0] };
        let root = TreePath::root();
        let entry = tree.get(&root).expect("a tree has a root");
        collector.add_node(&root, entry, 0)?;
        let path = TreePath::parse(LOST_AND_FOUND).expect("a plain name");
        if let Some(entry) = tree.get(&path) {
            if !entry.is_directory() {
                return Err(Error::LostAndFound);
            }
            collector.add_node(&path, entry, 0)?;
        } else {
            let metadata = Metadata { mode: 0o700, mtime: options.time, ..Metadata::default() };
            let body = Body::Directory(Directory::empty(ino(1), ROOT_INO));
            let (mode, attributes) = (inode::S_IFDIR | metadata.mode, Attributes::default());
            let metadata = Cow::Owned(metadata);
            collector.nodes.push(Node { path, metadata, mode, links: 2, body, attributes });
        }
        collector.add_name(0, 1, FileType::Directory, LOST_AND_FOUND);
        Ok(collector)
    }

    fn add(&mut self, path: &'a TreePath, leaf: LeafId, entry: &'a Entry) -> Result<(), Error> {
        while !path.starts_with(&self.nodes[self.parent()].path) {
            self.ancestors.pop();
        }
        if path.as_bytes() == LOST_AND_FOUND {
            self.ancestors.push(1);
            return Ok(());
        }
        let parent = self.parent();
        let index = match self.by_leaf.get(&leaf) {
            Some(&index) => {
                self.nodes[index].links += 1;
                index
            }
            None => {
                let index = self.add_node(path, entry, parent)?;
                self.by_leaf.insert(leaf, index);
                index
            }
        };
        self.add_name(parent, index, file_type(&entry.kind), path.file_name());
        if entry.is_directory() {
            self.ancestors.push(index);
        }
        Ok(())
    }

    fn parent(&self) -> usize {
        *self.ancestors.last().expect("every path starts with the root")
    }

    fn add_name(&mut self, directory: usize, index: usize, file_type: FileType, name: &'a [u8]) {
        let node = &mut self.nodes[directory];
        node.links += u64::from(file_type == FileType::Directory);
        match &mut node.body {
            Body::Directory(directory) => directory.push(DirectoryEntry { ino: ino(index), file_type, name }),
            _ => unreachable!("the parent of every path of a tree is a directory"),
        }
    }

    fn add_node(&mut self, path: &TreePath, entry: &'a Entry, parent: usize) -> Result<usize, Error> {
        let index = self.nodes.len();
        let metadata = &entry.metadata;
        if !TIMES.contains(&metadata.mtime) {
            return Err(Error::ModificationTime { path: path.clone(), mtime: metadata.mtime });
        }
        let (kind, body) = match &entry.kind {
            Kind::Directory => (inode::S_IFDIR, Body::Directory(Directory::empty(ino(index), ino(parent)))),
            Kind::File(content) => (inode::S_IFREG, file(path, content, self.options)?),
            Kind::Symlink(target) => (inode::S_IFLNK, symlink(path, target, self.options)?),
            &Kind::CharacterDevice { major, minor } => (inode::S_IFCHR, device(path, major, minor)?),
            &Kind::BlockDevice { major, minor } => (inode::S_IFBLK, device(path, major, minor)?),
            Kind::Fifo => (inode::S_IFIFO, Body::InInode { block: [0; 60], size: 0 }),
            Kind::Socket => (inode::S_IFSOCK, Body::InInode { block: [0; 60], size: 0 }),
        };
        self.nodes.push(Node {
            path: path.clone(),
            metadata: Cow::Borrowed(metadata),
            mode: kind | metadata.mode & 0o7777,
            links: if entry.is_directory() { 2 } else { 1 },
            body,
            attributes: xattr::encode(path, &metadata.xattrs, u64::from(self.options.block_size))?,
        });
        Ok(index)
    }
}

fn file_type(kind: &Kind) -> FileType {
    match kind {
        Kind::Directory => FileType::Directory,
        Kind::File(_) => FileType::File,
        Kind::Symlink(_) => FileType::Symlink,
        Kind::CharacterDevice { .. } => FileType::CharacterDevice,
        Kind::BlockDevice { .. } => FileType::BlockDevice,
        Kind::Fifo => FileType::Fifo,
        Kind::Socket => FileType::Socket,
    }
}

fn file<'a>(path: &TreePath, content: &'a Extents, options: &Options) -> Result<Body<'a>, Error> {
    let block_size = u64::from(options.block_size);
    let ranges = data_blocks(content, block_size);
    if content.len().div_ceil(block_size) > blocks_max(options)
        || !options.features.huge_file && sectors(&ranges, block_size) > FILE_SECTORS_MAX
    {
        return Err(Error::FileTooLarge { path: path.clone(), len: content.len() });
    }
    Ok(Body::File { content, ranges })
}

/// Returns how many blocks a file can have, holes included.
fn blocks_max(options: &Options) -> u64 {
    let by_map = block_map::blocks_max(u64::from(options.block_size));
    if options.features.extents { FILE_BLOCKS_MAX } else { FILE_BLOCKS_MAX.min(by_map) }
}

/// Returns at least how many sectors a file with data in these blocks takes, exactly where it has a block map.
fn sectors(ranges: &[Range<u64>], block_size: u64) -> u64 {
    let data: u64 = ranges.iter().map(|range| range.end - range.start).sum();
    (data + block_map::map_blocks(ranges.iter().cloned(), block_size)) * (block_size / 512)
}

/// Returns the blocks of a file that hold data, as sorted ranges with gaps between them: all others are holes.
fn data_blocks(content: &Extents, block_size: u64) -> Vec<Range<u64>> {
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for run in content.runs() {
        let (lo, hi) = (run.at / block_size, run.end().div_ceil(block_size));
        match ranges.last_mut() {
            Some(last) if lo <= last.end => last.end = hi,
            _ => ranges.push(lo..hi),
        }
    }
    ranges
}

fn symlink<'a>(path: &TreePath, target: &'a Bytes, options: &Options) -> Result<Body<'a>, Error> {
    if target.is_empty() || target.contains(&0) || target.len() >= options.block_size as usize {
        return Err(Error::Symlink { path: path.clone(), len: target.len(), max: options.block_size as usize - 1 });
    }
    if target.len() > FAST_SYMLINK_MAX {
        return Ok(Body::Symlink(target));
    }
    let mut block = [0; 60];
    block[..target.len()].copy_from_slice(target);
    Ok(Body::InInode { block, size: target.len() as u64 })
}

fn device<'a>(path: &TreePath, major: u32, minor: u32) -> Result<Body<'a>, Error> {
    let block = inode::encode_device(major, minor);
    let block = block.ok_or_else(|| Error::Device { path: path.clone(), major, minor })?;
    Ok(Body::InInode { block, size: 0 })
}
