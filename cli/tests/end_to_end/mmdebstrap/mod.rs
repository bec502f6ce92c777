//! Debian's scripts against gravure's transforms: the tree of an image is that of mmdebstrap, which runs them, from the
//! same packages in the same versions.
//!
//! `differences.txt` has every path that differs, with the reason. What is not there fails the test, and so does a line
//! of it that explains nothing any more.

mod databases;
mod differences;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};

use gravure_formats::deb822;
use gravure_sources::debian::{MirrorChoice, find_mirror_of_suite, read_apt_sources};
use gravure_tests::judges;
use gravure_tests::mmdebstrap::{self, Installation};
use tree::Tree;

use super::{WORKSPACE, gravure_with};

/// The time of what has none of its own, in both trees.
const SOURCE_DATE: u64 = 1_750_000_000;

/// Builds the image for a suite and returns what its root holds.
fn ours(directory: &Path, suite: &str) -> Tree {
    let text = include_str!("system.img").replace("SUITE", suite);
    fs::write(directory.join("system.img"), text).expect("a file can be written");
    gravure_with(directory, &["build", "system.img"], &[("SOURCE_DATE_EPOCH", &SOURCE_DATE.to_string())]);
    let image = directory.join("system.raw");
    let root = judges::cut(&image, judges::partition(&image, 2));
    tree::read_ext4(root.path())
}

/// Installs the packages that a tree has, in the same versions.
fn theirs(directory: &Path, suite: &str, ours: &Tree) -> Tree {
    let package = |stanza: deb822::Stanza<'_>| {
        let [name, version] = ["Package", "Version"].map(|field| stanza.get(field).expect("packages have both"));
        format!("{name}={version}")
    };
    let status = tree::text(ours, "/var/lib/dpkg/status");
    let packages: Vec<String> =
        deb822::stanzas(status).map(|stanza| package(stanza.expect("dpkg's database has stanzas"))).collect();
    let tar = directory.join("theirs.tar");
    let installation = Installation {
        suite,
        architecture: "amd64",
        sources: &["", "-updates", "-security"].map(|suffix| source(&format!("{suite}{suffix}"))),
        keys: &keys(),
        packages: &packages,
        source_date: SOURCE_DATE,
    };
    mmdebstrap::install(&installation, &tar);
    tree::read_tar(&tar)
}

/// Returns a suite as a line of apt's, from where gravure takes it too.
fn source(suite: &str) -> String {
    let environment = std::env::var("GRAVURE_DEBIAN_MIRROR").ok();
    let apt = read_apt_sources(Path::new("/etc/apt")).expect("the sources of this host's apt can be read");
    let choice = MirrorChoice { environment: environment.as_deref(), apt: &apt, ..MirrorChoice::default() };
    let mirror = find_mirror_of_suite(suite, &choice).expect("a mirror is named");
    format!("deb {} {suite} main", mirror.url)
}

/// Returns the directory of the keys that gravure trusts.
fn keys() -> PathBuf {
    let directory = Path::new(WORKSPACE).join("sources/src/debian/keys");
    directory.canonicalize().expect("the keys are part of the sources")
}

fn check(suite: &str) {
    let scratch = tempfile::tempdir().expect("a scratch directory can be made");
    let ours = ours(scratch.path(), suite);
    let theirs = theirs(scratch.path(), suite, &ours);
    let differences = differences::differences(&databases::split(ours), &databases::split(theirs));
    let wrong = differences::unexplained(include_str!("differences.txt"), suite, &differences);
    assert!(wrong.is_empty(), "{} of {} differences:\n{}", wrong.len(), differences.len(), wrong.join("\n"));
}

#[test]
fn debian_tree_of_trixie_is_that_of_mmdebstrap() {
    check("trixie");
}

#[test]
fn debian_tree_of_bookworm_is_that_of_mmdebstrap() {
    check("bookworm");
}
