//! The diagnostics that the passes of the front end collect: one for each line, and not without end.
//!
//! The passes run one after the other, and what an earlier one found is the cause of what a later one finds in the same
//! line. A line of a million wrong characters must cost no million diagnostics, so each pass is stopped at its first one.
//! A lint is the cause of nothing: it never takes the place of an error.

use std::ops::RangeInclusive;

use crate::{Diagnostic, Place, Severity, Span};

/// How many diagnostics a file gets at most.
const MOST: usize = 200;

#[derive(Debug)]
pub(crate) struct Reports<'s> {
    text: &'s str,
    list: Vec<Diagnostic>,
    /// The line of the last error.
    line: Option<RangeInclusive<usize>>,
}

impl<'s> Reports<'s> {
    pub(crate) fn new(text: &'s str) -> Reports<'s> {
        Reports { text, list: Vec::new(), line: None }
    }

    /// Adds a diagnostic about a place, unless the last error is in the same line.
    pub(crate) fn report(&mut self, place: Place, diagnostic: impl FnOnce(Place) -> Diagnostic) {
        let at = place.span.start as usize;
        if self.line.as_ref().is_some_and(|line| line.contains(&at)) {
            return;
        }
        let diagnostic = diagnostic(place);
        if diagnostic.severity == Severity::Error {
            self.line = Some(self.line_of(at));
        }
        self.list.push(diagnostic);
    }

    /// Adds a diagnostic, unless the last error is in the same line.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        self.report(diagnostic.labels[0].place, |_| diagnostic);
    }

    /// Drops all diagnostics but this one, which makes the others pointless.
    pub(crate) fn replace(&mut self, diagnostic: Diagnostic) {
        self.list = vec![diagnostic];
    }

    pub(crate) fn extend(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        diagnostics.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Returns where the diagnostics behind the first `len` point.
    pub(crate) fn spans_since(&self, len: usize) -> Vec<Span> {
        self.list[len.min(self.list.len())..].iter().map(|diagnostic| diagnostic.labels[0].place.span).collect()
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        if len < self.list.len() {
            self.list.truncate(len);
            self.line = None;
        }
    }

    /// Returns the first error or else the first lint of each line, in the order of the text; lints only as far as there is
    /// room beside the errors.
    pub(crate) fn into_diagnostics(self) -> Vec<Diagnostic> {
        let mut lines = std::collections::BTreeSet::new();
        let text = self.text;
        let line = |diagnostic: &Diagnostic| line_start(text, diagnostic.labels[0].place.span.start as usize);
        let in_text = |diagnostic: &Diagnostic| diagnostic.labels[0].place.span.start;
        let (mut kept, mut lints): (Vec<_>, Vec<_>) =
            self.list.into_iter().partition(|diagnostic| diagnostic.severity == Severity::Error);
        for found in [&mut kept, &mut lints] {
            found.retain(|diagnostic| lines.insert(line(diagnostic)));
            found.sort_by_key(in_text);
        }
        kept.extend(lints);
        kept.truncate(MOST);
        kept.sort_by_key(in_text);
        kept
    }

    /// Returns the diagnostics as they were collected.
    pub(crate) fn into_list(self) -> Vec<Diagnostic> {
        self.list
    }

    fn line_of(&self, at: usize) -> RangeInclusive<usize> {
        let behind = &self.text.as_bytes()[at..];
        let len = behind.iter().position(|byte| *byte == b'\n').unwrap_or(behind.len());
        line_start(self.text, at)..=at + len
    }
}

fn line_start(text: &str, at: usize) -> usize {
    text.as_bytes()[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1)
}
