//! `Packages`: what an archive has, found by name.
//!
//! The text of an index has some 60 MB and 70,000 stanzas, of which a build wants a few hundred. So a table says which
//! stanzas have which name, and a stanza is only read when its package is asked for.

use bytes::Bytes;
use gravure_formats::Digest;
use gravure_formats::deb822::{self, Stanza};
use gravure_formats::debian_version::Version;

use crate::error::{Error, ErrorKind, quoted_text};

/// A package as an index describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture, which may be `all`.
    pub architecture: String,
    /// Where its file is, from the root of the archive on; never leads outside.
    pub filename: String,
    /// The length of its file in bytes.
    pub size: u64,
    /// The SHA-256 of its file.
    pub sha256: Digest,
    /// What must be unpacked and configured before it; empty when nothing must.
    pub pre_depends: String,
    /// What it needs; empty when it needs nothing.
    pub depends: String,
    /// The whole stanza.
    pub stanza: String,
}

impl Package {
    /// Reads the stanza of a package in an index; `origin` is what messages call the index.
    ///
    /// # Errors
    /// A field that is needed to fetch it is missing or cannot be what it says.
    pub fn parse(stanza: &str, origin: &str) -> Result<Package, Error> {
        package(stanza.as_bytes(), origin)
    }

    /// Returns any field of the stanza, by its name whatever its case.
    pub fn field(&self, name: &str) -> Option<&str> {
        Stanza::unchecked(&self.stanza).get(name)
    }
}

/// The text of one index, and where in it which package stands.
#[derive(Clone, Debug)]
pub(super) struct Packages {
    text: Bytes,
    /// Where each stanza is, in order of the names, and of the text for equal names.
    stanzas: Vec<Place>,
}

/// A stanza: where it is in the text, and where the name of its package.
#[derive(Clone, Copy, Debug)]
struct Place {
    stanza: (u32, u32),
    name: (u32, u32),
}

impl Packages {
    /// Reads the text of an index.
    ///
    /// # Errors
    /// It is longer than 4 GiB, or a stanza names no package.
    pub(super) fn new(text: Bytes, url: &str) -> Result<Packages, Error> {
        let refuse = |why: String| Error::new(ErrorKind::Integrity, format!("{} {why}", quoted_text(url)));
        if u32::try_from(text.len()).is_err() {
            return Err(refuse("is longer than 4 GiB".to_owned()));
        }
        let mut stanzas = Vec::with_capacity(text.len() / 800);
        for (lo, hi) in deb822::ranges(&text) {
            let name = name_in(&text[lo..hi]).ok_or_else(|| refuse(format!("names no package at byte {lo}")))?;
            let place = |lo: usize, hi: usize| (lo as u32, hi as u32);
            stanzas.push(Place { stanza: place(lo, hi), name: place(lo + name.0, lo + name.1) });
        }
        // Stable, and quick when the archive has sorted them already.
        stanzas.sort_by(|a, b| slice(&text, a.name).cmp(slice(&text, b.name)));
        Ok(Packages { text, stanzas })
    }

    /// Returns the stanzas of a name, in the order of the text.
    pub(super) fn stanzas(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let first = self.stanzas.partition_point(|place| slice(&self.text, place.name) < name.as_bytes());
        let of_name = move |place: &&Place| slice(&self.text, place.name) == name.as_bytes();
        self.stanzas[first..].iter().take_while(of_name).map(|place| slice(&self.text, place.stanza))
    }

    /// Returns all stanzas in order of the names; what is not UTF-8 is left out.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.stanzas.iter().filter_map(|place| std::str::from_utf8(slice(&self.text, place.stanza)).ok())
    }

    /// Returns the names of all packages, sorted; a name comes as often as the index has it.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.stanzas.iter().filter_map(|place| std::str::from_utf8(slice(&self.text, place.name)).ok())
    }
}

fn slice(text: &[u8], (lo, hi): (u32, u32)) -> &[u8] {
    &text[lo as usize..hi as usize]
}

/// Returns where in a stanza the name of its package is.
fn name_in(stanza: &[u8]) -> Option<(usize, usize)> {
    const FIELD: &[u8] = b"Package:";
    let mut at = 0;
    // It is the first field wherever a program has written the index.
    while !stanza[at..].get(..FIELD.len())?.eq_ignore_ascii_case(FIELD) {
        at += stanza[at..].iter().position(|&byte| byte == b'\n')? + 1;
    }
    let line = stanza[at..].split(|&byte| byte == b'\n').next()?;
    let value = line[FIELD.len()..].trim_ascii();
    let start = at + FIELD.len() + (line.len() - FIELD.len() - line[FIELD.len()..].trim_ascii_start().len());
    (!value.is_empty()).then_some((start, start + value.len()))
}

/// Returns the stanza with the highest version among those of one package; the first among equals. What is no version is lower
/// than any.
pub(super) fn newest<'a>(stanzas: impl Iterator<Item = &'a [u8]>) -> Option<&'a [u8]> {
    let version = |stanza: &'a [u8]| {
        let text = std::str::from_utf8(stanza).unwrap_or_default();
        Version::parse(Stanza::unchecked(text).get("Version").unwrap_or_default()).ok()
    };
    stanzas
        .map(|stanza| (version(stanza), stanza))
        .reduce(|best, next| if best.0 < next.0 { next } else { best })
        .map(|(_, stanza)| stanza)
}

/// Reads the stanza of a package in the index that came from `url`.
///
/// # Errors
/// A field that is needed to fetch it is missing or cannot be what it says.
pub(super) fn package(stanza: &[u8], url: &str) -> Result<Package, Error> {
    let text = String::from_utf8_lossy(stanza);
    let stanza = Stanza::unchecked(&text);
    let name = stanza.get("Package").unwrap_or_default();
    let refuse = |why: &str| {
        let message = format!("{}: package {} {why}", quoted_text(url), quoted_text(name));
        Error::new(ErrorKind::Integrity, message)
    };
    let required = |field: &str| match stanza.get(field) {
        Some(value) if !value.is_empty() => Ok(value),
        _ => Err(refuse(&format!("has no field `{field}`"))),
    };
    let sha256 = stanza.get("SHA256").ok_or_else(|| refuse("has no SHA-256, and weaker hashes do not count"))?;
    let filename = required("Filename")?;
    if !is_inside(filename) {
        return Err(refuse(&format!("has its file at {}, which is no path inside the archive", quoted_text(filename))));
    }
    let version = required("Version")?;
    Version::parse(version).map_err(|error| refuse(&format!("has the version {}: {error}", quoted_text(version))))?;
    let text_of = |field: &str| stanza.get(field).unwrap_or_default().to_owned();
    Ok(Package {
        name: name.to_owned(),
        version: version.to_owned(),
        architecture: required("Architecture")?.to_owned(),
        filename: filename.strip_prefix("./").unwrap_or(filename).to_owned(),
        size: required("Size")?.parse().map_err(|_| refuse("has a `Size` that is no number"))?,
        sha256: sha256.parse().map_err(|error| refuse(&format!("has a wrong `SHA256`: {error}")))?,
        pre_depends: text_of("Pre-Depends"),
        depends: text_of("Depends"),
        stanza: text.to_string(),
    })
}

/// Whether a path stays in the archive: relative, without `..`, scheme and unusual characters.
fn is_inside(path: &str) -> bool {
    let usual = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'?' | b'#');
    let component = |component: &str| !component.is_empty() && component != "..";
    let scheme = path.split('/').next().is_some_and(|first| first.contains(':'));
    path.bytes().all(usual) && path.split('/').all(component) && !scheme
}

/// Returns the names most like `wanted`, best first: at most three, and none that differs too much.
pub(super) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    const MANY: usize = 3;
    let limit = (wanted.len() / 4).clamp(1, 4);
    let mut best: Vec<(usize, &str)> = Vec::new();
    for name in names {
        if name.len().abs_diff(wanted.len()) <= limit {
            let distance = distance(wanted.as_bytes(), name.as_bytes());
            if distance <= limit && !best.contains(&(distance, name)) {
                best.push((distance, name));
                best.sort_unstable();
                best.truncate(MANY);
            }
        }
    }
    best.into_iter().map(|(_, name)| name).collect()
}

/// Returns how many insertions, deletions, replacements and swaps of neighbours lead from one text to the other.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if 1 < i && 1 < j && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "http://mirror.example.test/Packages";

    fn stanza(name: &str, version: &str) -> String {
        let digest = Digest::of(version.as_bytes());
        format!(
            "Package: {name}\nVersion: {version}\nArchitecture: amd64\nDepends: libc6 (>= 2.36),\n libx1\n\
             Filename: pool/main/{name}_{version}.deb\nSize: 12\nSHA256: {digest}\n"
        )
    }

    fn packages(stanzas: &[String]) -> Packages {
        Packages::new(stanzas.join("\n").into(), URL).unwrap()
    }

    fn find(packages: &Packages, name: &str) -> Option<Package> {
        newest(packages.stanzas(name)).map(|stanza| package(stanza, URL).unwrap())
    }

    #[test]
    fn packages_are_found_by_name() {
        let index = packages(&[stanza("b", "1"), stanza("a", "2"), stanza("a-b", "3")]);
        let found = find(&index, "a").unwrap();
        assert_eq!((found.name.as_str(), found.version.as_str(), found.size), ("a", "2", 12));
        assert_eq!(found.filename, "pool/main/a_2.deb");
        assert_eq!(found.sha256, Digest::of(b"2"));
        assert_eq!(found.depends, "libc6 (>= 2.36),\n libx1");
        assert_eq!(found.field("architecture"), Some("amd64"));
        assert_eq!(find(&index, "b").unwrap().version, "1");
        assert_eq!(find(&index, "a-"), None);
        assert_eq!(index.names().collect::<Vec<_>>(), ["a", "a-b", "b"]);
    }

    #[test]
    fn the_highest_version_is_taken() {
        let index = packages(&[stanza("a", "1.9"), stanza("a", "1.10"), stanza("a", "1.10~rc1"), stanza("z", "9")]);
        assert_eq!(find(&index, "a").unwrap().version, "1.10");
    }

    #[test]
    fn the_name_need_not_come_first() {
        let index = packages(&["Version: 1\npackage:   x \nSize: 1\n".to_owned(), stanza("y", "2")]);
        assert_eq!(index.names().collect::<Vec<_>>(), ["x", "y"]);
        let error = Packages::new("Version: 1\n\nPackage: x".into(), URL).unwrap_err();
        assert_eq!(error.message, format!("`{URL}` names no package at byte 0"));
    }

    #[test]
    fn stanzas_that_cannot_be_trusted_are_refused() {
        let good = stanza("a", "1");
        assert!(package(good.as_bytes(), URL).is_ok());
        let digest = Digest::of(b"1").to_string();
        let outside = |path: &str| format!("has its file at `{path}`, which is no path inside the archive");
        for (from, to, why) in [
            ("SHA256:", "MD5sum:", "has no SHA-256, and weaker hashes do not count".to_owned()),
            (&digest, "abc", "has a wrong `SHA256`: a SHA-256 is 64 hexadecimal digits".to_owned()),
            ("Size: 12", "Size: -1", "has a `Size` that is no number".to_owned()),
            ("Size: 12\n", "", "has no field `Size`".to_owned()),
            ("Version: 1", "Version:", "has no field `Version`".to_owned()),
            ("Version: 1", "Version: 1_2", "has the version `1_2`: a version may not contain `_`".to_owned()),
            ("pool/main/a_1.deb", "../../../etc/passwd", outside("../../../etc/passwd")),
            ("pool/main/a_1.deb", "pool/../../x", outside("pool/../../x")),
            ("pool/main/a_1.deb", "/etc/passwd", outside("/etc/passwd")),
            ("pool/main/a_1.deb", "http://mirror.example.test/x", outside("http://mirror.example.test/x")),
            ("pool/main/a_1.deb", "pool/a b", outside("pool/a b")),
            ("pool/main/a_1.deb", "pool/x?y", outside("pool/x?y")),
        ] {
            let error = package(good.replace(from, to).as_bytes(), URL).unwrap_err();
            assert_eq!((error.exit_code(), error.message), (5, format!("`{URL}`: package `a` {why}")));
        }
    }

    #[test]
    fn names_with_a_slip_are_near() {
        let names = ["busybox", "busybox-static", "linux-image-cloud-amd64", "linux-image-cloud-arm64", "grub-efi"];
        let near = |wanted| nearest(wanted, names.into_iter());
        assert_eq!(near("busibox"), ["busybox"]);
        assert_eq!(near("busybxo"), ["busybox"]);
        assert_eq!(near("linux-image-cloud-amd46"), ["linux-image-cloud-amd64", "linux-image-cloud-arm64"]);
        assert_eq!(near("systemd"), [""; 0]);
    }

    #[test]
    fn distances_count_edits() {
        for (a, b, edits) in
            [("", "", 0), ("abc", "", 3), ("abc", "acb", 1), ("abc", "abd", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(a.as_bytes(), b.as_bytes()), edits);
            assert_eq!(distance(b.as_bytes(), a.as_bytes()), edits);
        }
    }
}
