//! `gravure layout`: what lies where, on a disk that is planned or in an image that is there.
//!
//! ```text
//!  FILE --lower--> graph --realise what the disk is made of--> areas --+--> bar and table
//!  IMAGE --inspect--------------------------------------------> areas --+--> SVG, JSON
//! ```

pub(crate) mod picture;
mod svg;

use std::collections::BTreeMap;
use std::path::Path;

use gravure_eval::graph::{NodeId, Options, Report, realise};
use gravure_formats::areas::Areas;
use gravure_formats::inspect::{Findings, Image, areas, inspect};
use gravure_formats::units::{Grouped, Rounded};
use gravure_stdlib::{Builder, disk_areas};
use serde_json::json;

use crate::arguments::Layout;
use crate::batch::{Batch, Plan};
use crate::environment::{Outside, locking, threads};
use crate::images::{Named, open, printable, unreadable};
use crate::progress::Bars;
use crate::target::Target;
use crate::trouble::{Complaint, NOT_AS_EXPECTED, Trouble, counted};
use crate::{interrupt, terminal};

/// How many nodes wait for the network at once.
const NETWORK_THREADS: usize = 6;
/// The kind of recipes that lay out disks.
const DISK: &str = "disk";
/// How wide a picture is for those who do not read it on a terminal.
const USUAL_WIDTH: usize = 80;
/// On the widest terminals a picture need not be wider than this.
const LARGEST_WIDTH: usize = 160;
/// On the narrowest ones it is no narrower.
const LEAST_WIDTH: usize = 24;

/// A disk, and how it is called.
struct Disk {
    name: String,
    areas: Areas,
}

pub(crate) fn run(arguments: &Layout) -> Result<(), Trouble> {
    let target = Target::parse(&arguments.file);
    let path = Path::new(&target.path);
    let (disks, trouble) = match open(path)? {
        Named::Text => (planned(arguments)?, Trouble::default()),
        Named::Image(_) if target.pick.is_some() => {
            let message = format!("`{}` is a disk image, and has no images by name", path.display());
            return Err(Complaint::usage(message).into());
        }
        Named::Image(image) => of_image(path, &image)?,
    };
    match (arguments.svg, arguments.json) {
        (true, _) => print_svg(arguments, &disks)?,
        (_, true) => print_json(&disks),
        _ => print_pictures(&disks),
    }
    trouble.or(())
}

/// Looks at an image; what is wrong with it is reported beside its areas.
fn of_image(path: &Path, image: &Image) -> Result<(Vec<Disk>, Trouble), Complaint> {
    let unreadable = |error| unreadable(path, &error);
    let inspection = inspect(image).map_err(unreadable)?;
    let areas = areas(image, &inspection).map_err(unreadable)?;
    let name = path.display().to_string();
    Ok((vec![Disk { name, areas }], trouble_of(&inspection.findings)))
}

/// Returns what is wrong with an image, and says what is only noteworthy.
pub(crate) fn trouble_of(findings: &Findings) -> Trouble {
    let mut trouble = Trouble::default();
    for finding in &findings.0 {
        match finding.is_damage {
            true => trouble.complain(Complaint::new(NOT_AS_EXPECTED, finding.text.clone())),
            false => terminal::say(&format!("note: {}\n", finding.text)),
        }
    }
    trouble
}

/// Plans the disks of a file.
fn planned(arguments: &Layout) -> Result<Vec<Disk>, Trouble> {
    let threads = threads(None);
    let batch = Batch::load_said(std::slice::from_ref(&arguments.file), arguments.form.said(None), &arguments.project)?;
    let outside = Outside::new(&arguments.outside)?;
    let bars = Bars::new();
    interrupt::ends_with(&bars);
    let (plan, trouble) = batch.plan(arguments.form.get(), &outside, &locking(&arguments.outside), &bars, threads);
    if !trouble.is_empty() {
        bars.clear();
        return Err(trouble);
    }
    let builder =
        Builder { store: &outside.store, access: outside.access(&bars), mirror: &|suite| outside.mirror(suite) };
    let disks: Vec<(String, NodeId)> =
        plan.images.iter().filter_map(|image| Some((image.file_name.clone(), disk_of(&plan, image.node)?))).collect();
    // The disk itself need not be made: only what it is made of says how large its partitions are.
    let wanted: Vec<NodeId> = disks.iter().flat_map(|(_, disk)| plan.graph.recipe(*disk).inputs.clone()).collect();
    let options = Options { threads, network_threads: NETWORK_THREADS, keep_going: false };
    let watcher = bars.watch(&plan.graph, &builder, BTreeMap::new(), |_, _| {});
    let report = realise(&plan.graph, &wanted, &builder, &builder, &watcher, options);
    drop(watcher);
    bars.clear();
    failures(&plan, &report).or(())?;
    let areas = |(name, node): (String, NodeId)| {
        let recipe = plan.graph.recipe(node);
        let inputs = recipe.inputs.iter().map(|input| *report.output(*input).expect("nothing failed")).collect();
        let areas = disk_areas(&builder, &recipe.task(inputs))
            .map_err(|failure| Complaint::of_failure(format!("{}: {failure}", recipe.label), failure.as_ref()))?;
        Ok(Disk { name, areas })
    };
    disks.into_iter().map(areas).collect()
}

/// Returns the node that lays out the disk of an image: what comes behind it only changes its form.
fn disk_of(plan: &Plan, node: NodeId) -> Option<NodeId> {
    let recipe = plan.graph.recipe(node);
    match recipe.inputs[..] {
        _ if recipe.kind == DISK => Some(node),
        [only] => disk_of(plan, only),
        _ => None,
    }
}

fn failures(plan: &Plan, report: &Report) -> Trouble {
    let mut trouble = Trouble::default();
    for (node, failure) in report.failures() {
        let label = &plan.graph.recipe(node).label;
        trouble.complain(Complaint::of_failure(format!("{label}: {failure}"), failure.as_ref()));
    }
    trouble
}

fn print_pictures(disks: &[Disk]) {
    let width = terminal::width().unwrap_or(USUAL_WIDTH).clamp(LEAST_WIDTH, LARGEST_WIDTH);
    for (number, Disk { name, areas }) in disks.iter().enumerate() {
        let gap = if number == 0 { "" } else { "\n" };
        let heading = format!("{}: {} ({} bytes)", printable(name.as_bytes()), Rounded(areas.len), Grouped(areas.len));
        let heading = picture::hanging("", &heading, 2, width);
        let is_coloured = terminal::result_is_coloured();
        let (bar, table) = (picture::bar(areas, width, is_coloured), picture::table(areas, width, is_coloured));
        terminal::result(&format!("{gap}{heading}\n{bar}\n{table}"));
    }
}

fn print_svg(arguments: &Layout, disks: &[Disk]) -> Result<(), Complaint> {
    match disks {
        [Disk { name, areas }] => {
            terminal::result(&svg::svg(name, areas));
            Ok(())
        }
        _ => {
            let message =
                format!("`{}` has {}, and one picture shows one", arguments.file, counted(disks.len(), "image"));
            Err(Complaint::usage(message).help(format!("name one of them: `{}#NAME`", arguments.file)))
        }
    }
}

fn print_json(disks: &[Disk]) {
    let disk = |disk: &Disk| {
        let areas = disk.areas.areas.iter().map(|area| {
            json!({
                "start": area.at, "end": area.end(), "size": area.len, "kind": area.role.name(), "what": area.what,
            })
        });
        json!({ "name": disk.name, "size": disk.areas.len, "areas": areas.collect::<Vec<_>>() })
    };
    let disks: Vec<_> = disks.iter().map(disk).collect();
    terminal::result(&format!("{:#}\n", serde_json::Value::from(disks)));
}
