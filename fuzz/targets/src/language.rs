//! The language: from bytes to values.

use gravure_eval::{Evaluator, Limits, Program, Request, Source, Value, World, join_path, with_stack};
use gravure_lang::{Diagnostic, FileId, Severity, SourceMap, comments, decode, format, parse, parse_expression, print};

use crate::seeds::TYPES;

const FILE: FileId = FileId(0);
/// As `parse` promises.
const MOST_DIAGNOSTICS: usize = 200;

/// Any bytes are decoded, lexed and parsed. Promised is that there are at most 200 diagnostics, and that each can be rendered.
pub(crate) fn lexer(input: &[u8]) {
    let mut sources = SourceMap::new();
    let text = decode(input);
    sources.add("fuzz.img", text.as_deref().map_or_else(|_| String::from_utf8_lossy(input), |text| (*text).into()));
    let diagnostics = match text {
        Ok(text) => parse(FILE, text).diagnostics,
        Err(error) => vec![error.diagnostic(FILE)],
    };
    assert!(diagnostics.len() <= MOST_DIAGNOSTICS, "{} diagnostics", diagnostics.len());
    for diagnostic in &diagnostics {
        assert!(!diagnostic.render(&sources, false).is_empty(), "a diagnostic says nothing");
    }
}

/// A text. Promised is that what parses without an error is printed as a text that parses to the same tree, without an
/// error, and is printed the same again; and that what does not can be printed, too.
pub(crate) fn parser(input: &[u8]) {
    if let Ok(text) = decode(input) {
        round_trip(text);
    }
}

/// As `parser`, with a token for each byte, so that more of the texts are programs.
pub(crate) fn grammar(input: &[u8]) {
    // Longer inputs say nothing new.
    let tokens = input.iter().take(2000).map(|&byte| TOKENS[usize::from(byte) % TOKENS.len()]);
    round_trip(&tokens.collect::<String>());
}

fn round_trip(text: &str) {
    let parsed = parse(FILE, text);
    let printed = print(&parsed.file);
    if parsed.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return;
    }
    let again = parse(FILE, &printed);
    let errors: Vec<_> = again.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "what was printed does not parse:\n{text}\n--- printed\n{printed}\n--- {errors:#?}");
    assert_eq!(again.file, parsed.file, "another tree was printed:\n{text}\n--- printed\n{printed}");
    assert_eq!(print(&again.file), printed, "it is printed in another way the second time:\n{text}");
}

/// A text. Promised is that what parses without an error is formatted as a text with the same tree (the formatter compares
/// them itself) and the same comments, and that formatting that changes nothing.
pub(crate) fn formatter(input: &[u8]) {
    let Ok(text) = decode(input) else { return };
    let Ok(formatted) = format(FILE, text) else { return };
    assert_eq!(
        comments(FILE, &formatted),
        comments(FILE, text),
        "comments have changed:\n{text}\n--- formatted\n{formatted}"
    );
    assert_eq!(
        format(FILE, &formatted).as_ref().ok(),
        Some(&formatted),
        "it is formatted in another way the second time:\n{text}"
    );
}

/// A program that may import a fixed one is resolved, evaluated and shown, with small limits; behind a NUL, which no program has, is
/// what the command line puts on it. Promised is that a failure has messages whose changes can be made, that the heap stays
/// within twice its limit, and that what is shown is text of the language.
pub(crate) fn evaluator(input: &[u8]) {
    let mut parts = input.splitn(2, |&byte| byte == 0);
    let (file, said) = (parts.next().unwrap_or_default(), parts.next());
    let said: Vec<String> = said.map(|said| String::from_utf8_lossy(said).into_owned()).into_iter().collect();
    let is_expression = |text: &&str| parse_expression(FILE, text, &gravure_lang::Limits::DEFAULT).is_ok();
    let expression = said.first().map(String::as_str).filter(is_expression);
    let overrides: &[String] = if expression.is_some() { &[] } else { &said };
    let request = Request { files: &["main.img"], overrides, expression, ..Request::default() };
    match Program::load_request(&Files(file), &request) {
        Ok(program) => {
            check_messages(&program.warnings, &program.sources);
            with_stack(|| evaluate(&program));
        }
        Err(error) => {
            assert!(!error.diagnostics.is_empty(), "a program was refused without a message");
            check_messages(&error.diagnostics, &error.sources);
        }
    }
}

fn check_messages(diagnostics: &[Diagnostic], sources: &SourceMap) {
    for diagnostic in diagnostics {
        assert!(!diagnostic.render(sources, false).is_empty(), "a diagnostic says nothing");
        for file in diagnostic.fix.iter().map(|replacement| replacement.place.file).take(1) {
            diagnostic.fixed(sources.text(file));
        }
    }
}

const LIMITS: Limits = Limits {
    depth: 500,
    steps: 50_000,
    memory: 16 << 20,
    string: 1 << 14,
    elements: 2000,
    shown_values: 2000,
    ..Limits::DEFAULT
};

fn evaluate(program: &Program) {
    let heap = bumpalo::Bump::new();
    let evaluator = Evaluator::new(program, &heap, LIMITS);
    let module = program.module("main.img").expect("the file was loaded");
    let record = evaluator.module(module);
    if let Some((_, Err(mistake))) = evaluator.expression(module) {
        check_messages(&[*mistake], &program.sources);
    }
    match evaluator.show(Value::Record(record), "main") {
        Ok(shown) => {
            let errors = parse(FILE, &shown).diagnostics;
            let error = errors.iter().find(|diagnostic| diagnostic.severity == Severity::Error);
            assert!(error.is_none(), "what is shown does not parse: {shown}\n{error:#?}");
        }
        Err(diagnostics) => {
            assert!(!diagnostics.is_empty(), "an evaluation failed without a message");
            check_messages(&diagnostics, &program.sources);
        }
    }
    // The heap grows by chunks that double.
    assert!(heap.allocated_bytes() <= 2 * LIMITS.memory + (1 << 20), "the heap has {} bytes", heap.allocated_bytes());
}

/// The program, and `types.img`.
struct Files<'a>(&'a [u8]);

impl World for Files<'_> {
    fn source(&self, from: Option<&str>, path: &str) -> Result<Source, String> {
        let folder = from.and_then(|from| from.rsplit_once('/')).map_or("", |(folder, _)| folder);
        let path = join_path(folder, path);
        let bytes = match path.as_str() {
            "main.img" => self.0,
            "types.img" => TYPES.as_bytes(),
            _ => return Err("there is no such file".to_owned()),
        };
        Ok(Source { path, bytes: bytes.into() })
    }
}

/// What the bytes of an input for `grammar` mean.
#[rustfmt::skip]
pub(crate) const TOKENS: [&str; 64] = [
    " ", "\n", "a", "b", "c", "{", "}", "[", "]", "(", ")", "\"", "\"\"\"\n", "r\"", "${", ";", ",", ".", " = ",
    " += ", " -= ", " => ", ": ", " | ", " & ", " + ", " - ", " * ", "!", " == ", " < ", " && ", " || ", " ?? ",
    "'ext4", "of ", "match ", "if ", "then ", "else ", "let ", "in ", "fn", "fn f", "record R ", "extends ", "type ",
    "check ", "mixin ", "Map ", "import ", "as ", "abstract ", "for ", "self", "super", "none", "12", "1.5GiB", "./p",
    "## doc\n", "# note\n", "\\n", "?",
];
