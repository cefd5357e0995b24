//! Parsing of response heads. A backend is trusted more than a client, its framing is not.

use super::field::Field;
use super::framing::{Connection, Gathered, Refusal};
use super::head::{BodyLength, Header, LineSet, Lines, Parsed, Scratch, Version};
use super::limits::{HEADERS_MAX, HeadLimits};
use super::method::Method;
use super::progress::{HeadProgress, Hopeless};
use super::tunnel::Tunnel;

/// A valid response head, borrowed from the receive buffer.
#[derive(Debug, Clone, Copy)]
pub struct Response<'a> {
    /// 100 to 999.
    pub status: u16,
    /// The backend's version.
    pub version: Version,
    /// Bytes of the receive buffer the head took; the body starts there.
    pub head_len: usize,
    /// How the body ends (RFC 9112 §6.3).
    pub body: BodyLength,
    /// Whether the backend's connection may carry another request once the body has ended.
    pub keep_alive: bool,
    /// It grants the tunnel that was asked for: what follows the head belongs to no message.
    pub tunnel: bool,
    pub(super) lines: Lines<'a>,
    pub(super) connection: Connection,
    /// The content length must be written anew.
    pub(super) length: Option<u64>,
}

impl<'a> Response<'a> {
    /// Whether the final response is still to come: 1xx, but for 101, after which there is none.
    #[must_use]
    pub fn is_interim(&self) -> bool {
        self.status < 200 && self.status != SWITCHING_PROTOCOLS
    }

    /// What the connection turns into, where this says that it does.
    pub(super) fn upgrade(&self) -> Option<&'a [u8]> {
        if self.status != SWITCHING_PROTOCOLS {
            return None;
        }
        let mut headers = self.lines.headers.iter();
        headers.find(|header| Field::of(header.name.as_bytes()) == Field::Upgrade).map(|header| header.value)
    }

    /// All fields, as received.
    #[must_use]
    pub fn headers(&self) -> &'a [Header<'a>] {
        self.lines.headers
    }
}

/// What a response answers: all that its framing depends on (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReplyTo {
    /// The request was HEAD: the response has no body, whatever its head says.
    pub is_head: bool,
    /// The tunnel that the request asked the backend for.
    pub tunnel: Tunnel,
}

impl From<Method<'_>> for ReplyTo {
    /// A request that asks for no upgrade.
    fn from(method: Method<'_>) -> ReplyTo {
        let tunnel = if matches!(method, Method::Connect) { Tunnel::Connect } else { Tunnel::None };
        ReplyTo { is_head: matches!(method, Method::Head), tunnel }
    }
}

pub(super) const SWITCHING_PROTOCOLS: u16 = 101;

/// A response that must not reach a client: it is answered with 502, and its connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("backend response refused: {reason}")]
pub struct BadResponse {
    /// For the log.
    pub reason: &'static str,
}

impl From<Refusal> for BadResponse {
    fn from(refusal: Refusal) -> BadResponse {
        match refusal {
            Refusal::Bad(reason) | Refusal::UnknownCoding(reason) => BadResponse { reason },
        }
    }
}

impl From<Hopeless> for BadResponse {
    fn from(hopeless: Hopeless) -> BadResponse {
        let reason = match hopeless {
            Hopeless::BareLf => "line ends with a bare LF",
            Hopeless::StartLineTooLong => "status line larger than the limit",
            Hopeless::HeadTooLarge => "response head larger than the limit",
        };
        BadResponse { reason }
    }
}

/// Looks for the head of a response to what was `asked` at the start of `buf`. `progress` as for
/// [`request::parse`](super::request::parse); an interim response is a message of its own.
///
/// A 101 is refused unless it grants the upgrade that was asked for. A 2xx to CONNECT begins a tunnel, whatever framing
/// fields it carries (RFC 9110 §9.3.6).
#[inline]
pub fn parse<'h, 'b: 'h>(
    buf: &'b [u8],
    asked: impl Into<ReplyTo>,
    limits: &HeadLimits,
    progress: &mut HeadProgress,
    scratch: &'h mut Scratch<'b>,
) -> Result<Parsed<Response<'h>>, BadResponse> {
    if matches!(buf, [b'\r' | b'\n', ..]) {
        return Err(BadResponse { reason: "empty line before the status line" });
    }
    // A status line has no target: it may be as long as the head.
    let limits = &HeadLimits { uri_bytes: limits.head_bytes, ..*limits };
    if !progress.should_parse(buf, limits)? {
        return Ok(Parsed::Partial);
    }
    let mut raw = httparse::Response::new(&mut []);
    let room = &mut scratch.0[..limits.headers.min(HEADERS_MAX)];
    match httparse::ParserConfig::default().parse_response_with_uninit_headers(&mut raw, buf, room) {
        Ok(httparse::Status::Complete(len)) => {
            if len > limits.head_bytes {
                return Err(BadResponse::from(Hopeless::HeadTooLarge));
            }
            let lines = Lines { head: &buf[..len], headers: raw.headers, cut: LineSet::default() };
            let version = Version::from_minor(raw.version);
            let status = raw.code.unwrap_or_default();
            let asked: ReplyTo = asked.into();
            let connected = matches!(asked.tunnel, Tunnel::Connect) && (200..300).contains(&status);
            let response = if connected || status == SWITCHING_PROTOCOLS {
                begin_tunnel(status, version, &asked.tunnel, lines)
            } else {
                interpret(status, version, asked.is_head, lines)
            };
            response.map(Parsed::Complete)
        }
        Ok(httparse::Status::Partial) => {
            progress.incomplete(buf, limits)?;
            Ok(Parsed::Partial)
        }
        Err(error) => Err(refuse(error)),
    }
}

#[inline(always)]
fn interpret<'h>(
    status: u16,
    version: Version,
    to_head: bool,
    mut lines: Lines<'h>,
) -> Result<Response<'h>, BadResponse> {
    if !lines.end_in_crlf() {
        return Err(BadResponse { reason: "line ends with a bare LF" });
    }
    if status < 100 {
        return Err(BadResponse { reason: "status code below 100" });
    }
    let mut framing = Gathered::default();
    let (mut connection_first, mut connection_count) = (0, 0);
    for (line, header) in lines.headers.iter().enumerate() {
        match Field::of(header.name.as_bytes()) {
            Field::FramingAlike | Field::Other => {}
            Field::ContentLength => framing.content_length(header.value)?,
            Field::TransferEncoding => framing.transfer_encoding(header.value)?,
            Field::Connection => {
                if connection_count == 0 {
                    connection_first = line;
                }
                connection_count += 1;
            }
            Field::KeepAlive | Field::ProxyConnection | Field::Upgrade | Field::Te => lines.cut.insert(line),
            _ => {}
        }
    }
    framing.check(version)?;
    let mut connection = Connection::default();
    if connection_count > 0 {
        connection = Connection::gather(&mut lines, connection_first, connection_count)
            .map_err(|reason| BadResponse { reason })?;
        if connection.plain_line.is_none() {
            lines.leave_out(Field::Connection);
        }
    }
    let never_has_content = status < 200 || status == 204;
    if never_has_content && (framing.is_chunked || framing.length.is_some()) {
        // RFC 9110 §8.6 and RFC 9112 §6.1 forbid both here; a client that believed them would wait for a body.
        lines.leave_out(Field::ContentLength);
        lines.leave_out(Field::TransferEncoding);
    } else if framing.length_is_odd {
        lines.leave_out(Field::ContentLength);
    }
    let body = match framing.length {
        _ if never_has_content || status == 304 || to_head => BodyLength::None,
        _ if framing.is_chunked => BodyLength::Chunked,
        Some(length) => BodyLength::Length(length),
        None => BodyLength::UntilClose,
    };
    Ok(Response {
        status,
        version,
        head_len: lines.head.len(),
        body,
        keep_alive: connection.persists(version) && body != BodyLength::UntilClose,
        tunnel: false,
        connection,
        length: framing.length.filter(|_| framing.length_is_odd && !never_has_content),
        lines,
    })
}

/// The response that begins a tunnel, or claims to. What it says of its connection and of a body means nothing.
#[cold]
fn begin_tunnel<'h>(
    status: u16,
    version: Version,
    asked: &Tunnel,
    mut lines: Lines<'h>,
) -> Result<Response<'h>, BadResponse> {
    let bad = |reason| BadResponse { reason };
    if !lines.end_in_crlf() {
        return Err(bad("line ends with a bare LF"));
    }
    let mut connection = Connection::default();
    let is_connection = |header: &Header<'_>| Field::of(header.name.as_bytes()) == Field::Connection;
    let count = lines.headers.iter().filter(|header| is_connection(header)).count();
    if let Some(first) = lines.headers.iter().position(is_connection) {
        connection = Connection::gather(&mut lines, first, count).map_err(bad)?;
    }
    if status == SWITCHING_PROTOCOLS {
        if version == Version::Http10 {
            return Err(bad("switch of protocols in HTTP/1.0"));
        }
        asked.check_switch(&lines, &connection).map_err(bad)?;
    }
    for field in [
        Field::Connection,
        Field::ContentLength,
        Field::KeepAlive,
        Field::ProxyConnection,
        Field::Te,
        Field::Trailer,
        Field::TransferEncoding,
        Field::Upgrade,
    ] {
        lines.leave_out(field);
    }
    Ok(Response {
        status,
        version,
        head_len: lines.head.len(),
        body: BodyLength::None,
        keep_alive: false,
        tunnel: true,
        connection,
        length: None,
        lines,
    })
}

#[cold]
fn refuse(error: httparse::Error) -> BadResponse {
    let reason = match error {
        httparse::Error::TooManyHeaders => "more header fields than the limit",
        httparse::Error::Version => "status line does not start with HTTP/1.0 or HTTP/1.1",
        httparse::Error::HeaderName => "invalid header name, or folded header line",
        httparse::Error::HeaderValue => "control byte in a header value",
        httparse::Error::NewLine => "line does not end with CR LF",
        httparse::Error::Token | httparse::Error::Status => "invalid status line",
    };
    BadResponse { reason }
}

#[cfg(test)]
pub(super) mod tests;
