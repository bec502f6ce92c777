//! Disk images that are named on the command line.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use gravure_formats::inspect::{Image, wrapping};

use crate::trouble::{Complaint, OUTSIDE_FAILED, reason};

/// What a name stands for.
pub(crate) enum Named {
    /// A text, or nothing at all: perhaps a configuration.
    Text,
    /// Bytes: perhaps an image.
    Image(Image),
}

/// How much of a file tells a text from an image.
const START: u64 = 4096;

/// Opens a file and looks what it is.
pub(crate) fn open(path: &Path) -> Result<Named, Complaint> {
    let shown = path.display();
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    let ty = metadata.file_type();
    if !ty.is_file() && !ty.is_block_device() {
        let what = match () {
            () if ty.is_dir() => "a directory",
            () if ty.is_fifo() => "a named pipe",
            () if ty.is_char_device() => "a character device",
            () => "a socket",
        };
        return Err(Complaint::usage(format!("`{shown}` is {what}, and no disk image")));
    }
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let image = Image::new(file).map_err(|error| unreadable(path, &error))?;
    let start = image.up_to(0, START).map_err(|error| unreadable(path, &error))?;
    if is_text(&start) {
        return Ok(Named::Text);
    }
    match wrapping(&image).map_err(|error| unreadable(path, &error))? {
        None => Ok(Named::Image(image)),
        Some(wrapping) => {
            let complaint = Complaint::usage(format!("`{shown}` is {}, and no raw disk image", wrapping.name));
            let target = if wrapping.command.starts_with("qemu-img") { " disk.raw" } else { "" };
            Err(match wrapping.command {
                "" => complaint,
                command => complaint.help(format!("`{command} {shown}{target}` unpacks it")),
            })
        }
    }
}

/// Says why a file cannot be read.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Complaint {
    let message = format!("cannot read `{}`: {}", path.display(), reason(error));
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Complaint::usage(message),
        _ => Complaint::new(OUTSIDE_FAILED, message),
    }
}

/// Whether the start of a file is UTF-8 (its last character may be cut) without NULs.
fn is_text(start: &[u8]) -> bool {
    let is_utf8 = match std::str::from_utf8(start) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    is_utf8 && !start.contains(&0)
}

/// Returns a name of an image as it can be printed: what is no character, or would act on a terminal, is escaped.
pub(crate) fn printable(name: &[u8]) -> String {
    let mut shown = String::new();
    for chunk in name.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character.is_control() || gravure_lang::is_refused(character) {
                true => shown.extend(character.escape_default()),
                false => shown.push(character),
            }
        }
        shown.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_act_on_the_terminal() {
        assert_eq!(printable("Größe".as_bytes()), "Größe");
        assert_eq!(printable(b"a\x1b[31m\n\xff\tb"), "a\\u{1b}[31m\\n\\xff\\tb");
        assert_eq!(printable("\u{202e}gpj".as_bytes()), "\\u{202e}gpj");
    }

    #[test]
    fn a_text_may_be_cut_anywhere() {
        assert!(is_text(b"") && is_text("x = \"ü\"".as_bytes()) && is_text(&"ü".as_bytes()[..1]));
        assert!(!is_text(b"\xeb\x58\x90MSDOS") && !is_text(&[0; 10]));
    }
}
