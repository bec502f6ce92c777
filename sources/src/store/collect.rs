//! What nobody has used for long goes.
//!
//! ```text
//!  records, objects --from the last used down--> in use --references--> objects that stay
//!  everything else is removed; a record whose objects all stay, stays
//! ```
//! What was used lately is a root, be it a record or an object, and with it stays whatever it refers to. Here it is known
//! what trees and extents refer to, and the caller tells what a record does. A record that refers to something that is missing or
//! damaged is of no use to anybody, and keeps nothing. It works on a store that is open to nobody else (`lock.rs`); killed
//! at any moment it leaves a store that is sound, since everything in one may be missing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use gravure_formats::{Digest, Extents, Kind, Tree};

use super::verify::list;
use super::{Store, lock};
use crate::error::{Error, ErrorKind};
use crate::{debian, files};

/// What stays although nothing needs it.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// What was used since then.
    pub since: SystemTime,
    /// Of that, what was used last and takes no more than so many bytes on disk together.
    pub max_size: u64,
}

/// How an object refers to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// Not at all.
    Blob,
    /// It is a serialised tree.
    Tree,
    /// They are serialised extents.
    Extents,
}

/// An object that a record refers to.
pub type Reference = (Digest, Form);

/// What is to be removed, or was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Garbage {
    /// The files that go, with the bytes that they take on disk; sorted.
    pub files: Vec<(PathBuf, u64)>,
    /// How many of them are objects.
    pub n_objects: usize,
    /// How many of them are objects that are not what their names say.
    pub n_damaged: usize,
    /// How many objects stay.
    pub n_kept_objects: usize,
    /// How many bytes stay on disk.
    pub kept_size: u64,
}

impl Garbage {
    /// Returns how many bytes on disk go.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|(_, size)| size).sum()
    }
}

/// A store that no other process has open: what is in it may be removed.
#[derive(Debug)]
pub struct Alone(Store);

impl Alone {
    /// Opens the store at `path` when nobody uses it, and keeps others out until this is dropped.
    ///
    /// # Errors
    /// As [`Store::open`]; another process uses it (kind `Refused`); or it cannot be locked.
    pub fn open(path: &Path) -> Result<Alone, Error> {
        Store::open_with(path, |root| lock::take(root).map(Some)).map(Alone)
    }

    /// Returns what goes. `references` tells which objects a record refers to, from the name of its kind and its value.
    ///
    /// # Errors
    /// The directories of the store cannot be listed.
    pub fn garbage(&self, keep: &Keep, references: &dyn Fn(&str, &[u8]) -> Vec<Reference>) -> Result<Garbage, Error> {
        let mut marking = Marking::new(&self.0, references)?;
        marking.mark(keep);
        Ok(marking.garbage())
    }

    /// Removes what goes.
    ///
    /// # Errors
    /// Something cannot be removed; what came before it is gone.
    pub fn remove(&self, garbage: &Garbage) -> Result<(), Error> {
        for (path, _) in &garbage.files {
            fs::remove_file(path).map_err(|error| Error::io("remove", path, error))?;
            if let Some(folder) = path.parent() {
                // One that is not empty stays, and nothing is lost with one that is.
                let _ = fs::remove_dir(folder);
            }
        }
        Ok(())
    }
}

/// A file of the store.
#[derive(Debug)]
struct File {
    path: PathBuf,
    used: SystemTime,
    size: u64,
}

/// A record and what it refers to.
#[derive(Debug)]
struct Record {
    file: File,
    references: Vec<Reference>,
}

/// A search for what stays.
struct Marking<'a> {
    store: &'a Store,
    records: Vec<Record>,
    objects: BTreeMap<Digest, File>,
    checksums: BTreeMap<Digest, File>,
    /// What has been looked into: all that an object refers to and the object itself; none if it is of no use.
    closures: BTreeMap<Reference, Option<BTreeSet<Digest>>>,
    damaged: BTreeSet<Digest>,
    /// By number.
    kept_records: BTreeSet<usize>,
    kept_objects: BTreeSet<Digest>,
    kept_size: u64,
}

impl<'a> Marking<'a> {
    fn new(store: &'a Store, references: &dyn Fn(&str, &[u8]) -> Vec<Reference>) -> Result<Marking<'a>, Error> {
        let mut records = Vec::new();
        for names in list(&store.root.join("records"))? {
            for file in files_below(&names)? {
                let names = names.file_name().unwrap_or_default().to_string_lossy();
                let value = super::records::value_of(&file.path).unwrap_or_default();
                let references = own_references(&names, &value).unwrap_or_else(|| references(&names, &value));
                records.push(Record { references, file });
            }
        }
        let named = |area: &str| -> Result<BTreeMap<Digest, File>, Error> {
            let files = files_below(&store.root.join(area))?.into_iter();
            // What is called like no object is none of ours; `verify` tells of it.
            Ok(files.filter_map(|file| Some((digest_of(&file.path)?, file))).collect())
        };
        Ok(Marking {
            records,
            objects: named("objects")?,
            checksums: named("checksums")?,
            store,
            closures: BTreeMap::new(),
            damaged: BTreeSet::new(),
            kept_records: BTreeSet::new(),
            kept_objects: BTreeSet::new(),
            kept_size: 0,
        })
    }

    /// Goes from what was used last to what was used first, until `keep` is reached.
    fn mark(&mut self, keep: &Keep) {
        for root in self.roots(keep.since) {
            let (own_size, closure) = match root {
                Root::Object(digest) => (0, self.closure((digest, Form::Blob))),
                Root::Record(number) => {
                    let Record { file, references } = &self.records[number];
                    let (size, references) = (file.size, references.clone());
                    (size, self.closure_of_all(&references))
                }
            };
            let Some(closure) = closure else { continue };
            let new: Vec<Digest> = closure.difference(&self.kept_objects).copied().collect();
            let size = own_size + new.iter().map(|digest| self.size_of(digest)).sum::<u64>();
            if keep.max_size < self.kept_size + size {
                break;
            }
            self.kept_size += size;
            self.kept_objects.extend(new);
            if let Root::Record(number) = root {
                self.kept_records.insert(number);
            }
        }
        self.keep_small_ones();
    }

    /// Keeps the records of what stays anyhow.
    fn keep_small_ones(&mut self) {
        for number in 0..self.records.len() {
            let references = self.records[number].references.clone();
            let closure = self.closure_of_all(&references).filter(|_| !references.is_empty());
            if closure.is_some_and(|closure| closure.is_subset(&self.kept_objects)) {
                self.kept_records.insert(number);
            }
        }
    }

    /// Returns everything that was used since then, from the last used down.
    fn roots(&self, since: SystemTime) -> Vec<Root> {
        let records = self.records.iter().enumerate().map(|(number, record)| (Root::Record(number), &record.file));
        let objects = self.objects.iter().map(|(digest, file)| (Root::Object(*digest), file));
        let mut roots: Vec<(Root, &File)> = records.chain(objects).filter(|(_, file)| since <= file.used).collect();
        roots.sort_by(|(_, a), (_, b)| b.used.cmp(&a.used).then_with(|| a.path.cmp(&b.path)));
        roots.into_iter().map(|(root, _)| root).collect()
    }

    /// Returns all that these objects need; none if something of it is missing or damaged.
    fn closure_of_all(&mut self, references: &[Reference]) -> Option<BTreeSet<Digest>> {
        let mut all = BTreeSet::new();
        for &reference in references {
            all.extend(self.closure(reference)?);
        }
        Some(all)
    }

    fn closure(&mut self, reference: Reference) -> Option<BTreeSet<Digest>> {
        if let Some(known) = self.closures.get(&reference) {
            return known.clone();
        }
        let closure = self.look_into(reference);
        self.closures.insert(reference, closure.clone());
        closure
    }

    fn look_into(&mut self, (digest, form): Reference) -> Option<BTreeSet<Digest>> {
        if !self.objects.contains_key(&digest) || self.damaged.contains(&digest) {
            return None;
        }
        let blobs = match form {
            Form::Blob => Ok(Vec::new()),
            Form::Tree => self.parsed(&digest, Tree::from_serialised).map(|tree| blobs_of(&tree)),
            Form::Extents => self.parsed(&digest, Extents::from_serialised).map(|extents| extents.blobs()),
        };
        let mut closure = BTreeSet::from([digest]);
        match blobs {
            Ok(blobs) => closure.extend(blobs),
            Err(error) => {
                if error.kind == ErrorKind::Integrity {
                    self.damaged.insert(digest);
                }
                return None;
            }
        }
        closure.iter().all(|digest| self.objects.contains_key(digest)).then_some(closure)
    }

    fn parsed<T>(&self, digest: &Digest, parse: fn(&[u8]) -> Result<T, String>) -> Result<T, Error> {
        let bytes = self.store.read(digest)?;
        parse(&bytes).map_err(|why| Error::new(ErrorKind::Refused, why))
    }

    fn size_of(&self, digest: &Digest) -> u64 {
        let of = |files: &BTreeMap<Digest, File>| files.get(digest).map_or(0, |file| file.size);
        of(&self.objects) + of(&self.checksums)
    }

    fn garbage(self) -> Garbage {
        let stays = |digest: &Digest| self.kept_objects.contains(digest) && !self.damaged.contains(digest);
        let records = self.records.iter().enumerate();
        let records = records.map(|(number, record)| (self.kept_records.contains(&number), &record.file));
        let objects = self.objects.iter().chain(&self.checksums).map(|(digest, file)| (stays(digest), file));
        let (kept, gone): (Vec<_>, Vec<_>) = records.chain(objects).partition(|(is_kept, _)| *is_kept);
        let mut files: Vec<(PathBuf, u64)> = gone.iter().map(|(_, file)| (file.path.clone(), file.size)).collect();
        files.sort();
        let n_kept_objects = self.objects.keys().filter(|digest| stays(digest)).count();
        Garbage {
            files,
            n_objects: self.objects.len() - n_kept_objects,
            n_damaged: self.damaged.len(),
            n_kept_objects,
            kept_size: kept.iter().map(|(_, file)| file.size).sum(),
        }
    }
}

#[derive(Clone, Copy)]
enum Root {
    /// By number.
    Record(usize),
    Object(Digest),
}

/// Returns what a record of this crate refers to; none if it is one of others.
///
/// What was imported from a directory is a tree, but as such the node that takes it keeps it.
fn own_references(names: &str, value: &[u8]) -> Option<Vec<Reference>> {
    let object = match names {
        files::RECORDS => value.split_first_chunk::<32>().and_then(|(_, object)| object.try_into().ok()),
        debian::RECORDS => value.try_into().ok(),
        _ => return None,
    };
    Some(object.map(|digest| (Digest(digest), Form::Blob)).into_iter().collect())
}

fn blobs_of(tree: &Tree) -> Vec<Digest> {
    let contents = tree.iter().filter_map(|(_, _, entry)| match &entry.kind {
        Kind::File(content) => Some(content.blobs()),
        _ => None,
    });
    contents.flatten().collect()
}

/// Returns the files in the directories of a directory.
fn files_below(directory: &Path) -> Result<Vec<File>, Error> {
    let mut files = Vec::new();
    for folder in list(directory)? {
        for path in list(&folder)? {
            let metadata = fs::symlink_metadata(&path).map_err(|error| Error::io("read", &path, error))?;
            if metadata.is_file() {
                let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                files.push(File { path, used, size: metadata.blocks() * 512 });
            }
        }
    }
    Ok(files)
}

/// Returns the name that the path `../ab/cdef...` stands for.
fn digest_of(path: &Path) -> Option<Digest> {
    let start = path.parent()?.file_name()?.to_str()?;
    format!("{start}{}", path.file_name()?.to_str()?).parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gravure_formats::{Entry, TreePath};

    use super::*;
    use crate::testing::{Scratch, noise};

    const FOREVER: Keep = Keep { since: SystemTime::UNIX_EPOCH, max_size: u64::MAX };

    /// Records of these tests are called as the form of their object, and have its name as their value.
    fn references(names: &str, value: &[u8]) -> Vec<Reference> {
        let form = match names {
            "trees" => Form::Tree,
            "extents" => Form::Extents,
            "blobs" => Form::Blob,
            _ => return Vec::new(),
        };
        value.try_into().map(|digest| (Digest(digest), form)).into_iter().collect()
    }

    /// A store with a tree over a pack, an image over a blob, and something that nothing refers to.
    struct Sample {
        scratch: Scratch,
        tree: Digest,
        pack: Digest,
        extents: Digest,
        blob: Digest,
        stray: Digest,
    }

    impl Sample {
        fn new() -> Sample {
            let scratch = Scratch::new();
            let store = scratch.store();
            let put = |seed| store.put(&noise(100_000, seed)).unwrap();
            let (pack, blob, stray) = (put(1), put(2), put(3));
            let mut tree = Tree::default();
            let content = Extents::from_blob(pack, 100_000);
            tree.insert(&TreePath::parse("/f").unwrap(), Entry::file(0o644, content)).unwrap();
            let tree = store.put(&tree.to_bytes()).unwrap();
            let extents = store.put(&Extents::from_blob(blob, 100_000).to_bytes()).unwrap();
            store.record("trees", &[1; 32], &tree.0).unwrap();
            store.record("extents", &[2; 32], &extents.0).unwrap();
            store.record("outputs", &[3; 32], b"refers to nothing").unwrap();
            Sample { scratch, tree, pack, extents, blob, stray }
        }

        fn alone(&self) -> Alone {
            Alone::open(&self.scratch.path().join("store")).unwrap()
        }

        /// Makes everything as old as if it had been used a hundred days ago.
        fn age(&self) {
            let past = SystemTime::now() - Duration::from_secs(100 * 86_400);
            let alone = self.alone();
            for (path, _) in alone.garbage(&Keep { max_size: 0, ..FOREVER }, &references).unwrap().files {
                fs::File::open(path).unwrap().set_modified(past).unwrap();
            }
        }

        fn collect(&self, keep: &Keep) -> Garbage {
            let alone = self.alone();
            let garbage = alone.garbage(keep, &references).unwrap();
            alone.remove(&garbage).unwrap();
            garbage
        }

        fn objects(&self) -> Vec<Digest> {
            let all = [self.tree, self.pack, self.extents, self.blob, self.stray];
            let store = self.scratch.store();
            all.into_iter().filter(|digest| store.path_of(digest).exists()).collect()
        }
    }

    fn last_day() -> Keep {
        Keep { since: SystemTime::now() - Duration::from_secs(86_400), ..FOREVER }
    }

    #[test]
    fn what_was_used_lately_stays_with_all_that_it_needs() {
        let sample = Sample::new();
        assert_eq!(sample.collect(&last_day()), Garbage { files: Vec::new(), ..sample.collect(&FOREVER) });
        assert_eq!(sample.objects().len(), 5);

        sample.age();
        let store = sample.scratch.store();
        assert_eq!(store.recorded("trees", &[1; 32]).unwrap(), sample.tree.0, "this uses it");
        assert!(store.contains(&sample.stray), "and so does this");
        drop(store);
        let garbage = sample.collect(&last_day());
        assert_eq!(sample.objects(), [sample.tree, sample.pack, sample.stray]);
        assert_eq!((garbage.n_objects, garbage.n_kept_objects, garbage.n_damaged), (2, 3, 0));
        assert_eq!(sample.scratch.store().recorded("extents", &[2; 32]), None);
        assert_eq!(sample.scratch.store().recorded("outputs", &[3; 32]), None);
        assert_eq!(sample.scratch.store().verify().unwrap(), []);

        sample.age();
        sample.collect(&last_day());
        assert_eq!(sample.objects(), []);
        for area in ["objects", "checksums", "records/trees"] {
            assert_eq!(fs::read_dir(sample.scratch.path().join("store").join(area)).unwrap().count(), 0, "{area}");
        }
    }

    #[test]
    fn the_size_is_kept_by_what_was_used_last() {
        let sample = Sample::new();
        sample.age();
        sample.scratch.store().recorded("trees", &[1; 32]).unwrap();
        let all = sample.alone().garbage(&FOREVER, &references).unwrap().kept_size;
        let garbage = sample.collect(&Keep { max_size: all / 2, ..FOREVER });
        assert!(garbage.kept_size <= all / 2, "{} of {all}", garbage.kept_size);
        assert!(sample.objects().starts_with(&[sample.tree, sample.pack]));
        assert!(sample.objects().len() < 5);
        sample.collect(&Keep { max_size: 0, ..FOREVER });
        assert_eq!(sample.objects(), []);
    }

    #[test]
    fn what_is_damaged_or_lacks_something_goes_and_keeps_nothing() {
        let sample = Sample::new();
        sample.age();
        let store = sample.scratch.store();
        fs::remove_file(store.path_of(&sample.tree)).unwrap();
        fs::write(store.path_of(&sample.tree), "damaged").unwrap();
        fs::remove_file(store.path_of(&sample.blob)).unwrap();
        fs::write(store.path_of(&sample.stray).with_file_name("notes.txt"), "not ours").unwrap();
        store.recorded("trees", &[1; 32]).unwrap();
        store.recorded("extents", &[2; 32]).unwrap();
        drop(store);
        let garbage = sample.collect(&last_day());
        assert_eq!((garbage.n_objects, garbage.n_damaged), (4, 1));
        assert_eq!(sample.objects(), []);
        assert!(sample.scratch.store().path_of(&sample.stray).with_file_name("notes.txt").exists());
    }

    #[test]
    fn nobody_is_in_the_store_meanwhile() {
        let sample = Sample::new();
        let path = sample.scratch.path().join("store");
        let user = sample.scratch.store();
        let error = Alone::open(&path).unwrap_err();
        let expected = format!(
            "the store `{}` is in use by another process, so nothing was removed\nhelp: try again when that has ended",
            path.display()
        );
        assert_eq!((error.kind, error.message), (ErrorKind::Refused, expected));
        drop(user);
        let alone = sample.alone();
        std::thread::scope(|scope| {
            let (sender, waits) = std::sync::mpsc::channel();
            let path = &path;
            let other = scope.spawn(move || Store::open_or_wait(path, || sender.send(()).unwrap()).unwrap());
            waits.recv().unwrap();
            drop(alone);
            other.join().unwrap();
        });
    }
}
