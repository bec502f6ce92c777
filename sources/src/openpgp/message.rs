//! Text that is signed in place (RFC 9580, section 7).
//!
//! ```text
//! -----BEGIN PGP SIGNED MESSAGE-----
//! Hash: SHA256
//!
//! text; a line that begins with a dash has "- " before it
//! -----BEGIN PGP SIGNATURE-----
//! armoured signatures
//! -----END PGP SIGNATURE-----
//! ```
//! A file is one such message and nothing else: what stands around it is not signed, and whoever reads the file with other
//! eyes could take it for signed. What is returned is built of exactly the lines that were hashed.

use std::fmt;

use super::armour;
use super::certificate::{Certificate, Key, Unfit};
use super::key::{Fingerprint, Hash, hash_name};
use super::packet::{Malformed, packets, tag};
use super::signature::{Issuer, Signature, kind};
use crate::date;
use crate::error::quoted_text;

const BEGIN_MESSAGE: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";
const BEGIN_SIGNATURE: &[u8] = b"-----BEGIN PGP SIGNATURE-----";
const END_SIGNATURE: &[u8] = b"-----END PGP SIGNATURE-----";

/// Debian's releases have three signatures. Each costs as much as reading the text, which anybody could ask for without end.
const MAX_SIGNATURES: usize = 32;

/// A text that somebody trusted has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verified {
    /// The text; its lines end with a line feed, and with no space before it.
    pub(crate) text: String,
    /// The key that has signed it: of several the first.
    pub(crate) key: Fingerprint,
    /// When that was, in seconds since 1970.
    pub(crate) signed_at: i64,
}

/// Why a file is not believed. Shown as the end of a sentence that begins with the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is no signed message.
    Unsigned(&'static str),
    /// There is something beside the message.
    GoesOn,
    /// There is a second message.
    Second,
    /// The message or its signature is not formed as it should be.
    Malformed(&'static str),
    /// Signed by nobody who is trusted.
    Foreign {
        /// Who has signed.
        by: Vec<Issuer>,
        /// Who is trusted.
        trusted: Vec<(Fingerprint, String)>,
    },
    /// The signature is over another text.
    Tampered(Fingerprint),
    /// The key that has signed does not count.
    Unfit(Fingerprint, Unfit),
    /// The signature is over a hash for which another text can be made.
    WeakHash(Fingerprint, u8),
}

/// Returns the text of a signed message, if one of the trusted keys has signed it. Signatures that say nothing, for whatever
/// reason, do no harm beside one that does.
pub(crate) fn verify(file: &[u8], trusted: &[Certificate]) -> Result<Verified, Refusal> {
    let message = SignedMessage::split(file)?;
    let signatures = armour::content(message.signature.iter().copied()).map_err(malformed)?;
    let signed = message.lines.join(&b"\r\n"[..]);
    let mut packets = packets(&signatures).map_err(malformed)?;
    packets.retain(|packet| packet.tag == tag::SIGNATURE);
    if MAX_SIGNATURES < packets.len() {
        return Err(Refusal::Malformed("has too many signatures"));
    }
    let mut refusals = Vec::new();
    for packet in packets {
        match check(packet.body, &signed, trusted) {
            Ok((key, signed_at)) => return Ok(Verified { text: message.text()?, key, signed_at }),
            Err(refusal) => refusals.push(refusal),
        }
    }
    Err(most_telling(refusals, trusted))
}

fn malformed(Malformed(why): Malformed) -> Refusal {
    Refusal::Malformed(why)
}

/// Checks one signature; returns the key that made it, and when.
///
/// The same key may be in several certificates, which were fetched at different times: one in which it has been revoked is
/// right, and else one for which it is good.
fn check(body: &[u8], signed: &[u8], trusted: &[Certificate]) -> Result<(Fingerprint, i64), Refusal> {
    let signature = Signature::parse(body).map_err(malformed)?;
    let claimed = trusted.iter().flat_map(|certificate| &certificate.keys).filter(|key| signature.claims(&key.key));
    let results: Vec<_> = claimed.map(|key| check_by(key, &signature, signed)).collect();
    let is_revoked =
        |result: &&Result<_, _>| matches!(result, Err(Refusal::Unfit(_, Unfit::Revoked | Unfit::PrimaryRevoked)));
    let foreign = || Refusal::Foreign { by: signature.issuer().into_iter().collect(), trusted: Vec::new() };
    let decisive = results.iter().find(is_revoked).or_else(|| results.iter().find(|result| result.is_ok()));
    decisive.or(results.first()).cloned().unwrap_or_else(|| Err(foreign()))
}

/// Checks a signature that claims to be made by this key.
fn check_by(claimed: &Key, signature: &Signature<'_>, signed: &[u8]) -> Result<(Fingerprint, i64), Refusal> {
    let fingerprint = claimed.key.fingerprint;
    let unfit = claimed.unfit_at(signature.created);
    if signature.kind != kind::TEXT || signature.is_enigmatic {
        return Err(Refusal::Malformed("is of another kind than a signature of text"));
    }
    if Hash::strong(signature.hash).is_none() {
        return Err(Refusal::WeakHash(fingerprint, signature.hash));
    }
    // With a weak key nothing can be computed.
    let is_weak = matches!(unfit, Some(Unfit::Weak(_)));
    if !is_weak && !signature.is_by(&claimed.key, signed) {
        return Err(Refusal::Tampered(fingerprint));
    }
    unfit.map_or(Ok((fingerprint, signature.created)), |unfit| Err(Refusal::Unfit(fingerprint, unfit)))
}

/// Returns the reason that says most: a key that is known says more than one that is not.
fn most_telling(refusals: Vec<Refusal>, trusted: &[Certificate]) -> Refusal {
    let rank = |refusal: &Refusal| match refusal {
        Refusal::Tampered(_) => 0,
        Refusal::Unfit(..) => 1,
        Refusal::WeakHash(..) => 2,
        Refusal::Foreign { .. } => 3,
        _ => 4,
    };
    let foreign = |refusal: &Refusal| match refusal {
        Refusal::Foreign { by, .. } => by.clone(),
        _ => Vec::new(),
    };
    let by = refusals.iter().flat_map(foreign).collect();
    match refusals.into_iter().min_by_key(rank) {
        None => Refusal::Unsigned("there is no signature in its armour"),
        Some(Refusal::Foreign { .. }) => Refusal::Foreign {
            by,
            trusted: trusted.iter().map(|trusted| (trusted.fingerprint, trusted.name.clone())).collect(),
        },
        Some(refusal) => refusal,
    }
}

/// A message, cut into its lines.
struct SignedMessage<'a> {
    /// The lines that are signed, without what escapes dashes, and without white space at their ends.
    lines: Vec<&'a [u8]>,
    /// The lines within the armour of the signature.
    signature: Vec<&'a [u8]>,
}

impl<'a> SignedMessage<'a> {
    fn split(file: &'a [u8]) -> Result<SignedMessage<'a>, Refusal> {
        let mut lines = file.split(|&byte| byte == b'\n').map(without_carriage_return);
        if lines.next() != Some(BEGIN_MESSAGE) {
            return Err(Refusal::Unsigned("it does not begin as a signed message does"));
        }
        skip_headers(&mut lines)?;
        let message = SignedMessage { lines: signed_lines(&mut lines)?, signature: signature_lines(&mut lines)? };
        match lines.find(|line| !line.is_empty()) {
            None => Ok(message),
            Some(BEGIN_MESSAGE) => Err(Refusal::Second),
            Some(_) => Err(Refusal::GoesOn),
        }
    }

    fn text(&self) -> Result<String, Refusal> {
        let mut text = self.lines.join(&b'\n');
        text.push(b'\n');
        String::from_utf8(text).map_err(|_| Refusal::Malformed("is no text"))
    }
}

fn without_carriage_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Passes over `Hash: SHA256` and the like, which may be there and say nothing that counts, and the empty line behind.
fn skip_headers<'a>(lines: &mut impl Iterator<Item = &'a [u8]>) -> Result<(), Refusal> {
    match lines.find(|line| !line.starts_with(b"Hash: ")) {
        Some(b"") => Ok(()),
        Some(_) => Err(Refusal::Malformed("has something else than `Hash` above its text")),
        None => Err(Refusal::Unsigned("it ends without a signature")),
    }
}

/// Takes the lines up to the signature.
fn signed_lines<'a>(lines: &mut impl Iterator<Item = &'a [u8]>) -> Result<Vec<&'a [u8]>, Refusal> {
    let mut signed = Vec::new();
    for line in lines {
        signed.push(match line {
            BEGIN_SIGNATURE => return Ok(signed),
            BEGIN_MESSAGE => return Err(Refusal::Second),
            [b'-', b' ', rest @ ..] => without_space(rest),
            [b'-', ..] => return Err(Refusal::Malformed("has a line in its text that begins with a dash")),
            line => without_space(line),
        });
    }
    Err(Refusal::Unsigned("it ends without a signature"))
}

/// Cuts off what is not hashed at the end of a line (section 7.2).
fn without_space(line: &[u8]) -> &[u8] {
    let len = line.iter().rposition(|byte| !matches!(byte, b' ' | b'\t' | b'\r')).map_or(0, |last| last + 1);
    &line[..len]
}

/// Takes the lines up to the end of the signature.
fn signature_lines<'a>(lines: &mut impl Iterator<Item = &'a [u8]>) -> Result<Vec<&'a [u8]>, Refusal> {
    let mut signature = Vec::new();
    for line in lines {
        if line.trim_ascii_end() == END_SIGNATURE {
            return Ok(signature);
        }
        signature.push(line);
    }
    Err(Refusal::Malformed("ends within its signature"))
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Unsigned(why) => write!(f, "is not signed: {why}"),
            Refusal::GoesOn => f.write_str("goes on after its signature"),
            Refusal::Second => f.write_str("contains a second signed message"),
            Refusal::Malformed(why) => write!(f, "cannot be trusted: its signature or its form is wrong, it {why}"),
            Refusal::Foreign { by, trusted } => {
                write!(f, "is not signed by a trusted key, but by {}; trusted are {}", names(by), owners(trusted))
            }
            Refusal::Tampered(key) => {
                write!(f, "is not what the key `{key}` has signed: it was changed since, or damaged")
            }
            Refusal::Unfit(key, unfit) => write!(f, "is signed by the key `{key}`, which {unfit}"),
            Refusal::WeakHash(key, hash) => {
                let hash = hash_name(*hash);
                write!(f, "is signed by the key `{key}` over {hash}, and hashes weaker than SHA-256 do not count")
            }
        }
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::Revoked => f.write_str("its owner has revoked"),
            Unfit::PrimaryRevoked => f.write_str("belongs to a key that its owner has revoked"),
            Unfit::Unbound => f.write_str("does not belong to its certificate by a signature that counts"),
            Unfit::NotForSigning => f.write_str("is not for signing"),
            Unfit::Weak(why) => f.write_str(why),
            Unfit::Expired(end) => write!(f, "expired at {} and was used after that", date::format(*end)),
            Unfit::NotYet(start) => write!(f, "was made at {} and used before that", date::format(*start)),
        }
    }
}

fn names(issuers: &[Issuer]) -> String {
    match issuers {
        [] => "one that is not named".to_owned(),
        _ => issuers.iter().map(|issuer| format!("`{issuer}`")).collect::<Vec<_>>().join(" and "),
    }
}

fn owners(trusted: &[(Fingerprint, String)]) -> String {
    let owner = |(fingerprint, name): &(Fingerprint, String)| format!("`{fingerprint}` ({})", quoted_text(name));
    trusted.iter().map(owner).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::certificates;
    use super::super::testing::{MADE, SHA1, SHA256, Signer, Statement, canonical, message, packet};
    use super::*;

    const TEXT: &str = "Suite: stable\n-dash\n\nDate: today\n";

    fn keys(bytes: &[u8]) -> Vec<Certificate> {
        certificates(bytes).unwrap()
    }

    /// Checks what is said of a file when the key of seed 1 is trusted.
    fn check(file: &str, expected: Result<&str, &str>) {
        let found = verify(file.as_bytes(), &keys(&Signer::new(1).certificate()));
        let found = found.map(|verified| verified.text).map_err(|refusal| refusal.to_string());
        assert_eq!(found.as_ref().map(String::as_str).map_err(String::as_str), expected, "{file}");
    }

    /// Returns the packet of a signature of [`TEXT`].
    fn signature(seed: u8, statement: &Statement) -> Vec<u8> {
        packet(2, &Signer::new(seed).sign(statement, &canonical(TEXT)))
    }

    #[test]
    fn what_a_trusted_key_has_signed_is_returned() {
        let signer = Signer::new(1);
        let verified = verify(signer.message(TEXT).as_bytes(), &keys(&signer.certificate())).unwrap();
        assert_eq!(verified.text, TEXT);
        assert_eq!((verified.key.to_string(), verified.signed_at), (signer.fingerprint(), 1_763_200_800));
    }

    #[test]
    fn white_space_at_ends_of_lines_is_not_signed() {
        let file = Signer::new(1).message(TEXT);
        check(&file.replace('\n', "\r\n"), Ok(TEXT));
        check(&file.replace("today", "today \t \r"), Ok(TEXT));
        check(&format!("{file}\n\r\n\n"), Ok(TEXT));
        check(&file.replace("SHA512", "MD5"), Ok(TEXT));
    }

    #[test]
    fn what_is_not_one_signed_message_is_refused() {
        let file = Signer::new(1).message(TEXT);
        let end = file.find("-----BEGIN PGP SIGNATURE").unwrap();
        let no_start = Err("is not signed: it does not begin as a signed message does");
        let second = Err("contains a second signed message");
        check(TEXT, no_start);
        check("", no_start);
        check(&format!("\n{file}"), no_start);
        check(&format!("Suite: other\n{file}"), no_start);
        check(&format!("\u{feff}{file}"), no_start);
        check(&file[..end], Err("is not signed: it ends without a signature"));
        check("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512", Err("is not signed: it ends without a signature"));
        check(&format!("{file}Suite: other\n"), Err("goes on after its signature"));
        check(&format!("{file} \n"), Err("goes on after its signature"));
        check(&file.repeat(2), second);
        check(&format!("{}{file}", &file[..end]), second);
    }

    #[test]
    fn messages_of_wrong_form_are_refused() {
        let file = Signer::new(1).message(TEXT);
        let wrong = |why: &str| format!("cannot be trusted: its signature or its form is wrong, it {why}");
        let end = file.find("-----END PGP SIGNATURE").unwrap();
        check(&file[..end], Err(&wrong("ends within its signature")));
        // What is above the empty line is not signed, and would look as if it were.
        let above = "has something else than `Hash` above its text";
        check(&file.replacen("Hash: SHA512", "Hash: SHA512\nSuite: other", 1), Err(&wrong(above)));
        check(&file.replacen("SHA512\n\n", "SHA512\n \n", 1), Err(&wrong(above)));
        check(&file.replacen("- -dash", "-dash", 1), Err(&wrong("has a line in its text that begins with a dash")));
        check(&message(TEXT, &[packet(2, &[3, 1])]), Err(&wrong("ends too early")));
        check(&message(TEXT, &[]), Err("is not signed: there is no signature in its armour"));
        let binary = Statement { kind: 0, ..Statement::text() };
        let kind = "is of another kind than a signature of text";
        check(&message(TEXT, &[signature(1, &binary)]), Err(&wrong(kind)));
        let enigma = Statement::text().says(0x80 | 20, b"must be understood");
        check(&message(TEXT, &[signature(1, &enigma)]), Err(&wrong(kind)));
    }

    #[test]
    fn signatures_by_others_say_who_and_who_is_trusted() {
        let (other, third, trusted) = (Signer::new(2), Signer::new(3), Signer::new(1));
        let names = [other.fingerprint(), third.fingerprint(), trusted.fingerprint()];
        let foreign = |by: String| {
            format!(
                "is not signed by a trusted key, but by {by}; trusted are `{}` (`Test <test@example.test>`)",
                names[2]
            )
        };
        check(&other.message(TEXT), Err(&foreign(format!("`{}`", names[0]))));
        let text = Statement::text();
        let both = message(TEXT, &[signature(2, &text), signature(3, &text)]);
        check(&both, Err(&foreign(format!("`{}` and `{}`", names[0], names[1]))));
    }

    #[test]
    fn one_good_signature_is_enough() {
        let (text, weak) = (Statement::text(), Statement { hash: SHA1, ..Statement::text() });
        let tampered = packet(2, &Signer::new(1).sign(&text, b"other"));
        let useless = [signature(2, &text), signature(1, &weak), tampered, packet(2, b"\x05")];
        for other in useless {
            check(&message(TEXT, &[other.clone(), signature(1, &text)]), Ok(TEXT));
            check(&message(TEXT, &[signature(1, &text), other]), Ok(TEXT));
        }
    }

    #[test]
    fn of_several_certificates_of_a_key_a_revocation_counts_and_else_the_one_that_is_good() {
        let signer = Signer::new(1);
        let ended = signer.certify(&Statement::new(0x13).lifetime(86_400));
        let revocation = packet(2, &signer.sign(&Statement::new(0x20), &signer.hashed()));
        let revoked = [packet(6, &signer.public), revocation].concat();
        let told = |certificates: [&[u8]; 2]| {
            let found = verify(signer.message(TEXT).as_bytes(), &keys(&certificates.concat()));
            found.map(drop).map_err(|refusal| refusal.to_string())
        };
        let good = signer.certificate();
        let expected = Err(format!("is signed by the key `{}`, which its owner has revoked", signer.fingerprint()));
        assert_eq!((told([&ended, &good]), told([&good, &ended])), (Ok(()), Ok(())));
        assert_eq!((told([&revoked, &good]), told([&good, &revoked])), (expected.clone(), expected));
    }

    #[test]
    fn nobody_can_have_a_text_read_without_end() {
        let text = Statement::text();
        let many = |n: usize| [vec![signature(2, &text); n], vec![signature(1, &text)]].concat();
        check(&message(TEXT, &many(31)), Ok(TEXT));
        let why = "cannot be trusted: its signature or its form is wrong, it has too many signatures";
        check(&message(TEXT, &many(32)), Err(why));
    }

    #[test]
    fn other_text_than_was_signed_is_refused() {
        let signer = Signer::new(1);
        let file = signer.message(TEXT);
        let tampered =
            format!("is not what the key `{}` has signed: it was changed since, or damaged", signer.fingerprint());
        for (from, to) in [("stable", "stably"), ("today", " today"), ("\n\nDate", "\nDate"), ("today\n", "today\n\n")]
        {
            let at = file.find("Suite").unwrap();
            check(&format!("{}{}", &file[..at], file[at..].replacen(from, to, 1)), Err(&tampered));
        }
        // The signature of a stranger who claims to be trusted.
        let forged = Signer::new(2).sign_as(&signer, &Statement::text(), &canonical(TEXT));
        check(&message(TEXT, &[packet(2, &forged)]), Err(&tampered));
    }

    #[test]
    fn weak_hashes_do_not_count() {
        let weak = |hash| Statement { hash, ..Statement::text() };
        check(&message(TEXT, &[signature(1, &weak(SHA256))]), Ok(TEXT));
        for (hash, name) in [(SHA1, "SHA-1"), (1, "MD5"), (3, "RIPEMD-160"), (11, "SHA-224"), (99, "hash 99")] {
            let key = Signer::new(1).fingerprint();
            let end = "and hashes weaker than SHA-256 do not count";
            let expected = format!("is signed by the key `{key}` over {name}, {end}");
            check(&message(TEXT, &[signature(1, &weak(hash))]), Err(&expected));
        }
    }

    #[test]
    fn what_gnupg_signs_with_rsa_is_believed() {
        // gpg 2.2: `--quick-generate-key .. rsa2048 cert`, `--quick-add-key .. rsa3072 sign`, `--clearsign` over SHA-384.
        let keys = keys(include_bytes!("fixtures/rsa.asc"));
        let file = include_str!("fixtures/rsa.signed");
        let verified = verify(file.as_bytes(), &keys).unwrap();
        assert_eq!(verified.text, "Origin: a test\n- a line with a dash\n\nLast: one\n");
        assert_eq!(verified.key.to_string(), "9121506F27DE24DB385DF07EB2461099E45B0489");
        let refusal = verify(file.replace("one", "two").as_bytes(), &keys).unwrap_err();
        assert!(matches!(refusal, Refusal::Tampered(_)));
    }

    #[test]
    fn gpgv_believes_what_the_signer_of_these_tests_signs() {
        let scratch = tempfile::tempdir().unwrap();
        let signer = Signer::new(1);
        let subkey = Signer::new(2);
        let binding = Statement::new(super::kind::SUBKEY_BINDING).flags(super::super::testing::SIGNS);
        let keys = [signer.certificate(), signer.bind(&subkey, &binding)].concat();
        std::fs::write(scratch.path().join("keys.gpg"), keys).unwrap();
        for signer in [&signer, &subkey] {
            std::fs::write(scratch.path().join("message"), signer.message(TEXT)).unwrap();
            let mut gpgv = std::process::Command::new("gpgv");
            gpgv.current_dir(scratch.path()).args(["--keyring", "./keys.gpg", "message"]).env("LC_ALL", "C");
            let output = gpgv.output().expect("this test needs the program gpgv, of Debian's package gpgv");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }

    #[test]
    fn no_flipped_bit_leads_to_another_text() {
        let signer = Signer::new(1);
        let file = signer.message(TEXT).into_bytes();
        let trusted = keys(&signer.certificate());
        let find = |what: &[u8]| file.windows(what.len()).position(|window| window == what).unwrap();
        let text = find(b"Suite")..find(b"-----BEGIN PGP SIGNATURE");
        let mut accepted = 0;
        for (at, bit) in (0..file.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut flipped = file.clone();
            flipped[at] ^= 1 << bit;
            if let Ok(verified) = verify(&flipped, &trusted) {
                accepted += 1;
                assert_eq!(verified.text, TEXT);
                assert!(!text.contains(&at), "bit {bit} of byte {at} does not count");
            }
        }
        // The value of `Hash`, the short name of the key, the checksum of the armour, and white space.
        assert!(accepted < 150, "{accepted}");
    }

    fn mutated(file: &[u8], changes: &[(usize, u8)]) -> Vec<u8> {
        let mut file = file.to_vec();
        for (at, byte) in changes {
            let at = at % file.len();
            file[at] = *byte;
        }
        file
    }

    proptest! {
        #[test]
        fn no_change_leads_to_another_text(changes in proptest::collection::vec((0..2000usize, any::<u8>()), 1..6)) {
            for (file, certificate) in [
                (Signer::new(1).message(TEXT).into_bytes(), Signer::new(1).certificate()),
                (include_bytes!("fixtures/rsa.signed").to_vec(), include_bytes!("fixtures/rsa.asc").to_vec()),
            ] {
                let trusted = keys(&certificate);
                let text = verify(&file, &trusted).unwrap().text;
                if let Ok(verified) = verify(&mutated(&file, &changes), &trusted) {
                    prop_assert_eq!(verified.text, text);
                }
            }
        }

        #[test]
        fn no_certificate_and_no_bytes_make_the_readers_panic(
            changes in proptest::collection::vec((0..3000usize, any::<u8>()), 1..10),
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let signer = Signer::new(1);
            let subkey = signer.bind(&Signer::new(2), &Statement::new(super::kind::SUBKEY_BINDING).lifetime(MADE as u32));
            let certificate = mutated(&[signer.certificate(), subkey].concat(), &changes);
            if let Ok(trusted) = certificates(&certificate) {
                let _ = verify(Signer::new(2).message(TEXT).as_bytes(), &trusted);
            }
            let _ = certificates(&bytes);
            let _ = certificates(&mutated(include_bytes!("fixtures/rsa.asc"), &changes));
            let trusted = keys(&signer.certificate());
            let _ = verify(&bytes, &trusted);
            let _ = verify(message(TEXT, std::slice::from_ref(&bytes)).as_bytes(), &trusted);
            let _ = verify(message(TEXT, &[packet(2, &bytes)]).as_bytes(), &trusted);
        }
    }
}
