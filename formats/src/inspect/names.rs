//! What people call the types of partitions, and the flags.

use crate::{Guid, gpt, guid, mbr};

/// Names of partition types of a GPT: those that gravure writes, and those that are often met (Discoverable Partitions
/// Specification; the list of Wikipedia's "GUID Partition Table").
const GPT_TYPES: &[(Guid, &str)] = &[
    (guid::EFI_SYSTEM, "EFI system"),
    (guid::BIOS_BOOT, "BIOS boot"),
    (guid::BASIC_DATA, "basic data"),
    (guid::LINUX_FILE_SYSTEM, "Linux file system"),
    (guid::LINUX_SWAP, "Linux swap"),
    (guid::LINUX_EXTENDED_BOOT, "extended boot loader"),
    (guid::LINUX_ROOT_X86, "Linux root (x86)"),
    (guid::LINUX_ROOT_X86_64, "Linux root (x86-64)"),
    (guid::LINUX_ROOT_ARM, "Linux root (ARM)"),
    (guid::LINUX_ROOT_ARM64, "Linux root (ARM64)"),
    (guid::LINUX_ROOT_RISCV64, "Linux root (RISC-V 64)"),
    (guid::SIFIVE_FSBL, "SiFive first-stage loader"),
    (guid::SIFIVE_BBL, "SiFive second-stage loader"),
    (guid::known("933ac7e1-2eb4-4f13-b844-0e14e2aef915"), "Linux home"),
    (guid::known("3b8f8425-20e0-4f3b-907f-1a25a76f98e8"), "Linux server data"),
    (guid::known("4d21b016-b534-45c2-a9fb-5c16e091fd2d"), "Linux variable data"),
    (guid::known("8484680c-9521-48c6-9c11-b0720656f69e"), "Linux /usr (x86-64)"),
    (guid::known("2c7357ed-ebd2-46d9-aec1-23d437ec2bf5"), "Linux root verity (x86-64)"),
    (guid::known("df3300ce-d69f-4c92-978c-9bfb0f38d820"), "Linux root verity (ARM64)"),
    (guid::known("e6d6d379-f507-44c2-a23c-238f2a3df928"), "Linux LVM"),
    (guid::known("a19d880f-05fc-4d3b-a006-743f0f84911e"), "Linux RAID"),
    (guid::known("ca7d7ccb-63ed-4c53-861c-1742536059cc"), "Linux LUKS"),
    (guid::known("8da63339-0007-60c0-c436-083ac8230908"), "Linux reserved"),
    (guid::known("3de21764-95bd-54bd-a5c3-4abe786f38a8"), "U-Boot environment"),
    (guid::known("fe3a2a5d-4f32-41a7-b725-accc3285a309"), "ChromeOS kernel"),
    (guid::known("3cb8e202-3b7e-47dd-8a3c-7ff2a13cfcec"), "ChromeOS root"),
    (guid::known("e3c9e316-0b5c-4db8-817d-f92df00215ae"), "Microsoft reserved"),
    (guid::known("de94bba4-06d1-4d40-a16a-bfd50179d6ac"), "Windows recovery"),
    (guid::known("48465300-0000-11aa-aa11-00306543ecac"), "Apple HFS+"),
];

/// The types of roots, which `root:` means.
const ROOTS: [Guid; 5] = [
    guid::LINUX_ROOT_X86,
    guid::LINUX_ROOT_X86_64,
    guid::LINUX_ROOT_ARM,
    guid::LINUX_ROOT_ARM64,
    guid::LINUX_ROOT_RISCV64,
];

/// Names of partition types of an MBR (the list of A. E. Brouwer).
const MBR_TYPES: &[(u8, &str)] = &[
    (0x01, "FAT12"),
    (0x04, "FAT16 (small)"),
    (0x05, "extended"),
    (0x06, "FAT16 (by cylinder)"),
    (0x07, "NTFS or exFAT"),
    (0x0b, "FAT32 (by cylinder)"),
    (mbr::kind::FAT32, "FAT32"),
    (mbr::kind::FAT16, "FAT16"),
    (0x0f, "extended"),
    (0x17, "hidden NTFS or ISO 9660"),
    (0x27, "Windows recovery"),
    (mbr::kind::LINUX_SWAP, "Linux swap"),
    (mbr::kind::LINUX, "Linux"),
    (0x85, "extended (Linux)"),
    (0x8e, "Linux LVM"),
    (0x96, "ISO 9660"),
    (0xa5, "FreeBSD"),
    (0xa6, "OpenBSD"),
    (0xaf, "Apple HFS"),
    (0xcd, "ISO 9660"),
    (0xda, "data without a file system"),
    (0xea, "extended boot loader"),
    (mbr::kind::GPT_PROTECTIVE, "GPT"),
    (mbr::kind::EFI_SYSTEM, "EFI system"),
    (0xfd, "Linux RAID"),
];

/// Names of the bits of a GPT entry.
const GPT_FLAGS: &[(u64, &str)] = &[
    (gpt::attribute::REQUIRED, "required by the platform"),
    (gpt::attribute::NO_BLOCK_IO, "hidden from firmware"),
    (gpt::attribute::LEGACY_BOOT, "legacy boot"),
    (gpt::attribute::GROW_FILE_SYSTEM, "grow file system"),
    (gpt::attribute::READ_ONLY, "read-only"),
    (gpt::attribute::NO_AUTO, "no automatic mount"),
];

/// Returns the name of a type of a GPT.
pub(super) fn gpt_type(ty: Guid) -> Option<&'static str> {
    GPT_TYPES.iter().find(|(known, _)| *known == ty).map(|(_, name)| *name)
}

/// Returns the name of a type of an MBR.
pub(super) fn mbr_type(ty: u8) -> Option<&'static str> {
    MBR_TYPES.iter().find(|(known, _)| *known == ty).map(|(_, name)| *name)
}

/// Returns what the bits of a GPT entry are called.
pub(super) fn gpt_flags(attributes: u64) -> Vec<String> {
    let bits = (0..64).map(|bit| 1 << bit).filter(|bit| attributes & bit != 0);
    let name = |bit: u64| match GPT_FLAGS.iter().find(|(known, _)| *known == bit) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("bit {}", bit.trailing_zeros()),
    };
    bits.map(name).collect()
}

/// Returns what a partition of this type is for, in the short words by which people name it.
pub(super) fn gpt_role(ty: Guid) -> Option<&'static str> {
    match ty {
        guid::EFI_SYSTEM => Some("esp"),
        ty if ROOTS.contains(&ty) => Some("root"),
        _ => None,
    }
}

/// Returns the same for a type of an MBR.
pub(super) fn mbr_role(ty: u8) -> Option<&'static str> {
    (ty == mbr::kind::EFI_SYSTEM).then_some("esp")
}
