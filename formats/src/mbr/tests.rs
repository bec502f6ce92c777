//! The table as `sfdisk` and `fdisk` see it.

use super::*;
use crate::judge::{Tool, sector_image};
use crate::{Digest, MemoryBlobs};

fn part(name: &str, first_lba: u64, n_sectors: u64) -> Partition {
    Partition { name: name.to_owned(), kind: kind::LINUX, active: false, first_lba, n_sectors }
}

/// Returns a table of primary partitions named `a`, `b`, ...
fn table(places: &[(u64, u64)]) -> Table {
    let parts = places.iter().zip('a'..).map(|(&(first, n), name)| (part(&name.to_string(), first, n), None));
    Table::new(0x1234_5678, parts)
}

fn sample() -> Table {
    let esp = Partition { kind: kind::EFI_SYSTEM, ..part("esp", 2048, 81920) };
    let root = Partition { active: true, ..part("root", 83968, 20 << 20) };
    Table { disk_signature: 0x1234_5678, entries: vec![Some(esp), None, Some(root)], logical: Vec::new() }
}

/// Three primary and three logical partitions, where `sfdisk` puts them that is told only their sizes.
fn extended() -> Table {
    let swap = |part| Partition { kind: kind::LINUX_SWAP, ..part };
    let parts = [
        (part("a", 2048, 20480), None),
        (part("b", 22528, 20480), None),
        (Partition { active: true, ..part("c", 43008, 20480) }, None),
        (swap(part("d", 65536, 20480)), Some(63488)),
        (part("e", 88064, 20480), Some(86016)),
        (part("f", 110_592, 20480), Some(108_544)),
    ];
    Table::new(0x1234_5678, parts)
}

fn image(table: &Table, n_sectors: u64) -> Extents {
    let pieces = table.layout(n_sectors).unwrap();
    let parts: Vec<(u64, Extents)> = pieces.into_iter().map(|piece| (piece.at, piece.content)).collect();
    sector_image(n_sectors, &parts)
}

/// Returns what `sfdisk --dump` says of partitions; `sfdisk --verify` and `fdisk --list` must be content.
fn listing(table: &Table, n_sectors: u64) -> String {
    let (image, blobs) = (image(table, n_sectors), MemoryBlobs::new());
    let verdict = Tool::new("sfdisk", "fdisk").run_on(&image, &blobs, &["--verify"]);
    assert!(!verdict.contains("overlap") && !verdict.contains("boundary"), "{verdict}");
    let fdisk = Tool::new("fdisk", "fdisk").run_on(&image, &blobs, &["--list"]);
    assert!(!fdisk.contains("boundary") && !fdisk.contains("rror"), "{fdisk}");
    let dump = Tool::new("sfdisk", "fdisk").run_on(&image, &blobs, &["--dump"]);
    let lines = dump.lines().filter(|line| line.contains("id") || line.contains("start="));
    let fields: Vec<&str> = lines.map(|line| line.rsplit_once(".img").map_or(line, |(_, rest)| rest)).collect();
    fields.join("\n")
}

#[test]
fn addresses_saturate() {
    assert_eq!(chs(0), [0, 1, 0]);
    assert_eq!(chs(2048), [32, 33, 0], "as fdisk writes it");
    assert_eq!(chs(CHS_REACH - 1), [254, 0xff, 0xff]);
    assert_eq!(chs(CHS_REACH), [254, 0xff, 0xff]);
    assert_eq!(chs(u64::MAX), [254, 0xff, 0xff]);
}

#[test]
fn slots_and_fields_are_where_tools_look() {
    insta::assert_snapshot!(listing(&sample(), 21 << 20), @r"
    label-id: 0x12345678
    1 : start=        2048, size=       81920, type=ef
    3 : start=       83968, size=    20971520, type=83, bootable
    ");
}

#[test]
fn logical_partitions_are_a_chain() {
    insta::assert_snapshot!(listing(&extended(), 409_600), @r"
    label-id: 0x12345678
    1 : start=        2048, size=       20480, type=83
    2 : start=       22528, size=       20480, type=83
    3 : start=       43008, size=       20480, type=83, bootable
    4 : start=       63488, size=       67584, type=f
    5 : start=       65536, size=       20480, type=82
    6 : start=       88064, size=       20480, type=83
    7 : start=      110592, size=       20480, type=83
    ");
    let pieces = extended().layout(409_600).unwrap();
    let lines: Vec<String> =
        pieces.iter().map(|piece| format!("{} {} {}", piece.at, piece.content.len(), piece.what)).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    440 72 MBR partition table
    32505856 512 extended boot record of d
    44040192 512 extended boot record of e
    55574528 512 extended boot record of f
    ");
}

/// The same partitions written by `sfdisk` are the same bytes, but for the extended partition, which it ends at the end of the
/// disk if it is not told its size.
#[test]
fn the_chain_is_the_one_that_sfdisk_writes() {
    let directory = tempfile::tempdir().unwrap();
    let script = "label: dos\nlabel-id: 0x12345678\n2048,20480,83\n22528,20480,83\n43008,20480,83,*\n63488,67584,f\n\
                  65536,20480,82\n88064,20480,83\n110592,20480,83\n";
    std::fs::write(directory.path().join("script"), script).unwrap();
    let path = directory.path().join("disk.img");
    std::fs::File::create(&path).unwrap().set_len(409_600 * SECTOR).unwrap();
    let output =
        Tool::new("sfdisk", "fdisk").run(directory.path(), &["disk.img"], Some(&directory.path().join("script")));
    assert!(output.status.success(), "{output:?}");
    let (theirs, ours) = (std::fs::read(path).unwrap(), image(&extended(), 409_600));
    assert!(theirs == ours.to_vec(&MemoryBlobs::new()).unwrap());
}

#[test]
fn the_extended_partition_takes_the_first_unused_slot() {
    let mut table = extended();
    table.entries[1] = None;
    insta::assert_snapshot!(listing(&table, 409_600), @r"
    label-id: 0x12345678
    1 : start=        2048, size=       20480, type=83
    2 : start=       63488, size=       67584, type=f
    3 : start=       43008, size=       20480, type=83, bootable
    5 : start=       65536, size=       20480, type=82
    6 : start=       88064, size=       20480, type=83
    7 : start=      110592, size=       20480, type=83
    ");
    table.entries.clear();
    table.logical.truncate(1);
    insta::assert_snapshot!(listing(&table, 409_600), @r"
    label-id: 0x12345678
    1 : start=       63488, size=       22528, type=f
    5 : start=       65536, size=       20480, type=82
    ");
}

#[test]
fn a_disk_of_2_tib_is_reached_to_its_end() {
    let parts = [(part("a", 2048, 2048), None), (part("b", 8192, (1 << 32) - 8192), Some(6144))];
    insta::assert_snapshot!(listing(&Table::new(1, parts), 1 << 32), @r"
    label-id: 0x00000001
    1 : start=        2048, size=        2048, type=83
    2 : start=        6144, size=  4294961152, type=f
    5 : start=        8192, size=  4294959104, type=83
    ");
}

#[test]
fn mistakes_are_plain() {
    let shown = |places: &[(u64, u64)]| table(places).layout(1000).unwrap_err().to_string();
    insta::assert_snapshot!(shown(&[(100, 10), (200, 10), (300, 10), (400, 10), (500, 10)]), @"the partition `e` is one primary partition too many: an MBR has 4; make it a logical one, or use a GPT");
    insta::assert_snapshot!(shown(&[(100, 0)]), @"the partition `a` of the MBR has no sectors or no type");
    insta::assert_snapshot!(shown(&[(0, 10)]), @"the partition `a` starts in sector 0, where the MBR is");
    insta::assert_snapshot!(shown(&[(995, 10)]), @"the partition `a` does not end inside the disk of 1,000 sectors");
    insta::assert_snapshot!(shown(&[(100, 1), (u64::MAX, 10)]), @"the partition `b` ends at 18,446,744,073,709,551,615 bytes, and an MBR reaches up to 2 TiB; use a GPT");
    insta::assert_snapshot!(shown(&[(2048, 1 << 32)]), @"the partition `a` ends at 2,097,153 MiB, and an MBR reaches up to 2 TiB; use a GPT");
    insta::assert_snapshot!(shown(&[(200, 10), (100, 101)]), @"the partition `a` starts inside the partition `b`");
    let mut table = table(&[(100, 1), (200, 1)]);
    table.entries.iter_mut().flatten().for_each(|part| part.active = true);
    insta::assert_snapshot!(table.layout(1000).unwrap_err(), @"the partitions `a` and `b` are both active, and an MBR has one active partition at most");
    table.entries[0] = Some(Partition { kind: kind::EXTENDED, ..part("a", 100, 1) });
    insta::assert_snapshot!(table.layout(1000).unwrap_err(), @"the partition `a` has the type 0x05 of extended partitions, which are made where partitions are logical");
}

#[test]
fn mistakes_in_a_chain_are_plain() {
    let shown = |change: fn(&mut Table)| {
        let mut table = extended();
        change(&mut table);
        table.layout(409_600).unwrap_err().to_string()
    };
    insta::assert_snapshot!(shown(|table| table.entries.push(Some(part("g", 200_000, 1)))), @"the partition `g` is one primary partition too many: an MBR with logical partitions has 3");
    insta::assert_snapshot!(shown(|table| table.logical.swap(0, 1)), @"the logical partition `d` lies in front of `e`, which comes before it; list logical partitions in the order of their places");
    insta::assert_snapshot!(shown(|table| table.logical[1].ebr_lba = 86015), @"the logical partition `e` has no sector in front of it for its extended boot record");
    insta::assert_snapshot!(shown(|table| table.logical[1].ebr_lba = 88064), @"the logical partition `e` has no sector in front of it for its extended boot record");
    insta::assert_snapshot!(shown(|table| table.logical[0].ebr_lba = 0), @"the logical partition `d` has no sector in front of it for its extended boot record");
    insta::assert_snapshot!(shown(|table| table.entries[2] = Some(part("c", 86100, 1))), @"the primary partition `c` lies in the extended partition, which reaches from the boot record of `d` to the end of `f`; make it a logical one");
    insta::assert_snapshot!(shown(|table| table.logical[2].partition.n_sectors = 1 << 32), @"the partition `f` ends at 2,097,206 MiB, and an MBR reaches up to 2 TiB; use a GPT");
}

#[test]
fn roles_of_partitions() {
    let shown = |told: &str| {
        let told: Vec<Option<Role>> = told
            .chars()
            .map(|c| match c {
                'P' => Some(Role::Primary),
                'L' => Some(Role::Logical),
                _ => None,
            })
            .collect();
        roles(&told).map(|roles| numbers(&roles).iter().map(usize::to_string).collect::<String>())
    };
    assert_eq!(shown(""), Ok(String::new()));
    assert_eq!(shown("...."), Ok("1234".into()));
    assert_eq!(shown("....."), Ok("12356".into()));
    assert_eq!(shown("......."), Ok("1235678".into()));
    assert_eq!(shown(".L.."), Ok("1567".into()));
    assert_eq!(shown(".L.P"), Ok("1562".into()));
    assert_eq!(shown("....P"), Ok("12563".into()));
    assert_eq!(shown("PPPP"), Ok("1234".into()));
    assert_eq!(shown("PPP.P"), Err(RoleError { idx: 4, n_primary: 3 }));
    assert_eq!(shown("PPPLP"), Err(RoleError { idx: 4, n_primary: 3 }));
    assert_eq!(shown("PPPPP"), Err(RoleError { idx: 3, n_primary: 3 }));
}

#[test]
fn the_bytes_do_not_change_by_accident() {
    let digest = |table: &Table| {
        let bytes = table.layout(21 << 20).unwrap()[0].content.to_vec(&MemoryBlobs::new()).unwrap();
        Digest::of(&bytes).to_string()
    };
    insta::assert_snapshot!(digest(&sample()), @"5269792bcbeeeb172bf4988ec378d75ef5e85f1399e24269bc67997cd4e96160");
    insta::assert_snapshot!(digest(&extended()), @"d131b9b4dde9e64841c42919c4b4ad60813ff747bb1ca41d380b0e5815a38d50");
}
