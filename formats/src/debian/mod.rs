//! Debian systems: which packages they consist of, and what package management leaves on a machine, without running any of it.
//!
//! Which packages a system needs is a question for indexes ([`resolve`](closure::resolve)). Unpacked packages alone do not
//! boot: their maintainer scripts make users, links, caches and databases when a package is configured. Each kind of that
//! work is a *transform* here: a function that reads the packages ([`Package`]) and the root so far ([`Root`]) and puts
//! into the root what the scripts would have put there. Every transform is general: it reads the data that packages ship
//! (`sysusers.d`, `pam-configs`, `[Install]` sections), or the calls in their scripts that have one meaning
//! (`update-alternatives --install`).
//!
//! | module | what |
//! |---|---|
//! | `relation` | what packages say of one another: `Depends`, `Provides`, `Conflicts` |
//! | `universe` | the candidates that several indexes have |
//! | `closure` | the packages that requests need |
//! | `explain` | why there is no such set |
//! | `root` | what the transforms work on |
//! | `package` | a package with its control files |
//! | `report` | nothing: it tells what none of the others does |
//! | `tmpfiles` | `systemd-tmpfiles --create` |
//! | `units` | `systemctl enable`, `deb-systemd-helper` |
//! | `scripts` | reads maintainer scripts as commands |
//! | `accounts` | `/etc/passwd` and its like: `base-passwd`, `systemd-sysusers`, `adduser` |
//! | `file_commands` | `mkdir`, `cp`, `ln`, `chmod`, `ucf`, `dpkg-statoverride` and the like in scripts |
//! | `base_files` | `update-shells`, `dh_installnss`, and files that machines make for themselves |
//! | `alternatives` | `update-alternatives` |
//! | `certificates` | `update-ca-certificates` |
//! | `diversions` | `dpkg-divert`, before packages are merged |
//! | `dpkg_database` | dpkg: what is installed |
//! | `loader_cache` | `ldconfig` |
//! | `module_indexes` | `depmod` |
//! | `pam` | `pam-auth-update` |

mod accounts;
mod alternatives;
mod answers;
mod base_files;
mod candidates;
mod capabilities;
mod certificates;
pub mod closure;
mod diversions;
mod dpkg_database;
pub mod explain;
mod file_commands;
mod loader_cache;
mod missing;
mod module_indexes;
pub mod nearest;
mod package;
mod pam;
mod questions;
pub mod relation;
mod report;
mod root;
pub mod scripts;
mod search;
mod selection;
mod statoverride;
mod tmpfiles;
mod ucf;
mod units;
pub mod universe;

pub use accounts::{Accounts, AccountsError, Group, User, accounts};
pub use alternatives::alternatives;
pub use base_files::base_files;
pub use certificates::certificates;
pub use diversions::{Diversions, diversions};
pub use dpkg_database::{PackageState, dpkg_database};
pub use file_commands::file_commands;
pub use loader_cache::loader_cache;
pub use module_indexes::module_indexes;
pub use package::{CONTROL_DIRECTORY, Package};
pub use pam::pam;
pub use report::{Unreproduced, unreproduced};
pub use root::{Error, Owner, Root};
pub use tmpfiles::tmpfiles;
pub use units::{Enablement, units};
