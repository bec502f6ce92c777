//! Superblock and group descriptors (kernel documentation, ext4, "Super Block" and "Block Group Descriptors").
//!
//! The structs hold what differs between file systems; fields that never differ are written as constants, and all
//! others are zero.

use super::checksum::Checksums;
use super::geometry::INODE_SIZE;
use super::inode::EXTRA_ISIZE;
use super::{Features, put};

/// Where the first superblock lies, in bytes.
pub(super) const SUPERBLOCK_AT: u64 = 1024;
/// The first inode that is not reserved (`s_first_ino`): `lost+found`.
pub(super) const FIRST_INO: u32 = 11;

/// `s_magic`.
const MAGIC: u16 = 0xEF53;
/// `s_state`: unmounted cleanly.
const STATE_CLEAN: u16 = 1;
/// `s_errors`: continue.
const ERRORS_CONTINUE: u16 = 1;
/// `s_max_mnt_count`: never check for the number of mounts.
const NO_MOUNT_LIMIT: u16 = 0xFFFF;
/// `s_rev_level`: with inode size and features.
const REVISION_DYNAMIC: u32 = 1;
/// `s_def_hash_version`: half MD4.
const HASH_HALF_MD4: u8 = 1;
/// `s_flags`: names are hashed as signed characters.
const FLAG_SIGNED_HASH: u32 = 1;
/// `s_default_mount_opts`: `user_xattr` and `acl`.
const MOUNT_XATTR_USER_AND_ACL: u32 = 0x4 | 0x8;
/// `s_checksum_type`: CRC-32C.
const CHECKSUM_CRC32C: u8 = 1;
/// `s_jnl_backup_type`: `s_jnl_blocks` is a copy of the journal's `i_block` and size.
const JOURNAL_BACKUP_BLOCKS: u8 = 1;

/// What a superblock says about one file system.
#[derive(Clone, Debug)]
pub(super) struct Superblock {
    /// 0x000 4 s_inodes_count
    pub(super) inodes: u32,
    /// 0x004 4, 0x150 4 s_blocks_count
    pub(super) blocks: u64,
    /// 0x00C 4, 0x158 4 s_free_blocks_count
    pub(super) free_blocks: u64,
    /// 0x010 4 s_free_inodes_count
    pub(super) free_inodes: u32,
    /// 0x014 4 s_first_data_block
    pub(super) first_block: u64,
    /// 0x018 4 s_log_block_size (of blocks / 1024), 0x01C 4 s_log_cluster_size,
    /// 0x020 4 s_blocks_per_group (8 x block size), 0x024 4 s_clusters_per_group
    pub(super) block_size: u32,
    /// 0x028 4 s_inodes_per_group
    pub(super) inodes_per_group: u32,
    /// 0x0CE 2 s_reserved_gdt_blocks, and whether there is the inode that owns them
    pub(super) reserved_descriptors: Option<u64>,
    /// 0x030 4, 0x274 1 s_wtime; 0x040 4, 0x277 1 s_lastcheck; 0x108 4, 0x276 1 s_mkfs_time
    pub(super) time: u64,
    /// 0x05C s_feature_compat, 0x060 s_feature_incompat, 0x064 s_feature_ro_compat, 0x0FE 2 s_desc_size
    pub(super) features: Features,
    /// 0x068 16 s_uuid
    pub(super) uuid: [u8; 16],
    /// 0x078 16 s_volume_name
    pub(super) label: [u8; 16],
    /// 0x0EC 16 s_hash_seed
    pub(super) hash_seed: [u8; 16],
    /// 0x0E0 4 s_journal_inum, 0x0FD 1 s_jnl_backup_type, 0x10C 68 s_jnl_blocks
    pub(super) journal: Option<JournalBackup>,
    /// 0x248 4 s_overhead_blocks: blocks that are no content
    pub(super) overhead: u64,
}

/// What the superblock repeats of the journal's inode.
#[derive(Clone, Debug)]
pub(super) struct JournalBackup {
    pub(super) ino: u32,
    pub(super) block: [u8; 60],
    pub(super) size: u64,
}

impl Superblock {
    /// Returns the record as it stands in group `group` (`s_block_group_nr`).
    pub(super) fn to_bytes(&self, group: u64, checksums: Checksums) -> [u8; 1024] {
        let mut bytes = [0; 1024];
        self.put_counts(&mut bytes);
        self.put_times(&mut bytes);
        self.put_constants(&mut bytes);
        // The field is 16 bits wide: in copies behind group 65535 it wraps.
        put(&mut bytes, 0x05A, (group as u16).to_le_bytes());
        put(&mut bytes, 0x05C, self.compatible().to_le_bytes());
        put(&mut bytes, 0x060, self.features.incompatible().to_le_bytes());
        put(&mut bytes, 0x064, self.features.read_only_compatible().to_le_bytes());
        put(&mut bytes, 0x068, self.uuid);
        put(&mut bytes, 0x078, self.label);
        put(&mut bytes, 0x0EC, self.hash_seed);
        let descriptor_size = if self.features.bits64 { self.features.descriptor_size() as u16 } else { 0 };
        put(&mut bytes, 0x0FE, descriptor_size.to_le_bytes());
        bytes[0x174] = self.features.log_groups_per_flex();
        bytes[0x175] = if checksums.enabled() { CHECKSUM_CRC32C } else { 0 };
        if let Some(journal) = &self.journal {
            journal.put(&mut bytes);
        }
        let sum = checksums.sum_of_superblock(&bytes[..0x3FC]);
        put(&mut bytes, 0x3FC, sum.to_le_bytes());
        bytes
    }

    /// `s_feature_compat`.
    fn compatible(&self) -> u32 {
        const HAS_JOURNAL: u32 = 0x4;
        const EXT_ATTR: u32 = 0x8;
        const RESIZE_INODE: u32 = 0x10;
        const DIR_INDEX: u32 = 0x20;
        EXT_ATTR
            | if self.journal.is_some() { HAS_JOURNAL } else { 0 }
            | if self.reserved_descriptors.is_some() { RESIZE_INODE } else { 0 }
            | if self.features.dir_index { DIR_INDEX } else { 0 }
    }

    fn put_counts(&self, bytes: &mut [u8; 1024]) {
        let log_block_size = self.block_size.trailing_zeros() - 10;
        let blocks_per_group = 8 * self.block_size;
        put(bytes, 0x000, self.inodes.to_le_bytes());
        put(bytes, 0x004, (self.blocks as u32).to_le_bytes());
        put(bytes, 0x150, ((self.blocks >> 32) as u32).to_le_bytes());
        put(bytes, 0x00C, (self.free_blocks as u32).to_le_bytes());
        put(bytes, 0x158, ((self.free_blocks >> 32) as u32).to_le_bytes());
        put(bytes, 0x010, self.free_inodes.to_le_bytes());
        put(bytes, 0x014, (self.first_block as u32).to_le_bytes());
        put(bytes, 0x018, log_block_size.to_le_bytes());
        put(bytes, 0x01C, log_block_size.to_le_bytes());
        put(bytes, 0x020, blocks_per_group.to_le_bytes());
        put(bytes, 0x024, blocks_per_group.to_le_bytes());
        put(bytes, 0x028, self.inodes_per_group.to_le_bytes());
        put(bytes, 0x0CE, (self.reserved_descriptors.unwrap_or(0) as u16).to_le_bytes());
        // 0 makes kernels count it themselves, which also serves sizes that 32 bits do not hold.
        put(bytes, 0x248, u32::try_from(self.overhead).unwrap_or(0).to_le_bytes());
    }

    fn put_times(&self, bytes: &mut [u8; 1024]) {
        for (low, high) in [(0x030, 0x274), (0x040, 0x277), (0x108, 0x276)] {
            put(bytes, low, (self.time as u32).to_le_bytes());
            bytes[high] = (self.time >> 32) as u8;
        }
    }

    fn put_constants(&self, bytes: &mut [u8; 1024]) {
        put(bytes, 0x036, NO_MOUNT_LIMIT.to_le_bytes());
        put(bytes, 0x038, MAGIC.to_le_bytes());
        put(bytes, 0x03A, STATE_CLEAN.to_le_bytes());
        put(bytes, 0x03C, ERRORS_CONTINUE.to_le_bytes());
        put(bytes, 0x04C, REVISION_DYNAMIC.to_le_bytes());
        put(bytes, 0x054, FIRST_INO.to_le_bytes());
        put(bytes, 0x058, (INODE_SIZE as u16).to_le_bytes());
        bytes[0x0FC] = HASH_HALF_MD4;
        put(bytes, 0x100, MOUNT_XATTR_USER_AND_ACL.to_le_bytes());
        put(bytes, 0x15C, EXTRA_ISIZE.to_le_bytes());
        put(bytes, 0x15E, EXTRA_ISIZE.to_le_bytes());
        put(bytes, 0x160, FLAG_SIGNED_HASH.to_le_bytes());
    }
}

impl JournalBackup {
    fn put(&self, bytes: &mut [u8; 1024]) {
        put(bytes, 0x0E0, self.ino.to_le_bytes());
        bytes[0x0FD] = JOURNAL_BACKUP_BLOCKS;
        put(bytes, 0x10C, self.block);
        put(bytes, 0x148, ((self.size >> 32) as u32).to_le_bytes());
        put(bytes, 0x14C, (self.size as u32).to_le_bytes());
    }
}

impl Features {
    /// `s_feature_incompat`.
    fn incompatible(&self) -> u32 {
        const FILETYPE: u32 = 0x2;
        const EXTENTS: u32 = 0x40;
        const BITS64: u32 = 0x80;
        const FLEX_BG: u32 = 0x200;
        FILETYPE
            | if self.extents { EXTENTS } else { 0 }
            | if self.bits64 { BITS64 } else { 0 }
            | if self.flex_bg { FLEX_BG } else { 0 }
    }

    /// `s_feature_ro_compat`.
    fn read_only_compatible(&self) -> u32 {
        const SPARSE_SUPER: u32 = 0x1;
        const LARGE_FILE: u32 = 0x2;
        const HUGE_FILE: u32 = 0x8;
        const DIR_NLINK: u32 = 0x20;
        const EXTRA_ISIZE: u32 = 0x40;
        const METADATA_CSUM: u32 = 0x400;
        SPARSE_SUPER
            | LARGE_FILE
            | if self.huge_file { HUGE_FILE } else { 0 }
            | if self.dir_nlink { DIR_NLINK } else { 0 }
            | if self.extra_isize { EXTRA_ISIZE } else { 0 }
            | if self.metadata_csum { METADATA_CSUM } else { 0 }
    }

    /// Bytes of a group descriptor.
    pub(super) fn descriptor_size(&self) -> u64 {
        if self.bits64 { 64 } else { 32 }
    }

    /// `s_log_groups_per_flex`: sixteen groups, mke2fs's default.
    pub(super) fn log_groups_per_flex(&self) -> u8 {
        if self.flex_bg { 4 } else { 0 }
    }
}

/// `bg_flags`: no inode of the group is in use, and its inode bitmap is not written.
pub(super) const INODE_UNINIT: u16 = 0x1;
/// `bg_flags`: no block of the group is in use but its copies, and its block bitmap is not written.
pub(super) const BLOCK_UNINIT: u16 = 0x2;
/// `bg_flags`: unused inodes of the table are zero.
pub(super) const INODE_ZEROED: u16 = 0x4;

/// A group descriptor; fields of two places are low half and high half.
#[derive(Clone, Debug)]
pub(super) struct Descriptor {
    /// 0x00 4, 0x20 4 bg_block_bitmap
    pub(super) block_bitmap: u64,
    /// 0x04 4, 0x24 4 bg_inode_bitmap
    pub(super) inode_bitmap: u64,
    /// 0x08 4, 0x28 4 bg_inode_table
    pub(super) inode_table: u64,
    /// 0x0C 2, 0x2C 2 bg_free_blocks_count
    pub(super) free_blocks: u32,
    /// 0x0E 2, 0x2E 2 bg_free_inodes_count
    pub(super) free_inodes: u32,
    /// 0x10 2, 0x30 2 bg_used_dirs_count
    pub(super) directories: u32,
    /// 0x12 2 bg_flags
    pub(super) flags: u16,
    /// 0x18 2, 0x38 2 bg_block_bitmap_csum
    pub(super) block_bitmap_sum: u32,
    /// 0x1A 2, 0x3A 2 bg_inode_bitmap_csum
    pub(super) inode_bitmap_sum: u32,
    /// 0x1C 2, 0x32 2 bg_itable_unused: inodes at the end of the table that were never used
    pub(super) unused_inodes: u32,
}

impl Descriptor {
    /// Returns the record of group `group`, `size` bytes long: 32 or 64. 0x1E 2 bg_checksum.
    pub(super) fn to_bytes(&self, group: u32, size: u64, checksums: Checksums) -> Vec<u8> {
        let mut bytes = [0; 64];
        for (at, value) in [(0x00, self.block_bitmap), (0x04, self.inode_bitmap), (0x08, self.inode_table)] {
            put(&mut bytes, at, (value as u32).to_le_bytes());
            put(&mut bytes, 0x20 + at, ((value >> 32) as u32).to_le_bytes());
        }
        let halves = [
            (0x0C, 0x2C, self.free_blocks),
            (0x0E, 0x2E, self.free_inodes),
            (0x10, 0x30, self.directories),
            (0x18, 0x38, self.block_bitmap_sum),
            (0x1A, 0x3A, self.inode_bitmap_sum),
            (0x1C, 0x32, self.unused_inodes),
        ];
        for (low, high, value) in halves {
            put(&mut bytes, low, (value as u16).to_le_bytes());
            put(&mut bytes, high, ((value >> 16) as u16).to_le_bytes());
        }
        put(&mut bytes, 0x12, self.flags.to_le_bytes());
        let mut record = bytes[..size as usize].to_vec();
        let sum = checksums.then(&group.to_le_bytes()).sum(&record);
        put(&mut record, 0x1E, (sum as u16).to_le_bytes());
        record
    }
}
