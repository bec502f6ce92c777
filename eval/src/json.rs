//! JSON: values for other programs.
//!
//! Records and maps are objects, symbols and paths are strings, sizes are numbers of bytes, `none` is `null`. What has no
//! meaning outside of the language (functions, mixins, types) is a string that says what it is.

use gravure_lang::Diagnostic;

use crate::evaluator::Evaluator;
use crate::value::{Thunk, Value};

/// How many records, lists and maps may be inside one another: as many as usual readers of JSON take.
const DEPTH: usize = 120;

impl<'h> Evaluator<'h> {
    /// Returns a value as JSON, indented, with a line break at the end.
    ///
    /// # Errors
    /// Everything that is wrong with the parts of the value, failed checks of its records included.
    pub fn json(&self, value: Value<'h>) -> Result<String, Vec<Diagnostic>> {
        let (text, found) = (String::new(), Vec::new());
        let mut writer = Writer { evaluator: self, text, found, depth: 0, n_values: 0, is_abstract: false };
        writer.value(value);
        writer.text.push('\n');
        if writer.found.is_empty() { Ok(writer.text) } else { Err(writer.found) }
    }
}

struct Writer<'e, 'h> {
    evaluator: &'e Evaluator<'h>,
    text: String,
    found: Vec<Diagnostic>,
    depth: usize,
    n_values: usize,
    /// Whether the record at hand is a base for others, which may lack fields.
    is_abstract: bool,
}

impl<'h> Writer<'_, 'h> {
    fn value(&mut self, value: Value<'h>) {
        let program = self.evaluator.program;
        match value {
            Value::None => self.text.push_str("null"),
            Value::Bool(value) => self.text.push_str(&value.to_string()),
            Value::Int(value) => self.text.push_str(&value.to_string()),
            Value::Size(bytes) => self.text.push_str(&bytes.to_string()),
            Value::String(text) => self.string(text),
            Value::Path(path) if path.starts_with("../") => self.string(path),
            Value::Path(path) => self.string(&format!("./{path}")),
            Value::Symbol(name) => self.string(program.text(name)),
            Value::List(elements) => {
                let elements = self.evaluator.elements(elements);
                self.bracketed(['[', ']'], elements, |writer, element| writer.thunk(element));
            }
            Value::Map(entries) => self.bracketed(['{', '}'], entries.iter(), |writer, &(key, thunk)| {
                writer.string(key);
                writer.text.push_str(": ");
                writer.thunk(thunk);
            }),
            Value::Record(record) => {
                if !self.is_abstract {
                    self.evaluator.run_checks(record, &mut self.found);
                }
                let fields = match self.evaluator.table(record) {
                    Ok(table) => table.fields.iter(),
                    Err(mistake) => return self.found.push(*mistake),
                };
                let fields = fields.filter(|field| !self.is_abstract || !self.evaluator.is_left_open(field));
                self.bracketed(['{', '}'], fields.collect::<Vec<_>>().into_iter(), |writer, field| {
                    let was_abstract = writer.is_abstract;
                    writer.is_abstract |= field.is_abstract();
                    writer.string(program.text(field.name));
                    writer.text.push_str(": ");
                    writer.thunk(&field.value);
                    writer.is_abstract = was_abstract;
                });
            }
            other @ (Value::Function(_) | Value::Builtin(_) | Value::Mixin(_) | Value::Type(_)) => {
                self.string(other.kind());
            }
        }
    }

    fn thunk(&mut self, thunk: &'h Thunk<'h>) {
        self.n_values += 1;
        let (limit, levels) = (self.evaluator.limits.shown_values, self.evaluator.limits.shown_levels.unwrap_or(DEPTH));
        if self.depth > levels || self.n_values > limit {
            let (found, most, unit) =
                if self.depth > levels { (self.depth, levels, "levels") } else { (self.n_values, limit, "values") };
            let mistake = crate::errors::over_limit("what is shown", found as u64, most as u64, unit, thunk.place);
            return self.failed(mistake);
        }
        match self.evaluator.force(thunk) {
            // A file is no part of a value that mentions it.
            Ok(Value::Record(record)) if record.module.is_some() => self.string("a file"),
            Ok(value) => self.value(value),
            Err(mistake) => self.failed(*mistake),
        }
    }

    fn failed(&mut self, mistake: Diagnostic) {
        if self.found.iter().all(|known| !known.is_same_mistake(&mistake)) {
            self.found.push(mistake);
        }
    }

    fn bracketed<T>(
        &mut self,
        [open, close]: [char; 2],
        parts: impl ExactSizeIterator<Item = T>,
        mut part: impl FnMut(&mut Self, T),
    ) {
        self.text.push(open);
        self.depth += 1;
        let is_empty = parts.len() == 0;
        for (number, each) in parts.enumerate() {
            self.text.push_str(if number == 0 { "\n" } else { ",\n" });
            self.indent();
            part(self, each);
        }
        self.depth -= 1;
        if !is_empty {
            self.text.push('\n');
            self.indent();
        }
        self.text.push(close);
    }

    fn indent(&mut self) {
        (0..self.depth).for_each(|_| self.text.push_str("  "));
    }

    fn string(&mut self, text: &str) {
        self.text.push_str(&serde_json::to_string(text).expect("a string can be written as JSON"));
    }
}
