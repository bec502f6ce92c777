//! The limit on the depth of trees.
//!
//! The parser itself cannot overflow, but whatever walks, compares or drops its trees recurses. Brackets are limited to
//! [`crate::Limits::nesting`]; yet `a+a+a+..` and `!!!!..` are as deep as they are long, without any bracket. Each operator,
//! each bracket and each word that opens an expression makes a tree at most one level deeper, so they are counted: along
//! an item or element, plus the deepest bracket in it.

use crate::reports::Reports;
use crate::token::{Kind, Lexeme};
use crate::{FileId, MAX_DEPTH, Place, errors};

/// What has been seen of an open bracket's content.
#[derive(Default)]
struct Level {
    /// Operations since the last `,` or `;`.
    operations: usize,
    /// The deepest bracket since then.
    inner: usize,
    /// The deepest of the elements before.
    deepest: usize,
}

impl Level {
    fn end_element(&mut self) {
        self.deepest = self.depth();
        (self.operations, self.inner) = (0, 0);
    }

    fn depth(&self) -> usize {
        self.deepest.max(self.operations + self.inner)
    }
}

/// Returns `None` after reporting an expression that would make a tree deeper than [`MAX_DEPTH`].
pub(crate) fn check(file: FileId, tokens: &[Lexeme], errors: &mut Reports<'_>) -> Option<()> {
    let mut levels = vec![Level::default()];
    for token in tokens {
        let level = levels.last_mut()?;
        match token.kind {
            Kind::Comma | Kind::Semicolon => level.end_element(),
            kind if kind.closer().is_some() => {
                level.operations += 1;
                levels.push(Level::default());
            }
            kind if kind.is_closer() => {
                let inner = level.depth();
                levels.pop();
                let outer = levels.last_mut()?;
                outer.inner = outer.inner.max(inner);
            }
            kind => level.operations += usize::from(makes_deeper(kind)),
        }
        if levels.last()?.depth() > MAX_DEPTH {
            errors.replace(errors::too_many_operations(Place { file, span: token.span() }));
            return None;
        }
    }
    Some(())
}

fn makes_deeper(kind: Kind) -> bool {
    use Kind::*;
    kind.is_binary_operator() || matches!(kind, Not | Dot | If | Let | Fn | Match)
}
