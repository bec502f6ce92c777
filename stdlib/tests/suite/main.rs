//! The tests of the standard library: from a file of the language to the bytes of a disk, without a network.
//!
//! Packages are tiny and made here, so nothing but gravure and the judges (`sgdisk`, `fsck.fat`, `e2fsck`, `cpio`) is
//! needed.

mod disk;
mod kinds;
mod lazy;
mod mistakes;
mod nodes;
mod packages;
mod project;
mod same_bytes;
mod tools;
