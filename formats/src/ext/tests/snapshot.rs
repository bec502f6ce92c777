//! Snapshots: the plan of a small tree as text, and a digest of its bytes, which must not change by accident.

use super::*;
use crate::{Hasher, MemoryBlobs};

fn small() -> Tree {
    let mut tree = tree_of([
        ("bin/sh", Entry::file(0o755, content(9000))),
        ("dev/console", of_kind(Kind::CharacterDevice { major: 5, minor: 1 })),
        ("etc/hostname", with_xattr(Entry::file(0o644, content(6)), "user.note", vec![b'n'; 300])),
        ("etc/long", Entry::symlink("0123456789".repeat(7))),
        ("sbin", Entry::symlink("bin")),
        ("sparse", sparse(1 << 20, 10, (0..6).map(|index| index << 14))),
    ]);
    let leaf = tree.leaf(&path("bin/sh")).unwrap();
    tree.link(&path("bin/ash"), leaf).unwrap();
    tree
}

fn digest(tree: &Tree, options: &Options) -> String {
    let mut hasher = Hasher::new();
    let image = layout(tree, options).unwrap();
    std::io::copy(&mut image.reader(&MemoryBlobs::new()), &mut hasher).unwrap();
    hasher.finish().to_string()
}

#[test]
fn the_plan_of_a_small_tree() {
    judged(&small(), &guess(0));
    insta::assert_snapshot!(dump(&small(), &guess(0)).unwrap(), @r#"
    ext4 "my-root", Features { metadata_csum: true, bits64: true, dir_index: true }
    blocks: 27 of 4096 bytes, 0 free
    inodes: 32, 12 free, 32 per group
    group 0: blocks 0..27, superblock 0, descriptors 1..2, bitmaps 2 and 3, inode table 4..6
    inode 2: / mode 40755, links 6, size 4096, 0..1 at 6
    inode 11: /lost+found mode 40700, links 2, size 16384, 0..4 at 7
    inode 12: /bin mode 40755, links 2, size 4096, 0..1 at 11
    inode 13: /bin/ash mode 100755, links 2, size 9000, 0..3 at 16
    inode 14: /dev mode 40755, links 2, size 4096, 0..1 at 12
    inode 15: /dev/console mode 20660, links 1, size 0, in the inode
    inode 16: /etc mode 40755, links 2, size 4096, 0..1 at 13
    inode 17: /etc/hostname mode 100644, links 1, size 6, 0..1 at 19, attributes in 14
    inode 18: /etc/long mode 120777, links 1, size 70, 0..1 at 15
    inode 19: /sbin mode 120777, links 1, size 3, in the inode
    inode 20: /sparse mode 100644, links 1, size 1048576, 0..1 at 20 4..5 at 21 8..9 at 22 12..13 at 23 16..17 at 24 20..21 at 25, tree in [26]
    "#);
}

#[test]
fn the_plan_over_groups() {
    let tree = tree_of([("big", synthetic(130 << 20))]);
    insta::assert_snapshot!(dump(&tree, &guess(0)).unwrap(), @r#"
    ext4 "my-root", Features { metadata_csum: true, bits64: true, dir_index: true }
    blocks: 37391 of 4096 bytes, 0 free
    inodes: 32, 20 free, 16 per group
    group 0: blocks 0..32768, superblock 0, descriptors 1..2, bitmaps 2 and 4, inode table 6..7
    group 1: blocks 32768..37391, superblock 32768, descriptors 32769..32770, bitmaps 3 and 5, inode table 7..8
    inode 8: journal, 0..4096 at 8
    inode 2: / mode 40755, links 3, size 4096, 0..1 at 4104
    inode 11: /lost+found mode 40700, links 2, size 16384, 0..4 at 4105
    inode 12: /big mode 100644, links 1, size 136314880, 0..28659 at 4109 28659..33280 at 32770
    "#);
}

#[test]
fn digests_do_not_change_by_accident() {
    // When these change, the bytes of everybody's images change: raise the version of the kind that calls this.
    let old = Options {
        features: Features { metadata_csum: false, bits64: false, ..Features::default() },
        block_size: 1024,
        ..guess(0)
    };
    let digests = [guess(0), guess(20 << 20), old].map(|options| digest(&small(), &options)).join("\n");
    insta::assert_snapshot!(digests, @"
    682df7d1e07ad8f0956027300837921d295913a9e9fec12d1df6f9da111c90c4
    0b2488401dee3a79134fbea4cf3f8ccf408304409af36650364a6cafd5564dd4
    acef83a1b5d4cb50f67b2f18b2041fcd7e9fc8fbc42cfcb64d8b4561efc403d8
    ");
}
