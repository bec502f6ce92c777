//! The header block of an entry, and its numbers.
//!
//! ```text
//! offset size meaning (POSIX.1-2024, pax, "ustar Interchange Format")
//!      0  100 name
//!    100    8 mode, octal
//!    108    8 uid
//!    116    8 gid
//!    124   12 size
//!    136   12 mtime
//!    148    8 checksum: the sum of all bytes, these eight taken as spaces
//!    156    1 type
//!    157  100 target of a link
//!    257    6 "ustar\0", or "ustar " of GNU, or nothing before POSIX
//!    263    2 version "00", or " \0" of GNU
//!    265   32 user name, not used here
//!    297   32 group name, not used here
//!    329    8 major number of a device
//!    337    8 minor number of a device
//!    345  155 what stands before the name, only with "ustar\0"; GNU keeps other things here
//! ```

use super::Problem;

/// The unit in which archives are written.
pub(super) const BLOCK: usize = 512;

const POSIX_MAGIC: &[u8; 6] = b"ustar\0";

/// A header block whose checksum is right.
pub(super) struct Header([u8; BLOCK]);

impl Header {
    /// Checks the block's checksum.
    pub(super) fn new(block: [u8; BLOCK]) -> Result<Header, Problem> {
        let header = Header(block);
        let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u32::from(byte)).sum::<u32>();
        let computed = sum(&block[..148]) + 8 * u32::from(b' ') + sum(&block[156..]);
        let stated = u32::try_from(header.number("checksum", 148..156)?).unwrap_or(u32::MAX);
        if stated == computed { Ok(header) } else { Err(Problem::Checksum { stated, computed }) }
    }

    /// Returns the path, put together from its two fields.
    pub(super) fn path(&self) -> Vec<u8> {
        let mut path = Vec::new();
        if self.0[257..263] == *POSIX_MAGIC && self.0[345] != 0 {
            path.extend_from_slice(text(&self.0[345..500]));
            path.push(b'/');
        }
        path.extend_from_slice(text(&self.0[..100]));
        path
    }

    /// Returns the target of a link.
    pub(super) fn link(&self) -> Vec<u8> {
        text(&self.0[157..257]).to_vec()
    }

    /// Returns the type.
    pub(super) fn kind(&self) -> u8 {
        self.0[156]
    }

    /// Returns the permission bits.
    pub(super) fn mode(&self) -> Result<u16, Problem> {
        // Some writers put the type of the file into the bits above.
        Ok((self.number("mode", 100..108)? & 0o7777) as u16)
    }

    pub(super) fn uid(&self) -> Result<u32, Problem> {
        unsigned("uid", self.number("uid", 108..116)?)
    }

    pub(super) fn gid(&self) -> Result<u32, Problem> {
        unsigned("gid", self.number("gid", 116..124)?)
    }

    pub(super) fn size(&self) -> Result<u64, Problem> {
        unsigned("size", self.number("size", 124..136)?)
    }

    pub(super) fn mtime(&self) -> Result<i64, Problem> {
        i64::try_from(self.number("mtime", 136..148)?).map_err(|_| Problem::TooLarge("mtime"))
    }

    /// Returns the major and minor number of a device.
    pub(super) fn device(&self) -> Result<(u32, u32), Problem> {
        let number = |field, range| unsigned(field, self.number(field, range)?);
        Ok((number("devmajor", 329..337)?, number("devminor", 337..345)?))
    }

    fn number(&self, field: &'static str, range: std::ops::Range<usize>) -> Result<i128, Problem> {
        let bytes = &self.0[range];
        if bytes[0] & 0x80 != 0 {
            return Ok(base_256(bytes));
        }
        octal(bytes).ok_or(Problem::NoNumber(field))
    }
}

/// Returns the bytes up to the first NUL.
fn text(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == 0).next().unwrap_or(field)
}

/// Octal digits between spaces and NULs; nothing at all is 0.
fn octal(field: &[u8]) -> Option<i128> {
    let digits = text(field).trim_ascii();
    digits.iter().try_fold(0, |number, &digit| match digit {
        b'0'..=b'7' => Some(number * 8 + i128::from(digit - b'0')),
        _ => None,
    })
}

/// GNU's form of numbers that have no octal form: big-endian two's complement in all bits but the first.
/// Twelve bytes, the widest field, always fit.
fn base_256(field: &[u8]) -> i128 {
    let first = i128::from(field[0] & 0x3f) - i128::from(field[0] & 0x40);
    field[1..].iter().fold(first, |number, &byte| number * 256 + i128::from(byte))
}

/// Returns a number that may not be negative in the type that holds it.
pub(super) fn unsigned<T: TryFrom<i128>>(field: &'static str, number: i128) -> Result<T, Problem> {
    if number < 0 {
        return Err(Problem::Negative(field));
    }
    T::try_from(number).map_err(|_| Problem::TooLarge(field))
}
