//! What the tests of this crate share: scratch stores, bytes that do not compress, and a web server.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use gravure_formats::compression::Compression;

use crate::{Client, Settings, Store};

/// A scratch directory with a store in it; both vanish at the end.
pub(crate) struct Scratch(tempfile::TempDir);

impl Scratch {
    pub(crate) fn new() -> Scratch {
        Scratch(tempfile::tempdir().expect("a scratch directory can be made"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Opens the store anew: nothing is remembered in memory.
    pub(crate) fn store(&self) -> Store {
        Store::open(&self.path().join("store")).expect("a store can be made")
    }
}

/// Returns bytes without a pattern, always the same for a seed (Knuth's MMIX generator).
pub(crate) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// Compresses, for the archives of the tests.
pub(crate) fn compress(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    match compression {
        Compression::None => bytes.to_vec(),
        Compression::Gzip => gravure_formats::compression::gzip(bytes, 1).expect("memory can be read"),
        Compression::Xz => {
            let mut encoder = xz2::write::XzEncoder::new(Vec::new(), 0);
            encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory can be written")
        }
        Compression::Zstd => unreachable!("no archive has indexes compressed so"),
    }
}

/// Returns a client that asks no proxy and does not wait long.
pub(crate) fn client() -> Client {
    let settings = Settings {
        attempts: 3,
        pause: Duration::from_millis(1),
        patience: Duration::from_secs(2),
        proxy_from_environment: false,
        authorities: None,
    };
    Client::new(settings).expect("these settings are sound")
}

/// A request as the server saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// The path of the address.
    pub(crate) path: String,
    /// Where the range starts that was asked for.
    pub(crate) from: Option<u64>,
}

/// What the server answers.
pub(crate) struct Reply {
    status: &'static str,
    headers: Vec<String>,
    body: Vec<u8>,
}

impl Reply {
    /// An answer without a length: the end of the connection is the end of the body.
    pub(crate) fn unmeasured(body: &[u8]) -> Reply {
        Reply { status: "200 OK", headers: Vec::new(), body: body.to_vec() }
    }

    /// A complete answer with everything.
    pub(crate) fn whole(body: &[u8]) -> Reply {
        Reply::unmeasured(body).header(format!("Content-Length: {}", body.len()))
    }

    /// A complete answer with the bytes from `from` on.
    pub(crate) fn rest(body: &[u8], from: u64) -> Reply {
        let rest = &body[from as usize..];
        let range = format!("Content-Range: bytes {from}-{}/{}", body.len() - 1, body.len());
        Reply { status: "206 Partial Content", ..Reply::whole(rest) }.header(range)
    }

    /// An answer without content.
    pub(crate) fn status(status: &'static str) -> Reply {
        Reply { status, ..Reply::whole(b"") }
    }

    pub(crate) fn header(mut self, header: String) -> Reply {
        self.headers.push(header);
        self
    }

    /// The same answer, but the connection is cut after `len` bytes of the body.
    pub(crate) fn cut(mut self, len: usize) -> Reply {
        self.body.truncate(len);
        self
    }
}

/// A web server on this machine that answers as the test says; it stops when it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server; `answer` is given each request and how many came before it.
    pub(crate) fn start(answer: impl Fn(&Request, usize) -> Reply + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let (requests, stop) = (requests.clone(), stop.clone());
            move || {
                for connection in listener.incoming().flatten() {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    serve(connection, &requests, &answer);
                }
            }
        });
        Server { address, requests, stop, thread: Some(thread) }
    }

    /// Returns the address of a path on the server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns the requests that came so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the server, which waits for a connection.
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Answers the one request of a connection; a client that goes away early is no concern of the server's.
fn serve(mut connection: TcpStream, requests: &Mutex<Vec<Request>>, answer: &impl Fn(&Request, usize) -> Reply) {
    let Some(request) = read_request(&connection) else { return };
    let number = {
        let mut requests = requests.lock().unwrap();
        requests.push(request.clone());
        requests.len() - 1
    };
    let reply = answer(&request, number);
    let mut head = format!("HTTP/1.1 {}\r\nConnection: close\r\n", reply.status);
    reply.headers.iter().for_each(|header| head.extend([header, "\r\n"]));
    head.push_str("\r\n");
    let _ = connection.write_all(head.as_bytes()).and_then(|()| connection.write_all(&reply.body));
}

fn read_request(connection: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(connection).lines().map_while(Result::ok);
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let mut from = None;
    for line in lines.take_while(|line| !line.is_empty()) {
        if let Some(range) = line.to_ascii_lowercase().strip_prefix("range: bytes=") {
            from = range.strip_suffix('-').and_then(|start| start.parse().ok());
        }
    }
    Some(Request { path, from })
}
