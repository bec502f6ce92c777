//! Limits: how far a run may go before it is refused, and their names.
//!
//! Each is there so that no configuration can make a run take for ever, or all memory. A user may set others for a run; a
//! configuration cannot. Deep values need a deep stack, so whatever evaluates runs in [`Limits::with_stack`], which reserves as
//! much as the limits can take.

/// How far a run may go.
///
/// | name | unit | default | at most |
/// |---|---|---|---|
/// | `source-file` | bytes | 4MiB | 1GiB |
/// | `imports` | files | 4,096 | |
/// | `nesting` | brackets | 256 | 1,000 |
/// | `call-depth` | calls and values | 10,000 | 100,000 |
/// | `steps` | expressions | 1,000,000,000 | |
/// | `memory` | bytes | 4GiB | |
/// | `string` | bytes | 16MiB | |
/// | `list` | elements | 1,000,000 | |
/// | `shown-levels` | brackets | 200, in JSON 120 | 1,000 |
/// | `shown-values` | values | 1,000,000 | |
///
/// What is limited at most would need more of the stack than is reserved, or offsets of more than 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of each text.
    pub text: gravure_lang::Limits,
    /// Files that a run may load.
    pub files: usize,
    /// Values and calls that wait for one another.
    pub depth: usize,
    /// Expressions evaluated and values compared, in all.
    pub steps: u64,
    /// Bytes of memory for values, in all.
    pub memory: usize,
    /// Bytes of a string.
    pub string: usize,
    /// Elements of a list or map.
    pub elements: usize,
    /// Records, lists and maps inside one another that are shown; none for what is usual in the form that is asked for.
    pub shown_levels: Option<usize>,
    /// Values that are shown.
    pub shown_values: usize,
}

/// How many expressions may be inside one another for each value or call that may wait.
const NESTING: usize = 10;

/// The stack that is reserved for each value or call that may wait, with its expressions: the deepest calls were seen to take
/// 6 KiB, and 10 KiB with little optimisation. Memory is used only where it is touched.
const STACK_OF_ONE: usize = 25 << 10;

/// The stack that is reserved at least.
const STACK: usize = 512 << 20;

impl Limits {
    /// What everybody gets who does not ask for more.
    pub const DEFAULT: Limits = Limits {
        text: gravure_lang::Limits::DEFAULT,
        files: 4096,
        depth: 10_000,
        steps: 1_000_000_000,
        memory: 4 << 30,
        string: 16 << 20,
        elements: 1_000_000,
        shown_levels: None,
        shown_values: 1_000_000,
    };

    /// How many expressions may be inside one another, over all calls.
    pub(crate) fn nesting(&self) -> usize {
        NESTING * self.depth.max(Limits::DEFAULT.depth)
    }

    /// Runs `work` on a thread whose stack is large enough for every evaluation within the limits.
    pub fn with_stack<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let size = STACK.max(STACK_OF_ONE * self.depth);
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("evaluation".into()).stack_size(size);
            let thread = thread.spawn_scoped(scope, work).expect("a thread for the evaluation can be started");
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::DEFAULT
    }
}

/// Runs `work` on a thread whose stack is large enough for every evaluation within the usual limits.
pub fn with_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    Limits::DEFAULT.with_stack(work)
}

/// A limit as users know it.
#[derive(Debug)]
pub struct Limit {
    /// Its name.
    pub name: &'static str,
    /// Whether it is a number of bytes.
    pub is_size: bool,
    /// What is limited.
    pub what: &'static str,
    /// What it is if nobody sets it.
    pub default: &'static str,
    /// The most that it can be set to.
    pub most: u64,
    /// Sets it.
    pub set: fn(&mut Limits, u64),
}

const fn size(name: &'static str, default: &'static str, what: &'static str, set: fn(&mut Limits, u64)) -> Limit {
    Limit { name, is_size: true, what, default, most: usize::MAX as u64, set }
}

const fn count(name: &'static str, default: &'static str, what: &'static str, set: fn(&mut Limits, u64)) -> Limit {
    Limit { name, is_size: false, what, default, most: usize::MAX as u64, set }
}

/// All limits that can be set.
pub const LIMITS: [Limit; 10] = [
    Limit { most: 1 << 30, ..size("source-file", "4MiB", "a source file", |to, n| to.text.source = n as usize) },
    count("imports", "4096", "files of a run", |to, n| to.files = n as usize),
    Limit { most: 1000, ..count("nesting", "256", "brackets in one another", |to, n| to.text.nesting = n as usize) },
    Limit {
        most: 100_000,
        ..count("call-depth", "10000", "calls and values that wait for one another", |to, n| to.depth = n as usize)
    },
    count("steps", "1000000000", "expressions that are evaluated", |to, n| to.steps = n),
    size("memory", "4GiB", "all values", |to, n| to.memory = n as usize),
    size("string", "16MiB", "a string", |to, n| to.string = n as usize),
    count("list", "1000000", "elements of a list or map", |to, n| to.elements = n as usize),
    Limit {
        most: 1000,
        ..count("shown-levels", "200, in JSON 120", "brackets in one another that are shown", |to, n| {
            to.shown_levels = Some(n as usize);
        })
    },
    count("shown-values", "1000000", "values that are shown", |to, n| to.shown_values = n as usize),
];
