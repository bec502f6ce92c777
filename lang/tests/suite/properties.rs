//! What holds for any tree and any text.

use gravure_lang::ast::{File, Item, ItemKind, Name, Operator, Path};
use gravure_lang::{FileId, Parsed, SourceMap, Span, parse, print, print_expression};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::trees;

const FILE: FileId = FileId(0);

/// Pieces of programs, whole and broken.
const SHARDS: [&str; 64] = [
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "\"",
    "\"\"\"",
    "r\"",
    "${",
    "\n",
    "\n  ",
    " ",
    ";",
    ",",
    ".",
    "=",
    "+=",
    "-=",
    "=>",
    ":",
    "|",
    "&",
    "+",
    "-",
    "!",
    "==",
    "<",
    "&&",
    "??",
    "'",
    "'ext4",
    "x",
    "of",
    "match ",
    "if ",
    "then ",
    "else ",
    "let ",
    "in ",
    "fn",
    "fn f",
    "record R ",
    "extends ",
    "type ",
    "check ",
    "mixin ",
    "Map ",
    "import ",
    "as ",
    "abstract ",
    "for ",
    "self",
    "super",
    "super.a",
    "none",
    "12",
    "1.5GiB",
    "1 GB",
    "./p",
    "## doc\n",
    "# note\n",
    "\\",
    "é\r\n",
];

/// A file with every construct, to be broken at random.
const SPECIMEN: &str = include_str!("../syntax/everything.img");

/// Parses, renders what was found, and prints the tree: none of it may panic.
fn survives(text: &str) -> Parsed<'_> {
    let parsed = parse(FILE, text);
    let mut sources = SourceMap::new();
    sources.add("broken.img", text);
    for diagnostic in &parsed.diagnostics {
        diagnostic.render(&sources, false);
    }
    print(&parsed.file);
    parsed
}

proptest! {
    #[test]
    fn printed_files_parse_to_the_same_tree(file in trees::files(4)) {
        let printed = print(&file);
        let parsed = parse(FILE, &printed);
        prop_assert!(parsed.diagnostics.is_empty(), "{printed}\n{:#?}", parsed.diagnostics);
        prop_assert_eq!(&parsed.file, &file, "{}", printed);
        prop_assert_eq!(print(&parsed.file), printed);
    }

    #[test]
    fn printed_expressions_parse_to_the_same_tree(value in trees::expressions(5)) {
        let printed = format!("x = {}", print_expression(&value));
        let parsed = parse(FILE, &printed);
        prop_assert!(parsed.diagnostics.is_empty(), "{printed}\n{:#?}", parsed.diagnostics);
        let span = Span::default();
        let path = Path { name: Name { text: "x", span }, steps: Vec::new(), span };
        let kind = ItemKind::Define { is_abstract: false, path, operator: Operator::Set, value };
        prop_assert_eq!(parsed.file, File { doc: Vec::new(), items: vec![Item { doc: Vec::new(), kind, span }] });
    }

    #[test]
    fn no_row_of_shards_panics(shards in vec(select(&SHARDS[..]), 0..60)) {
        survives(&shards.concat());
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,80}") {
        survives(&text);
    }

    #[test]
    fn no_broken_file_panics(cuts in vec((any::<Index>(), 0usize..4, select(&SHARDS[..])), 1..6)) {
        let mut text: Vec<char> = SPECIMEN.chars().collect();
        for (at, removed, shard) in cuts {
            let at = at.index(text.len() + 1);
            let end = (at + removed).min(text.len());
            text.splice(at..end, shard.chars());
        }
        survives(&text.into_iter().collect::<String>());
    }

    /// A mistake in one item leaves the others as they are.
    #[test]
    fn items_around_a_mistake_are_kept(shards in vec(select(&SHARDS[..32]), 1..6)) {
        let inside = shards.concat().replace(['{', '}', '[', ']', '(', ')', '"'], "");
        let text = format!("before = 1\nx = {{ a = 1 )\n{inside}\n}}\nafter = 2\n");
        let parsed = survives(&text);
        let names: Vec<&str> = parsed.file.items.iter().filter_map(defined).collect();
        prop_assert_eq!(names.first(), Some(&"before"));
        prop_assert_eq!(names.last(), Some(&"after"));
    }
}

fn defined<'s>(item: &Item<'s>) -> Option<&'s str> {
    match &item.kind {
        ItemKind::Define { path, .. } => Some(path.name.text),
        _ => None,
    }
}
