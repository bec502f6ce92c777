//! The busybox userland: process 1, logins and commands from one static program.
//!
//! Everything is declared here; nothing is installed when the machine starts.

use std::collections::BTreeMap;

use gravure_eval::{Value, View, nearest};
use gravure_lang::{Diagnostic, Place};

use super::LowerError;
use crate::kinds::tree::Declared;

/// Directories of the root with their modes. `/bin`, `/sbin` and `/lib` are links into `/usr`, as everywhere in Debian.
const DIRECTORIES: &[(&str, u16)] = &[
    ("usr", 0o755),
    ("var", 0o755),
    ("usr/bin", 0o755),
    ("usr/sbin", 0o755),
    ("usr/lib", 0o755),
    ("usr/lib64", 0o755),
    ("boot", 0o755),
    ("dev", 0o755),
    ("etc", 0o755),
    ("home", 0o755),
    ("mnt", 0o755),
    ("opt", 0o755),
    ("proc", 0o755),
    ("root", 0o700),
    ("run", 0o755),
    ("srv", 0o755),
    ("sys", 0o755),
    ("tmp", 0o1777),
    ("var/log", 0o755),
    ("var/tmp", 0o1777),
];

/// Directories of the root that are links.
const LINKS: &[(&str, &str)] = &[
    ("bin", "usr/bin"),
    ("sbin", "usr/sbin"),
    ("lib", "usr/lib"),
    ("lib64", "usr/lib64"),
    ("var/run", "../run"),
    ("var/lock", "../run/lock"),
];

/// The commands of busybox that a root has, as Debian builds it, in `/bin`.
const COMMANDS: &str = "[ ar ash awk base64 basename bunzip2 bzcat bzip2 cal cat chgrp chmod chown clear cmp cp cpio cut date dc dd df \
    diff dirname dmesg du echo ed egrep env expand expr factor fallocate false fgrep find fold free getopt grep groups gunzip gzip head \
    hexdump hostid hostname id install ionice kill killall last less link ln logger login logname ls lzcat md5sum microcom mkdir mkfifo \
    mknod mktemp more mount mv nc netstat nl nproc nsenter nslookup od openvt passwd paste patch pidof ping printf ps pwd readlink \
    realpath renice reset rev rm rmdir run-parts sed seq setsid sh sha1sum sha256sum sha512sum shred shuf sleep sort stat strings stty su \
    sync tac tail tar taskset tee telnet test tftp time timeout top touch tr traceroute true truncate tty umount uname uncompress unexpand \
    uniq unlink unlzma unshare unxz unzip uptime usleep vi w watch wc wget which who whoami xargs xxd xz xzcat yes zcat";

/// Those in `/sbin`.
const ADMIN_COMMANDS: &str = "arp arping blkdiscard blockdev chroot crond fdisk findfs fstrim getty halt hwclock ifconfig ifdown ifup init \
    insmod ip klogd losetup lsmod mdev mke2fs mkswap modinfo modprobe nologin partprobe pivot_root poweroff reboot rmmod route \
    start-stop-daemon sulogin swapoff swapon switch_root sysctl syslogd udhcpc";

/// What process 1 does when the machine starts. The root is mounted read-only until here.
const START: &str = "#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -o remount,rw /
mkdir -p /dev/pts /dev/shm
mount -a
hostname -F /etc/hostname
";

/// What is there before any package is unpacked.
pub(super) fn foundation() -> Vec<Declared> {
    let directories = DIRECTORIES.iter().map(|&(path, mode)| Declared::directory(path, mode));
    let links = LINKS.iter().map(|&(path, target)| Declared::symlink(path, target));
    directories.chain(links).collect()
}

/// What the configuration and busybox put over the packages.
pub(super) fn userland(system: View<'_, '_>, time: i64) -> Result<Vec<Declared>, LowerError> {
    let host_name = system.string("host-name")?;
    let timezone = system.string("timezone")?;
    let mut entries = vec![
        Declared::text("/etc/hostname", 0o644, format!("{host_name}\n")),
        Declared::text(
            "/etc/hosts",
            0o644,
            format!("127.0.0.1 localhost\n127.0.1.1 {host_name}\n::1 localhost ip6-localhost ip6-loopback\n"),
        ),
        Declared::text("/etc/timezone", 0o644, format!("{timezone}\n")),
        Declared::symlink("/etc/localtime", format!("/usr/share/zoneinfo/{timezone}")),
        Declared::text("/etc/profile", 0o644, "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin\n"),
        Declared::text("/etc/inittab", 0o644, inittab(system)?),
        Declared::text("/etc/init.d/rcS", 0o755, START),
    ];
    entries.extend(COMMANDS.split_whitespace().map(|name| Declared::symlink(format!("/usr/bin/{name}"), "busybox")));
    entries.extend(
        ADMIN_COMMANDS.split_whitespace().map(|name| Declared::symlink(format!("/usr/sbin/{name}"), "../bin/busybox")),
    );
    entries.extend(system.optional_string("issue")?.map(|issue| Declared::text("/etc/issue", 0o644, issue)));
    entries.extend(accounts(system, time)?);
    Ok(entries)
}

fn inittab(system: View<'_, '_>) -> Result<String, LowerError> {
    let mut lines = vec!["::sysinit:/etc/init.d/rcS"];
    for service in system.records("services")? {
        lines.extend(service.strings("inittab")?);
    }
    lines.extend(["::ctrlaltdel:/sbin/reboot", "::shutdown:/bin/umount -a -r"]);
    Ok(lines.join("\n") + "\n")
}

/// Numbers that are given out start here.
const FIRST_NUMBER: i64 = 1000;

struct Group<'h> {
    name: &'h str,
    id: i64,
    members: Vec<&'h str>,
}

/// `/etc/passwd`, `group`, `shadow` and `gshadow`, and the home directories.
fn accounts(system: View<'_, '_>, time: i64) -> Result<Vec<Declared>, LowerError> {
    let users = system.records("users")?;
    let mut groups = groups(system)?;
    let (mut passwd, mut shadow, mut homes) = (String::new(), String::new(), Vec::new());
    for (&user, uid) in users.iter().zip(numbers(&users, "uid", "user")?) {
        let name = user.string("name")?;
        let gid = group(&mut groups, user.string("group")?, user.place("group"))?.id;
        let places = user.list("supplementary-groups")?.into_iter().map(|(_, place)| place);
        for (supplementary, place) in user.strings("supplementary-groups")?.into_iter().zip(places) {
            group(&mut groups, supplementary, place)?.members.push(name);
        }
        let home = user.string("home-directory")?;
        let (comment, shell) = (user.string("comment")?, user.optional_string("shell")?.unwrap_or("/bin/sh"));
        passwd.push_str(&format!("{name}:x:{uid}:{gid}:{comment}:{home}:{shell}\n"));
        let password = user.optional_string("password")?.unwrap_or("!");
        shadow.push_str(&format!("{name}:{password}:{}:0:99999:7:::\n", time / SECONDS_OF_A_DAY));
        if user.bool("create-home-directory?")? {
            let (uid, gid) = (uid as u32, gid as u32);
            homes.push(Declared { uid, gid, ..Declared::directory(home, 0o700) });
        }
    }
    let group_lines: String =
        groups.iter().map(|group| format!("{}:x:{}:{}\n", group.name, group.id, group.members.join(","))).collect();
    let secrets: String =
        groups.iter().map(|group| format!("{}:!::{}\n", group.name, group.members.join(","))).collect();
    let mut entries = vec![
        Declared::text("/etc/passwd", 0o644, passwd),
        Declared::text("/etc/group", 0o644, group_lines),
        Declared::text("/etc/shadow", 0o600, shadow),
        Declared::text("/etc/gshadow", 0o600, secrets),
    ];
    entries.extend(homes);
    Ok(entries)
}

const SECONDS_OF_A_DAY: i64 = 86_400;

fn groups<'h>(system: View<'_, 'h>) -> Result<Vec<Group<'h>>, LowerError> {
    let records = system.records("groups")?;
    let numbers = numbers(&records, "id", "group")?;
    let groups = records.iter().zip(numbers);
    groups.map(|(record, id)| Ok(Group { name: record.string("name")?, id, members: Vec::new() })).collect()
}

/// Returns the numbers of users or groups: those that are given, and the next free ones.
fn numbers(records: &[View<'_, '_>], field: &str, what: &str) -> Result<Vec<i64>, LowerError> {
    let mut given: BTreeMap<i64, View<'_, '_>> = BTreeMap::new();
    for &record in records {
        let Value::Int(number) = record.value(field)? else { continue };
        if let Some(first) = given.insert(number, record) {
            let (name, other) = (record.string("name")?, first.string("name")?);
            let message = format!("{what} `{name}` has the number {number}, which {what} `{other}` has already");
            let diagnostic = Diagnostic::error("E0412", message, record.place(field), "this one");
            return Err(LowerError::Diagnostics(vec![diagnostic.label(first.place(field), "and this one")]));
        }
    }
    let mut free = (FIRST_NUMBER..).filter(|number| !given.contains_key(number));
    let numbers = records.iter().map(|record| match record.value(field)? {
        Value::Int(number) => Ok(number),
        _ => Ok(free.next().expect("there are more numbers than users")),
    });
    numbers.collect()
}

/// Finds the group called `name`, which is asked for at `place`.
fn group<'g, 'h>(groups: &'g mut [Group<'h>], name: &str, place: Place) -> Result<&'g mut Group<'h>, LowerError> {
    if let Some(found) = groups.iter().position(|group| group.name == name) {
        return Ok(&mut groups[found]);
    }
    let diagnostic = Diagnostic::error("E0411", format!("there is no group `{name}`"), place, "this group");
    Err(LowerError::Diagnostics(vec![match nearest(name, groups.iter().map(|group| group.name)) {
        Some(near) => diagnostic.write(gravure_lang::quote(near)),
        None => diagnostic.help(format!("add `groups += [os.UserGroup {{ name = \"{name}\" }}]`")),
    }]))
}
