//! The geometry: how many sectors every part of a volume has.
//!
//! The kind of a volume is decided by readers from its number of clusters alone, so the numbers here are
//! exact at the limits ("FAT Type Determination"). A guessed volume gets the cluster size that makes it smallest; one of a
//! given size gets the usual cluster size, or, if the content does not fit with that, one with which it does.

use std::ops::RangeInclusive;

use super::plan::Plan;
use super::{Error, Kind, SECTOR};
use crate::Capacity;

/// How many allocation tables there are.
pub(super) const N_FATS: u64 = 2;
/// How many records the root directory of FAT12 and FAT16 has, used or not.
pub(super) const FIXED_ROOT_RECORDS: u64 = 512;
/// A directory may have 2 MiB.
pub(super) const MAX_DIRECTORY_RECORDS: u64 = 65536;
/// Clusters of more than 32 KiB are not read everywhere.
const MAX_SECTORS_PER_CLUSTER: u64 = 64;
/// How many records of directories a sector holds.
const RECORDS_PER_SECTOR: u64 = SECTOR / super::directory::RECORD_LEN;

/// The sizes of the parts of a volume. All are in sectors, if not said otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Geometry {
    pub(super) kind: Kind,
    pub(super) sectors_per_cluster: u64,
    pub(super) n_clusters: u64,
    /// The length of one allocation table.
    pub(super) fat_sectors: u64,
    /// The length of the volume, with what is too short for a last cluster.
    pub(super) n_sectors: u64,
    /// What lies behind the volume: as long as a cluster or more, but the tables have no entry for it.
    pub(super) n_unused: u64,
}

impl Kind {
    /// Returns how many clusters volumes of the kind have.
    fn n_clusters(self) -> RangeInclusive<u64> {
        match self {
            Kind::Fat12 => 1..=4084,
            Kind::Fat16 => 4085..=65524,
            // Entries from 0x0ffffff7 on have meanings, and clusters count from 2.
            Kind::Fat32 => 65525..=0x0fff_fff5,
        }
    }

    /// Returns the bits of an entry of the allocation table.
    pub(super) fn entry_bits(self) -> u64 {
        match self {
            Kind::Fat12 => 12,
            Kind::Fat16 => 16,
            Kind::Fat32 => 32,
        }
    }

    /// Returns how many sectors come before the first allocation table.
    pub(super) fn reserved_sectors(self) -> u64 {
        if self == Kind::Fat32 { 32 } else { 1 }
    }

    /// Returns how many sectors the root directory has outside of the clusters.
    pub(super) fn root_sectors(self) -> u64 {
        if self == Kind::Fat32 { 0 } else { FIXED_ROOT_RECORDS / RECORDS_PER_SECTOR }
    }

    fn fat_sectors(self, n_clusters: u64) -> u64 {
        ((n_clusters + 2) * self.entry_bits()).div_ceil(8 * SECTOR)
    }
}

/// The sizes that clusters may have: powers of two, in sectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClusterSizes {
    least: u64,
    most: u64,
}

impl ClusterSizes {
    /// All sizes.
    pub(super) const ANY: ClusterSizes = ClusterSizes { least: 1, most: MAX_SECTORS_PER_CLUSTER };

    /// Returns the size of clusters of `len` bytes, or else all sizes.
    ///
    /// # Errors
    /// No cluster has this length.
    pub(super) fn new(len: Option<u32>) -> Result<ClusterSizes, Error> {
        let Some(len) = len else { return Ok(ClusterSizes::ANY) };
        let size = u64::from(len) / SECTOR;
        match len.is_power_of_two() && (1..=MAX_SECTORS_PER_CLUSTER).contains(&size) {
            true => Ok(ClusterSizes { least: size, most: size }),
            false => Err(Error::ClusterLen { given: len, most: (MAX_SECTORS_PER_CLUSTER * SECTOR) as u32 }),
        }
    }

    /// Returns the length of clusters in bytes, if there is only one.
    fn only_len(self) -> Option<u64> {
        (self.least == self.most).then_some(self.least * SECTOR)
    }

    fn iter(self) -> impl Iterator<Item = u64> {
        (self.least.ilog2()..=self.most.ilog2()).map(|bits| 1 << bits)
    }

    fn contains(self, size: u64) -> bool {
        self.least <= size && size <= self.most
    }

    /// Returns the length of the smallest volume of a kind, in bytes.
    pub(super) fn least_len(self, kind: Kind) -> u64 {
        Geometry::with_clusters(kind, self.least, *kind.n_clusters().start()).len()
    }

    /// Returns the length of the largest volume of a kind, in bytes, rounded down to KiB.
    fn most_len(self, kind: Kind) -> u64 {
        let most = Geometry::with_clusters(kind, self.most, *kind.n_clusters().end());
        most.n_sectors.min(u32::MAX.into()).saturating_mul(SECTOR) >> 10 << 10
    }

    fn below(self, kind: Kind, given: u64) -> Error {
        Error::BelowKind { kind, cluster_len: self.only_len(), least: self.least_len(kind), given }
    }

    fn above(self, kind: Kind, given: Option<u64>) -> Error {
        Error::AboveKind { kind, cluster_len: self.only_len(), most: self.most_len(kind), given }
    }
}

impl Geometry {
    /// Returns the geometry of a volume for the content.
    ///
    /// # Errors
    /// The kind or the capacity does not hold the content.
    pub(super) fn new(kind: Kind, sizes: ClusterSizes, plan: &Plan<'_>, capacity: Capacity) -> Result<Geometry, Error> {
        let n_records = plan.n_root_records();
        if kind != Kind::Fat32 && n_records > FIXED_ROOT_RECORDS {
            return Err(Error::RootFull { kind, n_records });
        }
        match capacity {
            Capacity::Guess { headroom } => {
                let smallest = candidates(kind, sizes, plan, headroom).min_by_key(|geometry| geometry.n_sectors);
                smallest.ok_or(sizes.above(kind, None))
            }
            Capacity::Exact(len) => exact(kind, sizes, plan, len),
        }
    }

    /// Returns the smallest volume with so many clusters.
    fn with_clusters(kind: Kind, sectors_per_cluster: u64, n_clusters: u64) -> Geometry {
        let fat_sectors = kind.fat_sectors(n_clusters);
        let mut geometry = Geometry { kind, sectors_per_cluster, n_clusters, fat_sectors, n_sectors: 0, n_unused: 0 };
        geometry.n_sectors = geometry.data_start() + n_clusters * sectors_per_cluster;
        geometry
    }

    /// Returns the volume with as many clusters as `n_sectors` have room for, if the kind can have so many.
    fn filling(kind: Kind, sectors_per_cluster: u64, n_sectors: u64) -> Option<Geometry> {
        let sectors_for = |n_clusters| Geometry::with_clusters(kind, sectors_per_cluster, n_clusters).n_sectors;
        let (mut fits, mut too_many) = (0, n_sectors / sectors_per_cluster + 1);
        while fits + 1 < too_many {
            let middle = fits.midpoint(too_many);
            if sectors_for(middle) <= n_sectors { fits = middle } else { too_many = middle }
        }
        let possible = kind.n_clusters().contains(&fits) && n_sectors <= u32::MAX.into();
        possible.then(|| Geometry::with_clusters(kind, sectors_per_cluster, fits).extended_to(n_sectors))
    }

    /// Returns the volume with all its clusters and a rest behind them. Where one more cluster would need more sectors for the
    /// tables, the rest can be as long as a cluster; readers, who count clusters by the length of the volume, must not count it.
    fn extended_to(self, n_sectors: u64) -> Geometry {
        let rest = n_sectors - self.n_sectors;
        match rest < self.sectors_per_cluster {
            true => Geometry { n_sectors, ..self },
            false => Geometry { n_unused: rest, ..self },
        }
    }

    /// Returns the length of the volume with what lies behind it, in bytes.
    pub(super) fn len(&self) -> u64 {
        (self.n_sectors + self.n_unused) * SECTOR
    }

    /// Returns the length of a cluster, in bytes.
    pub(super) fn cluster_len(&self) -> u64 {
        self.sectors_per_cluster * SECTOR
    }

    /// Returns the first sector of an allocation table.
    pub(super) fn fat_start(&self, idx: u64) -> u64 {
        self.kind.reserved_sectors() + idx * self.fat_sectors
    }

    /// Returns the first sector of the root directory of FAT12 and FAT16.
    pub(super) fn root_start(&self) -> u64 {
        self.fat_start(N_FATS)
    }

    /// Returns the first sector of the first cluster.
    pub(super) fn data_start(&self) -> u64 {
        self.root_start() + self.kind.root_sectors()
    }

    /// Returns where a cluster starts, in bytes; the first one has the number 2.
    pub(super) fn cluster_at(&self, cluster: u32) -> u64 {
        self.data_start() * SECTOR + (u64::from(cluster) - 2) * self.cluster_len()
    }
}

/// Returns the smallest possible volume for every size of clusters.
fn candidates(kind: Kind, sizes: ClusterSizes, plan: &Plan<'_>, headroom: u64) -> impl Iterator<Item = Geometry> {
    sizes.iter().filter_map(move |sectors_per_cluster| {
        let cluster_len = sectors_per_cluster * SECTOR;
        let content = plan.n_clusters(kind, cluster_len).checked_add(headroom.div_ceil(cluster_len))?;
        let possible = kind.n_clusters();
        let n_clusters = content.max(*possible.start());
        let geometry =
            possible.contains(&n_clusters).then(|| Geometry::with_clusters(kind, sectors_per_cluster, n_clusters))?;
        (geometry.n_sectors <= u32::MAX.into()).then_some(geometry)
    })
}

fn exact(kind: Kind, sizes: ClusterSizes, plan: &Plan<'_>, given: u64) -> Result<Geometry, Error> {
    let n_sectors = given / SECTOR;
    if given < sizes.least_len(kind) {
        return Err(sizes.below(kind, given));
    }
    let usual = (kind == Kind::Fat32).then(|| usual_fat32_cluster(n_sectors)).filter(|&size| sizes.contains(size));
    let in_order = usual.into_iter().chain(sizes.iter());
    let possible: Vec<Geometry> = in_order.filter_map(|size| Geometry::filling(kind, size, n_sectors)).collect();
    if possible.is_empty() {
        return Err(sizes.above(kind, Some(given)));
    }
    let fits = |geometry: &Geometry| plan.n_clusters(kind, geometry.cluster_len()) <= geometry.n_clusters;
    possible.into_iter().find(fits).ok_or_else(|| {
        let sufficient = candidates(kind, sizes, plan, 0).map(|geometry| geometry.len()).filter(|&len| len > given);
        match sufficient.min() {
            Some(needed) => Error::TooSmall { needed, given, largest: plan.largest() },
            None => sizes.above(kind, None),
        }
    })
}

/// Returns the size of clusters that the specification's table for FAT32 names ("FAT Volume Initialization").
fn usual_fat32_cluster(n_sectors: u64) -> u64 {
    match n_sectors * SECTOR {
        len if len <= 260 << 20 => 1,
        len if len <= 8 << 30 => 8,
        len if len <= 16 << 30 => 16,
        len if len <= 32 << 30 => 32,
        _ => 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_the_kinds() {
        let lens = |kind| (ClusterSizes::ANY.least_len(kind), ClusterSizes::ANY.most_len(kind));
        assert_eq!(lens(Kind::Fat12), ((1 + 2 + 32 + 1) * SECTOR, (4084 * 32 + (1 + 2 * 12 + 32) / 2) << 10));
        assert_eq!(lens(Kind::Fat16), ((1 + 2 * 16 + 32 + 4085) * SECTOR, (65524 * 32 + (1 + 2 * 256 + 32) / 2) << 10));
        assert_eq!(lens(Kind::Fat32), ((32 + 2 * 512 + 65525) * SECTOR, (2 << 40) - (1 << 10)));
    }

    /// How many clusters readers count ("FAT Type Determination").
    fn counted(geometry: &Geometry) -> u64 {
        (geometry.n_sectors - geometry.data_start()) / geometry.sectors_per_cluster
    }

    #[test]
    fn readers_count_the_clusters_that_the_tables_have_entries_for() {
        for (kind, n_sectors) in [
            (Kind::Fat12, 36..9000),
            (Kind::Fat16, 4150..15000),
            (Kind::Fat32, 66581..72000),
            (Kind::Fat32, 131_000..133_000),
        ] {
            for n_sectors in n_sectors {
                for geometry in ClusterSizes::ANY.iter().filter_map(|size| Geometry::filling(kind, size, n_sectors)) {
                    assert_eq!(counted(&geometry), geometry.n_clusters, "{geometry:?}");
                    assert!(geometry.fat_sectors >= kind.fat_sectors(geometry.n_clusters));
                    assert_eq!(geometry.len(), n_sectors * SECTOR);
                    assert!(geometry.n_unused < geometry.sectors_per_cluster + N_FATS);
                }
            }
        }
    }

    #[test]
    fn a_volume_of_given_size_has_as_many_clusters_as_possible() {
        for kind in [Kind::Fat12, Kind::Fat16, Kind::Fat32] {
            for n_clusters in [0, 1, 2, 253, 254, 255, 256, 510].map(|more| kind.n_clusters().start() + more) {
                for size in ClusterSizes::ANY.iter() {
                    let least = Geometry::with_clusters(kind, size, n_clusters);
                    assert_eq!(Geometry::filling(kind, size, least.n_sectors).as_ref(), Some(&least));
                    let before = Geometry::filling(kind, size, least.n_sectors - 1).map_or(0, |it| it.n_clusters);
                    assert!(before < n_clusters);
                }
            }
        }
    }
}
