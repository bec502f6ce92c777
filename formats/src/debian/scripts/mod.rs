//! Maintainer scripts, read and never run.
//!
//! A script of POSIX shell becomes the simple commands that it would run on the first configuration of its package, in
//! order, with words as they are after quoting. Known things are filled in: variables that were given literal values, the
//! arguments of functions, `$1` (`configure`), `$2` (no old version), and `$DPKG_ROOT` (nothing). Branches that cannot be taken
//! then are left out, as are those of an upgrade. What depends on anything else is kept as text: a command lists the
//! conditions under which it runs, and says whether all of its words are known.
//!
//! ```text
//! user=web                                          adduser --system web
//! if [ "$1" = configure ]; then                       line 4, conditions: `! getent passwd "$user"`
//!     if ! getent passwd "$user" >/dev/null; then
//!         adduser --system "$user"
//! ```
//!
//! What debconf is asked and what commands in `$(...)` print is the visitor's to know.
//!
//! Limits: `$(...)` is an unknown word, unless the visitor knows what each command in it prints, and there is no pipe but
//! `$(echo word | cut -d: -f1)`; arithmetic, patterns of files, and `${x%...}` are unknown words, too; what a sourced file
//! defines is unknown; loops over anything but known words, and `while`, are read once; pipes, subshells and background jobs
//! are read as lists; a variable that is set under an unknown condition counts as set if it was not before, and as unknown if
//! it was. A construct that is not understood is skipped word by word. Whatever a script says, reading it ends soon and needs little
//! memory: what is more than scripts have (the constants in `read.rs`) counts as unknown.

mod expand;
mod lex;
mod parse;
mod read;

pub use read::{Visitor, read};

/// What a script is run for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// `preinst install`, before the package is unpacked.
    Install,
    /// `postinst configure`, with no version that was configured before.
    Configure,
}

/// A simple command of a script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// Its name and its arguments. Words that are not known are as the script writes them.
    pub words: Vec<String>,
    /// Where its output or input goes: the operator (`>`) and the file.
    pub redirections: Vec<(String, String)>,
    /// The here-document that it reads, if there is one and all of it is known.
    pub input: Option<String>,
    /// The line of the script on which it begins.
    pub line: usize,
    /// Whether all words are known.
    pub is_literal: bool,
    /// Conditions it runs under, as the script writes them, as far as they are not known to hold.
    pub conditions: Vec<String>,
}

impl Command {
    /// Returns its name; nothing where there is no word.
    pub fn name(&self) -> &str {
        let name = self.words.first().map_or("", String::as_str);
        name.rsplit('/').next().unwrap_or(name)
    }

    /// Returns its arguments.
    pub fn arguments(&self) -> &[String] {
        self.words.get(1..).unwrap_or_default()
    }

    /// Whether it is known to run, with known words.
    pub fn is_certain(&self) -> bool {
        self.is_literal && self.conditions.is_empty()
    }
}

/// Returns the commands that a `postinst` would run on the first configuration of its package.
pub fn commands(script: &str) -> Vec<Command> {
    commands_of(script, Stage::Configure)
}

/// Returns the commands that a script would run on the first installation of its package.
pub fn commands_of(script: &str, stage: Stage) -> Vec<Command> {
    struct Collector(Vec<Command>);
    impl Visitor for Collector {
        fn visit(&mut self, command: &Command) -> Option<bool> {
            self.0.push(command.clone());
            None
        }
    }
    let mut collector = Collector(Vec::new());
    read(script, stage, &mut collector);
    collector.0
}

#[cfg(test)]
mod tests;
