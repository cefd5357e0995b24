//! What concerns one hop, and what follows a request on the same connection.

use crate::variant::Class;

const FIELD: &str = "GET /{M} HTTP/1.1\r\n{H}{X}\r\n\r\n";
const BODY: &str = "POST /{M} HTTP/1.1\r\n{H}Content-Length: 5\r\n{X}\r\n\r\nhello";

pub(crate) fn classes() -> Vec<Class> {
    vec![
        Class::new(
            "Connection names a field that frames or routes",
            "Dropping it would change what the message means, so it stays.",
        )
        .each(["Connection: Host", "Connection: Content-Length", "Connection: close, content-length, host"], BODY)
        .with(
            "Connection: Transfer-Encoding",
            "POST /{M} HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\nConnection: Transfer-Encoding\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ),
        Class::new("Connection names other fields", "They end here (RFC 9110 §7.6.1), but what Ringway sets itself goes on.").each(
            [
                "Connection: X\r\nX: y",
                "Connection: X-Forwarded-For\r\nX-Forwarded-For: 192.0.2.1",
                "Connection: keep-alive, X, Z\r\nX: y",
                "Connection: ,,X",
                "Connection:",
                "Connection: x\r\nConnection: y",
                "Connection: Connection",
            ],
            FIELD,
        ),
        Class::new("connection options that are no tokens, or too many", "A list that can not be read as one.").each(
            ["Connection: a b".to_owned(), "Connection: \"x\"".into(), "Connection: a/b".into(), format!("Connection: {}", vec!["x"; 100].join(","))],
            FIELD,
        ),
        Class::new("an offer of HTTP/2", "Not passed on: what the origin then speaks would be read as HTTP/1.").each(
            [
                "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
                "Connection: Upgrade\r\nUpgrade: h2",
                "Upgrade: h2c",
            ],
            FIELD,
        ),
        Class::new(
            "WebSocket handshakes that are none",
            "An origin that takes it for one goes on in another protocol, one that does not reads requests (RFC 6455 §4.2.1).",
        )
        .each(
            [
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZQ==",
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \"dGhlIHNhbXBsZSBub25jZQ\"",
            ],
            "GET /{M} HTTP/1.1\r\n{H}Connection: Upgrade\r\nUpgrade: websocket\r\n{X}\r\n\r\n",
        ),
        Class::new("TE", "Of all that a client takes, `trailers` goes on.")
            .each(["TE: trailers", "TE: gzip, trailers", "TE: chunked", "TE: gzip;q=0.5", "TE:"], FIELD),
        Class::new("Expect: 100-continue", "The client is told to go on, and the origin sees what it expects.")
            .each(["Expect: 100-continue", "Expect: 100-Continue", "expect:100-continue"], BODY),
        Class::new("another expectation", "417 (RFC 9110 §10.1.1): nobody behind could meet it either.")
            .each(["Expect: 200-ok", "Expect: 100-continue, x", "Expect: 100-continue; a", "Expect: x=y"], BODY),
        Class::new("requests that follow each other", "Each is a request of its own, on whichever connection.")
            .with("GET, GET", "GET /{M} HTTP/1.1\r\n{H}\r\n{S}")
            .requests(2)
            .with("POST, GET", "POST /{M} HTTP/1.1\r\n{H}Content-Length: 5\r\n\r\nhello{S}")
            .requests(2)
            .with("chunks, GET", "POST /{M} HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n{S}")
            .requests(2)
            .with("HTTP/1.0 kept alive", "GET /{M} HTTP/1.0\r\n{H}Connection: keep-alive\r\n\r\n{S}")
            .requests(2),
        Class::new("what follows a request that ends the connection", "It is never read as a request.")
            .with("Connection: close", "GET /{M} HTTP/1.1\r\n{H}Connection: close\r\n\r\n{S}")
            .with("close behind a body", "POST /{M} HTTP/1.1\r\n{H}Content-Length: 5\r\nConnection: close\r\n\r\nhello{S}")
            .with("HTTP/1.0", "GET /{M} HTTP/1.0\r\n{H}\r\n{S}"),
        Class::new("what follows a refused request", "The end of the refused one is in doubt, so the connection ends.")
            .with("both lengths", "POST /{M} HTTP/1.1\r\n{H}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{S}")
            .with("a bad name", "GET /{M} HTTP/1.1\r\n{H}X : y\r\n\r\n{S}")
            .with("a bad expectation", "POST /{M} HTTP/1.1\r\n{H}Content-Length: {ALL}\r\nExpect: x\r\n\r\n{S}")
            .with("CONNECT", "CONNECT differential.test:443 HTTP/1.1\r\nHost: differential.test:443\r\nX-Marker: {M}\r\n\r\n{S}"),
        Class::new("garbage behind a request", "The request is served, the garbage refused.")
            .with("behind a GET", "GET /{M} HTTP/1.1\r\n{H}\r\nhello\r\n\r\n")
            .with("behind a body", "POST /{M} HTTP/1.1\r\n{H}Content-Length: 3\r\n\r\nhello\r\n\r\n")
            .with("behind the chunks", "POST /{M} HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nX\r\n\r\n"),
    ]
}
