//! Foreign checkers as judges of our writers, for tests only.
//!
//! A tool that is missing fails the test and names the Debian package that has it: a judge that is not there
//! must not look like a judge who is content.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Command, Output};

use crate::{Blobs, Extents};

/// A program that judges images.
pub(crate) struct Tool {
    name: &'static str,
    package: &'static str,
}

impl Tool {
    /// Returns the program `name` of a Debian package.
    pub(crate) fn new(name: &'static str, package: &'static str) -> Tool {
        Tool { name, package }
    }

    /// Runs the program in `directory`, feeds it `input`, and returns what it did.
    pub(crate) fn run(&self, directory: &Path, arguments: &[&str], input: Option<&Path>) -> Output {
        let mut command = Command::new(self.name);
        // Administrators' tools are not on every user's path.
        let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
        command.args(arguments).current_dir(directory).env("PATH", path).env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
        if let Some(input) = input {
            command.stdin(File::open(input).unwrap());
        }
        command.output().unwrap_or_else(|error| {
            panic!("cannot run `{}`: {error}; install the Debian package `{}`", self.name, self.package)
        })
    }

    /// Writes the image to a file `disk.img`, runs the program on it, and returns its output.
    ///
    /// # Panics
    /// When the program is not content.
    pub(crate) fn run_on(&self, image: &Extents, blobs: &dyn Blobs, arguments: &[&str]) -> String {
        let directory = tempfile::tempdir().unwrap();
        write(image, blobs, &directory.path().join("disk.img"));
        let output = self.run(directory.path(), &[arguments, &["disk.img"]].concat(), None);
        let text = text_of(&output);
        assert!(output.status.success(), "{} {arguments:?}: {}\n{text}", self.name, output.status);
        text
    }
}

/// Returns what a program printed, errors last.
pub(crate) fn text_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Writes an image to a sparse file.
pub(crate) fn write(image: &Extents, blobs: &dyn Blobs, path: &Path) {
    use io::{Seek, Write};
    let mut file = File::create(path).unwrap();
    for run in image.runs() {
        let bytes = image.slice(run.at, run.end()).to_vec(blobs).unwrap();
        file.seek(io::SeekFrom::Start(run.at)).unwrap();
        file.write_all(&bytes).unwrap();
    }
    file.set_len(image.len()).unwrap();
}

/// Returns an image of `n_sectors` sectors with these parts.
pub(crate) fn sector_image(n_sectors: u64, parts: &[(u64, Extents)]) -> Extents {
    let runs = parts.iter().flat_map(|(at, part)| part.runs_at(*at)).collect();
    Extents::assemble(n_sectors * crate::mbr::SECTOR, runs)
}
