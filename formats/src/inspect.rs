//! Inspection: what an image contains, seen with the eyes of others.
//!
//! ```text
//! Image --tables--> partitions --volume--> ext4-view, fatfs --> files
//!   |                    |
//!   +-----regions--------+--> what lies where
//! ```
//! The readers are not ours (crates `gpt`, `fatfs`, `ext4-view`), so that what is shown is what other systems
//! will see. An image may be anything, the work of an enemy included: nothing here panics, and what is wrong
//! becomes a [`Finding`].

mod ext;
mod fat;
mod image;
mod names;
mod regions;
mod signatures;
mod tables;
mod volume;

use std::io;

pub use image::{Image, Source, Window};
pub use regions::areas;
pub use tables::{Partition, Table, TableKind};
pub use volume::{Contents, Counts, Entry, EntryKind, Error, Files, Permissions, Volume, count, join};

/// What was found out about an image.
pub struct Inspection {
    /// The partition table; none: there is none.
    pub table: Option<Table>,
    /// What each partition contains, in the order of the table; none: nothing that is known.
    pub volumes: Vec<Option<Volume>>,
    /// What the image is as a whole: a file system without a table, or one beside it.
    pub whole: Option<Volume>,
    /// What is noteworthy or wrong.
    pub findings: Findings,
}

/// Something that is to be said about an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether it is wrong, and not only noteworthy.
    pub is_damage: bool,
    /// What it is.
    pub text: String,
}

/// All that is to be said, in the order in which it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    /// Adds something that is wrong.
    pub fn damage(&mut self, text: impl Into<String>) {
        self.0.push(Finding { is_damage: true, text: text.into() });
    }

    /// Adds something noteworthy.
    pub fn note(&mut self, text: impl Into<String>) {
        self.0.push(Finding { is_damage: false, text: text.into() });
    }
}

/// A name for what the volume of the whole image lies beside a table.
const BESIDE_TABLE: &str = "ISO 9660";

/// Looks at an image: its table, and what its partitions contain.
///
/// # Errors
/// The image cannot be read.
pub fn inspect(image: &Image) -> io::Result<Inspection> {
    let mut findings = Findings::default();
    let mut whole = volume::open(&Window::new(image, 0, u64::MAX))?;
    let mut table = tables::read(image, &mut findings)?;
    // A boot sector may look like a table without entries, or with such that lead nowhere.
    let is_believed = |table: &Table| match (table.kind, &whole) {
        (TableKind::Mbr, Some(_)) => table.partitions.iter().any(|partition| partition.end() <= image.len()),
        _ => true,
    };
    if !table.as_ref().is_none_or(is_believed) {
        table = None;
        findings = Findings::default();
    }
    if table.is_some() {
        whole = whole.filter(|volume| volume.kind == BESIDE_TABLE);
    }
    let mut volumes = Vec::new();
    for partition in table.iter().flat_map(|table| &table.partitions) {
        volumes.push(match partition.is_extended {
            true => None,
            false => volume::open(&Window::new(image, partition.at, partition.len))?,
        });
        let volume = volumes.last().and_then(Option::as_ref);
        say_damage(volume, &format!("partition {}", partition.number), &mut findings);
    }
    say_damage(whole.as_ref(), "the image", &mut findings);
    Ok(Inspection { table, volumes, whole, findings })
}

fn say_damage(volume: Option<&Volume>, what: &str, findings: &mut Findings) {
    let Some(volume) = volume else { return };
    for note in &volume.notes {
        findings.note(format!("the {} of {what}: {note}", volume.kind));
    }
    if let Contents::Damaged(why) = &volume.files {
        findings.damage(format!("the {} of {what} is damaged: {why}", volume.kind));
    }
}

/// What a file is that is no raw image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrapping {
    /// What it is.
    pub name: &'static str,
    /// The command that unpacks it; empty where none does.
    pub command: &'static str,
}

/// Returns what a file is that is no raw image but, perhaps, contains one.
///
/// # Errors
/// The image cannot be read.
pub fn wrapping(image: &Image) -> io::Result<Option<Wrapping>> {
    Ok(signatures::wrapping(image)?.map(|(name, command)| Wrapping { name, command }))
}

#[cfg(test)]
mod tests;
