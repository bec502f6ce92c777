//! What an image consists of: its table, and of each partition what it is and what it contains.

use std::path::Path;

use gravure_formats::inspect::{Contents, Counts, Findings, Inspection, Partition, Table, Volume, count};
use gravure_formats::units::{Grouped, Rounded};
use serde_json::{Value, json};

use crate::commands::layout::{picture::hanging, trouble_of};
use crate::images::printable;
use crate::terminal;
use crate::trouble::{Trouble, counted};

/// Where values start, behind their names.
const VALUES_AT: usize = 14;

/// Prints everything that is known of an image. What is wrong is reported at the end.
pub(super) fn image(path: &Path, len: u64, inspection: &Inspection, is_json: bool) -> Result<(), Trouble> {
    let mut findings = inspection.findings.clone();
    let volumes = inspection.volumes.iter().map(Option::as_ref);
    let numbers = inspection.table.iter().flat_map(|table| &table.partitions).map(|partition| partition.number);
    let volumes: Vec<Option<Counts>> = volumes
        .zip(numbers)
        .map(|(volume, number)| counts(volume, &format!("partition {number}"), &mut findings))
        .collect();
    let whole = counts(inspection.whole.as_ref(), "the image", &mut findings);
    match is_json {
        true => super::print_json(&value(path, len, inspection, (&volumes, whole), &findings)),
        false => terminal::result(&text(path, len, inspection, (&volumes, whole))),
    }
    trouble_of(&findings).or(())
}

/// Counts the files of a volume, which looks at every directory.
fn counts(volume: Option<&Volume>, what: &str, findings: &mut Findings) -> Option<Counts> {
    let volume = volume?;
    let Contents::Files(files) = &volume.files else { return None };
    match count(&**files) {
        Ok(counts) => Some(counts),
        Err((path, error)) => {
            findings.damage(format!("the {} of {what}: `{}`: {error}", volume.kind, printable(&path)));
            None
        }
    }
}

/// Lines of names and values.
struct Lines {
    text: String,
    /// How wide a line may be.
    width: usize,
}

impl Lines {
    fn heading(&mut self, heading: &str) {
        self.text += &hanging("", heading, 2, self.width);
    }

    fn add(&mut self, name: &str, value: &str) {
        let start = format!("  {name:width$}", width = VALUES_AT - 2);
        self.text += &hanging(&start, value, VALUES_AT, self.width);
    }

    fn gap(&mut self) {
        self.text.push('\n');
    }
}

fn text(
    path: &Path,
    len: u64,
    inspection: &Inspection,
    (counts, whole): (&[Option<Counts>], Option<Counts>),
) -> String {
    let mut lines = Lines { text: String::new(), width: terminal::width().unwrap_or(usize::MAX) };
    lines.heading(&format!("{}: {} ({} bytes)", path.display(), Rounded(len), Grouped(len)));
    if let Some(table) = &inspection.table {
        add_table(&mut lines, table);
        for ((partition, volume), counts) in table.partitions.iter().zip(&inspection.volumes).zip(counts) {
            lines.gap();
            add_partition(&mut lines, "partition", partition, table.sector);
            add_volume(&mut lines, volume.as_ref(), *counts);
        }
        for partition in &table.hybrid {
            lines.gap();
            add_partition(&mut lines, "hybrid MBR, partition", partition, table.sector);
        }
    }
    if inspection.whole.is_some() {
        add_volume(&mut lines, inspection.whole.as_ref(), whole);
    }
    lines.text
}

fn add_table(lines: &mut Lines, table: &Table) {
    lines.add("table", table.kind.name());
    lines.add("disk", table.id.as_deref().unwrap_or("not known"));
    if table.sector != 512 {
        lines.add("sectors", &format!("{} bytes each", table.sector));
    }
    lines.add("partitions", &table.partitions.len().to_string());
}

fn add_partition(lines: &mut Lines, noun: &str, partition: &Partition, sector: u64) {
    match partition.name.as_str() {
        "" => lines.heading(&format!("{noun} {}", partition.number)),
        name => lines.heading(&format!("{noun} {}: {}", partition.number, printable(name.as_bytes()))),
    }
    match partition.type_name {
        Some(name) => lines.add("type", name),
        None => lines.add("type", &partition.ty),
    }
    let (first, last) = (partition.at / sector, (partition.end() / sector).saturating_sub(1));
    lines.add(
        "place",
        &format!(
            "{} to {} (sectors {} to {})",
            Rounded(partition.at),
            Rounded(partition.end()),
            Grouped(first),
            Grouped(last)
        ),
    );
    lines.add("size", &Rounded(partition.len).to_string());
    lines.add("PARTUUID", &partition.uuid);
    if !partition.flags.is_empty() {
        lines.add("flags", &partition.flags.join(", "));
    }
}

fn add_volume(lines: &mut Lines, volume: Option<&Volume>, counts: Option<Counts>) {
    let Some(volume) = volume else { return };
    let state = match &volume.files {
        Contents::Damaged(_) => ", damaged",
        Contents::Unsupported(_) => ", which cannot be read",
        Contents::Files(_) | Contents::Unread => "",
    };
    lines.add("content", &format!("{}{state}", volume.kind));
    if let Contents::Unsupported(why) = &volume.files {
        lines.add("note", &printable(why.as_bytes()));
    }
    if !volume.label.is_empty() {
        lines.add("label", &printable(volume.label.as_bytes()));
    }
    if let Some(uuid) = &volume.uuid {
        lines.add("UUID", uuid);
    }
    if let (Some(len), Some(free)) = (volume.len, volume.free) {
        let used = len.saturating_sub(free);
        lines.add("space", &format!("{} of {} used, {} free", Rounded(used), Rounded(len), Rounded(free)));
    }
    if let Some(counts) = counts {
        lines.add("files", &counts_text(counts));
    }
}

/// Returns "2 files, 1 directory, 3 links".
fn counts_text(counts: Counts) -> String {
    let Counts { files, directories, links, others } = counts;
    let directories_noun = if directories == 1 { "directory" } else { "directories" };
    let mut parts = vec![counted(files as usize, "file"), format!("{directories} {directories_noun}")];
    if links > 0 {
        parts.push(counted(links as usize, "link"));
    }
    if others > 0 {
        parts.push(format!("{others} other{}", if others == 1 { "" } else { "s" }));
    }
    parts.join(", ")
}

fn value(
    path: &Path,
    len: u64,
    inspection: &Inspection,
    (counts, whole): (&[Option<Counts>], Option<Counts>),
    findings: &Findings,
) -> Value {
    let table = inspection.table.as_ref().map(|table| {
        let volumes = inspection.volumes.iter().map(Option::as_ref).zip(counts);
        let partitions = table.partitions.iter().zip(volumes).map(|(partition, (volume, counts))| {
            partition_value(partition, volume.map(|volume| volume_value(volume, *counts)))
        });
        json!({
            "kind": table.kind.name(),
            "disk": table.id,
            "sector-size": table.sector,
            "partitions": partitions.collect::<Vec<_>>(),
            "hybrid": table.hybrid.iter().map(|partition| partition_value(partition, None)).collect::<Vec<_>>(),
        })
    });
    let findings = findings.0.iter().map(|finding| json!({ "damage": finding.is_damage, "text": finding.text }));
    json!({
        "path": path.to_string_lossy(),
        "size": len,
        "table": table,
        "file-system": inspection.whole.as_ref().map(|volume| volume_value(volume, whole)),
        "findings": findings.collect::<Vec<_>>(),
    })
}

fn partition_value(partition: &Partition, volume: Option<Value>) -> Value {
    json!({
        "number": partition.number,
        "name": partition.name,
        "type": partition.ty,
        "type-name": partition.type_name,
        "uuid": partition.uuid,
        "start": partition.at,
        "size": partition.len,
        "flags": partition.flags,
        "file-system": volume,
    })
}

fn volume_value(volume: &Volume, counts: Option<Counts>) -> Value {
    let counts = counts.map(|Counts { files, directories, links, others }| {
        json!({ "files": files, "directories": directories, "links": links, "others": others })
    });
    json!({
        "kind": volume.kind,
        "label": volume.label,
        "uuid": volume.uuid,
        "size": volume.len,
        "free": volume.free,
        "counts": counts,
    })
}
