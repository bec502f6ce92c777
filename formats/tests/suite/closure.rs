//! The fixtures of `tests/closure`: `NAME.txt` has a question and a small archive, and `NAME.out` beside it the answer.
//!
//! ```text
//! Sources: trixie 500, backports 100      names and priorities; one source with 500 when it is missing
//! Install: a, b (>= 2), c/backports       the requests
//! Options: essential recommends           none when it is missing
//! Locked: a 1, b 2                        what goes before better versions
//! Limit: 10                               of choices
//!
//! Package: a                              Version 1, priority `optional` and the first source when nothing is said
//! From: backports
//! ```
//! `UPDATE_FIXTURES=1 cargo test -p gravure-formats --test suite` writes the answers anew.

use std::fs;
use std::path::Path;

use gravure_formats::deb822::{Stanza, stanzas};
use gravure_formats::debian::closure::{Closure, Options, Request, VersionLimit, resolve};
use gravure_formats::debian::explain::Link;
use gravure_formats::debian::relation::parse_relations;
use gravure_formats::debian::universe::{Source, Universe};

/// Returns the answer to the question of a fixture.
fn outcome(text: &str) -> String {
    let mut parts = stanzas(text).map(|stanza| stanza.expect("fixtures are well-formed"));
    let question = parts.next().expect("a fixture has a question");
    let sources = sources(question.get("Sources").unwrap_or("trixie 500"));
    let stanzas: Vec<(usize, String)> = parts.map(|stanza| complete(&sources, stanza)).collect();
    let in_order = stanzas.iter().map(|(source, text)| (*source, text.as_str()));
    let requests: Vec<Request> = list(question.get("Install")).map(|text| request(&sources, text)).collect();
    let options = options(question);
    let universe = match Universe::new("amd64", sources.clone(), in_order.clone()) {
        Ok(universe) => universe,
        Err(error) => return format!("{error}\n"),
    };
    let turned = Universe::new("amd64", sources, in_order.rev()).expect("the same stanzas");
    let answer = answer(&universe, &requests, &options);
    assert_eq!(self::answer(&turned, &requests, &options), answer, "the order of stanzas decides");
    answer
}

fn answer(universe: &Universe<'_>, requests: &[Request], options: &Options) -> String {
    match resolve(universe, requests, options) {
        Ok(closure) => show(universe, &closure),
        Err(unmet) => {
            let request = unmet.request().map_or("none".to_owned(), |index| requests[index].name.clone());
            format!("request: {request}\n{unmet}\n")
        }
    }
}

/// One line per package: what it is, and why it is there.
fn show(universe: &Universe<'_>, closure: &Closure) -> String {
    let line = |id| {
        let candidate = universe.candidate(id);
        let source = &universe.sources()[candidate.source].name;
        let chain: Vec<String> = closure.chain(universe, id).iter().map(word).collect();
        format!("{} {} {source}: {}\n", candidate.name, candidate.version, chain.join(" > "))
    };
    closure.packages.iter().map(|chosen| line(chosen.candidate)).collect()
}

fn word(link: &Link) -> String {
    match link {
        Link::Request { index, .. } => format!("request {index}"),
        Link::Essential { .. } => "essential".to_owned(),
        Link::Needed { name, relation } if name == relation => name.clone(),
        Link::Needed { name, relation } => format!("{name} for `{relation}`"),
        Link::Recommended { name, relation } => format!("{name} recommended as `{relation}`"),
    }
}

fn list(field: Option<&str>) -> impl Iterator<Item = &str> {
    field.unwrap_or_default().split(',').map(str::trim).filter(|text| !text.is_empty())
}

fn sources(text: &str) -> Vec<Source> {
    let source = |text: &str| {
        let (name, priority) = text.split_once(' ').expect("a source has a priority");
        Source { name: name.to_owned(), priority: priority.parse().expect("priorities are numbers") }
    };
    list(Some(text)).map(source).collect()
}

/// Adds what the stanza does not say; returns the number of its source with it.
fn complete(sources: &[Source], stanza: Stanza<'_>) -> (usize, String) {
    let mut text = format!("{}\n", stanza.text().trim_end());
    for (field, value) in [("Version", "1"), ("Priority", "optional")] {
        if stanza.get(field).is_none() {
            text += &format!("{field}: {value}\n");
        }
    }
    (number(sources, stanza.get("From").unwrap_or(&sources[0].name)), text)
}

fn number(sources: &[Source], name: &str) -> usize {
    sources.iter().position(|source| source.name == name).expect("the source is named at the top")
}

fn request(sources: &[Source], text: &str) -> Request {
    let (text, source) = text.split_once('/').map_or((text, None), |(text, name)| (text, Some(number(sources, name))));
    let relation = parse_relations(text).expect("requests are relations")[0];
    let limit = |bound: gravure_formats::debian::relation::Bound<'_>| VersionLimit {
        comparison: bound.comparison,
        version: bound.text.to_owned(),
    };
    Request { version: relation.bound.map(limit), source, ..Request::named(relation.name) }
}

fn options(question: Stanza<'_>) -> Options {
    let words = question.get("Options").unwrap_or_default();
    let locked = list(question.get("Locked")).map(|text| {
        let (name, version) = text.split_once(' ').expect("what is locked has a version");
        (name.to_owned(), version.to_owned())
    });
    let limit = question.get("Limit").map(|limit| limit.parse().expect("a limit is a number"));
    Options {
        essential: words.contains("essential"),
        recommends: words.contains("recommends"),
        locked: locked.collect(),
        max_choices: limit.unwrap_or(Options::default().max_choices),
    }
}

#[test]
fn fixtures() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/closure");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .expect("the folder of fixtures is there")
        .map(|entry| entry.expect("the folder can be read").file_name().into_string().expect("names are UTF-8"))
        .filter(|name| name.ends_with(".txt"))
        .collect();
    names.sort();
    assert!(40 <= names.len(), "only {} fixtures", names.len());
    let mut wrong = Vec::new();
    for name in &names {
        let found = outcome(&fs::read_to_string(folder.join(name)).expect("a fixture can be read"));
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
