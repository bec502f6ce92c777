//! Sizes: how large each file system shall be, when some numbers are given and the others follow.
//!
//! ```text
//! 0      1 MiB                 start                      end
//! | table | what comes before | the root takes the rest | what comes after | backup |
//! ```

use gravure_eval::View;
use gravure_formats::Capacity;
use gravure_formats::units::Size;

use super::{LowerError, mistake};

/// What tables take at either end of a disk.
const TABLES: u64 = 1 << 20;
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
}

/// Returns what is left of an image of `whole` bytes for the partition numbered `root`.
fn rest(image: View<'_, '_>, whole: u64, root: usize, partitions: &[View<'_, '_>]) -> Result<u64, LowerError> {
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
        slots.push(Slot { offset: partition.optional_size("offset")?, alignment, size });
    }
    room(whole, root, &slots).ok_or_else(|| {
        let message = format!("the {} of the image leave no room for the root beside the rest", Size(whole));
        mistake("E0407", image, "size", message, "too small")
    })
}

/// Returns the room between what comes before and what comes after; none where there is none.
fn room(whole: u64, root: usize, slots: &[Slot]) -> Option<u64> {
    let mut start = TABLES;
    for slot in &slots[..=root] {
        let at = slot.offset.or(start.checked_next_multiple_of(slot.alignment))?;
        start = at.checked_add(slot.size)?;
    }
    let mut end = whole.checked_sub(TABLES)?;
    for slot in slots[root + 1..].iter().rev() {
        end = match slot.offset {
            // One that lies before the root takes nothing from behind it.
            Some(offset) if offset < start => end,
            Some(offset) => offset.min(end),
            None => end.checked_sub(slot.size)? / slot.alignment * slot.alignment,
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
        Slot { offset, alignment: MIB, size }
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
    }
}
