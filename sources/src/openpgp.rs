//! Signatures in the format of OpenPGP (RFC 9580), verified without another program: archives of Debian are signed so.
//!
//! ```text
//! armour.rs       text -> bytes
//! packet.rs       bytes -> packets
//! key.rs          a packet -> a key, which can tell whether it has signed something
//! signature.rs    a packet -> what is signed, by whom, and when
//! certificate.rs  packets -> keys of one owner, and which of them may sign
//! message.rs      a signed text -> the text, if a trusted key has signed it
//! ```
//! Verification is a function of bytes alone: no clock is asked. Whether a key had expired is a question of when it
//! signed. RSA and Ed25519 with SHA-2 are known, in keys and signatures of version 4; whatever is not known is not
//! believed. Why this is not a library: ARCHITECTURE.md, "Decisions".

mod armour;
mod certificate;
mod key;
mod message;
mod packet;
mod signature;

pub(crate) use certificate::Certificate;
#[cfg(test)]
pub(crate) use gravure_tests::openpgp as testing;
pub use key::Fingerprint;
pub(crate) use message::{Verified, verify};

/// Returns the certificates in a file, armoured or not.
///
/// # Errors
/// Why it holds none, or none that can be read, as the end of a sentence: "the file ...".
pub(crate) fn certificates(file: &[u8]) -> Result<Vec<Certificate>, &'static str> {
    let bytes = armour::keys(file).map_err(|malformed| malformed.0)?;
    let found = certificate::certificates(&bytes).map_err(|malformed| malformed.0)?;
    if found.is_empty() { Err("holds no public key") } else { Ok(found) }
}
