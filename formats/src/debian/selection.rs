//! What has been chosen so far: whether it meets a relation, and what it has against a further candidate.
//!
//! Choices are numbered by steps; the last is taken back first.

use std::collections::BTreeMap;

use super::relation::{Group, Relation};
use super::universe::{CandidateId, Details, Universe};

/// What has been chosen so far.
pub(super) struct Selection<'u, 'a> {
    universe: &'u Universe<'a>,
    /// By the names that chosen candidates have and provide.
    members: BTreeMap<&'a str, Vec<Member>>,
    /// By the names that chosen candidates do not want beside them.
    refusals: BTreeMap<&'a str, Vec<Refusal<'u, 'a>>>,
}

/// A chosen candidate, and the step that chose it.
#[derive(Clone, Copy)]
pub(super) struct Member {
    pub(super) step: usize,
    pub(super) id: CandidateId,
}

/// What a chosen candidate does not want beside it.
#[derive(Clone, Copy)]
struct Refusal<'u, 'a> {
    by: Member,
    verb: Verb,
    relation: &'u Relation<'a>,
}

/// How a candidate refuses others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `Conflicts`: both cannot be unpacked.
    Conflicts,
    /// `Breaks`: the other one does not work.
    Breaks,
}

/// Why a candidate cannot be chosen beside what has been chosen.
pub(super) enum Clash<'u, 'a> {
    /// Its package is there in another version.
    Version(Member),
    /// It refuses a chosen one.
    Refuses(Verb, &'u Relation<'a>, Member),
    /// A chosen one refuses it.
    IsRefused(Verb, &'u Relation<'a>, Member),
}

impl Clash<'_, '_> {
    /// Returns the candidate that was chosen before.
    pub(super) fn other(&self) -> Member {
        match *self {
            Clash::Version(other) | Clash::Refuses(_, _, other) | Clash::IsRefused(_, _, other) => other,
        }
    }
}

impl<'u, 'a> Selection<'u, 'a> {
    pub(super) fn new(universe: &'u Universe<'a>) -> Self {
        Selection { universe, members: BTreeMap::new(), refusals: BTreeMap::new() }
    }

    /// Whether a chosen candidate meets one of the alternatives.
    pub(super) fn meets(&self, group: &Group<'_>) -> bool {
        group.alternatives.iter().any(|relation| self.member_for(relation).is_some())
    }

    /// Returns a chosen candidate that the relation means.
    pub(super) fn member_for(&self, relation: &Relation<'_>) -> Option<Member> {
        let means = |member: &&Member| self.universe.candidate(member.id).meets(relation, self.universe.architecture());
        self.members.get(relation.name)?.iter().find(means).copied()
    }

    /// Returns the chosen candidate of this name.
    pub(super) fn member_named(&self, name: &str) -> Option<Member> {
        let members = self.members.get(name)?;
        members.iter().find(|member| self.universe.candidate(member.id).name == name).copied()
    }

    /// Returns what stands between a candidate and what has been chosen.
    pub(super) fn clash(&self, id: CandidateId, details: &'u Details<'a>) -> Option<Clash<'u, 'a>> {
        let name = self.universe.candidate(id).name;
        if let Some(other) = self.member_named(name) {
            return Some(Clash::Version(other));
        }
        self.refused_by(name, details).or_else(|| self.refusal_of(id, name, details))
    }

    fn refused_by(&self, name: &str, details: &'u Details<'a>) -> Option<Clash<'u, 'a>> {
        refused(details).find_map(|(verb, relation)| {
            let is_meant = |member: &&Member| {
                let candidate = self.universe.candidate(member.id);
                candidate.name != name && candidate.meets(relation, self.universe.architecture())
            };
            let other = self.members.get(relation.name)?.iter().find(is_meant)?;
            Some(Clash::Refuses(verb, relation, *other))
        })
    }

    fn refusal_of(&self, id: CandidateId, name: &'a str, details: &Details<'a>) -> Option<Clash<'u, 'a>> {
        let candidate = self.universe.candidate(id);
        let is_meant = |refusal: &&Refusal<'_, '_>| {
            self.universe.candidate(refusal.by.id).name != name
                && candidate.meets(refusal.relation, self.universe.architecture())
        };
        let refusal = names(name, details).find_map(|name| self.refusals.get(name)?.iter().find(is_meant))?;
        Some(Clash::IsRefused(refusal.verb, refusal.relation, refusal.by))
    }

    /// Chooses a candidate.
    pub(super) fn add(&mut self, member: Member, details: &'u Details<'a>) {
        for name in names(self.universe.candidate(member.id).name, details) {
            self.members.entry(name).or_default().push(member);
        }
        for (verb, relation) in refused(details) {
            self.refusals.entry(relation.name).or_default().push(Refusal { by: member, verb, relation });
        }
    }

    /// Takes back the last choice.
    pub(super) fn remove(&mut self, id: CandidateId, details: &Details<'a>) {
        for name in names(self.universe.candidate(id).name, details) {
            self.members.get_mut(name).and_then(Vec::pop).expect("the last choice is the last of its names");
        }
        for (_, relation) in refused(details) {
            self.refusals.get_mut(relation.name).and_then(Vec::pop).expect("the last choice refused last");
        }
    }
}

/// Returns the name of a candidate, and those that it provides.
fn names<'a>(name: &'a str, details: &Details<'a>) -> impl Iterator<Item = &'a str> {
    std::iter::once(name).chain(details.provides.iter().map(|provided| provided.name))
}

fn refused<'u, 'a>(details: &'u Details<'a>) -> impl Iterator<Item = (Verb, &'u Relation<'a>)> {
    let conflicts = details.conflicts.iter().map(|relation| (Verb::Conflicts, relation));
    conflicts.chain(details.breaks.iter().map(|relation| (Verb::Breaks, relation)))
}
