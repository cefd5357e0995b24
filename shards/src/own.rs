//! Answers of our own on their way to the client.

use ringway_engine::{Deadline, Engine, Out, Stream};

use crate::call::Call;
use crate::http1::answer::Asked;
use crate::http1::{Header, Status};

/// The name of the field that says in which form an answer is wanted.
const ACCEPT: &[u8] = b"accept:";

/// What is known of a request that is answered by us.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wants<'a> {
    /// The head that was written for a backend: it has the client's Accept field. Empty if there is none.
    pub(crate) head: &'a [u8],
    /// Whether the client's connection is kept.
    pub(crate) keep_alive: bool,
    pub(crate) is_head: bool,
}

impl Wants<'static> {
    /// Of a request that could not be understood; its connection ends.
    pub(crate) fn unknown() -> Wants<'static> {
        Wants { head: &[], keep_alive: false, is_head: false }
    }
}

/// Sends an answer of our own with `status`.
pub(crate) async fn answer<E: Engine>(call: &Call<'_, E>, status: Status, wants: Wants<'_>) {
    let shard = &call.client.shard;
    let mut out = shard.engine.buffer();
    let asked = Asked {
        accept: accept(wants.head),
        keep_alive: wants.keep_alive,
        to_head: wants.is_head,
        request_id: call.name(),
    };
    shard.answers.borrow().write(status, &asked, out.vec());
    send(call, status.code(), Out::Buffer(out)).await;
}

/// Sends an answer that is complete.
pub(crate) async fn send<E: Engine>(call: &Call<'_, E>, status: u16, out: Out<E::Chunk>) {
    let client = call.client;
    let counters = &client.shard.counters;
    counters.own_answers.one();
    counters.response(status);
    if client.stream.sent().await.is_ok() {
        // Not `Call::post`: that the request's time has passed may be what the answer says.
        let deadline = client.shard.engine.now() + call.timeouts().send;
        client.stream.set_deadline(Deadline::Send, deadline);
        client.stream.post(out);
    }
}

/// Appends the client's Accept field, of a request that is written for no backend, where [`answer`] looks for it.
pub(crate) fn keep_accept(headers: &[Header<'_>], head: &mut Vec<u8>) {
    if let Some(accept) = headers.iter().find(|header| header.name.eq_ignore_ascii_case("accept")) {
        for part in [ACCEPT, accept.value, b"\r\n"] {
            head.extend_from_slice(part);
        }
    }
}

/// The value of the first Accept field of a head that we wrote ourselves: one line end, no folding, no spaces before
/// colons. Looked for only when there is an answer of our own to give, so that other requests need not remember it.
fn accept(head: &[u8]) -> Option<&[u8]> {
    let mut rest = head;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let (line, next) = rest.split_at(end + 1);
        if line.get(..ACCEPT.len()).is_some_and(|name| name.eq_ignore_ascii_case(ACCEPT)) {
            return Some(line[ACCEPT.len()..].trim_ascii());
        }
        rest = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_accept_field_of_a_head_is_found_in_any_case() {
        for (head, value) in [
            ("", None),
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", None),
            ("GET /accept: HTTP/1.1\r\nAccept-Language: de\r\nX-Accept: x\r\n\r\n", None),
            ("GET / HTTP/1.1\r\naCCept:  text/html \r\nAccept: x/y\r\n\r\n", Some("text/html")),
            ("GET / HTTP/1.1\r\nA: b\r\nAccept:\r\n\r\n", Some("")),
        ] {
            assert_eq!(accept(head.as_bytes()), value.map(str::as_bytes), "{head:?}");
        }
    }
}
