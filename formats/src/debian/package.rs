//! A package that is unpacked in a root, with its control files.
//!
//! The tree of a package has its control files below `/DEBIAN`, as `dpkg-deb --raw-extract` leaves them, and beside them
//! `list`: the paths of the package as dpkg lists them. [`Package::take`] takes them out before the package is merged with
//! others.

use std::collections::BTreeMap;

use super::Error;
pub use crate::deb::CONTROL_DIRECTORY;
use crate::{Blobs, Extents, Kind, Tree, TreePath, deb822};

/// A package and its control files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture, which may be `all`.
    pub architecture: String,
    /// Whether it can be installed for several architectures at once (`Multi-Arch: same`).
    pub is_multi_arch_same: bool,
    /// The control stanza, as the package has it.
    pub stanza: String,
    /// The other control files by name: `conffiles`, `list`, `md5sums`, `postinst`.
    pub control: BTreeMap<String, Extents>,
}

impl Package {
    /// Takes the control files out of the tree of a package.
    ///
    /// # Errors
    /// There are none, they cannot be read, or the control stanza is malformed.
    pub fn take(tree: &mut Tree, blobs: &dyn Blobs) -> Result<Package, Error> {
        let directory = TreePath::parse(CONTROL_DIRECTORY).expect("the name is a path");
        let mut control = BTreeMap::new();
        for (path, _, entry) in tree.below(&directory) {
            if let (Kind::File(content), Ok(name)) = (&entry.kind, std::str::from_utf8(path.file_name())) {
                control.insert(name.to_owned(), content.clone());
            }
        }
        tree.remove(&directory);
        let stanza = control.remove("control").ok_or_else(|| Error::new("DEBIAN/control", "there is no such file"))?;
        Package::new(text_of("control", &stanza, blobs)?, control)
    }

    /// Returns the package with this control stanza and these other control files.
    ///
    /// # Errors
    /// The stanza is malformed, or a field is missing.
    pub fn new(stanza: String, control: BTreeMap<String, Extents>) -> Result<Package, Error> {
        let fields = deb822::stanzas(&stanza).next().ok_or_else(|| Error::new("DEBIAN/control", "it is empty"))?;
        let fields = fields.map_err(|error| Error::new("DEBIAN/control", error))?;
        let field = |name: &str| {
            let value = fields.get(name).map(str::trim);
            value.map(str::to_owned).ok_or_else(|| Error::new("DEBIAN/control", format!("it has no field `{name}`")))
        };
        Ok(Package {
            name: field("Package")?,
            version: field("Version")?,
            architecture: field("Architecture")?,
            is_multi_arch_same: fields.get("Multi-Arch").map(str::trim) == Some("same"),
            stanza: stanza.clone(),
            control,
        })
    }

    /// Returns what dpkg calls the package's files: its name, with the architecture where several may be installed.
    pub fn file_stem(&self) -> String {
        match self.is_multi_arch_same {
            true => format!("{}:{}", self.name, self.architecture),
            false => self.name.clone(),
        }
    }

    /// Returns the text of a control file other than `control`; none where the package has none of this name.
    ///
    /// # Errors
    /// It cannot be read, or is not UTF-8.
    pub fn text(&self, name: &str, blobs: &dyn Blobs) -> Result<Option<String>, Error> {
        let content = self.control.get(name);
        content.map(|content| text_of(&format!("{}/{name}", self.name), content, blobs)).transpose()
    }
}

fn text_of(place: &str, content: &Extents, blobs: &dyn Blobs) -> Result<String, Error> {
    let bytes = content.to_vec(blobs).map_err(|error| Error::new(place, error))?;
    String::from_utf8(bytes).map_err(|_| Error::new(place, "it is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Entry, MemoryBlobs};

    #[test]
    fn control_files_are_taken_out_of_the_tree() {
        let blobs = MemoryBlobs::new();
        let mut tree = Tree::default();
        let stanza = "Package: libc6\nVersion: 2.41-12\nArchitecture: amd64\nMulti-Arch: same\n";
        for (path, text) in [("DEBIAN/control", stanza), ("DEBIAN/postinst", "#!/bin/sh\n"), ("usr/bin/ldd", "")] {
            let entry = Entry::file(0o644, Extents::from_bytes(text));
            tree.insert(&TreePath::parse(path).unwrap(), entry).unwrap();
        }
        let package = Package::take(&mut tree, &blobs).unwrap();
        assert_eq!((package.name.as_str(), package.file_stem().as_str()), ("libc6", "libc6:amd64"));
        assert_eq!(package.text("postinst", &blobs).unwrap().as_deref(), Some("#!/bin/sh\n"));
        assert_eq!(package.text("prerm", &blobs).unwrap(), None);
        assert_eq!(tree.len(), 4, "the root, /usr, /usr/bin and ldd");
        assert!(Package::take(&mut tree, &blobs).is_err());
    }
}
