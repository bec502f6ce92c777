//! The chapter of the manual about the language: every block of it is a program, and does what the chapter says.
//!
//! Comments say it, for readers and for this test:
//!
//! ```text
//! port = 8000 + 80              # => 8080                what `eval --show port` prints
//! # server.port => 8080                                  the same of a path
//! prot = por                    # E0101: no such name    the mistakes of a block, each at its line; else there are none
//! # --why server.port                                    what `eval --why` prints, in the lines that follow
//! # boards/base.img                                      the file that a block is, if others import it; on its first line
//! ```
//!
//! A block that is marked otherwise, a comment with an arrow that is none of these, or a mistake that no comment tells is a failure.

use gravure_eval::{Evaluator, Limits, ModuleId, Origin, Role, Selector};
use gravure_lang::{Diagnostic, FileId, Place, SourceMap, Span};
use gravure_tests::markdown::{Block, blocks};

use crate::project::Project;

const CHAPTER: &str = include_str!("../../../docs/manual/language.md");

/// The file that a block is where it has no name.
const EXAMPLE: &str = "example.img";

/// What a comment of a block says.
#[derive(Debug, PartialEq)]
enum Claim<'t> {
    /// A path is shown as this.
    Shows { path: &'t str, value: &'t str },
    /// There are mistakes with these codes in this line, counted from 1.
    Fails { line: usize, codes: Vec<&'t str> },
}

/// Returns what the comment of a line claims, if anything.
fn claim(line: &str, number: usize) -> Option<Claim<'_>> {
    let (code, comment) = line.rsplit_once("# ")?;
    let is_code = |word: &str| word.len() == 5 && word.starts_with(['E', 'W']) && word[1..].parse::<u16>().is_ok();
    let codes: Vec<&str> = comment.split_once(": ").map_or(vec![], |(codes, _)| codes.split(", ").collect());
    if codes.first().is_some_and(|code| is_code(code)) {
        return Some(Claim::Fails { line: number, codes });
    }
    let (path, value) = comment.split_once("=> ")?;
    let path = match path.trim() {
        "" => code.trim().split([' ', ':']).next().unwrap_or_default(),
        path => path,
    };
    assert!(!path.is_empty(), "the claim is of nothing: {line}");
    Some(Claim::Shows { path, value: value.trim() })
}

/// Returns the name of the file that a block is.
fn file_of(text: &str) -> &str {
    let first = text.lines().next().and_then(|line| line.strip_prefix("# "));
    first.filter(|name| name.ends_with(".img") && !name.contains(' ')).unwrap_or(EXAMPLE)
}

/// Returns the value of a path as `eval --show` prints it, in one line of its own.
fn shown(evaluator: &Evaluator<'_>, module: ModuleId, path: &str) -> Result<String, Vec<Diagnostic>> {
    let selector = Selector::parse(path).unwrap_or_else(|_| panic!("`{path}` is no path"));
    let record = evaluator.module(module);
    let nowhere = Place { file: FileId(0), span: Span::new(0, 0) };
    let start = evaluator.field_named(record, &selector.name, nowhere).map_err(|mistake| vec![*mistake])?;
    let value = evaluator.select(start, &selector, nowhere.file).map_err(|mistake| vec![*mistake])?;
    let text = evaluator.show(value, selector.last_name())?;
    let text = text.trim();
    Ok(text.strip_prefix(&format!("{} = ", selector.last_name())).unwrap_or(text).to_owned())
}

/// What came of a block.
#[derive(Default)]
struct Outcome {
    /// Code and line of each mistake, and it as a person reads it.
    mistakes: Vec<(usize, &'static str, String)>,
    /// What the claims are about, where there is no mistake.
    values: Vec<String>,
}

fn mistakes(sources: &SourceMap, found: &[Diagnostic]) -> Vec<(usize, &'static str, String)> {
    let mut mistakes: Vec<_> = found
        .iter()
        .map(|mistake| {
            let Place { file, span } = mistake.labels[0].place;
            (sources.line_column(file, span.start).0, mistake.code, mistake.render(sources, false))
        })
        .collect();
    mistakes.sort();
    mistakes
}

/// Evaluates all exports of a file that are not abstract, and the paths.
fn outcome(project: &Project, file: &str, paths: &[&str]) -> Outcome {
    let evaluated = project.evaluate(file, Limits::default(), |evaluator, module| {
        let record = evaluator.module(module);
        let mut found = Vec::new();
        for export in evaluator.exports(module).iter().filter(|export| !export.is_abstract) {
            let value = evaluator.field_named(record, export.name, export.place).map_err(|mistake| vec![*mistake]);
            let text = value.and_then(|value| evaluator.show(value, export.name));
            found.extend(text.err().unwrap_or_default());
        }
        if !found.is_empty() {
            return Err(found);
        }
        paths.iter().map(|path| shown(evaluator, module, path)).collect()
    });
    match evaluated {
        Ok((program, Ok(values))) => Outcome { mistakes: mistakes(&program.sources, &program.warnings), values },
        Ok((program, Err(found))) => Outcome { mistakes: mistakes(&program.sources, &found), values: Vec::new() },
        Err(error) => Outcome { mistakes: mistakes(&error.sources, &error.diagnostics), values: Vec::new() },
    }
}

/// Returns the stories that a block tells: a path, and the lines of `eval --why` with single blanks.
fn stories(text: &str) -> Vec<(&str, Vec<String>)> {
    let mut stories: Vec<(&str, Vec<String>)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("# --why "), line.strip_prefix("#   "), stories.last_mut()) {
            (Some(path), ..) => stories.push((path.trim(), Vec::new())),
            (_, Some(line), Some((_, lines))) => lines.push(line.split_whitespace().collect::<Vec<_>>().join(" ")),
            _ => {}
        }
    }
    stories
}

/// Returns the story of a path in the same form.
fn story(project: &Project, file: &str, path: &str) -> Vec<String> {
    let selector = Selector::parse(path).unwrap_or_else(|_| panic!("`{path}` is no path"));
    let (program, origins) = project
        .evaluate(file, Limits::default(), |evaluator, module| {
            let (record, nowhere) = (evaluator.module(module), FileId(0));
            let place = Place { file: nowhere, span: Span::new(0, 0) };
            let start = evaluator.field_named(record, &selector.name, place).expect("it has a value");
            evaluator.why(Some(record), start, &selector, nowhere).expect("it has a value")
        })
        .unwrap_or_else(|error| panic!("{:?}", error.diagnostics));
    let sources = &program.sources;
    let line_of = |origin: &Origin| {
        let Place { file, span } = origin.place;
        let (line, column) = sources.line_column(file, span.start);
        let role = match origin.role {
            Role::Set => "set here",
            Role::Default => "the default",
            Role::Edited => "edited here",
            Role::Overridden => "overridden",
            Role::Declared => "declared",
        };
        let code = sources.text(file).lines().nth(line - 1).unwrap_or_default().trim();
        format!("{}:{line}:{column} {role} {code}", sources.name(file))
    };
    origins.iter().map(line_of).collect()
}

/// Returns what of a block is not as its comments say.
fn differences(project: &Project, block: &Block<'_>) -> Vec<String> {
    let file = file_of(block.text);
    project.write(file, block.text);
    let (mut paths, mut expected, mut failing) = (Vec::new(), Vec::new(), Vec::new());
    for (i, line) in block.text.lines().enumerate() {
        match claim(line, i + 1) {
            Some(Claim::Shows { path, value }) => {
                paths.push(path);
                expected.push(value);
            }
            Some(Claim::Fails { line, codes }) => failing.extend(codes.iter().map(|code| (line, *code))),
            None => {}
        }
    }
    let Outcome { mistakes, values } = outcome(project, file, &paths);
    if !mistakes.iter().map(|(line, code, _)| (*line, *code)).eq(failing.iter().copied()) {
        let told: String = mistakes.iter().map(|(.., text)| text.as_str()).collect();
        return vec![format!("the mistakes should be {failing:?}, and are\n{told}")];
    }
    if !mistakes.is_empty() && !paths.is_empty() {
        return vec!["a block with mistakes cannot show values".to_owned()];
    }
    let pairs = paths.iter().zip(&expected).zip(&values);
    let values = pairs
        .filter(|((_, expected), found)| *expected != found)
        .map(|((path, expected), found)| format!("`{path}` should be `{expected}`, and is `{found}`"));
    let stories = stories(block.text).into_iter().map(|(path, told)| (path, told, story(project, file, path)));
    let stories = stories
        .filter(|(_, told, found)| told != found)
        .map(|(path, told, found)| format!("the story of `{path}` should be\n{told:#?}, and is\n{found:#?}"));
    values.chain(stories).collect()
}

#[test]
fn every_block_does_what_the_chapter_says() {
    let project = Project::new();
    let blocks = blocks(CHAPTER);
    assert!(blocks.len() >= 30, "the blocks were found");
    let mut failures = Vec::new();
    for block in &blocks {
        assert_eq!(block.mark, "img", "line {}: only programs can be tested", block.line);
        let found = differences(&project, block);
        failures.extend(found.iter().map(|difference| format!("line {}: {difference}", block.line)));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn comments_claim() {
    let fails = |codes| Some(Claim::Fails { line: 3, codes });
    assert_eq!(claim("a = b  # E0101: no such name", 3), fails(vec!["E0101"]));
    assert_eq!(claim("a = b  # E0101, E0102: two", 3), fails(vec!["E0101", "E0102"]));
    assert_eq!(claim("a: Int = 1  # => 1", 1), Some(Claim::Shows { path: "a", value: "1" }));
    assert_eq!(claim("# a[\"b\"].c => [1, 2]", 1), Some(Claim::Shows { path: "a[\"b\"].c", value: "[1, 2]" }));
    assert_eq!(claim("f = fn(x) => x", 1), None);
    assert_eq!(claim("a = 1  # E0101", 1), None);
}

/// What is not as it is written is found.
#[test]
fn what_the_chapter_says_wrongly_is_found() {
    let project = Project::new();
    let differences = |text: &str| differences(&project, &Block { above: "", mark: "img", text, line: 1 });
    assert_eq!(differences("a = 1  # => 1\n"), [""; 0]);
    assert_eq!(differences("a = 1  # => 2\n"), ["`a` should be `2`, and is `1`"]);
    assert!(differences("a = b\n")[0].contains("should be [], and are\nerror[E0101]"));
    assert!(differences("a = 1  # E0101: not at all\n")[0].contains("should be [(1, \"E0101\")], and are\n"));
    assert!(differences("\na = b # E0102: another\n")[0].contains("error[E0101]"));
    assert!(differences("a = 1 # => 1\nb = c # E0101: unknown\n")[0].contains("cannot show values"));
    assert!(differences("a = 1 ## a lint\n")[0].contains("warning[W0001]"));
    let story = |line| format!("a = 1\n# --why a\n#   example.img:1:{line}  set here  a = 1\n");
    assert_eq!(differences(&story(1)), [""; 0]);
    assert!(differences(&story(2))[0].contains("the story of `a` should be"));
}
