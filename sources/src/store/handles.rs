//! Open objects: a bounded number of files that stay open between reads, each with its checksums.
//!
//! Every byte that is handed out has been held against the checksum of its chunk. Whole chunks are checked in
//! the caller's buffer each time. For a part of a chunk the whole is read and checked, and kept for the next part; large
//! parts of chunks that were found good before, while the file stayed open, are read alone.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gravure_formats::Digest;

use super::object::{CHUNK, damaged};
use crate::error::{Error, ErrorKind, quoted};
use crate::store::Store;

/// How many objects stay open: well below the usual limit of 1024 files per process.
const MAX_OPEN: usize = 128;

/// The objects that are open.
#[derive(Debug, Default)]
pub(super) struct Handles(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    handles: BTreeMap<Digest, (Arc<Handle>, u64)>,
    /// Counts uses: the handle with the smallest number has been unused for longest.
    uses: u64,
}

/// One open object.
#[derive(Debug)]
pub(super) struct Handle {
    digest: Digest,
    path: PathBuf,
    file: File,
    len: u64,
    checksums: Vec<u32>,
    /// A bit per chunk: whether it has been read and found good.
    good: Vec<AtomicU64>,
}

thread_local! {
    /// The chunk of which the caller wanted only a part last: mostly it wants the next part next.
    static WHOLE_CHUNK: RefCell<WholeChunk> = const { RefCell::new(WholeChunk { of: None, bytes: Vec::new() }) };
}

/// A chunk that was read and found good.
struct WholeChunk {
    /// The object, and the number of the chunk in it; none while it is being read.
    of: Option<(Digest, usize)>,
    bytes: Vec<u8>,
}

impl Handles {
    /// Returns the handle of an object, which is opened when it is not open.
    pub(super) fn get(&self, store: &Store, digest: &Digest) -> Result<Arc<Handle>, Error> {
        if let Some(handle) = self.lock().used(digest) {
            return Ok(handle);
        }
        // Opened without the lock: reading checksums takes time. Two threads may do it at once, and one wins.
        let handle = Arc::new(Handle::open(store, digest)?);
        self.lock().keep(handle.clone());
        Ok(handle)
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // Nothing that can panic leaves the map half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn used(&mut self, digest: &Digest) -> Option<Arc<Handle>> {
        self.uses += 1;
        let (handle, last_use) = self.handles.get_mut(digest)?;
        *last_use = self.uses;
        Some(handle.clone())
    }

    fn keep(&mut self, handle: Arc<Handle>) {
        if MAX_OPEN <= self.handles.len() {
            let oldest = self.handles.iter().min_by_key(|(_, (_, last_use))| *last_use).map(|(digest, _)| *digest);
            oldest.and_then(|digest| self.handles.remove(&digest));
        }
        self.handles.insert(handle.digest, (handle, self.uses));
    }
}

impl Handle {
    fn open(store: &Store, digest: &Digest) -> Result<Handle, Error> {
        let path = store.path_of(digest);
        let file = File::open(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                Error::new(ErrorKind::Missing, format!("blob {digest} is not in the store {}", quoted(&store.root)))
            }
            _ => Error::io("open", &path, error),
        })?;
        let metadata = file.metadata().map_err(|error| Error::io("open", &path, error))?;
        store.note_used(&path, &metadata);
        let len = metadata.len();
        let checksums = store.checksums(digest, &file, len)?;
        let good = (0..checksums.len().div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        Ok(Handle { digest: *digest, path, file, len, checksums, good })
    }

    /// Returns the length of the object in bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Fills `buffer` with checked bytes from `offset` on.
    pub(super) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        if offset.checked_add(buffer.len() as u64).is_none_or(|end| self.len < end) {
            let what = format!(
                "blob {} has {} bytes, and {} from {offset} on are wanted",
                self.digest,
                self.len,
                buffer.len()
            );
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
        }
        let (mut at, mut rest) = (offset, buffer);
        while !rest.is_empty() {
            let whole = self.whole_chunks(at, rest.len());
            let now;
            if 0 < whole {
                (now, rest) = rest.split_at_mut(whole);
                self.read_chunks(at, now)?;
            } else {
                let left_of_chunk = CHUNK - (at % CHUNK as u64) as usize;
                (now, rest) = rest.split_at_mut(left_of_chunk.min(rest.len()));
                self.read_part(at, now)?;
            }
            at += now.len() as u64;
        }
        Ok(())
    }

    /// Returns how many of the `len` bytes from `at` on are whole chunks; the last chunk of the object may be short.
    fn whole_chunks(&self, at: u64, len: usize) -> usize {
        if !at.is_multiple_of(CHUNK as u64) {
            0
        } else if at + len as u64 == self.len {
            len
        } else {
            len - len % CHUNK
        }
    }

    fn read_chunks(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.read_exact(at, buffer)?;
        let first = (at / CHUNK as u64) as usize;
        for (index, chunk) in (first..).zip(buffer.chunks(CHUNK)) {
            self.check(index, chunk)?;
        }
        Ok(())
    }

    /// Reads a part of one chunk.
    fn read_part(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        let index = (at / CHUNK as u64) as usize;
        let start = index as u64 * CHUNK as u64;
        WHOLE_CHUNK.with_borrow_mut(|chunk| {
            if chunk.of != Some((self.digest, index)) {
                if self.is_good(index) && CHUNK / 2 < buffer.len() {
                    return self.read_exact(at, buffer);
                }
                chunk.of = None;
                chunk.bytes.resize((self.len - start).min(CHUNK as u64) as usize, 0);
                self.read_exact(start, &mut chunk.bytes)?;
                self.check(index, &chunk.bytes)?;
                chunk.of = Some((self.digest, index));
            }
            let skip = (at - start) as usize;
            buffer.copy_from_slice(&chunk.bytes[skip..skip + buffer.len()]);
            Ok(())
        })
    }

    fn is_good(&self, index: usize) -> bool {
        self.good[index / 64].load(Ordering::Relaxed) & (1 << (index % 64)) != 0
    }

    fn check(&self, index: usize, chunk: &[u8]) -> io::Result<()> {
        if crc32c::crc32c(chunk) != self.checksums[index] {
            let lo = index as u64 * CHUNK as u64;
            return Err(damaged(&self.digest, &self.path, lo, lo + chunk.len() as u64).into());
        }
        self.good[index / 64].fetch_or(1 << (index % 64), Ordering::Relaxed);
        Ok(())
    }

    fn read_exact(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, at).map_err(|error| match error.kind() {
            // Cut off while it was open.
            io::ErrorKind::UnexpectedEof => damaged(&self.digest, &self.path, at, self.len).into(),
            _ => Error::io("read", &self.path, error).into(),
        })
    }
}
