//! Addresses as cylinder, head and sector, which no system uses any more and every table has.

/// The geometry that every BIOS pretends for large disks: 255 heads of 63 sectors, 1024 cylinders.
const HEADS: u64 = 255;
const SECTORS_PER_TRACK: u64 = 63;
const CYLINDERS: u64 = 1024;

/// The first sector that has no address as cylinder, head and sector.
pub(super) const CHS_REACH: u64 = CYLINDERS * HEADS * SECTORS_PER_TRACK;

/// Returns the address of a sector as 3 bytes: head, sector (from 1; its top bits are the cylinder's), cylinder.
/// What is out of reach gets the last address, as every partitioning tool does.
pub(super) fn chs(lba: u64) -> [u8; 3] {
    let (track, sector) = match lba {
        _ if lba >= CHS_REACH => ((CYLINDERS - 1) * HEADS + HEADS - 1, SECTORS_PER_TRACK),
        _ => (lba / SECTORS_PER_TRACK, lba % SECTORS_PER_TRACK + 1),
    };
    let (cylinder, head) = (track / HEADS, track % HEADS);
    [head as u8, (sector | cylinder >> 2 & 0xc0) as u8, cylinder as u8]
}
