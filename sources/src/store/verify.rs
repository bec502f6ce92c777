//! Whether everything in a store is what its name says.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use gravure_formats::Digest;
use rayon::prelude::*;

use super::Store;
use super::object::Sums;
use crate::error::{Error, quoted, reason};

/// Something in a store that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", quoted(&self.path), self.what)
    }
}

impl Store {
    /// Hashes every object anew and returns what is wrong, in order of the paths.
    ///
    /// # Errors
    /// The directories of the store cannot be listed.
    pub fn verify(&self) -> Result<Vec<Problem>, Error> {
        let mut files = Vec::new();
        for directory in list(&self.root.join("objects"))? {
            files.extend(list(&directory)?);
        }
        let mut problems: Vec<Problem> = files.into_par_iter().filter_map(|path| self.problem_of(path)).collect();
        problems.sort();
        Ok(problems)
    }

    fn problem_of(&self, path: PathBuf) -> Option<Problem> {
        let what = match self.digest_at(&path) {
            None => "this is no object of the store".to_owned(),
            Some(digest) => match File::open(&path).and_then(|file| Sums::of_file(&file)) {
                Ok((found, ..)) if found == digest => return None,
                Ok((found, len, _)) => format!("its {len} bytes have SHA-256 {found}"),
                Err(error) => format!("it cannot be read: {}", reason(&error)),
            },
        };
        Some(Problem { path, what })
    }

    /// Returns the digest that an object at `path` must have.
    fn digest_at(&self, path: &Path) -> Option<Digest> {
        let below = path.strip_prefix(self.root.join("objects")).ok()?;
        let digest: Digest = below.to_str()?.replace('/', "").parse().ok()?;
        (self.path_of(&digest) == path).then_some(digest)
    }
}

/// Returns the paths in a directory; none when it is not there.
pub(super) fn list(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let paths = match fs::read_dir(directory) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        // Something else that lies among the directories is reported as no object.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(vec![directory.to_owned()]),
        Err(error) => Err(error),
    };
    paths.map_err(|error| Error::io("read", directory, error))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::testing::{Scratch, noise};

    #[test]
    fn damaged_and_foreign_files_are_found() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let good = store.put(&noise(100_000, 1)).unwrap();
        let bad = store.put(b"abc").unwrap();
        fs::set_permissions(store.path_of(&bad), fs::Permissions::from_mode(0o644)).unwrap();
        fs::write(store.path_of(&bad), "abd").unwrap();
        let foreign = store.path_of(&good).with_file_name("notes.txt");
        fs::write(&foreign, "x").unwrap();
        fs::write(store.root().join("objects/stray"), "x").unwrap();

        let found = store.verify().unwrap();
        let mut expected = vec![
            Problem { path: foreign, what: "this is no object of the store".to_owned() },
            Problem { path: store.root().join("objects/stray"), what: "this is no object of the store".to_owned() },
            Problem { path: store.path_of(&bad), what: format!("its 3 bytes have SHA-256 {}", Digest::of(b"abd")) },
        ];
        expected.sort();
        assert_eq!(found, expected);
    }
}
