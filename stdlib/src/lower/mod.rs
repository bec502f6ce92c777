//! Lowering: an image record becomes recipes.
//!
//! ```text
//! packages ---+--> root tree --> ext4 --+
//!             +--> initrd ----^         +--> disk
//! loader -----+--> ESP tree ---> FAT ---+
//! ```
//! Everything that the user's records say is read here, and what they say wrongly is reported with its place.

mod agreement;
mod archives;
mod busybox;
mod entries;
mod file_systems;
mod loader;
mod packages;
mod partitions;
mod sizes;
mod system;
mod systemd;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use gravure_eval::graph::{Graph, NodeId, Recipe};
use gravure_eval::{Evaluator, View};
use gravure_lang::{Diagnostic, Place, SourceMap};
use gravure_sources::debian::{Access, Lock, Mirror};
use gravure_sources::{Error, Store};

use crate::library::source;
use crate::outputs::Output;

pub use archives::{Archives, Locking};
pub(crate) use packages::platforms;

/// What lowering may ask of the outside.
pub struct Inputs<'a> {
    /// Where local files enter, and what is known of archives.
    pub store: &'a Store,
    /// Whether the network may be used.
    pub access: Access<'a>,
    /// Finds the mirror of a suite when its archive is asked.
    pub mirror: &'a (dyn Fn(&str) -> Result<Mirror, Error> + Sync),
    /// What is known of archives.
    pub archives: &'a Archives,
    /// What the lock file of the project says; empty where there is none.
    pub lock: Arc<Lock>,
    /// How it is used.
    pub locking: &'a Locking,
    /// The folder that paths of the language are relative to.
    pub root: &'a Path,
    /// The source date that the caller wants; none: that of the archives.
    pub source_date: Option<i64>,
}

impl Inputs<'_> {
    fn is_online(&self) -> bool {
        matches!(self.access, Access::Online(..))
    }
}

/// Why an image cannot be lowered.
#[derive(Debug)]
pub enum LowerError {
    /// The configuration is wrong.
    Diagnostics(Vec<Diagnostic>),
    /// The outside failed: a local file, an archive.
    Source(Error),
}

impl From<Box<Diagnostic>> for LowerError {
    fn from(diagnostic: Box<Diagnostic>) -> LowerError {
        LowerError::Diagnostics(vec![*diagnostic])
    }
}

impl From<Error> for LowerError {
    fn from(error: Error) -> LowerError {
        LowerError::Source(error)
    }
}

/// The source date where neither the caller nor an archive gives one: 1980-01-01, the first day of FAT.
const FIRST_DATE: i64 = 315_532_800;

/// An image as nodes of the graph.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// The finished disk.
    pub disk: NodeId,
    /// The node that makes the report on scripts whose work is not reproduced; none where no scripts are passed over.
    pub report: Option<NodeId>,
    /// What a lock file needs so that the same packages are found again.
    pub lock: Lock,
    /// What asked for a node, in the user's own files if possible, so that a failure can be shown there.
    pub places: BTreeMap<NodeId, Place>,
    /// Where the places of the disk's parts are said, by the names that messages have for them.
    pub parts: BTreeMap<String, Place>,
    /// What the user should know and may well want.
    pub warnings: Vec<Diagnostic>,
}

/// Adds what an image needs to the graph.
///
/// # Errors
/// See [`LowerError`].
pub fn lower<'h>(
    evaluator: &Evaluator<'h>,
    output: &Output<'h>,
    graph: &mut Graph,
    inputs: &Inputs<'_>,
) -> Result<Lowered, LowerError> {
    let image = evaluator.view(output.image);
    run_checks(image)?;
    let mut lowering = Lowering {
        graph,
        inputs,
        newest: None,
        lock: Lock::default(),
        report: None,
        places: BTreeMap::new(),
        parts: BTreeMap::new(),
        warnings: Vec::new(),
        sources: &evaluator.program().sources,
        item: output.place,
    };
    let disk = lowering.disk(image, &output.name)?;
    let Lowering { lock, report, places, parts, warnings, .. } = lowering;
    Ok(Lowered { disk, lock, report, places, parts, warnings })
}

/// Runs the checks of an image and of every record that lowering reads; all failures are reported together.
fn run_checks(image: View<'_, '_>) -> Result<(), LowerError> {
    let mut found = Vec::new();
    let evaluator = image.evaluator;
    evaluator.run_checks(image.record, &mut found);
    let mut records: Vec<View<'_, '_>> = image.records("partitions")?;
    if let Some(system) = image.optional_record("operating-system")? {
        records.push(system);
        for list in ["archives", "file-systems", "users", "groups", "services", "files"] {
            records.extend(system.records(list)?);
        }
        for service in system.records("services")? {
            for list in ["files", "users", "groups"] {
                records.extend(service.records(list)?);
            }
        }
        records.extend([
            system.record("kernel")?,
            system.record("bootloader")?,
            system.record("bootloader")?.record("loader")?,
        ]);
    }
    for record in records {
        evaluator.run_checks(record.record, &mut found);
    }
    if found.is_empty() { Ok(()) } else { Err(LowerError::Diagnostics(found)) }
}

/// Runs the checks of one record.
fn checked(record: View<'_, '_>) -> Result<(), LowerError> {
    let mut found = Vec::new();
    record.evaluator.run_checks(record.record, &mut found);
    if found.is_empty() { Ok(()) } else { Err(LowerError::Diagnostics(found)) }
}

/// One image on its way into the graph.
struct Lowering<'l, 'a> {
    graph: &'l mut Graph,
    inputs: &'l Inputs<'a>,
    /// The newest date of the archives that were asked.
    newest: Option<i64>,
    /// What came from archives.
    lock: Lock,
    /// What the packages' scripts would do beyond what is done.
    report: Option<NodeId>,
    places: BTreeMap<NodeId, Place>,
    parts: BTreeMap<String, Place>,
    warnings: Vec<Diagnostic>,
    sources: &'l SourceMap,
    /// Where the item that becomes an image is named.
    item: Place,
}

impl Lowering<'_, '_> {
    /// Returns the first of these places that is not in the standard library.
    fn nearest(&self, places: &[Place]) -> Place {
        let is_own = |place: &&Place| {
            let name = self.sources.name(place.file);
            source(name.strip_suffix(".img").unwrap_or(name)).is_none()
        };
        places.iter().find(is_own).copied().unwrap_or(self.item)
    }

    /// Adds a node that something at `place` asks for; of several, the first is remembered.
    fn add(&mut self, recipe: Recipe, place: Place) -> NodeId {
        let node = self.graph.add(recipe);
        self.places.entry(node).or_insert(place);
        node
    }

    /// Returns the source date: the caller's, else the newest date of the archives that were asked.
    fn source_date(&self) -> i64 {
        self.inputs.source_date.or(self.newest).unwrap_or(FIRST_DATE)
    }
}

/// A mistake at a field of a record.
fn mistake(code: &'static str, view: View<'_, '_>, field: &str, message: impl Into<String>, label: &str) -> LowerError {
    LowerError::Diagnostics(vec![Diagnostic::error(code, message, view.place(field), label)])
}
