//! A hybrid MBR: some partitions of a GPT are entries of the MBR as well, for firmware that knows no GPT.
//!
//! ```text
//! LBA 0   1                                                                        end
//! | MBR  | GPT header, entry array | partition in both | partition | partition in both |
//! |      |<----- 0xee ------------>|<----- 0x0c ------>|           |<----- 0x83 ------>|
//! ```
//! UEFI 2.10, section 5.2.3, wants one entry over the whole disk; a hybrid MBR is against its letter. As `gdisk` writes it, and
//! as firmware and Linux accept it, the entry of the type 0xee starts in sector 1 and ends in front of the first partition.

use std::fmt;

use super::Partition;
use crate::Extents;
use crate::mbr::{self, Protective};

/// How many partitions there may be beside the entry of the GPT.
const MOST: usize = 3;

/// What an MBR has of the partitions of a GPT.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hybrid {
    /// The partitions in the order of their entries; one to three.
    pub entries: Vec<HybridEntry>,
    /// Where the entry of the GPT stands among them.
    pub protective: Protective,
}

/// A partition that the MBR has as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HybridEntry {
    /// Its slot in the GPT, from 0.
    pub slot: usize,
    /// The type in the MBR; see [`mbr::kind`].
    pub kind: u8,
    /// Whether boot code shall start from this partition.
    pub active: bool,
}

/// Why a hybrid MBR cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HybridError {
    /// There are no partitions, or more than entries.
    Number(usize),
    /// A slot of the GPT has no partition.
    NoPartition {
        /// The slot, from 0.
        slot: usize,
    },
    /// A partition stands in the MBR twice.
    Twice {
        /// The partition.
        name: String,
    },
    /// A partition has a type that says something about entries.
    Kind {
        /// The partition.
        name: String,
        /// The type.
        kind: u8,
    },
    /// A partition ends where 32 bits do not reach, or two are active.
    Mbr(mbr::Error),
}

impl fmt::Display for HybridError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HybridError::Number(n) => {
                write!(f, "a hybrid MBR has one to {MOST} partitions beside the GPT, and {n} are wanted")
            }
            HybridError::NoPartition { slot } => {
                write!(f, "the hybrid MBR is to have partition {}, and the GPT has no such partition", slot + 1)
            }
            HybridError::Twice { name } => write!(f, "the hybrid MBR has the partition `{name}` twice"),
            HybridError::Kind { name, kind } => write!(
                f,
                "the partition `{name}` cannot have the type 0x{kind:02x} in a hybrid MBR, which is not that of a partition"
            ),
            HybridError::Mbr(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for HybridError {}

impl Hybrid {
    /// Returns the MBR, to be placed at [`mbr::TABLE_AT`]; `partitions` are those of the GPT by slot, and were checked.
    pub(super) fn layout(&self, partitions: &[Option<Partition>]) -> Result<Extents, HybridError> {
        if !(1..=MOST).contains(&self.entries.len()) {
            return Err(HybridError::Number(self.entries.len()));
        }
        let mut parts = Vec::with_capacity(MOST);
        for (i, entry) in self.entries.iter().enumerate() {
            let part = entry.partition(partitions)?;
            if self.entries[..i].iter().any(|earlier| earlier.slot == entry.slot) {
                return Err(HybridError::Twice { name: part.name });
            }
            parts.push(part);
        }
        mbr::check_primary(&parts).map_err(HybridError::Mbr)?;
        Ok(mbr::hybrid(&parts, self.protective))
    }
}

impl HybridEntry {
    /// Returns the partition as an MBR has it.
    fn partition(&self, partitions: &[Option<Partition>]) -> Result<mbr::Partition, HybridError> {
        let part = partitions.get(self.slot).and_then(Option::as_ref);
        let part = part.ok_or(HybridError::NoPartition { slot: self.slot })?;
        let name = part.title(self.slot + 1);
        if self.kind == 0 || self.kind == mbr::kind::GPT_PROTECTIVE {
            return Err(HybridError::Kind { name, kind: self.kind });
        }
        let n_sectors = part.last_lba - part.first_lba + 1;
        Ok(mbr::Partition { name, kind: self.kind, active: self.active, first_lba: part.first_lba, n_sectors })
    }
}
