//! What `ldconfig` wants to know of a library: for which machines it is, what it is called, what processor it needs.

use std::io::{self, Read, Seek};

use crate::elf;
use crate::elf::program::{Program, SHARED_OBJECT};

/// The segment with properties of the whole file (`PT_GNU_PROPERTY`).
const PROPERTIES: u32 = 0x6474_e553;
/// The note that has them (`NT_GNU_PROPERTY_TYPE_0`).
const PROPERTY_NOTE: u32 = 5;
/// The property that says which instructions of x86 a file needs: a bit for each level (`GNU_PROPERTY_X86_ISA_1_NEEDED`).
const NEEDED_LEVELS: u32 = 0xc000_8002;

/// The machines that a library is for, by the conventions of its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Abi {
    I386,
    Amd64,
    X32,
    Arm64,
    /// Before versions for hardware floating point were marked.
    Arm,
    ArmHard,
    ArmSoft,
    RiscVSoft,
    RiscVDouble,
}

/// Machines whose libraries one `ldconfig` handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    X86,
    Arm,
    RiscV,
}

impl Abi {
    /// Returns the conventions that a file says it follows; none for what is not known.
    pub(super) fn of(program: &Program) -> Option<Abi> {
        // The numbers of `e_machine`; of `e_flags` those of the floating point, and of RISC-V also its short instructions.
        Some(match (program.machine, program.bits()) {
            (3, 32) => Abi::I386,
            (62, 64) => Abi::Amd64,
            (62, 32) => Abi::X32,
            (183, 64) => Abi::Arm64,
            (40, 32) if program.flags & 0x400 != 0 => Abi::ArmHard,
            (40, 32) if program.flags & 0x200 != 0 => Abi::ArmSoft,
            (40, 32) => Abi::Arm,
            (243, _) => match program.flags & !1 {
                0 => Abi::RiscVSoft,
                4 => Abi::RiscVDouble,
                _ => return None,
            },
            _ => return None,
        })
    }

    /// Returns how caches mark it: 3 is a library for glibc, the rest the machine where it matters.
    pub(super) fn flags(self) -> u32 {
        match self {
            Abi::I386 | Abi::Arm => 0x0003,
            Abi::Amd64 => 0x0303,
            Abi::X32 => 0x0803,
            Abi::ArmHard => 0x0903,
            Abi::Arm64 => 0x0a03,
            Abi::ArmSoft => 0x0b03,
            Abi::RiscVSoft => 0x0f03,
            Abi::RiscVDouble => 0x1003,
        }
    }

    pub(super) fn family(self) -> Family {
        match self {
            Abi::I386 | Abi::Amd64 | Abi::X32 => Family::X86,
            Abi::Arm64 | Abi::Arm | Abi::ArmHard | Abi::ArmSoft => Family::Arm,
            Abi::RiscVSoft | Abi::RiscVDouble => Family::RiscV,
        }
    }

    /// Returns Debian's name of the directories of its libraries.
    pub(super) fn triplet(self) -> &'static str {
        match self {
            Abi::I386 => "i386-linux-gnu",
            Abi::Amd64 => "x86_64-linux-gnu",
            Abi::X32 => "x86_64-linux-gnux32",
            Abi::Arm64 => "aarch64-linux-gnu",
            Abi::ArmHard => "arm-linux-gnueabihf",
            Abi::Arm | Abi::ArmSoft => "arm-linux-gnueabi",
            Abi::RiscVSoft | Abi::RiscVDouble => "riscv64-linux-gnu",
        }
    }
}

/// A library.
#[derive(Debug)]
pub(super) struct Library {
    pub(super) abi: Abi,
    pub(super) soname: Option<String>,
    /// The level of x86-64 that it needs; 0 is what all have.
    pub(super) level: u32,
}

impl Library {
    /// Reads a library; none for what is none.
    ///
    /// # Errors
    /// Reading failed.
    pub(super) fn read(mut file: impl Read + Seek) -> Result<Option<Library>, io::Error> {
        match Library::try_read(&mut file) {
            Ok(library) => Ok(library),
            Err(elf::Error::Io(error)) => Err(error),
            // A linker script, or what else may be called `.so`.
            Err(_) => Ok(None),
        }
    }

    fn try_read(mut file: impl Read + Seek) -> Result<Option<Library>, elf::Error> {
        let program = Program::read(&mut file)?;
        let Some(abi) = Abi::of(&program).filter(|_| program.kind == SHARED_OBJECT) else { return Ok(None) };
        let soname = program.soname(&mut file)?;
        let properties = match abi.family() {
            Family::X86 => program.segment(&mut file, PROPERTIES)?.unwrap_or_default(),
            _ => Vec::new(),
        };
        Ok(Some(Library { abi, soname, level: level(&properties, program.bits() / 8) }))
    }
}

/// Returns the highest level of x86-64 that notes say is needed.
fn level(notes: &[u8], alignment: usize) -> u32 {
    let mut rest = notes;
    while let Some(note) = Note::split(rest, alignment) {
        if note.kind == PROPERTY_NOTE && note.owner == b"GNU\0" {
            return level_of_properties(note.content, alignment);
        }
        rest = note.behind;
    }
    0
}

/// The first of several notes.
struct Note<'a> {
    kind: u32,
    owner: &'a [u8],
    content: &'a [u8],
    /// The others.
    behind: &'a [u8],
}

impl<'a> Note<'a> {
    fn split(notes: &'a [u8], alignment: usize) -> Option<Note<'a>> {
        let [owner_len, len] = [number(notes, 0)?, number(notes, 4)?].map(|len| len as usize);
        let owner_end = owner_len.checked_add(12)?;
        let start = owner_end.checked_next_multiple_of(alignment)?;
        let end = start.checked_add(len)?;
        Some(Note {
            kind: number(notes, 8)?,
            owner: notes.get(12..owner_end)?,
            content: notes.get(start..end)?,
            behind: notes.get(end.checked_next_multiple_of(alignment)?..).unwrap_or_default(),
        })
    }
}

fn level_of_properties(properties: &[u8], alignment: usize) -> u32 {
    let mut rest = properties;
    while let (Some(kind), Some(len)) = (number(rest, 0), number(rest, 4)) {
        if kind == NEEDED_LEVELS {
            return number(rest, 8).and_then(u32::checked_ilog2).unwrap_or(0);
        }
        let end = (len as usize).checked_add(8).and_then(|end| end.checked_next_multiple_of(alignment));
        rest = end.and_then(|end| rest.get(end..)).unwrap_or_default();
    }
    0
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::elf::program::testing::{Shape, library};

    fn abi(bits: u8, machine: u16, flags: u32) -> Option<Abi> {
        let file = library(&Shape { bits, machine, flags, soname: None, extra: (7, b"") });
        Library::read(Cursor::new(file)).unwrap().map(|library| library.abi)
    }

    #[test]
    fn machines_are_told_apart() {
        assert_eq!([abi(32, 3, 0), abi(64, 62, 0), abi(32, 62, 0)], [Abi::I386, Abi::Amd64, Abi::X32].map(Some));
        assert_eq!([abi(64, 183, 0), abi(32, 40, 0x0500_0400)], [Abi::Arm64, Abi::ArmHard].map(Some));
        assert_eq!([abi(32, 40, 0x0500_0200), abi(32, 40, 0x0500_0000)], [Abi::ArmSoft, Abi::Arm].map(Some));
        assert_eq!([abi(64, 243, 1), abi(64, 243, 5)], [Abi::RiscVSoft, Abi::RiscVDouble].map(Some));
        assert_eq!([abi(64, 243, 3), abi(64, 3, 0), abi(64, 8, 0)], [None; 3]);
    }

    /// Notes of another owner, then properties: one of another kind, then the levels.
    fn notes(levels: u32) -> Vec<u8> {
        let words: [u32; 16] = [
            4,
            8,
            1,
            u32::from_le_bytes(*b"ABC\0"),
            1,
            2,
            4,
            32,
            PROPERTY_NOTE,
            u32::from_le_bytes(*b"GNU\0"),
            2,
            4,
            3,
            0,
            NEEDED_LEVELS,
            4,
        ];
        words.iter().chain(&[levels, 0]).flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn the_highest_level_counts() {
        assert_eq!([0, 1, 2, 6, 8].map(|levels| level(&notes(levels), 8)), [0, 0, 1, 2, 3]);
        assert_eq!(level(&notes(8)[..60], 8), 0);
        let shape =
            Shape { bits: 64, machine: 62, flags: 0, soname: Some("libx.so.1"), extra: (PROPERTIES, &notes(4)) };
        assert_eq!(Library::read(Cursor::new(library(&shape))).unwrap().unwrap().level, 2);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_readers_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80)) {
            let _ = level(&bytes, 8);
            let _ = level(&[&notes(4)[..24], &bytes[..]].concat(), 4);
            let _ = Library::read(Cursor::new([b"\x7fELF\x02\x01\x01", &bytes[..]].concat())).unwrap();
        }
    }
}
