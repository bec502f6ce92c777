//! Layout: places named regions into one image and finds every clash.
//!
//! Whatever a user's numbers put somewhere (partitions, boot loaders, tables and their headers) is placed here
//! under its name, so that two things on the same bytes are reported by both names. The invariant: the regions are sorted
//! by place, disjoint, not empty, and end inside the image.
//!
//! ```text
//! bytes 0     440        512              1,024          17,408     8,192 to 805,304
//! |           | MBR table | GPT header    | GPT entries  |          u-boot: clashes with the GPT entries
//! ```

use std::fmt;

use crate::units::Grouped;
use crate::{Extent, Extents};

/// A named range of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// What is there, as messages call it.
    pub what: String,
    /// Where it starts, in bytes.
    pub at: u64,
    /// Its length in bytes.
    pub len: u64,
}

impl Region {
    /// Returns where the region ends: the first byte behind it. One that would end behind 2^64 ends there.
    pub fn end(&self) -> u64 {
        self.at.saturating_add(self.len)
    }
}

impl fmt::Display for Region {
    /// Writes the name and the range: "`u-boot.bin` (bytes 8,192 to 805,304)".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` (bytes {} to {})", self.what, Grouped(self.at), Grouped(self.end()))
    }
}

/// A part of a structure whose parts lie apart, to be placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What it is, as messages call it.
    pub what: String,
    /// Where it belongs, in bytes.
    pub at: u64,
    /// Its bytes.
    pub content: Extents,
}

/// Two regions want the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// The region that was to be placed.
    pub new: Region,
    /// The region that is there already.
    pub old: Region,
}

impl fmt::Display for Clash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} overlaps {}", self.new, self.old)
    }
}

impl std::error::Error for Clash {}

/// Why a region cannot be placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayoutError {
    /// Something is there already.
    Clash(Clash),
    /// The region does not end inside the image.
    Outside {
        /// The region that was to be placed.
        region: Region,
        /// The length of the image, in bytes.
        len: u64,
    },
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LayoutError::Clash(clash) => clash.fmt(f),
            LayoutError::Outside { region, len } => {
                write!(f, "{region} does not fit into the {} bytes that there are", Grouped(*len))
            }
        }
    }
}

impl std::error::Error for LayoutError {}

impl From<Clash> for LayoutError {
    fn from(clash: Clash) -> LayoutError {
        LayoutError::Clash(clash)
    }
}

/// An image in the making: named regions and their bytes.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The length of the image; none grows with what is placed.
    len: Option<u64>,
    regions: Vec<Region>,
    runs: Vec<Extent>,
}

/// The length that no growing image may exceed: file offsets are signed.
const LARGEST: u64 = i64::MAX as u64;

impl Layout {
    /// Returns an empty image of `len` bytes.
    pub fn new(len: u64) -> Layout {
        Layout { len: Some(len), regions: Vec::new(), runs: Vec::new() }
    }

    /// Returns an empty image that becomes as long as what is placed in it.
    pub fn growable() -> Layout {
        Layout { len: None, regions: Vec::new(), runs: Vec::new() }
    }

    /// Returns the length: the given one, or where the last region ends.
    pub fn len(&self) -> u64 {
        self.len.unwrap_or_else(|| self.regions.last().map_or(0, Region::end))
    }

    /// Whether no byte is there.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Places `what` with its bytes at `at`. What is 0 bytes long takes no place and is not remembered.
    ///
    /// # Errors
    /// Something is there already, or the image ends before.
    pub fn place(&mut self, at: u64, what: impl Into<String>, content: &Extents) -> Result<(), LayoutError> {
        self.reserve(at, what, content.len())?;
        self.runs.extend(content.runs_at(at));
        Ok(())
    }

    /// Keeps `len` bytes from `at` on for `what`; they read as zero.
    ///
    /// # Errors
    /// Something is there already, or the image ends before.
    pub fn reserve(&mut self, at: u64, what: impl Into<String>, len: u64) -> Result<(), LayoutError> {
        let region = Region { what: what.into(), at, len };
        let limit = self.len.unwrap_or(LARGEST);
        if at.checked_add(len).is_none_or(|end| end > limit) {
            return Err(LayoutError::Outside { region, len: limit });
        }
        if len == 0 {
            return Ok(());
        }
        let idx = self.regions.partition_point(|old| old.end() <= at);
        match self.regions.get(idx) {
            Some(old) if old.at < region.end() => Err(Clash { new: region, old: old.clone() }.into()),
            _ => {
                self.regions.insert(idx, region);
                Ok(())
            }
        }
    }

    /// Returns the regions in order of their places.
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// Returns the first multiple of `alignment` from `from` on where `len` bytes are free, if there is one.
    ///
    /// # Panics
    /// When `alignment` is 0.
    pub fn first_free(&self, from: u64, len: u64, alignment: u64) -> Option<u64> {
        let mut at = from.checked_next_multiple_of(alignment)?;
        for old in &self.regions {
            if at.checked_add(len)? <= old.at {
                break;
            }
            if at < old.end() {
                at = old.end().checked_next_multiple_of(alignment)?;
            }
        }
        (at.checked_add(len)? <= self.len.unwrap_or(LARGEST)).then_some(at)
    }

    /// Returns the finished image.
    pub fn finish(self) -> Extents {
        Extents::assemble(self.len(), self.runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_clash_names_both_sides() {
        let mut layout = Layout::new(1 << 20);
        layout.reserve(1024, "GPT entry array", 16384).unwrap();
        let error = layout.place(8192, "u-boot.bin", &Extents::zeros(797_112)).unwrap_err();
        let text = "`u-boot.bin` (bytes 8,192 to 805,304) overlaps `GPT entry array` (bytes 1,024 to 17,408)";
        assert_eq!(error.to_string(), text);
        assert_eq!(layout.first_free(8192, 797_112, 512), Some(17408));
        assert_eq!(layout.first_free(8192, 1 << 20, 512), None);
        assert_eq!(layout.first_free(0, 1024, 512), Some(0));
    }

    #[test]
    fn what_ends_outside_is_refused() {
        let mut layout = Layout::new(1000);
        let error = layout.reserve(900, "tail", 101).unwrap_err();
        assert_eq!(error.to_string(), "`tail` (bytes 900 to 1,001) does not fit into the 1,000 bytes that there are");
        assert!(layout.reserve(u64::MAX, "far", 2).is_err());
        assert!(Layout::growable().reserve(u64::MAX - 1, "far", 1).is_err());
        layout.reserve(900, "tail", 100).unwrap();
    }

    #[test]
    fn a_growable_layout_ends_with_its_last_region() {
        let mut layout = Layout::growable();
        layout.place(10, "b", &Extents::from_bytes(&b"bb"[..])).unwrap();
        layout.place(2, "a", &Extents::from_bytes(&b"aa"[..])).unwrap();
        layout.place(3, "nothing", &Extents::default()).unwrap();
        layout.reserve(12, "c", 4).unwrap();
        let names: Vec<&str> = layout.regions().iter().map(|region| region.what.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        let image = layout.finish();
        assert_eq!(image.to_vec(&crate::MemoryBlobs::new()).unwrap(), b"\0\0aa\0\0\0\0\0\0bb\0\0\0\0");
    }

    proptest! {
        #[test]
        fn regions_are_placed_exactly_where_all_bytes_are_free(wanted in proptest::collection::vec((0u64..40, 0u64..12), 1..20)) {
            let mut layout = Layout::new(40);
            let mut taken = [false; 40];
            for (at, len) in wanted {
                let range = at as usize..(at + len) as usize;
                let free = taken.get(range.clone()).is_some_and(|bytes| !bytes.contains(&true));
                prop_assert_eq!(layout.reserve(at, "x", len).is_ok(), free);
                if free {
                    taken[range].fill(true);
                }
                let lowest = (0..=40 - 3).step_by(2).find(|&at| !taken[at..at + 3].contains(&true));
                prop_assert_eq!(layout.first_free(0, 3, 2), lowest.map(|at| at as u64));
            }
        }
    }
}
