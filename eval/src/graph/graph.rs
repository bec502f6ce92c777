//! The graph: recipes that refer to recipes, each kept once.
//!
//! The one idea: a node's inputs are nodes already when it is added, so the graph has no cycle by construction
//! and the order of the nodes' numbers, *graph order*, is a topological one. Every walk here and in the
//! scheduler is a loop over numbers, upwards to build, downwards to find what is needed.

use std::collections::HashMap;

use super::{Key, Recipe};

/// A node of one [`Graph`]; inputs compare less than what needs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) u32);

impl NodeId {
    /// Returns the number of the node, counted from 0 in graph order.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Recipes that refer to recipes; equal ones are one node.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// In graph order.
    nodes: Vec<Node>,
    /// Never iterated.
    by_key: HashMap<Key, NodeId>,
}

#[derive(Clone, Debug)]
struct Node {
    key: Key,
    recipe: Recipe,
}

impl Graph {
    /// Returns a graph without nodes.
    pub fn new() -> Graph {
        Graph::default()
    }

    /// Returns the node of `recipe`: a new one, or the one that has the same node key already (and keeps its label).
    ///
    /// # Panics
    /// If an input is no node of this graph.
    pub fn add(&mut self, mut recipe: Recipe) -> NodeId {
        recipe.parameters.sort_all_objects();
        let inputs: Vec<Key> = recipe.inputs.iter().map(|&input| self.key(input)).collect();
        let key = recipe.node_key(&inputs);
        *self.by_key.entry(key).or_insert_with(|| {
            let number = u32::try_from(self.nodes.len()).expect("a graph has fewer than 2^32 nodes");
            self.nodes.push(Node { key, recipe });
            NodeId(number)
        })
    }

    /// Returns how many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Tells whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Returns all nodes in graph order.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// Returns the recipe of `node`.
    pub fn recipe(&self, node: NodeId) -> &Recipe {
        &self.nodes[node.index()].recipe
    }

    /// Returns the node key of `node`.
    pub fn key(&self, node: NodeId) -> Key {
        self.nodes[node.index()].key
    }

    /// Returns the nodes that `wanted` need, themselves included, in graph order: inputs before what needs them.
    pub fn needed(&self, wanted: &[NodeId]) -> Vec<NodeId> {
        self.needed_below(wanted, |_| true)
    }

    /// Returns the nodes whose node key starts with `digits`, in graph order.
    pub fn named(&self, digits: &str) -> Vec<NodeId> {
        self.nodes().filter(|&node| self.key(node).to_string().starts_with(digits)).collect()
    }

    /// Returns `wanted` and what they need, in graph order, but nothing that only nodes need which `enter` refuses.
    ///
    /// `enter` is asked once for each node returned, after it was asked for all that need the node.
    pub(super) fn needed_below(&self, wanted: &[NodeId], mut enter: impl FnMut(NodeId) -> bool) -> Vec<NodeId> {
        let mut is_needed = vec![false; self.nodes.len()];
        for node in wanted {
            is_needed[node.index()] = true;
        }
        for node in self.nodes().rev() {
            if is_needed[node.index()] && enter(node) {
                for input in &self.recipe(node).inputs {
                    is_needed[input.index()] = true;
                }
            }
        }
        self.nodes().filter(|node| is_needed[node.index()]).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn recipe(kind: &str, parameters: serde_json::Value, inputs: &[NodeId]) -> Recipe {
        Recipe { kind: kind.into(), version: 1, parameters, inputs: inputs.into(), label: format!("a {kind}") }
    }

    #[test]
    fn equal_recipes_are_one_node() {
        let mut graph = Graph::new();
        let first = graph.add(recipe("leaf", json!({"a": 1, "b": 2}), &[]));
        let other = graph.add(Recipe { version: 2, ..recipe("leaf", json!({"a": 1, "b": 2}), &[]) });
        let same = graph.add(Recipe { label: "late".into(), ..recipe("leaf", json!({"b": 2, "a": 1}), &[]) });
        assert_eq!((same, graph.recipe(same).label.as_str(), graph.len()), (first, "a leaf", 2));

        let user = graph.add(recipe("user", json!({}), &[first, other]));
        assert_eq!(graph.add(recipe("user", json!({}), &[same, other])), user);
        assert_ne!(graph.add(recipe("user", json!({}), &[other, first])), user, "the order of inputs counts");
    }

    #[test]
    fn needed_is_what_is_reachable_with_inputs_first() {
        let mut graph = Graph::new();
        let [a, b, c] = [1, 2, 3].map(|n| graph.add(recipe("leaf", json!(n), &[])));
        let bc = graph.add(recipe("pair", json!(null), &[c, b]));
        let top = graph.add(recipe("top", json!(null), &[bc, c]));
        let lone = graph.add(recipe("top", json!(null), &[a]));
        assert_eq!(graph.needed(&[top]), [b, c, bc, top]);
        assert_eq!(graph.needed(&[lone, bc, bc]), [a, b, c, bc, lone]);
        assert_eq!(graph.needed(&[]), []);
        assert_eq!(graph.needed_below(&[top, lone], |node| node != bc), [a, c, bc, top, lone]);
    }

    #[test]
    fn nodes_are_named_by_the_first_digits_of_their_keys() {
        let mut graph = Graph::new();
        let [a, b] = [1, 2].map(|n| graph.add(recipe("leaf", json!(n), &[])));
        assert_eq!(graph.named(&graph.key(b).short()), [b]);
        assert_eq!(graph.named(&graph.key(a).to_string()), [a]);
        assert_eq!(graph.named(""), [a, b]);
        assert_eq!(graph.named("no"), []);
    }

    #[test]
    #[should_panic]
    fn an_input_is_a_node_already() {
        Graph::new().add(recipe("leaf", json!(null), &[NodeId(0)]));
    }
}
