//! Device trees as they are written, part by part.
//!
//! ```text
//! header (40 bytes) | no reserved ranges (16 bytes) | structure | strings
//! ```
//! (Devicetree Specification 0.4, chapter 5; numbers are big-endian.)

use gravure_formats::device_tree::{DeviceTree, Node};

/// A flattened device tree that grows.
#[derive(Default)]
pub(crate) struct FlatTree {
    structure: Vec<u8>,
    strings: Vec<u8>,
}

impl FlatTree {
    /// Returns a tree that says what another one says.
    pub(crate) fn of(tree: &DeviceTree<'_>) -> Vec<u8> {
        let mut flat = FlatTree::default();
        let mut open = 0;
        for node in tree.nodes() {
            let depth = std::iter::successors(node.parent(), |node: &Node<'_>| node.parent()).count();
            (depth..open).for_each(|_| flat.end());
            flat.begin(node.name());
            node.properties().for_each(|(name, value)| flat.property(name, value));
            open = depth + 1;
        }
        (0..open).for_each(|_| flat.end());
        flat.finish()
    }

    pub(crate) fn begin(&mut self, name: &str) {
        self.number(1);
        self.padded(format!("{name}\0").as_bytes());
    }

    pub(crate) fn property(&mut self, name: &str, value: &[u8]) {
        self.number(3);
        self.number(value.len() as u32);
        self.number(self.strings.len() as u32);
        self.strings.extend(format!("{name}\0").as_bytes());
        self.padded(value);
    }

    pub(crate) fn cells(&mut self, name: &str, cells: &[u32]) {
        let value: Vec<u8> = cells.iter().flat_map(|cell| cell.to_be_bytes()).collect();
        self.property(name, &value);
    }

    pub(crate) fn end(&mut self) {
        self.number(2);
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.number(9);
        let (structure, strings) = (self.structure.len() as u32, self.strings.len() as u32);
        let total = 56 + structure + strings;
        let header = [0xd00d_feed, total, 56, 56 + structure, 40, 17, 16, 0, strings, structure, 0, 0, 0, 0];
        [header.map(u32::to_be_bytes).as_flattened(), &self.structure, &self.strings].concat()
    }

    fn number(&mut self, number: u32) {
        self.structure.extend(number.to_be_bytes());
    }

    fn padded(&mut self, bytes: &[u8]) {
        self.structure.extend(bytes);
        self.structure.resize(self.structure.len().next_multiple_of(4), 0);
    }
}
