//! The archive as GNU cpio lists and unpacks it.

use std::collections::BTreeMap;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::judge::{self, Tool, text_of};
use crate::{Digest, MemoryBlobs, Metadata, dump};

fn path(text: &str) -> TreePath {
    TreePath::parse(text).unwrap()
}

fn entry(mode: u16, kind: Kind) -> Entry {
    Entry { metadata: Metadata { mode, mtime: 86400, ..Metadata::default() }, kind }
}

/// A root with one of everything.
fn sample(blobs: &mut MemoryBlobs) -> Tree {
    let mut tree = Tree::default();
    let busybox = blobs.add(&b"#!ELF"[..]);
    let mut shell = entry(0o4755, Kind::File(Extents::from_blob(busybox, 5)));
    (shell.metadata.uid, shell.metadata.gid) = (1000, 100);
    let leaf = tree.insert(&path("bin/busybox"), shell).unwrap();
    tree.link(&path("bin/sh"), leaf).unwrap();
    tree.link(&path("sbin/init"), leaf).unwrap();
    tree.insert(&path("init"), entry(0o777, Kind::Symlink("bin/sh".into()))).unwrap();
    let old = Entry { metadata: Metadata { mode: 0o600, mtime: -5, ..Metadata::default() }, kind: Kind::Fifo };
    tree.insert(&path("run/initctl"), old).unwrap();
    tree.insert(&path("dev/console"), entry(0o600, Kind::CharacterDevice { major: 5, minor: 1 })).unwrap();
    tree.insert(&path("dev/vda"), entry(0o660, Kind::BlockDevice { major: 254, minor: 0 })).unwrap();
    tree.insert(&path("run/log"), entry(0o666, Kind::Socket)).unwrap();
    tree.insert(&path("etc/issue"), entry(0o644, Kind::File(Extents::from_bytes(&b"hello\n"[..])))).unwrap();
    tree.insert(&path("etc/motd"), entry(0o644, Kind::File(Extents::default()))).unwrap();
    tree
}

#[test]
fn listing_and_dump_of_the_sample() {
    let mut blobs = MemoryBlobs::new();
    let archive = layout(&sample(&mut blobs)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("archive");
    judge::write(&archive, &blobs, &file);
    let output = Tool::new("cpio", "cpio").run(directory.path(), &["-itv", "--numeric-uid-gid"], Some(&file));
    assert!(output.status.success(), "{}", text_of(&output));
    insta::assert_snapshot!(text_of(&output), @r"
    drwxr-xr-x   2 0        0               0 Jan  1  1970 .
    drwxr-xr-x   2 0        0               0 Jan  1  1970 bin
    -rwsr-xr-x   3 1000     100             0 Jan  2  1970 bin/busybox
    -rwsr-xr-x   3 1000     100             0 Jan  2  1970 bin/sh
    drwxr-xr-x   2 0        0               0 Jan  1  1970 dev
    crw-------   1 0        0          5,   1 Jan  2  1970 dev/console
    brw-rw----   1 0        0        254,   0 Jan  2  1970 dev/vda
    drwxr-xr-x   2 0        0               0 Jan  1  1970 etc
    -rw-r--r--   1 0        0               6 Jan  2  1970 etc/issue
    -rw-r--r--   1 0        0               0 Jan  2  1970 etc/motd
    lrwxrwxrwx   1 0        0               6 Jan  2  1970 init -> bin/sh
    drwxr-xr-x   2 0        0               0 Jan  1  1970 run
    prw-------   1 0        0               0 Jan  1  1970 run/initctl
    srw-rw-rw-   1 0        0               0 Jan  2  1970 run/log
    drwxr-xr-x   2 0        0               0 Jan  1  1970 sbin
    -rwsr-xr-x   3 1000     100             5 Jan  2  1970 sbin/init
    4 blocks
    ");
    insta::assert_snapshot!(dump::extents(&archive), @r#"
    0 1068 bytes sha256:c0e1fc4b1523
    1068 6 bytes "hello\n"
    1074 2 zero
    1076 236 bytes sha256:23a6e8365204
    1312 6 bytes "bin/sh"
    1318 2 zero
    1320 596 bytes sha256:80dc04623008
    1916 5 blob:d2ce9142f935+0
    1921 3 zero
    1924 124 bytes sha256:5096c083e1a5
    2048 end
    "#);
}

#[test]
fn the_bytes_do_not_change_by_accident() {
    let mut blobs = MemoryBlobs::new();
    let bytes = layout(&sample(&mut blobs)).unwrap().to_vec(&blobs).unwrap();
    assert_eq!(bytes.len() % 512, 0);
    insta::assert_snapshot!(Digest::of(&bytes).to_string(), @"c24296af973e1d6c95624b06bcfb375647861d19f8b9bb346037e6ea04c13ce4");
}

#[test]
fn mistakes_are_plain() {
    let shown = |name: &str, kind| {
        let mut tree = Tree::default();
        tree.insert(&path(name), entry(0o644, kind)).unwrap();
        layout(&tree).unwrap_err().to_string()
    };
    insta::assert_snapshot!(shown("big", Kind::File(Extents::zeros(1 << 32))), @"`/big` has 4 GiB, and a cpio archive holds files below 4 GiB");
    insta::assert_snapshot!(shown("link", Kind::Symlink("".into())), @"the symbolic link `/link` has no target");
    insta::assert_snapshot!(shown("link", Kind::Symlink(vec![b'x'; 4096].into())), @"`/link` or its target is longer than 4095 bytes, and Linux would skip it");
    insta::assert_snapshot!(shown("TRAILER!!!", Kind::Fifo), @"`/TRAILER!!!` is the name that ends a cpio archive");
    let deep = ["directory"; 410].join("/");
    assert!(shown(&deep, Kind::Fifo).ends_with("is longer than 4095 bytes, and Linux would skip it"));
}

/// What a test compares of an unpacked file.
#[derive(Debug, PartialEq)]
struct Unpacked {
    kind: &'static str,
    mode: u32,
    /// None for symbolic links, whose time GNU cpio does not set, and for directories, which change while they are filled.
    mtime: Option<i64>,
    content: Vec<u8>,
    device: u64,
    n_links: Option<u64>,
}

fn meant(tree: &Tree, blobs: &MemoryBlobs) -> BTreeMap<Vec<u8>, Unpacked> {
    let mut n_links: BTreeMap<LeafId, u64> = BTreeMap::new();
    tree.iter().for_each(|(_, leaf, _)| *n_links.entry(leaf).or_default() += 1);
    let one = |(path, leaf, entry): (&TreePath, LeafId, &Entry)| {
        let (kind, content, device) = match &entry.kind {
            Kind::Directory => ("directory", Vec::new(), 0),
            Kind::File(content) => ("file", content.to_vec(blobs).unwrap(), 0),
            Kind::Symlink(target) => ("symlink", target.to_vec(), 0),
            Kind::CharacterDevice { major, minor } => ("character", Vec::new(), u64::from(major << 8 | minor)),
            Kind::BlockDevice { major, minor } => ("block", Vec::new(), u64::from(major << 8 | minor)),
            Kind::Fifo => ("fifo", Vec::new(), 0),
            Kind::Socket => ("socket", Vec::new(), 0),
        };
        let mode = if kind == "symlink" { 0o777 } else { u32::from(entry.metadata.mode) };
        let n_links = (kind == "file").then_some(n_links[&leaf]);
        let mtime = (!matches!(kind, "symlink" | "directory")).then_some(entry.metadata.mtime);
        (path.as_bytes().to_vec(), Unpacked { kind, mode, mtime, content, device, n_links })
    };
    tree.iter().filter(|(path, ..)| !path.is_root()).map(one).collect()
}

fn unpacked(root: &Path, directory: &Path, found: &mut BTreeMap<Vec<u8>, Unpacked>) {
    for item in std::fs::read_dir(directory).unwrap() {
        let path = item.unwrap().path();
        let meta = path.symlink_metadata().unwrap();
        let (kind, content) = match meta.file_type() {
            kind if kind.is_dir() => ("directory", Vec::new()),
            kind if kind.is_file() => ("file", std::fs::read(&path).unwrap()),
            kind if kind.is_symlink() => ("symlink", path.read_link().unwrap().into_os_string().into_encoded_bytes()),
            kind if kind.is_char_device() => ("character", Vec::new()),
            kind if kind.is_block_device() => ("block", Vec::new()),
            kind if kind.is_fifo() => ("fifo", Vec::new()),
            _ => ("socket", Vec::new()),
        };
        let n_links = (kind == "file").then_some(meta.nlink());
        let mtime = (!matches!(kind, "symlink" | "directory")).then_some(meta.mtime());
        let (mode, device) = (meta.mode() & 0o7777, meta.rdev());
        if kind == "directory" {
            unpacked(root, &path, found);
        }
        let name = path.strip_prefix(root).unwrap().as_os_str().as_encoded_bytes().to_vec();
        found.insert(name, Unpacked { kind, mode, mtime, content, device, n_links });
    }
}

/// Trees of files, hard links, symbolic links, pipes and directories, with modes that leave their owner access.
fn trees() -> impl Strategy<Value = (Tree, MemoryBlobs)> {
    let name = proptest::collection::vec("[a-cé]{1,3}", 1..4).prop_map(|parts| parts.join("/"));
    let item = (name, 0u8..6, proptest::collection::vec(any::<u8>(), 0..40), 0u16..0o7777, 0i64..1 << 31);
    proptest::collection::vec(item, 0..20).prop_map(|items| {
        let (mut tree, mut blobs, mut last) = (Tree::default(), MemoryBlobs::new(), None);
        for (name, kind, content, mode, mtime) in items {
            let kind = match kind {
                0 => Kind::Directory,
                1 => Kind::Symlink(vec![b'x'; content.len() + 1].into()),
                2 => Kind::Fifo,
                3 => match last {
                    Some(leaf) => {
                        // A name below a file is not to be had, which is as good as no item.
                        tree.link(&path(&name), leaf).ok();
                        continue;
                    }
                    None => continue,
                },
                _ => Kind::File(Extents::from_blob(blobs.add(content.clone()), content.len() as u64)),
            };
            let is_file = matches!(kind, Kind::File(_));
            let metadata = Metadata { mode: mode | 0o700, mtime, ..Metadata::default() };
            if let Ok(leaf) = tree.insert(&path(&name), Entry { metadata, kind }) {
                last = if is_file { Some(leaf) } else { last };
            }
        }
        (tree, blobs)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn gnu_cpio_unpacks_what_was_meant((tree, blobs) in trees()) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("archive");
        judge::write(&layout(&tree).unwrap(), &blobs, &file);
        let root = directory.path().join("root");
        std::fs::create_dir(&root).unwrap();
        let arguments = ["-id", "--preserve-modification-time", "--no-absolute-filenames", "--quiet"];
        let output = Tool::new("cpio", "cpio").run(&root, &arguments, Some(&file));
        prop_assert!(output.status.success() && text_of(&output).is_empty(), "{}", text_of(&output));
        let mut found = BTreeMap::new();
        unpacked(&root, &root, &mut found);
        prop_assert_eq!(found, meant(&tree, &blobs));
    }
}
