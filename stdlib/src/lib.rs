//! Where the language meets the formats: the standard library, the kinds, and lowering.
//!
//! The standard library stands in `.img` files ([`source`]). Some of its records are *kinds*: [`lower`] reads them and adds
//! recipes to the build graph, and [`Builder`] realises recipes with the readers and writers of `formats`. After
//! lowering no value of the language exists any more. This crate connects and does no input or output of its own:
//! bytes come and go through the store and the client of `sources`.

// The build without tests, which is what everybody uses, is held to it.
#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        clippy::disallowed_types,
        reason = "tests read fixtures and run foreign checkers"
    )
)]

mod builder;
mod compare;
mod explanations;
mod identity;
mod kinds;
mod library;
mod lower;
mod outputs;

pub use builder::{Builder, Written, references, unreproduced_scripts, write_output};
pub use compare::difference;
pub use explanations::{Explanation, explanations};
pub use gravure_formats::debian::Unreproduced;
pub use kinds::disk::{clash, disk_areas};
pub use library::{modules, roots, source};
pub use lower::{Archives, Inputs, Locking, LowerError, Lowered, lower};
pub use outputs::{Form, ImageType, Output, OutputsError, image_types, outputs};
