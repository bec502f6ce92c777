//! Plays the transcripts of the command line: every folder of `tests/cases` is one case.
//!
//! A case holds a file `transcript` and the files that its commands use (a symbolic link, to a folder of `examples` say,
//! is followed). It is played in a copy of the folder, command by command, by `sh`, in which `gravure` is the program just
//! built and everything else is what Debian's essential packages have: `ls` shows which files there are. How a transcript
//! is written is told in `transcript.rs`; an example is the case `walker`.
//!
//! Each case has a directory, home and store of its own, and nothing else of the environment: no colours, no language, UTC.
//! The names of these directories are written as `[DIR]`, `[HOME]` and `[STORE]`.
//!
//! `UPDATE_FIXTURES=1` writes what the commands answer into the transcripts, and `CASE=NAME` plays one case alone.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;

use tempfile::TempDir;

use crate::tool::Tool;
use crate::transcript::{Answer, Step, Transcript};

const TRANSCRIPT: &str = "transcript";
/// Limits each command, with everything it started.
const TIMEOUT: Tool = Tool { program: "timeout", package: "coreutils" };
const LIMIT_SECONDS: &str = "120";

/// Plays every case under `cases` with `program` as `gravure`, and panics with all that came out differently.
#[track_caller]
pub fn check(program: &Path, cases: &Path) {
    let only = env::var("CASE").ok();
    let update = updates_fixtures();
    let found = folders(cases).unwrap_or_else(|error| panic!("{}: {error}", cases.display()));
    let wanted: Vec<PathBuf> =
        found.into_iter().filter(|case| only.as_ref().is_none_or(|only| case.ends_with(only))).collect();
    assert!(
        !wanted.is_empty(),
        "{} has no case{}",
        cases.display(),
        only.map_or(String::new(), |only| format!(" {only}"))
    );
    let failures = play_all(program, &wanted, update);
    assert!(
        failures.is_empty(),
        "{} of {} cases differ (UPDATE_FIXTURES=1 accepts what came):\n{}",
        failures.len(),
        wanted.len(),
        failures.join("\n")
    );
}

/// Whether fixtures are to be written as things are.
pub(crate) fn updates_fixtures() -> bool {
    env::var_os("UPDATE_FIXTURES").is_some_and(|value| value == "1")
}

/// Plays the cases on all cores; returns the failures in the order of the cases.
fn play_all(program: &Path, cases: &[PathBuf], update: bool) -> Vec<String> {
    let waiting = Mutex::new(cases.iter().enumerate());
    let failures = Mutex::new(Vec::new());
    let next = || waiting.lock().expect("taking the next case does not panic").next();
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((index, case)) = next() {
                    if let Err(failure) = check_one(program, case, update) {
                        let failure = format!("=== {}\n{failure}", case.display());
                        failures.lock().expect("keeping a failure does not panic").push((index, failure));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().expect("keeping a failure does not panic");
    failures.sort();
    failures.into_iter().map(|(_, failure)| failure).collect()
}

fn check_one(program: &Path, case: &Path, update: bool) -> Result<(), String> {
    let path = case.join(TRANSCRIPT);
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let expected = Transcript::parse(&text);
    if expected.steps.is_empty() {
        return Err("no command: a line that starts with `$ `".to_owned());
    }
    let stage = Stage::new(program, case).map_err(|error| format!("the stage cannot be set: {error}"))?;
    let actual = stage.play(&expected)?;
    if update {
        let text = actual.render()?;
        return fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()));
    }
    let differences: Vec<String> = expected.steps.iter().zip(&actual.steps).filter_map(difference).collect();
    if differences.is_empty() { Ok(()) } else { Err(differences.join("\n")) }
}

/// A temporary directory in which one case is played.
pub(crate) struct Stage {
    root: TempDir,
    /// More variables of the environment.
    pub(crate) variables: Vec<(&'static str, String)>,
}

impl Stage {
    fn new(program: &Path, case: &Path) -> io::Result<Self> {
        let stage = Self::empty(program)?;
        fs::remove_dir(stage.path("work"))?;
        copy_folder(case, &stage.path("work"))?;
        fs::remove_file(stage.path("work").join(TRANSCRIPT))?;
        Ok(stage)
    }

    /// Returns a stage without files of a case.
    pub(crate) fn empty(program: &Path) -> io::Result<Self> {
        let stage = Self { root: TempDir::new()?, variables: Vec::new() };
        for directory in ["bin", "home", "store", "work"] {
            fs::create_dir(stage.path(directory))?;
        }
        symlink(program, stage.path("bin/gravure"))?;
        Ok(stage)
    }

    /// Returns the transcript as it really goes. An expectation that is met stays as it is, with its `[..]`.
    fn play(&self, expected: &Transcript) -> Result<Transcript, String> {
        let play_step = |step: &Step| {
            let answer = self.run(&step.command)?;
            let answer = if step.answer.matches(&answer) { step.answer.clone() } else { answer };
            Ok(Step { command: step.command.clone(), answer })
        };
        let steps = expected.steps.iter().map(play_step).collect::<Result<_, String>>()?;
        Ok(Transcript { heading: expected.heading.clone(), steps })
    }

    pub(crate) fn run(&self, command: &str) -> Result<Answer, String> {
        let search = format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", self.path("bin").display());
        let output = Command::new(TIMEOUT.path())
            .args(["--signal=KILL", LIMIT_SECONDS, "sh", "-c", command])
            .current_dir(self.path("work"))
            .env_clear()
            .env("PATH", search)
            .env("HOME", self.path("home"))
            .env("GRAVURE_STORE", self.path("store"))
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .env("NO_COLOR", "1")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("`{command}` cannot be started: {error}"))?;
        if output.status.signal().is_some() {
            return Err(format!("`{command}` did not end within {LIMIT_SECONDS} s"));
        }
        let code = output.status.code().expect("what no signal ended has an exit code");
        Ok(Answer::new(code, &self.readable(&output.stdout), &self.readable(&output.stderr)))
    }

    /// The output as text, with the directories of this stage under their lasting names.
    fn readable(&self, output: &[u8]) -> String {
        let text = String::from_utf8_lossy(output).into_owned();
        [("work", "[DIR]"), ("home", "[HOME]"), ("store", "[STORE]")]
            .into_iter()
            .fold(text, |text, (directory, name)| text.replace(&*self.path(directory).to_string_lossy(), name))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }
}

/// The text that shows how a step came out differently, if it did.
pub(crate) fn difference((expected, actual): (&Step, &Step)) -> Option<String> {
    if expected.answer == actual.answer {
        return None;
    }
    let mut lines = vec![format!("$ {}", expected.command)];
    lines.extend(["--- expected".to_owned(), show(&expected.answer), "--- came".to_owned(), show(&actual.answer)]);
    Some(lines.join("\n"))
}

fn show(answer: &Answer) -> String {
    format!("? {}\n{}\n2>\n{}", answer.code, answer.stdout, answer.stderr)
}

/// The folders in a folder, sorted by name.
fn folders(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy_folder(&from, &to)?;
        } else {
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    /// A folder of one case, and a script that stands in for the program.
    struct Fixture {
        root: TempDir,
    }

    impl Fixture {
        fn new(script: &str, transcript: &str) -> Self {
            let fixture = Self { root: TempDir::new().unwrap() };
            let case = fixture.case();
            fs::create_dir_all(case.join("parts")).unwrap();
            fs::write(case.join(TRANSCRIPT), transcript).unwrap();
            fs::write(case.join("my.img"), "os = 1\n").unwrap();
            fs::write(case.join("parts/part.img"), "").unwrap();
            // Copied by another process: a program is busy while anybody has it open to write, and a process that
            // another thread is just starting has, for a moment, all that this one has open.
            let script_path = fixture.root.path().join("script");
            fs::write(&script_path, format!("#!/bin/sh\n{script}\n")).unwrap();
            let install = Tool { program: "install", package: "coreutils" };
            let program = fixture.program();
            let arguments = [OsStr::new("-m755"), script_path.as_os_str(), program.as_os_str()];
            assert_eq!(install.run(&arguments).code, Some(0));
            fixture
        }

        fn case(&self) -> PathBuf {
            self.root.path().join("cases/one")
        }

        fn program(&self) -> PathBuf {
            self.root.path().join("program")
        }

        fn check(&self) -> Result<(), String> {
            check_one(&self.program(), &self.case(), false)
        }

        fn update(&self) -> String {
            check_one(&self.program(), &self.case(), true).unwrap();
            fs::read_to_string(self.case().join(TRANSCRIPT)).unwrap()
        }
    }

    #[test]
    fn a_case_that_goes_as_written_passes() {
        let script = "cat \"$1\"; echo oops >&2; exit 3";
        let fixture = Fixture::new(script, "$ gravure my.img\n? 3\nos = 1\n2>\noops\n");
        assert_eq!(fixture.check(), Ok(()));
    }

    #[test]
    fn each_difference_fails() {
        for transcript in [
            "$ gravure\nout\n2>\nerr\n",
            "$ gravure\n? 3\nother\n2>\nerr\n",
            "$ gravure\n? 3\nout\n",
            "$ gravure\n? 3\nerr\n2>\nout\n",
        ] {
            let failure = Fixture::new("echo out; echo err >&2; exit 3", transcript).check().unwrap_err();
            assert!(failure.contains("--- came\n? 3\nout\n2>\nerr"), "{failure}");
        }
    }

    #[test]
    fn files_are_seen_by_the_commands_that_follow() {
        let transcript = "$ gravure my.img\n\n$ ls\nmy.img\nmy.raw\nparts\n\n$ ls parts\npart.img\n";
        let fixture = Fixture::new("echo made > my.raw", transcript);
        assert_eq!(fixture.check(), Ok(()));
        assert!(!fixture.case().join("my.raw").exists(), "a case must not write into its own folder");
    }

    #[test]
    fn the_environment_is_the_same_everywhere() {
        let fixture = Fixture::new("pwd; env | grep -v -e ^PATH= -e ^_= | sort", "$ gravure\n");
        let expected = "\
$ gravure
[DIR]
GRAVURE_STORE=[STORE]
HOME=[HOME]
LC_ALL=C
NO_COLOR=1
PWD=[DIR]
TZ=UTC
";
        assert_eq!(fixture.update(), expected);
        assert_eq!(fixture.check(), Ok(()));
    }

    #[test]
    fn an_update_keeps_the_heading_and_what_still_matches() {
        let transcript = "Heading.\n\n$ gravure\ntook [..] s\n\n$ gravure; false\nold\n";
        let fixture = Fixture::new("echo took 1.5 s", transcript);
        let updated = "Heading.\n\n$ gravure\ntook [..] s\n\n$ gravure; false\n? 1\ntook 1.5 s\n";
        assert_eq!(fixture.update(), updated);
    }

    #[test]
    fn a_case_without_a_command_or_a_transcript_fails() {
        assert!(Fixture::new("", "only words\n").check().unwrap_err().contains("no command"));
        let fixture = Fixture::new("", "$ gravure\n");
        fs::remove_file(fixture.case().join(TRANSCRIPT)).unwrap();
        assert!(fixture.check().unwrap_err().contains("No such file"));
    }

    #[test]
    fn all_cases_are_played_in_order() {
        let fixture = Fixture::new("echo x", "$ gravure\ny\n");
        let cases = fixture.root.path().join("cases");
        for name in ["three", "two"] {
            copy_folder(&fixture.case(), &cases.join(name)).unwrap();
        }
        let failures = play_all(&fixture.program(), &folders(&cases).unwrap(), false);
        let heads: Vec<&str> =
            failures.iter().filter_map(|failure| failure.lines().next()?.rsplit('/').next()).collect();
        assert_eq!(heads, ["one", "three", "two"]);
    }
}
