//! Small values under 32-byte keys: what a node made, which object a file's content is.
//!
//! A record is a cache: it is replaced at once as a whole, never synced, and one that a crash left damaged
//! counts as missing. What it says exists may have gone; that is for the reader to see.
//! ```text
//! offset  size  meaning
//!      0     4  CRC-32C of the value, little endian
//!      4        the value
//! ```

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::Store;
use crate::error::Error;

impl Store {
    /// Remembers `value` under `key` among the records called `names`, in place of what was there.
    ///
    /// # Errors
    /// It cannot be written.
    ///
    /// # Panics
    /// When `names` is not one lower-case word: it is the name of a directory.
    pub fn record(&self, names: &str, key: &[u8; 32], value: &[u8]) -> Result<(), Error> {
        let path = self.record_path(names, key);
        let temporary = self.temporary()?;
        let mut bytes = crc32c::crc32c(value).to_le_bytes().to_vec();
        bytes.extend(value);
        let write = || {
            temporary.file().write_all(&bytes)?;
            temporary.persist(&path)
        };
        write().map_err(|error: io::Error| self.cannot_write(error))
    }

    /// Returns what was remembered under `key` among the records called `names`.
    ///
    /// # Panics
    /// As [`Store::record`].
    pub fn recorded(&self, names: &str, key: &[u8; 32]) -> Option<Vec<u8>> {
        let path = self.record_path(names, key);
        let value = value_of(&path)?;
        self.note_use(names, key);
        Some(value)
    }

    /// Notes that a record was used, as [`Store::recorded`] does, without reading it.
    ///
    /// # Panics
    /// As [`Store::record`].
    pub fn note_use(&self, names: &str, key: &[u8; 32]) {
        let path = self.record_path(names, key);
        if let Ok(metadata) = fs::metadata(&path) {
            self.note_used(&path, &metadata);
        }
    }

    fn record_path(&self, names: &str, key: &[u8; 32]) -> PathBuf {
        let is_word = !names.is_empty() && names.bytes().all(|byte| byte.is_ascii_lowercase());
        assert!(is_word, "records are kept under a lower-case word, not `{names}`");
        self.place(&format!("records/{names}"), key)
    }
}

/// Returns the value of the record that is this file, if it is sound.
pub(super) fn value_of(path: &Path) -> Option<Vec<u8>> {
    let bytes = fs::read(path).ok()?;
    let (checksum, value) = bytes.split_first_chunk::<4>()?;
    (crc32c::crc32c(value) == u32::from_le_bytes(*checksum)).then(|| value.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    #[test]
    fn records_are_kept_by_name_and_key() {
        let scratch = Scratch::new();
        let store = scratch.store();
        store.record("nodes", &[1; 32], b"first").unwrap();
        store.record("nodes", &[1; 32], b"second").unwrap();
        store.record("actions", &[1; 32], b"").unwrap();
        assert_eq!(store.recorded("nodes", &[1; 32]).unwrap(), b"second");
        assert_eq!(store.recorded("actions", &[1; 32]).unwrap(), b"");
        assert_eq!(store.recorded("nodes", &[2; 32]), None);
    }

    #[test]
    fn damaged_records_count_as_missing() {
        let scratch = Scratch::new();
        let store = scratch.store();
        store.record("nodes", &[3; 32], b"value").unwrap();
        let path = store.record_path("nodes", &[3; 32]);
        for damage in [&b""[..], b"abc", b"\0\0\0\0value"] {
            fs::write(&path, damage).unwrap();
            assert_eq!(store.recorded("nodes", &[3; 32]), None);
        }
    }
}
