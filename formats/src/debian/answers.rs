//! Questions that scripts ask about a system: is there such a file, such a user, such a program? Where is it?

use super::diversions::Diversions;
use super::scripts::Command;
use super::statoverride::Overrides;
use super::{Accounts, Root};

/// Where programs are looked for.
pub(super) const PROGRAMS: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Answers a question; none if the command is none, or its words are not known.
pub(super) fn answer(command: &Command, root: &Root<'_>, accounts: &Accounts) -> Option<bool> {
    let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
    if !command.is_literal {
        return None;
    }
    match words.as_slice() {
        ["[", inner @ .., "]"] | ["test", inner @ ..] => file_test(inner, root),
        ["command", "-v", program] | ["which", program] => Some(has_program(program, root)),
        // A program that does nothing asks whether there is an interpreter.
        ["perl", "-e", ""] => Some(has_program("perl", root)),
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
            // A left side that is known may settle the whole.
            let (left, right) = (file_test(&[test, path], root), file_test(right, root));
            let settles = *operator == "-o";
            if left == Some(settles) || right == Some(settles) { Some(settles) } else { Some(left? && right?) }
        }
        [left, "=", right] => Some(left == right),
        [left, "!=", right] => Some(left != right),
        ["-z", text] => Some(text.is_empty()),
        ["-n", text] => Some(!text.is_empty()),
        [_, ""] => Some(false),
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

/// Returns what a command prints whose words are known; none if that is not known.
pub(super) fn output(command: &Command, root: &Root<'_>) -> Option<String> {
    let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["command", "-v", program] | ["which", program] => Some(path_of(program, root).unwrap_or_default()),
        ["dpkg-divert", ..] => Diversions::read(root).ok()?.answer(command),
        ["dpkg-realpath" | "realpath", path] | ["readlink", "-f" | "-e", path] if path.starts_with('/') => {
            root.real_path(path)
        }
        ["readlink", path] => root.link_target(path),
        ["basename", path] => Some(file_name(path).to_owned()),
        ["basename", path, suffix] => {
            let name = file_name(path);
            Some(name.strip_suffix(suffix).filter(|stem| !stem.is_empty()).unwrap_or(name).to_owned())
        }
        ["dirname", path] => {
            let (directory, _) = path.trim_end_matches('/').rsplit_once('/').unwrap_or((".", ""));
            Some(if directory.is_empty() { "/" } else { directory }.to_owned())
        }
        ["echo", ..] => echoed(command),
        _ => None,
    }
}

/// Returns what `echo` prints, without the line end; none where shells do not agree on that.
pub(super) fn echoed(command: &Command) -> Option<String> {
    let words = command.arguments();
    let has_options = words.first().is_some_and(|word| matches!(word.as_str(), "-n" | "-e" | "-E" | "-ne" | "-en"));
    (!has_options && !words.iter().any(|word| word.contains('\\'))).then(|| words.join(" "))
}

fn file_name(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.rsplit('/').next().unwrap_or(path)
}

fn has_program(program: &str, root: &Root<'_>) -> bool {
    path_of(program, root).is_some()
}

/// Returns the path of a program, which may be given by its name alone.
fn path_of(program: &str, root: &Root<'_>) -> Option<String> {
    let is_there = |path: &String| root.exists(path);
    match program.starts_with('/') {
        true => Some(program.to_owned()).filter(is_there),
        false => PROGRAMS.iter().map(|directory| format!("{directory}/{program}")).find(is_there),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debian::scripts;
    use crate::{MemoryBlobs, Tree};

    #[test]
    fn what_is_known_is_answered() {
        let blobs = MemoryBlobs::new();
        let mut root = Root::new(Tree::default(), &blobs, 0);
        root.write("/usr/bin/tool", 0o755, crate::debian::Owner::ROOT, "x").unwrap();
        root.write_text("/etc/passwd", "web:x:33:33:::\n").unwrap();
        root.link("/etc/link", "nowhere").unwrap();
        let accounts = Accounts::of(&root).unwrap();
        let check = |question: &str, expected: Option<bool>| {
            let asked = scripts::commands(question);
            assert_eq!(answer(&asked[0], &root, &accounts), expected, "{question}");
        };
        check("[ -e /usr/bin/tool ]", Some(true));
        check("test ! -f /usr/bin", Some(true));
        check("[ -L /etc/link -a ! -e /etc/link ]", Some(true));
        check("[ -d /usr -o -S /x ]", Some(true));
        check("[ -x /usr/bin/tool ]", Some(true));
        check("[ -x \"\" ]", Some(false));
        check("getent passwd web", Some(true));
        check("getent group web", Some(false));
        check("command -v tool", Some(true));
        check("[ -e \"$x\" ]", None);
        check("[ -S /run/x ]", None);
    }

    #[test]
    fn what_commands_print_is_known() {
        let blobs = MemoryBlobs::new();
        let mut root = Root::new(Tree::default(), &blobs, 0);
        root.write("/usr/bin/tool", 0o755, crate::debian::Owner::ROOT, "x").unwrap();
        root.link("/bin", "usr/bin").unwrap();
        root.write_text("/var/lib/dpkg/diversions", "/bin/sh\n/bin/sh.distrib\ndash\n").unwrap();
        let check = |question: &str, expected: Option<&str>| {
            assert_eq!(output(&scripts::commands(question)[0], &root).as_deref(), expected, "{question}");
        };
        check("command -v tool", Some("/usr/bin/tool"));
        check("which none 2>/dev/null", Some(""));
        check("dpkg-divert --listpackage /bin/sh", Some("dash"));
        check("dpkg-divert --listpackage /bin/ash", Some(""));
        check("dpkg-divert --truename /bin/sh", Some("/bin/sh.distrib"));
        check("readlink -f /bin/tool", Some("/usr/bin/tool"));
        check("readlink /bin", Some("usr/bin"));
        check("basename /usr/bin/tool.conf .conf", Some("tool"));
        check("dirname /usr/bin/tool", Some("/usr/bin"));
        check("dirname /usr", Some("/"));
        check("dirname tool", Some("."));
        check("echo a  b", Some("a b"));
        check("echo -n a", None);
        check("date", None);
    }
}
