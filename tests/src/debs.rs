//! Debian packages as small as they can be, written byte by byte: an `ar` archive of two tars (deb(5)).

/// What a package has at a path.
pub enum Member<'a> {
    /// A file with these permissions and this time.
    File(u32, u64, &'a [u8]),
    /// A symbolic link.
    Link(&'a str),
}

/// A time that is later than every source date of the tests.
pub const LATE: u64 = 4_000_000_000;
/// A time that is earlier.
pub const EARLY: u64 = 100_000_000;

/// The version of the kernel that [`kernel`] has.
pub const KERNEL_VERSION: &str = "1.0-test";

/// Returns a package with these members and the directories that they are in.
pub fn deb(members: &[(&str, Member<'_>)]) -> Vec<u8> {
    deb_with("Package: test\nVersion: 1\nArchitecture: all\n", members)
}

/// Returns a package with this control stanza.
pub fn deb_with(stanza: &str, members: &[(&str, Member<'_>)]) -> Vec<u8> {
    let control = tar(&[("control", Member::File(0o644, EARLY, stanza.as_bytes()))]);
    let data = tar(members);
    let mut archive = b"!<arch>\n".to_vec();
    for (name, content) in [("debian-binary", b"2.0\n".to_vec()), ("control.tar", control), ("data.tar", data)] {
        archive.extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100_644, content.len()).bytes());
        archive.extend(&content);
        archive.resize(archive.len().next_multiple_of(2), b'\n');
    }
    archive
}

fn tar(members: &[(&str, Member<'_>)]) -> Vec<u8> {
    let mut tar = Vec::new();
    let mut directories = vec![String::new()];
    tar.extend(header("./", b'5', 0o755, EARLY, 0, ""));
    for (path, member) in members {
        for (slash, _) in path.match_indices('/') {
            let directory = path[..slash].to_owned();
            if !directories.contains(&directory) {
                tar.extend(header(&format!("./{directory}/"), b'5', 0o755, LATE, 0, ""));
                directories.push(directory);
            }
        }
        let path = format!("./{path}");
        match member {
            Member::File(mode, time, content) => {
                tar.extend(header(&path, b'0', *mode, *time, content.len(), ""));
                tar.extend(*content);
                tar.resize(tar.len().next_multiple_of(512), 0);
            }
            Member::Link(target) => tar.extend(header(&path, b'2', 0o777, EARLY, 0, target)),
        }
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}

/// Returns the header of a member (ustar, IEEE 1003.1).
fn header(path: &str, kind: u8, mode: u32, time: u64, len: usize, target: &str) -> [u8; 512] {
    let mut header = [0; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, path);
    put(100, &format!("{mode:07o}"));
    put(108, &format!("{:07o}", 0));
    put(116, &format!("{:07o}", 0));
    put(124, &format!("{len:011o}"));
    put(136, &format!("{time:011o}"));
    put(148, "        ");
    put(156, &(kind as char).to_string());
    put(157, target);
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

/// Returns a kernel module: an ELF file with nothing but a `.modinfo`.
pub fn module(modinfo: &[u8]) -> Vec<u8> {
    const NAMES: &[u8] = b"\0.modinfo\0.shstrtab\0";
    const HEADER: usize = 64;
    const ENTRY: usize = 64;
    let names_at = HEADER + modinfo.len();
    let table_at = names_at + NAMES.len();
    let mut elf = vec![0; HEADER];
    elf[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1]);
    elf[0x28..0x30].copy_from_slice(&(table_at as u64).to_le_bytes());
    for (at, value) in [(0x3a, ENTRY as u16), (0x3c, 3), (0x3e, 2)] {
        elf[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }
    elf.extend(modinfo);
    elf.extend(NAMES);
    elf.resize(table_at + ENTRY, 0);
    for (name, at, len) in [(1u32, HEADER, modinfo.len()), (10, names_at, NAMES.len())] {
        let mut entry = [0; ENTRY];
        entry[..4].copy_from_slice(&name.to_le_bytes());
        entry[4..8].copy_from_slice(&1u32.to_le_bytes());
        entry[0x18..0x20].copy_from_slice(&(at as u64).to_le_bytes());
        entry[0x20..0x28].copy_from_slice(&(len as u64).to_le_bytes());
        elf.extend(entry);
    }
    elf
}

/// Returns a kernel's package; `is_modular` tells whether ext4 is a module, and not part of the kernel.
pub fn kernel(is_modular: bool) -> Vec<u8> {
    let modules = format!("usr/lib/modules/{KERNEL_VERSION}");
    let kernel = format!("boot/vmlinuz-{KERNEL_VERSION}");
    let in_modules = |path: &str| format!("{modules}/{path}");
    let virtio_blk = module(b"license=GPL\0depends=virtio-ring,virtio\0");
    let (virtio, plain) = (module(b"depends=\0"), module(b"license=GPL\0"));
    let ext4 = module(b"depends=jbd2,mbcache\0");
    let builtin = if is_modular { "kernel/drivers/virtio/virtio_pci.ko\n" } else { "kernel/fs/ext4/ext4.ko\n" };
    let mut files: Vec<(String, &[u8])> = vec![
        (kernel, b"the kernel"),
        (in_modules("modules.builtin"), builtin.as_bytes()),
        (in_modules("modules.order"), b""),
        (in_modules("kernel/drivers/block/virtio_blk.ko"), &virtio_blk),
        (in_modules("kernel/drivers/virtio/virtio.ko"), &virtio),
        (in_modules("kernel/drivers/virtio/virtio-ring.ko"), &virtio),
        (in_modules("kernel/fs/overlayfs/overlay.ko"), &plain),
    ];
    if is_modular {
        files.push((in_modules("kernel/fs/ext4/ext4.ko"), &ext4));
        files.push((in_modules("kernel/fs/jbd2/jbd2.ko"), &plain));
        files.push((in_modules("kernel/fs/mbcache.ko"), &plain));
    } else {
        files.push((in_modules("kernel/drivers/virtio/virtio_pci.ko"), &virtio));
    }
    let members: Vec<_> =
        files.iter().map(|(path, content)| (path.as_str(), Member::File(0o644, LATE, content))).collect();
    deb(&members)
}

/// Returns a package that needs one that nobody has.
pub fn needy() -> Vec<u8> {
    deb_with("Package: needy\nVersion: 1\nArchitecture: all\nDepends: needed (>= 2), test\n", &[])
}

/// Returns the package of a busybox.
pub fn busybox() -> Vec<u8> {
    deb(&[
        ("usr/bin/busybox", Member::File(0o755, LATE, b"the program")),
        ("usr/share/doc/busybox/copyright", Member::File(0o644, EARLY, b"free\n")),
    ])
}

/// Returns the package of a GRUB, whose loader is found through links, as in some packages.
pub fn grub() -> Vec<u8> {
    deb(&[
        ("usr/lib/grub/x86_64-efi", Member::Link("x86_64-efi-1.0")),
        ("usr/lib/grub/x86_64-efi-1.0/monolithic/grubx64-1.0.efi", Member::File(0o644, LATE, b"the boot loader")),
        ("usr/lib/grub/x86_64-efi-1.0/monolithic/grubx64.efi", Member::Link("../monolithic/grubx64-1.0.efi")),
    ])
}

/// Returns the package of a GRUB for the BIOS with two modules, whose code does nothing.
pub fn grub_for_bios() -> Vec<u8> {
    // ELF header and one program header, 32 bits, little-endian (ELF specification, figures 1-3 and 2-1): a segment
    // `PT_LOAD` of the 8 bytes behind them.
    let mut kernel = vec![0; 52 + 32];
    kernel[..7].copy_from_slice(b"\x7fELF\x01\x01\x01");
    for (at, value) in [(16, 2), (18, 3), (28, 52), (42, 32), (44, 1), (52, 1), (56, 84), (60, 0x9000), (68, 8)] {
        kernel[at] = value as u8;
        kernel[at + 1] = (value >> 8) as u8;
    }
    kernel.extend(b"\xebkernel\0");
    let mut boot = [0; 512];
    boot[0x66..0x68].copy_from_slice(&[0xeb, 0x05]);
    let file = |content| Member::File(0o644, LATE, content);
    deb(&[
        ("usr/lib/grub/i386-pc/boot.img", file(&boot)),
        ("usr/lib/grub/i386-pc/diskboot.img", file(&[0; 512])),
        ("usr/lib/grub/i386-pc/ext2.mod", file(b"ext2 ")),
        ("usr/lib/grub/i386-pc/fshelp.mod", file(b"fshelp")),
        ("usr/lib/grub/i386-pc/kernel.img", file(&kernel)),
        ("usr/lib/grub/i386-pc/lzma_decompress.img", file(&[0; 64])),
        ("usr/lib/grub/i386-pc/moddep.lst", file(b"ext2: fshelp\nfshelp:\n")),
    ])
}
