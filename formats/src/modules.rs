//! Kernel modules of a tree: which of them must be loaded, and in which order, so that some of them work.
//!
//! ```text
//! [usr/]lib/modules/VERSION/kernel/**/NAME.ko[.xz|.zst|.gz]
//!                           modules.builtin            what is part of the kernel, a path a line
//!                           modules.builtin.modinfo    what that would say in its `.modinfo`: NAME.KEY=VALUE, NUL
//! ```
//! Packages ship no `modules.dep`, so the modules themselves are asked: the section `.modinfo` of each names what it depends on
//! (`depends=`), what it would like (`softdep=`), and by which names it can be asked for (`alias=`). A module is read when it is
//! needed; only a soft dependency that is not the name of a module makes all of them be read, once.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Cursor, Read};

use bytes::Bytes;

use crate::compression::{Compression, Decoder};
use crate::{Blobs, Extents, Kind, Tree, TreePath, elf};

mod closure;
mod pattern;
#[cfg(test)]
mod tests;

/// Where the directories of kernel versions are: with a merged `/usr`, and without.
const DIRECTORIES: [&str; 2] = ["usr/lib/modules", "lib/modules"];
/// Modules below this directory replace others of their name, as depmod has it.
const UPDATES: &[u8] = b"updates";
/// The longest module that is decompressed, in bytes: the largest have tens of megabytes.
const MODULE_CAP: u64 = 256 << 20;

/// Why modules could not be found or read.
#[derive(Debug)]
pub enum Error {
    /// The tree has no modules of this kernel.
    NoKernel {
        /// The version asked for.
        version: String,
        /// The versions that are there.
        known: Vec<String>,
    },
    /// There is no module of this name.
    Unknown {
        /// The name asked for.
        name: String,
        /// The most similar names that are there.
        nearest: Vec<String>,
    },
    /// A module depends on one that is not there.
    Missing {
        /// The names from the module asked for to the missing one.
        chain: Vec<String>,
    },
    /// Modules depend on each other.
    Cycle {
        /// The names from a module to itself.
        chain: Vec<String>,
    },
    /// Modules depend on one another in a chain that is longer than any.
    TooDeep {
        /// How many may be in it.
        limit: usize,
        /// The module at its start.
        start: String,
    },
    /// The file of a module is damaged.
    Module {
        /// Where it is.
        path: TreePath,
        /// What is wrong.
        error: elf::Error,
    },
    /// A file of the kernel cannot be read.
    Read {
        /// Where it is.
        path: TreePath,
        /// Why.
        error: io::Error,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        match self {
            Error::NoKernel { version, known } if known.is_empty() => {
                write!(f, "no modules of the kernel `{version}`, nor of any other")
            }
            Error::NoKernel { version, known } => {
                write!(f, "no modules of the kernel `{version}`; there are those of {}", list(known))
            }
            Error::Unknown { name, nearest } if nearest.is_empty() => write!(f, "no kernel module `{name}`"),
            Error::Unknown { name, nearest } => {
                write!(f, "no kernel module `{name}`; similar names are {}", list(nearest))
            }
            Error::Missing { chain } => {
                write!(f, "a kernel module that others depend on is missing: {}", chain.join(" -> "))
            }
            Error::Cycle { chain } => write!(f, "kernel modules depend on each other: {}", chain.join(" -> ")),
            Error::TooDeep { limit, start } => {
                write!(f, "the kernel module `{start}` needs others in a chain of more than {limit}")
            }
            Error::Module { path, error } => write!(f, "the kernel module {path}: {error}"),
            Error::Read { path, error } => write!(f, "{path} cannot be read: {error}"),
        }
    }
}

impl std::error::Error for Error {}

/// A module as a file of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Its name: the stem of the file with `_` for `-`.
    pub name: String,
    /// Where it is.
    pub path: TreePath,
    /// The file, compressed as its name says.
    pub content: Extents,
}

impl Module {
    /// Returns the module itself, decompressed.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn read(&self, blobs: &dyn Blobs) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        Decoder::new(self.content.reader(blobs), self.compression(), MODULE_CAP)
            .and_then(|mut decoder| decoder.read_to_end(&mut bytes))
            .map_err(|error| Error::Read { path: self.path.clone(), error })?;
        Ok(bytes)
    }

    fn compression(&self) -> Compression {
        Compression::of_name(self.path.file_name())
    }

    /// Returns what the module says of itself. Of a file that is not compressed only that section is read.
    fn information(&self, blobs: &dyn Blobs) -> Result<Information, Error> {
        let section = match self.compression() {
            Compression::None => elf::section(self.content.reader(blobs), ".modinfo"),
            _ => elf::section(Cursor::new(self.read(blobs)?), ".modinfo"),
        };
        match section {
            Ok(section) => Ok(Information::parse(&section.unwrap_or_default())),
            Err(elf::Error::Io(error)) => Err(Error::Read { path: self.path.clone(), error }),
            Err(error) => Err(Error::Module { path: self.path.clone(), error }),
        }
    }
}

/// What of `.modinfo` matters here; all names and patterns are normalised.
#[derive(Debug, Default, PartialEq, Eq)]
struct Information {
    depends: Vec<String>,
    before: Vec<String>,
    after: Vec<String>,
    aliases: Vec<String>,
}

impl Information {
    /// Parses `KEY=VALUE` pairs, each ended by a NUL.
    fn parse(section: &[u8]) -> Information {
        let mut information = Information::default();
        for pair in section.split(|&byte| byte == 0) {
            let pair = String::from_utf8_lossy(pair);
            match pair.split_once('=') {
                Some(("depends", names)) => {
                    information.depends.extend(names.split(',').filter(|name| !name.is_empty()).map(pattern::normal));
                }
                Some(("softdep", wishes)) => information.add_wishes(wishes),
                Some(("alias", alias)) => information.aliases.push(pattern::normal(alias)),
                _ => {}
            }
        }
        information
    }

    /// Adds `pre: NAME... post: NAME...`, modprobe.d(5).
    fn add_wishes(&mut self, wishes: &str) {
        let mut list = None;
        for word in wishes.split_ascii_whitespace() {
            match (word, &mut list) {
                ("pre:", _) => list = Some(&mut self.before),
                ("post:", _) => list = Some(&mut self.after),
                (_, Some(list)) => list.push(pattern::normal(word)),
                (_, None) => {}
            }
        }
    }
}

/// The modules of one kernel.
pub struct ModuleSet<'a> {
    blobs: &'a dyn Blobs,
    directory: TreePath,
    modules: BTreeMap<String, Module>,
    builtin: BTreeSet<String>,
    builtin_aliases: Vec<String>,
    /// Patterns and the names of the modules that have them, in order of the names.
    aliases: OnceCell<Vec<(String, String)>>,
}

/// Returns a name of a module, or a pattern of names, in the form in which they are compared: `_` for `-`, but not between
/// brackets.
pub fn normal_name(name: &str) -> String {
    pattern::normal(name)
}

/// Whether the whole of `text` is as `pattern` says, fnmatch(3).
pub(crate) fn fits_pattern(pattern: &str, text: &str) -> bool {
    pattern::matches(pattern, text)
}

/// Returns the kernel versions of which the tree has modules, sorted as text.
pub fn kernel_versions(tree: &Tree) -> Vec<String> {
    let mut versions = BTreeSet::new();
    for directory in DIRECTORIES.map(known_path) {
        for (path, _, entry) in tree.below(&directory) {
            if entry.is_directory() && path.parent().as_ref() == Some(&directory) {
                versions.insert(String::from_utf8_lossy(path.file_name()).into_owned());
            }
        }
    }
    versions.into_iter().collect()
}

impl<'a> ModuleSet<'a> {
    /// Returns the modules of the kernel `version` that `tree` has.
    ///
    /// # Errors
    /// [`Error::NoKernel`], and [`Error::Read`] for the lists of what is part of the kernel.
    pub fn new(tree: &Tree, blobs: &'a dyn Blobs, version: &str) -> Result<ModuleSet<'a>, Error> {
        let directory = DIRECTORIES
            .into_iter()
            .filter_map(|parent| known_path(parent).join(version).ok())
            .find(|path| {
                tree.get(path).is_some_and(|entry| entry.is_directory() && path.file_name() == version.as_bytes())
            })
            .ok_or_else(|| Error::NoKernel { version: version.to_owned(), known: kernel_versions(tree) })?;
        let lines = read_list(tree, blobs, &directory, "modules.builtin")?;
        let stems = lines.split(|&byte| byte == b'\n').filter_map(module_name);
        let pairs = read_list(tree, blobs, &directory, "modules.builtin.modinfo")?;
        Ok(ModuleSet {
            blobs,
            modules: find_modules(tree, &directory),
            directory,
            builtin: stems.collect(),
            builtin_aliases: pairs.split(|&byte| byte == 0).filter_map(builtin_alias).collect(),
            aliases: OnceCell::new(),
        })
    }

    /// Returns where the kernel's modules and lists are.
    pub fn directory(&self) -> &TreePath {
        &self.directory
    }

    /// Returns the modules in order of their names.
    pub fn modules(&self) -> impl Iterator<Item = &Module> {
        self.modules.values()
    }

    /// Whether the module of this name is part of the kernel.
    pub fn is_builtin(&self, name: &str) -> bool {
        self.builtin.contains(&pattern::normal(name))
    }

    /// Returns the names of the modules that can be asked for as `alias` (`crypto-crc32c`, `of:N*T*Cvendor,device`), in
    /// order. The first call reads all modules.
    ///
    /// # Errors
    /// [`Error::Read`] and [`Error::Module`].
    pub fn matching(&self, alias: &str) -> Result<Vec<String>, Error> {
        let alias = pattern::normal(alias);
        let mut names: Vec<String> = self
            .aliases()?
            .iter()
            .filter(|(pattern, _)| pattern::matches(pattern, &alias))
            .map(|(_, name)| name.clone())
            .collect();
        names.dedup();
        Ok(names)
    }

    /// Whether something that is part of the kernel can be asked for as `alias`.
    pub fn is_builtin_alias(&self, alias: &str) -> bool {
        let alias = pattern::normal(alias);
        self.builtin_aliases.iter().any(|pattern| pattern::matches(pattern, &alias))
    }

    /// Returns the patterns of all modules as text that [`ModuleSet::with_aliases`] reads. Reads all modules.
    ///
    /// # Errors
    /// [`Error::Read`] and [`Error::Module`].
    pub fn alias_list(&self) -> Result<String, Error> {
        Ok(self.aliases()?.iter().map(|(pattern, name)| format!("{name} {pattern}\n")).collect())
    }

    /// Takes the patterns from what [`ModuleSet::alias_list`] of the same kernel has returned, so that no module needs to be
    /// read for them. Modules that this kernel does not have are left out.
    #[must_use]
    pub fn with_aliases(self, list: &str) -> ModuleSet<'a> {
        let pairs = list.lines().filter_map(|line| line.split_once(' '));
        let known = pairs.filter(|(name, _)| self.modules.contains_key(*name));
        let aliases: Vec<(String, String)> =
            known.map(|(name, pattern)| (pattern.to_owned(), name.to_owned())).collect();
        ModuleSet { aliases: OnceCell::from(aliases), ..self }
    }

    fn aliases(&self) -> Result<&[(String, String)], Error> {
        if let Some(aliases) = self.aliases.get() {
            return Ok(aliases);
        }
        let mut aliases = Vec::new();
        for (name, module) in &self.modules {
            let patterns = module.information(self.blobs)?.aliases;
            let pairs = patterns.into_iter().map(|pattern| (pattern, name.clone()));
            aliases.extend(pairs.filter(|(pattern, name)| can_be_listed(name, pattern)));
        }
        Ok(self.aliases.get_or_init(|| aliases))
    }
}

/// Whether a module and its pattern can stand in a line of [`ModuleSet::alias_list`]. No kernel has others: they could stand in
/// no `modules.alias` either.
fn can_be_listed(name: &str, pattern: &str) -> bool {
    !name.contains(char::is_whitespace) && !pattern.contains(['\n', '\r'])
}

/// Returns one of our own constant paths.
fn known_path(path: &str) -> TreePath {
    TreePath::parse(path).expect("the constant is a path")
}

fn find_modules(tree: &Tree, directory: &TreePath) -> BTreeMap<String, Module> {
    let updates = directory.join(UPDATES).expect("the constant is a name");
    let mut modules: BTreeMap<String, Module> = BTreeMap::new();
    for (path, _, entry) in tree.below(directory) {
        let (Kind::File(content), Some(name)) = (&entry.kind, module_name(path.file_name())) else { continue };
        if path.starts_with(&updates) || !modules.contains_key(&name) {
            let module = Module { name: name.clone(), path: path.clone(), content: content.clone() };
            modules.insert(name, module);
        }
    }
    modules
}

/// Returns the name of the module that a file is, by the file's name or path; none for other files.
fn module_name(path: &[u8]) -> Option<String> {
    let file_name = path.rsplit(|&byte| byte == b'/').next()?;
    let bare = file_name.strip_suffix(Compression::of_name(file_name).extension().as_bytes())?;
    let stem = bare.strip_suffix(b".ko").filter(|stem| !stem.is_empty())?;
    Some(pattern::normal(&String::from_utf8_lossy(stem)))
}

/// Returns the pattern of a line `NAME.alias=PATTERN`.
fn builtin_alias(line: &[u8]) -> Option<String> {
    let line = String::from_utf8_lossy(line);
    let (_, pair) = line.split_once('.')?;
    pair.strip_prefix("alias=").map(pattern::normal)
}

/// Returns the content of one of the kernel's lists; a list that is not there is empty.
fn read_list(tree: &Tree, blobs: &dyn Blobs, directory: &TreePath, name: &str) -> Result<Bytes, Error> {
    let path = directory.join(name).expect("the lists have short names");
    match tree.get(&path).map(|entry| &entry.kind) {
        Some(Kind::File(content)) => {
            content.to_vec(blobs).map(Bytes::from).map_err(|error| Error::Read { path, error })
        }
        _ => Ok(Bytes::new()),
    }
}
