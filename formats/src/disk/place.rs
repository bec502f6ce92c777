//! Places of partitions: each at its offset, or behind the one before it.
//!
//! ```text
//!      from                 alignment                  offset
//! |    | partition     |    | partition           |    | partition |
//! ```

use std::fmt;

use crate::layout::{Layout, LayoutError, Region};
use crate::mbr::{self, SECTOR};
use crate::units::{Grouped, Size};

/// A partition that wants a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What messages call it.
    pub name: String,
    /// Its place from the start of the disk, in bytes; none: after the previous one.
    pub offset: Option<u64>,
    /// What a computed place is a multiple of, in bytes.
    pub alignment: u64,
    /// Its length in bytes, which is rounded up to whole sectors.
    pub len: u64,
}

/// The place of a partition, made of whole sectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where it starts, in bytes from the start of the disk.
    pub at: u64,
    /// Its length in bytes.
    pub len: u64,
}

impl Place {
    /// Returns where the partition ends: the first byte behind it.
    pub fn end(&self) -> u64 {
        self.at + self.len
    }

    /// Returns the first sector.
    pub fn first_lba(&self) -> u64 {
        self.at / SECTOR
    }

    /// Returns the length in sectors.
    pub fn n_sectors(&self) -> u64 {
        self.len / SECTOR
    }

    /// Returns the last sector, which belongs to the partition.
    ///
    /// # Panics
    /// When the partition is empty, which [`place_partitions`] refuses.
    pub fn last_lba(&self) -> u64 {
        self.end().checked_sub(1).expect("a placed partition is not empty") / SECTOR
    }
}

/// Why a partition has no place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaceError {
    /// The partition has no bytes.
    Empty {
        /// The partition.
        name: String,
    },
    /// The alignment is 0 or does not consist of whole sectors.
    Alignment {
        /// The partition.
        name: String,
        /// The alignment.
        alignment: u64,
    },
    /// The offset is not at a sector.
    Unaligned {
        /// The partition.
        name: String,
        /// The offset.
        offset: u64,
    },
    /// The offset lies in a partition that is there already.
    Overlap {
        /// The partition.
        new: Region,
        /// The one that is there already.
        old: Region,
        /// Where the partition would fit.
        first_free: Option<u64>,
    },
    /// The partition would end where no disk ends.
    TooFar {
        /// The partition.
        name: String,
    },
    /// More partitions shall be primary ones than an MBR has room for.
    TooManyPrimary {
        /// The first one that has no room.
        name: String,
        /// How many there may be.
        n_primary: usize,
    },
    /// There is no free sector in front of a logical partition for its extended boot record.
    NoEbr {
        /// The logical partition.
        name: String,
        /// What lies in front of it.
        old: Region,
    },
    /// An MBR cannot say the places: a partition ends too far behind, logical ones are not in their order, or a primary one
    /// lies between them.
    Mbr(mbr::Error),
}

impl fmt::Display for PlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlaceError::Empty { name } => write!(f, "the partition `{name}` has no bytes"),
            PlaceError::Alignment { name, alignment } => write!(
                f,
                "the alignment of the partition `{name}`, {}, is not a multiple of {SECTOR} bytes",
                Size(*alignment)
            ),
            PlaceError::Unaligned { name, offset } => {
                let below = offset / SECTOR * SECTOR;
                write!(f, "the offset of the partition `{name}`, {}, is not at a sector; ", Size(*offset))?;
                match below.checked_add(SECTOR) {
                    Some(above) => write!(f, "the nearest ones are {} and {}", Grouped(below), Grouped(above)),
                    None => write!(f, "the nearest one is {}", Grouped(below)),
                }
            }
            PlaceError::Overlap { new, old, first_free } => {
                write!(f, "{new}, {}, overlaps {old}, {}", Sectors(new), Sectors(old))?;
                match first_free {
                    Some(at) => write!(f, "; the first free offset is {} ({} bytes)", Size(*at), Grouped(*at)),
                    None => Ok(()),
                }
            }
            PlaceError::TooFar { name } => write!(f, "the partition `{name}` ends where no disk ends"),
            PlaceError::TooManyPrimary { name, n_primary } => write!(
                f,
                "the partition `{name}` is one primary partition too many: this MBR has room for {n_primary}; make it a logical one, or use a GPT"
            ),
            PlaceError::NoEbr { name, old } => write!(
                f,
                "the logical partition `{name}` needs a free sector in front of it for its extended boot record, and there is {old}"
            ),
            PlaceError::Mbr(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PlaceError {}

/// Shows the sectors of a region that is made of whole sectors.
struct Sectors<'a>(&'a Region);

impl fmt::Display for Sectors<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sectors {} to {}", Grouped(self.0.at / SECTOR), Grouped((self.0.end() - 1) / SECTOR))
    }
}

/// Returns the places of partitions: each at its offset, or else behind the previous one, at the next multiple of its alignment.
/// The first one without an offset comes at or behind `from`.
///
/// # Errors
/// An offset or alignment is not made of sectors, or two partitions overlap.
pub fn place_partitions(from: u64, requests: &[Request]) -> Result<Vec<Place>, PlaceError> {
    let mut layout = Layout::growable();
    let mut previous_end = from;
    let mut places = Vec::with_capacity(requests.len());
    for request in requests {
        let place = request.place(previous_end)?;
        layout.reserve(place.at, &request.name, place.len).map_err(|error| request.explain(error, &layout))?;
        previous_end = place.end();
        places.push(place);
    }
    Ok(places)
}

impl Request {
    pub(super) fn place(&self, previous_end: u64) -> Result<Place, PlaceError> {
        let name = || self.name.clone();
        if self.len == 0 {
            return Err(PlaceError::Empty { name: name() });
        }
        if self.alignment == 0 || !self.alignment.is_multiple_of(SECTOR) {
            return Err(PlaceError::Alignment { name: name(), alignment: self.alignment });
        }
        let at = match self.offset {
            Some(offset) if !offset.is_multiple_of(SECTOR) => {
                return Err(PlaceError::Unaligned { name: name(), offset });
            }
            Some(offset) => Some(offset),
            None => previous_end.checked_next_multiple_of(self.alignment),
        };
        let len = self.len.checked_next_multiple_of(SECTOR);
        match (at, len) {
            (Some(at), Some(len)) if at.checked_add(len).is_some() => Ok(Place { at, len }),
            _ => Err(PlaceError::TooFar { name: name() }),
        }
    }

    pub(super) fn explain(&self, error: LayoutError, layout: &Layout) -> PlaceError {
        match error {
            LayoutError::Clash(clash) => {
                let first_free = layout.first_free(clash.old.end(), clash.new.len, self.alignment);
                PlaceError::Overlap { new: clash.new, old: clash.old, first_free }
            }
            LayoutError::Outside { .. } => PlaceError::TooFar { name: self.name.clone() },
        }
    }
}
