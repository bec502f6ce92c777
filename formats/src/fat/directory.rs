//! Directories: records of 32 bytes.
//!
//! ```text
//! root:  | label | entry | entry ...          elsewhere:  | . | .. | entry | entry ...
//! entry: | long name, last part | ... | long name, first part | short name, time, cluster, length |
//! ```

use super::label::Label;
use super::name::{LONG_RECORD_UNITS, Names, ShortName};
use super::plan::{Content, Node, Plan};

/// The length of a record, in bytes.
pub(super) const RECORD_LEN: u64 = 32;

/// Attributes ("DIR_Attr").
mod attribute {
    pub(super) const VOLUME_ID: u8 = 0x08;
    pub(super) const DIRECTORY: u8 = 0x10;
    pub(super) const ARCHIVE: u8 = 0x20;
    /// A part of a long name: read-only, hidden, system and label at once, which older readers skip.
    pub(super) const LONG_NAME: u8 = 0x0f;
}

/// Marks the last part of a long name, which comes first ("LAST_LONG_ENTRY").
const LAST_LONG_RECORD: u8 = 0x40;

/// Returns the bytes of a directory. `first_clusters` are those of all nodes, 0 for what has none.
pub(super) fn bytes(plan: &Plan<'_>, idx: usize, first_clusters: &[u32], label: Option<(Label, i64)>) -> Vec<u8> {
    let node = &plan.nodes[idx];
    let Content::Directory { children, .. } = &node.content else { unreachable!("only directories have records") };
    let mut bytes = Vec::with_capacity(node.len() as usize);
    if idx == 0 {
        bytes.extend(label.into_iter().flat_map(|(label, time)| Record::label(label, time).to_bytes()));
    } else {
        // The parent's cluster is 0 when that is the root, whatever cluster the root has.
        let parent = if node.parent == 0 { 0 } else { first_clusters[node.parent] };
        bytes.extend(Record::directory(ShortName(*b".          "), node.mtime, first_clusters[idx]).to_bytes());
        let mtime = plan.nodes[node.parent].mtime;
        bytes.extend(Record::directory(ShortName(*b"..         "), mtime, parent).to_bytes());
    }
    for &child in children {
        let node = &plan.nodes[child];
        let names = node.names.as_ref().expect("everything but the root was named");
        bytes.extend(long_records(names));
        bytes.extend(Record::of(node, names.short, first_clusters[child]).to_bytes());
    }
    bytes
}

/// An entry as it is on the disk ("Directory Structure").
struct Record {
    /// 0 11 name
    name: [u8; 11],
    /// 11 1 attributes
    attributes: u8,
    // 12 1 zero, 13 1 hundredths of the time of creation
    /// 14 4, 22 4 times of creation and of last write, each as time and date; 18 2 date of last access
    stamp: Stamp,
    /// 20 2 high half and 26 2 low half of the first cluster
    first_cluster: u32,
    /// 28 4 length in bytes; 0 for directories
    len: u32,
}

impl Record {
    fn of(node: &Node<'_>, name: ShortName, first_cluster: u32) -> Record {
        match node.content {
            Content::Directory { .. } => Record::directory(name, node.mtime, first_cluster),
            Content::File(content) => Record {
                name: name.0,
                attributes: attribute::ARCHIVE,
                stamp: Stamp::of(node.mtime),
                first_cluster,
                len: u32::try_from(content.len()).expect("files were checked to be below 4 GiB"),
            },
        }
    }

    fn directory(name: ShortName, mtime: i64, first_cluster: u32) -> Record {
        Record { name: name.0, attributes: attribute::DIRECTORY, stamp: Stamp::of(mtime), first_cluster, len: 0 }
    }

    fn label(label: Label, time: i64) -> Record {
        Record { name: label.0, attributes: attribute::VOLUME_ID, stamp: Stamp::of(time), first_cluster: 0, len: 0 }
    }

    fn to_bytes(&self) -> [u8; RECORD_LEN as usize] {
        let mut bytes = [0; RECORD_LEN as usize];
        bytes[..11].copy_from_slice(&self.name);
        bytes[11] = self.attributes;
        bytes[14..16].copy_from_slice(&self.stamp.time.to_le_bytes());
        bytes[16..18].copy_from_slice(&self.stamp.date.to_le_bytes());
        bytes[18..20].copy_from_slice(&self.stamp.date.to_le_bytes());
        bytes[20..22].copy_from_slice(&((self.first_cluster >> 16) as u16).to_le_bytes());
        bytes[22..24].copy_from_slice(&self.stamp.time.to_le_bytes());
        bytes[24..26].copy_from_slice(&self.stamp.date.to_le_bytes());
        bytes[26..28].copy_from_slice(&(self.first_cluster as u16).to_le_bytes());
        bytes[28..32].copy_from_slice(&self.len.to_le_bytes());
        bytes
    }
}

/// Returns the records of a long name, if there is one, the last part first.
fn long_records(names: &Names) -> Vec<u8> {
    let Some(units) = &names.long else { return Vec::new() };
    let checksum = names.short.checksum();
    let n_parts = units.len().div_ceil(LONG_RECORD_UNITS);
    let parts = units.chunks(LONG_RECORD_UNITS).enumerate().rev().flat_map(|(i, part)| {
        let last = if i + 1 == n_parts { LAST_LONG_RECORD } else { 0 };
        long_record((i as u8 + 1) | last, part, checksum)
    });
    parts.collect()
}

/// Returns a part of a long name as it is on the disk ("Long Directory Entries").
///
/// ```text
/// offset size meaning
///   0      1  number of the part, from 1
///   1     10  units 0 to 4
///  11      1  attributes
///  12      1  zero
///  13      1  checksum of the short name
///  14     12  units 5 to 10
///  26      2  zero
///  28      4  units 11 and 12
/// ```
fn long_record(number: u8, part: &[u16], checksum: u8) -> [u8; RECORD_LEN as usize] {
    let mut bytes = [0; RECORD_LEN as usize];
    bytes[0] = number;
    bytes[11] = attribute::LONG_NAME;
    bytes[13] = checksum;
    // A name that does not fill its last part ends with one zero, and ones behind it.
    let units = part.iter().copied().chain([0]).chain(std::iter::repeat(0xffff));
    let places = (1..11).step_by(2).chain((14..26).step_by(2)).chain((28..32).step_by(2));
    for (place, unit) in places.zip(units) {
        bytes[place..place + 2].copy_from_slice(&unit.to_le_bytes());
    }
    bytes
}

/// A moment as FAT keeps it, in steps of two seconds ("Date and Time Formats").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    /// Bits 15 to 11: hour, 10 to 5: minute, 4 to 0: half of the second.
    time: u16,
    /// Bits 15 to 9: year from 1980, 8 to 5: month, 4 to 0: day.
    date: u16,
}

/// The first and the last moment that FAT can keep: 1980-01-01 00:00:00 and 2107-12-31 23:59:58, UTC.
const FIRST_MOMENT: i64 = 315_532_800;
const LAST_MOMENT: i64 = 4_354_819_198;

impl Stamp {
    /// Returns the moment, or the nearest possible one; `seconds` count from 1970.
    fn of(seconds: i64) -> Stamp {
        let seconds = seconds.clamp(FIRST_MOMENT, LAST_MOMENT) - FIRST_MOMENT;
        let (day, second) = (seconds / 86400, seconds % 86400);
        let (year, month, day) = date_of(day);
        let (hour, minute, half) = (second / 3600, second / 60 % 60, second % 60 / 2);
        Stamp { time: ((hour << 11) | (minute << 5) | half) as u16, date: ((year << 9) | (month << 5) | day) as u16 }
    }
}

/// Returns the year from 1980, the month and the day, both from 1, of a day counted from 1980-01-01.
fn date_of(mut day: i64) -> (i64, i64, i64) {
    // 2100 is the one year that 4 divides and that has no 29th of February before 2108.
    let is_leap = |year: i64| year % 4 == 0 && year != 2100 - 1980;
    let mut year = 0;
    while day >= 365 + i64::from(is_leap(year)) {
        day -= 365 + i64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + i64::from(is_leap(year));
    let mut month = 1;
    for len in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < len {
            break;
        }
        day -= len;
        month += 1;
    }
    (year, month, day + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        let shown = |seconds| {
            let Stamp { time, date } = Stamp::of(seconds);
            let (year, month, day) = (1980 + (date >> 9), date >> 5 & 15, date & 31);
            format!("{year}-{month:02}-{day:02} {:02}:{:02}:{:02}", time >> 11, time >> 5 & 63, (time & 31) * 2)
        };
        // As `date -u -d @N` says.
        assert_eq!(shown(i64::MIN), "1980-01-01 00:00:00");
        assert_eq!(shown(951_782_399), "2000-02-28 23:59:58");
        assert_eq!(shown(951_827_696), "2000-02-29 12:34:56");
        assert_eq!(shown(1_735_689_600), "2025-01-01 00:00:00");
        assert_eq!(shown(4_107_542_400), "2100-03-01 00:00:00");
        assert_eq!(shown(4_133_980_799), "2100-12-31 23:59:58");
        assert_eq!(shown(i64::MAX), "2107-12-31 23:59:58");
    }

    #[test]
    fn a_long_name_fills_its_parts_from_behind() {
        let units: Vec<u16> = "fourteen chars".encode_utf16().collect();
        let names = Names { short: ShortName(*b"FOURTE~1   "), long: Some(units) };
        let records = long_records(&names);
        assert_eq!(records.len(), 64);
        assert_eq!((records[0], records[1], &records[3..7]), (0x42, b's', &[0, 0, 0xff, 0xff][..]));
        assert_eq!((records[32], records[33], &records[60..]), (1, b'f', b"a\0r\0".as_slice()));
    }
}
