//! What an MBR refuses, and how it says so.

use std::fmt;

use super::{N_ENTRIES, REACH, SECTOR};
use crate::units::{Grouped, Size};

/// Why a table cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// There are more primary partitions than entries.
    TooMany {
        /// The first one that has no entry.
        name: String,
        /// Whether one entry is taken by the extended partition.
        has_logical: bool,
    },
    /// A partition has no sectors or the type 0, which means an unused entry.
    Empty {
        /// The partition.
        name: String,
    },
    /// A partition has the type of an extended one.
    ExtendedKind {
        /// The partition.
        name: String,
        /// The type.
        kind: u8,
    },
    /// A partition starts in sector 0, where the table is.
    OnTable {
        /// The partition.
        name: String,
    },
    /// A partition does not end inside the disk.
    Outside {
        /// The partition.
        name: String,
        /// The disk, in sectors.
        n_sectors: u64,
    },
    /// A partition starts or ends where 32 bits do not reach.
    TooFar {
        /// The partition.
        name: String,
        /// The first sector behind it.
        end: u64,
    },
    /// Two partitions share sectors.
    Overlap {
        /// The one that starts first.
        first: String,
        /// The one that starts inside it.
        second: String,
    },
    /// Two partitions are active.
    Active {
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// Logical partitions are not in the order of their places.
    Order {
        /// The one with the lower number.
        first: String,
        /// The one that lies in front of it.
        second: String,
    },
    /// The EBR is not between its logical partition and the one before.
    NoEbr {
        /// The logical partition.
        name: String,
    },
    /// A primary partition lies between logical ones.
    InExtended {
        /// The primary partition.
        name: String,
        /// The first logical partition.
        first: String,
        /// The last logical partition.
        last: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::TooMany { name, has_logical: false } => write!(
                f,
                "the partition `{name}` is one primary partition too many: an MBR has {N_ENTRIES}; make it a logical one, or use a GPT"
            ),
            Error::TooMany { name, has_logical: true } => write!(
                f,
                "the partition `{name}` is one primary partition too many: an MBR with logical partitions has {}",
                N_ENTRIES - 1
            ),
            Error::Empty { name } => write!(f, "the partition `{name}` of the MBR has no sectors or no type"),
            Error::ExtendedKind { name, kind } => write!(
                f,
                "the partition `{name}` has the type 0x{kind:02x} of extended partitions, which are made where partitions are logical"
            ),
            Error::OnTable { name } => write!(f, "the partition `{name}` starts in sector 0, where the MBR is"),
            Error::Outside { name, n_sectors } => {
                write!(f, "the partition `{name}` does not end inside the disk of {} sectors", Grouped(*n_sectors))
            }
            Error::TooFar { name, end } => write!(
                f,
                "the partition `{name}` ends at {}, and an MBR reaches up to {}; use a GPT",
                Size(end.saturating_mul(SECTOR)),
                Size(REACH * SECTOR)
            ),
            Error::Overlap { first, second } => {
                write!(f, "the partition `{second}` starts inside the partition `{first}`")
            }
            Error::Active { first, second } => {
                write!(
                    f,
                    "the partitions `{first}` and `{second}` are both active, and an MBR has one active partition at most"
                )
            }
            Error::Order { first, second } => write!(
                f,
                "the logical partition `{second}` lies in front of `{first}`, which comes before it; list logical partitions in the order of their places"
            ),
            Error::NoEbr { name } => {
                write!(f, "the logical partition `{name}` has no sector in front of it for its extended boot record")
            }
            Error::InExtended { name, first, last } => {
                write!(f, "the primary partition `{name}` lies in the extended partition, which reaches from ")?;
                write!(f, "the boot record of `{first}` to the end of `{last}`; make it a logical one")
            }
        }
    }
}

impl std::error::Error for Error {}
