//! `tree`: packages and declared entries become the tree of a file system.
//!
//! ```text
//! foundation  ->  packages, merged in order  ->  entries  ->  times clamped to the source date
//! ```
//! The inputs are the packages in order, then whatever entries refer to.

use std::collections::{BTreeMap, BTreeSet};

use gravure_eval::graph::{Failure, Task};
use gravure_formats::deb::CONTROL_DIRECTORY;
use gravure_formats::merge::Merger;
use gravure_formats::{Entry, Extents, Kind, LeafId, Metadata, Tree, TreePath, lookup};
use serde::{Deserialize, Serialize};

use crate::builder::{Artefact, Builder};

pub(crate) const NAME: &str = "tree";

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Parameters {
    /// What is there before the packages: the directories and links that they are unpacked through.
    pub(crate) foundation: Vec<Declared>,
    /// The names of the packages, one for each of the first inputs.
    pub(crate) packages: Vec<String>,
    /// What is put over the packages, in order.
    pub(crate) entries: Vec<Declared>,
    /// The source date: the time of declared entries, and the latest time of all others, in seconds since 1970.
    pub(crate) time: i64,
}

/// An entry that a configuration declares.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Declared {
    pub(crate) path: String,
    pub(crate) mode: u16,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) what: What,
}

/// What a declared entry is.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum What {
    Directory,
    Text(String),
    Symlink(String),
    /// A symbolic link to the one path that matches a pattern.
    SymlinkToMatch(String),
    /// A file with ranges of blobs that are in the store.
    Content(Extents),
    /// The content of the input with this number.
    Input(usize),
    /// What the tree that is the input with this number has at a path: a directory is merged with all that is below it.
    InputPart(usize, String),
    /// A file of the tree that is the input with this number, or a directory with all that is below it; `*` stands for any
    /// characters but `/`.
    InputFile(usize, String),
}

impl Declared {
    pub(crate) fn new(path: impl Into<String>, mode: u16, what: What) -> Declared {
        Declared { path: path.into(), mode, uid: 0, gid: 0, what }
    }

    pub(crate) fn directory(path: impl Into<String>, mode: u16) -> Declared {
        Declared::new(path, mode, What::Directory)
    }

    pub(crate) fn text(path: impl Into<String>, mode: u16, text: impl Into<String>) -> Declared {
        Declared::new(path, mode, What::Text(text.into()))
    }

    /// Returns the entry for a task whose inputs have `first` others before them.
    pub(crate) fn with_inputs_from(&self, first: usize) -> Declared {
        let what = match &self.what {
            What::Input(input) => What::Input(first + input),
            What::InputPart(input, path) => What::InputPart(first + input, path.clone()),
            What::InputFile(input, path) => What::InputFile(first + input, path.clone()),
            other => other.clone(),
        };
        Declared { what, ..self.clone() }
    }

    pub(crate) fn symlink(path: impl Into<String>, target: impl Into<String>) -> Declared {
        Declared::new(path, 0o777, What::Symlink(target.into()))
    }
}

pub(crate) fn realise(builder: &Builder<'_>, task: &Task) -> Result<Artefact, Failure> {
    let parameters: Parameters = super::parameters(task)?;
    let declaration = Declaration { builder, task, time: parameters.time };
    let mut foundation = Tree::new(declaration.directory());
    declaration.declare(&mut foundation, &parameters.foundation)?;
    let mut merger = Merger::new();
    merger.add("the file system's own layout", &foundation, &BTreeSet::new())?;
    for (name, input) in parameters.packages.iter().zip(&task.inputs) {
        let mut package = builder.tree(input)?;
        package.remove(&TreePath::parse(CONTROL_DIRECTORY)?);
        merger.add(name, &package, &BTreeSet::new())?;
    }
    let mut tree = merger.into_tree();
    declaration.declare(&mut tree, &parameters.entries)?;
    for entry in tree.entries_mut() {
        entry.metadata.mtime = entry.metadata.mtime.min(parameters.time);
    }
    Ok(Artefact::Tree(tree))
}

/// What declared entries are made of.
pub(super) struct Declaration<'a> {
    pub(super) builder: &'a Builder<'a>,
    pub(super) task: &'a Task,
    pub(super) time: i64,
}

impl Declaration<'_> {
    /// Puts entries into a tree. A path goes where links lead, and a directory that is there already stays as it is.
    pub(super) fn declare(&self, tree: &mut Tree, entries: &[Declared]) -> Result<(), Failure> {
        for declared in entries {
            let path = TreePath::parse(&declared.path)?;
            if let What::InputPart(input, part) = &declared.what {
                self.graft(tree, &path, &self.builder.tree(&self.task.inputs[*input])?, &TreePath::parse(part)?)?;
                continue;
            }
            if let What::InputFile(input, pattern) = &declared.what {
                let other = self.builder.tree(&self.task.inputs[*input])?;
                let part = lookup::resolve(&other, &lookup::find_one(&other, pattern)?)?;
                if other.get(&part).is_some_and(Entry::is_directory) {
                    self.graft(tree, &path, &other, &part)?;
                    continue;
                }
            }
            let kind = self.kind(tree, declared, &path)?;
            let Declared { mode, uid, gid, .. } = *declared;
            let metadata = Metadata { mode, uid, gid, mtime: self.time, ..Metadata::default() };
            self.put(tree, &path, Entry { metadata, kind })?;
        }
        Ok(())
    }

    fn kind(&self, tree: &Tree, declared: &Declared, path: &TreePath) -> Result<Kind, Failure> {
        let inputs = &self.task.inputs;
        Ok(match &declared.what {
            What::Directory | What::InputPart(..) => Kind::Directory,
            What::Text(text) => Kind::File(Extents::from_bytes(text.clone())),
            What::Symlink(target) => Kind::Symlink(target.clone().into()),
            What::SymlinkToMatch(pattern) => Kind::Symlink(link_target(path, &lookup::find_one(tree, pattern)?).into()),
            What::Content(content) => Kind::File(content.clone()),
            What::Input(input) => Kind::File(self.builder.extents(&inputs[*input])?),
            What::InputFile(input, pattern) => {
                Kind::File(lookup::find_file(&self.builder.tree(&inputs[*input])?, pattern)?.clone())
            }
        })
    }

    /// Puts what another tree has at `part` to `path`, with everything below it. Names of one file stay names of one file.
    fn graft(&self, tree: &mut Tree, path: &TreePath, other: &Tree, part: &TreePath) -> Result<(), Failure> {
        let part = lookup::resolve(other, part)?;
        let top = other.get(&part).ok_or_else(|| format!("there is no `{part}` in what is put at `{path}`"))?;
        self.put(tree, path, top.clone())?;
        let skipped = if part.is_root() { 0 } else { part.as_bytes().len() + 1 };
        let mut leaves = BTreeMap::new();
        for (source, leaf, entry) in other.below(&part).skip(1) {
            let path = path.join(&source.as_bytes()[skipped..])?;
            match leaves.get(&leaf) {
                Some(&there) if !entry.is_directory() => self.put_link(tree, &path, there)?,
                _ => {
                    let place = self.put(tree, &path, entry.clone())?;
                    leaves.insert(leaf, tree.leaf(&place).expect("something was put there"));
                }
            }
        }
        Ok(())
    }

    /// Puts an entry and returns where it is.
    fn put(&self, tree: &mut Tree, path: &TreePath, entry: Entry) -> Result<TreePath, Failure> {
        let is_directory = entry.is_directory();
        let place = if is_directory { lookup::resolve(tree, path)? } else { lookup::resolve_parent(tree, path)? };
        match tree.get(&place) {
            Some(there) if there.is_directory() && is_directory => {}
            Some(there) if there.is_directory() => return Err(on_directory(path)),
            _ => self.insert(tree, &place, entry)?,
        }
        Ok(place)
    }

    /// Puts one more name of a file that is there.
    fn put_link(&self, tree: &mut Tree, path: &TreePath, leaf: LeafId) -> Result<(), Failure> {
        let place = lookup::resolve_parent(tree, path)?;
        if tree.get(&place).is_some_and(Entry::is_directory) {
            return Err(on_directory(path));
        }
        tree.link(&place, leaf).map_err(|blocking| below_no_directory(&place, &blocking))
    }

    /// Inserts an entry, and directories above it where there are none.
    fn insert(&self, tree: &mut Tree, place: &TreePath, entry: Entry) -> Result<(), Failure> {
        if let Some(above) = place.parent().filter(|above| tree.get(above).is_none()) {
            self.insert(tree, &above, self.directory())?;
        }
        tree.insert(place, entry).map(|_| ()).map_err(|blocking| below_no_directory(place, &blocking))
    }

    pub(super) fn directory(&self) -> Entry {
        let directory = Entry::directory(0o755);
        Entry { metadata: Metadata { mtime: self.time, ..directory.metadata }, ..directory }
    }
}

fn on_directory(path: &TreePath) -> Failure {
    format!("`{path}` is a directory, and no file can be put there").into()
}

fn below_no_directory(place: &TreePath, blocking: &TreePath) -> Failure {
    format!("`{place}` cannot be put below `{blocking}`, which is no directory").into()
}

/// Returns what a link at `place` says to lead to `target`: the name of a sibling, or the path from the root.
fn link_target(place: &TreePath, target: &TreePath) -> Vec<u8> {
    if place.parent() == target.parent() {
        return target.file_name().to_vec();
    }
    [b"/", target.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_name_siblings_shortly() {
        let path = |text: &str| TreePath::parse(text).unwrap();
        assert_eq!(link_target(&path("boot/vmlinuz"), &path("boot/vmlinuz-1")), b"vmlinuz-1");
        assert_eq!(link_target(&path("boot/vmlinuz"), &path("usr/lib/linux/Image")), b"/usr/lib/linux/Image");
    }
}
