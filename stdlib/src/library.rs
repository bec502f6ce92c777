//! The modules of the standard library, embedded into the program.
//!
//! Every file below `std` is one; `build.rs` writes their table. To add a board or an image type: its file.

/// Every module: what imports call it, and its text.
const MODULES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/modules.rs"));

/// Folders whose modules define image types, which have to be known whatever a file imports.
const TYPES: [&str; 2] = ["std/boards/", "std/image-types/"];

/// Returns the text of the module that imports call `path`, such as `std/os`.
pub fn source(path: &str) -> Option<&'static str> {
    MODULES.iter().find(|(name, _)| *name == path).map(|(_, text)| *text)
}

/// Returns what imports call the modules, in the order of the names.
pub fn modules() -> impl Iterator<Item = &'static str> {
    MODULES.iter().map(|(name, _)| *name)
}

/// Returns the modules that every program loads beside the user's files: the records that Rust reads, and all image types.
pub fn roots() -> Vec<&'static str> {
    let types =
        MODULES.iter().map(|(name, _)| *name).filter(|name| TYPES.iter().any(|folder| name.starts_with(folder)));
    ["std/images", "std/os"].into_iter().chain(types).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_types_are_in_the_folders_for_them() {
        let with_types: Vec<&str> =
            MODULES.iter().filter(|(_, text)| text.contains("images.ImageType {")).map(|(name, _)| *name).collect();
        assert!(with_types.contains(&"std/boards/pine64"), "{with_types:?}");
        assert!(with_types.iter().all(|name| roots().contains(name)), "{with_types:?}");
    }
}
