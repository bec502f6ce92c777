//! Partition tables as others read them: a GPT by the crate `gpt`, an MBR by hand, for it is four records.
//!
//! Both copies of a GPT are read and held against each other. Nothing is believed before it is known to lie inside the
//! image: `gpt` asserts the size of entries and allocates what a header says.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use ::gpt::disk::LogicalBlockSize;
use ::gpt::header::{Header, HeaderError, read_header_from_arbitrary_device};
use ::gpt::partition::file_read_partitions;

use super::image::{Image, Window};
use super::{Findings, names};
use crate::Guid;
use crate::layout::Region;
use crate::mbr::{self, SECTOR};
use crate::units::{Grouped, Size};

/// A partition table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// What it is.
    pub kind: TableKind,
    /// The GUID or the signature of the disk; none where it cannot be read.
    pub id: Option<String>,
    /// The length of a sector, in bytes.
    pub sector: u64,
    /// The partitions by number.
    pub partitions: Vec<Partition>,
    /// What the MBR beside a GPT says, its protective entry excluded.
    pub hybrid: Vec<Partition>,
    /// Where tables and headers are.
    pub structures: Vec<Region>,
}

/// A kind of partition tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    /// A GPT with an MBR that protects it, or should.
    Gpt,
    /// A GPT with an MBR that describes partitions too.
    Hybrid,
    /// An MBR alone.
    Mbr,
}

impl TableKind {
    /// Returns what it is called.
    pub fn name(self) -> &'static str {
        match self {
            TableKind::Gpt => "GPT",
            TableKind::Hybrid => "GPT with a hybrid MBR",
            TableKind::Mbr => "MBR",
        }
    }
}

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Its number, counted from 1; logical partitions of an MBR from 5.
    pub number: u32,
    /// Its name in the table; empty in an MBR.
    pub name: String,
    /// Its type: a GUID, or two hexadecimal digits.
    pub ty: String,
    /// What people call the type.
    pub type_name: Option<&'static str>,
    /// What it is for, in the word by which it can be named: `esp`, `root`.
    pub role: Option<&'static str>,
    /// `PARTUUID`: its GUID, or the signature of the disk and its number.
    pub uuid: String,
    /// Where it starts, in bytes.
    pub at: u64,
    /// Its length in bytes.
    pub len: u64,
    /// Marks that it has.
    pub flags: Vec<String>,
    /// Whether it only contains logical partitions.
    pub is_extended: bool,
}

impl Partition {
    /// Returns where it ends: the first byte behind it.
    pub fn end(&self) -> u64 {
        self.at.saturating_add(self.len)
    }
}

/// Reads the partition table of an image, if it has one.
///
/// # Errors
/// The image cannot be read.
pub(super) fn read(image: &Image, findings: &mut Findings) -> io::Result<Option<Table>> {
    let mbr = read_mbr(image)?;
    let table = match read_gpt(image, mbr.as_ref(), findings)? {
        Some(table) => Some(table),
        None => match mbr {
            Some(mbr) => Some(mbr.into_table(image, findings)?),
            None => None,
        },
    };
    if let Some(table) = &table {
        check(table, image.len(), findings);
    }
    Ok(table)
}

/// Finds partitions that lie where none can, or on each other.
fn check(table: &Table, len: u64, findings: &mut Findings) {
    for partition in table.partitions.iter().chain(&table.hybrid) {
        if partition.end() > len {
            findings.damage(format!(
                "partition {} ends at byte {}, and the image has {}: it is truncated",
                partition.number,
                Grouped(partition.end()),
                Grouped(len)
            ));
        }
    }
    let mut sorted: Vec<&Partition> = table.partitions.iter().filter(|partition| !partition.is_extended).collect();
    sorted.sort_by_key(|partition| partition.at);
    for pair in sorted.windows(2) {
        if pair[1].at < pair[0].end() {
            findings.damage(format!("partitions {} and {} overlap", pair[0].number, pair[1].number));
        }
    }
}

/// The first sector, where it is a partition table.
struct Mbr {
    signature: u32,
    entries: [Entry; 4],
}

/// An entry of an MBR, or of the table in front of a logical partition.
#[derive(Clone, Copy)]
struct Entry {
    boot_indicator: u8,
    kind: u8,
    first_lba: u64,
    n_sectors: u64,
}

/// Types whose entry leads to further tables.
const EXTENDED: [u8; 3] = [0x05, 0x0f, 0x85];
/// What marks an active partition.
const ACTIVE: u8 = 0x80;
/// The number of the first logical partition.
const FIRST_LOGICAL: u32 = 5;
/// More logical partitions than anybody has made.
const MOST_LOGICAL: usize = 256;

impl Entry {
    fn is_used(&self) -> bool {
        self.kind != 0 && self.n_sectors != 0
    }

    fn partition(&self, number: u32, base: u64, signature: u32) -> Partition {
        Partition {
            number,
            name: String::new(),
            ty: format!("{:02x}", self.kind),
            type_name: names::mbr_type(self.kind),
            role: names::mbr_role(self.kind),
            uuid: format!("{signature:08x}-{number:02x}"),
            at: base + self.first_lba * SECTOR,
            len: self.n_sectors * SECTOR,
            flags: if self.boot_indicator == ACTIVE { vec!["active".to_owned()] } else { Vec::new() },
            is_extended: EXTENDED.contains(&self.kind),
        }
    }
}

/// Returns the four entries of a sector, if it is a table: marked as one, with marks of entries that are marks.
fn entries(sector: &[u8; SECTOR as usize]) -> Option<[Entry; 4]> {
    let number = |bytes: &[u8]| u64::from(u32::from_le_bytes(bytes.try_into().expect("four bytes")));
    let entry = |index: usize| {
        let bytes = &sector[446 + 16 * index..][..16];
        Entry {
            boot_indicator: bytes[0],
            kind: bytes[4],
            first_lba: number(&bytes[8..12]),
            n_sectors: number(&bytes[12..16]),
        }
    };
    let entries = [0, 1, 2, 3].map(entry);
    let is_table = sector[510..] == [0x55, 0xaa] && entries.iter().all(|entry| entry.boot_indicator & !ACTIVE == 0);
    is_table.then_some(entries)
}

fn read_mbr(image: &Image) -> io::Result<Option<Mbr>> {
    if image.len() < SECTOR {
        return Ok(None);
    }
    let sector = image.bytes(0)?;
    let signature = u32::from_le_bytes(sector[440..444].try_into().expect("four bytes"));
    Ok(entries(&sector).map(|entries| Mbr { signature, entries }))
}

impl Mbr {
    fn used(&self) -> impl Iterator<Item = (u32, &Entry)> {
        (1..).zip(&self.entries).filter(|(_, entry)| entry.is_used())
    }

    fn is_protective(&self) -> bool {
        self.used().any(|(_, entry)| entry.kind == mbr::kind::GPT_PROTECTIVE)
    }

    /// Returns the partitions that it describes, primary ones only.
    fn primary(&self) -> Vec<Partition> {
        let used = self.used().filter(|(_, entry)| entry.kind != mbr::kind::GPT_PROTECTIVE);
        used.map(|(number, entry)| entry.partition(number, 0, self.signature)).collect()
    }

    fn into_table(self, image: &Image, findings: &mut Findings) -> io::Result<Table> {
        let mut partitions = self.primary();
        let mut structures = vec![structure("MBR partition table", mbr::TABLE_AT, SECTOR - mbr::TABLE_AT)];
        for extended in partitions.clone().iter().filter(|partition| partition.is_extended) {
            self.logical(image, extended.at, &mut partitions, &mut structures, findings)?;
        }
        let id = Some(format!("{:08x}", self.signature));
        Ok(Table { kind: TableKind::Mbr, id, sector: SECTOR, partitions, hybrid: Vec::new(), structures })
    }

    /// Adds the logical partitions of the extended one at `base`: each has a sector in front of it with an entry for itself
    /// and one that leads to the next.
    fn logical(
        &self,
        image: &Image,
        base: u64,
        partitions: &mut Vec<Partition>,
        structures: &mut Vec<Region>,
        findings: &mut Findings,
    ) -> io::Result<()> {
        let (mut at, mut seen) = (base, BTreeSet::new());
        loop {
            let number = partitions.iter().map(|partition| partition.number + 1).max().unwrap_or(0).max(FIRST_LOGICAL);
            if !seen.insert(at) || seen.len() > MOST_LOGICAL {
                findings.damage("the chain of logical partitions leads in circles");
                return Ok(());
            }
            let sector = if at.saturating_add(SECTOR) <= image.len() { entries(&image.bytes(at)?) } else { None };
            let Some([own, next, ..]) = sector else {
                findings.damage(format!(
                    "the table of logical partition {number} should be at byte {}, and is not",
                    Grouped(at)
                ));
                return Ok(());
            };
            structures.push(structure("extended partition table", at, SECTOR));
            if own.is_used() {
                partitions.push(own.partition(number, at, self.signature));
            }
            if !next.is_used() {
                return Ok(());
            }
            at = base + next.first_lba * SECTOR;
        }
    }
}

fn structure(what: &str, at: u64, len: u64) -> Region {
    Region { what: what.to_owned(), at, len }
}

/// What a GPT header starts with.
const GPT_SIGNATURE: &[u8; 8] = b"EFI PART";
/// The size of entries that every table in the world has, and the only one that `gpt` reads.
const ENTRY_LEN: u32 = 128;
/// More entries than anybody has made.
const MOST_ENTRIES: u32 = 1 << 16;

/// One of the two copies of a GPT.
struct Copy {
    header: Header,
    entries: BTreeMap<u32, ::gpt::partition::Partition>,
}

/// Whose disks have sectors of these lengths.
const SECTORS: [(u64, LogicalBlockSize); 2] = [(512, LogicalBlockSize::Lb512), (4096, LogicalBlockSize::Lb4096)];

fn read_gpt(image: &Image, mbr: Option<&Mbr>, findings: &mut Findings) -> io::Result<Option<Table>> {
    let Some((sector, block)) = sector_of_gpt(image)? else {
        if mbr.is_some_and(Mbr::is_protective) {
            findings.damage("the MBR says that there is a GPT, and there is none");
        }
        return Ok(None);
    };
    let gpt = Gpt { image, sector, block };
    let last = image.len() / sector - 1;
    let primary = gpt.copy(1, "GPT")?;
    let backup_at = primary.as_ref().map_or(last, |copy| copy.header.backup_lba);
    let backup = match backup_at {
        at if at > last => Err(format!(
            "the backup GPT should be in sector {}, and the image ends with sector {}: it is truncated",
            Grouped(at),
            Grouped(last)
        )),
        at => gpt.copy(at, "backup GPT")?,
    };
    if backup_at < last && backup.is_ok() {
        let len = Size((backup_at + 1) * sector);
        findings.note(format!("the image is longer than its disk, which the GPT describes as {len}"));
    }
    if let (Ok(primary), Ok(backup)) = (&primary, &backup) {
        compare(primary, backup, findings);
    }
    for why in [&primary, &backup].into_iter().filter_map(|copy| copy.as_ref().err()) {
        findings.damage(why.clone());
    }
    if !mbr.is_some_and(Mbr::is_protective) {
        findings.damage("no MBR protects the GPT from tools that do not know it");
    }
    let backup_at = Some(backup_at).filter(|at| (2..=last).contains(at));
    Ok(Some(gpt.table(mbr, primary.ok(), backup.ok(), backup_at, findings)))
}

/// Returns the length of the sectors for which there is the mark of a GPT, at its start or at its end.
fn sector_of_gpt(image: &Image) -> io::Result<Option<(u64, LogicalBlockSize)>> {
    for (sector, block) in SECTORS {
        if image.len() < 3 * sector {
            continue;
        }
        for at in [sector, (image.len() / sector - 1) * sector] {
            if image.bytes(at)? == *GPT_SIGNATURE {
                return Ok(Some((sector, block)));
            }
        }
    }
    Ok(None)
}

/// Says in what two copies differ.
fn compare(primary: &Copy, backup: &Copy, findings: &mut Findings) {
    let fields = |copy: &Copy| (copy.header.disk_guid, copy.header.first_usable, copy.header.last_usable);
    if fields(primary) != fields(backup) {
        findings.damage("the backup GPT describes another disk than the GPT");
    }
    let numbers: BTreeSet<&u32> = primary.entries.keys().chain(backup.entries.keys()).collect();
    for number in numbers {
        if primary.entries.get(number) != backup.entries.get(number) {
            findings.damage(format!("the backup GPT has another partition {number} than the GPT"));
        }
    }
}

/// A GPT of known sectors.
struct Gpt<'a> {
    image: &'a Image,
    sector: u64,
    block: LogicalBlockSize,
}

impl Gpt<'_> {
    /// Returns the table of the copies that can be read; the primary one counts. The header of the backup is in `backup_at`.
    fn table(
        &self,
        mbr: Option<&Mbr>,
        primary: Option<Copy>,
        backup: Option<Copy>,
        backup_at: Option<u64>,
        findings: &mut Findings,
    ) -> Table {
        let hybrid = mbr.map(Mbr::primary).unwrap_or_default();
        let (kind, mbr_name) = match hybrid.is_empty() {
            true => (TableKind::Gpt, "protective MBR"),
            false => (TableKind::Hybrid, "hybrid MBR"),
        };
        let header = |what: &str, lba: u64| structure(what, lba * self.sector, self.sector);
        let mut structures = vec![header("GPT header", 1)];
        structures.extend(mbr.map(|_| structure(mbr_name, mbr::TABLE_AT, SECTOR - mbr::TABLE_AT)));
        structures.extend(self.array(primary.as_ref(), "GPT entry array"));
        structures.extend(backup_at.map(|lba| header("backup GPT header", lba)));
        structures.extend(self.array(backup.as_ref(), "backup GPT entry array"));
        let copy = primary.or(backup);
        let partitions = copy.as_ref().map(|copy| self.partitions(copy, findings)).unwrap_or_default();
        let id = copy.map(|copy| Guid(*copy.header.disk_guid.as_bytes()).to_string());
        Table { kind, id, sector: self.sector, partitions, hybrid, structures }
    }

    /// Reads the copy whose header is in sector `lba`; the inner error says what is wrong with it.
    fn copy(&self, lba: u64, what: &str) -> io::Result<Result<Copy, String>> {
        let place = format!("in sector {}", Grouped(lba));
        // The crate reads sector 1 of a device, so the device starts one sector before.
        let Some(before) = lba.checked_sub(1) else {
            return Ok(Err(format!("the {what} cannot be {place}")));
        };
        let mut window = Window::new(self.image, before * self.sector, u64::MAX);
        let header = match read_header_from_arbitrary_device(&mut window, self.block) {
            Ok(header) => header,
            Err(HeaderError::InvalidGptSignature) => {
                return Ok(Err(format!("there is no {what} header {place}")));
            }
            Err(HeaderError::InvalidCRC32Checksum) => {
                return Ok(Err(format!("the {what} header {place} does not have its checksum")));
            }
            Err(HeaderError::Io(error)) if error.raw_os_error().is_some() => return Err(error),
            Err(error) => return Ok(Err(format!("the {what} header {place} cannot be read: {error}"))),
        };
        if header.current_lba != lba {
            let said = Grouped(header.current_lba);
            return Ok(Err(format!("the {what} header {place} says that it is in sector {said}")));
        }
        if let Err(why) = self.check_array(&header) {
            return Ok(Err(format!("the {what} {why}")));
        }
        let mut window = Window::new(self.image, 0, u64::MAX);
        match file_read_partitions(&mut window, &header, self.block) {
            Ok(entries) => Ok(Ok(Copy { header, entries })),
            Err(error) if error.raw_os_error().is_some() => Err(error),
            Err(_) => Ok(Err(format!("the entries of the {what} do not have their checksum"))),
        }
    }

    /// Sees to it that the entry array can be read: the crate takes the header's word for it.
    fn check_array(&self, header: &Header) -> Result<(), String> {
        let Header { num_parts, part_size, part_start, .. } = header;
        if *part_size != ENTRY_LEN {
            return Err(format!("has entries of {part_size} bytes, and those that are understood have {ENTRY_LEN}"));
        }
        let len = u64::from(*num_parts) * u64::from(ENTRY_LEN);
        let end = part_start.checked_mul(self.sector).and_then(|at| at.checked_add(len));
        match end {
            Some(end) if *num_parts <= MOST_ENTRIES && end <= self.image.len() => Ok(()),
            _ => Err(format!("has its {} entries where the image has none", Grouped(u64::from(*num_parts)))),
        }
    }

    fn array(&self, copy: Option<&Copy>, what: &str) -> Option<Region> {
        let header = &copy?.header;
        let len = (u64::from(header.num_parts) * u64::from(ENTRY_LEN)).next_multiple_of(self.sector);
        Some(structure(what, header.part_start * self.sector, len))
    }

    fn partitions(&self, copy: &Copy, findings: &mut Findings) -> Vec<Partition> {
        let used = copy.entries.iter().filter(|(_, entry)| entry.is_used());
        let usable = copy.header.first_usable..=copy.header.last_usable;
        let mut partitions = Vec::new();
        for (&number, entry) in used {
            let at = entry.first_lba.checked_mul(self.sector);
            let len = entry.sectors_len().ok().and_then(|sectors| sectors.checked_mul(self.sector));
            let (Some(at), Some(len)) = (at, len) else {
                findings.damage(format!("partition {number} ends before it starts, or behind every disk"));
                continue;
            };
            if !usable.contains(&entry.first_lba) || !usable.contains(&entry.last_lba) {
                findings.damage(format!("partition {number} lies outside of what the GPT leaves for partitions"));
            }
            let ty = Guid(*entry.part_type_guid.guid.as_bytes());
            partitions.push(Partition {
                number,
                name: entry.name.clone(),
                ty: ty.to_string(),
                type_name: names::gpt_type(ty),
                role: names::gpt_role(ty),
                uuid: Guid(*entry.part_guid.as_bytes()).to_string(),
                at,
                len,
                flags: names::gpt_flags(entry.flags),
                is_extended: false,
            });
        }
        partitions
    }
}
