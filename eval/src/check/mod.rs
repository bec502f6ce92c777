//! Checking before evaluation: what the text of a program decides is found without computing a value, also in definitions that
//! nobody uses.
//!
//! ```text
//! code --[walk]--> shapes of values --> mistakes, as the evaluator would report them
//! ```
//! A [`Shape`] is what is known of a value; `Unknown` is always an answer, and nothing is reported that might be right. A walk goes
//! through every expression once, with the frames that it would have at run time, and returns its shape. Where a name
//! leads to a definition elsewhere, that definition is looked through quietly: it is walked on its own.

mod calls;
mod expressions;
mod matches;
mod operators;
mod records;
mod shape;

use gravure_lang::Diagnostic;
use rustc_hash::FxHashMap;

use crate::code::{Body, Definition, Expr, ModuleId, Type, TypeId};
use crate::limits::with_stack;
use crate::names::Name;
use crate::program::Program;
use crate::value::Contract;
use records::{Below, Ground};
use shape::Shape;

/// Finds what is wrong with a program as far as its text shows it.
pub(crate) fn check(program: &Program) -> Vec<Diagnostic> {
    with_stack(|| {
        let mut checker = Checker::new(program);
        (0..program.types.len()).for_each(|number| checker.record_type(TypeId(number as u32)));
        (0..program.modules.len()).for_each(|number| checker.module(ModuleId(number as u32)));
        checker.found
    })
}

/// A frame of the code at hand.
enum Scope<'p> {
    /// A body, with what it is put on.
    Body(Ground, &'p Body),
    /// Parameters, or another local name.
    Locals(Vec<Shape<'p>>),
}

struct Checker<'p> {
    program: &'p Program,
    found: Vec<Diagnostic>,
    scopes: Vec<Scope<'p>>,
    /// The first definition of each field of each file, and whether it is the only one.
    fields: FxHashMap<(ModuleId, Name), (&'p Definition, bool)>,
    /// Whether definitions are only looked through: nothing is reported, and bodies are left out.
    is_quiet: bool,
    /// How many definitions are being looked through, one for another.
    depth: usize,
    /// The shapes of definitions, by the places of their expressions in memory; none while one is being found.
    shapes: FxHashMap<*const Expr, Option<Shape<'p>>>,
}

/// Through how many definitions a shape is followed.
const MOST_DEFINITIONS: usize = 100;

impl<'p> Checker<'p> {
    fn new(program: &'p Program) -> Checker<'p> {
        let mut fields = FxHashMap::default();
        for (module, number) in program.modules.iter().zip(0..) {
            for definition in &module.body.definitions {
                let entry = fields.entry((ModuleId(number), definition.name));
                entry.and_modify(|(_, is_only)| *is_only = false).or_insert((definition, true));
            }
        }
        let (found, scopes, shapes) = (Vec::new(), Vec::new(), FxHashMap::default());
        Checker { program, found, scopes, fields, is_quiet: false, depth: 0, shapes }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        if !self.is_quiet {
            self.found.push(diagnostic);
        }
    }

    fn module(&mut self, module: ModuleId) {
        self.scopes.clear();
        let code = &self.program.modules[module.0 as usize];
        self.body(&code.body, Ground::Module(module));
        self.incomplete_exports(module);
        code.overrides.iter().for_each(|said| self.overridden(module, said));
    }

    fn record_type(&mut self, ty: TypeId) {
        let program = self.program;
        let code = &program.types[ty.0 as usize];
        self.scopes = vec![Scope::Body(Ground::Module(code.module), &program.modules[code.module.0 as usize].body)];
        let below = Below::Defaults(code.extends);
        self.body(&code.body, Ground::Typed { ty, is_exact: false, below });
    }

    /// Runs `inside` in one more frame.
    fn within<T>(&mut self, scope: Scope<'p>, inside: impl FnOnce(&mut Self) -> T) -> T {
        self.scopes.push(scope);
        let result = inside(self);
        self.scopes.pop();
        result
    }

    fn scope(&self, depth: u32) -> &Scope<'p> {
        &self.scopes[self.scopes.len() - 1 - depth as usize]
    }

    /// Returns the shape of a definition that stands elsewhere, found by `find` in the frames that it has there.
    fn looked_through(&mut self, expr: &'p Expr, find: impl FnOnce(&mut Self) -> Shape<'p>) -> Shape<'p> {
        if let Some(known) = self.shapes.get(&std::ptr::from_ref(expr)) {
            return known.clone().unwrap_or(Shape::Unknown);
        }
        if self.depth >= MOST_DEFINITIONS {
            return Shape::Unknown;
        }
        self.shapes.insert(expr, None);
        let was_quiet = std::mem::replace(&mut self.is_quiet, true);
        self.depth += 1;
        let shape = find(self);
        self.depth -= 1;
        self.is_quiet = was_quiet;
        self.shapes.insert(expr, Some(shape.clone()));
        shape
    }

    /// Reports a value that cannot be what it must be.
    fn hold_to(&mut self, shape: &Shape<'p>, place: gravure_lang::Place, contract: Contract<'p>) {
        if shape.may_be(contract.ty, self.program) {
            return;
        }
        let slot = self.program.slot_text(contract.slot);
        let members = self.program.members(contract.ty);
        match shape {
            Shape::Symbol(Some(symbol)) if !members.is_empty() => {
                let symbol = self.program.text(*symbol);
                self.report(crate::errors::no_member(symbol, &members, &slot, place, contract.declared));
            }
            shape => {
                let Some(found) = shape.described(self.program) else { return };
                let expected = self.program.type_text(contract.ty);
                self.report(crate::errors::wrong_type(&slot, &expected, &found, place, contract.declared));
            }
        }
    }
}

/// Returns the type of the elements where a type is that of lists, whatever else it may be.
fn elements_of(ty: &Type) -> Option<&Type> {
    match ty {
        Type::List(element) => Some(element),
        Type::Union(members) => members.iter().find_map(elements_of),
        _ => None,
    }
}

/// Returns the type of the values where a type is that of maps, whatever else it may be.
fn values_of(ty: &Type) -> Option<&Type> {
    match ty {
        Type::Map(value) => Some(value),
        Type::Union(members) => members.iter().find_map(values_of),
        _ => None,
    }
}
