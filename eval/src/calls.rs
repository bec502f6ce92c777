//! Calls: arguments find their parameters, and a function runs in a frame of its own.

use gravure_lang::Place;

use crate::code::{Argument, Expr, Function, Parameter};
use crate::evaluator::Evaluator;
use crate::value::{Closure, Contract, Env, Frame, Slot, State, Thunk, Value};
use crate::{Result, errors};

impl<'h> Evaluator<'h> {
    pub(crate) fn call_expr(
        &self,
        function: &'h Expr,
        arguments: &'h [Argument],
        env: &'h Env<'h>,
        place: Place,
    ) -> Result<Value<'h>> {
        let function_value = self.eval(function, env)?;
        match function_value {
            Value::Function(closure) => {
                let parameters = &closure.code.parameters;
                if arguments.len() == parameters.len() && arguments.iter().all(|argument| argument.name.is_none()) {
                    let given = arguments.iter().map(|argument| self.delay(&argument.value, env));
                    return self.enter(closure, self.frame_of_all(closure, given), place);
                }
                let slots = self.bind(closure.code, arguments, env, place)?;
                self.enter(closure, self.frame_of_call(closure, slots, place)?, place)
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
                let parameters = &closure.code.parameters;
                if arguments.len() == parameters.len() {
                    return self.enter(closure, self.frame_of_all(closure, arguments.iter().copied()), place);
                }
                if arguments.len() > parameters.len() {
                    return Err(errors::too_many_arguments(parameters.len(), arguments.len(), place).into());
                }
                let missing = std::iter::repeat_n(None, parameters.len() - arguments.len());
                let slots = arguments.iter().copied().map(Some).chain(missing).collect();
                self.enter(closure, self.frame_of_call(closure, slots, place)?, place)
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

    /// Runs a function in the frame of its call.
    fn enter(&self, closure: &'h Closure<'h>, env: &'h Env<'h>, place: Place) -> Result<Value<'h>> {
        let code = closure.code;
        let value = self.calling(place, || self.eval(&code.body, env))?;
        match &code.result {
            Some((ty, declared)) => {
                self.check(value, code.body.place, Contract { ty, declared: *declared, slot: Slot::Result })
            }
            None => Ok(value),
        }
    }

    /// Makes the frame of a call that has an argument for each parameter, in order: the common case.
    fn frame_of_all(
        &self,
        closure: &'h Closure<'h>,
        given: impl ExactSizeIterator<Item = &'h Thunk<'h>>,
    ) -> &'h Env<'h> {
        let checked = given.zip(&closure.code.parameters).map(|(thunk, parameter)| self.argument(thunk, parameter));
        let slots = self.heap.alloc_slice_fill_iter(checked);
        self.heap.alloc(Env { frame: Frame::Locals(slots), parent: Some(closure.env) })
    }

    /// Makes the frame of any call.
    fn frame_of_call(
        &self,
        closure: &'h Closure<'h>,
        slots: Vec<Option<&'h Thunk<'h>>>,
        place: Place,
    ) -> Result<&'h Env<'h>> {
        let mut thunks: Vec<&'h Thunk<'h>> = Vec::with_capacity(slots.len());
        let mut defaults = Vec::new();
        for (slot, parameter) in slots.into_iter().zip(&closure.code.parameters) {
            let thunk = match (slot, &parameter.default) {
                (Some(thunk), _) => thunk,
                (None, Some(default)) => {
                    // The frame that it is computed in does not exist yet: its task follows below.
                    let thunk = self.todo(State::Busy, default.place);
                    defaults.push((thunk, default));
                    thunk
                }
                (None, None) => {
                    let name = self.program.text(parameter.name);
                    return Err(errors::missing_argument(name, place, parameter.place).into());
                }
            };
            thunks.push(self.argument(thunk, parameter));
        }
        let env = self.locals(&thunks, closure.env);
        for (thunk, default) in defaults {
            thunk.state.set(State::Eval(default, env));
        }
        Ok(env)
    }

    /// Returns an argument that is checked against the type of its parameter.
    fn argument(&self, thunk: &'h Thunk<'h>, parameter: &'h Parameter) -> &'h Thunk<'h> {
        match &parameter.ty {
            Some(ty) if !self.is_plainly(thunk, ty) => {
                let contract = Contract { ty, declared: parameter.place, slot: Slot::Argument(parameter.name) };
                self.todo(State::Checked(thunk, self.heap.alloc(contract)), thunk.place)
            }
            _ => thunk,
        }
    }
}
