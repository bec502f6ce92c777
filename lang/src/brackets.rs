//! The bracket pass: counts nesting, and names the bracket that was never closed.
//!
//! A parser finds a missing `}` at the end of the file. The indentation knows better: a bracket whose line is indented
//! by four columns and that is still open where a line begins at column four or less was to be closed before that
//! line. Indentation is looked at only where the brackets do not fit together. Since it may be sloppy, the text is read
//! in several ways, with it and without, and the reading that needs the fewest mistakes is reported. The missing brackets
//! are then put in and those that close nothing are dropped, so that the parser sees balanced brackets and finds the
//! other mistakes.

use crate::reports::Reports;
use crate::token::{Kind, Lexeme};
use crate::{Diagnostic, FileId, Place, Span, errors};

/// Returns the tokens with balanced brackets, or `None` after reporting that they are nested too deeply.
pub(crate) fn balance<'s>(
    file: FileId,
    text: &'s str,
    tokens: Vec<Lexeme>,
    nesting: usize,
    errors: &mut Reports<'s>,
) -> Option<Vec<Lexeme>> {
    match survey(&tokens, nesting) {
        Survey::Balanced => Some(tokens),
        Survey::TooDeep(token) => {
            errors.replace(errors::nested_too_deeply(nesting, Place { file, span: token.span() }));
            None
        }
        Survey::Unbalanced => {
            let readings = READINGS.map(|reading| repair(file, text, &tokens, reading));
            let repair = readings.into_iter().min_by_key(|repair| repair.mistakes).expect("there are readings");
            let string_ate_the_rest = tokens.last().is_some_and(|token| {
                token.kind == Kind::StringEnd && token.start == token.end && token.end as usize == text.len()
            });
            if !string_ate_the_rest {
                errors.extend(repair.errors.into_list());
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

fn survey(tokens: &[Lexeme], nesting: usize) -> Survey {
    let mut awaited = Vec::new();
    let mut balanced = true;
    for token in tokens {
        if let Some(closer) = token.kind.closer() {
            awaited.push(closer);
            if awaited.len() > nesting {
                return Survey::TooDeep(*token);
            }
        } else if token.kind.is_closer() {
            balanced &= awaited.pop() == Some(token.kind);
        }
    }
    if balanced && awaited.is_empty() { Survey::Balanced } else { Survey::Unbalanced }
}

/// A way to read brackets that do not fit together.
#[derive(Clone, Copy)]
struct Reading {
    /// Whether indentation tells where a bracket was to be closed.
    uses_indentation: bool,
    /// Whether a closer may stand for one of another kind, as in `[1, 2}`.
    swaps_closers: bool,
}

/// All ways to read, the most likely first.
const READINGS: [Reading; 4] = [
    Reading { uses_indentation: true, swaps_closers: true },
    Reading { uses_indentation: true, swaps_closers: false },
    Reading { uses_indentation: false, swaps_closers: true },
    Reading { uses_indentation: false, swaps_closers: false },
];

struct Open {
    token: Lexeme,
    closer: Kind,
    /// The column where the bracket's line begins.
    indentation: usize,
}

struct Repair<'s> {
    file: FileId,
    text: &'s str,
    reading: Reading,
    open: Vec<Open>,
    out: Vec<Lexeme>,
    /// Where the line of the last token begins, and by how much it is indented.
    line_start: usize,
    indentation: usize,
    mistakes: usize,
    errors: Reports<'s>,
}

fn repair<'s>(file: FileId, text: &'s str, tokens: &[Lexeme], reading: Reading) -> Repair<'s> {
    let out = Vec::with_capacity(tokens.len());
    let errors = Reports::new(text);
    let mut repair =
        Repair { file, text, reading, open: Vec::new(), out, line_start: 0, indentation: 0, mistakes: 0, errors };
    for token in tokens {
        repair.token(*token);
    }
    while !repair.open.is_empty() {
        repair.close_missing(None);
    }
    repair
}

impl<'s> Repair<'s> {
    fn token(&mut self, token: Lexeme) {
        if token.opens_line {
            let before = &self.text[..token.start as usize];
            self.line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
            self.indentation = before.len() - self.line_start;
            if self.reading.uses_indentation {
                self.close_by_indentation(token);
            }
        }
        if let Some(closer) = token.kind.closer() {
            self.open.push(Open { token, closer, indentation: self.indentation });
        } else if token.kind.is_closer() && !self.close(token) {
            return;
        }
        self.out.push(token);
    }

    /// Closes the brackets that the indentation of a line says were to be closed above it.
    fn close_by_indentation(&mut self, token: Lexeme) {
        while let Some(top) = self.open.last() {
            let inside = self.indentation > top.indentation || top.closer == Kind::InterpolationEnd;
            if inside || token.kind == top.closer || token.kind == Kind::Doc {
                break;
            }
            self.close_missing(Some(token));
        }
    }

    /// Closes the bracket that a closer belongs to; returns whether there is one.
    fn close(&mut self, token: Lexeme) -> bool {
        if self.is_wrong_closer(token) {
            let top = self.open.pop().expect("a wrong closer closes the innermost bracket");
            let (opening, right) = (self.place(top.token), closing(top.closer));
            let (bracket, wrong) = (top.token.text(self.text), token.text(self.text));
            self.report(token, |closer| errors::wrong_closer(opening, closer, bracket, wrong, right));
            self.out.push(Lexeme { kind: top.closer, ..token });
            return false;
        }
        let reach = self.open.iter().rev().take_while(|open| {
            // A bracket in an interpolation never closes one outside of its string.
            open.closer != Kind::InterpolationEnd || token.kind == Kind::InterpolationEnd
        });
        let Some(unclosed) = reach.into_iter().position(|open| open.closer == token.kind) else {
            let bracket = token.text(self.text);
            self.report(token, |place| errors::stray_closer(place, bracket));
            return false;
        };
        for _ in 0..unclosed {
            self.close_missing(Some(token));
        }
        self.open.pop();
        true
    }

    /// Whether a closer is of another kind than the innermost bracket, which is on the same line, while no bracket of
    /// its own kind is: then one stands for the other.
    fn is_wrong_closer(&self, token: Lexeme) -> bool {
        if !self.reading.swaps_closers || token.kind == Kind::InterpolationEnd {
            return false;
        }
        let on_line =
            |open: &&Open| open.token.start as usize >= self.line_start && open.closer != Kind::InterpolationEnd;
        let mut openers = self.open.iter().rev().take_while(on_line).peekable();
        openers.peek().is_some() && openers.all(|open| open.closer != token.kind)
    }

    /// Reports the innermost bracket as not closed and closes it.
    fn close_missing(&mut self, stopped_at: Option<Lexeme>) {
        let Some(top) = self.open.pop() else { return };
        let stopped_at = stopped_at.map(|token| self.place(token));
        let bracket = top.token.text(self.text);
        let at = self.out.last().map_or(0, |token| token.end);
        let end = Place { file: self.file, span: Span { start: at, end: at } };
        let stop = (stopped_at, end);
        self.report(top.token, |place| errors::unclosed_bracket(place, bracket, closing(top.closer), stop));
        self.out.push(Lexeme { kind: top.closer, opens_line: false, start: at, end: at });
    }

    fn report(&mut self, token: Lexeme, diagnostic: impl FnOnce(Place) -> Diagnostic) {
        self.mistakes += 1;
        let place = self.place(token);
        self.errors.report(place, diagnostic);
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
