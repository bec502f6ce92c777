//! The attempts of one download: what has arrived so far, and how the next request continues it.

use std::io::{self, Read, Write};
use std::time::Duration;

use gravure_formats::Digest;
use ureq::http::{Response, header};
use ureq::{Agent, Body};

use super::{Download, Settings};
use crate::error::{Error, ErrorKind, quoted_text, reason};
use crate::progress::{Progress, Transfer};
use crate::store::{ObjectWriter, Store};

/// How many attempts there are at most, though each may bring something.
const MAX_ATTEMPTS: u32 = 50;

/// The longest pause between attempts.
const MAX_PAUSE: Duration = Duration::from_secs(10);

/// One download under way.
pub(super) struct Attempts<'a> {
    agent: &'a Agent,
    settings: &'a Settings,
    wanted: &'a Download,
    store: &'a Store,
    bar: Box<dyn Transfer + 'a>,
    /// What has arrived.
    writer: ObjectWriter<'a>,
    /// Whether that came from more than one answer.
    pieced: bool,
}

/// Why an attempt failed.
enum Failure {
    /// It may work next time.
    Passing(String),
    /// It will not.
    Lasting(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Lasting(error)
    }
}

impl<'a> Attempts<'a> {
    pub(super) fn new(
        agent: &'a Agent,
        settings: &'a Settings,
        wanted: &'a Download,
        store: &'a Store,
        progress: &'a dyn Progress,
    ) -> Result<Attempts<'a>, Error> {
        let bar = progress.started(&wanted.what, wanted.len);
        Ok(Attempts { agent, settings, wanted, store, bar, writer: store.writer()?, pieced: false })
    }

    /// Tries until the content is there and right, or it is clear that it will not be.
    pub(super) fn run(mut self) -> Result<(Digest, u64), Error> {
        let mut barren = 0;
        let mut cause = String::new();
        for _ in 0..MAX_ATTEMPTS {
            let before = self.writer.written();
            cause = match self.attempt() {
                Ok(()) if self.is_right() => return self.writer.finish(),
                Ok(()) if self.pieced => {
                    self.restart()?;
                    "what came in several pieces is not what was declared".to_owned()
                }
                Ok(()) => return Err(self.mismatch()),
                Err(Failure::Lasting(error)) => return Err(error),
                Err(Failure::Passing(cause)) => cause,
            };
            let can_continue = self.wanted.digest.is_some();
            barren = if can_continue && before < self.writer.written() { 1 } else { barren + 1 };
            if self.settings.attempts <= barren {
                break;
            }
            if !can_continue {
                self.restart()?;
            }
            std::thread::sleep(MAX_PAUSE.min(self.settings.pause * 2u32.saturating_pow(barren - 1)));
        }
        Err(self.unreachable(&cause))
    }

    /// Asks once, and receives as much as comes.
    fn attempt(&mut self) -> Result<(), Failure> {
        let have = self.writer.written();
        if 0 < have && self.wanted.len == Some(have) {
            return Ok(());
        }
        let mut request = self.agent.get(&self.wanted.url);
        if 0 < have {
            request = request.header(header::RANGE, format!("bytes={have}-"));
        }
        let response = request.call().map_err(|error| self.failure(error))?;
        let skip = match response.status().as_u16() {
            200 => have,
            206 if range_start(&response) == Some(have) => 0,
            206 | 416 if 0 < have => {
                self.restart()?;
                return Err(Failure::Passing("the server cannot continue where the connection was cut".to_owned()));
            }
            404 | 410 => return Err(self.missing().into()),
            408 | 425 | 429 | 500 | 502 | 503 | 504 => return Err(Failure::Passing(answer(&response))),
            _ => return Err(self.unreachable(&answer(&response)).into()),
        };
        self.pieced |= 0 < have;
        self.receive(response, skip)
    }

    /// Writes the body of an answer, but for its first `skip` bytes, which are here already.
    fn receive(&mut self, response: Response<Body>, skip: u64) -> Result<(), Failure> {
        let says_its_length = response.body().content_length().is_some();
        let mut body = response.into_body().into_with_config().limit(u64::MAX).reader();
        let skipped =
            io::copy(&mut (&mut body).take(skip), &mut io::sink()).map_err(|error| self.failure(error.into()))?;
        if skipped < skip {
            self.restart()?;
            return Err(Failure::Passing("the server now sends less than it did".to_owned()));
        }
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let len = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(len) => len,
                Err(error) => return Err(self.failure(error.into())),
            };
            self.take(&buffer[..len])?;
        }
        if !says_its_length && self.wanted.len.is_some_and(|len| self.writer.written() < len) {
            return Err(Failure::Passing("the connection was closed early".to_owned()));
        }
        Ok(())
    }

    /// Writes what has arrived, up to the length that is wanted.
    fn take(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let limit = self.wanted.len.unwrap_or(self.wanted.limit);
        let room = limit - self.writer.written();
        let fitting = &bytes[..bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX))];
        self.writer.write_all(fitting)?;
        self.bar.at(self.writer.written());
        if fitting.len() < bytes.len() { Err(self.too_long()) } else { Ok(()) }
    }

    /// Forgets what has arrived.
    fn restart(&mut self) -> Result<(), Error> {
        self.writer = self.store.writer()?;
        self.pieced = false;
        self.bar.at(0);
        Ok(())
    }

    /// Whether what has arrived is what is wanted.
    fn is_right(&self) -> bool {
        self.wanted.len.is_none_or(|len| len == self.writer.written())
            && self.wanted.digest.is_none_or(|digest| digest == self.writer.digest())
    }

    /// Returns the error for content that came whole and is not what was declared.
    fn mismatch(&self) -> Error {
        let came = format!("{} bytes with SHA-256 {} came", self.writer.written(), self.writer.digest());
        self.refused(&came)
    }

    /// Returns the error for content that goes on behind its declared end.
    fn too_long(&self) -> Error {
        let len = self.writer.written();
        match self.wanted.len {
            Some(_) => self.refused(&format!("more came, and the first {len} have SHA-256 {}", self.writer.digest())),
            None => Error::new(ErrorKind::Integrity, format!("{} is longer than the limit of {len} bytes", self.url())),
        }
    }

    fn refused(&self, came: &str) -> Error {
        let declared = match (self.wanted.len, self.wanted.digest) {
            (Some(len), Some(digest)) => format!("{len} bytes with SHA-256 {digest} are declared"),
            (Some(len), None) => format!("{len} bytes are declared"),
            (None, Some(digest)) => format!("SHA-256 {digest} is declared"),
            (None, None) => "nothing is declared".to_owned(),
        };
        Error::new(ErrorKind::Integrity, format!("{} is not what it should be: {declared}, but {came}", self.url()))
    }

    /// Returns the error for a server that does not do its part.
    fn unreachable(&self, cause: &str) -> Error {
        let progress = match (self.writer.written(), self.wanted.len) {
            (0, _) => String::new(),
            (have, Some(len)) => format!(" (after {have} of {len} bytes)"),
            (have, None) => format!(" (after {have} bytes)"),
        };
        Error::new(ErrorKind::Network, format!("cannot fetch {}: {cause}{progress}", self.url()))
    }

    fn missing(&self) -> Error {
        Error::new(ErrorKind::Missing, format!("cannot fetch {}: the server does not have it", self.url()))
    }

    /// Returns the address for messages.
    fn url(&self) -> String {
        quoted_text(&without_password(&self.wanted.url))
    }

    fn failure(&self, error: ureq::Error) -> Failure {
        match error {
            ureq::Error::Io(cause) => Failure::Passing(reason(&cause)),
            ureq::Error::Timeout(_) => Failure::Passing(format!("no answer for {:?}", self.settings.patience)),
            ureq::Error::ConnectionFailed | ureq::Error::Protocol(_) | ureq::Error::BodyStalled => {
                Failure::Passing(error.to_string())
            }
            _ => Failure::Lasting(self.unreachable(&error.to_string())),
        }
    }
}

/// Returns where the range of an answer starts, which says `Content-Range: bytes START-END/LENGTH` (RFC 9110, 14.4).
fn range_start(response: &Response<Body>) -> Option<u64> {
    let range = response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok()
}

fn answer(response: &Response<Body>) -> String {
    format!("the server answers \"{}\"", response.status())
}

/// Returns an address without the user and password that may stand in it.
fn without_password(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find('/').map_or(url.len(), |at| start + at);
    match url[start..end].rfind('@') {
        Some(at) => format!("{}{}", &url[..start], &url[start + at + 1..]),
        None => url.to_owned(),
    }
}
