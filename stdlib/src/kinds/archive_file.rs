//! `archive-file`: a file of a Debian archive, by its path below any mirror and its hash. Which mirror is asked is no part of
//! the recipe, since they all have the same bytes.

use gravure_eval::graph::{Failure, Task};
use gravure_formats::Digest;
use gravure_sources::Download;
use serde::{Deserialize, Serialize};

use crate::builder::{Artefact, Builder};

pub(crate) const NAME: &str = "archive-file";

#[derive(Serialize, Deserialize)]
pub(crate) struct Parameters {
    pub(crate) path: String,
    pub(crate) sha256: Digest,
    pub(crate) len: u64,
}

pub(crate) fn realise(builder: &Builder<'_>, task: &Task) -> Result<Artefact, Failure> {
    let Parameters { path, sha256, len } = super::parameters(task)?;
    if let Ok(len) = builder.store.len(&sha256) {
        return Ok(Artefact::Blob(sha256, len));
    }
    let url = format!("{}/{path}", (builder.mirror)()?.url);
    super::fetch::download(builder, Download { digest: Some(sha256), len: Some(len), ..Download::new(url) })
}
