//! Local files and directories as inputs.
//!
//! What a build takes from the host is content and names, nothing else: owner 0:0, mode 0755 or 0644 by the owner's
//! execute bit, and a time that the caller names. Only regular files, directories and symbolic links come in.
//!
//! The contents of a directory become one object, the *pack*: one file after another in order of their paths, each
//! starting at a multiple of 4 KiB, so that the whole is one long range of an image. The pack and the tree depend on
//! names and contents alone, not on what was imported before.
//!
//! What a file or directory came out as is remembered with its stat data, as git's index does, so that one that did not
//! change costs a look and no reading.

mod cache;
mod walk;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use gravure_formats::{Digest, Entry, Extents, Kind, Metadata, Tree};

use crate::error::{Error, ErrorKind, quoted};
use crate::sink::kind_name;
use crate::store::{ObjectWriter, Store};
pub(crate) use cache::RECORDS;
use cache::{Clock, Stamp};
use walk::{Found, What};

/// Where the contents of files start in a pack: at multiples of this, the block of nearly all file systems.
const PACK_ALIGNMENT: u64 = 4096;

/// A file that was imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The object with its content.
    pub digest: Digest,
    /// Its length in bytes.
    pub len: u64,
    /// Whether its owner may execute it.
    pub executable: bool,
}

/// Stores the content of a regular file; symbolic links to one are followed.
///
/// # Errors
/// It is not there (kind `Missing`), is something other than a regular file (kind `Refused`), cannot be read, or
/// changes meanwhile.
pub fn import_file(store: &Store, path: &Path) -> Result<Imported, Error> {
    let clock = Clock::now();
    let metadata = fs::metadata(path).map_err(|error| Error::io("read", path, error))?;
    require(metadata.is_file(), path, metadata.file_type(), "a regular file")?;
    let stamp = Stamp::of(&metadata);
    let imported = |digest| Imported { digest, len: stamp.len, executable: stamp.executable };
    let key = cache::key("file", path, 0)?;
    if let Some(digest) = cache::recall(store, &key, &stamp.digest())
        && store.contains(&digest)
    {
        return Ok(imported(digest));
    }
    let mut writer = store.writer()?;
    copy_file(path, &stamp, &mut writer)?;
    let (digest, _) = writer.finish()?;
    if clock.is_settled(&stamp) {
        cache::remember(store, &key, &stamp.digest(), &digest)?;
    }
    Ok(imported(digest))
}

/// Stores the contents of everything below a directory and returns it as a tree whose every entry has the time
/// `mtime` (seconds since 1970).
///
/// # Errors
/// The directory is not there (kind `Missing`), contains something other than files, directories and symbolic links
/// (kind `Refused`), cannot be read, or changes meanwhile.
pub fn import_directory(store: &Store, path: &Path, mtime: i64) -> Result<Tree, Error> {
    let clock = Clock::now();
    let metadata = fs::metadata(path).map_err(|error| Error::io("read", path, error))?;
    require(metadata.is_dir(), path, metadata.file_type(), "a directory")?;
    let found = walk::below(path)?;
    let state = walk::digest(&found);
    let key = cache::key("directory", path, mtime)?;
    if let Some(tree) = cache::recall(store, &key, &state).and_then(|manifest| stored_tree(store, &manifest)) {
        return Ok(tree);
    }
    let tree = pack(store, &found, mtime)?;
    if found.iter().all(|found| clock.is_settled_entry(found)) {
        let manifest = store.put(&tree.to_bytes())?;
        cache::remember(store, &key, &state, &manifest)?;
    }
    Ok(tree)
}

/// Returns the tree whose serialised form is an object, when everything that it needs is there.
fn stored_tree(store: &Store, manifest: &Digest) -> Option<Tree> {
    let tree = Tree::from_serialised(&store.read(manifest).ok()?).ok()?;
    let is_there = |entry: &Entry| match &entry.kind {
        Kind::File(content) => content.blobs().iter().all(|blob| store.contains(blob)),
        _ => true,
    };
    let is_complete = tree.iter().all(|(_, _, entry)| is_there(entry));
    is_complete.then_some(tree)
}

/// Writes the pack of what was found, and returns the tree over it.
fn pack(store: &Store, found: &[Found], mtime: i64) -> Result<Tree, Error> {
    let mut writer = store.writer()?;
    let mut starts = Vec::with_capacity(found.len());
    for Found { host_path, what, .. } in found {
        if let What::File(stamp) = what
            && 0 < stamp.len
        {
            pad(&mut writer)?;
            starts.push(writer.written());
            copy_file(host_path, stamp, &mut writer)?;
        } else {
            starts.push(0);
        }
    }
    // A tree without contents needs no pack.
    let pack = if 0 < writer.written() { Some(writer.finish()?.0) } else { None };
    let content = |start: u64, len: u64| {
        let mut extents = Extents::default();
        if let Some(pack) = pack {
            extents.push_blob(pack, start, len);
        }
        extents
    };
    let entry = |mode, kind| Entry { metadata: Metadata { mode, mtime, ..Metadata::default() }, kind };
    let mut tree = Tree::new(entry(0o755, Kind::Directory));
    for (Found { path, what, .. }, start) in found.iter().zip(starts) {
        let entry = match what {
            What::Directory => entry(0o755, Kind::Directory),
            What::Symlink(target) => entry(0o777, Kind::Symlink(target.clone())),
            What::File(stamp) => {
                let mode = if stamp.executable { 0o755 } else { 0o644 };
                entry(mode, Kind::File(content(start, stamp.len)))
            }
        };
        tree.insert(path, entry).expect("the walk names a directory before what is in it");
    }
    Ok(tree)
}

/// Fills a pack with zeros up to where the next file starts.
fn pad(writer: &mut ObjectWriter<'_>) -> Result<(), Error> {
    const ZEROS: [u8; PACK_ALIGNMENT as usize] = [0; PACK_ALIGNMENT as usize];
    let gap = writer.written().next_multiple_of(PACK_ALIGNMENT) - writer.written();
    Ok(writer.write_all(&ZEROS[..gap as usize])?)
}

/// Appends the content of a file, which must be and stay as it was when it was looked at.
fn copy_file(path: &Path, stamp: &Stamp, writer: &mut ObjectWriter<'_>) -> Result<(), Error> {
    let cannot_read = |error| Error::io("read", path, error);
    // Should a pipe have taken the place of the file, opening it does not wait for a writer.
    let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    let mut file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(cannot_read)?;
    require_unchanged(path, stamp, &file)?;
    let before = writer.written();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(len) => writer.write_all(&buffer[..len])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(cannot_read(error)),
        }
    }
    require_unchanged(path, stamp, &file)?;
    if writer.written() - before == stamp.len { Ok(()) } else { Err(changed(path)) }
}

fn require_unchanged(path: &Path, stamp: &Stamp, file: &File) -> Result<(), Error> {
    let metadata = file.metadata().map_err(|error| Error::io("read", path, error))?;
    if Stamp::of(&metadata) == *stamp { Ok(()) } else { Err(changed(path)) }
}

fn changed(path: &Path) -> Error {
    Error::new(ErrorKind::Io, format!("{} changed while it was read", quoted(path)))
}

/// Returns an error unless something is what is wanted.
fn require(is_wanted: bool, path: &Path, kind: fs::FileType, wanted: &str) -> Result<(), Error> {
    if is_wanted {
        return Ok(());
    }
    let message = format!("cannot read {}: it is {}, and {wanted} is wanted", quoted(path), kind_name(kind));
    Err(Error::new(ErrorKind::Refused, message))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::time::{Duration, SystemTime};

    use gravure_formats::{Data, TreePath};

    use super::*;
    use crate::testing::{Scratch, noise};

    fn write(path: &Path, bytes: &[u8], mode: u32) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Sets the time of a file so far back that it counts as settled.
    fn settle(path: &Path) {
        let file = File::options().read(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(100)).unwrap();
    }

    fn pipe(path: &Path) {
        let (cwd, mode) = (rustix::fs::CWD, rustix::fs::Mode::from_raw_mode(0o600));
        rustix::fs::mknodat(cwd, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    }

    #[test]
    fn files_come_in_with_content_and_execute_bit() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let path = scratch.path().join("script");
        write(&path, b"#!/bin/sh\n", 0o700);
        let expected = Imported { digest: Digest::of(b"#!/bin/sh\n"), len: 10, executable: true };
        assert_eq!(import_file(&store, &path), Ok(expected));
        write(&path, b"", 0o464);
        let expected = Imported { digest: Digest::of(b""), len: 0, executable: false };
        assert_eq!(import_file(&store, &path), Ok(expected));
        assert_eq!(store.read(&expected.digest).unwrap().len(), 0);
    }

    #[test]
    fn what_is_no_file_is_refused_by_kind() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let path = scratch.path().join("pipe");
        pipe(&path);
        let message = |path: &Path| import_file(&store, path).unwrap_err().message;
        let expected = |what: &str| format!("it is {what}, and a regular file is wanted");
        assert!(message(&path).ends_with(&expected("a named pipe")));
        assert!(message(scratch.path()).ends_with(&expected("a directory")));
        assert_eq!(
            message(Path::new("/dev/null")),
            format!("cannot read `/dev/null`: {}", expected("a character device"))
        );
        let missing = import_file(&store, &scratch.path().join("missing")).unwrap_err();
        assert_eq!(missing.kind, ErrorKind::Missing);

        let error = import_directory(&store, scratch.path(), 0).unwrap_err();
        let end = "it is a named pipe; only files, directories and symbolic links come in from the host";
        assert_eq!(error.message, format!("cannot import `{}`: {end}", path.display()));
    }

    #[test]
    fn an_unchanged_file_is_not_read_again() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let path = scratch.path().join("file");
        write(&path, b"content", 0o644);
        settle(&path);
        let first = import_file(&store, &path).unwrap();
        let key = cache::key("file", &path, 0).unwrap();
        // A false record shows that it is the record that answers.
        let stamp = Stamp::of(&fs::metadata(&path).unwrap());
        let other = store.put(b"other").unwrap();
        assert_eq!(cache::recall(&store, &key, &stamp.digest()), Some(first.digest));
        cache::remember(&store, &key, &stamp.digest(), &other).unwrap();
        assert_eq!(import_file(&store, &path).unwrap().digest, other);
        // The object went: the file is read again.
        fs::remove_file(store.path_of(&other)).unwrap();
        assert_eq!(import_file(&store, &path), Ok(first));
        // Another content of the same length and time has another inode or time of change.
        write(&path, b"changed", 0o644);
        settle(&path);
        assert_eq!(import_file(&store, &path).unwrap().digest, Digest::of(b"changed"));
    }

    #[test]
    fn a_file_modified_just_now_is_not_remembered() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let path = scratch.path().join("file");
        write(&path, b"content", 0o644);
        import_file(&store, &path).unwrap();
        assert_eq!(store.recorded("files", &cache::key("file", &path, 0).unwrap()), None);
        let future = SystemTime::now() + Duration::from_secs(100);
        File::options().read(true).open(&path).unwrap().set_modified(future).unwrap();
        import_file(&store, &path).unwrap();
        assert_eq!(store.recorded("files", &cache::key("file", &path, 0).unwrap()), None);
    }

    /// Makes a directory of everything that may be imported.
    fn make_directory(root: &Path) {
        write(&root.join("etc/motd"), b"hello\n", 0o600);
        write(&root.join("etc/empty"), b"", 0o644);
        write(&root.join("bin/tool"), &noise(10_000, 1), 0o775);
        write(&root.join("bin-b/\u{fc}"), b"non-ascii", 0o644);
        symlink("../bin/tool", root.join("etc/tool")).unwrap();
        symlink("/nowhere", root.join("dangling")).unwrap();
        fs::create_dir(root.join("void")).unwrap();
    }

    #[test]
    fn directories_become_trees_over_one_pack() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let root = scratch.path().join("root");
        make_directory(&root);
        let tree = import_directory(&store, &root, 1_700_000_000).unwrap();
        let mut lines = Vec::new();
        for (path, _, entry) in tree.iter() {
            let Metadata { mode, uid, gid, mtime, .. } = entry.metadata;
            assert_eq!((uid, gid, mtime), (0, 0, 1_700_000_000));
            let what = match &entry.kind {
                Kind::Directory => "directory".to_owned(),
                Kind::Symlink(target) => format!("-> {}", target.escape_ascii()),
                Kind::File(content) => {
                    let bytes = content.to_vec(&store).unwrap();
                    let start = content.runs().first().map(|run| match run.data {
                        Data::Blob { offset, .. } => offset,
                        Data::Bytes(_) => panic!("contents are in the pack"),
                    });
                    let start = start.map_or("nowhere".to_owned(), |start| start.to_string());
                    format!("{} bytes, SHA-256 {:.8}, at {start}", bytes.len(), Digest::of(&bytes).to_string())
                }
                other => format!("{other:?}"),
            };
            lines.push(format!("{mode:o} {path} {what}"));
        }
        let tool = Digest::of(&noise(10_000, 1)).to_string();
        let expected = [
            "755 / directory",
            "755 /bin directory",
            &format!("755 /bin/tool 10000 bytes, SHA-256 {tool:.8}, at 0"),
            "755 /bin-b directory",
            &format!("644 /bin-b/\\xc3\\xbc 9 bytes, SHA-256 {:.8}, at 12288", Digest::of(b"non-ascii").to_string()),
            "777 /dangling -> /nowhere",
            "755 /etc directory",
            "644 /etc/empty 0 bytes, SHA-256 e3b0c442, at nowhere",
            &format!("644 /etc/motd 6 bytes, SHA-256 {:.8}, at 16384", Digest::of(b"hello\n").to_string()),
            "777 /etc/tool -> ../bin/tool",
            "755 /void directory",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn equal_directories_give_equal_trees_wherever_they_are() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let (a, b) = (scratch.path().join("a"), scratch.path().join("deeper/b"));
        make_directory(&a);
        make_directory(&b);
        // A hard link is how the host saves space; it is not content.
        fs::hard_link(a.join("etc/motd"), a.join("etc/motd2")).unwrap();
        fs::copy(b.join("etc/motd"), b.join("etc/motd2")).unwrap();
        assert_eq!(import_directory(&store, &a, 0).unwrap(), import_directory(&store, &b, 0).unwrap());
    }

    #[test]
    fn an_unchanged_directory_is_not_read_again() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let root = scratch.path().join("root");
        make_directory(&root);
        for file in ["etc/motd", "etc/empty", "bin/tool", "bin-b/\u{fc}"] {
            settle(&root.join(file));
        }
        let tree = import_directory(&store, &root, 5).unwrap();
        let key = cache::key("directory", &root, 5).unwrap();
        let state = walk::digest(&walk::below(&root).unwrap());
        let manifest = cache::recall(&store, &key, &state).unwrap();
        assert_eq!(stored_tree(&store, &manifest).as_ref(), Some(&tree));
        // A false record shows that it is the record that answers.
        let empty = store.put(&Tree::default().to_bytes()).unwrap();
        cache::remember(&store, &key, &state, &empty).unwrap();
        assert_eq!(import_directory(&store, &root, 5).unwrap(), Tree::default());
        assert_ne!(import_directory(&store, &root, 6).unwrap(), Tree::default());
        fs::remove_file(root.join("dangling")).unwrap();
        assert_eq!(import_directory(&store, &root, 5).unwrap().len(), tree.len() - 1);
        assert_ne!(tree.get(&TreePath::parse("dangling").unwrap()), None);
    }
}
