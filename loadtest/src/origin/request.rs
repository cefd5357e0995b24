//! What the origin wants to know of a request.

use std::time::Duration;

use crate::limits::{BODY_BYTES_MAX, DELAY_MAX};
use crate::wire::chunked::Chunked;
use crate::wire::{Body, Malformed, Parsed, decimal, has_token, no_fields};

/// A request's head, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) body: Body,
    pub(super) kind: Kind,
    /// The client wants the connection closed.
    pub(super) close: bool,
    /// It waits for a go-ahead before it sends the body.
    pub(super) expects_continue: bool,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The body is to come back.
    Echo,
    /// The fixed answer, with what the request changes about it.
    Fixed { head_only: bool, size: Option<u64>, delay: Option<Duration> },
}

pub(super) fn parse(bytes: &[u8]) -> Result<Parsed<Request>, Malformed> {
    let mut fields = no_fields();
    let mut head = httparse::Request::new(&mut []);
    let len = match head.parse_with_uninit_headers(bytes, &mut fields) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return Ok(Parsed::Partial),
        Err(httparse::Error::TooManyHeaders) => return Err(Malformed("too many header fields")),
        Err(_) => return Err(Malformed("not an HTTP/1.1 request")),
    };
    let mut request = Request {
        body: Body::NONE,
        kind: kind(head.method.unwrap_or_default(), head.path.unwrap_or_default())?,
        close: head.version == Some(0),
        expects_continue: false,
    };
    let (mut length, mut chunked) = (None, false);
    for field in head.headers.iter() {
        let (name, value) = (field.name, field.value);
        match name.len() {
            6 if name.eq_ignore_ascii_case("expect") => {
                request.expects_continue = value.eq_ignore_ascii_case(b"100-continue");
            }
            10 if name.eq_ignore_ascii_case("connection") => request.close |= has_token(value, "close"),
            14 if name.eq_ignore_ascii_case("content-length") => {
                let value = decimal(value).ok_or(Malformed("Content-Length is not a number"))?;
                if length.replace(value).is_some_and(|before| before != value) {
                    return Err(Malformed("two different Content-Length fields"));
                }
            }
            17 if name.eq_ignore_ascii_case("transfer-encoding") => {
                if !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Malformed("a transfer coding other than chunked"));
                }
                chunked = true;
            }
            _ => {}
        }
    }
    request.body = match (chunked, length) {
        // A proxy that lets this through has to be noticed.
        (true, Some(_)) => return Err(Malformed("both Content-Length and Transfer-Encoding")),
        (true, None) => Body::Chunked(Chunked::START),
        (false, length) => Body::Length(length.unwrap_or(0)),
    };
    Ok(Parsed::Whole { head: request, len })
}

fn kind(method: &str, target: &str) -> Result<Kind, Malformed> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if path == "/echo" && matches!(method, "POST" | "PUT") {
        return Ok(Kind::Echo);
    }
    let (mut size, mut delay) = (None, None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("size", value)) => {
                let value = decimal(value.as_bytes()).filter(|&size| size <= BODY_BYTES_MAX);
                size = Some(value.ok_or(Malformed("size is not a number of bytes up to 1 GiB"))?);
            }
            Some(("delay", value)) => {
                let value =
                    decimal(value.as_bytes()).map(Duration::from_millis).filter(|&delay| delay <= DELAY_MAX);
                delay = Some(value.ok_or(Malformed("delay is not a number of milliseconds up to an hour"))?);
            }
            _ => {}
        }
    }
    Ok(Kind::Fixed { head_only: method == "HEAD", size, delay })
}
