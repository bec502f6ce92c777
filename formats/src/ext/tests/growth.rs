//! Growing: the reserve is that of mke2fs, and resize2fs takes it.

use super::judge::{fact, made_by_mke2fs};
use super::*;

#[test]
fn the_reserve_is_that_of_mke2fs() {
    for (block_size, bits64) in [(4096, true), (4096, false), (2048, true), (1024, true), (1024, false)] {
        for len in [1 << 20, 5 << 20, 17 << 20, 100 << 20, 1 << 30, 5 << 30] {
            let features = Features { bits64, ..Features::default() };
            let options = Options { block_size, features, ..options(Capacity::Exact(len)) };
            let image = Image::of_metadata(&Tree::default(), &options);
            image.check();
            let listed = image.dumpe2fs();
            let theirs = made_by_mke2fs(&options, "ext4", if bits64 { &[] } else { &["-O", "^64bit"] });
            for name in ["Reserved GDT blocks", "Block count", "Block size"] {
                assert_eq!(fact(&listed, name), fact(&theirs, name), "{name} of {len}, {block_size}");
            }
        }
    }
}

#[test]
fn the_inode_of_the_reserve_is_that_of_mke2fs() {
    let options = options(Capacity::Exact(1 << 30));
    let stat = Image::of_metadata(&Tree::default(), &options).debugfs("stat <7>");
    for expected in [
        "Type: regular    Mode:  0600   Flags: 0x0",
        "Size: 4299210752",
        "Links: 1   Blockcount: 5088",
        "(IND):2, (2060):32770, (2061):98306, (2062):163842, (2063):229378, (IND):3, (3084):32771,",
        "(131084):32896, (131085):98432, (131086):163968, (131087):229504",
        "TOTAL: 636",
    ] {
        assert!(stat.contains(expected), "{expected} in {stat}");
    }
}

#[test]
fn file_systems_grow() {
    let tree = tree_of([("big", synthetic(20 << 20)), ("etc/small", Entry::file(0o644, content(100)))]);
    for (block_size, metadata_csum, bits64) in [(4096, true, true), (4096, false, false), (1024, true, true)] {
        let features = Features { metadata_csum, bits64, ..Features::default() };
        let options = Options { block_size, features, ..guess(1 << 20) };
        let image = Image::of(&tree, &Synthetic, &options);
        let len = image.len;
        for factor in [2, 20] {
            image.resize2fs(factor * len);
            image.check();
            let listed = image.dumpe2fs();
            let blocks: u64 = fact(&listed, "Block count").unwrap().parse().unwrap();
            // resize2fs rounds down to pages of 4 KiB.
            assert_eq!(blocks, factor * len / 4096 * 4096 / u64::from(block_size), "{block_size}");
            image.compare(&tree, &Synthetic);
        }
    }
}

#[test]
fn without_the_feature_there_is_no_reserve() {
    let features = Features { resize_inode: false, ..Features::default() };
    let image = judged(&Tree::default(), &Options { features, ..options(Capacity::Exact(100 << 20)) });
    let listed = image.dumpe2fs();
    assert_eq!(fact(&listed, "Reserved GDT blocks"), None);
    assert!(!fact(&listed, "Filesystem features").unwrap().contains("resize_inode"), "{listed}");
}

#[test]
fn file_systems_of_64_bits_of_blocks_have_no_reserve() {
    let len = (1 << 32) * 4096 + (1 << 30);
    let plan = dump(&Tree::default(), &options(Capacity::Exact(len))).unwrap();
    assert!(!plan.contains("inode 7"), "no inode of a reserve");
}
