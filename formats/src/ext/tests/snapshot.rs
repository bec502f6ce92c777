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
    "my-root": resize_inode dir_index extent 64bit flex_bg huge_file dir_nlink extra_isize metadata_csum
    blocks: 28 of 4096 bytes, 0 free
    inodes: 32, 12 free, 32 per group
    group 0: blocks 0..28, superblock 0, descriptors 1..2, bitmaps 2 and 3, inode table 4..6
    inode 7: reserve, tree in [6]
    inode 2: / mode 40755, links 6, size 4096, 0..1 at 7
    inode 11: /lost+found mode 40700, links 2, size 16384, 0..4 at 8
    inode 12: /bin mode 40755, links 2, size 4096, 0..1 at 12
    inode 13: /bin/ash mode 100755, links 2, size 9000, 0..3 at 17
    inode 14: /dev mode 40755, links 2, size 4096, 0..1 at 13
    inode 15: /dev/console mode 20660, links 1, size 0, in the inode
    inode 16: /etc mode 40755, links 2, size 4096, 0..1 at 14
    inode 17: /etc/hostname mode 100644, links 1, size 6, 0..1 at 20, attributes in 15
    inode 18: /etc/long mode 120777, links 1, size 70, 0..1 at 16
    inode 19: /sbin mode 120777, links 1, size 3, in the inode
    inode 20: /sparse mode 100644, links 1, size 1048576, 0..1 at 21 4..5 at 22 8..9 at 23 12..13 at 24 16..17 at 25 20..21 at 26, tree in [27]
    "#);
}

#[test]
fn the_plan_over_groups() {
    let tree = tree_of([("big", synthetic(130 << 20))]);
    insta::assert_snapshot!(dump(&tree, &guess(0)).unwrap(), @r#"
    "my-root": resize_inode dir_index extent 64bit flex_bg huge_file dir_nlink extra_isize metadata_csum
    blocks: 37428 of 4096 bytes, 0 free
    inodes: 32, 20 free, 16 per group
    group 0: blocks 0..32768, superblock 0, descriptors 1..2, reserve to 20, bitmaps 20 and 22, inode table 24..25
    group 1: blocks 32768..37428, superblock 32768, descriptors 32769..32770, reserve to 32788, bitmaps 21 and 23, inode table 25..26
    inode 7: reserve, tree in [26]
    inode 8: journal, 0..4096 at 27
    inode 2: / mode 40755, links 3, size 4096, 0..1 at 4123
    inode 11: /lost+found mode 40700, links 2, size 16384, 0..4 at 4124
    inode 12: /big mode 100644, links 1, size 136314880, 0..28640 at 4128 28640..33280 at 32788
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
    cb3f2fde734497f89d75169286cf5ed69f7a096754831d70344ffeb0b390afd7
    fcd86c18221397c7c6c2cf5835aa8865dd56ba72a56a45e0115e02131dde563a
    ce7001e96e1e061897634d031ae8f3f7075b151f8a67705cd84489cad4281d78
    ");
}
