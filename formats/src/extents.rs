//! Extents: a byte image of known length as a sorted list of runs.
//!
//! ```text
//! 0        at      at+len                        len
//! |  zero  | run 0 | run 1 |     zero     | run 2 |
//! ```
//! A run is bytes in memory or a range of a blob that is named by its digest, so composing images copies no
//! payload. The invariants: runs are sorted, disjoint, not empty and inside the image; what no run covers
//! reads as zero; neighbouring ranges of one blob are one run.

use std::collections::BTreeMap;
use std::io;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::Digest;

/// A byte image of known length: sorted, disjoint runs; what no run covers reads as zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extents {
    len: u64,
    runs: Vec<Extent>,
}

/// One run of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// Where the run starts, in bytes from the start of the image.
    pub at: u64,
    /// Its length in bytes; never 0.
    pub len: u64,
    /// What it contains.
    pub data: Data,
}

/// The content of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Data {
    /// Bytes in memory, exactly as many as the run is long.
    Bytes(Bytes),
    /// A range of a stored blob.
    Blob {
        /// The blob's name.
        id: Digest,
        /// Where the range starts in the blob, in bytes.
        offset: u64,
    },
}

/// Gives access to the bytes of stored blobs.
pub trait Blobs: Sync {
    /// Fills `buffer` with the bytes of blob `id` from `offset` on.
    ///
    /// # Errors
    /// The blob is not there, is shorter than `offset` + the buffer, or cannot be read.
    fn read_at(&self, id: &Digest, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
}

impl Extent {
    /// Returns where the run ends: the first byte behind it.
    pub fn end(&self) -> u64 {
        self.at + self.len
    }

    /// Returns the part of the run from `skip` on, `len` bytes long, at the place `at`.
    fn cut(&self, skip: u64, len: u64, at: u64) -> Extent {
        let data = match &self.data {
            Data::Bytes(bytes) => Data::Bytes(bytes.slice(skip as usize..(skip + len) as usize)),
            Data::Blob { id, offset } => Data::Blob { id: *id, offset: offset + skip },
        };
        Extent { at, len, data }
    }

    /// Whether `next` continues this run without a seam, in the same blob.
    fn is_continued_by(&self, next: &Extent) -> bool {
        match (&self.data, &next.data) {
            (Data::Blob { id: a, offset: from }, Data::Blob { id: b, offset: to }) => {
                self.end() == next.at && a == b && from + self.len == *to
            }
            _ => false,
        }
    }
}

impl Extents {
    /// Returns `len` zero bytes.
    pub fn zeros(len: u64) -> Extents {
        Extents { len, runs: Vec::new() }
    }

    /// Returns an image of exactly these bytes.
    pub fn from_bytes(bytes: impl Into<Bytes>) -> Extents {
        let bytes = bytes.into();
        let mut extents = Extents::default();
        extents.push_bytes(bytes);
        extents
    }

    /// Returns an image of the first `len` bytes of a blob.
    pub fn from_blob(id: Digest, len: u64) -> Extents {
        let mut extents = Extents::default();
        extents.push_blob(id, 0, len);
        extents
    }

    /// Returns an image of `len` bytes made of `runs`, which come in any order; empty ones are dropped.
    ///
    /// # Panics
    /// When two runs overlap or one ends behind `len`: whoever computes places has computed them wrongly.
    /// Places that the user chose go through `Layout`, which reports clashes.
    pub fn assemble(len: u64, mut runs: Vec<Extent>) -> Extents {
        runs.retain(|run| run.len > 0);
        runs.sort_by_key(|run| run.at);
        let mut extents = Extents::default();
        for run in runs {
            assert!(extents.len <= run.at, "runs overlap at byte {}", run.at);
            assert!(run.end() <= len, "a run ends at byte {}, behind the image's {len}", run.end());
            extents.len = run.at;
            extents.push(run);
        }
        extents.len = len;
        extents
    }

    /// Returns the length in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the length is 0.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the runs in order.
    pub fn runs(&self) -> &[Extent] {
        &self.runs
    }

    /// Appends a run at the end; its own `at` is where the image ends now.
    fn push(&mut self, run: Extent) {
        debug_assert_eq!(self.len, run.at);
        self.len = run.end();
        match self.runs.last_mut() {
            Some(last) if last.is_continued_by(&run) => last.len += run.len,
            _ => self.runs.push(run),
        }
    }

    /// Appends bytes.
    pub fn push_bytes(&mut self, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        if !bytes.is_empty() {
            self.push(Extent { at: self.len, len: bytes.len() as u64, data: Data::Bytes(bytes) });
        }
    }

    /// Appends `len` bytes of a blob from `offset` on.
    pub fn push_blob(&mut self, id: Digest, offset: u64, len: u64) {
        if len > 0 {
            self.push(Extent { at: self.len, len, data: Data::Blob { id, offset } });
        }
    }

    /// Appends `len` zero bytes.
    pub fn push_zeros(&mut self, len: u64) {
        self.len += len;
    }

    /// Appends zero bytes until the length is a multiple of `alignment`.
    pub fn pad_to(&mut self, alignment: u64) {
        self.len = self.len.next_multiple_of(alignment);
    }

    /// Appends another image.
    pub fn append(&mut self, other: &Extents) {
        let start = self.len;
        for run in &other.runs {
            self.len = start + run.at;
            self.push(run.cut(0, run.len, self.len));
        }
        self.len = start + other.len;
    }

    /// Returns the bytes `lo..hi` as an image of their own.
    ///
    /// # Panics
    /// When `lo..hi` does not lie inside the image.
    pub fn slice(&self, lo: u64, hi: u64) -> Extents {
        assert!(lo <= hi && hi <= self.len, "the slice {lo}..{hi} is not inside 0..{}", self.len);
        let first = self.runs.partition_point(|run| run.end() <= lo);
        let runs = self.runs[first..].iter().take_while(|run| run.at < hi).map(|run| {
            let (from, to) = (run.at.max(lo), run.end().min(hi));
            run.cut(from - run.at, to - from, from - lo)
        });
        Extents { len: hi - lo, runs: runs.collect() }
    }

    /// Returns the runs moved by `at`, for assembling them into a larger image.
    pub fn runs_at(&self, at: u64) -> impl Iterator<Item = Extent> + '_ {
        self.runs.iter().map(move |run| Extent { at: at + run.at, ..run.clone() })
    }

    /// Returns the blobs that the image refers to, each once, in order of their names.
    pub fn blobs(&self) -> Vec<Digest> {
        let mut ids: Vec<Digest> = self
            .runs
            .iter()
            .filter_map(|run| match run.data {
                Data::Blob { id, .. } => Some(id),
                Data::Bytes(_) => None,
            })
            .collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Fills `buffer` with the bytes from `at` on.
    ///
    /// # Errors
    /// A blob cannot be read.
    ///
    /// # Panics
    /// When the range does not lie inside the image.
    pub fn read_at(&self, blobs: &dyn Blobs, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        let end = at + buffer.len() as u64;
        assert!(end <= self.len, "reading {at}..{end} of an image of {} bytes", self.len);
        buffer.fill(0);
        let first = self.runs.partition_point(|run| run.end() <= at);
        for run in self.runs[first..].iter().take_while(|run| run.at < end) {
            let (lo, hi) = (run.at.max(at), run.end().min(end));
            let into = &mut buffer[(lo - at) as usize..(hi - at) as usize];
            match &run.data {
                Data::Bytes(bytes) => {
                    into.copy_from_slice(&bytes[(lo - run.at) as usize..(hi - run.at) as usize]);
                }
                Data::Blob { id, offset } => blobs.read_at(id, offset + (lo - run.at), into)?,
            }
        }
        Ok(())
    }

    /// Returns the whole content in memory, for small images.
    ///
    /// # Errors
    /// A blob cannot be read.
    pub fn to_vec(&self, blobs: &dyn Blobs) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.len as usize];
        self.read_at(blobs, 0, &mut bytes)?;
        Ok(bytes)
    }

    /// Returns a reader over the content, for readers of formats and for compressors.
    pub fn reader<'a>(&'a self, blobs: &'a dyn Blobs) -> Reader<'a> {
        Reader { extents: self, blobs, position: 0 }
    }

    /// Returns the serialised form: what the store keeps. Equal images have equal forms.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("extents consist of plain data")
    }

    /// Returns the image that [`Extents::to_bytes`] wrote, or what is wrong with the bytes.
    pub fn from_serialised(bytes: &[u8]) -> Result<Extents, String> {
        let extents: Extents =
            postcard::from_bytes(bytes).map_err(|error| format!("not serialised extents: {error}"))?;
        let mut end = 0;
        for run in &extents.runs {
            let stated = match &run.data {
                Data::Bytes(bytes) => bytes.len() as u64,
                Data::Blob { .. } => run.len,
            };
            if run.at < end
                || run.len == 0
                || run.len != stated
                || run.at.checked_add(run.len).is_none_or(|end| end > extents.len)
            {
                return Err(format!("not serialised extents: a run at byte {} is out of order", run.at));
            }
            end = run.end();
        }
        Ok(extents)
    }
}

/// Reads an image from start to end, or from wherever it is asked to seek.
pub struct Reader<'a> {
    extents: &'a Extents,
    blobs: &'a dyn Blobs,
    position: u64,
}

impl io::Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.extents.len.saturating_sub(self.position);
        let len = left.min(buffer.len() as u64) as usize;
        if len > 0 {
            self.extents.read_at(self.blobs, self.position, &mut buffer[..len])?;
            self.position += len as u64;
        }
        Ok(len)
    }
}

impl io::Seek for Reader<'_> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        let position = match to {
            io::SeekFrom::Start(at) => Some(at),
            io::SeekFrom::End(by) => self.extents.len.checked_add_signed(by),
            io::SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

/// Blobs in memory, for tests and for small things.
#[derive(Clone, Debug, Default)]
pub struct MemoryBlobs(BTreeMap<Digest, Bytes>);

impl MemoryBlobs {
    /// Returns a collection without blobs.
    pub fn new() -> MemoryBlobs {
        MemoryBlobs::default()
    }

    /// Adds a blob and returns its name.
    pub fn add(&mut self, bytes: impl Into<Bytes>) -> Digest {
        let bytes = bytes.into();
        let id = Digest::of(&bytes);
        self.0.insert(id, bytes);
        id
    }
}

impl Blobs for MemoryBlobs {
    fn read_at(&self, id: &Digest, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let blob = self.0.get(id).ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("no blob {id}")))?;
        let range = usize::try_from(offset).ok().and_then(|lo| Some(lo..lo.checked_add(buffer.len())?));
        let bytes = range.and_then(|range| blob.get(range)).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_of_one_blob_join() {
        let mut blobs = MemoryBlobs::new();
        let id = blobs.add(&b"0123456789"[..]);
        let mut extents = Extents::default();
        extents.push_blob(id, 0, 4);
        extents.push_blob(id, 4, 6);
        assert_eq!(extents, Extents::from_blob(id, 10));
        assert_eq!(extents.slice(3, 7).to_vec(&blobs).unwrap(), b"3456");
    }

    #[test]
    #[should_panic(expected = "runs overlap at byte 2")]
    fn overlapping_runs_are_a_bug() {
        let run = |at| Extent { at, len: 3, data: Data::Bytes(Bytes::from_static(b"abc")) };
        Extents::assemble(9, vec![run(0), run(2)]);
    }

    /// A piece of an image and the bytes that it stands for.
    #[derive(Clone, Debug)]
    enum Piece {
        Bytes(Vec<u8>),
        Zeros(u64),
    }

    fn piece() -> impl Strategy<Value = Piece> {
        prop_oneof![proptest::collection::vec(1u8.., 0..20).prop_map(Piece::Bytes), (0u64..20).prop_map(Piece::Zeros),]
    }

    proptest! {
        #[test]
        fn pieces_slices_and_serialised_forms_agree_with_bytes(pieces in proptest::collection::vec(piece(), 0..8), cut in any::<(prop::sample::Index, prop::sample::Index)>()) {
            let mut blobs = MemoryBlobs::new();
            let (mut extents, mut expected) = (Extents::default(), Vec::new());
            for (i, piece) in pieces.iter().enumerate() {
                match piece {
                    Piece::Zeros(len) => {
                        extents.push_zeros(*len);
                        expected.resize(expected.len() + *len as usize, 0);
                    }
                    Piece::Bytes(bytes) if i % 2 == 0 => {
                        extents.append(&Extents::from_bytes(bytes.clone()));
                        expected.extend(bytes);
                    }
                    Piece::Bytes(bytes) => {
                        let id = blobs.add(bytes.clone());
                        extents.push_blob(id, 0, bytes.len() as u64);
                        expected.extend(bytes);
                    }
                }
            }
            prop_assert_eq!(&extents.to_vec(&blobs).unwrap(), &expected);
            let (a, b) = (cut.0.index(expected.len() + 1), cut.1.index(expected.len() + 1));
            let (lo, hi) = (a.min(b), a.max(b));
            prop_assert_eq!(extents.slice(lo as u64, hi as u64).to_vec(&blobs).unwrap(), &expected[lo..hi]);
            prop_assert_eq!(Extents::from_serialised(&extents.to_bytes()).unwrap(), extents);
        }
    }
}
