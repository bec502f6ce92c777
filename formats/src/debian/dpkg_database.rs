//! dpkg's database: what is installed, so that `dpkg` and `apt` on the system go on from there.
//!
//! ```text
//! /var/lib/dpkg/status            a stanza for each package: its control fields, its state, hashes of its configuration files
//!              /info/NAME.list    its paths, and beside it each other control file
//!              /triggers/File     who waits for changes below a path; a file for each trigger with a name
//!              /statoverride      owners and modes that differ from the packages'
//! ```
//!
//! The hashes are those of the files as they were unpacked: this transform comes before all that change them.

use std::collections::BTreeMap;

use super::ucf::md5_of;
use super::{Error, Owner, Package, Root};

const DATABASE: &str = "/var/lib/dpkg";

/// Control files that are run.
const SCRIPTS: [&str; 5] = ["preinst", "postinst", "prerm", "postrm", "config"];

/// The version of the layout of `info`.
const FORMAT: &str = "1\n";

/// How far dpkg is with the packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackageState {
    /// They are configured.
    Installed,
    /// They are to be configured when the system runs.
    Unpacked,
}

impl PackageState {
    fn status(self) -> &'static str {
        match self {
            PackageState::Installed => "install ok installed",
            PackageState::Unpacked => "install ok unpacked",
        }
    }
}

/// Writes the database for these packages, on a system of this architecture.
///
/// # Errors
/// A control file or a configuration file cannot be read, or the root cannot be written.
pub fn dpkg_database(
    root: &mut Root<'_>,
    packages: &[Package],
    architecture: &str,
    state: PackageState,
) -> Result<(), Error> {
    let mut packages: Vec<&Package> = packages.iter().collect();
    packages.sort_by_key(|package| (&package.name, &package.architecture));
    let mut status = String::new();
    for package in &packages {
        status += &format!("{}\n", stanza(root, package, state)?);
        write_info(root, package)?;
    }
    write(root, "status", status)?;
    write(root, "info/format", FORMAT)?;
    write_triggers(root, &packages)?;
    if !root.exists(&format!("{DATABASE}/statoverride")) {
        write(root, "statoverride", "")?;
    }
    if names_native_architecture(root, &packages)? {
        write(root, "arch-native", format!("{architecture}\n"))?;
    }
    for name in ["alternatives", "updates", "parts"] {
        root.directory(&format!("{DATABASE}/{name}"), 0o755, Owner::ROOT)?;
    }
    Ok(())
}

fn write(root: &mut Root<'_>, name: &str, text: impl Into<String>) -> Result<(), Error> {
    root.write_text(&format!("{DATABASE}/{name}"), text)
}

/// Whether dpkg of these packages keeps the architecture in a file, which newer ones do when they are configured.
fn names_native_architecture(root: &Root<'_>, packages: &[&Package]) -> Result<bool, Error> {
    let Some(dpkg) = packages.iter().find(|package| package.name == "dpkg") else { return Ok(false) };
    Ok(dpkg.text("postinst", root.blobs())?.is_some_and(|script| script.contains("arch-native")))
}

/// Returns a package's stanza of `status`: its own with its state after the name, and its configuration files before the description.
fn stanza(root: &Root<'_>, package: &Package, state: PackageState) -> Result<String, Error> {
    let mut conffiles = conffiles(root, package)?;
    let mut text = String::new();
    for line in package.stanza.trim_end().lines() {
        if line.starts_with("Description:") {
            text += &std::mem::take(&mut conffiles);
        }
        text += &format!("{line}\n");
        if line.starts_with("Package:") {
            text += &format!("Status: {}\n", state.status());
        }
    }
    Ok(text + &conffiles)
}

/// Returns the field with the configuration files of a package and their MD5s; nothing if it has none.
fn conffiles(root: &Root<'_>, package: &Package) -> Result<String, Error> {
    let mut lines = Vec::new();
    for line in package.text("conffiles", root.blobs())?.unwrap_or_default().lines() {
        let line = line.trim();
        if let Some(path) = line.strip_prefix("remove-on-upgrade ") {
            lines.push(format!(" {path} newconffile remove-on-upgrade\n"));
        } else if !line.is_empty() {
            let hash = root.read(line)?.map_or_else(|| "newconffile".to_owned(), |content| md5_of(&content));
            lines.push(format!(" {line} {hash}\n"));
        }
    }
    Ok(if lines.is_empty() { String::new() } else { format!("Conffiles:\n{}", lines.concat()) })
}

/// Writes the control files of a package.
fn write_info(root: &mut Root<'_>, package: &Package) -> Result<(), Error> {
    for (name, content) in &package.control {
        let mode = if SCRIPTS.contains(&name.as_str()) { 0o755 } else { 0o644 };
        root.write_extents(&format!("{DATABASE}/info/{}.{name}", package.file_stem()), mode, content.clone())?;
    }
    Ok(())
}

/// Writes who waits for which trigger. Whoever does not await it is marked.
fn write_triggers(root: &mut Root<'_>, packages: &[&Package]) -> Result<(), Error> {
    let (mut files, mut named) = (String::new(), BTreeMap::<String, String>::new());
    for package in packages {
        for line in package.text("triggers", root.blobs())?.unwrap_or_default().lines() {
            let words: Vec<&str> = line.split('#').next().unwrap_or_default().split_whitespace().collect();
            let suffix = match words.first() {
                Some(&"interest" | &"interest-await") => "",
                Some(&"interest-noawait") => "/noawait",
                _ => continue,
            };
            match words.get(1) {
                Some(path) if path.starts_with('/') => files += &format!("{path} {}{suffix}\n", package.file_stem()),
                Some(name) => {
                    *named.entry((*name).to_owned()).or_default() += &format!("{}{suffix}\n", package.file_stem())
                }
                None => {}
            }
        }
    }
    write(root, "triggers/File", files)?;
    write(root, "triggers/Unincorp", "")?;
    named.into_iter().try_for_each(|(name, lines)| write(root, &format!("triggers/{name}"), lines))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Extents, MemoryBlobs, Tree};

    fn package(stanza: &str, control: &[(&str, &str)]) -> Package {
        let control = control.iter().map(|(name, text)| (name.to_string(), Extents::from_bytes(text.to_string())));
        Package::new(stanza.to_owned(), control.collect()).unwrap()
    }

    #[test]
    fn the_database_has_every_package() {
        let blobs = MemoryBlobs::new();
        let mut root = Root::new(Tree::default(), &blobs, 0);
        root.write_text("/etc/x.conf", "default").unwrap();
        let tool = package(
            "Package: tool\nVersion: 1\nArchitecture: all\nDescription: a tool\n of mine\n\n",
            &[
                ("conffiles", "/etc/x.conf\nremove-on-upgrade /etc/old.conf\n"),
                ("list", "/.\n/etc\n/etc/x.conf\n"),
                ("postinst", "#!/bin/sh\n"),
                ("triggers", "# who\ninterest-noawait /usr/lib/x\ninterest x-changed\nactivate y\n"),
            ],
        );
        let dpkg = package("Package: dpkg\nVersion: 2\nArchitecture: amd64\n", &[("postinst", "f=arch-native\n")]);
        let lib = package("Package: lib\nVersion: 3\nArchitecture: amd64\nMulti-Arch: same\n", &[("list", "/.\n")]);
        dpkg_database(&mut root, &[tool, dpkg, lib], "amd64", PackageState::Installed).unwrap();
        let text = |name: &str| root.text(&format!("{DATABASE}/{name}")).unwrap().unwrap();
        assert_eq!(
            text("status"),
            "Package: dpkg\nStatus: install ok installed\nVersion: 2\nArchitecture: amd64\n\n\
             Package: lib\nStatus: install ok installed\nVersion: 3\nArchitecture: amd64\nMulti-Arch: same\n\n\
             Package: tool\nStatus: install ok installed\nVersion: 1\nArchitecture: all\nConffiles:\n \
             /etc/x.conf c21f969b5f03d33d43e04f8f136e7682\n /etc/old.conf newconffile remove-on-upgrade\n\
             Description: a tool\n of mine\n\n"
        );
        assert_eq!(
            (text("info/lib:amd64.list"), text("info/tool.list")),
            ("/.\n".into(), "/.\n/etc\n/etc/x.conf\n".into())
        );
        assert_eq!(root.mode("/var/lib/dpkg/info/tool.postinst"), Some(0o755));
        assert_eq!(
            (text("triggers/File"), text("triggers/x-changed")),
            ("/usr/lib/x tool/noawait\n".into(), "tool\n".into())
        );
        assert_eq!((text("arch-native"), text("statoverride")), ("amd64\n".into(), String::new()));
        assert!(root.is_directory("/var/lib/dpkg/updates") && !root.exists("/var/lib/dpkg/triggers/y"));
    }

    #[test]
    fn packages_may_wait_for_the_first_start() {
        let blobs = MemoryBlobs::new();
        let mut root = Root::new(Tree::default(), &blobs, 0);
        let tool = package("Package: tool\nVersion: 1\nArchitecture: all\n", &[]);
        dpkg_database(&mut root, &[tool], "arm64", PackageState::Unpacked).unwrap();
        let status = root.text("/var/lib/dpkg/status").unwrap().unwrap();
        assert_eq!(status, "Package: tool\nStatus: install ok unpacked\nVersion: 1\nArchitecture: all\n\n");
        assert!(!root.exists("/var/lib/dpkg/arch-native"));
    }
}
