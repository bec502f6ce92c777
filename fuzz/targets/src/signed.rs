//! What archives sign, and with what.

use std::sync::LazyLock;

use gravure_sources::debian::{Keyring, release_date};
use gravure_tests::openpgp::{Signer, message};

/// Makes all signatures of the seeds.
pub(crate) static SIGNER: LazyLock<Signer> = LazyLock::new(|| Signer::new(1));
/// Signs, and is trusted by nobody.
static STRANGER: LazyLock<Signer> = LazyLock::new(|| Signer::new(2));
static KEYS: LazyLock<Keyring> =
    LazyLock::new(|| Keyring::read("keys", &SIGNER.certificate()).expect("the signer has a certificate"));

/// The date in every text that the signer has signed, and its value.
pub(crate) const DATE: (&str, i64) = ("Sat, 15 Nov 2025 09:46:24 UTC", 1_763_199_984);
/// What is signed where the text is not what changes.
pub(crate) const TEXT: &str = "Codename: trixie\nDate: Sat, 15 Nov 2025 09:46:24 UTC\nSHA256:\n";

const URL: &str = "http://mirror.example.test/InRelease";

/// A whole `InRelease`, and the same bytes as a text that is signed here. Promised is that nothing is believed but what the
/// signer has signed: whatever else changes, the date does not.
pub(crate) fn in_release(input: &[u8]) {
    if let Ok(date) = release_date(input, URL, &KEYS) {
        assert_eq!(date, DATE.1, "a date that nobody has signed is believed");
    }
    if let Ok(text) = std::str::from_utf8(input) {
        // What can be wrong with the text is found only behind a good signature.
        let _ = release_date(SIGNER.message(text).as_bytes(), URL, &KEYS);
    }
}

/// The packets of a signature, put below a fixed text. Promised is that they are believed only where the text is.
pub(crate) fn signature(input: &[u8]) {
    let signed = message(TEXT, &[input.to_vec()]);
    if let Ok(date) = release_date(signed.as_bytes(), URL, &KEYS) {
        assert_eq!(date, DATE.1, "a date that nobody has signed is believed");
    }
    let other = message(&TEXT.replace("trixie", "sid"), &[input.to_vec()]);
    assert!(release_date(other.as_bytes(), URL, &KEYS).is_err(), "a signature is believed for another text");
}

/// A file of keys. Promised is that it lets nobody sign whose key is not in it.
pub(crate) fn certificate(input: &[u8]) {
    static MESSAGES: LazyLock<[String; 2]> = LazyLock::new(|| [SIGNER.message(TEXT), STRANGER.message(TEXT)]);
    let Ok(keys) = Keyring::read("keys", input) else { return };
    // Whether this one is believed depends on what has become of its certificate.
    let _ = release_date(MESSAGES[0].as_bytes(), URL, &keys);
    assert!(release_date(MESSAGES[1].as_bytes(), URL, &keys).is_err(), "a key that is not there has signed");
}
