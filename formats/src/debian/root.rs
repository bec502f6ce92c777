//! The root of a system on its way: a tree whose files are read and written by path.
//!
//! Paths are followed as a kernel follows them, through symbolic links and never out of the tree: who writes `/bin/x`
//! on a system with merged `/usr` writes `/usr/bin/x`. What is written has the source date.

use std::fmt;

use bytes::Bytes;

use crate::{Blobs, Entry, Extents, Kind, Metadata, Tree, TreePath, lookup};

/// Why a root cannot be configured: where, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    place: String,
    why: String,
}

impl Error {
    /// Returns the error that something is wrong at `place`: a path, or a package.
    pub fn new(place: impl fmt::Display, why: impl fmt::Display) -> Error {
        Error { place: place.to_string(), why: why.to_string() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.why)
    }
}

impl std::error::Error for Error {}

/// Whom an entry belongs to, by numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

impl Owner {
    /// The user and the group `root`.
    pub const ROOT: Owner = Owner { uid: 0, gid: 0 };
}

/// A root file system that is being configured.
pub struct Root<'a> {
    tree: Tree,
    blobs: &'a dyn Blobs,
    time: i64,
}

impl<'a> Root<'a> {
    /// Returns a root with this tree, whose contents are in `blobs`. `time` is the source date in seconds since 1970.
    pub fn new(tree: Tree, blobs: &'a dyn Blobs, time: i64) -> Root<'a> {
        Root { tree, blobs, time }
    }

    /// Returns the tree.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Returns the tree, and nothing else.
    pub fn into_tree(self) -> Tree {
        self.tree
    }

    /// Returns where contents are.
    pub fn blobs(&self) -> &'a dyn Blobs {
        self.blobs
    }

    /// Returns the source date, in seconds since 1970.
    pub fn time(&self) -> i64 {
        self.time
    }

    /// Whether something is at `path`, at the end of all links.
    pub fn exists(&self, path: &str) -> bool {
        self.entry(path).is_ok_and(|entry| entry.is_some())
    }

    /// Whether something is at `path`, be it a link that leads nowhere.
    pub fn has_name(&self, path: &str) -> bool {
        self.place(path).is_ok_and(|place| self.tree.get(&place).is_some())
    }

    /// Whether a directory is at `path`.
    pub fn is_directory(&self, path: &str) -> bool {
        self.entry(path).is_ok_and(|entry| entry.is_some_and(Entry::is_directory))
    }

    /// Returns the content of the regular file at `path`; none where nothing is.
    ///
    /// # Errors
    /// Something else is there, or the content cannot be read.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        match self.entry(path)?.map(|entry| &entry.kind) {
            None => Ok(None),
            Some(Kind::File(content)) => content.to_vec(self.blobs).map(Some).map_err(|error| Error::new(path, error)),
            Some(_) => Err(Error::new(path, "it is no regular file")),
        }
    }

    /// Returns the text of the regular file at `path`; none where nothing is.
    ///
    /// # Errors
    /// As [`Root::read`]; or the file is not UTF-8.
    pub fn text(&self, path: &str) -> Result<Option<String>, Error> {
        let text = self.read(path)?.map(String::from_utf8).transpose();
        text.map_err(|_| Error::new(path, "it is not UTF-8"))
    }

    /// Returns the names in a directory in the order of their bytes; none where no directory is. Names that are not UTF-8 are
    /// left out.
    pub fn names(&self, directory: &str) -> Vec<String> {
        let Ok(place) = self.resolved(directory) else { return Vec::new() };
        let mut names: Vec<String> = self
            .tree
            .below(&place)
            .filter(|(path, ..)| path.parent().as_ref() == Some(&place))
            .filter_map(|(path, ..)| String::from_utf8(path.file_name().to_vec()).ok())
            .collect();
        names.sort_unstable();
        names
    }

    /// Returns the target of the symbolic link at `path`, if one is there.
    pub fn link_target(&self, path: &str) -> Option<String> {
        match &self.tree.get(&self.place(path).ok()?)?.kind {
            Kind::Symlink(target) => String::from_utf8(target.to_vec()).ok(),
            _ => None,
        }
    }

    /// Returns whom what is at `path` belongs to, at the end of all links; none where nothing is.
    pub fn owner(&self, path: &str) -> Option<Owner> {
        let metadata = &self.entry(path).ok()??.metadata;
        Some(Owner { uid: metadata.uid, gid: metadata.gid })
    }

    /// Returns the mode of what is at `path`, at the end of all links; none where nothing is.
    pub fn mode(&self, path: &str) -> Option<u16> {
        Some(self.entry(path).ok()??.metadata.mode)
    }

    /// Returns the length of the regular file at `path`, at the end of all links; none where there is no such file.
    pub fn file_len(&self, path: &str) -> Option<u64> {
        Some(self.content(path)?.len())
    }

    /// Returns the content of the regular file at `path`, at the end of all links, without reading it.
    pub fn content(&self, path: &str) -> Option<&Extents> {
        match &self.entry(path).ok()??.kind {
            Kind::File(content) => Some(content),
            _ => None,
        }
    }

    /// Returns the path that leads to the same place without links; none where nothing is.
    pub fn real_path(&self, path: &str) -> Option<String> {
        let place = self.resolved(path).ok().filter(|place| self.tree.get(place).is_some())?;
        Some(format!("/{}", std::str::from_utf8(place.as_bytes()).ok()?))
    }

    /// Returns the paths of what is at `path` and below it.
    pub fn paths_below(&self, path: &str) -> Vec<String> {
        let Ok(place) = self.resolved(path) else { return Vec::new() };
        let paths = self.tree.below(&place).filter_map(|(path, ..)| std::str::from_utf8(path.as_bytes()).ok());
        paths.map(|path| format!("/{path}")).collect()
    }

    /// Writes a regular file at `path`, in place of what is there unless that is a directory. A link that is there is
    /// replaced, not followed.
    ///
    /// # Errors
    /// A directory is there, or something above that is none.
    pub fn write(&mut self, path: &str, mode: u16, owner: Owner, content: impl Into<Bytes>) -> Result<(), Error> {
        self.put(path, mode, owner, Kind::File(Extents::from_bytes(content)))
    }

    /// Writes a file of root's with some content; nothing is copied.
    ///
    /// # Errors
    /// As [`Root::write`].
    pub fn write_extents(&mut self, path: &str, mode: u16, content: Extents) -> Result<(), Error> {
        self.put(path, mode, Owner::ROOT, Kind::File(content))
    }

    /// Writes a file of root's that all can read.
    ///
    /// # Errors
    /// As [`Root::write`].
    pub fn write_text(&mut self, path: &str, text: impl Into<String>) -> Result<(), Error> {
        self.write(path, 0o644, Owner::ROOT, text.into())
    }

    /// Writes a file with the content of another; nothing is copied.
    ///
    /// # Errors
    /// As [`Root::write`]; or `from` is no regular file.
    pub fn copy(&mut self, from: &str, path: &str, mode: u16, owner: Owner) -> Result<(), Error> {
        match self.entry(from)?.map(|entry| entry.kind.clone()) {
            Some(kind @ Kind::File(_)) => self.put(path, mode, owner, kind),
            Some(_) => Err(Error::new(from, "it is no regular file")),
            None => Err(Error::new(from, "there is no such file")),
        }
    }

    /// Makes a symbolic link at `path`, in place of what is there; of directories only an empty one is replaced.
    ///
    /// # Errors
    /// A directory with something in it is there, or something above that is no directory.
    pub fn link(&mut self, path: &str, target: impl Into<String>) -> Result<(), Error> {
        let place = self.place(path)?;
        if self.tree.get(&place).is_some_and(Entry::is_directory) && self.tree.below(&place).count() == 1 {
            self.tree.remove(&place);
        }
        self.put(path, 0o777, Owner::ROOT, Kind::Symlink(target.into().into()))
    }

    /// Makes a directory at `path`; one that is there, at the end of all links, gets this mode and this owner.
    ///
    /// # Errors
    /// Something else is there, or above.
    pub fn directory(&mut self, path: &str, mode: u16, owner: Owner) -> Result<(), Error> {
        match self.entry(path)? {
            Some(entry) if entry.is_directory() => self.set_owner(path, mode, owner),
            _ => self.put(path, mode, owner, Kind::Directory),
        }
    }

    /// Changes mode and owner of what is at `path`, at the end of all links. Where nothing is, nothing happens.
    ///
    /// # Errors
    /// The path leads through too many links.
    pub fn set_owner(&mut self, path: &str, mode: u16, owner: Owner) -> Result<(), Error> {
        if let Some(entry) = self.tree.get_mut(&self.resolved(path)?) {
            (entry.metadata.mode, entry.metadata.uid, entry.metadata.gid) = (mode, owner.uid, owner.gid);
        }
        Ok(())
    }

    /// Gives what is at `path`, at the end of all links, an extended attribute. Where nothing is, nothing happens.
    ///
    /// # Errors
    /// The path leads through too many links.
    pub fn set_xattr(&mut self, path: &str, name: &'static str, value: impl Into<Bytes>) -> Result<(), Error> {
        if let Some(entry) = self.tree.get_mut(&self.resolved(path)?) {
            entry.metadata.xattrs.insert(Bytes::from_static(name.as_bytes()), value.into());
        }
        Ok(())
    }

    /// Gives what is at `from`, which is no directory, the path `to`. A link is moved itself, and what was at `to` is replaced.
    ///
    /// # Errors
    /// Nothing is at `from`, or a directory is at one of both, or something above `to` is no directory.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), Error> {
        let (place, target) = (self.place(from)?, self.place(to)?);
        for (path, place) in [(from, &place), (to, &target)] {
            if self.tree.get(place).is_some_and(Entry::is_directory) {
                return Err(Error::new(path, "it is a directory"));
            }
        }
        let leaf = self.tree.leaf(&place).ok_or_else(|| Error::new(from, "there is no such file"))?;
        if place != target {
            self.make_directories(&target, to)?;
            self.tree.link(&target, leaf).map_err(|above| Error::new(to, format!("`{above}` is no directory")))?;
            self.tree.remove(&place);
        }
        Ok(())
    }

    /// Removes what is at `path`, with everything below it.
    ///
    /// # Errors
    /// The path leads through too many links.
    pub fn remove(&mut self, path: &str) -> Result<(), Error> {
        let place = self.place(path)?;
        self.tree.remove(&place);
        Ok(())
    }

    /// Returns what is at `path`, at the end of all links.
    fn entry(&self, path: &str) -> Result<Option<&Entry>, Error> {
        Ok(self.tree.get(&self.resolved(path)?))
    }

    /// Returns where a path leads, a last link included.
    fn resolved(&self, path: &str) -> Result<TreePath, Error> {
        let parsed = TreePath::parse(path).map_err(|error| Error::new(path, error))?;
        lookup::resolve(&self.tree, &parsed).map_err(|error| Error::new(path, error))
    }

    /// Returns where an entry called `path` is, itself perhaps a link.
    fn place(&self, path: &str) -> Result<TreePath, Error> {
        let parsed = TreePath::parse(path).map_err(|error| Error::new(path, error))?;
        lookup::resolve_parent(&self.tree, &parsed).map_err(|error| Error::new(path, error))
    }

    fn put(&mut self, path: &str, mode: u16, owner: Owner, kind: Kind) -> Result<(), Error> {
        let place = self.place(path)?;
        if self.tree.get(&place).is_some_and(Entry::is_directory) {
            return Err(Error::new(path, "it is a directory, and no file can be put there"));
        }
        self.make_directories(&place, path)?;
        let metadata = Metadata { mode, uid: owner.uid, gid: owner.gid, mtime: self.time, ..Metadata::default() };
        let inserted = self.tree.insert(&place, Entry { metadata, kind });
        inserted.map(drop).map_err(|blocking| Error::new(path, format!("`{blocking}` is no directory")))
    }

    /// Makes the directories above `place` that are missing, with the source date.
    fn make_directories(&mut self, place: &TreePath, path: &str) -> Result<(), Error> {
        let Some(above) = place.parent().filter(|above| self.tree.get(above).is_none()) else { return Ok(()) };
        self.make_directories(&above, path)?;
        let directory = Entry::directory(0o755);
        let metadata = Metadata { mtime: self.time, ..directory.metadata };
        let inserted = self.tree.insert(&above, Entry { metadata, ..directory });
        inserted.map(drop).map_err(|blocking| Error::new(path, format!("`{blocking}` is no directory")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryBlobs;

    fn text_of(root: &Root<'_>, path: &str) -> String {
        root.text(path).unwrap().unwrap()
    }

    #[test]
    fn paths_lead_through_links() {
        let blobs = MemoryBlobs::new();
        let mut root = Root::new(Tree::default(), &blobs, 7);
        root.link("/bin", "usr/bin").unwrap();
        root.write_text("/bin/sh", "#!").unwrap();
        assert_eq!(text_of(&root, "/usr/bin/sh"), "#!");
        assert_eq!(root.names("/bin"), ["sh"]);
        assert_eq!(root.link_target("/bin").as_deref(), Some("usr/bin"));
        assert_eq!(root.real_path("/bin/sh").as_deref(), Some("/usr/bin/sh"));
        assert_eq!((root.real_path("/bin/ls"), root.content("/bin/sh").unwrap().len()), (None, 2));
        assert!(root.exists("/bin/sh") && root.is_directory("/usr/bin") && !root.exists("/bin/ls"));
        assert_eq!(root.tree().get(&TreePath::parse("usr/bin").unwrap()).unwrap().metadata.mtime, 7);
    }

    #[test]
    fn links_replace_empty_directories_only() {
        let blobs = MemoryBlobs::new();
        let mut root = Root::new(Tree::default(), &blobs, 0);
        root.directory("/var/run", 0o755, Owner::ROOT).unwrap();
        root.link("/var/run", "/run").unwrap();
        assert_eq!(root.link_target("/var/run").as_deref(), Some("/run"));
        root.write_text("/var/lock/x", "").unwrap();
        let error = root.link("/var/lock", "/run/lock").unwrap_err();
        assert_eq!(error.to_string(), "/var/lock: it is a directory, and no file can be put there");
    }

    #[test]
    fn a_directory_that_is_there_is_changed() {
        let blobs = MemoryBlobs::new();
        let mut root = Root::new(Tree::default(), &blobs, 0);
        root.write_text("/var/mail/x", "mail").unwrap();
        root.directory("/var/mail", 0o2775, Owner { uid: 0, gid: 8 }).unwrap();
        assert_eq!(text_of(&root, "/var/mail/x"), "mail");
        assert_eq!(root.tree().get(&TreePath::parse("var/mail").unwrap()).unwrap().metadata.mode, 0o2775);
    }
}
