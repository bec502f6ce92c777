//! Spelling: types and slots as messages show them.

use crate::code::{Type, TypeId};
use crate::program::Program;
use crate::value::{Slot, Value};

impl Program {
    /// Returns what messages call a slot.
    pub(crate) fn slot_text(&self, slot: Slot) -> String {
        match slot {
            Slot::Field(name) => format!("`{}`", self.text(name)),
            Slot::Element(name) => format!("an element of `{}`", self.text(name)),
            Slot::Argument(name) => format!("the argument `{}`", self.text(name)),
            Slot::Result => "the result".to_owned(),
        }
    }

    /// Returns the symbols that a type accepts.
    pub(crate) fn members(&self, ty: &Type) -> Vec<&str> {
        match ty {
            Type::Member(name) => vec![self.text(*name)],
            Type::Union(members) => members.iter().flat_map(|member| self.members(member)).collect(),
            _ => Vec::new(),
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
            Type::Member(name) => format!("'{}", self.text(*name)),
            Type::None => "none".to_owned(),
            Type::Union(members) => self.type_texts(members).join(" | "),
            Type::Record(TypeId(id)) => self.text(self.types[*id as usize].name).to_owned(),
            Type::Function(parameters, None) => format!("fn({})", self.type_texts(parameters).join(", ")),
            Type::Function(parameters, Some(result)) => {
                format!("fn({}): {}", self.type_texts(parameters).join(", "), self.type_text(result))
            }
        }
    }

    /// Returns the type of a value, as the user would write it.
    pub(crate) fn type_of_value(&self, value: Value<'_>) -> String {
        match value {
            Value::None => "none".to_owned(),
            Value::Bool(_) => "Bool".to_owned(),
            Value::Int(_) => "Int".to_owned(),
            Value::Size(_) => "Size".to_owned(),
            Value::Symbol(_) => "Symbol".to_owned(),
            Value::String(_) => "String".to_owned(),
            Value::Path(_) => "Path".to_owned(),
            Value::List(_) => "List".to_owned(),
            Value::Map(_) => "Map".to_owned(),
            Value::Record(record) => record.type_id().map_or("Record", |ty| self.type_name(ty)).to_owned(),
            Value::Function(closure) => {
                let parameters = closure.code.parameters.iter();
                let any = Type::Any;
                let types = parameters.map(|parameter| self.type_text(parameter.ty.as_ref().unwrap_or(&any)));
                let result = closure.code.result.as_ref().map(|(ty, _)| format!(": {}", self.type_text(ty)));
                format!("fn({}){}", types.collect::<Vec<_>>().join(", "), result.unwrap_or_default())
            }
            Value::Mixin(_) | Value::Builtin(_) | Value::Type(_) => value.kind().to_owned(),
        }
    }

    fn type_texts(&self, types: &[Type]) -> Vec<String> {
        types.iter().map(|ty| self.type_text(ty)).collect()
    }
}
