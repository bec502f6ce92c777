//! Debian systems: what package management leaves on a machine, without running any of it.
//!
//! Unpacked packages alone do not boot: their maintainer scripts make users, links, caches and databases when a package is
//! configured. Here each kind of that work is a *transform*: a function that reads the packages ([`Package`]) and the root so
//! far ([`Root`]) and puts into the root what the scripts would have put there. Every transform is general: it reads the
//! data that packages ship (`sysusers.d`, `pam-configs`, `[Install]` sections), or the calls in their scripts that have
//! one meaning (`update-alternatives --install`).
//!
//! | module | in place of |
//! |---|---|
//! | `root` | what the transforms work on |
//! | `package` | a package with its control files |
//! | `scripts` | reads maintainer scripts as commands |
//! | `accounts` | `/etc/passwd` and its like: `base-passwd`, `systemd-sysusers`, `adduser` |
//! | `file_commands` | `mkdir`, `cp`, `ln`, `chmod`, `ucf`, `dpkg-statoverride` and the like in scripts |
//! | `base_files` | `update-shells`, `dh_installnss`, and files that machines make for themselves |
//! | `alternatives` | `update-alternatives` |
//! | `dpkg_database` | dpkg: what is installed |
//! | `pam` | `pam-auth-update` |

mod accounts;
mod alternatives;
mod answers;
mod base_files;
mod dpkg_database;
mod file_commands;
mod package;
mod pam;
mod root;
pub mod scripts;
mod statoverride;
mod ucf;

pub use accounts::{Accounts, AccountsError, Group, User, accounts};
pub use alternatives::alternatives;
pub use base_files::base_files;
pub use dpkg_database::{PackageState, dpkg_database};
pub use file_commands::file_commands;
pub use package::{CONTROL_DIRECTORY, Package};
pub use pam::pam;
pub use root::{Error, Owner, Root};
