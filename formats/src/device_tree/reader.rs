//! From bytes to nodes: a walk along the tokens of the structure block that keeps the node it is in.

use std::collections::BTreeMap;

use super::{Error, Record};

/// The first number of the header, section 5.2 of the specification.
const MAGIC: u32 = 0xd00d_feed;
/// The version of the format that this reader is for, section 5.2: the only one that dtc has written since 2005.
pub(super) const VERSION: u32 = 17;
/// The longest tree in bytes: Linux, Documentation/arch/arm64/booting.rst, "2 megabytes".
pub(super) const MOST: u32 = 2 << 20;
/// How many nodes may be in one another: `FDT_MAX_DEPTH` in Linux, drivers/of/fdt.c.
pub(super) const DEEPEST: usize = 64;
/// The longest name of a node or a property in bytes. Sections 2.2.1 and 2.2.4 say 31, and no kernel holds anybody to it. A
/// path repeats the names above it, so that without a limit the paths of a tree were longer than any memory.
const LONGEST_NAME: usize = 255;

/// Offsets of numbers in the header, section 5.2.
mod header {
    pub(super) const MAGIC: usize = 0;
    pub(super) const TOTAL_SIZE: usize = 4;
    pub(super) const OFF_DT_STRUCT: usize = 8;
    pub(super) const OFF_DT_STRINGS: usize = 12;
    pub(super) const VERSION: usize = 20;
    pub(super) const LAST_COMP_VERSION: usize = 24;
    pub(super) const SIZE_DT_STRINGS: usize = 32;
    pub(super) const SIZE_DT_STRUCT: usize = 36;
}

/// What the parts of the structure block begin with, section 5.4.1.
mod token {
    pub(super) const BEGIN_NODE: u32 = 1;
    pub(super) const END_NODE: u32 = 2;
    pub(super) const PROP: u32 = 3;
    pub(super) const NOP: u32 = 4;
    pub(super) const END: u32 = 9;
}

/// Returns the nodes in the order of the file, at least the root.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Record<'_>>, Error> {
    let field = |at: usize| number(bytes, at);
    if field(header::MAGIC) != Some(MAGIC) {
        return Err(Error::Magic);
    }
    let field = |at: usize| field(at).ok_or(Error::Outside("the header"));
    let (version, oldest) = (field(header::VERSION)?, field(header::LAST_COMP_VERSION)?);
    if version < VERSION || VERSION < oldest {
        return Err(Error::Version { version, oldest });
    }
    let len = field(header::TOTAL_SIZE)?;
    if MOST < len {
        return Err(Error::TooLarge { len });
    }
    let tree = bytes.get(..len as usize).ok_or(Error::Truncated { len, actual: bytes.len() })?;
    let block = |at: u32, len: u32, name| slice(tree, at as usize, len as usize).ok_or(Error::Outside(name));
    let start = field(header::OFF_DT_STRUCT)?;
    let structure = block(start, field(header::SIZE_DT_STRUCT)?, "the structure block")?;
    let strings = block(field(header::OFF_DT_STRINGS)?, field(header::SIZE_DT_STRINGS)?, "the strings block")?;
    Walk { structure, strings, start: start as usize, at: 0, nodes: Vec::new(), open: Vec::new() }.run()
}

/// Where the reader is in the structure block.
struct Walk<'a> {
    structure: &'a [u8],
    strings: &'a [u8],
    /// Where the block begins in the file.
    start: usize,
    /// How far it is read.
    at: usize,
    nodes: Vec<Record<'a>>,
    /// Indices of the nodes that have not ended, the root first.
    open: Vec<usize>,
}

impl<'a> Walk<'a> {
    fn run(mut self) -> Result<Vec<Record<'a>>, Error> {
        loop {
            let at = self.at;
            match self.number()? {
                token::BEGIN_NODE => self.begin_node(at)?,
                token::PROP => self.property(at)?,
                token::END_NODE if self.open.pop().is_none() => {
                    return Err(self.damaged(at, "the end of a node that never began"));
                }
                token::END_NODE | token::NOP => {}
                token::END if self.open.is_empty() && !self.nodes.is_empty() => return Ok(self.nodes),
                token::END => return Err(self.damaged(at, "the end, before that of the root")),
                _ => return Err(self.damaged(at, "an unknown token")),
            }
        }
    }

    fn begin_node(&mut self, at: usize) -> Result<(), Error> {
        let parent = self.open.last().copied();
        if parent.is_none() && !self.nodes.is_empty() {
            return Err(self.damaged(at, "a second root"));
        }
        if DEEPEST <= self.open.len() {
            return Err(Error::TooDeep { at: self.start + at });
        }
        let name = text(&self.structure[self.at..]).ok_or_else(|| self.damaged(at, "a node whose name is none"))?;
        self.skip(name.len() + 1)?;
        self.open.push(self.nodes.len());
        self.nodes.push(Record { name, parent, properties: BTreeMap::new() });
        Ok(())
    }

    fn property(&mut self, at: usize) -> Result<(), Error> {
        let (len, name_at) = (self.number()? as usize, self.number()? as usize);
        let value = slice(self.structure, self.at, len).ok_or_else(|| self.cut_off())?;
        self.skip(len)?;
        let rest = self.strings.get(name_at..).unwrap_or_default();
        let name = text(rest).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| self.damaged(at, "a property whose name is none"))?;
        let Some(&node) = self.open.last() else {
            return Err(self.damaged(at, "a property outside of all nodes"));
        };
        // As in libfdt, the first of two counts.
        self.nodes[node].properties.entry(name).or_insert(value);
        Ok(())
    }

    fn number(&mut self) -> Result<u32, Error> {
        let number = number(self.structure, self.at).ok_or_else(|| self.cut_off())?;
        self.at += 4;
        Ok(number)
    }

    /// Passes so many bytes and their padding.
    fn skip(&mut self, len: usize) -> Result<(), Error> {
        // The block is shorter than `MOST`, and so is what was found in it.
        self.at += len.next_multiple_of(4);
        if self.at <= self.structure.len() { Ok(()) } else { Err(self.cut_off()) }
    }

    fn cut_off(&self) -> Error {
        self.damaged(self.structure.len(), "the structure block ends too early")
    }

    fn damaged(&self, at: usize, what: &'static str) -> Error {
        Error::Damaged { at: self.start + at, what }
    }
}

/// Returns what is in front of the first NUL if that is printable ASCII without `/` and not too long: sections 2.2.1 and 2.2.4
/// allow less.
fn text(bytes: &[u8]) -> Option<&str> {
    let end = bytes.iter().take(LONGEST_NAME + 1).position(|&byte| byte == 0)?;
    let name = str::from_utf8(&bytes[..end]).ok()?;
    name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/').then_some(name)
}

fn slice(bytes: &[u8], at: usize, len: usize) -> Option<&[u8]> {
    bytes.get(at..)?.get(..len)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}
