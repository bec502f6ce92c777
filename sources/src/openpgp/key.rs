//! Public keys (RFC 9580, section 5.5.2), and what they say of a signature. The arithmetic is ring's.
//!
//! ```text
//! offset  size  meaning
//!      0     1  version: 4
//!      1     4  when the key was made, in seconds since 1970
//!      5     1  algorithm
//!      6        numbers of the algorithm
//! ```

use std::fmt;

use ring::digest;
use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey};

use super::packet::{Fields, Malformed};

/// Algorithms of keys (section 9.1).
mod algorithm {
    pub(super) const RSA: u8 = 1;
    pub(super) const RSA_SIGN_ONLY: u8 = 3;
    pub(super) const EDDSA_LEGACY: u8 = 22;
    pub(super) const ED25519: u8 = 27;
}

/// The curve Ed25519 in keys of the algorithm that was used before RFC 9580 (section 9.2): 1.3.6.1.4.1.11591.15.1.
const ED25519_CURVE: &[u8] = &[0x2b, 6, 1, 4, 1, 0xda, 0x47, 0x0f, 1];

/// What stands before a point of that curve there (section 11.2).
const NATIVE_POINT: u8 = 0x40;

/// The shortest RSA key that counts, in bits.
const MIN_RSA_BITS: usize = 2048;
/// The longest that ring computes with.
const MAX_RSA_BITS: usize = 8192;

/// What a key is called: the SHA-1 of its packet (section 5.5.4.2). It names a key that is known; nothing is believed for
/// its sake.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint(pub(super) [u8; 20]);

impl Fingerprint {
    /// Returns the short name of the key.
    pub(super) fn key_id(self) -> [u8; 8] {
        *self.0.last_chunk().expect("a fingerprint is longer than a key ID")
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PublicKey {
    pub(super) fingerprint: Fingerprint,
    /// When it was made, in seconds since 1970.
    pub(super) created: i64,
    /// The body of its packet.
    body: Vec<u8>,
    material: Material,
}

/// The numbers of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// A point, and the algorithm by which signatures name this kind of key.
    Ed25519 {
        point: [u8; 32],
        algorithm: u8,
    },
    /// Nothing that can be computed with.
    Unsupported(u8),
}

/// A hash that signatures can be made over (section 9.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    /// Too weak for everything but the news that a key was revoked.
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// The numbers of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Rsa(&'a [u8]),
    /// Both halves, one after the other.
    Ed25519([u8; 64]),
}

impl PublicKey {
    /// Reads the body of a packet.
    pub(super) fn parse(body: &[u8]) -> Result<PublicKey, Malformed> {
        let mut fields = Fields(body);
        if fields.u8()? != 4 {
            return Err(Malformed("has a key of a version other than 4"));
        }
        let created = i64::from(fields.u32()?);
        let material = Material::parse(&mut fields)?;
        if u16::try_from(body.len()).is_err() {
            return Err(Malformed("has a key that is too long"));
        }
        let hashed = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &hashed(body));
        let fingerprint = Fingerprint(hashed.as_ref().try_into().expect("a SHA-1 has 20 bytes"));
        Ok(PublicKey { fingerprint, created, body: body.to_vec(), material })
    }

    /// Returns the bytes that stand for this key in what is signed (section 5.2.4).
    pub(super) fn hashed(&self) -> Vec<u8> {
        hashed(&self.body)
    }

    /// Returns why nothing that this key signs can be believed, as the end of a sentence: "the key ...".
    pub(super) fn weakness(&self) -> Option<String> {
        match &self.material {
            Material::Ed25519 { .. } => None,
            Material::Unsupported(algorithm) => {
                Some(format!("is of algorithm {algorithm}, and only RSA and Ed25519 are known here"))
            }
            Material::Rsa { n, .. } => {
                let bits = n.len() * 8 - n.first().map_or(0, |first| first.leading_zeros() as usize);
                let fits = (MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits);
                (!fits).then(|| format!("is an RSA key of {bits} bits; {MIN_RSA_BITS} to {MAX_RSA_BITS} are allowed"))
            }
        }
    }

    /// Whether this key, of the algorithm that the signature names, has signed the message.
    pub(super) fn has_signed(&self, message: &[u8], hash: Hash, algorithm: u8, value: &Value<'_>) -> bool {
        match (&self.material, value) {
            (Material::Rsa { n, e }, Value::Rsa(value)) => {
                // Leading zeros are not written, but counted.
                let padded = [vec![0; n.len().saturating_sub(value.len())], value.to_vec()].concat();
                RsaPublicKeyComponents { n, e }.verify(hash.rsa(), message, &padded).is_ok()
            }
            (Material::Ed25519 { point, algorithm: own }, Value::Ed25519(value)) if *own == algorithm => {
                let digest = hash.of(message);
                UnparsedPublicKey::new(&signature::ED25519, point).verify(digest.as_ref(), value).is_ok()
            }
            _ => false,
        }
    }
}

/// Returns a key's packet in the form in which it is hashed, whatever the form in which it came.
fn hashed(body: &[u8]) -> Vec<u8> {
    [&[0x99][..], &(body.len() as u16).to_be_bytes(), body].concat()
}

impl Material {
    fn parse(fields: &mut Fields<'_>) -> Result<Material, Malformed> {
        let material = match fields.u8()? {
            algorithm::RSA | algorithm::RSA_SIGN_ONLY => {
                Material::Rsa { n: fields.mpi()?.to_vec(), e: fields.mpi()?.to_vec() }
            }
            algorithm::ED25519 => Material::Ed25519 { point: fields.array()?, algorithm: algorithm::ED25519 },
            algorithm::EDDSA_LEGACY => {
                let len = fields.u8()?;
                match (fields.take(usize::from(len))?, fields.mpi()?) {
                    (ED25519_CURVE, [NATIVE_POINT, point @ ..]) => Material::Ed25519 {
                        point: point.try_into().map_err(|_| Malformed("has a key that is no point of its curve"))?,
                        algorithm: algorithm::EDDSA_LEGACY,
                    },
                    _ => Material::Unsupported(algorithm::EDDSA_LEGACY),
                }
            }
            other => return Ok(Material::Unsupported(other)),
        };
        if fields.is_empty() { Ok(material) } else { Err(Malformed("has a key that goes on after its end")) }
    }
}

impl<'a> Value<'a> {
    /// Reads the numbers of a signature by this algorithm (sections 5.2.3.1 to 5.2.3.5).
    pub(super) fn parse(algorithm: u8, fields: &mut Fields<'a>) -> Result<Value<'a>, Malformed> {
        let value = match algorithm {
            algorithm::RSA | algorithm::RSA_SIGN_ONLY => Value::Rsa(fields.mpi()?),
            algorithm::ED25519 => Value::Ed25519(fields.array()?),
            algorithm::EDDSA_LEGACY => {
                let mut value = [0; 64];
                for half in value.chunks_mut(32) {
                    let number = fields.mpi()?;
                    let start =
                        half.len().checked_sub(number.len()).ok_or(Malformed("has a number that is too long"))?;
                    half[start..].copy_from_slice(number);
                }
                Value::Ed25519(value)
            }
            _ => return Err(Malformed("is by an algorithm that is not known here")),
        };
        if fields.is_empty() { Ok(value) } else { Err(Malformed("goes on after its end")) }
    }
}

impl Hash {
    /// Returns the hash of this number; nothing for those that never count.
    pub(super) fn of_id(id: u8) -> Option<Hash> {
        match id {
            2 => Some(Hash::Sha1),
            8 => Some(Hash::Sha256),
            9 => Some(Hash::Sha384),
            10 => Some(Hash::Sha512),
            _ => None,
        }
    }

    /// Returns the hash of this number if what it signs can be believed.
    pub(super) fn strong(id: u8) -> Option<Hash> {
        Hash::of_id(id).filter(|hash| *hash != Hash::Sha1)
    }

    /// Returns the hash of some bytes.
    pub(super) fn of(self, bytes: &[u8]) -> digest::Digest {
        digest::digest(self.algorithm(), bytes)
    }

    fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Hash::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => &digest::SHA256,
            Hash::Sha384 => &digest::SHA384,
            Hash::Sha512 => &digest::SHA512,
        }
    }

    fn rsa(self) -> &'static RsaParameters {
        match self {
            Hash::Sha1 => &signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Hash::Sha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Hash::Sha512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        }
    }
}

/// Returns what people call the hash of this number.
pub(super) fn hash_name(id: u8) -> String {
    let name = match id {
        1 => "MD5",
        2 => "SHA-1",
        3 => "RIPEMD-160",
        8 => "SHA-256",
        9 => "SHA-384",
        10 => "SHA-512",
        11 => "SHA-224",
        12 => "SHA3-256",
        14 => "SHA3-512",
        _ => return format!("hash {id}"),
    };
    name.to_owned()
}
