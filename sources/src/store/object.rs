//! How bytes become an object: written under a temporary name, hashed on the way, published at once.
//!
//! Objects longer than one chunk get a file of checksums beside them:
//! ```text
//! offset  size  meaning
//!      0     8  magic "GRVCRC1\n"
//!      8     8  length of the object in bytes, little endian
//!     16    4n  CRC-32C of each 64 KiB of the object, the last one shorter
//! 16 + 4n    4  CRC-32C of everything above
//! ```
//! It is not synced: when it is missing or damaged, the object is hashed anew and it is written again.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use gravure_formats::{Digest, Hasher};

use super::{Store, Temporary};
use crate::error::{Error, ErrorKind, quoted};

/// How many bytes one checksum covers.
pub(super) const CHUNK: usize = 64 * 1024;

const MAGIC: &[u8; 8] = b"GRVCRC1\n";

/// Writes one object; see [`Store::writer`].
#[derive(Debug)]
pub struct ObjectWriter<'a> {
    store: &'a Store,
    temporary: Temporary,
    sums: Sums,
    /// The bytes of the last chunk as long as it is not full.
    pending: Vec<u8>,
}

/// What is computed over the bytes of an object.
#[derive(Default)]
pub(super) struct Sums {
    hasher: Hasher,
    checksums: Vec<u32>,
    len: u64,
}

impl std::fmt::Debug for Sums {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sums of {} bytes", self.len)
    }
}

impl Sums {
    /// Adds the next chunk; only the last may be shorter than [`CHUNK`].
    fn add(&mut self, chunk: &[u8]) {
        self.hasher.update(chunk);
        self.checksums.push(crc32c::crc32c(chunk));
        self.len += chunk.len() as u64;
    }

    /// Computes the sums of an open file, and its name.
    pub(super) fn of_file(mut file: &File) -> io::Result<(Digest, u64, Vec<u32>)> {
        let mut sums = Sums::default();
        let mut chunk = vec![0; CHUNK];
        loop {
            let len = fill(&mut file, &mut chunk)?;
            if len > 0 {
                sums.add(&chunk[..len]);
            }
            if len < CHUNK {
                return Ok((sums.hasher.finish(), sums.len, sums.checksums));
            }
        }
    }
}

impl<'a> ObjectWriter<'a> {
    pub(super) fn new(store: &'a Store) -> Result<ObjectWriter<'a>, Error> {
        let temporary = store.temporary()?;
        Ok(ObjectWriter { store, temporary, sums: Sums::default(), pending: Vec::with_capacity(CHUNK) })
    }

    /// Returns how many bytes have been written so far.
    pub fn written(&self) -> u64 {
        self.sums.len + self.pending.len() as u64
    }

    /// Returns the SHA-256 of what has been written so far.
    pub fn digest(&self) -> Digest {
        let mut hasher = self.sums.hasher.clone();
        hasher.update(&self.pending);
        hasher.finish()
    }

    /// Publishes the object and returns its name and length in bytes.
    ///
    /// # Errors
    /// It cannot be written; then nothing of it stays.
    pub fn finish(mut self) -> Result<(Digest, u64), Error> {
        self.flush_pending()?;
        let ObjectWriter { store, temporary, sums, .. } = self;
        let (digest, len) = (sums.hasher.finish(), sums.len);
        let published = store.publish(temporary, &digest, len, &sums.checksums);
        published.map(|()| (digest, len)).map_err(|error| store.cannot_write(error))
    }

    fn flush_pending(&mut self) -> Result<(), Error> {
        if !self.pending.is_empty() {
            self.temporary.file().write_all(&self.pending).map_err(|error| self.store.cannot_write(error))?;
            self.sums.add(&self.pending);
            self.pending.clear();
        }
        Ok(())
    }

    /// Writes whole chunks past the buffer.
    fn write_chunks(&mut self, chunks: &[u8]) -> Result<(), Error> {
        self.temporary.file().write_all(chunks).map_err(|error| self.store.cannot_write(error))?;
        chunks.chunks_exact(CHUNK).for_each(|chunk| self.sums.add(chunk));
        Ok(())
    }
}

impl Write for ObjectWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let whole = bytes.len() - bytes.len() % CHUNK;
        if self.pending.is_empty() && whole > 0 {
            self.write_chunks(&bytes[..whole])?;
            return Ok(whole);
        }
        let taken = bytes.len().min(CHUNK - self.pending.len());
        self.pending.extend_from_slice(&bytes[..taken]);
        if self.pending.len() == CHUNK {
            self.flush_pending()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Store {
    /// Gives a complete file its name, unless the object is already there.
    fn publish(&self, temporary: Temporary, digest: &Digest, len: u64, checksums: &[u32]) -> io::Result<()> {
        if self.holds(digest, len) {
            return Ok(());
        }
        self.write_checksums(digest, len, checksums)?;
        temporary.file().set_permissions(Permissions::from_mode(0o444))?;
        // The bytes are on disk before the name is. The name itself may be lost in a crash, which costs the work only.
        temporary.file().sync_all()?;
        temporary.persist(&self.path_of(digest))
    }

    fn write_checksums(&self, digest: &Digest, len: u64, checksums: &[u32]) -> io::Result<()> {
        if len <= CHUNK as u64 {
            return Ok(());
        }
        let temporary = self.temporary()?;
        temporary.file().write_all(&checksums_to_bytes(len, checksums))?;
        temporary.persist(&self.checksums_of(digest))
    }

    /// Returns the checksums of an object whose file is open: those beside it, or computed anew from bytes that prove right.
    pub(super) fn checksums(&self, digest: &Digest, file: &File, len: u64) -> Result<Vec<u32>, Error> {
        if len > CHUNK as u64
            && let Ok(bytes) = fs::read(self.checksums_of(digest))
            && let Some(checksums) = checksums_from_bytes(&bytes, len)
        {
            return Ok(checksums);
        }
        let path = self.path_of(digest);
        let (found, len, checksums) = Sums::of_file(file).map_err(|error| Error::io("read", &path, error))?;
        if found != *digest {
            return Err(damaged(digest, &path, 0, len));
        }
        // Reading goes on without them; they only make the next start faster.
        let _ = self.write_checksums(digest, len, &checksums);
        Ok(checksums)
    }

    /// Returns the error for what could not be written. What is missing then is none of the things that were asked for.
    pub(super) fn cannot_write(&self, cause: io::Error) -> Error {
        match Error::io("write to the store", &self.root, cause) {
            Error { kind: ErrorKind::Missing, message } => Error::new(ErrorKind::Io, message),
            error => error,
        }
    }
}

/// Returns the error for an object whose bytes `lo..hi` are not what they were when it was published.
pub(super) fn damaged(digest: &Digest, path: &Path, lo: u64, hi: u64) -> Error {
    let message = format!(
        "blob {digest} is damaged between bytes {lo} and {hi}: its file in the store, {}, was changed; remove it and build again",
        quoted(path)
    );
    Error::new(ErrorKind::Integrity, message)
}

fn checksums_to_bytes(len: u64, checksums: &[u32]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(len.to_le_bytes());
    checksums.iter().for_each(|checksum| bytes.extend(checksum.to_le_bytes()));
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    bytes
}

/// Returns the checksums, when they are sound and those of an object of this length.
fn checksums_from_bytes(bytes: &[u8], len: u64) -> Option<Vec<u32>> {
    let (body, own) = bytes.split_last_chunk::<4>()?;
    let rest = body.strip_prefix(MAGIC)?.strip_prefix(&len.to_le_bytes())?;
    let (checksums, odd) = rest.as_chunks::<4>();
    let sound = crc32c::crc32c(body) == u32::from_le_bytes(*own)
        && odd.is_empty()
        && checksums.len() as u64 == len.div_ceil(CHUNK as u64);
    sound.then(|| checksums.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect())
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &mut &File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(len) => filled += len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use gravure_formats::Blobs;

    use super::*;
    use crate::testing::{Scratch, noise};

    /// Overwrites one byte of a stored object.
    fn flip(store: &Store, digest: &Digest, at: usize) {
        let path = store.path_of(digest);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] ^= 0x10;
        fs::write(&path, bytes).unwrap();
    }

    #[test]
    fn a_flipped_byte_is_found_and_named() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let digest = store.put(&noise(300_000, 9)).unwrap();
        flip(&store, &digest, 131_072);
        store.read_at(&digest, 0, &mut [0; 131_072]).unwrap();
        for (lo, len) in [(131_072, 1), (0, 131_073), (190_000, 100_000)] {
            let error = Error::from(store.read_at(&digest, lo, &mut vec![0; len]).unwrap_err());
            assert_eq!(error.exit_code(), 5);
            let expected = format!(
                "blob {digest} is damaged between bytes 131072 and 196608: its file in the store, `{}`, was changed; remove it and build again",
                store.path_of(&digest).display()
            );
            assert_eq!(error.message, expected);
        }
    }

    #[test]
    fn small_objects_and_those_without_checksums_are_hashed_whole() {
        let scratch = Scratch::new();
        let store = scratch.store();
        for len in [1000, 200_000] {
            let digest = store.put(&noise(len, 11)).unwrap();
            flip(&store, &digest, 10);
            let _ = fs::remove_file(store.checksums_of(&digest));
            let error = store.read(&digest).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Integrity);
            assert!(error.message.contains(&format!("between bytes 0 and {len}")), "{error}");
        }
    }

    #[test]
    fn lost_or_damaged_checksums_are_made_again() {
        let scratch = Scratch::new();
        let bytes = noise(200_000, 12);
        let digest = scratch.store().put(&bytes).unwrap();
        let path = scratch.store().checksums_of(&digest);
        let sound = fs::read(&path).unwrap();
        for damage in [None, Some(&sound[..sound.len() - 1]), Some(&[0; 32])] {
            fs::remove_file(&path).unwrap();
            if let Some(bytes) = damage {
                fs::write(&path, bytes).unwrap();
            }
            assert_eq!(scratch.store().read(&digest).unwrap(), bytes);
            assert_eq!(fs::read(&path).unwrap(), sound);
        }
    }

    #[test]
    fn a_truncated_object_is_found_and_replaced_by_the_next_writer() {
        let scratch = Scratch::new();
        let bytes = noise(200_000, 13);
        let digest = scratch.store().put(&bytes).unwrap();
        let path = scratch.store().path_of(&digest);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        File::options().write(true).open(&path).unwrap().set_len(100_000).unwrap();
        assert_eq!(scratch.store().read(&digest).unwrap_err().kind, ErrorKind::Integrity);
        scratch.store().put(&bytes).unwrap();
        assert_eq!(scratch.store().read(&digest).unwrap(), bytes);
    }
}
