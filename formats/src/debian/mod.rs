//! What Debian's packages mean to each other and to a system: pure functions over texts from archives and packages.

mod candidates;
pub mod closure;
pub mod explain;
pub mod nearest;
pub mod relation;
mod search;
mod selection;
pub mod universe;
