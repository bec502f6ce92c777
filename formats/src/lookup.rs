//! Paths of a tree that lead through symbolic links, and patterns that name one file.
//!
//! Links never lead out of the tree: `..` at its root stays there.

use std::fmt;

use crate::{Extents, Kind, PathError, Tree, TreePath};

/// As many symbolic links Linux follows for one path, path_resolution(7).
const MOST_LINKS: usize = 40;

/// Why a path of a tree leads nowhere, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupError(String);

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LookupError {}

impl From<String> for LookupError {
    fn from(why: String) -> LookupError {
        LookupError(why)
    }
}

impl From<PathError> for LookupError {
    fn from(error: PathError) -> LookupError {
        LookupError(error.to_string())
    }
}

/// Returns where a path leads when all links are followed, a last one included. What is not there is taken as it is
/// written, so that something new can be put there.
///
/// # Errors
/// The path leads through too many links.
pub fn resolve(tree: &Tree, path: &TreePath) -> Result<TreePath, LookupError> {
    let mut place = TreePath::root();
    let mut names = reversed_names(path.as_bytes());
    let mut n_links = 0;
    while let Some(name) = names.pop() {
        if name == b".." {
            place = place.parent().unwrap_or_default();
            continue;
        }
        let next = place.join(&name)?;
        match tree.get(&next).map(|entry| &entry.kind) {
            Some(Kind::Symlink(target)) => {
                n_links += 1;
                if n_links > MOST_LINKS {
                    return Err(format!("`{path}` leads through more than {MOST_LINKS} symbolic links").into());
                }
                if target.starts_with(b"/") {
                    place = TreePath::root();
                }
                names.extend(reversed_names(target));
            }
            _ => place = next,
        }
    }
    Ok(place)
}

/// Returns where a path leads when the links on its way are followed, but not one that it is itself.
///
/// # Errors
/// The path leads through too many links.
pub fn resolve_parent(tree: &Tree, path: &TreePath) -> Result<TreePath, LookupError> {
    match path.parent() {
        Some(parent) => Ok(resolve(tree, &parent)?.join(path.file_name())?),
        None => Ok(TreePath::root()),
    }
}

/// Returns the names in a path or in the target of a link, the last one first.
fn reversed_names(path: &[u8]) -> Vec<Vec<u8>> {
    let names = path.split(|&byte| byte == b'/').filter(|name| !matches!(name, [] | [b'.']));
    names.rev().map(<[u8]>::to_vec).collect()
}

/// Returns the one path of a tree that matches a pattern, in which `*` stands for any characters but `/`. Links on the
/// way to the first `*` are followed.
///
/// # Errors
/// Nothing matches, or more than one path does.
pub fn find_one(tree: &Tree, pattern: &str) -> Result<TreePath, LookupError> {
    let wanted = TreePath::parse(pattern)?;
    let plain: Vec<&[u8]> = wanted.components().take_while(|name| !name.contains(&b'*')).collect();
    let (folder, rest) = match plain.len() == wanted.components().count() {
        true => (wanted.parent().unwrap_or_default(), wanted.file_name()),
        false => {
            let folder = TreePath::parse(plain.join(&b'/'))?;
            let skipped = if folder.is_root() { 0 } else { folder.as_bytes().len() + 1 };
            (folder, &wanted.as_bytes()[skipped..])
        }
    };
    let place = resolve(tree, &folder)?;
    let real = if place.is_root() { rest.to_vec() } else { [place.as_bytes(), b"/", rest].concat() };
    let mut found = tree.below(&place).map(|(path, ..)| path).filter(|path| matches(&real, path.as_bytes()));
    match (found.next(), found.next()) {
        (Some(path), None) => Ok(path.clone()),
        (None, _) => Err(format!("there is no `{wanted}`").into()),
        (Some(first), Some(second)) => Err(format!("`{wanted}` could be `{first}` or `{second}`").into()),
    }
}

/// Returns the content of the one file that matches a pattern, or that a link which matches it leads to.
///
/// # Errors
/// As [`find_one`]; or it is no regular file.
pub fn find_file<'t>(tree: &'t Tree, pattern: &str) -> Result<&'t Extents, LookupError> {
    let found = find_one(tree, pattern)?;
    let place = resolve(tree, &found)?;
    match tree.get(&place).map(|entry| &entry.kind) {
        Some(Kind::File(content)) => Ok(content),
        Some(_) => Err(format!("`{found}` is no regular file").into()),
        None => Err(format!("`{found}` is a symbolic link to `{place}`, which is not there").into()),
    }
}

fn matches(pattern: &[u8], path: &[u8]) -> bool {
    match pattern.split_first() {
        None => path.is_empty(),
        Some((b'*', rest)) => {
            let name = path.iter().position(|&byte| byte == b'/').unwrap_or(path.len());
            (0..=name).any(|skipped| matches(rest, &path[skipped..]))
        }
        Some((byte, rest)) => path.first() == Some(byte) && matches(rest, &path[1..]),
    }
}

#[cfg(test)]
mod tests {
    use crate::Entry;

    use super::*;

    fn path(text: &str) -> TreePath {
        TreePath::parse(text).unwrap()
    }

    /// Makes a tree of files, `name -> target` being a link.
    fn tree(entries: &[&str]) -> Tree {
        let mut tree = Tree::default();
        for entry in entries {
            match entry.split_once(" -> ") {
                Some((name, target)) => tree.insert(&path(name), Entry::symlink(target.to_owned())).unwrap(),
                None => {
                    let content = Extents::from_bytes(entry.to_string());
                    tree.insert(&path(entry), Entry::file(0o644, content)).unwrap()
                }
            };
        }
        tree
    }

    #[test]
    fn a_star_stays_within_a_name() {
        assert!(matches(b"boot/vmlinuz-*", b"boot/vmlinuz-6.12-amd64"));
        assert!(matches(b"*/a*c", b"x/abc"));
        assert!(!matches(b"boot/*", b"boot/grub/grub.cfg"));
        assert!(!matches(b"boot", b"boot/"));
    }

    #[test]
    fn links_are_followed_and_stay_inside() {
        let tree = tree(&["usr/lib/a", "lib -> usr/lib", "var/run -> ../run", "up -> ../../usr", "abs -> /lib/a"]);
        let resolved = |text: &str| resolve(&tree, &path(text)).unwrap();
        assert_eq!(resolved("lib/a"), path("usr/lib/a"));
        assert_eq!(resolved("var/run/new/file"), path("run/new/file"));
        assert_eq!(resolved("up/lib/a"), path("usr/lib/a"));
        assert_eq!(resolved("abs"), path("usr/lib/a"));
        assert_eq!(resolve_parent(&tree, &path("lib")).unwrap(), path("lib"));
        assert_eq!(resolve_parent(&tree, &path("lib/new")).unwrap(), path("usr/lib/new"));
    }

    #[test]
    fn rings_of_links_are_refused() {
        let error = resolve(&tree(&["a -> b", "b -> a"]), &path("a/x")).unwrap_err();
        assert_eq!(error.to_string(), "`/a/x` leads through more than 40 symbolic links");
    }

    #[test]
    fn one_file_is_found() {
        let tree = tree(&[
            "usr/lib/grub-2/x.efi",
            "usr/lib/grub -> grub-2",
            "lib -> usr/lib",
            "boot/vmlinuz-1",
            "boot/config-1",
            "boot/vmlinuz -> vmlinuz-1",
            "loader -> /usr/lib/grub/x.efi",
            "bad -> nowhere",
            "dir -> boot",
            "two/a1",
            "two/a2",
        ]);
        let found = |pattern: &str| match find_file(&tree, pattern) {
            Ok(content) => String::from_utf8(content.to_vec(&crate::MemoryBlobs::new()).unwrap()).unwrap(),
            Err(error) => error.to_string(),
        };
        assert_eq!(found("/boot/vmlinuz-*"), "boot/vmlinuz-1");
        assert_eq!(found("/boot/vmlinuz"), "boot/vmlinuz-1");
        assert_eq!(found("/lib/grub/x.efi"), "usr/lib/grub-2/x.efi");
        assert_eq!(found("/lib/grub/*.efi"), "usr/lib/grub-2/x.efi");
        assert_eq!(found("*er"), "usr/lib/grub-2/x.efi");
        assert_eq!(found("/bad"), "`/bad` is a symbolic link to `/nowhere`, which is not there");
        assert_eq!(found("/dir"), "`/dir` is no regular file");
        assert_eq!(found("/dir/x"), "there is no `/dir/x`");
        assert_eq!(found("/two/a*"), "`/two/a*` could be `/two/a1` or `/two/a2`");
    }
}
