//! cpio: the archive that Linux unpacks as its first root ("newc", `Documentation/driver-api/early-userspace/buffer-format.rst`).
//!
//! Every path is a header of 110 characters, the name, and the content, each padded to 4 bytes; a header
//! named `TRAILER!!!` ends the archive. Contents are referred to, not copied.
//!
//! Inode numbers count the leaves in order of the archive. The paths of one file share its number; the data comes with the last of them,
//! where GNU cpio and the kernel both find it. Extended attributes have no place in the format and are left out.
//!
//! ```text
//! | header | name NUL pad | content pad | header | name NUL pad | ... | TRAILER!!! | pad to 512 |
//! ```

use std::collections::BTreeMap;
use std::fmt;

use crate::units::Size;
use crate::{Entry, Extents, Kind, LeafId, Tree, TreePath};

/// The format with 8 hexadecimal digits per number and no checksums.
const MAGIC: &[u8; 6] = b"070701";
/// The name that ends an archive.
const TRAILER: &[u8] = b"TRAILER!!!";
/// Headers and contents start at multiples of this.
const ALIGNMENT: u64 = 4;
/// Archives are as long as whole sectors, so that boot loaders may load one behind another.
const ARCHIVE_ALIGNMENT: u64 = 512;
/// The kernel skips what has a longer name or target, NUL included (`PATH_MAX`).
const PATH_MAX: usize = 4096;

/// The types of files in the mode (`inode(7)`).
mod file_type {
    pub(super) const FIFO: u32 = 0o010_000;
    pub(super) const CHARACTER_DEVICE: u32 = 0o020_000;
    pub(super) const DIRECTORY: u32 = 0o040_000;
    pub(super) const BLOCK_DEVICE: u32 = 0o060_000;
    pub(super) const FILE: u32 = 0o100_000;
    pub(super) const SYMLINK: u32 = 0o120_000;
    pub(super) const SOCKET: u32 = 0o140_000;
}

/// Why a tree cannot be archived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// A file is longer than 8 hexadecimal digits can say.
    FileTooLarge {
        /// The file.
        path: TreePath,
        /// Its length in bytes.
        len: u64,
    },
    /// A path, or the target of a symbolic link, is longer than the kernel accepts.
    PathTooLong {
        /// The path.
        path: TreePath,
    },
    /// A symbolic link leads nowhere: the format has no empty targets.
    EmptyTarget {
        /// The symbolic link.
        path: TreePath,
    },
    /// A path is called as the end of the archive.
    Trailer,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::FileTooLarge { path, len } => {
                write!(f, "`{path}` has {}, and a cpio archive holds files below 4 GiB", Size(*len))
            }
            Error::PathTooLong { path } => {
                write!(f, "`{path}` or its target is longer than {} bytes, and Linux would skip it", PATH_MAX - 1)
            }
            Error::EmptyTarget { path } => write!(f, "the symbolic link `{path}` has no target"),
            Error::Trailer => write!(f, "`/TRAILER!!!` is the name that ends a cpio archive"),
        }
    }
}

impl std::error::Error for Error {}

/// Returns the archive of a tree. The root comes first, as `.`; times outside 1970 to 2106 become the nearest ones inside.
///
/// # Errors
/// Something in the tree has no place in the format.
pub fn layout(tree: &Tree) -> Result<Extents, Error> {
    let mut links = Links::of(tree);
    let mut archive = Archive::default();
    for (path, leaf, entry) in tree.iter() {
        check(path, entry)?;
        let (link, is_last) = links.next(leaf);
        let name = if path.is_root() { b"." } else { path.as_bytes() };
        let header = Header::of(entry, link);
        match &entry.kind {
            Kind::File(content) if is_last => archive.append(header, name, content),
            // Linux makes no hard links of symbolic ones, so that each path needs its target.
            Kind::Symlink(target) => archive.append(header, name, &Extents::from_bytes(target.clone())),
            _ => archive.append(header, name, &Extents::default()),
        }
    }
    archive.append(Header { nlink: 1, ..Header::default() }, TRAILER, &Extents::default());
    Ok(archive.finish())
}

fn check(path: &TreePath, entry: &Entry) -> Result<(), Error> {
    let target_len = match &entry.kind {
        Kind::File(content) if u32::try_from(content.len()).is_err() => {
            return Err(Error::FileTooLarge { path: path.clone(), len: content.len() });
        }
        Kind::Symlink(target) if target.is_empty() => return Err(Error::EmptyTarget { path: path.clone() }),
        Kind::Symlink(target) => target.len(),
        _ => 0,
    };
    if path.as_bytes().len() >= PATH_MAX || target_len >= PATH_MAX {
        Err(Error::PathTooLong { path: path.clone() })
    } else if path.as_bytes() == TRAILER {
        Err(Error::Trailer)
    } else {
        Ok(())
    }
}

/// Numbers leaves in order of their first paths, and tells the last path of each.
struct Links {
    leaves: BTreeMap<LeafId, Link>,
    next_inode: u32,
}

/// What all paths of a leaf share, and how many of them are still to come.
#[derive(Clone, Copy, Default)]
struct Link {
    inode: Option<u32>,
    n_links: u32,
    n_left: u32,
}

impl Links {
    fn of(tree: &Tree) -> Links {
        let mut leaves: BTreeMap<LeafId, Link> = BTreeMap::new();
        for (_, leaf, _) in tree.iter() {
            let link = leaves.entry(leaf).or_default();
            link.n_links += 1;
            link.n_left += 1;
        }
        Links { leaves, next_inode: 1 }
    }

    /// Returns the numbers of the next path's leaf, and whether it is the leaf's last path.
    fn next(&mut self, leaf: LeafId) -> (Link, bool) {
        let link = self.leaves.get_mut(&leaf).expect("every leaf of the tree was counted");
        if link.inode.is_none() {
            link.inode = Some(self.next_inode);
            self.next_inode += 1;
        }
        link.n_left -= 1;
        (*link, link.n_left == 0)
    }
}

/// The numbers of a header; each is 8 hexadecimal digits.
///
/// ```text
/// offset size meaning
///   0     6   magic
///   6     8   inode number
///  14     8   mode with the type of file
///  22     8   owner
///  30     8   group
///  38     8   number of links
///  46     8   time of modification
///  54     8   length of the content
///  62    16   device of the file system, major and minor: 0
///  78    16   device that the file is, major and minor
///  94     8   length of the name, its NUL included
/// 102     8   checksum: 0
/// ```
#[derive(Default)]
struct Header {
    ino: u32,
    mode: u32,
    uid: u32,
    gid: u32,
    nlink: u32,
    mtime: u32,
    rdev: (u32, u32),
}

impl Header {
    fn of(entry: &Entry, link: Link) -> Header {
        let (file_type, rdev) = match entry.kind {
            Kind::Directory => (file_type::DIRECTORY, (0, 0)),
            Kind::File(_) => (file_type::FILE, (0, 0)),
            Kind::Symlink(_) => (file_type::SYMLINK, (0, 0)),
            Kind::CharacterDevice { major, minor } => (file_type::CHARACTER_DEVICE, (major, minor)),
            Kind::BlockDevice { major, minor } => (file_type::BLOCK_DEVICE, (major, minor)),
            Kind::Fifo => (file_type::FIFO, (0, 0)),
            Kind::Socket => (file_type::SOCKET, (0, 0)),
        };
        let meta = &entry.metadata;
        Header {
            ino: link.inode.expect("the leaf was numbered"),
            mode: file_type | u32::from(meta.mode & 0o7777),
            uid: meta.uid,
            gid: meta.gid,
            // A directory is an entry of its parent and of itself.
            nlink: if entry.is_directory() { 2 } else { link.n_links },
            mtime: meta.mtime.clamp(0, i64::from(u32::MAX)) as u32,
            rdev,
        }
    }

    /// Appends the header and the name, padded.
    fn write(&self, into: &mut Vec<u8>, name: &[u8], content_len: u32) {
        let start = into.len();
        into.extend_from_slice(MAGIC);
        let (major, minor) = self.rdev;
        let name_len = name.len() as u32 + 1;
        let numbers = [self.ino, self.mode, self.uid, self.gid, self.nlink, self.mtime, content_len];
        for number in numbers.into_iter().chain([0, 0, major, minor, name_len, 0]) {
            into.extend_from_slice(format!("{number:08X}").as_bytes());
        }
        into.extend_from_slice(name);
        into.push(0);
        let len = (into.len() - start).next_multiple_of(ALIGNMENT as usize);
        into.resize(start + len, 0);
    }
}

/// An archive in the making. Headers between two contents are gathered into one run.
#[derive(Default)]
struct Archive {
    extents: Extents,
    pending: Vec<u8>,
}

impl Archive {
    /// Appends one path with its content, which was checked to be below 4 GiB.
    fn append(&mut self, header: Header, name: &[u8], content: &Extents) {
        header.write(&mut self.pending, name, content.len() as u32);
        if !content.is_empty() {
            self.flush();
            self.extents.append(content);
            self.extents.pad_to(ALIGNMENT);
        }
    }

    fn flush(&mut self) {
        self.extents.push_bytes(std::mem::take(&mut self.pending));
    }

    fn finish(mut self) -> Extents {
        self.flush();
        self.extents.pad_to(ARCHIVE_ALIGNMENT);
        self.extents
    }
}

#[cfg(test)]
mod tests;
