//! The request head that a backend gets.

use super::super::decimal;
use super::super::field::{self, Field};
use super::super::forward::Forward;
use super::super::head::BodyLength;
use super::super::request::Request;

/// Bytes of the fixed fields below, the path's slash and the closing empty line, rounded up.
const EXTRAS_BYTES: usize = 128;

/// Appends the head of `request` as it goes to an HTTP/1.1 backend: origin-form, one `Host`, one length, nothing that
/// belongs to the client's connection, and our forwarding fields. Fields we neither drop nor set are copied as they are.
///
/// `Connection: keep-alive` is not written: it is what HTTP/1.1 means. `Connection: TE` is, where the client takes trailers
/// (RFC 9110 §10.1.4). The client's Upgrade is not passed on.
#[inline]
pub fn request(request: &Request<'_>, forward: Forward<'_>, out: &mut Vec<u8>) {
    let lines = &request.lines;
    let extras = request.extras;
    let host = request.authority.map_or(&b""[..], |authority| authority.bytes);
    out.reserve(lines.head.len() + forward.len() + 2 * host.len() + EXTRAS_BYTES);

    let copy_from = if extras.request_line {
        push_request_line(request, out);
        lines.start(0)
    } else {
        0
    };
    lines.copy_kept(copy_from, lines.cut, out);
    if extras.host {
        push_line(out, b"Host: ", host);
    }
    if extras.te_trailers {
        out.extend_from_slice(b"TE: trailers\r\nConnection: TE\r\n");
    }
    match request.body {
        BodyLength::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        BodyLength::Length(length) if extras.length => {
            out.extend_from_slice(b"Content-Length: ");
            decimal::push(out, length);
            out.extend_from_slice(b"\r\n");
        }
        _ => {}
    }
    forward.push_before_address(out);
    if extras.forwarded_for {
        push_forwarded_for(request, out);
    }
    forward.push_address_line(out);
    if !host.is_empty() {
        Forward::push_host_name(out);
        push_line(out, b"", host);
    }
    out.extend_from_slice(b"\r\n");
}

fn push_request_line(request: &Request<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(request.method.as_bytes());
    out.push(b' ');
    if !matches!(request.path, [b'/', ..] | b"*") {
        out.push(b'/');
    }
    push_line(out, request.path, b" HTTP/1.1");
}

#[inline(always)]
fn push_line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// The addresses the client sent, each followed by a comma. Ours comes next.
#[cold]
fn push_forwarded_for(request: &Request<'_>, out: &mut Vec<u8>) {
    for header in request.lines.headers {
        if Field::of(header.name.as_bytes()) == Field::XForwardedFor && !field::trim(header.value).is_empty()
        {
            out.extend_from_slice(header.value);
            out.extend_from_slice(b", ");
        }
    }
}
