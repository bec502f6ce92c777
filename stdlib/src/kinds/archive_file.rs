//! `archive-file`: a file of a Debian archive, by its path below any mirror and its hash. Which mirror is asked is no part of
//! the recipe, since they all have the same bytes, unless the configuration itself names one.

use gravure_eval::graph::{Failure, Task};
use gravure_formats::Digest;
use gravure_sources::Download;
use serde::{Deserialize, Serialize};

use crate::builder::{Artefact, Builder};

pub(crate) const NAME: &str = "archive-file";

#[derive(Serialize, Deserialize)]
pub(crate) struct Parameters {
    /// The suite that has it.
    pub(crate) suite: String,
    /// The mirror that the configuration names for it.
    pub(crate) mirror: Option<String>,
    pub(crate) path: String,
    pub(crate) sha256: Digest,
    pub(crate) len: u64,
}

pub(crate) fn realise(builder: &Builder<'_>, task: &Task) -> Result<Artefact, Failure> {
    let Parameters { suite, mirror, path, sha256, len } = super::parameters(task)?;
    if let Ok(len) = builder.store.len(&sha256) {
        return Ok(Artefact::Blob(sha256, len));
    }
    let mirror = match mirror {
        Some(mirror) => mirror.trim_end_matches('/').to_owned(),
        None => (builder.mirror)(&suite)?.url,
    };
    let url = format!("{mirror}/{}", path.replace('%', "%25"));
    super::fetch::download(builder, Download { digest: Some(sha256), len: Some(len), ..Download::new(url) })
}
