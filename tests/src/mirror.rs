//! A Debian mirror with one package, on a port of this host, for `apt` inside of a machine.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;

use crate::tool::Tool;

const DPKG_DEB: Tool = Tool { program: "dpkg-deb", package: "dpkg" };
const SHA256SUM: Tool = Tool { program: "sha256sum", package: "coreutils" };

/// A mirror that serves as long as the process runs.
pub struct Mirror {
    port: u16,
}

impl Mirror {
    /// Makes a package that has this text at `path`, and serves it with the index of a flat archive.
    #[track_caller]
    pub fn start(name: &str, path: &str, text: &str) -> Mirror {
        let scratch = tempfile::tempdir().expect("a scratch directory can be made");
        let deb = make_package(scratch.path(), name, path, text);
        let control = control(name);
        let sum = run(&SHA256SUM, scratch.path(), &["package.deb"]);
        let sum = sum.split_whitespace().next().expect("a sum is printed").to_owned();
        let index = format!("{control}Filename: ./package.deb\nSize: {}\nSHA256: {sum}\n", deb.len());
        fs::write(scratch.path().join("Packages"), &index).expect("a file can be written");
        let sum = run(&SHA256SUM, scratch.path(), &["Packages"]);
        let sum = sum.split_whitespace().next().expect("a sum is printed").to_owned();
        let release = format!("Date: Sat, 01 Jan 2022 00:00:00 UTC\nSHA256:\n {sum} {} Packages\n", index.len());
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there is a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Whoever hangs up early has asked in vain.
                let files =
                    [("Release", release.as_bytes()), ("Packages", index.as_bytes()), ("package.deb", &deb[..])];
                let _ = answer(stream, &files);
            }
        });
        Mirror { port }
    }

    /// Returns the port of this host.
    pub fn port(&self) -> u16 {
        self.port
    }
}

fn control(name: &str) -> String {
    format!(
        "Package: {name}\nVersion: 1.0\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\n\
         Description: a package of the tests\n"
    )
}

fn make_package(scratch: &Path, name: &str, path: &str, text: &str) -> Vec<u8> {
    let root = scratch.join("root");
    let file = root.join(path.trim_start_matches('/'));
    for folder in [root.join("DEBIAN"), file.parent().expect("a file is in a directory").to_owned()] {
        fs::create_dir_all(folder).expect("a directory can be made");
    }
    fs::write(root.join("DEBIAN/control"), control(name)).expect("a file can be written");
    fs::write(file, text).expect("a file can be written");
    run(&DPKG_DEB, scratch, &["--root-owner-group", "-Zgzip", "--build", "root", "package.deb"]);
    fs::read(scratch.join("package.deb")).expect("the package was made")
}

#[track_caller]
fn run(tool: &Tool, directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new(tool.path()).current_dir(directory).args(arguments).output();
    let output = output.expect("a program that is there can be started");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Answers requests on one connection until it is closed.
fn answer(stream: TcpStream, files: &[(&str, &[u8])]) -> std::io::Result<()> {
    let mut requests = BufReader::new(stream.try_clone()?).lines();
    let mut stream = stream;
    while let Some(line) = requests.next() {
        let line = line?;
        let path = line.split(' ').nth(1).unwrap_or_default();
        let wanted = path.rsplit('/').next().unwrap_or(path).to_owned();
        // The headers of a request end with an empty line.
        for header in requests.by_ref() {
            if header?.is_empty() {
                break;
            }
        }
        let found = files.iter().find(|(name, _)| *name == wanted);
        let (status, body) = found.map_or(("404 Not Found", &b""[..]), |(_, body)| ("200 OK", body));
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len())?;
        stream.write_all(body)?;
    }
    Ok(())
}
