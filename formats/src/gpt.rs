//! GPT: the partition table of UEFI disks (UEFI 2.10, section 5.3).
//!
//! A table is described by [`Table`] and becomes five regions, each with a name of its own, so that a boot loader on
//! top of one is found. Slots are kept as given, and the entry array may lie elsewhere than in LBA 2, since boards look for their
//! boot loader there.
//!
//! ```text
//! LBA 0        1        2 .. 33       34 ..                       n-33 .. n-2   n-1
//! | protective | header | entry array | usable for partitions ... | backup    | backup |
//! | MBR        |        | (movable)   |                           | entries   | header |
//! ```

mod hybrid;

use std::fmt;
use std::ops::RangeInclusive;

pub use hybrid::{Hybrid, HybridEntry, HybridError};

use crate::Extents;
use crate::guid::Guid;
use crate::layout::Piece;
use crate::mbr::{self, SECTOR};
use crate::units::Grouped;

/// Where the primary header is (section 5.3.2).
const HEADER_LBA: u64 = 1;
/// Where the entry array usually starts.
pub const DEFAULT_ARRAY_LBA: u64 = 2;
/// How many entries a table usually has.
pub const DEFAULT_N_ENTRIES: u32 = 128;
/// The bytes of an entry (table 5-6).
const ENTRY_LEN: u64 = 128;
/// The bytes of a header that its checksum covers (table 5-5).
const HEADER_LEN: u32 = 92;
/// "A minimum of 16,384 bytes of space must be reserved for the GPT Partition Entry Array."
const RESERVED_SECTORS: u64 = 16384 / SECTOR;
/// How many UTF-16 units a name may have: the field has 72 bytes.
const NAME_UNITS: usize = 36;

/// Bits of [`Partition::attributes`] (table 5-6, and the Discoverable Partitions Specification from bit 59 on).
pub mod attribute {
    /// The platform needs the partition.
    pub const REQUIRED: u64 = 1 << 0;
    /// Firmware shall not read it.
    pub const NO_BLOCK_IO: u64 = 1 << 1;
    /// BIOS boot code, and U-Boot, start from here.
    pub const LEGACY_BOOT: u64 = 1 << 2;
    /// systemd grows the file system to the size of the partition.
    pub const GROW_FILE_SYSTEM: u64 = 1 << 59;
    /// Mounted read-only when found by its type.
    pub const READ_ONLY: u64 = 1 << 60;
    /// Not mounted when found by its type.
    pub const NO_AUTO: u64 = 1 << 63;

    /// The attributes by the names that configurations write.
    pub const NAMES: &[(&str, u64)] = &[
        ("required", REQUIRED),
        ("no-block-io", NO_BLOCK_IO),
        ("legacy-boot", LEGACY_BOOT),
        ("grow-file-system", GROW_FILE_SYSTEM),
        ("read-only", READ_ONLY),
        ("no-auto", NO_AUTO),
    ];

    /// Returns the bit that a name stands for, if there is one.
    pub fn by_name(name: &str) -> Option<u64> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, bit)| *bit)
    }
}

/// A partition table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The name of the disk.
    pub disk_guid: Guid,
    /// The partitions by slot; none leaves a slot unused.
    pub entries: Vec<Option<Partition>>,
    /// The sector where the primary entry array starts.
    pub entry_array_at: u64,
    /// How many entries the array has.
    pub n_entries: u32,
    /// The partitions that the MBR has as well; none leaves it to protect the disk.
    pub hybrid: Option<Hybrid>,
}

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// What it is for; see [`crate::guid`].
    pub type_guid: Guid,
    /// Its own name (`PARTUUID`).
    pub guid: Guid,
    /// Its name for people (`PARTLABEL`), of at most 36 UTF-16 units.
    pub name: String,
    /// The first sector.
    pub first_lba: u64,
    /// The last sector, which belongs to it.
    pub last_lba: u64,
    /// Bits of [`attribute`].
    pub attributes: u64,
}

/// Why a table cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The disk is not made of whole sectors, or too short for any table.
    Disk {
        /// Its length in bytes.
        len: u64,
        /// The least that the table needs, in bytes.
        needed: u64,
    },
    /// The entry array lies where the header is, or behind the end of the disk.
    EntryArray {
        /// Where it starts, in sectors.
        lba: u64,
    },
    /// The entry array shall have no entries.
    NoEntries,
    /// A partition has a slot behind the last entry.
    TooMany {
        /// The partition.
        name: String,
        /// Its number, from 1.
        number: usize,
        /// The entries that there are.
        n_entries: u32,
    },
    /// A name is longer than 36 UTF-16 units.
    NameTooLong {
        /// The name.
        name: String,
        /// How long it is.
        n_units: usize,
    },
    /// A name contains a NUL, which would end it.
    NameWithNul {
        /// The name.
        name: String,
    },
    /// The type is zero, which means an unused entry.
    NoType {
        /// The partition.
        name: String,
    },
    /// The last sector comes before the first one.
    Empty {
        /// The partition.
        name: String,
    },
    /// A partition reaches out of the sectors that partitions may use.
    Outside {
        /// The partition.
        name: String,
        /// Its sectors.
        lbas: RangeInclusive<u64>,
        /// The sectors that may be used.
        usable: RangeInclusive<u64>,
    },
    /// Two partitions share sectors.
    Overlap {
        /// The one that starts first, with its sectors.
        first: (String, RangeInclusive<u64>),
        /// The one that starts inside it.
        second: (String, RangeInclusive<u64>),
    },
    /// Two partitions have one GUID.
    SameGuid {
        /// One of them.
        first: String,
        /// The other.
        second: String,
        /// Their GUID.
        guid: Guid,
    },
    /// The hybrid MBR cannot be written.
    Hybrid(HybridError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Disk { len, needed } if len % SECTOR == 0 => write!(
                f,
                "a disk of {} bytes is too small for its GPT, which needs {} bytes",
                Grouped(*len),
                Grouped(*needed)
            ),
            Error::Disk { len, .. } => {
                write!(f, "a disk of {} bytes is not made of whole sectors of {SECTOR} bytes", Grouped(*len))
            }
            Error::EntryArray { lba } => {
                write!(f, "the GPT entry array cannot start at sector {}", Grouped(*lba))
            }
            Error::NoEntries => f.write_str("a GPT without entries has no partitions"),
            Error::TooMany { name, number, n_entries } => {
                write!(f, "the partition `{name}` has the number {number}, and the GPT has {n_entries} entries")
            }
            Error::NameTooLong { name, n_units } => write!(
                f,
                "the partition name `{name}` has {n_units} UTF-16 units, and a GPT keeps at most {NAME_UNITS}"
            ),
            Error::NameWithNul { name } => write!(f, "the partition name `{}` contains a NUL", name.escape_debug()),
            Error::NoType { name } => write!(f, "the partition `{name}` has the type of an unused entry"),
            Error::Empty { name } => write!(f, "the partition `{name}` has no sectors"),
            Error::Outside { name, lbas, usable } => write!(
                f,
                "the partition `{name}` ({}) is not inside the {} that the GPT leaves for partitions",
                Sectors(lbas),
                Sectors(usable)
            ),
            Error::Overlap { first, second } => write!(
                f,
                "the partition `{}` ({}) overlaps `{}` ({})",
                second.0,
                Sectors(&second.1),
                first.0,
                Sectors(&first.1)
            ),
            Error::SameGuid { first, second, guid } => {
                write!(f, "the partitions `{first}` and `{second}` have the same GUID {guid}")
            }
            Error::Hybrid(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

/// Shows a range of sectors.
struct Sectors<'a>(&'a RangeInclusive<u64>);

impl fmt::Display for Sectors<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sectors {} to {}", Grouped(*self.0.start()), Grouped(*self.0.end()))
    }
}

impl Table {
    /// Returns a table without partitions, of 128 entries at LBA 2.
    pub fn new(disk_guid: Guid) -> Table {
        Table {
            disk_guid,
            entries: Vec::new(),
            entry_array_at: DEFAULT_ARRAY_LBA,
            n_entries: DEFAULT_N_ENTRIES,
            hybrid: None,
        }
    }

    /// Returns the sectors that partitions may use on a disk of `len` bytes.
    ///
    /// # Errors
    /// The disk is too small, or the entry array cannot be where it shall be.
    pub fn usable(&self, len: u64) -> Result<RangeInclusive<u64>, Error> {
        if self.entry_array_at < DEFAULT_ARRAY_LBA {
            return Err(Error::EntryArray { lba: self.entry_array_at });
        }
        let first = self.first_usable().ok_or(Error::EntryArray { lba: self.entry_array_at })?;
        let needed = first.saturating_add(1 + self.tail_sectors()).saturating_mul(SECTOR);
        if len < needed || !len.is_multiple_of(SECTOR) {
            return Err(Error::Disk { len, needed });
        }
        Ok(first..=len / SECTOR - self.tail_sectors() - 1)
    }

    /// Returns the length of the smallest disk that has this table, its partitions, and `end` bytes before the backup table.
    /// None when no disk is that large.
    pub fn len_for(&self, end: u64) -> Option<u64> {
        let parts = self.entries.iter().flatten().map(|part| part.last_lba.saturating_add(1)).max().unwrap_or(0);
        let sectors = end.div_ceil(SECTOR).max(parts).max(self.first_usable()?.checked_add(1)?);
        sectors.checked_add(self.tail_sectors())?.checked_mul(SECTOR)
    }

    /// Returns the five pieces of the table for a disk of `len` bytes, in order of their places.
    ///
    /// # Errors
    /// The disk is too small, or a partition is where or what it cannot be.
    pub fn layout(&self, len: u64) -> Result<Vec<Piece>, Error> {
        let usable = self.usable(len)?;
        self.check(&usable)?;
        let array = self.array_bytes();
        let last_lba = len / SECTOR - 1;
        let primary = HeaderRecord {
            my_lba: HEADER_LBA,
            alternate_lba: last_lba,
            first_usable_lba: *usable.start(),
            last_usable_lba: *usable.end(),
            disk_guid: self.disk_guid,
            partition_entry_lba: self.entry_array_at,
            number_of_partition_entries: self.n_entries,
            partition_entry_array_crc32: crc32fast::hash(&array),
        };
        let backup = HeaderRecord {
            my_lba: last_lba,
            alternate_lba: HEADER_LBA,
            partition_entry_lba: last_lba - self.array_sectors(),
            ..primary.clone()
        };
        let mut array = Extents::from_bytes(array);
        array.pad_to(SECTOR);
        let piece = |what: &str, at, content| Piece { what: what.to_owned(), at, content };
        Ok(vec![
            self.mbr(len / SECTOR)?,
            piece("GPT header", HEADER_LBA * SECTOR, primary.to_extents()),
            piece("GPT entry array", self.entry_array_at * SECTOR, array.clone()),
            piece("backup GPT entry array", backup.partition_entry_lba * SECTOR, array),
            piece("backup GPT header", last_lba * SECTOR, backup.to_extents()),
        ])
    }

    /// Returns the MBR of a disk of `n_sectors` sectors, which protects the GPT.
    fn mbr(&self, n_sectors: u64) -> Result<Piece, Error> {
        let (what, content) = match &self.hybrid {
            None => ("protective MBR", mbr::protective(n_sectors)),
            Some(hybrid) => ("hybrid MBR", hybrid.layout(&self.entries).map_err(Error::Hybrid)?),
        };
        Ok(Piece { what: what.to_owned(), at: mbr::TABLE_AT, content })
    }

    fn array_sectors(&self) -> u64 {
        (u64::from(self.n_entries) * ENTRY_LEN).div_ceil(SECTOR)
    }

    /// Returns how many sectors at the end of the disk are not for partitions: the backup array and header.
    fn tail_sectors(&self) -> u64 {
        self.array_sectors().max(RESERVED_SECTORS) + 1
    }

    /// Returns the first sector behind the primary entry array; not below 34, however short the array is.
    fn first_usable(&self) -> Option<u64> {
        let end = self.entry_array_at.checked_add(self.array_sectors())?;
        Some(end.max(DEFAULT_ARRAY_LBA + RESERVED_SECTORS))
    }

    fn check(&self, usable: &RangeInclusive<u64>) -> Result<(), Error> {
        let mut parts = self.titled();
        if self.n_entries == 0 {
            return Err(Error::NoEntries);
        }
        if let Some((number, title, _)) = parts.iter().find(|(number, ..)| *number as u64 > self.n_entries.into()) {
            return Err(Error::TooMany { name: title.clone(), number: *number, n_entries: self.n_entries });
        }
        parts.iter().try_for_each(|(_, title, part)| part.check(title, usable))?;
        parts.sort_by_key(|(.., part)| part.first_lba);
        for pair in parts.windows(2) {
            let [(_, first, a), (_, second, b)] = [&pair[0], &pair[1]];
            if b.first_lba <= a.last_lba {
                return Err(Error::Overlap { first: (first.clone(), a.lbas()), second: (second.clone(), b.lbas()) });
            }
        }
        parts.sort_by_key(|(.., part)| part.guid);
        match parts.windows(2).find(|pair| pair[0].2.guid == pair[1].2.guid) {
            Some([(_, first, part), (_, second, _)]) => {
                Err(Error::SameGuid { first: first.clone(), second: second.clone(), guid: part.guid })
            }
            _ => Ok(()),
        }
    }

    /// Returns the partitions with their numbers from 1, and with what messages call them.
    fn titled(&self) -> Vec<(usize, String, &Partition)> {
        let slots = (1..).zip(&self.entries);
        slots.filter_map(|(number, part)| part.as_ref().map(|part| (number, part.title(number), part))).collect()
    }

    fn array_bytes(&self) -> Vec<u8> {
        let mut array = vec![0; (u64::from(self.n_entries) * ENTRY_LEN) as usize];
        for (record, part) in array.chunks_exact_mut(ENTRY_LEN as usize).zip(&self.entries) {
            if let Some(part) = part {
                record.copy_from_slice(&part.to_bytes());
            }
        }
        array
    }
}

impl Partition {
    fn lbas(&self) -> RangeInclusive<u64> {
        self.first_lba..=self.last_lba
    }

    /// Returns what messages call the partition: its name, or else its number.
    fn title(&self, number: usize) -> String {
        if self.name.is_empty() { format!("#{number}") } else { self.name.clone() }
    }

    fn check(&self, title: &str, usable: &RangeInclusive<u64>) -> Result<(), Error> {
        let name = title.to_owned();
        let n_units = self.name.encode_utf16().count();
        if n_units > NAME_UNITS {
            Err(Error::NameTooLong { name, n_units })
        } else if name.contains('\0') {
            Err(Error::NameWithNul { name })
        } else if self.type_guid == Guid::ZERO {
            Err(Error::NoType { name })
        } else if self.last_lba < self.first_lba {
            Err(Error::Empty { name })
        } else if self.first_lba < *usable.start() || *usable.end() < self.last_lba {
            Err(Error::Outside { name, lbas: self.lbas(), usable: usable.clone() })
        } else {
            Ok(())
        }
    }

    /// Returns the entry as it is on the disk (table 5-6).
    ///
    /// ```text
    /// offset size meaning
    ///   0     16  type
    ///  16     16  GUID
    ///  32      8  first sector
    ///  40      8  last sector
    ///  48      8  attributes
    ///  56     72  name in UTF-16
    /// ```
    fn to_bytes(&self) -> [u8; ENTRY_LEN as usize] {
        let mut bytes = [0; ENTRY_LEN as usize];
        bytes[..16].copy_from_slice(&self.type_guid.to_disk());
        bytes[16..32].copy_from_slice(&self.guid.to_disk());
        bytes[32..40].copy_from_slice(&self.first_lba.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.last_lba.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.attributes.to_le_bytes());
        for (field, unit) in bytes[56..].chunks_exact_mut(2).zip(self.name.encode_utf16()) {
            field.copy_from_slice(&unit.to_le_bytes());
        }
        bytes
    }
}

/// The header as it is on the disk (table 5-5).
#[derive(Clone)]
struct HeaderRecord {
    // 0 8 "EFI PART", 8 4 revision, 12 4 length of the header, 16 4 checksum of the header, 20 4 zero
    /// 24 8 the sector of this header
    my_lba: u64,
    /// 32 8 the sector of the other header
    alternate_lba: u64,
    /// 40 8 first sector for partitions
    first_usable_lba: u64,
    /// 48 8 last sector for partitions
    last_usable_lba: u64,
    /// 56 16 the name of the disk
    disk_guid: Guid,
    /// 72 8 first sector of the entry array that belongs to this header
    partition_entry_lba: u64,
    /// 80 4 how many entries
    number_of_partition_entries: u32,
    // 84 4 the length of an entry
    /// 88 4 checksum of the entry array
    partition_entry_array_crc32: u32,
}

impl HeaderRecord {
    const SIGNATURE: &[u8; 8] = b"EFI PART";
    const REVISION: u32 = 0x0001_0000;
    const CHECKSUM_AT: usize = 16;

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_LEN as usize);
        bytes.extend(Self::SIGNATURE);
        bytes.extend(Self::REVISION.to_le_bytes());
        bytes.extend(HEADER_LEN.to_le_bytes());
        bytes.extend([0; 4 + 4]);
        bytes.extend(self.my_lba.to_le_bytes());
        bytes.extend(self.alternate_lba.to_le_bytes());
        bytes.extend(self.first_usable_lba.to_le_bytes());
        bytes.extend(self.last_usable_lba.to_le_bytes());
        bytes.extend(self.disk_guid.to_disk());
        bytes.extend(self.partition_entry_lba.to_le_bytes());
        bytes.extend(self.number_of_partition_entries.to_le_bytes());
        bytes.extend((ENTRY_LEN as u32).to_le_bytes());
        bytes.extend(self.partition_entry_array_crc32.to_le_bytes());
        let checksum = crc32fast::hash(&bytes);
        bytes[Self::CHECKSUM_AT..Self::CHECKSUM_AT + 4].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    fn to_extents(&self) -> Extents {
        let mut sector = Extents::from_bytes(self.to_bytes());
        sector.pad_to(SECTOR);
        sector
    }
}

#[cfg(test)]
mod tests;
