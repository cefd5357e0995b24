//! The opening handshake of WebSocket (RFC 6455 §4).

use sha1_smol::Sha1;

use super::super::head::Lines;
use super::super::method::Method;
use super::super::request::Request;

/// 16 bytes in base64.
const KEY_BYTES: usize = 24;
/// 20 bytes in base64.
const ACCEPT_BYTES: usize = 28;
/// What a server appends to the key before it hashes it, to show that it speaks WebSocket.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The key of a client's handshake, as it sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key([u8; KEY_BYTES]);

/// The key of a handshake, if it is one that a server may answer (§4.2.1); else why not.
pub(super) fn key(request: &Request<'_>) -> Result<Key, &'static str> {
    if request.method != Method::Get {
        return Err("websocket handshake with a method other than GET");
    }
    if !request.body.is_empty() {
        return Err("websocket handshake with a body");
    }
    if request.lines.only(b"sec-websocket-version") != Some(b"13") {
        return Err("websocket handshake without Sec-WebSocket-Version: 13");
    }
    let key = request.lines.only(b"sec-websocket-key").and_then(|key| <[u8; KEY_BYTES]>::try_from(key).ok());
    match key {
        Some(key) if is_base64(&key) => Ok(Key(key)),
        _ => Err("websocket handshake without a Sec-WebSocket-Key of 16 bytes"),
    }
}

fn is_base64(key: &[u8; KEY_BYTES]) -> bool {
    let (digits, padding) = key.split_at(KEY_BYTES - 2);
    padding == b"==" && digits.iter().all(|digit| BASE64.contains(digit))
}

impl Key {
    /// What the server's Sec-WebSocket-Accept must say (§4.2.2, item 5).
    fn accept(&self) -> [u8; ACCEPT_BYTES] {
        let mut sha1 = Sha1::new();
        sha1.update(&self.0);
        sha1.update(GUID);
        let digest = sha1.digest().bytes();
        let mut accept = [b'='; ACCEPT_BYTES];
        for (group, text) in digest.chunks(3).zip(accept.chunks_mut(4)) {
            let bits =
                group.iter().fold(0, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - group.len()));
            for (at, digit) in text.iter_mut().enumerate().take(group.len() + 1) {
                *digit = BASE64[(bits >> (18 - 6 * at)) as usize & 63];
            }
        }
        accept
    }

    /// Whether an answer's lines accept it.
    pub(super) fn is_accepted(&self, lines: &Lines<'_>) -> bool {
        lines.only(b"sec-websocket-accept") == Some(&self.accept()[..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_the_rfc_is_accepted_as_the_rfc_says() {
        assert_eq!(&Key(*b"dGhlIHNhbXBsZSBub25jZQ==").accept(), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
