//! Parsing of request heads, strict by default.

use super::answer::Status;
use super::authority::Authority;
use super::field::{self, Field, FieldSet};
use super::framing::{self, Connection, Gathered, Refusal};
use super::head::{BodyLength, Header, LineSet, Lines, Parsed, Scratch, Version};
use super::limits::{HEADERS_MAX, HeadLimits, LEADING_EMPTY_LINES_MAX, METHOD_BYTES_MAX};
use super::method::Method;
use super::progress::{HeadProgress, Hopeless};
use super::target::Target;

/// A valid request head, borrowed from the receive buffer.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// What is asked.
    pub method: Method<'a>,
    /// The client's version.
    pub version: Version,
    /// Path and query, raw. `*`, or starts with `/`; but empty or starting with `?` when a URL without path was asked for,
    /// which means `/`. Empty for CONNECT, which has none.
    pub path: &'a [u8],
    /// Where it is asked: the Host field, or the target's authority. `None` only for an empty Host, or none in HTTP/1.0.
    pub authority: Option<Authority<'a>>,
    /// Bytes of the receive buffer the head took; the body starts there.
    pub head_len: usize,
    /// How the body ends. Never [`BodyLength::UntilClose`].
    pub body: BodyLength,
    /// Whether the client lets us keep its connection.
    pub keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub expect_continue: bool,
    /// The protocols asked for, if the client asked to leave HTTP/1.1: the value of the first Upgrade field. Whether it may
    /// is for [`TunnelRules::admit`](super::TunnelRules::admit) to say.
    pub upgrade: Option<&'a [u8]>,
    pub(super) lines: Lines<'a>,
    pub(super) extras: Extras,
}

/// What the rewriter must write because it is not copied.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Extras {
    /// The request line is not the one to send: absolute-form or HTTP/1.0.
    pub(super) request_line: bool,
    /// There is no Host line to copy.
    pub(super) host: bool,
    pub(super) length: bool,
    pub(super) te_trailers: bool,
    /// The forwarding fields that the client sent and did not name in Connection.
    pub(super) forwarding: FieldSet,
}

impl<'a> Request<'a> {
    /// All fields, as received.
    #[must_use]
    pub fn headers(&self) -> &'a [Header<'a>] {
        self.lines.headers
    }

    /// What the Connection fields list.
    pub fn connection_options(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        framing::options_of(self.lines.headers)
    }
}

/// A request that is answered by us and forwarded to nobody. Its connection is to be closed: where it ends is in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("request refused with {status}: {reason}")]
pub struct Reject {
    /// The answer.
    pub status: Status,
    /// For the log.
    pub reason: &'static str,
}

impl Reject {
    pub(super) fn bad(reason: &'static str) -> Reject {
        Reject { status: Status::BadRequest, reason }
    }
}

impl From<Refusal> for Reject {
    fn from(refusal: Refusal) -> Reject {
        match refusal {
            Refusal::Bad(reason) => Reject::bad(reason),
            Refusal::UnknownCoding(reason) => Reject { status: Status::NotImplemented, reason },
        }
    }
}

impl From<Hopeless> for Reject {
    fn from(hopeless: Hopeless) -> Reject {
        match hopeless {
            Hopeless::BareLf => Reject::bad("line ends with a bare LF"),
            Hopeless::StartLineTooLong => URI_TOO_LONG,
            Hopeless::HeadTooLarge => HEAD_TOO_LARGE,
        }
    }
}

const URI_TOO_LONG: Reject =
    Reject { status: Status::UriTooLong, reason: "request target larger than the limit" };
const HEAD_TOO_LARGE: Reject =
    Reject { status: Status::HeadersTooLarge, reason: "request head larger than the limit" };

/// Looks for a request head at the start of `buf`.
///
/// `progress` is fresh for each message and kept while its head is [`Parsed::Partial`]; `buf` then starts at the same byte
/// and has grown. A prefix that cannot become a valid head is refused early where that is cheap; a complete head gets the
/// same outcome however it was split.
#[inline]
pub fn parse<'h, 'b: 'h>(
    buf: &'b [u8],
    limits: &HeadLimits,
    progress: &mut HeadProgress,
    scratch: &'h mut Scratch<'b>,
) -> Result<Parsed<Request<'h>>, Reject> {
    let skipped = leading_empty_lines(buf)?;
    let received = &buf[skipped..];
    if matches!(received, [] | [b'\r']) || !progress.should_parse(received, limits)? {
        return Ok(Parsed::Partial);
    }
    let mut raw = httparse::Request::new(&mut []);
    let room = &mut scratch.0[..limits.headers.min(HEADERS_MAX)];
    match raw.parse_with_uninit_headers(received, room) {
        Ok(httparse::Status::Complete(len)) => {
            let head = &received[..len];
            let method = raw.method.unwrap_or_default().as_bytes();
            let target = raw.path.unwrap_or_default().as_bytes();
            check_sizes(head, method, target, limits)?;
            let version = Version::from_minor(raw.version);
            let lines = Lines { head, headers: raw.headers, cut: LineSet::default() };
            interpret(Method::from_token(method), target, version, lines, skipped).map(Parsed::Complete)
        }
        Ok(httparse::Status::Partial) => {
            progress.incomplete(received, limits)?;
            Ok(Parsed::Partial)
        }
        Err(error) => Err(refuse(error, received)),
    }
}

/// Length of the empty lines before the request line (RFC 9112 §2.2).
#[inline(always)]
fn leading_empty_lines(buf: &[u8]) -> Result<usize, Reject> {
    let mut skipped = 0;
    while let [b'\r', b'\n', ..] = buf[skipped..] {
        skipped += 2;
        if skipped > 2 * LEADING_EMPTY_LINES_MAX {
            return Err(Reject::bad("too many empty lines before the request line"));
        }
    }
    match buf[skipped..] {
        [b'\n', ..] => Err(Reject::bad("line ends with a bare LF")),
        [b'\r', other, ..] if other != b'\n' => Err(Reject::bad("bare CR before the request line")),
        _ => Ok(skipped),
    }
}

#[inline(always)]
fn check_sizes(head: &[u8], method: &[u8], target: &[u8], limits: &HeadLimits) -> Result<(), Reject> {
    if target.len() > limits.uri_bytes {
        return Err(URI_TOO_LONG);
    }
    if head.len() > limits.head_bytes {
        return Err(HEAD_TOO_LARGE);
    }
    if method.len() > METHOD_BYTES_MAX {
        return Err(Reject { status: Status::NotImplemented, reason: "method longer than any known one" });
    }
    Ok(())
}

/// Gives a head that is syntactically sound its meaning, or refuses it.
#[inline(always)]
fn interpret<'h>(
    method: Method<'h>,
    target: &'h [u8],
    version: Version,
    mut lines: Lines<'h>,
    skipped: usize,
) -> Result<Request<'h>, Reject> {
    if !lines.end_in_crlf() {
        return Err(Reject::bad("line ends with a bare LF"));
    }
    let is_connect = matches!(method, Method::Connect);
    let target = if is_connect { Target::parse_authority(target) } else { Target::parse(method, target) };
    let target = target.map_err(Reject::bad)?;

    let mut framing = Gathered::default();
    let mut extras = Extras {
        request_line: version == Version::Http10 || (target.absolute.is_some() && !is_connect),
        host: true,
        ..Extras::default()
    };
    let mut host: Option<&[u8]> = None;
    let mut upgrade: Option<&[u8]> = None;
    let mut expects_continue = false;
    let (mut connection_first, mut connection_count) = (0, 0);
    for (line, header) in lines.headers.iter().enumerate() {
        let field = Field::of(header.name.as_bytes());
        if field == Field::Other {
            continue;
        }
        let value = header.value;
        match field {
            Field::Host => {
                if host.replace(value).is_some() {
                    return Err(Reject::bad("more than one Host field"));
                }
                extras.host = false;
                continue;
            }
            Field::ContentLength => {
                framing.content_length(value)?;
                continue;
            }
            Field::Trailer | Field::XRequestId | Field::Other => continue,
            Field::FramingAlike => {
                return Err(Reject::bad("name of a framing field, with _ in the place of -"));
            }
            Field::Expect => {
                if !field::is(value, b"100-continue") {
                    return Err(Reject { status: Status::ExpectationFailed, reason: "unknown expectation" });
                }
                // An HTTP/1.0 client does not know 100 Continue: RFC 9110 §10.1.1 has us ignore what it says.
                if version == Version::Http11 {
                    expects_continue = true;
                    continue;
                }
            }
            Field::Connection => {
                if connection_count == 0 {
                    connection_first = line;
                }
                connection_count += 1;
            }
            Field::TransferEncoding => framing.transfer_encoding(value)?,
            Field::Te => {
                extras.te_trailers |= field::members(value).any(|member| field::is(member, b"trailers"))
            }
            Field::Upgrade => upgrade = upgrade.or(Some(value)),
            Field::Forwarded
            | Field::XForwardedFor
            | Field::XForwardedHost
            | Field::XForwardedPort
            | Field::XForwardedProto => extras.forwarding.insert(field),
            Field::Http2Settings | Field::KeepAlive | Field::ProxyConnection => {}
        }
        lines.cut.insert(line);
    }
    framing.check(version)?;

    let mut connection = Connection::default();
    if connection_count > 0 {
        connection =
            Connection::gather(&mut lines, connection_first, connection_count).map_err(Reject::bad)?;
        extras.forwarding = extras.forwarding.without(connection.named);
    }
    if framing.length_is_odd {
        lines.leave_out(Field::ContentLength);
        extras.length = true;
    }
    let body = match framing.length {
        _ if framing.is_chunked => BodyLength::Chunked,
        Some(length) => BodyLength::Length(length),
        None => BodyLength::None,
    };
    if is_connect && !body.is_empty() {
        // RFC 9110 §9.3.6: what follows the head belongs to the tunnel, so a length would have two meanings.
        return Err(Reject::bad("CONNECT with a body"));
    }
    if version == Version::Http10
        && !body.is_empty()
        && matches!(method, Method::Get | Method::Head | Method::Delete)
    {
        // What an HTTP/1.0 server between us and the backend makes of such a body is anybody's guess.
        return Err(Reject {
            status: Status::ContentTooLarge,
            reason: "HTTP/1.0 request with a body and a method that has none",
        });
    }
    let authority = match host {
        None if version == Version::Http11 => return Err(Reject::bad("HTTP/1.1 request without Host")),
        None | Some(b"") => None,
        Some(host) => Some(Authority::parse(host).map_err(Reject::bad)?),
    };
    let authority = match target.absolute {
        Some((absolute, default_port)) => Some(agreed(absolute, default_port, host.is_some(), authority)?),
        None => authority,
    };
    Ok(Request {
        method,
        version,
        path: target.path,
        authority,
        head_len: skipped + lines.head.len(),
        body,
        keep_alive: connection.persists(version),
        expect_continue: expects_continue && !body.is_empty(),
        upgrade: upgrade.filter(|_| connection.upgrade && version == Version::Http11),
        lines,
        extras,
    })
}

/// The authority that the request target names, which must be the Host field's when there is one.
#[cold]
fn agreed<'a>(
    absolute: Authority<'a>,
    default_port: u16,
    has_host: bool,
    host: Option<Authority<'a>>,
) -> Result<Authority<'a>, Reject> {
    match host {
        None if !has_host => Ok(absolute),
        Some(host) if host.is_same(&absolute, default_port) => Ok(host),
        _ => Err(Reject::bad("Host is not the authority of the request target")),
    }
}

#[cold]
fn refuse(error: httparse::Error, head: &[u8]) -> Reject {
    match error {
        httparse::Error::TooManyHeaders => {
            Reject { status: Status::HeadersTooLarge, reason: "more header fields than the limit" }
        }
        httparse::Error::Version if names_http_version(head) => {
            Reject { status: Status::VersionNotSupported, reason: "HTTP version other than 1.0 and 1.1" }
        }
        httparse::Error::Version => Reject::bad("request line does not end in an HTTP version"),
        httparse::Error::HeaderName => Reject::bad("invalid header name, or folded header line"),
        httparse::Error::HeaderValue => Reject::bad("control byte in a header value"),
        httparse::Error::NewLine => Reject::bad("line does not end with CR LF"),
        httparse::Error::Token | httparse::Error::Status => Reject::bad("invalid request line"),
    }
}

/// Whether the third word of the request line is a version, `HTTP/` and a digit.
fn names_http_version(head: &[u8]) -> bool {
    let word = head.splitn(3, |&byte| byte == b' ').nth(2).unwrap_or_default();
    word.strip_prefix(b"HTTP/").and_then(|rest| rest.first()).is_some_and(u8::is_ascii_digit)
}

#[cfg(test)]
pub(super) mod tests;
