//! Calls: arguments find their parameters.

use gravure_lang::Place;

use super::shape::Shape;
use super::{Checker, Scope};
use crate::builtins::Builtin;
use crate::code::{Argument, Expr, Function};
use crate::errors;
use crate::value::{Contract, Slot};

impl<'p> Checker<'p> {
    /// Walks through a function: its parameters are what their types say.
    pub(super) fn function(&mut self, function: &'p Function) {
        if self.is_quiet {
            return;
        }
        let parameters = function.parameters.iter();
        let slots = parameters.map(|parameter| parameter.ty.as_ref().map_or(Shape::Unknown, Shape::of_type)).collect();
        self.within(Scope::Locals(slots), |checker| {
            for parameter in &function.parameters {
                let contract = parameter.ty.as_ref().map(|ty| Contract {
                    ty,
                    declared: parameter.place,
                    slot: Slot::Argument(parameter.name),
                });
                if let Some(default) = &parameter.default {
                    checker.expect(default, contract);
                }
            }
            let contract =
                function.result.as_ref().map(|(ty, declared)| Contract { ty, declared: *declared, slot: Slot::Result });
            checker.expect(&function.body, contract);
        });
    }

    pub(super) fn call(&mut self, function: &'p Expr, arguments: &'p [Argument], place: Place) -> Shape<'p> {
        let called = self.shape(function);
        match called {
            Shape::Function(code) => {
                self.bind(code, arguments, place);
                code.result.as_ref().map_or(Shape::Unknown, |(ty, _)| Shape::of_type(ty))
            }
            Shape::Builtin(builtin) => self.call_builtin(builtin, arguments, place),
            other => {
                arguments.iter().for_each(|argument| drop(self.shape(&argument.value)));
                match other {
                    Shape::Callable(result) => result.map_or(Shape::Unknown, Shape::of_type),
                    other => {
                        if let Some(kind) = other.kind() {
                            self.report(errors::not_a_function(kind, function.place));
                        }
                        Shape::Unknown
                    }
                }
            }
        }
    }

    /// Gives every argument its parameter, whose type it must be of.
    fn bind(&mut self, code: &'p Function, arguments: &'p [Argument], place: Place) {
        let mut is_given = vec![false; code.parameters.len()];
        let mut next = 0;
        let mut is_wrong = false;
        for argument in arguments {
            let slot = match argument.name {
                None => {
                    next += 1;
                    Some(next - 1)
                }
                Some((name, at)) => {
                    let found = code.parameters.iter().position(|parameter| parameter.name == name);
                    if found.is_none() {
                        let known = code.parameters.iter().map(|parameter| self.program.text(parameter.name));
                        let diagnostic = errors::unknown_parameter(self.program.text(name), known, at);
                        self.report(diagnostic);
                        is_wrong = true;
                    }
                    found
                }
            };
            let parameter = slot.and_then(|slot| code.parameters.get(slot));
            let contract = parameter.and_then(|parameter| {
                let ty = parameter.ty.as_ref()?;
                Some(Contract { ty, declared: parameter.place, slot: Slot::Argument(parameter.name) })
            });
            self.expect(&argument.value, contract);
            let Some(slot) = slot else { continue };
            let Some(given) = is_given.get_mut(slot) else {
                if !is_wrong {
                    self.report(errors::too_many_arguments(code.parameters.len(), arguments.len(), place));
                }
                is_wrong = true;
                continue;
            };
            if std::mem::replace(given, true) {
                let name = self.program.text(code.parameters[slot].name);
                self.report(errors::doubled_parameter(name, argument.value.place));
                is_wrong = true;
            }
        }
        let missing = code.parameters.iter().zip(is_given);
        let mut missing = missing.filter(|(parameter, given)| !given && parameter.default.is_none());
        if let Some((parameter, _)) = missing.next().filter(|_| !is_wrong) {
            let name = self.program.text(parameter.name);
            self.report(errors::missing_argument(name, place, parameter.place));
        }
    }

    /// `has(whole, part)`: only in lists there is something else than texts.
    fn searched_for(&mut self, shapes: &[Shape<'p>], part: &'p Expr) {
        let (Some(whole), Some(kind)) = (shapes[0].kind(), shapes[1].kind()) else { return };
        if ["a string", "a map", "a record"].contains(&whole) && kind != "a string" {
            self.report(errors::wrong_argument("has", &["a string"], kind, part.place));
        }
    }

    fn call_builtin(&mut self, builtin: Builtin, arguments: &'p [Argument], place: Place) -> Shape<'p> {
        let shapes: Vec<Shape<'p>> = arguments.iter().map(|argument| self.shape(&argument.value)).collect();
        if let Some((_, at)) = arguments.iter().find_map(|argument| argument.name) {
            self.report(errors::no_named_arguments(builtin.name(), at));
        } else if arguments.len() != builtin.arity() {
            self.report(errors::wrong_arity(builtin.name(), builtin.arity(), arguments.len(), place));
        } else {
            for ((argument, shape), kinds) in arguments.iter().zip(&shapes).zip(builtin.arguments()) {
                if let Some(kind) = shape.kind().filter(|kind| !kinds.is_empty() && !kinds.contains(kind)) {
                    self.report(errors::wrong_argument(builtin.name(), kinds, kind, argument.value.place));
                }
            }
            if builtin == Builtin::Has {
                self.searched_for(&shapes, &arguments[1].value);
            }
        }
        match builtin {
            Builtin::Len => Shape::Int,
            Builtin::Range => Shape::List(Box::new(Shape::Int)),
            Builtin::Map | Builtin::Filter | Builtin::Flatten => Shape::List(Box::new(Shape::Unknown)),
            Builtin::Split | Builtin::Chars | Builtin::Keys => Shape::List(Box::new(Shape::String)),
            Builtin::Join => Shape::String,
            Builtin::StartsWith | Builtin::EndsWith | Builtin::Has => Shape::Bool,
            Builtin::Fold | Builtin::LabelOf | Builtin::Error => Shape::Unknown,
        }
    }
}
