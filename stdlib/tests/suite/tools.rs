//! Foreign programs as judges. One that is missing fails the test: a judge that is not there is not content.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::NamedTempFile;

/// Runs a program of a Debian package, which must succeed, and returns all that it prints.
pub(crate) fn run(package: &str, program: &str, arguments: &[&str], input: &[u8]) -> String {
    // Administrators' tools are not on every user's path.
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    let mut command = Command::new(program);
    command.args(arguments).env("PATH", path).env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run `{program}`: {error}; install the Debian package `{package}`"));
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        // Who has read enough may close its end.
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().unwrap()
    });
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {}\n{text}", output.status);
    text
}

/// Returns a range of a file as a file of its own.
pub(crate) fn cut(path: &Path, at: u64, len: u64) -> NamedTempFile {
    let mut disk = File::open(path).unwrap();
    disk.seek(SeekFrom::Start(at)).unwrap();
    let mut part = NamedTempFile::new().unwrap();
    assert_eq!(std::io::copy(&mut disk.take(len), &mut part).unwrap(), len);
    part
}
