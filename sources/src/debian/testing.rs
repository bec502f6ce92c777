//! Archives for the tests: made and signed by them, and served from this machine.

use std::collections::BTreeMap;

use gravure_formats::Digest;
use gravure_formats::compression::Compression;

use super::{Access, Archive, Index, Keyring};
use crate::error::Error;
use crate::openpgp::testing::Signer;
use crate::progress::Silent;
use crate::store::Store;
use crate::testing::{Reply, Server, client, compress};

/// When the archives are made, as they say it, and in seconds since 1970.
pub(super) const DATE: &str = "Sat, 15 Nov 2025 09:46:24 UTC";
pub(super) const MADE: i64 = 1_763_199_984;

/// An archive of one suite.
#[derive(Clone)]
pub(super) struct Mock {
    /// What its release says, but for the files.
    pub(super) fields: String,
    /// Files by their paths on the server.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// Files by their paths below the suite, as the release lists them.
    pub(super) listed: BTreeMap<String, (Digest, usize)>,
}

impl Mock {
    /// Returns an archive without packages.
    pub(super) fn new() -> Mock {
        let fields = format!(
            "Suite: stable\nCodename: trixie\nDate: {DATE}\nArchitectures: all amd64\nComponents: main contrib\n\
             No-Support-for-Architecture-all: Packages\n"
        );
        Mock { fields, files: BTreeMap::new(), listed: BTreeMap::new() }
    }

    /// Replaces text in what the release says.
    pub(super) fn replace(mut self, from: &str, to: &str) -> Mock {
        assert!(self.fields.contains(from), "{} does not contain {from}", self.fields);
        self.fields = self.fields.replace(from, to);
        self
    }

    /// Adds an index in these forms, all listed; only the compressed ones can be fetched.
    pub(super) fn index(self, component: &str, stanzas: &[&str], forms: &[Compression]) -> Mock {
        self.index_for("amd64", component, stanzas, forms)
    }

    pub(super) fn index_for(
        mut self,
        architecture: &str,
        component: &str,
        stanzas: &[&str],
        forms: &[Compression],
    ) -> Mock {
        let text = stanzas.join("\n");
        let directory = format!("{component}/binary-{architecture}");
        for form in forms.iter().copied().chain([Compression::None]) {
            let path = format!("{directory}/Packages{}", form.extension());
            let bytes = compress(form, text.as_bytes());
            let digest = Digest::of(&bytes);
            self.listed.insert(path.clone(), (digest, bytes.len()));
            if form != Compression::None {
                let hashed = format!("/debian/dists/trixie/{directory}/by-hash/SHA256/{digest}");
                self.files.insert(hashed, bytes.clone());
                self.files.insert(format!("/debian/dists/trixie/{path}"), bytes);
            }
        }
        self
    }

    /// Returns what is to be signed.
    pub(super) fn release(&self) -> String {
        let line = |(path, (digest, len)): (&String, &(Digest, usize))| format!(" {digest} {len} {path}\n");
        let lines: String = self.listed.iter().map(line).collect();
        format!("{}SHA256:\n{lines}", self.fields)
    }

    pub(super) fn in_release(&self) -> String {
        Signer::new(1).message(&self.release())
    }

    pub(super) fn serve(self) -> Server {
        let in_release = self.in_release();
        self.serve_with(in_release)
    }

    /// Serves the archive with another `InRelease`.
    pub(super) fn serve_with(mut self, in_release: String) -> Server {
        self.files.insert("/debian/dists/trixie/InRelease".to_owned(), in_release.into_bytes());
        Server::start(move |request, _| match self.files.get(&request.path) {
            Some(bytes) => Reply::whole(bytes),
            None => Reply::status("404 Not Found"),
        })
    }
}

/// Returns the archive of a server, which the signer of these archives is trusted to sign.
pub(super) fn archive(server: &Server) -> Archive {
    Archive {
        mirror: server.url("/debian"),
        suite: "trixie".to_owned(),
        components: vec!["main".to_owned()],
        architecture: "amd64".to_owned(),
        keys: Keyring::read("tests", &Signer::new(1).certificate()).unwrap(),
    }
}

/// Returns what an archive has now.
pub(super) fn online(archive: &Archive, store: &Store) -> Result<Index, Error> {
    archive.index(store, Access::Online(&client(), &Silent))
}

/// Returns the paths below the suite that a server was asked for.
pub(super) fn paths_of(server: &Server) -> Vec<String> {
    let path = |path: String| path.replace("/debian/dists/trixie/", "");
    server.requests().into_iter().map(|request| path(request.path)).collect()
}

/// Returns a package, whose file is its name.
pub(super) fn stanza(name: &str, version: &str) -> String {
    let digest = Digest::of(name.as_bytes());
    format!(
        "Package: {name}\nVersion: {version}\nArchitecture: amd64\nFilename: pool/{name}_1%3a2.deb\nSize: {}\nSHA256: {digest}\n",
        name.len()
    )
}
