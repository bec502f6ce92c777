//! Says in a person's words what the grammar expected.
//!
//! The generator lists every token that could come next, thirty of them before an expression. They are grouped, what
//! could always go on (operators behind an operand) is left out, and common slips get a diagnostic of their own.

use crate::token::{Kind, Lexeme};
use crate::{Diagnostic, FileId, Place, Span, errors};

/// Tokens that begin an expression and nothing else.
const EXPRESSION: &str = "\"int\"";
/// Tokens that go on behind an operand.
const OPERATORS: [&str; 19] = [
    "\"+\"", "\"-\"", "\"*\"", "\"/\"", "\"%\"", "\"&\"", "\"==\"", "\"!=\"", "\"<\"", "\"<=\"", "\">\"", "\">=\"",
    "\"&&\"", "\"||\"", "\"??\"", "\".\"", "\"(\"", "\"[\"", "\"{\"",
];

/// Makes the diagnostic for the token at `at`, which the grammar does not accept.
pub(crate) fn explain(file: FileId, text: &str, tokens: &[Lexeme], at: usize, expected: &[String]) -> Diagnostic {
    let Some(&token) = tokens.get(at) else {
        let end = tokens.last().map_or(0, |token| token.end);
        let place = Place { file, span: Span { start: end, end } };
        return errors::unexpected(place, "the end of the file", &expectation(expected));
    };
    let place = Place { file, span: token.span() };
    let found = errors::describe(token.kind, token.text(text));
    errors::unexpected(place, &found, &expectation(expected))
}

/// Returns the grouped words for a list of the grammar's names.
fn expectation(expected: &[String]) -> String {
    let has = |name: &str| expected.iter().any(|other| other == name);
    if has(EXPRESSION) {
        return "an expression".into();
    }
    let words: Vec<String> =
        expected.iter().filter(|name| !OPERATORS.contains(&name.as_str())).map(|name| name.replace('"', "`")).collect();
    words.join(" or ")
}
