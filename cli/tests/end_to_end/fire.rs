//! The store under fire: builds that are killed, and system calls that fail, at every moment that there is.
//!
//! A small image of local files is built under strace, which ends the program at the first call of a kind, then at the
//! second, and so on until the build survives. Whatever happens, the store stays sound, the output is the old one or the new
//! one, and the next build gives the same bytes and leaves nothing of ours lying about.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gravure_tests::{judges, strace};
use tempfile::TempDir;

use crate::GRAVURE;

/// What a build of the image is called.
const OUTPUT: &str = "fire.raw";
/// What was there before.
const OLD: &[u8] = b"the old image";

/// Partitions with text, with a small file and with one that is longer than a chunk of the store.
const IMAGE: &str = r#"
import "std/images" as images
import "std/os" as os

fire = images.Image {
  format = 'disk-image
  partition-table-type = 'gpt
  partitions = [images.Partition {
    name = "data"
    size = 4MiB
    files = [os.File { path = "/motd"; content = "hello\n" }, os.File { path = "/etc"; content = ./overlay }]
  }]
}
"#;

/// A project with an old output.
struct Scene(TempDir);

/// What is in the store at the start.
#[derive(Clone, Copy, Debug)]
enum Start {
    Empty,
    /// All nodes: only the output is to be written.
    Full,
}

impl Scene {
    fn new(start: Start) -> Scene {
        let scene = Scene(tempfile::tempdir().expect("a scratch directory can be made"));
        fs::create_dir(scene.path("overlay")).expect("a directory can be made");
        fs::write(scene.path("fire.img"), IMAGE).expect("a file can be written");
        fs::write(scene.path("overlay/small"), "nobody\n").expect("a file can be written");
        let long: Vec<u8> = (0..50_000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        fs::write(scene.path("overlay/long"), long).expect("a file can be written");
        if let Start::Full = start {
            scene.build();
        }
        fs::write(scene.path(OUTPUT), OLD).expect("a file can be written");
        scene
    }

    /// Builds undisturbed, and returns the SHA-256 of the image.
    #[track_caller]
    fn build(&self) -> String {
        let built = self.gravure(&["build", "--offline", "fire.img"]);
        assert!(built.status.success(), "{}", text(&built));
        judges::sha256(&self.path(OUTPUT))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs gravure, or what stands before it, in the project.
    fn run(&self, mut command: Command, arguments: &[&str]) -> Output {
        command.current_dir(self.0.path()).env("GRAVURE_STORE", self.path("store")).args(arguments);
        // Cargo's would have libraries looked for in many places, and each look counts as a call.
        command.env_remove("LD_LIBRARY_PATH");
        command.output().expect("the program can be started")
    }

    fn gravure(&self, arguments: &[&str]) -> Output {
        self.run(Command::new(GRAVURE), arguments)
    }

    /// Builds while `what` happens at the call number `nth` of `calls`.
    fn build_under(&self, calls: &str, what: &str, nth: &str) -> Output {
        let command = strace::inject(Path::new(GRAVURE), calls, what, nth, &self.path("log"));
        self.run(command, &["build", "--offline", "-j", "1", "fire.img"])
    }

    /// Asserts that the store is sound and the output the old or the new one; and that the next build ends well.
    fn check(&self, new: &str, what: &str) {
        let verified = self.gravure(&["store", "verify"]);
        assert!(verified.status.success(), "{what}: {}", text(&verified));
        self.check_output(new, what);
        assert_eq!(self.build(), new, "{what}, then built");
        assert_eq!(self.left_over(), Vec::<PathBuf>::new(), "{what}, then built");
    }

    fn check_output(&self, new: &str, what: &str) {
        assert!(
            self.has_old() || judges::sha256(&self.path(OUTPUT)) == new,
            "{what}: the output is neither old nor new"
        );
    }

    fn has_old(&self) -> bool {
        fs::read(self.path(OUTPUT)).is_ok_and(|bytes| bytes == OLD)
    }

    /// Returns the temporary files beside the output and in the store.
    fn left_over(&self) -> Vec<PathBuf> {
        let beside = fs::read_dir(self.0.path()).into_iter().flatten();
        let inside = fs::read_dir(self.path("store/temporary")).into_iter().flatten();
        let is_ours =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".gravure-"));
        beside.chain(inside).map(|entry| entry.expect("it can be listed").path()).filter(is_ours).collect()
    }
}

fn text(output: &Output) -> String {
    format!("{}\n{}", output.status, String::from_utf8_lossy(&output.stderr))
}

/// Returns at which calls something happens: at all of the first, then at every third.
fn moments() -> impl Iterator<Item = u32> {
    (1..=6).chain((9..).step_by(3))
}

/// Kills builds at many calls of a kind, until one survives; at `fewest` there must be.
#[track_caller]
fn check_killed(start: Start, call: &str, fewest: usize) {
    let new = Scene::new(Start::Empty).build();
    let mut n_killed = 0;
    for nth in moments() {
        let scene = Scene::new(start);
        let output = scene.build_under(call, "signal=KILL", &nth.to_string());
        let what = format!("killed at call {nth} of {call}, {start:?}");
        scene.check(&new, &what);
        if output.status.success() {
            break;
        }
        assert_eq!(output.status.signal(), Some(9), "{what}: {}", text(&output));
        n_killed += 1;
    }
    assert!(fewest <= n_killed, "killed at {n_killed} calls of {call} only, {start:?}: is a build not what it was?");
}

#[test]
fn killed_while_it_opens_files() {
    check_killed(Start::Empty, "openat", 10);
    check_killed(Start::Full, "openat", 6);
}

#[test]
fn killed_while_it_writes() {
    check_killed(Start::Empty, "write", 8);
    check_killed(Start::Full, "write", 1);
    check_killed(Start::Empty, "pwrite64", 1);
    check_killed(Start::Full, "pwrite64", 3);
    check_killed(Start::Full, "ftruncate", 1);
}

#[test]
fn killed_while_it_syncs_and_locks() {
    check_killed(Start::Empty, "fsync", 3);
    check_killed(Start::Full, "fsync", 1);
    check_killed(Start::Empty, "flock", 8);
    check_killed(Start::Full, "flock", 2);
    check_killed(Start::Full, "fchmod", 1);
}

#[test]
fn killed_while_it_gives_names() {
    check_killed(Start::Empty, "rename", 10);
    check_killed(Start::Full, "rename", 2);
    check_killed(Start::Empty, "mkdir", 9);
    check_killed(Start::Empty, "unlink", 1);
}

/// Has calls of a kind fail, one in each build, until there are no more of them; `fewest` there must be.
///
/// A build may do without what failed, and is right then. Else it ends with 4, or with 2 where the file could not be
/// read that was named, says why, and the output stays as it was.
#[track_caller]
fn check_failing(start: Start, call: &str, error: &str, fewest: usize) {
    let new = Scene::new(Start::Empty).build();
    let mut n_failed = 0;
    for nth in moments() {
        let scene = Scene::new(start);
        let output = scene.build_under(call, &format!("error={error}"), &nth.to_string());
        let what = format!("{error} at call {nth} of {call}, {start:?}: {}", text(&output));
        let log = fs::read_to_string(scene.path("log")).expect("strace writes a log");
        if !log.contains("(INJECTED)") {
            break;
        }
        n_failed += 1;
        let said = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            Some(0) => assert!(!scene.has_old(), "{what}"),
            Some(2) => assert!(said.starts_with("error: cannot read `fire.img`: "), "{what}"),
            // Of the calls that fail, one may be that which says so.
            Some(4) => assert!(said.starts_with("error: ") || log.contains("write(2, \"error: "), "{what}"),
            Some(127) => assert!(said.contains("error while loading shared libraries"), "{what}"),
            _ => panic!("{what}"),
        }
        assert!(output.status.success() || scene.has_old(), "{what}");
        scene.check(&new, &what);
    }
    assert!(fewest <= n_failed, "{n_failed} calls of {call} failed only, {start:?}: is a build not what it was?");
}

#[test]
fn files_cannot_be_opened() {
    check_failing(Start::Empty, "openat", "EMFILE", 10);
    check_failing(Start::Full, "openat", "EACCES", 6);
}

#[test]
fn nothing_can_be_written() {
    check_failing(Start::Empty, "write", "ENOSPC", 6);
    check_failing(Start::Full, "pwrite64", "ENOSPC", 3);
    check_failing(Start::Full, "ftruncate", "EFBIG", 1);
    check_failing(Start::Empty, "mkdir", "ENOSPC", 9);
    check_failing(Start::Empty, "rename", "EIO", 10);
    check_failing(Start::Full, "rename", "EIO", 2);
}

#[test]
fn nothing_can_be_synced_locked_or_removed() {
    check_failing(Start::Empty, "fsync", "EIO", 3);
    check_failing(Start::Full, "fsync", "EIO", 1);
    check_failing(Start::Empty, "flock", "ENOLCK", 8);
    check_failing(Start::Full, "fchmod", "EPERM", 1);
    check_failing(Start::Empty, "unlink", "EIO", 1);
    check_failing(Start::Empty, "statx", "EIO", 9);
}

#[test]
fn what_cannot_be_synced_gets_no_name() {
    let scene = Scene::new(Start::Empty);
    let output = scene.build_under("fsync", "error=EIO", "1+");
    assert_eq!(output.status.code(), Some(4), "{}", text(&output));
    let said = format!("cannot write to the store `{}`: Input/output error", scene.path("store").display());
    assert!(text(&output).contains(&said), "{}", text(&output));
    assert!(!scene.path("store/objects").exists(), "an object was published that may not be on disk");
    assert!(scene.has_old());
}

/// What a kill cannot show: the order in which things come to disk, should the power fail.
#[test]
fn everything_is_on_disk_before_it_gets_its_name() {
    let scene = Scene::new(Start::Empty);
    let command = strace::log(Path::new(GRAVURE), "fsync,rename", &scene.path("log"));
    let output = scene.run(command, &["build", "--offline", "-j", "2", "fire.img"]);
    assert!(output.status.success(), "{}", text(&output));
    let log = fs::read_to_string(scene.path("log")).expect("strace writes a log");
    let mut n_named = 0;
    for (number, line) in log.lines().enumerate() {
        let is_named = line.contains("rename(") && (line.contains("/objects/") || line.contains("\"fire.raw\""));
        if !is_named || line.contains("ENOENT") {
            continue;
        }
        let temporary = line.split(['"', '/']).find(|part| part.starts_with(".gravure-")).expect("it had another name");
        let synced = |line: &str| line.contains("fsync(") && line.contains(temporary);
        assert!(log.lines().take(number).any(synced), "not synced before: {line}\n{log}");
        n_named += 1;
    }
    assert!(4 <= n_named, "{n_named} files only:\n{log}");
}
