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
