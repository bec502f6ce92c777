//! The judges: e2fsck and debugfs on an image file, and `ext4-view`, a reader that shares no code with us.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Output};

use ext4_view::{Ext4, Ext4Error};
use tempfile::NamedTempFile;

use crate::ext::contents::{Contents, ino};
use crate::ext::{Options, layout};
use crate::{Blobs, Capacity, Data, Digest, Extent, Extents, Kind, Tree, TreePath};

/// Blobs whose content is computed: zero but for the start of every mebibyte, which tells blob and place.
pub(super) struct Synthetic;

impl Blobs for Synthetic {
    fn read_at(&self, id: &Digest, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        const MARK_LEN: u64 = 64;
        let end = offset + buffer.len() as u64;
        buffer.fill(0);
        for mebibyte in offset >> 20..=end >> 20 {
            let mark = mebibyte << 20..(mebibyte << 20) + MARK_LEN;
            for at in mark.filter(|at| (offset..end).contains(at)) {
                buffer[(at - offset) as usize] = (mebibyte as u8 ^ at as u8 ^ id.0[0]) | 1;
            }
        }
        Ok(())
    }
}

/// A file system in a file of the host.
pub(super) struct Image {
    file: NamedTempFile,
    pub(super) len: u64,
    options: Options,
}

impl Image {
    /// Lays out `tree` and writes it to a file, leaving zeros as holes.
    pub(super) fn of(tree: &Tree, blobs: &dyn Blobs, options: &Options) -> Image {
        let extents = layout(tree, options).unwrap();
        let image = Image::empty(extents.len(), options);
        extents.runs().iter().for_each(|run| image.write(&extents, run, blobs));
        image
    }

    /// Like [`Image::of`] without the contents of blobs, which e2fsck does not read.
    pub(super) fn of_metadata(tree: &Tree, options: &Options) -> Image {
        let extents = layout(tree, options).unwrap();
        let image = Image::empty(extents.len(), options);
        let metadata = extents.runs().iter().filter(|run| matches!(run.data, Data::Bytes(_)));
        metadata.for_each(|run| image.write(&extents, run, &Synthetic));
        image
    }

    fn empty(len: u64, options: &Options) -> Image {
        let file = NamedTempFile::new().unwrap();
        file.as_file().set_len(len).unwrap();
        Image { file, len, options: options.clone() }
    }

    fn write(&self, extents: &Extents, run: &Extent, blobs: &dyn Blobs) {
        const PIECE: u64 = 1 << 20;
        for at in (run.at..run.end()).step_by(PIECE as usize) {
            let mut piece = vec![0; PIECE.min(run.end() - at) as usize];
            extents.read_at(blobs, at, &mut piece).unwrap();
            write_sparsely(self.file.as_file(), at, &piece);
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Panics unless `e2fsck -fn` is content: exit status 0, and nothing but its passes and its summary.
    pub(super) fn check(&self) {
        self.check_with(&[]);
    }

    /// Like [`Image::check`], with more arguments.
    pub(super) fn check_with(&self, arguments: &[&str]) {
        let output = run(Command::new("e2fsck").arg("-fn").args(arguments).arg(self.path()));
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        let expected = |line: &str| {
            line.is_empty()
                || line.starts_with("e2fsck 1.")
                || line.starts_with("Pass ") && !line.starts_with("Pass 3A")
                || line.contains(" files (") && line.ends_with(" blocks")
        };
        assert!(output.status.success() && text.lines().all(expected), "e2fsck complains:\n{text}");
    }

    /// Grows the file system.
    pub(super) fn resize2fs(&self, len: u64) {
        self.file.as_file().set_len(len).unwrap();
        let output = run(Command::new("resize2fs").arg("-f").arg(self.path()));
        assert!(output.status.success(), "resize2fs: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Returns the start of a block of the file at `path` as debugfs finds it; none for a hole.
    pub(super) fn start_of_block(&self, path: &str, block: u64, block_size: u64) -> Option<[u8; 16]> {
        let answer = self.debugfs(&format!("bmap {path} {block}"));
        let at: u64 = answer.trim().parse().unwrap();
        let mut start = [0; 16];
        self.file.as_file().read_exact_at(&mut start, at * block_size).unwrap();
        (at > 0).then_some(start)
    }

    /// Returns what debugfs prints for a request.
    pub(super) fn debugfs(&self, request: &str) -> String {
        let output = run(Command::new("debugfs").arg("-R").arg(request).arg(self.path()));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Returns what `dumpe2fs` prints: the superblock, with groups.
    pub(super) fn dumpe2fs(&self) -> String {
        let output = run(Command::new("dumpe2fs").arg(self.path()));
        assert!(output.status.success(), "dumpe2fs: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Panics unless the independent reader finds exactly `tree` (and `lost+found`), byte for byte.
    pub(super) fn compare(&self, tree: &Tree, blobs: &dyn Blobs) {
        self.compare_every(1, tree, blobs);
    }

    /// Like [`Image::compare`], but only every `step`th path: that reader takes long in large directories.
    pub(super) fn compare_every(&self, step: usize, tree: &Tree, blobs: &dyn Blobs) {
        let file_system = Ext4::load_from_path(self.path()).unwrap();
        let numbers = self.numbers(tree);
        for (path, _, entry) in tree.iter().step_by(step) {
            let on_disk = absolute(path);
            let on_disk = ext4_view::Path::try_from(on_disk.as_slice()).unwrap();
            let metadata = file_system.symlink_metadata(on_disk).unwrap();
            let wanted = &entry.metadata;
            assert_eq!(metadata.mode() & 0o7777, wanted.mode, "mode of {path}");
            assert_eq!((metadata.uid(), metadata.gid()), (wanted.uid, wanted.gid), "owner of {path}");
            assert_eq!(metadata.modified().seconds(), wanted.mtime, "time of {path}");
            match &entry.kind {
                Kind::Directory => assert_eq!(names_on_disk(&file_system, on_disk), names_in(tree, path), "{path}"),
                Kind::File(content) => {
                    assert_eq!(metadata.len(), content.len(), "size of {path}");
                    let read = match numbers.get(path) {
                        Some(ino) if self.is_misread(content) => self.content_for_debugfs(*ino),
                        None if self.is_misread(content) => continue,
                        _ => file_system.read(on_disk).unwrap(),
                    };
                    assert!(read == content.to_vec(blobs).unwrap(), "content of {path}");
                }
                Kind::Symlink(target) => {
                    let read = file_system.read_link(on_disk).unwrap();
                    assert_eq!(read.as_ref(), &target[..], "target of {path}");
                }
                _ => assert!(!metadata.is_dir() && !metadata.is_symlink(), "kind of {path}"),
            }
        }
    }

    /// Returns the inode numbers that files have by their first names.
    fn numbers(&self, tree: &Tree) -> BTreeMap<TreePath, u32> {
        let contents = Contents::collect(tree, &self.options).unwrap();
        contents.nodes.iter().enumerate().map(|(index, node)| (node.path.clone(), ino(index))).collect()
    }

    /// Whether the independent reader reads a file wrongly: it does not know that a number of 0 in a block map may
    /// stand for many blocks.
    fn is_misread(&self, content: &Extents) -> bool {
        let is_sparse = content.runs().iter().map(|run| run.len).sum::<u64>() < content.len();
        !self.options.features.extents && is_sparse
    }

    fn content_for_debugfs(&self, ino: u32) -> Vec<u8> {
        run(Command::new("debugfs").arg("-R").arg(format!("cat <{ino}>")).arg(self.path())).stdout
    }

    /// Returns which of every `step`th path of `tree` the independent reader does not find; it goes by hashes where
    /// it can.
    pub(super) fn not_found_of_every(&self, step: usize, tree: &Tree) -> Vec<TreePath> {
        let file_system = Ext4::load_from_path(self.path()).unwrap();
        let is_found = |path: &TreePath| {
            let on_disk = absolute(path);
            match file_system.symlink_metadata(ext4_view::Path::try_from(on_disk.as_slice()).unwrap()) {
                Ok(_) => true,
                Err(Ext4Error::NotFound) => false,
                Err(error) => panic!("{path}: {error}"),
            }
        };
        tree.iter().step_by(step).map(|(path, ..)| path).filter(|path| !is_found(path)).cloned().collect()
    }
}

/// Returns what dumpe2fs prints of an empty file system that mke2fs makes.
pub(super) fn made_by_mke2fs(options: &Options, profile: &str, arguments: &[&str]) -> String {
    let Capacity::Exact(len) = options.capacity else { panic!("mke2fs needs a size") };
    let image = Image::empty(len, options);
    let block_size = options.block_size.to_string();
    let mut command = Command::new("mke2fs");
    command.args(["-q", "-F", "-t", profile, "-b", &block_size]).args(arguments).arg(image.path());
    let made = run(&mut command);
    assert!(made.status.success(), "mke2fs: {}", String::from_utf8_lossy(&made.stderr));
    image.dumpe2fs()
}

/// Returns what dumpe2fs printed behind `name:`, if it did.
pub(super) fn fact(listed: &str, name: &str) -> Option<String> {
    let line = listed.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.map(|value| value.trim().to_owned())
}

/// Runs a program of e2fsprogs.
fn run(command: &mut Command) -> Output {
    command.env("LC_ALL", "C").env("TZ", "UTC");
    let name = command.get_program().to_owned();
    command
        .output()
        .unwrap_or_else(|error| panic!("{name:?} does not run ({error}); it is in the Debian package e2fsprogs"))
}

fn write_sparsely(mut file: &File, at: u64, bytes: &[u8]) {
    const CHUNK: usize = 64 << 10;
    for (index, chunk) in bytes.chunks(CHUNK).enumerate() {
        if chunk.iter().any(|&byte| byte != 0) {
            file.seek(SeekFrom::Start(at + (index * CHUNK) as u64)).unwrap();
            file.write_all(chunk).unwrap();
        }
    }
}

fn absolute(path: &TreePath) -> Vec<u8> {
    [b"/", path.as_bytes()].concat()
}

fn names_on_disk(file_system: &Ext4, directory: ext4_view::Path<'_>) -> BTreeSet<Vec<u8>> {
    let entries = file_system.read_dir(directory).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| entry.file_name().as_ref().to_vec()).filter(|name| name != b"." && name != b"..").collect()
}

fn names_in(tree: &Tree, directory: &TreePath) -> BTreeSet<Vec<u8>> {
    let children = tree.below(directory).filter(|(path, ..)| path.parent().as_ref() == Some(directory));
    let names = children.map(|(path, ..)| path.file_name().to_vec());
    names.chain(directory.is_root().then(|| b"lost+found".to_vec())).collect()
}
