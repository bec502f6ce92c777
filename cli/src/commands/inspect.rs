//! `gravure inspect`: what an image consists of, and the files in it, as other systems see them.

mod choice;
mod listing;
mod show;

use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use gravure_eval::nearest;
use gravure_formats::inspect::{EntryKind, Error, Files, Inspection, inspect};

use crate::arguments::Inspect;
use crate::images::{Named, open, printable, unreadable};
use crate::trouble::{Complaint, NOT_AS_EXPECTED, OUTSIDE_FAILED, Trouble, reason};
use crate::{commands::layout::trouble_of, terminal};
use choice::{Wanted, choose};

pub(crate) fn run(arguments: &Inspect) -> Result<(), Trouble> {
    let path = arguments.image.as_path();
    let image = match open(path)? {
        Named::Image(image) => image,
        Named::Text => return Err(no_image(path).into()),
    };
    let inspection = inspect(&image).map_err(|error| unreadable(path, &error))?;
    if inspection.table.is_none() && inspection.whole.is_none() {
        trouble_of(&inspection.findings).or(())?;
        let message = format!("`{}` has no partition table, and no file system that is known", path.display());
        return Err(Complaint::usage(message).into());
    }
    match &arguments.path {
        None => show::image(path, image.len(), &inspection, arguments.json),
        Some(wanted) => Ok(files(&inspection, &Wanted::parse(wanted.as_bytes()), arguments)?),
    }
}

fn no_image(path: &Path) -> Complaint {
    let shown = path.display();
    if std::fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0) {
        return Complaint::usage(format!("`{shown}` is empty, and no disk image"));
    }
    let complaint = Complaint::usage(format!("`{shown}` is a text, and no disk image"));
    match path.extension().is_some_and(|ending| ending == "img") {
        true => complaint.help(format!("`gravure build {shown}` writes the image that it describes")),
        false => complaint,
    }
}

/// Lists a directory, or prints a file.
fn files(inspection: &Inspection, wanted: &Wanted, arguments: &Inspect) -> Result<(), Complaint> {
    let (_, files) = choose(inspection, wanted)?;
    let explain = |error| explain(files, &wanted.path, error);
    let entry = files.entry(&wanted.path).map_err(explain)?;
    match entry.kind {
        EntryKind::Directory => {
            let entries = files.list(&wanted.path).map_err(explain)?;
            listing::print(&entries, arguments.json);
            Ok(())
        }
        EntryKind::File if !arguments.json => print_content(files, &wanted.path),
        _ => {
            listing::print(&[entry], arguments.json);
            Ok(())
        }
    }
}

/// Writes the content of a file to stdout as it is.
fn print_content(files: &dyn Files, path: &[u8]) -> Result<(), Complaint> {
    let mut stdout = io::stdout().lock();
    let mut unwritten = None;
    let result = files.read(path, &mut |piece| {
        stdout.write_all(piece).map_err(|error| {
            let kind = error.kind();
            unwritten = Some(error);
            kind.into()
        })
    });
    let unwritten = unwritten.or_else(|| stdout.flush().err());
    match (unwritten, result) {
        // A reader that left early has what it wants.
        (Some(error), _) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        (Some(error), _) => Err(Complaint::new(OUTSIDE_FAILED, format!("cannot write to stdout: {}", reason(&error)))),
        (None, result) => result.map_err(|error| explain(files, path, error)),
    }
}

/// Says why a file cannot be had; of one that is not there, what is.
fn explain(files: &dyn Files, path: &[u8], error: Error) -> Complaint {
    let shown = printable(path);
    match error {
        Error::NotFound => missing(files, path),
        Error::NotADirectory => Complaint::usage(format!("a part of `{shown}` is no directory")),
        Error::TooLong => Complaint::usage("the path is longer than paths can be"),
        Error::NoFile => Complaint::usage(format!("`{shown}` is no regular file")),
        Error::TooManyLinks => {
            Complaint::usage(format!("`{shown}` is a symbolic link that leads nowhere: too many links"))
        }
        Error::Damaged(why) => Complaint::new(NOT_AS_EXPECTED, format!("`{shown}` is damaged: {why}")),
        Error::Unsupported(why) => Complaint::new(OUTSIDE_FAILED, format!("`{shown}` cannot be read: {why}")),
        Error::Io(error) => Complaint::new(OUTSIDE_FAILED, format!("cannot read the image: {}", reason(&error))),
    }
}

/// Says that there is no such file, and offers the nearest name in the last directory of the path that is there.
fn missing(files: &dyn Files, path: &[u8]) -> Complaint {
    let mut folder = b"/".to_vec();
    let mut parts = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty());
    let found = parts.find(|part| {
        let below = gravure_formats::inspect::join(&folder, part);
        let is_there = files.entry(&below).is_ok();
        if is_there {
            folder = below;
        }
        !is_there
    });
    let complaint = Complaint::usage(format!("there is no `{}`", printable(path)));
    let entries = files.list(&folder).unwrap_or_default();
    let names: Vec<String> = entries.iter().map(|entry| printable(&entry.name)).collect();
    let Some(part) = found else { return complaint };
    // A link is there although what it leads to is not.
    if let Some(entry) = entries.iter().find(|entry| entry.name == part) {
        let target = entry.target.as_deref().unwrap_or_default();
        return complaint.note(format!("`{}` is a link to `{}`", printable(part), printable(target)));
    }
    match nearest(&printable(part), names.iter().map(String::as_str)) {
        Some(near) => {
            let near = gravure_formats::inspect::join(&folder, near.as_bytes());
            complaint.help(format!("there is `{}`", printable(&near)))
        }
        None => complaint,
    }
}

/// Prints JSON.
fn print_json(value: &serde_json::Value) {
    terminal::result(&format!("{value:#}\n"));
}
