//! ext2, ext3 and ext4, read by the crate `ext4-view`.
//!
//! It tells label, UUID and files. How much is free stands in the superblock (kernel documentation, "ext4 Data Structures
//! and Algorithms", section 4.1), of which some fields are read here; those that the crate would allocate memory by are
//! held against the length of the image first.

use std::error::Error as StdError;
use std::io;

use ext4_view::{Ext4, Ext4Error, Ext4Read, FileType, Metadata, Path};

use super::image::Window;
use super::volume::{Contents, Entry, EntryKind, Error, Files, Permissions, Volume};
use crate::Guid;
use crate::units::Grouped;

/// Where the superblock is.
const SUPERBLOCK_AT: u64 = 1024;
/// `s_magic`.
const MAGIC: u16 = 0xef53;
/// `s_state`: mounted and not put away since.
const VALID: u16 = 1;
/// `s_state`: errors were found.
const ERRORS: u16 = 2;
/// The least that `mke2fs -g` takes; less would be more groups than memory.
const FEWEST_BLOCKS_PER_GROUP: u32 = 256;
/// What one question may read: far more than any path or directory needs.
const ALLOWANCE: u64 = 1 << 30;
/// How much of a file is read at once.
const PIECE: usize = 1 << 20;

/// Some fields of the superblock.
struct Superblock([u8; 1024]);

impl Superblock {
    fn u16(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.0[at], self.0[at + 1]])
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes([self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3]])
    }

    fn inodes_count(&self) -> u64 {
        u64::from(self.u32(0x0))
    }

    /// Returns a number whose upper half counts with the feature `64bit` only.
    fn wide(&self, low: usize, high: usize) -> u64 {
        let high = if self.incompatible() & 0x80 != 0 { self.u32(high) } else { 0 };
        u64::from(high) << 32 | u64::from(self.u32(low))
    }

    fn blocks_count(&self) -> u64 {
        self.wide(0x4, 0x150)
    }

    fn free_blocks_count(&self) -> u64 {
        self.wide(0xc, 0x158)
    }

    /// Returns the length of a block; none if it is no length of blocks.
    fn block_len(&self) -> Option<u64> {
        let log = self.u32(0x18);
        (log <= 6).then(|| 1024 << log)
    }

    fn uuid(&self) -> Guid {
        Guid(self.0[0x68..0x78].try_into().expect("16 bytes"))
    }

    fn label(&self) -> String {
        let label = self.0[0x78..0x88].split(|byte| *byte == 0).next().unwrap_or_default();
        String::from_utf8_lossy(label).into_owned()
    }

    fn incompatible(&self) -> u32 {
        self.u32(0x60)
    }

    /// Returns the name of the format that has these features: what came with ext4, or a journal.
    fn kind(&self) -> &'static str {
        let (incompatible, read_only) = (self.incompatible(), self.u32(0x64));
        match () {
            // All but `filetype`, `needs_recovery`, `journal_dev` and `meta_bg`; all but `sparse_super` and `large_file`.
            () if incompatible & !0x1e != 0 || read_only & !0x3 != 0 => "ext4",
            () if self.u32(0x5c) & 0x4 != 0 => "ext3",
            () => "ext2",
        }
    }
}

/// Opens what is an ext file system.
///
/// # Errors
/// The image cannot be read.
pub(super) fn open(window: &Window) -> io::Result<Option<Volume>> {
    if window.len() < SUPERBLOCK_AT + 1024 {
        return Ok(None);
    }
    let superblock = Superblock(window.bytes(SUPERBLOCK_AT)?);
    if superblock.u16(0x38) != MAGIC {
        return Ok(None);
    }
    let block = superblock.block_len();
    let len = block.and_then(|block| superblock.blocks_count().checked_mul(block));
    let free = block.and_then(|block| superblock.free_blocks_count().checked_mul(block));
    let mut notes = Vec::new();
    if superblock.u16(0x3a) & VALID == 0 {
        notes.push("it was mounted and not unmounted".to_owned());
    }
    if superblock.u16(0x3a) & ERRORS != 0 {
        notes.push("it is marked as having errors".to_owned());
    }
    let mut volume = Volume {
        kind: superblock.kind(),
        label: String::new(),
        uuid: None,
        len,
        free: free.filter(|free| len.is_some_and(|len| *free <= len)),
        notes,
        files: Contents::Unread,
    };
    match load(window, &superblock, len) {
        Ok(files) => {
            volume.label = String::from_utf8_lossy(files.0.label().as_bytes()).trim_end_matches('\0').to_owned();
            volume.uuid = Some(files.0.uuid().to_string());
            volume.files = Contents::Files(Box::new(files));
        }
        Err(Error::Io(error)) => return Err(error),
        Err(Error::Unsupported(why)) => {
            (volume.label, volume.uuid) = (superblock.label(), Some(superblock.uuid().to_string()));
            volume.files = Contents::Unsupported(why);
        }
        Err(error) => volume.files = Contents::Damaged(error.to_string()),
    }
    Ok(Some(volume))
}

fn load(window: &Window, superblock: &Superblock, len: Option<u64>) -> Result<Reader, Error> {
    let Some(len) = len else {
        return Err(Error::Damaged("its superblock has no possible size".to_owned()));
    };
    if len > window.len() {
        let (len, window) = (Grouped(len), Grouped(window.len()));
        return Err(Error::Damaged(format!("it should have {len} bytes, and there are {window}")));
    }
    let per_group = superblock.u32(0x20);
    if per_group < FEWEST_BLOCKS_PER_GROUP {
        return Err(Error::Damaged(format!("its superblock says that groups have {per_group} blocks")));
    }
    let window = window.clone();
    window.allow(ALLOWANCE.max(2 * len));
    let ext = Ext4::load(Box::new(Device(window.clone()))).map_err(error_of)?;
    Ok(Reader(ext, window, superblock.inodes_count()))
}

/// A window as the crate wants its devices.
struct Device(Window);

impl Ext4Read for Device {
    fn read(&mut self, at: u64, buffer: &mut [u8]) -> Result<(), Box<dyn StdError + Send + Sync>> {
        Ok(self.0.read_at(at, buffer)?)
    }
}

fn error_of(error: Ext4Error) -> Error {
    match error {
        Ext4Error::NotFound => Error::NotFound,
        Ext4Error::NotADirectory => Error::NotADirectory,
        Ext4Error::IsADirectory | Ext4Error::IsASpecialFile => Error::NoFile,
        Ext4Error::TooManySymlinks => Error::TooManyLinks,
        Ext4Error::PathTooLong | Ext4Error::MalformedPath => Error::TooLong,
        Ext4Error::Encrypted => Error::Unsupported("it is encrypted".to_owned()),
        // "unsupported features: IncompatibleFeatures(DATA_IN_INODE)"
        Ext4Error::Incompatible(why) => {
            let why = why.to_string().replace("IncompatibleFeatures(", "").replace(')', "");
            Error::Unsupported(why)
        }
        Ext4Error::Io(error) => match error.downcast::<io::Error>() {
            Ok(error) => Error::of_reader(*error),
            Err(error) => Error::Damaged(error.to_string()),
        },
        other => Error::Damaged(other.to_string()),
    }
}

/// The file system, its device, and how many inodes it has.
struct Reader(Ext4, Window, u64);

impl Reader {
    /// Begins to answer one question.
    fn path<'a>(&self, path: &'a [u8]) -> Result<Path<'a>, Error> {
        self.1.allow(ALLOWANCE);
        Path::try_from(path).map_err(|_| Error::TooLong)
    }

    fn target(&self, path: Path<'_>) -> Result<Vec<u8>, Error> {
        let target = self.0.read_link(path).map_err(error_of)?;
        Ok(target.as_ref().to_vec())
    }
}

impl Files for Reader {
    fn entry(&self, path: &[u8]) -> Result<Entry, Error> {
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default().to_vec();
        let metadata = self.0.metadata(self.path(path)?).map_err(error_of)?;
        Ok(entry(name, &metadata, None))
    }

    fn list(&self, path: &[u8]) -> Result<Vec<Entry>, Error> {
        let mut entries = Vec::new();
        for found in self.0.read_dir(self.path(path)?).map_err(error_of)? {
            let found = found.map_err(error_of)?;
            let name = found.file_name().as_ref().to_vec();
            if name == b"." || name == b".." {
                continue;
            }
            let metadata = found.metadata().map_err(error_of)?;
            let target = match metadata.is_symlink() {
                true => Some(self.target(found.path().as_path())?),
                false => None,
            };
            entries.push(entry(name, &metadata, target));
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn read(&self, path: &[u8], sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<(), Error> {
        let mut file = self.0.open(self.path(path)?).map_err(error_of)?;
        let mut piece = vec![0; PIECE];
        loop {
            self.1.allow(ALLOWANCE);
            match file.read_bytes(&mut piece).map_err(error_of)? {
                0 => return Ok(()),
                len => sink(&piece[..len]).map_err(Error::Io)?,
            }
        }
    }

    fn most_directories(&self) -> u64 {
        self.2
    }
}

fn entry(name: Vec<u8>, metadata: &Metadata, target: Option<Vec<u8>>) -> Entry {
    let kind = match metadata.file_type() {
        FileType::Regular => EntryKind::File,
        FileType::Directory => EntryKind::Directory,
        FileType::Symlink => EntryKind::Link,
        FileType::CharacterDevice => EntryKind::CharacterDevice,
        FileType::BlockDevice => EntryKind::BlockDevice,
        FileType::Fifo => EntryKind::Pipe,
        FileType::Socket => EntryKind::Socket,
    };
    Entry {
        name,
        kind,
        permissions: Permissions::Unix { mode: metadata.mode(), uid: metadata.uid(), gid: metadata.gid() },
        len: metadata.len(),
        modified: Some(metadata.modified().seconds()).filter(|seconds| 0 <= *seconds),
        target,
    }
}
