//! Ctrl-C: the terminal is left clean, nothing half written stays, and the exit code says what happened.

use std::fs;
use std::thread;

use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;

use crate::progress::Bars;
use crate::terminal;
use crate::trouble::INTERRUPTED;

/// The files that this process has open, by their numbers; Linux only.
const OPEN_FILES: &str = "/proc/self/fd";

/// How `sources` calls files until they are complete.
const TEMPORARY: &str = ".gravure-";

/// Has Ctrl-C end the program, after `bars` are gone.
pub(crate) fn ends_with(bars: &Bars) {
    let bars = bars.clone();
    // Without the handler Ctrl-C ends the program too; only less tidily.
    let Ok(mut signals) = Signals::new([SIGINT]) else { return };
    thread::spawn(move || {
        if signals.forever().next().is_some() {
            bars.clear();
            remove_temporaries();
            terminal::say("interrupted\n");
            std::process::exit(INTERRUPTED);
        }
    });
}

/// Removes the files that this process is writing; where that is not possible, the next run does it.
fn remove_temporaries() {
    let Ok(open) = fs::read_dir(OPEN_FILES) else { return };
    for path in open.flatten().filter_map(|entry| fs::read_link(entry.path()).ok()) {
        if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(TEMPORARY.as_bytes())) {
            let _ = fs::remove_file(path);
        }
    }
}
