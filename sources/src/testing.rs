//! What the tests of this crate share: scratch stores, and bytes that do not compress.

use std::path::Path;

use crate::Store;

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
