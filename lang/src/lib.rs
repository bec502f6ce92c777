//! Text -> tokens -> syntax tree: the front end of the gravure language, with spans, diagnostics and the printer.
//!
//! Nothing in this crate opens a file or evaluates anything. [`parse`] takes a text and returns what it could
//! understand of it together with every mistake found; it never panics on any text.
//!
//! ```text
//! bytes --source--> text --lexer--> tokens --brackets, layout, depth--> tokens --grammar--> tree --printer--> text
//! ```
//!
//! Reserved words, which can never be names: `let in if then else fn import match for true false none self super`.
//! Words that are keywords at certain places only, and names everywhere else: `as of abstract record extends type check
//! mixin Map` (the places are listed in `layout.rs`).

mod actions;
pub mod ast;
mod brackets;
mod depth;
mod diagnostic;
mod errors;
mod expectation;
mod format;
mod layout;
mod lexer;
mod limits;
mod number;
mod operations;
mod parse;
mod printer;
mod render;
mod reports;
mod source;
mod span;
mod token;

pub use diagnostic::{Diagnostic, Label, Replacement, Severity, Step};
#[doc(hidden)]
pub use format::comments;
pub use format::{format, format_within};
pub use limits::{Limits, MAX_DEPTH};
pub use parse::{Parsed, parse, parse_expression, parse_within};
pub use printer::{print, print_expression, print_size, print_type, quote};
pub use source::{SourceError, decode, decode_within, is_refused};
pub use span::{FileId, Place, SourceMap, Span};
