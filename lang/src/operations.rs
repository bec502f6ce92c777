//! Operands with operators between them -> expressions: which operator binds more tightly.
//!
//! | operators, the tightest first | of equal ones |
//! |---|---|
//! | `*` `/` `%` | from the left |
//! | `+` `-` `&` | from the left |
//! | `==` `!=` `<` `<=` `>` `>=` | none: a comparison cannot be compared |
//! | `&&` | from the left |
//! | `\|\|` | from the left |
//! | `??` | from the right |

use crate::ast::{Binary, Expr, ExprKind};
use crate::reports::Reports;
use crate::{FileId, Place, Span, errors};

/// An expression with all its text, parentheses around it included.
#[derive(Clone)]
pub(crate) struct Operand<'s> {
    expr: Expr<'s>,
    start: usize,
    end: usize,
}

impl<'s> Operand<'s> {
    pub(crate) fn new(expr: Expr<'s>, start: usize, end: usize) -> Operand<'s> {
        Operand { expr, start, end }
    }
}

/// An operator that stands at `at`, and the operand behind it.
pub(crate) struct Further<'s> {
    operator: Binary,
    at: usize,
    right: Operand<'s>,
}

impl<'s> Further<'s> {
    pub(crate) fn new(operator: Binary, at: usize, right: Operand<'s>) -> Box<Further<'s>> {
        Box::new(Further { operator, at, right })
    }
}

/// Returns the expression that operands make with the operators between them.
pub(crate) fn joined<'s>(
    file: FileId,
    first: Operand<'s>,
    further: Vec<Box<Further<'s>>>,
    errors: &mut Reports<'_>,
) -> Expr<'s> {
    // Each waits for its right side, since what is behind that binds more tightly.
    let mut waiting: Vec<(Operand<'s>, Binary)> = Vec::new();
    let mut right = first;
    for next in further {
        while let Some((left, operator)) = waiting.pop_if(|(_, operator)| binds_before(*operator, next.operator)) {
            if level(operator) == COMPARISON && level(next.operator) == COMPARISON {
                let span = Span::new(next.at, next.at + sign_len(next.operator));
                errors.push(errors::chained_comparison(Place { file, span }));
                // What is meant by `a < b < c` is that both hold.
                let middle = right.clone();
                waiting.push((binary(file, operator, left, right, errors), Binary::And));
                right = middle;
                break;
            }
            right = binary(file, operator, left, right, errors);
        }
        waiting.push((right, next.operator));
        right = next.right;
    }
    while let Some((left, operator)) = waiting.pop() {
        right = binary(file, operator, left, right, errors);
    }
    right.expr
}

/// Returns how tightly an operator binds; less is tighter.
fn level(operator: Binary) -> u8 {
    use Binary::*;
    match operator {
        Multiply | Divide | Remainder => 1,
        Add | Subtract | Mix => 2,
        Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual => COMPARISON,
        And => 4,
        Or => 5,
        Default => 6,
    }
}

const COMPARISON: u8 = 3;

/// Whether an operator takes the operand between it and the next one.
fn binds_before(operator: Binary, next: Binary) -> bool {
    level(operator) < level(next) || (level(operator) == level(next) && operator != Binary::Default)
}

/// Returns how long the sign of a comparison is.
fn sign_len(comparison: Binary) -> usize {
    if matches!(comparison, Binary::Less | Binary::Greater) { 1 } else { 2 }
}

fn binary<'s>(
    file: FileId,
    operator: Binary,
    left: Operand<'s>,
    right: Operand<'s>,
    errors: &mut Reports<'_>,
) -> Operand<'s> {
    let in_parentheses = right.expr.span.start as usize != right.start;
    let (start, end) = (left.start, right.end);
    let made = |kind| Operand { expr: Expr { kind, span: Span::new(start, end) }, start, end };
    let pair = |left, right| ExprKind::Binary(operator, Box::new(left), Box::new(right));
    match right.expr.kind {
        // `b & d { .. }` reads as if the braces belonged to the whole.
        ExprKind::Extend(mixin, body) if operator == Binary::Mix && !in_parentheses => {
            let applied = Span { start: start as u32, end: mixin.span.end };
            errors.push(errors::braces_after_mixin(Place { file, span: body.span }, Place { file, span: applied }));
            let base = Expr { kind: pair(left.expr, *mixin), span: applied };
            made(ExprKind::Extend(Box::new(base), body))
        }
        kind => made(pair(left.expr, Expr { kind, ..right.expr })),
    }
}
