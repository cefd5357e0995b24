//! The request head that a backend gets.

use super::super::decimal;
use super::super::field::Field;
use super::super::forward::Forward;
use super::super::head::{BodyLength, LineSet, Lines};
use super::super::limits::UPGRADE_BYTES_MAX;
use super::super::method::Method;
use super::super::request::Request;
use super::super::tunnel::Tunnel;
use super::path::Prefix;
use super::rules::RequestRules;

/// Bytes of the fixed fields below, the path's slash and the closing empty line, rounded up.
const EXTRAS_BYTES: usize = 128 + UPGRADE_BYTES_MAX;

/// Appends the head of `request` as it goes to an HTTP/1.1 backend: origin-form, one `Host`, one length, nothing that
/// belongs to the client's connection, our forwarding fields, and what the route changes. Fields we neither drop nor set are
/// copied as they are. CONNECT keeps its form, and its host: only fields are changed in it.
///
/// `Connection: keep-alive` is not written: it is what HTTP/1.1 means. `Connection: TE` is, where the client takes trailers
/// (RFC 9110 §10.1.4), and the client's wish for an upgrade, as far as `tunnel` admits it.
#[inline]
pub fn request(
    request: &Request<'_>,
    tunnel: &Tunnel,
    forward: Forward<'_>,
    rules: Option<&RequestRules>,
    out: &mut Vec<u8>,
) {
    let lines = &request.lines;
    let extras = request.extras;
    let host = request.authority.map_or(&b""[..], |authority| authority.bytes);
    let rules_len = rules.map_or(0, RequestRules::len);
    out.reserve(lines.head.len() + forward.len() + 3 * host.len() + EXTRAS_BYTES + rules_len);

    let own_host = extras.host.then_some(host);
    if rules.is_some() || forward.rules.names_requests() {
        // By value: the request of the common case then need not stand in memory.
        push_changed_lines(*request, own_host, forward, rules, out);
    } else {
        let copy_from = push_start_line(request, out);
        push_lines(lines, copy_from, lines.cut, own_host, out);
    }
    if let Some(protocol) = tunnel.protocol() {
        out.extend_from_slice(b"Connection: upgrade\r\n");
        push_line(out, b"Upgrade: ", protocol);
    } else if extras.te_trailers {
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
    forward.push(request, host, out);
    if let Some(rules) = rules {
        out.extend_from_slice(&rules.fields.lines);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends the client's lines from `copy_from` on but those in `cut`, and a Host line where it is not among them.
#[inline(always)]
fn push_lines(lines: &Lines<'_>, copy_from: usize, cut: LineSet, own_host: Option<&[u8]>, out: &mut Vec<u8>) {
    lines.copy_kept(copy_from, cut, out);
    if let Some(host) = own_host {
        push_line(out, b"Host: ", host);
    }
}

/// The request line and the client's lines, where the route changes any of it or the request is given a name.
#[inline(never)]
fn push_changed_lines<'a>(
    request: Request<'_>,
    mut own_host: Option<&'a [u8]>,
    forward: Forward<'_>,
    rules: Option<&'a RequestRules>,
    out: &mut Vec<u8>,
) {
    let lines = &request.lines;
    let mut cut = lines.cut;
    let own_request_id = forward.settle_request_id(&request, &mut cut);
    let mut prefix = None;
    if let Some(rules) = rules {
        rules.fields.cut(lines, &mut cut);
        if !matches!(request.method, Method::Connect) {
            prefix = rules.prefix.as_ref();
            if let Some(host) = &rules.host {
                lines.cut_field(Field::Host, &mut cut);
                own_host = Some(host);
            }
        }
    }
    let copy_from = match prefix {
        Some(prefix) if push_replaced_prefix(&request, prefix, out) => lines.start(0),
        _ => push_start_line(&request, out),
    };
    push_lines(lines, copy_from, cut, own_host, out);
    if own_request_id {
        forward.push_request_id(out);
    }
}

/// Appends the request line, unless it can be copied with the other lines. From where these are to be copied.
#[inline(always)]
fn push_start_line(request: &Request<'_>, out: &mut Vec<u8>) -> usize {
    if request.extras.request_line {
        push_request_line(*request, out);
        request.lines.start(0)
    } else {
        0
    }
}

#[inline(never)]
fn push_request_line(request: Request<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(request.method.as_bytes());
    out.push(b' ');
    match (request.method, request.authority) {
        (Method::Connect, Some(authority)) => out.extend_from_slice(authority.bytes),
        _ if matches!(request.path, [b'/', ..] | b"*") => {}
        _ => out.push(b'/'),
    }
    push_line(out, request.path, b" HTTP/1.1");
}

/// Appends the request line with another prefix in its path. `false`: nothing, as the prefix does not apply.
fn push_replaced_prefix(request: &Request<'_>, prefix: &Prefix, out: &mut Vec<u8>) -> bool {
    let before = out.len();
    out.extend_from_slice(request.method.as_bytes());
    out.push(b' ');
    if prefix.push(request.path, out) {
        out.extend_from_slice(b" HTTP/1.1\r\n");
        return true;
    }
    out.truncate(before);
    false
}

#[inline(always)]
fn push_line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
