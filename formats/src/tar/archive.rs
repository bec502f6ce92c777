//! The stream of entries.

use std::io::{self, Read};

use bytes::Bytes;

use super::header::{BLOCK, Header};
use super::pax::Records;
use super::{Error, Problem};
use crate::{Metadata, TreePath};

/// How long an extended header may be: paths have at most 4 KiB, extended attributes 64 KiB each.
const EXTENSION_LIMIT: u64 = 1 << 20;
/// How long a path may be: what Linux takes, but for the NUL (`PATH_MAX`).
const PATH_LIMIT: usize = 4095;
/// How many slashes a path may have: each makes a directory of the tree, whose path is as long again.
const DEPTH_LIMIT: usize = 256;
/// Largest size that the octal field of a header can state: eleven digits.
const LARGEST_OCTAL_SIZE: u64 = 0o77_777_777_777;

/// An entry of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it belongs.
    pub path: TreePath,
    /// Mode, owner, time and extended attributes.
    pub metadata: Metadata,
    /// What it is.
    pub kind: Kind,
}

/// The kinds of entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file; [`Archive::content`] reads it.
    File {
        /// Its length in bytes.
        size: u64,
    },
    /// A directory.
    Directory,
    /// A symbolic link with its target.
    Symlink(Bytes),
    /// One more path of a file that came earlier.
    HardLink(TreePath),
    /// A character device.
    CharacterDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
}

/// Reads an archive entry by entry.
pub struct Archive<R> {
    reader: R,
    position: u64,
    /// What is left to read of the current content, and the padding behind it.
    left: u64,
    padding: u64,
    /// Names the current entry in errors.
    at: u64,
    name: String,
    global: Records,
    ended: bool,
}

/// What stands before an entry and changes it.
#[derive(Default)]
struct Extensions {
    pax: Option<Records>,
    gnu_path: Option<Vec<u8>>,
    gnu_link: Option<Vec<u8>>,
}

impl Extensions {
    fn are_there(&self) -> bool {
        self.pax.is_some() || self.has_gnu()
    }

    fn has_gnu(&self) -> bool {
        self.gnu_path.is_some() || self.gnu_link.is_some()
    }
}

impl<R: Read> Archive<R> {
    /// Returns the archive that `reader` holds, not compressed, at its first entry.
    pub fn new(reader: R) -> Archive<R> {
        Archive {
            reader,
            position: 0,
            left: 0,
            padding: 0,
            at: 0,
            name: String::new(),
            global: Records::default(),
            ended: false,
        }
    }

    /// Returns the next entry, behind what was not read of the current one; none at the end of the archive. At the end the
    /// reader is read to its own end.
    ///
    /// # Errors
    /// [`Error::Read`], and [`Error::Malformed`] as [`Problem`] says.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, Error> {
        self.leave_content()?;
        let mut extensions = Extensions::default();
        loop {
            let Some(header) = self.next_header(&extensions)? else { return Ok(None) };
            match header.kind() {
                b'g' => self.read_global(&header)?,
                b'x' => self.read_pax(&header, &mut extensions)?,
                b'L' | b'K' => self.read_long_name(&header, &mut extensions)?,
                _ => {
                    let entry = self.entry(&header, extensions).map_err(|problem| self.problem(problem))?;
                    return Ok(Some(entry));
                }
            }
        }
    }

    /// Returns a reader of the content of the current entry; nothing but for files.
    pub fn content(&mut self) -> Content<'_, R> {
        Content { archive: self }
    }

    /// Returns the error that the current entry has this problem.
    pub(crate) fn problem(&self, problem: Problem) -> Error {
        Error::Malformed { at: self.at, entry: self.name.clone(), problem }
    }

    /// Returns the next header block; none at the end of the archive.
    fn next_header(&mut self, extensions: &Extensions) -> Result<Option<Header>, Error> {
        if self.ended {
            return Ok(None);
        }
        let at = self.position;
        let mut block = [0; BLOCK];
        match self.fill(&mut block)? {
            BLOCK => {}
            filled => {
                let problem = if filled == 0 { Problem::NoEnd } else { Problem::Truncated };
                return Err(Error::Malformed { at, entry: String::new(), problem });
            }
        }
        if block == [0; BLOCK] {
            if extensions.are_there() {
                return Err(self.problem(Problem::ExtensionWithoutEntry));
            }
            return self.end().map(|()| None);
        }
        self.at = at;
        self.name.clear();
        let header = Header::new(block).map_err(|problem| self.problem(problem))?;
        self.name = header.path().escape_ascii().to_string();
        Ok(Some(header))
    }

    /// Reads what is behind the end marker, so that the reader below sees its own end.
    fn end(&mut self) -> Result<(), Error> {
        self.ended = true;
        self.name.clear();
        loop {
            self.at = self.position;
            let mut block = [0; 8 * BLOCK];
            let filled = self.fill(&mut block)?;
            if block.iter().any(|&byte| byte != 0) {
                return Err(self.problem(Problem::BehindTheEnd));
            }
            if filled < block.len() {
                return Ok(());
            }
        }
    }

    fn read_global(&mut self, header: &Header) -> Result<(), Error> {
        let records = self.read_extension(header)?;
        let mut global = std::mem::take(&mut self.global);
        let checked = global.extend(&records).and_then(|()| global.check_global());
        self.global = global;
        checked.map_err(|problem| self.problem(problem))
    }

    fn read_pax(&mut self, header: &Header, extensions: &mut Extensions) -> Result<(), Error> {
        if extensions.has_gnu() {
            return Err(self.problem(Problem::MixedExtensions));
        }
        if extensions.pax.is_some() {
            return Err(self.problem(Problem::RepeatedExtension));
        }
        let bytes = self.read_extension(header)?;
        let mut records = self.global.clone();
        records.extend(&bytes).map_err(|problem| self.problem(problem))?;
        extensions.pax = Some(records);
        Ok(())
    }

    fn read_long_name(&mut self, header: &Header, extensions: &mut Extensions) -> Result<(), Error> {
        if extensions.pax.is_some() {
            return Err(self.problem(Problem::MixedExtensions));
        }
        let mut bytes = self.read_extension(header)?;
        if bytes.last() == Some(&0) {
            bytes.pop();
        }
        let slot = if header.kind() == b'L' { &mut extensions.gnu_path } else { &mut extensions.gnu_link };
        if slot.replace(bytes).is_some() {
            return Err(self.problem(Problem::RepeatedExtension));
        }
        Ok(())
    }

    /// Returns the content of an extended header.
    fn read_extension(&mut self, header: &Header) -> Result<Vec<u8>, Error> {
        let size = header.size().map_err(|problem| self.problem(problem))?;
        if size > EXTENSION_LIMIT {
            return Err(self.problem(Problem::LongExtension { size, limit: EXTENSION_LIMIT }));
        }
        self.expect_content(size);
        let mut bytes = Vec::with_capacity(size as usize);
        let mut chunk = [0; 4096];
        loop {
            match self.read_content(&mut chunk)? {
                0 => break,
                len => bytes.extend_from_slice(&chunk[..len]),
            }
        }
        self.leave_content()?;
        Ok(bytes)
    }

    /// Puts an entry together from its header and what stood before it.
    fn entry(&mut self, header: &Header, extensions: Extensions) -> Result<Entry, Problem> {
        let Extensions { pax, gnu_path, gnu_link } = extensions;
        let records = pax.unwrap_or_else(|| self.global.clone());
        let own = |key| records.get(key).map(<[u8]>::to_vec);
        let path = gnu_path.or_else(|| own("path")).unwrap_or_else(|| header.path());
        let link = gnu_link.or_else(|| own("linkpath")).unwrap_or_else(|| header.link());
        if path.len() > PATH_LIMIT {
            return Err(Problem::LongPath { len: path.len(), limit: PATH_LIMIT });
        }
        if path.iter().filter(|&&byte| byte == b'/').count() > DEPTH_LIMIT {
            return Err(Problem::DeepPath { limit: DEPTH_LIMIT });
        }
        self.name = path.escape_ascii().to_string();

        let size = size(header, &records)?;
        let metadata = Metadata {
            mode: header.mode()?,
            uid: records.number("uid")?.map_or_else(|| header.uid(), Ok)?,
            gid: records.number("gid")?.map_or_else(|| header.gid(), Ok)?,
            mtime: records.mtime()?.map_or_else(|| header.mtime(), Ok)?,
            xattrs: records.xattrs(),
        };
        let kind = kind(header, &path, link, size)?;
        let path = tree_path(&path, Problem::Absolute, Problem::Path)?;
        match kind {
            Kind::File { size } => self.expect_content(size),
            _ if size > 0 => return Err(Problem::ContentWithoutFile { size }),
            _ => {}
        }
        if path.is_root() && kind != Kind::Directory {
            return Err(Problem::NoName);
        }
        Ok(Entry { path, metadata, kind })
    }

    fn expect_content(&mut self, size: u64) {
        self.left = size;
        self.padding = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
    }

    fn leave_content(&mut self) -> Result<(), Error> {
        let mut scratch = [0; 4096];
        while self.read_content(&mut scratch)? > 0 {}
        let padding = std::mem::take(&mut self.padding) as usize;
        if self.fill(&mut scratch[..padding])? < padding {
            return Err(self.problem(Problem::Truncated));
        }
        Ok(())
    }

    /// Reads some of the current content; 0 bytes at its end.
    pub(super) fn read_content(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let wanted = self.left.min(buffer.len() as u64) as usize;
        let len = self.fill(&mut buffer[..wanted])?;
        if len < wanted {
            return Err(self.problem(Problem::Truncated));
        }
        self.left -= len as u64;
        Ok(len)
    }

    /// Fills `buffer` as far as the archive reaches and returns how far that is.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.reader.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(len) => filled += len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::Read(error)),
            }
        }
        self.position += filled as u64;
        Ok(filled)
    }
}

/// Reads the content of an entry.
pub struct Content<'a, R> {
    archive: &'a mut Archive<R>,
}

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.archive.read_content(buffer)?)
    }
}

/// Returns the size that header and PAX header agree on. A writer whose size has no octal form may leave the field empty.
fn size(header: &Header, records: &Records) -> Result<u64, Problem> {
    let stated = header.size()?;
    match records.number("size")? {
        Some(pax) if pax != stated && pax <= LARGEST_OCTAL_SIZE => Err(Problem::SizeMismatch { header: stated, pax }),
        Some(pax) => Ok(pax),
        None => Ok(stated),
    }
}

fn kind(header: &Header, path: &[u8], link: Vec<u8>, size: u64) -> Result<Kind, Problem> {
    Ok(match header.kind() {
        // Before POSIX a directory was a file with a slash behind its name.
        0 if path.ends_with(b"/") => Kind::Directory,
        0 | b'0' | b'7' => Kind::File { size },
        b'1' => Kind::HardLink(tree_path(&link, Problem::LinkAbsolute, Problem::LinkPath)?),
        b'2' => Kind::Symlink(link.into()),
        b'3' => header.device().map(|(major, minor)| Kind::CharacterDevice { major, minor })?,
        b'4' => header.device().map(|(major, minor)| Kind::BlockDevice { major, minor })?,
        b'5' => Kind::Directory,
        b'6' => Kind::Fifo,
        b'S' => return Err(Problem::Sparse),
        other => return Err(Problem::UnknownType(other)),
    })
}

fn tree_path(
    path: &[u8],
    absolute: Problem,
    unusable: impl FnOnce(crate::PathError) -> Problem,
) -> Result<TreePath, Problem> {
    if path.starts_with(b"/") {
        return Err(absolute);
    }
    TreePath::parse(path).map_err(unusable)
}
