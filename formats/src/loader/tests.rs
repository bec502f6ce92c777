use proptest::prelude::*;
use sha2::Digest as _;

use super::*;
use crate::MemoryBlobs;

/// Checks a file in a blob, as all files of packages are.
fn checked(format: Format, bytes: &[u8]) -> Result<Header, Error> {
    let mut blobs = MemoryBlobs::new();
    let id = blobs.add(bytes.to_vec());
    check(format, &Extents::from_blob(id, bytes.len() as u64), &blobs)
}

fn expect(format: Format, bytes: &[u8], expected: &str) {
    let message = match checked(format, bytes) {
        Ok(header) => header.description,
        Err(error) => error.to_string(),
    };
    assert_eq!(message, expected);
}

/// Checks `good` with `value` at a place.
fn damaged(format: Format, good: &[u8], at: usize, value: &[u8], expected: &str) {
    let mut bytes = good.to_vec();
    put(&mut bytes, at, value);
    expect(format, &bytes, expected);
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

fn put_le(bytes: &mut [u8], at: usize, value: u32) {
    put(bytes, at, &value.to_le_bytes());
}

/// Returns bytes that look like code.
fn code(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + i / 251) as u8 | 1).collect()
}

fn egon() -> Vec<u8> {
    let mut bytes = vec![0; 96];
    put_le(&mut bytes, 0, 0xea00_0016);
    put(&mut bytes, 4, b"eGON.BT0");
    put_le(&mut bytes, 16, 1024);
    put(&mut bytes, 20, b"SPL\x02");
    put_le(&mut bytes, 32, 44);
    put(&mut bytes, 44, b"sun50i-a64-pine64-lts\0");
    bytes.extend(code(1024 - 96));
    seal_egon(bytes)
}

fn seal_egon(mut bytes: Vec<u8>) -> Vec<u8> {
    put_le(&mut bytes, 12, 0x5f0a_6c39);
    let sum = bytes.as_chunks().0.iter().fold(0u32, |sum, word| sum.wrapping_add(u32::from_le_bytes(*word)));
    put_le(&mut bytes, 12, sum);
    bytes
}

fn idbloader() -> Vec<u8> {
    let mut header = [0; 512];
    put_le(&mut header, 0, 0x0ff0_aa55);
    put_le(&mut header, 8, 1);
    put_le(&mut header, 12, 4);
    put(&mut header, 506, &[4, 0, 8, 0]);
    let mut bytes = rockchip::rc4(header).to_vec();
    bytes.resize(2048, 0);
    bytes.extend(b"RK33");
    bytes.extend(code(4096 - 4));
    bytes
}

fn idbloader_2() -> Vec<u8> {
    let mut bytes = vec![0; 2048];
    put(&mut bytes, 0, b"RKNS");
    put(&mut bytes, 8, &[0x80, 0x01, 2, 0, 1]);
    bytes.extend(code(2048));
    for (number, at) in [(0, 4u8), (1, 6)] {
        let hash = sha2::Sha256::digest(&bytes[usize::from(at) * 512..][..1024]);
        put(&mut bytes, 120 + number * 88, &[at, 0, 2, 0]);
        put(&mut bytes, 120 + number * 88 + 24, &hash);
    }
    let hash = sha2::Sha256::digest(&bytes[..1536]);
    put(&mut bytes, 1536, &hash);
    bytes
}

fn ivt() -> Vec<u8> {
    let mut bytes = vec![0; 0xc00];
    let own = 0x0090_7400;
    put(&mut bytes, 0, &[0xd1, 0x00, 0x20, 0x40]);
    put_le(&mut bytes, 4, own + 0xc00);
    put_le(&mut bytes, 12, own + 0x2c);
    put_le(&mut bytes, 16, own + 0x20);
    put_le(&mut bytes, 20, own);
    put_le(&mut bytes, 0x20, own - 0x400);
    put_le(&mut bytes, 0x24, 0x2000);
    put(&mut bytes, 0x2c, &[0xd2, 0x00, 0x04, 0x40]);
    bytes.extend(code(0x1000));
    bytes
}

fn mlo() -> Vec<u8> {
    let mut bytes = vec![0; 512];
    put(&mut bytes, 0, &[0x40, 0, 0, 0, 0x0c]);
    put(&mut bytes, 0x14, b"CHSETTINGS");
    put(&mut bytes, 32, &[0xff; 32]);
    put(&mut bytes, 64, &[0xc1, 0xc0, 0xc0, 0xc0, 0, 1]);
    bytes.extend([2048u32, 0x402f_0400].map(u32::to_le_bytes).as_flattened());
    bytes.extend(code(2040));
    bytes
}

fn star_five() -> Vec<u8> {
    let mut bytes = vec![0; 0x400];
    bytes.extend(code(1000));
    put_le(&mut bytes, 0, 0x240);
    put_le(&mut bytes, 4, 0x20_0000);
    put_le(&mut bytes, 0x284, 0x0101_0101);
    put_le(&mut bytes, 0x288, 1000);
    put_le(&mut bytes, 0x28c, 0x400);
    let crc = crc32fast::hash(&bytes[0x400..]);
    put_le(&mut bytes, 0x290, crc);
    bytes
}

fn u_image() -> Vec<u8> {
    let mut bytes = vec![0; 64];
    let data = code(600);
    put(&mut bytes, 0, &[0x27, 0x05, 0x19, 0x56]);
    put(&mut bytes, 12, &600u32.to_be_bytes());
    put(&mut bytes, 24, &crc32fast::hash(&data).to_be_bytes());
    put(&mut bytes, 32, b"U-Boot 2025.01");
    let crc = crc32fast::hash(&bytes);
    put(&mut bytes, 4, &crc.to_be_bytes());
    bytes.extend(data);
    bytes
}

/// A flattened device tree that grows.
#[derive(Default)]
struct Tree {
    nodes: Vec<u8>,
    strings: Vec<u8>,
}

impl Tree {
    fn begin(&mut self, name: &str) {
        self.nodes.extend([0, 0, 0, 1]);
        self.nodes.extend(name.as_bytes());
        self.nodes.push(0);
        self.pad();
    }

    fn property(&mut self, name: &str, value: &[u8]) {
        self.nodes.extend([3, value.len() as u32, self.strings.len() as u32].map(u32::to_be_bytes).as_flattened());
        self.strings.extend(name.as_bytes());
        self.strings.push(0);
        self.nodes.extend(value);
        self.pad();
    }

    fn end(&mut self) {
        self.nodes.extend([0, 0, 0, 2]);
    }

    fn pad(&mut self) {
        self.nodes.resize(self.nodes.len().next_multiple_of(4), 0);
    }

    fn finish(mut self) -> Vec<u8> {
        self.nodes.extend([0, 0, 0, 9]);
        let (nodes, strings) = (self.nodes.len() as u32, self.strings.len() as u32);
        let fields = [0xd00d_feed, 56 + nodes + strings, 56, 56 + nodes, 40, 17, 16, 0, strings, nodes, 0, 0, 0, 0];
        let mut bytes = fields.map(u32::to_be_bytes).as_flattened().to_vec();
        bytes.extend(self.nodes);
        bytes.extend(self.strings);
        bytes
    }
}

/// Where the data of an image are.
#[derive(Clone, Copy, Debug)]
enum Data {
    Inside,
    Offset(u32),
    Position(u32),
}

const ALGORITHMS: [&str; 7] = ["crc32", "md5", "sha1", "sha256", "sha384", "sha512", "unknown"];

fn hash_of(algorithm: &str, data: &[u8]) -> Vec<u8> {
    match algorithm {
        "crc32" => crc32fast::hash(data).to_be_bytes().to_vec(),
        "md5" => md5::Md5::digest(data).to_vec(),
        "sha1" => sha1::Sha1::digest(data).to_vec(),
        "sha256" => sha2::Sha256::digest(data).to_vec(),
        "sha384" => sha2::Sha384::digest(data).to_vec(),
        "sha512" => sha2::Sha512::digest(data).to_vec(),
        _ => vec![1],
    }
}

/// Returns a tree with one image, whose data are those of `code(500)`.
fn fit_tree(place: Data, algorithm: &str, hash: &[u8]) -> Vec<u8> {
    let mut tree = Tree::default();
    tree.begin("");
    tree.property("description", b"a FIT\0");
    tree.begin("images");
    tree.begin("u-boot");
    match place {
        Data::Inside => tree.property("data", &code(500)),
        Data::Offset(at) => tree.property("data-offset", &at.to_be_bytes()),
        Data::Position(at) => tree.property("data-position", &at.to_be_bytes()),
    }
    if !matches!(place, Data::Inside) {
        tree.property("data-size", &500u32.to_be_bytes());
    }
    tree.begin("hash-1");
    tree.property("algo", format!("{algorithm}\0").as_bytes());
    tree.property("value", hash);
    (0..4).for_each(|_| tree.end());
    tree.finish()
}

fn fit(place: Data) -> Vec<u8> {
    let mut bytes = fit_tree(place, "sha256", &hash_of("sha256", &code(500)));
    let at = match place {
        Data::Inside => return bytes,
        Data::Offset(offset) => bytes.len().next_multiple_of(4) + offset as usize,
        Data::Position(position) => position as usize,
    };
    bytes.resize(at, 0);
    bytes.extend(code(500));
    bytes
}

fn all() -> [(Format, Vec<u8>); 9] {
    [
        (Format::Egon, egon()),
        (Format::RockchipIdb, idbloader()),
        (Format::RockchipIdb, idbloader_2()),
        (Format::Ivt, ivt()),
        (Format::Mlo, mlo()),
        (Format::StarFive, star_five()),
        (Format::Fit, fit(Data::Inside)),
        (Format::Fit, fit(Data::Offset(64))),
        (Format::UImage, u_image()),
    ]
}

#[test]
fn names() {
    for format in Format::ALL {
        assert_eq!(Format::by_name(format.name()), Some(format));
    }
    assert_eq!(Format::by_name("elf"), None);
}

#[test]
fn good_files_say_what_they_are() {
    let said: Vec<String> = all().iter().map(|(format, bytes)| checked(*format, bytes).unwrap().description).collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    Allwinner eGON.BT0, SPL v2, 1 KiB
    Rockchip idbloader, RK33, 6 KiB
    Rockchip idbloader, RKNS, 4 KiB
    i.MX boot image, loaded to 0x907000, 7 KiB
    TI MLO for raw places, loaded to 0x402f0400, 2 KiB
    StarFive SPL, 1,000 bytes
    U-Boot FIT image, 1 image, 744 bytes
    U-Boot FIT image, 1 image, 848 bytes
    U-Boot legacy image `U-Boot 2025.01`, 600 bytes
    ");
    assert_eq!(checked(Format::Egon, &egon()).unwrap().device_tree.as_deref(), Some("sun50i-a64-pine64-lts"));
}

#[test]
fn formats_are_told_apart() {
    for (format, bytes) in all() {
        assert_eq!(recognise(&Extents::from_bytes(bytes.clone()), &MemoryBlobs::new()).unwrap(), Some(format));
        for wanted in Format::ALL.into_iter().filter(|wanted| *wanted != format) {
            expect(wanted, &bytes, &format!("it is {}, not {}", format.noun(), wanted.noun()));
        }
    }
    expect(Format::Egon, b"", "it is not an Allwinner SPL: it does not begin as one");
    expect(Format::Fit, &[0; 4096], "it is not a U-Boot FIT image: it does not begin as one");
}

#[test]
fn a_device_tree_of_a_board_is_no_fit() {
    let mut tree = Tree::default();
    tree.begin("");
    tree.property("model", b"a board\0");
    tree.end();
    let bytes = tree.finish();
    assert_eq!(recognise(&Extents::from_bytes(bytes.clone()), &MemoryBlobs::new()).unwrap(), None);
    expect(Format::Fit, &bytes, "it is a device tree without images, not a U-Boot FIT image");
}

#[test]
fn every_cut_is_seen() {
    for (format, bytes) in all() {
        for len in 0..bytes.len() {
            let error = checked(format, &bytes[..len]).unwrap_err();
            let other = matches!(&error, Error::Other { found: None, .. });
            assert!(matches!(error, Error::Short { .. }) || other && len < 0x20, "{format:?} cut to {len}: {error}");
        }
    }
    expect(
        Format::Egon,
        &egon()[..1000],
        "it ends in the middle of its code: that reaches to byte 1,024, and the file has 1,000 bytes",
    );
}

#[test]
fn egon_damaged() {
    let (format, good) = (Format::Egon, egon());
    damaged(format, &good, 4, b"E", "it is not an Allwinner SPL: it does not begin as one");
    for at in [0, 12, 20, 32, 44, 96, 1023] {
        damaged(format, &good, at, &[0xaa], "its checksum does not hold, so it is damaged");
    }
    for length in [0u32, 92, 1022] {
        let expected = "its header has a length that no Allwinner SPL has";
        damaged(format, &good, 16, &length.to_le_bytes(), expected);
    }
    let sealed = |at, value: &[u8], expected| {
        let mut bytes = good.clone();
        put(&mut bytes, at, value);
        expect(format, &seal_egon(bytes), expected);
    };
    sealed(20, b"X", "its header has no mark `SPL`: it is no SPL of U-Boot");
    for at in [43u32, 1024, 1020, u32::MAX] {
        let expected = "its header points to the name of a device tree, and there is none";
        sealed(32, &at.to_le_bytes(), expected);
    }
    sealed(32, &[0], "Allwinner eGON.BT0, SPL v2, 1 KiB");
    sealed(23, &[1], "Allwinner eGON.BT0, SPL v1, 1 KiB");
}

#[test]
fn idbloader_damaged() {
    let (format, good) = (Format::RockchipIdb, idbloader());
    // As the cipher is a stream, what is changed in the file is changed at the same place of what it hides.
    let changed = |at: usize, mask: u8, expected| damaged(format, &good, at, &[good[at] ^ mask], expected);
    changed(0, 1, "it is not a Rockchip idbloader: it does not begin as one");
    changed(8, 2, "its header does not say whether its code is encrypted");
    changed(8, 1, "its code has no mark of a Rockchip chip, such as `RK33`, in front of it");
    changed(12, 1, "its header has its code at another place than 2 KiB");
    changed(506, 4, "its header has lengths that contradict each other");
    changed(506, 8, "its header has lengths that contradict each other");
    let short = "it ends in the middle of its code: that reaches to byte 14,336, and the file has 6 KiB";
    changed(508, 16, short);
    changed(2048, 1, "its code has no mark of a Rockchip chip, such as `RK33`, in front of it");
    // One part, without a second one that it loads: 4 blocks, and 1024 more.
    let mut one = good.clone();
    put(&mut one, 508, &[good[508] ^ 8 ^ 4, good[509] ^ 4]);
    expect(format, &one[..4096], "Rockchip idbloader, RK33, 4 KiB");
    expect(
        format,
        &one[..4095],
        "it ends in the middle of its code: that reaches to byte 4,096, and the file has 4,095 bytes",
    );
}

#[test]
fn idbloader_encrypted_or_for_flash() {
    let (format, good) = (Format::RockchipIdb, idbloader());
    let mut encrypted = good.clone();
    encrypted[8] ^= 1;
    let block = rockchip::rc4(good[2048..2560].try_into().unwrap());
    put(&mut encrypted, 2048, &block);
    expect(format, &encrypted, "Rockchip idbloader, RK33, 6 KiB");
    let flash = [&good[..2048], &[0; 2048], &good[2048..4096], &[0; 2048], &good[4096..]].concat();
    expect(format, &flash, "it is laid out for SPI flash, where every second 2 KiB are skipped, not for disks");
}

#[test]
fn idbloader_2_damaged() {
    let (format, good) = (Format::RockchipIdb, idbloader_2());
    damaged(format, &good, 0, b"X", "it is not a Rockchip idbloader: it does not begin as one");
    for (at, value) in [(8, 0x81), (10, 0), (10, 5)] {
        damaged(format, &good, at, &[value], "its header has another layout than the ROM knows");
    }
    damaged(format, &good, 12, &[3], "its header has hashes of an unknown kind");
    for at in [4, 120, 122, 144, 1535, 1536] {
        damaged(format, &good, at, &[0xaa], "the hash of its header does not hold, so it is damaged");
    }
    damaged(format, &good, 2048, &[0], "the hash of its image 1 does not hold, so it is damaged");
    damaged(format, &good, 4095, &[0], "the hash of its image 2 does not hold, so it is damaged");
    let mut empty = vec![0; 2048];
    put(&mut empty, 0, b"RKNS");
    put(&mut empty, 8, &[0x80, 0x01, 2, 0]);
    expect(format, &empty, "its header says that there is no code");
}

#[test]
fn ivt_damaged() {
    let (format, good) = (Format::Ivt, ivt());
    damaged(format, &good, 0, &[0xd2], "it is not an i.MX boot image: it does not begin as one");
    damaged(format, &good, 3, &[0x30], "its vector table has another version than 4");
    damaged(format, &good, 3, &[0x41], "i.MX boot image, loaded to 0x907000, 7 KiB");
    for entry in [0x0090_7000u32, 0x0090_7410, 0x0090_9000, 0] {
        damaged(format, &good, 4, &entry.to_le_bytes(), "its code starts outside of what is loaded");
    }
    let dcd = "its vector table points to configuration data, and there are none";
    damaged(format, &good, 12, &[0x30], dcd);
    damaged(format, &good, 12, &[0x00, 0x00], dcd);
    damaged(format, &good, 12, &[0; 4], "i.MX boot image, loaded to 0x907000, 7 KiB");
    damaged(format, &good, 0x2c, &[0xd1], dcd);
    damaged(format, &good, 16, &[0], "its vector table has boot data that do not lie behind it");
    damaged(format, &good, 20, &[0, 0x75], "its vector table has boot data that do not lie behind it");
    let range = "its boot data have a range of memory without the vector table";
    damaged(format, &good, 16, &[0x30], range);
    damaged(format, &good, 0x20, &[0, 0x75], range);
    damaged(format, &good, 0x24, &[0, 0x04], range);
    damaged(
        format,
        &good,
        0x24,
        &[0, 0x30],
        "it ends in the middle of its image: that reaches to byte 11,264, and the file has 7 KiB",
    );
}

#[test]
fn mlo_damaged() {
    let (format, good) = (Format::Mlo, mlo());
    for at in [0, 4, 0x14] {
        damaged(format, &good, at, &[1], "it is not a TI MLO for raw places: it does not begin as one");
    }
    damaged(format, &good, 63, &[0], "the table of contents in its header does not end behind its one entry");
    damaged(format, &good, 64, &[0], "the settings in its header have not the key that the ROM looks for");
    damaged(format, &good, 512, &[8, 0], "its header says that there is no code");
    damaged(format, &good, 516, &[0; 4], "its header has no address to load the code to");
    let short = "it ends in the middle of its code: that reaches to byte 2,561, and the file has 2,560 bytes";
    damaged(format, &good, 512, &[1], short);
}

#[test]
fn star_five_damaged() {
    let (format, good) = (Format::StarFive, star_five());
    damaged(format, &good, 0, &[0], "it is not a StarFive SPL: it does not begin as one");
    damaged(format, &good, 0x284, &[2], "its header has another version than StarFive's ROM knows");
    damaged(format, &good, 0x288, &[0; 4], "its header says that there is no code");
    damaged(format, &good, 0x28c, &[1], "its header has its code at another place than 0x400");
    let short = "it ends in the middle of its code: that reaches to byte 2,025, and the file has 2,024 bytes";
    damaged(format, &good, 0x288, &1001u32.to_le_bytes(), short);
    for at in [0x288, 0x290, 0x400, 2023] {
        damaged(format, &good, at, &[0xaa], "its checksum does not hold, so it is damaged");
    }
}

#[test]
fn u_image_damaged() {
    let (format, good) = (Format::UImage, u_image());
    damaged(format, &good, 0, &[0], "it is not a U-Boot legacy image: it does not begin as one");
    for at in [4, 8, 12, 16, 24, 32, 63] {
        damaged(format, &good, at, &[0xaa], "the checksum of its header does not hold, so it is damaged");
    }
    damaged(format, &good, 64, &[0], "the checksum of its data does not hold, so it is damaged");
}

#[test]
fn fit_data_are_inside_or_outside() {
    for place in [Data::Inside, Data::Offset(0), Data::Offset(0x40), Data::Position(0x1000)] {
        let good = fit(place);
        assert!(checked(Format::Fit, &good).unwrap().description.starts_with("U-Boot FIT image, 1 image, "));
        let at = good.windows(500).position(|window| window == code(500)).unwrap();
        let expected = "the sha256 of its image `u-boot` does not hold, so it is damaged";
        damaged(Format::Fit, &good, at + 499, &[0], expected);
    }
    expect(
        Format::Fit,
        &fit(Data::Position(0x1000))[..0x1100],
        "it ends in the middle of its image `u-boot`: that reaches to byte 4,596, and the file has 4,352 bytes",
    );
}

#[test]
fn fit_hashes() {
    for algorithm in ALGORITHMS {
        let mut hash = hash_of(algorithm, &code(500));
        assert!(checked(Format::Fit, &fit_tree(Data::Inside, algorithm, &hash)).is_ok());
        hash[0] ^= 1;
        let bytes = fit_tree(Data::Inside, algorithm, &hash);
        match algorithm {
            "unknown" => assert!(checked(Format::Fit, &bytes).is_ok()),
            _ => expect(
                Format::Fit,
                &bytes,
                &format!("the {algorithm} of its image `u-boot` does not hold, so it is damaged"),
            ),
        }
    }
}

#[test]
fn of_two_properties_the_first_counts() {
    let with = |data: [&[u8]; 2], algorithms: [&[u8]; 2]| {
        let mut tree = Tree::default();
        tree.begin("");
        tree.begin("images");
        tree.begin("u-boot");
        data.iter().for_each(|data| tree.property("data", data));
        tree.begin("hash-1");
        algorithms.iter().for_each(|algorithm| tree.property("algo", algorithm));
        [b"first", b"other"].iter().for_each(|data| tree.property("value", &hash_of("crc32", *data)));
        (0..4).for_each(|_| tree.end());
        checked(Format::Fit, &tree.finish())
    };
    assert!(with([b"first", b"other"], [b"crc32\0", b"unknown\0"]).is_ok());
    assert!(with([b"other", b"first"], [b"crc32\0", b"unknown\0"]).is_err());
}

#[test]
fn fit_damaged() {
    let (format, good) = (Format::Fit, fit(Data::Inside));
    let tree = "the device tree that it begins with is damaged";
    for (at, value) in [(8, 4u32), (8, 58), (12, u32::MAX), (32, u32::MAX), (36, u32::MAX), (36, 8), (56, 7), (56, 2)] {
        damaged(format, &good, at, &value.to_be_bytes(), tree);
    }
    let version = "the device tree that it begins with has another version than 17";
    damaged(format, &good, 20, &16u32.to_be_bytes(), version);
    damaged(format, &good, 24, &18u32.to_be_bytes(), version);
    let mut tree = Tree::default();
    tree.begin("");
    tree.begin("images");
    tree.begin("empty");
    (0..3).for_each(|_| tree.end());
    expect(format, &tree.finish(), "its image `empty` has no data");
    let mut deep = Tree::default();
    (0..40).for_each(|_| deep.begin("x"));
    expect(format, &deep.finish(), "the device tree that it begins with is damaged");
}

#[test]
fn the_second_loader_is_checked_as_well() {
    let joined = |second: &[u8]| [&egon()[..], &[0; 3000], &[0xff; 72], second].concat();
    let legacy = u_image();
    expect(
        Format::Egon,
        &joined(&legacy),
        "Allwinner eGON.BT0, SPL v2, 1 KiB; at 4 KiB: U-Boot legacy image `U-Boot 2025.01`, 600 bytes",
    );
    expect(
        Format::Egon,
        &joined(&legacy[..600]),
        "a U-Boot legacy image follows at 4 KiB of it and has a fault: \
         it ends in the middle of its data: that reaches to byte 664, and the file has 600 bytes",
    );
    // Whatever else follows is nobody's concern here.
    expect(Format::Egon, &joined(b"something"), "Allwinner eGON.BT0, SPL v2, 1 KiB");
}

proptest! {
    #[test]
    fn no_bytes_make_the_readers_panic(
        which in 0usize..9,
        cut in any::<prop::sample::Index>(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        words in proptest::collection::vec((0usize..150, any::<u32>()), 0..3),
        noise in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let (format, mut bytes) = all()[which].clone();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        for (at, word) in words {
            put_le(&mut bytes, at * 4, word);
        }
        let _ = checked(format, &bytes);
        let _ = checked(format, &seal_egon(bytes.clone()));
        let _ = checked(format, &bytes[..cut.index(bytes.len())]);
        // Behind a right beginning, anything.
        let noisy = [&bytes[..bytes.len().min(48)], &noise].concat();
        for format in Format::ALL {
            let _ = checked(format, &noisy);
            let _ = checked(format, &noise);
        }
    }
}
