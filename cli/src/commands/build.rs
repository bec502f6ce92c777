//! `gravure build`: all images of all files as one batch.

mod again;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Instant;

use bumpalo::Bump;
use gravure_eval::graph::{self, NodeId, Options, Outcome, Report, realise};
use gravure_eval::{Evaluator, Limits, ModuleId, with_stack};
use gravure_lang::{Place, SourceMap};
use gravure_stdlib::{
    Builder, ImageType, Unreproduced, Written, clash, image_types, unreproduced_scripts, write_output,
};

use crate::arguments::Build;
use crate::batch::{Batch, Plan, PlannedImage};
use crate::environment::{Outside, locking, threads};
use crate::progress::Bars;
use crate::trouble::{Complaint, OUTSIDE_FAILED, Trouble, counted, escaped, reason};
use crate::{interrupt, terminal};

/// How many nodes wait for the network at once.
const NETWORK_THREADS: usize = 6;

/// How many images a failure names as those that need the node.
const MOST_NAMED: usize = 5;

pub(crate) fn run(arguments: &Build) -> Result<(), Trouble> {
    let start = Instant::now();
    let threads = threads(arguments.jobs);
    let batch = Batch::load(&arguments.files, &arguments.project)?;
    if arguments.list_image_types {
        return list_image_types(&batch);
    }
    let outside = Outside::new(&arguments.outside)?;
    let bars = Bars::new();
    interrupt::ends_with(&bars);
    let locking = locking(&arguments.outside);
    let (plan, mut trouble) = batch.plan(arguments.form.get(), &outside, &locking, &bars, threads);
    if !trouble.is_empty() && !arguments.keep_going {
        bars.clear();
        return Err(trouble);
    }
    for (path, lock) in plan.new_locks() {
        lock.write(&outside.store, &path).inspect_err(|_| bars.clear())?;
    }
    let production = Production {
        destination: Destination::new(arguments.output.as_deref(), &plan.images).inspect_err(|_| bars.clear())?,
        builder: Builder {
            store: &outside.store,
            access: outside.access(&bars),
            mirror: &|suite| outside.mirror(suite),
        },
        options: Options { threads, network_threads: NETWORK_THREADS, keep_going: arguments.keep_going },
        plan: &plan,
        sources: &batch.program.sources,
        bars: &bars,
        start,
        tells_scripts: arguments.report,
    };
    trouble.extend(production.run());
    if arguments.check && trouble.is_empty() {
        trouble.extend(production.check());
    }
    trouble.or(())
}

/// Prints the image types of the standard library and of the files.
fn list_image_types(batch: &Batch) -> Result<(), Trouble> {
    let modules: Vec<ModuleId> = batch.targets.iter().map(|(_, module)| *module).collect();
    let list = with_stack(|| {
        let heap = Bump::new();
        let evaluator = Evaluator::new(&batch.program, &heap, Limits::default());
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
    fn new(output: Option<&Path>, images: &[PlannedImage]) -> Result<Destination, Complaint> {
        let in_folder = |folder: &Path| images.iter().map(|image| folder.join(&image.file_name)).collect();
        let Some(output) = output else {
            return Ok(Destination { folder: None, paths: in_folder(Path::new("")) });
        };
        let ends_as_folder = output.as_os_str().as_encoded_bytes().ends_with(b"/");
        if images.len() == 1 && !output.is_dir() && !ends_as_folder {
            return Ok(Destination { folder: None, paths: vec![output.to_owned()] });
        }
        if output.exists() && !output.is_dir() {
            let message = format!("`{}` is a file, and there are {} images", output.display(), images.len());
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
    start: Instant,
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

impl Production<'_> {
    /// Builds everything, writes every image as soon as it is finished, and tells what was done.
    fn run(&self) -> Trouble {
        let wanted = self.wanted();
        let (sender, finished) = mpsc::channel();
        let (report, mut written) = std::thread::scope(|scope| {
            let writer = scope.spawn(|| self.write_all(finished));
            let watcher = self.bars.watch(&self.plan.graph, &self.builder, move |node, output| {
                // The writer ends before the build in a panic only, which shows when it is joined.
                let _ = sender.send((node, output));
            });
            let report = realise(&self.plan.graph, &wanted, &self.builder, &self.builder, &watcher, self.options);
            drop(watcher);
            self.builder.note_use(&self.plan.graph);
            (report, writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        self.bars.clear();
        written.sort_by_key(|(number, _)| *number);
        let mut trouble = self.failures(&report);
        for (number, result) in written {
            match result {
                Ok(finished) => {
                    self.tell(number, &finished, &report);
                    self.tell_scripts(number, &report).unwrap_or_else(|complaint| trouble.complain(complaint));
                }
                Err(complaint) => trouble.complain(complaint),
            }
        }
        trouble
    }

    /// Makes everything once more, and says what comes out differently.
    fn check(&self) -> Trouble {
        let wanted = self.wanted();
        let watcher = self.bars.watch(&self.plan.graph, &self.builder, |_, _| {});
        let (report, differences) = again::check(&self.builder, &self.plan.graph, &wanted, &watcher, self.options);
        drop(watcher);
        self.bars.clear();
        let mut trouble = self.failures(&report);
        for different in &differences {
            let complaint = different.complaint(&self.plan.graph.recipe(different.node).label);
            let needed = self.names_of_those_who_need(different.node);
            trouble.complain(complaint.note(format!("needed by {needed}")));
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
    ) -> Vec<(usize, Result<Finished, Complaint>)> {
        let (sender, written) = mpsc::channel();
        rayon::in_place_scope(|scope| {
            for (node, output) in finished {
                let images = self.plan.images.iter().enumerate().filter(|(_, image)| image.node == node);
                for (number, _) in images {
                    let sender = sender.clone();
                    scope.spawn(move |_| {
                        let sent = sender.send((number, self.write(number, &output)));
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
        Ok(Finished { len: output.len, written, seconds: self.start.elapsed().as_secs_f64() })
    }

    /// Says that an image is done.
    fn tell(&self, number: usize, finished: &Finished, report: &Report) {
        let path = self.destination.paths[number].display();
        if !terminal::result_is_read_by_people() {
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
            let mut complaint = Complaint::of_failure(format!("{label}: {failure}"), failure.as_ref());
            let both = clash(failure.as_ref()).into_iter().flatten();
            let parts = self.plan.parts.get(&node);
            for (name, place) in both.filter_map(|name| Some((name, parts?.get(name)?))) {
                complaint = complaint.note(format!("the place of `{name}` is said at {}", self.shown(*place)));
            }
            if let Some(place) = self.plan.places.get(&node) {
                complaint = complaint.note(format!("asked for at {}", self.shown(*place)));
            }
            trouble.complain(complaint.note(format!("needed by {}", self.names_of_those_who_need(node))));
        }
        trouble
    }

    /// Returns a place as people write it: `FILE:LINE:COLUMN`.
    fn shown(&self, place: Place) -> String {
        let (line, column) = self.sources.line_column(place.file, place.span.start);
        format!("{}:{line}:{column}", self.sources.name(place.file))
    }

    fn names_of_those_who_need(&self, node: NodeId) -> String {
        let needs = |image: &&PlannedImage| self.plan.graph.needed(&[image.node]).contains(&node);
        let names: Vec<String> =
            self.plan.images.iter().filter(needs).map(|image| format!("`{}`", image.file_name)).collect();
        let shown = names.len().min(MOST_NAMED);
        let text = names[..shown].join(", ");
        if shown < names.len() { format!("{text} and {} more", names.len() - shown) } else { text }
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
