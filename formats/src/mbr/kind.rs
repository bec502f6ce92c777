//! Types of partitions (the list of A. E. Brouwer, as used by Linux tools).

/// FAT12.
pub const FAT12: u8 = 0x01;
/// An extended partition with addressing by cylinders; the type of links from one EBR to the next.
pub const EXTENDED: u8 = 0x05;
/// NTFS and exFAT.
pub const NTFS: u8 = 0x07;
/// FAT32 with addressing by sector number.
pub const FAT32: u8 = 0x0c;
/// FAT16 with addressing by sector number.
pub const FAT16: u8 = 0x0e;
/// An extended partition with addressing by sector number.
pub const EXTENDED_LBA: u8 = 0x0f;
/// The boot loader of PowerPC machines (PReP).
pub const PREP: u8 = 0x41;
/// Linux swap.
pub const LINUX_SWAP: u8 = 0x82;
/// Linux file system.
pub const LINUX: u8 = 0x83;
/// An extended partition that only Linux looks into.
pub const LINUX_EXTENDED: u8 = 0x85;
/// Linux volume group.
pub const LINUX_LVM: u8 = 0x8e;
/// Where the processor of Altera's SoC FPGAs finds its SPL.
pub const ALTERA_SPL: u8 = 0xa2;
/// What is no file system.
pub const RAW: u8 = 0xda;
/// Extended boot loader partition (Boot Loader Specification, UAPI.1).
pub const LINUX_EXTENDED_BOOT: u8 = 0xea;
/// The whole disk, which a GPT describes (UEFI 2.10, table 5-3).
pub const GPT_PROTECTIVE: u8 = 0xee;
/// EFI system partition (UEFI 2.10, section 5.2.2).
pub const EFI_SYSTEM: u8 = 0xef;
/// Protects firmware on a disk that boots from an MBR (Embedded Base Boot Requirements).
pub const EBBR_PROTECTIVE: u8 = 0xf8;
/// Part of a software RAID.
pub const LINUX_RAID: u8 = 0xfd;

/// The types by the names that configurations write; the names of what a GPT can have as well are the same there.
pub const KINDS: &[(&str, u8)] = &[
    ("fat12", FAT12),
    ("fat16", FAT16),
    ("fat32", FAT32),
    ("basic-data", NTFS),
    ("esp", EFI_SYSTEM),
    ("xbootldr", LINUX_EXTENDED_BOOT),
    ("linux-generic", LINUX),
    ("swap", LINUX_SWAP),
    ("lvm", LINUX_LVM),
    ("raid", LINUX_RAID),
    ("prep", PREP),
    ("altera-spl", ALTERA_SPL),
    ("raw", RAW),
    ("ebbr-protective", EBBR_PROTECTIVE),
];

/// Other names of types: those of `sfdisk`, and of file systems.
const ALIASES: &[(&str, u8)] = &[("linux", LINUX), ("uefi", EFI_SYSTEM), ("ntfs", NTFS), ("exfat", NTFS)];

/// Returns the type that a name stands for, if there is one.
///
/// ```
/// use gravure_formats::mbr::kind;
/// assert_eq!(kind::by_name("esp"), Some(kind::EFI_SYSTEM));
/// assert_eq!(kind::by_name("extended"), None);
/// ```
pub fn by_name(name: &str) -> Option<u8> {
    KINDS.iter().chain(ALIASES).find(|(known, _)| *known == name).map(|(_, kind)| *kind)
}
