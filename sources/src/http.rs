//! Downloads over HTTP, straight into the store.
//!
//! What fails in passing (a cut connection, a busy server) is tried again after a pause. When the content is
//! known by its hash, the next attempt asks for the rest only, and is content with a server that sends the
//! rest (206) as well as with one that sends everything (200): whatever came together, the hash decides. Content
//! that is not known by its hash is fetched anew, since it may have changed between the attempts.
//!
//! Calls block. [`Client::download_all`] keeps a few threads of its own waiting, never those that compute.

mod attempt;

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gravure_formats::Digest;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};

use crate::error::{Error, ErrorKind};
use crate::progress::Progress;
use crate::store::Store;
use attempt::Attempts;

/// How many downloads run at once.
const PARALLEL: usize = 6;

/// One thing to download.
#[derive(Clone, Debug)]
pub struct Download {
    /// The address.
    pub url: String,
    /// What it is called while it is under way.
    pub what: String,
    /// The SHA-256 that it must have, when that is known.
    pub digest: Option<Digest>,
    /// The length in bytes that it must have, when that is known.
    pub len: Option<u64>,
    /// The length in bytes from which on it is refused, when its length is not known.
    pub limit: u64,
}

impl Download {
    /// Returns the download of an address of which nothing is known, of at most 16 GiB.
    pub fn new(url: impl Into<String>) -> Download {
        let url = url.into();
        let what = url.rsplit('/').find(|part| !part.is_empty()).unwrap_or(&url).to_owned();
        Download { url, what, digest: None, len: None, limit: 16 << 30 }
    }
}

/// How patient a client is, and whom it trusts.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many attempts in a row may bring nothing.
    pub attempts: u32,
    /// The pause after the first failed attempt; it doubles with each one after it.
    pub pause: Duration,
    /// How long a server may stay silent.
    pub patience: Duration,
    /// Whether the usual variables (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`, ...) name a proxy.
    pub proxy_from_environment: bool,
    /// Certificates of authorities (PEM) to trust in place of those that browsers trust.
    pub authorities: Option<Vec<u8>>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            attempts: 4,
            pause: Duration::from_millis(500),
            patience: Duration::from_secs(60),
            proxy_from_environment: true,
            authorities: None,
        }
    }
}

/// Fetches things over HTTP and HTTPS; connections are kept open and shared between threads.
#[derive(Debug)]
pub struct Client {
    agent: ureq::Agent,
    settings: Settings,
}

impl Client {
    /// Returns a client that heeds the proxies of the environment and `SSL_CERT_FILE`, as curl does.
    ///
    /// # Errors
    /// `SSL_CERT_FILE` names no file of certificates.
    pub fn from_environment() -> Result<Client, Error> {
        let mut settings = Settings::default();
        if let Some(path) = std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty()) {
            let path = Path::new(&path);
            settings.authorities =
                Some(fs::read(path).map_err(|error| Error::io("read certificates from", path, error))?);
        }
        Client::new(settings)
    }

    /// Returns a client with these settings.
    ///
    /// # Errors
    /// The authorities are no certificates.
    pub fn new(settings: Settings) -> Result<Client, Error> {
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(concat!("gravure/", env!("CARGO_PKG_VERSION")))
            // Bytes are wanted as they are stored on the server: they are hashed.
            .accept_encoding("identity")
            .timeout_connect(Some(settings.patience))
            .timeout_per_read(Some(settings.patience))
            .timeout_per_write(Some(settings.patience));
        if !settings.proxy_from_environment {
            config = config.proxy(None);
        }
        if let Some(pem) = &settings.authorities {
            let roots = RootCerts::new_with_certs(&certificates(pem)?);
            config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        Ok(Client { agent: config.build().new_agent(), settings })
    }

    /// Fetches one thing into the store and returns its name and length in bytes; without asking anybody, when it is there.
    ///
    /// # Errors
    /// The server cannot be reached or does not have it (kind `Missing` for 404 and 410), the content is not
    /// what was declared, or the store cannot be written.
    pub fn download(&self, wanted: &Download, store: &Store, progress: &dyn Progress) -> Result<(Digest, u64), Error> {
        if let Some(digest) = wanted.digest
            && let Ok(len) = store.len(&digest)
            && wanted.len.is_none_or(|wanted| wanted == len)
        {
            return Ok((digest, len));
        }
        Attempts::new(&self.agent, &self.settings, wanted, store, progress)?.run()
    }

    /// Fetches several things at once, on threads of its own; the results are in the order of the wishes.
    pub fn download_all(
        &self,
        wanted: &[Download],
        store: &Store,
        progress: &dyn Progress,
    ) -> Vec<Result<(Digest, u64), Error>> {
        let next = AtomicUsize::new(0);
        let results: Vec<Mutex<Option<Result<_, _>>>> = wanted.iter().map(|_| Mutex::new(None)).collect();
        std::thread::scope(|scope| {
            for _ in 0..PARALLEL.min(wanted.len()) {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(download) = wanted.get(index) else { break };
                        let result = self.download(download, store, progress);
                        *results[index].lock().expect("nobody panics with a result in hand") = Some(result);
                    }
                });
            }
        });
        let result = |slot: Mutex<Option<_>>| slot.into_inner().expect("nobody panics with a result in hand");
        results.into_iter().map(|slot| result(slot).expect("every wish was taken by a thread")).collect()
    }
}

/// Returns the certificates in a PEM file, which may hold other things too.
fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>, Error> {
    let found: Vec<Certificate<'static>> = ureq::tls::parse_pem(pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if found.is_empty() {
        return Err(Error::new(ErrorKind::Refused, "no certificate in the file that `SSL_CERT_FILE` names"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::progress::{Silent, Transfer};
    use crate::testing::{Reply, Request, Scratch, Server, client, noise};

    fn wanted(server: &Server, bytes: &[u8]) -> Download {
        let (digest, len) = (Some(Digest::of(bytes)), Some(bytes.len() as u64));
        Download { digest, len, ..Download::new(server.url("/pool/x.deb")) }
    }

    type Fetched = Result<(Digest, u64), Error>;

    /// Fetches what is declared from a server that answers so; returns the result, and where the ranges started that were asked for.
    fn fetch(
        declared: &[u8],
        answer: impl Fn(&Request, usize) -> Reply + Send + 'static,
    ) -> (Fetched, Vec<Option<u64>>) {
        let scratch = Scratch::new();
        let store = scratch.store();
        let server = Server::start(answer);
        let result = client().download(&wanted(&server, declared), &store, &Silent);
        if let Ok((digest, _)) = &result {
            assert_eq!(store.read(digest).unwrap(), declared);
        }
        assert_eq!(std::fs::read_dir(store.root().join("temporary")).unwrap().count(), 0);
        let message =
            |error: Error| Error { message: error.message.replace(&server.url(""), "http://server"), ..error };
        (result.map_err(message), server.requests().into_iter().map(|request| request.from).collect())
    }

    #[test]
    fn content_is_fetched_once() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let body = noise(300_000, 1);
        let server = Server::start({
            let body = body.clone();
            move |_, _| Reply::whole(&body)
        });
        let download = wanted(&server, &body);
        for _ in 0..2 {
            assert_eq!(client().download(&download, &store, &Silent), Ok((Digest::of(&body), 300_000)));
        }
        assert_eq!(server.requests().len(), 1);
        assert_eq!(download.what, "x.deb");
    }

    /// Writes down what it hears.
    #[derive(Default)]
    struct Diary(Mutex<Vec<String>>);

    impl Progress for Diary {
        fn started(&self, what: &str, len: Option<u64>) -> Box<dyn Transfer + '_> {
            self.0.lock().unwrap().push(format!("{what}: {len:?}"));
            Box::new(self)
        }
    }

    impl Transfer for &Diary {
        fn at(&mut self, bytes: u64) {
            let mut lines = self.0.lock().unwrap();
            // How many bytes come at once is up to the network.
            if lines.last().is_some_and(|last| last.starts_with("at ")) {
                lines.pop();
            }
            lines.push(format!("at {bytes}"));
        }
    }

    #[test]
    fn whoever_wants_to_know_hears_how_far_it_is() {
        let scratch = Scratch::new();
        let server = Server::start(|_, number| match number {
            0 => Reply::status("503 Service Unavailable"),
            _ => Reply::whole(b"content"),
        });
        let diary = Diary::default();
        let wanted = Download { len: Some(7), ..Download::new(server.url("/x")) };
        client().download(&wanted, &scratch.store(), &diary).unwrap();
        assert_eq!(diary.0.into_inner().unwrap(), ["x: Some(7)", "at 7"]);
    }

    #[test]
    fn cut_connections_are_continued() {
        let body = noise(300_000, 2);
        let (result, requests) = fetch(&body.clone(), move |request, number| match (number, request.from) {
            (0, None) => Reply::whole(&body).cut(100_000),
            (1, Some(from)) => Reply::rest(&body, from).cut(50_000),
            (_, Some(from)) => Reply::rest(&body, from),
            (_, None) => Reply::status("400 Bad Request"),
        });
        assert_eq!(result.unwrap().1, 300_000);
        assert_eq!(requests, [None, Some(100_000), Some(150_000)]);
    }

    #[test]
    fn servers_that_know_no_ranges_send_everything_again() {
        let body = noise(300_000, 3);
        let (result, requests) = fetch(&body.clone(), move |_, number| match number {
            0 => Reply::whole(&body).cut(100_000),
            _ => Reply::whole(&body),
        });
        assert_eq!(result.unwrap().1, 300_000);
        assert_eq!(requests, [None, Some(100_000)]);
    }

    #[test]
    fn a_file_that_changed_between_the_pieces_is_fetched_whole() {
        let (old, new) = (noise(300_000, 4), noise(300_000, 5));
        let (result, requests) = fetch(&new.clone(), move |request, number| match (number, request.from) {
            (0, _) => Reply::whole(&old).cut(100_000),
            (_, Some(from)) => Reply::rest(&new, from),
            (_, None) => Reply::whole(&new),
        });
        assert_eq!(result.unwrap().1, 300_000);
        assert_eq!(requests, [None, Some(100_000), None]);
    }

    #[test]
    fn a_wrong_range_is_not_taken() {
        let body = noise(300_000, 6);
        let (result, requests) = fetch(&body.clone(), move |request, number| match (number, request.from) {
            (0, _) => Reply::whole(&body).cut(100_000),
            (_, Some(_)) => Reply::rest(&body, 5),
            (_, None) => Reply::whole(&body),
        });
        assert_eq!(result.unwrap().1, 300_000);
        assert_eq!(requests, [None, Some(100_000), None]);
    }

    #[test]
    fn busy_servers_are_asked_again_and_then_given_up() {
        let (result, _) = fetch(b"abc", |_, number| match number {
            0 => Reply::status("503 Service Unavailable"),
            1 => Reply::status("429 Too Many Requests"),
            _ => Reply::whole(b"abc"),
        });
        assert_eq!(result, Ok((Digest::of(b"abc"), 3)));
        let (result, requests) = fetch(b"abc", |_, _| Reply::status("503 Service Unavailable"));
        let message = "cannot fetch `http://server/pool/x.deb`: the server answers \"503 Service Unavailable\"";
        assert_eq!(result, Err(Error::new(ErrorKind::Network, message)));
        assert_eq!(requests.len(), 3);
    }

    #[test]
    fn what_is_not_there_is_said_at_once() {
        let (result, requests) = fetch(b"abc", |_, _| Reply::status("404 Not Found"));
        let message = "cannot fetch `http://server/pool/x.deb`: the server does not have it";
        assert_eq!(result, Err(Error::new(ErrorKind::Missing, message)));
        assert_eq!(requests.len(), 1);
    }

    #[test]
    fn redirections_are_followed() {
        let (result, requests) = fetch(b"abc", |request, _| match request.path.as_str() {
            "/elsewhere" => Reply::whole(b"abc"),
            _ => Reply::status("302 Found").header("Location: /elsewhere".to_owned()),
        });
        assert_eq!(result, Ok((Digest::of(b"abc"), 3)));
        assert_eq!(requests.len(), 2);
    }

    #[test]
    fn wrong_content_is_refused_with_lengths_and_hashes() {
        let refused = |sent: &'static [u8]| {
            let (result, requests) = fetch(b"right", move |_, _| Reply::whole(sent));
            assert_eq!(requests.len(), 1);
            let error = result.unwrap_err();
            assert_eq!(error.exit_code(), 5);
            error.message
        };
        let start = format!(
            "`http://server/pool/x.deb` is not what it should be: 5 bytes with SHA-256 {} are declared, but",
            Digest::of(b"right")
        );
        assert_eq!(refused(b"wrong"), format!("{start} 5 bytes with SHA-256 {} came", Digest::of(b"wrong")));
        assert_eq!(refused(b"rig"), format!("{start} 3 bytes with SHA-256 {} came", Digest::of(b"rig")));
        let longer = format!("{start} more came, and the first 5 have SHA-256 {}", Digest::of(b"right"));
        assert_eq!(refused(b"right and more"), longer);
    }

    #[test]
    fn unmeasured_answers_are_taken_whole_and_continued_when_short() {
        let (result, requests) = fetch(b"0123456789", |request, _| match request.from {
            None => Reply::unmeasured(b"0123"),
            Some(from) => Reply::rest(b"0123456789", from),
        });
        assert_eq!(result.unwrap().1, 10);
        assert_eq!(requests, [None, Some(4)]);
    }

    #[test]
    fn content_of_unknown_hash_is_never_pieced_together_and_has_a_limit() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let server = Server::start(|_, number| match number {
            0 => Reply::whole(b"old content").cut(5),
            _ => Reply::whole(b"new content"),
        });
        let download = Download::new(server.url("/InRelease"));
        let (digest, _) = client().download(&download, &store, &Silent).unwrap();
        assert_eq!(store.read(&digest).unwrap()[..], *b"new content");
        assert!(server.requests().iter().all(|request| request.from.is_none()));

        let error = client().download(&Download { limit: 4, ..download }, &store, &Silent).unwrap_err();
        assert!(error.message.ends_with("/InRelease` is longer than the limit of 4 bytes"), "{error}");
    }

    #[test]
    fn silent_and_absent_servers_are_given_up() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://user:secret@{}/x", listener.local_addr().unwrap());
        let impatient = Settings { attempts: 1, patience: Duration::from_millis(50), ..Settings::default() };
        let impatient = Client::new(Settings { proxy_from_environment: false, ..impatient }).unwrap();
        let error = impatient.download(&Download::new(&url), &store, &Silent).unwrap_err();
        assert!(error.message.ends_with("/x`: no answer for 50ms"), "{error}");
        drop(listener);
        let error = client().download(&Download::new(&url), &store, &Silent).unwrap_err();
        assert!(error.message.ends_with("/x`: Connection refused"), "{error}");
        assert!(!error.message.contains("secret"), "{error}");
        assert_eq!(error.kind, ErrorKind::Network);
    }

    #[test]
    fn many_downloads_come_back_in_order() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let server = Server::start(|request, _| match request.path.as_str() {
            "/7" => Reply::status("404 Not Found"),
            path => Reply::whole(path.as_bytes()),
        });
        let wanted: Vec<Download> = (0..20).map(|i| Download::new(server.url(&format!("/{i}")))).collect();
        let results = client().download_all(&wanted, &store, &Silent);
        for (i, result) in results.into_iter().enumerate() {
            match result {
                Ok((digest, _)) => assert_eq!(digest, Digest::of(format!("/{i}").as_bytes())),
                Err(error) => assert_eq!((i, error.kind), (7, ErrorKind::Missing)),
            }
        }
    }

    #[test]
    fn authorities_must_be_certificates() {
        let settings = Settings { authorities: Some(b"no PEM".to_vec()), ..Settings::default() };
        assert_eq!(Client::new(settings).unwrap_err().kind, ErrorKind::Refused);
    }
}
