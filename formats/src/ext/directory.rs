//! Directories: linear lists of entries (kernel documentation, ext4, "Linear (Classic) Directories").
//!
//! ```text
//! block: | entry | entry | ... | last entry, up to the end or the tail | tail with the checksum |
//! ```
//! Entries never span blocks. Hashed indexes are not written: a list of any length is valid, and kernels that see
//! `dir_index` index what they grow themselves.

use std::ops::Range;

use super::checksum::Checksums;
use super::put;

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

/// How many blocks the entries take.
pub(super) fn blocks(entries: &[DirectoryEntry], block_size: u64, with_tail: bool) -> u64 {
    split(entries, usable(block_size, with_tail)).len() as u64
}

/// Returns the bytes of the directory, at least `blocks` blocks; `checksums` are those of its inode.
pub(super) fn to_bytes(entries: &[DirectoryEntry], blocks: u64, block_size: u64, checksums: Checksums) -> Vec<u8> {
    let usable = usable(block_size, checksums.enabled());
    let mut bytes = vec![0; (blocks * block_size) as usize];
    let mut lists = split(entries, usable).into_iter();
    for block in bytes.chunks_exact_mut(block_size as usize) {
        let list = lists.next().map_or(&[][..], |range| &entries[range]);
        write_list(&mut block[..usable], list);
        if checksums.enabled() {
            write_tail(block, usable, checksums);
        }
    }
    bytes
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
        let entries: Vec<_> = (0..8).map(|_| entry(&name)).collect();
        // 264 bytes each: three in 1024 bytes, with and without the tail.
        assert_eq!(blocks(&entries, 1024, true), 3);
        assert_eq!(blocks(&entries, 1024, false), 3);
        assert_eq!(blocks(&[entry(&name[..244]); 4], 1024, false), 1, "252 bytes each fill the block nearly");
        assert_eq!(blocks(&[entry(&name[..248]); 4], 1024, true), 2, "256 bytes each leave no room for the tail");
    }
}
