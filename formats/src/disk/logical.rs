//! Places in an MBR, whose logical partitions need a sector each in front of them.
//!
//! As `fdisk` and `sfdisk` do it, the extended boot record (EBR) lies at an aligned place and the logical partition at the next
//! one, so that writing the record never touches a block of the medium that has a part of a file system:
//!
//! ```text
//! n MiB    | EBR | (free)
//! n+1 MiB  | logical partition ...
//! ```

use super::place::{Place, PlaceError, Request};
use crate::layout::{Layout, LayoutError};
use crate::mbr::{self, Partition, Role, SECTOR, Table};

/// How far in front of a logical partition its EBR lies, unless the alignment is smaller or the place is taken.
const USUAL_GAP: u64 = 1 << 20;

/// The place of a partition of an MBR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MbrPlace {
    /// Its number, as in `sda5` and in `PARTUUID`s.
    pub number: usize,
    /// Its place.
    pub place: Place,
    /// The sector of its EBR, if it is a logical one.
    pub ebr_lba: Option<u64>,
}

/// Returns the places of partitions in an MBR: as [`super::place_partitions`], with the EBRs of logical partitions between them.
/// `told` says which partitions shall be primary or logical, by index; what that leaves open is up to [`mbr::roles`].
///
/// # Errors
/// As with [`super::place_partitions`]; there are too many primary partitions, no room for an EBR, a primary partition
/// between logical ones, or a partition behind 2 TiB.
///
/// # Panics
/// When there are not as many roles as requests.
pub fn place_in_mbr(from: u64, requests: &[Request], told: &[Option<Role>]) -> Result<Vec<MbrPlace>, PlaceError> {
    assert_eq!(requests.len(), told.len(), "every partition has a role, told or not");
    let roles = mbr::roles(told).map_err(|error| PlaceError::TooManyPrimary {
        name: requests[error.idx].name.clone(),
        n_primary: error.n_primary,
    })?;
    let mut layout = Layout::growable();
    let mut previous_end = from;
    let mut places = Vec::with_capacity(requests.len());
    for ((request, role), number) in requests.iter().zip(&roles).zip(mbr::numbers(&roles)) {
        let place = match role {
            Role::Primary => request.place(previous_end)?,
            Role::Logical => request.place(previous_end.saturating_add(request.gap()))?,
        };
        layout.reserve(place.at, &request.name, place.len).map_err(|error| request.explain(error, &layout))?;
        let ebr_lba = match role {
            Role::Primary => None,
            Role::Logical => Some(request.ebr_in(&mut layout, place)?),
        };
        previous_end = place.end();
        places.push(MbrPlace { number, place, ebr_lba });
    }
    table_of(requests, &places).check_places().map_err(PlaceError::Mbr)?;
    Ok(places)
}

impl Request {
    /// Returns how far in front of the partition its EBR lies: at an aligned place, if the partition is at one.
    fn gap(&self) -> u64 {
        self.alignment.clamp(SECTOR, USUAL_GAP)
    }

    /// Finds and takes the sector of the EBR in front of `place`: at the usual distance, or else directly in front.
    fn ebr_in(&self, layout: &mut Layout, place: Place) -> Result<u64, PlaceError> {
        // Sector 0 has the MBR itself.
        let candidates = [self.gap(), SECTOR].map(|gap| place.at.checked_sub(gap).filter(|&at| at >= SECTOR));
        let what = format!("extended boot record of {}", self.name);
        let mut taken = None;
        for at in candidates.into_iter().flatten() {
            match layout.reserve(at, &what, SECTOR) {
                Ok(()) => return Ok(at / SECTOR),
                Err(LayoutError::Clash(clash)) => taken = Some(clash.old),
                Err(LayoutError::Outside { .. }) => return Err(PlaceError::TooFar { name: self.name.clone() }),
            }
        }
        let old = taken.unwrap_or(crate::Region { what: "MBR partition table".to_owned(), at: 0, len: SECTOR });
        Err(PlaceError::NoEbr { name: self.name.clone(), old })
    }
}

/// Returns the table as far as places go.
fn table_of(requests: &[Request], places: &[MbrPlace]) -> Table {
    let parts = requests.iter().zip(places).map(|(request, MbrPlace { place, ebr_lba, .. })| {
        let (first_lba, n_sectors) = (place.first_lba(), place.n_sectors());
        (Partition { name: request.name.clone(), first_lba, n_sectors, ..Partition::default() }, *ebr_lba)
    });
    Table::new(0, parts)
}
