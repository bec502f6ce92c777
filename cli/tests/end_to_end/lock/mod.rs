//! Lock files from the command line, against a mirror on this machine: each test plays a transcript beside this file.
//!
//! The archives are made and signed here. Their dates are in November 2025, so that the clock of whoever runs the tests is
//! after all of them, but for one of the year 2099.

mod mirror;

use std::path::Path;

use gravure_tests::openpgp::Signer;
use gravure_tests::play::Play;
use gravure_tests::{clock, debs};

use mirror::{Archive, Files, INDEX, Mirror, owner};

/// A project, and the mirror that its packages come from.
struct Scene {
    name: &'static str,
    play: Play,
    mirror: Mirror,
}

impl Scene {
    /// Starts the transcript `name`, in a project with the key of the archives, and the packages that every system needs.
    fn new(name: &'static str) -> Scene {
        let (mut play, mirror) = (Play::new(Path::new(super::GRAVURE)), Mirror::new());
        play.variable("GRAVURE_DEBIAN_MIRROR", format!("{}/debian", mirror.address()));
        play.rename(mirror.address(), "http://mirror.test");
        play.rename(owner().fingerprint(), "[OWNER]");
        play.rename(Signer::new(2).fingerprint(), "[STRANGER]");
        play.write("archive-key.pgp", owner().certificate());
        play.write("packages/kernel.deb", debs::kernel(true));
        play.write("packages/busybox.deb", debs::busybox());
        play.write("packages/grub.deb", debs::grub());
        play.write("base.img", BASE);
        Scene { name, play, mirror }
    }

    /// Starts a transcript with a file `machine.img`, whose system has these packages of the archive.
    fn with_packages(name: &'static str, packages: &[&str]) -> Scene {
        let scene = Scene::new(name);
        scene.machine("machine", packages);
        scene
    }

    /// Writes a file whose system has these packages of the archive.
    fn machine(&self, name: &str, packages: &[&str]) {
        self.play.write(&format!("{name}.img"), machine(name, "base.machine", packages));
    }

    /// Writes a file with a system of Debian's userland, which needs what its packages need.
    fn closed_machine(&self, name: &str, packages: &[&str]) {
        self.play.write(&format!("{name}.img"), machine(name, "base.closed-machine", packages));
    }

    fn publish(&mut self, what: &str, files: Files) {
        self.play.tell(what, &[]);
        self.mirror.publish(files);
    }

    fn run(&mut self, command: &str) {
        self.play.run(command);
    }

    /// Shows what the mirror was asked for since this was shown last.
    fn tell_requests(&mut self) {
        let requests = self.mirror.new_requests();
        self.play.tell("what the mirror was asked for:", &requests);
    }

    #[track_caller]
    fn check(self) {
        let file = format!("{}/tests/end_to_end/lock/{}.transcript", env!("CARGO_MANIFEST_DIR"), self.name);
        self.play.check(Path::new(&file));
    }
}

/// What the systems of the tests have in common.
const BASE: &str = r#"import "std/os" as os

abstract machine = os.OperatingSystem {
  archives = [os.Archive { suite = "trixie"; keys = [./archive-key.pgp] }]
  bootloader { loader = os.grub.efi-amd64 { package = ./packages/grub.deb } }
  kernel = os.Kernel { package = ./packages/kernel.deb; platform = 'x86_64-linux; initrd-modules = ["virtio-blk"] }
  initrd { busybox = ./packages/busybox.deb }
  init = 'busybox
  file-systems += [os.FileSystem { device = os.label("root"); mount-point = "/"; type = 'ext4 }]
  users["root"] { password = "" }
}

abstract closed-machine = machine { init = 'systemd; base-packages = []; services = [] }
"#;

const OTHER_ARCHITECTURE: &str = r#"import "std/os" as os
import "base.img" as base

machine = base.closed-machine {
  host-name = "machine"
  platform = 'aarch64-linux
  kernel { platform = 'aarch64-linux }
  bootloader { loader = os.grub.efi-arm64 { package = ./packages/grub.deb } }
  packages = [PACKAGE]
}
"#;

fn machine(name: &str, base: &str, packages: &[&str]) -> String {
    let packages: Vec<String> = packages.iter().map(|package| format!("{package:?}")).collect();
    format!(
        "import \"std/os\" as os\nimport \"base.img\" as base\n\n{name} = {base} {{\n  host-name = \"{name}\"\n  \
         packages = os.packages([{}])\n}}\n",
        packages.join(", ")
    )
}

/// Adds what is missing, takes what is newer, drops what nobody needs.
#[test]
fn lock_and_update() {
    let mut scene = Scene::with_packages("update", &["hello", "apt"]);
    let old = Archive::on(15).package("apt", "3.0.3").package("hello", "2.10-2").package("nano", "8.4");
    scene.publish("the archive on 15 November", old.files());
    scene.run("gravure lock");
    scene.run("gravure lock");
    scene.machine("other", &["nano"]);
    scene.publish("another file needs `nano`", old.files());
    scene.run("gravure lock other.img");
    let new = Archive::on(16).package("apt", "3.0.4").package("hello", "2.10-3").package("nano", "8.5");
    scene.publish("the archive on 16 November", new.files());
    scene.run("gravure lock --locked");
    scene.run("gravure lock");
    scene.run("gravure lock --update apt");
    scene.run("gravure lock other.img --update");
    scene.run("gravure lock --update helo");
    scene.run("gravure lock hello");
    scene.run("rm other.img && gravure lock --update");
    scene.run("gravure lock --update");
    let newest = Archive::on(17).package("apt", "3.0.3").package("hello", "2.10-3");
    scene.publish("the archive on 17 November, which took a version back", newest.files());
    scene.run("gravure lock --update");
    scene.run("sed -e 's/InRelease: .*/InRelease: [..]/' gravure.lock");
    scene.check();
}

/// A lock file is enough: for the same packages on another day nothing but these is fetched, and in the end nothing.
#[test]
fn the_same_lock_gives_the_same_image() {
    let mut scene = Scene::with_packages("same-image", &["hello"]);
    let old = Archive::on(15).package("hello", "2.10-2");
    scene.publish("the archive on 15 November", old.files());
    scene.run("gravure build machine.img 2>/dev/null && sha256sum machine.raw >first");
    scene.tell_requests();
    let mut files = Archive::on(16).package("hello", "2.10-3").files();
    files.extend(old.files().into_iter().filter(|(path, _)| path.contains("/pool/")));
    scene.publish("the archive on 16 November, which still has the old package", files);
    scene.run("GRAVURE_STORE=$HOME/empty gravure build --locked machine.img 2>/dev/null && sha256sum -c first");
    scene.tell_requests();
    scene.run("rm machine.raw && gravure build --locked --offline machine.img 2>/dev/null && sha256sum -c first");
    scene.check();
}

/// A package that the mirror has dropped.
#[test]
fn a_version_that_is_gone() {
    let mut scene = Scene::with_packages("gone", &["hello"]);
    let both = |day, hello| Archive::on(day).package("hello", hello).package("nano", "8.4").files();
    scene.publish("the archive on 15 November", both(15, "2.10-2"));
    scene.run("gravure lock");
    scene.publish("the archive on 16 November", both(16, "2.10-3"));
    scene.run("gravure build machine.img");
    scene.run("ls *.raw");
    scene.machine("machine", &["hello", "nano"]);
    scene.play.tell("a package is wanted that is not locked, and the mirror has lost the locked state", &[]);
    scene.run("GRAVURE_STORE=$HOME/empty gravure lock");
    scene.play.tell("here the index of that state is in the store still", &[]);
    scene.run("gravure lock");
    scene.run("gravure lock --update hello");
    scene.run("gravure build machine.img 2>/dev/null");
    scene.check();
}

/// `--locked` changes nothing, and says at its place what is missing.
#[test]
fn locked_without_what_is_needed() {
    let mut scene = Scene::with_packages("locked", &["hello"]);
    let archive = Archive::on(15).package("hello", "2.10-2").package("nano", "8.4").package_with(
        "less",
        "668",
        "Depends: libc\n",
    );
    scene.publish("the archive on 15 November", archive.package("libc", "2").files());
    scene.run("gravure build --locked machine.img");
    scene.run("gravure lock");
    scene.machine("machine", &["hello", "nano"]);
    scene.run("gravure build --locked machine.img");
    scene.closed_machine("machine", &["hello", "less"]);
    scene.run("gravure lock --locked");
    scene.run("gravure lock");
    scene.run("gravure lock --locked");
    scene.check();
}

/// Lock files that are damaged, or not such.
#[test]
fn damaged_lock_files() {
    let mut scene = Scene::with_packages("damaged", &["hello"]);
    scene.publish("the archive on 15 November", Archive::on(15).package("hello", "2.10-2").files());
    scene.run("gravure lock && cp gravure.lock good");
    for command in [
        "echo hello >gravure.lock",
        "sed 's/Lock-Version: 1/Lock-Version: 2/' good >gravure.lock",
        "sed 's/^Filename: .*/Filename: ..\\/..\\/etc\\/passwd/' good >gravure.lock",
        "sed 's/^SHA256: ....../SHA256: /' good >gravure.lock",
        "(cat good; echo '<<<<<<< HEAD') >gravure.lock",
        "printf '\\377' >gravure.lock",
    ] {
        scene.run(command);
        scene.run("gravure build machine.img");
    }
    scene.run("cp gravure.lock before; gravure lock --update; cmp gravure.lock before");
    scene.check();
}

/// Rows 38 to 40, and 51 the other way round: releases that nobody stands for, or not any more.
#[test]
fn releases_that_are_refused() {
    let mut scene = Scene::with_packages("releases", &["hello"]);
    let archive = Archive::on(15).package("hello", "2.10-2");
    let (release, signed) = (archive.release(), owner().message(&archive.release()));
    for (what, in_release) in [
        ("a release without a signature", release.clone()),
        ("one that somebody else has signed", Signer::new(2).message(&release)),
        ("one that was changed after it was signed", signed.replace("stable", "stably")),
        ("one that goes on after its signature", format!("{signed}Suite: other\n")),
        ("two in one file", signed.repeat(2)),
    ] {
        scene.publish(what, archive.files_with(in_release));
        scene.run("gravure lock");
    }
    let expired = archive.clone().field("Valid-Until: Sat, 22 Nov 2025 09:46:24 UTC\n");
    scene.publish("one that has expired", expired.files());
    scene.run("gravure lock");
    scene.run("gravure lock --allow-expired trixie");
    scene.publish("one of the day before", Archive::on(14).package("hello", "2.10-1").files());
    scene.run("gravure lock --update");
    scene.publish("one of the year 2099", Archive::made("1 Jan 2099 00:00:00 UTC").package("hello", "3").files());
    scene.run("gravure lock --update");
    scene.run("grep ^Version gravure.lock");
    scene.check();
}

/// Row 51: a clock of 1970 or of 2106 changes no byte of what is locked, and nothing new is locked by it.
#[test]
fn wrong_clocks() {
    let mut scene = Scene::with_packages("clocks", &["hello"]);
    let library = clock::library(&scene.play.path("..")).canonicalize().expect("the library was made");
    scene.play.variable("CLOCK", library.to_str().expect("scratch directories have plain names"));
    let archive = Archive::on(15).field("Valid-Until: Sat, 22 Nov 2025 09:46:24 UTC\n").package("hello", "2.10-2");
    scene.publish("the archive on 15 November, which has expired since", archive.files());
    scene.play.write("gravure-at", GRAVURE_AT);
    for (what, seconds) in WRONG_CLOCKS {
        scene.play.tell(what, &[]);
        scene.run(&format!("sh gravure-at {seconds} lock"));
        scene.run(&format!("sh gravure-at {seconds} build machine.img"));
    }
    scene.run(
        "gravure lock --allow-expired trixie; gravure build machine.img 2>/dev/null; sha256sum machine.raw >first",
    );
    for (what, seconds) in WRONG_CLOCKS {
        scene.play.tell(what, &[]);
        let build = format!("sh gravure-at {seconds} build --locked machine.img");
        scene.run(&format!("rm machine.raw; export GRAVURE_STORE=$HOME/{seconds}; {build} && sha256sum -c first"));
        scene.run(&format!("export GRAVURE_STORE=$HOME/{seconds}; gravure store verify && {build} && ls machine.raw"));
        scene.run(&format!("cp gravure.lock before; sh gravure-at {seconds} lock --update; cmp gravure.lock before"));
    }
    scene.check();
}

const WRONG_CLOCKS: [(&str, u64); 2] = [("the clock says 1970", 0), ("the clock says 2106", 4_294_967_296)];

/// Runs gravure at a time of day that the first argument gives in seconds since 1970.
const GRAVURE_AT: &str = "export WRONG_CLOCK=$1; shift; LD_PRELOAD=$CLOCK exec gravure \"$@\"\n";

/// Row 41: indexes that are not what the release says.
#[test]
fn indexes_that_are_refused() {
    let mut scene = Scene::with_packages("indexes", &["hello"]);
    let archive = Archive::on(15).package("hello", "2.10-2");
    let good = &archive.files()[INDEX];
    let other = good.iter().enumerate().map(|(at, byte)| if at == 20 { byte ^ 1 } else { *byte }).collect();
    let longer = [&good[..], &[0]].concat();
    for (what, index) in [
        ("an index of the right length with another byte", other),
        ("an index that ends too early", good[..good.len() - 5].to_vec()),
        ("an index with a byte more", longer),
    ] {
        let mut files = archive.files();
        files.insert(INDEX.to_owned(), index);
        scene.publish(what, files);
        scene.run("gravure lock");
    }
    let cut = good[..good.len() - 5].to_vec();
    let mut files = archive.files_with(owner().message(&archive.release_with_index(&cut)));
    files.insert(INDEX.to_owned(), cut);
    scene.publish("an index that is as the release says, and ends too early", files);
    scene.run("gravure lock");
    let mut files = archive.files();
    files.remove(INDEX);
    scene.publish("an archive without its index", files);
    scene.run("gravure lock");
    scene.run("ls gravure.lock");
    let mut files = archive.files();
    let path = files.keys().find(|path| path.contains("/pool/")).expect("the archive has a package").clone();
    files.get_mut(&path).expect("it has this one")[100] ^= 1;
    scene.publish("an archive whose package is not what its index says", files);
    scene.run("gravure build machine.img");
    scene.run("ls *.raw");
    scene.check();
}

/// Rows 42 and 43: descriptions of packages that cannot be trusted.
#[test]
fn packages_that_are_refused() {
    let mut scene = Scene::with_packages("packages", &["hello"]);
    let digest = "0123456789abcdef".repeat(4);
    let file = "Filename: pool/hello.deb\nSize: 7\n";
    for (what, fields) in [
        ("a package without a hash", file.to_owned()),
        ("a package with an MD5 only", format!("{file}MD5sum: {}\n", &digest[..32])),
        ("a package whose file is outside", format!("Filename: ../../../etc/passwd\nSize: 7\nSHA256: {digest}\n")),
        ("a package at another server", format!("Filename: http://evil.test/x\nSize: 7\nSHA256: {digest}\n")),
    ] {
        let stanza = format!("Package: hello\nVersion: 1\nArchitecture: amd64\n{fields}");
        scene.publish(what, Archive::on(15).stanza(&stanza).files());
        scene.run("gravure lock");
    }
    scene.check();
}

/// Row 48: what cannot be together, or is not there.
#[test]
fn packages_that_cannot_be_met() {
    let mut scene = Scene::new("unmet");
    let archive = Archive::on(15)
        .package_with("editor", "1", "Depends: viewer (>= 2)\n")
        .package_with("viewer", "2.1", "Depends: libview (>= 3)\n")
        .package("libview", "2.9")
        .package_with("postfix", "1", "Conflicts: exim\n")
        .package_with("mailer", "1", "Depends: exim\n")
        .package("exim", "4")
        .package("hello", "2.10-2");
    scene.publish("the archive on 15 November", archive.files());
    for packages in [&["editor"][..], &["postfix", "mailer"], &["edtor"]] {
        scene.closed_machine("machine", packages);
        let packages = packages.join(" and ");
        scene.play.tell(&format!("the system has {packages}"), &[]);
        scene.run("gravure lock");
    }
    scene.machine("machine", &["helo"]);
    scene.play.tell("a system without what packages need has `helo`", &[]);
    scene.run("gravure lock");
    scene.play.write("machine.img", OTHER_ARCHITECTURE.replace("PACKAGE", "os.Package { name = \"exim\" }"));
    scene.play.tell("a system for another architecture, of which the archive has no packages", &[]);
    scene.run("gravure lock");
    let foreign = "os.Package { name = \"exim\"; architecture = 'amd64 }";
    scene.play.write("machine.img", OTHER_ARCHITECTURE.replace("PACKAGE", foreign));
    scene.play.tell("it has a package for another architecture than its own", &[]);
    scene.run("gravure lock");
    scene.play.write("machine.img", OTHER_ARCHITECTURE.replace("PACKAGE", "os.Package { name = \"exim\" }"));
    let release = archive.release().replace(" arm64", "");
    let lines: Vec<&str> = release.lines().filter(|line| !line.contains("binary-arm64")).collect();
    scene.publish(
        "the archive does not have the architecture",
        archive.files_with(owner().message(&(lines.join("\n") + "\n"))),
    );
    scene.run("gravure lock");
    scene.run("ls gravure.lock");
    scene.check();
}

/// One project for machines of two architectures, for which an archive has the same versions.
#[test]
fn two_architectures() {
    let mut scene = Scene::with_packages("architectures", &["hello"]);
    let archive = Archive::on(15).package("hello", "2.10-2").for_both();
    scene.publish("the archive has the same packages for both", archive.files());
    scene.run("gravure lock");
    let arm = OTHER_ARCHITECTURE.replace("PACKAGE", "os.Package { name = \"hello\" }").replace("machine =", "arm =");
    scene.play.write("arm.img", arm);
    scene.play.tell("a board of the other architecture wants the package that is locked for the first", &[]);
    scene.run("gravure lock arm.img");
    scene.run("gravure lock --locked machine.img arm.img");
    scene.check();
}

/// The files of a project, from wherever in it; and what else is below its root.
#[test]
fn whole_projects() {
    let mut scene = Scene::with_packages("project", &["hello"]);
    let archive = Archive::on(15).package("apt", "3.0.3").package("hello", "2.10-2").package("nano", "8.4");
    scene.publish("the archive on 15 November", archive.files());
    let below =
        |name: &str, package: &str| machine(name, "base.machine", &[package]).replace("base.img", "../base.img");
    scene.play.write("boards/first.img", below("first", "apt"));
    scene.play.write("elsewhere/second.img", below("second", "nano"));
    scene.run("mkdir elsewhere/.git; gravure lock -t efi-rwa");
    scene.run("gravure lock -t efi-raw --platform x86_64-linx");
    scene.run("gravure lock -t efi-raw");
    scene.run("cd boards && gravure lock --update");
    scene.run("gravure lock boards/first.img#frist");
    scene.run("gravure lock boards/first.img#first");
    scene.run("find . -name gravure.lock");
    scene.check();
}

/// Projects of no use, and wrong usage.
#[test]
fn wrong_usage() {
    let mut scene = Scene::new("usage");
    scene.run("gravure lock");
    scene.run("mkdir -p empty/.git && cd empty && gravure lock");
    scene.run("gravure lock missing.img");
    scene.run("gravure lock --update --locked");
    scene.check();
}

/// A second version of a package that is locked: a run takes what the lock file that it writes gives the next one.
#[test]
fn two_versions_of_one_package() {
    let mut scene = Scene::with_packages("two-versions", &["lib"]);
    let pool = |files: Files| files.into_iter().filter(|(path, _)| path.contains("/pool/"));
    let old = Archive::on(15).package("lib", "1").package("other", "1");
    scene.publish("the archive on 15 November", old.files());
    scene.closed_machine("tools", &["other"]);
    scene.run("gravure lock");
    let new = Archive::on(16).package("lib", "2").package("other", "2");
    let mut files = new.package_with("tool", "1", "Depends: lib (>= 2)\n").files();
    files.extend(pool(old.files()));
    scene.publish("the archive on 16 November, which still has the old packages", files);
    scene.run("gravure lock --update other");
    scene.closed_machine("tools", &["tool"]);
    scene.play.tell("another file needs a newer `lib`, which the first one takes then as well", &[]);
    scene.run("gravure graph machine.img tools.img >first && gravure lock");
    scene.run("gravure graph --locked machine.img tools.img >second && cmp first second; grep -o 'fetch lib .' second");
    scene.run("gravure lock --update");
    scene.check();
}

/// One lock file for several boards: of another architecture, and with an archive that was added later.
#[test]
fn boards_share_a_lock() {
    let mut scene = Scene::with_packages("shared", &["hello"]);
    let old = Archive::on(15).package("hello", "2.10-2").package("nano", "8.4");
    scene.publish("the archive on 15 November", old.files());
    scene.run("gravure lock");
    let mut files = Archive::on(16).package("hello", "2.10-3").files();
    files.extend(old.files().into_iter().filter(|(path, _)| path.contains("/pool/")));
    files.extend(Archive::on(17).package("bonus", "1").called("extra").files());
    scene.publish("the archive on 16 November, and another one", files);
    scene.tell_requests();
    scene.machine("other", &["hello", "nano"]);
    scene.play.tell("another board needs more: the locked state has it", &[]);
    scene.run("gravure lock");
    scene.tell_requests();
    scene.play.write("arm.img", OTHER_ARCHITECTURE.replace("PACKAGE", "./hello.deb").replace("machine =", "arm ="));
    let control = "Package: hello\nVersion: 1\nArchitecture: arm64\n";
    scene.play.write("hello.deb", debs::deb_with(control, &[]));
    scene.play.tell("a board of another architecture", &[]);
    scene.run("gravure lock --locked arm.img");
    scene.run("gravure lock arm.img");
    scene.tell_requests();
    let archives = "archives += [os.Archive { suite = \"extra\"; keys = [./archive-key.pgp] }]";
    let bonus = machine("bonus", "base.machine", &["hello", "bonus"]);
    scene.play.write("bonus.img", bonus.replace("  packages", &format!("  {archives}\n  packages")));
    scene.play.tell("a board with another archive", &[]);
    scene.run("gravure lock --locked bonus.img");
    scene.run("gravure lock bonus.img");
    scene.tell_requests();
    scene.run("gravure build --locked machine.img other.img bonus.img 2>/dev/null");
    scene.check();
}

/// The source date is the newest date of an image's archives in the lock, unless the environment says another one.
#[test]
fn source_dates() {
    let mut scene = Scene::with_packages("source-date", &["hello"]);
    let old = Archive::on(15).package("hello", "1");
    scene.publish("the archive on 15 November", old.files());
    scene.run("gravure lock");
    let mut files = Archive::on(16).package("hello", "1").files();
    files.extend(Archive::on(17).package("bonus", "1").called("extra").files());
    scene.publish("the archive on 16 November, and another one on 17 November", files);
    let archives = "archives += [os.Archive { suite = \"extra\"; keys = [./archive-key.pgp] }]";
    let bonus = machine("bonus", "base.machine", &["hello", "bonus"]);
    scene.play.write("bonus.img", bonus.replace("  packages", &format!("  {archives}\n  packages")));
    scene.run("gravure build machine.img bonus.img 2>/dev/null");
    scene.run("SOURCE_DATE_EPOCH=1000000000 gravure build --locked -o environment.raw machine.img 2>/dev/null");
    // The superblock of the second partition says when the file system was made (offset 0x108).
    scene.run(
        "for disk in machine bonus environment; do first=$(sfdisk -l -q -o start $disk.raw | tail -n 1); \
         date -d @$(od -An -tu4 -j $((first * 512 + 1024 + 264)) -N 4 $disk.raw | tr -d ' ') '+%F %T'; done",
    );
    scene.check();
}

/// The running system finds an archive by its address, and believes it by the keys that the configuration names.
#[test]
fn archives_of_the_running_system() {
    let mut scene = Scene::with_packages("running", &["hello"]);
    scene.publish("the archive on 15 November", Archive::on(15).package("hello", "2.10-2").files());
    scene.closed_machine("machine", &["hello"]);
    let url = "archives[\"trixie\"] { url = \"https://debian.example/\" }";
    scene.run(&format!("sed -i 's|host-name|{url}; host-name|' machine.img && gravure build machine.img 2>/dev/null"));
    scene.run("grep -a -o -e 'URIs: .*' -e 'Suites: .*' -e 'Signed-By: .*' machine.raw");
    let image = std::fs::read(scene.play.path("machine.raw")).expect("the image was built");
    let key = owner().certificate();
    assert!(image.windows(key.len()).any(|bytes| bytes == key), "the image has the key");
    scene.check();
}
