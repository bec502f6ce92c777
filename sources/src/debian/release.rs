//! `InRelease`: what an archive says of itself, signed in place.
//!
//! ```text
//! -----BEGIN PGP SIGNED MESSAGE-----
//! Hash: SHA256
//!
//! Codename: trixie
//! SHA256:
//!  0123...  1234567 main/binary-amd64/Packages.xz
//! -----BEGIN PGP SIGNATURE-----
//! ...
//! -----END PGP SIGNATURE-----
//! ```
//! **The signature is not checked yet.** Only the form is: one signed message, and nothing around it. So until the
//! check is there, an archive is trusted as far as the way to its mirror is; everything below this file is checked by
//! hash. [`authenticated`] is the one place where text becomes trusted: the check belongs there, and nowhere else.

use std::collections::BTreeMap;

use gravure_formats::Digest;

use super::date;
use super::stanza::Stanza;
use crate::error::{Error, ErrorKind, quoted_text};

const BEGIN_MESSAGE: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const BEGIN_SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
const END_SIGNATURE: &str = "-----END PGP SIGNATURE-----";

/// A file of the archive, as its release names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// Its SHA-256.
    pub(super) digest: Digest,
    /// Its length in bytes.
    pub(super) len: u64,
}

/// What a release says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Release {
    /// `stable`, say; changes over time.
    pub(super) suite: Option<String>,
    /// `trixie`, say; does not.
    pub(super) codename: Option<String>,
    /// When it was made, in seconds since 1970.
    pub(super) date: i64,
    /// Until when it may be used for what is current, likewise.
    pub(super) valid_until: Option<i64>,
    /// Whether files can be had under their hashes, so that they do not change while they are fetched.
    pub(super) by_hash: bool,
    pub(super) components: Vec<String>,
    pub(super) architectures: Vec<String>,
    files: BTreeMap<String, Listed>,
}

/// Returns the signed text of an `InRelease` that came from `url`.
///
/// # Errors
/// It is not one signed message and nothing else.
pub(super) fn authenticated(in_release: &[u8], url: &str) -> Result<String, Error> {
    let refuse = |why: &str| Error::new(ErrorKind::Integrity, format!("{} {why}", quoted_text(url)));
    let text = std::str::from_utf8(in_release).map_err(|_| refuse("is no text"))?;
    let mut lines = text.lines().map(str::trim_end);
    if lines.next() != Some(BEGIN_MESSAGE) {
        return Err(refuse("is not signed: it does not begin as a signed message does"));
    }
    // Headers of the armour (`Hash: SHA256`) end with an empty line.
    lines.by_ref().take_while(|line| !line.is_empty()).for_each(drop);
    let mut signed = String::with_capacity(text.len());
    loop {
        match lines.next() {
            Some(BEGIN_SIGNATURE) => break,
            Some(BEGIN_MESSAGE) => return Err(refuse("contains a second signed message")),
            // Lines that begin with a dash are written with another before (RFC 9580, section 7.2).
            Some(line) => {
                signed.push_str(line.strip_prefix("- ").unwrap_or(line));
                signed.push('\n');
            }
            None => return Err(refuse("is not signed: it ends without a signature")),
        }
    }
    if !lines.by_ref().any(|line| line == END_SIGNATURE) {
        return Err(refuse("ends within its signature"));
    }
    match lines.find(|line| !line.is_empty()) {
        None => Ok(signed),
        Some(BEGIN_MESSAGE) => Err(refuse("contains a second signed message")),
        Some(_) => Err(refuse("goes on after its signature")),
    }
}

impl Release {
    /// Reads the signed text of an `InRelease` that came from `url`.
    ///
    /// # Errors
    /// It has no date or no SHA-256, or a line of these cannot be read.
    pub(super) fn parse(text: &str, url: &str) -> Result<Release, Error> {
        let refuse = |why: String| Error::new(ErrorKind::Integrity, format!("{} {why}", quoted_text(url)));
        let stanza = Stanza(text);
        let date_of = |field: &str| match stanza.field(field) {
            None => Ok(None),
            Some(text) => match date::parse(text) {
                None => Err(refuse(format!("has {} for its `{field}`, which is no date", quoted_text(text)))),
                date => Ok(date),
            },
        };
        let list = stanza.field("SHA256").ok_or_else(|| refuse("lists no file by SHA-256".to_owned()))?;
        let mut files = BTreeMap::new();
        for line in list.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (path, listed) = listed(line).ok_or_else(|| refuse(format!("lists {}", quoted_text(line))))?;
            files.insert(path.to_owned(), listed);
        }
        let words = |field: &str| stanza.words(field).map(str::to_owned).collect();
        Ok(Release {
            suite: stanza.field("Suite").map(str::to_owned),
            codename: stanza.field("Codename").map(str::to_owned),
            date: date_of("Date")?.ok_or_else(|| refuse("has no date".to_owned()))?,
            valid_until: date_of("Valid-Until")?,
            by_hash: stanza.field("Acquire-By-Hash") == Some("yes"),
            components: words("Components"),
            architectures: words("Architectures"),
            files,
        })
    }

    /// Returns what is listed under a path.
    pub(super) fn listed(&self, path: &str) -> Option<Listed> {
        self.files.get(path).copied()
    }

    /// Whether this is the release that was asked for as `suite`, which can be its suite or its codename.
    pub(super) fn is_for(&self, suite: &str) -> bool {
        let names = [&self.suite, &self.codename];
        names.iter().all(|name| name.is_none()) || names.iter().any(|name| name.as_deref() == Some(suite))
    }
}

/// Reads a line `SHA-256 LENGTH PATH`.
fn listed(line: &str) -> Option<(&str, Listed)> {
    let mut words = line.split_whitespace();
    let (digest, len, path) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?, words.next()?);
    words.next().is_none().then_some((path, Listed { digest, len }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "http://mirror.example.test/debian/dists/trixie/InRelease";

    fn message_of<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
        let error = result.unwrap_err();
        assert_eq!(error.exit_code(), 5);
        let start = format!("`{URL}` ");
        error.message.strip_prefix(&start).unwrap_or_else(|| panic!("{error}")).to_owned()
    }

    #[test]
    fn the_signed_text_is_taken_out() {
        let text = format!(
            "{BEGIN_MESSAGE}\nHash: SHA256\n\nA: 1\n- -dash\n\nB: 2\n{BEGIN_SIGNATURE}\n\nx\n{END_SIGNATURE}\n\n"
        );
        assert_eq!(authenticated(text.as_bytes(), URL).unwrap(), "A: 1\n-dash\n\nB: 2\n");
        assert_eq!(authenticated(text.replace('\n', "\r\n").as_bytes(), URL).unwrap(), "A: 1\n-dash\n\nB: 2\n");
    }

    #[test]
    fn other_forms_are_refused_each_with_its_reason() {
        let message = format!("{BEGIN_MESSAGE}\n\nA: 1\n{BEGIN_SIGNATURE}\nx\n{END_SIGNATURE}\n");
        for (text, why) in [
            ("A: 1\n".to_owned(), "is not signed: it does not begin as a signed message does"),
            (format!("Z: 0\n{message}"), "is not signed: it does not begin as a signed message does"),
            (format!("{BEGIN_MESSAGE}\n\nA: 1\n"), "is not signed: it ends without a signature"),
            (format!("{BEGIN_MESSAGE}\n\nA: 1\n{BEGIN_SIGNATURE}\nx\n"), "ends within its signature"),
            (format!("{message}B: 2\n"), "goes on after its signature"),
            (format!("{message}{message}"), "contains a second signed message"),
            (format!("{BEGIN_MESSAGE}\n\nA: 1\n{message}"), "contains a second signed message"),
        ] {
            assert_eq!(message_of(authenticated(text.as_bytes(), URL)), why);
        }
        assert_eq!(message_of(authenticated(b"\xff", URL)), "is no text");
    }

    #[test]
    fn a_release_is_read() {
        let digest = Digest::of(b"x");
        let text = format!(
            "Suite: stable\nCodename: trixie\nDate: Sat, 15 Nov 2025 09:46:24 UTC\nAcquire-By-Hash: yes\n\
             Architectures: all amd64\nComponents: main contrib\nMD5Sum:\n 00 1 main/x\nSHA256:\n {digest} 12 main/x\n {digest}        3 y\n"
        );
        let release = Release::parse(&text, URL).unwrap();
        assert_eq!(release.listed("main/x"), Some(Listed { digest, len: 12 }));
        assert_eq!(release.listed("y"), Some(Listed { digest, len: 3 }));
        assert_eq!(release.listed("z"), None);
        assert_eq!((release.date, release.valid_until, release.by_hash), (1_763_199_984, None, true));
        assert_eq!((release.components.len(), release.architectures.len()), (2, 2));
        assert!(release.is_for("stable") && release.is_for("trixie") && !release.is_for("bookworm"));
    }

    #[test]
    fn broken_releases_are_refused() {
        let date = "Date: Sat, 15 Nov 2025 09:46:24 UTC\n";
        for (text, why) in [
            ("Suite: x\n".to_owned(), "lists no file by SHA-256"),
            ("SHA256:\n".to_owned(), "has no date"),
            ("Date: today\nSHA256:\n".to_owned(), "has `today` for its `Date`, which is no date"),
            (format!("{date}SHA256:\n abc 1 x\n"), "lists `abc 1 x`"),
            (format!("{date}Valid-Until: never\nSHA256:\n"), "has `never` for its `Valid-Until`, which is no date"),
        ] {
            assert_eq!(message_of(Release::parse(&text, URL)), why);
        }
    }
}
