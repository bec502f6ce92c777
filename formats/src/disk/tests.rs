//! Disks as a whole, and the places of their partitions.

use proptest::prelude::*;

use super::*;
use crate::judge::Tool;
use crate::{Digest, Guid, MemoryBlobs, dump, guid};

const MIB: u64 = 1 << 20;

fn request(name: &str, offset: Option<u64>, len: u64) -> Request {
    Request { name: name.to_owned(), offset, alignment: MIB, len }
}

fn content(name: &str, at: u64, content: impl Into<bytes::Bytes>) -> Content {
    Content { name: name.to_owned(), at, content: Extents::from_bytes(content) }
}

/// A disk with two partitions, described and placed.
fn sample() -> Disk {
    let requests = [request("ESP", None, 2 * MIB), request("root", None, MIB + 1)];
    let places = place_partitions(MIB, &requests).unwrap();
    let mut table = gpt::Table::new(Guid::from_digest(&Digest::of(b"disk")));
    let mut parts = Vec::new();
    for (request, place) in requests.iter().zip(places) {
        table.entries.push(Some(gpt::Partition {
            type_guid: guid::LINUX_FILE_SYSTEM,
            guid: Guid::from_digest(&Digest::of(request.name.as_bytes())),
            name: request.name.clone(),
            first_lba: place.first_lba(),
            last_lba: place.last_lba(),
            attributes: 0,
        }));
        let mut part = content(&request.name, place.at, request.name.clone());
        part.content.push_zeros(place.len - part.content.len());
        parts.push(part);
    }
    Disk { len: None, table: Table::Gpt(table), parts, raw: Vec::new() }
}

#[test]
fn a_whole_disk() {
    let disk = sample();
    let image = layout(&disk).unwrap();
    let verdict = Tool::new("sgdisk", "gdisk").run_on(&image, &MemoryBlobs::new(), &["-v"]);
    assert!(verdict.contains("No problems found"), "{verdict}");
    let lines: Vec<String> = regions(&disk).unwrap().iter().map(Region::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    `protective MBR` (bytes 440 to 512)
    `GPT header` (bytes 512 to 1,024)
    `GPT entry array` (bytes 1,024 to 17,408)
    `ESP` (bytes 1,048,576 to 3,145,728)
    `root` (bytes 3,145,728 to 4,194,816)
    `backup GPT entry array` (bytes 4,197,888 to 4,214,272)
    `backup GPT header` (bytes 4,214,272 to 4,214,784)
    ");
    insta::assert_snapshot!(dump::extents(&image), @r#"
    0 440 zero
    440 72 bytes sha256:944f9dfbbc97
    512 92 bytes sha256:2b93b41e805a
    604 420 zero
    1024 16384 bytes sha256:2bedcf5bebbb
    17408 1031168 zero
    1048576 3 bytes "ESP"
    1048579 2097149 zero
    3145728 4 bytes "root"
    3145732 1052156 zero
    4197888 16384 bytes sha256:2bedcf5bebbb
    4214272 92 bytes sha256:f6a7008df4a5
    4214364 420 zero
    4214784 end
    "#);
}

#[test]
fn boot_loaders_and_tables_clash_by_name() {
    let mut disk = sample();
    disk.raw = vec![content("u-boot-sunxi-with-spl.bin", 8192, vec![1; 797_112])];
    insta::assert_snapshot!(layout(&disk).unwrap_err(), @"`u-boot-sunxi-with-spl.bin` (bytes 8,192 to 805,304) overlaps `GPT entry array` (bytes 1,024 to 17,408)");
    disk.raw = vec![content("idbloader.img", 32768, vec![1; MIB as usize])];
    insta::assert_snapshot!(layout(&disk).unwrap_err(), @"`idbloader.img` (bytes 32,768 to 1,081,344) overlaps `ESP` (bytes 1,048,576 to 3,145,728)");
    disk.raw = vec![content("boot.img", 0, vec![1; 512])];
    insta::assert_snapshot!(layout(&disk).unwrap_err(), @"`boot.img` (bytes 0 to 512) overlaps `protective MBR` (bytes 440 to 512)");
    // Boot code alone leaves the table its place, and a moved entry array leaves sector 16 to the boot loader.
    disk.raw = vec![content("boot.img", 0, vec![1; 440]), content("u-boot-sunxi-with-spl.bin", 8192, vec![1; 797_112])];
    if let Table::Gpt(table) = &mut disk.table {
        table.entry_array_at = 1700;
        table.entries.iter_mut().flatten().for_each(|part| part.name.push('!'));
    }
    layout(&disk).unwrap();
    disk.table = Table::Mbr(mbr::Table::default());
    layout(&disk).unwrap();
}

#[test]
fn lengths() {
    let mut disk = sample();
    assert_eq!(disk.planned_len(), Ok((4 * MIB + 512 + 33 * 512u64).next_multiple_of(4096)));
    disk.table = Table::Mbr(mbr::Table::default());
    assert_eq!(disk.planned_len(), Ok(4 * MIB + 4096));
    disk.len = Some(4 * MIB);
    insta::assert_snapshot!(layout(&disk).unwrap_err(), @"`root` (bytes 3,145,728 to 4,194,816) does not fit into the 4,194,304 bytes that there are");
    disk.len = Some(4 * MIB + 1);
    insta::assert_snapshot!(layout(&disk).unwrap_err(), @"a disk of 4,194,305 bytes is not made of whole sectors of 512 bytes");
    disk.len = None;
    disk.raw = vec![content("far", u64::MAX - 5, vec![1; 2])];
    insta::assert_snapshot!(layout(&disk).unwrap_err(), @"no disk is long enough for what lies on it");
    let empty = Disk { len: None, table: Table::Mbr(mbr::Table::default()), parts: vec![], raw: vec![] };
    assert_eq!(layout(&empty).unwrap().len(), 4096);
}

#[test]
fn partitions_follow_one_another() {
    let requests = [
        request("a", None, 1),
        request("b", Some(8 * MIB + 512), MIB),
        request("c", None, 3 * MIB),
        request("d", Some(2 * MIB), MIB),
        request("e", None, MIB),
    ];
    let places = place_partitions(17408, &requests).unwrap();
    let shown: Vec<(u64, u64)> = places.iter().map(|place| (place.at, place.len)).collect();
    let expected = [(MIB, 512), (8 * MIB + 512, MIB), (10 * MIB, 3 * MIB), (2 * MIB, MIB), (3 * MIB, MIB)];
    assert_eq!(shown, expected);
}

#[test]
fn mistakes_are_plain() {
    let shown = |requests: &[Request]| place_partitions(MIB, requests).unwrap_err().to_string();
    insta::assert_snapshot!(shown(&[request("root", Some(MIB + 1), MIB)]), @"the offset of the partition `root`, 1,048,577 bytes, is not at a sector; the nearest ones are 1,048,576 and 1,049,088");
    insta::assert_snapshot!(shown(&[request("root", Some(u64::MAX), MIB)]), @"the offset of the partition `root`, 18,446,744,073,709,551,615 bytes, is not at a sector; the nearest one is 18,446,744,073,709,551,104");
    insta::assert_snapshot!(shown(&[request("boot", None, 4 * MIB), request("root", Some(2 * MIB), MIB)]), @"`root` (bytes 2,097,152 to 3,145,728), sectors 4,096 to 6,143, overlaps `boot` (bytes 1,048,576 to 5,242,880), sectors 2,048 to 10,239; the first free offset is 5 MiB (5,242,880 bytes)");
    insta::assert_snapshot!(shown(&[request("root", None, 0)]), @"the partition `root` has no bytes");
    insta::assert_snapshot!(shown(&[Request { alignment: 100, ..request("root", None, 1) }]), @"the alignment of the partition `root`, 100 bytes, is not a multiple of 512 bytes");
    insta::assert_snapshot!(shown(&[Request { alignment: 0, ..request("root", None, 1) }]), @"the alignment of the partition `root`, 0 bytes, is not a multiple of 512 bytes");
    insta::assert_snapshot!(shown(&[request("root", None, u64::MAX)]), @"the partition `root` ends where no disk ends");
    insta::assert_snapshot!(shown(&[request("root", None, 1 << 63)]), @"the partition `root` ends where no disk ends");
}

/// Returns the numbers, sectors and EBRs that partitions get, which say what they shall be.
fn in_mbr(requests: &[Request], told: &[Option<mbr::Role>]) -> String {
    let line = |(request, place): (&Request, &MbrPlace)| {
        let MbrPlace { number, place, ebr_lba } = place;
        let ebr = ebr_lba.map_or(String::new(), |lba| format!(", EBR {lba}"));
        format!("{number} {}: {}+{}{ebr}", request.name, place.first_lba(), place.n_sectors())
    };
    match place_in_mbr(MIB, requests, told) {
        Ok(places) => requests.iter().zip(&places).map(line).collect::<Vec<_>>().join("\n"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn five_partitions_in_an_mbr() {
    let requests = ["a", "b", "c", "d", "e", "f"].map(|name| request(name, None, 10 * MIB));
    insta::assert_snapshot!(in_mbr(&requests, &[None; 6]), @r"
    1 a: 2048+20480
    2 b: 22528+20480
    3 c: 43008+20480
    5 d: 65536+20480, EBR 63488
    6 e: 88064+20480, EBR 86016
    7 f: 110592+20480, EBR 108544
    ");
    let unaligned = ["a", "b"].map(|name| Request { alignment: 4 * MIB, ..request(name, None, MIB + 1) });
    insta::assert_snapshot!(in_mbr(&unaligned, &[Some(mbr::Role::Logical); 2]), @r"
    5 a: 8192+2049, EBR 6144
    6 b: 16384+2049, EBR 14336
    ");
    let dense = ["a", "b"].map(|name| Request { alignment: 512, ..request(name, None, 512) });
    insta::assert_snapshot!(in_mbr(&dense, &[Some(mbr::Role::Logical); 2]), @r"
    5 a: 2049+1, EBR 2048
    6 b: 2051+1, EBR 2050
    ");
}

/// Returns the disk of partitions that have places in an MBR.
fn disk_of(requests: &[Request], places: &[MbrPlace]) -> Disk {
    let described = requests.iter().zip(places).map(|(request, MbrPlace { place, ebr_lba, .. })| {
        let (kind, first_lba, n_sectors) = (mbr::kind::LINUX, place.first_lba(), place.n_sectors());
        (mbr::Partition { name: request.name.clone(), kind, active: false, first_lba, n_sectors }, *ebr_lba)
    });
    let table = Table::Mbr(mbr::Table::new(7, described));
    let part = |(request, place): (&Request, &MbrPlace)| Content {
        name: request.name.clone(),
        at: place.place.at,
        content: Extents::zeros(request.len),
    };
    Disk { len: None, table, parts: requests.iter().zip(places).map(part).collect(), raw: Vec::new() }
}

#[test]
fn an_mbr_with_logical_partitions_as_a_disk() {
    let requests = ["a", "b", "c", "d", "e"].map(|name| request(name, None, MIB));
    let places = place_in_mbr(MIB, &requests, &[None; 5]).unwrap();
    let mut disk = disk_of(&requests, &places);
    let lines: Vec<String> = regions(&disk).unwrap().iter().map(Region::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    `MBR partition table` (bytes 440 to 512)
    `a` (bytes 1,048,576 to 2,097,152)
    `b` (bytes 2,097,152 to 3,145,728)
    `c` (bytes 3,145,728 to 4,194,304)
    `extended boot record of d` (bytes 4,194,304 to 4,194,816)
    `d` (bytes 5,242,880 to 6,291,456)
    `extended boot record of e` (bytes 6,291,456 to 6,291,968)
    `e` (bytes 7,340,032 to 8,388,608)
    ");
    let verdict = Tool::new("sfdisk", "fdisk").run_on(&layout(&disk).unwrap(), &MemoryBlobs::new(), &["--verify"]);
    insta::assert_snapshot!(verdict, @r"
    disk.img:
    No errors detected.
    Remaining 4094 unallocated 512-byte sectors.
    ");
    disk.raw = vec![content("u-boot.bin", 4 * MIB, vec![1; 100])];
    insta::assert_snapshot!(layout(&disk).unwrap_err(), @"`u-boot.bin` (bytes 4,194,304 to 4,194,404) overlaps `extended boot record of d` (bytes 4,194,304 to 4,194,816)");
}

#[test]
fn offsets_of_logical_partitions() {
    use mbr::Role::{Logical, Primary};
    let at = |name, offset| request(name, Some(offset), MIB);
    let all = [Some(Logical), Some(Logical)];
    // The usual place, or directly in front.
    insta::assert_snapshot!(in_mbr(&[at("a", 2 * MIB), at("b", 3 * MIB + 512)], &all), @r"
    5 a: 4096+2048, EBR 2048
    6 b: 6145+2048, EBR 6144
    ");
    insta::assert_snapshot!(in_mbr(&[at("a", 2 * MIB), at("b", 3 * MIB)], &all), @"the logical partition `b` needs a free sector in front of it for its extended boot record, and there is `a` (bytes 2,097,152 to 3,145,728)");
    insta::assert_snapshot!(in_mbr(&[at("a", 512), at("b", 3 * MIB)], &all), @"the logical partition `a` needs a free sector in front of it for its extended boot record, and there is `MBR partition table` (bytes 0 to 512)");
    insta::assert_snapshot!(in_mbr(&[at("a", 2 * MIB), at("b", MIB)], &all), @"`b` (bytes 1,048,576 to 2,097,152), sectors 2,048 to 4,095, overlaps `extended boot record of a` (bytes 1,048,576 to 1,049,088), sectors 2,048 to 2,048; the first free offset is 3 MiB (3,145,728 bytes)");
    insta::assert_snapshot!(in_mbr(&[at("a", 4 * MIB), at("b", 2 * MIB)], &all), @"the logical partition `b` lies in front of `a`, which comes before it; list logical partitions in the order of their places");
    let between = [Some(Logical), Some(Primary), Some(Logical)];
    insta::assert_snapshot!(in_mbr(&[at("a", 2 * MIB), at("b", 4 * MIB), at("c", 8 * MIB)], &between), @"the primary partition `b` lies in the extended partition, which reaches from the boot record of `a` to the end of `c`; make it a logical one");
    let five = ["a", "b", "c", "d", "e"].map(|name| request(name, None, MIB));
    insta::assert_snapshot!(in_mbr(&[at("far", 2 << 40)], &[None]), @"the partition `far` ends at 2,097,153 MiB, and an MBR reaches up to 2 TiB; use a GPT");
    insta::assert_snapshot!(in_mbr(&five, &[Some(Primary); 5]), @"the partition `d` is one primary partition too many: this MBR has room for 3; make it a logical one, or use a GPT");
}

/// Up to nine partitions of some sectors, some of them told to be primary or logical.
fn wishes() -> impl Strategy<Value = Vec<(Request, Option<mbr::Role>)>> {
    let role = prop_oneof![4 => Just(None), 1 => Just(Some(mbr::Role::Primary)), 2 => Just(Some(mbr::Role::Logical))];
    let alignment = prop_oneof![Just(SECTOR), Just(MIB), Just(4 * MIB)];
    let wish = (alignment, 1u64..3 * MIB, 0u64..4, role);
    proptest::collection::vec(wish, 1..10).prop_map(|wishes| {
        let one = |(i, (alignment, len, gap, role)): (usize, (u64, u64, u64, _))| {
            // One in four has a place of its own, far enough behind what may come before.
            let offset = (gap == 0).then_some((i as u64 + 1) * 64 * MIB + len / 9 * SECTOR % MIB);
            (Request { name: format!("p{i}"), offset, alignment, len }, role)
        };
        wishes.into_iter().enumerate().map(one).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn sfdisk_finds_the_partitions_of_any_mbr(wishes in wishes()) {
        let (requests, told): (Vec<Request>, Vec<_>) = wishes.into_iter().unzip();
        let places = match place_in_mbr(MIB, &requests, &told) {
            Ok(places) => places,
            // What random roles bring about; a mistake in the order of places would be ours.
            Err(PlaceError::TooManyPrimary { .. } | PlaceError::Mbr(mbr::Error::InExtended { .. })) => return Ok(()),
            Err(error) => panic!("{error}"),
        };
        let image = layout(&disk_of(&requests, &places)).unwrap();
        let blobs = MemoryBlobs::new();
        let verdict = Tool::new("sfdisk", "fdisk").run_on(&image, &blobs, &["--verify"]);
        prop_assert!(verdict.contains("No errors detected"), "{verdict}");
        let dump = Tool::new("sfdisk", "fdisk").run_on(&image, &blobs, &["--dump"]);
        for MbrPlace { number, place, .. } in places {
            let line = format!("disk.img{number} : start={:>12}, size={:>12}, type=83", place.first_lba(), place.n_sectors());
            prop_assert!(dump.contains(&line), "{line}\n{dump}");
        }
    }
}
