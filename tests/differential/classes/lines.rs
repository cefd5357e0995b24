//! Where lines end and begin.

use crate::variant::Class;

const HEAD: &str = "GET /{M} HTTP/1.1\r\n{H}{X}\r\n\r\n";

pub(crate) fn classes() -> Vec<Class> {
    vec![
        Class::new(
            "a line that ends in LF alone",
            "RFC 9112 §2.2 allows to take it; but who takes only CR LF then sees another field, or none.",
        )
        .with("the request line", "GET /{M} HTTP/1.1\n{H}\r\n")
        .with("a field", "GET /{M} HTTP/1.1\r\n{H}X: y\nZ: z\r\n\r\n")
        .with("the last field", "GET /{M} HTTP/1.1\r\n{H}X: y\n\r\n")
        .with("the empty line", "GET /{M} HTTP/1.1\r\n{H}X: y\r\n\n")
        .with("all lines", "GET /{M} HTTP/1.1\nHost: differential.test\nX-Marker: {M}\n\n")
        .with("the length's line", "POST /{M} HTTP/1.1\r\n{H}Content-Length: 5\nX: y\r\n\r\nhello")
        .with(
            "a hidden head",
            "POST /{M} HTTP/1.1\r\n{H}Content-Length: {ALL}\r\nX: y\n\nGET /{M}/hidden HTTP/1.1\r\n\r\n{S}",
        )
        .with(
            "two, and a hidden request",
            "GET /{M} HTTP/1.1\r\n{H}X: y\n\nGET /{M}/hidden HTTP/1.1\r\nHost: differential.test\r\n\r\n",
        ),
        Class::new("CR without LF", "One server ends the line there, another takes it for white space.")
            .with("the request line", "GET /{M} HTTP/1.1\r{H}\r\n")
            .with("a field", "GET /{M} HTTP/1.1\r\n{H}X: y\rZ: z\r\n\r\n")
            .with("the empty line", "GET /{M} HTTP/1.1\r\n{H}X: y\r\n\r\r\n")
            .with("in front of a line end", "GET /{M} HTTP/1.1\r\n{H}X: y\r\r\n\r\n")
            .with("in a name", "GET /{M} HTTP/1.1\r\n{H}X\rY: z\r\n\r\n")
            .with("in the target", "GET /{M}\r HTTP/1.1\r\n{H}\r\n")
            .with("in front of the version", "GET /{M} \rHTTP/1.1\r\n{H}\r\n")
            .with("behind the version", "GET /{M} HTTP/1.1\r\r\n{H}\r\n")
            .with("all lines", "GET /{M} HTTP/1.1\rHost: differential.test\rX-Marker: {M}\r\r")
            .with("LF CR", "GET /{M} HTTP/1.1\n\rHost: differential.test\n\rX-Marker: {M}\n\r\n\r")
            .with(
                "a hidden head",
                "GET /{M} HTTP/1.1\r\n{H}X: y\r\rGET /{M}/hidden HTTP/1.1\r\nHost: differential.test\r\n\r\n",
            ),
        Class::new(
            "a folded line",
            "Obsolete (RFC 9112 §5.2): one server joins it, the next takes it for a field of its own.",
        )
        .each(
            [
                "X: y\r\n z",
                "X: y\r\n\tz",
                "X: y\r\n  \r\n z",
                "X:\r\n z",
                "X: y\r\n Content-Length: 5",
                "X: y\r\n ",
                "X: y\r\n\t\r\nZ: z",
            ],
            HEAD,
        )
        .with("behind the request line", "GET /{M} HTTP/1.1\r\n X: y\r\n{H}\r\n")
        .with("white space behind the request line", "GET /{M} HTTP/1.1\r\n \r\n{H}\r\n")
        .with("the host", "GET /{M} HTTP/1.1\r\nX-Marker: {M}\r\nHost:\r\n differential.test\r\n\r\n"),
        Class::new(
            "empty lines in front of the request",
            "RFC 9112 §2.2 asks to skip some; more than 8 are noise.",
        )
        .with("one", "\r\nGET /{M} HTTP/1.1\r\n{H}\r\n")
        .with("two", "\r\n\r\nGET /{M} HTTP/1.1\r\n{H}\r\n")
        .with("eight", format!("{}GET /{{M}} HTTP/1.1\r\n{{H}}\r\n", "\r\n".repeat(8)))
        .with("nine", format!("{}GET /{{M}} HTTP/1.1\r\n{{H}}\r\n", "\r\n".repeat(9)))
        .with("a hundred", format!("{}GET /{{M}} HTTP/1.1\r\n{{H}}\r\n", "\r\n".repeat(100)))
        .with("behind a body", "POST /{M} HTTP/1.1\r\n{H}Content-Length: 5\r\n\r\nhello\r\n{S}")
        .requests(2),
        Class::new("other things in front of the request", "No line of a request begins like that.").each(
            [
                &b"\n"[..],
                b"\r",
                b" ",
                b"\t",
                b"\0",
                b" \r\n",
                b"\n\n",
                b"\xef\xbb\xbf",
                b"\r\r\n",
                b"x\r\n",
                b"\x0b",
            ],
            "{X}GET /{M} HTTP/1.1\r\n{H}\r\n",
        ),
        Class::new(
            "lines that are no fields",
            "What is no field has no meaning that both sides could share.",
        )
        .each(
            ["X", ":", ": y", "=y", "X y", "GET /{M}/hidden HTTP/1.1", "X\r\n: y", "\0", "HTTP/1.1 200 OK"],
            HEAD,
        ),
    ]
}
