//! Places: tables, boot loaders and partitions that want the same bytes, as far as sizes are known before anything is built.

use std::collections::BTreeMap;

use gravure_eval::View;
use gravure_formats::Capacity;
use gravure_formats::disk::{PlaceError, Request, place_in_mbr, place_partitions};
use gravure_formats::mbr;
use gravure_formats::units::{Grouped, Size};
use gravure_lang::{Diagnostic, Place};

use super::Subject;
use crate::kinds::disk::GRUB_NAMES;
use crate::lower::LowerError;
use crate::lower::entries::role;
use crate::lower::loader::sizes;

/// What messages call the table when a partition is put there.
const TABLE: &str = "partition table";
/// What messages call the entries of a GPT that are elsewhere.
const ENTRIES: &str = "GPT entry array";
/// Where an MBR ends, and the header of a GPT.
const TABLE_ENDS: [(&str, u64); 2] = [("gpt", 1024), ("mbr", 512)];
/// The bytes of the entries of a GPT: 128 of 128 bytes each (UEFI 2.10, section 5.3.2).
const ENTRIES_LEN: u64 = 16384;
/// How many entries there are.
const MOST_PARTITIONS: usize = 128;
/// How many partitions of a GPT fit into the MBR beside it, whose own entry takes one of four.
const MOST_IN_MBR: usize = 3;
/// Where partitions start that do not say.
const FIRST_PARTITION: u64 = 1 << 20;
/// The least that something of unknown size takes.
const SECTOR: u64 = 512;

/// What the table has no room or no words for.
pub(super) fn table(subject: &Subject<'_, '_, '_>) -> Result<Vec<Diagnostic>, LowerError> {
    let mut found = Vec::new();
    let table_place = subject.place(subject.image, "partition-table-type");
    let in_mbr = subject.partitions_with(|partition| Ok(partition.bool("in-mbr?")?))?;
    if subject.has_gpt()? {
        if let Some(&partition) = subject.partitions.get(MOST_PARTITIONS) {
            let message = format!("a GPT has {MOST_PARTITIONS} entries, and this is partition {}", MOST_PARTITIONS + 1);
            let diagnostic = Diagnostic::error("E0429", message, partition.brace(), "no entry left");
            found.push(diagnostic.label(table_place, "the table"));
        }
        if let Some(&partition) = in_mbr.get(MOST_IN_MBR) {
            let message = format!("an MBR beside a GPT has room for {MOST_IN_MBR} partitions, and this is one more");
            let place = subject.place(partition, "in-mbr?");
            let mut diagnostic = Diagnostic::error("E0430", message, place, "one too many");
            for &other in &in_mbr[..MOST_IN_MBR] {
                diagnostic = diagnostic.label(subject.place(other, "in-mbr?"), format!("`{}`", other.string("name")?));
            }
            found.push(diagnostic);
        }
        return Ok(found);
    }
    for &partition in subject.partitions {
        let fields = [
            ("guid", partition.optional_record("guid")?.is_some()),
            ("attributes", !partition.strings("attributes")?.is_empty()),
            ("in-mbr?", partition.bool("in-mbr?")?),
        ];
        for (field, _) in fields.into_iter().filter(|(_, is_given)| *is_given) {
            let message = format!("`{field}` is for a GPT, and the image has an MBR");
            let diagnostic = Diagnostic::error("E0431", message, partition.place(field), "this has no meaning here");
            found.push(diagnostic.label(table_place, "the table"));
        }
    }
    Ok(found)
}

/// Something with a place that the user can change.
struct Culprit {
    request: Request,
    /// Where its offset is said, else where it is.
    place: Place,
    alignment: Place,
    size: Place,
    /// Whether the machine looks for it there, so that it can be nowhere else.
    is_fixed: bool,
}

/// Returns all that has a place on the disk: the partitions, then the rest.
fn culprits(subject: &Subject<'_, '_, '_>) -> Result<Vec<Culprit>, LowerError> {
    let mut culprits = Vec::new();
    for (&partition, &capacity) in subject.partitions.iter().zip(subject.capacities) {
        culprits.push(partition_culprit(subject, partition, capacity)?);
    }
    culprits.extend(tables(subject)?);
    culprits.extend(blobs(subject)?);
    Ok(culprits)
}

/// Returns where the places of partitions and boot loaders are said, by their names.
pub(super) fn said(subject: &Subject<'_, '_, '_>) -> Result<BTreeMap<String, Place>, LowerError> {
    Ok(culprits(subject)?.into_iter().map(|culprit| (culprit.request.name, culprit.place)).collect())
}

/// Partitions, boot loaders and tables that overlap, and what is not at a sector.
pub(super) fn overlaps(subject: &Subject<'_, '_, '_>) -> Result<Vec<Diagnostic>, LowerError> {
    let culprits = culprits(subject)?;
    let n_partitions = subject.partitions.len();
    let mut requests: Vec<Request> = culprits.iter().map(|culprit| culprit.request.clone()).collect();
    let placed = match subject.has_gpt()? {
        true => place_partitions(FIRST_PARTITION, &requests[..n_partitions]),
        false => {
            let mut roles = Vec::new();
            for &partition in subject.partitions {
                roles.push(role(partition)?);
            }
            let places = place_in_mbr(FIRST_PARTITION, &requests[..n_partitions], &roles);
            places.map(|places| places.into_iter().map(|place| place.place).collect())
        }
    };
    let error = placed.and_then(|places| {
        requests.iter_mut().zip(&places).for_each(|(request, place)| request.offset = Some(place.at));
        place_partitions(FIRST_PARTITION, &requests)
    });
    Ok(error.err().map(|error| explained(subject, &culprits, &error)).into_iter().collect())
}

fn explained(subject: &Subject<'_, '_, '_>, culprits: &[Culprit], error: &PlaceError) -> Diagnostic {
    let find = |name: &str| culprits.iter().find(|culprit| culprit.request.name == name);
    let place = |name: &str| find(name).map_or(subject.image.brace(), |culprit| culprit.place);
    let report = |message: String, place: Place, label: &str| Diagnostic::error("E0417", message, place, label);
    let message = error.to_string();
    match error {
        PlaceError::Overlap { new, old, .. } if [TABLE, ENTRIES].contains(&new.what.as_str()) => {
            let message = format!("{old} overlaps the {}, which ends at byte {}", new.what, Grouped(new.end()));
            report(message, place(&old.what), "this one").label(place(&new.what), "the table")
        }
        PlaceError::Overlap { new, old, .. } if find(&new.what).is_some_and(|culprit| culprit.is_fixed) => {
            let start = Size(new.at);
            let message =
                format!("`{}` starts at {start}, where the machine looks for it, and overlaps {old}", new.what);
            let diagnostic = report(message, place(&old.what), "this one").label(place(&new.what), "this boot loader");
            match [TABLE, ENTRIES].contains(&old.what.as_str()) && subject.has_gpt().unwrap_or_default() {
                true => diagnostic.help("take an MBR, or move the entries of the GPT with `entry-array-offset`"),
                false => diagnostic,
            }
        }
        PlaceError::Overlap { new, old, first_free } => {
            let free = first_free.map(|free| format!("; the first free offset is {}", Size(free))).unwrap_or_default();
            let message = format!("`{}` starts at {}, and overlaps {old}{free}", new.what, Size(new.at));
            report(message, place(&new.what), "this one").label(place(&old.what), "already there")
        }
        PlaceError::NoEbr { name, old } => {
            report(message, place(name), "this logical partition").label(place(&old.what), "already there")
        }
        PlaceError::Unaligned { name, .. } | PlaceError::TooFar { name } => report(message, place(name), "this offset"),
        PlaceError::Alignment { name, .. } => {
            report(message, find(name).map_or(place(name), |culprit| culprit.alignment), "this alignment")
        }
        PlaceError::Empty { name } => {
            report(message, find(name).map_or(place(name), |culprit| culprit.size), "this size")
        }
        PlaceError::TooManyPrimary { name, .. } => {
            let table = subject.place(subject.image, "partition-table-type");
            report(message, place(name), "this partition").label(table, "the table")
        }
        PlaceError::Mbr(mbr::Error::Order { first, second }) => {
            report(message, place(second), "comes first on the disk").label(place(first), "comes first in the table")
        }
        PlaceError::Mbr(mbr::Error::InExtended { name, first, last }) => {
            let diagnostic = report(message, place(name), "this primary partition");
            diagnostic.label(place(first), "the first logical one").label(place(last), "the last logical one")
        }
        PlaceError::Mbr(_) => report(message, subject.place(subject.image, "partitions"), "these partitions"),
    }
}

fn partition_culprit(
    subject: &Subject<'_, '_, '_>,
    partition: View<'_, '_>,
    capacity: Capacity,
) -> Result<Culprit, LowerError> {
    let offset = partition.optional_size("offset")?;
    let own = (subject.nearest)(&[partition.brace(), subject.image.brace()]);
    let len = match capacity {
        Capacity::Exact(len) => len,
        Capacity::Guess { .. } => SECTOR,
    };
    Ok(Culprit {
        request: Request {
            name: partition.string("name")?.to_owned(),
            offset,
            alignment: partition.size("alignment")?,
            len,
        },
        // Where nobody chose an offset, the partition itself says more than the declaration of the field.
        place: if offset.is_some() { subject.place(partition, "offset") } else { own },
        alignment: subject.place(partition, "alignment"),
        size: if matches!(capacity, Capacity::Exact(_)) { subject.place(partition, "size") } else { own },
        is_fixed: false,
    })
}

fn culprit_at(name: &str, at: u64, len: u64, place: Place) -> Culprit {
    let request = Request { name: name.to_owned(), offset: Some(at), alignment: SECTOR, len };
    Culprit { request, place, alignment: place, size: place, is_fixed: false }
}

fn loader_at(name: &str, at: u64, len: u64, place: Place) -> Culprit {
    Culprit { is_fixed: true, ..culprit_at(name, at, len, place) }
}

/// The partition table, and the entries of a GPT.
fn tables(subject: &Subject<'_, '_, '_>) -> Result<Vec<Culprit>, LowerError> {
    let table = subject.image.string("partition-table-type")?;
    let end = TABLE_ENDS.iter().find(|(name, _)| *name == table).map_or(SECTOR, |(_, end)| *end);
    let place = subject.place(subject.image, "partition-table-type");
    if !subject.has_gpt()? {
        return Ok(vec![culprit_at(TABLE, 0, end, place)]);
    }
    Ok(match subject.image.optional_size("entry-array-offset")? {
        None => vec![culprit_at(TABLE, 0, end + ENTRIES_LEN, place)],
        // What is not at a sector is refused with a message of its own.
        Some(at) if !at.is_multiple_of(SECTOR) => vec![culprit_at(TABLE, 0, end, place)],
        Some(at) => {
            let entries = subject.place(subject.image, "entry-array-offset");
            vec![culprit_at(TABLE, 0, end, place), culprit_at(ENTRIES, at, ENTRIES_LEN, entries)]
        }
    })
}

/// The boot loaders at fixed places, with the room that there is for them; how long they are is not known yet.
fn blobs(subject: &Subject<'_, '_, '_>) -> Result<Vec<Culprit>, LowerError> {
    let Some(system) = subject.system else { return Ok(Vec::new()) };
    let bootloader = system.record("bootloader")?;
    let chosen = subject.place(bootloader, "loader");
    let loader = bootloader.record("loader")?;
    let mut culprits = Vec::new();
    for blob in loader.records("blobs")? {
        let name = blob.string("name")?;
        let len = blob.optional_size("limit")?.unwrap_or(SECTOR);
        let places =
            [("offset", blob.optional_size("offset")?.into_iter().collect()), ("copies", sizes(blob, "copies")?)];
        for (field, offsets) in places {
            let place = (subject.nearest)(&[blob.place(field), chosen]);
            culprits.extend(offsets.iter().map(|&at| loader_at(name, at, len, place)));
        }
    }
    if loader.string("kind")? == "grub-bios" && !subject.has_gpt()? {
        let [_, core] = GRUB_NAMES;
        culprits.push(loader_at(core, SECTOR, SECTOR, chosen));
    }
    Ok(culprits)
}
