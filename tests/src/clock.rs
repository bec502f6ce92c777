//! A clock that is wrong, for one program: a library that is loaded before all others and answers what time it is.
//!
//! Only the process that is started with it is deceived, and only about the time of day; the file system goes on as ever. So the
//! product needs no door for its tests, and whatever of it asks for the time is covered.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::tool::Tool;

/// Rust needs one to link, so there is one.
const CC: Tool = Tool { program: "cc", package: "gcc" };

const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t now(void) { return atoll(getenv("WRONG_CLOCK")); }

int clock_gettime(clockid_t clock, struct timespec *time) {
    if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)
        return syscall(SYS_clock_gettime, clock, time);
    time->tv_sec = now();
    time->tv_nsec = 0;
    return 0;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    (void)zone;
    time->tv_sec = now();
    time->tv_usec = 0;
    return 0;
}

time_t time(time_t *result) {
    if (result)
        *result = now();
    return now();
}
"#;

/// Makes the library in `directory` and returns its path: for `LD_PRELOAD`, beside `WRONG_CLOCK` in seconds since 1970.
#[track_caller]
pub fn library(directory: &Path) -> PathBuf {
    let (source, library) = (directory.join("clock.c"), directory.join("clock.so"));
    fs::write(&source, SOURCE).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    let printed =
        CC.run(&[OsStr::new("-shared"), OsStr::new("-fPIC"), OsStr::new("-o"), library.as_ref(), source.as_ref()]);
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    library
}
