//! The `gravure` binary.
fn main() {}
