//! Writes the table of the modules of the standard library: every file below `std`, so that a new board is a new file.

#![allow(clippy::disallowed_methods, reason = "a build script reads what it is built of")]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the crate is"));
    let mut files = Vec::new();
    collect(&root.join("std"), &mut files)?;
    files.sort();
    let mut table = String::from("&[\n");
    for file in &files {
        let name = file.strip_prefix(&root).expect("it was found below the crate").with_extension("");
        writeln!(table, "    ({name:?}, include_str!({file:?})),").expect("texts do not end");
    }
    table.push(']');
    fs::write(Path::new(&env::var_os("OUT_DIR").expect("cargo says where to write")).join("modules.rs"), table)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "img") {
            files.push(path);
        }
    }
    Ok(())
}
