//! A signer: certificates and messages as GnuPG would make them (RFC 9580), always the same for a seed.
//!
//! The product verifies and never signs, so this stands among what judges it, and shares no constant with it.

use ring::digest;
use ring::signature::{Ed25519KeyPair, KeyPair};

/// What is signed (RFC 9580, section 5.2.1).
mod kind {
    pub(super) const TEXT: u8 = 0x01;
    pub(super) const BACK: u8 = 0x19;
}

/// Kinds of subpackets (section 5.2.3.7).
mod subpacket {
    pub(super) const CREATED: u8 = 2;
    pub(super) const KEY_EXPIRES: u8 = 9;
    pub(super) const ISSUER: u8 = 16;
    pub(super) const KEY_FLAGS: u8 = 27;
    pub(super) const EMBEDDED: u8 = 32;
    pub(super) const ISSUER_FINGERPRINT: u8 = 33;
}

/// When the keys of the tests were made: 2025-01-01.
pub const MADE: i64 = 1_735_689_600;

/// When their messages are signed: 2025-11-15 10:00.
pub const SIGNED: i64 = 1_763_200_800;

/// The number of SHA-1 (section 9.5).
pub const SHA1: u8 = 2;
/// The number of SHA-256.
pub const SHA256: u8 = 8;
/// The number of SHA-512.
pub const SHA512: u8 = 10;

/// The flag of keys that certify.
pub const CERTIFIES: u8 = 1;
/// The flag of keys that sign.
pub const SIGNS: u8 = 2;

/// A private key of the kind Ed25519.
pub struct Signer {
    pair: Ed25519KeyPair,
    /// The body of the packet of the public key.
    pub public: Vec<u8>,
}

/// What a signature says.
#[derive(Clone)]
pub struct Statement {
    /// What is signed.
    pub kind: u8,
    /// The number of its hash.
    pub hash: u8,
    /// Subpackets that are signed, but for the time.
    pub says: Vec<(u8, Vec<u8>)>,
    /// Subpackets that are not.
    pub hints: Vec<(u8, Vec<u8>)>,
    /// When it is made, in seconds since 1970.
    pub at: i64,
}

impl Statement {
    /// Returns a signature of this kind that says nothing.
    pub fn new(kind: u8) -> Statement {
        Statement { kind, hash: SHA512, says: Vec::new(), hints: Vec::new(), at: MADE }
    }

    /// Returns the signature of a text.
    pub fn text() -> Statement {
        Statement { at: SIGNED, ..Statement::new(kind::TEXT) }
    }

    /// Says one more thing that is signed.
    pub fn says(mut self, kind: u8, body: &[u8]) -> Statement {
        self.says.push((kind, body.to_vec()));
        self
    }

    /// Says what the key is for.
    pub fn flags(self, flags: u8) -> Statement {
        self.says(subpacket::KEY_FLAGS, &[flags])
    }

    /// Says that the key is good for this many seconds.
    pub fn lifetime(self, seconds: u32) -> Statement {
        self.says(subpacket::KEY_EXPIRES, &seconds.to_be_bytes())
    }
}

impl Signer {
    /// Returns the key of this seed.
    pub fn new(seed: u8) -> Signer {
        Signer::made(seed, MADE)
    }

    /// Returns the key of this seed, said to be made at this time.
    pub fn made(seed: u8, at: i64) -> Signer {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("any 32 bytes are a seed");
        let curve = [9, 0x2b, 6, 1, 4, 1, 0xda, 0x47, 0x0f, 1];
        let point = mpi(&[&[0x40][..], pair.public_key().as_ref()].concat());
        let public = [&[4][..], &(at as u32).to_be_bytes(), &[22], &curve, &point].concat();
        Signer { pair, public }
    }

    /// Returns the name of the key, in capital letters.
    pub fn fingerprint(&self) -> String {
        self.fingerprint_bytes().iter().map(|byte| format!("{byte:02X}")).collect()
    }

    fn fingerprint_bytes(&self) -> Vec<u8> {
        digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &self.hashed()).as_ref().to_vec()
    }

    /// Returns the key as it is signed.
    pub fn hashed(&self) -> Vec<u8> {
        [&[0x99][..], &(self.public.len() as u16).to_be_bytes(), &self.public].concat()
    }

    /// Returns the body of a signature over these bytes.
    pub fn sign(&self, statement: &Statement, signed: &[u8]) -> Vec<u8> {
        self.sign_as(self, statement, signed)
    }

    /// Returns the same with the claim that another key has made it.
    pub fn sign_as(&self, claimed: &Signer, statement: &Statement, signed: &[u8]) -> Vec<u8> {
        let fingerprint = claimed.fingerprint_bytes();
        let mut says = vec![(subpacket::CREATED, (statement.at as u32).to_be_bytes().to_vec())];
        says.push((subpacket::ISSUER_FINGERPRINT, [&[4][..], &fingerprint].concat()));
        says.extend(statement.says.clone());
        let mut hints = vec![(subpacket::ISSUER, fingerprint[12..].to_vec())];
        hints.extend(statement.hints.clone());
        let said = [&[4, statement.kind, 22, statement.hash][..], &area(&says)].concat();
        let end = [&[4, 0xff][..], &(said.len() as u32).to_be_bytes()].concat();
        let hash = hash(statement.hash, &[signed, &said, &end].concat());
        let value = self.pair.sign(&hash);
        let (r, s) = value.as_ref().split_at(32);
        [said, area(&hints), hash[..2].to_vec(), mpi(r), mpi(s)].concat()
    }

    /// Returns the packets of a certificate with one name, and this statement about itself.
    pub fn certify(&self, statement: &Statement) -> Vec<u8> {
        let name = b"Test <test@example.test>";
        let signed = [&self.hashed()[..], &[0xb4, 0, 0, 0, name.len() as u8], name].concat();
        [packet(6, &self.public), packet(13, name), packet(2, &self.sign(statement, &signed))].concat()
    }

    /// Returns a certificate whose one key signs.
    pub fn certificate(&self) -> Vec<u8> {
        self.certify(&Statement::new(0x13).flags(CERTIFIES | SIGNS))
    }

    /// Returns the bytes over which this key, as the primary one, and a subkey are bound to each other.
    pub fn with(&self, subkey: &Signer) -> Vec<u8> {
        [self.hashed(), subkey.hashed()].concat()
    }

    /// Returns the packets of a subkey that this key binds by a statement; with the subkey's consent.
    pub fn bind(&self, subkey: &Signer, statement: &Statement) -> Vec<u8> {
        let back = subkey.sign(&Statement::new(kind::BACK), &self.with(subkey));
        let mut statement = statement.clone();
        statement.hints.push((subpacket::EMBEDDED, back));
        self.bind_alone(subkey, &statement)
    }

    /// Returns the same without the subkey's consent.
    pub fn bind_alone(&self, subkey: &Signer, statement: &Statement) -> Vec<u8> {
        [packet(14, &subkey.public), packet(2, &self.sign(statement, &self.with(subkey)))].concat()
    }

    /// Returns a signed message.
    pub fn message(&self, text: &str) -> String {
        message(text, &[packet(2, &self.sign(&Statement::text(), &canonical(text)))])
    }
}

/// Returns a message with these packets in place of its signature.
pub fn message(text: &str, signatures: &[Vec<u8>]) -> String {
    let escaped: String = text
        .lines()
        .map(|line| if line.starts_with('-') { format!("- {line}\n") } else { format!("{line}\n") })
        .collect();
    let armour = armour("SIGNATURE", &signatures.concat());
    format!("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{escaped}{armour}")
}

/// Returns the bytes that stand for a text in its signature.
pub fn canonical(text: &str) -> Vec<u8> {
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\r\n").into_bytes()
}

/// Returns bytes as text (section 6.2).
pub fn armour(what: &str, bytes: &[u8]) -> String {
    let content = base64(bytes);
    let lines: Vec<&str> =
        content.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("base64 is ASCII")).collect();
    let checksum = base64(&checksum(bytes));
    format!("-----BEGIN PGP {what}-----\n\n{}\n={checksum}\n-----END PGP {what}-----\n", lines.join("\n"))
}

/// Returns the checksum of an armour (RFC 9580, section 6.1.1), which GnuPG wants.
fn checksum(bytes: &[u8]) -> [u8; 3] {
    let mut crc = 0x00b7_04ce_u32;
    for byte in bytes {
        crc ^= u32::from(*byte) << 16;
        for _ in 0..8 {
            crc <<= 1;
            if crc & 0x0100_0000 != 0 {
                crc ^= 0x0186_4cfb;
            }
        }
    }
    let [_, checksum @ ..] = crc.to_be_bytes();
    checksum
}

/// Returns bytes in base64.
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |bytes: &[u8]| {
        let word = bytes.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (4 - bytes.len()));
        let digit = |at: usize| char::from(DIGITS[(word >> (26 - 6 * at)) as usize & 63]);
        (0..4).map(|at| if at <= bytes.len() { digit(at) } else { '=' }).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

/// Returns a packet of this tag (section 4.2).
pub fn packet(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[0xc0 | tag, 255][..], &(body.len() as u32).to_be_bytes(), body].concat()
}

fn area(subpackets: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut area = Vec::new();
    for (kind, body) in subpackets {
        area.push(255);
        area.extend((body.len() as u32 + 1).to_be_bytes());
        area.push(*kind);
        area.extend(body);
    }
    [&(area.len() as u16).to_be_bytes()[..], &area].concat()
}

fn mpi(bytes: &[u8]) -> Vec<u8> {
    let bytes = &bytes[bytes.iter().position(|&byte| byte != 0).unwrap_or(bytes.len())..];
    let bits = bytes.first().map_or(0, |first| bytes.len() * 8 - first.leading_zeros() as usize);
    [&(bits as u16).to_be_bytes()[..], bytes].concat()
}

fn hash(id: u8, bytes: &[u8]) -> Vec<u8> {
    let algorithm = match id {
        SHA1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        SHA256 => &digest::SHA256,
        _ => &digest::SHA512,
    };
    digest::digest(algorithm, bytes).as_ref().to_vec()
}
