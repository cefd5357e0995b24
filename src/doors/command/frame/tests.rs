//! Messages that come in pieces, too long, too late, or not at all.

use tokio::io::AsyncWriteExt;

use super::*;
use crate::doors::command::testing::run;
use crate::doors::command::wire::{Request, RequestType};

const LIMIT: Duration = Duration::from_secs(20);

fn reader() -> FrameReader {
    FrameReader::new(Arc::new(Semaphore::new(1)), LIMIT)
}

fn message(body: &[u8]) -> Vec<u8> {
    let mut out = (body.len() as u64 + 8).to_le_bytes().to_vec();
    out.extend(body);
    out
}

#[test]
fn a_message_may_come_byte_by_byte_and_two_at_once() {
    run(async {
        let (mut client, server) = UnixStream::pair().expect("two sockets");
        let mut reader = reader();
        for byte in message(b"hello") {
            // Cancelled at every byte, it goes on where it was.
            let early = timeout(Duration::from_millis(1), reader.read(&server)).await;
            assert!(early.is_err(), "a message was there too soon");
            client.write_all(&[byte]).await.expect("room");
        }
        let frame = reader.read(&server).await.expect("a message").expect("one");
        assert_eq!(frame.body, b"hello");
        client.write_all(&[message(b"a"), message(b""), message(b"b")].concat()).await.expect("room");
        for body in [&b"a"[..], b"", b"b"] {
            assert_eq!(reader.read(&server).await.expect("a message").expect("one").body, body);
        }
        assert_eq!(reader.body.capacity(), 0, "an idle reader holds no memory");
        drop(client);
        assert!(reader.read(&server).await.expect("no error").is_none());
    });
}

#[test]
fn a_length_that_can_not_be_is_refused_at_once() {
    run(async {
        for length in [0, 7, MESSAGE_BYTES_MAX + 1, u64::MAX, u64::from_le_bytes(*b"GET / HT")] {
            let (mut client, server) = UnixStream::pair().expect("two sockets");
            client.write_all(&length.to_le_bytes()).await.expect("room");
            let error = reader().read(&server).await.err().expect("no message");
            assert!(error.to_string().contains(&length.to_string()), "{error}");
        }
    });
}

#[test]
fn a_long_announcement_takes_no_memory() {
    run(async {
        let (mut client, server) = UnixStream::pair().expect("two sockets");
        let mut reader = reader();
        client.write_all(&MESSAGE_BYTES_MAX.to_le_bytes()).await.expect("room");
        client.write_all(b"x").await.expect("room");
        let early = timeout(Duration::from_millis(20), reader.read(&server)).await;
        assert!(early.is_err(), "a message was there too soon");
        assert!(reader.body.capacity() <= READ_BYTES, "{}", reader.body.capacity());
        // It is a large one, and the only one that may be.
        let (mut other, theirs) = UnixStream::pair().expect("two sockets");
        other.write_all(&MESSAGE_BYTES_MAX.to_le_bytes()).await.expect("room");
        let mut second = FrameReader::new(Arc::clone(&reader.large), LIMIT);
        assert!(matches!(second.read(&theirs).await, Err(FrameError::Busy)));
        drop(reader);
        let mut third = FrameReader::new(Arc::clone(&second.large), LIMIT);
        other.write_all(&message(b"x")).await.expect("room");
        assert_eq!(third.read(&theirs).await.expect("a message").expect("one").body, b"x");
    });
}

#[test]
fn half_a_message_has_its_time_and_silence_has_all_of_it() {
    run(async {
        let (mut client, server) = UnixStream::pair().expect("two sockets");
        let mut reader = FrameReader::new(Arc::new(Semaphore::new(1)), Duration::from_millis(30));
        let silence = timeout(Duration::from_millis(90), reader.read(&server)).await;
        assert!(silence.is_err(), "silence is no message, and no error");
        client.write_all(&message(b"x")[..8]).await.expect("room");
        assert!(matches!(reader.read(&server).await, Err(FrameError::Late { .. })));
    });
}

#[test]
fn an_end_within_a_message_is_an_error() {
    run(async {
        for bytes in [&message(b"hello")[..3], &message(b"hello")[..8], &message(b"hello")[..12]] {
            let (mut client, server) = UnixStream::pair().expect("two sockets");
            client.write_all(bytes).await.expect("room");
            drop(client);
            assert!(matches!(reader().read(&server).await, Err(FrameError::Cut)));
        }
    });
}

#[test]
fn a_message_that_would_be_too_long_is_not_written() {
    let text = "x".repeat(MESSAGE_BYTES_MAX as usize);
    let request = Request { request_type: Some(RequestType::Ringway(text)) };
    let mut out = Vec::new();
    assert!(encode(&request, &mut out).expect_err("too long") > MESSAGE_BYTES_MAX);
    assert!(out.is_empty());
    encode(&Request { request_type: None }, &mut out).expect("it is short");
    assert_eq!(out, [8, 0, 0, 0, 0, 0, 0, 0]);
}
