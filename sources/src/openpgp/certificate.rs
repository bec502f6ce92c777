//! Certificates: a primary key, what it says of itself, and the subkeys that it vouches for (RFC 9580, section 10.1).
//!
//! ```text
//! public key          signatures: direct (0x1f), revocation (0x20)
//! user id             signatures: certification (0x10..0x13), its revocation (0x30)
//! public subkey       signatures: binding (0x18) with a back signature (0x19) in it, revocation (0x28)
//! ```
//! Only what the primary key has signed itself is looked at: what others say of it can neither help nor harm. Of its
//! statements the newest counts. Revocations count whatever reason they give, and for everything that the key has ever
//! signed; so do those that are made with a weak hash. Revocations by other keys that the owner has named for this
//! are not known here, since those keys are not.

use super::key::{Fingerprint, PublicKey};
use super::packet::{Malformed, Packet, packets, tag};
use super::signature::{Signature, kind};

/// A certificate, as far as it matters to whoever verifies: the keys that may sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// What its owner calls it; empty when it has no name.
    pub(crate) name: String,
    /// The name of the primary key.
    pub(crate) fingerprint: Fingerprint,
    /// The primary key, then the subkeys.
    pub(super) keys: Vec<Key>,
}

/// A key of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) key: PublicKey,
    /// From when on it does not count any more.
    expires: Option<i64>,
    /// Why it never counts.
    unfit: Option<Unfit>,
}

/// Why a key does not count, as the end of a sentence: "the key ...".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// Its owner has revoked it.
    Revoked,
    /// It is a subkey of one whose owner has revoked it.
    PrimaryRevoked,
    /// Neither it nor the primary key says in a way that can be believed that it belongs to the certificate.
    Unbound,
    /// It is for something else.
    NotForSigning,
    /// What it signs cannot be believed, for this reason.
    Weak(String),
    /// It was not any more when it signed: its end.
    Expired(i64),
    /// It was not yet when it signed: its start.
    NotYet(i64),
}

impl Key {
    /// Returns why a signature that it made at this time does not count.
    pub(super) fn unfit_at(&self, time: i64) -> Option<Unfit> {
        let expired = self.expires.filter(|&end| end <= time).map(Unfit::Expired);
        let not_yet = (time < self.key.created).then_some(Unfit::NotYet(self.key.created));
        self.unfit.clone().or(expired).or(not_yet)
    }
}

/// Reads certificates, one after the other.
pub(super) fn certificates(bytes: &[u8]) -> Result<Vec<Certificate>, Malformed> {
    let mut drafts: Vec<Draft<'_>> = Vec::new();
    for packet in packets(bytes)? {
        match (packet.tag, drafts.last_mut()) {
            (tag::SECRET_KEY | tag::SECRET_SUBKEY, _) => return Err(Malformed("holds a private key")),
            (tag::PUBLIC_KEY, _) => drafts.push(Draft::new(packet)?),
            (_, Some(draft)) => draft.take(packet),
            (_, None) => return Err(Malformed("does not begin with a public key")),
        }
    }
    Ok(drafts.iter().map(Draft::certificate).collect())
}

/// A packet about which something can be said, and what is said.
struct Part<'a> {
    packet: Packet<'a>,
    signatures: Vec<Signature<'a>>,
}

/// A certificate while it is read.
struct Draft<'a> {
    primary: PublicKey,
    /// The first is the primary key.
    parts: Vec<Part<'a>>,
}

impl<'a> Draft<'a> {
    fn new(packet: Packet<'a>) -> Result<Draft<'a>, Malformed> {
        let parts = vec![Part { packet, signatures: Vec::new() }];
        Ok(Draft { primary: PublicKey::parse(packet.body)?, parts })
    }

    /// Adds a packet: a signature to the part before it. Signatures of unknown forms are passed over, as any of them could
    /// be another's.
    fn take(&mut self, packet: Packet<'a>) {
        let part = self.parts.last_mut().expect("the primary key is there");
        match packet.tag {
            tag::SIGNATURE => part.signatures.extend(Signature::parse(packet.body)),
            tag::USER_ID | tag::USER_ATTRIBUTE | tag::PUBLIC_SUBKEY => {
                self.parts.push(Part { packet, signatures: Vec::new() });
            }
            // What programs note for themselves.
            _ => {}
        }
    }

    fn certificate(&self) -> Certificate {
        let primary = self.primary_key();
        let subkeys = self.parts.iter().filter(|part| part.packet.tag == tag::PUBLIC_SUBKEY);
        let subkeys: Vec<Key> = subkeys.filter_map(|part| self.subkey(part, &primary)).collect();
        let fingerprint = self.primary.fingerprint;
        Certificate { name: self.name(), fingerprint, keys: [vec![primary], subkeys].concat() }
    }

    /// Returns the first user id that the primary key vouches for.
    fn name(&self) -> String {
        let named = self.user_ids().find(|part| self.certification(part).is_some());
        named.map(|part| String::from_utf8_lossy(part.packet.body).into_owned()).unwrap_or_default()
    }

    fn primary_key(&self) -> Key {
        let direct = self.newest(&self.parts[0], |found| found == kind::DIRECT, &self.primary.hashed());
        let certifications = self.user_ids().filter_map(|part| self.certification(part));
        let statement = certifications.chain(direct).max_by_key(|signature| signature.created);
        let revoked = self.is_revoked(&self.parts[0], kind::KEY_REVOCATION, &self.primary.hashed());
        let unfit = revoked.then_some(Unfit::Revoked);
        self.key(self.primary.clone(), statement, unfit)
    }

    /// Returns a subkey; nothing when it is of an unknown form.
    fn subkey(&self, part: &Part<'_>, primary: &Key) -> Option<Key> {
        let key = PublicKey::parse(part.packet.body).ok()?;
        let both = [self.primary.hashed(), key.hashed()].concat();
        let statement = self.newest(part, |found| found == kind::SUBKEY_BINDING, &both);
        // A binding that lets a key sign needs the key's consent, or anybody could call another's signatures his own.
        let statement = statement.filter(|binding| !binding.lets_sign() || has_back_signature(binding, &key, &both));
        let unfit = match &primary.unfit {
            Some(Unfit::Revoked) => Some(Unfit::PrimaryRevoked),
            Some(Unfit::Unbound) => Some(Unfit::Unbound),
            _ => self.is_revoked(part, kind::SUBKEY_REVOCATION, &both).then_some(Unfit::Revoked),
        };
        let key = self.key(key, statement, unfit);
        Some(Key { expires: earliest(key.expires, primary.expires), ..key })
    }

    /// Returns a key of which the newest statement is this one.
    fn key(&self, key: PublicKey, statement: Option<&Signature<'_>>, unfit: Option<Unfit>) -> Key {
        let lifetime = statement.and_then(|statement| statement.key_lifetime);
        let end = lifetime.map(|seconds| key.created + seconds);
        let expires = earliest(end, statement.and_then(|statement| statement.expires));
        let unfit = unfit.or_else(|| match statement {
            _ if key.weakness().is_some() => key.weakness().map(Unfit::Weak),
            None => Some(Unfit::Unbound),
            Some(statement) => (!statement.lets_sign()).then_some(Unfit::NotForSigning),
        });
        Key { key, expires, unfit }
    }

    fn user_ids(&self) -> impl Iterator<Item = &Part<'a>> {
        self.parts.iter().filter(|part| part.packet.tag == tag::USER_ID)
    }

    /// Returns what the primary key says of itself where it vouches for a user id; nothing when it does not any more.
    fn certification<'s>(&self, part: &'s Part<'a>) -> Option<&'s Signature<'a>> {
        let len = (part.packet.body.len() as u32).to_be_bytes();
        let signed = [&self.primary.hashed()[..], &[0xb4], &len, part.packet.body].concat();
        let is_revoked = self.is_revoked(part, kind::CERTIFICATION_REVOCATION, &signed);
        let newest = self.newest(part, |found| kind::CERTIFICATIONS.contains(&found), &signed);
        newest.filter(|_| !is_revoked)
    }

    /// Returns the newest signature of such a kind that the primary key has made over these bytes.
    fn newest<'s>(&self, part: &'s Part<'a>, is_kind: impl Fn(u8) -> bool, signed: &[u8]) -> Option<&'s Signature<'a>> {
        let own = part.signatures.iter().filter(|signature| is_kind(signature.kind) && signature.claims(&self.primary));
        own.filter(|signature| signature.is_by(&self.primary, signed)).max_by_key(|signature| signature.created)
    }

    fn is_revoked(&self, part: &Part<'_>, kind: u8, signed: &[u8]) -> bool {
        let mut own = part.signatures.iter().filter(|found| found.kind == kind && found.claims(&self.primary));
        own.any(|revocation| revocation.is_by_with_any_hash(&self.primary, signed))
    }
}

/// Whether a binding contains a signature of the subkey over the same.
fn has_back_signature(binding: &Signature<'_>, subkey: &PublicKey, both: &[u8]) -> bool {
    let back = binding.embedded.iter().filter_map(|body| Signature::parse(body).ok());
    back.filter(|back| back.kind == kind::BACK).any(|back| back.is_by(subkey, both))
}

fn earliest(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    a.into_iter().chain(b).min()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{CERTIFIES, MADE, SHA1, SIGNED, SIGNS, Signer, Statement, packet};
    use super::super::{certificates, message};
    use super::*;

    const DAY: u32 = 86_400;

    /// Checks whether what a key signs is believed for the sake of a certificate; or why not.
    fn check(certificate: &[u8], signer: &Signer, expected: Result<(), &str>) {
        let trusted = certificates(certificate).unwrap();
        let found = message::verify(signer.message("text").as_bytes(), &trusted);
        let found = found.map(drop).map_err(|refusal| refusal.to_string());
        let start = format!("is signed by the key `{}`, which ", signer.fingerprint());
        assert_eq!(found, expected.map_err(|why| start + why));
    }

    fn primary() -> Signer {
        Signer::new(1)
    }

    fn subkey() -> Signer {
        Signer::new(2)
    }

    fn certification() -> Statement {
        Statement::new(0x13).flags(CERTIFIES | SIGNS)
    }

    fn binding() -> Statement {
        Statement::new(kind::SUBKEY_BINDING).flags(SIGNS)
    }

    /// Returns a certificate whose primary key only certifies, with these packets behind it.
    fn certificate(rest: &[u8]) -> Vec<u8> {
        [&primary().certify(&Statement::new(0x13).flags(CERTIFIES)), rest].concat()
    }

    /// Returns a signature of the primary key over itself.
    fn of_itself(statement: &Statement) -> Vec<u8> {
        packet(2, &primary().sign(statement, &primary().hashed()))
    }

    #[test]
    fn primary_keys_sign_when_they_say_so_or_say_nothing() {
        check(&primary().certify(&certification()), &primary(), Ok(()));
        check(&primary().certify(&Statement::new(0x10)), &primary(), Ok(()));
        check(&certificate(b""), &primary(), Err("is not for signing"));
        let direct = [packet(6, &primary().public), of_itself(&Statement::new(kind::DIRECT))].concat();
        check(&direct, &primary(), Ok(()));
    }

    #[test]
    fn keys_need_a_statement_of_their_own_that_counts() {
        let unbound = Err("does not belong to its certificate by a signature that counts");
        check(&packet(6, &primary().public), &primary(), unbound);
        check(&primary().certify(&Statement { hash: SHA1, ..certification() }), &primary(), unbound);
        check(&primary().certify(&certification().says(0x80 | 20, b"must be understood")), &primary(), unbound);
        // A stranger's statement over the same.
        let others = Signer::new(3).certify(&certification());
        let name = packets(&others).unwrap()[1..].iter().map(|part| packet(part.tag, part.body)).collect::<Vec<_>>();
        check(&[packet(6, &primary().public), name.concat()].concat(), &primary(), unbound);
    }

    #[test]
    fn statements_of_strangers_do_no_harm() {
        let stranger = Signer::new(3);
        let revocation = stranger.sign(&Statement::new(kind::KEY_REVOCATION), &primary().hashed());
        let garbage = packet(2, b"\x05 what is this");
        let trust = packet(12, b"what a program notes");
        let rest = [&primary().certificate()[..], &packet(2, &revocation), &garbage, &trust].concat();
        check(&rest, &primary(), Ok(()));
    }

    #[test]
    fn expired_keys_do_not_count_after_their_end() {
        let days = ((SIGNED - MADE) / i64::from(DAY)) as u32;
        check(&primary().certify(&certification().lifetime((days + 1) * DAY)), &primary(), Ok(()));
        let expired = Err("expired at 2025-11-15 00:00:00 UTC and was used after that");
        check(&primary().certify(&certification().lifetime(days * DAY)), &primary(), expired);
        let until_then = certification().says(super::super::signature::subpacket::EXPIRES, &(days * DAY).to_be_bytes());
        check(&primary().certify(&until_then), &primary(), expired);
        let not_yet = Err("was made at 2026-01-01 00:00:00 UTC and used before that");
        let late = Signer::made(1, 1_767_225_600);
        check(&late.certificate(), &late, not_yet);
    }

    #[test]
    fn the_newest_statement_counts() {
        let first = primary().certify(&certification().lifetime(DAY));
        let later = |statement: Statement| of_itself(&Statement { at: MADE + 1, kind: kind::DIRECT, ..statement });
        let direct = later(Statement::new(kind::DIRECT).flags(SIGNS));
        // Signatures of the key itself stand before its names.
        let split = packets(&first).unwrap();
        let parts: Vec<Vec<u8>> = split.iter().map(|part| packet(part.tag, part.body)).collect();
        let renewed = [parts[0].clone(), direct, parts[1..].concat()].concat();
        check(&renewed, &primary(), Ok(()));
        check(&first, &primary(), Err("expired at 2025-01-02 00:00:00 UTC and was used after that"));
    }

    #[test]
    fn revoked_keys_never_count() {
        let first = primary().certificate();
        let split = packets(&first).unwrap();
        let rest: Vec<Vec<u8>> = split[1..].iter().map(|part| packet(part.tag, part.body)).collect();
        for revocation in [
            Statement::new(kind::KEY_REVOCATION),
            Statement { hash: SHA1, ..Statement::new(kind::KEY_REVOCATION) },
            // After it has signed, and because there is a newer one.
            Statement { at: SIGNED + 1, ..Statement::new(kind::KEY_REVOCATION) }.says(29, &[1]),
        ] {
            let revoked = [packet(6, &primary().public), of_itself(&revocation), rest.concat()].concat();
            check(&revoked, &primary(), Err("its owner has revoked"));
            let bound = [revoked, primary().bind(&subkey(), &binding())].concat();
            check(&bound, &subkey(), Err("belongs to a key that its owner has revoked"));
        }
    }

    #[test]
    fn a_name_that_was_taken_back_says_nothing() {
        let first = primary().certificate();
        let name = packets(&first).unwrap()[1].body;
        let signed = [&primary().hashed()[..], &[0xb4, 0, 0, 0, name.len() as u8], name].concat();
        let back = packet(2, &primary().sign(&Statement::new(kind::CERTIFICATION_REVOCATION), &signed));
        let unbound = "does not belong to its certificate by a signature that counts";
        check(&[first, back].concat(), &primary(), Err(unbound));
    }

    #[test]
    fn subkeys_sign_when_both_keys_agree() {
        check(&certificate(&primary().bind(&subkey(), &binding())), &subkey(), Ok(()));
        let unbound = Err("does not belong to its certificate by a signature that counts");
        // Without its consent, with that of another key, bound by a stranger, bound over a weak hash.
        check(&certificate(&primary().bind_alone(&subkey(), &binding())), &subkey(), unbound);
        let back = Signer::new(3).sign(&Statement::new(kind::BACK), &primary().with(&subkey()));
        let others = binding().says(super::super::signature::subpacket::EMBEDDED, &back);
        check(&certificate(&primary().bind_alone(&subkey(), &others)), &subkey(), unbound);
        check(&certificate(&Signer::new(3).bind(&subkey(), &binding())), &subkey(), unbound);
        check(&certificate(&primary().bind(&subkey(), &Statement { hash: SHA1, ..binding() })), &subkey(), unbound);
        check(&certificate(&packet(14, &subkey().public)), &subkey(), unbound);
        let encrypts = Statement::new(kind::SUBKEY_BINDING).flags(0x0c);
        check(&certificate(&primary().bind(&subkey(), &encrypts)), &subkey(), Err("is not for signing"));
    }

    #[test]
    fn subkeys_end_by_themselves_or_with_the_primary_key() {
        let expired = Err("expired at 2025-01-02 00:00:00 UTC and was used after that");
        check(&certificate(&primary().bind(&subkey(), &binding().lifetime(DAY))), &subkey(), expired);
        let primary_ends = primary().certify(&certification().lifetime(DAY));
        check(&[primary_ends, primary().bind(&subkey(), &binding())].concat(), &subkey(), expired);
        let revocation = Statement::new(kind::SUBKEY_REVOCATION);
        let revocation = packet(2, &primary().sign(&revocation, &primary().with(&subkey())));
        let revoked = [primary().bind(&subkey(), &binding()), revocation].concat();
        check(&certificate(&revoked), &subkey(), Err("its owner has revoked"));
        check(&[primary().certificate(), revoked].concat(), &primary(), Ok(()));
    }

    #[test]
    fn keys_that_are_too_short_or_unknown_are_named() {
        let of_algorithm = |algorithm: u8, numbers: &[u8]| {
            let body = [&[4][..], &(MADE as u32).to_be_bytes(), &[algorithm], numbers].concat();
            certificates(&packet(6, &body)).unwrap()[0].keys[0].unfit_at(SIGNED)
        };
        let short = [&[4, 0][..], &[0xff; 128], &[0, 2, 3]].concat();
        let why = "is an RSA key of 1024 bits; 2048 to 8192 are allowed";
        assert_eq!(of_algorithm(1, &short), Some(Unfit::Weak(why.to_owned())));
        let why = "is of algorithm 17, and only RSA and Ed25519 are known here";
        assert_eq!(of_algorithm(17, b"numbers"), Some(Unfit::Weak(why.to_owned())));
    }
}
