//! The table as `sgdisk` and the `gpt` crate see it.

use proptest::prelude::*;

use super::*;
use crate::judge::{Tool, sector_image};
use crate::{Digest, MemoryBlobs, guid};

fn partition(name: &str, first_lba: u64, last_lba: u64) -> Partition {
    let guid = Guid::from_digest(&Digest::of(name.as_bytes()));
    let name = name.to_owned();
    Partition { type_guid: guid::LINUX_FILE_SYSTEM, guid, name, first_lba, last_lba, attributes: 0 }
}

fn table(entries: Vec<Option<Partition>>) -> Table {
    Table { entries, ..Table::new(Guid::from_digest(&Digest::of(b"disk"))) }
}

/// A table as images of PCs have it, with a slot left out.
fn sample() -> Table {
    let esp = Partition { type_guid: guid::EFI_SYSTEM, ..partition("ESP", 2048, 83967) };
    let root = Partition { attributes: attribute::LEGACY_BOOT, ..partition("Wurzel 🌱", 83968, 104447) };
    table(vec![Some(esp), None, Some(root)])
}

const SAMPLE_SECTORS: u64 = 106_496;

fn image(table: &Table, n_sectors: u64) -> Extents {
    let pieces = table.layout(n_sectors * SECTOR).unwrap();
    let parts: Vec<(u64, Extents)> = pieces.into_iter().map(|piece| (piece.at, piece.content)).collect();
    sector_image(n_sectors, &parts)
}

/// Asserts that `sgdisk`, `sfdisk` and the `gpt` crate are content, and that the crate reads what was meant.
fn check(table: &Table, n_sectors: u64) {
    check_with_warnings(table, n_sectors, &[]);
}

/// The same for tables that `sgdisk` calls sound, but finds so unusual that it warns with lines that begin so.
fn check_with_warnings(table: &Table, n_sectors: u64, expected: &[&str]) {
    let image = image(table, n_sectors);
    let blobs = MemoryBlobs::new();
    let verdict = Tool::new("sgdisk", "gdisk").run_on(&image, &blobs, &["-v"]);
    assert!(verdict.contains("No problems found"), "{verdict}");
    let warnings: Vec<&str> = verdict.lines().filter(|line| line.starts_with("Warning")).collect();
    assert_eq!(warnings.len(), expected.len(), "{verdict}");
    assert!(warnings.iter().zip(expected).all(|(line, start)| line.starts_with(start)), "{verdict}");

    let verdict = Tool::new("sfdisk", "fdisk").run_on(&image, &blobs, &["--verify"]);
    assert!(verdict.contains("No errors detected"), "{verdict}");

    let bytes = std::io::Cursor::new(image.to_vec(&blobs).unwrap());
    let disk = gpt::GptConfig::new().open_from_device(bytes).unwrap();
    assert_eq!(disk.primary_header().unwrap().disk_guid.as_bytes(), &table.disk_guid.0);
    assert_eq!(disk.backup_header().unwrap().disk_guid.as_bytes(), &table.disk_guid.0);
    let read: Vec<(u32, Partition)> = disk
        .partitions()
        .iter()
        .map(|(slot, part)| {
            let read = Partition {
                type_guid: part.part_type_guid.guid.to_string().parse().unwrap(),
                guid: Guid(*part.part_guid.as_bytes()),
                name: part.name.clone(),
                first_lba: part.first_lba,
                last_lba: part.last_lba,
                attributes: part.flags,
            };
            (*slot, read)
        })
        .collect();
    let meant: Vec<(u32, Partition)> =
        (1..).zip(&table.entries).filter_map(|(slot, part)| Some((slot, part.clone()?))).collect();
    assert_eq!(read, meant);
}

#[test]
fn judges_are_content_with_the_sample() {
    check(&sample(), SAMPLE_SECTORS);
}

#[test]
fn the_entry_array_moves_behind_a_boot_loader() {
    let moved = Table { entry_array_at: 2048, ..sample() };
    assert_eq!(moved.usable(SAMPLE_SECTORS * SECTOR).unwrap(), 2080..=SAMPLE_SECTORS - 34);
    let entries = vec![Some(partition("root", 4096, 99999))];
    let warnings = ["Warning: There is a gap between the main metadata (sector 1) and the main"];
    check_with_warnings(&Table { entries, ..moved }, SAMPLE_SECTORS, &warnings);
}

#[test]
fn a_short_array_leaves_sector_16_to_the_boot_loader() {
    let short = Table { n_entries: 56, ..sample() };
    let pieces = short.layout(SAMPLE_SECTORS * SECTOR).unwrap();
    assert_eq!((pieces[2].what.as_str(), pieces[2].at + pieces[2].content.len()), ("GPT entry array", 16 * SECTOR));
    let warnings = [
        "Warning: There is a gap between the main partition table (ending sector 15)",
        "Warning: The size of the partition table (7168 bytes) is less than the minimum",
    ];
    check_with_warnings(&short, SAMPLE_SECTORS, &warnings);
}

#[test]
fn more_entries_than_usual_need_more_space() {
    let entries = (0..200).map(|i| Some(partition(&format!("p{i}"), 2048 + i, 2048 + i))).collect();
    let large = Table { n_entries: 256, ..table(entries) };
    assert_eq!(large.usable(SAMPLE_SECTORS * SECTOR).unwrap(), 66..=SAMPLE_SECTORS - 66);
    check(&large, SAMPLE_SECTORS);
    let moved = Table { entry_array_at: 100, ..large };
    let warnings = ["Warning: There is a gap between the main metadata (sector 1) and the main"];
    check_with_warnings(&moved, SAMPLE_SECTORS, &warnings);
}

#[test]
fn attributes_are_the_bits_that_sfdisk_names() {
    assert_eq!(attribute::by_name("read-only"), Some(attribute::READ_ONLY));
    assert_eq!(attribute::by_name("readonly"), None);
    let bits = attribute::NAMES.iter().fold(0, |bits, (_, bit)| bits | bit);
    let part =
        Partition { attributes: bits, type_guid: guid::by_name("root-arm64").unwrap(), ..partition("r", 2048, 4095) };
    let image = image(&table(vec![Some(part)]), SAMPLE_SECTORS);
    let dump = Tool::new("sfdisk", "fdisk").run_on(&image, &MemoryBlobs::new(), &["--dump"]);
    insta::assert_snapshot!(dump.lines().last().unwrap(), @r#"disk.img1 : start=        2048, size=        2048, type=B921B045-1DF0-41C3-AF44-4C6F280D3FAE, uuid=454349E4-22F0-8297-991E-AD13E21D3DB5, name="r", attrs="RequiredPartition NoBlockIOProtocol LegacyBIOSBootable GUID:59,60,63""#);
}

#[test]
fn the_smallest_disk() {
    let table = Table::new(guid::BASIC_DATA);
    let len = table.len_for(0).unwrap();
    assert_eq!(len, (34 + 1 + 33) * SECTOR);
    check(&table, len / SECTOR);
    assert_eq!(table.usable(len - SECTOR), Err(Error::Disk { len: len - SECTOR, needed: len }));
    assert_eq!(table.len_for(u64::MAX), None);
}

#[test]
fn the_protective_mbr_covers_the_disk() {
    let dump = Tool::new("sfdisk", "fdisk").run_on(
        &sector_image(SAMPLE_SECTORS, &[(mbr::TABLE_AT, mbr::protective(SAMPLE_SECTORS))]),
        &MemoryBlobs::new(),
        &["--dump"],
    );
    assert!(dump.contains("start=           1, size=      106495, type=ee"), "{dump}");
}

#[test]
fn mistakes_are_plain() {
    let shown = |entries| table(entries).layout(SAMPLE_SECTORS * SECTOR).unwrap_err().to_string();
    let one = |part| shown(vec![Some(part)]);
    insta::assert_snapshot!(one(partition(&"ä".repeat(37), 2048, 4095)), @"the partition name `äääääääääääääääääääääääääääääääääääää` has 37 UTF-16 units, and a GPT keeps at most 36");
    insta::assert_snapshot!(one(partition("a\0b", 2048, 4095)), @r#"the partition name `a\0b` contains a NUL"#);
    insta::assert_snapshot!(one(partition("early", 33, 4095)), @"the partition `early` (sectors 33 to 4,095) is not inside the sectors 34 to 106,462 that the GPT leaves for partitions");
    insta::assert_snapshot!(one(partition("late", 2048, SAMPLE_SECTORS - 33)), @"the partition `late` (sectors 2,048 to 106,463) is not inside the sectors 34 to 106,462 that the GPT leaves for partitions");
    insta::assert_snapshot!(one(partition("none", 2048, 2047)), @"the partition `none` has no sectors");
    insta::assert_snapshot!(one(Partition { type_guid: Guid::ZERO, ..partition("untyped", 2048, 4095) }), @"the partition `untyped` has the type of an unused entry");
    insta::assert_snapshot!(shown(vec![Some(partition("b", 4095, 9000)), Some(partition("a", 2048, 4095))]), @"the partition `b` (sectors 4,095 to 9,000) overlaps `a` (sectors 2,048 to 4,095)");
    let twin = Partition { guid: partition("a", 0, 0).guid, ..partition("b", 4096, 4096) };
    insta::assert_snapshot!(shown(vec![Some(partition("a", 2048, 4095)), Some(twin)]), @"the partitions `a` and `b` have the same GUID ca978112-ca1b-8dca-bac2-31b39a23dc4d");
    let unnamed = || partition("", 33, 4095);
    insta::assert_snapshot!(shown(vec![None, Some(unnamed())]), @"the partition `#2` (sectors 33 to 4,095) is not inside the sectors 34 to 106,462 that the GPT leaves for partitions");
    let many = |n| (0..n).map(|i| Some(partition(&format!("p{i}"), 2048 + i, 2048 + i))).collect();
    insta::assert_snapshot!(shown(many(129)), @"the partition `p128` has the number 129, and the GPT has 128 entries");
    table(many(128)).layout(SAMPLE_SECTORS * SECTOR).unwrap();
    let short = Table { n_entries: 3, ..table(many(4)) };
    insta::assert_snapshot!(short.layout(SAMPLE_SECTORS * SECTOR).unwrap_err(), @"the partition `p3` has the number 4, and the GPT has 3 entries");
    let none = Table { n_entries: 0, ..table(vec![]) };
    insta::assert_snapshot!(none.layout(SAMPLE_SECTORS * SECTOR).unwrap_err(), @"a GPT without entries has no partitions");
    insta::assert_snapshot!(sample().layout(1000).unwrap_err(), @"a disk of 1,000 bytes is not made of whole sectors of 512 bytes");
    insta::assert_snapshot!(sample().layout(SECTOR * 20).unwrap_err(), @"a disk of 10,240 bytes is too small for its GPT, which needs 34,816 bytes");
    let on_header = Table { entry_array_at: 1, ..sample() };
    insta::assert_snapshot!(on_header.layout(SAMPLE_SECTORS * SECTOR).unwrap_err(), @"the GPT entry array cannot start at sector 1");
    let far = Table { entry_array_at: u64::MAX, ..sample() };
    assert_eq!(far.layout(SAMPLE_SECTORS * SECTOR), Err(Error::EntryArray { lba: u64::MAX }));
}

#[test]
fn pieces_of_the_sample() {
    let pieces = sample().layout(SAMPLE_SECTORS * SECTOR).unwrap();
    let lines: Vec<String> =
        pieces.iter().map(|piece| format!("{} {} {}", piece.at, piece.content.len(), piece.what)).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    440 72 protective MBR
    512 512 GPT header
    1024 16384 GPT entry array
    54509056 16384 backup GPT entry array
    54525440 512 backup GPT header
    ");
}

#[test]
fn the_bytes_do_not_change_by_accident() {
    let bytes = image(&sample(), SAMPLE_SECTORS).to_vec(&MemoryBlobs::new()).unwrap();
    insta::assert_snapshot!(Digest::of(&bytes).to_string(), @"e141775eab266b2ab8df8fc2954aa5008a234d71b45af39f69544f05fc7a8fae");
}

/// A GPT of four partitions of 20 MiB, as `sgdisk` places them.
fn four() -> Table {
    let parts = ["a", "b", "c", "d"].into_iter().zip((0u64..).map(|i| 2048 + i * 40960));
    table(parts.map(|(name, first_lba)| Some(partition(name, first_lba, first_lba + 40959))).collect())
}

fn hybrid(entries: &[(usize, u8)], protective: mbr::Protective) -> Table {
    let entries = entries.iter().map(|&(slot, kind)| HybridEntry { slot, kind, active: false }).collect();
    Table { hybrid: Some(Hybrid { entries, protective }), ..four() }
}

/// Returns the entries of an MBR as `sfdisk` reads them.
fn mbr_listing(table: &Table, n_sectors: u64) -> String {
    let (image, blobs) = (image(table, n_sectors), MemoryBlobs::new());
    Tool::new("sfdisk", "fdisk").run_on(&image, &blobs, &["--verify"]);
    let dump = Tool::new("sfdisk", "fdisk").run_on(&image, &blobs, &["--label-nested", "dos", "--dump"]);
    let lines = dump.lines().filter_map(|line| line.strip_prefix("disk.img"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_hybrid_mbr_is_what_sgdisk_makes() {
    for (entries, protective, wanted) in [
        (&[(1, 0x83)][..], mbr::Protective::First, "2"),
        (&[(0, 0x83), (1, 0x83), (2, 0x83)], mbr::Protective::First, "1:2:3"),
        (&[(2, 0x83), (0, 0x83)], mbr::Protective::Last, "3:1:EE"),
    ] {
        let ours = hybrid(entries, protective);
        check(&ours, 409_600);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("disk.img");
        crate::judge::write(&image(&four(), 409_600), &MemoryBlobs::new(), &path);
        let output = Tool::new("sgdisk", "gdisk").run(directory.path(), &["--hybrid", wanted, "disk.img"], None);
        assert!(output.status.success(), "{output:?}");
        let theirs = std::fs::read(path).unwrap();
        let ours = image(&ours, 409_600).to_vec(&MemoryBlobs::new()).unwrap();
        assert!(theirs[..512] == ours[..512], "{wanted}");
    }
}

#[test]
fn partitions_of_a_hybrid_mbr() {
    let mut table = hybrid(&[(0, mbr::kind::FAT32), (3, mbr::kind::LINUX)], mbr::Protective::Last);
    table.hybrid.as_mut().unwrap().entries[0].active = true;
    check(&table, 409_600);
    insta::assert_snapshot!(mbr_listing(&table, 409_600), @r"
    1 : start=        2048, size=       40960, type=c, bootable
    2 : start=      124928, size=       40960, type=83
    3 : start=           1, size=        2047, type=ee
    ");
    table.entry_array_at = 100;
    let pieces = table.layout(409_600 * SECTOR).unwrap();
    assert_eq!(pieces[0].what, "hybrid MBR");
}

#[test]
fn mistakes_in_a_hybrid_mbr_are_plain() {
    let shown = |entries: &[(usize, u8)], change: fn(&mut Table)| {
        let mut table = hybrid(entries, mbr::Protective::First);
        change(&mut table);
        table.layout(1 << 42).unwrap_err().to_string()
    };
    let same = |_: &mut Table| {};
    insta::assert_snapshot!(shown(&[], same), @"a hybrid MBR has one to 3 partitions beside the GPT, and 0 are wanted");
    insta::assert_snapshot!(shown(&[(0, 0xc), (1, 0x83), (2, 0x83), (3, 0x83)], same), @"a hybrid MBR has one to 3 partitions beside the GPT, and 4 are wanted");
    insta::assert_snapshot!(shown(&[(4, 0x83)], same), @"the hybrid MBR is to have partition 5, and the GPT has no such partition");
    insta::assert_snapshot!(shown(&[(1, 0x83), (1, 0xc)], same), @"the hybrid MBR has the partition `b` twice");
    insta::assert_snapshot!(shown(&[(1, 0xee)], same), @"the partition `b` cannot have the type 0xee in a hybrid MBR, which is not that of a partition");
    insta::assert_snapshot!(shown(&[(1, 0x0f)], same), @"the partition `b` has the type 0x0f of extended partitions, which are made where partitions are logical");
    let far = |table: &mut Table| table.entries[3].as_mut().unwrap().last_lba = 1 << 32;
    insta::assert_snapshot!(shown(&[(3, 0x83)], far), @"the partition `d` ends at 2,199,023,256,064 bytes, and an MBR reaches up to 2 TiB; use a GPT");
    let active = |table: &mut Table| table.hybrid.as_mut().unwrap().entries.iter_mut().for_each(|it| it.active = true);
    insta::assert_snapshot!(shown(&[(3, 0x83), (0, 0x0c)], active), @"the partitions `d` and `a` are both active, and an MBR has one active partition at most");
}

/// Partitions in random slots, with random gaps, lengths, names and attributes.
fn tables() -> impl Strategy<Value = Table> {
    let part = (0u64..3000, 1u64..5000, "[a-zäß🌱 ]{0,18}", any::<u64>(), any::<bool>());
    (proptest::collection::vec(part, 0..12), any::<[u8; 16]>()).prop_map(|(parts, disk_guid)| {
        let mut next_lba = 34;
        let mut entries = Vec::new();
        for (gap, len, name, attributes, skip_slot) in parts {
            let first_lba = next_lba + gap;
            let unique = Digest::of(&first_lba.to_le_bytes());
            next_lba = first_lba + len;
            entries.extend(skip_slot.then_some(None));
            let guid = Guid::from_digest(&unique);
            entries.push(Some(Partition { guid, name, attributes, ..partition("", first_lba, next_lba - 1) }));
        }
        Table { entries, ..Table::new(Guid(disk_guid)) }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn judges_are_content_with_any_table(table in tables(), slack in 0u64..5000) {
        let n_sectors = table.len_for(0).unwrap() / SECTOR + slack;
        check(&table, n_sectors);
    }
}
