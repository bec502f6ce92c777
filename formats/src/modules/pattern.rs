//! Names of modules, and the patterns by which they can be asked for: `*`, `?` and `[a-z]` as in fnmatch(3).

/// Returns a name or pattern in the form that is compared: `_` for `-`, but not between brackets.
pub(super) fn normal(name: &str) -> String {
    let mut in_brackets = false;
    let underscores = |character| {
        match character {
            '[' => in_brackets = true,
            ']' => in_brackets = false,
            _ => {}
        }
        if character == '-' && !in_brackets { '_' } else { character }
    };
    name.chars().map(underscores).collect()
}

/// Whether the whole of `text` is as `pattern` says. Takes time in proportion to the product of their lengths at most: of
/// several `*` only the last that was passed is ever tried again.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    // Behind the last `]` no bracket is closed, and none is looked for again.
    let closed = &pattern[..pattern.iter().rposition(|&byte| byte == b']').map_or(0, |last| last + 1)];
    let (mut p, mut t) = (0, 0);
    // Where the last star is, and how far the text that it stands for reaches.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() || p < pattern.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
            continue;
        }
        match one(&pattern[p..], closed.get(p + 1..).unwrap_or_default(), text.get(t).copied()) {
            Some(len) => (p, t) = (p + len, t + 1),
            None => match star {
                Some((at, reach)) if reach < text.len() => {
                    star = Some((at, reach + 1));
                    (p, t) = (at + 1, reach + 1);
                }
                _ => return false,
            },
        }
    }
    true
}

/// Returns the length of the pattern's first element if it stands for this byte. `set` is what is behind a bracket that comes
/// first, up to where none can end any more.
fn one(pattern: &[u8], set: &[u8], byte: Option<u8>) -> Option<usize> {
    let (&first, byte) = (pattern.first()?, byte?);
    match first {
        b'?' => Some(1),
        b'[' => match bracket(set, byte) {
            Some((len, true)) => Some(1 + len),
            Some((_, false)) => None,
            // A bracket that is never closed stands for itself.
            None => (byte == b'[').then_some(1),
        },
        _ => (first == byte).then_some(1),
    }
}

/// Returns the length of a set, its `]` included, and whether the byte is in it.
fn bracket(set: &[u8], byte: u8) -> Option<(usize, bool)> {
    let negated = matches!(set.first(), Some(b'!' | b'^'));
    let start = usize::from(negated);
    // A `]` that comes first is a member.
    let end = start + 1 + set.get(start + 1..)?.iter().position(|&byte| byte == b']')?;
    let mut members = &set[start..end];
    let mut found = false;
    while let [first, rest @ ..] = members {
        match rest {
            [b'-', last, rest @ ..] => {
                found |= (*first..=*last).contains(&byte);
                members = rest;
            }
            _ => {
                found |= *first == byte;
                members = rest;
            }
        }
    }
    Some((end + 1, found != negated))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_are_underscores_outside_of_brackets() {
        assert_eq!(normal("crypto-crc32c"), "crypto_crc32c");
        assert_eq!(normal("a-b[0-9]c-d"), "a_b[0-9]c_d");
    }

    #[test]
    fn patterns() {
        let yes = [
            ("", ""),
            ("*", ""),
            ("a*c", "abbc"),
            ("a*b*c", "axxbyybzc"),
            ("?b", "ab"),
            ("of:N*T*Cx,yC*", "of:NnodeT(null)Cx,yCz"),
            ("usb:v[0-3][!x]*", "usb:v2ab"),
            ("[]x]", "]"),
            ("a[", "a["),
            ("[]", "[]"),
            ("[a][b[", "a[b["),
            ("[!]", "[!]"),
            ("*a", "aaa"),
        ];
        let no =
            [("", "a"), ("a", ""), ("a*c", "abb"), ("?", ""), ("[a-c]", "d"), ("[^a]", "a"), ("a*b", "a"), ("a", "ab")];
        for (pattern, text) in yes {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in no {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn brackets_that_are_never_closed_take_no_longer_than_letters() {
        let brackets = "[".repeat(6000);
        assert!(!matches(&format!("*{}x", &brackets[..3000]), &brackets));
    }
}
