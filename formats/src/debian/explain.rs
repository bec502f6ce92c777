//! Why packages cannot be chosen together, in words.
//!
//! ```text
//! `server` needs `nginx-light`, which needs `libc6 (>= 2.99)`: trixie has libc6 2.41-12
//! `------- chain ------------'             `---- wanted ---'  `------- block --------'
//! ```
//! The first link of a chain is a request by its number, so that the caller can show where it is written.

use std::fmt;

use super::nearest::nearest;
use super::selection::Clash;
pub use super::selection::Verb;
use super::universe::{CandidateId, Universe};

/// Something that cannot be met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// From the request to the package whose need it is.
    pub chain: Vec<Link>,
    /// What the last of the chain needs; nothing when the request itself cannot be met.
    pub wanted: Option<String>,
    /// What stands against it.
    pub why: Why,
    /// What stood against other alternatives on the way, in the order in which they were tried.
    pub instead: Vec<Unmet>,
}

/// How a package came to be considered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// It is asked for.
    Request {
        /// The number of the request.
        index: usize,
        /// The name that is asked for.
        name: String,
    },
    /// Every system has it.
    Essential {
        /// Its name.
        name: String,
    },
    /// The one before it needs it.
    Needed {
        /// Its name.
        name: String,
        /// What is needed, with all alternatives.
        relation: String,
    },
    /// The one before it recommends it.
    Recommended {
        /// Its name.
        name: String,
        /// What is recommended, with all alternatives.
        relation: String,
    },
}

/// What stands against something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Every candidate is blocked, each by one of these.
    Blocked(Vec<Block>),
    /// Too many choices were tried.
    TooLong,
}

/// What stands against one alternative, or one candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// Nobody has or provides it.
    Missing {
        /// Its name.
        name: String,
        /// Names that are similar.
        nearest: Vec<String>,
    },
    /// It is there, but not as it is wanted.
    Versions {
        /// As what it is wanted.
        wanted: String,
        /// What is there.
        offers: Vec<Offer>,
    },
    /// It is wanted for any architecture, which it does not allow.
    Any {
        /// Its name.
        name: String,
    },
    /// It is wanted for another architecture than that of the system.
    Architecture {
        /// Its name.
        name: String,
        /// The architecture that is wanted.
        wanted: String,
        /// The one of the system.
        chosen: String,
    },
    /// Several packages provide it, and a request must say which.
    Virtual {
        /// Its name.
        name: String,
        /// The packages.
        providers: Vec<String>,
    },
    /// Its description in the index cannot be read.
    Malformed {
        /// Its name.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// One of two packages refuses the other.
    Refused {
        /// The one that refuses.
        by: Party,
        /// How.
        verb: Verb,
        /// What it refuses, as it says.
        relation: String,
        /// The one that is refused.
        other: Party,
    },
    /// It is chosen in another version.
    Chosen {
        /// The one that is wanted.
        wanted: Party,
        /// The one that is chosen.
        chosen: Party,
    },
}

/// A package in a clash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// How it came to be considered; the last link is the package itself.
    pub chain: Vec<Link>,
}

/// A package that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The name of its source.
    pub source: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it provides under the name that is wanted, as it says; nothing when that is its own name.
    pub provides: Option<String>,
}

impl Unmet {
    /// Returns the name that was probably meant, when the request itself names no package.
    pub fn misspelt(&self) -> Option<&str> {
        match (&self.chain[..], &self.why) {
            ([Link::Request { .. }], Why::Blocked(blocks)) => match &blocks[..] {
                [Block::Missing { nearest, .. }] => nearest.first().map(String::as_str),
                _ => None,
            },
            _ => None,
        }
    }

    /// Joins what failed for the alternatives of one choice.
    pub(super) fn of_alternatives(failures: Vec<Unmet>) -> Unmet {
        let mut failures = failures.into_iter();
        let mut first = failures.next().expect("what failed did so for a reason");
        for mut other in failures {
            let instead = std::mem::take(&mut other.instead);
            first.instead.extend([other].into_iter().chain(instead));
        }
        first
    }

    /// Looks for names that are similar to those that are missing.
    pub(super) fn add_nearest_names(&mut self, universe: &Universe<'_>) {
        self.instead.truncate(MAX_INSTEAD);
        for unmet in &mut self.instead {
            unmet.add_nearest_names(universe);
        }
        let Why::Blocked(blocks) = &mut self.why else { return };
        for block in blocks {
            if let Block::Missing { name, nearest: near } = block {
                *near = nearest(name, universe.names()).into_iter().map(str::to_owned).collect();
            }
        }
    }

    /// Returns the number of the request that leads here; when it all began with essential packages, that of one that stands in
    /// their way.
    pub fn request(&self) -> Option<usize> {
        let blocks = if let Why::Blocked(blocks) = &self.why { blocks.as_slice() } else { &[] };
        let parties = blocks.iter().flat_map(Block::parties).filter_map(|party| first_request(&party.chain));
        first_request(&self.chain)
            .into_iter()
            .chain(parties)
            .next()
            .or_else(|| self.instead.iter().find_map(Unmet::request))
    }
}

fn first_request(chain: &[Link]) -> Option<usize> {
    if let Some(Link::Request { index, .. }) = chain.first() { Some(*index) } else { None }
}

/// How many other alternatives an explanation goes through.
const MAX_INSTEAD: usize = 4;

/// How many versions and providers a sentence lists.
const MAX_OFFERS: usize = 6;

impl Link {
    /// Returns the name of the package.
    pub fn name(&self) -> &str {
        match self {
            Link::Request { name, .. }
            | Link::Essential { name }
            | Link::Needed { name, .. }
            | Link::Recommended { name, .. } => name,
        }
    }

    fn verb(&self) -> &'static str {
        if matches!(self, Link::Recommended { .. }) { "recommends" } else { "needs" }
    }
}

impl Offer {
    pub(super) fn new(universe: &Universe<'_>, id: CandidateId, wanted: &str) -> Offer {
        let candidate = universe.candidate(id);
        let provided = candidate.details().ok().and_then(|details| details.provides.iter().find(|p| p.name == wanted));
        let is_itself = candidate.name == wanted;
        Offer {
            source: universe.sources()[candidate.source].name.clone(),
            name: candidate.name.to_owned(),
            version: candidate.version.to_owned(),
            provides: if is_itself { None } else { provided.map(ToString::to_string) },
        }
    }
}

impl Block {
    pub(super) fn of_clash(clash: &Clash<'_, '_>, newcomer: Parts, chosen: Parts) -> Block {
        let party = |(name, version, chain): Parts| Party { name, version, chain };
        let (newcomer, chosen) = (party(newcomer), party(chosen));
        match clash {
            Clash::Version(_) => Block::Chosen { wanted: newcomer, chosen },
            Clash::Refuses(verb, relation, _) => {
                Block::Refused { by: newcomer, verb: *verb, relation: relation.to_string(), other: chosen }
            }
            Clash::IsRefused(verb, relation, _) => {
                Block::Refused { by: chosen, verb: *verb, relation: relation.to_string(), other: newcomer }
            }
        }
    }

    /// Whether it says by itself who needs what.
    fn is_complete(&self) -> bool {
        !self.parties().is_empty()
    }

    /// Returns the two packages that do not go together, if that is it.
    fn parties(&self) -> Vec<&Party> {
        match self {
            Block::Refused { by: one, other, .. } | Block::Chosen { wanted: one, chosen: other } => vec![one, other],
            _ => Vec::new(),
        }
    }
}

type Parts = (String, String, Vec<Link>);

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_sentence(f)?;
        for other in &self.instead {
            f.write_str("\n")?;
            f.write_str(if self.why == Why::TooLong { "first: " } else { "or else: " })?;
            other.write_sentence(f)?;
        }
        Ok(())
    }
}

impl Unmet {
    fn write_sentence(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::TooLong => f.write_str("no set of packages was found that goes together; too many choices were tried"),
            Why::Blocked(blocks) if blocks.len() == 1 && blocks[0].is_complete() => write!(f, "{}", blocks[0]),
            Why::Blocked(blocks) => {
                self.write_need(f, blocks)?;
                write_list(f, blocks, "; ")
            }
        }
    }

    /// Writes who needs what, up to the colon.
    fn write_need(&self, f: &mut fmt::Formatter<'_>, blocks: &[Block]) -> fmt::Result {
        let Some(wanted) = &self.wanted else {
            return match (blocks, self.chain.last()) {
                ([Block::Versions { wanted, .. }], _) => write!(f, "`{wanted}` cannot be had: "),
                (_, Some(link)) => write!(f, "`{}` cannot be had: ", link.name()),
                (_, None) => Ok(()),
            };
        };
        for (number, link) in self.chain.iter().enumerate() {
            let needed = self.chain.get(number + 1).map_or(wanted.as_str(), Link::name);
            let verb = self.chain.get(number + 1).map_or("needs", Link::verb);
            match number {
                0 => write!(f, "`{}` {verb} `{needed}`", link.name())?,
                _ => write!(f, ", which {verb} `{needed}`")?,
            }
        }
        f.write_str(": ")
    }
}

fn write_list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: &[T], separator: &str) -> fmt::Result {
    for (number, item) in items.iter().enumerate() {
        if 0 < number {
            f.write_str(separator)?;
        }
        item.fmt(f)?;
    }
    Ok(())
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Block::Missing { name, nearest } => write_missing(f, name, nearest),
            Block::Versions { offers, .. } => write_offers(f, offers),
            Block::Any { name } => write!(f, "`{name}` is not for all architectures at once (`Multi-Arch: allowed`)"),
            Block::Architecture { name, wanted, chosen } => {
                write!(f, "`{name}` for {wanted} cannot be chosen on a system for {chosen}")
            }
            Block::Virtual { name, providers } => {
                write!(f, "several packages provide `{name}`, one of them must be named: `{}`", providers.join("`, `"))
            }
            Block::Malformed { name, why } => write!(f, "the description of `{name}` cannot be read: {why}"),
            Block::Refused { by, verb, relation, other } => write_refusal(f, by, *verb, relation, other),
            Block::Chosen { wanted, chosen } => write!(
                f,
                "`{} {}` ({}) and `{} {}` ({}) cannot both be there",
                wanted.name,
                wanted.version,
                Because(&wanted.chain),
                chosen.name,
                chosen.version,
                Because(&chosen.chain)
            ),
        }
    }
}

fn write_offers(f: &mut fmt::Formatter<'_>, offers: &[Offer]) -> fmt::Result {
    let shown = offers.len().min(MAX_OFFERS);
    write_list(f, &offers[..shown], ", ")?;
    if shown < offers.len() { write!(f, ", and {} more", offers.len() - shown) } else { Ok(()) }
}

fn write_missing(f: &mut fmt::Formatter<'_>, name: &str, nearest: &[String]) -> fmt::Result {
    write!(f, "there is no package `{name}`, and none that provides it")?;
    if nearest.is_empty() { Ok(()) } else { write!(f, " (similar: `{}`)", nearest.join("`, `")) }
}

fn write_refusal(f: &mut fmt::Formatter<'_>, by: &Party, verb: Verb, relation: &str, other: &Party) -> fmt::Result {
    let verb = match verb {
        Verb::Conflicts => "conflicts with",
        Verb::Breaks => "breaks",
    };
    write!(f, "`{}` ({}) {verb} `{relation}`", by.name, Because(&by.chain))?;
    let Party { name, version, chain } = other;
    if relation == name {
        write!(f, " ({})", Because(chain))
    } else if relation.strip_prefix(name.as_str()).is_some_and(|behind| behind.starts_with([' ', ':'])) {
        write!(f, ", and `{name}` is {version} ({})", Because(chain))
    } else {
        write!(f, ", which `{name}` provides ({})", Because(chain))
    }
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has {} {}", self.source, self.name, self.version)?;
        match &self.provides {
            Some(provided) => write!(f, ", which provides `{provided}`"),
            None => Ok(()),
        }
    }
}

/// Says how a package came to be considered, from it back to the request.
struct Because<'a>(&'a [Link]);

impl fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for pair in self.0.windows(2).rev() {
            let verb = if matches!(pair[1], Link::Recommended { .. }) { "recommended" } else { "needed" };
            write!(f, "{verb} by `{}`, ", pair[0].name())?;
        }
        f.write_str(match self.0.first() {
            Some(Link::Essential { .. }) => "essential",
            _ => "asked for",
        })
    }
}
