//! Sectors with four entries: the table itself, and the extended boot records, which have the same form.

use bytes::Bytes;

use super::chs::chs;
use super::{N_ENTRIES, Partition, SECTOR, TABLE_AT};
use crate::Extents;

/// One entry as it is on the disk (UEFI 2.10, table 5-2).
#[derive(Clone, Copy, Default)]
pub(super) struct EntryRecord {
    /// 0 1 0x80: active
    pub(super) boot_indicator: u8,
    /// 1 3 first sector as cylinder, head, sector
    pub(super) start_chs: [u8; 3],
    /// 4 1 type
    pub(super) kind: u8,
    /// 5 3 last sector as cylinder, head, sector
    pub(super) end_chs: [u8; 3],
    /// 8 4 first sector
    pub(super) first_lba: u32,
    /// 12 4 length in sectors
    pub(super) n_sectors: u32,
}

impl EntryRecord {
    /// Returns the record of a partition.
    pub(super) fn of(part: &Partition) -> EntryRecord {
        let record = EntryRecord::range(part.kind, part.first_lba, part.n_sectors, 0);
        EntryRecord { boot_indicator: if part.active { 0x80 } else { 0 }, ..record }
    }

    /// Returns the record of sectors that were checked to be reachable with 32 bits. Its first sector counts from `base`; what
    /// is said as cylinder, head and sector always counts from the start of the disk.
    pub(super) fn range(kind: u8, first_lba: u64, n_sectors: u64, base: u64) -> EntryRecord {
        EntryRecord {
            boot_indicator: 0,
            start_chs: chs(first_lba),
            kind,
            end_chs: chs(first_lba + n_sectors - 1),
            first_lba: (first_lba - base) as u32,
            n_sectors: n_sectors as u32,
        }
    }

    /// Returns the same record with its first sector counted from `base`.
    pub(super) fn relative_to(self, base: u64) -> EntryRecord {
        EntryRecord { first_lba: self.first_lba - base as u32, ..self }
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

/// Returns the sector from [`TABLE_AT`] on; what lies before belongs to boot code.
pub(super) fn table_bytes(disk_signature: u32, records: &[EntryRecord; N_ENTRIES]) -> Extents {
    let mut bytes = Vec::with_capacity((SECTOR - TABLE_AT) as usize);
    bytes.extend(disk_signature.to_le_bytes());
    bytes.extend([0, 0]);
    bytes.extend(records.iter().flat_map(|record| record.to_bytes()));
    bytes.extend([0x55, 0xaa]);
    Extents::from_bytes(Bytes::from(bytes))
}
