//! Users and groups that maintainer scripts make: calls of `adduser`, `addgroup`, `useradd`, `groupadd` and the like whose words
//! are known.
//!
//! A number that is not given is the lowest free one from 100 upwards for `adduser`, chosen for users and for groups apart,
//! and the highest free one below 1000 for `useradd -r`.

use std::collections::BTreeSet;

use super::database::{Ageing, Database, GroupEntry, UserEntry};
use crate::debian::scripts::Command;

/// Numbers of the system, as adduser.conf(5) and login.defs(5) have them.
const SYSTEM_IDS: std::ops::RangeInclusive<u32> = 100..=999;

const NO_LOGIN: &str = "/usr/sbin/nologin";

/// What packages make whose scripts do not say it plainly; used for what is missing after all else.
const TABLE: [(&str, &str); 8] = [
    ("openssh-client", "addgroup --system _ssh"),
    ("openssh-server", "adduser --system --no-create-home --home /run/sshd sshd"),
    ("dbus-system-bus-common", "adduser --system --home /nonexistent --group messagebus"),
    ("udev", "addgroup --system input"),
    ("udev", "addgroup --system kvm"),
    ("udev", "addgroup --system render"),
    ("chrony", "adduser --system --group --no-create-home --home /var/lib/chrony _chrony"),
    ("postfix", "adduser --system --group --no-create-home --home /var/spool/postfix postfix"),
];

/// A home that a call makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Home {
    pub(super) path: String,
    pub(super) user: String,
}

/// Returns the calls that a package is known to make, though its script may not show them.
pub(super) fn known(package: &str) -> impl Iterator<Item = Command> {
    let calls = TABLE.iter().filter(move |(name, _)| *name == package);
    calls.map(|(_, call)| Command {
        words: call.split(' ').map(str::to_owned).collect(),
        is_literal: true,
        ..Command::default()
    })
}

/// Makes what a call makes; nothing if it is another command, or if the name is not known. Returns the home to make.
pub(super) fn apply(command: &Command, database: &mut Database) -> Option<Home> {
    let options = Options::parse(command)?;
    match (Call::of(command, &options)?, options.names.as_slice()) {
        (Call::Join, [user, group]) => database.join(user, group),
        (Call::AddGroup, [name]) => add_group(name, &options, database),
        (Call::AddUser, [name]) => return add_user(name, &options, database),
        (Call::JoinSeveral, [user]) => {
            let groups = options.value("groups").unwrap_or_default();
            groups.split(',').for_each(|group| database.join(user, group));
        }
        (Call::AddMember, [group]) => database.join(options.value("add")?, group),
        _ => {}
    }
    None
}

/// Whether this is a call that is applied.
pub(super) fn is_known(command: &Command) -> bool {
    Options::parse(command).is_some_and(|options| Call::of(command, &options).is_some())
}

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    AddUser,
    AddGroup,
    Join,
    JoinSeveral,
    AddMember,
}

impl Call {
    fn of(command: &Command, options: &Options<'_>) -> Option<Call> {
        let call = match (command.name(), options.names.as_slice()) {
            ("adduser", [_, _]) => Call::Join,
            ("adduser", [_]) if options.has("group") && !options.has("system") => Call::AddGroup,
            ("addgroup", [_]) => Call::AddGroup,
            ("groupadd", [_]) if options.has("system") => Call::AddGroup,
            ("adduser" | "useradd", [_]) if options.has("system") => Call::AddUser,
            ("usermod", [_]) if options.has("append") => Call::JoinSeveral,
            ("gpasswd", [_]) if options.value("add").is_some() => Call::AddMember,
            _ => return None,
        };
        Some(call)
    }
}

fn add_group(name: &str, options: &Options<'_>, database: &mut Database) {
    if database.group(name).is_none() {
        let gid = options.id(&["gid"], &database.gids());
        database.add_group(GroupEntry::new(name, gid, "!"));
    }
}

fn add_user(name: &str, options: &Options<'_>, database: &mut Database) -> Option<Home> {
    if database.user(name).is_some() {
        return None;
    }
    let uid = options.id(&["uid"], &database.uids());
    let group = options.value("ingroup").or(options.value("gid"));
    let has_own_group =
        options.has("group") || (options.is_useradd && group.is_none() && !options.has("no-user-group"));
    let gid = match group {
        Some(group) => database.gid(group)?,
        None if has_own_group => {
            let same = Some(uid).filter(|uid| options.is_useradd && !database.gids().contains(uid));
            let gid = same.unwrap_or_else(|| options.id(&[], &database.gids()));
            if database.group(name).is_none() {
                database.add_group(GroupEntry::new(name, gid, "!"));
            }
            database.gid(name)?
        }
        None => database.gid("nogroup")?,
    };
    let default_home = if options.is_useradd { format!("/home/{name}") } else { "/nonexistent".to_owned() };
    let home = options.value("home").map_or(default_home, str::to_owned);
    database.add_user(UserEntry {
        name: name.to_owned(),
        uid,
        gid,
        comment: options.value("gecos").unwrap_or_default().to_owned(),
        home: home.clone(),
        shell: options.value("shell").unwrap_or(if options.is_useradd { "/bin/sh" } else { NO_LOGIN }).to_owned(),
        password: "!".to_owned(),
        ageing: Ageing::Service,
    });
    for group in options.value("groups").unwrap_or_default().split(',') {
        database.join(name, group);
    }
    let is_made = if options.is_useradd { options.has("create-home") } else { !options.has("no-create-home") };
    (is_made && home != "/nonexistent").then(|| Home { path: home, user: name.to_owned() })
}

/// The options of a call, by their long names.
struct Options<'c> {
    options: Vec<(&'static str, &'c str)>,
    names: Vec<&'c str>,
    is_useradd: bool,
}

/// Options of `adduser` and `addgroup`, and whether they have a value.
const ADDUSER: [(&str, &str, bool); 18] = [
    ("--system", "system", false),
    ("--group", "group", false),
    ("--no-create-home", "no-create-home", false),
    ("--home", "home", true),
    ("--shell", "shell", true),
    ("--gecos", "gecos", true),
    ("--comment", "gecos", true),
    ("--uid", "uid", true),
    ("--gid", "gid", true),
    ("--ingroup", "ingroup", true),
    ("-u", "uid", true),
    ("-g", "gid", true),
    ("--firstuid", "", true),
    ("--lastuid", "", true),
    ("--firstgid", "", true),
    ("--lastgid", "", true),
    ("--conf", "", true),
    ("--add_extra_groups", "", false),
];

/// Options of `useradd`, `groupadd`, `usermod` and `gpasswd`, and whether they have a value.
const USERADD: [(&str, &str, bool); 31] = [
    ("--system", "system", false),
    ("-r", "system", false),
    ("--home-dir", "home", true),
    ("--home", "home", true),
    ("-d", "home", true),
    ("--shell", "shell", true),
    ("-s", "shell", true),
    ("--comment", "gecos", true),
    ("-c", "gecos", true),
    ("--uid", "uid", true),
    ("-u", "uid", true),
    ("--gid", "gid", true),
    ("-g", "gid", true),
    ("--groups", "groups", true),
    ("-G", "groups", true),
    ("--append", "append", false),
    ("--add", "add", true),
    ("--create-home", "create-home", false),
    ("-m", "create-home", false),
    ("--no-create-home", "no-create-home", false),
    ("-M", "no-create-home", false),
    ("--user-group", "group", false),
    ("-U", "group", false),
    ("--no-user-group", "no-user-group", false),
    ("-N", "no-user-group", false),
    ("--key", "", true),
    ("-K", "", true),
    ("--password", "", true),
    ("-p", "", true),
    ("-e", "", true),
    ("-f", "", false),
];

impl<'c> Options<'c> {
    /// Reads the arguments of a call of one of the programs; none for another command, or if a name is not known.
    fn parse(command: &'c Command) -> Option<Options<'c>> {
        let table: &[(&str, &'static str, bool)] = match command.name() {
            "adduser" | "addgroup" => &ADDUSER,
            "useradd" | "groupadd" | "usermod" | "gpasswd" => &USERADD,
            _ => return None,
        };
        let is_useradd = table.len() == USERADD.len();
        let mut found = Options { options: Vec::new(), names: Vec::new(), is_useradd };
        let is_known = |word: &&str| command.is_literal || !word.contains(['$', '`']);
        let mut words = command.arguments().iter().map(String::as_str);
        while let Some(word) = words.next() {
            let (option, value) = match word.split_once('=').filter(|_| word.starts_with("--")) {
                Some((option, value)) => (option, Some(value)),
                None => (word, None),
            };
            match table.iter().find(|(spelling, ..)| *spelling == option) {
                Some((_, name, false)) => found.options.push((name, "")),
                Some((_, name, true)) => {
                    let value = value.or_else(|| words.next())?;
                    found.options.extend(Some((*name, value)).filter(|(_, value)| is_known(value)));
                }
                None if command.name() == "gpasswd" && word == "-a" => found.options.push(("add", words.next()?)),
                None if word == "-a" => found.options.push(("append", "")),
                None if word == "-aG" => found.options.extend([("append", ""), ("groups", words.next()?)]),
                None if is_useradd && word.starts_with('-') && !word.starts_with("--") => found.cluster(word, table),
                None if word.starts_with('-') => {}
                None => found.names.push(word),
            }
        }
        found.names.iter().all(is_known).then_some(found)
    }

    /// Reads options without values that are written together, as `-rM`.
    fn cluster(&mut self, word: &str, table: &[(&str, &'static str, bool)]) {
        for letter in word.chars().skip(1) {
            let spelling = format!("-{letter}");
            let option = table.iter().find(|(option, _, has_value)| *option == spelling && !has_value);
            self.options.extend(option.map(|(_, name, _)| (*name, "")));
        }
    }

    fn has(&self, name: &str) -> bool {
        self.options.iter().any(|(option, _)| *option == name)
    }

    fn value(&self, name: &str) -> Option<&'c str> {
        self.options.iter().find(|(option, _)| *option == name).map(|(_, value)| *value)
    }

    /// Returns the number that one of these options gives, or a free one.
    fn id(&self, options: &[&str], used: &BTreeSet<u32>) -> u32 {
        let given = options.iter().find_map(|option| self.value(option)?.parse().ok());
        let is_free = |id: &u32| !used.contains(id);
        let free = match self.is_useradd {
            true => SYSTEM_IDS.rev().find(is_free),
            false => SYSTEM_IDS.clone().find(is_free),
        };
        given.or(free).unwrap_or(*SYSTEM_IDS.end() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debian::scripts;

    fn check(script: &str, expected: &str) {
        let mut database = Database::parse("", "nogroup:x:65534:\nusers:x:100:\n", "");
        let homes: Vec<Home> =
            scripts::commands(script).iter().filter_map(|command| apply(command, &mut database)).collect();
        let homes: String = homes.iter().map(|home| format!("{} of {}\n", home.path, home.user)).collect();
        let groups = database.group_file();
        let groups = groups.strip_prefix("nogroup:x:65534:\n").unwrap();
        assert_eq!(format!("{}{groups}{homes}", database.passwd()), expected, "{script}");
    }

    #[test]
    fn users_of_adduser() {
        check(
            "adduser --quiet --system --no-create-home --home /run/sshd --shell /usr/sbin/nologin sshd\n",
            "sshd:x:100:65534::/run/sshd:/usr/sbin/nologin\nusers:x:100:\n",
        );
        check(
            "USER=_x\nif ! getent passwd $USER; then\nadduser --system --home=/var/lib/x --gecos 'X y' \\\n --group \"$USER\"\nfi\n",
            "_x:x:100:101:X y:/var/lib/x:/usr/sbin/nologin\nusers:x:100:\n_x:x:101:\n/var/lib/x of _x\n",
        );
    }

    #[test]
    fn users_of_useradd() {
        check("useradd -rM -d /srv -s /bin/false web\n", "web:x:999:999::/srv:/bin/false\nusers:x:100:\nweb:x:999:\n");
    }

    #[test]
    fn groups_and_members() {
        check(
            "addgroup --system --quiet --force-badname _ssh\naddgroup --system --gid 7 seven\n\
             adduser --system --ingroup _ssh a\nadduser a users\nusermod -a -G seven a\nadduser b users\n",
            "a:x:100:101::/nonexistent:/usr/sbin/nologin\nusers:x:100:a\n_ssh:x:101:\nseven:x:7:a\n",
        );
    }

    #[test]
    fn what_is_not_known_is_left() {
        check(
            "adduser --system $1\nadduser --system \"$(name)\"\nadduser person\n",
            "configure:x:100:65534::/nonexistent:/usr/sbin/nologin\nusers:x:100:\n",
        );
    }

    proptest::proptest! {
        #[test]
        fn any_call_is_read(words in proptest::collection::vec("(adduser|useradd|gpasswd|-a|-aG|--home=|--uid|--system|x|)", 0..8)) {
            apply(&Command { words, ..Command::default() }, &mut Database::default());
        }
    }
}
