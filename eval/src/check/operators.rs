//! Operators: which kinds of values they take, and what they make of them.

use gravure_lang::Place;
use gravure_lang::ast::{Binary, Unary};

use super::Checker;
use super::shape::Shape;
use crate::code::Expr;
use crate::errors;

impl<'p> Checker<'p> {
    pub(super) fn unary(&mut self, operator: Unary, operand: &'p Expr, place: Place) -> Shape<'p> {
        let kind = self.shape(operand).kind();
        let (word, wanted, result) = match operator {
            Unary::Not => ("`!`", "a boolean", Shape::Bool),
            Unary::Negate => ("`-`", "an integer", Shape::Int),
        };
        if let Some(kind) = kind.filter(|&kind| kind != wanted) {
            self.report(errors::wrong_operand(word, wanted, kind, place));
        }
        result
    }

    pub(super) fn binary(&mut self, operator: Binary, left: &'p Expr, right: &'p Expr, place: Place) -> Shape<'p> {
        match operator {
            Binary::And | Binary::Or => {
                let word = if operator == Binary::Or { "`||`" } else { "`&&`" };
                self.condition(left, word);
                self.condition(right, word);
                Shape::Bool
            }
            Binary::Default => {
                let sides = [self.shape(left).without_none(), self.shape(right)];
                match sides {
                    [Shape::None, right] => right,
                    sides => Shape::one_of(sides),
                }
            }
            Binary::Mix => self.mixed(left, right),
            Binary::Equal | Binary::NotEqual => {
                self.shape(left);
                self.shape(right);
                Shape::Bool
            }
            _ => {
                let sides = [self.shape(left), self.shape(right)];
                self.combined(operator, sides, place)
            }
        }
    }

    /// An operator that combines or compares what is on both its sides.
    fn combined(&mut self, operator: Binary, [left, right]: [Shape<'p>; 2], place: Place) -> Shape<'p> {
        let word = word(operator);
        let is_comparison = word.starts_with(['<', '>']);
        let (Some(left_kind), Some(right_kind)) = (left.kind(), right.kind()) else {
            return if is_comparison { Shape::Bool } else { Shape::Unknown };
        };
        let result = match (operator, left_kind, right_kind) {
            (_, "an integer", "an integer") => Some(Shape::Int),
            (Binary::Divide, "a size", "a size") => Some(Shape::Int),
            (Binary::Multiply, "a size", "an integer") | (Binary::Multiply, "an integer", "a size") => {
                Some(Shape::Size)
            }
            (Binary::Divide, "a size", "an integer") => Some(Shape::Size),
            (Binary::Multiply, "a size", "a size") => None,
            (_, "a size", "a size") => Some(Shape::Size),
            (Binary::Add, "a string", "a string") => Some(Shape::String),
            (Binary::Add, "a list", "a list") => Some(joined(left, right)),
            (Binary::Add, "a map", "a map") => Some(Shape::Map(Box::new(Shape::Unknown))),
            (_, "a string", "a string") if is_comparison => Some(Shape::Bool),
            _ => None,
        };
        match result {
            Some(_) if is_comparison => Shape::Bool,
            Some(result) => result,
            None => {
                self.report(errors::wrong_operands(word, left_kind, right_kind, place));
                Shape::Unknown
            }
        }
    }

    /// `base & debug`
    fn mixed(&mut self, left: &'p Expr, right: &'p Expr) -> Shape<'p> {
        let (base, mixin) = (self.shape(left), self.shape(right));
        match mixin {
            Shape::Mixin(Some(mixin)) => self.mix(&base, &mixin.body),
            Shape::Mixin(None) => {}
            other => {
                if let Some(kind) = other.kind() {
                    self.report(errors::wrong_operand("`&`", "a mixin on its right side", kind, right.place));
                }
                return Shape::Unknown;
            }
        }
        match base.kind() {
            None | Some("a record" | "a record type") => {}
            Some(kind) => {
                self.report(errors::wrong_operand("`&`", "a record on its left side", kind, left.place));
            }
        }
        match base {
            Shape::Type(ty) => Shape::Record { ty, is_exact: true },
            Shape::Record { .. } | Shape::Bare(_) => base,
            _ => Shape::Unknown,
        }
    }
}

/// Returns what a list is of which two lists are the beginning and the end.
fn joined<'p>(left: Shape<'p>, right: Shape<'p>) -> Shape<'p> {
    match (left, right) {
        (Shape::List(left), Shape::List(right)) => Shape::List(Box::new(Shape::one_of([*left, *right]))),
        _ => Shape::Unknown,
    }
}

/// Returns an operator as it is written.
fn word(operator: Binary) -> &'static str {
    match operator {
        Binary::Add => "+",
        Binary::Subtract => "-",
        Binary::Multiply => "*",
        Binary::Divide => "/",
        Binary::Remainder => "%",
        Binary::Less => "<",
        Binary::LessEqual => "<=",
        Binary::Greater => ">",
        Binary::GreaterEqual => ">=",
        Binary::Equal | Binary::NotEqual | Binary::And | Binary::Or | Binary::Default | Binary::Mix => {
            unreachable!("these take whatever there is, or have a function of their own")
        }
    }
}
