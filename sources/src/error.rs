//! What can go wrong outside: one plain error with a kind, and a message that names the path or the address.

use std::fmt;
use std::io;
use std::path::Path;

/// A failure of the outside world: what was tried, with which path or address, and why it did not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What kind of failure this is.
    pub kind: ErrorKind,
    /// The whole message, for people: lower case, with the path or address and the cause. Further lines, `help: ...`, say
    /// what to do.
    pub message: String,
}

/// The kinds of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A file or directory could not be read or written.
    Io,
    /// Something is not there: a file, an object of the store, an address on a server.
    Missing,
    /// Something is there but cannot serve, whatever is tried: a pipe as an input, a directory as an output.
    Refused,
    /// A server could not be reached or did not do its part; or there is no server to ask.
    Network,
    /// A hash, a length, a checksum or a signature does not fit.
    Integrity,
}

impl Error {
    /// Returns an error of this kind with this message.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error { kind, message: message.into() }
    }

    /// Returns the error for a failed operation on a path: "cannot `verb` `path`: cause".
    ///
    /// A cause that is one of our own errors in the clothes of an [`io::Error`] stays what it is.
    pub(crate) fn io(verb: &str, path: &Path, cause: io::Error) -> Error {
        let kind = match cause.kind() {
            io::ErrorKind::NotFound => ErrorKind::Missing,
            _ => ErrorKind::Io,
        };
        match cause.downcast::<Error>() {
            Ok(own) => own,
            Err(cause) => Error::new(kind, format!("cannot {verb} {}: {}", quoted(path), reason(&cause))),
        }
    }

    /// Returns the exit code of the program for this failure: 5 when a hash or signature does not fit, else 4.
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            ErrorKind::Integrity => 5,
            ErrorKind::Io | ErrorKind::Missing | ErrorKind::Refused | ErrorKind::Network => 4,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<Error> for io::Error {
    /// Wraps the error, so that it passes through `Read`, `Write` and `Blobs`; `downcast` gives it back.
    fn from(error: Error) -> io::Error {
        let kind = match error.kind {
            ErrorKind::Missing => io::ErrorKind::NotFound,
            ErrorKind::Integrity => io::ErrorKind::InvalidData,
            ErrorKind::Io | ErrorKind::Refused | ErrorKind::Network => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

impl From<io::Error> for Error {
    /// Unwraps an error of ours; anything else becomes an input/output error that names no path.
    fn from(error: io::Error) -> Error {
        error.downcast::<Error>().unwrap_or_else(|error| Error::new(ErrorKind::Io, reason(&error)))
    }
}

/// Returns a path in backquotes, with its control characters escaped.
pub(crate) fn quoted(path: &Path) -> String {
    quoted_text(&path.to_string_lossy())
}

/// Returns text from outside in backquotes, with its control characters and reordering marks escaped.
pub(crate) fn quoted_text(text: &str) -> String {
    // U+202A to U+202E and U+2066 to U+2069 override the direction of what follows.
    let dangerous = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut quoted = String::from("`");
    for c in text.chars() {
        if dangerous(c) { quoted.extend(c.escape_default()) } else { quoted.push(c) }
    }
    quoted.push('`');
    quoted
}

/// Returns the text of a cause without the number that the standard library appends.
pub(crate) fn reason(cause: &io::Error) -> String {
    let text = cause.to_string();
    match text.rfind(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_path_and_cause() {
        let full = io::Error::from_raw_os_error(28);
        let error = Error::io("write", Path::new("out/x.raw"), full);
        assert_eq!(error.to_string(), "cannot write `out/x.raw`: No space left on device");
        assert_eq!((error.kind, error.exit_code()), (ErrorKind::Io, 4));
        assert_eq!(quoted(Path::new("a\n\u{202e}b")), "`a\\n\\u{202e}b`");
    }

    #[test]
    fn own_errors_survive_the_way_through_io() {
        let own = Error::new(ErrorKind::Integrity, "blob x is damaged");
        let wrapped = io::Error::from(own.clone());
        assert_eq!(wrapped.kind(), io::ErrorKind::InvalidData);
        assert_eq!(Error::io("write", Path::new("y"), wrapped), own);
        assert_eq!(own.exit_code(), 5);
    }
}
