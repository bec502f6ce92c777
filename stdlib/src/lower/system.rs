//! Operating systems: records become packages, an initrd, and the declared files of a root.

use gravure_eval::graph::NodeId;
use gravure_eval::{Value, View};
use gravure_formats::{Extents, Guid, Tree};
use gravure_lang::Place;
use gravure_sources::{ErrorKind, import_directory, import_file};

use super::loader::{DEVICE_TREES, DeviceTree, Loader};
use super::packages::{Purpose, Resolved, not_imported};
use super::{LowerError, Lowering, busybox, checked, mistake};
use crate::kinds::tree::{self, Declared, What};
use crate::kinds::{self, initrd, local, module_aliases, unpacked};

/// What a file system will contain: parameters of a tree, and its inputs.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) parameters: tree::Parameters,
    pub(super) inputs: Vec<NodeId>,
}

impl Contents {
    /// Adds an input and returns its number.
    pub(super) fn input(&mut self, node: NodeId) -> usize {
        self.inputs.push(node);
        self.inputs.len() - 1
    }

    /// Puts the entries of `other` over these.
    pub(super) fn append(&mut self, other: &Contents) {
        let first = self.inputs.len();
        self.inputs.extend(&other.inputs);
        let entries = other.parameters.entries.iter().map(|declared| declared.with_inputs_from(first));
        self.parameters.entries.extend(entries);
    }
}

/// An operating system, lowered as far as it does not depend on identifiers.
pub(super) struct System {
    userland: Userland,
    initrd: NodeId,
    /// Where the kernel is in its package.
    kernel_image: String,
    /// What the configuration puts over everything else.
    files: Contents,
    pub(super) loader: Loader,
    /// Where the operating system was made, and its loader chosen.
    pub(super) places: [Place; 2],
    /// The UUID by which the root is named, if it is, and where.
    pub(super) root_uuid: Option<(String, Place)>,
    /// The words of the kernel's command line, the root excluded.
    arguments: Vec<String>,
    /// How the kernel's command line names the root; none: by UUID.
    root_device: Option<String>,
    file_systems: Vec<Mount>,
    label: String,
}

/// What runs behind process 1.
enum Userland {
    /// Packages, and what busybox is configured by.
    Busybox(Vec<Resolved>, Vec<Declared>),
    /// A configured system as a tree.
    Debian(NodeId),
}

/// A line of `/etc/fstab`.
struct Mount {
    device: String,
    directory: String,
    kind: String,
    options: String,
    is_checked: bool,
}

impl Lowering<'_, '_> {
    /// Lowers an operating system for an image.
    pub(super) fn system(&mut self, system: View<'_, '_>, image: View<'_, '_>) -> Result<System, LowerError> {
        let bootloader = system.record("bootloader")?;
        let loader = bootloader.record("loader")?;
        let is_busybox = system.string("init")? == "busybox";
        let mut requests = self.requests(system)?;
        self.request_field(&mut requests, system.record("kernel")?, "package", Purpose::Files)?;
        self.request_field(&mut requests, system.record("initrd")?, "busybox", Purpose::Files)?;
        let n_loader_packages = self.request_loader(&mut requests, loader)?;
        let purpose = if is_busybox { Purpose::Files } else { Purpose::Install };
        for (source, origin) in installed(system)? {
            self.request(&mut requests, source, origin, purpose)?;
        }
        let found = self.resolve(requests, system)?;
        let [kernel, program, others @ ..] = &found.singles[..] else { unreachable!("what was asked for was found") };
        let (loader_packages, others) = others.split_at(n_loader_packages);
        let file_systems = mounts(system)?;
        let root = root_mount(system)?;
        let root_type = root.string("type")?;
        let is_volatile = image.bool("volatile-root?")?;
        let loader = self.loader(system, loader_packages, kernel)?;
        let initrd = self.initrd(system, &loader, kernel, program, root_type, is_volatile)?;
        let mut arguments: Vec<String> = system.strings("kernel-arguments")?.into_iter().map(str::to_owned).collect();
        arguments.insert(0, format!("rootfstype={root_type}"));
        if is_volatile {
            arguments.push("volatile".to_owned());
        }
        let mut files = Contents::default();
        for file in system.records("files")? {
            self.declared_file(file, &mut files)?;
        }
        let userland = if is_busybox {
            let mut packages = vec![kernel.clone()];
            packages.extend_from_slice(others);
            dedup(&mut packages);
            Userland::Busybox(packages, busybox::userland(system, self.source_date())?)
        } else {
            Userland::Debian(self.debian(system, &found.closure, kernel, &files)?)
        };
        Ok(System {
            userland,
            initrd,
            kernel_image: system.record("kernel")?.string("image")?.to_owned(),
            files,
            loader,
            places: [system.record.place(), system.place("bootloader")],
            root_uuid: root_uuid(root)?,
            arguments,
            root_device: root_device(root)?,
            file_systems,
            label: system.string("label")?.to_owned(),
        })
    }

    fn initrd(
        &mut self,
        system: View<'_, '_>,
        loader: &Loader,
        kernel: &Resolved,
        program: &Resolved,
        root_type: &str,
        is_volatile: bool,
    ) -> Result<NodeId, LowerError> {
        let of_loader = system.record("bootloader")?.record("loader")?.strings("initrd-modules")?;
        let wanted = [system.strings("initrd-modules")?, of_loader];
        let mut modules: Vec<String> = wanted.into_iter().flatten().map(str::to_owned).collect();
        // The driver of ext4 mounts its predecessors as well.
        modules.push(if matches!(root_type, "ext2" | "ext3") { "ext4" } else { root_type }.to_owned());
        if is_volatile {
            modules.push("overlay".to_owned());
        }
        let device_tree = match &loader.device_tree {
            DeviceTree::Firmware => None,
            DeviceTree::Kernel { directory, name, .. } => Some(format!("{directory}/{name}")),
        };
        let mut inputs = vec![kernel.tree, program.tree];
        if device_tree.is_some() {
            let label = format!("names of the modules of {}", kernel.name);
            inputs.push(self.graph.add(kinds::recipe(module_aliases::NAME, &(), vec![kernel.tree], label)));
        }
        let parameters = initrd::Parameters { modules, device_tree };
        let recipe = kinds::recipe(initrd::NAME, &parameters, inputs, format!("initrd of {}", kernel.name));
        let places = [system.place("initrd-modules"), system.place("initrd"), system.place("kernel")];
        let place = self.nearest(&places);
        Ok(self.add(recipe, place))
    }

    /// Returns what the root contains, identifiers included.
    pub(super) fn root(&self, system: &System, root_uuid: Guid) -> Contents {
        let mut contents = Contents::default();
        match &system.userland {
            Userland::Busybox(packages, userland) => {
                contents.parameters.foundation = busybox::foundation();
                for package in packages {
                    contents.parameters.packages.push(package.name.clone());
                    contents.inputs.push(package.tree);
                }
                contents.parameters.entries.extend(userland.iter().cloned());
            }
            Userland::Debian(tree) => {
                contents.parameters.packages.push("the configured system".to_owned());
                contents.inputs.push(*tree);
            }
        }
        let initrd = contents.input(system.initrd);
        let mounted = system.file_systems.iter().map(|mount| mount.directory.as_str());
        let entries = &mut contents.parameters.entries;
        entries.extend(mounted.map(|directory| Declared::directory(directory, 0o755)));
        entries.extend([
            Declared::text("/etc/fstab", 0o644, fstab(&system.file_systems)),
            Declared::new("/boot/initrd.img", 0o644, What::Input(initrd)),
            Declared::new("/boot/vmlinuz", 0o777, What::SymlinkToMatch(system.kernel_image.clone())),
        ]);
        entries.push(system.loader.configuration(&system.label, &kernel_arguments(system, root_uuid)));
        if let DeviceTree::Kernel { directory, .. } = &system.loader.device_tree {
            entries.push(Declared::new(DEVICE_TREES, 0o777, What::SymlinkToMatch(directory.clone())));
        }
        contents.append(&system.files);
        contents
    }

    /// Adds a declared file, or a directory of the project with all that it holds.
    pub(super) fn declared_file(&mut self, file: View<'_, '_>, contents: &mut Contents) -> Result<(), LowerError> {
        checked(file)?;
        let path = file.string("path")?;
        let mode = file
            .optional_string("mode")?
            .map(|digits| u16::from_str_radix(digits, 8).expect("a check holds the mode to octal digits"));
        match file.value("content")? {
            Value::String(text) => contents.parameters.entries.push(Declared::text(path, mode.unwrap_or(0o644), text)),
            Value::Path(from) => self.local_entry(file, mode, from, contents)?,
            _ if file.record("content")?.type_name() == "Unpacked" => self.unpacked_entry(file, contents)?,
            _ => {
                let (_, node) = self.fetched(file.record("content")?)?;
                let input = contents.input(node);
                contents.parameters.entries.push(Declared::new(path, mode.unwrap_or(0o644), What::Input(input)));
            }
        }
        Ok(())
    }

    /// Adds what an archive of files has.
    fn unpacked_entry(&mut self, file: View<'_, '_>, contents: &mut Contents) -> Result<(), LowerError> {
        if file.optional_string("mode")?.is_some() {
            let message = "what comes from an archive has the modes that the archive says";
            return Err(mistake("E0418", file, "mode", message, "this mode is for one file"));
        }
        let unpacked = file.record("content")?;
        checked(unpacked)?;
        // What `os.unpack` makes of a path is written in the library; the user wrote the content.
        let place = self.nearest(&[unpacked.place("archive"), file.place("content")]);
        let (name, archive) = match unpacked.value("archive")? {
            Value::Path(path) => {
                let (node, _) = self.local_file(path, place)?;
                (path.to_owned(), node)
            }
            _ => self.fetched(unpacked.record("archive")?)?,
        };
        let recipe = kinds::recipe(unpacked::NAME, &(), vec![archive], format!("unpack {name}"));
        let input = contents.input(self.add(recipe, place));
        let part = What::InputPart(input, unpacked.string("path")?.to_owned());
        contents.parameters.entries.push(Declared::new(file.string("path")?, 0o755, part));
        Ok(())
    }

    /// Adds a file of the project, or a directory with all that it holds.
    fn local_entry(
        &mut self,
        file: View<'_, '_>,
        mode: Option<u16>,
        from: &str,
        contents: &mut Contents,
    ) -> Result<(), LowerError> {
        let path = file.string("path")?;
        let host = self.inputs.root.join(from);
        let refused = |error| not_imported(error, from, file.place("content"));
        let imported = match import_file(self.inputs.store, &host) {
            Err(error) if error.kind == ErrorKind::Refused => None,
            other => Some(other.map_err(refused)?),
        };
        let Some(imported) = imported else {
            if mode.is_some() {
                let message = format!("`{from}` is a directory, whose files have modes of their own");
                return Err(mistake("E0418", file, "mode", message, "this mode is for one file"));
            }
            let tree = import_directory(self.inputs.store, &host, self.source_date()).map_err(refused)?;
            let input = contents.input(self.local_directory(&tree, from)?);
            contents.parameters.entries.push(Declared::new(path, 0o755, What::InputPart(input, "/".to_owned())));
            return Ok(());
        };
        let mode = mode.unwrap_or(if imported.executable { 0o755 } else { 0o644 });
        let content = What::Content(Extents::from_blob(imported.digest, imported.len));
        contents.parameters.entries.push(Declared::new(path, mode, content));
        Ok(())
    }

    /// Adds a directory of the project, whose contents have entered the store.
    fn local_directory(&mut self, tree: &Tree, from: &str) -> Result<NodeId, LowerError> {
        let sha256 = self.inputs.store.put(&tree.to_bytes())?;
        let parameters = local::Parameters { sha256, is_tree: true };
        Ok(self.graph.add(kinds::recipe(local::NAME, &parameters, Vec::new(), format!("directory {from}"))))
    }
}

/// Keeps the first of packages that are named more than once.
fn dedup(packages: &mut Vec<Resolved>) {
    let mut seen = std::collections::BTreeSet::new();
    packages.retain(|package| seen.insert(package.tree));
}

/// A package as it is named, where that is, and the record and its field that do it.
type Named<'e, 'h> = ((Value<'h>, Place), (View<'e, 'h>, &'static str));

/// Returns the packages to be installed, those of services included.
fn installed<'e, 'h>(system: View<'e, 'h>) -> Result<Vec<Named<'e, 'h>>, LowerError> {
    let mut named = Vec::new();
    for field in ["base-packages", "packages"] {
        named.extend(system.list(field)?.into_iter().map(|source| (source, (system, field))));
    }
    for service in system.records("services")? {
        named.extend(service.list("packages")?.into_iter().map(|source| (source, (service, "packages"))));
    }
    Ok(named)
}

/// Returns the file system that is mounted on `/`.
fn root_mount<'e, 'h>(system: View<'e, 'h>) -> Result<View<'e, 'h>, LowerError> {
    for file_system in system.records("file-systems")? {
        if file_system.string("mount-point")? == "/" {
            return Ok(file_system);
        }
    }
    Err(mistake("E0410", system, "file-systems", "no file system is mounted on `/`", "none of these"))
}

/// Returns how the command line names the root; none: by a UUID, which is derived or given.
fn root_device(root: View<'_, '_>) -> Result<Option<String>, LowerError> {
    match root.value("device")? {
        Value::String(device) => Ok(Some(device.to_owned())),
        _ => {
            let device = root.record("device")?;
            match device.type_name() {
                "Uuid" => Ok(None),
                _ => Ok(Some(format!("LABEL={}", device.string("label")?))),
            }
        }
    }
}

/// Returns the UUID by which the root is named and where that is said, if it is named so.
fn root_uuid(root: View<'_, '_>) -> Result<Option<(String, Place)>, LowerError> {
    match root.value("device")? {
        Value::Record(record) if root.evaluator.view(record).type_name() == "Uuid" => {
            let text = root.evaluator.view(record).string("value")?.to_owned();
            Ok(Some((text, root.place("device"))))
        }
        _ => Ok(None),
    }
}

/// Returns the lines of `/etc/fstab` in the order of the directories.
fn mounts(system: View<'_, '_>) -> Result<Vec<Mount>, LowerError> {
    let mut mounts = Vec::new();
    for file_system in system.records("file-systems")? {
        let device = match file_system.value("device")? {
            Value::String(device) => device.to_owned(),
            _ => {
                let device = file_system.record("device")?;
                match device.type_name() {
                    "Uuid" => format!("UUID={}", device.string("value")?),
                    _ => format!("LABEL={}", device.string("label")?),
                }
            }
        };
        mounts.push(Mount {
            device,
            directory: file_system.string("mount-point")?.to_owned(),
            kind: file_system.string("type")?.to_owned(),
            options: mount_options(file_system)?,
            is_checked: file_system.bool("check?")?,
        });
    }
    mounts.sort_by(|a, b| a.directory.cmp(&b.directory));
    Ok(mounts)
}

/// Options of `mount -o` by the flags of the language.
const MOUNT_FLAGS: &[(&str, &str)] = &[
    ("read-only", "ro"),
    ("no-suid", "nosuid"),
    ("no-dev", "nodev"),
    ("no-exec", "noexec"),
    ("no-atime", "noatime"),
    ("no-diratime", "nodiratime"),
    ("strict-atime", "strictatime"),
    ("lazy-time", "lazytime"),
];

fn mount_options(file_system: View<'_, '_>) -> Result<String, LowerError> {
    let mut options: Vec<&str> = Vec::new();
    for flag in file_system.strings("flags")? {
        let known = MOUNT_FLAGS.iter().find(|(name, _)| *name == flag);
        options.push(known.expect("the declaration allows the flags of the table").1);
    }
    options.extend(file_system.optional_string("options")?);
    if !file_system.bool("mount?")? {
        options.push("noauto");
    }
    if file_system.bool("mount-may-fail?")? {
        options.push("nofail");
    }
    Ok(if options.is_empty() { "defaults".to_owned() } else { options.join(",") })
}

fn fstab(mounts: &[Mount]) -> String {
    let mut text = String::new();
    for mount in mounts {
        let pass = match (mount.is_checked, mount.directory.as_str()) {
            (false, _) => 0,
            (true, "/") => 1,
            (true, _) => 2,
        };
        let [device, directory, options] = [&mount.device, &mount.directory, &mount.options].map(|word| escaped(word));
        text.push_str(&format!("{device} {directory} {} {options} 0 {pass}\n", mount.kind));
    }
    text
}

/// Returns a word of `/etc/fstab`, whose blanks and backslashes are written as octal numbers (getmntent(3)); `#` would
/// begin a comment at the start of a line.
fn escaped(word: &str) -> String {
    let mut text = String::new();
    for letter in word.chars() {
        match letter {
            ' ' | '\t' | '\n' | '\r' | '\\' | '#' => text.push_str(&format!("\\{:03o}", u32::from(letter))),
            _ => text.push(letter),
        }
    }
    text
}

/// Returns the words of the kernel's command line.
fn kernel_arguments(system: &System, root_uuid: Guid) -> Vec<String> {
    let root = system.root_device.clone().unwrap_or_else(|| format!("UUID={root_uuid}"));
    let mut words = vec![format!("root={root}")];
    words.extend(system.arguments.iter().cloned());
    words
}
