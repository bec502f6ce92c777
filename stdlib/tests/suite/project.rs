//! A project in a scratch directory, and the way from its files to disks: what the command line does, without a terminal.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bumpalo::Bump;
use gravure_eval::graph::{self, Graph, NodeId, Options, Report};
use gravure_eval::{
    Evaluator, Limits, LoadError, ModuleId, Program, Selector, Source, Value, World, join_path, with_stack,
};
use gravure_formats::Digest;
use gravure_lang::{Diagnostic, Place, SourceMap};
use gravure_sources::debian::{Access, Mirror};
use gravure_sources::{Error, ErrorKind, Store};
use gravure_stdlib::{
    Archives, Builder, Form, Inputs, Locking, LowerError, OutputsError, lower, outputs, roots, source, write_output,
};

use crate::packages;

/// Files of the user, and a store beside them.
pub(crate) struct Project {
    scratch: tempfile::TempDir,
    folder: PathBuf,
}

/// Configurations of an operating system of the tests' packages.
pub(crate) const SYSTEM: &str = include_str!("system.img");

impl Project {
    /// Returns a project with the packages, and `system.img` beside them.
    pub(crate) fn new() -> Project {
        Project::in_folder("project")
    }

    /// Returns such a project in a folder of this name.
    pub(crate) fn in_folder(name: &str) -> Project {
        let scratch = tempfile::tempdir().unwrap();
        let project = Project { folder: scratch.path().join(name), scratch };
        project.write("packages/kernel.deb", packages::kernel(true));
        project.write("packages/kernel-with-ext4.deb", packages::kernel(false));
        project.write("packages/busybox.deb", packages::busybox());
        project.write("packages/grub.deb", packages::grub());
        project.write("packages/grub-bios.deb", packages::grub_for_bios());
        project.write("packages/needy.deb", packages::needy());
        project.write("files/tool", "#!/bin/sh\necho tool\n");
        set_mode(&project.path("files/tool"), 0o750);
        project.write("files/site/index.html", "<p>hello");
        project.write("files/site/deep/er/page", "a page");
        std::os::unix::fs::symlink("deep/er", project.path("files/site/link")).unwrap();
        project.write("system.img", SYSTEM);
        project
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Writes a file that imports `system.img` as `base`.
    pub(crate) fn write_img(&self, path: &str, text: &str) {
        let imports = "import \"std/os\" as os\nimport \"std/images\" as images\nimport \"./system.img\" as base\n";
        self.write(path, format!("{imports}{text}"));
    }

    pub(crate) fn store(&self) -> Store {
        self.store_named("store")
    }

    pub(crate) fn store_named(&self, name: &str) -> Store {
        Store::open(&self.scratch.path().join(name)).unwrap()
    }

    /// Plans and builds the one image of a file, and returns its path and the report.
    pub(crate) fn build(&self, file: &str, store: &Store, threads: usize) -> Built {
        let plan = self.plan(file, None, store);
        plan.build(store, threads, &self.scratch.path().join("out.raw"))
    }

    /// Lowers the images of a file.
    pub(crate) fn plan(&self, file: &str, pick: Option<&str>, store: &Store) -> Plan {
        plan(&self.folder, &Sources(&self.folder, ""), file, pick, store)
    }

    /// Does the same as seen from the folder above: paths of the language have the project's folder before them.
    pub(crate) fn plan_from_above(&self, file: &str, store: &Store) -> Plan {
        let (above, name) = (self.folder.parent().unwrap(), self.folder.file_name().unwrap().to_str().unwrap());
        plan(above, &Sources(above, name), &format!("{name}/{file}"), None, store)
    }

    /// Loads a file and what it imports, and has `look` evaluate it. An error is what the texts alone show to be wrong.
    pub(crate) fn evaluate<T: Send>(
        &self,
        file: &str,
        limits: Limits,
        look: impl for<'h> FnOnce(&Evaluator<'h>, ModuleId) -> T + Send,
    ) -> Result<(Program, T), LoadError> {
        let program = Program::load(&Sources(&self.folder, ""), &[file])?;
        let found = with_stack(|| {
            let heap = Bump::new();
            look(&Evaluator::new(&program, &heap, limits), program.module(file).expect("it was loaded"))
        });
        Ok((program, found))
    }

    /// Returns what a path of the image of an item is, as `eval --show` would print it, or what is wrong with it.
    pub(crate) fn shown(&self, file: &str, item: &str, path: &str) -> String {
        let names: Vec<&str> = std::iter::once(file).chain(roots()).collect();
        let program = Program::load(&Sources(&self.folder, ""), &names).unwrap();
        with_stack(|| {
            let heap = Bump::new();
            let evaluator = Evaluator::new(&program, &heap, Limits::default());
            let module = program.module(file).unwrap();
            let found = outputs(&evaluator, module, "system", Some(item), Form::default()).unwrap();
            let selector = Selector::parse(path).unwrap();
            let place = found[0].place;
            let value = evaluator.select(Value::Record(found[0].image), &selector, place.file);
            match value.map_err(|mistake| vec![*mistake]).and_then(|value| evaluator.show(value, selector.last_name()))
            {
                Ok(text) => text,
                Err(mistakes) => rendered(&program.sources, &mistakes),
            }
        })
    }
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The library, and the files below a folder; imports stay below the project in it.
pub(crate) struct Sources<'a>(&'a Path, &'a str);

impl<'a> Sources<'a> {
    pub(crate) fn of(folder: &'a Path) -> Sources<'a> {
        Sources(folder, "")
    }
}

impl World for Sources<'_> {
    fn source(&self, from: Option<&str>, path: &str) -> Result<Source, String> {
        if let Some(text) = source(path) {
            return Ok(Source { path: path.to_owned(), bytes: text.as_bytes().into() });
        }
        let folder = from.and_then(|from| from.rsplit_once('/')).map_or("", |(folder, _)| folder);
        let path = join_path(folder, path);
        assert!(path.starts_with(self.1), "the project's files are below it");
        let bytes = fs::read(self.0.join(&path)).map_err(|error| format!("`{path}`: {error}"))?;
        Ok(Source { path, bytes: bytes.into() })
    }
}

/// What lowering made of a file.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) graph: Graph,
    /// The images that can be built: the names of their files, and their nodes.
    pub(crate) images: BTreeMap<String, NodeId>,
    /// Where the nodes are asked for.
    pub(crate) places: BTreeMap<NodeId, Place>,
    /// What is wrong, as a person reads it.
    pub(crate) mistakes: String,
    /// The same as data.
    pub(crate) found: Vec<Diagnostic>,
    pub(crate) warnings: String,
    pub(crate) sources: SourceMap,
}

/// A disk that was built.
pub(crate) struct Built {
    pub(crate) path: PathBuf,
    pub(crate) report: Report,
    pub(crate) plan: Plan,
}

pub(crate) fn no_mirror(_suite: &str) -> Result<Mirror, Error> {
    Err(Error { kind: ErrorKind::Network, message: "the tests have no mirror".to_owned() })
}

pub(crate) fn builder(store: &Store) -> Builder<'_> {
    Builder { store, access: Access::Offline, mirror: &no_mirror }
}

fn plan(root: &Path, world: &dyn World, file: &str, pick: Option<&str>, store: &Store) -> Plan {
    let names: Vec<&str> = std::iter::once(file).chain(roots()).collect();
    let program = match Program::load(world, &names) {
        Ok(program) => program,
        Err(error) => {
            assert!(error.missing.is_empty(), "{:?}", error.missing);
            let mut plan = Plan { sources: error.sources, ..Plan::default() };
            plan.add(error.diagnostics);
            return plan;
        }
    };
    let archives = Archives::default();
    let inputs = Inputs {
        store,
        access: Access::Offline,
        mirror: &no_mirror,
        archives: &archives,
        lock: Default::default(),
        locking: &Locking::default(),
        root,
        source_date: None,
    };
    with_stack(|| {
        let heap = Bump::new();
        let evaluator = Evaluator::new(&program, &heap, Limits::default());
        let module = program.module(file).unwrap();
        let mut plan = Plan { sources: program.sources.clone(), ..Plan::default() };
        let found = match outputs(&evaluator, module, "system", pick, Form::default()) {
            Ok(found) => found,
            Err(OutputsError::Diagnostics(mistakes)) => {
                plan.add(mistakes);
                return plan;
            }
            Err(other) => panic!("{other:?}"),
        };
        for output in found {
            match lower(&evaluator, &output, &mut plan.graph, &inputs) {
                Ok(lowered) => {
                    plan.places.extend(lowered.places);
                    plan.warnings +=
                        &lowered.warnings.iter().map(|one| one.render(&program.sources, false)).collect::<String>();
                    plan.images.insert(output.name, lowered.disk);
                }
                Err(LowerError::Diagnostics(mistakes)) => plan.add(mistakes),
                Err(LowerError::Source(error)) => plan.mistakes += &format!("error: {error}\n"),
            }
        }
        plan
    })
}

fn rendered(sources: &SourceMap, diagnostics: &[Diagnostic]) -> String {
    assert!(!diagnostics.is_empty(), "a failure has a diagnostic");
    diagnostics.iter().map(|diagnostic| diagnostic.render(sources, false)).collect()
}

impl Plan {
    fn add(&mut self, found: Vec<Diagnostic>) {
        self.mistakes += &rendered(&self.sources, &found);
        self.found.extend(found);
    }

    /// Returns the node of the one image.
    pub(crate) fn disk(&self) -> NodeId {
        assert_eq!(self.mistakes, "");
        let [&node] = self.images.values().collect::<Vec<_>>()[..] else { panic!("{:?}", self.images.keys()) };
        node
    }

    /// Realises everything, and keeps going.
    pub(crate) fn realise(&self, store: &Store, threads: usize) -> Report {
        let wanted: Vec<NodeId> = self.images.values().copied().collect();
        let options = Options { threads, network_threads: 1, keep_going: true };
        graph::realise(&self.graph, &wanted, &builder(store), &builder(store), &(), options)
    }

    /// Builds the one image into a file.
    pub(crate) fn build(self, store: &Store, threads: usize, path: &Path) -> Built {
        let node = self.disk();
        let report = self.realise(store, threads);
        let failures: Vec<_> = report.failures().map(|(node, why)| (&self.graph.recipe(node).label, why)).collect();
        assert!(failures.is_empty(), "{failures:?}");
        write_output(&builder(store), report.output(node).unwrap(), path).unwrap();
        Built { path: path.to_owned(), report, plan: self }
    }
}

impl Built {
    /// Returns the SHA-256 of the file.
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(&fs::read(&self.path).unwrap())
    }

    /// Returns the labels of the nodes that were built, and not reused.
    pub(crate) fn built(&self) -> Vec<&str> {
        let built = self.report.outcomes().filter(|(_, outcome)| matches!(outcome, graph::Outcome::Built(_)));
        built.map(|(node, _)| self.plan.graph.recipe(node).label.as_str()).collect()
    }
}
