//! Presets: what a distribution says of units that nobody else has a say in, systemd.preset(5).

use super::super::Root;
use super::install::Manager;
use crate::modules::fits_pattern;

/// The rules in the order in which they are asked; the first that fits counts, and without one a unit is enabled.
pub(super) struct Presets(Vec<Rule>);

struct Rule {
    enable: bool,
    pattern: String,
}

impl Presets {
    /// Reads the rules of a root: files of `/etc` before those of packages with the same name, all in order of their names.
    pub(super) fn read(root: &Root<'_>, manager: Manager) -> Presets {
        let kind = if manager == Manager::System { "system" } else { "user" };
        let folders = [format!("/etc/systemd/{kind}-preset"), format!("/usr/lib/systemd/{kind}-preset")];
        let mut files: Vec<(String, String)> = Vec::new();
        for folder in folders {
            for name in root.names(&folder).into_iter().filter(|name| name.ends_with(".preset")) {
                if files.iter().all(|(known, _)| *known != name) {
                    files.push((name.clone(), format!("{folder}/{name}")));
                }
            }
        }
        files.sort();
        let texts = files.iter().filter_map(|(_, path)| root.text(path).ok().flatten());
        Presets(texts.flat_map(|text| rules(&text)).collect())
    }

    /// Whether a unit is to be enabled.
    pub(super) fn enable(&self, unit: &str) -> bool {
        let template = unit.split_once('@').map(|(prefix, rest)| {
            let kind = rest.rsplit_once('.').map_or("", |(_, kind)| kind);
            format!("{prefix}@.{kind}")
        });
        let fits = |rule: &&Rule| {
            fits_pattern(&rule.pattern, unit)
                || template.as_ref().is_some_and(|template| fits_pattern(&rule.pattern, template))
        };
        self.0.iter().find(fits).is_none_or(|rule| rule.enable)
    }
}

fn rules(text: &str) -> Vec<Rule> {
    let rule = |line: &str| {
        let mut words = line.split_whitespace();
        let enable = match words.next()? {
            "enable" => true,
            "disable" | "ignore" => false,
            _ => return None,
        };
        Some(Rule { enable, pattern: words.next()?.to_owned() })
    };
    text.lines().filter_map(rule).collect()
}
