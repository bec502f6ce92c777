//! Syntax trees -> checked, lazy values -> a graph of recipes, and the scheduler that realises it.
//!
//! Nothing in this crate opens a file: sources come through [`World`], artefacts go through the traits of [`graph`].
//! No value of the language depends on built bytes, and no lock is held while evaluating.

mod builtins;
mod calls;
mod check;
mod code;
mod contracts;
mod documentation;
mod edits;
mod errors;
mod evaluator;
mod expressions;
pub mod graph;
mod json;
mod limits;
mod lists;
mod names;
mod operators;
mod origins;
mod program;
mod records;
mod resolve;
mod select;
mod show;
mod spelling;
mod value;
mod view;

pub use builtins::Builtin;
pub use code::{ModuleId, TypeId};
pub use documentation::{Documented, DocumentedField, DocumentedKind};
pub use evaluator::Evaluator;
pub use limits::{LIMITS, Limit, Limits, with_stack};
pub use names::{Name, nearest};
pub use origins::{Leaf, Origin, Role};
pub use program::{EXPRESSION, LoadError, Program, Request, Source, World};
pub use select::{Selector, SelectorError};
pub use value::{List, Record, Thunk, Value};
pub use view::{Export, View};

use gravure_lang::Diagnostic;

/// What evaluation returns: a value, or what is wrong with the configuration.
pub type Result<T> = std::result::Result<T, Box<Diagnostic>>;

/// Joins a relative path to a folder and normalises it, as text: `a/b` and `../c` make `a/c`; leading `..` stay.
pub fn join_path(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let absolute = folder.starts_with('/');
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if absolute => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    if absolute { format!("/{joined}") } else { joined }
}
