//! How large and how deep a text may be.

use crate::Diagnostic;

/// How far a text may go. [`Limits::DEFAULT`] is what everybody gets who does not ask for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a source file.
    pub source: usize,
    /// How many brackets, interpolations included, may be open at once; less than [`MAX_DEPTH`].
    pub nesting: usize,
}

/// How deep an expression may be, counting each operator, bracket and word such as `if`. No limit sets another: it is
/// what keeps trees shallow enough to be walked, compared and dropped on the stack of any thread.
pub const MAX_DEPTH: usize = 1024;

impl Limits {
    /// 4 MiB of text, 256 brackets.
    pub const DEFAULT: Limits = Limits { source: 4 << 20, nesting: 256 };
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::DEFAULT
    }
}

const _: () = assert!(Limits::DEFAULT.nesting < MAX_DEPTH, "nesting alone must not reach the limit on operations");

impl Diagnostic {
    /// Notes which flag sets the limit that has been reached; `setting` is its name and what to give it: `string=SIZE`.
    pub fn limited_by(self, setting: &str) -> Diagnostic {
        self.note(format!("`--limit {setting}` sets another limit"))
    }
}
