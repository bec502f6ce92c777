//! Tests of the front end through its public face.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests read fixtures and run foreign checkers")]

mod fixtures;
mod format;
mod limits;
mod properties;
mod trees;
