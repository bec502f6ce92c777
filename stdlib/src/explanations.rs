//! What each diagnostic means: the sections of the manual's `errors.md`, which is part of the program.
//!
//! ```text
//! ## E0203: a record has no such field       code and title
//!                                            text, and examples between fences
//! ```

/// The page of the manual. What stands above its first section is about all of them.
const PAGE: &str = include_str!("../../docs/manual/errors.md");

/// What a heading of a section begins with.
const HEADING: &str = "\n## ";

/// What the manual says of one code.
#[derive(Clone, Copy, Debug)]
pub struct Explanation {
    /// Such as `E0203`.
    pub code: &'static str,
    /// What the heading says behind the code.
    pub title: &'static str,
    /// Everything below the heading, as it is written.
    pub text: &'static str,
}

/// Returns the explanations of all diagnostics, in the order of their codes.
pub fn explanations() -> impl Iterator<Item = Explanation> {
    PAGE.split(HEADING).skip(1).map(|section| {
        let (heading, text) = section.split_once('\n').unwrap_or((section, ""));
        let (code, title) = heading.split_once(": ").unwrap_or((heading, ""));
        Explanation { code, title, text: text.trim() }
    })
}

impl Explanation {
    /// Returns the explanation as a terminal shows it: examples are indented instead of fenced.
    pub fn plain(&self) -> String {
        let mut plain = format!("{}: {}\n\n", self.code, self.title);
        let mut is_example = false;
        for line in self.text.lines() {
            match line.starts_with("```") {
                true => is_example = !is_example,
                false if is_example && !line.is_empty() => plain.extend(["    ", line, "\n"]),
                false => plain.extend([line, "\n"]),
            }
        }
        plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_indented_instead_of_fenced() {
        let text = "Why.\n\nWrong:\n\n```img\na = {\n\n  b\n}\n```\n\nEnd.";
        let plain = Explanation { code: "E0001", title: "a title", text }.plain();
        assert_eq!(plain, "E0001: a title\n\nWhy.\n\nWrong:\n\n    a = {\n\n      b\n    }\n\nEnd.\n");
    }
}
