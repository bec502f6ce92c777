//! Parts of ELF files, 32 and 64 bits, little-endian: one section by name, as far as kernel modules need them, and the
//! segments of programs and libraries ([`program`]).
//!
//! ```text
//! | ELF header | program headers | ... contents of the sections ... | section header 0 | section header 1 | ... |
//! ```
//! The header says where the section headers are and which of them holds the names. Only these and the section
//! asked for are read, so a module in the store is not read whole for the sake of one section.

pub mod program;

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};

/// ELF specification, "ELF Identification".
const MAGIC: &[u8] = b"\x7fELF";
const CLASS_32: u8 = 1;
const CLASS_64: u8 = 2;
const LITTLE_ENDIAN: u8 = 1;
const BIG_ENDIAN: u8 = 2;
/// From this number on, counts and indices of sections are kept elsewhere (`SHN_LORESERVE`).
const RESERVED_INDICES: u64 = 0xff00;
/// The type of sections that have a size and no bytes in the file (`SHT_NOBITS`).
const NO_BYTES: u64 = 8;

/// Why a section could not be read.
#[derive(Debug)]
pub enum Error {
    /// It is no ELF file.
    Magic,
    /// It is for big-endian machines.
    BigEndian,
    /// The header has an unknown class or data encoding.
    Unknown {
        /// What is unknown.
        field: &'static str,
        /// Its value.
        value: u8,
    },
    /// This part lies outside the file, or does not make sense.
    Damaged(&'static str),
    /// The reader below failed.
    Io(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Magic => f.write_str("not an ELF file"),
            Error::BigEndian => f.write_str("an ELF file for big-endian machines, which are not supported"),
            Error::Unknown { field, value } => write!(f, "an ELF file with the unknown {field} {value}"),
            Error::Damaged(part) => write!(f, "a damaged ELF file: {part}"),
            Error::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

/// Where the two classes keep what is read here, and how wide it is.
#[derive(Debug)]
struct Class {
    /// Width of addresses and offsets in bytes.
    word: usize,
    /// Length of the file header in bytes.
    header_len: usize,
    /// Offset in the header of `e_shoff`.
    table_offset: usize,
    /// Offset in the header of `e_shentsize`, `e_shnum`, `e_shstrndx`: 2 bytes each.
    table_shape: usize,
    /// Offset in a section header of `sh_offset` and, behind it, `sh_size`.
    range: usize,
    /// Offset in the header of `e_phoff`.
    program_table: usize,
    /// Offset in the header of `e_flags`: 4 bytes.
    flags: usize,
    /// Offset in the header of `e_phentsize`, `e_phnum`: 2 bytes each.
    program_shape: usize,
    /// Offsets in a program header of `p_offset`, `p_vaddr`, `p_filesz`.
    segment: [usize; 3],
}

/// Elf32_Ehdr, Elf32_Shdr and Elf32_Phdr.
const ELF_32: Class = Class {
    word: 4,
    header_len: 52,
    table_offset: 0x20,
    table_shape: 0x2e,
    range: 0x10,
    program_table: 0x1c,
    flags: 0x24,
    program_shape: 0x2a,
    segment: [0x04, 0x08, 0x10],
};
/// Elf64_Ehdr, Elf64_Shdr and Elf64_Phdr.
const ELF_64: Class = Class {
    word: 8,
    header_len: 64,
    table_offset: 0x28,
    table_shape: 0x3a,
    range: 0x18,
    program_table: 0x20,
    flags: 0x30,
    program_shape: 0x36,
    segment: [0x08, 0x10, 0x20],
};

impl Class {
    fn of(identification: &[u8; 16]) -> Result<&'static Class, Error> {
        if !identification.starts_with(MAGIC) {
            return Err(Error::Magic);
        }
        match identification[5] {
            LITTLE_ENDIAN => {}
            BIG_ENDIAN => return Err(Error::BigEndian),
            value => return Err(Error::Unknown { field: "data encoding", value }),
        }
        match identification[4] {
            CLASS_32 => Ok(&ELF_32),
            CLASS_64 => Ok(&ELF_64),
            value => Err(Error::Unknown { field: "class", value }),
        }
    }
}

/// Returns the content of the first section of this name, or none if there is no such section.
///
/// # Errors
/// As the variants of [`Error`] say.
pub fn section(mut file: impl Read + Seek, name: &str) -> Result<Option<Vec<u8>>, Error> {
    let (class, header) = header(&mut file)?;
    let table = number(&header, class.table_offset, class.word);
    let [entry_len, count, names_idx] = [0, 2, 4].map(|at| number(&header, class.table_shape + at, 2));
    if table == 0 {
        return Ok(None);
    }
    // The flags and the rest of a section header that is read here end with `sh_size`.
    if entry_len < (class.range + 2 * class.word) as u64 || count >= RESERVED_INDICES || names_idx >= count {
        return Err(Error::Damaged("its table of sections"));
    }
    let headers = read(&mut file, table, entry_len * count, "its table of sections")?;
    let headers: Vec<&[u8]> = headers.chunks_exact(entry_len as usize).collect();
    let names = content(&mut file, class, headers[names_idx as usize], "the names of its sections")?;
    for header in headers {
        let start = number(header, 0, 4) as usize;
        let rest = names.get(start..).ok_or(Error::Damaged("the name of a section"))?;
        if rest.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.first() == Some(&0)) {
            return content(&mut file, class, header, "a section").map(Some);
        }
    }
    Ok(None)
}

/// Reads the header of the file, which says of which class it is.
fn header(mut file: impl Read + Seek) -> Result<(&'static Class, Vec<u8>), Error> {
    let identification: [u8; 16] = read(&mut file, 0, 16, "its identification")
        .map_err(|error| if matches!(error, Error::Damaged(_)) { Error::Magic } else { error })?
        .try_into()
        .expect("16 bytes were read");
    let class = Class::of(&identification)?;
    Ok((class, read(file, 0, class.header_len as u64, "its header")?))
}

fn content(file: impl Read + Seek, class: &Class, header: &[u8], part: &'static str) -> Result<Vec<u8>, Error> {
    if number(header, 4, 4) == NO_BYTES {
        return Ok(Vec::new());
    }
    let offset = number(header, class.range, class.word);
    let size = number(header, class.range + class.word, class.word);
    read(file, offset, size, part)
}

/// Reads a range of the file. A length that the file does not have allocates nothing.
fn read(mut file: impl Read + Seek, offset: u64, len: u64, part: &'static str) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(offset)).map_err(Error::Io)?;
    file.take(len).read_to_end(&mut bytes).map_err(Error::Io)?;
    if (bytes.len() as u64) < len { Err(Error::Damaged(part)) } else { Ok(bytes) }
}

/// Returns the little-endian number of `width` bytes at `offset`.
fn number(bytes: &[u8], offset: usize, width: usize) -> u64 {
    bytes[offset..offset + width].iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

#[cfg(test)]
pub(crate) mod testing {
    /// Returns an ELF file with an empty section, `.modinfo` and the section of names.
    pub(crate) fn with_modinfo(bits: u8, modinfo: &[u8]) -> Vec<u8> {
        const NAMES: &[u8] = b"\0.modinfo\0.shstrtab\0";
        let class = if bits == 64 { &super::ELF_64 } else { &super::ELF_32 };
        let entry_len = class.range + 2 * class.word + 16;
        let modinfo_at = class.header_len;
        let names_at = modinfo_at + modinfo.len();
        let table = names_at + NAMES.len();

        let mut file = vec![0; table + 3 * entry_len];
        let mut put = |at: usize, width: usize, value: usize| {
            file[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
        };
        put(class.table_offset, class.word, table);
        put(class.table_shape, 2, entry_len);
        put(class.table_shape + 2, 2, 3);
        put(class.table_shape + 4, 2, 2);
        for (i, (name, offset, len)) in
            [(1, modinfo_at, modinfo.len()), (10, names_at, NAMES.len())].into_iter().enumerate()
        {
            let at = table + (i + 1) * entry_len;
            put(at, 4, name);
            put(at + 4, 4, 1);
            put(at + class.range, class.word, offset);
            put(at + class.range + class.word, class.word, len);
        }
        file[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', bits / 32, 1, 1]);
        file[modinfo_at..names_at].copy_from_slice(modinfo);
        file[names_at..table].copy_from_slice(NAMES);
        file
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::testing::with_modinfo;
    use super::*;
    use crate::tar::testing::run;

    fn message(bytes: &[u8]) -> String {
        section(Cursor::new(bytes), ".modinfo").unwrap_err().to_string()
    }

    #[test]
    fn sections_are_found_in_both_classes() {
        for bits in [32, 64] {
            let file = with_modinfo(bits, b"license=GPL\0");
            assert_eq!(section(Cursor::new(&file), ".modinfo").unwrap().as_deref(), Some(&b"license=GPL\0"[..]));
            assert_eq!(section(Cursor::new(&file), ".mod").unwrap(), None);
        }
    }

    #[test]
    fn what_binutils_writes_is_read() {
        let scratch = tempfile::tempdir().unwrap();
        std::fs::write(scratch.path().join("modinfo"), "depends=\0").unwrap();
        let assembly = ".section .modinfo, \"a\"\n.incbin \"modinfo\"\n.bss\n.skip 4096\n";
        std::fs::write(scratch.path().join("module.s"), assembly).unwrap();
        run(scratch.path(), "binutils", &["as", "-o", "module.o", "module.s"]);
        let file = std::fs::read(scratch.path().join("module.o")).unwrap();
        assert_eq!(section(Cursor::new(&file), ".modinfo").unwrap().as_deref(), Some(&b"depends=\0"[..]));
        assert_eq!(section(Cursor::new(&file), ".bss").unwrap().as_deref(), Some(&b""[..]));
    }

    #[test]
    fn other_files_are_refused() {
        let mut file = with_modinfo(64, b"");
        assert_eq!(message(b""), "not an ELF file");
        assert_eq!(message(b"#!/bin/sh, and more"), "not an ELF file");
        assert_eq!(message(&file[..40]), "a damaged ELF file: its header");
        assert_eq!(message(&file[..file.len() - 1]), "a damaged ELF file: its table of sections");
        file[5] = 2;
        assert_eq!(message(&file), "an ELF file for big-endian machines, which are not supported");
        file[5] = 1;
        file[4] = 3;
        assert_eq!(message(&file), "an ELF file with the unknown class 3");
    }

    #[test]
    fn no_single_damaged_byte_makes_the_reader_panic() {
        for bits in [32, 64] {
            let file = with_modinfo(bits, b"license=GPL\0");
            for at in 0..file.len() {
                for value in [0, 1, 0x7f, 0xff] {
                    let mut damaged = file.clone();
                    damaged[at] = value;
                    let _ = section(Cursor::new(&damaged), ".modinfo");
                }
            }
        }
    }
}
