use super::*;
use crate::elf::testing::with_modinfo;
use crate::tar::testing::run;
use crate::{Entry, MemoryBlobs};

const VERSION: &str = "6.1.0-test";

/// A tree with modules, given by their paths below the version's directory and the pairs in their `.modinfo`.
struct Fixture {
    tree: Tree,
    blobs: MemoryBlobs,
}

impl Fixture {
    fn new(parent: &str, modules: &[(&str, &[&str])], lists: &[(&str, &str)]) -> Fixture {
        let mut fixture = Fixture { tree: Tree::default(), blobs: MemoryBlobs::new() };
        let directory = format!("{parent}/{VERSION}");
        for (path, pairs) in modules {
            let information: String = pairs.iter().map(|pair| format!("{pair}\0")).collect();
            let bits = if path.contains("32") { 32 } else { 64 };
            let file = compressed(path, with_modinfo(bits, information.as_bytes()));
            fixture.add(&format!("{directory}/{path}"), file);
        }
        for (name, content) in lists {
            fixture.add(&format!("{directory}/{name}"), content.as_bytes().to_vec());
        }
        fixture
    }

    fn add(&mut self, path: &str, content: Vec<u8>) {
        let len = content.len() as u64;
        let entry = Entry::file(0o644, Extents::from_blob(self.blobs.add(content), len));
        self.tree.insert(&TreePath::parse(path).unwrap(), entry).unwrap();
    }

    fn closure(&self, wanted: &[&str]) -> Result<Vec<Module>, Error> {
        let wanted: Vec<String> = wanted.iter().map(|&name| name.to_owned()).collect();
        ModuleSet::new(&self.tree, &self.blobs, VERSION)?.closure(&wanted)
    }

    fn check(&self, wanted: &[&str], expected: &str) {
        let found = match self.closure(wanted) {
            Ok(modules) => modules.into_iter().map(|module| module.name).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{wanted:?}");
    }
}

/// Compresses a module as the build of the kernel does.
fn compressed(path: &str, module: Vec<u8>) -> Vec<u8> {
    let (package, command): (_, &[&str]) = match Compression::of_name(path) {
        Compression::None => return module,
        Compression::Gzip => ("gzip", &["gzip", "-n", "-c", "module"]),
        Compression::Xz => ("xz-utils", &["xz", "--check=crc32", "--lzma2=dict=1MiB", "-c", "module"]),
        Compression::Zstd => ("zstd", &["zstd", "-q", "-c", "module"]),
    };
    let scratch = tempfile::tempdir().unwrap();
    std::fs::write(scratch.path().join("module"), module).unwrap();
    run(scratch.path(), package, command)
}

/// The shape of ext4 in Debian's kernels.
fn ext4() -> Fixture {
    Fixture::new(
        "lib/modules",
        &[
            ("kernel/fs/ext4/ext4.ko", &["depends=mbcache,jbd2,crc16", "softdep=pre: crypto-crc32c", "alias=fs-ext4"]),
            ("kernel/fs/jbd2/jbd2.ko", &["depends=", "softdep=pre: crypto-crc32c"]),
            ("kernel/fs/mbcache.ko", &["depends="]),
            ("kernel/lib/crc16.ko", &["depends="]),
            ("kernel/crypto/crc32c_generic.ko", &["depends=", "alias=crypto-crc32c-generic", "alias=crypto-crc32c"]),
            ("kernel/arch/x86/crypto/crc32c-intel.ko", &["depends=", "alias=crypto-crc32c"]),
            ("kernel/drivers/block/virtio-blk.ko", &["depends=virtio"]),
        ],
        &[
            ("modules.builtin", "kernel/drivers/virtio/virtio.ko\nkernel/fs/ext2/ext2.ko\n"),
            ("modules.builtin.modinfo", "virtio.license=GPL\0sha256_generic.alias=crypto-sha256\0"),
        ],
    )
}

#[test]
fn dependencies_come_first_and_soft_ones_by_alias() {
    ext4().check(&["ext4"], "mbcache crc32c_generic crc32c_intel jbd2 crc16 ext4");
    ext4().check(&["virtio_blk", "crc16", "virtio-blk", "ext2"], "virtio_blk crc16");
    assert_eq!(
        ext4().closure(&["ext4"]).unwrap()[1].path.to_string(),
        "/lib/modules/6.1.0-test/kernel/crypto/crc32c_generic.ko"
    );
}

#[test]
fn compressed_modules_are_read_and_of_both_classes() {
    let fixture = Fixture::new(
        "usr/lib/modules",
        &[
            ("kernel/a.ko.xz", &["depends=b32"]),
            ("kernel/b32.ko.zst", &["depends=c"]),
            ("kernel/c.ko.gz", &["depends=d32"]),
            ("kernel/d32.ko", &[]),
        ],
        &[],
    );
    fixture.check(&["a"], "d32 c b32 a");
    let modules = fixture.closure(&["a"]).unwrap();
    for module in &modules {
        assert_eq!(module.read(&fixture.blobs).unwrap()[..4], *b"\x7fELF");
    }
    let from_bytes = ModuleSet::new(&fixture.tree, &fixture.blobs, VERSION).unwrap();
    assert_eq!(from_bytes.modules().count(), 4);
}

#[test]
fn soft_dependencies_may_be_nowhere_builtin_behind_or_in_a_ring() {
    let fixture = Fixture::new(
        "lib/modules",
        &[
            ("kernel/a.ko", &["softdep=pre: nowhere crypto-sha256 post: b c"]),
            ("kernel/b.ko", &["softdep=post: d pre: a"]),
            ("kernel/c.ko", &[]),
            ("kernel/d.ko", &["depends=b", "softdep=ignored pre:"]),
            ("kernel/x.ko", &["softdep=pre: y"]),
            ("kernel/y.ko", &["depends=x"]),
        ],
        &[("modules.builtin.modinfo", "sha256_generic.alias=crypto-sha256\0")],
    );
    fixture.check(&["a"], "a b d c");
    fixture.check(&["x"], "x");
    fixture.check(&["x", "y"], "x y");
}

#[test]
fn a_list_of_aliases_leads_where_the_modules_do() {
    let aliases = &["alias=one-*", "alias=two\nx three", "alias=four five"];
    let fixture = Fixture::new("lib/modules", &[("kernel/x.ko", aliases), ("kernel/y z.ko", aliases)], &[]);
    let set = || ModuleSet::new(&fixture.tree, &fixture.blobs, VERSION).unwrap();
    let list = set().alias_list().unwrap();
    assert_eq!(list, "x one_*\nx four five\n");
    for set in [set(), set().with_aliases(&list), set().with_aliases(&format!("gone one_*\n{list}x"))] {
        assert_eq!(set.matching("one-1").unwrap(), ["x"]);
        assert_eq!(set.matching("four five").unwrap(), ["x"]);
        assert!(["three", "five", "z one-1"].iter().all(|alias| set.matching(alias).unwrap().is_empty()));
    }
}

#[test]
fn a_list_of_aliases_names_no_module_that_is_not_there() {
    let fixture = Fixture::new("lib/modules", &[("kernel/x.ko", &["softdep=pre: wish"])], &[]);
    let set = ModuleSet::new(&fixture.tree, &fixture.blobs, VERSION).unwrap().with_aliases("gone wish\n");
    assert_eq!(set.closure(&["x".to_owned()]).unwrap().len(), 1);
}

#[test]
fn modules_below_updates_replace_others() {
    let fixture = Fixture::new("lib/modules", &[("kernel/a.ko", &[]), ("updates/a.ko", &[]), ("zzz/a.ko", &[])], &[]);
    assert_eq!(fixture.closure(&["a"]).unwrap()[0].path.to_string(), "/lib/modules/6.1.0-test/updates/a.ko");
}

#[test]
fn what_is_missing_is_named() {
    ext4().check(&["ex4"], "no kernel module `ex4`; similar names are `ext4`");
    ext4().check(&["virtioblk"], "no kernel module `virtioblk`; similar names are `virtio_blk`, `virtio`");
    ext4().check(&["e1000e"], "no kernel module `e1000e`");
    let fixture = Fixture::new(
        "lib/modules",
        &[
            ("kernel/a.ko", &["depends=b"]),
            ("kernel/b.ko", &["depends=c-d"]),
            ("kernel/p.ko", &["depends=q"]),
            ("kernel/q.ko", &["depends=r"]),
            ("kernel/r.ko", &["depends=q"]),
        ],
        &[],
    );
    fixture.check(&["a"], "a kernel module that others depend on is missing: a -> b -> c_d");
    fixture.check(&["p"], "kernel modules depend on each other: q -> r -> q");
}

#[test]
fn no_chain_overflows_the_stack() {
    let pairs: Vec<_> = (0..20_000).map(|n| (format!("kernel/m{n}.ko"), format!("depends=m{}", n + 1))).collect();
    let depends: Vec<[&str; 1]> = pairs.iter().map(|(_, depends)| [depends.as_str()]).collect();
    let modules: Vec<(&str, &[&str])> =
        pairs.iter().zip(&depends).map(|((path, _), depends)| (path.as_str(), &depends[..])).collect();
    let fixture = Fixture::new("lib/modules", &modules, &[]);
    fixture.check(&["m0"], "the kernel module `m0` needs others in a chain of more than 256");
}

#[test]
fn kernels_are_found_by_version() {
    let mut fixture = ext4();
    fixture.add("usr/lib/modules/5.10/modules.builtin", Vec::new());
    assert_eq!(kernel_versions(&fixture.tree), ["5.10", VERSION]);
    let message = |tree: &Tree, version| match ModuleSet::new(tree, &fixture.blobs, version) {
        Ok(_) => panic!("there is no kernel {version}"),
        Err(error) => error.to_string(),
    };
    assert_eq!(
        message(&fixture.tree, "6.1"),
        "no modules of the kernel `6.1`; there are those of `5.10`, `6.1.0-test`"
    );
    assert_eq!(
        message(&fixture.tree, "6.1.0-test/kernel"),
        message(&fixture.tree, "6.1").replace("6.1`;", "6.1.0-test/kernel`;")
    );
    assert_eq!(message(&Tree::default(), "6.1"), "no modules of the kernel `6.1`, nor of any other");
}

#[test]
fn damaged_modules_are_named() {
    let mut fixture = ext4();
    fixture.add(&format!("lib/modules/{VERSION}/kernel/broken.ko"), b"not a module".to_vec());
    fixture.check(&["broken"], "the kernel module /lib/modules/6.1.0-test/kernel/broken.ko: not an ELF file");
    fixture.add(&format!("lib/modules/{VERSION}/kernel/packed.ko.xz"), b"not packed at all".to_vec());
    let error = fixture.closure(&["packed"]).unwrap_err().to_string();
    assert!(
        error.starts_with("/lib/modules/6.1.0-test/kernel/packed.ko.xz cannot be read: the xz stream is damaged"),
        "{error}"
    );
}

#[test]
fn what_modules_say_of_themselves() {
    let section =
        b"depends=a-b,c\0softdep=x pre: p-1 q post: r\0softdep=pre: s\0alias=pci:v*d[0-9]-\0name=n\0vermagic=6.1 a=b\0";
    let strings = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let expected = Information {
        depends: strings(&["a_b", "c"]),
        before: strings(&["p_1", "q", "s"]),
        after: strings(&["r"]),
        aliases: strings(&["pci:v*d[0-9]_"]),
    };
    assert_eq!(Information::parse(section), expected);
}
