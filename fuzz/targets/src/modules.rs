//! Kernel modules: what they say of themselves, and in which order they are loaded.

use std::collections::BTreeSet;
use std::io::Cursor;

use gravure_formats::debian::{Root, module_indexes};
use gravure_formats::modules::{Module, ModuleSet, normal_name};
use gravure_formats::{Entry, Extents, MemoryBlobs, Tree, TreePath, elf as elf_format};
use gravure_tests::debs;

use crate::boards::{files, words};

/// A kernel's directory of modules as files, each with the `.modinfo` of a module. Promised is:
///
/// - What must be loaded comes once, all of it, each module behind those that it depends on.
/// - A list of aliases leads to the same modules as the modules themselves; any other text leads to none that is not there.
/// - A module is found by its alias, if nothing in that has a meaning of its own.
/// - The indexes have a line for each module.
pub(crate) fn modules(input: &[u8]) {
    let kernel = Kernel::read(input);
    let files = files(input);
    let set = kernel.set();
    let all: Vec<String> = set.modules().map(|module| module.name.clone()).collect();
    for wanted in [&all, &words(&files, "wanted")] {
        match set.closure(wanted) {
            Ok(order) => kernel.hold_order(&set, &order, wanted),
            Err(error) => assert!(!error.to_string().is_empty(), "an error says nothing"),
        }
    }
    hold_any_list(&kernel, &files, &all);
    if let Ok(list) = set.alias_list() {
        kernel.hold_aliases(&set, &list, &words(&files, "names"));
    }
    let mut root = Root::new(kernel.tree.clone(), &kernel.blobs, 0);
    // Where there are no modules, nothing is written, and a file of the input stays what it is.
    if module_indexes(&mut root).is_ok() && !all.is_empty() {
        let text = root.text(&format!("/{DIRECTORY}/modules.dep")).expect("what was written can be read");
        let begins = |module: &Module| text.iter().any(|text| text.contains(&*path_in(module)));
        assert!(set.modules().all(begins), "a module has no line in {text:?}");
    }
}

/// Checks what a text does that is no list of this kernel.
fn hold_any_list(kernel: &Kernel, files: &[(String, Vec<u8>)], all: &[String]) {
    let text = files.iter().find(|(name, _)| name == "aliases").map(|(_, text)| String::from_utf8_lossy(text));
    let set = kernel.set().with_aliases(&text.unwrap_or_default());
    for name in words(files, "names") {
        let found = set.matching(&name).expect("no module is read");
        assert!(found.iter().all(|name| all.contains(name)), "there is none of {found:?}");
    }
    if let Ok(order) = set.closure(all) {
        kernel.hold_order(&set, &order, all);
    }
}

/// Returns the path of a module below its kernel, and the colon behind it.
fn path_in(module: &Module) -> String {
    let path = module.path.to_string();
    format!("{}:", path.strip_prefix(&format!("/{DIRECTORY}/")).expect("modules are below the directory"))
}

/// The modules that a board of `device_tree` may need.
pub(crate) const BOARD_KERNEL: &str = "== kernel/vendor-mmc.ko\nalias=of:N*T*Cvendor,mmc\0alias=of:N*T*Cvendor,mmcC*\0\n\
     == kernel/clock.ko\nalias=of:N*T*Cvendor,clock*\0depends=regmap\0\n== kernel/regmap.ko\n\n\
     == kernel/axp20x-regulator.ko\nalias=platform:axp20x-regulator\0\n== kernel/axp20x.ko\nalias=of:N*T*Cx-powers,axp*\0\n\
     == kernel/mmc_block.ko\nalias=mmc:block\0\n== kernel/odd.ko\nalias=of:N[a-f]*T(null)C?*\0\n\
     == modules.builtin\nkernel/armmmci.ko\n\n== modules.builtin.modinfo\nx.alias=of:N*T*Cvendor,builtin\0";

const VERSION: &str = "6.1.0-fuzz";
const DIRECTORY: &str = "lib/modules/6.1.0-fuzz";

/// A kernel's modules.
pub(crate) struct Kernel {
    tree: Tree,
    blobs: MemoryBlobs,
}

impl Kernel {
    pub(crate) fn read(input: &[u8]) -> Kernel {
        let mut kernel = Kernel { tree: Tree::default(), blobs: MemoryBlobs::new() };
        kernel.add("modules.order", Vec::new());
        for (name, content) in files(input) {
            let content = if name.ends_with(".ko") { debs::module(&content) } else { content };
            kernel.add(&name, content);
        }
        kernel
    }

    /// Adds a file, where there can be one.
    fn add(&mut self, name: &str, content: Vec<u8>) {
        let Ok(path) = TreePath::parse(format!("{DIRECTORY}/{name}")) else { return };
        let len = content.len() as u64;
        let is_directory = self.tree.get(&path).is_some_and(Entry::is_directory);
        if !is_directory {
            let entry = Entry::file(0o644, Extents::from_blob(self.blobs.add(content), len));
            // A file on the path of another is no concern of modules.
            let _ = self.tree.insert(&path, entry);
        }
    }

    pub(crate) fn set(&self) -> ModuleSet<'_> {
        ModuleSet::new(&self.tree, &self.blobs, VERSION).expect("the directory is there, and its lists can be read")
    }

    /// Returns the values of a key in the `.modinfo` of a module.
    fn values(&self, module: &Module, key: &str) -> Vec<String> {
        let bytes = module.read(&self.blobs).unwrap_or_default();
        let section = elf_format::section(Cursor::new(bytes), ".modinfo").ok().flatten().unwrap_or_default();
        let pairs = section.split(|&byte| byte == 0).map(String::from_utf8_lossy);
        pairs.filter_map(|pair| Some(pair.strip_prefix(key)?.strip_prefix('=')?.to_owned())).collect()
    }

    fn hold_order(&self, set: &ModuleSet<'_>, order: &[Module], wanted: &[String]) {
        let mut loaded: BTreeSet<&str> = BTreeSet::new();
        let names: Vec<&str> = order.iter().map(|module| &*module.name).collect();
        for module in order {
            for needed in self.values(module, "depends").join(",").split(',').filter(|name| !name.is_empty()) {
                let needed = normal_name(needed);
                let is_there = loaded.contains(&*needed) || set.is_builtin(&needed);
                assert!(is_there, "`{}` is loaded before `{needed}`: {names:?}", module.name);
            }
            assert!(loaded.insert(&module.name), "`{}` is loaded twice: {names:?}", module.name);
        }
        for name in wanted.iter().map(|name| normal_name(name)) {
            assert!(loaded.contains(&*name) || set.is_builtin(&name), "`{name}` is missing: {names:?}");
        }
    }

    fn hold_aliases(&self, set: &ModuleSet<'_>, list: &str, names: &[String]) {
        let listed = self.set().with_aliases(list);
        assert_eq!(listed.alias_list().as_deref().ok(), Some(list), "a list is read as another");
        let found = |set: &ModuleSet<'_>, alias: &str| set.matching(alias).expect("all modules have been read");
        for name in names {
            assert_eq!(found(&listed, name), found(set, name), "the list {list:?} leads elsewhere for {name:?}");
        }
        // What cannot stand in a line of the list is left out.
        let is_plain = |alias: &str, name: &str| {
            !alias.contains(['*', '?', '[', ']', '\n', '\r']) && !name.contains(char::is_whitespace)
        };
        for module in set.modules() {
            for alias in self.values(module, "alias") {
                let modules = found(set, &alias);
                assert_eq!(found(&listed, &alias), modules, "the list {list:?} leads elsewhere for {alias:?}");
                let leads = modules.contains(&module.name) || !is_plain(&alias, &module.name);
                assert!(leads, "{alias:?} does not lead to `{}`", module.name);
                assert!(modules.is_sorted() && modules.iter().all(|name| set.modules().any(|m| m.name == *name)));
            }
        }
    }
}
