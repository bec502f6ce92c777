//! The tests of the standard library: from a file of the language to the bytes of a disk, without a network.
//!
//! Packages are tiny and made here, so nothing but gravure and the judges (`sgdisk`, `fsck.fat`, `e2fsck`, `cpio`) is
//! needed.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests read fixtures and run foreign checkers")]

mod boards;
mod disk;
mod examples;
mod explanations;
mod kinds;
mod lazy;
mod manual;
mod mistakes;
mod nodes;
mod project;
mod recovery;
mod same_bytes;
mod tools;

use gravure_tests::debs as packages;
