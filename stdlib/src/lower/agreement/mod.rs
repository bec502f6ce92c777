//! What must agree before anything is built: labels with file systems, partitions with one another, and the partition of
//! the root with how the operating system mounts it. Each mistake names both places.

use gravure_eval::View;
use gravure_formats::Capacity;
use gravure_formats::disk::{PlaceError, Request, place_partitions};
use gravure_formats::units::{Grouped, Size};
use gravure_lang::{Diagnostic, Place};

use super::LowerError;

/// The longest labels of file systems, in bytes (ext4: `s_volume_name`; FAT: `BS_VolLab`).
const LONGEST_LABELS: &[(&str, usize)] = &[("ext4", 16), ("vfat", 11), ("fat16", 11), ("fat32", 11)];
/// What messages call the table when a partition is put there.
const TABLE: &str = "partition table";
/// Where a GPT with 128 entries ends, and an MBR: partitions begin behind it.
const TABLE_ENDS: &[(&str, u64)] = &[("gpt", 34 * 512), ("mbr", 512)];
/// Where partitions start that do not say.
const FIRST_PARTITION: u64 = 1 << 20;
/// The least that a partition of unknown size takes.
const SECTOR: u64 = 512;

/// Reports all that does not agree.
pub(super) fn check(
    image: View<'_, '_>,
    partitions: &[View<'_, '_>],
    capacities: &[Capacity],
) -> Result<(), LowerError> {
    let mut found = Vec::new();
    for &partition in partitions {
        found.extend(label_too_long(partition)?);
    }
    if let Some(system) = image.optional_record("operating-system")? {
        found.extend(doubled_label(system, partitions)?);
        found.extend(other_root(system, partitions)?);
    }
    found.extend(misplaced(image, partitions, capacities)?);
    if found.is_empty() { Ok(()) } else { Err(LowerError::Diagnostics(found)) }
}

fn label_too_long(partition: View<'_, '_>) -> Result<Option<Diagnostic>, LowerError> {
    let (label, file_system) = (partition.string("label")?, partition.string("file-system")?);
    let longest = LONGEST_LABELS.iter().find(|(name, _)| *name == file_system).map(|(_, longest)| *longest);
    Ok(longest.filter(|&longest| longest < label.len()).map(|longest| {
        let name = if file_system == "ext4" { "ext4" } else { "FAT" };
        let message = format!("the label `{label}` has {} bytes, and {name} has room for {longest}", label.len());
        Diagnostic::error("E0413", message, partition.place("label"), "this label")
            .label(partition.place("file-system"), "the file system")
    }))
}

/// Finds two partitions with a label by which the operating system looks for one.
fn doubled_label(system: View<'_, '_>, partitions: &[View<'_, '_>]) -> Result<Option<Diagnostic>, LowerError> {
    for file_system in system.records("file-systems")? {
        let Some(label) = label_of(file_system)? else { continue };
        let mut named = Vec::new();
        for &partition in partitions {
            if partition.string("label")? == label {
                named.push(partition.place("label"));
            }
        }
        if let [first, second, ..] = named[..] {
            let message = format!("two partitions have the label `{label}`, by which the operating system finds one");
            let diagnostic = Diagnostic::error("E0414", message, second, "this one").label(first, "and this one");
            return Ok(Some(diagnostic.label(file_system.place("device"), "looked for here")));
        }
    }
    Ok(None)
}

/// Finds a root that is not what the operating system mounts on `/`.
fn other_root(system: View<'_, '_>, partitions: &[View<'_, '_>]) -> Result<Option<Diagnostic>, LowerError> {
    let mut root = None;
    for &partition in partitions {
        if partition.optional_string("content")? == Some("root") {
            root = Some(partition);
        }
    }
    let Some(root) = root else { return Ok(None) };
    for mounted in system.records("file-systems")? {
        if mounted.string("mount-point")? != "/" {
            continue;
        }
        let (label, found) = (label_of(mounted)?, root.string("label")?);
        if let Some(label) = label.filter(|&label| label != found) {
            let message =
                format!("the operating system finds its root by the label `{label}`, and the root's is `{found}`");
            let diagnostic = Diagnostic::error("E0415", message, root.place("label"), "the partition's label");
            return Ok(Some(diagnostic.label(mounted.place("device"), "looked for here")));
        }
        let (ty, found) = (mounted.string("type")?, root.string("file-system")?);
        if ty != found {
            let message = format!("the operating system mounts its root as `'{ty}`, and the root is `'{found}`");
            let diagnostic = Diagnostic::error("E0416", message, root.place("file-system"), "the partition's");
            return Ok(Some(diagnostic.label(mounted.place("type"), "mounted as this")));
        }
    }
    Ok(None)
}

/// Returns the label by which a file system is found.
fn label_of<'h>(file_system: View<'_, 'h>) -> Result<Option<&'h str>, LowerError> {
    match file_system.value("device")? {
        gravure_eval::Value::Record(record) => {
            let device = file_system.evaluator.view(record);
            Ok(if device.type_name() == "FileSystemLabel" { Some(device.string("label")?) } else { None })
        }
        _ => Ok(None),
    }
}

/// Finds partitions that overlap or are not at a sector, as far as sizes are known before anything is built.
fn misplaced(
    image: View<'_, '_>,
    partitions: &[View<'_, '_>],
    capacities: &[Capacity],
) -> Result<Option<Diagnostic>, LowerError> {
    let mut requests = Vec::new();
    for (&partition, capacity) in partitions.iter().zip(capacities) {
        requests.push(Request {
            name: partition.string("name")?.to_owned(),
            offset: partition.optional_size("offset")?,
            alignment: partition.size("alignment")?,
            len: match capacity {
                Capacity::Exact(len) => *len,
                Capacity::Guess { .. } => SECTOR,
            },
        });
    }
    let table = image.string("partition-table-type")?;
    let len = TABLE_ENDS.iter().find(|(name, _)| *name == table).map_or(SECTOR, |(_, end)| *end);
    requests.push(Request { name: TABLE.to_owned(), offset: Some(0), alignment: SECTOR, len });
    let Err(error) = place_partitions(FIRST_PARTITION, &requests) else { return Ok(None) };
    let at = |name: &str, field: &str| -> Place {
        let found = partitions.iter().find(|partition| partition.string("name").is_ok_and(|found| found == name));
        // Where nobody chose an offset, the partition itself says more than the declaration of the field.
        found.map_or(image.place("partitions"), |partition| match partition.optional_size(field) {
            Ok(Some(_)) => partition.place(field),
            _ => partition.record.place(),
        })
    };
    let report = |message: String, place: Place, label: &str| Diagnostic::error("E0417", message, place, label);
    let message = error.to_string();
    Ok(Some(match &error {
        PlaceError::Overlap { new, old, .. } if new.what == TABLE => {
            let message = format!("{old} overlaps the {TABLE}, which ends at byte {}", Grouped(len));
            report(message, at(&old.what, "offset"), "this one")
        }
        PlaceError::Overlap { new, old, first_free } => {
            let free = first_free.map(|free| format!("; the first free offset is {}", Size(free))).unwrap_or_default();
            let message = format!("`{}` starts at {}, and overlaps {old}{free}", new.what, Size(new.at));
            report(message, at(&new.what, "offset"), "this one").label(at(&old.what, "offset"), "already there")
        }
        PlaceError::Unaligned { name, .. } | PlaceError::TooFar { name } => {
            report(message, at(name, "offset"), "this offset")
        }
        PlaceError::Alignment { name, .. } => report(message, at(name, "alignment"), "this alignment"),
        PlaceError::Empty { name } => report(message, at(name, "size"), "this size"),
    }))
}
