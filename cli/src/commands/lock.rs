//! `gravure lock`: finds the packages of files, and writes down which they are.
//!
//! ```text
//!                          add what is missing    --update, some files    --update, whole project
//! what was locked          stays                  its other versions go   goes
//! what the files need      is added               is added                is all there is
//! ```

use gravure_eval::nearest;
use gravure_sources::day;
use gravure_sources::debian::{Change, LOCK_FILE, Lock};
use gravure_stdlib::Locking;

use crate::arguments;
use crate::batch::{Batch, LockFile, Plan};
use crate::environment::{Outside, locking, threads};
use crate::progress::Bars;
use crate::trouble::{Complaint, Trouble, WRONG_CONFIGURATION};
use crate::{interrupt, terminal};

pub(crate) fn run(arguments: &arguments::Lock) -> Result<(), Trouble> {
    let threads = threads(None);
    let (files, packages): (Vec<String>, Vec<String>) = arguments.names.iter().cloned().partition(|name| is_file(name));
    let renewal = Renewal::new(arguments.update, &files, &packages)?;
    let batch = match files.is_empty() {
        true if !arguments.form.overrides.is_empty() => {
            return Err(Complaint::usage("`--set` needs the files that it is for").into());
        }
        true => Batch::load_project(&arguments.project)?,
        false => Batch::load_said(&files, arguments.form.said(None), &arguments.project)?,
    };
    let outside = Outside::new(&arguments.outside)?;
    let bars = Bars::new();
    interrupt::ends_with(&bars);
    let locking = Locking {
        update_states: arguments.update,
        update: Some(packages.clone()).filter(|packages| !packages.is_empty()),
        ..locking(&arguments.outside)
    };
    let (plan, trouble) = batch.lower_all(arguments.form.get(), &outside, &locking, &bars, threads);
    bars.clear();
    trouble.or(())?;
    if plan.images.is_empty() {
        let message = "no file of the project exports an image or an operating system";
        let help = "export one: `machine = os.OperatingSystem { .. }`";
        return Err(Complaint::new(WRONG_CONFIGURATION, message).help(help).into());
    }
    check_names(&packages, &plan)?;
    for (root, file) in &plan.locks {
        let new = renewal.of(file);
        if new != *file.found {
            new.write(&outside.store, &root.join(LOCK_FILE))?;
        }
        tell(&batch.files.lock_name(root), &file.found, &new);
    }
    Ok(())
}

/// Whether an argument names a file. No package has any of this in its name.
fn is_file(name: &str) -> bool {
    name.ends_with(".img") || name.contains(['/', '#'])
}

/// What becomes of the packages that are locked.
#[derive(Clone, Copy)]
enum Renewal {
    /// They stay.
    Add,
    /// They go where the files that are named need them in other versions.
    Replace,
    /// They go, unless a file needs them: all files are known.
    Rewrite,
}

impl Renewal {
    fn new(is_update: bool, files: &[String], packages: &[String]) -> Result<Renewal, Complaint> {
        match (is_update, packages) {
            (false, [package, ..]) => {
                let message = format!("`{package}` is no file: they end with `.img`, or have a `/` in their paths");
                Err(Complaint::usage(message).help(format!("`gravure lock --update {package}` renews a package")))
            }
            (false, []) => Ok(Renewal::Add),
            (true, _) if files.is_empty() => Ok(Renewal::Rewrite),
            (true, _) => Ok(Renewal::Replace),
        }
    }

    /// Returns the lock file as it should be.
    fn of(self, file: &LockFile) -> Lock {
        let mut lock = Lock::clone(&file.found);
        match self {
            Renewal::Add => lock.extend(&file.needed),
            Renewal::Replace => lock.supersede(&file.needed),
            Renewal::Rewrite => lock = file.needed.clone(),
        }
        lock
    }
}

/// Refuses names of packages that no file needs and no lock file has.
fn check_names(packages: &[String], plan: &Plan) -> Result<(), Trouble> {
    let mut trouble = Trouble::default();
    let known = || plan.locks.values().flat_map(|file| file.found.names().chain(file.needed.names()));
    for package in packages.iter().filter(|package| known().all(|name| name != *package)) {
        let complaint = Complaint::usage(format!("nothing that is locked or needed is called `{package}`"));
        trouble.complain(match nearest(package, known()) {
            Some(near) => complaint.help(format!("write `{near}`")),
            None => complaint,
        });
    }
    trouble.or(())
}

/// Says what a lock file has now that it did not have before.
fn tell(name: &str, old: &Lock, new: &Lock) {
    let changes = old.changes(new);
    terminal::result(&table(&changes));
    terminal::say(&format!("{name}: {}\n", summary(&changes, new)));
}

/// Returns a line per change.
fn table(changes: &[Change]) -> String {
    let rows: Vec<[String; 3]> = changes.iter().map(row).collect();
    let width = rows.iter().map(|[_, package, _]| package.len()).max().unwrap_or(0);
    rows.iter().map(|[sign, package, versions]| format!("{sign} {package:width$}  {versions}\n")).collect()
}

/// Returns a sign, the package, and its versions.
fn row(change: &Change) -> [String; 3] {
    let (sign, name, architecture, versions) = match change {
        Change::Added { name, architecture, version } => ("+", name, architecture, version.clone()),
        Change::Removed { name, architecture, version } => ("-", name, architecture, version.clone()),
        Change::Replaced { name, architecture, from, to } => {
            let mark = if change.is_downgrade() { " (a downgrade)" } else { "" };
            (" ", name, architecture, format!("{from} -> {to}{mark}"))
        }
    };
    [sign.to_owned(), format!("{name} ({architecture})"), versions]
}

/// Returns "3 updated, 1 added; trixie of 2026-11-21".
fn summary(changes: &[Change], new: &Lock) -> String {
    let count = |is_this: fn(&Change) -> bool| changes.iter().filter(|change| is_this(change)).count();
    let counts = [
        (count(|change| matches!(change, Change::Replaced { .. })), "updated"),
        (count(|change| matches!(change, Change::Added { .. })), "added"),
        (count(|change| matches!(change, Change::Removed { .. })), "removed"),
    ];
    let counts: Vec<String> =
        counts.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}")).collect();
    let counts = if counts.is_empty() { "no package changed".to_owned() } else { counts.join(", ") };
    match &states(new)[..] {
        [] => counts,
        states => format!("{counts}; {}", states.join(", ")),
    }
}

/// Returns "trixie of 2026-11-21" for each suite; where the architectures of a suite have several dates, for each of those.
fn states(lock: &Lock) -> Vec<String> {
    let mut states: Vec<String> = Vec::new();
    for (suite, architecture, seconds) in lock.states() {
        let is_even = lock.states().filter(|(other, ..)| *other == suite).all(|(_, _, date)| date == seconds);
        let of = if is_even { suite.to_owned() } else { format!("{suite} ({architecture})") };
        states.push(format!("{of} of {}", day(seconds)));
    }
    states.dedup();
    states
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_packages_are_told_apart() {
        for file in ["a.img", "boards/a.img", "a.img#small", "./noending", "../x"] {
            assert!(is_file(file), "{file}");
        }
        for package in ["openssh-server", "g++", "libc6", "libstdc++6", "python3.11"] {
            assert!(!is_file(package), "{package}");
        }
    }

    #[test]
    fn changes_are_aligned() {
        let [name, architecture] = ["apt", "amd64"].map(str::to_owned);
        let replaced = |from: &str, to: &str| Change::Replaced {
            name: name.clone(),
            architecture: architecture.clone(),
            from: from.to_owned(),
            to: to.to_owned(),
        };
        let added =
            Change::Added { name: "hello".to_owned(), architecture: "all".to_owned(), version: "2.10-3".to_owned() };
        let expected =
            "  apt (amd64)  3.0.3 -> 3.0.4\n  apt (amd64)  3 -> 3~rc1 (a downgrade)\n+ hello (all)  2.10-3\n";
        let changes = [replaced("3.0.3", "3.0.4"), replaced("3", "3~rc1"), added];
        assert_eq!(table(&changes), expected);
        assert_eq!(summary(&changes, &Lock::default()), "2 updated, 1 added");
        assert_eq!(summary(&[], &Lock::default()), "no package changed");
    }
}
