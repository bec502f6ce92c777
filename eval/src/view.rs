//! Views: how Rust reads records of the language, field by field, with places for what is wrong.

use gravure_lang::{Diagnostic, Place};

use crate::code::TypeId;
use crate::evaluator::Evaluator;
use crate::records::value_place;
use crate::value::{Record, Value};
use crate::{ModuleId, Result, errors};

/// A record together with the evaluator that can read it.
#[derive(Clone, Copy)]
pub struct View<'e, 'h> {
    /// Who evaluates.
    pub evaluator: &'e Evaluator<'h>,
    /// What is read.
    pub record: &'h Record<'h>,
}

/// An exported item of a file.
#[derive(Clone, Copy, Debug)]
pub struct Export<'h> {
    /// Its name.
    pub name: &'h str,
    /// Where it is named.
    pub place: Place,
    /// Whether it is a base for others only.
    pub is_abstract: bool,
    /// Its documentation.
    pub doc: &'h str,
}

impl<'h> Evaluator<'h> {
    /// Returns what a module exports, in the order of the text. Nothing is evaluated.
    pub fn exports(&self, module: ModuleId) -> Vec<Export<'h>> {
        let body = &self.program.modules[module.0 as usize].body;
        let mut exports: Vec<Export<'h>> = Vec::new();
        let mut seen = rustc_hash::FxHashSet::default();
        for definition in &body.definitions {
            if seen.insert(definition.name) {
                exports.push(Export {
                    name: self.program.text(definition.name),
                    place: definition.place,
                    is_abstract: definition.is_abstract,
                    doc: &definition.doc,
                });
            }
        }
        exports
    }

    /// Returns the record `value` if it is of type `ty` or of one that extends it.
    pub fn as_record_of(&self, value: Value<'h>, ty: TypeId) -> Option<&'h Record<'h>> {
        match value {
            Value::Record(record) if record.ty.is_some_and(|of| self.program.is_subtype(of, ty)) => Some(record),
            _ => None,
        }
    }

    /// Returns the value of the field with this name, which is needed at `place`.
    ///
    /// # Errors
    /// The record has no such field, the field has no value, or its value is wrong.
    pub fn field_named(&self, record: &'h Record<'h>, name: &str, place: Place) -> Result<Value<'h>> {
        match self.program.names.find(name) {
            Some(name) => self.field(record, name, place),
            None => Err(self.no_such_field(record, name, place)?),
        }
    }

    /// Calls a function of the language with finished values.
    ///
    /// # Errors
    /// It is no function, or what it evaluates is wrong.
    pub fn apply(&self, function: Value<'h>, arguments: &[Value<'h>], place: Place) -> Result<Value<'h>> {
        let thunks: Vec<_> = arguments.iter().map(|&argument| self.done(argument, place)).collect();
        self.call(function, &thunks, place)
    }

    /// Runs the `check` clauses of a record, those of its types included, and adds what fails to `found`.
    pub fn run_checks(&self, record: &'h Record<'h>, found: &mut Vec<Diagnostic>) {
        for layer in record.layers() {
            for check in &layer.body.checks {
                if let Err(diagnostic) = self.run_check(record, layer.height, check) {
                    found.push(*diagnostic);
                }
            }
        }
    }

    fn run_check(&self, record: &'h Record<'h>, layer: u32, check: &'h crate::code::Check) -> Result<()> {
        let env = self.table(record)?.frames[layer as usize];
        let holds = self.eval(&check.condition, env)?;
        if self.expect_bool(holds, "a check", check.condition.place)? {
            return Ok(());
        }
        let message =
            self.expect_string(self.eval(&check.message, env)?, "the message of a check", check.message.place)?;
        let made = record.module.is_none().then(|| record.place());
        Err(errors::check_failed(message, check.condition.place, made).into())
    }

    /// Returns a view of a record.
    pub fn view(&self, record: &'h Record<'h>) -> View<'_, 'h> {
        View { evaluator: self, record }
    }
}

impl<'e, 'h> View<'e, 'h> {
    /// Returns the value of a field. Rust and the declaration must agree on it being there.
    ///
    /// # Errors
    /// The field has no value, or its value is wrong.
    pub fn value(&self, field: &str) -> Result<Value<'h>> {
        self.evaluator.field_named(self.record, field, self.record.place())
    }

    /// Returns where the value of a field is written: in the highest layer that says something about it.
    pub fn place(&self, field: &str) -> Place {
        let name = self.evaluator.program.names.find(field);
        let table = self.evaluator.table(self.record).ok();
        let field = table.zip(name).and_then(|(table, name)| table.find(name));
        field.and_then(|field| field.steps.last()).map_or(self.record.place(), value_place)
    }

    /// Returns where the braces of the record begin: a place of one character for a label on the whole of it.
    pub fn brace(&self) -> Place {
        errors::brace(self.record.place())
    }

    /// Returns the name of the record's type; empty for an anonymous record.
    pub fn type_name(&self) -> &'h str {
        self.record.ty.map_or("", |ty| self.evaluator.program.type_name(ty))
    }

    /// Returns a text, or a symbol's name.
    ///
    /// # Errors
    /// As [`View::value`], or the value is no text.
    pub fn string(&self, field: &str) -> Result<&'h str> {
        match self.value(field)? {
            Value::String(text) => Ok(text),
            Value::Symbol(name) => Ok(self.evaluator.program.text(name)),
            other => Err(self.unexpected(field, "String", other)),
        }
    }

    /// Returns a text, or none for `none`.
    ///
    /// # Errors
    /// As [`View::string`].
    pub fn optional_string(&self, field: &str) -> Result<Option<&'h str>> {
        match self.value(field)? {
            Value::None => Ok(None),
            _ => self.string(field).map(Some),
        }
    }

    /// Returns an integer.
    ///
    /// # Errors
    /// As [`View::value`], or the value is no integer.
    pub fn int(&self, field: &str) -> Result<i64> {
        match self.value(field)? {
            Value::Int(value) => Ok(value),
            other => Err(self.unexpected(field, "Int", other)),
        }
    }

    /// Returns a number of bytes.
    ///
    /// # Errors
    /// As [`View::value`], or the value is no size.
    pub fn size(&self, field: &str) -> Result<u64> {
        match self.value(field)? {
            Value::Size(bytes) => Ok(bytes),
            other => Err(self.unexpected(field, "Size", other)),
        }
    }

    /// Returns a number of bytes, or none for anything else that the declaration allows (`none`, `'guess`).
    ///
    /// # Errors
    /// As [`View::value`].
    pub fn optional_size(&self, field: &str) -> Result<Option<u64>> {
        match self.value(field)? {
            Value::Size(bytes) => Ok(Some(bytes)),
            _ => Ok(None),
        }
    }

    /// Returns a truth value.
    ///
    /// # Errors
    /// As [`View::value`], or the value is no boolean.
    pub fn bool(&self, field: &str) -> Result<bool> {
        match self.value(field)? {
            Value::Bool(value) => Ok(value),
            other => Err(self.unexpected(field, "Bool", other)),
        }
    }

    /// Returns the elements of a list, each with the place where it is written.
    ///
    /// # Errors
    /// As [`View::value`], an element is wrong, or the value is no list.
    pub fn list(&self, field: &str) -> Result<Vec<(Value<'h>, Place)>> {
        match self.value(field)? {
            Value::List(elements) => {
                let elements = self.evaluator.elements(elements);
                elements.map(|thunk| Ok((self.evaluator.force(thunk)?, thunk.place))).collect()
            }
            other => Err(self.unexpected(field, "List", other)),
        }
    }

    /// Returns the texts of a list.
    ///
    /// # Errors
    /// As [`View::list`], or an element is no text.
    pub fn strings(&self, field: &str) -> Result<Vec<&'h str>> {
        let texts = self
            .list(field)?
            .into_iter()
            .map(|(value, place)| self.evaluator.expect_string(value, &format!("`{field}`"), place));
        texts.collect()
    }

    /// Returns the records of a list.
    ///
    /// # Errors
    /// As [`View::list`], or an element is no record.
    pub fn records(&self, field: &str) -> Result<Vec<View<'e, 'h>>> {
        let records = self.list(field)?.into_iter().map(|(value, place)| match value {
            Value::Record(record) => Ok(self.evaluator.view(record)),
            other => Err(errors::wrong_operand(&format!("`{field}`"), "records", other.kind(), place).into()),
        });
        records.collect()
    }

    /// Returns a record.
    ///
    /// # Errors
    /// As [`View::value`], or the value is no record.
    pub fn record(&self, field: &str) -> Result<View<'e, 'h>> {
        match self.value(field)? {
            Value::Record(record) => Ok(self.evaluator.view(record)),
            other => Err(self.unexpected(field, "Record", other)),
        }
    }

    /// Returns a record, or none for `none`.
    ///
    /// # Errors
    /// As [`View::record`].
    pub fn optional_record(&self, field: &str) -> Result<Option<View<'e, 'h>>> {
        match self.value(field)? {
            Value::None => Ok(None),
            _ => self.record(field).map(Some),
        }
    }

    fn unexpected(&self, field: &str, expected: &str, value: Value<'h>) -> Box<Diagnostic> {
        let place = self.place(field);
        errors::wrong_type(&format!("`{field}`"), expected, value.kind(), place, place).into()
    }
}
