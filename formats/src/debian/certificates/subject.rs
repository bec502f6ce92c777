//! The hash of a certificate's subject by which OpenSSL finds it: `openssl x509 -subject_hash`.
//!
//! ```text
//! Certificate ::= SEQUENCE { tbsCertificate SEQUENCE { [0] version, serial, algorithm, issuer, validity, subject, ... } ... }
//! subject     ::= SEQUENCE { SET { SEQUENCE { OID, string } ... } ... }
//! ```
//! (X.509, RFC 5280 section 4.1, in the encoding of X.690.) The hash is the first four bytes, little endian, of the SHA-1
//! over the sets of the subject, without the sequence around them, each string made canonical: UTF-8, ASCII letters
//! small, white space as single blanks and none at the ends.

use sha1::{Digest, Sha1};

/// Tags of X.690, section 8.1.2, as the whole identifier byte.
const OID_AND_VALUE: u8 = 0x30;
const SET: u8 = 0x31;
const UTF8_STRING: u8 = 0x0c;
const VERSION: u8 = 0xa0;
/// PrintableString, TeletexString, IA5String, VisibleString: a character a byte, taken as Latin-1.
const BYTE_STRINGS: [u8; 4] = [0x13, 0x14, 0x16, 0x1a];
/// UniversalString and BMPString: four and two bytes a character.
const UNIVERSAL_STRING: u8 = 0x1c;
const BMP_STRING: u8 = 0x1e;

/// Where the subject is in a certificate that has a version, as all of today have.
const SUBJECT_AT: usize = 5;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Returns the hash of the certificate in a text, and its bytes; none where there is no certificate, or several.
pub(super) fn hash_of_pem(text: &[u8]) -> Option<(u32, Vec<u8>)> {
    let certificate = only_certificate(text)?;
    Some((hash(&certificate)?, certificate))
}

/// Returns the bytes of the one certificate between its marks (RFC 7468).
fn only_certificate(text: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(text);
    let (_, behind) = text.split_once(BEGIN)?;
    let (body, behind) = behind.split_once(END)?;
    if behind.contains(BEGIN) { None } else { base64(body) }
}

/// Decodes base64 (RFC 4648, section 4); white space is passed over, padding ends it.
fn base64(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut n_bits) = (Vec::with_capacity(text.len() * 3 / 4), 0u32, 0);
    for letter in text.bytes().filter(|byte| !byte.is_ascii_whitespace()).take_while(|&byte| byte != b'=') {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        n_bits += 6;
        if n_bits >= 8 {
            n_bits -= 8;
            bytes.push((bits >> n_bits) as u8);
            bits &= (1 << n_bits) - 1;
        }
    }
    Some(bytes)
}

/// Returns the hash of a certificate's subject; none where the bytes are no certificate.
fn hash(certificate: &[u8]) -> Option<u32> {
    let (_, certificate, _) = element(certificate)?;
    let (_, fields, _) = element(certificate)?;
    let fields: Vec<(u8, &[u8])> = elements(fields)?;
    let has_version = fields.first()?.0 == VERSION;
    let (_, subject) = fields.get(if has_version { SUBJECT_AT } else { SUBJECT_AT - 1 })?;
    let mut canonical = Vec::new();
    for (_, set) in elements(subject)? {
        let mut members: Vec<Vec<u8>> =
            elements(set)?.into_iter().map(|(_, member)| member_of(member)).collect::<Option<_>>()?;
        members.sort_unstable();
        canonical.extend(encoded(SET, &members.concat()));
    }
    let [a, b, c, d, ..] = <[u8; 20]>::from(Sha1::digest(&canonical));
    Some(u32::from_le_bytes([a, b, c, d]))
}

/// Returns a member of a set with its string made canonical.
fn member_of(member: &[u8]) -> Option<Vec<u8>> {
    let [(oid_tag, oid), (tag, value)] = elements(member)?[..] else { return None };
    let value = match text(tag, value) {
        Some(text) => encoded(UTF8_STRING, canonical(&text).as_bytes()),
        None => encoded(tag, value),
    };
    Some(encoded(OID_AND_VALUE, &[encoded(oid_tag, oid), value].concat()))
}

/// Returns the text of a string; none for what is no string, or has characters that there are not.
fn text(tag: u8, value: &[u8]) -> Option<String> {
    match tag {
        UTF8_STRING => String::from_utf8(value.to_vec()).ok(),
        BMP_STRING => {
            let (units, []) = value.as_chunks::<2>() else { return None };
            char::decode_utf16(units.iter().map(|unit| u16::from_be_bytes(*unit))).collect::<Result<_, _>>().ok()
        }
        UNIVERSAL_STRING => {
            let (units, []) = value.as_chunks::<4>() else { return None };
            units.iter().map(|unit| char::from_u32(u32::from_be_bytes(*unit))).collect()
        }
        tag if BYTE_STRINGS.contains(&tag) => Some(value.iter().map(|&byte| char::from(byte)).collect()),
        _ => None,
    }
}

fn canonical(text: &str) -> String {
    let is_space = |letter: char| matches!(letter, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r');
    let words: Vec<&str> = text.split(is_space).filter(|word| !word.is_empty()).collect();
    words.join(" ").to_ascii_lowercase()
}

/// Returns an element with its tag and length (X.690, section 8.1.3).
fn encoded(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match u8::try_from(content.len()) {
        Ok(len) if len < 0x80 => bytes.push(len),
        _ => {
            let len = content.len().to_be_bytes();
            let significant = &len[len.iter().take_while(|&&byte| byte == 0).count()..];
            bytes.push(0x80 | significant.len() as u8);
            bytes.extend_from_slice(significant);
        }
    }
    bytes.extend_from_slice(content);
    bytes
}

/// Returns tag and content of the first element, and what is behind it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&short, rest) = rest.split_first()?;
    let (len, rest) = match short {
        0..0x80 => (usize::from(short), rest),
        _ => {
            let (len, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
            (len.iter().try_fold(0usize, |all, &byte| all.checked_mul(256)?.checked_add(usize::from(byte)))?, rest)
        }
    };
    let (content, behind) = rest.split_at_checked(len)?;
    Some((tag, content, behind))
}

/// Returns tag and content of all elements.
fn elements(mut bytes: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (tag, content, behind) = element(bytes)?;
        found.push((tag, content));
        bytes = behind;
    }
    Some(found)
}
