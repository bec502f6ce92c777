//! Merging the trees of packages into one, with dpkg's rules.
//!
//! Packages are added one after another. Directories merge; the first package that has one says what it is like. A path
//! whose directory is a symbolic link in the tree so far goes where the link leads (`bin -> usr/bin`: merged `/usr`).
//! Anything else that two packages have is a conflict that names both, unless one says that it replaces the
//! other's files, or both are the same symbolic link.
//! The invariant: every path but the root has an owner, and no path of the result leads through a symbolic link.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::{Entry, Kind, LeafId, Tree, TreePath};

/// As many symbolic links Linux follows for one path, path_resolution(7).
const MOST_LINKS: usize = 40;

/// Two packages that cannot be in one tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The path that both have, where it really is.
    pub path: TreePath,
    /// The owner that came first.
    pub first: String,
    /// What the path is to the first one.
    pub first_kind: &'static str,
    /// The owner that came second.
    pub second: String,
    /// What the path is to the second one.
    pub second_kind: &'static str,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Conflict { path, first, first_kind, second, second_kind } = self;
        write!(f, "`{path}` is {first_kind} of `{first}` and {second_kind} of `{second}`")
    }
}

impl std::error::Error for Conflict {}

/// A tree that grows by packages, and who owns what in it.
#[derive(Clone, Debug, Default)]
pub struct Merger {
    tree: Tree,
    owners: BTreeMap<TreePath, usize>,
    packages: Vec<Package>,
}

/// A package that was added.
#[derive(Clone, Debug)]
struct Package {
    name: String,
    replaces: BTreeSet<String>,
}

impl Merger {
    /// Returns a merger without packages, whose tree is only a root.
    pub fn new() -> Merger {
        Merger::default()
    }

    /// Adds the tree of the package `owner`, which may overwrite files of the packages that it `replaces`. These may come
    /// earlier or later: of a path that both have, the replacing package's file stays.
    ///
    /// # Errors
    /// The first [`Conflict`] in order of the package's paths. The merger is then of no further use.
    pub fn add(&mut self, owner: &str, tree: &Tree, replaces: &BTreeSet<String>) -> Result<(), Conflict> {
        self.packages.push(Package { name: owner.to_owned(), replaces: replaces.clone() });
        let root = tree.get(&TreePath::root()).expect("a tree has a root");
        if self.packages.len() == 1 {
            *self.tree.get_mut(&TreePath::root()).expect("a tree has a root") = root.clone();
        }
        let mut addition = Addition {
            owner: self.packages.len() - 1,
            merger: self,
            places: BTreeMap::from([(TreePath::root(), TreePath::root())]),
            leaves: BTreeMap::new(),
        };
        for (path, leaf, entry) in tree.iter().filter(|(path, ..)| !path.is_root()) {
            addition.add(path, leaf, entry)?;
        }
        Ok(())
    }

    /// Returns the tree so far.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Returns the package that `path` is from: for a directory, the first one that has it.
    pub fn owner(&self, path: &TreePath) -> Option<&str> {
        self.owners.get(path).map(|&owner| self.packages[owner].name.as_str())
    }

    /// Returns the merged tree.
    pub fn into_tree(self) -> Tree {
        self.tree
    }

    /// Follows the symbolic links on the way to `path`, and the one that it is itself. Returns none where
    /// there is nothing, and where links lead in a ring. Links do not lead out of the tree: `..` at the root stays there.
    fn resolve(&self, path: &TreePath) -> Option<TreePath> {
        let mut rest = reversed_names(path.as_bytes());
        let mut place = TreePath::root();
        let mut links = 0;
        while let Some(name) = rest.pop() {
            if name == b".." {
                place = place.parent().unwrap_or_default();
                continue;
            }
            let next = place.join(&name).ok()?;
            match &self.tree.get(&next)?.kind {
                Kind::Symlink(target) => {
                    links += 1;
                    if links > MOST_LINKS {
                        return None;
                    }
                    if target.starts_with(b"/") {
                        place = TreePath::root();
                    }
                    rest.extend(reversed_names(target));
                }
                _ => place = next,
            }
        }
        Some(place)
    }

    /// Returns the directory that a symbolic link at `path` leads to.
    fn linked_directory(&self, path: &TreePath) -> Option<TreePath> {
        self.resolve(path).filter(|place| self.tree.get(place).is_some_and(Entry::is_directory))
    }
}

/// A package while it is being added.
struct Addition<'a> {
    merger: &'a mut Merger,
    owner: usize,
    /// Where the directories of the package really are.
    places: BTreeMap<TreePath, TreePath>,
    /// The leaves of the package and their leaves in the merged tree, for hard links.
    leaves: BTreeMap<LeafId, LeafId>,
}

/// What becomes of a path that is there already.
enum Verdict {
    Keep,
    Overwrite,
}

impl Addition<'_> {
    fn add(&mut self, path: &TreePath, leaf: LeafId, entry: &Entry) -> Result<(), Conflict> {
        let parent = path.parent().expect("the root is not added");
        let place = self.places[&parent].join(path.file_name()).expect("a name of a tree is one everywhere");
        if entry.is_directory() {
            let place = self.add_directory(place, entry)?;
            self.places.insert(path.clone(), place);
            return Ok(());
        }
        match self.merger.tree.get(&place) {
            None => {}
            Some(there) => match self.judge(&place, there, entry)? {
                Verdict::Keep => return Ok(()),
                Verdict::Overwrite => {}
            },
        }
        match self.leaves.get(&leaf) {
            Some(&merged) => self.merger.tree.link(&place, merged).expect("directories were added before"),
            None => {
                // Other paths of a leaf that is replaced keep it.
                let merged = self.merger.tree.insert(&place, entry.clone()).expect("directories were added before");
                self.leaves.insert(leaf, merged);
            }
        }
        self.merger.owners.insert(place, self.owner);
        Ok(())
    }

    /// Adds a directory, unless there is one or a link to one, and returns where it really is.
    fn add_directory(&mut self, place: TreePath, entry: &Entry) -> Result<TreePath, Conflict> {
        match self.merger.tree.get(&place) {
            None => {
                self.merger.tree.insert(&place, entry.clone()).expect("the directory above was added before");
                self.merger.owners.insert(place.clone(), self.owner);
                Ok(place)
            }
            Some(there) if there.is_directory() => Ok(place),
            Some(there) => match self.merger.linked_directory(&place) {
                Some(place) => Ok(place),
                None => Err(self.conflict(&place, there, entry)),
            },
        }
    }

    fn judge(&self, place: &TreePath, there: &Entry, entry: &Entry) -> Result<Verdict, Conflict> {
        let packages = &self.merger.packages;
        let (first, second) = (&packages[self.merger.owners[place]], &packages[self.owner]);
        if there.is_directory() {
            return Err(self.conflict(place, there, entry));
        }
        if second.replaces.contains(&first.name) {
            return Ok(Verdict::Overwrite);
        }
        let same_link = matches!(entry.kind, Kind::Symlink(_)) && entry.kind == there.kind;
        if same_link || first.replaces.contains(&second.name) {
            return Ok(Verdict::Keep);
        }
        Err(self.conflict(place, there, entry))
    }

    fn conflict(&self, place: &TreePath, there: &Entry, entry: &Entry) -> Conflict {
        let packages = &self.merger.packages;
        Conflict {
            path: place.clone(),
            first: packages[self.merger.owners[place]].name.clone(),
            first_kind: describe(&there.kind),
            second: packages[self.owner].name.clone(),
            second_kind: describe(&entry.kind),
        }
    }
}

/// Returns the names in a path or in the target of a link, the last one first.
fn reversed_names(path: &[u8]) -> Vec<Vec<u8>> {
    let names = path.split(|&byte| byte == b'/').filter(|name| !matches!(name, [] | [b'.']));
    names.rev().map(<[u8]>::to_vec).collect()
}

fn describe(kind: &Kind) -> &'static str {
    match kind {
        Kind::Directory => "a directory",
        Kind::File(_) => "a file",
        Kind::Symlink(_) => "a symbolic link",
        Kind::CharacterDevice { .. } | Kind::BlockDevice { .. } => "a device",
        Kind::Fifo => "a named pipe",
        Kind::Socket => "a socket",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Extents;

    fn path(text: &str) -> TreePath {
        TreePath::parse(text).unwrap()
    }

    /// Makes a tree: `name/` is a directory, `name -> target` a symbolic link, `name = other` a hard link, the rest are
    /// files that contain their specification.
    fn tree(specifications: &[&str]) -> Tree {
        let mut tree = Tree::default();
        for specification in specifications {
            if let Some((name, target)) = specification.split_once(" -> ") {
                tree.insert(&path(name), Entry::symlink(target.to_owned())).unwrap();
            } else if let Some((name, other)) = specification.split_once(" = ") {
                let leaf = tree.leaf(&path(other)).unwrap();
                tree.link(&path(name), leaf).unwrap();
            } else if specification.ends_with('/') {
                tree.insert(&path(specification), Entry::directory(0o755)).unwrap();
            } else {
                let content = Extents::from_bytes(specification.to_string());
                let name = specification.split(' ').next().unwrap();
                tree.insert(&path(name), Entry::file(0o644, content)).unwrap();
            }
        }
        tree
    }

    /// A package as its name, what it replaces, and its content.
    type Specification<'a> = (&'a str, &'a [&'a str], &'a [&'a str]);

    fn merge(packages: &[Specification<'_>]) -> Result<Merger, Conflict> {
        let mut merger = Merger::new();
        for (name, replaces, content) in packages {
            let replaces = replaces.iter().map(|&name| name.to_owned()).collect();
            merger.add(name, &tree(content), &replaces)?;
        }
        Ok(merger)
    }

    /// Compares the paths that are no directories, with owner and content, or the conflict.
    fn check(packages: &[Specification<'_>], expected: &[&str]) {
        let found = match merge(packages) {
            Err(conflict) => vec![conflict.to_string()],
            Ok(merger) => merger
                .tree
                .iter()
                .filter(|(.., entry)| !entry.is_directory())
                .map(|(path, _, entry)| {
                    let owner = merger.owner(path).unwrap();
                    match &entry.kind {
                        Kind::File(content) => {
                            let content = content.to_vec(&crate::MemoryBlobs::new()).unwrap();
                            format!("{path} {owner}: {}", String::from_utf8(content).unwrap())
                        }
                        kind => format!("{path} {owner}: {}", describe(kind)),
                    }
                })
                .collect(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn directories_merge_and_the_first_one_counts() {
        let mut restricted = tree(&["etc/a"]);
        restricted.get_mut(&path("etc")).unwrap().metadata.mode = 0o700;
        let mut merger = Merger::new();
        merger.add("one", &restricted, &BTreeSet::new()).unwrap();
        merger.add("two", &tree(&["etc/b", "usr/"]), &BTreeSet::new()).unwrap();
        assert_eq!(merger.tree().get(&path("etc")).unwrap().metadata.mode, 0o700);
        assert_eq!((merger.owner(&path("etc")), merger.owner(&path("etc/b"))), (Some("one"), Some("two")));
        assert_eq!((merger.owner(&path("usr")), merger.owner(&TreePath::root())), (Some("two"), None));
        assert_eq!(merger.into_tree().len(), 5);
    }

    #[test]
    fn paths_are_redirected_through_links_to_directories() {
        let usr = ["bin -> usr/bin", "lib -> /usr/lib", "usr/bin/", "usr/lib/", "x -> lib/../bin/../../lib"];
        check(
            &[
                ("base", &[], &usr),
                ("tool", &[], &["bin/tool", "lib/deep/file", "x/y"]),
                ("more", &[], &["usr/lib/deep/z"]),
            ],
            &[
                "/bin base: a symbolic link",
                "/lib base: a symbolic link",
                "/usr/bin/tool tool: bin/tool",
                "/usr/lib/deep/file tool: lib/deep/file",
                "/usr/lib/deep/z more: usr/lib/deep/z",
                "/usr/lib/y tool: x/y",
                "/x base: a symbolic link",
            ],
        );
        check(
            &[("base", &[], &usr), ("one", &[], &["bin/tool"]), ("two", &[], &["usr/bin/tool"])],
            &["`/usr/bin/tool` is a file of `one` and a file of `two`"],
        );
    }

    #[test]
    fn links_that_lead_nowhere_or_in_a_ring_are_no_directories() {
        check(
            &[("base", &[], &["lib -> usr/lib"]), ("x", &[], &["lib/x"])],
            &["`/lib` is a symbolic link of `base` and a directory of `x`"],
        );
        check(
            &[("base", &[], &["a -> b", "b -> a"]), ("x", &[], &["a/x"])],
            &["`/a` is a symbolic link of `base` and a directory of `x`"],
        );
        check(
            &[("base", &[], &["a -> file", "file"]), ("x", &[], &["a/x"])],
            &["`/a` is a symbolic link of `base` and a directory of `x`"],
        );
    }

    #[test]
    fn what_two_packages_have_is_a_conflict() {
        check(&[("a", &[], &["x"]), ("b", &[], &["x"])], &["`/x` is a file of `a` and a file of `b`"]);
        check(&[("a", &[], &["x/"]), ("b", &["a"], &["x"])], &["`/x` is a directory of `a` and a file of `b`"]);
        check(&[("a", &[], &["x"]), ("b", &["a"], &["x/"])], &["`/x` is a file of `a` and a directory of `b`"]);
        check(
            &[("a", &[], &["x -> y"]), ("b", &[], &["x -> z"])],
            &["`/x` is a symbolic link of `a` and a symbolic link of `b`"],
        );
        check(&[("a", &[], &["x -> y"]), ("b", &[], &["x -> y"])], &["/x a: a symbolic link"]);
    }

    #[test]
    fn the_replacing_package_keeps_the_path_in_either_order() {
        let old: Specification<'_> = ("old", &[], &["x old", "y"]);
        let new: Specification<'_> = ("new", &["old"], &["x new"]);
        check(&[old, new], &["/x new: x new", "/y old: y"]);
        check(&[new, old], &["/x new: x new", "/y old: y"]);
    }

    #[test]
    fn hard_links_stay_together_within_a_package() {
        let packages: [Specification<'_>; 3] = [
            ("base", &[], &["bin -> usr/bin", "usr/bin/"]),
            ("a", &[], &["bin/x", "usr/bin/y = bin/x", "z = bin/x"]),
            ("b", &["a"], &["usr/bin/y new", "q = usr/bin/y"]),
        ];
        let tree = merge(&packages).unwrap().into_tree();
        let leaf = |name| tree.leaf(&path(name)).unwrap();
        assert_eq!(leaf("usr/bin/x"), leaf("z"));
        assert_eq!(leaf("usr/bin/y"), leaf("q"));
        assert_ne!(leaf("usr/bin/x"), leaf("q"));
    }
}
