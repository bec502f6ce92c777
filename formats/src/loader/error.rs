//! Why a file is refused, and how that is said: of "it", the file, which whoever holds its name puts in front.

use std::fmt;
use std::io;

use super::Format;
use crate::units::{Grouped, Size};

/// Why a file is not the boot loader that it should be.
#[derive(Debug)]
pub enum Error {
    /// It cannot be read.
    Read(io::Error),
    /// It has another format.
    Other {
        /// The format that it should have.
        wanted: Format,
        /// The format that it has, if that is a known one.
        found: Option<Format>,
    },
    /// It ends before what its header promises.
    Short {
        /// What is cut: "its image".
        what: String,
        /// How long the file would be, in bytes.
        needed: u64,
        /// How long it is.
        len: u64,
    },
    /// A checksum or a hash is not that of the bytes: "its checksum".
    Checksum(String),
    /// The header says what cannot be; a whole sentence.
    Field(String),
    /// The U-Boot behind a first loader is at fault.
    Second {
        /// The format of that U-Boot.
        format: Format,
        /// Where it is, in bytes.
        at: u64,
        /// What is wrong with it.
        error: Box<Error>,
    },
}

impl Error {
    /// Returns the error that a header says what cannot be.
    pub(super) fn field(sentence: impl Into<String>) -> Error {
        Error::Field(sentence.into())
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        Error::Read(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Read(error) => write!(f, "it cannot be read: {error}"),
            Error::Other { wanted, found: Some(found) } => write!(f, "it is {}, not {}", found.noun(), wanted.noun()),
            Error::Other { wanted, found: None } => write!(f, "it is not {}: it does not begin as one", wanted.noun()),
            Error::Short { what, needed, len } => write!(
                f,
                "it ends in the middle of {what}: that reaches to byte {}, and the file has {}",
                Grouped(*needed),
                Size(*len)
            ),
            Error::Checksum(what) => write!(f, "{what} does not hold, so it is damaged"),
            Error::Field(sentence) => f.write_str(sentence),
            Error::Second { format, at, error } => {
                write!(f, "{} follows at {} of it and has a fault: {error}", format.noun(), Size(*at))
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Read(error) => Some(error),
            Error::Second { error, .. } => Some(error),
            _ => None,
        }
    }
}
