//! The build graph: what is to be built, under which keys, and the scheduler that builds it.
//!
//! ```text
//!  lowering --add--> Graph --realise, top down--> what is missing --countdown on rayon--> Report
//!                      |                               |                   |
//!                   node keys                     Store::find       Task -> Realise
//! ```
//! A [`Recipe`] is plain data: a kind, its version, parameters, inputs. Two keys make builds lazy. The *node
//! key* covers the recipes all the way down, so an unchanged node is found without looking at anything below
//! it. The *action key* covers the content of the inputs, so a node whose inputs came out the same as before
//! is not rebuilt.
//!
//! Nothing here knows the language, a format, a disk or a network: kinds are names, a [`Store`] remembers
//! and a [`Realise`] works.

#[expect(clippy::module_inception, reason = "the graph of the build graph: its nodes and their keys")]
mod graph;
mod hex;
mod recipe;
mod render;
mod schedule;
#[cfg(test)]
mod tests;

pub use graph::{Graph, NodeId};
pub use hex::ParseHexError;
pub use recipe::{Key, Output, OutputType, Recipe, Task};
pub use schedule::{Failure, Observer, Options, Outcome, Realise, Report, Space, Store, realise};
