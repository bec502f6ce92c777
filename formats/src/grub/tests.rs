use super::*;
use crate::judge::Tool;

/// Where Debian's package `grub-pc-bin` has GRUB for the BIOS.
const FOLDER: &str = "/usr/lib/grub/i386-pc";
const WANTED: [&str; 8] = ["biosdisk", "part_msdos", "part_gpt", "ext2", "normal", "linux", "search_fs_uuid", "serial"];
const CONFIG: &str = "search --fs-uuid --set=root 01234567-89ab-cdef-0123-456789abcdef\n";

fn part(name: &str) -> Vec<u8> {
    std::fs::read(format!("{FOLDER}/{name}"))
        .unwrap_or_else(|error| panic!("cannot read {name}: {error}; install the Debian package `grub-pc-bin`"))
}

fn wanted() -> Vec<String> {
    WANTED.map(str::to_owned).to_vec()
}

fn ours() -> Vec<u8> {
    let dependencies = String::from_utf8(part("moddep.lst")).unwrap();
    let modules: Vec<Vec<u8>> =
        closure(&dependencies, &wanted()).unwrap().iter().map(|name| part(&format!("{name}.mod"))).collect();
    let parts =
        Parts { diskboot: part("diskboot.img"), decompressor: part("lzma_decompress.img"), kernel: part("kernel.img") };
    core_image(&parts, &modules, CONFIG, "/boot/grub").unwrap()
}

/// What is compressed in a core image, and the sectors before that without the lengths, in which two compressors differ.
fn opened(core: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let start = 512 + part("lzma_decompress.img").len();
    let len = u32::from_le_bytes(core[512 + 0xc..][..4].try_into().unwrap()) as usize;
    let mut options = LzmaOptions::new_preset(6).unwrap();
    options.dict_size(DICTIONARY);
    let mut filters = Filters::new();
    filters.lzma1(&options);
    let mut plain = Vec::with_capacity(len);
    Stream::new_raw_decoder(&filters).unwrap().process_vec(&core[start..], &mut plain, Action::Run).unwrap();
    assert_eq!(plain.len(), len);
    let mut head = core[..start].to_vec();
    head[DISKBOOT_REST_AT + 8..][..2].fill(0);
    head[512 + DECOMPRESSOR_LENGTHS_AT..][..4].fill(0);
    (head, plain)
}

#[test]
fn a_core_image_is_the_one_of_grub_mkimage() {
    let scratch = tempfile::tempdir().unwrap();
    std::fs::write(scratch.path().join("early.cfg"), CONFIG).unwrap();
    let mut arguments = vec!["-O", "i386-pc", "-d", FOLDER, "-p", "/boot/grub", "-c", "early.cfg", "-o", "core.img"];
    arguments.extend(WANTED);
    let made = Tool::new("grub-mkimage", "grub-common").run(scratch.path(), &arguments, None);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let theirs = std::fs::read(scratch.path().join("core.img")).unwrap();
    let ours = ours();
    assert_eq!(opened(&ours), opened(&theirs));
    // What differs says how long what is compressed is.
    for core in [&ours, &theirs] {
        let n_sectors = u16::from_le_bytes(core[DISKBOOT_REST_AT + 8..][..2].try_into().unwrap());
        assert_eq!(u64::from(n_sectors), (core.len() as u64 - SECTOR).div_ceil(SECTOR));
        let compressed = u32::from_le_bytes(core[512 + 8..][..4].try_into().unwrap()) as usize;
        assert_eq!(512 + part("lzma_decompress.img").len() + compressed, core.len());
    }
}

#[test]
fn a_core_image_and_the_boot_code_find_one_another() {
    let mut core = ours();
    place_core(&mut core, 2048);
    assert_eq!(core[DISKBOOT_REST_AT..][..8], 2049u64.to_le_bytes());
    let (image, code) = (part("boot.img"), boot_code(&part("boot.img"), 2048).unwrap());
    assert_eq!(code.len() as u64, TABLE_AT);
    assert_eq!(code[BOOT_CORE_AT..][..8], 2048u64.to_le_bytes());
    let changed: Vec<usize> = (0..code.len()).filter(|at| code[*at] != image[*at]).collect();
    assert_eq!(changed, [0x5c, 0x5d, 0x66, 0x67], "the place of the core and the check of the drive");
}

#[test]
fn dependencies_come_first_and_the_last_named_before_others() {
    let table = "a: b c\nb: d\nc: d\nd:\n";
    assert_eq!(closure(table, &["a".to_owned()]).unwrap(), ["d", "c", "b", "a"]);
    assert_eq!(closure(table, &["e".to_owned()]), Err(Error::Module("e".to_owned())));
    // A ring, which GRUB does not have, ends as well.
    assert_eq!(closure("a: b\nb: a\n", &["a".to_owned()]).unwrap(), ["b", "a"]);
}

#[test]
fn no_chain_overflows_the_stack() {
    let table: String = (0..100_000).map(|n| format!("m{n}: m{}\n", n + 1)).collect();
    let order = closure(&(table + "m100000:\n"), &["m0".to_owned()]).unwrap();
    assert_eq!((order.len(), &*order[0]), (100_001, "m100000"));
}

#[test]
fn what_is_no_part_is_refused() {
    let parts = || Parts {
        diskboot: part("diskboot.img"),
        decompressor: part("lzma_decompress.img"),
        kernel: part("kernel.img"),
    };
    let refused = |parts: Parts| core_image(&parts, &[], "", "").unwrap_err();
    assert_eq!(refused(Parts { diskboot: vec![0; 511], ..parts() }), Error::Part("diskboot.img"));
    assert_eq!(refused(Parts { decompressor: vec![0; 11], ..parts() }), Error::Part("lzma_decompress.img"));
    assert_eq!(refused(Parts { kernel: vec![0; 4096], ..parts() }), Error::Part("kernel.img"));
    assert_eq!(boot_code(&[0; 512], 1), Err(Error::Part("boot.img")));
    assert_eq!(boot_code(&[], 1), Err(Error::Part("boot.img")));
    let noise: Vec<u8> =
        (0u32..1 << 20).map(|at| (at.wrapping_mul(2_654_435_761).wrapping_mul(at) >> 16) as u8).collect();
    assert!(matches!(core_image(&parts(), &[noise], "", ""), Err(Error::TooLarge(len)) if len > MOST));
}
