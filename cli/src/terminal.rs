//! The two streams, and whether people look at them.
//!
//! Nobody to write to (a closed pipe) ends nothing: a build goes on, and what was asked for is still made.

use std::io::{IsTerminal, Write};

/// Writes to stdout: what was asked for.
pub(crate) fn result(text: &str) {
    // A reader that left early, as `head` does, has what it wants.
    let _ = std::io::stdout().lock().write_all(text.as_bytes()).and_then(|()| std::io::stdout().flush());
}

/// Writes to stderr: everything else.
pub(crate) fn say(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Whether stderr is a terminal that draws over what it has drawn.
pub(crate) fn has_progress() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
}

/// Whether stderr shows colours. `NO_COLOR` means what no-color.org says: any text in it.
pub(crate) fn is_coloured() -> bool {
    has_progress() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Whether people read stdout, and not a program.
pub(crate) fn result_is_read_by_people() -> bool {
    std::io::stdout().is_terminal()
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
