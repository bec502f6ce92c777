//! The volume: boot sector, allocation tables, directories and files at their places.

use bytes::Bytes;

use super::geometry::{FIXED_ROOT_RECORDS, Geometry, N_FATS};
use super::label::Label;
use super::plan::{Content, Plan};
use super::{Kind, Options, SECTOR, directory};
use crate::{Data, Extent, Extents};

/// The number of the first cluster.
const FIRST_CLUSTER: u32 = 2;
/// Where FAT32 has its summary and its second boot sector ("FAT32 FSInfo Sector Structure and Backup Boot Sector").
const FS_INFO_SECTOR: u64 = 1;
const BACKUP_BOOT_SECTOR: u64 = 6;
/// "Fixed (non-removable) media".
const MEDIA: u8 = 0xf8;
/// An entry of the table that ends a chain; shorter entries keep the low bits.
const END_OF_CHAIN: u32 = 0x0fff_ffff;
/// The first entry of the table: the media with ones above it.
const MEDIA_ENTRY: u32 = 0x0fff_ff00 | MEDIA as u32;
/// "NextFree" where nothing is free.
const UNKNOWN: u32 = 0xffff_ffff;
/// The end of boot sectors.
const BOOT_SIGNATURE: [u8; 2] = [0x55, 0xaa];

/// Returns the image of a volume for which there is room.
pub(super) fn write(plan: &Plan<'_>, geometry: &Geometry, label: Option<Label>, options: &Options) -> Extents {
    let allocation = Allocation::of(plan, geometry);
    let mut volume = Volume { geometry, runs: Vec::new() };
    volume.put_boot_sectors(label, options, allocation.n_used);
    volume.put_tables(&allocation);
    for (idx, node) in plan.nodes.iter().enumerate() {
        let at = match allocation.first_clusters[idx] {
            0 if idx == 0 => geometry.root_start() * SECTOR,
            0 => continue,
            cluster => geometry.cluster_at(cluster),
        };
        match node.content {
            Content::File(content) => volume.runs.extend(content.runs_at(at)),
            Content::Directory { .. } => {
                let label = label.map(|label| (label, options.time));
                volume.put(at, directory::bytes(plan, idx, &allocation.first_clusters, label));
            }
        }
    }
    Extents::assemble(geometry.len(), volume.runs)
}

/// Which clusters belong to which nodes: contiguous ranges in the order of the nodes.
struct Allocation {
    /// The first cluster by node; 0 for those in no cluster.
    first_clusters: Vec<u32>,
    /// The allocation table, up to the last cluster in use.
    entries: Vec<u32>,
    /// How many clusters are in use.
    n_used: u32,
}

impl Allocation {
    fn of(plan: &Plan<'_>, geometry: &Geometry) -> Allocation {
        let mut first_clusters = vec![0; plan.nodes.len()];
        let mut entries = vec![MEDIA_ENTRY, END_OF_CHAIN];
        for (idx, node) in plan.in_clusters(geometry.kind) {
            let first = entries.len() as u32;
            let n_clusters = node.n_clusters(geometry.cluster_len()) as u32;
            if n_clusters > 0 {
                first_clusters[idx] = first;
                entries.extend(first + 1..first + n_clusters);
                entries.push(END_OF_CHAIN);
            }
        }
        let n_used = entries.len() as u32 - FIRST_CLUSTER;
        Allocation { first_clusters, entries, n_used }
    }

    /// Returns the table as it is on the disk.
    fn to_bytes(&self, kind: Kind) -> Vec<u8> {
        match kind {
            Kind::Fat12 => self.entries.chunks(2).flat_map(packed_pair).collect(),
            Kind::Fat16 => self.entries.iter().flat_map(|&entry| (entry as u16).to_le_bytes()).collect(),
            Kind::Fat32 => self.entries.iter().flat_map(|&entry| entry.to_le_bytes()).collect(),
        }
    }
}

/// Returns two entries of 12 bits in 3 bytes, the first one in the low bits.
fn packed_pair(pair: &[u32]) -> [u8; 3] {
    let second = pair.get(1).copied().unwrap_or(0);
    let [a, b, c, _] = (pair[0] & 0xfff | (second & 0xfff) << 12).to_le_bytes();
    [a, b, c]
}

/// A volume in the making.
struct Volume<'a> {
    geometry: &'a Geometry,
    runs: Vec<Extent>,
}

impl Volume<'_> {
    fn put(&mut self, at: u64, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        self.runs.push(Extent { at, len: bytes.len() as u64, data: Data::Bytes(bytes) });
    }

    fn put_boot_sectors(&mut self, label: Option<Label>, options: &Options, n_used: u32) {
        let boot = Bytes::from(boot_sector(self.geometry, label, options));
        self.put(0, boot.clone());
        if self.geometry.kind == Kind::Fat32 {
            let summary = Bytes::from(fs_info(self.geometry, n_used));
            self.put(FS_INFO_SECTOR * SECTOR, summary.clone());
            self.put(BACKUP_BOOT_SECTOR * SECTOR, boot);
            self.put((BACKUP_BOOT_SECTOR + FS_INFO_SECTOR) * SECTOR, summary);
        }
    }

    fn put_tables(&mut self, allocation: &Allocation) {
        let table = Bytes::from(allocation.to_bytes(self.geometry.kind));
        for idx in 0..N_FATS {
            self.put(self.geometry.fat_start(idx) * SECTOR, table.clone());
        }
    }
}

/// Returns the boot sector ("Boot Sector and BPB").
///
/// ```text
/// offset size meaning
///   0      3  jump over the fields
///   3      8  name of the maker
///  11      2  bytes per sector
///  13      1  sectors per cluster
///  14      2  reserved sectors
///  16      1  number of tables
///  17      2  records of the root directory, 0 on FAT32
///  19      2  sectors, 0 if they need 32 bits
///  21      1  media
///  22      2  sectors per table, 0 on FAT32
///  24      4  sectors per track, heads
///  28      4  hidden sectors
///  32      4  sectors, 0 if 16 bits do
///  36     28  FAT32 only: see `fat32_fields`
///  36/64   1  number of the drive
///  37/65   1  zero
///  38/66   1  0x29: the following fields are there
///  39/67   4  serial number
///  43/71  11  label
///  54/82   8  kind as text
///  62/90      boot code
/// 510      2  55 aa
/// ```
fn boot_sector(geometry: &Geometry, label: Option<Label>, options: &Options) -> Vec<u8> {
    let kind = geometry.kind;
    let is_fat32 = kind == Kind::Fat32;
    let only_below_fat32 = |value: u64| if is_fat32 { 0 } else { value as u16 };
    let n_sectors = geometry.n_sectors as u32;
    let short_count = if is_fat32 { 0 } else { u16::try_from(n_sectors).unwrap_or(0) };
    let long_count = if short_count == 0 { n_sectors } else { 0 };

    let mut bytes = Vec::with_capacity(SECTOR as usize);
    bytes.extend([0xeb, if is_fat32 { 0x58 } else { 0x3c }, 0x90]);
    // "MSWIN4.1 is the recommended setting, because it is the setting least likely to cause compatibility problems."
    bytes.extend(b"MSWIN4.1");
    bytes.extend((SECTOR as u16).to_le_bytes());
    bytes.push(geometry.sectors_per_cluster as u8);
    bytes.extend((kind.reserved_sectors() as u16).to_le_bytes());
    bytes.push(N_FATS as u8);
    bytes.extend(only_below_fat32(FIXED_ROOT_RECORDS).to_le_bytes());
    bytes.extend(short_count.to_le_bytes());
    bytes.push(MEDIA);
    bytes.extend(only_below_fat32(geometry.fat_sectors).to_le_bytes());
    // The geometry that every BIOS pretends for large disks.
    bytes.extend(63u16.to_le_bytes());
    bytes.extend(255u16.to_le_bytes());
    bytes.extend(options.hidden_sectors.to_le_bytes());
    bytes.extend(long_count.to_le_bytes());
    if is_fat32 {
        bytes.extend(fat32_fields(geometry));
    }
    bytes.extend([0x80, 0, 0x29]);
    bytes.extend(options.volume_id.to_le_bytes());
    bytes.extend(label.unwrap_or(Label::none()).0);
    // "BS_FilSysType"; U-Boot takes a volume for FAT32 only with the spaces.
    bytes.extend(match kind {
        Kind::Fat12 => b"FAT12   ",
        Kind::Fat16 => b"FAT16   ",
        Kind::Fat32 => b"FAT32   ",
    });
    // Boot code: `int 0x18` asks the BIOS for the next device; should it return, the processor halts.
    bytes.extend([0xcd, 0x18, 0xf4, 0xeb, 0xfd]);
    bytes.resize(SECTOR as usize - BOOT_SIGNATURE.len(), 0);
    bytes.extend(BOOT_SIGNATURE);
    bytes
}

/// Returns the fields that only FAT32 has.
///
/// ```text
/// offset size meaning
///  36      4  sectors per table
///  40      4  flags: both tables are kept alike; version: 0
///  44      4  first cluster of the root directory
///  48      2  sector of the summary
///  50      2  sector of the second boot sector
///  52     12  zero
/// ```
fn fat32_fields(geometry: &Geometry) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(28);
    bytes.extend((geometry.fat_sectors as u32).to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(FIRST_CLUSTER.to_le_bytes());
    bytes.extend((FS_INFO_SECTOR as u16).to_le_bytes());
    bytes.extend((BACKUP_BOOT_SECTOR as u16).to_le_bytes());
    bytes.extend([0; 12]);
    bytes
}

/// Returns the summary of FAT32.
///
/// ```text
/// offset size meaning
///   0      4  signature
///   4    480  zero
/// 484      4  signature
/// 488      4  free clusters
/// 492      4  where to look for free clusters
/// 496     12  zero
/// 508      4  signature
/// ```
fn fs_info(geometry: &Geometry, n_used: u32) -> Vec<u8> {
    let n_free = geometry.n_clusters as u32 - n_used;
    let next_free = if n_free == 0 { UNKNOWN } else { FIRST_CLUSTER + n_used };
    let mut bytes = vec![0; SECTOR as usize];
    bytes[..4].copy_from_slice(b"RRaA");
    bytes[484..488].copy_from_slice(b"rrAa");
    bytes[488..492].copy_from_slice(&n_free.to_le_bytes());
    bytes[492..496].copy_from_slice(&next_free.to_le_bytes());
    bytes[510..].copy_from_slice(&BOOT_SIGNATURE);
    bytes
}
