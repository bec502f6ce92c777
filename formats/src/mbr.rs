//! MBR: the partition table of four entries in the first sector of a disk.
//!
//! Only the table is written here. The first 440 bytes of the sector belong to boot code, which is placed by
//! whoever has some, so that both are regions of their own and a boot loader that is too long clashes by name.
//!
//! ```text
//! offset size  meaning
//!    0   440   boot code (not ours)
//!  440     4   disk signature
//!  444     2   0
//!  446  4*16   entries
//!  510     2   55 aa
//! ```
//! (UEFI 2.10, section 5.2.) Extended partitions are not written.

use std::fmt;

use bytes::Bytes;

use crate::Extents;
use crate::units::{Grouped, Size};

/// The length of a sector, in bytes: the unit of all addresses of disks.
pub const SECTOR: u64 = 512;

/// Where the table starts; what lies before is boot code.
pub const TABLE_AT: u64 = 440;

/// How many entries there are.
const N_ENTRIES: usize = 4;

/// Partition types (the list of A. E. Brouwer, as used by Linux tools).
pub mod kind {
    /// FAT32 with addressing by sector number.
    pub const FAT32: u8 = 0x0c;
    /// FAT16 with addressing by sector number.
    pub const FAT16: u8 = 0x0e;
    /// Linux swap.
    pub const LINUX_SWAP: u8 = 0x82;
    /// Linux file system.
    pub const LINUX: u8 = 0x83;
    /// The whole disk, which a GPT describes (UEFI 2.10, table 5-3).
    pub const GPT_PROTECTIVE: u8 = 0xee;
    /// EFI system partition (UEFI 2.10, section 5.2.2).
    pub const EFI_SYSTEM: u8 = 0xef;
}

/// A partition table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The number by which Windows and Linux (`PARTUUID`) tell disks apart.
    pub disk_signature: u32,
    /// The partitions by slot; none leaves a slot unused.
    pub entries: Vec<Option<Partition>>,
}

/// A primary partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    /// The type; see [`kind`].
    pub kind: u8,
    /// Whether boot code shall start from this partition.
    pub active: bool,
    /// The first sector.
    pub first_lba: u64,
    /// The length in sectors.
    pub n_sectors: u64,
}

/// Why a table cannot be written. Partitions are named by their number, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// There are more partitions than entries.
    TooMany {
        /// The number of the first one that has no entry.
        number: usize,
    },
    /// A partition has no sectors or the type 0, which means an unused entry.
    Empty {
        /// The partition.
        number: usize,
    },
    /// A partition starts in sector 0, where the table is.
    OnTable {
        /// The partition.
        number: usize,
    },
    /// A partition does not end inside the disk.
    Outside {
        /// The partition.
        number: usize,
        /// The disk, in sectors.
        n_sectors: u64,
    },
    /// A partition starts or ends where 32 bits do not reach.
    TooFar {
        /// The partition.
        number: usize,
    },
    /// Two partitions share sectors.
    Overlap {
        /// The one that starts first.
        first: usize,
        /// The one that starts inside it.
        second: usize,
    },
    /// Two partitions are active.
    Active {
        /// One of them.
        first: usize,
        /// The other.
        second: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::TooMany { number } => write!(
                f,
                "partition {number} is the {number}th primary partition, and an MBR has {N_ENTRIES}; use a GPT for more"
            ),
            Error::Empty { number } => write!(f, "partition {number} of the MBR has no sectors or no type"),
            Error::OnTable { number } => write!(f, "partition {number} starts in sector 0, where the MBR is"),
            Error::Outside { number, n_sectors } => {
                write!(f, "partition {number} does not end inside the disk of {} sectors", Grouped(*n_sectors))
            }
            Error::TooFar { number } => write!(
                f,
                "partition {number} reaches behind {}, the limit of an MBR; use a GPT",
                Size((u64::from(u32::MAX) + 1) * SECTOR)
            ),
            Error::Overlap { first, second } => write!(f, "partitions {first} and {second} of the MBR overlap"),
            Error::Active { first, second } => {
                write!(
                    f,
                    "partitions {first} and {second} are both active, and an MBR has one active partition at most"
                )
            }
        }
    }
}

impl std::error::Error for Error {}

impl Table {
    /// Returns where the last partition ends, in bytes; behind the table itself in any case.
    pub fn end(&self) -> u64 {
        let ends = self.entries.iter().flatten().map(|part| part.first_lba.saturating_add(part.n_sectors));
        ends.max().unwrap_or(0).max(1).saturating_mul(SECTOR)
    }

    /// Returns the table, to be placed at [`TABLE_AT`] of a disk of `n_sectors` sectors.
    ///
    /// # Errors
    /// A partition is where it cannot be, or there are too many.
    pub fn layout(&self, n_sectors: u64) -> Result<Extents, Error> {
        self.check(n_sectors)?;
        let mut records = [EntryRecord::default(); N_ENTRIES];
        for (record, part) in records.iter_mut().zip(&self.entries) {
            if let Some(part) = part {
                *record = EntryRecord::of(part);
            }
        }
        Ok(table_bytes(self.disk_signature, &records))
    }

    fn check(&self, n_sectors: u64) -> Result<(), Error> {
        let mut parts: Vec<(usize, &Partition)> =
            self.entries.iter().enumerate().filter_map(|(i, part)| Some((i + 1, part.as_ref()?))).collect();
        for &(number, part) in &parts {
            check_partition(number, part, n_sectors)?;
        }
        let mut active = parts.iter().filter(|(_, part)| part.active);
        if let (Some(&(first, _)), Some(&(second, _))) = (active.next(), active.next()) {
            return Err(Error::Active { first, second });
        }
        parts.sort_by_key(|(_, part)| part.first_lba);
        for pair in parts.windows(2) {
            let [(first, a), (second, b)] = [pair[0], pair[1]];
            if a.first_lba + a.n_sectors > b.first_lba {
                return Err(Error::Overlap { first, second });
            }
        }
        Ok(())
    }
}

fn check_partition(number: usize, part: &Partition, n_sectors: u64) -> Result<(), Error> {
    let end = part.first_lba.checked_add(part.n_sectors);
    if number > N_ENTRIES {
        Err(Error::TooMany { number })
    } else if part.n_sectors == 0 || part.kind == 0 {
        Err(Error::Empty { number })
    } else if part.first_lba == 0 {
        Err(Error::OnTable { number })
    } else if end.is_none_or(|end| end > u64::from(u32::MAX) + 1) || part.n_sectors > u64::from(u32::MAX) {
        Err(Error::TooFar { number })
    } else if end.is_none_or(|end| end > n_sectors) {
        Err(Error::Outside { number, n_sectors })
    } else {
        Ok(())
    }
}

/// Returns the table that makes tools without knowledge of GPT keep their hands off (UEFI 2.10, section 5.2.3).
pub(crate) fn protective(n_sectors: u64) -> Extents {
    let last_lba = n_sectors - 1;
    let record = EntryRecord {
        // "Set to 0x000200, corresponding to the Starting LBA field."
        start_chs: [0x00, 0x02, 0x00],
        kind: kind::GPT_PROTECTIVE,
        // "Set to 0xFFFFFF if it is not possible to represent the value."
        end_chs: if last_lba < CHS_REACH { chs(last_lba) } else { [0xff; 3] },
        first_lba: 1,
        n_sectors: u32::try_from(last_lba).unwrap_or(u32::MAX),
        ..EntryRecord::default()
    };
    table_bytes(0, &[record, EntryRecord::default(), EntryRecord::default(), EntryRecord::default()])
}

/// One entry as it is on the disk (UEFI 2.10, table 5-2).
#[derive(Clone, Copy, Default)]
struct EntryRecord {
    /// 0 1 0x80: active
    boot_indicator: u8,
    /// 1 3 first sector as cylinder, head, sector
    start_chs: [u8; 3],
    /// 4 1 type
    kind: u8,
    /// 5 3 last sector as cylinder, head, sector
    end_chs: [u8; 3],
    /// 8 4 first sector
    first_lba: u32,
    /// 12 4 length in sectors
    n_sectors: u32,
}

impl EntryRecord {
    /// Returns the record of a partition that was checked to be reachable with 32 bits.
    fn of(part: &Partition) -> EntryRecord {
        EntryRecord {
            boot_indicator: if part.active { 0x80 } else { 0 },
            start_chs: chs(part.first_lba),
            kind: part.kind,
            end_chs: chs(part.first_lba + part.n_sectors - 1),
            first_lba: part.first_lba as u32,
            n_sectors: part.n_sectors as u32,
        }
    }

    fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[0] = self.boot_indicator;
        bytes[1..4].copy_from_slice(&self.start_chs);
        bytes[4] = self.kind;
        bytes[5..8].copy_from_slice(&self.end_chs);
        bytes[8..12].copy_from_slice(&self.first_lba.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.n_sectors.to_le_bytes());
        bytes
    }
}

fn table_bytes(disk_signature: u32, records: &[EntryRecord; N_ENTRIES]) -> Extents {
    let mut bytes = Vec::with_capacity((SECTOR - TABLE_AT) as usize);
    bytes.extend(disk_signature.to_le_bytes());
    bytes.extend([0, 0]);
    bytes.extend(records.iter().flat_map(|record| record.to_bytes()));
    bytes.extend([0x55, 0xaa]);
    Extents::from_bytes(Bytes::from(bytes))
}

/// The geometry that every BIOS pretends for large disks: 255 heads of 63 sectors, 1024 cylinders.
const HEADS: u64 = 255;
const SECTORS_PER_TRACK: u64 = 63;
const CYLINDERS: u64 = 1024;

/// The first sector that has no address as cylinder, head and sector.
const CHS_REACH: u64 = CYLINDERS * HEADS * SECTORS_PER_TRACK;

/// Returns the address of a sector as 3 bytes: head, sector (from 1; its top bits are the cylinder's), cylinder.
/// What is out of reach gets the last address, as every partitioning tool does.
fn chs(lba: u64) -> [u8; 3] {
    let (track, sector) = match lba {
        _ if lba >= CHS_REACH => ((CYLINDERS - 1) * HEADS + HEADS - 1, SECTORS_PER_TRACK),
        _ => (lba / SECTORS_PER_TRACK, lba % SECTORS_PER_TRACK + 1),
    };
    let (cylinder, head) = (track / HEADS, track % HEADS);
    [head as u8, (sector | cylinder >> 2 & 0xc0) as u8, cylinder as u8]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::{Tool, sector_image};
    use crate::{Digest, MemoryBlobs};

    fn part(first_lba: u64, n_sectors: u64) -> Option<Partition> {
        Some(Partition { kind: kind::LINUX, active: false, first_lba, n_sectors })
    }

    fn table(entries: Vec<Option<Partition>>) -> Table {
        Table { disk_signature: 0x1234_5678, entries }
    }

    fn sample() -> Table {
        let esp = Partition { kind: kind::EFI_SYSTEM, active: false, first_lba: 2048, n_sectors: 81920 };
        let root = Partition { active: true, ..part(83968, 20 << 20).unwrap() };
        table(vec![Some(esp), None, Some(root)])
    }

    #[test]
    fn addresses_saturate() {
        assert_eq!(chs(0), [0, 1, 0]);
        assert_eq!(chs(2048), [32, 33, 0], "as fdisk writes it");
        assert_eq!(chs(CHS_REACH - 1), [254, 0xff, 0xff]);
        assert_eq!(chs(CHS_REACH), [254, 0xff, 0xff]);
        assert_eq!(chs(u64::MAX), [254, 0xff, 0xff]);
    }

    #[test]
    fn slots_and_fields_are_where_tools_look() {
        let table = sample().layout(21 << 20).unwrap();
        let image = sector_image(21 << 20, &[(TABLE_AT, table)]);
        let listing = Tool::new("sfdisk", "fdisk").run_on(&image, &MemoryBlobs::new(), &["--dump"]);
        let lines: Vec<&str> = listing.lines().filter(|line| line.contains("id") || line.contains("start=")).collect();
        let fields: Vec<&str> =
            lines.iter().map(|line| line.rsplit_once(".img").map_or(*line, |(_, rest)| rest)).collect();
        insta::assert_snapshot!(fields.join("\n"), @r"
        label-id: 0x12345678
        1 : start=        2048, size=       81920, type=ef
        3 : start=       83968, size=    20971520, type=83, bootable
        ");
    }

    #[test]
    fn mistakes_are_plain() {
        let shown = |entries, n_sectors| table(entries).layout(n_sectors).unwrap_err().to_string();
        let five: Vec<_> = (1..=5).map(|i| part(i * 100, 10)).collect();
        insta::assert_snapshot!(shown(five, 1000), @"partition 5 is the 5th primary partition, and an MBR has 4; use a GPT for more");
        insta::assert_snapshot!(shown(vec![part(100, 0)], 1000), @"partition 1 of the MBR has no sectors or no type");
        insta::assert_snapshot!(shown(vec![part(0, 10)], 1000), @"partition 1 starts in sector 0, where the MBR is");
        insta::assert_snapshot!(shown(vec![part(995, 10)], 1000), @"partition 1 does not end inside the disk of 1,000 sectors");
        insta::assert_snapshot!(shown(vec![None, part(u64::MAX, 10)], 1000), @"partition 2 reaches behind 2 TiB, the limit of an MBR; use a GPT");
        insta::assert_snapshot!(shown(vec![part(200, 10), part(100, 101)], 1000), @"partitions 2 and 1 of the MBR overlap");
        let active = part(100, 1).map(|part| Partition { active: true, ..part });
        let other = part(200, 1).map(|part| Partition { active: true, ..part });
        insta::assert_snapshot!(shown(vec![active, other], 1000), @"partitions 1 and 2 are both active, and an MBR has one active partition at most");
    }

    #[test]
    fn the_bytes_do_not_change_by_accident() {
        let bytes = sample().layout(21 << 20).unwrap().to_vec(&MemoryBlobs::new()).unwrap();
        insta::assert_snapshot!(Digest::of(&bytes).to_string(), @"5269792bcbeeeb172bf4988ec378d75ef5e85f1399e24269bc67997cd4e96160");
    }
}
