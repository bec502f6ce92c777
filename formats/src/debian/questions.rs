//! What scripts are told when they ask debconf: nobody was asked, so it is the default of the package's own question.
//!
//! ```text
//! Template: man-db/auto-update        db_get man-db/auto-update
//! Type: boolean                       if [ "$RET" = true ]; then ...
//! Default: true
//! ```
//! A question that a script of the package sets itself has no answer here, for it depends on what the machine has.

use std::collections::BTreeMap;

use super::scripts::{self, Stage};
use super::{Error, Package};
use crate::{Blobs, deb822};

/// The defaults of a package's questions by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Questions(BTreeMap<String, String>);

impl Questions {
    /// Returns the questions of a package that its scripts do not answer themselves.
    ///
    /// # Errors
    /// A control file cannot be read.
    pub(super) fn of(package: &Package, blobs: &dyn Blobs) -> Result<Questions, Error> {
        let Some(templates) = package.text("templates", blobs)? else { return Ok(Questions::default()) };
        let mut defaults = BTreeMap::new();
        for fields in deb822::stanzas(&templates).filter_map(Result::ok) {
            if let Some(name) = fields.get("Template") {
                let default = fields.get("Default").unwrap_or_default();
                defaults.insert(name.trim().to_owned(), default.trim().to_owned());
            }
        }
        for (script, stage) in
            [("config", Stage::Configure), ("preinst", Stage::Install), ("postinst", Stage::Configure)]
        {
            let text = package.text(script, blobs)?.unwrap_or_default();
            for command in scripts::commands_of(&text, stage).iter().filter(|command| command.name() == "db_set") {
                match command.arguments().first() {
                    Some(name) if !name.contains('$') => drop(defaults.remove(name)),
                    _ => defaults.clear(),
                }
            }
        }
        Ok(Questions(defaults))
    }

    /// Returns the answer to a question.
    pub(super) fn answer(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Extents, MemoryBlobs};

    const TEMPLATES: &str = "Template: a/update\nType: boolean\nDefault: true\nDescription: Update?\n Or not.\n\n\
        Template: a/name\nType: string\nDefault-de.UTF-8: x\nDescription: A name\n\nTemplate: a/set\nType: boolean\nDefault: true\n";

    fn questions(config: &str) -> Questions {
        let control = [("templates", TEMPLATES), ("config", config)];
        let control = control.map(|(name, text)| (name.to_owned(), Extents::from_bytes(text.to_owned())));
        let package = Package::new("Package: a\nVersion: 1\nArchitecture: all\n".to_owned(), control.into()).unwrap();
        Questions::of(&package, &MemoryBlobs::new()).unwrap()
    }

    #[test]
    fn the_default_is_the_answer_unless_a_script_sets_it() {
        let found = questions("if [ -e /etc/a ]; then db_set a/set false; fi\ndb_input low a/update || true\n");
        let answers = ["a/update", "a/name", "a/set", "b/other"].map(|name| found.answer(name));
        assert_eq!(answers.map(|answer| answer.unwrap_or("?".to_owned())), ["true", "", "?", "?"]);
        assert_eq!(questions("db_set \"a/$x\" y\n"), Questions::default());
    }
}
