//! ext2, ext3 and ext4: a tree becomes a file system, as a value.
//!
//! ```text
//! Tree --contents--> inodes without places --plan--> places --write--> Extents
//! ```
//! [`layout`] knows the whole tree beforehand, so it plans everything exactly and writes each structure once: the
//! smallest file system that holds the tree, or one of a given size. Metadata is bytes in memory; contents stay
//! references. The same tree and options give the same bytes: identifiers and the time come from the options.
//!
//! The format is that of the kernel's documentation ("ext4 Data Structures and Algorithms"), with the features that
//! mke2fs 1.47 and GRUB 2.06 agree on. A [`Profile`] has those that mke2fs gives it:
//!
//! | | |
//! |---|---|
//! | all | sparse_super, large_file, filetype, ext_attr, dir_index, resize_inode; has_journal but for ext2 |
//! | ext4 | extent, 64bit, flex_bg, huge_file, dir_nlink, extra_isize, metadata_csum |
//!
//! Each of those in [`Features`] can be switched. Not written are: bigalloc, inline data, encryption, case folding,
//! quotas, `uninit_bg`, `large_dir`, `metadata_csum_seed`, `orphan_file`, and journals on other devices.
//!
//! | file | what |
//! |---|---|
//! | `contents` | the inodes that a tree asks for, numbered and checked |
//! | `geometry`, `space` | where the metadata of groups lies, and the blocks between |
//! | `plan` | gives places, and finds the size |
//! | `write` | emits everything |
//! | `superblock`, `inode`, `directory`, `htree`, `xattr`, `journal`, `resize` | records on disk |
//! | `mapping`, `extent_tree`, `block_map` | where the blocks of a file lie, and the two ways to say so |
//! | `checksum`, `name_hash` | sums over records, hashes of names |
//! | `dump` | a plan as text |

mod block_map;
mod checksum;
mod contents;
mod directory;
mod dump;
mod extent_tree;
mod geometry;
mod htree;
mod inode;
mod journal;
mod mapping;
mod name_hash;
mod plan;
mod resize;
mod space;
mod superblock;
#[cfg(test)]
mod tests;
mod write;
mod xattr;

use std::fmt;

use bytes::Bytes;

use crate::{Capacity, Extents, Tree, TreePath};
use contents::Contents;

/// What a file system shall be like, beside its tree.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of a block: 1024, 2048 or 4096.
    pub block_size: u32,
    /// The label, of at most 16 bytes.
    pub label: String,
    /// The UUID.
    pub uuid: [u8; 16],
    /// The seed of the hashes in directory indexes.
    pub hash_seed: [u8; 16],
    /// When the file system was made, in seconds since 1970: all times in the superblock, and those of what the tree
    /// does not contain (the journal and `lost+found`).
    pub time: i64,
    /// How large it shall become.
    pub capacity: Capacity,
    /// Whether it has a journal.
    pub journal: Journal,
    /// What else is in it.
    pub features: Features,
}

/// Which file systems have a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Journal {
    /// This one does not.
    None,
    /// As mke2fs has it: file systems of less than 2048 blocks have none, nor do contents of less than that in a somewhat
    /// larger one that has no room for it.
    Usual,
    /// It has one, be it small.
    Always,
}

/// A file system of the family, as mke2fs makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// ext2: no journal, block maps.
    Ext2,
    /// ext3: ext2 with a journal.
    Ext3,
    /// ext4.
    Ext4,
}

/// Features of the format that some readers do not know; the names in parentheses are those of e2fsprogs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    /// Hashed indexes of directories that exceed a block (`dir_index`). Without it, they are linear.
    pub dir_index: bool,
    /// Room behind the descriptors for growing online (`resize_inode`), as much as mke2fs reserves. File systems of
    /// 2^32 blocks and more have none all the same.
    pub resize_inode: bool,
    /// Extent trees instead of block maps (`extent`).
    pub extents: bool,
    /// Block numbers of more than 32 bits and descriptors of 64 bytes (`64bit`). Old boot loaders cannot read them. It
    /// needs extents.
    pub bits64: bool,
    /// The metadata of sixteen groups together (`flex_bg`).
    pub flex_bg: bool,
    /// Files of more than 2 TiB of data (`huge_file`).
    pub huge_file: bool,
    /// Directories of more than 65,000 subdirectories (`dir_nlink`). Without it, nothing has more than 32,000 links.
    pub dir_nlink: bool,
    /// A promise that all inodes have room for times after 2038 (`extra_isize`). They have it without it too.
    pub extra_isize: bool,
    /// Checksums of metadata (`metadata_csum`). Boot loaders read past them, but may refuse to write.
    pub metadata_csum: bool,
}

impl Profile {
    /// Returns whether it has a journal. What is mounted as ext3 must have one.
    pub fn journal(self) -> Journal {
        match self {
            Profile::Ext2 => Journal::None,
            Profile::Ext3 => Journal::Always,
            Profile::Ext4 => Journal::Usual,
        }
    }

    /// Returns the features that mke2fs gives it.
    pub fn features(self) -> Features {
        let is_ext4 = self == Profile::Ext4;
        Features {
            dir_index: true,
            resize_inode: true,
            extents: is_ext4,
            bits64: is_ext4,
            flex_bg: is_ext4,
            huge_file: is_ext4,
            dir_nlink: is_ext4,
            extra_isize: is_ext4,
            metadata_csum: is_ext4,
        }
    }
}

impl Default for Features {
    /// Returns those of ext4.
    fn default() -> Features {
        Profile::Ext4.features()
    }
}

/// Why there is no such file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The block size is none that is supported.
    BlockSize(u32),
    /// Block numbers of 64 bits are asked for without extents, which alone can hold them.
    Bits64WithoutExtents,
    /// The label has more than 16 bytes, or a NUL byte.
    Label(String),
    /// The time cannot be stored, or lies before 1970.
    Time(i64),
    /// The tree does not fit into the exact capacity.
    TooSmall {
        /// The next larger size that suffices, in bytes.
        needed: u64,
        /// The capacity, in bytes.
        given: u64,
        /// What takes the most bytes, at most five, the largest first.
        largest: Vec<(TreePath, u64)>,
    },
    /// The file system would be larger than the format allows with these features; in bytes.
    TooLarge {
        /// The size that was asked for or is needed.
        size: u64,
        /// The largest size.
        max: u64,
    },
    /// `/lost+found` is in the tree and is no directory.
    LostAndFound,
    /// A file has more blocks than can be numbered or counted.
    FileTooLarge {
        /// The file.
        path: TreePath,
        /// Its length in bytes.
        len: u64,
    },
    /// A file has more hard links, or a directory more subdirectories, than inodes count.
    Links {
        /// Its first path.
        path: TreePath,
        /// How many links there are.
        links: u64,
        /// The most that there can be.
        max: u64,
    },
    /// The target of a symbolic link is empty, contains a NUL byte, or does not fit into a block.
    Symlink {
        /// The link.
        path: TreePath,
        /// Bytes of the target.
        len: usize,
        /// The most bytes that fit.
        max: usize,
    },
    /// A device number exceeds 12 bits (major) or 20 bits (minor).
    Device {
        /// The device node.
        path: TreePath,
        /// Its major number.
        major: u32,
        /// Its minor number.
        minor: u32,
    },
    /// A time of modification lies before 1901 or after 2310.
    ModificationTime {
        /// The entry.
        path: TreePath,
        /// Its time in seconds since 1970.
        mtime: i64,
    },
    /// An extended attribute is in no name space that ext4 stores, or its name has no or too many bytes.
    XattrName {
        /// The entry.
        path: TreePath,
        /// The full name.
        name: Bytes,
    },
    /// The extended attributes of one entry take more than the inode and one block.
    XattrsTooLarge {
        /// The entry.
        path: TreePath,
    },
    /// A `system.posix_acl_` attribute holds no access control list of version 2.
    Acl {
        /// The entry.
        path: TreePath,
        /// The full name.
        name: Bytes,
    },
}

/// Returns the image of a file system that contains `tree`.
///
/// With [`Capacity::Guess`] it has the fewest blocks that hold the tree and the headroom, and just enough inodes (one
/// more per 16 KiB of headroom). With [`Capacity::Exact`] it has an inode per 16 KiB, the usual journal and the usual
/// room to grow where the tree leaves room for that; otherwise fewer inodes, then a smaller journal, then less room to
/// grow. A tree that fits, fits into more as well.
///
/// # Errors
/// The options are wrong, the tree contains what ext4 cannot hold, or it does not fit.
pub fn layout(tree: &Tree, options: &Options) -> Result<Extents, Error> {
    check(options)?;
    let contents = Contents::collect(tree, options)?;
    let plan = plan::plan(&contents, options)?;
    Ok(write::write(&plan, options))
}

/// Returns as text where [`layout`] puts everything: one line per group and per inode.
///
/// # Errors
/// As [`layout`].
pub fn dump(tree: &Tree, options: &Options) -> Result<String, Error> {
    check(options)?;
    let contents = Contents::collect(tree, options)?;
    let plan = plan::plan(&contents, options)?;
    Ok(dump::dump(&plan, options))
}

/// Checks the options that the types leave open.
fn check(options: &Options) -> Result<(), Error> {
    if ![1024, 2048, 4096].contains(&options.block_size) {
        return Err(Error::BlockSize(options.block_size));
    }
    if options.features.bits64 && !options.features.extents {
        return Err(Error::Bits64WithoutExtents);
    }
    if options.label.len() > 16 || options.label.contains('\0') {
        return Err(Error::Label(options.label.clone()));
    }
    if options.time < 0 || !inode::TIMES.contains(&options.time) {
        return Err(Error::Time(options.time));
    }
    Ok(())
}

/// Writes a field of a record at its offset.
fn put<const LEN: usize>(record: &mut [u8], at: usize, field: [u8; LEN]) {
    record[at..at + LEN].copy_from_slice(&field);
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::BlockSize(size) => write!(f, "blocks of {size} bytes are not supported, only 1024, 2048 and 4096"),
            Error::Bits64WithoutExtents => f.write_str("the feature `64bit` needs the feature `extent`"),
            Error::Label(label) => {
                write!(f, "the label {label:?} has {} bytes, but ext4 allows 16, none of them NUL", label.len())
            }
            Error::Time(time) => write!(f, "the time {time} is before 1970 or after 2310"),
            Error::TooSmall { needed, given, largest } => {
                write!(f, "the content needs {needed} bytes, but the file system has {given}")?;
                let mut separator = "; largest are";
                for (path, bytes) in largest {
                    write!(f, "{separator} {path} ({bytes} bytes)")?;
                    separator = ",";
                }
                Ok(())
            }
            Error::TooLarge { size, max } => {
                write!(f, "a file system of {size} bytes exceeds the {max} bytes that are possible here")
            }
            Error::LostAndFound => f.write_str("/lost+found must be a directory, e2fsck needs it"),
            Error::FileTooLarge { path, len } => write!(f, "{path} has {len} bytes, more than a file can have here"),
            Error::Links { path, links, max } => {
                write!(f, "{path} has {links} hard links, but {max} are possible here")
            }
            Error::Symlink { path, len, max } => write!(
                f,
                "the symbolic link {path} has a target of {len} bytes, but 1 to {max} are possible, none of them NUL"
            ),
            Error::Device { path, major, minor } => {
                write!(f, "the device node {path} is {major}:{minor}, but numbers end at 4095:1048575")
            }
            Error::ModificationTime { path, mtime } => {
                write!(f, "{path} was modified at {mtime}, but ext4 holds times from 1901 to 2310")
            }
            Error::XattrName { path, name } => write!(
                f,
                "the attribute `{}` of {path} is not `user.`, `trusted.`, `security.` or a POSIX ACL with a name",
                name.escape_ascii()
            ),
            Error::XattrsTooLarge { path } => {
                write!(f, "the extended attributes of {path} do not fit into its inode and one block")
            }
            Error::Acl { path, name } => {
                write!(f, "the attribute `{}` of {path} is no access control list", name.escape_ascii())
            }
        }
    }
}

impl std::error::Error for Error {}
