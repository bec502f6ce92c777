//! Strings: quoted on one line, or between `"""` where they have several lines.

use crate::ast::Piece;
use crate::source::is_refused;

use super::{Mode, Printer};

/// Returns a text as a string literal.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '"' => out.push_str("\\\""),
            _ => push_escaped(&mut out, c, rest.as_str()),
        }
    }
    out.push('"');
    out
}

/// Writes a character that `rest` follows, escaped where every kind of string asks for it.
fn push_escaped(out: &mut String, c: char, rest: &str) {
    match c {
        '\\' => out.push_str("\\\\"),
        '$' if rest.starts_with('{') => out.push_str("\\$"),
        '\r' => out.push_str("\\r"),
        _ if is_refused(c) => out.push_str(&c.escape_unicode().to_string()),
        _ => out.push(c),
    }
}

/// Returns the text of a `"""` string, its lines without indentation.
fn escape_block(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '"' if rest.as_str().starts_with("\"\"") => out.push_str("\\\""),
            _ => push_escaped(&mut out, c, rest.as_str()),
        }
    }
    out
}

/// Whether a string reads better as a block: it has several lines and ends with a line end.
fn is_block(pieces: &[Piece<'_>]) -> bool {
    let line_ends = pieces.iter().map(|piece| match piece {
        Piece::Text(text) => text.matches('\n').count(),
        Piece::Interpolated(_) => 0,
    });
    matches!(pieces.last(), Some(Piece::Text(text)) if text.ends_with('\n')) && line_ends.sum::<usize>() > 1
}

impl Printer {
    pub(super) fn text(&mut self, pieces: &[Piece<'_>]) {
        let has_endless_line = matches!(self.mode, Mode::Flat { width: usize::MAX });
        if is_block(pieces) && !has_endless_line {
            return self.block(pieces);
        }
        self.text_on_a_line(pieces);
    }

    pub(super) fn text_on_a_line(&mut self, pieces: &[Piece<'_>]) {
        self.push("\"");
        for piece in pieces {
            match piece {
                Piece::Text(text) => {
                    let quoted = quote(text);
                    self.push(&quoted[1..quoted.len() - 1]);
                }
                Piece::Interpolated(_) => self.interpolation(piece),
            }
        }
        self.push("\"");
    }

    fn block(&mut self, pieces: &[Piece<'_>]) {
        self.fail_if_flat();
        if self.failed {
            return;
        }
        self.push("\"\"\"\n");
        let mut starts_line = true;
        for piece in pieces {
            let Piece::Text(text) = piece else {
                self.indent_block_line(&mut starts_line);
                self.interpolation(piece);
                continue;
            };
            for line in escape_block(text).split_inclusive('\n') {
                if line != "\n" {
                    self.indent_block_line(&mut starts_line);
                }
                self.push(line);
                starts_line = line.ends_with('\n');
            }
        }
        self.push(&" ".repeat(self.indentation));
        self.push("\"\"\"");
    }

    fn indent_block_line(&mut self, starts_line: &mut bool) {
        if std::mem::take(starts_line) {
            self.push(&" ".repeat(self.indentation));
        }
    }

    /// Writes `${e}`: on one line whatever its length, since a line end would not make it more readable.
    fn interpolation(&mut self, piece: &Piece<'_>) {
        let Piece::Interpolated(expression) = piece else { return };
        self.push("${");
        let is_flat = self.mode != Mode::Broken;
        if is_flat || !self.attempt(usize::MAX, |p| p.expression(expression)) {
            self.expression(expression);
        }
        self.push("}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting() {
        assert_eq!(quote("a\"b\\\n\t${x} $y"), r#""a\"b\\\n\t\${x} $y""#);
        assert_eq!(quote("\u{1b}\u{202e}é\r"), "\"\\u{1b}\\u{202e}é\\r\"");
    }
}
