//! The limits on nesting and length.

use gravure_lang::{FileId, Limits, MAX_DEPTH, parse, parse_within, print};

const MAX_NESTING: usize = Limits::DEFAULT.nesting;
/// The most that the command line allows.
const MOST_NESTING: usize = 1000;

fn codes(text: &str) -> Vec<&'static str> {
    parse(FileId(0), text).diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
}

#[test]
fn brackets_nest_256_deep() {
    let nested = |levels| format!("x = {}{}", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(codes(&nested(MAX_NESTING)), [""; 0]);
    assert_eq!(codes(&nested(MAX_NESTING + 1)), ["E0020"]);
    assert_eq!(codes(&nested(100_000)), ["E0020"]);
    assert_eq!(codes(&format!("x = {}", "[".repeat(100_000))), ["E0020"]);
    assert_eq!(codes(&format!("x = {}", "{ a = (".repeat(50_000))), ["E0020"]);
    assert_eq!(codes(&format!("x: {}", "List(".repeat(50_000))), ["E0020"]);
}

#[test]
fn interpolations_nest_256_deep() {
    let nested = |levels| format!("x = {}{}", "\"${".repeat(levels), "}\"".repeat(levels));
    assert_eq!(codes(&nested(10_000)), ["E0020"]);
    assert_eq!(codes(&format!("x = {}", "\"${".repeat(10_000))), ["E0020"]);
    assert_eq!(codes(&format!("x = {}", "\"\"\"\n${".repeat(10_000))), ["E0020"]);
    assert_eq!(codes(&format!("x = {}1{}", "\"${".repeat(MAX_NESTING), "}\"".repeat(MAX_NESTING))), [""; 0]);
}

#[test]
fn chains_are_limited() {
    let long = 100_000;
    let chains = [
        format!("x = a{}", " + a".repeat(long)),
        format!("x = a{}", " ?? a".repeat(long)),
        format!("x = {}a", "!".repeat(long)),
        format!("x = {}1", "-".repeat(long)),
        format!("x = a{}", ".a".repeat(long)),
        format!("x = a{}", "()".repeat(long)),
        format!("x = a{}", "[0]".repeat(long)),
        format!("x = a{}", " {}".repeat(long)),
        format!("x = {}1", "if a then 1 else ".repeat(long)),
        format!("x = {}1", "let a = 1 in ".repeat(long)),
        format!("x = {}1", "fn(a) => ".repeat(long)),
        format!("x = {}a{}", "match ".repeat(long), " of {}".repeat(long)),
        format!("x: {}A", "fn(): ".repeat(long)),
        format!("x.y{} = 1", ".a".repeat(long)),
    ];
    for chain in chains {
        assert_eq!(codes(&chain), ["E0021"], "{}", &chain[..40]);
    }
}

/// Brackets and chains together reach no deeper than the limit, and what the limit allows can be walked, compared,
/// copied and dropped on the small stack of a test's thread.
#[test]
fn the_deepest_trees_can_be_walked() {
    let chains = MAX_DEPTH / 2 - 1;
    let deep = [
        format!("x = a{}", " + a".repeat(MAX_DEPTH - 1)),
        format!("x = {}a", "!".repeat(MAX_DEPTH - 1)),
        format!("x = a{}", " {}".repeat(MAX_DEPTH - 1)),
        format!("x = {}1", "if a then 1 else ".repeat(MAX_DEPTH - 1)),
        format!("x = {}1{}", "{ a = ".repeat(MAX_NESTING), " }".repeat(MAX_NESTING)),
        format!("x = {}1{}", "[a + (b) - ".repeat(MAX_NESTING - 1), "]".repeat(MAX_NESTING - 1)),
        format!("x = {}[a{}]", "-".repeat(chains), " * a".repeat(chains)),
        format!("x = {}1{}", "{ a = ".repeat(MOST_NESTING), " }".repeat(MOST_NESTING)),
        format!("x = {}1{}", "\"${".repeat(MOST_NESTING), "}\"".repeat(MOST_NESTING)),
    ];
    let limits = Limits { nesting: MOST_NESTING, ..Limits::DEFAULT };
    for text in deep {
        let parsed = parse_within(FileId(0), &text, &limits);
        assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
        assert_eq!(parsed.file.clone(), parsed.file);
        let printed = print(&parsed.file);
        assert_eq!(parse_within(FileId(0), &printed, &limits).file, parsed.file);
        assert!(format!("{:?}", parsed.file).len() > text.len());
    }
    let chain = " + a".repeat(MAX_DEPTH / 2);
    assert_eq!(codes(&format!("x = [a{chain}]{chain}")), ["E0021"]);
}

/// Long lines full of mistakes take time in proportion to their length (with a quadratic pass this test would run for
/// minutes) and give one diagnostic each.
#[test]
fn long_lines_of_mistakes_are_cheap() {
    let hostile = [
        "@",
        "])",
        "({",
        "-1B,",
        "\\u",
        "\"\"\"",
        "\"",
        "'",
        "\"\\u",
        "1 GB ",
        "a b;",
        "a = = 1; ",
        "## x ",
        "x={a=1 b};",
        "of {",
        "match ",
        "0x ",
        "${",
        "r\"",
        "{,",
        "é",
        "a.then ",
        "\"${",
    ];
    for shard in hostile {
        let text = format!("x = {}", shard.repeat(300_000 / shard.len()));
        let found = parse(FileId(0), &text).diagnostics.len();
        assert_eq!(found, 1, "{shard}");
    }
    let lines = "x = 1 2\ny = ]\n".repeat(20_000);
    assert_eq!(parse(FileId(0), &lines).diagnostics.len(), 200);
}

/// Lints do not use up the room of errors.
#[test]
fn an_error_behind_many_lints_is_reported() {
    let text = format!("{}a = )\n", "x = 1 ## nothing\n".repeat(500));
    assert_eq!(codes(&text).last(), Some(&"E0023"));
    assert_eq!(codes(&text).len(), 200);
}
