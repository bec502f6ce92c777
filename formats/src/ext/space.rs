//! Space: hands out the blocks that no group metadata occupies, first to last.
//!
//! The blocks in use are therefore always those in front of the cursor and the reserved ones behind it; no
//! bitmap is needed to plan.

use std::ops::Range;

use super::extent_tree::MAX_EXTENT_BLOCKS;
use super::mapping::Run;

/// A cursor over free blocks. It runs on behind the end of the file system: whoever plans compares afterwards.
#[derive(Clone, Debug)]
pub(super) struct Space<'a> {
    /// The reserved ranges that end behind the cursor.
    reserved: &'a [Range<u64>],
    cursor: u64,
    taken: u64,
}

impl<'a> Space<'a> {
    /// Returns the space from `first_block` on, around `reserved`, which is sorted.
    pub(super) fn new(first_block: u64, reserved: &'a [Range<u64>]) -> Space<'a> {
        let mut space = Space { reserved, cursor: first_block, taken: 0 };
        space.skip_reserved();
        space
    }

    /// Takes one block.
    pub(super) fn take_block(&mut self) -> u64 {
        let block = self.cursor;
        self.advance(1);
        block
    }

    /// Takes the blocks of `logical` of a file and appends their runs, of at most the length of an extent each.
    pub(super) fn take(&mut self, logical: Range<u64>, runs: &mut Vec<Run>) {
        let mut from = logical.start;
        while from < logical.end {
            let gap = self.reserved.first().map_or(u64::MAX, |next| next.start - self.cursor);
            let blocks = (logical.end - from).min(gap).min(MAX_EXTENT_BLOCKS);
            runs.push(Run { logical: from, physical: self.cursor, blocks });
            self.advance(blocks);
            from += blocks;
        }
    }

    /// Every block in front of this one is in use.
    pub(super) fn cursor(&self) -> u64 {
        self.cursor
    }

    /// How many blocks were taken.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    fn advance(&mut self, blocks: u64) {
        self.cursor += blocks;
        self.taken += blocks;
        self.skip_reserved();
    }

    fn skip_reserved(&mut self) {
        while let Some((next, rest)) = self.reserved.split_first() {
            if self.cursor < next.start {
                break;
            }
            self.cursor = next.end;
            self.reserved = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_break_at_reserved_blocks() {
        let reserved = [0..2, 5..6, 8..9];
        let mut space = Space::new(0, &reserved);
        let mut runs = Vec::new();
        space.take(10..15, &mut runs);
        let places: Vec<_> = runs.iter().map(|run| (run.logical, run.physical, run.blocks)).collect();
        assert_eq!(places, [(10, 2, 3), (13, 6, 2)]);
        assert_eq!((space.cursor(), space.taken()), (9, 5));
    }

    #[test]
    fn runs_are_no_longer_than_an_extent() {
        let mut runs = Vec::new();
        Space::new(0, &[]).take(0..MAX_EXTENT_BLOCKS + 1, &mut runs);
        assert_eq!(runs.iter().map(|run| run.blocks).collect::<Vec<_>>(), [MAX_EXTENT_BLOCKS, 1]);
    }
}
