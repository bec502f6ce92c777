//! Programs and libraries as a loader sees them: their segments, and the name by which a library wants to be found.
//!
//! ```text
//! PT_DYNAMIC    pairs (tag, value) up to DT_NULL     DT_STRTAB    the address of the texts
//!                                                    DT_SONAME    where among them the name is
//! ```
//! An address becomes an offset in the file by the segment `PT_LOAD` that it lies in. Only what is asked for is read.

use std::io::{Read, Seek, SeekFrom};

use super::{Class, Error, header, number, read};

/// The type of files that can be loaded anywhere: libraries, and programs that are built like them (`ET_DYN`).
pub const SHARED_OBJECT: u16 = 3;
/// What is mapped into memory (`PT_LOAD`).
pub const LOADED: u32 = 1;
/// What is for the dynamic loader (`PT_DYNAMIC`).
const DYNAMIC: u32 = 2;
/// The end of the dynamic pairs (`DT_NULL`).
const END: u64 = 0;
/// The tag of the address of the texts (`DT_STRTAB`).
const TEXTS: u64 = 5;
/// The tag of the name (`DT_SONAME`).
const NAME: u64 = 14;
/// The longest name that is read: no path is longer.
const MOST_LETTERS: u64 = 4096;

/// The header of a program or library.
#[derive(Debug)]
pub struct Program {
    class: &'static Class,
    /// What kind of file it is (`e_type`).
    pub kind: u16,
    /// Which machines it is for (`e_machine`).
    pub machine: u16,
    /// What it asks of the machine (`e_flags`).
    pub flags: u32,
    segments: Vec<Segment>,
}

#[derive(Debug)]
struct Segment {
    kind: u32,
    offset: u64,
    address: u64,
    len: u64,
}

impl Program {
    /// Reads the header and the table of segments.
    ///
    /// # Errors
    /// As the variants of [`Error`] say.
    pub fn read(mut file: impl Read + Seek) -> Result<Program, Error> {
        let (class, header) = header(&mut file)?;
        let [entry_len, count] = [0, 2].map(|at| number(&header, class.program_shape + at, 2));
        if count > 0 && entry_len < (class.segment[2] + class.word) as u64 {
            return Err(Error::Damaged("its table of segments"));
        }
        let table = number(&header, class.program_table, class.word);
        let table = read(&mut file, table, entry_len * count, "its table of segments")?;
        Ok(Program {
            class,
            kind: number(&header, 16, 2) as u16,
            machine: number(&header, 18, 2) as u16,
            flags: number(&header, class.flags, 4) as u32,
            segments: table
                .chunks_exact((entry_len as usize).max(1))
                .map(|entry| Segment::read(entry, class))
                .collect(),
        })
    }

    /// Returns how many bits an address has: 32 or 64.
    pub fn bits(&self) -> usize {
        self.class.word * 8
    }

    /// Returns the content of the first segment of this type; none where there is no such segment.
    ///
    /// # Errors
    /// The segment lies outside the file, or reading failed.
    pub fn segment(&self, file: impl Read + Seek, kind: u32) -> Result<Option<Vec<u8>>, Error> {
        let segment = self.segments.iter().find(|segment| segment.kind == kind);
        segment.map(|segment| read(file, segment.offset, segment.len, "a segment")).transpose()
    }

    /// Returns the name by which the library wants to be found, if it has one.
    ///
    /// # Errors
    /// It has no dynamic texts, hence is nothing that can be linked to; or reading failed.
    pub fn soname(&self, mut file: impl Read + Seek) -> Result<Option<String>, Error> {
        let dynamic = self.segment(&mut file, DYNAMIC)?.unwrap_or_default();
        let pairs = dynamic.chunks_exact(2 * self.class.word).map(|pair| {
            let word = self.class.word;
            (number(pair, 0, word), number(pair, word, word))
        });
        let pairs: Vec<(u64, u64)> = pairs.take_while(|(tag, _)| *tag != END).collect();
        let value = |wanted: u64| pairs.iter().find(|(tag, _)| *tag == wanted).map(|(_, value)| *value);
        let damaged = Error::Damaged("its dynamic texts");
        let texts = value(TEXTS).and_then(|address| self.offset(address)).ok_or(damaged)?;
        let Some(at) = value(NAME) else { return Ok(None) };
        text(file, texts.checked_add(at).ok_or(Error::Damaged("its name"))?).map(Some)
    }

    /// Returns where in the file an address is.
    fn offset(&self, address: u64) -> Option<u64> {
        let loaded = self.segments.iter().filter(|segment| segment.kind == LOADED);
        let mut offsets = loaded.filter_map(|segment| {
            let inside = address.checked_sub(segment.address).filter(|inside| *inside < segment.len)?;
            segment.offset.checked_add(inside)
        });
        offsets.next()
    }
}

impl Segment {
    fn read(entry: &[u8], class: &Class) -> Segment {
        let [offset, address, len] = class.segment.map(|at| number(entry, at, class.word));
        Segment { kind: number(entry, 0, 4) as u32, offset, address, len }
    }
}

/// Reads a text that a NUL ends.
fn text(mut file: impl Read + Seek, offset: u64) -> Result<String, Error> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(offset)).map_err(Error::Io)?;
    file.take(MOST_LETTERS).read_to_end(&mut bytes).map_err(Error::Io)?;
    let end = bytes.iter().position(|&byte| byte == 0).ok_or(Error::Damaged("its name"))?;
    bytes.truncate(end);
    String::from_utf8(bytes).map_err(|_| Error::Damaged("its name"))
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// What a library for tests is like.
    pub(crate) struct Shape<'a> {
        pub(crate) bits: u8,
        pub(crate) machine: u16,
        pub(crate) flags: u32,
        pub(crate) soname: Option<&'a str>,
        /// One more segment: its type and its content.
        pub(crate) extra: (u32, &'a [u8]),
    }

    /// Returns a library: its header, three segments, the dynamic pairs, the texts, the extra content.
    pub(crate) fn library(shape: &Shape<'_>) -> Vec<u8> {
        const BASE: usize = 0x1000;
        let class = if shape.bits == 64 { &crate::elf::ELF_64 } else { &crate::elf::ELF_32 };
        let (word, entry_len) = (class.word, if shape.bits == 64 { 56 } else { 32 });
        let texts = format!("\0{}\0", shape.soname.unwrap_or_default());
        let dynamic_at = class.header_len + 3 * entry_len;
        let texts_at = dynamic_at + 6 * word;
        let extra_at = texts_at + texts.len();
        let len = extra_at + shape.extra.1.len();
        let mut file = vec![0; len];
        let mut put = |at: usize, width: usize, value: usize| {
            file[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
        };
        put(0, 4, 0x464c_457f);
        put(4, 3, usize::from(shape.bits / 32) | 0x0001_0100);
        put(16, 2, SHARED_OBJECT.into());
        put(18, 2, shape.machine.into());
        put(class.flags, 4, shape.flags as usize);
        put(class.program_table, word, class.header_len);
        put(class.program_shape, 2, entry_len);
        put(class.program_shape + 2, 2, 3);
        let segments =
            [(LOADED, 0, len), (DYNAMIC, dynamic_at, 6 * word), (shape.extra.0, extra_at, shape.extra.1.len())];
        for (number, (kind, offset, len)) in segments.into_iter().enumerate() {
            let at = class.header_len + number * entry_len;
            put(at, 4, kind as usize);
            put(at + class.segment[0], word, offset);
            put(at + class.segment[1], word, BASE + offset);
            put(at + class.segment[2], word, len);
            // `p_align`, the last field.
            put(at + entry_len - word, word, word);
        }
        let pairs = [(TEXTS, BASE + texts_at), (if shape.soname.is_some() { NAME } else { END }, 1), (END, 0)];
        for (number, (tag, value)) in pairs.into_iter().enumerate() {
            put(dynamic_at + 2 * number * word, word, tag as usize);
            put(dynamic_at + (2 * number + 1) * word, word, value);
        }
        file[texts_at..extra_at].copy_from_slice(texts.as_bytes());
        file[extra_at..].copy_from_slice(shape.extra.1);
        file
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::testing::{Shape, library};
    use super::*;

    fn example(bits: u8) -> Vec<u8> {
        library(&Shape { bits, machine: 62, flags: 0x400, soname: Some("libx.so.1"), extra: (7, b"extra") })
    }

    #[test]
    fn segments_and_names_are_found_in_both_classes() {
        for bits in [32, 64] {
            let file = example(bits);
            let program = Program::read(Cursor::new(&file)).unwrap();
            assert_eq!((program.kind, program.machine, program.flags), (SHARED_OBJECT, 62, 0x400));
            assert_eq!(program.bits(), usize::from(bits));
            assert_eq!(program.soname(Cursor::new(&file)).unwrap().as_deref(), Some("libx.so.1"));
            assert_eq!(program.segment(Cursor::new(&file), 7).unwrap().as_deref(), Some(&b"extra"[..]));
            assert_eq!(program.segment(Cursor::new(&file), 8).unwrap(), None);
        }
    }

    #[test]
    fn what_is_no_library_is_refused() {
        let without_name = library(&Shape { bits: 64, machine: 62, flags: 0, soname: None, extra: (7, b"") });
        let program = Program::read(Cursor::new(&without_name)).unwrap();
        assert_eq!(program.soname(Cursor::new(&without_name)).unwrap(), None);
        let module = crate::elf::testing::with_modinfo(64, b"");
        let program = Program::read(Cursor::new(&module)).unwrap();
        assert_eq!(
            program.soname(Cursor::new(&module)).unwrap_err().to_string(),
            "a damaged ELF file: its dynamic texts"
        );
        let error = Program::read(Cursor::new(&example(64)[..100])).unwrap_err();
        assert_eq!(error.to_string(), "a damaged ELF file: its table of segments");
    }

    #[test]
    fn no_single_damaged_byte_makes_the_reader_panic() {
        for bits in [32, 64] {
            let file = example(bits);
            for at in 0..file.len() {
                for value in [0, 1, 0x7f, 0xff] {
                    let mut damaged = file.clone();
                    damaged[at] = value;
                    if let Ok(program) = Program::read(Cursor::new(&damaged)) {
                        let _ = program.soname(Cursor::new(&damaged));
                        let _ = program.segment(Cursor::new(&damaged), 7);
                    }
                }
            }
        }
    }
}
