//! gravure-stdlib
