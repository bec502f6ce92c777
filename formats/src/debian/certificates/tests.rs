use std::process::Command;

use super::*;
use crate::{Extents, MemoryBlobs, Tree};

fn openssl(arguments: &[&str]) -> String {
    let output = Command::new("openssl").args(arguments).output();
    let output = output.expect("this test needs the program openssl, of Debian's package openssl");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Returns a certificate that somebody of this name signs for themselves, and the hash that OpenSSL has for it.
fn certificate(subject: &str) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let [key, file] = ["key", "crt"].map(|name| folder.path().join(name).display().to_string());
    let ec = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-utf8"];
    openssl(&[&ec[..], &["-keyout", &key, "-out", &file, "-days", "10", "-subj", subject]].concat());
    let hash = openssl(&["x509", "-noout", "-subject_hash", "-in", &file]).trim().to_owned();
    (std::fs::read_to_string(file).unwrap(), hash)
}

fn package() -> Package {
    let postinst = "#!/bin/sh\ncat > x << EOF\n# This file lists certificates of the test\n#\nEOF\n# more\n";
    let control = [("postinst".to_owned(), Extents::from_bytes(postinst))].into();
    Package::new("Package: ca-certificates\nVersion: 1\nArchitecture: all\n".to_owned(), control).unwrap()
}

const SUBJECTS: [&str; 3] = [
    "/C=DE/O=Some  Company, Ltd./CN=A Root (Test) CA",
    "/CN=Tübitak Kök SertifikasI/OU= x  Y /O=Z",
    "/DC=org/DC=Example/emailAddress=a@example.org+CN=Two In One",
];

#[test]
fn hashes_are_those_of_openssl() {
    for subject in SUBJECTS {
        let (text, expected) = certificate(subject);
        let hash = subject::hash_of_pem(text.as_bytes()).map(|(hash, _)| format!("{hash:08x}"));
        assert_eq!(hash, Some(expected), "{subject}");
    }
}

#[test]
fn certificates_of_packages_and_of_the_machine_are_trusted() {
    let (first, hash) = certificate(SUBJECTS[0]);
    let blobs = MemoryBlobs::new();
    let mut root = Root::new(Tree::default(), &blobs, 0);
    let trimmed = first.trim_end();
    root.write_text("/usr/share/ca-certificates/mozilla/A (b), c.crt", trimmed).unwrap();
    root.write_text("/usr/share/ca-certificates/mozilla/README", "no").unwrap();
    root.write_text("/usr/local/share/ca-certificates/own.crt", first.clone()).unwrap();
    certificates(&mut root, &[package()]).unwrap();
    let expected = "# This file lists certificates of the test\n#\nmozilla/A (b), c.crt\n";
    assert_eq!(root.text("/etc/ca-certificates.conf").unwrap().unwrap(), expected);
    assert_eq!(root.text("/etc/ssl/certs/ca-certificates.crt").unwrap().unwrap(), first.repeat(2));
    let target = |name: &str| root.link_target(&format!("/etc/ssl/certs/{name}")).unwrap();
    assert_eq!(target("A_=b=__c.pem"), "/usr/share/ca-certificates/mozilla/A (b), c.crt");
    assert_eq!(target("own.pem"), "/usr/local/share/ca-certificates/own.crt");
    assert_eq!(target(&format!("{hash}.0")), "A_=b=__c.pem");
    assert_eq!(root.link_target(&format!("/etc/ssl/certs/{hash}.1")), None, "one certificate has one hash");
}

#[test]
fn links_by_hash_are_those_of_openssl_rehash() {
    let [a, b, c] = ["/CN=Same", "/CN=Same", "/CN=Other"].map(|subject| certificate(subject).0);
    let shared = "/usr/share/ca-certificates/mozilla";
    let files = [
        (format!("{shared}/twice.crt"), a.clone()),
        (format!("{LOCAL}/once more.crt"), a.clone()),
        (format!("{LOCAL}/same subject.crt"), b.clone()),
        (format!("{LOCAL}/two in one.crt"), [c.as_str(), &b].concat()),
        (format!("{LOCAL}/none.crt"), "no certificate\n".to_owned()),
        // A certificate of the machine in place of a package's.
        (format!("{shared}/replaced.crt"), b),
        (format!("{LOCAL}/replaced.crt"), c),
    ];
    let blobs = MemoryBlobs::new();
    let mut root = Root::new(Tree::default(), &blobs, 0);
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        // Local ones come last, so that they replace the package's here as well.
        std::fs::write(folder.path().join(link_name(&path)), &text).unwrap();
        root.write_text(&path, text).unwrap();
    }
    certificates(&mut root, &[package()]).unwrap();
    openssl(&["rehash", &folder.path().display().to_string()]);
    let links = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let mut expected: Vec<(String, String)> = links
        .filter_map(|path| Some((path.file_name()?.to_str()?.to_owned(), path.read_link().ok()?.to_str()?.to_owned())))
        .collect();
    expected.sort_unstable();
    let names = root.names(TRUSTED).into_iter().filter(|name| !name.ends_with(".pem") && !name.ends_with(".crt"));
    let mut made: Vec<(String, String)> = names
        .map(|name| {
            let target = root.link_target(&format!("{TRUSTED}/{name}")).unwrap();
            (name, target)
        })
        .collect();
    made.sort_unstable();
    assert_eq!(made, expected);
    assert_eq!(made.len(), 3);
}

#[test]
fn without_the_package_nothing_is_made() {
    let blobs = MemoryBlobs::new();
    let mut root = Root::new(Tree::default(), &blobs, 0);
    certificates(&mut root, &[]).unwrap();
    assert!(root.tree().is_empty());
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let _ = subject::hash_of_pem(&bytes);
        let body: String = bytes.iter().map(|byte| char::from(b"ABCDabcd01+/MIG"[usize::from(byte % 15)])).collect();
        let _ = subject::hash_of_pem(format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n").as_bytes());
    }
}
