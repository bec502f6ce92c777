//! File systems of partitions: which one, and what it is called.

use std::collections::BTreeSet;

use gravure_eval::{View, nearest};
use gravure_formats::units::Size;
use gravure_formats::{Capacity, Guid};
use gravure_lang::Diagnostic;
use serde::Serialize;

use super::system::System;
use super::{LowerError, mistake};
use crate::identity::Identity;
use crate::kinds::{ext4, fat, raw, swap};

/// The file system of a partition.
#[derive(Serialize)]
pub(super) enum FileSystem {
    Ext4(ext4::Parameters),
    Fat(fat::Parameters),
    Swap(swap::Parameters),
    /// None at all.
    None(raw::Parameters),
}

/// How the file system of a partition is known.
pub(super) enum Uuid {
    Long(Guid),
    /// FAT's.
    Short(u32),
}

/// Returns the UUID that a partition's file system shall have, if one was chosen: by the partition, or by the operating
/// system that finds its root by it.
pub(super) fn uuid_of(partition: View<'_, '_>, system: Option<&System>) -> Result<Option<Uuid>, LowerError> {
    let own = match partition.optional_record("uuid")? {
        Some(record) => Some((record.string("value")?, partition.place("uuid"))),
        None => None,
    };
    let wanted = system.and_then(|system| system.root_uuid.as_ref());
    if let (Some((own, place)), Some((wanted, by))) = (own, wanted)
        && !own.eq_ignore_ascii_case(wanted)
    {
        let message = format!("the operating system finds its root by the UUID `{wanted}`, and the root has `{own}`");
        let diagnostic = Diagnostic::error("E0404", message, place, "this is the root's");
        return Err(LowerError::Diagnostics(vec![diagnostic.label(*by, "the operating system looks for this one")]));
    }
    let Some((text, place)) = own.or(wanted.map(|(text, place)| (text.as_str(), *place))) else { return Ok(None) };
    let is_fat = matches!(partition.string("file-system")?, "vfat" | "fat12" | "fat16" | "fat32");
    let short = text.split_once('-').map(|(high, low)| format!("{high}{low}"));
    let uuid = match is_fat {
        true => short.and_then(|digits| u32::from_str_radix(&digits, 16).ok()).map(Uuid::Short),
        false => text.parse().ok().map(Uuid::Long),
    };
    let form = if is_fat { "FAT has UUIDs of 4-4 digits" } else { "this file system has UUIDs of 8-4-4-4-12 digits" };
    let refused = || Diagnostic::error("E0404", format!("{form}, and not `{text}`"), place, "this UUID");
    uuid.map(Some).ok_or_else(|| LowerError::Diagnostics(vec![refused()]))
}

/// Returns the bytes of a block of ext4.
fn block_size(partition: View<'_, '_>) -> Result<u32, LowerError> {
    let size = partition.size("block-size")?;
    let supported = u32::try_from(size).ok().filter(|size| [1024, 2048, 4096].contains(size));
    let message = || format!("ext4 has blocks of 1, 2 or 4 KiB, and not of {}", Size(size));
    supported.ok_or_else(|| mistake("E0432", partition, "block-size", message(), "this block size"))
}

/// Returns the features that a partition's ext4 shall not have.
fn missing_features(partition: View<'_, '_>) -> Result<BTreeSet<String>, LowerError> {
    let mut missing = BTreeSet::new();
    for feature in partition.strings("without")? {
        if !ext4::FEATURES.contains(&feature) {
            let message = format!("`{feature}` is no feature that ext4 can be made without");
            let diagnostic = Diagnostic::error("E0433", message, partition.place("without"), "named here");
            let known = ext4::FEATURES.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let help = match nearest(feature, ext4::FEATURES.iter().copied()) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("there are {known}"),
            };
            return Err(LowerError::Diagnostics(vec![diagnostic.help(help)]));
        }
        missing.insert(feature.to_owned());
    }
    Ok(missing)
}

/// Returns what a partition has, with identifiers that were not chosen derived from `identity`.
pub(super) fn file_system_of(
    partition: View<'_, '_>,
    capacity: Capacity,
    time: i64,
    uuid: Option<Uuid>,
    identity: Identity,
) -> Result<FileSystem, LowerError> {
    let name = partition.string("name")?;
    let label = partition.string("label")?.to_owned();
    match partition.string("file-system")? {
        "ext4" => {
            let hash_seed = identity.guid(&format!("hash seed {name}"));
            let uuid = match uuid {
                Some(Uuid::Long(uuid)) => uuid,
                _ => identity.guid(&format!("file system {name}")),
            };
            let (block_size, without) = (block_size(partition)?, missing_features(partition)?);
            Ok(FileSystem::Ext4(ext4::Parameters { label, uuid, hash_seed, time, capacity, block_size, without }))
        }
        kind @ ("vfat" | "fat12" | "fat16" | "fat32") => {
            let volume_id = match uuid {
                Some(Uuid::Short(number)) => number,
                _ => identity.number(&format!("volume {name}")),
            };
            let bits = match kind {
                "fat12" => 12,
                "fat32" => 32,
                _ => 16,
            };
            Ok(FileSystem::Fat(fat::Parameters { bits, label, volume_id, time, capacity }))
        }
        "swap" => {
            let uuid = match uuid {
                Some(Uuid::Long(uuid)) => uuid,
                _ => identity.guid(&format!("swap {name}")),
            };
            Ok(FileSystem::Swap(swap::Parameters { label, uuid, len: partition.size("size")? }))
        }
        "unformatted" => {
            let len = match capacity {
                Capacity::Exact(len) => Some(len),
                Capacity::Guess { .. } => None,
            };
            Ok(FileSystem::None(raw::Parameters { len }))
        }
        other => {
            let message = format!("this version of gravure writes ext4 and FAT, not `'{other}`");
            Err(mistake("E0405", partition, "file-system", message, "cannot be written yet"))
        }
    }
}
