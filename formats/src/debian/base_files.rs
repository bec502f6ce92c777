//! Files of every system that are in no package: shells, sources of names, keys of `sshd`, and the state of a machine that has
//! never run.
//!
//! Most of what `base-files`, `libc-bin` and others copy when they are configured is plain commands, see
//! [`file_commands`](super::file_commands()), which come before this.

use super::{Accounts, Error, Owner, Package, Root, scripts, ucf};
use crate::TreePath;
use crate::lookup;

const SHELLS: &str = "/etc/shells";
const SHELLS_TEMPLATE: &str = "/usr/share/debianutils/shells";
const SHELLS_OF_PACKAGES: &str = "/usr/share/debianutils/shells.d";
const SHELLS_STATE: &str = "/var/lib/shells.state";

pub(super) const NAME_SOURCES: &str = "/etc/nsswitch.conf";

/// Links that are made where nothing is, if something that needs them is there.
const LINKS: [(&str, &str, &str); 2] = [
    ("/etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf", "/usr/lib/systemd/systemd-resolved"),
    ("/etc/localtime", "/usr/share/zoneinfo/Etc/UTC", "/usr/share/zoneinfo/Etc/UTC"),
];

const SSH_CONFIG: &str = "/etc/ssh/sshd_config";
const SSH_CONFIG_TEMPLATE: &str = "/usr/share/openssh/sshd_config";
const SSH_KEYS_UNIT: &str = "/usr/lib/systemd/system/sshd-keygen.service";

/// What keeps `sshd-keygen.service` from waiting for a first boot, which an empty `/etc/machine-id` is none: an empty assignment
/// takes back all conditions of the unit.
const SSH_KEYS_DROP_IN: &str = "[Unit]\nConditionFirstBoot=\nConditionPathExists=!/etc/ssh/ssh_host_ed25519_key\n";

/// The unit that makes host keys where the package has none and its script would make them. It is not ordered before
/// `ssh.socket`, which comes before everything that services wait for.
const OWN_SSH_KEYS_UNIT: &str = "[Unit]\nDescription=Generate the host keys of sshd that are missing\n\
    ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key\nBefore=ssh.service sshd.service ssh@.service\n\n\
    [Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/bin/ssh-keygen -A\n\n\
    [Install]\nWantedBy=ssh.service ssh.socket\n";
const OWN_SSH_KEYS_NAME: &str = "gravure-ssh-keys.service";

/// Writes the files.
///
/// # Errors
/// Something of the root or of a package cannot be read, or a file cannot be written.
pub fn base_files(root: &mut Root<'_>, packages: &[Package], accounts: &Accounts) -> Result<(), Error> {
    shells(root, packages)?;
    name_sources(root, packages)?;
    ssh(root)?;
    local_certificates(root, packages)?;
    journal(root, accounts)?;
    for (path, target, source) in LINKS {
        if !root.has_name(path) && root.exists(source) {
            root.link(path, target)?;
        }
    }
    // Empty: not a first boot, on which systemd would enable everything, and yet systemd makes an id and keeps it.
    root.write_text("/etc/machine-id", "")
}

/// Writes `/etc/shells` as `update-shells` does: the template, then the shells of packages, each also by its path behind all
/// links.
fn shells(root: &mut Root<'_>, packages: &[Package]) -> Result<(), Error> {
    let Some(template) = root.text(SHELLS_TEMPLATE)? else { return Ok(()) };
    let mut declared = template.clone();
    for name in root.names(SHELLS_OF_PACKAGES) {
        declared += &format!("{}\n", root.text(&format!("{SHELLS_OF_PACKAGES}/{name}"))?.unwrap_or_default());
    }
    let mut shells: Vec<String> = Vec::new();
    for shell in
        declared.lines().map(|line| line.split('#').next().unwrap_or_default().trim()).filter(|shell| !shell.is_empty())
    {
        for shell in [shell.to_owned(), real_shell(root, shell)] {
            if !shells.contains(&shell) {
                shells.push(shell);
            }
        }
    }
    let state: String = shells.iter().map(|shell| format!("{shell}\n")).collect();
    shells.extend(added_shells(root, packages)?);
    let mut text = root.text(SHELLS)?.unwrap_or(template);
    for shell in shells {
        if !text.lines().any(|line| line == shell) {
            text += &format!("{shell}\n");
        }
    }
    root.write_text(SHELLS_STATE, state)?;
    root.write_text(SHELLS, text)
}

/// Returns a shell's path with the links to its directory followed.
fn real_shell(root: &Root<'_>, shell: &str) -> String {
    let real = TreePath::parse(shell).ok().and_then(|path| lookup::resolve_parent(root.tree(), &path).ok());
    real.map_or_else(|| shell.to_owned(), |path| path.to_string())
}

/// Returns the shells for which scripts call `add-shell`.
fn added_shells(root: &Root<'_>, packages: &[Package]) -> Result<Vec<String>, Error> {
    let mut shells = Vec::new();
    for package in packages {
        let Some(script) = package.text("postinst", root.blobs())? else { continue };
        let commands = scripts::commands(&script);
        let calls = commands.iter().filter(|command| command.name() == "add-shell" && command.is_literal);
        shells.extend(calls.flat_map(|command| command.arguments().to_vec()));
    }
    Ok(shells)
}

/// Adds sources of names to `/etc/nsswitch.conf`. Scripts do that with `sed`, but `dh_installnss` writes above it what it means:
/// `# Installing DATABASE/SERVICE from PACKAGE in position POSITION`.
fn name_sources(root: &mut Root<'_>, packages: &[Package]) -> Result<(), Error> {
    let Some(mut text) = root.text(NAME_SOURCES)? else { return Ok(()) };
    for package in packages {
        let script = package.text("postinst", root.blobs())?.unwrap_or_default();
        for line in script.lines().filter_map(|line| line.trim().strip_prefix("# Installing ")) {
            let words: Vec<&str> = line.split(' ').collect();
            if let [service, "from", _, "in", "position", position] = words.as_slice()
                && let Some((database, service)) = service.split_once('/')
            {
                text = with_source(&text, database, service, position);
            }
        }
    }
    root.write_text(NAME_SOURCES, text)
}

/// Adds a service to the line of a database: `first`, `last`, `before=a,b` or `after=a,b`. An action in brackets is written apart
/// from its service.
fn with_source(text: &str, database: &str, service: &str, position: &str) -> String {
    let (name, action) = service.split_at(service.find('[').unwrap_or(service.len()));
    let added = [name, action].join(" ");
    let lines = text.lines().map(|line| {
        let Some((head, services)) = line.split_once(':').filter(|(head, _)| *head == database) else {
            return line.to_owned();
        };
        let blanks = &services[..services.len() - services.trim_start().len()];
        let mut words: Vec<&str> = services.split_whitespace().collect();
        if !words.contains(&name) {
            let at = place(&words, position);
            words.insert(at.unwrap_or(words.len()), added.trim_end());
            if at.is_none() {
                return line.to_owned();
            }
        }
        format!("{head}:{blanks}{}", words.join(" "))
    });
    lines.map(|line| line + "\n").collect()
}

/// Returns where in a line a service comes; none where none of the services is there that it goes by.
fn place(words: &[&str], position: &str) -> Option<usize> {
    let is_action = |at: &usize| words.get(*at).is_some_and(|word| word.starts_with('['));
    let first_of = |names: &str| words.iter().position(|word| names.split(',').any(|name| name == *word));
    match position.split_once('=') {
        None if position == "first" => Some(0),
        None if position == "last" => Some(words.len()),
        Some(("before", names)) => first_of(names),
        Some(("after", names)) => first_of(names).map(|at| at + 1 + usize::from(is_action(&(at + 1)))),
        _ => None,
    }
}

/// Writes the configuration of `sshd`, and sees to it that a machine makes its own host keys when it starts.
fn ssh(root: &mut Root<'_>) -> Result<(), Error> {
    if !root.exists(SSH_CONFIG_TEMPLATE) {
        return Ok(());
    }
    ucf::install(root, SSH_CONFIG_TEMPLATE, SSH_CONFIG)?;
    ucf::register(root, "openssh-server", SSH_CONFIG)?;
    if root.exists(SSH_KEYS_UNIT) {
        return root.write_text("/etc/systemd/system/sshd-keygen.service.d/10-gravure.conf", SSH_KEYS_DROP_IN);
    }
    root.write_text(&format!("/etc/systemd/system/{OWN_SSH_KEYS_NAME}"), OWN_SSH_KEYS_UNIT)?;
    for unit in ["ssh.service", "ssh.socket"] {
        let link = format!("/etc/systemd/system/{unit}.wants/{OWN_SSH_KEYS_NAME}");
        root.link(&link, format!("/etc/systemd/system/{OWN_SSH_KEYS_NAME}"))?;
    }
    Ok(())
}

/// Makes the directory of local certificates, whose mode the script takes from another one.
fn local_certificates(root: &mut Root<'_>, packages: &[Package]) -> Result<(), Error> {
    let path = "/usr/local/share/ca-certificates";
    match packages.iter().any(|package| package.name == "ca-certificates") && !root.exists(path) {
        true => root.directory(path, root.mode("/usr/local").unwrap_or(0o755), Owner::ROOT),
        false => Ok(()),
    }
}

/// Gives the journal to its group, as `systemd-tmpfiles` does.
fn journal(root: &mut Root<'_>, accounts: &Accounts) -> Result<(), Error> {
    match accounts.gid("systemd-journal") {
        Some(gid) => root.set_owner("/var/log/journal", 0o2755, Owner { uid: 0, gid }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryBlobs, Tree};

    #[test]
    fn sources_of_names_are_added() {
        let check = |service, position, line: &str, expected: &str| {
            assert_eq!(
                with_source(&format!("x: y\n{line}\n"), "hosts", service, position),
                format!("x: y\n{expected}\n")
            );
        };
        check("myhostname", "after=files", "hosts:  files dns", "hosts:  files myhostname dns");
        check(
            "mdns",
            "after=files,x",
            "hosts:  files [NOTFOUND=return] dns",
            "hosts:  files [NOTFOUND=return] mdns dns",
        );
        check(
            "resolve[!UNAVAIL=return]",
            "before=dns",
            "hosts:  files dns",
            "hosts:  files resolve [!UNAVAIL=return] dns",
        );
        check("mymachines", "before=resolve,dns", "hosts:  files resolve dns", "hosts:  files mymachines resolve dns");
        check("systemd", "last", "hosts:  files", "hosts:  files systemd");
        check("systemd", "first", "hosts: systemd files", "hosts: systemd files");
        check("x", "after=none", "hosts: files", "hosts: files");
    }

    #[test]
    fn shells_are_also_listed_by_their_real_paths() {
        let blobs = MemoryBlobs::new();
        let mut root = Root::new(Tree::default(), &blobs, 0);
        root.link("/bin", "usr/bin").unwrap();
        root.write_text(SHELLS_TEMPLATE, "# valid\n/bin/sh\n").unwrap();
        root.write_text("/usr/share/debianutils/shells.d/dash", "/usr/bin/dash # small\n").unwrap();
        root.write_text("/usr/bin/dash", "").unwrap();
        shells(&mut root, &[]).unwrap();
        assert_eq!(root.text(SHELLS).unwrap().unwrap(), "# valid\n/bin/sh\n/usr/bin/sh\n/usr/bin/dash\n");
    }

    #[test]
    fn host_keys_are_made_by_the_machine() {
        let blobs = MemoryBlobs::new();
        let mut root = Root::new(Tree::default(), &blobs, 0);
        root.write_text(SSH_CONFIG_TEMPLATE, "UsePAM yes\n").unwrap();
        base_files(&mut root, &[], &Accounts::default()).unwrap();
        assert_eq!(root.text(SSH_CONFIG).unwrap().unwrap(), "UsePAM yes\n");
        let link = root.link_target("/etc/systemd/system/ssh.service.wants/gravure-ssh-keys.service");
        assert_eq!(link.as_deref(), Some("/etc/systemd/system/gravure-ssh-keys.service"));
        assert_eq!(root.text("/etc/machine-id").unwrap().as_deref(), Some(""));
    }
}
