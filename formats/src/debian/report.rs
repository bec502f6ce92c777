//! What was not reproduced: commands of maintainer scripts that no transform does, package by package.
//!
//! The scripts are read once more over the finished root, with its answers to their questions. A command is left out where it
//! does nothing on a machine at rest, where a transform does it, or where what it would make is there. A command that is told
//! may still be one that does not matter.
//!
//! They are read twice: what a script does not do because it misses a file that another package would have made is told in
//! the second turn.

use serde::{Deserialize, Serialize};

use super::missing::Missing;
use super::questions::Questions;
use super::scripts::{self, Command, Stage, Visitor};
use super::{Accounts, Error, Package, Root, accounts, answers, base_files, certificates, diversions, file_commands};

/// A script with work that was not reproduced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreproduced {
    /// The name of the package.
    pub package: String,
    /// `preinst` or `postinst`.
    pub script: String,
    /// Lines of the script, and the commands there.
    pub commands: Vec<(usize, String)>,
}

/// What does nothing on a first installation, or acts on a running machine only.
const HARMLESS: &[&str] = &[
    "",
    ".",
    ":",
    "break",
    "continue",
    "[",
    "test",
    "true",
    "false",
    "set",
    "shift",
    "exit",
    "return",
    "echo",
    "printf",
    "exec",
    "export",
    "unset",
    "local",
    "trap",
    "read",
    "eval",
    "cd",
    "cat",
    "grep",
    "egrep",
    "fgrep",
    "sed",
    "awk",
    "head",
    "tail",
    "sort",
    "cut",
    "uniq",
    "tr",
    "basename",
    "dirname",
    "readlink",
    "command",
    "which",
    "type",
    "getent",
    "id",
    "find",
    "ls",
    "stat",
    "cmp",
    "diff",
    "md5sum",
    "rm",
    "sleep",
    "kill",
    "sync",
    "uname",
    "hostname",
    "dpkg",
    "dpkg-query",
    "dpkg-maintscript-helper",
    "dpkg-trigger",
    "dpkg-vendor",
    "deb-systemd-invoke",
    "invoke-rc.d",
    "service",
    "ldconfig",
    "ldconfig.real",
    "udevadm",
    "modprobe",
    "sysctl",
    "ischroot",
    "runlevel",
    "mountpoint",
    "pidof",
    "pgrep",
    "db_get",
    "db_set",
    "db_input",
    "db_go",
    "db_stop",
    "db_fset",
    "db_fget",
    "db_purge",
    "db_unregister",
    "db_register",
    "db_title",
    "db_capb",
    "db_version",
    "db_reset",
    "db_beginblock",
    "db_endblock",
    "db_subst",
    "db_metaget",
    "db_progress",
    "db_settitle",
    "py3compile",
    "py3clean",
    "pycompile",
    "pyclean",
    "update-initramfs",
    "update-menus",
    "getcap",
    "update-mime-database",
    "mandb",
    "fc-cache",
    "aa-enabled",
    "aa-status",
    "apparmor_parser",
];

/// What a transform does as a whole, by the first word.
const DONE: &[&str] = &[
    "update-passwd",
    "shadowconfig",
    "pam-auth-update",
    "update-ca-certificates",
    "systemd-sysusers",
    "systemd-tmpfiles",
    "deb-systemd-helper",
    "systemctl",
    "update-shells",
    "add-shell",
    "update-alternatives",
    "depmod",
    "update-rc.d",
    "umask",
];

/// What machines make for themselves when they first start.
const AT_FIRST_BOOT: &[&str] = &[
    "systemd-machine-id-setup",
    "journalctl",
    "systemd-hwdb",
    "ssh-keygen",
    "dbus-uuidgen",
    "create_keys",
    "runit-helper",
];

/// What counts as reproduced also where the last path that it names is there.
const FILE_COMMANDS: &[&str] = &[
    "mkdir",
    "install",
    "cp",
    "ln",
    "chmod",
    "chown",
    "chgrp",
    "touch",
    "rmdir",
    "mv",
    "dpkg-statoverride",
    "setcap",
    "ucf",
    "ucfr",
];

/// What makes users and groups.
const ACCOUNTS: &[&str] = &["adduser", "addgroup", "useradd", "groupadd", "usermod", "gpasswd"];

/// What transforms and the configuration write as a whole, however scripts would.
const MADE: &[&str] = &[certificates::CONFIGURATION, "/etc/localtime"];

/// Returns the scripts of packages whose work is not all in the finished root, in the order of the packages.
///
/// # Errors
/// A script cannot be read.
pub fn unreproduced(root: &Root<'_>, packages: &[Package]) -> Result<Vec<Unreproduced>, Error> {
    let accounts = Accounts::of(root)?;
    let first = read(root, packages, &accounts, &Missing::default())?;
    read(root, packages, &accounts, &Missing::of(root, &first)?)
}

fn read(
    root: &Root<'_>,
    packages: &[Package],
    accounts: &Accounts,
    missing: &Missing,
) -> Result<Vec<Unreproduced>, Error> {
    let mut found = Vec::new();
    for package in packages {
        let questions = Questions::of(package, root.blobs())?;
        for (script, stage) in [("preinst", Stage::Install), ("postinst", Stage::Configure)] {
            let Some(text) = package.text(script, root.blobs())? else { continue };
            let mut reader = Reader {
                root,
                accounts,
                missing,
                questions: questions.clone(),
                package: &package.name,
                stage,
                commands: Vec::new(),
            };
            match interpreter(&text) {
                None => scripts::read(&text, stage, &mut reader),
                Some(program) => reader.commands.push((1, format!("a script of {program}"))),
            }
            if !reader.commands.is_empty() {
                let (package, script) = (package.name.clone(), script.to_owned());
                found.push(Unreproduced { package, script, commands: reader.commands });
            }
        }
    }
    Ok(found)
}

struct Reader<'a, 'r> {
    root: &'a Root<'r>,
    accounts: &'a Accounts,
    missing: &'a Missing,
    questions: Questions,
    package: &'a str,
    stage: Stage,
    commands: Vec<(usize, String)>,
}

impl Visitor for Reader<'_, '_> {
    fn visit(&mut self, command: &Command) -> Option<bool> {
        if self.asks_for_missing(command) {
            return None;
        }
        if let Some(answer) = answers::answer(command, self.root, self.accounts) {
            return Some(answer);
        }
        let name = command.name().rsplit('/').next().unwrap_or_default();
        if name == "deb-systemd-helper" && command.words.iter().any(|word| word == "debian-installed") {
            return Some(false);
        }
        if DONE.contains(&name) {
            let is_reproduced = match name {
                "update-rc.d" => self.has_unit(command),
                "update-alternatives" => command.is_literal || !command.words.iter().any(|word| word == "--install"),
                _ => true,
            };
            return self.tell(command, is_reproduced);
        }
        // Files are changed only for the script that configures.
        let is_done = self.stage == Stage::Configure && file_commands::is_known(command);
        if prepares(command) {
            return None;
        }
        if FILE_COMMANDS.contains(&name) {
            let is_done = is_done && (name == "rmdir" || self.is_there(command));
            // A file that is there has other content than one that nobody knows.
            let is_replaced = matches!(name, "cp" | "mv") && !command.is_literal;
            return self.tell(command, is_done || (!is_replaced && self.holds(command)));
        }
        if ACCOUNTS.contains(&name) {
            let is_done = accounts::is_known(command) || accounts::has_known_calls(self.package);
            let is_done = is_done || self.has_group(command);
            return self.tell(command, is_done);
        }
        let acts = edits(name, command) || diverts(name, command) || executes(name, command);
        if (self.writes(command) && !is_done) || acts {
            return self.tell(command, false);
        }
        let is_nothing = [HARMLESS, AT_FIRST_BOOT].iter().any(|names| names.contains(&name))
            || name.contains('=')
            || compiles(command);
        // What these answer is not known.
        if is_nothing || name == "dpkg-divert" { None } else { self.tell(command, false) }
    }

    fn output(&mut self, command: &Command) -> Option<String> {
        answers::output(command, self.root)
    }

    fn answer(&mut self, question: &str) -> Option<String> {
        self.questions.answer(question)
    }
}

impl Reader<'_, '_> {
    /// Tells of a command unless it is reproduced. How one ends that is not reproduced is not known.
    fn tell(&mut self, command: &Command, is_reproduced: bool) -> Option<bool> {
        let words = command.words.iter().filter(|word| !word.is_empty()).cloned();
        let outputs = outputs(command).map(|(operator, file)| format!("{operator}{file}"));
        let told = (command.line, one_line(&words.chain(outputs).collect::<Vec<_>>().join(" ")));
        if !is_reproduced && !self.commands.contains(&told) {
            self.commands.push(told);
        }
        is_reproduced.then_some(true)
    }

    /// Whether a command asks for a file that only a command which was not reproduced may have made.
    fn asks_for_missing(&self, command: &Command) -> bool {
        let is_missing =
            |path: &String| path.starts_with('/') && !self.root.exists(path) && self.missing.has(path, self.package);
        matches!(command.name(), "[" | "test") && command.words.iter().any(is_missing)
    }

    /// Whether the finished root is as a command would leave it, though nobody knows that it ran.
    fn holds(&self, command: &Command) -> bool {
        let as_left = file_commands::is_as_left(command, self.root, self.accounts);
        as_left.unwrap_or_else(|| self.is_there(command))
    }

    /// Whether the last path that a command names is there.
    fn is_there(&self, command: &Command) -> bool {
        let last = command.arguments().iter().rfind(|word| word.starts_with('/'));
        // What is below `/run` is made anew at every start.
        last.is_some_and(|path| path.starts_with("/run/") || self.root.has_name(path))
    }

    /// Whether a command writes a file that is not there, or adds to one. What is in a file that is there may be another
    /// thing; then a package or a transform has written it.
    fn writes(&self, command: &Command) -> bool {
        outputs(command).any(|(operator, file)| operator == ">>" || !self.root.has_name(file))
    }

    /// Whether the group that a call of `groupadd` makes is there, with its number.
    fn has_group(&self, command: &Command) -> bool {
        match command.words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["groupadd", name] => self.accounts.gid(name).is_some(),
            ["groupadd", "-g" | "--gid", gid, name] => self.accounts.gid(name).is_some_and(|id| Ok(id) == gid.parse()),
            _ => false,
        }
    }

    /// Whether systemd has a unit for what `update-rc.d NAME ...` enables.
    fn has_unit(&self, command: &Command) -> bool {
        let name = command.arguments().iter().find(|word| !word.starts_with('-'));
        name.is_some_and(|name| {
            let folders = ["/usr/lib/systemd/system", "/etc/systemd/system"];
            // A script that is there and has no unit is started by systemd's generator.
            folders.iter().any(|folder| self.root.has_name(&format!("{folder}/{name}.service")))
                || !self.root.exists(&format!("/etc/init.d/{name}"))
        })
    }
}

/// Returns the first line of a command, such as one with a program of `awk`, and marks that there are more.
fn one_line(command: &str) -> String {
    command.trim_end().split_once('\n').map_or(command.to_owned(), |(first, _)| format!("{} ...", first.trim_end()))
}

/// Directories of a running machine.
const RUNNING: &[&str] = &["/dev/", "/proc/", "/sys/", "/run/", "/tmp/"];

/// Returns the files of an image that a command writes by redirections, each with its operator.
fn outputs(command: &Command) -> impl Iterator<Item = (&str, &str)> {
    let all = command.redirections.iter().map(|(operator, file)| (operator.as_str(), file.as_str()));
    all.filter(|(operator, file)| {
        let is_running = RUNNING.iter().any(|directory| file.starts_with(directory));
        operator.starts_with('>') && file.starts_with('/') && !is_running
    })
}

/// Whether a filter edits files in place. The sources of names are edited by a transform.
fn edits(name: &str, command: &Command) -> bool {
    let is_option = |word: &String| word.starts_with("-i") || word.starts_with("--in-place");
    let names_sources = command.words.iter().any(|word| word.contains(base_files::NAME_SOURCES));
    matches!(name, "sed" | "perl") && command.arguments().iter().any(is_option) && !names_sources
}

/// Whether a command only makes a file that is put in the place of one of [`MADE`], or aside, by dpkg's names for that.
fn prepares(command: &Command) -> bool {
    let last = command.arguments().iter().rfind(|word| word.starts_with('/')).map(String::as_str);
    let mut paths = last.into_iter().chain(outputs(command).map(|(_, file)| file));
    let stem = |path: &'_ str| path.rsplit_once(".dpkg-").map(|(stem, _)| stem.to_owned());
    paths.any(|path| stem(path).is_some_and(|stem| MADE.contains(&stem.as_str())))
}

/// Whether `find` does something to what it finds. Files to remove are those of an older version.
fn executes(name: &str, command: &Command) -> bool {
    let mut words =
        command.arguments().iter().skip_while(|word| !matches!(word.as_str(), "-exec" | "-execdir" | "-ok"));
    name == "find" && words.nth(1).is_some_and(|program| !HARMLESS.contains(&program.as_str()))
}

/// Whether a program compiles modules of Python, which are as good without that: by the script of its library that does so.
fn compiles(command: &Command) -> bool {
    command.name().starts_with("python3") && command.words.iter().any(|word| word.ends_with("/py_compile.py"))
}

/// Returns what reads a script that is none of a shell.
fn interpreter(text: &str) -> Option<&str> {
    let line = text.lines().next()?.strip_prefix("#!")?.trim();
    let mut words = line.split_whitespace().map(|word| word.rsplit('/').next().unwrap_or(word));
    let program = words.find(|word| *word != "env" && !word.starts_with('-'))?;
    (!matches!(program, "sh" | "bash" | "dash" | "ksh" | "mksh")).then_some(program)
}

/// Whether a call of `dpkg-divert` diverts something, which is what it does unless told otherwise, and no transform has done it.
fn diverts(name: &str, command: &Command) -> bool {
    let others = ["--list", "--listpackage", "--truename", "--remove"];
    let is_done = command.is_certain() && diversions::Call::parse(command).is_some();
    name == "dpkg-divert" && !is_done && !command.words.iter().any(|word| others.contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debian::Owner;
    use crate::{Extents, MemoryBlobs, Tree};

    /// Returns what is told of a script, a command a line.
    fn told(postinst: &str) -> String {
        let lines = told_of(&[("a", postinst)]);
        lines.lines().map(|line| format!("{}\n", line.strip_prefix("a: ").unwrap_or(line))).collect()
    }

    /// The same of several packages, with their names.
    fn told_of(scripts: &[(&str, &str)]) -> String {
        let blobs = MemoryBlobs::new();
        let mut root = Root::new(Tree::default(), &blobs, 0);
        root.write_text("/etc/passwd", "root:x:0:0:::\nweb:x:33:33:::\n").unwrap();
        root.write_text("/etc/group", "root:x:0:\nmail:x:8:\n").unwrap();
        root.write_text("/etc/there", "").unwrap();
        root.write_text("/etc/init.d/old", "").unwrap();
        root.directory("/var/lib/a", 0o755, Owner::ROOT).unwrap();
        root.write_text("/usr/sbin/make-thing", "#!/bin/sh\n: > /etc/ssl/thing.pem\n").unwrap();
        root.write_text("/usr/lib/systemd/system/new.service", "").unwrap();
        let packages = scripts.iter().map(|(name, postinst)| {
            let control = [("postinst".to_owned(), Extents::from_bytes((*postinst).to_owned()))].into();
            Package::new(format!("Package: {name}\nVersion: 1\nArchitecture: all\n"), control).unwrap()
        });
        let found = unreproduced(&root, &packages.collect::<Vec<_>>()).unwrap();
        let lines = found.iter().flat_map(|script| {
            script.commands.iter().map(|(line, text)| format!("{}: {line}: {text}\n", script.package))
        });
        lines.collect()
    }

    #[test]
    fn what_transforms_do_is_not_told() {
        let script = "#!/bin/sh\nset -e\nif [ \"$1\" = configure ]; then\n  adduser --system a\n  mkdir -p /var/lib/a\n\
            update-rc.d new defaults\n  deb-systemd-helper enable 'new.service' || true\n  ldconfig\nfi\nexit 0\n";
        assert_eq!(told(script), "");
    }

    #[test]
    fn what_nobody_does_is_told_with_its_line() {
        assert_eq!(told("#!/bin/sh\npg_createcluster 17 main\n"), "2: pg_createcluster 17 main\n");
        assert_eq!(told("python3 -c '\nimport a\nprint(a)' b\n"), "1: python3 -c ...\n");
        assert_eq!(told("#!/bin/sh\nupdate-rc.d old defaults\n"), "2: update-rc.d old defaults\n");
        let other = "#!/bin/sh\nif some-question; then\n  chmod 600 /etc/missing\n  cp /a /etc/there\nfi\n";
        assert_eq!(told(other), "2: some-question\n3: chmod 600 /etc/missing\n");
    }

    #[test]
    fn what_writes_files_in_other_ways_is_told() {
        let kept = "echo x > /etc/there\necho x >/dev/null\necho x >&2\nsed s/a/b/ /etc/there\ndpkg-divert --list\n";
        assert_eq!(told(kept), "");
        assert_eq!(told("cat > /etc/a <<EOF\nx\nEOF\necho x >> /etc/there\n"), "");
        assert_eq!(told("cat > /etc/a <<EOF\n$(date)\nEOF\n"), "1: cat >/etc/a\n");
        assert_eq!(told("printf x >> /etc/there\n"), "1: printf x >>/etc/there\n");
        assert_eq!(
            told("{\n echo a\n} > /etc/a\nfor x in a; do\n echo $x\ndone >>/etc/b\n"),
            "3: >/etc/a\n6: >>/etc/b\n"
        );
        assert_eq!(told("sed -i s/a/b/ /etc/there\n"), "1: sed -i s/a/b/ /etc/there\n");
        assert_eq!(told("dpkg-divert --no-rename --divert /a.old --add /a\n"), "");
        let diversion = "dpkg-divert --no-rename --divert /a.old --add $a";
        assert_eq!(told(&format!("{diversion}\n")), format!("1: {diversion}\n"));
    }

    #[test]
    fn what_is_no_call_that_a_transform_reads_is_told() {
        assert_eq!(told("ucf $new /etc/new\n"), "1: ucf $new /etc/new\n");
        assert_eq!(told("ucf $new /etc/there\n"), "");
        let unknown = "update-alternatives --install /usr/bin/x x /usr/bin/y 10 $(followers)";
        assert_eq!(told(&format!("{unknown}\n")), format!("1: {unknown}\n"));
        assert_eq!(told("usermod -g b a\n"), "1: usermod -g b a\n");
        assert_eq!(told("ln /etc/there /etc/hard\n"), "1: ln /etc/there /etc/hard\n");
        assert_eq!(told("cp /etc/other /etc/copy\nrmdir /etc/x\n"), "1: cp /etc/other /etc/copy\n");
    }

    #[test]
    fn owners_and_modes_that_are_not_as_a_command_leaves_them_are_told() {
        let asked = |command: &str| told(&format!("if asked; then {command}; fi\n"));
        let commands = ["chgrp mail /etc/there", "chown web:mail /etc/there", "chmod g+w /etc/there"];
        for command in commands.into_iter().chain(["mkdir -m 700 /etc/init.d", "install -d -o web /etc/init.d"]) {
            assert_eq!(asked(command), format!("1: asked\n1: {command}\n"));
        }
        for command in
            ["chown root:root /etc/there", "chmod go-w /etc/there", "install -d -m 0755 /etc/init.d", "mkdir /run/a"]
        {
            assert_eq!(asked(command), "1: asked\n", "{command}");
        }
    }

    #[test]
    fn what_waits_for_the_work_of_another_package_is_told() {
        let asks =
            "if [ ! -e /etc/a.pem ] && [ -e /etc/ssl/thing.pem ]; then\n ln -s ../ssl/thing.pem /etc/a.pem\nfi\n";
        assert_eq!(told(asks), "");
        let both = told_of(&[("a", asks), ("b", "make-thing\n")]);
        assert_eq!(both, "a: 2: ln -s ../ssl/thing.pem /etc/a.pem\nb: 1: make-thing\n");
        let made = told_of(&[("a", asks), ("b", "printf x >> /etc/ssl/thing.pem\n")]);
        assert_eq!(made, "a: 2: ln -s ../ssl/thing.pem /etc/a.pem\nb: 1: printf x >>/etc/ssl/thing.pem\n");
    }

    #[test]
    fn groups_that_are_there_are_not_told() {
        assert_eq!(told("asked | grep -q x || groupadd -g 8 mail\n"), "1: asked\n");
        assert_eq!(told("groupadd -g 9 mail\ngroupadd other\n"), "1: groupadd -g 9 mail\n2: groupadd other\n");
    }

    #[test]
    fn what_only_prepares_a_file_that_is_made_otherwise_is_not_told() {
        assert_eq!(told("ln -nsf \"$zone\" /etc/localtime.dpkg-new\n"), "");
        assert_eq!(told("printf a >> /etc/ca-certificates.conf.dpkg-new\n"), "");
        let other = "printf a > /etc/there.dpkg-new\nmv -f /etc/there.dpkg-new /etc/there\n";
        assert_eq!(told(other), "1: printf a >/etc/there.dpkg-new\n");
        assert_eq!(told("sed s/a/b/ /etc/there >$new\nmv $new /etc/there\n"), "2: mv $new /etc/there\n");
    }

    #[test]
    fn what_acts_on_what_it_finds_is_told() {
        assert_eq!(told("find /etc -name x -delete\nfind /etc -exec grep x {} +\n"), "");
        let found = "find /etc -exec chown web {} ;";
        assert_eq!(told("find /etc -exec chown web {} \\;\n"), format!("1: {found}\n"));
    }

    #[test]
    fn a_command_is_one_line() {
        assert_eq!(told("some-awk '\nBEGIN\n{}' x\n"), "1: some-awk ...\n");
        assert_eq!(told("other-tool '{\n}'\n"), "1: other-tool { ...\n");
    }

    #[test]
    fn what_is_no_script_of_a_shell_is_told() {
        assert_eq!(told("#!/usr/bin/perl -w\nuse strict;\n"), "1: a script of perl\n");
        assert_eq!(told("#!/usr/bin/env python3\nimport os\n"), "1: a script of python3\n");
        assert_eq!(told("#! /bin/bash -e\ntrue\n"), "");
    }

    #[test]
    fn what_only_a_running_machine_has_is_not_told() {
        assert_eq!(told("if aa-enabled --quiet; then apparmor_parser -r -T -W /etc/apparmor.d/a; fi\n"), "");
        assert_eq!(told("if perl -e ''; then a; fi\n"), "");
        assert_eq!(told("python3.13 -E -S /usr/lib/python3.13/py_compile.py $files\n"), "");
    }

    #[test]
    fn what_only_an_upgrade_does_is_not_told() {
        assert_eq!(told("#!/bin/sh\nif [ -n \"$2\" ]; then\n  mend-everything\nfi\n"), "");
    }

    proptest::proptest! {
        #[test]
        fn no_script_makes_the_report_panic(script in "[a-z \\n\"'$();|&\\[\\]{}=/-]{0,80}") {
            let _ = told(&script);
        }
    }
}
