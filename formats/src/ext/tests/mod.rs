//! The writer, judged by e2fsprogs and by an independent reader.

mod directories;
mod growth;
mod judge;
mod profiles;
mod property;
mod sizes;
mod snapshot;

use bytes::Bytes;

use super::{Error, Features, Journal, Options, Profile, dump, layout};
use crate::{Blobs, Capacity, Data, Digest, Entry, Extent, Extents, Kind, Metadata, Tree, TreePath};
use judge::{Image, Synthetic};

fn options(capacity: Capacity) -> Options {
    Options {
        block_size: 4096,
        label: "my-root".to_owned(),
        uuid: *b"0123456789abcdef",
        hash_seed: *b"fedcba9876543210",
        time: 1_700_000_000,
        capacity,
        journal: Journal::Usual,
        features: Features::default(),
    }
}

fn guess(headroom: u64) -> Options {
    options(Capacity::Guess { headroom })
}

fn path(text: impl AsRef<[u8]>) -> TreePath {
    TreePath::parse(text).unwrap()
}

/// Returns a tree of these entries.
fn tree_of<'a>(entries: impl IntoIterator<Item = (&'a str, Entry)>) -> Tree {
    let mut tree = Tree::default();
    for (at, entry) in entries {
        tree.insert(&path(at), entry).unwrap();
    }
    tree
}

/// Returns `len` bytes, none of them zero.
fn content(len: usize) -> Extents {
    Extents::from_bytes((0..len).map(|i| (i % 251) as u8 + 1).collect::<Vec<_>>())
}

/// Returns a file whose content is computed when it is read.
fn synthetic(len: u64) -> Entry {
    Entry::file(0o644, Extents::from_blob(Digest([9; 32]), len))
}

/// Returns a file of `len` bytes that are zero but for pieces of `piece` bytes at each of `places`.
fn sparse(len: u64, piece: usize, places: impl Iterator<Item = u64>) -> Entry {
    let data = Bytes::from(vec![b's'; piece]);
    let run = |at| Extent { at, len: piece as u64, data: Data::Bytes(data.clone()) };
    Entry::file(0o644, Extents::assemble(len, places.map(run).collect()))
}

fn with_metadata(mut entry: Entry, change: impl FnOnce(&mut Metadata)) -> Entry {
    change(&mut entry.metadata);
    entry
}

fn with_xattr(entry: Entry, name: &str, value: impl Into<Bytes>) -> Entry {
    with_metadata(entry, |metadata| {
        metadata.xattrs.insert(Bytes::from(name.to_owned()), value.into());
    })
}

fn of_kind(kind: Kind) -> Entry {
    Entry { metadata: Metadata { mode: 0o660, ..Metadata::default() }, kind }
}

/// Checks an image of `tree` by both judges and returns it.
fn judged(tree: &Tree, options: &Options) -> Image {
    let image = Image::of(tree, &Synthetic, options);
    image.check();
    image.compare(tree, &Synthetic);
    image
}

/// Returns the error of laying out a tree with this one entry at `/x`.
fn refused(entry: Entry) -> Error {
    layout(&tree_of([("x", entry)]), &guess(0)).unwrap_err()
}

#[test]
fn an_empty_tree() {
    let image = judged(&Tree::default(), &guess(0));
    assert_eq!(image.len, 11 * 4096, "superblock, descriptors, 2 bitmaps, inodes, reserve, root, 4 of lost+found");
}

#[test]
fn kinds_and_their_metadata() {
    let owned = |entry| {
        with_metadata(entry, |metadata| {
            metadata.uid = 70_000;
            metadata.gid = 80_000;
        })
    };
    let tree = tree_of([
        ("bin/sh", owned(Entry::file(0o4755, content(5000)))),
        ("dev/console", of_kind(Kind::CharacterDevice { major: 5, minor: 1 })),
        ("dev/nvme0n1p4", of_kind(Kind::BlockDevice { major: 259, minor: 0x12345 })),
        ("dev/whiteout", of_kind(Kind::CharacterDevice { major: 0, minor: 0 })),
        ("run/fifo", of_kind(Kind::Fifo)),
        ("run/socket", of_kind(Kind::Socket)),
        ("tmp", Entry::directory(0o1777)),
    ]);
    let image = judged(&tree, &guess(0));
    let shell = image.debugfs("stat /bin/sh");
    assert!(shell.contains("Mode:  04755") && shell.contains("User: 70000   Group: 80000"), "{shell}");
    assert!(shell.contains("Links: 1   Blockcount: 16"), "{shell}");
    let console = image.debugfs("stat /dev/console");
    assert!(console.contains("Device major/minor number: 05:01"), "{console}");
    let disk = image.debugfs("stat /dev/nvme0n1p4");
    assert!(disk.contains("(New-style) Device major/minor number: 259:74565"), "{disk}");
    assert!(image.debugfs("stat /run/fifo").contains("Type: FIFO"));
    assert!(image.debugfs("stat /run/socket").contains("Type: socket"));
}

#[test]
fn symbolic_links_of_all_lengths() {
    let target = |len: usize| "x/".repeat(len)[..len].to_owned();
    let lengths = [1, 58, 59, 60, 61, 200, 4095];
    let mut tree = Tree::default();
    for len in lengths {
        tree.insert(&path(format!("link{len}")), Entry::symlink(target(len))).unwrap();
    }
    judged(&tree, &guess(0));
    for bad in [String::new(), target(4096), "a\0b".to_owned()] {
        assert!(matches!(refused(Entry::symlink(bad)), Error::Symlink { max: 4095, .. }));
    }
}

#[test]
fn hard_links_are_counted() {
    let mut tree = tree_of([("a/first", Entry::file(0o644, content(10)))]);
    let leaf = tree.leaf(&path("a/first")).unwrap();
    tree.link(&path("b/second"), leaf).unwrap();
    tree.link(&path("third"), leaf).unwrap();
    let device = tree.insert(&path("null"), of_kind(Kind::CharacterDevice { major: 1, minor: 3 })).unwrap();
    tree.link(&path("zero"), device).unwrap();
    let image = judged(&tree, &guess(0));
    assert!(image.debugfs("stat /third").contains("Links: 3 "));
    assert!(image.debugfs("stat /zero").contains("Links: 2 "));
}

#[test]
fn more_links_than_ext4_counts() {
    let mut tree = tree_of([("first", Entry::file(0o644, content(10)))]);
    let leaf = tree.leaf(&path("first")).unwrap();
    for index in 1..65_000 {
        tree.link(&path(format!("{index}")), leaf).unwrap();
    }
    Image::of(&tree, &Synthetic, &guess(0)).check();
    tree.link(&path("last"), leaf).unwrap();
    assert_eq!(layout(&tree, &guess(0)).unwrap_err(), Error::Links { path: path("1"), links: 65_001, max: 65_000 });
}

#[test]
fn more_subdirectories_than_ext4_counts() {
    let mut tree = Tree::default();
    for index in 0..65_010 {
        tree.insert(&path(format!("many/{index}")), Entry::directory(0o755)).unwrap();
    }
    let image = Image::of(&tree, &Synthetic, &guess(0));
    image.check();
    assert!(image.debugfs("stat /many").contains("Links: 1 "));
}

#[test]
fn times_from_1901_to_2310() {
    let at = |mtime| with_metadata(Entry::file(0o644, Extents::default()), |metadata| metadata.mtime = mtime);
    let times =
        [("a", -(1 << 31)), ("b", -1), ("c", 0), ("d", 0x8000_0000), ("e", 0x1_0000_0000), ("f", 10_737_418_239)];
    let image = Image::of(&tree_of(times.map(|(name, time)| (name, at(time)))), &Synthetic, &guess(0));
    image.check();
    // The independent reader refuses times whose low half is negative, so debugfs alone judges those.
    for (name, stored) in [
        ("a", "0x80000000:00000000 -- Fri Dec 13 20:45:52 1901"),
        ("b", "0xffffffff:00000000 -- Wed Dec 31 23:59:59 1969"),
        ("c", "0x00000000:00000000 -- Thu Jan  1 00:00:00 1970"),
        ("d", "0x80000000:00000001 -- Tue Jan 19 03:14:08 2038"),
        ("e", "0x00000000:00000001 -- Sun Feb  7 06:28:16 2106"),
        ("f", "0x7fffffff:00000002 -- Mon Apr  4 16:10:39 2310"),
    ] {
        let stat = image.debugfs(&format!("stat /{name}"));
        assert!(stat.contains(&format!("mtime: {stored}")), "{stored}: {stat}");
    }
    assert!(matches!(refused(at(10_737_418_240)), Error::ModificationTime { .. }));
    assert!(matches!(refused(at(-(1 << 31) - 1)), Error::ModificationTime { .. }));
}

#[test]
fn extended_attributes() {
    let capability = *b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let acl = b"\x02\0\0\0\x01\0\x06\0\xFF\xFF\xFF\xFF\x02\0\x04\0\xE8\x03\0\0\x04\0\x04\0\xFF\xFF\xFF\xFF\x10\0\x04\0\xFF\xFF\xFF\xFF\x20\0\0\0\xFF\xFF\xFF\xFF";
    let file = || Entry::file(0o644, content(100));
    let ping = with_xattr(file(), "security.capability", capability.to_vec());
    let all = ["user.one", "trusted.two", "user.a-longer-name", "security.selinux", "user.empty"];
    let many = all.iter().fold(file(), |entry, name| with_xattr(entry, name, "v".repeat(name.len() % 10 * 9)));
    let mut tree = tree_of([
        ("ping", ping),
        ("many", many),
        ("big", with_xattr(file(), "user.big", vec![7; 3900])),
        ("acl", with_xattr(file(), "system.posix_acl_access", acl.to_vec())),
        ("link", with_xattr(Entry::symlink("x".repeat(100)), "trusted.t", vec![1; 500])),
        ("fast", with_xattr(Entry::symlink("x"), "trusted.t", vec![1; 500])),
        ("null", with_xattr(of_kind(Kind::CharacterDevice { major: 1, minor: 3 }), "trusted.t", vec![1; 500])),
    ]);
    tree.insert(&TreePath::root(), with_xattr(Entry::directory(0o755), "user.root", "r")).unwrap();
    let image = judged(&tree, &guess(0));
    let listed = image.debugfs("ea_get -x /ping security.capability");
    assert!(listed.contains("01 00 00 02 00 20 00 00"), "{listed}");
    let listed = image.debugfs("ea_list /many");
    for name in all {
        assert!(listed.contains(&format!("{name} (")), "{name} in {listed}");
    }
    assert!(image.debugfs("ea_list /").contains("user.root (1) = \"r\""));
    assert!(image.debugfs("ea_list /big").contains("user.big (3900)"));
    assert!(image.debugfs("ea_list /link").contains("trusted.t (500)"));
    let listed = image.debugfs("ea_list /acl");
    let stored = "(28) = 01 00 00 00 01 00 06 00 02 00 04 00 e8 03 00 00 04 00 04 00 10 00 04 00 20 00 00 00 ";
    assert!(listed.contains(stored), "only the named user has its number: {listed}");
}

#[test]
fn what_ext4_cannot_hold_is_refused() {
    assert!(matches!(refused(of_kind(Kind::BlockDevice { major: 4096, minor: 0 })), Error::Device { .. }));
    assert!(matches!(refused(Entry::file(0o644, Extents::zeros(1 << 45))), Error::FileTooLarge { .. }));
    let file = || Entry::file(0o644, Extents::default());
    assert!(matches!(refused(with_xattr(file(), "btrfs.compression", "zstd")), Error::XattrName { .. }));
    assert!(matches!(refused(with_xattr(file(), "user.x", vec![1; 5000])), Error::XattrsTooLarge { .. }));
    assert!(matches!(refused(with_xattr(file(), "system.posix_acl_default", "x")), Error::Acl { .. }));
    assert_eq!(layout(&tree_of([("lost+found", file())]), &guess(0)), Err(Error::LostAndFound));
    let wrong = |change: fn(&mut Options)| {
        let mut options = guess(0);
        change(&mut options);
        layout(&Tree::default(), &options).unwrap_err()
    };
    assert_eq!(wrong(|options| options.block_size = 512), Error::BlockSize(512));
    assert_eq!(wrong(|options| options.features.extents = false), Error::Bits64WithoutExtents);
    assert_eq!(wrong(|options| options.time = -1), Error::Time(-1));
    assert!(matches!(wrong(|options| options.label = "x".repeat(17)), Error::Label(_)));
}

#[test]
fn lost_and_found_of_the_tree_is_kept() {
    let tree = tree_of([
        ("lost+found", Entry::directory(0o755)),
        ("lost+found/a/b", Entry::file(0o644, content(1))),
        ("z", Entry::file(0o644, content(1))),
    ]);
    let image = judged(&tree, &guess(0));
    let stat = image.debugfs("stat /lost+found");
    assert!(stat.contains("Inode: 11 ") && stat.contains("Size: 16384") && stat.contains("Links: 3 "), "{stat}");
}

#[test]
fn names_of_255_bytes_and_deep_directories() {
    let mut tree = Tree::default();
    let mut deep = String::new();
    for depth in 0..60 {
        deep += &format!("{}/", "d".repeat(1 + depth % 9));
        tree.insert(&path(format!("{deep}{}", "n".repeat(255))), Entry::file(0o600, content(depth))).unwrap();
    }
    tree.insert(&path([b'\xFF'; 255]), Entry::directory(0o755)).unwrap();
    judged(&tree, &guess(0));
}

#[test]
fn holes_stay_holes() {
    let tree = tree_of([
        ("hole", Entry::file(0o644, Extents::zeros(1_000_000))),
        ("sparse", sparse(3 << 30, 5000, [0, 4096 * 7 + 10, (3 << 30) - 5000].into_iter())),
    ]);
    let image = Image::of(&tree, &Synthetic, &guess(0));
    image.check();
    assert!(image.len < 30 * 4096);
    assert!(image.debugfs("stat /hole").contains("Blockcount: 0"));
    let sparse = image.debugfs("stat /sparse");
    assert!(sparse.contains("Size: 3221225472") && sparse.contains("Blockcount: 48"), "{sparse}");
    let reader = ext4_view::Ext4::load_from_path(image.path()).unwrap();
    let mut file = reader.open("/sparse").unwrap();
    file.seek_to(4096 * 7).unwrap();
    let mut start = [1; 20];
    file.read_bytes(&mut start).unwrap();
    assert_eq!(start, *b"\0\0\0\0\0\0\0\0\0\0ssssssssss");
}

#[test]
fn files_of_many_runs_have_trees() {
    for (block_size, pieces) in [(4096, 5), (4096, 341), (4096, 1500), (1024, 30_000)] {
        let step = 2 * u64::from(block_size);
        let entry = sparse(step * pieces, 3, (0..pieces).map(|index| index * step));
        let options = Options { block_size, ..guess(0) };
        judged(&tree_of([("pieces", entry)]), &options);
    }
}

#[test]
fn one_file_over_several_groups() {
    for (block_size, len) in [(4096, 300 << 20), (2048, 90 << 20), (1024, 40 << 20)] {
        let tree = tree_of([("big", synthetic(len)), ("bin/small", Entry::file(0o755, content(9000)))]);
        judged(&tree, &Options { block_size, ..guess(0) });
    }
}

#[test]
fn copies_of_the_superblock_serve_as_well() {
    for block_size in [4096, 1024] {
        // Without checksums all bitmaps are there: e2fsck does not trust the flags of copies that tell otherwise.
        let features = Features { metadata_csum: false, ..Features::default() };
        let options = Options { block_size, features, ..guess(0) };
        let image = Image::of_metadata(&tree_of([("big", synthetic(140 << 20))]), &options);
        let copy = (8 * block_size + u32::from(block_size == 1024)).to_string();
        image.check_with(&["-b", &copy, "-B", &block_size.to_string()]);
    }
}

#[test]
fn a_file_over_4_gib() {
    let tree = tree_of([("big", synthetic((5 << 30) + 1))]);
    let image = Image::of_metadata(&tree, &guess(0));
    image.check();
    let stat = image.debugfs("stat /big");
    assert!(stat.contains("Size: 5368709121") && stat.contains("Blockcount: 10485776"), "{stat}");
}

#[test]
fn tiny_files_in_20_000() {
    let mut tree = Tree::default();
    for index in 0..20_000 {
        let entry = Entry::file(0o644, content(1 + index % 200));
        tree.insert(&path(format!("{:03}/{index}", index % 128)), entry).unwrap();
    }
    judged(&tree, &guess(0));
}

#[test]
fn features_can_be_switched_off() {
    let tree = tree_of([
        ("big", synthetic(200 << 20)),
        ("sparse", sparse(32 << 20, 5, (0..400).map(|index| index << 16))),
        ("many", with_xattr(Entry::file(0o644, content(10)), "user.big", vec![7; 2000])),
    ]);
    for (metadata_csum, bits64, journal) in [(false, true, true), (true, false, false), (false, false, true)] {
        let options = Options {
            features: Features { metadata_csum, bits64, ..Features::default() },
            journal: if journal { Journal::Usual } else { Journal::None },
            ..guess(1 << 20)
        };
        let image = judged(&tree, &options);
        let listed = image.dumpe2fs();
        let features = listed.lines().find(|line| line.starts_with("Filesystem features:")).unwrap();
        assert_eq!(features.contains("metadata_csum"), metadata_csum, "{features}");
        assert_eq!(features.contains("64bit"), bits64, "{features}");
        assert_eq!(features.contains("has_journal"), journal, "{features}");
    }
}

#[test]
fn the_superblock_says_what_the_options_say() {
    let image = judged(&tree_of([("big", synthetic(50 << 20))]), &guess(10 << 20));
    let listed = image.dumpe2fs();
    for expected in [
        "Filesystem volume name:   my-root",
        "Last mounted on:          <not available>",
        "Filesystem UUID:          30313233-3435-3637-3839-616263646566",
        "Filesystem features:      has_journal ext_attr resize_inode dir_index filetype extent 64bit flex_bg sparse_super large_file \
         huge_file dir_nlink extra_isize metadata_csum",
        "Filesystem state:         clean",
        "Errors behavior:          Continue",
        "Reserved block count:     0",
        "Filesystem created:       Tue Nov 14 22:13:20 2023",
        "Last write time:          Tue Nov 14 22:13:20 2023",
        "Last checked:             Tue Nov 14 22:13:20 2023",
        "Maximum mount count:      -1",
        "Required extra isize:     32",
        "Journal inode:            8",
        "Directory Hash Seed:      66656463-6261-3938-3736-353433323130",
        "Journal backup:           inode blocks",
        "Total journal size:       4096k",
        "Journal start:            0",
    ] {
        assert!(listed.contains(expected), "{expected} in {listed}");
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let tree = || tree_of([("b", Entry::file(0o644, content(5000))), ("a", Entry::directory(0o700))]);
    let image = layout(&tree(), &guess(5 << 20)).unwrap();
    assert_eq!(image, layout(&tree().canonical(), &guess(5 << 20)).unwrap());
    assert_eq!(dump(&tree(), &guess(0)), dump(&tree(), &guess(0)));
}

#[test]
fn contents_are_referred_to_and_stay_contiguous() {
    // Three files that lie in one pack behind one another, in the order of their paths.
    let pack = Digest([5; 32]);
    let slice = |block: u64| {
        let mut extents = Extents::default();
        extents.push_blob(pack, block * 4096, 4096);
        Entry::file(0o644, extents)
    };
    let image = layout(&tree_of([("a", slice(0)), ("b", slice(1)), ("c/d", slice(2))]), &guess(0)).unwrap();
    let runs: Vec<&Extent> = image.runs().iter().filter(|run| matches!(run.data, Data::Blob { .. })).collect();
    assert_eq!(runs.len(), 1, "{runs:?}");
    assert_eq!(runs[0].len, 3 * 4096);
}

#[test]
fn the_synthetic_blobs_do_not_depend_on_how_they_are_read() {
    let id = Digest([9; 32]);
    let mut whole = vec![0; (3 << 20) + 100];
    Synthetic.read_at(&id, 0, &mut whole).unwrap();
    let mut part = vec![0; 1 << 20];
    Synthetic.read_at(&id, (1 << 20) - 10, &mut part).unwrap();
    assert!(part == whole[(1 << 20) - 10..(2 << 20) - 10]);
    assert!(whole[2 << 20..].iter().any(|&byte| byte != 0));
}
