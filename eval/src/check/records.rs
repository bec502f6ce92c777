//! Bodies: which fields there are, what they must be, and which of them have no value.

use std::collections::BTreeSet;

use gravure_lang::ast::Binary;
use gravure_lang::{Diagnostic, Place};

use super::shape::Shape;
use super::{Checker, Scope, elements_of, values_of};
use crate::code::{Body, Definition, Edit, Expr, ExprKind, ModuleId, Override, Type, TypeId};
use crate::errors;
use crate::names::{Name, nearest};
use crate::program::may_define;
use crate::value::{Contract, Slot};

/// What a body is put on.
#[derive(Clone, Copy)]
pub(super) enum Ground {
    /// Nothing: the body is a file.
    Module(ModuleId),
    /// A file: the command line says it.
    File(ModuleId),
    /// Nothing.
    Bare,
    /// A record type, or a record of it.
    Typed {
        ty: TypeId,
        /// Whether the record cannot be of a type that extends this one.
        is_exact: bool,
        below: Below,
    },
    /// Whatever it may be.
    Unknown,
}

/// Which values are below a body.
#[derive(Clone, Copy)]
pub(super) enum Below {
    /// Perhaps those of all fields.
    Values,
    /// Those that this type, and what it extends, say.
    Defaults(Option<TypeId>),
}

impl<'p> Checker<'p> {
    /// Walks through a body.
    pub(super) fn body(&mut self, body: &'p Body, ground: Ground) {
        if self.is_quiet {
            return;
        }
        self.within(Scope::Body(ground, body), |checker| {
            for definition in &body.definitions {
                checker.definition(definition, ground);
            }
            for private in &body.lets {
                checker.shape(&private.value);
            }
            for check in &body.checks {
                checker.condition(&check.condition, "a condition");
                checker.shape(&check.message);
            }
        });
    }

    /// Walks through what the command line puts on a file.
    pub(super) fn overridden(&mut self, module: ModuleId, said: &'p Override) {
        let body = &self.program.modules[module.0 as usize].body;
        self.within(Scope::Body(Ground::File(module), &said.body), |checker| {
            for definition in &said.body.definitions {
                let Some(there) = checker.field_of_module(module, definition.name) else {
                    let text = checker.program.text(definition.name);
                    let near = checker.near_definition(text, &body.definitions);
                    let record = format!("`{}`", checker.program.module_path(module));
                    checker.report(errors::unknown_field(&record, text, definition.place, near));
                    continue;
                };
                match &definition.edit {
                    Some(Edit::Deepen(body)) => drop(checker.extend(there, body, definition.place)),
                    Some(edit) => checker.edit(edit, None),
                    None => {}
                }
            }
            if let Some(body) = &said.of_images {
                checker.body(body, Ground::Unknown);
            }
            said.body.lets.iter().for_each(|private| drop(checker.shape(&private.value)));
        });
    }

    fn definition(&mut self, definition: &'p Definition, ground: Ground) {
        let slot = Slot::Field(definition.name);
        let declared = match ground {
            Ground::Typed { ty, is_exact, .. } => {
                let declared = self.declaration(ty, definition.name);
                if declared.is_none() && !self.may_declare(ty, is_exact, definition.name) {
                    self.report(self.unknown_field(ty, definition.name, definition.place));
                }
                declared
            }
            _ => definition.ty.as_ref().map(|ty| (ty, definition.place)),
        };
        let contract = declared.map(|(ty, declared)| Contract { ty, declared, slot });
        if let Some(edit) = &definition.edit {
            self.edit(edit, contract);
        }
    }

    fn edit(&mut self, edit: &'p Edit, contract: Option<Contract<'p>>) {
        match edit {
            Edit::Set(expr) => self.expect(expr, contract),
            Edit::Append(expr) => self.append(expr, contract),
            Edit::Remove(expr) => drop(self.shape(expr)),
            Edit::Deepen(body) => self.deepen(body, contract),
            Edit::Element(key, edit) => {
                self.shape(key);
                let of_elements = contract.and_then(|contract| self.of_elements(contract));
                self.edit(edit, of_elements);
            }
        }
    }

    /// `+=`: what is added must be of the kind of what is there.
    fn append(&mut self, expr: &'p Expr, contract: Option<Contract<'p>>) {
        let Some(contract) = contract else {
            self.shape(expr);
            return;
        };
        let there = Shape::of_type(contract.ty);
        let is_list_of_both = matches!((&there, &expr.kind), (Shape::List(_), ExprKind::List(_)));
        if is_list_of_both {
            return self.expect(expr, Some(contract));
        }
        let added = self.shape(expr);
        if let (Some(left), Some(right)) = (there.kind(), added.kind())
            && left != right
        {
            self.report(errors::wrong_operands("+", left, right, expr.place));
        }
    }

    fn deepen(&mut self, body: &'p Body, contract: Option<Contract<'p>>) {
        let there = contract.map_or(Shape::Unknown, |contract| Shape::of_type(contract.ty));
        self.extend(there, body, body.place);
    }

    /// Returns what the elements of a list or map that fulfils a contract must be.
    pub(super) fn of_elements(&self, contract: Contract<'p>) -> Option<Contract<'p>> {
        let slot = match contract.slot {
            Slot::Field(name) | Slot::Argument(name) => Slot::Element(name),
            slot => slot,
        };
        let ty = elements_of(contract.ty).or_else(|| values_of(contract.ty))?;
        Some(Contract { ty, slot, ..contract })
    }

    /// Walks through a body that is put on a value, and returns what that makes.
    pub(super) fn extend(&mut self, base: Shape<'p>, body: &'p Body, base_place: Place) -> Shape<'p> {
        let (ground, result) = match base.without_none() {
            Shape::Type(ty) => {
                let below = Below::Defaults(Some(ty));
                (Ground::Typed { ty, is_exact: true, below }, Shape::Record { ty, is_exact: true })
            }
            Shape::Record { ty, is_exact } => {
                (Ground::Typed { ty, is_exact, below: Below::Values }, Shape::Record { ty, is_exact })
            }
            Shape::Bare(fields) => {
                self.fields_of_bare(fields, body);
                (Ground::Unknown, Shape::Bare(fields))
            }
            other => {
                let records = |shape: &Shape<'_>| matches!(shape.kind(), Some("a record" | "a record type"));
                let is_record = match &other {
                    Shape::OneOf(all) => all.iter().any(records),
                    other => records(other),
                };
                if let Some(kind) = other.kind().filter(|_| !is_record) {
                    self.report(errors::not_extensible(kind, base_place));
                }
                (Ground::Unknown, self.only_record(&other))
            }
        };
        self.body(body, ground);
        result
    }

    /// Returns the one record that a value can be if it is a record; unknown where it can be several.
    fn only_record(&self, shape: &Shape<'p>) -> Shape<'p> {
        let Shape::OneOf(all) = shape else { return Shape::Unknown };
        let mut records = all.iter().filter(|shape| matches!(shape, Shape::Record { .. }));
        match (records.next(), records.next()) {
            (Some(record), None) => record.clone(),
            _ => Shape::Unknown,
        }
    }

    /// Reports fields that a record without a type does not have.
    fn fields_of_bare(&mut self, fields: &'p Body, body: &'p Body) {
        for definition in &body.definitions {
            let is_known = fields.definitions.iter().any(|field| field.name == definition.name);
            if !is_known && !self.may_define(fields, definition.name) {
                let text = self.program.text(definition.name);
                let near = self.near_definition(text, &fields.definitions);
                self.report(errors::unknown_field("this record", text, definition.place, near));
            }
        }
    }

    /// Reports fields of a mixin's body that the record it is put on does not have.
    pub(super) fn mix(&mut self, base: &Shape<'p>, mixin: &'p Body) {
        let (ty, is_exact) = match base {
            Shape::Type(ty) => (*ty, true),
            Shape::Record { ty, is_exact } => (*ty, *is_exact),
            Shape::Bare(fields) => return self.fields_of_bare(fields, mixin),
            _ => return,
        };
        for definition in &mixin.definitions {
            let is_known = self.declaration(ty, definition.name).is_some();
            if !is_known && !self.may_declare(ty, is_exact, definition.name) {
                self.report(self.unknown_field(ty, definition.name, definition.place));
            }
        }
    }

    // Fields of types

    /// Returns the type of a field, and where a type or one that it extends declares it.
    pub(super) fn declaration(&self, ty: TypeId, name: Name) -> Option<(&'p Type, Place)> {
        self.chain(ty).find_map(|body| {
            let declares = |definition: &&'p Definition| definition.name == name && definition.ty.is_some();
            let found = body.definitions.iter().rev().find(declares)?;
            Some((found.ty.as_ref()?, found.place))
        })
    }

    /// Returns the body of a type, then those of what it extends.
    fn chain(&self, ty: TypeId) -> impl Iterator<Item = &'p Body> + use<'p> {
        let types = &self.program.types;
        let chain = std::iter::successors(Some(ty), |ty| types[ty.0 as usize].extends);
        chain.map(|ty| &types[ty.0 as usize].body)
    }

    /// Returns the declarations of a type, then of what it extends.
    fn declarations(&self, ty: TypeId) -> impl Iterator<Item = &'p Definition> + use<'p> {
        self.chain(ty).flat_map(|body| &body.definitions).filter(|definition| definition.ty.is_some())
    }

    /// Whether a record that is of this type, exactly or perhaps of one that extends it, may have a field that the type does
    /// not declare.
    pub(super) fn may_declare(&self, ty: TypeId, is_exact: bool, name: Name) -> bool {
        let extending = || (0..self.program.types.len() as u32).map(TypeId);
        self.chain(ty).any(|body| self.may_define(body, name))
            || !is_exact
                && extending()
                    .any(|other| self.program.is_subtype(other, ty) && self.declaration(other, name).is_some())
    }

    /// Whether a body has items that could not be understood and may say something of a field.
    pub(super) fn may_define(&self, body: &Body, name: Name) -> bool {
        let text = self.program.text(name);
        body.lost.iter().any(|place| may_define(self.program.sources.text(place.file), place.span, text))
    }

    pub(super) fn unknown_field(&self, ty: TypeId, name: Name, place: Place) -> Diagnostic {
        let text = self.program.text(name);
        let known: Vec<&Definition> = self.declarations(ty).collect();
        let near = nearest(text, known.iter().map(|definition| self.program.text(definition.name)));
        let near = near.and_then(|near| {
            let found = known.iter().find(|definition| self.program.text(definition.name) == near)?;
            Some((near, found.place))
        });
        errors::unknown_field(&format!("`{}`", self.program.type_name(ty)), text, place, near)
    }

    pub(super) fn near_definition(&self, text: &str, definitions: &'p [Definition]) -> Option<(&'p str, Place)> {
        let program = self.program;
        let near = nearest(text, definitions.iter().map(|definition| program.text(definition.name)))?;
        let found = definitions.iter().find(|definition| program.text(definition.name) == near)?;
        Some((near, found.place))
    }

    /// Whether a type, or one that it extends, says a value for a field.
    fn has_default(&self, ty: Option<TypeId>, name: Name) -> bool {
        let says = |definition: &Definition| definition.name == name && definition.edit.is_some();
        ty.is_some_and(|ty| self.chain(ty).any(|body| body.definitions.iter().any(says) || self.may_define(body, name)))
    }

    /// `super.name`: there must be something below, as far as the text says what is.
    pub(super) fn super_field(&mut self, depth: u32, name: Name, earlier: u32, place: Place) -> Shape<'p> {
        let Scope::Body(ground, body) = self.scope(depth) else { return Shape::Unknown };
        let (ground, text) = (*ground, self.program.text(name));
        if self.may_define(body, name) {
            return Shape::Unknown;
        }
        match ground {
            Ground::Module(_) | Ground::Bare if earlier == 0 => {
                self.report(errors::nothing_below(text, place, None));
                Shape::Unknown
            }
            Ground::Typed { ty, below, .. } => {
                let declared = self.declaration(ty, name);
                if let Below::Defaults(from) = below
                    && earlier == 0
                    && !self.has_default(from, name)
                {
                    self.report(errors::nothing_below(text, place, declared.map(|(_, place)| place)));
                }
                declared.map_or(Shape::Unknown, |(ty, _)| Shape::of_type(ty))
            }
            _ => Shape::Unknown,
        }
    }

    // Exported records must be complete

    /// Reports fields without a value in records that a file exports and that are not abstract.
    pub(super) fn incomplete_exports(&mut self, module: ModuleId) {
        let body = &self.program.modules[module.0 as usize].body;
        for definition in body.definitions.iter().filter(|definition| !definition.is_abstract) {
            let Some(Edit::Set(expr)) = &definition.edit else { continue };
            let given = self.given(expr, Some(module), 0);
            let Some(Given { ty, names, bodies }) = given else { continue };
            let Some(Body { place: made, .. }) = bodies.last() else { continue };
            let misspelt = self.misspelt(ty, &names);
            for declared in self.declarations(ty).filter(|declared| !misspelt.contains(&declared.name)) {
                let is_lost = || bodies.iter().any(|body| self.may_define(body, declared.name));
                if !names.contains(&declared.name) && !self.has_default(Some(ty), declared.name) && !is_lost() {
                    let field = self.program.text(declared.name);
                    let record = format!("`{}`", self.program.type_name(ty));
                    self.report(errors::missing_field(&record, field, field, *made, declared.place));
                }
            }
        }
    }

    /// Returns the fields that unknown names among `names` were probably meant to be: of these the unknown name is told.
    fn misspelt(&self, ty: TypeId, names: &BTreeSet<Name>) -> BTreeSet<Name> {
        let unknown = names.iter().filter(|name| self.declaration(ty, **name).is_none());
        let known = || self.declarations(ty).map(|declared| self.program.text(declared.name));
        unknown.filter_map(|name| self.program.names.find(nearest(self.program.text(*name), known())?)).collect()
    }

    /// Returns the type of a record and the fields that its layers give, where the text shows all of them. `module` is the
    /// one whose fields are siblings of the expression.
    fn given(&self, expr: &'p Expr, module: Option<ModuleId>, depth: usize) -> Option<Given<'p>> {
        if depth > super::MOST_DEFINITIONS {
            return None;
        }
        match &expr.kind {
            ExprKind::Type(ty) => Some(Given { ty: *ty, names: BTreeSet::new(), bodies: Vec::new() }),
            ExprKind::Extend(base, body) => self.given(base, module, depth + 1).map(|given| given.and(body)),
            ExprKind::Binary(Binary::Mix, sides) => {
                let given = self.given(&sides.0, module, depth + 1)?;
                match &sides.1.kind {
                    ExprKind::Mixin(mixin) => Some(given.and(&mixin.body)),
                    _ => {
                        let ExprKind::Mixin(mixin) = &self.definition_of(&sides.1, module)?.0.kind else { return None };
                        Some(given.and(&mixin.body))
                    }
                }
            }
            _ => {
                let (value, module) = self.definition_of(expr, module)?;
                self.given(value, Some(module), depth + 1)
            }
        }
    }

    /// Returns the one definition of a file's field that an expression names, and the file.
    fn definition_of(&self, expr: &'p Expr, module: Option<ModuleId>) -> Option<(&'p Expr, ModuleId)> {
        let (module, name) = match &expr.kind {
            ExprKind::Sibling { depth: 0, name } => (module?, *name),
            ExprKind::Field(base, name, _) => match base.kind {
                ExprKind::Module(module) => (module, *name),
                _ => return None,
            },
            _ => return None,
        };
        match *self.fields.get(&(module, name))? {
            (Definition { edit: Some(Edit::Set(value)), .. }, true) => Some((value, module)),
            _ => None,
        }
    }
}

/// The fields that the layers of a record give.
struct Given<'p> {
    ty: TypeId,
    names: BTreeSet<Name>,
    /// The layers, the topmost last; none: it is the type itself.
    bodies: Vec<&'p Body>,
}

impl<'p> Given<'p> {
    fn and(mut self, body: &'p Body) -> Given<'p> {
        self.names.extend(names_of(body));
        self.bodies.push(body);
        self
    }
}

/// Returns the fields that a body says a value for.
fn names_of(body: &Body) -> BTreeSet<Name> {
    body.definitions.iter().filter(|definition| definition.edit.is_some()).map(|definition| definition.name).collect()
}
