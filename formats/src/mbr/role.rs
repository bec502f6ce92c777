//! Roles: which partitions of an MBR are primary, and which are logical.

use std::fmt;

use super::{FIRST_LOGICAL, N_ENTRIES};

/// What a partition of an MBR is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// It has an entry of the table.
    Primary,
    /// It lies in the extended partition.
    Logical,
}

/// There are more primary partitions than entries for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoleError {
    /// The index of the first one that has no entry.
    pub idx: usize,
    /// How many entries there are for primary partitions.
    pub n_primary: usize,
}

impl fmt::Display for RoleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n_primary = self.n_primary;
        write!(f, "an MBR with logical partitions has room for {n_primary} primary ones")
    }
}

impl std::error::Error for RoleError {}

/// Returns the roles of partitions, some of which are told.
///
/// Up to four partitions are primary. Where there are more, or where one shall be logical, the extended partition takes one of
/// the four entries; then the first ones are primary while there are entries, and from the first logical one on all are
/// logical that are not told otherwise. So five partitions become three primary and two logical ones, as with `sfdisk`.
///
/// # Errors
/// More are told to be primary than there are entries for.
pub fn roles(told: &[Option<Role>]) -> Result<Vec<Role>, RoleError> {
    let is_extended = told.len() > N_ENTRIES || told.contains(&Some(Role::Logical));
    let n_primary = N_ENTRIES - usize::from(is_extended);
    let primary = told.iter().enumerate().filter(|(_, role)| **role == Some(Role::Primary));
    if let Some((idx, _)) = primary.clone().nth(n_primary) {
        return Err(RoleError { idx, n_primary });
    }
    let mut n_left = n_primary - primary.count();
    let mut roles = Vec::with_capacity(told.len());
    for &wanted in told {
        let role = wanted.unwrap_or(if n_left == 0 { Role::Logical } else { Role::Primary });
        n_left = match role {
            Role::Primary => n_left - usize::from(wanted.is_none()),
            Role::Logical => 0,
        };
        roles.push(role);
    }
    Ok(roles)
}

/// Returns the numbers of partitions, as in `sda5` and in `PARTUUID`s: primary ones count from 1, logical ones from 5. The
/// extended partition has the number behind the last primary one.
pub fn numbers(roles: &[Role]) -> Vec<usize> {
    let (mut next_primary, mut next_logical) = (1, FIRST_LOGICAL);
    let number = |role: &Role| {
        let next = if *role == Role::Primary { &mut next_primary } else { &mut next_logical };
        *next += 1;
        *next - 1
    };
    roles.iter().map(number).collect()
}
