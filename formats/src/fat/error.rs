//! What FAT refuses, and how it says so.

use std::fmt;

use super::label::LabelError;
use super::name::NameError;
use super::{Kind, geometry};
use crate::TreePath;
use crate::units::{Grouped, Size};

/// Why a volume cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The label is not possible.
    Label(LabelError),
    /// A path is neither a file nor a directory.
    NotFile {
        /// The path.
        path: TreePath,
        /// What it is.
        what: &'static str,
    },
    /// A name is not possible.
    Name {
        /// The path.
        path: TreePath,
        /// Why.
        error: NameError,
    },
    /// Two names of a directory differ by case only, which FAT does not see.
    SameName {
        /// One of the paths.
        first: TreePath,
        /// The other.
        second: TreePath,
    },
    /// A file is longer than the field of its length can say.
    FileTooLarge {
        /// The file.
        path: TreePath,
        /// Its length in bytes.
        len: u64,
    },
    /// A directory needs more records than FAT allows.
    DirectoryFull {
        /// The directory.
        path: TreePath,
        /// The records needed; a long name takes several.
        n_records: u64,
    },
    /// The root directory needs more records than its fixed area has, which FAT32 would not limit so.
    RootFull {
        /// The kind.
        kind: Kind,
        /// The records needed, with the label; a long name takes several.
        n_records: u64,
    },
    /// The capacity does not hold the content.
    TooSmall {
        /// The least capacity that would do, in bytes.
        needed: u64,
        /// The capacity, in bytes.
        given: u64,
        /// The largest files with their lengths, at most five.
        largest: Vec<(TreePath, u64)>,
    },
    /// No cluster has the length that is wanted.
    ClusterLen {
        /// The length, in bytes.
        given: u32,
        /// The largest possible one.
        most: u32,
    },
    /// The capacity is below the least of its kind.
    BelowKind {
        /// The kind.
        kind: Kind,
        /// The length of clusters, if it was chosen.
        cluster_len: Option<u64>,
        /// The least capacity, in bytes.
        least: u64,
        /// The capacity, in bytes.
        given: u64,
    },
    /// The content, or the capacity, is more than the kind can address.
    AboveKind {
        /// The kind.
        kind: Kind,
        /// The length of clusters, if it was chosen.
        cluster_len: Option<u64>,
        /// The largest capacity, in bytes.
        most: u64,
        /// The capacity that is wanted; none when the content alone is too much.
        given: Option<u64>,
    },
}

impl Error {
    /// Whether another kind of FAT has no such limit.
    pub(super) fn is_limit_of_kind(&self) -> bool {
        matches!(self, Error::RootFull { .. } | Error::AboveKind { .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Label(error) => error.fmt(f),
            Error::NotFile { path, what } => {
                write!(f, "`{path}` is a {what}, and FAT holds only files and directories")
            }
            Error::Name { path, error } => write!(f, "the name of `{path}` {error}"),
            Error::SameName { first, second } => {
                write!(f, "`{first}` and `{second}` differ only by case, which FAT does not tell apart")
            }
            Error::FileTooLarge { path, len } => write!(
                f,
                "`{path}` has {} bytes, and a file on FAT has at most {} bytes",
                Grouped(*len),
                Grouped(u32::MAX.into())
            ),
            Error::DirectoryFull { path, n_records } => write!(
                f,
                "the directory `{path}` needs {} records, and FAT allows {} in a directory",
                Grouped(*n_records),
                Grouped(geometry::MAX_DIRECTORY_RECORDS)
            ),
            Error::RootFull { kind, n_records } => write!(
                f,
                "the root directory needs {} records, and {kind} has {}; put files into directories, or use FAT32",
                Grouped(*n_records),
                geometry::FIXED_ROOT_RECORDS
            ),
            Error::TooSmall { needed, given, largest } => {
                write!(
                    f,
                    "the content needs {} bytes, {} more than the {} that are given",
                    Grouped(*needed),
                    Grouped(needed - given),
                    Grouped(*given)
                )?;
                for (i, (path, len)) in largest.iter().enumerate() {
                    let joint = if i == 0 { "; the largest files are " } else { ", " };
                    write!(f, "{joint}`{path}` ({})", Size(*len))?;
                }
                Ok(())
            }
            Error::ClusterLen { given, most } => write!(
                f,
                "clusters have a power of two from 512 bytes to {}, and not {}",
                Size((*most).into()),
                Size((*given).into())
            ),
            Error::BelowKind { kind, cluster_len, least, given } => {
                let unit = if *kind == Kind::Fat32 { 1 << 20 } else { 1 << 10 };
                let least = Size(least.next_multiple_of(unit));
                write!(f, "{kind}{} needs at least {least}, and {} are given", With(*cluster_len), Size(*given))?;
                match kind {
                    Kind::Fat32 => f.write_str("; use FAT16"),
                    Kind::Fat16 => f.write_str("; use FAT12"),
                    Kind::Fat12 => Ok(()),
                }
            }
            Error::AboveKind { kind, cluster_len, most, given } => {
                let (with, most) = (With(*cluster_len), Size(*most));
                match given {
                    Some(given) => write!(f, "{kind}{with} reaches up to {most}, and {} are given", Size(*given))?,
                    None => write!(f, "the content with its headroom is more than {kind}{with} holds in {most}")?,
                }
                match kind {
                    _ if cluster_len.is_some() => f.write_str("; leave the size of clusters open"),
                    Kind::Fat32 => Ok(()),
                    Kind::Fat16 => f.write_str("; use FAT32"),
                    Kind::Fat12 => f.write_str("; use FAT16 or FAT32"),
                }
            }
        }
    }
}

impl std::error::Error for Error {}

/// Shows the length of clusters where it was chosen.
struct With(Option<u64>);

impl fmt::Display for With {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(len) => write!(f, " with clusters of {}", Size(len)),
            None => Ok(()),
        }
    }
}
