//! What comes before the first byte of a connection: the PROXY protocol's header, in and out.

use std::io;

use ringway_core::config::SendProxy;
use ringway_engine::{Chunk, Deadline, Engine, Mode, Stream};

use crate::client::Client;
use crate::proxy_protocol::{self, Parsed, Version};

/// Reads the header that a trusted proxy sends before anything else, and notes whose connection it is. What was received
/// behind it comes back; `None`: the connection is to be closed, without a word, because nobody knows who it is.
pub(crate) async fn proxy_header<E: Engine>(client: &Client<E>) -> Option<Option<E::Chunk>> {
    let shard = &client.shard;
    let peer = client.source();
    let refuse = |reason: &str| {
        shard.counters.refused_greetings.one();
        tracing::debug!(shard = shard.id, %peer, reason, "PROXY protocol header refused");
        client.stream.reset_on_close();
        None
    };
    if !client.listener.terms().trusts(peer.ip()) {
        return refuse("its peer is none of the trusted proxies");
    }
    client
        .stream
        .set_deadline(Deadline::Recv, shard.engine.now() + client.listener.terms().timeouts.proxy_header);
    let mut received: Vec<u8> = Vec::new();
    let (header, rest) = loop {
        let mut chunk = match client.stream.recv().await {
            Ok(Some(chunk)) => chunk,
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                shard.counters.client_timeouts.one();
                return refuse("it did not come in time");
            }
            Ok(None) | Err(_) => return refuse("the connection ended within it"),
        };
        let before = received.len();
        received.extend_from_slice(&chunk);
        match proxy_protocol::parse(&received) {
            Ok(Parsed::Complete(header)) => {
                chunk.advance(header.header_len - before);
                break (header, (!chunk.is_empty()).then_some(chunk));
            }
            Ok(Parsed::Partial) => {}
            Err(error) => return refuse(&error.to_string()),
        }
    };
    // A health check of the proxy itself names nobody: then it is the proxy's own connection.
    if !client.admit(header.source.unwrap_or(peer)) {
        client.stream.reset_on_close();
        return None;
    }
    if let Some(destination) = header.destination {
        client.set_destination(destination);
    }
    client.stream.set_mode(Mode::Head);
    Some(rest)
}

/// Appends the header that tells a backend whose connection it is.
pub(crate) fn push_proxy_header<E: Engine>(client: &Client<E>, send: SendProxy, out: &mut Vec<u8>) {
    let version = match send {
        SendProxy::Off => return,
        SendProxy::V1 => Version::V1,
        SendProxy::V2 => Version::V2,
    };
    proxy_protocol::write(version, client.source(), client.destination(), out);
}
