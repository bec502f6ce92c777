//! Files that are not there because the command that makes them was not reproduced: `make-ssl-cert` of one package, whose
//! certificate the script of another asks for (`[ -e /etc/ssl/certs/ssl-cert-snakeoil.pem ]`). That they are absent is no
//! answer.
//!
//! A command may make what its words name, and what the program names in its text, if it is a script.

use super::answers::PROGRAMS;
use super::report::Unreproduced;
use super::{Error, Root};

/// A longer program is not searched for paths.
const LONGEST_PROGRAM: u64 = 1 << 20;

/// What commands that were not reproduced may have made.
#[derive(Debug, Default)]
pub(super) struct Missing {
    /// Packages, and texts in which their commands name paths.
    texts: Vec<(String, String)>,
}

impl Missing {
    /// Returns what these commands may have made.
    ///
    /// # Errors
    /// A program cannot be read.
    pub(super) fn of(root: &Root<'_>, scripts: &[Unreproduced]) -> Result<Missing, Error> {
        let mut texts = Vec::new();
        for script in scripts {
            for (_, command) in &script.commands {
                let program = command.split_whitespace().next().map(|name| program(root, name)).transpose()?;
                let all = [Some(command.clone()), program.flatten()].into_iter().flatten();
                texts.extend(all.map(|text| (script.package.clone(), text)));
            }
        }
        texts.sort();
        texts.dedup();
        Ok(Missing { texts })
    }

    /// Whether a command of another package than this may have made the file at `path`.
    pub(super) fn has(&self, path: &str, package: &str) -> bool {
        self.texts.iter().any(|(other, text)| other != package && names(text, path))
    }
}

/// Returns the text of a program; none if it is no script.
fn program(root: &Root<'_>, name: &str) -> Result<Option<String>, Error> {
    let paths = match name.starts_with('/') {
        true => vec![name.to_owned()],
        false => PROGRAMS.iter().map(|directory| format!("{directory}/{name}")).collect(),
    };
    let Some(path) = paths.into_iter().find(|path| root.file_len(path).is_some_and(|len| len <= LONGEST_PROGRAM))
    else {
        return Ok(None);
    };
    let bytes = root.read(&path)?.filter(|bytes| bytes.starts_with(b"#!"));
    Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()))
}

/// Whether a text names a path, not only one that begins or ends like it.
fn names(text: &str, path: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "/-_.".contains(c);
    text.match_indices(path).any(|(at, _)| {
        let (before, after) = (text[..at].chars().next_back(), text[at + path.len()..].chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryBlobs, Tree};

    #[test]
    fn commands_may_make_what_they_and_their_programs_name() {
        let blobs = MemoryBlobs::new();
        let mut root = Root::new(Tree::default(), &blobs, 0);
        root.write_text("/usr/sbin/make-thing", "#!/bin/sh\necho > \"/etc/thing.pem\"\n").unwrap();
        root.write_text("/usr/bin/tool", "\u{7f}ELF /etc/tool").unwrap();
        let commands = ["make-thing now", "tool", "cat >/etc/b.conf"];
        let commands = commands.iter().map(|command| (1, (*command).to_owned())).collect();
        let script = Unreproduced { package: "b".to_owned(), script: "postinst".to_owned(), commands };
        let missing = Missing::of(&root, &[script]).unwrap();
        for path in ["/etc/thing.pem", "/etc/b.conf"] {
            assert!(missing.has(path, "a"), "{path}");
            assert!(!missing.has(path, "b"), "{path}");
        }
        for path in ["/etc/tool", "/etc/thing", "/etc", "/b.conf"] {
            assert!(!missing.has(path, "a"), "{path}");
        }
    }
}
