//! FAT12, FAT16 and FAT32, read by the crate `fatfs`.
//!
//! The crate computes places from what it reads without looking whether they can be: so the boot sector is held against
//! the length of the image before, and places of clusters that are none lie outside of the window (or wrap around; see
//! `profile.dev.package.fatfs`). It writes on its own where it has counted clusters; the window refuses that.

use std::io::{self, Read};

use fatfs::{Dir, DirEntry, FatType, FileAttributes, FileSystem, FsOptions};

use super::image::Window;
use super::volume::{Contents, Entry, EntryKind, Error, Files, Permissions, Volume};
use crate::units::Grouped;

/// What one question may read besides content: a directory has 2 MiB at most, and each entry is read piece by piece.
const ALLOWANCE: u64 = 64 << 20;
/// How much of a file is read at once.
const PIECE: usize = 1 << 20;

/// The geometry that a boot sector gives (Microsoft, "FAT: General Overview of On-Disk Format", the BPB).
struct Geometry {
    sector: u64,
    per_cluster: u64,
    reserved: u64,
    fats: u64,
    root_entries: u64,
    sectors: u64,
    per_fat: u64,
}

impl Geometry {
    /// Returns the geometry of what looks like FAT.
    fn of(boot: &[u8; 512]) -> Option<Geometry> {
        let u16 = |at: usize| u64::from(u16::from_le_bytes([boot[at], boot[at + 1]]));
        let u32 = |at: usize| u16(at) | u16(at + 2) << 16;
        let either = |small: u64, large: u64| if small == 0 { large } else { small };
        let geometry = Geometry {
            sector: u16(11),
            per_cluster: u64::from(boot[13]),
            reserved: u16(14),
            fats: u64::from(boot[16]),
            root_entries: u16(17),
            sectors: either(u16(19), u32(32)),
            per_fat: either(u16(22), u32(36)),
        };
        let is_fat = boot[510..] == [0x55, 0xaa]
            && matches!(boot[0], 0xeb | 0xe9)
            && matches!(geometry.sector, 512 | 1024 | 2048 | 4096)
            && geometry.per_cluster.is_power_of_two()
            && geometry.reserved > 0
            && matches!(geometry.fats, 1..=4)
            && matches!(boot[21], 0xf0 | 0xf8..=0xff);
        is_fat.then_some(geometry)
    }

    fn len(&self) -> u64 {
        self.sectors * self.sector
    }

    /// Returns the sectors in front of the clusters.
    fn first_data_sector(&self) -> u64 {
        self.reserved + self.fats * self.per_fat + (self.root_entries * 32).div_ceil(self.sector)
    }

    fn check(&self, len: u64) -> Result<(), String> {
        if self.len() > len {
            let (own, len) = (Grouped(self.len()), Grouped(len));
            return Err(format!("it should have {own} bytes, and there are {len}"));
        }
        let Some(data) = self.sectors.checked_sub(self.first_data_sector()).filter(|data| *data > 0) else {
            return Err("its boot sector leaves no room for files".to_owned());
        };
        let clusters = data / self.per_cluster;
        let bits = self.per_fat * self.sector * 8;
        let bits_per_entry = match clusters {
            ..4085 => 12,
            4085..65525 => 16,
            _ => 32,
        };
        if u32::try_from(bits).is_err() {
            Err("its table is larger than what reads it can count".to_owned())
        } else if bits / bits_per_entry < clusters + 2 {
            Err("its table is too short for its clusters".to_owned())
        } else {
            Ok(())
        }
    }
}

/// Opens what is a FAT file system.
///
/// # Errors
/// The image cannot be read.
pub(super) fn open(window: &Window) -> io::Result<Option<Volume>> {
    if window.len() < 512 {
        return Ok(None);
    }
    let Some(geometry) = Geometry::of(&window.bytes(0)?) else { return Ok(None) };
    let damaged = |why: String| Volume {
        kind: "FAT",
        label: String::new(),
        uuid: None,
        len: Some(geometry.len()),
        free: None,
        notes: Vec::new(),
        files: Contents::Damaged(why),
    };
    if let Err(why) = geometry.check(window.len()) {
        return Ok(Some(damaged(why)));
    }
    let window = window.clone();
    window.allow(ALLOWANCE);
    match describe(&geometry, window) {
        Ok(volume) => Ok(Some(volume)),
        Err(Error::Io(error)) => Err(error),
        Err(error) => Ok(Some(damaged(error.to_string()))),
    }
}

fn describe(geometry: &Geometry, window: Window) -> Result<Volume, Error> {
    let file_system = FileSystem::new(window.clone(), FsOptions::new()).map_err(Error::of_reader)?;
    let kind = match file_system.fat_type() {
        FatType::Fat12 => "FAT12",
        FatType::Fat16 => "FAT16",
        FatType::Fat32 => "FAT32",
    };
    let label = match file_system.read_volume_label_from_root_dir().map_err(Error::of_reader)? {
        Some(label) => label,
        None => Some(file_system.volume_label()).filter(|label| label != "NO NAME").unwrap_or_default(),
    };
    let id = file_system.volume_id();
    window.allow(ALLOWANCE.max(2 * geometry.per_fat * geometry.sector));
    let stats = file_system.stats().map_err(Error::of_reader)?;
    let clusters = u64::from(stats.total_clusters());
    Ok(Volume {
        kind,
        label,
        uuid: Some(format!("{:04X}-{:04X}", id >> 16, id & 0xffff)),
        len: Some(geometry.len()),
        free: Some(u64::from(stats.free_clusters()) * u64::from(stats.cluster_size())),
        notes: Vec::new(),
        files: Contents::Files(Box::new(Reader { file_system, window, clusters })),
    })
}

struct Reader {
    file_system: FileSystem<Window>,
    window: Window,
    clusters: u64,
}

/// What a path leads to.
enum Found<'a> {
    Root(Dir<'a, Window>),
    Entry(DirEntry<'a, Window>),
}

impl Reader {
    /// Follows a path; names are compared as FAT does, without case.
    fn find(&self, path: &[u8]) -> Result<Found<'_>, Error> {
        self.window.allow(ALLOWANCE);
        let path = std::str::from_utf8(path).map_err(|_| Error::NotFound)?;
        let mut found = Found::Root(self.file_system.root_dir());
        for name in normal_parts(path) {
            let folder = found.into_folder()?;
            found = Found::Entry(entry_of(&folder, name)?);
        }
        Ok(found)
    }
}

/// Returns the names of a path, without `.`, and without what `..` takes away.
fn normal_parts(path: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts
}

fn entry_of<'a>(folder: &Dir<'a, Window>, name: &str) -> Result<DirEntry<'a, Window>, Error> {
    for entry in folder.iter() {
        let entry = entry.map_err(Error::of_reader)?;
        let is_this = |known: String| known.to_uppercase() == name.to_uppercase();
        if is_this(entry.file_name()) || is_this(entry.short_file_name()) {
            return Ok(entry);
        }
    }
    Err(Error::NotFound)
}

impl<'a> Found<'a> {
    fn into_folder(self) -> Result<Dir<'a, Window>, Error> {
        match self {
            Found::Root(folder) => Ok(folder),
            Found::Entry(entry) if entry.is_dir() => Ok(entry.to_dir()),
            Found::Entry(_) => Err(Error::NotADirectory),
        }
    }
}

impl Files for Reader {
    fn entry(&self, path: &[u8]) -> Result<Entry, Error> {
        Ok(match self.find(path)? {
            Found::Entry(entry) => entry_from(&entry),
            Found::Root(_) => Entry {
                name: Vec::new(),
                kind: EntryKind::Directory,
                permissions: permissions(FileAttributes::empty()),
                len: 0,
                modified: None,
                target: None,
            },
        })
    }

    fn list(&self, path: &[u8]) -> Result<Vec<Entry>, Error> {
        let folder = self.find(path)?.into_folder()?;
        self.window.allow(ALLOWANCE);
        let mut entries = Vec::new();
        for entry in folder.iter() {
            let entry = entry.map_err(Error::of_reader)?;
            let name = entry.file_name();
            if name != "." && name != ".." {
                entries.push(entry_from(&entry));
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn read(&self, path: &[u8], sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<(), Error> {
        let Found::Entry(entry) = self.find(path)? else { return Err(Error::NoFile) };
        if entry.is_dir() {
            return Err(Error::NoFile);
        }
        let ends_early = || Error::Damaged("its content ends before its length".to_owned());
        if entry.len() > self.window.len() {
            return Err(ends_early());
        }
        self.window.allow(ALLOWANCE + 2 * entry.len());
        let (mut file, mut left, mut piece) = (entry.to_file(), entry.len(), vec![0; PIECE]);
        while left > 0 {
            match file.read(&mut piece).map_err(Error::of_reader)? {
                0 => return Err(ends_early()),
                len => {
                    sink(&piece[..len]).map_err(Error::Io)?;
                    left = left.saturating_sub(len as u64);
                }
            }
        }
        Ok(())
    }

    fn most_directories(&self) -> u64 {
        self.clusters
    }
}

fn entry_from(entry: &DirEntry<'_, Window>) -> Entry {
    let kind = if entry.is_dir() { EntryKind::Directory } else { EntryKind::File };
    Entry {
        name: entry.file_name().into_bytes(),
        kind,
        permissions: permissions(entry.attributes()),
        len: entry.len(),
        modified: seconds(entry.modified()),
        target: None,
    }
}

fn permissions(attributes: FileAttributes) -> Permissions {
    Permissions::Fat {
        read_only: attributes.contains(FileAttributes::READ_ONLY),
        hidden: attributes.contains(FileAttributes::HIDDEN),
        system: attributes.contains(FileAttributes::SYSTEM),
        archive: attributes.contains(FileAttributes::ARCHIVE),
    }
}

/// Returns the seconds since 1970 of a time without a zone, taken as UTC; none if there is no such day.
fn seconds(time: fatfs::DateTime) -> Option<i64> {
    const DAYS_BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let (date, clock) = (time.date, time.time);
    let (year, month) = (i64::from(date.year), usize::from(date.month));
    if !(1..=12).contains(&month) || !(1..=31).contains(&date.day) || clock.hour > 23 || clock.min > 59 {
        return None;
    }
    // FAT counts from 1980 to 2107; of the years divisible by 4 only 2100 has no leap day.
    let leap_days = |before: i64| (before - 1) / 4 - (before - 1) / 100 + (before - 1) / 400;
    let is_leap = year % 4 == 0 && year != 2100;
    let mut days = (year - 1970) * 365 + leap_days(year) - leap_days(1970);
    days += DAYS_BEFORE[month - 1] + i64::from(is_leap && month > 2) + i64::from(date.day) - 1;
    Some(days * 86400 + i64::from(clock.hour) * 3600 + i64::from(clock.min) * 60 + i64::from(clock.sec))
}
