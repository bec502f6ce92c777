//! The parser: lexer, bracket pass, newline rule and grammar put together, with recovery.
//!
//! The tokens of each item at the top of the file go through the grammar by themselves. A mistake is blamed on the
//! innermost item around it; that item's tokens are replaced by one `error` token and the item at the top is parsed
//! again. So each wrong item gives one error, and nothing around it is misread. (The generator's own recovery drops
//! tokens up to the next `;` and does not see that this one may lie deeper: a wrong token before a `{` made errors
//! cascade.)

use std::ops::Range;

use lalrpop_util::{ParseError, lalrpop_mod};

use crate::ast::{Expr, File, Item, ItemKind};
use crate::reports::Reports;
use crate::token::{Kind, Lexeme, Token};
use crate::{
    Diagnostic, FileId, Limits, Place, Severity, Span, actions, brackets, depth, errors, expectation, layout, lexer,
};

lalrpop_mod!(
    #[allow(clippy::all, missing_docs, unreachable_pub, unused_imports, unused_qualifications)]
    grammar
);

/// What could be understood of a text, and what is wrong with it.
#[derive(Debug)]
pub struct Parsed<'s> {
    /// The tree; items that could not be understood, or not for sure, are `ItemKind::Error`.
    pub file: File<'s>,
    /// Errors and lints in the order of the text: at most one per line, and at most 200.
    pub diagnostics: Vec<Diagnostic>,
}

/// Parses a text within the usual limits; never panics on any.
pub fn parse(file: FileId, text: &str) -> Parsed<'_> {
    parse_within(file, text, &Limits::DEFAULT)
}

/// Parses a text; never panics on any.
///
/// Where the result has no diagnostic of severity `Error`, the tree is the whole text's. A text that is nested more
/// deeply than the limits allow is not understood at all, so no tree is deep enough to overflow a stack that walks it.
pub fn parse_within<'s>(file: FileId, text: &'s str, limits: &Limits) -> Parsed<'s> {
    let mut reports = Reports::new(text);
    let tree = parse_into(file, text, limits, &mut reports).unwrap_or_else(File::not_understood);
    Parsed { file: tree, diagnostics: reports.into_diagnostics() }
}

/// Parses a text that is one expression.
///
/// # Errors
/// What is wrong with it, lints left out; at least one error.
pub fn parse_expression<'s>(file: FileId, text: &'s str, limits: &Limits) -> Result<Expr<'s>, Vec<Diagnostic>> {
    let mut reports = Reports::new(text);
    let found = lexer::lex(file, text, limits.nesting, &mut reports)
        .and_then(|tokens| brackets::balance(file, text, tokens, limits.nesting, &mut reports))
        .and_then(|tokens| {
            // It is read as what a definition without a name says, in the same line.
            let nothing = |kind| Lexeme { kind, opens_line: false, start: 0, end: 0 };
            let mut definition = vec![nothing(Kind::Name), nothing(Kind::Equal)];
            definition.extend(tokens);
            definition.get_mut(2).into_iter().for_each(|first| first.opens_line = false);
            parse_tokens(file, text, &definition, &mut reports)
        });
    let mut items = found.map_or(Vec::new(), |file| file.items).into_iter();
    let first = items.next();
    if let Some(second) = items.next() {
        reports.push(errors::second_expression(Place { file, span: second.span }));
    }
    let mut diagnostics = reports.into_diagnostics();
    diagnostics.retain(|diagnostic| diagnostic.severity == Severity::Error);
    match first.map(|item| item.kind) {
        Some(ItemKind::Define { value, .. }) if diagnostics.is_empty() => Ok(value),
        _ if diagnostics.is_empty() => unreachable!("tokens that begin as a definition are one, or a mistake"),
        _ => Err(diagnostics),
    }
}

fn parse_into<'s>(file: FileId, text: &'s str, limits: &Limits, reports: &mut Reports<'s>) -> Option<File<'s>> {
    let tokens = lexer::lex(file, text, limits.nesting, reports)?;
    let lexed = reports.len();
    let tokens = brackets::balance(file, text, tokens, limits.nesting, reports)?;
    let guesses = reports.spans_since(lexed);
    let mut parsed = parse_tokens(file, text, &tokens, reports)?;
    forget_guesses(&mut parsed.items, &guesses);
    Some(parsed)
}

/// Parses tokens with balanced brackets.
fn parse_tokens<'s>(file: FileId, text: &'s str, tokens: &[Lexeme], reports: &mut Reports<'s>) -> Option<File<'s>> {
    let layout = layout::lay_out(file, text, tokens, reports);
    depth::check(file, &layout.tokens, reports)?;
    let doc = layout.file_doc.iter().map(|doc| actions::doc_text(doc.text(text))).collect();
    let mut parser = Parser { file, text, reports, budget: 8 * layout.tokens.len() + 1_000_000 };
    let items = layout.items.into_iter().flat_map(|range| parser.item(&layout.tokens[range])).collect();
    Some(File { doc, items })
}

/// Where brackets do not fit together, the tree is a guess: good enough to find what else is misspelt, but what is said about
/// names must not rest on it. So the items around such brackets go; a bracket outside of them may belong to any.
fn forget_guesses(items: &mut Vec<Item<'_>>, guesses: &[Span]) {
    for guess in guesses {
        let around = items.iter_mut().find(|item| item.span.start <= guess.start && guess.end <= item.span.end);
        match around {
            Some(item) => item.kind = ItemKind::Error,
            None => {
                items.retain(|item| matches!(item.kind, ItemKind::Import { .. }));
                return items.push(Item::not_understood(Span::default()));
            }
        }
    }
}

struct Parser<'s, 'd> {
    file: FileId,
    text: &'s str,
    reports: &'d mut Reports<'s>,
    /// How many tokens may be read in all. Reading a huge item again for each of its mistakes would take for ever;
    /// when the budget is used up, the item at the top is given up as a whole.
    budget: usize,
}

impl<'s> Parser<'s, '_> {
    /// Parses the tokens of one item at the top, its end included.
    fn item(&mut self, tokens: &[Lexeme]) -> Vec<Item<'s>> {
        let reported = self.reports.len();
        let (problem, items) = self.attempt(tokens);
        let Some(problem) = problem else { return items };
        let whole = Span::new(
            tokens.first().map_or(0, |token| token.start as usize),
            tokens.last().map_or(0, |token| token.end as usize),
        );
        let mut mistakes = Vec::new();
        let mut tokens = self.blame(tokens, &problem, &mut mistakes);
        loop {
            // Mistakes that the actions reported are found again by the next attempt.
            self.reports.truncate(reported);
            let (problem, items) = self.attempt(&tokens);
            match problem {
                Some(problem) if self.budget > 0 => tokens = self.blame(&tokens, &problem, &mut mistakes),
                Some(_) => {
                    self.reports.extend(mistakes);
                    return vec![Item::not_understood(whole)];
                }
                None => {
                    self.reports.extend(mistakes);
                    return items;
                }
            }
        }
    }

    fn attempt(&mut self, tokens: &[Lexeme]) -> (Option<Problem>, Vec<Item<'s>>) {
        self.budget = self.budget.saturating_sub(tokens.len());
        let text = self.text;
        let stream = tokens
            .iter()
            .map(|token| Ok((token.start as usize, Token(token.kind, token.text(text)), token.end as usize)));
        match grammar::ItemsParser::new().parse(self.file, self.reports, stream) {
            Ok(items) => (None, items),
            Err(error) => (Some(problem(tokens, error)), Vec::new()),
        }
    }

    /// Reports a problem and returns the tokens without the item that it is in.
    fn blame(&self, tokens: &[Lexeme], problem: &Problem, mistakes: &mut Vec<Diagnostic>) -> Vec<Lexeme> {
        if let Some(line) = unfinished_line(tokens, problem.at) {
            mistakes.push(expectation::unfinished(self.file, tokens[line - 1]));
            let start = item_start(tokens, line).unwrap_or(0);
            let mut rest = cut(tokens, start..line);
            let at = tokens[line - 1].end;
            rest.insert(start + 1, Lexeme { kind: Kind::Semicolon, opens_line: false, start: at, end: at });
            return rest;
        }
        if tokens.get(problem.at).is_none_or(|token| token.kind != Kind::Error) {
            mistakes.push(expectation::explain(self.file, self.text, tokens, problem.at, &problem.expected));
        }
        cut(tokens, enclosing_item(tokens, problem.at))
    }
}

/// A token that the grammar does not accept.
struct Problem {
    /// Its index; the number of tokens for the end of the file.
    at: usize,
    /// The grammar's names of what it would accept.
    expected: Vec<String>,
}

fn problem(tokens: &[Lexeme], error: ParseError<usize, Token<'_>, std::convert::Infallible>) -> Problem {
    match error {
        ParseError::UnrecognizedToken { token: (start, token, _), expected } => {
            // Several tokens may start at one byte, where some have no length.
            let first = tokens.partition_point(|t| (t.start as usize) < start);
            let at = (first..tokens.len()).find(|i| tokens[*i].kind == token.0).unwrap_or(first);
            Problem { at, expected }
        }
        ParseError::UnrecognizedEof { expected, .. } => Problem { at: tokens.len(), expected },
        ParseError::ExtraToken { .. } | ParseError::InvalidToken { .. } | ParseError::User { .. } => {
            Problem { at: tokens.len(), expected: Vec::new() }
        }
    }
}

/// Recognises an item that lacks its end, so that the next one was read as a part of it: in `a =` above `b = 1` the
/// second `=` is unexpected, but the mistake is in the first line. Returns the first token of the second line.
fn unfinished_line(tokens: &[Lexeme], at: usize) -> Option<usize> {
    let assigns = |kind| matches!(kind, Kind::Equal | Kind::PlusEqual | Kind::MinusEqual | Kind::Colon);
    tokens.get(at).filter(|token| assigns(token.kind))?;
    let is_path = |kind| matches!(kind, Kind::Name | Kind::Dot);
    let path = tokens[..at].iter().rev().take_while(|token| is_path(token.kind) && !token.opens_line).count();
    let line = at.checked_sub(path + 1)?;
    let before = tokens[line.checked_sub(1)?].kind;
    let lacks_operand = assigns(before) || before.is_binary_operator() || before == Kind::Bar;
    (tokens[line].kind == Kind::Name && tokens[line].opens_line && lacks_operand).then_some(line)
}

/// Returns the tokens of the innermost item around a token, or all tokens where there is none smaller.
fn enclosing_item(tokens: &[Lexeme], at: usize) -> Range<usize> {
    let Some(start) = item_start(tokens, at) else { return 0..tokens.len() };
    let mut open = 0usize;
    let mut end = start;
    while end < tokens.len() {
        let kind = tokens[end].kind;
        if open == 0 && (kind == Kind::Semicolon || kind.is_closer()) {
            break;
        }
        open += usize::from(kind.closer().is_some());
        open -= usize::from(kind.is_closer());
        end += 1;
    }
    let is_new = tokens[start..end].iter().any(|token| !matches!(token.kind, Kind::Error | Kind::Doc));
    if is_new { start..end } else { 0..tokens.len() }
}

/// Returns where the innermost item around a token starts.
///
/// What follows `of` and `Map` are arms and entries, not items: there the search goes on outwards.
fn item_start(tokens: &[Lexeme], at: usize) -> Option<usize> {
    let mut closed = 0usize;
    let mut last_end = None;
    for index in (0..at.min(tokens.len())).rev() {
        let kind = tokens[index].kind;
        if kind.is_closer() {
            closed += 1;
        } else if kind.closer().is_some() && closed > 0 {
            closed -= 1;
        } else if kind.closer().is_some() {
            let before = index.checked_sub(1).map(|before| tokens[before].kind);
            if kind == Kind::OpenBrace && !matches!(before, Some(Kind::Of | Kind::Map)) {
                return Some(last_end.unwrap_or(index + 1));
            }
            last_end = None;
        } else if kind == Kind::Semicolon && closed == 0 {
            last_end = last_end.or(Some(index + 1));
        }
    }
    last_end
}

/// Replaces a range of tokens by one that stands for a mistake already reported.
fn cut(tokens: &[Lexeme], range: Range<usize>) -> Vec<Lexeme> {
    let span = match tokens.get(range.clone()) {
        Some([first, .., last]) => Span { start: first.start, end: last.end },
        Some([only]) => only.span(),
        _ => Span::default(),
    };
    let error = Lexeme { kind: Kind::Error, opens_line: false, start: span.start, end: span.end };
    let mut rest = tokens[..range.start].to_vec();
    rest.push(error);
    rest.extend_from_slice(&tokens[range.end..]);
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<&'static str> {
        parse(FileId(0), text).diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
    }

    #[test]
    fn each_wrong_item_gives_one_error() {
        let text = "a = {\n  b = 1 2\n  c = [1 2]\n  d = foo bar { x = 1\n y = 2 }\n}\nok = 1\ne = )";
        assert_eq!(codes(text), ["E0030", "E0031", "E0030", "E0023"]);
    }

    /// The language is to stay small: a grammar of about 150 lines, and a parser that compiles in seconds.
    #[test]
    fn the_grammar_stays_small() {
        let grammar = include_str!("grammar.lalrpop");
        assert!(grammar.lines().count() <= 150, "{} lines", grammar.lines().count());
        assert!(grammar.lines().all(|line| line.len() <= 200), "long lines would be a way around that");
        let starts = grammar.lines().filter(|line| line.starts_with("pub ")).count();
        assert_eq!(starts, 1, "each start symbol multiplies the tables");
        let generated = include_str!(concat!(env!("OUT_DIR"), "/grammar.rs"));
        assert!(generated.len() <= 1 << 20, "{} bytes", generated.len());
    }
}
