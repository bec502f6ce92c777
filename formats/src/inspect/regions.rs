//! What lies where in an image: tables, partitions, and whatever is found outside of them.

use std::io;

use super::{Image, Inspection, Partition, Volume, signatures};
use crate::areas::{Area, Areas, Role};
use crate::mbr::{SECTOR, TABLE_AT};

/// Data with fewer zeros than this in it is one piece.
const LONGEST_PAUSE: u64 = 64 << 10;
/// How much is looked at once.
const PIECE: u64 = 64 << 10;

/// Returns what lies where in an image. Bytes that are not zero, outside of everything that is known, are boot loaders
/// if they have a mark, else data.
///
/// # Errors
/// The image cannot be read.
pub fn areas(image: &Image, inspection: &Inspection) -> io::Result<Areas> {
    let mut given = Vec::new();
    if let Some(table) = &inspection.table {
        let structures = table.structures.iter();
        given.extend(structures.map(|region| Area {
            role: Role::Table,
            what: region.what.clone(),
            label: String::new(),
            at: region.at,
            len: region.len,
        }));
        let volumes = table.partitions.iter().zip(&inspection.volumes);
        let volumes = volumes.filter(|(partition, _)| !partition.is_extended);
        given.extend(volumes.map(|(partition, volume)| partition_area(partition, volume.as_ref())));
        given.extend(table.hybrid.iter().map(|partition| Area {
            what: format!("partition {} of the hybrid MBR", partition.number),
            ..partition_area(partition, None)
        }));
    }
    if let Some(volume) = &inspection.whole {
        given.push(whole_area(volume, image.len()));
    }
    let known = Areas::new(image.len(), given.clone());
    for area in known.areas.iter().filter(|area| area.role == Role::Free) {
        given.extend(data(image, area.at, area.end())?);
    }
    Ok(Areas::new(image.len(), given))
}

fn partition_area(partition: &Partition, volume: Option<&Volume>) -> Area {
    let name = match (partition.name.as_str(), volume) {
        ("", Some(volume)) => volume.label.as_str(),
        (name, _) => name,
    };
    let mut what = format!("partition {}", partition.number);
    if !name.is_empty() {
        what += &format!(" `{name}`");
    }
    match (volume, partition.type_name) {
        (Some(volume), _) => what += &format!(", {}", volume.kind),
        (None, Some(ty)) => what += &format!(", {ty}"),
        (None, None) => {}
    }
    let label = if name.is_empty() { partition.number.to_string() } else { name.to_owned() };
    Area { role: Role::Partition, what, label, at: partition.at, len: partition.len }
}

fn whole_area(volume: &Volume, len: u64) -> Area {
    let what = match volume.label.as_str() {
        "" => volume.kind.to_owned(),
        label => format!("{} `{label}`", volume.kind),
    };
    let label = if volume.label.is_empty() { volume.kind.to_owned() } else { volume.label.clone() };
    Area { role: Role::Partition, what, label, at: 0, len: volume.len.unwrap_or(len) }
}

/// Returns what is not zero in the bytes `lo..hi`.
fn data(image: &Image, lo: u64, hi: u64) -> io::Result<Vec<Area>> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    let mut at = lo;
    while at < hi {
        let end = (at / PIECE * PIECE + PIECE).min(hi);
        let bytes = image.up_to(at, end - at)?;
        for (from, to) in filled_sectors(at, &bytes) {
            match runs.last_mut() {
                Some(last) if from - last.1 < LONGEST_PAUSE => last.1 = to,
                _ => runs.push((from, to)),
            }
        }
        at = end;
    }
    runs.into_iter().map(|(from, to)| data_area(image, from, to)).collect()
}

/// Returns the sectors (the first and last may be partial) that are not all zeros.
fn filled_sectors(at: u64, bytes: &[u8]) -> Vec<(u64, u64)> {
    if bytes.iter().all(|byte| *byte == 0) {
        return Vec::new();
    }
    let (mut filled, mut from) = (Vec::new(), at);
    let mut rest = bytes;
    while !rest.is_empty() {
        let len = (SECTOR - from % SECTOR).min(rest.len() as u64);
        let (sector, others) = rest.split_at(len as usize);
        if sector.iter().any(|byte| *byte != 0) {
            filled.push((from, from + len));
        }
        (from, rest) = (from + len, others);
    }
    filled
}

fn data_area(image: &Image, at: u64, end: u64) -> io::Result<Area> {
    let (role, what) = match signatures::loader(image, at, end)? {
        Some(name) => (Role::Loader, name),
        None if at == 0 && end == TABLE_AT => (Role::Loader, signatures::boot_code(&image.up_to(0, TABLE_AT)?)),
        None => (Role::Data, "data outside of partitions"),
    };
    let label = if role == Role::Loader { "loader" } else { "data" };
    Ok(Area { role, what: what.to_owned(), label: label.to_owned(), at, len: end - at })
}
