//! File systems in the hands of others: U-Boot reads them, and Linux fills them, grows them, and loses them while it writes.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use gravure_tests::Console;
use gravure_tests::judges::{self, Slice};
use gravure_tests::qemu::{Bus, COMMAND, LOGIN, Machine};
use tempfile::NamedTempFile;

use super::{WORKSPACE, gravure};

/// How many files the largest directory has: enough for an index of two levels in blocks of 1 KiB.
const MANY: usize = 5_000;
/// Bytes of the file whose content is compared.
const BLOB: usize = 3_000_000;

/// Writes a directory `files` with a large file, a large directory and links, and returns the large file's bytes.
fn write_files(project: &Path) -> Vec<u8> {
    let files = project.join("files");
    fs::create_dir_all(files.join("many")).expect("a directory can be made");
    for number in 0..MANY {
        fs::write(files.join(format!("many/file-{number}")), number.to_string()).expect("a file can be written");
    }
    let mut state = 1u32;
    let blob: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(BLOB)
    .collect();
    fs::write(files.join("blob"), &blob).expect("a file can be written");
    std::os::unix::fs::symlink("blob", files.join("link")).expect("a link can be made");
    blob
}

/// CRC-32 as zlib and U-Boot have it (IEEE 802.3), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

/// Builds an image with these partitions, each of which is the text of fields of an `images.Partition`.
fn build(project: &Path, partitions: &[(&str, &str)]) -> PathBuf {
    let mut text = String::from(
        "import \"std/os\" as os\nimport \"std/images\" as images\n\nkinds = images.Image {\n  format = 'disk-image\n  \
         partition-table-type = 'gpt\n  partitions = [\n",
    );
    for (name, fields) in partitions {
        let files = "files = [os.File { path = \"/\"; content = ./files }]";
        writeln!(text, "    images.Partition {{ name = \"{name}\"; {fields}; {files} }},").expect("texts do not end");
    }
    text.push_str("  ]\n}\n");
    fs::write(project.join("kinds.img"), text).expect("a file can be written");
    gravure(project, &["build", "kinds.img"]);
    project.join("kinds.raw")
}

/// FAT has no links, so its partitions have other files.
const KINDS: [(&str, &str); 5] = [
    ("ext4", "size = 64MiB"),
    ("old", "without = [\"metadata_csum\", \"64bit\"]"),
    ("ext3", "file-system = 'ext3; headroom = 16MiB"),
    ("ext2", "file-system = 'ext2; block-size = 1KiB"),
    ("blocks", "block-size = 1KiB; without = [\"dir_index\"]"),
];

#[test]
fn u_boot_runs_and_reads_every_kind() {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    let blob = write_files(scratch.path());
    let image = build(scratch.path(), &KINDS);
    let mut console = Machine::aarch64_u_boot().disk(&image, Bus::Virtio).boot("u-boot-reads");
    console.expect("Hit any key to stop autoboot", LOGIN);
    console.send("\r");
    console.expect("=> ", COMMAND);
    let mut run = |command: &str| {
        console.send_line(command);
        console.expect("\n=> ", COMMAND)
    };
    for (number, (name, _)) in (1..).zip(KINDS) {
        let kind = run(&format!("fstype virtio 0:{number}"));
        assert!(kind.contains("ext4"), "{name}: {kind}");
        for path in ["/blob", "/link"] {
            run(&format!("load virtio 0:{number} 0x50000000 {path}"));
            let sum = run("crc32 0x50000000 $filesize");
            assert!(sum.contains(&format!("==> {:08x}", crc32(&blob))), "{name}: {path}: {sum}");
        }
        for file in [0, MANY / 2, MANY - 1] {
            run(&format!("load virtio 0:{number} 0x50000000 /many/file-{file}"));
            let size = run("printenv filesize");
            assert!(
                size.trim_end().ends_with(&format!("filesize={:x}", file.to_string().len())),
                "{name}: {file}: {size}"
            );
        }
    }
}

/// The bare file systems that Linux gets, with room for what it writes.
const WRITTEN: [(&str, &str); 4] = [
    ("ext4", "size = 256MiB"),
    ("old", "size = 256MiB; without = [\"metadata_csum\", \"64bit\"]"),
    ("ext3", "file-system = 'ext3; size = 256MiB"),
    ("ext2", "file-system = 'ext2; size = 256MiB"),
];
/// Bytes of each of them after it has grown.
const GROWN: u64 = 512 << 20;

/// Builds tiny with the program that grows file systems.
fn build_guest(directory: &Path) -> PathBuf {
    let packages = ["e2fsprogs", "libc6", "libext2fs2t64", "libcom-err2", "libblkid1", "libuuid1"];
    let tiny = fs::read_to_string(Path::new(WORKSPACE).join("examples/tiny.img")).expect("the example is there");
    let text = tiny.replace("packages = [os.busybox]", &format!("packages = [os.busybox] + os.packages({packages:?})"));
    assert_ne!(text, tiny, "the example names its packages as it did");
    fs::write(directory.join("guest.img"), text).expect("a file can be written");
    gravure(directory, &["build", "guest.img"]);
    directory.join("guest.raw")
}

/// Cuts the partitions out of a disk, each as a file that is longer than its file system.
fn cut_out(image: &Path) -> Vec<NamedTempFile> {
    let cut = |(number, _)| {
        let part = judges::cut(image, judges::partition(image, number));
        part.as_file().set_len(GROWN).expect("a file can grow");
        part
    };
    (1..).zip(WRITTEN).map(cut).collect()
}

#[test]
fn linux_runs_and_fills_grows_and_loses_every_kind() {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    write_files(scratch.path());
    let disks = cut_out(&build(scratch.path(), &WRITTEN));
    let guest = build_guest(scratch.path());
    let machine =
        disks.iter().fold(Machine::x86_64_uefi(&guest).memory(512), |machine, disk| machine.writable_disk(disk.path()));
    let mut console = machine.boot("ext-in-use");
    console.expect("tiny login: ", LOGIN);
    console.send_line("root");
    console.expect("~ # ", COMMAND);
    for ((name, _), letter) in WRITTEN.iter().zip('b'..) {
        let ty = if *name == "old" { "ext4" } else { name };
        console.run(&format!("mkdir /{name} && mount -t {ty} /dev/vd{letter} /{name} && cd /{name}"), COMMAND);
        let sum = console.run("md5sum blob | cut -c1-32", COMMAND);
        console.run("mkdir new && cd new && seq 10000 | xargs touch && cd ..", COMMAND);
        assert_eq!(console.run("ls new | wc -l; ls many | wc -l", COMMAND), format!("10000\n{MANY}\n"));
        console.run("cd many && seq 1000 | sed s/^/file-/ | xargs rm && touch more && cd ..", COMMAND);
        console.run("seq 9000 | sed s,^,new/, | xargs rm", COMMAND);
        console.run(&format!("resize2fs /dev/vd{letter}"), COMMAND);
        let size = console.run("df -m . | awk 'END { print ($2 > 400) }'", COMMAND);
        assert_eq!(size, "1\n", "{name} has grown while it was mounted");
        console.run("dd if=/dev/zero of=new/large bs=1M count=300", COMMAND);
        console.run("rm new/large && sync && echo 3 > /proc/sys/vm/drop_caches", COMMAND);
        assert_eq!(console.run("md5sum blob | cut -c1-32", COMMAND), sum, "{name}");
        console.run("cd / && dmesg | grep -i 'EXT4-fs error' | wc -l | grep -x 0", COMMAND);
    }
    // What has no journal is not meant to survive what follows.
    console.run("umount /ext2", COMMAND);
    lose_power_while_writing(&mut console);
    drop(console);
    for ((name, _), disk) in WRITTEN.iter().zip(&disks) {
        let has_journal = *name != "ext2";
        assert_eq!(judges::journal_is_unfinished(disk.path()), has_journal, "{name} was lost in the middle");
        if has_journal {
            judges::replay_journal(disk.path());
            judges::e2fsck_clean_after_a_loss(disk.path());
        } else {
            judges::e2fsck_clean(disk.path(), Slice::whole(disk.path()));
        }
    }
}

/// Starts writing on all file systems at once, and returns in the middle of it.
fn lose_power_while_writing(console: &mut Console) {
    for name in ["ext4", "old", "ext3"] {
        console.run(
            &format!(
                "(i=0; while :; do i=$((i+1)); mkdir /{name}/d$i; seq 50 | sed s,^,/{name}/d$i/, | xargs touch; \
                 dd if=/dev/zero of=/{name}/d$i/x bs=64k count=10 2>/dev/null; rm -r /{name}/d$((i-3)) 2>/dev/null; \
                 [ $((i % 20)) = 0 ] && sync; [ $i = 60 ] && touch /{name}/far; done) & true"
            ),
            COMMAND,
        );
    }
    console.run("while ! [ -e /ext4/far ] || ! [ -e /old/far ] || ! [ -e /ext3/far ]; do sleep 1; done", LOGIN);
}

/// What GRUB for the BIOS starts from: a table, and the fields of the root.
const BIOS_IMAGES: [(&str, &str, &str); 3] = [
    ("ext2", "mbr-disk-image", ""),
    ("ext3", "mbr-disk-image", ""),
    ("ext4", "efi-disk-image", "partitions = [images.bios-boot-partition, super.partitions[\"root\"]]"),
];

#[test]
fn grub_for_the_bios_runs_from_both_tables_and_reads_every_kind() {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    fs::copy(Path::new(WORKSPACE).join("examples/tiny.img"), scratch.path().join("tiny.img")).expect("it is there");
    let mut text = String::from(
        "import \"std/os\" as os\nimport \"std/images\" as images\nimport \"./tiny.img\" as tiny\n\nlet bios = tiny.tiny { \
         bootloader { loader = os.grub.bios } }\n",
    );
    for (kind, base, fields) in BIOS_IMAGES {
        writeln!(
            text,
            "{kind} = images.{base} {{\n  operating-system = bios {{ file-systems[\"/\"] {{ type = '{kind} }} }}\n  \
             {fields}\n  partitions[\"root\"] {{ file-system = '{kind}; headroom = 8MiB }}\n}}"
        )
        .expect("texts do not end");
    }
    fs::write(scratch.path().join("bios.img"), text).expect("a file can be written");
    gravure(scratch.path(), &["build", "bios.img"]);
    for (kind, base, _) in BIOS_IMAGES {
        let image = scratch.path().join(format!("bios-{kind}.raw"));
        if base == "efi-disk-image" {
            judges::sgdisk_clean(&image);
        }
        let mut console = Machine::x86_64_bios(&image, Bus::Virtio).memory(256).boot(&format!("bios-{kind}"));
        console.expect("tiny login: ", LOGIN);
        console.send_line("root");
        console.expect("~ # ", COMMAND);
        let mounted =
            console.run("awk '$2 == \"/\" { print $3 }' /proc/mounts; ls /sys/firmware | grep efi || true", COMMAND);
        assert_eq!(mounted, format!("{kind}\n"), "mounted as what it is, and started without UEFI");
    }
}
