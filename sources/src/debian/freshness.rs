//! Whether a state of an archive may be locked: it must be current, and no older than what was there before.
//!
//! A signature tells who made a state, not that it is the last one: a mirror that stands still, or somebody on the way, can
//! go on serving an old state with its known holes. What is locked already was judged then, and is not judged again.

use std::fmt;

use super::Index;
use crate::date;
use crate::error::{Error, ErrorKind, quoted_text};

/// How far the clocks of the archive and of this machine may differ, in seconds.
const TOLERANCE: i64 = 86_400;

/// No clock that says this second or a later one is right: 2106-01-01. Times of 32 bits end soon after.
const END_OF_TIME: i64 = 4_291_747_200;

/// What a state is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// What the clock of this machine says, in seconds since 1970.
    pub now: i64,
    /// The date of the state that is locked, if one is.
    pub locked: Option<i64>,
    /// Whether states that have expired are good enough: those of mirrors that are frozen on purpose.
    pub allow_expired: bool,
}

/// Why a state may not be locked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stale {
    /// The clock of this machine is wrong: it is before the archive was made, or far in the future.
    Clock {
        /// The address of the `InRelease`.
        url: String,
        /// What the clock says.
        now: i64,
        /// When the archive was made, or signed.
        made: i64,
    },
    /// It is older than the one that is locked.
    Rollback {
        /// The address of the `InRelease`.
        url: String,
        /// When it was made.
        made: i64,
        /// When the one that is locked was made.
        locked: i64,
    },
    /// Whoever made it does not stand by it any more.
    Expired {
        /// The address of the `InRelease`.
        url: String,
        /// Its suite.
        suite: String,
        /// Until when it was good.
        until: i64,
    },
}

impl Freshness {
    /// Returns the first reason against a state: with a wrong clock, nothing else can be said.
    pub(super) fn check(&self, index: &Index) -> Result<(), Stale> {
        let (url, made) = (index.archive().in_release_url(), index.date());
        let latest = index.signed().map_or(made, |signed| signed.at.max(made));
        if END_OF_TIME <= self.now || self.now + TOLERANCE < latest {
            return Err(Stale::Clock { url, now: self.now, made: latest });
        }
        if let Some(locked) = self.locked.filter(|&locked| made < locked) {
            return Err(Stale::Rollback { url, made, locked });
        }
        match index.valid_until().filter(|&until| until < self.now && !self.allow_expired) {
            Some(until) => Err(Stale::Expired { url, suite: index.archive().suite.clone(), until }),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stale::Clock { url, now, made } => write!(
                f,
                "the clock of this machine is implausible: it says {}, and {} was made at {}\nhelp: set the clock, and try again",
                date::format(*now),
                quoted_text(url),
                date::format(*made)
            ),
            Stale::Rollback { url, made, locked } => write!(
                f,
                "rollback: {} was made at {}, before the state of {} that is locked\nhelp: use another mirror, or wait until this one has caught up",
                quoted_text(url),
                date::format(*made),
                date::format(*locked)
            ),
            Stale::Expired { url, suite, until } => write!(
                f,
                "{} expired at {}; use `--allow-expired {suite}` only for frozen mirrors",
                quoted_text(url),
                date::format(*until)
            ),
        }
    }
}

impl std::error::Error for Stale {}

impl From<Stale> for Error {
    fn from(stale: Stale) -> Error {
        Error::new(ErrorKind::Integrity, stale.to_string())
    }
}

#[cfg(test)]
mod tests {
    use gravure_formats::compression::Compression;

    use super::super::testing::{DATE, MADE, Mock, archive, online, stanza};
    use super::*;
    use crate::testing::Scratch;

    #[test]
    fn only_current_states_are_to_be_locked() {
        let day = 86_400;
        let server = Mock::new()
            .index("main", &[&stanza("a", "1")], &[Compression::Xz])
            .replace(DATE, &format!("{DATE}\nValid-Until: Sat, 22 Nov 2025 09:46:24 UTC"))
            .serve();
        let archive = archive(&server);
        let index = online(&archive, &Scratch::new().store()).unwrap();
        let judge = |now, locked, allow_expired| {
            let result = index.judge(&Freshness { now, locked, allow_expired });
            result.map_err(|stale| Error::from(stale).message.replace(&archive.in_release_url(), "URL"))
        };
        let end = MADE + 7 * day;
        let expired = "`URL` expired at 2025-11-22 09:46:24 UTC; use `--allow-expired trixie` only for frozen mirrors";
        assert_eq!(judge(end, None, false), Ok(()));
        assert_eq!(judge(end + 1, None, false), Err(expired.to_owned()));
        assert_eq!(judge(end + 1, None, true), Ok(()));
        let rollback = "rollback: `URL` was made at 2025-11-15 09:46:24 UTC, before the state of 2025-11-15 09:46:25 UTC that is locked\n\
                        help: use another mirror, or wait until this one has caught up";
        assert_eq!(judge(end, Some(MADE), false), Ok(()));
        assert_eq!(judge(end, Some(MADE + 1), false), Err(rollback.to_owned()));
        assert_eq!(judge(end, Some(MADE + 1), true), Err(rollback.to_owned()));
        let clock = |says: &str| {
            let made = "`URL` was made at 2025-11-15 10:00:00 UTC";
            Err(format!(
                "the clock of this machine is implausible: it says {says}, and {made}\nhelp: set the clock, and try again"
            ))
        };
        let signed = index.signed().unwrap().at;
        assert_eq!(judge(signed - day, None, false), Ok(()));
        assert_eq!(judge(signed - day - 1, None, false), clock("2025-11-14 09:59:59 UTC"));
        assert_eq!(judge(0, None, false), clock("1970-01-01 00:00:00 UTC"));
        assert_eq!(judge(4_291_747_200, None, true), clock("2106-01-01 00:00:00 UTC"));
    }
}
