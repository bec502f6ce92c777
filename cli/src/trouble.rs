//! What went wrong in a run: mistakes in the user's text, and failures of everything else.
//!
//! Mistakes are shown in the order of the files and of the text, one that many files share once. The exit code is the
//! smallest of all that went wrong.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::error::Error;
use std::io;

use gravure_lang::{Diagnostic, Place, Severity, SourceMap, Step};
use gravure_sources as sources;

use crate::events::{self, ImageName, ShownPlace};
use crate::terminal::{self, Format};

/// The configuration is wrong.
pub(crate) const WRONG_CONFIGURATION: u8 = 1;
/// Wrong usage; a named file or type is not there.
pub(crate) const WRONG_USAGE: u8 = 2;
/// A build failed.
pub(crate) const BUILD_FAILED: u8 = 3;
/// Input, output or network failed.
pub(crate) const OUTSIDE_FAILED: u8 = 4;
/// A hash, a signature or reproducibility does not hold.
pub(crate) const NOT_AS_EXPECTED: u8 = 5;
/// Somebody pressed Ctrl-C.
pub(crate) const INTERRUPTED: i32 = 130;

/// Everything that went wrong.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    /// The texts that the mistakes point into.
    sources: SourceMap,
    mistakes: Vec<Diagnostic>,
    complaints: Vec<Complaint>,
    /// What is to be said when all that went wrong has been said.
    last_word: String,
}

/// How the names of the library's files begin.
const LIBRARY: &str = "std/";

/// How many steps of a trace are told.
const MOST_STEPS: usize = 30;

/// How many images a complaint names as those that are lost.
const MOST_NAMED: usize = 5;

/// What a help starts with among the lines of a complaint.
const HELP: &str = "help: ";
/// What a note starts with.
const NOTE: &str = "note: ";

/// Something that went wrong outside of the user's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    exit_code: u8,
    message: String,
    /// Further lines: what to type instead, and facts.
    notes: Vec<String>,
    about: Box<About>,
}

/// What a complaint has to do with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct About {
    /// The key of the node that failed.
    node: Option<String>,
    /// Places in the user's text.
    places: Vec<ShownPlace>,
    /// The images that are lost by it.
    images: Vec<LostImage>,
}

/// An image that something went wrong with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LostImage {
    pub(crate) name: ImageName,
    /// The file of the configuration.
    pub(crate) file: String,
    /// What the image would be called; none where that is not known.
    pub(crate) file_name: Option<String>,
}

impl LostImage {
    /// Returns how people call it: "`two-small.raw` of `boards/two.img`".
    pub(crate) fn shown(&self) -> String {
        match &self.file_name {
            Some(file_name) => format!("`{file_name}` of `{}`", self.file),
            None => format!("`{}`", self.name.0),
        }
    }
}

impl Complaint {
    /// Returns a complaint; lines of the message after the first are notes of it.
    pub(crate) fn new(exit_code: u8, message: impl Into<String>) -> Complaint {
        let message = message.into();
        let mut lines = message.split('\n').map(str::to_owned);
        let first = lines.next().unwrap_or_default();
        Complaint { exit_code, message: first, notes: lines.collect(), about: Box::default() }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Complaint {
        Complaint::new(WRONG_USAGE, message)
    }

    /// Returns a complaint about a node that failed.
    pub(crate) fn of_failure(message: impl Into<String>, failure: &(dyn Error + 'static)) -> Complaint {
        Complaint::new(outside_error(failure).map_or(BUILD_FAILED, sources::Error::exit_code), message)
    }

    /// Says what to type.
    pub(crate) fn help(self, text: impl Into<String>) -> Complaint {
        self.line(format!("{HELP}{}", text.into()))
    }

    /// Adds a fact.
    pub(crate) fn note(self, text: impl Into<String>) -> Complaint {
        self.line(format!("{NOTE}{}", text.into()))
    }

    fn line(mut self, line: String) -> Complaint {
        self.notes.push(line);
        self
    }

    /// Says which node failed, by its key.
    pub(crate) fn node(mut self, key: impl ToString) -> Complaint {
        self.about.node = Some(key.to_string());
        self
    }

    /// Says where something is said that has to do with it; the place's text is how the note starts.
    pub(crate) fn place(mut self, place: ShownPlace) -> Complaint {
        self.notes.push(note_of(&place));
        self.about.places.push(place);
        self
    }

    /// Says which images are lost by it.
    pub(crate) fn needed_by(mut self, images: impl IntoIterator<Item = LostImage>) -> Complaint {
        self.about.images.extend(images);
        self
    }

    /// Returns the line that names the images that are lost.
    fn lost(&self) -> Option<String> {
        let names: Vec<String> = self.about.images.iter().take(MOST_NAMED).map(LostImage::shown).collect();
        match self.about.images.len() - names.len() {
            _ if names.is_empty() => None,
            0 => Some(format!("{NOTE}needed by {}", names.join(", "))),
            more => Some(format!("{NOTE}needed by {} and {more} more", names.join(", "))),
        }
    }

    /// Whether both say the same, be it of different images.
    fn says_the_same(&self, other: &Complaint) -> bool {
        let said = |complaint: &Complaint| {
            let Complaint { exit_code, message, notes, about } = complaint.clone();
            (exit_code, message, notes, about.node, about.places)
        };
        said(self) == said(other)
    }

    fn render(&self) -> String {
        let mut text = format!("{} {}\n", terminal::red("error:"), escaped(&self.message));
        for note in self.notes.iter().chain(&self.lost()) {
            text += &format!("  = {}\n", escaped(note));
        }
        text
    }

    /// Returns the same for other programs.
    fn event(&self) -> events::Diagnostic {
        let is_place =
            |note: &str| self.about.places.iter().any(|place| note_of(place).strip_prefix(NOTE) == Some(note));
        let rest = |mark: &'static str| self.notes.iter().filter_map(move |line| line.strip_prefix(mark));
        let unmarked =
            self.notes.iter().map(String::as_str).filter(|line| !line.starts_with(HELP) && !line.starts_with(NOTE));
        events::Diagnostic {
            severity: events::Severity::Error,
            code: None,
            exit_code: self.exit_code,
            message: self.message.clone(),
            places: self.about.places.clone(),
            notes: rest(NOTE).filter(|note| !is_place(note)).chain(unmarked).map(str::to_owned).collect(),
            help: rest(HELP).map(str::to_owned).collect(),
            fix: Vec::new(),
            node: self.about.node.clone(),
            images: self.about.images.iter().map(|image| image.name.clone()).collect(),
        }
    }
}

impl From<sources::Error> for Complaint {
    fn from(error: sources::Error) -> Complaint {
        Complaint::new(error.exit_code(), error.message)
    }
}

impl<T: Into<Complaint>> From<T> for Trouble {
    fn from(complaint: T) -> Trouble {
        Trouble { complaints: vec![complaint.into()], ..Trouble::default() }
    }
}

impl Trouble {
    /// Returns mistakes that point into these texts.
    pub(crate) fn mistakes(sources: &SourceMap, mistakes: Vec<Diagnostic>) -> Trouble {
        Trouble { sources: sources.clone(), mistakes, ..Trouble::default() }
    }

    /// Adds mistakes that point into the same texts as those before.
    pub(crate) fn add_mistakes(&mut self, sources: &SourceMap, mistakes: Vec<Diagnostic>) {
        if !mistakes.is_empty() {
            self.sources = sources.clone();
            self.mistakes.extend(mistakes);
        }
    }

    /// Adds a complaint; one that all files of a batch share is kept once, with all images that are lost by it.
    pub(crate) fn complain(&mut self, complaint: impl Into<Complaint>) {
        let complaint = complaint.into();
        match self.complaints.iter_mut().find(|known| known.says_the_same(&complaint)) {
            Some(known) => {
                let more = complaint.about.images.into_iter().filter(|image| !known.about.images.contains(image));
                known.about.images.extend(more.collect::<Vec<_>>());
            }
            None => self.complaints.push(complaint),
        }
    }

    /// Says this at last.
    pub(crate) fn end_with(&mut self, text: String) {
        self.last_word = text;
    }

    /// Adds what went wrong elsewhere in the same program.
    pub(crate) fn extend(&mut self, other: Trouble) {
        self.add_mistakes(&other.sources, other.mistakes);
        other.complaints.into_iter().for_each(|complaint| self.complain(complaint));
        self.last_word += &other.last_word;
    }

    /// Returns `value` if nothing went wrong.
    pub(crate) fn or<T>(self, value: T) -> Result<T, Trouble> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.mistakes.is_empty() && self.complaints.is_empty()
    }

    /// Returns the smallest exit code of all that went wrong.
    pub(crate) fn exit_code(&self) -> u8 {
        let of_mistakes = self.mistakes.iter().map(|_| WRONG_CONFIGURATION);
        of_mistakes.chain(self.complaints.iter().map(|complaint| complaint.exit_code)).min().unwrap_or(0)
    }

    /// Prints everything to stderr.
    pub(crate) fn print(&self) {
        if terminal::format() == Format::Json {
            return self.events().into_iter().for_each(print_event);
        }
        let mistakes = in_order(&self.mistakes);
        for mistake in &mistakes {
            terminal::say(&traced(mistake, &self.sources).render(&self.sources, terminal::is_coloured()));
        }
        for complaint in &self.complaints {
            terminal::say(&complaint.render());
        }
        if !mistakes.is_empty() {
            terminal::say(&format!("{} {}\n", terminal::red("error:"), summary(&mistakes)));
        }
        terminal::say(&self.last_word);
    }

    /// Returns the same for other programs, in the same order.
    pub(crate) fn events(&self) -> Vec<events::Diagnostic> {
        let mistakes = in_order(&self.mistakes).into_iter().map(|mistake| event_of(mistake, &self.sources));
        mistakes.chain(self.complaints.iter().map(Complaint::event)).collect()
    }
}

/// Returns the note that says where something is said.
fn note_of(place: &ShownPlace) -> String {
    let ShownPlace { file, line, column, text, .. } = place;
    format!("{NOTE}{text} {file}:{line}:{column}")
}

/// Returns warnings for other programs, as they are printed.
pub(crate) fn warning_events(sources: &SourceMap, warnings: &[Diagnostic]) -> Vec<events::Diagnostic> {
    in_order(warnings).into_iter().map(|warning| event_of(warning, sources)).collect()
}

fn event_of(diagnostic: &Diagnostic, sources: &SourceMap) -> events::Diagnostic {
    let diagnostic = traced(diagnostic, sources);
    let (severity, exit_code) = match diagnostic.severity {
        Severity::Error => (events::Severity::Error, WRONG_CONFIGURATION),
        Severity::Warning => (events::Severity::Warning, 0),
    };
    let places = diagnostic.labels.iter().map(|label| shown_place(sources, label.place, &label.text));
    let fix = diagnostic.fix.iter().map(|replacement| shown_place(sources, replacement.place, &replacement.text));
    events::Diagnostic {
        severity,
        code: Some(diagnostic.code),
        exit_code,
        message: diagnostic.message.clone(),
        places: places.collect(),
        notes: diagnostic.notes.clone(),
        help: diagnostic.help.iter().cloned().collect(),
        fix: fix.collect(),
        node: None,
        images: Vec::new(),
    }
}

/// Returns a place as people count, with what is to be said about it.
pub(crate) fn shown_place(sources: &SourceMap, place: Place, text: impl Into<String>) -> ShownPlace {
    let (line, column) = sources.line_column(place.file, place.span.start);
    let (end_line, end_column) = sources.line_column(place.file, place.span.end);
    let file = sources.name(place.file).to_string();
    ShownPlace { file, line, column, end_line, end_column, text: text.into() }
}

/// Returns a diagnostic with what people want to see of its trace: all of it, if they ask for it; else the innermost call of their
/// own that led to it or, of a mistake inside the library, where their own text comes in.
fn traced<'d>(diagnostic: &'d Diagnostic, sources: &SourceMap) -> Cow<'d, Diagnostic> {
    let is_own = |place: Place| !sources.name(place.file).starts_with(LIBRARY);
    if terminal::messages().has_trace {
        let mut steps: Vec<String> = diagnostic.trace.iter().map(|step| step_text(step, sources)).collect();
        steps.dedup();
        let more = steps.len().saturating_sub(MOST_STEPS);
        steps.truncate(MOST_STEPS);
        steps.extend((more > 0).then(|| format!("... {more} more")));
        return Cow::Owned(steps.into_iter().fold(diagnostic.clone(), Diagnostic::note));
    }
    let is_in_library = !diagnostic.labels.iter().any(|label| is_own(label.place));
    let is_news = |place: Place| diagnostic.labels.iter().all(|label| !overlap(label.place, place));
    let is_shown = |step: &&Step| is_own(step.place) && (step.is_call || is_in_library) && is_news(step.place);
    match diagnostic.trace.iter().find(is_shown) {
        Some(step) => Cow::Owned(diagnostic.clone().label(step.place, step.text.clone())),
        None => Cow::Borrowed(diagnostic),
    }
}

/// Whether two places have some text in common.
fn overlap(a: Place, b: Place) -> bool {
    a.file == b.file && a.span.start < b.span.end && b.span.start < a.span.end
}

fn step_text(step: &Step, sources: &SourceMap) -> String {
    let ShownPlace { file, line, column, text, .. } = shown_place(sources, step.place, &step.text);
    format!("{file}:{line}:{column}: {text}")
}

/// Prints a diagnostic to stderr as other programs read it.
fn print_event(diagnostic: events::Diagnostic) {
    terminal::diagnostic(&events::Event::Diagnostic(diagnostic).line());
}

/// Prints warnings to stderr.
pub(crate) fn print_warnings(sources: &SourceMap, warnings: &[Diagnostic]) {
    if terminal::format() == Format::Json {
        return warning_events(sources, warnings).into_iter().for_each(print_event);
    }
    for warning in in_order(warnings) {
        terminal::say(&warning.render(sources, terminal::is_coloured()));
    }
}

/// Returns mistakes in the order of the text, each once: boards that share a mistake differ in the places that say why.
fn in_order(mistakes: &[Diagnostic]) -> Vec<&Diagnostic> {
    let place = |mistake: &Diagnostic| {
        mistake.labels.first().map(|label| (label.place.file, label.place.span.start, label.place.span.end))
    };
    let mut known = BTreeSet::new();
    let mut sorted: Vec<&Diagnostic> =
        mistakes.iter().filter(|mistake| known.insert((place(mistake), mistake.code, &mistake.message))).collect();
    sorted.sort_by_key(|mistake| place(mistake));
    sorted
}

/// Returns "2 mistakes in 1 file".
fn summary(mistakes: &[&Diagnostic]) -> String {
    let errors = mistakes.iter().filter(|mistake| mistake.severity == Severity::Error);
    let files: BTreeSet<_> = errors.clone().filter_map(|mistake| Some(mistake.labels.first()?.place.file)).collect();
    format!("{} in {}", counted(errors.count(), "mistake"), counted(files.len(), "file"))
}

/// Returns "1 file" or "2 files".
pub(crate) fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Returns the failure of the outside that is behind a failure, through the layers of input and output.
fn outside_error<'e>(failure: &'e (dyn Error + 'static)) -> Option<&'e sources::Error> {
    if let Some(error) = failure.downcast_ref() {
        return Some(error);
    }
    let wrapped = failure.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    outside_error(wrapped.map(|error| error as &(dyn Error + 'static)).or(failure.source())?)
}

/// Returns the text of an error without the number that the standard library appends.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error ").next().unwrap_or(&text).to_owned()
}

/// Returns a message without what would act on a terminal.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        if gravure_lang::is_refused(character) {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use gravure_lang::{FileId, Span};

    use super::*;

    fn mistake(file: u32, at: usize, message: &str) -> Diagnostic {
        Diagnostic::error("E0001", message, Place { file: FileId(file), span: Span::new(at, at + 1) }, "")
    }

    #[test]
    fn mistakes_come_in_the_order_of_the_text_each_once() {
        let why = Place { file: FileId(7), span: Span::new(0, 1) };
        let mistakes = [
            mistake(1, 3, "c"),
            mistake(0, 9, "b"),
            mistake(0, 2, "a"),
            mistake(0, 9, "b").label(why, "inherited from here"),
            mistake(0, 9, "another"),
        ];
        let shown: Vec<&str> = in_order(&mistakes).iter().map(|mistake| mistake.message.as_str()).collect();
        assert_eq!(shown, ["a", "b", "another", "c"]);
        assert_eq!(summary(&in_order(&mistakes)), "4 mistakes in 2 files");
        assert_eq!(summary(&in_order(&mistakes[..1])), "1 mistake in 1 file");
    }

    #[test]
    fn the_exit_code_is_the_smallest() {
        let mut trouble = Trouble::default();
        assert_eq!(trouble.exit_code(), 0);
        for (exit_code, smallest) in [(5, 5), (3, 3), (4, 3), (2, 2)] {
            trouble.complain(Complaint::new(exit_code, "no"));
            assert_eq!(trouble.exit_code(), smallest);
        }
        trouble.add_mistakes(&SourceMap::new(), vec![mistake(0, 0, "a")]);
        assert_eq!(trouble.exit_code(), WRONG_CONFIGURATION);
    }

    #[test]
    fn a_failure_of_the_outside_is_seen_through_its_wrappings() {
        let damaged = || sources::Error { kind: sources::ErrorKind::Integrity, message: "damaged".into() };
        let code = |failure: &(dyn Error + 'static)| Complaint::of_failure("x", failure).exit_code;
        assert_eq!(code(&damaged()), NOT_AS_EXPECTED);
        assert_eq!(code(&io::Error::from(damaged())), NOT_AS_EXPECTED);
        assert_eq!(code(&io::Error::other(io::Error::from(damaged()))), NOT_AS_EXPECTED);
        assert_eq!(code(&io::Error::other("too small")), BUILD_FAILED);
    }

    #[test]
    fn what_helps_stands_below_the_message() {
        let complaint = Complaint::new(OUTSIDE_FAILED, "gone\nhelp: `gravure lock`").note("here");
        assert_eq!(complaint.render(), "error: gone\n  = help: `gravure lock`\n  = note: here\n");
    }

    #[test]
    fn messages_do_not_act_on_the_terminal() {
        assert_eq!(escaped("a\u{1b}[31m\u{202e}\nb"), "a\\u{1b}[31m\\u{202e}\nb");
    }
}
