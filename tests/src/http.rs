//! A web server on this machine, which answers as a test says.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// A request as the server saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The path of the address.
    pub path: String,
    /// Where the range starts that was asked for.
    pub from: Option<u64>,
}

/// What the server answers.
pub struct Reply {
    status: &'static str,
    headers: Vec<String>,
    body: Vec<u8>,
}

impl Reply {
    /// An answer without a length: the end of the connection is the end of the body.
    pub fn unmeasured(body: &[u8]) -> Reply {
        Reply { status: "200 OK", headers: Vec::new(), body: body.to_vec() }
    }

    /// A complete answer with everything.
    pub fn whole(body: &[u8]) -> Reply {
        Reply::unmeasured(body).header(format!("Content-Length: {}", body.len()))
    }

    /// A complete answer with the bytes from `from` on.
    pub fn rest(body: &[u8], from: u64) -> Reply {
        let rest = &body[from as usize..];
        let range = format!("Content-Range: bytes {from}-{}/{}", body.len() - 1, body.len());
        Reply { status: "206 Partial Content", ..Reply::whole(rest) }.header(range)
    }

    /// An answer without content.
    pub fn status(status: &'static str) -> Reply {
        Reply { status, ..Reply::whole(b"") }
    }

    /// The same answer with one more header.
    pub fn header(mut self, header: String) -> Reply {
        self.headers.push(header);
        self
    }

    /// The same answer, but the connection is cut after `len` bytes of the body.
    pub fn cut(mut self, len: usize) -> Reply {
        self.body.truncate(len);
        self
    }
}

/// A web server on this machine that answers as the test says; it stops when it is dropped.
pub struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server; `answer` is given each request and how many came before it.
    pub fn start(answer: impl Fn(&Request, usize) -> Reply + Send + 'static) -> Server {
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
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns the requests that came so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("nothing panics under this lock").clone()
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
        let mut requests = requests.lock().expect("nothing panics under this lock");
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
