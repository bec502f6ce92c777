//! Texts of Debian: indexes, relations, locks, scripts, and what configures a root.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use gravure_formats::deb822::{self as stanza_format, Stanza};
use gravure_formats::debian::relation::{parse_groups, parse_relations};
use gravure_formats::debian::scripts::{self as script_format, Stage};
use gravure_formats::debian::{self as transforms, Accounts, Enablement, Package, PackageState, Root};
use gravure_formats::debian_version::Version;
use gravure_formats::{Extents, MemoryBlobs, Tree};
use gravure_sources::debian::{Lock, Package as IndexedPackage};

/// Begins a file in an input of [`root`].
pub(crate) const FILE_MARK: &str = "== ";

fn text(input: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(input)
}

/// Promised is that each stanza is the part of the text that it says it is, on the line that it says, and has a field; and that
/// the parts that are told apart unread have all of the text but empty lines.
pub(crate) fn deb822(input: &[u8]) {
    let text = text(input);
    for stanza in stanza_format::stanzas(&text).map_while(Result::ok) {
        assert_eq!(text[stanza.offset()..][..stanza.text().len()], *stanza.text());
        assert_eq!(stanza.line(), 1 + text[..stanza.offset()].matches('\n').count());
        assert!(stanza.fields().count() > 0, "a stanza has no field");
        assert!(stanza.fields().all(|(name, _)| stanza.get(name).is_some()), "a field is not found by its name");
    }
    Stanza::unchecked(&text).fields().for_each(drop);
    let mut end = 0;
    for (lo, hi) in stanza_format::ranges(input) {
        assert!(end <= lo && lo < hi, "the parts do not follow one another");
        assert!(input[end..lo].iter().all(|&byte| byte == b'\n'), "something is in no part");
        end = hi;
    }
    assert!(input[end..].iter().all(|&byte| byte == b'\n'), "something is behind the last part");
}

/// The stanza of an index. Promised is that a package that is accepted has its file within the archive, and a version.
pub(crate) fn package(input: &[u8]) {
    if let Ok(package) = IndexedPackage::parse(&text(input), "an index") {
        let outside = |part: &str| part == ".." || part.is_empty() || part.contains(['\\', '?', '#', '\n']);
        assert!(!package.filename.split('/').any(outside), "the file is at {:?}", package.filename);
        assert!(Version::parse(&package.version).is_ok(), "the version is {:?}", package.version);
    }
}

/// The input as relations, and its words as versions. Promised is that relations are the same with and without alternatives
/// where there are none, and that versions are in one order.
pub(crate) fn relation(input: &[u8]) {
    let text = text(input);
    if let (Ok(relations), Ok(groups)) = (parse_relations(&text), parse_groups(&text)) {
        let flat: Vec<_> = groups.into_iter().flat_map(|group| group.alternatives).collect();
        assert!(text.contains('|') || flat == relations, "{text:?} is read in two ways");
    }
    let versions: Vec<Version<'_>> =
        text.split_whitespace().filter_map(|word| Version::parse(word).ok()).take(8).collect();
    for a in &versions {
        for b in &versions {
            assert_eq!(a.cmp(b), b.cmp(a).reverse(), "{a:?} and {b:?}");
            for c in &versions {
                let is_chain = a.cmp(b) != Ordering::Greater && b.cmp(c) != Ordering::Greater;
                assert!(!is_chain || a.cmp(c) != Ordering::Greater, "{a:?}, {b:?} and {c:?}");
            }
        }
    }
}

/// Promised is that a lock that is read is written as a text that is read as the same lock, and written the same again.
pub(crate) fn lock(input: &[u8]) {
    let Ok(lock) = Lock::parse(&text(input), "gravure.lock") else { return };
    let written = lock.to_text();
    let again = Lock::parse(&written, "gravure.lock");
    assert_eq!(again.as_ref(), Ok(&lock), "another lock was written:\n{written}");
    assert_eq!(lock.to_text(), again.unwrap_or_default().to_text());
}

/// A script of a package, read for both of its stages. Promised is that each command has a word and a line of the script.
pub(crate) fn scripts(input: &[u8]) {
    let script = text(input);
    let n_lines = script.matches('\n').count() + 1;
    for stage in [Stage::Install, Stage::Configure] {
        for command in script_format::commands_of(&script, stage) {
            assert!(command.line <= n_lines, "line {} of {n_lines}: {command:?}", command.line);
        }
    }
}

/// A root and the scripts of a package: `== /etc/passwd` begins a file of the root, and `== postinst` a script. All transforms
/// run over it. Promised is that whoever has an account then has it with the same number when the files are read again.
pub(crate) fn root(input: &[u8]) {
    let text = text(input);
    let blobs = MemoryBlobs::new();
    let mut root = Root::new(Tree::default(), &blobs, 1_763_200_800);
    let mut control = BTreeMap::new();
    for section in format!("\n{text}").split(&format!("\n{FILE_MARK}")).skip(1) {
        let (name, content) = section.split_once('\n').unwrap_or((section, ""));
        if name.starts_with('/') {
            // A file on the path of another is no concern of the transforms.
            let _ = root.write_text(name, content);
        } else {
            control.insert(name.to_owned(), Extents::from_bytes(content.to_owned()));
        }
    }
    let stanza = "Package: test\nVersion: 1\nArchitecture: all\n".to_owned();
    let Ok(package) = Package::new(stanza, control) else { return };
    let packages = [package];
    let Ok(accounts) = transform_accounts(&mut root, &packages) else { return };
    // Where one transform refuses, the next has something to say all the same.
    let _ = transforms::dpkg_database(&mut root, &packages, "amd64", PackageState::Installed);
    let _ = transforms::pam(&mut root, &packages);
    let _ = transforms::file_commands(&mut root, &packages, &accounts);
    let _ = transforms::base_files(&mut root, &packages, &accounts);
    let _ = transforms::alternatives(&mut root, &packages, &accounts);
    let _ = transforms::certificates(&mut root, &packages);
    let _ = transforms::loader_cache(&mut root);
    let _ = transforms::module_indexes(&mut root);
    let _ = transforms::tmpfiles(&mut root, &packages, &accounts);
    let _ = transforms::units(&mut root, &packages, &Enablement::default());
    let _ = transforms::unreproduced(&root, &packages);
    let _ = transforms::diversions(&[&packages[0]], &blobs).and_then(|found| found.write(&mut root));
}

fn transform_accounts(root: &mut Root<'_>, packages: &[Package]) -> Result<Accounts, transforms::AccountsError> {
    let accounts = transforms::accounts(root, packages, &[], &[])?;
    let again = Accounts::of(root)?;
    assert_eq!(again, accounts, "the files say something else than what was made");
    Ok(accounts)
}
