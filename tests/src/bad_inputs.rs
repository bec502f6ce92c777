//! The table of wrong inputs, `tests/bad-inputs.md`, held against the files that it names.

use std::collections::BTreeSet;
use std::path::Path;

const TABLE: &str = include_str!("../bad-inputs.md");
/// How many rows there are.
const LAST_ROW: u32 = 51;
/// The rows that nothing can show yet; the table says why.
const WITHOUT: [u32; 1] = [37];

/// A line of the table.
struct Row<'t> {
    number: u32,
    file: &'t str,
    answer: &'t str,
}

fn rows() -> impl Iterator<Item = Row<'static>> {
    TABLE.lines().filter_map(|line| {
        let (number, rest) = line.strip_prefix("| ")?.split_once(" | ")?;
        // The head of the table has no number.
        let number = number.parse().ok()?;
        let cells = rest.split_once(" | ").and_then(|(_, rest)| rest.split_once(" | `` "));
        let (file, answer) = cells.unwrap_or_else(|| panic!("a row has four cells: {line}"));
        let answer =
            answer.strip_suffix(" `` |").unwrap_or_else(|| panic!("an answer is in double backquotes: {line}"));
        Some(Row { number, file, answer })
    })
}

#[test]
fn every_row_is_shown_by_the_file_that_it_names() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let wrong: Vec<String> = rows()
        .filter_map(|Row { number, file, answer }| match std::fs::read_to_string(root.join(file)) {
            // A cell of a table may hold a bar only behind a backslash.
            Ok(text) if text.contains(&answer.replace("\\|", "|")) => None,
            Ok(_) => Some(format!("row {number}: `{file}` does not say `{answer}`")),
            Err(error) => Some(format!("row {number}: `{file}`: {error}")),
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_number_has_a_row() {
    let numbers: Vec<u32> = rows().map(|row| row.number).collect();
    assert!(numbers.is_sorted(), "the rows are in order");
    let shown: BTreeSet<u32> = numbers.into_iter().collect();
    let expected: BTreeSet<u32> = (1..=LAST_ROW).filter(|number| !WITHOUT.contains(number)).collect();
    assert_eq!(shown, expected);
}
