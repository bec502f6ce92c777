//! Areas: what lies where on a disk, without a hole, as `gravure layout` draws it.
//!
//! ```text
//! | free | GPT header | GPT entry array | free | partition | partition | free | backup |
//! ```
//! The invariant: areas are sorted, not empty, and each starts where the one before ends.

use crate::Region;
use crate::disk::{self, Disk, Table};
use crate::mbr::SECTOR;

/// The number of the first logical partition of an MBR.
const FIRST_LOGICAL: usize = 5;

/// All bytes of a disk or an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Areas {
    /// The areas in order.
    pub areas: Vec<Area>,
    /// The length of all of them together, in bytes.
    pub len: u64,
}

/// A range of a disk that has one purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Area {
    /// What it is for.
    pub role: Role,
    /// What it is, in a line.
    pub what: String,
    /// What it is, in a word.
    pub label: String,
    /// Where it starts, in bytes.
    pub at: u64,
    /// Its length in bytes.
    pub len: u64,
}

/// The purpose of an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A partition table, or a part of one.
    Table,
    /// A boot loader outside of the partitions.
    Loader,
    /// A partition, or a file system without a table.
    Partition,
    /// Something outside of the partitions, and nobody knows what.
    Data,
    /// Nothing.
    Free,
}

impl Role {
    /// Returns what it is called.
    pub fn name(self) -> &'static str {
        match self {
            Role::Table => "table",
            Role::Loader => "loader",
            Role::Partition => "partition",
            Role::Data => "data",
            Role::Free => "free",
        }
    }
}

impl Area {
    /// Returns where the area ends: the first byte behind it.
    pub fn end(&self) -> u64 {
        self.at + self.len
    }
}

impl Areas {
    /// Returns the areas of `len` bytes: those that are given, and what is free between them. Of two on the same bytes the
    /// earlier one has them; what lies behind the end is cut off.
    pub fn new(len: u64, given: Vec<Area>) -> Areas {
        let mut areas: Vec<Area> = Vec::new();
        for area in given {
            let pieces = free(len, &areas).into_iter().filter_map(|(lo, hi)| {
                let (lo, hi) = (lo.max(area.at), hi.min(area.at.saturating_add(area.len)));
                (lo < hi).then(|| Area { at: lo, len: hi - lo, ..area.clone() })
            });
            let pieces: Vec<Area> = pieces.collect();
            areas.extend(pieces);
            areas.sort_by_key(|area| area.at);
        }
        for (lo, hi) in free(len, &areas) {
            let (what, label) = ("free".to_owned(), String::new());
            areas.push(Area { role: Role::Free, what, label, at: lo, len: hi - lo });
        }
        areas.sort_by_key(|area| area.at);
        Areas { areas, len }
    }

    /// Returns the areas of a disk that is to be written.
    ///
    /// # Errors
    /// As [`disk::layout`].
    pub fn of_disk(disk: &Disk) -> Result<Areas, disk::Error> {
        let is_in = |contents: &[disk::Content], region: &Region| {
            contents.iter().any(|content| content.at == region.at && content.name == region.what)
        };
        let given = disk::regions(disk)?.into_iter().map(|region| {
            let Region { what: name, at, len } = region.clone();
            let (role, what, label) = match number_of(&disk.table, at) {
                Some(number) if is_in(&disk.parts, &region) => {
                    (Role::Partition, format!("partition {number} `{name}`"), name)
                }
                None if is_in(&disk.parts, &region) => (Role::Partition, format!("`{name}`"), name),
                _ if is_in(&disk.raw, &region) => (Role::Loader, format!("`{name}`"), name),
                _ => (Role::Table, name, String::new()),
            };
            Area { role, what, label, at, len }
        });
        Ok(Areas::new(disk.planned_len()?, given.collect()))
    }
}

/// Returns the number of the partition that starts there.
fn number_of(table: &Table, at: u64) -> Option<usize> {
    let lba = at / SECTOR;
    match table {
        Table::Gpt(table) => table
            .entries
            .iter()
            .position(|entry| entry.as_ref().is_some_and(|entry| entry.first_lba == lba))
            .map(|slot| slot + 1),
        Table::Mbr(table) => {
            let slot =
                table.entries.iter().position(|entry| entry.as_ref().is_some_and(|entry| entry.first_lba == lba));
            let logical = || table.logical.iter().position(|logical| logical.partition.first_lba == lba);
            slot.map(|slot| slot + 1).or_else(|| logical().map(|index| index + FIRST_LOGICAL))
        }
        Table::None => None,
    }
}

/// Returns the ranges that no area has; areas are sorted.
fn free(len: u64, areas: &[Area]) -> Vec<(u64, u64)> {
    let starts = areas.iter().map(|area| area.at).chain([len]);
    let ends = [0].into_iter().chain(areas.iter().map(Area::end));
    ends.zip(starts).filter(|(lo, hi)| lo < hi).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn area(what: &str, at: u64, len: u64) -> Area {
        Area { role: Role::Data, what: what.to_owned(), label: String::new(), at, len }
    }

    #[test]
    fn what_comes_first_stays_and_the_rest_is_free() {
        let areas = Areas::new(100, vec![area("a", 10, 20), area("b", 0, 40), area("c", 90, u64::MAX)]);
        let shown: Vec<String> =
            areas.areas.iter().map(|area| format!("{}-{} {}", area.at, area.end(), area.what)).collect();
        assert_eq!(shown, ["0-10 b", "10-30 a", "30-40 b", "40-90 free", "90-100 c"]);
    }

    proptest! {
        #[test]
        fn every_byte_is_in_one_area(len in 0u64..60, given in proptest::collection::vec((0u64..70, 0u64..20), 0..12)) {
            let areas = Areas::new(len, given.into_iter().map(|(at, len)| area("x", at, len)).collect());
            let mut end = 0;
            for area in &areas.areas {
                prop_assert_eq!(area.at, end);
                prop_assert!(area.len > 0);
                end = area.end();
            }
            prop_assert_eq!(end, len);
        }
    }
}
