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

pub mod attribute;
mod error;
mod header;
mod hybrid;

use std::ops::RangeInclusive;

pub use error::Error;
pub use hybrid::{Hybrid, HybridEntry, HybridError};

use crate::layout::Piece;
use crate::mbr::{self, SECTOR};
use crate::{Extents, Guid};
use header::HeaderRecord;

/// Where the primary header is (section 5.3.2).
const HEADER_LBA: u64 = 1;
/// Where the entry array usually starts.
pub const DEFAULT_ARRAY_LBA: u64 = 2;
/// How many entries a table usually has.
pub const DEFAULT_N_ENTRIES: u32 = 128;
/// The bytes of an entry (table 5-6).
const ENTRY_LEN: u64 = 128;
/// "A minimum of 16,384 bytes of space must be reserved for the GPT Partition Entry Array."
const RESERVED_SECTORS: u64 = 16384 / SECTOR;
/// How many UTF-16 units a name may have: the field has 72 bytes.
const NAME_UNITS: usize = 36;

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

#[cfg(test)]
mod tests;
