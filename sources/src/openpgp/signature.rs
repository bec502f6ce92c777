//! Signatures (RFC 9580, section 5.2.3): what they say of themselves, and over which bytes they are.
//!
//! ```text
//! offset  size  meaning
//!      0     1  version: 4
//!      1     1  kind of what is signed
//!      2     1  algorithm of the key
//!      3     1  hash
//!      4     2  length of what follows
//!      6        subpackets that are signed too
//!            2  length of what follows
//!               subpackets that anybody may have changed
//!            2  the first bytes of the hash
//!               numbers of the algorithm
//! ```
//! Of what anybody may have changed only hints are taken: who the signer is, and a signature that speaks for itself.

use std::fmt;

use super::key::{Fingerprint, Hash, PublicKey, Value};
use super::packet::{Fields, Malformed, subpackets};

/// What is signed (section 5.2.1).
pub(super) mod kind {
    pub(in crate::openpgp) const TEXT: u8 = 0x01;
    pub(in crate::openpgp) const CERTIFICATIONS: std::ops::RangeInclusive<u8> = 0x10..=0x13;
    pub(in crate::openpgp) const SUBKEY_BINDING: u8 = 0x18;
    pub(in crate::openpgp) const BACK: u8 = 0x19;
    pub(in crate::openpgp) const DIRECT: u8 = 0x1f;
    pub(in crate::openpgp) const KEY_REVOCATION: u8 = 0x20;
    pub(in crate::openpgp) const SUBKEY_REVOCATION: u8 = 0x28;
    pub(in crate::openpgp) const CERTIFICATION_REVOCATION: u8 = 0x30;
}

/// Kinds of subpackets (section 5.2.3.7): those that matter here.
pub(super) mod subpacket {
    pub(in crate::openpgp) const CREATED: u8 = 2;
    pub(in crate::openpgp) const EXPIRES: u8 = 3;
    pub(in crate::openpgp) const KEY_EXPIRES: u8 = 9;
    pub(in crate::openpgp) const ISSUER: u8 = 16;
    pub(in crate::openpgp) const KEY_FLAGS: u8 = 27;
    pub(in crate::openpgp) const EMBEDDED: u8 = 32;
    pub(in crate::openpgp) const ISSUER_FINGERPRINT: u8 = 33;
    /// Preferences, notes about the key, and what people say of each other: known, and of no consequence here.
    pub(in crate::openpgp) const HARMLESS: [u8; 14] = [4, 5, 7, 11, 12, 21, 22, 23, 24, 25, 26, 29, 30, 34];
}

/// The key may sign data (section 5.2.3.29).
const FLAG_SIGN: u8 = 0x02;

/// A signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature<'a> {
    /// What is signed, one of [`kind`] or another.
    pub(super) kind: u8,
    /// The number of its hash.
    pub(super) hash: u8,
    /// When it was made, in seconds since 1970.
    pub(super) created: i64,
    /// From when on it does not count any more.
    pub(super) expires: Option<i64>,
    /// How many seconds the key that this is about is good for.
    pub(super) key_lifetime: Option<i64>,
    /// What the key that this is about is for, if this says it.
    flags: Option<u8>,
    issuers: Vec<Issuer>,
    /// Signatures within this.
    pub(super) embedded: Vec<&'a [u8]>,
    /// Whether it says something that must be understood, and is not.
    pub(super) is_enigmatic: bool,
    algorithm: u8,
    /// Everything of it that is signed too.
    signed: &'a [u8],
    start_of_hash: [u8; 2],
    value: Value<'a>,
}

/// Who is said to have signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Issuer {
    /// A key, by its whole name.
    Fingerprint(Fingerprint),
    /// A key, by its short name.
    KeyId([u8; 8]),
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Issuer::Fingerprint(fingerprint) => fingerprint.fmt(f),
            Issuer::KeyId(id) => id.iter().try_for_each(|byte| write!(f, "{byte:02X}")),
        }
    }
}

impl<'a> Signature<'a> {
    /// Reads the body of a packet.
    pub(super) fn parse(body: &'a [u8]) -> Result<Signature<'a>, Malformed> {
        let mut fields = Fields(body);
        let [version, kind, algorithm, hash] = fields.array()?;
        if version != 4 {
            return Err(Malformed("is of a version other than 4"));
        }
        let len = usize::from(fields.u16()?);
        let hashed = fields.take(len)?;
        let signed = &body[..6 + len];
        let len = usize::from(fields.u16()?);
        let unhashed = fields.take(len)?;
        let start_of_hash = fields.array()?;
        let mut signature = Signature {
            kind,
            hash,
            created: 0,
            expires: None,
            key_lifetime: None,
            flags: None,
            issuers: Vec::new(),
            embedded: Vec::new(),
            is_enigmatic: false,
            algorithm,
            signed,
            start_of_hash,
            value: Value::parse(algorithm, &mut fields)?,
        };
        signature.read_hashed(hashed)?;
        signature.read_hints(unhashed)?;
        Ok(signature)
    }

    /// Takes everything from the subpackets that are signed.
    fn read_hashed(&mut self, area: &'a [u8]) -> Result<(), Malformed> {
        let (mut created, mut lifetime) = (None, None);
        for found in subpackets(area)? {
            let mut fields = Fields(found.body);
            match found.kind {
                subpacket::CREATED => created = Some(i64::from(fields.u32()?)),
                subpacket::EXPIRES => lifetime = Some(i64::from(fields.u32()?)).filter(|&seconds| seconds != 0),
                subpacket::KEY_EXPIRES => {
                    self.key_lifetime = Some(i64::from(fields.u32()?)).filter(|&seconds| seconds != 0);
                }
                subpacket::KEY_FLAGS => self.flags = Some(found.body.first().copied().unwrap_or(0)),
                subpacket::ISSUER | subpacket::ISSUER_FINGERPRINT | subpacket::EMBEDDED => {}
                kind => self.is_enigmatic |= found.critical && !subpacket::HARMLESS.contains(&kind),
            }
        }
        self.created = created.ok_or(Malformed("does not say when it was made"))?;
        self.expires = lifetime.map(|seconds| self.created + seconds);
        self.read_hints(area)
    }

    /// Takes what may come from anybody.
    fn read_hints(&mut self, area: &'a [u8]) -> Result<(), Malformed> {
        for found in subpackets(area)? {
            match (found.kind, found.body) {
                (subpacket::ISSUER, id) => {
                    self.issuers.extend(<[u8; 8]>::try_from(id).map(Issuer::KeyId));
                }
                (subpacket::ISSUER_FINGERPRINT, [4, fingerprint @ ..]) => {
                    let fingerprint = <[u8; 20]>::try_from(fingerprint).map(Fingerprint);
                    self.issuers.extend(fingerprint.map(Issuer::Fingerprint));
                }
                (subpacket::EMBEDDED, body) => self.embedded.push(body),
                _ => {}
            }
        }
        Ok(())
    }

    /// Returns who is said to have made it, as exactly as it says.
    pub(super) fn issuer(&self) -> Option<Issuer> {
        let whole = self.issuers.iter().find(|issuer| matches!(issuer, Issuer::Fingerprint(_)));
        whole.or(self.issuers.first()).copied()
    }

    /// Whether it says that this key has made it. That is a hint and no proof.
    pub(super) fn claims(&self, key: &PublicKey) -> bool {
        self.issuers.iter().any(|issuer| match issuer {
            Issuer::Fingerprint(fingerprint) => *fingerprint == key.fingerprint,
            Issuer::KeyId(id) => *id == key.fingerprint.key_id(),
        })
    }

    /// Whether it says that the key it is about may sign data. When it does not say what the key is for, it is for all that
    /// its algorithm can, as GnuPG has it.
    pub(super) fn lets_sign(&self) -> bool {
        self.flags.is_none_or(|flags| flags & FLAG_SIGN != 0)
    }

    /// Whether it was made by this key, over these bytes, with a hash that can be believed.
    pub(super) fn is_by(&self, key: &PublicKey, signed: &[u8]) -> bool {
        Hash::strong(self.hash).is_some_and(|hash| self.fits(key, signed, hash))
    }

    /// Whether it was made by this key, over these bytes, with any hash. Who revokes a key is believed sooner than who
    /// commends one.
    pub(super) fn is_by_with_any_hash(&self, key: &PublicKey, signed: &[u8]) -> bool {
        Hash::of_id(self.hash).is_some_and(|hash| self.fits(key, signed, hash))
    }

    fn fits(&self, key: &PublicKey, signed: &[u8], hash: Hash) -> bool {
        if self.is_enigmatic || key.weakness().is_some() {
            return false;
        }
        let message = self.message(signed);
        hash.of(&message).as_ref().starts_with(&self.start_of_hash)
            && key.has_signed(&message, hash, self.algorithm, &self.value)
    }

    /// Returns the bytes that are hashed (section 5.2.4): what is signed, and what the signature says.
    fn message(&self, signed: &[u8]) -> Vec<u8> {
        let len = self.signed.len() as u32;
        [signed, self.signed, &[4, 0xff], &len.to_be_bytes()].concat()
    }
}
