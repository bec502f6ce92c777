//! Scopes: which definition in the text a bare name, `self` and `super` mean.

use gravure_lang::{Place, Span, ast};
use rustc_hash::FxHashMap;

use super::Resolver;
use super::doubled::{field_of, named_by};
use super::types::TypeItem;
use crate::builtins::Builtin;
use crate::code::{ExprKind, ModuleId, TypeId};
use crate::errors::{self, Hint, OwnName};
use crate::names::Name;
use crate::program::{Parsed, may_define};

/// The names of one frame.
#[derive(Default)]
pub(super) struct Scope {
    /// The names in the order of the text with what they mean. Most scopes have few, which are looked through.
    names: Vec<(Name, Meaning)>,
    /// Where each name stands first, if there are many.
    positions: FxHashMap<Name, usize>,
    /// Whether a name stands there twice.
    pub has_doubled: bool,
    /// The name whose definition is being resolved: skipped.
    pub hidden: Option<Name>,
    /// Of the frame of a body, whose record `self` and `super` mean: what the body is put on.
    base: Option<Base>,
    /// Where items stand that could not be understood, and so define nobody knows what.
    pub lost: Vec<Span>,
}

/// What a body is put on.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Base {
    /// Nothing: it is a file, a record without a type, or a type that extends none.
    Nothing,
    /// Whatever it may be.
    Unknown,
    /// A record type.
    Type(TypeId),
}

/// So many names are looked through faster than they are hashed.
const FEW: usize = 16;

/// What a scope means by a name.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Meaning {
    /// A field that the text of a body defines, and by how many edits up to here.
    Field {
        /// How many.
        edits: u32,
    },
    /// A private name of a body.
    Private(u32),
    /// A parameter or another local name.
    Local(u32),
}

impl Scope {
    pub(super) fn body(base: Base) -> Scope {
        Scope { base: Some(base), ..Scope::default() }
    }

    /// Adds a name; a doubled one keeps its first meaning.
    pub(super) fn add(&mut self, name: Name, meaning: Meaning) {
        self.has_doubled |= self.contains(name);
        self.names.push((name, meaning));
        let first = if self.names.len() == FEW + 1 { 0 } else { self.names.len() - 1 };
        if self.names.len() > FEW {
            for (position, &(name, _)) in self.names.iter().enumerate().skip(first) {
                self.positions.entry(name).or_insert(position);
            }
        }
    }

    pub(super) fn contains(&self, name: Name) -> bool {
        self.position(name).is_some()
    }

    fn position(&self, name: Name) -> Option<usize> {
        if self.names.len() > FEW {
            return self.positions.get(&name).copied();
        }
        self.names.iter().position(|&(other, _)| other == name)
    }

    fn meaning(&self, name: Name) -> Option<&Meaning> {
        self.position(name).map(|position| &self.names[position].1)
    }

    /// Counts one more edit of a field.
    pub(super) fn count_edit(&mut self, name: Name) {
        if let Some(position) = self.position(name)
            && let Meaning::Field { edits } = &mut self.names[position].1
        {
            *edits += 1;
        }
    }

    /// Returns how many edits of the field `name` stand in the body above the one that is being resolved.
    fn earlier_edits(&self, name: Name) -> u32 {
        match self.meaning(name) {
            Some(Meaning::Field { edits }) if self.hidden == Some(name) => *edits,
            _ => 0,
        }
    }
}

impl<'a, 't> Resolver<'a, 't> {
    pub(super) fn with_locals<T>(&mut self, names: &[ast::Name<'_>], inside: impl FnOnce(&mut Self) -> T) -> T {
        let mut scope = Scope::default();
        for (slot, name) in names.iter().enumerate() {
            scope.add(self.names.intern(name.text), Meaning::Local(slot as u32));
        }
        self.scopes.push(scope);
        let result = inside(self);
        self.scopes.pop();
        result
    }

    /// Runs `inside` while `name` of the innermost scope is skipped.
    pub(super) fn hiding<T>(&mut self, name: Name, inside: impl FnOnce(&mut Self) -> T) -> T {
        let depth = self.scopes.len() - 1;
        let before = self.scopes[depth].hidden.replace(name);
        let result = inside(self);
        self.scopes[depth].hidden = before;
        result
    }

    pub(super) fn name(&mut self, text: &str, place: Place) -> ExprKind {
        let name = self.names.intern(text);
        let mut hidden = None;
        for (depth, scope) in self.scopes.iter().rev().enumerate() {
            let depth = depth as u32;
            match scope.meaning(name) {
                None if self.may_be_lost(scope, text) => return ExprKind::Unknown,
                None => {}
                Some(&Meaning::Local(slot)) => {
                    self.used.insert((self.module, name));
                    return ExprKind::Local { depth, slot };
                }
                Some(&meaning) if scope.hidden == Some(name) => {
                    let is_field = matches!(meaning, Meaning::Field { .. });
                    hidden = hidden.or(Some(match scope.base {
                        Some(Base::Unknown | Base::Type(_)) if is_field => OwnName::Overridden,
                        _ if self.is_function_of_file(text) => OwnName::Function,
                        _ => OwnName::Other,
                    }));
                }
                Some(&Meaning::Private(slot)) => {
                    self.used.insert((self.module, name));
                    return ExprKind::Private { depth, slot };
                }
                Some(Meaning::Field { .. }) => return self.sibling(name, text, depth, place),
            }
        }
        if let Some(&module) = self.imports[self.module.0 as usize].get(&name) {
            self.used.insert((self.module, name));
            return ExprKind::Module(module);
        }
        if self.is_failed_import(text) {
            return ExprKind::Unknown;
        }
        if let Some(module) = self.module_of_library(text).filter(|_| self.sees_library) {
            return ExprKind::Module(module);
        }
        if let Some(builtin) = Builtin::named(text) {
            return ExprKind::Builtin(builtin);
        }
        let diagnostic = match hidden {
            Some(meant) => errors::own_name(text, meant, place),
            None => errors::unknown_name(text, self.hint(text), place),
        };
        self.report(diagnostic);
        ExprKind::Unknown
    }

    /// Whether the file has `name = fn(..) => ..`.
    fn is_function_of_file(&self, name: &str) -> bool {
        let value = |kind: &ast::ItemKind<'_>| match kind {
            ast::ItemKind::Define { value, .. } | ast::ItemKind::Let { value, .. } => {
                matches!(value.kind, ast::ExprKind::Function(_))
            }
            _ => false,
        };
        let items = &self.parsed[self.module.0 as usize].tree.items;
        items.iter().any(|item| value(&item.kind) && named_by(&item.kind).is_some_and(|own| own.text == name))
    }

    /// Whether a scope may have a name from an item that could not be understood.
    fn may_be_lost(&self, scope: &Scope, name: &str) -> bool {
        let text = self.parsed[self.module.0 as usize].text;
        scope.lost.iter().any(|&span| may_define(text, span, name))
    }

    /// Returns the module of the library whose path ends with this name.
    fn module_of_library(&self, name: &str) -> Option<ModuleId> {
        let is_it = |module: &Parsed<'_>| {
            module.path.strip_prefix("std/").is_some_and(|path| path == name || path.ends_with(&format!("/{name}")))
        };
        self.parsed.iter().position(is_it).map(|number| ModuleId(number as u32))
    }

    /// Whether it is the name of an import that there is no file for.
    pub(super) fn is_failed_import(&self, name: &str) -> bool {
        self.parsed[self.module.0 as usize].failed.iter().any(|import| import.text == name)
    }

    fn sibling(&mut self, name: Name, text: &str, depth: u32, place: Place) -> ExprKind {
        let is_file_item = depth as usize + 1 == self.scopes.len();
        if !is_file_item && self.imports[self.module.0 as usize].contains_key(&name) {
            let is_of_self = self.innermost_body() == Some(depth);
            self.report(errors::sibling_or_import(text, is_of_self, place));
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

    /// Whether what a wrong name was meant to be is guessed: for so many of a run, since a guess looks at all names that there are.
    pub(super) fn may_guess(&self) -> bool {
        self.diagnostics.len() <= MOST_GUESSES
    }

    /// Guesses what an unknown name was meant to be.
    fn hint(&self, text: &str) -> Hint {
        let base = self.innermost_scope().and_then(|scope| scope.base);
        if let Some(Base::Type(ty)) = base
            && self.declares(ty, text)
        {
            return Hint::OfBase;
        }
        if !self.may_guess() {
            return Hint::None;
        }
        if let Some(exported) = self.exported(text) {
            return exported;
        }
        if let Some((_, own)) = FOREIGN_NAMES.iter().find(|(foreign, _)| *foreign == text) {
            return Hint::Near((*own).to_owned());
        }
        let visible = self.visible_names();
        if let Some(difference) = difference(text, &visible) {
            return Hint::Near(difference);
        }
        match crate::names::nearest(text, visible.into_iter().filter(|&name| name != text)) {
            Some(near) => Hint::Near(near.to_owned()),
            None if base != Some(Base::Nothing) => Hint::MaybeOfBase,
            None => Hint::None,
        }
    }

    /// Returns which import, there or to be added, has this name.
    fn exported(&self, text: &str) -> Option<Hint> {
        let exports = |module: usize| {
            let items = &self.parsed[module].tree.items;
            items.iter().any(|item| field_of(&item.kind).is_some_and(|field| field.text == text))
        };
        let imports = &self.parsed[self.module.0 as usize].imports;
        if let Some((alias, _)) = imports.iter().find(|(_, module)| exports(module.0 as usize)) {
            return Some(Hint::Near(format!("{}.{text}", alias.text)));
        }
        let found =
            (0..self.parsed.len()).find(|&module| self.parsed[module].path.starts_with("std/") && exports(module))?;
        let path = self.parsed[found].path.clone();
        let last = path.rsplit('/').next().unwrap_or(&path).to_owned();
        let alias = if self.visible_names().contains(&&*last) { format!("std-{last}") } else { last };
        Some(Hint::Import(path, alias, self.place_for_import()))
    }

    /// Returns where one more import can stand: before the others, else behind what documents the file.
    fn place_for_import(&self) -> Place {
        let Parsed { text, tree, .. } = &self.parsed[self.module.0 as usize];
        let first = tree.items.iter().find(|item| matches!(item.kind, ast::ItemKind::Import { .. }));
        let at = match first {
            Some(import) => text[..import.span.start as usize].rfind('\n').map_or(0, |end| end + 1),
            None if tree.doc.is_empty() => 0,
            None => text.find("\n\n").map_or(text.len(), |end| end + 2),
        };
        self.place(Span::new(at, at))
    }

    /// Returns every name that could stand here.
    fn visible_names(&self) -> Vec<&str> {
        let scopes = self.scopes.iter().flat_map(|scope| &scope.names);
        let imports = self.parsed[self.module.0 as usize].imports.iter().map(|(name, _)| name.text);
        let prelude = Builtin::names().map(|name| -> &str { name });
        let library = self.parsed.iter().filter(|_| self.sees_library).filter_map(|module| {
            let path = module.path.strip_prefix("std/")?;
            Some(path.rsplit('/').next().unwrap_or(path))
        });
        scopes.map(|&(name, _)| self.names.text(name)).chain(imports).chain(prelude).chain(library).collect()
    }

    /// Returns how many scopes out the innermost body is.
    fn innermost_body(&self) -> Option<u32> {
        self.scopes.iter().rev().position(|scope| scope.base.is_some()).map(|depth| depth as u32)
    }

    fn innermost_scope(&self) -> Option<&Scope> {
        self.scopes.iter().rev().find(|scope| scope.base.is_some())
    }

    pub(super) fn self_record(&mut self) -> ExprKind {
        let depth = self.innermost_body().expect("a file is a body around every expression");
        ExprKind::SelfRecord { depth }
    }

    pub(super) fn super_field(&mut self, name: &ast::Name<'_>) -> ExprKind {
        let place = self.place(name.span);
        let name = self.names.intern(name.text);
        let depth = self.innermost_body().expect("a file is a body around every expression");
        let earlier = self.innermost_scope().map_or(0, |scope| scope.earlier_edits(name));
        ExprKind::Super { depth, name, earlier, place }
    }
}

/// What other languages call values, and what these are called here.
const FOREIGN_NAMES: [(&str, &str); 6] =
    [("null", "none"), ("nil", "none"), ("None", "none"), ("undefined", "none"), ("True", "true"), ("False", "false")];

/// For how many mistakes of a run names are guessed.
const MOST_GUESSES: usize = 200;

/// Returns a subtraction that was written without blanks, and so became a name.
fn difference(text: &str, visible: &[&str]) -> Option<String> {
    let is_operand = |part: &str| visible.contains(&part) || part.bytes().all(|byte| byte.is_ascii_digit());
    let (left, right) = text.rsplit_once('-')?;
    (visible.contains(&left) && is_operand(right)).then(|| format!("{left} - {right}"))
}
