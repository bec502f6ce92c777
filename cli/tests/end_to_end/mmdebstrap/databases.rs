//! Databases in one file, taken apart: each record becomes a path of its own, `FILE:KEY`, with what the record says.
//!
//! Records then have no order, and a number of an account, which each tree chooses by itself, is the name that it
//! stands for or nothing at all.

use std::collections::BTreeMap;

use gravure_formats::deb822;

use super::tree::{Content, Kind, Node, Tree, names, text};

/// Takes a text apart: keys, and what the records say. The second argument has the names of groups.
type Split = fn(&str, &BTreeMap<u32, String>) -> Vec<(String, String)>;

/// Files, and how they are taken apart.
const DATABASES: [(&str, Split); 10] = [
    ("/etc/passwd", users),
    ("/etc/group", groups),
    ("/etc/shadow", accounts),
    ("/etc/gshadow", accounts),
    ("/etc/shells", lines),
    ("/var/lib/dpkg/diversions", diversions),
    ("/var/lib/dpkg/statoverride", lines),
    ("/var/lib/dpkg/status", packages),
    ("/var/lib/dpkg/triggers/File", lines),
    ("/var/lib/ucf/hashfile", lines),
];

/// Replaces the content of databases by their records.
pub(super) fn split(mut tree: Tree) -> Tree {
    let group_names = names(text(&tree, "/etc/group"));
    for (path, split) in DATABASES {
        let Some(node) = tree.get_mut(path) else { continue };
        let Some(Content::Text(text)) = node.content.take() else { panic!("{path} is no text") };
        for (key, record) in split(&text, &group_names) {
            let record = Node {
                kind: Kind::File,
                mode: 0,
                owner: String::new(),
                content: Some(Content::Text(record)),
                target: None,
            };
            assert_eq!(tree.insert(format!("{path}:{key}"), record), None, "{path} has `{key}` twice");
        }
    }
    tree
}

/// Lines that say all.
fn lines(text: &str, _: &BTreeMap<u32, String>) -> Vec<(String, String)> {
    text.lines().map(|line| (line.to_owned(), String::new())).collect()
}

/// Three lines for each: a path, where it is diverted to, and by whom.
fn diversions(text: &str, _: &BTreeMap<u32, String>) -> Vec<(String, String)> {
    let lines: Vec<&str> = text.lines().collect();
    lines.chunks(3).map(|lines| (lines[0].to_owned(), lines.join("\n"))).collect()
}

/// Lines by their first field.
fn accounts(text: &str, _: &BTreeMap<u32, String>) -> Vec<(String, String)> {
    let record = |line: &str| (line.split(':').next().unwrap_or_default().to_owned(), format!("{line}\n"));
    text.lines().map(record).collect()
}

/// Users without their numbers, with the names of their groups.
fn users(text: &str, group_names: &BTreeMap<u32, String>) -> Vec<(String, String)> {
    let record = |line: &str| {
        let mut fields: Vec<&str> = line.split(':').collect();
        let group = fields[3].parse().ok().and_then(|group: u32| group_names.get(&group));
        fields[2] = "";
        fields[3] = group.map_or(fields[3], String::as_str);
        (fields[0].to_owned(), fields.join(":") + "\n")
    };
    text.lines().map(record).collect()
}

/// Groups without their numbers.
fn groups(text: &str, _: &BTreeMap<u32, String>) -> Vec<(String, String)> {
    let record = |line: &str| {
        let mut fields: Vec<&str> = line.split(':').collect();
        fields[2] = "";
        (fields[0].to_owned(), fields.join(":") + "\n")
    };
    text.lines().map(record).collect()
}

/// Stanzas of packages, their fields in order.
fn packages(text: &str, _: &BTreeMap<u32, String>) -> Vec<(String, String)> {
    let stanza = |stanza: Result<deb822::Stanza<'_>, deb822::Error>| {
        let stanza = stanza.expect("a database of packages consists of stanzas");
        let mut fields: Vec<String> = stanza.fields().map(|(name, value)| format!("{name}: {value}\n")).collect();
        fields.sort_unstable();
        (stanza.get("Package").expect("a package has a name").to_owned(), fields.concat())
    };
    deb822::stanzas(text).map(stanza).collect()
}
