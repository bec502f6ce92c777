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
//! [`authenticated`] is the one place where text becomes trusted.

use std::collections::BTreeMap;

use gravure_formats::Digest;
use gravure_formats::deb822::{self, Stanza};

use super::keyring::Keyring;
use super::state::{State, StateFile};
use crate::date;
use crate::error::{Error, ErrorKind, quoted_text};
use crate::openpgp::{self, Verified};

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
    /// Whether packages that run on every architecture stand in an index of their own, and in no other. Security updates
    /// list such an index without saying so, and it is not kept current.
    pub(super) keeps_all_apart: bool,
    /// Whether this is an earlier state, of which a mirror may have lost something.
    pub(super) is_past: bool,
    pub(super) components: Vec<String>,
    pub(super) architectures: Vec<String>,
    files: BTreeMap<String, Listed>,
}

/// Returns what trusted keys have signed of an `InRelease` that came from `url`.
///
/// # Errors
/// It is not one message, signed by one of these keys, and nothing else.
pub(super) fn authenticated(in_release: &[u8], url: &str, keys: &Keyring) -> Result<Verified, Error> {
    openpgp::verify(in_release, keys.certificates()).map_err(|refusal| {
        let message = format!("{} {refusal}", quoted_text(url));
        Error::new(ErrorKind::Integrity, message)
    })
}

impl Release {
    /// Reads the signed text of an `InRelease` that came from `url`.
    ///
    /// # Errors
    /// It has no date or no SHA-256, or a line of these cannot be read.
    pub(super) fn parse(text: &str, url: &str) -> Result<Release, Error> {
        let refuse = |why: String| Error::new(ErrorKind::Integrity, format!("{} {why}", quoted_text(url)));
        let stanza = only_stanza(text).map_err(refuse)?;
        let date_of = |field: &str| match stanza.get(field) {
            None => Ok(None),
            Some(text) => match date::parse(text) {
                None => Err(refuse(format!("has {} for its `{field}`, which is no date", quoted_text(text)))),
                date => Ok(date),
            },
        };
        let list = stanza.get("SHA256").ok_or_else(|| refuse("lists no file by SHA-256".to_owned()))?;
        let mut files = BTreeMap::new();
        for line in list.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (path, listed) = listed(line).ok_or_else(|| refuse(format!("lists {}", quoted_text(line))))?;
            files.insert(path.to_owned(), listed);
        }
        let words = |field: &str| stanza.words(field).map(str::to_owned).collect();
        Ok(Release {
            suite: stanza.get("Suite").map(str::to_owned),
            codename: stanza.get("Codename").map(str::to_owned),
            date: date_of("Date")?.ok_or_else(|| refuse("has no date".to_owned()))?,
            valid_until: date_of("Valid-Until")?,
            by_hash: stanza.get("Acquire-By-Hash") == Some("yes"),
            keeps_all_apart: stanza.words("Architectures").any(|name| name == "all")
                && stanza.words("No-Support-for-Architecture-all").all(|what| what != "Packages"),
            is_past: false,
            components: words("Components"),
            architectures: words("Architectures"),
            files,
        })
    }

    /// Returns the release as far as a state knows it: the files that it names. They are asked for by their hashes.
    pub(super) fn of_state(state: &State) -> Release {
        let listed = |file: &StateFile| (file.path.clone(), Listed { digest: file.sha256, len: file.size });
        Release {
            suite: None,
            codename: state.codename.clone(),
            date: state.date,
            valid_until: None,
            by_hash: true,
            keeps_all_apart: true,
            is_past: true,
            components: Vec::new(),
            architectures: Vec::new(),
            files: state.files.iter().map(listed).collect(),
        }
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

/// Returns the stanza that a text consists of, or why it does not.
fn only_stanza(text: &str) -> Result<Stanza<'_>, String> {
    let mut stanzas = deb822::stanzas(text);
    let first = stanzas.next().ok_or("says nothing")?.map_err(|error| format!("is no release: {error}"))?;
    match stanzas.next() {
        None => Ok(first),
        Some(_) => Err("has more than one stanza".to_owned()),
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
            (format!("{date}MD5Sum:\n 00 1 x\nSHA1:\n 00 1 x\n"), "lists no file by SHA-256"),
            ("\n".to_owned(), "says nothing"),
            ("Suite x\n".to_owned(), "is no release: line 1: neither `Name: value` nor a continuation line"),
            (format!("{date}SHA256:\n\nSHA256:\n"), "has more than one stanza"),
            ("SHA256:\n".to_owned(), "has no date"),
            ("Date: today\nSHA256:\n".to_owned(), "has `today` for its `Date`, which is no date"),
            (format!("{date}SHA256:\n abc 1 x\n"), "lists `abc 1 x`"),
            (format!("{date}Valid-Until: never\nSHA256:\n"), "has `never` for its `Valid-Until`, which is no date"),
        ] {
            assert_eq!(message_of(Release::parse(&text, URL)), why);
        }
    }
}
