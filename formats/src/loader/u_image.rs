//! The legacy image of U-Boot: one payload behind a header with two checksums.
//!
//! ```text
//! offset size  meaning
//!    0     4   27051956
//!    4     4   CRC-32 of these 64 bytes, with 0 in this place
//!    8     4   time
//!   12     4   length of the data
//!   16     8   where it is loaded to, and where it starts
//!   24     4   CRC-32 of the data
//!   28     4   system, architecture, type, compression
//!   32    32   name
//!   64         data
//! ```
//! (U-Boot, `include/image.h`, `struct legacy_img_hdr`; numbers are big-endian.)

use super::file::File;
use super::{Error, Header, Mark};
use crate::units::Rounded;

pub(super) const MARKS: &[Mark] = &[(0, &[0x27, 0x05, 0x19, 0x56])];

const HEADER_CRC_AT: u64 = 4;
const LENGTH_AT: u64 = 12;
const CRC_AT: u64 = 24;
const NAME_AT: u64 = 32;
const HEADER_LEN: u64 = 64;

pub(super) fn check(file: &File) -> Result<Header, Error> {
    let mut header: [u8; HEADER_LEN as usize] = file.bytes(0)?;
    header[HEADER_CRC_AT as usize..][..4].fill(0);
    if crc32fast::hash(&header) != file.be32(HEADER_CRC_AT)? {
        return Err(Error::Checksum("the checksum of its header".to_owned()));
    }
    let length = u64::from(file.be32(LENGTH_AT)?);
    let mut crc = crc32fast::Hasher::new();
    file.chunks(HEADER_LEN, length, "its data", |chunk| crc.update(chunk))?;
    if crc.finalize() != file.be32(CRC_AT)? {
        return Err(Error::Checksum("the checksum of its data".to_owned()));
    }
    let name = header[NAME_AT as usize..].split(|&byte| byte == 0).next().unwrap_or_default();
    let description = format!("U-Boot legacy image `{}`, {}", name.escape_ascii(), Rounded(length));
    Ok(Header { device_tree: None, description })
}
