//! Bodies: items become definitions, and a path becomes edits one inside the other.

use gravure_lang::Place;
use gravure_lang::ast::{self, ItemKind};

use super::Resolver;
use super::doubled::field_of;
use super::scopes::{Base, Meaning, Scope};
use super::types::TypeItem;
use crate::code::{self, Body, Definition, Edit, Expr, ExprKind, Type};
use crate::errors;
use crate::names::Name;

impl<'a, 't> Resolver<'a, 't> {
    /// Record types are resolved outside of any module's body, but see its names.
    pub(super) fn push_file_scope(&mut self) {
        let items = &self.parsed[self.module.0 as usize].tree.items;
        let scope = self.scope_of(Base::Nothing, items);
        self.scopes.push(scope);
    }

    fn scope_of(&mut self, base: Base, items: &[ast::Item<'_>]) -> Scope {
        let mut scope = Scope::body(base);
        let mut lets = 0..;
        for item in items {
            if let ItemKind::Error = item.kind {
                scope.lost.push(item.span);
            } else if let ItemKind::Let { name, .. } = &item.kind {
                scope.add(self.names.intern(name.text), Meaning::Private(lets.next().expect("lets can be counted")));
            } else if let Some(name) = field_of(&item.kind) {
                scope.add(self.names.intern(name.text), Meaning::Field { edits: 0 });
            }
        }
        scope
    }

    /// Resolves a body that is put on `base`.
    pub(super) fn body(&mut self, base: Base, items: &[ast::Item<'_>], place: Place) -> Body {
        let scope = self.scope_of(base, items);
        // Without a name that stands there twice, there is nothing to find.
        let has_doubled = scope.has_doubled;
        self.scopes.push(scope);
        if has_doubled {
            self.refuse_doubled_definitions(items);
        }
        let mut body = Body { definitions: Vec::with_capacity(items.len()), ..Body::empty(place) };
        for item in items {
            self.item(item, &mut body);
        }
        self.scopes.pop();
        body
    }

    fn item(&mut self, item: &ast::Item<'_>, body: &mut Body) {
        match &item.kind {
            ItemKind::Import { name, .. } => {
                let (key, place) = (self.names.intern(name.text), self.place(name.span));
                self.private.push((self.module, key, place, Some(self.place(item.span))));
            }
            ItemKind::Error => body.lost.push(self.place(item.span)),
            ItemKind::Let { name, value } => {
                let (name, place) = (self.names.intern(name.text), self.place(name.span));
                self.private.push((self.module, name, place, Some(self.place(item.span))));
                let value = self.off_trail(|resolver| resolver.hiding(name, |resolver| resolver.expr(value)));
                body.lets.push(code::Let { name, value });
            }
            ItemKind::Check { condition, message } => {
                let (condition, message) =
                    self.off_trail(|resolver| (resolver.expr(condition), resolver.expr(message)));
                body.checks.push(code::Check { condition, message });
            }
            ItemKind::TypeAlias { ty, .. } => {
                if self.scopes.len() > 1 {
                    self.report(errors::only_at_the_top("type", self.place(item.span)));
                }
                self.ty(ty);
            }
            kind => match self.definition(item, kind) {
                Some(definition) => {
                    if definition.edit.is_some() {
                        self.scopes.last_mut().expect("a body has a scope").count_edit(definition.name);
                    }
                    body.definitions.push(definition);
                }
                None => body.lost.push(self.place(item.span)),
            },
        }
    }

    pub(super) fn definition(&mut self, item: &ast::Item<'_>, kind: &ItemKind<'_>) -> Option<Definition> {
        let doc = item.doc.join("\n");
        Some(match kind {
            ItemKind::Define { is_abstract, path, operator, value } => {
                if *is_abstract && self.scopes.len() > 1 {
                    self.report(errors::only_at_the_top("abstract", self.place(item.span)));
                }
                let edit = self.defined(path, |resolver| match operator {
                    ast::Operator::Set => Edit::Set(resolver.expr(value)),
                    ast::Operator::Append => Edit::Append(resolver.off_trail(|resolver| resolver.expr(value))),
                    ast::Operator::Remove => Edit::Remove(resolver.off_trail(|resolver| resolver.expr(value))),
                });
                Definition { is_abstract: *is_abstract, ..self.plain(&path.name, doc, None, Some(edit)) }
            }
            ItemKind::Deepen { path, body } => {
                let edit = self.defined(path, |resolver| {
                    Edit::Deepen(Box::new(resolver.body(Base::Unknown, &body.items, resolver.place(body.span))))
                });
                self.plain(&path.name, doc, None, Some(edit))
            }
            ItemKind::Declare { name, ty, default } => {
                let ty = self.ty(ty);
                let field = self.names.intern(name.text);
                let edit = default.as_ref().map(|value| Edit::Set(self.hiding(field, |resolver| resolver.expr(value))));
                self.plain(name, doc, Some(ty), edit)
            }
            ItemKind::Function { name, function } => {
                let field = self.names.intern(name.text);
                let code = self.trailing(field, |resolver| resolver.function(function));
                let value = Expr { kind: ExprKind::Function(Box::new(code)), place: self.place(item.span) };
                self.plain(name, doc, None, Some(Edit::Set(value)))
            }
            ItemKind::Record { name, .. } => {
                if self.scopes.len() > 1 {
                    self.report(errors::only_at_the_top("record", self.place(item.span)));
                    return None;
                }
                let key = (self.module, self.names.intern(name.text));
                let Some(TypeItem::Record(id)) = self.types.get(&key) else { return None };
                let value = Expr { kind: ExprKind::Type(*id), place: self.place(name.span) };
                self.plain(name, doc, None, Some(Edit::Set(value)))
            }
            _ => return None,
        })
    }

    fn plain(&mut self, name: &ast::Name<'_>, doc: String, ty: Option<Type>, edit: Option<Edit>) -> Definition {
        Definition {
            name: self.names.intern(name.text),
            place: self.place(name.span),
            ty,
            edit,
            is_abstract: false,
            doc,
        }
    }

    /// Resolves what a path defines: each step is one level further in, and every name on the way is skipped inside.
    fn defined(&mut self, path: &ast::Path<'_>, innermost: impl FnOnce(&mut Self) -> Edit) -> Edit {
        let name = self.names.intern(path.name.text);
        self.hiding(name, |resolver| resolver.trailing(name, |resolver| resolver.steps(&path.steps, innermost)))
    }

    fn steps(&mut self, steps: &[ast::Step<'_>], innermost: impl FnOnce(&mut Self) -> Edit) -> Edit {
        match steps.split_first() {
            None => innermost(self),
            Some((ast::Step::Key(key), rest)) => self.off_trail(|resolver| {
                let key = resolver.expr(key);
                Edit::Element(key, Box::new(resolver.steps(rest, innermost)))
            }),
            Some((ast::Step::Field(name), rest)) => {
                let field = self.names.intern(name.text);
                let place = self.place(name.span);
                let mut scope = Scope::body(Base::Unknown);
                scope.add(field, Meaning::Field { edits: 0 });
                scope.hidden = Some(field);
                self.scopes.push(scope);
                let edit = self.trailing(field, |resolver| resolver.steps(rest, innermost));
                self.scopes.pop();
                let definition = Definition {
                    name: field,
                    place,
                    ty: None,
                    edit: Some(edit),
                    is_abstract: false,
                    doc: String::new(),
                };
                Edit::Deepen(Box::new(Body { definitions: vec![definition], ..Body::empty(place) }))
            }
        }
    }

    /// Runs `inside` with one more field on the trail.
    fn trailing<T>(&mut self, name: Name, inside: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.trail.as_mut().map(|trail| {
            trail.push(name);
            trail.len() - 1
        });
        let result = inside(self);
        if let (Some(trail), Some(length)) = (&mut self.trail, length) {
            trail.truncate(length);
        }
        result
    }

    /// Runs `inside` where no path of fields leads.
    pub(super) fn off_trail<T>(&mut self, inside: impl FnOnce(&mut Self) -> T) -> T {
        let trail = self.trail.take();
        let result = inside(self);
        self.trail = trail;
        result
    }
}
