//! A file as the readers of headers see it: fields at places, and ranges in chunks. Nothing outside of it is read.

use std::io;
use std::ops::ControlFlow;

use super::Error;
use crate::{Blobs, Extents};

/// How much is read at once.
const CHUNK: u64 = 64 << 10;
/// The longest text that is read.
const MOST_TEXT: u64 = 256;

/// A file whose bytes may lie in blobs.
pub(super) struct File<'a> {
    pub(super) content: &'a Extents,
    pub(super) blobs: &'a dyn Blobs,
}

impl File<'_> {
    pub(super) fn len(&self) -> u64 {
        self.content.len()
    }

    /// Whether `bytes` are at a place, and not only a part of them.
    pub(super) fn has(&self, at: u64, bytes: &[u8]) -> io::Result<bool> {
        let mut found = vec![0; bytes.len()];
        if at.checked_add(bytes.len() as u64).is_none_or(|end| end > self.len()) {
            return Ok(false);
        }
        self.content.read_at(self.blobs, at, &mut found)?;
        Ok(found == bytes)
    }

    /// Returns where a range ends, which is inside the file.
    ///
    /// # Errors
    /// The file ends before; `what` says what is cut.
    pub(super) fn reaches(&self, at: u64, len: u64, what: &str) -> Result<u64, Error> {
        let needed = at.saturating_add(len);
        match needed <= self.len() {
            true => Ok(needed),
            false => Err(Error::Short { what: what.to_owned(), needed, len: self.len() }),
        }
    }

    /// Returns the bytes at a place of the header.
    pub(super) fn bytes<const N: usize>(&self, at: u64) -> Result<[u8; N], Error> {
        self.reaches(at, N as u64, "its header")?;
        let mut bytes = [0; N];
        self.content.read_at(self.blobs, at, &mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn le32(&self, at: u64) -> Result<u32, Error> {
        self.bytes(at).map(u32::from_le_bytes)
    }

    pub(super) fn be32(&self, at: u64) -> Result<u32, Error> {
        self.bytes(at).map(u32::from_be_bytes)
    }

    /// Returns the text that lies at a place and ends with a NUL before `end`, if it is not too long.
    pub(super) fn text(&self, at: u64, end: u64) -> io::Result<Option<Vec<u8>>> {
        let len = end.min(self.len()).saturating_sub(at).min(MOST_TEXT);
        let mut bytes = vec![0; len as usize];
        if len > 0 {
            self.content.read_at(self.blobs, at, &mut bytes)?;
        }
        let nul = bytes.iter().position(|&byte| byte == 0);
        Ok(nul.map(|nul| {
            bytes.truncate(nul);
            bytes
        }))
    }

    /// Gives a range to `each`, chunk by chunk. All chunks but the last have a length that is a multiple of 4.
    ///
    /// # Errors
    /// The file ends before; `what` says what is cut.
    pub(super) fn chunks(&self, at: u64, len: u64, what: &str, mut each: impl FnMut(&[u8])) -> Result<(), Error> {
        let end = self.reaches(at, len, what)?;
        self.chunks_until(at, end, |_, chunk| {
            each(chunk);
            ControlFlow::Continue(())
        })?;
        Ok(())
    }

    /// Returns the first place from `at` on that no padding covers, at most `most` bytes behind it.
    pub(super) fn behind_padding(&self, at: u64, most: u64) -> Result<Option<u64>, Error> {
        let end = at.saturating_add(most).min(self.len());
        let mut place = None;
        self.chunks_until(at, end, |at, chunk| {
            place = chunk.iter().position(|&byte| byte != 0 && byte != 0xff).map(|skip| at + skip as u64);
            if place.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(place)
    }

    /// Gives `at..end`, which is inside the file, to `each` with the place of each chunk.
    fn chunks_until(
        &self,
        mut at: u64,
        end: u64,
        mut each: impl FnMut(u64, &[u8]) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let mut buffer = vec![0; end.saturating_sub(at).min(CHUNK) as usize];
        while at < end {
            let chunk = &mut buffer[..(end - at).min(CHUNK) as usize];
            self.content.read_at(self.blobs, at, chunk)?;
            if each(at, chunk).is_break() {
                break;
            }
            at += chunk.len() as u64;
        }
        Ok(())
    }
}
