//! FIT: images with their hashes in a flattened device tree, for U-Boot.
//!
//! ```text
//! / { images { u-boot { data = <...>;                      the bytes inside the tree, or
//!                       data-size, data-position           ... outside, counted from the start of the file, or
//!                                  data-offset             ... from the end of the tree, at a multiple of 4
//!                       hash-1 { algo = "sha256"; value = <...>; } } } }
//! ```
//! (U-Boot, `doc/usage/fit/source_file_format.rst`.) The tree is walked once, where it lies; of the flattened form only
//! what this needs is read (Devicetree Specification 0.4, chapter 5; numbers are big-endian):
//!
//! ```text
//! offset size  meaning                          the structure block
//!    0     4   d00dfeed                         1, name, padding           a node begins
//!    4     4   totalsize                        2                          it ends
//!    8     4   off_dt_struct                    3, len, nameoff, value     a property
//!   12     4   off_dt_strings                   4                          nothing
//!   20     8   version, last_comp_version       9                          the end
//!   32     8   size_dt_strings, size_dt_struct
//! ```

use std::io;

use sha2::Digest;

use super::file::File;
use super::{Error, Header, Mark};
use crate::units::Rounded;

pub(super) const MARKS: &[Mark] = &[(0, &[0xd0, 0x0d, 0xfe, 0xed])];

const HEADER_LEN: u64 = 40;
/// The version whose header has all lengths; later ones may add to it.
const VERSION: u32 = 17;
/// How many tokens are read: trees of boot loaders have hundreds.
const MOST_TOKENS: u32 = 1 << 16;
/// How deep nodes are nested at most, as in U-Boot (`FDT_MAX_DEPTH`).
const MOST_DEPTH: usize = 32;

pub(super) fn check(file: &File) -> Result<Header, Error> {
    let (images, end_of_tree) = images(file)?;
    if images.is_empty() {
        return Err(Error::field("it is a device tree without images, not a U-Boot FIT image"));
    }
    let mut len = end_of_tree;
    for image in &images {
        len = len.max(image.check(file, end_of_tree)?);
    }
    let plural = if images.len() == 1 { "" } else { "s" };
    let description = format!("U-Boot FIT image, {} image{plural}, {}", images.len(), Rounded(len));
    Ok(Header { device_tree: None, description })
}

/// Whether a device tree has images. One that is damaged could have some.
pub(super) fn has_images(file: &File) -> io::Result<bool> {
    match images(file) {
        Ok((images, _)) => Ok(!images.is_empty()),
        Err(Error::Read(error)) => Err(error),
        Err(_) => Ok(true),
    }
}

/// What a node below `/images` says.
#[derive(Default)]
struct Image {
    name: String,
    /// The bytes inside the tree: place and length.
    data: Option<(u64, u64)>,
    size: Option<u32>,
    offset: Option<u32>,
    position: Option<u32>,
    hashes: Vec<Hash>,
}

/// A node `hash...` of an image.
#[derive(Default)]
struct Hash {
    algorithm: Option<String>,
    value: Option<Vec<u8>>,
    /// Whether U-Boot does not look at it.
    ignored: bool,
}

impl Image {
    fn property(&mut self, file: &File, property: &Property) -> Result<(), Error> {
        match property.name.as_str() {
            "data" => first(&mut self.data, || Ok((property.at, property.len))),
            "data-size" => first(&mut self.size, || property.number(file)),
            "data-offset" => first(&mut self.offset, || property.number(file)),
            "data-position" => first(&mut self.position, || property.number(file)),
            _ => Ok(()),
        }
    }

    /// Returns where the data end in the file, which are as their hashes say.
    fn check(&self, file: &File, end_of_tree: u64) -> Result<u64, Error> {
        let what = format!("its image `{}`", self.name.escape_debug());
        let (at, len) = self.place(end_of_tree).ok_or_else(|| Error::field(format!("{what} has no data")))?;
        let end = file.reaches(at, len, &what)?;
        for hash in self.hashes.iter().filter(|hash| !hash.ignored) {
            if !hash.holds(file, at, len, &what)? {
                return Err(Error::Checksum(format!("the {} of {what}", hash.algorithm())));
            }
        }
        Ok(end)
    }

    fn place(&self, end_of_tree: u64) -> Option<(u64, u64)> {
        let outside = |at: u64| Some((at, u64::from(self.size?)));
        match (self.position, self.offset) {
            (Some(position), _) => outside(position.into()),
            (None, Some(offset)) => outside(end_of_tree.next_multiple_of(4) + u64::from(offset)),
            (None, None) => self.data,
        }
    }
}

impl Hash {
    fn property(&mut self, file: &File, property: &Property) -> Result<(), Error> {
        match property.name.as_str() {
            "algo" => first(&mut self.algorithm, || text(file, property.at, property.at + property.len)),
            "value" => first(&mut self.value, || property.value(file)),
            "uboot-ignore" => {
                self.ignored = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Returns the name of the algorithm; it is empty where the node has none.
    fn algorithm(&self) -> &str {
        self.algorithm.as_deref().unwrap_or_default()
    }

    /// Whether the hash is that of a range. One of an unknown algorithm is not looked at.
    fn holds(&self, file: &File, at: u64, len: u64, what: &str) -> Result<bool, Error> {
        let found = match self.algorithm() {
            "crc32" => {
                let mut crc = crc32fast::Hasher::new();
                file.chunks(at, len, what, |chunk| crc.update(chunk))?;
                crc.finalize().to_be_bytes().to_vec()
            }
            "md5" => hash::<md5::Md5>(file, at, len, what)?,
            "sha1" => hash::<sha1::Sha1>(file, at, len, what)?,
            "sha256" => hash::<sha2::Sha256>(file, at, len, what)?,
            "sha384" => hash::<sha2::Sha384>(file, at, len, what)?,
            "sha512" => hash::<sha2::Sha512>(file, at, len, what)?,
            _ => return Ok(true),
        };
        Ok(self.value.as_ref() == Some(&found))
    }
}

/// Keeps the first of several properties of one name, which is the one that U-Boot takes (libfdt, `fdt_getprop`).
fn first<T>(kept: &mut Option<T>, read: impl FnOnce() -> Result<T, Error>) -> Result<(), Error> {
    if kept.is_none() {
        *kept = Some(read()?);
    }
    Ok(())
}

fn hash<D: Digest>(file: &File, at: u64, len: u64, what: &str) -> Result<Vec<u8>, Error> {
    let mut hasher = D::new();
    file.chunks(at, len, what, |chunk| hasher.update(chunk))?;
    Ok(hasher.finalize().to_vec())
}

/// Returns the images of a tree, and where the tree ends.
fn images(file: &File) -> Result<(Vec<Image>, u64), Error> {
    let (mut walk, end_of_tree) = Walk::start(file)?;
    let mut images: Vec<Image> = Vec::new();
    let mut path: Vec<String> = Vec::new();
    loop {
        match walk.next()? {
            Token::Begin(name) if path.len() < MOST_DEPTH => {
                path.push(name);
                begin(&mut images, &path);
            }
            Token::End if !path.is_empty() => drop(path.pop()),
            Token::Property(property) if !path.is_empty() => match (place(&path), images.last_mut()) {
                (Place::Image, Some(image)) => image.property(file, &property)?,
                (Place::Hash, Some(image)) => {
                    image.hashes.last_mut().map_or(Ok(()), |hash| hash.property(file, &property))?;
                }
                _ => {}
            },
            Token::Last if path.is_empty() => return Ok((images, end_of_tree)),
            _ => return Err(damaged()),
        }
    }
}

fn begin(images: &mut Vec<Image>, path: &[String]) {
    match (place(path), images.last_mut(), path.last()) {
        (Place::Image, _, Some(name)) => images.push(Image { name: name.clone(), ..Image::default() }),
        (Place::Hash, Some(image), _) => image.hashes.push(Hash::default()),
        _ => {}
    }
}

/// What a node is.
enum Place {
    Image,
    Hash,
    Elsewhere,
}

fn place(path: &[String]) -> Place {
    match path {
        [_, images, _] if images == "images" => Place::Image,
        [_, images, _, hash] if images == "images" && hash.starts_with("hash") => Place::Hash,
        _ => Place::Elsewhere,
    }
}

fn damaged() -> Error {
    Error::field("the device tree that it begins with is damaged")
}

/// Returns the text at a place, as trees have them for names.
fn text(file: &File, at: u64, end: u64) -> Result<String, Error> {
    file.text(at, end)?.and_then(|text| String::from_utf8(text).ok()).ok_or_else(damaged)
}

/// A property of a node; its value is at that place of the file.
struct Property {
    name: String,
    at: u64,
    len: u64,
}

impl Property {
    fn number(&self, file: &File) -> Result<u32, Error> {
        if self.len == 4 { file.be32(self.at) } else { Err(damaged()) }
    }

    /// Returns the value, if it is not longer than that of a hash; longer ones are cut, and equal none.
    fn value(&self, file: &File) -> Result<Vec<u8>, Error> {
        let mut value = Vec::new();
        file.chunks(self.at, self.len.min(65), "its header", |chunk| value.extend(chunk))?;
        Ok(value)
    }
}

enum Token {
    Begin(String),
    Property(Property),
    End,
    Last,
}

/// A walk through the structure block.
struct Walk<'a> {
    file: &'a File<'a>,
    at: u64,
    end: u64,
    strings: u64,
    strings_end: u64,
    n_tokens: u32,
}

impl Walk<'_> {
    /// Returns a walk from the first token on, and where the tree ends.
    fn start<'a>(file: &'a File<'a>) -> Result<(Walk<'a>, u64), Error> {
        let number = |at| file.be32(at).map(u64::from);
        let total = file.reaches(0, number(4)?, "its device tree")?;
        if file.be32(20)? < VERSION || file.be32(24)? > VERSION {
            return Err(Error::field("the device tree that it begins with has another version than 17"));
        }
        let (at, strings) = (number(8)?, number(12)?);
        let (end, strings_end) = (at + number(36)?, strings + number(32)?);
        if at < HEADER_LEN || !at.is_multiple_of(4) || end > total || strings_end > total {
            return Err(damaged());
        }
        Ok((Walk { file, at, end, strings, strings_end, n_tokens: 0 }, total))
    }

    fn next(&mut self) -> Result<Token, Error> {
        loop {
            self.n_tokens += 1;
            if self.n_tokens > MOST_TOKENS {
                return Err(damaged());
            }
            match self.number()? {
                1 => return self.name().map(Token::Begin),
                2 => return Ok(Token::End),
                3 => return self.property().map(Token::Property),
                4 => {}
                9 => return Ok(Token::Last),
                _ => return Err(damaged()),
            }
        }
    }

    /// Moves behind `len` bytes and their padding, and returns where they are.
    fn skip(&mut self, len: u64) -> Result<u64, Error> {
        let at = self.at;
        self.at = at + len.next_multiple_of(4);
        if self.at > self.end { Err(damaged()) } else { Ok(at) }
    }

    fn number(&mut self) -> Result<u32, Error> {
        let at = self.skip(4)?;
        self.file.be32(at)
    }

    fn name(&mut self) -> Result<String, Error> {
        let name = text(self.file, self.at, self.end)?;
        self.skip(name.len() as u64 + 1)?;
        Ok(name)
    }

    fn property(&mut self) -> Result<Property, Error> {
        let (len, name) = (u64::from(self.number()?), u64::from(self.number()?));
        let at = self.skip(len)?;
        let name = text(self.file, self.strings + name, self.strings_end)?;
        Ok(Property { name, at, len })
    }
}
