//! The plan: the tree with names and sizes as FAT has them, before anything has a place.

use std::collections::BTreeMap;

use super::directory::RECORD_LEN;
use super::name::{self, DirectoryError, Names};
use super::{Error, geometry};
use crate::{Entry, Extents, Kind, Tree, TreePath};

/// The entries of a volume, in the order of the tree; the root comes first.
pub(super) struct Plan<'a> {
    pub(super) nodes: Vec<Node<'a>>,
}

/// A file or directory.
pub(super) struct Node<'a> {
    pub(super) path: &'a TreePath,
    /// None for the root, which has no name.
    pub(super) names: Option<Names>,
    /// Seconds since 1970.
    pub(super) mtime: i64,
    /// The index of the directory that holds it; the root's own for the root.
    pub(super) parent: usize,
    pub(super) content: Content<'a>,
}

/// What a node contains.
pub(super) enum Content<'a> {
    File(&'a Extents),
    Directory {
        /// The indices of the entries.
        children: Vec<usize>,
        /// The records, with those for long names, for the label in the root, and for `.` and `..` elsewhere.
        n_records: u64,
    },
}

impl<'a> Plan<'a> {
    /// Returns the plan of a tree.
    ///
    /// # Errors
    /// Something in the tree is not possible on any kind of FAT.
    pub(super) fn of(tree: &'a Tree, has_label: bool) -> Result<Plan<'a>, Error> {
        let mut plan = Plan { nodes: nodes(tree)? };
        for idx in 0..plan.nodes.len() {
            let fixed_records = match idx {
                0 => u64::from(has_label),
                _ => 2,
            };
            plan.name_children(idx, fixed_records)?;
        }
        Ok(plan)
    }

    /// Names what is in a directory, and counts the records for it.
    fn name_children(&mut self, idx: usize, fixed_records: u64) -> Result<(), Error> {
        let Content::Directory { children, .. } = &self.nodes[idx].content else { return Ok(()) };
        let children = children.clone();
        self.check_records(idx, fixed_records + children.len() as u64)?;
        let directory: Vec<&[u8]> = children.iter().map(|&child| self.nodes[child].path.file_name()).collect();
        let path_of = |i: usize| self.nodes[children[i]].path.clone();
        let names = name::names_of(&directory).map_err(|error| match error {
            DirectoryError::Name(i, error) => Error::Name { path: path_of(i), error },
            DirectoryError::Same(i, j) => Error::SameName { first: path_of(i), second: path_of(j) },
        })?;
        let needed = fixed_records + names.iter().map(Names::n_records).sum::<u64>();
        self.check_records(idx, needed)?;
        for (&child, names) in children.iter().zip(names) {
            self.nodes[child].names = Some(names);
        }
        if let Content::Directory { n_records, .. } = &mut self.nodes[idx].content {
            *n_records = needed;
        }
        Ok(())
    }

    fn check_records(&self, idx: usize, n_records: u64) -> Result<(), Error> {
        if n_records > geometry::MAX_DIRECTORY_RECORDS {
            return Err(Error::DirectoryFull { path: self.nodes[idx].path.clone(), n_records });
        }
        Ok(())
    }

    /// Returns how many records the root directory has.
    pub(super) fn n_root_records(&self) -> u64 {
        self.nodes[0].len() / RECORD_LEN
    }

    /// Returns the nodes that lie in clusters: all, but for the root where it has a place of its own.
    pub(super) fn in_clusters(&self, kind: super::Kind) -> impl Iterator<Item = (usize, &Node<'a>)> {
        let first = usize::from(kind != super::Kind::Fat32);
        self.nodes.iter().enumerate().skip(first)
    }

    /// Returns how many clusters of `cluster_len` bytes the content takes.
    pub(super) fn n_clusters(&self, kind: super::Kind, cluster_len: u64) -> u64 {
        self.in_clusters(kind).map(|(_, node)| node.n_clusters(cluster_len)).sum()
    }

    /// Returns the largest files with their lengths, at most five.
    pub(super) fn largest(&self) -> Vec<(TreePath, u64)> {
        let files = self.nodes.iter().filter(|node| matches!(node.content, Content::File(_)));
        let mut files: Vec<(TreePath, u64)> = files.map(|node| (node.path.clone(), node.len())).collect();
        files.sort_by_key(|(_, len)| std::cmp::Reverse(*len));
        files.truncate(5);
        files
    }
}

impl Node<'_> {
    /// Returns the length of the content in bytes.
    pub(super) fn len(&self) -> u64 {
        match self.content {
            Content::File(content) => content.len(),
            Content::Directory { n_records, .. } => n_records * RECORD_LEN,
        }
    }

    /// Returns how many clusters the content takes: none if it is an empty file, at least one if it is a directory.
    pub(super) fn n_clusters(&self, cluster_len: u64) -> u64 {
        match self.content {
            Content::File(_) => self.len().div_ceil(cluster_len),
            Content::Directory { .. } => self.len().div_ceil(cluster_len).max(1),
        }
    }
}

/// Returns the nodes of a tree, connected, but without names.
fn nodes(tree: &Tree) -> Result<Vec<Node<'_>>, Error> {
    let mut nodes: Vec<Node<'_>> = Vec::with_capacity(tree.len());
    let mut directories = BTreeMap::new();
    for (idx, (path, _, entry)) in tree.iter().enumerate() {
        let content = content(path, entry)?;
        if matches!(content, Content::Directory { .. }) {
            directories.insert(path, idx);
        }
        let parent = path.parent().map_or(0, |parent| directories[&parent]);
        if let Some(Node { content: Content::Directory { children, .. }, .. }) = nodes.get_mut(parent) {
            children.push(idx);
        }
        nodes.push(Node { path, names: None, mtime: entry.metadata.mtime, parent, content });
    }
    Ok(nodes)
}

fn content<'a>(path: &TreePath, entry: &'a Entry) -> Result<Content<'a>, Error> {
    let refuse = |what| Err(Error::NotFile { path: path.clone(), what });
    match &entry.kind {
        Kind::Directory => Ok(Content::Directory { children: Vec::new(), n_records: 0 }),
        Kind::File(content) if content.len() > u32::MAX.into() => {
            Err(Error::FileTooLarge { path: path.clone(), len: content.len() })
        }
        Kind::File(content) => Ok(Content::File(content)),
        Kind::Symlink(_) => refuse("symbolic link"),
        Kind::CharacterDevice { .. } | Kind::BlockDevice { .. } => refuse("device"),
        Kind::Fifo => refuse("named pipe"),
        Kind::Socket => refuse("socket"),
    }
}
