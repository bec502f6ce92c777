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
use rustc_hash::FxHashMap;

use crate::code::{Module, ModuleId, RecordType, TypeId};
use crate::names::{Name, Names};
use crate::program::Parsed;
use scopes::{Base, Scope};
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

    fn module(&mut self, module: usize) -> Module {
        self.enter(module);
        self.trail = Some(Vec::new());
        let parsed = &self.parsed[module];
        self.refuse_doubled_imports(parsed);
        let place = self.place(Span::new(0, parsed.text.len()));
        let body = self.body(Base::Nothing, &parsed.tree.items, place);
        Module { path: parsed.path.clone(), doc: parsed.tree.doc.join("\n"), body }
    }
}
