//! Where two results of one recipe differ: for people who look for what is not reproducible.

use std::io::{self, Read as _, Seek as _, SeekFrom};

use gravure_eval::graph::{self, Failure, OutputType, Task};
use gravure_formats::{Data, Extents, dump};

use crate::builder::Builder;
use crate::kinds::disk;

/// How many bytes are compared at once.
const WINDOW: u64 = 1 << 20;

/// Returns where two results of `task` differ first, in words: `byte 4096 of 8192, 12 bytes long, in "data"`.
///
/// # Errors
/// An object of one of them is missing or damaged.
pub fn difference(
    builder: &Builder<'_>,
    task: &Task,
    before: &graph::Output,
    now: &graph::Output,
) -> Result<String, Failure> {
    if before.ty != now.ty {
        return Ok(format!("it was {}, and is {}", name_of(before.ty), name_of(now.ty)));
    }
    if before.ty == OutputType::Tree {
        let [before, now] = [builder.tree(before)?, builder.tree(now)?].map(|tree| dump::tree(&tree));
        return Ok(first_line(&before, &now));
    }
    let (before, now) = (builder.extents(before)?, builder.extents(now)?);
    let Some((at, len)) = first_bytes(builder, &before, &now)? else {
        return Ok("the bytes are the same, and differently put together".to_owned());
    };
    let bytes = if len == 1 { "1 byte".to_owned() } else { format!("{len} bytes") };
    Ok(format!("byte {at} of {}, {bytes} long, {}", now.len(), place(builder, task, &now, at)?))
}

fn name_of(ty: OutputType) -> &'static str {
    match ty {
        OutputType::Blob => "a blob",
        OutputType::Tree => "a tree",
        OutputType::Extents => "extents",
    }
}

fn first_line(before: &str, now: &str) -> String {
    let (mut before, mut now) = (before.lines(), now.lines());
    loop {
        match (before.next(), now.next()) {
            (Some(before), Some(now)) if before == now => {}
            (None, None) => return "the same paths, and differently put together".to_owned(),
            (before, now) => return format!("`{}` was `{}`", now.unwrap_or("nothing"), before.unwrap_or("nothing")),
        }
    }
}

/// Returns where the first bytes that differ start, and how many follow one another; none if all are equal.
fn first_bytes(builder: &Builder<'_>, before: &Extents, now: &Extents) -> io::Result<Option<(u64, u64)>> {
    let shared = before.len().min(now.len());
    let mut readers = [before.reader(builder.store), now.reader(builder.store)];
    let mut start = None;
    let mut at = 0;
    while at < shared {
        let len = WINDOW.min(shared - at);
        let mut windows = [vec![0; len as usize], vec![0; len as usize]];
        for (reader, window) in readers.iter_mut().zip(&mut windows) {
            reader.seek(SeekFrom::Start(at))?;
            reader.read_exact(window)?;
        }
        for (index, (a, b)) in windows[0].iter().zip(&windows[1]).enumerate() {
            match start {
                None if a != b => start = Some(at + index as u64),
                Some(start) if a == b => return Ok(Some((start, at + index as u64 - start))),
                _ => {}
            }
        }
        at += len;
    }
    let end = before.len().max(now.len());
    let start = start.or((shared < end).then_some(shared));
    Ok(start.map(|start| (start, end - start)))
}

/// Says what is at a byte: the region of a disk, else the run of extents.
fn place(builder: &Builder<'_>, task: &Task, extents: &Extents, at: u64) -> Result<String, Failure> {
    let regions = if task.kind == disk::NAME { disk::regions(builder, task)? } else { Vec::new() };
    if let Some(region) = regions.iter().find(|region| (region.at..region.end()).contains(&at)) {
        return Ok(format!("in {}, which starts at {}", region.what, region.at));
    }
    Ok(match extents.runs().iter().find(|run| (run.at..run.end()).contains(&at)) {
        None => "where there are zeros".to_owned(),
        Some(run) => {
            let what = match &run.data {
                Data::Bytes(_) => "made here".to_owned(),
                Data::Blob { id, offset } => format!("from byte {offset} of blob {id}"),
            };
            format!("in {} bytes {what}, which start at {}", run.len, run.at)
        }
    })
}
