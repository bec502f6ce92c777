//! The indexes by which kernel modules are found: what `depmod` makes when a kernel is installed.
//!
//! ```text
//! modules.dep       [.bin]   which modules a module needs              kernel/fs/fat/vfat.ko: kernel/fs/fat/fat.ko
//! modules.alias     [.bin]   which module serves a device              alias virtio:d00000002v* virtio_blk
//! modules.symbols   [.bin]   which module has a symbol                 alias symbol:fat_attach fat
//! modules.softdep            what a module would like                  softdep nfsd pre: crypto-md5
//! modules.weakdep            what a module may load by itself          weakdep cxl_acpi einj (only where a module says so)
//! modules.devname            device nodes that load a module           fuse fuse c10:229
//! modules.builtin.bin, modules.builtin.alias.bin                       what is part of the kernel itself
//! ```
//! Programs read the binary forms only; see `index.rs`. Modules are read in parallel, and what comes out does not depend on it.

mod index;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use rayon::prelude::*;

use super::{Error, Root};
use crate::modules::{Module, ModuleSet, kernel_versions, normal_name};
use crate::{Blobs, elf};
use index::Index;

/// The class of ELF files of 64 bits (`EI_CLASS`).
const IS_64_BIT: u8 = 2;

/// What a module says of itself, and where it is.
#[derive(Debug, Default)]
struct Facts {
    name: String,
    /// Below the directory of the kernel.
    path: String,
    depends: Vec<String>,
    aliases: Vec<String>,
    soft_dependencies: Vec<String>,
    weak_dependencies: Vec<String>,
    symbols: Vec<String>,
    /// The symbols that others must have, in the order of its table.
    undefined: Vec<String>,
}

/// Writes the indexes of every kernel whose modules are there.
///
/// # Errors
/// A module cannot be read, or an index cannot be written.
pub fn module_indexes(root: &mut Root<'_>) -> Result<(), Error> {
    for version in kernel_versions(root.tree()) {
        let set = ModuleSet::new(root.tree(), root.blobs(), &version).map_err(|error| Error::new(&version, error))?;
        let directory = set.directory().to_string();
        // Headers alone have a directory too, with links to them; nobody runs depmod there.
        if set.modules().next().is_none() && !root.exists(&format!("{directory}/modules.builtin")) {
            continue;
        }
        let facts = read_all(&set, root.blobs(), &order(root, &directory)?)?;
        let builtin = builtin_names(&root.text(&format!("{directory}/modules.builtin"))?.unwrap_or_default());
        let pairs = root.read(&format!("{directory}/modules.builtin.modinfo"))?.unwrap_or_default();
        for (name, content) in files(&facts, &builtin, &builtin_aliases(&pairs)) {
            root.write(&format!("{directory}/modules.{name}"), 0o644, super::Owner::ROOT, content)?;
        }
    }
    Ok(())
}

/// Returns where in `modules.order` each module stands: earlier ones are preferred.
fn order(root: &Root<'_>, directory: &str) -> Result<BTreeMap<String, usize>, Error> {
    let text = root.text(&format!("{directory}/modules.order"))?.unwrap_or_default();
    Ok(text.lines().enumerate().map(|(number, path)| (name_of(path), number)).collect())
}

/// Returns the name of the module in a file.
fn name_of(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    normal_name(file.split(".ko").next().unwrap_or(file))
}

/// Reads all modules; in the order of the kernel, and behind it those that it does not know, by name.
fn read_all(set: &ModuleSet<'_>, blobs: &dyn Blobs, order: &BTreeMap<String, usize>) -> Result<Vec<Facts>, Error> {
    let mut modules: Vec<&Module> = set.modules().collect();
    modules.sort_by_key(|module| order.get(&module.name).copied().unwrap_or(usize::MAX));
    modules.par_iter().map(|module| read(module, blobs)).collect()
}

fn read(module: &Module, blobs: &dyn Blobs) -> Result<Facts, Error> {
    let bytes = module.read(blobs).map_err(|error| Error::new(&module.path, error))?;
    let section = |name: &str| {
        let section = elf::section(Cursor::new(&bytes), name).map_err(|error| Error::new(&module.path, error))?;
        Ok(section.unwrap_or_default())
    };
    let names = section(".strtab")?;
    let mut facts = Facts {
        name: module.name.clone(),
        path: below_kernel(&module.path.to_string()),
        symbols: symbols(&names, &section("__ksymtab_strings")?),
        undefined: undefined(&section(".symtab")?, &names, bytes[4] == IS_64_BIT),
        ..Facts::default()
    };
    for (key, value) in pairs(&section(".modinfo")?) {
        match key.as_str() {
            "depends" => facts.depends.extend(value.split(',').filter(|name| !name.is_empty()).map(normal_name)),
            "alias" => facts.aliases.push(value),
            "softdep" => facts.soft_dependencies.push(value),
            "weakdep" => facts.weak_dependencies.push(value),
            _ => {}
        }
    }
    Ok(facts)
}

/// Returns the path from the directory of the kernel on: what is behind `/lib/modules/VERSION/`.
fn below_kernel(path: &str) -> String {
    let behind = path.split_once("/lib/modules/").map_or(path, |(_, behind)| behind);
    behind.split_once('/').map_or(behind, |(_, below)| below).to_owned()
}

/// Returns the pairs `KEY=VALUE`, each ended by a NUL.
fn pairs(section: &[u8]) -> Vec<(String, String)> {
    let texts = section.split(|&byte| byte == 0).map(String::from_utf8_lossy);
    texts.filter_map(|text| text.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()))).collect()
}

/// Returns the symbols that a module exports: those with a checksum, or where a kernel has none, all of its table.
fn symbols(names: &[u8], exported: &[u8]) -> Vec<String> {
    let texts = |section: &[u8]| -> Vec<String> {
        section.split(|&byte| byte == 0).map(|text| String::from_utf8_lossy(text).into_owned()).collect()
    };
    let with_checksum = texts(names).into_iter().filter_map(|name| name.strip_prefix("__crc_").map(str::to_owned));
    let mut symbols: Vec<String> = with_checksum.collect();
    if symbols.is_empty() {
        symbols = texts(exported);
    }
    symbols.retain(|symbol| !symbol.is_empty());
    symbols.sort_unstable();
    symbols.dedup();
    symbols
}

/// Returns the names of the symbols that a table has without a section (`Elf32_Sym`, `Elf64_Sym`), in its order.
fn undefined(table: &[u8], names: &[u8], is_64_bit: bool) -> Vec<String> {
    let (entry_len, section_at) = if is_64_bit { (24, 6) } else { (16, 14) };
    let name = |entry: &[u8]| {
        let start = u32::from_le_bytes(*entry.first_chunk()?) as usize;
        let name = names.get(start..)?.split(|&byte| byte == 0).next().filter(|name| !name.is_empty())?;
        (entry[section_at..section_at + 2] == [0, 0]).then(|| String::from_utf8_lossy(name).into_owned())
    };
    table.chunks_exact(entry_len).filter_map(name).collect()
}

/// Returns the names of what is part of the kernel. Two files of one name, as `arm-cci` of arm64, count twice.
fn builtin_names(text: &str) -> Vec<String> {
    text.lines().filter(|line| !line.is_empty()).map(name_of).collect()
}

/// Returns aliases and names of what is part of the kernel: `NAME.alias=PATTERN`, each ended by a NUL.
fn builtin_aliases(pairs_of_kernel: &[u8]) -> Vec<(String, String)> {
    let of = |(key, value): (String, String)| {
        let (name, field) = key.split_once('.')?;
        (field == "alias").then(|| (value, normal_name(name)))
    };
    pairs(pairs_of_kernel).into_iter().filter_map(of).collect()
}

/// Returns the indexes by what follows `modules.` in their names.
fn files(facts: &[Facts], builtin: &[String], builtin_aliases: &[(String, String)]) -> Vec<(&'static str, Vec<u8>)> {
    let dependencies = Dependencies::new(facts);
    let lines: Vec<String> = (0..facts.len()).map(|number| dependencies.line(number)).collect();
    let (mut dep, mut alias, mut symbol) = (Index::new(), Index::new(), Index::new());
    let (mut builtin_index, mut builtin_alias) = (Index::new(), Index::new());
    for (number, module) in facts.iter().enumerate() {
        dep.insert(&module.name, &lines[number], number);
        for pattern in &module.aliases {
            alias.insert(&normal_name(pattern), &module.name, number);
        }
        for name in &module.symbols {
            symbol.insert(&format!("symbol:{name}"), &module.name, number);
        }
    }
    builtin.iter().for_each(|name| builtin_index.insert(name, "", 0));
    builtin_aliases.iter().for_each(|(pattern, name)| builtin_alias.insert(&normal_name(pattern), name, 0));
    let weak = weakdep_text(facts).map(|text| ("weakdep", text.into()));
    let files = vec![
        ("dep", lines.iter().map(|line| format!("{line}\n")).collect::<String>().into()),
        ("dep.bin", dep.to_bytes()),
        ("alias", alias_text(facts).into()),
        ("alias.bin", alias.to_bytes()),
        ("symbols", symbols_text(facts).into()),
        ("symbols.bin", symbol.to_bytes()),
        ("softdep", softdep_text(facts).into()),
        ("devname", devname_text(facts).into()),
        ("builtin.bin", builtin_index.to_bytes()),
        ("builtin.alias.bin", builtin_alias.to_bytes()),
    ];
    files.into_iter().chain(weak).collect()
}

fn alias_text(facts: &[Facts]) -> String {
    let lines = facts
        .iter()
        .flat_map(|module| module.aliases.iter().map(|pattern| format!("alias {pattern} {}\n", module.name)));
    format!("# Aliases of the modules themselves.\n{}", lines.collect::<String>())
}

fn symbols_text(facts: &[Facts]) -> String {
    let lines = facts
        .iter()
        .flat_map(|module| module.symbols.iter().map(|name| format!("alias symbol:{name} {}\n", module.name)));
    format!("# Which module has a symbol.\n{}", lines.collect::<String>())
}

fn softdep_text(facts: &[Facts]) -> String {
    let lines = facts
        .iter()
        .flat_map(|module| module.soft_dependencies.iter().map(|wishes| format!("softdep {} {wishes}\n", module.name)));
    format!("# What modules would like to have beside them.\n{}", lines.collect::<String>())
}

/// Returns the text where there is anything to say: older programs do not know the file.
fn weakdep_text(facts: &[Facts]) -> Option<String> {
    let lines = facts
        .iter()
        .flat_map(|module| module.weak_dependencies.iter().map(|names| format!("weakdep {} {names}\n", module.name)));
    let lines: String = lines.collect();
    (!lines.is_empty()).then(|| format!("# What modules may load by themselves.\n{lines}"))
}

/// A module has a node where one alias names it and another its numbers.
fn devname_text(facts: &[Facts]) -> String {
    let line = |module: &Facts| {
        let named = |prefix: &'static str| module.aliases.iter().filter_map(move |alias| alias.strip_prefix(prefix));
        let node = named("devname:").next()?;
        let numbers = |prefix: &'static str, kind: char| {
            let (major, minor) = named(prefix).next()?.split_once('-')?;
            let numbers: (u32, u32) = (major.parse().ok()?, minor.parse().ok()?);
            Some(format!("{} {node} {kind}{}:{}\n", module.name, numbers.0, numbers.1))
        };
        numbers("char-major-", 'c').or_else(|| numbers("block-major-", 'b'))
    };
    format!("# Device nodes that load a module.\n{}", facts.iter().filter_map(line).collect::<String>())
}

/// Which modules each needs, all the way down.
struct Dependencies<'f> {
    facts: &'f [Facts],
    /// The numbers of those that each needs itself.
    needs: Vec<Vec<usize>>,
    /// For each its place in an order in which every module comes before those that it needs.
    places: Vec<usize>,
}

impl<'f> Dependencies<'f> {
    fn new(facts: &'f [Facts]) -> Dependencies<'f> {
        let numbers: BTreeMap<&str, usize> =
            facts.iter().enumerate().map(|(number, module)| (module.name.as_str(), number)).collect();
        let owners: BTreeMap<&str, usize> = facts
            .iter()
            .enumerate()
            .flat_map(|(number, module)| module.symbols.iter().map(move |symbol| (symbol.as_str(), number)))
            .collect();
        let needs: Vec<Vec<usize>> = facts.iter().map(|module| needs(module, &numbers, &owners)).collect();
        let places = places(&needs);
        Dependencies { facts, needs, places }
    }

    /// Returns the line of a module: those that it needs are loaded from the last to the first.
    fn line(&self, number: usize) -> String {
        let (mut found, mut next) = (BTreeSet::new(), self.needs[number].clone());
        while let Some(needed) = next.pop() {
            if needed != number && found.insert(needed) {
                next.extend(&self.needs[needed]);
            }
        }
        let mut found: Vec<usize> = found.into_iter().collect();
        found.sort_by_key(|&needed| self.places[needed]);
        let paths = found.into_iter().map(|needed| format!(" {}", self.facts[needed].path));
        format!("{}:{}", self.facts[number].path, paths.collect::<String>())
    }
}

/// Returns what a module depends on, in the order in which its symbols need it, as depmod finds it. What is part of the kernel,
/// or not there at all, is not in the index.
fn needs(module: &Facts, numbers: &BTreeMap<&str, usize>, owners: &BTreeMap<&str, usize>) -> Vec<usize> {
    let mut needs: Vec<usize> = module.depends.iter().filter_map(|name| numbers.get(name.as_str()).copied()).collect();
    let users: Vec<usize> = module.undefined.iter().filter_map(|symbol| owners.get(symbol.as_str()).copied()).collect();
    needs.sort_by_cached_key(|needed| users.iter().position(|user| user == needed).unwrap_or(usize::MAX));
    needs
}

/// Returns for each module its place in an order from those that nobody needs to those that need nobody. Modules that need
/// one another in a ring come last.
fn places(needs: &[Vec<usize>]) -> Vec<usize> {
    let mut n_users = vec![0usize; needs.len()];
    needs.iter().flatten().for_each(|&needed| n_users[needed] += 1);
    let mut roots: Vec<usize> = (0..needs.len()).filter(|&number| n_users[number] == 0).collect();
    let mut places = vec![usize::MAX; needs.len()];
    let mut next = 0;
    while let Some(number) = roots.pop() {
        places[number] = next;
        next += 1;
        for &needed in &needs[number] {
            n_users[needed] -= 1;
            if n_users[needed] == 0 {
                roots.push(needed);
            }
        }
    }
    places
}

#[cfg(test)]
mod tests;
