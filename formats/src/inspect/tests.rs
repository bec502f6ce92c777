//! Images that gravure writes, seen by others: whole, damaged in known ways, and damaged in any way.

use std::io::Cursor;

use proptest::prelude::*;

use super::*;
use crate::disk::{Content, Disk, Request, Table, layout, place_partitions};
use crate::{Capacity, Digest, Extents, Guid, MemoryBlobs, Tree, TreePath, ext, fat, gpt, guid, mbr};

const MIB: u64 = 1 << 20;
const KIB: usize = 1 << 10;
/// 2025-11-23 14:23:28 UTC.
const TIME: i64 = 1_763_907_808;

fn add(tree: &mut Tree, path: &str, mut entry: crate::Entry) {
    entry.metadata.mtime = TIME;
    tree.insert(&TreePath::parse(path).unwrap(), entry).unwrap();
}

fn file(len: usize) -> crate::Entry {
    crate::Entry::file(0o644, Extents::from_bytes((0..len).map(|i| (i % 251) as u8).collect::<Vec<u8>>()))
}

fn root_tree() -> Tree {
    let mut tree = Tree::default();
    add(&mut tree, "etc/fstab", crate::Entry::file(0o644, Extents::from_bytes(&b"LABEL=root / ext4\n"[..])));
    add(&mut tree, "usr/bin/tool", file(40_000));
    add(&mut tree, "bin", crate::Entry::symlink("usr/bin"));
    add(&mut tree, "loop", crate::Entry::symlink("loop"));
    add(&mut tree, "etc/shadow", crate::Entry::file(0o600, Extents::default()));
    for number in 0..80 {
        add(&mut tree, &format!("usr/share/doc/package-{number}/copyright"), file(10));
    }
    tree
}

fn esp_tree() -> Tree {
    let mut tree = Tree::default();
    add(&mut tree, "EFI/BOOT/BOOTX64.EFI", file(20_000));
    add(&mut tree, "EFI/a name that is long.cfg", file(100));
    tree
}

fn ext(features: ext::Features) -> Extents {
    let options = ext::Options {
        block_size: 1024,
        label: "root".to_owned(),
        uuid: [7; 16],
        hash_seed: [8; 16],
        time: TIME,
        capacity: Capacity::Exact(2 * MIB),
        journal: ext::Journal::Usual,
        features,
    };
    ext::layout(&root_tree(), &options).unwrap()
}

fn fat(kind: fat::Kind, capacity: u64) -> Extents {
    let options = fat::Options {
        kind: Some(kind),
        label: Some("MY-ESP".to_owned()),
        volume_id: 0x1234_abcd,
        time: TIME,
        capacity: Capacity::Exact(capacity),
        cluster_len: None,
        hidden_sectors: 0,
    };
    fat::layout(&esp_tree(), &options).unwrap()
}

fn contents() -> [(&'static str, Guid, Extents); 3] {
    let plain = ext::Features { metadata_csum: false, bits64: false, ..ext::Features::default() };
    [
        ("ESP", guid::EFI_SYSTEM, fat(fat::Kind::Fat16, 3 * MIB)),
        ("root", guid::LINUX_ROOT_X86_64, ext(ext::Features::default())),
        ("data", guid::LINUX_FILE_SYSTEM, ext(plain)),
    ]
}

fn gpt_disk() -> Vec<u8> {
    let contents = contents();
    let requests = contents.iter().map(|(name, _, content)| Request {
        name: (*name).to_owned(),
        offset: None,
        alignment: MIB,
        len: content.len(),
    });
    let places = place_partitions(MIB, &requests.collect::<Vec<_>>()).unwrap();
    let mut table = gpt::Table::new(Guid([1; 16]));
    for ((name, ty, _), place) in contents.iter().zip(&places) {
        table.entries.push(Some(gpt::Partition {
            type_guid: *ty,
            guid: Guid::from_digest(&Digest::of(name.as_bytes())),
            name: (*name).to_owned(),
            first_lba: place.first_lba(),
            last_lba: place.last_lba(),
            attributes: if *name == "data" { gpt::attribute::NO_AUTO | 1 << 7 } else { 0 },
        }));
    }
    let parts = contents.into_iter().zip(&places).map(|((name, _, content), place)| Content {
        name: name.to_owned(),
        at: place.at,
        content,
    });
    let loader = Content { name: "loader".to_owned(), at: 32768, content: Extents::from_bytes(&b"RKNS and more"[..]) };
    let disk = Disk { len: None, table: Table::Gpt(table), parts: parts.collect(), raw: vec![loader] };
    bytes(&layout(&disk).unwrap())
}

fn bytes(image: &Extents) -> Vec<u8> {
    image.to_vec(&MemoryBlobs::new()).unwrap()
}

/// A disk with an MBR: one primary partition, and an extended one with two logical ones.
fn mbr_disk() -> Vec<u8> {
    let primary = fat(fat::Kind::Fat12, MIB);
    let name = "boot".to_owned();
    let part =
        mbr::Partition { name, kind: mbr::kind::FAT16, active: true, first_lba: 2048, n_sectors: primary.len() / 512 };
    let table = Table::Mbr(mbr::Table { disk_signature: 0xcafe_f00d, ..mbr::Table::new(0, [(part, None)]) });
    let parts = vec![Content { name: "boot".to_owned(), at: MIB, content: primary }];
    let mut image = bytes(&layout(&Disk { len: Some(6 * MIB), table, parts, raw: Vec::new() }).unwrap());
    let mut link = |at: u64, entries: [(u8, u32, u32); 2]| {
        let sector = &mut image[at as usize * 512..][..512];
        for (record, (kind, first, len)) in sector[446..].chunks_exact_mut(16).zip(entries) {
            record[4] = kind;
            record[8..12].copy_from_slice(&first.to_le_bytes());
            record[12..16].copy_from_slice(&len.to_le_bytes());
        }
        sector[510..].copy_from_slice(&[0x55, 0xaa]);
    };
    link(6144, [(0x83, 100, 1000), (0x05, 2048, 2048)]);
    link(8192, [(0x82, 100, 500), (0, 0, 0)]);
    // The third entry of the table, as tools leave it that delete the second partition.
    let extended = &mut image[446 + 32..][..16];
    extended[4] = 0x0f;
    extended[8..12].copy_from_slice(&6144u32.to_le_bytes());
    extended[12..16].copy_from_slice(&4096u32.to_le_bytes());
    image[100] = 0xeb;
    image
}

fn open(bytes: Vec<u8>) -> (Image, Inspection) {
    let image = Image::new(Cursor::new(bytes)).unwrap();
    let inspection = inspect(&image).unwrap();
    (image, inspection)
}

fn shown(bytes: Vec<u8>) -> String {
    let (image, inspection) = open(bytes);
    let mut lines = Vec::new();
    if let Some(table) = &inspection.table {
        lines.push(format!("{} {}", table.kind.name(), table.id.as_deref().unwrap_or("?")));
        for (partition, volume) in table.partitions.iter().zip(&inspection.volumes) {
            let Partition { number, name, type_name, at, len, flags, uuid, .. } = partition;
            lines.push(format!("{number} {name:?} {type_name:?} {at} {len} {flags:?} {uuid}"));
            lines.extend(volume.as_ref().map(volume_line));
        }
        let hybrid = table.hybrid.iter();
        lines.extend(hybrid.map(|part| format!("hybrid {} {} {} {}", part.number, part.ty, part.at, part.len)));
    }
    lines.extend(inspection.whole.as_ref().map(volume_line));
    let findings = inspection.findings.0.iter();
    lines.extend(findings.map(|finding| format!("{} {}", if finding.is_damage { "!" } else { "." }, finding.text)));
    for area in areas(&image, &inspection).unwrap().areas {
        lines.push(format!("{:>8} {:>8} {} {}", area.at, area.end(), area.role.name(), area.what));
    }
    lines.join("\n")
}

fn volume_line(volume: &Volume) -> String {
    let Volume { kind, label, uuid, len, free, .. } = volume;
    // In tenths of the whole: how much metadata there is, is the writers' business.
    let free = free.zip(*len).map(|(free, len)| free * 10 / len);
    let counts = match &volume.files {
        Contents::Files(files) => format!("{:?}", count(&**files).unwrap()),
        Contents::Unread => "unread".to_owned(),
        Contents::Damaged(why) | Contents::Unsupported(why) => why.clone(),
    };
    format!("  {kind} {label:?} {} {len:?} {free:?} {counts}", uuid.as_deref().unwrap_or("-"))
}

/// Returns the files of a partition.
fn files(inspection: &Inspection, number: usize) -> &dyn Files {
    match &inspection.volumes[number - 1].as_ref().unwrap().files {
        Contents::Files(files) => &**files,
        _ => panic!("partition {number} has files"),
    }
}

fn content(files: &dyn Files, path: &str) -> Result<Vec<u8>, Error> {
    let mut content = Vec::new();
    files.read(path.as_bytes(), &mut |piece| {
        content.extend(piece);
        Ok(())
    })?;
    Ok(content)
}

#[test]
fn a_gpt_disk() {
    insta::assert_snapshot!(shown(gpt_disk()), @r#"
    GPT 01010101-0101-0101-0101-010101010101
    1 "ESP" Some("EFI system") 1048576 3145728 [] d9f35eb1-61f0-8e4d-a43f-b7f13a043799
      FAT16 "MY-ESP" 1234-ABCD Some(3145728) Some(9) Counts { files: 2, directories: 2, links: 0, others: 0 }
    2 "root" Some("Linux root (x86-64)") 4194304 2097152 [] 4813494d-137e-8631-bba3-01d5acab6e7b
      ext4 "root" 07070707-0707-0707-0707-070707070707 Some(2097152) Some(3) Counts { files: 83, directories: 86, links: 2, others: 0 }
    3 "data" Some("Linux file system") 6291456 2097152 ["bit 7", "no automatic mount"] 3a6eb079-0f39-8c87-894f-3856b2dd2c5d
      ext4 "root" 07070707-0707-0707-0707-070707070707 Some(2097152) Some(3) Counts { files: 83, directories: 86, links: 2, others: 0 }
           0      440 free free
         440      512 table protective MBR
         512     1024 table GPT header
        1024    17408 table GPT entry array
       17408    32768 free free
       32768    33280 loader Rockchip boot loader
       33280  1048576 free free
     1048576  4194304 partition partition 1 `ESP`, FAT16
     4194304  6291456 partition partition 2 `root`, ext4
     6291456  8388608 partition partition 3 `data`, ext4
     8388608  8392192 free free
     8392192  8408576 table backup GPT entry array
     8408576  8409088 table backup GPT header
    "#);
}

#[test]
fn an_mbr_disk_with_logical_partitions() {
    insta::assert_snapshot!(shown(mbr_disk()), @r#"
    MBR cafef00d
    1 "" Some("FAT16") 1048576 1048576 ["active"] cafef00d-01
      FAT12 "MY-ESP" 1234-ABCD Some(1048576) Some(9) Counts { files: 2, directories: 2, links: 0, others: 0 }
    3 "" Some("extended") 3145728 2097152 [] cafef00d-03
    5 "" Some("Linux") 3196928 512000 [] cafef00d-05
    6 "" Some("Linux swap") 4245504 256000 [] cafef00d-06
           0      440 loader boot code
         440      512 table MBR partition table
         512  1048576 free free
     1048576  2097152 partition partition 1 `MY-ESP`, FAT12
     2097152  3145728 free free
     3145728  3146240 table extended partition table
     3146240  3196928 free free
     3196928  3708928 partition partition 5, Linux
     3708928  4194304 free free
     4194304  4194816 table extended partition table
     4194816  4245504 free free
     4245504  4501504 partition partition 6, Linux swap
     4501504  6291456 free free
    "#);
}

#[test]
fn a_hybrid_disk() {
    let mut image = gpt_disk();
    image[446 + 16..][..16].copy_from_slice(&[0x80, 0, 0, 0, 0xef, 0, 0, 0, 0, 8, 0, 0, 0, 0x18, 0, 0]);
    let lines = shown(image);
    let lines: Vec<&str> = lines.lines().filter(|line| line.contains("ybrid") || line.starts_with('!')).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    GPT with a hybrid MBR 01010101-0101-0101-0101-010101010101
    hybrid 2 ef 1048576 3145728
         440      512 table hybrid MBR
    ");
}

#[test]
fn bare_file_systems() {
    let ext4 = shown(bytes(&ext(ext::Features::default())));
    let fat32 = shown(bytes(&fat(fat::Kind::Fat32, 40 * MIB)));
    let swap = [vec![0; 4086], b"SWAPSPACE2".to_vec(), vec![0; 4096]].concat();
    insta::assert_snapshot!([ext4, fat32, shown(swap), shown(vec![0; 5000]), shown(Vec::new())].join("\n"), @r#"
    ext4 "root" 07070707-0707-0707-0707-070707070707 Some(2097152) Some(3) Counts { files: 83, directories: 86, links: 2, others: 0 }
         0  2097152 partition ext4 `root`
    FAT32 "MY-ESP" 1234-ABCD Some(41943040) Some(9) Counts { files: 2, directories: 2, links: 0, others: 0 }
         0 41943040 partition FAT32 `MY-ESP`
    swap "" - None None unread
         0     8192 partition swap
         0     5000 free free
    "#);
}

#[test]
fn sectors_of_4096_bytes() {
    // The same table as `gpt` writes it on such a disk.
    let device = Cursor::new(vec![0; 2 * MIB as usize]);
    let config = ::gpt::GptConfig::new().writable(true).logical_block_size(::gpt::disk::LogicalBlockSize::Lb4096);
    let mut disk = config.create_from_device(device, None).unwrap();
    disk.add_partition("tiny", 64 * 1024, ::gpt::partition_types::LINUX_FS, 0, None).unwrap();
    let (_, inspection) = open(disk.write().unwrap().into_inner());
    let table = inspection.table.unwrap();
    assert_eq!((table.sector, table.partitions[0].name.as_str(), table.partitions[0].len), (4096, "tiny", 65536));
}

#[test]
fn files_are_found_through_links() {
    let (_, inspection) = open(gpt_disk());
    let root = files(&inspection, 2);
    let Ok(tool) = content(root, "/bin/tool") else { panic!("it is there") };
    assert_eq!((tool.len(), tool[250], tool[251]), (40_000, 250, 0));
    assert_eq!(content(root, "/bin/../../etc/fstab").unwrap(), b"LABEL=root / ext4\n");
    let names = root.list(b"/").unwrap().into_iter().map(|entry| {
        let target = entry.target.map(|target| String::from_utf8(target).unwrap());
        (String::from_utf8(entry.name).unwrap(), entry.kind.letter(), target, entry.modified.unwrap() == TIME)
    });
    insta::assert_debug_snapshot!(names.collect::<Vec<_>>(), @r#"
    [
        (
            "bin",
            'l',
            Some(
                "usr/bin",
            ),
            true,
        ),
        (
            "etc",
            'd',
            None,
            false,
        ),
        (
            "loop",
            'l',
            Some(
                "loop",
            ),
            true,
        ),
        (
            "lost+found",
            'd',
            None,
            true,
        ),
        (
            "usr",
            'd',
            None,
            false,
        ),
    ]
    "#);
    let why = |path| format!("{path}: {}", content(root, path).unwrap_err());
    let paths = ["/nothing", "/etc/fstab/x", "/loop", "/etc", "/lost+found/x"].map(why);
    insta::assert_snapshot!(paths.join("\n"), @r"
    /nothing: there is no such file
    /etc/fstab/x: a part of the path is no directory
    /loop: too many symbolic links lead to each other
    /etc: it is no regular file
    /lost+found/x: there is no such file
    ");
}

#[test]
fn fat_names_have_no_case() {
    let (_, inspection) = open(gpt_disk());
    let esp = files(&inspection, 1);
    assert_eq!(content(esp, "/efi/boot/bootx64.efi").unwrap().len(), 20_000);
    assert_eq!(content(esp, "/EFI/ANAMET~1.CFG").unwrap().len(), 100, "by its short name");
    let entry = esp.entry(b"/EFI/./BOOT/../A name that is long.cfg").unwrap();
    assert_eq!((entry.len, entry.modified), (100, Some(TIME)));
    assert!(matches!(content(esp, "/EFI"), Err(Error::NoFile)));
    assert!(matches!(esp.list(b"/EFI/BOOT/BOOTX64.EFI"), Err(Error::NotADirectory)));
    assert!(matches!(esp.entry(b"/EFI/\xff"), Err(Error::NotFound)));
}

/// What is found in a disk after `damage`.
fn found(damage: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut image = gpt_disk();
    damage(&mut image);
    let (_, inspection) = open(image);
    let partitions = inspection.table.as_ref().map_or(0, |table| table.partitions.len());
    let findings = inspection.findings.0.iter();
    let lines = findings.map(|finding| format!("{} {}\n", if finding.is_damage { "!" } else { "." }, finding.text));
    format!("{partitions} partitions\n{}", lines.collect::<String>())
}

#[test]
fn damage_is_named() {
    let at_end = |from_end: usize| {
        move |image: &mut Vec<u8>| {
            let at = image.len() - from_end;
            image[at] ^= 1;
        }
    };
    let cases: [(&str, String); 9] = [
        ("header", found(|image| image[512 + 60] ^= 1)),
        ("entries", found(|image| image[1024 + 60] ^= 1)),
        ("backup header", found(at_end(512 - 60))),
        ("backup entries", found(at_end(512 + 16384 - 60))),
        (
            "both",
            found(|image| {
                image[512] = 0;
                at_end(512 - 60)(image);
            }),
        ),
        ("no protection", found(|image| image[450] = 0)),
        ("truncated", found(|image| image.truncate(5 * MIB as usize))),
        ("longer", found(|image| image.resize(image.len() + 4096, 0))),
        ("superblock", found(|image| image[4 * MIB as usize + 1024 + 4] ^= 0xff)),
    ];
    let lines = cases.map(|(what, found)| format!("{what}: {found}"));
    insta::assert_snapshot!(lines.concat(), @r"
    header: 3 partitions
    ! the GPT header in sector 1 does not have its checksum
    entries: 3 partitions
    ! the entries of the GPT do not have their checksum
    backup header: 3 partitions
    ! the backup GPT header in sector 16,423 does not have its checksum
    backup entries: 3 partitions
    ! the entries of the backup GPT do not have their checksum
    both: 0 partitions
    ! there is no GPT header in sector 1
    ! the backup GPT header in sector 16,423 does not have its checksum
    no protection: 3 partitions
    ! no MBR protects the GPT from tools that do not know it
    truncated: 3 partitions
    ! the backup GPT should be in sector 16,423, and the image ends with sector 10,239: it is truncated
    ! partition 2 ends at byte 6,291,456, and the image has 5,242,880: it is truncated
    ! partition 3 ends at byte 8,388,608, and the image has 5,242,880: it is truncated
    ! the ext4 of partition 2 is damaged: it should have 2,097,152 bytes, and there are 1,048,576
    longer: 3 partitions
    . the image is longer than its disk, which the GPT describes as 8,212 KiB
    superblock: 3 partitions
    ! the ext4 of partition 2 is damaged: it should have 2,358,272 bytes, and there are 2,097,152
    ");
}

#[test]
fn a_chain_of_logical_partitions_that_leads_in_circles_ends() {
    let mut image = mbr_disk();
    // The second one leads back to the first.
    image[8192 * 512 + 446 + 16..][..16].copy_from_slice(&[0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
    assert!(shown(image).contains("! the chain of logical partitions leads in circles"));
}

#[test]
fn a_directory_that_contains_itself_ends() {
    let mut image = bytes(&fat(fat::Kind::Fat16, 3 * MIB));
    // The entries `.` and `..` of EFI get names that are not passed over.
    let at = image.windows(11).position(|window| window == b".          ").unwrap();
    image[at] = b'X';
    let (_, inspection) = open(image);
    let Contents::Files(files) = inspection.whole.unwrap().files else { panic!("it can be read") };
    let (_, error) = count(&*files).unwrap_err();
    assert_eq!(error.to_string(), "its directories contain each other");
}

/// Asks everything that can be asked, and reads everything, up to a limit.
fn inspect_everything(bytes: Vec<u8>) {
    let Ok(image) = Image::new(Cursor::new(bytes)) else { return };
    let _ = wrapping(&image);
    let Ok(inspection) = inspect(&image) else { return };
    areas(&image, &inspection).unwrap();
    let volumes = inspection.volumes.iter().flatten().chain(&inspection.whole);
    for volume in volumes {
        let Contents::Files(files) = &volume.files else { continue };
        let _ = count(&**files);
        read_all(&**files);
    }
}

fn read_all(files: &dyn Files) {
    let (mut waiting, mut left) = (vec![b"/".to_vec()], 400);
    while let Some(folder) = waiting.pop() {
        for entry in files.list(&folder).unwrap_or_default() {
            left -= 1;
            if left == 0 {
                return;
            }
            let path = join(&folder, &entry.name);
            let _ = files.entry(&path);
            let mut most = 4 * MIB as usize;
            let _ = files.read(&path, &mut |piece| {
                most = most.checked_sub(piece.len()).ok_or(io::ErrorKind::Other)?;
                Ok(())
            });
            if entry.kind == EntryKind::Directory && path.len() < 1000 {
                waiting.push(path);
            }
        }
    }
}

/// Changes bytes of an image that are not zero, or near such: what structures are made of.
fn damaged(image: &[u8], changes: &[(prop::sample::Index, usize, u8)]) -> Vec<u8> {
    let filled: Vec<usize> = (0..image.len()).filter(|&at| image[at] != 0).collect();
    let mut image = image.to_vec();
    for (index, shift, value) in changes {
        let at = filled[index.index(filled.len())] + shift;
        if let Some(byte) = image.get_mut(at) {
            *byte = *value;
        }
    }
    image
}

fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, usize, u8)>> {
    let value = prop_oneof![any::<u8>(), Just(0), Just(1), Just(0xff)];
    proptest::collection::vec((any::<prop::sample::Index>(), 0usize..8, value), 1..24)
}

/// Boot sectors, superblocks, tables: where the first of each are.
fn structures(image: &[u8]) -> Vec<usize> {
    [0, 512, 1024, MIB as usize, MIB as usize + 512, 4 * MIB as usize, 6 * MIB as usize]
        .into_iter()
        .filter(|at| at + 4 * KIB < image.len())
        .collect()
}

fn checked_without_checksums() -> Vec<Vec<u8>> {
    let plain = ext::Features { metadata_csum: false, bits64: false, ..ext::Features::default() };
    vec![
        gpt_disk(),
        mbr_disk(),
        bytes(&ext(plain)),
        bytes(&fat(fat::Kind::Fat12, MIB)),
        bytes(&fat(fat::Kind::Fat16, 3 * MIB)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_damage_makes_it_panic(image in any::<prop::sample::Index>(), changes in changes(), near in proptest::collection::vec((any::<prop::sample::Index>(), 0usize..4096, any::<u8>()), 0..6), len in prop::option::of(any::<prop::sample::Index>())) {
        thread_local!(static IMAGES: Vec<Vec<u8>> = checked_without_checksums());
        IMAGES.with(|images| {
            let image = &images[image.index(images.len())];
            let mut bytes = damaged(image, &changes);
            let structures = structures(image);
            for (index, shift, value) in near {
                bytes[structures[index.index(structures.len())] + shift] = value;
            }
            if let Some(len) = len {
                bytes.truncate(len.index(bytes.len() + 1));
            }
            inspect_everything(bytes);
        });
    }
}
