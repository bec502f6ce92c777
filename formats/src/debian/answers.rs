//! Questions that scripts ask about a system: is there such a file, such a user, such a program?

use super::scripts::Command;
use super::statoverride::Overrides;
use super::{Accounts, Root};

/// Where programs are looked for.
const PROGRAMS: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Answers a question; none if the command is none, or its words are not known.
pub(super) fn answer(command: &Command, root: &Root<'_>, accounts: &Accounts) -> Option<bool> {
    let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
    if let ["[", "-x", found, "]"] = words.as_slice()
        && let Some(program) = looked_up(found)
    {
        return Some(has_program(program, root));
    }
    if !command.is_literal {
        return None;
    }
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
            // A left side that is known may settle the whole.
            let (left, right) = (file_test(&[test, path], root), file_test(right, root));
            let settles = *operator == "-o";
            if left == Some(settles) || right == Some(settles) { Some(settles) } else { Some(left? && right?) }
        }
        [left, "=", right] => Some(left == right),
        [left, "!=", right] => Some(left != right),
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

/// Returns the name of the program in `"$(command -v name)"`.
fn looked_up(word: &str) -> Option<&str> {
    let inner = word.trim_matches('"').strip_prefix("$(")?.strip_suffix(')')?;
    let inner = inner.trim_end_matches("2>/dev/null").trim_end();
    inner.strip_prefix("command -v ").or(inner.strip_prefix("which ")).filter(|name| !name.contains([' ', '$']))
}

fn has_program(program: &str, root: &Root<'_>) -> bool {
    match program.starts_with('/') {
        true => root.exists(program),
        false => PROGRAMS.iter().any(|directory| root.exists(&format!("{directory}/{program}"))),
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
        check("[ -z \"\" -o \"a\" = \"b\" ]", Some(true));
        check("[ -x /usr/bin/tool ]", Some(true));
        check("[ -x \"$(command -v tool)\" ]", Some(true));
        check("[ -x \"$(which none 2>/dev/null)\" ]", Some(false));
        check("getent passwd web", Some(true));
        check("getent group web", Some(false));
        check("command -v tool", Some(true));
        check("[ -e \"$x\" ]", None);
        check("[ -S /run/x ]", None);
    }
}
