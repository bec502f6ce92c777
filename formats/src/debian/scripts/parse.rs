//! Lists of commands out of tokens. Nothing is an error: what is not understood is skipped.

use super::lex::{Token, TokenKind, Word, is_name_start, tokens};

/// Commands one after another.
pub(super) type List = Vec<Chain>;

/// Pipelines joined by `&&` and `||`.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    pub(super) first: Pipeline,
    pub(super) rest: Vec<(Join, Pipeline)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Join {
    And,
    Or,
}

/// Commands joined by `|`, perhaps negated.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    pub(super) is_negated: bool,
    pub(super) nodes: Vec<Node>,
    /// As it is written, more or less.
    pub(super) source: String,
}

#[derive(Clone, Debug)]
pub(super) enum Node {
    Simple(Simple),
    If {
        branches: Vec<(List, List)>,
        otherwise: List,
    },
    Case {
        word: Word,
        arms: Vec<(Vec<Word>, List)>,
    },
    For {
        name: String,
        words: Vec<Word>,
        body: List,
    },
    While {
        condition: List,
        body: List,
    },
    Group(List),
    /// Something other than a simple command whose output goes to files; these are of a command without words.
    Redirected {
        node: Box<Node>,
        outputs: Simple,
    },
    Function {
        name: String,
        body: List,
    },
}

#[derive(Clone, Debug, Default)]
pub(super) struct Simple {
    pub(super) assignments: Vec<(String, Word)>,
    pub(super) words: Vec<Word>,
    pub(super) redirections: Vec<(&'static str, Word)>,
    pub(super) line: usize,
}

/// How deep commands may nest; deeper ones are read as if they stood outside.
const MOST_NESTED: usize = 64;

/// Parses a script.
pub(super) fn parse(script: &str) -> List {
    let mut parser = Parser { tokens: tokens(script), at: 0, depth: 0 };
    let mut list = Vec::new();
    while parser.at < parser.tokens.len() {
        list.extend(parser.list(&[]));
        // A word that closes what was never opened.
        parser.at += 1;
    }
    list
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&TokenKind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    fn is_operator(&self, operator: &str) -> bool {
        matches!(self.peek(), Some(TokenKind::Operator(found)) if *found == operator)
    }

    fn eat(&mut self, operator: &str) -> bool {
        let is_next = self.is_operator(operator);
        self.at += usize::from(is_next);
        is_next
    }

    /// Returns the next token if it is a word, as it is written.
    fn peek_word(&self) -> Option<&str> {
        match self.peek() {
            Some(TokenKind::Word(word)) => Some(&word.source),
            _ => None,
        }
    }

    fn eat_word(&mut self, text: &str) -> bool {
        let is_next = self.peek_word() == Some(text);
        self.at += usize::from(is_next);
        is_next
    }

    fn take_word(&mut self) -> Option<Word> {
        let Some(TokenKind::Word(word)) = self.peek() else { return None };
        let word = word.clone();
        self.at += 1;
        Some(word)
    }

    fn skip_line_ends(&mut self) {
        while self.eat("\n") || self.eat(";") {}
    }

    /// Parses commands up to one of the words `ends`, or to something that closes.
    fn list(&mut self, ends: &[&str]) -> List {
        let mut list = Vec::new();
        loop {
            while self.eat("\n") || self.eat(";") || self.eat("&") {}
            let closes = match self.peek() {
                None => true,
                Some(TokenKind::Operator(operator)) => matches!(*operator, ")" | "}" | ";;"),
                Some(TokenKind::Word(word)) => ends.contains(&word.source.as_str()),
            };
            if closes {
                return list;
            }
            let before = self.at;
            list.push(self.chain());
            if self.at == before {
                self.at += 1;
            }
        }
    }

    fn chain(&mut self) -> Chain {
        let first = self.pipeline();
        let mut rest = Vec::new();
        loop {
            let join = match () {
                () if self.eat("&&") => Join::And,
                () if self.eat("||") => Join::Or,
                () => return Chain { first, rest },
            };
            while self.eat("\n") {}
            rest.push((join, self.pipeline()));
        }
    }

    fn pipeline(&mut self) -> Pipeline {
        let start = self.at;
        let mut is_negated = false;
        while self.eat_word("!") {
            is_negated = !is_negated;
        }
        let mut nodes = vec![self.node()];
        while self.eat("|") {
            while self.eat("\n") {}
            nodes.push(self.node());
        }
        let source = self.source(start);
        Pipeline { is_negated, nodes, source }
    }

    /// Returns the tokens since `start`, with blanks between them.
    fn source(&self, start: usize) -> String {
        let texts = self.tokens[start..self.at].iter().map(|token| match &token.kind {
            TokenKind::Word(word) => word.source.as_str(),
            TokenKind::Operator("\n") => ";",
            TokenKind::Operator(operator) => operator,
        });
        texts.collect::<Vec<_>>().join(" ")
    }

    fn node(&mut self) -> Node {
        if self.depth >= MOST_NESTED {
            return self.simple();
        }
        self.depth += 1;
        let word = self.peek_word().map(str::to_owned);
        let node = match word.as_deref() {
            Some("if") => self.condition(),
            Some("case") => self.case(),
            Some("for") => self.loop_over_words(),
            Some("while" | "until") => self.loop_while(),
            Some("function") => self.simple(),
            _ if self.eat("{") => self.group("}"),
            _ if self.eat("(") => self.group(")"),
            _ => self.function().unwrap_or_else(|| self.simple()),
        };
        self.depth -= 1;
        // A simple command has none left.
        self.redirected(node)
    }

    fn group(&mut self, close: &str) -> Node {
        let list = self.list(&[]);
        self.eat(close);
        Node::Group(list)
    }

    /// Parses the redirections behind something that has its own end. Its input is of no account.
    fn redirected(&mut self, node: Node) -> Node {
        let line = self.tokens.get(self.at).map_or(0, |token| token.line);
        let redirections = std::iter::from_fn(|| self.redirection());
        let redirections: Vec<_> =
            redirections.filter(|(operator, _)| matches!(*operator, ">" | ">>" | ">|")).collect();
        match redirections.is_empty() {
            true => node,
            false => {
                Node::Redirected { node: Box::new(node), outputs: Simple { redirections, line, ..Simple::default() } }
            }
        }
    }

    fn condition(&mut self) -> Node {
        let (mut branches, mut otherwise) = (Vec::new(), Vec::new());
        while self.eat_word("if") || self.eat_word("elif") {
            let condition = self.list(&["then", "fi"]);
            self.eat_word("then");
            branches.push((condition, self.list(&["elif", "else", "fi"])));
            if self.peek_word() != Some("elif") {
                break;
            }
        }
        if self.eat_word("else") {
            otherwise = self.list(&["fi"]);
        }
        self.eat_word("fi");
        Node::If { branches, otherwise }
    }

    fn case(&mut self) -> Node {
        self.at += 1;
        let word = self.take_word().unwrap_or_default();
        while self.eat("\n") {}
        self.eat_word("in");
        let mut arms = Vec::new();
        loop {
            self.skip_line_ends();
            if self.eat_word("esac") || self.peek().is_none() {
                break;
            }
            let before = self.at;
            arms.push(self.arm());
            if self.at == before {
                break;
            }
        }
        Node::Case { word, arms }
    }

    fn arm(&mut self) -> (Vec<Word>, List) {
        self.eat("(");
        let mut patterns = Vec::new();
        while let Some(pattern) = self.take_word() {
            patterns.push(pattern);
            if !self.eat("|") {
                break;
            }
        }
        self.eat(")");
        let body = self.list(&["esac"]);
        self.eat(";;");
        (patterns, body)
    }

    fn loop_over_words(&mut self) -> Node {
        self.at += 1;
        let name = self.take_word().unwrap_or_default().source;
        while self.eat("\n") {}
        let mut words = Vec::new();
        if self.eat_word("in") {
            while let Some(word) = self.take_word() {
                words.push(word);
            }
        }
        let body = self.body_of_loop();
        Node::For { name, words, body }
    }

    fn loop_while(&mut self) -> Node {
        self.at += 1;
        let condition = self.list(&["do", "done"]);
        let body = self.body_of_loop();
        Node::While { condition, body }
    }

    fn body_of_loop(&mut self) -> List {
        self.skip_line_ends();
        self.eat_word("do");
        let body = self.list(&["done"]);
        self.eat_word("done");
        body
    }

    /// Parses `name() { ... }`, if that is next.
    fn function(&mut self) -> Option<Node> {
        let name = self.peek_word().filter(|name| name.starts_with(is_name_start))?.to_owned();
        let opens = [1, 2].map(|ahead| self.tokens.get(self.at + ahead).map(|token| &token.kind));
        let [Some(TokenKind::Operator("(")), Some(TokenKind::Operator(")"))] = opens else { return None };
        self.at += 3;
        while self.eat("\n") {}
        let body = match self.node() {
            Node::Group(list) => list,
            node => vec![Chain {
                first: Pipeline { is_negated: false, nodes: vec![node], source: String::new() },
                rest: Vec::new(),
            }],
        };
        Some(Node::Function { name, body })
    }

    fn simple(&mut self) -> Node {
        let mut simple = Simple { line: self.tokens.get(self.at).map_or(0, |token| token.line), ..Simple::default() };
        loop {
            if let Some(redirection) = self.redirection() {
                simple.redirections.push(redirection);
            } else if let Some(word) = self.take_word() {
                match assignment(&word) {
                    Some(assigned) if simple.words.is_empty() => simple.assignments.push(assigned),
                    _ => simple.words.push(word),
                }
            } else {
                return Node::Simple(simple);
            }
        }
    }

    fn redirection(&mut self) -> Option<(&'static str, Word)> {
        let Some(TokenKind::Operator(operator)) = self.peek() else { return None };
        let operator = *operator;
        if !operator.starts_with(['<', '>']) && operator != "&>" {
            return None;
        }
        self.at += 1;
        Some((operator, self.take_word().unwrap_or_default()))
    }
}

/// Returns the name and the value of `name=value`.
pub(super) fn assignment(word: &Word) -> Option<(String, Word)> {
    use super::lex::Part;
    let (name, source) = word.source.split_once('=')?;
    let is_name = name.starts_with(is_name_start) && name.chars().all(|c| is_name_start(c) || c.is_ascii_digit());
    let Some(Part::Text { text, is_quoted: false }) = word.parts.first().filter(|_| is_name) else { return None };
    let first = Part::Text { text: text.strip_prefix(name)?.strip_prefix('=')?.to_owned(), is_quoted: false };
    let parts = std::iter::once(first).chain(word.parts[1..].iter().cloned()).collect();
    Some((name.to_owned(), Word { source: source.to_owned(), parts }))
}
