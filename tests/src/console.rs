//! The serial console of a machine that runs: what it printed so far, and a keyboard.
//!
//! A thread reads all that the machine prints, makes plain text of it, and keeps it in memory and in a file, line for line
//! as it comes, so that even a test that is killed leaves its transcript. The test waits for texts in their order: each
//! [`Console::expect`] looks only at what came after the text found last.
//!
//! The machine never outlives its console: it is killed when the console is dropped, also by a panic.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::terminal::Terminal;

/// How many lines of the transcript a failure shows.
const LINES_SHOWN: usize = 200;
/// What Linux, SeaBIOS and OVMF say when they give up: nothing that a test waits for can come after it.
const LAST_WORDS: [&str; 3] = ["Kernel panic - not syncing", "No bootable device.", "UEFI Interactive Shell"];

/// The console of a running machine; made by [`crate::qemu::Machine::boot`].
pub struct Console {
    name: String,
    machine: Child,
    keyboard: ChildStdin,
    screen: Arc<Screen>,
    reader: Option<JoinHandle<()>>,
    transcript: PathBuf,
    /// Where the text that was found last ends.
    seen: usize,
    started: Instant,
}

/// What the reading thread and the test share.
#[derive(Default)]
struct Screen {
    shown: Mutex<Shown>,
    changed: Condvar,
}

#[derive(Default)]
struct Shown {
    text: Vec<u8>,
    /// Whether the machine has closed its output: it ended.
    ended: bool,
}

impl Console {
    /// Starts a program whose standard input and output are a console, and keeps the transcript as `DIRECTORY/NAME.txt`.
    pub(crate) fn start(name: &str, mut command: Command, directory: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let transcript = directory.join(format!("{name}.txt"));
        let file = File::create(&transcript)?;
        let (output, input) = io::pipe()?;
        command.stdin(Stdio::piped()).stdout(input.try_clone()?).stderr(input);
        let started = Instant::now();
        let mut machine = command.spawn()?;
        // The command holds the writing ends of the pipe; while they are open here, reading would not end.
        drop(command);
        let keyboard = machine.stdin.take().expect("standard input was asked to be a pipe");
        let screen = Arc::new(Screen::default());
        let reader = thread::spawn({
            let screen = Arc::clone(&screen);
            move || read_all(output, &screen, file)
        });
        Ok(Self {
            name: name.to_owned(),
            machine,
            keyboard,
            screen,
            reader: Some(reader),
            transcript,
            seen: 0,
            started,
        })
    }

    /// Waits until the machine prints `text`, and returns what it printed between the text found before and this one.
    ///
    /// Panics, with the last lines of the transcript, when that takes longer than `limit`, or when it cannot happen any
    /// more because the machine has ended, or its kernel panicked, or its firmware found nothing to boot.
    #[track_caller]
    pub fn expect(&mut self, text: &str, limit: Duration) -> String {
        match self.wait_for(text, limit) {
            Ok(before) => {
                eprintln!("{}: {text:?} after {:.1} s", self.name, self.started.elapsed().as_secs_f64());
                before
            }
            Err(why) => self.fail(&format!("{text:?} did not appear: {why}")),
        }
    }

    /// Types these characters.
    #[track_caller]
    pub fn send(&mut self, text: &str) {
        let typed = self.keyboard.write_all(text.as_bytes()).and_then(|()| self.keyboard.flush());
        if let Err(error) = typed {
            self.fail(&format!("cannot type {text:?}: {error}"));
        }
    }

    /// Types this line and the return key.
    #[track_caller]
    pub fn send_line(&mut self, line: &str) {
        self.send(&format!("{line}\r"));
    }

    /// Runs a command in the POSIX shell that somebody is logged in to, and returns what it printed.
    ///
    /// Panics when the command fails, or takes longer than `limit`.
    #[track_caller]
    pub fn run(&mut self, command: &str, limit: Duration) -> String {
        // The quotes keep the echo of the typed line apart from the output, wherever the terminal breaks that line.
        self.send_line(&format!("echo \"start of\":output; {command}; echo \"end of\":output $?"));
        self.expect("start of:output\n", limit);
        let output = self.expect("end of:output ", limit);
        let code = self.expect("\n", limit);
        if code != "0" {
            self.fail(&format!("`{command}` ended with exit code {code}"));
        }
        output
    }

    /// Waits until the machine has ended by itself, with QEMU content.
    #[track_caller]
    pub fn expect_end(&mut self, limit: Duration) {
        let until = Instant::now() + limit;
        loop {
            match self.machine.try_wait() {
                Ok(Some(status)) if status.success() => break,
                Ok(Some(status)) => self.fail(&format!("the machine did not end well: {status}")),
                Ok(None) if Instant::now() < until => thread::sleep(Duration::from_millis(20)),
                Ok(None) => self.fail(&format!("the machine still runs after {} s", limit.as_secs())),
                Err(error) => self.fail(&format!("cannot wait for the machine: {error}")),
            }
        }
        eprintln!("{}: ended after {:.1} s", self.name, self.started.elapsed().as_secs_f64());
    }

    /// Returns everything that the machine printed so far, without escape sequences.
    pub fn transcript(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().text).into_owned()
    }

    /// Returns the time since the machine was started.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn wait_for(&mut self, text: &str, limit: Duration) -> Result<String, String> {
        let until = Instant::now() + limit;
        let mut shown = self.screen.lock();
        loop {
            let fresh = &shown.text[self.seen..];
            if let Some(at) = find(fresh, text) {
                let before = String::from_utf8_lossy(&fresh[..at]).into_owned();
                self.seen += at + text.len();
                return Ok(before);
            }
            if let Some(words) = LAST_WORDS.iter().find(|words| find(fresh, words).is_some()) {
                return Err(format!("the machine said {words:?}"));
            }
            if shown.ended {
                drop(shown);
                return Err(format!("the machine has ended{}", end_of(self.machine.wait())));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(format!("it took longer than {} s", limit.as_secs_f64()));
            }
            let waited = self.screen.changed.wait_timeout(shown, left);
            (shown, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    #[track_caller]
    fn fail(&self, what: &str) -> ! {
        let transcript = self.transcript();
        let lines: Vec<&str> = transcript.lines().collect();
        let last = &lines[lines.len().saturating_sub(LINES_SHOWN)..];
        panic!(
            "{}: {what}\n--- the last {} of {} lines of the console, all of them in {} ---\n{}\n--- end of the console ---",
            self.name,
            last.len(),
            lines.len(),
            self.transcript.display(),
            last.join("\n"),
        );
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        // Killing fails only if the machine has ended already, which is as good.
        let _ = self.machine.kill();
        let _ = self.machine.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

impl Screen {
    /// A reader that panicked leaves text that is whole, so the lock is good even then.
    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads until the machine closes its output. Failing to read or to keep the file ends the console as well.
fn read_all(mut output: impl Read, screen: &Screen, mut file: File) {
    let mut terminal = Terminal::default();
    let mut buffer = [0; 4096];
    let mut plain = Vec::new();
    while let Ok(len @ 1..) = output.read(&mut buffer) {
        plain.clear();
        terminal.print(&buffer[..len], &mut plain);
        screen.lock().text.extend_from_slice(&plain);
        screen.changed.notify_all();
        if file.write_all(&plain).is_err() {
            break;
        }
    }
    screen.lock().ended = true;
    screen.changed.notify_all();
}

fn find(haystack: &[u8], needle: &str) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle.as_bytes())
}

fn end_of(status: io::Result<ExitStatus>) -> String {
    status.map_or_else(|error| format!(" ({error})"), |status| format!(" ({status})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    /// A shell stands in for the machine.
    fn shell(name: &str, script: &str) -> Console {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Console::start(name, command, &std::env::temp_dir().join("gravure-console-tests")).unwrap()
    }

    fn panic_text(test: impl FnOnce() + std::panic::UnwindSafe) -> String {
        *std::panic::catch_unwind(test).unwrap_err().downcast::<String>().expect("panics with formatted text")
    }

    #[test]
    fn texts_are_found_in_their_order() {
        let mut console = shell("order", "echo one; echo two; echo one");
        assert_eq!(console.expect("one", SOON), "");
        assert_eq!(console.expect("one", SOON), "\ntwo\n");
        console.expect_end(SOON);
        assert_eq!(console.transcript(), "one\ntwo\none\n");
    }

    #[test]
    fn what_is_typed_arrives() {
        let mut console = shell("typed", "printf 'login: '; read -r name; echo \"hello $name\" | tr -d '\\r'");
        console.expect("login: ", SOON);
        console.send("root\n");
        console.expect("hello root\n", SOON);
    }

    #[test]
    fn a_command_returns_its_output_alone() {
        let mut console = shell("command", "tr '\\r' '\\n' | sh");
        // `tr` passes its output on when its input ends: close the keyboard by replacing it.
        console.send_line("echo \"start of\":output; uname -s; echo \"end of\":output $?");
        drop(std::mem::replace(&mut console.keyboard, other_keyboard()));
        console.expect("start of:output\n", SOON);
        assert_eq!(console.expect("end of:output ", SOON), "Linux\n");
    }

    fn other_keyboard() -> ChildStdin {
        let mut idle = Command::new("true").stdin(Stdio::piped()).spawn().unwrap();
        let keyboard = idle.stdin.take().unwrap();
        idle.wait().unwrap();
        keyboard
    }

    #[test]
    fn a_text_that_does_not_come_shows_the_console() {
        let text = panic_text(|| {
            let mut console = shell("silent", "for i in $(seq 300); do echo line $i; done; exec sleep 60");
            console.expect("line 300\n", SOON);
            console.expect("login:", Duration::from_millis(50));
        });
        assert!(text.starts_with("silent: \"login:\" did not appear: it took longer than 0.05 s\n"), "{text}");
        assert!(text.contains("the last 200 of 300 lines"), "{text}");
        assert!(text.contains("\nline 101\n") && !text.contains("\nline 100\n"), "{text}");
    }

    #[test]
    fn the_end_of_the_machine_ends_the_wait() {
        let text = panic_text(|| {
            shell("ended", "echo complaint >&2; exit 3").expect("login:", SOON);
        });
        assert!(text.contains("the machine has ended (exit status: 3)"), "{text}");
        assert!(text.contains("\ncomplaint\n"), "{text}");
    }

    #[test]
    fn a_kernel_panic_ends_the_wait() {
        let text = panic_text(|| {
            shell("panics", "echo '[1.0] Kernel panic - not syncing: VFS'; exec sleep 60").expect("login:", SOON);
        });
        assert!(text.contains("did not appear: the machine said \"Kernel panic - not syncing\""), "{text}");
    }

    #[test]
    fn the_machine_is_killed_with_its_console() {
        let mut console = shell("killed", "echo $$; exec sleep 600");
        let id = console.expect("\n", SOON);
        assert!(Path::new("/proc").join(&id).exists());
        drop(console);
        assert!(!Path::new("/proc").join(&id).exists());
    }

    #[test]
    fn the_transcript_is_kept_in_a_file() {
        let mut console = shell("kept", "printf '\\033[1mbold\\033[0m\\n'");
        console.expect_end(SOON);
        let file = console.transcript.clone();
        drop(console);
        assert_eq!(fs::read_to_string(file).unwrap(), "bold\n");
    }
}
