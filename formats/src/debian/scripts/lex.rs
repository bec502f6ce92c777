//! Tokens of shell: words in their parts, and operators. Comments are skipped here; the word behind `<<` has the here-document
//! as its parts.

/// A token and the line it begins on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) line: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Word(Word),
    /// One of [`OPERATORS`], or a line end.
    Operator(&'static str),
}

/// A word as it is written, and what it is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) source: String,
    pub(super) parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Characters that stand for themselves.
    Text { text: String, is_quoted: bool },
    /// `$name` or `${name:-word}` with its operator (`-`, `:-`, `+`, `:+`) and its word.
    Variable { name: String, instead: Option<(&'static str, Word)>, source: String, is_quoted: bool },
    /// `$(echo word | cut -d: -f1)`: a field of a word.
    Field { word: Word, delimiter: char, number: usize },
    /// `$(command)`: what a command prints, once somebody has said what that is.
    Output { script: String, printed: Option<String>, is_quoted: bool },
    /// Something whose value is not known.
    Unknown,
}

/// Longest first, so that the first that fits is the right one.
const OPERATORS: [&str; 20] =
    ["<<-", "&&", "||", ";;", "<<", ">>", "<&", ">&", "<>", ">|", "&>", "(", ")", ";", "&", "|", "<", ">", "{", "}"];

/// How deep words may nest in words.
const MOST_NESTED: usize = 8;

/// Returns the tokens of a script.
pub(super) fn tokens(script: &str) -> Vec<Token> {
    let mut lexer = Lexer { rest: script, line: 1, tokens: Vec::new(), heredocs: Vec::new() };
    while lexer.step() {}
    lexer.tokens
}

struct Lexer<'s> {
    rest: &'s str,
    line: usize,
    tokens: Vec<Token>,
    /// Here-documents that begin after this line.
    heredocs: Vec<Heredoc>,
}

struct Heredoc {
    /// Which token is its delimiter.
    token: usize,
    /// Whether tabs in front of its lines do not belong to it.
    is_indented: bool,
}

impl Lexer<'_> {
    /// Reads one token or a gap between two; returns whether there was anything.
    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else { return false };
        match first {
            '\n' => self.line_end(),
            '#' => self.skip(self.rest.find('\n').unwrap_or(self.rest.len())),
            '\\' if self.rest.starts_with("\\\n") => self.skip(2),
            _ if first.is_whitespace() => self.skip(first.len_utf8()),
            _ => match self.operator() {
                Some(operator) => self.push_operator(operator),
                None => self.push_word(),
            },
        }
        true
    }

    fn skip(&mut self, len: usize) {
        let (skipped, rest) = self.rest.split_at(len);
        self.line += skipped.matches('\n').count();
        self.rest = rest;
    }

    fn line_end(&mut self) {
        self.tokens.push(Token { kind: TokenKind::Operator("\n"), line: self.line });
        self.skip(1);
        for heredoc in std::mem::take(&mut self.heredocs) {
            self.heredoc(&heredoc);
        }
    }

    /// Reads a here-document into the word that is its delimiter. Where quotes are in that, it stands for itself.
    fn heredoc(&mut self, heredoc: &Heredoc) {
        let TokenKind::Word(delimiter) = &self.tokens[heredoc.token].kind else { return };
        let is_literal = delimiter.source.contains(['\'', '"', '\\']);
        let end = delimiter.source.replace(['\'', '"', '\\'], "");
        let mut text = String::new();
        while !self.rest.is_empty() {
            let line = self.rest.split_inclusive('\n').next().unwrap_or_default();
            let content = if heredoc.is_indented { line.trim_start_matches('\t') } else { line };
            self.skip(line.len());
            if content.trim_end_matches('\n') == end {
                break;
            }
            text += content;
        }
        let parts = match is_literal {
            true => vec![Part::Text { text, is_quoted: true }],
            false => word(&text, Until::DocumentEnd, 0).0.parts,
        };
        if let TokenKind::Word(delimiter) = &mut self.tokens[heredoc.token].kind {
            delimiter.parts = parts;
        }
    }

    /// Returns the operator that is next. Braces are words for the shell, but it is simpler to have them here; they count
    /// only where a blank follows.
    fn operator(&self) -> Option<&'static str> {
        let found = OPERATORS.into_iter().find(|operator| self.rest.starts_with(operator))?;
        let after = self.rest[found.len()..].chars().next();
        let stands_alone = after.is_none_or(|next| next.is_whitespace() || matches!(next, ';' | ')' | '&' | '|'));
        (!matches!(found, "{" | "}") || stands_alone).then_some(found)
    }

    fn push_operator(&mut self, operator: &'static str) {
        self.tokens.push(Token { kind: TokenKind::Operator(operator), line: self.line });
        self.skip(operator.len());
    }

    fn push_word(&mut self) {
        let line = self.line;
        let (word, len) = word(self.rest, Until::Blank, 0);
        let len = len.max(self.rest.chars().next().map_or(0, char::len_utf8));
        self.skip(len);
        // `2>&1`: the number of a file that is redirected.
        if word.source.bytes().all(|byte| byte.is_ascii_digit()) && self.rest.starts_with(['<', '>']) {
            return;
        }
        if let Some(Token { kind: TokenKind::Operator(operator @ ("<<" | "<<-")), .. }) = self.tokens.last() {
            self.heredocs.push(Heredoc { token: self.tokens.len(), is_indented: *operator == "<<-" });
        }
        self.tokens.push(Token { kind: TokenKind::Word(word), line });
    }
}

/// What ends a word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// A blank or an operator.
    Blank,
    /// A double quote; what is inside is quoted.
    Quote,
    /// The end of the text: the word after `:-`.
    End,
    /// The end of the text: a here-document, where quotes mean nothing.
    DocumentEnd,
}

/// Reads a word at the start of `text`; returns it with its length.
fn word(text: &str, until: Until, depth: usize) -> (Word, usize) {
    let mut parts: Vec<Part> = Vec::new();
    let is_document = until == Until::DocumentEnd;
    let is_quoted = until == Until::Quote || is_document;
    let mut at = 0;
    while let Some(next) = text[at..].chars().next() {
        let rest = &text[at..];
        let ends = match until {
            Until::Blank => next.is_whitespace() || matches!(next, ';' | '&' | '|' | '<' | '>' | '(' | ')'),
            Until::Quote => next == '"',
            Until::End | Until::DocumentEnd => false,
        };
        if ends {
            break;
        }
        at += match next {
            '\\' => escape(rest, is_quoted, &mut parts),
            '\'' if !is_quoted => {
                let end = rest[1..].find('\'').unwrap_or(rest.len() - 1);
                parts.push(Part::Text { text: rest[1..=end].to_owned(), is_quoted: true });
                (end + 2).min(rest.len())
            }
            '"' if !is_document => {
                let (inner, len) = word(&rest[1..], Until::Quote, depth + 1);
                parts.push(Part::Text { text: String::new(), is_quoted: true });
                parts.extend(inner.parts);
                (len + 2).min(rest.len())
            }
            '$' => dollar(rest, is_quoted, depth, &mut parts),
            '`' => {
                let len = rest[1..].find('`').map_or(rest.len(), |end| end + 2);
                parts.push(output(rest[..len].trim_matches('`'), is_quoted));
                len
            }
            '*' | '?' if !is_quoted => {
                parts.push(Part::Text { text: next.to_string(), is_quoted: false });
                1
            }
            _ => {
                push_text(&mut parts, next, is_quoted);
                next.len_utf8()
            }
        };
    }
    (Word { source: text[..at].to_owned(), parts }, at)
}

fn push_text(parts: &mut Vec<Part>, next: char, quoted: bool) {
    match parts.last_mut() {
        Some(Part::Text { text, is_quoted }) if *is_quoted == quoted => text.push(next),
        _ => parts.push(Part::Text { text: next.to_string(), is_quoted: quoted }),
    }
}

/// Reads a backslash and what it escapes. Between double quotes it escapes only what would mean something there.
fn escape(rest: &str, is_quoted: bool, parts: &mut Vec<Part>) -> usize {
    let Some(escaped) = rest[1..].chars().next() else { return 1 };
    if escaped == '\n' {
        return 2;
    }
    if is_quoted && !matches!(escaped, '$' | '`' | '"' | '\\') {
        push_text(parts, '\\', true);
    }
    parts.push(Part::Text { text: escaped.to_string(), is_quoted: true });
    1 + escaped.len_utf8()
}

/// Reads what begins with `$`; returns its length.
fn dollar(rest: &str, is_quoted: bool, depth: usize, parts: &mut Vec<Part>) -> usize {
    let after = &rest[1..];
    match after.chars().next() {
        Some('(') => {
            let len = 1 + balanced(after, '(', ')');
            parts.push(substitution(&rest[..len], is_quoted, depth));
            len
        }
        Some('{') => {
            let len = 1 + balanced(after, '{', '}');
            parts.push(braced(&rest[..len], is_quoted, depth));
            len
        }
        Some(first) if is_name_start(first) || first.is_ascii_digit() || "@*#?$!-".contains(first) => {
            let len = match is_name_start(first) {
                true => after.find(|c: char| !is_name_start(c) && !c.is_ascii_digit()).unwrap_or(after.len()),
                false => 1,
            };
            let (name, source) = (after[..len].to_owned(), rest[..=len].to_owned());
            parts.push(Part::Variable { name, instead: None, source, is_quoted });
            1 + len
        }
        _ => {
            push_text(parts, '$', is_quoted);
            1
        }
    }
}

/// Reads `$(...)`.
fn substitution(source: &str, is_quoted: bool, depth: usize) -> Part {
    let inner = source.strip_prefix("$(").and_then(|inner| inner.strip_suffix(')'));
    match inner {
        // Arithmetic, or no end.
        None => Part::Unknown,
        Some(inner) if inner.starts_with('(') => Part::Unknown,
        Some(inner) => field(source, depth).unwrap_or_else(|| output(inner, is_quoted)),
    }
}

fn output(script: &str, is_quoted: bool) -> Part {
    Part::Output { script: script.to_owned(), printed: None, is_quoted }
}

/// Reads the one pipeline whose output follows from its text: `$(echo word | cut -d: -f1)`.
fn field(source: &str, depth: usize) -> Option<Part> {
    let inner = source.strip_prefix("$(echo ")?.strip_suffix(')')?;
    let (text, cut) = inner.split_once(" | cut -d")?;
    let (delimiter, number) = cut.split_once(" -f")?;
    let mut delimiters = delimiter.trim_matches(['\'', '"']).chars();
    let (Some(delimiter), None) = (delimiters.next(), delimiters.next()) else { return None };
    let number = number.parse().ok().filter(|number| *number > 0 && depth < MOST_NESTED)?;
    let (word, len) = word(text, Until::Blank, depth + 1);
    (len == text.len()).then_some(Part::Field { word, delimiter, number })
}

pub(super) fn is_name_start(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic()
}

/// Reads `${...}`.
fn braced(source: &str, is_quoted: bool, depth: usize) -> Part {
    let Some(inner) = source.strip_prefix("${").and_then(|inner| inner.strip_suffix('}')) else { return Part::Unknown };
    let len = match inner.starts_with(is_name_start) {
        true => inner.find(|c: char| !is_name_start(c) && !c.is_ascii_digit()).unwrap_or(inner.len()),
        false => inner.chars().next().map_or(0, char::len_utf8),
    };
    let (name, rest) = inner.split_at(len);
    let instead = if rest.is_empty() {
        None
    } else {
        let Some(operator) = [":-", ":+", "-", "+"].into_iter().find(|operator| rest.starts_with(operator)) else {
            return Part::Unknown;
        };
        if depth >= MOST_NESTED {
            return Part::Unknown;
        }
        Some((operator, word(&rest[operator.len()..], Until::End, depth + 1).0))
    };
    Part::Variable { name: name.to_owned(), instead, source: source.to_owned(), is_quoted }
}

/// Returns the length of a text up to the bracket that closes its first one; quotes hide brackets.
fn balanced(text: &str, open: char, close: char) -> usize {
    let (mut depth, mut quote, mut is_escaped) = (0usize, None, false);
    for (at, c) in text.char_indices() {
        if is_escaped {
            is_escaped = false;
            continue;
        }
        match (c, quote) {
            ('\\', None | Some('"')) => is_escaped = true,
            (_, Some(open_quote)) if c == open_quote => quote = None,
            (_, Some(_)) => {}
            ('\'' | '"', None) => quote = Some(c),
            _ if c == open => depth += 1,
            _ if c == close => {
                depth -= 1;
                if depth == 0 {
                    return at + c.len_utf8();
                }
            }
            _ => {}
        }
    }
    text.len()
}
