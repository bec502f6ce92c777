//! FAT: the file system of EFI system partitions (Microsoft, "FAT: General Overview of On-Disk Format", version 1.03).
//!
//! The whole tree is known before anything is placed, so every file and directory gets contiguous clusters in
//! the order of the tree, the two allocation tables are computed, and contents are referred to without
//! copying. Sizes are exact: a volume that is guessed has not one cluster too many.
//!
//! ```text
//! | reserved: boot sector, ... | table | table | root directory     | cluster 2 | cluster 3 | ... |
//! | (FAT32: 32 sectors)        |       | (copy)| (not on FAT32, which has it in clusters)         |
//! ```
//!
//! FAT keeps names without case and no owners, modes or links: hard links become copies, and what is neither file nor directory is refused.

mod directory;
mod error;
mod geometry;
mod label;
mod name;
mod plan;
mod volume;

#[cfg(test)]
mod tests;

pub use error::Error;
pub use label::LabelError;
pub use name::NameError;

use crate::{Capacity, Extents, Tree};
use geometry::{ClusterSizes, Geometry};
use label::Label;
use plan::Plan;

/// The length of a sector, in bytes.
const SECTOR: u64 = 512;

/// How a volume shall be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The kind; none takes the one that fits: FAT16 up to 512 MiB, FAT32 above (and FAT12 where FAT16 is too large).
    pub kind: Option<Kind>,
    /// The label: at most 11 characters, none of them lower case.
    pub label: Option<String>,
    /// The serial number of the volume (`1234-ABCD`).
    pub volume_id: u32,
    /// The time of the label, in seconds since 1970, UTC; times before 1980 become 1980.
    pub time: i64,
    /// How large the volume shall be.
    pub capacity: Capacity,
    /// The length of a cluster in bytes, a power of two from 512 to 32 KiB; none takes one that suits.
    pub cluster_len: Option<u32>,
    /// How many sectors lie before the volume on its disk: the first sector of the partition, or 0 where that is not known.
    /// Boot code for BIOSes reads it; nothing else does.
    pub hidden_sectors: u32,
}

/// The kinds of FAT, told apart by nothing but the number of clusters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Up to 4,084 clusters.
    Fat12,
    /// 4,085 to 65,524 clusters.
    Fat16,
    /// 65,525 clusters and more.
    Fat32,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::Fat12 => "FAT12",
            Kind::Fat16 => "FAT16",
            Kind::Fat32 => "FAT32",
        })
    }
}

/// Above this size FAT32 is the usual kind, since the clusters of FAT16 become large.
const FAT16_USUAL_LEN: u64 = 512 << 20;

/// Returns the image of a volume that contains `tree`.
///
/// # Errors
/// Something in the tree, the label or the capacity is not possible with FAT.
pub fn layout(tree: &Tree, options: &Options) -> Result<Extents, Error> {
    let label = options.label.as_deref().map(Label::new).transpose().map_err(Error::Label)?;
    let plan = Plan::of(tree, label.is_some())?;
    let geometry = choose(&plan, options)?;
    Ok(volume::write(&plan, &geometry, label, options))
}

/// Whether a volume can have this label.
///
/// # Errors
/// Why it cannot.
pub fn check_label(label: &str) -> Result<(), LabelError> {
    Label::new(label).map(|_| ())
}

/// Returns the geometry of the wanted kind, or of the first kind that suits.
fn choose(plan: &Plan, options: &Options) -> Result<Geometry, Error> {
    let sizes = ClusterSizes::new(options.cluster_len)?;
    let of_kind = |kind| Geometry::new(kind, sizes, plan, options.capacity);
    match (options.kind, options.capacity) {
        (Some(kind), _) => of_kind(kind),
        (None, Capacity::Exact(len)) if len < sizes.least_len(Kind::Fat16) => of_kind(Kind::Fat12),
        (None, Capacity::Exact(len)) if FAT16_USUAL_LEN < len && sizes.least_len(Kind::Fat32) <= len => {
            of_kind(Kind::Fat32)
        }
        (None, _) => match of_kind(Kind::Fat16) {
            Ok(geometry) if geometry.len() > FAT16_USUAL_LEN => of_kind(Kind::Fat32).or(Ok(geometry)),
            // What FAT16 is too narrow for may do as FAT32. If FAT32 is only too large, FAT16 has the better explanation.
            Err(error) if error.is_limit_of_kind() => {
                of_kind(Kind::Fat32).map_err(|wider| if wider.is_limit_of_kind() { wider } else { error })
            }
            other => other,
        },
    }
}
