//! Whose signatures count: Debian's, or those of keys that the configuration brings along.
//!
//! The keys of Debian's archive are data of this program, in `keys/`; what the host trusts is never asked.

use std::fmt;
use std::sync::{Arc, LazyLock};

use crate::error::{Error, ErrorKind, quoted_text};
use crate::openpgp::{Certificate, certificates};

/// Debian's keys, by release and purpose: see `keys/README.md`.
const DEBIAN: [&str; 6] = [
    include_str!("keys/debian-archive-bookworm-automatic.asc"),
    include_str!("keys/debian-archive-bookworm-security-automatic.asc"),
    include_str!("keys/debian-archive-bookworm-stable.asc"),
    include_str!("keys/debian-archive-trixie-automatic.asc"),
    include_str!("keys/debian-archive-trixie-security-automatic.asc"),
    include_str!("keys/debian-archive-trixie-stable.asc"),
];

/// Keys that are trusted to sign an archive.
#[derive(Clone, PartialEq, Eq)]
pub struct Keyring(Arc<[Certificate]>);

impl Keyring {
    /// Returns the keys of Debian's archive, bookworm and trixie, with those of their security updates.
    pub fn debian() -> Keyring {
        static KEYS: LazyLock<Keyring> = LazyLock::new(|| {
            let files = DEBIAN.map(|text| certificates(text.as_bytes()).expect("a test reads the keys in `keys/`"));
            Keyring(files.into_iter().flatten().collect())
        });
        KEYS.clone()
    }

    /// Returns the keys in a file that is called `name`: armoured or not, one or several.
    ///
    /// # Errors
    /// It holds no public key, or one that cannot be read.
    pub fn read(name: &str, file: &[u8]) -> Result<Keyring, Error> {
        let found = certificates(file).map_err(|why| {
            let message = format!("{} is no file of OpenPGP public keys: it {why}", quoted_text(name));
            Error::new(ErrorKind::Refused, message)
        })?;
        Ok(Keyring(found.into()))
    }

    /// Returns the keys of both.
    pub fn with(&self, other: &Keyring) -> Keyring {
        Keyring(self.0.iter().chain(other.0.iter()).cloned().collect())
    }

    pub(super) fn certificates(&self) -> &[Certificate] {
        &self.0
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|certificate| certificate.fingerprint)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openpgp::testing::{Signer, armour};

    #[test]
    fn the_keys_of_debian_are_read() {
        let names: Vec<String> = Keyring::debian().0.iter().map(|key| key.name.clone()).collect();
        let expected = [
            "Debian Archive Automatic Signing Key (12/bookworm) <ftpmaster@debian.org>",
            "Debian Security Archive Automatic Signing Key (12/bookworm) <ftpmaster@debian.org>",
            "Debian Stable Release Key (12/bookworm) <debian-release@lists.debian.org>",
            "Debian Archive Automatic Signing Key (13/trixie) <ftpmaster@debian.org>",
            "Debian Security Archive Automatic Signing Key (13/trixie) <ftpmaster@debian.org>",
            "Debian Stable Release Key (13/trixie) <debian-release@lists.debian.org>",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn keys_of_a_configuration_are_read_armoured_or_not() {
        let both = [Signer::new(1).certificate(), Signer::new(2).certificate()].concat();
        let binary = Keyring::read("keys.gpg", &both).unwrap();
        assert_eq!(binary.0.len(), 2);
        assert_eq!(Keyring::read("keys.asc", armour("PUBLIC KEY BLOCK", &both).as_bytes()).unwrap(), binary);
        let one = |seed| Keyring::read("one", &Signer::new(seed).certificate()).unwrap();
        assert_eq!(one(1).with(&one(2)), binary);
    }

    #[test]
    fn other_files_are_refused() {
        for (file, why) in [
            (&b"no key"[..], "holds no public key"),
            (b"", "holds no public key"),
            (b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n", "holds a private key"),
            (b"\xc5\x00", "holds a private key"),
            (b"\xcd\x00", "does not begin with a public key"),
            (b"\xc6\x01\x06", "has a key of a version other than 4"),
            (b"\xff\xff", "ends too early"),
        ] {
            let error = Keyring::read("a.asc", file).unwrap_err();
            let expected = format!("`a.asc` is no file of OpenPGP public keys: it {why}");
            assert_eq!((error.kind, error.message), (ErrorKind::Refused, expected));
        }
    }
}
