//! Users and groups: `/etc/passwd`, `group`, `shadow`, `gshadow`, and homes.
//!
//! They come from four places, in this order, as on a machine where packages are installed one after another; whoever is
//! there already stays:
//!
//! 1. the masters of `base-passwd`, or the files that are in the root already;
//! 2. calls of `adduser` and the like in scripts ([`called`]), before the same script calls `systemd-sysusers`;
//! 3. `sysusers.d`, as far as scripts call `systemd-sysusers` for a file ([`sysusers`]);
//! 4. all other calls in scripts;
//! 5. the rest of `sysusers.d`, which a machine would read when it starts.
//!
//! What the configuration declares comes last, and overrides ([`User`], [`Group`]).

mod called;
mod database;
mod declared;
mod sysusers;

use std::collections::BTreeMap;

pub use declared::{AccountsError, Group, User};

use self::called::Home;
use self::database::Database;
use super::scripts::{self, Stage};
use super::{Error, Owner, Package, Root};
use crate::{Kind, TreePath};

const SECONDS_OF_A_DAY: i64 = 86_400;

/// The group that may read hashed passwords, as `base-passwd` numbers it.
const SHADOW_GID: u32 = 42;

/// Subordinate numbers of people: the first, and how many each has, as login.defs(5) of Debian has them.
const FIRST_SUBORDINATE: u32 = 100_000;
const N_SUBORDINATES: u32 = 65_536;

/// The numbers of users and groups by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    uids: BTreeMap<String, u32>,
    gids: BTreeMap<String, u32>,
}

impl Accounts {
    /// Returns the number of a user.
    pub fn uid(&self, name: &str) -> Option<u32> {
        self.uids.get(name).copied()
    }

    /// Returns the number of a group.
    pub fn gid(&self, name: &str) -> Option<u32> {
        self.gids.get(name).copied()
    }

    /// Reads the users and groups of a root.
    ///
    /// # Errors
    /// `/etc/passwd` or `/etc/group` cannot be read.
    pub fn of(root: &Root<'_>) -> Result<Accounts, Error> {
        let text = |path: &str| root.text(path).map(Option::unwrap_or_default);
        Ok(Accounts::from(&Database::parse(&text("/etc/passwd")?, &text("/etc/group")?, "")))
    }

    fn from(database: &Database) -> Accounts {
        Accounts {
            uids: database.users.iter().map(|user| (user.name.clone(), user.uid)).collect(),
            gids: database.groups.iter().map(|group| (group.name.clone(), group.gid)).collect(),
        }
    }
}

/// Writes the users and groups of the packages and of the configuration, with their homes.
///
/// # Errors
/// A user names a group that is not there, a number is used twice, or the root cannot be read or written.
pub fn accounts(
    root: &mut Root<'_>,
    packages: &[Package],
    users: &[User],
    groups: &[Group],
) -> Result<Accounts, AccountsError> {
    let mut database = masters(root)?;
    let homes = of_packages(root, packages, &mut database)?;
    declared::apply(users, groups, &mut database)?;
    write_files(root, &database)?;
    write_subordinates(root, users, &database)?;
    for home in homes {
        make_service_home(root, &home, &database)?;
    }
    for user in users.iter().filter(|user| user.creates_home) {
        make_home(root, user, &database)?;
    }
    Ok(Accounts::from(&database))
}

/// Returns the users and groups that every system has.
fn masters(root: &Root<'_>) -> Result<Database, Error> {
    let text = |path: &str, otherwise: &str, last: &str| -> Result<String, Error> {
        let text = match root.text(path)? {
            Some(text) => Some(text),
            None => root.text(otherwise)?,
        };
        Ok(text.unwrap_or_else(|| last.to_owned()))
    };
    let passwd = text("/etc/passwd", "/usr/share/base-passwd/passwd.master", "root:*:0:0:root:/root:/bin/sh\n")?;
    let group = text("/etc/group", "/usr/share/base-passwd/group.master", "root:*:0:\n")?;
    Ok(Database::parse(&passwd, &group, &root.text("/etc/shadow")?.unwrap_or_default()))
}

/// Makes what packages need; returns the homes that their scripts make.
fn of_packages(root: &Root<'_>, packages: &[Package], database: &mut Database) -> Result<Vec<Home>, Error> {
    let (mut first, mut calls) = (Vec::new(), Vec::new());
    for package in packages {
        for (name, stage) in [("preinst", Stage::Install), ("postinst", Stage::Configure)] {
            if let Some(script) = package.text(name, root.blobs())? {
                let mut commands = scripts::commands_of(&script, stage);
                if let Some(at) = commands.iter().rposition(|call| call.name() == "systemd-sysusers") {
                    first.extend(commands.drain(..at));
                }
                calls.extend(commands);
            }
        }
    }
    let (mut early, mut late) = (Vec::new(), Vec::new());
    for (name, path) in sysusers::files(root) {
        let is_called = |call: &scripts::Command| call.name() == "systemd-sysusers" && call.words.contains(&name);
        let lines = sysusers::parse(&root.text(&path)?.unwrap_or_default());
        if first.iter().chain(&calls).any(is_called) { early.extend(lines) } else { late.extend(lines) }
    }
    let known = packages.iter().flat_map(|package| called::known(&package.name));
    let mut homes: Vec<Home> = first.iter().filter_map(|call| called::apply(call, database)).collect();
    sysusers::apply(&early, database, root);
    homes.extend(calls.iter().filter_map(|call| called::apply(call, database)));
    sysusers::apply(&late, database, root);
    known.for_each(|call| drop(called::apply(&call, database)));
    Ok(homes)
}

/// Whether a command of a script is one of those that make users and groups here, under whatever condition.
pub(super) fn is_known(command: &scripts::Command) -> bool {
    command.name() == "systemd-sysusers" || called::is_known(command)
}

/// Whether a package is known to make a user or a group that its script does not say plainly.
pub(super) fn has_known_calls(package: &str) -> bool {
    called::known(package).next().is_some()
}

fn write_files(root: &mut Root<'_>, database: &Database) -> Result<(), Error> {
    let day = root.time() / SECONDS_OF_A_DAY;
    let shadow = Owner { uid: 0, gid: database.gid("shadow").unwrap_or(SHADOW_GID) };
    root.write_text("/etc/passwd", database.passwd())?;
    root.write_text("/etc/group", database.group_file())?;
    root.write("/etc/shadow", 0o640, shadow, database.shadow(day))?;
    root.write("/etc/gshadow", 0o640, shadow, database.gshadow())
}

/// Writes the subordinate numbers of declared users that are people.
fn write_subordinates(root: &mut Root<'_>, users: &[User], database: &Database) -> Result<(), Error> {
    let people = users.iter().filter(|user| database.user(&user.name).is_some_and(|entry| entry.uid >= 1000));
    let firsts = (FIRST_SUBORDINATE..).step_by(N_SUBORDINATES as usize);
    let lines = people.zip(firsts).map(|(user, first)| format!("{}:{first}:{N_SUBORDINATES}\n", user.name));
    let lines: String = lines.collect();
    root.write_text("/etc/subuid", lines.clone())?;
    root.write_text("/etc/subgid", lines)
}

/// Makes the home of a service, as `adduser --system` does.
fn make_service_home(root: &mut Root<'_>, home: &Home, database: &Database) -> Result<(), Error> {
    match database.user(&home.user) {
        Some(user) if !root.exists(&home.path) => {
            root.directory(&home.path, 0o755, Owner { uid: user.uid, gid: user.gid })
        }
        _ => Ok(()),
    }
}

/// Makes the home of a declared user from `/etc/skel`; what is there stays. The home of `root` is left alone if it is there.
fn make_home(root: &mut Root<'_>, user: &User, database: &Database) -> Result<(), Error> {
    let home = user.home_directory.as_str();
    let Some(entry) = database.user(&user.name) else { return Ok(()) };
    if root.exists(home) && entry.uid == 0 {
        return Ok(());
    }
    let owner = Owner { uid: entry.uid, gid: entry.gid };
    root.directory(home, 0o700, owner)?;
    let skeleton = TreePath::parse("etc/skel").expect("the name is a path");
    let below = root.tree().below(&skeleton).filter(|(path, ..)| **path != skeleton);
    let entries: Vec<_> = below.map(|(path, _, entry)| (path.to_string(), entry.clone())).collect();
    for (path, entry) in entries {
        let target = format!("{home}{}", path.strip_prefix("/etc/skel").unwrap_or(&path));
        if root.has_name(&target) {
            continue;
        }
        match &entry.kind {
            Kind::Directory => root.directory(&target, entry.metadata.mode, owner)?,
            Kind::Symlink(link) => root.link(&target, String::from_utf8_lossy(link))?,
            Kind::File(_) => root.copy(&path, &target, entry.metadata.mode, owner)?,
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
