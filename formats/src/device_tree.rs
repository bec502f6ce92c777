//! Device trees: what firmware tells a kernel about a board, in their flattened form (`.dtb`).
//!
//! ```text
//! 0     header            magic, sizes, where the blocks are: ten numbers
//!       memory            reserved ranges; not read here
//!       structure         BEGIN_NODE "name" (PROP len name value)* (nodes)* END_NODE ... END
//!       strings           the names of properties, each ended by a NUL
//! ```
//! Numbers are big-endian and have 4 bytes; what is in the structure block is padded to 4 bytes. Devicetree Specification
//! v0.4, chapter 5, version 17 of the format. The reader is total: any bytes are a tree or an [`Error`].
//!
//! Nodes refer to each other by numbers, their phandles; [`storage_modules`] follows them from the hosts of storage to all that
//! these need, and asks for the drivers.

use std::collections::BTreeMap;
use std::fmt;

mod reader;
mod storage;
#[cfg(test)]
mod tests;

pub use storage::{BoardModules, Host, storage_modules};

/// Why bytes are no device tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// They do not begin as one.
    Magic,
    /// The format has a version that is not read here.
    Version {
        /// Its version.
        version: u32,
        /// The oldest version whose readers can read it.
        oldest: u32,
    },
    /// It says that it is longer than any kernel takes.
    TooLarge {
        /// Its length in bytes.
        len: u32,
    },
    /// The file ends before the tree does.
    Truncated {
        /// How long the tree says it is, in bytes.
        len: u32,
        /// How long the file is, in bytes.
        actual: usize,
    },
    /// A block lies outside the tree.
    Outside(&'static str),
    /// Nodes are in one another deeper than any kernel takes.
    TooDeep {
        /// Where the node is that is too deep, from the start of the file.
        at: usize,
    },
    /// Something in the structure block does not make sense.
    Damaged {
        /// Where it is, from the start of the file.
        at: usize,
        /// What is wrong.
        what: &'static str,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Magic => f.write_str("not a device tree"),
            Error::Version { version, oldest } => write!(
                f,
                "a device tree of version {version}, for readers of version {oldest} and newer; only version {} is supported",
                reader::VERSION
            ),
            Error::TooLarge { len } => {
                write!(f, "a device tree of {len} bytes; kernels take at most {}", reader::MOST)
            }
            Error::Truncated { len, actual } => {
                write!(f, "a device tree of {len} bytes of which the file has only {actual}")
            }
            Error::Outside(block) => write!(f, "a damaged device tree: {block} lies outside of it"),
            Error::TooDeep { at } => {
                write!(f, "a damaged device tree: more than {} nodes in one another at byte {at}", reader::DEEPEST)
            }
            Error::Damaged { at, what } => write!(f, "a damaged device tree: {what} at byte {at}"),
        }
    }
}

impl std::error::Error for Error {}

/// A device tree; its names and values are those of the bytes that it was read from.
#[derive(Clone, Debug)]
pub struct DeviceTree<'a> {
    /// In the order of the file: the root first, parents before their children.
    nodes: Vec<Record<'a>>,
    /// Indices of nodes.
    phandles: BTreeMap<u32, usize>,
}

/// What is known of a node.
#[derive(Clone, Debug)]
struct Record<'a> {
    name: &'a str,
    parent: Option<usize>,
    properties: BTreeMap<&'a str, &'a [u8]>,
}

/// A node of a tree.
#[derive(Clone, Copy)]
pub struct Node<'t> {
    tree: &'t DeviceTree<'t>,
    idx: usize,
}

impl<'a> DeviceTree<'a> {
    /// Reads a flattened device tree. What is behind its end is ignored.
    ///
    /// # Errors
    /// As the variants of [`Error`] say.
    pub fn parse(bytes: &'a [u8]) -> Result<DeviceTree<'a>, Error> {
        let nodes = reader::read(bytes)?;
        let mut tree = DeviceTree { nodes, phandles: BTreeMap::new() };
        let numbered: Vec<(u32, usize)> =
            tree.nodes().filter_map(|node| node.phandle().map(|number| (number, node.idx))).collect();
        for (number, idx) in numbered {
            tree.phandles.entry(number).or_insert(idx);
        }
        Ok(tree)
    }

    /// Returns all nodes in the order of the file, the root first.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        (0..self.nodes.len()).map(|idx| Node { tree: self, idx })
    }

    /// Returns the node that others call by this number.
    pub fn by_phandle(&self, phandle: u32) -> Option<Node<'_>> {
        self.phandles.get(&phandle).map(|&idx| Node { tree: self, idx })
    }
}

impl<'t> Node<'t> {
    fn record(self) -> &'t Record<'t> {
        &self.tree.nodes[self.idx]
    }

    /// Returns the name with the address: `mmc@1c0f000`. That of the root is empty.
    pub fn name(self) -> &'t str {
        self.record().name
    }

    /// Returns the name without the address: `mmc`.
    pub fn base_name(self) -> &'t str {
        self.name().split('@').next().unwrap_or_default()
    }

    /// Returns the names from the root to the node: `/soc/mmc@1c0f000`.
    pub fn path(self) -> String {
        let mut names: Vec<&str> = self.lineage().map(Node::name).collect();
        names.pop();
        names.iter().rev().fold(String::new(), |path, name| path + "/" + name) + if names.is_empty() { "/" } else { "" }
    }

    /// Returns the node that this one is in; none for the root.
    pub fn parent(self) -> Option<Node<'t>> {
        self.record().parent.map(|idx| Node { tree: self.tree, idx })
    }

    /// Returns the node, its parent, and so on, up to the root.
    fn lineage(self) -> impl Iterator<Item = Node<'t>> {
        std::iter::successors(Some(self), |node| node.parent())
    }

    /// Returns the names and values of the properties, in order of the names.
    pub fn properties(self) -> impl Iterator<Item = (&'t str, &'t [u8])> {
        self.record().properties.iter().map(|(name, value)| (*name, *value))
    }

    /// Returns the value of a property.
    pub fn property(self, name: &str) -> Option<&'t [u8]> {
        self.record().properties.get(name).copied()
    }

    /// Returns a property that is a list of texts, each ended by a NUL, without those that are not printable ASCII; nothing
    /// if there is no such property.
    pub fn strings(self, name: &str) -> impl Iterator<Item = &'t str> {
        let list = self.property(name).unwrap_or_default();
        let texts = list.split(|&byte| byte == 0).filter_map(|text| str::from_utf8(text).ok());
        texts.filter(|text| !text.is_empty() && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()))
    }

    /// Returns a property that is a list of numbers of 4 bytes; nothing if there is no such property.
    pub fn cells(self, name: &str) -> impl Iterator<Item = u32> {
        cells(self.property(name).unwrap_or_default())
    }

    /// Whether the device is there and to be used: neither it nor one that it is in has another `status` than "okay"
    /// (section 2.3.4), or "ok" as old trees say.
    pub fn is_enabled(self) -> bool {
        let says_so =
            |node: Node<'t>| node.property("status").is_none_or(|status| [&b"okay\0"[..], b"ok\0"].contains(&status));
        self.lineage().all(says_so)
    }

    /// Returns by which number others call the node: section 2.3.3, and the name that old trees have.
    fn phandle(self) -> Option<u32> {
        ["phandle", "linux,phandle"].iter().find_map(|name| self.cells(name).next())
    }
}

/// Cuts a value into numbers.
fn cells(value: &[u8]) -> impl Iterator<Item = u32> {
    value.as_chunks().0.iter().map(|cell| u32::from_be_bytes(*cell))
}
