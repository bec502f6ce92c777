//! The modules of the standard library, embedded into the program.
//!
//! To add a board or an image type: its file, and one line in the table.

/// Every module: what imports call it, and its text.
const MODULES: &[(&str, &str)] = &[
    ("std/boards/pine64", include_str!("../std/boards/pine64.img")),
    ("std/image-types/efi-raw", include_str!("../std/image-types/efi-raw.img")),
    ("std/image-types/mbr-raw", include_str!("../std/image-types/mbr-raw.img")),
    ("std/images", include_str!("../std/images.img")),
    ("std/os", include_str!("../std/os.img")),
    ("std/services", include_str!("../std/services.img")),
    ("std/text", include_str!("../std/text.img")),
];

/// The modules that every program loads beside the user's files: the records that Rust reads, and all image types.
const ROOTS: &[&str] =
    &["std/images", "std/os", "std/boards/pine64", "std/image-types/efi-raw", "std/image-types/mbr-raw"];

/// Returns the text of the module that imports call `path`, such as `std/os`.
pub fn source(path: &str) -> Option<&'static str> {
    MODULES.iter().find(|(name, _)| *name == path).map(|(_, text)| *text)
}

/// Returns the modules that every program loads beside the user's files.
pub fn roots() -> &'static [&'static str] {
    ROOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_library_is_a_module_and_every_module_with_types_a_root() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut found = Vec::new();
        let mut folders = vec![folder.join("std")];
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => found.push(path.strip_prefix(folder).unwrap().with_extension("").display().to_string()),
                }
            }
        }
        found.sort();
        assert_eq!(found, MODULES.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>());
        for (name, _) in MODULES.iter().filter(|(_, text)| text.contains("images.ImageType {")) {
            assert!(ROOTS.contains(name), "{name} exports image types");
        }
    }
}
