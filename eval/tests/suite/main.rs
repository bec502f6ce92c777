//! The tests of evaluation as a user of the crate sees it: one binary, so that there is one thing to link.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests read fixtures")]

mod agreement;
mod fixes;
mod language;
mod properties;
