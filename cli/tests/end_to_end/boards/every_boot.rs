//! Boots that take minutes: Debian with systemd on boards, disks on other wires. `tests/run --all` has them.

use super::*;

/// A generous limit for U-Boot, a kernel and systemd, on a loaded host.
const SYSTEMD_LOGIN: Duration = Duration::from_secs(900);

/// Returns the system of a board's module with systemd, which grows to the size of its card. Root has no password.
fn barebones(module: &str, board: &Board, line: &str) -> String {
    format!(
        r#"
import "std/os" as os
import "std/services" as svc
import "std/boards/{module}" as board

{name} = board.barebones-os {{
  host-name = "{name}"
  archives = [for archive in super.archives if archive.suite == "trixie" => archive]
  users["root"] {{ password = "" }}
  bootloader {{ timeout = 0 }}
  services += [svc.agetty {{ tty = "{line}"; term = "vt100"; extra-options = ["-L"] }}]
}}
"#,
        name = board.name
    )
}

/// Builds Debian for a board, enlarges its disk, boots it, and looks whether the root has grown.
fn expect_debian(module: &str, name: &str, line: &str) {
    let board = of_fleet(name);
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    let file = format!("{name}.img");
    fs::write(scratch.path().join(&file), barebones(module, board, line)).expect("a file can be written");
    gravure(scratch.path(), &["build", "-t", board.image_type, &file]);
    let image = scratch.path().join(format!("{name}.raw"));
    let before = judges::partition(&image, board.root).len;
    enlarge(&image);

    let mut console = board.virt.machine().memory(1024).writable_disk(&image).boot(&format!("{name}-systemd"));
    console.expect(&format!("{name} login: "), SYSTEMD_LOGIN);
    let elapsed = console.elapsed();
    console.send_line("root");
    console.expect("# ", SYSTEMD_LOGIN);
    console.run("export TERM=dumb PAGER=cat; bind 'set enable-bracketed-paste off'; PS1='# '", COMMAND);
    assert_eq!(console.run("uname -m", COMMAND), format!("{}\n", board.virt.processor()));
    assert_eq!(console.run("systemctl is-active grow-root", COMMAND), "active\n");
    let mebibytes: u64 = console.run("df -m --output=size / | tail -n 1", COMMAND).trim().parse().expect("a number");
    assert!(mebibytes << 20 > before + (900 << 20), "{mebibytes} MiB, and it was {before} bytes");
    let kernel = console.run("uname -r", COMMAND);
    console.send_line("systemctl poweroff");
    console.expect_end(Duration::from_secs(300));
    drop(console);

    let after = judges::partition(&image, board.root);
    assert!(after.len > before + (1000 << 20), "the partition reaches to the end");
    judges::e2fsck_clean(&image, after);
    if matches!(board.virt, Riscv64) {
        judges::sgdisk_clean(&image);
    }
    let start = Start { machine: "virt", from: "QEMU's U-Boot" };
    start.write_down(scratch.path(), board, (kernel.trim(), "systemd"), elapsed);
}

#[test]
fn debian_runs_on_the_pine64_and_grows() {
    expect_debian("pine64", "pine64", "ttyAMA0");
}

#[test]
fn debian_runs_on_the_novena_and_grows() {
    expect_debian("novena", "novena", "ttyAMA0");
}

/// Its partition table is a GPT.
#[test]
fn debian_runs_on_the_unmatched_and_grows() {
    expect_debian("unmatched", "unmatched", "ttyS0");
}

/// The disk that a Pinebook Pro may have beside its card, with its driver in the initrd.
#[test]
fn the_pinebook_pro_runs_from_nvme() {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    build_fleet(scratch.path(), &["pinebook"]);
    let text = "import \"./fleet.img\" as fleet\n\nnvme = fleet.pinebook { operating-system { initrd-modules += [\"nvme\"] } }\n";
    fs::write(scratch.path().join("nvme.img"), text).expect("a file can be written");
    gravure(scratch.path(), &["build", "nvme.img"]);
    let machine = Machine::aarch64_u_boot().disk(&scratch.path().join("nvme.raw"), Bus::Nvme);
    let start = Start { machine: "virt, NVMe", from: "QEMU's U-Boot" };
    power_off(expect_system(machine, scratch.path(), of_fleet("pinebook"), start));
}

/// A GPT whose entries lie behind the loader that is where they usually are, and a device tree that is named.
#[test]
fn cards_of_other_forms_run() {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    build_fleet(scratch.path(), &["orangepi"]);
    fs::write(scratch.path().join("forms.img"), FORMS).expect("a file can be written");
    gravure(scratch.path(), &["build", "forms.img"]);
    for (form, name, machine, from) in [
        ("moved", "orangepi", "orangepi-pc", "its card, a GPT with its entries at 1 MiB"),
        ("given", "cubieboard", "cubieboard", "its card, with the device tree `'given`"),
    ] {
        let image = scratch.path().join(format!("forms-{form}.raw"));
        pad(&image);
        let machine_with_card = Machine::arm_board(machine, &image).memory(1024);
        expect_system(machine_with_card, scratch.path(), of_fleet(name), Start { machine, from });
    }
}

const FORMS: &str = r#"
import "./fleet.img" as fleet

moved = fleet.orangepi { partition-table-type = 'gpt; entry-array-offset = 1MiB; partitions["root"] { offset = 2MiB } }
given = fleet.cubieboard { operating-system { bootloader { loader { device-tree-choice = 'given } } } }
"#;
