//! The prelude: functions that every file sees without an import.
//!
//! A function is one line in the table and one arm in [`Evaluator::call_builtin`].

use gravure_lang::Place;

use crate::evaluator::Evaluator;
use crate::value::{List, Thunk, Value};
use crate::{Result, errors};

/// Declares the table of functions: name, number of arguments, and the documentation that the manual prints.
macro_rules! prelude {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal($arity:literal),)+) => {
        /// A function of the prelude.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Builtin { $($(#[doc = $doc])+ $variant,)+ }

        impl Builtin {
            const ALL: &[(Builtin, &'static str, usize)] = &[$((Builtin::$variant, $name, $arity),)+];
        }
    };
}

prelude! {
    /// `len(xs)`: how many elements a list or map has, or bytes a string.
    Len = "len"(1),
    /// `map(f, xs)`: the list of `f(x)`, each computed when it is needed.
    Map = "map"(2),
    /// `filter(f, xs)`: the elements for which `f(x)` is true.
    Filter = "filter"(2),
    /// `fold(f, start, xs)`: `f(... f(f(start, x0), x1) ..., xn)`.
    Fold = "fold"(3),
    /// `range(a, b)`: the integers from `a` up to and without `b`.
    Range = "range"(2),
    /// `join(xs, separator)`: the texts of a list with the separator between them.
    Join = "join"(2),
    /// `flatten(xss)`: the elements of all lists of a list, in order.
    Flatten = "flatten"(1),
    /// `split(text, separator)`: the pieces of a text between the separators.
    Split = "split"(2),
    /// `chars(text)`: the characters of a text, each as a text.
    Chars = "chars"(1),
    /// `starts-with(text, start)`: whether a text begins with another.
    StartsWith = "starts-with"(2),
    /// `ends-with(text, end)`: whether a text ends with another.
    EndsWith = "ends-with"(2),
    /// `keys(m)`: the keys of a map, in order.
    Keys = "keys"(1),
    /// `has(whole, part)`: whether a string contains a text, a list an element equal to the part or with that key, a map
    /// that key, a record a field of that name.
    Has = "has"(2),
    /// `label-of(device)`: the label by which a device is named; `none` where it is named otherwise.
    LabelOf = "label-of"(1),
    /// `error("why")`: stops the evaluation of whatever needs it.
    Error = "error"(1),
}

impl Builtin {
    /// Returns the function with this name.
    pub fn named(name: &str) -> Option<Builtin> {
        Builtin::ALL.iter().find(|entry| entry.1 == name).map(|entry| entry.0)
    }

    /// Returns the names of all functions.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Builtin::ALL.iter().map(|entry| entry.1)
    }

    /// Returns how many arguments the function takes.
    pub(crate) fn arity(self) -> usize {
        Builtin::ALL[self as usize].2
    }

    /// Returns the function's name.
    pub fn name(self) -> &'static str {
        Builtin::ALL[self as usize].1
    }
}

impl<'h> Evaluator<'h> {
    pub(crate) fn call_builtin(
        &self,
        builtin: Builtin,
        arguments: &[&'h Thunk<'h>],
        place: Place,
    ) -> Result<Value<'h>> {
        let arity = builtin.arity();
        if arguments.len() != arity {
            return Err(errors::wrong_arity(builtin.name(), arity, arguments.len(), place).into());
        }
        let value = |index: usize| self.force(arguments[index]);
        match builtin {
            Builtin::Len => self.len_of(value(0)?, place),
            Builtin::Map => {
                let function = self.function_argument(builtin, arguments[0])?;
                Ok(self.mapped(function, self.list_argument(builtin, arguments[1])?))
            }
            Builtin::Filter => {
                self.filter(self.function_argument(builtin, arguments[0])?, self.list_argument(builtin, arguments[1])?)
            }
            Builtin::Fold => {
                let function = self.function_argument(builtin, arguments[0])?;
                self.fold(function, arguments[1], self.list_argument(builtin, arguments[2])?, place)
            }
            Builtin::Range => self.range(value(0)?, value(1)?, place),
            Builtin::Join => self.join(self.list_argument(builtin, arguments[0])?, value(1)?, place),
            Builtin::Flatten => self.flatten_lists(self.list_argument(builtin, arguments[0])?, place),
            Builtin::Split => self.split(
                self.text_argument(builtin, arguments[0])?,
                self.text_argument(builtin, arguments[1])?,
                place,
            ),
            Builtin::Chars => self.strings(self.text_argument(builtin, arguments[0])?.split_inclusive(|_| true), place),
            Builtin::StartsWith => Ok(Value::Bool(
                self.text_argument(builtin, arguments[0])?.starts_with(self.text_argument(builtin, arguments[1])?),
            )),
            Builtin::EndsWith => Ok(Value::Bool(
                self.text_argument(builtin, arguments[0])?.ends_with(self.text_argument(builtin, arguments[1])?),
            )),
            Builtin::Keys => self.keys(value(0)?, place),
            Builtin::Has => self.has(value(0)?, value(1)?, place),
            Builtin::LabelOf => self.label_of(value(0)?, place),
            Builtin::Error => {
                let message = self.expect_string(value(0)?, "`error`", arguments[0].place)?;
                Err(errors::raised(message, place).into())
            }
        }
    }

    fn list_argument(&self, builtin: Builtin, thunk: &'h Thunk<'h>) -> Result<List<'h>> {
        match self.force(thunk)? {
            Value::List(elements) => Ok(elements),
            other => {
                Err(errors::wrong_operand(&format!("`{}`", builtin.name()), "a list", other.kind(), thunk.place).into())
            }
        }
    }

    fn function_argument(&self, builtin: Builtin, thunk: &'h Thunk<'h>) -> Result<Value<'h>> {
        match self.force(thunk)? {
            function @ (Value::Function(_) | Value::Builtin(_)) => Ok(function),
            other => {
                let what = format!("`{}`", builtin.name());
                Err(errors::wrong_operand(&what, "a function", other.kind(), thunk.place).into())
            }
        }
    }

    fn len_of(&self, value: Value<'h>, place: Place) -> Result<Value<'h>> {
        match value {
            Value::List(elements) => Ok(Value::Int(elements.len() as i64)),
            Value::Map(entries) => Ok(Value::Int(entries.len() as i64)),
            Value::String(text) => Ok(Value::Int(text.len() as i64)),
            other => Err(errors::wrong_operand("`len`", "a list, a map or a string", other.kind(), place).into()),
        }
    }

    fn filter(&self, function: Value<'h>, list: List<'h>) -> Result<Value<'h>> {
        let mut kept = Vec::new();
        for element in self.elements(list) {
            let wanted = self.call(function, &[element], element.place)?;
            let place = match function {
                Value::Function(closure) => closure.code.body.place,
                _ => element.place,
            };
            if self.expect_bool(wanted, "`filter`", place)? {
                kept.push(element);
            }
        }
        Ok(self.list(kept))
    }

    fn fold(&self, function: Value<'h>, start: &'h Thunk<'h>, list: List<'h>, place: Place) -> Result<Value<'h>> {
        let mut value = start;
        for element in self.elements(list) {
            value = self.done(self.call(function, &[value, element], place)?, place);
        }
        self.force(value)
    }

    fn range(&self, from: Value<'h>, to: Value<'h>, place: Place) -> Result<Value<'h>> {
        let (Value::Int(from), Value::Int(to)) = (from, to) else {
            let other = if matches!(from, Value::Int(_)) { to } else { from };
            return Err(errors::wrong_operand("`range`", "two integers", other.kind(), place).into());
        };
        let len = usize::try_from(i128::from(to) - i128::from(from)).unwrap_or(if to < from { 0 } else { usize::MAX });
        self.limit(len, self.limits.elements, "a list", "elements", place)?;
        Ok(self.integers(from, len, place))
    }

    fn join(&self, list: List<'h>, separator: Value<'h>, place: Place) -> Result<Value<'h>> {
        let separator = self.expect_string(separator, "`join`", place)?;
        let mut text = String::new();
        for (i, element) in self.elements(list).enumerate() {
            let value = self.force(element)?;
            let piece = self.display(value).ok_or_else(|| errors::not_interpolated(value.kind(), element.place))?;
            if i > 0 {
                text.push_str(separator);
            }
            text.push_str(&piece);
            self.limit(text.len(), self.limits.string, "a string", "bytes", place)?;
        }
        self.string(&text, place)
    }

    fn flatten_lists(&self, lists: List<'h>, place: Place) -> Result<Value<'h>> {
        let mut elements = Vec::new();
        for list in self.elements(lists) {
            elements.extend(self.elements(self.list_argument(Builtin::Flatten, list)?));
            self.limit(elements.len(), self.limits.elements, "a list", "elements", place)?;
        }
        Ok(self.list(elements))
    }

    fn text_argument(&self, builtin: Builtin, thunk: &'h Thunk<'h>) -> Result<&'h str> {
        match self.force(thunk)? {
            Value::String(text) => Ok(text),
            other => {
                Err(errors::wrong_operand(&format!("`{}`", builtin.name()), "a string", other.kind(), thunk.place)
                    .into())
            }
        }
    }

    fn strings(&self, texts: impl Iterator<Item = &'h str>, place: Place) -> Result<Value<'h>> {
        let mut elements = Vec::new();
        for text in texts {
            elements.push(self.done(Value::String(text), place));
            self.limit(elements.len(), self.limits.elements, "a list", "elements", place)?;
        }
        Ok(self.list(elements))
    }

    fn split(&self, text: &'h str, separator: &'h str, place: Place) -> Result<Value<'h>> {
        match separator {
            "" => Err(errors::wrong_operand("`split`", "a separator", "an empty string", place).into()),
            separator => self.strings(text.split(separator), place),
        }
    }

    fn keys(&self, value: Value<'h>, place: Place) -> Result<Value<'h>> {
        match value {
            Value::Map(entries) => Ok(self.list(
                entries.iter().map(|&(key, thunk)| self.done(Value::String(key), thunk.place)).collect::<Vec<_>>(),
            )),
            other => Err(errors::wrong_operand("`keys`", "a map", other.kind(), place).into()),
        }
    }

    fn has(&self, whole: Value<'h>, part: Value<'h>, place: Place) -> Result<Value<'h>> {
        match (whole, part) {
            (Value::String(text), Value::String(part)) => Ok(Value::Bool(text.contains(part))),
            (Value::Map(entries), Value::String(key)) => Ok(Value::Bool(entries.iter().any(|&(name, _)| name == key))),
            (Value::Record(record), Value::String(field)) => {
                let table = self.table(record)?;
                Ok(Value::Bool(self.program.names.find(field).is_some_and(|name| table.find(name).is_some())))
            }
            (Value::List(elements), part) => self.has_element(elements, part, place).map(Value::Bool),
            (Value::String(_) | Value::Map(_) | Value::Record(_), part) => {
                Err(errors::wrong_operand("`has`", "a string as its second argument", part.kind(), place).into())
            }
            (whole, _) => {
                Err(errors::wrong_operand("`has`", "a string, list, map or record", whole.kind(), place).into())
            }
        }
    }

    fn has_element(&self, elements: List<'h>, part: Value<'h>, place: Place) -> Result<bool> {
        for element in self.elements(elements) {
            let is_key = match part {
                Value::String(key) => self.key_of(element)? == Some(key),
                _ => false,
            };
            if is_key || self.equal(self.force(element)?, part, place)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn label_of(&self, device: Value<'h>, place: Place) -> Result<Value<'h>> {
        let Value::Record(record) = device else { return Ok(Value::None) };
        let Some(label) = self.program.names.find("label") else { return Ok(Value::None) };
        match self.table(record)?.find(label) {
            Some(_) => self.field(record, label, place),
            None => Ok(Value::None),
        }
    }
}
