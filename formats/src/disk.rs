//! Disks: a partition table, partitions and boot loaders become one image.
//!
//! Describing is apart from placing: the table says where partitions are, and every content (of a partition, or a boot
//! loader in a gap) is placed under its own name. Everything, tables and headers included, goes through
//! [`Layout`], so that what overlaps is reported by both names before a byte is written.
//!
//! ```text
//! | MBR or GPT | raw: boot loader |    | partition | partition |    | backup GPT |
//! ```

mod logical;
mod place;

use std::fmt;

pub use logical::{MbrPlace, place_in_mbr};
pub use place::{Place, PlaceError, Request, place_partitions};

use crate::layout::{Layout, LayoutError, Region};
use crate::mbr::SECTOR;
use crate::units::Grouped;
use crate::{Extents, gpt, mbr};

/// A disk to be laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// The length in bytes; none makes the disk just large enough.
    pub len: Option<u64>,
    /// The partition table.
    pub table: Table,
    /// What partitions contain.
    pub parts: Vec<Content>,
    /// What lies outside of partitions, or at fixed places inside of them: boot code and boot loaders.
    pub raw: Vec<Content>,
}

/// The partition table of a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Table {
    /// A GPT with its protective MBR and its backup.
    Gpt(gpt::Table),
    /// An MBR.
    Mbr(mbr::Table),
    /// None at all.
    None,
}

/// Something with a name and a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// What messages call it.
    pub name: String,
    /// Where it starts, in bytes from the start of the disk.
    pub at: u64,
    /// Its bytes; zeros keep the place free.
    pub content: Extents,
}

/// A disk that grows to fit ends at a multiple of this, so that devices with large sectors can hold it.
const LEN_ALIGNMENT: u64 = 4096;

/// Why a disk cannot be laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The GPT cannot be written.
    Gpt(gpt::Error),
    /// The MBR cannot be written.
    Mbr(mbr::Error),
    /// Two things overlap, or one is not inside the disk.
    Layout(LayoutError),
    /// The disk has no whole number of sectors.
    Len(u64),
    /// Something is so far behind that no disk reaches it.
    TooLong,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Gpt(error) => error.fmt(f),
            Error::Mbr(error) => error.fmt(f),
            Error::Layout(error) => error.fmt(f),
            Error::Len(len) => {
                write!(f, "a disk of {} bytes is not made of whole sectors of {SECTOR} bytes", Grouped(*len))
            }
            Error::TooLong => f.write_str("no disk is long enough for what lies on it"),
        }
    }
}

impl std::error::Error for Error {}

impl From<LayoutError> for Error {
    fn from(error: LayoutError) -> Error {
        Error::Layout(error)
    }
}

/// Returns the image of a disk.
///
/// # Errors
/// Two things overlap, the table cannot describe its partitions, or the disk is too short.
pub fn layout(disk: &Disk) -> Result<Extents, Error> {
    plan(disk).map(Layout::finish)
}

/// Returns what lies where on a disk, as the picture of it needs.
///
/// # Errors
/// As [`layout`].
pub fn regions(disk: &Disk) -> Result<Vec<Region>, Error> {
    plan(disk).map(|layout| layout.regions().to_vec())
}

fn plan(disk: &Disk) -> Result<Layout, Error> {
    let len = disk.planned_len()?;
    let mut layout = Layout::new(len);
    disk.table.place(&mut layout, len)?;
    for Content { name, at, content } in disk.parts.iter().chain(&disk.raw) {
        layout.place(*at, name, content)?;
    }
    Ok(layout)
}

impl Disk {
    /// Returns the length of the disk: the given one, or the least that everything fits into, as a multiple of 4 KiB.
    ///
    /// # Errors
    /// The length is no whole number of sectors, or what lies on the disk ends nowhere.
    pub fn planned_len(&self) -> Result<u64, Error> {
        match self.len {
            Some(len) if len.is_multiple_of(SECTOR) => Ok(len),
            Some(len) => Err(Error::Len(len)),
            None => self.least_len().ok_or(Error::TooLong),
        }
    }

    fn least_len(&self) -> Option<u64> {
        let mut end = 0;
        for part in self.parts.iter().chain(&self.raw) {
            end = end.max(part.at.checked_add(part.content.len())?);
        }
        let len = match &self.table {
            Table::Gpt(table) => table.len_for(end)?,
            Table::Mbr(table) => end.max(table.end()),
            Table::None => end,
        };
        len.checked_next_multiple_of(LEN_ALIGNMENT).filter(|&len| i64::try_from(len).is_ok())
    }
}

impl Table {
    fn place(&self, layout: &mut Layout, len: u64) -> Result<(), Error> {
        let pieces = match self {
            Table::Gpt(table) => table.layout(len).map_err(Error::Gpt)?,
            Table::Mbr(table) => table.layout(len / SECTOR).map_err(Error::Mbr)?,
            Table::None => Vec::new(),
        };
        for piece in pieces {
            layout.place(piece.at, piece.what, &piece.content)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
