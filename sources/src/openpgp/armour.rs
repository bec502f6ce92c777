//! Armour: bytes as lines of text (RFC 9580, section 6).
//!
//! ```text
//! -----BEGIN PGP SIGNATURE-----
//! Comment: anything                 headers, which nobody needs
//!
//! iQIzBAEBCAAdFiEE...               base64
//! =njUN                             checksum, which section 6.1 forbids to insist on
//! -----END PGP SIGNATURE-----
//! ```

use super::packet::Malformed;

/// What a line of a key's armour says.
const BEGIN_KEY: &[u8] = b"-----BEGIN PGP PUBLIC KEY BLOCK-----";
const END_KEY: &[u8] = b"-----END PGP PUBLIC KEY BLOCK-----";
const BEGIN_PRIVATE_KEY: &[u8] = b"-----BEGIN PGP PRIVATE KEY BLOCK-----";

/// Returns the bytes that the lines between the first and the last one of an armour stand for.
pub(super) fn content<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>, Malformed> {
    let mut lines = lines.into_iter().map(<[u8]>::trim_ascii_end);
    for header in lines.by_ref().take_while(|line| !line.is_empty()) {
        if !header.windows(2).any(|pair| pair == b": ") && !header.ends_with(b":") {
            return Err(Malformed("has no empty line above its content"));
        }
    }
    let is_content = |line: &&[u8]| !line.starts_with(b"=");
    let base64: Vec<u8> = lines.by_ref().take_while(is_content).flatten().copied().collect();
    if lines.any(|line| !line.is_empty()) {
        return Err(Malformed("goes on after its checksum"));
    }
    decode(&base64).ok_or(Malformed("is no base64"))
}

/// Returns the bytes of public keys in a file: of all armours in it, or of the whole file, when it is not armoured.
pub(super) fn keys(file: &[u8]) -> Result<Vec<u8>, Malformed> {
    // The first byte of a packet has its highest bit set; no text in ASCII has.
    if file.first().is_some_and(|byte| 0x80 <= *byte) {
        return Ok(file.to_vec());
    }
    let mut bytes = Vec::new();
    let mut lines = file.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii_end);
    while let Some(line) = lines.next() {
        match line {
            BEGIN_PRIVATE_KEY => return Err(Malformed("holds a private key")),
            BEGIN_KEY => bytes.extend(key_block(&mut lines)?),
            _ => {}
        }
    }
    Ok(bytes)
}

fn key_block<'a>(lines: &mut impl Iterator<Item = &'a [u8]>) -> Result<Vec<u8>, Malformed> {
    let mut block = Vec::new();
    for line in lines {
        if line == END_KEY {
            return content(block);
        }
        block.push(line);
    }
    Err(Malformed("ends within a key"))
}

/// Decodes base64 (RFC 4648, section 4) without white space; every text stands for other bytes.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let digits = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for group in digits.chunks(4) {
        let value = group.iter().try_fold(0u32, |value, &digit| Some(value << 6 | digit_value(digit)?))?;
        let word = value << (6 * (4 - group.len()) + 8);
        let word = word.to_be_bytes();
        let (whole, rest) = word.split_at(group.len() * 6 / 8);
        if rest.iter().any(|&byte| byte != 0) {
            return None;
        }
        bytes.extend(whole);
    }
    Some(bytes)
}

fn digit_value(digit: u8) -> Option<u32> {
    Some(u32::from(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::testing::base64;
    use super::*;

    fn lines(text: &str) -> Result<Vec<u8>, Malformed> {
        content(text.split('\n').map(str::as_bytes))
    }

    #[test]
    fn base64_is_read() {
        // RFC 4648, section 10.
        for (text, bytes) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmE=", "fooba")] {
            assert_eq!(decode(text.as_bytes()).as_deref(), Some(bytes.as_bytes()));
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        for wrong in ["Zg=", "Zg", "Z===", "Zh==", "Zm9=", "Z-==", "=Zg=", "Zg==Zg==", "===="] {
            assert_eq!(decode(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn headers_checksum_and_space_at_ends_of_lines_do_not_matter() {
        for text in ["\nZm9v", "\nZm\n9v\n", "Comment: x\nVersion: y\n\nZm9v\n=abcd", " \r\nZm9v \r\n=abcd\r\n\r"] {
            assert_eq!(lines(text), Ok(b"foo".to_vec()), "{text}");
        }
        assert_eq!(lines("Zm9v"), Err(Malformed("has no empty line above its content")));
        assert_eq!(lines("\nZm9v\n=abcd\nZm9v"), Err(Malformed("goes on after its checksum")));
        assert_eq!(lines("\nZm 9v"), Err(Malformed("is no base64")));
    }

    #[test]
    fn files_of_keys_may_hold_several_and_text_between() {
        let block = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nZm9v\n-----END PGP PUBLIC KEY BLOCK-----\n";
        assert_eq!(keys(format!("one\n{block}two\r\n{block}").as_bytes()), Ok(b"foofoo".to_vec()));
        assert_eq!(keys(b"\x99binary"), Ok(b"\x99binary".to_vec()));
        assert_eq!(keys(b"text"), Ok(Vec::new()));
        assert_eq!(keys(&block.as_bytes()[..50]), Err(Malformed("ends within a key")));
        assert_eq!(keys(BEGIN_PRIVATE_KEY), Err(Malformed("holds a private key")));
    }
}
