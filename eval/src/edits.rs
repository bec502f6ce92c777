//! Edits: `+=`, `-=`, `x { ... }`, and elements of lists and maps by their keys.
//!
//! Elements are found by computing keys and nothing else; what is done to an element waits until the element is needed.

use gravure_lang::Place;

use crate::code::{Edit, Type, TypeId};
use crate::evaluator::Evaluator;
use crate::names::Name;
use crate::value::{ElementEdit, Env, State, Thunk, Value};
use crate::{Result, errors};

impl<'h> Evaluator<'h> {
    /// Applies an edit of the body whose frame is `env`; `value` is asked only if the edit needs what was there.
    pub(crate) fn edit(
        &self,
        edit: &'h Edit,
        value: impl FnOnce() -> Result<Value<'h>>,
        env: &'h Env<'h>,
    ) -> Result<Value<'h>> {
        match edit {
            Edit::Set(expr) => self.eval(expr, env),
            Edit::Append(expr) => {
                let (left, right) = (value()?, self.eval(expr, env)?);
                self.add(left, right, expr.place)
            }
            Edit::Remove(expr) => {
                let (value, keys) = (value()?, self.eval(expr, env)?);
                self.remove(value, keys, expr.place)
            }
            Edit::Deepen(body) => self.extend(value()?, body, env, body.place),
            Edit::Element(key, edit) => {
                let (value, at) = (value()?, self.eval(key, env)?);
                self.edit_element(value, at, edit, env, key.place)
            }
        }
    }

    fn edit_element(
        &self,
        value: Value<'h>,
        key: Value<'h>,
        edit: &'h Edit,
        env: &'h Env<'h>,
        place: Place,
    ) -> Result<Value<'h>> {
        let key = self.expect_key(key, place)?;
        let by: &'h ElementEdit<'h> = self.heap.alloc(ElementEdit { edit, env });
        let edited = |thunk: &'h Thunk<'h>| self.todo(State::Edited(thunk, by), edit_place(edit));
        match value {
            Value::List(elements) => {
                let mut elements = self.thunks(elements).into_owned();
                let position = self.keyed_position(&elements, key, place)?;
                elements[position] = edited(elements[position]);
                Ok(self.list(elements))
            }
            Value::Map(entries) => {
                let mut entries = entries.to_vec();
                match (entries.iter().position(|&(name, _)| name == key), edit) {
                    (Some(position), _) => entries[position].1 = edited(entries[position].1),
                    (None, Edit::Set(expr)) => entries.push((key, self.delay(expr, env))),
                    (None, _) => {
                        return Err(errors::absent_key(key, entries.iter().map(|&(name, _)| name), place).into());
                    }
                }
                Ok(Value::Map(self.heap.alloc_slice_copy(&entries)))
            }
            other => Err(errors::not_keyed(other.kind(), place).into()),
        }
    }

    /// `x -= ["k"]`: the elements with these keys must be there.
    fn remove(&self, value: Value<'h>, keys: Value<'h>, place: Place) -> Result<Value<'h>> {
        let Value::List(keys) = keys else {
            return Err(errors::wrong_operand("`-=`", "a list of keys", keys.kind(), place).into());
        };
        let mut value = value;
        for key in self.elements(keys) {
            let text = self.expect_key(self.force(key)?, key.place)?;
            value = match value {
                Value::List(elements) => {
                    let mut elements = self.thunks(elements).into_owned();
                    elements.remove(self.keyed_position(&elements, text, key.place)?);
                    self.list(elements)
                }
                Value::Map(entries) => {
                    let position = entries.iter().position(|&(name, _)| name == text);
                    let position = position
                        .ok_or_else(|| errors::absent_key(text, entries.iter().map(|&(name, _)| name), key.place))?;
                    let mut entries = entries.to_vec();
                    entries.remove(position);
                    Value::Map(self.heap.alloc_slice_copy(&entries))
                }
                other => return Err(errors::not_keyed(other.kind(), place).into()),
            };
        }
        Ok(value)
    }

    /// Returns where in a list the one record with this key is; only keys are computed.
    pub(crate) fn keyed_position(&self, elements: &[&'h Thunk<'h>], key: &str, place: Place) -> Result<usize> {
        let (mut found, mut known) = (None, Vec::new());
        for (position, element) in elements.iter().enumerate() {
            match (self.key_of(element)?, found) {
                (Some(at), None) if at == key => found = Some(position),
                // The contract of a field would have found it, but not every list has one.
                (Some(at), Some(first)) if at == key => {
                    let first = self.key_place(elements[first])?;
                    return Err(errors::double_key(key, self.key_place(element)?, first).into());
                }
                (Some(at), _) => known.push(at),
                (None, _) => return Err(errors::no_key(element.place, place).into()),
            }
        }
        found.ok_or_else(|| errors::absent_key(key, known, place).into())
    }

    /// Returns the key of a list element: the value of the field that its type declares as `Key`.
    pub(crate) fn key_of(&self, element: &'h Thunk<'h>) -> Result<Option<&'h str>> {
        let Value::Record(record) = self.force(element)? else { return Ok(None) };
        let Some(ty) = record.ty else { return Ok(None) };
        let Some(name) = self.key_field(ty) else { return Ok(None) };
        let value = self.field(record, name, element.place)?;
        self.expect_key(value, element.place).map(Some)
    }

    /// Returns the field that a type or one that it extends declares as `Key`.
    pub(crate) fn key_field(&self, ty: TypeId) -> Option<Name> {
        let ty = &self.program.types[ty.0 as usize];
        let own = ty.body.definitions.iter().find(|definition| matches!(definition.ty, Some(Type::Key(_))));
        own.map(|definition| definition.name).or_else(|| self.key_field(ty.extends?))
    }

    pub(crate) fn expect_key(&self, value: Value<'h>, place: Place) -> Result<&'h str> {
        self.expect_string(value, "a key", place)
    }

    /// Returns a string, or the name of a symbol, which `what` needs.
    pub(crate) fn expect_string(&self, value: Value<'h>, what: &str, place: Place) -> Result<&'h str> {
        match value {
            Value::String(text) => Ok(text),
            Value::Symbol(name) => Ok(self.program.text(name)),
            other => Err(errors::wrong_operand(what, "a string", other.kind(), place).into()),
        }
    }
}

/// Returns where what an edit gives is written.
pub(crate) fn edit_place(edit: &Edit) -> Place {
    match edit {
        Edit::Set(expr) | Edit::Append(expr) | Edit::Remove(expr) => expr.place,
        Edit::Deepen(body) => body.place,
        Edit::Element(_, edit) => edit_place(edit),
    }
}
