//! `FILE#NAME`: a file of the command line, and one image of it.

use std::path::Path;

/// What stands between a file and the name of one of its images.
const PICK: char = '#';

/// A file that was named, and perhaps which of its images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The file.
    pub(crate) path: String,
    /// The one image or operating system that is wanted.
    pub(crate) pick: Option<String>,
}

impl Target {
    /// Reads an argument. A file that is called so as a whole is meant as a whole.
    pub(crate) fn parse(argument: &str) -> Target {
        match argument.rsplit_once(PICK) {
            Some((path, name)) if !path.is_empty() && !Path::new(argument).exists() => {
                Target { path: path.to_owned(), pick: Some(name.to_owned()) }
            }
            _ => Target { path: argument.to_owned(), pick: None },
        }
    }

    /// Returns the name of the file without its ending.
    pub(crate) fn stem(&self) -> String {
        let stem = Path::new(&self.path).file_stem().unwrap_or_default();
        stem.to_string_lossy().into_owned()
    }
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
    fn a_file_may_have_the_sign_in_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a#b.img");
        std::fs::write(&file, "").unwrap();
        assert_eq!(Target::parse(file.to_str().unwrap()).pick, None);
    }
}
