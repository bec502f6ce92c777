//! `archive-file`: a file of a Debian archive, by its path below any mirror and its hash. Which mirror is asked is no part of
//! the recipe, since they all have the same bytes, unless the configuration itself names one.

use gravure_eval::graph::{Failure, Task};
use gravure_formats::Digest;
use gravure_sources::{Download, Error, ErrorKind};
use serde::{Deserialize, Serialize};

use crate::builder::{Artefact, Builder};

pub(crate) const NAME: &str = "archive-file";

#[derive(Serialize, Deserialize)]
pub(crate) struct Parameters {
    /// The suite that has it.
    pub(crate) suite: String,
    /// The mirror that the configuration names for it.
    pub(crate) mirror: Option<String>,
    /// Name and version of the package, for messages.
    pub(crate) package: String,
    pub(crate) version: String,
    pub(crate) path: String,
    pub(crate) sha256: Digest,
    pub(crate) len: u64,
}

pub(crate) fn realise(builder: &Builder<'_>, task: &Task) -> Result<Artefact, Failure> {
    let Parameters { suite, mirror, package, version, path, sha256, len } = super::parameters(task)?;
    if let Ok(len) = builder.store.len(&sha256) {
        return Ok(Artefact::Blob(sha256, len));
    }
    let mirror = match mirror {
        Some(mirror) => mirror.trim_end_matches('/').to_owned(),
        None => (builder.mirror)(&suite)?.url,
    };
    let url = format!("{mirror}/{}", path.replace('%', "%25"));
    let wanted = Download { digest: Some(sha256), len: Some(len), ..Download::new(url) };
    super::fetch::download(builder, wanted).map_err(|failure| match failure.downcast_ref::<Error>() {
        Some(error) if error.kind == ErrorKind::Missing => gone(&mirror, &suite, &package, &version),
        _ => failure,
    })
}

/// Returns what it means that a mirror does not have a file that an index has named: it went on since that was locked.
fn gone(mirror: &str, suite: &str, package: &str, version: &str) -> Failure {
    let message = format!(
        "`{mirror}` does not have `{package}` {version} of `{suite}` any more\n\
         help: `gravure lock --update {package}` takes the version that it has now"
    );
    Error { kind: ErrorKind::Missing, message }.into()
}
