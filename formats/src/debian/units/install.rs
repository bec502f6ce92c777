//! The section `[Install]` of unit files, and the links that it asks for (systemd.unit(5)).

use super::super::{Error, Root};

/// Which systemd a unit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manager {
    /// Process 1.
    System,
    /// The one of each user.
    User,
}

impl Manager {
    fn name(self) -> &'static str {
        match self {
            Manager::System => "system",
            Manager::User => "user",
        }
    }

    /// Returns where packages have its units.
    pub(super) fn library(self) -> &'static str {
        match self {
            Manager::System => "/usr/lib/systemd/system",
            Manager::User => "/usr/lib/systemd/user",
        }
    }

    /// Returns the path of something in the directory of the configuration.
    pub(super) fn configured(self, name: &str) -> String {
        format!("/etc/systemd/{}/{name}", self.name())
    }

    /// Returns where a unit file may be; what comes first counts.
    fn places(self, file: &str) -> [String; 2] {
        [self.configured(file), format!("{}/{file}", self.library())]
    }
}

/// How many units one may enable through `Also`, one after another.
const MOST_UNITS: usize = 64;

/// The parts of a unit's name: `getty@tty1.service` is `getty`, `tty1` and `service`.
struct Name<'a> {
    full: &'a str,
    prefix: &'a str,
    /// Empty in the name of a template; none where it is no instance of one.
    instance: Option<&'a str>,
    kind: &'a str,
}

impl<'a> Name<'a> {
    fn parse(full: &'a str) -> Name<'a> {
        let (stem, kind) = full.rsplit_once('.').unwrap_or((full, "service"));
        match stem.split_once('@') {
            Some((prefix, instance)) => Name { full, prefix, instance: Some(instance), kind },
            None => Name { full, prefix: stem, instance: None, kind },
        }
    }

    /// Returns the names of the files that may define it, the first that is there counts.
    fn files(&self) -> Vec<String> {
        match self.instance {
            Some(_) => vec![self.full.to_owned(), format!("{}@.{}", self.prefix, self.kind)],
            None => vec![self.full.to_owned()],
        }
    }

    fn with_instance(&self, instance: &str) -> String {
        format!("{}@{instance}.{}", self.prefix, self.kind)
    }

    /// Replaces the specifiers of systemd.unit(5) that a section `[Install]` may have.
    fn expand(&self, word: &str) -> String {
        let mut expanded = String::new();
        let mut rest = word;
        while let Some((before, after)) = rest.split_once('%') {
            expanded.push_str(before);
            let mut letters = after.chars();
            match letters.next() {
                Some('i' | 'I' | 'j' | 'J') => expanded.push_str(self.instance.unwrap_or_default()),
                Some('p' | 'P') => expanded.push_str(self.prefix),
                Some('n' | 'N') => expanded.push_str(self.full),
                Some(other) => expanded.push(other),
                None => {}
            }
            rest = letters.as_str();
        }
        expanded + rest
    }
}

/// Makes and removes links in a root.
pub(super) struct Installer<'a, 'r> {
    root: &'a mut Root<'r>,
    /// Whether links lead to `/lib`, as before Debian 13, where that was the name of the directory of units.
    leads_to_lib: bool,
}

impl<'a, 'r> Installer<'a, 'r> {
    pub(super) fn new(root: &'a mut Root<'r>, leads_to_lib: bool) -> Installer<'a, 'r> {
        Installer { root, leads_to_lib }
    }

    /// Whether a unit is there.
    pub(super) fn has(&self, manager: Manager, unit: &str) -> bool {
        self.find(manager, &Name::parse(unit)).is_some()
    }

    /// Returns the names of all units of packages and of the configuration.
    pub(super) fn names(&self, manager: Manager) -> Vec<String> {
        let mut names = self.root.names(manager.library());
        names.extend(self.root.names(&manager.configured("")));
        names.retain(|name| name.contains('.') && ![".wants", ".requires", ".d"].iter().any(|end| name.ends_with(end)));
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Returns the path of the file that defines a unit.
    fn find(&self, manager: Manager, name: &Name<'_>) -> Option<String> {
        let places = name.files().into_iter().flat_map(|file| manager.places(&file));
        places.into_iter().find(|place| self.root.exists(place) && !self.root.is_directory(place))
    }

    /// Makes the links of a unit, and of those that it names with `Also`.
    pub(super) fn enable(&mut self, manager: Manager, unit: &str) -> Result<(), Error> {
        let mut units = vec![unit.to_owned()];
        let mut next = 0;
        while next < units.len().min(MOST_UNITS) {
            let unit = units[next].clone();
            next += 1;
            let Some(place) = self.find(manager, &Name::parse(&unit)) else { continue };
            let section = Section::read(&self.root.text(&place)?.unwrap_or_default());
            self.link(manager, &unit, &section)?;
            let is_new = |also: &&str| units.iter().all(|known| known != also);
            let also: Vec<String> = section.words("Also").filter(is_new).map(str::to_owned).collect();
            units.extend(also);
        }
        Ok(())
    }

    /// Makes the links of one unit.
    fn link(&mut self, manager: Manager, unit: &str, section: &Section) -> Result<(), Error> {
        let name = Name::parse(unit);
        let instance = match (name.instance, section.words("DefaultInstance").last()) {
            (Some(""), Some(default)) => name.with_instance(default),
            // A template alone cannot start.
            (Some(""), None) => return Ok(()),
            _ => unit.to_owned(),
        };
        let name = Name::parse(&instance);
        let Some(target) = self.find(manager, &name).map(|place| self.target(manager, place)) else { return Ok(()) };
        for (key, suffix) in [("WantedBy", "wants"), ("RequiredBy", "requires"), ("UpheldBy", "upholds")] {
            for wanting in section.words(key) {
                let path = format!("{}.{suffix}/{instance}", name.expand(wanting));
                self.root.link(&manager.configured(&path), target.clone())?;
            }
        }
        for alias in section.words("Alias").map(|alias| name.expand(alias)).filter(|alias| *alias != instance) {
            self.root.link(&manager.configured(&alias), target.clone())?;
        }
        Ok(())
    }

    /// Returns what links to the file at `place` say.
    fn target(&self, manager: Manager, place: String) -> String {
        let is_short = self.leads_to_lib && manager == Manager::System;
        place.strip_prefix("/usr").filter(|_| is_short).map_or(place.clone(), str::to_owned)
    }

    /// Removes the links of a unit below `/etc/systemd/system`.
    pub(super) fn disable(&mut self, unit: &str) -> Result<(), Error> {
        for name in self.root.names(&Manager::System.configured("")) {
            let path = Manager::System.configured(&name);
            let is_alias = self.root.link_target(&path).is_some_and(|target| target.rsplit('/').next() == Some(unit));
            let link = format!("{path}/{unit}");
            if is_alias {
                self.root.remove(&path)?;
            } else if !name.ends_with(".d") && self.root.has_name(&link) {
                self.root.remove(&link)?;
            }
        }
        Ok(())
    }

    /// Lets nothing start a unit.
    pub(super) fn mask(&mut self, unit: &str) -> Result<(), Error> {
        self.disable(unit)?;
        self.root.link(&Manager::System.configured(unit), "/dev/null")
    }
}

/// The settings of a section `[Install]`, in their order.
struct Section(Vec<(String, Vec<String>)>);

impl Section {
    fn read(text: &str) -> Section {
        let mut settings: Vec<(String, Vec<String>)> = Vec::new();
        let mut is_install = false;
        for line in text.replace("\\\n", " ").lines().map(str::trim) {
            if line.starts_with('[') {
                is_install = line == "[Install]";
            } else if let Some((key, value)) =
                line.split_once('=').filter(|_| is_install && !line.starts_with(['#', ';']))
            {
                let (key, words) =
                    (key.trim().to_owned(), value.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
                // An empty value takes back what was said before.
                if words.is_empty() {
                    settings.retain(|(known, _)| *known != key);
                }
                settings.push((key, words));
            }
        }
        Section(settings)
    }

    fn words<'s>(&'s self, key: &'s str) -> impl Iterator<Item = &'s str> {
        self.0.iter().filter(move |(known, _)| known == key).flat_map(|(_, words)| words.iter().map(String::as_str))
    }
}
