//! Questions that scripts ask about a system: is there such a file, such a user, such a program?

use super::scripts::Command;
use super::statoverride::Overrides;
use super::{Accounts, Root};

/// Where programs are looked for.
const PROGRAMS: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Answers a question; none if the command is none, or its words are not known.
pub(super) fn answer(command: &Command, root: &Root<'_>, accounts: &Accounts) -> Option<bool> {
    let words: Vec<&str> = command.words.iter().map(String::as_str).filter(|_| command.is_literal).collect();
    match words.as_slice() {
        ["[", inner @ .., "]"] | ["test", inner @ ..] => file_test(inner, root),
        ["command", "-v", program] | ["which", program] => Some(has_program(program, root)),
        ["getent", "passwd", user] => Some(accounts.uid(user).is_some()),
        ["getent", "group", group] => Some(accounts.gid(group).is_some()),
        ["dpkg-statoverride", options @ .., path] if options.contains(&"--list") => {
            Overrides::read(root).ok().map(|overrides| overrides.has(path))
        }
        _ => None,
    }
}

fn file_test(words: &[&str], root: &Root<'_>) -> Option<bool> {
    match words {
        ["!", rest @ ..] => file_test(rest, root).map(|holds| !holds),
        [test, path, operator @ ("-a" | "-o"), right @ ..] => {
            let (left, right) = (file_test(&[test, path], root)?, file_test(right, root)?);
            Some(if *operator == "-a" { left && right } else { left || right })
        }
        ["-z", text] => Some(text.is_empty()),
        ["-n", text] => Some(!text.is_empty()),
        [_, path] if !path.starts_with('/') => None,
        ["-e" | "-r", path] => Some(root.exists(path)),
        ["-f", path] => Some(root.file_len(path).is_some()),
        ["-s", path] => Some(root.file_len(path).is_some_and(|len| len > 0)),
        ["-d", path] => Some(root.is_directory(path)),
        ["-L" | "-h", path] => Some(root.link_target(path).is_some()),
        ["-x", path] => Some(root.mode(path).is_some_and(|mode| mode & 0o111 != 0)),
        _ => None,
    }
}

fn has_program(program: &str, root: &Root<'_>) -> bool {
    match program.starts_with('/') {
        true => root.exists(program),
        false => PROGRAMS.iter().any(|directory| root.exists(&format!("{directory}/{program}"))),
    }
}
