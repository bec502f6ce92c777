//! Places in source texts: byte offsets everywhere, lines and columns only when printing.

use std::sync::Arc;

/// A range of bytes in one source text.
///
/// Two spans always compare equal, so that syntax trees are compared by what they say and not by where they say it.
#[derive(Clone, Copy, Default)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The first byte behind it.
    pub end: u32,
}

impl Span {
    /// Returns the span of the bytes `start..end`.
    pub fn new(start: usize, end: usize) -> Span {
        debug_assert!(start <= end, "a span ends before it starts");
        Span { start: start as u32, end: end as u32 }
    }

    /// Returns the span from the start of this one to the end of `other`.
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start, end: other.end }
    }

    /// Returns the span as a range that cuts a text.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl PartialEq for Span {
    fn eq(&self, _: &Span) -> bool {
        true
    }
}

impl Eq for Span {}

impl std::fmt::Debug for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

/// Names a source text of a [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A span in a certain file: what a diagnostic points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The source text.
    pub file: FileId,
    /// The range in it.
    pub span: Span,
}

impl Place {
    /// Returns the empty place where this one starts.
    pub fn start(self) -> Place {
        self.first(0)
    }

    /// Returns the empty place where this one ends.
    pub fn end(self) -> Place {
        Place { span: Span { start: self.span.end, end: self.span.end }, ..self }
    }

    /// Returns the place from the start of this one to the end of `other`, in the same file.
    pub fn to(self, other: Place) -> Place {
        Place { span: self.span.to(other.span), ..self }
    }

    /// Returns the place of the first `len` bytes.
    pub fn first(self, len: u32) -> Place {
        Place { span: Span { start: self.span.start, end: self.span.start + len }, ..self }
    }
}

/// All source texts of a run, with the names that diagnostics print.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<(String, Arc<str>)>,
}

impl SourceMap {
    /// Returns a map without texts.
    pub fn new() -> SourceMap {
        SourceMap::default()
    }

    /// Adds a text under the name that diagnostics print.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> FileId {
        self.files.push((name.into(), text.into()));
        FileId(self.files.len() as u32 - 1)
    }

    /// Returns the name of a text.
    pub fn name(&self, file: FileId) -> &str {
        &self.files[file.0 as usize].0
    }

    /// Returns a text.
    pub fn text(&self, file: FileId) -> &Arc<str> {
        &self.files[file.0 as usize].1
    }

    /// Returns line and column of a byte, both from 1; columns count characters.
    pub fn line_column(&self, file: FileId, byte: u32) -> (usize, usize) {
        let before = &self.text(file)[..byte as usize];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}
