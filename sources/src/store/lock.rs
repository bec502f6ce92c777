//! Who is in a store: everybody who uses it, or one who removes from it.
//!
//! The file `lock` of a store is locked (`flock`) by every process that has the store open: shared by all who read and
//! write, alone by the one who collects garbage. So nothing is ever removed that a running build has seen. The kernel
//! takes the locks of dead processes away.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::error::{Error, ErrorKind, quoted};

/// What the file is called.
const NAME: &str = "lock";

/// Takes the lock that all users of the store at `root` share; `waits` is called when that has to be waited for.
///
/// Where there can be no lock (a store that cannot be written, a file system without locks), nothing can be collected
/// either, and it goes without.
pub(super) fn share(root: &Path, waits: impl FnOnce()) -> Option<File> {
    let file = open(root).ok()?;
    match file.try_lock_shared() {
        Ok(()) => Some(file),
        Err(TryLockError::WouldBlock) => {
            waits();
            file.lock_shared().ok().map(|()| file)
        }
        Err(TryLockError::Error(_)) => None,
    }
}

/// Takes the lock that nobody shares.
pub(super) fn take(root: &Path) -> Result<File, Error> {
    let cannot = |error| Error::io("lock the store", root, error);
    let file = open(root).map_err(cannot)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let message = format!(
                "the store {} is in use by another process, so nothing was removed\nhelp: try again when that has ended",
                quoted(root)
            );
            Err(Error::new(ErrorKind::Refused, message))
        }
        Err(TryLockError::Error(error)) => Err(cannot(error)),
    }
}

fn open(root: &Path) -> io::Result<File> {
    let path = root.join(NAME);
    match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&path)
        }
        result => result,
    }
}
