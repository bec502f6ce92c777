//! Configuration files that are not dpkg's: the records of `ucf`, so that it finds its own work on the system later.

use md5::{Digest, Md5};

use super::{Error, Root};

/// Hashes of the files as the packages had them.
const HASHES: &str = "/var/lib/ucf/hashfile";
/// Which package has which file.
const REGISTRY: &str = "/var/lib/ucf/registry";
/// The files as the packages had them, `/` written as `:`.
const CACHE: &str = "/var/lib/ucf/cache";

/// Copies a file to its place if nothing is there, and remembers it. Returns whether there was a file to copy.
pub(super) fn install(root: &mut Root<'_>, from: &str, to: &str) -> Result<Option<bool>, Error> {
    let Some(content) = root.file_len(from).map(|_| root.read(from)).transpose()?.flatten() else {
        return Ok(Some(false));
    };
    if !root.exists(to) {
        root.copy(from, to, 0o644, super::Owner::ROOT)?;
    }
    root.copy(from, &format!("{CACHE}/{}", to.replace('/', ":")), 0o644, super::Owner::ROOT)?;
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
