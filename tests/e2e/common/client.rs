//! A client that sends what it is told, byte by byte, and reads answers strictly.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

/// How long any one step may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(15);

/// One connection.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

/// One answer, its body decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The value of the field `name`, in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a text")
    }
}

impl Client {
    pub(crate) fn connect(to: SocketAddr) -> Client {
        Client::try_connect(to).unwrap_or_else(|error| panic!("can not connect to {to}: {error}"))
    }

    pub(crate) fn try_connect(to: SocketAddr) -> io::Result<Client> {
        Client::over(TcpStream::connect_timeout(&to, PATIENCE)?)
    }

    /// From this address of our own.
    pub(crate) fn connect_from(source: &str, to: SocketAddr) -> Client {
        Client::try_connect_from(source, to)
            .unwrap_or_else(|error| panic!("can not connect to {to} from {source}: {error}"))
    }

    pub(crate) fn try_connect_from(source: &str, to: SocketAddr) -> io::Result<Client> {
        let source: IpAddr = source.parse().expect("an address");
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(source, 0).into())?;
        socket.connect(&to.into())?;
        Client::over(socket.into())
    }

    fn over(stream: TcpStream) -> io::Result<Client> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Client { stream: BufReader::new(stream) })
    }

    /// Sends bytes as they are. That the other side has closed shows when the answer is read.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Client {
        let _ = self.stream.get_mut().write_all(bytes.as_ref());
        self
    }

    /// Sends a request and reads its answer.
    pub(crate) fn ask(&mut self, request: impl AsRef<[u8]>) -> Response {
        self.send(request).answer()
    }

    /// Where it comes from.
    pub(crate) fn local(&self) -> SocketAddr {
        self.stream.get_ref().local_addr().expect("a connection")
    }

    /// The connection once more, for another thread to write to.
    pub(crate) fn twin(&self) -> TcpStream {
        self.stream.get_ref().try_clone().expect("a descriptor")
    }

    /// The connection, for somebody else to use. Nothing may have been read beyond what was asked for.
    pub(crate) fn into_stream(self) -> TcpStream {
        assert!(self.stream.buffer().is_empty(), "unread: {}", self.stream.buffer().escape_ascii());
        self.stream.into_inner()
    }

    /// Ends the connection with a reset instead of an end.
    pub(crate) fn reset(self) {
        let linger = SockRef::from(self.stream.get_ref()).set_linger(Some(Duration::ZERO));
        linger.expect("a socket takes it");
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish(&mut self) -> &mut Client {
        self.stream.get_mut().shutdown(Shutdown::Write).expect("a connection");
        self
    }

    pub(crate) fn get(&mut self, path: &str) -> Response {
        self.try_get(path).unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    pub(crate) fn try_get(&mut self, path: &str) -> io::Result<Response> {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n"));
        self.try_answer()
    }

    /// The next answer.
    pub(crate) fn answer(&mut self) -> Response {
        self.try_answer().unwrap_or_else(|error| panic!("no answer: {error}"))
    }

    pub(crate) fn try_answer(&mut self) -> io::Result<Response> {
        let mut response = self.head()?;
        response.body = body(&mut self.stream, &response)?;
        Ok(response)
    }

    /// The next head alone: an answer to HEAD, or one whose body is read by [`Client::read`].
    pub(crate) fn head(&mut self) -> io::Result<Response> {
        let start = line(&mut self.stream)?;
        let status = start.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        let status = status.ok_or_else(|| invalid(format!("status line {start:?}")))?;
        Ok(Response { status, headers: fields(&mut self.stream)?, body: Vec::new() })
    }

    /// Bytes as they come; 0 at the end.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> usize {
        self.stream.read(into).unwrap_or_else(|error| panic!("reading: {error}"))
    }

    /// One chunk of a chunked body; `None` after the last.
    pub(crate) fn chunk(&mut self) -> Option<Vec<u8>> {
        let chunk = chunk(&mut self.stream).unwrap_or_else(|error| panic!("reading a chunk: {error}"));
        (!chunk.is_empty()).then_some(chunk)
    }

    /// Everything up to the end of the connection.
    pub(crate) fn read_to_end(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.stream.read_to_end(&mut bytes).unwrap_or_else(|error| panic!("reading to the end: {error}"));
        bytes
    }

    /// The next bytes, exactly that many.
    pub(crate) fn read_exact(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).unwrap_or_else(|error| panic!("reading {count} bytes: {error}"));
        bytes
    }

    /// Whether the other side says nothing, not even that it ends, for so long.
    pub(crate) fn is_left_alone(&mut self, during: Duration) -> bool {
        self.stream.get_ref().set_read_timeout(Some(during)).expect("a socket takes it");
        let alone = self.is_nothing_there();
        self.stream.get_ref().set_read_timeout(Some(PATIENCE)).expect("a socket takes it");
        alone
    }

    /// Whether the other side has said nothing up to now, not even that it ends.
    pub(crate) fn is_left_alone_so_far(&mut self) -> bool {
        self.stream.get_ref().set_nonblocking(true).expect("a socket takes it");
        let alone = self.is_nothing_there();
        self.stream.get_ref().set_nonblocking(false).expect("a socket takes it");
        alone
    }

    fn is_nothing_there(&self) -> bool {
        let heard = self.stream.get_ref().peek(&mut [0]);
        let waits =
            |error: io::Error| matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
        self.stream.buffer().is_empty() && heard.is_err_and(waits)
    }

    /// Reads on until the connection ends, and tells how.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        io::copy(&mut self.stream, &mut io::sink()).map(drop)
    }

    /// Waits for the other side to close, and fails if it says anything before. A reset counts as closed.
    pub(crate) fn expect_closed(&mut self) {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
            Err(error) => panic!("still open: {error}"),
        }
        assert!(rest.is_empty(), "said before closing: {}", rest.escape_ascii());
    }
}

pub(super) fn header<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    headers.iter().find(|header| header.0 == name).map(|header| header.1.as_str())
}

/// A line without its end.
pub(super) fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    match line.strip_suffix("\r\n") {
        Some(content) => Ok(content.to_owned()),
        None if line.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
        None => Err(invalid(format!("line {line:?}"))),
    }
}

/// Fields up to the empty line, with their names in lower case.
pub(super) fn fields(from: &mut impl BufRead) -> io::Result<Vec<(String, String)>> {
    let mut fields = Vec::new();
    loop {
        let line = line(from)?;
        if line.is_empty() {
            return Ok(fields);
        }
        let (name, value) = line.split_once(':').ok_or_else(|| invalid(format!("field {line:?}")))?;
        fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

/// One chunk; empty: the last, with the trailer section behind it read.
pub(super) fn chunk(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let size = line(from)?;
    let size = usize::from_str_radix(&size, 16).map_err(|_| invalid(format!("chunk size {size:?}")))?;
    if size == 0 {
        fields(from)?;
        return Ok(Vec::new());
    }
    let mut bytes = vec![0; size];
    from.read_exact(&mut bytes)?;
    match line(from)? {
        end if end.is_empty() => Ok(bytes),
        end => Err(invalid(format!("after a chunk: {end:?}"))),
    }
}

fn body(from: &mut impl BufRead, head: &Response) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if matches!(head.status, 100..=199 | 204 | 304) {
    } else if head.header("transfer-encoding") == Some("chunked") {
        loop {
            match chunk(from)? {
                last if last.is_empty() => break,
                chunk => body.extend(chunk),
            }
        }
    } else if let Some(length) = head.header("content-length") {
        body.resize(length.parse().map_err(|_| invalid(format!("length {length:?}")))?, 0);
        from.read_exact(&mut body)?;
    } else {
        from.read_to_end(&mut body)?;
    }
    Ok(body)
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
