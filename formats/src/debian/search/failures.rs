//! What failures of a search are made of: how a package came to be considered, and what speaks against it.

use super::super::closure::Request;
use super::super::explain::{Block, Link, Offer};
use super::super::relation::{Qualifier, Relation};
use super::super::selection::Clash;
use super::super::universe::CandidateId;
use super::{Origin, Root, Search, Step};

impl<'u, 'a> Search<'u, 'a> {
    /// Returns how a step came about, from the request on to the candidate that it chose.
    pub(super) fn chain(&self, step: usize) -> Vec<Link> {
        let mut links = Vec::new();
        let mut next = Some(step);
        while let Some(number) = next {
            links.push(self.link(&self.trail[number]));
            next = self.trail[number].origin.owner();
        }
        links.reverse();
        links
    }

    fn link(&self, step: &Step<'u, 'a>) -> Link {
        let name = step.chosen.map(|id| self.universe.candidate(id).name.to_owned());
        match step.origin {
            Origin::Root(Root::Request(index)) => Link::Request { index, name: self.requests[index].name.clone() },
            Origin::Root(Root::Essential(id)) => Link::Essential { name: self.universe.candidate(id).name.to_owned() },
            Origin::Need { group, .. } => Link::Needed { name: name.unwrap_or_default(), relation: group.to_string() },
            Origin::Recommendation { group, .. } => {
                Link::Recommended { name: name.unwrap_or_default(), relation: group.to_string() }
            }
        }
    }

    /// Returns a request in words.
    pub(super) fn words(&self, request: &Request) -> String {
        let limit = request.version.as_ref().map(|limit| format!(" ({limit})")).unwrap_or_default();
        let source = request.source.map(|source| format!(" from {}", self.universe.sources()[source].name));
        format!("{}{limit}{}", request.name, source.unwrap_or_default())
    }

    pub(super) fn block_of_clash(&self, step: usize, id: CandidateId, clash: &Clash<'u, 'a>) -> Block {
        let other = clash.other();
        let mut chain = self.chain(step);
        let name = self.universe.candidate(id).name.to_owned();
        if let Some(Link::Needed { name: last, .. } | Link::Recommended { name: last, .. }) = chain.last_mut() {
            last.clone_from(&name);
        }
        let newcomer = (name, self.universe.candidate(id).version.to_owned(), chain);
        let candidate = self.universe.candidate(other.id);
        let chosen = (candidate.name.to_owned(), candidate.version.to_owned(), self.chain(other.step));
        Block::of_clash(clash, newcomer, chosen)
    }

    /// Returns why nothing meets a relation.
    pub(super) fn without_candidate(&self, relation: &Relation<'_>) -> Block {
        let name = relation.name.to_owned();
        let ids: Vec<CandidateId> = self.having(&name).collect();
        let Some(first) = ids.first() else { return Block::Missing { name, nearest: Vec::new() } };
        let first = self.universe.candidate(*first);
        match (first.details(), relation.qualifier) {
            (Err(error), _) => Block::Malformed { name: first.name.to_owned(), why: error.to_string() },
            (Ok(_), Some(Qualifier::Any)) => Block::Any { name },
            (Ok(_), Some(Qualifier::Architecture(architecture))) if architecture != self.universe.architecture() => {
                let (wanted, chosen) = (architecture.to_owned(), self.universe.architecture().to_owned());
                Block::Architecture { name, wanted, chosen }
            }
            _ => Block::Versions { wanted: relation.to_string(), offers: self.offers(&name) },
        }
    }

    /// Returns who has or provides a name, in which versions.
    pub(super) fn offers(&self, name: &str) -> Vec<Offer> {
        self.having(name).map(|id| Offer::new(self.universe, id, name)).collect()
    }

    /// Returns the candidates that have a name, then those that provide it.
    fn having(&self, name: &str) -> impl Iterator<Item = CandidateId> {
        self.universe.candidates_named(name).chain(self.universe.providers(name))
    }
}
