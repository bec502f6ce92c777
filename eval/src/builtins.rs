//! The prelude: functions that every file sees without an import.
//!
//! A function is one line in the table and one arm in [`Evaluator::call_builtin`].

use gravure_lang::Place;

use crate::evaluator::Evaluator;
use crate::value::{List, Thunk, Value};
use crate::{Result, errors};

/// What an argument may be, as [`Value::kind`] calls it; all where the list is empty, and then it is not computed before it is needed.
type Kinds = &'static [&'static str];

const ANYTHING: Kinds = &[];
const FUNCTION: Kinds = &["a function"];
const INTEGER: Kinds = &["an integer"];
const LIST: Kinds = &["a list"];
const MAP: Kinds = &["a map"];
const TEXT: Kinds = &["a string"];
const COUNTED: Kinds = &["a list", "a map", "a string"];
const SEARCHED: Kinds = &["a string", "a list", "a map", "a record"];

/// Declares the table of functions: name, what the arguments may be, and the documentation that the manual prints.
macro_rules! prelude {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal($($kinds:ident),+),)+) => {
        /// A function of the prelude.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Builtin { $($(#[doc = $doc])+ $variant,)+ }

        impl Builtin {
            const ALL: &[(Builtin, &'static str, &'static [Kinds])] =
                &[$((Builtin::$variant, $name, &[$($kinds),+]),)+];
        }
    };
}

prelude! {
    /// `len(xs)`: how many elements a list or map has, or bytes a string.
    Len = "len"(COUNTED),
    /// `map(f, xs)`: the list of `f(x)`, each computed when it is needed.
    Map = "map"(FUNCTION, LIST),
    /// `filter(f, xs)`: the elements for which `f(x)` is true.
    Filter = "filter"(FUNCTION, LIST),
    /// `fold(f, start, xs)`: `f(... f(f(start, x0), x1) ..., xn)`.
    Fold = "fold"(FUNCTION, ANYTHING, LIST),
    /// `range(a, b)`: the integers from `a` up to and without `b`.
    Range = "range"(INTEGER, INTEGER),
    /// `join(xs, separator)`: the texts of a list with the separator between them.
    Join = "join"(LIST, TEXT),
    /// `flatten(xss)`: the elements of all lists of a list, in order.
    Flatten = "flatten"(LIST),
    /// `split(text, separator)`: the pieces of a text between the separators.
    Split = "split"(TEXT, TEXT),
    /// `chars(text)`: the characters of a text, each as a text.
    Chars = "chars"(TEXT),
    /// `starts-with(text, start)`: whether a text begins with another.
    StartsWith = "starts-with"(TEXT, TEXT),
    /// `ends-with(text, end)`: whether a text ends with another.
    EndsWith = "ends-with"(TEXT, TEXT),
    /// `keys(m)`: the keys of a map, in order.
    Keys = "keys"(MAP),
    /// `has(whole, part)`: whether a string contains a text, a list an element equal to the part or with that key, a map
    /// that key, a record a field of that name.
    Has = "has"(SEARCHED, ANYTHING),
    /// `label-of(device)`: the label by which a device is named; `none` where it is named otherwise.
    LabelOf = "label-of"(ANYTHING),
    /// `error("why")`: stops the evaluation of whatever needs it.
    Error = "error"(TEXT),
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
        self.arguments().len()
    }

    /// Returns what each argument may be.
    pub(crate) fn arguments(self) -> &'static [Kinds] {
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
        for (&argument, kinds) in arguments.iter().zip(builtin.arguments()).filter(|(_, kinds)| !kinds.is_empty()) {
            let kind = self.force(argument)?.kind();
            if !kinds.contains(&kind) {
                return Err(errors::wrong_argument(builtin.name(), kinds, kind, argument.place).into());
            }
        }
        let value = |index: usize| self.force(arguments[index]);
        match builtin {
            Builtin::Len => Ok(Value::Int(len_of(value(0)?) as i64)),
            Builtin::Map => Ok(self.mapped(value(0)?, list(value(1)?))),
            Builtin::Filter => self.filter(value(0)?, list(value(1)?)),
            Builtin::Fold => self.fold(value(0)?, arguments[1], list(value(2)?), place),
            Builtin::Range => self.range(value(0)?, value(1)?, place),
            Builtin::Join => self.join(list(value(0)?), text(value(1)?), place),
            Builtin::Flatten => self.flatten_lists(list(value(0)?), place),
            Builtin::Split => self.split(text(value(0)?), text(value(1)?), place),
            Builtin::Chars => self.strings(text(value(0)?).split_inclusive(|_| true), place),
            Builtin::StartsWith => Ok(Value::Bool(text(value(0)?).starts_with(text(value(1)?)))),
            Builtin::EndsWith => Ok(Value::Bool(text(value(0)?).ends_with(text(value(1)?)))),
            Builtin::Keys => Ok(self.keys(value(0)?)),
            Builtin::Has => self.has(value(0)?, value(1)?, arguments[1].place),
            Builtin::LabelOf => self.label_of(value(0)?, place),
            Builtin::Error => Err(errors::raised(text(value(0)?), place).into()),
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
        let (Value::Int(from), Value::Int(to)) = (from, to) else { unreachable!("{AS_DECLARED}") };
        let len = usize::try_from(i128::from(to) - i128::from(from)).unwrap_or(if to < from { 0 } else { usize::MAX });
        self.limit(len, self.limits.elements, "a list", "elements", place)?;
        Ok(self.integers(from, len, place))
    }

    fn join(&self, list: List<'h>, separator: &str, place: Place) -> Result<Value<'h>> {
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
            match self.force(list)? {
                Value::List(inner) => elements.extend(self.elements(inner)),
                other => return Err(errors::wrong_argument("flatten", LIST, other.kind(), list.place).into()),
            }
            self.limit(elements.len(), self.limits.elements, "a list", "elements", place)?;
        }
        Ok(self.list(elements))
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

    fn keys(&self, map: Value<'h>) -> Value<'h> {
        let Value::Map(entries) = map else { unreachable!("{AS_DECLARED}") };
        let keys = entries.iter().map(|&(key, thunk)| self.done(Value::String(key), thunk.place));
        self.list(keys.collect::<Vec<_>>())
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
            (_, part) => Err(errors::wrong_argument("has", TEXT, part.kind(), place).into()),
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

/// Why the arguments of functions need no second look.
const AS_DECLARED: &str = "the arguments are of the kinds that the table lists";

fn list(value: Value<'_>) -> List<'_> {
    let Value::List(elements) = value else { unreachable!("{AS_DECLARED}") };
    elements
}

fn text(value: Value<'_>) -> &str {
    let Value::String(text) = value else { unreachable!("{AS_DECLARED}") };
    text
}

fn len_of(value: Value<'_>) -> usize {
    match value {
        Value::List(elements) => elements.len(),
        Value::Map(entries) => entries.len(),
        Value::String(text) => text.len(),
        _ => unreachable!("{AS_DECLARED}"),
    }
}
