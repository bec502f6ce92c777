//! Owners and modes that are not the package's: `/var/lib/dpkg/statoverride`.

use super::{Accounts, Error, Owner, Root};

const PATH: &str = "/var/lib/dpkg/statoverride";

/// All lines of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Overrides(Vec<String>);

/// A path with its owner and mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Override {
    user: String,
    group: String,
    mode: u16,
    path: String,
}

impl Overrides {
    pub(super) fn read(root: &Root<'_>) -> Result<Overrides, Error> {
        Ok(Overrides(root.text(PATH)?.unwrap_or_default().lines().map(str::to_owned).collect()))
    }

    /// Whether a path is in the file.
    pub(super) fn has(&self, path: &str) -> bool {
        self.0.iter().any(|line| line.splitn(4, ' ').nth(3) == Some(path))
    }
}

impl Override {
    /// Returns what the arguments of `dpkg-statoverride --add` say; none if the mode is not octal.
    pub(super) fn new(user: &str, group: &str, mode: &str, path: &str) -> Option<Override> {
        let mode = u16::from_str_radix(mode, 8).ok()?;
        Some(Override { user: user.to_owned(), group: group.to_owned(), mode, path: path.to_owned() })
    }

    /// Changes what is at the path, and writes the line. Without the user or the group nothing happens.
    pub(super) fn add(&self, root: &mut Root<'_>, accounts: &Accounts) -> Result<(), Error> {
        let (Some(uid), Some(gid)) = (accounts.uid(&self.user), accounts.gid(&self.group)) else { return Ok(()) };
        let mut overrides = Overrides::read(root)?;
        if overrides.has(&self.path) {
            return Ok(());
        }
        root.set_owner(&self.path, self.mode, Owner { uid, gid })?;
        overrides.0.push(format!("{} {} {:o} {}", self.user, self.group, self.mode, self.path));
        root.write_text(PATH, overrides.0.join("\n") + "\n")
    }
}
