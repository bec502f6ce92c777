//! Records: layers, the flattened table of fields, and edits.
//!
//! A field's value is what its highest `=` says, with the edits above it applied from bottom to top; every expression sees
//! the finished record as `self`. The table is made when the first field is read, in one walk over the layers. What an
//! edit does stands in `edits`.

use std::cell::{Cell, OnceCell};

use gravure_lang::Place;

use crate::code::{Body, Definition, Edit, Expr, ExprKind, TypeId};
use crate::edits::edit_place;
use crate::evaluator::Evaluator;
use crate::names::Name;
use crate::value::{BodyFrame, Contract, Env, Field, Frame, Layer, Record, Slot, State, Step, Table, Thunk, Value};
use crate::{Result, errors};

impl<'h> Evaluator<'h> {
    /// Makes a record of the type `ty` with `body` as its only override.
    pub(crate) fn construct(&self, ty: TypeId, body: &'h Body, env: &'h Env<'h>) -> Result<Value<'h>> {
        let below = self.type_layer(ty)?;
        Ok(self.layered(Some(ty), Some(below), body, Some(env)))
    }

    /// Makes a record that has `body` on top of the layers `below`.
    pub(crate) fn layered(
        &self,
        ty: Option<TypeId>,
        below: Option<&'h Layer<'h>>,
        body: &'h Body,
        env: Option<&'h Env<'h>>,
    ) -> Value<'h> {
        let height = below.map_or(0, |below| below.height + 1);
        let top = self.heap.alloc(Layer { body, env, below, height, declares: below.is_none() });
        Value::Record(self.heap.alloc(Record { ty, top, module: None, table: OnceCell::new() }))
    }

    /// `base { ... }`: inherits from a record, or constructs a record of a type.
    pub(crate) fn extend(&self, base: Value<'h>, body: &'h Body, env: &'h Env<'h>, place: Place) -> Result<Value<'h>> {
        match base {
            Value::Type(ty) => self.construct(ty, body, env),
            Value::Record(base) => Ok(self.layered(base.ty, Some(base.top), body, Some(env))),
            other => Err(errors::not_extensible(other.kind(), place).into()),
        }
    }

    /// Returns the table of a record's fields.
    pub(crate) fn table(&self, record: &'h Record<'h>) -> Result<&'h Table<'h>> {
        if let Some(table) = record.table.get() {
            return Ok(table);
        }
        let table = self.flatten(record)?;
        Ok(record.table.get_or_init(|| table))
    }

    fn flatten(&self, record: &'h Record<'h>) -> Result<&'h Table<'h>> {
        let mut layers: Vec<&'h Layer<'h>> = record.layers().collect();
        layers.reverse();
        let mut drafts: Vec<Draft<'h>> = Vec::new();
        let mut positions = rustc_hash::FxHashMap::default();
        for layer in &layers {
            for definition in &layer.body.definitions {
                let position = *positions.entry(definition.name).or_insert(drafts.len());
                if position == drafts.len() {
                    let introduces = layer.declares && (definition.ty.is_some() || record.ty.is_none());
                    if !introduces {
                        return Err(self.unknown_field(record, definition, &drafts));
                    }
                    drafts.push(Draft { name: definition.name, declaration: None, steps: Vec::new() });
                }
                drafts[position].add(definition, layer.height);
            }
        }
        let frames = layers.into_iter().map(|layer| self.layer_frame(record, layer)).collect::<Vec<_>>();
        Ok(self.finish_table(record, drafts, self.heap.alloc_slice_copy(&frames)))
    }

    /// Returns the frame of a layer in a record: its fields are those of the finished record.
    fn layer_frame(&self, record: &'h Record<'h>, layer: &'h Layer<'h>) -> &'h Env<'h> {
        let lets = self.heap.alloc_slice_fill_with(layer.body.lets.len(), |_| OnceCell::new());
        let frame = self.heap.alloc(BodyFrame { record, layer, lets });
        self.heap.alloc(Env { frame: Frame::Body(frame), parent: layer.env })
    }

    fn finish_table(&self, record: &'h Record<'h>, drafts: Vec<Draft<'h>>, frames: &'h [&'h Env<'h>]) -> &'h Table<'h> {
        let index = drafts.iter().zip(0..).map(|(draft, position)| (draft.name, position));
        let mut index: Vec<(Name, u32)> = index.collect();
        index.sort_unstable_by_key(|&(name, _)| name);
        let fields = drafts.into_iter().map(|draft| {
            let highest = draft.steps.last().map(|step| step.definition).or(draft.declaration);
            let place = highest.map_or(record.place(), |definition| definition.place);
            Field {
                name: draft.name,
                declaration: draft.declaration,
                steps: self.heap.alloc_slice_fill_iter(draft.steps),
                value: Thunk { state: Cell::new(State::Field(record, draft.name)), place },
            }
        });
        let fields: Vec<Field<'h>> = fields.collect();
        let (fields, index) = (self.heap.alloc_slice_fill_iter(fields), self.heap.alloc_slice_copy(&index));
        self.heap.alloc(Table { fields, index, frames })
    }

    fn unknown_field(
        &self,
        record: &'h Record<'h>,
        definition: &Definition,
        drafts: &[Draft<'h>],
    ) -> Box<gravure_lang::Diagnostic> {
        let text = self.program.text(definition.name);
        let known = drafts.iter().map(|draft| self.program.text(draft.name));
        let near = crate::names::nearest(text, known).and_then(|near| {
            let draft = drafts.iter().find(|draft| self.program.text(draft.name) == near)?;
            let declared = draft.declaration.or(draft.steps.first().map(|step| step.definition))?;
            Some((near, declared.place))
        });
        errors::unknown_field(&self.record_name(record), text, definition.place, near).into()
    }

    /// Returns what a person calls the record's type.
    pub(crate) fn record_name(&self, record: &'h Record<'h>) -> String {
        match (record.ty, record.module) {
            (Some(ty), _) => format!("`{}`", self.program.type_name(ty)),
            (None, Some(module)) => format!("`{}`", self.program.module_path(module)),
            (None, None) => "this record".to_owned(),
        }
    }

    /// Returns the finished value of the field `name`, which is needed at `place`.
    ///
    /// # Errors
    /// The record has no such field, the field has no value, or its value is wrong.
    pub fn field(&self, record: &'h Record<'h>, name: Name, place: Place) -> Result<Value<'h>> {
        match self.table(record)?.find(name) {
            Some(field) => self.need(&field.value, Some(name), place),
            None => Err(self.no_such_field(record, self.program.text(name), place)?),
        }
    }

    /// Describes that a record has no field called `text`.
    pub(crate) fn no_such_field(
        &self,
        record: &'h Record<'h>,
        text: &str,
        place: Place,
    ) -> Result<Box<gravure_lang::Diagnostic>> {
        let fields = self.table(record)?.fields;
        let near =
            crate::names::nearest(text, fields.iter().map(|field| self.program.text(field.name))).and_then(|near| {
                let field = fields.iter().find(|field| self.program.text(field.name) == near)?;
                Some((near, field.declaration.map_or(field.value.place, |declaration| declaration.place)))
            });
        Ok(errors::unknown_field(&self.record_name(record), text, place, near).into())
    }

    /// Computes the finished value of a field and checks it against its declaration.
    pub(crate) fn finish_field(&self, record: &'h Record<'h>, name: Name) -> Result<Value<'h>> {
        let field = self.table(record)?.find(name).expect("a task names a field of its record");
        let Some(last) = field.steps.len().checked_sub(1) else { return Err(self.missing_field(record, field)) };
        let value = self.value_up_to(record, field, last)?;
        let Some(Definition { ty: Some(ty), place: declared, .. }) = field.declaration else { return Ok(value) };
        let contract = Contract { ty, declared: *declared, slot: Slot::Field(name) };
        let checked = self.check(value, value_place(&field.steps[last]), contract);
        checked.map_err(|diagnostic| {
            let diagnostic = self.with_argument(diagnostic, record, &field.steps[last]);
            with_overridden(diagnostic, field.steps)
        })
    }

    /// Adds to a message about a value that is a parameter of a function where it was given: the call may be over long ago.
    fn with_argument(
        &self,
        mut diagnostic: Box<gravure_lang::Diagnostic>,
        record: &'h Record<'h>,
        step: &Step<'h>,
    ) -> Box<gravure_lang::Diagnostic> {
        let Some(Edit::Set(Expr { kind: ExprKind::Local { depth, slot }, place })) = &step.definition.edit else {
            return diagnostic;
        };
        if let Ok(table) = self.table(record)
            && errors::same(diagnostic.labels[0].place, *place)
        {
            let given = self.slot(table.frames[step.layer as usize], *depth, *slot).place;
            *diagnostic = errors::also(*diagnostic, given, "given here");
        }
        diagnostic
    }

    /// Whether a field of a record that is a base for others has no value yet, or needs one that has none.
    pub(crate) fn is_left_open(&self, field: &'h Field<'h>) -> bool {
        matches!(self.force(&field.value), Err(mistake) if mistake.code == errors::MISSING)
    }

    fn missing_field(&self, record: &'h Record<'h>, field: &'h Field<'h>) -> Box<gravure_lang::Diagnostic> {
        let declared = field.declaration.expect("a field without a value has a declaration").place;
        let name = self.program.text(field.name);
        let (made, path) = self.maker(record, name.to_owned());
        errors::missing_field(&self.record_name(record), name, &path, made, declared).into()
    }

    /// Returns where a person would add the field `path` of a record: a record that is the default of a field is completed
    /// in the record that has this field, and so on outwards.
    fn maker(&self, record: &'h Record<'h>, path: String) -> (Place, String) {
        let (mut record, mut path) = (record, path);
        while let Some(Env { frame: Frame::Body(outer), .. }) = record.top.env {
            let made = record.place();
            let holds = |definition: &&Definition| {
                let place = definition.edit.as_ref().map(edit_place);
                place.is_some_and(|place| place.span.start <= made.span.start && made.span.end <= place.span.end)
            };
            let is_default = outer.layer.declares && outer.record.ty.is_some();
            let Some(field) = outer.layer.body.definitions.iter().find(holds).filter(|_| is_default) else { break };
            path = format!("{}.{path}", self.program.text(field.name));
            record = outer.record;
        }
        (record.place(), path)
    }

    /// Returns the value of a field as the steps up to number `last` make it.
    fn value_up_to(&self, record: &'h Record<'h>, field: &'h Field<'h>, last: usize) -> Result<Value<'h>> {
        let is_known =
            |step: &Step<'h>| step.value.get().is_some() || matches!(step.definition.edit, Some(Edit::Set(_)));
        let Some(first) = field.steps[..=last].iter().rposition(is_known) else {
            return Err(self.nothing_to_edit(record, field));
        };
        let frames = self.table(record)?.frames;
        let mut value = Value::None;
        for step in &field.steps[first..=last] {
            value = match step.value.get() {
                Some(value) => value,
                None => {
                    let edit = step.definition.edit.as_ref().expect("a step has an edit");
                    self.edit(edit, || Ok(value), frames[step.layer as usize])?
                }
            };
            step.value.set(Some(value));
        }
        Ok(value)
    }

    fn nothing_to_edit(&self, record: &'h Record<'h>, field: &'h Field<'h>) -> Box<gravure_lang::Diagnostic> {
        let name = self.program.text(field.name);
        let place = field.steps[0].definition.place;
        match field.declaration {
            Some(declared) => errors::missing_to_edit(&self.record_name(record), name, place, declared.place).into(),
            None => errors::nothing_to_edit(name, place).into(),
        }
    }

    /// `super.name` in a body: the field as what is below makes it, and the `earlier` edits of the body itself, computed with
    /// the finished record.
    pub(crate) fn super_field(
        &self,
        frame: &'h BodyFrame<'h>,
        name: Name,
        earlier: u32,
        place: Place,
    ) -> Result<Value<'h>> {
        let record = frame.record;
        let Some(field) = self.table(record)?.find(name) else {
            return Err(self.no_such_field(record, self.program.text(name), place)?);
        };
        let below = field.steps.partition_point(|step| step.layer < frame.layer.height) + earlier as usize;
        match below.checked_sub(1) {
            Some(last) => self.calling(place, || self.value_up_to(record, field, last)),
            None => Err(errors::nothing_below(
                self.program.text(name),
                place,
                field.declaration.map(|declaration| declaration.place),
            )
            .into()),
        }
    }
}

/// A field while the layers are walked.
struct Draft<'h> {
    name: Name,
    declaration: Option<&'h Definition>,
    steps: Vec<Step<'h>>,
}

impl<'h> Draft<'h> {
    fn add(&mut self, definition: &'h Definition, layer: u32) {
        if definition.ty.is_some() {
            self.declaration = Some(definition);
        }
        if definition.edit.is_some() {
            self.steps.push(Step { definition, layer, value: Cell::new(None) });
        }
    }
}

/// Returns where the value that a step gives is written.
pub(crate) fn value_place(step: &Step<'_>) -> Place {
    step.definition.edit.as_ref().map_or(step.definition.place, edit_place)
}

/// Adds to a message about a field's value on which definitions it was built.
fn with_overridden(mut diagnostic: Box<gravure_lang::Diagnostic>, steps: &[Step<'_>]) -> Box<gravure_lang::Diagnostic> {
    let Some((last, below)) = steps.split_last() else { return diagnostic };
    let is_written_out = matches!(last.definition.edit, Some(Edit::Set(Expr { kind: ExprKind::Constant(_), .. })));
    if is_written_out || !errors::same(diagnostic.labels[0].place, value_place(last)) {
        return diagnostic;
    }
    let overrides = below.iter().rev().filter(|step| step.definition.ty.is_none());
    for step in overrides.take(SHOWN_OVERRIDES) {
        *diagnostic = errors::also(*diagnostic, value_place(step), "this is overridden");
    }
    diagnostic
}

/// How many overridden definitions a message shows.
const SHOWN_OVERRIDES: usize = 2;
