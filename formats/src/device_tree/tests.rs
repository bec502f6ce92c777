use proptest::prelude::*;

use super::*;
use crate::elf::testing::with_modinfo;
use crate::modules::ModuleSet;
use crate::{Entry, Extents, MemoryBlobs, Tree, TreePath};

const VERSION: &str = "6.1.0-test";

/// A node to be written.
#[derive(Clone, Default)]
struct Draft {
    name: &'static str,
    properties: Vec<(&'static str, Vec<u8>)>,
    children: Vec<Draft>,
}

fn node(name: &'static str) -> Draft {
    Draft { name, ..Draft::default() }
}

impl Draft {
    fn bytes(mut self, name: &'static str, value: &[u8]) -> Draft {
        self.properties.push((name, value.to_vec()));
        self
    }

    fn texts(self, name: &'static str, texts: &[&str]) -> Draft {
        let value: String = texts.iter().map(|text| format!("{text}\0")).collect();
        self.bytes(name, value.as_bytes())
    }

    fn is(self, compatible: &[&str]) -> Draft {
        self.texts("compatible", compatible)
    }

    fn cells(self, name: &'static str, cells: &[u32]) -> Draft {
        let value: Vec<u8> = cells.iter().flat_map(|cell| cell.to_be_bytes()).collect();
        self.bytes(name, &value)
    }

    fn with(mut self, child: Draft) -> Draft {
        self.children.push(child);
        self
    }

    fn flatten(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.node(self);
        writer.number(9);
        file(&writer.structure, &writer.strings)
    }
}

/// The two blocks of a tree while it is written.
#[derive(Default)]
struct Writer {
    structure: Vec<u8>,
    strings: Vec<u8>,
}

impl Writer {
    fn number(&mut self, number: u32) {
        self.structure.extend(number.to_be_bytes());
    }

    fn padded(&mut self, bytes: &[u8]) {
        self.structure.extend(bytes);
        self.structure.resize(self.structure.len().next_multiple_of(4), 0);
    }

    fn node(&mut self, draft: &Draft) {
        self.number(1);
        self.padded(format!("{}\0", draft.name).as_bytes());
        for (name, value) in &draft.properties {
            self.number(3);
            self.number(value.len() as u32);
            self.number(self.strings.len() as u32);
            self.strings.extend(format!("{name}\0").as_bytes());
            self.padded(value);
        }
        self.number(4);
        draft.children.iter().for_each(|child| self.node(child));
        self.number(2);
    }
}

/// Where the structure block of a [`file`] begins: behind the header and the end of the list of reserved ranges.
const STRUCTURE_AT: usize = 56;

fn file(structure: &[u8], strings: &[u8]) -> Vec<u8> {
    let strings_at = STRUCTURE_AT + structure.len();
    let len = strings_at + strings.len();
    let header =
        [0xd00d_feed, len, STRUCTURE_AT, strings_at, 40, 17, 16, 0, strings.len(), structure.len(), 0, 0, 0, 0];
    let mut file: Vec<u8> = header.iter().flat_map(|number| (*number as u32).to_be_bytes()).collect();
    file.extend(structure);
    file.extend(strings);
    file
}

/// Modules, given by their names and the pairs in their `.modinfo`.
struct Kernel {
    tree: Tree,
    blobs: MemoryBlobs,
}

impl Kernel {
    fn new(modules: &[(&str, &str)], builtin: &str, builtin_aliases: &str) -> Kernel {
        let mut kernel = Kernel { tree: Tree::default(), blobs: MemoryBlobs::new() };
        for (name, pairs) in modules {
            kernel.add(&format!("kernel/{name}.ko"), with_modinfo(64, format!("{pairs}\0").as_bytes()));
        }
        kernel.add("modules.builtin", builtin.as_bytes().to_vec());
        kernel.add("modules.builtin.modinfo", builtin_aliases.as_bytes().to_vec());
        kernel
    }

    fn add(&mut self, path: &str, content: Vec<u8>) {
        let len = content.len() as u64;
        let entry = Entry::file(0o644, Extents::from_blob(self.blobs.add(content), len));
        self.tree.insert(&TreePath::parse(format!("lib/modules/{VERSION}/{path}")).unwrap(), entry).unwrap();
    }

    fn storage(&self, tree: &DeviceTree<'_>) -> BoardModules {
        storage_modules(tree, &ModuleSet::new(&self.tree, &self.blobs, VERSION).unwrap()).unwrap()
    }

    /// Checks the modules in their order, and each host with `+` if it is driven and `-` if not.
    fn check(&self, root: &Draft, modules: &str, hosts: &[&str]) {
        let bytes = root.flatten();
        let board = self.storage(&DeviceTree::parse(&bytes).unwrap());
        assert_eq!(board.modules.join(" "), modules);
        let driven = board.driven.iter().map(|host| format!("+ {host}"));
        let found: Vec<String> = driven.chain(board.undriven.iter().map(|host| format!("- {host}"))).collect();
        assert_eq!(found, hosts);
    }
}

/// Debian's kernel as far as [`pine64`] is concerned, and with what must not come along.
fn debian() -> Kernel {
    Kernel::new(
        &[
            ("sunxi-mmc", "alias=of:N*T*Callwinner,sun50i-a64-mmc\0alias=of:N*T*Callwinner,sun50i-a64-mmcC*"),
            ("axp20x-rsb", "alias=of:N*T*Cx-powers,axp803"),
            ("axp20x-regulator", "alias=platform:axp20x-regulator"),
            ("rk808-regulator", "alias=platform:rk808-regulator"),
            ("fixed", "alias=of:N*T*Cregulator-fixed"),
            ("gpu", "alias=of:N*T*Cgpu"),
            ("mmc_block", "alias=mmc:block"),
            ("spi-sifive", "alias=of:N*T*Csifive,spi0"),
            ("mmc_spi", "alias=of:N*T*Cmmc-spi-slot"),
            ("spi-unused", "alias=spi:spi-unused"),
        ],
        "kernel/drivers/clk/clk.ko\n",
        "clk.alias=of:N*T*Csunxi-ccu\0",
    )
}

/// The shape of a Pine64: the voltage of cards comes from a chip on a bus.
fn pine64() -> Draft {
    let host = node("mmc@1c0f000")
        .is(&["allwinner,sun50i-a64-mmc"])
        .cells("clocks", &[1, 31, 1, 75])
        .cells("resets", &[1, 8])
        .cells("vmmc-supply", &[2])
        .cells("vqmmc-supply", &[3])
        .texts("status", &["okay"]);
    let regulators = node("regulators").with(node("dcdc1").cells("phandle", &[2]));
    let chip = node("pmic@3a3").is(&["x-powers,axp803"]).cells("reg", &[4]).with(regulators);
    let soc = node("soc")
        .is(&["simple-bus"])
        .with(node("gpu@1c40000").is(&["gpu"]).cells("phandle", &[4]))
        .with(host)
        .with(node("clock@1c20000").is(&["sunxi-ccu"]).cells("phandle", &[1]).cells("#clock-cells", &[1]))
        .with(node("rsb@1f03400").is(&["sun8i-rsb"]).with(chip));
    node("").is(&["pine64,pine64"]).with(node("vcc").is(&["regulator-fixed"]).cells("phandle", &[3])).with(soc)
}

#[test]
fn nodes_and_their_properties() {
    let bytes = pine64().flatten();
    let tree = DeviceTree::parse(&bytes).unwrap();
    let paths: Vec<String> = tree.nodes().map(Node::path).collect();
    let expected = [
        "/",
        "/vcc",
        "/soc",
        "/soc/gpu@1c40000",
        "/soc/mmc@1c0f000",
        "/soc/clock@1c20000",
        "/soc/rsb@1f03400",
        "/soc/rsb@1f03400/pmic@3a3",
        "/soc/rsb@1f03400/pmic@3a3/regulators",
        "/soc/rsb@1f03400/pmic@3a3/regulators/dcdc1",
    ];
    assert_eq!(paths, expected);
    let host = tree.nodes().nth(4).unwrap();
    assert_eq!((host.name(), host.base_name()), ("mmc@1c0f000", "mmc"));
    assert_eq!(host.cells("clocks").collect::<Vec<_>>(), [1, 31, 1, 75]);
    assert_eq!(host.strings("compatible").collect::<Vec<_>>(), ["allwinner,sun50i-a64-mmc"]);
    assert_eq!(host.property("status"), Some(&b"okay\0"[..]));
    assert_eq!((host.property("reg"), host.cells("reg").next(), host.strings("reg").next()), (None, None, None));
    assert_eq!(host.properties().count(), 6);
    assert_eq!(host.parent().map(Node::path), Some("/soc".to_owned()));
    assert_eq!(tree.by_phandle(2).unwrap().name(), "dcdc1");
    assert!(tree.by_phandle(9).is_none());
}

#[test]
fn values_that_are_not_what_they_should_be() {
    let root = node("")
        .bytes("compatible", b"a,b\0\0\xff\0a\nb\0c d")
        .bytes("reg", b"\0\0\0\x01\0\0")
        .cells("linux,phandle", &[7])
        .bytes("reg", b"second");
    let bytes = root.flatten();
    let tree = DeviceTree::parse(&bytes).unwrap();
    let root = tree.by_phandle(7).unwrap();
    assert_eq!(root.strings("compatible").collect::<Vec<_>>(), ["a,b", "c d"]);
    assert_eq!(root.cells("reg").collect::<Vec<_>>(), [1]);
}

#[test]
fn what_is_in_something_switched_off_is_off() {
    let state = |status: &'static str| node(status).texts("status", &[status]).with(node("child"));
    let root =
        ["okay", "ok", "disabled", "fail-sss"].into_iter().fold(node(""), |root, status| root.with(state(status)));
    let bytes = root.flatten();
    let tree = DeviceTree::parse(&bytes).unwrap();
    let enabled: Vec<String> = tree.nodes().filter(|node| node.is_enabled()).map(Node::path).collect();
    assert_eq!(enabled, ["/", "/okay", "/okay/child", "/ok", "/ok/child"]);
}

fn check_damage(bytes: &[u8], expected: &str) {
    assert_eq!(DeviceTree::parse(bytes).unwrap_err().to_string(), expected);
}

#[test]
fn damaged_headers_are_told() {
    let with = |at: usize, number: u32| {
        let mut bytes = pine64().flatten();
        bytes[at..at + 4].copy_from_slice(&number.to_be_bytes());
        bytes
    };
    let len = pine64().flatten().len();
    check_damage(b"", "not a device tree");
    check_damage(b"\x7fELF and more", "not a device tree");
    check_damage(&with(0, 0)[..30], "not a device tree");
    check_damage(&pine64().flatten()[..22], "a damaged device tree: the header lies outside of it");
    check_damage(
        &pine64().flatten()[..len - 1],
        &format!("a device tree of {len} bytes of which the file has only {}", len - 1),
    );
    check_damage(&with(4, u32::MAX), "a device tree of 4294967295 bytes; kernels take at most 2097152");
    check_damage(&with(8, u32::MAX), "a damaged device tree: the structure block lies outside of it");
    check_damage(&with(36, u32::MAX), "a damaged device tree: the structure block lies outside of it");
    check_damage(&with(12, len as u32), "a damaged device tree: the strings block lies outside of it");
    check_damage(
        &with(20, 3),
        "a device tree of version 3, for readers of version 16 and newer; only version 17 is supported",
    );
    check_damage(
        &with(24, 18),
        "a device tree of version 17, for readers of version 18 and newer; only version 17 is supported",
    );
}

#[test]
fn damaged_structures_are_told() {
    let check = |tokens: &[u32], expected: &str| {
        let structure: Vec<u8> = tokens.iter().flat_map(|token| token.to_be_bytes()).collect();
        check_damage(&file(&structure, b"\0name\0unended"), &format!("a damaged device tree: {expected}"));
    };
    const NAME: u32 = u32::from_be_bytes(*b"abc\0");
    check(&[], "the structure block ends too early at byte 56");
    check(&[9], "the end, before that of the root at byte 56");
    check(&[1, 0, 9], "the end, before that of the root at byte 64");
    check(&[1, 0, 2], "the structure block ends too early at byte 68");
    check(&[1, 0, 2, 2], "the end of a node that never began at byte 68");
    check(&[1, 0, 2, 1, NAME, 2, 9], "a second root at byte 68");
    check(&[1, 0, 5], "an unknown token at byte 64");
    check(&[1, NAME | 1], "a node whose name is none at byte 56");
    check(&[1, u32::from_be_bytes(*b"a/b\0")], "a node whose name is none at byte 56");
    check(&[1, 0, 3, 0], "the structure block ends too early at byte 72");
    check(&[1, 0, 3, 5, 1, 0], "the structure block ends too early at byte 80");
    check(&[1, 0, 3, u32::MAX, 1, 0], "the structure block ends too early at byte 80");
    check(&[1, 0, 3, 0, 0, 2, 9], "a property whose name is none at byte 64");
    check(&[1, 0, 3, 0, 6, 2, 9], "a property whose name is none at byte 64");
    check(&[1, 0, 3, 0, u32::MAX, 2, 9], "a property whose name is none at byte 64");
    check(&[1, 0, 2, 3, 0, 1, 9], "a property outside of all nodes at byte 68");
    let long = [&[1][..], &[u32::from_be_bytes(*b"name"); 64], &[0, 2, 9]].concat();
    check(&long, "a node whose name is none at byte 56");
    check(&[1, 0].repeat(65), "more than 64 nodes in one another at byte 568");
    let deepest = (1..64).fold(node("a"), |inner, _| node("a").with(inner));
    assert_eq!(DeviceTree::parse(&deepest.flatten()).unwrap().nodes().count(), 64);
}

#[test]
fn drivers_of_all_that_a_host_needs_in_the_order_of_need() {
    debian().check(
        &pine64(),
        "axp20x_rsb axp20x_regulator fixed sunxi_mmc mmc_block",
        &["+ /soc/mmc@1c0f000 (allwinner,sun50i-a64-mmc)"],
    );
}

#[test]
fn a_slot_on_a_bus_brings_the_bus() {
    let slot = node("mmc@0").is(&["mmc-spi-slot"]).cells("interrupt-parent", &[9]);
    let root = node("").with(node("spi@10050000").is(&["fu740-spi", "sifive,spi0"]).with(slot));
    debian().check(&root, "spi_sifive mmc_spi mmc_block", &["+ /spi@10050000/mmc@0 (mmc-spi-slot)"]);
}

#[test]
fn hosts_that_matter() {
    let host = |name| node(name).is(&["allwinner,sun50i-a64-mmc", "mmc"]);
    let root = node("")
        .with(host("dwmmc0@1").with(host("emmc@0")))
        .with(host("mmc@2").texts("status", &["disabled"]))
        .with(host("mmc@3").bytes("no-sd", b"").bytes("no-mmc", b""))
        .with(host("mmc@4").bytes("no-sd", b""))
        .with(host("memory@5"))
        .with(host("mmc"))
        .with(node("mmc@7"))
        .with(node("mmc@6").is(&["unknown", "mmc"]).cells("vmmc-supply", &[1]))
        .with(node("vcc").is(&["regulator-fixed"]).cells("phandle", &[1]));
    debian().check(
        &root,
        "sunxi_mmc mmc_block",
        &[
            "+ /dwmmc0@1 (allwinner,sun50i-a64-mmc, mmc)",
            "+ /mmc@4 (allwinner,sun50i-a64-mmc, mmc)",
            "- /mmc@6 (unknown, mmc)",
        ],
    );
    debian().check(&node(""), "", &[]);
    debian().check(&node("").with(node("mmc@6").is(&["unknown"])), "", &["- /mmc@6 (unknown)"]);
}

#[test]
fn drivers_may_be_part_of_the_kernel() {
    let root = node("")
        .with(node("mmc@1").is(&["vendor,mmc"]))
        .with(node("mmc@2").is(&["arm,pl18x", "arm,primecell"]).cells("vmmc-supply", &[1]))
        .with(node("pmic@0").is(&["rockchip,rk808"]).with(node("ldo").cells("phandle", &[1])));
    let hosts = ["+ /mmc@1 (vendor,mmc)", "+ /mmc@2 (arm,pl18x, arm,primecell)"];
    let alias = "vendor.alias=of:N*T*Cvendor,mmc\0";
    Kernel::new(&[("armmmci", "")], "", alias).check(&root, "armmmci", &hosts);
    Kernel::new(&[], "kernel/armmmci.ko\nkernel/rk808-regulator.ko\n", alias).check(&root, "", &hosts);
}

/// Checks which of the nodes 1 and 2 a property of a host leads to.
fn check_references(name: &'static str, cells: &[u32], expected: &str) {
    let supplier = |name, number, is: &str| {
        let arguments = ["#clock-cells", "#gpio-cells", "#phy-cells"];
        let node = node(name).is(&[is]).cells("phandle", &[number]);
        arguments.iter().fold(node, |node, name| node.cells(name, &[if number == 1 { 2 } else { 0 }]))
    };
    let root = node("")
        .with(node("mmc@1").is(&["host"]).cells(name, cells))
        .with(supplier("a", 1, "first").cells("clocks", &[2, 1]))
        .with(supplier("b", 2, "second").cells("clocks", &[1, 0, 0]))
        .with(supplier("c", 3, "off").texts("status", &["disabled"]));
    let kernel = Kernel::new(
        &[
            ("host", "alias=of:Nmmc*T(null)Chost"),
            ("first", "alias=of:N*T*Cfirst"),
            ("off", "alias=of:N*T*Coff"),
            ("second", "alias=of:N*T*Csecond"),
        ],
        "",
        "",
    );
    kernel.check(&root, expected, &["+ /mmc@1 (host)"]);
}

#[test]
fn references() {
    // What needs each other comes in the order in which it is met.
    for (name, cells) in [("clocks", &[1, 2, 2][..]), ("vmmc-supply", &[1]), ("cd-gpios", &[0, 1, 9, 9])] {
        check_references(name, cells, "second first host");
    }
    for (name, cells) in [("pinctrl-12", &[0, 2][..]), ("gpio", &[2]), ("phys", &[2, 3]), ("interrupt-parent", &[2])] {
        check_references(name, cells, "first second host");
    }
    // Behind a reference that leads nowhere nothing is known; a list may be cut off; what is switched off needs nothing.
    for (name, cells) in [("clocks", &[99, 1, 0, 0][..]), ("phys", &[3]), ("ngpio,nr-gpios", &[2]), ("reg", &[1])] {
        check_references(name, cells, "host");
    }
    check_references("clocks", &[1, 2], "second first host");
    check_references("assigned-clocks", &[1, 2], "host");
}

/// Reads and walks; there may be an error, but nothing else.
fn try_all(bytes: &[u8], kernel: &Kernel) {
    if let Ok(tree) = DeviceTree::parse(bytes) {
        tree.nodes().for_each(|node| drop((node.path(), node.is_enabled())));
        kernel.storage(&tree);
    }
}

#[test]
fn trees_that_are_cut_off() {
    let (bytes, kernel) = (pine64().flatten(), debian());
    for len in 0..bytes.len() {
        try_all(&bytes[..len], &kernel);
        // The header says so, too: the blocks are cut off.
        let mut shorter = bytes[..len].to_vec();
        if let Some(total) = shorter.get_mut(4..8) {
            total.copy_from_slice(&(len as u32).to_be_bytes());
        }
        assert!(DeviceTree::parse(&shorter).is_err());
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_tree_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        try_all(&bytes, &debian());
    }

    #[test]
    fn any_structure_is_a_tree_or_an_error(
        tokens in proptest::collection::vec(prop_oneof![4 => 0u32..10, 1 => any::<u32>()], 0..60),
        strings in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let structure: Vec<u8> = tokens.iter().flat_map(|token| token.to_be_bytes()).collect();
        try_all(&file(&structure, &strings), &debian());
    }

    #[test]
    fn damaged_trees_are_trees_or_errors(damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = pine64().flatten();
        for (at, byte) in damage {
            *at.get_mut(&mut bytes) = byte;
        }
        try_all(&bytes, &debian());
    }
}
