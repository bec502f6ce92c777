//! Selectors: `image.partitions["root"].size`, the paths by which the command line names a value.

use gravure_lang::ast::{ExprKind, ItemKind, Piece};
use gravure_lang::{FileId, Place, Span};

use crate::evaluator::Evaluator;
use crate::origins::{Origin, Role};
use crate::value::{Record, Value};
use crate::{Result, errors};

/// Names a value inside another: a name, then steps further in.
#[derive(Clone, Debug)]
pub struct Selector {
    /// The first name.
    pub name: String,
    /// Where it stands in the selector's text.
    pub span: Span,
    steps: Vec<(Step, Span)>,
}

#[derive(Clone, Debug)]
enum Step {
    Field(String),
    Key(String),
    Index(i64),
}

/// Why a text is no selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectorError;

impl std::fmt::Display for SelectorError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a path is names joined by dots, with keys or numbers in brackets, such as `image.partitions[\"root\"].size`")
    }
}

impl std::error::Error for SelectorError {}

/// What stands before a selector so that it parses as a definition.
const PREFIX: &str = "it = ";

impl Selector {
    /// Parses a selector. It follows the syntax of the language.
    pub fn parse(text: &str) -> std::result::Result<Selector, SelectorError> {
        let source = format!("{PREFIX}{text}");
        let parsed = gravure_lang::parse(FileId(0), &source);
        let [item] = &parsed.file.items[..] else { return Err(SelectorError) };
        let ItemKind::Define { value, .. } = &item.kind else { return Err(SelectorError) };
        if !parsed.diagnostics.is_empty() {
            return Err(SelectorError);
        }
        let mut steps = Vec::new();
        let mut expr = value;
        loop {
            match &expr.kind {
                ExprKind::Name(name) => {
                    steps.reverse();
                    return Ok(Selector { name: name.to_string(), span: moved(expr.span), steps });
                }
                ExprKind::Field(base, name) => {
                    steps.push((Step::Field(name.text.to_owned()), moved(name.span)));
                    expr = base;
                }
                ExprKind::Index(base, index) => {
                    let step = match &index.kind {
                        ExprKind::Int(index) => Step::Index(*index),
                        ExprKind::Text(pieces) => match &pieces[..] {
                            [Piece::Text(key)] => Step::Key(key.to_string()),
                            _ => return Err(SelectorError),
                        },
                        _ => return Err(SelectorError),
                    };
                    steps.push((step, moved(index.span)));
                    expr = base;
                }
                _ => return Err(SelectorError),
            }
        }
    }

    /// Returns the last name of the selector: what a file would call the value.
    pub fn last_name(&self) -> &str {
        let fields = self.steps.iter().rev().filter_map(|(step, _)| match step {
            Step::Field(name) => Some(name.as_str()),
            _ => None,
        });
        fields.chain([self.name.as_str()]).next().expect("a selector has a first name")
    }
}

/// Returns a span of the prefixed text as one of the selector's own.
fn moved(span: Span) -> Span {
    let by = PREFIX.len() as u32;
    Span { start: span.start - by, end: span.end - by }
}

impl<'h> Evaluator<'h> {
    /// Follows the steps of a selector from the value that its first name means; `file` holds the selector's text.
    ///
    /// # Errors
    /// A step leads nowhere, or a value on the way is wrong.
    pub fn select(&self, start: Value<'h>, selector: &Selector, file: FileId) -> Result<Value<'h>> {
        selector.steps.iter().try_fold(start, |value, (step, span)| {
            let place = Place { file, span: *span };
            match (step, value) {
                (Step::Field(name), Value::Record(record)) => self.field_named(record, name, place),
                (Step::Field(name), other) => Err(errors::no_fields(other.kind(), name, place).into()),
                (Step::Key(key), value) => self.index(value, Value::String(self.heap.alloc_str(key)), place),
                (Step::Index(index), value) => self.index(value, Value::Int(*index), place),
            }
        })
    }

    /// Returns the type of the value that a selector names: what its field must be, where that is declared, else what the value is.
    /// `holder` is as in [`Evaluator::why`].
    ///
    /// # Errors
    /// As [`Evaluator::select`].
    pub fn type_of(
        &self,
        holder: Option<&'h Record<'h>>,
        start: Value<'h>,
        selector: &Selector,
        file: FileId,
    ) -> Result<String> {
        let (record, name) = match selector.steps.split_last() {
            None => (holder, selector.name.as_str()),
            Some(((Step::Field(name), _), before)) => {
                let before = Selector { steps: before.to_vec(), ..selector.clone() };
                match self.select(start, &before, file)? {
                    Value::Record(record) => (Some(record), name.as_str()),
                    _ => (None, ""),
                }
            }
            Some(_) => (None, ""),
        };
        if let (Some(record), Some(name)) = (record, self.program.name(name)) {
            let field = self.table(record)?.find(name);
            if let Some(ty) = field.and_then(|field| field.declaration?.ty.as_ref()) {
                return Ok(self.program.type_text(ty));
            }
        }
        Ok(self.program.type_of_value(self.select(start, selector, file)?))
    }

    /// Returns where the value comes from that a selector names. `holder` is the record in which its first name is a field, if
    /// it is one.
    ///
    /// # Errors
    /// As [`Evaluator::select`].
    pub fn why(
        &self,
        holder: Option<&'h Record<'h>>,
        start: Value<'h>,
        selector: &Selector,
        file: FileId,
    ) -> Result<Vec<Origin>> {
        let Some(((last, span), before)) = selector.steps.split_last() else {
            let Some(holder) = holder else { return Ok(Vec::new()) };
            let place = Place { file, span: selector.span };
            let name = self.program.name(&selector.name);
            return name.map_or(Ok(Vec::new()), |name| self.origins_of(holder, name, place));
        };
        let place = Place { file, span: *span };
        let before = Selector { steps: before.to_vec(), ..selector.clone() };
        let element = |place| Ok(vec![Origin { place, role: Role::Set }]);
        match (last, self.select(start, &before, file)?) {
            (Step::Field(name), Value::Record(record)) => match self.program.name(name) {
                Some(name) => self.origins_of(record, name, place),
                None => Err(self.no_such_field(record, name, place)?),
            },
            (Step::Key(key), Value::List(elements)) => {
                let elements = self.thunks(elements);
                element(elements[self.keyed_position(&elements, key, place)?].place)
            }
            (Step::Key(key), Value::Map(entries)) => match entries.iter().find(|(name, _)| name == key) {
                Some((_, value)) => element(value.place),
                None => Err(errors::absent_key(key, entries.iter().map(|&(name, _)| name), place).into()),
            },
            (Step::Index(index), Value::List(elements)) => {
                match usize::try_from(*index).ok().and_then(|index| self.element(elements, index)) {
                    Some(found) => element(found.place),
                    None => Err(errors::index_out_of_range(*index, elements.len(), place).into()),
                }
            }
            (Step::Field(name), other) => Err(errors::no_fields(other.kind(), name, place).into()),
            (_, other) => Err(errors::not_keyed(other.kind(), place).into()),
        }
    }
}
