//! Name resolution: syntax trees -> code.
//!
//! The text decides what a name means: the nearest parameter, `let` or sibling field, then the imports, then the
//! prelude; and every definition of a name is skipped inside its own definition. A scope here is a frame at run
//! time, so a variable is how many scopes out its name was found. What can be seen without evaluating is reported
//! from here: unknown names, doubled definitions, types that are not there.

mod bodies;
mod doubled;
mod expressions;
mod scopes;
mod types;

use gravure_lang::{Diagnostic, FileId, Place, Span, ast};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::code::{Body, Edit, Let, Module, ModuleId, Override, RecordType, TypeId};
use crate::errors;
use crate::names::{Name, Names};
use crate::program::{IMAGE, Parsed, Said, SaidWhat};
use doubled::field_of;
use scopes::{Base, Meaning, Scope};
use types::TypeItem;

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
    resolver.report_unused();
    Resolved { names: resolver.names, modules, types, diagnostics: resolver.diagnostics }
}

/// A `record` item of a file.
#[derive(Clone, Copy)]
struct RecordItem<'a, 't> {
    module: ModuleId,
    name: &'a ast::Name<'t>,
    extends: Option<&'a [ast::Name<'t>]>,
    body: &'a ast::Body<'t>,
}

struct Resolver<'a, 't> {
    parsed: &'a [Parsed<'t>],
    names: Names,
    types: FxHashMap<(ModuleId, Name), TypeItem<'a, 't>>,
    /// The `record` items in order, and what they extend.
    records: Vec<RecordItem<'a, 't>>,
    bases: Vec<Option<TypeId>>,
    imports: Vec<FxHashMap<Name, ModuleId>>,
    diagnostics: Vec<Diagnostic>,
    /// Where resolution is now.
    module: ModuleId,
    file: FileId,
    scopes: Vec<Scope>,
    /// Private names, locals and imports that something mentions.
    used: FxHashSet<(ModuleId, Name)>,
    /// All that there are, and where; of items what would have to go.
    private: Vec<(ModuleId, Name, Place, Option<Place>)>,
    /// Whether names of modules of the library are known without an import.
    sees_library: bool,
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
            bases: Vec::new(),
            imports,
            diagnostics: Vec::new(),
            module: ModuleId(0),
            file: FileId(0),
            scopes: Vec::new(),
            used: FxHashSet::default(),
            private: Vec::new(),
            sees_library: false,
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

    /// Reports what only its own file could use, and nothing does, unless its name begins with `_`.
    fn report_unused(&mut self) {
        for (module, name, place, item) in std::mem::take(&mut self.private) {
            if !self.used.contains(&(module, name)) && !self.names.text(name).starts_with('_') {
                let unused = errors::unused(self.names.text(name), place, item);
                self.report(unused);
            }
        }
    }

    fn module(&mut self, module: usize) -> Module {
        self.enter(module);
        self.trail = Some(Vec::new());
        let parsed = &self.parsed[module];
        self.refuse_doubled_imports(parsed);
        let place = self.place(Span::new(0, parsed.text.len()));
        let body = self.body(Base::Nothing, &parsed.tree.items, place);
        let overrides = parsed.overrides.iter().map(|said| self.overridden(said)).collect();
        Module { path: parsed.path.clone(), doc: parsed.tree.doc.join("\n"), body, overrides }
    }

    /// Resolves what the command line puts on the file: it sees the fields of the file, as they are in the end, its imports and the
    /// library.
    fn overridden(&mut self, said: &Said<'_>) -> Override {
        let file = std::mem::replace(&mut self.file, said.file);
        self.sees_library = true;
        let mut body = Body::empty(self.place(Span::default()));
        let mut of_images = None;
        let is_body = matches!(said.what, SaidWhat::Items(_));
        let mut scope = Scope::body(if is_body { Base::Unknown } else { Base::Nothing });
        for field in self.parsed[self.module.0 as usize].tree.items.iter().filter_map(|item| field_of(&item.kind)) {
            scope.add(self.names.intern(field.text), Meaning::Field { edits: 0 });
        }
        self.scopes.push(scope);
        match &said.what {
            SaidWhat::Expression(expr) => {
                let value = self.off_trail(|resolver| resolver.expr(expr));
                body.lets.push(Let { name: self.names.intern(""), value });
            }
            SaidWhat::Items(items) => {
                for item in items {
                    self.override_item(item, &mut body, &mut of_images);
                }
            }
        }
        self.scopes.pop();
        self.sees_library = false;
        self.file = file;
        Override { body, of_images }
    }

    fn override_item(&mut self, item: &ast::Item<'_>, body: &mut Body, of_images: &mut Option<Body>) {
        let (ast::ItemKind::Define { path, .. } | ast::ItemKind::Deepen { path, .. }) = &item.kind else {
            return self.report(errors::no_override(self.place(item.span)));
        };
        let is_of_file = self.scopes[0].contains(self.names.intern(path.name.text));
        let Some(definition) = self.definition(item, &item.kind) else { return };
        match definition.edit {
            Some(Edit::Deepen(images)) if path.name.text == IMAGE && !is_of_file => *of_images = Some(*images),
            _ => body.definitions.push(definition),
        }
    }
}
