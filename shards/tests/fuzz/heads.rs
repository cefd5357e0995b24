//! Heads of requests and responses by chance.

use rand::RngExt;
use rand::rngs::SmallRng;

use crate::draw::{one_in, pick, spoil, word};

const TARGETS: &[&str] = &[
    "/",
    "/",
    "/a/b?c=d",
    "*",
    "http://a",
    "http://a?b",
    "http://a:80/b",
    "https://b/",
    "HTTP://A/",
    "//a/b",
    "/a//b/../c",
    "/%2e%2e/%00",
    "/a#b",
    "/a\\b",
    "/\u{e9}",
    "a",
    "a:80",
    "http://u@a/",
    "http://a/?http://b/",
    "ftp://a/",
    "?a",
    "",
    "http:///a",
    "http://[::1]:80/",
    "b:443",
];

const HOSTS: &[&str] = &[
    "Host: a\r\n",
    "Host: a\r\n",
    "Host: a\r\n",
    "host:a:80\r\n",
    "HOST: A\r\n",
    "Host: b\r\n",
    "Host: b:443\r\n",
    "Host:\r\n",
    "",
    "Host: a\r\nHost: a\r\n",
    "Host: a,b\r\n",
    "Host: a b\r\n",
    "Host: u@a\r\n",
    "Host : a\r\n",
    "Host: [::1]\r\n",
    "Host: a:99999\r\n",
    "Host: a/b\r\n",
    " Host: a\r\n",
    "Host: a\n",
];

/// Lines with a meaning of their own in requests or responses, and ways to hide them.
const LINES: &[&str] = &[
    "Content-Length: 5\r\n",
    "Content-Length: 5\r\n",
    "content-length: 0\r\n",
    "Content-Length: 5, 5\r\n",
    "Content-Length: 5, 6\r\n",
    "Content-Length: 6\r\n",
    "Content-Length: 05\r\n",
    "Content-Length: +5\r\n",
    "Content-Length: 0x5\r\n",
    "Content-Length:\r\n",
    "Content-Length: 5 5\r\n",
    "Content-Length: 9223372036854775807\r\n",
    "Content-Length: 9223372036854775808\r\n",
    "Content-Length: 18446744073709551621\r\n",
    "Content-Length : 5\r\n",
    "Content_Length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\n",
    "transfer-encoding: Chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: chunked, chunked\r\n",
    "Transfer-Encoding: identity\r\n",
    "Transfer-Encoding: xchunked\r\n",
    "Transfer-Encoding: \x0bchunked\r\n",
    "Transfer-Encoding : chunked\r\n",
    "Transfer-Encoding:\tchunked \r\n",
    "Transfer-Encoding:\r\n chunked\r\n",
    "X: y\r\nTransfer-Encoding: chunked\r\n",
    "X: y\nTransfer-Encoding: chunked\r\n",
    "X: y\rTransfer-Encoding: chunked\r\n",
    "Connection: close\r\n",
    "Connection: keep-alive\r\n",
    "Connection: Close, X-A\r\n",
    "connection: x-a,,upgrade\r\n",
    "Connection: host, content-length, transfer-encoding\r\n",
    "Connection: x-forwarded-for, forwarded, te\r\n",
    "Connection: a b\r\n",
    "Connection: ,\r\n",
    "Keep-Alive: timeout=5\r\n",
    "Proxy-Connection: keep-alive\r\n",
    "Upgrade: websocket\r\n",
    "Upgrade: h2c\r\nHTTP2-Settings: a\r\n",
    "TE: trailers\r\n",
    "TE: gzip, trailers;q=0.5\r\n",
    "Trailer: X-A\r\n",
    "Expect: 100-continue\r\n",
    "Expect: 200-ok\r\n",
    "X-Forwarded-For: 192.0.2.7\r\n",
    "x-forwarded-for:\r\n",
    "X-Forwarded-Proto: https\r\n",
    "X-Forwarded-Host: evil\r\n",
    "X-Forwarded-Port: 1\r\n",
    "Forwarded: for=192.0.2.7;host=evil\r\n",
    "X-Request-Id: abc\r\n",
    "X-A: b\r\n",
    "X-A: c\r\n",
    "X-B:\r\n",
    "X-C: \u{e9}\r\n",
    "X-D: a\r\n b\r\n",
    "X-E: \0\r\n",
    ": empty\r\n",
    "no colon\r\n",
    "X-F: a\x7f\r\n",
    "X(: a\r\n",
];

fn fields(rng: &mut SmallRng, head: &mut Vec<u8>) {
    let count = if one_in(rng, 200) { 120 } else { rng.random_range(0..6) };
    for _ in 0..count {
        if one_in(rng, 3) {
            head.extend_from_slice(pick(rng, LINES).as_bytes());
        } else {
            head.extend_from_slice(b"X-");
            head.extend(word(rng, b"abcAB-_09", 8));
            head.extend_from_slice(b": ");
            head.extend(word(rng, b"abc ,;=\"\t/*0", 20));
            head.extend_from_slice(b"\r\n");
        }
    }
    if one_in(rng, 200) {
        head.extend_from_slice(b"X-Long: ");
        head.resize(head.len() + rng.random_range(8000..17_000), b'l');
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
}

/// Of a request, and what follows it.
pub(crate) fn request(rng: &mut SmallRng) -> Vec<u8> {
    let mut head = b"\r\n".repeat(if one_in(rng, 10) { rng.random_range(1..10) } else { 0 });
    let methods = [
        "GET", "GET", "HEAD", "POST", "POST", "PUT", "OPTIONS", "DELETE", "CONNECT", "PURGE", "get",
        "G\u{e9}T", "",
    ];
    let versions =
        ["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/1.2", "HTTP/01.1", "http/1.1", ""];
    let plain = one_in(rng, 2);
    let method = if plain { methods[rng.random_range(0..8)] } else { pick(rng, &methods) };
    let target = if plain { TARGETS[rng.random_range(0..8)] } else { pick(rng, TARGETS) };
    let version = if plain { versions[rng.random_range(0..4)] } else { pick(rng, &versions) };
    head.extend_from_slice(format!("{method} {target} {version}\r\n").as_bytes());
    let host = if plain { HOSTS[0] } else { pick(rng, HOSTS) };
    if one_in(rng, 4) {
        head.extend_from_slice(pick(rng, LINES).as_bytes());
    }
    head.extend_from_slice(host.as_bytes());
    fields(rng, &mut head);
    head.extend_from_slice(pick(rng, &["", "", "hello", "0\r\n\r\n", "GET / HTTP/1.1\r\n"]).as_bytes());
    spoil(rng, head)
}

/// Of a response, and what follows it.
pub(crate) fn response(rng: &mut SmallRng) -> Vec<u8> {
    let versions = ["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/2", "ICY"];
    let statuses = [
        "200 OK",
        "200 OK",
        "200",
        "204 No Content",
        "304 Not Modified",
        "404 Not  Found",
        "500 \u{e9}",
        "100 Continue",
        "101 Switching Protocols",
        "103 Early Hints",
        "099 Low",
        "999 High",
        "20 Short",
        "2000 Long",
        "200\tOK",
        "",
    ];
    let mut head = format!("{} {}\r\n", pick(rng, &versions), pick(rng, &statuses)).into_bytes();
    fields(rng, &mut head);
    head.extend_from_slice(pick(rng, &["", "", "hello", "0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"]).as_bytes());
    spoil(rng, head)
}

/// A response, with what stands before it in the input of its target.
pub(crate) fn response_to(rng: &mut SmallRng) -> Vec<u8> {
    let mut input = vec![rng.random()];
    input.extend(response(rng));
    input
}

/// A request or a response, with what stands before it in the input of its target.
pub(crate) fn either(rng: &mut SmallRng) -> Vec<u8> {
    let choices: u8 = rng.random();
    let mut input = vec![choices];
    input.extend(if choices & 1 == 0 { request(rng) } else { response(rng) });
    input
}
