//! The fixtures of `tests/syntax`: `NAME.img` is parsed, and `NAME.out` beside it holds what came of it: the diagnostics
//! as a terminal shows them or, where there are none, the text as the printer writes it.
//!
//! `UPDATE_FIXTURES=1 cargo test -p gravure-lang --test suite` writes the expectations anew.

use std::fs;
use std::path::Path;

use gravure_lang::{Limits, SourceMap, decode, parse, print};

/// Returns what came of a source file.
fn outcome(name: &str, bytes: &[u8]) -> String {
    let mut sources = SourceMap::new();
    let text = match decode(bytes) {
        Ok(text) => text,
        Err(error) => {
            let file = sources.add(name, String::from_utf8_lossy(bytes).as_ref());
            return format!("{error}\n\n{}", error.diagnostic(file).render(&sources, false));
        }
    };
    let file = sources.add(name, text);
    let parsed = parse(file, text);
    if parsed.diagnostics.is_empty() {
        let printed = print(&parsed.file);
        let again = parse(file, &printed);
        assert!(again.diagnostics.is_empty(), "{name}: the printed text is wrong:\n{printed}");
        assert_eq!(again.file, parsed.file, "{name}: the printed text says something else:\n{printed}");
        return printed;
    }
    parsed.diagnostics.iter().map(|diagnostic| diagnostic.render(&sources, false)).collect()
}

#[test]
fn fixtures() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/syntax");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .expect("the folder of fixtures is there")
        .map(|entry| entry.expect("the folder can be read").file_name().into_string().expect("names are UTF-8"))
        .filter(|name| name.ends_with(".img"))
        .collect();
    names.sort();
    assert!(names.len() >= 60, "only {} fixtures", names.len());
    let mut wrong = Vec::new();
    for name in &names {
        let found = outcome(name, &fs::read(folder.join(name)).expect("a fixture can be read"));
        let expectation = folder.join(name).with_extension("out");
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            fs::write(&expectation, &found).expect("an expectation can be written");
        }
        let expected = fs::read_to_string(&expectation).unwrap_or_default();
        if found != expected {
            wrong.push(format!("== {name}\n-- expected\n{expected}-- found\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "{} fixtures differ (UPDATE_FIXTURES=1 accepts)\n{}", wrong.len(), wrong.join("\n"));
}

/// Every code of the front end is shown by at least one fixture.
#[test]
fn every_code_has_a_fixture() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    // The only file too large to lie in the folder.
    let mut shown = outcome("large.img", &vec![b' '; Limits::DEFAULT.source + 1]);
    for entry in fs::read_dir(folder.join("tests/syntax")).expect("the folder of fixtures is there") {
        let path = entry.expect("the folder can be read").path();
        if path.extension().is_some_and(|extension| extension == "out") {
            shown.push_str(&fs::read_to_string(path).expect("an expectation can be read"));
        }
    }
    for source in ["src/errors.rs", "src/source.rs"] {
        let text = fs::read_to_string(folder.join(source)).expect("the source is there");
        for code in text.split('"').filter(|word| is_code(word)) {
            assert!(shown.contains(&format!("[{code}]")), "no fixture shows {code}");
        }
    }
}

fn is_code(word: &str) -> bool {
    word.len() == 5 && word.starts_with(['E', 'W']) && word[1..].bytes().all(|b| b.is_ascii_digit())
}
