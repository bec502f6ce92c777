//! Directories and links that `systemd-tmpfiles --create` makes when a package is configured, tmpfiles.d(5).
//!
//! ```text
//! d  /etc/credstore   0700 root root     a directory, or its mode and owner where it is there
//! L+ /etc/mtab        - - - - target     a link, in place of what is there
//! f  /var/lib/x/state 0640 root adm - on  a file, unless it is there
//! C  /etc/pam.d       - - - -             a copy, of what is below /usr/share/factory if the line does not say
//! z  /var/log/journal 2755 root adm      mode and owner of what is there; Z: and of all below
//! ```
//! Scripts name the files whose lines are applied. Lines for `/run` and the like are left to the machine, which applies them at
//! every start anyway; so are lines with specifiers, and those that want a credential.

use super::scripts::{self, Command, Stage, Visitor};
use super::{Accounts, Error, Owner, Package, Root};

/// Where files of a name are; what comes first counts.
const FOLDERS: [&str; 2] = ["/etc/tmpfiles.d", "/usr/lib/tmpfiles.d"];
/// Directories of a running machine.
const RUNNING: [&str; 5] = ["/run/", "/tmp/", "/proc/", "/sys/", "/dev/"];

/// Applies the lines that the packages' scripts ask for.
///
/// # Errors
/// A file cannot be read, or the root cannot be written.
pub fn tmpfiles(root: &mut Root<'_>, packages: &[Package], accounts: &Accounts) -> Result<(), Error> {
    for name in asked_for(root, packages)? {
        let paths = FOLDERS.map(|folder| format!("{folder}/{name}"));
        let Some(path) = paths.iter().find(|path| root.exists(path)) else { continue };
        let text = root.text(path)?.unwrap_or_default();
        for line in text.lines().filter_map(|line| Line::parse(line, accounts)) {
            line.apply(root)?;
        }
    }
    Ok(())
}

/// Returns the names of the files that scripts apply, in their order.
fn asked_for(root: &Root<'_>, packages: &[Package]) -> Result<Vec<String>, Error> {
    let mut collector = Collector(Vec::new());
    for package in packages {
        if let Some(script) = package.text("postinst", root.blobs())? {
            scripts::read(&script, Stage::Configure, &mut collector);
        }
    }
    Ok(collector.0)
}

struct Collector(Vec<String>);

impl Visitor for Collector {
    fn visit(&mut self, command: &Command) -> Option<bool> {
        let creates = command.name() == "systemd-tmpfiles" && command.arguments().iter().any(|word| word == "--create");
        if creates && command.is_literal {
            let files = command.arguments().iter().filter(|word| word.ends_with(".conf"));
            self.0.extend(files.map(|file| file.rsplit('/').next().unwrap_or(file).to_owned()));
        }
        creates.then_some(true)
    }
}

/// A line that matters at rest.
struct Line {
    action: Action,
    path: String,
    mode: Setting<u16>,
    uid: Setting<u32>,
    gid: Setting<u32>,
}

enum Action {
    Directory,
    Link { target: String, replaces: bool },
    File { text: String, replaces: bool },
    Copy { from: String },
    Adjust { is_deep: bool },
}

/// A mode, a user or a group.
#[derive(Clone, Copy)]
enum Setting<T> {
    /// What is there stays as it is, and what is new is as usual (`-`).
    Usual,
    /// It is for what is new only (`:x`).
    New(T),
    /// It is for what is there as well.
    All(T),
}

impl<T: Copy> Setting<T> {
    /// Reads a field; none where `parse` does not know its value.
    fn parse(field: Option<&str>, parse: impl Fn(&str) -> Option<T>) -> Option<Setting<T>> {
        Some(match field {
            None => Setting::Usual,
            Some(field) => match field.strip_prefix(':') {
                Some(value) => Setting::New(parse(value)?),
                None => Setting::All(parse(field)?),
            },
        })
    }

    fn for_new(self, usual: T) -> T {
        match self {
            Setting::Usual => usual,
            Setting::New(value) | Setting::All(value) => value,
        }
    }

    fn for_old(self, old: T) -> T {
        match self {
            Setting::All(value) => value,
            Setting::Usual | Setting::New(_) => old,
        }
    }
}

/// The mode of new directories where a line has none.
const DIRECTORY_MODE: u16 = 0o755;
/// The mode of new files where a line has none.
const FILE_MODE: u16 = 0o644;
/// Where what is to be copied is, if a line does not say.
const FACTORY: &str = "/usr/share/factory";

impl Line {
    /// Reads a line; none for what does not matter here.
    fn parse(line: &str, accounts: &Accounts) -> Option<Line> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let word = |at: usize| words.get(at).copied().filter(|word| *word != "-");
        let (kind, path) = (*words.first()?, word(1)?);
        let is_for_later = RUNNING.iter().any(|folder| format!("{path}/").starts_with(folder));
        if is_for_later || path.contains(['%', '*', '?', '[']) || kind.contains(['!', '^']) {
            return None;
        }
        let mode = |digits: &str| u16::from_str_radix(digits.trim_start_matches('~'), 8).ok();
        Some(Line {
            action: Action::parse(kind.trim_end_matches(['-', '=', '$', '~']), path, argument(line))?,
            path: path.to_owned(),
            mode: Setting::parse(word(2), mode)?,
            uid: Setting::parse(word(3), |name| name.parse().ok().or_else(|| accounts.uid(name)))?,
            gid: Setting::parse(word(4), |name| name.parse().ok().or_else(|| accounts.gid(name)))?,
        })
    }

    fn apply(self, root: &mut Root<'_>) -> Result<(), Error> {
        let is_there = root.has_name(&self.path);
        let owner = Owner { uid: self.uid.for_new(0), gid: self.gid.for_new(0) };
        match &self.action {
            Action::Directory | Action::Adjust { .. } if is_there && !root.exists(&self.path) => Ok(()),
            Action::Directory if is_there && root.is_directory(&self.path) => self.adjust(root, &self.path),
            // What else is there stays, as systemd-tmpfiles has it.
            Action::Directory if is_there => Ok(()),
            Action::Directory => root.directory(&self.path, self.mode.for_new(DIRECTORY_MODE), owner),
            Action::Adjust { is_deep: false } => self.adjust(root, &self.path),
            Action::Adjust { is_deep: true } => {
                root.paths_below(&self.path).iter().try_for_each(|path| self.adjust(root, path))
            }
            Action::Link { replaces, .. } | Action::File { replaces, .. } if is_there && !replaces => Ok(()),
            // What is a directory stays one, as systemd-tmpfiles has it.
            Action::Link { .. } | Action::File { .. } if root.is_directory(&self.path) => Ok(()),
            Action::Link { target, .. } => root.link(&self.path, target.clone()),
            Action::File { text, .. } => {
                root.write(&self.path, self.mode.for_new(FILE_MODE), owner, text.clone().into_bytes())
            }
            Action::Copy { .. } if is_there => Ok(()),
            Action::Copy { from } => self.copy(root, from, owner),
        }
    }

    /// Gives what is there the mode and the owner of the line. A link of the tree itself has neither.
    fn adjust(&self, root: &mut Root<'_>, path: &str) -> Result<(), Error> {
        let is_below = path != self.path;
        let Some((mode, owner)) = root.mode(path).zip(root.owner(path)) else { return Ok(()) };
        if is_below && root.link_target(path).is_some() {
            return Ok(());
        }
        let owner = Owner { uid: self.uid.for_old(owner.uid), gid: self.gid.for_old(owner.gid) };
        root.set_owner(path, self.mode.for_old(mode), owner)
    }

    /// Copies a file, or a directory with all that is in it, which keeps its modes and owners.
    fn copy(&self, root: &mut Root<'_>, from: &str, owner: Owner) -> Result<(), Error> {
        let Some(from) = root.real_path(from) else { return Ok(()) };
        for source in root.paths_below(&from) {
            let below = source.strip_prefix(&from).unwrap_or_default();
            let path = format!("{}{below}", self.path);
            let Some((own_mode, own_owner)) = root.mode(&source).zip(root.owner(&source)) else { continue };
            let is_top = below.is_empty();
            let (mode, owner) = if is_top { (self.mode.for_new(own_mode), owner) } else { (own_mode, own_owner) };
            match root.link_target(&source) {
                Some(target) => root.link(&path, target)?,
                None if root.is_directory(&source) => root.directory(&path, mode, owner)?,
                None if root.content(&source).is_some() => root.copy(&source, &path, mode, owner)?,
                None => {}
            }
        }
        Ok(())
    }
}

impl Action {
    /// Returns what a kind of line does, of those that matter here.
    fn parse(kind: &str, path: &str, argument: &str) -> Option<Action> {
        let replaces = kind.ends_with('+');
        let is_given = !matches!(argument, "" | "-");
        Some(match kind {
            "d" | "D" | "q" | "Q" | "v" => Action::Directory,
            "L" | "L+" if is_given => Action::Link { target: argument.to_owned(), replaces },
            "L" | "L+" => Action::Link { target: format!("{FACTORY}{path}"), replaces },
            "f" | "f+" | "F" => Action::File { text: text_of(argument, is_given)?, replaces: replaces || kind == "F" },
            "C" if is_given => Action::Copy { from: argument.to_owned() },
            "C" => Action::Copy { from: format!("{FACTORY}{path}") },
            "z" | "m" | "e" => Action::Adjust { is_deep: false },
            "Z" => Action::Adjust { is_deep: true },
            _ => return None,
        })
    }
}

/// Returns what is behind the sixth field of a line.
fn argument(line: &str) -> &str {
    let skip = |rest: &'_ str| -> usize { rest.find(char::is_whitespace).unwrap_or(rest.len()) };
    let mut rest = line.trim();
    for _ in 0..6 {
        rest = rest[skip(rest)..].trim_start();
    }
    rest
}

/// Returns the text of a new file. One with specifiers or rarer escapes is left to the machine.
fn text_of(argument: &str, is_given: bool) -> Option<String> {
    if !is_given {
        return Some(String::new());
    }
    let mut text = String::new();
    let mut letters = argument.chars();
    while let Some(letter) = letters.next() {
        text.push(match letter {
            '%' => return None,
            '\\' => match letters.next()? {
                'n' => '\n',
                't' => '\t',
                '\\' => '\\',
                _ => return None,
            },
            other => other,
        });
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Extents, MemoryBlobs, Tree};

    const LINES: &str = "# a comment\n\
        d /etc/credstore 0700 root root\n\
        d /etc/present :0700 root :adm\n\
        d- /srv/own 02775 mail adm 10d\n\
        d /run/lock 1777\n\
        d /var/nobody 0755 nobody-knows root\n\
        L+ /etc/mtab - - - - ../proc/self/mounts\n\
        L /etc/present/link - - - - elsewhere\n\
        z /var/log/journal 2755 root adm - -\n\
        z /var/log/missing 2755 root adm\n\
        L! /forcefsck - - - - x\n\
        f^ /etc/hosts - - - - network.hosts\n\
        z /var/log/journal/%m 0700 root root\n\
        z /var/log/journal/owned - - adm\n\
        d /var/log/journal/owned 0750 - -\n\
        Z /var/log/deep 0640 mail -\n\
        f /etc/state 0640 root adm - one two\\n\n\
        f /etc/present/link - - - - nothing\n\
        f+ /etc/replaced - - - - new\n\
        f /etc/later - - - - %m\n\
        C /etc/from-factory - - adm -\n\
        C /etc/copied 0600 - - - /usr/share/factory/etc/from-factory/a\n\
        C /etc/nothing - - - - /nowhere\n";

    /// Returns the tree as lines after the lines were applied to a root with a few things in it.
    fn applied(postinst: &str) -> String {
        let blobs = MemoryBlobs::new();
        let mut root = Root::new(Tree::default(), &blobs, 0);
        root.write_text("/usr/lib/tmpfiles.d/a.conf", LINES).unwrap();
        root.write_text("/etc/passwd", "root:x:0:0:::\nmail:x:8:8:::\n").unwrap();
        root.write_text("/etc/group", "root:x:0:\nadm:x:4:\n").unwrap();
        root.write_text("/etc/present/link", "a file").unwrap();
        root.write_text("/etc/replaced", "old").unwrap();
        root.write_text("/usr/share/factory/etc/from-factory/a", "the factory's").unwrap();
        root.link("/usr/share/factory/etc/from-factory/b", "a").unwrap();
        root.directory("/var/log/journal", 0o755, Owner::ROOT).unwrap();
        root.directory("/var/log/journal/owned", 0o700, Owner { uid: 8, gid: 8 }).unwrap();
        root.write_text("/var/log/deep/down", "").unwrap();
        let control = [("postinst".to_owned(), Extents::from_bytes(postinst.to_owned()))].into();
        let package = Package::new("Package: a\nVersion: 1\nArchitecture: all\n".to_owned(), control).unwrap();
        let accounts = Accounts::of(&root).unwrap();
        tmpfiles(&mut root, &[package], &accounts).unwrap();
        let line = |path: &str| {
            let place = crate::TreePath::parse(path).unwrap();
            let metadata = root.tree().get(&place).map(|entry| &entry.metadata);
            let shown = metadata.map(|data| format!("{:o} {}:{}", data.mode, data.uid, data.gid));
            let content = root.link_target(path).or_else(|| root.text(path).ok().flatten()).unwrap_or_default();
            let text = format!("{path} {} {}", shown.unwrap_or_default(), content.escape_debug());
            text.trim_end().to_owned() + "\n"
        };
        let paths = [
            "/etc/credstore",
            "/etc/present",
            "/etc/present/link",
            "/srv/own",
            "/run/lock",
            "/var/nobody",
            "/etc/mtab",
            "/var/log/journal",
            "/var/log/journal/owned",
            "/var/log/deep",
            "/var/log/deep/down",
            "/etc/state",
            "/etc/replaced",
            "/etc/later",
            "/etc/from-factory",
            "/etc/from-factory/a",
            "/etc/from-factory/b",
            "/etc/copied",
            "/etc/nothing",
            "/forcefsck",
            "/etc/hosts",
        ];
        paths.map(line).concat()
    }

    const CREATE: &str = "if [ \"$1\" = configure ]; then\n\
        if [ -x \"$(command -v systemd-tmpfiles)\" ]; then\n\
        systemd-tmpfiles ${DPKG_ROOT:+--root=\"$DPKG_ROOT\"} --create a.conf missing.conf || true\nfi\nfi\n";

    #[test]
    fn lines_that_matter_at_rest_are_applied() {
        assert_eq!(
            applied(CREATE),
            "/etc/credstore 700 0:0\n\
             /etc/present 755 0:0\n\
             /etc/present/link 644 0:0 a file\n\
             /srv/own 2775 8:4\n\
             /run/lock\n\
             /var/nobody\n\
             /etc/mtab 777 0:0 ../proc/self/mounts\n\
             /var/log/journal 2755 0:4\n\
             /var/log/journal/owned 750 8:4\n\
             /var/log/deep 640 8:0\n\
             /var/log/deep/down 640 8:0\n\
             /etc/state 640 0:4 one two\\n\n\
             /etc/replaced 644 0:0 new\n\
             /etc/later\n\
             /etc/from-factory 755 0:4\n\
             /etc/from-factory/a 644 0:0 the factory\\'s\n\
             /etc/from-factory/b 777 0:0 a\n\
             /etc/copied 600 0:0 the factory\\'s\n\
             /etc/nothing\n\
             /forcefsck\n\
             /etc/hosts\n"
        );
    }

    #[test]
    fn only_files_that_scripts_name_are_applied() {
        assert!(applied("systemd-tmpfiles --clean a.conf\n").contains("/etc/credstore\n"));
    }

    proptest::proptest! {
        #[test]
        fn no_line_makes_the_reader_panic(line in "[dLzZfCF+!^$: /%0-9a-z\\\\-]{0,40}") {
            let blobs = MemoryBlobs::new();
            let root = Root::new(Tree::default(), &blobs, 0);
            let _ = Line::parse(&line, &Accounts::of(&root).unwrap());
        }
    }
}
