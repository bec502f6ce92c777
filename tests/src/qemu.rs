//! Emulated machines that boot a disk, or a kernel, to its serial console.
//!
//! ```no_run
//! use std::path::Path;
//! use gravure_tests::qemu::{COMMAND, LOGIN, Machine};
//!
//! let mut console = Machine::x86_64_uefi(Path::new("tiny.raw")).boot("tiny");
//! console.expect("login: ", LOGIN);
//! console.send_line("root");
//! assert_eq!(console.run("uname -m", COMMAND), "x86_64\n");
//! console.send_line("poweroff");
//! console.expect_end(COMMAND);
//! ```
//!
//! Every machine is pure emulation (also where the host could do better: all hosts then see the same), has no network and
//! no screen, writes to no disk that it is given but to those that say so, and ends where a real one would restart, so a panic ends the test.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::console::Console;
use crate::tool::Tool;

/// A generous limit for a boot to the login prompt: emulated, on a loaded host.
pub const LOGIN: Duration = Duration::from_secs(120);
/// A generous limit for a command, and for the way from `poweroff` to the end.
pub const COMMAND: Duration = Duration::from_secs(60);

const QEMU_X86_64: Tool = Tool { program: "qemu-system-x86_64", package: "qemu-system-x86" };
const QEMU_AARCH64: Tool = Tool { program: "qemu-system-aarch64", package: "qemu-system-arm" };
const QEMU_ARM: Tool = Tool { program: "qemu-system-arm", package: "qemu-system-arm" };
const QEMU_RISCV64: Tool = Tool { program: "qemu-system-riscv64", package: "qemu-system-misc" };
/// Where distributions keep the UEFI firmware as one file, code and variables together.
const OVMF: [&str; 4] = [
    "/usr/share/ovmf/OVMF.fd",
    "/usr/share/qemu/OVMF.fd",
    "/usr/share/edk2/x64/OVMF.4m.fd",
    "/usr/share/edk2-ovmf/x64/OVMF.fd",
];
/// The same for 64-bit ARM.
const AAVMF: [&str; 3] = [
    "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd",
    "/usr/share/edk2/aarch64/QEMU_EFI.fd",
    "/usr/share/edk2-armvirt/aarch64/QEMU_EFI.fd",
];
/// UEFI for 32-bit ARM: the code, in a flash of its own.
const AAVMF32: [&str; 2] = ["/usr/share/AAVMF/AAVMF32_CODE.fd", "/usr/share/edk2/arm/QEMU_EFI-pflash.raw"];
/// U-Boot for QEMU's 64-bit ARM machine.
const U_BOOT: [&str; 1] = ["/usr/lib/u-boot/qemu_arm64/u-boot.bin"];
/// The same for 32-bit ARM.
const U_BOOT_ARM: [&str; 1] = ["/usr/lib/u-boot/qemu_arm/u-boot.bin"];
/// The same for 64-bit RISC-V, started by OpenSBI.
const U_BOOT_RISCV64: [&str; 1] = ["/usr/lib/u-boot/qemu-riscv64_smode/u-boot.bin"];
const MEMORY_MEBIBYTES: u32 = 512;

/// The wire between machine and disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bus {
    /// A paravirtual disk, `/dev/vda` in Linux.
    Virtio,
    /// On a `pc` machine an IDE disk, on a `q35` one SATA; `/dev/sda` in Linux.
    Ide,
    /// `/dev/nvme0n1` in Linux.
    Nvme,
}

/// A machine that is not yet switched on.
#[derive(Clone, Debug)]
pub struct Machine {
    emulator: Tool,
    memory_mebibytes: u32,
    arguments: Vec<OsString>,
}

impl Machine {
    /// A PC with UEFI that boots this disk, on virtio.
    #[track_caller]
    pub fn x86_64_uefi(disk: &Path) -> Self {
        let firmware = firmware("GRAVURE_OVMF", &OVMF, "ovmf");
        Self::new(QEMU_X86_64, "q35").argument("-bios").argument(firmware).disk(disk, Bus::Virtio)
    }

    /// A 64-bit ARM machine with UEFI that boots this disk, on virtio.
    #[track_caller]
    pub fn aarch64_uefi(disk: &Path) -> Self {
        let firmware = firmware("GRAVURE_AAVMF", &AAVMF, "qemu-efi-aarch64");
        let machine = Self::new(QEMU_AARCH64, "virt").argument("-cpu").argument("cortex-a57");
        machine.argument("-bios").argument(firmware).disk(disk, Bus::Virtio)
    }

    /// A 32-bit ARM machine with UEFI that boots this disk, on virtio.
    #[track_caller]
    pub fn arm_uefi(disk: &Path) -> Self {
        let mut flash = OsString::from("if=pflash,format=raw,readonly=on,file=");
        flash.push(escape_commas(&firmware("GRAVURE_AAVMF32", &AAVMF32, "qemu-efi-arm")));
        let machine = Self::new(QEMU_ARM, "virt,highmem=off").argument("-cpu").argument("cortex-a15");
        machine.argument("-drive").argument(flash).disk(disk, Bus::Virtio)
    }

    /// A 64-bit ARM machine whose firmware is U-Boot, without a disk.
    #[track_caller]
    pub fn aarch64_u_boot() -> Self {
        let firmware = firmware("GRAVURE_U_BOOT", &U_BOOT, "u-boot-qemu");
        let machine = Self::new(QEMU_AARCH64, "virt").argument("-cpu").argument("cortex-a57");
        machine.argument("-bios").argument(firmware)
    }

    /// A 32-bit ARM machine with U-Boot, without a disk.
    #[track_caller]
    pub fn arm_u_boot() -> Self {
        let firmware = firmware("GRAVURE_U_BOOT_ARM", &U_BOOT_ARM, "u-boot-qemu");
        let machine = Self::new(QEMU_ARM, "virt").argument("-cpu").argument("cortex-a15");
        machine.argument("-bios").argument(firmware)
    }

    /// A 64-bit RISC-V machine with U-Boot, which also is its UEFI, without a disk.
    #[track_caller]
    pub fn riscv64_u_boot() -> Self {
        let firmware = firmware("GRAVURE_U_BOOT_RISCV64", &U_BOOT_RISCV64, "u-boot-qemu");
        Self::new(QEMU_RISCV64, "virt").argument("-kernel").argument(firmware)
    }

    /// A 32-bit ARM board that QEMU knows by this name, and that runs whatever its card has. The card's size must be a power
    /// of two.
    pub fn arm_board(board: &str, card: &Path) -> Self {
        Self::new(QEMU_ARM, board).card(card)
    }

    /// A Raspberry Pi 3 whose firmware has loaded this U-Boot and device tree: its processor for graphics, which does so on
    /// the board, is not emulated. Its console is the second serial line. The card's size must be a power of two.
    pub fn raspberry_pi_3(u_boot: &Path, device_tree: &Path, card: &Path) -> Self {
        let machine = Self::with_console(QEMU_AARCH64, "raspi3b", 1).argument("-kernel").argument(u_boot);
        Self { memory_mebibytes: 1024, ..machine.argument("-dtb").argument(device_tree).card(card) }
    }

    /// A board with an i.MX 6 whose ROM has loaded this SPL and starts it. Its console is the second serial line.
    pub fn imx6_spl(spl: &Path) -> Self {
        // Where the SPL asks to be loaded: its IVT at 0x907400, its code 3 KiB behind that.
        let mut load = OsString::from("loader,addr=0x907400,force-raw=on,file=");
        load.push(escape_commas(spl));
        let machine = Self::with_console(QEMU_ARM, "sabrelite", 1).argument("-device").argument(load);
        machine.argument("-device").argument("loader,addr=0x908000,cpu-num=0")
    }

    /// A SiFive board with the processor FU540, whose first stage has loaded this OpenSBI and this U-Boot.
    pub fn sifive_u_boot(opensbi: &Path, u_boot: &Path) -> Self {
        let machine = Self::new(QEMU_RISCV64, "sifive_u").argument("-smp").argument("5");
        let machine = machine.argument("-bios").argument(opensbi).argument("-kernel").argument(u_boot);
        Self { memory_mebibytes: 8192, ..machine }
    }

    /// A PC with a BIOS that boots this disk, on the bus given.
    pub fn x86_64_bios(disk: &Path, bus: Bus) -> Self {
        Self::new(QEMU_X86_64, "pc").disk(disk, bus)
    }

    /// A PC with a BIOS that boots this disk, on virtio, and keeps what it writes there.
    pub fn x86_64_bios_writable(disk: &Path) -> Self {
        Self::new(QEMU_X86_64, "pc").writable_disk(disk)
    }

    /// A PC without firmware to speak of: QEMU loads the kernel itself.
    pub fn x86_64_kernel(kernel: &Path, initrd: Option<&Path>, command_line: &str) -> Self {
        let machine = Self::new(QEMU_X86_64, "q35").argument("-kernel").argument(kernel);
        let machine = machine.argument("-append").argument(command_line);
        match initrd {
            Some(initrd) => machine.argument("-initrd").argument(initrd),
            None => machine,
        }
    }

    /// Adds a disk: qcow2 if its name ends so, raw otherwise. What the machine writes to it is thrown away.
    #[must_use]
    pub fn disk(self, image: &Path, bus: Bus) -> Self {
        let format = if image.extension() == Some(OsStr::new("qcow2")) { "qcow2" } else { "raw" };
        let (interface, device) = match bus {
            Bus::Virtio => ("virtio", None),
            Bus::Ide => ("ide", None),
            Bus::Nvme => ("none", Some("nvme,serial=gravure,drive=disk")),
        };
        let id = if device.is_some() { ",id=disk" } else { "" };
        let mut drive = OsString::from(format!("format={format},if={interface}{id},file="));
        drive.push(escape_commas(image));
        let machine = self.argument("-drive").argument(drive);
        match device {
            Some(device) => machine.argument("-device").argument(device),
            None => machine,
        }
    }

    /// Puts an SD card into the board. What the machine writes to it is thrown away.
    fn card(self, card: &Path) -> Self {
        let mut drive = OsString::from("if=sd,format=raw,file=");
        drive.push(escape_commas(card));
        self.argument("-drive").argument(drive)
    }

    /// Adds a raw disk on virtio that keeps what the machine writes to it.
    #[must_use]
    pub fn writable_disk(self, image: &Path) -> Self {
        let mut drive = OsString::from("format=raw,if=virtio,snapshot=off,file=");
        drive.push(escape_commas(image));
        self.argument("-drive").argument(drive)
    }

    /// Adds a network in which the host is 10.0.2.2, and a source of randomness for keys. Connections to a port of the host
    /// go to one of the machine, for each of these pairs.
    #[must_use]
    pub fn network(self, forwarded: &[(u16, u16)]) -> Self {
        let mut network = String::from("user,id=network");
        for (host, machine) in forwarded {
            network.push_str(&format!(",hostfwd=tcp:127.0.0.1:{host}-:{machine}"));
        }
        let machine = self.argument("-netdev").argument(network);
        let machine = machine.argument("-device").argument("virtio-net-pci,netdev=network");
        machine.argument("-device").argument("virtio-rng-pci")
    }

    /// Gives the machine a processor with all features that the emulator knows.
    #[must_use]
    pub fn newest_processor(self) -> Self {
        self.argument("-cpu").argument("max")
    }

    /// Sets the memory; 512 MiB is what a machine has otherwise.
    #[must_use]
    pub fn memory(self, mebibytes: u32) -> Self {
        Self { memory_mebibytes: mebibytes, ..self }
    }

    /// Adds an argument of QEMU's.
    #[must_use]
    pub fn argument(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Switches the machine on. The transcript of its console is kept in the target directory, as `consoles/NAME.txt`.
    ///
    /// Panics if QEMU is not installed, with the name of its package.
    #[track_caller]
    pub fn boot(self, name: &str) -> Console {
        let mut command = Command::new(self.emulator.path());
        command.args(&self.arguments).arg("-m").arg(self.memory_mebibytes.to_string());
        Console::start(name, command, &transcripts()).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn new(emulator: Tool, machine: &str) -> Self {
        Self::with_console(emulator, machine, 0)
    }

    /// A machine whose console is the serial line of this number.
    fn with_console(emulator: Tool, machine: &str, serial_line: usize) -> Self {
        let arguments = ["-M", machine, "-accel", "tcg", "-nographic", "-monitor", "none", "-net", "none"];
        let arguments = arguments.into_iter().chain(["-no-reboot", "-snapshot"]);
        let arguments = arguments.chain(["-serial", "null"].repeat(serial_line)).chain(["-serial", "stdio"]);
        Self { emulator, memory_mebibytes: MEMORY_MEBIBYTES, arguments: arguments.map(OsString::from).collect() }
    }
}

/// Returns a firmware; the variable names it where none of the usual places has it.
#[track_caller]
fn firmware(variable: &str, usual: &[&str], package: &str) -> PathBuf {
    let named = env::var_os(variable).map(PathBuf::from);
    let found = named.into_iter().chain(usual.iter().map(PathBuf::from)).find(|path| path.exists());
    found.unwrap_or_else(|| {
        panic!("the firmware is not installed (looked for {usual:?}): `apt-get install {package}`, or `tests/run`")
    })
}

/// Returns a port of the host on which nothing listens.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("there is a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// In QEMU's option strings a comma ends a value, and two are one.
fn escape_commas(path: &Path) -> OsString {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let bytes = path.as_os_str().as_bytes().iter();
    OsString::from_vec(bytes.flat_map(|&byte| if byte == b',' { vec![byte; 2] } else { vec![byte] }).collect())
}

/// A test's program is `TARGET/PROFILE/deps/NAME`; cargo keeps `TARGET/tmp` for what tests write.
fn transcripts() -> PathBuf {
    let program = env::current_exe().expect("a running program has a path");
    let target = program.ancestors().nth(3).map_or_else(env::temp_dir, |target| target.join("tmp"));
    target.join("consoles")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A boot sector that greets on the first serial port, then gives back each key in the other case, until `.`, which
    /// powers off through the ACPI registers that SeaBIOS sets up on a `pc` machine.
    fn greeting_disk() -> tempfile::NamedTempFile {
        const TEXT_AT: u8 = 0x40;
        #[rustfmt::skip]
        let code = [
            0xfa,                   // 7c00      cli
            0x31, 0xc0,             // 7c01      xor ax, ax
            0x8e, 0xd8,             // 7c03      mov ds, ax
            0xbe, TEXT_AT, 0x7c,    // 7c05      mov si, text
            0xba, 0xf8, 0x03,       // 7c08      mov dx, 0x3f8      the port's data register
            0xac,                   // 7c0b next: lodsb
            0x84, 0xc0,             // 7c0c      test al, al
            0x74, 0x03,             // 7c0e      jz key
            0xee,                   // 7c10      out dx, al
            0xeb, 0xf8,             // 7c11      jmp next
            0xba, 0xfd, 0x03,       // 7c13 key: mov dx, 0x3fd      the line status register
            0xec,                   // 7c16      in al, dx
            0xa8, 0x01,             // 7c17      test al, 1         has a byte come?
            0x74, 0xfb,             // 7c19      jz key + 3
            0xba, 0xf8, 0x03,       // 7c1b      mov dx, 0x3f8
            0xec,                   // 7c1e      in al, dx
            0x3c, b'.',             // 7c1f      cmp al, '.'
            0x74, 0x05,             // 7c21      jz off
            0x34, 0x20,             // 7c23      xor al, 0x20       the other case
            0xee,                   // 7c25      out dx, al
            0xeb, 0xeb,             // 7c26      jmp key
            0xba, 0x04, 0x06,       // 7c28 off: mov dx, 0x604      PM1a_CNT of the PIIX4
            0xb8, 0x00, 0x20,       // 7c2b      mov ax, 0x2000     SLP_EN, sleep type 0 (S5)
            0xef,                   // 7c2e      out dx, ax
            0xeb, 0xfe,             // 7c2f      jmp $
        ];
        let mut sector = [0; 512];
        sector[..code.len()].copy_from_slice(&code);
        let text = b"a sector speaks\r\n\0";
        sector[usize::from(TEXT_AT)..][..text.len()].copy_from_slice(text);
        sector[510..].copy_from_slice(&[0x55, 0xaa]);
        let disk = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(disk.path(), sector).unwrap();
        // SeaBIOS does not read a virtio disk of one sector.
        disk.as_file().set_len(1 << 20).unwrap();
        disk
    }

    #[test]
    fn a_boot_sector_speaks_and_listens() {
        let disk = greeting_disk();
        for bus in [Bus::Ide, Bus::Virtio] {
            let mut console = Machine::x86_64_bios(disk.path(), bus).boot(&format!("boot-sector-{bus:?}"));
            console.expect("a sector speaks\n", LOGIN);
            console.send("gravure");
            console.expect("GRAVURE", COMMAND);
            console.send(".");
            console.expect_end(COMMAND);
        }
    }

    #[test]
    fn the_uefi_shell_runs_commands() {
        let empty = tempfile::NamedTempFile::new().unwrap();
        empty.as_file().set_len(1 << 20).unwrap();
        let mut console = Machine::x86_64_uefi(empty.path()).boot("uefi-shell");
        console.expect("UEFI Interactive Shell", LOGIN);
        console.expect("Press ESC", COMMAND);
        console.send("\x1b");
        console.expect("Shell> ", COMMAND);
        console.send_line("echo UEFI=%uefiversion%");
        console.expect("UEFI=2.", COMMAND);
        console.send_line("reset -s");
        console.expect_end(COMMAND);
    }

    #[test]
    #[should_panic(expected = "the machine said \"No bootable device.\"")]
    fn a_disk_that_does_not_boot_ends_the_wait() {
        let empty = tempfile::NamedTempFile::new().unwrap();
        empty.as_file().set_len(1 << 20).unwrap();
        Machine::x86_64_bios(empty.path(), Bus::Ide).boot("empty-disk").expect("login:", LOGIN);
    }

    #[test]
    fn a_disk_that_is_not_there_is_reported_by_qemu() {
        let panic = std::panic::catch_unwind(|| {
            Machine::x86_64_bios(Path::new("/no/such/disk.raw"), Bus::Ide).boot("no-disk").expect("login:", COMMAND)
        });
        let text = panic.unwrap_err().downcast::<String>().unwrap();
        assert!(text.contains("the machine has ended (exit status: 1)"), "{text}");
        assert!(text.contains("No such file or directory"), "{text}");
    }

    #[test]
    fn commas_in_a_name_are_doubled() {
        assert_eq!(escape_commas(Path::new("/a,b/c,,d")), "/a,,b/c,,,,d");
    }
}
