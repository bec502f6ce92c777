//! Configuration files that are not dpkg's: the records of `ucf`, so that it finds its own work on the system later.

use md5::{Digest, Md5};

use super::{Error, Root};

/// Hashes of the files as the packages had them.
const HASHES: &str = "/var/lib/ucf/hashfile";
/// Which package has which file.
const REGISTRY: &str = "/var/lib/ucf/registry";
/// The files as the packages had them, `/` written as `:`.
const CACHE: &str = "/var/lib/ucf/cache";

/// Copies a file with its mode to its place if nothing is there, and remembers it. Returns whether there was a file to copy.
pub(super) fn install(root: &mut Root<'_>, from: &str, to: &str) -> Result<Option<bool>, Error> {
    let Some(content) = root.file_len(from).map(|_| root.read(from)).transpose()?.flatten() else {
        return Ok(Some(false));
    };
    let mode = root.mode(from).unwrap_or(0o644);
    if !root.exists(to) {
        root.copy(from, to, mode, super::Owner::ROOT)?;
    }
    root.copy(from, &format!("{CACHE}/{}", to.replace('/', ":")), mode, super::Owner::ROOT)?;
    add_line(root, HASHES, &format!("{}  {to}", md5_of(&content)))?;
    Ok(Some(true))
}

/// Remembers that a file is a package's.
pub(super) fn register(root: &mut Root<'_>, package: &str, path: &str) -> Result<(), Error> {
    add_line(root, REGISTRY, &format!("{package} \t {path}"))
}

/// Returns the MD5 of some bytes, in hexadecimal digits.
pub(super) fn md5_of(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn add_line(root: &mut Root<'_>, path: &str, line: &str) -> Result<(), Error> {
    let text = root.text(path)?.unwrap_or_default();
    match text.lines().any(|other| other == line) {
        true => Ok(()),
        false => root.write_text(path, format!("{text}{line}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debian::Owner;
    use crate::{MemoryBlobs, Tree};

    #[test]
    fn copies_have_the_mode_of_the_package_s_file() {
        let blobs = MemoryBlobs::new();
        let mut root = Root::new(Tree::default(), &blobs, 0);
        root.write("/usr/share/x/keys", 0o640, Owner::ROOT, "keys").unwrap();
        assert_eq!(install(&mut root, "/usr/share/x/keys", "/etc/x/keys").unwrap(), Some(true));
        for copy in ["/etc/x/keys", "/var/lib/ucf/cache/:etc:x:keys"] {
            assert_eq!((root.text(copy).unwrap().as_deref(), root.mode(copy)), (Some("keys"), Some(0o640)), "{copy}");
        }
        assert_eq!(install(&mut root, "/usr/share/x/none", "/etc/x/none").unwrap(), Some(false));
        assert!(!root.exists("/etc/x/none"));
    }
}
