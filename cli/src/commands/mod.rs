//! One file per command.

pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod doc;
pub(crate) mod eval;
pub(crate) mod explain;
pub(crate) mod fmt;
pub(crate) mod graph;
pub(crate) mod inspect;
pub(crate) mod layout;
pub(crate) mod lock;
pub(crate) mod realise;
pub(crate) mod store;
