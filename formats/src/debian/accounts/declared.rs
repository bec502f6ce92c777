//! Users and groups that the configuration declares itself.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::super::Error;
use super::database::{Ageing, Database, GroupEntry, UserEntry};

/// A user that the configuration declares. One that packages have already, as `root`, is replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Its name.
    pub name: String,
    /// The hash of its password, as crypt(5) writes it; without one no password fits.
    pub password: Option<String>,
    /// Its number; without one that which it had, or the lowest free one from 1000 upwards.
    pub uid: Option<u32>,
    /// Its primary group. The one of its own name is made if there is none.
    pub group: String,
    /// The other groups whose member it is.
    pub supplementary_groups: Vec<String>,
    /// Its full name, or what it is for.
    pub comment: String,
    /// Its home.
    pub home_directory: String,
    /// Whether the home is made, from `/etc/skel`.
    pub creates_home: bool,
    /// Its shell.
    pub shell: String,
}

/// A group that the configuration declares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its number; without one that which it had, or the lowest free one from 1000 upwards.
    pub id: Option<u32>,
}

/// Why users and groups cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountsError {
    /// A user names a group that is not there.
    UnknownGroup {
        /// The user.
        user: String,
        /// The group that it names.
        group: String,
    },
    /// Two users have one number.
    UidTaken {
        /// The user that asks for it.
        user: String,
        /// The number.
        uid: u32,
        /// The user that has it.
        by: String,
    },
    /// Two groups have one number.
    GidTaken {
        /// The group that asks for it.
        group: String,
        /// The number.
        gid: u32,
        /// The group that has it.
        by: String,
    },
    /// A text that would break a line of the files.
    BadText {
        /// The user or the group.
        name: String,
        /// The text with a colon, a line end, or nothing in it.
        text: String,
    },
    /// The root cannot be read or written.
    Root(Error),
}

impl From<Error> for AccountsError {
    fn from(error: Error) -> AccountsError {
        AccountsError::Root(error)
    }
}

impl fmt::Display for AccountsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AccountsError::UnknownGroup { user, group } => {
                write!(f, "user `{user}` is to be in group `{group}`, which there is not")
            }
            AccountsError::UidTaken { user, uid, by } => {
                write!(f, "user `{user}` cannot have the number {uid}: user `{by}` has it")
            }
            AccountsError::GidTaken { group, gid, by } => {
                write!(f, "group `{group}` cannot have the number {gid}: group `{by}` has it")
            }
            AccountsError::BadText { name, text } => {
                write!(f, "account `{name}` cannot be written: `{}` does not fit into a line", text.escape_debug())
            }
            AccountsError::Root(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for AccountsError {}

/// The lowest number of a user or group that is none of the system.
const LOWEST: u32 = 1000;

/// Makes the groups and then the users.
pub(super) fn apply(users: &[User], groups: &[Group], database: &mut Database) -> Result<(), AccountsError> {
    for group in groups {
        check_filled(&group.name, [&group.name])?;
        set_group(&group.name, group.id, groups, database)?;
    }
    for user in users {
        check_filled(&user.name, [&user.name, &user.group, &user.home_directory, &user.shell])?;
        check_line(&user.name, std::iter::once(&user.comment).chain(&user.password))?;
        set_user(user, users, database)?;
    }
    users.iter().try_for_each(|user| join_groups(user, database))
}

/// Checks that texts are not empty and can stand in a line.
fn check_filled<'t>(name: &str, texts: impl IntoIterator<Item = &'t String>) -> Result<(), AccountsError> {
    for text in texts {
        if text.is_empty() {
            return Err(AccountsError::BadText { name: name.to_owned(), text: text.clone() });
        }
        check_line(name, [text])?;
    }
    Ok(())
}

/// Checks that texts can stand in a line. An empty password is one that everybody knows.
fn check_line<'t>(name: &str, texts: impl IntoIterator<Item = &'t String>) -> Result<(), AccountsError> {
    match texts.into_iter().find(|text| text.contains([':', '\n'])) {
        Some(text) => Err(AccountsError::BadText { name: name.to_owned(), text: text.clone() }),
        None => Ok(()),
    }
}

fn join_groups(user: &User, database: &mut Database) -> Result<(), AccountsError> {
    for group in &user.supplementary_groups {
        if database.group(group).is_none() {
            return Err(AccountsError::UnknownGroup { user: user.name.clone(), group: group.clone() });
        }
        database.join(&user.name, group);
    }
    Ok(())
}

fn set_group(name: &str, id: Option<u32>, all: &[Group], database: &mut Database) -> Result<(), AccountsError> {
    if let Some(gid) = id
        && let Some(other) = database.groups.iter().find(|group| group.gid == gid && group.name != name)
    {
        return Err(AccountsError::GidTaken { group: name.to_owned(), gid, by: other.name.clone() });
    }
    let used: BTreeSet<u32> = database.gids().into_iter().chain(all.iter().filter_map(|group| group.id)).collect();
    match database.groups.iter_mut().find(|group| group.name == name) {
        Some(group) => group.gid = id.unwrap_or(group.gid),
        None => database.groups.push(GroupEntry::new(name, id.unwrap_or_else(|| lowest_free(&used)), "!")),
    }
    Ok(())
}

fn set_user(user: &User, all: &[User], database: &mut Database) -> Result<(), AccountsError> {
    let before = database.user(&user.name).cloned();
    let uid = match user.uid.or(before.as_ref().map(|before| before.uid)) {
        Some(uid) => uid,
        None => {
            let declared = all.iter().filter_map(|other| other.uid);
            let mut used: BTreeSet<u32> = database.uids().into_iter().chain(declared).collect();
            if user.group == user.name && database.group(&user.group).is_none() {
                used.extend(database.gids());
            }
            lowest_free(&used)
        }
    };
    if let Some(other) = database.users.iter().find(|other| other.uid == uid && other.name != user.name) {
        return Err(AccountsError::UidTaken { user: user.name.clone(), uid, by: other.name.clone() });
    }
    let gid = primary_group(user, uid, database)?;
    let no_password = before.as_ref().map_or("!", |before| before.password.as_str()).to_owned();
    let entry = UserEntry {
        name: user.name.clone(),
        uid,
        gid,
        comment: user.comment.clone(),
        home: user.home_directory.clone(),
        shell: user.shell.clone(),
        password: user.password.clone().unwrap_or(no_password),
        ageing: Ageing::Person,
    };
    match database.users.iter_mut().find(|other| other.name == user.name) {
        Some(place) => *place = entry,
        None => database.users.push(entry),
    }
    Ok(())
}

/// Returns the number of a user's primary group; the one of its own name is made.
fn primary_group(user: &User, uid: u32, database: &mut Database) -> Result<u32, AccountsError> {
    if let Some(group) = database.group(&user.group) {
        return Ok(group.gid);
    }
    if user.group != user.name {
        return Err(AccountsError::UnknownGroup { user: user.name.clone(), group: user.group.clone() });
    }
    let used = database.gids();
    let gid = if used.contains(&uid) { lowest_free(&used) } else { uid };
    database.groups.push(GroupEntry::new(&user.group, gid, "!"));
    Ok(gid)
}

fn lowest_free(used: &BTreeSet<u32>) -> u32 {
    (LOWEST..).find(|id| !used.contains(id)).expect("there are fewer accounts than numbers")
}
