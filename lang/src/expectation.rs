//! Says in a person's words what the grammar expected.
//!
//! The generator lists every token that could come next, thirty of them before an expression. They are grouped, what
//! could always go on (operators behind an operand) is left out, and common slips get a diagnostic or a help of their
//! own.

use crate::token::{Kind, Lexeme};
use crate::{Diagnostic, FileId, Place, Span, errors};

/// The grammar's names for what goes on behind an operand.
const OPERATORS: [&str; 19] =
    ["+", "-", "*", "/", "%", "&", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "??", ".", "(", "[", "{"];

/// Words of other languages, with what stands for them here.
const FOREIGN_WORDS: [(&str, &str); 3] = [("and", "&&"), ("or", "||"), ("not", "!")];

/// Makes the diagnostic for the token at `at`, which the grammar does not accept; `expected` is its list.
pub(crate) fn explain(file: FileId, text: &str, tokens: &[Lexeme], at: usize, expected: &[String]) -> Diagnostic {
    let expected = expected.iter().map(|name| name.trim_matches('"')).collect();
    Mistake { file, text, tokens, at, expected }.explain()
}

/// Makes the diagnostic for a line that ends with a token that something must follow.
pub(crate) fn unfinished(file: FileId, last: Lexeme) -> Diagnostic {
    let expected = if matches!(last.kind, Kind::Colon | Kind::Bar) { "a type" } else { "an expression" };
    let place = Place { file, span: Span { start: last.end, end: last.end } };
    errors::unexpected(place, "the end of the line", expected)
}

struct Mistake<'s> {
    file: FileId,
    text: &'s str,
    tokens: &'s [Lexeme],
    at: usize,
    expected: Vec<&'s str>,
}

impl Mistake<'_> {
    fn explain(&self) -> Diagnostic {
        self.slip()
            .unwrap_or_else(|| self.advised(errors::unexpected(self.place(), &self.found(), &self.expectation())))
    }

    /// Recognises the slips that have a diagnostic of their own.
    fn slip(&self) -> Option<Diagnostic> {
        let kind = self.kind(0)?;
        let names_something =
            matches!(self.kind(1), Some(Kind::Equal | Kind::PlusEqual | Kind::MinusEqual | Kind::Colon));
        let wants_name = self.expects("name") && !self.expects("int");
        if kind.is_reserved_word() && (names_something || wants_name) {
            return Some(errors::reserved_word(self.place(), self.tokens[self.at].text(self.text)));
        }
        if self.kind(-1) == Some(Kind::Super) && self.expected == ["."] {
            return Some(errors::super_without_field(self.place_before()?));
        }
        let is_foreign = self.word(0) == "with" || FOREIGN_WORDS.iter().any(|(word, _)| *word == self.word(0));
        let begins_element = kind.begins_expression() && !is_foreign;
        if self.expects(",") && begins_element {
            return Some(errors::missing_comma(self.place(), self.place_before()?));
        }
        None
    }

    /// Returns what the list of the grammar comes to.
    fn expectation(&self) -> String {
        if self.expects("import") {
            return "a field or a definition".into();
        }
        if self.expects("int") {
            return "an expression".into();
        }
        if self.expects("symbol") {
            return "a type".into();
        }
        if self.expects("+=") {
            return "`=`, `:` or `{` behind the name".into();
        }
        if self.expects("string") && !self.expects("int") && self.expects("(") {
            return "a key: a string, or an expression in parentheses".into();
        }
        if self.expects(";") && !self.expects(",") {
            return "the end of the item".into();
        }
        let behind_operand = self.expects("+");
        let is_news = |name: &&str| !(behind_operand && OPERATORS.contains(name));
        let mut names: Vec<&str> = self.expected.iter().copied().filter(is_news).collect();
        names.sort_by_key(|name| match *name {
            "," => 0,
            ";" => 1,
            "}" | "]" | ")" | "} of ${" => 3,
            _ => 2,
        });
        let words: Vec<String> = names.iter().map(|name| called(name)).collect();
        match words.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
            None => "nothing more".into(),
        }
    }

    /// Adds what to type instead, where that can be guessed.
    fn advised(&self, error: Diagnostic) -> Diagnostic {
        let Some(kind) = self.kind(0) else { return error };
        let (place, before) = (self.place(), self.place_before());
        match (kind, before) {
            (Kind::Equal, _) if self.expects("==") && !self.expects(";") && !self.expects("=>") => {
                error.help("write `==` to compare").replacing(place, "==")
            }
            (Kind::EqualEqual, _) if self.expects("=") => error.help("write `=` to set a field").replacing(place, "="),
            (Kind::Arrow, _) if self.expects("int") => error,
            (Kind::Arrow, _) if self.expects(",") => {
                error.help("end the arm above with a comma; a line that begins with `-` goes on with the one above")
            }
            (Kind::Arrow, _) => error.help("a function is written `fn(x) => e`"),
            (Kind::Minus, _) if self.expects("=>") && self.kind(1) == Some(Kind::Greater) => {
                error.help("write `=>`").replacing(place.to(self.place_of(1)), "=>")
            }
            (Kind::Slash, _) if self.kind(-1) == Some(Kind::Slash) => error.help("comments begin with `#`"),
            (_, Some(brace)) if self.expects("import") && self.follows_match() => {
                error.help("an `of` is missing: `match x of { .. }`").replacing(brace.start(), "of ")
            }
            (Kind::StringStart, _) if self.expects("import") => {
                error.help("fields are named without quotes; other keys stand in a `Map { \"key\" = value }`")
            }
            (Kind::Name, _) if self.expects("string") && !self.expects("int") && self.kind(1) == Some(Kind::Equal) => {
                let key = format!("\"{}\"", self.word(0));
                error.help(format!("the keys of a `Map` are strings: write `{key}`")).replacing(place, key)
            }
            (_, _) if self.expects("else") => error.help("an `if` always has an `else`"),
            (_, Some(colon)) if self.sets_by_colon(kind) => {
                let equal = if kind == Kind::Equal { "" } else { " =" };
                error.help("write `=` to set a field; `:` declares its type").replacing(colon, equal)
            }
            _ => self.translated(error),
        }
    }

    /// Whether the wrong token follows a colon that was to set a field, as in `x: 1` and `x := 1`.
    fn sets_by_colon(&self, kind: Kind) -> bool {
        let behind = &self.tokens[self.at + 1..];
        let has_default =
            || behind.iter().take_while(|token| token.kind != Kind::Semicolon).any(|token| token.kind == Kind::Equal);
        let is_value = kind == Kind::Equal || kind.begins_expression() && !has_default();
        self.kind(-1) == Some(Kind::Colon) && self.expects("symbol") && !self.expects("int") && is_value
    }

    /// Adds what a word of another language is here.
    fn translated(&self, error: Diagnostic) -> Diagnostic {
        for distance in [0, -1] {
            match self.word(distance) {
                "with" => return error.help("there is no `with`; fields are overridden by `base { .. }`"),
                foreign => {
                    let Some((_, own)) = FOREIGN_WORDS.iter().find(|(word, _)| *word == foreign) else { continue };
                    let help = format!("there is no `{foreign}`; write `{own}`");
                    return error.help(help).replacing(self.place_of(distance), *own);
                }
            }
        }
        error
    }

    /// Whether the wrong token stands in braces that a `match` without `of` has before it.
    fn follows_match(&self) -> bool {
        let ends = |token: &&Lexeme| !matches!(token.kind, Kind::Semicolon | Kind::OpenBrace | Kind::Of);
        let before = self.tokens[..self.at].iter().rev();
        before.skip(1).take_while(ends).any(|token| token.kind == Kind::Match) && self.kind(-1) == Some(Kind::OpenBrace)
    }

    fn found(&self) -> String {
        match self.tokens.get(self.at) {
            Some(token) => errors::describe(token.kind, token.text(self.text)),
            None => "the end of the file".into(),
        }
    }

    /// Returns the text of the token some places behind the wrong one, where it is a name.
    fn word(&self, distance: isize) -> &str {
        match self.at.checked_add_signed(distance).and_then(|at| self.tokens.get(at)) {
            Some(token) if token.kind == Kind::Name => token.text(self.text),
            _ => "",
        }
    }

    fn expects(&self, name: &str) -> bool {
        self.expected.contains(&name)
    }

    /// Returns the kind of the token some places behind the wrong one.
    fn kind(&self, distance: isize) -> Option<Kind> {
        self.at.checked_add_signed(distance).and_then(|at| self.tokens.get(at)).map(|token| token.kind)
    }

    fn place(&self) -> Place {
        let end = self.tokens.last().map_or(0, |token| token.end);
        let span = self.tokens.get(self.at).map_or(Span { start: end, end }, |token| token.span());
        Place { file: self.file, span }
    }

    /// Returns the place of the token some places behind the wrong one, which there is.
    fn place_of(&self, distance: isize) -> Place {
        let at = self.at.checked_add_signed(distance).expect("there is such a token");
        Place { file: self.file, span: self.tokens[at].span() }
    }

    fn place_before(&self) -> Option<Place> {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at))?;
        Some(Place { file: self.file, span: before.span() })
    }
}

/// Returns what one of the grammar's names is called in messages.
fn called(name: &str) -> String {
    match name {
        "name" => "a name".into(),
        "} of ${" => "`}`".into(),
        "string" => "a string".into(),
        ";" => "a line end".into(),
        _ => format!("`{name}`"),
    }
}
