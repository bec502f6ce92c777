//! Archives: what is known of them in a run, and the packages that a system takes from them.
//!
//! ```text
//! lock file  --has all of it-->  packages
//!     |  no
//! indexes of the archives (in the locked state, if there is one)  -->  packages  -->  lock file
//! ```
//! A lock file is asked like an archive. Only when it cannot answer are indexes loaded, and what they answer is
//! remembered for the lock file. Then what is locked still counts: those packages are preferred, and may be chosen
//! although their archive has gone on without them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use gravure_formats::Digest;
use gravure_formats::deb822::Stanza;
use gravure_formats::debian::closure::{Options, Request, resolve};
use gravure_formats::debian::explain::Unmet;
use gravure_formats::debian::nearest::nearest;
use gravure_formats::debian::universe::{CandidateId, Source, Universe};
use gravure_sources::debian::{Archive, Freshness, Index, Keyring, Lock, Package};
use gravure_sources::{Error, ErrorKind};

use super::Inputs;

/// How much better a package of an archive is than one of an archive that is taken on request only, as apt has it.
const PRIORITY: i32 = 500;
const PRIORITY_ON_REQUEST: i32 = 100;
/// A package that the configuration brings itself is better than any of an archive.
const PRIORITY_OWN: i32 = 1000;

/// An archive that a configuration names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wanted {
    pub(super) suite: String,
    pub(super) components: Vec<String>,
    /// The mirror that the configuration names.
    pub(super) mirror: Option<String>,
    /// Certificates as bytes; Debian's where there are none.
    pub(super) keys: Vec<Vec<u8>>,
    /// Whether its packages are taken only where it is named.
    pub(super) is_on_request: bool,
}

/// What is asked of archives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// In the order of the requests' sources.
    pub(super) archives: Vec<Wanted>,
    pub(super) architecture: String,
    /// What is to be there with all that it needs; none: nothing, not even what is essential.
    pub(super) closure: Option<Vec<Request>>,
    /// Whether recommendations are followed.
    pub(super) recommends: bool,
    /// What is wanted without what it needs.
    pub(super) singles: Vec<Request>,
    /// Stanzas of packages that the configuration brings itself. They have the source behind those of the archives.
    pub(super) own: Vec<String>,
}

impl Question {
    /// Returns the stanzas of a lock file that are of these archives, each with the number of its archive.
    fn of_lock<'l>(&self, lock: &'l Lock) -> impl Iterator<Item = (usize, &'l str)> {
        let number = |suite: &str| self.archives.iter().position(|wanted| wanted.suite == suite);
        lock.packages().filter_map(move |(suite, stanza)| Some((number(suite)?, stanza)))
    }
}

/// What archives answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    /// In order of names.
    pub(super) closure: Vec<Located>,
    /// In the order in which they were asked for.
    pub(super) singles: Vec<Located>,
    /// The newest date of the archives, in seconds since 1970.
    pub(super) date: Option<i64>,
    /// What a lock file needs to give the same answer.
    pub(super) lock: Lock,
}

/// A package, and where it is.
#[derive(Clone, Debug)]
pub(super) enum Located {
    /// In the archive with this number.
    Archived(usize, Box<Package>),
    /// Among those that the configuration brings itself, the one with this number.
    Own(usize),
}

/// Why there is no answer.
pub(super) enum NoAnswer {
    /// There is no such set of packages.
    Unmet(Unmet),
    /// There is no package of this name.
    Missing {
        /// Among the single requests, its number.
        number: usize,
        /// The name most like it.
        near: Option<String>,
    },
    /// The lock file does not have it, and must do.
    NotLocked(Lacking),
    /// The outside failed.
    Source(Error),
}

/// What a lock file lacks.
pub(super) enum Lacking {
    /// Everything: there is no lock file, or nothing in it.
    All,
    /// The state of the archive with this number.
    State(usize),
    /// Packages: this is why it has no answer.
    Packages(Box<NoAnswer>),
}

impl From<Error> for NoAnswer {
    fn from(error: Error) -> NoAnswer {
        NoAnswer::Source(error)
    }
}

/// How lock files are used in a run.
#[derive(Clone, Debug, Default)]
pub struct Locking {
    /// The state of all archives is the newest, whatever was locked.
    pub update_states: bool,
    /// Packages that are taken in their best version, whatever was locked; none: all of them if the states are the newest.
    pub update: Option<Vec<String>>,
    /// Lock files must have everything.
    pub is_frozen: bool,
    /// What the clock says, in seconds since 1970.
    pub now: i64,
    /// Suites that may have expired.
    pub allow_expired: Vec<String>,
}

impl Locking {
    /// Returns what of a lock file still holds.
    fn kept<'l>(&self, lock: &'l Lock) -> Cow<'l, Lock> {
        match &self.update {
            Some(names) => Cow::Owned(lock.without(names)),
            None if self.update_states => Cow::Owned(Lock::default()),
            None => Cow::Borrowed(lock),
        }
    }
}

/// What is known of archives: shared by all images of a run, so that each index is loaded, and each question answered, once.
#[derive(Default)]
pub struct Archives {
    /// Empty while nobody has succeeded in loading it.
    indexes: Mutex<BTreeMap<Loaded, Slot<Index>>>,
    answers: Mutex<Vec<(Asked, Arc<Answer>)>>,
}

/// An archive, an architecture, and the state that is locked: its `InRelease` and its date.
type Loaded = (Wanted, String, Option<(Digest, i64)>);

/// A question, and the lock file that was asked first.
type Asked = (Question, Arc<Lock>);

/// Something, once somebody has made it.
type Slot<T> = Arc<Mutex<Option<Arc<T>>>>;

impl Archives {
    /// Answers a question, from the lock file if that can.
    pub(super) fn answer(&self, question: &Question, inputs: &Inputs<'_>) -> Result<Arc<Answer>, NoAnswer> {
        let is_this = |(asked, lock): &Asked| asked == question && Arc::ptr_eq(lock, &inputs.lock);
        let known = self.answers.lock().expect("nothing panics under this lock");
        if let Some((_, answer)) = known.iter().find(|(asked, _)| is_this(asked)) {
            return Ok(answer.clone());
        }
        drop(known);
        let answer = Arc::new(self.find(question, inputs)?);
        let asked = (question.clone(), inputs.lock.clone());
        self.answers.lock().expect("nothing panics under this lock").push((asked, answer.clone()));
        Ok(answer)
    }

    fn find(&self, question: &Question, inputs: &Inputs<'_>) -> Result<Answer, NoAnswer> {
        let (locking, lock) = (inputs.locking, &*inputs.lock);
        if !locking.update_states {
            match from_lock(question, lock) {
                Ok(answer) => return Ok(answer),
                Err(lacking) if locking.is_frozen && !question.archives.is_empty() => {
                    return Err(NoAnswer::NotLocked(lacking));
                }
                Err(_) => {}
            }
        }
        let load = |wanted: &Wanted| self.index(wanted, &question.architecture, lock, inputs);
        let indexes: Vec<Arc<Index>> = question.archives.iter().map(load).collect::<Result<_, Error>>()?;
        let kept = locking.kept(lock);
        let locked: BTreeSet<(&str, &str)> = kept.versions(&question.architecture).collect();
        let archived = indexes.iter().enumerate().flat_map(|(number, index)| {
            let is_other = |stanza: &&str| locked.is_empty() || !locked.contains(&name_and_version(stanza));
            index.stanzas().filter(is_other).map(move |stanza| (number, stanza))
        });
        let preferred = locked.iter().map(|(name, version)| (name.to_string(), version.to_string())).collect();
        let mut answer = choose(question, question.of_lock(&kept).chain(archived), preferred)?;
        answer.date = indexes.iter().map(|index| index.date()).max();
        for (wanted, index) in question.archives.iter().zip(&indexes) {
            answer.lock.set_state(&wanted.suite, &question.architecture, index.state());
        }
        Ok(answer)
    }

    /// Returns the index of an archive for an architecture. Whoever asks for one that is being loaded waits for it.
    fn index(
        &self,
        wanted: &Wanted,
        architecture: &str,
        lock: &Lock,
        inputs: &Inputs<'_>,
    ) -> Result<Arc<Index>, Error> {
        let locked = lock.state(&wanted.suite, architecture).map(|state| (state.in_release, state.date));
        let key = (wanted.clone(), architecture.to_owned(), locked);
        let slot = self.indexes.lock().expect("nothing panics under this lock").entry(key).or_default().clone();
        let mut slot = slot.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(index) = &*slot {
            return Ok(index.clone());
        }
        let index = Arc::new(load(wanted, architecture, lock, inputs)?);
        *slot = Some(index.clone());
        Ok(index)
    }
}

/// Loads the index of an archive: in the state that is locked, else as it is now.
fn load(wanted: &Wanted, architecture: &str, lock: &Lock, inputs: &Inputs<'_>) -> Result<Index, Error> {
    let mirror = match &wanted.mirror {
        Some(mirror) => mirror.trim_end_matches('/').to_owned(),
        None => (inputs.mirror)(&wanted.suite)?.url,
    };
    let archive = Archive {
        mirror,
        suite: wanted.suite.clone(),
        components: wanted.components.clone(),
        architecture: architecture.to_owned(),
        keys: keyring(wanted)?,
    };
    let locking = inputs.locking;
    let locked = lock.state(&wanted.suite, architecture);
    if let Some(state) = locked.filter(|_| !locking.update_states) {
        return archive.index_at(state, inputs.store, inputs.access);
    }
    let index = archive.index(inputs.store, inputs.access)?;
    // Without the network nothing fresher can be had, but neither may anything go back.
    let allow_expired = !inputs.is_online() || locking.allow_expired.contains(&wanted.suite);
    index.judge(&Freshness { now: locking.now, locked: lock.date(&wanted.suite), allow_expired })?;
    Ok(index)
}

fn keyring(wanted: &Wanted) -> Result<Keyring, Error> {
    let own = wanted.keys.iter().map(|file| Keyring::read(&format!("a key of `{}`", wanted.suite), file));
    let joined = own.reduce(|all, next| Ok(all?.with(&next?)));
    joined.unwrap_or_else(|| Ok(Keyring::debian()))
}

/// Returns the answer of a lock file, or what it lacks for one.
fn from_lock(question: &Question, lock: &Lock) -> Result<Answer, Lacking> {
    if lock.is_empty() && !question.archives.is_empty() {
        return Err(Lacking::All);
    }
    let mut states = Lock::default();
    for (number, wanted) in question.archives.iter().enumerate() {
        let state = lock.state(&wanted.suite, &question.architecture).ok_or(Lacking::State(number))?;
        states.set_state(&wanted.suite, &question.architecture, state.clone());
    }
    let answer = choose(question, question.of_lock(lock), BTreeSet::new());
    let mut answer = answer.map_err(|why| Lacking::Packages(Box::new(why)))?;
    answer.date = states.states().map(|(_, _, date)| date).max();
    answer.lock.extend(&states);
    Ok(answer)
}

/// Returns name and version of a package by its stanza.
fn name_and_version(stanza: &str) -> (&str, &str) {
    let stanza = Stanza::unchecked(stanza);
    let field = |name| stanza.get(name).unwrap_or_default();
    (field("Package"), field("Version"))
}

/// Chooses packages among those with these stanzas, each with the number of its archive.
fn choose<'s>(
    question: &'s Question,
    stanzas: impl Iterator<Item = (usize, &'s str)>,
    locked: BTreeSet<(String, String)>,
) -> Result<Answer, NoAnswer> {
    let own = question.own.iter().map(|stanza| (question.archives.len(), stanza.as_str()));
    let universe = Universe::new(&question.architecture, sources(question), stanzas.chain(own))
        .map_err(|error| NoAnswer::Source(Error { kind: ErrorKind::Integrity, message: error.to_string() }))?;
    let mut choice =
        Choice { question, universe: &universe, locked: &locked, metas: Vec::new(), answer: Answer::default() };
    if let Some(requests) = &question.closure {
        let options = Options { recommends: question.recommends, locked: locked.clone(), ..Options::default() };
        let closure = resolve(&universe, requests, &options).map_err(NoAnswer::Unmet)?;
        let located = closure.packages.iter().map(|chosen| choice.located(chosen.candidate));
        choice.answer.closure = located.collect::<Result<_, Error>>()?;
    }
    for (number, request) in question.singles.iter().enumerate() {
        let found = choice.single(request).ok_or_else(|| {
            let near = nearest(&request.name, universe.names()).first().map(|name| name.to_string());
            NoAnswer::Missing { number, near }
        })?;
        let located = choice.located(found)?;
        choice.answer.singles.push(located);
    }
    choice.lock()?;
    Ok(choice.answer)
}

/// Returns the archives, and the configuration itself, as sources of packages.
fn sources(question: &Question) -> Vec<Source> {
    let of_archive = |wanted: &Wanted| Source {
        name: wanted.suite.clone(),
        priority: if wanted.is_on_request { PRIORITY_ON_REQUEST } else { PRIORITY },
    };
    let own = Source { name: "the configuration".to_owned(), priority: PRIORITY_OWN };
    question.archives.iter().map(of_archive).chain([own]).collect()
}

/// An answer on its way.
struct Choice<'c, 's> {
    question: &'c Question,
    universe: &'c Universe<'s>,
    locked: &'c BTreeSet<(String, String)>,
    /// The meta packages that stand for those that were asked for.
    metas: Vec<CandidateId>,
    answer: Answer,
}

impl Choice<'_, '_> {
    fn located(&self, id: CandidateId) -> Result<Located, Error> {
        let candidate = self.universe.candidate(id);
        let n_archives = self.question.archives.len();
        if candidate.source == n_archives {
            let number = self.question.own.iter().position(|stanza| stanza == candidate.stanza);
            return Ok(Located::Own(number.expect("the stanza is one of the configuration's own")));
        }
        let suite = &self.question.archives[candidate.source].suite;
        Ok(Located::Archived(candidate.source, Box::new(Package::parse(candidate.stanza, suite)?)))
    }

    /// Returns a package by its name; the kernel behind a meta package of kernels, which is renewed together with it.
    fn single(&mut self, request: &Request) -> Option<CandidateId> {
        let found = self.named(request);
        let id = self.locked_or_best(&found)?;
        let candidate = self.universe.candidate(id);
        let Some(kernel) = kernel_behind(candidate.name, candidate.stanza) else { return Some(id) };
        self.metas.push(id);
        let kernels = self.named(&Request { name: kernel, ..request.clone() });
        if self.is_locked(id) { self.locked_or_best(&kernels) } else { kernels.first().copied() }
    }

    /// Returns the candidates for a request, the best first.
    fn named(&self, request: &Request) -> Vec<CandidateId> {
        let is_of_source =
            |id: &CandidateId| request.source.is_none_or(|source| self.universe.candidate(*id).source == source);
        self.universe.candidates_named(&request.name).filter(is_of_source).collect()
    }

    fn locked_or_best(&self, found: &[CandidateId]) -> Option<CandidateId> {
        found.iter().find(|&&id| self.is_locked(id)).or(found.first()).copied()
    }

    fn is_locked(&self, id: CandidateId) -> bool {
        let candidate = self.universe.candidate(id);
        self.locked.contains(&(candidate.name.to_owned(), candidate.version.to_owned()))
    }

    /// Remembers the packages of archives for the lock file, meta packages of kernels included.
    fn lock(&mut self) -> Result<(), Error> {
        let metas = self.metas.iter().map(|&id| self.located(id));
        let mut located: Vec<Located> = metas.collect::<Result<_, Error>>()?;
        located.extend(self.answer.closure.iter().chain(&self.answer.singles).cloned());
        for located in located {
            let Located::Archived(number, package) = located else { continue };
            let inserted = self.answer.lock.insert(&self.question.archives[number].suite, &package.stanza);
            inserted
                .map_err(|why| Error { kind: ErrorKind::Integrity, message: format!("`{}`: {why}", package.name) })?;
        }
        Ok(())
    }
}

/// Returns the kernel package that a meta package such as `linux-image-amd64` depends on.
fn kernel_behind(name: &str, stanza: &str) -> Option<String> {
    let is_image = |name: &str| name.starts_with("linux-image-");
    let depends = stanza.lines().find_map(|line| line.strip_prefix("Depends:")).filter(|_| is_image(name))?;
    let names = depends.split(',').filter_map(|relation| relation.split_whitespace().next());
    names.filter(|name| is_image(name)).map(str::to_owned).next()
}
