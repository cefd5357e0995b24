//! The request line: method, target, version.

use crate::variant::Class;

const LINE: &str = "{X}\r\n{H}\r\n";
const PATH: &str = "GET /{M}{X} HTTP/1.1\r\n{H}\r\n";
const VERSION: &str = "GET /{M} {X}\r\n{H}\r\n";

pub(crate) fn classes() -> Vec<Class> {
    vec![
        Class::new("unusual methods", "Any token is a method; which ones exist is for the origin to know.")
            .each(["get", "Get", "M-SEARCH", "X_Y", "G1", "G!", "BREW", "A", "PROPFIND"], "{X} /{M} HTTP/1.1\r\n{H}\r\n"),
        Class::new("methods that are none", "Not a token, so not a request.").each(
            [&b"G(T"[..], b"G@T", b"G\0T", b"G\x01T", b"G\xe9T", b"", b"G\"T", b"GET,", b"G:T", b"G/T"],
            "{X} /{M} HTTP/1.1\r\n{H}\r\n",
        ),
        Class::new("a method beyond the limit", "At most 32 bytes; the longest registered one has 17.")
            .with("33 bytes", format!("{} /{{M}} HTTP/1.1\r\n{{H}}\r\n", "M".repeat(33)))
            .with("4 KiB", format!("{} /{{M}} HTTP/1.1\r\n{{H}}\r\n", "M".repeat(4096))),
        Class::new("other white space in the request line", "Exactly one space: more is split differently by everyone.").each(
            [
                "GET  /{M} HTTP/1.1",
                "GET /{M}  HTTP/1.1",
                "GET\t/{M} HTTP/1.1",
                "GET /{M}\tHTTP/1.1",
                "GET /{M} HTTP/1.1 ",
                "GET /{M} HTTP/1.1\t",
                "GET\x0b/{M} HTTP/1.1",
                "GET\x0c/{M} HTTP/1.1",
                "GET /{M} /b HTTP/1.1",
                "GET /{M} HTTP/1.1 HTTP/1.1",
                "GET /{M} HTTP /1.1",
                "GET/{M} HTTP/1.1",
                "/{M} HTTP/1.1",
                "GET HTTP/1.1",
            ],
            LINE,
        ),
        Class::new(
            "controls, `#` and bytes beyond ASCII in the target",
            "No URI has them; `#` once made a proxy check another path than the origin served (CVE-2023-45539).",
        )
        .each(
            [
                &b"\0"[..], b"\x01", b"\x08", b"\x0b", b"\x0c", b"\x1b", b"\x1f", b"\x7f", b"\x80", b"\xa0", b"\xe9", b"\xff", b"\xc3\xa9",
                b"#", b"#a", b"?a#b", b"\t",
            ],
            PATH,
        ),
        Class::new(
            "characters in the target that no URI has, but browsers send",
            "Unambiguous and common (quotes, braces, bars), so they pass as they are.",
        )
        .each(["\"", "<", ">", "\\", "^", "`", "{", "|", "}", "?a|b", "[", "]"], PATH),
        Class::new(
            "path tricks",
            "Routed and forwarded as they stand: a proxy that normalises and one that does not disagree about the route.",
        )
        .each(
            [
                "/../a", "/..", "/./a", "//a", "/%2e%2e/a", "/%2E/a", "/%2f", "/%5c", "/..;/a", ";a=b", "/a/../../../b", "/%00", "/%0d%0a",
                "/%", "/%zz", "/%u0041", "/%c0%ae", "/\\..\\a", "/...", "?../..", "/%20",
            ],
            PATH,
        ),
        Class::new("targets of other forms, legal", "Absolute form becomes origin form; `*` is for OPTIONS.")
            .each(
                [
                    "GET http://differential.test/{M} HTTP/1.1",
                    "GET HTTP://DIFFERENTIAL.test/{M} HTTP/1.1",
                    "GET http://differential.test:80/{M} HTTP/1.1",
                    "GET https://differential.test/{M} HTTP/1.1",
                    "GET http://differential.test HTTP/1.1",
                    "GET http://differential.test?{M} HTTP/1.1",
                    "OPTIONS * HTTP/1.1",
                    "OPTIONS http://differential.test HTTP/1.1",
                    "GET //{M}/a HTTP/1.1",
                    "GET /{M}/http://a HTTP/1.1",
                ],
                LINE,
            )
            .with("absolute without Host in HTTP/1.0", "GET http://differential.test/{M} HTTP/1.0\r\nX-Marker: {M}\r\n\r\n"),
        Class::new("an absolute target for another host", "Who routes by the one and serves by the other can be led astray.").each(
            [
                "GET http://other.test/{M} HTTP/1.1",
                "GET http://differential.test:81/{M} HTTP/1.1",
                "GET http://differential.test./{M} HTTP/1.1",
                "GET https://differential.test:80/{M} HTTP/1.1",
                "GET http://other.test HTTP/1.1",
            ],
            LINE,
        ),
        Class::new("targets of no form", "Neither a path nor a URL of HTTP.").each(
            [
                "GET {M} HTTP/1.1",
                "GET ?{M} HTTP/1.1",
                "GET * HTTP/1.1",
                "POST * HTTP/1.1",
                "OPTIONS *{M} HTTP/1.1",
                "GET differential.test HTTP/1.1",
                "GET differential.test:80 HTTP/1.1",
                "GET http:/{M} HTTP/1.1",
                "GET http:///{M} HTTP/1.1",
                "GET http:{M} HTTP/1.1",
                "GET ftp://differential.test/{M} HTTP/1.1",
                "GET javascript:{M} HTTP/1.1",
                "GET http://user@differential.test/{M} HTTP/1.1",
                "GET http://user:pw@differential.test/{M} HTTP/1.1",
                "GET http://differential.test,other.test/{M} HTTP/1.1",
                "GET http://differential.test\\@other.test/{M} HTTP/1.1",
                "GET http://differential.test:x/{M} HTTP/1.1",
                "GET http://[::1/{M} HTTP/1.1",
                "GET %2f{M} HTTP/1.1",
                "GET ./{M} HTTP/1.1",
                "GET \\{M} HTTP/1.1",
            ],
            LINE,
        ),
        Class::new("CONNECT", "A tunnel to a place of the client's choice is refused; without a port it is malformed anyway.")
            .with("a host and port", "CONNECT differential.test:443 HTTP/1.1\r\nHost: differential.test:443\r\nX-Marker: {M}\r\n\r\n")
            .with("no port", "CONNECT differential.test HTTP/1.1\r\n{H}\r\n")
            .with("a path", "CONNECT /{M} HTTP/1.1\r\n{H}\r\n")
            .with("a URL", "CONNECT http://differential.test/{M} HTTP/1.1\r\n{H}\r\n"),
        Class::new("HTTP/0.9", "Its answer has no head, so nobody can tell it from garbage.")
            .with("a line alone", "GET /{M}\r\n")
            .with("with fields", "GET /{M}\r\n{H}\r\n")
            .with("named", "GET /{M} HTTP/0.9\r\n{H}\r\n"),
        Class::new("versions of HTTP that are not 1.0 or 1.1", "505: a later version may frame messages differently.")
            .each(["HTTP/1.2", "HTTP/1.9", "HTTP/2.0", "HTTP/3.0", "HTTP/2", "HTTP/9.9", "HTTP/1.10", "HTTP/01.1"], VERSION)
            .with("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        Class::new("versions that are none", "The line does not end in a version, so it is not a request line.").each(
            [
                "http/1.1", "Http/1.1", "HTTP/", "HTTP/.1", "HTTP 1.1", "HTTP\\1.1", "XTTP/1.1", "RTSP/1.0", "HTTPS/1.1", "HTCPCP/1.0", "1.1",
                "HTTP/x.1", "HTTP/+1.1", "\"HTTP/1.1\"",
            ],
            VERSION,
        ),
        Class::new("versions with something behind them", "As above, or a version that does not exist.")
            .each(["HTTP/1.1x", "HTTP/1.1.1", "HTTP/1.", "HTTP/1", "HTTP/1,1", "HTTP/1.1;a", "HTTP/1.1\0", "HTTP/1.1\x0b"], VERSION),
    ]
}
