//! Labels of volumes: 11 characters in upper case.

use std::fmt;

/// The length of the field of a label.
const LEN: usize = 11;

/// What the field says where there is no label.
const NO_NAME: &[u8; LEN] = b"NO NAME    ";

/// A label, padded with spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label(pub(super) [u8; LEN]);

/// Why a text is no label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelError {
    /// It is longer than 11 characters.
    TooLong(String),
    /// It contains lower-case letters.
    LowerCase(String),
    /// It contains a character that labels cannot contain.
    Character(String, char),
    /// It is empty or starts or ends with a space.
    Blank(String),
    /// It is what volumes without a label say.
    Reserved(String),
}

impl fmt::Display for LabelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LabelError::TooLong(label) => write!(
                f,
                "the FAT label `{label}` has {} characters, and at most {LEN} are possible",
                label.chars().count()
            ),
            LabelError::LowerCase(label) => {
                write!(f, "the FAT label `{label}` has lower-case letters; write `{}`", label.to_ascii_uppercase())
            }
            LabelError::Character(label, character) => write!(
                f,
                "the FAT label `{}` contains `{}`, which labels cannot contain",
                label.escape_debug(),
                character.escape_debug()
            ),
            LabelError::Blank(label) => write!(f, "the FAT label `{label}` is empty or starts or ends with a space"),
            LabelError::Reserved(label) => write!(f, "the FAT label `{label}` means that there is none"),
        }
    }
}

impl std::error::Error for LabelError {}

impl Label {
    /// Returns the field of a label.
    pub(super) fn new(text: &str) -> Result<Label, LabelError> {
        let forbidden = |&c: &char| !(' '..='~').contains(&c) || "\"*+,./:;<=>?[\\]|".contains(c);
        let owned = text.to_owned();
        if let Some(character) = text.chars().find(forbidden) {
            Err(LabelError::Character(owned, character))
        } else if text.len() > LEN {
            Err(LabelError::TooLong(owned))
        } else if text.contains(|c: char| c.is_ascii_lowercase()) {
            Err(LabelError::LowerCase(owned))
        } else if text.is_empty() || text.starts_with(' ') || text.ends_with(' ') {
            Err(LabelError::Blank(owned))
        } else {
            let mut field = [b' '; LEN];
            field[..text.len()].copy_from_slice(text.as_bytes());
            if field == *NO_NAME { Err(LabelError::Reserved(owned)) } else { Ok(Label(field)) }
        }
    }

    /// Returns the field in the boot sector of a volume without a label.
    pub(super) fn none() -> Label {
        Label(*NO_NAME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels() {
        assert_eq!(Label::new("MY-ESP 1"), Ok(Label(*b"MY-ESP 1   ")));
        assert_eq!(Label::new("GUIX_IMAGE_"), Ok(Label(*b"GUIX_IMAGE_")));
        let shown = |text| Label::new(text).unwrap_err().to_string();
        insta::assert_snapshot!(shown("TWELVE-CHARS"), @"the FAT label `TWELVE-CHARS` has 12 characters, and at most 11 are possible");
        insta::assert_snapshot!(shown("my-esp"), @"the FAT label `my-esp` has lower-case letters; write `MY-ESP`");
        insta::assert_snapshot!(shown("A/B"), @"the FAT label `A/B` contains `/`, which labels cannot contain");
        insta::assert_snapshot!(shown("ÄRGER"), @"the FAT label `ÄRGER` contains `Ä`, which labels cannot contain");
        insta::assert_snapshot!(shown("A\nB"), @r#"the FAT label `A\nB` contains `\n`, which labels cannot contain"#);
        insta::assert_snapshot!(shown(""), @"the FAT label `` is empty or starts or ends with a space");
        insta::assert_snapshot!(shown("NO NAME"), @"the FAT label `NO NAME` means that there is none");
    }
}
