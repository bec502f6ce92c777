//! The search for a closure: depth first over the needs, with jumps back to the choice that is to blame.
//!
//! ```text
//! agenda:  root, root, ..., needs of a root, ...         what is still to do; a list that shares its tails
//! trail:   step | step | step | ...                       what was chosen, with what else could have been
//!                 ^-- culprits of a failure: the steps without which it would not have come to it
//! ```
//! A need that no candidate can meet blames the step that has the need, and the steps that its candidates clash with. The
//! last of the culprits tries its next candidate; when it has none left, it blames its own culprits and those it was
//! blamed together with. What was chosen in between had no part in it and is chosen anew. When nobody is left to
//! blame there is no closure (conflict-directed backjumping: Prosser, 1993).

mod failures;

use std::collections::BTreeSet;

use super::candidates::{Candidates, Mentions, best};
use super::closure::{Chosen, Closure, Options, Reason, Request};
use super::explain::{Block, Unmet, Why};
use super::relation::{Group, Relation};
use super::selection::{Member, Selection};
use super::universe::{CandidateId, Universe};

/// How many failures of one step are remembered for the explanation.
const MAX_FAILURES: usize = 4;

/// A search that is going on.
pub(super) struct Search<'u, 'a> {
    universe: &'u Universe<'a>,
    requests: &'u [Request],
    options: &'u Options,
    roots: Vec<Root>,
    selection: Selection<'u, 'a>,
    trail: Vec<Step<'u, 'a>>,
    agenda: Agenda,
    mentions: Mentions<'u, 'a>,
    n_choices: usize,
}

/// Where a closure starts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Root {
    Request(usize),
    Essential(CandidateId),
}

/// A choice among candidates for one place.
struct Step<'u, 'a> {
    origin: Origin<'u, 'a>,
    chosen: Option<CandidateId>,
    /// The candidates that have not been tried.
    rest: Candidates,
    /// The agenda before the choice.
    agenda: Mark,
    /// The earlier steps that speak against candidates that were tried.
    culprits: BTreeSet<usize>,
    /// What speaks against candidates at once.
    blocks: Vec<Block>,
    /// What failed after a candidate had been chosen.
    failures: Vec<Unmet>,
}

/// What a choice is for.
#[derive(Clone, Copy)]
enum Origin<'u, 'a> {
    Root(Root),
    Need { step: usize, group: &'u Group<'a> },
    Recommendation { step: usize, group: &'u Group<'a> },
}

/// What is to do.
#[derive(Clone, Copy)]
enum Task {
    /// Choose a candidate for the root with this number.
    Root(usize),
    /// Look at the needs of the root with this number.
    NeedsOfRoot(usize),
    /// Meet the needs of what a step chose, from this one on.
    Needs { step: usize, from: usize },
    /// Meet the recommendations of what a step and those after it chose, from this one on.
    Recommendations { step: usize, from: usize },
}

/// Tasks, the next one on top. Nothing is overwritten, so that an earlier state is one number.
#[derive(Default)]
struct Agenda {
    nodes: Vec<(Task, Option<usize>)>,
    top: Option<usize>,
}

/// A state of the agenda.
#[derive(Clone, Copy)]
struct Mark {
    n_nodes: usize,
    top: Option<usize>,
}

/// Why it does not go on, and the steps to blame for it.
struct Failure {
    unmet: Unmet,
    culprits: BTreeSet<usize>,
}

impl Agenda {
    fn push(&mut self, task: Task) {
        self.nodes.push((task, self.top));
        self.top = Some(self.nodes.len() - 1);
    }

    fn pop(&mut self) -> Option<Task> {
        let (task, below) = self.nodes[self.top?];
        self.top = below;
        Some(task)
    }

    fn mark(&self) -> Mark {
        Mark { n_nodes: self.nodes.len(), top: self.top }
    }

    fn return_to(&mut self, mark: Mark) {
        self.nodes.truncate(mark.n_nodes);
        self.top = mark.top;
    }
}

impl Origin<'_, '_> {
    /// Returns the step whose choice this is for.
    fn owner(&self) -> Option<usize> {
        match *self {
            Origin::Root(_) => None,
            Origin::Need { step, .. } | Origin::Recommendation { step, .. } => Some(step),
        }
    }
}

impl<'u, 'a> Search<'u, 'a> {
    pub(super) fn new(universe: &'u Universe<'a>, requests: &'u [Request], options: &'u Options) -> Self {
        let roots = roots(universe, requests, options);
        let mut agenda = Agenda::default();
        if options.recommends {
            agenda.push(Task::Recommendations { step: 0, from: 0 });
        }
        (0..roots.len()).rev().for_each(|root| agenda.push(Task::NeedsOfRoot(root)));
        (0..roots.len()).rev().for_each(|root| agenda.push(Task::Root(root)));
        let selection = Selection::new(universe);
        let mentions = Mentions::new(universe);
        Search { universe, requests, options, roots, selection, trail: Vec::new(), agenda, mentions, n_choices: 0 }
    }

    /// Searches until everything is met or nobody is left to blame.
    pub(super) fn run(mut self) -> Result<Closure, Unmet> {
        while let Some(task) = self.agenda.pop() {
            if let Err(failure) = self.perform(task) {
                self.jump_back(failure)?;
            }
        }
        Ok(self.closure())
    }

    fn perform(&mut self, task: Task) -> Result<(), Failure> {
        match task {
            Task::Root(number) => return self.choose_root(self.roots[number]),
            Task::NeedsOfRoot(number) => {
                let root = self.roots[number];
                let is_of_root = |step: &Step<'_, '_>| matches!(step.origin, Origin::Root(of) if of == root);
                if let Some(step) = self.trail.iter().position(is_of_root) {
                    self.agenda.push(Task::Needs { step, from: 0 });
                }
            }
            Task::Needs { step, from } => {
                if let Some(group) = self.group(step, from, |details| &details.needs) {
                    self.agenda.push(Task::Needs { step, from: from + 1 });
                    return self.meet(group, Origin::Need { step, group });
                }
            }
            Task::Recommendations { step, from } if step < self.trail.len() => {
                let Some(group) = self.group(step, from, |details| &details.recommends) else {
                    self.agenda.push(Task::Recommendations { step: step + 1, from: 0 });
                    return Ok(());
                };
                self.agenda.push(Task::Recommendations { step, from: from + 1 });
                return self.meet(group, Origin::Recommendation { step, group });
            }
            Task::Recommendations { .. } => {}
        }
        Ok(())
    }

    /// Returns one of the groups of what a step chose.
    fn group(
        &self,
        step: usize,
        number: usize,
        groups: impl Fn(&'u super::universe::Details<'a>) -> &'u Vec<Group<'a>>,
    ) -> Option<&'u Group<'a>> {
        let chosen = self.universe.candidate(self.trail[step].chosen?);
        groups(chosen.details().ok()?).get(number)
    }

    fn meet(&mut self, group: &Group<'a>, origin: Origin<'u, 'a>) -> Result<(), Failure> {
        if self.selection.meets(group) {
            return Ok(());
        }
        let candidates = Candidates::for_group(self.universe, group, self.options);
        let has_none = |relation: &&Relation<'_>| {
            let meets = |id: CandidateId| self.universe.candidate(id).meets(relation, self.universe.architecture());
            !candidates.all().any(meets)
        };
        let blocks = group.alternatives.iter().filter(has_none).map(|relation| self.without_candidate(relation));
        let blocks = blocks.collect();
        self.open(origin, candidates, blocks)
    }

    fn choose_root(&mut self, root: Root) -> Result<(), Failure> {
        let index = match root {
            Root::Essential(id) if self.is_chosen(self.universe.candidate(id).name) => return Ok(()),
            Root::Essential(id) => {
                let named = self.universe.candidates_named(self.universe.candidate(id).name);
                let candidates = Candidates::of_one_name(best(self.universe, named, self.options));
                return self.open(Origin::Root(root), candidates, Vec::new());
            }
            Root::Request(index) => index,
        };
        let request = &self.requests[index];
        let is_admitted = |member: Member| request.admits(self.universe.candidate(member.id));
        let relation = Relation { name: &request.name, qualifier: None, bound: None };
        if self.selection.member_for(&relation).is_some_and(is_admitted) {
            return Ok(());
        }
        let (candidates, blocks) = self.candidates_for_request(request);
        self.open(Origin::Root(root), candidates, blocks)
    }

    fn is_chosen(&self, name: &str) -> bool {
        self.selection.member_named(name).is_some()
    }

    fn candidates_for_request(&self, request: &Request) -> (Candidates, Vec<Block>) {
        let universe = self.universe;
        let is_admitted = |id: &CandidateId| request.admits(universe.candidate(*id));
        if universe.candidates_named(&request.name).next().is_some() {
            let admitted = universe.candidates_named(&request.name).filter(is_admitted);
            let block = Block::Versions { wanted: self.words(request), offers: self.offers(&request.name) };
            let ids = best(universe, admitted, self.options);
            let blocks = if ids.is_empty() { vec![block] } else { Vec::new() };
            return (Candidates::of_one_name(ids), blocks);
        }
        let mut candidates = Candidates::default();
        candidates.add_providers(universe, universe.providers(&request.name).filter(is_admitted), self.options);
        let mut names: Vec<String> = candidates.all().map(|id| universe.candidate(id).name.to_owned()).collect();
        names.dedup();
        let name = request.name.clone();
        match names.len() {
            0 => (candidates, vec![Block::Missing { name, nearest: Vec::new() }]),
            1 => (candidates, Vec::new()),
            _ => (Candidates::default(), vec![Block::Virtual { name, providers: names }]),
        }
    }

    /// Adds a step, and chooses its first candidate that can be.
    fn open(&mut self, origin: Origin<'u, 'a>, candidates: Candidates, blocks: Vec<Block>) -> Result<(), Failure> {
        let agenda = self.agenda.mark();
        let (culprits, failures) = (BTreeSet::new(), Vec::new());
        self.trail.push(Step { origin, chosen: None, rest: candidates, agenda, culprits, blocks, failures });
        self.choose()
    }

    /// Chooses the next candidate of the last step that can be. A recommendation may do without; else the step is removed.
    fn choose(&mut self) -> Result<(), Failure> {
        let step = self.trail.len() - 1;
        self.n_choices += 1;
        if self.options.max_choices < self.n_choices {
            return Err(self.give_up());
        }
        while let Some(id) = self.trail[step].rest.next(&mut self.mentions) {
            match self.try_candidate(step, id) {
                None => return Ok(()),
                Some((block, culprit)) => {
                    self.trail[step].blocks.push(block);
                    self.trail[step].culprits.extend(culprit);
                }
            }
        }
        if let Origin::Recommendation { .. } = self.trail[step].origin { Ok(()) } else { Err(self.close()) }
    }

    /// Chooses a candidate, or returns what speaks against it, and the step that is to blame.
    fn try_candidate(&mut self, step: usize, id: CandidateId) -> Option<(Block, Option<usize>)> {
        let candidate = self.universe.candidate(id);
        let details = match candidate.details() {
            Ok(details) => details,
            Err(error) => {
                let name = candidate.name.to_owned();
                return Some((Block::Malformed { name, why: error.to_string() }, None));
            }
        };
        if let Some(clash) = self.selection.clash(id, details) {
            return Some((self.block_of_clash(step, id, &clash), Some(clash.other().step)));
        }
        self.selection.add(Member { step, id }, details);
        self.trail[step].chosen = Some(id);
        // The needs of a root wait until all roots are chosen.
        if self.trail[step].origin.owner().is_some() {
            self.agenda.push(Task::Needs { step, from: 0 });
        }
        None
    }

    /// Removes the last step, whose candidates are all tried.
    fn close(&mut self) -> Failure {
        let chain = self.chain(self.trail.len() - 1);
        let step = self.trail.pop().expect("there is a step to close");
        let mut culprits = step.culprits;
        culprits.extend(step.origin.owner());
        let mut unmet = step.failures;
        if !step.blocks.is_empty() || unmet.is_empty() {
            let (chain, wanted) = match step.origin {
                Origin::Root(_) => (chain, None),
                Origin::Need { group, .. } | Origin::Recommendation { group, .. } => {
                    (chain[..chain.len() - 1].to_vec(), Some(group.to_string()))
                }
            };
            unmet.push(Unmet { chain, wanted, why: Why::Blocked(step.blocks), instead: Vec::new() });
        }
        Failure { unmet: Unmet::of_alternatives(unmet), culprits }
    }

    fn give_up(&mut self) -> Failure {
        let failures = self.trail.iter_mut().flat_map(|step| std::mem::take(&mut step.failures)).take(1).collect();
        let unmet = Unmet { chain: Vec::new(), wanted: None, why: Why::TooLong, instead: failures };
        Failure { unmet, culprits: BTreeSet::new() }
    }

    /// Goes back to the last culprit that has another candidate.
    fn jump_back(&mut self, mut failure: Failure) -> Result<(), Unmet> {
        while let Some(last) = failure.culprits.pop_last() {
            self.undo_to(last);
            let step = &mut self.trail[last];
            step.culprits.append(&mut failure.culprits);
            if step.failures.len() < MAX_FAILURES {
                step.failures.push(failure.unmet);
            }
            match self.choose() {
                Ok(()) => return Ok(()),
                Err(next) => failure = next,
            }
        }
        Err(failure.unmet)
    }

    /// Takes back the choices of a step and of all after it; the step itself stays.
    fn undo_to(&mut self, step: usize) {
        for number in (step..self.trail.len()).rev() {
            if let Some(id) = self.trail[number].chosen.take() {
                let details = self.universe.candidate(id).details().expect("what was chosen could be read");
                self.selection.remove(id, details);
            }
        }
        self.trail.truncate(step + 1);
        self.agenda.return_to(self.trail[step].agenda);
    }

    fn closure(&self) -> Closure {
        let mut packages: Vec<Chosen> = self.trail.iter().filter_map(|step| self.chosen(step)).collect();
        packages.sort_unstable_by_key(|chosen| chosen.candidate);
        Closure { packages }
    }

    fn chosen(&self, step: &Step<'u, 'a>) -> Option<Chosen> {
        let by = |step: usize| self.trail[step].chosen.expect("what needs something is chosen");
        let reason = match step.origin {
            Origin::Root(Root::Request(index)) => Reason::Request(index),
            Origin::Root(Root::Essential(_)) => Reason::Essential,
            Origin::Need { step, group } => Reason::Need { by: by(step), relation: group.to_string() },
            Origin::Recommendation { step, group } => {
                Reason::Recommendation { by: by(step), relation: group.to_string() }
            }
        };
        Some(Chosen { candidate: step.chosen?, reason })
    }
}

/// What is asked for by itself: essential packages, other ones, and names that are only provided, since one of the others may
/// provide them; each in order of their names.
fn roots(universe: &Universe<'_>, requests: &[Request], options: &Options) -> Vec<Root> {
    let rank = |name: &str| match universe.candidates_named(name).next() {
        Some(id) if universe.candidate(id).is_essential => 0,
        Some(_) => 1,
        None => 2,
    };
    let asked = requests.iter().enumerate().map(|(index, request)| (request.name.as_str(), Root::Request(index)));
    let mut roots: Vec<(&str, Root)> = asked.collect();
    if options.essential {
        roots.extend(universe.essential().map(|id| (universe.candidate(id).name, Root::Essential(id))));
    }
    // Stable: the first of two requests for one package stays the first, and goes before its being essential.
    roots.sort_by_key(|(name, _)| (rank(name), *name));
    roots.into_iter().map(|(_, root)| root).collect()
}
