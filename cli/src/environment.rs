//! What the command line and the environment say together: the store, the network, the source date, the threads.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use gravure_sources::debian::{Access, Mirror, MirrorChoice, find_mirror_of_suite, read_apt_sources};
use gravure_sources::{Client, Error, Progress, Store, default_store};
use gravure_stdlib::Locking;

use crate::arguments;
use crate::terminal;
use crate::trouble::Complaint;

/// The configuration of the host's apt.
const APT: &str = "/etc/apt";

/// The store and the network of a run.
pub(crate) struct Outside {
    pub(crate) store: Store,
    /// None: the network may not be used.
    client: Option<Client>,
    mirror_argument: Option<String>,
    /// By suite; looked for when they are needed first.
    mirrors: Mutex<BTreeMap<String, Result<Mirror, Error>>>,
}

impl Outside {
    pub(crate) fn new(arguments: &arguments::Outside) -> Result<Outside, Complaint> {
        let store = open_store(&arguments.place)?;
        let client = if arguments.offline { None } else { Some(Client::from_environment()?) };
        Ok(Outside { store, client, mirror_argument: arguments.mirror.clone(), mirrors: Mutex::default() })
    }

    /// Returns how sources are to be reached; `progress` hears of downloads.
    pub(crate) fn access<'a>(&'a self, progress: &'a dyn Progress) -> Access<'a> {
        match &self.client {
            Some(client) => Access::Online(client, progress),
            None => Access::Offline,
        }
    }

    /// Returns the mirror of a suite: named by the command line, the environment, or the host's apt.
    pub(crate) fn mirror(&self, suite: &str) -> Result<Mirror, Error> {
        let mut mirrors = self.mirrors.lock().unwrap_or_else(PoisonError::into_inner);
        mirrors.entry(suite.to_owned()).or_insert_with(|| self.find_mirror(suite)).clone()
    }

    fn find_mirror(&self, suite: &str) -> Result<Mirror, Error> {
        let environment = env::var("GRAVURE_DEBIAN_MIRROR").ok();
        let choice = MirrorChoice {
            flag: self.mirror_argument.as_deref(),
            environment: environment.as_deref(),
            configuration: None,
            apt: &read_apt_sources(Path::new(APT))?,
        };
        find_mirror_of_suite(suite, &choice)
    }
}

/// Returns what the clock says, in seconds since 1970; only lock files are held against it.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// Returns how lock files are used unless a command brings them up to date.
pub(crate) fn locking(arguments: &arguments::Outside) -> Locking {
    Locking {
        is_frozen: arguments.locked,
        now: now(),
        allow_expired: arguments.allow_expired.clone(),
        ..Locking::default()
    }
}

/// Opens the store; while somebody removes from it, that is said and waited for.
pub(crate) fn open_store(arguments: &arguments::StorePlace) -> Result<Store, Complaint> {
    let path = store_path(arguments)?;
    let waits = || terminal::say(&format!("waiting: `gravure store gc` removes from the store `{}`\n", path.display()));
    Ok(Store::open_or_wait(&path, waits)?)
}

/// Returns the directory of the store.
pub(crate) fn store_path(arguments: &arguments::StorePlace) -> Result<PathBuf, Complaint> {
    match &arguments.store {
        Some(path) => Ok(path.clone()),
        None => Ok(default_store(env::var_os("GRAVURE_STORE"), env::var_os("XDG_CACHE_HOME"), env::var_os("HOME"))?),
    }
}

/// Returns the source date that `SOURCE_DATE_EPOCH` asks for, in seconds since 1970
/// (reproducible-builds.org/specs/source-date-epoch).
pub(crate) fn source_date() -> Result<Option<i64>, Complaint> {
    match env::var_os("SOURCE_DATE_EPOCH") {
        None => Ok(None),
        Some(value) => match value.to_str().and_then(|text| text.parse().ok()) {
            Some(seconds) => Ok(Some(seconds)),
            None => {
                let value = value.to_string_lossy();
                Err(Complaint::usage(format!(
                    "`SOURCE_DATE_EPOCH` is `{value}`, and not a number of seconds since 1970"
                )))
            }
        },
    }
}

/// Returns how many threads work: as asked, else one for each processor. Everything parallel in this process keeps to it.
///
/// To be called once, before anything is done in parallel.
pub(crate) fn threads(asked: Option<u16>) -> usize {
    let threads = match asked {
        Some(number) => usize::from(number),
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .expect("the pool is built once, before its use");
    threads
}
