//! What a load wants to know of a response.

use crate::wire::chunked::Chunked;
use crate::wire::{Body, Malformed, Parsed, decimal, has_token, no_fields};

/// A response's head, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) body: Body,
    /// The connection ends with this response.
    pub(super) close: bool,
}

pub(super) fn parse(bytes: &[u8]) -> Result<Parsed<Response>, Malformed> {
    let mut fields = no_fields();
    let mut head = httparse::Response::new(&mut []);
    let parsed =
        httparse::ParserConfig::default().parse_response_with_uninit_headers(&mut head, bytes, &mut fields);
    let len = match parsed {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return Ok(Parsed::Partial),
        Err(_) => return Err(Malformed("not an HTTP/1.1 response")),
    };
    let status = head.code.unwrap_or_default();
    let mut close = head.version == Some(0);
    let (mut length, mut chunked) = (None, false);
    for field in head.headers.iter() {
        let (name, value) = (field.name, field.value);
        match name.len() {
            10 if name.eq_ignore_ascii_case("connection") => close |= has_token(value, "close"),
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
    let body = match (status, chunked, length) {
        (100..200 | 204 | 304, _, _) => Body::NONE,
        (_, true, Some(_)) => return Err(Malformed("both Content-Length and Transfer-Encoding")),
        (_, true, None) => Body::Chunked(Chunked::START),
        (_, false, Some(length)) => Body::Length(length),
        (_, false, None) => Body::UntilEnd,
    };
    let close = close || body == Body::UntilEnd;
    Ok(Parsed::Whole { head: Response { status, body, close }, len })
}
