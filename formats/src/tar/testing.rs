//! Archives made by hand, byte by byte, and the tools that make real ones.

use std::path::Path;
use std::process::{Command, Stdio};

/// Returns a ustar header with the right checksum; `change` may set any field before that is computed.
pub(crate) fn header_with(path: &str, kind: u8, size: usize, change: impl FnOnce(&mut [u8; 512])) -> Vec<u8> {
    let mut block = [0; 512];
    block[..path.len()].copy_from_slice(path.as_bytes());
    block[100..107].copy_from_slice(b"0000644");
    block[108..115].copy_from_slice(b"0000000");
    block[116..123].copy_from_slice(b"0000000");
    block[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    block[136..147].copy_from_slice(b"00000000000");
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    change(&mut block);
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block.to_vec()
}

/// Returns an entry: a header and its padded content.
pub(crate) fn entry(path: &str, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = header_with(path, kind, content.len(), |_| {});
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

/// Returns a symbolic (`2`) or hard (`1`) link.
pub(crate) fn link(path: &str, kind: u8, target: &str) -> Vec<u8> {
    header_with(path, kind, 0, |block| block[157..157 + target.len()].copy_from_slice(target.as_bytes()))
}

/// Returns a PAX header with these records.
pub(crate) fn pax(kind: u8, records: &[(&str, &str)]) -> Vec<u8> {
    let mut content = String::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let digits = (1..).find(|digits| (rest + digits).to_string().len() == *digits).unwrap();
        content += &format!("{} {key}={value}\n", rest + digits);
    }
    entry("PaxHeaders/x", kind, content.as_bytes())
}

/// Returns an archive of these entries, with its end.
pub(crate) fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = entries.concat();
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

/// Runs a command in a directory and returns its output.
pub(crate) fn run(directory: &Path, package: &str, command: &[&str]) -> Vec<u8> {
    let output = Command::new(command[0])
        .args(&command[1..])
        .current_dir(directory)
        .env("LC_ALL", "C")
        .stderr(Stdio::piped())
        .output()
        .unwrap_or_else(|error| panic!("`{}` of the Debian package `{package}` is needed: {error}", command[0]));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
