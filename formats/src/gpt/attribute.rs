//! Bits of [`super::Partition::attributes`] (table 5-6, and the Discoverable Partitions Specification from bit 59 on).

/// The platform needs the partition.
pub const REQUIRED: u64 = 1 << 0;
/// Firmware shall not read it.
pub const NO_BLOCK_IO: u64 = 1 << 1;
/// BIOS boot code, and U-Boot, start from here.
pub const LEGACY_BOOT: u64 = 1 << 2;
/// systemd grows the file system to the size of the partition.
pub const GROW_FILE_SYSTEM: u64 = 1 << 59;
/// Mounted read-only when found by its type.
pub const READ_ONLY: u64 = 1 << 60;
/// Not mounted when found by its type.
pub const NO_AUTO: u64 = 1 << 63;

/// The attributes by the names that configurations write.
pub const NAMES: &[(&str, u64)] = &[
    ("required", REQUIRED),
    ("no-block-io", NO_BLOCK_IO),
    ("legacy-boot", LEGACY_BOOT),
    ("grow-file-system", GROW_FILE_SYSTEM),
    ("read-only", READ_ONLY),
    ("no-auto", NO_AUTO),
];

/// Returns the bit that a name stands for, if there is one.
pub fn by_name(name: &str) -> Option<u64> {
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, bit)| *bit)
}
