//! Entries of the partition table: what is written about a partition, apart from its content.

use gravure_eval::{View, nearest};
use gravure_formats::mbr::Role;
use gravure_formats::{Guid, gpt, guid, mbr};
use gravure_lang::Diagnostic;

use super::{LowerError, mistake};
use crate::identity::Identity;
use crate::kinds::disk;

/// The types of root partitions in a GPT, by platform (Discoverable Partitions Specification).
const ROOT_TYPES: &[(&str, Guid)] = &[
    ("x86_64-linux", guid::LINUX_ROOT_X86_64),
    ("aarch64-linux", guid::LINUX_ROOT_ARM64),
    ("armhf-linux", guid::LINUX_ROOT_ARM),
    ("riscv64-linux", guid::LINUX_ROOT_RISCV64),
];

/// Returns the entry of a partition, without its place.
pub(super) fn entry(
    partition: View<'_, '_>,
    image: View<'_, '_>,
    identity: Identity,
) -> Result<disk::Partition, LowerError> {
    let name = partition.string("name")?.to_owned();
    let is_boot = partition.strings("flags")?.contains(&"boot");
    let mut entry = disk::Partition {
        label: partition.string("label")?.to_owned(),
        offset: partition.optional_size("offset")?,
        alignment: partition.size("alignment")?,
        type_guid: usual_type(partition, image)?,
        guid: guid_at(partition, "guid")?.unwrap_or_else(|| identity.guid(&format!("partition {name}"))),
        mbr_kind: usual_kind(partition)?,
        is_boot,
        attributes: if is_boot { gpt::attribute::LEGACY_BOOT } else { 0 },
        is_in_mbr: partition.bool("in-mbr?")?,
        is_logical: role(partition)?.map(|role| role == Role::Logical),
        name,
    };
    for attribute in partition.strings("attributes")? {
        entry.attributes |= gpt::attribute::by_name(attribute).expect("the declaration allows attributes of the table");
    }
    if let Some(text) = partition.optional_string("type")? {
        match image.string("partition-table-type")? {
            "gpt" => entry.type_guid = gpt_type(partition, text)?,
            _ => entry.mbr_kind = mbr_kind(partition, text)?,
        }
    }
    Ok(entry)
}

/// Returns whether a partition shall be a primary or a logical one in an MBR, if that was chosen.
pub(super) fn role(partition: View<'_, '_>) -> Result<Option<Role>, LowerError> {
    let role = partition.optional_string("mbr-role")?;
    Ok(role.map(|role| if role == "logical" { Role::Logical } else { Role::Primary }))
}

/// Returns the GUID that a disk shall have, if one was chosen.
pub(super) fn disk_guid(image: View<'_, '_>) -> Result<Option<Guid>, LowerError> {
    guid_at(image, "guid")
}

/// Returns where the entries of a GPT shall be, if that was chosen, in bytes.
pub(super) fn entry_array_offset(image: View<'_, '_>) -> Result<Option<u64>, LowerError> {
    let Some(offset) = image.optional_size("entry-array-offset")? else { return Ok(None) };
    if !offset.is_multiple_of(mbr::SECTOR) {
        let message = format!("the entries of a GPT begin with a sector, at a multiple of {} bytes", mbr::SECTOR);
        return Err(mistake("E0421", image, "entry-array-offset", message, "not at a sector"));
    }
    Ok(Some(offset))
}

fn guid_at(view: View<'_, '_>, field: &str) -> Result<Option<Guid>, LowerError> {
    let Some(record) = view.optional_record(field)? else { return Ok(None) };
    let text = record.string("value")?;
    let wrong = || mistake("E0404", view, field, format!("`{text}` is no GUID: 8-4-4-4-12 digits"), "this GUID");
    text.parse().map(Some).map_err(|_| wrong())
}

/// Returns the type in a GPT that follows from what a partition is for.
fn usual_type(partition: View<'_, '_>, image: View<'_, '_>) -> Result<Guid, LowerError> {
    let is_root = partition.optional_string("content")? == Some("root");
    let platform = image.string("platform")?;
    let root_type = ROOT_TYPES.iter().find(|(of, _)| *of == platform).map(|(_, ty)| *ty);
    Ok(match partition.string("file-system")? {
        _ if partition.strings("flags")?.contains(&"esp") => guid::EFI_SYSTEM,
        "ext4" | "ext3" | "ext2" if is_root => root_type.unwrap_or(guid::LINUX_FILE_SYSTEM),
        "swap" => guid::LINUX_SWAP,
        "vfat" | "fat12" | "fat16" | "fat32" => guid::BASIC_DATA,
        "unformatted" if partition.optional_string("content")? == Some("bootloader") => guid::BIOS_BOOT,
        _ => guid::LINUX_FILE_SYSTEM,
    })
}

/// Returns the type in an MBR that follows from what a partition is for.
fn usual_kind(partition: View<'_, '_>) -> Result<u8, LowerError> {
    Ok(match partition.string("file-system")? {
        _ if partition.strings("flags")?.contains(&"esp") => mbr::kind::EFI_SYSTEM,
        "fat12" => mbr::kind::FAT12,
        "vfat" | "fat16" => mbr::kind::FAT16,
        "fat32" => mbr::kind::FAT32,
        "swap" => mbr::kind::LINUX_SWAP,
        _ => mbr::kind::LINUX,
    })
}

fn gpt_type(partition: View<'_, '_>, text: &str) -> Result<Guid, LowerError> {
    guid::by_name(text).or_else(|| text.parse().ok()).ok_or_else(|| {
        let message = format!("`{text}` is neither a GUID nor the name of a type of partitions");
        let mut diagnostic = Diagnostic::error("E0419", message, partition.place("type"), "in a GPT");
        if let Some(near) = nearest(text, guid::TYPES.iter().map(|(name, _)| *name)) {
            diagnostic = diagnostic.write(gravure_lang::quote(near));
        }
        LowerError::Diagnostics(vec![diagnostic])
    })
}

fn mbr_kind(partition: View<'_, '_>, text: &str) -> Result<u8, LowerError> {
    let digits = || Some(text).filter(|text| text.len() == 2).and_then(|text| u8::from_str_radix(text, 16).ok());
    let message = match mbr::kind::by_name(text).or_else(digits) {
        Some(mbr::kind::EXTENDED | mbr::kind::EXTENDED_LBA | mbr::kind::LINUX_EXTENDED) => {
            format!("`{text}` is the type of an extended partition, which is made where partitions are logical")
        }
        None | Some(0) => format!("`{text}` is neither two hexadecimal digits nor the name of a type of partitions"),
        Some(kind) => return Ok(kind),
    };
    Err(mistake("E0419", partition, "type", message, "in an MBR"))
}
