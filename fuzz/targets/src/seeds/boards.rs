//! Files of boards: each is put together from its fields, with the checksums that belong to it.

use gravure_formats::loader::Format;
use gravure_tests::debs;

use crate::flat_tree::FlatTree;
use crate::modules::BOARD_KERNEL;
use crate::seals::{rc4, seal};

/// Returns bytes that look like code.
fn code(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + i / 251) as u8 | 1).collect()
}

/// Returns a header of `len` bytes with `fields` at their places, code behind it, and right checksums.
fn file(format: Format, len: usize, fields: &[(usize, &[u8])], code_len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    for (at, value) in fields {
        bytes[*at..*at + value.len()].copy_from_slice(value);
    }
    bytes.extend(code(code_len));
    seal(format, &mut bytes);
    bytes
}

pub(crate) fn loaders() -> Vec<Vec<u8>> {
    let mut encrypted = idbloader();
    rc4(&mut encrypted);
    let data = code(100);
    let inside = |tree: &mut FlatTree| tree.property("data", &data);
    let position = |tree: &mut FlatTree| {
        tree.cells("data-position", &[1024]);
        tree.cells("data-size", &[100]);
    };
    let offset = |tree: &mut FlatTree| {
        tree.cells("data-offset", &[8]);
        tree.cells("data-size", &[100]);
    };
    let mut at_position = fit(&["sha256"], &position);
    at_position.resize(1024, 0);
    let mut at_offset = fit(&["crc32"], &offset);
    at_offset.resize(at_offset.len().next_multiple_of(4) + 8, 0);
    let fits = [fit(&["crc32", "sha256"], &inside), [at_position, code(100)].concat(), [at_offset, code(100)].concat()];
    let fits = fits.map(|mut fit| {
        seal(Format::Fit, &mut fit);
        fit
    });
    let second = |second: &[u8]| [&egon(), &[0; 40][..], &[0xff; 24], second].concat();
    let joined = [second(&u_image()), second(&fits[0])];
    let others = [egon(), idbloader(), encrypted, idbloader_2(1), idbloader_2(2), ivt(), mlo(), star_five(), u_image()];
    [&others[..], &fits, &joined].concat()
}

fn egon() -> Vec<u8> {
    let name: &[u8] = b"sun50i-a64-pine64-lts\0";
    let fields: [(usize, &[u8]); 5] =
        [(4, b"eGON.BT0"), (16, &160u32.to_le_bytes()), (20, b"SPL\x02"), (32, &[44]), (44, name)];
    file(Format::Egon, 96, &fields, 64)
}

/// One that is not encrypted yet.
fn idbloader() -> Vec<u8> {
    let magic = 0x0ff0_aa55_u32.to_le_bytes();
    let fields: [(usize, &[u8]); 5] = [(0, &magic), (8, &[1]), (12, &[4]), (506, &[1, 0, 2, 0]), (2048, b"RK33")];
    file(Format::RockchipIdb, 2052, &fields, 1020)
}

fn idbloader_2(hashes: u8) -> Vec<u8> {
    let fields: [(usize, &[u8]); 5] =
        [(0, b"RKNS"), (8, &[0x80, 0x01, 2, 0]), (12, &[hashes]), (120, &[4, 0, 1, 0]), (208, &[5, 0, 1, 0])];
    file(Format::RockchipIdb, 2048, &fields, 1024)
}

fn ivt() -> Vec<u8> {
    let own = 0x0090_7400_u32;
    let [entry, dcd, boot_data, own, start] =
        [own + 0x40, own + 0x2c, own + 0x20, own, own - 0x400].map(u32::to_le_bytes);
    let fields: [(usize, &[u8]); 8] = [
        (0, &[0xd1, 0x00, 0x20, 0x40]),
        (4, &entry),
        (12, &dcd),
        (16, &boot_data),
        (20, &own),
        (0x20, &start),
        (0x24, &0x480u32.to_le_bytes()),
        (0x2c, &[0xd2, 0x00, 0x04, 0x40]),
    ];
    file(Format::Ivt, 0x40, &fields, 0x40)
}

fn mlo() -> Vec<u8> {
    let load = 0x402f_0400_u32.to_le_bytes();
    let fields: [(usize, &[u8]); 6] = [
        (0, &[0x40, 0, 0, 0, 0x0c]),
        (0x14, b"CHSETTINGS"),
        (32, &[0xff; 32]),
        (64, &[0xc1, 0xc0, 0xc0, 0xc0, 0, 1]),
        (512, &[40]),
        (516, &load),
    ];
    file(Format::Mlo, 520, &fields, 32)
}

fn star_five() -> Vec<u8> {
    let (length, code_at) = (100u32.to_le_bytes(), 0x400u32.to_le_bytes());
    let fields: [(usize, &[u8]); 5] =
        [(0, &[0x40, 2]), (6, &[0x20]), (0x284, &[1; 4]), (0x288, &length), (0x28c, &code_at)];
    file(Format::StarFive, 0x400, &fields, 100)
}

fn u_image() -> Vec<u8> {
    let fields: [(usize, &[u8]); 3] = [(0, &[0x27, 0x05, 0x19, 0x56]), (12, &[0, 0, 0, 60]), (32, b"U-Boot 2025.01")];
    file(Format::UImage, 64, &fields, 60)
}

/// Returns a tree with one image, whose data are where `place` says.
fn fit(algorithms: &[&str], place: &dyn Fn(&mut FlatTree)) -> Vec<u8> {
    let mut tree = FlatTree::default();
    tree.begin("");
    tree.begin("images");
    tree.begin("u-boot");
    place(&mut tree);
    for algorithm in algorithms {
        tree.begin(&format!("hash-{algorithm}"));
        tree.property("algo", format!("{algorithm}\0").as_bytes());
        tree.property("value", &vec![0; if *algorithm == "crc32" { 4 } else { 32 }]);
        tree.end();
    }
    (0..3).for_each(|_| tree.end());
    tree.finish()
}

pub(crate) fn device_trees() -> Vec<Vec<u8>> {
    let mut small = FlatTree::default();
    small.begin("");
    small.property("model", b"a board\0");
    small.end();
    let mut deep = FlatTree::default();
    (0..64).for_each(|_| deep.begin("a"));
    (0..64).for_each(|_| deep.end());
    vec![board(), small.finish(), deep.finish(), fit(&["crc32"], &|tree| tree.property("data", b"data"))]
}

/// Returns the shape of a board whose card gets its voltage from a chip on a bus.
fn board() -> Vec<u8> {
    let mut tree = FlatTree::default();
    tree.begin("");
    tree.property("compatible", b"vendor,board\0");
    tree.begin("soc");
    tree.begin("mmc@1c0f000");
    tree.property("compatible", b"vendor,mmc\0mmc\0");
    tree.cells("clocks", &[1, 31, 1, 75]);
    tree.cells("vmmc-supply", &[2]);
    tree.cells("cd-gpios", &[3, 0, 0]);
    tree.cells("pinctrl-0", &[3]);
    tree.property("status", b"okay\0");
    tree.end();
    tree.begin("mmc@1c11000");
    tree.property("compatible", b"vendor,other\0");
    tree.property("no-sd", b"");
    tree.end();
    tree.begin("sdhci@3");
    tree.property("compatible", b"vendor,builtin\0");
    tree.property("status", b"disabled\0");
    tree.end();
    tree.begin("clock@1c20000");
    tree.property("compatible", b"vendor,clock-1\0");
    tree.cells("phandle", &[1]);
    tree.cells("#clock-cells", &[1]);
    tree.end();
    tree.begin("gpio");
    tree.cells("linux,phandle", &[3]);
    tree.cells("#gpio-cells", &[2]);
    tree.end();
    tree.begin("pmic@3a3");
    tree.property("compatible", b"x-powers,axp803\0");
    tree.begin("dcdc1");
    tree.cells("phandle", &[2]);
    (0..4).for_each(|_| tree.end());
    tree.finish()
}

/// Returns the kernel of a GRUB that does nothing: an ELF file with one segment.
pub(crate) fn grub_kernel() -> Vec<u8> {
    let package = debs::grub_for_bios();
    let at = package.windows(4).position(|bytes| bytes == b"\x7fELF").expect("the package has a kernel");
    package[at..at + 92].to_vec()
}

pub(crate) fn grubs() -> Vec<Vec<u8>> {
    let kernel = grub_kernel();
    let mut boot = vec![0; 440];
    boot[0x66..0x68].copy_from_slice(&[0xeb, 0x05]);
    let lists =
        "== moddep.lst\next2: fshelp\nfshelp:\nnormal: ext2 gzio extcmd\ngzio:\nextcmd: normal\n\n== wanted\nnormal\n";
    let parts = b"\n== ext2.mod\next2 \n== config\nsearch\n== kernel.img\n";
    let whole = [lists.as_bytes(), parts, &kernel, b"\n== boot.img\n", &boot].concat();
    let given = [&b"== diskboot.img\n"[..], &[0; 512], b"\n== lzma_decompress.img\n", &[0; 16]].concat();
    let missing = b"== moddep.lst\na: b\n\n== wanted\na".to_vec();
    vec![whole, [&given, &b"\n== kernel.img\n"[..], &kernel].concat(), missing]
}

pub(crate) fn kernels() -> Vec<Vec<u8>> {
    let texts = [
        BOARD_KERNEL,
        "== kernel/ext4.ko\ndepends=mbcache,jbd2\0softdep=pre: crypto-crc32c post: late\0alias=fs-ext4\0\n\
         == kernel/jbd2.ko\nsoftdep=pre: crypto-crc32c\0\n== kernel/mbcache.ko\ndepends=\0\n== kernel/late.ko\ndepends=virtio\0\n\
         == kernel/crc32c-intel.ko\nalias=crypto-crc32c\0alias=cpu:type:x86,*feature:*0094*\0\n\
         == updates/crc32c-intel.ko\nalias=crypto-crc32c\0\n== modules.builtin\nkernel/virtio.ko\n\n\
         == modules.builtin.modinfo\nvirtio.alias=virtio-builtin\0\n== wanted\next4 virtio\n\
         == aliases\ncrc32c_intel crypto_*\nlate of:N*T[a-z]\n\n== names\ncrypto-crc32c of:NxTa",
        "== kernel/a.ko\ndepends=b\0\n== kernel/b.ko\nsoftdep=post: d pre: a\0\n== kernel/d.ko\ndepends=b\0softdep=x pre:\0\n\
         == kernel/x.ko\nsoftdep=pre: y\0\n== kernel/y.ko\ndepends=x\0alias=devname:y\0alias=char-major-10-229\0weakdep=a\0\n\
         == modules.order\nkernel/y.ko\nkernel/a.ko",
        "== kernel/a.ko\ndepends=b\0\n== kernel/b.ko\ndepends=a\0\n== kernel/c.ko.gz\nnot packed\n== wanted\nmissing",
    ];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}
