//! Packs: the contents of many files in one blob.
//!
//! ```text
//! 0            4096        8192          12288
//! | file 0 |000| file 1 ... |0000| file 2 |000|
//! ```
//! The contents stand one after another, each from a multiple of [`ALIGNMENT`] on, with zeros between them and up to
//! the end. So every block of a file lies whole in the pack, and a package whose files are laid out in
//! the same order becomes one long range of an image.

use std::io::{self, Write};

/// The alignment of every file in a pack, and of the pack's length, in bytes.
pub const ALIGNMENT: u64 = 4096;

/// Writes a pack.
pub struct PackWriter<W> {
    out: W,
    len: u64,
}

impl<W: Write> PackWriter<W> {
    /// Returns a writer of an empty pack into `out`.
    pub fn new(out: W) -> PackWriter<W> {
        PackWriter { out, len: 0 }
    }

    /// Returns where in the pack the content begins that is written next.
    ///
    /// # Errors
    /// The padding before it cannot be written.
    pub fn start_file(&mut self) -> io::Result<u64> {
        const ZEROS: [u8; ALIGNMENT as usize] = [0; ALIGNMENT as usize];
        let padding = self.len.next_multiple_of(ALIGNMENT) - self.len;
        self.append(&ZEROS[..padding as usize])?;
        Ok(self.len)
    }

    /// Appends to the content of the current file.
    ///
    /// # Errors
    /// The bytes cannot be written.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Pads the pack to its end and returns its length in bytes.
    ///
    /// # Errors
    /// The padding cannot be written or the writer cannot be flushed.
    pub fn finish(mut self) -> io::Result<u64> {
        self.start_file()?;
        self.out.flush()?;
        Ok(self.len)
    }
}
