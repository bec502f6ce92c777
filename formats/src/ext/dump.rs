//! A plan as text: what the snapshots of the tests hold, and what people look at.

use std::fmt::{self, Write as _};

use super::contents::{Body, ino};
use super::geometry::Geometry;
use super::journal::JOURNAL_INO;
use super::mapping::Mapping;
use super::plan::Plan;
use super::resize::RESIZE_INO;
use super::{Features, Options};

/// Returns the plan as text: the counts, a line per group, a line per inode.
pub(super) fn dump(plan: &Plan, options: &Options) -> String {
    let mut text = String::new();
    write_plan(&mut text, plan, options).expect("writing to a string does not fail");
    text
}

fn write_plan(text: &mut String, plan: &Plan, options: &Options) -> fmt::Result {
    let geometry = &plan.geometry;
    let (inodes, used) = (geometry.inodes(), plan.contents.last_ino());
    writeln!(text, "{:?}: {}", options.label, names(&options.features).join(" "))?;
    writeln!(text, "blocks: {} of {} bytes, {} free", geometry.blocks, geometry.block_size, plan.free_blocks)?;
    writeln!(text, "inodes: {inodes}, {} free, {} per group", inodes - used, geometry.inodes_per_group)?;
    write_groups(text, geometry)?;
    if let Some(block) = plan.resize_block {
        writeln!(text, "inode {RESIZE_INO}: reserve, tree in [{block}]")?;
    }
    if !plan.journal.runs.is_empty() {
        writeln!(text, "inode {JOURNAL_INO}: journal,{}", Blocks(&plan.journal))?;
    }
    for (index, (node, place)) in plan.contents.nodes.iter().zip(&plan.places).enumerate() {
        let size = node.size(geometry.block_size);
        write!(text, "inode {}: {} mode {:o}, links {}, size {size}", ino(index), node.path, node.mode, node.links)?;
        if let Body::Directory(directory) = &node.body
            && let Some(levels) = directory.index_levels()
        {
            write!(text, ", index of {levels} levels")?;
        }
        match node.body {
            Body::InInode { .. } => write!(text, ", in the inode")?,
            _ => write!(text, ",{}", Blocks(&place.mapping))?,
        }
        if let Some(block) = place.attribute_block {
            write!(text, ", attributes in {block}")?;
        }
        writeln!(text)?;
    }
    Ok(())
}

/// The features by their names in e2fsprogs.
fn names(features: &Features) -> Vec<&'static str> {
    let all = [
        (features.resize_inode, "resize_inode"),
        (features.dir_index, "dir_index"),
        (features.extents, "extent"),
        (features.bits64, "64bit"),
        (features.flex_bg, "flex_bg"),
        (features.huge_file, "huge_file"),
        (features.dir_nlink, "dir_nlink"),
        (features.extra_isize, "extra_isize"),
        (features.metadata_csum, "metadata_csum"),
    ];
    all.into_iter().filter(|(is_on, _)| *is_on).map(|(_, name)| name).collect()
}

fn write_groups(text: &mut String, geometry: &Geometry) -> fmt::Result {
    for (index, group) in geometry.groups.iter().enumerate() {
        write!(text, "group {index}: blocks {}..{}", group.blocks.start, group.blocks.end)?;
        if group.has_superblock {
            let start = group.blocks.start;
            let descriptors = start + 1..start + 1 + geometry.descriptor_blocks();
            write!(text, ", superblock {start}, descriptors {}..{}", descriptors.start, descriptors.end)?;
            if geometry.reserved_descriptors > 0 {
                write!(text, ", reserve to {}", start + geometry.copy_blocks())?;
            }
        }
        let table = group.inode_table..group.inode_table + geometry.table_blocks();
        let (blocks, inodes) = (group.block_bitmap, group.inode_bitmap);
        writeln!(text, ", bitmaps {blocks} and {inodes}, inode table {}..{}", table.start, table.end)?;
    }
    Ok(())
}

/// The blocks of a file and where they lie.
struct Blocks<'a>(&'a Mapping);

impl fmt::Display for Blocks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.runs.is_empty() {
            f.write_str(" no blocks")?;
        }
        for run in &self.0.runs {
            let (logical, physical) = (run.logical, run.physical);
            write!(f, " {logical}..{} at {physical}", logical + run.blocks)?;
        }
        match self.0.tree[..] {
            [] => Ok(()),
            ref tree => write!(f, ", tree in {tree:?}"),
        }
    }
}
