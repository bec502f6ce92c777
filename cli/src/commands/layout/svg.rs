//! The picture of a disk as SVG: a bar in proportion, with a least width for what is small, and a table below it.

use gravure_formats::areas::{Area, Areas, Role};
use gravure_formats::units::{Grouped, Rounded};

use super::picture::{letters, shares};
use crate::images::printable;

const WIDTH: f64 = 960.0;
const MARGIN: f64 = 24.0;
const BAR_AT: f64 = 64.0;
const BAR_HEIGHT: f64 = 56.0;
const TABLE_AT: f64 = 176.0;
const ROW: f64 = 24.0;
/// What is small is as wide as its letter.
const LEAST: f64 = 14.0;
/// A letter of this text is hardly wider.
const LETTER: f64 = 8.0;
/// How many letters of a description have room.
const MOST_LETTERS: usize = 54;
/// The right ends of the columns of numbers, and where descriptions start.
const COLUMNS: [f64; 4] = [190.0, 320.0, 410.0, 510.0];
const WHAT_AT: f64 = 534.0;

const STYLE: &str = "\
text { font-family: 'DejaVu Sans', Verdana, sans-serif; font-size: 13px; fill: #222 }
.title { font-size: 17px; font-weight: bold }
.head, .scale { fill: #666; font-size: 12px }
.number { text-anchor: end }
.inside { text-anchor: middle; font-size: 12px }
rect { stroke: #fff }";

/// The colours of partitions, one after the other.
const PARTITION_COLOURS: [&str; 4] = ["#8ab6e8", "#a5d49b", "#d3b3e3", "#93d5d0"];

/// Returns the picture.
pub(super) fn svg(name: &str, areas: &Areas) -> String {
    let height = TABLE_AT + ROW * areas.areas.len() as f64 + MARGIN;
    let title = format!("{}: {} ({} bytes)", printable(name.as_bytes()), Rounded(areas.len), Grouped(areas.len));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\">\n<style>\n{STYLE}\n</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    svg += &text("title", MARGIN, 40.0, &title);
    let colours = colours(areas);
    svg += &bar(areas, &colours);
    svg += &table(areas, &colours);
    svg + "</svg>\n"
}

fn colours(areas: &Areas) -> Vec<&'static str> {
    let mut partitions = PARTITION_COLOURS.iter().cycle();
    let colour = |area: &Area| match area.role {
        Role::Table => "#f2ce72",
        Role::Loader => "#ee9a8c",
        Role::Partition => partitions.next().expect("a cycle has no end"),
        Role::Data => "#c9c9c9",
        Role::Free => "#eeeeee",
    };
    areas.areas.iter().map(colour).collect()
}

fn bar(areas: &Areas, colours: &[&str]) -> String {
    let lengths: Vec<u64> = areas.areas.iter().map(|area| area.len).collect();
    let shares = shares(&lengths, WIDTH - 2.0 * MARGIN, LEAST);
    let (mut bar, mut x) = (String::new(), MARGIN);
    for (((area, letter), colour), width) in areas.areas.iter().zip(letters(areas)).zip(colours).zip(shares) {
        bar += &format!(
            "<rect x=\"{x:.1}\" y=\"{BAR_AT}\" width=\"{width:.1}\" height=\"{BAR_HEIGHT}\" fill=\"{colour}\"/>\n"
        );
        let label = printable(area.label.as_bytes());
        let middle = x + width / 2.0;
        let inside = match area.role {
            Role::Free => None,
            _ if !label.is_empty() && (label.chars().count() + 1) as f64 * LETTER < width => Some(label),
            _ if LEAST <= width + 0.1 => Some(letter.to_string()),
            _ => None,
        };
        if let Some(inside) = inside {
            bar += &text("inside", middle, BAR_AT + BAR_HEIGHT / 2.0 + 4.0, &inside);
        }
        x += width;
    }
    bar += &text("scale", MARGIN, BAR_AT + BAR_HEIGHT + 18.0, "0");
    bar + &text("scale number", WIDTH - MARGIN, BAR_AT + BAR_HEIGHT + 18.0, &Rounded(areas.len).to_string())
}

fn table(areas: &Areas, colours: &[&str]) -> String {
    let mut table = String::new();
    for (x, head) in COLUMNS.into_iter().zip(["start", "end", "size", "sectors"]) {
        table += &text("head number", x, TABLE_AT - 6.0, head);
    }
    table += &text("head", WHAT_AT, TABLE_AT - 6.0, "what");
    for (row, ((area, letter), colour)) in areas.areas.iter().zip(letters(areas)).zip(colours).enumerate() {
        let y = TABLE_AT + ROW * row as f64;
        table += &format!("<rect x=\"{MARGIN}\" y=\"{y}\" width=\"20\" height=\"20\" fill=\"{colour}\"/>\n");
        if area.role != Role::Free {
            table += &text("inside", MARGIN + 10.0, y + 14.5, &letter.to_string());
        }
        let numbers = [
            Grouped(area.at).to_string(),
            Grouped(area.end()).to_string(),
            Rounded(area.len).to_string(),
            super::picture::sectors(area.len),
        ];
        for (x, number) in COLUMNS.into_iter().zip(numbers) {
            table += &text("number", x, y + 15.0, &number);
        }
        table += &text("what", WHAT_AT, y + 15.0, &shortened(&printable(area.what.as_bytes())));
    }
    table
}

fn shortened(what: &str) -> String {
    if what.chars().count() <= MOST_LETTERS {
        return what.to_owned();
    }
    what.chars().take(MOST_LETTERS - 1).chain(['…']).collect()
}

fn text(class: &str, x: f64, y: f64, text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>\n")
}
