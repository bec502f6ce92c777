//! GRUB for the BIOS: what `grub-mkimage` makes of GRUB's parts, and what `grub-bios-setup` writes into them.
//!
//! ```text
//! sector 0   boot.img            the BIOS runs it; it loads one sector, whose number is written into it
//! core.img   diskboot.img        loads what follows it; where that is and how much is written at its end
//!            lzma_decompress.img unpacks what follows it, and runs that
//!            LZMA( kernel.img | modules, early configuration, prefix )
//! ```
//! Offsets are those of GRUB 2.06 and 2.12 for `i386-pc`, read from images that their `grub-mkimage` made; a test holds this
//! module against that program, byte by byte of what is compressed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Cursor;

use xz2::stream::{Action, Filters, LzmaOptions, Status, Stream};

use crate::elf::program::{LOADED, Program};
use crate::mbr::{SECTOR, TABLE_AT};

/// Where `boot.img` has the first sector of the core image, 8 bytes.
const BOOT_CORE_AT: usize = 0x5c;
/// Where `boot.img` jumps over what trusts the BIOS about the number of the drive: only floppy disks need it.
const BOOT_DRIVE_CHECK_AT: usize = 0x66;
/// What stands there, `jmp +5`, and what hard disks have instead, twice `nop`.
const BOOT_DRIVE_CHECK: [[u8; 2]; 2] = [[0xeb, 0x05], [0x90, 0x90]];
/// Where `diskboot.img` has the first sector of the rest, 8 bytes, then how many there are, 2 bytes, and a segment.
const DISKBOOT_REST_AT: usize = 0x1f4;
/// Where `lzma_decompress.img` has the length of what is compressed, and behind it what it becomes, 4 bytes each.
const DECOMPRESSOR_LENGTHS_AT: usize = 0x8;
/// What the list of modules and texts behind the kernel begins with: "mimg", as a little-endian number.
const LIST_MAGIC: u32 = 0x676d_696d;
/// The magic, the offset of the first element and the length of the list, 4 bytes each.
const LIST_HEADER_LEN: u32 = 12;
/// The largest core image behind its first sector: it is loaded at 0x9000 at the latest, and memory ends at 0x78000.
const MOST: usize = 0x78000 - 0x9000;
/// The dictionary of GRUB's decoder.
const DICTIONARY: u32 = 64 << 10;

/// Elements of the list behind the kernel.
mod element {
    pub(super) const MODULE: u32 = 0;
    pub(super) const CONFIG: u32 = 2;
    pub(super) const PREFIX: u32 = 3;
}

/// The parts of GRUB that are the same in every core image: files of its package.
#[derive(Clone, Debug)]
pub struct Parts {
    /// `diskboot.img`.
    pub diskboot: Vec<u8>,
    /// `lzma_decompress.img`.
    pub decompressor: Vec<u8>,
    /// `kernel.img`, an ELF file.
    pub kernel: Vec<u8>,
}

/// Why GRUB cannot be put together.
#[derive(Debug, PartialEq, Eq)]
pub enum Error {
    /// A file is not what its name says.
    Part(&'static str),
    /// There is no such module.
    Module(String),
    /// The core image would not fit into memory.
    TooLarge(usize),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Part(name) => write!(f, "`{name}` is not what GRUB 2.06 and 2.12 have under this name"),
            Error::Module(name) => write!(f, "this GRUB has no module `{name}`"),
            Error::TooLarge(len) => write!(
                f,
                "GRUB's core image would have {len} bytes, and a BIOS loads at most {MOST}: fewer modules are needed"
            ),
        }
    }
}

impl std::error::Error for Error {}

/// Returns modules with all that they depend on, each behind what it depends on, as `grub-mkimage` orders them.
/// `dependencies` is the text of `moddep.lst`: lines `module: modules it needs`.
///
/// # Errors
/// There is no such module.
pub fn closure(dependencies: &str, wanted: &[String]) -> Result<Vec<String>, Error> {
    let lines = dependencies.lines().filter_map(|line| line.split_once(':'));
    let table = lines.map(|(name, needs)| (name.trim(), needs.split_whitespace().collect())).collect();
    let mut found = Closure { table, seen: BTreeSet::new(), order: Vec::new() };
    wanted.iter().try_for_each(|name| found.visit(name))?;
    Ok(found.order.into_iter().map(str::to_owned).collect())
}

struct Closure<'a> {
    table: BTreeMap<&'a str, Vec<&'a str>>,
    seen: BTreeSet<&'a str>,
    order: Vec<&'a str>,
}

/// What the walk has still to do.
enum Step<'a> {
    Enter(&'a str),
    /// All that the module needs is in the order.
    Leave(&'a str),
}

impl<'a> Closure<'a> {
    fn visit(&mut self, wanted: &'a str) -> Result<(), Error> {
        let mut steps = vec![Step::Enter(wanted)];
        while let Some(step) = steps.pop() {
            match step {
                Step::Leave(name) => self.order.push(name),
                Step::Enter(name) => {
                    if self.seen.insert(name) {
                        let needs = self.table.get(name).ok_or_else(|| Error::Module(name.to_owned()))?;
                        steps.push(Step::Leave(name));
                        // The last one named comes first, for `grub-mkimage` puts each in front of a list that it then walks.
                        steps.extend(needs.iter().map(|needed| Step::Enter(needed)));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Returns a core image that lies in the sectors behind the MBR: its first sector is number 1. `modules` are the bytes of `.mod`
/// files in the order of [`closure`]; `config` is a script that runs before anything is read from a disk, and may set
/// `prefix`, where GRUB finds its `grub.cfg`.
///
/// # Errors
/// A part is not what it should be, or all together are too large.
pub fn core_image(parts: &Parts, modules: &[Vec<u8>], config: &str, prefix: &str) -> Result<Vec<u8>, Error> {
    let plain = payload(&parts.kernel, modules, config, prefix)?;
    let compressed = lzma(&plain);
    let mut decompressor = parts.decompressor.clone();
    put(&mut decompressor, DECOMPRESSOR_LENGTHS_AT, &(compressed.len() as u32).to_le_bytes(), "lzma_decompress.img")?;
    put(&mut decompressor, DECOMPRESSOR_LENGTHS_AT + 4, &(plain.len() as u32).to_le_bytes(), "lzma_decompress.img")?;
    let len = decompressor.len() + compressed.len();
    if len > MOST {
        return Err(Error::TooLarge(len));
    }
    let mut core = parts.diskboot.clone();
    if core.len() as u64 != SECTOR {
        return Err(Error::Part("diskboot.img"));
    }
    let n_sectors = (len as u64).div_ceil(SECTOR) as u16;
    put(&mut core, DISKBOOT_REST_AT + 8, &n_sectors.to_le_bytes(), "diskboot.img")?;
    place_core(&mut core, 1);
    core.extend(decompressor);
    core.extend(compressed);
    Ok(core)
}

/// Says in the first sector of a core image that it is sector `lba` of the disk.
///
/// # Panics
/// It is no sector.
pub fn place_core(first_sector: &mut [u8], lba: u64) {
    first_sector[DISKBOOT_REST_AT..][..8].copy_from_slice(&(lba + 1).to_le_bytes());
}

/// Returns the boot code of a disk whose core image begins with sector `core_lba`: the bytes in front of the signature and
/// the table of an MBR.
///
/// # Errors
/// These are not the bytes of a `boot.img`.
pub fn boot_code(boot_image: &[u8], core_lba: u64) -> Result<Vec<u8>, Error> {
    let mut code = boot_image.get(..TABLE_AT as usize).ok_or(Error::Part("boot.img"))?.to_vec();
    let [check, none] = BOOT_DRIVE_CHECK;
    let found = &mut code[BOOT_DRIVE_CHECK_AT..][..2];
    if found != check {
        return Err(Error::Part("boot.img"));
    }
    found.copy_from_slice(&none);
    put(&mut code, BOOT_CORE_AT, &core_lba.to_le_bytes(), "boot.img")?;
    Ok(code)
}

fn put(bytes: &mut [u8], at: usize, value: &[u8], name: &'static str) -> Result<(), Error> {
    bytes.get_mut(at..at + value.len()).ok_or(Error::Part(name))?.copy_from_slice(value);
    Ok(())
}

/// Returns what is compressed: the kernel as it lies in memory, and behind it the list of modules and texts.
fn payload(kernel: &[u8], modules: &[Vec<u8>], config: &str, prefix: &str) -> Result<Vec<u8>, Error> {
    let read = || -> Result<Option<Vec<u8>>, crate::elf::Error> {
        Program::read(Cursor::new(kernel))?.segment(Cursor::new(kernel), LOADED)
    };
    let mut bytes = read().ok().flatten().ok_or(Error::Part("kernel.img"))?;
    let mut list = Vec::new();
    let mut push = |kind: u32, content: &[u8]| {
        let padding = content.len().next_multiple_of(4) - content.len();
        let len = (content.len() + padding + 8) as u32;
        list.extend([kind.to_le_bytes(), len.to_le_bytes()].as_flattened());
        list.extend(content);
        list.extend(std::iter::repeat_n(0, padding));
    };
    for module in modules {
        push(element::MODULE, module);
    }
    for (kind, text) in [(element::CONFIG, config), (element::PREFIX, prefix)] {
        push(kind, format!("{text}\0").as_bytes());
    }
    let len = LIST_HEADER_LEN + list.len() as u32;
    bytes.extend([LIST_MAGIC, LIST_HEADER_LEN, len].map(u32::to_le_bytes).as_flattened());
    bytes.extend(list);
    Ok(bytes)
}

/// Compresses as GRUB's decoder wants it: LZMA without any header, with lc 3, lp 0, pb 2.
fn lzma(bytes: &[u8]) -> Vec<u8> {
    let mut options = LzmaOptions::new_preset(9).expect("liblzma has the preset 9");
    options.dict_size(DICTIONARY).literal_context_bits(3).literal_position_bits(0).position_bits(2);
    let mut filters = Filters::new();
    filters.lzma1(&options);
    let mut stream = Stream::new_raw_encoder(&filters).expect("these options are LZMA's own");
    let mut compressed = Vec::with_capacity(bytes.len());
    let mut done = 0;
    loop {
        compressed.reserve(bytes.len() / 2 + 4096);
        let before = stream.total_in();
        let status =
            stream.process_vec(&bytes[done..], &mut compressed, Action::Finish).expect("an encoder takes any bytes");
        done += (stream.total_in() - before) as usize;
        if status == Status::StreamEnd {
            return compressed;
        }
    }
}

#[cfg(test)]
mod tests;
