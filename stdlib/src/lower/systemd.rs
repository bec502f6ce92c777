//! The userland of Debian with systemd: packages with all that they need, configured without running their scripts.
//!
//! What a configuration declares by its own fields is made here; what packages need is made when they are unpacked
//! (the kind `debian`).

use gravure_eval::graph::NodeId;
use gravure_eval::{Value, View};
use gravure_formats::debian::{Enablement, Group, User};

use super::packages::{Resolved, architecture_of, paths};
use super::system::Contents;
use super::{LowerError, Lowering};
use crate::kinds;
use crate::kinds::debian::{self, Accounts};
use crate::kinds::script_report;
use crate::kinds::tree::{Declared, What};

/// The links of a merged `/usr`. Packages before Debian 13 are unpacked through them.
const LINKS: &[(&str, &str)] = &[("bin", "usr/bin"), ("lib", "usr/lib"), ("sbin", "usr/sbin")];

/// What runs after logging in where an account does not say.
const SHELL: &str = "/bin/bash";

/// Debian's keys, as its package has them.
const DEBIAN_KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// Where the administrator's keys are, sources.list(5).
const KEYRINGS: &str = "/etc/apt/keyrings";
/// How a certificate begins that is written as text (RFC 9580, section 6.2).
const ARMOUR: &[u8] = b"-----BEGIN PGP";

/// The unit that lets dpkg finish packages, and the name of its file.
const CONFIGURE_NAME: &str = "gravure-configure.service";
const CONFIGURE: &str = include_str!("configure.service");

impl Lowering<'_, '_> {
    /// Adds the configured system: its packages, and the kernel's files, which dpkg does not know of.
    pub(super) fn debian(
        &mut self,
        system: View<'_, '_>,
        packages: &[Resolved],
        kernel: &Resolved,
        files: &Contents,
    ) -> Result<NodeId, LowerError> {
        let mut contents = Contents::default();
        contents.inputs.extend(packages.iter().chain([kernel]).map(|package| package.tree));
        contents.parameters.entries.extend(settings(system)?);
        contents.parameters.entries.extend(self.apt_sources(system)?);
        for service in system.records("services")? {
            for file in service.records("files")? {
                self.declared_file(file, &mut contents)?;
            }
        }
        contents.append(files);
        let mut units = units(system)?;
        let is_configured_at_first_boot = system.string("configure")? == "first-boot";
        if is_configured_at_first_boot {
            let path = format!("/etc/systemd/system/{CONFIGURE_NAME}");
            contents.parameters.entries.push(Declared::text(path, 0o644, CONFIGURE));
            units.enabled.push(CONFIGURE_NAME.to_owned());
        }
        let parameters = debian::Parameters {
            foundation: foundation(system)?,
            packages: packages.iter().chain([kernel]).map(|package| package.name.clone()).collect(),
            n_registered: packages.len(),
            entries: contents.parameters.entries,
            accounts: accounts(system)?,
            units,
            is_configured_at_first_boot,
            time: self.source_date(),
            architecture: architecture_of(system.string("platform")?).to_owned(),
        };
        let label = format!("configure {} packages", packages.len());
        let place = self.nearest(&[system.place("packages"), system.place("services")]);
        let configured = self.add(kinds::recipe(debian::NAME, &parameters, contents.inputs, label), place);
        if !is_configured_at_first_boot {
            let inputs = std::iter::once(configured).chain(packages.iter().map(|package| package.tree)).collect();
            let recipe = kinds::recipe(script_report::NAME, &(), inputs, "report on maintainer scripts");
            self.report = Some(self.add(recipe, place));
        }
        Ok(configured)
    }

    /// Where the running system finds its archives, for those whose address the configuration says, and the keys that are
    /// not Debian's.
    fn apt_sources(&self, system: View<'_, '_>) -> Result<Vec<Declared>, LowerError> {
        let (mut entries, mut stanzas) = (Vec::new(), Vec::new());
        for archive in system.records("archives")? {
            let Some(url) = archive.optional_string("url")? else { continue };
            let suite = archive.string("suite")?;
            let mut keyrings = Vec::new();
            for (number, (path, place)) in paths(archive, "keys")?.into_iter().enumerate() {
                // apt goes by the ending: `.asc` is text, `.gpg` is binary.
                let is_text = self.local_bytes(path, place)?.starts_with(ARMOUR);
                let keyring = format!("{KEYRINGS}/{suite}-{number}.{}", if is_text { "asc" } else { "gpg" });
                let content = What::Content(self.local_content(path, place)?);
                entries.push(Declared::new(keyring.clone(), 0o644, content));
                keyrings.push(keyring);
            }
            if keyrings.is_empty() {
                keyrings.push(DEBIAN_KEYRING.to_owned());
            }
            stanzas.push(format!(
                "Types: deb\nURIs: {url}\nSuites: {suite}\nComponents: {}\nSigned-By: {}\n",
                archive.strings("components")?.join(" "),
                keyrings.join(" "),
            ));
        }
        if !stanzas.is_empty() {
            entries.push(Declared::text("/etc/apt/sources.list.d/debian.sources", 0o644, stanzas.join("\n")));
        }
        Ok(entries)
    }
}

/// What is there before the packages.
fn foundation(system: View<'_, '_>) -> Result<Vec<Declared>, LowerError> {
    let is_amd64 = system.string("platform")? == "x86_64-linux";
    let links = LINKS.iter().copied().chain(is_amd64.then_some(("lib64", "usr/lib64")));
    let links: Vec<(&str, &str)> = links.collect();
    let directories = links.iter().map(|(_, target)| Declared::directory(*target, 0o755));
    Ok(directories.chain(links.iter().map(|&(path, target)| Declared::symlink(path, target))).collect())
}

/// The files that fields of an operating system stand for.
fn settings(system: View<'_, '_>) -> Result<Vec<Declared>, LowerError> {
    let (host_name, locale) = (system.string("host-name")?, system.string("locale")?);
    let hosts = format!("127.0.0.1\tlocalhost\n127.0.1.1\t{host_name}\n::1\tlocalhost ip6-localhost ip6-loopback\n");
    let timezone = system.string("timezone")?;
    let mut entries = vec![
        Declared::text("/etc/hostname", 0o644, format!("{host_name}\n")),
        Declared::text("/etc/hosts", 0o644, hosts),
        Declared::symlink("/etc/localtime", format!("/usr/share/zoneinfo/{timezone}")),
        Declared::text("/etc/locale.conf", 0o644, format!("LANG={locale}\n")),
        Declared::symlink("/etc/default/locale", "../locale.conf"),
    ];
    if system.string("suite")? == "bookworm" {
        // What `tzdata` writes there; later ones only keep it where it is.
        entries.push(Declared::text("/etc/timezone", 0o644, format!("{timezone}\n")));
    }
    entries.extend(system.optional_string("issue")?.map(|issue| Declared::text("/etc/issue", 0o644, issue)));
    Ok(entries)
}

/// Users and groups, those of services included.
fn accounts(system: View<'_, '_>) -> Result<Accounts, LowerError> {
    let (mut users, mut groups) = (system.records("users")?, system.records("groups")?);
    for service in system.records("services")? {
        users.extend(service.records("users")?);
        groups.extend(service.records("groups")?);
    }
    Ok(Accounts {
        users: users.into_iter().map(user).collect::<Result<_, _>>()?,
        groups: groups.into_iter().map(group).collect::<Result<_, _>>()?,
    })
}

fn user(user: View<'_, '_>) -> Result<User, LowerError> {
    Ok(User {
        name: user.string("name")?.to_owned(),
        password: user.optional_string("password")?.map(str::to_owned),
        uid: number(user, "uid")?,
        group: user.string("group")?.to_owned(),
        supplementary_groups: user.strings("supplementary-groups")?.into_iter().map(str::to_owned).collect(),
        comment: user.string("comment")?.to_owned(),
        home_directory: user.string("home-directory")?.to_owned(),
        creates_home: user.bool("create-home-directory?")?,
        shell: user.optional_string("shell")?.unwrap_or(SHELL).to_owned(),
    })
}

fn group(group: View<'_, '_>) -> Result<Group, LowerError> {
    Ok(Group { name: group.string("name")?.to_owned(), id: number(group, "id")? })
}

/// Returns a number of a user or a group, which a check has held to 32 bits.
fn number(view: View<'_, '_>, field: &str) -> Result<Option<u32>, LowerError> {
    match view.value(field)? {
        Value::Int(number) => Ok(Some(u32::try_from(number).expect("a check holds it to 32 bits"))),
        _ => Ok(None),
    }
}

/// The units that services enable, disable and mask.
fn units(system: View<'_, '_>) -> Result<Enablement, LowerError> {
    let mut units = Enablement::default();
    for service in system.records("services")? {
        for (field, names) in
            [("enable", &mut units.enabled), ("disable", &mut units.disabled), ("mask", &mut units.masked)]
        {
            names.extend(service.strings(field)?.into_iter().map(str::to_owned));
        }
    }
    Ok(units)
}
