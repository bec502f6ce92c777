//! Stanzas of fields, as Debian's control files consist of (Debian Policy, section 5.1).
//!
//! ```text
//! Package: hello
//! Description: a greeting
//!  in several lines
//!
//! Package: the next stanza
//! ```
//! Nothing is copied: a stanza is a piece of text, and a field is looked for when it is wanted.

/// One stanza.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stanza<'a>(pub(super) &'a str);

impl<'a> Stanza<'a> {
    /// Returns the value of a field without the space around it; its further lines stand as they are.
    pub(super) fn field(self, name: &str) -> Option<&'a str> {
        let mut at = 0;
        while at < self.0.len() {
            let end = self.end_of_field(at);
            let field = &self.0[at..end];
            if let Some((found, value)) = field.split_once(':')
                && found.eq_ignore_ascii_case(name)
            {
                return Some(value.trim());
            }
            at = end;
        }
        None
    }

    /// Returns the words of a field; none when it is not there.
    pub(super) fn words(self, name: &str) -> impl Iterator<Item = &'a str> {
        self.field(name).unwrap_or_default().split_whitespace()
    }

    /// Returns where the field ends that starts at `at`: before the next line that is not indented.
    fn end_of_field(self, at: usize) -> usize {
        let bytes = self.0.as_bytes();
        let mut end = at;
        loop {
            end = self.0[end..].find('\n').map_or(bytes.len(), |len| end + len + 1);
            if !matches!(bytes.get(end), Some(b' ' | b'\t')) {
                return end;
            }
        }
    }
}

/// Returns the stanzas of a text, as ranges of its bytes.
pub(super) fn split(text: &[u8]) -> impl Iterator<Item = (usize, usize)> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stanzas_are_split_at_empty_lines() {
        let text = "\n\nA: 1\nB: 2\n\n\n\nA: 3";
        let stanzas: Vec<&str> = split(text.as_bytes()).map(|(lo, hi)| &text[lo..hi]).collect();
        assert_eq!(stanzas, ["A: 1\nB: 2\n", "A: 3"]);
        assert_eq!(split(b"").count(), 0);
        assert_eq!(split(b"\n\n\n").count(), 0);
    }

    #[test]
    fn fields_are_found_by_name_whatever_its_case() {
        let stanza = Stanza("Package: x\nDescription: short\n long\n A: no field\nEmpty:\na: yes\n");
        assert_eq!(stanza.field("package"), Some("x"));
        assert_eq!(stanza.field("Description"), Some("short\n long\n A: no field"));
        assert_eq!(stanza.field("Empty"), Some(""));
        assert_eq!(stanza.field("A"), Some("yes"));
        assert_eq!(stanza.field("B"), None);
        assert_eq!(stanza.words("description").collect::<Vec<_>>(), ["short", "long", "A:", "no", "field"]);
    }
}
