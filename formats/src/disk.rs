//! Disks: a partition table, partitions and boot loaders become one image.
//!
//! Describing is apart from placing: the table says where partitions are, and every content (of a partition, or a boot
//! loader in a gap) is placed under its own name. Everything, tables and headers included, goes through
//! [`Layout`], so that what overlaps is reported by both names before a byte is written.
//!
//! ```text
//! | MBR or GPT | raw: boot loader |    | partition | partition |    | backup GPT |
//! ```

use std::fmt;

use crate::layout::{Layout, LayoutError, Region};
use crate::mbr::SECTOR;
use crate::units::{Grouped, Size};
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
        match self {
            Table::Gpt(table) => {
                for piece in table.layout(len).map_err(Error::Gpt)? {
                    layout.place(piece.at, piece.what, &piece.content)?;
                }
            }
            Table::Mbr(table) => {
                let content = table.layout(len / SECTOR).map_err(Error::Mbr)?;
                layout.place(mbr::TABLE_AT, "MBR partition table", &content)?;
            }
            Table::None => {}
        }
        Ok(())
    }
}

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
    fn place(&self, previous_end: u64) -> Result<Place, PlaceError> {
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

    fn explain(&self, error: LayoutError, layout: &Layout) -> PlaceError {
        match error {
            LayoutError::Clash(clash) => {
                let first_free = layout.first_free(clash.old.end(), clash.new.len, self.alignment);
                PlaceError::Overlap { new: clash.new, old: clash.old, first_free }
            }
            LayoutError::Outside { .. } => PlaceError::TooFar { name: self.name.clone() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Tool;
    use crate::{Digest, Guid, MemoryBlobs, dump, guid};

    const MIB: u64 = 1 << 20;

    fn request(name: &str, offset: Option<u64>, len: u64) -> Request {
        Request { name: name.to_owned(), offset, alignment: MIB, len }
    }

    fn content(name: &str, at: u64, content: impl Into<bytes::Bytes>) -> Content {
        Content { name: name.to_owned(), at, content: Extents::from_bytes(content) }
    }

    /// A disk with two partitions, described and placed.
    fn sample() -> Disk {
        let requests = [request("ESP", None, 2 * MIB), request("root", None, MIB + 1)];
        let places = place_partitions(MIB, &requests).unwrap();
        let mut table = gpt::Table::new(Guid::from_digest(&Digest::of(b"disk")));
        let mut parts = Vec::new();
        for (request, place) in requests.iter().zip(places) {
            table.entries.push(Some(gpt::Partition {
                type_guid: guid::LINUX_FILE_SYSTEM,
                guid: Guid::from_digest(&Digest::of(request.name.as_bytes())),
                name: request.name.clone(),
                first_lba: place.first_lba(),
                last_lba: place.last_lba(),
                attributes: 0,
            }));
            let mut part = content(&request.name, place.at, request.name.clone());
            part.content.push_zeros(place.len - part.content.len());
            parts.push(part);
        }
        Disk { len: None, table: Table::Gpt(table), parts, raw: Vec::new() }
    }

    #[test]
    fn a_whole_disk() {
        let disk = sample();
        let image = layout(&disk).unwrap();
        let verdict = Tool::new("sgdisk", "gdisk").run_on(&image, &MemoryBlobs::new(), &["-v"]);
        assert!(verdict.contains("No problems found"), "{verdict}");
        let lines: Vec<String> = regions(&disk).unwrap().iter().map(Region::to_string).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        `protective MBR` (bytes 440 to 512)
        `GPT header` (bytes 512 to 1,024)
        `GPT entry array` (bytes 1,024 to 17,408)
        `ESP` (bytes 1,048,576 to 3,145,728)
        `root` (bytes 3,145,728 to 4,194,816)
        `backup GPT entry array` (bytes 4,197,888 to 4,214,272)
        `backup GPT header` (bytes 4,214,272 to 4,214,784)
        ");
        insta::assert_snapshot!(dump::extents(&image), @r#"
        0 440 zero
        440 72 bytes sha256:944f9dfbbc97
        512 92 bytes sha256:2b93b41e805a
        604 420 zero
        1024 16384 bytes sha256:2bedcf5bebbb
        17408 1031168 zero
        1048576 3 bytes "ESP"
        1048579 2097149 zero
        3145728 4 bytes "root"
        3145732 1052156 zero
        4197888 16384 bytes sha256:2bedcf5bebbb
        4214272 92 bytes sha256:f6a7008df4a5
        4214364 420 zero
        4214784 end
        "#);
    }

    #[test]
    fn boot_loaders_and_tables_clash_by_name() {
        let mut disk = sample();
        disk.raw = vec![content("u-boot-sunxi-with-spl.bin", 8192, vec![1; 797_112])];
        insta::assert_snapshot!(layout(&disk).unwrap_err(), @"`u-boot-sunxi-with-spl.bin` (bytes 8,192 to 805,304) overlaps `GPT entry array` (bytes 1,024 to 17,408)");
        disk.raw = vec![content("idbloader.img", 32768, vec![1; MIB as usize])];
        insta::assert_snapshot!(layout(&disk).unwrap_err(), @"`idbloader.img` (bytes 32,768 to 1,081,344) overlaps `ESP` (bytes 1,048,576 to 3,145,728)");
        disk.raw = vec![content("boot.img", 0, vec![1; 512])];
        insta::assert_snapshot!(layout(&disk).unwrap_err(), @"`boot.img` (bytes 0 to 512) overlaps `protective MBR` (bytes 440 to 512)");
        // Boot code alone leaves the table its place, and a moved entry array leaves sector 16 to the boot loader.
        disk.raw =
            vec![content("boot.img", 0, vec![1; 440]), content("u-boot-sunxi-with-spl.bin", 8192, vec![1; 797_112])];
        if let Table::Gpt(table) = &mut disk.table {
            table.entry_array_at = 1700;
            table.entries.iter_mut().flatten().for_each(|part| part.name.push('!'));
        }
        layout(&disk).unwrap();
        disk.table = Table::Mbr(mbr::Table::default());
        layout(&disk).unwrap();
    }

    #[test]
    fn lengths() {
        let mut disk = sample();
        assert_eq!(disk.planned_len(), Ok((4 * MIB + 512 + 33 * 512u64).next_multiple_of(4096)));
        disk.table = Table::Mbr(mbr::Table::default());
        assert_eq!(disk.planned_len(), Ok(4 * MIB + 4096));
        disk.len = Some(4 * MIB);
        insta::assert_snapshot!(layout(&disk).unwrap_err(), @"`root` (bytes 3,145,728 to 4,194,816) does not fit into the 4,194,304 bytes that there are");
        disk.len = Some(4 * MIB + 1);
        insta::assert_snapshot!(layout(&disk).unwrap_err(), @"a disk of 4,194,305 bytes is not made of whole sectors of 512 bytes");
        disk.len = None;
        disk.raw = vec![content("far", u64::MAX - 5, vec![1; 2])];
        insta::assert_snapshot!(layout(&disk).unwrap_err(), @"no disk is long enough for what lies on it");
        let empty = Disk { len: None, table: Table::Mbr(mbr::Table::default()), parts: vec![], raw: vec![] };
        assert_eq!(layout(&empty).unwrap().len(), 4096);
    }

    #[test]
    fn partitions_follow_one_another() {
        let requests = [
            request("a", None, 1),
            request("b", Some(8 * MIB + 512), MIB),
            request("c", None, 3 * MIB),
            request("d", Some(2 * MIB), MIB),
            request("e", None, MIB),
        ];
        let places = place_partitions(17408, &requests).unwrap();
        let shown: Vec<(u64, u64)> = places.iter().map(|place| (place.at, place.len)).collect();
        let expected = [(MIB, 512), (8 * MIB + 512, MIB), (10 * MIB, 3 * MIB), (2 * MIB, MIB), (3 * MIB, MIB)];
        assert_eq!(shown, expected);
    }

    #[test]
    fn mistakes_are_plain() {
        let shown = |requests: &[Request]| place_partitions(MIB, requests).unwrap_err().to_string();
        insta::assert_snapshot!(shown(&[request("root", Some(MIB + 1), MIB)]), @"the offset of the partition `root`, 1,048,577 bytes, is not at a sector; the nearest ones are 1,048,576 and 1,049,088");
        insta::assert_snapshot!(shown(&[request("root", Some(u64::MAX), MIB)]), @"the offset of the partition `root`, 18,446,744,073,709,551,615 bytes, is not at a sector; the nearest one is 18,446,744,073,709,551,104");
        insta::assert_snapshot!(shown(&[request("boot", None, 4 * MIB), request("root", Some(2 * MIB), MIB)]), @"`root` (bytes 2,097,152 to 3,145,728), sectors 4,096 to 6,143, overlaps `boot` (bytes 1,048,576 to 5,242,880), sectors 2,048 to 10,239; the first free offset is 5 MiB (5,242,880 bytes)");
        insta::assert_snapshot!(shown(&[request("root", None, 0)]), @"the partition `root` has no bytes");
        insta::assert_snapshot!(shown(&[Request { alignment: 100, ..request("root", None, 1) }]), @"the alignment of the partition `root`, 100 bytes, is not a multiple of 512 bytes");
        insta::assert_snapshot!(shown(&[Request { alignment: 0, ..request("root", None, 1) }]), @"the alignment of the partition `root`, 0 bytes, is not a multiple of 512 bytes");
        insta::assert_snapshot!(shown(&[request("root", None, u64::MAX)]), @"the partition `root` ends where no disk ends");
        insta::assert_snapshot!(shown(&[request("root", None, 1 << 63)]), @"the partition `root` ends where no disk ends");
    }
}
