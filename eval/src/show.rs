//! Showing values: as text of the language, which evaluates to the same value again.
//!
//! A scalar is shown as an expression; a list, a map or a record as a file: the imports that its types and functions need,
//! then one definition. Fields come in the order of their declaration. Functions are shown by the names that lead to them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use gravure_lang::{Diagnostic, Place, Span, ast};

use crate::code::{self, ModuleId, TypeId};
use crate::errors;
use crate::evaluator::Evaluator;
use crate::value::{Field, Record, Thunk, Value};

impl<'h> Evaluator<'h> {
    /// Returns a value as text that ends with a line break; a file in which it is called `name` unless it is a scalar.
    ///
    /// # Errors
    /// Everything that is wrong with the parts of the value, failed checks of its records included.
    pub fn show(&self, value: Value<'h>, name: &str) -> std::result::Result<String, Vec<Diagnostic>> {
        let mut first = Shower::new(self, BTreeMap::new());
        let mut items = first.items(value, name);
        if !first.found.is_empty() {
            return Err(first.found);
        }
        if let (Value::None | Value::Bool(_) | Value::Int(_) | Value::Size(_) | Value::Symbol(_), [item])
        | (Value::String(_) | Value::Path(_) | Value::Builtin(_), [item]) = (value, &items[..])
            && let ast::ItemKind::Define { value, .. } = &item.kind
        {
            return Ok(gravure_lang::print_expression(value) + "\n");
        }
        if !first.modules.is_empty() {
            // Names for the modules can be chosen only when all other names are known.
            let mut shower = Shower::new(self, first.choose_aliases(name));
            items = shower.items(value, name);
            items.splice(0..0, shower.imports());
        }
        Ok(gravure_lang::print(&ast::File { doc: Vec::new(), items }))
    }

    /// Returns a value as a few words for a message.
    pub(crate) fn brief(&self, value: Value<'h>) -> String {
        match value {
            Value::Int(value) => value.to_string(),
            Value::Bool(_) | Value::Size(_) | Value::Symbol(_) | Value::String(_) | Value::None => {
                gravure_lang::print_expression(&Shower::new(self, BTreeMap::new()).expr(value, 0))
            }
            other => other.kind().to_owned(),
        }
    }
}

/// How many records, lists and maps may be shown inside one another: fewer than a file may have, so that it can be read back.
const DEPTH: usize = 200;

struct Shower<'e, 'h> {
    evaluator: &'e Evaluator<'h>,
    /// What the shown file calls the modules that it imports.
    aliases: BTreeMap<ModuleId, &'h str>,
    /// Modules and names that were met.
    modules: BTreeSet<ModuleId>,
    names: BTreeSet<&'h str>,
    n_values: usize,
    /// Whether the record at hand is a base for others, which may lack fields.
    is_abstract: bool,
    found: Vec<Diagnostic>,
}

impl<'e, 'h> Shower<'e, 'h> {
    fn new(evaluator: &'e Evaluator<'h>, aliases: BTreeMap<ModuleId, &'h str>) -> Shower<'e, 'h> {
        Shower {
            evaluator,
            aliases,
            modules: BTreeSet::new(),
            names: BTreeSet::new(),
            n_values: 0,
            is_abstract: false,
            found: Vec::new(),
        }
    }

    /// Returns the items of a file that is the value, or in which the value is called `name`.
    fn items(&mut self, value: Value<'h>, name: &str) -> Vec<ast::Item<'h>> {
        match value {
            Value::Record(record) if record.module.is_some() => {
                self.evaluator.run_checks(record, &mut self.found);
                self.body(record, 0).items
            }
            value => vec![define(self.text(name), self.expr(value, 0))],
        }
    }

    fn text(&self, text: &str) -> &'h str {
        self.evaluator.heap.alloc_str(text)
    }

    fn expr(&mut self, value: Value<'h>, depth: usize) -> ast::Expr<'h> {
        expr(match value {
            Value::None => ast::ExprKind::None,
            Value::Bool(value) => ast::ExprKind::Bool(value),
            Value::Int(value) if value < 0 => negative(value),
            Value::Int(value) => ast::ExprKind::Int(value),
            Value::Size(bytes) => ast::ExprKind::Size(bytes),
            Value::Symbol(name) => ast::ExprKind::Symbol(self.evaluator.program.text(name)),
            Value::String(text) => string(text),
            Value::Path(path) if path.starts_with("../") => ast::ExprKind::Path(path),
            Value::Path(path) => ast::ExprKind::Path(self.text(&format!("./{path}"))),
            Value::List(elements) => {
                let evaluator = self.evaluator;
                ast::ExprKind::List(evaluator.elements(elements).map(|thunk| self.thunk(thunk, depth)).collect())
            }
            Value::Map(entries) => ast::ExprKind::Map(
                entries.iter().map(|&(key, thunk)| (expr(string(key)), self.thunk(thunk, depth))).collect(),
            ),
            Value::Record(record) => return self.record(record, depth),
            Value::Type(ty) => return self.type_expr(ty),
            Value::Builtin(builtin) => ast::ExprKind::Name(builtin.name()),
            Value::Function(closure) => return self.named(closure.code.path.as_ref(), "a function"),
            Value::Mixin(mixin) => return self.named(mixin.code.path.as_ref(), "a mixin"),
        })
    }

    /// Shows a value inside another, unless there are too many.
    fn thunk(&mut self, thunk: &'h Thunk<'h>, depth: usize) -> ast::Expr<'h> {
        self.n_values += 1;
        let levels = self.evaluator.limits.shown_levels.unwrap_or(DEPTH);
        if depth >= levels {
            return self.failed(too_much(depth + 1, levels, "levels", thunk.place));
        }
        // What is shared in memory is shown as often as it is met.
        let limit = self.evaluator.limits.shown_values;
        if self.n_values > limit {
            return self.failed(too_much(self.n_values, limit, "values", thunk.place));
        }
        match self.evaluator.force(thunk) {
            Ok(value) => self.expr(value, depth + 1),
            Err(diagnostic) => self.failed(diagnostic),
        }
    }

    /// Keeps a mistake; a ring is found once from each of its members, and kept once.
    fn failed(&mut self, diagnostic: Box<Diagnostic>) -> ast::Expr<'h> {
        if self.found.iter().all(|known| !known.is_same_mistake(&diagnostic)) {
            self.found.push(*diagnostic);
        }
        expr(ast::ExprKind::None)
    }

    fn record(&mut self, record: &'h Record<'h>, depth: usize) -> ast::Expr<'h> {
        if let (Some(module), true) = (record.module, depth > 0) {
            return expr(ast::ExprKind::Name(self.alias(module)));
        }
        if !self.is_abstract {
            self.evaluator.run_checks(record, &mut self.found);
        }
        let body = self.body(record, depth);
        match record.ty {
            Some(ty) => expr(ast::ExprKind::Extend(Box::new(self.type_expr(ty)), body)),
            None => expr(ast::ExprKind::Record(body)),
        }
    }

    fn body(&mut self, record: &'h Record<'h>, depth: usize) -> ast::Body<'h> {
        let fields = match self.evaluator.table(record) {
            Ok(table) => table.fields,
            Err(diagnostic) => {
                self.found.push(*diagnostic);
                &[]
            }
        };
        let items = fields.iter().filter_map(|field| self.field(field, depth));
        ast::Body { items: items.collect(), span: Span::default() }
    }

    /// Shows a field, unless it is one that a base leaves open.
    fn field(&mut self, field: &'h Field<'h>, depth: usize) -> Option<ast::Item<'h>> {
        let name = self.evaluator.program.text(field.name);
        self.names.insert(name);
        if self.is_abstract && self.evaluator.is_left_open(field) {
            return None;
        }
        let is_base = field.is_abstract();
        let was_abstract = self.is_abstract;
        self.is_abstract |= is_base;
        let mut item = define(name, self.thunk(&field.value, depth));
        self.is_abstract = was_abstract;
        if let ast::ItemKind::Define { is_abstract, .. } = &mut item.kind {
            *is_abstract = is_base;
        }
        Some(item)
    }

    fn type_expr(&mut self, ty: TypeId) -> ast::Expr<'h> {
        let ty = &self.evaluator.program.types[ty.0 as usize];
        let module = expr(ast::ExprKind::Name(self.alias(ty.module)));
        expr(ast::ExprKind::Field(Box::new(module), name(self.evaluator.program.text(ty.name))))
    }

    /// Shows a value by the names that lead to it.
    fn named(&mut self, path: Option<&code::Path>, what: &str) -> ast::Expr<'h> {
        let Some(path) = path else { return self.unnamed(what) };
        let module = expr(ast::ExprKind::Name(self.alias(path.module)));
        path.fields.iter().fold(module, |base, &field| {
            expr(ast::ExprKind::Field(Box::new(base), name(self.evaluator.program.text(field))))
        })
    }

    /// What no file can name is shown as an error that says so.
    fn unnamed(&mut self, what: &str) -> ast::Expr<'h> {
        let message = self.text(&format!("{what} without a name"));
        let argument = ast::Argument { name: None, value: expr(string(message)) };
        expr(ast::ExprKind::Call(Box::new(expr(ast::ExprKind::Name("error"))), vec![argument]))
    }

    // Imports

    fn alias(&mut self, module: ModuleId) -> &'h str {
        self.modules.insert(module);
        self.aliases.get(&module).copied().unwrap_or_else(|| self.default_alias(module))
    }

    /// The last part of a module's path without its ending.
    fn default_alias(&self, module: ModuleId) -> &'h str {
        let path = self.evaluator.program.module_path(module);
        let last = path.rsplit('/').next().unwrap_or(path);
        last.strip_suffix(".img").unwrap_or(last)
    }

    /// Names the modules that were met so that no field beside them and no other module has the name.
    fn choose_aliases(&self, shown: &str) -> BTreeMap<ModuleId, &'h str> {
        let mut taken: BTreeSet<String> = self.names.iter().map(|name| name.to_string()).collect();
        taken.insert(shown.to_owned());
        let mut aliases = BTreeMap::new();
        for &module in &self.modules {
            let base = self.default_alias(module);
            let base = if is_name(base) { base.to_owned() } else { "module".to_owned() };
            let owner = if self.evaluator.program.module_path(module).starts_with("std/") { "std" } else { "own" };
            let prefixed = format!("{owner}-{base}");
            let numbered = (2..).map(|number| format!("{base}-{number}"));
            let free = [base.clone(), prefixed].into_iter().chain(numbered).find(|alias| !taken.contains(alias));
            let free = free.expect("there are infinitely many numbers");
            taken.insert(free.clone());
            aliases.insert(module, self.text(&free));
        }
        aliases
    }

    fn imports(&self) -> Vec<ast::Item<'h>> {
        let mut imports: Vec<(&str, &'h str)> = self
            .modules
            .iter()
            .map(|module| (self.evaluator.program.module_path(*module), self.aliases[module]))
            .collect();
        imports.sort_unstable();
        let items = imports.into_iter().map(|(path, alias)| {
            let path = if path.starts_with("std/") || path.starts_with("../") || path.starts_with('/') {
                path.to_owned()
            } else {
                format!("./{path}")
            };
            item(ast::ItemKind::Import { path: Cow::Owned(path), path_span: Span::default(), name: name(alias) })
        });
        items.collect()
    }
}

fn too_much(found: usize, limit: usize, unit: &str, place: Place) -> Box<Diagnostic> {
    errors::over_limit("what is shown", found as u64, limit as u64, unit, place).into()
}

/// Whether a text can stand where the language wants a name.
fn is_name(text: &str) -> bool {
    let starts = text.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
    starts
        && text
            .split('-')
            .all(|part| !part.is_empty() && part.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_'))
}

fn expr(kind: ast::ExprKind<'_>) -> ast::Expr<'_> {
    ast::Expr { kind, span: Span::default() }
}

fn item(kind: ast::ItemKind<'_>) -> ast::Item<'_> {
    ast::Item { doc: Vec::new(), kind, span: Span::default() }
}

fn name(text: &str) -> ast::Name<'_> {
    ast::Name { text, span: Span::default() }
}

fn string(text: &str) -> ast::ExprKind<'_> {
    if text.is_empty() {
        ast::ExprKind::Text(Vec::new())
    } else {
        ast::ExprKind::Text(vec![ast::Piece::Text(Cow::Borrowed(text))])
    }
}

/// A negative literal is the negation of a positive one, but the smallest has none.
fn negative<'h>(value: i64) -> ast::ExprKind<'h> {
    match value.checked_neg() {
        Some(positive) => ast::ExprKind::Unary(ast::Unary::Negate, Box::new(expr(ast::ExprKind::Int(positive)))),
        None => ast::ExprKind::Int(value),
    }
}

fn define<'h>(field: &'h str, value: ast::Expr<'h>) -> ast::Item<'h> {
    let path = ast::Path { name: name(field), steps: Vec::new(), span: Span::default() };
    item(ast::ItemKind::Define { is_abstract: false, path, operator: ast::Operator::Set, value })
}
