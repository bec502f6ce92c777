//! Text -> the same text, laid out well: the formatter.
//!
//! It works on the tokens that the parser reads, and on what stands between them, so that comments need no place in the
//! tree. The tree has only to show that nothing has changed.
//!
//! ```text
//! text --lexer, brackets, layout--> tokens --parts--> brackets in brackets --writer--> text
//!   \____________________ parse _____________________> the same tree <_____ parse ____/
//! ```
//! What the user decides stays: comments, single empty lines, line breaks inside an item, and which items or
//! elements share a line. A bracket whose content began on a new line has it on lines of its own; any other is joined where it
//! fits. Spaces, indentation, `;` and commas at the ends of lines follow from that.

mod parts;
mod writer;

use crate::reports::Reports;
use crate::token::{Kind, Lexeme};
use crate::{Diagnostic, FileId, Limits, Parsed, Severity, brackets, layout, lexer, parse_within};

/// Lines are kept no longer than this where they can be broken.
const WIDTH: usize = 120;
/// What an inner line is indented by.
const STEP: usize = 2;

/// Returns a text laid out well, or what is wrong with it, within the usual limits.
pub fn format(file: FileId, text: &str) -> Result<String, Vec<Diagnostic>> {
    format_within(file, text, &Limits::DEFAULT)
}

/// Returns a text laid out well, or what is wrong with it.
///
/// The result says the same to the parser, and formatting it again changes nothing.
pub fn format_within(file: FileId, text: &str, limits: &Limits) -> Result<String, Vec<Diagnostic>> {
    let parsed = parse_within(file, text, limits);
    if has_errors(&parsed) {
        return Err(parsed.diagnostics);
    }
    let formatted = writer::write(&parts::parts(text, &tokens(file, text)));
    assert!(
        says_the_same(text, &formatted, limits),
        "formatting changes what a text says:\n{text}\n-- becomes\n{formatted}"
    );
    Ok(formatted)
}

/// Whether a text has the same tree as one without errors, and no errors either. Documentation does not count: a stray `;` may
/// have parted it from its item.
fn says_the_same(one: &str, other: &str, limits: &Limits) -> bool {
    let (one, other) = (without_documentation(one), without_documentation(other));
    let (one, other) = (parse_within(FileId(0), &one, limits), parse_within(FileId(0), &other, limits));
    one.file == other.file && !has_errors(&other)
}

fn has_errors(parsed: &Parsed<'_>) -> bool {
    parsed.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
}

/// Returns a text whose documentation is turned into ordinary comments.
fn without_documentation(text: &str) -> String {
    let mut plain = text.to_owned();
    let tokens = lexer::lex(FileId(0), text, usize::MAX, &mut Reports::new(text)).unwrap_or_default();
    for token in tokens.iter().filter(|token| token.kind == Kind::Doc) {
        let second = token.start as usize + 1;
        plain.replace_range(second..=second, " ");
    }
    plain
}

/// Returns the comments of a text without errors, those of documentation included, in order.
#[doc(hidden)]
pub fn comments(file: FileId, text: &str) -> Vec<String> {
    let (mut comments, mut end) = (Vec::new(), 0);
    for token in tokens(file, text) {
        let is_inside_string =
            matches!(token.kind, Kind::Text | Kind::Escape | Kind::InterpolationStart | Kind::StringEnd);
        if !is_inside_string {
            let gap = parts::Gap::new(&text[end..token.start as usize], end == 0);
            comments.extend(gap.comments.iter().map(|comment| comment.text.to_owned()));
        }
        end = token.end as usize;
    }
    let gap = parts::Gap::new(&text[end..], end == 0);
    comments.extend(gap.comments.iter().map(|comment| comment.text.to_owned()));
    comments
}

/// Returns the tokens as the grammar sees them, without documentation: all comments stand between tokens.
///
/// The text must have no errors.
fn tokens(file: FileId, text: &str) -> Vec<Lexeme> {
    let mut reports = Reports::new(text);
    let tokens = lexer::lex(file, text, usize::MAX, &mut reports);
    let tokens = tokens.and_then(|tokens| brackets::balance(file, text, tokens, usize::MAX, &mut reports));
    let mut tokens = layout::lay_out(file, text, &tokens.expect("the text has no errors"), &mut reports).tokens;
    tokens.retain(|token| token.kind != Kind::Doc);
    tokens
}
