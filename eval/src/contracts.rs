//! Contracts: values are checked against declared types, once per slot, as far as they have been computed.
//!
//! A list is checked when it is needed, its elements when they are. A keyed list is checked for doubled keys at once, for which
//! only keys are computed.

use gravure_lang::Place;

use crate::code::Type;
use crate::evaluator::Evaluator;
use crate::value::{Contract, Elements, List, Slot, State, Thunk, Value};
use crate::{Result, errors};

impl<'h> Evaluator<'h> {
    /// Returns a thunk whose value is that of `thunk` and fulfils the contract.
    pub(crate) fn contracted(&self, thunk: &'h Thunk<'h>, contract: &'h Contract<'h>) -> &'h Thunk<'h> {
        if self.is_plainly(thunk, contract.ty) {
            thunk
        } else {
            self.todo(State::Checked(thunk, contract), thunk.place)
        }
    }

    /// Checks a value that is written at `place`.
    ///
    /// Returns the value with the contracts of its parts.
    pub(crate) fn check(&self, value: Value<'h>, place: Place, contract: Contract<'h>) -> Result<Value<'h>> {
        match (contract.ty, value) {
            (Type::List(element), Value::List(elements)) => self.check_list(elements, element, contract),
            (Type::Map(element), Value::Map(entries)) if **element != Type::Any => {
                let contract = self.contract_of_parts(element, contract);
                let entries = entries.iter().map(|&(key, thunk)| (key, self.contracted(thunk, contract)));
                Ok(Value::Map(self.heap.alloc_slice_fill_iter(entries)))
            }
            (Type::Key(ty), value) => self.check(value, place, Contract { ty, ..contract }),
            (Type::Union(members), value) => match members.iter().find(|member| self.accepts(value, member)) {
                Some(ty) => self.check(value, place, Contract { ty, ..contract }),
                None => Err(self.mismatch(value, place, contract)),
            },
            (ty, value) if self.accepts(value, ty) => Ok(value),
            _ => Err(self.mismatch(value, place, contract)),
        }
    }

    fn contract_of_parts(&self, ty: &'h Type, whole: Contract<'h>) -> &'h Contract<'h> {
        let slot = match whole.slot {
            Slot::Field(name) | Slot::Argument(name) => Slot::Element(name),
            slot => slot,
        };
        self.heap.alloc(Contract { ty, slot, ..whole })
    }

    fn check_list(&self, elements: List<'h>, element: &'h Type, contract: Contract<'h>) -> Result<Value<'h>> {
        if *element == Type::Any {
            return Ok(Value::List(elements));
        }
        let contract = self.contract_of_parts(element, contract);
        let checked = self.elements(elements).map(|thunk| self.contracted(thunk, contract));
        let checked: &'h [&'h Thunk<'h>] = self.heap.alloc_slice_fill_iter(checked);
        if self.has_keys(element) {
            self.refuse_doubled_keys(checked)?;
        }
        Ok(Value::List(List(Elements::Made(checked))))
    }

    /// Whether a value of this type may have a key.
    fn has_keys(&self, ty: &Type) -> bool {
        match ty {
            Type::Record(ty) => self.key_field(*ty).is_some(),
            Type::Union(members) => members.iter().any(|member| self.has_keys(member)),
            _ => false,
        }
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
    pub(crate) fn key_place(&self, element: &'h Thunk<'h>) -> Result<Place> {
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
            (Type::Function(parameters, _), Value::Function(closure)) => {
                let required = closure.code.parameters.iter().filter(|parameter| parameter.default.is_none()).count();
                (required..=closure.code.parameters.len()).contains(&parameters.len())
            }
            (Type::Function(..), Value::Builtin(_)) => true,
            _ => false,
        }
    }

    /// Whether it is known already that a value and all inside it are of a type.
    pub(crate) fn is_plainly(&self, thunk: &Thunk<'h>, ty: &Type) -> bool {
        match (ty, thunk.state.get()) {
            (Type::Any, _) => true,
            (_, State::Done(Value::List(_) | Value::Map(_))) => false,
            (ty, State::Done(value)) => self.accepts(value, ty),
            _ => false,
        }
    }

    fn mismatch(&self, value: Value<'h>, place: Place, contract: Contract<'h>) -> Box<gravure_lang::Diagnostic> {
        let slot = self.program.slot_text(contract.slot);
        if let Value::Symbol(symbol) = value {
            let members = self.program.members(contract.ty);
            if !members.is_empty() {
                return errors::no_member(self.program.text(symbol), &members, &slot, place, contract.declared).into();
            }
        }
        let (expected, found) = (self.program.type_text(contract.ty), self.described(value));
        errors::wrong_type(&slot, &expected, &found, place, contract.declared).into()
    }

    fn described(&self, value: Value<'h>) -> String {
        match value {
            Value::Record(record) if record.ty.is_some() => format!("a record of type {}", self.record_name(record)),
            Value::Function(closure) => match closure.code.parameters.len() {
                0 => "a function without parameters".to_owned(),
                1 => "a function of one parameter".to_owned(),
                parameters => format!("a function of {parameters} parameters"),
            },
            other => other.kind().to_owned(),
        }
    }
}
