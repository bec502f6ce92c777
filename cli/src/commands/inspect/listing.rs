//! Directories as `ls -l` shows them: numbers for owners, times in UTC.

use gravure_formats::inspect::{Entry, Permissions};
use gravure_sources::day;
use serde_json::{Value, json};

use crate::images::printable;
use crate::terminal;

/// Prints entries.
pub(super) fn print(entries: &[Entry], is_json: bool) {
    match is_json {
        true => super::print_json(&Value::from(entries.iter().map(value).collect::<Vec<_>>())),
        false => terminal::result(&table(entries)),
    }
}

fn table(entries: &[Entry]) -> String {
    let rows: Vec<[String; 4]> = entries.iter().map(columns).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let (owner_width, len_width) = (width(1), width(2));
    let line = |(entry, [mode, owner, len, time]): (&Entry, &[String; 4])| {
        let owner = if owner_width == 0 { String::new() } else { format!("{owner:owner_width$} ") };
        let target = entry.target.as_ref().map(|target| format!(" -> {}", printable(target))).unwrap_or_default();
        format!("{mode} {owner}{len:>len_width$} {time} {}{target}\n", printable(&entry.name))
    };
    entries.iter().zip(&rows).map(line).collect()
}

/// Returns mode, owner, length and time of an entry.
fn columns(entry: &Entry) -> [String; 4] {
    let (mode, owner) = match entry.permissions {
        Permissions::Unix { mode, uid, gid } => (letters(mode), format!("{uid}:{gid}")),
        Permissions::Fat { read_only, hidden, system, archive } => {
            let marks = [(read_only, 'r'), (hidden, 'h'), (system, 's'), (archive, 'a')];
            (marks.map(|(is_set, letter)| if is_set { letter } else { '-' }).iter().collect(), String::new())
        }
    };
    let time = entry.modified.map_or_else(|| format!("{:19}", "-"), |seconds| time(seconds, ' '));
    [format!("{}{mode}", entry.kind.letter()), owner, entry.len.to_string(), time]
}

/// Returns `rwxr-xr-x`, with the marks of set-user-id, set-group-id and sticky.
fn letters(mode: u16) -> String {
    let mut letters = String::new();
    for (shift, special, mark) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        letters.push(if bits & 4 == 0 { '-' } else { 'r' });
        letters.push(if bits & 2 == 0 { '-' } else { 'w' });
        letters.push(match (mode & special != 0, bits & 1 != 0) {
            (true, true) => mark,
            (true, false) => mark.to_ascii_uppercase(),
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    letters
}

/// Returns a time as `2026-11-21 12:00:00`.
fn time(seconds: i64, between: char) -> String {
    let of_day = seconds.rem_euclid(86400);
    format!("{}{between}{:02}:{:02}:{:02}", day(seconds), of_day / 3600, of_day / 60 % 60, of_day % 60)
}

fn value(entry: &Entry) -> Value {
    let mut value = json!({
        "name": String::from_utf8_lossy(&entry.name),
        "type": entry.kind.name(),
        "size": entry.len,
        "modified": entry.modified.map(|seconds| time(seconds, 'T') + "Z"),
    });
    match entry.permissions {
        Permissions::Unix { mode, uid, gid } => {
            value["mode"] = json!(format!("{mode:04o}"));
            value["uid"] = json!(uid);
            value["gid"] = json!(gid);
        }
        Permissions::Fat { read_only, hidden, system, archive } => {
            value["attributes"] = json!({
                "read-only": read_only, "hidden": hidden, "system": system, "archive": archive,
            });
        }
    }
    if let Some(target) = &entry.target {
        value["target"] = json!(String::from_utf8_lossy(target));
    }
    value
}

#[cfg(test)]
mod tests {
    use gravure_formats::inspect::EntryKind;

    use super::*;

    #[test]
    fn modes_are_as_ls_shows_them() {
        let shown = [0o755, 0o4755, 0o2644, 0o1777, 0o7000, 0].map(letters);
        assert_eq!(shown, ["rwxr-xr-x", "rwsr-xr-x", "rw-r-Sr--", "rwxrwxrwt", "--S--S--T", "---------"]);
    }

    #[test]
    fn columns_are_aligned_and_names_escaped() {
        let entry = |name: &[u8], kind, len, target: Option<&[u8]>| Entry {
            name: name.to_vec(),
            kind,
            permissions: Permissions::Unix { mode: 0o755, uid: len as u32, gid: 0 },
            len,
            modified: Some(86_399),
            target: target.map(<[u8]>::to_vec),
        };
        let entries = [entry(b"a\n", EntryKind::File, 7, None), entry(b"b", EntryKind::Link, 12345, Some(b"c\x1b"))];
        insta::assert_snapshot!(table(&entries), @r"
        -rwxr-xr-x 7:0         7 1970-01-01 23:59:59 a\n
        lrwxr-xr-x 12345:0 12345 1970-01-01 23:59:59 b -> c\u{1b}
        ");
    }
}
