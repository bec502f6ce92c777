//! The picture of a disk on a terminal: one bar, and a table that says what its letters mean.
//!
//! ```text
//! ab#..d ESP=====e root=====================..fg
//! ```
//! The bar is ASCII, so that it looks the same everywhere; colours are added where there are some.

use gravure_formats::areas::{Area, Areas, Role};
use gravure_formats::units::{Grouped, Rounded};

use crate::images::printable;

/// The letters of areas, in their order; areas that are free have a dot.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// The letter of those for which there is none.
const NO_LETTER: char = '*';
/// Narrower terminals get fewer columns.
const NARROW: usize = 72;
/// How far a line is indented that has no room for more.
const LEAST_INDENT: usize = 4;
/// A sector, in bytes.
const SECTOR: u64 = 512;
/// Black or white on the colours of partitions, one after the other.
const PARTITION_COLOURS: [&str; 4] = ["97;44", "30;42", "97;45", "30;46"];

/// Returns the letter of each area.
pub(super) fn letters(areas: &Areas) -> Vec<char> {
    let mut letters = LETTERS.chars();
    let letter = |area: &Area| match area.role {
        Role::Free => '.',
        _ => letters.next().unwrap_or(NO_LETTER),
    };
    areas.areas.iter().map(letter).collect()
}

/// Returns which parts of `total` go to lengths, each of which gets `least` if there is enough for all.
pub(super) fn shares(lengths: &[u64], total: f64, least: f64) -> Vec<f64> {
    let least = least.min(total / lengths.len().max(1) as f64);
    let mut is_small = vec![false; lengths.len()];
    loop {
        let small = is_small.iter().filter(|is_small| **is_small).count() as f64;
        let rest: u64 = lengths.iter().zip(&is_small).filter(|(_, is_small)| !**is_small).map(|(len, _)| len).sum();
        let scale = (total - small * least) / rest.max(1) as f64;
        let found = lengths.iter().zip(&mut is_small).filter(|(len, small)| !**small && **len as f64 * scale < least);
        let found: Vec<&mut bool> = found.map(|(_, small)| small).collect();
        if found.is_empty() {
            let share = |(len, small): (&u64, &bool)| if *small { least } else { *len as f64 * scale };
            return lengths.iter().zip(&is_small).map(share).collect();
        }
        found.into_iter().for_each(|small| *small = true);
    }
}

/// Returns how many of `width` cells each area gets: at least one, but where there are more areas than cells.
fn cells(areas: &Areas, width: usize) -> Vec<usize> {
    let lengths: Vec<u64> = areas.areas.iter().map(|area| area.len).collect();
    let shares = shares(&lengths, width as f64, 1.0);
    // Rounding the ends, and not the lengths, keeps the sum; a share of at least one cell has at least one.
    let (mut end, mut rounded_end) = (0.0, 0);
    let cell = |share: f64| {
        end += share;
        let rounded = (end + 1e-6).floor() as usize - rounded_end;
        rounded_end += rounded;
        rounded
    };
    shares.into_iter().map(cell).collect()
}

/// Returns how each area is filled, and in which colour.
fn fillings(areas: &Areas) -> Vec<(char, &'static str)> {
    let mut partitions = PARTITION_COLOURS.iter().cycle();
    let filling = |area: &Area| match area.role {
        Role::Table => ('#', "30;43"),
        Role::Loader => ('%', "97;41"),
        Role::Partition => ('=', *partitions.next().expect("a cycle has no end")),
        Role::Data => ('?', "30;47"),
        Role::Free => ('.', "2"),
    };
    areas.areas.iter().map(filling).collect()
}

fn coloured(text: &str, colour: &str) -> String {
    format!("\x1b[{colour}m{text}\x1b[0m")
}

/// Returns the bar.
pub(super) fn bar(areas: &Areas, width: usize, is_coloured: bool) -> String {
    let mut bar = String::new();
    let areas_and_cells = areas.areas.iter().zip(cells(areas, width));
    for (((area, cells), letter), (fill, colour)) in areas_and_cells.zip(letters(areas)).zip(fillings(areas)) {
        let fill = if is_coloured && area.role != Role::Free { ' ' } else { fill };
        let text = segment(area, letter, fill, cells);
        match is_coloured && cells > 0 {
            true => bar += &coloured(&text, colour),
            false => bar += &text,
        }
    }
    bar + "\n"
}

/// Returns the cells of one area: its letter, its name where there is room for it, and filling.
fn segment(area: &Area, letter: char, fill: char, cells: usize) -> String {
    let label = printable(area.label.as_bytes());
    let mut text = letter.to_string();
    if area.role != Role::Free && label.is_ascii() && !label.is_empty() && label.len() + 3 <= cells {
        text += &format!(" {label} ");
    }
    text.extend(std::iter::repeat_n(fill, cells.saturating_sub(text.len())));
    text.chars().take(cells).collect()
}

/// Returns the table of all areas.
pub(super) fn table(areas: &Areas, width: usize, is_coloured: bool) -> String {
    let is_narrow = width < NARROW;
    let mut rows: Vec<Vec<String>> = vec![match is_narrow {
        true => ["start", "size"].map(str::to_owned).to_vec(),
        false => ["start", "end", "size", "sectors"].map(str::to_owned).to_vec(),
    }];
    rows.extend(areas.areas.iter().map(|area| match is_narrow {
        true => vec![place(area.at), Rounded(area.len).to_string()],
        false => vec![
            Grouped(area.at).to_string(),
            Grouped(area.end()).to_string(),
            Rounded(area.len).to_string(),
            sectors(area.len),
        ],
    }));
    let widths: Vec<usize> =
        (0..rows[0].len()).map(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or(0)).collect();
    let marks = letters(areas).into_iter().zip(fillings(areas).into_iter().map(|(_, colour)| colour));
    let marks = [(' ', "")].into_iter().chain(marks);
    let whats = ["what".to_owned()].into_iter().chain(areas.areas.iter().map(|area| printable(area.what.as_bytes())));
    let mut table = String::new();
    for ((row, (letter, colour)), what) in rows.iter().zip(marks).zip(whats) {
        let mut line = letter.to_string();
        for (value, width) in row.iter().zip(&widths) {
            line += &format!("  {value:>width$}");
        }
        let indent = line.len() + 2;
        let line = hanging(&format!("{line}  "), &what, indent, width);
        match is_coloured && letter != ' ' {
            // The letter is of ASCII.
            true => table += &(coloured(&line[..1], colour) + &line[1..]),
            false => table += &line,
        }
    }
    table
}

/// Returns a place in short.
fn place(at: u64) -> String {
    if at == 0 { "0".to_owned() } else { Rounded(at).to_string() }
}

/// Returns a count of sectors; what is no whole sector says so.
pub(super) fn sectors(len: u64) -> String {
    match len / SECTOR {
        0 => "< 1".to_owned(),
        whole => Grouped(whole).to_string(),
    }
}

/// Returns lines of at most `width` columns: `start` and words, with further lines indented.
pub(crate) fn hanging(start: &str, words: &str, indent: usize, width: usize) -> String {
    let longest = words.split(' ').map(|word| word.chars().count()).max().unwrap_or(0);
    // Where the longest word has no room behind the indent, what follows begins further left.
    let indent = if longest <= width.saturating_sub(indent) { indent } else { LEAST_INDENT };
    let mut lines = vec![start.to_owned()];
    for (number, word) in words.split(' ').enumerate() {
        let line = lines.last_mut().expect("there is a first line");
        let space = usize::from(number > 0);
        if line.chars().count() + space + word.chars().count() > width && !line.trim().is_empty() {
            lines.push(format!("{}{word}", " ".repeat(indent)));
        } else {
            line.push_str(&" "[..space]);
            line.push_str(word);
        }
    }
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn area(role: Role, what: &str, label: &str, at: u64, end: u64) -> Area {
        Area { role, what: what.to_owned(), label: label.to_owned(), at, len: end - at }
    }

    fn sample() -> Areas {
        let table = |what: &str, at, len| area(Role::Table, what, "", at, at + len);
        let given = vec![
            table("protective MBR", 440, 72),
            table("GPT header", 512, 512),
            table("GPT entry array", 1024, 16384),
            area(Role::Loader, "`idbloader.img`", "idbloader.img", 32768, 250_000),
            area(Role::Partition, "partition 1 `ESP`, FAT16", "ESP", MIB, 34 * MIB),
            area(Role::Partition, "partition 2 `tiny-root`, ext4", "tiny-root", 34 * MIB, 44 * MIB),
            table("backup GPT entry array", 44 * MIB + 3584, 16384),
            table("backup GPT header", 44 * MIB + 19968, 512),
        ];
        Areas::new(44 * MIB + 20480, given)
    }

    fn shown(width: usize) -> String {
        bar(&sample(), width, false) + &table(&sample(), width, false)
    }

    #[test]
    fn of_40_columns() {
        insta::assert_snapshot!(shown(40), @r"
        .abc.d.e ESP =================f======.gh
               start       size  what
        .          0  440 bytes  free
        a  440 bytes   72 bytes  protective MBR
        b  512 bytes  512 bytes  GPT header
        c      1 KiB     16 KiB  GPT entry array
        .     17 KiB     15 KiB  free
        d     32 KiB    212 KiB  `idbloader.img`
        .    244 KiB    780 KiB  free
        e      1 MiB     33 MiB  partition 1
                                 `ESP`, FAT16
        f     34 MiB     10 MiB  partition 2
                                 `tiny-root`,
                                 ext4
        .     44 MiB    3.5 KiB  free
        g     44 MiB     16 KiB  backup GPT
                                 entry array
        h     44 MiB  512 bytes  backup GPT
                                 header
        ");
    }

    #[test]
    fn of_80_columns() {
        insta::assert_snapshot!(shown(80), @r"
        .abc.d.e ESP ===============================================f tiny-root =====.gh
                start         end       size  sectors  what
        .           0         440  440 bytes      < 1  free
        a         440         512   72 bytes      < 1  protective MBR
        b         512       1,024  512 bytes        1  GPT header
        c       1,024      17,408     16 KiB       32  GPT entry array
        .      17,408      32,768     15 KiB       30  free
        d      32,768     250,000    212 KiB      424  `idbloader.img`
        .     250,000   1,048,576    780 KiB    1,559  free
        e   1,048,576  35,651,584     33 MiB   67,584  partition 1 `ESP`, FAT16
        f  35,651,584  46,137,344     10 MiB   20,480  partition 2 `tiny-root`, ext4
        .  46,137,344  46,140,928    3.5 KiB        7  free
        g  46,140,928  46,157,312     16 KiB       32  backup GPT entry array
        h  46,157,312  46,157,824  512 bytes        1  backup GPT header
        ");
    }

    #[test]
    fn of_200_columns() {
        insta::assert_snapshot!(shown(200), @r"
        .abc.d...e ESP ==========================================================================================================================================f tiny-root ================================.gh
                start         end       size  sectors  what
        .           0         440  440 bytes      < 1  free
        a         440         512   72 bytes      < 1  protective MBR
        b         512       1,024  512 bytes        1  GPT header
        c       1,024      17,408     16 KiB       32  GPT entry array
        .      17,408      32,768     15 KiB       30  free
        d      32,768     250,000    212 KiB      424  `idbloader.img`
        .     250,000   1,048,576    780 KiB    1,559  free
        e   1,048,576  35,651,584     33 MiB   67,584  partition 1 `ESP`, FAT16
        f  35,651,584  46,137,344     10 MiB   20,480  partition 2 `tiny-root`, ext4
        .  46,137,344  46,140,928    3.5 KiB        7  free
        g  46,140,928  46,157,312     16 KiB       32  backup GPT entry array
        h  46,157,312  46,157,824  512 bytes        1  backup GPT header
        ");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in 30..200 {
            for line in shown(width).lines() {
                assert!(line.len() <= width, "{width}: {line}");
            }
            assert_eq!(bar(&sample(), width, false).trim_end().len(), width);
        }
    }

    #[test]
    fn colours_change_no_cell() {
        let coloured = bar(&sample(), 80, true);
        let mut plain = String::new();
        for piece in coloured.split('\x1b') {
            plain += piece.split_once('m').filter(|_| piece.starts_with('[')).map_or(piece, |(_, text)| text);
        }
        assert_eq!(plain.replace(' ', "="), bar(&sample(), 80, false).replace(['#', '%', ' '], "="));
    }

    #[test]
    fn more_areas_than_columns_lose_some() {
        let given = (0..100).map(|i| area(Role::Partition, "x", "x", i * 100, i * 100 + 100)).collect();
        let areas = Areas::new(10000, given);
        assert_eq!(bar(&areas, 40, false).trim_end().len(), 40);
        assert_eq!(bar(&Areas::new(0, Vec::new()), 40, false), "\n");
    }

    #[test]
    fn each_gets_the_least_and_the_large_ones_the_rest() {
        assert_eq!(shares(&[1, 1, 100], 12.0, 1.0), [1.0, 1.0, 10.0]);
        assert_eq!(shares(&[50, 50], 10.0, 1.0), [5.0, 5.0]);
        assert_eq!(shares(&[1, 2, 3, 4], 2.0, 1.0), [0.5; 4]);
    }
}
