//! What needs the built program: the transcripts of `tests/cases`.
//!
//! These tests stand here, and what they stand on in `tests/`, because cargo promises the program of a crate, built and
//! current, only to the tests of that crate.

use std::path::Path;

use gravure_tests::cases;

/// The program under test.
const GRAVURE: &str = env!("CARGO_BIN_EXE_gravure");
/// The root of the workspace.
const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

#[test]
fn transcripts() {
    cases::check(Path::new(GRAVURE), &Path::new(WORKSPACE).join("tests/cases"));
}
