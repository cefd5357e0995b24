//! One answer of our own, put together but for what differs from request to request.

use super::super::decimal;
use super::accept::Form;
use super::pages::Asked;
use super::request_id::{REQUEST_ID_BYTES, harmless};
use super::status::Status;

const CONNECTION_CLOSE: &[u8] = b"\r\nConnection: close\r\n\r\n";

/// An answer whose length is known: a request id has as many bytes as any other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    /// Up to the value of X-Request-Id.
    head: Box<[u8]>,
    /// With zeros where request ids belong.
    body: Box<[u8]>,
    /// Where in the body that is, in ascending order; each [`REQUEST_ID_BYTES`] before the next and before the end.
    ids: Box<[u32]>,
}

impl Page {
    /// Puts the answer with `text` together: `{status}`, `{reason}` and `{request_id}` are replaced, other braces stay.
    pub(super) fn new(status: Status, form: Form, text: &[u8]) -> Page {
        let (body, ids) = filled(status, text);
        let mut head =
            format!("HTTP/1.1 {status} {}\r\nContent-Type: {}\r\n", status.reason(), form.content_type())
                .into_bytes();
        head.extend_from_slice(b"Content-Length: ");
        decimal::push(&mut head, body.len() as u64);
        head.extend_from_slice(b"\r\nCache-Control: no-store\r\n");
        if let Some(seconds) = status.retry_after() {
            head.extend_from_slice(format!("Retry-After: {seconds}\r\n").as_bytes());
        }
        head.extend_from_slice(b"X-Request-Id: ");
        Page { head: head.into(), body: body.into(), ids: ids.into() }
    }

    /// Appends it.
    pub(super) fn write(&self, asked: &Asked<'_>, out: &mut Vec<u8>) {
        let id = harmless(asked.request_id);
        let body = if asked.to_head { &[][..] } else { &self.body };
        out.reserve(self.head.len() + id.len() + CONNECTION_CLOSE.len() + body.len());
        out.extend_from_slice(&self.head);
        out.extend_from_slice(&id);
        out.extend_from_slice(if asked.keep_alive { b"\r\n\r\n" } else { CONNECTION_CLOSE });
        let start = out.len();
        out.extend_from_slice(body);
        if !asked.to_head {
            for &at in &self.ids {
                out[start + at as usize..][..id.len()].copy_from_slice(&id);
            }
        }
    }
}

/// The body, and where request ids belong in it.
fn filled(status: Status, text: &[u8]) -> (Vec<u8>, Vec<u32>) {
    let mut body = Vec::with_capacity(text.len());
    let mut ids = Vec::new();
    let mut rest = text;
    while let Some(brace) = memchr::memchr(b'{', rest) {
        body.extend_from_slice(&rest[..brace]);
        rest = &rest[brace..];
        rest = if let Some(after) = rest.strip_prefix(b"{status}") {
            decimal::push(&mut body, status.code().into());
            after
        } else if let Some(after) = rest.strip_prefix(b"{reason}") {
            body.extend_from_slice(status.reason().as_bytes());
            after
        } else if let Some(after) = rest.strip_prefix(b"{request_id}") {
            // In bounds: a text of at most 64 KiB grows less than four times.
            ids.push(body.len() as u32);
            body.resize(body.len() + REQUEST_ID_BYTES, 0);
            after
        } else {
            body.push(b'{');
            &rest[1..]
        };
    }
    body.extend_from_slice(rest);
    (body, ids)
}
