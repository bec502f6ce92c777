//! Spelling: types and slots as messages show them.

use crate::code::{Type, TypeId};
use crate::program::Program;
use crate::value::Slot;

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

    fn type_texts(&self, types: &[Type]) -> Vec<String> {
        types.iter().map(|ty| self.type_text(ty)).collect()
    }
}
