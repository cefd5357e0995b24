//! Origins on threads of the test: well-behaved ones, and others.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::Ordering;

use super::client::{chunk, fields, header, line};
use super::server::{Server, Shared, Socket};

/// How much of a request's body is kept.
const BODY_KEPT_BYTES: usize = 64 * 1024;

/// A server on a port of its own. Dropping it closes everything.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    server: Server<TcpStream>,
}

/// A request as it arrived.
#[derive(Debug)]
pub(crate) struct Request {
    /// The request line.
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    /// The beginning of the body, decoded, up to 64 KiB.
    pub(crate) body: Vec<u8>,
    /// The length of the whole body.
    pub(crate) body_bytes: u64,
}

impl Request {
    /// The value of the field `name`, in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    pub(crate) fn target(&self) -> &str {
        self.line.split(' ').nth(1).expect("a request line")
    }
}

/// What an origin does with a connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Keep,
    Close,
}

impl Origin {
    /// Answers every request with its own name in the field `Origin` and the request as it arrived in the body.
    pub(crate) fn echo(name: &'static str) -> Origin {
        Origin::echo_at("127.0.0.1:0", name)
    }

    /// As [`Origin::echo`], on an address that is given.
    pub(crate) fn echo_at(address: &str, name: &'static str) -> Origin {
        Origin::listen(address, move |shared, stream| {
            serve(shared, stream, &|request, out| echo(name, request, out))
        })
    }

    /// Answers as `handler` does.
    pub(crate) fn with(
        handler: impl Fn(&Request, &mut TcpStream) -> io::Result<Then> + Send + Sync + 'static,
    ) -> Origin {
        Origin::listen("127.0.0.1:0", move |shared, stream| serve(shared, stream, &handler))
    }

    /// Answers every request with these bytes, whatever they are, and closes.
    pub(crate) fn saying(bytes: &'static [u8]) -> Origin {
        Origin::with(move |_, out| out.write_all(bytes).map(|()| Then::Close))
    }

    /// Does with each connection as `handler` does.
    pub(crate) fn raw(handler: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static) -> Origin {
        Origin::listen("127.0.0.1:0", move |_, stream| handler(stream))
    }

    /// How many connections it has accepted.
    pub(crate) fn connections(&self) -> u64 {
        self.server.connections()
    }

    /// How many requests it has read.
    pub(crate) fn requests(&self) -> u64 {
        self.server.shared.requests.load(Ordering::Relaxed)
    }

    fn listen(
        address: &str,
        handler: impl Fn(&Shared<TcpStream>, TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Origin {
        let listener = TcpListener::bind(address).expect("an address for the origin");
        let address = listener.local_addr().expect("bound");
        let accept = move || {
            let (stream, _) = listener.accept()?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        Origin { address, server: Server::start(accept, handler) }
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        let address = self.address;
        self.server.stop(|| drop(TcpStream::connect(address)));
    }
}

pub(super) fn serve<S: Socket + Read + Write>(
    shared: &Shared<S>,
    mut out: S,
    handler: &dyn Fn(&Request, &mut S) -> io::Result<Then>,
) -> io::Result<()> {
    let mut from = BufReader::new(out.twin()?);
    loop {
        let request = read_request(&mut from, &mut out)?;
        shared.requests.fetch_add(1, Ordering::Relaxed);
        if handler(&request, &mut out)? == Then::Close {
            return out.end();
        }
    }
}

/// Reads the head of a request, and nothing behind it.
pub(crate) fn read_head(from: &mut impl BufRead) -> io::Result<Request> {
    let line = line(from)?;
    Ok(Request { line, headers: fields(from)?, body: Vec::new(), body_bytes: 0 })
}

/// Reads a request; one that expects it is told to continue.
fn read_request(from: &mut impl BufRead, out: &mut impl Write) -> io::Result<Request> {
    let mut request = read_head(from)?;
    if request.header("expect") == Some("100-continue") {
        out.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    if request.header("transfer-encoding") == Some("chunked") {
        loop {
            match chunk(from)? {
                last if last.is_empty() => break,
                chunk => request.keep(&chunk),
            }
        }
    } else if let Some(length) = request.header("content-length") {
        let mut left: u64 = length.parse().map_err(|_| io::ErrorKind::InvalidData)?;
        let mut piece = vec![0; 64 * 1024];
        while left > 0 {
            let most = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let n = from.read(&mut piece[..most])?;
            if n == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            request.keep(&piece[..n]);
            left -= n as u64;
        }
    }
    Ok(request)
}

impl Request {
    fn keep(&mut self, piece: &[u8]) {
        self.body_bytes += piece.len() as u64;
        let room = BODY_KEPT_BYTES - self.body.len();
        self.body.extend_from_slice(&piece[..piece.len().min(room)]);
    }
}

pub(super) fn echo(name: &str, request: &Request, out: &mut impl Write) -> io::Result<Then> {
    let mut body = format!("{}\r\n", request.line).into_bytes();
    for (name, value) in &request.headers {
        body.extend(format!("{name}: {value}\r\n").bytes());
    }
    body.extend_from_slice(b"\r\n");
    body.extend_from_slice(&request.body);
    let mut answer =
        format!("HTTP/1.1 200 OK\r\nOrigin: {name}\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    if !request.line.starts_with("HEAD ") {
        answer.extend(body);
    }
    out.write_all(&answer)?;
    Ok(Then::Keep)
}
