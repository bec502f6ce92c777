//! A mirror on this machine, and archives for it that are made and signed here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use gravure_formats::Digest;
use gravure_formats::compression::gzip;
use gravure_tests::debs::{EARLY, Member, deb_with};
use gravure_tests::http::{Reply, Server};
use gravure_tests::openpgp::Signer;

/// Files by their paths on the server.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// Where the release of the archive is on the server.
pub(crate) const IN_RELEASE: &str = "/debian/dists/trixie/InRelease";
/// Where its index is.
pub(crate) const INDEX: &str = "/debian/dists/trixie/main/binary-amd64/Packages.gz";

/// A mirror that has what a test says.
pub(crate) struct Mirror {
    server: Server,
    files: Arc<Mutex<Files>>,
    /// How many requests were told already.
    n_told: usize,
}

impl Mirror {
    pub(crate) fn new() -> Mirror {
        let files: Arc<Mutex<Files>> = Arc::default();
        let served = files.clone();
        let server = Server::start(move |request, _| {
            match served.lock().expect("nothing panics under this lock").get(&request.path) {
                Some(bytes) => Reply::whole(bytes),
                None => Reply::status("404 Not Found"),
            }
        });
        Mirror { server, files, n_told: 0 }
    }

    /// Returns its address without a path.
    pub(crate) fn address(&self) -> String {
        self.server.url("")
    }

    /// Takes these files in place of all that it had.
    pub(crate) fn publish(&self, files: Files) {
        *self.files.lock().expect("nothing panics under this lock") = files;
    }

    /// Returns the paths that it was asked for since this was asked last, in order.
    pub(crate) fn new_requests(&mut self) -> Vec<String> {
        let requests = self.server.requests();
        let mut paths: Vec<String> = requests.iter().skip(self.n_told).map(|request| request.path.clone()).collect();
        self.n_told = requests.len();
        paths.sort();
        paths
    }
}

/// Who signs the archives that are trusted.
pub(crate) fn owner() -> Signer {
    Signer::new(1)
}

/// The archive `trixie`, unless it is called otherwise, on a day of November 2025. It has nothing for `arm64` but an empty index,
/// unless it has the same for both.
#[derive(Clone)]
pub(crate) struct Archive {
    /// Its name.
    codename: &'static str,
    /// What its release says, but for the files.
    pub(crate) fields: String,
    stanzas: Vec<String>,
    pool: Files,
    /// What the index for `arm64` has.
    other_index: String,
}

impl Archive {
    pub(crate) fn on(day: u8) -> Archive {
        Archive::made(&format!("{day} Nov 2025 09:46:24 UTC"))
    }

    pub(crate) fn made(date: &str) -> Archive {
        let fields = format!(
            "Suite: stable\nDate: {date}\nArchitectures: amd64 arm64\nComponents: main\n\
             No-Support-for-Architecture-all: Packages\n"
        );
        Archive { codename: "trixie", fields, stanzas: Vec::new(), pool: Files::new(), other_index: String::new() }
    }

    /// Gives it another name.
    pub(crate) fn called(self, codename: &'static str) -> Archive {
        Archive { codename, ..self }
    }

    /// Adds a package; its file has one file, with its version.
    pub(crate) fn package(self, name: &str, version: &str) -> Archive {
        self.package_with(name, version, "")
    }

    /// Adds a package with more fields.
    pub(crate) fn package_with(mut self, name: &str, version: &str, more: &str) -> Archive {
        let control = format!("Package: {name}\nVersion: {version}\nArchitecture: amd64\n{more}");
        let path = format!("usr/share/doc/{name}/version");
        let deb = deb_with(&control, &[(&path, Member::File(0o644, EARLY, version.as_bytes()))]);
        let filename = format!("pool/{name}_{version}_amd64.deb");
        self.stanzas.push(format!(
            "{control}Filename: {filename}\nSize: {}\nSHA256: {}\n",
            deb.len(),
            Digest::of(&deb)
        ));
        self.pool.insert(format!("/debian/{filename}"), deb);
        self
    }

    /// Gives it the same packages, with the same files, for `arm64`.
    pub(crate) fn for_both(self) -> Archive {
        let other_index = self.index().replace("Architecture: amd64", "Architecture: arm64");
        Archive { other_index, ..self }
    }

    /// Adds a stanza of a package without a file.
    pub(crate) fn stanza(mut self, stanza: &str) -> Archive {
        self.stanzas.push(stanza.to_owned());
        self
    }

    /// Adds a field to the release.
    pub(crate) fn field(mut self, line: &str) -> Archive {
        self.fields.push_str(line);
        self
    }

    /// Returns what is to be signed.
    pub(crate) fn release(&self) -> String {
        let listed = |path: &str, bytes: &[u8]| format!(" {} {} {path}\n", Digest::of(bytes), bytes.len());
        let mut files = String::new();
        for (architecture, text) in [("amd64", &self.index()), ("arm64", &self.other_index)] {
            let path = format!("main/binary-{architecture}/Packages");
            files += &listed(&path, text.as_bytes());
            files += &listed(&format!("{path}.gz"), &packed(text));
        }
        format!("Codename: {}\n{}SHA256:\n{files}", self.codename, self.fields)
    }

    /// Returns its release if the index for `amd64`, as it is packed, were these bytes.
    pub(crate) fn release_with_index(&self, index: &[u8]) -> String {
        let own = packed(&self.index());
        let listed = |bytes: &[u8]| format!(" {} {} main/binary-amd64", Digest::of(bytes), bytes.len());
        self.release().replace(&listed(&own), &listed(index))
    }

    fn index(&self) -> String {
        self.stanzas.join("\n")
    }

    /// Returns its files, signed by its owner.
    pub(crate) fn files(&self) -> Files {
        let mut files = self.pool.clone();
        let path = |path: &str| path.replace("trixie", self.codename);
        files.insert(path(INDEX), packed(&self.index()));
        files.insert(path(INDEX).replace("amd64", "arm64"), packed(&self.other_index));
        files.insert(path(IN_RELEASE), owner().message(&self.release()).into_bytes());
        files
    }

    /// Returns its files with another `InRelease`.
    pub(crate) fn files_with(&self, in_release: String) -> Files {
        let mut files = self.files();
        files.insert(IN_RELEASE.to_owned(), in_release.into_bytes());
        files
    }
}

fn packed(text: &str) -> Vec<u8> {
    gzip(text.as_bytes(), 1).expect("memory can be read")
}
