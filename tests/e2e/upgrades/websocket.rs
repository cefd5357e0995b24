//! WebSocket (RFC 6455), as far as clients and origins of tests speak it: whole messages in single frames.

use std::io::{self, BufReader, Read, Write};

use sha1_smol::Sha1;

use crate::common::{Origin, read_head};

/// A key as clients send it.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// The request that a browser makes.
pub(crate) fn handshake(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Extensions: x-none\r\n\r\n"
    )
}

/// What a server must answer to a key (section 4.2.2).
pub(crate) fn accept(key: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digest = Sha1::from(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")).digest().bytes();
    let mut text = String::new();
    for group in digest.chunks(3) {
        let bits = [0, 1, 2].map(|at| group.get(at).copied().unwrap_or(0)).into_iter();
        let bits = bits.fold(0, |bits, byte| bits << 8 | u32::from(byte));
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at)) as usize & 63];
            text.push(if at <= group.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

/// A binary message in one frame (section 5.2); from clients, masked.
pub(crate) fn frame(payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let masked = u8::from(mask.is_some()) << 7;
    let mut frame = vec![0x82];
    match payload.len() {
        len @ 0..126 => frame.push(masked | len as u8),
        len @ 126..0x1_0000 => {
            frame.push(masked | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(masked | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(mask.iter().flatten());
    let start = frame.len();
    frame.extend(payload);
    apply(mask, &mut frame[start..]);
    frame
}

/// The next message and whether it was masked; `None` at the end of the connection.
pub(crate) fn read_frame(from: &mut impl Read) -> io::Result<Option<(Vec<u8>, bool)>> {
    let mut start = [0; 2];
    if from.read(&mut start[..1])? == 0 {
        return Ok(None);
    }
    from.read_exact(&mut start[1..])?;
    assert_eq!(start[0], 0x82, "a whole binary message");
    let len = match start[1] & 0x7f {
        126 => u64::from(u16::from_be_bytes(read_array(from)?)),
        127 => u64::from_be_bytes(read_array(from)?),
        len => u64::from(len),
    };
    let mask = if start[1] & 0x80 == 0 { None } else { Some(read_array(from)?) };
    let mut payload = vec![0; usize::try_from(len).expect("64 bits")];
    from.read_exact(&mut payload)?;
    apply(mask, &mut payload);
    Ok(Some((payload, mask.is_some())))
}

fn apply(mask: Option<[u8; 4]>, payload: &mut [u8]) {
    if let Some(mask) = mask {
        payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    }
}

fn read_array<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// An origin that shakes hands and sends every message back. In the same write as its answer it greets with `first`.
pub(crate) fn echoing(first: &'static [u8]) -> Origin {
    Origin::raw(move |mut out| {
        let mut from = BufReader::with_capacity(256 * 1024, out.try_clone()?);
        let request = read_head(&mut from)?;
        assert_eq!(request.header("upgrade"), Some("websocket"));
        assert_eq!(request.header("connection").map(str::to_ascii_lowercase).as_deref(), Some("upgrade"));
        assert_eq!(request.header("sec-websocket-version"), Some("13"));
        let accept = accept(request.header("sec-websocket-key").expect("a key"));
        let mut answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        )
        .into_bytes();
        if !first.is_empty() {
            answer.extend(frame(first, None));
        }
        out.write_all(&answer)?;
        while let Some((message, masked)) = read_frame(&mut from)? {
            assert!(masked, "messages of clients are masked");
            out.write_all(&frame(&message, None))?;
        }
        Ok(())
    })
}

#[test]
fn the_key_of_the_rfc_is_accepted_as_the_rfc_says() {
    assert_eq!(accept(KEY), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}
