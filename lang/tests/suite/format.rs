//! The formatter: the fixtures of `tests/format`, and what holds for every text.
//!
//! `NAME.img` is formatted, and `NAME.out` beside it holds the result. `UPDATE_FIXTURES=1 cargo test -p gravure-lang --test
//! suite` writes the results anew.

use std::fs;
use std::path::{Path, PathBuf};

use gravure_lang::{FileId, comments, decode, format, parse, print};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::trees;

const FILE: FileId = FileId(0);

/// Formats a text; none where it has errors. Holds the formatter to its promises.
fn check(name: &str, text: &str) -> Option<String> {
    let formatted = format(FILE, text).ok()?;
    assert_eq!(comments(FILE, &formatted), comments(FILE, text), "{name}: the comments have changed:\n{formatted}");
    let again = format(FILE, &formatted).expect("what was formatted has no errors");
    assert_eq!(again, formatted, "{name}: it is formatted in another way the second time:\n{text}");
    Some(formatted)
}

#[test]
fn fixtures() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/format");
    let mut wrong = Vec::new();
    for path in sources(&folder) {
        let (name, expectation) = (path.display().to_string(), path.with_extension("out"));
        let text = fs::read_to_string(&path).expect("a fixture can be read");
        let found = check(&name, &text).expect("a fixture has no errors");
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            fs::write(&expectation, &found).expect("an expectation can be written");
        }
        if fs::read_to_string(&expectation).unwrap_or_default() != found {
            wrong.push(format!("== {name}\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "{} fixtures differ (UPDATE_FIXTURES=1 accepts)\n{}", wrong.len(), wrong.join("\n"));
}

/// All texts of the language that the project has.
#[test]
fn whatever_there_is_keeps_its_meaning() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the project");
    let folders =
        ["lang/tests", "eval/tests", "stdlib", "examples", "cli/tests", "tests", "docs", "fuzz/targets", "eval"];
    let paths: Vec<PathBuf> = folders.iter().flat_map(|folder| sources(&root.join(folder))).collect();
    let mut formatted = 0;
    for path in &paths {
        let bytes = fs::read(path).expect("a source can be read");
        if let Ok(text) = decode(&bytes) {
            let Some(result) = check(&path.display().to_string(), text) else { continue };
            // `format` itself compares all but documentation, which changes beside a stray `;` only.
            assert_eq!(parse(FILE, &result).file, parse(FILE, text).file, "{}", path.display());
            formatted += 1;
        }
    }
    assert!(formatted >= 200, "only {formatted} of {} texts have no errors", paths.len());
}

/// The standard library and the examples are formatted; `gravure fmt stdlib/std examples` does it.
#[test]
fn the_standard_library_is_formatted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the project");
    for path in ["stdlib/std", "examples"].iter().flat_map(|folder| sources(&root.join(folder))) {
        let text = fs::read_to_string(&path).expect("a source can be read");
        assert_eq!(format(FILE, &text).ok().as_deref(), Some(text.as_str()), "{} is not formatted", path.display());
    }
}

#[test]
fn what_is_wrong_is_not_formatted() {
    let codes = |text: &str| -> Vec<&str> {
        format(FILE, text).expect_err("it is wrong").iter().map(|diagnostic| diagnostic.code).collect()
    };
    assert_eq!(codes("a = )\n"), ["E0023"]);
    assert_eq!(format(FILE, "a = 1 ## nothing\n").ok().as_deref(), Some("a = 1  ## nothing\n"));
}

/// Returns the files of the language below a folder, in order.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("a folder can be read").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "img") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// What may be put between any two tokens, and what may not.
const CHANGES: [&str; 8] = ["\n", " ", "\n\n\n", " # note\n", "\n## doc\n", "\r\n", ";", ","];

/// A file with every construct, to be changed at random.
const SPECIMEN: &str = include_str!("../syntax/everything.img");

proptest! {
    /// Printed trees are texts of all kinds, and those with line ends and comments anywhere are even more so.
    #[test]
    fn trees_are_kept(file in trees::files(4), changes in vec((any::<Index>(), select(&CHANGES[..])), 0..6)) {
        let mut text = print(&file);
        check("a tree", &text);
        for (at, change) in changes {
            let spaces: Vec<usize> = text.match_indices([' ', '\n']).map(|(at, _)| at).collect();
            if let Some(at) = spaces.get(at.index(spaces.len().max(1))) {
                text.insert_str(*at, change);
            }
        }
        check("a changed tree", &text);
    }

    #[test]
    fn changed_specimens_are_kept(changes in vec((any::<Index>(), select(&CHANGES[..])), 1..5)) {
        let mut text = SPECIMEN.to_owned();
        for (at, change) in changes {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            text.insert_str(places[at.index(places.len())], change);
        }
        check("a changed specimen", &text);
    }
}
