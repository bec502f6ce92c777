//! Checking and evaluation agree on what operators and functions of the prelude take: each is tried on values of all kinds, once as
//! the text shows them and once hidden behind a function without types.

use bumpalo::Bump;
use gravure_eval::{Evaluator, Limits, Program, Source, Value, World, with_stack};

/// One of each kind, and what stands before all of them.
const VALUES: [&str; 15] = [
    "none",
    "true",
    "7",
    "2MiB",
    "'symbol",
    "\"text\"",
    "./path",
    "[]",
    "Map { \"a\" = 1 }",
    "{ a = 1 }",
    "Point { x = 1 }",
    "Point",
    "twice",
    "len",
    "base",
];
const BEFORE: &str = "\
record Point { x: Int }
base = mixin { y = 1 }
fn twice(x) = [x, x]
fn id(x) = x
";
const OPERATORS: [&str; 15] = ["+", "-", "*", "/", "%", "&", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "??"];
/// The functions of one argument, and of two.
const FUNCTIONS: [&str; 4] = ["len", "flatten", "chars", "keys"];
const OF_TWO: [&str; 7] = ["map", "filter", "range", "join", "split", "starts-with", "has"];

struct Text(String);

impl World for Text {
    fn source(&self, _: Option<&str>, path: &str) -> Result<Source, String> {
        Ok(Source { path: path.to_owned(), bytes: self.0.as_bytes().into() })
    }
}

/// Whether checking, or else evaluation, finds that what `it` says is of the wrong kind.
fn is_refused(it: &str) -> (bool, bool) {
    let is_kind = |code: &str| ["E0304", "E0208", "E0203"].contains(&code);
    match Program::load(&Text(format!("{BEFORE}it = {it}\n")), &["main"]) {
        Err(error) => (error.diagnostics.iter().any(|diagnostic| is_kind(diagnostic.code)), false),
        Ok(program) => with_stack(|| {
            let heap = Bump::new();
            let evaluator = Evaluator::new(&program, &heap, Limits::default());
            let record = evaluator.module(program.module("main").expect("it is there"));
            let value = evaluator.field_named(record, "it", record.place());
            let shown = value.map_err(|mistake| vec![*mistake]).and_then(|value| match value {
                // Its elements are no matter of what made it.
                Value::List(_) => Ok(String::new()),
                value => evaluator.show(value, "it"),
            });
            let mistakes = shown.err().unwrap_or_default();
            (false, mistakes.iter().any(|mistake| is_kind(mistake.code)))
        }),
    }
}

fn compare(shown: &str, hidden: &str, failures: &mut Vec<String>) {
    let (by_checking, by_evaluation) = is_refused(shown);
    let (hidden_by_checking, hidden_by_evaluation) = is_refused(hidden);
    if by_evaluation || hidden_by_checking || by_checking != hidden_by_evaluation {
        failures.push(format!(
            "{shown}: checking {by_checking}, evaluation {by_evaluation}; hidden: {hidden_by_checking}, {hidden_by_evaluation}"
        ));
    }
}

#[test]
fn operators_take_what_checking_says() {
    let mut failures = Vec::new();
    for left in VALUES {
        for operator in ["-", "!"] {
            compare(&format!("{operator}({left})"), &format!("{operator}id({left})"), &mut failures);
        }
        for right in VALUES {
            // What `&&` and `||` leave out is checked all the same.
            for operator in OPERATORS.into_iter().filter(|operator| left != "true" || *operator != "||") {
                let shown = format!("({left}) {operator} ({right})");
                let hidden = format!("id({left}) {operator} id({right})");
                compare(&shown, &hidden, &mut failures);
            }
        }
    }
    assert!(failures.is_empty(), "{} of them:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn functions_take_what_checking_says() {
    let mut failures = Vec::new();
    for first in VALUES {
        for function in FUNCTIONS {
            compare(&format!("{function}({first})"), &format!("{function}(id({first}))"), &mut failures);
        }
        for second in VALUES {
            for function in OF_TWO {
                let shown = format!("{function}({first}, {second})");
                let hidden = format!("{function}(id({first}), id({second}))");
                compare(&shown, &hidden, &mut failures);
            }
        }
    }
    assert!(failures.is_empty(), "{} of them:\n{}", failures.len(), failures.join("\n"));
}
