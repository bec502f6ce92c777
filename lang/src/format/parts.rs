//! Tokens -> parts in brackets in parts: all that the writer has to know.
//!
//! A file is a group without brackets. A group has parts: items, elements, arms, entries. A part is a row of words,
//! strings and groups. Commas, semicolons and line ends between parts are gone; what stood around them is one gap.

use crate::token::{Kind, Lexeme};

/// What stands between two tokens: spaces, line ends and comments.
#[derive(Debug, Default)]
pub(super) struct Gap<'s> {
    pub(super) comments: Vec<Comment<'s>>,
    /// Whether there is a line end.
    pub(super) breaks: bool,
    /// Whether there is an empty line behind the last comment.
    pub(super) blank: bool,
}

/// `# text` or `## text`
#[derive(Debug)]
pub(super) struct Comment<'s> {
    pub(super) text: &'s str,
    /// Whether something stands before it on its line.
    pub(super) trails: bool,
    /// Whether the line above is empty.
    pub(super) after_blank: bool,
}

/// A pair of brackets with its content, or the whole file.
#[derive(Debug)]
pub(super) struct Group<'s> {
    pub(super) holds: Holds,
    /// The opening bracket; nothing for the file.
    pub(super) open: &'s str,
    pub(super) close: &'s str,
    pub(super) parts: Vec<Part<'s>>,
    /// What stands before the closing bracket.
    pub(super) end: Gap<'s>,
    /// Whether its parts stand on lines of their own in any case.
    pub(super) is_broken: bool,
    /// Whether it takes several lines in any case.
    pub(super) is_tall: bool,
    /// How wide it is on one line.
    pub(super) width: usize,
}

/// What parts a group has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// Items, or entries of a map.
    Items,
    /// Arms of a `match`.
    Arms,
    /// Elements of a list, arguments, parameters.
    List,
    /// One part, behind which no comma may stand: an index, parentheses, a comprehension.
    One,
}

/// What stands between two separators.
#[derive(Debug)]
pub(super) struct Part<'s> {
    /// What stands before its first node.
    pub(super) before: Gap<'s>,
    /// At least one.
    pub(super) nodes: Vec<Node<'s>>,
    /// Whether it takes several lines in any case.
    pub(super) is_tall: bool,
    /// How wide it is on one line.
    pub(super) width: usize,
}

/// A word, a string or a group.
#[derive(Debug)]
pub(super) struct Node<'s> {
    /// The kind of its last token.
    pub(super) kind: Kind,
    /// What stands before it; nothing for the first node of a part.
    pub(super) gap: Gap<'s>,
    /// Whether a space stands before it on the same line.
    pub(super) has_space: bool,
    pub(super) content: Content<'s>,
}

#[derive(Debug)]
pub(super) enum Content<'s> {
    /// A token, or a string of one line, as it stands in the text.
    Word(&'s str),
    /// A string of several lines.
    Lines(Vec<Line>),
    Group(Group<'s>),
}

/// A line of a string.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// What stands on it, without the indentation that the string loses.
    pub(super) text: String,
    /// Whether it gets an indentation that the string loses again.
    pub(super) is_indented: bool,
}

/// Returns the parts of a whole file.
pub(super) fn parts<'s>(text: &'s str, tokens: &[Lexeme]) -> Group<'s> {
    Reader { text, tokens, next: 0, end: 0 }.group(None, None)
}

impl<'s> Gap<'s> {
    /// Reads what stands between two tokens, or before the first token of a file.
    pub(super) fn new(text: &'s str, is_first: bool) -> Gap<'s> {
        let mut gap = Gap::default();
        let mut lines = text.split('\n').map(str::trim).enumerate().peekable();
        while let Some((index, line)) = lines.next() {
            gap.breaks |= index > 0;
            if !line.is_empty() {
                let trails = index == 0 && !is_first;
                gap.comments.push(Comment { text: line, trails, after_blank: std::mem::take(&mut gap.blank) });
            } else if index > 0 {
                // Behind the last line end stands the next token.
                gap.blank |= lines.peek().is_some();
            }
        }
        gap
    }

    /// Returns this gap and the next one, between which a separator stood.
    fn join(mut self, next: Gap<'s>) -> Gap<'s> {
        self.comments.extend(next.comments);
        Gap { comments: self.comments, breaks: self.breaks || next.breaks, blank: next.blank }
    }

    /// Whether a line ends in it that does not end a part.
    pub(super) fn is_tall(&self) -> bool {
        self.breaks || !self.comments.is_empty()
    }
}

impl Group<'_> {
    /// Returns what stands between parts on one line.
    pub(super) fn separator(&self) -> &'static str {
        if self.holds == Holds::Items { "; " } else { ", " }
    }

    /// Returns what stands inside of the brackets on one line.
    pub(super) fn padding(&self) -> &'static str {
        if self.has_braces() { " " } else { "" }
    }

    pub(super) fn has_braces(&self) -> bool {
        matches!(self.holds, Holds::Items | Holds::Arms)
    }

    /// Whether there is nothing between the brackets.
    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty() && !self.is_broken
    }

    /// Whether its content began on a new line; that of a file does.
    pub(super) fn begins_with_line_end(&self) -> bool {
        self.open.is_empty() || self.parts.first().is_some_and(|part| part.before.breaks)
    }

    /// Finds out how large it is.
    fn measured(mut self) -> Self {
        let has_comments = |gap: &Gap<'_>| !gap.comments.is_empty();
        let tall = self.parts.iter().filter(|part| part.is_tall).count();
        let last_is_tall = self.parts.last().is_some_and(|part| part.is_tall);
        self.is_broken = self.begins_with_line_end()
            || has_comments(&self.end)
            || self.parts.iter().any(|part| has_comments(&part.before))
            || if self.has_braces() { tall > 0 } else { tall > usize::from(last_is_tall) };
        self.is_tall = self.is_broken || tall > 0;
        let gaps = 2 * self.padding().len() + self.separator().len() * self.parts.len().saturating_sub(1);
        let inner = if self.parts.is_empty() { 0 } else { gaps };
        self.width =
            self.open.len() + self.close.len() + inner + self.parts.iter().map(|part| part.width).sum::<usize>();
        self
    }
}

impl Node<'_> {
    /// Returns how wide it is on one line, with the space before it.
    pub(super) fn width(&self) -> usize {
        let width = match &self.content {
            Content::Word(text) => text.chars().count(),
            Content::Lines(lines) => lines[0].text.chars().count(),
            Content::Group(group) => group.width,
        };
        usize::from(self.has_space) + width
    }

    /// Whether its content takes several lines in any case.
    fn is_tall(&self) -> bool {
        match &self.content {
            Content::Word(_) => false,
            Content::Lines(_) => true,
            Content::Group(group) => group.is_tall,
        }
    }
}

struct Reader<'s, 't> {
    text: &'s str,
    tokens: &'t [Lexeme],
    /// The next token.
    next: usize,
    /// Where the last token ended.
    end: usize,
}

impl<'s> Reader<'s, '_> {
    /// Reads the content of a group behind its opening bracket, and the closing one. `before` stands before the group.
    fn group(&mut self, opener: Option<Lexeme>, before: Option<Kind>) -> Group<'s> {
        let holds = opener.map_or(Holds::Items, |opener| self.holds(opener.kind, before));
        let mut parts = Vec::new();
        let mut gap = self.gap();
        while let Some(token) = self.peek().filter(|token| !token.kind.is_closer()) {
            if is_separator(token.kind) {
                self.advance();
                gap = gap.join(self.gap());
            } else {
                parts.push(self.part(gap));
                gap = self.gap();
            }
        }
        let open = opener.map_or("", |opener| opener.text(self.text));
        let close = self.peek().map_or("", |token| token.text(self.text));
        self.advance();
        Group { holds, open, close, parts, end: gap, is_broken: false, is_tall: false, width: 0 }.measured()
    }

    /// Returns what a group holds whose opening bracket has been read.
    fn holds(&self, opener: Kind, before: Option<Kind>) -> Holds {
        let follows_expression = before.is_some_and(Kind::ends_expression);
        let is_list = match opener {
            Kind::OpenBrace if before == Some(Kind::Of) => return Holds::Arms,
            Kind::OpenBrace => return Holds::Items,
            Kind::OpenBracket => !follows_expression && self.peek().is_none_or(|next| next.kind != Kind::For),
            _ => follows_expression || before == Some(Kind::Fn),
        };
        if is_list { Holds::List } else { Holds::One }
    }

    fn part(&mut self, before: Gap<'s>) -> Part<'s> {
        let mut nodes: Vec<Node<'s>> = Vec::new();
        while let Some(token) = self.peek().filter(|token| !token.kind.is_closer() && !is_separator(token.kind)) {
            let gap = if nodes.is_empty() { Gap::default() } else { self.gap() };
            let has_space = has_space(&nodes, token.kind);
            let (kind, content) = self.content(nodes.last().map(|node| node.kind));
            nodes.push(Node { kind, gap, has_space, content });
        }
        let is_tall = nodes.iter().any(|node| node.gap.is_tall() || node.is_tall());
        let width = nodes.iter().map(Node::width).sum();
        Part { before, nodes, is_tall, width }
    }

    /// Reads a word, a string or a group, and returns the kind of its last token, too.
    fn content(&mut self, before: Option<Kind>) -> (Kind, Content<'s>) {
        let first = self.advance().expect("the caller has seen a token");
        if first.kind == Kind::StringStart {
            return (Kind::StringEnd, self.string(first));
        }
        match first.kind.closer() {
            Some(closer) => (closer, Content::Group(self.group(Some(first), before))),
            None => (first.kind, Content::Word(first.text(self.text))),
        }
    }

    /// Reads a string behind its opening quotes. The code in it stays as it is.
    fn string(&mut self, first: Lexeme) -> Content<'s> {
        let mut lines = vec![Line { text: first.text(self.text).to_owned(), is_indented: false }];
        // A string of several lines begins behind the line end that follows its quotes.
        lines.extend(self.gap().breaks.then(|| Line { text: String::new(), is_indented: true }));
        loop {
            let token = self.advance().expect("strings are closed");
            if token.kind == Kind::InterpolationStart {
                let end = self.end_of_interpolation();
                add(&mut lines, &self.text[token.start as usize..end], false);
            } else {
                add(&mut lines, token.text(self.text), true);
            }
            if token.kind == Kind::StringEnd {
                let word = &self.text[first.start as usize..token.end as usize];
                return if lines.len() == 1 { Content::Word(word) } else { Content::Lines(lines) };
            }
        }
    }

    /// Reads the code of an interpolation, and returns where it ends.
    fn end_of_interpolation(&mut self) -> usize {
        let mut open = 1;
        while open > 0 {
            let token = self.advance().expect("interpolations are closed");
            open += usize::from(token.kind == Kind::InterpolationStart);
            open -= usize::from(token.kind == Kind::InterpolationEnd);
        }
        self.end
    }

    fn peek(&self) -> Option<Lexeme> {
        self.tokens.get(self.next).copied()
    }

    fn advance(&mut self) -> Option<Lexeme> {
        let token = self.peek()?;
        self.next += 1;
        self.end = token.end as usize;
        Some(token)
    }

    /// Returns what stands before the next token.
    fn gap(&self) -> Gap<'s> {
        let end = self.peek().map_or(self.text.len(), |token| token.start as usize);
        Gap::new(&self.text[self.end..end], self.next == 0)
    }
}

fn is_separator(kind: Kind) -> bool {
    matches!(kind, Kind::Comma | Kind::Semicolon)
}

/// Adds a piece of a string to its lines.
fn add(lines: &mut Vec<Line>, piece: &str, is_text: bool) {
    for (index, line) in piece.split('\n').enumerate() {
        if index > 0 {
            lines.push(Line { text: String::new(), is_indented: is_text });
        }
        let line = if is_text { line } else { line.trim_end_matches('\r') };
        lines.last_mut().expect("there is a first line").text.push_str(line);
    }
}

/// Whether a space stands between these nodes and a token.
fn has_space(nodes: &[Node<'_>], next: Kind) -> bool {
    let Some(last) = nodes.last() else { return false };
    if last.kind == Kind::Dot || is_unary(nodes) {
        // `-1MiB` is an error, and `- 1MiB` is not one before evaluation.
        return next == Kind::Size && last.kind == Kind::Minus;
    }
    match next {
        // `./a.b` is one path.
        Kind::Dot => last.kind == Kind::Path,
        Kind::OpenParen => !last.kind.ends_expression() && last.kind != Kind::Fn,
        Kind::OpenBracket => !last.kind.ends_expression(),
        Kind::Colon => nodes[0].kind == Kind::Check && !is_signature(nodes),
        _ => true,
    }
}

/// Whether the last of these nodes is an operator before its operand.
fn is_unary(nodes: &[Node<'_>]) -> bool {
    match nodes {
        [.., last] if last.kind == Kind::Not => true,
        [.., before, last] => last.kind == Kind::Minus && !before.kind.ends_expression(),
        [last] => last.kind == Kind::Minus,
        [] => false,
    }
}

/// Whether these nodes end with the parameters of a function without a name.
fn is_signature(nodes: &[Node<'_>]) -> bool {
    matches!(nodes, [.., word, parameters] if word.kind == Kind::Fn && parameters.kind == Kind::CloseParen)
}
