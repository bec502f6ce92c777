//! gravure-eval
