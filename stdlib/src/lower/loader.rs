//! Boot loaders: which files they have, where these go, and what tells them what to start.

use gravure_eval::graph::NodeId;
use gravure_eval::{Value, View};
use gravure_formats::Guid;
use gravure_formats::units::Size;
use gravure_lang::{Diagnostic, Place};

use super::packages::{Purpose, Requests, Resolved};
use super::system::Contents;
use super::{LowerError, Lowering, checked};
use crate::kinds::tree::{Declared, What};
use crate::kinds::{self, blob};

/// How a boot loader is told what to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    GrubEfi,
    GrubBios,
    UBoot,
}

impl Kind {
    /// Returns the kind of a record of a boot loader.
    pub(super) fn of(loader: View<'_, '_>) -> Result<Kind, LowerError> {
        Ok(match loader.string("kind")? {
            "grub-efi" => Kind::GrubEfi,
            "grub-bios" => Kind::GrubBios,
            "u-boot" => Kind::UBoot,
            other => unreachable!("the declaration of `kind` allows no `{other}`"),
        })
    }
}

/// A boot loader, lowered as far as it does not depend on identifiers.
pub(super) struct Loader {
    pub(super) kind: Kind,
    /// Its package as a tree, if it has one.
    pub(super) package: Option<NodeId>,
    /// What goes on the partition that the firmware reads.
    pub(super) files: Vec<LoaderFile>,
    /// What is written as it is.
    pub(super) blobs: Vec<Blob>,
    /// What the core image of GRUB for the BIOS has.
    pub(super) modules: Vec<String>,
    /// Which device tree the kernel is started with, for U-Boot.
    pub(super) device_tree: DeviceTree,
    /// Seconds that its menu waits.
    pub(super) timeout: i64,
}

/// Which device tree the kernel is started with.
pub(super) enum DeviceTree {
    /// The firmware's.
    Firmware,
    /// One of those of the kernel.
    Kernel {
        /// Where they are in its package.
        directory: String,
        /// That of the board, below this directory.
        name: String,
        /// Whether the kernel is started with that one whatever the loader asks for.
        is_given: bool,
    },
}

/// A file or directory for the partition that the firmware reads.
pub(super) struct LoaderFile {
    path: String,
    content: FileContent,
}

enum FileContent {
    /// What a package has at a path.
    Part(NodeId, String),
    Text(String),
}

/// Something to be written as it is.
pub(super) struct Blob {
    pub(super) name: String,
    /// Its bytes.
    pub(super) node: NodeId,
    /// Where it is on the disk; nowhere: in the partition of its name.
    pub(super) offsets: Vec<u64>,
}

impl Loader {
    /// Returns what the unformatted partition of this name has.
    pub(super) fn content_of(&self, partition: &str) -> Contents {
        let mut contents = Contents::default();
        let blobs = self.blobs.iter().filter(|blob| blob.offsets.is_empty() && blob.name == partition);
        contents.inputs.extend(blobs.map(|blob| blob.node));
        contents
    }

    /// Returns all that it is made of.
    pub(super) fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.package.into_iter().chain(self.blobs.iter().map(|blob| blob.node))
    }

    /// Returns the file by which it finds out what to start.
    pub(super) fn configuration(&self, label: &str, arguments: &[String]) -> Declared {
        let (path, text) = match self.kind {
            Kind::GrubEfi | Kind::GrubBios => (format!("{GRUB_PREFIX}/grub.cfg"), self.grub_config(label, arguments)),
            Kind::UBoot => ("/boot/extlinux/extlinux.conf".to_owned(), self.extlinux_config(label, arguments)),
        };
        Declared::text(path, 0o644, text)
    }

    /// The menu of GRUB, read from the root.
    fn grub_config(&self, label: &str, arguments: &[String]) -> String {
        // GRUB puts quotes around a word with blanks, as the kernel wants it, and spoils those that are inside.
        let words: Vec<String> = arguments.iter().map(|word| grub_quoted(&word.replace('"', ""))).collect();
        format!(
            "set timeout={}\nmenuentry {} {{\n  linux /boot/vmlinuz {}\n  initrd /boot/initrd.img\n}}\n",
            self.timeout,
            grub_quoted(label),
            words.join(" "),
        )
    }

    /// What U-Boot starts, as its command `sysboot` reads it (doc/README.pxe in its sources).
    fn extlinux_config(&self, label: &str, arguments: &[String]) -> String {
        let mut text = String::from("default linux\n");
        if self.timeout > 0 {
            // In tenths of a second.
            text.push_str(&format!("prompt 1\ntimeout {}\n", self.timeout.saturating_mul(10)));
        }
        text.push_str("label linux\n");
        text.push_str(&format!("  menu label {label}\n  linux /boot/vmlinuz\n  initrd /boot/initrd.img\n"));
        match &self.device_tree {
            DeviceTree::Firmware => {}
            DeviceTree::Kernel { is_given: false, .. } => text.push_str(&format!("  fdtdir {DEVICE_TREES}\n")),
            DeviceTree::Kernel { name, .. } => text.push_str(&format!("  fdt {DEVICE_TREES}/{name}\n")),
        }
        let words: Vec<String> = arguments.iter().map(|word| kernel_quoted(word)).collect();
        text.push_str(&format!("  append {}\n", words.join(" ")));
        text
    }
}

impl LoaderFile {
    /// Returns the file as an entry of a tree that has `input` number the package.
    pub(super) fn declared(&self, input: impl FnOnce(NodeId) -> usize) -> Declared {
        let what = match &self.content {
            FileContent::Part(package, source) => What::InputFile(input(*package), source.clone()),
            FileContent::Text(text) => What::Text(text.clone()),
        };
        Declared::new(&self.path, 0o755, what)
    }
}

/// The packages of a boot loader among all that were asked for, in order: its own, if any, and those of its files.
pub(super) struct LoaderPackages<'r>(std::slice::Iter<'r, Resolved>);

impl Lowering<'_, '_> {
    /// Asks for the packages of a boot loader, and returns how many they are.
    pub(super) fn request_loader(
        &mut self,
        requests: &mut Requests,
        loader: View<'_, '_>,
    ) -> Result<usize, LowerError> {
        let mut n_packages = 0;
        if !matches!(loader.value("package")?, Value::None) {
            self.request_field(requests, loader, "package", Purpose::Files)?;
            n_packages += 1;
        }
        for file in loader.records("files")? {
            if !matches!(file.value("package")?, Value::None | Value::Symbol(_)) {
                self.request_field(requests, file, "package", Purpose::Files)?;
                n_packages += 1;
            }
        }
        Ok(n_packages)
    }

    /// Lowers the boot loader of a system whose packages, and whose kernel, were found.
    pub(super) fn loader(
        &mut self,
        system: View<'_, '_>,
        packages: &[Resolved],
        kernel: &Resolved,
    ) -> Result<Loader, LowerError> {
        let configuration = system.record("bootloader")?;
        let loader = configuration.record("loader")?;
        let mut packages = LoaderPackages(packages.iter());
        let own = match loader.value("package")? {
            Value::None => None,
            _ => Some(packages.next()),
        };
        self.check_environment(loader, configuration.place("loader"))?;
        Ok(Loader {
            kind: Kind::of(loader)?,
            package: own,
            files: loader_files(loader, own, &mut packages, kernel)?,
            blobs: self.blobs(loader, own, configuration.place("loader"))?,
            modules: loader.strings("modules")?.into_iter().map(str::to_owned).collect(),
            device_tree: device_tree(system, loader)?,
            timeout: configuration.int("timeout")?,
        })
    }

    /// `configuration` is where the loader was chosen.
    fn blobs(
        &mut self,
        loader: View<'_, '_>,
        package: Option<NodeId>,
        configuration: Place,
    ) -> Result<Vec<Blob>, LowerError> {
        let device_tree = loader.optional_string("device-tree")?;
        let mut blobs = Vec::new();
        for record in loader.records("blobs")? {
            checked(record)?;
            let name = record.string("name")?.to_owned();
            let place = self.nearest(&[record.place("source"), record.place("name"), loader.brace()]);
            let (path, input) = match record.value("source")? {
                Value::String(path) => {
                    let package = package.ok_or_else(|| no_package(loader, record, &name))?;
                    (Some(path.to_owned()), package)
                }
                Value::Path(path) => {
                    self.check_blob(path, record, device_tree, configuration)?;
                    (None, self.local_file(path, place)?.0)
                }
                Value::None => return Err(not_given(loader.string("name")?, &name, self.nearest(&[configuration]))),
                _ => (None, self.fetched(record.record("source")?)?.1),
            };
            let parameters = blob::Parameters {
                path,
                format: record.optional_string("format")?.map(str::to_owned),
                limit: record.optional_size("limit")?,
                device_tree: device_tree.map(device_tree_name).map(str::to_owned),
            };
            let node = self.add(kinds::recipe(blob::NAME, &parameters, vec![input], format!("loader {name}")), place);
            let offsets = record.optional_size("offset")?.into_iter().chain(sizes(record, "copies")?).collect();
            blobs.push(Blob { name, node, offsets });
        }
        Ok(blobs)
    }

    /// Refuses a file of the project that is not what a blob must be: the one that a package has is checked when it is there.
    fn check_blob(
        &self,
        path: &str,
        blob: View<'_, '_>,
        device_tree: Option<&str>,
        configuration: Place,
    ) -> Result<(), LowerError> {
        let Some(format) = blob.optional_string("format")? else { return Ok(()) };
        let content = self.local_content(path, blob.place("source"))?;
        let device_tree = device_tree.map(device_tree_name);
        let Err(why) = blob::check(format, device_tree, &content, self.inputs.store) else { return Ok(()) };
        let message = format!("`{path}` cannot be the `{}` of the boot loader: {why}", blob.string("name")?);
        let diagnostic = Diagnostic::error("E0437", message, blob.place("source"), "this file");
        let format = self.nearest(&[blob.place("format"), configuration]);
        Err(LowerError::Diagnostics(vec![diagnostic.label(format, "chosen here, with what its files must be")]))
    }

    /// Warns of settings that a loader would write over itself.
    fn check_environment(&mut self, loader: View<'_, '_>, configuration: Place) -> Result<(), LowerError> {
        let Some(environment) = loader.optional_record("environment")? else { return Ok(()) };
        let (start, size) = (environment.size("offset")?, environment.size("size")?);
        for blob in loader.records("blobs")? {
            let Some(limit) = blob.optional_size("limit")? else { continue };
            let overlaps = |at: u64| start < at.saturating_add(limit) && at < start.saturating_add(size);
            if blob.optional_size("offset")?.into_iter().chain(sizes(blob, "copies")?).any(overlaps) {
                let message = format!(
                    "boot loader `{}` keeps its settings at {}, where `{}` may be: saving them on the board would destroy it",
                    loader.string("name")?,
                    Size(start),
                    blob.string("name")?,
                );
                let place = self.nearest(&[environment.place("offset"), configuration]);
                let diagnostic = Diagnostic::warning("W0401", message, place, "these settings");
                let other = self.nearest(&[blob.place("offset"), configuration]);
                self.warnings.push(diagnostic.label(other, "this part of it"));
            }
        }
        Ok(())
    }
}

/// Where a root has the device trees of its kernel: a link to where the kernel's package has them.
pub(super) const DEVICE_TREES: &str = "/boot/dtb";

/// Returns which device tree the kernel of a system is started with by this loader.
fn device_tree(system: View<'_, '_>, loader: View<'_, '_>) -> Result<DeviceTree, LowerError> {
    let Some(name) = loader.optional_string("device-tree")? else { return Ok(DeviceTree::Firmware) };
    let kernel = system.record("kernel")?;
    let Some(directory) = kernel.optional_string("device-trees")? else {
        let loader_name = loader.string("name")?;
        let message = format!(
            "boot loader `{loader_name}` is for a board with the device tree `{name}`, and the kernel has none"
        );
        let diagnostic = Diagnostic::error("E0438", message, system.place("kernel"), "a kernel without device trees");
        let help = format!("`kernel = os.kernel-for('{})` is Debian's kernel for boards", loader.string("platform")?);
        let diagnostic = diagnostic.label(system.place("bootloader"), "the boot loader").help(help);
        return Err(LowerError::Diagnostics(vec![diagnostic]));
    };
    let is_given = loader.string("device-tree-choice")? == "given";
    Ok(DeviceTree::Kernel { directory: directory.to_owned(), name: name.to_owned(), is_given })
}

/// Returns what a device tree is called apart from its directory and ending.
fn device_tree_name(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.strip_suffix(".dtb").unwrap_or(name)
}

fn not_given(loader: &str, name: &str, place: Place) -> LowerError {
    let message = format!("`{name}` of the boot loader `{loader}` is in no package: a file must be given");
    let help = format!(
        "a file of yours is given by `bootloader {{ loader {{ blobs[\"{name}\"] {{ source = ./{name} }} }} }}`"
    );
    LowerError::Diagnostics(vec![Diagnostic::error("E0436", message, place, "without that file").help(help)])
}

fn no_package(loader: View<'_, '_>, blob: View<'_, '_>, name: &str) -> LowerError {
    let message = format!("`{name}` is a file of the boot loader's package, and there is none");
    let diagnostic = Diagnostic::error("E0409", message, blob.place("source"), "a path in a package");
    LowerError::Diagnostics(vec![diagnostic.label(loader.place("package"), "no package")])
}

impl LoaderPackages<'_> {
    fn next(&mut self) -> NodeId {
        self.0.next().expect("what was asked for was found").tree
    }
}

fn loader_files(
    loader: View<'_, '_>,
    own: Option<NodeId>,
    packages: &mut LoaderPackages<'_>,
    kernel: &Resolved,
) -> Result<Vec<LoaderFile>, LowerError> {
    let mut files = Vec::new();
    for file in loader.records("files")? {
        checked(file)?;
        let path = file.string("path")?.to_owned();
        let package = match file.value("package")? {
            Value::None => own,
            Value::Symbol(_) => Some(kernel.tree),
            _ => Some(packages.next()),
        };
        let content = match file.value("source")? {
            Value::String(source) => {
                let package = package.ok_or_else(|| no_package(loader, file, &path))?;
                FileContent::Part(package, source.to_owned())
            }
            _ => {
                let lines = file.record("source")?.strings("lines")?;
                FileContent::Text(lines.iter().flat_map(|line| [line, "\n"]).collect())
            }
        };
        files.push(LoaderFile { path, content });
    }
    Ok(files)
}

/// Returns the sizes in a list.
pub(super) fn sizes(view: View<'_, '_>, field: &str) -> Result<Vec<u64>, LowerError> {
    let size = |(value, _): (Value<'_>, Place)| match value {
        Value::Size(size) => size,
        _ => unreachable!("the declaration of `{field}` allows sizes only"),
    };
    Ok(view.list(field)?.into_iter().map(size).collect())
}

/// Returns a word of the kernel's command line, which a blank would end (`next_arg` in Linux, lib/cmdline.c).
fn kernel_quoted(word: &str) -> String {
    let plain = word.replace('"', "");
    if plain.contains([' ', '\t']) { format!("\"{plain}\"") } else { plain }
}

/// Where GRUB has what it reads on the root.
pub(super) const GRUB_PREFIX: &str = "/boot/grub";

/// Returns the commands by which GRUB finds the root, and its own directory there.
pub(super) fn find_root(uuid: Guid) -> String {
    format!("search --no-floppy --fs-uuid --set=root {uuid}\nset prefix=($root){GRUB_PREFIX}\n")
}

/// Returns a word as GRUB reads it literally; plain words stay plain.
fn grub_quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_=./,:@+%".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extlinux(device_tree: DeviceTree, timeout: i64) -> String {
        let (kind, package, files, blobs, modules) = (Kind::UBoot, None, Vec::new(), Vec::new(), Vec::new());
        let loader = Loader { kind, package, files, blobs, modules, device_tree, timeout };
        loader.extlinux_config("a board", &["root=LABEL=x".to_owned(), "name=a \"b\"".to_owned()])
    }

    #[test]
    fn u_boot_is_told_which_device_tree_and_how_long_to_wait() {
        let start = "label linux\n  menu label a board\n  linux /boot/vmlinuz\n  initrd /boot/initrd.img\n";
        let end = "  append root=LABEL=x \"name=a b\"\n";
        assert_eq!(extlinux(DeviceTree::Firmware, 0), format!("default linux\n{start}{end}"));
        let of_kernel = |is_given| {
            let (directory, name) = ("/usr/lib/linux".to_owned(), "x.dtb".to_owned());
            DeviceTree::Kernel { directory, name, is_given }
        };
        assert_eq!(
            extlinux(of_kernel(false), 5),
            format!("default linux\nprompt 1\ntimeout 50\n{start}  fdtdir /boot/dtb\n{end}")
        );
        assert_eq!(extlinux(of_kernel(true), 0), format!("default linux\n{start}  fdt /boot/dtb/x.dtb\n{end}"));
    }
}
