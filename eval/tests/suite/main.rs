//! The tests of evaluation as a user of the crate sees it: one binary, so that there is one thing to link.

mod language;
mod properties;
