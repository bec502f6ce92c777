//! In which order candidates for one place are tried.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::closure::Options;
use super::relation::{self, Group};
use super::universe::{CandidateId, Universe};
use crate::deb822;
use crate::debian_version::Version;

/// The candidates for one place, the next one first.
#[derive(Default)]
pub(super) struct Candidates {
    rest: VecDeque<Rank>,
    seen: BTreeSet<CandidateId>,
}

/// What comes next.
enum Rank {
    /// This candidate.
    One(CandidateId),
    /// The candidates of these packages, which nothing but the order of the archive sets apart.
    Tied(Vec<Vec<CandidateId>>),
}

impl Candidates {
    /// Returns candidates that come in their order.
    pub(super) fn of_one_name(ids: Vec<CandidateId>) -> Candidates {
        let mut candidates = Candidates::default();
        candidates.add(ids);
        candidates
    }

    /// Returns what meets a group, alternative by alternative: of each the package of that name, then who provides it.
    pub(super) fn for_group(universe: &Universe<'_>, group: &Group<'_>, options: &Options) -> Candidates {
        let mut candidates = Candidates::default();
        for relation in &group.alternatives {
            let meets = |id: &CandidateId| universe.candidate(*id).meets(relation, universe.architecture());
            candidates.add(best(universe, universe.candidates_named(relation.name).filter(meets), options));
            candidates.add_providers(universe, universe.providers(relation.name).filter(meets), options);
        }
        candidates
    }

    fn add(&mut self, ids: Vec<CandidateId>) {
        self.rest.extend(ids.into_iter().filter(|id| self.seen.insert(*id)).map(Rank::One));
    }

    /// Adds providers, which come in order of their names: essential ones first, then by priority.
    pub(super) fn add_providers(
        &mut self,
        universe: &Universe<'_>,
        providers: impl Iterator<Item = CandidateId>,
        options: &Options,
    ) {
        let new: Vec<CandidateId> = providers.filter(|id| self.seen.insert(*id)).collect();
        let name = |id: &CandidateId| universe.candidate(*id).name;
        let mut ranks: BTreeMap<_, Vec<Vec<CandidateId>>> = BTreeMap::new();
        for ids in new.chunk_by(|a, b| name(a) == name(b)) {
            let first = universe.candidate(ids[0]);
            let rank = (!first.is_essential, first.details().map(|details| details.priority).ok());
            ranks.entry(rank).or_default().push(best(universe, ids.iter().copied(), options));
        }
        self.rest.extend(ranks.into_values().map(Rank::Tied));
    }

    /// Returns all of them, in order of their names.
    pub(super) fn all(&self) -> impl Iterator<Item = CandidateId> {
        self.seen.iter().copied()
    }

    /// Removes the next candidate.
    pub(super) fn next(&mut self, mentions: &mut Mentions<'_, '_>) -> Option<CandidateId> {
        loop {
            match self.rest.pop_front()? {
                Rank::One(id) => return Some(id),
                Rank::Tied(packages) => {
                    for ids in mentions.last_first(packages) {
                        ids.into_iter().rev().for_each(|id| self.rest.push_front(Rank::One(id)));
                    }
                }
            }
        }
    }
}

/// Returns candidates of one name, which come best first, as they are tried: locked ones, the best, and then newer ones
/// from sources with lower priority.
pub(super) fn best(
    universe: &Universe<'_>,
    candidates: impl Iterator<Item = CandidateId>,
    options: &Options,
) -> Vec<CandidateId> {
    let (mut ids, others): (Vec<_>, Vec<_>) = candidates.partition(|id| is_locked(universe, *id, options));
    let mut newest = None;
    for id in others {
        let version = Version::parse(universe.candidate(id).version).ok();
        if newest.is_none_or(|newest| newest < version) {
            newest = Some(version);
            ids.push(id);
        }
    }
    ids
}

fn is_locked(universe: &Universe<'_>, id: CandidateId, options: &Options) -> bool {
    let candidate = universe.candidate(id);
    // Most builds have no lock to hold; no text is copied for them.
    !options.locked.is_empty() && options.locked.contains(&(candidate.name.to_owned(), candidate.version.to_owned()))
}

/// In which order an archive first mentions packages.
///
/// Apt numbers packages as it reads about them, be it in their own stanza or in the relations of another, and takes the one
/// with the highest number where nothing else decides. To have the same packages as apt, so do we; the stanzas are gone
/// through only when it comes to that.
pub(super) struct Mentions<'u, 'a> {
    universe: &'u Universe<'a>,
    known: BTreeMap<BTreeSet<&'a str>, Vec<&'a str>>,
}

/// The fields with names of packages, in the order in which apt reads them.
const FIELDS: [&str; 10] = [
    "Package",
    "Pre-Depends",
    "Depends",
    "Suggests",
    "Recommends",
    "Conflicts",
    "Breaks",
    "Replaces",
    "Enhances",
    "Provides",
];

impl<'u, 'a> Mentions<'u, 'a> {
    pub(super) fn new(universe: &'u Universe<'a>) -> Self {
        Mentions { universe, known: BTreeMap::new() }
    }

    /// Returns packages in the order in which they are first mentioned, for putting each of them before the last.
    fn last_first(&mut self, mut packages: Vec<Vec<CandidateId>>) -> Vec<Vec<CandidateId>> {
        if packages.len() < 2 {
            return packages;
        }
        let universe = self.universe;
        let name = |ids: &Vec<CandidateId>| universe.candidate(ids[0]).name;
        let names: BTreeSet<&'a str> = packages.iter().map(name).collect();
        let order = self.known.entry(names).or_insert_with_key(|names| first_mentions(universe, names));
        packages.sort_by_key(|ids| order.iter().position(|known| *known == name(ids)));
        packages
    }
}

/// Returns names in the order in which the stanzas first mention them.
fn first_mentions<'a>(universe: &Universe<'a>, names: &BTreeSet<&'a str>) -> Vec<&'a str> {
    let mut missing = names.clone();
    let mut found = Vec::new();
    for stanza in universe.stanzas_in_reading_order() {
        for name in mentioned(stanza, &missing) {
            if missing.remove(name) {
                found.push(name);
            }
        }
        if missing.is_empty() {
            break;
        }
    }
    found
}

/// Returns which of the names a stanza mentions, in the order in which apt reads its fields.
fn mentioned<'a>(stanza: &'a str, names: &BTreeSet<&str>) -> Vec<&'a str> {
    let mut hits = Vec::new();
    for (field, value) in deb822::fields(stanza) {
        if let Some(rank) = FIELDS.iter().position(|known| known.eq_ignore_ascii_case(field)) {
            let relations = value.split([',', '|']).map(|relation| relation::name_of(relation.trim_start()));
            hits.extend(relations.filter(|name| names.contains(name)).map(|name| (rank, name)));
        }
    }
    hits.sort_by_key(|(rank, _)| *rank);
    hits.into_iter().map(|(_, name)| name).collect()
}
