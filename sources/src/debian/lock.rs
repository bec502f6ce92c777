//! The lock file: which state of which archive, and which packages of it.
//!
//! ```text
//! # Made by gravure ...
//! Lock-Version: 1
//!
//! Archive: trixie                     a state of an archive, for one architecture
//! Architecture: amd64
//! Date: Sat, 15 Nov 2025 09:46:24 UTC
//! InRelease: 0123...
//! Index:
//!  4567... 9811236 main/binary-amd64/Packages.xz
//!
//! Package: hello                      a package as the archive's index describes it
//! Archive: trixie
//! ...
//! ```
//! It is in the form of Debian's own control files, so that people can read it, and a package in it is what it is in an index:
//! whoever chooses packages can choose from a lock as from an archive. Everything is in order, so that two locks of the
//! same things are the same text.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use gravure_formats::debian_version::Version;
use gravure_formats::{Extents, deb822};

use super::{Package, State, StateFile};
use crate::date;
use crate::error::{Error, ErrorKind, quoted, quoted_text};
use crate::sink::write_image;
use crate::store::Store;

/// What the file is called in the root of a project.
pub const LOCK_FILE: &str = "gravure.lock";

const VERSION: &str = "1";
const HEAD: &str = "# Made by gravure: which state of which archive, and which packages of it. Keep it with the configuration;\n\
                    # `gravure lock --update` brings it up to date.\n";
/// No lock file is longer than this.
const MAX_LEN: u64 = 256 << 20;

/// The fields of a package that are kept: what choosing, fetching and unpacking need, in this order.
const FIELDS: [&str; 16] = [
    "Package",
    "Version",
    "Architecture",
    "Multi-Arch",
    "Essential",
    "Priority",
    "Pre-Depends",
    "Depends",
    "Recommends",
    "Provides",
    "Conflicts",
    "Breaks",
    "Replaces",
    "Filename",
    "Size",
    "SHA256",
];

/// States of archives, and packages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// By suite and architecture.
    states: BTreeMap<(String, String), State>,
    packages: BTreeMap<Key, String>,
}

/// What tells one package from another, in the order in which they stand in the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    name: String,
    architecture: String,
    suite: String,
    version: String,
}

impl Key {
    /// Returns what versions of one package have in common.
    fn place(&self) -> (&str, &str, &str) {
        (&self.name, &self.architecture, &self.suite)
    }
}

/// What makes one lock differ from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A package that was not there.
    Added {
        /// Its name.
        name: String,
        /// Its architecture.
        architecture: String,
        /// Its version.
        version: String,
    },
    /// A package that is there no more.
    Removed {
        /// Its name.
        name: String,
        /// Its architecture.
        architecture: String,
        /// Its version.
        version: String,
    },
    /// A package in another version.
    Replaced {
        /// Its name.
        name: String,
        /// Its architecture.
        architecture: String,
        /// The version that was there.
        from: String,
        /// The version that is there.
        to: String,
    },
}

impl Lock {
    /// Reads the lock file at `path`; none where there is no file.
    ///
    /// # Errors
    /// It cannot be read, or is no lock file.
    pub fn read(path: &Path) -> Result<Option<Lock>, Error> {
        let text = match fs::metadata(path).and_then(|found| Ok((found.len(), fs::read_to_string(path)?))) {
            Ok((len, _)) if MAX_LEN < len => {
                return Err(Error::new(
                    ErrorKind::Refused,
                    format!("{} is no lock file: it is too long", quoted(path)),
                ));
            }
            Ok((_, text)) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(Error::new(
                    ErrorKind::Refused,
                    format!("{} is no lock file: it is not UTF-8", quoted(path)),
                ));
            }
            Err(error) => return Err(Error::io("read", path, error)),
        };
        Lock::parse(&text, &path.display().to_string()).map(Some)
    }

    /// Writes the lock file at `path`: complete, or not at all.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, store: &Store, path: &Path) -> Result<(), Error> {
        write_image(&Extents::from_bytes(self.to_text()), store, path)
    }

    /// Reads the text of a lock file that is called `name`.
    ///
    /// # Errors
    /// It is no lock file, or one of another version of gravure.
    pub fn parse(text: &str, name: &str) -> Result<Lock, Error> {
        let refuse_text = |why: &str| Error::new(ErrorKind::Refused, format!("{}, {why}", quoted_text(name)));
        let refuse = |line: usize, why: String| refuse_text(&format!("line {line}: {why}"));
        let mut lock = Lock::default();
        let body: String = text
            .lines()
            .map(|line| if line.starts_with('#') { "\n" } else { line }.trim_end().to_owned() + "\n")
            .collect();
        for (number, stanza) in deb822::stanzas(&body).enumerate() {
            let stanza = stanza.map_err(|error| refuse_text(&error.to_string()))?;
            let result = match (number, stanza.get("Package")) {
                (0, _) => check_version(&stanza),
                (_, Some(_)) => lock.add_stanza(&stanza),
                (_, None) => lock.add_state(&stanza),
            };
            result.map_err(|why| refuse(stanza.line(), why))?;
        }
        Ok(lock)
    }

    fn add_stanza(&mut self, stanza: &deb822::Stanza<'_>) -> Result<(), String> {
        let suite = field(stanza, "Archive")?;
        self.insert(suite, stanza.text())?;
        Package::parse(stanza.text(), suite).map(drop).map_err(|error| error.message)
    }

    fn add_state(&mut self, stanza: &deb822::Stanza<'_>) -> Result<(), String> {
        let date = field(stanza, "Date")?;
        let files = field(stanza, "Index")?.lines().map(str::trim).filter(|line| !line.is_empty());
        let state = State {
            in_release: field(stanza, "InRelease")?.parse().map_err(|error| format!("`InRelease`: {error}"))?,
            date: date::parse(date).ok_or_else(|| format!("{} is no date", quoted_text(date)))?,
            codename: stanza.get("Codename").map(str::to_owned),
            files: files.map(state_file).collect::<Result<_, _>>()?,
        };
        self.states.insert((field(stanza, "Archive")?.to_owned(), field(stanza, "Architecture")?.to_owned()), state);
        Ok(())
    }

    /// Returns the text of the file.
    pub fn to_text(&self) -> String {
        let mut text = format!("{HEAD}Lock-Version: {VERSION}\n");
        for ((suite, architecture), state) in &self.states {
            text.push_str(&format!("\nArchive: {suite}\nArchitecture: {architecture}\n"));
            if let Some(codename) = &state.codename {
                text.push_str(&format!("Codename: {codename}\n"));
            }
            text.push_str(&format!("Date: {}\nInRelease: {}\nIndex:\n", date::format(state.date), state.in_release));
            for StateFile { path, sha256, size } in &state.files {
                text.push_str(&format!(" {sha256} {size} {path}\n"));
            }
        }
        for (key, stanza) in &self.packages {
            text.push_str(&format!("\n{stanza}Archive: {}\n", key.suite));
        }
        text
    }

    /// Remembers the state of a suite for an architecture. What is known of the same state, for other components, stays.
    pub fn set_state(&mut self, suite: &str, architecture: &str, state: State) {
        let key = (suite.to_owned(), architecture.to_owned());
        let state = match self.states.remove(&key) {
            Some(known) if known.in_release == state.in_release => state.with(known),
            _ => state,
        };
        self.states.insert(key, state);
    }

    /// Remembers a package of a suite by its stanza in the index.
    ///
    /// # Errors
    /// The stanza lacks a field that every package has.
    pub fn insert(&mut self, suite: &str, stanza: &str) -> Result<(), String> {
        let fields = deb822::stanzas(stanza).next().ok_or("the stanza is empty")?.map_err(|error| error.to_string())?;
        let key = Key {
            name: field(&fields, "Package")?.to_owned(),
            architecture: field(&fields, "Architecture")?.to_owned(),
            suite: suite.to_owned(),
            version: field(&fields, "Version")?.to_owned(),
        };
        for needed in ["Filename", "Size", "SHA256"] {
            field(&fields, needed)?;
        }
        let kept = FIELDS.iter().filter_map(|name| Some((name, fields.get(name)?)));
        self.packages.insert(key, kept.map(|(name, value)| format!("{name}: {value}\n")).collect());
        Ok(())
    }

    /// Adds what another lock has; where both know a state, that of the other one counts.
    pub fn extend(&mut self, other: &Lock) {
        for ((suite, architecture), state) in &other.states {
            self.set_state(suite, architecture, state.clone());
        }
        self.packages.extend(other.packages.iter().map(|(key, stanza)| (key.clone(), stanza.clone())));
    }

    /// Takes what another lock has, in place of all other versions of its packages that are here.
    pub fn supersede(&mut self, other: &Lock) {
        let renewed: BTreeSet<_> = other.packages.keys().map(Key::place).collect();
        self.packages.retain(|key, _| !renewed.contains(&key.place()));
        self.extend(other);
    }

    /// Whether it has several versions of one package where the other lock does not have just these.
    pub fn has_other_rivals(&self, other: &Lock) -> bool {
        !self.rivals().is_subset(&other.rivals())
    }

    fn rivals(&self) -> BTreeSet<&Key> {
        let neighbours = self.packages.keys().zip(self.packages.keys().skip(1));
        neighbours.filter(|(one, next)| one.place() == next.place()).flat_map(|(one, next)| [one, next]).collect()
    }

    /// Returns suite, architecture and date, in seconds since 1970, of all states, in order.
    pub fn states(&self) -> impl Iterator<Item = (&str, &str, i64)> {
        self.states.iter().map(|((suite, architecture), state)| (suite.as_str(), architecture.as_str(), state.date))
    }

    /// Returns the newest date of a suite, for whatever architecture.
    pub fn date(&self, suite: &str) -> Option<i64> {
        self.states().filter(|(known, ..)| *known == suite).map(|(_, _, date)| date).max()
    }

    /// Returns the state of a suite for an architecture.
    pub fn state(&self, suite: &str, architecture: &str) -> Option<&State> {
        self.states.get(&(suite.to_owned(), architecture.to_owned()))
    }

    /// Returns the suites and the stanzas of all packages, in order.
    pub fn packages(&self) -> impl Iterator<Item = (&str, &str)> {
        self.packages.iter().map(|(key, stanza)| (key.suite.as_str(), stanza.as_str()))
    }

    /// Returns the names of all packages, in order; a name comes as often as there are packages of it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.packages.keys().map(|key| key.name.as_str())
    }

    /// Returns this lock without the packages of these names.
    pub fn without(&self, names: &[String]) -> Lock {
        let mut lock = self.clone();
        lock.packages.retain(|key, _| !names.contains(&key.name));
        lock
    }

    /// Returns names and versions of the packages that a system of this architecture can have.
    pub fn versions(&self, architecture: &str) -> impl Iterator<Item = (&str, &str)> {
        let suits = move |key: &&Key| key.architecture == architecture || key.architecture == "all";
        self.packages.keys().filter(suits).map(|key| (key.name.as_str(), key.version.as_str()))
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.states.is_empty() && self.packages.is_empty()
    }

    /// Returns what makes `new` differ from this lock in its packages, in order of their names.
    pub fn changes(&self, new: &Lock) -> Vec<Change> {
        let (before, after) = (self.by_name(), new.by_name());
        let mut names: Vec<&(&str, &str)> = before.keys().chain(after.keys()).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().flat_map(|name| changes_of(*name, before.get(name), after.get(name))).collect()
    }

    fn by_name(&self) -> BTreeMap<(&str, &str), Vec<&str>> {
        let mut versions: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for key in self.packages.keys() {
            versions.entry((&key.name, &key.architecture)).or_default().push(&key.version);
        }
        versions
    }
}

/// Returns the changes of one package. Where it changed from one version to another, that is one change.
fn changes_of(
    (name, architecture): (&str, &str),
    before: Option<&Vec<&str>>,
    after: Option<&Vec<&str>>,
) -> Vec<Change> {
    let missing = |of: Option<&Vec<&str>>, from: Option<&Vec<&str>>| -> Vec<String> {
        let there = |version: &&&str| from.is_none_or(|from| !from.contains(*version));
        of.into_iter().flatten().filter(there).map(|version| version.to_string()).collect()
    };
    let (removed, added) = (missing(before, after), missing(after, before));
    let (name, architecture) = (name.to_owned(), architecture.to_owned());
    if let ([from], [to]) = (&removed[..], &added[..]) {
        return vec![Change::Replaced { name, architecture, from: from.clone(), to: to.clone() }];
    }
    let removed = removed.into_iter().map(|version| Change::Removed {
        name: name.clone(),
        architecture: architecture.clone(),
        version,
    });
    let added = added.into_iter().map(|version| Change::Added {
        name: name.clone(),
        architecture: architecture.clone(),
        version,
    });
    removed.chain(added).collect()
}

impl Change {
    /// Whether a package goes back to an earlier version.
    pub fn is_downgrade(&self) -> bool {
        match self {
            Change::Replaced { from, to, .. } => Version::parse(to).ok() < Version::parse(from).ok(),
            _ => false,
        }
    }
}

fn check_version(stanza: &deb822::Stanza<'_>) -> Result<(), String> {
    match stanza.get("Lock-Version").map(str::trim) {
        Some(VERSION) => Ok(()),
        Some(other) => {
            Err(format!("this is a lock file of version {}, and version {VERSION} is known", quoted_text(other)))
        }
        None => Err("a lock file begins with `Lock-Version`".to_owned()),
    }
}

fn field<'a>(stanza: &deb822::Stanza<'a>, name: &str) -> Result<&'a str, String> {
    stanza
        .get(name)
        .map(str::trim)
        .filter(|value| !value.is_empty())
        .ok_or_else(|| format!("there is no field `{name}`"))
}

/// Reads a line `SHA256 SIZE PATH`.
fn state_file(line: &str) -> Result<StateFile, String> {
    let mut words = line.split_whitespace();
    let file = words.next().zip(words.next()).zip(words.next()).and_then(|((sha256, size), path)| {
        Some(StateFile { path: path.to_owned(), sha256: sha256.parse().ok()?, size: size.parse().ok()? })
    });
    file.filter(|_| words.next().is_none()).ok_or_else(|| format!("{} names no index", quoted_text(line)))
}

#[cfg(test)]
mod tests {
    use gravure_formats::Digest;

    use super::*;
    use crate::testing::Scratch;

    fn stanza(name: &str, version: &str) -> String {
        let digest = Digest::of(name.as_bytes());
        format!(
            "Package: {name}\nVersion: {version}\nArchitecture: amd64\nMaintainer: nobody\nDepends: libc6 (>= 2.36),\n other\n\
             Filename: pool/{name}.deb\nSize: 7\nSHA256: {digest}\n"
        )
    }

    fn lock(packages: &[(&str, &str)]) -> Lock {
        let mut lock = Lock::default();
        let file = StateFile { path: "main/binary-amd64/Packages.xz".to_owned(), sha256: Digest::of(b"i"), size: 9 };
        let state = State {
            in_release: Digest::of(b"r"),
            date: 1_763_199_984,
            codename: Some("trixie".to_owned()),
            files: vec![file],
        };
        lock.set_state("trixie", "amd64", state);
        for (name, version) in packages {
            lock.insert("trixie", &stanza(name, version)).unwrap();
        }
        lock
    }

    #[test]
    fn a_lock_is_the_same_after_writing_and_reading() {
        let lock = lock(&[("hello", "2.10-3"), ("apt", "3.0")]);
        let text = lock.to_text();
        let read = Lock::parse(&text, "gravure.lock").unwrap();
        assert_eq!(read, lock);
        assert_eq!(read.to_text(), text);
        assert!(text.find("Package: apt").unwrap() < text.find("Package: hello").unwrap());
        assert!(text.contains("Depends: libc6 (>= 2.36),\n other\n") && !text.contains("Maintainer"));
        assert_eq!(read.state("trixie", "amd64").unwrap().date, 1_763_199_984);
        assert_eq!(read.state("trixie", "arm64"), None);
    }

    #[test]
    fn changes_are_told_by_name() {
        let (old, new) = (lock(&[("a", "1"), ("b", "1"), ("c", "2")]), lock(&[("b", "1"), ("c", "1"), ("d", "1")]));
        let changes = old.changes(&new);
        assert_eq!(changes.len(), 3);
        assert!(matches!(&changes[0], Change::Removed { name, .. } if name == "a"));
        assert!(
            matches!(&changes[1], Change::Replaced { name, from, to, .. } if name == "c" && from == "2" && to == "1")
        );
        assert!(changes[1].is_downgrade());
        assert!(matches!(&changes[2], Change::Added { name, .. } if name == "d"));
    }

    #[test]
    fn a_newer_lock_takes_the_place_of_other_versions() {
        let mut old = lock(&[("a", "1"), ("a", "2"), ("b", "1")]);
        assert!(old.has_other_rivals(&lock(&[("a", "2")])) && !lock(&[("a", "2")]).has_other_rivals(&old));
        old.supersede(&lock(&[("a", "3"), ("c", "1")]));
        assert_eq!(old.versions("amd64").collect::<Vec<_>>(), [("a", "3"), ("b", "1"), ("c", "1")]);
        assert_eq!(old.without(&["b".to_owned()]).names().collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(old.states().collect::<Vec<_>>(), [("trixie", "amd64", 1_763_199_984)]);
        assert_eq!((old.date("trixie"), old.date("sid")), (Some(1_763_199_984), None));
    }

    #[test]
    fn what_is_no_lock_file_is_refused() {
        let good = lock(&[("hello", "1")]).to_text();
        let with = |from: &str, to: &str| {
            assert!(good.contains(from), "{good}");
            good.replace(from, to)
        };
        for (text, why) in [
            ("x", "`l`, line 1: neither `Name: value` nor a continuation line"),
            ("A: b\n", "`l`, line 1: a lock file begins with `Lock-Version`"),
            ("Lock-Version: 2\n", "`l`, line 1: this is a lock file of version `2`, and version 1 is known"),
            ("Lock-Version: 1\n\nPackage: x\n", "`l`, line 3: there is no field `Archive`"),
            ("Lock-Version: 1\n\nArchive: x\n", "`l`, line 3: there is no field `Date`"),
            ("Lock-Version: 1\n\n<<<<<<< HEAD\n", "`l`, line 3: neither"),
            (
                &with("Filename: pool/hello.deb", "Filename: ../../etc/passwd"),
                "`l`, line 13: `trixie`: package `hello` has its file at",
            ),
            (&with("SHA256: ", "SHA256: 0"), "`l`, line 13: `trixie`: package `hello` has a wrong `SHA256`"),
            (
                &with("Version: 1\nArch", "Version: 1_2\nArch"),
                "`l`, line 13: `trixie`: package `hello` has the version",
            ),
        ] {
            let error = Lock::parse(text, "l").unwrap_err();
            assert!(error.message.starts_with(why), "{}", error.message);
        }
    }

    #[test]
    fn a_lock_file_is_written_whole() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let path = scratch.path().join(LOCK_FILE);
        assert_eq!(Lock::read(&path).unwrap(), None);
        let lock = lock(&[("hello", "1")]);
        lock.write(&store, &path).unwrap();
        assert_eq!(Lock::read(&path).unwrap(), Some(lock));
        fs::write(&path, b"Lock-Version: 1\n\xff").unwrap();
        let error = Lock::read(&path).unwrap_err();
        let expected = format!("{} is no lock file: it is not UTF-8", quoted(&path));
        assert_eq!((error.kind, error.message), (ErrorKind::Refused, expected));
    }
}
