//! The closure of packages: what must be there so that the requested packages have all that they need.
//!
//! ```text
//! requests, essential packages  -> chosen first
//! their needs, depth first      -> met by what is chosen already, else by the first alternative that can be;
//!                                  those of essential packages first, then in order of names
//! ```
//! The rules are those of `apt-get install --no-install-recommends` on a system without packages:
//!
//! - `Pre-Depends` and `Depends` are followed in their order, `Recommends` on request.
//! - Of the candidates of a name the one from the source with the highest priority is taken, and of these the highest
//!   version. Another one is only taken where a version is demanded that the best does not have, or when a newer one
//!   from a source with lower priority is the only way.
//! - A name that packages provide means the package of that name, else an essential provider, else the one with the
//!   highest priority, else the one that the archive is last to mention (`candidates.rs`).
//! - No two of the chosen conflict with or break each other.
//!
//! Where the first alternative turns out to be impossible later, the choices that led there are revised (`search.rs`).
//! The same universe, requests and options always give the same closure, whatever the order of stanzas.

use std::collections::BTreeSet;
use std::fmt;

use super::explain::{Link, Unmet};
use super::relation::Comparison;
use super::search::Search;
use super::universe::{Candidate, CandidateId, Universe};
use crate::debian_version::Version;

/// A package that is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Its name, or one that a single package provides.
    pub name: String,
    /// Which versions will do; any when there is none.
    pub version: Option<VersionLimit>,
    /// The number of the source that it must come from; any when there is none.
    pub source: Option<usize>,
}

/// Which versions of a package are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionLimit {
    /// On which side of the version, and whether with it.
    pub comparison: Comparison,
    /// The version.
    pub version: String,
}

/// How to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether all essential packages are asked for as well.
    pub essential: bool,
    /// Whether recommended packages are taken, where they can be.
    pub recommends: bool,
    /// Names and versions that go before better ones: those of a lock file.
    pub locked: BTreeSet<(String, String)>,
    /// After how many choices to give up.
    pub max_choices: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { essential: true, recommends: false, locked: BTreeSet::new(), max_choices: 200_000 }
    }
}

/// The chosen packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closure {
    /// In order of their names.
    pub packages: Vec<Chosen>,
}

/// A package that was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Which candidate.
    pub candidate: CandidateId,
    /// What it was chosen for.
    pub reason: Reason,
}

/// What a package was chosen for; the first reason that came up, others may follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The request with this number.
    Request(usize),
    /// It is essential.
    Essential,
    /// Another package needs it.
    Need {
        /// The one that needs it.
        by: CandidateId,
        /// What it needs, as it says.
        relation: String,
    },
    /// Another package recommends it.
    Recommendation {
        /// The one that recommends it.
        by: CandidateId,
        /// What it recommends, as it says.
        relation: String,
    },
}

/// Returns the packages that the requests need.
///
/// # Errors
/// There is no such set; says why.
pub fn resolve(universe: &Universe<'_>, requests: &[Request], options: &Options) -> Result<Closure, Unmet> {
    Search::new(universe, requests, options).run().map_err(|mut unmet| {
        unmet.add_nearest_names(universe);
        unmet
    })
}

impl Request {
    /// Returns a request for a package in its best version.
    pub fn named(name: impl Into<String>) -> Request {
        Request { name: name.into(), version: None, source: None }
    }

    /// Whether the candidate is one that will do, but for its name.
    pub(super) fn admits(&self, candidate: &Candidate<'_>) -> bool {
        let admits = |limit: &VersionLimit| limit.admits(candidate.version);
        self.source.is_none_or(|source| source == candidate.source) && self.version.as_ref().is_none_or(admits)
    }
}

impl fmt::Display for VersionLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.comparison.symbol(), self.version)
    }
}

impl VersionLimit {
    /// Whether the version will do. One that cannot be read does not.
    fn admits(&self, version: &str) -> bool {
        match (Version::parse(version), Version::parse(&self.version)) {
            (Ok(version), Ok(limit)) => self.comparison.holds(&version, &limit),
            _ => false,
        }
    }
}

impl Closure {
    /// Returns what was chosen, if the package is there.
    pub fn get(&self, candidate: CandidateId) -> Option<&Chosen> {
        // Numbers of candidates are in order of their names.
        let at = self.packages.binary_search_by_key(&candidate, |chosen| chosen.candidate).ok()?;
        Some(&self.packages[at])
    }

    /// Returns why a chosen package is there: from the request to the package itself.
    pub fn chain(&self, universe: &Universe<'_>, candidate: CandidateId) -> Vec<Link> {
        let mut links = Vec::new();
        let mut next = Some(candidate);
        while let Some(chosen) = next.and_then(|id| self.get(id)) {
            let name = universe.candidate(chosen.candidate).name.to_owned();
            let (link, by) = match &chosen.reason {
                Reason::Request(index) => (Link::Request { index: *index, name }, None),
                Reason::Essential => (Link::Essential { name }, None),
                Reason::Need { by, relation } => (Link::Needed { name, relation: relation.clone() }, Some(*by)),
                Reason::Recommendation { by, relation } => {
                    (Link::Recommended { name, relation: relation.clone() }, Some(*by))
                }
            };
            links.push(link);
            next = by;
        }
        links.reverse();
        links
    }
}
