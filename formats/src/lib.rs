//! Bytes <-> structures: every format that gravure reads or writes.
//!
//! A writer is a pure function from parts to [`Extents`]; a reader is a pure function from bytes (or from
//! [`Blobs`]) to plain structures. Nothing in this crate opens a file, asks the time, the environment or a
//! random number, and nothing knows of the language or of spans: errors are plain, and whoever holds the
//! place in the user's text attaches it.

// The build without tests, which is what everybody uses, is held to it.
#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        clippy::disallowed_types,
        reason = "tests read fixtures and run foreign checkers"
    )
)]

pub mod ar;
pub mod areas;
mod capacity;
pub mod compression;
pub mod cpio;
pub mod deb;
pub mod deb822;
pub mod debian;
pub mod debian_version;
pub mod device_tree;
mod digest;
pub mod disk;
pub mod dump;
pub mod elf;
pub mod ext;
mod extents;
pub mod fat;
pub mod gpt;
pub mod grub;
pub mod guid;
pub mod inspect;
#[cfg(test)]
mod judge;
pub mod layout;
pub mod loader;
pub mod lookup;
pub mod mbr;
pub mod merge;
pub mod modules;
pub mod pack;
pub mod swap;
pub mod tar;
mod tree;
pub mod units;

pub use capacity::Capacity;
pub use digest::{Digest, Hasher, ParseDigestError};
pub use extents::{Blobs, Data, Extent, Extents, MemoryBlobs, Reader};
pub use guid::Guid;
pub use layout::{Clash, Layout, LayoutError, Region};
pub use tree::{Entry, Kind, LeafId, Metadata, PathError, Tree, TreePath};
