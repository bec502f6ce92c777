use std::io::Read;
use std::path::Path;

use proptest::prelude::*;

use super::testing::{archive, entry, header_with, link, pax, run};
use super::*;
use crate::{MemoryBlobs, Tree, TreePath};

fn ingest_tree(bytes: &[u8]) -> Result<(Tree, MemoryBlobs), Error> {
    let mut pack = Vec::new();
    let contents = ingest(bytes, &mut pack)?;
    assert_eq!(contents.pack_len(), pack.len() as u64);
    let mut blobs = MemoryBlobs::new();
    let id = blobs.add(pack);
    Ok((contents.into_tree(id), blobs))
}

/// One line per path: kind, mode, owner, time, name, link group, content or target, extended attributes.
fn dump(tree: &Tree, blobs: &MemoryBlobs) -> String {
    let mut first_paths = std::collections::BTreeMap::new();
    let mut lines = String::new();
    for (path, leaf, entry) in tree.iter() {
        let first = first_paths.entry(leaf).or_insert_with(|| path.clone()).clone();
        let what = match &entry.kind {
            _ if first != *path => format!("link {first}"),
            crate::Kind::File(content) => {
                format!("file {:?}", content.to_vec(blobs).unwrap().escape_ascii().to_string())
            }
            crate::Kind::Symlink(target) => format!("symlink {}", target.escape_ascii()),
            crate::Kind::Directory => "directory".to_owned(),
            other => format!("{other:?}"),
        };
        let metadata = &entry.metadata;
        lines += &format!("{path} {:04o} {}:{} {} {what}", metadata.mode, metadata.uid, metadata.gid, metadata.mtime);
        for (name, value) in &metadata.xattrs {
            lines += &format!(" {}={}", name.escape_ascii(), value.escape_ascii());
        }
        lines.push('\n');
    }
    lines
}

fn check(bytes: &[u8], expected: &str) {
    let message = match ingest_tree(bytes) {
        Ok((tree, blobs)) => dump(&tree, &blobs),
        Err(error) => error.to_string(),
    };
    assert_eq!(message.trim_end(), expected);
}

#[test]
fn entries_become_a_tree_and_a_pack() {
    let bytes = archive(&[
        header_with("./", b'5', 0, |block| block[100..107].copy_from_slice(b"0000750")),
        entry("./usr/bin/tool", b'0', b"binary"),
        entry("./usr/bin/other", b'0', b"other"),
        entry("./usr/bin/empty", b'0', b""),
        link("./usr/bin/alias", b'1', "./usr/bin/tool"),
        link("./etc/link", b'2', "/usr/bin/../x"),
        entry("./old-directory/", 0, b""),
        entry("./run/fifo", b'6', b""),
        header_with("./dev/null", b'3', 0, |block| {
            block[329..336].copy_from_slice(b"0000001");
            block[337..344].copy_from_slice(b"0000003");
        }),
    ]);
    let mut pack = Vec::new();
    ingest(&bytes[..], &mut pack).unwrap();
    assert_eq!((pack.len(), &pack[..6], &pack[4096..4101]), (8192, &b"binary"[..], &b"other"[..]));

    let (tree, blobs) = ingest_tree(&bytes).unwrap();
    insta::assert_snapshot!(dump(&tree, &blobs), @r#"
    / 0750 0:0 0 directory
    /dev 0755 0:0 0 directory
    /dev/null 0644 0:0 0 CharacterDevice { major: 1, minor: 3 }
    /etc 0755 0:0 0 directory
    /etc/link 0644 0:0 0 symlink /usr/bin/../x
    /old-directory 0644 0:0 0 directory
    /run 0755 0:0 0 directory
    /run/fifo 0644 0:0 0 Fifo
    /usr 0755 0:0 0 directory
    /usr/bin 0755 0:0 0 directory
    /usr/bin/alias 0644 0:0 0 file "binary"
    /usr/bin/empty 0644 0:0 0 file ""
    /usr/bin/other 0644 0:0 0 file "other"
    /usr/bin/tool 0644 0:0 0 link /usr/bin/alias
    "#);
}

#[test]
fn extensions_replace_fields_of_the_header() {
    let long = "d/".repeat(60) + "name";
    let bytes = archive(&[
        pax(b'g', &[("comment", "x"), ("uid", "7"), ("gid", "70000")]),
        pax(
            b'x',
            &[
                ("path", "./pax"),
                ("mtime", "-1.5"),
                ("uid", "4294967295"),
                ("SCHILY.xattr.user.empty", ""),
                ("atime", "x"),
            ],
        ),
        entry("./ignored", b'0', b""),
        pax(b'x', &[("linkpath", "elsewhere"), ("mtime", "1700000000.999999999"), ("uid", "")]),
        link("./symlink", b'2', "ignored"),
        entry("././@LongLink", b'L', format!("{long}\0").as_bytes()),
        entry("././@LongLink", b'K', b"long target\0"),
        link("ignored", b'2', "ignored"),
        header_with("./numbers", b'0', 0, |block| {
            block[108..116].copy_from_slice(&[0x80, 0, 0, 0, 0, 1, 0, 0]);
            block[136..148].copy_from_slice(&[0xff, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 254]);
            block[345..353].copy_from_slice(b"./prefix");
        }),
    ]);
    let (tree, blobs) = ingest_tree(&bytes).unwrap();
    let dump = dump(&tree, &blobs).replace(&"d/".repeat(55), "...");
    let leaves: Vec<&str> = dump.lines().filter(|line| !line.ends_with("directory")).collect();
    insta::assert_snapshot!(leaves.join("\n"), @r#"
    /...d/d/d/d/d/name 0644 7:70000 0 symlink long target
    /pax 0644 4294967295:70000 -2 file "" user.empty=
    /prefix/numbers 0644 7:70000 -2 file ""
    /symlink 0644 0:70000 1700000000 symlink elsewhere
    "#);
}

#[test]
fn paths_that_leave_the_tree_are_refused() {
    check(&archive(&[entry("/etc/passwd", b'0', b"")]), "tar: `/etc/passwd` at byte 0: the path is absolute");
    check(
        &archive(&[entry("./a/../../b", b'0', b"")]),
        "tar: `./a/../../b` at byte 0: a path in a tree may not contain `..`",
    );
    check(
        &archive(&[pax(b'x', &[("path", "a/../../b")]), entry("b", b'0', b"")]),
        "tar: `a/../../b` at byte 1024: a path in a tree may not contain `..`",
    );
    check(
        &archive(&[link("x", b'1', "../etc/shadow")]),
        "tar: `x` at byte 0: the target of the hard link is no path of a tree: a path in a tree may not contain `..`",
    );
    check(&archive(&[link("x", b'1', "/etc/shadow")]), "tar: `x` at byte 0: the target of the hard link is absolute");
    check(
        &archive(&[link("x", b'1', "etc/shadow")]),
        "tar: `x` at byte 0: a hard link to `/etc/shadow`, which is no earlier file",
    );
    check(
        &archive(&[entry("d/", b'5', b""), link("x", b'1', "d")]),
        "tar: `x` at byte 512: a hard link to `/d`, which is no earlier file",
    );
    check(
        &archive(&[link("lib", b'2', "/etc"), entry("lib/passwd", b'0', b"")]),
        "tar: `lib/passwd` at byte 512: `/lib` on its path is not a directory",
    );
    check(&archive(&[entry("./", b'0', b"")]), "tar: `./` at byte 0: an entry without a name that is no directory");
}

#[test]
fn duplicates_are_refused_but_for_directories() {
    check(
        &archive(&[entry("a", b'0', b"1"), entry("./a", b'0', b"2")]),
        "tar: `./a` at byte 1024: there is an earlier entry of the same path",
    );
    check(
        &archive(&[entry("a/", b'5', b""), link("a", b'2', "b")]),
        "tar: `a` at byte 512: there is an earlier entry of the same path",
    );
    let twice = archive(&[
        entry("a/b", b'6', b""),
        header_with("a", b'5', 0, |block| block[100..107].copy_from_slice(b"0001777")),
    ]);
    check(&twice, "/ 0755 0:0 0 directory\n/a 1777 0:0 0 directory\n/a/b 0644 0:0 0 Fifo");
}

#[test]
fn headers_with_wrong_numbers_are_refused() {
    let mut bytes = archive(&[entry("name", b'0', b"x")]);
    bytes[0] = b'N';
    check(&bytes, "tar: at byte 0: the header's checksum is 6537, but 6577 is stated");
    bytes[148..156].copy_from_slice(b"garbage ");
    check(&bytes, "tar: at byte 0: the field `checksum` holds no number");

    let with = |kind, range: std::ops::Range<usize>, field: &[u8]| {
        archive(&[header_with("name", kind, 0, |block| block[range].copy_from_slice(field))])
    };
    check(
        &with(b'0', 124..136, &[0xff, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255]),
        "tar: `name` at byte 0: the field `size` is negative",
    );
    check(
        &with(b'0', 124..136, &[0x80, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255]),
        "tar: `name` at byte 0: the field `size` is too large",
    );
    check(
        &with(b'x', 124..136, &[0x80, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255]),
        "tar: `name` at byte 0: an extended header of 4294967295 bytes; the limit is 1048576",
    );
    check(&with(b'0', 124..132, b"00000009"), "tar: `name` at byte 0: the field `size` holds no number");
    check(
        &with(b'0', 108..116, &[0xff, 255, 255, 255, 255, 255, 255, 255]),
        "tar: `name` at byte 0: the field `uid` is negative",
    );
    check(&with(b'V', 0..1, b"n"), "tar: `name` at byte 0: entries of type `V` are not supported");
    check(
        &with(b'S', 0..1, b"n"),
        "tar: `name` at byte 0: sparse entries are not supported; write the archive without `--sparse`",
    );
    check(
        &archive(&[entry("link", b'1', b"12345")]),
        "tar: `link` at byte 0: 5 bytes of content, but the entry is no regular file",
    );
}

#[test]
fn extensions_that_contradict_are_refused() {
    check(
        &archive(&[pax(b'x', &[("size", "3")]), entry("file", b'0', b"12345")]),
        "tar: `file` at byte 1024: the size is 5 bytes in the header, but 3 bytes in the PAX header",
    );
    check(
        &archive(&[pax(b'x', &[("path", "a")]), entry("long", b'L', b"b\0"), entry("c", b'0', b"")]),
        "tar: `long` at byte 1024: PAX and GNU extensions are mixed for one entry",
    );
    check(
        &archive(&[entry("long", b'L', b"b\0"), pax(b'x', &[("path", "a")]), entry("c", b'0', b"")]),
        "tar: `PaxHeaders/x` at byte 1024: PAX and GNU extensions are mixed for one entry",
    );
    check(
        &archive(&[pax(b'x', &[("path", "a")]), pax(b'x', &[("path", "b")]), entry("c", b'0', b"")]),
        "tar: `PaxHeaders/x` at byte 1024: two extended headers of the same type for one entry",
    );
    check(
        &archive(&[entry("x", b'x', b"9 path=a\n"), entry("c", b'0', b"")]),
        "/ 0755 0:0 0 directory\n/a 0644 0:0 0 file \"\"",
    );
    for record in ["8 path=a\n", "99 path=a\n", "-9 path=a\n", "path=a\n", "9 pathaa\n", "6 =aa\n", "0 "] {
        check(
            &archive(&[entry("x", b'x', record.as_bytes()), entry("c", b'0', b"")]),
            "tar: `x` at byte 0: a record of the PAX header is not of the form `LENGTH KEY=VALUE`",
        );
    }
    check(
        &archive(&[pax(b'x', &[("mtime", "1.x")]), entry("c", b'0', b"")]),
        "tar: `c` at byte 1024: the PAX record `mtime` has an unusable value",
    );
    check(
        &archive(&[pax(b'x', &[("size", "-1")]), entry("c", b'0', b"")]),
        "tar: `c` at byte 1024: the field `size` is negative",
    );
    check(
        &archive(&[pax(b'g', &[("path", "a")]), entry("c", b'0', b"")]),
        "tar: `PaxHeaders/x` at byte 0: a global PAX header may not set `path`",
    );
    check(
        &archive(&[pax(b'x', &[("GNU.sparse.major", "1")]), entry("c", b'0', b"")]),
        "tar: `PaxHeaders/x` at byte 0: sparse entries are not supported; write the archive without `--sparse`",
    );
}

/// Small archives whose trees would need gigabytes.
#[test]
fn archives_that_explode_are_refused() {
    let mut ingestion = super::ingest::Ingestion::new(std::io::sink());
    ingestion.most_paths = 4;
    let error = ingestion.archive(&archive(&[entry("a/b/c", b'0', b""), entry("a/d", b'5', b"")])[..]).unwrap_err();
    assert_eq!(error.to_string(), "tar: `a/d` at byte 512: with it there are more than 4 paths");
    let deep = entry("long", b'L', "a/".repeat(257).as_bytes());
    check(&archive(&[deep, entry("x", b'5', b"")]), "tar: `x` at byte 1536: a path with more than 256 slashes");
    let deeper = entry("long", b'L', "a/".repeat(2048).as_bytes());
    check(&archive(&[deeper, entry("x", b'5', b"")]), "tar: `x` at byte 4608: a path of 4096 bytes; the limit is 4095");
    check(
        &archive(&[pax(b'g', &[("SCHILY.xattr.user.a", "large")]), entry("x", b'5', b"")]),
        "tar: `PaxHeaders/x` at byte 0: a global PAX header may not set `SCHILY.xattr.user.a`",
    );
}

#[test]
fn archives_cut_or_continued_are_refused() {
    let bytes = archive(&[entry("first", b'0', b""), entry("file", b'0', &[7; 700])]);
    check(&bytes[..100], "tar: at byte 0: the archive ends in the middle of the entry");
    check(&bytes[..1524], "tar: `file` at byte 512: the archive ends in the middle of the entry");
    check(&bytes[..1800], "tar: `file` at byte 512: the archive ends in the middle of the entry");
    check(&bytes[..2048], "tar: at byte 2048: the archive ends without its end marker");
    check(&[], "tar: at byte 0: the archive ends without its end marker");
    check(
        &[bytes.clone(), bytes.clone()].concat(),
        "tar: at byte 2560: there is something behind the end marker of the archive",
    );
    check(
        &archive(&[pax(b'x', &[("path", "a")])]),
        "tar: `PaxHeaders/x` at byte 0: an extended header without the entry that it is for",
    );
}

/// Fills a directory with every kind of entry that an unprivileged user can make.
fn populate(root: &Path) {
    let long = format!("{}/{}", "directory".repeat(10), "name".repeat(20));
    std::fs::create_dir_all(root.join(&long).parent().unwrap()).unwrap();
    std::fs::write(root.join(&long), "long").unwrap();
    std::fs::write(root.join("large"), vec![b'x'; 200_000]).unwrap();
    std::fs::write(root.join("utf-8 \u{e9}"), "").unwrap();
    std::fs::hard_link(root.join("large"), root.join("zz-link")).unwrap();
    std::os::unix::fs::symlink("t".repeat(150), root.join("symlink")).unwrap();
    run(root, "coreutils", &["mkfifo", "fifo"]);
    run(root, "coreutils", &["chmod", "4751", "large"]);
}

#[test]
fn gnu_tar_writes_the_same_tree_in_three_formats() {
    let scratch = tempfile::tempdir().unwrap();
    populate(scratch.path());
    let mut dumps = Vec::new();
    for format in ["--format=gnu", "--format=posix", "--format=ustar"] {
        let options = ["--sort=name", "--owner=:70000", "--group=:5", "--mtime=@1700000000", "--exclude=./symlink"];
        let full = &options[..if format == "--format=ustar" { 5 } else { 4 }];
        let command = [&["tar", format][..], full, &["-cf", "-", "."]].concat();
        let (mut tree, blobs) = ingest_tree(&run(scratch.path(), "tar", &command)).unwrap();
        // The target is too long for ustar, so the others are compared without it.
        let symlink = TreePath::parse("symlink").unwrap();
        assert_eq!(tree.get(&symlink).is_some(), format != "--format=ustar");
        tree.remove(&symlink);
        dumps.push(dump(&tree, &blobs));
    }
    assert_eq!(dumps[0], dumps[1]);
    assert_eq!(dumps[0], dumps[2]);
    assert!(dumps[0].contains("/large 4751 70000:5 1700000000 file"), "{}", dumps[0]);
    assert!(dumps[0].contains("/zz-link 4751 70000:5 1700000000 link /large"), "{}", dumps[0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn files_that_tar_archives_come_back(
        files in proptest::collection::btree_map("[a-c]{1,2}/[a-z \u{e9}]{1,120}", proptest::collection::vec(any::<u8>(), 0..3000), 0..8),
        format in prop::sample::select(vec!["--format=gnu", "--format=posix"]),
    ) {
        let scratch = tempfile::tempdir().unwrap();
        for (path, content) in &files {
            let path = scratch.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let bytes = run(scratch.path(), "tar", &["tar", format, "-cf", "-", "."]);
        let (tree, blobs) = ingest_tree(&bytes).unwrap();
        for (path, content) in &files {
            let entry = tree.get(&TreePath::parse(path).unwrap()).unwrap();
            let crate::Kind::File(extents) = &entry.kind else { panic!("{path} is no file") };
            prop_assert_eq!(&extents.to_vec(&blobs).unwrap(), content);
        }
        let count = tree.iter().filter(|(.., entry)| !entry.is_directory()).count();
        prop_assert_eq!(count, files.len());
    }

    #[test]
    fn no_bytes_make_the_reader_panic(
        place in any::<prop::sample::Index>(), value in any::<u8>(), length in any::<prop::sample::Index>(),
    ) {
        let mut bytes = archive(&[pax(b'x', &[("path", "a"), ("mtime", "3.5")]), entry("b", b'0', &[1; 600]), link("c", b'1', "a")]);
        let at = place.index(bytes.len());
        bytes[at] = value;
        bytes.truncate(length.index(4 * bytes.len()).min(bytes.len()));
        let mut sink = Vec::new();
        let _ = ingest(&bytes[..], &mut sink);
        let mut archive = Archive::new(&bytes[..]);
        while let Ok(Some(_)) = archive.next_entry() {
            let _ = archive.content().read_to_end(&mut sink);
        }
    }
}
