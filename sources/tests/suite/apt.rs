//! Closures are held against the real apt: `tests/apt/sets.txt` has sets of packages, and for each of them the names and
//! versions must be those that `apt-get -s install --no-install-recommends` installs on a system without packages.
//!
//! `tests/apt/differences.txt` has the sets for which they are not, with the reason. The indexes come from the mirror once
//! and stay in the target directory; apt has a configuration of its own there, and reads the same files. Its answers stay there
//! as well: it takes most of a second for each, our own some milliseconds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gravure_formats::deb822;
use gravure_formats::debian::closure::{Options, Request, resolve};
use gravure_formats::debian::universe::{Source, Universe};
use gravure_sources::debian::{MirrorChoice, find_mirror, read_apt_sources};
use gravure_sources::{Client, Download, Silent, Store};

/// Names and versions.
type Packages = BTreeSet<(String, String)>;

/// The indexes of one release for one architecture, and an apt that knows no others.
struct Archive {
    suite: &'static str,
    architecture: &'static str,
    directory: PathBuf,
}

/// A source of packages: what is added to the name of the release, and whether it is on the mirror for security.
const SOURCES: [(&str, bool); 3] = [("", false), ("-updates", false), ("-security", true)];

impl Archive {
    fn new(suite: &'static str, architecture: &'static str) -> Archive {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("apt-{suite}-{architecture}"));
        let archive = Archive { suite, architecture, directory };
        // The configuration of apt is written last, and names the directory, which may have been moved.
        if fs::read_to_string(archive.configuration()).ok() != Some(archive.configuration_text()) {
            let _ = fs::remove_dir_all(&archive.directory);
            archive.fetch();
            archive.configure();
        }
        archive
    }

    fn configuration(&self) -> PathBuf {
        self.directory.join("apt.conf")
    }

    /// Returns the directory with the index of a source.
    fn source(&self, suffix: &str) -> PathBuf {
        self.directory.join(format!("source{suffix}"))
    }

    fn fetch(&self) {
        let scratch = tempfile::tempdir().unwrap();
        let store = Store::open(scratch.path()).unwrap();
        let client = Client::from_environment().unwrap();
        let mirror = mirror();
        for (suffix, is_security) in SOURCES {
            // Mirrors have what is for security beside the main archive.
            let beside = if is_security { "-security" } else { "" };
            let (suite, architecture) = (self.suite, self.architecture);
            let url = format!("{mirror}{beside}/dists/{suite}{suffix}/main/binary-{architecture}/Packages.xz");
            let (digest, _) = client.download(&Download::new(url), &store, &Silent).unwrap();
            let mut text = Vec::new();
            xz2::read::XzDecoder::new(&*store.read(&digest).unwrap()).read_to_end(&mut text).unwrap();
            fs::create_dir_all(self.source(suffix)).unwrap();
            fs::write(self.source(suffix).join("Packages"), text).unwrap();
        }
    }

    fn configuration_text(&self) -> String {
        let (directory, architecture) = (self.directory.display(), self.architecture);
        format!(
            "Dir::Etc \"{directory}/etc\";\nDir::Etc::SourceParts \"/dev/null\";\nDir::Etc::Parts \"/dev/null\";\n\
             Dir::Etc::Preferences \"/dev/null\";\nDir::Etc::PreferencesParts \"/dev/null\";\n\
             Dir::State \"{directory}/state\";\nDir::State::Status \"{directory}/status\";\n\
             Dir::Cache \"{directory}/cache\";\nDir::Log \"{directory}/log\";\nAcquire::Languages \"none\";\n\
             APT::Architecture \"{architecture}\";\nAPT::Architectures {{ \"{architecture}\"; }};\n\
             APT::Sandbox::User \"root\";\n"
        )
    }

    fn configure(&self) {
        for part in ["answers", "etc", "state/lists/partial", "cache/archives/partial", "log"] {
            fs::create_dir_all(self.directory.join(part)).unwrap();
        }
        fs::write(self.directory.join("status"), "").unwrap();
        let sources =
            SOURCES.map(|(suffix, _)| format!("deb [trusted=yes] copy:{} ./\n", self.source(suffix).display()));
        fs::write(self.directory.join("etc/sources.list"), sources.concat()).unwrap();
        let unfinished = self.directory.join("apt.conf.new");
        fs::write(&unfinished, self.configuration_text()).unwrap();
        let output = apt_get(&unfinished, &["update", "-qq"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::rename(unfinished, self.configuration()).unwrap();
    }

    /// Returns what apt installs; it is asked once for each set, since the indexes stay the same.
    fn installed_by_apt(&self, set: &str, names: &[&str]) -> Result<Packages, String> {
        let path = self.directory.join("answers").join(set);
        let question = names.join(" ");
        let known = fs::read_to_string(&path).unwrap_or_default();
        if let Some(packages) = known.strip_prefix(&question).and_then(|behind| behind.strip_prefix('\n')) {
            return Ok(packages.lines().map(pair).collect());
        }
        let packages = self.ask_apt(names)?;
        let lines = packages.iter().map(|(name, version)| format!("\n{name} {version}"));
        let unfinished = path.with_extension("new");
        fs::write(&unfinished, question + &lines.collect::<String>() + "\n").unwrap();
        fs::rename(unfinished, path).unwrap();
        Ok(packages)
    }

    fn ask_apt(&self, names: &[&str]) -> Result<Packages, String> {
        let arguments = [&["-s", "-qq", "install", "--no-install-recommends"], names].concat();
        let output = apt_get(&self.configuration(), &arguments);
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let text = String::from_utf8_lossy(&output.stdout);
        // Inst NAME (VERSION ORIGIN [ARCHITECTURE])
        let package = |line: &str| {
            let (name, behind) = line.strip_prefix("Inst ")?.split_once(" (")?;
            Some((name.to_owned(), behind.split(' ').next()?.to_owned()))
        };
        Ok(text.lines().filter_map(package).collect())
    }
}

fn pair(line: &str) -> (String, String) {
    let (name, version) = line.split_once(' ').expect("an answer has names and versions");
    (name.to_owned(), version.to_owned())
}

/// Returns the address of the mirror.
fn mirror() -> String {
    let environment = std::env::var("GRAVURE_DEBIAN_MIRROR").ok();
    let apt = read_apt_sources(Path::new("/etc/apt")).unwrap();
    find_mirror(&MirrorChoice { environment: environment.as_deref(), apt: &apt, ..MirrorChoice::default() })
        .unwrap()
        .url
}

fn apt_get(configuration: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("apt-get");
    command.args(arguments).env("APT_CONFIG", configuration).env("LC_ALL", "C.UTF-8");
    command.output().expect("`apt-get` of the Debian package `apt` is needed")
}

fn choose(universe: &Universe<'_>, names: &[&str]) -> Result<Packages, String> {
    let requests: Vec<Request> = names.iter().map(|name| Request::named(*name)).collect();
    let closure = resolve(universe, &requests, &Options::default()).map_err(|unmet| unmet.to_string())?;
    let package = |id| {
        let candidate = universe.candidate(id);
        (candidate.name.to_owned(), candidate.version.to_owned())
    };
    Ok(closure.packages.iter().map(|chosen| package(chosen.candidate)).collect())
}

/// Returns the lines `NAME: REST` of a file in `tests/apt`, but for empty ones and those that start with `#`.
fn lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let is_line = |line: &&str| !line.is_empty() && !line.starts_with('#');
    text.lines().filter(is_line).map(|line| line.split_once(": ").expect("a line is `NAME: REST`"))
}

/// Returns the sets for a suite and an architecture: a name may end in either, and is then for this one only.
fn sets(suite: &str, architecture: &str) -> Vec<(&'static str, Vec<&'static str>)> {
    let is_for = |name: &str| name.split_once(' ').is_none_or(|(_, only)| only == architecture || only == suite);
    let all = lines(include_str!("../apt/sets.txt")).filter(|(name, _)| is_for(name));
    all.map(|(name, packages)| (name, packages.split(' ').collect())).collect()
}

/// Compares all sets; returns how those differ that do.
fn differences(archive: &Archive) -> BTreeMap<&'static str, String> {
    let texts = SOURCES.map(|(suffix, _)| fs::read_to_string(archive.source(suffix).join("Packages")).unwrap());
    let sources = SOURCES.map(|(suffix, _)| Source { name: format!("{}{suffix}", archive.suite), priority: 500 });
    let stanzas = texts
        .iter()
        .enumerate()
        .flat_map(|(source, text)| deb822::stanzas(text).map(move |stanza| (source, stanza.unwrap().text())));
    let universe = Universe::new(archive.architecture, sources.to_vec(), stanzas).unwrap();
    let essential: Vec<&str> = universe.essential().map(|id| universe.candidate(id).name).collect();
    let compare = |(name, mut packages): (&'static str, Vec<&'static str>)| {
        // Apt goes by the order in which packages are named; we by name, essential ones first.
        packages.sort_unstable();
        let theirs = archive.installed_by_apt(name, &[essential.as_slice(), packages.as_slice()].concat());
        difference(choose(&universe, &packages), theirs).map(|difference| (name, difference))
    };
    sets(archive.suite, archive.architecture).into_iter().filter_map(compare).collect()
}

fn difference(ours: Result<Packages, String>, theirs: Result<Packages, String>) -> Option<String> {
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) if ours == theirs => None,
        (Ok(ours), Ok(theirs)) => {
            let (more, less): (Vec<_>, Vec<_>) =
                (ours.difference(&theirs).collect(), theirs.difference(&ours).collect());
            Some(format!("only ours: {more:?}, only apt's: {less:?}"))
        }
        (ours, theirs) => Some(format!("ours: {:?}, apt: {:?}", ours.err(), theirs.err())),
    }
}

fn check(suite: &'static str, architecture: &'static str) {
    let prefix = format!("{suite} {architecture} ");
    let found = differences(&Archive::new(suite, architecture));
    let known = lines(include_str!("../apt/differences.txt"));
    let known: BTreeSet<&str> = known.filter_map(|(name, _)| name.strip_prefix(&prefix)).collect();
    let names: BTreeSet<&str> = found.keys().copied().collect();
    assert_eq!(names, known, "{found:#?}");
}

#[test]
fn there_are_many_sets() {
    for suite in ["bookworm", "trixie"] {
        for architecture in ["amd64", "arm64"] {
            assert!(50 <= sets(suite, architecture).len());
        }
    }
}

#[test]
fn bookworm_amd64() {
    check("bookworm", "amd64");
}

#[test]
fn bookworm_arm64() {
    check("bookworm", "arm64");
}

#[test]
fn trixie_amd64() {
    check("trixie", "amd64");
}

#[test]
fn trixie_arm64() {
    check("trixie", "arm64");
}
