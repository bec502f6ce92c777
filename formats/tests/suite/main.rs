//! Tests of the formats through their public face.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests read fixtures")]

mod closure;
mod closure_properties;
