//! What each kind makes of fixed inputs, as a digest: bytes that change while a kind's version stays would be mixed up with
//! those that a store remembers.

use std::collections::BTreeSet;

use gravure_eval::graph::{Output, Realise, Task};
use gravure_formats::Digest;
use gravure_sources::Store;
use serde_json::{Value, json};

use crate::packages;
use crate::project::builder;

/// Kind, version, and the digest of the artefact.
const EXPECTED: &[(&str, u32, &str)] = &[
    ("archive-file", 2, "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"),
    ("blob", 1, "b5f166e5d2d365d81b55f2dbe818f0d5cef5a52a1cda9100c2a4b1d72aa7feee"),
    ("debian", 2, "229e68a62030577d35ddf1397d5fc555fd2b580eb73738d724bdeaa70a283b84"),
    ("disk", 2, "868ded3b9d35bc46f39b6b6a644cf1f8e12d56013e2dcc4e8beed489275f15e6"),
    ("ext4", 2, "b1a60dc42954a6b306727cc7b52a470489a5d16d42c34477ca560648cf1cf3d7"),
    ("fat", 3, "1a12b96798da39802bcc8ea8b97bd4e17ad7c8176cc31fd56b490a3e51fc48b2"),
    ("fetch", 1, "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"),
    ("grub-core", 1, "857dafe727729bb78fcaffacf394619c460307139b10f10021b68a36d13de686"),
    ("initrd", 1, "71a6e844d0a37cd8a450e20214c8f2f06a8df68baedb31b24233f1c2c8de9639"),
    ("local", 1, "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"),
    ("module-aliases", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("package", 2, "4e2b1b0af873752025fb741258fe88e990a0418b480657bc23235eccdd55cc28"),
    ("part", 1, "5790d113c09b3a57431f6a7a29a6b382b1acdd9ab301aec5f63aea9703bb2d3e"),
    ("raw", 1, "bee9b522ffee9089566da73f388766c5ef846c7bf1dd907e9b0e0653d90f449b"),
    ("script-report", 2, "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"),
    ("swap", 1, "bde2d02578cb606ca6752837a72d5860a5790a2d97060296175d05e2357cd260"),
    ("tree", 2, "a7715da9a39e0432506675f293f0406914a0b36e131860d3e79a1e7e6b1319f2"),
    ("unpacked", 1, "9aa1177db32927b5b53a0ad62e0fb3b424256c31f584118be743205fc049b345"),
];

const TIME: i64 = 1_000_000_000;
const GUIDS: [&str; 2] = ["01234567-89ab-cdef-0123-456789abcdef", "11234567-89ab-cdef-0123-456789abcdef"];

/// Realises a task of the version that is expected.
fn make(store: &Store, kind: &str, parameters: Value, inputs: &[Output]) -> Output {
    let version = EXPECTED.iter().find(|(name, ..)| *name == kind).expect("the kind is in the table").1;
    let task = Task { kind: kind.to_owned(), version, parameters, inputs: inputs.to_vec() };
    let made = builder(store).realise(&Task::from_json(&task.to_json()).unwrap());
    made.unwrap_or_else(|error| panic!("{kind}: {error}"))
}

fn local(store: &Store, content: &[u8]) -> Output {
    let sha256 = store.put(content).unwrap();
    make(store, "local", json!({"sha256": sha256, "is_tree": false}), &[])
}

/// Returns what every kind makes, in the order of their names.
fn artefacts(store: &Store) -> Vec<(&'static str, Output)> {
    let blob = local(store, b"content");
    let sha256 = Digest(blob.digest);
    let file = json!({"suite": "trixie", "mirror": null, "package": "x", "version": "1", "path": "pool/x", "sha256": sha256, "len": 7});
    let archived = make(store, "archive-file", file, &[]);
    let fetched = make(store, "fetch", json!({"url": "http://example.org/x", "sha256": sha256}), &[]);
    let [kernel, busybox] = [packages::kernel(true), packages::busybox()]
        .map(|deb| make(store, "package", Value::Null, &[local(store, &deb)]));
    let initrd = make(store, "initrd", json!({"modules": ["virtio_blk", "ext4"]}), &[kernel, busybox]);
    let grub = make(store, "package", Value::Null, &[local(store, &packages::grub_for_bios())]);
    let core = json!({"modules": ["ext2"], "config": "set x=y\n", "prefix": "/boot/grub"});
    let core = make(store, "grub-core", core, &[grub]);
    let loader = make(
        store,
        "blob",
        json!({"path": "/usr/lib/grub/i386-pc/kernel.img", "format": null, "limit": 4096, "device_tree": null}),
        &[grub],
    );
    let part = make(store, "part", json!({"path": "/usr/*/busybox"}), &[busybox]);
    let tree = make(store, "tree", root(), &[kernel, busybox, blob]);
    let ext4 = json!({"generation": 4, "label": "root", "uuid": GUIDS[0], "hash_seed": GUIDS[1], "time": TIME, "capacity": {"Exact": 16 << 20},
        "block_size": 4096, "without": []});
    let ext4 = make(store, "ext4", ext4, &[tree]);
    let files = json!({"foundation": [], "packages": [], "time": TIME, "entries": [entry("/EFI/A long name.txt", 0o644, json!({"Input": 0}))]});
    let fat =
        json!({"bits": 16, "label": "ESP", "volume_id": 7, "time": TIME, "capacity": {"Guess": {"headroom": 4 << 20}}});
    let fat = make(store, "fat", fat, &[make(store, "tree", files, &[blob])]);
    let debian = make(store, "debian", debian(), &[busybox, kernel, blob]);
    let report = make(store, "script-report", Value::Null, &[debian, busybox]);
    let raw = make(store, "raw", json!({"len": 4096}), &[blob]);
    let swap = make(store, "swap", json!({"label": "swap", "uuid": GUIDS[0], "len": 1 << 20}), &[]);
    let unpacked = make(store, "unpacked", Value::Null, &[local(store, &packages::busybox())]);
    let disk = make(store, "disk", disk(), &[fat, ext4, part]);
    vec![
        ("archive-file", archived),
        ("blob", loader),
        ("debian", debian),
        ("disk", disk),
        ("ext4", ext4),
        ("fat", fat),
        ("fetch", fetched),
        ("grub-core", core),
        ("initrd", initrd),
        ("local", blob),
        ("module-aliases", make(store, "module-aliases", Value::Null, &[kernel])),
        ("package", kernel),
        ("part", part),
        ("raw", raw),
        ("script-report", report),
        ("swap", swap),
        ("tree", tree),
        ("unpacked", unpacked),
    ]
}

fn entry(path: &str, mode: u32, what: Value) -> Value {
    json!({"path": path, "mode": mode, "uid": 1, "gid": 2, "what": what})
}

/// The parameters of a tree with every sort of entry.
fn root() -> Value {
    json!({
        "foundation": [
            entry("usr/bin", 0o755, json!("Directory")),
            entry("bin", 0o777, json!({"Symlink": "usr/bin"})),
        ],
        "packages": ["kernel", "busybox"],
        "time": TIME,
        "entries": [
            entry("/bin/text", 0o755, json!({"Text": "text"})),
            entry("/new/directory", 0o1777, json!("Directory")),
            entry("/boot/vmlinuz", 0o777, json!({"SymlinkToMatch": "/boot/vmlinuz-*"})),
            entry("/content", 0o644, json!({"Content": {"len": 3, "runs": []}})),
            entry("/input", 0o644, json!({"Input": 2})),
            entry("/tree", 0o644, json!({"InputPart": [1, "/"]})),
            entry("/file", 0o644, json!({"InputFile": [1, "/usr/bin/busy*"]})),
        ],
    })
}

/// The parameters of a configured system of one package, a kernel beside it, and a user.
fn debian() -> Value {
    let user = json!({
        "name": "ann", "password": null, "uid": null, "group": "ann", "supplementary_groups": [], "comment": "Ann",
        "home_directory": "/home/ann", "creates_home": true, "shell": "/bin/sh",
    });
    json!({
        "foundation": [entry("usr/lib", 0o755, json!("Directory"))],
        "packages": ["busybox", "kernel"],
        "n_registered": 1,
        "entries": [
            entry("/etc/hostname", 0o644, json!({"Input": 2})),
            entry("/usr/lib/systemd/system/a.service", 0o644, json!({"Text": "[Install]\nWantedBy=b.target\n"})),
        ],
        "accounts": {"users": [user], "groups": []},
        "units": {"enabled": ["a.service"], "disabled": [], "masked": []},
        "is_configured_at_first_boot": false,
        "architecture": "amd64",
        "time": TIME,
    })
}

/// The parameters of a disk with two partitions and a loader.
fn disk() -> Value {
    let partition = |name: &str, guid: &str| {
        json!({
            "name": name, "label": name, "offset": null, "alignment": 1 << 20, "type_guid": GUIDS[1], "guid": guid,
            "mbr_kind": 131, "is_boot": name == "root", "attributes": 0, "is_in_mbr": false, "is_logical": null,
        })
    };
    json!({
        "len": 64 << 20,
        "table": {"Gpt": {"guid": GUIDS[0], "entry_array_at": null}},
        "partitions": [partition("ESP", GUIDS[0]), partition("root", GUIDS[1])],
        "loaders": [{"name": "loader", "at": 32 << 10}],
    })
}

#[test]
fn bytes_change_with_versions_only() {
    let scratch = tempfile::tempdir().unwrap();
    let store = Store::open(scratch.path()).unwrap();
    let artefacts = artefacts(&store);
    let mut changed = Vec::new();
    for ((kind, output), (name, version, expected)) in artefacts.iter().zip(EXPECTED) {
        assert_eq!(kind, name);
        let digest = Digest(output.digest).to_string();
        if digest != *expected {
            changed.push(format!("    (\"{kind}\", {version}, \"{digest}\"),"));
        }
    }
    assert!(
        changed.is_empty(),
        "these kinds make other bytes than before. If that is on purpose, raise their versions in `KINDS` \
         (stdlib/src/kinds/mod.rs) and in the table here:\n{}",
        changed.join("\n")
    );
}

#[test]
fn every_kind_is_in_the_table() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kinds");
    let mut kinds = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let name = text.split_once("pub(crate) const NAME: &str = \"").and_then(|(_, rest)| rest.split_once('"'));
        kinds.extend(name.map(|(name, _)| name.to_owned()));
    }
    let table: BTreeSet<String> = EXPECTED.iter().map(|(name, ..)| name.to_string()).collect();
    assert_eq!(kinds, table);
}
