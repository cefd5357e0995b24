//! HTTP/1.1: the request of a probe, and its answer (RFC 9112).

use ringway_core::config::HealthCheck;

use super::body::Search;
use super::expect::{Expect, Head};
use super::reason::Reason;
use crate::limits::{FIELDS_MAX, HEAD_BYTES_MAX};

mod chunked;

use chunked::Chunked;

/// What an answer starts with.
const START: &[u8] = b"HTTP/1.";

/// The request. Fields of the check stand for those of the same name that every probe has.
pub(super) fn request(check: &HealthCheck, host: &str) -> Vec<u8> {
    let mut request = format!("{} {} HTTP/1.1\r\n", check.method, check.path);
    let mut field = |name: &str, value: &str| request.extend([name, ": ", value, "\r\n"]);
    let own = [("Host", host), ("User-Agent", super::USER_AGENT), ("Connection", "close")];
    for (name, value) in own {
        if !check.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name)) {
            field(name, value);
        }
    }
    check.headers.iter().for_each(|(name, value)| field(name, value));
    request.push_str("\r\n");
    request.into_bytes()
}

/// An answer that is being read.
#[derive(Debug)]
pub(super) struct Answer {
    expect: Expect,
    state: State,
}

#[derive(Debug)]
enum State {
    Head {
        buffer: Vec<u8>,
        /// Up to here there is no empty line.
        scanned: usize,
        /// Of the answers before this one.
        interim_bytes: usize,
    },
    Body {
        search: Search,
        framing: Framing,
    },
}

/// How the end of a body is known (RFC 9112 section 6.3).
#[derive(Debug)]
enum Framing {
    /// Bytes that are missing.
    Length(u64),
    Chunked(Chunked),
    UntilClose,
}

impl Answer {
    pub(super) fn new(expect: Expect) -> Answer {
        Answer { expect, state: State::Head { buffer: Vec::new(), scanned: 0, interim_bytes: 0 } }
    }

    /// The next bytes; tells the verdict once there is one.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Option<Result<(), Reason>> {
        match &mut self.state {
            State::Head { buffer, .. } => {
                buffer.extend_from_slice(bytes);
                self.heads().unwrap_or_else(|reason| Some(Err(reason)))
            }
            State::Body { search, framing } => framing.feed(bytes, search),
        }
    }

    /// The connection has ended.
    pub(super) fn end(&mut self) -> Result<(), Reason> {
        match &self.state {
            State::Body { search, framing: Framing::UntilClose } => search.over(),
            _ => Err(Reason::Cut),
        }
    }

    /// Reads the heads that are there, and the body behind the final one.
    fn heads(&mut self) -> Result<Option<Result<(), Reason>>, Reason> {
        let State::Head { buffer, scanned, interim_bytes } = &mut self.state else { return Ok(None) };
        loop {
            let start = buffer.len().min(START.len());
            if buffer[..start] != START[..start] {
                return Err(Reason::NotHttp);
            }
            let within = &buffer[..buffer.len().min(HEAD_BYTES_MAX - *interim_bytes)];
            let Some(head_bytes) = head_end(within, scanned) else {
                let is_full = within.len() == HEAD_BYTES_MAX - *interim_bytes;
                return if is_full { Err(Reason::HeadTooLong) } else { Ok(None) };
            };
            let (status, framing) = read_head(&buffer[..head_bytes])?;
            // RFC 9110 section 15.2: interim answers come before the final one; 101 is no interim one.
            if status < 200 && status != 101 {
                buffer.drain(..head_bytes);
                *interim_bytes += head_bytes;
                *scanned = 0;
                continue;
            }
            let search = match self.expect.head(status) {
                Head::Decided(verdict) => return Ok(Some(verdict)),
                Head::Body(search) => search,
            };
            let rest = buffer.split_off(head_bytes);
            self.state = State::Body { search, framing: framing? };
            return Ok(self.feed(&rest));
        }
    }
}

/// Where the head ends: behind its empty line. `scanned` remembers what need not be looked at again.
fn head_end(bytes: &[u8], scanned: &mut usize) -> Option<usize> {
    while let Some(line_end) = memchr::memchr(b'\n', &bytes[*scanned..]).map(|at| at + *scanned) {
        match bytes[line_end + 1..] {
            [b'\n', ..] => return Some(line_end + 2),
            [b'\r', b'\n', ..] => return Some(line_end + 3),
            [] | [b'\r'] => {
                *scanned = line_end;
                return None;
            }
            _ => *scanned = line_end + 1,
        }
    }
    *scanned = bytes.len();
    None
}

/// The status and how the body is framed; that may be wrong where it does not matter.
fn read_head(head: &[u8]) -> Result<(u16, Result<Framing, Reason>), Reason> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut response = httparse::Response::new(&mut fields);
    match response.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => return Err(Reason::HeadTooLong),
        Ok(httparse::Status::Partial) | Err(_) => return Err(Reason::NotHttp),
    }
    let status = response.code.filter(|status| *status >= 100).ok_or(Reason::NotHttp)?;
    Ok((status, framing(response.headers)))
}

fn framing(fields: &[httparse::Header<'_>]) -> Result<Framing, Reason> {
    let of = |name: &'static str| fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name));
    if let Some(codings) = of("Transfer-Encoding").next_back() {
        let last = codings.value.rsplit(|byte| *byte == b',').next().unwrap_or_default().trim_ascii();
        let is_chunked = last.eq_ignore_ascii_case(b"chunked");
        return Ok(if is_chunked { Framing::Chunked(Chunked::default()) } else { Framing::UntilClose });
    }
    let mut length = None;
    for field in of("Content-Length") {
        let digits = std::str::from_utf8(field.value.trim_ascii()).map_err(|_| Reason::Framing)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Reason::Framing);
        }
        let bytes = digits.parse::<u64>().map_err(|_| Reason::Framing)?;
        if length.is_some_and(|other| other != bytes) {
            return Err(Reason::Framing);
        }
        length = Some(bytes);
    }
    Ok(length.map_or(Framing::UntilClose, Framing::Length))
}

impl Framing {
    fn feed(&mut self, bytes: &[u8], search: &mut Search) -> Option<Result<(), Reason>> {
        match self {
            Framing::UntilClose => search.feed(bytes),
            Framing::Chunked(chunked) => chunked.feed(bytes, search),
            Framing::Length(missing) => {
                let take = bytes.len().min(usize::try_from(*missing).unwrap_or(usize::MAX));
                *missing -= take as u64;
                search.feed(&bytes[..take]).or_else(|| (*missing == 0).then(|| search.over()))
            }
        }
    }
}
