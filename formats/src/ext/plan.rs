//! Plans: contents with places, in a geometry that holds them.
//!
//! One attempt tries one number of blocks; when it does not suffice, the attempt tells a number that is needed at the
//! least, and the next one tries that. Blocks are taken first to last: one for the inode of the reserve, the journal,
//! directories (with long symbolic links and attribute blocks), file contents in the order of their paths, and extent
//! trees or block maps, which nobody can count before the contents have their places.

use std::cmp::Reverse;

use super::contents::{Body, Contents, Node};
use super::geometry::{Geometry, Shape};
use super::mapping::Mapping;
use super::space::Space;
use super::{Error, Features, Options};
use super::{Journal, journal, resize};
use crate::{Capacity, TreePath};

/// Bytes of capacity for each of which there is an inode at the least: mke2fs's ratio.
const BYTES_PER_INODE: u64 = 16 << 10;
/// How many contributors [`Error::TooSmall`] names.
const LARGEST: usize = 5;
/// The most blocks without the features `64bit` and `extent`.
const BLOCKS_MAX_32: u64 = u32::MAX as u64;

/// Contents with places.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) geometry: Geometry,
    pub(super) contents: &'a Contents<'a>,
    /// The double indirect block of the inode of the reserve, if there is one.
    pub(super) resize_block: Option<u64>,
    /// Where the journal lies; no runs without one.
    pub(super) journal: Mapping,
    /// Where each node of the contents lies, in their order.
    pub(super) places: Vec<Place>,
    /// Blocks in front of this one are in use; behind it, the reserved ones of the geometry are.
    pub(super) cursor: u64,
    /// How many blocks are free.
    pub(super) free_blocks: u64,
}

/// Where an inode's blocks lie.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    pub(super) mapping: Mapping,
    /// The block of extended attributes.
    pub(super) attribute_block: Option<u64>,
}

impl Place {
    /// How many blocks the inode occupies.
    pub(super) fn blocks(&self) -> u64 {
        self.mapping.blocks() + u64::from(self.attribute_block.is_some())
    }
}

/// What one attempt tries.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    blocks: u64,
    inodes: u64,
    journal: u64,
    /// Blocks behind the descriptors; none without the feature.
    reserve: Option<u64>,
    /// Blocks that must stay free.
    headroom: u64,
}

/// Returns the plan of the capacity that `options` want.
///
/// # Errors
/// The contents do not fit into an exact capacity, or exceed what ext4 can be.
pub(super) fn plan<'a>(contents: &'a Contents<'a>, options: &Options) -> Result<Plan<'a>, Error> {
    let planner = Planner { contents, options };
    match options.capacity {
        Capacity::Guess { headroom } => planner.guess(headroom),
        Capacity::Exact(bytes) => planner.exact(bytes),
    }
}

struct Planner<'a, 'o> {
    contents: &'a Contents<'a>,
    options: &'o Options,
}

impl<'a> Planner<'a, '_> {
    /// Grows from nothing to what the contents and `headroom` bytes need.
    fn guess(&self, headroom: u64) -> Result<Plan<'a>, Error> {
        let inodes = self.least_inodes() + headroom.div_ceil(BYTES_PER_INODE);
        let headroom = headroom.div_ceil(self.block_size());
        self.grow(1, |blocks| {
            let (journal, reserve) = (self.journals(blocks)[0], self.usual_reserve(blocks));
            Attempt { blocks, inodes, journal, reserve, headroom }
        })
    }

    /// Fits the contents into `bytes`: with the usual reserve, else with that of the least size which suffices. So what
    /// fits also fits into more.
    fn exact(&self, bytes: u64) -> Result<Plan<'a>, Error> {
        let given = bytes / self.block_size();
        self.check_limit(given)?;
        let usual = self.usual_reserve(given);
        if let Some(plan) = self.fit(given, usual) {
            return Ok(plan);
        }
        let mut least = self.grow(1, |blocks| self.least_attempt(blocks))?;
        if least.geometry.blocks <= given {
            if let Some(plan) = self.fit(given, usual.and(least.reserve())) {
                return Ok(plan);
            }
            least = self.grow(given + 1, |blocks| self.least_attempt(blocks))?;
        }
        let needed = least.geometry.blocks * self.block_size();
        Err(Error::TooSmall { needed, given: bytes, largest: least.largest() })
    }

    /// With as little beside the contents as so many blocks may have.
    fn least_attempt(&self, blocks: u64) -> Attempt {
        let journal = *self.journals(blocks).last().expect("never empty");
        Attempt { blocks, inodes: self.least_inodes(), journal, reserve: self.usual_reserve(blocks), headroom: 0 }
    }

    /// Fits the contents into at most `given` blocks. Where one more group would cost more than it brings, its blocks
    /// stay unused.
    fn fit(&self, given: u64, reserve: Option<u64>) -> Option<Plan<'a>> {
        let shape = self.shape(given.max(self.first_block() + 1), self.least_inodes(), reserve);
        let counts = [Some(shape.trimmed()), shape.without_last_group()];
        counts.into_iter().flatten().find_map(|blocks| self.fit_exactly(blocks, reserve))
    }

    /// Fits the contents into so many blocks: with inodes in the usual ratio and the usual journal, else with only the
    /// inodes that are needed, else with a smaller journal, and without one only when so few blocks are in use that a
    /// file system of that size would have none.
    fn fit_exactly(&self, blocks: u64, reserve: Option<u64>) -> Option<Plan<'a>> {
        let least = self.least_inodes();
        let usual = least.max(blocks * self.block_size() / BYTES_PER_INODE);
        let journals = self.journals(blocks);
        let with_usual_inodes = journals.iter().take(1).map(|&journal| (usual, journal));
        let smaller = journals.iter().map(|&journal| (least, journal));
        let attempt = |(inodes, journal)| self.attempt(Attempt { blocks, inodes, journal, reserve, headroom: 0 }).ok();
        let is_optional = self.options.journal != Journal::Always;
        let needs_none = |plan: &Plan| is_optional && journal::usual_blocks(blocks - plan.free_blocks) == 0;
        with_usual_inodes.chain(smaller).find_map(attempt).or_else(|| attempt((least, 0)).filter(needs_none))
    }

    /// Returns the first plan that succeeds, from `blocks` on upwards.
    fn grow(&self, mut blocks: u64, attempt: impl Fn(u64) -> Attempt) -> Result<Plan<'a>, Error> {
        loop {
            self.check_limit(blocks)?;
            match self.attempt(attempt(blocks)) {
                Ok(plan) => return Ok(plan),
                Err(needed) => {
                    debug_assert!(needed > blocks, "an attempt that fails asks for more");
                    blocks = self.next_to_try(blocks, needed);
                }
            }
        }
    }

    /// Returns the next number that may suffice after `blocks` did not. With as many groups `needed` are needed; with
    /// more, the inode tables may be rounded to fewer blocks in all.
    fn next_to_try(&self, blocks: u64, needed: u64) -> u64 {
        let shape = self.shape(blocks, 0, None);
        let with_more_groups = shape.end_of_groups() + 1;
        if needed < with_more_groups {
            needed
        } else {
            with_more_groups.max(needed.saturating_sub(shape.table_slack()))
        }
    }

    /// Returns a plan, or how many blocks are needed at the least with as many groups.
    fn attempt(&self, attempt: Attempt) -> Result<Plan<'a>, u64> {
        let geometry = Geometry::new(&self.shape(attempt.blocks, attempt.inodes, attempt.reserve))?;
        let mut allocation = Allocation::new(&geometry, self.options.features, self.contents.nodes.len());
        let resize_block = attempt.reserve.map(|_| allocation.space.take_block());
        allocation.place(self.contents, attempt.journal);
        let Allocation { space, journal, places, .. } = allocation;
        let (cursor, taken) = (space.cursor(), space.taken());
        let used = geometry.first_block + geometry.reserved_blocks() + taken;
        if used + attempt.headroom > attempt.blocks {
            return Err(used + attempt.headroom);
        }
        let free_blocks = attempt.blocks - used;
        Ok(Plan { geometry, contents: self.contents, resize_block, journal, places, cursor, free_blocks })
    }

    fn shape(&self, blocks: u64, inodes: u64, reserve: Option<u64>) -> Shape {
        let descriptor_size = self.options.features.descriptor_size();
        let log_groups_per_flex = self.options.features.log_groups_per_flex();
        let (block_size, reserved_descriptors) = (self.block_size(), reserve.unwrap_or(0));
        Shape { block_size, descriptor_size, log_groups_per_flex, reserved_descriptors, blocks, inodes }
    }

    /// How many blocks are usually reserved behind the descriptors; none without the feature.
    fn usual_reserve(&self, blocks: u64) -> Option<u64> {
        let shape = self.shape(blocks.max(self.first_block() + 1), 0, None);
        if self.options.features.resize_inode { resize::usual_reserve(&shape) } else { None }
    }

    /// The sizes of journal that so many blocks may have: the usual one, then smaller ones. Never empty.
    fn journals(&self, blocks: u64) -> Vec<u64> {
        match self.options.journal {
            Journal::None => vec![0],
            Journal::Usual => journal::sizes_down_from_usual(blocks).collect(),
            Journal::Always => {
                let sizes: Vec<u64> = journal::sizes_down_from_usual(blocks).filter(|size| 0 < *size).collect();
                if sizes.is_empty() { vec![journal::SMALLEST] } else { sizes }
            }
        }
    }

    fn block_size(&self) -> u64 {
        u64::from(self.options.block_size)
    }

    fn first_block(&self) -> u64 {
        self.shape(0, 0, None).first_block()
    }

    /// The inodes in use, the reserved ones included.
    fn least_inodes(&self) -> u64 {
        u64::from(self.contents.last_ino())
    }

    /// Sizes end where block numbers do, or where the descriptors would fill half of their group.
    fn check_limit(&self, blocks: u64) -> Result<(), Error> {
        let blocks_per_group = self.shape(0, 0, None).blocks_per_group();
        let descriptors = blocks_per_group / 2 * self.block_size() / self.options.features.descriptor_size();
        let by_descriptors = descriptors * blocks_per_group;
        let features = &self.options.features;
        let max = if features.bits64 && features.extents { by_descriptors } else { by_descriptors.min(BLOCKS_MAX_32) };
        if blocks <= max {
            return Ok(());
        }
        let bytes = |blocks: u64| blocks.saturating_mul(self.block_size());
        Err(Error::TooLarge { size: bytes(blocks), max: bytes(max) })
    }
}

impl Plan<'_> {
    /// How many blocks are reserved behind the descriptors; none without the feature.
    pub(super) fn reserve(&self) -> Option<u64> {
        self.resize_block.map(|_| self.geometry.reserved_descriptors)
    }

    /// Returns what occupies the most bytes, the largest first.
    fn largest(&self) -> Vec<(TreePath, u64)> {
        let bytes = |place: &Place| place.blocks() * self.geometry.block_size;
        let mut all: Vec<(u64, &Node)> = self.places.iter().map(bytes).zip(&self.contents.nodes).collect();
        all.sort_by_key(|&(bytes, node)| (Reverse(bytes), &node.path));
        let occupying = all.into_iter().filter(|&(bytes, _)| bytes > 0).take(LARGEST);
        occupying.map(|(bytes, node)| (node.path.clone(), bytes)).collect()
    }
}

/// The places given so far in one attempt.
struct Allocation<'g> {
    block_size: u64,
    features: Features,
    space: Space<'g>,
    journal: Mapping,
    places: Vec<Place>,
}

impl<'g> Allocation<'g> {
    fn new(geometry: &'g Geometry, features: Features, nodes: usize) -> Allocation<'g> {
        Allocation {
            block_size: geometry.block_size,
            features,
            space: Space::new(geometry.first_block, &geometry.reserved),
            journal: Mapping::default(),
            places: vec![Place::default(); nodes],
        }
    }

    fn place(&mut self, contents: &Contents, journal: u64) {
        self.space.take(0..journal, &mut self.journal.runs);
        for (node, place) in contents.nodes.iter().zip(&mut self.places) {
            match &node.body {
                Body::Directory(directory) => self.space.take(0..directory.blocks(), &mut place.mapping.runs),
                Body::Symlink(_) => self.space.take(0..1, &mut place.mapping.runs),
                Body::File { .. } | Body::InInode { .. } => {}
            }
            if node.attributes.block.is_some() {
                place.attribute_block = Some(self.space.take_block());
            }
        }
        for (node, place) in contents.nodes.iter().zip(&mut self.places) {
            if let Body::File { ranges, .. } = &node.body {
                for range in ranges {
                    self.space.take(range.clone(), &mut place.mapping.runs);
                }
            }
        }
        for mapping in std::iter::once(&mut self.journal).chain(self.places.iter_mut().map(|place| &mut place.mapping))
        {
            let blocks = mapping.tree_blocks(self.block_size, &self.features);
            mapping.tree = (0..blocks).map(|_| self.space.take_block()).collect();
        }
    }
}
