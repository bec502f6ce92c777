//! Users and groups that packages declare in `sysusers.d`, sysusers.d(5).
//!
//! All groups are made first and then all users, each in the order of the files, as `systemd-sysusers` does. A number that is
//! not given is the highest free one below 1000, the same for a user and for the group of its name.

use super::super::Root;
use super::database::{Ageing, Database, GroupEntry, UserEntry};

/// Where declarations are, what is earlier hides files of the same name in what is later.
const DIRECTORIES: [&str; 3] = ["/etc/sysusers.d", "/usr/local/lib/sysusers.d", "/usr/lib/sysusers.d"];

/// The highest number of a user of the system.
const HIGHEST: u32 = 999;

const NO_LOGIN: &str = "/usr/sbin/nologin";

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// `u`: a user and a group.
    User(UserLine),
    /// `g`: a group.
    Group { name: String, id: Id },
    /// `m`: a user becomes a member of a group; both are made if they are missing.
    Member { user: String, group: String },
    /// `r`: numbers from which others are taken.
    Range { lowest: u32, highest: u32 },
}

/// A line that begins with `u` or `u!`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UserLine {
    pub(super) name: String,
    pub(super) id: Id,
    /// The primary group, if it is not the one of the same name.
    pub(super) group: Option<String>,
    pub(super) comment: String,
    pub(super) home: String,
    pub(super) shell: String,
    pub(super) is_locked: bool,
}

/// How a number is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Id {
    /// Any that is free.
    Free,
    /// This one, if it is free.
    Number(u32),
    /// The one that owns this file, if it is free.
    OwnerOf(String),
}

/// Returns the names of the files with declarations, in their order, with the paths to read.
pub(super) fn files(root: &Root<'_>) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = Vec::new();
    for directory in DIRECTORIES {
        for name in root.names(directory).into_iter().filter(|name| name.ends_with(".conf")) {
            if !files.iter().any(|(seen, _)| *seen == name) {
                files.push((name.clone(), format!("{directory}/{name}")));
            }
        }
    }
    files.sort();
    files
}

/// Reads declarations; lines of unknown types are left out.
pub(super) fn parse(text: &str) -> Vec<Line> {
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Line> {
    let line = line.trim();
    if line.starts_with('#') {
        return None;
    }
    let words = words(line);
    let field = |number: usize| words.get(number).map(String::as_str).filter(|word| !matches!(*word, "" | "-"));
    let name = field(1).map(specified);
    match field(0)? {
        kind @ ("u" | "u!") => Some(Line::User(user_line(kind, name?, &words))),
        "g" => Some(Line::Group { name: name?, id: id(field(2)) }),
        "m" => Some(Line::Member { user: name?, group: specified(field(2)?) }),
        "r" => {
            let (lowest, highest) = field(2)?.split_once('-').unwrap_or((field(2)?, field(2)?));
            Some(Line::Range { lowest: lowest.parse().ok()?, highest: highest.parse().ok()? })
        }
        _ => None,
    }
}

fn user_line(kind: &str, name: String, words: &[String]) -> UserLine {
    let field = |number: usize| words.get(number).map(String::as_str).filter(|word| !matches!(*word, "" | "-"));
    let given = field(2).unwrap_or("-");
    let (uid, group) = match given.split_once(':').filter(|_| !given.starts_with('/')) {
        Some((uid, group)) => (uid, Some(group.to_owned())),
        None => (given, None),
    };
    let is_root = name == "root";
    let (home, shell) = if is_root { ("/root", "/bin/bash") } else { ("/", NO_LOGIN) };
    UserLine {
        id: id(Some(uid)),
        group,
        comment: field(3).map(specified).unwrap_or_default(),
        home: field(4).map_or_else(|| home.to_owned(), specified),
        shell: field(5).map_or_else(|| shell.to_owned(), specified),
        is_locked: kind.ends_with('!'),
        name,
    }
}

fn id(text: Option<&str>) -> Id {
    match text {
        None | Some("-") => Id::Free,
        Some(path) if path.starts_with('/') => Id::OwnerOf(path.to_owned()),
        Some(number) => number.parse().map_or(Id::Free, Id::Number),
    }
}

/// Replaces the specifiers that mean the same on every system. The others (of a running machine) stay as they are.
fn specified(text: &str) -> String {
    text.replace("%T", "/tmp").replace("%V", "/var/tmp").replace("%%", "%")
}

/// Splits a line at blanks; quotes keep blanks, and a backslash what follows it.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut current, mut quote): (_, Option<String>, Option<char>) = (Vec::new(), None, None);
    let mut characters = line.chars();
    while let Some(next) = characters.next() {
        match (next, quote) {
            (_, Some(open)) if next == open => quote = None,
            ('\\', _) => current.get_or_insert_default().extend(characters.next()),
            (_, Some(_)) => current.get_or_insert_default().push(next),
            ('"' | '\'', None) => {
                quote = Some(next);
                current.get_or_insert_default();
            }
            (blank, None) if blank.is_whitespace() => words.extend(current.take()),
            _ => current.get_or_insert_default().push(next),
        }
    }
    words.extend(current);
    words
}

/// Makes what is declared, as far as it is not there.
pub(super) fn apply(lines: &[Line], database: &mut Database, root: &Root<'_>) {
    let ranges = lines.iter().filter_map(|line| match line {
        Line::Range { lowest, highest } => Some((*lowest, *highest)),
        _ => None,
    });
    let mut maker = Maker { ranges: ranges.collect(), lines, database, root };
    if maker.ranges.is_empty() {
        maker.ranges.push((1, HIGHEST));
    }
    for line in lines {
        match line {
            Line::Group { name, id } => drop(maker.group(name, id, None)),
            Line::Member { group, .. } => drop(maker.group(group, &Id::Free, None)),
            _ => {}
        }
    }
    for line in lines {
        match line {
            Line::User(user) => maker.user(user),
            Line::Member { user, .. } if !maker.declares(user) => maker.user(&user_line("u", user.clone(), &[])),
            _ => {}
        }
    }
    for line in lines {
        if let Line::Member { user, group } = line {
            maker.database.join(user, group);
        }
    }
}

struct Maker<'a, 'r> {
    ranges: Vec<(u32, u32)>,
    lines: &'a [Line],
    database: &'a mut Database,
    root: &'a Root<'r>,
}

impl Maker<'_, '_> {
    fn declares(&self, name: &str) -> bool {
        self.lines.iter().any(|line| matches!(line, Line::User(user) if user.name == name))
    }

    /// Makes a group; `uid` is the number of the user of the same name, if that is known. Returns its number.
    fn group(&mut self, name: &str, id: &Id, uid: Option<u32>) -> u32 {
        if let Some(group) = self.database.group(name) {
            return group.gid;
        }
        let wanted = self.number(id, |owner| owner.gid).filter(|gid| !self.database.gids().contains(gid));
        let gid = wanted.or(uid.filter(|uid| self.is_free(*uid, name))).unwrap_or_else(|| self.highest_free(name));
        self.database.add_group(GroupEntry::new(name, gid, "!*"));
        gid
    }

    fn user(&mut self, line: &UserLine) {
        if self.database.user(&line.name).is_some() {
            return;
        }
        let wanted = self.number(&line.id, |owner| owner.uid);
        let gid = match line.group.as_deref().map(|group| self.database.gid(group).unwrap_or(0)) {
            Some(gid) => gid,
            None => self.group(&line.name, &Id::Free, wanted),
        };
        let used = self.database.uids();
        let uid = wanted.filter(|uid| !used.contains(uid));
        let uid = uid.or(Some(gid).filter(|gid| self.is_free_uid(*gid, &line.name)));
        let uid = uid.unwrap_or_else(|| self.highest_free(&line.name));
        self.database.add_user(UserEntry {
            name: line.name.clone(),
            uid,
            gid,
            comment: line.comment.clone(),
            home: line.home.clone(),
            shell: line.shell.clone(),
            password: "!*".to_owned(),
            ageing: if line.is_locked { Ageing::Locked } else { Ageing::Service },
        });
    }

    fn number(&self, id: &Id, of: impl Fn(super::super::Owner) -> u32) -> Option<u32> {
        match id {
            Id::Free => None,
            Id::Number(number) => Some(*number),
            Id::OwnerOf(path) => self.root.owner(path).map(of).filter(|&number| number != 0),
        }
    }

    /// Whether a number is free as that of a user, and as that of a group but for the one of the same name.
    fn is_free_uid(&self, id: u32, name: &str) -> bool {
        let is_other = |group: &GroupEntry| group.gid == id && group.name != name;
        !self.database.uids().contains(&id) && !self.database.groups.iter().any(is_other)
    }

    /// Whether a number is free as that of a group, and as that of a user but for the one of the same name.
    fn is_free(&self, id: u32, name: &str) -> bool {
        let is_other = |user: &UserEntry| user.uid == id && user.name != name;
        !self.database.gids().contains(&id) && !self.database.users.iter().any(is_other)
    }

    /// Returns the highest number that no user and no group has.
    fn highest_free(&self, name: &str) -> u32 {
        let numbers = self.ranges.iter().rev().flat_map(|&(lowest, highest)| (lowest..=highest).rev());
        let mut free = numbers.filter(|&id| self.is_free(id, name) && self.is_free_uid(id, name));
        free.next().unwrap_or(HIGHEST + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryBlobs, Tree};

    fn check(declarations: &str, expected: &str) {
        let blobs = MemoryBlobs::new();
        let mut root = Root::new(Tree::default(), &blobs, 0);
        root.write("/var/lib/old", 0o644, super::super::super::Owner { uid: 77, gid: 78 }, "").unwrap();
        let mut database = Database::parse("nobody:x:65534:65534::/:/x\n", "nogroup:x:65534:\nmail:x:998:\n", "");
        apply(&parse(declarations), &mut database, &root);
        let new = |text: String, old: &str| text.split_once(old).map(|(_, new)| new.to_owned()).unwrap();
        let users = new(database.passwd(), "nobody:x:65534:65534::/:/x\n");
        let groups = new(database.group_file(), "nogroup:x:65534:\n");
        assert_eq!(format!("{users}--\n{groups}"), expected, "{declarations}");
    }

    #[test]
    fn groups_come_first_and_numbers_fall() {
        check(
            "u web - \"Web server\" /var/www\ng kvm -\n# comment\nu! sleep 5\n",
            "web:x:997:997:Web server:/var/www:/usr/sbin/nologin\nsleep:x:5:5::/:/usr/sbin/nologin\n--\n\
             mail:x:998:\nkvm:x:999:\nweb:x:997:\nsleep:x:5:\n",
        );
    }

    #[test]
    fn a_primary_group_is_given_by_name_or_by_number() {
        check(
            "u sshd -:nogroup 'a b' /run/sshd\nu games 5:998 - /g /bin/sh\n",
            "sshd:x:999:65534:a b:/run/sshd:/usr/sbin/nologin\ngames:x:5:998::/g:/bin/sh\n--\nmail:x:998:\n",
        );
    }

    #[test]
    fn members_are_made() {
        check("m web mail\n", "web:x:999:999::/:/usr/sbin/nologin\n--\nmail:x:998:web\nweb:x:999:\n");
    }

    #[test]
    fn numbers_come_from_files_and_ranges() {
        check(
            "r - 500-501\nu old /var/lib/old\nu new -\n",
            "old:x:77:77::/:/usr/sbin/nologin\nnew:x:501:501::/:/usr/sbin/nologin\n--\nmail:x:998:\nold:x:77:\nnew:x:501:\n",
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "[ugmr!:/ \"'\\\\a0-9\n-]{0,100}") {
            parse(&text);
        }
    }
}
