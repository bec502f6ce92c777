use std::collections::BTreeMap;
use std::process::Command;

use super::index::Index;
use super::*;
use crate::{Entry, Extents, MemoryBlobs, Tree, TreePath};

/// Reads an index as libkmod does: every key with its values and their priorities.
fn entries(bytes: &[u8]) -> BTreeMap<String, Vec<(u32, String)>> {
    assert_eq!(bytes[..8], [0xb0, 0x07, 0xf4, 0x57, 0, 2, 0, 1]);
    let mut found = BTreeMap::new();
    walk(bytes, number(bytes, 8), String::new(), &mut found);
    found
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn text(bytes: &[u8], at: &mut usize) -> String {
    let len = bytes[*at..].iter().position(|&byte| byte == 0).unwrap();
    let text = String::from_utf8(bytes[*at..*at + len].to_vec()).unwrap();
    *at += len + 1;
    text
}

fn walk(bytes: &[u8], reference: u32, mut key: String, found: &mut BTreeMap<String, Vec<(u32, String)>>) {
    let mut at = (reference & 0x0fff_ffff) as usize;
    if reference & 0x8000_0000 != 0 {
        key += &text(bytes, &mut at);
    }
    let mut children = Vec::new();
    if reference & 0x2000_0000 != 0 {
        let (first, last) = (bytes[at], bytes[at + 1]);
        at += 2;
        for letter in first..=last {
            children.push((char::from(letter), number(bytes, at)));
            at += 4;
        }
    }
    if reference & 0x4000_0000 != 0 {
        let n_values = number(bytes, at);
        at += 4;
        for _ in 0..n_values {
            let priority = number(bytes, at);
            at += 4;
            found.entry(key.clone()).or_default().push((priority, text(bytes, &mut at)));
        }
    }
    for (letter, child) in children.into_iter().filter(|(_, child)| *child != 0) {
        walk(bytes, child, format!("{key}{letter}"), found);
    }
}

#[test]
fn keys_that_share_their_beginnings_are_found() {
    let mut index = Index::new();
    for (key, value, priority) in
        [("abc", "1", 3), ("abd", "2", 1), ("ab", "3", 0), ("abc", "4", 1), ("x", "5", 0), ("abcde", "6", 9)]
    {
        index.insert(key, value, priority);
    }
    let value = |priority, text: &str| (priority, text.to_owned());
    let expected = [
        ("ab", vec![value(0, "3")]),
        ("abc", vec![value(1, "4"), value(3, "1")]),
        ("abcde", vec![value(9, "6")]),
        ("abd", vec![value(1, "2")]),
        ("x", vec![value(0, "5")]),
    ];
    assert_eq!(entries(&index.to_bytes()), expected.map(|(key, values)| (key.to_owned(), values)).into());
    assert!(entries(&Index::new().to_bytes()).is_empty());
}

/// Returns a module: an ELF file of 64 bits with these sections.
fn module(sections: &[(&str, &[u8])]) -> Vec<u8> {
    let mut names = b"\0.shstrtab\0".to_vec();
    let mut elf = vec![0; 64];
    elf[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1]);
    let mut headers: Vec<(usize, usize, usize)> = Vec::new();
    for (name, content) in sections {
        headers.push((names.len(), elf.len(), content.len()));
        names.extend(name.bytes().chain([0]));
        elf.extend_from_slice(content);
    }
    headers.push((1, elf.len(), names.len()));
    elf.extend_from_slice(&names);
    let table = elf.len() as u64;
    elf[0x28..0x30].copy_from_slice(&table.to_le_bytes());
    let shape = [(0x3a, 64), (0x3c, headers.len() as u16 + 1), (0x3e, headers.len() as u16)];
    for (at, value) in shape {
        elf[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }
    elf.resize(elf.len() + 64, 0);
    for (name, at, len) in headers {
        let mut header = [0; 64];
        header[..4].copy_from_slice(&(name as u32).to_le_bytes());
        header[4] = 1;
        header[0x18..0x20].copy_from_slice(&(at as u64).to_le_bytes());
        header[0x20..0x28].copy_from_slice(&(len as u64).to_le_bytes());
        elf.extend_from_slice(&header);
    }
    elf
}

const DIRECTORY: &str = "/usr/lib/modules/1.0-test";

/// Returns a root with three modules, of which one needs the two others.
fn root(blobs: &MemoryBlobs) -> Root<'_> {
    let fuse = module(&[(".modinfo", b"alias=fs-fuse\0alias=devname:fuse\0alias=char-major-10-229\0depends=\0")]);
    let vfat = module(&[(".modinfo", b"alias=fs-vfat\0softdep=pre: nls-x\0depends=fat,nls-base\0")]);
    let fat = module(&[(".modinfo", b"depends=nls_base\0"), (".strtab", b"\0__crc_fat_attach\0fat_attach\0")]);
    let base = module(&[(".modinfo", b"depends=\0"), ("__ksymtab_strings", b"load_nls\0")]);
    let mut root = Root::new(Tree::default(), blobs, 0);
    for (path, content) in [
        ("kernel/fs/fuse/fuse.ko", fuse),
        ("kernel/fs/fat/vfat.ko", vfat),
        ("kernel/fs/fat/fat.ko", fat),
        ("kernel/fs/nls/nls-base.ko", base),
        ("modules.order", b"kernel/fs/nls/nls-base.ko\nkernel/fs/fat/fat.ko\nkernel/fs/fat/vfat.ko\n".to_vec()),
        ("modules.builtin", b"kernel/fs/ext4/ext4.ko\n".to_vec()),
        ("modules.builtin.modinfo", b"ext4.alias=fs-ext4\0ext4.license=GPL\0".to_vec()),
    ] {
        root.write(&format!("{DIRECTORY}/{path}"), 0o644, super::super::Owner::ROOT, content).unwrap();
    }
    root
}

#[test]
fn modules_are_found_with_what_they_need() {
    let blobs = MemoryBlobs::new();
    let mut root = root(&blobs);
    module_indexes(&mut root).unwrap();
    let text = |name: &str| root.text(&format!("{DIRECTORY}/modules.{name}")).unwrap().unwrap();
    assert_eq!(
        text("dep"),
        "kernel/fs/nls/nls-base.ko:\n\
         kernel/fs/fat/fat.ko: kernel/fs/nls/nls-base.ko\n\
         kernel/fs/fat/vfat.ko: kernel/fs/fat/fat.ko kernel/fs/nls/nls-base.ko\n\
         kernel/fs/fuse/fuse.ko:\n"
    );
    assert!(text("alias").contains("alias fs-vfat vfat\n"));
    assert!(text("symbols").ends_with("alias symbol:load_nls nls_base\nalias symbol:fat_attach fat\n"));
    assert!(text("softdep").ends_with("softdep vfat pre: nls-x\n"));
    assert!(text("devname").ends_with("\nfuse fuse c10:229\n"));
    let index = |name: &str| entries(&root.read(&format!("{DIRECTORY}/modules.{name}.bin")).unwrap().unwrap());
    assert_eq!(index("alias")["fs_vfat"], [(2, "vfat".to_owned())]);
    assert_eq!(index("builtin").keys().collect::<Vec<_>>(), ["ext4"]);
    assert_eq!(index("builtin.alias")["fs_ext4"], [(0, "ext4".to_owned())]);
    assert_eq!(index("dep")["fat"][0].1, "kernel/fs/fat/fat.ko: kernel/fs/nls/nls-base.ko");
}

/// libkmod, which all programs use, finds in the indexes what is in them.
#[test]
fn modprobe_finds_modules_by_the_indexes() {
    let blobs = MemoryBlobs::new();
    let mut root = root(&blobs);
    module_indexes(&mut root).unwrap();
    let folder = tempfile::tempdir().unwrap();
    unpack(&root, folder.path());
    let [base, fat, vfat, fuse] =
        ["nls/nls-base", "fat/fat", "fat/vfat", "fuse/fuse"].map(|name| format!("insmod kernel/fs/{name}.ko \n"));
    for (name, expected) in [
        ("vfat", [&*base, &*fat, &*vfat].concat()),
        ("fs-vfat", [&*base, &*fat, &*vfat].concat()),
        ("symbol:fat_attach", [&*base, &*fat].concat()),
        ("char-major-10-229", fuse),
        ("fs-ext4", "builtin ext4\n".to_owned()),
        ("nothing", String::new()),
    ] {
        let folder = folder.path().to_str().unwrap();
        let answer = run("modprobe", &["-d", folder, "-S", "1.0-test", "--show-depends", "-q", name]);
        assert_eq!(
            answer.replace(&format!("{folder}/lib/modules/1.0-test/"), "").replace("/lib/modules/1.0-test/", ""),
            expected,
            "{name}"
        );
    }
}

/// Returns a table of symbols that are not defined, and their names.
fn undefined_symbols(symbols: &[&str]) -> (Vec<u8>, Vec<u8>) {
    let (mut table, mut names) = (vec![0; 24], vec![0]);
    for symbol in symbols {
        table.extend((names.len() as u32).to_le_bytes());
        // A global symbol (`st_info`).
        table.extend([0x10, 0, 0, 0]);
        table.extend([0; 16]);
        names.extend(symbol.bytes().chain([0]));
    }
    (table, names)
}

/// The judge is depmod: versions differ in the order of nodes, not in what is in them.
#[test]
fn indexes_are_those_of_depmod() {
    let blobs = MemoryBlobs::new();
    let mut root = Root::new(Tree::default(), &blobs, 0);
    let modules: [(&str, &str, &[u8], &[&str]); 5] = [
        ("a-base", "", b"of_a\0more_of_a\0", &[]),
        ("b", "a_base", b"of_b\0", &["printk", "more_of_a"]),
        ("c", "", b"of_c\0", &[]),
        ("top", "b,c,a_base", b"", &["of_c", "of_a", "of_b", "of_c"]),
        ("user", "c,b", b"", &["of_b", "of_c"]),
    ];
    for (name, depends, exported, needed) in modules {
        let (table, names) = undefined_symbols(needed);
        let information = format!("alias=of:{name}*\0weakdep=x y\0depends={depends}\0");
        let sections = [
            (".modinfo", information.as_bytes()),
            ("__ksymtab_strings", exported),
            (".symtab", &table[..]),
            (".strtab", &names[..]),
        ];
        let path = format!("{DIRECTORY}/kernel/{name}.ko");
        root.write(&path, 0o644, super::super::Owner::ROOT, module(&sections)).unwrap();
    }
    for (name, text) in [
        ("order", "kernel/user.ko\nkernel/c.ko\nkernel/top.ko\nkernel/b.ko\nkernel/a-base.ko\n"),
        ("builtin", "kernel/bus/core.ko\nkernel/perf/core.ko\n"),
        ("builtin.modinfo", "core.alias=fs-core\0"),
    ] {
        root.write_text(&format!("{DIRECTORY}/modules.{name}"), text).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    unpack(&root, folder.path());
    run("depmod", &["-b", folder.path().to_str().unwrap(), "1.0-test"]);
    module_indexes(&mut root).unwrap();

    let theirs =
        |name: &str| std::fs::read(folder.path().join(format!("lib/modules/1.0-test/modules.{name}"))).unwrap();
    let ours = |name: &str| root.read(&format!("{DIRECTORY}/modules.{name}")).unwrap().unwrap();
    assert_eq!(String::from_utf8(ours("dep")), String::from_utf8(theirs("dep")));
    for name in ["dep.bin", "alias.bin", "symbols.bin", "builtin.bin", "builtin.alias.bin"] {
        assert_eq!(entries(&ours(name)), entries(&theirs(name)), "{name}");
        assert_eq!(ours(name).len(), theirs(name).len(), "{name}");
    }
    assert!(String::from_utf8(ours("weakdep")).unwrap().contains("weakdep a_base x y\n"));
}

/// Writes the files of the kernel below a folder, as without a merged `/usr`.
fn unpack(root: &Root<'_>, folder: &std::path::Path) {
    for path in root.paths_below(DIRECTORY) {
        let Ok(Some(content)) = root.read(&path) else { continue };
        let file = folder.join(path.trim_start_matches("/usr/"));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
    }
}

fn run(program: &str, arguments: &[&str]) -> String {
    let path = ["/sbin", "/usr/sbin"].map(|folder| format!("{folder}/{program}"));
    let program_path = path.iter().find(|path| std::path::Path::new(path).exists());
    let program_path = program_path.unwrap_or_else(|| panic!("this test needs `{program}`, of Debian's package kmod"));
    let output = Command::new(program_path).args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_tree_without_modules_gets_no_indexes() {
    let blobs = MemoryBlobs::new();
    let mut tree = Tree::default();
    tree.insert(&TreePath::parse("usr/lib/x").unwrap(), Entry::file(0o644, Extents::default())).unwrap();
    let mut root = Root::new(tree, &blobs, 0);
    module_indexes(&mut root).unwrap();
    assert_eq!(root.tree().len(), 4);
}

#[test]
fn headers_alone_get_no_indexes() {
    let blobs = MemoryBlobs::new();
    let mut root = Root::new(Tree::default(), &blobs, 0);
    root.link(&format!("{DIRECTORY}/build"), "/usr/src/linux-headers-1.0-test").unwrap();
    module_indexes(&mut root).unwrap();
    assert_eq!(root.names(DIRECTORY), ["build"]);
}

#[test]
fn indexes_are_beside_the_modules_where_usr_is_not_merged() {
    let blobs = MemoryBlobs::new();
    let mut root = Root::new(Tree::default(), &blobs, 0);
    let directory = "/lib/modules/1.0-test";
    for name in ["a", "b"] {
        let content = module(&[(".modinfo", b"depends=\0")]);
        root.write(&format!("{directory}/kernel/{name}.ko"), 0o644, super::super::Owner::ROOT, content).unwrap();
    }
    root.write_text(&format!("{directory}/modules.order"), "kernel/b.ko\nkernel/a.ko\n").unwrap();
    module_indexes(&mut root).unwrap();
    assert_eq!(root.text(&format!("{directory}/modules.dep")).unwrap().unwrap(), "kernel/b.ko:\nkernel/a.ko:\n");
    assert!(!root.exists("/usr"));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_readers_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..60)) {
        let _ = undefined(&bytes, &bytes, true);
        let _ = undefined(&bytes, &bytes, false);
        let _ = symbols(&bytes, &bytes);
        let _ = builtin_aliases(&bytes);
    }

    #[test]
    fn every_key_comes_back(keys in proptest::collection::btree_map("[ -~]{0,8}", "[a-z]{0,3}", 0..30)) {
        let mut index = Index::new();
        keys.iter().for_each(|(key, value)| index.insert(key, value, 0));
        let expected: BTreeMap<String, Vec<(u32, String)>> =
            keys.into_iter().map(|(key, value)| (key, vec![(0, value)])).collect();
        proptest::prop_assert_eq!(entries(&index.to_bytes()), expected);
    }

    #[test]
    fn rings_of_modules_end(needs in proptest::collection::vec(proptest::collection::vec(0usize..6, 0..3), 6)) {
        let facts: Vec<Facts> = needs.iter().enumerate().map(|(number, needs)| Facts {
            name: format!("m{number}"), path: format!("m{number}.ko"),
            depends: needs.iter().map(|needed| format!("m{needed}")).collect(),
            ..Facts::default()
        }).collect();
        let dependencies = Dependencies::new(&facts);
        for number in 0..facts.len() {
            let _ = dependencies.line(number);
        }
    }
}
