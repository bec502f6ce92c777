//! GUIDs: names of disks, partitions and partition types.
//!
//! In memory a GUID is its 16 bytes in the order of its text. On a disk the first three groups are
//! little-endian (UEFI 2.10, appendix A), which is only the business of [`Guid::to_disk`]:
//!
//! ```text
//! text     c12a7328-f81f-11d2-ba4b-00a0c93ec93b
//! on disk  28 73 2a c1  1f f8  d2 11  ba 4b  00 a0 c9 3e c9 3b
//! ```

mod types;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use types::{TYPES, by_name, name_of};

use crate::Digest;

/// A GUID: 16 bytes in the order of the text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid(pub [u8; 16]);

/// What a text must be to name a GUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseGuidError;

impl fmt::Display for ParseGuidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a GUID is 32 hexadecimal digits in the groups 8-4-4-4-12")
    }
}

impl std::error::Error for ParseGuidError {}

/// EFI system partition (UEFI 2.10, table 5-7).
pub const EFI_SYSTEM: Guid = known("c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
/// Where GRUB for BIOS keeps its core image on a GPT disk (GRUB manual, "BIOS installation").
pub const BIOS_BOOT: Guid = known("21686148-6449-6e6f-744e-656564454649");
/// FAT, NTFS and whatever else Windows mounts.
pub const BASIC_DATA: Guid = known("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7");
/// Linux file system of any purpose (Discoverable Partitions Specification, as the following).
pub const LINUX_FILE_SYSTEM: Guid = known("0fc63daf-8483-4772-8e79-3d69d8477de4");
/// Linux swap.
pub const LINUX_SWAP: Guid = known("0657fd6d-a4ab-43c4-84e5-0933c84b4f4f");
/// Extended boot loader partition; the VisionFive 2 finds U-Boot by it.
pub const LINUX_EXTENDED_BOOT: Guid = known("bc13c2ff-59e6-4262-a352-b275fd6f7172");
/// Linux root for x86 with 32 bits.
pub const LINUX_ROOT_X86: Guid = known("44479540-f297-41b2-9af7-d131d5f0458a");
/// Linux root for x86-64.
pub const LINUX_ROOT_X86_64: Guid = known("4f68bce3-e8cd-4db1-96e7-fbcaf984b709");
/// Linux root for ARM with 32 bits.
pub const LINUX_ROOT_ARM: Guid = known("69dad710-2ce4-4e3c-b16c-21a1d49abed3");
/// Linux root for ARM with 64 bits.
pub const LINUX_ROOT_ARM64: Guid = known("b921b045-1df0-41c3-af44-4c6f280d3fae");
/// Linux root for RISC-V with 64 bits.
pub const LINUX_ROOT_RISCV64: Guid = known("72ec70a6-cf74-40e6-bd49-4bda08e8f224");
/// First-stage boot loader of SiFive boards (the SPL of the HiFive Unmatched).
pub const SIFIVE_FSBL: Guid = known("5b193300-fc78-40cd-8002-e86c45580b47");
/// Second-stage boot loader of SiFive boards (U-Boot of the Unmatched; the SPL of the VisionFive 2).
pub const SIFIVE_BBL: Guid = known("2e54b353-1271-4842-806f-e436d6af6985");

impl Guid {
    /// The GUID of zeros: as a partition type it means an unused entry.
    pub const ZERO: Guid = Guid([0; 16]);

    /// Returns the GUID that a digest stands for, marked as "custom" (version 8 of RFC 9562, section 5.8).
    pub fn from_digest(digest: &Digest) -> Guid {
        let mut bytes: [u8; 16] = digest.0[..16].try_into().expect("a digest has 32 bytes");
        bytes[6] = bytes[6] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Guid(bytes)
    }

    /// Returns the form on a disk: the first three groups little-endian.
    pub const fn to_disk(self) -> [u8; 16] {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = self.0;
        [d, c, b, a, f, e, h, g, i, j, k, l, m, n, o, p]
    }

    /// Returns the GUID that [`Guid::to_disk`] wrote.
    pub const fn from_disk(bytes: [u8; 16]) -> Guid {
        // Swapping the same bytes again gives the order of the text.
        Guid(Guid(bytes).to_disk())
    }

    /// Reads the text form, digits of either case.
    const fn parse(text: &[u8]) -> Option<Guid> {
        if text.len() != 36 {
            return None;
        }
        let mut bytes = [0; 16];
        let (mut from, mut to) = (0, 0);
        while to < 16 {
            if matches!(from, 8 | 13 | 18 | 23) {
                if text[from] != b'-' {
                    return None;
                }
                from += 1;
            }
            match ((text[from] as char).to_digit(16), (text[from + 1] as char).to_digit(16)) {
                (Some(high), Some(low)) => bytes[to] = (16 * high + low) as u8,
                _ => return None,
            }
            from += 2;
            to += 1;
        }
        Some(Guid(bytes))
    }
}

/// Returns the GUID of a text that is known to be one; the compiler checks it.
pub(crate) const fn known(text: &str) -> Guid {
    match Guid::parse(text.as_bytes()) {
        Some(guid) => guid,
        None => panic!("not a GUID"),
    }
}

impl fmt::Display for Guid {
    /// Writes the text form in lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            let dash = if matches!(i, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Guid {
    type Err = ParseGuidError;

    fn from_str(text: &str) -> Result<Guid, ParseGuidError> {
        Guid::parse(text.as_bytes()).ok_or(ParseGuidError)
    }
}

impl Serialize for Guid {
    /// Text where a person may read it (JSON), 16 bytes elsewhere.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { self.0.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for Guid {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Guid, D::Error> {
        if deserializer.is_human_readable() {
            let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
            text.parse().map_err(serde::de::Error::custom)
        } else {
            Ok(Guid(<[u8; 16]>::deserialize(deserializer)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_disk_forms() {
        // UEFI 2.10, table 5-7, and its bytes as every EFI system partition has them.
        let disk = [0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b];
        assert_eq!(EFI_SYSTEM.to_disk(), disk);
        assert_eq!(Guid::from_disk(disk), EFI_SYSTEM);
        assert_eq!("C12A7328-F81F-11D2-BA4B-00A0C93EC93B".parse(), Ok(EFI_SYSTEM));
        assert_eq!(EFI_SYSTEM.to_string(), "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
        // The text that the identifier of GRUB's partition spells on the disk.
        assert_eq!(&BIOS_BOOT.to_disk(), b"Hah!IdontNeedEFI");
    }

    #[test]
    fn what_is_no_guid() {
        for text in [
            "",
            "c12a7328",
            "c12a7328f81f11d2ba4b00a0c93ec93b",
            "{c12a7328-f81f-11d2-ba4b-00a0c93ec93b}",
            "c12a7328-f81f-11d2-ba4b-00a0c93ec93g",
            "c12a7328-f81f-11d2-ba4b-00a0c93ec93é",
            "c12a7328-f81f-11d2-ba4b+00a0c93ec93b",
        ] {
            assert_eq!(text.parse::<Guid>(), Err(ParseGuidError), "{text}");
        }
    }

    #[test]
    fn derived_guids_say_that_they_are_custom() {
        let guid = Guid::from_digest(&Digest([0xff; 32]));
        assert_eq!(guid.to_string(), "ffffffff-ffff-8fff-bfff-ffffffffffff");
    }
}
