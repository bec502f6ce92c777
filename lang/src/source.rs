//! Bytes -> text: what a file must be before anything looks at its tokens.
//!
//! Source is UTF-8 without control characters and without marks that change the direction of text: a reader must see
//! what the parser sees. Tabs and line ends (also `\r\n`) are welcome, and so is a byte order mark of UTF-8, which is
//! dropped. Strings say other characters by escapes.

use std::fmt;

use crate::{Diagnostic, FileId, Limits, Place, Span, print_size};

/// Why bytes are no source text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceError {
    /// More bytes than are allowed.
    TooLarge {
        /// How many there are.
        bytes: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// A byte order mark or a pattern of zeros says that this is UTF-16.
    Utf16,
    /// No UTF-8 at this byte.
    NotUtf8(usize),
    /// A character that may stand in no source, a zero byte included.
    Refused {
        /// The character.
        character: char,
        /// Its first byte, counted in the text (without a byte order mark).
        at: usize,
        /// Its line, from 1.
        line: usize,
        /// Its column in characters, from 1.
        column: usize,
    },
}

/// Returns the text that the bytes of a source file are, within the usual limits.
pub fn decode(bytes: &[u8]) -> Result<&str, SourceError> {
    decode_within(bytes, &Limits::DEFAULT)
}

/// Returns the text that the bytes of a source file are.
pub fn decode_within<'b>(bytes: &'b [u8], limits: &Limits) -> Result<&'b str, SourceError> {
    if bytes.len() > limits.source {
        return Err(SourceError::TooLarge { bytes: bytes.len(), limit: limits.source });
    }
    if looks_like_utf16(bytes) {
        return Err(SourceError::Utf16);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| SourceError::NotUtf8(error.valid_up_to()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if bytes.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b' '..=b'~')) {
        return Ok(text);
    }
    match text.char_indices().find(|(at, c)| is_refused(*c) && !is_line_end(text, *at, *c)) {
        Some((at, character)) => {
            let before = &text[..at];
            let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
            let (line, column) = (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1);
            Err(SourceError::Refused { character, at, line, column })
        }
        None => Ok(text),
    }
}

/// Returns whether a character may stand in no source but as an escape: control characters, except for tab and line
/// feed, and everything that reorders text or is a line end to some programs only.
pub fn is_refused(c: char) -> bool {
    match c {
        '\t' | '\n' => false,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => true,
        _ => c.is_control(),
    }
}

/// Whether a carriage return belongs to a line end.
fn is_line_end(text: &str, at: usize, c: char) -> bool {
    c == '\r' && text.as_bytes().get(at + 1) == Some(&b'\n')
}

fn looks_like_utf16(bytes: &[u8]) -> bool {
    let mark = matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
    // Two letters of ASCII in either byte order.
    let letters = match bytes {
        [a, 0, b, 0, ..] | [0, a, 0, b, ..] => a.is_ascii() && b.is_ascii() && *a != 0 && *b != 0,
        _ => false,
    };
    mark || letters
}

impl SourceError {
    /// Returns the error as a diagnostic of a file whose text is the lossily decoded bytes.
    pub fn diagnostic(&self, file: FileId) -> Diagnostic {
        let (code, at, help) = match self {
            SourceError::TooLarge { .. } => ("E0001", 0, "split it, and import the parts"),
            SourceError::Utf16 => ("E0002", 0, "save the file as UTF-8"),
            SourceError::NotUtf8(at) => ("E0003", *at, "save the file as UTF-8"),
            SourceError::Refused { character: '\0', at, .. } => ("E0004", *at, "source files are text"),
            SourceError::Refused { at, .. } => ("E0005", *at, "remove it, or write it as `\\u{..}` in a string"),
        };
        let place = Place { file, span: Span::new(at, at) };
        let diagnostic = Diagnostic::error(code, self.to_string(), place, "here").help(help);
        match self {
            SourceError::TooLarge { .. } => diagnostic.limited_by("source-file=SIZE"),
            _ => diagnostic,
        }
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceError::TooLarge { bytes, limit } => {
                write!(f, "source file of {bytes} bytes; the limit is {}", print_size(*limit as u64))
            }
            SourceError::Utf16 => write!(f, "file looks like UTF-16; save it as UTF-8"),
            SourceError::NotUtf8(at) => write!(f, "not UTF-8 at byte {at}"),
            SourceError::Refused { character: '\0', line, column, .. } => write!(f, "NUL byte at {line}:{column}"),
            SourceError::Refused { character, line, column, .. } if character.is_control() => {
                write!(f, "control character U+{:04X} at {line}:{column}", *character as u32)
            }
            SourceError::Refused { character, line, column, .. } => {
                write!(f, "invisible character U+{:04X} at {line}:{column}", *character as u32)
            }
        }
    }
}

impl std::error::Error for SourceError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: &[u8]) -> String {
        decode(bytes).expect_err("these bytes are no source").to_string()
    }

    #[test]
    fn what_is_no_text_is_named() {
        assert_eq!(message(b"a = 1\nb = 2\nc \0"), "NUL byte at 3:3");
        assert_eq!(message(b"name = \"0123456789\xff\""), "not UTF-8 at byte 18");
        assert_eq!(message(b"\xff\xfea\0 \0=\0"), "file looks like UTF-16; save it as UTF-8");
        assert_eq!(message(b"a\0 \0=\0"), "file looks like UTF-16; save it as UTF-8");
        assert_eq!(message(&vec![b' '; Limits::DEFAULT.source + 1]), "source file of 4194305 bytes; the limit is 4MiB");
        assert_eq!(message(b"a = 1 \x1b[31m"), "control character U+001B at 1:7");
        assert_eq!(message(b"a = 1\rb = 2"), "control character U+000D at 1:6");
        assert_eq!(message("# é \u{202e}".as_bytes()), "invisible character U+202E at 1:5");
    }

    #[test]
    fn text_is_text() {
        assert_eq!(decode("\u{feff}a = \"ä\"\t# b\r\n".as_bytes()), Ok("a = \"ä\"\t# b\r\n"));
        assert_eq!(decode(b""), Ok(""));
    }
}
