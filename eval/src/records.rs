//! Records: layers, the flattened table of fields, and edits.
//!
//! A field's value is what its highest `=` says, with the edits above it applied from bottom to top; every expression sees
//! the finished record as `self`. The table is made when the first field is read, in one walk over the layers.

use std::cell::{Cell, OnceCell};

use gravure_lang::Place;

use crate::code::{Body, Definition, Edit, Type, TypeId};
use crate::evaluator::Evaluator;
use crate::names::Name;
use crate::value::{Env, Field, Frame, Layer, Record, State, Step, Table, Task, Thunk, Value};
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
        for layer in layers {
            let env = self.layer_env(record, layer);
            for definition in &layer.body.definitions {
                let position = *positions.entry(definition.name).or_insert(drafts.len());
                if position == drafts.len() {
                    let introduces = layer.declares && (definition.ty.is_some() || record.ty.is_none());
                    if !introduces {
                        return Err(self.unknown_field(record, definition, &drafts));
                    }
                    drafts.push(Draft { name: definition.name, declaration: None, steps: Vec::new() });
                }
                let draft = &mut drafts[position];
                if definition.ty.is_some() {
                    draft.declaration = Some(definition);
                }
                if definition.edit.is_some() {
                    draft.steps.push(Step { definition, env, layer: layer.height, value: Cell::new(None) });
                }
            }
        }
        Ok(self.heap.alloc(self.finish_table(record, drafts)))
    }

    fn finish_table(&self, record: &'h Record<'h>, drafts: Vec<Draft<'h>>) -> Table<'h> {
        let mut index: Vec<(Name, u32)> = drafts.iter().enumerate().map(|(i, draft)| (draft.name, i as u32)).collect();
        index.sort_unstable_by_key(|&(name, _)| name);
        let fields = drafts.into_iter().map(|draft| {
            let steps: &'h [Step<'h>] = self.heap.alloc_slice_fill_iter(draft.steps);
            let place =
                steps.last().map(|step| step.definition.place).or(draft.declaration.map(|declared| declared.place));
            let place = place.unwrap_or(record.place());
            let value = Thunk { state: Cell::new(State::Todo(Task::Field(record, draft.name))), place };
            Field { name: draft.name, declaration: draft.declaration, steps, value }
        });
        let fields: Vec<Field<'h>> = fields.collect();
        Table { fields: self.heap.alloc_slice_fill_iter(fields), index: self.heap.alloc_slice_copy(&index) }
    }

    /// Returns the frame of a layer in a record: its fields are those of the finished record.
    fn layer_env(&self, record: &'h Record<'h>, layer: &'h Layer<'h>) -> &'h Env<'h> {
        let lets = self.heap.alloc_slice_fill_with(layer.body.lets.len(), |_| OnceCell::new());
        self.heap.alloc(Env {
            frame: Frame::Body { record, layer: layer.height, lets, body: layer.body },
            parent: layer.env,
        })
    }

    /// Returns the frame of the layer number `height` of a record.
    pub(crate) fn body_env(&self, record: &'h Record<'h>, height: u32) -> Result<&'h Env<'h>> {
        let table = self.table(record)?;
        let step = table.fields.iter().flat_map(|field| field.steps).find(|step| step.layer == height);
        let layer =
            record.layers().find(|layer| layer.height == height).expect("a record has the layers that it is asked for");
        Ok(step.map_or_else(|| self.layer_env(record, layer), |step| step.env))
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
        let value = self.step(record, field, last)?;
        match field.declaration {
            Some(Definition { ty: Some(ty), place, .. }) => {
                self.check(value, ty, value_place(&field.steps[last]), *place, Some(name))
            }
            _ => Ok(value),
        }
    }

    fn missing_field(&self, record: &'h Record<'h>, field: &'h Field<'h>) -> Box<gravure_lang::Diagnostic> {
        let declared = field.declaration.expect("a field without a value has a declaration").place;
        errors::missing_field(&self.record_name(record), self.program.text(field.name), record.place(), declared).into()
    }

    /// Returns the value of a field as the steps up to number `last` make it.
    fn step(&self, record: &'h Record<'h>, field: &'h Field<'h>, last: usize) -> Result<Value<'h>> {
        let is_known =
            |step: &Step<'h>| step.value.get().is_some() || matches!(step.definition.edit, Some(Edit::Set(_)));
        let Some(first) = field.steps[..=last].iter().rposition(is_known) else {
            return Err(self.nothing_to_edit(record, field));
        };
        let mut value = Value::None;
        for step in &field.steps[first..=last] {
            value = match step.value.get() {
                Some(value) => value,
                None => {
                    self.edit(step.definition.edit.as_ref().expect("a step has an edit"), || Ok(value), step.env)?
                }
            };
            step.value.set(Some(value));
        }
        Ok(value)
    }

    fn nothing_to_edit(&self, record: &'h Record<'h>, field: &'h Field<'h>) -> Box<gravure_lang::Diagnostic> {
        let name = self.program.text(field.name);
        match field.declaration {
            Some(declaration) => errors::missing_field(
                &self.record_name(record),
                name,
                field.steps[0].definition.place,
                declaration.place,
            )
            .into(),
            None => errors::nothing_to_edit(name, field.steps[0].definition.place).into(),
        }
    }

    /// `super.name` in layer number `layer`: the field as the layers below make it, computed with the finished record.
    pub(crate) fn super_field(
        &self,
        record: &'h Record<'h>,
        layer: u32,
        name: Name,
        place: Place,
    ) -> Result<Value<'h>> {
        let Some(field) = self.table(record)?.find(name) else {
            return Err(self.no_such_field(record, self.program.text(name), place)?);
        };
        let below = field.steps.partition_point(|step| step.layer < layer);
        match below.checked_sub(1) {
            Some(last) => self.calling(place, || self.step(record, field, last)),
            None => Err(errors::nothing_below(
                self.program.text(name),
                place,
                field.declaration.map(|declaration| declaration.place),
            )
            .into()),
        }
    }

    // Edits

    /// Applies an edit of the body whose frame is `env`; `value` is asked only if the edit needs what was there.
    pub(crate) fn edit(
        &self,
        edit: &'h Edit,
        value: impl FnOnce() -> Result<Value<'h>>,
        env: &'h Env<'h>,
    ) -> Result<Value<'h>> {
        match edit {
            Edit::Set(expr) => self.eval(expr, env),
            Edit::Append(expr) => {
                let (left, right) = (value()?, self.eval(expr, env)?);
                self.add(left, right, expr.place)
            }
            Edit::Remove(expr) => {
                let (value, keys) = (value()?, self.eval(expr, env)?);
                self.remove(value, keys, expr.place)
            }
            Edit::Deepen(body) => self.extend(value()?, body, env, body.place),
            Edit::Element(key, edit) => {
                let (value, at) = (value()?, self.eval(key, env)?);
                self.edit_element(value, at, edit, env, key.place)
            }
        }
    }

    fn edit_element(
        &self,
        value: Value<'h>,
        key: Value<'h>,
        edit: &'h Edit,
        env: &'h Env<'h>,
        place: Place,
    ) -> Result<Value<'h>> {
        let key = self.expect_string(key, place)?;
        let edited = |thunk: &'h Thunk<'h>| self.todo(Task::Edit(thunk, edit, env), edit_place(edit));
        match value {
            Value::List(elements) => {
                let position = self.keyed_position(elements, key, place)?;
                let mut elements = elements.to_vec();
                elements[position] = edited(elements[position]);
                Ok(Value::List(self.heap.alloc_slice_copy(&elements)))
            }
            Value::Map(entries) => {
                let mut entries = entries.to_vec();
                match (entries.iter().position(|&(name, _)| name == key), edit) {
                    (Some(position), _) => entries[position].1 = edited(entries[position].1),
                    (None, Edit::Set(expr)) => entries.push((key, self.delay(expr, env))),
                    (None, _) => {
                        return Err(errors::absent_key(key, entries.iter().map(|&(name, _)| name), place).into());
                    }
                }
                Ok(Value::Map(self.heap.alloc_slice_copy(&entries)))
            }
            other => Err(errors::not_keyed(other.kind(), place).into()),
        }
    }

    /// `x -= ["k"]`: the elements with these keys must be there.
    fn remove(&self, value: Value<'h>, keys: Value<'h>, place: Place) -> Result<Value<'h>> {
        let Value::List(keys) = keys else {
            return Err(errors::wrong_operand("`-=`", "a list of keys", keys.kind(), place).into());
        };
        let mut value = value;
        for key in keys {
            let text = self.expect_string(self.force(key)?, key.place)?;
            value = match value {
                Value::List(elements) => {
                    let mut elements = elements.to_vec();
                    elements.remove(self.keyed_position(&elements, text, key.place)?);
                    Value::List(self.heap.alloc_slice_copy(&elements))
                }
                Value::Map(entries) => {
                    let position = entries.iter().position(|&(name, _)| name == text);
                    let position = position
                        .ok_or_else(|| errors::absent_key(text, entries.iter().map(|&(name, _)| name), key.place))?;
                    let mut entries = entries.to_vec();
                    entries.remove(position);
                    Value::Map(self.heap.alloc_slice_copy(&entries))
                }
                other => return Err(errors::not_keyed(other.kind(), place).into()),
            };
        }
        Ok(value)
    }

    /// Returns where in a list the record with this key is; only keys are computed.
    pub(crate) fn keyed_position(&self, elements: &[&'h Thunk<'h>], key: &str, place: Place) -> Result<usize> {
        let mut known = Vec::new();
        for (position, element) in elements.iter().enumerate() {
            match self.key_of(element)? {
                Some(found) if found == key => return Ok(position),
                Some(found) => known.push(found),
                None => return Err(errors::no_key(element.place, place).into()),
            }
        }
        Err(errors::absent_key(key, known, place).into())
    }

    /// Returns the key of a list element: the value of the field that its type declares as `Key`.
    pub(crate) fn key_of(&self, element: &'h Thunk<'h>) -> Result<Option<&'h str>> {
        let Value::Record(record) = self.force(element)? else { return Ok(None) };
        let Some(ty) = record.ty else { return Ok(None) };
        let Some(name) = self.key_field(ty) else { return Ok(None) };
        let value = self.field(record, name, element.place)?;
        self.expect_string(value, element.place).map(Some)
    }

    /// Returns the field that a type or one that it extends declares as `Key`.
    pub(crate) fn key_field(&self, ty: TypeId) -> Option<Name> {
        let ty = &self.program.types[ty.0 as usize];
        let own = ty.body.definitions.iter().find(|definition| matches!(definition.ty, Some(Type::Key(_))));
        own.map(|definition| definition.name).or_else(|| self.key_field(ty.extends?))
    }

    pub(crate) fn expect_string(&self, value: Value<'h>, place: Place) -> Result<&'h str> {
        match value {
            Value::String(text) => Ok(text),
            Value::Symbol(name) => Ok(self.program.text(name)),
            other => Err(errors::wrong_operand("a key", "a string", other.kind(), place).into()),
        }
    }
}

/// A field while the layers are walked.
struct Draft<'h> {
    name: Name,
    declaration: Option<&'h Definition>,
    steps: Vec<Step<'h>>,
}

/// Returns where the value that a step gives is written.
pub(crate) fn value_place(step: &Step<'_>) -> Place {
    step.definition.edit.as_ref().map_or(step.definition.place, edit_place)
}

fn edit_place(edit: &Edit) -> Place {
    match edit {
        Edit::Set(expr) | Edit::Append(expr) | Edit::Remove(expr) => expr.place,
        Edit::Deepen(body) => body.place,
        Edit::Element(_, edit) => edit_place(edit),
    }
}
