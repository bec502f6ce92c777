//! 32 bytes as 64 lower-case hexadecimal digits, in text and in JSON.

use std::fmt;

use serde::{Deserialize as _, Deserializer, Serializer};

/// What a text must be to name a key or a digest: 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseHexError;

impl fmt::Display for ParseHexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected 64 hexadecimal digits")
    }
}

impl std::error::Error for ParseHexError {}

/// Writes the digits of `bytes`.
pub(super) fn write(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// Returns the bytes that `text` spells.
pub(super) fn parse(text: &str) -> Result<[u8; 32], ParseHexError> {
    let mut nibbles = text.chars().map(|digit| digit.to_digit(16).map(|value| value as u8));
    let mut bytes = [0; 32];
    for byte in &mut bytes {
        match (nibbles.next().flatten(), nibbles.next().flatten()) {
            (Some(high), Some(low)) => *byte = 16 * high + low,
            _ => return Err(ParseHexError),
        }
    }
    if nibbles.next().is_some() { Err(ParseHexError) } else { Ok(bytes) }
}

/// Shows bytes as their digits.
struct Digits<'a>(&'a [u8; 32]);

impl fmt::Display for Digits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(self.0, f)
    }
}

/// For `#[serde(with = "hex")]`.
pub(super) fn serialize<S: Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Digits(bytes))
}

/// For `#[serde(with = "hex")]`.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
    let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
    parse(&text).map_err(serde::de::Error::custom)
}
