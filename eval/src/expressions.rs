//! Expressions: code and frames -> values. One small function for each form.

use gravure_lang::Place;
use gravure_lang::ast::{Binary, Unary};

use crate::code::{Arm, Comprehension, Constant, Expr, ExprKind, Piece};
use crate::evaluator::Evaluator;
use crate::names::Name;
use crate::value::{Closure, Env, Mixin, Thunk, Value};
use crate::{Result, errors};

impl<'h> Evaluator<'h> {
    /// Returns the value of an expression in its frames, as far as its outermost form.
    pub(crate) fn eval(&self, expr: &'h Expr, env: &'h Env<'h>) -> Result<Value<'h>> {
        match &expr.kind {
            // Leaves need no count of how deep they are: they end here, or a thunk is counted.
            ExprKind::Constant(constant) => Ok(self.constant(constant)),
            ExprKind::Local { depth, slot } => self.need(self.slot(env, *depth, *slot), None, expr.place),
            _ => self.nested(expr.place, || self.eval_kind(expr, env)),
        }
    }

    fn eval_kind(&self, expr: &'h Expr, env: &'h Env<'h>) -> Result<Value<'h>> {
        let place = expr.place;
        match &expr.kind {
            ExprKind::Constant(constant) => Ok(self.constant(constant)),
            ExprKind::Interpolation(pieces) => self.interpolate(pieces, env, place),
            ExprKind::Path(path) => Ok(Value::Path(path)),
            ExprKind::List(elements) => Ok(self.list(elements.iter().map(|element| self.delay(element, env)))),
            ExprKind::Comprehension(comprehension) => self.comprehension(comprehension, env),
            ExprKind::Map(entries) => self.map_literal(entries, env),
            ExprKind::Record(body) => Ok(self.layered(None, None, body, Some(env))),
            ExprKind::Mixin(code) => Ok(Value::Mixin(self.heap.alloc(Mixin { code, env }))),
            ExprKind::Extend(base, body) => self.extend(self.eval(base, env)?, body, env, base.place),
            ExprKind::Field(base, name, at) => self.field_of(self.eval(base, env)?, *name, *at, base.place),
            ExprKind::Index(base, index) => self.index(self.eval(base, env)?, self.eval(index, env)?, index.place),
            ExprKind::Call(function, arguments) => self.call_expr(function, arguments, env, place),
            ExprKind::Function(code) => Ok(Value::Function(self.heap.alloc(Closure { code, env }))),
            ExprKind::Unary(operator, operand) => self.unary(*operator, self.eval(operand, env)?, place),
            ExprKind::Binary(operator, sides) => self.binary_expr(*operator, &sides.0, &sides.1, env, place),
            ExprKind::If(parts) => {
                let (condition, yes, no) = &**parts;
                self.eval(if self.condition(condition, env)? { yes } else { no }, env)
            }
            ExprKind::Let(parts) => {
                let value = self.delay(&parts.0, env);
                self.eval(&parts.1, self.locals(&[value], env))
            }
            ExprKind::Match(subject, arms) => self.match_expr(subject, arms, env),
            ExprKind::Local { depth, slot } => self.need(self.slot(env, *depth, *slot), None, place),
            ExprKind::Sibling { depth, name } => self.field(self.body_frame(env, *depth).record, *name, place),
            ExprKind::Private { depth, slot } => self.private(self.frame(env, *depth), *slot, place),
            ExprKind::SelfRecord { depth } => Ok(Value::Record(self.body_frame(env, *depth).record)),
            ExprKind::Super { depth, name, earlier, place } => {
                self.super_field(self.body_frame(env, *depth), *name, *earlier, *place)
            }
            ExprKind::Module(module) => Ok(Value::Record(self.module(*module))),
            ExprKind::Builtin(builtin) => Ok(Value::Builtin(*builtin)),
            ExprKind::Type(ty) => Ok(Value::Type(*ty)),
            ExprKind::Unknown => unreachable!("a program with mistakes is never evaluated"),
        }
    }

    pub(crate) fn constant(&self, constant: &'h Constant) -> Value<'h> {
        match constant {
            Constant::None => Value::None,
            Constant::Bool(value) => Value::Bool(*value),
            Constant::Int(value) => Value::Int(*value),
            Constant::Size(value) => Value::Size(*value),
            Constant::Symbol(name) => Value::Symbol(*name),
            Constant::String(text) => Value::String(text),
        }
    }

    fn interpolate(&self, pieces: &'h [Piece], env: &'h Env<'h>, place: Place) -> Result<Value<'h>> {
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Interpolated(expr) => {
                    let value = self.eval(expr, env)?;
                    let piece =
                        self.display(value).ok_or_else(|| errors::not_interpolated(value.kind(), expr.place))?;
                    text.push_str(&piece);
                    self.limit(text.len(), self.limits.string, "a string", "bytes", place)?;
                }
            }
        }
        self.string(&text, place)
    }

    /// Returns the text of a value that strings may contain.
    pub(crate) fn display(&self, value: Value<'h>) -> Option<String> {
        match value {
            Value::String(text) => Some(text.to_owned()),
            Value::Int(value) => Some(value.to_string()),
            Value::Size(bytes) => Some(gravure_lang::print_size(bytes)),
            Value::Symbol(name) => Some(self.program.text(name).to_owned()),
            _ => None,
        }
    }

    /// Puts a string on the heap if it is not too long.
    pub fn string(&self, text: &str, place: Place) -> Result<Value<'h>> {
        self.limit(text.len(), self.limits.string, "a string", "bytes", place)?;
        Ok(Value::String(self.heap.alloc_str(text)))
    }

    /// Refuses what is longer than a limit, before it is made.
    pub(crate) fn limit(&self, len: usize, most: usize, what: &str, unit: &str, place: Place) -> Result<()> {
        if len > most {
            return Err(errors::over_limit(what, len as u64, most as u64, unit, place).into());
        }
        if len >= LARGE { self.refuse_excess(place) } else { Ok(()) }
    }

    fn comprehension(&self, code: &'h Comprehension, env: &'h Env<'h>) -> Result<Value<'h>> {
        let list = self.eval(&code.list, env)?;
        let Value::List(list) = list else {
            return Err(errors::wrong_operand("`for`", "a list", list.kind(), code.list.place).into());
        };
        let mut elements = Vec::with_capacity(list.len());
        for element in self.elements(list) {
            let inner = self.locals(&[element], env);
            let wanted = code.condition.as_ref().map_or(Ok(true), |condition| self.condition(condition, inner))?;
            if wanted {
                elements.push(self.delay(&code.element, inner));
            }
        }
        Ok(self.list(elements))
    }

    fn map_literal(&self, entries: &'h [(Expr, Expr)], env: &'h Env<'h>) -> Result<Value<'h>> {
        let mut map: Vec<(&'h str, &'h Thunk<'h>)> = Vec::with_capacity(entries.len());
        let mut places = rustc_hash::FxHashMap::default();
        for (key, value) in entries {
            let text = self.expect_key(self.eval(key, env)?, key.place)?;
            if let Some(first) = places.insert(text, key.place) {
                return Err(errors::double_key(text, key.place, first).into());
            }
            map.push((text, self.delay(value, env)));
        }
        Ok(Value::Map(self.heap.alloc_slice_copy(&map)))
    }

    fn field_of(&self, base: Value<'h>, name: Name, at: Place, base_place: Place) -> Result<Value<'h>> {
        match base {
            Value::Record(record) => self.field(record, name, at),
            other => Err(errors::no_fields(other.kind(), self.program.text(name), base_place).into()),
        }
    }

    /// `xs[0]`, `xs["key"]`, `m["key"]`
    pub(crate) fn index(&self, base: Value<'h>, index: Value<'h>, place: Place) -> Result<Value<'h>> {
        match (base, index) {
            (Value::List(elements), Value::Int(at)) => {
                let element = usize::try_from(at).ok().and_then(|at| self.element(elements, at));
                self.force(element.ok_or_else(|| errors::index_out_of_range(at, elements.len(), place))?)
            }
            (Value::List(elements), key) => {
                let key = self.expect_key(key, place)?;
                let elements = self.thunks(elements);
                self.force(elements[self.keyed_position(&elements, key, place)?])
            }
            (Value::Map(entries), key) => {
                let key = self.expect_key(key, place)?;
                let entry = entries.iter().find(|(name, _)| *name == key);
                self.force(
                    entry.ok_or_else(|| errors::absent_key(key, entries.iter().map(|&(name, _)| name), place))?.1,
                )
            }
            (other, _) => Err(errors::not_keyed(other.kind(), place).into()),
        }
    }

    fn condition(&self, expr: &'h Expr, env: &'h Env<'h>) -> Result<bool> {
        let value = self.eval(expr, env)?;
        self.expect_bool(value, "a condition", expr.place)
    }

    pub(crate) fn expect_bool(&self, value: Value<'h>, what: &str, place: Place) -> Result<bool> {
        match value {
            Value::Bool(value) => Ok(value),
            other => Err(errors::wrong_operand(what, "a boolean", other.kind(), place).into()),
        }
    }

    fn match_expr(&self, subject: &'h Expr, arms: &'h [Arm], env: &'h Env<'h>) -> Result<Value<'h>> {
        let value = self.eval(subject, env)?;
        for arm in arms {
            let accepts = match &arm.pattern {
                None => true,
                Some(pattern) => self.equal(value, self.eval(pattern, env)?, pattern.place)?,
            };
            if accepts {
                return self.eval(&arm.value, env);
            }
        }
        let is_composed = matches!(value, Value::List(_) | Value::Map(_) | Value::Record(_));
        let text = self.brief(value);
        Err(errors::no_arm(&text, (!is_composed).then_some(&*text), subject.place).into())
    }

    fn private(&self, env: &'h Env<'h>, slot: u32, place: Place) -> Result<Value<'h>> {
        let frame = self.body_frame(env, 0);
        let code = &frame.layer.body.lets[slot as usize];
        let thunk = frame.lets[slot as usize].get_or_init(|| self.delay(&code.value, env));
        self.need(thunk, Some(code.name), place)
    }

    // Operators that do not always need both sides

    fn binary_expr(
        &self,
        operator: Binary,
        left: &'h Expr,
        right: &'h Expr,
        env: &'h Env<'h>,
        place: Place,
    ) -> Result<Value<'h>> {
        let value = self.eval(left, env)?;
        match operator {
            Binary::And | Binary::Or => {
                let decides = operator == Binary::Or;
                let name = if decides { "`||`" } else { "`&&`" };
                if self.expect_bool(value, name, left.place)? == decides {
                    return Ok(value);
                }
                self.expect_bool(self.eval(right, env)?, name, right.place).map(Value::Bool)
            }
            Binary::Default => match value {
                Value::None => self.eval(right, env),
                value => Ok(value),
            },
            Binary::Mix => self.mix(value, left.place, self.eval(right, env)?, right.place),
            operator => self.binary(operator, value, self.eval(right, env)?, place),
        }
    }

    /// `base & debug`: the mixin's body on top of the base.
    fn mix(&self, base: Value<'h>, base_place: Place, mixin: Value<'h>, place: Place) -> Result<Value<'h>> {
        match mixin {
            Value::Mixin(_) if !matches!(base, Value::Record(_) | Value::Type(_)) => {
                Err(errors::wrong_operand("`&`", "a record on its left side", base.kind(), base_place).into())
            }
            Value::Mixin(mixin) => self.extend(base, &mixin.code.body, mixin.env, base_place),
            other => Err(errors::wrong_operand("`&`", "a mixin on its right side", other.kind(), place).into()),
        }
    }

    fn unary(&self, operator: Unary, value: Value<'h>, place: Place) -> Result<Value<'h>> {
        match (operator, value) {
            (Unary::Not, value) => self.expect_bool(value, "`!`", place).map(|value| Value::Bool(!value)),
            (Unary::Negate, Value::Int(value)) => {
                value.checked_neg().map(Value::Int).ok_or_else(|| errors::overflow(place).into())
            }
            (Unary::Negate, other) => Err(errors::wrong_operand("`-`", "an integer", other.kind(), place).into()),
        }
    }
}

/// Strings and lists from this length on are worth a look at the memory that is left.
const LARGE: usize = 4096;
