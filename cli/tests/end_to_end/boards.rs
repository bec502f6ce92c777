//! Boards: images for cards, started by the U-Boot that is on them where QEMU has the board, and by that of the architecture
//! where it does not.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use gravure_tests::qemu::{COMMAND, Machine};
use gravure_tests::{Console, judges};

use super::{WORKSPACE, gravure};

/// A generous limit for U-Boot, a kernel from an emulated card, and busybox, on a loaded host.
const LOGIN: Duration = Duration::from_secs(400);

/// Copies the fleet into a directory, with a login on the lines of emulators beside those of the boards, and builds it.
fn build_fleet(directory: &Path) {
    let path = Path::new(WORKSPACE).join("examples/boards.img");
    let fleet = fs::read_to_string(path).expect("the example is there");
    let login = |line: &str| format!("svc.agetty {{ tty = \"{line}\"; term = \"vt100\"; extra-options = [\"-L\"] }}");
    let text = fleet
        .replace("  init = 'busybox\n", &format!("  init = 'busybox\n  services = [{}]\n", login("ttyAMA0")))
        .replace(
            "unmatched-board.board)",
            &format!("unmatched-board.board & mixin {{ services += [{}] }})", login("ttyS0")),
        )
        .replace("import \"std/images\" as images\n", "import \"std/services\" as svc\n");
    fs::write(directory.join("fleet.img"), text).expect("a file can be written");
    gravure(directory, &["build", "fleet.img"]);
}

/// Logs in and compares what runs.
fn expect_system(machine: Machine, name: &str, processor: &str) -> Console {
    let mut console = machine.boot(name);
    console.expect(&format!("{name} login: "), LOGIN);
    console.send_line("root");
    console.expect("~ # ", COMMAND);
    assert_eq!(console.run("uname -m", COMMAND), format!("{processor}\n"));
    assert_eq!(console.run("awk '$2 == \"/\" { print $3 }' /proc/mounts", COMMAND), "ext4\n");
    console
}

/// Switches a machine off, which some boards cannot.
fn power_off(mut console: Console) {
    console.send_line("poweroff");
    console.expect_end(COMMAND);
}

/// A card has a size that QEMU takes only as a power of two.
fn pad(image: &Path) {
    let file = File::options().write(true).open(image).expect("the image is there");
    let len = file.metadata().expect("it has a length").len();
    file.set_len(len.next_power_of_two()).expect("a file can grow");
}

/// The boards of the fleet, and the machine that the U-Boot for their architecture is for.
const FLEET: [(&str, &str); 12] = [
    ("lime2", "arm"),
    ("beaglebone", "arm"),
    ("bananapi", "arm"),
    ("cubieboard", "arm"),
    ("novena", "arm"),
    ("orangepi", "arm"),
    ("pine64", "aarch64"),
    ("pinebook", "aarch64"),
    ("raspberry", "aarch64"),
    ("rock64", "aarch64"),
    ("unmatched", "riscv64"),
    ("visionfive", "riscv64"),
];

/// Those that QEMU has, by its names.
const CARDS: [(&str, &str); 3] = [("orangepi", "orangepi-pc"), ("cubieboard", "cubieboard"), ("bananapi", "bpim2u")];

#[test]
fn every_board_of_the_fleet_runs_with_the_u_boot_of_its_architecture() {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    build_fleet(scratch.path());
    for (name, machine) in FLEET {
        let image = scratch.path().join(format!("fleet-{name}.raw"));
        let root = match (name, machine) {
            ("raspberry", _) => 2,
            (_, "riscv64") => 3,
            _ => 1,
        };
        judges::e2fsck_clean(&image, judges::partition(&image, root));
        if machine == "riscv64" {
            judges::sgdisk_clean(&image);
        }
        power_off(match machine {
            "arm" => expect_system(Machine::arm_u_boot(&image), name, "armv7l"),
            "aarch64" => expect_system(Machine::aarch64_u_boot(&image), name, "aarch64"),
            _ => expect_system(Machine::riscv64_u_boot(&image), name, "riscv64"),
        });
    }
}

#[test]
fn the_boards_that_qemu_has_run_all_that_is_on_their_cards() {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    build_fleet(scratch.path());
    for (name, board) in CARDS {
        let image = scratch.path().join(format!("fleet-{name}.raw"));
        pad(&image);
        expect_system(Machine::arm_board(board, &image).memory(1024), name, "armv7l");
    }
}

/// Copies an example into a directory.
fn copy_example(directory: &Path, name: &str) {
    let from = Path::new(WORKSPACE).join("examples").join(name);
    fs::copy(from, directory.join(name)).expect("the example can be copied");
}

#[test]
fn the_fleet_is_one_batch_with_the_same_bytes_from_any_number_of_threads() {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    copy_example(scratch.path(), "boards.img");
    let build = |threads: &str| {
        gravure(scratch.path(), &["build", "-j", threads, "-o", "out/", "boards.img"]);
        let mut sums: Vec<(String, String)> = fs::read_dir(scratch.path().join("out"))
            .expect("there is the directory of the images")
            .map(|entry| entry.expect("a directory can be read").path())
            .map(|path| (path.display().to_string(), judges::sha256(&path)))
            .collect();
        sums.sort();
        fs::remove_dir_all(scratch.path().join("out")).expect("it can be removed");
        sums
    };
    let expected = build("1");
    assert_eq!(expected.len(), 12, "{expected:?}");
    for threads in ["2", "8"] {
        fresh_nodes(scratch.path());
        assert_eq!(build(threads), expected, "on {threads} threads");
    }
}

/// Lets a store forget what was built, but not what was fetched.
fn fresh_nodes(directory: &Path) {
    for made in ["nodes", "actions"] {
        let _ = fs::remove_dir_all(directory.join("store/records").join(made));
    }
}

/// The manual's chapter on adding a board, followed to the letter.
#[test]
fn a_board_is_added_as_the_manual_says() {
    let manual = fs::read_to_string(Path::new(WORKSPACE).join("docs/manual/boards.md")).expect("the chapter is there");
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    let mut n_files = 0;
    for block in manual.split("```").skip(1).step_by(2) {
        let Some((name, text)) = block.split_once('\n').filter(|(name, _)| name.ends_with(".img")) else { continue };
        fs::write(scratch.path().join(name), text).expect("a file can be written");
        n_files += 1;
    }
    assert_eq!(n_files, 2, "the chapter has a board and a system for it");
    let commands = blocks_of_commands(&manual).last().expect("the chapter ends with commands").to_owned();
    for line in commands.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words[0], "gravure", "{line}");
        let output = gravure(scratch.path(), &words[1..]);
        if words[1] == "layout" {
            assert!(output.contains("Allwinner boot loader"), "{output}");
        }
    }
    judges::e2fsck_clean(&scratch.path().join("my-neo.raw"), judges::partition(&scratch.path().join("my-neo.raw"), 1));
}

/// Returns the blocks of the manual that consist of commands.
fn blocks_of_commands(manual: &str) -> Vec<&str> {
    let blocks = manual.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix('\n'));
    blocks.filter(|block| block.starts_with("gravure ")).map(str::trim_end).collect()
}

#[test]
fn debian_on_a_bios_runs_and_grows_to_the_size_of_its_disk() {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    copy_example(scratch.path(), "debian.img");
    let text = "import \"./debian.img\" as base\nimport \"std/services\" as svc\n\ngrowing = base.debian { services += [svc.grow-root] }\n";
    fs::write(scratch.path().join("growing.img"), text).expect("a file can be written");
    gravure(scratch.path(), &["build", "-t", "mbr-raw", "growing.img"]);
    let image = scratch.path().join("growing.raw");
    let before = judges::partition(&image, 1).len;
    let file = File::options().write(true).open(&image).expect("the image is there");
    let len = file.metadata().expect("it has a length").len() + (1 << 30);
    file.set_len(len).expect("a file can grow");

    let machine = Machine::x86_64_bios_writable(&image).memory(1024).newest_processor();
    let mut console = machine.boot("growing");
    console.expect("debian login: ", Duration::from_secs(420));
    console.send_line("root");
    console.expect("Password: ", COMMAND);
    console.send_line("gravure");
    console.expect("# ", COMMAND);
    console.run("export TERM=dumb PAGER=cat; bind 'set enable-bracketed-paste off'; PS1='# '", COMMAND);
    assert_eq!(console.run("systemctl is-active grow-root", COMMAND), "active\n");
    let mebibytes = console.run("df -m --output=size / | tail -n 1", COMMAND);
    let grown: u64 = mebibytes.trim().parse().expect("a number");
    assert!(grown << 20 > before + (900 << 20), "{grown} MiB, and it was {before} bytes");
    console.send_line("systemctl poweroff");
    console.expect_end(Duration::from_secs(180));
    drop(console);
    let after = judges::partition(&image, 1);
    assert!(after.len > before + (1000 << 20), "the partition reaches to the end");
    judges::e2fsck_clean(&image, after);
}
