//! Geometry: where the metadata of every group lies, for a given number of blocks and inodes.
//!
//! ```text
//! group 0                                              group 1                  group 2
//! | superblock | descriptors | flex group 0: bitmaps, | superblock, descriptors | (no copy)  ...
//! |            | and reserve | inode tables | content | (copies)    | content   | content
//! ```
//! Superblock, descriptors and the reserve for more of them are copied into groups 0, 1 and the powers of 3, 5 and 7
//! (`sparse_super`). With `flex_bg`, sixteen groups are one flex group: all their block bitmaps, then inode bitmaps,
//! then inode tables follow one another from the start of the first of them on, around the copies. Without it, each
//! group has its own. Nothing here depends on the content but the two counts.

use std::ops::Range;

/// Bytes of an inode record (`s_inode_size`).
pub(super) const INODE_SIZE: u64 = 256;

/// Where everything of fixed place lies. Block numbers count from the start of the file system.
#[derive(Clone, Debug)]
pub(super) struct Geometry {
    /// Bytes of a block.
    pub(super) block_size: u64,
    /// Bytes of a group descriptor.
    pub(super) descriptor_size: u64,
    /// `s_first_data_block`: 1 when blocks are 1 KiB (block 0 is the boot block then), else 0.
    pub(super) first_block: u64,
    /// How many blocks the file system has, the boot block included.
    pub(super) blocks: u64,
    /// `s_reserved_gdt_blocks`: blocks behind each copy of the descriptors.
    pub(super) reserved_descriptors: u64,
    /// How many inodes each group has.
    pub(super) inodes_per_group: u32,
    /// The groups in order.
    pub(super) groups: Vec<Group>,
    /// All blocks that the metadata of groups occupies: sorted, disjoint, neighbours joined.
    pub(super) reserved: Vec<Range<u64>>,
}

/// One group of blocks, and where its metadata lies.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// Its blocks.
    pub(super) blocks: Range<u64>,
    /// Whether it starts with a copy of superblock and descriptors.
    pub(super) has_superblock: bool,
    /// The block of its block bitmap.
    pub(super) block_bitmap: u64,
    /// The block of its inode bitmap.
    pub(super) inode_bitmap: u64,
    /// The first block of its inode table.
    pub(super) inode_table: u64,
}

/// The sizes that a geometry follows from.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shape {
    /// Bytes of a block.
    pub(super) block_size: u64,
    /// Bytes of a group descriptor: 64 with the feature `64bit`, else 32.
    pub(super) descriptor_size: u64,
    /// Groups per flex group, as a power of two.
    pub(super) log_groups_per_flex: u8,
    /// How many blocks shall be reserved behind the descriptors.
    pub(super) reserved_descriptors: u64,
    /// How many blocks there shall be.
    pub(super) blocks: u64,
    /// How many inodes there shall be at the least, the reserved ones included.
    pub(super) inodes: u64,
}

impl Shape {
    /// `s_first_data_block`.
    pub(super) fn first_block(&self) -> u64 {
        u64::from(self.block_size == 1024)
    }

    /// Blocks per group: as many as one block of bitmap has bits.
    pub(super) fn blocks_per_group(&self) -> u64 {
        8 * self.block_size
    }

    /// How many groups the blocks make.
    fn groups(&self) -> u64 {
        (self.blocks - self.first_block()).div_ceil(self.blocks_per_group())
    }

    /// How many blocks the descriptors of all groups take.
    pub(super) fn descriptor_blocks(&self) -> u64 {
        (self.groups() * self.descriptor_size).div_ceil(self.block_size)
    }

    /// Returns the largest number of blocks at most `self.blocks` that makes no last group too small for its own
    /// copies of superblock and descriptors.
    pub(super) fn trimmed(&self) -> u64 {
        match self.without_last_group() {
            Some(start) if self.blocks - start <= self.copies_in(self.groups() - 1) => start,
            _ => self.blocks,
        }
    }

    /// Returns the number of blocks without those of the last group, unless that is the only one.
    pub(super) fn without_last_group(&self) -> Option<u64> {
        let others = self.groups() - 1;
        (others > 0).then(|| self.first_block() + others * self.blocks_per_group())
    }

    /// How many blocks the copies of superblock and descriptors take in group `index`.
    fn copies_in(&self, index: u64) -> u64 {
        if has_superblock(index) { self.copy_blocks() } else { 0 }
    }

    /// The most blocks that make as many groups.
    pub(super) fn end_of_groups(&self) -> u64 {
        self.first_block() + self.groups() * self.blocks_per_group()
    }

    /// How many blocks all inode tables have at the most beyond those that their inodes need.
    pub(super) fn table_slack(&self) -> u64 {
        self.groups() * (self.inode_granularity() * INODE_SIZE).div_ceil(self.block_size)
    }

    /// Inodes per group are a multiple of this: whole blocks of the table, whole bytes of the bitmap.
    fn inode_granularity(&self) -> u64 {
        (self.block_size / INODE_SIZE).max(8)
    }

    /// How many blocks one copy of superblock and descriptors takes, the reserve included.
    fn copy_blocks(&self) -> u64 {
        1 + self.descriptor_blocks() + self.reserved_descriptors
    }

    /// Inodes per group: enough, as far as they have numbers.
    fn inodes_per_group(&self) -> u64 {
        let granularity = self.inode_granularity();
        let most = u64::from(u32::MAX) / self.groups() / granularity * granularity;
        self.inodes.div_ceil(self.groups()).next_multiple_of(granularity).min(most)
    }
}

impl Geometry {
    /// Returns the geometry of this shape, or the number of blocks that it needs at the least.
    pub(super) fn new(shape: &Shape) -> Result<Geometry, u64> {
        let bits = shape.blocks_per_group();
        let groups_for_inodes = shape.inodes.div_ceil(bits);
        if shape.blocks <= shape.first_block() || shape.groups() < groups_for_inodes {
            return Err(shape.first_block() + (groups_for_inodes.max(1) - 1) * bits + 1);
        }
        if shape.trimmed() < shape.blocks {
            let last = shape.groups() - 1;
            return Err(shape.first_block() + last * bits + shape.copies_in(last) + 1);
        }
        let geometry = place(shape);
        match geometry.reserved.last() {
            Some(last) if last.end > shape.blocks => Err(last.end),
            _ => Ok(geometry),
        }
    }

    /// How many blocks one copy of all descriptors takes.
    pub(super) fn descriptor_blocks(&self) -> u64 {
        (self.groups.len() as u64 * self.descriptor_size).div_ceil(self.block_size)
    }

    /// How many blocks one copy of superblock and descriptors takes, the reserve included.
    pub(super) fn copy_blocks(&self) -> u64 {
        1 + self.descriptor_blocks() + self.reserved_descriptors
    }

    /// Where the copies of the superblock lie.
    pub(super) fn copies(&self) -> impl Iterator<Item = u64> {
        self.groups.iter().filter(|group| group.has_superblock).map(|group| group.blocks.start)
    }

    /// How many blocks the inode table of one group takes.
    pub(super) fn table_blocks(&self) -> u64 {
        table_blocks(self.inodes_per_group, self.block_size)
    }

    /// How many inodes there are.
    pub(super) fn inodes(&self) -> u32 {
        u32::try_from(self.groups.len() as u64 * u64::from(self.inodes_per_group))
            .expect("inodes per group are limited so that all have numbers of 32 bits")
    }

    /// How many blocks the metadata of groups occupies.
    pub(super) fn reserved_blocks(&self) -> u64 {
        self.reserved.iter().map(|range| range.end - range.start).sum()
    }
}

/// Whether group `index` holds a copy of superblock and descriptors (`sparse_super`).
pub(super) fn has_superblock(index: u64) -> bool {
    let is_power_of = |base: u64| {
        let mut power = base;
        while power < index {
            power *= base;
        }
        power == index
    };
    index <= 1 || [3, 5, 7].into_iter().any(is_power_of)
}

fn table_blocks(inodes_per_group: u32, block_size: u64) -> u64 {
    (u64::from(inodes_per_group) * INODE_SIZE).div_ceil(block_size)
}

/// Places the metadata of all groups; it may end behind the last block.
fn place(shape: &Shape) -> Geometry {
    let inodes_per_group = u32::try_from(shape.inodes_per_group()).expect("limited by the bits of a bitmap block");
    let mut groups: Vec<Group> = (0..shape.groups()).map(|index| empty_group(shape, index)).collect();
    let copies = shape.copy_blocks();
    let with_copies = groups.iter().filter(|group| group.has_superblock);
    let mut reserved: Vec<Range<u64>> =
        with_copies.map(|group| group.blocks.start..group.blocks.start + copies).collect();
    let fixed = reserved.clone();
    for flex_group in groups.chunks_mut(1 << shape.log_groups_per_flex) {
        let mut packer = Packer { fixed: &fixed, at: flex_group[0].blocks.start, taken: &mut reserved };
        flex_group.iter_mut().for_each(|group| group.block_bitmap = packer.take(1));
        flex_group.iter_mut().for_each(|group| group.inode_bitmap = packer.take(1));
        let table = table_blocks(inodes_per_group, shape.block_size);
        flex_group.iter_mut().for_each(|group| group.inode_table = packer.take(table));
    }
    Geometry {
        block_size: shape.block_size,
        descriptor_size: shape.descriptor_size,
        first_block: shape.first_block(),
        blocks: shape.blocks,
        reserved_descriptors: shape.reserved_descriptors,
        inodes_per_group,
        groups,
        reserved: joined(reserved),
    }
}

fn empty_group(shape: &Shape, index: u64) -> Group {
    let start = shape.first_block() + index * shape.blocks_per_group();
    Group {
        blocks: start..(start + shape.blocks_per_group()).min(shape.blocks),
        has_superblock: has_superblock(index),
        block_bitmap: 0,
        inode_bitmap: 0,
        inode_table: 0,
    }
}

/// Hands out contiguous blocks one after another, around the fixed ones.
struct Packer<'a> {
    fixed: &'a [Range<u64>],
    at: u64,
    taken: &'a mut Vec<Range<u64>>,
}

impl Packer<'_> {
    fn take(&mut self, blocks: u64) -> u64 {
        while let Some(obstacle) = self.fixed.iter().find(|range| range.start < self.at + blocks && self.at < range.end)
        {
            self.at = obstacle.end;
        }
        let start = self.at;
        self.at += blocks;
        self.taken.push(start..self.at);
        start
    }
}

/// Returns disjoint ranges sorted, with neighbours joined.
fn joined(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => joined.push(range),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_in_few_groups() {
        let with: Vec<u64> = (0..130).filter(|&index| has_superblock(index)).collect();
        assert_eq!(with, [0, 1, 3, 5, 7, 9, 25, 27, 49, 81, 125]);
    }

    #[test]
    fn a_last_group_without_room_for_its_copies_is_trimmed_or_asked_to_grow() {
        let shape = |blocks| Shape { block_size: 4096, descriptor_size: 64, blocks, inodes: 16, ..Shape::default() };
        assert_eq!(shape(32768 + 2).trimmed(), 32768);
        assert_eq!(shape(32768 + 3).trimmed(), 32768 + 3);
        assert_eq!(Geometry::new(&shape(32768 + 1)).unwrap_err(), 32768 + 3);
    }

    #[test]
    fn tables_lie_around_the_copies_in_the_next_group() {
        // The most inodes: 16 tables of 2048 blocks do not fit into the first group.
        let (blocks, inodes) = (16 * 32768, 16 * 32768);
        let shape =
            Shape { block_size: 4096, descriptor_size: 64, log_groups_per_flex: 4, blocks, inodes, ..Shape::default() };
        let geometry = Geometry::new(&shape).unwrap();
        let total: u64 = geometry.reserved_blocks();
        assert_eq!(total, 16 * (2 + 2048) + 6 * 2, "nothing overlaps: groups 0, 1, 3, 5, 7 and 9 have copies");
    }

    #[test]
    fn without_flex_groups_each_group_has_its_own_metadata() {
        let shape = |blocks| Shape { block_size: 4096, descriptor_size: 32, blocks, inodes: 16, ..Shape::default() };
        let geometry = Geometry::new(&shape(3 * 32768)).unwrap();
        for group in &geometry.groups {
            for block in [group.block_bitmap, group.inode_bitmap, group.inode_table] {
                assert!(group.blocks.contains(&block), "{group:?}");
            }
        }
        assert_eq!(
            Geometry::new(&shape(2 * 32768 + 1)).unwrap_err(),
            2 * 32768 + 3,
            "two bitmaps, one block of inodes"
        );
    }
}
