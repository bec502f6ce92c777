//! `gravure explain`: says what a diagnostic means, as the manual does.

use std::cmp::Reverse;

use gravure_stdlib::{Explanation, explanations};

use crate::arguments::Explain;
use crate::terminal;
use crate::trouble::{Complaint, Trouble};

/// How many codes are named where one is unknown.
const MOST_NEAR: usize = 3;

pub(crate) fn run(arguments: &Explain) -> Result<(), Trouble> {
    let Some(code) = &arguments.code else {
        terminal::result(&list());
        return Ok(());
    };
    match explanations().find(|explanation| explanation.code.eq_ignore_ascii_case(code)) {
        Some(explanation) => terminal::result(&explanation.plain()),
        None => return Err(unknown(code).into()),
    }
    Ok(())
}

/// Returns a line for each code.
fn list() -> String {
    explanations().map(|Explanation { code, title, .. }| format!("{code}  {title}\n")).collect()
}

fn unknown(code: &str) -> Complaint {
    let near: Vec<String> = nearest(code).into_iter().map(|near| format!("`{near}`")).collect();
    let complaint = Complaint::usage(format!("there is no diagnostic `{code}`"));
    let complaint = match &near[..] {
        [] => complaint,
        near => complaint.help(format!("the nearest are {}", near.join(", "))),
    };
    complaint.help("`gravure explain` lists all codes")
}

/// Returns the codes that differ least from what was typed, at most in two characters; of equals, those that begin as it.
fn nearest(code: &str) -> Vec<&'static str> {
    let code = code.to_ascii_uppercase();
    let mut near: Vec<(usize, &str)> =
        explanations().map(|known| (difference(&code, known.code), known.code)).filter(|(far, _)| *far <= 2).collect();
    near.sort_by_key(|(far, known)| (*far, Reverse(common_start(&code, known))));
    near.into_iter().take(MOST_NEAR).map(|(_, known)| known).collect()
}

/// Returns in how many places two codes differ, counted from their ends: `203` lacks two characters of `E0203`.
fn difference(one: &str, other: &str) -> usize {
    let lengths = (one.chars().count(), other.chars().count());
    let pairs = one.chars().rev().zip(other.chars().rev());
    pairs.filter(|(one, other)| one != other).count() + lengths.0.abs_diff(lengths.1)
}

fn common_start(one: &str, other: &str) -> usize {
    one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_codes_come_first() {
        assert_eq!(nearest("203")[0], "E0203");
        assert_eq!(nearest("e203")[0], "E0203");
        assert_eq!(nearest("e0299").len(), MOST_NEAR);
        assert!(nearest("a-file.img").is_empty());
    }
}
