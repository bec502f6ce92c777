//! Only what the wanted output needs is evaluated.

use crate::project::{Plan, Project};

const TWO: &str = r#"
good = base.system { host-name = "good" }
bad = base.system { host-name = "bad"; kernel = error("boom") }
"#;

fn names(plan: &Plan) -> Vec<&str> {
    plan.images.keys().map(String::as_str).collect()
}

#[test]
fn a_failing_system_leaves_the_other_alone() {
    let project = Project::new();
    project.write_img("two.img", TWO);
    let store = project.store();
    let plan = project.plan("two.img", Some("good"), &store);
    assert_eq!((names(&plan), plan.mistakes.as_str()), (vec!["system-good"], ""));
    let plan = project.plan("two.img", None, &store);
    assert_eq!(names(&plan), ["system-good"]);
    assert!(plan.mistakes.contains("boom"), "{}", plan.mistakes);
    assert!(plan.realise(&store, 2).is_success(), "the good one can be built");
}

#[test]
fn a_failing_item_is_found_when_it_is_asked_for() {
    let project = Project::new();
    project.write_img("items.img", "good = base.system {}\nbad = error(\"first\")\nworse = error(\"second\")\n");
    let store = project.store();
    let plan = project.plan("items.img", Some("good"), &store);
    assert_eq!((names(&plan), plan.mistakes.as_str()), (vec!["system"], ""));
    let plan = project.plan("items.img", None, &store);
    assert!(plan.mistakes.contains("first") && plan.mistakes.contains("second"), "{}", plan.mistakes);
    assert!(project.plan("items.img", Some("worse"), &store).mistakes.contains("second"));
}

#[test]
fn fields_that_no_disk_needs_are_not_evaluated() {
    let project = Project::new();
    project.write_img("unneeded.img", "x = base.system { bootloader { targets = [error(\"boom\")] } }\n");
    assert_eq!(project.plan("unneeded.img", None, &project.store()).mistakes, "");
}

#[test]
fn partitions_can_be_shown_without_a_kernel() {
    let project = Project::new();
    project.write_img("two.img", TWO);
    for item in ["good", "bad"] {
        let shown = project.shown("two.img", item, "image.partitions");
        assert!(shown.contains("\"my-root\"") && shown.contains("40MiB"), "{shown}");
    }
    assert!(project.shown("two.img", "bad", "image.operating-system.kernel").contains("boom"));
}
