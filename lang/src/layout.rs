//! The newline rule, documentation, and the words that are keywords in certain places only.
//!
//! Between lexer and grammar: a line end that ends an item becomes a `;` without length; `##` lines go to the item that
//! they stand before; `type`, `check`, `of` and the like become keywords where one is meant and stay names everywhere
//! else. All three need to know what stands before and after and in which bracket, and nothing more, so the grammar
//! stays free of conflicts and of line ends.
//!
//! Where a word is a keyword (everywhere else it is a name):
//!
//! | word | keyword |
//! |---|---|
//! | `abstract` `record` `type` | at the start of an item, before a name |
//! | `check` | at the start of an item, but before `=` `+=` `-=` `.` `[` `{` `:` or the item's end |
//! | `as` | behind the string of an import |
//! | `extends` | behind the name of a record type |
//! | `of` | behind an expression, where a `match` waits for it |
//! | `mixin` `Map` | inside an expression, before `{` |

use std::ops::Range;

use crate::reports::Reports;
use crate::token::{Kind, Lexeme};
use crate::{FileId, Place, Span, errors};

/// The tokens of a file as the grammar wants them.
pub(crate) struct Layout {
    /// All tokens, with line ends that end items.
    pub(crate) tokens: Vec<Lexeme>,
    /// The tokens of each item at the top of the file, its end included.
    pub(crate) items: Vec<Range<usize>>,
    /// The `##` lines that document the file.
    pub(crate) file_doc: Vec<Lexeme>,
}

/// Applies the newline rule and the rules of words and documentation to tokens with balanced brackets.
pub(crate) fn lay_out<'s>(file: FileId, text: &'s str, tokens: &[Lexeme], errors: &mut Reports<'s>) -> Layout {
    let out = Layout { tokens: Vec::with_capacity(tokens.len() * 5 / 4), items: Vec::new(), file_doc: Vec::new() };
    let mut pass =
        Pass { file, text, out, top: Frame::new(Inside::Items), outer: Vec::new(), docs: Vec::new(), errors };
    for index in pass.file_documentation(tokens)..tokens.len() {
        pass.token(tokens, index);
    }
    pass.drop_docs();
    pass.end_item_at_top();
    pass.out
}

/// What the innermost bracket holds.
#[derive(Clone, Copy, PartialEq)]
enum Inside {
    /// Items, ended by line ends.
    Items,
    /// Arms of a `match`, ended by line ends or commas.
    Arms,
    /// Entries of a map, ended by line ends.
    Entries,
    /// Elements, between commas: line ends mean nothing. In parentheses a comma is not always what is missing.
    Elements { of_list: bool },
}

/// An open bracket.
struct Frame {
    inside: Inside,
    /// The first token of the item.
    first: Option<Kind>,
    /// How many `match` wait for their `of`.
    matches: usize,
    /// Whether a comma between items has been reported.
    comma_reported: bool,
}

impl Frame {
    fn new(inside: Inside) -> Frame {
        Frame { inside, first: None, matches: 0, comma_reported: false }
    }
}

struct Pass<'s, 'd> {
    file: FileId,
    text: &'s str,
    out: Layout,
    top: Frame,
    outer: Vec<Frame>,
    /// `##` lines that wait for their item.
    docs: Vec<Lexeme>,
    errors: &'d mut Reports<'s>,
}

impl Pass<'_, '_> {
    /// Takes the `##` block at the top of the file that an empty line follows; returns how many tokens it has.
    fn file_documentation(&mut self, tokens: &[Lexeme]) -> usize {
        let is_next = |pair: &[Lexeme]| pair[1].kind == Kind::Doc && self.line_ends_between(pair[0], pair[1]) == 1;
        let docs = tokens.iter().take_while(|token| token.kind == Kind::Doc).count();
        let block = docs.min(1) + tokens[..docs].windows(2).take_while(|pair| is_next(pair)).count();
        let is_apart = match (tokens[..block].last(), tokens.get(block)) {
            (Some(last), Some(next)) => self.empty_line_follows(*last, *next),
            (last, _) => last.is_some(),
        };
        if !is_apart {
            return 0;
        }
        self.out.file_doc = tokens[..block].to_vec();
        block
    }

    fn line_ends_between(&self, before: Lexeme, after: Lexeme) -> usize {
        self.text[before.end as usize..after.start as usize].matches('\n').count()
    }

    /// Whether the line below a token is empty.
    fn empty_line_follows(&self, token: Lexeme, next: Lexeme) -> bool {
        self.text[token.end as usize..next.start as usize].lines().nth(1).is_some_and(|line| line.trim().is_empty())
            && self.line_ends_between(token, next) > 1
    }

    /// Puts out the token at `index`, with what its place asks for before it.
    fn token(&mut self, tokens: &[Lexeme], index: usize) {
        let mut token = tokens[index];
        if token.kind == Kind::Doc {
            return self.documentation(token);
        }
        let next = tokens[index + 1..].iter().find(|next| next.kind != Kind::Doc);
        if token.opens_line {
            self.line_start(&mut token, next);
        } else if token.kind == Kind::Name {
            if self.is_unit_after_number(token) {
                return;
            }
            token.kind = self.word(token, next, false);
        }
        if token.kind == Kind::Comma {
            token.kind = self.comma(token);
        }
        self.put(token);
    }

    /// Takes a `##` line: for the item that follows, or with a lint.
    fn documentation(&mut self, token: Lexeme) {
        if token.opens_line {
            self.docs.push(token);
        } else {
            self.errors.push(errors::idle_documentation(self.place(token)));
        }
    }

    /// The newline rule.
    fn line_start(&mut self, token: &mut Lexeme, next: Option<&Lexeme>) {
        let before = self.out.tokens.last().copied().filter(|before| {
            // `a.then` is wrong, but it ends what it stands in.
            before.kind.ends_expression() || (before.kind.is_reserved_word() && self.before_last() == Some(Kind::Dot))
        });
        if token.kind == Kind::Name {
            token.kind = self.word(*token, next, before.is_some());
        }
        let Some(before) = before else { return };
        let opens = matches!(token.kind, Kind::OpenBrace | Kind::OpenBracket | Kind::OpenParen);
        match self.top.inside {
            Inside::Elements { of_list } if opens => {
                let error = if of_list { errors::missing_comma } else { errors::bracket_opens_line };
                self.errors.push(error(self.place(*token), self.place(before)));
            }
            Inside::Elements { .. } => {}
            _ if token.kind == Kind::OpenBrace => {
                self.errors.push(errors::brace_on_next_line(self.place(*token), self.place(before)));
            }
            _ if token.kind.continues() => {}
            _ => self.put(Lexeme { kind: Kind::Semicolon, opens_line: false, start: before.end, end: before.end }),
        }
    }

    /// Reports a comma that ends an item, the first one in each body, and takes it for a `;`.
    fn comma(&mut self, token: Lexeme) -> Kind {
        if !matches!(self.top.inside, Inside::Items | Inside::Entries) {
            return Kind::Comma;
        }
        if !std::mem::replace(&mut self.top.comma_reported, true) {
            self.errors.push(errors::comma_after_field(self.place(token)));
        }
        Kind::Semicolon
    }

    /// Reports `1 GB`; the unit is then passed over.
    fn is_unit_after_number(&mut self, token: Lexeme) -> bool {
        let Some(number) = self.out.tokens.last().copied().filter(|before| before.kind == Kind::Int) else {
            return false;
        };
        let word = token.text(self.text);
        if !errors::is_unit_word(word) {
            return false;
        }
        let place = Place { file: self.file, span: Span { start: number.start, end: token.end } };
        self.errors.push(errors::space_before_unit(place, number.text(self.text), word));
        true
    }

    /// Returns the keyword that a word is at its place, or `Name`. `ends_item` says that the line end before it ends
    /// an item, if this word does not go on with it.
    fn word(&self, token: Lexeme, next: Option<&Lexeme>, ends_item: bool) -> Kind {
        let word = match token.text(self.text) {
            "abstract" => Kind::Abstract,
            "record" => Kind::Record,
            "type" => Kind::Type,
            "check" => Kind::Check,
            "as" => Kind::As,
            "extends" => Kind::Extends,
            "of" => Kind::Of,
            "mixin" => Kind::Mixin,
            "Map" => Kind::Map,
            _ => return Kind::Name,
        };
        let before = self.out.tokens.last().map(|before| before.kind);
        let next = next.map(|next| next.kind);
        let starts_item = self.top.inside == Inside::Items && (self.top.first.is_none() || ends_item);
        let is_keyword = match word {
            Kind::Abstract | Kind::Record | Kind::Type => starts_item && next == Some(Kind::Name),
            Kind::Check => starts_item && next.is_some_and(|next| !follows_name_of_item(next)),
            Kind::As => self.top.first == Some(Kind::Import) && before == Some(Kind::StringEnd),
            Kind::Extends => self.top.first == Some(Kind::Record) && self.before_last() == Some(Kind::Record),
            Kind::Of => self.top.matches > 0 && before.is_some_and(Kind::ends_expression),
            _ => {
                let names = matches!(before, Some(Kind::Dot | Kind::Let | Kind::Fn | Kind::Record | Kind::Extends));
                !starts_item && !names && next == Some(Kind::OpenBrace)
            }
        };
        if is_keyword { word } else { Kind::Name }
    }

    /// Returns the token before the last one.
    fn before_last(&self) -> Option<Kind> {
        self.out.tokens.iter().rev().nth(1).map(|token| token.kind)
    }

    fn put(&mut self, token: Lexeme) {
        match token.kind {
            Kind::Semicolon | Kind::Comma => {
                self.top.first = None;
                self.top.matches = 0;
                if token.kind == Kind::Semicolon && !token.is_line_end() {
                    self.drop_docs();
                }
                self.out.tokens.push(token);
                if token.kind == Kind::Semicolon && self.outer.is_empty() {
                    self.end_item_at_top();
                }
                return;
            }
            kind if kind.is_closer() => {
                self.drop_docs();
                self.top = self.outer.pop().expect("the bracket pass has balanced the brackets");
                self.out.tokens.push(token);
                return;
            }
            _ => {}
        }
        if self.top.first.is_none() {
            if self.top.inside == Inside::Items {
                self.out.tokens.append(&mut self.docs);
            }
            self.top.first = Some(token.kind);
        }
        self.drop_docs();
        self.top.matches += usize::from(token.kind == Kind::Match);
        self.top.matches -= usize::from(token.kind == Kind::Of);
        if token.kind.closer().is_some() {
            let inside = self.inside(token.kind);
            self.outer.push(std::mem::replace(&mut self.top, Frame::new(inside)));
        }
        self.out.tokens.push(token);
    }

    /// Returns what a bracket holds.
    fn inside(&self, opener: Kind) -> Inside {
        let before = self.out.tokens.last().map(|before| before.kind);
        match opener {
            Kind::OpenBrace if before == Some(Kind::Of) => Inside::Arms,
            Kind::OpenBrace if before == Some(Kind::Map) => Inside::Entries,
            Kind::OpenBrace => Inside::Items,
            // Behind an expression it is an index or the arguments of a call, otherwise a list or parentheses.
            Kind::OpenBracket => Inside::Elements { of_list: true },
            Kind::OpenParen => Inside::Elements { of_list: before.is_some_and(Kind::ends_expression) },
            _ => Inside::Elements { of_list: false },
        }
    }

    /// Puts a lint on `##` lines that no item follows, one for each block of lines.
    fn drop_docs(&mut self) {
        if self.docs.is_empty() {
            return;
        }
        let docs = std::mem::take(&mut self.docs);
        for (index, doc) in docs.iter().enumerate() {
            if index == 0 || self.line_ends_between(docs[index - 1], *doc) > 1 {
                self.errors.push(errors::idle_documentation(self.place(*doc)));
            }
        }
    }

    fn end_item_at_top(&mut self) {
        let start = self.out.items.last().map_or(0, |item| item.end);
        if start < self.out.tokens.len() {
            self.out.items.push(start..self.out.tokens.len());
        }
    }

    fn place(&self, token: Lexeme) -> Place {
        Place { file: self.file, span: token.span() }
    }
}

/// Whether a token behind the first word of an item says that the word is the name of a field.
fn follows_name_of_item(next: Kind) -> bool {
    use Kind::*;
    matches!(
        next,
        Equal | PlusEqual | MinusEqual | Dot | OpenBracket | OpenBrace | Colon | Semicolon | Comma | CloseBrace
    )
}
