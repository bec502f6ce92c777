//! What `gravure build --json` prints to stdout: JSON Lines, an object for each event, which other programs read.
//!
//! ```text
//!  plan   node started, node built ...   image   node reused ...   image   diagnostic ...   done
//! ```
//! Fields are only ever added; `docs/manual/json.md` lists them. An image is called `FILE#NAME`, as on the command line. The
//! invariant: `done` is the last event of each run that was not interrupted, and of each image of `plan` there is one event
//! between them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use gravure_eval::graph::{Graph, NodeId, Observer, Outcome};
use serde::{Serialize, Serializer};

use crate::terminal;

/// Something that other programs hear of.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(crate) enum Event<'a> {
    /// It is known what is to be built.
    Plan(Plan<'a>),
    /// A node begins, or nothing will happen to it any more.
    Node(Node<'a>),
    /// Nothing will happen to an image any more.
    Image(Image<'a>),
    /// Something is wrong.
    Diagnostic(Diagnostic),
    /// The run is over.
    Done(Done),
}

impl Event<'_> {
    /// Returns it as a line of JSON.
    pub(crate) fn line(&self) -> String {
        serde_json::to_string(self).expect("an event is plain data") + "\n"
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Plan<'a> {
    /// In the order of the command line.
    images: &'a [PlannedImage<'a>],
    /// For how many nodes there will be an event that is not `started`.
    nodes: usize,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct PlannedImage<'a> {
    pub(crate) image: &'a ImageName,
    pub(crate) file: &'a str,
    pub(crate) path: ShownPath<'a>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Node<'a> {
    key: String,
    label: &'a str,
    kind: &'a str,
    state: NodeState,
    /// How long it ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<Seconds>,
    /// The images that need it.
    #[serde(rename = "for")]
    needed_by: &'a [&'a ImageName],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum NodeState {
    Started,
    Built,
    /// The store knew what it makes.
    Reused,
    Failed,
    /// A node that it needs failed.
    Blocked,
    /// Nothing is started after the first failure, unless with `--keep-going`.
    Skipped,
}

#[derive(Debug, Serialize)]
pub(crate) struct Image<'a> {
    pub(crate) image: &'a ImageName,
    pub(crate) file: &'a str,
    /// Where it is written to; none where nothing was planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<ShownPath<'a>>,
    pub(crate) state: ImageState,
    /// How long the image is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bytes: Option<u64>,
    /// Since the start of the run.
    pub(crate) seconds: Seconds,
}

/// What became of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ImageState {
    /// It was written.
    Built,
    /// It was there already, as it would be written.
    Unchanged,
    /// It is wrong, or something that it needs failed.
    Failed,
    /// It was given up because of another failure.
    Skipped,
}

#[derive(Debug, Serialize)]
pub(crate) struct Diagnostic {
    pub(crate) severity: Severity,
    /// Of a mistake in the user's text; other failures have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<&'static str>,
    /// With which the run would end if nothing else were wrong; 0 for a warning.
    pub(crate) exit_code: u8,
    pub(crate) message: String,
    /// Of a mistake the first is the one that is wrong, and the others say why.
    pub(crate) places: Vec<ShownPlace>,
    pub(crate) notes: Vec<String>,
    pub(crate) help: Vec<String>,
    /// What the help comes to: texts to be put in place of what is there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) fix: Vec<ShownPlace>,
    /// The key of the node that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<String>,
    /// The images that are lost by it, where that is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) images: Vec<ImageName>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    Error,
    Warning,
}

/// A place in the user's text, counted from 1; columns are characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ShownPlace {
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
    /// Where the first character behind it stands.
    pub(crate) end_line: usize,
    pub(crate) end_column: usize,
    /// What is to be said about it or, of a fix, to be put there.
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Done {
    #[serde(flatten)]
    pub(crate) tally: Tally,
    pub(crate) seconds: Seconds,
    pub(crate) exit_code: u8,
}

/// How many images and nodes a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Tally {
    pub(crate) built: usize,
    pub(crate) unchanged: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
    /// The length of all images that were written.
    pub(crate) bytes: u64,
    pub(crate) nodes_built: usize,
    pub(crate) nodes_reused: usize,
}

impl Tally {
    /// Counts an image of this length.
    pub(crate) fn count(&mut self, state: ImageState, bytes: u64) {
        match state {
            ImageState::Built => (self.built, self.bytes) = (self.built + 1, self.bytes + bytes),
            ImageState::Unchanged => self.unchanged += 1,
            ImageState::Failed => self.failed += 1,
            ImageState::Skipped => self.skipped += 1,
        }
    }

    /// Counts what became of nodes.
    pub(crate) fn count_nodes<'a>(&mut self, outcomes: impl Iterator<Item = &'a Outcome>) {
        for outcome in outcomes {
            match outcome {
                Outcome::Built(_) => self.nodes_built += 1,
                Outcome::Reused(_) => self.nodes_reused += 1,
                Outcome::Failed(_) | Outcome::Blocked { .. } | Outcome::NotStarted => {}
            }
        }
    }

    /// Returns how many images there are.
    pub(crate) fn images(&self) -> usize {
        self.built + self.unchanged + self.failed + self.skipped
    }
}

/// An image as the command line calls it: `FILE#NAME`, or `FILE` where it is not known which images the file has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct ImageName(pub(crate) String);

/// A path as text; JSON has no other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShownPath<'a>(pub(crate) &'a Path);

impl Serialize for ShownPath<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0.display())
    }
}

/// A time to the millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Seconds(f64);

impl From<Duration> for Seconds {
    fn from(duration: Duration) -> Seconds {
        Seconds((duration.as_secs_f64() * 1000.0).round() / 1000.0)
    }
}

/// Where events go: to stdout, or nowhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Events {
    pub(crate) is_on: bool,
    /// When the run began.
    pub(crate) start: Instant,
}

impl Events {
    pub(crate) fn send(self, event: &Event<'_>) {
        if self.is_on {
            terminal::result(&event.line());
        }
    }

    /// Tells what became of an image.
    pub(crate) fn image(
        self,
        (image, file): (&ImageName, &str),
        path: Option<&Path>,
        state: ImageState,
        bytes: Option<u64>,
    ) {
        self.send(&Event::Image(Image {
            image,
            file,
            path: path.map(ShownPath),
            state,
            bytes,
            seconds: self.start.elapsed().into(),
        }));
    }

    /// Tells how the run ends.
    pub(crate) fn done(self, tally: Tally, exit_code: u8) {
        self.send(&Event::Done(Done { tally, seconds: self.start.elapsed().into(), exit_code }));
    }

    /// Returns an observer that tells how the building of `graph` goes.
    pub(crate) fn watch<'a>(
        self,
        graph: &'a Graph,
        images: impl Iterator<Item = (PlannedImage<'a>, Vec<NodeId>)>,
    ) -> NodeEvents<'a> {
        let (mut planned, mut needed_by) = (Vec::new(), BTreeMap::<NodeId, Vec<&ImageName>>::new());
        for (image, wanted) in images.take_while(|_| self.is_on) {
            for node in graph.needed(&wanted) {
                needed_by.entry(node).or_default().push(image.image);
            }
            planned.push(image);
        }
        NodeEvents { events: self, graph, images: planned, needed_by, started: Mutex::default() }
    }
}

/// Tells how a build goes.
pub(crate) struct NodeEvents<'a> {
    events: Events,
    graph: &'a Graph,
    images: Vec<PlannedImage<'a>>,
    needed_by: BTreeMap<NodeId, Vec<&'a ImageName>>,
    /// When the nodes that run began.
    started: Mutex<BTreeMap<NodeId, Instant>>,
}

impl NodeEvents<'_> {
    fn started(&self) -> std::sync::MutexGuard<'_, BTreeMap<NodeId, Instant>> {
        self.started.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, node: NodeId, state: NodeState, ran: Option<Duration>) {
        let recipe = self.graph.recipe(node);
        self.events.send(&Event::Node(Node {
            key: self.graph.key(node).to_string(),
            label: &recipe.label,
            kind: &recipe.kind,
            state,
            seconds: ran.map(Seconds::from),
            needed_by: self.needed_by.get(&node).map_or(&[], Vec::as_slice),
        }));
    }
}

impl Observer for NodeEvents<'_> {
    fn planned(&self, nodes: usize) {
        self.events.send(&Event::Plan(Plan { images: &self.images, nodes }));
    }

    fn started(&self, node: NodeId) {
        self.started().insert(node, Instant::now());
        self.send(node, NodeState::Started, None);
    }

    fn finished(&self, node: NodeId, outcome: &Outcome) {
        let state = match outcome {
            Outcome::Built(_) => NodeState::Built,
            Outcome::Reused(_) => NodeState::Reused,
            Outcome::Failed(_) => NodeState::Failed,
            Outcome::Blocked { .. } => NodeState::Blocked,
            Outcome::NotStarted => NodeState::Skipped,
        };
        let started = self.started().remove(&node);
        self.send(node, state, started.map(|started| started.elapsed()));
    }
}

/// Two observers that hear the same; the first hears it first.
pub(crate) struct Both<'a>(pub(crate) &'a dyn Observer, pub(crate) &'a dyn Observer);

impl Observer for Both<'_> {
    fn planned(&self, nodes: usize) {
        self.0.planned(nodes);
        self.1.planned(nodes);
    }

    fn started(&self, node: NodeId) {
        self.0.started(node);
        self.1.started(node);
    }

    fn finished(&self, node: NodeId, outcome: &Outcome) {
        self.0.finished(node, outcome);
        self.1.finished(node, outcome);
    }
}
