//! What one body may say about a name: it has one meaning, and a field one `=`, which comes before its edits.

use gravure_lang::Span;
use gravure_lang::ast::{self, ExprKind as Tree, ItemKind};
use rustc_hash::FxHashMap;

use super::Resolver;
use crate::errors;
use crate::program::Parsed;

/// What the items of a body have said so far. Paths are written as a person would write them: `a.b["key"]`.
#[derive(Default)]
struct Said {
    /// Paths with a `=`.
    set: FxHashMap<String, Mention>,
    /// Paths whose value, or something inside it, has been edited.
    edited: FxHashMap<String, Mention>,
}

/// Where a body says something first.
#[derive(Clone, Copy)]
struct Mention {
    /// The number of the item of the body, so that a body inside it is left to its own turn.
    item: usize,
    span: Span,
}

impl<'a, 't> Resolver<'a, 't> {
    /// Reports imports whose name another import or an item of the file has too.
    pub(super) fn refuse_doubled_imports(&mut self, parsed: &Parsed<'_>) {
        for (i, (name, _)) in parsed.imports.iter().enumerate() {
            if let Some((first, _)) = parsed.imports[..i].iter().find(|(other, _)| other.text == name.text) {
                self.report(errors::doubled(name.text, self.place(name.span), self.place(first.span)));
            }
        }
        let imports: FxHashMap<&str, Span> = parsed.imports.iter().map(|(name, _)| (name.text, name.span)).collect();
        for name in parsed.tree.items.iter().filter_map(|item| named_by(&item.kind)) {
            if let Some(&import) = imports.get(name.text) {
                self.report(errors::doubled(name.text, self.place(name.span), self.place(import)));
            }
        }
    }

    /// Reports names that one body defines twice, and `x = e` behind an edit of `x`.
    pub(super) fn refuse_doubled_definitions(&mut self, items: &[ast::Item<'_>]) {
        self.refuse_doubled_lets(items);
        let mut said = Said::default();
        for (number, item) in items.iter().enumerate() {
            self.mention(&mut said, "", item, number);
        }
    }

    /// A `let` has its name for itself.
    fn refuse_doubled_lets(&mut self, items: &[ast::Item<'_>]) {
        let mut lets: FxHashMap<&str, Span> = FxHashMap::default();
        let mut fields: FxHashMap<&str, Span> = FxHashMap::default();
        for item in items {
            let (private, field) = (private_of(&item.kind), field_of(&item.kind));
            let Some(name) = private.or(field) else { continue };
            let first = if private.is_some() { fields.get(name.text) } else { None };
            if let Some(&first) = first.or(lets.get(name.text)) {
                self.report(errors::doubled(name.text, self.place(name.span), self.place(first)));
            }
            let names = if private.is_some() { &mut lets } else { &mut fields };
            names.entry(name.text).or_insert(name.span);
        }
    }

    /// Takes in what an item says about the field `prefix` and what is inside it.
    fn mention(&mut self, said: &mut Said, prefix: &str, item: &ast::Item<'_>, number: usize) {
        let (leaf, span) = match &item.kind {
            ItemKind::Define { path, .. } | ItemKind::Deepen { path, .. } => {
                let mention = Mention { item: number, span: path.span };
                let mut leaf = format!("{prefix}{}", path.name.text);
                for step in &path.steps {
                    said.edited.entry(leaf.clone()).or_insert(mention);
                    leaf.push_str(&step_text(step));
                }
                (leaf, path.span)
            }
            kind => match field_of(kind) {
                Some(name) => (format!("{prefix}{}", name.text), name.span),
                None => return,
            },
        };
        let mention = Mention { item: number, span };
        match &item.kind {
            ItemKind::Define { operator: ast::Operator::Append | ast::Operator::Remove, .. } => {
                said.edited.entry(leaf).or_insert(mention);
            }
            ItemKind::Deepen { body, .. } => {
                let inside = format!("{leaf}.");
                said.edited.entry(leaf).or_insert(mention);
                for item in &body.items {
                    self.mention(said, &inside, item, number);
                }
            }
            _ => self.mention_set(said, leaf, mention),
        }
    }

    fn mention_set(&mut self, said: &mut Said, leaf: String, mention: Mention) {
        let elsewhere = |earlier: Option<&Mention>| earlier.filter(|earlier| earlier.item != mention.item).copied();
        if let Some(first) = elsewhere(said.set.get(&leaf)) {
            self.report(errors::doubled(&leaf, self.place(mention.span), self.place(first.span)));
        } else if let Some(edit) = elsewhere(said.edited.get(&leaf)) {
            self.report(errors::set_after_edit(&leaf, self.place(mention.span), self.place(edit.span)));
        }
        said.set.entry(leaf).or_insert(mention);
    }
}

/// Returns the field that an item is about.
pub(super) fn field_of<'t>(kind: &ItemKind<'t>) -> Option<ast::Name<'t>> {
    match kind {
        ItemKind::Define { path, .. } | ItemKind::Deepen { path, .. } => Some(path.name),
        ItemKind::Declare { name, .. } | ItemKind::Function { name, .. } | ItemKind::Record { name, .. } => Some(*name),
        ItemKind::TypeAlias { name, .. } => Some(*name),
        ItemKind::Import { .. } | ItemKind::Let { .. } | ItemKind::Check { .. } | ItemKind::Error => None,
    }
}

/// Returns the field or the private name that an item is about.
pub(super) fn named_by<'t>(kind: &ItemKind<'t>) -> Option<ast::Name<'t>> {
    field_of(kind).or(private_of(kind))
}

/// Returns the private name that an item defines.
fn private_of<'t>(kind: &ItemKind<'t>) -> Option<ast::Name<'t>> {
    match kind {
        ItemKind::Let { name, .. } => Some(*name),
        _ => None,
    }
}

/// Returns a step of a path as a person would write it; keys that are no literals differ from all others.
fn step_text(step: &ast::Step<'_>) -> String {
    match step {
        ast::Step::Field(name) => format!(".{}", name.text),
        ast::Step::Key(ast::Expr { kind: Tree::Text(pieces), span }) => match &pieces[..] {
            [ast::Piece::Text(key)] => format!("[{}]", gravure_lang::quote(key)),
            _ => format!("[#{}]", span.start),
        },
        ast::Step::Key(key) => format!("[#{}]", key.span.start),
    }
}
