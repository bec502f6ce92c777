//! A program: all modules of a run, resolved, shared by every evaluator.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use gravure_lang::{Diagnostic, FileId, Place, SourceMap, Span, ast};
use rayon::prelude::*;

use crate::code::{Module, ModuleId, RecordType, TypeId};
use crate::limits::{Limits, with_stack};
use crate::names::{Name, Names};
use crate::{check, errors, resolve};

/// The door to the sources: the only thing outside that loading a program asks for.
pub trait World: Sync {
    /// Returns the source that `path` names in an import of the module `from`, or on the command line (`from` is none).
    ///
    /// # Errors
    /// A sentence that says why there is none: it is not there, lies outside the project, is no regular file.
    fn source(&self, from: Option<&str>, path: &str) -> Result<Source, String>;
}

/// A source text as it was found.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its one name in this run: two imports of one file give the same.
    pub path: String,
    /// Its bytes, undecoded.
    pub bytes: Arc<[u8]>,
}

/// All modules of a run, resolved.
#[derive(Debug)]
pub struct Program {
    /// The source texts.
    pub sources: SourceMap,
    /// The names.
    pub names: Names,
    pub(crate) modules: Vec<Module>,
    pub(crate) types: Vec<RecordType>,
    /// Modules by the paths of their sources.
    by_path: BTreeMap<String, ModuleId>,
    /// The module on which the expression of the command line is, as its last override.
    pub(crate) expression: Option<ModuleId>,
    /// Warnings found on the way.
    pub warnings: Vec<Diagnostic>,
}

/// Why there is no program: the mistakes with the sources they point into.
#[derive(Debug)]
pub struct LoadError {
    /// The source texts read so far.
    pub sources: SourceMap,
    /// The mistakes in source order.
    pub diagnostics: Vec<Diagnostic>,
    /// Files named on the command line that could not be read: their name and why.
    pub missing: Vec<(String, String)>,
}

/// A module that has been read, with its tree and what its imports mean; not yet resolved.
pub(crate) struct Parsed<'t> {
    pub path: String,
    pub file: FileId,
    /// Its text; empty where its bytes are none.
    pub text: &'t str,
    pub is_decoded: bool,
    /// Its tree; not understood where it could not be decoded, or was not parsed since there are too many files.
    pub tree: ast::File<'t>,
    /// The modules of its imports, by the names that the file gives them.
    pub imports: Vec<(ast::Name<'t>, ModuleId)>,
    /// The names of the imports that there is no file for.
    pub failed: Vec<ast::Name<'t>>,
    /// What the command line puts on it.
    pub overrides: Vec<Said<'t>>,
}

/// What one argument of the command line says.
pub(crate) struct Said<'t> {
    /// Its text.
    pub file: FileId,
    pub what: SaidWhat<'t>,
}

pub(crate) enum SaidWhat<'t> {
    Items(Vec<ast::Item<'t>>),
    Expression(ast::Expr<'t>),
}

/// What overrides call the images that a file stands for.
pub(crate) const IMAGE: &str = "image";
/// What messages call the texts of overrides, and of the expression.
const SETTING: &str = "--set";
const OPTION: &str = "-e";
/// The path of the module that an expression without a file is in.
pub const EXPRESSION: &str = "expression";

/// What a program is made of: files, and what the command line says of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// The files of the run.
    pub files: &'a [&'a str],
    /// Modules of the library that are there whether or not a file imports them.
    pub library: &'a [&'a str],
    /// Texts such as `my-os.timezone = "UTC"`: each is a body that is put on every file, the last on top. What such a text says of
    /// `image` is put on each image that a file stands for, unless the file has a field of this name.
    pub overrides: &'a [String],
    /// The text of an expression that sees what the first file sees, the file's fields and the library; without a file only that.
    pub expression: Option<&'a str>,
    /// How far it may go.
    pub limits: Limits,
}

/// Whether text that could not be understood, at `span`, may define `name`: it is one of its words. An empty span may define
/// anything.
pub(crate) fn may_define(text: &str, span: Span, name: &str) -> bool {
    let is_letter = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '?');
    span.start == span.end || text[span.range()].split(|c| !is_letter(c)).any(|word| word == name)
}

impl Program {
    /// Loads files within the usual limits, and nothing else.
    ///
    /// # Errors
    /// As [`Program::load_request`].
    pub fn load(world: &dyn World, files: &[&str]) -> Result<Program, LoadError> {
        Program::load_request(world, &Request { files, ..Request::default() })
    }

    /// Reads files and everything they import, resolves every name, and checks what the text decides.
    ///
    /// # Errors
    /// All mistakes of all files, with the warnings, in the order of the text. What a mistake hides is not spoken of: a name that a
    /// wrong item may define, what an import would have had that failed.
    pub fn load_request(world: &dyn World, request: &Request<'_>) -> Result<Program, LoadError> {
        let texts = bumpalo::Bump::new();
        let mut loader = Loader::new(world, &texts, &request.limits);
        let (mut missing, mut files) = (Vec::new(), Vec::new());
        for path in request.files {
            match world.source(None, path) {
                Ok(source) => files.push(loader.add(source)),
                Err(why) => missing.push((path.to_string(), why)),
            }
        }
        for path in request.library {
            match world.source(None, path) {
                Ok(source) => drop(loader.add(source)),
                Err(why) => missing.push((path.to_string(), why)),
            }
        }
        let expression = request.expression.map(|text| {
            let nothing = || Source { path: EXPRESSION.to_owned(), bytes: Arc::default() };
            let module = files.first().copied().unwrap_or_else(|| loader.add(nothing()));
            (module, text)
        });
        loader.follow_imports();
        files.sort_unstable();
        files.dedup();
        request.overrides.iter().for_each(|text| loader.override_files(&files, text));
        if let Some((module, text)) = expression {
            loader.add_expression(module, text);
        }
        loader.refuse_rings();
        let Loader { sources, parsed, by_path, mut diagnostics, .. } = loader;
        let resolved = with_stack(|| resolve::resolve(&parsed));
        diagnostics.extend(resolved.diagnostics);
        let resolve::Resolved { names, modules, types, .. } = resolved;
        let expression = expression.map(|(module, _)| module);
        let mut program = Program { sources, names, modules, types, by_path, expression, warnings: Vec::new() };
        diagnostics.extend(check::check(&program));
        in_source_order(&mut diagnostics);
        if diagnostics.iter().any(is_error) {
            // What is wrong may have been meant to use it.
            diagnostics.retain(|diagnostic| diagnostic.code != errors::UNUSED);
        }
        if missing.is_empty() && !diagnostics.iter().any(is_error) {
            program.warnings = diagnostics;
            return Ok(program);
        }
        Err(LoadError { sources: program.sources, diagnostics, missing })
    }

    /// Returns the module whose source has this path.
    pub fn module(&self, path: &str) -> Option<ModuleId> {
        self.by_path.get(path).copied()
    }

    /// Returns all modules with their paths, in the order of the paths.
    pub fn modules(&self) -> impl Iterator<Item = (&str, ModuleId)> {
        self.by_path.iter().map(|(path, &id)| (path.as_str(), id))
    }

    /// Returns the path of a module.
    pub fn module_path(&self, module: ModuleId) -> &str {
        &self.modules[module.0 as usize].path
    }

    /// Returns the name with this text, if the program has it.
    pub fn name(&self, text: &str) -> Option<Name> {
        self.names.find(text)
    }

    /// Returns the text of a name.
    pub fn text(&self, name: Name) -> &str {
        self.names.text(name)
    }

    /// Returns the declared type named `name` of the module at `path`.
    pub fn record_type(&self, path: &str, name: &str) -> Option<TypeId> {
        let module = self.module(path)?;
        let name = self.names.find(name)?;
        let found = self.types.iter().position(|ty| ty.module == module && ty.name == name)?;
        Some(TypeId(found as u32))
    }

    /// Returns the name of a record type.
    pub fn type_name(&self, ty: TypeId) -> &str {
        self.text(self.types[ty.0 as usize].name)
    }

    /// Whether `ty` is `base` or extends it.
    pub fn is_subtype(&self, ty: TypeId, base: TypeId) -> bool {
        let mut next = Some(ty);
        while let Some(ty) = next {
            if ty == base {
                return true;
            }
            next = self.types[ty.0 as usize].extends;
        }
        false
    }
}

fn is_error(diagnostic: &Diagnostic) -> bool {
    diagnostic.severity == gravure_lang::Severity::Error
}

/// Sorts diagnostics by their places, and drops those that say once more what another says of the same place.
fn in_source_order(diagnostics: &mut Vec<Diagnostic>) {
    let key = |diagnostic: &Diagnostic| {
        let Place { file, span } = diagnostic.labels[0].place;
        (file, span.start, span.end)
    };
    diagnostics.sort_by_key(key);
    let mut seen: HashSet<(FileId, u32, u32, &'static str)> = HashSet::new();
    diagnostics.retain(|diagnostic| {
        let (file, start, end) = key(diagnostic);
        seen.insert((file, start, end, diagnostic.code))
    });
}

struct Loader<'w, 't> {
    world: &'w dyn World,
    limits: &'w Limits,
    /// Where the texts live while trees borrow from them.
    texts: &'t bumpalo::Bump,
    sources: SourceMap,
    parsed: Vec<Parsed<'t>>,
    by_path: BTreeMap<String, ModuleId>,
    diagnostics: Vec<Diagnostic>,
}

impl<'w, 't> Loader<'w, 't> {
    fn new(world: &'w dyn World, texts: &'t bumpalo::Bump, limits: &'w Limits) -> Loader<'w, 't> {
        Loader {
            world,
            limits,
            texts,
            sources: SourceMap::new(),
            parsed: Vec::new(),
            by_path: BTreeMap::new(),
            diagnostics: Vec::new(),
        }
    }

    /// Adds a source, unparsed, unless it is there already.
    fn add(&mut self, source: Source) -> ModuleId {
        if let Some(&id) = self.by_path.get(&source.path) {
            return id;
        }
        let id = ModuleId(self.parsed.len() as u32);
        let decoded = gravure_lang::decode_within(&source.bytes, &self.limits.text);
        let shown =
            decoded.as_ref().map_or_else(|_| String::from_utf8_lossy(&source.bytes), |text| Cow::Borrowed(*text));
        let ending = if source.path.ends_with(".img") { "" } else { ".img" };
        let file = self.sources.add(format!("{}{ending}", source.path), &*shown);
        if let Err(error) = &decoded {
            self.diagnostics.push(error.diagnostic(file));
        }
        self.by_path.insert(source.path.clone(), id);
        self.parsed.push(Parsed {
            path: source.path,
            file,
            is_decoded: decoded.is_ok(),
            text: self.texts.alloc_str(decoded.unwrap_or_default()),
            tree: ast::File::not_understood(),
            imports: Vec::new(),
            failed: Vec::new(),
            overrides: Vec::new(),
        });
        id
    }

    /// Puts what an argument of the command line says on each of these files.
    fn override_files(&mut self, files: &[ModuleId], text: &str) {
        let text: &'t str = self.texts.alloc_str(text);
        let file = self.sources.add(SETTING.to_owned(), text);
        let parsed = gravure_lang::parse_within(file, text, &self.limits.text);
        let is_wrong = parsed.diagnostics.iter().any(is_error);
        self.diagnostics.extend(parsed.diagnostics);
        for module in files.iter().filter(|_| !is_wrong) {
            let what = SaidWhat::Items(parsed.file.items.clone());
            self.parsed[module.0 as usize].overrides.push(Said { file, what });
        }
    }

    /// Adds the expression of the command line.
    fn add_expression(&mut self, module: ModuleId, text: &str) {
        let text: &'t str = self.texts.alloc_str(text);
        let file = self.sources.add(OPTION.to_owned(), text);
        match gravure_lang::parse_expression(file, text, &self.limits.text) {
            Ok(expr) => {
                let what = SaidWhat::Expression(expr);
                self.parsed[module.0 as usize].overrides.push(Said { file, what });
            }
            Err(found) => self.diagnostics.extend(found),
        }
    }

    /// Parses wave after wave: the files of a wave in parallel, then what they import.
    fn follow_imports(&mut self) {
        let mut done = 0;
        let limits = &self.limits.text;
        while done < self.parsed.len() && self.parsed.len() <= self.limits.files {
            let wave = self.parsed[done..].par_iter();
            let parse = |module: &Parsed<'t>| {
                module.is_decoded.then(|| gravure_lang::parse_within(module.file, module.text, limits))
            };
            let trees: Vec<_> = wave.map(parse).collect();
            for parsed in trees {
                if let Some(parsed) = parsed {
                    self.diagnostics.extend(parsed.diagnostics);
                    self.parsed[done].tree = parsed.file;
                }
                self.import_from(done);
                done += 1;
            }
        }
        if done < self.parsed.len() {
            let place = Place { file: self.parsed[0].file, span: Span::default() };
            self.diagnostics.push(errors::too_many_files(self.limits.files, place));
        }
    }

    /// Adds what the module imports.
    fn import_from(&mut self, importer: usize) {
        let Parsed { path: from, file, tree, .. } = &self.parsed[importer];
        let (from, file) = (from.clone(), *file);
        let written: Vec<_> = tree
            .items
            .iter()
            .filter_map(|item| match &item.kind {
                ast::ItemKind::Import { path, path_span, name } => {
                    Some((path.clone(), Place { file, span: *path_span }, *name))
                }
                _ => None,
            })
            .collect();
        for (path, place, name) in written {
            match self.world.source(Some(&from), &path) {
                Ok(source) => {
                    let id = self.add(source);
                    self.parsed[importer].imports.push((name, id));
                }
                Err(why) => {
                    self.diagnostics.push(errors::import_failed(&path, &why, place));
                    self.parsed[importer].failed.push(name);
                }
            }
        }
    }

    /// Reports every ring of imports once, at the import that closes it.
    fn refuse_rings(&mut self) {
        let mut marks = vec![Mark::New; self.parsed.len()];
        for start in 0..self.parsed.len() {
            let mut chain = Vec::new();
            self.find_ring(start, &mut marks, &mut chain);
        }
    }

    /// Walks the imports of `module` in depth; `chain` holds the modules and imports that led here.
    fn find_ring(&mut self, module: usize, marks: &mut [Mark], chain: &mut Vec<(usize, Place)>) {
        if marks[module] != Mark::New {
            return;
        }
        marks[module] = Mark::Open;
        for (name, target) in self.parsed[module].imports.clone() {
            let target = target.0 as usize;
            let place = Place { file: self.parsed[module].file, span: name.span };
            chain.push((module, place));
            if marks[target] == Mark::Open {
                let start = chain.iter().position(|&(open, _)| open == target).expect("an open module is in the chain");
                let ring: Vec<_> =
                    chain[start..].iter().map(|&(open, place)| (self.parsed[open].path.as_str(), place)).collect();
                self.diagnostics.push(errors::import_ring(&ring));
            } else {
                self.find_ring(target, marks, chain);
            }
            chain.pop();
        }
        marks[module] = Mark::Done;
    }
}

/// How far the search for rings has come with a module.
#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    Open,
    Done,
}
