//! A batch: the files of one run, loaded together, evaluated side by side, lowered into one graph.
//!
//! ```text
//!  files -> Program --+-- thread: evaluate, lower --> graph --+
//!                     +-- thread: evaluate, lower --> graph --+--> one graph, in the order of the files
//! ```
//! Each file has its own evaluation and its own graph, so that nothing is shared between threads; the graphs are put
//! together afterwards, where equal steps become one.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bumpalo::Bump;
use gravure_eval::graph::{Graph, NodeId, Recipe};
use gravure_eval::{EXPRESSION, Evaluator, Limits, ModuleId, Program, Request, Value};
use gravure_lang::{Diagnostic, Place};
use gravure_sources::debian::{LOCK_FILE, Lock};
use gravure_sources::{Error, ErrorKind};
use gravure_stdlib::{Archives, Form, Inputs, Locking, LowerError, Output, OutputsError, lower, outputs};

use crate::arguments;
use crate::environment::{Outside, source_date};
use crate::events::ImageName;
use crate::progress::Bars;
use crate::target::Target;
use crate::trouble::{Complaint, LostImage, Trouble, WRONG_CONFIGURATION, WRONG_USAGE, print_warnings};
use crate::world::{Files, source_files};

/// How images are called at the end.
const ENDING: &str = "raw";

/// The files of a run, loaded.
pub(crate) struct Batch {
    pub(crate) files: Files,
    pub(crate) program: Program,
    /// How far the run may go.
    pub(crate) limits: Limits,
    /// What was named on the command line, each once, with its module.
    pub(crate) targets: Vec<(Target, ModuleId)>,
    /// The root of the project of each target.
    roots: Vec<PathBuf>,
    /// Why the targets are here.
    choice: Choice,
}

/// How the files of a batch were chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    /// By name, so each must stand for images.
    Named,
    /// By name, for other values than images.
    Alone,
    /// They are all files of a project, parts of others included.
    Project,
}

/// What is to be built: one graph for all images of all files.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) graph: Graph,
    pub(crate) images: Vec<PlannedImage>,
    /// The images that cannot be planned; a file that is wrong as a whole is one.
    pub(crate) lost: Vec<LostImage>,
    /// What asks for a node, where that is known.
    pub(crate) places: BTreeMap<NodeId, Place>,
    /// Where the places of the parts of disks are said, by their names.
    pub(crate) parts: BTreeMap<NodeId, BTreeMap<String, Place>>,
    /// The lock files of the projects.
    pub(crate) locks: BTreeMap<PathBuf, LockFile>,
    /// What the user should know and may well want.
    pub(crate) warnings: Vec<Diagnostic>,
}

/// The lock file of a project: as it was found, and what the images of this run need.
#[derive(Clone, Debug, Default)]
pub(crate) struct LockFile {
    pub(crate) found: Arc<Lock>,
    pub(crate) needed: Lock,
}

/// An image that is to be built.
#[derive(Clone, Debug)]
pub(crate) struct PlannedImage {
    /// How the command line calls it.
    pub(crate) name: ImageName,
    /// The file of the configuration.
    pub(crate) file: String,
    /// The name of its file.
    pub(crate) file_name: String,
    /// Where the item that it is made of is named.
    place: Place,
    /// The finished disk.
    pub(crate) node: NodeId,
    /// The report on scripts whose work is not reproduced.
    pub(crate) report: Option<NodeId>,
}

impl PlannedImage {
    /// Returns it as one that something goes wrong with.
    pub(crate) fn lost(&self) -> LostImage {
        LostImage { name: self.name.clone(), file: self.file.clone(), file_name: Some(self.file_name.clone()) }
    }
}

/// What the command line says beside files.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Said<'a> {
    /// What it puts on all files.
    pub(crate) overrides: &'a [String],
    /// What it evaluates instead of what the file exports.
    pub(crate) expression: Option<&'a str>,
}

impl Batch {
    /// Loads files and everything that they import.
    pub(crate) fn load(files: &[String], project: &arguments::Project) -> Result<Batch, Trouble> {
        Batch::load_said(files, Said::default(), project)
    }

    /// As [`Batch::load`], with what else the command line says.
    pub(crate) fn load_said(
        arguments: &[String],
        said: Said<'_>,
        project: &arguments::Project,
    ) -> Result<Batch, Trouble> {
        Batch::load_as(Choice::Named, arguments, said, project)
    }

    /// As [`Batch::load_said`], but of the standard library only what the files import, for values that no image is made of: to
    /// start takes a third of the time.
    pub(crate) fn load_alone(
        arguments: &[String],
        said: Said<'_>,
        project: &arguments::Project,
    ) -> Result<Batch, Trouble> {
        // What is wrong may be something that the library has under this name, so messages want all of it.
        let loaded = Batch::load_as(Choice::Alone, arguments, said, project);
        loaded.or_else(|_| Batch::load_said(arguments, said, project))
    }

    fn load_as(
        choice: Choice,
        arguments: &[String],
        said: Said<'_>,
        project: &arguments::Project,
    ) -> Result<Batch, Trouble> {
        let limits = project.limiting.limits();
        let files = Files::new(project.root.as_deref(), limits.text)?;
        Batch::of_files(files, (arguments, said), limits, choice)
    }

    /// Loads all files of the project that the current directory is in. Those that stand for no image are passed over.
    pub(crate) fn load_project(project: &arguments::Project) -> Result<Batch, Trouble> {
        let limits = project.limiting.limits();
        let root = Files::new(project.root.as_deref(), limits.text)?.project();
        let paths = source_files(&root, &limits.text)?;
        if paths.is_empty() {
            let message = format!("there is no `.img` file below the project root `{}`", root.display());
            return Err(Complaint::usage(message).help("name files, or another root with `--root`").into());
        }
        let files = Files::new(Some(&root), limits.text)?;
        Batch::of_files(files, (&paths, Said::default()), limits, Choice::Project)
    }

    fn of_files(
        files: Files,
        (arguments, said): (&[String], Said<'_>),
        limits: Limits,
        choice: Choice,
    ) -> Result<Batch, Trouble> {
        let named = Target::all_of(arguments)?;
        if said.expression.is_some() && named.len() > 1 {
            return Err(Complaint::usage(format!("an expression sees one file, not {}", named.len())).into());
        }
        let library = match (said.expression, choice) {
            (Some(_), _) => gravure_stdlib::modules().collect(),
            (None, Choice::Alone) => Vec::new(),
            (None, Choice::Named | Choice::Project) => gravure_stdlib::roots(),
        };
        let paths: Vec<&str> = named.iter().map(|target| target.path.as_str()).collect();
        let Said { overrides, expression } = said;
        let request = Request { files: &paths, library: &library, overrides, expression, limits };
        let program = Program::load_request(&files, &request).map_err(|error| {
            let mut trouble = Trouble::mistakes(&error.sources, error.diagnostics);
            for (path, why) in error.missing {
                trouble.complain(Complaint::usage(format!("cannot read `{path}`: {why}")));
            }
            trouble
        })?;
        print_warnings(&program.sources, &program.warnings);
        let (mut targets, mut project_roots): (Vec<(Target, ModuleId)>, Vec<PathBuf>) = Default::default();
        for target in named {
            // It was there a moment ago, when it was loaded.
            let gone = |why: String| Complaint::usage(format!("cannot read `{}`: {why}", target.path));
            let path = files.find(&target.path).map_err(gone)?;
            let module = program.module(&path).expect("the file was loaded");
            if targets.iter().all(|(known, of)| (*of, &known.pick) != (module, &target.pick)) {
                targets.push((target, module));
                project_roots.push(files.root(&path));
            }
        }
        if let (Some(module), true) = (program.module(EXPRESSION), targets.is_empty()) {
            targets.push((Target { path: EXPRESSION.to_owned(), pick: None }, module));
            project_roots.push(files.project());
        }
        Ok(Batch { files, program, limits, targets, roots: project_roots, choice })
    }

    /// Lowers all images of all files on so many threads, and sees to it that each can be written to a file of its own.
    ///
    /// What goes wrong with one image is reported beside the plan of the others.
    pub(crate) fn plan(
        &self,
        form: Form<'_>,
        outside: &Outside,
        locking: &Locking,
        bars: &Bars,
        threads: usize,
    ) -> (Plan, Trouble) {
        let (mut plan, mut trouble) = self.lower_all(form, outside, locking, bars, threads);
        print_warnings(&self.program.sources, &plan.warnings);
        while let Some((number, clash)) = plan.clash() {
            trouble.add_mistakes(&self.program.sources, vec![clash]);
            let image = plan.images.remove(number);
            plan.lost.push(image.lost());
        }
        (plan, trouble)
    }

    /// Lowers all images of all files on so many threads.
    ///
    /// Where one needs a package in another version than is locked, others would take that one too as soon as it is in the
    /// lock file. So then all are lowered again with what will be locked: a run takes what its lock file gives the next one.
    pub(crate) fn lower_all(
        &self,
        form: Form<'_>,
        outside: &Outside,
        locking: &Locking,
        bars: &Bars,
        threads: usize,
    ) -> (Plan, Trouble) {
        let source_date = match source_date() {
            Ok(source_date) => source_date,
            Err(complaint) => return (Plan::default(), complaint.into()),
        };
        let locks = match self.locks() {
            Ok(locks) => locks,
            Err(complaint) => return (Plan::default(), complaint.into()),
        };
        let _line = bars.line("evaluate, find packages".to_owned());
        let lower = |locks, locking| self.lower_with(locks, locking, (form, source_date), (outside, bars), threads);
        let (plan, trouble) = lower(&locks, locking);
        let settled: BTreeMap<PathBuf, LockFile> =
            plan.locks.iter().map(|(root, file)| (root.clone(), file.settled(locking))).collect();
        if settled.iter().all(|(root, file)| !file.found.has_other_rivals(&locks[root].found)) {
            return (plan, trouble);
        }
        let (mut plan, trouble) = lower(&settled, &Locking { update_states: false, update: None, ..locking.clone() });
        for (root, file) in &mut plan.locks {
            file.found = locks[root].found.clone();
        }
        (plan, trouble)
    }

    /// Lowers all images with these lock files.
    fn lower_with(
        &self,
        locks: &BTreeMap<PathBuf, LockFile>,
        locking: &Locking,
        (form, source_date): (Form<'_>, Option<i64>),
        (outside, bars): (&Outside, &Bars),
        threads: usize,
    ) -> (Plan, Trouble) {
        let archives = Archives::default();
        let mirror = |suite: &str| outside.mirror(suite);
        let inputs_of = |index: usize| Inputs {
            store: &outside.store,
            access: outside.access(bars),
            mirror: &mirror,
            archives: &archives,
            lock: locks[&self.roots[index]].found.clone(),
            locking,
            root: self.files.current(),
            source_date,
        };
        let lowered =
            in_parallel(&self.limits, threads, self.targets.len(), |index| self.lower(index, form, &inputs_of(index)));
        let (mut plan, mut trouble) = (Plan { locks: locks.clone(), ..Plan::default() }, Trouble::default());
        for (part, part_trouble) in lowered {
            plan.merge(part);
            trouble.extend(part_trouble);
        }
        (plan, trouble)
    }

    /// Reads the lock files of all projects.
    fn locks(&self) -> Result<BTreeMap<PathBuf, LockFile>, Complaint> {
        let mut locks = BTreeMap::new();
        for root in &self.roots {
            let found = Arc::new(Lock::read(&root.join(LOCK_FILE)).map_err(unusable_lock)?.unwrap_or_default());
            locks.insert(root.clone(), LockFile { found, needed: Lock::default() });
        }
        Ok(locks)
    }

    /// Evaluates and lowers the images of one file; on a thread with a large stack.
    fn lower(&self, index: usize, form: Form<'_>, inputs: &Inputs<'_>) -> (Plan, Trouble) {
        let (target, module) = &self.targets[index];
        let heap = Bump::new();
        let evaluator = Evaluator::new(&self.program, &heap, self.limits);
        let mut plan = Plan::default();
        let outputs = match self.outputs(&evaluator, target, *module, form) {
            Ok(outputs) => outputs,
            Err(trouble) if trouble.is_empty() => return (plan, trouble),
            Err(trouble) => {
                let item = target.pick.as_ref().map_or(String::new(), |pick| format!("#{pick}"));
                let name = ImageName(format!("{}{item}", target.path));
                plan.lost.push(LostImage { name, file: target.path.clone(), file_name: None });
                return (plan, trouble);
            }
        };
        let is_clear = self.choice == Choice::Project || (self.targets.len() == 1 && outputs.len() == 1);
        let mut trouble = Trouble::default();
        for output in outputs {
            let name = ImageName(format!("{}#{}", target.path, output.export));
            let (file, file_name) = (target.path.clone(), format!("{}.{ENDING}", output.name));
            match lower(&evaluator, &output, &mut plan.graph, inputs) {
                Ok(lowered) => {
                    plan.images.push(PlannedImage {
                        name,
                        file,
                        file_name,
                        place: output.place,
                        node: lowered.disk,
                        report: lowered.report,
                    });
                    let lock = plan.locks.entry(self.roots[index].clone()).or_default();
                    lock.needed.extend(&lowered.lock);
                    plan.parts.entry(lowered.disk).or_insert(lowered.parts);
                    plan.warnings.extend(lowered.warnings);
                    for (node, place) in lowered.places {
                        plan.places.entry(node).or_insert(place);
                    }
                }
                Err(error) => {
                    let lost = LostImage { name, file, file_name: Some(file_name) };
                    // It cannot be built anyhow, so let all that is wrong with it be said at once.
                    let image = evaluator.show(Value::Record(output.image), &output.name);
                    trouble.add_mistakes(&self.program.sources, image.err().unwrap_or_default());
                    match error {
                        LowerError::Diagnostics(mistakes) => trouble.add_mistakes(&self.program.sources, mistakes),
                        // Of an image alone it is clear whom it concerns, and a project is not a list of images.
                        LowerError::Source(error) if is_clear => trouble.complain(error),
                        LowerError::Source(error) => {
                            trouble.complain(Complaint::from(error).needed_by([lost.clone()]));
                        }
                    }
                    plan.lost.push(lost);
                }
            }
        }
        (plan, trouble)
    }

    /// Returns the images that a file stands for.
    pub(crate) fn outputs<'h>(
        &self,
        evaluator: &Evaluator<'h>,
        target: &Target,
        module: ModuleId,
        form: Form<'_>,
    ) -> Result<Vec<Output<'h>>, Trouble> {
        let (stem, pick) = (target.stem(), target.pick.as_deref());
        outputs(evaluator, module, &stem, pick, form).map_err(|error| match error {
            OutputsError::Diagnostics(mistakes) => Trouble::mistakes(&self.program.sources, mistakes),
            OutputsError::UnknownType { name, near } => {
                let complaint = Complaint::usage(format!("there is no image type `{name}`"));
                let complaint = match near {
                    Some(near) => complaint.help(format!("write `{near}`")),
                    None => complaint,
                };
                complaint.help("`gravure build --list-image-types` lists the image types").into()
            }
            OutputsError::UnknownPlatform { name, near } => {
                let complaint = Complaint::usage(format!("there is no platform `{name}`"));
                match near {
                    Some(near) => complaint.help(format!("write `{near}`")).into(),
                    None => complaint.into(),
                }
            }
            OutputsError::UnknownName { name, near } => {
                let message = format!("`{}` has no image and no operating system `{name}`", target.path);
                let complaint = Complaint::new(WRONG_USAGE, message);
                match near {
                    Some(near) => complaint.help(format!("write `{}#{near}`", target.path)).into(),
                    None => complaint.into(),
                }
            }
            OutputsError::Nothing if self.choice == Choice::Project => Trouble::default(),
            OutputsError::Nothing => {
                let message = format!("`{}` exports no image and no operating system", target.path);
                Complaint::new(WRONG_CONFIGURATION, message).into()
            }
        })
    }
}

impl LockFile {
    /// Returns the lock file as if this run had written it.
    fn settled(&self, locking: &Locking) -> LockFile {
        let mut lock = Lock::clone(&self.found);
        match locking.update_states {
            true => lock.supersede(&self.needed),
            false => lock.extend(&self.needed),
        }
        LockFile { found: Arc::new(lock), needed: Lock::default() }
    }
}

impl Plan {
    /// Adds the images of another plan, and the steps that they need; equal steps become one.
    fn merge(&mut self, other: Plan) {
        let mut moved: Vec<NodeId> = Vec::with_capacity(other.graph.len());
        for node in other.graph.nodes() {
            let recipe = other.graph.recipe(node);
            let inputs = recipe.inputs.iter().map(|input| moved[input.index()]).collect();
            moved.push(self.graph.add(Recipe { inputs, ..recipe.clone() }));
        }
        for (node, parts) in other.parts {
            self.parts.entry(moved[node.index()]).or_insert(parts);
        }
        for (node, place) in other.places {
            self.places.entry(moved[node.index()]).or_insert(place);
        }
        for (root, lock) in other.locks {
            self.locks.entry(root).or_default().needed.extend(&lock.needed);
        }
        let images = other.images.into_iter().map(|image| PlannedImage {
            node: moved[image.node.index()],
            report: image.report.map(|report| moved[report.index()]),
            ..image
        });
        self.images.extend(images);
        self.lost.extend(other.lost);
        self.warnings.extend(other.warnings);
    }

    /// Returns the lock files that do not have all that the images need, as they should be.
    pub(crate) fn new_locks(&self) -> impl Iterator<Item = (PathBuf, Lock)> {
        self.locks.iter().filter_map(|(root, LockFile { found, needed })| {
            let mut lock = Lock::clone(found);
            lock.extend(needed);
            (lock != **found).then(|| (root.join(LOCK_FILE), lock))
        })
    }

    /// Returns the nodes of all finished disks.
    pub(crate) fn wanted(&self) -> Vec<NodeId> {
        self.images.iter().map(|image| image.node).collect()
    }

    /// Returns the mistake that an image goes to the file of one before, and the number of that image.
    fn clash(&self) -> Option<(usize, Diagnostic)> {
        self.images.iter().enumerate().find_map(|(number, image)| {
            let first = self.images[..number].iter().find(|first| first.file_name == image.file_name)?;
            let message = format!("two images are both written to `{}`", image.file_name);
            let clash = Diagnostic::error("E0403", message, image.place, "this one").label(first.place, "and this one");
            let help = "give one of the images another `name`, or build them into different directories";
            Some((number, clash.help(help)))
        })
    }
}

/// Says that a lock file cannot serve, and what helps.
fn unusable_lock(error: Error) -> Complaint {
    if error.kind != ErrorKind::Refused {
        return error.into();
    }
    let help = "take it from version control again, or delete it and let `gravure lock` make a new one";
    Complaint::new(WRONG_CONFIGURATION, error.message).help(help)
}

/// Returns what `work` makes of the numbers below `count`, computed on so many threads with large stacks.
pub(crate) fn in_parallel<T: Send>(
    limits: &Limits,
    threads: usize,
    count: usize,
    work: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, T)>> = Mutex::new(Vec::with_capacity(count));
    let worker = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                break;
            }
            let result = work(number);
            done.lock().expect("nothing panics while it holds this").push((number, result));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.min(count) {
            scope.spawn(|| limits.with_stack(worker));
        }
    });
    let mut done = done.into_inner().expect("nothing panics while it holds this");
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}
