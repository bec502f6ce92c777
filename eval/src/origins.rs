//! Origins: which definitions made a value, and where they stand.
//!
//! A field's value is what its highest `=` says with the edits above it, so its origins are its definitions from the topmost
//! layer down, and its declaration. An element of a list or map has the place where it is written.

use gravure_lang::{Diagnostic, Place};

use crate::code::Edit;
use crate::evaluator::Evaluator;
use crate::names::Name;
use crate::value::{Field, Record, Thunk, Value};

/// What a place has to do with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It says the value.
    Set,
    /// It declares the field, with a default that is the value.
    Default,
    /// It changes what is below: `+=`, `-=`, `{ ... }`, or an element by its key.
    Edited,
    /// It says a value that something above it replaces.
    Overridden,
    /// It declares the field and its type.
    Declared,
}

/// A place that has to do with a value.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// Where it is.
    pub place: Place,
    /// What it does.
    pub role: Role,
}

/// A value that has no parts, with the path that leads to it.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// The fields, keys and numbers, as `--show` takes them.
    pub path: String,
    /// The value as text of the language.
    pub text: String,
    /// Where it comes from, the nearest first.
    pub origins: Vec<Origin>,
}

impl<'h> Evaluator<'h> {
    /// Returns where a field's value comes from, the topmost definition first and the declaration last.
    ///
    /// # Errors
    /// The record has no such field, or its layers do not fit together.
    pub fn origins_of(&self, record: &'h Record<'h>, name: Name, place: Place) -> crate::Result<Vec<Origin>> {
        match self.table(record)?.find(name) {
            Some(field) => Ok(field_origins(field)),
            None => Err(self.no_such_field(record, self.program.text(name), place)?),
        }
    }

    /// Returns all values without parts inside a value that is called `path`, in order.
    ///
    /// # Errors
    /// Everything that is wrong with parts of the value.
    pub fn leaves(&self, value: Value<'h>, path: &str) -> Result<Vec<Leaf>, Vec<Diagnostic>> {
        let mut walk = Walk { evaluator: self, leaves: Vec::new(), is_abstract: false, found: Vec::new() };
        walk.value(value, path.to_owned(), &[], 0);
        if walk.found.is_empty() { Ok(walk.leaves) } else { Err(walk.found) }
    }
}

fn field_origins(field: &Field<'_>) -> Vec<Origin> {
    let mut is_said = false;
    let steps = field.steps.iter().rev().map(|step| {
        let role = match step.definition.edit {
            _ if is_said => Role::Overridden,
            Some(Edit::Set(_)) if step.definition.ty.is_some() => Role::Default,
            Some(Edit::Set(_)) => Role::Set,
            _ => Role::Edited,
        };
        is_said |= matches!(role, Role::Set | Role::Default);
        Origin { place: step.definition.place, role }
    });
    let mut origins: Vec<Origin> = steps.collect();
    let declared = field
        .declaration
        .filter(|declaration| origins.iter().all(|origin| !crate::errors::same(origin.place, declaration.place)));
    origins.extend(declared.map(|declaration| Origin { place: declaration.place, role: Role::Declared }));
    origins
}

/// How many records, lists and maps may be inside one another.
const DEPTH: usize = 200;

struct Walk<'e, 'h> {
    evaluator: &'e Evaluator<'h>,
    leaves: Vec<Leaf>,
    /// Whether the record at hand is a base for others, which may lack fields.
    is_abstract: bool,
    found: Vec<Diagnostic>,
}

impl<'h> Walk<'_, 'h> {
    /// Walks through a value whose origins are those of the field or element that holds it.
    fn value(&mut self, value: Value<'h>, path: String, origins: &[Origin], depth: usize) {
        let limits = &self.evaluator.limits;
        let is_too_much = depth > limits.shown_levels.unwrap_or(DEPTH) || self.leaves.len() >= limits.shown_values;
        match value {
            _ if is_too_much => {}
            Value::Record(record) if record.module.is_none() || depth == 0 => self.record(record, &path, depth),
            Value::List(elements) if elements.len() > 0 => {
                for (number, element) in self.evaluator.elements(elements).enumerate() {
                    let key = self.evaluator.key_of(element).ok().flatten();
                    let step = key.map_or_else(|| format!("[{number}]"), |key| format!("[\"{key}\"]"));
                    self.element(element, format!("{path}{step}"), depth);
                }
            }
            Value::Map(entries) if !entries.is_empty() => {
                for &(key, thunk) in entries {
                    self.element(thunk, format!("{path}[\"{key}\"]"), depth);
                }
            }
            value => {
                let text = match value {
                    Value::List(_) => "[]".to_owned(),
                    Value::Map(_) => "Map {}".to_owned(),
                    value => self.evaluator.brief(value),
                };
                self.leaves.push(Leaf { path, text, origins: origins.to_vec() });
            }
        }
    }

    fn record(&mut self, record: &'h Record<'h>, path: &str, depth: usize) {
        let fields = match self.evaluator.table(record) {
            Ok(table) => table.fields,
            Err(mistake) => return self.found.push(*mistake),
        };
        for field in fields {
            if self.is_abstract && self.evaluator.is_left_open(field) {
                continue;
            }
            let was_abstract = self.is_abstract;
            self.is_abstract |= field.is_abstract();
            let name = self.evaluator.program.text(field.name);
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            match self.evaluator.force(&field.value) {
                Ok(value) => self.value(value, path, &field_origins(field), depth + 1),
                Err(mistake) => self.found.push(*mistake),
            }
            self.is_abstract = was_abstract;
        }
    }

    fn element(&mut self, element: &'h Thunk<'h>, path: String, depth: usize) {
        match self.evaluator.force(element) {
            Ok(value) => self.value(value, path, &[Origin { place: element.place, role: Role::Set }], depth + 1),
            Err(mistake) => self.found.push(*mistake),
        }
    }
}
