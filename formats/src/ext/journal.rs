//! The internal journal: an inode whose blocks are an empty jbd2 log (kernel documentation, ext4, "Journal (jbd2)").

use super::put;

/// The inode of the journal.
pub(super) const JOURNAL_INO: u32 = 8;

/// File systems below the first number of blocks get a journal of the second: mke2fs's steps.
const STEPS: [(u64, u64); 7] = [
    (2048, 0),
    (32 << 10, 1024),
    (256 << 10, 4096),
    (512 << 10, 8192),
    (4 << 20, 16384),
    (8 << 20, 32768),
    (16 << 20, 65536),
];
/// The journal of larger ones.
const LARGEST: u64 = 131_072;

/// The fewest blocks that a journal may have (`JBD2_MIN_JOURNAL_BLOCKS`).
pub(super) const SMALLEST: u64 = 1024;

/// Returns how many blocks the journal of a file system of so many blocks has; 0 for none.
pub(super) fn usual_blocks(blocks: u64) -> u64 {
    STEPS.iter().find(|(below, _)| blocks < *below).map_or(LARGEST, |&(_, journal)| journal)
}

/// Returns the sizes to try when content leaves too little room: the usual one, then smaller steps down to the least
/// that jbd2 accepts.
pub(super) fn sizes_down_from_usual(blocks: u64) -> impl Iterator<Item = u64> {
    let usual = usual_blocks(blocks);
    let smaller = STEPS.iter().rev().map(|&(_, journal)| journal).filter(move |&size| 0 < size && size < usual);
    std::iter::once(usual).chain(smaller)
}

/// Returns the journal superblock of an empty log. Numbers are big-endian here.
///
/// 0x00 4 h_magic, 0x04 4 h_blocktype, 0x08 4 h_sequence, 0x0C 4 s_blocksize, 0x10 4 s_maxlen, 0x14 4 s_first,
/// 0x18 4 s_sequence, 0x1C 4 s_start (0: nothing to replay), 0x30 16 s_uuid, 0x40 4 s_nr_users.
pub(super) fn superblock(block_size: u32, blocks: u64, uuid: &[u8; 16]) -> Vec<u8> {
    const MAGIC: u32 = 0xC03B_3998;
    const SUPERBLOCK_V2: u32 = 4;
    const FIRST_LOG_BLOCK: u32 = 1;
    const FIRST_SEQUENCE: u32 = 1;
    const USERS: u32 = 1;
    let mut bytes = vec![0; 1024];
    put(&mut bytes, 0x00, MAGIC.to_be_bytes());
    put(&mut bytes, 0x04, SUPERBLOCK_V2.to_be_bytes());
    put(&mut bytes, 0x0C, block_size.to_be_bytes());
    put(&mut bytes, 0x10, (blocks as u32).to_be_bytes());
    put(&mut bytes, 0x14, FIRST_LOG_BLOCK.to_be_bytes());
    put(&mut bytes, 0x18, FIRST_SEQUENCE.to_be_bytes());
    put(&mut bytes, 0x30, *uuid);
    put(&mut bytes, 0x40, USERS.to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn journals_grow_with_file_systems() {
        assert_eq!(usual_blocks(2047), 0);
        assert_eq!(usual_blocks(2048), 1024);
        assert_eq!(usual_blocks(u64::MAX), LARGEST);
        assert_eq!(sizes_down_from_usual(300_000).collect::<Vec<_>>(), [8192, 4096, 1024]);
        assert_eq!(sizes_down_from_usual(2000).collect::<Vec<_>>(), [0]);
    }
}
