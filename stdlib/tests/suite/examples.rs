//! The examples in the documentation of the library: what stands further in there is a part of a file.

use gravure_eval::{Limits, Value};
use gravure_stdlib::{roots, source};

use crate::project::Project;

/// What an example may use.
const AROUND: &str = r#"
import "std/os" as os
import "std/images" as images
import "std/services" as svc

let my-os = os.OperatingSystem {
  host-name = "example"
  file-systems = [os.FileSystem { device = os.label("my-root"); mount-point = "/"; type = 'ext4 }]
}
"#;

/// Returns the examples of a text: lines of documentation that stand at least four columns in, together.
fn examples(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut is_inside = false;
    for line in text.lines().map(str::trim_start) {
        match line.strip_prefix("##     ") {
            Some(code) if is_inside => found.last_mut().expect("an example is open").push_str(&format!("{code}\n")),
            Some(code) => found.push(format!("{code}\n")),
            None => {}
        }
        is_inside = line.starts_with("##     ");
    }
    found
}

#[test]
fn every_example_of_the_library_evaluates() {
    let project = Project::new();
    let modules = roots().into_iter().chain(["std/services", "std/text"]);
    let examples: Vec<String> = modules.flat_map(|module| examples(source(module).expect("it is there"))).collect();
    assert!(!examples.is_empty());
    for example in examples {
        project.write("example.img", format!("{AROUND}{example}"));
        let shown = project.evaluate("example.img", Limits::default(), |evaluator, module| {
            evaluator.show(Value::Record(evaluator.module(module)), "example")
        });
        let (_, shown) = shown.unwrap_or_else(|error| panic!("{example}\n{:?}", error.diagnostics));
        shown.unwrap_or_else(|mistakes| panic!("{example}\n{mistakes:?}"));
    }
}
