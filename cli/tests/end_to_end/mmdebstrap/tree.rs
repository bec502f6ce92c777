//! Two trees in one form: the root of an image, and a tar archive.
//!
//! What is compared is in [`Node`]. Owners are names: the trees number their users each in its own way. Times, device
//! numbers and extended attributes are not compared, nor whether two paths are one file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use ext4_view::Ext4;
use gravure_formats::{Digest, tar};

/// A tree by paths, which are absolute.
pub(super) type Tree = BTreeMap<String, Node>;

/// What there is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) mode: u16,
    /// `USER:GROUP`, each as a number where it has no name.
    pub(super) owner: String,
    /// Of a file.
    pub(super) content: Option<Content>,
    /// Of a symbolic link.
    pub(super) target: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    File,
    Symlink,
    CharacterDevice,
    BlockDevice,
    Fifo,
    Socket,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Text of `/etc` or `/var`: how it differs can be shown.
    Text(String),
    Other(Digest),
}

impl Content {
    fn of(path: &str, bytes: Vec<u8>) -> Content {
        let is_shown = ["/etc/", "/var/"].iter().any(|directory| path.starts_with(directory));
        match String::from_utf8(bytes) {
            Ok(text) if is_shown => Content::Text(text),
            Ok(text) => Content::Other(Digest::of(text.as_bytes())),
            Err(error) => Content::Other(Digest::of(error.as_bytes())),
        }
    }
}

/// A tree whose owners are still numbers.
type Numbered = BTreeMap<String, (Node, [u32; 2])>;

/// Reads an ext4 file system, but for `lost+found`.
pub(super) fn read_ext4(image: &Path) -> Tree {
    let file_system = Ext4::load_from_path(image).expect("the root is an ext4 file system");
    let root = file_system.symlink_metadata("/").expect("there is a root");
    let mut tree = Numbered::from([("/".to_owned(), node_of_ext4(&file_system, "/", &root))]);
    read_directory(&file_system, "/", &mut tree);
    tree.remove("/lost+found");
    name_owners(tree)
}

fn read_directory(file_system: &Ext4, directory: &str, tree: &mut Numbered) {
    for entry in file_system.read_dir(directory).expect("a directory can be read") {
        let entry = entry.expect("a directory can be read");
        let name = entry.file_name().as_str().expect("names are UTF-8").to_owned();
        if name == "." || name == ".." {
            continue;
        }
        let path = format!("{}/{name}", directory.trim_end_matches('/'));
        let metadata = entry.metadata().expect("an entry has metadata");
        let node = node_of_ext4(file_system, &path, &metadata);
        if metadata.is_dir() {
            read_directory(file_system, &path, tree);
        }
        tree.insert(path, node);
    }
}

fn node_of_ext4(file_system: &Ext4, path: &str, metadata: &ext4_view::Metadata) -> (Node, [u32; 2]) {
    let kind = kind_of_ext4(metadata.file_type());
    let content = (kind == Kind::File).then(|| file_system.read(path).expect("a file can be read"));
    let target = (kind == Kind::Symlink).then(|| file_system.read_link(path).expect("a link can be read"));
    let node = Node {
        kind,
        mode: metadata.mode(),
        owner: String::new(),
        content: content.map(|bytes| Content::of(path, bytes)),
        target: target.map(|target| target.to_str().expect("targets are UTF-8").to_owned()),
    };
    (node, [metadata.uid(), metadata.gid()])
}

fn kind_of_ext4(kind: ext4_view::FileType) -> Kind {
    use ext4_view::FileType;
    match kind {
        FileType::Directory => Kind::Directory,
        FileType::Regular => Kind::File,
        FileType::Symlink => Kind::Symlink,
        FileType::CharacterDevice => Kind::CharacterDevice,
        FileType::BlockDevice => Kind::BlockDevice,
        FileType::Fifo => Kind::Fifo,
        FileType::Socket => Kind::Socket,
    }
}

/// Reads a tar archive.
pub(super) fn read_tar(path: &Path) -> Tree {
    let file = File::open(path).expect("the archive can be opened");
    let mut archive = tar::Archive::new(BufReader::with_capacity(1 << 20, file));
    let mut tree = Numbered::new();
    while let Some(entry) = archive.next_entry().expect("the archive can be read") {
        let path = absolute(entry.path.as_bytes());
        let node = match entry.kind {
            tar::Kind::HardLink(earlier) => {
                let (node, owner) = &tree[&absolute(earlier.as_bytes())];
                (node.clone(), *owner)
            }
            kind => {
                (node_of_tar(&mut archive, &path, kind, entry.metadata.mode), [entry.metadata.uid, entry.metadata.gid])
            }
        };
        tree.insert(path, node);
    }
    name_owners(tree)
}

fn absolute(path: &[u8]) -> String {
    format!("/{}", str::from_utf8(path).expect("paths are UTF-8"))
}

fn node_of_tar(archive: &mut tar::Archive<impl Read>, path: &str, kind: tar::Kind, mode: u16) -> Node {
    let mut node = Node { kind: Kind::File, mode, owner: String::new(), content: None, target: None };
    node.kind = match kind {
        tar::Kind::File { .. } => {
            let mut bytes = Vec::new();
            archive.content().read_to_end(&mut bytes).expect("the archive can be read");
            node.content = Some(Content::of(path, bytes));
            Kind::File
        }
        tar::Kind::Symlink(target) => {
            node.target = Some(String::from_utf8(target.to_vec()).expect("targets are UTF-8"));
            Kind::Symlink
        }
        tar::Kind::Directory => Kind::Directory,
        tar::Kind::CharacterDevice { .. } => Kind::CharacterDevice,
        tar::Kind::BlockDevice { .. } => Kind::BlockDevice,
        tar::Kind::Fifo => Kind::Fifo,
        tar::Kind::HardLink(_) => unreachable!("links are followed before"),
    };
    node
}

/// Returns the text of a file.
pub(super) fn text<'a>(tree: &'a Tree, path: &str) -> &'a str {
    match tree.get(path).and_then(|node| node.content.as_ref()) {
        Some(Content::Text(text)) => text,
        other => panic!("{path} is no text but {other:?}"),
    }
}

/// Gives owners the names that the tree itself has for them.
fn name_owners(numbered: Numbered) -> Tree {
    let mut owners = Vec::new();
    let mut tree = Tree::new();
    for (path, (node, owner)) in numbered {
        owners.push(owner);
        tree.insert(path, node);
    }
    let [users, groups] = ["/etc/passwd", "/etc/group"].map(|path| names(text(&tree, path)));
    let name = |names: &BTreeMap<u32, String>, id: u32| names.get(&id).cloned().unwrap_or_else(|| id.to_string());
    for (node, [user, group]) in tree.values_mut().zip(owners) {
        node.owner = format!("{}:{}", name(&users, user), name(&groups, group));
    }
    tree
}

/// Returns the names in a text of the form of `/etc/passwd` or `/etc/group`; of several with one number, the first.
pub(super) fn names(text: &str) -> BTreeMap<u32, String> {
    let mut names = BTreeMap::new();
    for line in text.lines() {
        let mut fields = line.split(':');
        let (name, id) = (fields.next().unwrap_or_default(), fields.nth(1).unwrap_or_default());
        names.entry(id.parse().expect("ids are numbers")).or_insert_with(|| name.to_owned());
    }
    names
}
