//! `gravure graph`: what building files takes, and what of it is in the store.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use gravure_eval::graph::{NodeId, Output, Space, Store, Task};
use gravure_stdlib::Builder;

use crate::arguments::Graph;
use crate::batch::{Batch, Plan};
use crate::environment::{Outside, locking, threads};
use crate::progress::Bars;
use crate::trouble::{Complaint, OUTSIDE_FAILED, Trouble, counted, reason};
use crate::{interrupt, terminal};

pub(crate) fn run(arguments: &Graph) -> Result<(), Trouble> {
    let threads = threads(None);
    let batch = Batch::load_said(&arguments.files, arguments.form.said(None), &arguments.project)?;
    let outside = Outside::new(&arguments.outside)?;
    let bars = Bars::new();
    interrupt::ends_with(&bars);
    let (plan, trouble) = batch.plan(arguments.form.get(), &outside, &locking(&arguments.outside), &bars, threads);
    bars.clear();
    trouble.or(())?;
    let builder =
        Builder { store: &outside.store, access: outside.access(&bars), mirror: &|suite| outside.mirror(suite) };
    let known = known(&plan, &builder);
    let is_cached = |node| known.contains_key(&node);
    let text = match arguments.dot {
        true => plan.graph.to_dot(&plan.wanted(), is_cached),
        false => plan.graph.to_text(&plan.wanted(), is_cached),
    };
    if let Some(folder) = &arguments.tasks {
        write_tasks(&plan, &known, folder)?;
    }
    terminal::result(&text);
    Ok(())
}

/// Returns the outputs that the store knows of the nodes that are needed.
fn known(plan: &Plan, store: &impl Store) -> BTreeMap<NodeId, Output> {
    let find = |node| Some((node, store.find(Space::Node, &plan.graph.key(node))?));
    plan.graph.needed(&plan.wanted()).into_iter().filter_map(find).collect()
}

/// Writes each node whose inputs are known as `KEY.json`, where KEY is what the graph shows.
fn write_tasks(plan: &Plan, known: &BTreeMap<NodeId, Output>, folder: &Path) -> Result<(), Complaint> {
    let cannot_write = |path: &Path, error: &std::io::Error| {
        Complaint::new(OUTSIDE_FAILED, format!("cannot write `{}`: {}", path.display(), reason(error)))
    };
    fs::create_dir_all(folder).map_err(|error| cannot_write(folder, &error))?;
    let mut missing = 0;
    for node in plan.graph.needed(&plan.wanted()) {
        match task(plan, known, node) {
            Some(task) => {
                let path = folder.join(format!("{}.json", plan.graph.key(node).short()));
                fs::write(&path, task.to_json() + "\n").map_err(|error| cannot_write(&path, &error))?;
            }
            None => missing += 1,
        }
    }
    if missing > 0 {
        let missing = counted(missing, "node");
        terminal::say(&format!("{missing} not written: what they need is not in the store; build the files first\n"));
    }
    Ok(())
}

fn task(plan: &Plan, known: &BTreeMap<NodeId, Output>, node: NodeId) -> Option<Task> {
    let recipe = plan.graph.recipe(node);
    let inputs = recipe.inputs.iter().map(|input| known.get(input).copied()).collect::<Option<_>>()?;
    Some(recipe.task(inputs))
}
