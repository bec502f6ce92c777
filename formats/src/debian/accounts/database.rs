//! The files of users and groups: `passwd`, `shadow`, `group`, `gshadow`, read and written whole.

use std::collections::BTreeSet;

/// All users and groups, in the order of the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Database {
    pub(super) users: Vec<UserEntry>,
    pub(super) groups: Vec<GroupEntry>,
}

/// A line of `passwd` and one of `shadow`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UserEntry {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) comment: String,
    pub(super) home: String,
    pub(super) shell: String,
    /// The password, hashed; `*` or what begins with `!` fits none.
    pub(super) password: String,
    pub(super) ageing: Ageing,
}

/// What `shadow` says about the age of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ageing {
    /// As login.defs(5) has it for people: change whenever, valid for ever, warn a week before.
    Person,
    /// Nothing, as for users of services.
    Service,
    /// The account expired in 1970.
    Locked,
}

/// A line of `group` and one of `gshadow`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GroupEntry {
    pub(super) name: String,
    pub(super) gid: u32,
    pub(super) members: Vec<String>,
    pub(super) password: String,
}

impl Database {
    /// Reads `passwd` and `group`, and the passwords of `shadow` where there is one. Lines that are malformed are left out.
    pub(super) fn parse(passwd: &str, group: &str, shadow: &str) -> Database {
        let mut users: Vec<UserEntry> = passwd.lines().filter_map(UserEntry::parse).collect();
        for line in shadow.lines() {
            let fields: Vec<&str> = line.split(':').collect();
            let [name, password, _, least, .., expires, _] = fields.as_slice() else { continue };
            if let Some(user) = users.iter_mut().find(|user| user.name == *name) {
                user.password = (*password).to_owned();
                user.ageing = match (*least, *expires) {
                    (_, "1") => Ageing::Locked,
                    ("", _) => Ageing::Service,
                    _ => Ageing::Person,
                };
            }
        }
        Database { users, groups: group.lines().filter_map(GroupEntry::parse).collect() }
    }

    pub(super) fn user(&self, name: &str) -> Option<&UserEntry> {
        self.users.iter().find(|user| user.name == name)
    }

    pub(super) fn group(&self, name: &str) -> Option<&GroupEntry> {
        self.groups.iter().find(|group| group.name == name)
    }

    /// Returns the number of a group that is given by name or by number.
    pub(super) fn gid(&self, group: &str) -> Option<u32> {
        self.group(group).map(|group| group.gid).or_else(|| group.parse().ok())
    }

    pub(super) fn uids(&self) -> BTreeSet<u32> {
        self.users.iter().map(|user| user.uid).collect()
    }

    pub(super) fn gids(&self) -> BTreeSet<u32> {
        self.groups.iter().map(|group| group.gid).collect()
    }

    /// Adds a user, unless one of its fields cannot stand in the file: a colon or a line break would make more fields or users of
    /// it. The programs that make users refuse these, too.
    pub(super) fn add_user(&mut self, user: UserEntry) {
        if is_name(&user.name) && [&user.comment, &user.home, &user.shell].into_iter().all(|field| is_field(field)) {
            self.users.push(user);
        }
    }

    /// Adds a group, unless its name cannot stand in the file.
    pub(super) fn add_group(&mut self, group: GroupEntry) {
        if is_name(&group.name) {
            self.groups.push(group);
        }
    }

    /// Makes a user a member of a group, if both are there.
    pub(super) fn join(&mut self, user: &str, group: &str) {
        let is_there = self.user(user).is_some();
        if let Some(group) = self.groups.iter_mut().find(|entry| is_there && entry.name == group)
            && !group.members.iter().any(|member| member == user)
        {
            group.members.push(user.to_owned());
        }
    }

    pub(super) fn passwd(&self) -> String {
        let line = |user: &UserEntry| {
            let UserEntry { name, uid, gid, comment, home, shell, .. } = user;
            format!("{name}:x:{uid}:{gid}:{comment}:{home}:{shell}\n")
        };
        self.users.iter().map(line).collect()
    }

    /// Returns `shadow`; `day` is that of the last change of all passwords, in days since 1970.
    pub(super) fn shadow(&self, day: i64) -> String {
        let line = |user: &UserEntry| format!("{}:{}:{day}:{}\n", user.name, user.password, user.ageing.fields());
        self.users.iter().map(line).collect()
    }

    pub(super) fn group_file(&self) -> String {
        let line = |group: &GroupEntry| format!("{}:x:{}:{}\n", group.name, group.gid, group.members.join(","));
        self.groups.iter().map(line).collect()
    }

    pub(super) fn gshadow(&self) -> String {
        let line = |group: &GroupEntry| format!("{}:{}::{}\n", group.name, group.password, group.members.join(","));
        self.groups.iter().map(line).collect()
    }
}

/// Whether a text can be a field of the files.
fn is_field(text: &str) -> bool {
    !text.contains(|c: char| c == ':' || c.is_control())
}

/// Whether a text can be a name in the files, also among the members of a group.
fn is_name(text: &str) -> bool {
    !text.is_empty() && is_field(text) && !text.contains(|c: char| matches!(c, ',' | '/') || c.is_whitespace())
}

impl UserEntry {
    fn parse(line: &str) -> Option<UserEntry> {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, uid, gid, comment, home, shell] = fields.as_slice() else { return None };
        Some(UserEntry {
            name: (*name).to_owned(),
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
            comment: (*comment).to_owned(),
            home: (*home).to_owned(),
            shell: (*shell).to_owned(),
            password: "*".to_owned(),
            ageing: Ageing::Person,
        })
    }
}

impl GroupEntry {
    /// Returns a group without members.
    pub(super) fn new(name: &str, gid: u32, password: &str) -> GroupEntry {
        GroupEntry { name: name.to_owned(), gid, members: Vec::new(), password: password.to_owned() }
    }

    fn parse(line: &str) -> Option<GroupEntry> {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, gid, members] = fields.as_slice() else { return None };
        let members = members.split(',').filter(|member| !member.is_empty()).map(str::to_owned).collect();
        Some(GroupEntry { members, ..GroupEntry::new(name, gid.parse().ok()?, "*") })
    }
}

impl Ageing {
    /// Returns the fields after the day of the last change, shadow(5).
    fn fields(self) -> &'static str {
        match self {
            Ageing::Person => "0:99999:7:::",
            Ageing::Service => ":::::",
            Ageing::Locked => "::::1:",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_written_as_they_were_read() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nweb:x:33:33::/var/www:/usr/sbin/nologin\n";
        let group = "root:x:0:\nweb:x:33:alice,bob\n";
        let shadow = "root:$6$a$b:7:0:99999:7:::\nweb:!*:7:::::1:\n";
        let database = Database::parse(&format!("{passwd}broken\n"), group, shadow);
        assert_eq!(database.passwd(), passwd);
        assert_eq!(database.group_file(), group);
        assert_eq!(database.shadow(7), shadow);
        assert_eq!(database.gshadow(), "root:*::\nweb:*::alice,bob\n");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(passwd in "[a-z0-9:\n]{0,80}", shadow in "[a-z0-9:\n]{0,80}") {
            Database::parse(&passwd, &passwd, &shadow);
        }
    }
}
