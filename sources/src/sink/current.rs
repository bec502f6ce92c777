//! Whether a file is still what a build wrote there: a record in the store about each output, by its path.
//!
//! ```text
//! offset  size  meaning
//!      0    32  the name of the content: equal names, equal bytes
//!     32     8  device         \
//!     40     8  inode           |
//!     48     8  length          |  as stat said when the file had got its name;
//!     56    16  mtime           |  times are seconds, then nanoseconds
//!     72    16  ctime          /
//! ```
//! Whoever replaces the file changes the inode, and whoever writes into it changes the times, as long as the clock of
//! the file system has moved on since our own last write. So that is waited for before the file gets its name: from
//! then on any write shows in mtime, also one in the same moment. Where a clock is too coarse to be waited for, nothing
//! is recorded, and the next build writes the file again.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use gravure_formats::{Digest, Hasher};

use crate::store::Store;

/// Among which records of the store these are.
const RECORDS: &str = "outputs";

/// How often it is looked whether the clock of the file system has moved on, and how long it may take in between: kernels
/// count at least a hundred moments in a second.
const LOOKS: usize = 15;
const PAUSE: Duration = Duration::from_millis(2);

/// A time as stat says it: seconds and nanoseconds since 1970.
type Time = (i64, i64);

/// Returns the file at `path`, without links, if it is what [`remember`] was told about, with this content.
pub(super) fn find(store: &Store, path: &Path, content: &Digest) -> Option<PathBuf> {
    let target = fs::canonicalize(path).ok()?;
    let metadata = fs::metadata(&target).ok().filter(Metadata::is_file)?;
    let recorded = store.recorded(RECORDS, &key(&target))?;
    (recorded == value(content, &metadata)).then_some(target)
}

/// Waits until any further write to the file shows in its times, and returns its mtime; none if that takes too long.
pub(super) fn settle(file: &File) -> io::Result<Option<Time>> {
    for _ in 0..LOOKS {
        let metadata = file.metadata()?;
        // Nothing changes but ctime, which becomes the present. There are file systems without permissions.
        if file.set_permissions(metadata.permissions()).is_err() {
            return Ok(None);
        }
        let metadata = file.metadata()?;
        if mtime(&metadata) < (metadata.ctime(), metadata.ctime_nsec()) {
            return Ok(Some(mtime(&metadata)));
        }
        thread::sleep(PAUSE);
    }
    Ok(None)
}

/// Remembers that the open file, which is at `path` now and had this mtime before, has this content.
///
/// What cannot be remembered costs the next build a copy, and no more.
pub(super) fn remember(store: &Store, path: &Path, file: &File, settled: Time, content: &Digest) {
    let record = || {
        let target = fs::canonicalize(path).ok()?;
        let metadata = file.metadata().ok().filter(|metadata| mtime(metadata) == settled)?;
        store.record(RECORDS, &key(&target), &value(content, &metadata)).ok()
    };
    record();
}

fn mtime(metadata: &Metadata) -> Time {
    (metadata.mtime(), metadata.mtime_nsec())
}

/// Returns the key of the output at an absolute path without links.
fn key(target: &Path) -> [u8; 32] {
    let mut hasher = Hasher::new();
    hasher.update(b"output\0");
    hasher.update(target.as_os_str().as_encoded_bytes());
    hasher.finish().0
}

fn value(content: &Digest, metadata: &Metadata) -> Vec<u8> {
    let mut bytes = content.0.to_vec();
    for number in [metadata.dev(), metadata.ino(), metadata.len()] {
        bytes.extend(number.to_le_bytes());
    }
    for number in [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()] {
        bytes.extend(number.to_le_bytes());
    }
    bytes
}
