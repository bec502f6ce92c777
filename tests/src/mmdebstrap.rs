//! What `mmdebstrap` installs: packages whose scripts run.

use std::ffi::OsString;
use std::path::Path;

use crate::tool::Tool;

/// Takes the place of the host's own name, which mmdebstrap copies with its mode.
const NAME_HOOK: &str = "--customize-hook=rm -f \"$1/etc/hostname\"; echo mmdebstrap > \"$1/etc/hostname\"";

const MMDEBSTRAP: Tool = Tool { program: "mmdebstrap", package: "mmdebstrap" };

/// What is to be installed, and from where.
#[derive(Clone, Copy, Debug)]
pub struct Installation<'a> {
    /// The release, such as `trixie`.
    pub suite: &'a str,
    /// Debian's name of the architecture.
    pub architecture: &'a str,
    /// Where packages come from: lines as in `/etc/apt/sources.list`.
    pub sources: &'a [String],
    /// The directory with the keys of which one must have signed that.
    pub keys: &'a Path,
    /// Packages, each as `NAME` or `NAME=VERSION`. What they depend on comes with them, as do essential packages.
    pub packages: &'a [String],
    /// The time of what has none of its own, as `SOURCE_DATE_EPOCH` counts.
    pub source_date: u64,
}

/// Installs packages and writes the tree that there is then to a file, as a tar archive.
///
/// It takes root, or a host that gives everybody user namespaces.
#[track_caller]
pub fn install(installation: &Installation<'_>, tar: &Path) {
    let Installation { suite, architecture, sources, keys, packages, source_date } = installation;
    let mut keyring = OsString::from("--keyring=");
    keyring.push(keys);
    let mut arguments: Vec<OsString> = vec![
        "--variant=apt".into(),
        "--format=tar".into(),
        format!("--architectures={architecture}").into(),
        format!("--include={}", packages.join(",")).into(),
        keyring,
        NAME_HOOK.into(),
        (*suite).into(),
        tar.into(),
    ];
    arguments.extend(sources.iter().map(OsString::from));
    let arguments: Vec<_> = arguments.iter().map(OsString::as_os_str).collect();
    let printed = MMDEBSTRAP.run_with(&arguments, &[("SOURCE_DATE_EPOCH", &source_date.to_string())]);
    assert_eq!(printed.code, Some(0), "mmdebstrap of {suite}:\n{}{}", printed.stdout, printed.stderr);
}
