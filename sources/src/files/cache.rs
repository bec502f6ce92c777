//! What files and directories came out as when they were last read.
//!
//! A record holds a digest over stat data and the digest of what came out. It says nothing about files that were
//! modified just before they were read: another change in the same moment would leave the same stat data.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gravure_formats::{Digest, Hasher};

use super::walk::{Found, What};
use crate::error::Error;
use crate::store::Store;

/// Among which records of the store these are.
pub(crate) const RECORDS: &str = "files";

/// For how long a file may change without its time showing it: the 2 s of FAT are the coarsest in use.
const GRANULARITY: Duration = Duration::from_secs(2);

/// What stat says about a file: as long as this is equal, so is the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Length in bytes.
    pub(super) len: u64,
    /// Whether the owner may execute it.
    pub(super) executable: bool,
    inode: u64,
    /// Time of last modification: seconds and nanoseconds since 1970.
    mtime: (i64, i64),
    /// Time of last change of content or attributes, likewise.
    ctime: (i64, i64),
}

impl Stamp {
    pub(super) fn of(metadata: &fs::Metadata) -> Stamp {
        Stamp {
            len: metadata.len(),
            executable: metadata.mode() & 0o100 != 0,
            inode: metadata.ino(),
            mtime: (metadata.mtime(), metadata.mtime_nsec()),
            ctime: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = vec![u8::from(self.executable)];
        bytes.extend(self.len.to_le_bytes());
        bytes.extend(self.inode.to_le_bytes());
        for number in [self.mtime.0, self.mtime.1, self.ctime.0, self.ctime.1] {
            bytes.extend(number.to_le_bytes());
        }
        bytes
    }

    pub(super) fn digest(self) -> Digest {
        Digest::of(&self.to_bytes())
    }
}

/// When an import began.
pub(super) struct Clock(Duration);

impl Clock {
    pub(super) fn now() -> Clock {
        Clock(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    /// Whether a file was modified so long before that any later change shows in its stamp.
    pub(super) fn is_settled(&self, stamp: &Stamp) -> bool {
        let settled = self.0.saturating_sub(GRANULARITY);
        stamp.mtime.0 < settled.as_secs() as i64
    }

    /// As [`Clock::is_settled`]; what is no file shows all it is.
    pub(super) fn is_settled_entry(&self, found: &Found) -> bool {
        match &found.what {
            What::File(stamp) => self.is_settled(stamp),
            What::Directory | What::Symlink(_) => true,
        }
    }
}

/// Returns the key under which something of this kind, imported with this time, is remembered.
pub(super) fn key(kind: &str, path: &Path, mtime: i64) -> Result<[u8; 32], Error> {
    let absolute = std::path::absolute(path).map_err(|error| Error::io("find", path, error))?;
    let mut hasher = Hasher::new();
    hasher.update(kind.as_bytes());
    hasher.update(&mtime.to_le_bytes());
    hasher.update(absolute.as_os_str().as_encoded_bytes());
    Ok(hasher.finish().0)
}

/// Returns what came out when the stat data was `state`.
pub(super) fn recall(store: &Store, key: &[u8; 32], state: &Digest) -> Option<Digest> {
    let value = store.recorded(RECORDS, key)?;
    let (recorded, result) = value.split_first_chunk::<32>()?;
    let result = result.try_into().ok()?;
    (*recorded == state.0).then_some(Digest(result))
}

/// Remembers what came out of the stat data `state`, in place of what came out before.
pub(super) fn remember(store: &Store, key: &[u8; 32], state: &Digest, result: &Digest) -> Result<(), Error> {
    store.record(RECORDS, key, &[state.0, result.0].concat())
}
