//! The scheduler: builds what is missing, lazily and in parallel.
//!
//! ```text
//!  plan, top down:    wanted nodes, and what lies below nodes whose node key the store does not know
//!  build, bottom up:  each node counts its unfinished inputs; whoever finishes the last one starts the node
//!
//!                     +-- rayon ------------+   a ready node that waits (network, disk)   +-- threads ----+
//!       ready nodes ->| complete, complete  | --------------- queue --------------------> | complete      |
//!                     +---------------------+ <------- the nodes that this made ready --- +---------------+
//! ```
//! The invariant: every planned node is dispatched exactly once and completed exactly once, whatever happens
//! to it (reused, built, failed, blocked by a failure, not started, panicked); so the count always runs out
//! and nothing ever waits for a node. No lock is held while a recipe runs.

use std::any::Any;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError, mpsc};

use rayon::Scope;

use super::{Graph, Key, NodeId, Output, Recipe, Task};

/// The stack of each thread in bytes: a recipe that is parallel inside may run others on top of itself.
const STACK: usize = 16 << 20;

/// Why a recipe or the store failed; the caller may downcast it to tell classes of failures apart.
pub type Failure = Box<dyn Error + Send + Sync>;

/// The two maps of a [`Store`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// From node keys.
    Node,
    /// From action keys.
    Action,
}

/// Remembers outputs across builds.
pub trait Store: Sync {
    /// Returns the output recorded under `key`, if its object is there, and all objects that it refers to.
    fn find(&self, space: Space, key: &Key) -> Option<Output>;

    /// Records that `key` came out as `output`.
    ///
    /// # Errors
    /// The record cannot be written.
    fn record(&self, space: Space, key: &Key, output: &Output) -> Result<(), Failure>;
}

/// Runs recipes.
pub trait Realise: Sync {
    /// Makes the output of `task` and puts its object into the store.
    ///
    /// May use rayon, but holds no lock meanwhile: its thread may run another recipe before this one goes on.
    ///
    /// # Errors
    /// Whatever went wrong.
    fn realise(&self, task: &Task) -> Result<Output, Failure>;

    /// Tells whether recipes of `kind` mostly wait for a network or a disk: then they never occupy a rayon thread,
    /// and should not use rayon themselves, whose common pool would be started for them.
    fn waits(&self, kind: &str) -> bool;
}

/// Hears how a build goes; called from many threads, in no particular order of nodes.
pub trait Observer: Sync {
    /// `nodes` nodes are looked at: so often will [`Observer::finished`] be called.
    fn planned(&self, _nodes: usize) {}
    /// The recipe of `node` begins to run.
    fn started(&self, _node: NodeId) {}
    /// Nothing will happen to `node` any more.
    fn finished(&self, _node: NodeId, _outcome: &Outcome) {}
}

/// Does not care.
impl Observer for () {}

/// How to build.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many recipes run at once; at least 1.
    pub threads: usize,
    /// How many recipes that wait run at once besides; at least 1.
    pub network_threads: usize,
    /// Whether all that needs no failed node is built, instead of starting nothing after the first failure.
    pub keep_going: bool,
}

/// What became of a node.
#[derive(Debug)]
pub enum Outcome {
    /// The recipe ran.
    Built(Output),
    /// The store knew the output.
    Reused(Output),
    /// The recipe failed, or the store when its output was to be recorded.
    Failed(Failure),
    /// The recipe did not run, because a node that it needs failed.
    Blocked {
        /// That node; the first in graph order if there are several.
        by: NodeId,
    },
    /// The recipe did not run, because another failed before.
    NotStarted,
}

impl Outcome {
    /// Returns the output, if there is one.
    pub fn output(&self) -> Option<&Output> {
        match self {
            Outcome::Built(output) | Outcome::Reused(output) => Some(output),
            Outcome::Failed(_) | Outcome::Blocked { .. } | Outcome::NotStarted => None,
        }
    }
}

/// What became of each node that a build looked at.
#[derive(Debug)]
pub struct Report {
    /// In graph order.
    outcomes: Vec<(NodeId, Outcome)>,
}

impl Report {
    /// Returns what became of `node`; none if it lies only below nodes that were reused, or is not needed at all.
    pub fn outcome(&self, node: NodeId) -> Option<&Outcome> {
        let place = self.outcomes.binary_search_by_key(&node, |&(node, _)| node).ok()?;
        Some(&self.outcomes[place].1)
    }

    /// Returns the output of `node`, if it was built or reused.
    pub fn output(&self, node: NodeId) -> Option<&Output> {
        self.outcome(node)?.output()
    }

    /// Returns all nodes that were looked at, in graph order.
    pub fn outcomes(&self) -> impl Iterator<Item = (NodeId, &Outcome)> {
        self.outcomes.iter().map(|(node, outcome)| (*node, outcome))
    }

    /// Returns what failed by itself, in graph order.
    pub fn failures(&self) -> impl Iterator<Item = (NodeId, &Failure)> {
        self.outcomes().filter_map(|(node, outcome)| match outcome {
            Outcome::Failed(failure) => Some((node, failure)),
            _ => None,
        })
    }

    /// Tells whether all that was wanted has an output.
    pub fn is_success(&self) -> bool {
        self.outcomes.iter().all(|(_, outcome)| outcome.output().is_some())
    }
}

/// Makes the outputs of `wanted`, and of what they need where the store does not know them.
///
/// With `keep_going` outputs and failures depend on the graph, the store and the recipes only. (Timing shows in one
/// thing: of two nodes that come to the same task at once, the later may find it `Reused` or not.) Without it, which
/// nodes are `NotStarted` depends on timing too. Failures are always in graph order.
///
/// # Panics
/// With the panic of a recipe, the store or the observer, after all that was running has ended.
pub fn realise(
    graph: &Graph,
    wanted: &[NodeId],
    store: &dyn Store,
    realiser: &dyn Realise,
    observer: &dyn Observer,
    options: Options,
) -> Report {
    let plan = Plan::new(graph, wanted, store, realiser);
    observer.planned(plan.nodes.len());
    for &node in &plan.nodes {
        if let Some(outcome) = plan.outcomes[node.index()].get() {
            observer.finished(node, outcome);
        }
    }
    let (queue, waiting) = mpsc::channel();
    let build = Build {
        graph,
        store,
        realiser,
        observer,
        keep_going: options.keep_going,
        plan,
        queue,
        is_stopped: AtomicBool::new(false),
        panic: Mutex::new(None),
    };
    build.run(options, waiting);
    build.report()
}

/// What is to be built, and how much of it is left.
struct Plan {
    /// All that is looked at, in graph order.
    nodes: Vec<NodeId>,
    /// Those of them that are not reused and have no input that is to be built.
    ready: Vec<NodeId>,
    /// How many of them are not reused and run on the threads for waiting.
    n_waiting: usize,
    // From here on by number of node, for all nodes of the graph.
    /// Filled in when the node is finished.
    outcomes: Vec<OnceLock<Outcome>>,
    /// How many inputs are not finished.
    unfinished: Vec<AtomicU32>,
    /// The nodes to be built that need the node; one that needs it twice is there twice.
    dependents: Vec<Vec<NodeId>>,
    /// Whether the recipe runs on the threads for waiting.
    waits: Vec<bool>,
}

impl Plan {
    /// Returns the plan for `wanted`: below a node that the store knows nothing is looked at.
    fn new(graph: &Graph, wanted: &[NodeId], store: &dyn Store, realiser: &dyn Realise) -> Plan {
        let outcomes: Vec<OnceLock<Outcome>> = graph.nodes().map(|_| OnceLock::new()).collect();
        let nodes = graph.needed_below(wanted, |node| match store.find(Space::Node, &graph.key(node)) {
            Some(output) => outcomes[node.index()].set(Outcome::Reused(output)).is_err(),
            None => true,
        });
        let mut plan = Plan {
            nodes,
            ready: Vec::new(),
            n_waiting: 0,
            outcomes,
            unfinished: graph.nodes().map(|_| AtomicU32::new(0)).collect(),
            dependents: vec![Vec::new(); graph.len()],
            waits: vec![false; graph.len()],
        };
        for number in 0..plan.nodes.len() {
            let node = plan.nodes[number];
            if !plan.is_finished(node) {
                plan.count(node, graph.recipe(node), realiser);
            }
        }
        plan
    }

    fn is_finished(&self, node: NodeId) -> bool {
        self.outcomes[node.index()].get().is_some()
    }

    /// Counts what `node`, which is to be built, has to wait for.
    fn count(&mut self, node: NodeId, recipe: &Recipe, realiser: &dyn Realise) {
        for &input in &recipe.inputs {
            if !self.is_finished(input) {
                self.dependents[input.index()].push(node);
                *self.unfinished[node.index()].get_mut() += 1;
            }
        }
        if *self.unfinished[node.index()].get_mut() == 0 {
            self.ready.push(node);
        }
        self.waits[node.index()] = realiser.waits(&recipe.kind);
        self.n_waiting += usize::from(self.waits[node.index()]);
    }
}

/// A build that is going on; shared by all threads.
struct Build<'a> {
    graph: &'a Graph,
    store: &'a dyn Store,
    realiser: &'a dyn Realise,
    observer: &'a dyn Observer,
    keep_going: bool,
    plan: Plan,
    /// Takes ready nodes to the threads for waiting.
    queue: mpsc::Sender<NodeId>,
    /// Whether no recipe is to be started any more.
    is_stopped: AtomicBool,
    /// The first panic.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Build<'_> {
    /// Completes every node of the plan.
    fn run(&self, options: Options, waiting: mpsc::Receiver<NodeId>) {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(options.threads.max(1))
            .stack_size(STACK)
            .thread_name(|number| format!("build {number}"))
            .build()
            .expect("the system lets a build start its threads");
        let n_waiting = self.plan.n_waiting;
        // Each node comes once, so after `n_waiting` of them every thread leaves; none needs to be told.
        let waiting = Mutex::new(waiting.into_iter().take(n_waiting));
        let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
        pool.in_place_scope(|scope| {
            // First of all, so that the queue moves even if not all of the threads below can be started.
            self.plan.ready.iter().for_each(|&node| self.dispatch(scope, node));
            std::thread::scope(|threads| {
                for number in 0..options.network_threads.max(1).min(n_waiting) {
                    std::thread::Builder::new()
                        .stack_size(STACK)
                        .name(format!("wait {number}"))
                        .spawn_scoped(threads, || std::iter::from_fn(next).for_each(|node| self.complete(scope, node)))
                        .expect("the system lets a build start its threads");
                }
            });
        });
    }

    /// Hands `node`, whose inputs are finished, to the threads that it is for.
    fn dispatch<'scope>(&'scope self, scope: &Scope<'scope>, node: NodeId) {
        if self.plan.waits[node.index()] {
            self.queue.send(node).expect("the queue lives as long as the scope");
        } else {
            scope.spawn(move |scope| self.complete(scope, node));
        }
    }

    /// Finishes `node`, then dispatches the nodes that waited for it only.
    fn complete<'scope>(&'scope self, scope: &Scope<'scope>, node: NodeId) {
        let outcome = catch_unwind(AssertUnwindSafe(|| self.attempt(node))).unwrap_or_else(|panic| {
            // The panic goes on when the scope has ended, so nobody sees what it may have left half done.
            self.is_stopped.store(true, Ordering::Relaxed);
            self.panic.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(panic);
            Outcome::NotStarted
        });
        self.plan.outcomes[node.index()].set(outcome).expect("a node is finished once");
        for &dependent in &self.plan.dependents[node.index()] {
            // Release what this thread wrote, acquire what the threads of the other inputs did.
            if self.plan.unfinished[dependent.index()].fetch_sub(1, Ordering::AcqRel) == 1 {
                self.dispatch(scope, dependent);
            }
        }
    }

    fn attempt(&self, node: NodeId) -> Outcome {
        let outcome = match self.inputs(node) {
            Ok(inputs) => self.output(node, inputs).unwrap_or_else(Outcome::Failed),
            Err(outcome) => outcome,
        };
        if matches!(outcome, Outcome::Failed(_)) && !self.keep_going {
            self.is_stopped.store(true, Ordering::Relaxed);
        }
        self.observer.finished(node, &outcome);
        outcome
    }

    /// Returns the outputs of the inputs of `node`, or what becomes of it without them.
    fn inputs(&self, node: NodeId) -> Result<Vec<Output>, Outcome> {
        let inputs = &self.graph.recipe(node).inputs;
        let outcome = |input: &NodeId| self.plan.outcomes[input.index()].get().expect("inputs are finished first");
        let culprit = |input: &NodeId| match outcome(input) {
            Outcome::Failed(_) => Some(*input),
            Outcome::Blocked { by } => Some(*by),
            Outcome::Built(_) | Outcome::Reused(_) | Outcome::NotStarted => None,
        };
        match inputs.iter().filter_map(culprit).min() {
            Some(by) => Err(Outcome::Blocked { by }),
            None => inputs.iter().map(|input| outcome(input).output().copied().ok_or(Outcome::NotStarted)).collect(),
        }
    }

    /// Finds or makes the output of `node`.
    fn output(&self, node: NodeId, inputs: Vec<Output>) -> Result<Outcome, Failure> {
        // Relaxed: who sees it late starts one recipe more.
        if self.is_stopped.load(Ordering::Relaxed) {
            return Ok(Outcome::NotStarted);
        }
        let task = self.graph.recipe(node).task(inputs);
        let action = task.action_key();
        let outcome = match self.store.find(Space::Action, &action) {
            Some(output) => Outcome::Reused(output),
            None => {
                self.observer.started(node);
                let output = self.realiser.realise(&task)?;
                self.store.record(Space::Action, &action, &output)?;
                Outcome::Built(output)
            }
        };
        let output = outcome.output().expect("both have one");
        self.store.record(Space::Node, &self.graph.key(node), output)?;
        Ok(outcome)
    }

    /// Returns the outcomes, or panics on as a recipe did.
    fn report(self) -> Report {
        if let Some(panic) = self.panic.into_inner().unwrap_or_else(PoisonError::into_inner) {
            resume_unwind(panic);
        }
        let mut outcomes = self.plan.outcomes;
        let outcome = |node: NodeId| outcomes[node.index()].take().expect("every planned node was completed");
        let taken = self.plan.nodes.iter().copied().zip(self.plan.nodes.iter().copied().map(outcome));
        Report { outcomes: taken.collect() }
    }
}
