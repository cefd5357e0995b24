//! What an origin does with the bodies of requests.

use std::io::Write;
use std::thread;

use crate::client::{Client, origin};

/// `size` bytes in chunks of growing length, the last with a trailer.
fn chunked(size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut left, mut step) = (size, 1);
    while left > 0 {
        let here = step.min(left);
        out.extend_from_slice(format!("{here:x};step={step}\r\n").as_bytes());
        out.resize(out.len() + here, b'a' + (step % 26) as u8);
        out.extend_from_slice(b"\r\n");
        (left, step) = (left - here, step + step / 2 + 1);
    }
    out.extend_from_slice(b"0\r\nX-End: yes\r\n\r\n");
    out
}

#[test]
fn a_body_is_read_and_forgotten() {
    let origin = origin();
    let mut client = Client::connect(origin.addr());
    for size in [1, 1_000, 3_000_000] {
        client.send(format!("POST /?size=2 HTTP/1.1\r\nContent-Length: {size}\r\n\r\n"));
        client.send(vec![b'x'; size]);
        assert_eq!(client.answer().body.len(), 2);
        client.send("POST /?size=3 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
        client.send(chunked(size));
        assert_eq!(client.answer().body.len(), 3);
    }
    assert_eq!(client.get("/").status, 200);
}

#[test]
fn a_client_that_waits_for_a_go_ahead_gets_it() {
    let origin = origin();
    let mut client = Client::connect(origin.addr());
    for target in ["/", "/echo"] {
        client.send(format!("PUT {target} HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 16\r\n\r\n"));
        assert_eq!(client.head().status, 100);
        client.send("hello from blue\n");
        assert_eq!(client.answer().text(), "hello from blue\n");
    }
}

#[test]
fn an_echo_has_the_length_and_the_bytes_of_its_request() {
    let origin = origin();
    let mut client = Client::connect(origin.addr());
    for size in [0_usize, 1, 100_000, 5_000_000] {
        let body: Vec<u8> = (0..size).map(|n| ((n * 31) >> 3) as u8).collect();
        let mut sender = client.sender();
        let answer = thread::scope(|scope| {
            scope.spawn(|| {
                let head = format!("POST /echo HTTP/1.1\r\nContent-Length: {size}\r\n\r\n");
                sender.write_all(head.as_bytes()).expect("the origin reads");
                sender.write_all(&body).expect("the origin reads");
                // The next request stands directly behind the body.
                sender.write_all(b"GET /?size=7 HTTP/1.1\r\n\r\n").expect("the origin reads");
            });
            client.answer()
        });
        assert!(answer.body == body, "{size}");
        assert_eq!(client.answer().body.len(), 7);
    }
}

#[test]
fn a_chunked_body_comes_back_in_its_chunks() {
    let origin = origin();
    let mut client = Client::connect(origin.addr());
    for size in [0, 1, 2_000_000] {
        let body = chunked(size);
        let mut sender = client.sender();
        thread::scope(|scope| {
            scope.spawn(|| {
                sender
                    .write_all(b"PUT /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
                    .expect("it reads");
                sender.write_all(&body).expect("the origin reads");
            });
            assert_eq!(client.head().field("Transfer-Encoding"), Some("chunked"));
            assert!(client.read(body.len()) == body, "{size}");
        });
    }
    assert_eq!(client.get("/").status, 200);
}

#[test]
fn an_echo_goes_on_while_its_request_does() {
    let origin = origin();
    let mut client = Client::connect(origin.addr());
    client.send("POST /echo HTTP/1.1\r\nContent-Length: 9\r\n\r\n");
    for (n, piece) in ["one", "two", "six"].into_iter().enumerate() {
        client.send(piece);
        if n == 0 {
            assert_eq!(client.head().status, 200);
        }
        assert_eq!(client.read(3), piece.as_bytes());
    }
}
