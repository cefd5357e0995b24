//! Names and values of fields, and the Host.

use crate::variant::Class;

const VALUE: &str = "GET /{M} HTTP/1.1\r\n{H}X: a{X}b\r\n\r\n";
const NAME: &str = "GET /{M} HTTP/1.1\r\n{H}A{X}B: c\r\n\r\n";
const HOST: &str = "GET /{M} HTTP/1.1\r\nX-Marker: {M}\r\nHost: {X}\r\n\r\n";

pub(crate) fn classes() -> Vec<Class> {
    let controls = (0..=0x1f_u8).filter(|byte| !b"\t\r\n".contains(byte)).chain([0x7f]);
    vec![
        Class::new(
            "bytes in a field name that no token has",
            "A name that one server cuts is another field there.",
        )
        .each(
            (0..=0xff_u8)
                .filter(|byte| b"\0\x01\t\x0b\x1f\x7f\x80\xff \"(),/;<=>?@[\\]{}".contains(byte))
                .map(|byte| [byte]),
            NAME,
        ),
        Class::new("names of unusual tokens", "Legal; passed on as they are.")
            .each(["!", "#", "$", "%", "&", "'", "*", "+", ".", "^", "`", "|", "~", "_", "1"], NAME),
        Class::new(
            "control bytes in a field value",
            "NUL ends a string for some; the others end lines or terminals.",
        )
        .each(controls.map(|byte| [byte]), VALUE),
        Class::new("other bytes in a field value", "Legal (obs-text, tab); passed on as they are.")
            .each([&b"\t"[..], b"\x80", b"\xff", b"\xc3\xa9", b"\"", b"\\", b":", b"  "], VALUE),
        Class::new("no Host", "RFC 9112 §3.2 wants a refusal in HTTP/1.1.")
            .with("HTTP/1.1", "GET /{M} HTTP/1.1\r\nX-Marker: {M}\r\n\r\n"),
        Class::new("no Host in HTTP/1.0", "Legal there; the origin gets an empty one.")
            .with("HTTP/1.0", "GET /{M} HTTP/1.0\r\nX-Marker: {M}\r\n\r\n"),
        Class::new(
            "an empty Host",
            "Legal for a target without authority; served by the default route only.",
        )
        .with("empty", "GET /{M} HTTP/1.1\r\nX-Marker: {M}\r\nHost:\r\n\r\n")
        .with("white space", "GET /{M} HTTP/1.1\r\nX-Marker: {M}\r\nHost:  \t \r\n\r\n"),
        Class::new(
            "several Hosts",
            "RFC 9112 §3.2 wants a refusal: the proxy routes by one, the origin by the other.",
        )
        .each(
            [
                "differential.test\r\nHost: differential.test",
                "differential.test\r\nHost: other.test",
                "differential.test\r\nhost: other.test",
                "differential.test\r\nHost:",
                "\r\nHost: differential.test",
                "differential.test, other.test",
                "differential.test,differential.test",
                "differential.test other.test",
                "differential.test\r\n Host: other.test",
                "differential.test\r\nHost : other.test",
            ],
            HOST,
        ),
        Class::new(
            "Hosts with characters that are in no host",
            "Another parser may end the name there, and route elsewhere.",
        )
        .each(
            [
                "a/b", "a?b", "a#b", "u@a", "u:p@a", "a\\b", "<a>", "a\"b", "a\tb", "a b", "a\0", "a\x7f",
                "é", "a|b", "a^b", "a`b", "{a}", "/", "http://a", "[::1", "[]", "::1", "[::g]", "[::1]x",
                "a]", "[a",
            ],
            HOST,
        ),
        Class::new("Hosts with a port that is none", "A port is a number up to 65535.")
            .each(["a:b", "a:65536", "a:-1", "a:+1", "a:80:80", "a: 80", ":80", "a:0x50"], HOST),
        Class::new("unusual but legal Hosts", "Legal: routed by the name as it stands.").each(
            [
                "a:",
                "a:80",
                "a:0",
                "[::1]",
                "[::1]:80",
                "127.0.0.1",
                "a_b",
                "a..b",
                ".",
                "a.",
                "A.TEST",
                "a%41",
                "xn--caf-dma",
                "*",
                "a!$&'()*+;=",
                "-a",
            ],
            HOST,
        ),
        Class::new(
            "fields beyond the limits",
            "16 KiB and 100 fields by default: 431, and 414 for the target.",
        )
        .with("300 fields", format!("GET /{{M}} HTTP/1.1\r\n{{H}}{}\r\n", "X: y\r\n".repeat(300)))
        .with("one of 20 KiB", format!("GET /{{M}} HTTP/1.1\r\n{{H}}X: {}\r\n\r\n", "y".repeat(20 * 1024)))
        .with("one of 70 KiB", format!("GET /{{M}} HTTP/1.1\r\n{{H}}X: {}\r\n\r\n", "y".repeat(70 * 1024)))
        .with("a name of 20 KiB", format!("GET /{{M}} HTTP/1.1\r\n{{H}}{}: y\r\n\r\n", "X".repeat(20 * 1024)))
        .with("a target of 9 KiB", format!("GET /{{M}}{} HTTP/1.1\r\n{{H}}\r\n", "x".repeat(9 * 1024)))
        .with("a target of 40 KiB", format!("GET /{{M}}{} HTTP/1.1\r\n{{H}}\r\n", "x".repeat(40 * 1024)))
        .with(
            "a cookie in 90 parts",
            format!("GET /{{M}} HTTP/1.1\r\n{{H}}{}\r\n", "Cookie: a=b\r\n".repeat(90)),
        ),
    ]
}
