//! gravure-sources
