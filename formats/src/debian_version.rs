//! Versions of Debian packages and their order: Debian policy, section 5.6.12.
//!
//! ```text
//! [epoch:]upstream[-revision]      1:2.36-9+deb12u14
//! ```
//! Epochs compare as numbers, then upstream versions, then revisions: texts that are cut into stretches without and with
//! digits in turn. Stretches with digits compare as numbers; in others `~` sorts before the end, the end before
//! letters, and letters before everything else.

use std::cmp::Ordering;
use std::fmt;

/// A version, cut into its parts.
#[derive(Clone, Copy, Debug)]
pub struct Version<'a> {
    epoch: u32,
    upstream: &'a str,
    revision: &'a str,
}

/// Why a text is no version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseVersionError {
    /// What stands before the first colon is no number.
    Epoch,
    /// There is no upstream version.
    Empty,
    /// A character that may not occur.
    Character(char),
}

impl fmt::Display for ParseVersionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseVersionError::Epoch => f.write_str("the epoch of a version, before its first `:`, is a number"),
            ParseVersionError::Empty => f.write_str("a version has something between its epoch and its revision"),
            ParseVersionError::Character(character) => {
                write!(f, "a version may not contain `{}`", character.escape_default())
            }
        }
    }
}

impl std::error::Error for ParseVersionError {}

impl<'a> Version<'a> {
    /// Parses a version. As dpkg does, lets an upstream version start with a letter.
    pub fn parse(text: &'a str) -> Result<Version<'a>, ParseVersionError> {
        let allowed = |character: char| character.is_ascii_alphanumeric() || ".+-~:".contains(character);
        if let Some(character) = text.chars().find(|&character| !allowed(character)) {
            return Err(ParseVersionError::Character(character));
        }
        let (epoch, rest) = match text.split_once(':') {
            Some((epoch, rest)) => (parse_epoch(epoch)?, rest),
            None => (0, text),
        };
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        if upstream.is_empty() { Err(ParseVersionError::Empty) } else { Ok(Version { epoch, upstream, revision }) }
    }
}

fn parse_epoch(digits: &str) -> Result<u32, ParseVersionError> {
    let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok());
    number.flatten().ok_or(ParseVersionError::Epoch)
}

impl Ord for Version<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.epoch
            .cmp(&other.epoch)
            .then_with(|| compare_parts(self.upstream, other.upstream))
            .then_with(|| compare_parts(self.revision, other.revision))
    }
}

impl PartialOrd for Version<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version<'_> {
    /// Versions may be equal and written differently: `1.0` and `1.00-0`.
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version<'_> {}

fn compare_parts(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while !a.is_empty() || !b.is_empty() {
        let ((text_a, rest_a), (text_b, rest_b)) = (split(a, false), split(b, false));
        let ((number_a, rest_a), (number_b, rest_b)) = (split(rest_a, true), split(rest_b, true));
        let order = compare_texts(text_a, text_b).then_with(|| compare_numbers(number_a, number_b));
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
    Ordering::Equal
}

/// Cuts off what consists of digits, or of none.
fn split(bytes: &[u8], digits: bool) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| byte.is_ascii_digit() != digits).unwrap_or(bytes.len());
    bytes.split_at(end)
}

fn compare_texts(a: &[u8], b: &[u8]) -> Ordering {
    let rank = |byte: Option<&u8>| match byte {
        Some(b'~') => (0, 0),
        None => (1, 0),
        Some(letter) if letter.is_ascii_alphabetic() => (2, *letter),
        Some(other) => (3, *other),
    };
    let len = a.len().max(b.len());
    (0..len).map(|i| rank(a.get(i)).cmp(&rank(b.get(i)))).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// Compares numbers of any length.
fn compare_numbers(a: &[u8], b: &[u8]) -> Ordering {
    let (a, b) = (significant(a), significant(b));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Cuts leading zeros off.
fn significant(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    &digits[zeros..]
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    /// Compares as dpkg does.
    fn dpkg(a: &str, b: &str) -> Ordering {
        let holds = |relation| {
            let status = Command::new("dpkg").args(["--compare-versions", a, relation, b]).status();
            status.expect("`dpkg` of the Debian package `dpkg` is needed").success()
        };
        match (holds("lt"), holds("eq")) {
            (true, _) => Ordering::Less,
            (_, true) => Ordering::Equal,
            _ => Ordering::Greater,
        }
    }

    fn compare(a: &str, b: &str) -> Ordering {
        Version::parse(a).unwrap().cmp(&Version::parse(b).unwrap())
    }

    #[test]
    fn known_pairs_compare_as_with_dpkg() {
        let versions = [
            "0~",
            "0",
            "00",
            "1.0~beta1~svn1245",
            "1.0~beta1",
            "1.0",
            "1.00",
            "1.0-0",
            "1.0-1~bpo12",
            "1.0-1",
            "1.0-1+b1",
            "1.0-1.1",
            "1.0a",
            "1.0+dfsg",
            "1.0.1",
            "1.9",
            "1.10",
            "6.1.192-2",
            "99999999999999999999",
            "1:0.1",
            "2:0",
        ];
        for pair in versions.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), dpkg(pair[0], pair[1]), "{pair:?}");
            assert_ne!(compare(pair[0], pair[1]), Ordering::Greater, "{pair:?}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        assert_eq!(Version::parse("x:1").unwrap_err(), ParseVersionError::Epoch);
        assert_eq!(Version::parse("+1:1").unwrap_err(), ParseVersionError::Epoch);
        assert_eq!(Version::parse(":1").unwrap_err(), ParseVersionError::Epoch);
        assert_eq!(Version::parse("").unwrap_err(), ParseVersionError::Empty);
        assert_eq!(Version::parse("1:-1").unwrap_err(), ParseVersionError::Empty);
        assert_eq!(Version::parse("1_2").unwrap_err(), ParseVersionError::Character('_'));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn random_pairs_compare_as_with_dpkg(a in "[0-9][0-9a-zA~+.]{0,5}(-[0-9a~+]{1,3})?", b in "[0-9][0-9a-zA~+.]{0,5}(-[0-9a~+]{1,3})?") {
            prop_assert_eq!(compare(&a, &b), dpkg(&a, &b));
        }
    }
}
