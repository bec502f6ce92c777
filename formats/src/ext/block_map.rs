//! Block maps: the number of every block of a file, as ext2 and ext3 have them (kernel documentation, ext4,
//! "Direct/Indirect Block Addressing").
//!
//! ```text
//! in the inode: 12 numbers of blocks | indirect | double indirect | triple indirect
//! indirect:     a block full of numbers, of blocks of the file, or of blocks of the next lower indirection
//! ```
//! A block that is a hole has number 0, and so has an indirect block with nothing below it.

use std::ops::Range;

use super::mapping::{Mapping, Tree};
use super::put;

/// Numbers of blocks of the file in the inode itself.
const DIRECT: u64 = 12;
/// Levels of indirection.
const LEVELS: u32 = 3;

/// Returns how many blocks a file can have.
pub(super) fn blocks_max(block_size: u64) -> u64 {
    region(LEVELS, block_size).end
}

/// Returns how many indirect blocks a file needs whose data lies in these ranges, which are sorted and disjoint.
pub(super) fn map_blocks(data: impl Iterator<Item = Range<u64>> + Clone, block_size: u64) -> u64 {
    let below = |level| map_blocks_of_level(level, data.clone(), block_size);
    (1..=LEVELS).map(below).sum()
}

/// Returns how many indirect blocks there are below the number of one level in the inode.
fn map_blocks_of_level(level: u32, data: impl Iterator<Item = Range<u64>>, block_size: u64) -> u64 {
    let region = region(level, block_size);
    let within = data.map(|range| range.start.max(region.start)..range.end.min(region.end));
    let within = within.filter(|range| !range.is_empty());
    let mut ranges: Vec<Range<u64>> =
        within.map(|range| range.start - region.start..range.end - region.start).collect();
    let mut blocks = 0;
    for _ in 0..level {
        ranges = one_level_up(&ranges, slots(block_size));
        blocks += ranges.iter().map(|range| range.end - range.start).sum::<u64>();
    }
    blocks
}

/// Returns which blocks of numbers lead to the blocks in these ranges.
fn one_level_up(ranges: &[Range<u64>], slots: u64) -> Vec<Range<u64>> {
    let mut above: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        let (lo, hi) = (range.start / slots, range.end.div_ceil(slots));
        match above.last_mut() {
            Some(last) if lo <= last.end => last.end = hi,
            _ => above.push(lo..hi),
        }
    }
    above
}

/// Returns the map of the runs of `mapping`, in its `tree` blocks.
pub(super) fn build(mapping: &Mapping, block_size: u64) -> Tree {
    let mut builder = Builder { free: mapping.tree.iter().copied(), slots: slots(block_size), blocks: Vec::new() };
    let mut root = [0; 60];
    for number in numbers(mapping, 0..DIRECT) {
        put(&mut root, 4 * number.index as usize, number.block.to_le_bytes());
    }
    for level in 1..=LEVELS {
        let data = numbers(mapping, region(level, block_size)).collect();
        if let Some(top) = builder.raise(level, data) {
            put(&mut root, 4 * (DIRECT as usize + level as usize - 1), top.to_le_bytes());
        }
    }
    Tree { root, blocks: builder.blocks }
}

/// The number of a block, and which one of its level it is.
#[derive(Clone, Copy)]
struct Number {
    index: u32,
    block: u32,
}

/// Returns the numbers of the blocks of a file in `region`, counted from its start.
fn numbers(mapping: &Mapping, region: Range<u64>) -> impl Iterator<Item = Number> {
    mapping.runs.iter().flat_map(move |run| {
        let (lo, hi) = (run.logical.max(region.start), (run.logical + run.blocks).min(region.end));
        let start = region.start;
        (lo..hi).map(move |logical| Number {
            index: (logical - start) as u32,
            block: number(run.physical + logical - run.logical),
        })
    })
}

struct Builder<F> {
    free: F,
    /// Numbers per block.
    slots: u64,
    blocks: Vec<(u64, Vec<u8>)>,
}

impl<F: Iterator<Item = u64>> Builder<F> {
    /// Writes the levels above `numbers` and returns the number of the topmost block, if anything lies below it.
    fn raise(&mut self, levels: u32, mut numbers: Vec<Number>) -> Option<u32> {
        for _ in 0..levels {
            numbers = self.one_level_up(&numbers);
        }
        numbers.first().map(|number| number.block)
    }

    fn one_level_up(&mut self, numbers: &[Number]) -> Vec<Number> {
        let slots = self.slots as u32;
        let in_one_block = |a: &Number, b: &Number| a.index / slots == b.index / slots;
        numbers.chunk_by(in_one_block).map(|below| self.block(below, slots)).collect()
    }

    fn block(&mut self, below: &[Number], slots: u32) -> Number {
        let block = self.free.next().expect("`map_blocks` counted the blocks of the map");
        let mut bytes = vec![0; 4 * slots as usize];
        for number in below {
            put(&mut bytes, 4 * (number.index % slots) as usize, number.block.to_le_bytes());
        }
        self.blocks.push((block, bytes));
        Number { index: below[0].index / slots, block: number(block) }
    }
}

/// Returns the blocks of a file that one level of indirection leads to.
fn region(level: u32, block_size: u64) -> Range<u64> {
    let slots = slots(block_size);
    let start = DIRECT + (1..level).map(|lower| slots.pow(lower)).sum::<u64>();
    start..start + slots.pow(level)
}

/// How many numbers a block holds.
fn slots(block_size: u64) -> u64 {
    block_size / 4
}

fn number(block: u64) -> u32 {
    u32::try_from(block).expect("file systems without extents have numbers of 32 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_have_a_block_per_256_numbers() {
        let blocks = |range: Range<u64>| map_blocks(std::iter::once(range), 1024);
        assert_eq!(blocks(0..12), 0);
        assert_eq!(blocks(0..13), 1);
        assert_eq!(blocks(0..12 + 256), 1);
        assert_eq!(blocks(0..12 + 256 + 1), 1 + 2);
        assert_eq!(blocks(0..12 + 256 + 65536), 1 + 1 + 256);
        assert_eq!(blocks(0..12 + 256 + 65536 + 1), 1 + 1 + 256 + 3);
        assert_eq!(blocks(1_000_000..1_000_001), 3);
        let ranges = [268..269, 270..271, 600..601, 100_000..100_001];
        assert_eq!(map_blocks(ranges.into_iter(), 1024), 1 + 2 + 3);
        assert_eq!(blocks_max(1024), 12 + 256 + 65536 + 16_777_216);
    }
}
