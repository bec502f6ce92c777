//! tar archives, read as a stream: ustar, GNU and PAX.
//!
//! ```text
//! | header | content ... (0 to 511 zeros) | header | ... | 512 zeros | zeros ... |
//! ```
//! [`Archive`] yields entries whose paths are already those of a [`Tree`](crate::Tree); [`ingest`] turns an archive
//! into a pack and a manifest. The invariant: what two readers of tar could understand in two ways is refused, and so
//! is what would leave the tree; every error names the entry and the offset.

mod archive;
mod error;
mod header;
mod ingest;
mod pax;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use archive::{Archive, Content, Entry, Kind};
pub use error::{Error, Problem};
pub(crate) use ingest::Ingestion;
pub use ingest::{Contents, ingest};
