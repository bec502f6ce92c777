//! Dumps: extents and trees as text, for snapshots of tests and for people.
//!
//! A dump shows every fact that reaches an output, one line per run or entry, and nothing that is not a fact:
//! equal values have equal dumps. Bytes are shown as text where they are short and printable, and by the first 12 digits of their
//! SHA-256 else, so that no snapshot holds raw bytes.
//!
//! ```text
//! 0 512 bytes sha256:1f2e3d4c5b6a
//! 512 5 bytes "hello"
//! 517 507 zero
//! 1024 4096 blob:9a8b7c6d5e4f+8192
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::{Data, Digest, Entry, Extent, Extents, Kind, Tree, TreePath};

/// Text up to this many bytes is shown instead of its digest.
const EXCERPT: usize = 48;

/// Returns one line per run, `at len source`, holes included; the last line is the length.
pub fn extents(image: &Extents) -> String {
    let mut text = String::new();
    let mut line = |at: u64, len: u64, source: &str| {
        if len > 0 {
            writeln!(text, "{at} {len} {source}").expect("a String takes any text");
        }
    };
    let mut end = 0;
    for run in image.runs() {
        line(end, run.at - end, "zero");
        line(run.at, run.len, &source(run));
        end = run.end();
    }
    line(end, image.len() - end, "zero");
    text + &format!("{} end\n", image.len())
}

/// Returns one line per path: `mode kind uid gid mtime size path`, and then what kinds add:
/// the sources of a file's content, ` -> target` of a symbolic link, ` = path` of the first path of the same leaf, and indented lines of
/// extended attributes. The size of a device is `major,minor`.
pub fn tree(tree: &Tree) -> String {
    let mut text = String::new();
    let mut first_paths = BTreeMap::new();
    for (path, leaf, entry) in tree.iter() {
        let first = *first_paths.entry(leaf).or_insert(path);
        text += &line_of(path, entry, first);
        if first == path {
            for (name, value) in &entry.metadata.xattrs {
                text += &format!("  {} = \"{}\"\n", name.escape_ascii(), value.escape_ascii());
            }
        }
    }
    text
}

fn line_of(path: &TreePath, entry: &Entry, first: &TreePath) -> String {
    let (kind, size) = match &entry.kind {
        Kind::Directory => ("dir", "-".to_owned()),
        Kind::File(content) => ("file", content.len().to_string()),
        Kind::Symlink(target) => ("link", target.len().to_string()),
        Kind::CharacterDevice { major, minor } => ("char", format!("{major},{minor}")),
        Kind::BlockDevice { major, minor } => ("block", format!("{major},{minor}")),
        Kind::Fifo => ("fifo", "-".to_owned()),
        Kind::Socket => ("socket", "-".to_owned()),
    };
    let tail = match &entry.kind {
        _ if first != path => format!(" = {first}"),
        Kind::File(content) => content.runs().iter().map(|run| format!(" {}", source(run))).collect(),
        Kind::Symlink(target) => format!(" -> {}", target.escape_ascii()),
        _ => String::new(),
    };
    let meta = &entry.metadata;
    format!("{:04o} {kind} {} {} {} {size} {path}{tail}\n", meta.mode, meta.uid, meta.gid, meta.mtime)
}

/// Returns where the bytes of a run come from.
fn source(run: &Extent) -> String {
    match &run.data {
        Data::Blob { id, offset } => format!("blob:{}+{offset}", short(id)),
        Data::Bytes(bytes)
            if bytes.len() <= EXCERPT && bytes.iter().all(|byte| (b' '..=b'~').contains(byte) || *byte == b'\n') =>
        {
            format!("bytes \"{}\"", bytes.escape_ascii())
        }
        Data::Bytes(bytes) => format!("bytes sha256:{}", short(&Digest::of(bytes))),
    }
}

fn short(digest: &Digest) -> String {
    digest.to_string()[..12].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Metadata, TreePath};
    use bytes::Bytes;

    #[test]
    fn dump_of_extents() {
        let blob = Digest::of(b"abc");
        let mut image = Extents::default();
        image.push_bytes(&b"hello\n"[..]);
        image.push_zeros(10);
        image.push_blob(blob, 4096, 100);
        image.push_bytes(vec![7; 3]);
        image.pad_to(128);
        insta::assert_snapshot!(extents(&image), @r#"
        0 6 bytes "hello\n"
        6 10 zero
        16 100 blob:ba7816bf8f01+4096
        116 3 bytes sha256:6a7dc6f42672
        119 9 zero
        128 end
        "#);
    }

    #[test]
    fn dump_of_a_tree() {
        let path = |text: &str| TreePath::parse(text).unwrap();
        let mut sample = Tree::default();
        let mut shell = Entry::file(0o4755, Extents::from_blob(Digest::of(b"abc"), 900));
        shell.metadata = Metadata { uid: 1, gid: 2, mtime: 3, ..shell.metadata };
        shell.metadata.xattrs.insert(Bytes::from("user.note"), Bytes::from_static(b"\0x"));
        let leaf = sample.insert(&path("bin/busybox"), shell).unwrap();
        sample.link(&path("bin/sh"), leaf).unwrap();
        sample.insert(&path("sbin"), Entry::symlink("bin")).unwrap();
        sample.insert(&path("etc/issue"), Entry::file(0o644, Extents::from_bytes(&b"hi\n"[..]))).unwrap();
        let console = Entry { metadata: Metadata::default(), kind: Kind::CharacterDevice { major: 5, minor: 1 } };
        sample.insert(&path("dev/console"), console).unwrap();
        insta::assert_snapshot!(tree(&sample), @r#"
        0755 dir 0 0 0 - /
        0755 dir 0 0 0 - /bin
        4755 file 1 2 3 900 /bin/busybox blob:ba7816bf8f01+0
          user.note = "\x00x"
        4755 file 1 2 3 900 /bin/sh = /bin/busybox
        0755 dir 0 0 0 - /dev
        0000 char 0 0 0 5,1 /dev/console
        0755 dir 0 0 0 - /etc
        0644 file 0 0 0 3 /etc/issue bytes "hi\n"
        0777 link 0 0 0 3 /sbin -> bin
        "#);
    }
}
