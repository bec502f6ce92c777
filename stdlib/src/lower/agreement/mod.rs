//! What must agree before anything is built: names with what looks for them, partitions with what they are for, and places
//! with one another. Each mistake names both sides.

mod names;
mod placement;
mod roles;

use std::collections::BTreeMap;

use gravure_eval::{Value, View};
use gravure_formats::Capacity;
use gravure_lang::{Diagnostic, Place};

use super::{LowerError, Lowering};

/// An image, and what is needed to say where its mistakes are.
struct Subject<'s, 'e, 'h> {
    image: View<'e, 'h>,
    system: Option<View<'e, 'h>>,
    partitions: &'s [View<'e, 'h>],
    capacities: &'s [Capacity],
    /// Returns the first of some places that the user wrote.
    nearest: &'s dyn Fn(&[Place]) -> Place,
}

/// One rule: what breaks it.
type Rule = fn(&Subject<'_, '_, '_>) -> Result<Vec<Diagnostic>, LowerError>;

/// All rules, in the order in which mistakes are shown.
const RULES: &[Rule] = &[
    roles::platforms,
    roles::root,
    roles::boot_partition,
    roles::loader,
    roles::esp_file_system,
    roles::features,
    roles::mounted_root,
    names::label_lengths,
    names::labels_looked_for,
    names::identifiers,
    placement::table,
    placement::overlaps,
];

/// Reports all that does not agree. Returns where the places of partitions and boot loaders are said, by their names, since some
/// turn out to be too large only when they are built.
pub(super) fn check<'h>(
    lowering: &Lowering<'_, '_>,
    image: View<'_, 'h>,
    partitions: &[View<'_, 'h>],
    capacities: &[Capacity],
) -> Result<BTreeMap<String, Place>, LowerError> {
    let system = image.optional_record("operating-system")?;
    let nearest = |places: &[Place]| lowering.nearest(places);
    let subject = Subject { image, system, partitions, capacities, nearest: &nearest };
    let mut found = Vec::new();
    for rule in RULES {
        found.extend(rule(&subject)?);
        // What is for another machine fits in no other way either.
        if found.iter().any(|diagnostic| diagnostic.code == roles::OTHER_PLATFORM) {
            break;
        }
    }
    if found.is_empty() { placement::said(&subject) } else { Err(LowerError::Diagnostics(found)) }
}

impl<'e, 'h> Subject<'_, 'e, 'h> {
    /// Returns where the user says what a field is: the field, or else the record, or else the image.
    fn place(&self, view: View<'_, '_>, field: &str) -> Place {
        (self.nearest)(&[view.place(field), view.brace(), self.image.brace()])
    }

    /// Returns the partitions that something holds for.
    fn partitions_with(
        &self,
        holds: impl Fn(View<'e, 'h>) -> Result<bool, LowerError>,
    ) -> Result<Vec<View<'e, 'h>>, LowerError> {
        let mut found = Vec::new();
        for &partition in self.partitions {
            if holds(partition)? {
                found.push(partition);
            }
        }
        Ok(found)
    }

    /// Returns the partitions with this content.
    fn partitions_of(&self, content: &str) -> Result<Vec<View<'e, 'h>>, LowerError> {
        self.partitions_with(|partition| Ok(partition.optional_string("content")? == Some(content)))
    }

    /// Whether the image has a GPT.
    fn has_gpt(&self) -> Result<bool, LowerError> {
        Ok(self.image.string("partition-table-type")? == "gpt")
    }
}

/// Returns the label by which a file system is found.
fn label_of<'h>(file_system: View<'_, 'h>) -> Result<Option<&'h str>, LowerError> {
    match file_system.value("device")? {
        Value::Record(record) => {
            let device = file_system.evaluator.view(record);
            Ok(if device.type_name() == "FileSystemLabel" { Some(device.string("label")?) } else { None })
        }
        _ => Ok(None),
    }
}
