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
