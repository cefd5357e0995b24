//! The forwarding fields of a trusted client, and ours with them.

use super::super::field::{Field, trim};
use super::super::request::Request;
use super::{FOR, Forward, HOST, node};

/// Appends the forwarding fields of a trusted client's request: lists continued, single values kept.
#[inline(never)]
pub(super) fn push(forward: Forward<'_>, request: Request<'_>, host: &[u8], out: &mut Vec<u8>) {
    let rules = forward.rules;
    let request = &request;
    let (proto_end, port_end) = (usize::from(rules.proto_end), usize::from(rules.port_end));
    if !push_single(request, Field::XForwardedProto, b"X-Forwarded-Proto: ", out) {
        out.extend_from_slice(&rules.prefix[..proto_end]);
    }
    if !push_single(request, Field::XForwardedPort, b"X-Forwarded-Port: ", out) {
        out.extend_from_slice(&rules.prefix[proto_end..port_end]);
    }
    let mut list = List::new(FOR.as_bytes());
    for value in sent(request, Field::XForwardedFor) {
        list.item(out).extend_from_slice(value);
    }
    if rules.fields.x_forwarded_for {
        list.item(out).extend_from_slice(forward.client.text());
    }
    list.end(out);
    if !push_single(request, Field::XForwardedHost, HOST.as_bytes(), out)
        && rules.fields.x_forwarded_host
        && !host.is_empty()
    {
        push_line(HOST.as_bytes(), host, out);
    }
    let mut list = List::new(b"Forwarded: ");
    // With a hole in it the list would name someone else as the first: it is believed whole or not at all.
    if sent(request, Field::Forwarded).all(node::is_valid) {
        for value in sent(request, Field::Forwarded) {
            list.item(out).extend_from_slice(value);
        }
    }
    if rules.fields.forwarded {
        node::push(forward.client, host, rules.scheme, list.item(out));
    }
    list.end(out);
}

/// The values of `field` that say anything.
fn sent<'a>(request: &Request<'a>, field: Field) -> impl DoubleEndedIterator<Item = &'a [u8]> {
    let headers = if request.extras.forwarding.contains(field) { request.lines.headers } else { &[] };
    headers
        .iter()
        .filter(move |header| Field::of(header.name.as_bytes()) == field)
        .map(|header| trim(header.value))
        .filter(|value| !value.is_empty())
}

/// Appends the line of a field that has one value. Of several the last is the trusted client's own: those before were sent
/// to it. `false`: there is none.
fn push_single(request: &Request<'_>, field: Field, name: &[u8], out: &mut Vec<u8>) -> bool {
    let value = sent(request, field).next_back();
    if let Some(value) = value {
        push_line(name, value, out);
    }
    value.is_some()
}

fn push_line(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    for part in [name, value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

/// A line with a list in it, which begins with its first item.
struct List<'a> {
    name: &'a [u8],
    begun: bool,
}

impl<'a> List<'a> {
    fn new(name: &'a [u8]) -> List<'a> {
        List { name, begun: false }
    }

    /// Where the next item goes.
    fn item<'o>(&mut self, out: &'o mut Vec<u8>) -> &'o mut Vec<u8> {
        out.extend_from_slice(if self.begun { b", " } else { self.name });
        self.begun = true;
        out
    }

    fn end(self, out: &mut Vec<u8>) {
        if self.begun {
            out.extend_from_slice(b"\r\n");
        }
    }
}
