//! Syntax tree -> text, in the canonical layout.
//!
//! What fits stands on one line; what does not is broken at its outermost joint, and its parts are tried again. Each
//! node is first written flat, which is given up as soon as the line is full or something needs a line of its own
//! (documentation, text of several lines, bodies with more than a few items); so a flat attempt costs at most a line.
//!
//! Parsing what is printed gives the same tree. Parentheses stand only where precedence asks for them.

mod expressions;
mod items;
mod text;

use std::fmt::Display;

use crate::ast::{Expr, File, Type};
use crate::number::UNITS;

pub use text::quote;

/// Lines are kept shorter than this where they can be broken.
const WIDTH: usize = 100;
/// What an inner line is indented by.
const STEP: usize = 2;
/// Bodies, maps and matches with more parts than this have a line for each.
const MOST_PARTS_ON_A_LINE: usize = 3;

/// Returns a whole file as text.
pub fn print(file: &File<'_>) -> String {
    let mut printer = Printer::new();
    printer.file(file);
    printer.out
}

/// Returns an expression as text, without a line end behind it.
pub fn print_expression(expression: &Expr<'_>) -> String {
    let mut printer = Printer::new();
    printer.expression(expression);
    printer.out
}

/// Returns a type as text.
pub fn print_type(ty: &Type<'_>) -> String {
    let mut printer = Printer::new();
    printer.ty(ty);
    printer.out
}

/// Returns a size in the largest unit of 1024s that says it exactly: `16MiB`, `1GiB`, `1000B`.
pub fn print_size(bytes: u64) -> String {
    let fits = |(_, unit): &&(&str, u64)| bytes >= *unit && bytes.is_multiple_of(*unit);
    let (name, unit) = UNITS[..5].iter().rev().find(fits).unwrap_or(&UNITS[0]);
    format!("{}{name}", bytes / unit)
}

/// How nodes are being written.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    /// Over as many lines as it takes.
    Broken,
    /// On one line that must not be longer than this.
    Flat { width: usize },
}

struct Printer {
    out: String,
    /// The length of the last line, in characters.
    column: usize,
    indentation: usize,
    /// How much of a line is to be left for what stands behind the node being written.
    reserved: usize,
    mode: Mode,
    /// Whether something did not fit the flat mode; what is written from then on is thrown away.
    failed: bool,
}

impl Printer {
    fn new() -> Printer {
        Printer { out: String::new(), column: 0, indentation: 0, reserved: 0, mode: Mode::Broken, failed: false }
    }

    fn push(&mut self, text: &str) {
        if self.failed {
            return;
        }
        self.out.push_str(text);
        self.column = match text.rfind('\n') {
            Some(newline) => text[newline + 1..].chars().count(),
            None => self.column + text.chars().count(),
        };
        if let Mode::Flat { width } = self.mode {
            self.failed = self.column > width;
        }
    }

    fn push_display(&mut self, value: impl Display) {
        self.push(&value.to_string());
    }

    /// Begins a new line.
    fn line(&mut self) {
        self.fail_if_flat();
        self.push("\n");
        self.push(&" ".repeat(self.indentation));
    }

    fn fail_if_flat(&mut self) {
        self.failed |= self.mode != Mode::Broken;
    }

    /// Runs `inner` with lines indented one step further.
    fn indented(&mut self, inner: impl FnOnce(&mut Printer)) {
        self.indentation += STEP;
        inner(self);
        self.indentation -= STEP;
    }

    /// Writes flat what fits on the line, otherwise broken.
    fn fit(&mut self, flat: impl FnOnce(&mut Printer), broken: impl FnOnce(&mut Printer)) {
        if self.mode != Mode::Broken {
            flat(self);
        } else if !self.attempt(WIDTH.saturating_sub(self.reserved), flat) {
            broken(self);
        }
    }

    /// Returns how long a node is when written flat.
    fn flat_width(&mut self, flat: impl FnOnce(&mut Printer)) -> usize {
        let (len, column, mode) = (self.out.len(), self.column, self.mode);
        self.mode = Mode::Flat { width: usize::MAX };
        flat(self);
        let width = self.out[len..].chars().count();
        (self.column, self.mode, self.failed) = (column, mode, false);
        self.out.truncate(len);
        width
    }

    /// Writes something flat on a line of at most `width`; returns whether it could be done.
    fn attempt(&mut self, width: usize, flat: impl FnOnce(&mut Printer)) -> bool {
        let (len, column, mode) = (self.out.len(), self.column, self.mode);
        self.mode = Mode::Flat { width };
        flat(self);
        self.mode = mode;
        let done = !std::mem::take(&mut self.failed);
        if !done {
            self.out.truncate(len);
            self.column = column;
        }
        done
    }

    /// Writes parts with a separator between them.
    fn separated<T>(&mut self, parts: &[T], separator: &str, mut write: impl FnMut(&mut Printer, &T)) {
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                self.push(separator);
            }
            if self.failed {
                return;
            }
            write(self, part);
        }
    }

    /// Writes parts on lines of their own, each with `end` behind it, one step further in, and begins another line.
    fn lines<T>(&mut self, parts: &[T], end: &str, mut write: impl FnMut(&mut Printer, &T)) {
        let reserved = std::mem::take(&mut self.reserved);
        self.indented(|p| {
            for part in parts {
                p.line();
                write(p, part);
                p.push(end);
            }
        });
        self.reserved = reserved;
        self.line();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_in_the_largest_exact_unit() {
        assert_eq!(print_size(0), "0B");
        assert_eq!(print_size(512), "512B");
        assert_eq!(print_size(1000), "1000B");
        assert_eq!(print_size(16 << 20), "16MiB");
        assert_eq!(print_size(3 << 29), "1536MiB");
        assert_eq!(print_size(1 << 30), "1GiB");
        assert_eq!(print_size(u64::MAX), "18446744073709551615B");
    }
}
