//! Directories and links that `systemd-tmpfiles --create` makes when a package is configured, tmpfiles.d(5).
//!
//! ```text
//! d  /etc/credstore   0700 root root     a directory, or its mode and owner where it is there
//! L+ /etc/mtab        - - - - target     a link, in place of what is there
//! z  /var/log/journal 2755 root adm      mode and owner of what is there
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
    /// None: as it is, or the usual one.
    mode: Option<u16>,
    owner: Owner,
    /// Whether mode and owner are for what is made only.
    keeps_old: bool,
}

enum Action {
    Directory,
    Link { target: String, replaces: bool },
    Adjust,
}

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
        let (mode, [user, group]) = (word(2), [word(3), word(4)]);
        let id = |name: Option<&str>, ids: &dyn Fn(&str) -> Option<u32>| match name {
            None => Some(0),
            Some(name) => name.trim_start_matches(':').parse().ok().or_else(|| ids(name.trim_start_matches(':'))),
        };
        let action = match kind.trim_end_matches(['-', '=', '$', '~']) {
            "d" | "D" | "q" | "Q" | "v" => Action::Directory,
            "L" => Action::Link { target: words.get(6)?.to_string(), replaces: false },
            "L+" => Action::Link { target: words.get(6)?.to_string(), replaces: true },
            "z" => Action::Adjust,
            _ => return None,
        };
        Some(Line {
            action,
            path: path.to_owned(),
            mode: mode.and_then(|digits| u16::from_str_radix(digits.trim_start_matches([':', '~']), 8).ok()),
            owner: Owner { uid: id(user, &|name| accounts.uid(name))?, gid: id(group, &|name| accounts.gid(name))? },
            keeps_old: mode.is_some_and(|mode| mode.starts_with(':')),
        })
    }

    fn apply(self, root: &mut Root<'_>) -> Result<(), Error> {
        let is_there = root.exists(&self.path);
        match self.action {
            Action::Directory if is_there && (self.keeps_old || self.mode.is_none()) => Ok(()),
            Action::Directory => root.directory(&self.path, self.mode.unwrap_or(0o755), self.owner),
            Action::Adjust => match self.mode.filter(|_| is_there) {
                Some(mode) => root.set_owner(&self.path, mode, self.owner),
                None => Ok(()),
            },
            Action::Link { replaces, .. } if root.has_name(&self.path) && !replaces => Ok(()),
            // What is a directory stays one, as systemd-tmpfiles has it.
            Action::Link { .. } if root.is_directory(&self.path) => Ok(()),
            Action::Link { target, .. } => root.link(&self.path, target),
        }
    }
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
        z /var/log/journal/%m 0700 root root\n";

    /// Returns the tree as lines after the lines were applied to a root with a few things in it.
    fn applied(postinst: &str) -> String {
        let blobs = MemoryBlobs::new();
        let mut root = Root::new(Tree::default(), &blobs, 0);
        root.write_text("/usr/lib/tmpfiles.d/a.conf", LINES).unwrap();
        root.write_text("/etc/passwd", "root:x:0:0:::\nmail:x:8:8:::\n").unwrap();
        root.write_text("/etc/group", "root:x:0:\nadm:x:4:\n").unwrap();
        root.write_text("/etc/present/link", "a file").unwrap();
        root.directory("/var/log/journal", 0o755, Owner::ROOT).unwrap();
        let control = [("postinst".to_owned(), Extents::from_bytes(postinst.to_owned()))].into();
        let package = Package::new("Package: a\nVersion: 1\nArchitecture: all\n".to_owned(), control).unwrap();
        let accounts = Accounts::of(&root).unwrap();
        tmpfiles(&mut root, &[package], &accounts).unwrap();
        let line = |path: &str| {
            let place = crate::TreePath::parse(path).unwrap();
            let metadata = root.tree().get(&place).map(|entry| &entry.metadata);
            let shown = metadata.map(|data| format!("{:o} {}:{}", data.mode, data.uid, data.gid));
            let text = format!("{path} {} {}", shown.unwrap_or_default(), root.link_target(path).unwrap_or_default());
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
             /etc/present/link 644 0:0\n\
             /srv/own 2775 8:4\n\
             /run/lock\n\
             /var/nobody\n\
             /etc/mtab 777 0:0 ../proc/self/mounts\n\
             /var/log/journal 2755 0:4\n\
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
        fn no_line_makes_the_reader_panic(line in "[dLz+!^$: /%0-9a-z-]{0,40}") {
            let blobs = MemoryBlobs::new();
            let root = Root::new(Tree::default(), &blobs, 0);
            let _ = Line::parse(&line, &Accounts::of(&root).unwrap());
        }
    }
}
