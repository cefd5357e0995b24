//! Parsing of response heads. A backend is trusted more than a client, its framing is not.

use super::field::Field;
use super::framing::{Connection, Gathered, Refusal};
use super::head::{BodyLength, Header, LineSet, Lines, Parsed, Scratch, Version};
use super::limits::{HEADERS_MAX, HeadLimits};
use super::method::Method;
use super::progress::{HeadProgress, Hopeless};

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
    /// What follows on this connection is another protocol (status 101). Whether anybody asked for it is the caller's
    /// to know.
    pub upgrade: bool,
    pub(super) lines: Lines<'a>,
    pub(super) connection: Connection,
    /// The content length must be written anew.
    pub(super) length: Option<u64>,
}

impl<'a> Response<'a> {
    /// Whether the final response is still to come (1xx).
    #[must_use]
    pub fn is_interim(&self) -> bool {
        self.status < 200
    }

    /// All fields, as received.
    #[must_use]
    pub fn headers(&self) -> &'a [Header<'a>] {
        self.lines.headers
    }
}

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

/// Looks for the head of a response to `request_method` at the start of `buf`. `progress` as for
/// [`request::parse`](super::request::parse); an interim response is a message of its own.
#[inline]
pub fn parse<'h, 'b: 'h>(
    buf: &'b [u8],
    request_method: Method<'_>,
    limits: &HeadLimits,
    progress: &mut HeadProgress,
    scratch: &'h mut Scratch<'b>,
) -> Result<Parsed<Response<'h>>, BadResponse> {
    if matches!(buf, [b'\r' | b'\n', ..]) {
        return Err(BadResponse { reason: "empty line before the status line" });
    }
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
            interpret(raw.code.unwrap_or_default(), version, request_method, lines).map(Parsed::Complete)
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
    request_method: Method<'_>,
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
            Field::Other => {}
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
            cut(&mut lines, &[Field::Connection]);
        }
    }
    let never_has_content = status < 200 || status == 204;
    if never_has_content && (framing.is_chunked || framing.length.is_some()) {
        // RFC 9110 §8.6 and RFC 9112 §6.1 forbid both here; a client that believed them would wait for a body.
        cut(&mut lines, &[Field::ContentLength, Field::TransferEncoding]);
    } else if framing.length_is_odd {
        cut(&mut lines, &[Field::ContentLength]);
    }
    let body = match framing.length {
        _ if never_has_content || status == 304 || request_method == Method::Head => BodyLength::None,
        _ if framing.is_chunked => BodyLength::Chunked,
        Some(length) => BodyLength::Length(length),
        None => BodyLength::UntilClose,
    };
    Ok(Response {
        status,
        version,
        head_len: lines.head.len(),
        body,
        keep_alive: connection.persists(version) && body != BodyLength::UntilClose && status != 101,
        upgrade: status == 101,
        connection,
        length: framing.length.filter(|_| framing.length_is_odd && !never_has_content),
        lines,
    })
}

#[cold]
fn cut(lines: &mut Lines<'_>, fields: &[Field]) {
    for (line, header) in lines.headers.iter().enumerate() {
        if fields.contains(&Field::of(header.name.as_bytes())) {
            lines.cut.insert(line);
        }
    }
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
