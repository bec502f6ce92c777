//! Files under a temporary name, that become visible under their own name complete or not at all.
//!
//! Every temporary file is locked (`flock`) by the process that writes it for as long as that lives. A file
//! that can be locked by another was left by a dead process and may be removed by whoever meets it: so a
//! crash leaves nothing that stays, and a dead process blocks nobody.

use std::collections::hash_map::RandomState;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How names of temporary files start; the rest is a random number.
const PREFIX: &str = ".gravure-";

/// A file that is being written; dropped before [`Temporary::persist`], it vanishes.
#[derive(Debug)]
pub(crate) struct Temporary {
    file: File,
    path: PathBuf,
    persisted: bool,
}

impl Temporary {
    /// Makes an empty file with these permissions (less the umask) in `directory`.
    pub(crate) fn create(directory: &Path, mode: u32) -> io::Result<Temporary> {
        loop {
            let path = directory.join(format!("{PREFIX}{:016x}", random()));
            let file = match OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                result => result?,
            };
            // A file system without locks keeps nobody from writing; then nothing is ever found abandoned either.
            let locked = file.lock().is_ok();
            // Between its creation and the lock another process may have taken the file for an abandoned one.
            if locked && file.metadata()?.nlink() == 0 {
                continue;
            }
            return Ok(Temporary { file, path, persisted: false });
        }
    }

    /// Returns the open file.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Gives the file its name `to`, in place of what had it; a directory that is missing above is made.
    pub(crate) fn persist(mut self, to: &Path) -> io::Result<()> {
        match fs::rename(&self.path, to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_private_directory(to.parent().unwrap_or(Path::new("/")))?;
                fs::rename(&self.path, to)?;
            }
            result => result?,
        }
        self.persisted = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.persisted {
            // What cannot be removed now is found abandoned by the next process.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes the temporary files in `directory` whose processes are dead.
///
/// What cannot be looked at or removed (another user's) is left: it does no harm.
pub(crate) fn remove_abandoned(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        if is_ours && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            remove_if_abandoned(&entry.path());
        }
    }
}

/// Removes a file that nobody has locked. The lock is held meanwhile: whoever has just made the file, and waits for its
/// lock, must find it removed and not see it vanish later.
fn remove_if_abandoned(path: &Path) {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path);
    if let Ok(file) = file
        && file.try_lock().is_ok()
    {
        let _ = fs::remove_file(path);
    }
}

/// Makes a directory and those above it that are missing, for their owner only.
pub(crate) fn make_private_directory(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Returns a number that differs from call to call and from process to process; it reaches names of temporary files only.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_dropped_file_vanishes_and_a_persisted_one_stays() {
        let directory = tempfile::tempdir().unwrap();
        drop(Temporary::create(directory.path(), 0o600).unwrap());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        let target = directory.path().join("a/b/c");
        Temporary::create(directory.path(), 0o600).unwrap().persist(&target).unwrap();
        assert!(target.is_file());
    }

    #[test]
    fn no_file_is_taken_for_abandoned_while_it_is_made() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path();
        let make = |target: &Path| {
            for _ in 0..4000 {
                Temporary::create(directory, 0o600).unwrap().persist(target).unwrap();
            }
        };
        let at_work = AtomicUsize::new(4);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (target, at_work) = (directory.join(format!("target-{thread}")), &at_work);
                scope.spawn(move || {
                    let made = std::panic::catch_unwind(|| make(&target));
                    at_work.fetch_sub(1, Ordering::Relaxed);
                    made.unwrap();
                });
                scope.spawn(move || {
                    while 0 < at_work.load(Ordering::Relaxed) {
                        remove_abandoned(directory);
                    }
                });
            }
        });
    }

    #[test]
    fn only_files_of_the_dead_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let alive = Temporary::create(directory.path(), 0o600).unwrap();
        let abandoned = directory.path().join(".gravure-0123456789abcdef");
        fs::write(&abandoned, "left by a process that was killed").unwrap();
        fs::write(directory.path().join("unrelated"), "stays").unwrap();
        remove_abandoned(directory.path());
        assert!(alive.path.is_file());
        assert!(!abandoned.exists());
        assert!(directory.path().join("unrelated").exists());
    }
}
