//! The files in which a mirror has the index of one component for one architecture, each compressed in another way.

use std::io;

use gravure_formats::compression::{Compression, DecodeError, Decoder};
use gravure_formats::{Digest, Extents};

use super::packages::Packages;
use super::release::{Listed, Release};
use super::state::StateFile;
use super::{Access, Archive, not_in_store};
use crate::date;
use crate::error::{Error, ErrorKind, quoted_text};
use crate::http::Download;
use crate::store::Store;

/// No index is longer than this, unpacked: real ones have 60 MB.
const MAX_PACKAGES: u64 = 1 << 30;

/// How indexes are compressed, in the order in which that is preferred.
pub(super) const FORMS: [Compression; 3] = [Compression::Xz, Compression::Gzip, Compression::None];

/// What packages for every architecture are said to be for.
const ALL: &str = "all";

/// The forms in which a mirror has one index.
pub(super) struct IndexFiles<'a> {
    archive: &'a Archive,
    component: &'a str,
    architecture: &'a str,
    release: &'a Release,
}

impl<'a> IndexFiles<'a> {
    /// Returns the indexes of a component: one for the architecture; and one for packages that run on all, where the archive
    /// does not repeat those in each.
    pub(super) fn of_component(archive: &'a Archive, component: &'a str, release: &'a Release) -> Vec<IndexFiles<'a>> {
        let of = |architecture| IndexFiles { archive, component, architecture, release };
        let all = Some(of(ALL)).filter(|all| release.keeps_all_apart && archive.architecture != ALL && all.is_listed());
        [Some(of(&archive.architecture)), all].into_iter().flatten().collect()
    }

    /// Returns the address of the index, and the index.
    pub(super) fn load(&self, store: &Store, access: Access<'_>) -> Result<(String, Packages), Error> {
        let digest = self.plain(store, access)?;
        let url = self.url(Compression::None);
        let table = Packages::new(store.read(&digest)?, &url)?;
        Ok((url, table))
    }

    /// Returns the files that a state has to name.
    pub(super) fn of_state(&self) -> Vec<StateFile> {
        let file = |form: Compression| {
            let Listed { digest, len } = self.listed(form)?;
            Some(StateFile { path: self.path(form), sha256: digest, size: len })
        };
        FORMS.into_iter().filter_map(file).collect()
    }

    /// Returns the object with the text of the index.
    fn plain(&self, store: &Store, access: Access<'_>) -> Result<Digest, Error> {
        let plain = self.listed(Compression::None);
        if let Some(plain) = plain
            && store.contains(&plain.digest)
        {
            return Ok(plain.digest);
        }
        let offered = FORMS.into_iter().find_map(|form| Some((form, self.listed(form)?)));
        let (form, listed) = offered.ok_or_else(|| self.missing())?;
        self.fetch(form, listed, store, access)?;
        self.unpack(form, listed, plain, store)
    }

    /// Gets the compressed index into the store.
    fn fetch(&self, form: Compression, listed: Listed, store: &Store, access: Access<'_>) -> Result<(), Error> {
        let url = self.url(form);
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
        let fetched = client.download(&wanted, store, progress).map(drop);
        if self.release.is_past { fetched.map_err(|error| self.gone(error)) } else { fetched }
    }

    /// Returns what it means that a mirror has an earlier index neither by its hash nor, any more, by its name.
    fn gone(&self, error: Error) -> Error {
        if error.kind != ErrorKind::Missing && error.kind != ErrorKind::Integrity {
            return error;
        }
        let message = format!(
            "{} does not have {} as it was on {}, when it was locked, any more: {error}\nhelp: `gravure lock --update` takes the newest state",
            quoted_text(&self.archive.mirror),
            quoted_text(&self.archive.suite),
            date::format(self.release.date)
        );
        Error::new(ErrorKind::Missing, message)
    }

    /// Unpacks the index, which is in the store, into another object.
    fn unpack(&self, form: Compression, listed: Listed, plain: Option<Listed>, store: &Store) -> Result<Digest, Error> {
        let limit = plain.map_or(MAX_PACKAGES, |plain| plain.len.min(MAX_PACKAGES));
        let compressed = Extents::from_blob(listed.digest, listed.len);
        let mut writer = store.writer()?;
        let copied =
            Decoder::new(compressed.reader(store), form, limit).and_then(|mut d| io::copy(&mut d, &mut writer));
        copied.map_err(|error| self.not_unpacked(form, error))?;
        match plain.filter(|plain| plain.digest != writer.digest()) {
            Some(plain) => Err(self.unpacked_to_another(form, (writer.digest(), writer.written()), plain)),
            None => Ok(writer.finish()?.0),
        }
    }

    /// Returns the error for an index that cannot be unpacked; failures of the store stay what they are.
    fn not_unpacked(&self, form: Compression, error: io::Error) -> Error {
        if !error.get_ref().is_some_and(|cause| cause.is::<DecodeError>()) {
            return Error::from(error);
        }
        let message = format!("{} cannot be unpacked: {error}", quoted_text(&self.url(form)));
        Error::new(ErrorKind::Integrity, message)
    }

    fn unpacked_to_another(&self, form: Compression, (found, len): (Digest, u64), plain: Listed) -> Error {
        let message = format!(
            "{} unpacks to {len} bytes with SHA-256 {found}, but {} bytes with SHA-256 {} are declared",
            quoted_text(&self.url(form)),
            plain.len,
            plain.digest
        );
        Error::new(ErrorKind::Integrity, message)
    }

    fn is_listed(&self) -> bool {
        FORMS.into_iter().any(|form| self.listed(form).is_some())
    }

    fn listed(&self, form: Compression) -> Option<Listed> {
        self.release.listed(&self.path(form))
    }

    /// Returns the path as the release lists it. Releases of security updates call their components `updates/main`, but
    /// list paths without that.
    fn path(&self, form: Compression) -> String {
        format!("{}/binary-{}/Packages{}", self.component, self.architecture, form.extension())
    }

    fn directory(&self) -> String {
        let Archive { mirror, suite, .. } = self.archive;
        format!("{mirror}/dists/{suite}/{}/binary-{}", self.component, self.architecture)
    }

    fn url(&self, form: Compression) -> String {
        format!("{}/Packages{}", self.directory(), form.extension())
    }

    fn missing(&self) -> Error {
        if self.release.is_past {
            let (suite, date) = (quoted_text(&self.archive.suite), date::format(self.release.date));
            let what = format!("{} for {}", quoted_text(self.component), quoted_text(self.architecture));
            let message = format!(
                "the locked state of {suite}, of {date}, names no index of {what}\nhelp: `gravure lock --update` takes the newest state"
            );
            return Error::new(ErrorKind::Missing, message);
        }
        let Archive { mirror, suite, .. } = self.archive;
        let message = format!(
            "suite {} of {} has no component {} for {}: its components are {}, its architectures {}",
            quoted_text(suite),
            quoted_text(mirror),
            quoted_text(self.component),
            quoted_text(self.architecture),
            quoted_text(&self.release.components.join(" ")),
            quoted_text(&self.release.architectures.join(" ")),
        );
        Error::new(ErrorKind::Missing, message)
    }
}
