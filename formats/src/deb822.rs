//! Stanzas of fields: the format of `control`, `Packages` and `Release` files, deb822(5).
//!
//! ```text
//! Package: busybox
//! Description: tiny utilities
//!  continued on a line that starts with a space or tab
//!
//! Package: ...
//! ```
//! Nothing is copied: a stanza is a range of the text whose shape was checked when it was cut off, and fields are found in it when
//! they are asked for. Indexes have tens of megabytes, of which few stanzas are looked at.

use std::fmt;

/// One stanza.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stanza<'a> {
    text: &'a str,
    line: usize,
    offset: usize,
}

/// A line that is neither a field nor a continuation of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The number of the line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A continuation line at the start of a stanza.
    Continuation,
    /// No colon behind a name, or no name before the colon.
    NoField,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        f.write_str(match self.problem {
            Problem::Continuation => "a continuation line without the field that it continues",
            Problem::NoField => "neither `Name: value` nor a continuation line",
        })
    }
}

impl std::error::Error for Error {}

impl<'a> Stanza<'a> {
    /// Returns a stanza of these lines as they are. Lines that are no fields are passed over, comments among them.
    pub fn unchecked(text: &'a str) -> Stanza<'a> {
        Stanza { text, line: 1, offset: 0 }
    }

    /// Returns the value of the first field of this name, whose case does not matter: without the white space around it, with
    /// its continuation lines as they stand in the text.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.fields().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Returns names and values in order.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        fields(self.text)
    }

    /// Returns the words of the first field of this name; none when it is not there.
    pub fn words(&self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.get(name).unwrap_or_default().split_whitespace()
    }

    /// Returns the stanza as it stands in the text, with the line feed of its last line.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Returns the number of its first line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Returns where it starts in the text, in bytes.
    pub fn offset(&self) -> usize {
        self.offset
    }
}

/// Returns the fields of a text that is one stanza, whose shape is not checked.
pub(crate) fn fields(stanza: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = stanza;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let (field, behind) = rest.split_at(end_of_field(rest));
            rest = behind;
            if let Some((name, value)) = field.split_once(':') {
                return Some((name, value.trim()));
            }
        }
        None
    })
}

/// Returns where the next field starts: behind a line feed that no white space follows.
fn end_of_field(text: &str) -> usize {
    let mut end = 0;
    while let Some(len) = text[end..].find('\n') {
        end += len + 1;
        if !matches!(text.as_bytes().get(end), Some(b' ' | b'\t')) {
            return end;
        }
    }
    text.len()
}

/// Returns the stanzas of a text in order. Lines of nothing but white space separate them.
/// Behind an error the iterator ends.
pub fn stanzas(text: &str) -> Stanzas<'_> {
    Stanzas { text, offset: 0, line: 1 }
}

/// Returns where the stanzas of a text are, as ranges of its bytes. Lines without anything separate them, and nothing is looked
/// at between: of an index with tens of megabytes few stanzas are ever read.
pub fn ranges(text: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while text.get(at) == Some(&b'\n') {
            at += 1;
        }
        let start = at;
        let len = text[start..].windows(2).position(|pair| pair == b"\n\n").map_or(text.len() - start, |len| len + 1);
        at = start + len;
        (0 < len).then_some((start, at))
    })
}

/// The iterator that [`stanzas`] returns.
#[derive(Clone, Debug)]
pub struct Stanzas<'a> {
    text: &'a str,
    offset: usize,
    line: usize,
}

impl<'a> Stanzas<'a> {
    /// Returns the next line with its line feed, and moves behind it.
    fn next_line(&mut self) -> Option<&'a str> {
        let rest = &self.text[self.offset..];
        if rest.is_empty() {
            return None;
        }
        let len = rest.find('\n').map_or(rest.len(), |at| at + 1);
        self.offset += len;
        self.line += 1;
        Some(&rest[..len])
    }

    fn skip_empty_lines(&mut self) {
        loop {
            let before = (self.offset, self.line);
            if !matches!(self.next_line().map(shape), Some(Shape::Empty)) {
                (self.offset, self.line) = before;
                return;
            }
        }
    }

    fn fail(&mut self, line: usize, problem: Problem) -> Option<Result<Stanza<'a>, Error>> {
        self.offset = self.text.len();
        Some(Err(Error { line, problem }))
    }
}

impl<'a> Iterator for Stanzas<'a> {
    type Item = Result<Stanza<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.skip_empty_lines();
        let (offset, line) = (self.offset, self.line);
        loop {
            let (end, number) = (self.offset, self.line);
            match self.next_line().map_or(Shape::Empty, shape) {
                Shape::Empty => {
                    let text = &self.text[offset..end];
                    return (!text.is_empty()).then_some(Ok(Stanza { text, line, offset }));
                }
                Shape::Continuation if end == offset => return self.fail(number, Problem::Continuation),
                Shape::Other => return self.fail(number, Problem::NoField),
                Shape::Continuation | Shape::Field => {}
            }
        }
    }
}

enum Shape {
    Empty,
    Continuation,
    Field,
    Other,
}

fn shape(line: &str) -> Shape {
    let bytes = line.as_bytes();
    match bytes[0] {
        b' ' | b'\t' | b'\n' | b'\r' if bytes.trim_ascii().is_empty() => Shape::Empty,
        b' ' | b'\t' => Shape::Continuation,
        b':' | b'#' | b'-' => Shape::Other,
        // Names are made of printable characters without spaces, and short.
        _ => match bytes.iter().find(|&&byte| byte == b':' || !byte.is_ascii_graphic()) {
            Some(b':') => Shape::Field,
            _ => Shape::Other,
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "\n\nPackage: a\nDescription: first\n second\n .\n third: x\nEmpty:\nDepends:b (>= 1:2),\n\tc\n \t\nPackage: b\nSize: 5";

    #[test]
    fn stanzas_and_fields() {
        let stanzas: Vec<Stanza<'_>> = stanzas(TEXT).map(Result::unwrap).collect();
        let places: Vec<_> = stanzas.iter().map(|stanza| (stanza.line(), stanza.offset())).collect();
        assert_eq!(places, [(3, 2), (12, 86)]);
        assert_eq!(stanzas[1].text(), "Package: b\nSize: 5");
        let fields: Vec<_> = stanzas[0].fields().collect();
        let description = "first\n second\n .\n third: x";
        let expected = [("Package", "a"), ("Description", description), ("Empty", ""), ("Depends", "b (>= 1:2),\n\tc")];
        assert_eq!(fields, expected);
        assert_eq!(stanzas[1].get("SIZE"), Some("5"));
        assert_eq!(stanzas[1].get("third"), None);
    }

    #[test]
    fn ranges_are_split_at_empty_lines() {
        let text = "\n\nA: 1\nB: 2\n\n\n\nA: 3";
        let found: Vec<&str> = ranges(text.as_bytes()).map(|(lo, hi)| &text[lo..hi]).collect();
        assert_eq!(found, ["A: 1\nB: 2\n", "A: 3"]);
        assert_eq!(ranges(b"").count(), 0);
        assert_eq!(ranges(b"\n\n\n").count(), 0);
    }

    #[test]
    fn lines_that_are_no_fields_are_passed_over_unchecked() {
        let stanza = Stanza::unchecked("no field\n# comment\nA: one\n two\n# B: no\nC:\n");
        assert_eq!(stanza.get("a"), Some("one\n two"));
        assert_eq!((stanza.get("B"), stanza.get("C")), (None, Some("")));
        assert_eq!(stanza.words("A").collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(stanza.words("B").count(), 0);
    }

    #[test]
    fn malformed_lines_are_named() {
        let check = |text, expected: &str| {
            let results: Vec<_> = stanzas(text).collect();
            assert_eq!(results.last().unwrap().clone().unwrap_err().to_string(), expected);
        };
        check("\n continued\n", "line 2: a continuation line without the field that it continues");
        check("A: b\n\n\tc\n", "line 3: a continuation line without the field that it continues");
        check("A: b\nB\nC: d\n", "line 2: neither `Name: value` nor a continuation line");
        check("A: b\n: c\n", "line 2: neither `Name: value` nor a continuation line");
        check("A: b\n\nA b: c\n", "line 3: neither `Name: value` nor a continuation line");
        check("# comment\n", "line 1: neither `Name: value` nor a continuation line");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(stanzas_in in proptest::collection::vec(
            proptest::collection::vec(("[A-Z][a-z-]{0,8}", "([a-z:]{1,5}(\n [a-z.:]{1,5}){0,2})?"), 1..4), 0..4,
        )) {
            let mut text = String::new();
            for stanza in &stanzas_in {
                for (name, value) in stanza {
                    text += &format!("{name}: {value}\n");
                }
                text.push('\n');
            }
            let read: Vec<Vec<(String, String)>> = stanzas(&text)
                .map(|stanza| stanza.unwrap().fields().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
                .collect();
            prop_assert_eq!(read, stanzas_in);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "[a-c:# \t\n\u{e9}]{0,40}") {
            for stanza in stanzas(&text).flatten() {
                prop_assert_eq!(&text[stanza.offset()..][..stanza.text().len()], stanza.text());
                prop_assert!(stanza.fields().count() > 0);
            }
        }
    }
}
