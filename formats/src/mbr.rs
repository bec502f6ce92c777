//! MBR: the partition table of four entries in the first sector of a disk.
//!
//! Only the table is written here. The first 440 bytes of the sector belong to boot code, which is placed by
//! whoever has some, so that both are regions of their own and a boot loader that is too long clashes by name.
//!
//! ```text
//! offset size  meaning
//!    0   440   boot code (not ours)
//!  440     4   disk signature
//!  444     2   0
//!  446  4*16   entries
//!  510     2   55 aa
//! ```
//! (UEFI 2.10, section 5.2.)
//!
//! More than four partitions are *logical* ones, inside of an *extended* partition that takes one of the entries. It
//! is a chain: a sector of the same form, the extended boot record (EBR), belongs to each logical partition. Its first
//! entry is the partition, counted from the EBR; the second one is the next EBR with its partition, counted
//! from the start of the extended partition.
//!
//! ```text
//! | MBR | primary | primary |    | EBR |    | logical 5 |    | EBR |    | logical 6 |
//!                                |<---------------- extended ------------------->|
//! ```

mod check;
mod chs;
mod error;
pub mod kind;
mod record;
mod role;

#[cfg(test)]
mod tests;

pub(crate) use check::check_primary;
pub use error::Error;
pub use role::{Role, RoleError, numbers, roles};

use chs::{CHS_REACH, chs};
use record::{EntryRecord, table_bytes};

use crate::Extents;
use crate::layout::Piece;

/// The length of a sector, in bytes: the unit of all addresses of disks.
pub const SECTOR: u64 = 512;

/// Where the table starts; what lies before is boot code.
pub const TABLE_AT: u64 = 440;

/// How many entries there are.
const N_ENTRIES: usize = 4;

/// The first number of logical partitions, however many entries are used.
const FIRST_LOGICAL: usize = 5;

/// Sector numbers have 32 bits.
const REACH: u64 = 1 << 32;

/// The types of extended partitions, which no other partition may have.
const EXTENDED_KINDS: [u8; 3] = [kind::EXTENDED, kind::EXTENDED_LBA, kind::LINUX_EXTENDED];

/// A partition table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The number by which Windows and Linux (`PARTUUID`) tell disks apart.
    pub disk_signature: u32,
    /// The primary partitions by slot; none leaves a slot unused.
    pub entries: Vec<Option<Partition>>,
    /// The logical partitions in the order of their places. Where there are some, the first unused slot has the
    /// extended partition, which ends with the last of them.
    pub logical: Vec<Logical>,
}

/// A partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Partition {
    /// What messages call it; an MBR keeps no names.
    pub name: String,
    /// The type; see [`kind`].
    pub kind: u8,
    /// Whether boot code shall start from this partition.
    pub active: bool,
    /// The first sector.
    pub first_lba: u64,
    /// The length in sectors.
    pub n_sectors: u64,
}

/// A logical partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logical {
    /// The sector of its EBR, in front of it.
    pub ebr_lba: u64,
    /// The partition.
    pub partition: Partition,
}

/// The sectors of the extended partition: its first, and the one behind its last.
#[derive(Clone, Copy)]
struct Extended {
    first_lba: u64,
    end: u64,
}

impl Table {
    /// Returns the table of partitions in the order of their numbers among their kind. One with the sector of an EBR is a logical
    /// one, all others take the slots from the first on.
    pub fn new(disk_signature: u32, parts: impl IntoIterator<Item = (Partition, Option<u64>)>) -> Table {
        let mut table = Table { disk_signature, ..Table::default() };
        for (partition, ebr_lba) in parts {
            match ebr_lba {
                Some(ebr_lba) => table.logical.push(Logical { ebr_lba, partition }),
                None => table.entries.push(Some(partition)),
            }
        }
        table
    }

    /// Returns where the last partition ends, in bytes; behind the table itself in any case.
    pub fn end(&self) -> u64 {
        self.partitions().map(Partition::end).max().unwrap_or(0).max(1).saturating_mul(SECTOR)
    }

    /// Returns the pieces of the table for a disk of `n_sectors` sectors: itself, and the EBRs in order.
    ///
    /// # Errors
    /// A partition is where it cannot be, or there are too many.
    pub fn layout(&self, n_sectors: u64) -> Result<Vec<Piece>, Error> {
        self.check(n_sectors)?;
        let mut records: [EntryRecord; N_ENTRIES] = Default::default();
        for (record, part) in records.iter_mut().zip(&self.entries) {
            *record = part.as_ref().map(EntryRecord::of).unwrap_or_default();
        }
        if let (Some(slot), Some(extended)) = (self.extended_slot(), self.extended()) {
            let len = extended.end - extended.first_lba;
            records[slot] = EntryRecord::range(kind::EXTENDED_LBA, extended.first_lba, len, 0);
        }
        let content = table_bytes(self.disk_signature, &records);
        let table = Piece { what: "MBR partition table".to_owned(), at: TABLE_AT, content };
        Ok(std::iter::once(table).chain(self.ebrs()).collect())
    }

    /// Returns all partitions, the primary ones first.
    fn partitions(&self) -> impl Iterator<Item = &Partition> + Clone {
        self.entries.iter().flatten().chain(self.logical.iter().map(|logical| &logical.partition))
    }

    /// Returns the first unused slot, if there is one: that of the extended partition.
    fn extended_slot(&self) -> Option<usize> {
        (0..N_ENTRIES).find(|&slot| self.entries.get(slot).is_none_or(Option::is_none))
    }

    /// Returns the extended partition, if it is needed.
    fn extended(&self) -> Option<Extended> {
        let (first, last) = (self.logical.first()?, self.logical.last()?);
        Some(Extended { first_lba: first.ebr_lba, end: last.partition.end() })
    }

    /// Returns the extended boot records.
    fn ebrs(&self) -> impl Iterator<Item = Piece> {
        let links = self.logical.iter().skip(1).map(Some).chain([None]);
        self.logical.iter().zip(links).map(|(logical, next)| {
            let mut records: [EntryRecord; N_ENTRIES] = Default::default();
            records[0] = EntryRecord::of(&logical.partition).relative_to(logical.ebr_lba);
            if let Some(next) = next {
                let len = next.partition.end() - next.ebr_lba;
                records[1] = EntryRecord::range(kind::EXTENDED, next.ebr_lba, len, self.logical[0].ebr_lba);
            }
            logical.piece(&table_bytes(0, &records))
        })
    }
}

impl Partition {
    /// Returns the first sector behind the partition. One that would end behind 2^64 ends there.
    fn end(&self) -> u64 {
        self.first_lba.saturating_add(self.n_sectors)
    }
}

impl Logical {
    /// Returns the EBR as a piece of a whole sector: it has no boot code in front.
    fn piece(&self, content: &Extents) -> Piece {
        let mut sector = Extents::zeros(TABLE_AT);
        sector.append(content);
        let what = format!("extended boot record of {}", self.partition.name);
        Piece { what, at: self.ebr_lba * SECTOR, content: sector }
    }
}

/// Where the entry of a GPT stands in a table that has entries of partitions as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protective {
    /// Before the partitions: GRUB finds the GPT by it.
    #[default]
    First,
    /// Behind the partitions: firmware that looks at the first entry only finds a partition.
    Last,
}

/// Returns the table that makes tools without knowledge of GPT keep their hands off (UEFI 2.10, section 5.2.3).
pub(crate) fn protective(n_sectors: u64) -> Extents {
    let last_lba = n_sectors - 1;
    // "Set to 0xFFFFFF if it is not possible to represent the value."
    let end_chs = if last_lba < CHS_REACH { chs(last_lba) } else { [0xff; 3] };
    let n_sectors = u32::try_from(last_lba).unwrap_or(u32::MAX);
    protective_among(EntryRecord { end_chs, n_sectors, ..PROTECTIVE }, &[], Protective::First)
}

/// Returns a table of partitions that were checked, at most three, and of an entry for the GPT in front of them.
///
/// No entry may lie inside another one, so the GPT's cannot cover the disk: it ends in front of the first partition, as
/// `gdisk` makes it.
pub(crate) fn hybrid(parts: &[Partition], place: Protective) -> Extents {
    let end = parts.iter().map(|part| part.first_lba).min().expect("a hybrid MBR has partitions");
    let record = EntryRecord { end_chs: chs(end - 1), n_sectors: (end - 1) as u32, ..PROTECTIVE };
    protective_among(record, parts, place)
}

/// The entry of a GPT, but for its end.
const PROTECTIVE: EntryRecord = EntryRecord {
    boot_indicator: 0,
    // "Set to 0x000200, corresponding to the Starting LBA field."
    start_chs: [0x00, 0x02, 0x00],
    kind: kind::GPT_PROTECTIVE,
    end_chs: [0; 3],
    first_lba: 1,
    n_sectors: 0,
};

fn protective_among(protective: EntryRecord, parts: &[Partition], place: Protective) -> Extents {
    let (before, behind) = match place {
        Protective::First => (Some(protective), None),
        Protective::Last => (None, Some(protective)),
    };
    let used = before.into_iter().chain(parts.iter().map(EntryRecord::of)).chain(behind);
    let mut records: [EntryRecord; N_ENTRIES] = Default::default();
    for (record, used) in records.iter_mut().zip(used) {
        *record = used;
    }
    table_bytes(0, &records)
}
