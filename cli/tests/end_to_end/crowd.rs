//! Many processes on one store: builds of the same and of different files at once, one of them killed, one collecting garbage.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use gravure_tests::{judges, strace};
use tempfile::TempDir;

use crate::GRAVURE;

/// Eight images over the same files; each file stands for one.
fn image(number: usize) -> String {
    format!(
        r#"
import "std/images" as images
import "std/os" as os

image = images.Image {{
  name = "image-{number}"
  format = 'disk-image
  partitions = [images.Partition {{
    name = "data"
    size = 4MiB
    files = [os.File {{ path = "/number"; content = "{number}\n" }}, os.File {{ path = "/etc"; content = ./overlay }}]
  }}]
}}
"#
    )
}

/// A project with eight files and an empty store.
struct Crowd(TempDir);

impl Crowd {
    fn new() -> Crowd {
        let crowd = Crowd(tempfile::tempdir().expect("a scratch directory can be made"));
        fs::create_dir(crowd.path("overlay")).expect("a directory can be made");
        let long: Vec<u8> = (0..200_000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        fs::write(crowd.path("overlay/long"), long).expect("a file can be written");
        for number in 0..8 {
            fs::write(crowd.path(&format!("{number}.img")), image(number)).expect("a file can be written");
        }
        crowd
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Starts gravure, or what stands before it, in the project.
    fn start(&self, mut command: Command, arguments: &[&str]) -> Child {
        command.current_dir(self.0.path()).env("GRAVURE_STORE", self.path("store")).env_remove("LD_LIBRARY_PATH");
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().expect("the program can be started")
    }

    fn gravure(&self, arguments: &[&str]) -> Output {
        end(self.start(Command::new(GRAVURE), arguments))
    }

    #[track_caller]
    fn succeed(&self, arguments: &[&str]) {
        let output = self.gravure(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
    }

    fn hash(&self, number: usize) -> String {
        judges::sha256(&self.path(&format!("image-{number}.raw")))
    }
}

fn end(child: Child) -> Output {
    child.wait_with_output().expect("the program can be waited for")
}

fn text(output: &Output) -> String {
    format!("{}\n{}", output.status, String::from_utf8_lossy(&output.stderr))
}

/// Returns the SHA-256 of all images when they are built one after another.
fn undisturbed() -> Vec<String> {
    let crowd = Crowd::new();
    for number in 0..8 {
        crowd.succeed(&["build", "--offline", &format!("{number}.img")]);
    }
    (0..8).map(|number| crowd.hash(number)).collect()
}

/// Builds the images `numbers` all at once, and another time the first of them, which is killed at its `killed_at`th
/// renaming; all others must end well.
#[track_caller]
fn check(numbers: &[usize], killed_at: u32, expected: &[String]) {
    let crowd = Crowd::new();
    let log = crowd.path("log");
    let command = strace::inject(Path::new(GRAVURE), "rename", "signal=KILL", &killed_at.to_string(), &log);
    let first = format!("{}.img", numbers[0]);
    let victim = crowd.start(command, &["build", "--offline", "-j", "1", &first]);
    let build = |number: &usize| crowd.start(Command::new(GRAVURE), &["build", "--offline", &format!("{number}.img")]);
    let others: Vec<Child> = numbers.iter().map(build).collect();
    for (number, child) in numbers.iter().zip(others) {
        let output = end(child);
        assert!(output.status.success(), "{number}: {}", text(&output));
    }
    let output = end(victim);
    // Who finds everything made by the others renames less, and may survive.
    assert!(output.status.success() || output.status.signal() == Some(9), "{}", text(&output));
    crowd.succeed(&["store", "verify"]);
    for &number in numbers {
        assert_eq!(crowd.hash(number), expected[number], "image {number}");
    }
    fs::remove_file(crowd.path(&format!("image-{}.raw", numbers[0]))).expect("the image is there");
    crowd.succeed(&["build", "--offline", &first]);
    assert_eq!(crowd.hash(numbers[0]), expected[numbers[0]]);
    for folder in [crowd.path("store/temporary"), crowd.path(".")] {
        let names =
            fs::read_dir(folder).expect("it is there").map(|entry| entry.expect("it can be listed").file_name());
        assert_eq!(names.filter(|name| name.as_encoded_bytes().starts_with(b".gravure-")).count(), 0);
    }
}

#[test]
fn builds_at_once_give_what_builds_one_after_another_give() {
    let expected = undisturbed();
    check(&[0, 0], 4, &expected);
    check(&[0, 1], 9, &expected);
    for killed_at in [1, 9, 16] {
        check(&[0, 0, 0, 0, 1, 1, 2, 3], killed_at, &expected);
        check(&[0, 1, 2, 3, 4, 5, 6, 7], killed_at, &expected);
    }
}

/// A build is stopped in the middle, the other process finds it there; and what it needs is there when it goes on.
#[test]
fn garbage_is_not_collected_while_a_build_runs() {
    let crowd = Crowd::new();
    let log = crowd.path("log");
    let mut build = crowd.start(strace::stop(Path::new(GRAVURE), "rename", 9, &log), &["build", "--offline", "0.img"]);
    while !fs::read_to_string(&log).is_ok_and(|log| log.contains("stopped by SIGSTOP")) {
        thread::sleep(Duration::from_millis(10));
    }
    let collected = crowd.gravure(&["store", "gc", "--keep-days", "0"]);
    assert_eq!(collected.status.code(), Some(4), "{}", text(&collected));
    assert!(text(&collected).contains("is in use by another process, so nothing was removed"), "{}", text(&collected));
    // A signal that comes while some threads are not yet stopped may be lost to the others: so until it has ended.
    let pid = build.id().to_string();
    while build.try_wait().expect("the program can be waited for").is_none() {
        Command::new("kill").args(["-CONT", &pid]).stderr(Stdio::null()).status().expect("kill can be started");
        thread::sleep(Duration::from_millis(20));
    }
    let built = end(build);
    assert!(built.status.success(), "{}", text(&built));
    let hash = crowd.hash(0);

    // A dead process keeps nobody out.
    let command = strace::inject(Path::new(GRAVURE), "rename", "signal=KILL", "1", &log);
    let killed = end(crowd.start(command, &["build", "--offline", "1.img"]));
    assert_eq!(killed.status.signal(), Some(9), "{}", text(&killed));
    crowd.succeed(&["store", "gc", "--keep-days", "0"]);
    assert_eq!(fs::read_dir(crowd.path("store/objects")).expect("it is there").count(), 0);
    fs::remove_file(crowd.path("image-0.raw")).expect("the image is there");
    crowd.succeed(&["build", "--offline", "0.img"]);
    assert_eq!(crowd.hash(0), hash);
}

/// Builds and collections go on side by side; each build ends well, and each collection does, or says that it cannot now.
#[test]
fn builds_and_collections_do_not_disturb_one_another() {
    let expected = undisturbed();
    let crowd = Crowd::new();
    thread::scope(|scope| {
        let collector = scope.spawn(|| {
            for _ in 0..20 {
                let output = crowd.gravure(&["store", "gc", "--keep-days", "0"]);
                assert!(matches!(output.status.code(), Some(0 | 4)), "{}", text(&output));
            }
        });
        for number in 0..8 {
            crowd.succeed(&["build", "--offline", &format!("{number}.img")]);
        }
        collector.join().expect("collections end well");
    });
    crowd.succeed(&["store", "verify"]);
    for (number, hash) in expected.iter().enumerate() {
        assert_eq!(crowd.hash(number), *hash, "image {number}");
    }
}
