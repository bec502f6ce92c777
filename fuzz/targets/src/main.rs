//! Writes the seeds and the words of all targets: `gravure-fuzz-targets FOLDER` makes `FOLDER/TARGET/` and `FOLDER/TARGET.dict`.

use std::path::{Path, PathBuf};

use gravure_fuzz_targets::TARGETS;

fn main() -> std::io::Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).expect("the folder is the first argument"));
    for target in TARGETS {
        let seeds = folder.join(target.name);
        std::fs::create_dir_all(&seeds)?;
        for (number, seed) in (target.seeds)().iter().chain(&regressions(target.name)?).enumerate() {
            std::fs::write(seeds.join(format!("seed-{number:04}")), seed)?;
        }
        std::fs::write(folder.join(target.name).with_extension("dict"), dictionary(target.words))?;
        println!("{}", target.name);
    }
    Ok(())
}

fn regressions(target: &str) -> std::io::Result<Vec<Vec<u8>>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions").join(target);
    if !folder.exists() {
        return Ok(Vec::new());
    }
    std::fs::read_dir(folder)?.map(|entry| std::fs::read(entry?.path())).collect()
}

/// Returns words in the form that libFuzzer reads: in quotes, with other bytes than usual ones in hexadecimal.
fn dictionary(words: &[&str]) -> String {
    let escape = |byte: u8| match byte {
        b'"' | b'\\' => format!("\\{}", byte as char),
        b' '..=b'~' => (byte as char).to_string(),
        _ => format!("\\x{byte:02x}"),
    };
    words.iter().map(|word| format!("\"{}\"\n", word.bytes().map(escape).collect::<String>())).collect()
}
