//! Types: what `record` and `type` items mean, who extends whom, and types as they are written.

use gravure_lang::ast::{self, ItemKind};
use gravure_lang::{Place, Span};

use super::scopes::Base;
use super::{RecordItem, Resolver};
use crate::code::{Expr, ExprKind, ModuleId, RecordType, Type, TypeId};
use crate::errors::{self, Hint};
use crate::names::Name;
use crate::program::{Parsed, may_define};

/// What a file calls a type.
pub(super) enum TypeItem<'a, 't> {
    Record(TypeId),
    Alias { tree: &'a ast::Type<'t>, resolving: bool, resolved: Option<Type> },
}

impl<'a, 't> Resolver<'a, 't> {
    /// Gives every `record` and `type` item of every file its meaning, before any body is looked at.
    pub(super) fn declare_types(&mut self) {
        for module in 0..self.parsed.len() {
            self.enter(module);
            for item in &self.parsed[module].tree.items {
                let (name, meaning) = match &item.kind {
                    ItemKind::Record { name, extends, body } => {
                        self.records.push(RecordItem { module: self.module, name, extends: extends.as_deref(), body });
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
    pub(super) fn record_types(&mut self) -> Vec<RecordType> {
        let records = self.records.clone();
        let bases = records.iter().map(|record| {
            self.enter(record.module.0 as usize);
            record.extends.and_then(|path| self.base_type(path))
        });
        let bases = bases.collect();
        self.bases = self.without_rings(bases);
        let mut types = Vec::with_capacity(records.len());
        for (number, &RecordItem { module, name, body, extends: written }) in records.iter().enumerate() {
            let extends = self.bases[number];
            self.enter(module.0 as usize);
            self.push_file_scope();
            let mut body = self.body(extends.map_or(Base::Nothing, Base::Type), &body.items, self.place(body.span));
            if written.is_some() && extends.is_none() {
                body.lost.push(self.place(Span::default())); // What the base declares.
            }
            types.push(RecordType { name: self.names.intern(name.text), module, extends, body });
        }
        types
    }

    /// Returns the record type that `import.name` means.
    pub(super) fn type_of_import(&self, import: &Expr, name: Name) -> Option<TypeId> {
        let ExprKind::Module(module) = import.kind else { return None };
        match self.types.get(&(module, name))? {
            TypeItem::Record(ty) => Some(*ty),
            TypeItem::Alias { .. } => None,
        }
    }

    /// Whether a record type, or one that it extends, declares the field `name`.
    pub(super) fn declares(&self, ty: TypeId, name: &str) -> bool {
        let mut next = Some(ty);
        while let Some(TypeId(id)) = next {
            let items = &self.records[id as usize].body.items;
            if items
                .iter()
                .any(|item| matches!(&item.kind, ItemKind::Declare { name: field, .. } if field.text == name))
            {
                return true;
            }
            next = self.bases.get(id as usize).copied().flatten();
        }
        false
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
    fn without_rings(&mut self, mut bases: Vec<Option<TypeId>>) -> Vec<Option<TypeId>> {
        for start in 0..bases.len() {
            let mut ring = vec![start];
            while let Some(TypeId(next)) = bases[ring[ring.len() - 1]] {
                ring.push(next as usize);
                if next as usize == start {
                    let names: Vec<&str> = ring.iter().map(|&id| self.records[id].name.text).collect();
                    let RecordItem { module, name, .. } = self.records[start];
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

    pub(super) fn ty(&mut self, tree: &ast::Type<'_>) -> Type {
        match &tree.kind {
            ast::TypeKind::Name(path) => self.named_type(path, self.place(tree.span)).unwrap_or(Type::Any),
            ast::TypeKind::Apply(name, arguments) => self.applied_type(name, arguments),
            ast::TypeKind::Symbol(text) => Type::Member(self.names.intern(text)),
            ast::TypeKind::None => Type::None,
            ast::TypeKind::Union(members) => union(members.iter().map(|member| self.ty(member)).collect()),
            ast::TypeKind::Function(parameters, result) => {
                let parameters = parameters.iter().map(|ty| self.ty(ty)).collect();
                Type::Function(parameters, result.as_ref().map(|ty| Box::new(self.ty(ty))))
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
                None if self.is_failed_import(import.text) => return None,
                None => {
                    let imports = self.parsed[self.module.0 as usize].imports.iter().map(|(name, _)| name.text);
                    let near = crate::names::nearest(import.text, imports);
                    let hint = near.map_or(Hint::None, |near| Hint::Near(near.to_owned()));
                    self.report(errors::unknown_name(import.text, hint, self.place(import.span)));
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
            None if self.may_declare_type(module, name.text) => None,
            None => {
                let of_import = (path.len() == 1).then(|| self.type_of_any_import(key.1)).flatten();
                if let Some(of_import) = of_import {
                    let unknown = errors::unknown_type(name.text, Some(&of_import), self.place(name.span));
                    self.report(unknown);
                    return None;
                }
                let known = if self.may_guess() { self.type_names(module) } else { Vec::new() };
                self.report(errors::unknown_type(
                    name.text,
                    crate::names::nearest(name.text, known.iter().map(String::as_str)),
                    self.place(name.span),
                ));
                None
            }
        }
    }

    /// Returns how a type is named that an import of the file declares.
    fn type_of_any_import(&self, name: Name) -> Option<String> {
        let imports = &self.parsed[self.module.0 as usize].imports;
        let (import, _) = imports.iter().find(|(_, module)| self.types.contains_key(&(*module, name)))?;
        Some(format!("{}.{}", import.text, self.names.text(name)))
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
        let mut ty = self.ty(tree);
        if size(&ty, 0).is_none() {
            let name = self.names.text(key.1).to_owned();
            self.report(errors::type_too_large(&name, MOST_PARTS, DEEPEST, self.place(tree.span)));
            ty = Type::Any;
        }
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

    /// Whether a file has text that could not be understood and may declare a type of this name.
    fn may_declare_type(&self, module: ModuleId, name: &str) -> bool {
        let Parsed { text, tree, .. } = &self.parsed[module.0 as usize];
        let mut lost = tree.items.iter().filter(|item| matches!(item.kind, ItemKind::Error));
        lost.any(|item| may_define(text, item.span, name))
    }

    fn imported(&mut self, text: &str) -> Option<ModuleId> {
        let name = self.names.intern(text);
        self.used.insert((self.module, name));
        self.imports[self.module.0 as usize].get(&name).copied()
    }
}

/// How many types the type that a name stands for may consist of.
const MOST_PARTS: usize = 4096;
/// How deep types may be in one another; as brackets may.
const DEEPEST: usize = 256;

/// Returns of how many types a type consists that is `depth` types deep in another; none if they are too many or too deep.
fn size(ty: &Type, depth: usize) -> Option<usize> {
    if depth > DEEPEST {
        return None;
    }
    let parts: Vec<&Type> = match ty {
        Type::List(part) | Type::Map(part) | Type::Key(part) => vec![part],
        Type::Union(members) => members.iter().collect(),
        Type::Function(parameters, result) => parameters.iter().chain(result.as_deref()).collect(),
        _ => Vec::new(),
    };
    parts.iter().try_fold(1, |sum: usize, part| Some(sum + size(part, depth + 1)?).filter(|sum| *sum <= MOST_PARTS))
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

/// Returns the union of types. What is inside a list or a map does not tell which one is meant, so `List(A) | List(B)` is
/// `List(A | B)`.
fn union(members: Vec<Type>) -> Type {
    let mut distinct: Vec<Type> = Vec::with_capacity(members.len());
    for member in members {
        let merged = distinct.iter_mut().any(|known| match (known, &member) {
            (Type::List(known), Type::List(more)) | (Type::Map(known), Type::Map(more)) => {
                let both = vec![std::mem::replace(&mut **known, Type::Any), (**more).clone()];
                **known = union(both);
                true
            }
            (known, member) => known == member,
        });
        if !merged {
            distinct.push(member);
        }
    }
    if distinct.len() == 1 { distinct.remove(0) } else { Type::Union(distinct) }
}
