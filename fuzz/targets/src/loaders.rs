//! Boot loaders of boards: from bytes to what their headers promise.

use gravure_formats::loader::{Error, Format, Header, check, recognise};
use gravure_formats::{Extents, MemoryBlobs};

use crate::seals::{rc4, seal, sealed_ranges};

/// What an idbloader of older chips begins with when it is not encrypted.
const IDBLOADER: [u8; 4] = 0x0ff0_aa55_u32.to_le_bytes();
/// A mark that every format has is within so many bytes.
const MARKED: usize = 0x20;

/// A file of every format; once more with the right checksums, since no search finds these; and once more with its first block
/// encrypted, if it begins as idbloaders do. Promised is:
///
/// - A file says the same wherever its bytes lie, and no error is one of reading.
/// - One whose checksums are right is never called damaged (but FIT images, whose hashes may have no room).
/// - One that is accepted is recognised, and says the same with zeros behind it; with its end cut off it is accepted, or said
///   to be cut; and with a bit changed that a checksum covers it is refused.
pub(crate) fn loader(input: &[u8]) {
    hold(input);
    for format in Format::ALL {
        let mut sealed = input.to_vec();
        seal(format, &mut sealed);
        if sealed != input {
            hold(&sealed);
            hold_sealed(format, &sealed);
        }
    }
    if input.starts_with(&IDBLOADER) {
        let mut encrypted = input.to_vec();
        rc4(&mut encrypted);
        hold(&encrypted);
    }
}

fn checked(format: Format, bytes: &[u8]) -> Result<Header, Error> {
    check(format, &Extents::from_bytes(bytes.to_vec()), &MemoryBlobs::new())
}

fn hold_sealed(format: Format, bytes: &[u8]) {
    // Where images lie over the hashes, no hashes are right.
    let may_be_wrong = matches!(format, Format::Fit | Format::RockchipIdb);
    if let (false, Err(Error::Checksum(what))) = (may_be_wrong, checked(format, bytes)) {
        panic!("{what} is right, and {format:?} is refused for it");
    }
}

fn hold(bytes: &[u8]) {
    for format in Format::ALL {
        let found = checked(format, bytes);
        check_pieces(format, bytes, &found);
        match found {
            Ok(header) => check_accepted(format, bytes, &header),
            Err(Error::Read(error)) => panic!("memory can be read: {error}"),
            Err(error) => assert!(!error.to_string().is_empty(), "an error says nothing"),
        }
    }
}

/// Checks the same bytes once more, in pieces in and outside of blobs.
fn check_pieces(format: Format, bytes: &[u8], whole: &Result<Header, Error>) {
    let mut blobs = MemoryBlobs::new();
    let mut pieces = Extents::default();
    for (number, piece) in bytes.chunks((bytes.len() / 5).max(7)).enumerate() {
        if number % 2 == 0 {
            let id = blobs.add(piece.to_vec());
            pieces.push_blob(id, 0, piece.len() as u64);
        } else {
            pieces.push_bytes(piece.to_vec());
        }
    }
    let found = check(format, &pieces, &blobs);
    assert_eq!(format!("{found:?}"), format!("{whole:?}"), "in pieces it is something else");
}

fn check_accepted(format: Format, bytes: &[u8], header: &Header) {
    let known = recognise(&Extents::from_bytes(bytes.to_vec()), &MemoryBlobs::new());
    assert!(matches!(known, Ok(Some(_))), "{format:?} is accepted and not recognised: {known:?}");
    let is_name = |name: &String| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
    assert!(header.device_tree.as_ref().is_none_or(is_name), "{:?} is no device tree", header.device_tree);
    let longer = checked(format, &[bytes, &[0; 600]].concat());
    assert!(longer.as_ref().is_ok_and(|longer| longer == header), "with zeros behind it, it is {longer:?}");

    // Places that depend on the whole input, so that a search tries many.
    let place = crc32fast::hash(bytes) as usize;
    let cut = place % bytes.len();
    match checked(format, &bytes[..cut]) {
        Ok(_) | Err(Error::Short { .. }) => {}
        Err(Error::Second { error, .. }) if matches!(*error, Error::Short { .. }) => {}
        Err(Error::Other { .. }) if cut < MARKED => {}
        Err(error) => panic!("{format:?} cut to {cut} bytes: {error}"),
    }
    for range in sealed_ranges(format, bytes).into_iter().filter(|range| !range.is_empty()) {
        for at in [range.start, range.end - 1, range.start + place % range.len()] {
            let mut changed = bytes.to_vec();
            changed[at] ^= 1 << (place % 8);
            let found = checked(format, &changed);
            assert!(found.is_err(), "{format:?} is accepted with another bit at byte {at} of {range:?}");
        }
    }
}
