//! The certificates that programs trust: what `update-ca-certificates` makes of those that packages ship.
//!
//! ```text
//! /usr/share/ca-certificates/mozilla/X Y.crt     a certificate of a package
//! /usr/local/share/ca-certificates/Z.crt         one of the configuration
//! /etc/ca-certificates.conf                      mozilla/X Y.crt
//! /etc/ssl/certs/ca-certificates.crt             all of them, one after another
//! /etc/ssl/certs/X_Y.pem -> /usr/share/ca-certificates/mozilla/X Y.crt
//! /etc/ssl/certs/0179095f.0 -> X_Y.pem           by the hash of the subject, as OpenSSL looks for it
//! ```

mod subject;

use std::collections::{BTreeMap, BTreeSet};

use super::{Error, Owner, Package, Root};

/// Where packages have certificates.
const SHARED: &str = "/usr/share/ca-certificates";
/// Where those of a machine are.
const LOCAL: &str = "/usr/local/share/ca-certificates";
/// Which of the packages' are trusted.
pub(super) const CONFIGURATION: &str = "/etc/ca-certificates.conf";
/// Where programs look.
const TRUSTED: &str = "/etc/ssl/certs";
/// The package that brings `update-ca-certificates`.
const PACKAGE: &str = "ca-certificates";
/// How its script begins the configuration: the text is the package's own.
const HEAD_STARTS: &str = "# This file lists certificates";

/// Makes the certificates of packages and of the configuration those that programs trust.
///
/// # Errors
/// A certificate cannot be read, or a file cannot be written.
pub fn certificates(root: &mut Root<'_>, packages: &[Package]) -> Result<(), Error> {
    let Some(package) = packages.iter().find(|package| package.name == PACKAGE) else { return Ok(()) };
    let shared = names_below(root, SHARED);
    let head = head(&package.text("postinst", root.blobs())?.unwrap_or_default());
    let lines: String = shared.iter().map(|name| format!("{name}\n")).collect();
    root.write_text(CONFIGURATION, head + &lines)?;
    let shared = shared.iter().map(|name| format!("{SHARED}/{name}"));
    let local = names_below(root, LOCAL).into_iter().map(|name| format!("{LOCAL}/{name}"));
    let paths: Vec<String> = shared.chain(local).collect();
    trust(root, &paths)
}

/// Returns the paths of certificates below a directory, from there on, in the order of their bytes.
fn names_below(root: &Root<'_>, folder: &str) -> Vec<String> {
    let paths = root.paths_below(folder).into_iter();
    let names = paths.filter_map(|path| Some(path.strip_prefix(folder)?.trim_start_matches('/').to_owned()));
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".crt")).collect();
    names.sort_unstable();
    names
}

/// Returns the head of the configuration, as the package's script has it.
fn head(postinst: &str) -> String {
    let lines = postinst.lines().skip_while(|line| !line.starts_with(HEAD_STARTS));
    lines.take_while(|line| line.starts_with('#')).map(|line| format!("{line}\n")).collect()
}

/// Writes the bundle and the links to these certificates.
fn trust(root: &mut Root<'_>, paths: &[String]) -> Result<(), Error> {
    let mut bundle = Vec::new();
    // By the name of the link: of two certificates of one name the later has it.
    let mut texts: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for path in paths {
        let text = root.read(path)?.unwrap_or_default();
        bundle.extend_from_slice(&text);
        if !text.ends_with(b"\n") {
            bundle.push(b'\n');
        }
        let name = link_name(path);
        root.link(&format!("{TRUSTED}/{name}"), path.clone())?;
        texts.insert(name, text);
    }
    link_hashes(root, &texts)?;
    root.write(&format!("{TRUSTED}/ca-certificates.crt"), 0o644, Owner::ROOT, bundle)
}

/// Writes the links by hash as `openssl rehash` does: in the order of names, and one for each certificate, however many
/// files have it. A file that holds none, or several, is in the bundle all the same, and has no such link.
fn link_hashes(root: &mut Root<'_>, texts: &BTreeMap<String, Vec<u8>>) -> Result<(), Error> {
    let mut linked: BTreeMap<u32, BTreeSet<Vec<u8>>> = BTreeMap::new();
    for (name, text) in texts {
        let Some((hash, certificate)) = subject::hash_of_pem(text) else { continue };
        let same_hash = linked.entry(hash).or_default();
        let number = same_hash.len();
        if same_hash.insert(certificate) {
            root.link(&format!("{TRUSTED}/{hash:08x}.{number}"), name.clone())?;
        }
    }
    Ok(())
}

/// Returns what the link to a certificate is called: characters that shells and URLs mind are replaced.
fn link_name(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let name = name.strip_suffix(".crt").unwrap_or(name);
    let usual = |letter: char| match letter {
        ' ' | ',' => '_',
        '(' | ')' => '=',
        other => other,
    };
    format!("{}.pem", name.chars().map(usual).collect::<String>())
}

#[cfg(test)]
mod tests;
