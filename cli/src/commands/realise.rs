//! `gravure realise`: runs single nodes from their files alone, whatever the store remembers of them.

use std::fs;
use std::path::Path;

use gravure_eval::graph::{Output, OutputType, Realise as _, Space, Store as _, Task};
use gravure_formats::Digest;
use gravure_stdlib::Builder;

use crate::arguments::Realise;
use crate::environment::{Outside, threads};
use crate::progress::Bars;
use crate::trouble::{Complaint, NOT_AS_EXPECTED, Trouble, reason};
use crate::{interrupt, terminal};

pub(crate) fn run(arguments: &Realise) -> Result<(), Trouble> {
    threads(None);
    let outside = Outside::new(&arguments.outside)?;
    let bars = Bars::new();
    interrupt::ends_with(&bars);
    let builder =
        Builder { store: &outside.store, access: outside.access(&bars), mirror: &|suite| outside.mirror(suite) };
    let mut trouble = Trouble::default();
    for path in &arguments.nodes {
        let line = bars.line(format!("realise {}", path.display()));
        let realised = realise(&builder, path);
        drop(line);
        match realised {
            Ok(output) => bars.aside(|| terminal::result(&format!("{} {}\n", described(&output), path.display()))),
            Err(complaint) => trouble.complain(complaint),
        }
    }
    bars.clear();
    trouble.or(())
}

/// Runs the node of one file, and holds what comes out against what the store remembers.
fn realise(builder: &Builder<'_>, path: &Path) -> Result<Output, Complaint> {
    let task = read(path)?;
    let remembered = builder.find(Space::Action, &task.action_key());
    let output = builder.realise(&task).map_err(|failure| {
        Complaint::of_failure(format!("{} of `{}`: {failure}", task.kind, path.display()), failure.as_ref())
    })?;
    match remembered {
        Some(remembered) if remembered != output => {
            let message = format!("`{}` came out differently than before", path.display());
            let complaint = Complaint::new(NOT_AS_EXPECTED, message);
            Err(complaint
                .note(format!("now:    {}", described(&output)))
                .note(format!("before: {}", described(&remembered))))
        }
        _ => Ok(output),
    }
}

fn read(path: &Path) -> Result<Task, Complaint> {
    let refuse = |why: String| Complaint::usage(format!("cannot read `{}`: {why}", path.display()));
    let json = fs::read_to_string(path).map_err(|error| refuse(reason(&error)))?;
    Task::from_json(&json).map_err(|error| {
        refuse(format!("it is no node: {error}")).help("`gravure graph --tasks DIR FILE` writes nodes as files")
    })
}

/// Returns "blob SHA256 LENGTH".
pub(super) fn described(output: &Output) -> String {
    let ty = match output.ty {
        OutputType::Blob => "blob",
        OutputType::Tree => "tree",
        OutputType::Extents => "extents",
    };
    format!("{ty} {} {}", Digest(output.digest), output.len)
}
