//! The directories in which `ldconfig` looks: those of `/etc/ld.so.conf`, then those that are built in.
//!
//! ```text
//! include /etc/ld.so.conf.d/*.conf     more files, in order of their names
//! /usr/local/lib                       a directory
//! hwcap 1 name                         means nothing any more
//! ```
//! A directory that was there before under another name is left out.

use std::collections::BTreeSet;

use super::super::{Error, Root};
use super::library::Abi;
use crate::modules::fits_pattern;

const CONFIGURATION: &str = "/etc/ld.so.conf";
/// How deep files may include one another.
const MOST_INCLUDES: usize = 16;
/// How many files may fit a pattern, so that links that lead back do not multiply them.
const MOST_FITTING: usize = 10_000;
/// Where in a directory of libraries those for better processors are, one directory for each kind.
const VARIANTS: &str = "glibc-hwcaps";

/// A directory with libraries.
#[derive(Debug)]
pub(super) struct Directory {
    /// Its path, as the configuration has it.
    pub(super) path: String,
    /// The name of the processors that its libraries are for, where not for all.
    pub(super) variant: Option<String>,
}

/// The directories in which libraries are looked for.
#[derive(Debug, Default)]
pub(super) struct Directories {
    /// Those that are there, each followed by its variants.
    pub(super) list: Vec<Directory>,
    /// The names of all variants, be they empty or known under other names before.
    pub(super) variants: BTreeSet<String>,
}

/// Returns the directories that the configuration names and those that are built in.
pub(super) fn directories(root: &Root<'_>, abi: Abi) -> Result<Directories, Error> {
    let mut paths = Vec::new();
    read(root, CONFIGURATION, 0, &mut BTreeSet::new(), &mut paths)?;
    let triplet = abi.triplet();
    paths.extend([format!("/lib/{triplet}"), format!("/usr/lib/{triplet}"), "/lib".to_owned(), "/usr/lib".to_owned()]);
    let mut places = BTreeSet::new();
    let mut is_new = |directory: &Directory| {
        let place = root.real_path(&directory.path).filter(|_| root.is_directory(&directory.path));
        place.is_some_and(|place| places.insert(place))
    };
    let mut directories = Directories::default();
    for path in paths {
        let directory = Directory { path, variant: None };
        if is_new(&directory) {
            let variants = variants(root, &directory.path);
            directories.variants.extend(variants.iter().filter_map(|variant| variant.variant.clone()));
            directories.list.push(directory);
            directories.list.extend(variants.into_iter().filter(&mut is_new));
        }
    }
    Ok(directories)
}

fn variants(root: &Root<'_>, path: &str) -> Vec<Directory> {
    let folder = format!("{path}/{VARIANTS}");
    let variant = |name: String| Directory { path: format!("{folder}/{name}"), variant: Some(name) };
    let names = root.names(&folder).into_iter().filter(|name| !name.starts_with('.'));
    names.map(variant).filter(|variant| root.is_directory(&variant.path)).collect()
}

/// Adds the directories that a file of the configuration names. A file that was read before has nothing new.
fn read(
    root: &Root<'_>,
    path: &str,
    depth: usize,
    known: &mut BTreeSet<String>,
    paths: &mut Vec<String>,
) -> Result<(), Error> {
    let is_new = root.real_path(path).is_some_and(|path| known.insert(path));
    if !is_new {
        return Ok(());
    }
    let text = if root.content(path).is_some() { root.read(path)?.unwrap_or_default() } else { Vec::new() };
    for line in String::from_utf8_lossy(&text).lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        match line.split_once(char::is_whitespace) {
            Some(("include", patterns)) if depth < MOST_INCLUDES => {
                for file in patterns.split_whitespace().flat_map(|pattern| files(root, path, pattern)) {
                    read(root, &file, depth + 1, known, paths)?;
                }
            }
            Some(("include" | "hwcap", _)) => {}
            _ if line.starts_with('/') => paths.push(format!("/{}", line.trim_matches('/'))),
            _ => {}
        }
    }
    Ok(())
}

/// Returns the files that fit a pattern, which may start from the directory of the file that has it.
fn files(root: &Root<'_>, includer: &str, pattern: &str) -> Vec<String> {
    let (folder, _) = includer.rsplit_once('/').unwrap_or_default();
    let whole = if pattern.starts_with('/') { pattern.to_owned() } else { format!("{folder}/{pattern}") };
    let mut found = vec![String::new()];
    for component in whole.split('/').filter(|component| !component.is_empty()) {
        found = found.iter().flat_map(|folder| entries(root, folder, component)).take(MOST_FITTING).collect();
    }
    found
}

/// Returns what in a directory fits one component of a pattern. A star does not stand for a dot in front.
fn entries(root: &Root<'_>, folder: &str, component: &str) -> Vec<String> {
    if !component.contains(['*', '?', '[']) {
        return vec![format!("{folder}/{component}")];
    }
    let is_meant = |name: &String| fits_pattern(component, name) && name.starts_with('.') == component.starts_with('.');
    let names = root.names(if folder.is_empty() { "/" } else { folder }).into_iter().filter(is_meant);
    names.map(|name| format!("{folder}/{name}")).collect()
}
