//! Labels and identifiers: whether they can be written, and whether what they shall find is the only one of its name.

use gravure_eval::View;
use gravure_formats::fat;
use gravure_lang::Diagnostic;

use super::{Subject, label_of};
use crate::lower::LowerError;

/// The longest labels of file systems, in bytes, and how messages call these (ext: `s_volume_name`; FAT: `BS_VolLab`; swap:
/// `volume_name`).
const LONGEST_LABELS: &[(&str, &str, usize)] = &[
    ("ext4", "ext4", 16),
    ("ext3", "ext3", 16),
    ("ext2", "ext2", 16),
    ("vfat", "FAT", 11),
    ("fat12", "FAT", 11),
    ("fat16", "FAT", 11),
    ("fat32", "FAT", 11),
    ("swap", "swap", 16),
];
/// The longest name of a partition in a GPT, in UTF-16 units (UEFI 2.10, table 5-6).
const LONGEST_NAME: usize = 36;

/// Labels that their file system or the partition table cannot have.
pub(super) fn label_lengths(subject: &Subject<'_, '_, '_>) -> Result<Vec<Diagnostic>, LowerError> {
    let mut found = Vec::new();
    for &partition in subject.partitions {
        found.extend(label_too_long(subject, partition)?);
    }
    Ok(found)
}

fn label_too_long(subject: &Subject<'_, '_, '_>, partition: View<'_, '_>) -> Result<Option<Diagnostic>, LowerError> {
    let (label, file_system) = (partition.string("label")?, partition.string("file-system")?);
    let limit = LONGEST_LABELS.iter().find(|(of, ..)| *of == file_system);
    if let Some((_, name, longest)) = limit.filter(|(.., longest)| *longest < label.len()) {
        let message = format!("the label `{label}` has {} bytes, and {name} has room for {longest}", label.len());
        let diagnostic = Diagnostic::error("E0413", message, partition.place("label"), "this label");
        return Ok(Some(diagnostic.label(partition.place("file-system"), "the file system")));
    }
    if let Some((_, "FAT", _)) = limit
        && let Err(wrong) = fat::check_label(label)
    {
        let diagnostic = Diagnostic::error("E0413", wrong.to_string(), partition.place("label"), "this label");
        return Ok(Some(diagnostic.label(partition.place("file-system"), "the file system")));
    }
    let n_units = label.encode_utf16().count();
    if limit.is_none() && LONGEST_NAME < n_units && subject.has_gpt()? {
        let message = format!(
            "the label `{label}` has {n_units} UTF-16 units, and the name of a partition in a GPT at most {LONGEST_NAME}"
        );
        let diagnostic = Diagnostic::error("E0413", message, partition.place("label"), "this label");
        return Ok(Some(diagnostic.label(subject.place(subject.image, "partition-table-type"), "the table")));
    }
    Ok(None)
}

/// Two partitions with a label by which the operating system looks for one.
pub(super) fn labels_looked_for(subject: &Subject<'_, '_, '_>) -> Result<Vec<Diagnostic>, LowerError> {
    let Some(system) = subject.system else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for file_system in system.records("file-systems")? {
        let Some(label) = label_of(file_system)? else { continue };
        let named = subject.partitions_with(|partition| Ok(partition.string("label")? == label))?;
        if let [first, second, ..] = named[..] {
            let message = format!("two partitions have the label `{label}`, by which the operating system finds one");
            let diagnostic = Diagnostic::error("E0414", message, second.place("label"), "this one");
            let diagnostic = diagnostic.label(first.place("label"), "and this one");
            found.push(diagnostic.label(file_system.place("device"), "looked for here"));
        }
    }
    Ok(found)
}

/// UUIDs of file systems and GUIDs of partitions that two of them have.
pub(super) fn identifiers(subject: &Subject<'_, '_, '_>) -> Result<Vec<Diagnostic>, LowerError> {
    let mut found = Vec::new();
    for (field, what) in [("uuid", "file systems have the UUID"), ("guid", "partitions have the GUID")] {
        let mut named: Vec<(String, View<'_, '_>)> = Vec::new();
        for &partition in subject.partitions {
            let Some(record) = partition.optional_record(field)? else { continue };
            let value = record.string("value")?.to_ascii_lowercase();
            if let Some((_, first)) = named.iter().find(|(other, _)| *other == value) {
                let message = format!("two {what} `{value}`, and one of them would never be found");
                let diagnostic = Diagnostic::error("E0427", message, partition.place(field), "this one");
                found.push(diagnostic.label(first.place(field), "and this one"));
            }
            named.push((value, partition));
        }
    }
    Ok(found)
}
