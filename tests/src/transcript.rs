//! A transcript: commands, and what each of them answered.
//!
//! ```text
//! What this shows; everything up to the first command is for the reader.
//!
//! $ gravure eval --show os.timezone my.img
//! "Europe/Paris"
//!
//! $ gravure build typo.img
//! ? 1
//! 2>
//! error[E0203]: ...
//! ```
//!
//! After a command come its exit code, `? N`, unless it is 0; what it wrote to stdout; and, after a line `2>`, what it
//! wrote to stderr. Empty lines at the end of either stream are not compared, so an empty line may part two commands.
//! In an expected line `[..]` stands for any text.

/// Stands for any text within a line.
const ANYTHING: &str = "[..]";
const COMMAND: &str = "$ ";
const CODE: &str = "? ";
const STDERR: &str = "2>";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Transcript {
    /// The text before the first command.
    pub(crate) heading: String,
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) command: String,
    pub(crate) answer: Answer,
}

/// What a command answered. The streams end without a line break.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Transcript {
    pub(crate) fn parse(text: &str) -> Self {
        let mut parts = split_before_lines(text, COMMAND).into_iter();
        let heading = parts.next().unwrap_or_default().trim_end().to_owned();
        Self { heading, steps: parts.map(parse_step).collect() }
    }

    /// Returns the text that `parse` reads as this transcript, or what in it cannot be written so.
    pub(crate) fn render(&self) -> Result<String, String> {
        let mut text = self.heading.clone();
        for step in &self.steps {
            if !text.is_empty() {
                text.push_str("\n\n");
            }
            text.push_str(&step.render()?);
        }
        text.push('\n');
        Ok(text)
    }
}

impl Step {
    fn render(&self) -> Result<String, String> {
        let Answer { code, stdout, stderr } = &self.answer;
        let mut lines = vec![format!("{COMMAND}{}", self.command)];
        if *code != 0 {
            lines.push(format!("{CODE}{code}"));
        }
        if !stdout.is_empty() {
            lines.push(stdout.clone());
        }
        if !stderr.is_empty() {
            lines.extend([STDERR.to_owned(), stderr.clone()]);
        }
        let text = lines.join("\n");
        if Transcript::parse(&text).steps != [self.clone()] {
            return Err(format!("the answer of `{}` contains a line that has a meaning in transcripts", self.command));
        }
        Ok(text)
    }
}

impl Answer {
    pub(crate) fn new(code: i32, stdout: &str, stderr: &str) -> Self {
        Self { code, stdout: without_last_breaks(stdout), stderr: without_last_breaks(stderr) }
    }

    /// Whether this, as an expectation, is met by what came.
    pub(crate) fn matches(&self, actual: &Self) -> bool {
        self.code == actual.code
            && text_matches(&self.stdout, &actual.stdout)
            && text_matches(&self.stderr, &actual.stderr)
    }
}

/// Returns the text before the first line that starts so, and each such line with what follows it, without the mark.
fn split_before_lines<'a>(text: &'a str, mark: &str) -> Vec<&'a str> {
    let starts = text.match_indices(mark).map(|(at, _)| at).filter(|&at| at == 0 || text.as_bytes()[at - 1] == b'\n');
    let starts: Vec<usize> = starts.collect();
    let ends = starts.iter().copied().skip(1).chain([text.len()]);
    let heading = &text[..starts.first().copied().unwrap_or(text.len())];
    let parts = starts.iter().zip(ends).map(|(&start, end)| &text[start + mark.len()..end]);
    [heading].into_iter().chain(parts).collect()
}

fn parse_step(text: &str) -> Step {
    let (command, mut answer) = text.split_once('\n').unwrap_or((text, ""));
    let mut code = 0;
    let (first, rest) = answer.split_once('\n').unwrap_or((answer, ""));
    if let Some(number) = first.strip_prefix(CODE).and_then(|digits| digits.parse().ok()) {
        (code, answer) = (number, rest);
    }
    let mut lines = answer.lines();
    let stdout: Vec<&str> = lines.by_ref().take_while(|&line| line != STDERR).collect();
    let stderr: Vec<&str> = lines.collect();
    Step { command: command.to_owned(), answer: Answer::new(code, &stdout.join("\n"), &stderr.join("\n")) }
}

fn without_last_breaks(text: &str) -> String {
    text.trim_end_matches('\n').to_owned()
}

fn text_matches(expected: &str, actual: &str) -> bool {
    let (mut expected, mut actual) = (expected.split('\n'), actual.split('\n'));
    loop {
        match (expected.next(), actual.next()) {
            (None, None) => return true,
            (Some(expected), Some(actual)) if line_matches(expected, actual) => {}
            _ => return false,
        }
    }
}

fn line_matches(expected: &str, actual: &str) -> bool {
    let Some((start, rest)) = expected.split_once(ANYTHING) else {
        return expected == actual;
    };
    let (middles, end) = rest.rsplit_once(ANYTHING).unwrap_or(("", rest));
    let Some(mut actual) = actual.strip_prefix(start).and_then(|actual| actual.strip_suffix(end)) else {
        return false;
    };
    // The earliest place for each piece leaves the most room for the pieces after it.
    middles.split(ANYTHING).all(|piece| match actual.find(piece) {
        Some(at) => {
            actual = &actual[at + piece.len()..];
            true
        }
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "\
Shows a mistake.

$ gravure eval --show os.timezone my.img
\"Europe/Paris\"

$ gravure build typo.img
? 1
2>
error[E0203]: no field `timzone`

  help: `timezone`

$ ls
typo.img
";

    fn step(command: &str, code: i32, stdout: &str, stderr: &str) -> Step {
        Step { command: command.to_owned(), answer: Answer::new(code, stdout, stderr) }
    }

    #[test]
    fn a_transcript_is_read() {
        let expected = Transcript {
            heading: "Shows a mistake.".to_owned(),
            steps: vec![
                step("gravure eval --show os.timezone my.img", 0, "\"Europe/Paris\"\n", ""),
                step("gravure build typo.img", 1, "", "error[E0203]: no field `timzone`\n\n  help: `timezone`\n"),
                step("ls", 0, "typo.img", ""),
            ],
        };
        assert_eq!(Transcript::parse(SAMPLE), expected);
    }

    #[test]
    fn a_transcript_is_written_as_it_was_read() {
        assert_eq!(Transcript::parse(SAMPLE).render().unwrap(), SAMPLE);
    }

    #[test]
    fn an_answer_with_both_streams_and_a_code_is_kept_apart() {
        let both = Transcript { heading: String::new(), steps: vec![step("x", 3, "out\n\nmore", "err")] };
        let text = both.render().unwrap();
        assert_eq!(text, "$ x\n? 3\nout\n\nmore\n2>\nerr\n");
        assert_eq!(Transcript::parse(&text), both);
    }

    #[test]
    fn an_answer_that_would_be_misread_is_refused() {
        for stdout in ["$ not a command", "? 1", "a\n2>\nb"] {
            let transcript = Transcript { heading: String::new(), steps: vec![step("x", 0, stdout, "")] };
            assert!(transcript.render().unwrap_err().contains("`x`"), "{stdout}");
        }
    }

    #[test]
    fn anything_stands_for_any_text_in_a_line() {
        for (expected, actual, same) in [
            ("took [..] s", "took 1.25 s", true),
            ("[..]", "", true),
            ("a[..]b[..]c", "a-b-b-c", true),
            ("a[..]b[..]c", "a-c", false),
            ("ab[..]bc", "abc", false),
            ("took [..] s", "took 1\n s", false),
            ("one\n[..]", "one", false),
            ("one", "one\ntwo", false),
        ] {
            assert_eq!(text_matches(expected, actual), same, "{expected:?} {actual:?}");
        }
    }
}
