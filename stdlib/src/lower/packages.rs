//! Packages: what a configuration names becomes exact files, and their trees.
//!
//! A `Path` is a `.deb` of the project, a `Fetch` one from the net, a `Package` one that an archive's index describes. All
//! that a system names is put into one question to its archives ([`super::archives`]), since what fits together is
//! decided together.

use std::io::BufReader;

use gravure_eval::graph::NodeId;
use gravure_eval::{Value, View};
use gravure_formats::debian::closure::Request;
use gravure_formats::debian::explain::Unmet;
use gravure_formats::{Digest, Extents, deb};
use gravure_lang::{Diagnostic, Place};
use gravure_sources::debian::Access;
use gravure_sources::{Download, Error, ErrorKind, Imported, import_file};

use super::archives::{Answer, Lacking, Located, NoAnswer, Question, Wanted};
use super::{LowerError, Lowering};
use crate::kinds::{self, archive_file, fetch, local, package};

/// Debian's names of architectures, by platform.
const ARCHITECTURES: &[(&str, &str)] =
    &[("x86_64-linux", "amd64"), ("aarch64-linux", "arm64"), ("armhf-linux", "armhf"), ("riscv64-linux", "riscv64")];

/// A package as a node of the graph.
#[derive(Clone)]
pub(super) struct Resolved {
    /// What messages call it.
    pub(super) name: String,
    /// Its tree.
    pub(super) tree: NodeId,
}

/// All packages of a system.
pub(super) struct SystemPackages {
    /// What is installed with all that it needs; in order of names.
    pub(super) closure: Vec<Resolved>,
    /// What was asked for by itself, in the order in which it was.
    pub(super) singles: Vec<Resolved>,
}

/// What a system asks for.
pub(super) struct Requests {
    question: Question,
    /// Where the requests of the closure are written.
    places: Vec<Place>,
    singles: Vec<Single>,
    /// The packages that the configuration brings itself and that are to be installed.
    own: Vec<Resolved>,
}

/// A package that is asked for by itself.
enum Single {
    /// The configuration brings it.
    Own(Resolved),
    /// An archive has it; where that is written.
    Archived(Place),
}

/// What a package is asked for for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It is installed, with all that it needs.
    Install,
    /// Only its files matter.
    Files,
}

impl Requests {
    fn push(&mut self, request: Request, purpose: Purpose, place: Place) {
        match purpose {
            Purpose::Install => {
                self.question.closure.get_or_insert_default().push(request);
                self.places.push(place);
            }
            Purpose::Files => {
                self.question.singles.push(request);
                self.singles.push(Single::Archived(place));
            }
        }
    }

    /// Returns the number of a suite among the archives. One that the system does not have is taken for this request only.
    fn source(&mut self, suite: &str) -> usize {
        let archives = &mut self.question.archives;
        archives.iter().position(|wanted| wanted.suite == suite).unwrap_or_else(|| {
            let components = vec![COMPONENT.to_owned()];
            let suite = suite.to_owned();
            archives.push(Wanted { suite, components, mirror: None, keys: Vec::new(), is_on_request: true });
            archives.len() - 1
        })
    }
}

/// The component of archives that a configuration names by a package only.
const COMPONENT: &str = "main";

impl Lowering<'_, '_> {
    /// Returns the archives of a system.
    pub(super) fn archives(&self, system: View<'_, '_>) -> Result<Vec<Wanted>, LowerError> {
        let mut archives = Vec::new();
        for archive in system.records("archives")? {
            let keys = paths(archive, "keys")?.into_iter().map(|(path, place)| self.local_bytes(path, place));
            let keys = keys.collect::<Result<_, _>>()?;
            archives.push(Wanted {
                suite: archive.string("suite")?.to_owned(),
                components: archive.strings("components")?.into_iter().map(str::to_owned).collect(),
                mirror: archive.optional_string("mirror")?.map(str::to_owned),
                keys,
                is_on_request: archive.bool("on-request?")?,
            });
        }
        Ok(archives)
    }

    /// Returns the bytes of a small file of the project.
    pub(super) fn local_bytes(&self, path: &str, place: Place) -> Result<Vec<u8>, LowerError> {
        let imported = self.imported(path, place)?;
        Ok(self.inputs.store.read(&imported.digest)?.to_vec())
    }

    /// Returns the content of a file of the project, which is in the store from then on.
    pub(super) fn local_content(&self, path: &str, place: Place) -> Result<Extents, LowerError> {
        let imported = self.imported(path, place)?;
        Ok(Extents::from_blob(imported.digest, imported.len))
    }

    fn imported(&self, path: &str, place: Place) -> Result<Imported, LowerError> {
        let imported = import_file(self.inputs.store, &self.inputs.root.join(path));
        imported.map_err(|error| not_imported(error, path, place))
    }

    /// Returns the requests of a system, which are none so far.
    pub(super) fn requests(&self, system: View<'_, '_>) -> Result<Requests, LowerError> {
        let question = Question {
            archives: self.archives(system)?,
            architecture: architecture_of(system.string("platform")?).to_owned(),
            closure: None,
            recommends: system.bool("recommends?")?,
            singles: Vec::new(),
            own: Vec::new(),
        };
        Ok(Requests { question, places: Vec::new(), singles: Vec::new(), own: Vec::new() })
    }

    /// Asks for a package that a field names, by whatever kind of record or path.
    pub(super) fn request<'h>(
        &mut self,
        requests: &mut Requests,
        source: (Value<'h>, Place),
        (view, field): (View<'_, 'h>, &str),
        purpose: Purpose,
    ) -> Result<(), LowerError> {
        let (value, place) = source;
        match value {
            Value::Path(path) => {
                let (node, imported) = self.local_file(path, place)?;
                self.request_own(requests, (file_name(path), node, imported.digest), purpose, place)
            }
            Value::Record(record) => {
                let record = view.evaluator.view(record);
                super::checked(record)?;
                if record.type_name() != "Fetch" {
                    // What `os.packages` makes of names is all written in the library; the user wrote the field.
                    let place = self.nearest(&[record.place("name"), place, view.place(field)]);
                    return request_archived(requests, record, purpose, place);
                }
                let (name, node) = self.fetched(record)?;
                let digest = self.digest_of_fetched(record, purpose)?;
                self.request_own(requests, (name, node, digest), purpose, place)
            }
            _ => {
                let message = "a package is a `.deb` file, `os.fetch { .. }` or `os.Package { .. }`";
                Err(LowerError::Diagnostics(vec![Diagnostic::error("E0502", message, place, "no package")]))
            }
        }
    }

    /// Asks for the package that a field names.
    pub(super) fn request_field(
        &mut self,
        requests: &mut Requests,
        view: View<'_, '_>,
        field: &str,
        purpose: Purpose,
    ) -> Result<(), LowerError> {
        self.request(requests, (view.value(field)?, view.place(field)), (view, field), purpose)
    }

    /// Asks for a package whose file the configuration names. What it needs is read from it.
    fn request_own(
        &mut self,
        requests: &mut Requests,
        (name, deb, digest): (String, NodeId, Digest),
        purpose: Purpose,
        place: Place,
    ) -> Result<(), LowerError> {
        let package = self.unpacked(name, deb, place);
        if purpose == Purpose::Files {
            requests.singles.push(Single::Own(package));
            return Ok(());
        }
        let refused = |why: String| {
            let message = format!("`{}` is no Debian package: {why}", package.name);
            LowerError::Diagnostics(vec![Diagnostic::error("E0506", message, place, "this package")])
        };
        let stanza = self.control_stanza(digest).map_err(refused)?;
        let field =
            |name: &str| stanza.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned());
        let name = field("Package:").ok_or_else(|| refused("its control file names no package".to_owned()))?;
        requests.question.own.push(stanza);
        requests.own.push(package);
        // The source of one's own has its number when all archives are known.
        requests.push(Request { name, version: None, source: None }, purpose, place);
        Ok(())
    }

    /// Returns the control stanza of a package whose file is in the store.
    fn control_stanza(&self, digest: Digest) -> Result<String, String> {
        let store = self.inputs.store;
        let len = store.len(&digest).map_err(|error| error.to_string())?;
        let file = Extents::from_blob(digest, len);
        let control = deb::control(BufReader::new(file.reader(store))).map_err(|error| error.to_string())?;
        let stanza = control.get("control").ok_or("it has no control file")?;
        String::from_utf8(stanza.to_vec()).map_err(|_| "its control file is not UTF-8".to_owned())
    }

    /// Returns the digest of a file from the net, which is loaded now when it is to be installed.
    fn digest_of_fetched(&self, record: View<'_, '_>, purpose: Purpose) -> Result<Digest, LowerError> {
        let digest = record.string("sha256")?.parse().expect("a check holds it to 64 hexadecimal digits");
        if purpose == Purpose::Install && !self.inputs.store.contains(&digest) {
            let url = record.string("url")?;
            let Access::Online(client, progress) = self.inputs.access else {
                let message = format!("`{url}` is not in the store, and the network may not be used");
                return Err(Error { kind: ErrorKind::Network, message }.into());
            };
            client.download(&Download { digest: Some(digest), ..Download::new(url) }, self.inputs.store, progress)?;
        }
        Ok(digest)
    }

    /// Adds the unpacking of a package whose file is a node.
    fn unpacked(&mut self, name: String, deb: NodeId, place: Place) -> Resolved {
        let label = format!("unpack {name}");
        let tree = self.add(kinds::recipe(package::NAME, &(), vec![deb], label), place);
        Resolved { name, tree }
    }

    /// Finds what was asked for. `system` is where packages are at home that nobody asked for.
    pub(super) fn resolve(&mut self, requests: Requests, system: View<'_, '_>) -> Result<SystemPackages, LowerError> {
        let Requests { mut question, places, singles, own } = requests;
        if question.closure.is_none() && question.singles.is_empty() {
            question.archives.clear();
        }
        let answer = self.inputs.archives.answer(&question, self.inputs);
        let asked = Asked { question: &question, places: &places, singles: &singles, system };
        let answer = answer.map_err(|why| asked.no_answer(why))?;
        self.remember(&answer);
        let home = system.place("base-packages");
        let mut closure = Vec::with_capacity(answer.closure.len());
        for located in &answer.closure {
            closure.push(self.located(located, &question, &own, home));
        }
        let mut archived = answer.singles.iter();
        let mut found = Vec::with_capacity(singles.len());
        for single in singles {
            found.push(match single {
                Single::Own(package) => package,
                Single::Archived(place) => {
                    let located = archived.next().expect("every single request is answered");
                    self.located(located, &question, &own, place)
                }
            });
        }
        Ok(SystemPackages { closure, singles: found })
    }

    fn remember(&mut self, answer: &Answer) {
        self.newest = self.newest.max(answer.date);
        self.lock.extend(&answer.lock);
    }

    /// Adds a package that was found.
    fn located(&mut self, located: &Located, question: &Question, own: &[Resolved], place: Place) -> Resolved {
        let (archive, package) = match located {
            Located::Own(number) => return own[*number].clone(),
            Located::Archived(number, package) => (&question.archives[*number], package),
        };
        let parameters = archive_file::Parameters {
            suite: archive.suite.clone(),
            mirror: archive.mirror.clone(),
            package: package.name.clone(),
            version: package.version.clone(),
            path: package.filename.clone(),
            sha256: package.sha256,
            len: package.size,
        };
        let label = format!("fetch {} {}", package.name, package.version);
        let deb = self.add(kinds::recipe(archive_file::NAME, &parameters, Vec::new(), label), place);
        self.unpacked(package.name.clone(), deb, place)
    }

    /// Adds a file of the project, which enters the store now; it is named at `place`.
    pub(super) fn local_file(&mut self, path: &str, place: Place) -> Result<(NodeId, Imported), LowerError> {
        let imported = self.imported(path, place)?;
        let parameters = local::Parameters { sha256: imported.digest, is_tree: false };
        let recipe = kinds::recipe(local::NAME, &parameters, Vec::new(), format!("file {path}"));
        Ok((self.add(recipe, place), imported))
    }

    /// Adds a file from the net.
    pub(super) fn fetched(&mut self, record: View<'_, '_>) -> Result<(String, NodeId), LowerError> {
        super::checked(record)?;
        let url = record.string("url")?.to_owned();
        let sha256: Digest = record.string("sha256")?.parse().expect("a check holds it to 64 hexadecimal digits");
        let name = file_name(&url);
        let label = format!("fetch {name}");
        let parameters = fetch::Parameters { url, sha256 };
        Ok((name, self.add(kinds::recipe(fetch::NAME, &parameters, Vec::new(), label), record.place("url"))))
    }
}

/// Asks for a package that an archive has; it is named at `place`.
fn request_archived(
    requests: &mut Requests,
    record: View<'_, '_>,
    purpose: Purpose,
    place: Place,
) -> Result<(), LowerError> {
    if let Some(architecture) = record.optional_string("architecture")?
        && architecture != requests.question.architecture
    {
        let message =
            format!("the system is for `{}`, and this package for `{architecture}`", requests.question.architecture);
        return Err(super::mistake("E0507", record, "architecture", message, "another architecture"));
    }
    let source = record.optional_string("suite")?.map(|suite| requests.source(suite));
    requests.push(Request { name: record.string("name")?.to_owned(), version: None, source }, purpose, place);
    Ok(())
}

/// What was asked, and where that is written.
struct Asked<'a, 'e, 'h> {
    question: &'a Question,
    /// Where the requests of the closure are written.
    places: &'a [Place],
    singles: &'a [Single],
    system: View<'e, 'h>,
}

impl Asked<'_, '_, '_> {
    /// Reports why packages cannot be found, at the place that asks for them.
    fn no_answer(&self, why: NoAnswer) -> LowerError {
        let diagnostic = match why {
            NoAnswer::Source(error) => return LowerError::Source(error),
            NoAnswer::NotLocked(lacking) => return self.not_locked(lacking),
            NoAnswer::Unmet(unmet) => self.unmet(&unmet),
            NoAnswer::Missing { number, near } => self.missing(number, near),
        };
        LowerError::Diagnostics(vec![diagnostic])
    }

    /// Reports what the lock file lacks, since it may not be changed.
    fn not_locked(&self, lacking: Lacking) -> LowerError {
        let archives = self.system.place("archives");
        let architecture = &self.question.architecture;
        let diagnostic = match lacking {
            Lacking::All => {
                let message = "there is no `gravure.lock`, or nothing in it, and `--locked` forbids to make one";
                Diagnostic::error(NOT_LOCKED, message, archives, "packages of these archives are wanted")
            }
            Lacking::State(number) => {
                let suite = &self.question.archives[number].suite;
                let message = format!(
                    "`gravure.lock` has no state of the archive `{suite}` for `{architecture}`, and `--locked` forbids to add it"
                );
                Diagnostic::error(NOT_LOCKED, message, archives, "named here")
            }
            Lacking::Packages(why) => match *why {
                NoAnswer::Unmet(unmet) => {
                    let message = "`gravure.lock` does not have all that this needs, and `--locked` forbids to add it";
                    let diagnostic = Diagnostic::error(NOT_LOCKED, message, self.place_of(&unmet), "asked for here");
                    unmet
                        .to_string()
                        .lines()
                        .fold(diagnostic, |diagnostic, line| diagnostic.note(format!("of what is locked: {line}")))
                }
                NoAnswer::Missing { number, .. } => {
                    let name = &self.question.singles[number].name;
                    let message = format!(
                        "`gravure.lock` has no package `{name}` for `{architecture}`, and `--locked` forbids to add it"
                    );
                    Diagnostic::error(NOT_LOCKED, message, self.place_of_single(number), "this package")
                }
                other => return self.no_answer(other),
            },
        };
        LowerError::Diagnostics(vec![diagnostic.help("`gravure lock` adds what is missing")])
    }

    /// Explains why there is no set of packages, at the request that it begins with.
    fn unmet(&self, unmet: &Unmet) -> Diagnostic {
        let text = unmet.to_string();
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        let diagnostic = Diagnostic::error("E0505", first, self.place_of(unmet), "needed here");
        let diagnostic = lines.fold(diagnostic, |diagnostic, line| diagnostic.note(line));
        let suites = self.suites(None);
        let diagnostic = match suites.is_empty() {
            true => diagnostic,
            false => diagnostic.note(format!("looked for in {suites} for `{}`", self.question.architecture)),
        };
        match unmet.misspelt() {
            Some(near) => diagnostic.help(format!("write \"{near}\"")),
            None => diagnostic,
        }
    }

    /// Returns the suites that packages of a source, or of none in particular, are looked for in.
    fn suites(&self, source: Option<usize>) -> String {
        let archives = self.question.archives.iter().enumerate();
        let asked = archives.filter(|(number, wanted)| match source {
            Some(source) => *number == source,
            None => !wanted.is_on_request,
        });
        asked.map(|(_, wanted)| format!("`{}`", wanted.suite)).collect::<Vec<_>>().join(", ")
    }

    /// Returns where the request is written that cannot be met.
    fn place_of(&self, unmet: &Unmet) -> Place {
        unmet.request().map_or_else(|| self.system.place("archives"), |number| self.places[number])
    }

    fn missing(&self, number: usize, near: Option<String>) -> Diagnostic {
        let Question { architecture, singles, .. } = self.question;
        let request = &singles[number];
        let suites = self.suites(request.source);
        let message = match suites.is_empty() {
            true => format!("there is no archive to take the package `{}` from", request.name),
            false => format!("there is no package `{}` in {suites} for `{architecture}`", request.name),
        };
        let diagnostic = Diagnostic::error("E0501", message, self.place_of_single(number), "this package");
        match near {
            Some(near) => diagnostic.help(format!("write \"{near}\"")),
            None => diagnostic,
        }
    }

    /// Returns where the single request with this number is written.
    fn place_of_single(&self, number: usize) -> Place {
        let mut archived = self.singles.iter().filter_map(|single| match single {
            Single::Archived(place) => Some(*place),
            Single::Own(_) => None,
        });
        archived.nth(number).expect("the request is one of these")
    }
}

/// The lock file does not have what is needed, and must do.
const NOT_LOCKED: &str = "E0508";

/// Returns the paths that a field has, which its declaration allows only.
pub(super) fn paths<'h>(view: View<'_, 'h>, field: &str) -> Result<Vec<(&'h str, Place)>, LowerError> {
    let paths = view.list(field)?.into_iter().map(|(value, place)| match value {
        Value::Path(path) => (path, place),
        _ => unreachable!("the declaration of `{field}` allows paths only"),
    });
    Ok(paths.collect())
}

/// Returns the last name of a path or an address. Recipes have no others: they are the same from wherever a project is
/// looked at.
fn file_name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

/// Reports a path of the configuration that names nothing, or something that cannot serve. What could not be read is a
/// failure of the outside.
pub(super) fn not_imported(error: Error, path: &str, place: Place) -> LowerError {
    let (message, label) = match error.kind {
        ErrorKind::Missing => (format!("there is no `{path}`"), "named here"),
        ErrorKind::Refused => (error.message, "cannot be used"),
        _ => return LowerError::Source(error),
    };
    LowerError::Diagnostics(vec![Diagnostic::error("E0504", message, place, label)])
}

/// Returns the names of all platforms.
pub(crate) fn platforms() -> impl Iterator<Item = &'static str> {
    ARCHITECTURES.iter().map(|(platform, _)| *platform)
}

/// Returns Debian's name of a platform's architecture.
pub(super) fn architecture_of(platform: &str) -> &'static str {
    let known = ARCHITECTURES.iter().find(|(name, _)| *name == platform);
    known.map(|(_, architecture)| *architecture).expect("`Platform` has the platforms of the table")
}
