//! Tests of the front end through its public face.

mod fixtures;
mod limits;
mod properties;
mod trees;
