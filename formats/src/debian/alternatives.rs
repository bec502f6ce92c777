//! Alternatives: names such as `/usr/bin/editor` that lead through `/etc/alternatives` to one of several programs.
//!
//! Scripts register them with `update-alternatives --install LINK NAME PATH PRIORITY`, perhaps with further links that follow
//! (`--slave`, manual pages mostly). The path with the highest priority is taken. A path that is not there is not
//! registered, and a link that would replace a file is not made, as `update-alternatives` does it.

use std::collections::BTreeMap;

use super::scripts::{self, Command, Stage, Visitor};
use super::{Accounts, Error, Package, Root, answers};

const LINKS: &str = "/etc/alternatives";
const STATE: &str = "/var/lib/dpkg/alternatives";

/// An alternative: everything that is registered under one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Alternative {
    link: String,
    /// The links that follow, by name.
    followers: BTreeMap<String, String>,
    /// What there is to choose from, by path.
    choices: BTreeMap<String, Choice>,
}

/// One of the paths of an alternative.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Choice {
    priority: i64,
    /// Where the links that follow lead, by name.
    followers: BTreeMap<String, String>,
}

/// Registers what the packages' scripts register, and makes the links.
///
/// # Errors
/// A script cannot be read, or the root cannot be written.
pub fn alternatives(root: &mut Root<'_>, packages: &[Package], accounts: &Accounts) -> Result<(), Error> {
    let mut registry = Registry { root, accounts, alternatives: BTreeMap::new() };
    for package in packages {
        if let Some(script) = package.text("postinst", registry.root.blobs())? {
            scripts::read(&script, Stage::Configure, &mut registry);
        }
    }
    for (name, alternative) in registry.alternatives {
        alternative.write(&name, root)?;
    }
    Ok(())
}

struct Registry<'a, 'r> {
    root: &'a Root<'r>,
    accounts: &'a Accounts,
    alternatives: BTreeMap<String, Alternative>,
}

impl Visitor for Registry<'_, '_> {
    /// Registers under any condition: what is not there is left out anyway.
    fn visit(&mut self, command: &Command) -> Option<bool> {
        if command.name() == "update-alternatives" && command.is_literal {
            return self.register(command.arguments());
        }
        answers::answer(command, self.root, self.accounts)
    }

    fn output(&mut self, command: &Command) -> Option<String> {
        answers::output(command, self.root)
    }
}

impl Registry<'_, '_> {
    fn register(&mut self, arguments: &[String]) -> Option<bool> {
        let at = arguments.iter().position(|argument| argument == "--install")?;
        let [link, name, path, priority, rest @ ..] = &arguments[at + 1..] else { return Some(false) };
        if !self.root.exists(path) {
            return Some(false);
        }
        let alternative = self.alternatives.entry(name.clone()).or_default();
        alternative.link.clone_from(link);
        let mut choice = Choice { priority: priority.parse().ok()?, ..Choice::default() };
        for follower in rest.split(|argument| argument == "--slave") {
            if let [link, name, path] = follower {
                alternative.followers.insert(name.clone(), link.clone());
                choice.followers.insert(name.clone(), path.clone());
            }
        }
        alternative.choices.insert(path.clone(), choice);
        Some(true)
    }
}

impl Alternative {
    /// Returns the choice with the highest priority; among equals the one whose path comes first.
    fn best(&self) -> Option<(&String, &Choice)> {
        self.choices.iter().reduce(|best, next| if next.1.priority > best.1.priority { next } else { best })
    }

    fn write(&self, name: &str, root: &mut Root<'_>) -> Result<(), Error> {
        let Some((path, choice)) = self.best() else { return Ok(()) };
        make_links(root, &self.link, name, path)?;
        for (follower, path) in &choice.followers {
            if root.exists(path) {
                make_links(root, &self.followers[follower], follower, path)?;
            }
        }
        root.write_text(&format!("{STATE}/{name}"), self.state())
    }

    /// Returns the file in which `update-alternatives` remembers this.
    fn state(&self) -> String {
        let mut text = format!("auto\n{}\n", self.link);
        text.extend(self.followers.iter().map(|(name, link)| format!("{name}\n{link}\n")));
        text += "\n";
        for (path, choice) in &self.choices {
            text += &format!("{path}\n{}\n", choice.priority);
            let target = |name| choice.followers.get(name).map_or("", String::as_str);
            text.extend(self.followers.keys().map(|name| format!("{}\n", target(name))));
        }
        text + "\n"
    }
}

/// Makes a link that leads to a path through `/etc/alternatives`. A file that is no link stays.
fn make_links(root: &mut Root<'_>, link: &str, name: &str, path: &str) -> Result<(), Error> {
    let through = format!("{LINKS}/{name}");
    root.link(&through, path)?;
    match root.has_name(link) && root.link_target(link).is_none() {
        true => Ok(()),
        false => root.link(link, through),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Extents, MemoryBlobs, Tree};

    /// Runs scripts over a root with these files; shows all links and all states.
    fn check(files: &[&str], scripts: &[&str], expected: &str) {
        let blobs = MemoryBlobs::new();
        let mut root = Root::new(Tree::default(), &blobs, 0);
        for file in files {
            root.write_text(file, "").unwrap();
        }
        let packages: Vec<Package> = scripts.iter().map(|script| package(script)).collect();
        alternatives(&mut root, &packages, &Accounts::default()).unwrap();
        let mut shown = String::new();
        for path in root.paths_below("/") {
            match root.link_target(&path) {
                Some(target) => shown += &format!("{path} -> {target}\n"),
                None if path.starts_with(STATE) && !root.is_directory(&path) => {
                    shown += &root.text(&path).unwrap().unwrap();
                }
                None => {}
            }
        }
        assert_eq!(shown, expected);
    }

    fn package(postinst: &str) -> Package {
        let control = BTreeMap::from([("postinst".to_owned(), Extents::from_bytes(postinst.to_owned()))]);
        Package::new("Package: x\nVersion: 1\nArchitecture: all\n".to_owned(), control).unwrap()
    }

    #[test]
    fn the_highest_priority_is_taken() {
        check(
            &["/bin/more", "/bin/less", "/man/less.1", "/bin/gone.man"],
            &[
                "update-alternatives --quiet --install /usr/bin/pager pager /bin/more 50 \\\n --slave /man/pager.1 pager.1 /man/more.1\n",
                "update-alternatives --install /usr/bin/pager pager /bin/less 77 --slave /man/pager.1 pager.1 /man/less.1 || true\n",
                "update-alternatives --install /usr/bin/pager pager /bin/most 99\n",
            ],
            "/etc/alternatives/pager -> /bin/less\n/etc/alternatives/pager.1 -> /man/less.1\n/man/pager.1 -> /etc/alternatives/pager.1\n\
             /usr/bin/pager -> /etc/alternatives/pager\n\
             auto\n/usr/bin/pager\npager.1\n/man/pager.1\n\n/bin/less\n77\n/man/less.1\n/bin/more\n50\n/man/more.1\n\n",
        );
    }

    #[test]
    fn words_that_a_script_prints_to_itself_are_followed() {
        check(
            &["/usr/bin/xz", "/usr/bin/unxz"],
            &["slave() {\n echo \"--slave $1/$2 $2 $1/$3\"\n}\n\
               update-alternatives --install /usr/bin/lzma lzma /usr/bin/xz 20 $(\n for util in un; do\n  \
               slave /usr/bin ${util}lzma ${util}xz\n done\n)\n"],
            "/etc/alternatives/lzma -> /usr/bin/xz\n/etc/alternatives/unlzma -> /usr/bin/unxz\n\
             /usr/bin/lzma -> /etc/alternatives/lzma\n/usr/bin/unlzma -> /etc/alternatives/unlzma\n\
             auto\n/usr/bin/lzma\nunlzma\n/usr/bin/unlzma\n\n/usr/bin/xz\n20\n/usr/bin/unxz\n\n",
        );
    }

    #[test]
    fn loops_and_conditions_are_followed() {
        check(
            &["/usr/bin/vim", "/usr/bin/ex"],
            &["for i in ex vi; do\n if [ -x /usr/bin/vim ] || [ -e /$i ]; then :; fi\n\
               update-alternatives --install /usr/bin/$i $i /usr/bin/vim 10\ndone\n\
               if [ -e /usr/bin/none ]; then update-alternatives --install /a a /usr/bin/vim 1; fi\n"],
            "/etc/alternatives/ex -> /usr/bin/vim\n/etc/alternatives/vi -> /usr/bin/vim\n/usr/bin/vi -> /etc/alternatives/vi\n\
             auto\n/usr/bin/ex\n\n/usr/bin/vim\n10\n\nauto\n/usr/bin/vi\n\n/usr/bin/vim\n10\n\n",
        );
    }
}
