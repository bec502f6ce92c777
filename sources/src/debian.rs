//! Archives of Debian packages: from a mirror to the description of one package.
//!
//! ```text
//! MIRROR/dists/SUITE/InRelease                    signed; lists what follows by SHA-256
//! MIRROR/dists/SUITE/main/binary-amd64/Packages.xz lists packages by SHA-256
//! MIRROR/pool/...                                 the packages
//! ```
//! Each step is held against the hash that the step above names, so that trust hangs on the signature of `InRelease`
//! alone, and that on a [`Keyring`]. What was fetched stays in the store: an index that did not change is not fetched
//! again, and without a network the last state that was seen is used. A [`State`] brings an earlier one back. Whether one
//! is still good enough is asked apart ([`Index::judge`]): it depends on the clock, which nothing else here does.

mod freshness;
mod index_files;
mod keyring;
mod lock;
mod mirror;
mod packages;
mod release;
mod state;
#[cfg(test)]
mod testing;

use gravure_formats::Digest;
use gravure_formats::debian_version::Version;

use crate::error::{Error, ErrorKind, quoted_text};
use crate::http::{Client, Download};
use crate::openpgp::Fingerprint;
use crate::progress::Progress;
use crate::store::Store;
pub use freshness::{Freshness, Stale};
use index_files::IndexFiles;
pub use keyring::Keyring;
pub use lock::{Change, LOCK_FILE, Lock};
pub use mirror::{AptFile, Mirror, MirrorChoice, find_mirror, find_mirror_of_suite, read_apt_sources};
pub use packages::Package;
use packages::Packages;
use release::Release;
pub use state::{State, StateFile};

/// Among which records of the store the last `InRelease` of each archive is.
pub(crate) const RECORDS: &str = "archives";

/// No `InRelease` is longer than this: real ones have 0.2 MB.
const MAX_IN_RELEASE: u64 = 16 << 20;

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
    /// Who may have signed it.
    pub keys: Keyring,
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
    signed: Option<Signed>,
    /// Per component the address of its index, and the index.
    packages: Vec<(String, Packages)>,
}

/// Who has signed an `InRelease`, and when, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The key.
    pub by: Fingerprint,
    /// The time.
    pub at: i64,
}

impl Archive {
    /// Returns what the archive has now, or, without the network, had when it was last looked at.
    ///
    /// # Errors
    /// The mirror cannot be reached or has no such suite, component or architecture; no trusted key has signed what it
    /// sends, or that does not fit the hashes; or the network is needed and not allowed (kind `Missing`).
    pub fn index(&self, store: &Store, access: Access<'_>) -> Result<Index, Error> {
        self.check_names()?;
        let (in_release, release, signed) = self.release(store, access)?;
        let packages = self.packages(&release, store, access)?;
        Ok(Index { archive: self.clone(), in_release, release, signed: Some(signed), packages })
    }

    /// Returns what the archive had in a state that was seen before, whatever it has now. The state names all files
    /// by their hashes, so no signature is needed; and it is taken as it is, also when it has expired since. A component
    /// that it does not name is found where the archive still is in that state.
    ///
    /// # Errors
    /// As for [`Archive::index`]; and the mirror does not have the files of that state any more, or the state was of
    /// other components or another architecture (both of kind `Missing`).
    pub fn index_at(&self, state: &State, store: &Store, access: Access<'_>) -> Result<Index, Error> {
        self.check_names()?;
        let mut release = Release::of_state(state);
        if !self.components.iter().all(|component| state.has(component, &self.architecture))
            && let Ok((in_release, now, _)) = self.release(store, access)
            && in_release == state.in_release
        {
            release = now;
        }
        let packages = self.packages(&release, store, access)?;
        Ok(Index { archive: self.clone(), in_release: state.in_release, release, signed: None, packages })
    }

    /// Loads the indexes of all components.
    fn packages(&self, release: &Release, store: &Store, access: Access<'_>) -> Result<Vec<(String, Packages)>, Error> {
        let files = self.components.iter().flat_map(|component| IndexFiles::of_component(self, component, release));
        files.map(|files| files.load(store, access)).collect()
    }

    /// Returns the state of the archive, and the object with its `InRelease`; it is remembered when it is good.
    fn release(&self, store: &Store, access: Access<'_>) -> Result<(Digest, Release, Signed), Error> {
        let url = self.in_release_url();
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
        let (release, signed) = believed(&store.read(&digest)?, &url, &self.keys)?;
        self.check_suite(&release, &url)?;
        if let Access::Online(..) = access {
            store.record(RECORDS, &key, &digest.0)?;
        }
        Ok((digest, release, signed))
    }

    fn in_release_url(&self) -> String {
        format!("{}/dists/{}/InRelease", self.mirror, self.suite)
    }

    /// Refuses the release of another suite, which is signed as well.
    fn check_suite(&self, release: &Release, url: &str) -> Result<(), Error> {
        if release.is_for(&self.suite) {
            return Ok(());
        }
        let names = [&release.codename, &release.suite].map(|name| quoted_text(name.as_deref().unwrap_or("nothing")));
        let message = format!("{} is for {} or {}", quoted_text(url), names[0], names[1]);
        Err(Error::new(ErrorKind::Integrity, message))
    }

    /// Refuses names that would lead to another place of the mirror.
    fn check_names(&self) -> Result<(), Error> {
        let components = self.components.iter().map(|component| (component, "a component"));
        let names = [(&self.suite, "a suite"), (&self.architecture, "an architecture")];
        match names.into_iter().chain(components).find(|(name, _)| !is_name(name)) {
            None => Ok(()),
            Some((name, what)) => {
                let message = format!("{} cannot be the name of {what} of an archive", quoted_text(name));
                Err(Error::new(ErrorKind::Refused, message))
            }
        }
    }
}

/// Returns what the `InRelease` that came from `url` says, and who has signed it.
fn believed(in_release: &[u8], url: &str, keys: &Keyring) -> Result<(Release, Signed), Error> {
    let verified = release::authenticated(in_release, url, keys)?;
    let release = Release::parse(&verified.text, url)?;
    Ok((release, Signed { by: verified.key, at: verified.signed_at }))
}

/// Returns when an archive was made, in seconds since 1970, as the `InRelease` says that came from `url`.
///
/// # Errors
/// None of these keys has signed it, or it is not as such files are.
pub fn release_date(in_release: &[u8], url: &str, keys: &Keyring) -> Result<i64, Error> {
    believed(in_release, url, keys).map(|(release, _)| release.date)
}

/// Whether a name consists of what names of suites do: `bookworm`, `bullseye/updates`, `non-free-firmware`.
fn is_name(name: &str) -> bool {
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._~".contains(&byte);
    name.split('/').all(|part| part.bytes().all(usual) && !part.is_empty() && !part.starts_with('.'))
}

/// Whether a package is older than another; both were read, so their versions are such.
fn is_older(package: &Package, other: &Package) -> bool {
    Version::parse(&package.version).ok() < Version::parse(&other.version).ok()
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
            if best.as_ref().is_none_or(|best| is_older(best, &found)) {
                best = Some(found);
            }
        }
        Ok(best)
    }

    /// Returns up to three names of packages that are most like one that is not there, best first.
    pub fn nearest(&self, name: &str) -> Vec<&str> {
        packages::nearest(name, self.packages.iter().flat_map(|(_, packages)| packages.names()))
    }

    /// Returns the stanzas of all packages.
    pub fn stanzas(&self) -> impl Iterator<Item = &str> {
        self.packages.iter().flat_map(|(_, packages)| packages.all())
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

    /// Returns who has signed this state; nothing when it was named by a [`State`].
    pub fn signed(&self) -> Option<Signed> {
        self.signed
    }

    /// Returns what brings this state back later.
    pub fn state(&self) -> State {
        let directories = self.archive.components.iter();
        let files = directories.flat_map(|component| IndexFiles::of_component(&self.archive, component, &self.release));
        State {
            in_release: self.in_release,
            date: self.release.date,
            codename: self.release.codename.clone(),
            files: files.flat_map(|files| files.of_state()).collect(),
        }
    }

    /// Checks whether this state is good enough to be locked now.
    ///
    /// # Errors
    /// It is too old, older than one that was seen before, or the clock must be wrong.
    pub fn judge(&self, freshness: &Freshness) -> Result<(), Stale> {
        freshness.check(self)
    }

    /// Returns where this comes from.
    pub fn archive(&self) -> &Archive {
        &self.archive
    }
}

#[cfg(test)]
mod tests {
    use gravure_formats::compression::Compression;

    use super::testing::{Mock, archive, online, paths_of, stanza};
    use super::*;
    use crate::openpgp::testing::{SHA1, Signer, Statement, canonical, message, packet};
    use crate::progress::Silent;
    use crate::testing::{Scratch, client};

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
        assert_eq!(paths_of(&server), ["InRelease", "main/binary-amd64/Packages.xz", "InRelease"]);
        drop(server);
        let index = archive.index(&scratch.store(), Access::Offline).unwrap();
        assert_eq!(index.find("a").unwrap().unwrap().version, "1");
    }

    #[test]
    fn indexes_are_taken_by_hash_where_the_archive_has_them_so() {
        let scratch = Scratch::new();
        let mut mock = Mock::new().index("main", &[&stanza("a", "1")], &[Compression::Xz]);
        mock.fields.push_str("Acquire-By-Hash: yes\n");
        let (digest, _) = mock.listed["main/binary-amd64/Packages.xz"];
        let hashed = format!("main/binary-amd64/by-hash/SHA256/{digest}");
        let mut without = mock.clone();
        let server = mock.serve();
        online(&archive(&server), &scratch.store()).unwrap();
        assert_eq!(paths_of(&server), ["InRelease", &hashed]);

        let scratch = Scratch::new();
        without.files.remove(&format!("/debian/dists/trixie/{hashed}"));
        let server = without.serve();
        online(&archive(&server), &scratch.store()).unwrap();
        assert_eq!(paths_of(&server), ["InRelease", &hashed, "main/binary-amd64/Packages.xz"]);
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
            (bomb, "cannot be unpacked: the content is longer than the cap of 10 bytes"),
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

    /// Checks why an `InRelease` is refused; `URL` stands for its address.
    fn check_refused(in_release: String, expected: &str) {
        let scratch = Scratch::new();
        let server = Mock::new().index("main", &[&stanza("a", "1")], &[Compression::Xz]).serve_with(in_release);
        let archive = archive(&server);
        let error = online(&archive, &scratch.store()).unwrap_err();
        assert_eq!(
            (error.exit_code(), error.message.replace(&archive.in_release_url(), "URL").as_str()),
            (5, expected)
        );
        assert_eq!(archive.index(&scratch.store(), Access::Offline).unwrap_err().kind, ErrorKind::Missing);
    }

    #[test]
    fn releases_that_nobody_trusted_has_signed_are_refused_each_with_its_reason() {
        let release = Mock::new().release();
        let (key, stranger) = (Signer::new(1), Signer::new(2));
        let good = key.message(&release);
        let (own, other) = (key.fingerprint(), stranger.fingerprint());
        check_refused(release.clone(), "`URL` is not signed: it does not begin as a signed message does");
        check_refused(
            stranger.message(&release),
            &format!(
                "`URL` is not signed by a trusted key, but by `{other}`; trusted are `{own}` (`Test <test@example.test>`)"
            ),
        );
        check_refused(
            good.replace("stable", "stably"),
            &format!("`URL` is not what the key `{own}` has signed: it was changed since, or damaged"),
        );
        check_refused(format!("{good}Suite: other\n"), "`URL` goes on after its signature");
        check_refused(good.repeat(2), "`URL` contains a second signed message");
        let weak = packet(2, &key.sign(&Statement { hash: SHA1, ..Statement::text() }, &canonical(&release)));
        check_refused(
            message(&release, &[weak]),
            &format!("`URL` is signed by the key `{own}` over SHA-1, and hashes weaker than SHA-256 do not count"),
        );
    }

    #[test]
    fn releases_signed_by_keys_that_do_not_count_any_more_are_refused() {
        let revocation = Statement::new(0x20);
        let revoked = packet(2, &Signer::new(1).sign(&revocation, &Signer::new(1).hashed()));
        let ended = Signer::new(1).certify(&Statement::new(0x13).lifetime(86_400));
        let bare = packet(6, &Signer::new(1).public);
        for (certificate, why) in [
            ([bare, revoked].concat(), "which its owner has revoked"),
            (ended, "which expired at 2025-01-02 00:00:00 UTC and was used after that"),
        ] {
            let scratch = Scratch::new();
            let server = Mock::new().index("main", &[&stanza("a", "1")], &[Compression::Xz]).serve();
            let archive = Archive { keys: Keyring::read("tests", &certificate).unwrap(), ..archive(&server) };
            let error = online(&archive, &scratch.store()).unwrap_err();
            let key = Signer::new(1).fingerprint();
            let expected = format!("`{}` is signed by the key `{key}`, {why}", archive.in_release_url());
            assert_eq!((error.exit_code(), error.message), (5, expected));
        }
    }

    #[test]
    fn packages_for_all_architectures_are_found_where_they_stand_apart() {
        for (apart, found) in [(true, Some("2")), (false, None)] {
            let scratch = Scratch::new();
            let mut mock = Mock::new().index("main", &[&stanza("a", "1")], &[Compression::Xz]);
            mock = mock.index_for("all", "main", &[&stanza("b", "2")], &[Compression::Xz]);
            if apart {
                mock = mock.replace("No-Support-for-Architecture-all: Packages\n", "");
            }
            let server = mock.serve();
            let index = online(&archive(&server), &scratch.store()).unwrap();
            assert_eq!(index.find("b").unwrap().map(|package| package.version).as_deref(), found);
            assert!(index.find("a").unwrap().is_some());
        }
    }

    #[test]
    fn security_updates_list_paths_without_what_is_before_their_components() {
        let scratch = Scratch::new();
        let mock = Mock::new().index("main", &[&stanza("a", "1")], &[Compression::Xz]);
        let mock = mock.replace("Components: main contrib", "Components: updates/main updates/contrib");
        let server =
            mock.replace("Suite: stable\nCodename: trixie", "Suite: stable-security\nCodename: trixie").serve();
        assert!(online(&archive(&server), &scratch.store()).unwrap().find("a").unwrap().is_some());
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let server = Mock::new().serve();
        let wrong = |change: &dyn Fn(&mut Archive)| {
            let mut archive = archive(&server);
            change(&mut archive);
            let error = online(&archive, &Scratch::new().store()).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Refused);
            error.message
        };
        let end = "of an archive";
        assert_eq!(wrong(&|a| a.suite = "../x".to_owned()), format!("`../x` cannot be the name of a suite {end}"));
        assert_eq!(wrong(&|a| a.suite = String::new()), format!("`` cannot be the name of a suite {end}"));
        let message = wrong(&|a| a.components = vec!["main?".to_owned()]);
        assert_eq!(message, format!("`main?` cannot be the name of a component {end}"));
        let message = wrong(&|a| a.architecture = "a b".to_owned());
        assert_eq!(message, format!("`a b` cannot be the name of an architecture {end}"));
        assert_eq!(server.requests(), []);
    }

    /// Returns the mirror for a suite that the apt of this machine leads to.
    fn real_mirror(suite: &str) -> String {
        let apt = read_apt_sources(std::path::Path::new("/etc/apt")).unwrap();
        let environment = std::env::var("GRAVURE_DEBIAN_MIRROR").ok();
        let choice = MirrorChoice { environment: environment.as_deref(), apt: &apt, ..MirrorChoice::default() };
        find_mirror_of_suite(suite, &choice).unwrap().url
    }

    #[test]
    fn the_archives_of_debian_are_believed_for_the_keys_of_this_program() {
        let scratch = Scratch::new();
        let client = Client::from_environment().unwrap();
        for release in ["bookworm", "trixie"] {
            for suite in ["", "-updates", "-security"].map(|end| format!("{release}{end}")) {
                for architecture in ["amd64", "arm64"] {
                    // The whole index of a release is large, and read like the others.
                    let component = if suite == release { "non-free-firmware" } else { "main" };
                    let archive = Archive {
                        mirror: real_mirror(&suite),
                        suite: suite.clone(),
                        components: vec![component.to_owned()],
                        architecture: architecture.to_owned(),
                        keys: Keyring::debian(),
                    };
                    let index = archive.index(&scratch.store(), Access::Online(&client, &Silent)).unwrap();
                    assert!(index.codename().is_some_and(|name| name.starts_with(release)));
                    assert!(index.date() <= index.signed().unwrap().at);
                    assert!(!index.state().files.is_empty());
                }
            }
        }
        let nobody = Keyring::read("tests", &Signer::new(1).certificate()).unwrap();
        let archive = Archive {
            mirror: real_mirror("trixie"),
            suite: "trixie".to_owned(),
            components: Vec::new(),
            architecture: "amd64".to_owned(),
            keys: nobody,
        };
        let error = archive.index(&scratch.store(), Access::Offline).unwrap_err();
        assert!(error.message.contains("is not signed by a trusted key, but by `"), "{error}");
    }
}
