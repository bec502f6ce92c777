//! `fetch`: a file from the net, known by its hash. The address is not trusted, and not asked when the store has the file.

use gravure_eval::graph::{Failure, Task};
use gravure_formats::Digest;
use gravure_sources::debian::Access;
use gravure_sources::{Download, Error, ErrorKind};
use serde::{Deserialize, Serialize};

use crate::builder::{Artefact, Builder};

pub(crate) const NAME: &str = "fetch";

#[derive(Serialize, Deserialize)]
pub(crate) struct Parameters {
    pub(crate) url: String,
    pub(crate) sha256: Digest,
}

pub(crate) fn realise(builder: &Builder<'_>, task: &Task) -> Result<Artefact, Failure> {
    let Parameters { url, sha256 } = super::parameters(task)?;
    download(builder, Download { digest: Some(sha256), ..Download::new(url) })
}

/// Loads a file whose digest is known, unless the store has it.
pub(super) fn download(builder: &Builder<'_>, wanted: Download) -> Result<Artefact, Failure> {
    let digest = wanted.digest.expect("only files with a known digest are inputs of a build");
    if let Ok(len) = builder.store.len(&digest) {
        return Ok(Artefact::Blob(digest, len));
    }
    match builder.access {
        Access::Online(client, progress) => {
            let (digest, len) = client.download(&wanted, builder.store, progress)?;
            Ok(Artefact::Blob(digest, len))
        }
        Access::Offline => {
            let message = format!("`{}` is not in the store, and the network may not be used", wanted.what);
            Err(Error { kind: ErrorKind::Network, message }.into())
        }
    }
}
