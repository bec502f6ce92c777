//! What is recognised by a mark at its place: formats that are named and not read.

use std::io;

use super::image::{Image, Window};

/// A mark, and what has it.
struct Mark {
    name: &'static str,
    at: u64,
    bytes: &'static [u8],
}

const fn mark(name: &'static str, at: u64, bytes: &'static [u8]) -> Mark {
    Mark { name, at, bytes }
}

/// File systems, and whatever else fills a partition (the magic numbers of `libblkid`).
const CONTENTS: &[Mark] = &[
    mark("XFS", 0, b"XFSB"),
    mark("squashfs", 0, b"hsqs"),
    mark("LUKS", 0, b"LUKS\xba\xbe"),
    mark("Btrfs", 0x10040, b"_BHRfS_M"),
    mark("F2FS", 0x400, b"\x10\x20\xf5\xf2"),
    mark("EROFS", 0x400, b"\xe2\xe1\xf5\xe0"),
    mark("NTFS", 3, b"NTFS    "),
    mark("exFAT", 3, b"EXFAT   "),
    mark("LVM", 0x218, b"LVM2 001"),
    mark("swap", 4096 - 10, b"SWAPSPACE2"),
    mark("ISO 9660", 0x8001, b"CD001"),
    mark("U-Boot image tree", 0, b"\xd0\x0d\xfe\xed"),
];

/// Files that are no raw images; with what unpacks them.
const WRAPPED: &[(Mark, &str)] = &[
    (mark("a gzip file", 0, b"\x1f\x8b"), "gunzip -k"),
    (mark("an xz file", 0, b"\xfd7zXZ\0"), "unxz -k"),
    (mark("a Zstandard file", 0, b"\x28\xb5\x2f\xfd"), "unzstd"),
    (mark("a bzip2 file", 0, b"BZh"), "bunzip2 -k"),
    (mark("a qcow2 image", 0, b"QFI\xfb"), "qemu-img convert -O raw"),
    (mark("a VHDX image", 0, b"vhdxfile"), "qemu-img convert -O raw"),
    (mark("a VMDK image", 0, b"KDMV"), "qemu-img convert -O raw"),
    (mark("a tar archive", 257, b"ustar"), "tar -x -f"),
    (mark("a Debian package", 0, b"!<arch>\n"), "dpkg-deb -x"),
    (mark("an ELF file", 0, b"\x7fELF"), ""),
];

/// Boot loaders, at the places where boards look for them.
const LOADERS: &[Mark] = &[
    mark("Allwinner boot loader", 0x2004, b"eGON.BT"),
    mark("Allwinner boot loader", 0x20004, b"eGON.BT"),
    // RC4 of the magic number 0x0ff0aa55, and the newer one in clear (the Rockchip wiki, "Boot option").
    mark("Rockchip boot loader", 0x8000, b"\x3b\x8c\xdc\xfc"),
    mark("Rockchip boot loader", 0x8000, b"RKNS"),
    mark("i.MX boot loader", 0x400, b"\xd1\x00\x20"),
    mark("Amlogic boot loader", 0x210, b"@AML"),
];

/// Boot loaders that are recognised wherever they start.
const LOADERS_ANYWHERE: &[Mark] =
    &[mark("U-Boot image tree", 0, b"\xd0\x0d\xfe\xed"), mark("U-Boot image", 0, b"\x27\x05\x19\x56")];

/// Returns what a partition contains, by its mark.
///
/// # Errors
/// The image cannot be read.
pub(super) fn content(window: &Window) -> io::Result<Option<&'static str>> {
    for mark in CONTENTS {
        let mut bytes = vec![0; mark.bytes.len()];
        if mark.at + bytes.len() as u64 <= window.len() {
            window.read_at(mark.at, &mut bytes)?;
            if bytes == mark.bytes {
                return Ok(Some(mark.name));
            }
        }
    }
    Ok(None)
}

/// Returns what a file is that is no raw image, and the program that makes one of it (empty where none does).
///
/// # Errors
/// The image cannot be read.
pub(super) fn wrapping(image: &Image) -> io::Result<Option<(&'static str, &'static str)>> {
    let start = image.up_to(0, 512)?;
    let is_there = |mark: &Mark| start.get(mark.at as usize..).is_some_and(|rest| rest.starts_with(mark.bytes));
    Ok(WRAPPED.iter().find(|(mark, _)| is_there(mark)).map(|(mark, how)| (mark.name, *how)))
}

/// Returns the name of the boot loader that lies in the bytes `lo..hi`, if it has a mark.
///
/// # Errors
/// The image cannot be read.
pub(super) fn loader(image: &Image, lo: u64, hi: u64) -> io::Result<Option<&'static str>> {
    let fixed = LOADERS.iter().map(|mark| (mark, mark.at));
    let free = LOADERS_ANYWHERE.iter().map(|mark| (mark, lo));
    for (mark, at) in fixed.chain(free) {
        if lo <= at && at < hi && image.up_to(at, mark.bytes.len() as u64)? == mark.bytes {
            return Ok(Some(mark.name));
        }
    }
    Ok(None)
}

/// Returns what the boot code in the first sector of a disk is called.
pub(super) fn boot_code(code: &[u8]) -> &'static str {
    let has = |text: &[u8]| code.windows(text.len()).any(|window| window == text);
    match () {
        () if has(b"GRUB") => "boot code of GRUB",
        () if has(b"isolinux") => "boot code of ISOLINUX",
        () => "boot code",
    }
}
