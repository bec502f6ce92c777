//! Names: each entry has a short one of 8+3 characters, and a long one in UTF-16 where the short one cannot say it.
//!
//! Every short name of a directory is different from all its short and long names, case aside, so that no
//! reader ever finds two files under one name. Short names are made from the long ones in the order of the directory, by the
//! "basis-name" and "numeric-tail" rules of the specification ("Long Directory Entries"), and depend on nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// How many UTF-16 units a long name may have.
const MAX_UNITS: usize = 255;
/// How many UTF-16 units of a long name a record holds.
pub(super) const LONG_RECORD_UNITS: usize = 13;
/// The characters, besides `A-Z` and `0-9`, that short names may contain.
const SHORT_PUNCTUATION: &[u8] = b"$%'-_@~`!(){}^#&";
/// The characters, besides control characters, that no name may contain.
const FORBIDDEN: &str = "\"*/:<>?\\|";

/// A short name: 8 characters and 3 of the extension, both padded with spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ShortName(pub(super) [u8; 11]);

/// The names of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) short: ShortName,
    /// The long name; none where the short one says it all.
    pub(super) long: Option<Vec<u16>>,
}

impl Names {
    /// Returns how many records a directory needs for the entry.
    pub(super) fn n_records(&self) -> u64 {
        let n_long = self.long.as_ref().map_or(0, |units| units.len().div_ceil(LONG_RECORD_UNITS));
        n_long as u64 + 1
    }
}

/// Why FAT cannot keep a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameError {
    /// It is not UTF-8.
    NotText,
    /// It contains a character that names on FAT cannot contain.
    Character(char),
    /// It ends with a dot or a space, which readers drop.
    End,
    /// It is longer than 255 UTF-16 units.
    TooLong,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameError::NotText => f.write_str("is not UTF-8, and FAT keeps names as Unicode"),
            NameError::Character(character) => {
                write!(f, "contains `{}`, which names on FAT cannot contain", character.escape_debug())
            }
            NameError::End => f.write_str("ends with a dot or a space, which readers of FAT drop"),
            NameError::TooLong => write!(f, "has more than {MAX_UNITS} UTF-16 units"),
        }
    }
}

impl std::error::Error for NameError {}

/// Why the names of a directory cannot be kept, by their index.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DirectoryError {
    /// A name is not possible.
    Name(usize, NameError),
    /// Two names differ by case only.
    Same(usize, usize),
}

/// Returns the names on FAT of the entries of one directory.
pub(super) fn names_of(directory: &[&[u8]]) -> Result<Vec<Names>, DirectoryError> {
    let mut texts = Vec::with_capacity(directory.len());
    let mut folded = BTreeMap::new();
    for (i, name) in directory.iter().enumerate() {
        let text = check(name).map_err(|error| DirectoryError::Name(i, error))?;
        if let Some(first) = folded.insert(fold(text), i) {
            return Err(DirectoryError::Same(first, i));
        }
        texts.push(text);
    }
    let mut aliases = Aliases { folded, used: BTreeSet::new(), next_tails: BTreeMap::new() };
    let names = texts.iter().enumerate().map(|(i, text)| match ShortName::exact(text) {
        Some(short) => Names { short, long: None },
        None => Names { short: aliases.make(i, text), long: Some(text.encode_utf16().collect()) },
    });
    Ok(names.collect())
}

fn check(name: &[u8]) -> Result<&str, NameError> {
    let text = std::str::from_utf8(name).map_err(|_| NameError::NotText)?;
    if let Some(character) = text.chars().find(|&c| c < ' ' || c == '\x7f' || FORBIDDEN.contains(c)) {
        Err(NameError::Character(character))
    } else if text.ends_with(['.', ' ']) {
        Err(NameError::End)
    } else if text.encode_utf16().count() > MAX_UNITS {
        Err(NameError::TooLong)
    } else {
        Ok(text)
    }
}

/// Returns a name with its case removed as readers do it: character by character.
fn fold(text: &str) -> String {
    let upper = |c: char| {
        let mut upper = c.to_uppercase();
        match (upper.next(), upper.next()) {
            (Some(single), None) => single,
            _ => c,
        }
    };
    text.chars().map(upper).collect()
}

/// The short names of a directory that long names still need.
struct Aliases {
    /// All names of the directory without case, with their index.
    folded: BTreeMap<String, usize>,
    /// The short names that were made.
    used: BTreeSet<ShortName>,
    /// The next numeric tail to try, by basis: it never pays to try an earlier one again.
    next_tails: BTreeMap<ShortName, u32>,
}

impl Aliases {
    /// Makes the short name of the `i`th entry.
    fn make(&mut self, i: usize, text: &str) -> ShortName {
        let (basis, is_faithful) = ShortName::basis(text);
        if is_faithful && self.take(i, basis) {
            return basis;
        }
        loop {
            let tail = self.next_tails.entry(basis).or_insert(1);
            let alias = basis.with_tail(*tail);
            *tail += 1;
            if self.take(i, alias) {
                return alias;
            }
        }
    }

    /// Takes a short name for the `i`th entry, unless another entry goes by it.
    fn take(&mut self, i: usize, alias: ShortName) -> bool {
        let is_free = self.folded.get(&alias.to_text()).is_none_or(|&owner| owner == i);
        is_free && self.used.insert(alias)
    }
}

impl ShortName {
    /// Returns the short name that says exactly `text`, if there is one: upper case, 8+3, without spaces.
    fn exact(text: &str) -> Option<ShortName> {
        let (base, extension) = match text.split_once('.') {
            Some((base, extension)) => (base, Some(extension)),
            None => (text, None),
        };
        let fits = |part: &str, max| (1..=max).contains(&part.len()) && part.bytes().all(is_short_byte);
        (fits(base, 8) && extension.is_none_or(|extension| fits(extension, 3)))
            .then(|| ShortName::new(base.as_bytes(), extension.unwrap_or("").as_bytes()))
    }

    fn new(base: &[u8], extension: &[u8]) -> ShortName {
        let mut field = [b' '; 11];
        field[..base.len()].copy_from_slice(base);
        field[8..8 + extension.len()].copy_from_slice(extension);
        ShortName(field)
    }

    /// Returns the basis of the short names for `text`, and whether it says the same but for case.
    fn basis(text: &str) -> (ShortName, bool) {
        let stripped = text.replace(' ', "");
        let trimmed = stripped.trim_start_matches('.');
        let (base, extension) = trimmed.rsplit_once('.').unwrap_or((trimmed, ""));
        let short = |part: &str, max| -> Vec<u8> { part.replace('.', "").chars().map(short_byte).take(max).collect() };
        let basis = ShortName::new(&short(base, 8), &short(extension, 3));
        (basis, basis.to_text() == text.to_ascii_uppercase())
    }

    /// Returns the name with `~tail` at the end of its base, which is cut to make room.
    fn with_tail(self, tail: u32) -> ShortName {
        let tail = format!("~{tail}");
        let base = self.base();
        let kept = &base[..base.len().min(8 - tail.len())];
        ShortName::new(&[kept, tail.as_bytes()].concat(), trim(&self.0[8..]))
    }

    fn base(&self) -> &[u8] {
        trim(&self.0[..8])
    }

    /// Returns the name as people write it.
    fn to_text(self) -> String {
        let extension = trim(&self.0[8..]);
        let dot: &[u8] = if extension.is_empty() { b"" } else { b"." };
        [self.base(), dot, extension].concat().iter().map(|&byte| char::from(byte)).collect()
    }

    /// Returns the checksum that ties long names to their short one ("ChkSum").
    pub(super) fn checksum(self) -> u8 {
        self.0.iter().fold(0u8, |sum, &byte| sum.rotate_right(1).wrapping_add(byte))
    }
}

fn trim(field: &[u8]) -> &[u8] {
    let len = field.iter().position(|&byte| byte == b' ').unwrap_or(field.len());
    &field[..len]
}

fn is_short_byte(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || SHORT_PUNCTUATION.contains(&byte)
}

/// Returns the character of a short name for one of a long name: upper case, or `_` where there is none.
fn short_byte(character: char) -> u8 {
    let upper = u8::try_from(character.to_ascii_uppercase()).unwrap_or(b'_');
    if is_short_byte(upper) { upper } else { b'_' }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Returns the short names of a directory, those without a long name in brackets.
    fn shorts(directory: &[&str]) -> Vec<String> {
        let names: Vec<&[u8]> = directory.iter().map(|name| name.as_bytes()).collect();
        let shown = |names: &Names| match names.long {
            Some(_) => names.short.to_text(),
            None => format!("[{}]", names.short.to_text()),
        };
        names_of(&names).unwrap().iter().map(shown).collect()
    }

    #[test]
    fn short_names() {
        assert_eq!(
            shorts(&["EFI", "BOOTX64.EFI", "GRUB.CFG~", "A1"]),
            ["[EFI]", "[BOOTX64.EFI]", "GRUB~1.CFG", "[A1]"]
        );
        assert_eq!(shorts(&["grub.cfg", "Boot"]), ["GRUB.CFG", "BOOT"]);
        assert_eq!(shorts(&["loader.config", "loader.conf"]), ["LOADER~1.CON", "LOADER~2.CON"]);
        assert_eq!(
            shorts(&[".disk", "a.b.c", "initrd image", "é", "x+y"]),
            ["DISK~1", "AB~1.C", "INITRD~1", "_~1", "X_Y~1"]
        );
        // An alias never takes the name of another entry, be it short or long.
        assert_eq!(shorts(&["LONGNA~1.TXT", "longname one.txt"]), ["[LONGNA~1.TXT]", "LONGNA~2.TXT"]);
        assert_eq!(shorts(&["longname one.txt", "longna~1.txt"]), ["LONGNA~2.TXT", "LONGNA~1.TXT"]);
    }

    #[test]
    fn tails_grow_and_cut_the_base() {
        let names: Vec<String> = (0..12).map(|i| format!("same beginning {i:02}")).collect();
        let shorts = shorts(&names.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!((shorts[0].as_str(), shorts[11].as_str()), ("SAMEBE~1", "SAMEB~12"));
    }

    #[test]
    fn tails_of_many_names_are_numbered_without_gaps() {
        let names: Vec<String> = (0..1200).map(|i| format!("same beginning {i:04}.text")).collect();
        let shorts = shorts(&names.iter().map(String::as_str).collect::<Vec<_>>());
        for (i, short) in shorts.iter().enumerate() {
            let tail = format!("~{}", i + 1);
            assert_eq!(*short, format!("{}{tail}.TEX", &"SAMEBEGI"[..8 - tail.len()]));
        }
        // A name in the way is stepped over, whatever its case.
        assert_eq!(self::shorts(&["LONGNA~1.TXT", "longna~2.txt", "longname 1.txt"])[2], "LONGNA~3.TXT");
    }

    #[test]
    fn what_fat_cannot_keep() {
        let error = |names: &[&[u8]]| names_of(names).unwrap_err();
        assert_eq!(error(&[b"ok", b"a:b"]), DirectoryError::Name(1, NameError::Character(':')));
        assert_eq!(error(&[b"a\x01b"]), DirectoryError::Name(0, NameError::Character('\x01')));
        assert_eq!(error(&[b"etc."]), DirectoryError::Name(0, NameError::End));
        assert_eq!(error(&[b"\xff"]), DirectoryError::Name(0, NameError::NotText));
        assert_eq!(error(&[&[b'x'; 256]]), DirectoryError::Name(0, NameError::TooLong));
        assert_eq!(error(&[b"EFI", b"a", b"efi"]), DirectoryError::Same(0, 2));
        assert_eq!(error(&["Äpfel".as_bytes(), "äPFEL".as_bytes()]), DirectoryError::Same(0, 1));
        // "ß" has no capital letter of one character, so it is not the same as "SS".
        assert_eq!(shorts(&["SS", "ß"]), ["[SS]", "_~1"]);
    }

    #[test]
    fn checksum_of_a_known_name() {
        // `sum = ((sum & 1) << 7) + (sum >> 1) + byte` for each byte, computed elsewhere.
        assert_eq!(ShortName(*b"FILENAMETXT").checksum(), 0x3a);
    }

    proptest! {
        #[test]
        fn no_two_entries_go_by_one_name(names in proptest::collection::btree_set("[aAb~1é .]{1,12}", 1..40)) {
            let names: Vec<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
            let Ok(made) = names_of(&names) else { return Ok(()) };
            let mut taken = BTreeMap::new();
            for (i, (name, made)) in names.iter().zip(&made).enumerate() {
                let text = std::str::from_utf8(name).unwrap();
                for name in [fold(text), made.short.to_text()] {
                    prop_assert_eq!(*taken.entry(name).or_insert(i), i);
                }
                prop_assert!(made.long.is_some() || made.short.to_text() == text);
                prop_assert!(made.short.0.iter().all(|&byte| byte == b' ' || is_short_byte(byte)));
            }
        }
    }
}
