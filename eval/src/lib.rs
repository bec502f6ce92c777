//! gravure-eval

pub mod graph;
