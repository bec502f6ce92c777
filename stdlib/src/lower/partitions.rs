//! Partitions: each becomes the recipe of a file system, and all of them a disk.

use gravure_eval::View;
use gravure_eval::graph::NodeId;
use gravure_formats::{Capacity, Guid, guid, mbr};

use super::system::{Contents, System};
use super::{LowerError, Lowering, mistake};
use crate::identity::Identity;
use crate::kinds::tree::{Declared, What};
use crate::kinds::{self, disk, ext4, fat, part, tree};

/// The types of root partitions in a GPT, by platform (Discoverable Partitions Specification).
const ROOT_TYPES: &[(&str, Guid)] = &[
    ("x86_64-linux", guid::LINUX_ROOT_X86_64),
    ("aarch64-linux", guid::LINUX_ROOT_ARM64),
    ("armhf-linux", guid::LINUX_ROOT_ARM),
    ("riscv64-linux", guid::LINUX_ROOT_RISCV64),
];

impl Lowering<'_, '_> {
    /// Adds the disk of an image with all that it is made of.
    pub(super) fn disk(&mut self, image: View<'_, '_>, name: &str) -> Result<NodeId, LowerError> {
        let system = match image.optional_record("operating-system")? {
            Some(record) => Some(self.system(record, image)?),
            None => None,
        };
        let platform = image.string("platform")?;
        let partitions = image.records("partitions")?;
        let time = self.source_date();
        let mut declared = Vec::new();
        for &partition in &partitions {
            declared.push(self.declared_files(partition)?);
        }
        let identity = self.identity(image, system.as_ref(), &declared, time)?;
        let root_uuid = match system.as_ref().and_then(|system| system.root_uuid.clone()) {
            Some(text) => text.parse().map_err(|why| {
                mistake("E0404", image, "operating-system", format!("{why}"), "its root has this UUID")
            })?,
            None => identity.guid("file system root"),
        };
        let capacities = capacities(image, &partitions)?;
        let (mut inputs, mut entries) = (Vec::new(), Vec::new());
        for ((&partition, declared), capacity) in partitions.iter().zip(&declared).zip(capacities) {
            let content = partition.optional_string("content")?;
            let ids = Ids {
                identity,
                time,
                uuid: if content == Some("root") {
                    root_uuid
                } else {
                    identity.guid(&format!("file system {}", partition.string("name")?))
                },
            };
            let mut contents = match (&system, content) {
                (Some(system), Some("root")) => self.root(system, root_uuid, time),
                (Some(system), Some("bootloader")) => self.loader_files(system, root_uuid),
                _ => Contents::default(),
            };
            contents.append(declared);
            inputs.push(self.file_system(partition, contents, capacity, &ids)?);
            entries.push(entry(partition, platform, identity)?);
        }
        let mut loaders = Vec::new();
        for blob in system.iter().flat_map(|system| &system.blobs) {
            inputs.push(self.graph.add(kinds::recipe(
                part::NAME,
                &part::Parameters { path: blob.source.clone() },
                vec![blob.package],
                format!("loader {}", blob.source),
            )));
            loaders.push(disk::Loader { name: blob.name.clone(), at: blob.offset });
        }
        let table = match image.string("partition-table-type")? {
            "gpt" => disk::TableKind::Gpt { guid: identity.guid("disk") },
            _ => disk::TableKind::Mbr { signature: identity.number("disk") },
        };
        let parameters = disk::Parameters { len: image.optional_size("size")?, table, partitions: entries, loaders };
        Ok(self.graph.add(kinds::recipe(disk::NAME, &parameters, inputs, format!("disk {name}"))))
    }

    /// Derives the image's identity from everything that is in it but identifiers.
    fn identity(
        &self,
        image: View<'_, '_>,
        system: Option<&System>,
        declared: &[Contents],
        time: i64,
    ) -> Result<Identity, LowerError> {
        let canonical = image.evaluator.canonical(gravure_eval::Value::Record(image.record));
        let mut description = canonical.map_err(LowerError::Diagnostics)?.into_bytes();
        description.extend_from_slice(&time.to_le_bytes());
        for node in system.iter().flat_map(|system| system.nodes()) {
            description.extend_from_slice(&self.graph.key(node).0);
        }
        for contents in system.iter().map(|system| system.declared()).chain(declared) {
            description.extend(serde_json::to_vec(&contents.parameters).expect("parameters are plain data"));
            for &node in &contents.inputs {
                description.extend_from_slice(&self.graph.key(node).0);
            }
        }
        Ok(Identity::of(&description))
    }

    /// The files that a partition itself declares.
    fn declared_files(&mut self, partition: View<'_, '_>) -> Result<Contents, LowerError> {
        let mut contents = Contents::default();
        for file in partition.records("files")? {
            self.declared_file(file, &mut contents)?;
        }
        Ok(contents)
    }

    fn file_system(
        &mut self,
        partition: View<'_, '_>,
        contents: Contents,
        capacity: Capacity,
        ids: &Ids,
    ) -> Result<NodeId, LowerError> {
        let name = partition.string("name")?;
        let label = partition.string("label")?.to_owned();
        let parameters = tree::Parameters { time: ids.time, ..contents.parameters };
        let content = self.graph.add(kinds::recipe(tree::NAME, &parameters, contents.inputs, format!("tree {name}")));
        let recipe = match partition.string("file-system")? {
            "ext4" => {
                let hash_seed = ids.identity.guid(&format!("hash seed {name}"));
                let parameters = ext4::Parameters { label, uuid: ids.uuid, hash_seed, time: ids.time, capacity };
                kinds::recipe(ext4::NAME, &parameters, vec![content], format!("ext4 {name}"))
            }
            kind @ ("vfat" | "fat16" | "fat32") => {
                let volume_id = ids.identity.number(&format!("volume {name}"));
                let bits = if kind == "fat32" { 32 } else { 16 };
                let parameters = fat::Parameters { bits, label, volume_id, time: ids.time, capacity };
                kinds::recipe(fat::NAME, &parameters, vec![content], format!("FAT {name}"))
            }
            other => {
                let message = format!("this version of gravure writes ext4 and FAT, not `'{other}`");
                return Err(mistake("E0405", partition, "file-system", message, "cannot be written yet"));
            }
        };
        Ok(self.graph.add(recipe))
    }

    /// What the EFI system partition has: the loader's files, and the configuration that finds the root.
    fn loader_files(&self, system: &System, root_uuid: Guid) -> Contents {
        let mut contents = Contents::default();
        let package = contents.input(system.loader);
        for file in &system.loader_files {
            contents.parameters.entries.push(Declared::new(
                &file.path,
                0o755,
                What::InputFile(package, file.source.clone()),
            ));
        }
        let config = format!(
            "search --no-floppy --fs-uuid --set=root {root_uuid}\nset prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n"
        );
        contents.parameters.entries.push(Declared::text("/EFI/debian/grub.cfg", 0o644, config));
        contents
    }
}

/// What the identifiers of a file system come from.
struct Ids {
    identity: Identity,
    time: i64,
    uuid: Guid,
}

/// Returns how large each file system shall be. Where the image has a size, the root takes what the others leave.
fn capacities(image: View<'_, '_>, partitions: &[View<'_, '_>]) -> Result<Vec<Capacity>, LowerError> {
    let mut capacities = Vec::new();
    for &partition in partitions {
        capacities.push(match partition.optional_size("size")? {
            Some(size) => Capacity::Exact(size),
            None => Capacity::Guess { headroom: partition.size("headroom")? },
        });
    }
    let Some(whole) = image.optional_size("size")? else { return Ok(capacities) };
    for (i, &partition) in partitions.iter().enumerate() {
        let is_root = partition.optional_string("content")? == Some("root");
        if is_root && matches!(capacities[i], Capacity::Guess { .. }) {
            capacities[i] = Capacity::Exact(rest(whole, i, partitions, &capacities, image)?);
        }
    }
    Ok(capacities)
}

/// What tables take at both ends of a disk: everything is aligned to it.
const TABLES: u64 = 1 << 20;

/// Returns what is left of an image of `whole` bytes for partition `root`, when the others have sizes.
fn rest(
    whole: u64,
    root: usize,
    partitions: &[View<'_, '_>],
    capacities: &[Capacity],
    image: View<'_, '_>,
) -> Result<u64, LowerError> {
    let mut at = TABLES;
    for (i, &partition) in partitions.iter().enumerate() {
        at = partition.optional_size("offset")?.unwrap_or_else(|| at.next_multiple_of(TABLES));
        match capacities[i] {
            _ if i == root => {}
            Capacity::Exact(size) => at = at.saturating_add(size),
            Capacity::Guess { .. } => {
                let message = "with a size for the whole image, every partition but the root needs one";
                return Err(mistake("E0406", partition, "size", message, "this one is guessed"));
            }
        }
    }
    let taken = at.next_multiple_of(TABLES).saturating_add(TABLES);
    whole.checked_sub(taken).filter(|&rest| rest > 0).ok_or_else(|| {
        let message = format!("the image has {whole} bytes, and the other partitions and the tables need {taken}");
        mistake("E0407", image, "size", message, "too small")
    })
}

fn entry(partition: View<'_, '_>, platform: &str, identity: Identity) -> Result<disk::Partition, LowerError> {
    let name = partition.string("name")?.to_owned();
    let flags = partition.strings("flags")?;
    let is_esp = flags.contains(&"esp");
    let is_root = partition.optional_string("content")? == Some("root");
    let file_system = partition.string("file-system")?;
    let root_type = ROOT_TYPES.iter().find(|(of, _)| *of == platform).map_or(guid::LINUX_FILE_SYSTEM, |(_, ty)| *ty);
    let type_guid = match file_system {
        _ if is_esp => guid::EFI_SYSTEM,
        "ext4" if is_root => root_type,
        "ext4" => guid::LINUX_FILE_SYSTEM,
        _ => guid::BASIC_DATA,
    };
    let mbr_kind = match file_system {
        _ if is_esp => mbr::kind::EFI_SYSTEM,
        "fat32" => mbr::kind::FAT32,
        "vfat" | "fat16" => mbr::kind::FAT16,
        _ => mbr::kind::LINUX,
    };
    Ok(disk::Partition {
        label: partition.string("label")?.to_owned(),
        offset: partition.optional_size("offset")?,
        alignment: partition.size("alignment")?,
        type_guid,
        guid: identity.guid(&format!("partition {name}")),
        mbr_kind,
        is_boot: flags.contains(&"boot"),
        name,
    })
}
