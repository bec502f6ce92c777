//! Boards: images for cards, started by the U-Boot that is on them where QEMU has the board, and by that of the architecture
//! where it does not.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use gravure_tests::judges;
use gravure_tests::qemu::{COMMAND, Machine};

use super::gravure;

/// A generous limit for U-Boot, a kernel from an emulated card, and busybox, on a loaded host.
const LOGIN: Duration = Duration::from_secs(400);

/// A system of busybox for a board. Packages come from one archive, to be quick; logins are on the board's line and on those
/// of emulators.
fn system(board: &str, emulated_line: &str) -> String {
    format!(
        r#"import "std/os" as os
import "std/services" as svc
import "std/boards/{board}" as board

let login = fn(tty) => svc.agetty {{ tty = tty; term = "vt100"; extra-options = ["-L"] }}

small = os.OperatingSystem {{
  host-name = "small"
  archives = [os.Archive {{ suite = "trixie" }}]
  init = 'busybox
  packages = [os.busybox]
  users["root"] {{ password = "" }}
  file-systems += [os.FileSystem {{ device = os.label("my-root"); mount-point = "/"; type = 'ext4 }}]
  services = [login("{emulated_line}")]
}} & board.board & mixin {{ bootloader {{ timeout = 0 }} }}
"#
    )
}

/// Builds the image of a board.
fn build(directory: &Path, board: &str, image_type: &str) -> PathBuf {
    let is_risc_v = image_type.starts_with("unmatched");
    let emulated_line = if is_risc_v { "ttyS0" } else { "ttyAMA0" };
    fs::write(directory.join("small.img"), system(board, emulated_line)).expect("a file can be written");
    gravure(directory, &["build", "-t", image_type, "small.img"]);
    let image = directory.join("small.raw");
    judges::e2fsck_clean(&image, judges::partition(&image, if is_risc_v { 3 } else { 1 }));
    image
}

/// Logs in and compares what runs.
fn expect_system(machine: Machine, name: &str, processor: &str) {
    let mut console = machine.boot(name);
    console.expect("small login: ", LOGIN);
    console.send_line("root");
    console.expect("~ # ", COMMAND);
    assert_eq!(console.run("uname -m", COMMAND), format!("{processor}\n"));
    assert_eq!(console.run("awk '$2 == \"/\" { print $3 }' /proc/mounts", COMMAND), "ext4\n");
    console.send_line("poweroff");
    console.expect("Requesting system poweroff", COMMAND); // some boards cannot do that
}

/// A card has a size that QEMU takes only as a power of two.
fn pad(image: &Path) {
    let file = File::options().write(true).open(image).expect("the image is there");
    let len = file.metadata().expect("it has a length").len();
    file.set_len(len.next_power_of_two()).expect("a file can grow");
}

#[test]
fn orangepi_pc_runs_all_that_is_on_its_card() {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    let image = build(scratch.path(), "orangepi-pc", "orangepi-pc-raw");
    pad(&image);
    expect_system(Machine::arm_board("orangepi-pc", &image).memory(1024), "orangepi-pc", "armv7l");
}

#[test]
fn pine64_runs_with_the_u_boot_of_its_architecture() {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    let image = build(scratch.path(), "pine64", "pine64-raw");
    expect_system(Machine::aarch64_u_boot(&image), "pine64", "aarch64");
}

#[test]
fn unmatched_runs_with_the_u_boot_of_its_architecture() {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    let image = build(scratch.path(), "unmatched", "unmatched-raw");
    judges::sgdisk_clean(&image);
    expect_system(Machine::riscv64_u_boot(&image), "unmatched", "riscv64");
}
