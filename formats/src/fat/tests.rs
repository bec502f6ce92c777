//! Volumes as `fsck.fat` and the `fatfs` crate see them.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use proptest::prelude::*;

use super::*;
use crate::judge::Tool;
use crate::{Digest, Entry, MemoryBlobs, TreePath, dump};

const MIB: u64 = 1 << 20;
/// 2025-11-23 14:23:28 UTC.
const TIME: i64 = 1_763_907_808;

fn path(text: &str) -> TreePath {
    TreePath::parse(text).unwrap()
}

fn options(kind: Option<Kind>, capacity: Capacity) -> Options {
    Options {
        kind,
        label: Some("MY-ESP".into()),
        volume_id: 0x1234_abcd,
        time: TIME,
        capacity,
        cluster_len: None,
        hidden_sectors: 2048,
    }
}

fn guess(kind: Option<Kind>) -> Options {
    options(kind, Capacity::Guess { headroom: 0 })
}

fn file(content: Extents) -> Entry {
    let mut entry = Entry::file(0o644, content);
    entry.metadata.mtime = TIME;
    entry
}

fn tree_of<'a>(files: impl IntoIterator<Item = (&'a str, u64)>) -> Tree {
    let mut tree = Tree::default();
    for (name, len) in files {
        tree.insert(&path(name), file(Extents::zeros(len))).unwrap();
    }
    tree
}

/// An EFI system partition with names of all sorts.
fn sample(blobs: &mut MemoryBlobs) -> Tree {
    let mut tree = Tree::default();
    let grub = blobs.add((0..5000u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
    tree.insert(&path("EFI/BOOT/BOOTX64.EFI"), file(Extents::from_blob(grub, 20000))).unwrap();
    tree.insert(&path("EFI/debian/grub.cfg"), file(Extents::from_bytes(&b"configfile\n"[..]))).unwrap();
    tree.insert(&path("loader/entries"), Entry::directory(0o755)).unwrap();
    tree.insert(&path("empty"), file(Extents::default())).unwrap();
    tree.insert(&path("Größe mit langem Namen 🌱.txt"), file(Extents::from_blob(grub, 512))).unwrap();
    tree
}

/// What a volume contains: paths, with content where they are files.
type Listing = BTreeMap<String, Option<Vec<u8>>>;

fn meant(tree: &Tree, blobs: &MemoryBlobs) -> Listing {
    let one = |path: &TreePath, entry: &Entry| {
        let content = match &entry.kind {
            crate::Kind::File(content) => Some(content.to_vec(blobs).unwrap()),
            _ => None,
        };
        (String::from_utf8(path.as_bytes().to_vec()).unwrap(), content)
    };
    tree.iter().filter(|(path, ..)| !path.is_root()).map(|(path, _, entry)| one(path, entry)).collect()
}

type Volume = fatfs::FileSystem<Cursor<Vec<u8>>>;

fn open(image: &Extents, blobs: &MemoryBlobs) -> Volume {
    let bytes = Cursor::new(image.to_vec(blobs).unwrap());
    fatfs::FileSystem::new(bytes, fatfs::FsOptions::new()).unwrap()
}

fn read(directory: &fatfs::Dir<'_, Cursor<Vec<u8>>>, prefix: &str, listing: &mut Listing) {
    for entry in directory.iter() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if name == "." || name == ".." {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.is_dir() {
            read(&entry.to_dir(), &format!("{path}/"), listing);
            assert_eq!(listing.insert(path, None), None);
        } else {
            let mut content = Vec::new();
            entry.to_file().read_to_end(&mut content).unwrap();
            assert_eq!(listing.insert(path, Some(content)), None);
        }
    }
}

/// Asserts that `fsck.fat` has nothing to say, and returns its summary ("3 files, 5/4085 clusters").
fn fsck(image: &Extents, blobs: &MemoryBlobs) -> String {
    let text = Tool::new("fsck.fat", "dosfstools").run_on(image, blobs, &["-n"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    lines[1].strip_prefix("disk.img: ").expect("the summary is the last line").to_owned()
}

/// Asserts that both judges are content and that `fatfs` reads what was meant.
fn check(tree: &Tree, blobs: &MemoryBlobs, options: &Options) -> (Extents, String) {
    let image = layout(tree, options).unwrap();
    let summary = fsck(&image, blobs);
    let volume = open(&image, blobs);
    let mut listing = Listing::new();
    read(&volume.root_dir(), "", &mut listing);
    assert!(listing == meant(tree, blobs), "fatfs reads something else");
    assert_eq!(volume.volume_id(), options.volume_id);
    assert_eq!(volume.read_volume_label_from_root_dir().unwrap(), options.label);
    (image, summary)
}

#[test]
fn the_smallest_volume_of_each_kind() {
    let mut blobs = MemoryBlobs::new();
    let tree = sample(&mut blobs);
    let of_kind = |kind| {
        let (image, summary) = check(&tree, &blobs, &guess(kind));
        format!("{} {summary}", image.len() / SECTOR)
    };
    insta::assert_snapshot!(of_kind(Some(Kind::Fat12)), @"82 10 files, 47/47 clusters");
    insta::assert_snapshot!(of_kind(Some(Kind::Fat16)), @"4150 10 files, 47/4085 clusters");
    insta::assert_snapshot!(of_kind(Some(Kind::Fat32)), @"66581 10 files, 48/65525 clusters");
    insta::assert_snapshot!(of_kind(None), @"4150 10 files, 47/4085 clusters");
}

#[test]
fn kinds_by_size() {
    let (tree, blobs) = (tree_of([("a", 1)]), MemoryBlobs::new());
    let kind_of = |capacity| open(&layout(&tree, &options(None, capacity)).unwrap(), &blobs).fat_type();
    assert_eq!(kind_of(Capacity::Exact(2 * MIB)), fatfs::FatType::Fat12);
    assert_eq!(kind_of(Capacity::Exact(3 * MIB)), fatfs::FatType::Fat16);
    assert_eq!(kind_of(Capacity::Exact(512 * MIB)), fatfs::FatType::Fat16);
    assert_eq!(kind_of(Capacity::Exact(513 * MIB)), fatfs::FatType::Fat32);
    assert_eq!(kind_of(Capacity::Guess { headroom: 40 * MIB }), fatfs::FatType::Fat16);
    assert_eq!(kind_of(Capacity::Guess { headroom: 600 * MIB }), fatfs::FatType::Fat32);
    // More entries in the root than FAT16 can have.
    let names: Vec<String> = (0..600).map(|i| format!("FILE{i}")).collect();
    let many = tree_of(names.iter().map(|name| (name.as_str(), 0)));
    let (image, _) = check(&many, &blobs, &guess(None));
    assert_eq!(open(&image, &blobs).fat_type(), fatfs::FatType::Fat32);
}

#[test]
fn exact_sizes_and_headroom() {
    let mut blobs = MemoryBlobs::new();
    let tree = sample(&mut blobs);
    for (kind, len) in
        [(Kind::Fat12, MIB + 700), (Kind::Fat16, 40 * MIB), (Kind::Fat32, 34 * MIB), (Kind::Fat32, 300 * MIB)]
    {
        let (image, _) = check(&tree, &blobs, &options(Some(kind), Capacity::Exact(len)));
        assert_eq!(image.len(), len / SECTOR * SECTOR);
    }
    for kind in [Kind::Fat12, Kind::Fat16, Kind::Fat32] {
        let (image, _) = check(&tree, &blobs, &options(Some(kind), Capacity::Guess { headroom: 3 * MIB / 2 }));
        let stats = open(&image, &blobs).stats().unwrap();
        assert!(u64::from(stats.free_clusters()) * u64::from(stats.cluster_size()) >= 3 * MIB / 2);
    }
}

/// Sizes where a rest as long as a cluster has no entry in the tables; `fsck.fat` refuses a volume that counts it.
#[test]
fn sizes_between_two_lengths_of_the_tables() {
    let mut blobs = MemoryBlobs::new();
    let tree = sample(&mut blobs);
    for (kind, n_sectors) in [
        (Kind::Fat12, 1 + 2 * 3 + 32 + 1022 + 1),
        (Kind::Fat16, 1 + 2 * 32 + 32 + 8190 + 2),
        (Kind::Fat32, 32 + 2 * 513 + 65662 + 1),
        // 64 MiB.
        (Kind::Fat32, 131_072),
    ] {
        let (image, _) = check(&tree, &blobs, &options(Some(kind), Capacity::Exact(n_sectors * SECTOR)));
        assert_eq!(image.len(), n_sectors * SECTOR);
    }
}

#[test]
fn clusters_of_a_chosen_length() {
    let mut blobs = MemoryBlobs::new();
    let tree = sample(&mut blobs);
    for (kind, cluster_len, capacity) in [
        (Some(Kind::Fat12), 32768, Capacity::Guess { headroom: 0 }),
        (Some(Kind::Fat12), 4096, Capacity::Exact(3 * MIB)),
        (Some(Kind::Fat16), 8192, Capacity::Exact(40 * MIB)),
        (Some(Kind::Fat16), 512, Capacity::Guess { headroom: MIB }),
        (Some(Kind::Fat32), 4096, Capacity::Exact(300 * MIB)),
        (Some(Kind::Fat32), 1024, Capacity::Guess { headroom: 0 }),
        (None, 16384, Capacity::Exact(600 * MIB)),
    ] {
        let options = Options { cluster_len: Some(cluster_len), ..options(kind, capacity) };
        let (image, _) = check(&tree, &blobs, &options);
        assert_eq!(open(&image, &blobs).cluster_size(), cluster_len);
    }
    let shown = |kind, cluster_len, len| {
        let options = Options { cluster_len: Some(cluster_len), ..options(Some(kind), Capacity::Exact(len)) };
        layout(&tree, &options).unwrap_err().to_string()
    };
    insta::assert_snapshot!(shown(Kind::Fat32, 4096, 100 * MIB), @"FAT32 with clusters of 4 KiB needs at least 257 MiB, and 100 MiB are given; use FAT16");
    insta::assert_snapshot!(shown(Kind::Fat16, 512, 100 * MIB), @"FAT16 with clusters of 512 bytes reaches up to 33,034 KiB, and 100 MiB are given; leave the size of clusters open");
    insta::assert_snapshot!(shown(Kind::Fat16, 1000, 100 * MIB), @"clusters have a power of two from 512 bytes to 32 KiB, and not 1,000 bytes");
    insta::assert_snapshot!(shown(Kind::Fat16, 65536, 100 * MIB), @"clusters have a power of two from 512 bytes to 32 KiB, and not 64 KiB");
}

/// Trees have names of at most 255 bytes, so no name has more than 255 UTF-16 units.
#[test]
fn the_longest_names() {
    let long =
        ["A".repeat(255), "b".repeat(254) + "c", "ü".repeat(127) + "x", "🌱".repeat(63) + "xyz", "語".repeat(85)];
    check(&tree_of(long.iter().map(|name| (name.as_str(), 1))), &MemoryBlobs::new(), &guess(None));
}

/// The label is a record of the root as well, but no file.
#[test]
fn a_file_may_be_called_like_the_volume() {
    check(&tree_of([("MY-ESP", 1), ("my-esp.txt", 1)]), &MemoryBlobs::new(), &guess(None));
}

#[test]
fn the_root_of_fat16_is_full_with_512_records() {
    let names: Vec<String> = (0..512).map(|i| format!("F{i}")).collect();
    let tree = |n: usize| tree_of(names[..n].iter().map(|name| (name.as_str(), 0)));
    let fat16 = guess(Some(Kind::Fat16));
    check(&tree(511), &MemoryBlobs::new(), &fat16);
    insta::assert_snapshot!(layout(&tree(512), &fat16).unwrap_err(), @"the root directory needs 513 records, and FAT16 has 512; put files into directories, or use FAT32");
    check(&tree(512), &MemoryBlobs::new(), &Options { label: None, ..fat16 });
}

#[test]
fn one_sector_less_than_guessed_is_too_small() {
    let tree = tree_of([("a", 5 * MIB), ("b", 100), ("dir/c", 3 * MIB), ("d", 1), ("e", 2), ("f", 3), ("g", 4 * MIB)]);
    let len = layout(&tree, &guess(Some(Kind::Fat16))).unwrap().len();
    let (image, _) = check(&tree, &MemoryBlobs::new(), &options(Some(Kind::Fat16), Capacity::Exact(len)));
    assert_eq!(image.len(), len);
    let error = layout(&tree, &options(Some(Kind::Fat16), Capacity::Exact(len - SECTOR))).unwrap_err();
    assert!(matches!(error, Error::TooSmall { needed, given, .. } if needed == len && given == len - SECTOR));
    insta::assert_snapshot!(error, @"the content needs 12,635,648 bytes, 512 more than the 12,635,136 that are given; the largest files are `/a` (5 MiB), `/g` (4 MiB), `/dir/c` (3 MiB), `/b` (100 bytes), `/f` (3 bytes)");
}

#[test]
fn times_label_and_serial_number() {
    let (tree, blobs) = (tree_of([("a", 1)]), MemoryBlobs::new());
    let image = layout(&tree, &guess(None)).unwrap();
    let volume = open(&image, &blobs);
    let entry = volume.root_dir().iter().next().unwrap().unwrap();
    let modified = entry.modified();
    let (date, time) = (modified.date, modified.time);
    assert_eq!((date.year, date.month, date.day, time.hour, time.min, time.sec), (2025, 11, 23, 14, 23, 28));
    assert_eq!((volume.volume_label(), volume.volume_id()), ("MY-ESP".to_owned(), 0x1234_abcd));
    let unlabelled = Options { label: None, ..guess(None) };
    check(&tree, &blobs, &unlabelled);
    check(&Tree::default(), &blobs, &Options { kind: Some(Kind::Fat32), ..unlabelled });
}

#[test]
fn many_files_with_one_beginning() {
    let names: Vec<String> = (0..3000).map(|i| format!("directory/some long beginning {i}")).collect();
    check(&tree_of(names.iter().map(|name| (name.as_str(), 1))), &MemoryBlobs::new(), &guess(None));
}

#[test]
fn the_largest_file() {
    layout(&tree_of([("disk.img", u32::MAX.into())]), &guess(None)).unwrap();
    // fsck.fat 4.2 adds up the lengths of clusters in 32 bits, and takes a chain of exactly 4 GiB for an empty one. So it
    // judges the largest file that leaves the last cluster of 32 KiB alone.
    let tree = tree_of([("disk.img", (1 << 32) - 32768)]);
    let image = layout(&tree, &guess(None)).unwrap();
    insta::assert_snapshot!(format!("{} {}", image.len(), fsck(&image, &MemoryBlobs::new())), @"4296033280 2 files, 131072/131072 clusters");
}

#[test]
fn mistakes_are_plain() {
    let shown = |tree: &Tree, options: &Options| layout(tree, options).unwrap_err().to_string();
    let with = |name: &str, entry| {
        let mut tree = Tree::default();
        tree.insert(&path(name), entry).unwrap();
        shown(&tree, &guess(None))
    };
    insta::assert_snapshot!(with("boot/vmlinuz", Entry::symlink("vmlinuz-6.1")), @"`/boot/vmlinuz` is a symbolic link, and FAT holds only files and directories");
    let null = Entry { kind: crate::Kind::CharacterDevice { major: 1, minor: 3 }, ..Entry::directory(0o600) };
    insta::assert_snapshot!(with("dev/null", null), @"`/dev/null` is a device, and FAT holds only files and directories");
    insta::assert_snapshot!(with("disk.img", file(Extents::zeros(1 << 32))), @"`/disk.img` has 4,294,967,296 bytes, and a file on FAT has at most 4,294,967,295 bytes");
    insta::assert_snapshot!(with("EFI/a:b", file(Extents::default())), @"the name of `/EFI/a:b` contains `:`, which names on FAT cannot contain");
    insta::assert_snapshot!(with("etc./x", file(Extents::default())), @"the name of `/etc.` ends with a dot or a space, which readers of FAT drop");
    insta::assert_snapshot!(shown(&tree_of([("EFI/BOOT/x", 1), ("EFI/boot/y", 1)]), &guess(None)), @"`/EFI/BOOT` and `/EFI/boot` differ only by case, which FAT does not tell apart");

    let exact = |kind, len| options(Some(kind), Capacity::Exact(len));
    let small = tree_of([("a", 1)]);
    insta::assert_snapshot!(shown(&small, &exact(Kind::Fat32, 10 * MIB)), @"FAT32 needs at least 33 MiB, and 10 MiB are given; use FAT16");
    insta::assert_snapshot!(shown(&small, &exact(Kind::Fat16, MIB)), @"FAT16 needs at least 2,075 KiB, and 1 MiB are given; use FAT12");
    insta::assert_snapshot!(shown(&small, &exact(Kind::Fat12, 1000)), @"FAT12 needs at least 18 KiB, and 1,000 bytes are given");
    insta::assert_snapshot!(shown(&small, &exact(Kind::Fat16, 3 << 30)), @"FAT16 reaches up to 2,097,040 KiB, and 3 GiB are given; use FAT32");
    insta::assert_snapshot!(shown(&small, &exact(Kind::Fat32, u64::MAX)), @"FAT32 reaches up to 2,147,483,647 KiB, and 18,446,744,073,709,551,615 bytes are given");
    insta::assert_snapshot!(shown(&tree_of([("a", 3 << 30)]), &guess(Some(Kind::Fat16))), @"the content with its headroom is more than FAT16 holds in 2,097,040 KiB; use FAT32");
    insta::assert_snapshot!(shown(&small, &options(None, Capacity::Guess { headroom: u64::MAX })), @"the content with its headroom is more than FAT32 holds in 2,147,483,647 KiB");

    let names: Vec<String> = (0..200).map(|i| format!("some long name {i}")).collect();
    let many = tree_of(names.iter().map(|name| (name.as_str(), 0)));
    insta::assert_snapshot!(shown(&many, &guess(Some(Kind::Fat16))), @"the root directory needs 601 records, and FAT16 has 512; put files into directories, or use FAT32");
    let names: Vec<String> = (0..40_000).map(|i| format!("dir/{i}.lower")).collect();
    let many = tree_of(names.iter().map(|name| (name.as_str(), 0)));
    insta::assert_snapshot!(shown(&many, &guess(None)), @"the directory `/dir` needs 80,002 records, and FAT allows 65,536 in a directory");
    let labelled = Options { label: Some("too long a label".into()), ..guess(None) };
    insta::assert_snapshot!(shown(&small, &labelled), @"the FAT label `too long a label` has 16 characters, and at most 11 are possible");
}

#[test]
fn runs_of_the_sample() {
    let mut blobs = MemoryBlobs::new();
    let tree = sample(&mut blobs);
    insta::assert_snapshot!(dump::extents(&layout(&tree, &guess(Some(Kind::Fat16))).unwrap()), @r#"
    0 512 bytes sha256:d1bd02fcb18e
    512 98 bytes sha256:c95f8b3977f0
    610 8094 zero
    8704 98 bytes sha256:c95f8b3977f0
    8802 8094 zero
    16896 320 bytes sha256:c5772fdadd93
    17216 16064 zero
    33280 160 bytes sha256:44b87503f79d
    33440 352 zero
    33792 96 bytes sha256:ca0b29a6a30d
    33888 416 zero
    34304 20000 blob:0bd2462cf373+0
    54304 480 zero
    54784 128 bytes sha256:4a422c69ef0c
    54912 384 zero
    55296 11 bytes "configfile\n"
    55307 501 zero
    55808 512 blob:0bd2462cf373+0
    56320 128 bytes sha256:41e72095f273
    56448 384 zero
    56832 64 bytes sha256:3e74a5674882
    56896 2067904 zero
    2124800 end
    "#);
    insta::assert_snapshot!(dump::extents(&layout(&tree, &guess(Some(Kind::Fat32))).unwrap()), @r#"
    0 512 bytes sha256:dd6ef8c0e89f
    512 512 bytes sha256:3c716b3fd44f
    1024 2048 zero
    3072 512 bytes sha256:dd6ef8c0e89f
    3584 512 bytes sha256:3c716b3fd44f
    4096 12288 zero
    16384 200 bytes sha256:b3deac91530f
    16584 261944 zero
    278528 200 bytes sha256:b3deac91530f
    278728 261944 zero
    540672 320 bytes sha256:382a79063bfb
    540992 192 zero
    541184 160 bytes sha256:0ee58b5064ee
    541344 352 zero
    541696 96 bytes sha256:0aaf1b711073
    541792 416 zero
    542208 20000 blob:0bd2462cf373+0
    562208 480 zero
    562688 128 bytes sha256:74041a4c3886
    562816 384 zero
    563200 11 bytes "configfile\n"
    563211 501 zero
    563712 512 blob:0bd2462cf373+0
    564224 128 bytes sha256:7bcf21e65b6e
    564352 384 zero
    564736 64 bytes sha256:c34f394155d2
    564800 33524672 zero
    34089472 end
    "#);
}

#[test]
fn the_boot_sector_has_its_kind_in_eight_bytes_and_jumps_behind_them() {
    let blobs = MemoryBlobs::new();
    for (kind, text, code) in
        [(Kind::Fat12, "FAT12   ", 62), (Kind::Fat16, "FAT16   ", 62), (Kind::Fat32, "FAT32   ", 90)]
    {
        let image = layout(&tree_of([]), &guess(Some(kind))).unwrap().to_vec(&blobs).unwrap();
        assert_eq!(&image[code - 8..code], text.as_bytes());
        assert_eq!(usize::from(image[1]) + 2, code, "{kind}: the jump");
        assert_eq!(image[code..code + 2], [0xcd, 0x18], "{kind}: the boot code");
    }
}

#[test]
fn the_bytes_do_not_change_by_accident() {
    let mut blobs = MemoryBlobs::new();
    let tree = sample(&mut blobs);
    let digest = |kind| {
        let image = layout(&tree, &guess(Some(kind))).unwrap();
        Digest::of(&image.to_vec(&blobs).unwrap()).to_string()
    };
    insta::assert_snapshot!(digest(Kind::Fat12), @"30442bdf0efea9b4d3aa42451122b983037359a58abdbb0e4c3670eecb398afe");
    insta::assert_snapshot!(digest(Kind::Fat16), @"9efaf90dcec446eb796073972e425f31b994d55c3630ec2329085310bfe10446");
    insta::assert_snapshot!(digest(Kind::Fat32), @"76af880969fef2891b2cdeec3fb497ae0aeebd1e78466085ad22640221d123ef");
}

/// Trees of nested directories and files of up to some clusters, with names long, short, mixed and foreign.
fn trees() -> impl Strategy<Value = (Tree, MemoryBlobs)> {
    let name = prop_oneof![
        "[A-Z0-9]{1,8}(\\.[A-Z]{1,3})?",
        "[a-zA-Z]{1,4}",
        "[a-z ~.éß+]{0,40}[a-z]",
        "[äöüλж🌱]{1,20}",
        "[a-z]{100,120}"
    ];
    let place = proptest::collection::vec(name, 1..4).prop_map(|parts| parts.join("/"));
    let content = prop_oneof![Just(0usize), 1usize..1500, Just(512), Just(1024), 4000usize..9000];
    let item = (place, proptest::option::weighted(0.8, (content, any::<u8>())), 0i64..1 << 32);
    proptest::collection::vec(item, 0..30).prop_map(|items| {
        let (mut tree, mut blobs) = (Tree::default(), MemoryBlobs::new());
        for (name, content, mtime) in items {
            let mut entry = match content {
                None => Entry::directory(0o755),
                Some((len, seed)) => {
                    let bytes: Vec<u8> = (0..len).map(|i| (i / 7) as u8 ^ seed).collect();
                    file(Extents::from_blob(blobs.add(bytes), len as u64))
                }
            };
            entry.metadata.mtime = mtime;
            // A name below a file is not to be had, which is as good as no item.
            tree.insert(&path(&name), entry).ok();
        }
        (tree, blobs)
    })
}

/// Returns the tree without the paths that differ only by case from others, which have a test of their own.
fn without_twins(mut tree: Tree) -> Tree {
    loop {
        match Plan::of(&tree, true) {
            Ok(_) => return tree,
            Err(Error::SameName { second, .. }) => tree.remove(&second),
            Err(error) => panic!("{error}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn judges_are_content_with_any_tree(
        (tree, blobs) in trees(),
        kind in prop_oneof![Just(None), Just(Some(Kind::Fat12)), Just(Some(Kind::Fat16)), Just(Some(Kind::Fat32))],
        headroom in prop_oneof![Just(0u64), 0u64..2_000_000],
    ) {
        let tree = without_twins(tree);
        check(&tree, &blobs, &options(kind, Capacity::Guess { headroom }));
    }
}
