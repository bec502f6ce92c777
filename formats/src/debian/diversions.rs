//! Files that packages keep under other names, since another package has its own there: `/var/lib/dpkg/diversions`.
//!
//! ```text
//! /usr/share/vim/vim91/doc/help.txt               the path, as packages have it
//! /usr/share/vim/vim91/doc/help.txt.vim-tiny      where every other package's file of that path is
//! vim-runtime                                     the package whose own file stays; `:` is the administrator
//! ```
//! A `preinst` diverts before anything is unpacked, so [`diversions`] are known before packages are merged. A `postinst` may
//! divert or give back later.

use std::collections::BTreeMap;

use super::scripts::{self, Command, Stage};
use super::{Error, Package, Root};
use crate::{Blobs, Tree, TreePath};

const PATH: &str = "/var/lib/dpkg/diversions";
/// What stands for the administrator in place of a package.
const LOCAL: &str = ":";
/// How many chains dpkg's table of paths has. The file is in the order of that table.
const CHAINS: u32 = 262_139;

/// All diversions by the paths that are diverted, without the slash in front.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diversions(BTreeMap<String, Diversion>);

/// Where the files of a path are, and whose file is not moved.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Diversion {
    to: String,
    package: String,
}

/// Returns what the `preinst` scripts of these packages divert.
///
/// # Errors
/// A script cannot be read.
pub fn diversions(packages: &[&Package], blobs: &dyn Blobs) -> Result<Diversions, Error> {
    let mut found = Diversions::default();
    for package in packages {
        let script = package.text("preinst", blobs)?.unwrap_or_default();
        let commands = scripts::commands_of(&script, Stage::Install);
        for call in commands.iter().filter(|command| command.is_certain()).filter_map(Call::parse) {
            found.apply(&call, &package.name);
        }
    }
    Ok(found)
}

impl Diversions {
    /// Moves what of a package's tree is diverted.
    ///
    /// # Errors
    /// A file cannot be where it is diverted to.
    pub fn divert(&self, package: &str, tree: &mut Tree) -> Result<(), Error> {
        for (path, Diversion { to, package: owner }) in &self.0 {
            let from = TreePath::parse(path).map_err(|error| Error::new(path, error))?;
            let is_diverted = owner != package && tree.get(&from).is_some_and(|entry| !entry.is_directory());
            let Some(leaf) = tree.leaf(&from).filter(|_| is_diverted) else { continue };
            let to = TreePath::parse(to).map_err(|error| Error::new(to, error))?;
            let moved = tree.link(&to, leaf);
            moved.map_err(|above| Error::new(&to, format!("`{above}` is no directory of package `{package}`")))?;
            tree.remove(&from);
        }
        Ok(())
    }

    /// Writes the file.
    ///
    /// # Errors
    /// The root cannot be written.
    pub fn write(&self, root: &mut Root<'_>) -> Result<(), Error> {
        let mut sorted: Vec<_> = self.0.iter().collect();
        sorted.sort_by_key(|(path, _)| chain(path));
        let lines =
            sorted.iter().map(|(path, diversion)| format!("/{path}\n{}\n{}\n", diversion.to, diversion.package));
        root.write_text(PATH, lines.collect::<String>())
    }

    /// Reads the file.
    pub(super) fn read(root: &Root<'_>) -> Result<Diversions, Error> {
        let text = root.text(PATH)?.unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let entries = lines.chunks_exact(3).map(|lines| {
            let diversion = Diversion { to: lines[1].to_owned(), package: lines[2].to_owned() };
            (lines[0].trim_start_matches('/').to_owned(), diversion)
        });
        Ok(Diversions(entries.collect()))
    }

    /// Returns what `dpkg-divert` prints that is asked for one path; none for another command.
    pub(super) fn answer(&self, command: &Command) -> Option<String> {
        let [option, path] = command.arguments() else { return None };
        let found = self.0.get(path.trim_start_matches('/'));
        match option.as_str() {
            "--listpackage" => Some(match found {
                Some(Diversion { package, .. }) if package == LOCAL => "LOCAL".to_owned(),
                Some(Diversion { package, .. }) => package.clone(),
                None => String::new(),
            }),
            "--truename" => Some(found.map_or_else(|| path.clone(), |diversion| diversion.to.clone())),
            _ => None,
        }
    }

    /// Takes note of a call in the script of a package.
    fn apply(&mut self, call: &Call<'_>, package: &str) {
        let path = call.path.trim_start_matches('/').to_owned();
        let owner = call.package.unwrap_or(package);
        match call.is_added {
            true => {
                let diversion = Diversion { to: call.to(), package: owner.to_owned() };
                self.0.entry(path).or_insert(diversion);
            }
            false => {
                self.0.remove(&path);
            }
        }
    }
}

/// Returns the chain of dpkg's table that a path is in, by the hash FNV-1a of 32 bits.
fn chain(path: &str) -> u32 {
    path.bytes().fold(2_166_136_261, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619)) % CHAINS
}

/// A call of `dpkg-divert` that changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call<'c> {
    path: &'c str,
    divert_to: Option<&'c str>,
    package: Option<&'c str>,
    is_added: bool,
    renames: bool,
}

impl<'c> Call<'c> {
    /// Returns what a call changes; none for another command, for a question, and for what is not understood.
    pub(super) fn parse(command: &'c Command) -> Option<Call<'c>> {
        if command.name() != "dpkg-divert" || !command.is_literal {
            return None;
        }
        let mut call = Call { path: "", divert_to: None, package: None, is_added: true, renames: false };
        let mut words = command.arguments().iter().map(String::as_str);
        while let Some(word) = words.next() {
            let (option, value) = word.split_once('=').map_or((word, None), |(option, value)| (option, Some(value)));
            match option {
                "--add" | "--quiet" | "--no-rename" => {}
                "--remove" => call.is_added = false,
                "--rename" => call.renames = true,
                "--local" => call.package = Some(LOCAL),
                "--package" => call.package = Some(value.or_else(|| words.next())?),
                "--divert" => call.divert_to = Some(value.or_else(|| words.next())?),
                _ if word.starts_with('/') && call.path.is_empty() => call.path = word,
                _ => return None,
            }
        }
        (!call.path.is_empty()).then_some(call)
    }

    fn to(&self) -> String {
        self.divert_to.map_or_else(|| format!("{}.distrib", self.path), str::to_owned)
    }

    /// Does to the root what the call does in the `postinst` of a package.
    pub(super) fn run(&self, root: &mut Root<'_>, package: &str) -> Result<(), Error> {
        let mut diversions = Diversions::read(root)?;
        let before = diversions.0.get(self.path.trim_start_matches('/')).cloned();
        if before.is_some() == self.is_added {
            return Ok(());
        }
        diversions.apply(self, package);
        diversions.write(root)?;
        let to = before.map_or_else(|| self.to(), |diversion| diversion.to);
        let (from, to) = if self.is_added { (self.path, to.as_str()) } else { (to.as_str(), self.path) };
        if self.renames && root.has_name(from) && !root.has_name(to) {
            root.rename(from, to)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Entry, Extents, MemoryBlobs};

    const VIM_RUNTIME: &str = "#!/bin/sh\nset -e\nbasedir=/usr/share/vim\nadd() {\n  dpkg-divert --package vim-runtime \
        --add --rename --divert \"$1.tiny\" \"$1\"\n}\nif [ \"$1\" != upgrade ]; then\n  add $basedir/help.txt\n  \
        add $basedir/tags\nfi\nif some-question; then\n  dpkg-divert --add /etc/perhaps\nfi\n";

    fn package(name: &str, preinst: &str) -> Package {
        let control = [("preinst".to_owned(), Extents::from_bytes(preinst.to_owned()))].into();
        Package::new(format!("Package: {name}\nVersion: 1\nArchitecture: all\n"), control).unwrap()
    }

    #[test]
    fn files_of_other_packages_are_moved() {
        let blobs = MemoryBlobs::new();
        let runtime = package("vim-runtime", VIM_RUNTIME);
        let found = diversions(&[&runtime], &blobs).unwrap();
        let paths = |package: &str| {
            let mut tree = Tree::default();
            for path in ["usr/share/vim/help.txt", "usr/share/vim/tags", "etc/perhaps"] {
                tree.insert(&TreePath::parse(path).unwrap(), Entry::file(0o644, Extents::default())).unwrap();
            }
            found.divert(package, &mut tree).unwrap();
            let files = tree.iter().filter(|(_, _, entry)| !entry.is_directory());
            files.map(|(path, ..)| path.to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(paths("vim-tiny"), "/etc/perhaps /usr/share/vim/help.txt.tiny /usr/share/vim/tags.tiny");
        assert_eq!(paths("vim-runtime"), "/etc/perhaps /usr/share/vim/help.txt /usr/share/vim/tags");
    }

    #[test]
    fn the_file_is_in_the_order_of_dpkg() {
        let blobs = MemoryBlobs::new();
        let mut root = Root::new(Tree::default(), &blobs, 0);
        let call = |path: &str| format!("dpkg-divert --no-rename --divert {path}.old --add {path}\n");
        let paths = [
            "/bin/sh",
            "/usr/share/man/man1/sh.1.gz",
            "/usr/share/vim/vim90/doc/help.txt",
            "/usr/share/vim/vim90/doc/tags",
        ];
        let found = diversions(&[&package("a", &paths.map(call).concat())], &blobs).unwrap();
        found.write(&mut root).unwrap();
        let text = root.text(PATH).unwrap().unwrap();
        let order: Vec<&str> = text.lines().step_by(3).collect();
        assert_eq!(order, [paths[1], paths[2], paths[3], paths[0]]);
        assert!(text.ends_with("/bin/sh\n/bin/sh.old\na\n"));
        assert_eq!(Diversions::read(&root).unwrap(), found);
    }

    #[test]
    fn a_postinst_diverts_and_gives_back() {
        let blobs = MemoryBlobs::new();
        let mut root = Root::new(Tree::default(), &blobs, 0);
        root.write_text("/etc/file", "mine").unwrap();
        let mut run = |script: &str| {
            let commands = scripts::commands(script);
            Call::parse(&commands[0]).unwrap().run(&mut root, "a").unwrap();
            let there = ["/etc/file", "/etc/file.distrib"].map(|path| root.exists(path));
            (root.text(PATH).unwrap().unwrap(), there)
        };
        let diverted = "/etc/file\n/etc/file.distrib\na\n".to_owned();
        assert_eq!(run("dpkg-divert --rename /etc/file\n"), (diverted.clone(), [false, true]));
        assert_eq!(run("dpkg-divert --local --rename /etc/file\n"), (diverted, [false, true]), "diverted already");
        assert_eq!(run("dpkg-divert --remove --rename --package=a /etc/file\n"), (String::new(), [true, false]));
        assert_eq!(Call::parse(&scripts::commands("dpkg-divert --list\n")[0]), None);
    }
}
