//! How large a file system shall become.

use serde::{Deserialize, Serialize};

/// How large a file system shall become, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Capacity {
    /// Exactly what the content needs, and this much free space.
    Guess {
        /// Free space for new content, in bytes.
        headroom: u64,
    },
    /// Exactly this size, rounded down to whole blocks.
    Exact(u64),
}
