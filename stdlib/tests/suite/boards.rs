//! The boards of the library: what the manual says of them.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use bumpalo::Bump;
use gravure_eval::{Evaluator, Limits, Program, View, with_stack};
use gravure_formats::units::Size;
use gravure_stdlib::{Form, outputs, roots, source};

use crate::project::{Project, Sources};

/// What the last run of all boots wrote down.
const BOOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/manual/boots.md");

/// An image that came to a login.
struct Boot {
    image_type: String,
    machine: String,
    from: String,
    /// Package and version.
    loader: String,
    process: String,
}

/// Reads the rows of the table of boots.
fn boots() -> Vec<Boot> {
    let text = fs::read_to_string(BOOTS).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<String> = row.split('|').map(|cell| cell.trim().to_owned()).collect();
        let [_, image_type, machine, from, loader, _, process, ..] = &cells[..] else { panic!("{row}") };
        let [image_type, machine, from, loader, process] =
            [image_type, machine, from, loader, process].map(Clone::clone);
        Boot { image_type: image_type.trim_matches('`').to_owned(), machine, from, loader, process }
    })
    .collect()
}

/// Says as what a board's image was booted.
fn proof(boots: &[&Boot]) -> String {
    let mut said: Vec<String> = Vec::new();
    for boot in boots {
        let process = if boot.process == "systemd" { ", systemd" } else { "" };
        said.push(format!("{} by {}{process}", boot.machine, boot.from));
    }
    if said.is_empty() { "not booted".to_owned() } else { said.join("; ") }
}

/// Returns the lines of the table: one for each module below `std/boards`.
fn table() -> String {
    let project = Project::new();
    let boots = boots();
    let mut lines = Vec::new();
    for module in roots().into_iter().filter(|name| name.starts_with("std/boards/")) {
        let text = source(module).expect("it is a module of the library");
        let (_, rest) = text.split_once("  name = '").filter(|_| text.contains("images.ImageType")).expect("a type");
        let image_type = rest.split_whitespace().next().expect("it has a name");
        let file = format!("import \"{module}\" as board\nx = board.{image_type}.constructor(board.barebones-os)\n");
        project.write("board.img", file);
        let boots: Vec<&Boot> = boots.iter().filter(|boot| boot.image_type == image_type).collect();
        lines.push(line_of(&project, image_type, &boots));
    }
    let mut table = String::from(
        "| type | processor | loader | in Debian's package | device tree | booted as |\n|---|---|---|---|---|---|\n",
    );
    table.extend(lines);
    table
}

fn line_of(project: &Project, image_type: &str, boots: &[&Boot]) -> String {
    let folder = project.path("");
    let program =
        Program::load(&Sources::of(&folder), &std::iter::once("board.img").chain(roots()).collect::<Vec<_>>());
    let program = program.unwrap_or_else(|error| panic!("{image_type}: {:?}", error.diagnostics));
    with_stack(|| {
        let heap = Bump::new();
        let evaluator = Evaluator::new(&program, &heap, Limits::default());
        let module = program.module("board.img").unwrap();
        let found = outputs(&evaluator, module, "board", Some("x"), Form::default()).unwrap();
        let image = evaluator.view(found[0].image);
        let system = image.record("operating-system").unwrap();
        let loader = system.record("bootloader").unwrap().record("loader").unwrap();
        let package = match (boots.first(), loader.optional_record("package").unwrap()) {
            (Some(boot), Some(_)) => boot.loader.clone(),
            (None, Some(package)) => format!("`{}`", package.string("name").unwrap()),
            (_, None) => "none: to be given".to_owned(),
        };
        let device_tree = loader
            .optional_string("device-tree")
            .unwrap()
            .map_or("the firmware's".to_owned(), |name| format!("`{name}`"));
        let proof = proof(boots);
        let processor = image.string("platform").unwrap().trim_end_matches("-linux");
        format!("| `{image_type}` | {processor} | {} | {package} | {device_tree} | {proof} |\n", places(image, loader),)
    })
}

/// Says which part of a loader is where.
fn places(image: View<'_, '_>, loader: View<'_, '_>) -> String {
    let mut text = String::new();
    for blob in loader.records("blobs").unwrap() {
        let name = blob.string("name").unwrap();
        let of_partition = || {
            let partitions = image.records("partitions").unwrap();
            let own = partitions.into_iter().find(|partition| partition.string("name").unwrap() == name);
            own.expect("a blob without a place has a partition").optional_size("offset").unwrap().unwrap()
        };
        let offset = blob.optional_size("offset").unwrap().unwrap_or_else(of_partition);
        let separator = if text.is_empty() { "" } else { ", " };
        write!(text, "{separator}`{name}` at {}", Size(offset)).unwrap();
        for (copy, _) in blob.list("copies").unwrap() {
            if let gravure_eval::Value::Size(copy) = copy {
                write!(text, " and {}", Size(copy)).unwrap();
            }
        }
    }
    if text.is_empty() { "files of a FAT partition".to_owned() } else { text }
}

#[test]
fn the_table_of_the_manual() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/manual/boards.md");
    let text = fs::read_to_string(&path).unwrap();
    let start = text.find("-->\n").expect("the table has its comment") + 4;
    let end = start + text[start..].find("\n*Booted as*").expect("a paragraph follows the table");
    let made = format!("{}{}{}", &text[..start], table(), &text[end..]);
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap();
    assert!(found == made, "docs/manual/boards.md is not up to date: run this test with UPDATE_FIXTURES=1");
}
