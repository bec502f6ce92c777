//! The candidates of a choice of packages: what several indexes have, found by name and by what is provided.
//!
//! ```text
//! (source, stanza) ... -> candidates in order of their names, the best of each name first
//!                         names that are provided -> candidates
//! ```
//! Indexes have tens of megabytes and 70,000 stanzas, of which a choice touches a few hundred. So of each stanza only six
//! fields are looked at beforehand, and nothing is copied; relations are read when a candidate is considered.

use std::cmp::{Ordering, Reverse};
use std::fmt;
use std::sync::OnceLock;

use super::relation::{self, Group, Qualifier, Relation, RelationError};
use crate::deb822;
use crate::debian_version::Version;

/// Where candidates come from: one suite of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What messages call it: `trixie`.
    pub name: String,
    /// Candidates from a source with a higher one are better, whatever their versions.
    pub priority: i32,
}

/// Candidates from several sources, for one architecture.
#[derive(Debug)]
pub struct Universe<'a> {
    architecture: String,
    sources: Vec<Source>,
    /// By name, the best first.
    candidates: Vec<Candidate<'a>>,
    /// Names that are provided, and who provides them; in order.
    provided: Vec<(&'a str, CandidateId)>,
    reading_order: OnceLock<Vec<CandidateId>>,
}

/// The number of a candidate in its universe; in order of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CandidateId(u32);

/// A package that can be chosen.
#[derive(Debug)]
pub struct Candidate<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its version, which is not checked.
    pub version: &'a str,
    /// The package of sources that it was built from.
    pub source_package: &'a str,
    /// The number of its source.
    pub source: usize,
    /// Its stanza in the index.
    pub stanza: &'a str,
    /// Whether every system has it.
    pub is_essential: bool,
    details: OnceLock<Result<Box<Details<'a>>, RelationError>>,
}

/// What the stanza of a candidate says about others.
#[derive(Debug)]
pub struct Details<'a> {
    /// `Pre-Depends`, then `Depends`.
    pub needs: Vec<Group<'a>>,
    /// `Recommends`.
    pub recommends: Vec<Group<'a>>,
    /// `Provides`, with the exact version where there is one.
    pub provides: Vec<Relation<'a>>,
    /// `Conflicts`.
    pub conflicts: Vec<Relation<'a>>,
    /// `Breaks`.
    pub breaks: Vec<Relation<'a>>,
    /// How important it is.
    pub priority: Priority,
    /// Whether `:any` may mean it: `Multi-Arch: allowed`.
    pub allows_any: bool,
    /// Its own version.
    pub version: Version<'a>,
}

/// How important a package is: Debian policy, section 2.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Without it the system cannot be mended.
    Required,
    /// An administrator expects it.
    Important,
    /// On every system with a console.
    Standard,
    /// All others.
    Optional,
    /// No longer used; or a word that is not known.
    Extra,
}

/// A stanza that describes no package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UniverseError {
    /// The name of the source.
    pub source: String,
    /// The field that it lacks.
    pub field: &'static str,
    /// The first line of the stanza.
    pub line: String,
}

impl fmt::Display for UniverseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line.escape_debug();
        write!(f, "a stanza of {} that starts with `{line}` has no field `{}`", self.source, self.field)
    }
}

impl std::error::Error for UniverseError {}

impl Priority {
    fn parse(text: Option<&str>) -> Priority {
        match text {
            Some("required") => Priority::Required,
            Some("important") => Priority::Important,
            Some("standard") => Priority::Standard,
            Some("optional") => Priority::Optional,
            _ => Priority::Extra,
        }
    }
}

impl<'a> Candidate<'a> {
    /// Returns what its stanza says about others, which is read at the first call.
    ///
    /// # Errors
    /// A field cannot be read.
    pub fn details(&self) -> Result<&Details<'a>, &RelationError> {
        self.details.get_or_init(|| Details::read(self)).as_ref().map(AsRef::as_ref)
    }

    /// Whether a relation means it, be it by its own name or one that it provides.
    pub fn meets(&self, relation: &Relation<'_>, architecture: &str) -> bool {
        let Ok(details) = self.details() else { return false };
        self.is_meant_by_name(relation, details, architecture)
            || details.provides.iter().any(|provided| provided.meets(relation, architecture))
    }

    fn is_meant_by_name(&self, relation: &Relation<'_>, details: &Details<'_>, architecture: &str) -> bool {
        let of_architecture = match relation.qualifier {
            None | Some(Qualifier::Native) => true,
            Some(Qualifier::Any) => details.allows_any,
            Some(Qualifier::Architecture(name)) => name == architecture,
        };
        let admitted = relation.bound.is_none_or(|bound| bound.admits(&details.version));
        relation.name == self.name && of_architecture && admitted
    }
}

impl Relation<'_> {
    /// Whether what this relation provides is what `wanted` means. Without a version it is no version at all.
    fn meets(&self, wanted: &Relation<'_>, architecture: &str) -> bool {
        let of_architecture = match wanted.qualifier {
            None | Some(Qualifier::Native) => true,
            Some(Qualifier::Any) => self.qualifier == Some(Qualifier::Any),
            Some(Qualifier::Architecture(name)) => name == architecture,
        };
        let admits = |bound: relation::Bound<'_>| self.bound.is_some_and(|own| bound.admits(&own.version()));
        self.name == wanted.name && of_architecture && wanted.bound.is_none_or(admits)
    }
}

impl<'a> Details<'a> {
    fn read(candidate: &Candidate<'a>) -> Result<Box<Details<'a>>, RelationError> {
        let field = |name: &str| {
            let is_named = |(field, _): &(&str, &str)| field.eq_ignore_ascii_case(name);
            deb822::fields(candidate.stanza).find(is_named).map(|(_, value)| value)
        };
        let groups = |name: &str| relation::parse_groups(field(name).unwrap_or_default());
        let relations = |name: &str| relation::parse_relations(field(name).unwrap_or_default());
        let version = Version::parse(candidate.version).map_err(|error| RelationError {
            relation: format!("{} (= {})", candidate.name, candidate.version),
            problem: relation::Problem::Version(error),
        })?;
        let mut needs = groups("Pre-Depends")?;
        needs.extend(groups("Depends")?);
        Ok(Box::new(Details {
            needs,
            recommends: groups("Recommends")?,
            provides: relations("Provides")?,
            conflicts: relations("Conflicts")?,
            breaks: relations("Breaks")?,
            priority: Priority::parse(field("Priority")),
            allows_any: field("Multi-Arch") == Some("allowed"),
            version,
        }))
    }
}

impl<'a> Universe<'a> {
    /// Collects the stanzas of indexes, each with the number of its source in `sources`. Stanzas of other architectures are
    /// left out; their order does not matter.
    ///
    /// # Errors
    /// A stanza has no name or no version.
    ///
    /// # Panics
    /// When there is no source with the number of a stanza, or more than 2^32 stanzas.
    pub fn new(
        architecture: &str,
        sources: Vec<Source>,
        stanzas: impl IntoIterator<Item = (usize, &'a str)>,
    ) -> Result<Universe<'a>, UniverseError> {
        let mut found = Vec::new();
        for (source, stanza) in stanzas {
            let head = Head::read(stanza);
            if head.architecture == "all" || head.architecture == architecture || head.architecture.is_empty() {
                let candidate = head.candidate(source, stanza).map_err(|field| {
                    let line = stanza.lines().next().unwrap_or_default().to_owned();
                    UniverseError { source: sources[source].name.clone(), field, line }
                })?;
                found.push((candidate, head.provides));
            }
        }
        // Stable, and quick where indexes are sorted already.
        found.sort_by(|(a, _), (b, _)| a.name.cmp(b.name).then_with(|| better_first(&sources, a, b)));
        let provided = provided(&found);
        let candidates = found.into_iter().map(|(candidate, _)| candidate).collect();
        Ok(Universe {
            architecture: architecture.to_owned(),
            sources,
            candidates,
            provided,
            reading_order: OnceLock::new(),
        })
    }

    /// Returns the architecture that the candidates are for.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// Returns the sources.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Returns a candidate.
    ///
    /// # Panics
    /// When the number is of another universe.
    pub fn candidate(&self, id: CandidateId) -> &Candidate<'a> {
        &self.candidates[id.0 as usize]
    }

    /// Returns the candidates of a name: those from sources with higher priority first, then those with higher versions.
    pub fn candidates_named(&self, name: &str) -> impl Iterator<Item = CandidateId> + use<> {
        let first = self.candidates.partition_point(|candidate| candidate.name < name);
        let n = self.candidates[first..].iter().take_while(|candidate| candidate.name == name).count();
        (first..first + n).map(id)
    }

    /// Returns the candidates that provide a name, in order of their own names, the best of each first.
    pub fn providers(&self, name: &str) -> impl Iterator<Item = CandidateId> {
        let first = self.provided.partition_point(|(provided, _)| *provided < name);
        self.provided[first..].iter().take_while(move |(provided, _)| *provided == name).map(|(_, id)| *id)
    }

    /// Returns the best candidates of essential packages, in order of their names.
    pub fn essential(&self) -> impl Iterator<Item = CandidateId> {
        let is_best = |at: usize| at == 0 || self.candidates[at - 1].name != self.candidates[at].name;
        (0..self.candidates.len()).filter(move |&at| self.candidates[at].is_essential && is_best(at)).map(id)
    }

    /// Returns the stanzas in the order in which Debian's indexes have them, whatever the order was here: those of one source
    /// after those of another, by the packages' source packages, then by their own names.
    pub(super) fn stanzas_in_reading_order(&self) -> impl Iterator<Item = &'a str> {
        let order = self.reading_order.get_or_init(|| {
            let mut order: Vec<CandidateId> = (0..self.candidates.len()).map(id).collect();
            order.sort_by_key(|id| (self.candidate(*id).source, self.candidate(*id).source_package));
            order
        });
        order.iter().map(|id| self.candidate(*id).stanza)
    }

    /// Returns the names of all packages in order, each as often as there are candidates.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        self.candidates.iter().map(|candidate| candidate.name)
    }
}

fn id(at: usize) -> CandidateId {
    CandidateId(u32::try_from(at).expect("an index has fewer than 2^32 stanzas"))
}

/// Orders candidates of one name. The texts decide last, so that the order of the stanzas does not.
fn better_first(sources: &[Source], a: &Candidate<'_>, b: &Candidate<'_>) -> Ordering {
    let priority = |candidate: &Candidate<'_>| Reverse(sources[candidate.source].priority);
    priority(a)
        .cmp(&priority(b))
        .then_with(|| compare_versions(b.version, a.version))
        .then_with(|| (a.source, a.stanza).cmp(&(b.source, b.stanza)))
}

/// Compares versions; what is none comes before all that are some.
fn compare_versions(a: &str, b: &str) -> Ordering {
    Version::parse(a).ok().cmp(&Version::parse(b).ok())
}

fn provided<'a>(found: &[(Candidate<'a>, &'a str)]) -> Vec<(&'a str, CandidateId)> {
    let mut provided = Vec::new();
    for (at, (_, provides)) in found.iter().enumerate() {
        provided.extend(relation::elements(provides).map(|element| (relation::name_of(element), id(at))));
    }
    provided.sort_unstable();
    provided.dedup();
    provided
}

/// The fields that are looked at beforehand; empty when they are missing.
#[derive(Default)]
struct Head<'a> {
    name: &'a str,
    source_package: &'a str,
    version: &'a str,
    architecture: &'a str,
    provides: &'a str,
    essential: &'a str,
}

impl<'a> Head<'a> {
    fn read(stanza: &'a str) -> Head<'a> {
        let mut head = Head::default();
        for (name, value) in deb822::fields(stanza) {
            // Most fields are none of these, which their first letter tells.
            if name.starts_with(['P', 'p', 'S', 's', 'V', 'v', 'A', 'a', 'E', 'e']) {
                head.take(name, value);
            }
        }
        head
    }

    fn take(&mut self, name: &str, value: &'a str) {
        let places = [
            ("Package", &mut self.name),
            ("Source", &mut self.source_package),
            ("Version", &mut self.version),
            ("Architecture", &mut self.architecture),
            ("Provides", &mut self.provides),
            ("Essential", &mut self.essential),
        ];
        if let Some((_, place)) = places.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            *place = value;
        }
    }

    fn candidate(&self, source: usize, stanza: &'a str) -> Result<Candidate<'a>, &'static str> {
        if self.name.is_empty() {
            return Err("Package");
        }
        if self.version.is_empty() {
            return Err("Version");
        }
        let is_essential = self.essential == "yes";
        let details = OnceLock::new();
        // Where it is missing it is the same as the package; its version may stand behind it.
        let source_package = self.source_package.split(' ').next().filter(|name| !name.is_empty()).unwrap_or(self.name);
        let (name, version) = (self.name, self.version);
        Ok(Candidate { name, version, source_package, source, stanza, is_essential, details })
    }
}
