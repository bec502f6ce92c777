//! The two streams, and whether people look at them.
//!
//! Nobody to write to (a closed pipe) ends nothing: a build goes on, and what was asked for is still made.

use std::io::{IsTerminal, Write};
use std::sync::OnceLock;

/// For whom diagnostics are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// People.
    Text,
    /// Other programs: JSON, an object a line.
    Json,
}

/// How diagnostics of a run are told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Messages {
    pub(crate) format: Format,
    /// Whether they say what was being evaluated.
    pub(crate) has_trace: bool,
}

/// As the command line says; it says it once.
static MESSAGES: OnceLock<Messages> = OnceLock::new();

/// Sets how diagnostics of this run are told.
pub(crate) fn set_messages(messages: Messages) {
    MESSAGES.set(messages).expect("the command line is read once");
}

/// Returns how diagnostics of this run are told.
pub(crate) fn messages() -> Messages {
    *MESSAGES.get().unwrap_or(&Messages { format: Format::Text, has_trace: false })
}

/// Returns for whom diagnostics of this run are.
pub(crate) fn format() -> Format {
    messages().format
}

/// Writes to stdout: what was asked for.
pub(crate) fn result(text: &str) {
    // A reader that left early, as `head` does, has what it wants.
    let _ = std::io::stdout().lock().write_all(text.as_bytes()).and_then(|()| std::io::stdout().flush());
}

/// Writes to stderr what people want to know; programs do without.
pub(crate) fn say(text: &str) {
    if format() == Format::Text {
        diagnostic(text);
    }
}

/// Writes to stderr.
pub(crate) fn diagnostic(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Whether stderr is a terminal that draws over what it has drawn.
pub(crate) fn has_progress() -> bool {
    format() == Format::Text
        && std::io::stderr().is_terminal()
        && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
}

/// Whether stderr shows colours. `NO_COLOR` means what no-color.org says: any text in it.
pub(crate) fn is_coloured() -> bool {
    has_progress() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Whether people read stdout, and not a program.
pub(crate) fn result_is_read_by_people() -> bool {
    std::io::stdout().is_terminal()
}

/// Whether stdout shows colours.
pub(crate) fn result_is_coloured() -> bool {
    let is_plain =
        |name: &str, is_plain: fn(&std::ffi::OsStr) -> bool| std::env::var_os(name).is_some_and(|v| is_plain(&v));
    std::io::stdout().is_terminal()
        && !is_plain("TERM", |value| value == "dumb")
        && !is_plain("NO_COLOR", |value| !value.is_empty())
}

/// Returns how many columns stdout has: as `COLUMNS` says, or the terminal. None where it is no terminal.
pub(crate) fn width() -> Option<usize> {
    let said = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok()).filter(|width| *width > 0);
    let measured = || terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0));
    said.or_else(measured)
}

/// Returns how many rows the terminal has that stderr goes to. None where it is no terminal.
pub(crate) fn rows() -> Option<usize> {
    terminal_size::terminal_size_of(std::io::stderr()).map(|(_, height)| usize::from(height.0))
}

/// Returns text in the colour of errors.
pub(crate) fn red(text: &str) -> String {
    coloured(text, "1;31")
}

/// Returns text in the colour of success.
pub(crate) fn green(text: &str) -> String {
    coloured(text, "1;32")
}

fn coloured(text: &str, colour: &str) -> String {
    if is_coloured() { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
}
