//! Every node alone: a task as text, and the objects that it names, are all that it takes.

use std::collections::BTreeSet;

use gravure_eval::graph::{NodeId, Output, OutputType, Realise, Task};
use gravure_formats::{Digest, Extents, Kind, Tree};
use gravure_sources::Store;
use serde_json::Value;

use crate::project::{Built, Project, builder};

/// Returns the objects that an output consists of.
fn objects(store: &Store, output: &Output) -> BTreeSet<Digest> {
    let own = Digest(output.digest);
    let mut found = BTreeSet::from([own]);
    match output.ty {
        OutputType::Blob => {}
        OutputType::Extents => found.extend(Extents::from_serialised(&store.read(&own).unwrap()).unwrap().blobs()),
        OutputType::Tree => {
            let tree = Tree::from_serialised(&store.read(&own).unwrap()).unwrap();
            for (.., entry) in tree.iter() {
                if let Kind::File(content) = &entry.kind {
                    found.extend(content.blobs());
                }
            }
        }
    }
    found
}

/// Returns the objects that parameters name: texts that are digests.
fn named(parameters: &Value, found: &mut BTreeSet<Digest>) {
    match parameters {
        Value::String(text) => found.extend(text.parse::<Digest>()),
        Value::Array(values) => values.iter().for_each(|value| named(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| named(value, found)),
        _ => {}
    }
}

fn output_of(built: &Built, node: NodeId) -> Output {
    *built.report.output(node).unwrap()
}

#[test]
fn every_node_is_realised_alone() {
    let project = Project::new();
    let store = project.store();
    let built = project.build("system.img", &store, 2);
    let graph = &built.plan.graph;
    let mut kinds = BTreeSet::new();
    for node in graph.nodes() {
        let recipe = graph.recipe(node);
        kinds.insert(recipe.kind.as_str());
        let inputs: Vec<Output> = recipe.inputs.iter().map(|&input| output_of(&built, input)).collect();
        let mut needed: BTreeSet<Digest> = inputs.iter().flat_map(|input| objects(&store, input)).collect();
        named(&recipe.parameters, &mut needed);
        if recipe.kind == "local" {
            // What is local was imported before: it is all there.
            needed = objects(&store, &output_of(&built, node));
        }
        let alone = project.store_named(&format!("alone {}", node.index()));
        for digest in needed {
            assert_eq!(alone.put(&store.read(&digest).unwrap()).unwrap(), digest);
        }
        let task = Task::from_json(&recipe.task(inputs).to_json()).unwrap();
        let output = builder(&alone).realise(&task).unwrap_or_else(|error| panic!("{}: {error}", recipe.label));
        assert_eq!(output, output_of(&built, node), "{}", recipe.label);
        for digest in objects(&store, &output) {
            assert!(alone.contains(&digest), "{}: {digest} is missing beside it", recipe.label);
        }
    }
    assert_eq!(Vec::from_iter(kinds), ["disk", "ext4", "fat", "initrd", "local", "package", "tree"]);
}

#[test]
fn nothing_is_planned_that_is_not_needed() {
    let project = Project::new();
    let plan = project.plan("system.img", None, &project.store());
    assert_eq!(plan.graph.needed(&[plan.disk()]).len(), plan.graph.len());
    let mut labels: Vec<&str> = plan.graph.nodes().map(|node| plan.graph.recipe(node).label.as_str()).collect();
    labels.sort_unstable();
    insta::assert_snapshot!(labels.join("\n"), @r#"
    FAT esp
    directory files/site
    disk system
    ext4 root
    file packages/busybox.deb
    file packages/grub.deb
    file packages/kernel.deb
    initrd of kernel.deb
    tree esp
    tree root
    unpack busybox.deb
    unpack grub.deb
    unpack kernel.deb
    "#);
}
