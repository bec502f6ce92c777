//! Every target over its seeds, over what has once gone wrong, and over changes of both: always the same ones.
//!
//! This is no search, and finds what a search has found before. It needs neither libFuzzer nor a second build of the product,
//! so it runs with all other tests.

use std::panic::catch_unwind;
use std::path::Path;

use gravure_fuzz_targets::{TARGETS, Target, find};

/// How many changed inputs each target gets.
const N_CHANGED: usize = 5000;
/// No input grows beyond this, so that the number of inputs says how long this takes.
const MOST_BYTES: usize = 8 << 10;

macro_rules! targets {
    ($($test:ident: $name:literal),* $(,)?) => {
        $(#[test]
        fn $test() {
            check($name);
        })*

        #[test]
        fn every_target_has_a_test() {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$($name),*]);
        }
    };
}

targets! {
    lexer: "lexer",
    parser: "parser",
    grammar: "grammar",
    formatter: "formatter",
    evaluator: "evaluator",
    ar: "ar",
    tar: "tar",
    deb: "deb",
    compression: "compression",
    elf: "elf",
    deb822: "deb822",
    package: "package",
    relation: "relation",
    lock: "lock",
    scripts: "scripts",
    root: "root",
    in_release: "in-release",
    signature: "signature",
    certificate: "certificate",
    loader: "loader",
    device_tree: "device-tree",
    grub: "grub",
    modules: "modules",
}

fn check(name: &str) {
    let target = find(name).expect("the test is named after a target");
    let mut inputs = (target.seeds)();
    inputs.extend(regressions(name));
    inputs.iter().for_each(|input| run(target, input));
    let mut changes = Changes { state: 0x9e37_79b9_7f4a_7c15, target, inputs: &inputs };
    for _ in 0..N_CHANGED {
        run(target, &changes.next_input());
    }
}

fn regressions(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions").join(target);
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a folder can be listed").path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("a regression can be read")).collect()
}

/// Runs a target; where it panics, the input is kept in a file.
fn run(target: Target, input: &[u8]) {
    if catch_unwind(|| (target.run)(input)).is_err() {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(target.name);
        std::fs::write(&file, input).expect("the folder for what tests write is there");
        panic!("`{}` breaks its promise; the input is in {}", target.name, file.display());
    }
}

/// Makes inputs out of others, in an order that never changes (xorshift, Marsaglia 2003).
struct Changes<'a> {
    state: u64,
    target: Target,
    inputs: &'a [Vec<u8>],
}

impl Changes<'_> {
    fn below(&mut self, limit: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state % limit.max(1) as u64) as usize
    }

    fn next_input(&mut self) -> Vec<u8> {
        let mut input = self.inputs[self.below(self.inputs.len())].clone();
        input.truncate(MOST_BYTES);
        for _ in 0..=self.below(4) {
            self.change(&mut input);
        }
        input
    }

    /// Flips a bit, sets a byte, or replaces a piece: by nothing, by a word, by a piece of another input.
    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let end = (at + self.below(16)).min(input.len());
        match self.below(6) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = [0, 0xff, b'\n', b'9', b' ', 0x7f, 0x80][self.below(7)],
            2 => drop(input.splice(at..end, [])),
            3 if !self.target.words.is_empty() => {
                let word = self.target.words[self.below(self.target.words.len())];
                drop(input.splice(at..end, word.bytes()));
            }
            _ => {
                let other = &self.inputs[self.below(self.inputs.len())];
                let from = self.below(other.len() + 1);
                let until = (from + self.below(64)).min(other.len());
                let replaced = if self.below(2) == 0 { at..at } else { at..end };
                drop(input.splice(replaced, other[from..until].iter().copied()));
            }
        }
    }
}
