//! Inputs to begin with, made from the repository's own fixtures and from what its tests sign and pack: no binary is committed.

pub(crate) mod boards;

use std::io::Write;
use std::path::{Path, PathBuf};

use gravure_formats::compression::gzip;
use gravure_tests::debs;
use gravure_tests::openpgp::{MADE, SHA1, SIGNS, Signer, Statement, armour, canonical, message, packet};

use crate::debian::FILE_MARK;
use crate::language::TOKENS;
use crate::signed::{DATE, SIGNER, TEXT};

/// What every program of `evaluator` may import as `./types.img`.
pub(crate) const TYPES: &str =
    "record Leaf { count: Int = 1; content: Any = none; twice: Int = count * 2 }\nfn twice(n) = n * 2\n";

fn repository(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder)
}

/// Returns the files with this ending in a folder of the repository and below, in order of their paths.
fn files(folder: &str, ending: &str) -> Vec<Vec<u8>> {
    let mut folders = vec![repository(folder)];
    let mut paths = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("a folder can be listed").path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.to_string_lossy().ends_with(ending) => paths.push(path),
                false => {}
            }
        }
    }
    paths.sort();
    assert!(!paths.is_empty(), "no {ending} in {folder}");
    paths.iter().map(|path| std::fs::read(path).expect("a file that was listed can be read")).collect()
}

/// Leaves long files out, which would slow every run.
fn short(mut files: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    files.retain(|file| file.len() <= 4096);
    files
}

pub(crate) fn sources() -> Vec<Vec<u8>> {
    short([files("lang/tests/syntax", ".img"), files("eval/tests/language", ".img")].concat())
}

pub(crate) fn programs() -> Vec<Vec<u8>> {
    let import = b"import \"./types.img\" as t\nleaf = t.Leaf { count = t.twice(4) }\n".to_vec();
    let said = ["leaf.count = leaf.twice + 1", "leaf { content = [twice(self.leaf.count)] }", "t.twice(leaf.count)"];
    let said = said.map(|said| [&import[..], &[0], said.as_bytes()].concat());
    [short(files("eval/tests/language", ".img")), said.to_vec(), vec![import]].concat()
}

/// Texts of tokens, as their numbers.
pub(crate) fn tokens() -> Vec<Vec<u8>> {
    let texts = [
        "a = 12\nb = a + 12\n",
        "a = { b = [12, 1.5GiB]; c = \"${a}\\n\" }\n",
        "abstract a = b { c += [12]; a.b = self }\n",
        "record R { a: b = 12; check a < b : \"\" }\n",
        "record R extends a { b: c? = none }\n",
        "fn f(a, b) = match a of { 'ext4 => b, c => super.a }\n",
        "a = if b then c else let a = 12 in a ?? b && c\n",
        "import \"./p\" as b\na = Map { \"a\" = 12 } & mixin { b -= c }\n",
        "## doc\na = [for a in b => fn(a) => a(b)[c]]\n# note\ntype a = b | c\n",
    ];
    texts.iter().map(|text| token_numbers(text)).collect()
}

/// Cuts a text into the longest tokens that fit; what fits none is left out.
fn token_numbers(mut text: &str) -> Vec<u8> {
    let mut numbers = Vec::new();
    while let Some(first) = text.chars().next() {
        let fitting = (0..TOKENS.len()).filter(|&number| text.starts_with(TOKENS[number]));
        let longest = fitting.max_by_key(|&number| TOKENS[number].len());
        text = &text[longest.map_or(first.len_utf8(), |number| TOKENS[number].len())..];
        numbers.extend(longest.map(|number| number as u8));
    }
    numbers
}

pub(crate) fn ars() -> Vec<Vec<u8>> {
    vec![ar(&[]), ar(&[("odd", b"123"), ("even/", b"1234"), ("", b"")]), debs::needy()]
}

fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = b"!<arch>\n".to_vec();
    for (name, content) in members {
        archive.extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100_644, content.len()).bytes());
        archive.extend(*content);
        archive.resize(archive.len().next_multiple_of(2), b'\n');
    }
    archive
}

pub(crate) fn tars() -> Vec<Vec<u8>> {
    let file = |path| entry(path, b'0', b"content", "");
    let pax = |records: &[u8]| entry("PaxHeaders/x", b'x', records, "");
    let long = [b"./".repeat(60), b"name\0".to_vec()].concat();
    let mut base_256 = file("./large");
    base_256[124..136].copy_from_slice(b"\x80\0\0\0\0\0\0\0\0\0\0\x07");
    [
        vec![entry("./", b'5', b"", ""), file("./a"), entry("./b", b'1', b"", "./a"), entry("./c", b'2', b"", "a")],
        vec![pax(b"16 path=dir/new\n10 size=7\n21 mtime=1700000000.5\n"), file("./old")],
        vec![pax(b"29 SCHILY.xattr.user.a=value\n8 uid=5\n8 gid=6\n"), file("./with-attributes")],
        vec![entry("x", b'g', b"16 comment=none\n", ""), file("./global")],
        vec![entry("././@LongLink", b'L', &long, ""), file("./cut")],
        vec![entry("././@LongLink", b'K', b"target\0", ""), entry("./link", b'2', b"", "cut")],
        vec![entry("./tty", b'3', b"", ""), entry("./sda", b'4', b"", ""), entry("./pipe", b'6', b"", "")],
        vec![base_256, entry("./dir/", b'5', b"", ""), file("./dir/file")],
    ]
    .map(|entries| [entries.concat(), vec![0; 1024]].concat())
    .to_vec()
}

/// Returns an entry of a tar archive: a header (ustar, IEEE 1003.1) and its padded content.
fn entry(path: &str, kind: u8, content: &[u8], target: &str) -> Vec<u8> {
    let mut header = vec![0; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, path);
    put(100, "0000644\x000000000\x000000000\0");
    put(124, &format!("{:011o}\0{:011o}\0        ", content.len(), MADE));
    put(157, target);
    put(257, "ustar\x0000");
    put(329, "0000001\x000000002\0");
    header[156] = kind;
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header.extend(content);
    header.resize(header.len().next_multiple_of(512), 0);
    header
}

pub(crate) fn debs() -> Vec<Vec<u8>> {
    let tar = |entries: &[Vec<u8>]| [entries.concat(), vec![0; 1024]].concat();
    let control = tar(&[entry("./control", b'0', b"Package: a\nVersion: 1\nArchitecture: all\n", "")]);
    let data = tar(&[entry("./", b'5', b"", ""), entry("./usr/bin/a", b'0', b"the program", "")]);
    let of = |extension: &str, pack: &dyn Fn(&[u8]) -> Vec<u8>| {
        let (control_name, data_name) = (format!("control.tar{extension}"), format!("data.tar{extension}"));
        ar(&[("debian-binary", b"2.0\n"), (&control_name, &pack(&control)), (&data_name, &pack(&data))])
    };
    let plain = |bytes: &[u8]| bytes.to_vec();
    vec![
        of("", &plain),
        of(".gz", &gzipped),
        of(".xz", &xzipped),
        of(".zst", &zstandard),
        debs::busybox(),
        debs::grub(),
    ]
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    gzip(bytes, 6).expect("memory can be read")
}

fn xzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = xz2::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(bytes).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}

fn zstandard(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("memory can be read and written")
}

pub(crate) fn streams() -> Vec<Vec<u8>> {
    let lines: Vec<u8> = (0..200).flat_map(|line| format!("line {line}\n").into_bytes()).collect();
    let contents = [&b""[..], b"some content", &lines];
    let each = |pack: fn(&[u8]) -> Vec<u8>| contents.map(pack);
    let mut streams = [each(gzipped), each(xzipped), each(zstandard)].concat();
    streams.extend([gzipped(b"one"), xzipped(b"one"), zstandard(b"one")].map(|stream| stream.repeat(2)));
    streams.extend([gzipped(&[0; 300_000]), xzipped(&[0; 300_000]), zstandard(&[0; 300_000])]);
    streams.push(lines);
    streams
}

pub(crate) fn elves() -> Vec<Vec<u8>> {
    let package = debs::kernel(true);
    let starts = package.windows(4).enumerate().filter(|(_, bytes)| bytes == b"\x7fELF").map(|(at, _)| at);
    let modules = starts.take(2).map(|at| package[at..at + 512].to_vec());
    modules.chain([boards::grub_kernel(), library()]).collect()
}

/// Returns a library of 64 bits: its header, a segment that is all of it, one that is the dynamic pairs, and the texts.
fn library() -> Vec<u8> {
    const DYNAMIC_AT: u64 = 64 + 2 * 56;
    const TEXTS_AT: u64 = DYNAMIC_AT + 48;
    // Magic, class and encoding; `e_type` and `e_machine`; `e_phoff`; `e_ehsize` and `e_phentsize`; `e_phnum`.
    let header = [0x0001_0102_464c_457f, 0, 0x0001_003e_0003, 0, 64, 0, 0x0038_0040 << 32, 2];
    let segment = |kind: u64, at: u64, len: u64| [kind, at, at, at, len, len, 8];
    let segments = [segment(1, 0, TEXTS_AT + 11), segment(2, DYNAMIC_AT, 48)];
    // `DT_STRTAB` and `DT_SONAME`.
    let pairs = [5, TEXTS_AT, 14, 1, 0, 0];
    let words = [&header[..], segments.as_flattened(), &pairs].concat();
    words.into_iter().flat_map(u64::to_le_bytes).chain(*b"\0libx.so.1\0").collect()
}

pub(crate) fn stanzas() -> Vec<Vec<u8>> {
    let package = stanza("hello", "1.0-1");
    let texts = [
        package.clone(),
        format!("{package}\n{}", stanza("a-b", "1:2~rc1")),
        "A: b\n c\n .\n\td\nEmpty:\n \n\nB:c".to_owned(),
        "# comment\n".to_owned(),
    ];
    texts.map(String::into_bytes).to_vec()
}

fn stanza(name: &str, version: &str) -> String {
    format!(
        "Package: {name}\nVersion: {version}\nArchitecture: amd64\nMulti-Arch: foreign\nDepends: libc6 (>= 2.36),\n b | c\n\
         Filename: pool/main/h/{name}.deb\nSize: 12\nSHA256: {}\n",
        "0123456789abcdef".repeat(4)
    )
}

pub(crate) fn relations() -> Vec<Vec<u8>> {
    let texts = [
        "libc6 (>= 2.36), a:any | b (<< 1:2~rc1-1), c (= 3) [amd64] <!nocheck>",
        "1.0 1.0-1 1.0~ 1.0~~ 1:0 0:1.0 a 1.a 1.+ 01 1",
    ];
    texts.map(Into::into).to_vec()
}

pub(crate) fn locks() -> Vec<Vec<u8>> {
    let digest = "0123456789abcdef".repeat(4);
    let state = format!(
        "Archive: trixie\nArchitecture: amd64\nCodename: trixie\nDate: {}\nInRelease: {digest}\nIndex:\n {digest} 98 main/Packages.xz\n",
        DATE.0
    );
    let package = format!("{}Archive: trixie\n", stanza("hello", "1.0-1"));
    let text = format!("# Made by gravure\nLock-Version: 1\n\n{state}\n{package}");
    vec![text.into_bytes(), b"Lock-Version: 1\n".to_vec(), b"Lock-Version: 2\n".to_vec()]
}

pub(crate) fn scripts() -> Vec<Vec<u8>> {
    [vec![SCRIPT.into()], rust_strings("formats/src/debian/scripts")].concat()
}

pub(crate) fn roots() -> Vec<Vec<u8>> {
    let root = format!(
        "{FILE_MARK}/etc/passwd\nroot:x:0:0:root:/root:/bin/sh\n{FILE_MARK}/etc/group\nroot:x:0:\n\
         {FILE_MARK}/etc/shadow\nroot:*:5:0:99999:7:::\n{FILE_MARK}/usr/lib/sysusers.d/a.conf\nu bus 90 \"Bus\" /run /bin/sh\n\
         g net -\nm bus net\nr - 500-900\n{FILE_MARK}/usr/lib/tmpfiles.d/a.conf\nd /var/x 0750 bus net -\nL /etc/l - - - - x\n\
         {FILE_MARK}/usr/lib/systemd/system/a@.service\n[Install]\nWantedBy=multi-user.target\nAlias=b.service\nAlso=c.socket\n\
         DefaultInstance=tty1\n{FILE_MARK}/usr/lib/systemd/system-preset/9.preset\nenable a@.service x y\ndisable *\n\
         {FILE_MARK}/usr/share/pam-configs/unix\nName: Unix\nDefault: yes\nPriority: 256\nAuth-Type: Primary\nAuth:\n\
         \t[success=end default=ignore] pam_unix.so\n{FILE_MARK}/etc/ld.so.conf\ninclude /etc/ld.so.conf.d/*.conf\n/opt/lib\n\
         {FILE_MARK}/etc/ca-certificates.conf\nmozilla/a.crt\n{FILE_MARK}/usr/share/ca-certificates/mozilla/a.crt\n\
         -----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n{FILE_MARK}postinst\n{SCRIPT}"
    );
    let scripts = rust_strings("formats/src/debian").into_iter().map(|script| {
        let files = format!("{FILE_MARK}/usr/bin/vi\nx\n{FILE_MARK}/usr/lib/systemd/system/a.service\n\n");
        [format!("{files}{FILE_MARK}postinst\n").into_bytes(), script].concat()
    });
    std::iter::once(root.into_bytes()).chain(scripts).collect()
}

/// Returns the texts with several lines in the Rust sources of a folder, most of which are scripts there.
fn rust_strings(folder: &str) -> Vec<Vec<u8>> {
    let sources = files(folder, ".rs").concat();
    let sources = String::from_utf8_lossy(&sources).replace("\\\"", "\u{1}");
    let texts = sources.split('"').filter(|text| text.contains("\\n") && !text.contains('\n'));
    let unescape = |text: &str| text.replace('\u{1}', "\"").replace("\\n", "\n").replace("\\t", "\t").into_bytes();
    texts.map(unescape).collect()
}

const SCRIPT: &str = r#"#!/bin/sh
set -e
. /usr/share/debconf/confmodule
user=web
setup() {
    local name="$1"
    if ! getent passwd "$name" >/dev/null; then
        adduser --system --group --no-create-home --home /run/"$name" "$name"
    fi
}
case "$1" in
    configure|reconfigure)
        setup "$user"
        for link in a b c; do
            update-alternatives --install /usr/bin/editor editor /usr/bin/vi "${priority:-30}" \
                --slave /usr/share/man/editor.1 editor.1 /usr/share/man/vi.1
        done
        if [ -z "$2" ] && test ! -e /etc/made; then
            cat > /etc/made <<-EOF
		made for $user
		EOF
            chown "$user:$user" /etc/made || true
            install -d -m 0750 -o root -g root /var/lib/made
        fi
        x=$(echo a:b | cut -d: -f2)
        while read -r line; do echo "$line"; done < /etc/fstab
        ;;
    *) exit 0 ;;
esac
db_get made/answer && [ "$RET" = true ] && touch /etc/answered
deb-systemd-helper enable 'a@tty1.service' >/dev/null || :
(umask 077; mkdir -p /var/x) & { ln -sf x /etc/y; } 2>&1 | cat
exit 0
"#;

pub(crate) fn in_releases() -> Vec<Vec<u8>> {
    let digest = "0123456789abcdef".repeat(4);
    let full = format!(
        "Origin: Debian\nSuite: stable\nCodename: trixie\nDate: {}\nValid-Until: {}\nAcquire-By-Hash: yes\n\
         Architectures: all amd64\nComponents: main\nNo-Support-for-Architecture-all: Packages\nSHA256:\n \
         {digest} 98 main/binary-amd64/Packages.xz\n",
        DATE.0, DATE.0
    );
    let by_stranger = Signer::new(3).message(TEXT);
    let signed = [SIGNER.message(TEXT), SIGNER.message(&full), by_stranger.clone(), SIGNER.message("- dash  \n\nx\n")];
    let unsigned = [full, TEXT.to_owned(), format!("{}{by_stranger}", SIGNER.message(TEXT))];
    let both =
        [packet(2, &Signer::new(3).sign(&Statement::text(), &canonical(TEXT))), text_signature(&Statement::text())];
    let several = [message(TEXT, &both), message(TEXT, &[])];
    [&signed[..], &unsigned, &several].concat().into_iter().map(String::into_bytes).collect()
}

fn text_signature(statement: &Statement) -> Vec<u8> {
    packet(2, &SIGNER.sign(statement, &canonical(TEXT)))
}

pub(crate) fn signatures() -> Vec<Vec<u8>> {
    let statements = [
        Statement::text(),
        Statement { hash: SHA1, ..Statement::text() },
        Statement::text().says(3, &[0, 0, 0, 9]).says(0x80 | 20, b"critical"),
        Statement { kind: 0, ..Statement::text() },
    ];
    let mut signatures: Vec<_> = statements.iter().map(text_signature).collect();
    signatures.push(text_signature(&Statement::text()).repeat(2));
    signatures
}

pub(crate) fn certificates() -> Vec<Vec<u8>> {
    let plain = SIGNER.certificate();
    let subkey = SIGNER.bind(&Signer::new(3), &Statement::new(0x18).flags(SIGNS).lifetime(9));
    let revocation = packet(2, &SIGNER.sign(&Statement::new(0x20), &SIGNER.hashed()));
    let armoured = armour("PUBLIC KEY BLOCK", &plain).into_bytes();
    let mut keys = files("sources/src/debian/keys", ".asc");
    keys.extend([armoured, [&plain[..], &subkey].concat(), [&plain[..], &revocation].concat(), plain]);
    keys
}
