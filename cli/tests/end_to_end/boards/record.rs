//! What was booted, written down: `docs/manual/boots.md` is made of it by `tests/run --all`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::Board;

/// How a machine was started.
#[derive(Clone, Copy)]
pub(super) struct Start {
    /// What QEMU calls the machine, with the wire to the disk where that is not virtio.
    pub(super) machine: &'static str,
    /// The first that runs of what is not the image.
    pub(super) from: &'static str,
}

impl Start {
    /// Writes down that an image came to a login, with the kernel and process 1 that it runs: a row of a table. `directory`
    /// has the lock file that it was built with.
    pub(super) fn write_down(
        self,
        directory: &Path,
        board: &Board,
        (kernel, process): (&str, &str),
        elapsed: Duration,
    ) {
        let Board { image_type, loader, .. } = board;
        let version = version_of(directory, loader);
        let Start { machine, from } = self;
        let row = format!(
            "| `{image_type}` | `{machine}` | {from} | `{loader}` {version} | {kernel} | {process} | {} s |\n",
            elapsed.as_secs()
        );
        let rows = Path::new(env!("CARGO_TARGET_TMPDIR")).join("boots");
        fs::create_dir_all(&rows).expect("a directory can be made");
        let name = format!("{image_type}-{machine}-{process}-{from}");
        fs::write(rows.join(name), row).expect("a file can be written");
    }
}

/// Returns the version of a package that the lock file has.
fn version_of(directory: &Path, package: &str) -> String {
    let lock = fs::read_to_string(directory.join("gravure.lock")).expect("a build has locked its packages");
    let (_, stanza) = lock.split_once(&format!("\nPackage: {package}\nVersion: ")).expect("the package is locked");
    stanza.lines().next().expect("a version follows").to_owned()
}
