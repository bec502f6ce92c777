//! Trees: what a file system contains, as data.
//!
//! A tree is an ordered map from paths to leaves; two paths with one leaf are hard links of one another.
//! Contents are ranges of blobs ([`Extents`]), device nodes are numbers, and no tree is ever unpacked onto
//! the file system of the host. The invariants: the root is there and is a directory; the parent of every
//! path is there and is a directory; a directory has exactly one path.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::Extents;

/// A normalised path inside a tree: components joined by `/`, without a leading one; the root is empty.
///
/// Paths are bytes, since file systems know no encoding. They are ordered by component, so that everything below
/// a directory follows it directly (`a`, `a/b`, `a-b`).
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TreePath(Bytes);

/// Why some bytes are no path of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathError {
    /// A component is `..`, which could leave the tree.
    Parent,
    /// A NUL byte, which no file system can store.
    Nul,
    /// A component is longer than 255 bytes, the limit of every Linux file system.
    TooLong,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PathError::Parent => "a path in a tree may not contain `..`",
            PathError::Nul => "a path may not contain a NUL byte",
            PathError::TooLong => "a name in a path may have at most 255 bytes",
        })
    }
}

impl std::error::Error for PathError {}

impl TreePath {
    /// Returns the path of the root.
    pub fn root() -> TreePath {
        TreePath::default()
    }

    /// Normalises a path as archives and people write them: leading and doubled `/` and `.` components vanish.
    pub fn parse(path: impl AsRef<[u8]>) -> Result<TreePath, PathError> {
        let path = path.as_ref();
        if path.contains(&0) {
            return Err(PathError::Nul);
        }
        let mut normal = Vec::with_capacity(path.len());
        for component in path.split(|&byte| byte == b'/') {
            match component {
                b"" | b"." => continue,
                b".." => return Err(PathError::Parent),
                name if name.len() > 255 => return Err(PathError::TooLong),
                name => {
                    if !normal.is_empty() {
                        normal.push(b'/');
                    }
                    normal.extend_from_slice(name);
                }
            }
        }
        Ok(TreePath(normal.into()))
    }

    /// Returns the path of the entry `name` in this directory.
    ///
    /// # Errors
    /// As [`TreePath::parse`].
    pub fn join(&self, name: impl AsRef<[u8]>) -> Result<TreePath, PathError> {
        let mut path = self.0.to_vec();
        path.push(b'/');
        path.extend_from_slice(name.as_ref());
        TreePath::parse(path)
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the bytes, without a leading `/`.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the components from the root on.
    pub fn components(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|&byte| byte == b'/').filter(|name| !name.is_empty())
    }

    /// Returns the directory that holds this entry; none for the root.
    pub fn parent(&self) -> Option<TreePath> {
        if self.is_root() {
            return None;
        }
        let end = self.0.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
        Some(TreePath(self.0.slice(..end)))
    }

    /// Returns the last component; empty for the root.
    pub fn file_name(&self) -> &[u8] {
        let start = self.0.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
        &self.0[start..]
    }

    /// Whether this is `directory` or lies below it.
    pub fn starts_with(&self, directory: &TreePath) -> bool {
        directory.is_root()
            || self.0.strip_prefix(&directory.0[..]).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    }
}

impl Ord for TreePath {
    fn cmp(&self, other: &TreePath) -> std::cmp::Ordering {
        const STEP: usize = 16;
        // Neighbours in a tree begin alike: that is skipped by steps of words.
        let chunks = self.0.chunks_exact(STEP).zip(other.0.chunks_exact(STEP));
        let n_same = STEP * chunks.take_while(|(own, others)| own == others).count();
        // `/` sorts below every other byte, NUL included: paths contain none.
        let key = |&byte: &u8| if byte == b'/' { 0 } else { byte };
        self.0[n_same..].iter().map(key).cmp(other.0[n_same..].iter().map(key))
    }
}

impl PartialOrd for TreePath {
    fn partial_cmp(&self, other: &TreePath) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for TreePath {
    /// Writes the path with a leading `/`; bytes outside printable ASCII are escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.0.escape_ascii())
    }
}

impl fmt::Debug for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Names a leaf of a tree: the identity behind one or several paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LeafId(u32);

/// What the paths of one leaf lead to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Mode, owner, time and extended attributes.
    pub metadata: Metadata,
    /// What kind of thing it is, with its content.
    pub kind: Kind,
}

/// What every kind of entry has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Permission bits with set-user-id, set-group-id and sticky: the low 12 bits of `st_mode`.
    pub mode: u16,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Time of last modification, in seconds since 1970.
    pub mtime: i64,
    /// Extended attributes by full name (`security.capability`).
    pub xattrs: BTreeMap<Bytes, Bytes>,
}

/// The kinds of entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A directory; its entries are the paths below its own.
    Directory,
    /// A regular file with its content.
    File(Extents),
    /// A symbolic link with its target, which is any text.
    Symlink(Bytes),
    /// A character device.
    CharacterDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
}

impl Entry {
    /// Returns a directory with this mode, owned by root.
    pub fn directory(mode: u16) -> Entry {
        Entry { metadata: Metadata { mode, ..Metadata::default() }, kind: Kind::Directory }
    }

    /// Returns a regular file with this mode, owned by root.
    pub fn file(mode: u16, content: Extents) -> Entry {
        Entry { metadata: Metadata { mode, ..Metadata::default() }, kind: Kind::File(content) }
    }

    /// Returns a symbolic link, owned by root.
    pub fn symlink(target: impl Into<Bytes>) -> Entry {
        Entry { metadata: Metadata { mode: 0o777, ..Metadata::default() }, kind: Kind::Symlink(target.into()) }
    }

    /// Whether this is a directory.
    pub fn is_directory(&self) -> bool {
        self.kind == Kind::Directory
    }
}

/// What a file system contains: an ordered map from paths to entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    #[serde(deserialize_with = "paths_at_once")]
    paths: BTreeMap<TreePath, LeafId>,
    leaves: Vec<Entry>,
}

/// Reads the paths of a tree as a list, of which a map is made faster than by inserting them one after another.
fn paths_at_once<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<TreePath, LeafId>, D::Error> {
    struct Pairs;

    impl<'de> Visitor<'de> for Pairs {
        type Value = BTreeMap<TreePath, LeafId>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("paths with their leaves")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            std::iter::from_fn(|| map.next_entry().transpose()).collect()
        }
    }

    deserializer.deserialize_map(Pairs)
}

impl Default for Tree {
    fn default() -> Tree {
        Tree::new(Entry::directory(0o755))
    }
}

impl Tree {
    /// Returns a tree that is only this root directory.
    ///
    /// # Panics
    /// When `root` is no directory.
    pub fn new(root: Entry) -> Tree {
        assert!(root.is_directory(), "the root of a tree is a directory");
        Tree { paths: BTreeMap::from([(TreePath::root(), LeafId(0))]), leaves: vec![root] }
    }

    /// Returns the entry at `path`.
    pub fn get(&self, path: &TreePath) -> Option<&Entry> {
        self.paths.get(path).map(|&leaf| &self.leaves[leaf.0 as usize])
    }

    /// Returns every entry, to change it, in no particular order. Whoever changes a kind keeps directories directories.
    pub fn entries_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.leaves.iter_mut()
    }

    /// Returns the entry at `path`, to change it. Whoever changes its kind keeps directories directories.
    pub fn get_mut(&mut self, path: &TreePath) -> Option<&mut Entry> {
        self.paths.get(path).map(|&leaf| &mut self.leaves[leaf.0 as usize])
    }

    /// Returns the leaf at `path`: equal for hard links of one another.
    pub fn leaf(&self, path: &TreePath) -> Option<LeafId> {
        self.paths.get(path).copied()
    }

    /// Returns every path with its leaf and entry; a directory comes before what is below it.
    pub fn iter(&self) -> impl Iterator<Item = (&TreePath, LeafId, &Entry)> {
        self.paths.iter().map(|(path, &leaf)| (path, leaf, &self.leaves[leaf.0 as usize]))
    }

    /// Returns `directory` and everything below it.
    pub fn below<'a>(&'a self, directory: &'a TreePath) -> impl Iterator<Item = (&'a TreePath, LeafId, &'a Entry)> {
        self.paths
            .range(directory..)
            .take_while(|(path, _)| path.starts_with(directory))
            .map(|(path, &leaf)| (path, leaf, &self.leaves[leaf.0 as usize]))
    }

    /// Returns how many paths there are, the root included.
    pub fn len(&self) -> usize {
        self.paths.len()
    }

    /// Whether there is nothing but the root.
    pub fn is_empty(&self) -> bool {
        self.paths.len() == 1
    }

    /// Puts an entry at `path` in place of what is there, and directories (0755, root) above it where they are missing.
    /// A directory put onto a directory keeps what is below; anything else removes it.
    ///
    /// # Errors
    /// The path above `path` that is there and is no directory.
    ///
    /// # Panics
    /// When the root would become something other than a directory.
    pub fn insert(&mut self, path: &TreePath, entry: Entry) -> Result<LeafId, TreePath> {
        assert!(!path.is_root() || entry.is_directory(), "the root of a tree is a directory");
        self.make_parents(path)?;
        let Some(&leaf) = self.paths.get(path) else { return Ok(self.put_new(path, entry)) };
        let there = &mut self.leaves[leaf.0 as usize];
        if entry.is_directory() && there.is_directory() {
            *there = entry;
            return Ok(leaf);
        }
        self.remove(path);
        Ok(self.put_new(path, entry))
    }

    /// Makes `path` one more hard link of `leaf`, in place of what is there.
    ///
    /// # Errors
    /// The path above `path` that is there and is no directory.
    ///
    /// # Panics
    /// When `leaf` is a directory, which has one path only, or not of this tree.
    pub fn link(&mut self, path: &TreePath, leaf: LeafId) -> Result<(), TreePath> {
        assert!(!self.leaves[leaf.0 as usize].is_directory(), "a directory has one path only");
        self.make_parents(path)?;
        if self.leaf(path) != Some(leaf) {
            self.remove(path);
            self.paths.insert(path.clone(), leaf);
        }
        Ok(())
    }

    /// Removes `path` and everything below it; the root itself stays, emptied.
    pub fn remove(&mut self, path: &TreePath) {
        let doomed: Vec<TreePath> = self.below(path).map(|(path, ..)| path.clone()).collect();
        for path in doomed.into_iter().filter(|path| !path.is_root()) {
            self.paths.remove(&path);
        }
    }

    /// Puts an entry where nothing is.
    fn put_new(&mut self, path: &TreePath, entry: Entry) -> LeafId {
        let leaf = LeafId(u32::try_from(self.leaves.len()).expect("a tree has fewer than 2^32 leaves"));
        self.leaves.push(entry);
        self.paths.insert(path.clone(), leaf);
        leaf
    }

    fn make_parents(&mut self, path: &TreePath) -> Result<(), TreePath> {
        let Some(parent) = path.parent() else { return Ok(()) };
        match self.get(&parent) {
            Some(entry) if entry.is_directory() => Ok(()),
            Some(_) => Err(parent),
            None => {
                self.make_parents(&parent)?;
                self.put_new(&parent, Entry::directory(0o755));
                Ok(())
            }
        }
    }

    /// Returns the tree with its leaves numbered by first path and without those that no path leads to: equal content, equal tree.
    pub fn canonical(&self) -> Tree {
        let mut numbers = vec![None; self.leaves.len()];
        let mut leaves = Vec::new();
        let numbered = self.iter().map(|(path, leaf, entry)| {
            let number = *numbers[leaf.0 as usize].get_or_insert_with(|| {
                leaves.push(entry.clone());
                LeafId(leaves.len() as u32 - 1)
            });
            (path.clone(), number)
        });
        let paths = numbered.collect();
        Tree { paths, leaves }
    }

    /// Returns the serialised form of the canonical tree: what the store keeps as a manifest.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_stdvec(&self.canonical()).expect("trees consist of plain data")
    }

    /// Returns the tree that [`Tree::to_bytes`] wrote, or what is wrong with the bytes.
    pub fn from_serialised(bytes: &[u8]) -> Result<Tree, String> {
        let tree: Tree = postcard::from_bytes(bytes).map_err(|error| format!("not a serialised tree: {error}"))?;
        let sound = tree.paths.values().all(|leaf| (leaf.0 as usize) < tree.leaves.len())
            && tree.get(&TreePath::root()).is_some_and(Entry::is_directory);
        if sound { Ok(tree) } else { Err("not a serialised tree: a path leads nowhere".to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> TreePath {
        TreePath::parse(text).unwrap()
    }

    #[test]
    fn paths_are_normalised_and_may_not_escape() {
        assert_eq!(path("./usr//bin/./sh").to_string(), "/usr/bin/sh");
        assert_eq!(TreePath::parse("/etc/../../x"), Err(PathError::Parent));
        assert_eq!(TreePath::parse("a\0b"), Err(PathError::Nul));
        assert_eq!(TreePath::parse("x".repeat(256)), Err(PathError::TooLong));
        assert_eq!(path("a/b").parent(), Some(path("a")));
        assert_eq!(path("a").parent(), Some(TreePath::root()));
        assert_eq!(path("a/b").file_name(), b"b");
    }

    #[test]
    fn everything_below_a_directory_follows_it() {
        let mut tree = Tree::default();
        for name in ["a-b", "a/c", "a/b", "b"] {
            tree.insert(&path(name), Entry::file(0o644, Extents::default())).unwrap();
        }
        let paths: Vec<String> = tree.iter().map(|(path, ..)| path.to_string()).collect();
        assert_eq!(paths, ["/", "/a", "/a/b", "/a/c", "/a-b", "/b"]);
        assert_eq!(tree.below(&path("a")).count(), 3);
    }

    #[test]
    fn replacing_and_linking_keep_the_invariants() {
        let mut tree = Tree::default();
        let leaf = tree.insert(&path("a/b"), Entry::file(0o644, Extents::from_bytes(&b"x"[..]))).unwrap();
        tree.link(&path("c"), leaf).unwrap();
        assert_eq!(tree.leaf(&path("c")), tree.leaf(&path("a/b")));
        assert_eq!(tree.insert(&path("c/d"), Entry::directory(0o755)), Err(path("c")));
        tree.insert(&path("a"), Entry::symlink("c")).unwrap();
        assert_eq!(tree.len(), 3, "what was below the directory went with it");
        assert_eq!(Tree::from_serialised(&tree.to_bytes()).unwrap(), tree.canonical());
    }

    #[test]
    fn the_order_of_making_does_not_show() {
        let make = |names: [&str; 2]| {
            let mut tree = Tree::default();
            for name in names {
                tree.insert(&path(name), Entry::symlink(name.to_owned())).unwrap();
            }
            tree.to_bytes()
        };
        assert_eq!(make(["a", "b"]), make(["b", "a"]));
    }
}
