//! Text -> tokens -> syntax tree: the front end of the gravure language, with spans, diagnostics and the printer.
//!
//! Nothing in this crate opens a file or evaluates anything. [`parse`] takes a text and returns what it could
//! understand of it together with every mistake found; it never panics on any text.

pub mod ast;
mod diagnostic;
mod span;

pub use diagnostic::{Diagnostic, Label, Severity};
pub use span::{FileId, Place, SourceMap, Span};
