//! gravure-tests
