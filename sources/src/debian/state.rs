//! A state of an archive, as a lock file keeps it.
//!
//! Mirrors replace `InRelease`, but keep the indexes that it has named, by their hashes, for some time. So a state names the
//! indexes themselves: it needs no signature, since whoever made it has checked one, and it works for as long as any mirror
//! has those files.

use gravure_formats::Digest;
use serde::{Deserialize, Serialize};

/// What brings back what an archive had at one moment; for the components and the architecture that were asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The SHA-256 of the `InRelease` that this was read from.
    pub in_release: Digest,
    /// When the state was made, in seconds since 1970.
    pub date: i64,
    /// The name of the release, if the archive says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codename: Option<String>,
    /// The indexes, in all forms in which the archive has them.
    pub files: Vec<StateFile>,
}

/// An index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateFile {
    /// Its path below the suite: `main/binary-amd64/Packages.xz`.
    pub path: String,
    /// Its SHA-256.
    pub sha256: Digest,
    /// Its length in bytes.
    pub size: u64,
}

impl State {
    /// Returns this state with the indexes that another one has of the same `InRelease`, in order of their components.
    pub(super) fn with(mut self, other: State) -> State {
        let known: Vec<String> = self.files.iter().map(|file| file.path.clone()).collect();
        self.files.extend(other.files.into_iter().filter(|file| !known.contains(&file.path)));
        self.files.sort_by(|a, b| a.component().cmp(b.component()));
        self
    }

    /// Whether it names an index of a component for an architecture.
    pub(super) fn has(&self, component: &str, architecture: &str) -> bool {
        let start = format!("{component}/binary-{architecture}/");
        self.files.iter().any(|file| file.path.starts_with(&start))
    }
}

impl StateFile {
    fn component(&self) -> &str {
        self.path.split_once("/binary-").map_or("", |(component, _)| component)
    }
}

#[cfg(test)]
mod tests {
    use gravure_formats::compression::Compression;

    use super::super::testing::{MADE, Mock, archive, online, paths_of, stanza};
    use super::super::{Access, Archive};
    use super::*;
    use crate::error::ErrorKind;
    use crate::progress::Silent;
    use crate::store::Store;
    use crate::testing::{Scratch, Server, client};

    #[test]
    fn a_state_brings_back_what_was_there_while_a_mirror_has_it() {
        let old = Mock::new().index("main", &[&stanza("a", "1")], &[Compression::Xz, Compression::Gzip]);
        let old = old.index("contrib", &[&stanza("c", "1")], &[Compression::Xz]);
        let mut new = Mock::new().index("main", &[&stanza("a", "2")], &[Compression::Xz, Compression::Gzip]);
        new = new.index("contrib", &[&stanza("c", "2")], &[Compression::Xz]);
        let without = new.clone();
        let by_hash = old.files.clone().into_iter().filter(|(path, _)| path.contains("by-hash"));
        new.files.extend(by_hash);
        let both =
            |server: &Server| Archive { components: vec!["main".to_owned(), "contrib".to_owned()], ..archive(server) };
        let server = old.serve();
        let index = online(&both(&server), &Scratch::new().store()).unwrap();
        let state = index.state();
        assert_eq!(state.in_release, index.in_release());
        let paths: Vec<&str> = state.files.iter().map(|file| file.path.as_str()).collect();
        let main = "main/binary-amd64/Packages";
        let contrib = "contrib/binary-amd64/Packages";
        assert_eq!(paths, [&format!("{main}.xz"), &format!("{main}.gz"), main, &format!("{contrib}.xz"), contrib]);
        let json = serde_json::to_string(&state).unwrap();
        let state: State = serde_json::from_str(&json).unwrap();

        // The mirror has gone on, but has the old indexes under their hashes still.
        let server = new.serve();
        let scratch = Scratch::new();
        let at =
            |server: &Server, store: &Store| both(server).index_at(&state, store, Access::Online(&client(), &Silent));
        let back = at(&server, &scratch.store()).unwrap();
        assert_eq!(back.find("a").unwrap().unwrap().version, "1");
        assert_eq!(
            (back.state(), back.date(), back.codename(), back.signed()),
            (state.clone(), MADE, Some("trixie"), None)
        );
        assert!(paths_of(&server).iter().all(|path| path.contains("/by-hash/SHA256/")));
        drop(server);
        let offline = both(&Mock::new().serve()).index_at(&state, &scratch.store(), Access::Offline).unwrap();
        assert_eq!(offline.find("c").unwrap().unwrap().version, "1");

        let server = without.serve();
        let error = at(&server, &Scratch::new().store()).unwrap_err();
        let start = format!(
            "`{}` does not have `trixie` as it was on 2025-11-15 09:46:24 UTC, when it was locked, any more: ",
            server.url("/debian")
        );
        assert!(error.message.starts_with(&start), "{error}");
        assert_eq!(error.exit_code(), 4);

        let other = Archive { architecture: "arm64".to_owned(), ..both(&server) };
        let error = other.index_at(&state, &Scratch::new().store(), Access::Offline).unwrap_err();
        let expected = "the locked state of `trixie`, of 2025-11-15 09:46:24 UTC, names no index of `main` for `arm64`\n\
                        help: `gravure lock --update` takes the newest state";
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Missing, expected));
    }

    #[test]
    fn another_component_is_found_where_the_archive_is_still_in_that_state() {
        let old = Mock::new().index("main", &[&stanza("a", "1")], &[Compression::Xz]);
        let old = old.index("contrib", &[&stanza("c", "1")], &[Compression::Xz]);
        let new = Mock::new().index("main", &[&stanza("a", "2")], &[Compression::Xz]);
        let new = new.index("contrib", &[&stanza("c", "2")], &[Compression::Xz]);
        let server = old.serve();
        let state = online(&archive(&server), &Scratch::new().store()).unwrap().state();
        let at = |server: &Server| {
            let other = Archive { components: vec!["contrib".to_owned()], ..archive(server) };
            other.index_at(&state, &Scratch::new().store(), Access::Online(&client(), &Silent))
        };
        let more = at(&server).unwrap();
        assert_eq!(more.find("c").unwrap().unwrap().version, "1");
        let components: Vec<_> = more.state().with(state.clone()).files.iter().map(|file| file.path.clone()).collect();
        let expected =
            ["contrib/binary-amd64/Packages.xz", "contrib/binary-amd64/Packages"].map(str::to_owned).into_iter();
        assert!(expected.eq(components[..2].iter().cloned()), "{components:?}");
        assert_eq!(components.len(), 4, "{components:?}");
        let error = at(&new.serve()).unwrap_err();
        assert!(error.message.contains("names no index of `contrib` for `amd64`"), "{error}");
    }

    #[test]
    fn what_is_under_its_hash_and_does_not_fit_it_is_refused_for_a_state_too() {
        let mut mock = Mock::new().index("main", &[&stanza("a", "1")], &[Compression::Xz]);
        let state = online(&archive(&mock.clone().serve()), &Scratch::new().store()).unwrap().state();
        mock.files.values_mut().for_each(|bytes| bytes[20] ^= 1);
        let server = mock.serve();
        let access = Access::Online(&client(), &Silent);
        let error = archive(&server).index_at(&state, &Scratch::new().store(), access).unwrap_err();
        assert!(error.message.contains("is not what it should be"), "{error}");
        assert_eq!(error.exit_code(), 5);
    }
}
