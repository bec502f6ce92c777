//! `match`: every value that the subject may have needs an arm.

use super::Checker;
use super::shape::Shape;
use crate::code::{Arm, Constant, Expr, ExprKind};
use crate::errors;

impl<'p> Checker<'p> {
    /// Walks through the subject and the patterns, and reports a value without an arm where the subject's type lists its values.
    pub(super) fn match_subject(&mut self, subject: &'p Expr, arms: &'p [Arm]) {
        let of_subject = self.shape(subject);
        for pattern in arms.iter().filter_map(|arm| arm.pattern.as_ref()) {
            self.pattern(&of_subject, subject, pattern);
        }
        // What can only be one thing is what the text says, and no type with its values.
        let (Shape::OneOf(_) | Shape::Bool) = of_subject else { return };
        let Some(values) = listed(&of_subject) else { return };
        let mut accepted = Vec::new();
        for arm in arms {
            match arm.pattern.as_ref().map(|pattern| &pattern.kind) {
                Some(ExprKind::Constant(constant)) => accepted.push(constant),
                // Whatever it is, or whatever it is computed to be.
                _ => return,
            }
        }
        let missing = values.into_iter().filter(|value| !accepted.contains(&value));
        let missing: Vec<String> = missing.map(|value| self.written(&value)).collect();
        if !missing.is_empty() {
            self.report(errors::arms_missing(&missing, subject.place));
        }
    }

    /// Walks through a pattern, and reports one that no value of the subject equals.
    fn pattern(&mut self, of_subject: &Shape<'p>, subject: &'p Expr, pattern: &'p Expr) {
        let shape = self.shape(pattern);
        match (of_subject.kind(), shape.kind()) {
            (Some(wanted), Some(found)) if wanted != found => {
                return self.report(errors::wrong_operand("this pattern", wanted, found, pattern.place));
            }
            _ => {}
        }
        let (Shape::OneOf(_), Shape::Symbol(Some(symbol))) = (of_subject, shape) else { return };
        let Some(values) = listed(of_subject) else { return };
        let members = values.iter().filter_map(|value| match value {
            Constant::Symbol(name) => Some(self.program.text(*name)),
            _ => None,
        });
        let (members, symbol) = (members.collect::<Vec<_>>(), self.program.text(symbol));
        if !members.contains(&symbol) {
            self.report(errors::never_matches(symbol, &members, pattern.place, subject.place));
        }
    }

    fn written(&self, value: &Constant) -> String {
        match value {
            Constant::Symbol(name) => format!("'{}", self.program.text(*name)),
            Constant::Bool(value) => value.to_string(),
            _ => "none".to_owned(),
        }
    }
}

/// Returns all values that a shape may have, where it lists them.
fn listed(shape: &Shape<'_>) -> Option<Vec<Constant>> {
    match shape {
        Shape::Symbol(name) => Some(vec![Constant::Symbol((*name)?)]),
        Shape::None => Some(vec![Constant::None]),
        Shape::Bool => Some(vec![Constant::Bool(true), Constant::Bool(false)]),
        Shape::OneOf(all) => all.iter().map(listed).collect::<Option<Vec<_>>>().map(|all| all.concat()),
        _ => None,
    }
}
