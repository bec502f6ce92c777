//! What boards and PCs with a BIOS are made to start with: device trees, and GRUB's parts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use gravure_formats::device_tree::{DeviceTree, Node, storage_modules};
use gravure_formats::grub as grub_format;
use xz2::stream::{Action, Filters, LzmaOptions, Stream};

use crate::debian::FILE_MARK;
use crate::flat_tree::FlatTree;
use crate::modules::{BOARD_KERNEL, Kernel};

/// Any bytes, and the same with a header that says what it has to. Promised is that a tree that is read is written as one
/// that is read as the same; that nothing behind its end matters, and all before it; that numbers lead to their nodes; and that
/// a kernel's modules for its hosts are modules of that kernel, each once.
pub(crate) fn device_tree(input: &[u8]) {
    hold_tree(input);
    if 40 <= input.len() {
        let mut mended = input.to_vec();
        let fields = [(0, 0xd00d_feed), (4, input.len() as u32), (20, 17), (24, 16)];
        fields.iter().for_each(|(at, number)| mended[*at..*at + 4].copy_from_slice(&u32::to_be_bytes(*number)));
        hold_tree(&mended);
    }
}

fn hold_tree(bytes: &[u8]) {
    let tree = match DeviceTree::parse(bytes) {
        Ok(tree) => tree,
        Err(error) => return assert!(!error.to_string().is_empty(), "an error says nothing"),
    };
    assert_eq!(tree.nodes().filter(|node| node.parent().is_none()).count(), 1, "there is one root");
    let said = said(&tree);
    let written = FlatTree::of(&tree);
    let again = DeviceTree::parse(&written);
    assert_eq!(again.map(|again| self::said(&again)), Ok(said.clone()), "it is written as another tree");
    let longer = [bytes, b"behind the end"].concat();
    let longer = DeviceTree::parse(&longer);
    assert_eq!(longer.map(|longer| self::said(&longer)), Ok(said), "what is behind the end is read");
    let len = u32::from_be_bytes(*bytes[4..].first_chunk().expect("a tree has a header")) as usize;
    assert!(DeviceTree::parse(&bytes[..len - 1]).is_err(), "the last byte is not missed");

    let mut numbered = BTreeMap::new();
    for node in tree.nodes() {
        let number = ["phandle", "linux,phandle"].iter().find_map(|name| node.cells(name).next());
        let first = number.map(|number| numbered.entry(number).or_insert_with(|| node.path()));
        let found = number.map(|number| tree.by_phandle(number).expect("a number leads to a node").path());
        assert_eq!(found.as_ref(), first.as_deref(), "a number leads to another node");
    }
    hold_storage(&tree);
}

/// The path of a node, and its properties.
type Said = (String, Vec<(String, Vec<u8>)>);

/// Returns all that a tree says.
fn said(tree: &DeviceTree<'_>) -> Vec<Said> {
    let properties =
        |node: Node<'_>| node.properties().map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
    tree.nodes().map(|node| (node.path(), properties(node))).collect()
}

fn hold_storage(tree: &DeviceTree<'_>) {
    static KERNEL: LazyLock<Kernel> = LazyLock::new(|| Kernel::read(BOARD_KERNEL.as_bytes()));
    let set = KERNEL.set();
    let board = storage_modules(tree, &set).expect("the kernel is a good one");
    let names: BTreeSet<&String> = board.modules.iter().collect();
    assert_eq!(names.len(), board.modules.len(), "a module is named twice: {:?}", board.modules);
    assert!(set.closure(&board.modules).is_ok(), "there is no module like one of {:?}", board.modules);
    let switched_on: BTreeSet<String> = tree.nodes().filter(|node| node.is_enabled()).map(|node| node.path()).collect();
    for host in board.driven.iter().chain(&board.undriven) {
        assert!(switched_on.contains(&host.path), "the host {host} is switched off");
        assert!(!host.compatible.is_empty(), "the host {host} is compatible with nothing");
    }
}

/// Cuts an input into files: `== NAME` on a line of its own begins one.
pub(crate) fn files(input: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mark = format!("\n{FILE_MARK}");
    let text = [b"\n", input].concat();
    let starts =
        text.windows(mark.len()).enumerate().filter(|(_, window)| *window == mark.as_bytes()).map(|(at, _)| at);
    let starts: Vec<usize> = starts.chain([text.len()]).collect();
    let files = starts.windows(2).map(|pair| {
        let file = &text[pair[0] + mark.len()..pair[1].max(pair[0] + mark.len())];
        let end = file.iter().position(|&byte| byte == b'\n').unwrap_or(file.len());
        let content = file.get(end + 1..).unwrap_or_default();
        (String::from_utf8_lossy(&file[..end]).into_owned(), content.to_vec())
    });
    files.collect()
}

/// Returns the words of the file of a name.
pub(crate) fn words(files: &[(String, Vec<u8>)], name: &str) -> Vec<String> {
    let text = files.iter().find(|(known, _)| known == name).map(|(_, content)| String::from_utf8_lossy(content));
    text.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

/// GRUB's parts and modules as files, of which those that are missing are there with nothing in them. Promised is that every
/// module comes once, behind what it needs, but in a ring; that a core image unpacks to what was put together, and says in its
/// first sectors how much that is and where; and that boot code is `boot.img` but for what was written into it.
pub(crate) fn grub(input: &[u8]) {
    let files = files(input);
    let file = |name: &str| files.iter().find(|(known, _)| known == name).map(|(_, content)| content.clone());
    let dependencies = String::from_utf8_lossy(&file("moddep.lst").unwrap_or_default()).into_owned();
    hold_closure(&dependencies, &words(&files, "wanted"));

    let parts = grub_format::Parts {
        diskboot: file("diskboot.img").unwrap_or_else(|| vec![0; 512]),
        decompressor: file("lzma_decompress.img").unwrap_or_else(|| vec![0; 64]),
        kernel: file("kernel.img").unwrap_or_default(),
    };
    let modules: Vec<Vec<u8>> =
        files.iter().filter(|(name, _)| name.ends_with(".mod")).map(|(_, content)| content.clone()).collect();
    let config = String::from_utf8_lossy(&file("config").unwrap_or_default()).into_owned();
    match grub_format::core_image(&parts, &modules, &config, "/boot/grub") {
        Ok(core) => hold_core(&core, &parts, &modules, &config),
        Err(error) => assert!(matches!(error, grub_format::Error::Part(_)), "it is not the parts' fault: {error}"),
    }
    let boot = file("boot.img").unwrap_or_default();
    if let Ok(code) = grub_format::boot_code(&boot, 0x1234_5678_9abc) {
        let changed =
            [&boot[..0x5c], &0x1234_5678_9abc_u64.to_le_bytes(), &boot[0x64..0x66], &[0x90; 2], &boot[0x68..440]];
        assert_eq!(code, changed.concat(), "the boot code is another");
    }
}

fn hold_closure(dependencies: &str, wanted: &[String]) {
    let lines = dependencies.lines().filter_map(|line| line.split_once(':'));
    let table: BTreeMap<&str, Vec<&str>> =
        lines.map(|(name, needs)| (name.trim(), needs.split_whitespace().collect())).collect();
    let order = match grub_format::closure(dependencies, wanted) {
        Ok(order) => order,
        Err(grub_format::Error::Module(name)) => {
            return assert!(!table.contains_key(&*name), "there is a module {name}");
        }
        Err(error) => panic!("nothing else can be wrong: {error}"),
    };
    let places: BTreeMap<&str, usize> = order.iter().enumerate().map(|(place, name)| (&**name, place)).collect();
    assert_eq!(places.len(), order.len(), "a module comes twice: {order:?}");
    assert!(wanted.iter().all(|name| places.contains_key(&**name)), "a module is missing: {order:?}");
    for (name, place) in &places {
        for needed in &table[name] {
            let before = places.get(needed).unwrap_or_else(|| panic!("`{name}` needs `{needed}`: {order:?}"));
            assert!(before <= place || leads_to(&table, needed, name), "`{needed}` comes behind `{name}`: {order:?}");
        }
    }
}

/// Whether the module `from` needs `to`.
fn leads_to(table: &BTreeMap<&str, Vec<&str>>, from: &str, to: &str) -> bool {
    let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(name) = next.pop() {
        if seen.insert(name) {
            next.extend(&table[name]);
        }
    }
    seen.contains(to)
}

/// Checks a core image: `| first sector | decompressor | LZMA(segment of the kernel | list) |`.
fn hold_core(core: &[u8], parts: &grub_format::Parts, modules: &[Vec<u8>], config: &str) {
    let number = |bytes: &[u8], at: usize| u32::from_le_bytes(*bytes[at..].first_chunk().expect("the image is longer"));
    let (sector, rest) = core.split_at(512);
    let n_sectors = u64::from(number(sector, 0x1fc) & 0xffff);
    assert_eq!(n_sectors, (rest.len() as u64).div_ceil(512), "the first sector says another length");
    assert_eq!(sector[..0x1f4], parts.diskboot[..0x1f4]);
    assert_eq!(sector[0x1f4..0x1fc], 2u64.to_le_bytes());
    let (decompressor, compressed) = rest.split_at(parts.decompressor.len());
    assert_eq!((&decompressor[..8], &decompressor[16..]), (&parts.decompressor[..8], &parts.decompressor[16..]));
    assert_eq!(number(decompressor, 8) as usize, compressed.len(), "the decompressor is told another length");
    let plain = decompress(compressed, number(decompressor, 12) as usize);

    let elements = modules.iter().map(|module| (0, module.clone()));
    let texts = [(2, format!("{config}\0").into_bytes()), (3, b"/boot/grub\0".to_vec())];
    let mut list = Vec::new();
    for (kind, mut content) in elements.chain(texts) {
        content.resize(content.len().next_multiple_of(4), 0);
        list.extend([kind, content.len() as u32 + 8].map(u32::to_le_bytes).as_flattened());
        list.extend(content);
    }
    let head = [u32::from_le_bytes(*b"mimg"), 12, 12 + list.len() as u32].map(u32::to_le_bytes);
    let segment = plain.strip_suffix(&*[head.as_flattened(), &list].concat()).expect("the list is at the end");
    let is_inside = segment.is_empty() || parts.kernel.windows(segment.len()).any(|window| window == segment);
    assert!(is_inside, "what is in front of the list is no part of the kernel");

    let mut moved = core.to_vec();
    grub_format::place_core(&mut moved, 2048);
    assert_eq!(moved, [&core[..0x1f4], &2049u64.to_le_bytes(), &core[0x1fc..]].concat());
}

fn decompress(compressed: &[u8], len: usize) -> Vec<u8> {
    let mut options = LzmaOptions::new_preset(6).expect("liblzma has the preset 6");
    options.dict_size(64 << 10);
    let mut filters = Filters::new();
    filters.lzma1(&options);
    let mut plain = Vec::with_capacity(len);
    let mut stream = Stream::new_raw_decoder(&filters).expect("these options are LZMA's own");
    stream.process_vec(compressed, &mut plain, Action::Run).expect("what was compressed is decompressed");
    assert_eq!(plain.len(), len, "another length comes out than the decompressor is told");
    plain
}
