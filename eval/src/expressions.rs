//! Expressions: code and frames -> values. One small function for each form.

use std::cell::Cell;

use gravure_lang::Place;
use gravure_lang::ast::{Binary, Unary};

use crate::code::{Argument, Arm, Body, Comprehension, Constant, Expr, ExprKind, Function, Piece};
use crate::evaluator::Evaluator;
use crate::names::Name;
use crate::value::{Closure, Env, Frame, Layer, State, Task, Thunk, Value};
use crate::{Result, errors};

impl<'h> Evaluator<'h> {
    /// Returns the value of an expression in its frames, as far as its outermost form.
    pub(crate) fn eval(&self, expr: &'h Expr, env: &'h Env<'h>) -> Result<Value<'h>> {
        self.nested(expr.place, || self.eval_kind(expr, env))
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
            ExprKind::Mixin(body) => Ok(self.mixin(body, env)),
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
            ExprKind::Local { depth, slot } => self.local(env, *depth, *slot, place),
            ExprKind::Sibling { depth, name } => {
                let (record, _) = self.body_frame(env, *depth);
                self.field(record, *name, place)
            }
            ExprKind::Private { depth, slot } => self.private(self.frame(env, *depth), *slot, place),
            ExprKind::SelfRecord { depth } => Ok(Value::Record(self.body_frame(env, *depth).0)),
            ExprKind::Super { depth, name, place } => {
                let (record, layer) = self.body_frame(env, *depth);
                self.super_field(record, layer, *name, *place)
            }
            ExprKind::Module(module) => Ok(Value::Record(self.module(*module))),
            ExprKind::Builtin(builtin) => Ok(Value::Builtin(*builtin)),
            ExprKind::Type(ty) => Ok(Value::Type(*ty)),
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
    pub(crate) fn string(&self, text: &str, place: Place) -> Result<Value<'h>> {
        self.limit(text.len(), self.limits.string, "a string", "bytes", place)?;
        Ok(Value::String(self.heap.alloc_str(text)))
    }

    /// Refuses what is longer than a limit, before it is made.
    pub(crate) fn limit(&self, len: usize, most: usize, what: &str, unit: &str, place: Place) -> Result<()> {
        if len > most { Err(errors::over_limit(what, len as u64, most as u64, unit, place).into()) } else { Ok(()) }
    }

    pub(crate) fn list(
        &self,
        elements: impl IntoIterator<Item = &'h Thunk<'h>, IntoIter: ExactSizeIterator>,
    ) -> Value<'h> {
        Value::List(self.heap.alloc_slice_fill_iter(elements))
    }

    fn comprehension(&self, code: &'h Comprehension, env: &'h Env<'h>) -> Result<Value<'h>> {
        let list = self.eval(&code.list, env)?;
        let Value::List(list) = list else {
            return Err(errors::wrong_operand("`for`", "a list", list.kind(), code.list.place).into());
        };
        let mut elements = Vec::with_capacity(list.len());
        for &element in list {
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
        for (key, value) in entries {
            let text = self.expect_string(self.eval(key, env)?, key.place)?;
            if let Some((_, first)) = map.iter().find(|(known, _)| *known == text) {
                return Err(errors::double_key(text, key.place, first.place).into());
            }
            map.push((text, self.delay(value, env)));
        }
        Ok(Value::Map(self.heap.alloc_slice_copy(&map)))
    }

    fn mixin(&self, body: &'h Body, env: &'h Env<'h>) -> Value<'h> {
        Value::Mixin(self.heap.alloc(Layer { body, env: Some(env), below: None, height: 0, declares: false }))
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
                let element = usize::try_from(at).ok().and_then(|at| elements.get(at));
                self.force(element.ok_or_else(|| errors::index_out_of_range(at, elements.len(), place))?)
            }
            (Value::List(elements), key) => {
                let key = self.expect_string(key, place)?;
                self.force(elements[self.keyed_position(elements, key, place)?])
            }
            (Value::Map(entries), key) => {
                let key = self.expect_string(key, place)?;
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
        Err(errors::no_arm(&self.brief(value), subject.place).into())
    }

    fn local(&self, env: &'h Env<'h>, depth: u32, slot: u32, place: Place) -> Result<Value<'h>> {
        match self.frame(env, depth).frame {
            Frame::Locals(slots) => self.need(slots[slot as usize], None, place),
            Frame::Body { .. } => unreachable!("resolution found parameters {depth} frames out"),
        }
    }

    fn private(&self, env: &'h Env<'h>, slot: u32, place: Place) -> Result<Value<'h>> {
        let Frame::Body { lets, body, .. } = env.frame else { unreachable!("resolution found a body") };
        let code = &body.lets[slot as usize];
        let thunk = lets[slot as usize].get_or_init(|| self.delay(&code.value, env));
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
                if self.expect_bool(value, "`&&` and `||`", left.place)? == decides {
                    return Ok(value);
                }
                let value = self.eval(right, env)?;
                self.expect_bool(value, "`&&` and `||`", right.place).map(Value::Bool)
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
            Value::Mixin(layer) => self.extend(base, layer.body, layer.env.expect("a mixin has a frame"), base_place),
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

    // Calls

    fn call_expr(
        &self,
        function: &'h Expr,
        arguments: &'h [Argument],
        env: &'h Env<'h>,
        place: Place,
    ) -> Result<Value<'h>> {
        let function_value = self.eval(function, env)?;
        match function_value {
            Value::Function(closure) => {
                let slots = self.bind(closure.code, arguments, env, place)?;
                self.enter(closure, slots, place)
            }
            Value::Builtin(builtin) => {
                if let Some((_, place)) = arguments.iter().find_map(|argument| argument.name) {
                    return Err(errors::no_named_arguments(builtin.name(), place).into());
                }
                let values: Vec<&'h Thunk<'h>> =
                    arguments.iter().map(|argument| self.delay(&argument.value, env)).collect();
                self.calling(place, || self.call_builtin(builtin, &values, place))
            }
            other => Err(errors::not_a_function(other.kind(), function.place).into()),
        }
    }

    /// Calls a function with arguments in order, as builtins do.
    pub(crate) fn call(&self, function: Value<'h>, arguments: &[&'h Thunk<'h>], place: Place) -> Result<Value<'h>> {
        match function {
            Value::Function(closure) => {
                let mut slots: Vec<Option<&'h Thunk<'h>>> = arguments.iter().copied().map(Some).collect();
                if slots.len() > closure.code.parameters.len() {
                    return Err(errors::too_many_arguments(closure.code.parameters.len(), slots.len(), place).into());
                }
                slots.resize(closure.code.parameters.len(), None);
                self.enter(closure, slots, place)
            }
            Value::Builtin(builtin) => self.calling(place, || self.call_builtin(builtin, arguments, place)),
            other => Err(errors::not_a_function(other.kind(), place).into()),
        }
    }

    /// Gives every argument its parameter's slot.
    fn bind(
        &self,
        code: &'h Function,
        arguments: &'h [Argument],
        env: &'h Env<'h>,
        place: Place,
    ) -> Result<Vec<Option<&'h Thunk<'h>>>> {
        let mut slots = vec![None; code.parameters.len()];
        let mut next = 0;
        for argument in arguments {
            let slot = match argument.name {
                None => {
                    next += 1;
                    next - 1
                }
                Some((name, at)) => {
                    code.parameters.iter().position(|parameter| parameter.name == name).ok_or_else(|| {
                        let known = code.parameters.iter().map(|parameter| self.program.text(parameter.name));
                        errors::unknown_parameter(self.program.text(name), known, at)
                    })?
                }
            };
            match slots.get_mut(slot) {
                None => return Err(errors::too_many_arguments(code.parameters.len(), arguments.len(), place).into()),
                Some(Some(_)) => {
                    return Err(errors::doubled_parameter(
                        self.program.text(code.parameters[slot].name),
                        argument.value.place,
                    )
                    .into());
                }
                Some(free) => *free = Some(self.delay(&argument.value, env)),
            }
        }
        Ok(slots)
    }

    /// Runs a function whose arguments have their slots.
    fn enter(&self, closure: &'h Closure<'h>, slots: Vec<Option<&'h Thunk<'h>>>, place: Place) -> Result<Value<'h>> {
        let parameters = &closure.code.parameters;
        let mut thunks: Vec<&'h Thunk<'h>> = Vec::with_capacity(slots.len());
        let mut defaults = Vec::new();
        for (slot, parameter) in slots.into_iter().zip(parameters) {
            thunks.push(match (slot, &parameter.default) {
                (Some(thunk), _) => self.contract(thunk, parameter.ty.as_ref(), parameter.place),
                (None, Some(default)) => {
                    // The frame that it is computed in does not exist yet: its task follows below.
                    let thunk = self.heap.alloc(Thunk { state: Cell::new(State::Busy), place: default.place });
                    defaults.push((&*thunk, default));
                    thunk
                }
                (None, None) => {
                    return Err(
                        errors::missing_argument(self.program.text(parameter.name), place, parameter.place).into()
                    );
                }
            });
        }
        let env = self.locals(&thunks, closure.env);
        for (thunk, default) in defaults {
            thunk.state.set(State::Todo(Task::Eval(default, env)));
        }
        let value = self.calling(place, || self.eval(&closure.code.body, env))?;
        match &closure.code.result {
            Some(ty) => self.check(value, ty, closure.code.body.place, closure.code.body.place, None),
            None => Ok(value),
        }
    }
}
