//! `debian`: packages become a configured system, without running anything of them.
//!
//! ```text
//! merged /usr  ->  packages, diverted and unpacked  ->  declared entries  ->  transforms  ->  declared entries again
//! ```
//! The entries are put in twice: before the transforms, which enable units and collect certificates that they bring,
//! and after them, so that what a configuration says wins. The inputs are the packages in order, then whatever entries
//! refer to.

use std::collections::BTreeSet;

use gravure_eval::graph::{Failure, Task};
use gravure_formats::debian::{self, Diversions, Enablement, Group, Package, PackageState, Root, User};
use gravure_formats::merge::Merger;
use gravure_formats::{Tree, deb822};
use serde::{Deserialize, Serialize};

use super::tree::{Declaration, Declared};
use crate::builder::{Artefact, Builder};

pub(crate) const NAME: &str = "debian";

#[derive(Serialize, Deserialize)]
pub(crate) struct Parameters {
    /// What is there before the packages: the links of a merged `/usr`.
    pub(crate) foundation: Vec<Declared>,
    /// The names of the packages, one for each of the first inputs.
    pub(crate) packages: Vec<String>,
    /// How many of the first packages dpkg knows; the others are there without being registered.
    pub(crate) n_registered: usize,
    /// What the configuration declares.
    pub(crate) entries: Vec<Declared>,
    pub(crate) accounts: Accounts,
    pub(crate) units: Enablement,
    /// Whether the packages' scripts run when the machine first starts.
    pub(crate) is_configured_at_first_boot: bool,
    /// The source date, in seconds since 1970.
    pub(crate) time: i64,
    /// Debian's name of the architecture.
    pub(crate) architecture: String,
}

/// The users and groups that a configuration declares.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Accounts {
    pub(crate) users: Vec<User>,
    pub(crate) groups: Vec<Group>,
}

pub(crate) fn realise(builder: &Builder<'_>, task: &Task) -> Result<Artefact, Failure> {
    let parameters: Parameters = super::parameters(task)?;
    let declaration = Declaration { builder, task, time: parameters.time };
    let Unpacked { mut tree, packages, diversions } = unpack(builder, task, &parameters, &declaration)?;
    declaration.declare(&mut tree, &parameters.entries)?;
    let mut root = Root::new(tree, builder.store, parameters.time);
    diversions.write(&mut root)?;
    configure(&mut root, &packages, &parameters)?;
    let mut tree = root.into_tree();
    declaration.declare(&mut tree, &parameters.entries)?;
    Ok(Artefact::Tree(tree))
}

/// The packages in one tree, before anything of them is configured.
struct Unpacked {
    tree: Tree,
    /// Those that dpkg knows.
    packages: Vec<Package>,
    diversions: Diversions,
}

/// Merges the trees of the packages. A script of one of them may divert files of any other, so all are read first.
fn unpack(
    builder: &Builder<'_>,
    task: &Task,
    parameters: &Parameters,
    declaration: &Declaration<'_>,
) -> Result<Unpacked, Failure> {
    let mut unpacked = Vec::with_capacity(parameters.packages.len());
    for (name, input) in parameters.packages.iter().zip(&task.inputs) {
        let mut tree = builder.tree(input)?;
        let package = Package::take(&mut tree, builder.store).map_err(|error| format!("package `{name}`: {error}"))?;
        unpacked.push((package, tree));
    }
    let registered: Vec<&Package> = unpacked.iter().take(parameters.n_registered).map(|(package, _)| package).collect();
    let diversions = debian::diversions(&registered, builder.store)?;
    let mut foundation = Tree::new(declaration.directory());
    declaration.declare(&mut foundation, &parameters.foundation)?;
    let mut merger = Merger::new();
    merger.add("the links of a merged /usr", &foundation, &BTreeSet::new())?;
    let mut packages = Vec::with_capacity(unpacked.len());
    for (name, (package, mut tree)) in parameters.packages.iter().zip(unpacked) {
        diversions.divert(&package.name, &mut tree)?;
        merger.add(name, &tree, &replaced_by(&package.stanza))?;
        packages.push(package);
    }
    packages.truncate(parameters.n_registered);
    Ok(Unpacked { tree: merger.into_tree(), packages, diversions })
}

/// Returns the names of the packages whose files a package may replace.
fn replaced_by(stanza: &str) -> BTreeSet<String> {
    let fields = deb822::stanzas(stanza).next().and_then(Result::ok);
    let replaces = fields.and_then(|fields| fields.get("Replaces")).unwrap_or_default();
    let names = replaces.split([',', '|']).filter_map(|relation| relation.split_whitespace().next());
    names.map(|name| name.split(':').next().unwrap_or(name).to_owned()).collect()
}

/// Does what the packages' scripts would do.
fn configure(root: &mut Root<'_>, packages: &[Package], parameters: &Parameters) -> Result<(), Failure> {
    // First, since it has the hashes of configuration files as packages bring them.
    let state = if parameters.is_configured_at_first_boot { PackageState::Unpacked } else { PackageState::Installed };
    debian::dpkg_database(root, packages, &parameters.architecture, state)?;
    let Accounts { users, groups } = &parameters.accounts;
    let accounts = debian::accounts(root, packages, users, groups)?;
    debian::pam(root, packages)?;
    debian::file_commands(root, packages, &accounts)?;
    debian::base_files(root, packages, &accounts)?;
    debian::alternatives(root, packages, &accounts)?;
    debian::certificates(root, packages)?;
    // After the alternatives, which may be libraries.
    debian::loader_cache(root)?;
    debian::module_indexes(root)?;
    debian::tmpfiles(root, packages, &accounts)?;
    debian::units(root, packages, &parameters.units)?;
    Ok(())
}
