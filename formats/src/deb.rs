//! Debian binary packages, deb(5): an ar archive of two tar archives.
//!
//! ```text
//! debian-binary | control.tar[.gz|.xz|.zst] | data.tar[.gz|.xz|.zst]
//! ```
//! A package is read once, from start to end, and becomes a tree and a pack. As `dpkg-deb --raw-extract` does it, the
//! control files are below `/DEBIAN` in the tree, and beside them is `list`: the paths of the contents as dpkg lists
//! them. Nothing of a package is executed and nothing is written but the pack.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read, Write};

use bytes::Bytes;

use crate::compression::{Compression, Decoder};
use crate::tar::{self, Contents, Ingestion};
use crate::{TreePath, ar, compression};

/// Where in the tree of a package its control files are.
pub const CONTROL_DIRECTORY: &str = "DEBIAN";
/// Among the control files, the one that dpkg makes: the paths of the contents.
const LIST: &str = "list";

/// First member and its content: the version of the format, of which any minor version will do.
const FORMAT_MEMBER: &str = "debian-binary";
const FORMAT_MAJOR: &[u8] = b"2.";
/// More than the format member can reasonably hold.
const FORMAT_LIMIT: u64 = 100;

/// How much a package may unpack to.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The whole archive of control files, in bytes.
    pub control: u64,
    /// The whole archive of contents, in bytes.
    pub data: u64,
}

impl Default for Limits {
    /// 64 MiB of control files and 8 GiB of contents: the largest packages of Debian, debug symbols of kernels, have about 6.
    fn default() -> Limits {
        Limits { control: 64 << 20, data: 8 << 30 }
    }
}

/// Why a package could not be read.
#[derive(Debug)]
pub enum Error {
    /// The outer archive is malformed, or cannot be read.
    Ar(ar::Error),
    /// `debian-binary` holds this instead of version 2.
    Version(String),
    /// A member is not the one whose turn it is.
    Order {
        /// Its name.
        found: String,
        /// Where its header is, in bytes.
        offset: u64,
        /// What belongs there; none behind `data.tar`.
        expected: Option<&'static str>,
    },
    /// The package ends before this member.
    Missing(&'static str),
    /// A member is compressed in a way that packages are not.
    Compression {
        /// Its name.
        member: String,
        /// Where its header is, in bytes.
        offset: u64,
    },
    /// A member cannot be read, or its content cannot be written to the pack.
    Member {
        /// Its name.
        member: String,
        /// Why.
        error: tar::Error,
    },
    /// An entry of the control archive is no file in its root, or has a name that is not free.
    Control(String),
    /// The contents have this path, which is the place of the control files.
    Reserved(TreePath),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Ar(error) => error.fmt(f),
            Error::Version(found) => {
                write!(f, "not a Debian package of version 2: `{FORMAT_MEMBER}` holds `{found}`")
            }
            Error::Order { found, offset, expected: Some(expected) } => {
                write!(f, "the package has `{found}` at byte {offset}, where `{expected}` belongs")
            }
            Error::Order { found, offset, expected: None } => {
                write!(f, "the package has `{found}` at byte {offset}, behind its `data.tar`")
            }
            Error::Missing(member) => write!(f, "the package has no `{member}`"),
            Error::Compression { member, offset } => {
                write!(
                    f,
                    "the member `{member}` at byte {offset} is compressed in an unknown way; packages use `.gz`, `.xz`, `.zst` or nothing"
                )
            }
            Error::Member { member, error } => write!(f, "{member}: {error}"),
            Error::Control(entry) => write!(f, "control.tar: `{entry}` is not a plain file in the root"),
            Error::Reserved(path) => write!(f, "data.tar: `{path}` is where the control files belong"),
        }
    }
}

impl std::error::Error for Error {}

impl Error {
    /// Returns the failure to read the package or to write the pack, if it was that: then the package itself may be sound.
    pub fn as_io(&self) -> Option<&io::Error> {
        let error = match self {
            Error::Ar(ar::Error::Io(error)) => error,
            Error::Member { error: tar::Error::Read(error) | tar::Error::Write(error), .. } => error,
            _ => return None,
        };
        // What the readers of formats find wrong travels through `Read` as `InvalidData` with their own error inside.
        let malformed = error.get_ref().is_some_and(|inner| {
            inner.is::<compression::DecodeError>() || inner.is::<ar::Error>() || inner.is::<tar::Error>()
        });
        (!malformed).then_some(error)
    }
}

impl From<ar::Error> for Error {
    fn from(error: ar::Error) -> Error {
        Error::Ar(error)
    }
}

/// Reads a package and writes the contents of its files, control files included, into `pack`, as [`crate::pack`] says.
/// The package is read to the end of `deb`, so that whoever hashes it on the way has seen all of it.
///
/// # Errors
/// As the variants of [`Error`] say.
pub fn ingest(deb: impl Read, pack: impl Write) -> Result<Contents, Error> {
    ingest_within(deb, pack, &Limits::default())
}

/// As [`ingest`], with other limits.
///
/// # Errors
/// As the variants of [`Error`] say.
pub fn ingest_within(deb: impl Read, pack: impl Write, limits: &Limits) -> Result<Contents, Error> {
    let mut archive = ar::Archive::new(deb)?;
    read_version(&mut archive)?;

    let (name, decoder) = open(&mut archive, "control.tar", limits.control)?;
    let control = read_control(tar::Archive::new(decoder), &name)?;

    let (member, decoder) = open(&mut archive, "data.tar", limits.data)?;
    let failed = |error| Error::Member { member: member.clone(), error };
    let mut ingestion = Ingestion::new(pack);
    let paths = ingestion.archive(decoder).map_err(failed)?;
    let directory = TreePath::parse(CONTROL_DIRECTORY).expect("the name is a path");
    if let Some(reserved) = paths.iter().find(|path| path.starts_with(&directory)) {
        return Err(Error::Reserved(reserved.clone()));
    }
    let list = list(&paths);
    for (name, content) in
        control.iter().map(|(name, content)| (name.as_str(), &content[..])).chain([(LIST, &list[..])])
    {
        let path = directory.join(name).expect("the name came from a path");
        ingestion.file(path, content).map_err(failed)?;
    }
    let contents = ingestion.finish().map_err(failed)?;

    match next_member(&mut archive)? {
        Some(ar::Member { name, offset, .. }) => Err(Error::Order { found: name, offset, expected: None }),
        None => Ok(contents),
    }
}

/// Reads the control files of a package, and no further.
///
/// # Errors
/// As the variants of [`Error`] say.
pub fn control(deb: impl Read) -> Result<BTreeMap<String, Bytes>, Error> {
    let mut archive = ar::Archive::new(deb)?;
    read_version(&mut archive)?;
    let (name, decoder) = open(&mut archive, "control.tar", Limits::default().control)?;
    read_control(tar::Archive::new(decoder), &name)
}

/// Returns the paths of a package as dpkg lists them: a line each in the order of the archive, the root as `/.`.
fn list(paths: &[TreePath]) -> Vec<u8> {
    let mut text = Vec::new();
    for path in paths {
        text.push(b'/');
        text.extend_from_slice(if path.is_root() { b"." } else { path.as_bytes() });
        text.push(b'\n');
    }
    text
}

/// Returns the next member that means something: deb(5) lets others be, when their names start with `_`.
fn next_member<R: Read>(archive: &mut ar::Archive<R>) -> Result<Option<ar::Member>, Error> {
    loop {
        match archive.next_member()? {
            Some(member) if member.name.starts_with('_') => {}
            other => return Ok(other),
        }
    }
}

fn read_version<R: Read>(archive: &mut ar::Archive<R>) -> Result<(), Error> {
    let member = archive.next_member()?.ok_or(Error::Missing(FORMAT_MEMBER))?;
    if member.name != FORMAT_MEMBER {
        return Err(Error::Order { found: member.name, offset: member.offset, expected: Some(FORMAT_MEMBER) });
    }
    let mut version = Vec::new();
    archive.take(FORMAT_LIMIT).read_to_end(&mut version).map_err(ar::Error::from)?;
    match version.strip_prefix(FORMAT_MAJOR) {
        Some([minor, b'\n', ..]) if minor.is_ascii_digit() => Ok(()),
        _ => Err(Error::Version(version.trim_ascii_end().escape_ascii().to_string())),
    }
}

/// Opens the next member, which must be `stem` with an extension.
fn open<'a, R: Read>(
    archive: &'a mut ar::Archive<R>,
    stem: &'static str,
    cap: u64,
) -> Result<(String, Decoder<&'a mut ar::Archive<R>>), Error> {
    let member = next_member(archive)?.ok_or(Error::Missing(stem))?;
    let Some(extension) = member.name.strip_prefix(stem) else {
        return Err(Error::Order { found: member.name, offset: member.offset, expected: Some(stem) });
    };
    let compression = Compression::of_name(extension);
    if compression.extension() != extension {
        return Err(Error::Compression { member: member.name, offset: member.offset });
    }
    let decoder = Decoder::new(archive, compression, cap).map_err(ar::Error::from)?;
    Ok((member.name, decoder))
}

fn read_control<R: Read>(mut archive: tar::Archive<R>, member: &str) -> Result<BTreeMap<String, Bytes>, Error> {
    let failed = |error| Error::Member { member: member.to_owned(), error };
    let mut files = BTreeMap::new();
    while let Some(entry) = archive.next_entry().map_err(failed)? {
        if entry.path.is_root() {
            continue;
        }
        let name = std::str::from_utf8(entry.path.as_bytes()).ok().filter(|name| !name.contains('/'));
        let (Some(name), tar::Kind::File { .. }) = (name.filter(|&name| name != LIST), &entry.kind) else {
            return Err(Error::Control(entry.path.to_string()));
        };
        let mut content = Vec::new();
        archive.content().read_to_end(&mut content).map_err(|error| failed(tar::Error::Read(error)))?;
        if files.insert(name.to_owned(), Bytes::from(content)).is_some() {
            return Err(failed(archive.problem(tar::Problem::Duplicate)));
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ar::testing::archive as ar;
    use crate::tar::testing::{archive as tar, entry, link, run};
    use crate::{Digest, Kind, MemoryBlobs, Tree, TreePath};

    const CONTROL: &[u8] =
        b"Package: hello\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: none\n";

    fn control_tar() -> Vec<u8> {
        tar(&[entry("./", b'5', b""), entry("./control", b'0', CONTROL), entry("./postinst", b'0', b"#!/bin/sh\n")])
    }

    fn data_tar() -> Vec<u8> {
        tar(&[entry("./", b'5', b""), entry("./usr/bin/hello", b'0', b"binary")])
    }

    fn message(bytes: &[u8]) -> String {
        let error = ingest(bytes, io::sink()).unwrap_err();
        assert!(error.as_io().is_none(), "{error:?}");
        error.to_string()
    }

    fn check(members: &[(&str, &[u8])], expected: &str) {
        assert_eq!(message(&ar(members)), expected);
    }

    fn path(text: &str) -> TreePath {
        TreePath::parse(text).unwrap()
    }

    fn content(tree: &Tree, blobs: &MemoryBlobs, path: &str) -> Vec<u8> {
        match &tree.get(&self::path(path)).unwrap().kind {
            Kind::File(extents) => extents.to_vec(blobs).unwrap(),
            other => panic!("{path} is {other:?}"),
        }
    }

    /// Returns paths, metadata and contents; the last are empty for what is no file.
    fn entries(tree: &Tree, blobs: &MemoryBlobs) -> Vec<(String, crate::Metadata, Vec<u8>)> {
        let content = |entry: &crate::Entry| match &entry.kind {
            Kind::File(extents) => extents.to_vec(blobs).unwrap(),
            _ => Vec::new(),
        };
        tree.iter().map(|(path, _, entry)| (path.to_string(), entry.metadata.clone(), content(entry))).collect()
    }

    /// Makes a directory that `dpkg-deb` makes a package of.
    fn package_directory() -> tempfile::TempDir {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join("hello");
        for directory in ["DEBIAN", "usr/bin", "usr/share/doc/hello"] {
            std::fs::create_dir_all(root.join(directory)).unwrap();
        }
        run(&root, "coreutils", &["chmod", "-R", "go-w,g-s", "."]);
        std::fs::write(root.join("DEBIAN/control"), CONTROL).unwrap();
        std::fs::write(root.join("usr/bin/hello"), vec![b'h'; 10_000]).unwrap();
        run(&root, "coreutils", &["chmod", "6755", "usr/bin/hello"]);
        std::fs::write(root.join(format!("usr/share/doc/hello/{}", "long".repeat(40))), "text").unwrap();
        std::fs::hard_link(root.join("usr/bin/hello"), root.join("usr/bin/hi")).unwrap();
        std::os::unix::fs::symlink("hello", root.join("usr/bin/hallo")).unwrap();
        scratch
    }

    #[test]
    fn packages_of_dpkg_deb_are_the_same_in_every_compression() {
        let scratch = package_directory();
        let mut trees: Vec<(Tree, Digest)> = Vec::new();
        for compression in ["none", "gzip", "xz", "zstd"] {
            let option = format!("-Z{compression}");
            // The times of the entries are kept below this one; all of them are later.
            let command = ["env", "SOURCE_DATE_EPOCH=1000000000", "dpkg-deb", "--root-owner-group", &option, "--build"];
            run(scratch.path(), "dpkg", &[&command[..], &["hello", "hello.deb"]].concat());
            let deb = std::fs::read(scratch.path().join("hello.deb")).unwrap();
            let mut pack = Vec::new();
            let contents = ingest(&deb[..], &mut pack).unwrap();
            let mut blobs = MemoryBlobs::new();
            let id = blobs.add(pack);
            let tree = contents.into_tree(id);
            assert_eq!(content(&tree, &blobs, "DEBIAN/control"), CONTROL);
            let list = String::from_utf8(content(&tree, &blobs, "DEBIAN/list")).unwrap();
            assert_eq!(list.lines().take(3).collect::<Vec<_>>(), ["/.", "/usr", "/usr/bin"]);
            assert_eq!(content(&tree, &blobs, "usr/bin/hello"), vec![b'h'; 10_000]);
            assert_eq!(content(&tree, &blobs, &format!("usr/share/doc/hello/{}", "long".repeat(40))), b"text");

            let unpacked = run(scratch.path(), "dpkg", &["dpkg-deb", "--fsys-tarfile", "hello.deb"]);
            let mut pack = Vec::new();
            let contents = crate::tar::ingest(&unpacked[..], &mut pack).unwrap();
            let plain = contents.into_tree(blobs.add(pack));
            let mut without_control = tree.clone();
            without_control.remove(&path("DEBIAN"));
            assert_eq!(entries(&without_control, &blobs), entries(&plain, &blobs));
            trees.push((tree.canonical(), id));
        }
        assert!(trees.windows(2).all(|pair| pair[0] == pair[1]));
        let hello = TreePath::parse("usr/bin/hello").unwrap();
        let metadata = &trees[0].0.get(&hello).unwrap().metadata;
        assert_eq!((metadata.mode, metadata.uid, metadata.mtime), (0o6755, 0, 1_000_000_000));
        assert_eq!(trees[0].0.leaf(&hello), trees[0].0.leaf(&TreePath::parse("usr/bin/hi").unwrap()));
    }

    #[test]
    fn members_that_start_with_an_underscore_are_let_be() {
        let (control, data) = (control_tar(), data_tar());
        let deb = ar(&[
            ("debian-binary/", b"2.0\n"),
            ("_before", b"x"),
            ("control.tar/", &control),
            ("data.tar/", &data),
            ("_gpgorigin", b"signature"),
        ]);
        let tree = ingest(&deb[..], io::sink()).unwrap().into_tree(Digest([0; 32]));
        let control: Vec<String> = tree.below(&path("DEBIAN")).map(|(path, ..)| path.to_string()).collect();
        assert_eq!(control, ["/DEBIAN", "/DEBIAN/control", "/DEBIAN/list", "/DEBIAN/postinst"]);
    }

    #[test]
    fn members_in_another_order_are_refused() {
        let (format, control, data): (_, &[u8], &[u8]) =
            (("debian-binary", &b"2.0\n"[..]), &control_tar(), &data_tar());
        check(&[], "the package has no `debian-binary`");
        check(&[format], "the package has no `control.tar`");
        check(&[format, ("control.tar", control)], "the package has no `data.tar`");
        check(
            &[("control.tar", control), format],
            "the package has `control.tar` at byte 8, where `debian-binary` belongs",
        );
        check(
            &[format, ("data.tar", data), ("control.tar", control)],
            "the package has `data.tar` at byte 72, where `control.tar` belongs",
        );
        let twice = [format, ("control.tar", control), ("data.tar", data), ("data.tar", data)];
        let offset = ar(&twice[..3]).len();
        check(&twice, &format!("the package has `data.tar` at byte {offset}, behind its `data.tar`"));
        let lzma = [format, ("control.tar", control), ("data.tar.lzma2", data)];
        let offset = ar(&lzma[..2]).len();
        check(
            &lzma,
            &format!(
                "the member `data.tar.lzma2` at byte {offset} is compressed in an unknown way; packages use `.gz`, `.xz`, `.zst` or nothing"
            ),
        );
        check(&[("debian-binary", b"3.0\n")], "not a Debian package of version 2: `debian-binary` holds `3.0`");
    }

    #[test]
    fn malformed_members_are_named() {
        let (format, control, data) = (("debian-binary", &b"2.0\n"[..]), control_tar(), data_tar());
        let deb = ar(&[format, ("control.tar", &control), ("data.tar", &data)]);
        let start = deb.len() - data.len() - 60;
        assert_eq!(
            message(&deb[..deb.len() - 1100]),
            format!(
                "data.tar: ar: the member `data.tar` at byte {start} should have 2560 bytes, but the archive ends after 1460 of them"
            ),
        );
        check(
            &[format, ("control.tar", &control), ("data.tar", &tar(&[entry("../x", b'0', b"")]))],
            "data.tar: tar: `../x` at byte 0: a path in a tree may not contain `..`",
        );
        check(
            &[format, ("control.tar.gz", &control), ("data.tar", &data)],
            "control.tar.gz: the gzip stream is damaged or followed by something else (invalid gzip header)",
        );
        for entries in [entry("./sub/file", b'0', b""), link("./link", b'2', "control")] {
            let name = if entries[2] == b's' { "/sub/file" } else { "/link" };
            check(
                &[format, ("control.tar", &tar(&[entries])), ("data.tar", &data)],
                &format!("control.tar: `{name}` is not a plain file in the root"),
            );
        }
    }

    #[test]
    fn the_place_of_the_control_files_is_theirs() {
        let (format, control) = (("debian-binary", &b"2.0\n"[..]), control_tar());
        let data = tar(&[entry("./DEBIAN/control", b'0', b"")]);
        check(
            &[format, ("control.tar", &control), ("data.tar", &data)],
            "data.tar: `/DEBIAN/control` is where the control files belong",
        );
        let list = tar(&[entry("./list", b'0', b"")]);
        check(
            &[format, ("control.tar", &list), ("data.tar", &data_tar())],
            "control.tar: `/list` is not a plain file in the root",
        );
    }

    #[test]
    fn packages_that_unpack_to_more_than_the_limit_are_refused() {
        let (control, data) = (control_tar(), data_tar());
        let compressed = compression::gzip(&data[..], 6).unwrap();
        let deb = ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control), ("data.tar.gz", &compressed)]);
        let limit = |data| Limits { data, ..Limits::default() };
        assert!(ingest_within(&deb[..], io::sink(), &limit(data.len() as u64)).is_ok());
        let error = ingest_within(&deb[..], io::sink(), &limit(data.len() as u64 - 1)).unwrap_err();
        assert_eq!(error.to_string(), "data.tar.gz: the content is longer than the cap of 2559 bytes");
        assert!(error.as_io().is_none());
    }

    #[test]
    fn a_pack_that_cannot_be_written_is_no_fault_of_the_package() {
        let (control, data) = (control_tar(), data_tar());
        let deb = ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control), ("data.tar", &data)]);
        let error = ingest(&deb[..], &mut [0; 3][..]).unwrap_err();
        assert_eq!(error.as_io().unwrap().kind(), io::ErrorKind::WriteZero);
        assert_eq!(error.to_string(), "data.tar: the pack cannot be written: failed to write whole buffer");
    }
}
