//! How long transfers tell somebody how far they are, without knowing of terminals.

/// Somebody who wants to know of transfers while they run; called from many threads.
pub trait Progress: Sync {
    /// A transfer of `what` starts; its length in bytes is given when it is known.
    ///
    /// Returns what hears how it goes on. Dropping that is the end of the transfer, good or bad.
    fn started(&self, what: &str, len: Option<u64>) -> Box<dyn Transfer + '_>;
}

/// Hears how far one transfer is.
pub trait Transfer: Send {
    /// So many bytes have arrived since the start. The number falls when a transfer has to start again.
    fn at(&mut self, bytes: u64);
}

/// Nobody: for tests, and for output that is no terminal.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn started(&self, _what: &str, _len: Option<u64>) -> Box<dyn Transfer + '_> {
        Box::new(Silent)
    }
}

impl Transfer for Silent {
    fn at(&mut self, _bytes: u64) {}
}
