//! A whole disk: judged by the tools that people trust, and read back by readers that we did not write.

use std::io::Read;
use std::path::Path;

use ext4_view::Ext4;
use tempfile::NamedTempFile;

use crate::packages::EARLY;
use crate::project::{Built, Project};
use crate::tools::{cut, run};

/// The source date of files without an archive: 1980-01-01.
const SOURCE_DATE: i64 = 315_532_800;

/// The partitions of a disk, cut out.
pub(crate) struct Disk {
    pub(crate) esp: NamedTempFile,
    pub(crate) root: NamedTempFile,
    /// Type and name of each partition in the table.
    pub(crate) table: Vec<(String, String)>,
}

impl Disk {
    /// Reads the partition table and lets everybody check everything.
    pub(crate) fn judged(path: &Path) -> Disk {
        let verdict = run("gdisk", "sgdisk", &["-v", path.to_str().unwrap()], b"");
        assert!(verdict.contains("No problems found"), "{verdict}");
        let disk = gpt::GptConfig::new().writable(false).open(path).unwrap();
        let partitions: Vec<_> = disk.partitions().values().cloned().collect();
        let [esp, root] = &partitions[..] else { panic!("{partitions:?}") };
        let cut = |partition: &gpt::partition::Partition| {
            let sectors = partition.last_lba - partition.first_lba + 1;
            cut(path, partition.first_lba * 512, sectors * 512)
        };
        let table = partitions.iter().map(|part| (part.part_type_guid.guid.to_string(), part.name.clone())).collect();
        let disk = Disk { esp: cut(esp), root: cut(root), table };
        run("dosfstools", "fsck.fat", &["-n", disk.esp.path().to_str().unwrap()], b"");
        run("e2fsprogs", "e2fsck", &["-fn", disk.root.path().to_str().unwrap()], b"");
        disk
    }

    pub(crate) fn of(built: &Built) -> Disk {
        Disk::judged(&built.path)
    }

    pub(crate) fn root(&self) -> Ext4 {
        Ext4::load_from_path(self.root.path()).unwrap()
    }

    pub(crate) fn text(&self, path: &str) -> String {
        self.root().read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Returns the UUID of the root as tools show it.
    pub(crate) fn root_uuid(&self) -> String {
        let shown = run("e2fsprogs", "dumpe2fs", &["-h", self.root.path().to_str().unwrap()], b"");
        let line = shown.lines().find_map(|line| line.strip_prefix("Filesystem UUID:")).unwrap();
        line.trim().to_owned()
    }

    /// Returns every file of the EFI system partition with its content.
    pub(crate) fn esp_files(&self) -> Vec<(String, Vec<u8>)> {
        let file_system = fatfs::FileSystem::new(self.esp.reopen().unwrap(), fatfs::FsOptions::new()).unwrap();
        let mut files = Vec::new();
        let mut folders = vec![(String::new(), file_system.root_dir())];
        while let Some((path, folder)) = folders.pop() {
            for entry in folder.iter().map(Result::unwrap).filter(|entry| !entry.file_name().starts_with('.')) {
                let path = format!("{path}/{}", entry.file_name());
                if entry.is_dir() {
                    folders.push((path, entry.to_dir()));
                } else {
                    let mut content = Vec::new();
                    entry.to_file().read_to_end(&mut content).unwrap();
                    files.push((path, content));
                }
            }
        }
        files.sort();
        files
    }
}

/// Makes a tar of the files and links that a shell script makes.
fn tar(project: &Project, name: &str, script: &str) {
    let scratch = tempfile::tempdir().unwrap();
    let path = project.path(name);
    let script = format!("cd '{}' && {script}\ntar -cf '{}' --sort=name .", scratch.path().display(), path.display());
    run("tar", "sh", &["-ec", &script], b"");
}

#[test]
fn archives_fill_partitions() {
    let project = Project::new();
    tar(
        &project,
        "rootfs.tar",
        "mkdir -p usr/share tmp && chmod 1777 tmp && echo one > usr/share/one && ln usr/share/one usr/two && ln -s share/one usr/three",
    );
    run("xz-utils", "xz", &["-k", project.path("rootfs.tar").to_str().unwrap()], b"");
    project.write_img(
        "data.img",
        r#"
x = images.Image {
  format = 'disk-image
  partition-table-type = 'gpt
  partitions = [
    images.Partition {
      name = "data"
      files = [
        os.File { path = "/"; content = os.unpack(./rootfs.tar.xz) },
        os.File { path = "/usr/part"; content = os.unpack(./rootfs.tar) { path = "/usr/share" } },
        os.File { path = "/usr/file"; content = os.unpack(./rootfs.tar) { path = "/usr/three" } },
        os.File { path = "/deb"; content = os.unpack(./packages/busybox.deb) },
      ]
    },
  ]
}
"#,
    );
    let store = project.store();
    let built = project.build("data.img", &store, 2);
    let disk = gpt::GptConfig::new().writable(false).open(&built.path).unwrap();
    let partition = disk.partitions().values().next().unwrap();
    let data = cut(&built.path, partition.first_lba * 512, (partition.last_lba - partition.first_lba + 1) * 512);
    run("e2fsprogs", "e2fsck", &["-fn", data.path().to_str().unwrap()], b"");
    let shown = run("e2fsprogs", "debugfs", &["-R", "stat /usr/two", data.path().to_str().unwrap()], b"");
    assert!(shown.contains("Links: 2"), "two names of one file stay so: {shown}");
    let data = Ext4::load_from_path(data.path()).unwrap();
    for path in ["/usr/share/one", "/usr/two", "/usr/three", "/usr/part/one", "/usr/file"] {
        assert_eq!(data.read_to_string(path).unwrap(), "one\n", "{path}");
    }
    assert_eq!(data.metadata("/tmp").unwrap().mode(), 0o1777);
    assert!(data.exists("/deb/usr/bin/busybox").unwrap() && !data.exists("/deb/DEBIAN").unwrap());
}

#[test]
fn tables_have_what_is_written_of_them() {
    let project = Project::new();
    project.write("blob.bin", vec![7; 1000]);
    project.write_img(
        "table.img",
        r#"
x = images.Image {
  format = 'disk-image
  partition-table-type = 'gpt
  guid = os.uuid("aaaaaaaa-0000-4000-8000-000000000001")
  entry-array-offset = 900KiB
  partitions = [
    images.Partition {
      name = "bios"
      file-system = 'unformatted
      type = "bios-boot"
      guid = os.uuid("aaaaaaaa-0000-4000-8000-000000000003")
      image = ./blob.bin
    },
    images.Partition {
      name = "home"
      flags = ['boot]
      type = "933AC7E1-2EB4-4F13-B844-0E14E2AEF915"
      guid = os.uuid("aaaaaaaa-0000-4000-8000-000000000002")
      attributes = ['required, 'no-block-io, 'read-only, 'no-auto, 'grow-file-system]
    },
  ]
}
"#,
    );
    let built = project.build("table.img", &project.store(), 2);
    let verdict = run("gdisk", "sgdisk", &["-v", built.path.to_str().unwrap()], b"");
    assert!(verdict.contains("No problems found"), "{verdict}");
    let table = run("gdisk", "sgdisk", &["-p", "-i", "1", "-i", "2", built.path.to_str().unwrap()], b"");
    let wanted = ["GUID", "flags", "Main partition table", "Partition name"];
    let lines: Vec<&str> = table.lines().filter(|line| wanted.iter().any(|word| line.contains(word))).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    Disk identifier (GUID): AAAAAAAA-0000-4000-8000-000000000001
    Main partition table begins at sector 1800 and ends at sector 1831
    Partition GUID code: 21686148-6449-6E6F-744E-656564454649 (BIOS boot partition)
    Partition unique GUID: AAAAAAAA-0000-4000-8000-000000000003
    Attribute flags: 0000000000000000
    Partition name: 'bios'
    Partition GUID code: 933AC7E1-2EB4-4F13-B844-0E14E2AEF915 (Linux /home)
    Partition unique GUID: AAAAAAAA-0000-4000-8000-000000000002
    Attribute flags: 9800000000000007
    Partition name: 'home'
    "#);
    assert_eq!(std::fs::read(&built.path).unwrap()[1 << 20..][..1001], [&[7; 1000][..], &[0]].concat());
}

#[test]
fn an_mbr_has_logical_partitions() {
    let project = Project::new();
    project.write_img(
        "many.img",
        r#"
x = images.Image {
  format = 'disk-image
  size = 64MiB
  partitions = [for number in range(1, 7) => images.Partition {
    name = "data${number}"
    size = 4MiB
    label = "DATA${number}"
    file-system = if number == 2 then 'fat12 else 'ext4
    type = if number == 6 then "da" else none
    files = [os.File { path = "/number"; content = "${number}" }]
  }]
}
"#,
    );
    let built = project.build("many.img", &project.store(), 2);
    let path = built.path.to_str().unwrap();
    run("fdisk", "sfdisk", &["--verify", path], b"");
    let table = run("fdisk", "sfdisk", &["--dump", path], b"");
    let table: Vec<&str> = table.lines().filter_map(|line| line.split_once(" : ")).map(|(_, entry)| entry).collect();
    insta::assert_snapshot!(table.join("\n"), @r#"
    start=        2048, size=        8192, type=83
    start=       10240, size=        8192, type=1
    start=       18432, size=        8192, type=83
    start=       26624, size=       30720, type=f
    start=       28672, size=        8192, type=83
    start=       38912, size=        8192, type=83
    start=       49152, size=        8192, type=da
    "#);
    for (number, entry) in table.iter().enumerate().filter(|(_, entry)| entry.contains("type=83")) {
        let start: u64 = entry["start=".len()..].split(',').next().unwrap().trim().parse().unwrap();
        let data = Ext4::load_from_path(cut(&built.path, start * 512, 4 << 20).path()).unwrap();
        // The fourth entry is the extended partition.
        let expected = if number < 3 { number + 1 } else { number };
        assert_eq!(data.read_to_string("/number").unwrap(), expected.to_string());
    }
}

#[test]
fn every_kind_of_partition_is_judged() {
    let project = Project::new();
    project.write_img(
        "kinds.img",
        r#"
let data = images.Partition { files = [os.File { path = "/site"; content = ./files/site }] }
x = images.Image {
  format = 'disk-image
  partition-table-type = 'gpt
  partitions = [
    data { name = "old"; without = ["metadata_csum", "64bit"]; in-mbr? = true },
    data { name = "ext3"; file-system = 'ext3 },
    data { name = "ext2"; file-system = 'ext2; block-size = 2KiB },
    data { name = "small"; block-size = 1KiB; without = ["dir_index", "resize_inode", "has_journal"] },
    images.Partition { name = "swap"; file-system = 'swap; size = 1MiB; uuid = os.uuid("01234567-89ab-cdef-0123-456789abcdef") },
    images.Partition { name = "F12"; file-system = 'fat12; in-mbr? = true },
    images.Partition { name = "F16"; file-system = 'fat16; type = "linux-generic" },
    images.Partition { name = "F32"; file-system = 'fat32 },
    images.Partition { name = "blank"; file-system = 'unformatted; size = 1MiB },
  ]
}
"#,
    );
    let built = project.build("kinds.img", &project.store(), 2);
    let disk = gpt::GptConfig::new().writable(false).open(&built.path).unwrap();
    let parts: Vec<NamedTempFile> = disk
        .partitions()
        .values()
        .map(|part| cut(&built.path, part.first_lba * 512, (part.last_lba - part.first_lba + 1) * 512))
        .collect();
    let features = |index: usize| {
        let shown = run("e2fsprogs", "dumpe2fs", &["-h", parts[index].path().to_str().unwrap()], b"");
        shown.lines().find_map(|line| line.strip_prefix("Filesystem features:")).unwrap().trim().to_owned()
    };
    insta::assert_snapshot!([0, 1, 2, 3].map(features).join("\n"), @r#"
    ext_attr resize_inode dir_index filetype extent flex_bg sparse_super large_file huge_file dir_nlink extra_isize
    has_journal ext_attr resize_inode dir_index filetype sparse_super large_file
    ext_attr resize_inode dir_index filetype sparse_super large_file
    ext_attr filetype extent 64bit flex_bg sparse_super large_file huge_file dir_nlink extra_isize metadata_csum
    "#);
    for part in &parts[..4] {
        run("e2fsprogs", "e2fsck", &["-fn", part.path().to_str().unwrap()], b"");
    }
    for part in &parts[5..8] {
        run("dosfstools", "fsck.fat", &["-n", part.path().to_str().unwrap()], b"");
    }
    let swap = run("util-linux", "swaplabel", &[parts[4].path().to_str().unwrap()], b"");
    assert_eq!(swap, "LABEL: swap\nUUID:  01234567-89ab-cdef-0123-456789abcdef\n");
    assert!(std::fs::read(parts[8].path()).unwrap().iter().all(|byte| *byte == 0));
    let mbr = run("fdisk", "sfdisk", &["--label-nested", "dos", "--dump", built.path.to_str().unwrap()], b"");
    let types: Vec<&str> = mbr.lines().filter_map(|line| line.split_once("type=")).map(|(_, ty)| ty).collect();
    assert_eq!(types, ["ee", "83", "1"], "{mbr}");
}

fn sample() -> Disk {
    let project = Project::new();
    Disk::of(&project.build("system.img", &project.store(), 2))
}

#[test]
fn the_esp_has_the_loader_and_leads_to_the_root() {
    let disk = sample();
    let uuid = disk.root_uuid();
    let config = format!(
        "search --no-floppy --fs-uuid --set=root {uuid}\nset prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n"
    );
    let files = disk.esp_files();
    let files: Vec<_> = files.iter().map(|(path, content)| (path.as_str(), content.as_slice())).collect();
    // The loader was found through two links of its package.
    let expected = [("/EFI/BOOT/BOOTX64.EFI", &b"the boot loader"[..]), ("/EFI/debian/grub.cfg", config.as_bytes())];
    assert_eq!(files, expected);
    let table: Vec<_> = disk.table.iter().map(|(ty, name)| (ty.as_str().to_lowercase(), name.as_str())).collect();
    let [esp, root] = ["c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"];
    assert_eq!(table, [(esp.to_owned(), "ESP"), (root.to_owned(), "my-root")]);
}

#[test]
fn the_root_has_what_boots_it() {
    let disk = sample();
    insta::assert_snapshot!(disk.text("/boot/grub/grub.cfg"), @r#"
    set timeout=3
    menuentry 'It'\''s a sample' {
      linux /boot/vmlinuz root=LABEL=my-root rootfstype=ext4 console=ttyS0 'dyndbg=file a.c +p'
      initrd /boot/initrd.img
    }
    "#);
    insta::assert_snapshot!(disk.text("/etc/fstab"), @r#"
    LABEL=my-root / ext4 noatime 0 1
    none /dev devtmpfs nosuid,mode=0755 0 0
    none /dev/pts devpts nosuid,noexec,gid=5,mode=0620 0 0
    none /dev/shm tmpfs nosuid,nodev,mode=1777 0 0
    none /proc proc nosuid,nodev,noexec 0 0
    none /run tmpfs nosuid,nodev,mode=0755 0 0
    /dev/disk\040by\040name /srv/data vfat noauto,nofail 0 2
    none /sys sysfs nosuid,nodev,noexec 0 0
    "#);
    let link = disk.root().read_link("/boot/vmlinuz").unwrap();
    assert_eq!(link.to_str().unwrap(), "vmlinuz-1.0-test");
    assert_eq!(disk.text("/boot/vmlinuz"), "the kernel");
    assert_eq!(disk.text("/sbin/getty"), "the program", "an applet is a link to busybox");
    assert_eq!(disk.root().read_link("/usr/sbin/getty").unwrap().to_str().unwrap(), "../bin/busybox");
}

#[test]
fn accounts() {
    let disk = sample();
    insta::assert_snapshot!(disk.text("/etc/passwd"), @r#"
    root:x:0:0:root:/root:/bin/sh
    ann:x:1001:100:Ann, Example:/home/ann:/bin/sh
    bob:x:1000:1000::/home/bob:/bin/sh
    "#);
    insta::assert_snapshot!(disk.text("/etc/shadow"), @r#"
    root::3652:0:99999:7:::
    ann:!:3652:0:99999:7:::
    bob:$y$hash:3652:0:99999:7:::
    "#);
    insta::assert_snapshot!(disk.text("/etc/group"), @r#"
    root:x:0:
    tty:x:5:ann
    users:x:100:
    wheel:x:1000:ann
    "#);
    insta::assert_snapshot!(disk.text("/etc/gshadow"), @r#"
    root:!::
    tty:!::ann
    users:!::
    wheel:!::ann
    "#);
}

#[test]
fn process_1_is_told_what_to_run() {
    let disk = sample();
    insta::assert_snapshot!(disk.text("/etc/inittab"), @r#"
    ::sysinit:/etc/init.d/rcS
    ttyS0::respawn:/sbin/getty -L 115200 ttyS0 vt100
    ::ctrlaltdel:/sbin/reboot
    ::shutdown:/bin/umount -a -r
    "#);
    assert_eq!(disk.text("/etc/hostname"), "sample\n");
    assert_eq!(disk.text("/etc/hosts").lines().nth(1), Some("127.0.1.1 sample"));
    assert_eq!(disk.text("/etc/timezone"), "Europe/Paris\n");
    assert_eq!(disk.text("/etc/issue"), "Welcome\n");
}

/// Mode, owner, group and time of what matters, as one line each.
#[test]
fn owners_modes_and_times() {
    let disk = sample();
    let root = disk.root();
    let mut lines = Vec::new();
    for path in [
        "/",
        "/bin",
        "/etc",
        "/etc/init.d",
        "/etc/init.d/rcS",
        "/etc/passwd",
        "/etc/shadow",
        "/etc/gshadow",
        "/root",
        "/tmp",
        "/boot/grub",
        "/boot/initrd.img",
        "/boot/vmlinuz-1.0-test",
        "/home/ann",
        "/usr/bin/busybox",
        "/usr/share/doc/busybox/copyright",
        "/usr/share/doc",
        "/etc/motd",
        "/etc/secret",
        "/etc/secret/key",
        "/usr/bin/tool",
        "/srv/www",
        "/srv/www/index.html",
        "/srv/www/deep/er",
        "/srv/www/link",
    ] {
        let metadata = root.symlink_metadata(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let time = match metadata.modified().seconds() {
            SOURCE_DATE => "source date".to_owned(),
            early if early == EARLY as i64 => "early".to_owned(),
            other => other.to_string(),
        };
        lines.push(format!("{:o} {}:{} {time} {path}", metadata.mode(), metadata.uid(), metadata.gid()));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    755 0:0 source date /
    777 0:0 source date /bin
    755 0:0 source date /etc
    755 0:0 source date /etc/init.d
    755 0:0 source date /etc/init.d/rcS
    644 0:0 source date /etc/passwd
    600 0:0 source date /etc/shadow
    600 0:0 source date /etc/gshadow
    700 0:0 source date /root
    1777 0:0 source date /tmp
    755 0:0 source date /boot/grub
    644 0:0 source date /boot/initrd.img
    644 0:0 source date /boot/vmlinuz-1.0-test
    700 1001:100 source date /home/ann
    755 0:0 source date /usr/bin/busybox
    644 0:0 early /usr/share/doc/busybox/copyright
    755 0:0 source date /usr/share/doc
    644 0:0 source date /etc/motd
    755 0:0 source date /etc/secret
    400 0:0 source date /etc/secret/key
    755 0:0 source date /usr/bin/tool
    755 0:0 source date /srv/www
    644 0:0 source date /srv/www/index.html
    755 0:0 source date /srv/www/deep/er
    777 0:0 source date /srv/www/link
    "#);
    assert!(!root.exists("/home/bob").unwrap());
}

#[test]
fn declared_files_have_their_content() {
    let disk = sample();
    assert_eq!(disk.text("/etc/motd"), "hello\n");
    assert_eq!(disk.text("/etc/secret/key"), "secret");
    assert_eq!(disk.text("/bin/tool"), "#!/bin/sh\necho tool\n");
    assert_eq!(disk.text("/srv/www/index.html"), "<p>hello");
    assert_eq!(disk.text("/srv/www/link/page"), "a page");
}

/// The names in an initrd in order, and the order in which its modules are loaded.
fn initrd(disk: &Disk) -> (Vec<String>, String) {
    let compressed = disk.root().read("/boot/initrd.img").unwrap();
    let script = "gzip -dc > archive && cpio -it --quiet < archive && echo ---- && cpio -i --quiet --to-stdout modules/order < archive";
    let scratch = tempfile::tempdir().unwrap();
    let script = format!("cd '{}' && {script}", scratch.path().display());
    let shown = run("cpio", "sh", &["-c", &script], &compressed);
    let (names, order) = shown.split_once("----\n").unwrap();
    (names.lines().map(str::to_owned).collect(), order.to_owned())
}

#[test]
fn the_initrd_has_its_modules_in_order() {
    let (names, order) = initrd(&sample());
    insta::assert_snapshot!(order, @r#"
    virtio_ring.ko
    virtio.ko
    virtio_blk.ko
    jbd2.ko
    mbcache.ko
    ext4.ko
    "#);
    for name in ["init", "bin/busybox", "dev/console", "modules/virtio_blk.ko"] {
        assert!(names.iter().any(|found| found == name), "{name}: {names:?}");
    }
    assert!(!names.iter().any(|name| name.contains("overlay")), "{names:?}");
}

#[test]
fn what_is_part_of_the_kernel_is_not_in_the_initrd() {
    let project = Project::new();
    let kernel = "kernel { package = ./packages/kernel-with-ext4.deb }";
    project.write_img("builtin.img", &format!("x = base.system {{ {kernel} }}\n"));
    let disk = Disk::of(&project.build("builtin.img", &project.store(), 2));
    insta::assert_snapshot!(initrd(&disk).1, @r#"
    virtio_ring.ko
    virtio.ko
    virtio_blk.ko
    virtio_pci.ko
    "#);
}

#[test]
fn declared_files_win_and_directories_stay() {
    let project = Project::new();
    project.write("overlay/root/.profile", "PS1='# '\n");
    project.write("overlay/tmp/x", "x");
    project.write("overlay/bin/local", "through the link");
    project.write("overlay/var/run/state", "through another");
    project.write_img(
        "over.img",
        r##"
x = base.system {
  kernel { image = "/boot/*-1.0-test" }
  users += [os.UserAccount { name = "shared"; home-directory = "/" }]
  files = [
    os.File { path = "/etc/fstab"; content = "# mine\n" },
    os.File { path = "/"; content = ./overlay },
  ]
}
"##,
    );
    let disk = Disk::of(&project.build("over.img", &project.store(), 2));
    assert_eq!(disk.text("/etc/fstab"), "# mine\n");
    assert_eq!(disk.text("/usr/bin/local"), "through the link");
    assert_eq!(disk.text("/run/state"), "through another");
    assert_eq!(disk.text("/boot/vmlinuz"), "the kernel");
    let root = disk.root();
    let modes = ["/", "/root", "/tmp", "/bin", "/usr/bin"].map(|path| {
        let metadata = root.symlink_metadata(path).unwrap();
        (metadata.mode(), metadata.uid())
    });
    assert_eq!(modes, [(0o755, 0), (0o700, 0), (0o1777, 0), (0o777, 0), (0o755, 0)]);
    assert!(root.metadata("/srv/data").unwrap().is_dir(), "what is mounted has its directory");
}

#[test]
fn a_volatile_root_brings_its_overlay() {
    let project = Project::new();
    let image = "images.efi-disk-image { operating-system = base.system; volatile-root? = true }";
    project.write_img("volatile.img", &format!("x = {image}\n"));
    let disk = Disk::of(&project.build("volatile.img", &project.store(), 2));
    assert!(initrd(&disk).1.lines().any(|module| module == "overlay.ko"));
    assert!(disk.text("/boot/grub/grub.cfg").contains(" volatile\n"));
}
