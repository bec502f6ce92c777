//! Room to grow: blocks reserved behind the descriptors, and the inode that owns them (`resize_inode`).
//!
//! ```text
//! inode 7 -- double indirect block -- one slot per reserved block, numbered as a block of descriptors
//!                                        `-- the reserved block in group 0 lists those in the other copies
//! ```
//! A file system grows online by taking the next reserved block of every copy for descriptors of new groups. There are
//! as many as mke2fs reserves: enough for 1024 times the blocks, as far as their numbers have 32 bits and the double
//! indirect block has slots.

use super::geometry::{Geometry, Shape};

/// The inode that owns the reserved blocks (`EXT4_RESIZE_INO`).
pub(super) const RESIZE_INO: u32 = 7;
/// Where its double indirect block stands in `i_block`.
pub(super) const DOUBLE_INDIRECT: usize = 13;
/// How many times its blocks a file system can have after growing.
const GROWTH: u64 = 1024;
/// The most blocks that the feature is for.
const BLOCKS_MAX: u64 = u32::MAX as u64;

/// Returns how many blocks are usually reserved behind the descriptors (`s_reserved_gdt_blocks`); none when there are
/// more blocks than the feature can number.
pub(super) fn usual_reserve(shape: &Shape) -> Option<u64> {
    let largest = shape.blocks.saturating_mul(GROWTH).min(BLOCKS_MAX);
    let grown = Shape { blocks: largest.max(shape.first_block() + 1), ..*shape };
    let reserve = grown.descriptor_blocks().saturating_sub(shape.descriptor_blocks());
    (shape.blocks <= BLOCKS_MAX).then_some(reserve.min(slots(shape.block_size)))
}

/// Bytes of the inode (`i_size`): all that direct, indirect and double indirect blocks can reach.
pub(super) fn size(block_size: u64) -> u64 {
    const DIRECT: u64 = 12;
    let slots = slots(block_size);
    (DIRECT + slots + slots * slots) * block_size
}

/// How many blocks the inode owns: the double indirect one, and the reserved ones of all copies.
pub(super) fn blocks(geometry: &Geometry) -> u64 {
    1 + geometry.reserved_descriptors * geometry.copies().count() as u64
}

/// Returns the numbers that the inode's blocks hold, by block: first the double indirect one.
pub(super) fn build(geometry: &Geometry, double_indirect: u64) -> Vec<(u64, Vec<u8>)> {
    let (descriptors, reserve) = (geometry.descriptor_blocks(), geometry.reserved_descriptors);
    let mut slots = vec![0; slots(geometry.block_size) as usize];
    let mut blocks = Vec::with_capacity(1 + reserve as usize);
    for index in descriptors..descriptors + reserve {
        let mut places = geometry.copies().map(|start| (start + 1 + index) as u32);
        let first = places.next().expect("group 0 has a copy");
        let slot = index as usize % slots.len();
        slots[slot] = first;
        blocks.push((u64::from(first), bytes_of(places)));
    }
    blocks.insert(0, (double_indirect, bytes_of(slots.into_iter())));
    blocks
}

/// How many block numbers a block holds.
fn slots(block_size: u64) -> u64 {
    block_size / 4
}

fn bytes_of(numbers: impl Iterator<Item = u32>) -> Vec<u8> {
    numbers.flat_map(u32::to_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_that_of_mke2fs() {
        // "Reserved GDT blocks" of file systems that mke2fs 1.47.0 made.
        let reserve = |block_size, descriptor_size, len: u64| {
            let shape = Shape { block_size, descriptor_size, blocks: len / block_size, ..Shape::default() };
            usual_reserve(&shape).unwrap()
        };
        for (len, ext2_1k, ext2_4k, ext4_1k, ext4_4k) in [
            (256 << 10, 0, 0, 1, 0),
            (512 << 10, 1, 0, 3, 0),
            (2 << 20, 7, 0, 15, 0),
            (16 << 20, 63, 0, 127, 1),
            (64 << 20, 255, 3, 256, 7),
            (1 << 30, 256, 63, 256, 127),
            (20 << 30, 256, 1022, 256, 1024),
        ] {
            let reserves =
                [reserve(1024, 32, len), reserve(4096, 32, len), reserve(1024, 64, len), reserve(4096, 64, len)];
            assert_eq!(reserves, [ext2_1k, ext2_4k, ext4_1k, ext4_4k], "{len} bytes");
        }
    }
}
