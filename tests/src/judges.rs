//! Foreign checkers: programs that others wrote say whether a disk is sound.
//!
//! Each function panics with everything that the checker printed. They are stricter than the checkers' exit codes:
//! `sgdisk -v` ends with 0 whatever it finds, and `fsck.fat -n` warns of things that it does not count as errors.
//!
//! A file system inside a disk is cut out into a temporary file first: the checkers then also see whether it fits its
//! partition, which they cannot when they are only told where it starts.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::tool::{Printed, Tool};

const E2FSCK: Tool = Tool { program: "e2fsck", package: "e2fsprogs" };
const DUMPE2FS: Tool = Tool { program: "dumpe2fs", package: "e2fsprogs" };
const FSCK_FAT: Tool = Tool { program: "fsck.fat", package: "dosfstools" };
const SGDISK: Tool = Tool { program: "sgdisk", package: "gdisk" };
const SHA256SUM: Tool = Tool { program: "sha256sum", package: "coreutils" };

/// A slice of a disk, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Where it starts.
    pub at: u64,
    /// How long it is.
    pub len: u64,
}

impl Slice {
    /// Returns the whole of a file.
    #[track_caller]
    pub fn whole(file: &Path) -> Self {
        let metadata = file.metadata().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        Self { at: 0, len: metadata.len() }
    }
}

/// Panics unless `e2fsck -fn` finds the ext2, ext3 or ext4 file system in this slice clean.
#[track_caller]
pub fn e2fsck_clean(disk: &Path, slice: Slice) {
    let part = cut(disk, slice);
    let printed = E2FSCK.run(&[OsStr::new("-fn"), part.path().as_os_str()]);
    // On a clean file system the only words on stderr are the version.
    let silent = printed.stderr.lines().all(|line| line.starts_with("e2fsck "));
    let passes = printed.stdout.lines().all(|line| line.starts_with("Pass ") || line.contains(" files ("));
    judge("e2fsck -fn", disk, printed.code == Some(0) && silent && passes, &printed);
}

/// Whether the journal of the file system that is this file has something to be replayed, as after a loss of power.
#[track_caller]
pub fn journal_is_unfinished(file_system: &Path) -> bool {
    let printed = DUMPE2FS.run(&[OsStr::new("-h"), file_system.as_os_str()]);
    judge("dumpe2fs -h", file_system, printed.code == Some(0), &printed);
    printed.stdout.contains("needs_recovery")
}

/// Replays the journal of the file system that is this file, and repairs nothing else.
#[track_caller]
pub fn replay_journal(file_system: &Path) {
    let arguments = ["-y", "-E", "journal_only"].map(OsStr::new);
    let printed = E2FSCK.run(&[&arguments[..], &[file_system.as_os_str()]].concat());
    judge("e2fsck -E journal_only", file_system, matches!(printed.code, Some(0 | 1)), &printed);
}

/// Panics unless `e2fsck -fn` finds nothing to say of the file system that is this file, but for the two counts of the superblock
/// that Linux writes when it unmounts, and counts anew when it mounts.
#[track_caller]
pub fn e2fsck_clean_after_a_loss(file_system: &Path) {
    let printed = E2FSCK.run(&[OsStr::new("-fn"), file_system.as_os_str()]);
    let is_usual = |line: &str| {
        let is_count =
            ["Free blocks count wrong (", "Free inodes count wrong ("].iter().any(|start| line.starts_with(start));
        is_count || ["", "Fix? no"].contains(&line) || line.starts_with("Pass ") || line.contains(" files (")
    };
    judge("e2fsck -fn", file_system, printed.code == Some(0) && printed.stdout.lines().all(is_usual), &printed);
}

/// Panics unless `fsck.fat -n` finds the FAT file system in this slice clean, without a warning.
#[track_caller]
pub fn fsck_fat_clean(disk: &Path, slice: Slice) {
    let part = cut(disk, slice);
    let printed = FSCK_FAT.run(&[OsStr::new("-n"), part.path().as_os_str()]);
    let silent = printed.stdout.lines().all(|line| line.starts_with("fsck.fat ") || line.ends_with(" clusters"));
    judge("fsck.fat -n", disk, printed.code == Some(0) && printed.stderr.is_empty() && silent, &printed);
}

/// Panics unless `sgdisk -v` finds a partition table of the GPT kind on this disk, both copies of it sound.
#[track_caller]
pub fn sgdisk_clean(disk: &Path) {
    let printed = SGDISK.run(&[OsStr::new("-v"), disk.as_os_str()]);
    let sound = printed.stdout.contains("No problems found.")
        && printed.stdout.split("\n\n").all(|paragraph| sgdisk_says_nothing_bad(paragraph.trim()));
    judge("sgdisk -v", disk, printed.code == Some(0) && printed.stderr.is_empty() && sound, &printed);
}

/// Returns where partition `number` (from 1) of a disk with a GPT is, as sgdisk reads it.
#[track_caller]
pub fn partition(disk: &Path, number: u32) -> Slice {
    const SECTOR: u64 = 512;
    let printed = SGDISK.run(&[OsStr::new(&format!("-i={number}")), disk.as_os_str()]);
    let sector = |label: &str| {
        let value = printed.stdout.lines().find_map(|line| line.strip_prefix(label)?.split_whitespace().next());
        value.and_then(|digits| digits.parse::<u64>().ok())
    };
    match (sector("First sector: "), sector("Last sector: ")) {
        (Some(first), Some(last)) => Slice { at: first * SECTOR, len: (last + 1 - first) * SECTOR },
        _ => panic!("{}: no partition {number}\n{}{}", disk.display(), printed.stdout, printed.stderr),
    }
}

/// Returns the SHA-256 of a file in hexadecimal, as `sha256sum` computes it.
#[track_caller]
pub fn sha256(path: &Path) -> String {
    // A backslash before the digest would mark a file name with line breaks; standard names have none.
    let printed = SHA256SUM.run(&[OsStr::new("-b"), path.as_os_str()]);
    judge("sha256sum", path, printed.code == Some(0), &printed);
    printed.stdout.split(' ').next().expect("splitting yields at least one piece").to_owned()
}

/// Whether a paragraph is the verdict, or a remark on alignment (a matter of speed, and wanted on some boards).
/// What else it may print before the verdict: that it repaired a table in memory, or made a new one.
fn sgdisk_says_nothing_bad(paragraph: &str) -> bool {
    let about_alignment = paragraph.starts_with("Caution: Partition ") && paragraph.contains("-sector boundary");
    paragraph.is_empty() || paragraph.starts_with("No problems found.") || about_alignment
}

/// Copies a slice of a disk to a temporary file, which stays as sparse as zeros allow.
#[track_caller]
pub fn cut(disk: &Path, slice: Slice) -> NamedTempFile {
    let part = NamedTempFile::new().expect("a temporary file can be made");
    copy_sparse(disk, slice, part.as_file()).unwrap_or_else(|error| panic!("{} at {slice:?}: {error}", disk.display()));
    part
}

fn copy_sparse(disk: &Path, slice: Slice, mut part: &File) -> std::io::Result<()> {
    let mut disk = File::open(disk)?;
    disk.seek(SeekFrom::Start(slice.at))?;
    let mut buffer = vec![0; 1 << 16];
    let mut left = slice.len;
    while left > 0 {
        let chunk = &mut buffer[..left.min(1 << 16) as usize];
        disk.read_exact(chunk)?;
        if chunk.iter().all(|&byte| byte == 0) {
            part.seek_relative(chunk.len() as i64)?;
        } else {
            part.write_all(chunk)?;
        }
        left -= chunk.len() as u64;
    }
    part.set_len(slice.len)
}

#[track_caller]
fn judge(checker: &str, disk: &Path, clean: bool, printed: &Printed) {
    let Printed { code, stdout, stderr } = printed;
    assert!(clean, "`{checker}` on {} (exit code {code:?}) says:\n{stdout}{stderr}", disk.display());
}

#[cfg(test)]
mod tests {
    use std::panic::{UnwindSafe, catch_unwind};

    use super::*;

    const MEBIBYTE: u64 = 1 << 20;
    const WHOLE: Slice = Slice { at: 0, len: 64 * MEBIBYTE };

    /// A disk of 64 MiB, after a program has written to it.
    fn disk(tool: Tool, arguments: &[&str]) -> NamedTempFile {
        let disk = NamedTempFile::new().unwrap();
        disk.as_file().set_len(WHOLE.len).unwrap();
        let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).chain([disk.path().as_os_str()]).collect();
        let printed = tool.run(&arguments);
        judge(tool.program, disk.path(), printed.code == Some(0), &printed);
        disk
    }

    fn ext4() -> NamedTempFile {
        disk(Tool { program: "mkfs.ext4", package: "e2fsprogs" }, &["-q"])
    }

    fn fat() -> NamedTempFile {
        disk(Tool { program: "mkfs.fat", package: "dosfstools" }, &["-F32", "-s1"])
    }

    fn gpt() -> NamedTempFile {
        disk(SGDISK, &["-n1:2048:+33M", "-t1:ef00", "-n2:0:0", "-t2:8304"])
    }

    fn damage(disk: &NamedTempFile, at: u64) {
        let mut file = File::options().write(true).open(disk.path()).unwrap();
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(&[0xa5; 4]).unwrap();
    }

    /// What a judge says when it refuses.
    fn refusal<T: std::fmt::Debug>(judge: impl FnOnce() -> T + UnwindSafe) -> String {
        *catch_unwind(judge).expect_err("the judge must refuse").downcast().expect("panics with formatted text")
    }

    #[test]
    fn e2fsck_tells_sound_from_damaged() {
        let disk = ext4();
        e2fsck_clean(disk.path(), Slice::whole(disk.path()));
        // The free blocks counter of the superblock, which starts at byte 1024.
        damage(&disk, 1024 + 0x0c);
        assert!(refusal(|| e2fsck_clean(disk.path(), WHOLE)).contains("Superblock checksum does not match"));
    }

    #[test]
    fn e2fsck_sees_a_partition_that_is_too_small() {
        let disk = ext4();
        let short = Slice { len: WHOLE.len - MEBIBYTE, ..WHOLE };
        assert!(
            refusal(|| e2fsck_clean(disk.path(), short)).contains("The physical size of the device is 64512 blocks")
        );
    }

    #[test]
    fn fsck_fat_tells_sound_from_damaged() {
        let disk = fat();
        fsck_fat_clean(disk.path(), WHOLE);
        // The first of the two tables starts after the 32 reserved sectors.
        damage(&disk, 32 * 512 + 12);
        assert!(refusal(|| fsck_fat_clean(disk.path(), WHOLE)).contains("FATs differ"));
    }

    #[test]
    fn sgdisk_tells_sound_from_damaged() {
        let sound = gpt();
        sgdisk_clean(sound.path());
        for at in [512 + 8, 1024 + 8, WHOLE.len - 512 + 8] {
            let disk = cut(sound.path(), WHOLE);
            damage(&disk, at);
            let said = refusal(|| sgdisk_clean(disk.path()));
            assert!(said.contains("corrupt") || said.contains("Warning"), "byte {at}: {said}");
        }
        let empty = disk(Tool { program: "true", package: "coreutils" }, &[]);
        assert!(refusal(|| sgdisk_clean(empty.path())).contains("Creating new GPT entries"));
    }

    #[test]
    fn partitions_are_found() {
        let disk = gpt();
        assert_eq!(partition(disk.path(), 1), Slice { at: MEBIBYTE, len: 33 * MEBIBYTE });
        assert_eq!(partition(disk.path(), 2).at, 34 * MEBIBYTE);
        assert!(refusal(|| partition(disk.path(), 3)).contains("no partition 3"));
    }

    #[test]
    fn a_slice_is_cut_out_exactly() {
        let disk = ext4();
        let slice = Slice { at: 1000, len: 100_000 };
        let bytes = std::fs::read(disk.path()).unwrap();
        assert_eq!(std::fs::read(cut(disk.path(), slice).path()).unwrap(), bytes[1000..101_000]);
    }

    #[test]
    fn the_digest_of_nothing_is_known() {
        let empty = NamedTempFile::new().unwrap();
        assert_eq!(sha256(empty.path()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
