//! When something in a store was used last: the time of its file, renewed by whoever reads it.
//!
//! Once an hour is enough for a garbage collector that counts in days, so most reads write nothing.

use std::fs::Metadata;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, utimensat};

/// How old a time may be before it is renewed.
const HOUR: Duration = Duration::from_secs(3600);

/// Notes that the file with this metadata was used.
pub(super) fn note(path: &Path, metadata: &Metadata) {
    // A time in the future is that of another clock, and says that it was used lately as well.
    let is_old =
        metadata.modified().is_ok_and(|last| SystemTime::now().duration_since(last).is_ok_and(|age| HOUR < age));
    if is_old {
        let (now, unchanged) =
            (Timespec { tv_sec: 0, tv_nsec: UTIME_NOW }, Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT });
        // Nothing is lost but the note, in a store that cannot be written.
        let _ = utimensat(CWD, path, &Timestamps { last_access: unchanged, last_modification: now }, AtFlags::empty());
    }
}
