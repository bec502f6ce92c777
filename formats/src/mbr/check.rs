//! What must hold before a table is written.

use super::{EXTENDED_KINDS, Error, Logical, N_ENTRIES, Partition, REACH, Table};

impl Table {
    pub(super) fn check(&self, n_sectors: u64) -> Result<(), Error> {
        self.check_slots()?;
        check_each(self.partitions(), n_sectors)?;
        self.check_overlaps()?;
        self.check_chain()
    }

    fn check_slots(&self) -> Result<(), Error> {
        if let Some(part) = self.entries.iter().skip(N_ENTRIES).flatten().next() {
            return Err(Error::TooMany { name: part.name.clone(), has_logical: !self.logical.is_empty() });
        }
        match (self.extended_slot(), self.entries.iter().flatten().next_back()) {
            (None, Some(last)) if !self.logical.is_empty() => {
                Err(Error::TooMany { name: last.name.clone(), has_logical: true })
            }
            _ => Ok(()),
        }
    }

    fn check_overlaps(&self) -> Result<(), Error> {
        let mut parts: Vec<&Partition> = self.partitions().collect();
        parts.sort_by_key(|part| part.first_lba);
        for pair in parts.windows(2) {
            if pair[0].end() > pair[1].first_lba {
                return Err(Error::Overlap { first: pair[0].name.clone(), second: pair[1].name.clone() });
            }
        }
        Ok(())
    }

    /// Checks what can be wrong before types and the length of the disk are known.
    pub(crate) fn check_places(&self) -> Result<(), Error> {
        self.partitions().try_for_each(Partition::check_reach)?;
        self.check_chain()
    }

    /// Checks that EBRs and logical partitions take turns, and that nothing else is between them.
    fn check_chain(&self) -> Result<(), Error> {
        let Some(extended) = self.extended() else { return Ok(()) };
        let mut end = 1;
        let mut previous: Option<&Logical> = None;
        for logical in &self.logical {
            let name = || logical.partition.name.clone();
            if let Some(previous) = previous.filter(|it| logical.partition.first_lba < it.partition.first_lba) {
                return Err(Error::Order { first: previous.partition.name.clone(), second: name() });
            }
            if logical.ebr_lba < end || logical.partition.first_lba <= logical.ebr_lba {
                return Err(Error::NoEbr { name: name() });
            }
            (previous, end) = (Some(logical), logical.partition.end());
        }
        let inside = |part: &&Partition| part.first_lba < extended.end && extended.first_lba < part.end();
        match self.entries.iter().flatten().find(inside) {
            Some(part) => Err(Error::InExtended {
                name: part.name.clone(),
                first: self.logical[0].partition.name.clone(),
                last: previous.map(|last| last.partition.name.clone()).unwrap_or_default(),
            }),
            None => Ok(()),
        }
    }
}

/// Checks partitions of a GPT as an MBR wants them, for which they are only too far or too active.
pub(crate) fn check_primary(parts: &[Partition]) -> Result<(), Error> {
    check_each(parts.iter(), u64::MAX)
}

fn check_each<'a>(parts: impl Iterator<Item = &'a Partition> + Clone, n_sectors: u64) -> Result<(), Error> {
    parts.clone().try_for_each(|part| part.check(n_sectors))?;
    let mut active = parts.filter(|part| part.active);
    match (active.next(), active.next()) {
        (Some(first), Some(second)) => Err(Error::Active { first: first.name.clone(), second: second.name.clone() }),
        _ => Ok(()),
    }
}

impl Partition {
    fn check_reach(&self) -> Result<(), Error> {
        let (name, end) = (self.name.clone(), self.end());
        if end > REACH { Err(Error::TooFar { name, end }) } else { Ok(()) }
    }

    fn check(&self, n_sectors: u64) -> Result<(), Error> {
        self.check_reach()?;
        let name = self.name.clone();
        if self.n_sectors == 0 || self.kind == 0 {
            Err(Error::Empty { name })
        } else if EXTENDED_KINDS.contains(&self.kind) {
            Err(Error::ExtendedKind { name, kind: self.kind })
        } else if self.first_lba == 0 {
            Err(Error::OnTable { name })
        } else if self.end() > n_sectors {
            Err(Error::Outside { name, n_sectors })
        } else {
            Ok(())
        }
    }
}
