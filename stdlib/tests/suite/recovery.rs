//! One mistake in the library is told once, whatever else uses what it hides: each file is spoilt in one line after the
//! other, and loaded with all others.

use std::fs;
use std::path::Path;

use gravure_eval::{Program, Source, World};
use gravure_lang::{Diagnostic, Severity, SourceMap};

use crate::project::Sources;

/// The library with one file that has another text.
struct Spoilt<'a> {
    path: &'a str,
    text: String,
}

impl World for Spoilt<'_> {
    fn source(&self, _: Option<&str>, path: &str) -> Result<Source, String> {
        let text = match gravure_stdlib::source(path) {
            Some(_) if path == self.path => &self.text,
            Some(text) => text,
            None => return Err("there is no such file".to_owned()),
        };
        Ok(Source { path: path.to_owned(), bytes: text.as_bytes().into() })
    }
}

/// A way to spoil a line; none where the line is not of the form that it needs.
type Spoil = fn(&str) -> Option<String>;

const WAYS: [(&str, Spoil); 6] = [
    ("a value is followed by more", |line| is_complete_definition(line).then(|| format!("{line} = 1"))),
    ("a type is followed by more", |line| is_declaration(line).then(|| format!("{line} : String"))),
    ("a type extends nothing", |line| line.starts_with("record ").then(|| line.replacen(" {", " extends {", 1))),
    ("an import is of nothing", |line| line.starts_with("import ").then(|| line.replacen("std/", "std/no-", 1))),
    ("a bracket is not closed", |line| matches!(line.trim(), "}" | "]" | ")").then(String::new)),
    ("a name is not known", |line| is_complete_definition(line).then(|| format!("{line} + no-such-name"))),
];

fn is_complete_definition(line: &str) -> bool {
    let is_word = |word: &str| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    line.split_once(" = ").is_some_and(|(name, value)| {
        is_word(name.trim().trim_start_matches("let "))
            && !value.ends_with(['{', '[', '(', ',', '=', '>'])
            && !value.contains('#')
    })
}

fn is_declaration(line: &str) -> bool {
    line.starts_with("  ")
        && line.trim_start().split_once(": ").is_some_and(|(name, ty)| {
            name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') && !ty.contains('=') && !ty.contains('"')
        })
}

fn rendered(sources: &SourceMap, errors: &[&Diagnostic]) -> String {
    errors.iter().map(|error| error.render(sources, false)).collect()
}

#[test]
fn one_mistake_in_the_library_is_told_once() {
    let roots = gravure_stdlib::roots();
    let mut failures = Vec::new();
    for (way, spoil) in WAYS {
        let mut n_spoilt = 0;
        for path in gravure_stdlib::modules() {
            let lines: Vec<&str> = gravure_stdlib::source(path).unwrap().lines().collect();
            let spoilt = lines.iter().enumerate().filter_map(|(number, line)| Some((number, spoil(line)?)));
            for (number, line) in spoilt {
                n_spoilt += 1;
                let mut text = lines.clone();
                text[number] = &line;
                let world = Spoilt { path, text: text.join("\n") + "\n" };
                let error = Program::load(&world, &roots).expect_err("there is a mistake");
                let errors: Vec<&Diagnostic> =
                    error.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).collect();
                if errors.len() != 1 {
                    failures.push(format!("{way}: {path}:{}\n{}", number + 1, rendered(&error.sources, &errors)));
                }
            }
        }
        assert!(n_spoilt > 10, "{way}: {n_spoilt} lines");
    }
    assert!(failures.is_empty(), "{} of them:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn nothing_in_the_library_and_the_examples_is_left_over() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("examples");
    let names = fs::read_dir(&examples).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: Vec<String> = names.filter(|name| name.ends_with(".img")).collect();
    assert!(names.len() > 4, "the examples are found: {names:?}");
    let mut files: Vec<&str> = names.iter().map(String::as_str).collect();
    for module in gravure_stdlib::modules() {
        files.push(module);
    }
    let program = Program::load(&Sources::of(&examples), &files).expect("library and examples are right");
    let warnings: Vec<&Diagnostic> = program.warnings.iter().collect();
    assert!(warnings.is_empty(), "{}", rendered(&program.sources, &warnings));
}
