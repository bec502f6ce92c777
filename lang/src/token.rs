//! Tokens: a kind and a range of the text, twelve bytes each.
//!
//! What a token says is cut from the text when the parser asks for it, so that a whole file of tokens is one small
//! array that the passes between lexer and parser can look back and ahead in.

use logos::Logos;

use crate::Span;

/// A token with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lexeme {
    /// What it is.
    pub(crate) kind: Kind,
    /// Whether it is the first token on its line.
    pub(crate) opens_line: bool,
    /// Its first byte.
    pub(crate) start: u32,
    /// The first byte behind it.
    pub(crate) end: u32,
}

/// A token as the grammar sees it: its kind and its text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'s>(pub(crate) Kind, pub(crate) &'s str);

/// The kinds of tokens. Those without a pattern are made by the passes behind the lexer.
#[derive(Logos, Clone, Copy, Debug, PartialEq, Eq)]
#[logos(skip r"[ \t\r\n]+")]
#[logos(skip(r"#[^\n]*", allow_greedy = true))]
pub(crate) enum Kind {
    /// `##` and the rest of its line; `###` is an ordinary comment.
    #[regex(r"##([^#\n][^\n]*)?", allow_greedy = true, priority = 20)]
    Doc,
    #[regex(r"[A-Za-z_][A-Za-z0-9_]*(-[A-Za-z0-9_]+)*\??")]
    Name,
    /// Anything that begins with a digit; the lexer looks closer.
    #[regex(r"[0-9][0-9A-Za-z_]*(\.[0-9][0-9A-Za-z_]*)?")]
    Int,
    Size,
    #[regex(r"'[A-Za-z_][A-Za-z0-9_]*(-[A-Za-z0-9_]+)*")]
    Symbol,
    #[regex(r"\.\.?/[A-Za-z0-9._+@/-]*")]
    Path,

    /// `"`, `"""`, `r"`, `r"""`
    #[token("\"")]
    #[token("\"\"\"")]
    #[token("r\"")]
    #[token("r\"\"\"")]
    StringStart,
    /// Literal text of a string; a line of it in `"""`, its indentation removed.
    Text,
    /// A good escape such as `\n`.
    Escape,
    /// `${`
    InterpolationStart,
    /// The `}` of `${`.
    InterpolationEnd,
    StringEnd,

    // Reserved words.
    #[token("let")]
    Let,
    #[token("in")]
    In,
    #[token("if")]
    If,
    #[token("then")]
    Then,
    #[token("else")]
    Else,
    #[token("fn")]
    Fn,
    #[token("import")]
    Import,
    #[token("match")]
    Match,
    #[token("for")]
    For,
    #[token("true")]
    True,
    #[token("false")]
    False,
    #[token("none")]
    None,
    #[token("self")]
    SelfWord,
    #[token("super")]
    Super,

    // Words that are keywords in certain places only; `layout` finds them among the names.
    As,
    Of,
    Abstract,
    Record,
    Extends,
    Type,
    Check,
    Mixin,
    Map,

    #[token("{")]
    OpenBrace,
    #[token("}")]
    CloseBrace,
    #[token("[")]
    OpenBracket,
    #[token("]")]
    CloseBracket,
    #[token("(")]
    OpenParen,
    #[token(")")]
    CloseParen,
    #[token(",")]
    Comma,
    /// `;`, or without length the line end that ends an item.
    #[token(";")]
    Semicolon,
    #[token(":")]
    Colon,
    #[token(".")]
    Dot,
    #[token("=")]
    Equal,
    #[token("+=")]
    PlusEqual,
    #[token("-=")]
    MinusEqual,
    #[token("=>")]
    Arrow,
    #[token("|")]
    Bar,
    #[token("&")]
    Ampersand,
    #[token("+")]
    Plus,
    #[token("-")]
    Minus,
    #[token("*")]
    Star,
    #[token("/")]
    Slash,
    #[token("%")]
    Percent,
    #[token("==")]
    EqualEqual,
    #[token("!=")]
    NotEqual,
    #[token("<")]
    Less,
    #[token("<=")]
    LessEqual,
    #[token(">")]
    Greater,
    #[token(">=")]
    GreaterEqual,
    #[token("&&")]
    AndAnd,
    #[token("||")]
    OrOr,
    #[token("!")]
    Not,
    #[token("??")]
    QuestionQuestion,

    /// An item whose mistake has been reported.
    Error,
}

impl Lexeme {
    /// Returns the place of the token.
    pub(crate) fn span(self) -> Span {
        Span { start: self.start, end: self.end }
    }

    /// Returns what the token says.
    pub(crate) fn text(self, text: &str) -> &str {
        &text[self.span().range()]
    }

    /// Returns whether the token is a line end that ends an item.
    pub(crate) fn is_line_end(self) -> bool {
        self.kind == Kind::Semicolon && self.start == self.end
    }
}

impl Kind {
    /// Returns whether an expression, a type or an item can end with the token.
    pub(crate) fn ends_expression(self) -> bool {
        use Kind::*;
        matches!(
            self,
            Name | Int
                | Size
                | Symbol
                | Path
                | StringEnd
                | True
                | False
                | None
                | SelfWord
                | Super
                | CloseBrace
                | CloseBracket
                | CloseParen
                | Error
        )
    }

    /// Returns whether an expression can begin with the token and nothing else can.
    pub(crate) fn begins_expression(self) -> bool {
        use Kind::*;
        matches!(
            self,
            Name | Int
                | Size
                | Symbol
                | Path
                | StringStart
                | True
                | False
                | None
                | SelfWord
                | Super
                | Fn
                | If
                | Match
                | Not
                | Mixin
                | Map
        )
    }

    /// Returns whether the token, at the start of a line, goes on with what the line above began.
    pub(crate) fn continues(self) -> bool {
        use Kind::*;
        matches!(
            self,
            Dot | Comma
                | Semicolon
                | Then
                | Else
                | In
                | Of
                | As
                | Extends
                | Equal
                | PlusEqual
                | MinusEqual
                | Arrow
                | Colon
                | Bar
                | CloseBrace
                | CloseBracket
                | CloseParen
                | InterpolationEnd
        ) || self.is_binary_operator()
    }

    /// Returns whether the token stands between two operands.
    pub(crate) fn is_binary_operator(self) -> bool {
        use Kind::*;
        matches!(
            self,
            Ampersand
                | Plus
                | Minus
                | Star
                | Slash
                | Percent
                | EqualEqual
                | NotEqual
                | Less
                | LessEqual
                | Greater
                | GreaterEqual
                | AndAnd
                | OrOr
                | QuestionQuestion
        )
    }

    /// Returns the bracket that closes this one.
    pub(crate) fn closer(self) -> Option<Kind> {
        match self {
            Kind::OpenBrace => Some(Kind::CloseBrace),
            Kind::OpenBracket => Some(Kind::CloseBracket),
            Kind::OpenParen => Some(Kind::CloseParen),
            Kind::InterpolationStart => Some(Kind::InterpolationEnd),
            _ => None,
        }
    }

    /// Returns whether the token closes a bracket.
    pub(crate) fn is_closer(self) -> bool {
        matches!(self, Kind::CloseBrace | Kind::CloseBracket | Kind::CloseParen | Kind::InterpolationEnd)
    }

    /// Returns whether the token is a word that can never be a name.
    pub(crate) fn is_reserved_word(self) -> bool {
        use Kind::*;
        matches!(self, Let | In | If | Then | Else | Fn | Import | Match | For | True | False | None | SelfWord | Super)
    }
}
