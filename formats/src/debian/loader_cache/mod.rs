//! `/etc/ld.so.cache`, by which the dynamic loader finds libraries: what `ldconfig` makes of those that packages ship.
//!
//! ```text
//! /etc/ld.so.conf, its includes, /lib/TRIPLET, /lib    the directories          configuration.rs
//! .../glibc-hwcaps/NAME                                variants for better processors
//! libfoo.so.1.2   SONAME libfoo.so.1                   a library                library.rs
//! libfoo.so.1 -> libfoo.so.1.2                         its link, made where it is missing
//! /etc/ld.so.cache                                     all of them in order     cache.rs
//! ```
//! The `ldconfig` of the root is what is imitated: it says for which machines it works, and the text by which it signs
//! caches is taken out of it. A root without one gets no cache. Links that lead nowhere, which `ldconfig` removes, stay.

mod cache;
mod configuration;
mod library;

use std::collections::BTreeMap;

use super::{Error, Owner, Root};
use crate::elf::program::Program;
use cache::Entry;
use configuration::Directory;
use library::{Abi, Library};

const CACHE: &str = "/etc/ld.so.cache";
/// Where `ldconfig` is. A distribution may keep it beside a script that stands for it.
const PROGRAMS: [&str; 2] = ["/sbin/ldconfig.real", "/sbin/ldconfig"];

/// Writes the cache of the dynamic loader, and the links to libraries that are missing.
///
/// # Errors
/// A library or the configuration cannot be read, or the root cannot be written.
pub fn loader_cache(root: &mut Root<'_>) -> Result<(), Error> {
    let Some(ldconfig) = Ldconfig::find(root)? else { return Ok(()) };
    let directories = configuration::directories(root, ldconfig.abi)?;
    let mut entries = Vec::new();
    for directory in &directories.list {
        for (soname, found) in libraries(root, directory, ldconfig.abi)? {
            // A variant is never linked to: the cache has its own name.
            let name = if directory.variant.is_none() { &soname } else { &found.name };
            let path = format!("{}/{name}", directory.path);
            if directory.variant.is_none() && !found.is_link {
                link(root, &directory.path, &soname, &found.name)?;
            }
            let Found { abi, level, .. } = found;
            entries.push(Entry { path, soname, flags: abi.flags(), level, variant: directory.variant.clone() });
        }
    }
    root.write(CACHE, 0o644, Owner::ROOT, cache::to_bytes(entries, &directories.variants, &ldconfig.signature))
}

/// The program that is imitated.
struct Ldconfig {
    abi: Abi,
    /// What it writes into caches of itself.
    signature: Vec<u8>,
}

impl Ldconfig {
    fn find(root: &Root<'_>) -> Result<Option<Ldconfig>, Error> {
        for path in PROGRAMS {
            let Some(content) = root.content(path) else { continue };
            let bytes = content.to_vec(root.blobs()).map_err(|error| Error::new(path, error))?;
            let program = Program::read(std::io::Cursor::new(&bytes)).ok();
            let found = program.and_then(|program| Abi::of(&program)).zip(signature(&bytes));
            if let Some((abi, signature)) = found {
                return Ok(Some(Ldconfig { abi, signature }));
            }
        }
        Ok(None)
    }
}

/// Returns the text `ldconfig (Debian GLIBC 2.41-12) stable release version 2.41` of a program, as its own version is.
fn signature(program: &[u8]) -> Option<Vec<u8>> {
    const INFIX: &[u8] = b" release version ";
    let mut texts = program.split(|&byte| byte == 0).filter(|text| text.starts_with(b"ldconfig "));
    texts.find(|text| text.windows(INFIX.len()).any(|window| window == INFIX)).map(<[u8]>::to_vec)
}

/// The file that serves a SONAME in a directory.
struct Found {
    name: String,
    /// Whether it is but a link, of which the file itself is there as well.
    is_link: bool,
    abi: Abi,
    level: u32,
}

impl Found {
    /// Whether this file goes before another of the same SONAME: files before links, then the newer version.
    fn is_better_than(&self, other: &Found) -> bool {
        match (self.is_link, other.is_link) {
            (false, true) => true,
            (true, false) => false,
            _ => cache::compare_names(&other.name, &self.name).is_lt(),
        }
    }
}

/// Returns the libraries in a directory by SONAME.
fn libraries(root: &Root<'_>, directory: &Directory, abi: Abi) -> Result<BTreeMap<String, Found>, Error> {
    let mut found: BTreeMap<String, Found> = BTreeMap::new();
    for name in root.names(&directory.path).into_iter().filter(|name| is_library_name(name)) {
        let path = format!("{}/{name}", directory.path);
        let Some(content) = root.content(&path) else { continue };
        let library = Library::read(content.reader(root.blobs())).map_err(|error| Error::new(&path, error))?;
        let Some(library) = library.filter(|library| library.abi.family() == abi.family()) else { continue };
        let (soname, is_link) = soname(&name, library.soname, root.link_target(&path).is_some());
        let new = Found { name, is_link, abi: library.abi, level: library.level };
        if found.get(&soname).is_none_or(|old| new.is_better_than(old)) {
            found.insert(soname, new);
        }
    }
    Ok(found)
}

/// Whether a file may be a library or the dynamic loader; what package managers have there for a moment is not.
fn is_library_name(name: &str) -> bool {
    let is_passing = [".dpkg-new", ".dpkg-tmp", "-gdb.py"].iter().any(|end| name.ends_with(end));
    let is_library = ["lib", "ld-", "ld.so", "ld64.so"].iter().any(|start| name.starts_with(start));
    is_library && name.contains(".so") && !is_passing
}

/// Returns under which SONAME a file is known, and whether it is but a link to what has it.
///
/// A link that is called like the SONAME of its target is the usual one. `libx.so`, by which `ld` finds `libx.so.1`, is
/// known under its own name. Any other link is as good as a file.
fn soname(name: &str, soname: Option<String>, is_link: bool) -> (String, bool) {
    let soname = soname.unwrap_or_else(|| name.to_owned());
    if !is_link || soname == name {
        (soname, is_link)
    } else if name.ends_with(".so") && soname.starts_with(name) {
        (name.to_owned(), true)
    } else {
        (soname, false)
    }
}

/// Makes the link from the SONAME to a file of the directory, unless it leads there, or is a file itself.
fn link(root: &mut Root<'_>, directory: &str, soname: &str, name: &str) -> Result<(), Error> {
    let path = format!("{directory}/{soname}");
    let is_file = root.has_name(&path) && root.link_target(&path).is_none();
    let leads_there = root.exists(&path) && root.real_path(&path) == root.real_path(&format!("{directory}/{name}"));
    if is_file || leads_there { Ok(()) } else { root.link(&path, name) }
}

#[cfg(test)]
mod tests;
