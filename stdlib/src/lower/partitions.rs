//! Partitions: each becomes the recipe of a file system, and all of them a disk.
//!
//! A disk is described twice. The first description has placeholders for identifiers; its digest is the identity of the
//! image, which the identifiers of the second one are derived from. So they depend on everything that the disk is made
//! of, and on nothing else: not on names of files, nor on where the project is.

use gravure_eval::graph::{NodeId, Recipe};
use gravure_eval::{Value, View};
use gravure_formats::{Capacity, Guid};
use gravure_lang::{Diagnostic, Place};

use super::entries::{disk_guid, entry, entry_array_offset};
use super::file_systems::{FileSystem, Uuid, file_system_of, uuid_of};
use super::loader::{GRUB_PREFIX, Kind, find_root};
use super::sizes::capacities;
use super::system::{Contents, System};
use super::{LowerError, Lowering, agreement};
use crate::identity::Identity;
use crate::kinds::tree::Declared;
use crate::kinds::{self, disk, ext4, fat, grub_core, part, raw, swap, tree};

/// A disk as it will be, before any of it is a node of the graph.
struct Description<'h> {
    parts: Vec<Part<'h>>,
    disk: disk::Parameters,
    grub_core: Option<grub_core::Parameters>,
}

/// What fills a partition.
struct Part<'h> {
    name: &'h str,
    contents: Contents,
    /// What says what it contains, beside the partition.
    origin: Option<Place>,
    file_system: FileSystem,
}

impl Lowering<'_, '_> {
    /// Adds the disk of an image with all that it is made of.
    pub(super) fn disk(&mut self, image: View<'_, '_>, name: &str) -> Result<NodeId, LowerError> {
        // There is one form so far; a record that does not say so is not complete.
        image.string("format")?;
        let partitions = image.records("partitions")?;
        let capacities = capacities(image, &partitions)?;
        self.parts = agreement::check(self, image, &partitions, &capacities)?;
        let system = match image.optional_record("operating-system")? {
            Some(record) => Some(self.system(record, image)?),
            None => None,
        };
        let system = system.as_ref();
        let draft = self.describe(image, system, &capacities, Identity::PLACEHOLDER)?;
        let identity = self.identity_of(&draft, system);
        let mut description = self.describe(image, system, &capacities, identity)?;
        let grub = match (system.and_then(|system| system.loader.package), description.grub_core) {
            (Some(package), Some(parameters)) => self.grub_for_bios(package, &parameters, system),
            _ => Vec::new(),
        };
        if let (Some(disk::GrubCore::Partition(number)), [_, core]) = (&description.disk.grub_core, &grub[..]) {
            description.parts[*number].contents.input(*core);
        }
        let mut inputs = Vec::new();
        for (part, partition) in description.parts.into_iter().zip(&partitions) {
            inputs.push(self.file_system(part, *partition, image));
        }
        for blob in system.iter().flat_map(|system| &system.loader.blobs) {
            inputs.extend(blob.offsets.iter().map(|_| blob.node));
        }
        inputs.extend(match description.disk.grub_core {
            Some(disk::GrubCore::Partition(_)) => &grub[..1],
            _ => &grub[..],
        });
        let place = self.nearest(&[image.record.place()]);
        Ok(self.add(kinds::recipe(disk::NAME, &description.disk, inputs, format!("disk {name}")), place))
    }

    fn describe<'h>(
        &mut self,
        image: View<'_, 'h>,
        system: Option<&System>,
        capacities: &[Capacity],
        identity: Identity,
    ) -> Result<Description<'h>, LowerError> {
        let time = self.source_date();
        let records = image.records("partitions")?;
        let root = records.iter().find(|partition| matches!(partition.optional_string("content"), Ok(Some("root"))));
        let root_uuid = match root {
            Some(&root) => uuid_of(root, system)?,
            None => None,
        };
        let root_uuid = match root_uuid {
            Some(Uuid::Long(uuid)) => uuid,
            _ => identity.guid("file system root"),
        };
        let (mut parts, mut entries) = (Vec::new(), Vec::new());
        let loader = system.map(|system| &system.loader);
        let modules = loader.filter(|loader| loader.kind == Kind::GrubBios).map(|loader| &loader.modules);
        let mut core = modules.map(|_| disk::GrubCore::BehindMbr);
        for (number, (&partition, &capacity)) in records.iter().zip(capacities).enumerate() {
            let content = partition.optional_string("content")?;
            let is_formatted = partition.string("file-system")? != "unformatted";
            let (mut contents, origin) = match (system, content) {
                (Some(system), Some("root")) => (self.root(system, root_uuid), Some(system.places[0])),
                (Some(system), Some("bootloader")) if is_formatted => {
                    (self.loader_files(system, root_uuid), Some(system.places[1]))
                }
                (Some(system), Some("bootloader")) => {
                    core = core.map(|_| disk::GrubCore::Partition(number));
                    (system.loader.content_of(partition.string("name")?), Some(system.places[1]))
                }
                _ => (Contents::default(), None),
            };
            contents.parameters.time = time;
            for file in partition.records("files")? {
                self.declared_file(file, &mut contents)?;
            }
            self.image_of(partition, capacity, &mut contents)?;
            let name = partition.string("name")?;
            let uuid = match content {
                Some("root") => Some(Uuid::Long(root_uuid)),
                _ => uuid_of(partition, None)?,
            };
            let file_system = file_system_of(partition, capacity, time, uuid, identity)?;
            parts.push(Part { name, contents, origin, file_system });
            entries.push(entry(partition, image, identity)?);
        }
        let table = match image.string("partition-table-type")? {
            "gpt" => disk::TableKind::Gpt {
                guid: disk_guid(image)?.unwrap_or_else(|| identity.guid("disk")),
                entry_array_at: entry_array_offset(image)?,
            },
            _ => disk::TableKind::Mbr { signature: identity.number("disk") },
        };
        let blobs = loader.iter().flat_map(|loader| &loader.blobs);
        let loaders =
            blobs.flat_map(|blob| blob.offsets.iter().map(|&at| disk::Loader { name: blob.name.clone(), at }));
        let loaders = loaders.collect();
        let len = image.optional_size("size")?;
        let grub_core = modules.map(|modules| grub_core::Parameters {
            modules: modules.clone(),
            config: find_root(root_uuid),
            prefix: GRUB_PREFIX.to_owned(),
        });
        let disk = disk::Parameters { len, table, partitions: entries, loaders, grub_core: core };
        Ok(Description { parts, disk, grub_core })
    }

    /// Returns the identity of what has this description.
    fn identity_of(&self, draft: &Description<'_>, system: Option<&System>) -> Identity {
        let parts: Vec<_> = draft.parts.iter().map(|part| (&part.contents.parameters, &part.file_system)).collect();
        let inputs = draft.parts.iter().flat_map(|part| part.contents.inputs.iter().copied());
        let loader = system.iter().flat_map(|system| system.loader.nodes());
        let inputs: Vec<_> = inputs.chain(loader).map(|node| self.graph.key(node)).collect();
        let mut description = serde_json::to_vec(&(&draft.disk, parts, inputs)).expect("parameters are plain data");
        if let Some(core) = &draft.grub_core {
            description.extend(serde_json::to_vec(core).expect("parameters are plain data"));
        }
        Identity::of(&description)
    }

    /// Adds the boot code of GRUB for the BIOS and its core image.
    fn grub_for_bios(
        &mut self,
        package: NodeId,
        parameters: &grub_core::Parameters,
        system: Option<&System>,
    ) -> Vec<NodeId> {
        let [code, core] = disk::GRUB_NAMES;
        let places: Vec<Place> = system.iter().map(|system| system.places[1]).collect();
        let place = self.nearest(&places);
        let boot_image = part::Parameters { path: grub_core::path("boot.img") };
        vec![
            self.add(kinds::recipe(part::NAME, &boot_image, vec![package], code), place),
            self.add(kinds::recipe(grub_core::NAME, parameters, vec![package], core), place),
        ]
    }

    fn file_system(&mut self, part: Part<'_>, partition: View<'_, '_>, image: View<'_, '_>) -> NodeId {
        let Part { name, contents: Contents { parameters, inputs }, origin, file_system } = part;
        let places = [partition.record.place(), image.record.place()];
        let place = self.nearest(&places);
        let origin = origin.map_or(place, |origin| self.nearest(&[origin, place]));
        let mut tree = |inputs: Vec<NodeId>| {
            vec![self.add(kinds::recipe(tree::NAME, &parameters, inputs, format!("tree {name}")), origin)]
        };
        let recipe: Recipe = match file_system {
            FileSystem::Ext4(parameters) => {
                let label = format!("ext{} {name}", parameters.generation);
                kinds::recipe(ext4::NAME, &parameters, tree(inputs), label)
            }
            FileSystem::Fat(parameters) => kinds::recipe(fat::NAME, &parameters, tree(inputs), format!("FAT {name}")),
            FileSystem::Swap(parameters) => kinds::recipe(swap::NAME, &parameters, inputs, format!("swap {name}")),
            FileSystem::None(parameters) => kinds::recipe(raw::NAME, &parameters, inputs, format!("raw {name}")),
        };
        self.add(recipe, place)
    }

    /// Adds the bytes that an unformatted partition begins with.
    fn image_of(
        &mut self,
        partition: View<'_, '_>,
        capacity: Capacity,
        contents: &mut Contents,
    ) -> Result<(), LowerError> {
        let node = match partition.value("image")? {
            Value::None => return Ok(()),
            Value::Path(path) => {
                let (node, imported) = self.local_file(path, partition.place("image"))?;
                if let Capacity::Exact(given) = capacity
                    && given < imported.len
                {
                    let message = raw::too_long("`image`", imported.len, given);
                    let diagnostic = Diagnostic::error("E0420", message, partition.place("image"), "this file");
                    let diagnostic = diagnostic.label(partition.place("size"), "the partition's size");
                    return Err(LowerError::Diagnostics(vec![diagnostic]));
                }
                node
            }
            _ => self.fetched(partition.record("image")?)?.1,
        };
        contents.input(node);
        Ok(())
    }

    /// What the partition that the firmware reads has: the loader's files, and the configuration that finds the root.
    fn loader_files(&self, system: &System, root_uuid: Guid) -> Contents {
        let mut contents = Contents::default();
        for file in &system.loader.files {
            let declared = file.declared(|package| contents.input(package));
            contents.parameters.entries.push(declared);
        }
        if system.loader.kind == Kind::GrubEfi {
            let config = find_root(root_uuid) + "configfile $prefix/grub.cfg\n";
            contents.parameters.entries.push(Declared::text("/EFI/debian/grub.cfg", 0o644, config));
        }
        contents
    }
}
