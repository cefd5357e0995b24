//! A plain blocking client that trusts nobody, and an origin for it to ask.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use ringway_loadtest::origin::{self, RunningOrigin, Settings};

/// Longer than anything here takes, so that a test fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const ANY_PORT: &str = "127.0.0.1:0";

pub(crate) fn settings() -> Settings {
    Settings::new(ANY_PORT.parse().expect("an address"))
}

pub(crate) fn origin() -> RunningOrigin {
    origin::spawn(&Settings { name: Some("blue".to_owned()), ..settings() }).expect("an origin")
}

pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }
}

impl Client {
    pub(crate) fn connect(to: SocketAddr) -> Client {
        let stream = TcpStream::connect(to).expect("somebody listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket");
        Client { stream: BufReader::new(stream) }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(bytes.as_ref()).expect("the origin reads");
    }

    /// A second handle, to send with while this one reads.
    pub(crate) fn sender(&self) -> TcpStream {
        self.stream.get_ref().try_clone().expect("a descriptor")
    }

    pub(crate) fn get(&mut self, target: &str) -> Answer {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
        self.answer()
    }

    /// Status line and fields.
    pub(crate) fn head(&mut self) -> Answer {
        let mut text = String::new();
        while !text.ends_with("\r\n\r\n") {
            let read = self.stream.read_line(&mut text).expect("an answer");
            assert_ne!(read, 0, "closed after {text:?}");
        }
        let (line, fields) = text.split_once("\r\n").expect("a line");
        let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        Answer { status: status.expect("a status"), fields: fields.to_owned(), body: Vec::new() }
    }

    pub(crate) fn answer(&mut self) -> Answer {
        let mut answer = self.head();
        let length = answer.field("Content-Length").expect("a length").parse().expect("a number");
        answer.body = self.read(length);
        answer
    }

    pub(crate) fn read(&mut self, length: usize) -> Vec<u8> {
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("the whole body");
        body
    }

    /// Whether the origin closes next: in order, without anything more.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.stream.read(&mut [0]).is_ok_and(|read| read == 0)
    }

    /// Whether the connection ends, in whatever way.
    pub(crate) fn is_gone(&mut self) -> bool {
        match self.stream.read(&mut [0]) {
            Ok(read) => read == 0,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}
