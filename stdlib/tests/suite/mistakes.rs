//! Walks `tests/mistakes`: each `NAME.img` is lowered and, where that works, built; what a person reads is compared with
//! `NAME.out`.
//!
//! `UPDATE_FIXTURES=1` writes the expectations anew.

use std::fs;
use std::path::Path;

use crate::project::Project;

/// What is wrong with the images of a file.
fn found(project: &Project, file: &str) -> String {
    let store = project.store();
    let plan = project.plan(file, None, &store);
    if !plan.mistakes.is_empty() {
        return plan.mistakes;
    }
    let report = plan.realise(&store, 2);
    let failures = report.failures().map(|(node, failure)| {
        let label = &plan.graph.recipe(node).label;
        match plan.places.get(&node) {
            Some(&place) => {
                let shown =
                    gravure_lang::Diagnostic::error("failure", format!("{label}: {failure}"), place, "for this");
                shown.render(&plan.sources, false)
            }
            None => format!("{label}: {failure}\n"),
        }
    });
    plan.warnings.clone() + &failures.collect::<String>()
}

#[test]
fn every_mistake_is_found() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes");
    let mut paths: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let inputs: Vec<_> = paths.iter().filter(|path| path.extension().is_some_and(|ending| ending == "img")).collect();
    assert!(!inputs.is_empty(), "there are no fixtures");
    let mut failures = Vec::new();
    for input in inputs {
        let project = Project::new();
        project.write("packages/broken.deb", "this is no archive");
        project.write("big.bin", vec![1; 100_000]);
        project.write("mistake.img", fs::read(input).unwrap());
        let folder = project.path("").display().to_string();
        let found = found(&project, "mistake.img").replace(&folder, "PROJECT/");
        let expectation = input.with_extension("out");
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            fs::write(&expectation, &found).unwrap();
        }
        let expected = fs::read_to_string(&expectation).unwrap_or_default();
        if found.is_empty() || found != expected {
            failures.push(format!("{}:\n--- expected\n{expected}\n--- found\n{found}", input.display()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What a help proposes is made a part of the file, and then this mistake is gone.
#[test]
fn every_change_does_what_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes");
    let paths = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let (mut failures, mut n_tried) = (Vec::new(), 0);
    for input in paths.filter(|path| path.extension().is_some_and(|ending| ending == "img")) {
        let project = Project::new();
        project.write("big.bin", vec![1; 100_000]);
        project.write("mistake.img", fs::read(&input).unwrap());
        let plan = project.plan("mistake.img", None, &project.store());
        for mistake in &plan.found {
            assert!(!mistake.proposes_text() || !mistake.fix.is_empty(), "{}: {:?}", input.display(), mistake.help);
            let Some(replacement) = mistake.fix.first() else { continue };
            n_tried += 1;
            let file = replacement.place.file;
            project.write(plan.sources.name(file), mistake.fixed(plan.sources.text(file)));
            let left = project.plan("mistake.img", None, &project.store()).found;
            if left.iter().any(|other| (other.code, &other.message) == (mistake.code, &mistake.message)) {
                failures.push(format!("{}: {}", input.display(), mistake.render(&plan.sources, false)));
            }
            project.write(plan.sources.name(file), plan.sources.text(file).as_bytes());
        }
    }
    assert!(n_tried > 2, "only {n_tried} changes");
    assert!(failures.is_empty(), "{} of {n_tried}:\n{}", failures.len(), failures.join("\n"));
}
