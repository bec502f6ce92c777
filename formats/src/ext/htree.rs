//! The hashed index of a large directory (kernel documentation, ext4, "Hash Tree Directories").
//!
//! ```text
//! block 0:  . | .. over the rest of the block:  dx_root_info | limit, count | hash, block | ... | dx_tail
//! nodes:    an unused entry over the block:                    limit, count | hash, block | ... | dx_tail
//! leaves:   blocks of a linear directory, each with the names of a range of hashes
//! ```
//! The root leads to the leaves, or to nodes that lead to them. Blocks that do not know of indexes see a linear
//! directory all the same. Leaves are filled in the order of hashes; where names of one hash lie in two leaves, the
//! lowest bit of the second one's hash, which no name has, makes readers go on from the first.

use std::ops::Range;

use super::checksum::Checksums;
use super::put;

/// Where the list of a root starts: behind `.`, the header and name of `..`, and `dx_root_info`.
const ROOT_LIST_AT: usize = 32;
/// Where `dx_root_info` lies.
const ROOT_INFO_AT: usize = 24;
/// Bytes of `dx_root_info` (`info_length`).
const ROOT_INFO_SIZE: u8 = 8;
/// Where the list of a node starts: behind the header of the unused entry.
const NODE_LIST_AT: usize = 8;
/// Bytes of `dx_entry`, and of the limit and count in front of the first block number.
const ENTRY_SIZE: usize = 8;
/// Bytes of `dx_tail`.
const TAIL_SIZE: usize = 8;
/// `hash_version`: half MD4, of signed characters as the superblock says.
const HASH_HALF_MD4: u8 = 1;
/// In the hash of an entry: the block in front of it ends with names of the same hash.
const CONTINUED: u32 = 1;

/// An index, planned.
#[derive(Clone, Debug)]
pub(super) struct Index {
    /// In the order of their hashes.
    leaves: Vec<Leaf>,
    /// How many nodes there are between the root and the leaves; none when the root leads to leaves.
    nodes: usize,
}

/// One leaf.
#[derive(Clone, Debug)]
struct Leaf {
    /// The least hash of its names, perhaps [`CONTINUED`].
    hash: u32,
    /// Which entries of the directory it holds.
    entries: Range<usize>,
}

impl Index {
    /// Returns the index over leaves of these entries, whose hashes are sorted; none when that takes more than two
    /// levels, which only the feature `large_dir` allows.
    pub(super) fn new(hashes: &[u32], leaves: Vec<Range<usize>>, block_size: usize, with_tail: bool) -> Option<Index> {
        let nodes = match leaves.len() {
            few if few <= limit(block_size, ROOT_LIST_AT, with_tail) => 0,
            many => many.div_ceil(limit(block_size, NODE_LIST_AT, with_tail)),
        };
        let leaf = |entries: Range<usize>| {
            let hash = hashes[entries.start];
            let is_continued = entries.start > 0 && hashes[entries.start - 1] == hash;
            Leaf { hash: hash | if is_continued { CONTINUED } else { 0 }, entries }
        };
        let leaves = leaves.into_iter().map(leaf).collect();
        (nodes <= limit(block_size, ROOT_LIST_AT, with_tail)).then_some(Index { leaves, nodes })
    }

    /// How many blocks the directory has.
    pub(super) fn blocks(&self) -> usize {
        1 + self.nodes + self.leaves.len()
    }

    /// How many levels lie between root and leaves (`indirect_levels`).
    pub(super) fn levels(&self) -> u8 {
        u8::from(self.nodes > 0)
    }

    /// Returns the entries of each leaf; leaves are the last blocks.
    pub(super) fn leaves(&self) -> impl ExactSizeIterator<Item = Range<usize>> {
        self.leaves.iter().map(|leaf| leaf.entries.clone())
    }

    /// Writes root and nodes, the first blocks. The root has its two entries already.
    pub(super) fn write(&self, blocks: &mut [u8], block_size: usize, checksums: Checksums) {
        let first_leaf = 1 + self.nodes;
        let leaves = self.leaves.iter().map(|leaf| leaf.hash).zip(first_leaf as u32..);
        let mut entries: Vec<(u32, u32)> = leaves.collect();
        let (root, nodes) = blocks.split_at_mut(block_size);
        if self.nodes > 0 {
            let lists = entries.chunks(limit(block_size, NODE_LIST_AT, checksums.enabled()));
            let mut above = Vec::new();
            for ((block, list), number) in nodes.chunks_exact_mut(block_size).zip(lists).zip(1..) {
                write_node(block, list, checksums);
                above.push((list[0].0, number));
            }
            entries = above;
        }
        write_root(root, self.levels(), &entries, checksums);
    }
}

/// How many entries fit into a block behind `at`, limit and count being the first one's hash.
fn limit(block_size: usize, at: usize, with_tail: bool) -> usize {
    (block_size - at - if with_tail { TAIL_SIZE } else { 0 }) / ENTRY_SIZE
}

/// `dx_root_info`: 0 4 reserved_zero, 4 1 hash_version, 5 1 info_length, 6 1 indirect_levels, 7 1 unused_flags.
fn write_root(block: &mut [u8], levels: u8, entries: &[(u32, u32)], checksums: Checksums) {
    block[ROOT_INFO_AT + 4] = HASH_HALF_MD4;
    block[ROOT_INFO_AT + 5] = ROOT_INFO_SIZE;
    block[ROOT_INFO_AT + 6] = levels;
    write_entries(block, ROOT_LIST_AT, entries, checksums);
}

/// The unused entry in front: 0 4 inode (0), 4 2 rec_len, 6 1 name_len, 7 1 file_type.
fn write_node(block: &mut [u8], entries: &[(u32, u32)], checksums: Checksums) {
    let len = block.len() as u16;
    put(block, 4, len.to_le_bytes());
    write_entries(block, NODE_LIST_AT, entries, checksums);
}

/// `dx_countlimit`: 0 2 limit, 2 2 count; in the place of the first entry's hash. `dx_entry`: 0 4 hash, 4 4 block.
/// `dx_tail`, behind the limit of entries: 0 4 dt_reserved, 4 4 dt_checksum.
fn write_entries(block: &mut [u8], at: usize, entries: &[(u32, u32)], checksums: Checksums) {
    let limit = limit(block.len(), at, checksums.enabled());
    let end = at + ENTRY_SIZE * entries.len();
    for (place, &(hash, number)) in block[at..end].chunks_exact_mut(ENTRY_SIZE).zip(entries) {
        put(place, 0, hash.to_le_bytes());
        put(place, 4, number.to_le_bytes());
    }
    put(block, at, (limit as u16).to_le_bytes());
    put(block, at + 2, (entries.len() as u16).to_le_bytes());
    if checksums.enabled() {
        // What is in use, and the tail with a sum of 0.
        let sum = checksums.then(&block[..end]).sum(&[0; TAIL_SIZE]);
        put(block, at + ENTRY_SIZE * limit + 4, sum.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(leaves: usize, block_size: usize, with_tail: bool) -> Option<Index> {
        let hashes: Vec<u32> = (0..leaves as u32).map(|leaf| leaf / 2 * 2).collect();
        Index::new(&hashes, (0..leaves).map(|leaf| leaf..leaf + 1).collect(), block_size, with_tail)
    }

    #[test]
    fn indexes_have_at_most_two_levels() {
        let facts = |leaves, block_size, with_tail| {
            index(leaves, block_size, with_tail).map(|index| (index.levels(), index.blocks()))
        };
        assert_eq!(facts(507, 4096, true), Some((0, 508)));
        assert_eq!(facts(508, 4096, true), Some((1, 1 + 1 + 508)));
        assert_eq!(facts(508, 4096, false), Some((0, 509)));
        assert_eq!(facts(123 * 126, 1024, true), Some((1, 1 + 123 + 123 * 126)));
        assert_eq!(facts(123 * 126 + 1, 1024, true), None);
    }

    #[test]
    fn leaves_tell_that_the_one_before_has_the_same_hash() {
        let hashes: Vec<u32> = index(4, 1024, true).unwrap().leaves.iter().map(|leaf| leaf.hash).collect();
        assert_eq!(hashes, [0, 1, 2, 3]);
    }
}
