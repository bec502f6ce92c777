//! `tree`: packages and declared entries become the tree of a file system.
//!
//! ```text
//! foundation  ->  packages, merged in order  ->  entries  ->  times clamped to the source date
//! ```
//! The inputs are the packages in order, then whatever entries refer to.

use std::collections::BTreeSet;

use gravure_eval::graph::{Failure, Task};
use gravure_formats::merge::Merger;
use gravure_formats::{Entry, Extents, Kind, Metadata, Tree, TreePath};
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
    /// A symbolic link to the one sibling whose path matches a pattern.
    SymlinkToMatch(String),
    /// A file with ranges of blobs that are in the store.
    Content(Extents),
    /// The content of the input with this number.
    Input(usize),
    /// Everything in the tree that is the input with this number, merged into the directory.
    InputTree(usize),
    /// A file of the tree that is the input with this number; `*` stands for any characters but `/`.
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
            What::InputTree(input) => What::InputTree(first + input),
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
    let mut foundation = Tree::default();
    declare(builder, task, &mut foundation, &parameters.foundation, parameters.time)?;
    let mut merger = Merger::new();
    merger.add("the file system's own layout", &foundation, &BTreeSet::new())?;
    for (name, input) in parameters.packages.iter().zip(&task.inputs) {
        merger.add(name, &builder.tree(input)?, &BTreeSet::new())?;
    }
    let mut tree = merger.into_tree();
    declare(builder, task, &mut tree, &parameters.entries, parameters.time)?;
    clamp_times(&mut tree, parameters.time);
    Ok(Artefact::Tree(tree))
}

fn declare(
    builder: &Builder<'_>,
    task: &Task,
    tree: &mut Tree,
    entries: &[Declared],
    time: i64,
) -> Result<(), Failure> {
    for declared in entries {
        let path = TreePath::parse(&declared.path)?;
        if let What::InputTree(input) = declared.what {
            graft(tree, &path, &builder.tree(&task.inputs[input])?)?;
            continue;
        }
        let kind = kind_of(builder, task, tree, &declared.what)?;
        let Declared { mode, uid, gid, .. } = *declared;
        put(tree, &path, Entry { metadata: Metadata { mode, uid, gid, mtime: time, ..Metadata::default() }, kind })?;
    }
    Ok(())
}

fn kind_of(builder: &Builder<'_>, task: &Task, tree: &Tree, what: &What) -> Result<Kind, Failure> {
    Ok(match what {
        What::Directory | What::InputTree(_) => Kind::Directory,
        What::Text(text) => Kind::File(Extents::from_bytes(text.clone())),
        What::Symlink(target) => Kind::Symlink(target.clone().into()),
        What::SymlinkToMatch(pattern) => Kind::Symlink(find_one(tree, pattern)?.file_name().to_vec().into()),
        What::Content(content) => Kind::File(content.clone()),
        What::Input(input) => Kind::File(builder.extents(&task.inputs[*input])?),
        What::InputFile(input, pattern) => {
            let from = builder.tree(&task.inputs[*input])?;
            let found = find_one(&from, pattern)?;
            from.get(&found).expect("what was found is there").kind.clone()
        }
    })
}

/// Puts an entry where its path leads.
fn put(tree: &mut Tree, path: &TreePath, entry: Entry) -> Result<(), Failure> {
    let path = through_links(tree, path)?;
    let put = tree.insert(&path, entry);
    put.map_err(|blocking| format!("`{path}` cannot be put below `{blocking}`, which is no directory"))?;
    Ok(())
}

/// Puts everything of another tree into the directory at `path`.
fn graft(tree: &mut Tree, path: &TreePath, other: &Tree) -> Result<(), Failure> {
    for (below, _, entry) in other.iter() {
        let path = if below.is_root() { path.clone() } else { path.join(below.as_bytes())? };
        put(tree, &path, entry.clone())?;
    }
    Ok(())
}

/// Returns where a path leads when the directories on its way are links, as `/bin` is in a merged `/usr`.
fn through_links(tree: &Tree, path: &TreePath) -> Result<TreePath, Failure> {
    let Some(parent) = path.parent().filter(|parent| !parent.is_root()) else { return Ok(path.clone()) };
    let parent = through_links(tree, &parent)?;
    let target = match tree.get(&parent).map(|entry| &entry.kind) {
        Some(Kind::Symlink(target)) if target.starts_with(b"/") => TreePath::parse(target)?,
        Some(Kind::Symlink(target)) => parent.parent().expect("the root is no link").join(target)?,
        _ => parent,
    };
    Ok(target.join(path.file_name())?)
}

/// Returns the one path of a tree that matches a pattern, in which `*` stands for any characters but `/`.
pub(super) fn find_one(tree: &Tree, pattern: &str) -> Result<TreePath, Failure> {
    let wanted = TreePath::parse(pattern)?;
    let mut found = tree.iter().map(|(path, ..)| path).filter(|path| matches(wanted.as_bytes(), path.as_bytes()));
    match (found.next(), found.next()) {
        (Some(path), None) => Ok(path.clone()),
        (None, _) => Err(format!("there is no `{wanted}`").into()),
        (Some(first), Some(second)) => Err(format!("`{wanted}` could be `{first}` or `{second}`").into()),
    }
}

fn matches(pattern: &[u8], path: &[u8]) -> bool {
    match pattern.split_first() {
        None => path.is_empty(),
        Some((b'*', rest)) => {
            let name = path.iter().position(|&byte| byte == b'/').unwrap_or(path.len());
            (0..=name).any(|skipped| matches(rest, &path[skipped..]))
        }
        Some((byte, rest)) => path.first() == Some(byte) && matches(rest, &path[1..]),
    }
}

fn clamp_times(tree: &mut Tree, time: i64) {
    let paths: Vec<TreePath> = tree.iter().map(|(path, ..)| path.clone()).collect();
    for path in paths {
        let metadata = &mut tree.get_mut(&path).expect("the path was listed").metadata;
        metadata.mtime = metadata.mtime.min(time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_within_a_name() {
        assert!(matches(b"boot/vmlinuz-*", b"boot/vmlinuz-6.12-amd64"));
        assert!(matches(b"*/a*c", b"x/abc"));
        assert!(!matches(b"boot/*", b"boot/grub/grub.cfg"));
        assert!(!matches(b"boot", b"boot/"));
    }

    #[test]
    fn entries_go_through_directory_links() {
        let mut tree = Tree::default();
        let path = |text: &str| TreePath::parse(text).unwrap();
        tree.insert(&path("usr/sbin"), Entry::directory(0o755)).unwrap();
        tree.insert(&path("sbin"), Entry::symlink("usr/sbin")).unwrap();
        assert_eq!(through_links(&tree, &path("sbin/init")).unwrap(), path("usr/sbin/init"));
        assert_eq!(through_links(&tree, &path("sbin")).unwrap(), path("sbin"));
    }
}
