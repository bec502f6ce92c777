//! Extended attributes (kernel documentation, ext4, "Extended Attributes").
//!
//! ```text
//! in the inode: | magic | entry | entry | 0000 |   free   | value | value |
//! in a block:   | header, 32 bytes | entry | entry | 0000 |  free  | value |
//! ```
//! Entries grow from the front, values from the back. Attributes go into the inode as long as there is room, in the
//! order of their names; the others share one block.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::checksum::Checksums;
use super::{Error, put};
use crate::TreePath;

/// `h_magic`.
const MAGIC: u32 = 0xEA02_0000;
/// Bytes of `ext4_xattr_header`.
const HEADER_SIZE: usize = 32;
/// Bytes of `ext4_xattr_ibody_header`.
const INODE_HEADER_SIZE: usize = 4;
/// Bytes of an entry in front of its name.
const ENTRY_SIZE: usize = 16;
/// Zeros that end the list of entries.
const END_SIZE: usize = 4;
/// Bytes between the fields of an inode (`i_extra_isize` 32) and the next one.
const ROOM_IN_INODE: usize = 256 - 128 - 32;

/// `e_name_index` of the name spaces that files on Linux can have.
const PREFIXES: [(u8, &[u8]); 3] = [(1, b"user."), (4, b"trusted."), (6, b"security.")];
/// `e_name_index` of the two access control lists, whose names are nothing else.
const ACLS: [(u8, &[u8]); 2] = [(2, b"system.posix_acl_access"), (3, b"system.posix_acl_default")];

/// The extended attributes of an inode as they are stored.
#[derive(Clone, Debug, Default)]
pub(super) struct Attributes {
    /// What stands behind the fields of the inode; empty without attributes there.
    pub(super) in_inode: Vec<u8>,
    /// The attribute block, still without its checksum.
    pub(super) block: Option<Vec<u8>>,
}

/// Returns the stored form of `xattrs` of the entry at `path`.
///
/// # Errors
/// A name space that ext4 cannot store, a name of nothing or over 255 bytes, more than one block of attributes, or
/// an access control list that is none.
pub(super) fn encode(path: &TreePath, xattrs: &BTreeMap<Bytes, Bytes>, block_size: u64) -> Result<Attributes, Error> {
    if xattrs.is_empty() {
        return Ok(Attributes::default());
    }
    let mut attributes: Vec<Attribute> =
        xattrs.iter().map(|(name, value)| Attribute::new(path, name, value)).collect::<Result<_, _>>()?;
    attributes.sort_by(|a, b| a.order().cmp(&b.order()));
    let mut inode = Region::new(ROOM_IN_INODE, INODE_HEADER_SIZE, INODE_HEADER_SIZE);
    let mut block = Region::new(block_size as usize, HEADER_SIZE, 0);
    let mut hashes = Vec::new();
    for attribute in &attributes {
        if inode.fits(attribute) {
            // Entries in the inode have no hash: kernels do not keep it up there.
            inode.add(attribute, 0);
        } else if block.fits(attribute) {
            hashes.push(attribute.hash());
            block.add(attribute, attribute.hash());
        } else {
            return Err(Error::XattrsTooLarge { path: path.clone() });
        }
    }
    Ok(Attributes { in_inode: inode.finish_inode(), block: (!hashes.is_empty()).then(|| block.finish_block(&hashes)) })
}

/// Writes `h_checksum` of an attribute block at its place in the file system.
pub(super) fn stamp(bytes: &mut [u8], block: u64, checksums: Checksums) {
    let sum = checksums.then(&block.to_le_bytes()).sum(bytes);
    put(bytes, 0x10, sum.to_le_bytes());
}

/// One attribute with its name taken apart.
struct Attribute<'a> {
    index: u8,
    name: &'a [u8],
    value: Bytes,
}

impl<'a> Attribute<'a> {
    fn new(path: &TreePath, name: &'a Bytes, value: &Bytes) -> Result<Attribute<'a>, Error> {
        if let Some(&(index, _)) = ACLS.iter().find(|(_, full)| name == full) {
            let stored = acl_on_disk(value);
            let value = stored.ok_or_else(|| Error::Acl { path: path.clone(), name: name.clone() })?;
            return Ok(Attribute { index, name: &[], value: value.into() });
        }
        let split = PREFIXES.iter().find_map(|&(index, prefix)| Some((index, name.strip_prefix(prefix)?)));
        match split {
            Some((index, name)) if (1..=255).contains(&name.len()) => {
                Ok(Attribute { index, name, value: value.clone() })
            }
            _ => Err(Error::XattrName { path: path.clone(), name: name.clone() }),
        }
    }

    /// Entries of a block are sorted by this.
    fn order(&self) -> (u8, usize, &[u8]) {
        (self.index, self.name.len(), self.name)
    }

    fn entry_len(&self) -> usize {
        (ENTRY_SIZE + self.name.len()).next_multiple_of(4)
    }

    fn value_len(&self) -> usize {
        self.value.len().next_multiple_of(4)
    }

    /// `e_hash`: name bytes rotated in by 5 bits, then little-endian words of the padded value by 16.
    fn hash(&self) -> u32 {
        let name = self.name.iter().fold(0u32, |hash, &byte| hash.rotate_left(5) ^ u32::from(byte));
        self.value.chunks(4).fold(name, |hash, chunk| {
            let mut word = [0; 4];
            word[..chunk.len()].copy_from_slice(chunk);
            hash.rotate_left(16) ^ u32::from_le_bytes(word)
        })
    }
}

/// Room for entries and values.
struct Region {
    bytes: Vec<u8>,
    /// Where the next entry goes.
    entries: usize,
    /// Where the lowest value starts.
    values: usize,
    /// What `e_value_offs` counts from.
    base: usize,
}

impl Region {
    fn new(len: usize, header: usize, base: usize) -> Region {
        Region { bytes: vec![0; len], entries: header, values: len, base }
    }

    fn fits(&self, attribute: &Attribute) -> bool {
        self.entries + attribute.entry_len() + END_SIZE + attribute.value_len() <= self.values
    }

    /// `ext4_xattr_entry`: 0 1 e_name_len, 1 1 e_name_index, 2 2 e_value_offs, 4 4 e_value_inum, 8 4 e_value_size,
    /// 12 4 e_hash, 16 e_name.
    fn add(&mut self, attribute: &Attribute, hash: u32) {
        self.values -= attribute.value_len();
        let offset = if attribute.value.is_empty() { 0 } else { self.values - self.base };
        let entry = &mut self.bytes[self.entries..];
        entry[0] = attribute.name.len() as u8;
        entry[1] = attribute.index;
        put(entry, 2, (offset as u16).to_le_bytes());
        put(entry, 8, (attribute.value.len() as u32).to_le_bytes());
        put(entry, 12, hash.to_le_bytes());
        entry[ENTRY_SIZE..ENTRY_SIZE + attribute.name.len()].copy_from_slice(attribute.name);
        self.entries += attribute.entry_len();
        self.bytes[self.values..self.values + attribute.value.len()].copy_from_slice(&attribute.value);
    }

    fn finish_inode(mut self) -> Vec<u8> {
        if self.entries == INODE_HEADER_SIZE {
            return Vec::new();
        }
        put(&mut self.bytes, 0, MAGIC.to_le_bytes());
        self.bytes
    }

    /// `ext4_xattr_header`: 0 4 h_magic, 4 4 h_refcount, 8 4 h_blocks, 12 4 h_hash, 16 4 h_checksum.
    fn finish_block(mut self, hashes: &[u32]) -> Vec<u8> {
        // A hash of 0 anywhere makes the whole block unfit for sharing, which 0 tells.
        let shareable = !hashes.contains(&0);
        let hash = hashes.iter().fold(0u32, |hash, entry| hash.rotate_left(16) ^ entry);
        put(&mut self.bytes, 0, MAGIC.to_le_bytes());
        put(&mut self.bytes, 4, 1u32.to_le_bytes());
        put(&mut self.bytes, 8, 1u32.to_le_bytes());
        put(&mut self.bytes, 12, if shareable { hash } else { 0 }.to_le_bytes());
        self.bytes
    }
}

/// Returns the stored form of an access control list given as `getxattr` gives it.
///
/// Given: 4 version (2), then 2 tag, 2 permissions, 4 identifier each. Stored: 4 version (1), and the identifier only
/// for named users and groups.
fn acl_on_disk(value: &[u8]) -> Option<Vec<u8>> {
    const GIVEN_VERSION: u32 = 2;
    const STORED_VERSION: u32 = 1;
    const NAMED: [u16; 2] = [0x02, 0x08];
    let entries = value.strip_prefix(&GIVEN_VERSION.to_le_bytes()).filter(|entries| entries.len() % 8 == 0)?;
    let mut stored = STORED_VERSION.to_le_bytes().to_vec();
    for entry in entries.chunks_exact(8) {
        let tag = u16::from_le_bytes([entry[0], entry[1]]);
        stored.extend_from_slice(if NAMED.contains(&tag) { entry } else { &entry[..4] });
    }
    Some(stored)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn xattrs(pairs: &[(&'static str, usize)]) -> BTreeMap<Bytes, Bytes> {
        pairs.iter().map(|&(name, len)| (Bytes::from(name), Bytes::from(vec![b'v'; len]))).collect()
    }

    #[test]
    fn attributes_overflow_from_the_inode_into_a_block() {
        let encode = |pairs| encode(&TreePath::root(), &xattrs(pairs), 4096);
        let small = encode(&[("security.capability", 20)]).unwrap();
        assert_eq!((small.in_inode.len(), small.block.is_some()), (96, false));
        let both = encode(&[("security.capability", 20), ("user.big", 3000)]).unwrap();
        assert_eq!((both.in_inode.len(), both.block.map(|block| block.len())), (96, Some(4096)));
        let block = encode(&[("user.big", 3000)]).unwrap();
        assert_eq!((block.in_inode.len(), block.block.is_some()), (0, true));
    }

    #[test]
    fn what_cannot_be_stored_is_an_error() {
        let encode = |pairs| encode(&TreePath::root(), &xattrs(pairs), 4096).unwrap_err();
        assert!(matches!(encode(&[("user.big", 4096)]), Error::XattrsTooLarge { .. }));
        assert!(matches!(encode(&[("system.nfs4_acl", 1)]), Error::XattrName { .. }));
        assert!(matches!(encode(&[("user.", 1)]), Error::XattrName { .. }));
        assert!(matches!(encode(&[("system.posix_acl_access", 5)]), Error::Acl { .. }));
    }
}
