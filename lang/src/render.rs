//! Diagnostics as text for a terminal.
//!
//! What is printed comes from files and from people, so nothing in it may act on the terminal: control characters and
//! marks that reorder text are escaped in messages, and in excerpts of the source replaced by a character of the same
//! length (byte offsets stay true). Of a very long line only the part around the label is shown.

use std::borrow::Cow;
use std::ops::Range;

use codespan_reporting::diagnostic::{self as report, LabelStyle};
use codespan_reporting::files::{self, Files};
use codespan_reporting::term::{self, Config, Styles, StylesWriter, termcolor::Buffer};

use crate::source::is_refused;
use crate::{Diagnostic, FileId, Severity, SourceMap};

/// Lines with more bytes are shown in part.
const LONG_LINE: usize = 120;
/// How many bytes of a long line are shown before and behind the start of a label.
const SHOWN_BEFORE: usize = 40;
const SHOWN_BEHIND: usize = 60;

/// Returns a diagnostic as a person reads it.
pub(crate) fn render(diagnostic: &Diagnostic, sources: &SourceMap, colour: bool) -> String {
    let excerpts = Excerpts::of(diagnostic, sources);
    let report = report_of(diagnostic, &excerpts);
    let config = Config::default();
    let invariant = "labels were cut to the texts, and memory takes all writes";
    if !colour {
        return term::emit_into_string(&config, &excerpts, &report).expect(invariant);
    }
    let styles = Styles::default();
    let mut buffer = Buffer::ansi();
    let mut writer = StylesWriter::new(&mut buffer, &styles);
    term::emit_to_write_style(&mut writer, &config, &excerpts, &report).expect(invariant);
    String::from_utf8(buffer.into_inner()).expect("the report is made of text")
}

fn report_of(diagnostic: &Diagnostic, excerpts: &Excerpts<'_>) -> report::Diagnostic<FileId> {
    let severity = match diagnostic.severity {
        Severity::Error => report::Severity::Error,
        Severity::Warning => report::Severity::Warning,
    };
    let labels = diagnostic.labels.iter().enumerate().map(|(index, label)| {
        let style = if index == 0 { LabelStyle::Primary } else { LabelStyle::Secondary };
        let range = excerpts.get(label.place.file).map(label.place.span.range());
        report::Label::new(style, label.place.file, range).with_message(printable(&label.text, false))
    });
    let help = diagnostic.help.iter().map(|help| format!("help: {}", printable(help, true)));
    report::Diagnostic::new(severity)
        .with_code(diagnostic.code)
        .with_message(printable(&diagnostic.message, false))
        .with_labels(labels.collect())
        .with_notes(
            diagnostic.notes.iter().map(|note| format!("note: {}", printable(note, true))).chain(help).collect(),
        )
}

/// Escapes what would act on a terminal.
fn printable(text: &str, keeps_lines: bool) -> Cow<'_, str> {
    let acts = |c: char| is_refused(c) || (c == '\n' && !keeps_lines);
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let escaped = |c: char| if acts(c) { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(escaped).collect())
}

/// Replaces what would act on a terminal by harmless characters of the same length.
fn harmless(text: &str) -> Cow<'_, str> {
    if !text.contains(is_refused) {
        return Cow::Borrowed(text);
    }
    let replaced = |(at, c): (usize, char)| match c.len_utf8() {
        _ if !is_refused(c) || text[at..].starts_with("\r\n") => c,
        1 => '?',
        2 => '\u{bf}',
        _ => char::REPLACEMENT_CHARACTER,
    };
    Cow::Owned(text.char_indices().map(replaced).collect())
}

/// The texts that a diagnostic points into.
struct Excerpts<'s> {
    of_files: Vec<(FileId, Excerpt<'s>)>,
}

impl<'s> Excerpts<'s> {
    fn of(diagnostic: &Diagnostic, sources: &'s SourceMap) -> Excerpts<'s> {
        let mut of_files: Vec<(FileId, Excerpt)> = Vec::new();
        for label in &diagnostic.labels {
            let file = label.place.file;
            if of_files.iter().any(|(known, _)| *known == file) {
                continue;
            }
            let spans = diagnostic.labels.iter().filter(|label| label.place.file == file).map(|label| label.place.span);
            let starts = spans.map(|span| span.start as usize).collect();
            of_files.push((file, Excerpt::new(sources.name(file), sources.text(file), starts)));
        }
        Excerpts { of_files }
    }

    fn get(&self, file: FileId) -> &Excerpt<'s> {
        self.find(file).expect("excerpts were made for the files of all labels")
    }

    fn find(&self, file: FileId) -> Option<&Excerpt<'s>> {
        self.of_files.iter().find(|(known, _)| *known == file).map(|(_, excerpt)| excerpt)
    }
}

/// A text whose long labelled lines have been shortened.
struct Excerpt<'s> {
    name: Cow<'s, str>,
    text: Cow<'s, str>,
    line_starts: Vec<usize>,
    cuts: Vec<Cut>,
}

/// A line of which only a part is shown.
struct Cut {
    /// Its index.
    line: usize,
    /// Its range in the whole text.
    whole: Range<usize>,
    /// The part that is shown.
    shown: Range<usize>,
    /// How many characters are not shown before that.
    columns: usize,
}

const ELLIPSIS: &str = "…";

impl<'s> Excerpt<'s> {
    fn new(name: &'s str, text: &'s str, labels: Vec<usize>) -> Excerpt<'s> {
        let text = harmless(text);
        let line_starts: Vec<usize> = files::line_starts(&text).collect();
        let mut cuts: Vec<Cut> = Vec::new();
        for start in labels {
            let start = floor_char_boundary(&text, start);
            let line = line_starts.partition_point(|line_start| *line_start <= start) - 1;
            let end = line_starts.get(line + 1).map_or(text.len(), |next| next - 1);
            let whole = line_starts[line]..end;
            if whole.len() > LONG_LINE && cuts.iter().all(|cut| cut.line != line) {
                let from = floor_char_boundary(&text, start.saturating_sub(SHOWN_BEFORE).max(whole.start));
                let to = floor_char_boundary(&text, (start + SHOWN_BEHIND).min(whole.end));
                let columns = text[whole.start..from].chars().count();
                cuts.push(Cut { line, whole, shown: from..to, columns });
            }
        }
        cuts.sort_by_key(|cut| cut.line);
        let (text, line_starts) = match cuts.is_empty() {
            true => (text, line_starts),
            false => {
                let cut = cut_lines(&text, &cuts);
                let line_starts = files::line_starts(&cut).collect();
                (Cow::Owned(cut), line_starts)
            }
        };
        Excerpt { name: printable(name, false), text, line_starts, cuts }
    }

    /// Returns where a range of the whole text is in the excerpt.
    fn map(&self, range: Range<usize>) -> Range<usize> {
        let start = floor_char_boundary(&self.text, self.map_byte(range.start));
        let end = floor_char_boundary(&self.text, self.map_byte(range.end));
        start..end.max(start)
    }

    fn map_byte(&self, byte: usize) -> usize {
        let mut removed = 0;
        for cut in &self.cuts {
            if byte < cut.whole.start {
                break;
            }
            if byte <= cut.whole.end {
                let inside = byte.clamp(cut.shown.start, cut.shown.end) - cut.shown.start;
                return cut.whole.start - removed + ELLIPSIS.len() + inside;
            }
            removed += cut.whole.len() - cut.shown.len() - 2 * ELLIPSIS.len();
        }
        byte - removed
    }
}

fn cut_lines(text: &str, cuts: &[Cut]) -> String {
    let mut out = String::new();
    let mut at = 0;
    for cut in cuts {
        out.push_str(&text[at..cut.whole.start]);
        out.push_str(ELLIPSIS);
        out.push_str(&text[cut.shown.clone()]);
        out.push_str(ELLIPSIS);
        at = cut.whole.end;
    }
    out.push_str(&text[at..]);
    out
}

fn floor_char_boundary(text: &str, byte: usize) -> usize {
    (0..=byte.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

impl<'a> Files<'a> for Excerpts<'_> {
    type FileId = FileId;
    type Name = &'a str;
    type Source = &'a str;

    fn name(&'a self, file: FileId) -> Result<&'a str, files::Error> {
        Ok(&self.find(file).ok_or(files::Error::FileMissing)?.name)
    }

    fn source(&'a self, file: FileId) -> Result<&'a str, files::Error> {
        Ok(&self.find(file).ok_or(files::Error::FileMissing)?.text)
    }

    fn line_index(&'a self, file: FileId, byte: usize) -> Result<usize, files::Error> {
        let excerpt = self.find(file).ok_or(files::Error::FileMissing)?;
        Ok(excerpt.line_starts.partition_point(|start| *start <= byte) - 1)
    }

    fn line_range(&'a self, file: FileId, line: usize) -> Result<Range<usize>, files::Error> {
        let excerpt = self.find(file).ok_or(files::Error::FileMissing)?;
        let missing = files::Error::LineTooLarge { given: line, max: excerpt.line_starts.len() - 1 };
        let start = *excerpt.line_starts.get(line).ok_or(missing)?;
        Ok(start..excerpt.line_starts.get(line + 1).copied().unwrap_or(excerpt.text.len()))
    }

    fn column_number(&'a self, file: FileId, line: usize, byte: usize) -> Result<usize, files::Error> {
        let excerpt = self.find(file).ok_or(files::Error::FileMissing)?;
        let range = self.line_range(file, line)?;
        let shown = files::column_index(&excerpt.text, range, byte);
        let cut = excerpt.cuts.iter().find(|cut| cut.line == line);
        Ok(cut.map_or(shown + 1, |cut| shown + cut.columns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Place, Span};

    fn shown(text: &str, message: &str, span: Span) -> String {
        let mut sources = SourceMap::new();
        let file = sources.add("a.img", text);
        Diagnostic::error("E0030", message, Place { file, span }, "here").help("do better").render(&sources, false)
    }

    #[test]
    fn a_label_with_help() {
        insta::assert_snapshot!(shown("a = 1\nb = ]\n", "expected an expression", Span::new(10, 11)), @r"
        error[E0030]: expected an expression
          ┌─ a.img:2:5
          │
        2 │ b = ]
          │     ^ here
          │
          = help: do better
        ");
    }

    #[test]
    fn nothing_acts_on_the_terminal() {
        let out = shown("a = \u{1b}[31m \u{202e}\u{9b}x\n", "odd \u{1b}[0m `\u{202e}`\nname", Span::new(4, 5));
        insta::assert_snapshot!(out, @r"
        error[E0030]: odd \u{1b}[0m `\u{202e}`\nname
          ┌─ a.img:1:5
          │
        1 │ a = ?[31m �¿x
          │     ^ here
          │
          = help: do better
        ");
        assert!(!out.contains(is_refused), "{out:?}");
    }

    #[test]
    fn a_long_line_is_cut() {
        let text = format!("b = 1\na = [{}oops{}]\nc = 1\n", "é, ".repeat(1000), "1, ".repeat(1000));
        let at = text.find("oops").unwrap_or(0);
        insta::assert_snapshot!(shown(&text, "unknown name", Span::new(at, at + 4)), @r"
        error[E0030]: unknown name
          ┌─ a.img:2:3006
          │
        2 │ …é, é, é, é, é, é, é, é, é, é, oops1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,…
          │                                ^^^^ here
          │
          = help: do better
        ");
    }

    #[test]
    fn places_outside_of_the_text_are_cut() {
        let out = shown("é", "odd", Span::new(1, 900));
        insta::assert_snapshot!(out, @r"
        error[E0030]: odd
          ┌─ a.img:1:1
          │
        1 │ é
          │ ^ here
          │
          = help: do better
        ");
    }

    #[test]
    fn colour() {
        let mut sources = SourceMap::new();
        let file = sources.add("a.img", "a = ]\n");
        let place = Place { file, span: Span::new(4, 5) };
        let out = Diagnostic::error("E0030", "wrong", place, "here").render(&sources, true);
        assert!(out.contains("\u{1b}["), "{out:?}");
    }
}
