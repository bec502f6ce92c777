//! `FILE#NAME`: a file of the command line, and one image of it; `boards/*.img`: all files that are called so.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::trouble::{Complaint, OUTSIDE_FAILED, Trouble, reason};

/// What stands between a file and the name of one of its images.
const PICK: char = '#';

/// What stands for any text in the name of a file or folder; not for a dot at its start, which hides it.
const ANY: char = '*';

/// A file that was named, and perhaps which of its images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The file.
    pub(crate) path: String,
    /// The one image or operating system that is wanted.
    pub(crate) pick: Option<String>,
}

impl Target {
    /// Returns what all arguments stand for, in their order; the files of a pattern are sorted.
    pub(crate) fn all_of(arguments: &[String]) -> Result<Vec<Target>, Trouble> {
        let (mut targets, mut trouble) = (Vec::new(), Trouble::default());
        for argument in arguments {
            match Target::parse(argument).matching() {
                Ok(found) => targets.extend(found),
                Err(complaint) => trouble.complain(complaint),
            }
        }
        trouble.or(targets)
    }

    /// Reads an argument. A file that is called so as a whole is meant as a whole.
    pub(crate) fn parse(argument: &str) -> Target {
        match argument.rsplit_once(PICK) {
            Some((path, name)) if !path.is_empty() && !Path::new(argument).exists() => {
                Target { path: path.to_owned(), pick: Some(name.to_owned()) }
            }
            _ => Target { path: argument.to_owned(), pick: None },
        }
    }

    /// Returns the targets that it stands for: itself, or if it is a pattern and no file the files that match.
    fn matching(self) -> Result<Vec<Target>, Complaint> {
        if !self.path.contains(ANY) || Path::new(&self.path).exists() {
            return Ok(vec![self]);
        }
        let files = matching_files(&self.path)?;
        if files.is_empty() {
            return Err(Complaint::usage(format!("no file matches `{}`", self.path)));
        }
        Ok(files.into_iter().map(|path| Target { path, pick: self.pick.clone() }).collect())
    }

    /// Returns it as the command line has it.
    pub(crate) fn shown(&self) -> String {
        match &self.pick {
            Some(name) => format!("{}{PICK}{name}", self.path),
            None => self.path.clone(),
        }
    }

    /// Returns the name of the file without its ending.
    pub(crate) fn stem(&self) -> String {
        let stem = Path::new(&self.path).file_stem().unwrap_or_default();
        stem.to_string_lossy().into_owned()
    }
}

/// Returns the files that match a pattern, sorted, and called as the pattern calls them.
fn matching_files(pattern: &str) -> Result<Vec<String>, Complaint> {
    let mut found = vec![PathBuf::new()];
    for part in Path::new(pattern) {
        let part = part.to_str().expect("a part of a text is text");
        found = match part.contains(ANY) {
            true => found.iter().map(|folder| matching_names(folder, part)).collect::<Result<Vec<_>, _>>()?.concat(),
            false => found.into_iter().map(|folder| folder.join(part)).collect(),
        };
    }
    let mut files: Vec<String> = found
        .into_iter()
        .filter(|path| path.is_file())
        .filter_map(|path| path.into_os_string().into_string().ok())
        .collect();
    files.sort();
    Ok(files)
}

/// Returns what in a folder is called so; what is no folder has nothing in it.
fn matching_names(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, Complaint> {
    let looked_at = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let read = || -> io::Result<Vec<PathBuf>> {
        let names = fs::read_dir(looked_at)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
        Ok(names
            .iter()
            .filter(|name| name.to_str().is_some_and(|name| matches(pattern, name)))
            .map(|name| folder.join(name))
            .collect())
    };
    read().or_else(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(Vec::new()),
        _ => Err(Complaint::new(OUTSIDE_FAILED, format!("cannot read `{}`: {}", looked_at.display(), reason(&error)))),
    })
}

/// Whether a name is as a pattern says.
fn matches(pattern: &str, name: &str) -> bool {
    let (start, rest) = pattern.split_once(ANY).expect("the caller has looked");
    let (middles, end) = rest.rsplit_once(ANY).unwrap_or(("", rest));
    let Some(mut inside) = name.strip_prefix(start).and_then(|name| name.strip_suffix(end)) else { return false };
    let is_hidden = name.starts_with('.') && !pattern.starts_with('.');
    // The earliest place for each piece leaves the most room for the pieces after it.
    !is_hidden
        && middles.split(ANY).all(|piece| match inside.split_once(piece) {
            Some((_, after)) => {
                inside = after;
                true
            }
            None => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_follow_a_file() {
        let parsed = |argument: &str| {
            let target = Target::parse(argument);
            (target.stem(), target.pick)
        };
        assert_eq!(parsed("a/my-os.img"), ("my-os".into(), None));
        assert_eq!(parsed("my.os.img#small"), ("my.os".into(), Some("small".into())));
        assert_eq!(parsed("no#such.img#x"), ("no#such".into(), Some("x".into())));
    }

    #[test]
    fn a_file_may_have_the_signs_in_its_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a#b.img", "a*.img", "a.img"] {
            let file = folder.path().join(name).to_str().unwrap().to_owned();
            fs::write(&file, "").unwrap();
            assert_eq!(Target::all_of(std::slice::from_ref(&file)).unwrap(), [Target { path: file, pick: None }]);
        }
    }

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name, is_match) in [
            ("*", "a.img", true),
            ("*", ".a.img", false),
            (".*", ".a.img", true),
            ("*.img", "a.img", true),
            ("*.img", ".img", false),
            ("a*.img", "a.img", true),
            ("ab*bc", "abc", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c", false),
            ("*b**c*", "abcd", true),
            ("*b*b*", "abc", false),
            ("*.img", "a.raw", false),
        ] {
            assert_eq!(matches(pattern, name), is_match, "{pattern} {name}");
        }
    }

    #[test]
    fn files_match_in_order_and_folders_do_not() {
        let scratch = tempfile::tempdir().unwrap();
        for path in ["b/one.img", "a/two.img", "a/one.img", "a/x.txt", "a/folder.img/inside", ".c/one.img", "file"] {
            let path = scratch.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let matching = |pattern: &str| {
            let pattern = format!("{}/{pattern}", scratch.path().display());
            let files = matching_files(&pattern).unwrap();
            files.iter().map(|file| file[scratch.path().as_os_str().len() + 1..].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(matching("*/*.img"), ["a/one.img", "a/two.img", "b/one.img"]);
        assert_eq!(matching("*/one.img"), ["a/one.img", "b/one.img"]);
        assert_eq!(matching("none/*.img"), [""; 0]);
    }
}
