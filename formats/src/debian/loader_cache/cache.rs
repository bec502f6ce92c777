//! The cache as the dynamic loader maps it into memory: glibc's format 1.1, little endian.
//!
//! ```text
//! offset  size  meaning
//!      0    20  "glibc-ld.so.cache1.1"
//!     20     4  number of libraries
//!     24     4  length of the texts
//!     28     4  2: the numbers are little endian
//!     32     4  offset of the extensions
//!     36    12  0
//!     48  24 n  libraries: flags, SONAME, path (4 each), 0 (4), variant (8)
//!      -     -  texts, each ended by a NUL
//!      -     -  extensions, at a multiple of 4: EA A4 21 74, their number (4 each); for each tag, 0, offset, length (4 each)
//!      -     -  names of variants (4 each); the signature of the program
//! ```
//! Texts are given by offsets from the start of the file. A text that ends another is not written again: a SONAME is the end of its
//! path. A variant is the number of its name, the level of the processor that the library needs (shifted by 32), and bit 62.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};

const MAGIC: &[u8; 20] = b"glibc-ld.so.cache1.1";
const LITTLE_ENDIAN: u32 = 2;
const HEADER_LEN: usize = 48;
const LIBRARY_LEN: usize = 24;
const EXTENSION_MAGIC: u32 = 0xeaa4_2174;
/// The length of an entry in the table of extensions.
const EXTENSION_LEN: usize = 16;
/// The tag of the signature.
const SIGNATURE: u32 = 0;
/// The tag of the names of variants.
const VARIANTS: u32 = 1;
/// Marks a library that is a variant.
const IS_VARIANT: u64 = 1 << 62;

/// A library in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) soname: String,
    pub(super) path: String,
    pub(super) flags: u32,
    pub(super) level: u32,
    pub(super) variant: Option<String>,
}

impl Entry {
    /// Compares in the order of the cache: the loader searches it by halves, and takes the first variant that fits.
    fn compare(&self, other: &Entry) -> Ordering {
        let names = compare_names(&other.soname, &self.soname);
        let flags = other.flags.cmp(&self.flags);
        let is_general = self.variant.is_none().cmp(&other.variant.is_none());
        names.then(flags).then(is_general).then_with(|| self.variant.cmp(&other.variant))
    }
}

/// Compares names of libraries: numbers in them by value, and a number behind any other letter.
pub(super) fn compare_names(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one.as_bytes(), other.as_bytes());
    loop {
        let digits = |bytes: &[u8]| bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let order = match (digits(one), digits(other)) {
            (0, 0) if one.is_empty() || other.is_empty() => return one.len().cmp(&other.len()),
            (0, 0) => one[0].cmp(&other[0]),
            (0, _) => return Ordering::Less,
            (_, 0) => return Ordering::Greater,
            (mine, theirs) => value(&one[..mine]).cmp(&value(&other[..theirs])),
        };
        if order.is_ne() {
            return order;
        }
        (one, other) = (&one[digits(one).max(1)..], &other[digits(other).max(1)..]);
    }
}

/// Returns the value of digits; beyond all that versions have, they are equal.
fn value(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |value: u64, digit| value.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
}

/// Returns the file. Of equal entries the first one stays in front: it is from the directory that is searched first.
pub(super) fn to_bytes(mut entries: Vec<Entry>, variants: &BTreeSet<String>, signature: &[u8]) -> Vec<u8> {
    entries.sort_by(Entry::compare);
    let texts = entries.iter().flat_map(|entry| [entry.soname.as_str(), &entry.path]);
    let texts = Texts::new(texts.chain(variants.iter().map(String::as_str)), HEADER_LEN + LIBRARY_LEN * entries.len());
    let used: BTreeSet<&str> = entries.iter().filter_map(|entry| entry.variant.as_deref()).collect();
    let extensions_at = texts.end().next_multiple_of(4);

    let mut bytes = MAGIC.to_vec();
    push(&mut bytes, &[entries.len(), texts.bytes.len(), LITTLE_ENDIAN as usize, extensions_at, 0, 0, 0]);
    for entry in &entries {
        push(&mut bytes, &[entry.flags as usize, texts.offset(&entry.soname), texts.offset(&entry.path), 0]);
        bytes.extend(variant(entry, &used).to_le_bytes());
    }
    bytes.extend_from_slice(&texts.bytes);
    bytes.resize(extensions_at, 0);
    let names: Vec<usize> = used.iter().map(|name| texts.offset(name)).collect();
    push_extensions(&mut bytes, &names, signature);
    bytes
}

/// Returns what the cache says of the variant that a library is.
fn variant(entry: &Entry, used: &BTreeSet<&str>) -> u64 {
    let number = entry.variant.as_deref().and_then(|variant| used.iter().position(|name| *name == variant));
    number.map_or(0, |number| IS_VARIANT | u64::from(entry.level) << 32 | number as u64)
}

fn push_extensions(bytes: &mut Vec<u8>, names: &[usize], signature: &[u8]) {
    let count = if names.is_empty() { 1 } else { 2 };
    let names_at = bytes.len() + 8 + count * EXTENSION_LEN;
    let signature_at = names_at + 4 * names.len();
    push(bytes, &[EXTENSION_MAGIC as usize, count]);
    push(bytes, &[SIGNATURE as usize, 0, signature_at, signature.len()]);
    if !names.is_empty() {
        push(bytes, &[VARIANTS as usize, 0, names_at, 4 * names.len()]);
    }
    push(bytes, names);
    bytes.extend_from_slice(signature);
}

fn push(bytes: &mut Vec<u8>, numbers: &[usize]) {
    let number = |&number: &usize| u32::try_from(number).expect("a cache is smaller than 4 GiB").to_le_bytes();
    bytes.extend(numbers.iter().flat_map(number));
}

/// Texts, of which one that ends another has no bytes of its own.
struct Texts<'a> {
    offsets: BTreeMap<&'a str, usize>,
    bytes: Vec<u8>,
    start: usize,
}

impl<'a> Texts<'a> {
    /// Lays texts out from `start` on, in the order of their letters from the last to the first, the greatest in front. So
    /// whatever ends another follows it.
    fn new(texts: impl Iterator<Item = &'a str>, start: usize) -> Texts<'a> {
        let mut sorted: Vec<&str> = texts.collect();
        sorted.sort_by_cached_key(|text| Reverse(text.bytes().rev().collect::<Vec<u8>>()));
        let (mut offsets, mut bytes, mut before) = (BTreeMap::new(), Vec::new(), "");
        for text in sorted {
            if bytes.is_empty() || !before.ends_with(text) {
                bytes.extend(text.bytes().chain([0]));
            }
            before = text;
            // What ends the text before ends what was written last, too.
            offsets.insert(text, start + bytes.len() - 1 - text.len());
        }
        Texts { offsets, bytes, start }
    }

    fn offset(&self, text: &str) -> usize {
        self.offsets[text]
    }

    fn end(&self) -> usize {
        self.start + self.bytes.len()
    }
}
