//! The sink: the one place that writes images.
//!
//! An image appears under its name when it is complete and on disk, or not at all: it is written under a
//! temporary name in the same directory, synced and renamed. The work is cut into windows of the image, which
//! a fixed number of workers take one after another, each with one buffer; what reads as zero is not written,
//! so holes stay holes. The bytes do not depend on the number of workers.

mod current;

use std::fs;
use std::io;
use std::os::unix::fs::{FileExt, FileTypeExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use gravure_formats::{Blobs, Digest, Extents};

use crate::error::{Error, ErrorKind, quoted};
use crate::store::{Store, Temporary, remove_abandoned};

/// How many bytes of an image a worker copies at once: enough that system calls do not show, little enough
/// that the buffers of all workers stay small.
const WINDOW: u64 = 512 * 1024;

/// In what pieces zeros are looked for: the block of nearly all file systems.
const BLOCK: usize = 4096;

/// Writes an image to the file `path`, in place of what is there; on failure what is there stays.
///
/// A symbolic link is followed, and the file that it leads to replaced.
///
/// # Errors
/// A blob is missing or damaged, the file cannot be written, or `path` is something other than a file.
pub fn write_image(extents: &Extents, store: &Store, path: &Path) -> Result<(), Error> {
    let (target, temporary) = written(extents, store, path)?;
    temporary.persist(&target).map_err(|error| Error::io("write", path, error))
}

/// Writes as [`write_image`] does, and remembers in the store that the file has this content; see [`is_current`].
///
/// # Errors
/// As [`write_image`].
pub fn write_image_of(content: &Digest, extents: &Extents, store: &Store, path: &Path) -> Result<(), Error> {
    let cannot_write = |error| Error::io("write", path, error);
    let (target, temporary) = written(extents, store, path)?;
    let settled = current::settle(temporary.file()).map_err(cannot_write)?;
    let file = temporary.file().try_clone().map_err(cannot_write)?;
    temporary.persist(&target).map_err(cannot_write)?;
    if let Some(settled) = settled {
        current::remember(store, &target, &file, settled, content);
    }
    Ok(())
}

/// Whether the file `path` is what [`write_image_of`] wrote there with this content, and nobody has touched it since.
///
/// `content` is a name for the bytes: equal names stand for equal bytes.
pub fn is_current(content: &Digest, store: &Store, path: &Path) -> bool {
    let found = current::find(store, path, content);
    // A build of something else that was killed may have left its file there.
    found.inspect(|file| remove_abandoned(directory_of(file))).is_some()
}

/// Writes `bytes` to the regular file `path`, in place of what is there and with its permissions; on failure what is there
/// stays.
///
/// A symbolic link is followed, and the file that it leads to replaced.
///
/// # Errors
/// The file is not there, cannot be written, or is something other than a file.
pub fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let target = target_of(path)?;
    let directory = directory_of(&target);
    remove_abandoned(directory);
    let write = || {
        let permissions = fs::metadata(&target)?.permissions();
        let temporary = Temporary::create(directory, 0o600)?;
        temporary.file().write_all_at(bytes, 0)?;
        temporary.file().set_permissions(permissions)?;
        temporary.file().sync_all()?;
        temporary.persist(&target)
    };
    write().map_err(|error| Error::io("write", path, error))
}

/// Returns the file that is to be replaced, and the complete image under its temporary name.
fn written(extents: &Extents, store: &Store, path: &Path) -> Result<(PathBuf, Temporary), Error> {
    let target = target_of(path)?;
    let directory = directory_of(&target);
    remove_abandoned(directory);
    let cannot_write = |error| Error::io("write", path, error);
    let temporary = Temporary::create(directory, 0o666).map_err(cannot_write)?;
    temporary.file().set_len(extents.len()).map_err(cannot_write)?;
    copy(extents, store, temporary.file()).map_err(cannot_write)?;
    temporary.file().sync_all().map_err(cannot_write)?;
    Ok((target, temporary))
}

fn directory_of(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Returns the file that writing to `path` shall replace, which need not be there yet.
fn target_of(path: &Path) -> Result<PathBuf, Error> {
    let refuse = |what: &str| {
        let message = format!("cannot write {}: it is {what}, and an image is written to a regular file", quoted(path));
        Err(Error::new(ErrorKind::Refused, message))
    };
    let kind = match fs::metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return if path.is_symlink() { refuse("a symbolic link that leads nowhere") } else { Ok(path.to_owned()) };
        }
        Err(error) => return Err(Error::io("write", path, error)),
    };
    if kind.is_file() {
        fs::canonicalize(path).map_err(|error| Error::io("write", path, error))
    } else {
        refuse(kind_name(kind))
    }
}

/// Returns what people call a kind of file, with its article.
pub(crate) fn kind_name(kind: fs::FileType) -> &'static str {
    match kind {
        kind if kind.is_dir() => "a directory",
        kind if kind.is_symlink() => "a symbolic link",
        kind if kind.is_block_device() => "a block device",
        kind if kind.is_char_device() => "a character device",
        kind if kind.is_fifo() => "a named pipe",
        kind if kind.is_socket() => "a socket",
        _ => "a regular file",
    }
}

/// Copies everything that is not zero into `file`, which has the length of the image and reads as zero.
fn copy(extents: &Extents, blobs: &dyn Blobs, file: &fs::File) -> io::Result<()> {
    let windows = windows(extents);
    let next = AtomicUsize::new(0);
    // The failure nearest to the start, so that the message does not depend on who was first.
    let failure: Mutex<Option<(usize, io::Error)>> = Mutex::new(None);
    // Kernels let one write into a file at a time; who waits for that in the kernel spins.
    let writing = Mutex::new(());
    let work = || {
        let mut buffer = vec![0; WINDOW as usize];
        while let Some(&(lo, hi)) = windows.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(error) = copy_window(extents, blobs, (file, &writing), lo, &mut buffer[..(hi - lo) as usize]) {
                next.store(windows.len(), Ordering::Relaxed);
                let mut failure = failure.lock().expect("nothing panics while it holds this");
                let index = (lo / WINDOW) as usize;
                if failure.as_ref().is_none_or(|(first, _)| index < *first) {
                    *failure = Some((index, error));
                }
            }
        }
    };
    rayon::scope(|scope| {
        for _ in 0..rayon::current_num_threads().min(windows.len()) {
            scope.spawn(|_| work());
        }
    });
    match failure.into_inner().expect("nothing panics while it holds this") {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}

/// Returns the parts `lo..hi` of the image that have to be copied, none longer than a window, in order.
fn windows(extents: &Extents) -> Vec<(u64, u64)> {
    let mut windows: Vec<(u64, u64)> = Vec::new();
    for run in extents.runs() {
        let mut at = run.at;
        while at < run.end() {
            let end = run.end().min((at / WINDOW + 1) * WINDOW);
            match windows.last_mut() {
                Some((lo, hi)) if *lo / WINDOW == at / WINDOW => *hi = end,
                _ => windows.push((at, end)),
            }
            at = end;
        }
    }
    windows
}

/// Copies one window, leaving out its blocks of zeros.
fn copy_window(
    extents: &Extents,
    blobs: &dyn Blobs,
    (file, writing): (&fs::File, &Mutex<()>),
    lo: u64,
    buffer: &mut [u8],
) -> io::Result<()> {
    extents.read_at(blobs, lo, buffer)?;
    let _writing = writing.lock().expect("nothing panics while it holds this");
    let mut start = 0;
    while start < buffer.len() {
        let len = span(&buffer[start..], |block| !is_zero(block));
        if 0 < len {
            file.write_all_at(&buffer[start..start + len], lo + start as u64)?;
        }
        start += len;
        start += span(&buffer[start..], is_zero);
    }
    Ok(())
}

/// Returns how many bytes at the start consist of blocks with this property.
fn span(bytes: &[u8], property: impl Fn(&[u8]) -> bool) -> usize {
    bytes.chunks(BLOCK).take_while(|block| property(block)).map(<[u8]>::len).sum()
}

fn is_zero(block: &[u8]) -> bool {
    const ZEROS: [u8; BLOCK] = [0; BLOCK];
    *block == ZEROS[..block.len()]
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use gravure_formats::{Data, Extent};
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Scratch, noise};

    fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
    }

    fn names_in(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn images_are_the_same_from_any_number_of_threads() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let blob = noise(5_000_000, 1);
        let id = store.put(&blob).unwrap();
        let mut extents = Extents::zeros(3_000_000);
        extents.push_blob(id, 1234, 4_900_000);
        extents.push_bytes(&b"between"[..]);
        extents.push_blob(id, 0, 100);
        extents.push_zeros(5_000_001);
        let expected = extents.to_vec(&store).unwrap();
        for threads in [1, 2, 8] {
            let path = scratch.path().join("image.raw");
            on_threads(threads, || write_image(&extents, &store, &path)).unwrap();
            assert!(fs::read(&path).unwrap() == expected, "{threads} threads");
        }
    }

    #[test]
    fn holes_and_zeros_take_no_space() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let mut extents = Extents::zeros(1 << 40);
        extents.push_bytes(vec![0; 10_000_000]);
        extents.push_bytes(&b"end"[..]);
        let path = scratch.path().join("image.raw");
        write_image(&extents, &store, &path).unwrap();
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!(metadata.len(), (1 << 40) + 10_000_003);
        assert!(metadata.blocks() * 512 <= 64 * 1024, "{} blocks", metadata.blocks());
    }

    #[test]
    fn a_missing_or_damaged_blob_leaves_the_old_image() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let path = scratch.path().join("image.raw");
        fs::write(&path, "the old one").unwrap();
        let mut extents = Extents::from_bytes(noise(3_000_000, 2));
        extents.push_blob(Digest::of(b"missing"), 0, 100);
        let error = write_image(&extents, &store, &path).unwrap_err();
        let digest = Digest::of(b"missing");
        assert_eq!(error.message, format!("blob {digest} is not in the store `{}`", store.root().display()));

        let id = store.put(&noise(100_000, 3)).unwrap();
        fs::remove_file(store.path_of(&id)).unwrap();
        fs::write(store.path_of(&id), noise(100_000, 4)).unwrap();
        let error = write_image(&Extents::from_blob(id, 100_000), &store, &path).unwrap_err();
        assert_eq!(error.exit_code(), 5, "{error}");

        assert_eq!(fs::read(&path).unwrap(), b"the old one");
        assert_eq!(names_in(scratch.path()), ["image.raw", "store"]);
    }

    #[test]
    fn what_is_no_file_is_refused_untouched() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let path = |name: &str| scratch.path().join(name);
        fs::create_dir(path("directory")).unwrap();
        symlink("/dev/null", path("device")).unwrap();
        symlink("nowhere", path("dangling")).unwrap();
        for (name, what) in [
            ("directory", "a directory"),
            ("device", "a character device"),
            ("dangling", "a symbolic link that leads nowhere"),
        ] {
            let error = write_image(&Extents::zeros(10), &store, &path(name)).unwrap_err();
            let path = path(name);
            let expected =
                format!("cannot write `{}`: it is {what}, and an image is written to a regular file", path.display());
            assert_eq!((error.kind, error.message), (ErrorKind::Refused, expected));
        }
        let error = write_image(&Extents::zeros(10), &store, &path("no/such/x.raw")).unwrap_err();
        assert!(error.message.ends_with("No such file or directory"), "{error}");
        assert_eq!(names_in(scratch.path()), ["dangling", "device", "directory", "store"]);
    }

    #[test]
    fn links_to_files_are_followed() {
        let scratch = Scratch::new();
        let store = scratch.store();
        fs::create_dir(scratch.path().join("elsewhere")).unwrap();
        fs::write(scratch.path().join("elsewhere/x.raw"), "old").unwrap();
        symlink("elsewhere/x.raw", scratch.path().join("link")).unwrap();
        write_image(&Extents::from_bytes(&b"new"[..]), &store, &scratch.path().join("link")).unwrap();
        assert_eq!(fs::read(scratch.path().join("elsewhere/x.raw")).unwrap(), b"new");
        assert!(scratch.path().join("link").is_symlink());
    }

    #[test]
    fn too_large_for_the_file_system_is_said_plainly() {
        let scratch = Scratch::new();
        let path = scratch.path().join("x.raw");
        let error = write_image(&Extents::zeros(u64::MAX), &scratch.store(), &path).unwrap_err();
        assert!(error.message.starts_with(&format!("cannot write `{}`: ", path.display())), "{error}");
        assert!(!path.exists());
    }

    /// Whoever changes the file in any way, in the same moment too, is seen; who only reads it is not.
    #[test]
    fn an_output_is_current_until_somebody_touches_it() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let path = scratch.path().join("image.raw");
        let (content, other) = (Digest::of(b"new"), Digest::of(b"other"));
        let write = || write_image_of(&content, &Extents::from_bytes(&b"new"[..]), &store, &path).unwrap();
        assert!(!is_current(&content, &store, &path), "there is nothing");
        let in_place = |bytes: &[u8]| {
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.write_all_at(bytes, 0).unwrap();
            file
        };
        let touches: [(&str, &dyn Fn()); 7] = [
            ("written in place", &|| drop(in_place(b"neW"))),
            ("written in place with the same bytes", &|| drop(in_place(b"new"))),
            ("written in place, and its time set back", &|| {
                let before = fs::metadata(&path).unwrap().modified().unwrap();
                in_place(b"neW").set_modified(before).unwrap();
            }),
            ("appended to", &|| in_place(b"new").set_len(4).unwrap()),
            ("replaced", &|| {
                fs::write(path.with_extension("other"), "new").unwrap();
                fs::rename(path.with_extension("other"), &path).unwrap();
            }),
            ("removed", &|| fs::remove_file(&path).unwrap()),
            ("linked to something else", &|| {
                fs::remove_file(&path).unwrap();
                fs::write(path.with_extension("other"), "new").unwrap();
                symlink("image.other", &path).unwrap();
            }),
        ];
        for (what, touch) in touches {
            let _ = fs::remove_file(&path);
            write();
            fs::read(&path).unwrap();
            assert!(is_current(&content, &store, &path), "before it was {what}");
            assert!(!is_current(&other, &store, &path), "something else is wanted");
            touch();
            assert!(!is_current(&content, &store, &path), "{what}");
        }
    }

    #[test]
    fn an_output_is_found_current_under_all_its_names() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let path = scratch.path().join("image.raw");
        let content = Digest::of(b"new");
        symlink("image.raw", scratch.path().join("link")).unwrap();
        fs::write(&path, "old").unwrap();
        write_image_of(&content, &Extents::from_bytes(&b"new"[..]), &store, &scratch.path().join("link")).unwrap();
        for name in ["image.raw", "link", "store/../image.raw"] {
            assert!(is_current(&content, &store, &scratch.path().join(name)), "{name}");
        }
        let left = scratch.path().join(".gravure-0123456789abcdef");
        fs::write(&left, "left by a build that was killed").unwrap();
        assert!(is_current(&content, &store, &path));
        assert!(!left.exists());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn files_have_the_bytes_of_their_extents(runs in proptest::collection::vec((0u64..200_000, 1u64..150_000, any::<bool>()), 0..8), tail in 0u64..10_000) {
            let scratch = Scratch::new();
            let store = scratch.store();
            let id = store.put(&noise(150_000, 6)).unwrap();
            let (mut placed, mut at) = (Vec::new(), 0);
            for (gap, len, in_blob) in runs {
                at += gap;
                let data = if in_blob { Data::Blob { id, offset: 150_000 - len } } else { Data::Bytes(noise(len as usize, gap).into()) };
                placed.push(Extent { at, len, data });
                at += len;
            }
            let extents = Extents::assemble(at + tail, placed);
            let path = scratch.path().join("image.raw");
            write_image(&extents, &store, &path).unwrap();
            prop_assert!(fs::read(&path).unwrap() == extents.to_vec(&store).unwrap());
        }
    }
}
