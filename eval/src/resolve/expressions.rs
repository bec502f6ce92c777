//! Expressions: trees -> code.

use gravure_lang::Place;
use gravure_lang::ast::{self, ExprKind as Tree};

use super::Resolver;
use super::scopes::{Base, Meaning, Scope};
use crate::code::{self, Constant, Expr, ExprKind};
use crate::errors;

impl<'a, 't> Resolver<'a, 't> {
    pub(super) fn expr(&mut self, tree: &ast::Expr<'_>) -> Expr {
        let place = self.place(tree.span);
        let kind = match &tree.kind {
            kind @ (Tree::Record(_) | Tree::Extend(..) | Tree::Function(_) | Tree::Mixin(_)) => {
                self.expr_kind(kind, place)
            }
            kind => self.off_trail(|resolver| resolver.expr_kind(kind, place)),
        };
        Expr { kind, place }
    }

    fn boxed(&mut self, tree: &ast::Expr<'_>) -> Box<Expr> {
        Box::new(self.expr(tree))
    }

    fn expr_kind(&mut self, tree: &Tree<'_>, place: Place) -> ExprKind {
        match tree {
            Tree::None => ExprKind::Constant(Constant::None),
            Tree::Bool(value) => ExprKind::Constant(Constant::Bool(*value)),
            Tree::Int(value) => ExprKind::Constant(Constant::Int(*value)),
            Tree::Size(value) => ExprKind::Constant(Constant::Size(*value)),
            Tree::Symbol(text) => ExprKind::Constant(Constant::Symbol(self.names.intern(text))),
            Tree::Text(pieces) => self.text(pieces),
            Tree::Path(text) => ExprKind::Path(self.path(text).into()),
            Tree::List(elements) => ExprKind::List(elements.iter().map(|element| self.expr(element)).collect()),
            Tree::Comprehension { variable, list, condition, element } => {
                let list = self.expr(list);
                let (condition, element) = self.with_locals(&[*variable], |resolver| {
                    (condition.as_ref().map(|condition| resolver.expr(condition)), resolver.expr(element))
                });
                ExprKind::Comprehension(Box::new(code::Comprehension { list, condition, element }))
            }
            Tree::Map(entries) => {
                ExprKind::Map(entries.iter().map(|(key, value)| (self.expr(key), self.expr(value))).collect())
            }
            Tree::Record(body) => {
                ExprKind::Record(Box::new(self.body(Base::Nothing, &body.items, self.place(body.span))))
            }
            Tree::Mixin(body) => {
                let path = self.path_here();
                let body =
                    self.off_trail(|resolver| resolver.body(Base::Unknown, &body.items, resolver.place(body.span)));
                ExprKind::Mixin(Box::new(code::Mixin { path, body }))
            }
            Tree::Extend(base, body) => {
                let base = self.off_trail(|resolver| resolver.boxed(base));
                let ty = match base.kind {
                    ExprKind::Type(ty) => Some(ty),
                    ExprKind::Field(ref import, name, _) => self.type_of_import(import, name),
                    _ => None,
                };
                ExprKind::Extend(
                    base,
                    Box::new(self.body(ty.map_or(Base::Unknown, Base::Type), &body.items, self.place(body.span))),
                )
            }
            Tree::Field(base, name) => {
                ExprKind::Field(self.boxed(base), self.names.intern(name.text), self.place(name.span))
            }
            Tree::Index(base, index) => ExprKind::Index(self.boxed(base), self.boxed(index)),
            Tree::Call(function, arguments) => {
                let function = self.boxed(function);
                ExprKind::Call(function, arguments.iter().map(|argument| self.argument(argument)).collect())
            }
            Tree::Function(function) => ExprKind::Function(Box::new(self.function(function))),
            Tree::Unary(operator, operand) => ExprKind::Unary(*operator, self.boxed(operand)),
            Tree::Binary(operator, left, right) => {
                ExprKind::Binary(*operator, Box::new((self.expr(left), self.expr(right))))
            }
            Tree::If(condition, yes, no) => {
                ExprKind::If(Box::new((self.expr(condition), self.expr(yes), self.expr(no))))
            }
            Tree::Let(name, value, body) => {
                let value = self.expr(value);
                let key = self.names.intern(name.text);
                self.private.push((self.module, key, self.place(name.span), None));
                let body = self.with_locals(&[*name], |resolver| resolver.expr(body));
                ExprKind::Let(Box::new((value, body)))
            }
            Tree::Match(subject, arms) => {
                let subject = self.boxed(subject);
                ExprKind::Match(
                    subject,
                    arms.iter()
                        .map(|arm| code::Arm {
                            pattern: arm.pattern.as_ref().map(|pattern| self.expr(pattern)),
                            value: self.expr(&arm.value),
                        })
                        .collect(),
                )
            }
            Tree::Name(text) => self.name(text, place),
            Tree::SelfRecord => self.self_record(),
            Tree::Super(name) => self.super_field(name),
        }
    }

    fn argument(&mut self, tree: &ast::Argument<'_>) -> code::Argument {
        let name = tree.name.map(|name| (self.names.intern(name.text), self.place(name.span)));
        code::Argument { name, value: self.expr(&tree.value) }
    }

    fn text(&mut self, pieces: &[ast::Piece<'_>]) -> ExprKind {
        match pieces {
            [] => ExprKind::Constant(Constant::String("".into())),
            [ast::Piece::Text(text)] => ExprKind::Constant(Constant::String(text.as_ref().into())),
            pieces => ExprKind::Interpolation(
                pieces
                    .iter()
                    .map(|piece| match piece {
                        ast::Piece::Text(text) => code::Piece::Text(text.as_ref().into()),
                        ast::Piece::Interpolated(expr) => code::Piece::Interpolated(self.expr(expr)),
                    })
                    .collect(),
            ),
        }
    }

    /// Returns where a file can refer to the value at hand.
    fn path_here(&self) -> Option<code::Path> {
        self.trail.clone().map(|fields| code::Path { module: self.module, fields })
    }

    /// Joins a path to the folder of its file and normalises it; leading `..` stay.
    fn path(&self, text: &str) -> String {
        let folder = self.parsed[self.module.0 as usize].path.rsplit_once('/').map_or("", |(folder, _)| folder);
        crate::join_path(folder, text)
    }

    pub(super) fn function(&mut self, tree: &ast::Function<'_>) -> code::Function {
        let path = self.path_here();
        self.off_trail(|resolver| {
            resolver.scopes.push(Scope::default());
            let parameters = tree.parameters.iter().enumerate();
            let parameters = parameters.map(|(slot, parameter)| resolver.parameter(slot, parameter)).collect();
            let result = tree.result.as_ref().map(|ty| (resolver.ty(ty), resolver.place(ty.span)));
            let body = resolver.expr(&tree.body);
            resolver.scopes.pop();
            code::Function { path, parameters, result, body }
        })
    }

    fn parameter(&mut self, slot: usize, tree: &ast::Parameter<'_>) -> code::Parameter {
        let name = self.names.intern(tree.name.text);
        let place = self.place(tree.name.span);
        let ty = tree.ty.as_ref().map(|ty| self.ty(ty));
        let default = tree.default.as_ref().map(|default| self.expr(default));
        let scope = self.scopes.last_mut().expect("a function has a scope");
        let is_doubled = scope.contains(name);
        scope.add(name, Meaning::Local(slot as u32));
        if is_doubled {
            self.report(errors::doubled_parameter(tree.name.text, place));
        }
        code::Parameter { name, ty, default, place }
    }
}
