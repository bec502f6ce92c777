//! Swap: where Linux puts pages of memory that it needs elsewhere (`union swap_header` of Linux's `include/linux/swap.h`).
//!
//! All of it is the first page; the rest has no structure.
//!
//! ```text
//! offset    size meaning
//!      0    1024 boot code (zero)
//!   1024       4 version: 1
//!   1028       4 number of the last page
//!   1032       4 number of bad pages: 0
//!   1036      16 UUID
//!   1052      16 label, ends with a zero if it is shorter
//!   1068     468 zero, then the list of bad pages
//! page-10     10 "SWAPSPACE2"
//! ```
//! Numbers have the order of bytes of the processor, which is little-endian wherever gravure builds for.

use std::fmt;

use bytes::Bytes;

use crate::units::{Grouped, Size};
use crate::{Extents, Guid};

/// The length of pages of nearly all kernels.
pub const PAGE_SIZE: u32 = 4096;

/// Where the version is.
const HEADER_AT: usize = 1024;
/// The header of this form ("new style swap area").
const VERSION: u32 = 1;
/// The end of the first page.
const SIGNATURE: &[u8; 10] = b"SWAPSPACE2";
/// The bytes of the field of a label.
const LABEL_LEN: usize = 16;
/// The fewest pages that `mkswap` accepts; the kernel is content with two.
const LEAST_PAGES: u64 = 10;
/// The lengths of pages that kernels have: 4 KiB to 64 KiB.
const PAGE_SIZES: std::ops::RangeInclusive<u32> = 4096..=65536;

/// How a swap area shall be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The label: at most 16 bytes.
    pub label: Option<String>,
    /// The name by which it is found.
    pub uuid: Guid,
    /// The length in bytes; what is too short for a last page is not used.
    pub len: u64,
    /// The length of pages of the kernel that shall use it; usually [`PAGE_SIZE`].
    pub page_size: u32,
}

/// Why a swap area cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// No kernel has pages of this length.
    PageSize(u32),
    /// The label is too long.
    LabelTooLong(String),
    /// The label is empty or contains a NUL, which would end it.
    Label(String),
    /// The area has too few pages.
    TooSmall {
        /// The least that would do, in bytes.
        needed: u64,
        /// The length in bytes.
        given: u64,
    },
    /// The area has more pages than 32 bits count.
    TooLarge {
        /// The most that is possible, in bytes.
        most: u64,
        /// The length in bytes.
        given: u64,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::PageSize(page_size) => write!(
                f,
                "pages have {}, {} or a power of two between, and not {}",
                Size((*PAGE_SIZES.start()).into()),
                Size((*PAGE_SIZES.end()).into()),
                Size((*page_size).into())
            ),
            Error::LabelTooLong(label) => write!(
                f,
                "the label `{}` of the swap area has {} bytes, and at most {LABEL_LEN} are possible",
                label.escape_debug(),
                label.len()
            ),
            Error::Label(label) => {
                write!(f, "the label `{}` of the swap area is empty or contains a NUL", label.escape_debug())
            }
            Error::TooSmall { needed, given } => {
                write!(f, "a swap area has at least {}, and {} bytes are given", Size(*needed), Grouped(*given))
            }
            Error::TooLarge { most, given } => {
                write!(f, "a swap area has at most {}, and {} are given", Size(*most), Size(*given))
            }
        }
    }
}

impl std::error::Error for Error {}

/// Returns the image of an empty swap area.
///
/// # Errors
/// The label or a length is not possible.
pub fn layout(options: &Options) -> Result<Extents, Error> {
    if !PAGE_SIZES.contains(&options.page_size) || !options.page_size.is_power_of_two() {
        return Err(Error::PageSize(options.page_size));
    }
    let label = options.label.as_deref().map_or(Ok([0; LABEL_LEN]), label_field)?;
    let header = Header { last_page: last_page(options)?, uuid: options.uuid, label };
    let mut area = Extents::zeros(0);
    area.push_bytes(header.to_bytes(options.page_size));
    area.push_zeros(options.len - u64::from(options.page_size));
    Ok(area)
}

fn last_page(options: &Options) -> Result<u32, Error> {
    let (page, given) = (u64::from(options.page_size), options.len);
    let n_pages = given / page;
    if n_pages < LEAST_PAGES {
        return Err(Error::TooSmall { needed: LEAST_PAGES * page, given });
    }
    u32::try_from(n_pages - 1).map_err(|_| Error::TooLarge { most: page << 32, given })
}

fn label_field(label: &str) -> Result<[u8; LABEL_LEN], Error> {
    if label.len() > LABEL_LEN {
        return Err(Error::LabelTooLong(label.to_owned()));
    }
    if label.is_empty() || label.contains('\0') {
        return Err(Error::Label(label.to_owned()));
    }
    let mut field = [0; LABEL_LEN];
    field[..label.len()].copy_from_slice(label.as_bytes());
    Ok(field)
}

/// What the first page says.
struct Header {
    last_page: u32,
    uuid: Guid,
    label: [u8; LABEL_LEN],
}

impl Header {
    fn to_bytes(&self, page_size: u32) -> Bytes {
        let mut page = vec![0; HEADER_AT];
        page.extend(VERSION.to_le_bytes());
        page.extend(self.last_page.to_le_bytes());
        page.extend(0u32.to_le_bytes());
        page.extend(self.uuid.0);
        page.extend(self.label);
        page.resize(page_size as usize - SIGNATURE.len(), 0);
        page.extend(SIGNATURE);
        Bytes::from(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::{Tool, text_of, write};
    use crate::{Digest, MemoryBlobs};

    fn options(len: u64) -> Options {
        let uuid = "f00dcafe-0123-8567-89ab-cdef01234567".parse().unwrap();
        Options { label: Some("swap-für-alle".into()), uuid, len, page_size: PAGE_SIZE }
    }

    /// Returns what `blkid` finds, which reads the area by itself.
    fn blkid(options: &Options) -> String {
        let image = layout(options).unwrap();
        let text =
            Tool::new("blkid", "util-linux").run_on(&image, &MemoryBlobs::new(), &["--probe", "--output", "export"]);
        text.lines().filter(|line| !line.starts_with("DEVNAME")).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn blkid_and_swaplabel_find_it() {
        insta::assert_snapshot!(blkid(&options(1 << 20)), @r"
        LABEL=swap-fM-CM-\<r-alle
        UUID=f00dcafe-0123-8567-89ab-cdef01234567
        VERSION=1
        TYPE=swap
        USAGE=other
        ");
        let large = Options { page_size: 65536, label: None, ..options(1 << 40) };
        insta::assert_snapshot!(blkid(&large), @r"
        UUID=f00dcafe-0123-8567-89ab-cdef01234567
        VERSION=1
        TYPE=swap
        USAGE=other
        ");
        let image = layout(&options(1 << 20)).unwrap();
        insta::assert_snapshot!(Tool::new("swaplabel", "util-linux").run_on(&image, &MemoryBlobs::new(), &[]), @r"
        LABEL: swap-für-alle
        UUID:  f00dcafe-0123-8567-89ab-cdef01234567
        ");
    }

    /// `mkswap` writes the same first page.
    #[test]
    fn mkswap_makes_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("swap.img");
        for (len, page_size) in [(40960, 4096), ((1 << 20) + 1000, 4096), (10 << 20, 16384)] {
            let options = Options { page_size, ..options(len) };
            write(&Extents::zeros(len), &MemoryBlobs::new(), &path);
            let (uuid, page_size) = (options.uuid.to_string(), page_size.to_string());
            let label = options.label.as_deref().unwrap();
            let arguments = ["--uuid", &uuid, "--label", label, "--pagesize", &page_size, "swap.img"];
            let output = Tool::new("mkswap", "util-linux").run(directory.path(), &arguments, None);
            assert!(output.status.success(), "{}", text_of(&output));
            let ours = layout(&options).unwrap().to_vec(&MemoryBlobs::new()).unwrap();
            assert!(std::fs::read(&path).unwrap() == ours, "{len} bytes in pages of {page_size}");
        }
    }

    #[test]
    fn mistakes_are_plain() {
        let shown = |options: Options| layout(&options).unwrap_err().to_string();
        let label = |label: &str| Options { label: Some(label.into()), ..options(1 << 20) };
        insta::assert_snapshot!(shown(label("17 bytes it shall")), @"the label `17 bytes it shall` of the swap area has 17 bytes, and at most 16 are possible");
        insta::assert_snapshot!(shown(label("")), @"the label `` of the swap area is empty or contains a NUL");
        insta::assert_snapshot!(shown(label("a\0b")), @r"the label `a\0b` of the swap area is empty or contains a NUL");
        insta::assert_snapshot!(shown(Options { page_size: 4000, ..options(1 << 20) }), @"pages have 4 KiB, 64 KiB or a power of two between, and not 4,000 bytes");
        insta::assert_snapshot!(shown(Options { page_size: 2048, ..options(1 << 20) }), @"pages have 4 KiB, 64 KiB or a power of two between, and not 2 KiB");
        insta::assert_snapshot!(shown(options(40959)), @"a swap area has at least 40 KiB, and 40,959 bytes are given");
        insta::assert_snapshot!(shown(options((16 << 40) + 4096)), @"a swap area has at most 16 TiB, and 17,179,869,188 KiB are given");
        layout(&options(16 << 40)).unwrap();
    }

    #[test]
    fn the_bytes_do_not_change_by_accident() {
        let bytes = layout(&options(1 << 16)).unwrap().to_vec(&MemoryBlobs::new()).unwrap();
        insta::assert_snapshot!(Digest::of(&bytes).to_string(), @"479f086ab830a6553096ba04f75b34f779800546fdd130b0f4e6aa730d509e42");
    }
}
