//! `gravure build --check`: every node once more, held against what is remembered.
//!
//! The scheduler runs as for a build, on a store that remembers nothing. What a node makes now is compared with what its task
//! made before, and then what was made before goes on to the nodes above: so each node is judged for itself, on the
//! inputs that it had, and one difference does not look like many.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use gravure_eval::graph::{
    self, Failure, Key, NodeId, Observer, Options, Output, Realise, Report, Space, Store as _, Task, realise,
};
use gravure_stdlib::{Builder, difference};

use crate::commands::realise::described;
use crate::trouble::{Complaint, NOT_AS_EXPECTED};

/// A node that came out differently.
pub(super) struct Different {
    pub(super) node: NodeId,
    before: Output,
    now: Output,
    /// Where the first difference is.
    place: String,
}

impl Different {
    pub(super) fn complaint(&self, label: &str) -> Complaint {
        Complaint::new(NOT_AS_EXPECTED, format!("{label} came out differently than before"))
            .note(format!("the first difference: {}", self.place))
            .note(format!("before: {}", described(&self.before)))
            .note(format!("now:    {}", described(&self.now)))
    }
}

/// Makes everything that `wanted` needs once more, and returns what became of it, and what differs in graph order.
pub(super) fn check(
    builder: &Builder<'_>,
    graph: &graph::Graph,
    wanted: &[NodeId],
    observer: &dyn Observer,
    options: Options,
) -> (Report, Vec<Different>) {
    let again = Again { builder, differences: Mutex::default() };
    let report = realise(graph, wanted, &again, &again, observer, options);
    let different = |node, task: &Task, before, now| {
        let place = difference(builder, task, &before, &now);
        Different { node, before, now, place: place.unwrap_or_else(|error| error.to_string()) }
    };
    let mut by_task = again.differences.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut differences = Vec::new();
    // What differs, and what lies above: that has other inputs than before.
    let mut affected = BTreeSet::new();
    for (node, outcome) in report.outcomes() {
        let (Some(output), Some(task)) = (outcome.output(), task_of(graph, &report, node)) else { continue };
        let is_above = graph.recipe(node).inputs.iter().any(|input| affected.contains(input));
        let remembered = || builder.find(Space::Node, &graph.key(node)).filter(|before| !is_above && before != output);
        let differs = by_task.remove(&task.action_key()).or_else(|| Some((remembered()?, *output)));
        if is_above || differs.is_some() {
            affected.insert(node);
        }
        differences.extend(differs.map(|(before, now)| different(node, &task, before, now)));
    }
    (report, differences)
}

/// Returns what was run for a node.
fn task_of(graph: &graph::Graph, report: &Report, node: NodeId) -> Option<Task> {
    let recipe = graph.recipe(node);
    let inputs: Option<Vec<Output>> = recipe.inputs.iter().map(|&input| report.output(input).copied()).collect();
    Some(recipe.task(inputs?))
}

/// A store that remembers nothing, and a realiser that compares.
struct Again<'a> {
    builder: &'a Builder<'a>,
    /// By task: what it made before, and what it makes now.
    differences: Mutex<BTreeMap<Key, (Output, Output)>>,
}

impl graph::Store for Again<'_> {
    fn find(&self, _: Space, _: &Key) -> Option<Output> {
        None
    }

    fn record(&self, _: Space, _: &Key, _: &Output) -> Result<(), Failure> {
        Ok(())
    }
}

impl Realise for Again<'_> {
    fn realise(&self, task: &Task) -> Result<Output, Failure> {
        let key = task.action_key();
        // What is not remembered any more is made twice.
        let before = match self.builder.find(Space::Action, &key) {
            Some(before) => before,
            None => self.builder.realise(task)?,
        };
        let now = self.builder.realise(task)?;
        if now != before {
            self.differences.lock().unwrap_or_else(PoisonError::into_inner).insert(key, (before, now));
        }
        Ok(before)
    }

    fn waits(&self, kind: &str) -> bool {
        self.builder.waits(kind)
    }
}
