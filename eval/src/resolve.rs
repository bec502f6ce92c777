//! Name resolution: syntax trees -> code.
//!
//! The text decides what a name means: the nearest parameter, `let` or sibling field, then the imports, then the
//! prelude; and every definition of a name is skipped inside its own definition. A scope here is a frame at run
//! time, so a variable is how many scopes out its name was found. What can be seen without evaluating is reported
//! from here: unknown names, doubled definitions, types that are not there.

use gravure_lang::ast::{self, ExprKind as Tree, ItemKind};
use gravure_lang::{Diagnostic, FileId, Place, Span};
use rustc_hash::FxHashMap;

use crate::builtins::Builtin;
use crate::code::{self, Body, Constant, Definition, Edit, Expr, ExprKind, Module, ModuleId, RecordType, Type, TypeId};
use crate::errors;
use crate::names::{Name, Names};
use crate::program::Parsed;

/// The code of all modules, with what was found wrong.
pub(crate) struct Resolved {
    pub names: Names,
    pub modules: Vec<Module>,
    pub types: Vec<RecordType>,
    pub diagnostics: Vec<Diagnostic>,
}

/// Resolves every name of every module.
pub(crate) fn resolve(parsed: &[Parsed<'_>]) -> Resolved {
    let mut resolver = Resolver::new(parsed);
    resolver.declare_types();
    let types = resolver.record_types();
    let modules = (0..parsed.len()).map(|module| resolver.module(module)).collect();
    let mut diagnostics = resolver.diagnostics;
    diagnostics.sort_by_key(|diagnostic| (diagnostic.labels[0].place.file, diagnostic.labels[0].place.span.start));
    Resolved { names: resolver.names, modules, types, diagnostics }
}

/// What a file calls a type.
#[derive(Clone)]
enum TypeItem<'a, 't> {
    Record(TypeId),
    Alias { tree: &'a ast::Type<'t>, resolving: bool, resolved: Option<Type> },
}

/// The names of one frame.
#[derive(Clone, Default)]
struct Scope {
    /// The fields that the text of a body defines.
    fields: Vec<Name>,
    /// Its private names.
    lets: Vec<Name>,
    /// Parameters and other local names.
    locals: Vec<Name>,
    /// The name whose definition is being resolved: skipped.
    hidden: Option<Name>,
    /// Whether it is the frame of a body, so that `self` and `super` mean its record.
    is_body: bool,
}

struct Resolver<'a, 't> {
    parsed: &'a [Parsed<'t>],
    names: Names,
    types: FxHashMap<(ModuleId, Name), TypeItem<'a, 't>>,
    /// The `record` items in order: module, name and body.
    records: Vec<(ModuleId, &'a ast::Name<'t>, &'a Option<Vec<ast::Name<'t>>>, &'a ast::Body<'t>)>,
    imports: Vec<FxHashMap<Name, ModuleId>>,
    diagnostics: Vec<Diagnostic>,
    /// Where resolution is now.
    module: ModuleId,
    file: FileId,
    scopes: Vec<Scope>,
    /// The fields that lead from the file to the expression at hand; none where no path of fields leads to it.
    trail: Option<Vec<Name>>,
}

impl<'a, 't> Resolver<'a, 't> {
    fn new(parsed: &'a [Parsed<'t>]) -> Resolver<'a, 't> {
        let mut names = Names::default();
        let imports = parsed
            .iter()
            .map(|module| module.imports.iter().map(|(name, target)| (names.intern(name.text), *target)).collect())
            .collect();
        Resolver {
            parsed,
            names,
            types: FxHashMap::default(),
            records: Vec::new(),
            imports,
            diagnostics: Vec::new(),
            module: ModuleId(0),
            file: FileId(0),
            scopes: Vec::new(),
            trail: None,
        }
    }

    fn place(&self, span: Span) -> Place {
        Place { file: self.file, span }
    }

    fn enter(&mut self, module: usize) {
        self.module = ModuleId(module as u32);
        self.file = self.parsed[module].file;
        self.scopes.clear();
        self.trail = None;
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    // Types

    /// Gives every `record` and `type` item of every file its meaning, before any body is looked at.
    fn declare_types(&mut self) {
        for module in 0..self.parsed.len() {
            self.enter(module);
            for item in &self.parsed[module].tree.items {
                let (name, meaning) = match &item.kind {
                    ItemKind::Record { name, extends, body } => {
                        self.records.push((self.module, name, extends, body));
                        (name, TypeItem::Record(TypeId(self.records.len() as u32 - 1)))
                    }
                    ItemKind::TypeAlias { name, ty } => {
                        (name, TypeItem::Alias { tree: ty, resolving: false, resolved: None })
                    }
                    _ => continue,
                };
                let key = (self.module, self.names.intern(name.text));
                self.types.entry(key).or_insert(meaning);
            }
        }
    }

    /// Resolves the bodies of all record types.
    fn record_types(&mut self) -> Vec<RecordType> {
        let records = std::mem::take(&mut self.records);
        let bases: Vec<Option<TypeId>> = records
            .iter()
            .map(|&(module, _, extends, _)| {
                self.enter(module.0 as usize);
                extends.as_ref().and_then(|path| self.base_type(path))
            })
            .collect();
        let bases = self.without_rings(bases, &records);
        let mut types = Vec::with_capacity(records.len());
        for (&(module, name, _, body), extends) in records.iter().zip(bases) {
            self.enter(module.0 as usize);
            self.push_file_scope();
            let body = self.body(&body.items, self.place(body.span));
            types.push(RecordType { name: self.names.intern(name.text), module, extends, body });
        }
        self.records = records;
        types
    }

    fn base_type(&mut self, path: &[ast::Name<'t>]) -> Option<TypeId> {
        let span = path[0].span.to(path[path.len() - 1].span);
        match self.named_type(path, self.place(span))? {
            Type::Record(id) => Some(id),
            _ => {
                self.report(errors::not_a_record_type(path[path.len() - 1].text, self.place(span)));
                None
            }
        }
    }

    /// Reports rings of `extends` and cuts them.
    fn without_rings(
        &mut self,
        mut bases: Vec<Option<TypeId>>,
        records: &[(ModuleId, &'a ast::Name<'t>, &'a Option<Vec<ast::Name<'t>>>, &'a ast::Body<'t>)],
    ) -> Vec<Option<TypeId>> {
        for start in 0..bases.len() {
            let mut ring = vec![start];
            while let Some(TypeId(next)) = bases[ring[ring.len() - 1]] {
                ring.push(next as usize);
                if next as usize == start {
                    let names: Vec<&str> = ring.iter().map(|&id| records[id].1.text).collect();
                    let (module, name, ..) = records[start];
                    let place = Place { file: self.parsed[module.0 as usize].file, span: name.span };
                    self.diagnostics.push(errors::inheritance_ring(&names, place));
                    bases[start] = None;
                } else if ring.len() > bases.len() {
                    break; // It runs into a ring that is reported from one of its own members.
                }
            }
        }
        bases
    }

    fn ty(&mut self, tree: &ast::Type<'_>) -> Type {
        match &tree.kind {
            ast::TypeKind::Name(path) => self.named_type(path, self.place(tree.span)).unwrap_or(Type::Any),
            ast::TypeKind::Apply(name, arguments) => self.applied_type(name, arguments),
            ast::TypeKind::Symbol(text) => Type::Member(self.names.intern(text)),
            ast::TypeKind::None => Type::None,
            ast::TypeKind::Union(members) => Type::Union(members.iter().map(|member| self.ty(member)).collect()),
            ast::TypeKind::Function(parameters, result) => {
                parameters.iter().chain(result.as_deref()).for_each(|ty| drop(self.ty(ty)));
                Type::Function(parameters.len())
            }
        }
    }

    fn applied_type(&mut self, name: &ast::Name<'_>, arguments: &[ast::Type<'_>]) -> Type {
        let [argument] = arguments else {
            self.report(errors::type_takes_one(name.text, arguments.len(), self.place(name.span)));
            return Type::Any;
        };
        let argument = Box::new(self.ty(argument));
        match name.text {
            "List" => Type::List(argument),
            "Map" => Type::Map(argument),
            "Key" => Type::Key(argument),
            other => {
                self.report(errors::unknown_type(other, Some("List"), self.place(name.span)));
                Type::Any
            }
        }
    }

    /// Returns what a name, or names joined by a dot through an import, mean as a type.
    fn named_type(&mut self, path: &[ast::Name<'_>], place: Place) -> Option<Type> {
        let (module, name) = match path {
            [name] => (self.module, name),
            [import, name] => match self.imported(import.text) {
                Some(module) => (module, name),
                None => {
                    let known: Vec<String> = self.import_names();
                    self.report(errors::unknown_name(
                        import.text,
                        known.iter().map(String::as_str),
                        false,
                        self.place(import.span),
                    ));
                    return None;
                }
            },
            _ => {
                self.report(errors::unknown_type(path[path.len() - 1].text, None, place));
                return None;
            }
        };
        if let (1, Some(ty)) = (path.len(), basic_type(name.text)) {
            return Some(ty);
        }
        let key = (module, self.names.intern(name.text));
        match self.types.get(&key) {
            Some(TypeItem::Record(id)) => Some(Type::Record(*id)),
            Some(TypeItem::Alias { .. }) => self.alias(key, place),
            None => {
                let known = self.type_names(module);
                self.report(errors::unknown_type(
                    name.text,
                    crate::names::nearest(name.text, known.iter().map(String::as_str)),
                    self.place(name.span),
                ));
                None
            }
        }
    }

    fn alias(&mut self, key: (ModuleId, Name), place: Place) -> Option<Type> {
        let Some(TypeItem::Alias { tree, resolving, resolved }) = self.types.get_mut(&key) else { return None };
        if let Some(ty) = resolved {
            return Some(ty.clone());
        }
        if std::mem::replace(resolving, true) {
            let name = self.names.text(key.1).to_owned();
            self.report(errors::type_ring(&name, place));
            return None;
        }
        let tree = *tree;
        let (module, file) = (self.module, self.file);
        (self.module, self.file) = (key.0, self.parsed[key.0.0 as usize].file);
        let ty = self.ty(tree);
        (self.module, self.file) = (module, file);
        self.types.insert(key, TypeItem::Alias { tree, resolving: false, resolved: Some(ty.clone()) });
        Some(ty)
    }

    fn type_names(&self, module: ModuleId) -> Vec<String> {
        let mut known: Vec<String> = BASIC_TYPES.iter().map(|(name, _)| name.to_string()).collect();
        let items = self.parsed[module.0 as usize].tree.items.iter();
        known.extend(items.filter_map(|item| match &item.kind {
            ItemKind::Record { name, .. } | ItemKind::TypeAlias { name, .. } => Some(name.text.to_owned()),
            _ => None,
        }));
        known
    }

    fn imported(&mut self, text: &str) -> Option<ModuleId> {
        let name = self.names.intern(text);
        self.imports[self.module.0 as usize].get(&name).copied()
    }

    fn import_names(&self) -> Vec<String> {
        self.parsed[self.module.0 as usize].imports.iter().map(|(name, _)| name.text.to_owned()).collect()
    }

    // Modules and bodies

    fn module(&mut self, module: usize) -> Module {
        self.enter(module);
        self.trail = Some(Vec::new());
        let parsed = &self.parsed[module];
        self.refuse_doubled_imports(parsed);
        let place = self.place(Span::new(0, parsed.text.len()));
        let body = self.body(&parsed.tree.items, place);
        Module { path: parsed.path.clone(), body }
    }

    fn refuse_doubled_imports(&mut self, parsed: &Parsed<'_>) {
        for (i, (name, _)) in parsed.imports.iter().enumerate() {
            if let Some((first, _)) = parsed.imports[..i].iter().find(|(other, _)| other.text == name.text) {
                self.report(errors::doubled(name.text, self.place(name.span), self.place(first.span)));
            }
        }
    }

    /// Record types are resolved outside of any module's body, but see its names.
    fn push_file_scope(&mut self) {
        let items = &self.parsed[self.module.0 as usize].tree.items;
        let scope = self.scope_of(items);
        self.scopes.push(scope);
    }

    fn scope_of(&mut self, items: &[ast::Item<'_>]) -> Scope {
        let mut scope = Scope { is_body: true, ..Scope::default() };
        for item in items {
            match &item.kind {
                ItemKind::Let { name, .. } => scope.lets.push(self.names.intern(name.text)),
                kind => scope.fields.extend(field_of(kind).map(|name| self.names.intern(name.text))),
            }
        }
        scope
    }

    fn body(&mut self, items: &[ast::Item<'_>], place: Place) -> Body {
        let scope = self.scope_of(items);
        self.scopes.push(scope);
        self.refuse_doubled_definitions(items);
        let mut body = Body { definitions: Vec::new(), lets: Vec::new(), checks: Vec::new(), place };
        for item in items {
            self.item(item, &mut body);
        }
        self.scopes.pop();
        body
    }

    fn item(&mut self, item: &ast::Item<'_>, body: &mut Body) {
        match &item.kind {
            ItemKind::Import { .. } => {
                if self.scopes.len() > 1 {
                    self.report(errors::only_at_the_top("import", self.place(item.span)));
                }
            }
            ItemKind::Error => {}
            ItemKind::Let { name, value } => {
                let name = self.names.intern(name.text);
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
            kind => {
                let definition = self.definition(item, kind);
                body.definitions.extend(definition);
            }
        }
    }

    fn definition(&mut self, item: &ast::Item<'_>, kind: &ItemKind<'_>) -> Option<Definition> {
        let doc = item.doc.join("\n");
        Some(match kind {
            ItemKind::Define { is_abstract, path, operator, value } => {
                let edit = self.defined(path, |resolver| match operator {
                    ast::Operator::Set => Edit::Set(resolver.expr(value)),
                    ast::Operator::Append => Edit::Append(resolver.off_trail(|resolver| resolver.expr(value))),
                    ast::Operator::Remove => Edit::Remove(resolver.off_trail(|resolver| resolver.expr(value))),
                });
                Definition { is_abstract: *is_abstract, ..self.plain(&path.name, doc, None, Some(edit)) }
            }
            ItemKind::Deepen { path, body } => {
                let edit =
                    self.defined(path, |resolver| Edit::Deepen(resolver.body(&body.items, resolver.place(body.span))));
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
                self.scopes.push(Scope { fields: vec![field], hidden: Some(field), is_body: true, ..Scope::default() });
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
                Edit::Deepen(Body { definitions: vec![definition], lets: Vec::new(), checks: Vec::new(), place })
            }
        }
    }

    /// Runs `inside` while `name` of the innermost scope is skipped.
    fn hiding<T>(&mut self, name: Name, inside: impl FnOnce(&mut Self) -> T) -> T {
        let depth = self.scopes.len() - 1;
        let before = self.scopes[depth].hidden.replace(name);
        let result = inside(self);
        self.scopes[depth].hidden = before;
        result
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
    fn off_trail<T>(&mut self, inside: impl FnOnce(&mut Self) -> T) -> T {
        let trail = self.trail.take();
        let result = inside(self);
        self.trail = trail;
        result
    }

    /// Reports names that one body defines twice, and `x = e` behind an edit of `x`.
    fn refuse_doubled_definitions(&mut self, items: &[ast::Item<'_>]) {
        let mut seen: FxHashMap<String, Span> = FxHashMap::default();
        let mut edited: FxHashMap<&str, Span> = FxHashMap::default();
        for item in items {
            let (leaf, name, sets) = match &item.kind {
                ItemKind::Define { path, operator: ast::Operator::Set, .. } => {
                    (leaf_of(path), path.name, path.steps.is_empty())
                }
                ItemKind::Define { path, .. } | ItemKind::Deepen { path, .. } => {
                    edited.entry(path.name.text).or_insert(path.span);
                    continue;
                }
                ItemKind::Let { name, .. } => (name.text.to_owned(), *name, false),
                kind => match field_of(kind) {
                    Some(name) => (name.text.to_owned(), name, true),
                    None => continue,
                },
            };
            if let Some(&first) = seen.get(&leaf) {
                self.report(errors::doubled(&leaf, self.place(name.span), self.place(first)));
            } else if let (true, Some(&edit)) = (sets, edited.get(name.text)) {
                self.report(errors::set_after_edit(name.text, self.place(name.span), self.place(edit)));
            }
            if !sets {
                edited.entry(name.text).or_insert(name.span);
            }
            seen.entry(leaf).or_insert(name.span);
        }
    }

    // Expressions

    fn expr(&mut self, tree: &ast::Expr<'_>) -> Expr {
        let place = self.place(tree.span);
        let kind = match &tree.kind {
            kind @ (Tree::Record(_) | Tree::Extend(..) | Tree::Function(_)) => self.expr_kind(kind, place),
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
            Tree::Record(body) => ExprKind::Record(Box::new(self.body(&body.items, self.place(body.span)))),
            Tree::Mixin(body) => ExprKind::Mixin(Box::new(self.body(&body.items, self.place(body.span)))),
            Tree::Extend(base, body) => {
                let base = self.off_trail(|resolver| resolver.boxed(base));
                ExprKind::Extend(base, Box::new(self.body(&body.items, self.place(body.span))))
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
            Tree::SelfRecord => self.self_record(place),
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

    /// Joins a path to the folder of its file and normalises it; leading `..` stay.
    fn path(&self, text: &str) -> String {
        let folder = self.parsed[self.module.0 as usize].path.rsplit_once('/').map_or("", |(folder, _)| folder);
        crate::join_path(folder, text)
    }

    fn function(&mut self, tree: &ast::Function<'_>) -> code::Function {
        let path = self.trail.clone().map(|trail| (self.module, trail));
        self.off_trail(|resolver| {
            resolver.scopes.push(Scope::default());
            let parameters = tree.parameters.iter().map(|parameter| resolver.parameter(parameter)).collect();
            let result = tree.result.as_ref().map(|ty| resolver.ty(ty));
            let body = resolver.expr(&tree.body);
            resolver.scopes.pop();
            code::Function { path, parameters, result, body }
        })
    }

    fn parameter(&mut self, tree: &ast::Parameter<'_>) -> code::Parameter {
        let name = self.names.intern(tree.name.text);
        let place = self.place(tree.name.span);
        let ty = tree.ty.as_ref().map(|ty| self.ty(ty));
        let default = tree.default.as_ref().map(|default| self.expr(default));
        let scope = self.scopes.last_mut().expect("a function has a scope");
        if scope.locals.contains(&name) {
            self.diagnostics.push(errors::doubled_parameter(tree.name.text, place));
        }
        scope.locals.push(name);
        code::Parameter { name, ty, default, place }
    }

    fn with_locals<T>(&mut self, names: &[ast::Name<'_>], inside: impl FnOnce(&mut Self) -> T) -> T {
        let locals = names.iter().map(|name| self.names.intern(name.text)).collect();
        self.scopes.push(Scope { locals, ..Scope::default() });
        let result = inside(self);
        self.scopes.pop();
        result
    }

    // Names

    fn name(&mut self, text: &str, place: Place) -> ExprKind {
        let name = self.names.intern(text);
        let mut was_hidden = false;
        for (depth, scope) in self.scopes.iter().rev().enumerate() {
            let depth = depth as u32;
            if let Some(slot) = scope.locals.iter().rposition(|&local| local == name) {
                return ExprKind::Local { depth, slot: slot as u32 };
            }
            if scope.hidden == Some(name) && (scope.fields.contains(&name) || scope.lets.contains(&name)) {
                was_hidden = true;
                continue;
            }
            if let Some(slot) = scope.lets.iter().position(|&private| private == name) {
                return ExprKind::Private { depth, slot: slot as u32 };
            }
            if scope.fields.contains(&name) {
                return self.sibling(name, text, depth, place);
            }
        }
        if let Some(&module) = self.imports[self.module.0 as usize].get(&name) {
            return ExprKind::Module(module);
        }
        if let Some(builtin) = Builtin::named(text) {
            return ExprKind::Builtin(builtin);
        }
        self.unknown(text, was_hidden, place)
    }

    fn sibling(&mut self, name: Name, text: &str, depth: u32, place: Place) -> ExprKind {
        let is_file_item = depth as usize + 1 == self.scopes.len();
        if !is_file_item && self.imports[self.module.0 as usize].contains_key(&name) {
            self.report(errors::sibling_or_import(text, place));
        }
        if is_file_item {
            match self.types.get(&(self.module, name)) {
                Some(TypeItem::Record(id)) => return ExprKind::Type(*id),
                Some(TypeItem::Alias { .. }) => self.report(errors::type_as_value(text, place)),
                None => {}
            }
        }
        ExprKind::Sibling { depth, name }
    }

    fn unknown(&mut self, text: &str, was_hidden: bool, place: Place) -> ExprKind {
        let diagnostic = if was_hidden {
            errors::own_name(text, place)
        } else {
            let in_body = self.innermost_body().is_some_and(|depth| depth as usize + 1 < self.scopes.len());
            errors::unknown_name(text, self.visible_names().into_iter().filter(|&name| name != text), in_body, place)
        };
        self.report(diagnostic);
        ExprKind::Constant(Constant::None)
    }

    /// Returns every name that could stand here.
    fn visible_names(&self) -> Vec<&str> {
        let scopes = self.scopes.iter().flat_map(|scope| scope.fields.iter().chain(&scope.lets).chain(&scope.locals));
        let imports = self.parsed[self.module.0 as usize].imports.iter().map(|(name, _)| name.text);
        let prelude = Builtin::names().map(|name| -> &str { name });
        scopes.map(|&name| self.names.text(name)).chain(imports).chain(prelude).collect()
    }

    /// Returns how many scopes out the innermost body is.
    fn innermost_body(&self) -> Option<u32> {
        self.scopes.iter().rev().position(|scope| scope.is_body).map(|depth| depth as u32)
    }

    fn self_record(&mut self, place: Place) -> ExprKind {
        match self.innermost_body() {
            Some(depth) => ExprKind::SelfRecord { depth },
            None => {
                self.report(errors::outside_of_a_record("self", place));
                ExprKind::Constant(Constant::None)
            }
        }
    }

    fn super_field(&mut self, name: &ast::Name<'_>) -> ExprKind {
        let place = self.place(name.span);
        match self.innermost_body() {
            Some(depth) => ExprKind::Super { depth, name: self.names.intern(name.text), place },
            None => {
                self.report(errors::outside_of_a_record("super", place));
                ExprKind::Constant(Constant::None)
            }
        }
    }
}

/// The names of the types that are no records.
const BASIC_TYPES: [(&str, Type); 8] = [
    ("Any", Type::Any),
    ("Bool", Type::Bool),
    ("Int", Type::Int),
    ("Size", Type::Size),
    ("String", Type::String),
    ("Symbol", Type::Symbol),
    ("Path", Type::Path),
    ("Record", Type::AnyRecord),
];

fn basic_type(name: &str) -> Option<Type> {
    match name {
        "List" => Some(Type::List(Box::new(Type::Any))),
        "Map" => Some(Type::Map(Box::new(Type::Any))),
        name => BASIC_TYPES.iter().find(|(known, _)| *known == name).map(|(_, ty)| ty.clone()),
    }
}

/// Returns the field that an item is about.
fn field_of<'t>(kind: &ItemKind<'t>) -> Option<ast::Name<'t>> {
    match kind {
        ItemKind::Define { path, .. } | ItemKind::Deepen { path, .. } => Some(path.name),
        ItemKind::Declare { name, .. } | ItemKind::Function { name, .. } | ItemKind::Record { name, .. } => Some(*name),
        ItemKind::TypeAlias { name, .. } => Some(*name),
        ItemKind::Import { .. } | ItemKind::Let { .. } | ItemKind::Check { .. } | ItemKind::Error => None,
    }
}

/// Returns how a person would write the leaf that a path sets; keys that are no literals differ from all others.
fn leaf_of(path: &ast::Path<'_>) -> String {
    let mut leaf = path.name.text.to_owned();
    for step in &path.steps {
        match step {
            ast::Step::Field(name) => leaf.extend([".", name.text]),
            ast::Step::Key(ast::Expr { kind: Tree::Text(pieces), .. })
                if matches!(pieces[..], [ast::Piece::Text(_)]) =>
            {
                let [ast::Piece::Text(text)] = &pieces[..] else { unreachable!("the pattern above says so") };
                leaf.push_str(&format!("[{}]", gravure_lang::quote(text)));
            }
            ast::Step::Key(key) => leaf.push_str(&format!("[#{}]", key.span.start)),
        }
    }
    leaf
}
