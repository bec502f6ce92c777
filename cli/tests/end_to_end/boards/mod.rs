//! Boards: images for cards, started by the U-Boot that is on them where QEMU has the board, and by that of the architecture
//! where it does not. What takes long is in `every_boot`.

#[cfg(feature = "every-boot")]
mod every_boot;
mod record;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use gravure_formats::device_tree::DeviceTree;
use gravure_tests::qemu::{Bus, COMMAND, Machine};
use gravure_tests::{Console, judges};

use super::{WORKSPACE, gravure, gravure_bytes};
use record::Start;

/// A generous limit for U-Boot, a kernel from an emulated card, and busybox, on a loaded host.
const LOGIN: Duration = Duration::from_secs(400);

/// The machine that stands in for a board in QEMU: its own one for the architecture, with the U-Boot for that.
#[derive(Clone, Copy)]
enum Virt {
    Arm,
    Aarch64,
    Riscv64,
}

use Virt::{Aarch64, Arm, Riscv64};

impl Virt {
    fn machine(self) -> Machine {
        match self {
            Arm => Machine::arm_u_boot(),
            Aarch64 => Machine::aarch64_u_boot(),
            Riscv64 => Machine::riscv64_u_boot(),
        }
    }

    /// Returns what `uname -m` says there.
    fn processor(self) -> &'static str {
        match self {
            Arm => "armv7l",
            Aarch64 => "aarch64",
            Riscv64 => "riscv64",
        }
    }
}

/// A board of the fleet.
struct Board {
    /// What the fleet calls it.
    name: &'static str,
    image_type: &'static str,
    /// The package of its loader.
    loader: &'static str,
    virt: Virt,
    /// The number of the partition that is the root.
    root: u32,
}

const fn board(name: &'static str, image_type: &'static str, loader: &'static str, (virt, root): (Virt, u32)) -> Board {
    Board { name, image_type, loader, virt, root }
}

const FLEET: [Board; 12] = [
    board("lime2", "a20-olinuxino-lime2-raw", "u-boot-sunxi", (Arm, 1)),
    board("beaglebone", "am335x-evm-raw", "u-boot-omap", (Arm, 1)),
    board("bananapi", "bananapi-m2-ultra-raw", "u-boot-sunxi", (Arm, 1)),
    board("cubieboard", "cubieboard-raw", "u-boot-sunxi", (Arm, 1)),
    board("novena", "novena-raw", "u-boot-imx", (Arm, 1)),
    board("orangepi", "orangepi-pc-raw", "u-boot-sunxi", (Arm, 1)),
    board("pine64", "pine64-raw", "u-boot-sunxi", (Aarch64, 1)),
    board("pinebook", "pinebook-pro-raw", "u-boot-rockchip", (Aarch64, 1)),
    board("raspberry", "rpi-raw", "u-boot-rpi", (Aarch64, 2)),
    board("rock64", "rock64-raw", "u-boot-rockchip", (Aarch64, 1)),
    board("unmatched", "unmatched-raw", "u-boot-sifive", (Riscv64, 3)),
    board("visionfive", "visionfive2-raw", "u-boot-starfive", (Riscv64, 3)),
];

/// Boards that QEMU has, and what it calls them.
const CARDS: [(&str, &str); 3] = [("orangepi", "orangepi-pc"), ("cubieboard", "cubieboard"), ("bananapi", "bpim2u")];

/// Returns the board that the fleet calls so.
fn of_fleet(name: &str) -> &'static Board {
    FLEET.iter().find(|board| board.name == name).expect("the fleet has it")
}

/// Copies the fleet into a directory, with a login on the lines of emulators beside those of the boards, and builds all of
/// it, or these boards.
fn build_fleet(directory: &Path, names: &[&str]) {
    let path = Path::new(WORKSPACE).join("examples/boards.img");
    let fleet = fs::read_to_string(path).expect("the example is there");
    let login = |line: &str| format!("svc.agetty {{ tty = \"{line}\"; term = \"vt100\"; extra-options = [\"-L\"] }}");
    let text = fleet
        .replace("  init = 'busybox\n", &format!("  init = 'busybox\n  services = [{}]\n", login("ttyAMA0")))
        .replace(
            "unmatched-board.board)",
            &format!("unmatched-board.board & mixin {{ services += [{}] }})", login("ttyS0")),
        )
        .replace("import \"std/os\" as os\n", "import \"std/os\" as os\nimport \"std/services\" as svc\n");
    fs::write(directory.join("fleet.img"), text).expect("a file can be written");
    let outputs: Vec<String> = match names {
        [] => vec!["fleet.img".to_owned()],
        names => names.iter().map(|name| format!("fleet.img#{name}")).collect(),
    };
    let mut arguments = vec!["build"];
    arguments.extend(outputs.iter().map(String::as_str));
    gravure(directory, &arguments);
}

/// Returns the image that the fleet has for a board.
fn image_of(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("fleet-{name}.raw"))
}

/// Logs in, compares what runs, and writes down that it does.
fn expect_system(machine: Machine, directory: &Path, board: &Board, start: Start) -> Console {
    let mut console = machine.boot(&format!("{}-{}", board.name, start.machine));
    console.expect(&format!("{} login: ", board.name), LOGIN);
    let elapsed = console.elapsed();
    console.send_line("root");
    console.expect("~ # ", COMMAND);
    assert_eq!(console.run("uname -m", COMMAND), format!("{}\n", board.virt.processor()));
    assert_eq!(console.run("awk '$2 == \"/\" { print $3 }' /proc/mounts", COMMAND), "ext4\n");
    let kernel = console.run("uname -r", COMMAND);
    start.write_down(directory, board, (kernel.trim(), "busybox"), elapsed);
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

/// Makes a disk larger by a gibibyte.
fn enlarge(image: &Path) {
    let file = File::options().write(true).open(image).expect("the image is there");
    let len = file.metadata().expect("it has a length").len() + (1 << 30);
    file.set_len(len).expect("a file can grow");
}

#[test]
fn every_board_of_the_fleet_runs_with_the_u_boot_of_its_architecture() {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    build_fleet(scratch.path(), &[]);
    for board in &FLEET {
        let image = image_of(scratch.path(), board.name);
        judges::e2fsck_clean(&image, judges::partition(&image, board.root));
        if matches!(board.virt, Riscv64) {
            judges::sgdisk_clean(&image);
        }
        let start = Start { machine: "virt", from: "QEMU's U-Boot" };
        power_off(expect_system(board.virt.machine().disk(&image, Bus::Virtio), scratch.path(), board, start));
    }
}

#[test]
fn the_boards_that_qemu_has_run_all_that_is_on_their_cards() {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    build_fleet(scratch.path(), &CARDS.map(|(name, _)| name));
    for (name, machine) in CARDS {
        let image = image_of(scratch.path(), name);
        pad(&image);
        let start = Start { machine, from: "its card" };
        expect_system(Machine::arm_board(machine, &image).memory(1024), scratch.path(), of_fleet(name), start);
    }
}

/// Writes a file of an image's partition into a directory.
fn extract(directory: &Path, image: &str, partition: &str, name: &str) -> PathBuf {
    let bytes = gravure_bytes(directory, &["inspect", image, &format!("{partition}:/{name}")]);
    let to = directory.join(name);
    fs::write(&to, bytes).expect("a file can be written");
    to
}

/// QEMU does not emulate what starts U-Boot there: the processor for graphics.
#[test]
fn a_raspberry_pi_3_runs_what_its_firmware_would_load_and_then_its_card() {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    build_fleet(scratch.path(), &["raspberry"]);
    let image = image_of(scratch.path(), "raspberry");
    let [u_boot, device_tree] =
        ["u-boot.bin", "bcm2837-rpi-3-b.dtb"].map(|name| extract(scratch.path(), "fleet-raspberry.raw", "1", name));
    pad(&image);
    let start = Start { machine: "raspi3b", from: "U-Boot of the card" };
    let machine = Machine::raspberry_pi_3(&u_boot, &device_tree, &image);
    expect_system(machine, scratch.path(), of_fleet("raspberry"), start);
}

/// QEMU has a board with the Novena's processor, which comes as far as looking for a card.
#[test]
fn the_first_stage_of_the_novena_runs() {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    build_fleet(scratch.path(), &["novena"]);
    let spl = scratch.path().join("spl");
    let disk = fs::read(image_of(scratch.path(), "novena")).expect("the image is there");
    fs::write(&spl, &disk[1 << 10..69 << 10]).expect("a file can be written");
    let mut console = Machine::imx6_spl(&spl).boot("novena-sabrelite");
    console.expect("U-Boot SPL 20", COMMAND);
    console.expect("failed to boot from all boot devices", COMMAND);
}

/// QEMU's board is the Unmatched's predecessor, whose first stage cannot read a card there: OpenSBI and U-Boot are put where
/// it would load them, out of the image that it would read.
#[test]
fn open_sbi_and_u_boot_of_the_unmatched_run() {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    build_fleet(scratch.path(), &["unmatched"]);
    let image = image_of(scratch.path(), "unmatched");
    let slice = judges::partition(&image, 2);
    let disk = fs::read(&image).expect("the image is there");
    let fit = DeviceTree::parse(&disk[slice.at as usize..][..slice.len as usize]).expect("it is a FIT");
    let data = |name: &str| {
        let node = fit.nodes().find(|node| node.path() == format!("/images/{name}")).expect("the FIT has it");
        node.property("data").expect("it has its bytes")
    };
    let [opensbi, u_boot] = ["opensbi", "u-boot"].map(|name| scratch.path().join(name));
    fs::write(&opensbi, data("opensbi")).expect("a file can be written");
    fs::write(&u_boot, [data("uboot"), data("fdt-1")].concat()).expect("a file can be written");
    let mut console = Machine::sifive_u_boot(&opensbi, &u_boot).boot("unmatched-sifive_u");
    console.expect("OpenSBI v", COMMAND);
    console.expect("U-Boot 20", COMMAND);
    console.expect("Model: SiFive HiFive Unmatched A00", COMMAND);
}

/// One system on the UEFI of three architectures. On RISC-V it is U-Boot.
#[test]
fn uefi_of_32_bit_arm_and_of_risc_v_runs() {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    fs::write(scratch.path().join("uefi.img"), UEFI).expect("a file can be written");
    gravure(scratch.path(), &["build", "uefi.img"]);
    let uefi = |name, loader, virt| Board { name, image_type: "efi-raw", loader, virt, root: 2 };
    for (board, machine, from) in [
        (uefi("arm", "grub-efi-arm-unsigned", Arm), Machine::arm_uefi as fn(&Path) -> Machine, "EDK2"),
        (
            uefi("riscv", "grub-efi-riscv64-unsigned", Riscv64),
            |disk: &Path| Machine::riscv64_u_boot().disk(disk, Bus::Virtio),
            "the UEFI of QEMU's U-Boot",
        ),
    ] {
        let image = scratch.path().join(format!("uefi-{}.raw", board.name));
        judges::sgdisk_clean(&image);
        judges::fsck_fat_clean(&image, judges::partition(&image, 1));
        let start = Start { machine: "virt", from };
        power_off(expect_system(machine(&image).memory(1024), scratch.path(), &board, start));
    }
}

const UEFI: &str = r#"
import "std/os" as os
import "std/images" as images
import "std/services" as svc

abstract small = os.OperatingSystem {
  archives = [os.Archive { suite = "trixie" }]
  init = 'busybox
  packages = [os.busybox]
  users["root"] { password = "" }
  bootloader { timeout = 0 }
  file-systems += [os.FileSystem { device = os.label("my-root"); mount-point = "/"; type = 'ext4 }]
}
fn on(name: String, platform: os.Platform, line: String): images.Image = images.efi-disk-image {
  operating-system = small {
    host-name = name
    platform = platform
    kernel-arguments = ["console=${line}"]
    services += [svc.agetty { tty = line; term = "vt100"; extra-options = ["-L"] }]
  }
}

arm = on("arm", 'armhf-linux, "ttyAMA0")
riscv = on("riscv", 'riscv64-linux, "ttyS0")
"#;

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
    enlarge(&image);

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
