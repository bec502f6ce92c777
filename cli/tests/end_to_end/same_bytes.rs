//! One configuration, one SHA-256: whatever the machine, its user, its clock and its settings are.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gravure_tests::judges;

use super::{GRAVURE, WORKSPACE, gravure};

/// Where and how an image is built.
#[derive(Default)]
struct Circumstances {
    threads: u16,
    /// The folder, below a scratch directory.
    folder: &'static str,
    variables: &'static [(&'static str, &'static str)],
    umask: &'static str,
    /// What the clock says; empty: the truth.
    date: &'static str,
    /// Whether root builds it, where the tests are run by another user, and another user where they are run by root.
    is_other_user: bool,
}

/// Every number of threads, and every other circumstance in at least one of two ways.
const CIRCUMSTANCES: &[Circumstances] = &[
    Circumstances {
        threads: 1,
        folder: "one",
        variables: &[("TZ", "Pacific/Kiritimati"), ("LC_ALL", "C"), ("HOME", "/nonexistent")],
        umask: "077",
        date: "",
        is_other_user: false,
    },
    Circumstances {
        threads: 2,
        folder: "a folder with blanks/ümlauts",
        variables: &[("TZ", "America/St_Johns"), ("LC_ALL", "tr_TR.UTF-8"), ("TMPDIR", "/nonexistent")],
        umask: "000",
        date: "1970-01-02 00:00:00",
        is_other_user: false,
    },
    Circumstances {
        threads: 8,
        folder: "eight",
        variables: &[("TZ", ":/etc/no such zone"), ("LANG", "de_DE.UTF-8"), ("RUST_LOG", "trace"), ("NO_COLOR", "1")],
        umask: "022",
        date: "2106-02-07 06:28:14",
        is_other_user: true,
    },
];

impl Circumstances {
    /// Builds an image from what a store has, and returns its SHA-256.
    fn build(&self, project: &Path, example: &str) -> String {
        let scratch = tempfile::tempdir().expect("a scratch directory can be made");
        let folder = scratch.path().join(self.folder);
        fs::create_dir_all(&folder).expect("a directory can be made");
        shell(&format!("cp -a {}/. {}", quoted(project), quoted(&folder)));
        // Everything that was made is forgotten; what was fetched stays.
        for made in ["nodes", "actions"] {
            let _ = fs::remove_dir_all(folder.join("store/records").join(made));
        }
        let build = format!(
            "{} build --offline --locked --store {} -j {} -o image.raw {example}.img",
            quoted(Path::new(GRAVURE)),
            quoted(&folder.join("store")),
            self.threads,
        );
        let clock = if self.date.is_empty() { String::new() } else { format!("faketime -f '@{}' ", self.date) };
        let user = match (self.is_other_user, is_root()) {
            (false, _) => "",
            (true, true) => {
                shell(&format!("chown -R 65534:65534 {}", quoted(scratch.path())));
                "setpriv --reuid 65534 --regid 65534 --clear-groups "
            }
            (true, false) => "unshare --map-root-user ",
        };
        let command = format!("umask {} && cd {} && {user}{clock}{build}", self.umask, quoted(&folder));
        let mut shell = Command::new("sh");
        shell.args(["-c", &command]).envs(self.variables.iter().copied());
        let output = shell.output().expect("there is a shell");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {}\n{errors}", output.status);
        judges::sha256(&folder.join("image.raw"))
    }
}

fn is_root() -> bool {
    shell("id -u") == "0\n"
}

/// Runs a command, which must succeed, and returns what it prints.
fn shell(command: &str) -> String {
    let output = Command::new("sh").args(["-c", command]).output().expect("there is a shell");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {}\n{errors}", output.status);
    String::from_utf8(output.stdout).expect("plain text")
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_str().expect("scratch directories have plain names"))
}

/// Copies the examples and returns the folder; what they need is fetched and locked.
fn prepared(scratch: &Path, example: &str) -> PathBuf {
    let project = scratch.join(example);
    fs::create_dir_all(&project).expect("a directory can be made");
    shell(&format!("cp -r {}/. {}", quoted(&Path::new(WORKSPACE).join("examples")), quoted(&project)));
    let _ = fs::remove_file(project.join("gravure.lock"));
    gravure(&project, &["build", "-o", "first.raw", &format!("{example}.img")]);
    project
}

/// Builds an example in all circumstances.
fn check(example: &str) {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    let project = prepared(scratch.path(), example);
    let first = judges::sha256(&project.join("first.raw"));
    fs::remove_file(project.join("first.raw")).expect("it is there");
    let hashes: BTreeMap<&str, String> = CIRCUMSTANCES
        .iter()
        .map(|circumstances| (circumstances.folder, circumstances.build(&project, example)))
        .collect();
    assert!(hashes.values().all(|hash| *hash == first), "{first} at first, then {hashes:#?}");
}

#[test]
fn tiny_is_the_same_in_all_circumstances() {
    check("tiny");
}

#[test]
fn debian_is_the_same_in_all_circumstances() {
    check("debian");
}

#[test]
fn a_server_is_the_same_in_all_circumstances() {
    check("server");
}
