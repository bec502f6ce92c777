//! The door of libFuzzer to the targets: `FUZZ_TARGET` names the one that gets the inputs.
//!
//! One program for all targets links once, and a target is one line in the table of `gravure-fuzz-targets`.

#![no_main]

use std::sync::LazyLock;

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").expect("FUZZ_TARGET names a target");
    gravure_fuzz_targets::find(&name).unwrap_or_else(|| panic!("there is no target `{name}`")).run
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| TARGET(input));
