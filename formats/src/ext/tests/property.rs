//! Random trees, in all ways to size them, judged by e2fsck and by the independent reader.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::contextualize_config;

use super::sizes::has_least_journal;
use super::*;

/// Cases per property, unless `PROPTEST_CASES` tells otherwise; each runs e2fsck up to three times.
const CASES: u32 = 64;

fn name() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![8 => b'a'..=b'e', 1 => 1u8..=255].prop_map(|byte| if byte == b'/' { b'_' } else { byte });
    prop_oneof![8 => vec(byte.clone(), 1..6), 1 => vec(byte, 1..256)]
        .prop_filter("no dots", |name| name != b"." && name != b"..")
}

fn place() -> impl Strategy<Value = TreePath> {
    let components = prop_oneof![8 => vec(name(), 1..4), 1 => vec(name(), 1..24)];
    components.prop_map(|names| path(names.join(&b'/')))
}

fn file() -> impl Strategy<Value = Extents> {
    let whole = prop_oneof![Just(0), Just(1), Just(1024), Just(4095), Just(4096), Just(4097), 0..100_000usize];
    let places = vec(0u64..200, 0..40);
    prop_oneof![
        3 => whole.prop_map(content),
        1 => (places, 1usize..2000, 0u64..9000).prop_map(|(mut places, piece, tail)| {
            places.sort_unstable();
            places.dedup();
            let len = places.last().map_or(0, |last| last * 2000 + piece as u64) + tail;
            match sparse(len, piece, places.into_iter().map(|place| place * 2000)).kind {
                Kind::File(content) => content,
                _ => unreachable!("`sparse` makes files"),
            }
        }),
        1 => (1u64..5_000_000).prop_map(|len| Extents::from_blob(Digest([3; 32]), len)),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    let numbers = || prop_oneof![(0u32..256, 0u32..256), (0u32..4096, 0u32..1 << 20)];
    prop_oneof![
        8 => file().prop_map(Kind::File),
        2 => Just(Kind::Directory),
        2 => vec(1u8..=255, 1..200).prop_map(|target| Kind::Symlink(target.into())),
        1 => numbers().prop_map(|(major, minor)| Kind::CharacterDevice { major, minor }),
        1 => numbers().prop_map(|(major, minor)| Kind::BlockDevice { major, minor }),
        1 => Just(Kind::Fifo),
        1 => Just(Kind::Socket),
    ]
}

/// At most as many attributes as fit into an inode and a block of 1 KiB, so that none is refused.
fn xattrs() -> impl Strategy<Value = BTreeMap<Bytes, Bytes>> {
    let full = ("(user|trusted|security)\\.[a-z]{1,12}").prop_map(Bytes::from);
    let value = prop_oneof![4 => vec(any::<u8>(), 0..40), 1 => vec(any::<u8>(), 0..200)].prop_map(Bytes::from);
    prop_oneof![4 => Just(BTreeMap::new()), 1 => btree_map(full, value, 0..4)]
}

fn metadata() -> impl Strategy<Value = Metadata> {
    // The independent reader refuses times whose low half is negative.
    let mtime = (0i64..3, 0i64..1 << 31).prop_map(|(epoch, seconds)| epoch << 32 | seconds);
    (0u16..0o10000, any::<u32>(), any::<u32>(), mtime, xattrs()).prop_map(|(mode, uid, gid, mtime, xattrs)| Metadata {
        mode,
        uid,
        gid,
        mtime,
        xattrs,
    })
}

/// A directory of many entries whose names have about this length: it has an index.
fn crowd() -> impl Strategy<Value = Vec<TreePath>> {
    (0usize..1500, prop_oneof![3 => 4usize..12, 1 => 4usize..255])
        .prop_map(|(count, len)| (0..count).map(|index| path(format!("crowd/{index:0len$}"))).collect())
}

/// Trees of what is inserted, as far as paths do not contradict, and some hard links.
fn tree() -> impl Strategy<Value = Tree> {
    let entry = (metadata(), kind()).prop_map(|(metadata, kind)| Entry { metadata, kind });
    let crowd = prop_oneof![4 => Just(Vec::new()), 1 => crowd()];
    let links = vec((any::<Index>(), place()), 0..6);
    (vec((place(), entry), 0..40), crowd, links).prop_map(|(entries, crowd, links)| {
        let mut tree = Tree::default();
        for at in crowd {
            tree.insert(&at, Entry::symlink("x")).unwrap();
        }
        for (at, entry) in entries {
            if at.components().next() != Some(b"lost+found") {
                let _ = tree.insert(&at, entry);
            }
        }
        for (index, at) in links {
            let (_, leaf, entry) = tree.iter().nth(index.index(tree.len())).unwrap();
            if !entry.is_directory() {
                let _ = tree.link(&at, leaf);
            }
        }
        tree
    })
}

/// Every profile, and some with any features.
fn any_features() -> impl Strategy<Value = Features> {
    let of = |(profile, flips): (Profile, [bool; 9])| {
        let mut features = profile.features();
        let all = [
            &mut features.dir_index,
            &mut features.resize_inode,
            &mut features.extents,
            &mut features.bits64,
            &mut features.flex_bg,
            &mut features.huge_file,
            &mut features.dir_nlink,
            &mut features.extra_isize,
            &mut features.metadata_csum,
        ];
        all.into_iter().zip(flips).for_each(|(feature, flip)| *feature ^= flip);
        features.bits64 &= features.extents;
        features
    };
    let profile = prop_oneof![Just(Profile::Ext2), Just(Profile::Ext3), Just(Profile::Ext4)];
    let flips = prop_oneof![1 => Just([false; 9]), 1 => prop::array::uniform9(prop::bool::weighted(0.2))];
    (profile, flips).prop_map(of)
}

fn any_options(capacity: Capacity) -> impl Strategy<Value = Options> {
    let block_size = prop_oneof![Just(4096u32), Just(2048), Just(1024)];
    let journal = prop_oneof![3 => Just(Journal::None), 5 => Just(Journal::Usual), 2 => Just(Journal::Always)];
    (block_size, any_features(), journal).prop_map(move |(block_size, features, journal)| Options {
        block_size,
        journal,
        features,
        ..options(capacity)
    })
}

fn any_guess() -> impl Strategy<Value = Options> {
    let headroom = prop_oneof![2 => Just(0u64), 1 => 1u64..3_000_000, 1 => 1u64..60_000_000];
    headroom.prop_flat_map(|headroom| any_options(Capacity::Guess { headroom }))
}

proptest! {
    #![proptest_config(contextualize_config(ProptestConfig::with_cases(CASES)))]

    #[test]
    fn guesses_are_sound(tree in tree(), options in any_guess()) {
        judged(&tree, &options);
    }

    #[test]
    fn exact_sizes_are_sound_and_what_is_needed_suffices(tree in tree(), template in any_options(Capacity::Exact(0)), more in 0u64..40_000_000) {
        let with = |capacity| Options { capacity, ..template.clone() };
        let block_size = u64::from(template.block_size);
        let Err(Error::TooSmall { needed, .. }) = layout(&tree, &template) else {
            return Err(TestCaseError::fail("nothing fits into nothing"));
        };
        prop_assert_eq!(judged(&tree, &with(Capacity::Exact(needed))).len, needed);
        prop_assert!(layout(&tree, &with(Capacity::Exact(needed - block_size))).is_err());
        let guess = Image::of_metadata(&tree, &with(Capacity::Guess { headroom: 0 }));
        guess.check();
        if has_least_journal(&template, guess.len) {
            prop_assert_eq!(guess.len, needed);
        }
        let bytes = needed + more;
        let len = judged(&tree, &with(Capacity::Exact(bytes))).len;
        prop_assert_eq!(len, bytes / block_size * block_size);
    }
}
