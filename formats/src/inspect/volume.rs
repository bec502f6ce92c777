//! File systems, whatever their kind: what they are, and the files in them.

use std::fmt;
use std::io;

use super::image::Window;
use super::{ext, fat, signatures};

/// What a partition, or a whole image, contains.
pub struct Volume {
    /// What it is called: `ext4`, `FAT16`, `swap`.
    pub kind: &'static str,
    /// Its label; empty where it has none.
    pub label: String,
    /// Its UUID, or FAT's number.
    pub uuid: Option<String>,
    /// Its length in bytes, which may be less than what it lies in; none where it is not known.
    pub len: Option<u64>,
    /// How many of its bytes are free.
    pub free: Option<u64>,
    /// What is noteworthy although it is right.
    pub notes: Vec<String>,
    /// Its files.
    pub files: Contents,
}

/// Whether the files of a volume can be read.
pub enum Contents {
    /// They can.
    Files(Box<dyn Files>),
    /// The kind is known by its mark and no more.
    Unread,
    /// Something is wrong.
    Damaged(String),
    /// It uses what the reader does not know.
    Unsupported(String),
}

/// The files of a volume. Paths are absolute; links are followed, inside the volume.
pub trait Files {
    /// Returns the entry that a path leads to, through links.
    ///
    /// # Errors
    /// See [`Error`].
    fn entry(&self, path: &[u8]) -> Result<Entry, Error>;

    /// Returns the entries of a directory, sorted by name.
    ///
    /// # Errors
    /// See [`Error`].
    fn list(&self, path: &[u8]) -> Result<Vec<Entry>, Error>;

    /// Gives the content of a regular file to `sink`, piece by piece.
    ///
    /// # Errors
    /// See [`Error`].
    fn read(&self, path: &[u8], sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<(), Error>;

    /// Returns how many directories there can be at most.
    fn most_directories(&self) -> u64;
}

/// A file, a directory, or what else has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name in its directory.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Who may do what with it.
    pub permissions: Permissions,
    /// The length of its content, in bytes.
    pub len: u64,
    /// When it was changed, in seconds since 1970; none where that is no time.
    pub modified: Option<i64>,
    /// Where a link leads to.
    pub target: Option<Vec<u8>>,
}

/// A kind of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A character device.
    CharacterDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Pipe,
    /// A socket.
    Socket,
}

impl EntryKind {
    /// Returns the letter by which `ls` tells kinds.
    pub fn letter(self) -> char {
        match self {
            EntryKind::File => '-',
            EntryKind::Directory => 'd',
            EntryKind::Link => 'l',
            EntryKind::CharacterDevice => 'c',
            EntryKind::BlockDevice => 'b',
            EntryKind::Pipe => 'p',
            EntryKind::Socket => 's',
        }
    }

    /// Returns what it is called.
    pub fn name(self) -> &'static str {
        match self {
            EntryKind::File => "file",
            EntryKind::Directory => "directory",
            EntryKind::Link => "symbolic link",
            EntryKind::CharacterDevice => "character device",
            EntryKind::BlockDevice => "block device",
            EntryKind::Pipe => "named pipe",
            EntryKind::Socket => "socket",
        }
    }
}

/// What a file system keeps of permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permissions {
    /// Mode bits and owner.
    Unix {
        /// The lower 12 bits.
        mode: u16,
        /// The owner.
        uid: u32,
        /// The group.
        gid: u32,
    },
    /// The attributes of FAT.
    Fat {
        /// It is not to be written to.
        read_only: bool,
        /// It is not to be shown.
        hidden: bool,
        /// It belongs to the operating system.
        system: bool,
        /// It has changed since the last backup.
        archive: bool,
    },
}

/// Why a file cannot be had.
#[derive(Debug)]
pub enum Error {
    /// There is none.
    NotFound,
    /// A part of the path is no directory.
    NotADirectory,
    /// Links lead to links without end.
    TooManyLinks,
    /// The path is longer than paths can be.
    TooLong,
    /// What should be a regular file is none.
    NoFile,
    /// The file system is damaged.
    Damaged(String),
    /// It uses what the reader does not know.
    Unsupported(String),
    /// The image cannot be read, or the content not be taken.
    Io(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotFound => f.write_str("there is no such file"),
            Error::NotADirectory => f.write_str("a part of the path is no directory"),
            Error::TooManyLinks => f.write_str("too many symbolic links lead to each other"),
            Error::TooLong => f.write_str("the path is too long"),
            Error::NoFile => f.write_str("it is no regular file"),
            Error::Damaged(why) | Error::Unsupported(why) => f.write_str(why),
            Error::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl Error {
    /// Returns an error of a reader: of the outside if the operating system has given it a number, else of what was read.
    pub(super) fn of_reader(error: io::Error) -> Error {
        match (error.raw_os_error(), error.kind()) {
            (Some(_), _) => Error::Io(error),
            (None, io::ErrorKind::UnexpectedEof) => Error::Damaged("it leads behind the end".to_owned()),
            (None, _) => Error::Damaged(error.to_string()),
        }
    }
}

/// How many entries of each kind a file system has, its root excluded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Regular files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Symbolic links.
    pub links: u64,
    /// Devices, pipes and sockets.
    pub others: u64,
}

/// How deep directories may be nested; deeper than anybody nests them.
const MOST_DEPTH: usize = 512;

/// Counts all entries below the root, which reads every directory.
///
/// # Errors
/// A directory cannot be read; the path says which.
pub fn count(files: &dyn Files) -> Result<Counts, (Vec<u8>, Error)> {
    let mut counts = Counts::default();
    let mut waiting: Vec<(Vec<u8>, usize)> = vec![(b"/".to_vec(), 0)];
    while let Some((path, depth)) = waiting.pop() {
        for entry in files.list(&path).map_err(|error| (path.clone(), error))? {
            match entry.kind {
                EntryKind::File => counts.files += 1,
                EntryKind::Link => counts.links += 1,
                EntryKind::Directory => {
                    counts.directories += 1;
                    let below = join(&path, &entry.name);
                    if depth == MOST_DEPTH || counts.directories > files.most_directories() {
                        return Err((below, Error::Damaged("its directories contain each other".to_owned())));
                    }
                    waiting.push((below, depth + 1));
                }
                _ => counts.others += 1,
            }
        }
    }
    Ok(counts)
}

/// Returns the path of an entry of a directory.
pub fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = folder.to_vec();
    if path.last() != Some(&b'/') {
        path.push(b'/');
    }
    path.extend(name);
    path
}

/// Returns what is in a window, if that is known.
///
/// # Errors
/// The image cannot be read.
pub(super) fn open(window: &Window) -> io::Result<Option<Volume>> {
    if let Some(volume) = ext::open(window)? {
        return Ok(Some(volume));
    }
    if let Some(name) = signatures::content(window)? {
        return Ok(Some(Volume {
            kind: name,
            label: String::new(),
            uuid: None,
            len: None,
            free: None,
            notes: Vec::new(),
            files: Contents::Unread,
        }));
    }
    fat::open(window)
}
