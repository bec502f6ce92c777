//! A transcript that a test plays itself: where commands need more than files, such as a mirror that goes on between them.
//!
//! What is played is compared with a file in the form of the transcripts of `tests/cases`, or written there with
//! `UPDATE_FIXTURES=1`. Each play has a directory, home and store of its own, like a case.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cases::{Stage, difference, updates_fixtures};
use crate::transcript::{Answer, Step, Transcript};

/// A transcript while it is played.
pub struct Play {
    stage: Stage,
    steps: Vec<Step>,
    /// Text of this run, and what stands for it in the transcript.
    names: Vec<(String, String)>,
}

impl Play {
    /// Returns a play with `program` as `gravure`, in an empty directory.
    pub fn new(program: &Path) -> Play {
        let stage = Stage::empty(program).unwrap_or_else(|error| panic!("the stage cannot be set: {error}"));
        Play { stage, steps: Vec::new(), names: Vec::new() }
    }

    /// Sets a variable of the environment of all commands.
    pub fn variable(&mut self, name: &'static str, value: impl Into<String>) {
        self.stage.variables.push((name, value.into()));
    }

    /// Lets `name` stand for a text that is another in each run.
    pub fn rename(&mut self, text: impl Into<String>, name: &str) {
        self.names.push((text.into(), name.to_owned()));
    }

    /// Returns the path of a file of the directory.
    pub fn path(&self, path: &str) -> PathBuf {
        self.stage.path("work").join(path)
    }

    /// Writes a file of the directory.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        let written = fs::create_dir_all(path.parent().expect("a file is in a folder"));
        written.and_then(|()| fs::write(&path, content)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// Runs a command of the shell.
    pub fn run(&mut self, command: &str) {
        let answer = self.stage.run(command).unwrap_or_else(|failure| panic!("{failure}"));
        self.step(
            command,
            Answer { stdout: self.readable(answer.stdout), stderr: self.readable(answer.stderr), ..answer },
        );
    }

    /// Tells the reader what happened beside the commands, as a comment of the shell and lines below it.
    pub fn tell(&mut self, what: &str, lines: &[String]) {
        let text = self.readable(lines.join("\n"));
        self.step(&format!("# {what}"), Answer::new(0, &text, ""));
    }

    fn step(&mut self, command: &str, answer: Answer) {
        self.steps.push(Step { command: command.to_owned(), answer });
    }

    fn readable(&self, text: String) -> String {
        self.names.iter().fold(text, |text, (from, to)| text.replace(from, to))
    }

    /// Compares what was played with the transcript in a file, and panics with all that came out differently.
    #[track_caller]
    pub fn check(self, path: &Path) {
        let expected = Transcript::parse(&fs::read_to_string(path).unwrap_or_default());
        let is_met = |number: usize, step: &Step| {
            let expected = expected.steps.get(number)?;
            (expected.command == step.command && expected.answer.matches(&step.answer)).then(|| expected.clone())
        };
        // An expectation that is met stays as it is, with its `[..]`.
        let steps: Vec<Step> =
            self.steps.into_iter().enumerate().map(|(number, step)| is_met(number, &step).unwrap_or(step)).collect();
        let actual = Transcript { heading: expected.heading.clone(), steps };
        if updates_fixtures() {
            let written = actual.render().and_then(|text| fs::write(path, text).map_err(|error| error.to_string()));
            return written.unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        }
        let mut differences: Vec<String> = expected.steps.iter().zip(&actual.steps).filter_map(difference).collect();
        let (n_expected, n_played) = (expected.steps.len(), actual.steps.len());
        if n_expected != n_played {
            differences.push(format!("{n_expected} commands are expected, and {n_played} were played"));
        }
        let commands = |transcript: &Transcript| -> Vec<String> {
            transcript.steps.iter().map(|step| step.command.clone()).collect()
        };
        assert!(
            differences.is_empty() && commands(&expected) == commands(&actual),
            "{} differs (UPDATE_FIXTURES=1 accepts what came):\n{}",
            path.display(),
            differences.join("\n")
        );
    }
}
