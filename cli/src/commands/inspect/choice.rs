//! `root:/etc/fstab`: a partition, as people call it, and a path in it.

use gravure_eval::nearest;
use gravure_formats::inspect::{Contents, Files, Inspection, Partition, Volume};

use crate::images::printable;
use crate::trouble::{Complaint, NOT_AS_EXPECTED, OUTSIDE_FAILED};

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// How the partition is called; none: the only one with files.
    partition: Option<String>,
    /// The path in it, which is absolute.
    pub(super) path: Vec<u8>,
}

impl Wanted {
    /// Reads `[PARTITION:]PATH`. What starts with `/` is a path as a whole.
    pub(super) fn parse(argument: &[u8]) -> Wanted {
        let colon = argument.iter().position(|byte| *byte == b':').filter(|_| !argument.starts_with(b"/"));
        let (partition, path) = match colon {
            Some(at) => (Some(String::from_utf8_lossy(&argument[..at]).into_owned()), &argument[at + 1..]),
            None => (None, argument),
        };
        let path = if path.starts_with(b"/") { path.to_vec() } else { [b"/", path].concat() };
        Wanted { partition, path }
    }

    /// Returns how to ask for the same in another partition.
    fn in_partition(&self, name: &str) -> String {
        format!("{name}:{}", printable(&self.path))
    }
}

/// Returns the volume that was asked for, and its files.
pub(super) fn choose<'a>(
    inspection: &'a Inspection,
    wanted: &Wanted,
) -> Result<(&'a Volume, &'a dyn Files), Complaint> {
    let Some(table) = &inspection.table else {
        let volume = inspection.whole.as_ref().expect("there is a table or a volume");
        return match &wanted.partition {
            Some(name) if *name != volume.label => {
                let complaint = Complaint::usage("the image is a file system without partitions");
                Err(complaint.help(format!("write `{}`", printable(&wanted.path))))
            }
            _ => readable("the image", Some(volume)),
        };
    };
    let candidates: Vec<(&Partition, Option<&Volume>)> =
        table.partitions.iter().zip(inspection.volumes.iter().map(Option::as_ref)).collect();
    let chosen = match &wanted.partition {
        Some(name) => named(&candidates, name, wanted)?,
        None => only(&candidates, wanted)?,
    };
    readable(&format!("partition {}", chosen.0.number), chosen.1)
}

type Candidate<'a> = (&'a Partition, Option<&'a Volume>);

/// A way to call a partition.
type Way = fn(&Candidate<'_>, &str) -> bool;

/// How partitions may be called: what comes first is meant first.
const WAYS: [Way; 6] = [
    |(partition, _), name| partition.number.to_string() == name,
    |(partition, _), name| partition.name == name,
    |(_, volume), name| volume.is_some_and(|volume| volume.label == name),
    |(partition, volume), name| {
        let is_this = |known: &str| !known.is_empty() && known.eq_ignore_ascii_case(name);
        is_this(&partition.name) || volume.is_some_and(|volume| is_this(&volume.label))
    },
    |(partition, _), name| partition.role.is_some_and(|role| role.eq_ignore_ascii_case(name)),
    |(partition, volume), name| {
        let has = |known: &str| known.split(['-', '_', '.', ' ']).any(|part| part.eq_ignore_ascii_case(name));
        has(&partition.name) || volume.is_some_and(|volume| has(&volume.label))
    },
];

fn named<'a>(candidates: &[Candidate<'a>], name: &str, wanted: &Wanted) -> Result<Candidate<'a>, Complaint> {
    let shown = printable(name.as_bytes());
    for is_called in WAYS.into_iter().filter(|_| !name.is_empty()) {
        let found: Vec<&Candidate<'_>> = candidates.iter().filter(|candidate| is_called(candidate, name)).collect();
        match found[..] {
            [] => {}
            [one] => return Ok(*one),
            [first, ..] => {
                let complaint = Complaint::usage(format!("`{shown}` may mean {} partitions", found.len()));
                let help = format!("write its number: `{}`", wanted.in_partition(&first.0.number.to_string()));
                return Err(complaint.note(list(candidates)).help(help));
            }
        }
    }
    let names = candidates.iter().flat_map(|(partition, volume)| {
        [Some(partition.name.as_str()), volume.map(|volume| volume.label.as_str()), partition.role]
    });
    let complaint = Complaint::usage(format!("there is no partition `{shown}`")).note(list(candidates));
    Err(match nearest(name, names.flatten().filter(|name| !name.is_empty())) {
        Some(near) => complaint.help(format!("write `{}`", wanted.in_partition(&printable(near.as_bytes())))),
        None => complaint,
    })
}

/// Returns the only partition whose files can be read.
fn only<'a>(candidates: &[Candidate<'a>], wanted: &Wanted) -> Result<Candidate<'a>, Complaint> {
    let has_files =
        |(_, volume): &&Candidate<'_>| volume.is_some_and(|volume| !matches!(volume.files, Contents::Unread));
    let found: Vec<&Candidate<'_>> = candidates.iter().filter(has_files).collect();
    match found[..] {
        [one] => Ok(*one),
        [] => Err(Complaint::usage("no partition has files that can be read").note(list(candidates))),
        [first, ..] => {
            let message = format!("{} partitions have files, and it is not said which is meant", found.len());
            let has_it = |(_, volume): &&&Candidate<'_>| {
                volume.is_some_and(|volume| match &volume.files {
                    Contents::Files(files) => files.entry(&wanted.path).is_ok(),
                    _ => false,
                })
            };
            let meant = found.iter().find(has_it).unwrap_or(&first);
            let help = format!("write `{}`", wanted.in_partition(&meant.0.number.to_string()));
            Err(Complaint::usage(message).note(list(candidates)).help(help))
        }
    }
}

fn readable<'a>(what: &str, volume: Option<&'a Volume>) -> Result<(&'a Volume, &'a dyn Files), Complaint> {
    let Some(volume) = volume else {
        return Err(Complaint::usage(format!("{what} has no file system that is known")));
    };
    let kind = volume.kind;
    match &volume.files {
        Contents::Files(files) => Ok((volume, &**files)),
        Contents::Unread => Err(Complaint::usage(format!("{what} has {kind}, whose files gravure cannot read"))),
        Contents::Damaged(why) => {
            Err(Complaint::new(NOT_AS_EXPECTED, format!("the {kind} of {what} is damaged: {why}")))
        }
        Contents::Unsupported(why) => {
            Err(Complaint::new(OUTSIDE_FAILED, format!("the {kind} of {what} cannot be read: {why}")))
        }
    }
}

/// Returns "partitions: 1 `ESP` (FAT16), 2 `root` (ext4)".
fn list(candidates: &[Candidate<'_>]) -> String {
    let one = |(partition, volume): &Candidate<'_>| {
        let name = match partition.name.as_str() {
            "" => volume.map_or("", |volume| volume.label.as_str()),
            name => name,
        };
        let name = if name.is_empty() { String::new() } else { format!(" `{}`", printable(name.as_bytes())) };
        let kind = volume.map_or("unknown", |volume| volume.kind);
        format!("{}{name} ({kind})", partition.number)
    };
    match candidates {
        [] => "the table has no partitions".to_owned(),
        _ => format!("partitions: {}", candidates.iter().map(one).collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_may_stand_before_the_path() {
        let parsed = |argument: &str| {
            let Wanted { partition, path } = Wanted::parse(argument.as_bytes());
            (partition, String::from_utf8(path).unwrap())
        };
        assert_eq!(parsed("root:/etc/fstab"), (Some("root".into()), "/etc/fstab".into()));
        assert_eq!(parsed("2:"), (Some("2".into()), "/".into()));
        assert_eq!(parsed("/a:b"), (None, "/a:b".into()));
        assert_eq!(parsed("etc"), (None, "/etc".into()));
    }
}
