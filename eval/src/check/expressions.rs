//! Expressions: code and frames -> shapes. One small function for each form.

use gravure_lang::Place;

use super::records::Ground;
use super::shape::Shape;
use super::{Checker, Scope};
use crate::code::{Comprehension, Constant, Edit, Expr, ExprKind, ModuleId, Piece};
use crate::errors;
use crate::names::Name;
use crate::value::Contract;

impl<'p> Checker<'p> {
    /// Walks through an expression that must fulfil a contract, if there is one. Where it is put together, each part is held to
    /// it.
    pub(super) fn expect(&mut self, expr: &'p Expr, contract: Option<Contract<'p>>) {
        let Some(contract) = contract else {
            self.shape(expr);
            return;
        };
        match &expr.kind {
            ExprKind::List(elements) if super::elements_of(contract.ty).is_some() => {
                let of_elements = self.of_elements(contract);
                elements.iter().for_each(|element| self.expect(element, of_elements));
            }
            ExprKind::Map(entries) if super::values_of(contract.ty).is_some() => {
                let of_values = self.of_elements(contract);
                for (key, value) in entries {
                    self.shape(key);
                    self.expect(value, of_values);
                }
            }
            ExprKind::Comprehension(comprehension) if super::elements_of(contract.ty).is_some() => {
                let of_elements = self.of_elements(contract);
                self.comprehension(comprehension, of_elements);
            }
            ExprKind::If(parts) => {
                let (condition, yes, no) = &**parts;
                self.condition(condition, "a condition");
                self.expect(yes, Some(contract));
                self.expect(no, Some(contract));
            }
            ExprKind::Let(parts) => {
                let value = self.shape(&parts.0);
                self.within(Scope::Locals(vec![value]), |checker| checker.expect(&parts.1, Some(contract)));
            }
            ExprKind::Match(subject, arms) => {
                self.match_subject(subject, arms);
                arms.iter().for_each(|arm| self.expect(&arm.value, Some(contract)));
            }
            _ => {
                let shape = self.shape(expr);
                self.hold_to(&shape, expr.place, contract);
            }
        }
    }

    /// Walks through an expression and returns its shape.
    pub(super) fn shape(&mut self, expr: &'p Expr) -> Shape<'p> {
        match &expr.kind {
            ExprKind::Constant(constant) => Shape::of_constant(constant),
            ExprKind::Interpolation(pieces) => self.interpolation(pieces),
            ExprKind::Path(_) => Shape::Path,
            ExprKind::List(elements) => {
                let shapes: Vec<Shape<'p>> = elements.iter().map(|element| self.shape(element)).collect();
                Shape::List(Box::new(Shape::one_of(shapes)))
            }
            ExprKind::Comprehension(comprehension) => Shape::List(Box::new(self.comprehension(comprehension, None))),
            ExprKind::Map(entries) => {
                for (key, value) in entries {
                    self.shape(key);
                    self.shape(value);
                }
                Shape::Map(Box::new(Shape::Unknown))
            }
            ExprKind::Record(body) => {
                self.body(body, Ground::Bare);
                Shape::Bare(body)
            }
            ExprKind::Mixin(mixin) => {
                self.body(&mixin.body, Ground::Unknown);
                Shape::Mixin(Some(mixin))
            }
            ExprKind::Extend(base, body) => {
                let of_base = self.shape(base);
                self.extend(of_base, body, base.place)
            }
            ExprKind::Field(base, name, at) => {
                let of_base = self.shape(base);
                self.field(&of_base, *name, *at, base.place)
            }
            ExprKind::Index(base, index) => self.index(base, index, expr.place),
            ExprKind::Call(function, arguments) => self.call(function, arguments, expr.place),
            ExprKind::Function(function) => {
                self.function(function);
                Shape::Function(function)
            }
            ExprKind::Unary(operator, operand) => self.unary(*operator, operand, expr.place),
            ExprKind::Binary(operator, sides) => self.binary(*operator, &sides.0, &sides.1, expr.place),
            ExprKind::If(parts) => {
                let (condition, yes, no) = &**parts;
                self.condition(condition, "a condition");
                let both = [self.shape(yes), self.shape(no)];
                Shape::one_of(both)
            }
            ExprKind::Let(parts) => {
                let value = self.shape(&parts.0);
                self.within(Scope::Locals(vec![value]), |checker| checker.shape(&parts.1))
            }
            ExprKind::Match(subject, arms) => {
                self.match_subject(subject, arms);
                let values: Vec<Shape<'p>> = arms.iter().map(|arm| self.shape(&arm.value)).collect();
                Shape::one_of(values)
            }
            ExprKind::Local { depth, slot } => self.local(*depth, *slot),
            ExprKind::Sibling { depth, name } => self.sibling(*depth, *name),
            ExprKind::Private { depth, slot } => self.private(*depth, *slot),
            ExprKind::SelfRecord { depth } => self.self_record(*depth),
            ExprKind::Super { depth, name, earlier, place } => self.super_field(*depth, *name, *earlier, *place),
            ExprKind::Module(module) => Shape::Module(*module),
            ExprKind::Builtin(builtin) => Shape::Builtin(*builtin),
            ExprKind::Type(ty) => Shape::Type(*ty),
            ExprKind::Unknown => Shape::Unknown,
        }
    }

    fn interpolation(&mut self, pieces: &'p [Piece]) -> Shape<'p> {
        for piece in pieces {
            let Piece::Interpolated(expr) = piece else { continue };
            match self.shape(expr).kind() {
                None | Some("a string" | "an integer" | "a size" | "a symbol") => {}
                Some(kind) => self.report(errors::not_interpolated(kind, expr.place)),
            }
        }
        Shape::String
    }

    /// Walks through a comprehension and returns the shape of its elements.
    fn comprehension(&mut self, code: &'p Comprehension, contract: Option<Contract<'p>>) -> Shape<'p> {
        let element = match self.shape(&code.list) {
            Shape::List(element) => *element,
            other => {
                if let Some(kind) = other.kind() {
                    self.report(errors::wrong_operand("`for`", "a list", kind, code.list.place));
                }
                Shape::Unknown
            }
        };
        self.within(Scope::Locals(vec![element]), |checker| {
            if let Some(condition) = &code.condition {
                checker.condition(condition, "a condition");
            }
            match contract {
                Some(_) => {
                    checker.expect(&code.element, contract);
                    Shape::Unknown
                }
                None => checker.shape(&code.element),
            }
        })
    }

    /// Walks through what must be a boolean.
    pub(super) fn condition(&mut self, expr: &'p Expr, what: &str) {
        if let Some(kind) = self.shape(expr).kind().filter(|&kind| kind != "a boolean") {
            self.report(errors::wrong_operand(what, "a boolean", kind, expr.place));
        }
    }

    // Names

    fn local(&self, depth: u32, slot: u32) -> Shape<'p> {
        match self.scope(depth) {
            Scope::Locals(slots) => slots[slot as usize].clone(),
            Scope::Body(..) => unreachable!("the slot of a local name is in a frame of locals"),
        }
    }

    /// A field of the finished record of a body: of what a type declares, or of a file; of others it may be overridden.
    fn sibling(&mut self, depth: u32, name: Name) -> Shape<'p> {
        match self.scope(depth) {
            Scope::Body(Ground::Module(module) | Ground::File(module), _) => {
                let module = *module;
                self.field_of_module(module, name).unwrap_or(Shape::Unknown)
            }
            Scope::Body(Ground::Typed { ty, .. }, _) => {
                self.declaration(*ty, name).map_or(Shape::Unknown, |(ty, _)| Shape::of_type(ty))
            }
            _ => Shape::Unknown,
        }
    }

    /// Returns the shape of a file's field, if it has it.
    pub(super) fn field_of_module(&mut self, module: ModuleId, name: Name) -> Option<Shape<'p>> {
        let (definition, _) = *self.fields.get(&(module, name))?;
        if let Some(ty) = &definition.ty {
            return Some(Shape::of_type(ty));
        }
        let Some(Edit::Set(expr)) = &definition.edit else { return Some(Shape::Unknown) };
        Some(self.looked_through(expr, |checker| {
            let body = &checker.program.modules[module.0 as usize].body;
            let of_module = vec![Scope::Body(Ground::Module(module), body)];
            let scopes = std::mem::replace(&mut checker.scopes, of_module);
            let shape = checker.shape(expr);
            checker.scopes = scopes;
            shape
        }))
    }

    fn private(&mut self, depth: u32, slot: u32) -> Shape<'p> {
        let Scope::Body(_, body) = self.scope(depth) else { return Shape::Unknown };
        let value = &body.lets[slot as usize].value;
        let outer = self.scopes.len() - depth as usize;
        self.looked_through(value, |checker| {
            let inner = checker.scopes.split_off(outer);
            let shape = checker.shape(value);
            checker.scopes.extend(inner);
            shape
        })
    }

    fn self_record(&self, depth: u32) -> Shape<'p> {
        match self.scope(depth) {
            Scope::Body(Ground::Module(module) | Ground::File(module), _) => Shape::Module(*module),
            Scope::Body(Ground::Typed { ty, .. }, _) => Shape::Record { ty: *ty, is_exact: false },
            _ => Shape::Unknown,
        }
    }

    // Parts

    fn field(&mut self, base: &Shape<'p>, name: Name, at: Place, base_place: Place) -> Shape<'p> {
        let program = self.program;
        match base {
            Shape::Record { ty, is_exact } => match self.declaration(*ty, name) {
                Some((ty, _)) => Shape::of_type(ty),
                None => {
                    if !self.may_declare(*ty, *is_exact, name) {
                        self.report(self.unknown_field(*ty, name, at));
                    }
                    Shape::Unknown
                }
            },
            Shape::Module(module) => self.field_of_module(*module, name).unwrap_or_else(|| {
                let body = &program.modules[module.0 as usize].body;
                let (text, record) = (program.text(name), format!("`{}`", program.module_path(*module)));
                if let Some(private) = body.lets.iter().find(|private| private.name == name) {
                    self.report(errors::private_name(&record, text, at, private.value.place));
                } else if !self.may_define(body, name) {
                    let near = self.near_definition(text, &body.definitions);
                    self.report(errors::unknown_field(&record, text, at, near));
                }
                Shape::Unknown
            }),
            Shape::Bare(body) => {
                let is_known = body.definitions.iter().any(|definition| definition.name == name);
                if !is_known && !self.may_define(body, name) {
                    let text = program.text(name);
                    let near = self.near_definition(text, &body.definitions);
                    self.report(errors::unknown_field("this record", text, at, near));
                }
                Shape::Unknown
            }
            Shape::OneOf(_) | Shape::AnyRecord => Shape::Unknown,
            other => {
                if let Some(kind) = other.kind() {
                    self.report(errors::no_fields(kind, program.text(name), base_place));
                }
                Shape::Unknown
            }
        }
    }

    /// Whether the text shows that a value has a field.
    fn has_field(&self, shape: &Shape<'p>, field: &str) -> bool {
        let Some(name) = self.program.names.find(field) else { return false };
        match shape {
            Shape::Record { ty, .. } => self.declaration(*ty, name).is_some(),
            Shape::Bare(body) => body.definitions.iter().any(|definition| definition.name == name),
            _ => false,
        }
    }

    fn index(&mut self, base: &'p Expr, index: &'p Expr, place: Place) -> Shape<'p> {
        let of_base = self.shape(base);
        self.shape(index);
        match of_base {
            Shape::List(element) | Shape::Map(element) => *element,
            other => {
                match (other.kind(), &index.kind) {
                    (Some("a record"), ExprKind::Constant(Constant::String(field)))
                        if self.has_field(&other, field) =>
                    {
                        let brackets = base.place.end().to(place.end());
                        self.report(errors::field_by_key(field, index.place, brackets));
                    }
                    (Some(kind), _) => self.report(errors::not_keyed(kind, index.place)),
                    (None, _) => {}
                }
                Shape::Unknown
            }
        }
    }
}
