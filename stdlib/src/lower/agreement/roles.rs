//! Roles: which partition is the root, which one is booted from, and whether kernel, loader and firmware belong together.

use gravure_eval::View;
use gravure_lang::Diagnostic;

use super::{Subject, label_of};
use crate::lower::LowerError;

/// The code of platforms that differ.
pub(super) const OTHER_PLATFORM: &str = "E0426";

/// Platforms of image, operating system, kernel and boot loader that differ.
pub(super) fn platforms(subject: &Subject<'_, '_, '_>) -> Result<Vec<Diagnostic>, LowerError> {
    let Some(system) = subject.system else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    let whole = system.string("platform")?;
    let place = subject.place(system, "platform");
    let of_image = subject.image.string("platform")?;
    if of_image != whole {
        let message = format!("the image is for `{of_image}`, and its operating system for `{whole}`");
        let own = subject.place(subject.image, "platform");
        let help =
            format!("`--platform {of_image}` builds the same for `{of_image}`, if its own parts leave that open");
        let diagnostic = if own == place {
            Diagnostic::error(OTHER_PLATFORM, message, own, "image and operating system")
        } else {
            Diagnostic::error(OTHER_PLATFORM, message, own, "the image").label(place, "the operating system")
        };
        return Ok(vec![diagnostic.help(help)]);
    }
    let bootloader = system.record("bootloader")?;
    let parts = [
        (system.record("kernel")?, subject.place(system, "kernel"), "kernel"),
        (bootloader.record("loader")?, subject.place(bootloader, "loader"), "boot loader"),
    ];
    for (part, chosen, what) in parts {
        let platform = part.string("platform")?;
        if platform != whole {
            let message = format!("the operating system is for `{whole}`, and its {what} for `{platform}`");
            let own = (subject.nearest)(&[part.place("platform"), chosen]);
            let diagnostic = Diagnostic::error(OTHER_PLATFORM, message, own, format!("this {what}"));
            found.push(diagnostic.label(place, "the operating system"));
        }
    }
    Ok(found)
}

/// No root, or several.
pub(super) fn root(subject: &Subject<'_, '_, '_>) -> Result<Vec<Diagnostic>, LowerError> {
    if subject.system.is_none() {
        return Ok(Vec::new());
    }
    let message = "an image of an operating system has one partition with `content = 'root`";
    let help = "add `images.root-partition { label = image.label }`";
    one_of(subject, &subject.partitions_of("root")?, "content", ("E0422", message, help))
}

/// No partition that is booted from, or several.
pub(super) fn boot_partition(subject: &Subject<'_, '_, '_>) -> Result<Vec<Diagnostic>, LowerError> {
    if subject.system.is_none() {
        return Ok(Vec::new());
    }
    let found = subject.partitions_with(|partition| Ok(partition.strings("flags")?.contains(&"boot")))?;
    let message = "an image of an operating system has one partition with the flag `'boot`";
    one_of(subject, &found, "flags", ("E0423", message, "the partition to boot from has `flags += ['boot]`"))
}

/// Reports what is not there exactly once.
fn one_of(
    subject: &Subject<'_, '_, '_>,
    partitions: &[View<'_, '_>],
    field: &str,
    (code, message, help): (&'static str, &str, &str),
) -> Result<Vec<Diagnostic>, LowerError> {
    Ok(match partitions {
        [_] => Vec::new(),
        [] => {
            let place = subject.place(subject.image, "partitions");
            let message = format!("{message}, and this one has none");
            vec![Diagnostic::error(code, message, place, "none of these").help(help)]
        }
        [others @ .., last] => {
            let message = format!("{message}, and this one has {}", partitions.len());
            let mut diagnostic = Diagnostic::error(code, message, subject.place(*last, field), name_of(*last)?);
            for other in others {
                diagnostic = diagnostic.label(subject.place(*other, field), name_of(*other)?);
            }
            vec![diagnostic]
        }
    })
}

fn name_of(partition: View<'_, '_>) -> Result<String, LowerError> {
    Ok(format!("`{}`", partition.string("name")?))
}

/// A boot loader without the partition that it needs, and such a partition without a boot loader that has something for it.
pub(super) fn loader(subject: &Subject<'_, '_, '_>) -> Result<Vec<Diagnostic>, LowerError> {
    let Some(system) = subject.system else { return Ok(Vec::new()) };
    let bootloader = system.record("bootloader")?;
    let loader = bootloader.record("loader")?;
    let is_for_bios = loader.string("kind")? == "grub-bios";
    let has_files = !loader.records("files")?.is_empty();
    let name = loader.string("name")?;
    let chosen = subject.place(bootloader, "loader");
    let (mut efi, mut raw) = (Vec::new(), Vec::new());
    for partition in subject.partitions_of("bootloader")? {
        let is_formatted = partition.string("file-system")? != "unformatted";
        if is_formatted { &mut efi } else { &mut raw }.push(partition);
    }
    let mut found = Vec::new();
    if has_files && efi.is_empty() {
        let message = format!("boot loader `{name}` is started from an EFI system partition, and the image has none");
        let place = subject.place(subject.image, "partitions");
        let diagnostic = Diagnostic::error("E0424", message, place, "none of these has `content = 'bootloader`");
        found.push(diagnostic.label(chosen, "this boot loader").help("add `images.esp-partition`"));
    }
    if is_for_bios && subject.has_gpt()? && raw.is_empty() {
        let message =
            format!("a GPT leaves no room for boot loader `{name}`, and the image has no BIOS boot partition");
        let place = subject.place(subject.image, "partitions");
        let diagnostic = Diagnostic::error("E0435", message, place, "none of these is one");
        let diagnostic = diagnostic.label(chosen, "this boot loader");
        let diagnostic = diagnostic.label(subject.place(subject.image, "partition-table-type"), "the table");
        found.push(diagnostic.help("add `images.bios-boot-partition`"));
    }
    let unused = |partition: View<'_, '_>| -> Result<Diagnostic, LowerError> {
        let message = format!("boot loader `{name}` has nothing for the partition `{}`", partition.string("name")?);
        let place = subject.place(partition, "content");
        Ok(Diagnostic::error("E0425", message, place, "nothing to put here").label(chosen, "this boot loader"))
    };
    for partition in efi.into_iter().filter(|_| !has_files) {
        found.push(unused(partition)?);
    }
    let in_partitions = blobs_in_partitions(loader)?;
    for &partition in &raw {
        let name = partition.string("name")?;
        if !is_for_bios && in_partitions.iter().all(|(blob, _)| *blob != name) {
            found.push(unused(partition)?);
        }
    }
    for (blob, record) in in_partitions {
        let is_there = |partition: &View<'_, '_>| matches!(partition.string("name"), Ok(name) if name == blob);
        if !raw.iter().any(is_there) {
            let message =
                format!("boot loader `{name}` is started from the partition `{blob}`, and the image has none");
            let place = subject.place(subject.image, "partitions");
            let label = "none of these has this name, `content = 'bootloader` and `file-system = 'unformatted`";
            let own = (subject.nearest)(&[record.brace(), chosen]);
            found.push(Diagnostic::error("E0424", message, place, label).label(own, "this boot loader"));
        }
    }
    Ok(found)
}

/// Returns what a boot loader wants to have in partitions of its own, by their names.
fn blobs_in_partitions<'e, 'h>(loader: View<'e, 'h>) -> Result<Vec<(&'h str, View<'e, 'h>)>, LowerError> {
    let mut blobs = Vec::new();
    for blob in loader.records("blobs")? {
        if blob.optional_size("offset")?.is_none() {
            blobs.push((blob.string("name")?, blob));
        }
    }
    Ok(blobs)
}

/// An EFI system partition whose file system firmware does not read.
pub(super) fn esp_file_system(subject: &Subject<'_, '_, '_>) -> Result<Vec<Diagnostic>, LowerError> {
    let mut found = Vec::new();
    for partition in subject.partitions_with(|partition| Ok(partition.strings("flags")?.contains(&"esp")))? {
        let file_system = partition.string("file-system")?;
        if !matches!(file_system, "vfat" | "fat12" | "fat16" | "fat32") {
            let message = format!("UEFI reads FAT, and the EFI system partition has `'{file_system}`");
            let place = subject.place(partition, "file-system");
            let diagnostic = Diagnostic::error("E0428", message, place, "this file system");
            let diagnostic = diagnostic.label(subject.place(partition, "flags"), "the EFI system partition");
            found.push(diagnostic.write("'fat32"));
        }
    }
    Ok(found)
}

/// Features of ext2, ext3 and ext4 that a partition shall do without that has another file system.
pub(super) fn features(subject: &Subject<'_, '_, '_>) -> Result<Vec<Diagnostic>, LowerError> {
    let mut found = Vec::new();
    for partition in subject.partitions_with(|partition| Ok(!partition.strings("without")?.is_empty()))? {
        let file_system = partition.string("file-system")?;
        if !matches!(file_system, "ext4" | "ext3" | "ext2") {
            let message = format!("`without` names features of ext4, and the partition has `'{file_system}`");
            let diagnostic = Diagnostic::error("E0434", message, partition.place("without"), "these features");
            found.push(diagnostic.label(subject.place(partition, "file-system"), "the file system"));
        }
    }
    Ok(found)
}

/// A root that is not what the operating system mounts on `/`.
pub(super) fn mounted_root(subject: &Subject<'_, '_, '_>) -> Result<Vec<Diagnostic>, LowerError> {
    let Some(system) = subject.system else { return Ok(Vec::new()) };
    let [root] = subject.partitions_of("root")?[..] else { return Ok(Vec::new()) };
    let mut differing = Vec::new();
    for mounted in system.records("file-systems")? {
        if mounted.string("mount-point")? != "/" {
            continue;
        }
        let (label, found) = (label_of(mounted)?, root.string("label")?);
        if let Some(label) = label.filter(|&label| label != found) {
            let message =
                format!("the operating system finds its root by the label `{label}`, and the root's is `{found}`");
            let diagnostic = Diagnostic::error("E0415", message, root.place("label"), "the partition's label");
            differing.push(diagnostic.label(mounted.place("device"), "looked for here"));
        }
        let (ty, found) = (mounted.string("type")?, root.string("file-system")?);
        if ty != found {
            let message = format!("the operating system mounts its root as `'{ty}`, and the root is `'{found}`");
            let diagnostic = Diagnostic::error("E0416", message, root.place("file-system"), "the partition's");
            differing.push(diagnostic.label(mounted.place("type"), "mounted as this"));
        }
    }
    Ok(differing)
}
