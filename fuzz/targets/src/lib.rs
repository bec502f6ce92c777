//! What is fuzzed: functions that take any bytes, hand them to a reader of the product, and hold it to its promises.
//!
//! ```text
//! bytes --target--> a public function of `lang`, `eval`, `formats` or `sources` --> a promise is kept, or a panic
//! ```
//! Every target promises that nothing panics, that no stack overflows, and that it ends; what more it promises stands in its
//! documentation. Inputs come from libFuzzer (`fuzz/run`), which looks for new ones, and from the test of this crate, which
//! takes the seeds, changes them in always the same ways, and adds whatever has once gone wrong (`regressions/TARGET/`).

mod archives;
mod boards;
mod debian;
mod flat_tree;
mod language;
mod loaders;
mod modules;
mod seals;
mod seeds;
mod signed;
mod words;

/// A reader that is fuzzed.
#[derive(Clone, Copy)]
pub struct Target {
    /// What it is called.
    pub name: &'static str,
    /// Takes an input; panics where a promise is broken.
    pub run: fn(&[u8]),
    /// Returns inputs to begin with: good ones, and ones that are wrong in a way worth keeping.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// What inputs consist of, to be put in at random.
    pub words: &'static [&'static str],
}

/// All targets.
pub const TARGETS: [Target; 23] = [
    Target { name: "lexer", run: language::lexer, seeds: seeds::sources, words: words::LANGUAGE },
    Target { name: "parser", run: language::parser, seeds: seeds::sources, words: words::LANGUAGE },
    Target { name: "grammar", run: language::grammar, seeds: seeds::tokens, words: &[] },
    Target { name: "formatter", run: language::formatter, seeds: seeds::sources, words: words::LANGUAGE },
    Target { name: "evaluator", run: language::evaluator, seeds: seeds::programs, words: words::LANGUAGE },
    Target { name: "ar", run: archives::ar, seeds: seeds::ars, words: words::ARCHIVES },
    Target { name: "tar", run: archives::tar, seeds: seeds::tars, words: words::ARCHIVES },
    Target { name: "deb", run: archives::deb, seeds: seeds::debs, words: words::ARCHIVES },
    Target { name: "compression", run: archives::compression, seeds: seeds::streams, words: &[] },
    Target { name: "elf", run: archives::elf, seeds: seeds::elves, words: &[] },
    Target { name: "deb822", run: debian::deb822, seeds: seeds::stanzas, words: words::DEBIAN },
    Target { name: "package", run: debian::package, seeds: seeds::stanzas, words: words::DEBIAN },
    Target { name: "relation", run: debian::relation, seeds: seeds::relations, words: words::DEBIAN },
    Target { name: "lock", run: debian::lock, seeds: seeds::locks, words: words::DEBIAN },
    Target { name: "scripts", run: debian::scripts, seeds: seeds::scripts, words: words::SHELL },
    Target { name: "root", run: debian::root, seeds: seeds::roots, words: words::SHELL },
    Target { name: "in-release", run: signed::in_release, seeds: seeds::in_releases, words: words::OPENPGP },
    Target { name: "signature", run: signed::signature, seeds: seeds::signatures, words: &[] },
    Target { name: "certificate", run: signed::certificate, seeds: seeds::certificates, words: words::OPENPGP },
    Target { name: "loader", run: loaders::loader, seeds: seeds::boards::loaders, words: words::BOARDS },
    Target { name: "device-tree", run: boards::device_tree, seeds: seeds::boards::device_trees, words: words::BOARDS },
    Target { name: "grub", run: boards::grub, seeds: seeds::boards::grubs, words: words::GRUB },
    Target { name: "modules", run: modules::modules, seeds: seeds::boards::kernels, words: words::MODULES },
];

/// Returns the target of this name.
pub fn find(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}
