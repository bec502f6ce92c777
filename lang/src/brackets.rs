//! The bracket pass: counts nesting, and names the bracket that was never closed.
//!
//! A parser finds a missing `}` at the end of the file. The indentation knows better: a bracket whose line is indented
//! by four columns and that is still open where a line begins at column four or less was to be closed before that
//! line. Indentation is looked at only where the brackets do not fit together, and believed only where it explains that
//! with no more mistakes than counting brackets does. The missing ones are then put in and those that close nothing are
//! dropped, so that the parser sees balanced brackets and finds the other mistakes.

use crate::token::{Kind, Lexeme};
use crate::{Diagnostic, FileId, MAX_NESTING, Place, Span, errors};

/// Returns the tokens with balanced brackets, or `None` after reporting that they are nested too deeply.
pub(crate) fn balance(
    file: FileId,
    text: &str,
    tokens: Vec<Lexeme>,
    errors: &mut Vec<Diagnostic>,
) -> Option<Vec<Lexeme>> {
    match survey(&tokens) {
        Survey::Balanced => Some(tokens),
        Survey::TooDeep(token) => {
            errors.clear();
            errors.push(errors::nested_too_deeply(Place { file, span: token.span() }));
            None
        }
        Survey::Unbalanced => {
            let by_counting = repair(file, text, &tokens, false);
            let by_indentation = repair(file, text, &tokens, true);
            let believed = by_indentation.errors.len() <= by_counting.errors.len();
            let repair = if believed { by_indentation } else { by_counting };
            let string_ate_the_rest = tokens.last().is_some_and(|token| {
                token.kind == Kind::StringEnd && token.start == token.end && token.end as usize == text.len()
            });
            if !string_ate_the_rest {
                errors.extend(repair.errors);
            }
            Some(repair.out)
        }
    }
}

enum Survey {
    Balanced,
    Unbalanced,
    TooDeep(Lexeme),
}

fn survey(tokens: &[Lexeme]) -> Survey {
    let mut awaited = Vec::new();
    let mut balanced = true;
    for token in tokens {
        if let Some(closer) = token.kind.closer() {
            awaited.push(closer);
            if awaited.len() > MAX_NESTING {
                return Survey::TooDeep(*token);
            }
        } else if token.kind.is_closer() {
            balanced &= awaited.pop() == Some(token.kind);
        }
    }
    if balanced && awaited.is_empty() { Survey::Balanced } else { Survey::Unbalanced }
}

struct Open {
    token: Lexeme,
    closer: Kind,
    /// The column where the bracket's line begins.
    indentation: usize,
}

struct Repair<'s> {
    file: FileId,
    text: &'s str,
    /// Whether indentation tells where a bracket was to be closed.
    uses_indentation: bool,
    open: Vec<Open>,
    out: Vec<Lexeme>,
    errors: Vec<Diagnostic>,
}

fn repair<'s>(file: FileId, text: &'s str, tokens: &[Lexeme], uses_indentation: bool) -> Repair<'s> {
    let out = Vec::with_capacity(tokens.len());
    let mut repair = Repair { file, text, uses_indentation, open: Vec::new(), out, errors: Vec::new() };
    for token in tokens {
        repair.token(*token);
    }
    while !repair.open.is_empty() {
        repair.close_missing(None);
    }
    repair
}

impl Repair<'_> {
    fn token(&mut self, token: Lexeme) {
        if self.uses_indentation && token.opens_line {
            self.line_start(token);
        }
        if let Some(closer) = token.kind.closer() {
            let indentation = indentation(self.text, token.start as usize);
            self.open.push(Open { token, closer, indentation });
        } else if token.kind.is_closer() && !self.close(token) {
            return;
        }
        self.out.push(token);
    }

    /// Closes the brackets that the indentation of a line says were to be closed above it.
    fn line_start(&mut self, token: Lexeme) {
        let column = indentation(self.text, token.start as usize);
        while let Some(top) = self.open.last() {
            let inside = column > top.indentation || top.closer == Kind::InterpolationEnd;
            if inside || token.kind == top.closer || token.kind == Kind::Doc {
                break;
            }
            self.close_missing(Some(token));
        }
    }

    /// Closes the bracket that a closer belongs to; returns whether there is one.
    fn close(&mut self, token: Lexeme) -> bool {
        let reach = self.open.iter().rev().take_while(|open| {
            // A bracket in an interpolation never closes one outside of its string.
            open.closer != Kind::InterpolationEnd || token.kind == Kind::InterpolationEnd
        });
        let Some(unclosed) = reach.into_iter().position(|open| open.closer == token.kind) else {
            let place = self.place(token);
            self.errors.push(errors::stray_closer(place, token.text(self.text)));
            return false;
        };
        for _ in 0..unclosed {
            self.close_missing(Some(token));
        }
        self.open.pop();
        true
    }

    /// Reports the innermost bracket as not closed and closes it.
    fn close_missing(&mut self, stopped_at: Option<Lexeme>) {
        let Some(top) = self.open.pop() else { return };
        let stopped_at = stopped_at.map(|token| self.place(token));
        let bracket = top.token.text(self.text);
        let error = errors::unclosed_bracket(self.place(top.token), bracket, closing(top.closer), stopped_at);
        self.errors.push(error);
        let at = self.out.last().map_or(0, |token| token.end);
        self.out.push(Lexeme { kind: top.closer, opens_line: false, start: at, end: at });
    }

    fn place(&self, token: Lexeme) -> Place {
        Place { file: self.file, span: Span { start: token.start, end: token.end } }
    }
}

fn closing(closer: Kind) -> &'static str {
    match closer {
        Kind::CloseBracket => "]",
        Kind::CloseParen => ")",
        _ => "}",
    }
}

/// Returns by how many bytes the line of a byte is indented.
fn indentation(text: &str, at: usize) -> usize {
    let line = &text[text[..at].rfind('\n').map_or(0, |newline| newline + 1)..];
    line.len() - line.trim_start_matches([' ', '\t']).len()
}
