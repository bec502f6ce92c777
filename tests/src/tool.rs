//! Programs of the host that the tests call, found or missed by name.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program, and the Debian package that has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    pub(crate) program: &'static str,
    pub(crate) package: &'static str,
}

/// What a program printed, and whether it was content.
#[derive(Debug)]
pub(crate) struct Printed {
    /// The exit code; none if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Tool {
    /// Returns where the program is; panics with the package's name if it is nowhere.
    #[track_caller]
    pub(crate) fn path(&self) -> PathBuf {
        let Self { program, package } = self;
        find(program).unwrap_or_else(|| {
            panic!("`{program}` is not installed: `apt-get install {package}`, or `tests/run`, which installs all")
        })
    }

    /// Runs the program to its end in the plain locale.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&OsStr]) -> Printed {
        self.run_with(arguments, &[])
    }

    /// Runs the program to its end in the plain locale, with variables of the environment set.
    #[track_caller]
    pub(crate) fn run_with(&self, arguments: &[&OsStr], variables: &[(&str, &str)]) -> Printed {
        let path = self.path();
        let output = Command::new(&path)
            .args(arguments)
            .env("LC_ALL", "C")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Printed {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The directories of the `PATH`, then the administrator's, which are not on everybody's `PATH`.
fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|directory| directory.join(program))
        .find(|candidate| is_program(candidate))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "`gravure-no-such-tool` is not installed: `apt-get install some-package`")]
    fn a_missing_tool_names_its_package() {
        Tool { program: "gravure-no-such-tool", package: "some-package" }.path();
    }

    #[test]
    fn a_tool_reports_its_streams_and_its_code() {
        let shell = Tool { program: "sh", package: "dash" };
        let printed = shell.run(&["-c", "echo out; echo err >&2; exit 3"].map(OsStr::new));
        assert_eq!((printed.code, &*printed.stdout, &*printed.stderr), (Some(3), "out\n", "err\n"));
    }
}
