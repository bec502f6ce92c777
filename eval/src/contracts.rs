//! Contracts: values are checked against declared types, once per slot, as far as they have been computed.
//!
//! A list is checked when it is needed, its elements when they are. A keyed list is checked for doubled keys at once, for which
//! only keys are computed.

use gravure_lang::Place;

use crate::code::{Type, TypeId};
use crate::evaluator::Evaluator;
use crate::value::{Contract, Slot, State, Thunk, Value};
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
            Slot::Field(name) => Slot::Element(name),
            slot => slot,
        };
        self.heap.alloc(Contract { ty, slot, ..whole })
    }

    fn check_list(
        &self,
        elements: &'h [&'h Thunk<'h>],
        element: &'h Type,
        contract: Contract<'h>,
    ) -> Result<Value<'h>> {
        if *element == Type::Any {
            return Ok(Value::List(elements));
        }
        let contract = self.contract_of_parts(element, contract);
        let checked = elements.iter().map(|&thunk| self.contracted(thunk, contract));
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
        let slot = self.slot_text(contract.slot);
        if let Value::Symbol(symbol) = value {
            let members = self.members(contract.ty);
            if !members.is_empty() {
                return errors::no_member(self.program.text(symbol), &members, &slot, place, contract.declared).into();
            }
        }
        let (expected, found) = (self.type_text(contract.ty), self.described(value));
        errors::wrong_type(&slot, &expected, &found, place, contract.declared).into()
    }

    fn slot_text(&self, slot: Slot) -> String {
        match slot {
            Slot::Field(name) => format!("`{}`", self.program.text(name)),
            Slot::Element(name) => format!("an element of `{}`", self.program.text(name)),
            Slot::Argument(name) => format!("the argument `{}`", self.program.text(name)),
            Slot::Result => "the result".to_owned(),
        }
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
            Value::Function(closure) => match closure.code.parameters.len() {
                0 => "a function without parameters".to_owned(),
                1 => "a function of one parameter".to_owned(),
                parameters => format!("a function of {parameters} parameters"),
            },
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
            Type::Union(members) => self.type_texts(members).join(" | "),
            Type::Record(TypeId(id)) => self.program.text(self.program.types[*id as usize].name).to_owned(),
            Type::Function(parameters, None) => format!("fn({})", self.type_texts(parameters).join(", ")),
            Type::Function(parameters, Some(result)) => {
                format!("fn({}): {}", self.type_texts(parameters).join(", "), self.type_text(result))
            }
        }
    }

    fn type_texts(&self, types: &[Type]) -> Vec<String> {
        types.iter().map(|ty| self.type_text(ty)).collect()
    }
}
