//! What is below a directory, in order of the paths.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use gravure_formats::{Digest, Hasher, TreePath};

use super::cache::Stamp;
use crate::error::{Error, ErrorKind, quoted};
use crate::sink::kind_name;

/// One thing below a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it is in the directory.
    pub(super) path: TreePath,
    /// Where it is on the host.
    pub(super) host_path: PathBuf,
    /// What it is.
    pub(super) what: What,
}

/// What may be imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A directory.
    Directory,
    /// A symbolic link and its target.
    Symlink(Bytes),
    /// A regular file.
    File(Stamp),
}

/// Returns everything below `directory`, sorted; a directory comes before what is in it.
pub(super) fn below(directory: &Path) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    walk(directory, &TreePath::root(), &mut found)?;
    Ok(found)
}

fn walk(directory: &Path, at: &TreePath, found: &mut Vec<Found>) -> Result<(), Error> {
    let cannot_read = |error| Error::io("read", directory, error);
    let entries = fs::read_dir(directory).map_err(cannot_read)?;
    let names: Result<Vec<OsString>, _> = entries.map(|entry| Ok(entry?.file_name())).collect();
    let mut names = names.map_err(cannot_read)?;
    names.sort_unstable_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    for name in names {
        let host_path = directory.join(&name);
        let refuse = |why: &str| Error::new(ErrorKind::Refused, format!("cannot import {}: {why}", quoted(&host_path)));
        let path = at.join(name.as_bytes()).map_err(|error| refuse(&error.to_string()))?;
        let what = look_at(&host_path)?;
        let is_directory = what == What::Directory;
        found.push(Found { path: path.clone(), host_path: host_path.clone(), what });
        if is_directory {
            walk(&host_path, &path, found)?;
        }
    }
    Ok(())
}

fn look_at(path: &Path) -> Result<What, Error> {
    let cannot_read = |error| Error::io("read", path, error);
    let metadata = fs::symlink_metadata(path).map_err(cannot_read)?;
    match metadata.file_type() {
        kind if kind.is_dir() => Ok(What::Directory),
        kind if kind.is_file() => Ok(What::File(Stamp::of(&metadata))),
        kind if kind.is_symlink() => {
            let target = fs::read_link(path).map_err(cannot_read)?;
            Ok(What::Symlink(target.into_os_string().into_vec().into()))
        }
        kind => {
            let message = format!(
                "cannot import {}: it is {}; only files, directories and symbolic links come in from the host",
                quoted(path),
                kind_name(kind)
            );
            Err(Error::new(ErrorKind::Refused, message))
        }
    }
}

/// Returns a digest over everything that was found: as long as it is equal, so are the contents.
pub(super) fn digest(found: &[Found]) -> Digest {
    let mut hasher = Hasher::new();
    let mut add = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    for Found { path, what, .. } in found {
        add(path.as_bytes());
        match what {
            What::Directory => add(b"directory"),
            What::Symlink(target) => {
                add(b"symlink");
                add(target);
            }
            What::File(stamp) => {
                add(b"file");
                add(&stamp.to_bytes());
            }
        }
    }
    hasher.finish()
}
