//! Documentation: what files say of what they define, in their `##` comments.

use gravure_lang::Place;

use crate::code::{Definition, Edit, Expr, ExprKind, Function, ModuleId, TypeId};
use crate::program::Program;

/// An item of a file with what the file says of it.
#[derive(Clone, Debug)]
pub struct Documented<'p> {
    /// Its name.
    pub name: &'p str,
    /// Its `##` lines.
    pub doc: &'p str,
    /// Where it is defined.
    pub place: Place,
    /// What it is.
    pub kind: DocumentedKind<'p>,
}

/// What a documented item is.
#[derive(Clone, Debug)]
pub enum DocumentedKind<'p> {
    /// A record type with the one that it extends, and its own fields.
    Record {
        /// The name of the type that it extends.
        extends: Option<&'p str>,
        /// The fields that it declares itself.
        fields: Vec<DocumentedField<'p>>,
    },
    /// A function with its parameters, as its definition begins.
    Function {
        /// `fn name(a: Int): String`
        signature: String,
    },
    /// Any other value.
    Value,
}

/// A field of a record type.
#[derive(Clone, Debug)]
pub struct DocumentedField<'p> {
    /// Its name.
    pub name: &'p str,
    /// Its type as text.
    pub ty: String,
    /// Its default as it is written, on one line; none: it must be given.
    pub default: Option<String>,
    /// Its `##` lines.
    pub doc: &'p str,
}

impl Program {
    /// Returns what a file says of itself.
    pub fn module_doc(&self, module: ModuleId) -> &str {
        &self.modules[module.0 as usize].doc
    }

    /// Returns what a file exports, in the order of the text.
    pub fn documented(&self, module: ModuleId) -> Vec<Documented<'_>> {
        let definitions = &self.modules[module.0 as usize].body.definitions;
        definitions.iter().map(|definition| self.documented_item(definition)).collect()
    }

    fn documented_item<'p>(&'p self, definition: &'p Definition) -> Documented<'p> {
        let name = self.text(definition.name);
        let kind = match &definition.edit {
            Some(Edit::Set(Expr { kind: ExprKind::Type(ty), .. })) => self.documented_record(*ty),
            Some(Edit::Set(Expr { kind: ExprKind::Function(function), .. })) => {
                DocumentedKind::Function { signature: self.signature(name, function) }
            }
            _ => DocumentedKind::Value,
        };
        Documented { name, doc: &definition.doc, place: definition.place, kind }
    }

    fn documented_record(&self, ty: TypeId) -> DocumentedKind<'_> {
        let record = &self.types[ty.0 as usize];
        let fields = record.body.definitions.iter().filter_map(|definition| {
            let ty = self.type_text(definition.ty.as_ref()?);
            let default = match &definition.edit {
                Some(Edit::Set(value)) => Some(self.on_one_line(value.place)),
                _ => None,
            };
            Some(DocumentedField { name: self.text(definition.name), ty, default, doc: &definition.doc })
        });
        DocumentedKind::Record { extends: record.extends.map(|ty| self.type_name(ty)), fields: fields.collect() }
    }

    fn signature(&self, name: &str, function: &Function) -> String {
        let parameters = function.parameters.iter().map(|parameter| {
            let ty = parameter.ty.as_ref().map(|ty| format!(": {}", self.type_text(ty)));
            let default = parameter.default.as_ref().map(|value| format!(" = {}", self.on_one_line(value.place)));
            format!("{}{}{}", self.text(parameter.name), ty.unwrap_or_default(), default.unwrap_or_default())
        });
        let parameters: Vec<String> = parameters.collect();
        let result = function.result.as_ref().map(|(ty, _)| format!(": {}", self.type_text(ty)));
        format!("fn {name}({}){}", parameters.join(", "), result.unwrap_or_default())
    }

    /// Returns what is written at a place, its line breaks made blanks.
    fn on_one_line(&self, place: Place) -> String {
        let text = &self.sources.text(place.file)[place.span.range()];
        text.split_whitespace().collect::<Vec<&str>>().join(" ")
    }
}
