//! Parts -> text.
//!
//! The writer knows where it stands on its line. A group is joined where all of it and what follows up to the next place
//! that can be broken have room; else its parts get lines of their own, one step further in than the line that the group
//! began on. So `[os.File {` can open two groups on one line, and `}]` closes both.

use super::parts::{Comment, Content, Gap, Group, Holds, Line, Node, Part};
use super::{STEP, WIDTH};
use crate::token::Kind;

/// Returns a file as text.
pub(super) fn write(file: &Group<'_>) -> String {
    let mut writer = Writer::default();
    writer.lines(file, 0);
    if !writer.out.is_empty() {
        writer.out.push('\n');
    }
    writer.with_aligned_comments()
}

#[derive(Default)]
struct Writer {
    out: String,
    /// How many characters the last line has.
    column: usize,
    /// How many spaces it began with.
    indentation: usize,
    /// How many lines there are before it.
    line: usize,
    /// The comments at the ends of lines.
    end_comments: Vec<EndComment>,
}

/// A comment behind something on its line.
struct EndComment {
    /// Where it stands in the text.
    at: usize,
    line: usize,
    indentation: usize,
    column: usize,
}

impl Writer {
    /// Writes the content of a group on lines of its own.
    fn lines(&mut self, group: &Group<'_>, indentation: usize) {
        let mut is_first = true;
        for (index, part) in group.parts.iter().enumerate() {
            let opens_line = index == 0 || !self.shares_line(group, part);
            if !opens_line {
                self.push(group.separator());
            } else {
                self.push(if index > 0 { comma(group, Some(part)) } else { "" });
                self.comments(&part.before, indentation, &mut is_first);
                self.blank_line(part.before.blank && !is_first);
                self.new_line(indentation);
                is_first = false;
            }
            let is_followed = group.parts.get(index + 1).is_some_and(|next| !next.before.is_tall());
            self.part(part, usize::from(is_followed || group.holds == Holds::List), opens_line);
        }
        self.push(if group.parts.is_empty() { "" } else { comma(group, None) });
        self.comments(&group.end, indentation, &mut is_first);
    }

    /// Whether a part stays on the line of the one before it, where the user has put it.
    fn shares_line(&self, group: &Group<'_>, part: &Part<'_>) -> bool {
        let may = group.begins_with_line_end() && !part.before.is_tall();
        let width = if part.is_tall { head(&part.nodes, &tall_gaps(part), 0) } else { part.width };
        may && self.column + group.separator().len() + width < WIDTH
    }

    /// Writes the comments of a gap. `is_first` says that nothing precedes them in their group.
    fn comments(&mut self, gap: &Gap<'_>, indentation: usize, is_first: &mut bool) {
        for (index, comment) in gap.comments.iter().enumerate() {
            if index == 0 && comment.trails && !self.out.is_empty() {
                self.end_comment(comment);
            } else {
                self.blank_line(comment.after_blank && !*is_first);
                self.new_line(indentation);
                self.push(comment.text);
                *is_first = false;
            }
        }
    }

    fn end_comment(&mut self, comment: &Comment<'_>) {
        self.push("  ");
        let (line, indentation, column) = (self.line, self.indentation, self.column);
        self.end_comments.push(EndComment { at: self.out.len(), line, indentation, column });
        self.push(comment.text);
    }

    /// Writes a part; `tail` is how wide what follows on its line is. One that opens its line and is too long for it is
    /// broken at its loosest joint.
    fn part(&mut self, part: &Part<'_>, tail: usize, opens_line: bool) {
        let base = self.indentation;
        let is_long = !part.is_tall && self.column + part.width + tail > WIDTH;
        let breaks = if opens_line && is_long { joints(&part.nodes) } else { tall_gaps(part) };
        // How much further in the operand began whose operators may stand on the next lines.
        let mut operand = if part.nodes[0].kind == Kind::Check { STEP } else { 0 };
        for (index, node) in part.nodes.iter().enumerate() {
            if breaks[index] {
                let goes_on = goes_on(&part.nodes[..index], node.kind);
                operand = if goes_on { operand } else { STEP };
                let indentation = base + if goes_on { operand + STEP } else { STEP };
                self.comments(&node.gap, indentation, &mut true);
                self.new_line(indentation);
            } else if node.has_space {
                self.push(" ");
            }
            match &node.content {
                Content::Word(text) => self.push(text),
                Content::Lines(lines) => self.string(lines),
                Content::Group(group) => self.group(group, head(&part.nodes[index + 1..], &breaks[index + 1..], tail)),
            }
        }
    }

    fn group(&mut self, group: &Group<'_>, tail: usize) {
        let indentation = self.indentation;
        let is_joined = self.is_joined(group, tail);
        self.push(group.open);
        if is_joined {
            self.joined(group, tail);
        } else {
            self.lines(group, indentation + STEP);
            self.new_line(indentation);
        }
        self.push(group.close);
    }

    /// Whether the parts of a group stand on the line that it began on. The last one may have further lines.
    fn is_joined(&self, group: &Group<'_>, tail: usize) -> bool {
        let Some((last, leading)) = group.parts.split_last().filter(|_| !group.is_broken) else {
            return !group.is_broken;
        };
        if group.is_tall {
            let width: usize = leading.iter().map(|part| part.width + group.separator().len()).sum();
            return leading.is_empty() || self.column + 1 + width + head(&last.nodes, &tall_gaps(last), 0) <= WIDTH;
        }
        let can_be_broken_inside = last.nodes.last().is_some_and(|node| opener(node).is_some());
        self.column + group.width + tail <= WIDTH || (!group.has_braces() && leading.is_empty() && can_be_broken_inside)
    }

    fn joined(&mut self, group: &Group<'_>, tail: usize) {
        let padding = if group.parts.is_empty() { "" } else { group.padding() };
        self.push(padding);
        for (index, part) in group.parts.iter().enumerate() {
            if index > 0 {
                self.push(group.separator());
            }
            let is_last = index + 1 == group.parts.len();
            self.part(part, if is_last { padding.len() + group.close.len() + tail } else { 0 }, false);
        }
        self.push(padding);
    }

    /// Writes a string of several lines.
    fn string(&mut self, lines: &[Line]) {
        self.push(&lines[0].text);
        for line in &lines[1..] {
            self.line_end();
            if line.is_indented && !line.text.is_empty() {
                self.push(&" ".repeat(self.indentation + STEP));
            }
            self.push(&line.text);
        }
    }

    /// Begins a line that is indented so far.
    fn new_line(&mut self, indentation: usize) {
        if !self.out.is_empty() {
            self.line_end();
        }
        self.push(&" ".repeat(indentation));
        self.indentation = indentation;
    }

    fn blank_line(&mut self, is_wanted: bool) {
        if is_wanted {
            self.line_end();
        }
    }

    fn line_end(&mut self) {
        self.out.push('\n');
        self.line += 1;
        self.column = 0;
    }

    /// Writes text without line ends.
    fn push(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    /// Returns the text, the comments at the ends of neighbouring lines put below each other.
    fn with_aligned_comments(&self) -> String {
        let (mut text, mut end) = (String::with_capacity(self.out.len()), 0);
        let is_next = |a: &EndComment, b: &EndComment| a.line + 1 == b.line && a.indentation == b.indentation;
        for row in self.end_comments.chunk_by(is_next) {
            let column = row.iter().map(|comment| comment.column).max().expect("a row has comments");
            for comment in row {
                text.push_str(&self.out[end..comment.at]);
                text.push_str(&" ".repeat(column - comment.column));
                end = comment.at;
            }
        }
        text.push_str(&self.out[end..]);
        text
    }
}

/// Returns what stands behind a part on a line of its own, before this one.
fn comma(group: &Group<'_>, next: Option<&Part<'_>>) -> &'static str {
    // At the start of a line these two would go on with what is above.
    let goes_on = |part: &Part<'_>| matches!(part.nodes[0].kind, Kind::Minus | Kind::CloseBrace);
    match group.holds {
        Holds::List => ",",
        Holds::Arms if next.is_some_and(goes_on) => ",",
        _ => "",
    }
}

/// Returns how wide nodes are up to the first place that can be broken, and with what follows them where there is none.
fn head(nodes: &[Node<'_>], breaks: &[bool], tail: usize) -> usize {
    let mut width = 0;
    for (node, breaks) in nodes.iter().zip(breaks) {
        if *breaks {
            return width;
        }
        if let Some(open) = opener(node) {
            return width + usize::from(node.has_space) + open.len();
        }
        width += node.width();
        if matches!(node.content, Content::Lines(_)) {
            return width;
        }
    }
    width + tail
}

/// Returns the bracket that opens a group with something in it.
fn opener<'s>(node: &Node<'s>) -> Option<&'s str> {
    match &node.content {
        Content::Group(group) if !group.is_empty() => Some(group.open),
        _ => None,
    }
}

/// Returns before which nodes of a part the user began a line.
fn tall_gaps(part: &Part<'_>) -> Vec<bool> {
    part.nodes.iter().map(|node| node.gap.is_tall()).collect()
}

/// Returns before which nodes a line begins if they are to be broken at their loosest joint.
fn joints(nodes: &[Node<'_>]) -> Vec<bool> {
    let kind = |index: usize| nodes[index].kind;
    let before_each = |wanted: Kind| (0..nodes.len()).map(|index| index > 0 && kind(index) == wanted).collect();
    let has = |wanted: Kind| nodes.iter().any(|node| node.kind == wanted);
    if has(Kind::Check) {
        return (0..nodes.len())
            .map(|index| index > 0 && kind(index - 1) == Kind::Colon && nodes[index - 1].has_space)
            .collect();
    }
    if has(Kind::Else) {
        let opens = |index: usize| kind(index) == Kind::If && matches!(kind(index - 1), Kind::Equal | Kind::Arrow);
        return (0..nodes.len()).map(|index| index > 0 && (kind(index) == Kind::Else || opens(index))).collect();
    }
    let has_group = nodes.iter().any(|node| opener(node).is_some());
    let mut loosest = [Kind::QuestionQuestion, Kind::OrOr, Kind::AndAnd, Kind::Bar].into_iter();
    let joint = loosest.find(|joint| has(*joint)).or((!has_group).then_some(Kind::Plus));
    joint.map_or_else(|| vec![false; nodes.len()], before_each)
}

/// Whether a line that begins with a token goes on with the operand before it.
fn goes_on(before: &[Node<'_>], next: Kind) -> bool {
    let Some(last) = before.last() else { return false };
    let is_joint = |kind: Kind| kind.is_binary_operator() || kind == Kind::Bar;
    if last.kind.ends_expression() { is_joint(next) || next == Kind::Dot } else { is_joint(last.kind) }
}
