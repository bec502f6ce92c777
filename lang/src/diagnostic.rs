//! Diagnostics: what is wrong, where, why, and what to type instead.
//!
//! Every diagnostic of the project is made by one constructor function in the `errors.rs` of its phase, and rendered here.

use crate::{Place, SourceMap};

/// How serious a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The configuration is wrong.
    Error,
    /// The configuration means what it says, but probably not what was meant.
    Warning,
}

/// A mistake in the user's text, with places and help.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// How serious it is.
    pub severity: Severity,
    /// Its stable code, such as `E0203`.
    pub code: &'static str,
    /// What is wrong, in the user's words: lower case, no full stop, names in backquotes.
    pub message: String,
    /// Places; the first is the primary one.
    pub labels: Vec<Label>,
    /// Further facts, a sentence each.
    pub notes: Vec<String>,
    /// What to type instead.
    pub help: Option<String>,
    /// The same as a change of the text; empty where a person has to choose.
    pub fix: Vec<Replacement>,
    /// What was being computed when the mistake was found, from the inside out. It is not rendered: whoever prints the diagnostic
    /// says how much of it people want to see.
    pub trace: Vec<Step>,
}

/// One thing that was being computed when a mistake was found.
#[derive(Clone, Debug)]
pub struct Step {
    /// Where it was asked for.
    pub place: Place,
    /// What it is, such as "`size` is needed here".
    pub text: String,
    /// Whether it is a call.
    pub is_call: bool,
}

/// A piece of text to be put at a place, instead of what is there.
#[derive(Clone, Debug)]
pub struct Replacement {
    /// What it replaces; an empty place replaces nothing.
    pub place: Place,
    /// The new text.
    pub text: String,
}

/// A place of a diagnostic with what is to be said about it.
#[derive(Clone, Debug)]
pub struct Label {
    /// The place.
    pub place: Place,
    /// What is to be said; may be empty.
    pub text: String,
}

impl Diagnostic {
    /// Returns an error whose primary label is at `place`.
    pub fn error(code: &'static str, message: impl Into<String>, place: Place, text: impl Into<String>) -> Diagnostic {
        let label = Label { place, text: text.into() };
        Diagnostic {
            severity: Severity::Error,
            code,
            message: message.into(),
            labels: vec![label],
            notes: Vec::new(),
            help: None,
            fix: Vec::new(),
            trace: Vec::new(),
        }
    }

    /// Returns a warning whose primary label is at `place`.
    pub fn warning(
        code: &'static str,
        message: impl Into<String>,
        place: Place,
        text: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, message, place, text) }
    }

    /// Whether both have the same code and point at the same places, in whatever order.
    pub fn is_same_mistake(&self, other: &Diagnostic) -> bool {
        let places = |diagnostic: &Diagnostic| {
            let key = |label: &Label| (label.place.file, label.place.span.start, label.place.span.end);
            let mut places: Vec<_> = diagnostic.labels.iter().map(key).collect();
            places.sort_unstable();
            places
        };
        self.code == other.code && places(self) == places(other)
    }

    /// Adds a secondary label that says why.
    pub fn label(mut self, place: Place, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label { place, text: text.into() });
        self
    }

    /// Adds a note.
    pub fn note(mut self, text: impl Into<String>) -> Diagnostic {
        self.notes.push(text.into());
        self
    }

    /// Says what to type.
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help = Some(text.into());
        self
    }

    /// Says what to type instead of what the primary label points at.
    pub fn write(self, text: impl Into<String>) -> Diagnostic {
        let (text, place) = (text.into(), self.labels[0].place);
        self.help(format!("write `{text}`")).replacing(place, text)
    }

    /// Adds to what the help comes to as a change of the text.
    pub fn replacing(mut self, place: Place, text: impl Into<String>) -> Diagnostic {
        self.fix.push(Replacement { place, text: text.into() });
        self
    }

    /// Returns the text of the file that the fix is for with the fix made.
    pub fn fixed(&self, text: &str) -> String {
        let mut fix: Vec<&Replacement> = self.fix.iter().collect();
        fix.sort_by_key(|replacement| replacement.place.span.start);
        let (mut fixed, mut at) = (String::new(), 0);
        for Replacement { place, text: new } in fix {
            fixed += &text[at..place.span.range().start];
            fixed += new;
            at = place.span.range().end;
        }
        fixed + &text[at..]
    }

    /// Whether the help proposes a text to be written; a form with dots to be filled in is none.
    pub fn proposes_text(&self) -> bool {
        let proposal = self.help.as_deref().and_then(|help| help.split_once("write `")?.1.split_once('`'));
        proposal.is_some_and(|(text, _)| !text.contains(".."))
    }

    /// Returns the diagnostic as a person reads it in a terminal, in colour when `colour` is set.
    pub fn render(&self, sources: &SourceMap, colour: bool) -> String {
        crate::render::render(self, sources, colour)
    }
}
