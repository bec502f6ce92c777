//! How fast programs are evaluated: `cargo bench -p gravure-eval`.
//!
//! Each program of `bench/language/img` (the rows of the comparison with other languages) is loaded, evaluated and shown several times;
//! the best time counts. So does the standard library with a small system, as the time to start up.

#![allow(clippy::disallowed_methods, reason = "a benchmark asks the clock and reads its programs")]

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use gravure_eval::{Evaluator, Limits, Program, Source, Value, World, with_stack};

const RUNS: usize = 5;

/// The repository: `std/x` is in the standard library, everything else below the root.
struct Repository;

impl World for Repository {
    fn source(&self, _from: Option<&str>, path: &str) -> Result<Source, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let file = match path.strip_prefix("std/") {
            Some(module) => root.join(format!("stdlib/std/{module}.img")),
            None => root.join(path),
        };
        let bytes = std::fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(Source { path: path.to_owned(), bytes: bytes.into() })
    }
}

fn main() {
    println!("{:28} {:>10} {:>10} {:>10}", "program", "load ms", "total ms", "heap MiB");
    for row in ["a", "b", "c", "d", "e", "f", "g"] {
        report(&format!("bench/language/img/{row}.img"));
    }
    report("examples/tiny.img");
}

fn report(file: &str) {
    let runs: Vec<_> = (0..RUNS).map(|_| run(file)).collect();
    let milliseconds = |time: Option<Duration>| time.expect("there are runs").as_secs_f64() * 1e3;
    let load = milliseconds(runs.iter().map(|run| run.0).min());
    let total = milliseconds(runs.iter().map(|run| run.1).min());
    let heap = runs[0].2 as f64 / f64::from(1 << 20);
    println!("{file:28} {load:10.2} {total:10.2} {heap:10.1}");
}

/// Returns the time to load, the time in all, and the bytes of the heap.
fn run(file: &str) -> (Duration, Duration, usize) {
    let start = Instant::now();
    let program = Program::load(&Repository, &[file]).unwrap_or_else(|error| {
        let mistakes = error.diagnostics.iter().map(|mistake| mistake.render(&error.sources, false));
        panic!("{}", mistakes.chain(error.missing.iter().map(|(_, why)| why.clone())).collect::<String>())
    });
    let load = start.elapsed();
    let heap = with_stack(|| {
        let heap = bumpalo::Bump::new();
        let evaluator = Evaluator::new(&program, &heap, Limits::default());
        let record = evaluator.module(program.module(file).expect("the file is a module"));
        let shown = evaluator.show(Value::Record(record), "it").unwrap_or_else(|mistakes| {
            panic!("{}", mistakes.iter().map(|mistake| mistake.render(&program.sources, false)).collect::<String>())
        });
        black_box(shown);
        heap.allocated_bytes()
    });
    (load, start.elapsed(), heap)
}
