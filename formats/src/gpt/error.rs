//! What a GPT refuses, and how it says so.

use std::fmt;
use std::ops::RangeInclusive;

use super::{HybridError, NAME_UNITS};
use crate::Guid;
use crate::mbr::SECTOR;
use crate::units::Grouped;

/// Why a table cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The disk is not made of whole sectors, or too short for any table.
    Disk {
        /// Its length in bytes.
        len: u64,
        /// The least that the table needs, in bytes.
        needed: u64,
    },
    /// The entry array lies where the header is, or behind the end of the disk.
    EntryArray {
        /// Where it starts, in sectors.
        lba: u64,
    },
    /// The entry array shall have no entries.
    NoEntries,
    /// A partition has a slot behind the last entry.
    TooMany {
        /// The partition.
        name: String,
        /// Its number, from 1.
        number: usize,
        /// The entries that there are.
        n_entries: u32,
    },
    /// A name is longer than 36 UTF-16 units.
    NameTooLong {
        /// The name.
        name: String,
        /// How long it is.
        n_units: usize,
    },
    /// A name contains a NUL, which would end it.
    NameWithNul {
        /// The name.
        name: String,
    },
    /// The type is zero, which means an unused entry.
    NoType {
        /// The partition.
        name: String,
    },
    /// The last sector comes before the first one.
    Empty {
        /// The partition.
        name: String,
    },
    /// A partition reaches out of the sectors that partitions may use.
    Outside {
        /// The partition.
        name: String,
        /// Its sectors.
        lbas: RangeInclusive<u64>,
        /// The sectors that may be used.
        usable: RangeInclusive<u64>,
    },
    /// Two partitions share sectors.
    Overlap {
        /// The one that starts first, with its sectors.
        first: (String, RangeInclusive<u64>),
        /// The one that starts inside it.
        second: (String, RangeInclusive<u64>),
    },
    /// Two partitions have one GUID.
    SameGuid {
        /// One of them.
        first: String,
        /// The other.
        second: String,
        /// Their GUID.
        guid: Guid,
    },
    /// The hybrid MBR cannot be written.
    Hybrid(HybridError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Disk { len, needed } if len % SECTOR == 0 => write!(
                f,
                "a disk of {} bytes is too small for its GPT, which needs {} bytes",
                Grouped(*len),
                Grouped(*needed)
            ),
            Error::Disk { len, .. } => {
                write!(f, "a disk of {} bytes is not made of whole sectors of {SECTOR} bytes", Grouped(*len))
            }
            Error::EntryArray { lba } => {
                write!(f, "the GPT entry array cannot start at sector {}", Grouped(*lba))
            }
            Error::NoEntries => f.write_str("a GPT without entries has no partitions"),
            Error::TooMany { name, number, n_entries } => {
                write!(f, "the partition `{name}` has the number {number}, and the GPT has {n_entries} entries")
            }
            Error::NameTooLong { name, n_units } => write!(
                f,
                "the partition name `{name}` has {n_units} UTF-16 units, and a GPT keeps at most {NAME_UNITS}"
            ),
            Error::NameWithNul { name } => write!(f, "the partition name `{}` contains a NUL", name.escape_debug()),
            Error::NoType { name } => write!(f, "the partition `{name}` has the type of an unused entry"),
            Error::Empty { name } => write!(f, "the partition `{name}` has no sectors"),
            Error::Outside { name, lbas, usable } => write!(
                f,
                "the partition `{name}` ({}) is not inside the {} that the GPT leaves for partitions",
                Sectors(lbas),
                Sectors(usable)
            ),
            Error::Overlap { first, second } => write!(
                f,
                "the partition `{}` ({}) overlaps `{}` ({})",
                second.0,
                Sectors(&second.1),
                first.0,
                Sectors(&first.1)
            ),
            Error::SameGuid { first, second, guid } => {
                write!(f, "the partitions `{first}` and `{second}` have the same GUID {guid}")
            }
            Error::Hybrid(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

/// Shows a range of sectors.
struct Sectors<'a>(&'a RangeInclusive<u64>);

impl fmt::Display for Sectors<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sectors {} to {}", Grouped(*self.0.start()), Grouped(*self.0.end()))
    }
}
