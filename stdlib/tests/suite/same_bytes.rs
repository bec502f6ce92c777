//! The same configuration gives the same bytes, wherever and however it is built; and nothing is built twice.

use std::collections::BTreeSet;

use crate::disk::Disk;
use crate::project::Project;

#[test]
fn threads_folders_and_stores_do_not_show() {
    let project = Project::new();
    let expected = project.build("system.img", &project.store(), 1).digest();
    for threads in [2, 8] {
        let store = project.store_named(&format!("store of {threads}"));
        assert_eq!(project.build("system.img", &store, threads).digest(), expected, "{threads} threads");
    }
    let elsewhere = Project::in_folder("a folder/with blanks and ümlauts");
    assert_eq!(elsewhere.build("system.img", &elsewhere.store(), 2).digest(), expected, "another folder");
}

#[test]
fn the_place_to_look_from_does_not_show() {
    let project = Project::new();
    let store = project.store();
    let inside = project.plan("system.img", None, &store);
    let outside = project.plan_from_above("system.img", &store);
    let keys = [&inside, &outside].map(|plan| plan.graph.key(plan.disk()));
    assert_eq!(keys[0], keys[1]);
}

#[test]
fn a_second_build_builds_nothing() {
    let project = Project::new();
    let store = project.store();
    let first = project.build("system.img", &store, 2);
    assert_eq!(first.built().len(), first.plan.graph.len());
    let second = project.build("system.img", &store, 2);
    assert_eq!(second.built(), [] as [&str; 0]);
    assert_eq!(second.report.outcomes().count(), 1, "nothing is looked at below a disk that is there");
    assert_eq!(second.digest(), first.digest());
}

#[test]
fn a_change_rebuilds_what_it_reaches() {
    let project = Project::new();
    let store = project.store();
    project.build("system.img", &store, 2);
    let changed = crate::project::SYSTEM.replace("hello", "good morning");
    project.write("system.img", changed);
    // The ESP names the root's UUID, which is another one for another image.
    let built = project.build("system.img", &store, 1);
    assert_eq!(built.built(), ["tree esp", "FAT esp", "tree root", "ext4 root", "disk system"]);

    project.write("files/tool", "#!/bin/sh\necho another\n");
    let built = project.build("system.img", &store, 1);
    assert_eq!(built.built(), ["tree esp", "FAT esp", "tree root", "ext4 root", "disk system"]);

    // The same bytes under another time.
    project.write("packages/kernel.deb", crate::packages::kernel(true));
    assert_eq!(project.build("system.img", &store, 1).built(), [] as [&str; 0]);
}

/// Every identifier of a disk.
fn identifiers(project: &Project, file: &str) -> Vec<String> {
    let built = project.build(file, &project.store(), 2);
    let table = gpt::GptConfig::new().writable(false).open(&built.path).unwrap();
    let mut found = vec![table.guid().to_string()];
    found.extend(table.partitions().values().map(|part| part.part_guid.to_string()));
    let disk = Disk::of(&built);
    found.push(disk.root_uuid());
    let esp = fatfs::FileSystem::new(disk.esp.reopen().unwrap(), fatfs::FsOptions::new()).unwrap();
    found.push(format!("{:08x}", esp.volume_id()));
    found
}

#[test]
fn identifiers_belong_to_one_image() {
    let project = Project::new();
    project.write_img("other.img", "other = base.system { host-name = \"other\" }\n");
    project.write_img("again.img", "again = base.system {}\n");
    project.write_img(
        "labels.img",
        "labels = images.efi-disk-image { operating-system = base.system; partitions[\"esp\"] { label = \"BOOT\" } }\n",
    );
    project.write_img(
        "sizes.img",
        "sizes = images.efi-disk-image { operating-system = base.system; partitions[\"root\"] { headroom = 1MiB } }\n",
    );
    let first = identifiers(&project, "system.img");
    assert_eq!(first, identifiers(&project, "again.img"), "one system under two names is one image");
    let mut all: BTreeSet<String> = first.iter().cloned().collect();
    for file in ["other.img", "labels.img", "sizes.img"] {
        for identifier in identifiers(&project, file) {
            assert!(all.insert(identifier.clone()), "{identifier} of {file} belongs to two images");
        }
    }
    assert_eq!(all.len(), 4 * 5);
}

#[test]
fn chosen_uuids_are_kept() {
    let project = Project::new();
    project.write_img(
        "chosen.img",
        r#"
let root = os.uuid("01234567-89AB-cdef-0123-456789abcdef")
chosen = images.efi-disk-image {
  operating-system = base.system { file-systems["/"] { device = root } }
  partitions["esp"] { uuid = os.uuid("89AB-CDEF") }
}
"#,
    );
    let built = project.build("chosen.img", &project.store(), 2);
    let disk = Disk::of(&built);
    assert_eq!(disk.root_uuid(), "01234567-89ab-cdef-0123-456789abcdef");
    let esp = fatfs::FileSystem::new(disk.esp.reopen().unwrap(), fatfs::FsOptions::new()).unwrap();
    assert_eq!(esp.volume_id(), 0x89ab_cdef);
    assert!(disk.text("/boot/grub/grub.cfg").contains(" root=UUID=01234567-89ab-cdef-0123-456789abcdef "));
    assert!(disk.text("/etc/fstab").starts_with("UUID=01234567-89AB-cdef-0123-456789abcdef / ext4 "));
}

#[test]
fn sizes_are_kept() {
    let project = Project::new();
    project.write_img(
        "sized.img",
        "sized = images.efi-disk-image { operating-system = base.system; size = 100MiB; partitions[\"esp\"] { size = 34MiB } }\n",
    );
    let built = project.build("sized.img", &project.store(), 2);
    assert_eq!(std::fs::metadata(&built.path).unwrap().len(), 100 << 20);
    let disk = Disk::of(&built);
    assert_eq!(disk.esp.as_file().metadata().unwrap().len(), 34 << 20);
    assert_eq!(disk.root.as_file().metadata().unwrap().len(), (100 - 1 - 34 - 1) << 20);
}
