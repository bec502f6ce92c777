//! Which units of systemd start with the system: the links that `systemctl enable` makes.
//!
//! ```text
//! a unit                              its links below /etc/systemd/system
//! [Install]
//! WantedBy=multi-user.target          multi-user.target.wants/ssh.service -> /usr/lib/systemd/system/ssh.service
//! Alias=sshd.service                  sshd.service -> /usr/lib/systemd/system/ssh.service
//! Also=ssh-keys.service               those of that unit
//! ```
//! First what the packages' scripts enable (`deb-systemd-helper enable`, which asks presets, and `systemctl enable`, which does
//! not), then what the configuration enables, disables and masks; the last word is the configuration's.

mod install;
mod preset;

use serde::{Deserialize, Serialize};

use super::nearest::nearest;
use super::scripts::{self, Command, Stage, Visitor};
use super::{Error, Package, Root};
use install::{Installer, Manager};
use preset::Presets;

/// What a configuration says of units.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enablement {
    /// They start with the system.
    pub enabled: Vec<String>,
    /// They do not, although a package enables them.
    pub disabled: Vec<String>,
    /// Nothing starts them.
    pub masked: Vec<String>,
}

/// Enables and disables the units of packages and of the configuration.
///
/// # Errors
/// The configuration names a unit that is not there, or the root cannot be read or written.
pub fn units(root: &mut Root<'_>, packages: &[Package], enablement: &Enablement) -> Result<(), Error> {
    if !root.is_directory(Manager::System.library()) {
        return Ok(());
    }
    let [system_presets, user_presets] = [Manager::System, Manager::User].map(|manager| Presets::read(root, manager));
    let calls = calls(root, packages)?;
    let leads_to_lib = has_units_in_lib(root, packages)?;
    let mut installer = Installer::new(root, leads_to_lib);
    for Call { manager, unit, asks_presets } in calls {
        let presets = if manager == Manager::System { &system_presets } else { &user_presets };
        // A script may name a unit that another package would bring; then nothing is enabled.
        if installer.has(manager, &unit) && (!asks_presets || presets.enable(&unit)) {
            installer.enable(manager, &unit)?;
        }
    }
    for unit in &enablement.enabled {
        check(&installer, unit)?;
        installer.enable(Manager::System, unit)?;
    }
    for unit in &enablement.disabled {
        check(&installer, unit)?;
        installer.disable(unit)?;
    }
    for unit in &enablement.masked {
        if !may_be_made_by_a_machine(unit) {
            check(&installer, unit)?;
        }
        installer.mask(unit)?;
    }
    Ok(())
}

/// Whether a unit may be there on a running machine although no file has it: what is mounted, and what devices there are.
fn may_be_made_by_a_machine(unit: &str) -> bool {
    let kind = unit.rsplit_once('.').map_or("", |(_, kind)| kind);
    matches!(kind, "automount" | "device" | "mount" | "scope" | "slice" | "swap")
}

/// Whether the packages have their units in `/lib`, which is the same as `/usr/lib`, but is what links say.
fn has_units_in_lib(root: &Root<'_>, packages: &[Package]) -> Result<bool, Error> {
    let Some(systemd) = packages.iter().find(|package| package.name == "systemd") else { return Ok(false) };
    let list = systemd.text("list", root.blobs())?.unwrap_or_default();
    Ok(list.lines().any(|path| path == "/lib/systemd/system"))
}

/// Refuses a unit that is not there.
fn check(installer: &Installer<'_, '_>, unit: &str) -> Result<(), Error> {
    if installer.has(Manager::System, unit) {
        return Ok(());
    }
    let names = installer.names(Manager::System);
    let why = match nearest(unit, names.iter().map(String::as_str)).first() {
        Some(near) => format!("there is no such unit of systemd; there is `{near}`"),
        None => "there is no such unit of systemd".to_owned(),
    };
    Err(Error::new(format!("`{unit}`"), why))
}

/// A unit that a script enables.
struct Call {
    manager: Manager,
    unit: String,
    /// Whether it is enabled only where a preset does not say otherwise.
    asks_presets: bool,
}

/// Returns what the scripts of packages enable, in their order.
fn calls(root: &Root<'_>, packages: &[Package]) -> Result<Vec<Call>, Error> {
    let mut collector = Collector(Vec::new());
    for package in packages {
        if let Some(script) = package.text("postinst", root.blobs())? {
            scripts::read(&script, Stage::Configure, &mut collector);
        }
    }
    Ok(collector.0)
}

struct Collector(Vec<Call>);

impl Visitor for Collector {
    fn visit(&mut self, command: &Command) -> Option<bool> {
        let asks_presets = match command.name() {
            "deb-systemd-helper" => true,
            "systemctl" => false,
            _ => return None,
        };
        let is_option = |word: &&String| word.starts_with('-');
        let (options, words): (Vec<&String>, Vec<&String>) = command.arguments().iter().partition(is_option);
        let (action, units) = words.split_first()?;
        let is_user = options.iter().any(|option| matches!(option.as_str(), "--user" | "--global"));
        let manager = if is_user { Manager::User } else { Manager::System };
        match action.as_str() {
            "enable" if command.is_certain() => {
                let call = |unit: &&String| Call { manager, unit: with_type(unit), asks_presets };
                self.0.extend(units.iter().map(call));
                Some(true)
            }
            // What is installed for the first time counts as enabled before, and was not installed before.
            "was-enabled" | "unmask" | "update-state" if asks_presets => Some(true),
            "debian-installed" => Some(false),
            _ => None,
        }
    }
}

/// Returns the name of a unit with its type: `ssh` is `ssh.service`.
fn with_type(unit: &str) -> String {
    if unit.contains('.') { unit.to_owned() } else { format!("{unit}.service") }
}

#[cfg(test)]
mod tests;
