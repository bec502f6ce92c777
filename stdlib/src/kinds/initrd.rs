//! `initrd`: a kernel's modules and busybox become the compressed archive that the kernel unpacks into memory.
//!
//! The inputs are the kernel's package and busybox's, as trees, and for a board the list of `module-aliases`. Modules are stored
//! uncompressed, in the order in which they are loaded: the archive is compressed as a whole, and busybox's `insmod` reads no
//! compressed ones.

use gravure_eval::graph::{Failure, Task};
use gravure_formats::device_tree::{DeviceTree, storage_modules};
use gravure_formats::lookup::find_file;
use gravure_formats::modules::ModuleSet;
use gravure_formats::{Entry, Extents, Kind, Tree, TreePath, compression, cpio};
use serde::{Deserialize, Serialize};

use super::module_aliases::modules_of;
use crate::builder::{Artefact, Builder};

pub(crate) const NAME: &str = "initrd";

/// What runs as process 1.
const INIT: &str = include_str!("init.sh");

/// The compression of the archive: gzip's middle, since more gains little and costs much.
const LEVEL: u32 = 6;

#[derive(Serialize, Deserialize)]
pub(crate) struct Parameters {
    /// The modules to load, in order, without those that they depend on.
    pub(crate) modules: Vec<String>,
    /// The device tree of the board in the kernel's package, whose disks are found as well; `*` stands for any characters but
    /// `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) device_tree: Option<String>,
}

pub(crate) fn realise(builder: &Builder<'_>, task: &Task) -> Result<Artefact, Failure> {
    let Parameters { modules, device_tree } = super::parameters(task)?;
    let (kernel, busybox) = (builder.tree(&task.inputs[0])?, builder.tree(&task.inputs[1])?);
    let mut tree = skeleton()?;
    let program = find_busybox(&busybox)?;
    put(&mut tree, "bin/busybox", Entry::file(0o755, program))?;
    let device_tree = match &device_tree {
        Some(path) => {
            Some((path.as_str(), String::from_utf8(builder.extents(&task.inputs[2])?.to_vec(builder.store)?)?))
        }
        None => None,
    };
    put_modules(builder, &kernel, modules, device_tree, &mut tree)?;
    let archive = cpio::layout(&tree)?;
    let mut object = builder.store.writer()?;
    std::io::Write::write_all(&mut object, &compression::gzip(archive.reader(builder.store), LEVEL)?)?;
    let (digest, len) = object.finish()?;
    Ok(Artefact::Blob(digest, len))
}

/// Returns the tree without busybox and modules.
fn skeleton() -> Result<Tree, Failure> {
    let mut tree = Tree::default();
    for directory in ["bin", "dev", "lower", "modules", "proc", "root", "sys", "upper"] {
        put(&mut tree, directory, Entry::directory(0o755))?;
    }
    // The kernel opens it for process 1 before devtmpfs is mounted.
    let console =
        Entry { kind: Kind::CharacterDevice { major: 5, minor: 1 }, ..Entry::file(0o600, Extents::default()) };
    put(&mut tree, "dev/console", console)?;
    put(&mut tree, "init", Entry::file(0o755, Extents::from_bytes(INIT.as_bytes())))?;
    Ok(tree)
}

fn put(tree: &mut Tree, path: &str, entry: Entry) -> Result<(), Failure> {
    let path = TreePath::parse(path)?;
    tree.insert(&path, entry).map_err(|blocking| format!("`{blocking}` is no directory"))?;
    Ok(())
}

/// Returns the program of a busybox package: in `/usr/bin`, or in `/bin` before Debian 13.
fn find_busybox(tree: &Tree) -> Result<Extents, Failure> {
    Ok(find_file(tree, "usr/bin/busybox").or_else(|_| find_file(tree, "bin/busybox"))?.clone())
}

/// Puts the modules and all that they depend on into `/modules`, with the order of loading.
fn put_modules(
    builder: &Builder<'_>,
    kernel: &Tree,
    mut wanted: Vec<String>,
    device_tree: Option<(&str, String)>,
    tree: &mut Tree,
) -> Result<(), Failure> {
    let mut set = modules_of(builder, kernel)?;
    if let Some((path, aliases)) = device_tree {
        set = set.with_aliases(&aliases);
        let found = modules_of_board(builder, kernel, path, &set)?;
        wanted.splice(0..0, found);
    }
    let mut order = String::new();
    for module in set.closure(&wanted)? {
        let file = format!("{}.ko", module.name);
        let content = module.read(builder.store)?;
        put(tree, &format!("modules/{file}"), Entry::file(0o644, Extents::from_bytes(content)))?;
        order.push_str(&file);
        order.push('\n');
    }
    put(tree, "modules/order", Entry::file(0o644, Extents::from_bytes(order)))
}

/// Returns the modules by which a kernel finds the disks of the board with this device tree.
fn modules_of_board(
    builder: &Builder<'_>,
    kernel: &Tree,
    path: &str,
    set: &ModuleSet<'_>,
) -> Result<Vec<String>, Failure> {
    let bytes = find_file(kernel, path)?.to_vec(builder.store)?;
    let name = path.rsplit('/').next().unwrap_or(path);
    let tree = DeviceTree::parse(&bytes).map_err(|error| format!("the device tree `{name}`: {error}"))?;
    let board = storage_modules(&tree, set)?;
    if board.driven.is_empty() {
        let hosts: Vec<String> = board.undriven.iter().map(|host| format!("`{}`", host.path)).collect();
        let why = match hosts.is_empty() {
            true => "it has none that is in use".to_owned(),
            false => format!("there is no driver for {}", hosts.join(", ")),
        };
        return Err(format!("this kernel finds no disk of the board with the device tree `{name}`: {why}").into());
    }
    Ok(board.modules)
}
