//! Boot loaders of boards: whether a file is one, whole, and of the format that its place on the disk asks for.
//!
//! The ROM of a board loads from a fixed place whatever lies there, and shows nothing when it is the wrong file. What the
//! headers say is checked here, so that a wrong, cut or damaged file is refused when the image is made.
//!
//! ```text
//! | first loader, in the format of the ROM | padding | U-Boot: a FIT or a legacy image |
//!   eGON, idbloader, IVT, MLO, StarFive               files of their own, or joined with the first loader
//! ```
//! Where U-Boot follows in the same file, it is checked as well. Readers are total: they read ranges that lie inside the
//! file, and never more at once than a header or a chunk.

mod egon;
mod error;
mod file;
mod fit;
mod ivt;
mod mlo;
mod rockchip;
mod star_five;
mod u_image;

pub use error::Error;

use std::io;

use file::File;

use crate::units::Rounded;
use crate::{Blobs, Extents};

/// How much padding may lie between a first loader and what it loads: Rockchip's U-Boot is at 8 MiB.
const MOST_PADDING: u64 = 16 << 20;

/// A format of boot loader files that boards load from fixed places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `egon`: the SPL of Allwinner's boards.
    Egon,
    /// `rockchip-idb`: the SPL of Rockchip's boards, alone or with the code that starts the memory.
    RockchipIdb,
    /// `ivt`: an image vector table and a loader, for i.MX.
    Ivt,
    /// `mlo`: the SPL of TI's AM335x and its relatives, for a place outside of file systems.
    Mlo,
    /// `starfive`: the SPL of StarFive's JH7110.
    StarFive,
    /// `fit`: images in a flattened device tree, for U-Boot.
    Fit,
    /// `u-image`: the older format of U-Boot's images.
    UImage,
}

/// Marks by which formats are recognised. All marks of one row are there; a format may have several rows.
const MARKS: [(Format, &[Mark]); 8] = [
    (Format::Egon, egon::MARKS),
    (Format::RockchipIdb, rockchip::MARKS),
    (Format::RockchipIdb, rockchip::MARKS_2),
    (Format::Ivt, ivt::MARKS),
    (Format::Mlo, mlo::MARKS),
    (Format::StarFive, star_five::MARKS),
    (Format::Fit, fit::MARKS),
    (Format::UImage, u_image::MARKS),
];

/// Bytes at a place, counted from the start of a file.
type Mark = (u64, &'static [u8]);

/// What a file says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The device tree that the loader is built for, such as `sun50i-a64-pine64-lts`, where its header says it: only eGON's
    /// does.
    pub device_tree: Option<String>,
    /// The format, the version and the size, for people.
    pub description: String,
}

/// What the reader of a first loader found.
struct First {
    header: Header,
    /// Where the loader ends in its file.
    end: u64,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 7] =
        [Format::Egon, Format::RockchipIdb, Format::Ivt, Format::Mlo, Format::StarFive, Format::Fit, Format::UImage];

    /// Returns the format of that name.
    pub fn by_name(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Returns the name in records.
    pub fn name(self) -> &'static str {
        match self {
            Format::Egon => "egon",
            Format::RockchipIdb => "rockchip-idb",
            Format::Ivt => "ivt",
            Format::Mlo => "mlo",
            Format::StarFive => "starfive",
            Format::Fit => "fit",
            Format::UImage => "u-image",
        }
    }

    /// Returns what messages call a file of this format, with its article.
    pub fn noun(self) -> &'static str {
        match self {
            Format::Egon => "an Allwinner SPL",
            Format::RockchipIdb => "a Rockchip idbloader",
            Format::Ivt => "an i.MX boot image",
            Format::Mlo => "a TI MLO for raw places",
            Format::StarFive => "a StarFive SPL",
            Format::Fit => "a U-Boot FIT image",
            Format::UImage => "a U-Boot legacy image",
        }
    }
}

/// Returns what a file of `format` says of itself, when everything that its header promises is there and holds.
///
/// # Errors
/// The file has another format, is cut or damaged, or cannot be read.
pub fn check(format: Format, content: &Extents, blobs: &dyn Blobs) -> Result<Header, Error> {
    let file = File { content, blobs };
    if !has_marks(&file, format)? {
        return Err(Error::Other { wanted: format, found: recognise(content, blobs)? });
    }
    let first = match format {
        Format::Egon => egon::check(&file)?,
        Format::RockchipIdb => rockchip::check(&file)?,
        Format::Ivt => ivt::check(&file)?,
        Format::Mlo => return mlo::check(&file),
        Format::StarFive => return star_five::check(&file),
        Format::Fit => return fit::check(&file),
        Format::UImage => return u_image::check(&file),
    };
    with_second(&file, first)
}

/// Returns which format a file has, for messages that say what a wrong file is instead.
///
/// # Errors
/// The file cannot be read.
pub fn recognise(content: &Extents, blobs: &dyn Blobs) -> io::Result<Option<Format>> {
    let file = File { content, blobs };
    for format in Format::ALL {
        // Device trees begin as FIT images do.
        if has_marks(&file, format)? && (format != Format::Fit || fit::has_images(&file)?) {
            return Ok(Some(format));
        }
    }
    Ok(None)
}

fn has_marks(file: &File, format: Format) -> io::Result<bool> {
    for (_, marks) in MARKS.iter().filter(|(of, _)| *of == format) {
        if has_all(file, marks)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn has_all(file: &File, marks: &[Mark]) -> io::Result<bool> {
    for (at, bytes) in marks {
        if !file.has(*at, bytes)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Checks the U-Boot that follows behind a first loader and its padding, if that is what follows.
fn with_second(file: &File, first: First) -> Result<Header, Error> {
    let Some(at) = file.behind_padding(first.end, MOST_PADDING)? else { return Ok(first.header) };
    let rest = file.content.slice(at, file.len());
    let format = match recognise(&rest, file.blobs)? {
        Some(format @ (Format::Fit | Format::UImage)) => format,
        _ => return Ok(first.header),
    };
    let second =
        check(format, &rest, file.blobs).map_err(|error| Error::Second { format, at, error: Box::new(error) })?;
    let description = format!("{}; at {}: {}", first.header.description, Rounded(at), second.description);
    Ok(Header { description, ..first.header })
}

#[cfg(test)]
mod tests;
