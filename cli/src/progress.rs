//! What moves on a terminal while a build runs: a bar per download, a line per running node, a bar for the whole.
//!
//! Where stderr is no terminal nothing is drawn. All of it is gone before anything else is printed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use gravure_eval::graph::{self, Graph, NodeId, Observer, Outcome};
use gravure_sources::{Progress, Transfer};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::terminal;

/// A download of known length; a long name is cut so that the numbers stay in sight.
const DOWNLOAD: &str = "  {wide_msg} {bar:16} {bytes:>11}/{total_bytes}";
/// A download of unknown length.
const DOWNLOAD_WITHOUT_LENGTH: &str = "  {wide_msg} {bytes:>11}";
/// Work without a measure.
const WORK: &str = "{spinner} {wide_msg}";
/// The whole build.
const WHOLE: &str = "  {bar:16} {pos}/{len} nodes, {elapsed}";

/// How often spinners turn.
const TICK: Duration = Duration::from_millis(120);

/// All bars and lines of a run.
#[derive(Clone, Debug)]
pub(crate) struct Bars {
    all: MultiProgress,
}

impl Bars {
    /// Returns bars that are drawn if people look at stderr.
    pub(crate) fn new() -> Bars {
        let target = if terminal::has_progress() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Bars { all: MultiProgress::with_draw_target(target) }
    }

    /// Removes everything from the terminal.
    pub(crate) fn clear(&self) {
        // A terminal that cannot be written to shows nothing.
        let _ = self.all.clear();
    }

    /// Prints while everything that moves is away.
    pub(crate) fn aside(&self, print: impl FnOnce()) {
        self.all.suspend(print);
    }

    /// Returns a line that says what is being done, until it is dropped.
    pub(crate) fn line(&self, what: String) -> Line {
        self.add(ProgressBar::new_spinner().with_style(style(WORK)), what)
    }

    fn add(&self, bar: ProgressBar, what: String) -> Line {
        let bar = self.all.insert(0, bar).with_message(what);
        if !self.all.is_hidden() {
            bar.enable_steady_tick(TICK);
        }
        Line { all: self.all.clone(), bar }
    }

    /// Returns an observer that shows how the building of `graph` goes, and calls `finished` for each output.
    pub(crate) fn watch<'a, F: Fn(NodeId, graph::Output) + Sync>(
        &'a self,
        graph: &'a Graph,
        finished: F,
    ) -> Watcher<'a, F> {
        let whole = self.all.add(ProgressBar::new(0).with_style(style(WHOLE)));
        let whole = Line { all: self.all.clone(), bar: whole };
        Watcher { bars: self, graph, whole, running: Mutex::default(), finished }
    }
}

impl Progress for Bars {
    fn started(&self, what: &str, len: Option<u64>) -> Box<dyn Transfer + '_> {
        let bar = match len {
            Some(len) => ProgressBar::new(len).with_style(style(DOWNLOAD)),
            None => ProgressBar::new_spinner().with_style(style(DOWNLOAD_WITHOUT_LENGTH)),
        };
        Box::new(self.add(bar, what.to_owned()))
    }
}

/// A line on the terminal; dropped, it is gone.
pub(crate) struct Line {
    all: MultiProgress,
    bar: ProgressBar,
}

impl Transfer for Line {
    fn at(&mut self, bytes: u64) {
        self.bar.set_position(bytes);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        self.all.remove(&self.bar);
    }
}

/// Shows how a build goes.
pub(crate) struct Watcher<'a, F> {
    bars: &'a Bars,
    graph: &'a Graph,
    whole: Line,
    running: Mutex<BTreeMap<NodeId, Line>>,
    finished: F,
}

impl<F> Watcher<'_, F> {
    fn running(&self) -> std::sync::MutexGuard<'_, BTreeMap<NodeId, Line>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Fn(NodeId, graph::Output) + Sync> Observer for Watcher<'_, F> {
    fn planned(&self, nodes: usize) {
        self.whole.bar.set_length(nodes as u64);
    }

    fn started(&self, node: NodeId) {
        if !self.bars.all.is_hidden() {
            let line = self.bars.line(self.graph.recipe(node).label.clone());
            self.running().insert(node, line);
        }
    }

    fn finished(&self, node: NodeId, outcome: &Outcome) {
        drop(self.running().remove(&node));
        self.whole.bar.inc(1);
        if let Some(output) = outcome.output() {
            (self.finished)(node, *output);
        }
    }
}

/// Returns the style that a template describes.
fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).expect("the templates of this file are right");
    style.progress_chars("━━╌").tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_right() {
        for template in [DOWNLOAD, DOWNLOAD_WITHOUT_LENGTH, WORK, WHOLE] {
            style(template);
        }
    }
}
