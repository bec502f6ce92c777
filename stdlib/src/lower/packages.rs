//! Packages: what a configuration names becomes an exact file, and its tree.
//!
//! A `Path` is a `.deb` of the project, a `Fetch` one from the net, a `Package` one that the archive's index describes. A meta
//! package of a kernel stands for the kernel that it depends on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use gravure_eval::graph::NodeId;
use gravure_eval::{Value, View};
use gravure_formats::Digest;
use gravure_lang::{Diagnostic, Place};
use gravure_sources::debian::{Archive, Index, Keyring, Package};
use gravure_sources::{Error, ErrorKind, import_file};

use super::{Inputs, LowerError, Lowering};
use crate::kinds::{self, archive_file, fetch, local, package};

/// What is known of archives: shared by all images of a run, so that each index is loaded once.
#[derive(Default)]
pub struct Archives {
    /// By suite and architecture; empty while nobody has succeeded in loading it.
    indexes: Mutex<BTreeMap<(String, String), Slot>>,
}

/// An index, once somebody has loaded it.
type Slot = Arc<Mutex<Option<Arc<Index>>>>;

impl Archives {
    /// Returns the index of a suite for an architecture. Whoever asks for one that is being loaded waits for it.
    fn index(&self, suite: &str, architecture: &str, inputs: &Inputs<'_>) -> Result<Arc<Index>, Error> {
        let key = (suite.to_owned(), architecture.to_owned());
        let slot = self.indexes.lock().expect("nothing panics under this lock").entry(key).or_default().clone();
        let mut slot = slot.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(index) = &*slot {
            return Ok(index.clone());
        }
        let archive = Archive {
            mirror: (inputs.mirror)()?.url,
            suite: suite.to_owned(),
            components: vec![COMPONENT.to_owned()],
            architecture: architecture.to_owned(),
            keys: Keyring::debian(),
        };
        let index = Arc::new(archive.index(inputs.store, inputs.access)?);
        *slot = Some(index.clone());
        Ok(index)
    }
}

/// The archives that one image asks.
pub(super) struct Packages<'l, 'a> {
    inputs: &'l Inputs<'a>,
    /// The newest date of those that were asked.
    newest: Option<i64>,
}

/// The component that packages come from.
const COMPONENT: &str = "main";

/// Debian's names of architectures, by platform.
const ARCHITECTURES: &[(&str, &str)] =
    &[("x86_64-linux", "amd64"), ("aarch64-linux", "arm64"), ("armhf-linux", "armhf"), ("riscv64-linux", "riscv64")];

/// A package as a node of the graph.
#[derive(Clone)]
pub(super) struct Resolved {
    /// What messages call it.
    pub(super) name: String,
    /// Its tree.
    pub(super) tree: NodeId,
}

/// Where a package comes from when it does not say.
#[derive(Clone, Copy)]
pub(super) struct Defaults<'a> {
    pub(super) suite: &'a str,
    pub(super) platform: &'a str,
}

impl<'l, 'a> Packages<'l, 'a> {
    pub(super) fn new(inputs: &'l Inputs<'a>) -> Packages<'l, 'a> {
        Packages { inputs, newest: None }
    }

    /// Returns the newest date of the archives that were asked.
    pub(super) fn newest_archive(&self) -> Option<i64> {
        self.newest
    }

    fn find(&mut self, suite: &str, architecture: &str, name: &str, place: Place) -> Result<Package, LowerError> {
        let index = self.inputs.archives.index(suite, architecture, self.inputs)?;
        self.newest = self.newest.max(Some(index.date()));
        if let Some(package) = index.find(name)? {
            return Ok(package);
        }
        let message = format!("there is no package `{name}` in `{suite}` for `{architecture}`");
        let diagnostic = Diagnostic::error("E0501", message, place, "this package");
        Err(LowerError::Diagnostics(vec![match index.nearest(name).first() {
            Some(near) => diagnostic.help(format!("write \"{near}\"")),
            None => diagnostic,
        }]))
    }
}

impl Lowering<'_, '_> {
    /// Adds a package, by whatever kind of record or path it is named.
    pub(super) fn package<'h>(
        &mut self,
        source: (Value<'h>, Place),
        view: View<'_, 'h>,
        defaults: Defaults<'_>,
    ) -> Result<Resolved, LowerError> {
        let (value, place) = source;
        let (name, deb) = match value {
            Value::Path(path) => (file_name(path), self.local_file(path, place)?),
            Value::Record(record) => {
                let record = view.evaluator.view(record);
                super::checked(record)?;
                match record.type_name() {
                    "Fetch" => self.fetched(record)?,
                    _ => self.archived(record, defaults)?,
                }
            }
            _ => {
                let message = "a package is a `.deb` file, `os.fetch { .. }` or `os.Package { .. }`";
                return Err(LowerError::Diagnostics(vec![Diagnostic::error("E0502", message, place, "no package")]));
            }
        };
        let label = format!("unpack {name}");
        let tree = self.add(kinds::recipe(package::NAME, &(), vec![deb], label), place);
        Ok(Resolved { name, tree })
    }

    /// Adds a file of the project, which enters the store now; it is named at `place`.
    fn local_file(&mut self, path: &str, place: Place) -> Result<NodeId, LowerError> {
        let imported = import_file(self.inputs.store, &self.inputs.root.join(path));
        let imported = imported.map_err(|error| not_imported(error, path, place))?;
        let parameters = local::Parameters { sha256: imported.digest, is_tree: false };
        Ok(self.add(kinds::recipe(local::NAME, &parameters, Vec::new(), format!("file {path}")), place))
    }

    /// Adds a file from the net.
    pub(super) fn fetched(&mut self, record: View<'_, '_>) -> Result<(String, NodeId), LowerError> {
        super::checked(record)?;
        let url = record.string("url")?.to_owned();
        let sha256: Digest = record.string("sha256")?.parse().expect("a check holds it to 64 hexadecimal digits");
        let name = file_name(&url);
        let label = format!("fetch {name}");
        let parameters = fetch::Parameters { url, sha256 };
        Ok((name, self.add(kinds::recipe(fetch::NAME, &parameters, Vec::new(), label), record.place("url"))))
    }

    fn archived(&mut self, record: View<'_, '_>, defaults: Defaults<'_>) -> Result<(String, NodeId), LowerError> {
        let name = record.string("name")?;
        let place = record.place("name");
        let suite = record.optional_string("suite")?.unwrap_or(defaults.suite);
        let architecture =
            record.optional_string("architecture")?.unwrap_or_else(|| architecture_of(defaults.platform));
        let mut package = self.packages.find(suite, architecture, name, place)?;
        if let Some(kernel) = kernel_behind(&package) {
            package = self.packages.find(suite, architecture, &kernel, place)?;
        }
        let sha256 = package.sha256;
        let parameters = archive_file::Parameters { path: package.filename.clone(), sha256, len: package.size };
        let label = format!("fetch {} {}", package.name, package.version);
        let recipe = kinds::recipe(archive_file::NAME, &parameters, Vec::new(), label);
        Ok((package.name, self.add(recipe, place)))
    }
}

/// Returns the last name of a path or an address. Recipes have no others: they are the same from wherever a project is
/// looked at.
fn file_name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

/// Reports a path of the configuration that names nothing, or something that cannot serve. What could not be read is a
/// failure of the outside.
pub(super) fn not_imported(error: Error, path: &str, place: Place) -> LowerError {
    let (message, label) = match error.kind {
        ErrorKind::Missing => (format!("there is no `{path}`"), "named here"),
        ErrorKind::Refused => (error.message, "cannot be used"),
        _ => return LowerError::Source(error),
    };
    LowerError::Diagnostics(vec![Diagnostic::error("E0504", message, place, label)])
}

/// Returns Debian's name of a platform's architecture.
fn architecture_of(platform: &str) -> &'static str {
    let known = ARCHITECTURES.iter().find(|(name, _)| *name == platform);
    known.map(|(_, architecture)| *architecture).expect("`Platform` has the platforms of the table")
}

/// Returns the kernel package that a meta package such as `linux-image-amd64` depends on.
fn kernel_behind(package: &Package) -> Option<String> {
    let is_image = |name: &str| name.starts_with("linux-image-");
    let depends = package.depends.split(',').filter_map(|relation| relation.split_whitespace().next());
    depends.filter(|name| is_image(&package.name) && is_image(name)).map(str::to_owned).next()
}
