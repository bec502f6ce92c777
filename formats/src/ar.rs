//! ar archives as Debian's packages use them, read as a stream.
//!
//! ```text
//! offset 0   8           68                68+size    even
//!        magic | header 0 | content 0 ... | (padding) | header 1 | ...
//! ```
//! Every error names the offset in the archive at which it was found. Long names (GNU's `//`, BSD's `#1/`) have no
//! meaning here: they are names like others, which no package has.

use std::fmt;
use std::io::{self, Read};

/// Global header, ar(5).
/// What every archive begins with.
pub const MAGIC: &[u8; 8] = b"!<arch>\n";
/// Length of a member's header.
const HEADER_LEN: usize = 60;
/// Last two bytes of a member's header.
const HEADER_END: &[u8; 2] = b"`\n";
/// What stands behind a member of odd size.
const PADDING: u8 = b'\n';

/// What is wrong with an archive, or with reading it.
#[derive(Debug)]
pub enum Error {
    /// It does not start with `!<arch>`.
    Magic,
    /// The header at this offset does not end as headers do.
    Header {
        /// Where the header starts, in bytes.
        offset: u64,
    },
    /// The size of the member at this offset is no decimal number.
    Size {
        /// Where the header starts, in bytes.
        offset: u64,
        /// The field, as it stands there.
        field: String,
    },
    /// The byte at this offset, behind a member of odd size, should be a line feed.
    Padding {
        /// Where the padding should be, in bytes.
        offset: u64,
    },
    /// The archive ends inside a header.
    TruncatedHeader {
        /// Where the header starts, in bytes.
        offset: u64,
    },
    /// The archive ends inside a member.
    TruncatedMember {
        /// Where the header starts, in bytes.
        offset: u64,
        /// The member's name.
        name: String,
        /// What the header says, in bytes.
        size: u64,
        /// What is there, in bytes.
        found: u64,
    },
    /// The reader below failed.
    Io(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Magic => write!(f, "not an ar archive: it does not start with `!<arch>`"),
            Error::Header { offset } => write!(f, "ar: the member header at byte {offset} does not end with \"`\\n\""),
            Error::Size { offset, field } => {
                write!(f, "ar: the member header at byte {offset} has the size `{field}`, which is no decimal number")
            }
            Error::Padding { offset } => {
                write!(f, "ar: the padding of a member of odd size is missing at byte {offset}")
            }
            Error::TruncatedHeader { offset } => write!(f, "ar: the archive ends inside the header at byte {offset}"),
            Error::TruncatedMember { offset, name, size, found } => {
                write!(
                    f,
                    "ar: the member `{name}` at byte {offset} should have {size} bytes, but the archive ends after {found} of them"
                )
            }
            Error::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        Error::Io(error)
    }
}

impl From<Error> for io::Error {
    /// An error of the reader below comes out again; what is wrong with the archive is `InvalidData`.
    fn from(error: Error) -> io::Error {
        match error {
            Error::Io(error) => error,
            malformed => io::Error::new(io::ErrorKind::InvalidData, malformed),
        }
    }
}

/// What the header of a member says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name, without padding and without the `/` that some writers put behind it.
    pub name: String,
    /// The length of its content in bytes.
    pub size: u64,
    /// Where its header starts in the archive, in bytes.
    pub offset: u64,
}

/// Reads an archive member by member; as an `impl Read` it yields the content of the current member.
pub struct Archive<R> {
    reader: R,
    position: u64,
    current: Option<Member>,
    left: u64,
}

impl<R: Read> Archive<R> {
    /// Returns the archive that `reader` holds, at its first member.
    ///
    /// # Errors
    /// The magic is not there.
    pub fn new(reader: R) -> Result<Archive<R>, Error> {
        let mut archive = Archive { reader, position: 0, current: None, left: 0 };
        let mut magic = [0; MAGIC.len()];
        if archive.fill(&mut magic)? < magic.len() || magic != *MAGIC {
            return Err(Error::Magic);
        }
        Ok(archive)
    }

    /// Returns the next member, behind what was not read of the current one; none at the end of the archive.
    ///
    /// # Errors
    /// As the variants of [`Error`] say.
    pub fn next_member(&mut self) -> Result<Option<Member>, Error> {
        self.leave_member()?;
        let offset = self.position;
        let mut header = [0; HEADER_LEN];
        match self.fill(&mut header)? {
            0 => return Ok(None),
            HEADER_LEN => {}
            _ => return Err(Error::TruncatedHeader { offset }),
        }
        let member = parse_header(&header, offset)?;
        self.left = member.size;
        self.current = Some(member.clone());
        Ok(Some(member))
    }

    fn leave_member(&mut self) -> Result<(), Error> {
        let mut scratch = [0; 4096];
        while self.read_content(&mut scratch)? > 0 {}
        let Some(member) = self.current.take() else { return Ok(()) };
        let offset = self.position;
        let mut padding = [0];
        if member.size % 2 == 1 && (self.fill(&mut padding)? == 0 || padding[0] != PADDING) {
            return Err(Error::Padding { offset });
        }
        Ok(())
    }

    fn read_content(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let wanted = self.left.min(buffer.len() as u64) as usize;
        if wanted == 0 {
            return Ok(0);
        }
        let len = self.reader.read(&mut buffer[..wanted])?;
        if len == 0 {
            let Member { name, size, offset } = self.current.clone().expect("content belongs to a member");
            return Err(Error::TruncatedMember { offset, name, size, found: size - self.left });
        }
        self.left -= len as u64;
        self.position += len as u64;
        Ok(len)
    }

    /// Fills `buffer` as far as the archive reaches and returns how far that is.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.reader.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(len) => filled += len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.position += filled as u64;
        Ok(filled)
    }
}

impl<R: Read> Read for Archive<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.read_content(buffer)?)
    }
}

/// The header, ar(5):
/// ```text
/// offset size meaning
///      0   16 name, padded with spaces
///     16   12 time of modification
///     28    6 user
///     34    6 group
///     40    8 mode
///     48   10 size in decimal, padded with spaces
///     58    2 "`\n"
/// ```
fn parse_header(header: &[u8; HEADER_LEN], offset: u64) -> Result<Member, Error> {
    if header[58..] != *HEADER_END {
        return Err(Error::Header { offset });
    }
    let field = text(&header[48..58]);
    let digits = !field.is_empty() && field.bytes().all(|byte| byte.is_ascii_digit());
    let size = field.parse().ok().filter(|_| digits);
    let name = text(&header[..16]);
    let name = name.strip_suffix('/').unwrap_or(&name).to_owned();
    match size {
        Some(size) => Ok(Member { name, size, offset }),
        None => Err(Error::Size { offset, field }),
    }
}

fn text(field: &[u8]) -> String {
    field.trim_ascii_end().escape_ascii().to_string()
}

#[cfg(test)]
pub(crate) mod testing {
    /// Returns an archive of these members.
    pub(crate) fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = super::MAGIC.to_vec();
        for (name, content) in members {
            bytes.extend_from_slice(&header(name, &content.len().to_string()));
            bytes.extend_from_slice(content);
            bytes.resize(bytes.len().next_multiple_of(2), super::PADDING);
        }
        bytes
    }

    /// Returns a member's header with this text as its size.
    pub(crate) fn header(name: &str, size: &str) -> Vec<u8> {
        format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, 100644).into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{archive, header};
    use super::*;
    use crate::tar::testing::run;

    fn members(bytes: &[u8]) -> Result<Vec<(Member, String)>, Error> {
        let mut archive = Archive::new(bytes)?;
        let mut members = Vec::new();
        while let Some(member) = archive.next_member()? {
            let mut content = String::new();
            archive.read_to_string(&mut content)?;
            members.push((member, content));
        }
        Ok(members)
    }

    fn check(bytes: &[u8], expected: &str) {
        assert_eq!(members(bytes).unwrap_err().to_string(), expected);
    }

    fn member(name: &str, size: u64, offset: u64) -> Member {
        Member { name: name.to_owned(), size, offset }
    }

    #[test]
    fn what_binutils_writes_is_read() {
        let scratch = tempfile::tempdir().unwrap();
        std::fs::write(scratch.path().join("odd"), "123").unwrap();
        std::fs::write(scratch.path().join("even"), "1234").unwrap();
        run(scratch.path(), "binutils", &["ar", "rcD", "archive", "odd", "even"]);
        let bytes = std::fs::read(scratch.path().join("archive")).unwrap();
        let expected = [(member("odd", 3, 8), "123".to_owned()), (member("even", 4, 72), "1234".to_owned())];
        assert_eq!(members(&bytes).unwrap(), expected);
        assert_eq!(members(&archive(&[("odd", b"123"), ("even", b"1234")])).unwrap(), expected);
    }

    #[test]
    fn members_may_be_left_unread() {
        let bytes = archive(&[("a", &[1; 10_001]), ("b", b"b")]);
        let mut archive = Archive::new(&bytes[..]).unwrap();
        assert_eq!(archive.next_member().unwrap(), Some(member("a", 10_001, 8)));
        assert_eq!(archive.next_member().unwrap(), Some(member("b", 1, 10_070)));
        assert_eq!(archive.next_member().unwrap(), None);
    }

    #[test]
    fn malformed_archives_are_refused_with_the_offset() {
        let with_size = |size| [&archive(&[("first", b"1234")])[..], &header("debian-binary", size), b"2.0\n"].concat();
        check(b"", "not an ar archive: it does not start with `!<arch>`");
        check(b"!<thin>\n", "not an ar archive: it does not start with `!<arch>`");
        check(&with_size("-1"), "ar: the member header at byte 72 has the size `-1`, which is no decimal number");
        check(&with_size("0x4"), "ar: the member header at byte 72 has the size `0x4`, which is no decimal number");
        check(&with_size("+4"), "ar: the member header at byte 72 has the size `+4`, which is no decimal number");
        check(&with_size(""), "ar: the member header at byte 72 has the size ``, which is no decimal number");
        // One digit more than the field has: the end of the header is no longer in its place.
        check(&with_size("99999999999"), "ar: the member header at byte 72 does not end with \"`\\n\"");
        check(
            &with_size("9999999999"),
            "ar: the member `debian-binary` at byte 72 should have 9999999999 bytes, but the archive ends after 4 of them",
        );
        let mut no_line_feed = with_size("4");
        no_line_feed[72 + 59] = b' ';
        check(&no_line_feed, "ar: the member header at byte 72 does not end with \"`\\n\"");
        check(&with_size("4")[..100], "ar: the archive ends inside the header at byte 72");
        check(&with_size("1"), "ar: the padding of a member of odd size is missing at byte 133");
        let odd = archive(&[("odd", b"123")]);
        check(&odd[..odd.len() - 1], "ar: the padding of a member of odd size is missing at byte 71");
    }
}
