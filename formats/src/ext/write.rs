//! From a plan to bytes: metadata is written out, contents are referred to.
//!
//! What is not written reads as zero: unused inodes, the log of the journal, free blocks, ends of blocks.

use std::ops::Range;

use super::checksum::Checksums;
use super::contents::{Body, Node, ino};
use super::geometry::{Group, INODE_SIZE};
use super::inode::{Inode, S_IFREG};
use super::journal::{self, JOURNAL_INO};
use super::mapping::{self, Mapping};
use super::plan::{Place, Plan};
use super::resize::{self, RESIZE_INO};
use super::superblock::{
    BLOCK_UNINIT, Descriptor, FIRST_INO, INODE_UNINIT, INODE_ZEROED, JournalBackup, SUPERBLOCK_AT, Superblock,
};
use super::{Options, put, xattr};
use crate::{Capacity, Data, Extent, Extents};

/// Returns the image of the file system.
pub(super) fn write(plan: &Plan, options: &Options) -> Extents {
    let checksums = Checksums::of_file_system(&options.uuid, options.features.metadata_csum);
    let mut writer = Writer { plan, options, checksums, runs: Vec::new() };
    let inodes = writer.inodes();
    let descriptors = writer.groups(&inodes);
    writer.copies(&descriptors);
    Extents::assemble(image_len(plan, options), writer.runs)
}

/// The length of the image: an exact capacity may have a few blocks more than the file system can use.
fn image_len(plan: &Plan, options: &Options) -> u64 {
    let block_size = plan.geometry.block_size;
    match options.capacity {
        Capacity::Guess { .. } => plan.geometry.blocks * block_size,
        Capacity::Exact(bytes) => bytes / block_size * block_size,
    }
}

struct Writer<'p> {
    plan: &'p Plan<'p>,
    options: &'p Options,
    checksums: Checksums,
    runs: Vec<Extent>,
}

impl Writer<'_> {
    /// Writes what belongs to inodes and returns the records of all those in use, the first one being inode 1.
    fn inodes(&mut self) -> Vec<u8> {
        let mut table = Table(vec![0; (u64::from(self.plan.contents.last_ino()) * INODE_SIZE) as usize]);
        let plan = self.plan;
        for (index, (node, place)) in plan.contents.nodes.iter().zip(&plan.places).enumerate() {
            let checksums = self.checksums.of_inode(ino(index));
            let record = self.node(node, place, checksums);
            table.put(ino(index), record);
        }
        if !plan.journal.runs.is_empty() {
            let record = self.journal();
            table.put(JOURNAL_INO, record);
        }
        if let Some(block) = self.plan.resize_block {
            let record = self.resize_inode(block);
            table.put(RESIZE_INO, record);
        }
        table.0
    }

    /// Writes the content of a node and returns its inode.
    fn node(&mut self, node: &Node, place: &Place, checksums: Checksums) -> [u8; 256] {
        self.content(node, &place.mapping, checksums);
        if let (Some(block), Some(bytes)) = (place.attribute_block, &node.attributes.block) {
            let mut bytes = bytes.clone();
            xattr::stamp(&mut bytes, block, self.checksums);
            self.put_block(block, bytes);
        }
        let (flags, block) = match node.body {
            Body::InInode { block, .. } => (0, block),
            _ => (self.mapping_flag() | node.index_flag(), self.block_tree(&place.mapping, checksums)),
        };
        let inode = Inode {
            mode: node.mode,
            uid: node.metadata.uid,
            gid: node.metadata.gid,
            size: node.size(self.block_size()),
            time: node.metadata.mtime,
            links: node.links_count(&self.options.features),
            sectors: place.blocks() * (self.block_size() / 512),
            flags,
            block,
            attribute_block: place.attribute_block.unwrap_or(0),
            attributes: &node.attributes.in_inode,
        };
        inode.to_bytes(checksums)
    }

    fn content(&mut self, node: &Node, mapping: &Mapping, checksums: Checksums) {
        match &node.body {
            Body::Directory(directory) => {
                let bytes = directory.to_bytes(self.block_size(), checksums);
                self.map(&Extents::from_bytes(bytes), mapping);
            }
            Body::Symlink(target) => self.map(&Extents::from_bytes((*target).clone()), mapping),
            Body::File { content, .. } => self.map(content, mapping),
            Body::InInode { .. } => {}
        }
    }

    /// Writes the journal's superblock and returns its inode.
    fn journal(&mut self) -> [u8; 256] {
        let mapping = &self.plan.journal;
        let first = mapping.runs[0].physical;
        self.put_block(first, journal::superblock(self.options.block_size, self.journal_blocks(), &self.options.uuid));
        let checksums = self.checksums.of_inode(JOURNAL_INO);
        let inode = Inode {
            mode: S_IFREG | 0o600,
            uid: 0,
            gid: 0,
            size: self.journal_blocks() * self.block_size(),
            time: self.options.time,
            links: 1,
            sectors: mapping.blocks() * (self.block_size() / 512),
            flags: self.mapping_flag(),
            block: self.block_tree(mapping, checksums),
            attribute_block: 0,
            attributes: &[],
        };
        inode.to_bytes(checksums)
    }

    /// Writes the numbers of the reserved blocks and returns the inode that owns them.
    fn resize_inode(&mut self, double_indirect: u64) -> [u8; 256] {
        let geometry = &self.plan.geometry;
        for (block, bytes) in resize::build(geometry, double_indirect) {
            self.put_block(block, bytes);
        }
        let number = u32::try_from(double_indirect).expect("file systems with this inode have numbers of 32 bits");
        let mut block = [0; 60];
        put(&mut block, 4 * resize::DOUBLE_INDIRECT, number.to_le_bytes());
        let inode = Inode {
            mode: S_IFREG | 0o600,
            uid: 0,
            gid: 0,
            size: resize::size(self.block_size()),
            time: self.options.time,
            links: 1,
            sectors: resize::blocks(geometry) * (self.block_size() / 512),
            flags: 0,
            block,
            attribute_block: 0,
            attributes: &[],
        };
        inode.to_bytes(self.checksums.of_inode(RESIZE_INO))
    }

    /// Writes the blocks of the extent tree or block map and returns its root.
    fn block_tree(&mut self, mapping: &Mapping, checksums: Checksums) -> [u8; 60] {
        let tree = mapping.tree(self.block_size(), &self.options.features, checksums);
        for (block, bytes) in tree.blocks {
            self.put_block(block, bytes);
        }
        tree.root
    }

    /// Puts a file's content where its mapping says.
    fn map(&mut self, content: &Extents, mapping: &Mapping) {
        let block_size = self.block_size();
        for run in &mapping.runs {
            let lo = run.logical * block_size;
            let hi = (lo + run.blocks * block_size).min(content.len());
            self.runs.extend(content.slice(lo, hi).runs_at(run.physical * block_size));
        }
    }

    /// Writes inode tables and bitmaps of all groups and returns the descriptors.
    fn groups(&mut self, inodes: &[u8]) -> Vec<u8> {
        let geometry = &self.plan.geometry;
        let mut records = Vec::new();
        let tables = inodes.chunks(geometry.inodes_per_group as usize * INODE_SIZE as usize);
        let mut tables = tables.chain(std::iter::repeat(&[][..]));
        for (index, group) in (0u32..).zip(&geometry.groups) {
            let table = tables.next().expect("the chain repeats without end");
            let descriptor = self.group(index, group, table);
            records.extend(descriptor.to_bytes(index, geometry.descriptor_size, self.checksums));
        }
        records
    }

    fn group(&mut self, index: u32, group: &Group, table: &[u8]) -> Descriptor {
        let per_group = self.plan.geometry.inodes_per_group;
        let used_inodes = (table.len() as u64 / INODE_SIZE) as u32;
        if !table.is_empty() {
            self.put_block(group.inode_table, table.to_vec());
        }
        let used_blocks = self.used_blocks(group);
        let flags = self.group_flags(index, group, used_inodes, &used_blocks);
        let mut descriptor = Descriptor {
            block_bitmap: group.block_bitmap,
            inode_bitmap: group.inode_bitmap,
            inode_table: group.inode_table,
            free_blocks: (group.blocks.end - group.blocks.start - total(&used_blocks)) as u32,
            free_inodes: per_group - used_inodes,
            directories: self.directories(index),
            flags,
            block_bitmap_sum: 0,
            inode_bitmap_sum: 0,
            unused_inodes: if self.checksums.enabled() { per_group - used_inodes } else { 0 },
        };
        if flags & BLOCK_UNINIT == 0 {
            let relative =
                used_blocks.iter().map(|range| range.start - group.blocks.start..range.end - group.blocks.start);
            let bitmap = self.bitmap(relative, group.blocks.end - group.blocks.start);
            descriptor.block_bitmap_sum = self.checksums.sum(&bitmap);
            self.put_block(group.block_bitmap, bitmap);
        }
        if flags & INODE_UNINIT == 0 {
            let bitmap = self.bitmap(std::iter::once(0..u64::from(used_inodes)), u64::from(per_group));
            descriptor.inode_bitmap_sum = self.checksums.sum(&bitmap[..per_group as usize / 8]);
            self.put_block(group.inode_bitmap, bitmap);
        }
        descriptor
    }

    /// Flags need checksums of descriptors. The last group, which may be short, always has its block bitmap.
    fn group_flags(&self, index: u32, group: &Group, used_inodes: u32, used_blocks: &[Range<u64>]) -> u16 {
        if !self.checksums.enabled() {
            return 0;
        }
        let geometry = &self.plan.geometry;
        let copies = if group.has_superblock { geometry.copy_blocks() } else { 0 };
        let is_last = index as usize + 1 == geometry.groups.len();
        let only_copies = total(used_blocks) == copies && !is_last;
        INODE_ZEROED
            | if used_inodes == 0 { INODE_UNINIT } else { 0 }
            | if only_copies && used_inodes == 0 { BLOCK_UNINIT } else { 0 }
    }

    /// Returns the blocks of a group that are in use, sorted and disjoint.
    fn used_blocks(&self, group: &Group) -> Vec<Range<u64>> {
        let Range { start, end } = group.blocks;
        let content = start..self.plan.cursor.clamp(start, end);
        let reserved = &self.plan.geometry.reserved;
        let first = reserved.partition_point(|range| range.end <= content.end);
        let behind = reserved[first..].iter().take_while(|range| range.start < end);
        let behind = behind.map(|range| range.start.max(content.end)..range.end.min(end));
        std::iter::once(content.clone()).chain(behind).filter(|range| !range.is_empty()).collect()
    }

    /// How many directories have their inode in group `index`.
    fn directories(&self, index: u32) -> u32 {
        let per_group = self.plan.geometry.inodes_per_group;
        let (first, next) = (index * per_group + 1, (index + 1) * per_group + 1);
        let nodes = &self.plan.contents.nodes;
        let from_ino = |ino: u32| (ino.saturating_sub(FIRST_INO - 1) as usize).min(nodes.len());
        let others = nodes[from_ino(first).max(1)..from_ino(next).max(1)].iter();
        let root = u32::from(index == 0);
        root + others.filter(|node| matches!(node.body, Body::Directory(_))).count() as u32
    }

    /// Returns a block of bitmap with the bits of `used` set, and those from `bits` on, which stand for nothing.
    fn bitmap(&self, used: impl Iterator<Item = Range<u64>>, bits: u64) -> Vec<u8> {
        let mut bitmap = vec![0u8; self.block_size() as usize];
        for range in used.chain(std::iter::once(bits..8 * self.block_size())) {
            for bit in range {
                bitmap[(bit / 8) as usize] |= 1 << (bit % 8);
            }
        }
        bitmap
    }

    /// Writes the superblock and its copies, each with all descriptors behind it.
    fn copies(&mut self, descriptors: &[u8]) {
        let superblock = self.superblock();
        let block_size = self.block_size();
        let descriptors = bytes::Bytes::copy_from_slice(descriptors);
        for (index, group) in (0u64..).zip(&self.plan.geometry.groups) {
            if group.has_superblock {
                let at = if index == 0 { SUPERBLOCK_AT } else { group.blocks.start * block_size };
                self.put(at, superblock.to_bytes(index, self.checksums).to_vec().into());
                self.put((group.blocks.start + 1) * block_size, descriptors.clone());
            }
        }
    }

    fn superblock(&self) -> Superblock {
        let (plan, options) = (self.plan, self.options);
        let geometry = &plan.geometry;
        let mut label = [0; 16];
        label[..options.label.len()].copy_from_slice(options.label.as_bytes());
        let checksums = self.checksums.of_inode(JOURNAL_INO);
        let journal = (!plan.journal.runs.is_empty()).then(|| JournalBackup {
            ino: JOURNAL_INO,
            block: plan.journal.tree(self.block_size(), &options.features, checksums).root,
            size: self.journal_blocks() * self.block_size(),
        });
        Superblock {
            inodes: geometry.inodes(),
            blocks: geometry.blocks,
            free_blocks: plan.free_blocks,
            free_inodes: geometry.inodes() - plan.contents.last_ino(),
            first_block: geometry.first_block,
            block_size: options.block_size,
            inodes_per_group: geometry.inodes_per_group,
            reserved_descriptors: plan.reserve(),
            time: options.time as u64,
            features: options.features,
            uuid: options.uuid,
            label,
            hash_seed: options.hash_seed,
            journal,
            overhead: geometry.first_block + geometry.reserved_blocks() + self.journal_blocks(),
        }
    }

    fn mapping_flag(&self) -> u32 {
        mapping::flag(&self.options.features)
    }

    fn journal_blocks(&self) -> u64 {
        self.plan.journal.runs.iter().map(|run| run.blocks).sum()
    }

    fn block_size(&self) -> u64 {
        self.plan.geometry.block_size
    }

    fn put_block(&mut self, block: u64, bytes: Vec<u8>) {
        self.put(block * self.block_size(), bytes.into());
    }

    fn put(&mut self, at: u64, bytes: bytes::Bytes) {
        self.runs.push(Extent { at, len: bytes.len() as u64, data: Data::Bytes(bytes) });
    }
}

/// The records of inodes, from inode 1 on.
struct Table(Vec<u8>);

impl Table {
    fn put(&mut self, ino: u32, record: [u8; 256]) {
        super::put(&mut self.0, (u64::from(ino - 1) * INODE_SIZE) as usize, record);
    }
}

fn total(ranges: &[Range<u64>]) -> u64 {
    ranges.iter().map(|range| range.end - range.start).sum()
}
