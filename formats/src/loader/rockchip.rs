//! The idbloader: what the ROM of Rockchip's chips looks for at 32 KiB of a disk.
//!
//! ```text
//! the header of chips up to RK3399, encrypted        that of RK3568, RK3588 and others
//! offset size  meaning                               offset size  meaning
//!    0     4   0ff0aa55                                 0     4   "RKNS"
//!    8     4   1: the code is not encrypted             8     2   offset of the header's hash, in words
//!   12     2   offset of the code                      10     2   how many images
//!  506     2   length of the first part                12     4   the kind of hashes: 1 SHA-256, 2 SHA-512
//!  508     2   length of all parts                    120  4*88   images: offset, length (2 bytes each),
//! 2048     4   in front of the code: "RK33"                       at +24 a hash
//!                                                    1536   512   hash or signature of what lies before
//! ```
//! Lengths and offsets are in blocks of 512 bytes. The first part starts the memory, the second one is the SPL. (U-Boot,
//! `tools/rkcommon.c`; numbers are little-endian.)

use sha2::{Digest as _, Sha256, Sha512};

use super::file::File;
use super::{Error, First, Header, Mark};
use crate::units::Rounded;

/// The magic of the first version as it lies in the file: encrypted, with a key that is the same for all.
pub(super) const MARKS: &[Mark] = &[(0, &[0x3b, 0x8c, 0xdc, 0xfc])];
pub(super) const MARKS_2: &[Mark] = &[(0, b"RKNS")];

/// `RK_BLK_SIZE`.
const BLOCK: u64 = 512;
/// `rc4_key`.
pub(super) const KEY: [u8; 16] =
    [0x7c, 0x4e, 0x03, 0x04, 0x55, 0x05, 0x09, 0x07, 0x2d, 0x2c, 0x7b, 0x38, 0x17, 0x0d, 0x17, 0x11];
const PLAIN_AT: usize = 8;
const OFFSET_AT: usize = 12;
const FIRST_LEN_AT: usize = 506;
const ALL_LEN_AT: usize = 508;
/// `RK_INIT_OFFSET`: the ROM expects the code behind 2 KiB.
const OFFSET: u16 = 4;
/// What the length of all parts has on top when there is only one (`RK_MAX_BOOT_SIZE`, 512 KiB): as much as the ROM may load.
const NO_SECOND_PART: u16 = 1024;

/// Where the second version (`struct header0_info_v2`) has the hash of what lies before it.
const HASH_AT: u64 = 1536;
const HASH_KIND_AT: u64 = 12;
const IMAGES_AT: u64 = 120;
const IMAGE_LEN: u64 = 88;
const IMAGE_HASH_AT: u64 = 24;
const MOST_IMAGES: u16 = 4;
const HEADER_2_LEN: u64 = 2048;

pub(super) fn check(file: &File) -> Result<First, Error> {
    if file.has(0, b"RKNS")? { check_second_version(file) } else { check_first_version(file) }
}

fn check_first_version(file: &File) -> Result<First, Error> {
    let header = rc4(file.bytes(0)?);
    let le16 = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let encrypted = match header[PLAIN_AT..][..4] {
        [0, 0, 0, 0] => true,
        [1, 0, 0, 0] => false,
        _ => return Err(Error::field("its header does not say whether its code is encrypted")),
    };
    let (offset, first, all) = (le16(OFFSET_AT), le16(FIRST_LEN_AT), le16(ALL_LEN_AT));
    if offset != OFFSET {
        return Err(Error::field("its header has its code at another place than 2 KiB"));
    }
    if first == 0 || all < first {
        return Err(Error::field("its header has lengths that contradict each other"));
    }
    let chip = chip(file, encrypted)?;
    let n_blocks = if all - first == NO_SECOND_PART { first } else { all };
    let end = file.reaches(u64::from(offset) * BLOCK, u64::from(n_blocks) * BLOCK, "its code")?;
    let description = format!("Rockchip idbloader, {chip}, {}", Rounded(end));
    Ok(First { header: Header { device_tree: None, description }, end })
}

/// Returns the mark of the family of chips in front of the code.
fn chip(file: &File, encrypted: bool) -> Result<String, Error> {
    let at = u64::from(OFFSET) * BLOCK;
    let mark = match encrypted {
        true => rc4(file.bytes(at)?)[..4].to_vec(),
        false => file.bytes::<4>(at)?.to_vec(),
    };
    // RV1126 has its number only.
    let is_chip = |mark: &[u8]| matches!(mark, [b'R', b'K', digits @ ..] if digits.iter().all(u8::is_ascii_digit));
    if is_chip(&mark) || mark == b"110B" {
        return Ok(String::from_utf8_lossy(&mark).into_owned());
    }
    if file.bytes::<4>(2 * at).is_ok_and(|mark| is_chip(&mark)) {
        return Err(Error::field("it is laid out for SPI flash, where every second 2 KiB are skipped, not for disks"));
    }
    Err(Error::field("its code has no mark of a Rockchip chip, such as `RK33`, in front of it"))
}

fn check_second_version(file: &File) -> Result<First, Error> {
    let [offset_low, offset_high, n_low, n_high] = file.bytes(8)?;
    let (hash_words, n_images) = (u16::from_le_bytes([offset_low, offset_high]), u16::from_le_bytes([n_low, n_high]));
    if u64::from(hash_words) * 4 != HASH_AT || n_images == 0 || n_images > MOST_IMAGES {
        return Err(Error::field("its header has another layout than the ROM knows"));
    }
    let hashes = Hashes::of(file)?;
    check_header_hash(file, hashes)?;
    let mut end = HEADER_2_LEN;
    for number in 0..u64::from(n_images) {
        end = end.max(check_image(file, hashes, number)?);
    }
    if end == HEADER_2_LEN {
        return Err(Error::field("its header says that there is no code"));
    }
    let description = format!("Rockchip idbloader, RKNS, {}", Rounded(end));
    Ok(First { header: Header { device_tree: None, description }, end })
}

/// Checks the hash of the header. A signature in its place is longer, and nobody here has the key.
fn check_header_hash(file: &File, hashes: Hashes) -> Result<(), Error> {
    let stated: [u8; 512] = file.bytes(HASH_AT)?;
    let Some(found) = hashes.compute(file, 0, HASH_AT, "its header")? else { return Ok(()) };
    let (hash, rest) = stated.split_at(found.len());
    match rest.iter().any(|&byte| byte != 0) || hash == found {
        true => Ok(()),
        false => Err(Error::Checksum("the hash of its header".to_owned())),
    }
}

/// Returns where image `number` ends, which is as its hash says.
fn check_image(file: &File, hashes: Hashes, number: u64) -> Result<u64, Error> {
    let entry = IMAGES_AT + number * IMAGE_LEN;
    let [at_low, at_high, n_low, n_high] = file.bytes(entry)?;
    let at = u64::from(u16::from_le_bytes([at_low, at_high])) * BLOCK;
    let len = u64::from(u16::from_le_bytes([n_low, n_high])) * BLOCK;
    if len == 0 {
        return Ok(0);
    }
    let what = format!("its image {}", number + 1);
    let end = file.reaches(at, len, &what)?;
    let stated: [u8; 64] = file.bytes(entry + IMAGE_HASH_AT)?;
    match hashes.compute(file, at, len, &what)? {
        Some(found) if stated[..found.len()] != found => Err(Error::Checksum(format!("the hash of {what}"))),
        _ => Ok(end),
    }
}

/// The hashes that a header of the second version has.
#[derive(Clone, Copy)]
enum Hashes {
    None,
    Sha256,
    Sha512,
}

impl Hashes {
    fn of(file: &File) -> Result<Hashes, Error> {
        // The upper bits are flags.
        match file.le32(HASH_KIND_AT)? & 0xf {
            0 => Ok(Hashes::None),
            1 => Ok(Hashes::Sha256),
            2 => Ok(Hashes::Sha512),
            _ => Err(Error::field("its header has hashes of an unknown kind")),
        }
    }

    fn compute(self, file: &File, at: u64, len: u64, what: &str) -> Result<Option<Vec<u8>>, Error> {
        match self {
            Hashes::None => Ok(None),
            Hashes::Sha256 => {
                let mut hasher = Sha256::new();
                file.chunks(at, len, what, |chunk| hasher.update(chunk))?;
                Ok(Some(hasher.finalize().to_vec()))
            }
            Hashes::Sha512 => {
                let mut hasher = Sha512::new();
                file.chunks(at, len, what, |chunk| hasher.update(chunk))?;
                Ok(Some(hasher.finalize().to_vec()))
            }
        }
    }
}

/// Encrypts or decrypts a block with Rockchip's key. It keeps nothing secret: the ROM knows no other.
pub(super) fn rc4(mut block: [u8; BLOCK as usize]) -> [u8; BLOCK as usize] {
    let mut state: [u8; 256] = std::array::from_fn(|i| i as u8);
    let mut j = 0u8;
    for i in 0..state.len() {
        j = j.wrapping_add(state[i]).wrapping_add(KEY[i % KEY.len()]);
        state.swap(i, usize::from(j));
    }
    let (mut i, mut j) = (0u8, 0u8);
    for byte in &mut block {
        i = i.wrapping_add(1);
        j = j.wrapping_add(state[usize::from(i)]);
        state.swap(usize::from(i), usize::from(j));
        *byte ^= state[usize::from(state[usize::from(i)].wrapping_add(state[usize::from(j)]))];
    }
    block
}
