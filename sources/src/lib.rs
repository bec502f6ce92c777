//! The outside: the store on disk, HTTP, Debian archives, local files, and the sink that writes images.
//!
//! This is the only crate besides the command line that does input and output. Everything that comes in
//! goes into the [`Store`] under its SHA-256 and is referred to by that name from there on; everything that
//! goes out goes through [`write_image`]. Both appear complete under their names, or not at all.
//!
//! Nothing here reads the environment on its own but where a function's documentation says so (proxies and
//! certificates of [`Client::from_environment`], the files of [`debian::read_apt_sources`]).

mod date;
pub mod debian;
mod error;
mod files;
mod http;
mod openpgp;
mod progress;
mod sink;
mod store;
#[cfg(test)]
mod testing;

pub use date::day;
pub use error::{Error, ErrorKind};
pub use files::{Imported, import_directory, import_file};
pub use http::{Client, Download, Settings};
pub use openpgp::Fingerprint;
pub use progress::{Progress, Silent, Transfer};
pub use sink::{is_current, replace_file, write_image, write_image_of};
pub use store::{Alone, Form, Garbage, Keep, ObjectWriter, Problem, Reference, Store, default_store};
