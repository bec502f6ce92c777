//! What a help proposes is tried: each change of the text that a diagnostic of the fixtures comes with is made, and then this
//! diagnostic is gone, and no other has come.

use std::path::{Path, PathBuf};

use gravure_eval::{Evaluator, Limits, Program, Value, with_stack};
use gravure_lang::{Diagnostic, FileId, Severity, SourceMap};

use crate::language::{Changed, LIMITS};

/// What a diagnostic says, without where.
fn gist(diagnostic: &Diagnostic) -> (&'static str, &str) {
    (diagnostic.code, &diagnostic.message)
}

fn start(diagnostic: &Diagnostic) -> u32 {
    diagnostic.labels[0].place.span.start
}

/// Tries the changes of all diagnostics; `again` finds those of a changed file. Returns how many there are.
fn try_all(
    name: &str,
    sources: &SourceMap,
    found: &[Diagnostic],
    again: impl Fn(FileId, String) -> (SourceMap, Vec<Diagnostic>),
    failures: &mut Vec<String>,
) -> usize {
    let mut n_tried = 0;
    for diagnostic in found {
        if diagnostic.proposes_text() && diagnostic.fix.is_empty() {
            failures.push(format!(
                "{name}: the help proposes a text and changes nothing:\n{}",
                diagnostic.render(sources, false)
            ));
        }
        let Some(file) = diagnostic.fix.first().map(|replacement| replacement.place.file) else { continue };
        n_tried += 1;
        let text = diagnostic.fixed(sources.text(file));
        let (new_sources, left) = again(file, text.clone());
        let is_same = |other: &Diagnostic| gist(other) == gist(diagnostic);
        let is_left = left.iter().any(|other| is_same(other) && start(other) == start(diagnostic));
        let is_fewer =
            left.iter().filter(|other| is_same(other)).count() < found.iter().filter(|other| is_same(other)).count();
        let is_gone = is_fewer || !is_left;
        let is_news =
            |new: &&Diagnostic| new.severity == Severity::Error && found.iter().all(|old| gist(old) != gist(new));
        let news: Vec<&Diagnostic> = left.iter().filter(is_news).collect();
        if !is_gone || !news.is_empty() {
            let shown: String = news.iter().map(|new| new.render(&new_sources, false)).collect();
            failures.push(format!(
                "{name}: {}\n--- becomes\n{text}--- {is_gone}, with\n{shown}",
                diagnostic.render(sources, false)
            ));
        }
    }
    n_tried
}

fn fixtures(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "img"));
    paths.sort();
    paths
}

#[test]
fn every_change_of_the_spelling_does_what_it_says() {
    let parse = |text: &str| {
        let mut sources = SourceMap::new();
        let file = sources.add("fixture.img", text);
        let found = gravure_lang::parse(file, text).diagnostics;
        (sources, found)
    };
    let (mut failures, mut n_tried) = (Vec::new(), 0);
    for path in fixtures("../lang/tests/syntax") {
        let bytes = std::fs::read(&path).unwrap();
        let Ok(text) = gravure_lang::decode(&bytes) else { continue };
        let (sources, found) = parse(text);
        let name = path.file_name().unwrap().to_string_lossy();
        n_tried += try_all(&name, &sources, &found, |_, text| parse(&text), &mut failures);
    }
    assert!(n_tried > 20, "only {n_tried} changes");
    assert!(failures.is_empty(), "{} of {n_tried}:\n{}", failures.len(), failures.join("\n"));
}

/// What checking finds or, where that finds nothing, evaluation.
fn found_in(world: &Changed, main: &str) -> (SourceMap, Vec<Diagnostic>, bool) {
    let program = match Program::load(world, &[main]) {
        Ok(program) => program,
        Err(error) => return (error.sources, error.diagnostics, true),
    };
    let found = with_stack(|| {
        let heap = bumpalo::Bump::new();
        let evaluator = Evaluator::new(&program, &heap, Limits { steps: 1_000_000, ..LIMITS });
        let module = program.module(main).expect("the main file is a module");
        evaluator.show(Value::Record(evaluator.module(module)), "result").err().unwrap_or_default()
    });
    let found = program.warnings.into_iter().chain(found).collect();
    (program.sources, found, false)
}

#[test]
fn every_change_of_the_meaning_does_what_it_says() {
    let (mut failures, mut n_tried) = (Vec::new(), 0);
    for path in fixtures("tests/language") {
        let main = path.file_name().unwrap().to_str().unwrap();
        let world = Changed::folder(path.parent().unwrap());
        let (sources, found, is_static) = found_in(&world, main);
        let again = |file: FileId, text: String| {
            let (sources, found, is_static_still) = found_in(&world.with(sources.name(file), text), main);
            // Behind the last mistake that checking finds, evaluation may find others.
            (sources, if is_static && !is_static_still { Vec::new() } else { found })
        };
        n_tried += try_all(main, &sources, &found, again, &mut failures);
    }
    assert!(n_tried > 20, "only {n_tried} changes");
    assert!(failures.is_empty(), "{} of {n_tried}:\n{}", failures.len(), failures.join("\n"));
}
