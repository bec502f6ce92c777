//! Walks `tests/language`: each `NAME.img`, or folder `NAME` with a `main.img`, is evaluated, and what `eval` would show of
//! its `result` (of the whole file where it has none), or the diagnostics, is compared with `NAME.out`.
//!
//! A line `# --set TEXT` or `# -e TEXT` is what the command line would say.
//!
//! `UPDATE_FIXTURES=1` writes the expectations anew.

use std::path::{Path, PathBuf};

use gravure_eval::{Evaluator, Limits, Program, Request, Source, Value, World, join_path, with_stack};
use gravure_lang::{Diagnostic, SourceMap};

/// The files of one fixture, of which one may have another text.
pub(crate) struct Changed {
    folder: PathBuf,
    /// Its name, and its text.
    change: Option<(String, String)>,
}

impl Changed {
    pub(crate) fn folder(folder: &Path) -> Changed {
        Changed { folder: folder.to_owned(), change: None }
    }

    pub(crate) fn with(&self, file: &str, text: String) -> Changed {
        Changed { change: Some((file.to_owned(), text)), folder: self.folder.clone() }
    }
}

impl World for Changed {
    fn source(&self, from: Option<&str>, path: &str) -> Result<Source, String> {
        let folder = from.and_then(|from| from.rsplit_once('/')).map_or("", |(folder, _)| folder);
        let path = if path.starts_with("std/") { path.to_owned() } else { join_path(folder, path) };
        let file = if path.starts_with("std/") { format!("{path}.img") } else { path.clone() };
        if let Some((changed, text)) = &self.change
            && *changed == file
        {
            return Ok(Source { path, bytes: text.as_bytes().into() });
        }
        let bytes = std::fs::read(self.folder.join(file)).map_err(|_| "there is no such file".to_owned())?;
        Ok(Source { path, bytes: bytes.into() })
    }
}

/// Smaller than by default where reaching a limit takes long.
pub(crate) const LIMITS: Limits = Limits {
    depth: 10_000,
    steps: 20_000_000,
    memory: 512 << 20,
    string: 16 << 20,
    elements: 1_000_000,
    shown_values: 1_000_000,
    ..Limits::DEFAULT
};

fn evaluate(folder: &Path, main: &str) -> String {
    let world = Changed::folder(folder);
    // What the command line would say stands in the first lines.
    let text = std::fs::read(folder.join(main)).unwrap();
    let text = String::from_utf8_lossy(&text);
    let said = |option| text.lines().filter_map(move |line| line.strip_prefix(option)).map(str::to_owned);
    let overrides: Vec<String> = said("# --set ").collect();
    let expression = said("# -e ").next();
    let request =
        Request { files: &[main], overrides: &overrides, expression: expression.as_deref(), ..Request::default() };
    let program = match Program::load_request(&world, &request) {
        Ok(program) => program,
        Err(error) => return render(&error.sources, &error.diagnostics),
    };
    with_stack(|| {
        let heap = bumpalo::Bump::new();
        let evaluator = Evaluator::new(&program, &heap, LIMITS);
        let module = program.module(main).expect("the main file is a module");
        let record = evaluator.module(module);
        let has_result = evaluator.exports(module).iter().any(|export| export.name == "result");
        let value = if let Some((_, value)) = evaluator.expression(module) {
            value
        } else if has_result {
            evaluator.field_named(record, "result", record.place())
        } else {
            Ok(Value::Record(record))
        };
        let shown = match value {
            Ok(value) => evaluator.show(value, "result"),
            Err(diagnostic) => Err(vec![*diagnostic]),
        };
        let warnings: String = program.warnings.iter().map(|warning| warning.render(&program.sources, false)).collect();
        warnings + &shown.unwrap_or_else(|diagnostics| render(&program.sources, &diagnostics))
    })
}

fn render(sources: &SourceMap, diagnostics: &[Diagnostic]) -> String {
    assert!(!diagnostics.is_empty(), "a failure has a diagnostic");
    diagnostics.iter().map(|diagnostic| diagnostic.render(sources, false)).collect()
}

#[test]
fn every_program_evaluates_as_expected() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/language");
    let mut names: Vec<PathBuf> = std::fs::read_dir(&fixtures).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let mut failures = Vec::new();
    let mut n_fixtures = 0;
    for path in
        names.iter().filter(|path| path.is_dir() || path.extension().is_some_and(|extension| extension == "img"))
    {
        n_fixtures += 1;
        let main = if path.is_dir() { "main.img" } else { path.file_name().unwrap().to_str().unwrap() };
        let folder = if path.is_dir() { path } else { &fixtures };
        let found = evaluate(folder, main);
        let expectation = path.with_extension("out");
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            std::fs::write(&expectation, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&expectation).unwrap_or_default();
        if found != expected {
            failures.push(format!("{}:\n--- expected\n{expected}\n--- found\n{found}", path.display()));
        }
    }
    assert!(n_fixtures > 0, "there are no fixtures");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Every code of the evaluator is shown by at least one fixture.
#[test]
fn every_code_has_a_fixture() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let outputs = std::fs::read_dir(folder.join("tests/language")).unwrap().map(|entry| entry.unwrap().path());
    let outputs = outputs.filter(|path| path.extension().is_some_and(|extension| extension == "out"));
    let shown: String = outputs.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let source = std::fs::read_to_string(folder.join("src/errors.rs")).unwrap();
    let is_code = |word: &&str| {
        word.len() == 5 && word.starts_with(['E', 'W']) && word[1..].bytes().all(|letter| letter.is_ascii_digit())
    };
    let codes: Vec<&str> = source.split('"').filter(is_code).collect();
    assert!(codes.len() > 20, "the codes were found");
    for code in codes {
        // More files than this would have to be imported: a test of its own shows it.
        assert!(code == "E0112" || shown.contains(&format!("[{code}]")), "no fixture shows {code}");
    }
}

/// A file that imports as many others as one wants.
struct Ladder;

impl World for Ladder {
    fn source(&self, _from: Option<&str>, path: &str) -> Result<Source, String> {
        let number: usize = path.trim_start_matches("./").parse().map_err(|_| "no number".to_owned())?;
        let text = format!("import \"./{}\" as next\n", number + 1);
        Ok(Source { path: number.to_string(), bytes: text.into_bytes().into() })
    }
}

#[test]
fn too_many_files_are_refused() {
    let error = Program::load(&Ladder, &["0"]).expect_err("there is no end");
    let found = render(&error.sources, &error.diagnostics);
    assert!(found.starts_with("error[E0112]: more than 4096 files are imported"), "{found}");
}
