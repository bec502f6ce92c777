//! How fast the front end is: `cargo bench -p gravure-lang`.
//!
//! Parses about 5 MB of ordinary records and prints the best of several runs, as MB of text per second of one core.

#![allow(clippy::disallowed_methods, reason = "a benchmark asks the clock")]

use std::time::{Duration, Instant};

use gravure_lang::{FileId, parse};

const SIZE: usize = 5_000_000;
const RUNS: usize = 9;

fn main() {
    let text = records();
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let start = Instant::now();
        let parsed = parse(FileId(0), &text);
        best = best.min(start.elapsed());
        assert!(parsed.diagnostics.is_empty(), "the text is right");
    }
    let megabytes = text.len() as f64 / 1e6;
    println!("parse: {megabytes:.1} MB in {best:.0?}: {:.1} MB/s", megabytes / best.as_secs_f64());
}

fn records() -> String {
    let mut text = String::with_capacity(SIZE + 1000);
    let mut index = 0;
    while text.len() < SIZE {
        text.push_str(&format!(
            r#"
## Board {index} of the product.
board-{index} = boards.generic {{
  host-name = "board-{index}"
  platform = 'aarch64-linux
  kernel {{ version = "6.1.{}"; arguments = ["console=ttyS0", "root=LABEL=root-{index}"] }}
  partitions = [
    os.Partition {{ label = "boot"; size = 64MiB; file-system = 'vfat; flags = ['esp] }},
    os.Partition {{
      label = "root-${{self.host-name}}"
      size = if small? then {index}MiB + 512MiB else 'guess   # as large as it must be
      file-system = 'ext4
    }},
  ]
  services += [svc.agetty {{ tty = "ttyS0"; baud-rate = 115200 }}] + super.services
}}
"#,
            index % 200
        ));
        index += 1;
    }
    text
}
