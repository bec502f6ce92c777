//! What needs the built program: the transcripts of `tests/cases`, lock files against a mirror, and images that boot.
//!
//! These tests stand here, and what they stand on in `tests/`, because cargo promises the program of a crate, built and
//! current, only to the tests of that crate.

mod boards;
mod crowd;
mod debian;
mod file_systems;
mod fire;
mod lock;
mod mmdebstrap;
mod same_bytes;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gravure_tests::cases;
use gravure_tests::judges;
use gravure_tests::qemu::{COMMAND, LOGIN, Machine};

/// The program under test.
const GRAVURE: &str = env!("CARGO_BIN_EXE_gravure");
/// The root of the workspace.
const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

#[test]
fn transcripts() {
    cases::check(Path::new(GRAVURE), &Path::new(WORKSPACE).join("tests/cases"));
}

/// Builds `examples/tiny.img` in a scratch directory with a store of its own, and returns the image.
fn build_tiny(directory: &Path, threads: u32) -> PathBuf {
    fs::create_dir_all(directory).expect("a scratch directory can be made");
    fs::copy(Path::new(WORKSPACE).join("examples/tiny.img"), directory.join("tiny.img"))
        .expect("the example can be copied");
    gravure(directory, &["build", "-j", &threads.to_string(), "tiny.img"]);
    directory.join("tiny.raw")
}

/// Runs gravure in a directory, whose `store` is the store, and returns what it prints; it must succeed.
fn gravure(directory: &Path, arguments: &[&str]) -> String {
    gravure_with(directory, arguments, &[])
}

/// Runs gravure in a directory, as [`gravure`] does, with variables of the environment set.
fn gravure_with(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    String::from_utf8(run(directory, arguments, variables)).expect("gravure prints UTF-8")
}

/// Runs gravure as [`gravure`] does where it prints a file's bytes.
fn gravure_bytes(directory: &Path, arguments: &[&str]) -> Vec<u8> {
    run(directory, arguments, &[])
}

fn run(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Vec<u8> {
    let mut command = Command::new(GRAVURE);
    command.envs(variables.iter().copied());
    command.current_dir(directory).args(arguments).env("GRAVURE_STORE", directory.join("store"));
    let output = command.output().expect("the program under test can be started");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "gravure {arguments:?}: {}\n{errors}", output.status);
    output.stdout
}

/// Real packages, a real kernel, real firmware: what the README promises.
#[test]
fn tiny_boots_to_a_login_and_powers_off() {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    let image = build_tiny(scratch.path(), 2);
    judges::sgdisk_clean(&image);
    judges::fsck_fat_clean(&image, judges::partition(&image, 1));
    judges::e2fsck_clean(&image, judges::partition(&image, 2));

    let mut console = Machine::x86_64_uefi(&image).memory(256).boot("tiny");
    console.expect("tiny login: ", LOGIN);
    console.send_line("root");
    console.expect("~ # ", COMMAND); // `login` throws away what was typed before it asks the shell
    assert_eq!(console.run("uname -m", COMMAND), "x86_64\n");
    let dangling = console.run(
        "for link in /usr/bin/* /usr/sbin/*; do busybox --list | grep -qxF \"${link##*/}\" || echo $link; done",
        COMMAND,
    );
    assert_eq!(dangling, "", "every command is one that busybox has");
    let mounts = console.run("cut -d' ' -f2 /proc/mounts", COMMAND);
    assert_eq!(mounts, "/dev\n/\n/proc\n/sys\n/dev/pts\n/dev/shm\n/run\n", "everything is mounted once");
    console.run("touch /root/written && sync", COMMAND);
    console.send_line("poweroff");
    console.expect_end(COMMAND);
}

#[test]
fn tiny_has_the_same_bytes_from_any_number_of_threads_and_any_directory() {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    let images = [("one", 1), ("a directory with spaces", 2), ("eight/deep", 8)];
    let hashes =
        images.map(|(directory, threads)| judges::sha256(&build_tiny(&scratch.path().join(directory), threads)));
    assert_eq!(hashes[0], hashes[1]);
    assert_eq!(hashes[0], hashes[2]);
}

/// Each node of tiny, run again from its own file in an empty directory without a network, comes out as it did.
#[test]
fn every_node_of_tiny_is_realised_alone() {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    build_tiny(scratch.path(), 2);
    gravure(scratch.path(), &["graph", "--offline", "--tasks", "tasks", "tiny.img"]);
    let empty = scratch.path().join("empty");
    fs::create_dir(&empty).expect("a directory can be made");
    let mut n_tasks = 0;
    for entry in fs::read_dir(scratch.path().join("tasks")).expect("the tasks were written") {
        let task = entry.expect("the directory can be read").path();
        let store = scratch.path().join("store");
        let arguments = ["realise", "--offline", "--store", path_text(&store), path_text(&task)];
        gravure(&empty, &arguments);
        n_tasks += 1;
    }
    assert!(n_tasks >= 11, "tiny has {n_tasks} nodes");
    assert_eq!(fs::read_dir(&empty).expect("it is there").count(), 0, "nothing was written beside it");
}

fn path_text(path: &Path) -> &str {
    path.to_str().expect("scratch directories have plain names")
}
