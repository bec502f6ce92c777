//! What moves on a terminal while a build runs: a bar per download, a line per running node, a bar for the whole.
//!
//! Where stderr is no terminal nothing is drawn. All of it is gone before anything else is printed.
//!
//! There may be more lines than the terminal has rows, and then the lowest would be lost, the bar for the whole among them.
//! So the lines that have no room wait, and the last line says how many they are; one moves up when another goes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gravure_eval::graph::{self, Graph, NodeId, Observer, Outcome, Realise};
use gravure_sources::{Progress, Transfer};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::terminal;

/// A download of known length; a long name is cut so that the numbers stay in sight.
const DOWNLOAD: &str = "  {wide_msg} {bar:10} {percent:>3} % of {total_bytes}";
/// A download of unknown length.
const DOWNLOAD_WITHOUT_LENGTH: &str = "  {wide_msg} {bytes:>11}";
/// Work without a measure.
const WORK: &str = "{spinner} {wide_msg}";
/// The last line, before it is known what is to be built.
const START: &str = "  {elapsed}";
/// The last line while the nodes of the whole build are being built.
const WHOLE: &str = "  {bar:16} {pos}/{len} nodes, {elapsed}{msg}";

/// How many rows are left free of lines: for the bar for the whole, and for the cursor below it.
const OTHER_ROWS: usize = 2;

/// How often spinners turn.
const TICK: Duration = Duration::from_millis(120);

/// All bars and lines of a run.
#[derive(Clone, Debug)]
pub(crate) struct Bars {
    all: MultiProgress,
    /// The last line.
    whole: ProgressBar,
    lines: Arc<Mutex<Lines>>,
}

/// The lines above the last.
#[derive(Debug, Default)]
struct Lines {
    shown: usize,
    /// How many there have been, which is the number of the next.
    begun: u64,
    /// Those that there is no room for, by their numbers.
    waiting: BTreeMap<u64, ProgressBar>,
}

impl Bars {
    /// Returns bars that are drawn if people look at stderr.
    pub(crate) fn new() -> Bars {
        Bars::on(if terminal::has_progress() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() })
    }

    /// Returns bars that are never drawn.
    pub(crate) fn hidden() -> Bars {
        Bars::on(ProgressDrawTarget::hidden())
    }

    fn on(target: ProgressDrawTarget) -> Bars {
        let all = MultiProgress::with_draw_target(target);
        let whole = all.add(ProgressBar::new(0).with_style(style(START)));
        if !all.is_hidden() {
            whole.enable_steady_tick(TICK);
        }
        Bars { all, whole, lines: Arc::default() }
    }

    /// Removes everything from the terminal, for good.
    pub(crate) fn clear(&self) {
        self.whole.finish_and_clear();
        // A terminal that cannot be written to shows nothing.
        let _ = self.all.clear();
        self.all.set_draw_target(ProgressDrawTarget::hidden());
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
        // Else it would be drawn at once, and over the others.
        bar.set_draw_target(ProgressDrawTarget::hidden());
        bar.set_message(what);
        let mut lines = self.lines();
        let number = lines.begun;
        lines.begun += 1;
        lines.waiting.insert(number, bar.clone());
        self.fill(&mut lines);
        Line { bars: self.clone(), number, bar }
    }

    /// Removes a line, which makes room for another.
    fn remove(&self, number: u64, bar: &ProgressBar) {
        let mut lines = self.lines();
        bar.finish_and_clear();
        self.all.remove(bar);
        if lines.waiting.remove(&number).is_none() {
            lines.shown -= 1;
        }
        self.fill(&mut lines);
    }

    /// Shows lines while there is room.
    fn fill(&self, lines: &mut Lines) {
        let room = terminal::rows().map_or(usize::MAX, |rows| rows.saturating_sub(OTHER_ROWS).max(1));
        while lines.shown < room
            && let Some((_, bar)) = lines.waiting.pop_first()
        {
            let bar = self.all.insert(0, bar);
            if !self.all.is_hidden() {
                bar.enable_steady_tick(TICK);
            }
            lines.shown += 1;
        }
        self.whole.set_message(match lines.waiting.len() {
            0 => String::new(),
            more => format!(", {more} more at work"),
        });
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns an observer that shows how the building of `graph` goes, and calls `finished` for each output.
    ///
    /// What `realiser` waits for has no line, but the bar of its download. A line ends with what `whom` has for its node.
    pub(crate) fn watch<'a, F: Fn(NodeId, graph::Output) + Sync>(
        &'a self,
        graph: &'a Graph,
        realiser: &'a dyn Realise,
        whom: BTreeMap<NodeId, String>,
        finished: F,
    ) -> Watcher<'a, F> {
        Watcher { bars: self, graph, realiser, whom, running: Mutex::default(), finished }
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
    bars: Bars,
    number: u64,
    bar: ProgressBar,
}

impl Transfer for Line {
    fn at(&mut self, bytes: u64) {
        self.bar.set_position(bytes);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.bars.remove(self.number, &self.bar);
    }
}

/// Shows how a build goes.
pub(crate) struct Watcher<'a, F> {
    bars: &'a Bars,
    graph: &'a Graph,
    realiser: &'a dyn Realise,
    whom: BTreeMap<NodeId, String>,
    running: Mutex<BTreeMap<NodeId, Line>>,
    finished: F,
}

impl<F> Watcher<'_, F> {
    fn running(&self) -> MutexGuard<'_, BTreeMap<NodeId, Line>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Fn(NodeId, graph::Output) + Sync> Observer for Watcher<'_, F> {
    fn planned(&self, nodes: usize) {
        self.bars.whole.set_length(nodes as u64);
        self.bars.whole.set_style(style(WHOLE));
    }

    fn started(&self, node: NodeId) {
        let recipe = self.graph.recipe(node);
        if !self.bars.all.is_hidden() && !self.realiser.waits(&recipe.kind) {
            let whom = self.whom.get(&node).map_or("", String::as_str);
            let line = self.bars.line(format!("{}{whom}", recipe.label));
            self.running().insert(node, line);
        }
    }

    fn finished(&self, node: NodeId, outcome: &Outcome) {
        drop(self.running().remove(&node));
        self.bars.whole.inc(1);
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
        for template in [DOWNLOAD, DOWNLOAD_WITHOUT_LENGTH, WORK, START, WHOLE] {
            style(template);
        }
    }
}
