//! The header, of which there are two that point at each other.

use super::ENTRY_LEN;
use crate::mbr::SECTOR;
use crate::{Extents, Guid};

/// The bytes of a header that its checksum covers (table 5-5).
const HEADER_LEN: u32 = 92;

/// The header as it is on the disk (table 5-5).
#[derive(Clone)]
pub(super) struct HeaderRecord {
    // 0 8 "EFI PART", 8 4 revision, 12 4 length of the header, 16 4 checksum of the header, 20 4 zero
    /// 24 8 the sector of this header
    pub(super) my_lba: u64,
    /// 32 8 the sector of the other header
    pub(super) alternate_lba: u64,
    /// 40 8 first sector for partitions
    pub(super) first_usable_lba: u64,
    /// 48 8 last sector for partitions
    pub(super) last_usable_lba: u64,
    /// 56 16 the name of the disk
    pub(super) disk_guid: Guid,
    /// 72 8 first sector of the entry array that belongs to this header
    pub(super) partition_entry_lba: u64,
    /// 80 4 how many entries
    pub(super) number_of_partition_entries: u32,
    // 84 4 the length of an entry
    /// 88 4 checksum of the entry array
    pub(super) partition_entry_array_crc32: u32,
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

    pub(super) fn to_extents(&self) -> Extents {
        let mut sector = Extents::from_bytes(self.to_bytes());
        sector.pad_to(SECTOR);
        sector
    }
}
