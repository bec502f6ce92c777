//! MLO: what the ROM of TI's AM335x, AM43xx, AM57xx and OMAP chips loads from 0, 128, 256 or 384 KiB of a disk.
//!
//! ```text
//! offset size  meaning
//!    0    32   a table of contents with one entry: offset 0x40, size 0xc, "CHSETTINGS"
//!   32    32   ff: the end of the table
//!   64    12   settings: c0c0c0c1, 0 for "not valid", version 1; the ROM then needs none
//!  512     4   length of the code, with these 8 bytes
//!  516     4   where it is loaded to
//!  520         code
//! ```
//! (AM335x reference manual, section 26.1.11 "Image format"; U-Boot, `tools/omapimage.h`; numbers are little-endian.)

use super::file::File;
use super::{Error, Header, Mark};
use crate::units::Rounded;

pub(super) const MARKS: &[Mark] = &[(0, &[0x40, 0, 0, 0, 0x0c, 0, 0, 0]), (0x14, b"CHSETTINGS")];

const TABLE_END_AT: u64 = 32;
const SETTINGS_AT: u64 = 64;
/// `KEY_CHSETTINGS`.
const SETTINGS_KEY: u32 = 0xc0c0_c0c1;
/// `OMAP_FILE_HDR_SIZE`.
const CODE_AT: u64 = 512;
/// The length and the load address.
const GP_HEADER_LEN: u64 = 8;

pub(super) fn check(file: &File) -> Result<Header, Error> {
    if file.bytes(TABLE_END_AT)? != [0xff; 32] {
        return Err(Error::field("the table of contents in its header does not end behind its one entry"));
    }
    if file.le32(SETTINGS_AT)? != SETTINGS_KEY {
        return Err(Error::field("the settings in its header have not the key that the ROM looks for"));
    }
    let (length, load) = (u64::from(file.le32(CODE_AT)?), file.le32(CODE_AT + 4)?);
    if length <= GP_HEADER_LEN {
        return Err(Error::field("its header says that there is no code"));
    }
    if load == 0 || load == u32::MAX {
        return Err(Error::field("its header has no address to load the code to"));
    }
    file.reaches(CODE_AT, length, "its code")?;
    let description = format!("TI MLO for raw places, loaded to {load:#x}, {}", Rounded(length));
    Ok(Header { device_tree: None, description })
}
