//! Directories: lists of entries (kernel documentation, ext4, "Linear (Classic) Directories").
//!
//! ```text
//! block: | entry | entry | ... | last entry, up to the end or the tail | tail with the checksum |
//! ```
//! Entries never span blocks. A directory of one block is linear; a larger one has the index of `htree` where the
//! feature `dir_index` allows it, as have those that kernels let grow. Exceptions are `lost+found`, which e2fsck wants
//! to be linear, and directories for which two levels of index do not suffice (over 15,000 blocks of 1 KiB, 120,000 of
//! 2 KiB, a million of 4 KiB): kernels search those from front to back.

use std::ops::Range;

use super::checksum::Checksums;
use super::htree::Index;
use super::{Options, name_hash, put};

/// `file_type` of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum FileType {
    File = 1,
    Directory = 2,
    CharacterDevice = 3,
    BlockDevice = 4,
    Fifo = 5,
    Socket = 6,
    Symlink = 7,
}

/// An entry of a directory.
#[derive(Clone, Copy, Debug)]
pub(super) struct DirectoryEntry<'a> {
    /// The inode that it leads to.
    pub(super) ino: u32,
    /// What kind of inode that is.
    pub(super) file_type: FileType,
    /// The name, of 1 to 255 bytes.
    pub(super) name: &'a [u8],
}

/// A directory, whose entries are given to blocks.
#[derive(Clone, Debug)]
pub(super) struct Directory<'a> {
    /// `.` and `..`, then the others: of an index in the order of their hashes.
    pub(super) entries: Vec<DirectoryEntry<'a>>,
    form: Form,
}

/// How entries are given to blocks.
#[derive(Clone, Debug)]
enum Form {
    /// One after another.
    Linear { blocks: usize },
    /// By their hashes.
    Indexed(Index),
}

/// How many entries stand in front of the names: `.` and `..`.
const DOTS: usize = 2;
/// Bytes of an entry in front of its name.
const HEADER_SIZE: usize = 8;
/// Bytes of `ext4_dir_entry_tail`.
const TAIL_SIZE: usize = 12;
/// `det_reserved_ft`: marks the tail.
const TAIL_FILE_TYPE: u8 = 0xDE;

impl DirectoryEntry<'_> {
    /// The fewest bytes that the entry takes.
    fn len(&self) -> usize {
        (HEADER_SIZE + self.name.len()).next_multiple_of(4)
    }

    /// `ext4_dir_entry_2`: 0 4 inode, 4 2 rec_len, 6 1 name_len, 7 1 file_type, 8 name.
    fn write(&self, bytes: &mut [u8]) {
        let len = bytes.len();
        put(bytes, 0, self.ino.to_le_bytes());
        put(bytes, 4, (len as u16).to_le_bytes());
        bytes[6] = u8::try_from(self.name.len()).expect("paths have names of at most 255 bytes");
        bytes[7] = self.file_type as u8;
        bytes[HEADER_SIZE..HEADER_SIZE + self.name.len()].copy_from_slice(self.name);
    }
}

impl<'a> Directory<'a> {
    /// Returns the directory without names but its own and its parent's, in one block.
    pub(super) fn empty(own: u32, parent: u32) -> Directory<'a> {
        let entry = |ino, name: &'static [u8]| DirectoryEntry { ino, file_type: FileType::Directory, name };
        Directory { entries: vec![entry(own, b"."), entry(parent, b"..")], form: Form::Linear { blocks: 1 } }
    }

    /// Adds an entry; whoever adds entries arranges them at the end.
    pub(super) fn push(&mut self, entry: DirectoryEntry<'a>) {
        self.entries.push(entry);
    }

    /// Gives the entries to as few blocks as they need, with an index if there are several and it is allowed.
    pub(super) fn arrange(&mut self, options: &Options) {
        let usable = usable(u64::from(options.block_size), options.features.metadata_csum);
        let blocks = split(&self.entries, usable).len();
        self.form = Form::Linear { blocks };
        if blocks > 1 && options.features.dir_index {
            self.index(options);
        }
    }

    /// Gives the entries to as few blocks as they need, but at least so many, without an index.
    pub(super) fn arrange_linear(&mut self, least: u64, options: &Options) {
        let usable = usable(u64::from(options.block_size), options.features.metadata_csum);
        self.form = Form::Linear { blocks: split(&self.entries, usable).len().max(least as usize) };
    }

    /// Sorts the entries by their hashes and indexes them, unless they are too many.
    fn index(&mut self, options: &Options) {
        let (block_size, with_tail) = (options.block_size as usize, options.features.metadata_csum);
        let names = &self.entries[DOTS..];
        let mut hashed: Vec<(u32, DirectoryEntry)> =
            names.iter().map(|entry| (name_hash::hash(entry.name, &options.hash_seed), *entry)).collect();
        hashed.sort_by_key(|&(hash, _)| hash);
        let (hashes, sorted): (Vec<u32>, Vec<DirectoryEntry>) = hashed.into_iter().unzip();
        let leaves = split(&sorted, usable(block_size as u64, with_tail));
        if let Some(index) = Index::new(&hashes, leaves, block_size, with_tail) {
            self.entries.splice(DOTS.., sorted);
            self.form = Form::Indexed(index);
        }
    }

    /// How many blocks it has.
    pub(super) fn blocks(&self) -> u64 {
        match &self.form {
            Form::Linear { blocks } => *blocks as u64,
            Form::Indexed(index) => index.blocks() as u64,
        }
    }

    /// How many levels of index lie above its leaves, the root included; none in a linear one.
    pub(super) fn index_levels(&self) -> Option<u8> {
        match &self.form {
            Form::Linear { .. } => None,
            Form::Indexed(index) => Some(1 + index.levels()),
        }
    }

    /// Returns its blocks; `checksums` are those of its inode.
    pub(super) fn to_bytes(&self, block_size: u64, checksums: Checksums) -> Vec<u8> {
        let mut bytes = vec![0; (self.blocks() * block_size) as usize];
        let usable = usable(block_size, checksums.enabled());
        match &self.form {
            Form::Linear { .. } => {
                let lists = split(&self.entries, usable).into_iter().map(|range| &self.entries[range]);
                write_lists(&mut bytes, block_size as usize, lists, checksums);
            }
            Form::Indexed(index) => {
                let names = &self.entries[DOTS..];
                let leaves_at = bytes.len() - index.leaves().len() * block_size as usize;
                let (above, leaves) = bytes.split_at_mut(leaves_at);
                write_list(&mut above[..block_size as usize], &self.entries[..DOTS]);
                index.write(above, block_size as usize, checksums);
                write_lists(leaves, block_size as usize, index.leaves().map(|range| &names[range]), checksums);
            }
        }
        bytes
    }
}

/// Bytes of a block that entries may use.
fn usable(block_size: u64, with_tail: bool) -> usize {
    block_size as usize - if with_tail { TAIL_SIZE } else { 0 }
}

/// Splits the entries into what goes into each block.
fn split(entries: &[DirectoryEntry], usable: usize) -> Vec<Range<usize>> {
    let mut lists: Vec<Range<usize>> = Vec::new();
    let mut used = usable;
    for (index, entry) in entries.iter().enumerate() {
        used += entry.len();
        match lists.last_mut() {
            Some(list) if used <= usable => list.end = index + 1,
            _ => {
                lists.push(index..index + 1);
                used = entry.len();
            }
        }
    }
    lists
}

/// Writes one list into each block, and none into those that are left.
fn write_lists<'e>(
    blocks: &mut [u8],
    block_size: usize,
    mut lists: impl Iterator<Item = &'e [DirectoryEntry<'e>]>,
    checksums: Checksums,
) {
    let usable = usable(block_size as u64, checksums.enabled());
    for block in blocks.chunks_exact_mut(block_size) {
        write_list(&mut block[..usable], lists.next().unwrap_or(&[]));
        if checksums.enabled() {
            write_tail(block, usable, checksums);
        }
    }
}

/// Writes one block's entries, the last one up to the end; without any, an unused entry fills the block.
fn write_list(bytes: &mut [u8], entries: &[DirectoryEntry]) {
    let mut at = 0;
    for (index, entry) in entries.iter().enumerate() {
        let end = if index + 1 == entries.len() { bytes.len() } else { at + entry.len() };
        entry.write(&mut bytes[at..end]);
        at = end;
    }
    if entries.is_empty() {
        let len = bytes.len() as u16;
        put(bytes, 4, len.to_le_bytes());
    }
}

/// `ext4_dir_entry_tail`: 0 4 zero, 4 2 det_rec_len, 6 1 zero, 7 1 det_reserved_ft, 8 4 det_checksum.
fn write_tail(block: &mut [u8], at: usize, checksums: Checksums) {
    let sum = checksums.sum(&block[..at]);
    put(block, at + 4, (TAIL_SIZE as u16).to_le_bytes());
    block[at + 7] = TAIL_FILE_TYPE;
    put(block, at + 8, sum.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &[u8]) -> DirectoryEntry<'_> {
        DirectoryEntry { ino: 12, file_type: FileType::File, name }
    }

    #[test]
    fn entries_do_not_span_blocks() {
        let name = [b'x'; 255];
        let blocks = |entries: &[DirectoryEntry], usable| split(entries, usable).len();
        // 264 bytes each: three in 1024 bytes, with and without the tail.
        assert_eq!(blocks(&[entry(&name); 8], usable(1024, true)), 3);
        assert_eq!(blocks(&[entry(&name); 8], usable(1024, false)), 3);
        assert_eq!(blocks(&[entry(&name[..244]); 4], 1024), 1, "252 bytes each fill the block nearly");
        assert_eq!(blocks(&[entry(&name[..248]); 4], usable(1024, true)), 2, "256 bytes leave no room for the tail");
    }
}
