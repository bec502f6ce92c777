//! `gravure build`: all images of all files as one batch.

mod again;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Instant;

use bumpalo::Bump;
use gravure_eval::graph::{self, NodeId, Observer, Options, Outcome, Report, realise};
use gravure_eval::{Evaluator, ModuleId};
use gravure_lang::SourceMap;
use gravure_stdlib::{
    Builder, ImageType, Unreproduced, Written, clash, image_types, unreproduced_scripts, write_output,
};

use crate::arguments::Build;
use crate::batch::{Batch, Plan, PlannedImage};
use crate::environment::{Outside, locking, threads};
use crate::events::{self, Both, Event, Events, ImageState, NodeEvents, ShownPath, Tally};
use crate::progress::Bars;
use crate::trouble::{
    Complaint, LostImage, OUTSIDE_FAILED, Trouble, counted, escaped, reason, shown_place, warning_events,
};
use crate::{interrupt, terminal};

/// How many nodes wait for the network at once.
const NETWORK_THREADS: usize = 6;

pub(crate) fn run(arguments: &Build) -> Result<(), Trouble> {
    let events = Events { is_on: arguments.json, start: Instant::now() };
    let mut tally = Tally::default();
    let result = build(arguments, events, &mut tally);
    let trouble = result.as_ref().err();
    for diagnostic in trouble.into_iter().flat_map(Trouble::events) {
        events.send(&Event::Diagnostic(diagnostic));
    }
    events.done(tally, trouble.map_or(0, Trouble::exit_code));
    result
}

fn build(arguments: &Build, events: Events, tally: &mut Tally) -> Result<(), Trouble> {
    let threads = threads(arguments.jobs);
    let batch =
        Batch::load_said(&arguments.files, arguments.form.said(Some(&arguments.expression)), &arguments.project)?;
    if arguments.list_image_types {
        return list_image_types(&batch);
    }
    for warning in warning_events(&batch.program.sources, &batch.program.warnings) {
        events.send(&Event::Diagnostic(warning));
    }
    let outside = Outside::new(&arguments.outside)?;
    let bars = if arguments.json { Bars::hidden() } else { Bars::new() };
    interrupt::ends_with(&bars);
    let locking = locking(&arguments.outside);
    let (plan, mut trouble) = batch.plan(arguments.form.get(), &outside, &locking, &bars, threads);
    for warning in warning_events(&batch.program.sources, &plan.warnings) {
        events.send(&Event::Diagnostic(warning));
    }
    for image in &plan.lost {
        events.image((&image.name, &image.file), None, ImageState::Failed, None);
        tally.count(ImageState::Failed, 0);
    }
    if !trouble.is_empty() && !arguments.keep_going {
        bars.clear();
        for image in &plan.images {
            events.image((&image.name, &image.file), None, ImageState::Skipped, None);
            tally.count(ImageState::Skipped, 0);
        }
        return Err(trouble);
    }
    for (path, lock) in plan.new_locks() {
        lock.write(&outside.store, &path).inspect_err(|_| bars.clear())?;
    }
    let production = Production {
        destination: Destination::new(arguments.output.as_deref(), &plan).inspect_err(|_| bars.clear())?,
        builder: Builder {
            store: &outside.store,
            access: outside.access(&bars),
            mirror: &|suite| outside.mirror(suite),
        },
        options: Options { threads, network_threads: NETWORK_THREADS, keep_going: arguments.keep_going },
        plan: &plan,
        sources: &batch.program.sources,
        bars: &bars,
        events,
        tells_scripts: arguments.report,
    };
    trouble.extend(production.run(tally));
    if 1 < tally.images() {
        let summary = summary(tally, events.start.elapsed().as_secs_f64());
        match trouble.is_empty() {
            true => terminal::say(&summary),
            false => trouble.end_with(summary),
        }
    }
    if arguments.check && trouble.is_empty() {
        trouble.extend(production.check());
    }
    trouble.or(())
}

fn say_failed(image: &str) {
    terminal::say(&format!("{} {image}\n", terminal::red("failed")));
}

/// Returns the line that tells what became of a batch: `12 images: 10 built, 2 failed; 1.2 GiB written; ...`.
fn summary(tally: &Tally, seconds: f64) -> String {
    let states = [
        (tally.built, "built"),
        (tally.unchanged, "unchanged"),
        (tally.failed, "failed"),
        (tally.skipped, "not built"),
    ];
    let states: Vec<String> =
        states.iter().filter(|(number, _)| 0 < *number).map(|(number, state)| format!("{number} {state}")).collect();
    let written = if tally.built == 0 { String::new() } else { format!("{} written; ", size(tally.bytes)) };
    format!(
        "{}: {}; {written}{} built, {} reused; {seconds:.1} s\n",
        counted(tally.images(), "image"),
        states.join(", "),
        counted(tally.nodes_built, "node"),
        tally.nodes_reused
    )
}

/// Prints the image types of the standard library, of the files and of what they import.
fn list_image_types(batch: &Batch) -> Result<(), Trouble> {
    let modules: Vec<ModuleId> = batch.program.modules().map(|(_, module)| module).collect();
    let list = batch.limits.with_stack(|| {
        let heap = Bump::new();
        let evaluator = Evaluator::new(&batch.program, &heap, batch.limits);
        let types = image_types(&evaluator, &modules);
        types.map(|types| list_of(&types)).map_err(|mistake| Trouble::mistakes(&batch.program.sources, vec![*mistake]))
    })?;
    terminal::result(&list);
    Ok(())
}

fn list_of(types: &[ImageType<'_>]) -> String {
    let width = types.iter().map(|ty| ty.name.len()).max().unwrap_or(0);
    let line = |ty: &ImageType<'_>| format!("   - {:width$}  {}", ty.name, ty.description).trim_end().to_owned();
    let lines: Vec<String> = types.iter().map(line).collect();
    format!("The available image types are:\n\n{}\n", lines.join("\n"))
}

/// Where images are written to.
#[derive(Debug, PartialEq, Eq)]
struct Destination {
    /// The directory, which is made when the first image is finished.
    folder: Option<PathBuf>,
    /// The path of each image.
    paths: Vec<PathBuf>,
}

impl Destination {
    /// Returns what `--output` says. What ends with `/` is a directory, and so is what several images go to.
    /// What cannot be built counts, so that the paths of the others stay what they are without it.
    fn new(output: Option<&Path>, plan: &Plan) -> Result<Destination, Complaint> {
        let n_images = plan.images.len() + plan.lost.len();
        let in_folder = |folder: &Path| plan.images.iter().map(|image| folder.join(&image.file_name)).collect();
        let Some(output) = output else {
            return Ok(Destination { folder: None, paths: in_folder(Path::new("")) });
        };
        let ends_as_folder = output.as_os_str().as_encoded_bytes().ends_with(b"/");
        if n_images == 1 && !output.is_dir() && !ends_as_folder {
            return Ok(Destination { folder: None, paths: vec![output.to_owned()] });
        }
        if output.exists() && !output.is_dir() {
            let message = format!("`{}` is a file, and there are {n_images} images", output.display());
            return Err(Complaint::usage(message).help("name a directory with `--output`"));
        }
        Ok(Destination { folder: Some(output.to_owned()), paths: in_folder(output) })
    }

    fn make_folder(&self) -> Result<(), Complaint> {
        let Some(folder) = &self.folder else { return Ok(()) };
        fs::create_dir_all(folder).map_err(|error| {
            let message = format!("cannot make the directory `{}`: {}", folder.display(), reason(&error));
            Complaint::new(OUTSIDE_FAILED, message)
        })
    }
}

/// The building of a plan.
struct Production<'a> {
    plan: &'a Plan,
    sources: &'a SourceMap,
    destination: Destination,
    builder: Builder<'a>,
    options: Options,
    bars: &'a Bars,
    events: Events,
    /// Whether each command of a script that is not reproduced is told.
    tells_scripts: bool,
}

/// An image that is under its name.
struct Finished {
    len: u64,
    written: Written,
    /// Seconds since the start of the command.
    seconds: f64,
}

impl Finished {
    fn state(&self) -> ImageState {
        match self.written {
            Written::Anew => ImageState::Built,
            Written::Current => ImageState::Unchanged,
        }
    }
}

impl Production<'_> {
    /// Builds everything, writes every image as soon as it is finished, and tells what was done.
    fn run(&self, tally: &mut Tally) -> Trouble {
        let wanted = self.wanted();
        let events = self.node_events();
        let (sender, finished) = mpsc::channel();
        let (report, mut written) = std::thread::scope(|scope| {
            let writer = scope.spawn(|| self.write_all(finished));
            let watcher = self.bars.watch(&self.plan.graph, &self.builder, self.whom(), move |node, output| {
                // The writer ends before the build in a panic only, which shows when it is joined.
                let _ = sender.send((node, output));
            });
            let report = self.realise(&wanted, &Both(&watcher, &events));
            drop(watcher);
            self.builder.note_use(&self.plan.graph);
            (report, writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        self.bars.clear();
        let mut trouble = self.failures(&report);
        self.plan.lost.iter().for_each(|image| say_failed(&image.shown().replace('`', "")));
        tally.count_nodes(report.outcomes().map(|(_, outcome)| outcome));
        for number in 0..self.plan.images.len() {
            match written.remove(&number) {
                Some(Ok(finished)) => {
                    tally.count(finished.state(), finished.len);
                    self.tell(number, &finished, &report);
                    self.tell_scripts(number, &report).unwrap_or_else(|complaint| trouble.complain(complaint));
                }
                Some(Err(complaint)) => {
                    tally.count(ImageState::Failed, 0);
                    self.tell_loss(number);
                    trouble.complain(complaint);
                }
                None => {
                    let state = self.state_without_output(number, &report);
                    self.event(number, state, None);
                    tally.count(state, 0);
                    if state == ImageState::Failed {
                        self.tell_loss(number);
                    }
                }
            }
        }
        trouble
    }

    /// Returns what became of an image whose node has no output.
    fn state_without_output(&self, number: usize, report: &Report) -> ImageState {
        match report.outcome(self.plan.images[number].node) {
            Some(Outcome::NotStarted) => ImageState::Skipped,
            _ => ImageState::Failed,
        }
    }

    fn realise(&self, wanted: &[NodeId], observer: &dyn Observer) -> Report {
        realise(&self.plan.graph, wanted, &self.builder, &self.builder, observer, self.options)
    }

    /// Returns an observer that tells other programs how it goes.
    fn node_events(&self) -> NodeEvents<'_> {
        let images = self.plan.images.iter().zip(&self.destination.paths).map(|(image, path)| {
            let wanted = [image.node].into_iter().chain(image.report).collect();
            (events::PlannedImage { image: &image.name, file: &image.file, path: ShownPath(path) }, wanted)
        });
        self.events.watch(&self.plan.graph, images)
    }

    /// Returns whom each node of a batch is for: boards have nodes with equal labels.
    fn whom(&self) -> BTreeMap<NodeId, String> {
        let images = &self.plan.images;
        if images.len() < 2 {
            return BTreeMap::new();
        }
        let mut whom = BTreeMap::<NodeId, Vec<&str>>::new();
        for image in images {
            let needed = self.plan.graph.needed(&[image.node]);
            needed.into_iter().for_each(|node| whom.entry(node).or_default().push(&image.file_name));
        }
        let text = |names: &[&str]| match names {
            [name] => format!(", for {name}"),
            names => format!(", for {} images", names.len()),
        };
        whom.into_iter().map(|(node, names)| (node, text(&names))).collect()
    }

    /// Tells other programs what became of an image.
    fn event(&self, number: usize, state: ImageState, bytes: Option<u64>) {
        let image = &self.plan.images[number];
        self.events.image((&image.name, &image.file), Some(&self.destination.paths[number]), state, bytes);
    }

    /// Makes everything once more, and says what comes out differently.
    fn check(&self) -> Trouble {
        let wanted = self.wanted();
        let watcher = self.bars.watch(&self.plan.graph, &self.builder, self.whom(), |_, _| {});
        let (report, differences) = again::check(&self.builder, &self.plan.graph, &wanted, &watcher, self.options);
        drop(watcher);
        self.bars.clear();
        let mut trouble = self.failures(&report);
        for different in &differences {
            let complaint = different.complaint(&self.plan.graph.recipe(different.node).label);
            let complaint = complaint.node(self.plan.graph.key(different.node));
            trouble.complain(complaint.needed_by(self.those_who_need(different.node)));
        }
        if trouble.is_empty() {
            let nodes = counted(report.outcomes().count(), "node");
            terminal::say(&format!("{} {nodes}: each came out as before\n", terminal::green("checked")));
        }
        trouble
    }

    /// Returns all that is to be realised.
    fn wanted(&self) -> Vec<NodeId> {
        let mut wanted = self.plan.wanted();
        wanted.extend(self.plan.images.iter().filter_map(|image| image.report));
        wanted
    }

    /// Writes images as their nodes are finished, in parallel.
    fn write_all(
        &self,
        finished: mpsc::Receiver<(NodeId, graph::Output)>,
    ) -> BTreeMap<usize, Result<Finished, Complaint>> {
        let (sender, written) = mpsc::channel();
        rayon::in_place_scope(|scope| {
            for (node, output) in finished {
                let images = self.plan.images.iter().enumerate().filter(|(_, image)| image.node == node);
                for (number, _) in images {
                    let sender = sender.clone();
                    scope.spawn(move |_| {
                        let sent = sender.send((number, self.finish(number, &output)));
                        sent.expect("the receiver lives until the scope has ended");
                    });
                }
            }
        });
        drop(sender);
        written.into_iter().collect()
    }

    fn write(&self, number: usize, output: &graph::Output) -> Result<Finished, Complaint> {
        let path = &self.destination.paths[number];
        let _line = self.bars.line(format!("write {}", path.display()));
        self.destination.make_folder()?;
        let written = write_output(&self.builder, output, path)?;
        Ok(Finished { len: output.len, written, seconds: self.events.start.elapsed().as_secs_f64() })
    }

    /// Writes an image and tells other programs.
    fn finish(&self, number: usize, output: &graph::Output) -> Result<Finished, Complaint> {
        let result = self.write(number, output);
        match &result {
            Ok(finished) => self.event(number, finished.state(), Some(finished.len)),
            Err(_) => self.event(number, ImageState::Failed, None),
        }
        result
    }

    /// Says that an image is done.
    fn tell(&self, number: usize, finished: &Finished, report: &Report) {
        let path = self.destination.paths[number].display();
        if !self.events.is_on && !terminal::result_is_read_by_people() {
            terminal::result(&format!("{path}\n"));
        }
        let (size, seconds) = (size(finished.len), finished.seconds);
        terminal::say(&match finished.written {
            Written::Current => format!("{} {path} ({size}, {seconds:.1} s)\n", terminal::green("current")),
            Written::Anew => {
                let nodes = self.count(number, report);
                format!("{} {path} ({size}, {seconds:.1} s, {nodes})\n", terminal::green("built"))
            }
        });
    }

    /// Says that an image of a batch failed.
    fn tell_loss(&self, number: usize) {
        if 1 < self.plan.images.len() + self.plan.lost.len() {
            let (path, file) = (self.destination.paths[number].display(), &self.plan.images[number].file);
            say_failed(&format!("{path} of {file}"));
        }
    }

    /// Returns how many nodes were built for an image, and how many reused.
    fn count(&self, number: usize, report: &Report) -> String {
        let needed = self.plan.graph.needed(&[self.plan.images[number].node]);
        let outcomes: Vec<&Outcome> = needed.iter().filter_map(|&node| report.outcome(node)).collect();
        let built = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Built(_))).count();
        format!("{} built, {} reused", counted(built, "node"), outcomes.len() - built)
    }

    /// Says which packages have maintainer scripts whose work the image does not have.
    fn tell_scripts(&self, number: usize, report: &Report) -> Result<(), Complaint> {
        let output = self.plan.images[number].report.and_then(|node| report.outcome(node)).and_then(Outcome::output);
        let Some(output) = output else { return Ok(()) };
        let scripts = unreproduced_scripts(&self.builder, output)?;
        if self.tells_scripts {
            scripts.iter().for_each(|script| terminal::result(&script_text(script)));
        } else if !scripts.is_empty() {
            let names: BTreeSet<&str> = scripts.iter().map(|script| script.package.as_str()).collect();
            terminal::say(&format!(
                "note: {} with maintainer scripts whose work is not all reproduced; `--report` shows it\n",
                counted(names.len(), "package")
            ));
        }
        Ok(())
    }

    /// Returns what failed, in graph order, with the images that are lost by it.
    fn failures(&self, report: &Report) -> Trouble {
        let mut trouble = Trouble::default();
        for (node, failure) in report.failures() {
            let label = &self.plan.graph.recipe(node).label;
            let mut complaint = Complaint::of_failure(format!("{label}: {failure}"), failure.as_ref())
                .node(self.plan.graph.key(node))
                .needed_by(self.those_who_need(node));
            let both = clash(failure.as_ref()).into_iter().flatten();
            let parts = self.plan.parts.get(&node);
            for (name, place) in both.filter_map(|name| Some((name, parts?.get(name)?))) {
                complaint =
                    complaint.place(shown_place(self.sources, *place, format!("the place of `{name}` is said at")));
            }
            if let Some(place) = self.plan.places.get(&node) {
                complaint = complaint.place(shown_place(self.sources, *place, "asked for at"));
            }
            trouble.complain(complaint);
        }
        trouble
    }

    /// Returns the images that are lost without a node.
    fn those_who_need(&self, node: NodeId) -> impl Iterator<Item = LostImage> {
        let needs = move |image: &&PlannedImage| self.plan.graph.needed(&[image.node]).contains(&node);
        self.plan.images.iter().filter(needs).map(PlannedImage::lost)
    }
}

/// Returns a line for each command: `PACKAGE: SCRIPT, line 7: COMMAND`.
fn script_text(script: &Unreproduced) -> String {
    let Unreproduced { package, script, commands } = script;
    let lines = commands.iter().map(|(line, command)| format!("{package}: {script}, line {line}: {command}\n"));
    lines.map(|line| escaped(&line)).collect()
}

/// Returns a length in bytes as people compare lengths: `312 MiB`, `1.3 GiB`.
pub(crate) fn size(len: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.into_iter().find(|(unit, _)| *unit <= len) {
        Some((unit, name)) if 10 * unit <= len || len.is_multiple_of(unit) => format!("{} {name}", len.div_ceil(unit)),
        Some((unit, name)) => format!("{:.1} {name}", len as f64 / unit as f64),
        None => counted(len as usize, "byte"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        assert_eq!([0, 1, 1024, 1_500_000, 312 << 20].map(size), ["0 bytes", "1 byte", "1 KiB", "1.4 MiB", "312 MiB"]);
    }
}
