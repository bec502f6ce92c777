use super::*;
use crate::{Extents, MemoryBlobs, Tree};

/// A package whose `postinst` is this.
fn package(name: &str, postinst: &str) -> Package {
    let stanza = format!("Package: {name}\nVersion: 1\nArchitecture: all\n");
    let control = [("postinst".to_owned(), Extents::from_bytes(postinst.to_owned()))].into();
    Package::new(stanza, control).unwrap()
}

/// Returns the links below `/etc/systemd` in a root with these files, as `path -> target`.
fn links(files: &[(&str, &str)], packages: &[Package], enablement: &Enablement) -> Result<Vec<String>, String> {
    let blobs = MemoryBlobs::new();
    let mut root = Root::new(Tree::default(), &blobs, 0);
    for (path, text) in files {
        root.write_text(path, *text).unwrap();
    }
    units(&mut root, packages, enablement).map_err(|error| error.to_string())?;
    let entries = root.tree().iter().map(|(path, ..)| path.to_string());
    let is_link = |path: &String| path.starts_with("/etc/systemd/") && root.link_target(path).is_some();
    let links = entries.filter(is_link);
    Ok(links
        .map(|path| format!("{} -> {}", &path["/etc/systemd/".len()..], root.link_target(&path).unwrap()))
        .collect())
}

const SSH: (&str, &str) = (
    "/usr/lib/systemd/system/ssh.service",
    "[Unit]\nWantedBy=nobody.target\n[Install]\nWantedBy=multi-user.target\nAlias=sshd.service\nAlso=keys.service\n",
);
const KEYS: (&str, &str) =
    ("/usr/lib/systemd/system/keys.service", "[Install]\n# WantedBy=x\nRequiredBy=ssh.service\n");
const GETTY: (&str, &str) = (
    "/usr/lib/systemd/system/getty@.service",
    "[Install]\nWantedBy=getty.target dev-%i.device\nDefaultInstance=tty1\n",
);

/// What debhelper writes for a unit that is to be enabled.
const ENABLE_SSH: &str = "#!/bin/sh\nset -e\n\
    if [ \"$1\" = \"configure\" ] || [ \"$1\" = \"abort-upgrade\" ] ; then\n\
    \tdeb-systemd-helper unmask 'ssh.service' >/dev/null || true\n\
    \tif deb-systemd-helper --quiet was-enabled 'ssh.service'; then\n\
    \t\tdeb-systemd-helper enable 'ssh.service' >/dev/null || true\n\
    \telse\n\
    \t\tdeb-systemd-helper update-state 'ssh.service' >/dev/null || true\n\
    \tfi\nfi\n";

fn named(enabled: &[&str], disabled: &[&str], masked: &[&str]) -> Enablement {
    let [enabled, disabled, masked] =
        [enabled, disabled, masked].map(|names| names.iter().map(|name| name.to_string()).collect());
    Enablement { enabled, disabled, masked }
}

#[test]
fn scripts_enable_units_with_their_aliases_and_companions() {
    let found = links(&[SSH, KEYS], &[package("openssh-server", ENABLE_SSH)], &Enablement::default()).unwrap();
    assert_eq!(
        found,
        [
            "system/multi-user.target.wants/ssh.service -> /usr/lib/systemd/system/ssh.service",
            "system/ssh.service.requires/keys.service -> /usr/lib/systemd/system/keys.service",
            "system/sshd.service -> /usr/lib/systemd/system/ssh.service",
        ]
    );
}

#[test]
fn what_is_not_installed_before_is_not_enabled_by_the_way() {
    let script = ENABLE_SSH.replace(
        "deb-systemd-helper unmask 'ssh.service' >/dev/null || true",
        "deb-systemd-helper debian-installed 'ssh.service' || exit 0",
    );
    assert!(links(&[SSH, KEYS], &[package("x", &script)], &Enablement::default()).unwrap().is_empty());
}

#[test]
fn presets_are_asked_by_the_helper_only() {
    let preset = ("/usr/lib/systemd/system-preset/90-x.preset", "# s\nenable other.*\ndisable ssh.*\n");
    let helper = package("a", ENABLE_SSH);
    assert!(links(&[SSH, KEYS, preset], std::slice::from_ref(&helper), &Enablement::default()).unwrap().is_empty());
    let plain = package("b", "systemctl ${DPKG_ROOT:+--root=\"$DPKG_ROOT\"} enable ssh || true\n");
    assert_eq!(links(&[SSH, KEYS, preset], &[plain], &Enablement::default()).unwrap().len(), 3);
    let bracket = ("/usr/lib/systemd/system-preset/90-x.preset", "disable [k-s]s?.service\n");
    assert!(links(&[SSH, KEYS, bracket], std::slice::from_ref(&helper), &Enablement::default()).unwrap().is_empty());
    let administrator = ("/etc/systemd/system-preset/10-x.preset", "enable ssh.service\n");
    assert_eq!(links(&[SSH, KEYS, preset, administrator], &[helper], &Enablement::default()).unwrap().len(), 3);
}

#[test]
fn templates_are_enabled_as_instances() {
    let expected = |instance: &str, device: &str| {
        ["getty.target".to_owned(), format!("dev-{device}.device")].map(|wanting| {
            format!("system/{wanting}.wants/getty@{instance}.service -> /usr/lib/systemd/system/getty@.service")
        })
    };
    let sorted = |mut links: Vec<String>| {
        links.sort();
        links
    };
    let found = links(&[GETTY], &[], &named(&["getty@ttyS0.service"], &[], &[])).unwrap();
    assert_eq!(found, sorted(expected("ttyS0", "ttyS0").to_vec()));
    let found = links(&[GETTY], &[], &named(&["getty@.service"], &[], &[])).unwrap();
    assert_eq!(found, sorted(expected("tty1", "tty1").to_vec()));
}

#[test]
fn the_configuration_has_the_last_word() {
    let packages = [package("openssh-server", ENABLE_SSH)];
    let found = links(&[SSH, KEYS], &packages, &named(&[], &["ssh.service"], &[])).unwrap();
    assert_eq!(found, ["system/ssh.service.requires/keys.service -> /usr/lib/systemd/system/keys.service"]);
    let found = links(&[SSH, KEYS], &packages, &named(&[], &["keys.service"], &["ssh.service"])).unwrap();
    assert_eq!(found, ["system/ssh.service -> /dev/null"]);
}

#[test]
fn a_unit_that_is_not_there_is_refused() {
    let error = links(&[SSH], &[], &named(&["shh.service"], &[], &[])).unwrap_err();
    assert_eq!(error, "`shh.service`: there is no such unit of systemd; there is `ssh.service`");
    let error = links(&[SSH], &[], &named(&[], &["x"], &[])).unwrap_err();
    assert_eq!(error, "`x`: there is no such unit of systemd");
    let error = links(&[SSH], &[], &named(&[], &[], &["shh.service"])).unwrap_err();
    assert_eq!(error, "`shh.service`: there is no such unit of systemd; there is `ssh.service`");
    let found = links(&[SSH], &[], &named(&[], &[], &["dev-sda2.swap"])).unwrap();
    assert_eq!(found, ["system/dev-sda2.swap -> /dev/null"]);
}

#[test]
fn links_lead_to_lib_where_packages_have_it() {
    let mut systemd = package("systemd", "systemctl enable ssh.service\n");
    systemd.control.insert("list".to_owned(), Extents::from_bytes("/.\n/lib/systemd/system\n"));
    let found = links(&[SSH], &[systemd], &Enablement::default()).unwrap();
    assert_eq!(found[0], "system/multi-user.target.wants/ssh.service -> /lib/systemd/system/ssh.service");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_readers_panic(unit in "[a-z@.%-]{0,12}", text in "(\\[Install\\]|[A-Za-z=%@.\n\\\\ -]){0,60}") {
        let path = format!("/usr/lib/systemd/system/a{unit}.service");
        let name = format!("a{unit}.service");
        let _ = links(&[(&path, &text)], &[], &named(&[&name], &[], &[]));
    }
}
