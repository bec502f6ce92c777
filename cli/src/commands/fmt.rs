//! `gravure fmt`: lays out files of the language.
//!
//! Each file is read, formatted and, where that changes it, replaced as a whole. A mistake in one keeps no other from being
//! formatted.

use std::io::{self, Read};
use std::path::Path;

use gravure_lang::{Limits, SourceMap, decode_within, format_within};
use gravure_sources::replace_file;

use crate::arguments::Fmt;
use crate::terminal;
use crate::trouble::{Complaint, OUTSIDE_FAILED, Trouble, WRONG_CONFIGURATION, counted, reason};
use crate::world::{existing, read, source_files};

/// The argument that stands for stdin.
const STDIN: &str = "-";

pub(crate) fn run(arguments: &Fmt) -> Result<(), Trouble> {
    let limits = arguments.limiting.limits().text;
    let (mut trouble, mut sources, mut changed) = (Trouble::default(), SourceMap::new(), 0);
    for name in files(&arguments.files, &limits)? {
        match file(&name, arguments.check, &limits, &mut sources) {
            Ok(is_changed) => changed += usize::from(is_changed),
            Err(problem) => trouble.extend(problem),
        }
    }
    if arguments.check && changed > 0 {
        let message = format!("{} would change", counted(changed, "file"));
        trouble.complain(
            Complaint::new(WRONG_CONFIGURATION, message).help("`gravure fmt` without `--check` formats them"),
        );
    }
    trouble.or(())
}

/// Returns the files that arguments stand for.
fn files(arguments: &[String], limits: &Limits) -> Result<Vec<String>, Complaint> {
    let found = arguments.iter().map(|argument| match Path::new(argument) {
        path if path.is_dir() => source_files(path, limits),
        _ => Ok(vec![argument.clone()]),
    });
    Ok(found.collect::<Result<Vec<_>, _>>()?.concat())
}

/// Formats a file, and writes it unless it is only to be checked. Returns whether that changes it.
fn file(name: &str, is_check: bool, limits: &Limits, sources: &mut SourceMap) -> Result<bool, Trouble> {
    let bytes = if name == STDIN { stdin(limits)? } else { file_bytes(name, limits)? };
    let shown = if name == STDIN { "<stdin>" } else { name };
    let text = decode_within(&bytes, limits).map_err(|error| {
        let file = sources.add(shown, String::from_utf8_lossy(&bytes).as_ref());
        Trouble::mistakes(sources, vec![error.diagnostic(file)])
    })?;
    let id = sources.add(shown, text);
    let formatted = format_within(id, text, limits).map_err(|mistakes| Trouble::mistakes(sources, mistakes))?;
    let is_changed = formatted != text;
    match (name, is_check) {
        (STDIN, false) => terminal::result(&formatted),
        _ if !is_changed => {}
        (_, true) => terminal::result(&format!("{shown}\n")),
        (_, false) => {
            replace_file(Path::new(name), formatted.as_bytes())?;
            terminal::result(&format!("{shown}\n"));
        }
    }
    Ok(is_changed)
}

fn file_bytes(name: &str, limits: &Limits) -> Result<Vec<u8>, Complaint> {
    existing(Path::new(name))
        .and_then(|path| read(&path, limits))
        .map_err(|why| Complaint::usage(format!("cannot read `{name}`: {why}")))
}

fn stdin(limits: &Limits) -> Result<Vec<u8>, Complaint> {
    let mut bytes = Vec::new();
    match io::stdin().lock().take(limits.source as u64 + 1).read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(Complaint::new(OUTSIDE_FAILED, format!("cannot read stdin: {}", reason(&error)))),
    }
}
