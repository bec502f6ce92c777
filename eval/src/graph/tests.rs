//! The scheduler against a naive evaluation, on 1, 2 and 8 threads.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, mpsc};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::Digest as _;

use super::*;

const THREADS: [usize; 3] = [1, 2, 8];
/// Far more than any of these tests takes: whatever takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// Returns what `work` returns, unless it hangs.
fn in_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = mpsc::channel();
    let worker = std::thread::spawn(move || done.send(work()));
    match result.recv_timeout(PATIENCE) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("the scheduler hangs"),
        Err(mpsc::RecvTimeoutError::Disconnected) => std::panic::resume_unwind(worker.join().unwrap_err()),
    }
}

fn options(threads: usize) -> Options {
    Options { threads, network_threads: 2, keep_going: true }
}

/// What a test's recipe does, by its kind.
fn make(task: &Task) -> Result<Output, Failure> {
    let content = match task.kind.as_str() {
        "mix" | "wait" => task.to_json(),
        "half" => (task.parameters.as_u64().unwrap() / 2).to_string(),
        "fail" => return Err(format!("no {}", task.parameters).into()),
        "panic" | "wait, panic" => panic!("panic {}", task.parameters),
        kind => unreachable!("{kind}"),
    };
    Ok(Output { ty: OutputType::Blob, digest: sha2::Sha256::digest(&content).into(), len: content.len() as u64 })
}

/// A store in memory, and a realiser that remembers what it did.
#[derive(Default)]
struct Memory {
    records: Mutex<BTreeMap<(Space, Key), Output>>,
    /// The tasks that ran, in the order in which they began.
    runs: Mutex<Vec<Task>>,
    is_read_only: bool,
}

impl Store for Memory {
    fn find(&self, space: Space, key: &Key) -> Option<Output> {
        self.records.lock().unwrap().get(&(space, *key)).copied()
    }

    fn record(&self, space: Space, key: &Key, output: &Output) -> Result<(), Failure> {
        if self.is_read_only {
            return Err("the store is read-only".into());
        }
        self.records.lock().unwrap().insert((space, *key), *output);
        Ok(())
    }
}

impl Realise for Memory {
    fn realise(&self, task: &Task) -> Result<Output, Failure> {
        self.runs.lock().unwrap().push(task.clone());
        let thread = std::thread::current();
        let expected = if self.waits(&task.kind) { "wait " } else { "build " };
        assert!(thread.name().unwrap().starts_with(expected), "`{}` runs on {:?}", task.kind, thread.name());
        for input in &task.inputs {
            assert!(self.records.lock().unwrap().values().any(|output| output == input), "inputs are made first");
        }
        make(task)
    }

    fn waits(&self, kind: &str) -> bool {
        kind.starts_with("wait")
    }
}

impl Memory {
    fn build(&self, graph: &Graph, wanted: &[NodeId], options: Options) -> Report {
        realise(graph, wanted, self, self, &(), options)
    }

    /// Returns the tasks that ran since the last call, sorted by key.
    fn take_runs(&self) -> Vec<Key> {
        let mut keys: Vec<Key> = std::mem::take(&mut *self.runs.lock().unwrap()).iter().map(Task::action_key).collect();
        keys.sort();
        keys
    }
}

/// What becomes of a node, told so that two builds can be compared.
#[derive(Clone, Debug, PartialEq)]
enum Fate {
    Made(Output),
    Failed(String),
    Blocked(NodeId),
    NotStarted,
}

fn fate(outcome: &Outcome) -> Fate {
    match outcome {
        Outcome::Built(output) | Outcome::Reused(output) => Fate::Made(*output),
        Outcome::Failed(failure) => Fate::Failed(failure.to_string()),
        Outcome::Blocked { by } => Fate::Blocked(*by),
        Outcome::NotStarted => Fate::NotStarted,
    }
}

fn fates(report: &Report) -> BTreeMap<NodeId, Fate> {
    report.outcomes().map(|(node, outcome)| (node, fate(outcome))).collect()
}

/// One node after the other, without any cache: what becomes of each, and the tasks that run.
fn naive(graph: &Graph, wanted: &[NodeId]) -> (BTreeMap<NodeId, Fate>, BTreeSet<Key>) {
    let (mut fates, mut tasks) = (BTreeMap::new(), BTreeSet::new());
    for node in graph.needed(wanted) {
        let (mut inputs, mut culprits) = (Vec::new(), BTreeSet::new());
        for input in &graph.recipe(node).inputs {
            match &fates[input] {
                Fate::Made(output) => inputs.push(*output),
                Fate::Blocked(by) => _ = culprits.insert(*by),
                Fate::Failed(_) | Fate::NotStarted => _ = culprits.insert(*input),
            }
        }
        let fate = match culprits.first() {
            Some(&by) => Fate::Blocked(by),
            None => {
                let task = graph.recipe(node).task(inputs);
                tasks.insert(task.action_key());
                make(&task).map_or_else(|failure| Fate::Failed(failure.to_string()), Fate::Made)
            }
        };
        fates.insert(node, fate);
    }
    (fates, tasks)
}

fn add(graph: &mut Graph, kind: &str, parameters: Value, inputs: &[NodeId]) -> NodeId {
    let label = format!("{kind} {parameters}");
    graph.add(Recipe { kind: kind.into(), version: 1, parameters, inputs: inputs.into(), label })
}

/// What a random graph is made from: kinds, parameters, and choices among the nodes before.
type Steps = Vec<(&'static str, u64, Vec<prop::sample::Index>)>;

fn steps(kinds: &'static [&'static str]) -> impl Strategy<Value = Steps> {
    let inputs = prop::collection::vec(any::<prop::sample::Index>(), 0..4);
    prop::collection::vec((prop::sample::select(kinds), 0..1000_u64, inputs), 1..40)
}

/// Returns the graph that `steps` make, and the node of each.
fn grown(steps: &Steps) -> (Graph, Vec<NodeId>) {
    let (mut graph, mut nodes) = (Graph::new(), Vec::new());
    for (kind, parameter, choices) in steps {
        let inputs: Vec<NodeId> =
            if nodes.is_empty() { vec![] } else { choices.iter().map(|choice| *choice.get(&nodes)).collect() };
        nodes.push(add(&mut graph, kind, json!(parameter), &inputs));
    }
    (graph, nodes)
}

fn chosen(choices: &[prop::sample::Index], nodes: &[NodeId]) -> Vec<NodeId> {
    choices.iter().map(|choice| *choice.get(nodes)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Every node has the fate of the naive evaluation; what is needed runs once, and nothing else.
    #[test]
    fn any_graph_comes_out_as_if_built_naively(
        steps in steps(&["mix", "mix", "mix", "half", "wait", "fail"]),
        wanted in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let (graph, nodes) = grown(&steps);
        let wanted = chosen(&wanted, &nodes);
        let (expected, tasks) = naive(&graph, &wanted);
        for threads in THREADS {
            let memory = Memory::default();
            let report = memory.build(&graph, &wanted, options(threads));
            prop_assert_eq!(&fates(&report), &expected);
            let failures: Vec<NodeId> = report.failures().map(|(node, _)| node).collect();
            prop_assert!(failures.is_sorted());
            prop_assert_eq!(report.is_success(), failures.is_empty());
            // Two nodes may come to the same task at the same time.
            let runs = memory.take_runs();
            prop_assert!(runs.len() <= expected.len());
            prop_assert_eq!(BTreeSet::from_iter(runs), tasks.clone());
        }
    }

    /// A second build runs nothing; one after the change of a parameter runs what gets new inputs, and that only.
    #[test]
    fn any_graph_is_rebuilt_no_more_than_needed(
        steps in steps(&["mix", "mix", "half", "half", "wait"]),
        changed in any::<prop::sample::Index>(),
        wanted in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let (graph, nodes) = grown(&steps);
        let mut steps = steps.clone();
        changed.get_mut(&mut steps).1 ^= 1;
        let (after, nodes_after) = grown(&steps);
        let expected = naive(&after, &chosen(&wanted, &nodes_after));
        let before = naive(&graph, &chosen(&wanted, &nodes));
        for threads in THREADS {
            let memory = Memory::default();
            let first = memory.build(&graph, &chosen(&wanted, &nodes), options(threads));
            memory.take_runs();

            let second = memory.build(&graph, &chosen(&wanted, &nodes), options(threads));
            prop_assert_eq!(memory.take_runs(), vec![]);
            let looked_at: Vec<NodeId> = second.outcomes().map(|(node, _)| node).collect();
            prop_assert_eq!(BTreeSet::from_iter(looked_at), BTreeSet::from_iter(chosen(&wanted, &nodes)));
            for node in chosen(&wanted, &nodes) {
                prop_assert_eq!(second.output(node), first.output(node));
            }

            let third = memory.build(&after, &chosen(&wanted, &nodes_after), options(threads));
            let runs = BTreeSet::from_iter(memory.take_runs());
            prop_assert_eq!(runs, expected.1.difference(&before.1).copied().collect());
            for (node, outcome) in third.outcomes() {
                prop_assert_eq!(&fate(outcome), &expected.0[&node]);
            }
        }
    }

    /// Without `keep_going` some of the failures are found, and no node has another fate than it would have alone.
    #[test]
    fn any_graph_stops_at_a_failure(steps in steps(&["mix", "mix", "wait", "fail"])) {
        let (graph, nodes) = grown(&steps);
        let (expected, _) = naive(&graph, &nodes);
        for threads in THREADS {
            let report = Memory::default().build(&graph, &nodes, Options { keep_going: false, ..options(threads) });
            let fails = expected.values().any(|fate| matches!(fate, Fate::Failed(_)));
            prop_assert_eq!(report.failures().count() > 0, fails);
            for (node, outcome) in report.outcomes() {
                match fate(outcome) {
                    Fate::NotStarted => prop_assert!(fails),
                    // The first culprit may not have started.
                    Fate::Blocked(by) => {
                        prop_assert!(matches!(expected[&node], Fate::Blocked(first) if first <= by));
                        prop_assert!(matches!(report.outcome(by), Some(Outcome::Failed(_))));
                    }
                    fate => prop_assert_eq!(&fate, &expected[&node]),
                }
            }
        }
    }
}

#[test]
fn a_node_whose_inputs_came_out_the_same_is_not_rebuilt() {
    let with = |parameter: u64| {
        let mut graph = Graph::new();
        let leaf = add(&mut graph, "half", json!(parameter), &[]);
        let middle = add(&mut graph, "mix", json!("middle"), &[leaf]);
        let top = add(&mut graph, "mix", json!("top"), &[middle]);
        (graph, top)
    };
    let memory = Memory::default();
    for (parameter, n_runs) in [(4, 3), (5, 1), (6, 3), (5, 0)] {
        let (graph, top) = with(parameter);
        assert!(memory.build(&graph, &[top], options(2)).is_success());
        assert_eq!(memory.take_runs().len(), n_runs, "parameter {parameter}");
    }
}

#[test]
fn failures_are_told_in_graph_order_with_what_they_block() {
    let mut graph = Graph::new();
    let good = add(&mut graph, "mix", json!(0), &[]);
    let bad = add(&mut graph, "fail", json!(1), &[good]);
    let worse = add(&mut graph, "fail", json!(2), &[]);
    let both = add(&mut graph, "mix", json!(3), &[worse, good, bad]);
    let above = add(&mut graph, "wait", json!(4), &[both]);
    let apart = add(&mut graph, "mix", json!(5), &[good]);
    for threads in THREADS {
        let report = Memory::default().build(&graph, &[above, apart], options(threads));
        let failures: Vec<(NodeId, String)> = report.failures().map(|(node, why)| (node, why.to_string())).collect();
        assert_eq!(failures, [(bad, "no 1".to_owned()), (worse, "no 2".to_owned())]);
        for node in [both, above] {
            assert_eq!(fate(report.outcome(node).unwrap()), Fate::Blocked(bad));
        }
        assert!(report.output(apart).is_some() && report.output(above).is_none() && !report.is_success());
    }
}

#[test]
fn nothing_is_started_after_a_failure() {
    let mut graph = Graph::new();
    let bad = add(&mut graph, "fail", json!(0), &[]);
    let others: Vec<NodeId> = (1..100).map(|n| add(&mut graph, "mix", json!(n), &[])).collect();
    let memory = Memory::default();
    let wanted = [&[bad], &others[..]].concat();
    let report = memory.build(&graph, &wanted, Options { keep_going: false, ..options(1) });
    assert_eq!(memory.take_runs().len(), 1);
    assert!(others.iter().all(|&node| fate(report.outcome(node).unwrap()) == Fate::NotStarted));
}

#[test]
fn an_output_that_cannot_be_recorded_is_a_failure() {
    let mut graph = Graph::new();
    let node = add(&mut graph, "mix", json!(0), &[]);
    let report = Memory { is_read_only: true, ..Memory::default() }.build(&graph, &[node], options(1));
    assert_eq!(fate(report.outcome(node).unwrap()), Fate::Failed("the store is read-only".into()));
}

/// Recipes of kind `wait` run until all of kind `mix` have run.
struct Gate {
    /// How many of kind `mix` are still to run.
    closed: Mutex<usize>,
    opened: Condvar,
    n_inside: AtomicUsize,
    most_inside: AtomicUsize,
}

impl Realise for Gate {
    fn realise(&self, task: &Task) -> Result<Output, Failure> {
        if self.waits(&task.kind) {
            let n_inside = self.n_inside.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_inside.fetch_max(n_inside, Ordering::SeqCst);
            let closed = self.opened.wait_while(self.closed.lock().unwrap(), |closed| *closed > 0).unwrap();
            drop(closed);
            self.n_inside.fetch_sub(1, Ordering::SeqCst);
        } else {
            *self.closed.lock().unwrap() -= 1;
            self.opened.notify_all();
        }
        make(task)
    }

    fn waits(&self, kind: &str) -> bool {
        kind == "wait"
    }
}

#[test]
fn work_goes_on_while_others_wait() {
    let (most_inside, success) = in_time(|| {
        let mut graph = Graph::new();
        let mut wanted: Vec<NodeId> = (0..20).map(|n| add(&mut graph, "wait", json!(n), &[])).collect();
        let mut last = add(&mut graph, "mix", json!(0), &[]);
        for n in 1..50 {
            last = add(&mut graph, "mix", json!(n), &[last]);
        }
        wanted.push(last);
        let (closed, opened) = (Mutex::new(50), Condvar::new());
        let gate = Gate { closed, opened, n_inside: AtomicUsize::new(0), most_inside: AtomicUsize::new(0) };
        let few = Options { threads: 1, network_threads: 3, keep_going: false };
        let report = realise(&graph, &wanted, &Memory::default(), &gate, &(), few);
        (gate.most_inside.into_inner(), report.is_success())
    });
    assert!(success);
    assert!((1..=3).contains(&most_inside), "{most_inside} wait at once");
}

#[test]
fn work_and_waiting_hand_over_to_each_other() {
    for threads in THREADS {
        in_time(move || {
            let mut graph = Graph::new();
            let mut layer: Vec<NodeId> = vec![];
            for depth in 0..40 {
                let kind = if depth % 2 == 0 { "wait" } else { "mix" };
                layer = (0..5).map(|n| add(&mut graph, kind, json!([depth, n]), &layer)).collect();
            }
            let report = Memory::default().build(&graph, &layer, Options { network_threads: 1, ..options(threads) });
            assert_eq!(fates(&report), naive(&graph, &layer).0);
        });
    }
}

#[test]
fn a_panic_passes_through_when_all_has_ended() {
    for (threads, kind) in THREADS.into_iter().flat_map(|threads| [(threads, "panic"), (threads, "wait, panic")]) {
        let message = in_time(move || {
            let mut graph = Graph::new();
            let before: Vec<NodeId> = (0..20).map(|n| add(&mut graph, "mix", json!(n), &[])).collect();
            let bad = add(&mut graph, kind, json!("ouch"), &before);
            let mut wanted: Vec<NodeId> = (100..200).map(|n| add(&mut graph, "wait", json!(n), &[])).collect();
            wanted.push(add(&mut graph, "mix", json!("after"), &[bad]));
            let build = || Memory::default().build(&graph, &wanted, options(threads));
            catch_unwind(AssertUnwindSafe(build)).unwrap_err()
        });
        assert_eq!(message.downcast_ref::<String>().unwrap(), "panic \"ouch\"");
    }
}

/// Counts what it hears, and panics when it is told to.
#[derive(Default)]
struct Ear {
    planned: AtomicUsize,
    started: AtomicUsize,
    finished: AtomicUsize,
    panics: bool,
}

impl Observer for Ear {
    fn planned(&self, nodes: usize) {
        self.planned.fetch_add(nodes, Ordering::SeqCst);
    }

    fn started(&self, _node: NodeId) {
        self.started.fetch_add(1, Ordering::SeqCst);
        assert!(!self.panics, "enough");
    }

    fn finished(&self, _node: NodeId, _outcome: &Outcome) {
        self.finished.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn an_observer_hears_of_every_node_that_is_looked_at() {
    let mut graph = Graph::new();
    let leaf = add(&mut graph, "half", json!(1), &[]);
    let bad = add(&mut graph, "fail", json!(2), &[leaf]);
    let blocked = add(&mut graph, "wait", json!(3), &[bad]);
    let memory = Memory::default();
    // The second time the leaf is reused, and the others are as before.
    for n_started in [2, 1] {
        let ear = Ear::default();
        realise(&graph, &[blocked], &memory, &memory, &ear, options(2));
        let heard = [ear.planned, ear.started, ear.finished].map(AtomicUsize::into_inner);
        assert_eq!(heard, [3, n_started, 3]);
    }
    let panics = in_time(move || {
        let ear = Ear { panics: true, ..Ear::default() };
        let build = || realise(&graph, &[blocked], &Memory::default(), &memory, &ear, options(2));
        catch_unwind(AssertUnwindSafe(build)).is_err()
    });
    assert!(panics);
}

/// Makes next to nothing, and remembers nothing.
struct Blank;

impl Store for Blank {
    fn find(&self, _space: Space, _key: &Key) -> Option<Output> {
        None
    }

    fn record(&self, _space: Space, _key: &Key, _output: &Output) -> Result<(), Failure> {
        Ok(())
    }
}

impl Realise for Blank {
    fn realise(&self, task: &Task) -> Result<Output, Failure> {
        Ok(Output { ty: OutputType::Blob, digest: [0; 32], len: task.inputs.len() as u64 })
    }

    fn waits(&self, _kind: &str) -> bool {
        false
    }
}

#[test]
fn large_graphs_are_fine_whether_wide_or_deep() {
    let n_nodes = 100_000_usize;
    for width in [1, 100, n_nodes] {
        in_time(move || {
            let mut graph = Graph::new();
            let mut nodes: Vec<NodeId> = vec![];
            for n in 0..n_nodes {
                let below = [0, 1, 7].map(|shift| (n % width + shift) % width);
                let row = (n / width).checked_sub(1);
                let inputs = row.map_or(vec![], |row| below.map(|column| nodes[row * width + column]).to_vec());
                nodes.push(add(&mut graph, "blank", json!(n), &inputs));
            }
            let report = realise(&graph, &nodes, &Blank, &Blank, &(), options(2));
            assert_eq!(report.outcomes().filter(|(_, outcome)| matches!(outcome, Outcome::Built(_))).count(), n_nodes);
        });
    }
}
