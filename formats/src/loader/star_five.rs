//! StarFive: the SPL of the JH7110 as its ROM loads it from a partition of its own (`.normal.out`).
//!
//! ```text
//! offset size  meaning
//!    0     4   0x240, the offset of the header
//!    4     4   0x200000, the place of a backup in the flash memory
//! 0x284    4   version, 0x01010101
//! 0x288    4   length of the code
//! 0x28c    4   0x400, the offset of the code
//! 0x290    4   CRC-32 of the code
//! 0x400        code
//! ```
//! (U-Boot, `tools/sfspl.c`, `struct spl_hdr`; numbers are little-endian.)

use super::file::File;
use super::{Error, Header, Mark};
use crate::units::Rounded;

pub(super) const MARKS: &[Mark] = &[(0, &[0x40, 0x02, 0, 0, 0, 0, 0x20, 0])];

const VERSION_AT: u64 = 0x284;
const VERSION: u32 = 0x0101_0101;
const LENGTH_AT: u64 = 0x288;
const OFFSET_AT: u64 = 0x28c;
const CRC_AT: u64 = 0x290;
const CODE_AT: u64 = 0x400;

pub(super) fn check(file: &File) -> Result<Header, Error> {
    if file.le32(VERSION_AT)? != VERSION {
        return Err(Error::field("its header has another version than StarFive's ROM knows"));
    }
    if u64::from(file.le32(OFFSET_AT)?) != CODE_AT {
        return Err(Error::field("its header has its code at another place than 0x400"));
    }
    let length = u64::from(file.le32(LENGTH_AT)?);
    if length == 0 {
        return Err(Error::field("its header says that there is no code"));
    }
    let mut crc = crc32fast::Hasher::new();
    file.chunks(CODE_AT, length, "its code", |chunk| crc.update(chunk))?;
    if crc.finalize() != file.le32(CRC_AT)? {
        return Err(Error::Checksum("its checksum".to_owned()));
    }
    let description = format!("StarFive SPL, {}", Rounded(length));
    Ok(Header { device_tree: None, description })
}
