//! Large directories: their hashed indexes, judged by e2fsck, by the listing of debugfs, and by looking names up.

use super::*;
use crate::ext::name_hash;

/// Two names of the same hash, as numbers.
const COLLIDING: (u32, u32) = (9303, 20664);

/// Returns a tree of empty files of these names in `/d`.
fn with_names(names: impl IntoIterator<Item = String>) -> Tree {
    let mut tree = Tree::default();
    tree.insert(&path("d"), Entry::directory(0o755)).unwrap();
    for name in names {
        tree.insert(&path(format!("d/{name}")), Entry::file(0o644, Extents::default())).unwrap();
    }
    tree
}

/// Checks an image of `tree`, that `/d` has so many levels of index, and that its names are found; of many every
/// few, since the reader is slow.
fn indexed(tree: &Tree, options: &Options, levels: Option<u32>) -> Image {
    let image = Image::of_metadata(tree, options);
    image.check();
    let listed = image.debugfs("htree_dump /d");
    match levels {
        None => assert!(!listed.contains("Root node dump"), "{listed}"),
        Some(levels) => {
            for name in image.not_found_of_every(1 + tree.len() / 21_000, tree) {
                // That reader does not go on in the next leaf.
                let hash = name_hash::hash(name.file_name(), &options.hash_seed);
                assert!(listed.contains(&format!("Hash 0x{:08x}", hash | 1)), "{name} of hash {hash:x} is not found");
            }
            assert!(listed.contains("Hash Version: 1\n") && listed.contains("Info length: 8\n"), "{listed}");
            assert!(listed.contains(&format!("Indirect levels: {}\n", levels - 1)), "{levels}: {listed}");
        }
    }
    image
}

#[test]
fn directories_over_a_block_are_indexed() {
    let names = |count: usize| with_names((0..count).map(|index| format!("entry-{index:06}")));
    for (block_size, metadata_csum) in [(4096, true), (4096, false), (2048, true), (1024, true), (1024, false)] {
        let features = Features { metadata_csum, ..Features::default() };
        let options = Options { block_size, features, ..guess(0) };
        indexed(&names(20), &options, None);
        let fitting = (block_size as usize - 24 - if metadata_csum { 12 } else { 0 }) / 20;
        indexed(&names(fitting), &options, None);
        indexed(&names(fitting + 1), &options, Some(1));
        indexed(&names(1000), &options, Some(1));
    }
}

#[test]
fn the_index_of_20_000_entries() {
    let tree = with_names((0..20_000).map(|index| format!("entry-{index:06}")));
    let image = indexed(&tree, &guess(0), Some(1));
    let stat = image.debugfs("stat /d");
    assert!(stat.contains("Flags: 0x81000") && stat.contains("Size: 409600"), "{stat}");
    image.compare_every(499, &tree, &Synthetic);
    let small_blocks = Options { block_size: 1024, ..guess(0) };
    indexed(&tree, &small_blocks, Some(2));
    let linear = Options { features: Features { dir_index: false, ..Features::default() }, ..guess(0) };
    indexed(&tree, &linear, None);
}

#[test]
fn the_index_of_300_000_entries() {
    let tree = with_names((0..300_000).map(|index| format!("entry-{index:06}")));
    indexed(&tree, &guess(0), Some(2));
}

#[test]
fn directories_that_need_three_levels_are_linear() {
    // Three names of 255 bytes in a block of 1 KiB.
    let names = |count: usize| with_names((0..count).map(|index| format!("{index:0255}")));
    let options = Options { block_size: 1024, ..guess(0) };
    indexed(&names(123 * 126 * 3), &options, Some(2));
    let tree = names(123 * 126 * 3 + 1);
    let image = Image::of_metadata(&tree, &options);
    image.check();
    assert!(image.debugfs("stat /d").contains("Flags: 0x80000"));
}

#[test]
fn names_of_one_hash_continue_in_the_next_leaf() {
    // Found by trying: names of 250 bytes, three of which fill a block of 1 KiB.
    let name = |index: u32| format!("{index:0250}");
    let hash_of = |index: u32| name_hash::hash(name(index).as_bytes(), &guess(0).hash_seed);
    let (one, other) = COLLIDING;
    let hash = hash_of(one);
    assert_eq!(hash, hash_of(other));
    // Two names of lower hashes make one of the pair the last one of its leaf.
    let lower = (0..).filter(|&index| hash_of(index) < hash).take(2);
    let higher = (0..).filter(|&index| hash_of(index) > hash).take(6);
    let tree = with_names(lower.chain(higher).chain([one, other]).map(name));
    let image = indexed(&tree, &Options { block_size: 1024, ..guess(0) }, Some(1));
    let listed = image.debugfs("htree_dump /d");
    assert!(listed.contains(&format!("Hash 0x{:08x}", hash | 1)), "the continuation: {listed}");
}

#[test]
fn the_root_and_lost_and_found() {
    let names = (0..2000).map(|index| format!("entry-{index:06}"));
    let mut tree = Tree::default();
    for name in names {
        tree.insert(&path(format!("lost+found/{name}")), Entry::directory(0o755)).unwrap();
        tree.insert(&path(name), Entry::symlink("x")).unwrap();
    }
    let image = judged(&tree, &guess(0));
    assert!(image.debugfs("stat /").contains("Flags: 0x81000"));
    assert!(image.debugfs("stat /lost+found").contains("Flags: 0x80000"), "linear, as e2fsck wants it");
    assert_eq!(image.not_found_of_every(1, &tree), [] as [TreePath; 0]);
}
