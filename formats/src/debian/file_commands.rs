//! What scripts do to files in plain words: `cat > file <<END`, `echo > file`, `mkdir`, `install`, `cp`, `mv`, `ln`, `rm`,
//! `chmod`, `chown`, `chgrp`, `touch`, `setcap`, `ucf`, `dpkg-statoverride`, `dpkg-divert`.
//!
//! A call counts if all its words are known and it is certain to run: no condition before it is unknown. Tests of files are
//! answered from the root as it is so far, questions for users and groups from the accounts. Only single files and empty
//! directories are removed; and nothing is done below `/proc`, `/sys`, `/dev` and `/tmp`, which are of the machine that runs.

use std::borrow::Cow;

use super::questions::Questions;
use super::scripts::{self, Command, Stage, Visitor};
use super::statoverride::Override;
use super::{Accounts, Error, Owner, Package, Root, answers, capabilities, diversions, ucf};

/// Directories whose content is of a running machine.
const RUNNING: [&str; 4] = ["/proc", "/sys", "/dev", "/tmp"];

/// What is copied to make an empty file.
const NOTHING: &str = "/dev/null";

/// The bits that new files do not have, unless a script says otherwise.
const UMASK: u16 = 0o022;

/// Does to the root what the packages' `postinst` scripts do to files. `base-files` comes first, since its directories are
/// taken for granted.
///
/// # Errors
/// A script cannot be read, or the root cannot be written.
pub fn file_commands(root: &mut Root<'_>, packages: &[Package], accounts: &Accounts) -> Result<(), Error> {
    let (first, others): (Vec<_>, Vec<_>) = packages.iter().partition(|package| package.name == "base-files");
    for package in first.into_iter().chain(others) {
        if let Some(script) = package.text("postinst", root.blobs())? {
            let questions = Questions::of(package, root.blobs())?;
            let mut runner = Runner { root, accounts, package: &package.name, questions, umask: UMASK, error: None };
            scripts::read(&script, Stage::Configure, &mut runner);
            runner.error.map_or(Ok(()), Err)?;
        }
    }
    Ok(())
}

struct Runner<'a, 'r> {
    root: &'a mut Root<'r>,
    accounts: &'a Accounts,
    package: &'a str,
    questions: Questions,
    umask: u16,
    error: Option<Error>,
}

impl Visitor for Runner<'_, '_> {
    fn visit(&mut self, command: &Command) -> Option<bool> {
        if let Some(answer) = answers::answer(command, self.root, self.accounts) {
            return Some(answer);
        }
        if !command.is_literal || self.error.is_some() {
            return None;
        }
        if !is_reached(command) {
            return None;
        }
        let done = self.act(command);
        done.unwrap_or_else(|error| {
            self.error = Some(error);
            None
        })
    }

    fn output(&mut self, command: &Command) -> Option<String> {
        answers::output(command, self.root)
    }

    fn answer(&mut self, question: &str) -> Option<String> {
        self.questions.answer(question)
    }
}

/// Whether a command counts as one that runs. Overrides are asked for under conditions that hold on every new system.
fn is_reached(command: &Command) -> bool {
    command.conditions.is_empty() || command.name() == "dpkg-statoverride"
}

/// Whether this is a command that is done here, where it is reached and the files that it names are there.
pub(super) fn is_known(command: &Command) -> bool {
    command.is_literal && is_reached(command) && Operation::of(command, &Arguments::parse(command)).is_some()
}

/// Whether owners and modes are as a command would leave them: `chmod`, `chown`, `chgrp`, and what makes directories. None for
/// another command, and where words are not known.
pub(super) fn is_as_left(command: &Command, root: &Root<'_>, accounts: &Accounts) -> Option<bool> {
    let arguments = Arguments::parse(command);
    let operation = Operation::of(command, &arguments).filter(|_| command.is_literal)?;
    let changes = match (operation, arguments.paths.as_slice()) {
        (Operation::ChangeMode, [mode, ..]) => Changes { mode: Some(*mode), ..Changes::default() },
        (Operation::ChangeOwner, [owner, ..]) => Changes::owner(owner),
        (Operation::ChangeGroup, [group, ..]) => Changes { group: Some(*group), ..Changes::default() },
        (Operation::MakeDirectories, _) => {
            Changes { mode: arguments.value('m'), user: arguments.value('o'), group: arguments.value('g') }
        }
        _ => return None,
    };
    let n_words = usize::from(operation != Operation::MakeDirectories);
    // What is below `/run` is made anew at every start.
    let mut kept = arguments.paths[n_words..].iter().filter(|path| !is_below(path, "/run"));
    Some(kept.all(|path| changes.are_made(path, root, accounts)))
}

/// What becomes of the owner and the mode of a file.
#[derive(Default)]
struct Changes<'c> {
    mode: Option<&'c str>,
    user: Option<&'c str>,
    group: Option<&'c str>,
}

impl<'c> Changes<'c> {
    /// Reads `user:group`.
    fn owner(text: &'c str) -> Changes<'c> {
        let (user, group) = text.split_once([':', '.']).unwrap_or((text, ""));
        let some = |name: &'c str| Some(name).filter(|name| !name.is_empty());
        Changes { mode: None, user: some(user), group: some(group) }
    }

    fn are_made(&self, path: &str, root: &Root<'_>, accounts: &Accounts) -> bool {
        let (Some(mode), Some(owner)) = (root.mode(path), root.owner(path)) else { return false };
        let is_mode = self.mode.is_none_or(|change| changed_mode(mode, change) == Some(mode));
        is_mode && owner_by_names(self.user, self.group, owner, accounts) == Some(owner)
    }
}

/// Returns an owner by names or numbers; what is not given is as before. None if there is no such user or group.
fn owner_by_names(user: Option<&str>, group: Option<&str>, before: Owner, accounts: &Accounts) -> Option<Owner> {
    let uid = user.map(|user| accounts.uid(user).or_else(|| user.parse().ok()));
    let gid = group.map(|group| accounts.gid(group).or_else(|| group.parse().ok()));
    Some(Owner { uid: uid.unwrap_or(Some(before.uid))?, gid: gid.unwrap_or(Some(before.gid))? })
}

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Redirect,
    Write,
    Umask,
    MakeDirectories,
    Copy,
    Link,
    Move,
    Remove,
    RemoveDirectory,
    Touch,
    ChangeMode,
    ChangeOwner,
    ChangeGroup,
    SetCapabilities,
    InstallConfiguration,
    RegisterConfiguration,
    Override,
    Divert,
}

impl Operation {
    fn of(command: &Command, arguments: &Arguments<'_>) -> Option<Operation> {
        let is_allowed = |path: &&str| path.starts_with('/') && !is_running(path);
        let operation = match (command.name(), arguments.paths.as_slice()) {
            (":", _) => Operation::Redirect,
            ("cat" | "echo", _) if written(command).is_some_and(|(path, ..)| is_allowed(&path)) => Operation::Write,
            ("umask", [_]) => Operation::Umask,
            ("mkdir", paths @ [_, ..]) if paths.iter().all(is_allowed) => Operation::MakeDirectories,
            ("install", paths @ [_, ..]) if arguments.has('d') && paths.iter().all(is_allowed) => {
                Operation::MakeDirectories
            }
            ("install" | "cp", [_, to]) if is_allowed(to) => Operation::Copy,
            ("ln", [_, link]) if arguments.has('s') && is_allowed(link) => Operation::Link,
            ("mv", [from, to]) if is_allowed(from) && is_allowed(to) => Operation::Move,
            ("rm", paths @ [_, ..]) if !arguments.has('r') && !arguments.has('R') && paths.iter().all(is_allowed) => {
                Operation::Remove
            }
            ("rmdir", [path]) if is_allowed(path) => Operation::RemoveDirectory,
            ("touch", paths @ [_, ..]) if paths.iter().all(is_allowed) => Operation::Touch,
            ("chmod", [mode, paths @ ..]) if changed_mode(0, mode).is_some() && paths.iter().all(is_allowed) => {
                Operation::ChangeMode
            }
            ("chown", [_, paths @ ..]) if paths.iter().all(is_allowed) => Operation::ChangeOwner,
            ("chgrp", [_, paths @ ..]) if paths.iter().all(is_allowed) => Operation::ChangeGroup,
            ("setcap", [text, path]) if is_allowed(path) && capabilities::to_bytes(text).is_some() => {
                Operation::SetCapabilities
            }
            ("ucf", [_, to]) if is_allowed(to) => Operation::InstallConfiguration,
            ("ucfr", [_, _]) => Operation::RegisterConfiguration,
            ("dpkg-statoverride", [_, _, _, _]) if command.words.iter().any(|word| word == "--add") => {
                Operation::Override
            }
            ("dpkg-divert", _) if diversions::Call::parse(command).is_some() => Operation::Divert,
            _ => return None,
        };
        Some(operation)
    }
}

/// Returns the file that `cat` or `echo` writes, whether it adds to it, and the text; none for other uses of them.
fn written(command: &Command) -> Option<(&str, bool, Cow<'_, str>)> {
    let [(operator, path)] = command.redirections.as_slice() else { return None };
    if !matches!(operator.as_str(), ">" | ">>" | ">|") {
        return None;
    }
    let text = match (command.name(), command.arguments()) {
        ("cat", []) => Cow::Borrowed(command.input.as_deref()?),
        ("echo", _) => Cow::Owned(answers::echoed(command)? + "\n"),
        _ => return None,
    };
    Some((path, operator == ">>", text))
}

fn is_running(path: &str) -> bool {
    RUNNING.iter().any(|running| is_below(path, running))
}

impl Runner<'_, '_> {
    /// Does what a command does; none if it is another command than those above. `false` is a command that fails.
    fn act(&mut self, command: &Command) -> Result<Option<bool>, Error> {
        let arguments = Arguments::parse(command);
        let Some(operation) = Operation::of(command, &arguments) else { return Ok(None) };
        match (operation, arguments.paths.as_slice()) {
            (Operation::Redirect, _) => self.redirect(command),
            (Operation::Write, _) => self.write(command),
            (Operation::Umask, [mask]) => {
                self.umask = octal(mask).unwrap_or(self.umask);
                Ok(Some(true))
            }
            (Operation::MakeDirectories, _) => self.make_directories(&arguments),
            (Operation::Copy, [from, to]) => self.copy(from, to, command.name(), &arguments),
            (Operation::Link, [target, link]) => self.link(target, link, &arguments),
            (Operation::Move, [from, to]) => self.rename(from, to),
            (Operation::Remove, paths) => self.remove(paths, arguments.has('f')),
            (Operation::RemoveDirectory, [path]) => self.remove_directory(path),
            (Operation::Touch, paths) => paths.iter().try_fold(Some(true), |_, path| self.create(path)),
            (Operation::ChangeMode, [mode, paths @ ..]) => self.change_mode(mode, paths),
            (Operation::ChangeOwner, [owner, paths @ ..]) => {
                self.change_owner(&Changes::owner(owner), paths, arguments.has('R'))
            }
            (Operation::ChangeGroup, [group, paths @ ..]) => {
                let changes = Changes { group: Some(*group), ..Changes::default() };
                self.change_owner(&changes, paths, arguments.has('R'))
            }
            (Operation::SetCapabilities, [text, path]) => match capabilities::to_bytes(text) {
                Some(value) if self.root.file_len(path).is_some() => {
                    self.root.set_xattr(path, capabilities::XATTR, value).map(|()| Some(true))
                }
                _ => Ok(Some(false)),
            },
            (Operation::InstallConfiguration, [from, to]) => ucf::install(self.root, from, to),
            (Operation::RegisterConfiguration, [package, path]) => {
                ucf::register(self.root, package, path).map(|()| Some(true))
            }
            (Operation::Override, [user, group, mode, path]) => {
                let added = Override::new(user, group, mode, path);
                added.map_or(Ok(Some(false)), |added| added.add(self.root, self.accounts).map(|()| Some(true)))
            }
            (Operation::Divert, _) => {
                let call = diversions::Call::parse(command);
                call.map(|call| call.run(self.root, self.package).map(|()| true)).transpose()
            }
            _ => Ok(None),
        }
    }

    /// Creates what `: > path` creates.
    fn redirect(&mut self, command: &Command) -> Result<Option<bool>, Error> {
        for (operator, path) in &command.redirections {
            if operator.starts_with('>') && path.starts_with('/') && !is_below(path, "/dev") {
                self.create(path)?;
            }
        }
        Ok(Some(true))
    }

    /// Writes a text into a file, which keeps its mode and its owner if it is there.
    fn write(&mut self, command: &Command) -> Result<Option<bool>, Error> {
        let Some((path, is_added, text)) = written(command) else { return Ok(None) };
        if self.root.is_directory(path) {
            return Ok(Some(false));
        }
        let before = if is_added { self.root.text(path)?.unwrap_or_default() } else { String::new() };
        let mode = self.root.mode(path).unwrap_or(0o666 & !self.umask);
        let owner = self.root.owner(path).unwrap_or(Owner::ROOT);
        self.root.write(path, mode, owner, before + &text)?;
        Ok(Some(true))
    }

    fn create(&mut self, path: &str) -> Result<Option<bool>, Error> {
        if !self.root.exists(path) {
            self.root.write(path, 0o666 & !self.umask, Owner::ROOT, "")?;
        }
        Ok(Some(true))
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<Option<bool>, Error> {
        let to = self.within(from, to);
        if !self.root.has_name(from) {
            return Ok(Some(false));
        }
        // Directories are left where they are: what is below them may be known under both names.
        if [from, &to].iter().any(|path| self.root.is_directory(path) && self.root.link_target(path).is_none()) {
            return Ok(None);
        }
        self.root.rename(from, &to).map(|()| Some(true))
    }

    fn remove(&mut self, paths: &[&str], may_be_absent: bool) -> Result<Option<bool>, Error> {
        let mut succeeds = true;
        for path in paths {
            let is_file = self.root.link_target(path).is_some() || !self.root.is_directory(path);
            match self.root.has_name(path) {
                true if is_file => self.root.remove(path)?,
                true => succeeds = false,
                false => succeeds &= may_be_absent,
            }
        }
        Ok(Some(succeeds))
    }

    fn remove_directory(&mut self, path: &str) -> Result<Option<bool>, Error> {
        if !self.root.is_directory(path) || self.root.paths_below(path).len() > 1 {
            return Ok(Some(false));
        }
        self.root.remove(path).map(|()| Some(true))
    }

    fn make_directories(&mut self, arguments: &Arguments<'_>) -> Result<Option<bool>, Error> {
        let Some(owner) = self.owner(arguments.value('o'), arguments.value('g'), Owner::ROOT) else {
            return Ok(Some(false));
        };
        let mode = arguments.value('m').and_then(octal);
        let may_exist = arguments.has('p') || arguments.has('d');
        for path in &arguments.paths {
            match self.root.exists(path) {
                true if !may_exist => return Ok(Some(false)),
                true if mode.is_none() => {}
                _ => self.root.directory(path, mode.unwrap_or(0o777 & !self.umask), owner)?,
            }
        }
        Ok(Some(true))
    }

    fn copy(&mut self, from: &str, to: &str, name: &str, arguments: &Arguments<'_>) -> Result<Option<bool>, Error> {
        if self.root.file_len(from).is_none() && from != NOTHING {
            return Ok(Some(false));
        }
        let to = self.within(from, to);
        if self.root.exists(&to) && arguments.has('n') {
            return Ok(Some(true));
        }
        let Some(owner) = self.owner(arguments.value('o'), arguments.value('g'), Owner::ROOT) else {
            return Ok(Some(false));
        };
        let kept = self.root.mode(from).unwrap_or(0o644);
        let mode = if name == "install" { arguments.value('m').and_then(octal).unwrap_or(0o755) } else { kept };
        match from {
            NOTHING => self.root.write(&to, mode, owner, "")?,
            _ => self.root.copy(from, &to, mode, owner)?,
        }
        Ok(Some(true))
    }

    fn link(&mut self, target: &str, link: &str, arguments: &Arguments<'_>) -> Result<Option<bool>, Error> {
        let is_replaced = arguments.has('n') || arguments.has('T');
        let link = if is_replaced && self.root.link_target(link).is_some() {
            link.to_owned()
        } else {
            self.within(target, link)
        };
        if self.root.has_name(&link) && !arguments.has('f') {
            return Ok(Some(false));
        }
        self.root.link(&link, target)?;
        Ok(Some(true))
    }

    /// Returns where `cp` or `ln` puts something: into a directory under its own name, or just there.
    fn within(&self, from: &str, to: &str) -> String {
        match self.root.is_directory(to) {
            true => format!("{}/{}", to.trim_end_matches('/'), from.rsplit('/').next().unwrap_or(from)),
            false => to.to_owned(),
        }
    }

    fn change_mode(&mut self, mode: &str, paths: &[&str]) -> Result<Option<bool>, Error> {
        for path in paths {
            let (Some(before), Some(owner)) = (self.root.mode(path), self.root.owner(path)) else {
                return Ok(Some(false));
            };
            let Some(mode) = changed_mode(before, mode) else { return Ok(None) };
            self.root.set_owner(path, mode, owner)?;
        }
        Ok(Some(true))
    }

    fn change_owner(&mut self, changes: &Changes<'_>, paths: &[&str], is_deep: bool) -> Result<Option<bool>, Error> {
        for path in paths {
            let places = if is_deep { self.root.paths_below(path) } else { vec![(*path).to_owned()] };
            for place in places {
                let (Some(mode), Some(before)) = (self.root.mode(&place), self.root.owner(&place)) else {
                    return Ok(Some(false));
                };
                let Some(owner) = self.owner(changes.user, changes.group, before) else { return Ok(Some(false)) };
                self.root.set_owner(&place, mode, owner)?;
            }
        }
        Ok(Some(true))
    }

    /// See [`owner_by_names`].
    fn owner(&self, user: Option<&str>, group: Option<&str>, before: Owner) -> Option<Owner> {
        owner_by_names(user, group, before, self.accounts)
    }
}

fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns the mode that a file of mode `before` has after `chmod`: an octal one, or `u+s`, `go-w`, `a=r` and the like.
fn changed_mode(before: u16, change: &str) -> Option<u16> {
    if let Some(mode) = octal(change) {
        return Some(mode);
    }
    change.split(',').try_fold(before, |mode, clause| {
        let at = clause.find(['+', '-', '='])?;
        let (who, operation) = (&clause[..at], clause.as_bytes()[at]);
        let all = who.is_empty() || who.contains('a');
        let whom = |letter| all || who.contains(letter);
        let mask = u16::from(whom('u')) * 0o700 + u16::from(whom('g')) * 0o070 + u16::from(whom('o')) * 0o007;
        let special = u16::from(whom('u')) * 0o4000 + u16::from(whom('g')) * 0o2000;
        let bits = clause[at + 1..].chars().try_fold(0, |bits, letter| {
            Some(
                bits | match letter {
                    'r' => 0o444 & mask,
                    'w' => 0o222 & mask,
                    'x' => 0o111 & mask,
                    'X' if before & 0o111 != 0 => 0o111 & mask,
                    'X' => 0,
                    's' => special,
                    't' => 0o1000,
                    _ => return None,
                },
            )
        })?;
        Some(match operation {
            b'+' => mode | bits,
            b'-' => mode & !bits,
            _ => (mode & !mask) | bits,
        })
    })
}

fn octal(text: &str) -> Option<u16> {
    u16::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777)
}

/// The arguments of a program: options of one letter, and the rest.
struct Arguments<'c> {
    options: Vec<(char, &'c str)>,
    paths: Vec<&'c str>,
}

/// Options of `install` and `mkdir` that have a value, and long ones of `ucf`.
const WITH_VALUE: [char; 3] = ['m', 'o', 'g'];
const LONG_WITH_VALUE: [(&str, char); 7] = [
    ("--mode", 'm'),
    ("--owner", 'o'),
    ("--group", 'g'),
    ("--sum-file", ' '),
    ("--conf-file", ' '),
    ("--state-dir", ' '),
    ("--suffix", ' '),
];

impl<'c> Arguments<'c> {
    fn parse(command: &'c Command) -> Arguments<'c> {
        let has_values = matches!(command.name(), "install" | "mkdir");
        let mut found = Arguments { options: Vec::new(), paths: Vec::new() };
        let mut words = command.arguments().iter().map(String::as_str);
        while let Some(word) = words.next() {
            if word == "--" {
                found.paths.extend(words.by_ref());
            } else if let Some((_, letter)) = LONG_WITH_VALUE.iter().find(|(option, _)| *option == word) {
                found.options.push((*letter, words.next().unwrap_or_default()));
            } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
                if !letters.starts_with('-') {
                    found.short(letters, has_values, &mut words);
                }
            } else {
                found.paths.push(word);
            }
        }
        found
    }

    fn short(&mut self, letters: &'c str, has_values: bool, words: &mut impl Iterator<Item = &'c str>) {
        for (at, letter) in letters.char_indices() {
            if has_values && WITH_VALUE.contains(&letter) {
                let rest = &letters[at + 1..];
                let value = if rest.is_empty() { words.next().unwrap_or_default() } else { rest };
                self.options.push((letter, value));
                return;
            }
            self.options.push((letter, ""));
        }
    }

    fn has(&self, letter: char) -> bool {
        self.options.iter().any(|(option, _)| *option == letter)
    }

    fn value(&self, letter: char) -> Option<&'c str> {
        self.options.iter().find(|(option, _)| *option == letter).map(|(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{Extents, MemoryBlobs, Tree};

    /// Writes one line per path: `mode uid:gid path`, and the target of a link or the text of a file.
    fn shown(root: &Root<'_>) -> Vec<String> {
        let line = |path: String| {
            let Owner { uid, gid } = root.owner(&path).unwrap_or_default();
            let tail = match (root.link_target(&path), root.file_len(&path)) {
                (Some(target), _) => return format!("{path} -> {target}"),
                (None, Some(_)) => format!(" {:?}", root.text(&path).unwrap().unwrap()),
                (None, None) => String::new(),
            };
            format!("{:04o} {uid}:{gid} {path}{tail}", root.mode(&path).unwrap_or(0))
        };
        root.paths_below("/").into_iter().map(line).collect()
    }

    /// Runs a script over a small root, and shows what it has then and had not before.
    fn check(script: &str, expected: &str) {
        let blobs = MemoryBlobs::new();
        let mut root = Root::new(Tree::default(), &blobs, 0);
        root.write_text("/etc/group", "root:x:0:\nmail:x:8:\nadm:x:4:\n").unwrap();
        root.write_text("/etc/passwd", "root:x:0:0:::\nweb:x:33:33:::\n").unwrap();
        root.write_text("/usr/share/x/default.conf", "default").unwrap();
        root.directory("/var/lib", 0o755, Owner::ROOT).unwrap();
        root.directory("/var/lock", 0o1777, Owner::ROOT).unwrap();
        let before = shown(&root);
        let accounts = Accounts::of(&root).unwrap();
        let control = BTreeMap::from([("postinst".to_owned(), Extents::from_bytes(script.to_owned()))]);
        let package = Package::new("Package: x\nVersion: 1\nArchitecture: all\n".to_owned(), control).unwrap();
        file_commands(&mut root, &[package], &accounts).unwrap();
        let new = shown(&root).into_iter().filter(|line| !before.contains(line));
        assert_eq!(new.map(|line| format!("{line}\n")).collect::<String>(), expected, "{script}");
    }

    #[test]
    fn what_is_certain_is_done() {
        check(
            "mkdir -p /srv/a /srv/b\nchown web:adm /srv/b\nchmod 2775 /srv/b\nchgrp mail /srv/a\nchmod o-x,g+s /srv/a\n",
            "0755 0:0 /srv\n2754 0:8 /srv/a\n2775 33:4 /srv/b\n",
        );
        check("umask 077\ntouch /etc/secret\numask 022\n", "0600 0:0 /etc/secret \"\"\n");
        check("install -d -m 0750 -o web -g adm /srv\n: > /srv/x\n", "0750 33:4 /srv\n0644 0:0 /srv/x \"\"\n");
        check(
            "if [ ! -e /etc/x.conf ]; then cp -p /usr/share/x/default.conf /etc/x.conf; fi\n\
             if [ -e /etc/x.conf ]; then chmod 600 /etc/x.conf || true; fi\n",
            "0600 0:0 /etc/x.conf \"default\"\n",
        );
        check("rmdir /var/lock\nln -s /run/lock /var/lock\n", "/var/lock -> /run/lock\n");
    }

    #[test]
    fn texts_are_written() {
        check(
            "cat > /etc/hosts <<-EOF\n\t127.0.0.1 localhost\n\tEOF\n",
            "0644 0:0 /etc/hosts \"127.0.0.1 localhost\\n\"\n",
        );
        check(
            "n=web\numask 027\ncat <<END >/etc/a\n$n \\$n \"q\" `which $n`\nEND\ncat > /etc/b <<'END'\n$n\nEND\n\
             echo \"# $n\"  x >> /etc/a\n",
            "0640 0:0 /etc/a \"web $n \\\"q\\\" \\n# web x\\n\"\n0640 0:0 /etc/b \"$n\\n\"\n",
        );
        check("chmod 600 /etc/passwd\necho x > /etc/passwd\n", "0600 0:0 /etc/passwd \"x\\n\"\n");
        check("cat > /etc/a <<END\n$(date)\nEND\necho -e a > /etc/b\nif ask; then echo a > /etc/c; fi\n", "");
        check("{ echo a; } > /etc/a\n( cat ) > /etc/b <<END\nx\nEND\n", "");
    }

    #[test]
    fn a_question_of_the_package_has_its_default() {
        let script = "db_get x/update\nif [ \"$RET\" = true ]; then\n touch /etc/update\nfi\n\
             if db_get x/other && [ \"$RET\" ]; then\n touch /etc/other\nfi\n";
        let templates = "Template: x/update\nType: boolean\nDefault: true\n";
        let control = [("postinst", script), ("templates", templates)];
        let control = control.map(|(name, text)| (name.to_owned(), Extents::from_bytes(text)));
        let package = Package::new("Package: x\nVersion: 1\nArchitecture: all\n".to_owned(), control.into()).unwrap();
        let blobs = MemoryBlobs::new();
        let mut root = Root::new(Tree::default(), &blobs, 0);
        file_commands(&mut root, &[package], &Accounts::default()).unwrap();
        assert_eq!(root.paths_below("/"), ["/", "/etc", "/etc/update"]);
    }

    #[test]
    fn a_profile_gets_an_empty_file_beside_it() {
        check(
            "LOCAL=/etc/apparmor.d/local/x\ntest -e \"$LOCAL\" || {\n mkdir -p `dirname \"$LOCAL\"`\n \
             install --mode 644 /dev/null \"$LOCAL\"\n}\n",
            "0755 0:0 /etc/apparmor.d\n0755 0:0 /etc/apparmor.d/local\n0644 0:0 /etc/apparmor.d/local/x \"\"\n",
        );
    }

    #[test]
    fn a_program_gets_capabilities_or_is_of_root() {
        let script = "program=$(dpkg-divert --truename /usr/bin/ping)\nif command -v setcap >/dev/null; then\n \
             if setcap cap_net_raw+ep $program; then chmod u-s $program; else chmod u+s $program; fi\n\
             else\n chmod u+s $program\nfi\n";
        let blobs = MemoryBlobs::new();
        let mode_and_xattrs = |has_setcap: bool| {
            let mut root = Root::new(Tree::default(), &blobs, 0);
            root.write("/usr/bin/ping", 0o755, Owner::ROOT, "x").unwrap();
            if has_setcap {
                root.write("/usr/sbin/setcap", 0o755, Owner::ROOT, "x").unwrap();
            }
            let control = BTreeMap::from([("postinst".to_owned(), Extents::from_bytes(script))]);
            let package = Package::new("Package: x\nVersion: 1\nArchitecture: all\n".to_owned(), control).unwrap();
            file_commands(&mut root, &[package], &Accounts::default()).unwrap();
            let entry = root.tree().get(&crate::TreePath::parse("usr/bin/ping").unwrap()).unwrap();
            (entry.metadata.mode, entry.metadata.xattrs.len())
        };
        assert_eq!((mode_and_xattrs(true), mode_and_xattrs(false)), ((0o755, 1), (0o4755, 0)));
    }

    #[test]
    fn files_are_moved_and_removed() {
        let made = "touch /etc/a /etc/b\nln -s a /etc/link\n";
        check(
            &format!("{made}mv /etc/a /srv/new\nmv -f /etc/link /etc/b\n"),
            "/etc/b -> a\n0755 0:0 /srv\n0644 0:0 /srv/new \"\"\n",
        );
        check(
            &format!("{made}mv /etc/a /var/lib\nrm -f /etc/link /etc/none\nrm /etc/b\n"),
            "0644 0:0 /var/lib/a \"\"\n",
        );
        check("mkdir /srv\nmv /srv /var/lib\nrm -rf /srv\nrm /srv\n", "0755 0:0 /srv\n");
    }

    #[test]
    fn a_script_that_claims_a_path_diverts_it() {
        // What dash does: the link is made under another name, and takes the place of the old one.
        let script = "claim() {\n dfile=$1 distrib=${3:-$dfile.distrib}\n diverter=$(dpkg-divert --listpackage $dfile)\n \
            truename=$(dpkg-divert --truename $dfile)\n if [ \"$diverter\" = x ]; then\n  return\n fi\n \
            dpkg-divert --package x --no-rename --divert $distrib --add $dfile\n \
            if [ -n \"$truename\" ]; then\n  rm -f \"$truename\"\n fi\n ln -sf $2 $dfile.tmp\n mv -f $dfile.tmp $dfile\n}\n\
            claim /usr/share/x/default.conf default\nclaim /usr/share/x/default.conf other\n";
        check(
            script,
            "/usr/share/x/default.conf -> default\n0755 0:0 /var/lib/dpkg\n0644 0:0 /var/lib/dpkg/diversions \
             \"/usr/share/x/default.conf\\n/usr/share/x/default.conf.distrib\\nx\\n\"\n",
        );
    }

    #[test]
    fn ucf_remembers_its_files() {
        check(
            "ucf --three-way --sum-file /usr/share/x/sums /usr/share/x/default.conf /etc/x.conf\nucfr x /etc/x.conf\n",
            "0644 0:0 /etc/x.conf \"default\"\n0755 0:0 /var/lib/ucf\n0755 0:0 /var/lib/ucf/cache\n\
             0644 0:0 /var/lib/ucf/cache/:etc:x.conf \"default\"\n\
             0644 0:0 /var/lib/ucf/hashfile \"c21f969b5f03d33d43e04f8f136e7682  /etc/x.conf\\n\"\n\
             0644 0:0 /var/lib/ucf/registry \"x \\t /etc/x.conf\\n\"\n",
        );
    }

    #[test]
    fn an_override_is_added_once() {
        let add = "if ! dpkg-statoverride --list /usr/share/x/default.conf >/dev/null; then\n\
                   dpkg-statoverride --update --add root mail 4754 /usr/share/x/default.conf; fi\n";
        check(
            &format!("{add}{add}"),
            "4754 0:8 /usr/share/x/default.conf \"default\"\n0755 0:0 /var/lib/dpkg\n\
             0644 0:0 /var/lib/dpkg/statoverride \"root mail 4754 /usr/share/x/default.conf\\n\"\n",
        );
    }

    #[test]
    fn questions_decide_what_is_done() {
        let tool = "touch /usr/bin/tool\nchmod 755 /usr/bin/tool\n";
        let made = "0755 0:0 /usr/bin\n0755 0:0 /usr/bin/tool \"\"\n";
        let asks = "if [ -x \"$(command -v tool)\" ]; then mkdir /srv; fi\n";
        check(&format!("{tool}{asks}"), &format!("0755 0:0 /srv\n{made}"));
        check(asks, "");
        // Overrides are taken whatever a program would have said before.
        check(
            "tool -p | grep -q x || dpkg-statoverride --update --add web adm 0750 /var/lock\n",
            "0755 0:0 /var/lib/dpkg\n0644 0:0 /var/lib/dpkg/statoverride \"web adm 750 /var/lock\\n\"\n0750 33:4 /var/lock\n",
        );
    }

    #[test]
    fn nothing_else_is_done() {
        check(
            "adduser x\nrm -rf /etc\nmkdir relative\nmkdir /proc/x\nif asked; then mkdir /srv; fi\ncp /nowhere /etc/x\n",
            "",
        );
    }
}
