//! Archives, and what they are made of: from bytes to trees.

use std::io::{self, Cursor, Read};

use gravure_formats::compression::{DecodeError, detect};
use gravure_formats::{Digest, ar as ar_format, deb as deb_format, elf as elf_format, tar as tar_format};

/// The length of a header of tar, and of what contents are padded to.
const BLOCK: usize = 512;
/// Where in a header its checksum is.
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// Promised is that the members follow one another within the archive, and that each has the length that it says.
pub(crate) fn ar(input: &[u8]) {
    let Ok(mut archive) = ar_format::Archive::new(input) else { return };
    let mut end = 8;
    while let Ok(Some(member)) = archive.next_member() {
        assert_eq!(member.offset, end, "the member `{}` is not behind the one before it", member.name);
        let Ok(len) = io::copy(&mut archive, &mut io::sink()) else { return };
        assert_eq!(len, member.size, "the member `{}` has another length", member.name);
        end = member.offset + 60 + member.size.next_multiple_of(2);
        assert!(member.offset + 60 + member.size <= input.len() as u64, "a member reaches beyond the archive");
    }
}

/// The archive as it is, and once more with the right checksum in every block, since no search finds these. Promised is that
/// what is read makes a tree whose files lie within the pack, and that no error is one of the reader's.
pub(crate) fn tar(input: &[u8]) {
    ingest(input);
    let mut summed = input.to_vec();
    summed.chunks_exact_mut(BLOCK).filter(|block| block.iter().any(|&byte| byte != 0)).for_each(set_checksum);
    ingest(&summed);
}

fn set_checksum(block: &mut [u8]) {
    block[CHECKSUM].fill(b' ');
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn ingest(tar: &[u8]) {
    let mut pack = Vec::new();
    match tar_format::ingest(tar, &mut pack) {
        Ok(contents) => check_tree(contents, &pack),
        Err(tar_format::Error::Malformed { .. }) => {}
        Err(other) => panic!("neither reading nor writing memory fails: {other}"),
    }
}

/// Promised is that a package makes a tree whose files lie within the pack; that its limits hold; that its control files are
/// the same when they are read alone; and that no error is one of the reader's.
pub(crate) fn deb(input: &[u8]) {
    let limits = deb_format::Limits { control: 1 << 20, data: 4 << 20 };
    let mut pack = Vec::new();
    match deb_format::ingest_within(input, &mut pack, &limits) {
        Ok(contents) => {
            assert!(deb_format::control(input).is_ok(), "its control files cannot be read alone");
            check_tree(contents, &pack);
        }
        Err(error) => assert!(error.as_io().is_none(), "neither reading nor writing memory fails: {error}"),
    }
}

fn check_tree(contents: tar_format::Contents, pack: &[u8]) {
    assert_eq!(contents.pack_len(), pack.len() as u64, "the pack has another length");
    let tree = contents.into_tree(Digest::of(pack));
    for (path, _, entry) in tree.iter() {
        let inside = path.components().all(|name| name != b".." && name != b"." && !name.is_empty());
        assert!(inside, "{path} leads outside");
        if let gravure_formats::Kind::File(content) = &entry.kind {
            for extent in content.runs() {
                if let gravure_formats::Data::Blob { offset, .. } = &extent.data {
                    assert!(offset + extent.len <= pack.len() as u64, "{path} reaches beyond the pack");
                }
            }
        }
    }
    let serialised = tree.to_bytes();
    // Leaves are numbered in the order of the paths when they are written.
    assert_eq!(
        gravure_formats::Tree::from_serialised(&serialised),
        Ok(tree.canonical()),
        "the tree is read back as another"
    );
}

/// Any stream, known by its first bytes. Promised is that no more comes out than the cap, whatever the size of the reads,
/// and that every error is one of the stream's.
pub(crate) fn compression(input: &[u8]) {
    const CAP: u64 = 1 << 18;
    let mut decoder = detect(input, CAP).expect("memory can be read, and there is enough of it");
    let mut content = Vec::new();
    let result = decoder.read_to_end(&mut content);
    assert!(content.len() as u64 <= CAP, "{} bytes came out", content.len());
    if let Err(error) = &result {
        let is_ours = error.get_ref().is_some_and(|inner| inner.is::<DecodeError>());
        assert!(error.kind() == io::ErrorKind::InvalidData && is_ours, "the error is {error:?}");
    }
    // Reads of other sizes give the same.
    let mut again = Vec::new();
    let mut decoder = detect(input, CAP).expect("memory can be read, and there is enough of it");
    let mut chunk = [0; 7];
    while let Ok(len @ 1..) = decoder.read(&mut chunk) {
        again.extend_from_slice(&chunk[..len]);
    }
    let common = content.len().min(again.len());
    assert_eq!(content[..common], again[..common], "small reads give something else");
    assert!(result.is_err() || content == again, "small reads give something else");
}

/// A kernel module, program or library, or what claims to be one. Promised is that its parts are no longer than the file.
pub(crate) fn elf(input: &[u8]) {
    if let Ok(Some(section)) = elf_format::section(Cursor::new(input), ".modinfo") {
        assert!(section.len() <= input.len(), "a section of {} bytes in a file of {}", section.len(), input.len());
    }
    let Ok(program) = elf_format::program::Program::read(Cursor::new(input)) else { return };
    if let Ok(Some(segment)) = program.segment(Cursor::new(input), elf_format::program::LOADED) {
        assert!(
            input.windows(segment.len().max(1)).any(|window| window.starts_with(&segment)),
            "it has no such segment"
        );
    }
    if let Ok(Some(name)) = program.soname(Cursor::new(input)) {
        assert!(name.len() <= input.len() && !name.contains('\0'), "{name:?} is no name");
    }
}
