//! What inputs consist of, to be put in at random: the words of each format.

/// Of the language.
#[rustfmt::skip]
pub(crate) const LANGUAGE: &[&str] = &[
    "let ", " in ", "if ", " then ", " else ", "fn(x) => ", "fn f(x) = ", "import \"./types.img\" as t\n", " match ",
    " of { ", "for ", " => ", "true", "false", "none", "self.", "super.", "abstract ", "record R ", " extends ",
    "type T = ", "check ", "mixin { ", "Map { ", "List(", "Map(", "Int", "String", "Size", "Bool", "Any", "Path",
    "${", "\"\"\"\n", "r\"", "'symbol", "1GiB", "1_000", "0x1F", "./path", " ?? ", " += ", " -= ", "\\u{e9}",
    "## doc\n", "len(", "map(", "filter(", "fold(", "range(", "join(", "flatten(", "split(", "chars(", "keys(",
    "has(", "error(", "t.Leaf { ", "9223372036854775807", "[0]", "}", "\r\n",
];

/// Of ar and tar.
#[rustfmt::skip]
pub(crate) const ARCHIVES: &[&str] = &[
    "!<arch>\n", "`\n", "debian-binary", "control.tar", "data.tar.gz", "data.tar.xz", "data.tar.zst", "2.0\n",
    "control", "ustar\0", "ustar  \0", "../", "/etc/", "./", "9999999999", "00000000000", "77777777777", "path=",
    "linkpath=", "size=", "mtime=", "SCHILY.xattr.user.a=", "GNU.sparse.major=", "11 path=a/b\n",
];

/// Of stanzas.
#[rustfmt::skip]
pub(crate) const DEBIAN: &[&str] = &[
    "Package: ", "Version: ", "Architecture: ", "Depends: ", "Pre-Depends: ", "Filename: ", "Size: ", "SHA256: ",
    "Archive: ", "Date: ", "InRelease: ", "Index:\n ", "Lock-Version: 1\n", "Codename: ", "Multi-Arch: ", "\n\n",
    "\n ", "\n\t", "#", ":any", " (>= ", " (<< ", ")", " | ", ", ", "1:2.0~rc1-1+b1", "../", "http://", "\r\n",
    "\u{a0}",
];

/// Of scripts, and of the files that a root is configured by.
#[rustfmt::skip]
pub(crate) const SHELL: &[&str] = &[
    "if ", "; then ", "elif ", "else ", "fi\n", "case \"$1\" in\n", ")\n", ";;\n", "esac\n", "for x in a b; do ",
    "done\n", "while ", "until ", "f() {\n", "}\n", "$(", "`", "${x:-", "${x#", "$x", "\"$@\"", "<<EOF\n", "EOF\n",
    "<<-'E'\n", " && ", " || ", " | ", " & ", "! ", "[ -e ", " ]", "set -e\n", "exit 0\n", "return\n", "shift\n",
    "local ", "export ", "db_get ", "adduser --system ", "addgroup ", "update-alternatives --install ",
    "dpkg-divert --add ", "deb-systemd-helper enable ", "systemctl enable ", "systemd-sysusers", "ln -s ", "chmod ",
    "chown ", "mkdir -p ", "install -d ", "touch ", "rm -f ", "cp ", "mv ", "cat > ", "echo ", "ucf ", "[Install]\n",
    "WantedBy=", "Alias=", "Also=", "u name 1 \"x\"", "g name -", "m name group", "r - 500-900",
    "d /var/x 0755 root root -", "root:x:0:0::/:/bin/sh\n", "\n== /etc/passwd\n", "\n== postinst\n", "%i", "%%", "$1",
    "$2", "\\\n", "#DEBHELPER#",
];

/// Of signed messages and armour.
#[rustfmt::skip]
pub(crate) const OPENPGP: &[&str] = &[
    "-----BEGIN PGP SIGNED MESSAGE-----\n", "Hash: SHA512\n\n", "-----BEGIN PGP SIGNATURE-----\n\n",
    "-----END PGP SIGNATURE-----\n", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n",
    "-----END PGP PUBLIC KEY BLOCK-----\n", "- ", "Date: ", "Valid-Until: ", "Sat, 15 Nov 2025 09:46:24 UTC",
    "SHA256:\n ", "Codename: ", "Architectures: all", "Acquire-By-Hash: yes", "=", "\r\n", "\t\n",
];

/// Of boot loaders' headers and device trees.
#[rustfmt::skip]
pub(crate) const BOARDS: &[&str] = &[
    "eGON.BT0", "SPL\x02", "RKNS", "RK33", "110B", "CHSETTINGS", "'\x05\x19V", "images\0", "u-boot\0", "hash-1\0", "data\0",
    "data-size\0", "data-offset\0", "data-position\0", "algo\0", "value\0", "uboot-ignore\0", "crc32\0", "md5\0", "sha1\0",
    "sha256\0", "sha512\0", "\0\0\0\x01", "\0\0\0\x02", "\0\0\0\x03", "\0\0\0\x04", "\0\0\0\x09", "\0\0\0\x11",
    "compatible\0", "phandle\0", "linux,phandle\0", "status\0", "okay\0", "disabled\0", "mmc@1\0\0\0", "clocks\0",
    "#clock-cells\0", "vmmc-supply\0", "interrupt-parent\0", "pinctrl-0\0", "cd-gpios\0", "no-sd\0", "device_type\0",
    "vendor,mmc\0\0", "x-powers,axp\0",
];

/// Of GRUB's parts.
#[rustfmt::skip]
pub(crate) const GRUB: &[&str] = &[
    "\n== moddep.lst\n", "\n== wanted\n", "\n== kernel.img\n", "\n== diskboot.img\n", "\n== lzma_decompress.img\n",
    "\n== boot.img\n", "\n== config\n", "\n== ext2.mod\n", "ext2: fshelp\n", "fshelp:\n", "\x7fELF\x01\x01\x01",
    "\x7fELF\x02\x01\x01", ": ",
];

/// Of kernel modules.
#[rustfmt::skip]
pub(crate) const MODULES: &[&str] = &[
    "\n== kernel/a.ko\n", "\n== kernel/b.ko\n", "\n== updates/a.ko\n", "\n== kernel/c.ko.gz\n", "\n== modules.builtin\n",
    "\n== modules.builtin.modinfo\n", "\n== modules.order\n", "\n== wanted\n", "\n== aliases\n", "\n== names\n", "depends=",
    "\0depends=a,b\0", "softdep=", "\0softdep=pre: a post: b\0", "pre: ", "post: ", "alias=", "\0alias=of:N*T*C", "weakdep=",
    "devname:a", "char-major-1-2", "kernel/d.ko\n", "d.alias=", "*", "?", "[a-z]", "[!x]", "[", "]", "-", "_",
];
