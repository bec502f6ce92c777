//! Sizes: how large each file system shall be, when some numbers are given and the others follow.
//!
//! ```text
//! 0      1 MiB                 start                      end
//! | table | what comes before | the root takes the rest | what comes after | backup |
//! ```

use gravure_eval::View;
use gravure_formats::Capacity;
use gravure_formats::mbr::{self, Role};
use gravure_formats::units::Size;

use super::entries::role;
use super::{LowerError, mistake};

/// What tables take at either end of a disk.
const TABLES: u64 = 1 << 20;
/// How far in front of a logical partition its record lies.
const RECORD_GAP: u64 = 1 << 20;
/// What the size of a file system is a multiple of when it is computed: a block of ext4, and a sector of any disk.
const BLOCK: u64 = 4096;

/// Returns how large each file system shall be. Where the image has a size, the root takes what the others leave.
pub(super) fn capacities(image: View<'_, '_>, partitions: &[View<'_, '_>]) -> Result<Vec<Capacity>, LowerError> {
    let mut capacities = Vec::new();
    for &partition in partitions {
        capacities.push(match partition.optional_size("size")? {
            Some(size) => Capacity::Exact(size),
            None => Capacity::Guess { headroom: partition.size("headroom")? },
        });
    }
    let Some(whole) = image.optional_size("size")? else { return Ok(capacities) };
    for (i, &partition) in partitions.iter().enumerate() {
        let is_root = partition.optional_string("content")? == Some("root");
        if is_root && matches!(capacities[i], Capacity::Guess { .. }) {
            capacities[i] = Capacity::Exact(rest(image, whole, i, partitions)?);
        }
    }
    Ok(capacities)
}

/// A partition other than the root, whose size must be known.
struct Slot {
    offset: Option<u64>,
    alignment: u64,
    size: u64,
    /// What it has in front of it: a logical partition, the record that leads to it.
    gap: u64,
}

/// Returns what is left of an image of `whole` bytes for the partition numbered `root`.
fn rest(image: View<'_, '_>, whole: u64, root: usize, partitions: &[View<'_, '_>]) -> Result<u64, LowerError> {
    let gaps = gaps(image, partitions)?;
    let mut slots = Vec::new();
    for (i, &partition) in partitions.iter().enumerate() {
        let size = match partition.optional_size("size")? {
            _ if i == root => 0,
            Some(size) => size,
            None => {
                let message = "with a size for the whole image, every partition but the root needs one";
                return Err(mistake("E0406", partition, "size", message, "this one is guessed"));
            }
        };
        let alignment = partition.size("alignment")?.max(1);
        slots.push(Slot { offset: partition.optional_size("offset")?, alignment, size, gap: gaps[i] });
    }
    room(whole, root, &slots).ok_or_else(|| {
        let message = format!("the {} of the image leave no room for the root beside the rest", Size(whole));
        mistake("E0407", image, "size", message, "too small")
    })
}

/// Returns what each partition has in front of it.
fn gaps(image: View<'_, '_>, partitions: &[View<'_, '_>]) -> Result<Vec<u64>, LowerError> {
    if image.string("partition-table-type")? == "gpt" {
        return Ok(vec![0; partitions.len()]);
    }
    let mut roles = Vec::new();
    for &partition in partitions {
        roles.push(role(partition)?);
    }
    // Too many primary partitions are a mistake that is found with the places.
    let roles = mbr::roles(&roles).unwrap_or_else(|_| vec![Role::Primary; partitions.len()]);
    Ok(roles.iter().map(|role| if *role == Role::Logical { RECORD_GAP } else { 0 }).collect())
}

/// Returns the room between what comes before and what comes after; none where there is none.
fn room(whole: u64, root: usize, slots: &[Slot]) -> Option<u64> {
    let mut start = TABLES;
    for slot in &slots[..=root] {
        let at = slot.offset.or(start.checked_add(slot.gap)?.checked_next_multiple_of(slot.alignment))?;
        start = at.checked_add(slot.size)?;
    }
    let mut end = whole.checked_sub(TABLES)?;
    for slot in slots[root + 1..].iter().rev() {
        end = match slot.offset {
            // One that lies before the root takes nothing from behind it.
            Some(offset) if offset < start => end,
            Some(offset) => offset.min(end),
            None => (end.checked_sub(slot.size)? / slot.alignment * slot.alignment).checked_sub(slot.gap)?,
        };
    }
    let room = end.checked_sub(start)? / BLOCK * BLOCK;
    (0 < room).then_some(room)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn slot(offset: Option<u64>, size: u64) -> Slot {
        Slot { offset, alignment: MIB, size, gap: 0 }
    }

    #[test]
    fn the_root_takes_the_rest() {
        let (esp, root) = (|| slot(None, 40 * MIB), || slot(None, 0));
        assert_eq!(room(100 * MIB, 1, &[esp(), root()]), Some(58 * MIB));
        assert_eq!(room(100 * MIB + 4097, 1, &[esp(), root()]), Some(58 * MIB + 4096), "in whole blocks");
        assert_eq!(room(100 * MIB, 0, &[root(), esp()]), Some(58 * MIB));
        assert_eq!(room(100 * MIB + 5, 0, &[root(), esp()]), Some(58 * MIB), "what follows is aligned");
        assert_eq!(room(100 * MIB, 0, &[slot(Some(9 * MIB), 0)]), Some(90 * MIB));
        assert_eq!(room(42 * MIB, 1, &[esp(), root()]), None);
        assert_eq!(room(MIB / 2, 0, &[root()]), None);
        assert_eq!(room(u64::MAX, 1, &[slot(Some(u64::MAX), 1), root()]), None);
    }

    #[test]
    fn what_has_a_place_bounds_the_root() {
        let data = slot(Some(50 * MIB), 10 * MIB);
        assert_eq!(room(100 * MIB, 0, &[slot(None, 0), data]), Some(49 * MIB));
        let [boot, root, data] = [slot(None, MIB), slot(Some(20 * MIB), 0), slot(Some(2 * MIB), MIB)];
        assert_eq!(room(100 * MIB, 1, &[boot, root, data]), Some(79 * MIB));
        let aligned = Slot { alignment: 16 * MIB, ..slot(None, 0) };
        assert_eq!(room(100 * MIB, 0, &[aligned]), Some(83 * MIB));
        let logical = || Slot { gap: MIB, ..slot(None, 10 * MIB) };
        assert_eq!(room(100 * MIB, 0, &[slot(None, 0), logical(), logical()]), Some((98 - 22) * MIB));
        assert_eq!(room(100 * MIB, 1, &[logical(), Slot { gap: MIB, ..slot(None, 0) }]), Some((98 - 12) * MIB));
    }
}
