//! The store: a directory of objects named by their SHA-256, and of small records.
//!
//! ```text
//! objects/ab/cdef...        the bytes whose SHA-256 is abcdef..., read-only
//! checksums/ab/cdef...      a CRC-32C per 64 KiB of a longer object: what reads are held against
//! records/NAMES/ab/cdef...  small values under 32-byte keys: what a node made, what a file contained
//! temporary/                what is being written; locked, so that what a dead process left is found
//! lock                      locked by whoever has the store open, so that nothing is removed meanwhile
//! ```
//! The invariants: an object is complete, synced and right from the moment it has its name, and nobody changes
//! it afterwards; everything else can be lost at any moment without harm. So checksums and records are not
//! synced (they carry their own checksum, and a damaged one counts as missing), and many processes may share
//! a store without waiting for one another; only while garbage is collected, nobody else is in it.

mod collect;
mod handles;
mod lock;
mod object;
mod records;
mod temporary;
mod used;
mod verify;

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use gravure_formats::{Blobs, Digest};

use crate::error::{Error, ErrorKind, quoted};
pub use collect::{Alone, Form, Garbage, Keep, Reference};
use handles::Handles;
pub use object::ObjectWriter;
pub(crate) use temporary::{Temporary, remove_abandoned};
pub use verify::Problem;

/// A store on disk, safe to use from many threads and many processes at once.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    handles: Handles,
    /// Whether it is noted when something is read.
    notes_uses: bool,
    /// Locked as long as the store is open.
    _lock: Option<fs::File>,
}

/// Returns where the store is: `$GRAVURE_STORE`, else `gravure` in the user's cache directory.
///
/// # Errors
/// None of the three variables says anything.
pub fn default_store(
    gravure_store: Option<OsString>,
    xdg_cache_home: Option<OsString>,
    home: Option<OsString>,
) -> Result<PathBuf, Error> {
    let given = |value: Option<OsString>| value.filter(|value| !value.is_empty()).map(PathBuf::from);
    // The XDG specification has relative paths ignored.
    let cache = given(xdg_cache_home).filter(|path| path.is_absolute());
    given(gravure_store)
        .or_else(|| cache.or_else(|| Some(given(home)?.join(".cache"))).map(|cache| cache.join("gravure")))
        .ok_or_else(|| Error::new(ErrorKind::Missing, "no place for the store: set `GRAVURE_STORE` to a directory"))
}

impl Store {
    /// Opens the store at `path`, which is made when it is not there.
    ///
    /// # Errors
    /// The directory cannot be made, belongs to another user, or may be written by everybody: the names of
    /// its objects could then not be trusted.
    pub fn open(path: &Path) -> Result<Store, Error> {
        Store::open_or_wait(path, || {})
    }

    /// Opens the store at `path` as [`Store::open`] does; `waits` is called when another process is removing from it, and
    /// that has to end first.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_or_wait(path: &Path, waits: impl FnOnce()) -> Result<Store, Error> {
        let store = Store::open_with(path, |root| Ok(lock::share(root, waits)))?;
        Ok(Store { notes_uses: true, ..store })
    }

    fn open_with(path: &Path, lock: impl FnOnce(&Path) -> Result<Option<fs::File>, Error>) -> Result<Store, Error> {
        temporary::make_private_directory(path).map_err(|error| Error::io("make the store", path, error))?;
        let metadata = fs::metadata(path).map_err(|error| Error::io("open the store", path, error))?;
        let refuse = |why: String| Err(Error::new(ErrorKind::Refused, format!("the store {} {why}", quoted(path))));
        if metadata.mode() & 0o002 != 0 {
            return refuse("may be written by everybody: take that away with `chmod o-w`, or name another".to_owned());
        }
        let user = rustix::process::geteuid().as_raw();
        if metadata.uid() != user {
            return refuse(format!("belongs to user {}, but this is user {user}: name another", metadata.uid()));
        }
        let root = fs::canonicalize(path).map_err(|error| Error::io("open the store", path, error))?;
        let store = Store { _lock: lock(&root)?, root, handles: Handles::default(), notes_uses: false };
        remove_abandoned(&store.temporaries());
        Ok(store)
    }

    /// Returns the directory of the store.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Stores `bytes` and returns their name.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, Error> {
        let digest = Digest::of(bytes);
        if !self.holds(&digest, bytes.len() as u64) {
            let mut writer = self.writer()?;
            io::Write::write_all(&mut writer, bytes)?;
            writer.finish()?;
        }
        Ok(digest)
    }

    /// Returns a writer whose bytes become an object when it is finished, and vanish when it is dropped before.
    ///
    /// # Errors
    /// No file can be made in the store.
    pub fn writer(&self) -> Result<ObjectWriter<'_>, Error> {
        ObjectWriter::new(self)
    }

    /// Whether the object is there.
    pub fn contains(&self, digest: &Digest) -> bool {
        self.used(digest).is_some()
    }

    /// Returns the length of an object in bytes.
    ///
    /// # Errors
    /// It is not there.
    pub fn len(&self, digest: &Digest) -> Result<u64, Error> {
        let path = self.path_of(digest);
        let metadata = fs::metadata(&path).map_err(|error| Error::io("open", &path, error))?;
        Ok(metadata.len())
    }

    /// Returns the whole content of an object, held against its checksums.
    ///
    /// # Errors
    /// It is not there, damaged, or cannot be read.
    pub fn read(&self, digest: &Digest) -> Result<Bytes, Error> {
        let handle = self.handles.get(self, digest)?;
        let mut bytes = vec![0; handle.len() as usize];
        handle.read_at(0, &mut bytes)?;
        Ok(bytes.into())
    }

    /// Returns the path under which an object is, or would be.
    pub fn path_of(&self, digest: &Digest) -> PathBuf {
        self.place("objects", &digest.0)
    }

    /// Whether an object of this length is there.
    fn holds(&self, digest: &Digest, len: u64) -> bool {
        self.used(digest).is_some_and(|metadata| metadata.len() == len)
    }

    /// Returns what stat says of an object that is there, and notes that it was used.
    fn used(&self, digest: &Digest) -> Option<fs::Metadata> {
        let path = self.path_of(digest);
        let metadata = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
        self.note_used(&path, &metadata);
        Some(metadata)
    }

    /// Notes that the file with this metadata was used.
    fn note_used(&self, path: &Path, metadata: &fs::Metadata) {
        if self.notes_uses {
            used::note(path, metadata);
        }
    }

    fn checksums_of(&self, digest: &Digest) -> PathBuf {
        self.place("checksums", &digest.0)
    }

    fn temporaries(&self) -> PathBuf {
        self.root.join("temporary")
    }

    /// Makes a temporary file, readable by its owner.
    fn temporary(&self) -> Result<Temporary, Error> {
        let directory = self.temporaries();
        let create = || match Temporary::create(&directory, 0o600) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                temporary::make_private_directory(&directory)?;
                Temporary::create(&directory, 0o600)
            }
            result => result,
        };
        create().map_err(|error| self.cannot_write(error))
    }

    fn place(&self, area: &str, name: &[u8; 32]) -> PathBuf {
        let name = Digest(*name).to_string();
        let mut path = self.root.join(area);
        path.push(&name[..2]);
        path.push(&name[2..]);
        path
    }
}

impl Blobs for Store {
    fn read_at(&self, id: &Digest, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.handles.get(self, id)?.read_at(offset, buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    use std::process::{Child, Command, Stdio};
    use std::time::Duration;

    use super::*;
    use crate::testing::{Scratch, noise};

    #[test]
    fn objects_come_back_as_they_went_in() {
        let scratch = Scratch::new();
        let store = scratch.store();
        for len in [0, 1, 65_535, 65_536, 65_537, 300_000] {
            let bytes = noise(len, len as u64);
            let digest = store.put(&bytes).unwrap();
            assert_eq!(digest, Digest::of(&bytes));
            assert_eq!(store.read(&digest).unwrap(), bytes);
            assert_eq!(store.len(&digest).unwrap(), len as u64);
            assert_eq!(store.path_of(&digest).metadata().unwrap().permissions().mode() & 0o777, 0o444);
        }
        assert_eq!(fs::read_dir(store.temporaries()).unwrap().count(), 0);
        assert_eq!(store.verify().unwrap(), []);
    }

    #[test]
    fn the_size_of_the_writes_does_not_matter() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let bytes = noise(400_000, 7);
        for step in [1000, 65_536, 100_000, 400_000] {
            let mut writer = store.writer().unwrap();
            bytes.chunks(step).for_each(|piece| writer.write_all(piece).unwrap());
            assert_eq!(writer.finish().unwrap(), (Digest::of(&bytes), 400_000));
        }
        assert_eq!(store.verify().unwrap(), []);
    }

    #[test]
    fn ranges_of_objects_are_read_from_many_threads() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let bytes = noise(500_000, 3);
        let id = store.put(&bytes).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4usize {
                let (store, bytes) = (&store, &bytes);
                scope.spawn(move || {
                    for i in 0..200usize {
                        let lo = (thread * 7919 + i * 104_729) % 499_000;
                        let mut buffer = vec![0; 1 + (i * 977) % (500_000 - lo)];
                        store.read_at(&id, lo as u64, &mut buffer).unwrap();
                        assert_eq!(buffer, bytes[lo..lo + buffer.len()]);
                    }
                });
            }
        });
        let behind = store.read_at(&id, 499_999, &mut [0; 2]).unwrap_err();
        assert_eq!(behind.kind(), io::ErrorKind::UnexpectedEof);
        let unknown = store.read_at(&Digest::of(b"unknown"), 0, &mut [0; 2]).unwrap_err();
        assert_eq!(unknown.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn more_objects_than_open_files() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let ids: Vec<Digest> = (0..300u32).map(|i| store.put(&i.to_le_bytes()).unwrap()).collect();
        for _ in 0..2 {
            for (i, id) in (0u32..).zip(&ids) {
                assert_eq!(store.read(id).unwrap()[..], i.to_le_bytes());
            }
        }
    }

    #[test]
    fn threads_may_write_the_same_object_at_once() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let bytes = noise(200_000, 5);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| store.put(&bytes).unwrap());
            }
        });
        assert_eq!(store.read(&Digest::of(&bytes)).unwrap(), bytes);
        assert_eq!(fs::read_dir(store.temporaries()).unwrap().count(), 0);
    }

    /// The variable that tells a test which was started by another one that it is to be the other process.
    const CHILD: &str = "GRAVURE_TEST_STORE";

    /// Starts the test `name` in a process of its own, with this store.
    fn start_child(name: &str, store: &Store) -> Child {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", &format!("store::tests::{name}")]).env(CHILD, store.root());
        command.stdout(Stdio::null()).spawn().unwrap()
    }

    #[test]
    fn processes_may_write_the_same_objects_at_once() {
        let objects: Vec<Vec<u8>> = (0..30).map(|i| noise(100_000, i)).collect();
        if let Some(path) = std::env::var_os(CHILD) {
            let store = Store::open(Path::new(&path)).unwrap();
            for bytes in &objects {
                store.put(bytes).unwrap();
            }
            return;
        }
        let scratch = Scratch::new();
        let store = scratch.store();
        let mut children: Vec<Child> =
            (0..3).map(|_| start_child("processes_may_write_the_same_objects_at_once", &store)).collect();
        assert!(children.iter_mut().all(|child| child.wait().unwrap().success()));
        assert_eq!(store.verify().unwrap(), []);
        for bytes in &objects {
            assert_eq!(store.read(&Digest::of(bytes)).unwrap(), bytes);
        }
        assert_eq!(fs::read_dir(store.temporaries()).unwrap().count(), 0);
    }

    #[test]
    fn a_killed_writer_leaves_nothing_and_a_living_one_is_not_disturbed() {
        if let Some(path) = std::env::var_os(CHILD) {
            let store = Store::open(Path::new(&path)).unwrap();
            let mut writer = store.writer().unwrap();
            writer.write_all(&noise(1 << 20, 1)).unwrap();
            // Waits to be killed.
            std::thread::sleep(Duration::from_secs(60));
            return;
        }
        let scratch = Scratch::new();
        let store = scratch.store();
        let mut child = start_child("a_killed_writer_leaves_nothing_and_a_living_one_is_not_disturbed", &store);
        let written = || -> Vec<u64> {
            let entries = fs::read_dir(store.temporaries()).into_iter().flatten();
            entries.map(|entry| entry.unwrap().metadata().unwrap().len()).collect()
        };
        while written() != [1 << 20] {
            assert_eq!(child.try_wait().unwrap(), None, "the writer ended early");
            std::thread::sleep(Duration::from_millis(5));
        }
        scratch.store();
        assert_eq!(written(), [1 << 20], "opening the store took a file from a living process");
        child.kill().unwrap();
        child.wait().unwrap();
        scratch.store();
        assert_eq!(written(), [0u64; 0]);
        assert!(!store.root().join("objects").exists());
    }

    #[test]
    fn an_unfinished_writer_leaves_nothing() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let mut writer = store.writer().unwrap();
        writer.write_all(&noise(100_000, 1)).unwrap();
        drop(writer);
        assert_eq!(fs::read_dir(store.temporaries()).unwrap().count(), 0);
        assert!(!store.root().join("objects").exists());
    }

    #[test]
    fn stores_that_others_can_write_are_refused() {
        let scratch = Scratch::new();
        let path = scratch.path().join("open");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        let error = Store::open(&path).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused);
        let expected = format!(
            "the store `{}` may be written by everybody: take that away with `chmod o-w`, or name another",
            path.display()
        );
        assert_eq!(error.message, expected);
    }

    #[test]
    fn stores_of_other_users_are_refused() {
        let scratch = Scratch::new();
        let user = rustix::process::geteuid().as_raw();
        // Who may give directories away does so; anybody else finds one of root's.
        let (path, owner) = if user == 0 {
            std::os::unix::fs::chown(scratch.path(), Some(1234), None).unwrap();
            (scratch.path(), 1234)
        } else {
            (Path::new("/usr"), 0)
        };
        let expected =
            format!("the store `{}` belongs to user {owner}, but this is user {user}: name another", path.display());
        assert_eq!(Store::open(path).unwrap_err().message, expected);
    }

    #[test]
    fn stores_that_are_no_directories_are_refused() {
        let scratch = Scratch::new();
        let path = scratch.path().join("file");
        fs::write(&path, "").unwrap();
        let error = Store::open(&path).unwrap_err();
        assert_eq!(error.message, format!("cannot make the store `{}`: File exists", path.display()));
    }

    #[test]
    fn the_environment_says_where_the_store_is() {
        let path = |store: &str, cache: &str, home: &str| {
            let given = |text: &str| Some(OsString::from(text));
            default_store(given(store), given(cache), given(home))
        };
        assert_eq!(path("/s", "/c", "/h"), Ok("/s".into()));
        assert_eq!(path("", "/c", "/h"), Ok("/c/gravure".into()));
        assert_eq!(path("", "relative", "/h"), Ok("/h/.cache/gravure".into()));
        assert_eq!(path("", "", "").unwrap_err().kind, ErrorKind::Missing);
    }
}
