//! What the tests of this crate share: scratch stores, bytes that do not compress, and a client for the tests' web server.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use gravure_formats::compression::Compression;
pub(crate) use gravure_tests::http::{Reply, Request, Server};

use crate::{Client, Settings, Store};

/// A scratch directory with a store in it; both vanish at the end.
pub(crate) struct Scratch(tempfile::TempDir);

impl Scratch {
    pub(crate) fn new() -> Scratch {
        Scratch(tempfile::tempdir().expect("a scratch directory can be made"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Opens the store anew: nothing is remembered in memory.
    pub(crate) fn store(&self) -> Store {
        Store::open(&self.path().join("store")).expect("a store can be made")
    }
}

/// Returns bytes without a pattern, always the same for a seed (Knuth's MMIX generator).
pub(crate) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// Compresses, for the archives of the tests.
pub(crate) fn compress(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    match compression {
        Compression::None => bytes.to_vec(),
        Compression::Gzip => gravure_formats::compression::gzip(bytes, 1).expect("memory can be read"),
        Compression::Xz => {
            let mut encoder = xz2::write::XzEncoder::new(Vec::new(), 0);
            encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory can be written")
        }
        Compression::Zstd => unreachable!("no archive has indexes compressed so"),
    }
}

/// Returns a client that asks no proxy and does not wait long.
pub(crate) fn client() -> Client {
    let settings = Settings {
        attempts: 3,
        pause: Duration::from_millis(1),
        patience: Duration::from_secs(2),
        proxy_from_environment: false,
        authorities: None,
    };
    Client::new(settings).expect("these settings are sound")
}
