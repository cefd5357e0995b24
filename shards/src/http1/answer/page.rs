//! One answer of our own, put together but for what differs from request to request.

use super::super::decimal;
use super::accept::Form;
use super::pages::Asked;
use super::request_id::push_harmless;
use super::status::Status;

const CONNECTION_CLOSE: &[u8] = b"\r\nConnection: close\r\n\r\n";

/// An answer, but for the request's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    /// Up to the value of Content-Length.
    head: Box<[u8]>,
    /// From there up to the value of X-Request-Id.
    fields: Box<[u8]>,
    /// Without request ids.
    body: Box<[u8]>,
    /// Before which bytes of the body they belong, in ascending order.
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
        let mut fields = b"\r\nCache-Control: no-store\r\n".to_vec();
        if let Some(seconds) = status.retry_after() {
            fields.extend_from_slice(format!("Retry-After: {seconds}\r\n").as_bytes());
        }
        fields.extend_from_slice(b"X-Request-Id: ");
        Page { head: head.into(), fields: fields.into(), body: body.into(), ids: ids.into() }
    }

    /// Appends it.
    pub(super) fn write(&self, asked: &Asked<'_>, out: &mut Vec<u8>) {
        let id = asked.request_id;
        let body_len = self.body.len() + self.ids.len() * id.len();
        let (head_len, rest_len) = (self.head.len() + self.fields.len(), id.len() + CONNECTION_CLOSE.len());
        out.reserve(head_len + rest_len + decimal::DIGITS_MAX + if asked.to_head { 0 } else { body_len });
        out.extend_from_slice(&self.head);
        decimal::push(out, body_len as u64);
        out.extend_from_slice(&self.fields);
        push_harmless(id, out);
        out.extend_from_slice(if asked.keep_alive { b"\r\n\r\n" } else { CONNECTION_CLOSE });
        if asked.to_head {
            return;
        }
        let mut from = 0;
        for &at in &self.ids {
            out.extend_from_slice(&self.body[from..at as usize]);
            push_harmless(id, out);
            from = at as usize;
        }
        out.extend_from_slice(&self.body[from..]);
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
            after
        } else {
            body.push(b'{');
            &rest[1..]
        };
    }
    body.extend_from_slice(rest);
    (body, ids)
}
