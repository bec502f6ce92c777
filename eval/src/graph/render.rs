//! The graph as people see it: a tree of text for a terminal, DOT for a drawing.
//!
//! Both show only what the wanted nodes need, in an order that depends on nothing but the graph.

use std::fmt::Write as _;

use super::{Graph, NodeId};

/// The look of a drawing: data flows from left to right, what is cached is green, what is wanted has a thick frame.
const DOT_HEAD: &str = r#"digraph gravure {
  rankdir = LR;
  node [shape = box, style = "rounded,filled", fillcolor = white, fontname = "sans-serif", fontsize = 10];
  edge [color = gray40, arrowsize = 0.7];
"#;

/// A line of the tree that is still to be written.
struct Line {
    node: NodeId,
    /// What stands before the label: the bars of the lines above and the branch to this one.
    head: String,
    /// What the heads of the lines below this one start with.
    below: String,
}

impl Graph {
    /// Returns a tree of what `wanted` need, a line each; a node that is needed again is only referred to (`above`).
    ///
    /// `is_cached` says which nodes are marked as `cached`.
    pub fn to_text(&self, wanted: &[NodeId], is_cached: impl Fn(NodeId) -> bool) -> String {
        let mut text = String::new();
        let mut is_shown = vec![false; self.len()];
        // A stack of our own: graphs may be deeper than the thread's stack.
        let top = |&node| Line { node, head: String::new(), below: String::new() };
        let mut lines: Vec<Line> = wanted.iter().rev().map(top).collect();
        while let Some(line) = lines.pop() {
            let recipe = self.recipe(line.node);
            let (label, key) = (printable(&recipe.label), self.key(line.node).short());
            let is_repeated = std::mem::replace(&mut is_shown[line.node.index()], true) && !recipe.inputs.is_empty();
            let mark = match (is_repeated, is_cached(line.node)) {
                (true, _) => "  (above)",
                (false, true) => "  (cached)",
                (false, false) => "",
            };
            _ = writeln!(text, "{}{label}  {key}{mark}", line.head);
            if !is_repeated {
                lines.extend(self.lines_below(&line).rev());
            }
        }
        text
    }

    fn lines_below(&self, line: &Line) -> impl DoubleEndedIterator<Item = Line> {
        let inputs = &self.recipe(line.node).inputs;
        inputs.iter().enumerate().map(move |(number, &node)| {
            let (branch, bar) = if number + 1 == inputs.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            Line { node, head: format!("{}{branch}", line.below), below: format!("{}{bar}", line.below) }
        })
    }

    /// Returns a drawing of what `wanted` need, for Graphviz; edges lead from a node to what needs it.
    ///
    /// `is_cached` says which nodes are drawn as cached.
    pub fn to_dot(&self, wanted: &[NodeId], is_cached: impl Fn(NodeId) -> bool) -> String {
        let needed = self.needed(wanted);
        let mut dot = String::from(DOT_HEAD);
        for &node in &needed {
            let (label, key) = (dot_quoted(&self.recipe(node).label), self.key(node).short());
            let fill = if is_cached(node) { ", fillcolor = honeydew2" } else { "" };
            let frame = if wanted.contains(&node) { ", penwidth = 2" } else { "" };
            _ = writeln!(dot, "  n{} [label = \"{label}\\n{key}\"{fill}{frame}];", node.index());
        }
        for &node in &needed {
            for input in &self.recipe(node).inputs {
                _ = writeln!(dot, "  n{} -> n{};", input.index(), node.index());
            }
        }
        dot.push_str("}\n");
        dot
    }
}

/// Returns `label` with control characters spelled out, so that it stays on its line and does nothing to a terminal.
fn printable(label: &str) -> String {
    let mut text = String::new();
    for character in label.chars() {
        if character.is_control() { text.extend(character.escape_default()) } else { text.push(character) }
    }
    text
}

/// Returns `label` as it stands between the double quotes of a DOT label.
fn dot_quoted(label: &str) -> String {
    printable(label).replace('\\', r"\\").replace('"', r#"\""#)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Recipe;
    use super::*;

    /// Returns a graph with two images, and its nodes.
    fn images() -> (Graph, Vec<NodeId>) {
        let mut graph = Graph::new();
        let mut nodes = Vec::new();
        let mut add = |label: &str, inputs: &[usize]| {
            let inputs = inputs.iter().map(|&number| nodes[number]).collect();
            let recipe = Recipe { kind: "x".into(), version: 1, parameters: json!(label), inputs, label: label.into() };
            nodes.push(graph.add(recipe));
        };
        add("deb `busybox`", &[]);
        add("deb `linux`", &[]);
        add("tree `root`", &[0, 1]);
        add("initrd `say \"hi\\n\"`", &[0, 1]);
        add("ext4 `root`\u{1b}[31m\n", &[2]);
        add("fat `esp`", &[3, 1]);
        add("disk `tiny.raw`", &[5, 4]);
        add("disk `unrelated.raw`", &[0]);
        (graph, nodes)
    }

    #[test]
    fn text() {
        let (graph, nodes) = images();
        insta::assert_snapshot!(graph.to_text(&[nodes[6], nodes[2]], |node| node <= nodes[2]), @r#"
        disk `tiny.raw`  e6782067fda9
        ├─ fat `esp`  85e274c96c70
        │  ├─ initrd `say "hi\n"`  5e0b6e1dcbe0
        │  │  ├─ deb `busybox`  4f68360cc19a  (cached)
        │  │  └─ deb `linux`  36a03637383d  (cached)
        │  └─ deb `linux`  36a03637383d  (cached)
        └─ ext4 `root`\u{1b}[31m\n  c864a5a50bc1
           └─ tree `root`  378337140f62  (cached)
              ├─ deb `busybox`  4f68360cc19a  (cached)
              └─ deb `linux`  36a03637383d  (cached)
        tree `root`  378337140f62  (above)
        "#);
        assert_eq!(graph.to_text(&[], |_| false), "");
    }

    #[test]
    fn dot() {
        let (graph, nodes) = images();
        insta::assert_snapshot!(graph.to_dot(&[nodes[6]], |node| node <= nodes[2]), @r#"
        digraph gravure {
          rankdir = LR;
          node [shape = box, style = "rounded,filled", fillcolor = white, fontname = "sans-serif", fontsize = 10];
          edge [color = gray40, arrowsize = 0.7];
          n0 [label = "deb `busybox`\n4f68360cc19a", fillcolor = honeydew2];
          n1 [label = "deb `linux`\n36a03637383d", fillcolor = honeydew2];
          n2 [label = "tree `root`\n378337140f62", fillcolor = honeydew2];
          n3 [label = "initrd `say \"hi\\n\"`\n5e0b6e1dcbe0"];
          n4 [label = "ext4 `root`\\u{1b}[31m\\n\nc864a5a50bc1"];
          n5 [label = "fat `esp`\n85e274c96c70"];
          n6 [label = "disk `tiny.raw`\ne6782067fda9", penwidth = 2];
          n0 -> n2;
          n1 -> n2;
          n0 -> n3;
          n1 -> n3;
          n2 -> n4;
          n3 -> n5;
          n1 -> n5;
          n5 -> n6;
          n4 -> n6;
        }
        "#);
    }
}
