//! Checksums of boot loaders' files: where they are, what they are of, and how they are made to hold. Written from the same
//! specifications as the product's readers, and apart from them.

use std::ops::Range;

use gravure_formats::device_tree::{DeviceTree, Node};
use gravure_formats::loader::Format;
use sha2::{Digest, Sha256, Sha384, Sha512};

/// Makes the checksums of a file right that has room for them.
pub(crate) fn seal(format: Format, bytes: &mut [u8]) {
    match format {
        Format::Egon => drop(seal_egon(bytes)),
        Format::RockchipIdb => drop(seal_idbloader(bytes)),
        Format::StarFive => drop(seal_star_five(bytes)),
        Format::UImage => drop(seal_u_image(bytes)),
        Format::Fit => seal_fit(bytes),
        Format::Ivt | Format::Mlo => {}
    }
}

/// Returns ranges of a good file in which no bit can change unnoticed. What says how long a range is, or whether there is a
/// checksum at all, is in none of them.
pub(crate) fn sealed_ranges(format: Format, bytes: &[u8]) -> Vec<Range<usize>> {
    match format {
        Format::Egon => egon(bytes).map(|len| vec![0..16, 20..len]),
        Format::RockchipIdb => idbloader(bytes),
        Format::StarFive => star_five(bytes).map(|code| vec![0..8, 0x28c..0x294, code]),
        Format::UImage => u_image(bytes).map(|data| vec![0..64, data]),
        Format::Fit => Some(fit(bytes).into_iter().map(|sealed| sealed.data).collect()),
        Format::Ivt | Format::Mlo => None,
    }
    .unwrap_or_default()
}

/// Returns the length of header and code.
fn egon(bytes: &[u8]) -> Option<usize> {
    let len = le32(bytes, 16)? as usize;
    (96 <= len && len.is_multiple_of(4) && len <= bytes.len()).then_some(len)
}

fn seal_egon(bytes: &mut [u8]) -> Option<()> {
    let len = egon(bytes)?;
    put(bytes, 12, &0x5f0a_6c39u32.to_le_bytes())?;
    let words = bytes[..len].as_chunks().0.iter().map(|word| u32::from_le_bytes(*word));
    let sum = words.fold(0, u32::wrapping_add);
    put(bytes, 12, &sum.to_le_bytes())
}

/// Where the header of `RKNS` ends, and where its hash is.
const HEADER_END: usize = 2048;
const HEADER_HASH: usize = 1536;

/// Returns the hash of a kind, as the header numbers them.
fn idbloader_hash(bytes: &[u8], data: Range<usize>) -> Option<Vec<u8>> {
    match (bytes.starts_with(b"RKNS"), le32(bytes, 12)? & 0xf) {
        (true, 1) => Some(Sha256::digest(bytes.get(data)?).to_vec()),
        (true, 2) => Some(Sha512::digest(bytes.get(data)?).to_vec()),
        _ => None,
    }
}

/// Returns where the images are, and where their hashes.
fn idbloader_images(bytes: &[u8]) -> Option<Vec<(Range<usize>, usize)>> {
    let entries = (0..le16(bytes, 10)?.min(4)).map(|number| 120 + number * 88);
    let image = |at: usize| {
        let (start, len) = (le16(bytes, at)? * 512, le16(bytes, at + 2)? * 512);
        Some((start..start + len, at + 24))
    };
    entries.map(image).collect()
}

fn idbloader(bytes: &[u8]) -> Option<Vec<Range<usize>>> {
    let hash_len = idbloader_hash(bytes, 0..HEADER_HASH)?.len();
    let hash_end = HEADER_HASH + hash_len;
    // What is longer than a hash is a signature, of which nobody here has the key.
    let is_signed = bytes.get(hash_end..HEADER_END)?.iter().any(|&byte| byte != 0);
    // Byte 12 says which hashes there are.
    let mut ranges = if is_signed { Vec::new() } else { vec![0..12, 13..hash_end] };
    ranges.extend(idbloader_images(bytes)?.into_iter().map(|(data, _)| data.start.max(HEADER_END)..data.end));
    Some(ranges)
}

fn seal_idbloader(bytes: &mut [u8]) -> Option<()> {
    for (data, hash_at) in idbloader_images(bytes)? {
        if let Some(hash) = idbloader_hash(bytes, data) {
            put(bytes, hash_at, &hash)?;
        }
    }
    let hash = idbloader_hash(bytes, 0..HEADER_HASH)?;
    put(bytes, HEADER_HASH, &hash)
}

/// Returns where the code is.
fn star_five(bytes: &[u8]) -> Option<Range<usize>> {
    let code = 0x400..0x400 + le32(bytes, 0x288)? as usize;
    (code.end <= bytes.len()).then_some(code)
}

fn seal_star_five(bytes: &mut [u8]) -> Option<()> {
    let crc = crc32fast::hash(&bytes[star_five(bytes)?]);
    put(bytes, 0x290, &crc.to_le_bytes())
}

/// Returns where the data are.
fn u_image(bytes: &[u8]) -> Option<Range<usize>> {
    let data = 64..64 + be32(bytes, 12)? as usize;
    (data.end <= bytes.len()).then_some(data)
}

fn seal_u_image(bytes: &mut [u8]) -> Option<()> {
    let crc = crc32fast::hash(&bytes[u_image(bytes)?]);
    put(bytes, 24, &crc.to_be_bytes())?;
    put(bytes, 4, &[0; 4])?;
    let crc = crc32fast::hash(&bytes[..64]);
    put(bytes, 4, &crc.to_be_bytes())
}

/// Data of an image in a FIT, and one of their hashes.
struct Sealed {
    data: Range<usize>,
    algorithm: String,
    /// Where the hash is.
    value: Range<usize>,
}

/// Returns the hashes of all images whose data lie where no change of them changes the tree.
fn fit(bytes: &[u8]) -> Vec<Sealed> {
    let Ok(tree) = DeviceTree::parse(bytes) else { return Vec::new() };
    let hashes = tree.nodes().filter_map(|hash| {
        let image = hash.parent()?;
        let images = image.parent()?;
        let is_one =
            images.name() == "images" && images.parent()?.parent().is_none() && hash.name().starts_with("hash");
        let algorithm = hash.property("algo")?.split(|&byte| byte == 0).next()?;
        let algorithm = String::from_utf8(algorithm.to_vec()).ok()?;
        let is_known = ["crc32", "md5", "sha1", "sha256", "sha384", "sha512"].contains(&&*algorithm);
        let is_ignored = hash.property("uboot-ignore").is_some();
        let value = range_of(bytes, hash.property("value")?);
        let data = fit_data(bytes, image).filter(|data| data.end <= bytes.len())?;
        (is_one && is_known && !is_ignored).then_some(Sealed { data, algorithm, value })
    });
    hashes.collect()
}

fn fit_data(bytes: &[u8], image: Node<'_>) -> Option<Range<usize>> {
    let number = |name: &str| Some(u32::from_be_bytes(image.property(name)?.try_into().ok()?) as usize);
    let total = be32(bytes, 4)? as usize;
    let outside = |at: usize| Some(at..at + number("data-size")?).filter(|data| total <= data.start);
    match (number("data-position"), number("data-offset")) {
        (Some(position), _) => outside(position),
        (None, Some(offset)) => outside(total.next_multiple_of(4) + offset),
        (None, None) => {
            let data = range_of(bytes, image.property("data")?);
            let strings = be32(bytes, 12)? as usize;
            // A name may lie in the data.
            (data.end <= strings || strings + be32(bytes, 32)? as usize <= data.start).then_some(data)
        }
    }
}

fn seal_fit(bytes: &mut [u8]) {
    for Sealed { data, algorithm, value } in fit(bytes) {
        let hash = match algorithm.as_str() {
            "crc32" => crc32fast::hash(&bytes[data]).to_be_bytes().to_vec(),
            "sha256" => Sha256::digest(&bytes[data]).to_vec(),
            "sha384" => Sha384::digest(&bytes[data]).to_vec(),
            "sha512" => Sha512::digest(&bytes[data]).to_vec(),
            _ => continue,
        };
        if hash.len() == value.len() {
            bytes[value].copy_from_slice(&hash);
        }
    }
}

/// Returns where a part of `bytes` is.
fn range_of(bytes: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr() - bytes.as_ptr().addr();
    start..start + part.len()
}

/// Encrypts or decrypts the first block of an idbloader: RC4, with the key that all of Rockchip's chips have (U-Boot,
/// `tools/rkcommon.c`, `rc4_key`).
pub(crate) fn rc4(bytes: &mut [u8]) {
    const KEY: &[u8; 16] = b"\x7c\x4e\x03\x04\x55\x05\x09\x07\x2d\x2c\x7b\x38\x17\x0d\x17\x11";
    let mut state: [u8; 256] = std::array::from_fn(|i| i as u8);
    let mut j = 0u8;
    for i in 0..256 {
        j = j.wrapping_add(state[i]).wrapping_add(KEY[i % 16]);
        state.swap(i, j.into());
    }
    let (mut i, mut j) = (0u8, 0u8);
    for byte in bytes.iter_mut().take(512) {
        i = i.wrapping_add(1);
        j = j.wrapping_add(state[usize::from(i)]);
        state.swap(i.into(), j.into());
        *byte ^= state[usize::from(state[usize::from(i)].wrapping_add(state[usize::from(j)]))];
    }
}

fn le16(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes).into())
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) -> Option<()> {
    bytes.get_mut(at..at + value.len())?.copy_from_slice(value);
    Some(())
}
