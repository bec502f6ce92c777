//! Where sources come from: the standard library out of the binary, the user's files from inside their project.
//!
//! A file has one name in a run, its *module path*: relative to the current directory if it is below it, or if both are in
//! one project; else absolute. So a diagnostic names a file as the user would, and what `eval` shows can be put into a
//! file of the current directory. The invariant: no file outside of its project root is opened because of an import,
//! whatever links lead there.

use std::collections::BTreeMap;
use std::fs::{self, File, FileType};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use gravure_eval::{Source, World, join_path, nearest};
use gravure_lang::{Limits, SourceError};
use gravure_sources::debian::LOCK_FILE;

use crate::trouble::{Complaint, OUTSIDE_FAILED, reason};

/// How imports of the standard library start.
const STD: &str = "std/";
/// How files of the language end.
const ENDING: &str = "img";
/// What marks the root of a project.
const ROOT_MARKS: [&str; 2] = [LOCK_FILE, ".git"];

/// The user's files.
#[derive(Debug)]
pub(crate) struct Files {
    /// The current directory, without links.
    current: PathBuf,
    /// The root that the user named, without links.
    root: Option<PathBuf>,
    limits: Limits,
    /// The files read so far, by their module paths.
    known: Mutex<BTreeMap<String, Known>>,
}

/// A file that has been found.
#[derive(Clone, Debug)]
struct Known {
    /// Its path without links.
    path: PathBuf,
    /// The root of the project that it belongs to: that of the file that imports it.
    root: PathBuf,
}

impl Files {
    /// Returns the files as seen from the current directory.
    pub(crate) fn new(root: Option<&Path>, limits: Limits) -> Result<Files, Complaint> {
        let current = fs::canonicalize(".")
            .map_err(|error| Complaint::usage(format!("the current directory is gone: {}", reason(&error))))?;
        let canonical = |path: &Path| {
            let found = fs::canonicalize(path).and_then(|path| fs::read_dir(&path).map(|_| path));
            found
                .map_err(|error| Complaint::usage(format!("the project root `{}`: {}", path.display(), reason(&error))))
        };
        Ok(Files { current, root: root.map(canonical).transpose()?, limits, known: Mutex::default() })
    }

    /// Returns the directory that module paths are relative to.
    pub(crate) fn current(&self) -> &Path {
        &self.current
    }

    /// Returns the root of the project that the current directory is in, without links.
    pub(crate) fn project(&self) -> PathBuf {
        self.root.clone().unwrap_or_else(|| root_above(&self.current))
    }

    /// Returns what the lock file of a project is called, as one would type it; its root is without links.
    pub(crate) fn lock_name(&self, root: &Path) -> String {
        let lock = root.join(LOCK_FILE);
        module_path(&lock, root, &self.current).unwrap_or_else(|| lock.display().to_string())
    }

    /// Returns the root of the project of a file that was found, without links.
    pub(crate) fn root(&self, module_path: &str) -> PathBuf {
        self.known(module_path).expect("the file was found").root
    }

    /// Finds the file that an argument of the command line names, and returns its module path.
    pub(crate) fn find(&self, argument: &str) -> Result<String, String> {
        let path = existing(Path::new(argument))?;
        let root = match &self.root {
            Some(root) if path.starts_with(root) => root.clone(),
            Some(root) => return Err(outside(root, None)),
            None => root_of(&path),
        };
        self.remember(path, root)
    }

    /// Finds the file that `import` names in the module `from`.
    fn find_import(&self, from: &str, import: &str) -> Result<String, String> {
        let importer = self.known(from).ok_or("the standard library imports itself only")?;
        let folder = importer.path.parent().expect("a file is in a folder");
        let path = existing(&folder.join(import))?;
        if !path.starts_with(&importer.root) {
            let base = if import.starts_with('/') { "/".into() } else { folder.to_string_lossy() };
            let is_link = path != Path::new(&join_path(&base, import));
            return Err(outside(&importer.root, is_link.then_some(&path)));
        }
        self.remember(path, importer.root)
    }

    fn remember(&self, path: PathBuf, root: PathBuf) -> Result<String, String> {
        let name = module_path(&path, &root, &self.current).ok_or("its name is not UTF-8")?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(name.clone()).or_insert(Known { path, root });
        Ok(name)
    }

    fn known(&self, module_path: &str) -> Option<Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(module_path).cloned()
    }
}

impl World for Files {
    fn source(&self, from: Option<&str>, path: &str) -> Result<Source, String> {
        let path = match from {
            _ if gravure_stdlib::source(path).is_some() => return Ok(embedded(path)),
            Some(_) if path.starts_with(STD) => return Err(no_such_module(path)),
            Some(from) => self.find_import(from, path)?,
            None => self.find(path)?,
        };
        let known = self.known(&path).expect("what was found is known");
        Ok(Source { bytes: read(&known.path, &self.limits)?.into(), path })
    }
}

fn embedded(path: &str) -> Source {
    let text = gravure_stdlib::source(path).expect("the caller has looked");
    Source { path: path.to_owned(), bytes: text.as_bytes().into() }
}

fn no_such_module(path: &str) -> String {
    let without_ending = path.strip_suffix(".img").filter(|path| gravure_stdlib::source(path).is_some());
    match without_ending.or_else(|| nearest(path, gravure_stdlib::roots())) {
        Some(near) => format!("the standard library has no such module; write \"{near}\""),
        None => "the standard library has no such module".to_owned(),
    }
}

/// Returns the path of a regular file without links.
pub(crate) fn existing(path: &Path) -> Result<PathBuf, String> {
    let path = fs::canonicalize(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => missing(path),
        _ => reason(&error),
    })?;
    let kind = fs::metadata(&path).map_err(|error| reason(&error))?.file_type();
    if kind.is_file() { Ok(path) } else { Err(format!("it is {}, not a regular file", kind_name(kind))) }
}

/// Says that there is no such file, and which one there is.
fn missing(path: &Path) -> String {
    let nothing = "there is no such file".to_owned();
    let Some((folder, name)) = path.parent().zip(path.file_name().and_then(|name| name.to_str())) else {
        return nothing;
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| Path::new(name).extension().is_some_and(|ending| ending == ENDING))
        .collect();
    names.sort();
    let with_ending = format!("{name}.{ENDING}");
    let near = if names.contains(&with_ending) {
        Some(with_ending.as_str())
    } else {
        nearest(name, names.iter().map(String::as_str))
    };
    near.map_or(nothing, |near| format!("there is no such file, but there is `{near}`"))
}

/// Says that a file is outside of a project, and for a link where it leads to.
fn outside(root: &Path, link: Option<&PathBuf>) -> String {
    let what = link.map_or("it is".to_owned(), |path| format!("it is a link to `{}`,", path.display()));
    format!("{what} outside of the project root `{}`", root.display())
}

/// Returns what people call a kind of file.
fn kind_name(kind: FileType) -> &'static str {
    match kind {
        kind if kind.is_dir() => "a directory",
        kind if kind.is_fifo() => "a named pipe",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_block_device() || kind.is_char_device() => "a device",
        _ => "something else",
    }
}

/// Reads a file, unless it is larger than any source may be.
pub(crate) fn read(path: &Path, limits: &Limits) -> Result<Vec<u8>, String> {
    let read = || {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        let mut bytes = Vec::new();
        file.take(limits.source as u64 + 1).read_to_end(&mut bytes)?;
        Ok((bytes, len))
    };
    let (bytes, len) = read().map_err(|error: io::Error| reason(&error))?;
    if bytes.len() <= limits.source {
        Ok(bytes)
    } else {
        let bytes = usize::try_from(len).unwrap_or(usize::MAX);
        let error = SourceError::TooLarge { bytes, limit: limits.source };
        Err(format!("{error}, and `--limit source-file=SIZE` sets another"))
    }
}

/// Returns the root of the project of a file: the nearest folder above with a mark, else its own.
fn root_of(file: &Path) -> PathBuf {
    root_above(file.parent().expect("a file is in a folder"))
}

fn root_above(folder: &Path) -> PathBuf {
    folder.ancestors().find(|folder| is_marked(folder)).unwrap_or(folder).to_owned()
}

fn is_marked(folder: &Path) -> bool {
    ROOT_MARKS.iter().any(|mark| folder.join(mark).exists())
}

/// Returns the files of the language below the root of a project, in order. Passed over are links, what is hidden, projects
/// inside this one, and what is too long for a source: disks are called `.img` as well.
pub(crate) fn source_files(root: &Path, limits: &Limits) -> Result<Vec<String>, Complaint> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let cannot_read = |error: io::Error| {
            Complaint::new(OUTSIDE_FAILED, format!("cannot read `{}`: {}", folder.display(), reason(&error)))
        };
        for entry in fs::read_dir(&folder).map_err(cannot_read)? {
            let entry = entry.map_err(cannot_read)?;
            let (path, metadata) = (entry.path(), entry.metadata().map_err(cannot_read)?);
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            if metadata.is_dir() && !is_marked(&path) {
                folders.push(path);
            } else if metadata.is_file()
                && metadata.len() <= limits.source as u64
                && path.extension().is_some_and(|ending| ending == ENDING)
            {
                found.extend(path.to_str().map(str::to_owned));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Returns what a file is called, seen from the directory `current`; all paths are absolute and without links.
fn module_path(file: &Path, root: &Path, current: &Path) -> Option<String> {
    if let Ok(below) = file.strip_prefix(current) {
        let below = below.to_str()?;
        // Without the dot it would be taken for a module of the standard library.
        return Some(if below.starts_with(STD) { format!("./{below}") } else { below.to_owned() });
    }
    if !current.starts_with(root) {
        return file.to_str().map(str::to_owned);
    }
    let shared = current.ancestors().find(|folder| file.starts_with(folder))?;
    let up = current.strip_prefix(shared).ok()?.components().count();
    Some("../".repeat(up) + file.strip_prefix(shared).ok()?.to_str()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_called_as_one_would_type_them() {
        let shown = |file: &str, root: &str, current: &str| {
            module_path(Path::new(file), Path::new(root), Path::new(current)).unwrap()
        };
        assert_eq!(shown("/p/a.img", "/p", "/p"), "a.img");
        assert_eq!(shown("/p/boards/a.img", "/p", "/p"), "boards/a.img");
        assert_eq!(shown("/p/a.img", "/p", "/"), "p/a.img");
        assert_eq!(shown("/p/base/a.img", "/p", "/p/boards/new"), "../../base/a.img");
        assert_eq!(shown("/p/a.img", "/p", "/home"), "/p/a.img");
        assert_eq!(shown("/p/std/os.img", "/p", "/p"), "./std/os.img");
    }

    #[test]
    fn a_mark_above_makes_the_root() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("a/b");
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("c.img");
        assert_eq!(root_of(&file), folder);
        fs::write(scratch.path().join("gravure.lock"), "").unwrap();
        assert_eq!(root_of(&file), scratch.path());
        fs::create_dir(scratch.path().join("a/.git")).unwrap();
        assert_eq!(root_of(&file), scratch.path().join("a"));
    }

    #[test]
    fn the_files_of_a_project_are_found() {
        let scratch = tempfile::tempdir().unwrap();
        for folder in ["boards/deep", ".hidden", "other/.git"] {
            fs::create_dir_all(scratch.path().join(folder)).unwrap();
        }
        for file in ["b.img", "boards/deep/a.img", ".hidden/x.img", "other/x.img", "boards/notes", "boards/.x.img"] {
            fs::write(scratch.path().join(file), "").unwrap();
        }
        fs::write(scratch.path().join("disk.img"), vec![0; Limits::DEFAULT.source + 1]).unwrap();
        std::os::unix::fs::symlink("b.img", scratch.path().join("link.img")).unwrap();
        let expected = ["b.img", "boards/deep/a.img"].map(|path| scratch.path().join(path).display().to_string());
        assert_eq!(source_files(scratch.path(), &Limits::DEFAULT).unwrap(), expected);
    }
}
