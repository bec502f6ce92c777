//! The command line: what its help says, and what is parsed from it.
//!
//! The documentation of commands and fields here is the text of `--help`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use gravure_eval::{LIMITS, Limit, Limits, nearest};

use crate::batch::Said;
use crate::terminal::Format;

/// Turn declarative .img files into bootable disk images.
#[derive(Debug, Parser)]
#[command(name = "gravure", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Print errors and warnings to stderr as text, or as JSON Lines for other programs.
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value = "text", hide_possible_values = true)]
    pub(crate) message_format: Format,
    /// Say of errors what was being evaluated, in the library too.
    #[arg(long, global = true)]
    pub(crate) trace: bool,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    the configuration is wrong
  2    wrong usage; a named file or type is not there
  3    a build failed
  4    input, output or network failed
  5    a hash, a signature or reproducibility does not hold; an image is damaged
  130  interrupted";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Build(Build),
    Eval(Eval),
    Check(Check),
    Doc(Doc),
    Fmt(Fmt),
    Explain(Explain),
    Graph(Graph),
    Inspect(Inspect),
    Layout(Layout),
    Lock(Lock),
    Realise(Realise),
    Store(Store),
}

/// Build every image of every file, as one batch.
///
/// An image is written to the current directory, or to --output, and is called like its file: `tiny.img` gives
/// `tiny.raw`. A file with several images gives `file-name.raw` for each; `FILE#NAME` picks one.
///
/// Where a FILE does not exist and has a `*` in it, it stands for all files that match, in order: `gravure build
/// 'boards/*.img'`.
///
/// Where stdout is no terminal, it gets the paths of the finished images, a line each. With --json it gets what happens as
/// JSON Lines, an object a line; its `event` is `plan`, `node`, `image`, `diagnostic` or, at last, `done`.
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// Files to build; `FILE#NAME` is one image of a file, and `*` in a name any text.
    #[arg(value_name = "FILE", required_unless_present_any = ["list_image_types", "expression"])]
    pub(crate) files: Vec<String>,
    #[command(flatten)]
    pub(crate) expression: Expression,
    /// List the image types, those of the files included, and build nothing.
    #[arg(long)]
    pub(crate) list_image_types: bool,
    #[command(flatten)]
    pub(crate) form: Form,
    /// Directory to write to, or the file to write a single image to.
    #[arg(short, long, value_name = "DIR|FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Build what can be built although something failed.
    #[arg(short, long)]
    pub(crate) keep_going: bool,
    /// Make every node of the images once more, whatever the store remembers, and compare.
    #[arg(long)]
    pub(crate) check: bool,
    /// Say of each package which commands of its maintainer scripts the image does without.
    #[arg(long)]
    pub(crate) report: bool,
    /// Print events as JSON Lines while the build goes on; errors are told on stderr as well.
    #[arg(long, conflicts_with_all = ["list_image_types", "report"])]
    pub(crate) json: bool,
    /// Work on so many threads; as many as there are processors if not given.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    #[command(flatten)]
    pub(crate) project: Project,
    #[command(flatten)]
    pub(crate) outside: Outside,
}

/// Show what files evaluate to, without building anything.
///
/// What is shown is text of the language; of several files, each begins with a comment that names it. Nothing is fetched and no
/// store is touched.
#[derive(Debug, Args)]
pub(crate) struct Eval {
    /// Files to evaluate; `FILE#NAME` is one image of a file, and `*` in a name any text.
    #[arg(value_name = "FILE", required_unless_present = "expression")]
    pub(crate) files: Vec<String>,
    #[command(flatten)]
    pub(crate) expression: Expression,
    /// Show one value, such as `image.partitions["root"].size` or `my-os.timezone`. `image` is the image that the
    /// file stands for; other names are those that the file defines.
    #[arg(long, value_name = "PATH")]
    pub(crate) show: Option<String>,
    /// Tell the story of one value: which definitions made it, and where they stand. Paths are those of --show.
    #[arg(long, value_name = "PATH", conflicts_with = "show")]
    pub(crate) why: Option<String>,
    /// Print each value on a line of its own, with the places that it comes from: the nearest first.
    #[arg(long, conflicts_with_all = ["why", "json"])]
    pub(crate) origins: bool,
    /// Print JSON: sizes as bytes, symbols and paths as strings; of several files an object with the files as keys.
    #[arg(long, conflicts_with = "why")]
    pub(crate) json: bool,
    /// Say of what type a value must be, by its declaration, or what it is. Paths are those of --show.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["show", "why", "origins", "json"])]
    pub(crate) show_type: Option<String>,
    /// Work on so many files at a time; as many as there are processors if not given.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    #[command(flatten)]
    pub(crate) form: Form,
    #[command(flatten)]
    pub(crate) project: Project,
}

/// Report the mistakes that can be found without evaluating anything.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Files to check.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<String>,
    #[command(flatten)]
    pub(crate) project: Project,
}

/// Show what the library and files say of what they define: types and their fields, functions, values.
///
/// Without a name, list the files of the library.
#[derive(Debug, Args)]
pub(crate) struct Doc {
    /// A file of the library (`os`), something in it (`os.OperatingSystem`, `OperatingSystem`), or a field of a record type
    /// (`OperatingSystem.kernel`).
    pub(crate) name: Option<String>,
    /// Files to look at beside the library.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<String>,
    #[command(flatten)]
    pub(crate) project: Project,
}

/// Lay out files well, and print the names of those that change.
///
/// Comments, single empty lines and line breaks inside of items stay. What a bracket holds stays on lines of its own where it
/// began on a new line, and is joined where it fits otherwise. What a file says never changes, and a file with a mistake is
/// left as it is.
#[derive(Debug, Args)]
pub(crate) struct Fmt {
    /// Files to lay out; of a directory all `.img` files below it; `-` reads stdin and writes to stdout.
    #[arg(value_name = "FILE|DIR", required = true)]
    pub(crate) files: Vec<String>,
    /// Write nothing; end with 1 if a file would change.
    #[arg(long)]
    pub(crate) check: bool,
    #[command(flatten)]
    pub(crate) limiting: Limiting,
}

/// Say what a diagnostic means, why it is so, and what is right.
///
/// Without a code, all codes are listed. The same text is a page of the manual, `docs/manual/errors.md`.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// Code of the diagnostic, such as `E0203`.
    #[arg(value_name = "CODE")]
    pub(crate) code: Option<String>,
}

/// Show the nodes that building files takes, and which of them are in the store already.
///
/// A node is one step of a build; it is shown with the first digits of its key. With --tasks, each node whose inputs
/// are in the store is also written as a file that `gravure realise` runs alone.
#[derive(Debug, Args)]
pub(crate) struct Graph {
    /// Files whose images would be built; `FILE#NAME` is one image of a file.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<String>,
    #[command(flatten)]
    pub(crate) form: Form,
    /// Draw for Graphviz instead of printing a tree.
    #[arg(long)]
    pub(crate) dot: bool,
    /// Also write the nodes as files KEY.json into this directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) tasks: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) project: Project,
    #[command(flatten)]
    pub(crate) outside: Outside,
}

const INSPECT_EXAMPLES: &str = "\
Examples:
  gravure inspect disk.raw                    what the disk consists of
  gravure inspect disk.raw root:/etc          a directory of the root partition, as `ls -l` shows it
  gravure inspect disk.raw 2:/etc/os-release  the content of a file of partition 2
  gravure inspect esp.raw /EFI                the same, of a file system without a partition table";

/// Show what a disk image consists of, and the files in it.
///
/// The image may come from anywhere: a raw disk image, or a file system without a partition table. It is read by other
/// code than writes images, so what is shown is what other systems will see. What is wrong with it is said, and ends with 5.
///
/// Times are in UTC.
#[derive(Debug, Args)]
#[command(after_long_help = INSPECT_EXAMPLES)]
pub(crate) struct Inspect {
    /// Image to look at.
    pub(crate) image: PathBuf,
    /// File to print or directory to list, such as `root:/etc/fstab`. The partition is called by its number, by its name or
    /// a part of it, by the label of its file system, or by what it is for (`root`, `esp`); it may be left out where only
    /// one has files.
    #[arg(value_name = "[PARTITION:]PATH")]
    pub(crate) path: Option<OsString>,
    /// Print JSON; for a file what is known of it, and not its content.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show what lies where on a disk: tables, boot loaders, partitions, and what is free.
///
/// Of a file, the disk is planned as `build` would write it. What its partitions contain is made, unless it is in the store
/// already, since their sizes may depend on it; no image is written. An image is looked at as it is.
#[derive(Debug, Args)]
pub(crate) struct Layout {
    /// File whose images are planned (`FILE#NAME` is one of them), or a disk image.
    #[arg(value_name = "FILE|IMAGE")]
    pub(crate) file: String,
    #[command(flatten)]
    pub(crate) form: Form,
    /// Print a picture as SVG.
    #[arg(long, conflicts_with = "json")]
    pub(crate) svg: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) project: Project,
    #[command(flatten)]
    pub(crate) outside: Outside,
}

const LOCK_USAGE: &str = "\
gravure lock [OPTIONS] [FILE]...
       gravure lock [OPTIONS] [FILE]... --update [PACKAGE]...";

const LOCK_EXAMPLES: &str = "\
Examples:
  gravure lock                  add what is missing for all files of the project
  gravure lock --update         renew everything, and drop what no file needs any more
  gravure lock --update hello   renew `hello` only, and what its new version needs
  gravure lock a.img --update   renew the packages of `a.img`; those of other files stay";

/// Write down in `gravure.lock` which packages files need, without building anything.
///
/// `build` takes exactly the packages that the lock file names, whatever the mirror has by then. Without --update only
/// what is missing is added; with it, the newest state of the archives and the best versions are taken: of all packages,
/// or of those that are named.
///
/// What ends with `.img` or has a `/` or `#` in it is a FILE, every other name is a PACKAGE, wherever they stand.
#[derive(Debug, Args)]
#[command(override_usage = LOCK_USAGE, after_long_help = LOCK_EXAMPLES)]
pub(crate) struct Lock {
    /// Files whose images need packages, all `.img` files of the project if none is given; with --update also the
    /// packages to renew.
    #[arg(value_name = "FILE|PACKAGE")]
    pub(crate) names: Vec<String>,
    /// Take the newest state of the archives, and from it the best versions: of the packages that are named, else of all.
    #[arg(short, long, conflicts_with = "locked")]
    pub(crate) update: bool,
    #[command(flatten)]
    pub(crate) form: Form,
    #[command(flatten)]
    pub(crate) project: Project,
    #[command(flatten)]
    pub(crate) outside: Outside,
}

/// Run single nodes of a build again, each from its file alone, and compare what comes out.
///
/// The files are made by `gravure graph --tasks DIR`. Type, SHA-256 and length of what each node makes are printed;
/// where the store remembers another result for the node, that is an error.
#[derive(Debug, Args)]
pub(crate) struct Realise {
    /// Files with one node each.
    #[arg(value_name = "NODE", required = true)]
    pub(crate) nodes: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) outside: Outside,
}

/// Look after the store, where everything that was fetched or made is kept.
#[derive(Debug, Args)]
pub(crate) struct Store {
    #[command(subcommand)]
    pub(crate) command: StoreCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Hash everything in the store anew and report what is damaged.
    Verify(StorePlace),
    /// Print the directory of the store.
    Path(StorePlace),
    Gc(Gc),
}

/// Remove from the store what no build has used lately.
///
/// What a build took part in stays, down to the packages, also when it found everything ready. Nothing is removed while
/// another process uses the store, and what starts meanwhile waits. What is removed is fetched or made again when it is needed.
#[derive(Debug, Args)]
pub(crate) struct Gc {
    /// Keep what was used in the last N days.
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub(crate) keep_days: u32,
    /// Keep no more than this on disk, such as `20G`: what was used last.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) max_size: Option<u64>,
    /// Say what would be removed, and remove nothing.
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) place: StorePlace,
}

/// Reads a number of bytes: `500M`, `20G`, `20GiB`.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|character: char| !character.is_ascii_digit());
    let unit = match text[digits.len()..].trim_end_matches("iB") {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        "T" => 1 << 40,
        _ => 0,
    };
    let number: Option<u64> = digits.parse().ok().filter(|_| unit != 0);
    number.and_then(|number| number.checked_mul(unit)).ok_or_else(|| "write a size such as `500M` or `20G`".to_owned())
}

/// Into what the images and operating systems of files are turned.
#[derive(Debug, Args)]
pub(crate) struct Form {
    /// Turn the operating systems of the files into images of this type.
    #[arg(short = 't', long, value_name = "TYPE")]
    pub(crate) image_type: Option<String>,
    /// Turn everything to this platform, such as `aarch64-linux`; else it is what the files say.
    #[arg(long, value_name = "PLATFORM")]
    pub(crate) platform: Option<String>,
    /// Make images so large in whole, such as `2GiB` or `500M`; the root takes what the other partitions leave.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) image_size: Option<u64>,
    /// Name the root of operating systems so, where they are looked for it and in its partition.
    #[arg(long, value_name = "LABEL")]
    pub(crate) label: Option<String>,
    /// Make images that forget all changes at power-off.
    #[arg(long)]
    pub(crate) volatile: bool,
    /// Override a field of the files, such as `my-os.timezone="UTC"` or `my-os.services+=[svc.ntp]`; `image` is each image that
    /// they stand for. The last word on a field counts.
    #[arg(long = "set", value_name = "PATH=EXPR")]
    pub(crate) overrides: Vec<String>,
}

impl Form {
    /// Returns what the command line says beside files.
    pub(crate) fn said<'a>(&'a self, expression: Option<&'a Expression>) -> Said<'a> {
        Said { overrides: &self.overrides, expression: expression.and_then(|expression| expression.text.as_deref()) }
    }

    /// Returns the same for the standard library.
    pub(crate) fn get(&self) -> gravure_stdlib::Form<'_> {
        gravure_stdlib::Form {
            image_type: self.image_type.as_deref(),
            platform: self.platform.as_deref(),
            size: self.image_size,
            label: self.label.as_deref(),
            is_volatile: self.volatile,
        }
    }
}

/// What is evaluated beside files.
#[derive(Debug, Args)]
pub(crate) struct Expression {
    /// Take this expression instead of what a file exports. It sees the fields and imports of the file, if there is one, and the
    /// files of the library by their names, such as `images` or `pine64`.
    #[arg(short = 'e', long = "expression", id = "expression", value_name = "EXPR")]
    pub(crate) text: Option<String>,
}

/// Where paths of the configuration may lead.
#[derive(Debug, Args)]
pub(crate) struct Project {
    /// Project root, which no import may leave; else the nearest folder above a file with `gravure.lock` or `.git`,
    /// else the file's folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) limiting: Limiting,
}

/// How far a run may go.
#[derive(Debug, Args)]
pub(crate) struct Limiting {
    /// Set a limit, such as `string=64MiB`; --help lists them.
    #[arg(long = "limit", value_name = "NAME=VALUE", value_parser = limit, long_help = limits_help())]
    limits: Vec<(&'static Limit, u64)>,
}

impl Limiting {
    /// Returns the limits of the run: the last word on each counts.
    pub(crate) fn limits(&self) -> Limits {
        let mut limits = Limits::DEFAULT;
        self.limits.iter().for_each(|(limit, value)| (limit.set)(&mut limits, *value));
        limits
    }
}

fn limits_help() -> String {
    let line = |limit: &Limit| {
        let setting = format!("{}={}", limit.name, if limit.is_size { "SIZE" } else { "N" });
        format!("  {setting:19}  {} [default: {}]", limit.what, limit.default)
    };
    let lines: Vec<String> = LIMITS.iter().map(line).collect();
    format!("Set a limit that keeps a configuration from running away:\n\n{}", lines.join("\n"))
}

/// Reads a limit: `call-depth=20000`, `source-file=8MiB`.
fn limit(text: &str) -> Result<(&'static Limit, u64), String> {
    let (name, value) = text.split_once('=').ok_or("write a limit such as `string=64MiB`")?;
    let Some(limit) = LIMITS.iter().find(|limit| limit.name == name) else {
        let near = nearest(name, LIMITS.iter().map(|limit| limit.name));
        let names = || LIMITS.map(|limit| format!("`{}`", limit.name)).join(", ");
        let help = near.map_or_else(|| format!("limits are {}", names()), |near| format!("write `{near}`"));
        return Err(format!("there is no limit `{name}`; {help}"));
    };
    let most = if limit.is_size { gravure_lang::print_size(limit.most) } else { limit.most.to_string() };
    let number = if limit.is_size { size(value).ok() } else { value.parse().ok() };
    match number {
        None if limit.is_size => Err(format!("`{name}` is a size such as `64MiB`")),
        None => Err(format!("`{name}` is a whole number")),
        Some(0) => Err(format!("`{name}` is at least 1")),
        Some(number) if number > limit.most => Err(format!("`{name}` is at most {most}")),
        Some(number) => Ok((limit, number)),
    }
}

/// Where the store is.
#[derive(Debug, Args)]
pub(crate) struct StorePlace {
    /// Directory of the store; else $GRAVURE_STORE, else `gravure` in the user's cache directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
}

/// Everything outside of the files.
#[derive(Debug, Args)]
pub(crate) struct Outside {
    #[command(flatten)]
    pub(crate) place: StorePlace,
    /// Mirror of Debian to fetch packages from; else $GRAVURE_DEBIAN_MIRROR, else the one that this machine's apt uses.
    #[arg(long, value_name = "URL")]
    pub(crate) mirror: Option<String>,
    /// Do not use the network: what is in the store must do.
    #[arg(long)]
    pub(crate) offline: bool,
    /// Do not change `gravure.lock`: it must have all packages already.
    #[arg(long)]
    pub(crate) locked: bool,
    /// Take packages of this suite although its archive says that it has expired; only for frozen mirrors.
    #[arg(long, value_name = "SUITE")]
    pub(crate) allow_expired: Vec<String>,
}
