//! How two trees differ, and which lines of the fixture explain it.
//!
//! ```text
//! # REASON
//! PATTERN            WHAT            in each suite
//! trixie PATTERN     WHAT            in this one only
//! ```
//! In a pattern `*` stands for any characters but `/`, `?` for one of them, and `**` for any characters. Every line
//! belongs to the reason above it.

use std::fmt;

use super::tree::{Content, Node, Tree};

/// In which way a path differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// Only gravure has it.
    Ours,
    /// Only mmdebstrap has it.
    Theirs,
    Kind,
    Mode,
    Owner,
    Target,
    Content,
}

const WHATS: [(&str, What); 7] = [
    ("ours", What::Ours),
    ("theirs", What::Theirs),
    ("kind", What::Kind),
    ("mode", What::Mode),
    ("owner", What::Owner),
    ("target", What::Target),
    ("content", What::Content),
];

/// A way in which a path differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) path: String,
    pub(super) what: What,
    /// What both have.
    details: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, _) = WHATS.iter().find(|(_, what)| *what == self.what).expect("each has a name");
        write!(f, "{}  {name}  {}", self.path, self.details)
    }
}

/// Returns how `ours` differs from `theirs`, by path.
pub(super) fn differences(ours: &Tree, theirs: &Tree) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut add = |path: &str, what, details| found.push(Difference { path: path.to_owned(), what, details });
    for (path, node) in ours {
        match theirs.get(path) {
            Some(other) => compare(node, other, &mut |what, details| add(path, what, details)),
            None => add(path, What::Ours, summary(node)),
        }
    }
    let only_theirs = theirs.iter().filter(|(path, _)| !ours.contains_key(*path));
    only_theirs.for_each(|(path, node)| add(path, What::Theirs, summary(node)));
    found.sort_by(|a, b| (&a.path, a.what).cmp(&(&b.path, b.what)));
    found
}

fn compare(ours: &Node, theirs: &Node, add: &mut impl FnMut(What, String)) {
    if ours.kind != theirs.kind {
        // Nothing else can be the same.
        return add(What::Kind, format!("{}, theirs {}", summary(ours), summary(theirs)));
    }
    if ours.mode != theirs.mode {
        add(What::Mode, format!("{:o}, theirs {:o}", ours.mode, theirs.mode));
    }
    if ours.owner != theirs.owner {
        add(What::Owner, format!("{}, theirs {}", ours.owner, theirs.owner));
    }
    if ours.target != theirs.target {
        add(What::Target, format!("{:?}, theirs {:?}", ours.target, theirs.target));
    }
    if ours.content != theirs.content {
        add(What::Content, content(ours.content.as_ref(), theirs.content.as_ref()));
    }
}

fn summary(node: &Node) -> String {
    let target = node.target.as_ref().map(|target| format!(" -> {target}"));
    format!("{:?} {:o} {}{}", node.kind, node.mode, node.owner, target.unwrap_or_default())
}

/// Returns the lines that only one of two texts has.
fn content(ours: Option<&Content>, theirs: Option<&Content>) -> String {
    let (Some(Content::Text(ours)), Some(Content::Text(theirs))) = (ours, theirs) else { return String::new() };
    let only = |sign, these: &str, those: &str| -> String {
        let those: Vec<&str> = those.lines().collect();
        let lines = these.lines().filter(|line| !those.contains(line)).take(8);
        lines.map(|line| format!("\n    {sign} {line}")).collect()
    };
    only('+', ours, theirs) + &only('-', theirs, ours)
}

/// A line of the fixture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line<'a> {
    text: &'a str,
    suite: Option<&'a str>,
    pattern: &'a str,
    what: What,
}

impl Line<'_> {
    fn explains(&self, difference: &Difference) -> bool {
        self.what == difference.what && matches(self.pattern.as_bytes(), difference.path.as_bytes())
    }
}

/// Returns the lines of a fixture; panics where one is not as it should be.
fn lines(fixture: &str) -> Vec<Line<'_>> {
    let mut has_reason = false;
    let mut lines = Vec::new();
    for text in fixture.lines() {
        if text.is_empty() {
            has_reason = false;
        } else if text.starts_with('#') {
            has_reason = true;
        } else {
            assert!(has_reason, "no reason stands above `{text}`");
            lines.push(line(text));
        }
    }
    lines
}

fn line(text: &str) -> Line<'_> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (suite, pattern, what) = match words[..] {
        [pattern, what] => (None, pattern, what),
        [suite, pattern, what] => (Some(suite), pattern, what),
        _ => panic!("`{text}` is not `[SUITE] PATTERN WHAT`"),
    };
    let (_, what) = WHATS.iter().find(|(name, _)| *name == what).unwrap_or_else(|| panic!("`{text}` has no WHAT"));
    Line { text, suite, pattern, what: *what }
}

/// Whether a path is of this pattern.
fn matches(pattern: &[u8], path: &[u8]) -> bool {
    match pattern {
        [] => path.is_empty(),
        [b'*', b'*', rest @ ..] => (0..=path.len()).any(|len| matches(rest, &path[len..])),
        [b'*', rest @ ..] => {
            let len = path.iter().position(|&byte| byte == b'/').unwrap_or(path.len());
            (0..=len).any(|len| matches(rest, &path[len..]))
        }
        [first, rest @ ..] => {
            let fits = |byte: &u8| byte == first || (*first == b'?' && *byte != b'/');
            path.first().is_some_and(fits) && matches(rest, &path[1..])
        }
    }
}

/// Returns what is wrong: differences that no line explains, and lines that explain nothing in this suite although they
/// are for it.
pub(super) fn unexplained(fixture: &str, suite: &str, differences: &[Difference]) -> Vec<String> {
    let mut lines = lines(fixture);
    lines.retain(|line| line.suite.is_none_or(|only| only == suite));
    let is_unexplained = |difference: &&Difference| !lines.iter().any(|line| line.explains(difference));
    let is_idle = |line: &&Line<'_>| !differences.iter().any(|difference| line.explains(difference));
    let unexplained = differences.iter().filter(is_unexplained).map(Difference::to_string);
    let idle =
        lines.iter().filter(is_idle).map(|line| format!("this line of the fixture explains nothing: {}", line.text));
    unexplained.chain(idle).collect()
}

#[test]
fn what_no_line_explains_and_what_explains_nothing_is_told() {
    let difference = |path: &str, what| Difference { path: path.to_owned(), what, details: "here".to_owned() };
    let found = [
        difference("/etc/rc0.d/K01x", What::Theirs),
        difference("/usr/a/b/c", What::Mode),
        difference("/usr/a/b", What::Owner),
    ];
    let fixture =
        "# Links.\n/etc/rc?.d/*  theirs\nold /gone  ours\n\n# More.\n/usr/**c mode\n/usr/* owner\nnew /usr/?/b mode\n";
    let told = [
        "/usr/a/b  owner  here",
        "this line of the fixture explains nothing: /usr/* owner",
        "this line of the fixture explains nothing: new /usr/?/b mode",
    ];
    assert_eq!(unexplained(fixture, "new", &found), told);
}

#[test]
#[should_panic(expected = "no reason stands above `/a ours`")]
fn every_line_has_a_reason() {
    unexplained("# A reason.\n\n/a ours\n", "new", &[]);
}
