//! ext2, ext3 and ext4: their features, and their block maps or extents, in all block sizes.

use std::collections::BTreeSet;

use super::judge::{fact, made_by_mke2fs};
use super::*;

const PROFILES: [(Profile, &str); 3] = [(Profile::Ext2, "ext2"), (Profile::Ext3, "ext3"), (Profile::Ext4, "ext4")];
const BLOCK_SIZES: [u32; 3] = [1024, 2048, 4096];

fn of(profile: Profile, block_size: u32, capacity: Capacity) -> Options {
    Options { block_size, journal: profile.journal(), features: profile.features(), ..options(capacity) }
}

/// Every profile with every block size.
pub(super) fn all(capacity: Capacity) -> impl Iterator<Item = Options> {
    let pairs = PROFILES.into_iter().flat_map(|(profile, _)| BLOCK_SIZES.map(|block_size| (profile, block_size)));
    pairs.map(move |(profile, block_size)| of(profile, block_size, capacity))
}

#[test]
fn superblocks_are_those_of_mke2fs() {
    for (profile, name) in PROFILES {
        for block_size in BLOCK_SIZES {
            let options = of(profile, block_size, Capacity::Exact(100 << 20));
            let image = Image::of(&Tree::default(), &Synthetic, &options);
            image.check();
            let (ours, theirs) = (image.dumpe2fs(), made_by_mke2fs(&options, name, &["-m", "0"]));
            for name in [
                "Filesystem magic number",
                "Filesystem revision #",
                "Filesystem features",
                "Filesystem flags",
                "Default mount options",
                "Filesystem state",
                "Errors behavior",
                "Filesystem OS type",
                "Block count",
                "Reserved block count",
                "First block",
                "Block size",
                "Fragment size",
                "Group descriptor size",
                "Reserved GDT blocks",
                "Blocks per group",
                "Fragments per group",
                "Flex block group size",
                "First inode",
                "Inode size",
                "Required extra isize",
                "Desired extra isize",
                "Journal inode",
                "Default directory hash",
                "Journal backup",
                "Checksum type",
                "Total journal size",
                "Max transaction length",
            ] {
                assert_eq!(fact(&ours, name), fact(&theirs, name), "{name} of {profile:?}, {block_size}");
            }
        }
    }
}

#[test]
fn all_kinds_of_entries_in_all_profiles() {
    let mut tree = corners();
    for index in 0..3000 {
        tree.insert(&path(format!("many/{index}")), Entry::file(0o644, content(index % 7))).unwrap();
    }
    for options in all(Capacity::Guess { headroom: 0 }) {
        let image = judged(&tree, &options);
        assert_eq!(image.not_found_of_every(7, &tree), [] as [TreePath; 0]);
        let stat = image.debugfs("stat /bin/indirect");
        assert_eq!(stat.contains("EXTENTS"), options.features.extents, "{stat}");
        assert_eq!(stat.contains("(IND)"), !options.features.extents, "{stat}");
        let new = image.debugfs("stat /new");
        assert!(new.contains("mtime: 0x7fffffff:00000002 -- Mon Apr  4 16:10:39 2310"), "{new}");
        assert!(new.contains("User:    -2   Group: 65536"), "{new}");
        assert!(image.debugfs("stat /bin/linked").contains("Links: 2 "));
        for (file, name) in
            [("/ping", "security.capability (20)"), ("/full", "security.capability (20)"), ("/acl", "(28) = 01")]
        {
            let listed = image.debugfs(&format!("ea_list {file}"));
            assert!(listed.contains(name), "{file}: {listed}");
        }
        assert!(image.debugfs("stat /ping").contains("File ACL: 0"), "in the inode");
        assert!(!image.debugfs("stat /full").contains("File ACL: 0"), "in a block");
    }
}

#[test]
fn times_before_1970_in_all_profiles() {
    // The independent reader refuses them, so debugfs alone judges.
    let old = with_metadata(Entry::file(0o644, Extents::default()), |metadata| metadata.mtime = -(1 << 31));
    for options in all(Capacity::Guess { headroom: 0 }) {
        let image = Image::of(&tree_of([("old", old.clone())]), &Synthetic, &options);
        image.check();
        let stat = image.debugfs("stat /old");
        assert!(stat.contains("mtime: 0x80000000:00000000 -- Fri Dec 13 20:45:52 1901"), "{stat}");
    }
}

/// One of each kind of entry, at the ends of what the format holds.
fn corners() -> Tree {
    let capability = *b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let acl = b"\x02\0\0\0\x01\0\x06\0\xFF\xFF\xFF\xFF\x02\0\x04\0\xE8\x03\0\0\x04\0\x04\0\xFF\xFF\xFF\xFF\x10\0\x04\0\xFF\xFF\xFF\xFF\x20\0\0\0\xFF\xFF\xFF\xFF";
    let file = |len| Entry::file(0o644, content(len));
    let device = |major, minor| of_kind(Kind::BlockDevice { major, minor });
    let capable = |entry| with_xattr(entry, "security.capability", capability.to_vec());
    let mut tree = tree_of([
        ("bin/direct", Entry::file(0o755, content(12 * 1024))),
        ("bin/indirect", Entry::file(0o755, content(13 * 4096))),
        ("bin/empty", Entry::file(0o4755, Extents::default())),
        ("dev/old", device(8, 1)),
        ("dev/new", device(259, 70_000)),
        ("etc/fast", Entry::symlink("target")),
        ("etc/slow", Entry::symlink("t/".repeat(511))),
        ("ping", capable(file(10))),
        ("full", capable(with_xattr(file(10), "user.full", vec![7; 60]))),
        ("acl", with_xattr(file(10), "system.posix_acl_access", acl.to_vec())),
        ("run/fifo", of_kind(Kind::Fifo)),
        ("run/socket", of_kind(Kind::Socket)),
        (
            "new",
            with_metadata(file(1), |metadata| {
                (metadata.uid, metadata.gid, metadata.mtime) = (u32::MAX - 1, 65536, 10_737_418_239);
            }),
        ),
    ]);
    let leaf = tree.leaf(&path("bin/direct")).unwrap();
    tree.link(&path("bin/linked"), leaf).unwrap();
    // The longest name, and a path that ends at the 4096 bytes of PATH_MAX.
    let deep = vec!["d".repeat(255); 15].join("/");
    tree.insert(&path(format!("{deep}/{}", "n".repeat(253))), file(100)).unwrap();
    tree
}

#[test]
fn each_feature_can_be_switched_off() {
    type Switch = (&'static str, fn(&mut Features) -> &mut bool);
    let switches: [Switch; 9] = [
        ("resize_inode", |features| &mut features.resize_inode),
        ("dir_index", |features| &mut features.dir_index),
        ("extent", |features| &mut features.extents),
        ("64bit", |features| &mut features.bits64),
        ("flex_bg", |features| &mut features.flex_bg),
        ("huge_file", |features| &mut features.huge_file),
        ("dir_nlink", |features| &mut features.dir_nlink),
        ("extra_isize", |features| &mut features.extra_isize),
        ("metadata_csum", |features| &mut features.metadata_csum),
    ];
    let mut tree = corners();
    tree.insert(&path("big"), synthetic(150 << 20)).unwrap();
    for (name, switch) in switches {
        let mut options = guess(1 << 20);
        *switch(&mut options.features) = false;
        options.features.bits64 &= options.features.extents;
        let image = Image::of_metadata(&tree, &options);
        image.check();
        let listed = fact(&image.dumpe2fs(), "Filesystem features").unwrap();
        for (other, is_on) in switches.map(|(other, switch)| (other, *switch(&mut options.features))) {
            assert_eq!(listed.split(' ').any(|listed| listed == other), is_on, "{other} without {name}: {listed}");
        }
    }
}

/// Where debugfs shall find data: the independent reader does not know that a number of 0 may stand for many blocks.
fn assert_data(image: &Image, file: &str, block: u64, block_size: u64) {
    assert_eq!(image.start_of_block(file, block, block_size), Some([b's'; 16]), "block {block} of {file}");
}

#[test]
fn files_reach_all_levels_of_indirection() {
    for (profile, block_size) in [(Profile::Ext2, 1024), (Profile::Ext2, 2048), (Profile::Ext3, 4096)] {
        let options = of(profile, block_size, Capacity::Guess { headroom: 0 });
        let (block_size, slots) = (u64::from(block_size), u64::from(block_size) / 4);
        // At both ends of what each number in the inode leads to, and in the second indirect block of each.
        let starts = [1, 12, 12 + slots, 12 + slots + slots * slots];
        let blocks = BTreeSet::from_iter(starts.into_iter().flat_map(|start| [start - 1, start, start + slots + 1]));
        let len = (blocks.last().unwrap() + 1000) * block_size;
        let entry = sparse(len, 20, blocks.iter().map(|block| block * block_size));
        let image = Image::of(&tree_of([("sparse", entry)]), &Synthetic, &options);
        image.check();
        assert!(image.debugfs("stat /sparse").contains("(TIND)"));
        blocks.iter().for_each(|&block| assert_data(&image, "/sparse", block, block_size));
        assert_eq!(image.start_of_block("/sparse", 5, block_size), None);
        let whole = 12 + slots + 3 * slots + 1;
        judged(&tree_of([("whole", synthetic(whole * block_size))]), &options);
    }
    let full = 12 + 256 + 65536 + 300;
    judged(&tree_of([("full", synthetic(full << 10))]), &of(Profile::Ext3, 1024, Capacity::Guess { headroom: 0 }));
}

#[test]
fn large_files_of_all_profiles() {
    for options in all(Capacity::Guess { headroom: 0 }) {
        let block_size = u64::from(options.block_size);
        let tree = tree_of([
            ("end", sparse(5 << 30, 5000, std::iter::once((5 << 30) - 8192))),
            ("hole", Entry::file(0o644, Extents::zeros(3 << 30))),
            ("whole", synthetic(80 << 20)),
        ]);
        let image = Image::of_metadata(&tree, &options);
        image.check();
        assert!(image.debugfs("stat /end").contains("Size: 5368709120"));
        assert_data(&image, "/end", ((5 << 30) - 8192) / block_size, block_size);
        assert_eq!(image.start_of_block("/end", 1 << 19, block_size), None);
        let hole = image.debugfs("stat /hole");
        assert!(hole.contains("Size: 3221225472") && hole.contains("Blockcount: 0"), "{hole}");
    }
}

#[test]
fn what_old_profiles_cannot_hold_is_refused() {
    let ext2 = |block_size| of(Profile::Ext2, block_size, Capacity::Guess { headroom: 0 });
    let file = |len| tree_of([("x", Entry::file(0o644, Extents::zeros(len)))]);
    // 12 + 256 + 256^2 + 256^3 blocks.
    assert!(layout(&file(16_843_020 << 10), &ext2(1024)).is_ok());
    assert!(matches!(layout(&file((16_843_020 << 10) + 1), &ext2(1024)), Err(Error::FileTooLarge { .. })));
    let data = |len| tree_of([("x", synthetic(len))]);
    assert!(matches!(layout(&data(2 << 40), &ext2(4096)), Err(Error::FileTooLarge { .. })), "sectors of 32 bits");
    let mut tree = Tree::default();
    for index in 0..31_998 {
        tree.insert(&path(format!("many/{index}")), Entry::directory(0o755)).unwrap();
    }
    Image::of(&tree, &Synthetic, &ext2(4096)).check();
    tree.insert(&path("many/last"), Entry::directory(0o755)).unwrap();
    let error = layout(&tree, &ext2(4096)).unwrap_err();
    assert_eq!(error, Error::Links { path: path("many"), links: 32_001, max: 32_000 });
    let huge = of(Profile::Ext2, 4096, Capacity::Exact(17 << 40));
    assert!(matches!(layout(&Tree::default(), &huge), Err(Error::TooLarge { .. })), "block numbers of 32 bits");
}

#[test]
fn old_profiles_over_many_groups_grow() {
    for (profile, block_size) in [(Profile::Ext2, 1024), (Profile::Ext3, 4096)] {
        let tree = tree_of([("big", synthetic(40 << 20)), ("small", Entry::file(0o644, content(9000)))]);
        let image = judged(&tree, &of(profile, block_size, Capacity::Guess { headroom: 0 }));
        image.resize2fs(image.len / 4096 * 4096 * 20);
        image.check();
        image.compare(&tree, &Synthetic);
    }
}
