//! Inodes (kernel documentation, ext4, "Index Nodes"): 256 bytes, of which 160 are fields and 96 extended attributes.

use super::checksum::Checksums;
use super::{Features, put};

/// `i_mode`: what kind of inode it is.
pub(super) const S_IFIFO: u16 = 0x1000;
/// `i_mode`: a character device.
pub(super) const S_IFCHR: u16 = 0x2000;
/// `i_mode`: a directory.
pub(super) const S_IFDIR: u16 = 0x4000;
/// `i_mode`: a block device.
pub(super) const S_IFBLK: u16 = 0x6000;
/// `i_mode`: a regular file.
pub(super) const S_IFREG: u16 = 0x8000;
/// `i_mode`: a symbolic link.
pub(super) const S_IFLNK: u16 = 0xA000;
/// `i_mode`: a socket.
pub(super) const S_IFSOCK: u16 = 0xC000;

/// `i_flags`: the directory has a hashed index.
pub(super) const INDEX_FL: u32 = 0x1000;
/// `i_flags`: `i_block` is the root of an extent tree.
pub(super) const EXTENTS_FL: u32 = 0x80000;

/// `i_extra_isize`: fields behind the first 128 bytes, up to and with `i_projid`.
pub(super) const EXTRA_ISIZE: u16 = 32;
/// Where extended attributes start.
const ATTRIBUTES_AT: usize = 128 + EXTRA_ISIZE as usize;

/// The seconds that an inode can hold: 32 signed bits, and two more that count epochs. Of the last epoch nothing is
/// used, since e2fsck takes times from 2310 on for damaged ones from before 1970.
pub(super) const TIMES: std::ops::Range<i64> = -(1 << 31)..(3 << 32) - (1 << 31);

/// Returns the most links that an inode may count: `EXT4_LINK_MAX`, or `EXT2_LINK_MAX` of readers that do not know
/// the feature `dir_nlink`.
pub(super) fn link_max(features: &Features) -> u64 {
    if features.dir_nlink { 65000 } else { 32000 }
}

/// The fields of an inode that are not zero.
pub(super) struct Inode<'a> {
    /// 0x00 2 i_mode: kind and permissions
    pub(super) mode: u16,
    /// 0x02 2, 0x78 2 i_uid, l_i_uid_high
    pub(super) uid: u32,
    /// 0x18 2, 0x7A 2 i_gid, l_i_gid_high
    pub(super) gid: u32,
    /// 0x04 4, 0x6C 4 i_size_lo, i_size_high: bytes
    pub(super) size: u64,
    /// 0x08, 0x0C, 0x10, 0x90 4 each i_atime, i_ctime, i_mtime, i_crtime, and 0x84, 0x88, 0x8C, 0x94 their epochs
    pub(super) time: i64,
    /// 0x1A 2 i_links_count
    pub(super) links: u16,
    /// 0x1C 4, 0x74 2 i_blocks_lo, l_i_blocks_high: in sectors of 512 bytes
    pub(super) sectors: u64,
    /// 0x20 4 i_flags
    pub(super) flags: u32,
    /// 0x28 60 i_block
    pub(super) block: [u8; 60],
    /// 0x68 4, 0x76 2 i_file_acl_lo, l_i_file_acl_high: the block of extended attributes, or 0
    pub(super) attribute_block: u64,
    /// 0xA0 96 extended attributes
    pub(super) attributes: &'a [u8],
}

impl Inode<'_> {
    /// Returns the record; `checksums` are those of the inode.
    pub(super) fn to_bytes(&self, checksums: Checksums) -> [u8; 256] {
        let mut bytes = [0; 256];
        put(&mut bytes, 0x00, self.mode.to_le_bytes());
        put(&mut bytes, 0x02, (self.uid as u16).to_le_bytes());
        put(&mut bytes, 0x04, (self.size as u32).to_le_bytes());
        put(&mut bytes, 0x18, (self.gid as u16).to_le_bytes());
        put(&mut bytes, 0x1A, self.links.to_le_bytes());
        put(&mut bytes, 0x1C, (self.sectors as u32).to_le_bytes());
        put(&mut bytes, 0x20, self.flags.to_le_bytes());
        put(&mut bytes, 0x28, self.block);
        put(&mut bytes, 0x68, (self.attribute_block as u32).to_le_bytes());
        put(&mut bytes, 0x6C, ((self.size >> 32) as u32).to_le_bytes());
        put(&mut bytes, 0x74, ((self.sectors >> 32) as u16).to_le_bytes());
        put(&mut bytes, 0x76, ((self.attribute_block >> 32) as u16).to_le_bytes());
        put(&mut bytes, 0x78, ((self.uid >> 16) as u16).to_le_bytes());
        put(&mut bytes, 0x7A, ((self.gid >> 16) as u16).to_le_bytes());
        put(&mut bytes, 0x80, EXTRA_ISIZE.to_le_bytes());
        self.put_times(&mut bytes);
        bytes[ATTRIBUTES_AT..ATTRIBUTES_AT + self.attributes.len()].copy_from_slice(self.attributes);
        let sum = checksums.sum(&bytes);
        put(&mut bytes, 0x7C, (sum as u16).to_le_bytes());
        put(&mut bytes, 0x82, ((sum >> 16) as u16).to_le_bytes());
        bytes
    }

    /// All four times are the same one: a tree knows only when something was modified.
    fn put_times(&self, bytes: &mut [u8]) {
        let (seconds, extra) = encode_time(self.time);
        for at in [0x08, 0x0C, 0x10, 0x90] {
            put(bytes, at, seconds.to_le_bytes());
        }
        for at in [0x84, 0x88, 0x8C, 0x94] {
            put(bytes, at, extra.to_le_bytes());
        }
    }
}

/// Returns the 32 low bits and the extra field (two bits of epoch, no nanoseconds) of a time within [`TIMES`].
fn encode_time(time: i64) -> (u32, u32) {
    let low = time as i32;
    let epoch = (time - i64::from(low)) >> 32;
    (low as u32, epoch as u32 & 3)
}

/// Returns `i_block` of a device node: numbers of 8 bits in the old form in the first word, others in the new form
/// in the second; none when they exceed 12 and 20 bits.
pub(super) fn encode_device(major: u32, minor: u32) -> Option<[u8; 60]> {
    let mut block = [0; 60];
    if major < 1 << 8 && minor < 1 << 8 {
        put(&mut block, 0, (major << 8 | minor).to_le_bytes());
    } else if major < 1 << 12 && minor < 1 << 20 {
        put(&mut block, 4, ((minor & 0xFF) | major << 8 | (minor & !0xFF) << 12).to_le_bytes());
    } else {
        return None;
    }
    Some(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_epochs() {
        // The table of the documentation, "Inode Timestamps".
        assert_eq!(encode_time(-1), (0xFFFF_FFFF, 0));
        assert_eq!(encode_time(TIMES.start), (0x8000_0000, 0));
        assert_eq!(encode_time(0x7FFF_FFFF), (0x7FFF_FFFF, 0));
        assert_eq!(encode_time(0x8000_0000), (0x8000_0000, 1));
        assert_eq!(encode_time(0x1_0000_0000), (0, 1));
        assert_eq!(encode_time(TIMES.end - 1), (0x7FFF_FFFF, 2));
    }

    #[test]
    fn device_numbers_have_two_forms() {
        assert_eq!(encode_device(5, 1).unwrap()[..8], [1, 5, 0, 0, 0, 0, 0, 0]);
        assert_eq!(encode_device(259, 0x12345).unwrap()[..8], [0, 0, 0, 0, 0x45, 0x03, 0x31, 0x12]);
        assert_eq!(encode_device(1 << 12, 0), None);
        assert_eq!(encode_device(0, 1 << 20), None);
    }
}
