//! Runs a program under strace, which kills it or has a system call fail at a moment that the test names.
//!
//! Calls are counted in each thread on its own, so what happens happens in the first that comes to the number. Each system call
//! stops the program, not only those that are wanted (`--seccomp-bpf`): strace 6.1 loses count otherwise.

use std::path::Path;
use std::process::Command;

use crate::tool::Tool;

const STRACE: Tool = Tool { program: "strace", package: "strace" };

/// Returns the command that runs `program`, to which arguments are to be added; at the call number `nth` (and with `+`
/// at all after it) of one of `calls`, `what` happens: `signal=KILL`, `error=EIO`. The calls are written into the file `log`.
#[track_caller]
pub fn inject(program: &Path, calls: &str, what: &str, nth: &str, log: &Path) -> Command {
    let mut command = traced(program, calls, log);
    command.args(["-e", &format!("inject={calls}:{what}:when={nth}"), "--"]).arg(program);
    command
}

/// Returns the command that runs `program` as the process that is started, and stops it with a signal at the call number
/// `nth` of one of `calls`: `stopped` is in the file `log` then. It goes on when it is sent `CONT`.
#[track_caller]
pub fn stop(program: &Path, calls: &str, nth: u32, log: &Path) -> Command {
    let mut command = traced(program, calls, log);
    command.args(["-D", "-e", &format!("inject={calls}:signal=STOP:when={nth}"), "--"]).arg(program);
    command
}

/// Returns the command that runs `program`, to which arguments are to be added, and writes its `calls` into the file
/// `log`, with the paths of open files.
#[track_caller]
pub fn log(program: &Path, calls: &str, log: &Path) -> Command {
    let mut command = traced(program, calls, log);
    command.args(["-y", "--"]).arg(program);
    command
}

fn traced(program: &Path, calls: &str, log: &Path) -> Command {
    let mut command = Command::new(STRACE.path());
    command.args(["-f", "-qq", "-e", &format!("trace={calls}"), "-o"]).arg(log);
    debug_assert!(program.is_absolute(), "the program under test has an absolute path");
    command
}
