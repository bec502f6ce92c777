//! What is wrong with an archive.

use std::fmt;
use std::io;

use crate::{PathError, TreePath};

/// Why an archive could not be read.
#[derive(Debug)]
pub enum Error {
    /// It is not as archives are.
    Malformed {
        /// Where the header of the entry is, in bytes from the start of the archive.
        at: u64,
        /// The entry's name as the archive has it, escaped; empty where there is none.
        entry: String,
        /// What is wrong.
        problem: Problem,
    },
    /// The archive cannot be read.
    Read(io::Error),
    /// The pack cannot be written.
    Write(io::Error),
}

/// What is wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The sum of the header's bytes is another than the header states.
    Checksum {
        /// What the header states.
        stated: u32,
        /// What it is.
        computed: u32,
    },
    /// A numeric field of the header holds no number.
    NoNumber(&'static str),
    /// A number may not be negative, and is.
    Negative(&'static str),
    /// A number is larger than any file system can store.
    TooLarge(&'static str),
    /// The path is none of a tree.
    Path(PathError),
    /// The path is longer than any that a system takes.
    LongPath {
        /// Its length in bytes.
        len: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The path has more slashes than this.
    DeepPath {
        /// How many it may have.
        limit: usize,
    },
    /// The path starts with `/`.
    Absolute,
    /// The target of a hard link is no path of a tree.
    LinkPath(PathError),
    /// The target of a hard link starts with `/`.
    LinkAbsolute,
    /// The entry has no name, or that of the root without being a directory.
    NoName,
    /// The type of the entry is unknown or unsupported.
    UnknownType(u8),
    /// The archive ends inside a header or a content.
    Truncated,
    /// The archive ends without the block of zeros that ends archives.
    NoEnd,
    /// Something other than zeros stands behind the end.
    BehindTheEnd,
    /// The PAX header states another size than the entry's own header.
    SizeMismatch {
        /// In the entry's header, in bytes.
        header: u64,
        /// In the PAX header, in bytes.
        pax: u64,
    },
    /// A link, directory or device comes with content.
    ContentWithoutFile {
        /// Its size in bytes.
        size: u64,
    },
    /// PAX and GNU extensions for one entry.
    MixedExtensions,
    /// Two extended headers of one kind for one entry.
    RepeatedExtension,
    /// An extended header is longer than the limit.
    LongExtension {
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The archive ends behind an extended header that has no entry.
    ExtensionWithoutEntry,
    /// A record of a PAX header is not of the form `LENGTH KEY=VALUE`.
    PaxRecord,
    /// The value of this PAX record is not what the key asks for.
    PaxValue(String),
    /// A global PAX header sets what only one entry can have.
    PaxGlobal(String),
    /// A file stored with its holes left out.
    Sparse,
    /// What should be a directory on the path is something else.
    NotADirectory(TreePath),
    /// There are more paths than this.
    TooMany(usize),
    /// The archive has an entry of this path already.
    Duplicate,
    /// The target of a hard link is no earlier file.
    LinkTarget(TreePath),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Checksum { stated, computed } => {
                write!(f, "the header's checksum is {computed:o}, but {stated:o} is stated")
            }
            Problem::NoNumber(field) => write!(f, "the field `{field}` holds no number"),
            Problem::Negative(field) => write!(f, "the field `{field}` is negative"),
            Problem::TooLarge(field) => write!(f, "the field `{field}` is too large"),
            Problem::Path(error) => error.fmt(f),
            Problem::LongPath { len, limit } => write!(f, "a path of {len} bytes; the limit is {limit}"),
            Problem::DeepPath { limit } => write!(f, "a path with more than {limit} slashes"),
            Problem::Absolute => f.write_str("the path is absolute"),
            Problem::LinkPath(error) => write!(f, "the target of the hard link is no path of a tree: {error}"),
            Problem::LinkAbsolute => f.write_str("the target of the hard link is absolute"),
            Problem::NoName => f.write_str("an entry without a name that is no directory"),
            Problem::UnknownType(kind) => {
                write!(f, "entries of type `{}` are not supported", kind.escape_ascii())
            }
            Problem::Truncated => f.write_str("the archive ends in the middle of the entry"),
            Problem::NoEnd => f.write_str("the archive ends without its end marker"),
            Problem::BehindTheEnd => f.write_str("there is something behind the end marker of the archive"),
            Problem::SizeMismatch { header, pax } => {
                write!(f, "the size is {header} bytes in the header, but {pax} bytes in the PAX header")
            }
            Problem::ContentWithoutFile { size } => {
                write!(f, "{size} bytes of content, but the entry is no regular file")
            }
            Problem::MixedExtensions => f.write_str("PAX and GNU extensions are mixed for one entry"),
            Problem::RepeatedExtension => f.write_str("two extended headers of the same type for one entry"),
            Problem::LongExtension { size, limit } => {
                write!(f, "an extended header of {size} bytes; the limit is {limit}")
            }
            Problem::ExtensionWithoutEntry => f.write_str("an extended header without the entry that it is for"),
            Problem::PaxRecord => f.write_str("a record of the PAX header is not of the form `LENGTH KEY=VALUE`"),
            Problem::PaxValue(key) => write!(f, "the PAX record `{key}` has an unusable value"),
            Problem::PaxGlobal(key) => write!(f, "a global PAX header may not set `{key}`"),
            Problem::Sparse => f.write_str("sparse entries are not supported; write the archive without `--sparse`"),
            Problem::NotADirectory(path) => write!(f, "`{path}` on its path is not a directory"),
            Problem::TooMany(limit) => write!(f, "with it there are more than {limit} paths"),
            Problem::Duplicate => f.write_str("there is an earlier entry of the same path"),
            Problem::LinkTarget(target) => write!(f, "a hard link to `{target}`, which is no earlier file"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Malformed { at, entry, problem } if entry.is_empty() => write!(f, "tar: at byte {at}: {problem}"),
            Error::Malformed { at, entry, problem } => write!(f, "tar: `{entry}` at byte {at}: {problem}"),
            Error::Read(error) => error.fmt(f),
            Error::Write(error) => write!(f, "the pack cannot be written: {error}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for io::Error {
    /// Errors of the reader and of the writer come out again; what is wrong with the archive is `InvalidData`.
    fn from(error: Error) -> io::Error {
        match error {
            Error::Read(error) | Error::Write(error) => error,
            malformed => io::Error::new(io::ErrorKind::InvalidData, malformed),
        }
    }
}
