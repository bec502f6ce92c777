//! Properties of evaluation: nothing panics, and what is shown evaluates to the same again.

use std::path::Path;

use gravure_eval::{Evaluator, Limits, Program, Source, Value, World, join_path, with_stack};
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Files by their paths.
struct Texts(Vec<(String, Vec<u8>)>);

impl World for Texts {
    fn source(&self, from: Option<&str>, path: &str) -> Result<Source, String> {
        let folder = from.and_then(|from| from.rsplit_once('/')).map_or("", |(folder, _)| folder);
        let path = join_path(folder, path);
        let (_, bytes) = self.0.iter().find(|(known, _)| *known == path).ok_or("there is no such file")?;
        Ok(Source { path, bytes: bytes.as_slice().into() })
    }
}

/// Small, so that no case takes long.
const LIMITS: Limits = Limits {
    depth: 1000,
    steps: 200_000,
    memory: 64 << 20,
    string: 1 << 16,
    elements: 10_000,
    shown_values: 10_000,
    ..Limits::DEFAULT
};

/// Returns what a file, or its field `field`, is shown as, or the messages about it.
fn shown(world: &Texts, file: &str, field: Option<&str>) -> Result<String, String> {
    let program = Program::load(world, &[file]).map_err(|error| {
        error.diagnostics.iter().map(|diagnostic| diagnostic.render(&error.sources, false)).collect::<String>()
    })?;
    with_stack(|| {
        let heap = bumpalo::Bump::new();
        let evaluator = Evaluator::new(&program, &heap, LIMITS);
        let record = evaluator.module(program.module(file).expect("the file was loaded"));
        let value = match field {
            None => Ok(Value::Record(record)),
            Some(field) => evaluator.field_named(record, field, record.place()).map_err(|diagnostic| vec![*diagnostic]),
        };
        value.and_then(|value| evaluator.show(value, field.unwrap_or("it"))).map_err(|diagnostics| {
            diagnostics.iter().map(|diagnostic| diagnostic.render(&program.sources, false)).collect::<String>()
        })
    })
}

fn name() -> impl Strategy<Value = &'static str> {
    select(vec!["a", "b", "c", "wide-name", "is-it?", "d"])
}

/// Literals of every type that a file can write.
fn literal() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("none".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| if value == i64::MIN { "0".to_owned() } else { format!("({value})") }),
        any::<u64>().prop_map(|bytes| format!("{bytes}B")),
        select(vec!["'ext4", "'boot-loader", "./overlay", "./a/b.png", "../up"]).prop_map(str::to_owned),
        any::<String>().prop_map(|text| format!("join([{}], \"\")", gravure_lang::quote(&text))),
        "[ -~]{0,12}".prop_map(|text| gravure_lang::quote(&text)),
        select(vec!["types.Leaf { }", "types.Leaf { count = 3 }", "types.twice", "types", "len"])
            .prop_map(str::to_owned),
    ]
}

/// Values made of literals.
fn value() -> impl Strategy<Value = String> {
    literal().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|elements| format!("[{}]", elements.join(", "))),
            prop::collection::btree_map("[a-z$\"\\\\ ]{0,4}", inner.clone(), 0..4).prop_map(|entries| {
                let entries: Vec<String> =
                    entries.iter().map(|(key, value)| format!("{} = {value}", gravure_lang::quote(key))).collect();
                format!("Map {{ {} }}", entries.join("; "))
            }),
            prop::collection::btree_map(name(), inner.clone(), 0..4).prop_map(|fields| record(&fields)),
            inner.prop_map(|content| format!("types.Leaf {{ content = {content} }}")),
        ]
    })
}

fn record(fields: &std::collections::BTreeMap<&str, String>) -> String {
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    format!("{{ {} }}", fields.join("; "))
}

const TYPES: &str =
    "record Leaf { count: Int = 1; content: Any = none; twice: Int = count * 2 }\nfn twice(n) = n * 2\n";

/// Expressions that often go wrong.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        literal(),
        name().prop_map(str::to_owned),
        name().prop_map(|name| format!("self.{name}")),
        name().prop_map(|name| format!("super.{name}")),
        any::<i8>().prop_map(|number| number.to_string()),
    ];
    leaf.prop_recursive(5, 40, 3, |inner| {
        let operator = select(vec!["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "??", "&"]);
        let many = prop::collection::vec(inner.clone(), 0..3).prop_map(|all| all.join(", "));
        prop_oneof![
            (inner.clone(), operator, inner.clone())
                .prop_map(|(left, operator, right)| format!("({left}) {operator} ({right})")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(condition, yes, no)| format!("if {condition} then {yes} else {no}")),
            (name(), inner.clone(), inner.clone())
                .prop_map(|(name, value, body)| format!("let {name} = {value} in {body}")),
            (name(), inner.clone(), inner.clone())
                .prop_map(|(name, list, body)| format!("[for {name} in {list} => {body}]")),
            (name(), inner.clone(), many.clone())
                .prop_map(|(name, body, given)| format!("(fn({name}) => {body})({given})")),
            (inner.clone(), name(), inner.clone())
                .prop_map(|(base, name, value)| format!("({base}) {{ {name} = {value} }}")),
            (inner.clone(), name(), inner.clone())
                .prop_map(|(base, name, value)| format!("({base}) {{ {name} += {value} }}")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(base, key, value)| format!("({base}) {{ a[{key}] = {value} }}")),
            (inner.clone(), inner.clone()).prop_map(|(base, key)| format!("({base})[{key}]")),
            (inner.clone(), name()).prop_map(|(base, name)| format!("({base}).{name}")),
            (
                select(vec![
                    "len", "map", "filter", "fold", "range", "join", "flatten", "split", "chars", "keys", "has"
                ]),
                many.clone()
            )
                .prop_map(|(function, given)| format!("{function}({given})")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(subject, pattern, value)| format!(
                "match {subject} of {{ {pattern} => {value}, _ => none }}"
            )),
            many.prop_map(|elements| format!("[{elements}]")),
            (name(), inner.clone(), inner.clone())
                .prop_map(|(name, first, second)| format!("{{ {name} = {first}; other = {second} }}")),
            (name(), inner.clone()).prop_map(|(name, value)| format!("mixin {{ {name} = {value} }}")),
            inner.prop_map(|value| format!("\"text ${{{value}}}\"")),
        ]
    })
}

fn world(main: String) -> Texts {
    Texts(vec![("main.img".to_owned(), main.into_bytes()), ("types.img".to_owned(), TYPES.into())])
}

/// Returns the texts of all fixtures that are one file.
fn fixtures() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/language");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).expect("there are fixtures").map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let files = paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "img"));
    files.map(|path| std::fs::read(path).expect("a fixture can be read")).collect()
}

/// A mistake of the fingers: what is at one place is removed, doubled, or replaced by what is at another.
fn mutated(text: &[u8], edits: &[(Index, Index, u8, u8)]) -> Vec<u8> {
    let mut text = text.to_vec();
    for (at, from, len, how) in edits {
        let (at, from) = (at.index(text.len()), from.index(text.len()));
        let until = (from + usize::from(*len)).min(text.len());
        let piece = text[from..until].to_vec();
        let end = if how % 3 == 0 { at } else { (at + usize::from(*len)).min(text.len()) };
        text.splice(at..end, if how % 3 == 1 { Vec::new() } else { piece });
        if text.is_empty() {
            text.push(b'\n');
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn expressions_have_a_value_or_messages(a in expression(), b in expression(), c in expression()) {
        let text = format!("import \"./types.img\" as types\na = {a}\nlet b = {b}\nc = {{ d = 1; a = {c} }}\n");
        if let Err(messages) = shown(&world(text), "main.img", None) {
            prop_assert!(!messages.is_empty());
        }
    }

    #[test]
    fn what_is_shown_evaluates_to_the_same(
        value in value().prop_filter("a module is shown as its own file", |value| value != "types"),
    ) {
        let text = format!("import \"./types.img\" as types\nit = {value}\n");
        let world = world(text);
        let first = shown(&world, "main.img", Some("it")).expect("values evaluate");
        // A scalar is shown as an expression, all else as a file.
        let again = match first.contains("it = ") {
            true => first.clone(),
            false => format!("it = {first}"),
        };
        let Texts(mut files) = world;
        files.push(("again.img".to_owned(), again.into_bytes()));
        let both = "import \"./main.img\" as main\nimport \"./again.img\" as again\nequal = main.it == again.it\n";
        files.push(("both.img".to_owned(), both.into()));
        let world = Texts(files);
        prop_assert_eq!(shown(&world, "again.img", Some("it")).expect("what is shown evaluates"), first);
        prop_assert_eq!(shown(&world, "both.img", Some("equal")).expect("values can be compared"), "true\n");
    }

    #[test]
    fn mistakes_of_the_fingers_give_a_value_or_messages(
        fixture in any::<Index>(),
        edits in prop::collection::vec((any::<Index>(), any::<Index>(), 0..12u8, any::<u8>()), 1..5),
    ) {
        let fixtures = fixtures();
        let text = mutated(&fixtures[fixture.index(fixtures.len())], &edits);
        let world = Texts(vec![("main.img".to_owned(), text)]);
        if let Err(messages) = shown(&world, "main.img", None) {
            prop_assert!(!messages.is_empty());
        }
    }
}
