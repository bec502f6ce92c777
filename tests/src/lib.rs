//! What the tests of the product stand on: transcripts of the command line, boots, and foreign checkers.
//!
//! | module | judges |
//! |---|---|
//! | [`cases`] | the command line: every folder of `tests/cases` is a transcript that is played and compared |
//! | [`qemu`] | a disk: it boots in an emulated machine, and somebody logs in |
//! | [`play`] | the command line where files are not enough: a test plays a transcript against a mirror of its own |
//! | [`debs`], [`openpgp`], [`http`] | judge nothing: they make packages, sign, and serve what archives consist of |
//! | [`mirror`] | what `apt` inside of a machine installs from |
//! | [`clock`] | judges nothing: it tells a program a wrong time |
//! | [`strace`] | judges nothing: it kills a program, or has a system call fail, at a chosen moment |
//! | [`mmdebstrap`] | a tree: the same packages, installed by running their scripts |
//! | [`markdown`] | judges nothing: it finds the blocks of code on a page of the manual |
//! | [`judges`] | a disk: `e2fsck`, `fsck.fat`, `sgdisk` find nothing to say |
//!
//! This crate knows nothing of gravure's own crates: it judges files and programs from outside. It is a library, because
//! cargo promises the built program only to the tests of the crate that holds it: those tests are in
//! `cli/tests/end_to_end` and call this one.
//!
//! A tool that is not installed fails the test and names the Debian package; nothing is ever skipped.

#[cfg(test)]
mod bad_inputs;
pub mod cases;
pub mod clock;
mod console;
pub mod debs;
pub mod http;
pub mod judges;
pub mod markdown;
pub mod mirror;
pub mod mmdebstrap;
pub mod openpgp;
pub mod play;
pub mod qemu;
pub mod strace;
mod terminal;
mod tool;
mod transcript;

pub use console::Console;
