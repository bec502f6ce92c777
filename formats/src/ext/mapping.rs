//! Mappings: in which blocks of the file system the blocks of a file lie, and the two ways in which inodes say so.

use super::checksum::Checksums;
use super::{Features, block_map, extent_tree, inode};

/// Consecutive blocks of a file in consecutive blocks of the file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// The first block, counted in the file.
    pub(super) logical: u64,
    /// The first block, counted in the file system.
    pub(super) physical: u64,
    /// How many blocks.
    pub(super) blocks: u64,
}

/// Where the blocks of a file lie.
#[derive(Clone, Debug, Default)]
pub(super) struct Mapping {
    /// The runs, in the order of the file.
    pub(super) runs: Vec<Run>,
    /// The blocks of the extent tree or the block map, the leaves first.
    pub(super) tree: Vec<u64>,
}

/// The bytes of an extent tree or a block map.
pub(super) struct Tree {
    /// `i_block`: the root.
    pub(super) root: [u8; 60],
    /// Each block of the tree with its bytes.
    pub(super) blocks: Vec<(u64, Vec<u8>)>,
}

impl Mapping {
    /// How many blocks the file occupies, those of the tree included.
    pub(super) fn blocks(&self) -> u64 {
        self.runs.iter().map(|run| run.blocks).sum::<u64>() + self.tree.len() as u64
    }

    /// How many blocks the tree over the runs takes.
    pub(super) fn tree_blocks(&self, block_size: u64, features: &Features) -> u64 {
        if features.extents {
            extent_tree::tree_blocks(self.runs.len(), block_size) as u64
        } else {
            let logical = self.runs.iter().map(|run| run.logical..run.logical + run.blocks);
            block_map::map_blocks(logical, block_size)
        }
    }

    /// Returns the tree over the runs, in the blocks for it; `checksums` are those of the inode.
    pub(super) fn tree(&self, block_size: u64, features: &Features, checksums: Checksums) -> Tree {
        if features.extents {
            extent_tree::build(self, block_size, checksums)
        } else {
            block_map::build(self, block_size)
        }
    }
}

/// `i_flags`: what `i_block` is.
pub(super) fn flag(features: &Features) -> u32 {
    if features.extents { inode::EXTENTS_FL } else { 0 }
}
