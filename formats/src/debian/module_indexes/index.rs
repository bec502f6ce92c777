//! The binary form of an index: a radix tree of keys, as libkmod maps it into memory.
//!
//! ```text
//! offset  size  meaning (all numbers big endian)
//!      0     4  magic B0 07 F4 57
//!      4     4  version: 2.1, as 00 02 00 01
//!      8     4  the root, a reference
//!     12     -  nodes, each behind those below it
//!
//! a node, of which each part is there when the flag in the reference to it says so:
//!   the text that all keys below share, ended by a NUL        flag 0x80000000
//!   first byte, last byte, a reference for each of them       flag 0x20000000; 0: no child
//!   number of values, for each its priority and text, NUL     flag 0x40000000; lowest priority first
//! ```
//! A reference is the offset of a node with these flags.

use std::collections::BTreeMap;

const MAGIC: [u8; 4] = [0xb0, 0x07, 0xf4, 0x57];
const VERSION: [u8; 4] = [0, 2, 0, 1];
const HAS_PREFIX: u32 = 0x8000_0000;
const HAS_VALUES: u32 = 0x4000_0000;
const HAS_CHILDREN: u32 = 0x2000_0000;

/// An index on its way.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// For each key its values, lowest priority first.
    keys: BTreeMap<Vec<u8>, Vec<(u32, Vec<u8>)>>,
}

impl Index {
    pub(super) fn new() -> Index {
        Index::default()
    }

    /// Adds a value of a key; of equal priorities the later one comes first. Keys are ASCII: others are left out.
    pub(super) fn insert(&mut self, key: &str, value: &str, priority: usize) {
        if !key.is_ascii() || key.contains('\0') {
            return;
        }
        let priority = u32::try_from(priority).expect("there are fewer modules than 2^32");
        let values = self.keys.entry(key.as_bytes().to_vec()).or_default();
        let at = values.partition_point(|(known, _)| *known < priority);
        values.insert(at, (priority, value.as_bytes().to_vec()));
    }

    /// Returns the file.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = [MAGIC, VERSION, [0; 4]].concat();
        let keys: Vec<(&[u8], &Values)> = self.keys.iter().map(|(key, values)| (&key[..], values)).collect();
        let root = write(&keys, 0, true, &mut bytes);
        bytes[8..12].copy_from_slice(&root.to_be_bytes());
        bytes
    }
}

type Values = Vec<(u32, Vec<u8>)>;

/// Writes the node of these keys, which are in order and equal up to `depth`, and returns the reference to it.
fn write(keys: &[(&[u8], &Values)], depth: usize, is_root: bool, bytes: &mut Vec<u8>) -> u32 {
    // The root never has a prefix: depmod makes it before it knows of any key.
    let shared = if is_root { depth } else { shared(keys, depth) };
    let (own, below) = match keys.first() {
        Some((key, values)) if key.len() == shared => (Some(*values), &keys[1..]),
        _ => (None, keys),
    };
    let children = write_children(below, shared, bytes);
    let offset = u32::try_from(bytes.len()).expect("an index is smaller than 4 GiB");
    let mut reference = offset;
    if depth < shared {
        bytes.extend_from_slice(&keys[0].0[depth..shared]);
        bytes.push(0);
        reference |= HAS_PREFIX;
    }
    if let (Some(first), Some(last)) = (children.first(), children.last()) {
        bytes.extend([first.0, last.0]);
        let references: BTreeMap<u8, u32> = children.iter().copied().collect();
        for letter in first.0..=last.0 {
            bytes.extend(references.get(&letter).unwrap_or(&0).to_be_bytes());
        }
        reference |= HAS_CHILDREN;
    }
    if let Some(values) = own {
        bytes.extend((values.len() as u32).to_be_bytes());
        for (priority, value) in values {
            bytes.extend(priority.to_be_bytes());
            bytes.extend_from_slice(value);
            bytes.push(0);
        }
        reference |= HAS_VALUES;
    }
    reference
}

/// Writes what is below a node whose text ends at `depth`; returns the letter and the reference of each child.
fn write_children(keys: &[(&[u8], &Values)], depth: usize, bytes: &mut Vec<u8>) -> Vec<(u8, u32)> {
    let groups = keys.chunk_by(|(a, _), (b, _)| a[depth] == b[depth]);
    groups.map(|group| (group[0].0[depth], write(group, depth + 1, false, bytes))).collect()
}

/// Returns how far keys in order are equal: the first and the last tell.
fn shared(keys: &[(&[u8], &Values)], depth: usize) -> usize {
    let (Some((first, _)), Some((last, _))) = (keys.first(), keys.last()) else { return depth };
    depth + first[depth..].iter().zip(&last[depth..]).take_while(|(a, b)| a == b).count()
}
