//! Archives of Debian packages: from a mirror to the description of one package.
//!
//! ```text
//! MIRROR/dists/SUITE/InRelease                    signed; lists what follows by SHA-256
//! MIRROR/dists/SUITE/main/binary-amd64/Packages.xz lists packages by SHA-256
//! MIRROR/pool/...                                 the packages
//! ```
//! Each step is held against the hash that the step above names, so that trust hangs on the signature of `InRelease`
//! alone; **which is not checked yet** (see `release.rs`). What was fetched stays in the store: an index that did not
//! change is not fetched again, and without a network the last state that was seen is used.

mod date;
mod mirror;
mod packages;
mod release;
mod stanza;
mod unpack;
mod version;

use gravure_formats::{Digest, Extents};

use crate::error::{Error, ErrorKind, quoted_text};
use crate::http::{Client, Download};
use crate::progress::Progress;
use crate::store::Store;
pub use mirror::{AptFile, Mirror, MirrorChoice, find_mirror, read_apt_sources};
pub use packages::Package;
use packages::Packages;
use release::{Listed, Release};
use unpack::Compression;
pub use version::compare_versions;

/// Among which records of the store the last `InRelease` of each archive is.
const RECORDS: &str = "archives";

/// No `InRelease` is longer than this: real ones have 0.2 MB.
const MAX_IN_RELEASE: u64 = 16 << 20;

/// No index is longer than this, unpacked: real ones have 60 MB.
const MAX_PACKAGES: u64 = 1 << 30;

/// What to take packages from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// The address of the mirror, without a slash at the end.
    pub mirror: String,
    /// A suite or codename: `trixie`, `stable`, `trixie-updates`.
    pub suite: String,
    /// The components to look in: `main`.
    pub components: Vec<String>,
    /// Debian's name of the architecture: `amd64`.
    pub architecture: String,
}

/// Whether the network may be used.
#[derive(Clone, Copy)]
pub enum Access<'a> {
    /// Yes, through this client.
    Online(&'a Client, &'a dyn Progress),
    /// No: what is in the store must do.
    Offline,
}

/// What an archive has, at one moment.
#[derive(Clone, Debug)]
pub struct Index {
    archive: Archive,
    in_release: Digest,
    release: Release,
    /// Per component the address of its index, and the index.
    packages: Vec<(String, Packages)>,
}

impl Archive {
    /// Returns what the archive has now, or, without the network, had when it was last looked at.
    ///
    /// # Errors
    /// The mirror cannot be reached or has no such suite, component or architecture; what it sends does not fit the
    /// hashes; or the network is needed and not allowed (kind `Missing`).
    pub fn index(&self, store: &Store, access: Access<'_>) -> Result<Index, Error> {
        let (in_release, release) = self.release(store, access)?;
        let mut packages = Vec::with_capacity(self.components.len());
        for component in &self.components {
            let files = IndexFiles { archive: self, component, release: &release };
            let digest = files.plain(store, access)?;
            let url = files.url(Compression::None);
            let table = Packages::new(store.read(&digest)?, &url)?;
            packages.push((url, table));
        }
        Ok(Index { archive: self.clone(), in_release, release, packages })
    }

    /// Returns the state of the archive, and the object with its `InRelease`; it is remembered when it is good.
    fn release(&self, store: &Store, access: Access<'_>) -> Result<(Digest, Release), Error> {
        let url = format!("{}/dists/{}/InRelease", self.mirror, self.suite);
        let key = Digest::of(url.as_bytes()).0;
        let digest = match access {
            Access::Online(client, progress) => {
                let what = format!("{} InRelease", self.suite);
                let wanted = Download { what, limit: MAX_IN_RELEASE, ..Download::new(&url) };
                client.download(&wanted, store, progress)?.0
            }
            Access::Offline => {
                let last = store.recorded(RECORDS, &key).and_then(|value| Some(Digest(value.try_into().ok()?)));
                last.filter(|digest| store.contains(digest)).ok_or_else(|| not_in_store(&url))?
            }
        };
        let release = Release::parse(&release::authenticated(&store.read(&digest)?, &url)?, &url)?;
        if !release.is_for(&self.suite) {
            let names =
                [&release.codename, &release.suite].map(|name| quoted_text(name.as_deref().unwrap_or("nothing")));
            let message = format!("{} is for {} or {}", quoted_text(&url), names[0], names[1]);
            return Err(Error::new(ErrorKind::Integrity, message));
        }
        if let Access::Online(..) = access {
            store.record(RECORDS, &key, &digest.0)?;
        }
        Ok((digest, release))
    }
}

/// The forms in which a mirror has the index of one component.
struct IndexFiles<'a> {
    archive: &'a Archive,
    component: &'a str,
    release: &'a Release,
}

impl IndexFiles<'_> {
    /// Returns the object with the text of the index.
    fn plain(&self, store: &Store, access: Access<'_>) -> Result<Digest, Error> {
        let plain = self.listed(Compression::None);
        if let Some(plain) = plain
            && store.contains(&plain.digest)
        {
            return Ok(plain.digest);
        }
        let offered =
            Compression::ALL.into_iter().find_map(|compression| Some((compression, self.listed(compression)?)));
        let (compression, listed) = offered.ok_or_else(|| self.missing())?;
        self.fetch(compression, listed, store, access)?;
        self.unpack(compression, listed, plain, store)
    }

    /// Gets the compressed index into the store.
    fn fetch(&self, compression: Compression, listed: Listed, store: &Store, access: Access<'_>) -> Result<(), Error> {
        let url = self.url(compression);
        let Access::Online(client, progress) = access else {
            return if store.contains(&listed.digest) { Ok(()) } else { Err(not_in_store(&url)) };
        };
        let what = format!("{} {} Packages", self.archive.suite, self.component);
        let (digest, len) = (Some(listed.digest), Some(listed.len));
        let wanted = Download { what, digest, len, ..Download::new(url) };
        if self.release.by_hash {
            let url = format!("{}/by-hash/SHA256/{}", self.directory(), listed.digest);
            match client.download(&Download { url, ..wanted.clone() }, store, progress) {
                // A mirror may say that it has files by their hashes, and lack some.
                Err(error) if error.kind == ErrorKind::Missing => {}
                result => return result.map(drop),
            }
        }
        client.download(&wanted, store, progress).map(drop)
    }

    /// Unpacks the index, which is in the store, into another object.
    fn unpack(
        &self,
        compression: Compression,
        listed: Listed,
        plain: Option<Listed>,
        store: &Store,
    ) -> Result<Digest, Error> {
        let url = self.url(compression);
        let limit = plain.map_or(MAX_PACKAGES, |plain| plain.len.min(MAX_PACKAGES));
        let compressed = Extents::from_blob(listed.digest, listed.len);
        let mut writer = store.writer()?;
        compression.unpack(&url, compressed.reader(store), limit, &mut writer)?;
        let (found, len) = (writer.digest(), writer.written());
        if let Some(plain) = plain.filter(|plain| plain.digest != found) {
            let message = format!(
                "{} unpacks to {len} bytes with SHA-256 {found}, but {} bytes with SHA-256 {} are declared",
                quoted_text(&url),
                plain.len,
                plain.digest
            );
            return Err(Error::new(ErrorKind::Integrity, message));
        }
        Ok(writer.finish()?.0)
    }

    fn listed(&self, compression: Compression) -> Option<Listed> {
        let path = format!("{}/binary-{}/Packages{}", self.component, self.archive.architecture, compression.suffix());
        self.release.listed(&path)
    }

    fn directory(&self) -> String {
        let Archive { mirror, suite, architecture, .. } = self.archive;
        format!("{mirror}/dists/{suite}/{}/binary-{architecture}", self.component)
    }

    fn url(&self, compression: Compression) -> String {
        format!("{}/Packages{}", self.directory(), compression.suffix())
    }

    fn missing(&self) -> Error {
        let Archive { mirror, suite, architecture, .. } = self.archive;
        let message = format!(
            "suite {} of {} has no component {} for {}: its components are {}, its architectures {}",
            quoted_text(suite),
            quoted_text(mirror),
            quoted_text(self.component),
            quoted_text(architecture),
            quoted_text(&self.release.components.join(" ")),
            quoted_text(&self.release.architectures.join(" ")),
        );
        Error::new(ErrorKind::Missing, message)
    }
}

fn not_in_store(url: &str) -> Error {
    let message = format!("{} is not in the store, and the network may not be used", quoted_text(url));
    Error::new(ErrorKind::Missing, message)
}

impl Index {
    /// Returns a package by its name: of several versions the highest.
    ///
    /// # Errors
    /// The index describes it in a way that cannot be trusted: without SHA-256, say, or with a file outside the archive.
    pub fn find(&self, name: &str) -> Result<Option<Package>, Error> {
        let mut best: Option<Package> = None;
        for (url, packages) in &self.packages {
            let Some(stanza) = packages::newest(packages.stanzas(name)) else { continue };
            let found = packages::package(stanza, url)?;
            if best.as_ref().is_none_or(|best| compare_versions(&best.version, &found.version).is_lt()) {
                best = Some(found);
            }
        }
        Ok(best)
    }

    /// Returns up to three names of packages that are most like one that is not there, best first.
    pub fn nearest(&self, name: &str) -> Vec<&str> {
        packages::nearest(name, self.packages.iter().flat_map(|(_, packages)| packages.names()))
    }

    /// Returns what to download for a package of this index.
    pub fn download(&self, package: &Package) -> Download {
        let url = format!("{}/{}", self.archive.mirror, package.filename.replace('%', "%25"));
        let what = format!("{} {}", package.name, package.version);
        Download { what, digest: Some(package.sha256), len: Some(package.size), ..Download::new(url) }
    }

    /// Returns when this state of the archive was made, in seconds since 1970.
    pub fn date(&self) -> i64 {
        self.release.date
    }

    /// Returns until when it may be taken for the current one, likewise, if the archive sets a limit.
    pub fn valid_until(&self) -> Option<i64> {
        self.release.valid_until
    }

    /// Returns the name of the release, which does not change over time (`trixie`), if the archive says it.
    pub fn codename(&self) -> Option<&str> {
        self.release.codename.as_deref()
    }

    /// Returns the object with the `InRelease` that this state hangs on.
    pub fn in_release(&self) -> Digest {
        self.in_release
    }

    /// Returns where this comes from.
    pub fn archive(&self) -> &Archive {
        &self.archive
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::progress::Silent;
    use crate::testing::{Reply, Scratch, Server, client};
    use unpack::tests::compress;

    const DATE: &str = "Sat, 15 Nov 2025 09:46:24 UTC";

    /// An archive of one suite, as files by their paths.
    struct Mock {
        files: BTreeMap<String, Vec<u8>>,
        listed: BTreeMap<String, (Digest, usize)>,
        by_hash: bool,
    }

    impl Mock {
        fn new() -> Mock {
            Mock { files: BTreeMap::new(), listed: BTreeMap::new(), by_hash: false }
        }

        /// Adds an index in these forms, all listed; only the compressed ones can be fetched.
        fn index(mut self, component: &str, stanzas: &[&str], forms: &[Compression]) -> Mock {
            let text = stanzas.join("\n");
            for compression in forms.iter().copied().chain([Compression::None]) {
                let path = format!("{component}/binary-amd64/Packages{}", compression.suffix());
                let bytes = compress(compression, text.as_bytes());
                self.listed.insert(path.clone(), (Digest::of(&bytes), bytes.len()));
                if compression != Compression::None {
                    let hash = format!("{component}/binary-amd64/by-hash/SHA256/{}", Digest::of(&bytes));
                    self.files.insert(format!("/debian/dists/trixie/{hash}"), bytes.clone());
                    self.files.insert(format!("/debian/dists/trixie/{path}"), bytes);
                }
            }
            self
        }

        fn in_release(&self) -> String {
            let by_hash = if self.by_hash { "Acquire-By-Hash: yes\n" } else { "" };
            let lines = self.listed.iter().map(|(path, (digest, len))| format!(" {digest} {len} {path}\n"));
            let lines: String = lines.collect();
            format!(
                "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nSuite: stable\nCodename: trixie\nDate: {DATE}\n{by_hash}\
                 Architectures: all amd64\nComponents: main contrib\nSHA256:\n{lines}\
                 -----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----\n"
            )
        }

        fn serve(mut self) -> Server {
            self.files.insert("/debian/dists/trixie/InRelease".to_owned(), self.in_release().into_bytes());
            Server::start(move |request, _| match self.files.get(&request.path) {
                Some(bytes) => Reply::whole(bytes),
                None => Reply::status("404 Not Found"),
            })
        }
    }

    fn stanza(name: &str, version: &str) -> String {
        let digest = Digest::of(name.as_bytes());
        format!(
            "Package: {name}\nVersion: {version}\nArchitecture: amd64\nFilename: pool/{name}_1%3a2.deb\nSize: {}\nSHA256: {digest}\n",
            name.len()
        )
    }

    fn archive(server: &Server) -> Archive {
        Archive {
            mirror: server.url("/debian"),
            suite: "trixie".to_owned(),
            components: vec!["main".to_owned()],
            architecture: "amd64".to_owned(),
        }
    }

    fn online(archive: &Archive, store: &Store) -> Result<Index, Error> {
        archive.index(store, Access::Online(&client(), &Silent))
    }

    fn paths(server: &Server) -> Vec<String> {
        let path = |path: String| path.replace("/debian/dists/trixie/", "");
        server.requests().into_iter().map(|request| path(request.path)).collect()
    }

    #[test]
    fn packages_are_found_through_every_form_of_index() {
        for form in [Compression::Xz, Compression::Gzip] {
            let scratch = Scratch::new();
            let store = scratch.store();
            let mut mock = Mock::new().index("main", &[&stanza("b", "1"), &stanza("a", "2")], &[form]);
            mock.files.insert("/debian/pool/a_1%253a2.deb".to_owned(), b"a".to_vec());
            let server = mock.serve();
            let index = online(&archive(&server), &store).unwrap();
            assert_eq!((index.date(), index.codename()), (1_763_199_984, Some("trixie")));
            let package = index.find("a").unwrap().unwrap();
            assert_eq!((package.version.as_str(), package.architecture.as_str()), ("2", "amd64"));
            assert_eq!(index.find("c").unwrap(), None);
            let download = index.download(&package);
            assert_eq!(client().download(&download, &store, &Silent), Ok((Digest::of(b"a"), 1)));
        }
    }

    #[test]
    fn an_index_that_did_not_change_is_fetched_once_and_is_there_offline() {
        let scratch = Scratch::new();
        let server = Mock::new().index("main", &[&stanza("a", "1")], &[Compression::Xz, Compression::Gzip]).serve();
        let archive = archive(&server);
        let error = archive.index(&scratch.store(), Access::Offline).unwrap_err();
        let url = format!("{}/dists/trixie/InRelease", archive.mirror);
        let expected = format!("`{url}` is not in the store, and the network may not be used");
        assert_eq!((error.kind, error.message), (ErrorKind::Missing, expected));

        for _ in 0..2 {
            online(&archive, &scratch.store()).unwrap();
        }
        assert_eq!(paths(&server), ["InRelease", "main/binary-amd64/Packages.xz", "InRelease"]);
        drop(server);
        let index = archive.index(&scratch.store(), Access::Offline).unwrap();
        assert_eq!(index.find("a").unwrap().unwrap().version, "1");
    }

    #[test]
    fn indexes_are_taken_by_hash_where_the_archive_has_them_so() {
        let scratch = Scratch::new();
        let mut mock = Mock::new().index("main", &[&stanza("a", "1")], &[Compression::Xz]);
        mock.by_hash = true;
        let (digest, _) = mock.listed["main/binary-amd64/Packages.xz"];
        let hashed = format!("main/binary-amd64/by-hash/SHA256/{digest}");
        let without = Mock { files: mock.files.clone(), listed: mock.listed.clone(), by_hash: true };
        let server = mock.serve();
        online(&archive(&server), &scratch.store()).unwrap();
        assert_eq!(paths(&server), ["InRelease", &hashed]);

        let scratch = Scratch::new();
        let mut without = without;
        without.files.remove(&format!("/debian/dists/trixie/{hashed}"));
        let server = without.serve();
        online(&archive(&server), &scratch.store()).unwrap();
        assert_eq!(paths(&server), ["InRelease", &hashed, "main/binary-amd64/Packages.xz"]);
    }

    #[test]
    fn several_components_are_one_index() {
        let scratch = Scratch::new();
        let mock = Mock::new().index("main", &[&stanza("a", "1"), &stanza("busybox", "1")], &[Compression::Xz]);
        let server = mock.index("contrib", &[&stanza("a", "1:0"), &stanza("c", "3")], &[Compression::Gzip]).serve();
        let archive = Archive { components: vec!["main".to_owned(), "contrib".to_owned()], ..archive(&server) };
        let index = online(&archive, &scratch.store()).unwrap();
        let version = |name| index.find(name).unwrap().unwrap().version;
        assert_eq!(
            (version("a"), version("busybox"), version("c")),
            ("1:0".to_owned(), "1".to_owned(), "3".to_owned())
        );
        assert_eq!(index.nearest("bsuybox"), ["busybox"]);
    }

    #[test]
    fn what_does_not_fit_its_hash_is_refused() {
        let text = stanza("a", "1");
        let path = "/debian/dists/trixie/main/binary-amd64/Packages.xz";
        let mock = || Mock::new().index("main", &[&text], &[Compression::Xz]);

        let mut other = mock();
        other.files.get_mut(path).unwrap()[30] ^= 1;
        let mut shorter = mock();
        shorter.files.get_mut(path).unwrap().pop();
        let mut longer = mock();
        longer.files.get_mut(path).unwrap().push(0);
        let mut plain = mock();
        plain.listed.get_mut("main/binary-amd64/Packages").unwrap().0 = Digest::of(b"other");
        let mut bomb = mock();
        bomb.listed.get_mut("main/binary-amd64/Packages").unwrap().1 = 10;
        for (mock, why) in [
            (other, "is not what it should be"),
            (shorter, "is not what it should be"),
            (longer, "bytes with SHA-256 "),
            (plain, "Packages.xz` unpacks to "),
            (bomb, "unpacks to more than its 10 bytes"),
        ] {
            let scratch = Scratch::new();
            let server = mock.serve();
            let error = online(&archive(&server), &scratch.store()).unwrap_err();
            assert!(error.message.contains(why), "{error}");
            assert_eq!(error.exit_code(), 5);
        }
    }

    #[test]
    fn what_the_archive_does_not_have_is_said_with_what_it_has() {
        let scratch = Scratch::new();
        let server = Mock::new().index("main", &[&stanza("a", "1")], &[Compression::Xz]).serve();
        let wrong = Archive { architecture: "amd46".to_owned(), ..archive(&server) };
        let error = online(&wrong, &scratch.store()).unwrap_err();
        let expected = format!(
            "suite `trixie` of `{}` has no component `main` for `amd46`: its components are `main contrib`, its architectures `all amd64`",
            wrong.mirror
        );
        assert_eq!((error.kind, error.message), (ErrorKind::Missing, expected));
        let wrong = Archive { suite: "trixi".to_owned(), ..archive(&server) };
        assert_eq!(online(&wrong, &scratch.store()).unwrap_err().kind, ErrorKind::Missing);
    }

    #[test]
    fn a_release_of_another_suite_is_refused_and_not_remembered() {
        let scratch = Scratch::new();
        let mut mock = Mock::new().index("main", &[&stanza("a", "1")], &[Compression::Xz]);
        mock.files.insert("/debian/dists/bookworm/InRelease".to_owned(), mock.in_release().into_bytes());
        let server = mock.serve();
        let archive = Archive { suite: "bookworm".to_owned(), ..archive(&server) };
        let error = online(&archive, &scratch.store()).unwrap_err();
        let expected = format!("`{}/dists/bookworm/InRelease` is for `trixie` or `stable`", archive.mirror);
        assert_eq!((error.kind, error.message), (ErrorKind::Integrity, expected));
        assert_eq!(archive.index(&scratch.store(), Access::Offline).unwrap_err().kind, ErrorKind::Missing);
    }
}
