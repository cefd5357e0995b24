//! A strict reader of HTTP/1 messages, and their writer: what the proxy sends is judged here, by none of its own code.

use std::io;
use std::rc::Rc;

use ringway_core::Time;
use ringway_engine::{Deadline, Mode, Stream};

use crate::bytes::{self, Way};
use crate::script::{Framing, LIE_BYTES};
use crate::talk::SimStream;

/// From here on a body is received in large buffers.
const BULK_BYTES: usize = 16 * 1024;

/// Why nothing more can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fail {
    /// The peer ended the stream.
    End,
    /// The connection broke.
    Broken(io::ErrorKind),
    /// The deadline has passed.
    Late,
}

/// The first line and the fields of a message.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) start: String,
    fields: Vec<(String, String)>,
}

impl Head {
    /// The value of a field that must not be there twice.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name));
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} twice in {self:?}");
        value
    }

    /// The number in a field.
    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        let value = self.field(name)?;
        Some(value.parse().unwrap_or_else(|_| panic!("{name} is no number in {self:?}")))
    }

    /// How a body behind this head is framed, if it says so.
    pub(crate) fn framing(&self) -> Option<Framed> {
        let length = self.number("content-length").map(Framed::Length);
        let coding = self.field("transfer-encoding").map(|coding| {
            assert_eq!(coding, "chunked", "{self:?}");
            Framed::Chunked
        });
        assert!(length.is_none() || coding.is_none(), "two ways to find the body's end: {self:?}");
        length.or(coding)
    }
}

/// How the reader finds a body's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framed {
    Length(usize),
    Chunked,
    Close,
}

/// The receiving side of a connection.
pub(crate) struct Wire {
    pub(crate) stream: Rc<SimStream>,
    received: Vec<u8>,
    at: usize,
    /// When reading gives up.
    pub(crate) deadline: Time,
}

impl Wire {
    pub(crate) fn new(stream: SimStream) -> Wire {
        Wire { stream: Rc::new(stream), received: Vec::new(), at: 0, deadline: Time::NEVER }
    }

    /// The same connection, for sending while this one reads.
    pub(crate) fn twin(&self) -> Wire {
        Wire { stream: Rc::clone(&self.stream), received: Vec::new(), at: 0, deadline: self.deadline }
    }

    /// Whether everything received was read.
    pub(crate) fn is_empty(&self) -> bool {
        self.at == self.received.len()
    }

    /// What was received and not read, for a message.
    pub(crate) fn rest(&self) -> String {
        self.received[self.at..].escape_ascii().to_string()
    }

    /// Receives something.
    pub(crate) async fn more(&mut self) -> Result<(), Fail> {
        if self.is_empty() {
            self.received.clear();
            self.at = 0;
        }
        self.stream.set_deadline(Deadline::Recv, self.deadline);
        match self.stream.recv().await {
            Ok(Some(chunk)) => {
                assert!(!chunk.is_empty());
                self.received.extend_from_slice(&chunk);
                Ok(())
            }
            Ok(None) => Err(Fail::End),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(Fail::Late),
            Err(error) => Err(Fail::Broken(error.kind())),
        }
    }

    /// A line, without its CR LF.
    pub(crate) async fn line(&mut self) -> Result<String, Fail> {
        let mut looked = 0;
        loop {
            let new = &self.received[self.at..];
            if let Some(lf) = new[looked..].iter().position(|&byte| byte == b'\n') {
                let line = &new[..looked + lf];
                let text = line.strip_suffix(b"\r").filter(|text| !text.contains(&b'\r'));
                let text =
                    text.unwrap_or_else(|| panic!("line end that is not CR LF: {}", line.escape_ascii()));
                let text = String::from_utf8(text.to_vec()).expect("heads are ASCII here");
                self.at += looked + lf + 1;
                return Ok(text);
            }
            looked = new.len();
            assert!(looked < 16 * 1024, "endless line: {}...", new[..200].escape_ascii());
            self.more().await?;
        }
    }

    /// The head of a message.
    pub(crate) async fn head(&mut self) -> Result<Head, Fail> {
        let start = self.line().await?;
        assert!(!start.is_empty(), "empty line before a message");
        let fields = self.fields().await?;
        Ok(Head { start, fields })
    }

    async fn fields(&mut self) -> Result<Vec<(String, String)>, Fail> {
        let mut fields = Vec::new();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return Ok(fields);
            }
            let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("no field line: {line:?}"));
            let is_token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            assert!(!name.is_empty() && name.bytes().all(is_token), "no field name: {line:?}");
            assert!(!value.is_empty() && value.trim() == value, "no field value: {line:?}");
            fields.push((name.to_string(), value.to_string()));
        }
    }

    /// The first byte of what comes next.
    pub(crate) async fn peek(&mut self) -> Result<u8, Fail> {
        while self.is_empty() {
            self.more().await?;
        }
        Ok(self.received[self.at])
    }

    /// Everything until the connection ends, and how it ends.
    pub(crate) async fn until_the_end(&mut self) -> (Vec<u8>, Fail) {
        self.stream.set_mode(Mode::Body);
        loop {
            if let Err(fail) = self.more().await {
                return (self.received.split_off(self.at), fail);
            }
        }
    }

    /// So many bytes.
    pub(crate) async fn read(&mut self, count: usize) -> Result<Vec<u8>, Fail> {
        let mut bytes = Vec::new();
        self.take(count, &mut bytes).await?;
        Ok(bytes)
    }

    /// A body, checked as far as it came; its length.
    pub(crate) async fn body(&mut self, framed: Framed, id: usize, way: Way, len: usize) -> Result<(), Fail> {
        let mut got = Vec::new();
        let result = match framed {
            Framed::Length(length) => {
                assert!(
                    length == len || length == len + LIE_BYTES,
                    "exchange {id}: {length} for {len} bytes"
                );
                self.take(length, &mut got).await
            }
            Framed::Chunked => self.chunked(id, &mut got).await,
            Framed::Close => loop {
                match self.take(BULK_BYTES, &mut got).await {
                    Ok(()) => {}
                    Err(Fail::End) => break Ok(()),
                    Err(fail) => break Err(fail),
                }
            },
        };
        // A body that lasts until the connection's end may have been cut: nothing tells.
        bytes::check(id, way, len, &got, result.is_err() || framed == Framed::Close);
        if framed == Framed::Close && result.is_ok() && got.len() < len {
            return Err(Fail::End);
        }
        result
    }

    /// Reads so many bytes and looks at none.
    pub(crate) async fn skip(&mut self, count: usize) -> Result<(), Fail> {
        self.take(count, &mut Vec::new()).await
    }

    async fn take(&mut self, mut count: usize, into: &mut Vec<u8>) -> Result<(), Fail> {
        if count >= BULK_BYTES {
            self.stream.set_mode(Mode::Body);
        }
        let result = loop {
            let here = count.min(self.received.len() - self.at);
            into.extend_from_slice(&self.received[self.at..self.at + here]);
            self.at += here;
            count -= here;
            if count == 0 {
                break Ok(());
            }
            if let Err(fail) = self.more().await {
                break Err(fail);
            }
        };
        self.stream.set_mode(Mode::Head);
        result
    }

    async fn chunked(&mut self, id: usize, into: &mut Vec<u8>) -> Result<(), Fail> {
        loop {
            let line = self.line().await?;
            let size = usize::from_str_radix(&line, 16).unwrap_or_else(|_| panic!("no chunk size: {line:?}"));
            if size == 0 {
                break;
            }
            self.take(size, into).await?;
            assert_eq!(self.line().await?, "", "exchange {id}: a chunk's end");
        }
        for (name, value) in self.fields().await? {
            assert_eq!((name.as_str(), value), ("X-Trailer-Id", id.to_string()), "exchange {id}: trailer");
        }
        Ok(())
    }
}

/// The body of a message, framed.
pub(crate) fn frame(id: usize, body: &[u8], framing: Framing) -> Vec<u8> {
    let Framing::Chunked { chunk_max, trailer } = framing else { return body.to_vec() };
    let mut out = Vec::with_capacity(body.len() + body.len() / chunk_max * 8 + 64);
    for chunk in body.chunks(chunk_max) {
        out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n");
    if trailer {
        out.extend_from_slice(format!("X-Trailer-Id: {id}\r\n").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// The field that tells how a body is framed.
pub(crate) fn framing_field(len: usize, framing: Framing) -> String {
    match framing {
        Framing::Length => format!("Content-Length: {len}\r\n"),
        Framing::Chunked { .. } => "Transfer-Encoding: chunked\r\n".to_string(),
        Framing::Close => String::new(),
    }
}
