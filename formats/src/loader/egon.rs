//! eGON: the header that the ROM of Allwinner's chips looks for at 8 KiB (and 128 KiB) of a disk.
//!
//! ```text
//! offset size  meaning
//!    0     4   a jump over the header
//!    4     8   "eGON.BT0"
//!   12     4   checksum
//!   16     4   length of header and code
//!   20     4   "SPL", and the version of what follows
//!   32     4   offset of the name of the default device tree, or 0
//!   96         code
//! ```
//! (U-Boot, `include/sunxi_image.h`, `struct boot_file_head`; numbers are little-endian.)

use super::file::File;
use super::{Error, First, Header, Mark};
use crate::units::Rounded;

pub(super) const MARKS: &[Mark] = &[(4, b"eGON.BT0")];

const CHECKSUM_AT: u64 = 12;
const LENGTH_AT: u64 = 16;
const SIGNATURE_AT: u64 = 20;
const DEVICE_TREE_AT: u64 = 32;
const HEADER_LEN: u64 = 96;
/// What stands in place of the checksum when it is computed (`BROM_STAMP_VALUE`).
const STAMP: u32 = 0x5f0a_6c39;
/// From this version on a header names a device tree (`SPL_DT_HEADER_VERSION`).
const DEVICE_TREE_VERSION: u8 = 2;

pub(super) fn check(file: &File) -> Result<First, Error> {
    let length = u64::from(file.le32(LENGTH_AT)?);
    if length < HEADER_LEN || !length.is_multiple_of(4) {
        return Err(Error::field("its header has a length that no Allwinner SPL has"));
    }
    let end = file.reaches(0, length, "its code")?;
    if sum(file, length)? != file.le32(CHECKSUM_AT)? {
        return Err(Error::Checksum("its checksum".to_owned()));
    }
    let [b'S', b'P', b'L', version] = file.bytes(SIGNATURE_AT)? else {
        return Err(Error::field("its header has no mark `SPL`: it is no SPL of U-Boot"));
    };
    let device_tree = if version >= DEVICE_TREE_VERSION { device_tree(file, end)? } else { None };
    let description = format!("Allwinner eGON.BT0, SPL v{version}, {}", Rounded(length));
    Ok(First { header: Header { device_tree, description }, end })
}

/// Returns the sum of all words, with the stamp in place of the checksum.
fn sum(file: &File, length: u64) -> Result<u32, Error> {
    let mut sum = 0u32;
    file.chunks(0, length, "its code", |chunk| {
        let (words, _) = chunk.as_chunks();
        sum = words.iter().fold(sum, |sum, word| sum.wrapping_add(u32::from_le_bytes(*word)));
    })?;
    Ok(sum.wrapping_sub(file.le32(CHECKSUM_AT)?).wrapping_add(STAMP))
}

fn device_tree(file: &File, end: u64) -> Result<Option<String>, Error> {
    let at = u64::from(file.le32(DEVICE_TREE_AT)?);
    if at == 0 {
        return Ok(None);
    }
    let name = file.text(at, end)?.and_then(|name| String::from_utf8(name).ok());
    match name {
        Some(name) if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(Some(name)),
        _ => Err(Error::field("its header points to the name of a device tree, and there is none")),
    }
}
