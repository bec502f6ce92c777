//! Contracts: values are checked against declared types, once per slot, as far as they have been computed.
//!
//! A list is checked when it is needed, its elements when they are. A keyed list is checked for doubled keys at once, for which
//! only keys are computed.

use gravure_lang::Place;

use crate::code::{Type, TypeId};
use crate::evaluator::Evaluator;
use crate::names::Name;
use crate::value::{State, Task, Thunk, Value};
use crate::{Result, errors};

impl<'h> Evaluator<'h> {
    /// Returns a thunk whose value is that of `thunk` and of the type `ty`.
    pub(crate) fn contract(&self, thunk: &'h Thunk<'h>, ty: Option<&'h Type>, declared: Place) -> &'h Thunk<'h> {
        match ty {
            None | Some(Type::Any) => thunk,
            Some(ty) => match thunk.state.get() {
                State::Done(value) if self.is_plainly(value, ty) => thunk,
                _ => self.todo(Task::Checked(thunk, ty, declared), thunk.place),
            },
        }
    }

    /// Checks a value that is written at `place` against the type declared at `declared`, of the field `field`.
    ///
    /// Returns the value with the contracts of its parts.
    pub(crate) fn check(
        &self,
        value: Value<'h>,
        ty: &'h Type,
        place: Place,
        declared: Place,
        field: Option<Name>,
    ) -> Result<Value<'h>> {
        match (ty, value) {
            (Type::List(element), Value::List(elements)) => self.check_list(elements, element, declared),
            (Type::Map(element), Value::Map(entries)) if **element != Type::Any => {
                let entries = entries.iter().map(|&(key, thunk)| (key, self.contract(thunk, Some(element), declared)));
                Ok(Value::Map(self.heap.alloc_slice_fill_iter(entries.collect::<Vec<_>>())))
            }
            (Type::Key(ty), value) => self.check(value, ty, place, declared, field),
            (Type::Union(members), value) => match members.iter().find(|member| self.accepts(value, member)) {
                Some(member) => self.check(value, member, place, declared, field),
                None => Err(self.mismatch(value, ty, place, declared, field)),
            },
            (ty, value) if self.accepts(value, ty) => Ok(value),
            (ty, value) => Err(self.mismatch(value, ty, place, declared, field)),
        }
    }

    fn check_list(&self, elements: &'h [&'h Thunk<'h>], element: &'h Type, declared: Place) -> Result<Value<'h>> {
        if *element == Type::Any {
            return Ok(Value::List(elements));
        }
        let checked = elements.iter().map(|&thunk| self.contract(thunk, Some(element), declared));
        let checked: &'h [&'h Thunk<'h>] = self.heap.alloc_slice_fill_iter(checked);
        if let Type::Record(ty) = element
            && self.key_field(*ty).is_some()
        {
            self.refuse_doubled_keys(checked)?;
        }
        Ok(Value::List(checked))
    }

    fn refuse_doubled_keys(&self, elements: &[&'h Thunk<'h>]) -> Result<()> {
        let mut seen: rustc_hash::FxHashMap<&str, Place> = rustc_hash::FxHashMap::default();
        for element in elements {
            if let Some(key) = self.key_of(element)? {
                let place = self.key_place(element)?;
                if let Some(first) = seen.insert(key, place) {
                    return Err(errors::double_key(key, place, first).into());
                }
            }
        }
        Ok(())
    }

    /// Returns where the key of an element is written, or the element itself.
    fn key_place(&self, element: &'h Thunk<'h>) -> Result<Place> {
        let Value::Record(record) = self.force(element)? else { return Ok(element.place) };
        let Some(key) = record.ty.and_then(|ty| self.key_field(ty)) else { return Ok(element.place) };
        let field = self.table(record)?.find(key);
        Ok(field.and_then(|field| field.steps.last()).map_or(element.place, crate::records::value_place))
    }

    /// Whether a value is of a type as far as its outermost form tells.
    fn accepts(&self, value: Value<'h>, ty: &Type) -> bool {
        match (ty, value) {
            (Type::Any, _)
            | (Type::Bool, Value::Bool(_))
            | (Type::Int, Value::Int(_))
            | (Type::Size, Value::Size(_))
            | (Type::String, Value::String(_))
            | (Type::Symbol, Value::Symbol(_))
            | (Type::Path, Value::Path(_))
            | (Type::AnyRecord, Value::Record(_))
            | (Type::List(_), Value::List(_))
            | (Type::Map(_), Value::Map(_))
            | (Type::None, Value::None) => true,
            (Type::Key(ty), value) => self.accepts(value, ty),
            (Type::Member(member), Value::Symbol(symbol)) => *member == symbol,
            (Type::Union(members), value) => members.iter().any(|member| self.accepts(value, member)),
            (Type::Record(ty), Value::Record(record)) => record.ty.is_some_and(|of| self.program.is_subtype(of, *ty)),
            (Type::Function(arity), Value::Function(closure)) => {
                let required = closure.code.parameters.iter().filter(|parameter| parameter.default.is_none()).count();
                (required..=closure.code.parameters.len()).contains(arity)
            }
            (Type::Function(_), Value::Builtin(_)) => true,
            _ => false,
        }
    }

    /// Whether nothing inside the value is left to check.
    fn is_plainly(&self, value: Value<'h>, ty: &Type) -> bool {
        !matches!(value, Value::List(_) | Value::Map(_)) && self.accepts(value, ty)
    }

    fn mismatch(
        &self,
        value: Value<'h>,
        ty: &Type,
        place: Place,
        declared: Place,
        field: Option<Name>,
    ) -> Box<gravure_lang::Diagnostic> {
        let field = field.map(|name| self.program.text(name));
        if let Value::Symbol(symbol) = value {
            let members = self.members(ty);
            if !members.is_empty() {
                return errors::no_member(self.program.text(symbol), &members, field, place, declared).into();
            }
        }
        errors::wrong_type(&self.type_text(ty), &self.described(value), field, place, declared).into()
    }

    /// Returns the symbols that a type accepts.
    fn members(&self, ty: &Type) -> Vec<&'h str> {
        match ty {
            Type::Member(name) => vec![self.program.text(*name)],
            Type::Union(members) => members.iter().flat_map(|member| self.members(member)).collect(),
            _ => Vec::new(),
        }
    }

    fn described(&self, value: Value<'h>) -> String {
        match value {
            Value::Record(record) if record.ty.is_some() => format!("a record of type {}", self.record_name(record)),
            other => other.kind().to_owned(),
        }
    }

    /// Returns a type as the user would write it.
    pub(crate) fn type_text(&self, ty: &Type) -> String {
        match ty {
            Type::Any => "Any".to_owned(),
            Type::Bool => "Bool".to_owned(),
            Type::Int => "Int".to_owned(),
            Type::Size => "Size".to_owned(),
            Type::String => "String".to_owned(),
            Type::Symbol => "Symbol".to_owned(),
            Type::Path => "Path".to_owned(),
            Type::AnyRecord => "Record".to_owned(),
            Type::List(element) => format!("List({})", self.type_text(element)),
            Type::Map(element) => format!("Map({})", self.type_text(element)),
            Type::Key(ty) => self.type_text(ty),
            Type::Member(name) => format!("'{}", self.program.text(*name)),
            Type::None => "none".to_owned(),
            Type::Union(members) => members.iter().map(|member| self.type_text(member)).collect::<Vec<_>>().join(" | "),
            Type::Record(TypeId(id)) => self.program.text(self.program.types[*id as usize].name).to_owned(),
            Type::Function(arity) => format!("fn({})", vec!["Any"; *arity].join(", ")),
        }
    }
}
