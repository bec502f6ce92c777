//! IVT: the image vector table that the ROM of i.MX chips looks for at 1 KiB of a disk (i.MX8M: 33 or 32 KiB).
//!
//! ```text
//! offset size  meaning
//!    0     4   d1, length 0x0020, version 4.x
//!    4     4   entry: where the code starts
//!   12     4   address of the device configuration data (DCD), or 0
//!   16     4   address of the boot data
//!   20     4   address of this table
//!   24     4   address of signatures, or 0
//!
//! boot data:  address of the image, its length, flags (4 bytes each)
//!
//!   start           self                              start + length
//!     | (not in file) | IVT, boot data, DCD | code ...... |
//! ```
//! All addresses are those in memory, so places in the file are counted from the table's own address. (i.MX 6Dual/6Quad
//! reference manual, section 8.7.1; U-Boot, `include/imximage.h`; numbers are little-endian, but for the length.)

use super::file::File;
use super::{Error, First, Header, Mark};
use crate::units::Rounded;

pub(super) const MARKS: &[Mark] = &[(0, &[0xd1, 0x00, 0x20])];

const VERSION_AT: u64 = 3;
/// The version is that of the boot ROM's library (HAB): the upper four bits are its major one.
const MAJOR_VERSION: u8 = 4;
const ENTRY_AT: u64 = 4;
const DCD_AT: u64 = 12;
const BOOT_DATA_AT: u64 = 16;
const SELF_AT: u64 = 20;
const TABLE_LEN: u32 = 32;
/// What a DCD begins with (`DCD_HEADER_TAG`).
const DCD_TAG: u8 = 0xd2;

pub(super) fn check(file: &File) -> Result<First, Error> {
    let [version] = file.bytes(VERSION_AT)?;
    if version >> 4 != MAJOR_VERSION {
        return Err(Error::field("its vector table has another version than 4"));
    }
    let (entry, own) = (file.le32(ENTRY_AT)?, file.le32(SELF_AT)?);
    // The place in the file of what has an address behind that of the table.
    let place = |address: u32| address.checked_sub(own).filter(|place| *place >= TABLE_LEN).map(u64::from);
    let boot_data = place(file.le32(BOOT_DATA_AT)?);
    let boot_data =
        boot_data.ok_or_else(|| Error::field("its vector table has boot data that do not lie behind it"))?;
    let (start, length) = (file.le32(boot_data)?, u64::from(file.le32(boot_data.saturating_add(4))?));
    let length_in_file = own.checked_sub(start).and_then(|skipped| length.checked_sub(u64::from(skipped)));
    let length_in_file = length_in_file
        .filter(|length| *length > u64::from(TABLE_LEN))
        .ok_or_else(|| Error::field("its boot data have a range of memory without the vector table"))?;
    if place(entry).is_none_or(|place| place >= length_in_file) {
        return Err(Error::field("its code starts outside of what is loaded"));
    }
    check_dcd(file, place)?;
    let end = file.reaches(0, length_in_file, "its image")?;
    let description = format!("i.MX boot image, loaded to {start:#x}, {}", Rounded(length_in_file));
    Ok(First { header: Header { device_tree: None, description }, end })
}

fn check_dcd(file: &File, place: impl Fn(u32) -> Option<u64>) -> Result<(), Error> {
    let address = file.le32(DCD_AT)?;
    if address == 0 {
        return Ok(());
    }
    let wrong = || Error::field("its vector table points to configuration data, and there are none");
    let at = place(address).ok_or_else(wrong)?;
    let [tag, high, low, _version] = file.bytes(at)?;
    if tag != DCD_TAG {
        return Err(wrong());
    }
    file.reaches(at, u64::from(u16::from_be_bytes([high, low])), "its configuration data")?;
    Ok(())
}
