//! Debian with systemd: `examples/debian.img` and `examples/server.img` boot, on both architectures, and are what package
//! management would have made.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use gravure_tests::judges;
use gravure_tests::qemu::{COMMAND, Machine, free_port};
use gravure_tests::{Console, mirror};

use super::{GRAVURE, WORKSPACE, gravure, path_text};

/// A generous limit for systemd to come to a login, emulated, on a loaded host.
const SYSTEMD_LOGIN: Duration = Duration::from_secs(420);
/// A generous limit for what asks packages or starts services.
const LONG_COMMAND: Duration = Duration::from_secs(180);

/// Copies an example into a directory and builds it with these arguments; returns the image.
fn build(directory: &Path, example: &str, arguments: &[&str]) -> PathBuf {
    let file = format!("{example}.img");
    fs::copy(Path::new(WORKSPACE).join("examples").join(&file), directory.join(&file))
        .expect("the example can be copied");
    gravure(directory, &[&["build", &file], arguments].concat());
    directory.join(format!("{example}.raw"))
}

fn judge(image: &Path) {
    judges::sgdisk_clean(image);
    judges::fsck_fat_clean(image, judges::partition(image, 1));
    judges::e2fsck_clean(image, judges::partition(image, 2));
}

/// Logs somebody in at the console.
fn log_in(console: &mut Console, host_name: &str, user: &str) {
    console.expect(&format!("{host_name} login: "), SYSTEMD_LOGIN);
    console.send_line(user);
    console.expect("Password: ", COMMAND);
    console.send_line("gravure");
    let prompt = if user == "root" { "# " } else { "$ " };
    console.expect(prompt, COMMAND);
    // Colours and marks of the shell's prompt would stand in what commands print.
    console.run("export TERM=dumb PAGER=cat; bind 'set enable-bracketed-paste off'; PS1='# '", COMMAND);
}

/// Waits until all services are there, of which none has failed.
fn expect_running(console: &mut Console) {
    let state = console.run("systemctl is-system-running --wait || systemctl --failed --no-legend", LONG_COMMAND);
    assert_eq!(state, "running\n");
    assert_eq!(console.run("systemctl --failed --no-legend", COMMAND), "");
}

fn power_off(console: &mut Console) {
    console.send_line("systemctl poweroff");
    console.expect_end(LONG_COMMAND);
}

#[test]
fn debian_runs_and_its_packages_are_in_order() {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    let image = build(scratch.path(), "debian", &[]);
    judge(&image);
    let mirror = mirror::Mirror::start("hello-gravure", "/usr/share/hello-gravure/greeting", "hello\n");

    let mut console = Machine::x86_64_uefi(&image).memory(1024).newest_processor().network(&[]).boot("debian");
    log_in(&mut console, "debian", "root");
    expect_running(&mut console);
    assert_eq!(console.run("dpkg --audit", COMMAND), "");
    assert_eq!(console.run("dpkg --verify", LONG_COMMAND), "");
    assert_eq!(console.run("dpkg-query -W -f '${db:Status-Status}\\n' | sort -u", COMMAND), "installed\n");
    console.run("apt-get check", LONG_COMMAND);
    assert_eq!(console.run("hostname; cat /proc/sys/kernel/random/boot_id | wc -l", COMMAND), "debian\n1\n");
    assert_eq!(
        console.run("stat -c '%a %U:%G' /etc/shadow /usr/bin/passwd /tmp", COMMAND),
        "640 root:shadow\n4755 root:root\n1777 root:root\n"
    );
    console.run("su - alice -c 'id -nG' | grep -w sudo", COMMAND);

    let line = format!("deb [trusted=yes] http://10.0.2.2:{}/ ./", mirror.port());
    console.run(&format!("echo '{line}' > /etc/apt/sources.list.d/test.list"), COMMAND);
    console.run("apt-get -q update", LONG_COMMAND);
    console.run("apt-get -q -y install hello-gravure", LONG_COMMAND);
    assert_eq!(console.run("cat /usr/share/hello-gravure/greeting", COMMAND), "hello\n");
    assert_eq!(console.run("dpkg-query -W -f '${db:Status-Abbrev}' hello-gravure; echo", COMMAND), "ii \n");
    assert_eq!(console.run("dpkg --audit", COMMAND), "");

    console.send_line("exit");
    log_in(&mut console, "debian", "alice");
    assert_eq!(console.run("pwd; id -un", COMMAND), "/home/alice\nalice\n");
    console.send_line("exit");
    log_in(&mut console, "debian", "root");
    power_off(&mut console);
}

#[test]
fn debian_for_arm64_is_built_here_and_runs() {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    let image = build(scratch.path(), "debian", &["--platform", "aarch64-linux"]);
    judge(&image);
    let mut console = Machine::aarch64_uefi(&image).memory(1024).network(&[]).boot("debian-arm64");
    log_in(&mut console, "debian", "root");
    assert_eq!(console.run("uname -m; dpkg --print-architecture", COMMAND), "aarch64\narm64\n");
    expect_running(&mut console);
    power_off(&mut console);
}

/// Where packages are only unpacked, their scripts run before anybody can log in.
#[test]
fn debian_configured_at_its_first_boot_runs() {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    fs::copy(Path::new(WORKSPACE).join("examples/debian.img"), scratch.path().join("debian.img"))
        .expect("the example can be copied");
    let text = "import \"./debian.img\" as base\n\nfirst = base.debian { configure = 'first-boot }\n";
    fs::write(scratch.path().join("first.img"), text).expect("a file can be written");
    gravure(scratch.path(), &["build", "first.img"]);
    let image = scratch.path().join("first.raw");
    let mut console = Machine::x86_64_uefi(&image).memory(1024).newest_processor().network(&[]).boot("first-boot");
    log_in(&mut console, "debian", "root");
    assert_eq!(
        console.run("systemctl show -p Result -p ActiveState gravure-configure", COMMAND),
        "Result=success\nActiveState=active\n"
    );
    expect_running(&mut console);
    assert_eq!(console.run("dpkg-query -W -f '${db:Status-Status}\\n' | sort -u", COMMAND), "installed\n");
    assert_eq!(console.run("dpkg --audit", COMMAND), "");
    power_off(&mut console);
}

/// Ten packages beside those of the example: most run as they are; of the others the report says that they cannot.
const FURTHER: [&str; 10] = [
    "apache2",
    "avahi-daemon",
    "cron",
    "dnsmasq",
    "dovecot-imapd",
    "haproxy",
    "memcached",
    "mosquitto",
    "redis-server",
    "rsyslog",
];
/// Units of those that run.
const RUNNING: &str = "avahi-daemon cron dnsmasq haproxy memcached mosquitto redis-server rsyslog";

/// A unit fails only if the report of the build has named the package that brings it.
#[test]
fn debian_with_ten_further_packages_runs_or_was_reported() {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    fs::copy(Path::new(WORKSPACE).join("examples/debian.img"), scratch.path().join("debian.img"))
        .expect("the example can be copied");
    let text = format!(
        "import \"std/os\" as os\nimport \"./debian.img\" as base\n\n\
         further = base.debian {{ packages += os.packages({FURTHER:?}) }}\n"
    );
    fs::write(scratch.path().join("further.img"), text).expect("a file can be written");
    let report = gravure(scratch.path(), &["build", "--report", "further.img"]);
    let reported: BTreeSet<&str> = report.lines().filter_map(|line| Some(line.split_once(": ")?.0)).collect();

    let image = scratch.path().join("further.raw");
    let mut console = Machine::x86_64_uefi(&image).memory(1024).newest_processor().network(&[]).boot("further");
    log_in(&mut console, "debian", "root");
    console.run("systemctl is-system-running --wait || true", LONG_COMMAND);
    let failed = console.run("systemctl --failed --plain --no-legend | cut -d' ' -f1", COMMAND);
    let owners: BTreeSet<String> = failed.lines().map(|unit| owner_of_unit(&mut console, unit)).collect();
    let is_reported = |owner: &String| reported.contains(owner.as_str());
    assert!(owners.iter().all(is_reported), "failed: {failed}of {owners:?}, reported: {reported:?}");
    // A key is drawn for every machine, so the image cannot have the certificate that this one needs; without a unit that
    // fails, nothing above would be tested.
    assert!(owners.contains("dovecot-core"), "failed: {failed}");
    let active = console.run(&format!("systemctl is-active {RUNNING} || true"), COMMAND);
    assert_eq!(active, "active\n".repeat(RUNNING.split(' ').count()));
    assert_eq!(console.run("dpkg --audit", COMMAND), "");
    power_off(&mut console);
}

/// Returns the package that brings the file of a unit; of one that systemd made from a script, the script's.
fn owner_of_unit(console: &mut Console, unit: &str) -> String {
    let show = format!("systemctl show --value -p FragmentPath -p SourcePath {unit}");
    let lines = console.run(&format!("dpkg -S $({show}) 2>/dev/null || true"), LONG_COMMAND);
    lines.split_once(':').unwrap_or_else(|| panic!("no package has a file of {unit}")).0.to_owned()
}

/// Makes a key, and the example's server with it instead of the example's own.
fn build_server(directory: &Path) -> (PathBuf, PathBuf) {
    let key = directory.join("key");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
    let made = made.expect("this test needs the program ssh-keygen, of Debian's package openssh-client");
    assert!(made.success(), "ssh-keygen: {made}");
    let public = fs::read_to_string(key.with_extension("pub")).expect("the key was written");
    for file in ["server.img", "server.nft"] {
        fs::copy(Path::new(WORKSPACE).join("examples").join(file), directory.join(file))
            .expect("the example can be copied");
    }
    let text = format!(
        "import \"./server.img\" as base\n\n\
         tested = base.server {{ services[\"openssh\"] {{ authorized-keys[\"root\"] = [\"{}\"] }} }}\n",
        public.trim()
    );
    fs::write(directory.join("tested.img"), text).expect("a file can be written");
    gravure(directory, &["build", "tested.img"]);
    (directory.join("tested.raw"), key)
}

/// Runs a command on a machine through a forwarded port; none while nobody answers.
fn ssh(port: u16, key: &Path, command: &str) -> Option<String> {
    let options = ["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "ConnectTimeout=20"];
    let mut ssh = Command::new("ssh");
    for option in options {
        ssh.args(["-o", option]);
    }
    let output = ssh.args(["-q", "-p", &port.to_string(), "-i", path_text(key), "root@127.0.0.1", command]).output();
    let output = output.expect("this test needs the program ssh, of Debian's package openssh-client");
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Asks until there is an answer.
fn until_answered<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < LONG_COMMAND, "{what} does not answer");
        std::thread::sleep(Duration::from_secs(2));
    }
}

fn http_get(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(COMMAND)).ok()?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    (!answer.is_empty()).then_some(answer)
}

#[test]
fn server_serves() {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    let (image, key) = build_server(scratch.path());
    judge(&image);
    let [ssh_port, http_port] = [free_port(), free_port()];
    let machine = Machine::x86_64_uefi(&image).memory(1024).newest_processor();
    let mut console = machine.network(&[(ssh_port, 22), (http_port, 80)]).boot("server");
    console.expect("server login: ", SYSTEMD_LOGIN);
    let run = |command: &str| until_answered(command, || ssh(ssh_port, &key, command));
    assert_eq!(run("systemctl is-system-running --wait; systemctl --failed --no-legend"), "running\n");
    assert_eq!(run("systemctl is-active ssh nginx chrony nftables"), "active\nactive\nactive\nactive\n");
    assert!(run("chronyc -n tracking").contains("Reference ID"));
    assert!(run("nft list ruleset").contains("tcp dport { 22, 80 } accept"));
    assert!(run("systemctl list-timers --all --no-pager").contains("greet.timer"));
    assert_eq!(run("dpkg --audit"), "");
    let page = until_answered("nginx", || http_get(http_port));
    assert!(page.starts_with("HTTP/1.1 200 OK") && page.contains("nginx"), "{page}");
    ssh(ssh_port, &key, "systemctl poweroff");
    console.expect_end(LONG_COMMAND);
}

/// Nothing of a package runs on the host, and nothing else does either.
#[test]
fn building_debian_executes_nothing() {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    fs::copy(Path::new(WORKSPACE).join("examples/debian.img"), scratch.path().join("debian.img"))
        .expect("the example can be copied");
    let trace = scratch.path().join("trace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-e", "trace=execve,execveat", "-o"]).arg(&trace).args([GRAVURE, "build", "debian.img"]);
    strace.current_dir(scratch.path()).env("GRAVURE_STORE", scratch.path().join("store"));
    let output = strace.output().expect("this test needs the program strace, of Debian's package strace");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let trace = fs::read_to_string(trace).expect("strace has written what it saw");
    let executed: Vec<&str> = trace.lines().filter(|line| line.contains("exec")).collect();
    assert_eq!(executed.len(), 1, "{executed:#?}");
    assert!(executed[0].contains(GRAVURE), "{executed:#?}");
}
