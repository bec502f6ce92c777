//! The page of the manual about diagnostics: every code of the sources has its section, and the examples are what they
//! say. An `img` block is loaded, evaluated and lowered; a `text` block cannot be run here.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use gravure_eval::{Limits, Value};
use gravure_lang::{Diagnostic, SourceMap};
use gravure_stdlib::{Explanation, explanations};
use gravure_tests::markdown::{Block, blocks};

use crate::project::Project;

/// Where codes stand in the sources of the repository.
const SOURCES: [&str; 5] = ["lang/src", "eval/src", "stdlib/src", "sources/src", "cli/src"];

/// What the page calls the file of an example.
const EXAMPLE: &str = "example.img";

/// Smaller than by default, since reaching a limit takes long.
fn limits() -> Limits {
    Limits { steps: 1_000_000, ..Limits::default() }
}

fn is_code(word: &str) -> bool {
    word.len() == 5 && word.starts_with(['E', 'W']) && word[1..].bytes().all(|byte| byte.is_ascii_digit())
}

/// Adds the codes that the Rust files of a folder have as literals.
fn add_codes(folder: &Path, codes: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            add_codes(&path, codes);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(path).unwrap();
            codes.extend(text.split('"').filter(|word| is_code(word)).map(str::to_owned));
        }
    }
}

/// Returns what `eval` or, of an example with an image, `build` would say, as a person reads it.
fn said_of(project: &Project, example: &str) -> String {
    project.write(EXAMPLE, example);
    if ["\"std/images\"", "\"./system.img\""].iter().any(|import| example.contains(import)) {
        let plan = project.plan(EXAMPLE, None, &project.store());
        return plan.mistakes + &plan.warnings;
    }
    let shown = project.evaluate(EXAMPLE, limits(), |evaluator, module| {
        evaluator.show(Value::Record(evaluator.module(module)), "example").err().unwrap_or_default()
    });
    match shown {
        Ok((program, mistakes)) => {
            rendered(&program.sources, &program.warnings) + &rendered(&program.sources, &mistakes)
        }
        Err(error) => rendered(&error.sources, &error.diagnostics),
    }
}

fn rendered(sources: &SourceMap, diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(|diagnostic| diagnostic.render(sources, false)).collect()
}

#[test]
fn every_code_has_its_section_in_order() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut codes = BTreeSet::new();
    SOURCES.iter().for_each(|folder| add_codes(&repository.join(folder), &mut codes));
    let explained: Vec<&str> = explanations().map(|explanation| explanation.code).collect();
    assert_eq!(explained, codes.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn every_section_has_a_title_and_two_examples() {
    for explanation in explanations() {
        let Explanation { code, title, .. } = explanation;
        assert!(!title.is_empty() && !title.ends_with('.'), "{code}: {title}");
        let examples = blocks(explanation.text);
        let above: Vec<&str> = examples.iter().map(|example| example.above).collect();
        assert_eq!(above, ["Wrong:", "Right:"], "{code}");
        assert!(examples.iter().all(|example| ["img", "text"].contains(&example.mark)), "{code}");
    }
}

#[test]
fn wrong_examples_give_their_code_and_right_ones_nothing() {
    let project = Project::new();
    project.write("big.bin", vec![1; 100_000]);
    project.write("packages/broken.deb", "this is no archive");
    let mut failures = Vec::new();
    for explanation in explanations() {
        let code = explanation.code;
        for Block { above, text, .. } in blocks(explanation.text).into_iter().filter(|block| block.mark == "img") {
            let said = said_of(&project, text);
            let first = said.split(['[', ']']).nth(1).unwrap_or_default();
            let is_as_told = if above == "Wrong:" { first == code } else { said.is_empty() };
            if !is_as_told {
                failures.push(format!("{code} {above}\n{text}--- found\n{said}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
