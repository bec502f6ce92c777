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

/// Returns the bytes of a block of ext2, ext3 or ext4.
fn block_size(partition: View<'_, '_>) -> Result<u32, LowerError> {
    let size = partition.size("block-size")?;
    let supported = u32::try_from(size).ok().filter(|size| [1024, 2048, 4096].contains(size));
    let message = || format!("ext4 has blocks of 1, 2 or 4 KiB, and not of {}", Size(size));
    supported.ok_or_else(|| mistake("E0432", partition, "block-size", message(), "this block size"))
}

/// Returns the features that a partition's ext2, ext3 or ext4 shall not have.
fn missing_features(partition: View<'_, '_>) -> Result<BTreeSet<String>, LowerError> {
    let wanted = partition.strings("without")?;
    let refused = |message: String, help: String| {
        let diagnostic = Diagnostic::error("E0433", message, partition.place("without"), "named here");
        Err(LowerError::Diagnostics(vec![diagnostic.help(help)]))
    };
    if let Some(unknown) = wanted.iter().find(|name| ext4::features().all(|known| known != **name)) {
        let help = match nearest(unknown, ext4::features()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => {
                format!("there are {}", ext4::features().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
            }
        };
        return refused(format!("`{unknown}` is no feature that ext4 can be made without"), help);
    }
    if wanted.contains(&"extent") && !wanted.contains(&"64bit") && partition.string("file-system")? == "ext4" {
        let message = "without `extent` there is no `64bit`: block maps have 32 bits for a block".to_owned();
        return refused(message, "write \"64bit\" beside it".to_owned());
    }
    Ok(wanted.into_iter().map(str::to_owned).collect())
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
        kind @ ("ext4" | "ext3" | "ext2") => {
            let hash_seed = identity.guid(&format!("hash seed {name}"));
            let uuid = match uuid {
                Some(Uuid::Long(uuid)) => uuid,
                _ => identity.guid(&format!("file system {name}")),
            };
            let (block_size, without) = (block_size(partition)?, missing_features(partition)?);
            let generation = kind.as_bytes()[3] - b'0';
            Ok(FileSystem::Ext4(ext4::Parameters {
                generation,
                label,
                uuid,
                hash_seed,
                time,
                capacity,
                block_size,
                without,
            }))
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
        other => unreachable!("the declaration of `file-system` allows no `{other}`"),
    }
}
