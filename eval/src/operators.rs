//! Operators on values: arithmetic without surprises, and equality.

use std::cmp::Ordering;

use gravure_lang::Place;
use gravure_lang::ast::Binary;
use rustc_hash::FxHashMap;

use crate::evaluator::Evaluator;
use crate::value::{List, Record, Thunk, Value};
use crate::{Result, errors};

impl<'h> Evaluator<'h> {
    /// Applies an operator that needs both sides.
    pub(crate) fn binary(
        &self,
        operator: Binary,
        left: Value<'h>,
        right: Value<'h>,
        place: Place,
    ) -> Result<Value<'h>> {
        match operator {
            Binary::Add => self.add(left, right, place),
            Binary::Subtract => self.arithmetic("-", i64::checked_sub, u64::checked_sub, left, right, place),
            Binary::Remainder => self.arithmetic("%", i64::checked_rem, u64::checked_rem, left, right, place),
            Binary::Multiply => self.multiply(left, right, place),
            Binary::Divide => self.divide(left, right, place),
            Binary::Equal => self.equal(left, right, place).map(Value::Bool),
            Binary::NotEqual => self.equal(left, right, place).map(|equal| Value::Bool(!equal)),
            Binary::Less => self.compare("<", left, right, place).map(|order| Value::Bool(order.is_lt())),
            Binary::LessEqual => self.compare("<=", left, right, place).map(|order| Value::Bool(order.is_le())),
            Binary::Greater => self.compare(">", left, right, place).map(|order| Value::Bool(order.is_gt())),
            Binary::GreaterEqual => self.compare(">=", left, right, place).map(|order| Value::Bool(order.is_ge())),
            Binary::And | Binary::Or | Binary::Default | Binary::Mix => {
                unreachable!("these do not always need both sides")
            }
        }
    }

    /// `+`: equal types, and nothing else.
    pub(crate) fn add(&self, left: Value<'h>, right: Value<'h>, place: Place) -> Result<Value<'h>> {
        match (left, right) {
            (Value::Int(a), Value::Int(b)) => {
                a.checked_add(b).map(Value::Int).ok_or_else(|| self.no_result("+", left, right, place))
            }
            (Value::Size(a), Value::Size(b)) => {
                a.checked_add(b).map(Value::Size).ok_or_else(|| self.no_result("+", left, right, place))
            }
            (Value::String(a), Value::String(b)) => {
                self.limit(a.len().saturating_add(b.len()), self.limits.string, "a string", "bytes", place)?;
                Ok(Value::String(self.heap.alloc_str(&[a, b].concat())))
            }
            (Value::List(a), Value::List(b)) => {
                self.limit(a.len().saturating_add(b.len()), self.limits.elements, "a list", "elements", place)?;
                Ok(self.list([self.thunks(a), self.thunks(b)].concat()))
            }
            (Value::Map(a), Value::Map(b)) => self.add_maps(a, b, place),
            _ => Err(self.operands("+", left, right, place)),
        }
    }

    /// The entries of both; those of the right side win, in the place of the left.
    fn add_maps(
        &self,
        left: &[(&'h str, &'h Thunk<'h>)],
        right: &[(&'h str, &'h Thunk<'h>)],
        place: Place,
    ) -> Result<Value<'h>> {
        self.limit(left.len().saturating_add(right.len()), self.limits.elements, "a map", "entries", place)?;
        let mut entries = left.to_vec();
        let mut positions: FxHashMap<&str, usize> = left.iter().zip(0..).map(|(&(key, _), at)| (key, at)).collect();
        for &(key, value) in right {
            let position = *positions.entry(key).or_insert(entries.len());
            match entries.get_mut(position) {
                Some(entry) => entry.1 = value,
                None => entries.push((key, value)),
            }
        }
        Ok(Value::Map(self.heap.alloc_slice_copy(&entries)))
    }

    fn arithmetic(
        &self,
        operator: &str,
        on_ints: impl Fn(i64, i64) -> Option<i64>,
        on_sizes: impl Fn(u64, u64) -> Option<u64>,
        left: Value<'h>,
        right: Value<'h>,
        place: Place,
    ) -> Result<Value<'h>> {
        let result = match (left, right) {
            (Value::Int(a), Value::Int(b)) => on_ints(a, b).map(Value::Int),
            (Value::Size(a), Value::Size(b)) => on_sizes(a, b).map(Value::Size),
            _ => return Err(self.operands(operator, left, right, place)),
        };
        result.ok_or_else(|| self.no_result(operator, left, right, place))
    }

    fn multiply(&self, left: Value<'h>, right: Value<'h>, place: Place) -> Result<Value<'h>> {
        let result = match (left, right) {
            (Value::Int(a), Value::Int(b)) => a.checked_mul(b).map(Value::Int),
            (Value::Size(size), Value::Int(times)) | (Value::Int(times), Value::Size(size)) => {
                u64::try_from(times).ok().and_then(|times| size.checked_mul(times)).map(Value::Size)
            }
            _ => return Err(self.operands("*", left, right, place)),
        };
        result.ok_or_else(|| self.no_result("*", left, right, place))
    }

    /// `/`: integers round towards zero; a size divided by an integer must come out even.
    fn divide(&self, left: Value<'h>, right: Value<'h>, place: Place) -> Result<Value<'h>> {
        let result = match (left, right) {
            (Value::Int(a), Value::Int(b)) => a.checked_div(b).map(Value::Int),
            (Value::Size(a), Value::Size(b)) => {
                a.checked_div(b).and_then(|times| i64::try_from(times).ok()).map(Value::Int)
            }
            (Value::Size(size), Value::Int(parts)) => {
                let parts = u64::try_from(parts).ok().filter(|&parts| parts > 0 && size.is_multiple_of(parts));
                parts.map(|parts| Value::Size(size / parts))
            }
            _ => return Err(self.operands("/", left, right, place)),
        };
        result.ok_or_else(|| self.no_result("/", left, right, place))
    }

    fn no_result(
        &self,
        operator: &str,
        left: Value<'h>,
        right: Value<'h>,
        place: Place,
    ) -> Box<gravure_lang::Diagnostic> {
        let why = match (operator, left, right) {
            ("/" | "%", _, Value::Int(0) | Value::Size(0)) => "nothing can be divided by zero",
            ("/", Value::Size(_), Value::Int(parts)) if parts > 0 => "it does not come out even",
            ("-", Value::Size(_), _) => "a size is never negative",
            (_, Value::Size(_), Value::Int(number)) | (_, Value::Int(number), Value::Size(_)) if number < 0 => {
                "a size is never negative"
            }
            _ => "it is out of range",
        };
        errors::no_result(operator, &self.brief(left), &self.brief(right), why, place).into()
    }

    fn compare(&self, operator: &str, left: Value<'h>, right: Value<'h>, place: Place) -> Result<Ordering> {
        match (left, right) {
            (Value::Int(a), Value::Int(b)) => Ok(a.cmp(&b)),
            (Value::Size(a), Value::Size(b)) => Ok(a.cmp(&b)),
            (Value::String(a), Value::String(b)) => Ok(a.cmp(b)),
            _ => Err(self.operands(operator, left, right, place)),
        }
    }

    fn operands(
        &self,
        operator: &str,
        left: Value<'h>,
        right: Value<'h>,
        place: Place,
    ) -> Box<gravure_lang::Diagnostic> {
        errors::wrong_operands(operator, left.kind(), right.kind(), place).into()
    }

    /// Whether two values are equal; values of different types never are, and functions and mixins only to themselves.
    pub(crate) fn equal(&self, left: Value<'h>, right: Value<'h>, place: Place) -> Result<bool> {
        match (left, right) {
            (Value::None, Value::None) => Ok(true),
            (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
            (Value::Int(a), Value::Int(b)) => Ok(a == b),
            (Value::Size(a), Value::Size(b)) => Ok(a == b),
            (Value::Symbol(a), Value::Symbol(b)) => Ok(a == b),
            (Value::String(a), Value::String(b)) | (Value::Path(a), Value::Path(b)) => Ok(a == b),
            (Value::Type(a), Value::Type(b)) => Ok(a == b),
            (Value::Builtin(a), Value::Builtin(b)) => Ok(a == b),
            (Value::Function(a), Value::Function(b)) => Ok(std::ptr::eq(a, b)),
            (Value::Mixin(a), Value::Mixin(b)) => Ok(std::ptr::eq(a, b)),
            (Value::List(a), Value::List(b)) => self.calling(place, || self.equal_lists(a, b, place)),
            (Value::Map(a), Value::Map(b)) => self.calling(place, || self.equal_maps(a, b, place)),
            (Value::Record(a), Value::Record(b)) => self.calling(place, || self.equal_records(a, b, place)),
            _ => Ok(false),
        }
    }

    fn equal_thunks(&self, left: &'h Thunk<'h>, right: &'h Thunk<'h>, place: Place) -> Result<bool> {
        self.step(place)?;
        if std::ptr::eq(left, right) {
            return Ok(true);
        }
        self.equal(self.force(left)?, self.force(right)?, place)
    }

    fn equal_lists(&self, left: List<'h>, right: List<'h>, place: Place) -> Result<bool> {
        if left.len() != right.len() {
            return Ok(false);
        }
        for (a, b) in self.elements(left).zip(self.elements(right)) {
            if !self.equal_thunks(a, b, place)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Maps are equal when they have the same entries in whatever order.
    fn equal_maps(
        &self,
        left: &[(&'h str, &'h Thunk<'h>)],
        right: &[(&'h str, &'h Thunk<'h>)],
        place: Place,
    ) -> Result<bool> {
        if left.len() != right.len() {
            return Ok(false);
        }
        let others: FxHashMap<&str, &'h Thunk<'h>> = right.iter().copied().collect();
        for (key, value) in left {
            match others.get(key) {
                Some(other) if self.equal_thunks(value, other, place)? => {}
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    fn equal_records(&self, left: &'h Record<'h>, right: &'h Record<'h>, place: Place) -> Result<bool> {
        if std::ptr::eq(left, right) {
            return Ok(true);
        }
        let (fields, others) = (self.table(left)?, self.table(right)?);
        if left.ty != right.ty || fields.fields.len() != others.fields.len() {
            return Ok(false);
        }
        for field in fields.fields {
            let Some(other) = others.find(field.name) else { return Ok(false) };
            if !self.equal_thunks(&field.value, &other.value, place)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
