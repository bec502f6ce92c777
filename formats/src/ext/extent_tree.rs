//! Extent trees: from blocks of a file to blocks of the file system (kernel documentation, ext4, "Extent Tree").
//!
//! ```text
//! in the inode: header, 4 entries       in a block: header, n entries, checksum
//! ```
//! Up to four runs lie in the inode itself. More lie in leaf blocks, which index entries lead to, level over level
//! until four entries of the topmost level fit into the inode.

use super::checksum::Checksums;
use super::mapping::{Mapping, Run, Tree};
use super::put;

/// The most blocks of one initialised extent (`ee_len`; larger values mark unwritten extents).
pub(super) const MAX_EXTENT_BLOCKS: u64 = 32768;

/// `eh_magic`.
const MAGIC: u16 = 0xF30A;
/// Bytes of `ext4_extent_header`, and of each entry behind it.
const ENTRY_SIZE: usize = 12;
/// Entries that fit into `i_block`.
const ENTRIES_IN_INODE: usize = 4;

/// How many blocks the tree over so many runs takes.
pub(super) fn tree_blocks(runs: usize, block_size: u64) -> usize {
    let mut blocks = 0;
    let mut entries = runs;
    while entries > ENTRIES_IN_INODE {
        entries = entries.div_ceil(entries_per_block(block_size));
        blocks += entries;
    }
    blocks
}

/// Returns the tree over the runs of `mapping`, in its `tree` blocks; `checksums` are those of the inode.
pub(super) fn build(mapping: &Mapping, block_size: u64, checksums: Checksums) -> Tree {
    let mut free = mapping.tree.iter().copied();
    let mut blocks = Vec::with_capacity(mapping.tree.len());
    let mut level: Vec<Entry> = mapping.runs.iter().map(Entry::leaf).collect();
    let mut depth = 0;
    while level.len() > ENTRIES_IN_INODE {
        let mut above = Vec::new();
        for entries in level.chunks(entries_per_block(block_size)) {
            let block = free.next().expect("`tree_blocks` counted the blocks of the tree");
            above.push(Entry::index(entries[0].logical, block));
            blocks.push((block, node_block(entries, depth, block_size, checksums)));
        }
        level = above;
        depth += 1;
    }
    let mut root = [0; 60];
    write_node(&mut root, &level, ENTRIES_IN_INODE, depth);
    Tree { root, blocks }
}

/// An entry of a node: `ext4_extent` or `ext4_extent_idx`.
struct Entry {
    /// `ee_block`, `ei_block`: the first block of the file that it covers.
    logical: u32,
    bytes: [u8; ENTRY_SIZE],
}

impl Entry {
    /// `ext4_extent`: 0 4 ee_block, 4 2 ee_len, 6 2 ee_start_hi, 8 4 ee_start_lo.
    fn leaf(run: &Run) -> Entry {
        let logical = u32::try_from(run.logical).expect("files have fewer than 2^32 blocks");
        let blocks = u16::try_from(run.blocks).expect("runs have at most 32768 blocks");
        let mut bytes = [0; ENTRY_SIZE];
        put(&mut bytes, 0, logical.to_le_bytes());
        put(&mut bytes, 4, blocks.to_le_bytes());
        put(&mut bytes, 6, ((run.physical >> 32) as u16).to_le_bytes());
        put(&mut bytes, 8, (run.physical as u32).to_le_bytes());
        Entry { logical, bytes }
    }

    /// `ext4_extent_idx`: 0 4 ei_block, 4 4 ei_leaf_lo, 8 2 ei_leaf_hi.
    fn index(logical: u32, block: u64) -> Entry {
        let mut bytes = [0; ENTRY_SIZE];
        put(&mut bytes, 0, logical.to_le_bytes());
        put(&mut bytes, 4, (block as u32).to_le_bytes());
        put(&mut bytes, 8, ((block >> 32) as u16).to_le_bytes());
        Entry { logical, bytes }
    }
}

fn entries_per_block(block_size: u64) -> usize {
    block_size as usize / ENTRY_SIZE - 1
}

/// A node in a block of its own, with `ext4_extent_tail` behind the room for entries.
fn node_block(entries: &[Entry], depth: u16, block_size: u64, checksums: Checksums) -> Vec<u8> {
    let room = entries_per_block(block_size);
    let tail = ENTRY_SIZE * (1 + room);
    let mut bytes = vec![0; block_size as usize];
    write_node(&mut bytes, entries, room, depth);
    let sum = checksums.sum(&bytes[..tail]);
    put(&mut bytes, tail, sum.to_le_bytes());
    bytes
}

/// `ext4_extent_header`: 0 2 eh_magic, 2 2 eh_entries, 4 2 eh_max, 6 2 eh_depth, 8 4 eh_generation; then the entries.
fn write_node(bytes: &mut [u8], entries: &[Entry], room: usize, depth: u16) {
    put(bytes, 0, MAGIC.to_le_bytes());
    put(bytes, 2, (entries.len() as u16).to_le_bytes());
    put(bytes, 4, (room as u16).to_le_bytes());
    put(bytes, 6, depth.to_le_bytes());
    for (index, entry) in entries.iter().enumerate() {
        put(bytes, ENTRY_SIZE * (1 + index), entry.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_grow_by_levels() {
        assert_eq!(tree_blocks(0, 4096), 0);
        assert_eq!(tree_blocks(4, 4096), 0);
        assert_eq!(tree_blocks(5, 4096), 1);
        assert_eq!(tree_blocks(4 * 340, 4096), 4);
        assert_eq!(tree_blocks(4 * 340 + 1, 4096), 5 + 1);
        assert_eq!(tree_blocks(4 * 84 * 84 + 1, 1024), 337 + 5 + 1);
    }
}
