//! Sizes: the smallest file system, headroom, exact capacities, and what is said when they do not suffice.

use super::*;
use crate::ext::journal;

fn exact(bytes: u64) -> Options {
    options(Capacity::Exact(bytes))
}

fn with_files(count: usize, len: usize) -> Tree {
    let mut tree = Tree::default();
    for index in 0..count {
        tree.insert(&path(format!("d/{index}")), Entry::file(0o644, content(len))).unwrap();
    }
    tree
}

/// Returns the number behind `name:` that dumpe2fs prints.
fn fact(listed: &str, name: &str) -> u64 {
    let line = listed.lines().find(|line| line.starts_with(&format!("{name}:"))).unwrap();
    line.split_whitespace().last().unwrap().parse().unwrap()
}

fn too_small(result: Result<Extents, Error>) -> (u64, u64, Vec<(TreePath, u64)>) {
    match result {
        Err(Error::TooSmall { needed, given, largest }) => (needed, given, largest),
        other => panic!("not too small: {:?}", other.map(|image| image.len())),
    }
}

/// Whether the usual journal of so many bytes is the least one, so that an exact capacity cannot do with less.
pub(super) fn has_least_journal(options: &Options, len: u64) -> bool {
    options.journal == Journal::None || journal::usual_blocks(len / u64::from(options.block_size)) <= 1024
}

#[test]
fn a_guess_without_headroom_has_no_free_block() {
    for count in [0, 1, 100, 3000] {
        let image = judged(&with_files(count, 5000), &guess(0));
        let listed = image.dumpe2fs();
        assert_eq!(fact(&listed, "Free blocks"), 0, "{count} files");
        assert!(fact(&listed, "Free inodes") < 16, "{count} files");
        let smaller = layout(&with_files(count, 5000), &exact(image.len - 4096));
        assert_eq!(too_small(smaller).0, image.len, "{count} files");
    }
}

#[test]
fn guesses_are_exact_in_all_profiles() {
    let mut symlinks = Tree::default();
    for index in 0..20_000 {
        symlinks.insert(&path(format!("{index}")), Entry::symlink("x".repeat(1 + index % 100))).unwrap();
    }
    let hole = tree_of([("hole", sparse(3 << 30, 1, [0, 1 << 20, (3 << 30) - 1].into_iter()))]);
    for options in profiles::all(Capacity::Guess { headroom: 0 }) {
        for tree in [&Tree::default(), &with_files(20_000, 1), &symlinks, &hole] {
            let image = Image::of_metadata(tree, &options);
            image.check();
            let of = |len| Options { capacity: Capacity::Exact(len), ..options.clone() };
            assert_eq!(layout(tree, &of(image.len)).unwrap().len(), image.len);
            assert!(has_least_journal(&options, image.len), "only then nothing smaller suffices");
            let one_less = layout(tree, &of(image.len - u64::from(options.block_size)));
            assert_eq!(too_small(one_less).0, image.len, "{options:?}");
        }
    }
}

#[test]
fn more_groups_may_need_less() {
    // 146 inodes: nine groups have 24 each, 216 in all, and ten have 16, 160 in all. That is 14 blocks less of tables and
    // two more of bitmaps.
    let features = Features { resize_inode: false, ..Features::default() };
    let options = Options { block_size: 1024, journal: Journal::None, features, ..guess(0) };
    let tree = |blocks: u64| {
        let mut tree = with_files(133, 0);
        tree.insert(&path("big"), synthetic(blocks << 10)).unwrap();
        tree
    };
    let nine_groups = 1 + 9 * 8192;
    let mut lens = Vec::new();
    for blocks in nine_groups - 140..nine_groups - 70 {
        let tree = tree(blocks);
        let len = layout(&tree, &options).unwrap().len();
        for less in 1..16 {
            let exact = Options { capacity: Capacity::Exact(len - less * 1024), ..options.clone() };
            assert_eq!(too_small(layout(&tree, &exact)).0, len, "{less} blocks less than {len} suffice for {blocks}");
        }
        lens.push(len / 1024);
    }
    assert!(lens.is_sorted() && lens[0] < nine_groups && nine_groups < *lens.last().unwrap(), "{lens:?}");
}

#[test]
fn headroom_is_free_afterwards() {
    for headroom in [1, 4096, 1 << 20, 100 << 20, 700 << 20] {
        let image = judged(&with_files(10, 5000), &guess(headroom));
        let listed = image.dumpe2fs();
        let free = fact(&listed, "Free blocks") * 4096;
        assert!((headroom..headroom + 4096).contains(&free), "{free} bytes free of {headroom}");
        assert!(fact(&listed, "Free inodes") >= headroom.div_ceil(16 << 10));
    }
}

#[test]
fn an_exact_capacity_is_met() {
    // The second is not of whole blocks, the third ends with a group of two blocks, too small for its copies.
    for (bytes, len) in [(64 << 20, 64 << 20), ((64 << 20) + 5000, (64 << 20) + 4096)] {
        let image = judged(&with_files(10, 5000), &exact(bytes));
        assert_eq!(image.len, len);
        let listed = image.dumpe2fs();
        assert_eq!(fact(&listed, "Block count"), len / 4096);
        assert!(fact(&listed, "Inode count") >= bytes >> 14);
    }
    let image = judged(&with_files(10, 5000), &exact((128 << 20) + 8192));
    assert_eq!(image.len, (128 << 20) + 8192);
    assert_eq!(fact(&image.dumpe2fs(), "Block count"), 32768);
}

#[test]
fn an_exact_capacity_gives_up_inodes_and_journal_for_content() {
    let tree = with_files(1, 120 << 20);
    let image = judged(&tree, &exact(129 << 20));
    assert!(image.dumpe2fs().contains("Total journal size:       4096k"), "not the usual 16 MiB");
    let (needed, ..) = too_small(layout(&tree, &exact(120 << 20)));
    let image = judged(&tree, &exact(needed));
    assert!(fact(&image.dumpe2fs(), "Inode count") < needed >> 14);
}

#[test]
fn what_suffices_suffices_when_it_is_larger() {
    // Without a journal, near the end of a group of 8 MiB; with one, near 2048 blocks of either size.
    let near_the_end = ((8 << 20) - (50 << 10), 1 << 10, Journal::None);
    for (start, step, journal) in
        [near_the_end, (1900 << 10, 8 << 10, Journal::Usual), (7600 << 10, 100 << 10, Journal::Always)]
    {
        for (index, block_size) in (0..40).flat_map(|index| [(index, 1024), (index, 4096)]) {
            let tree = with_files(1, start + index * step);
            let of = |bytes| Options { block_size, journal, ..exact(bytes) };
            let (needed, ..) = too_small(layout(&tree, &of(0)));
            for more in (0..20).map(|blocks| blocks * 1024).chain([1 << 20, 3 << 20, 4 << 20, 5 << 20]) {
                layout(&tree, &of(needed + more)).unwrap();
            }
        }
    }
}

#[test]
fn too_small_tells_what_is_large() {
    let mut tree = with_files(4, 20_000);
    for (name, len) in [("usr/b", 90_000), ("usr/a", 90_000), ("usr/c", 300_000)] {
        tree.insert(&path(name), Entry::file(0o644, content(len))).unwrap();
    }
    let result = layout(&tree, &exact(100_000));
    let message = result.as_ref().unwrap_err().to_string();
    let (needed, given, largest) = too_small(result);
    assert_eq!(given, 100_000);
    let largest: Vec<_> = largest.iter().map(|(path, bytes)| (path.to_string(), *bytes)).collect();
    let expected = [("/usr/c", 303_104), ("/usr/a", 90_112), ("/usr/b", 90_112), ("/d/0", 20_480), ("/d/1", 20_480)];
    assert_eq!(largest, expected.map(|(path, bytes)| (path.to_owned(), bytes)));
    let start = format!("the content needs {needed} bytes, but the file system has 100000; largest are /usr/c (303104");
    assert!(message.starts_with(&start), "{message}");
    judged(&tree, &exact(needed));
    for nothing in [0, 1, 4096, 8192] {
        assert_eq!(too_small(layout(&tree, &exact(nothing))).0, needed);
    }
}

#[test]
fn sizes_around_the_ends_of_groups() {
    // With 1 KiB blocks a group has 8 MiB: contents that end near its end need all the special cases.
    let image = |len: usize| {
        let tree = with_files(1, len);
        let options = Options { block_size: 1024, ..guess(0) };
        judged(&tree, &options).len
    };
    let start = (8 << 20) - (150 << 10);
    let lens: Vec<u64> = (0..40).map(|index| image(start + index * (5 << 10))).collect();
    assert!(lens.is_sorted(), "{lens:?}");
}

#[test]
fn more_inodes_than_one_group_can_have() {
    let mut tree = Tree::default();
    for index in 0..40_000 {
        tree.insert(&path(format!("{}/{index}", index % 50)), Entry::file(0o644, Extents::default())).unwrap();
    }
    let image = Image::of(&tree, &Synthetic, &guess(0));
    image.check();
    assert_eq!(
        image.len / 4096,
        32768 + 1 + 1 + 16 + 1,
        "the smallest second group: its copies, the reserve and one block"
    );
    Image::of(&tree, &Synthetic, &Options { block_size: 1024, ..guess(0) }).check();
}

#[test]
fn large_empty_file_systems_are_small_in_memory() {
    let image = layout(&Tree::default(), &exact(1 << 40)).unwrap();
    let in_memory: u64 = image.runs().iter().map(|run| run.len).sum();
    // 8192 groups of 64 bytes, twelve copies of their descriptors, a few bitmaps.
    assert!(in_memory < 20 << 20, "{in_memory} bytes");
    let image = Image::of(&Tree::default(), &Synthetic, &exact(40 << 30));
    image.check();
}

#[test]
fn sizes_beyond_the_format_are_refused() {
    let result = layout(&Tree::default(), &exact(1 << 60));
    assert!(matches!(result, Err(Error::TooLarge { .. })), "{result:?}");
    let mut options = exact(1 << 44);
    options.features.bits64 = false;
    assert!(matches!(layout(&Tree::default(), &options), Err(Error::TooLarge { .. })));
}
