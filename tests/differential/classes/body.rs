//! The chunked coding: sizes, line ends, extensions, trailers.

use crate::variant::Class;

const SIZE: &str = "POST /{M} HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n{X}\r\nhello\r\n0\r\n\r\n";
const BODY: &str = "POST /{M} HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n{X}";
const TRAILER: &str =
    "POST /{M} HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n{X}\r\n\r\n";

pub(crate) fn classes() -> Vec<Class> {
    let long = |n: usize| format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(n));
    vec![
        Class::new("chunk sizes in any case, with leading zeros", "Legal, up to the 16 digits that 64 bits can need.")
            .each(["5", "05", "00000005", "0000000000000005"], SIZE)
            .with("A", "POST /{M} HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\nA\r\nhelloworld\r\n0\r\n\r\n")
            .with("a", "POST /{M} HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\na\r\nhelloworld\r\n0\r\n\r\n")
            .with("000", "POST /{M} HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n000\r\n\r\n"),
        Class::new(
            "chunk sizes that are none",
            "Digits and nothing else: a sign, a base or white space is skipped by one parser and ends the number for another.",
        )
        .each(
            [
                "", "+5", "-5", "0x5", "5h", "g", "x5", " 5", "\t5", "5 ", "5\t", "5_", "5.", "5,", "5\0", "\x005", "5\x0b",
                "5\x0c", "5=", "\"5\"", "5 5", "５", "5\r5", "5\n5",
            ],
            SIZE,
        ),
        Class::new(
            "chunk sizes that overflow",
            "Whoever counts in fewer bits sees a small chunk, and a request behind it.",
        )
        .each(
            [
                "100000005",
                "10000000000000005",
                "8000000000000005",
                "ffffffffffffffff",
                "fffffffffffffffffffff5",
                "00000000000000005",
                "00000000000000000000000000000005",
            ],
            SIZE,
        )
        .with("a hidden request behind 2^32", BODY.replace("{X}", "100000000\r\n\r\n{S}")),
        Class::new(
            "chunk lines that do not end in CR LF",
            "The other reading of the line end lets another body, or a request, begin in the same bytes.",
        )
        .each(
            [
                "5\nhello\r\n0\r\n\r\n",
                "5\rhello\r\n0\r\n\r\n",
                "5\r\r\nhello\r\n0\r\n\r\n",
                "5\n\rhello\r\n0\r\n\r\n",
                "5\r\nhello\n0\r\n\r\n",
                "5\r\nhello\r0\r\n\r\n",
                "5\r\nhello0\r\n\r\n",
                "5\r\nhelloXX0\r\n\r\n",
                "5\r\nhello \r\n0\r\n\r\n",
                "5\r\nhello\r\n0\n\n",
                "5\r\nhello\r\n0\r\n\n",
                "5\r\nhello\r\n0\n\r\n",
                "5\r\nhello\r\n0\r\r\n",
                "5\nhello\n0\n\n",
                "5\r\n\r\nhello\r\n0\r\n\r\n",
            ],
            BODY,
        )
        .with("a hidden request behind a bare LF", "POST /{M} HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n0\n\r\n\r\n{S}"),
        Class::new(
            "chunk extensions",
            "Legal; ignored and not passed on (RFC 9112 §7.1.1), as nobody uses them and they hide things.",
        )
        .each([";a=b", ";a", ";a=\"b\"", ";a=b;c=d", ";a=\"b;c\"", "; a=b", ";", ";a=\"\\\"\"", ";\t"], {
            "POST /{M} HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n5{X}\r\nhello\r\n0{X}\r\n\r\n"
        }),
        Class::new(
            "chunk extensions with something hidden, or without end",
            "A line that one parser ends earlier than the other. More than 1 KiB is a client that lives on them.",
        )
        .each(
            [
                "5;a=b\nX\r\nhello\r\n0\r\n\r\n",
                "5;a=\"b\nX\"\r\nhello\r\n0\r\n\r\n",
                "5;a=\"\r\n\"\r\nhello\r\n0\r\n\r\n",
                "5;a\rb\r\nhello\r\n0\r\n\r\n",
                "5;a\0b\r\nhello\r\n0\r\n\r\n",
                "5;a\x7fb\r\nhello\r\n0\r\n\r\n",
                "5 ;a=b\r\nhello\r\n0\r\n\r\n",
                "0;\n\r\n\r\n{S}",
                "2;\nxx\r\n{SX}\r\n0\r\n\r\n{S}\r\n0\r\n\r\n",
            ],
            BODY,
        )
        .with("2 KiB", BODY.replace("{X}", &long(2 * 1024)))
        .with("64 KiB", BODY.replace("{X}", &long(64 * 1024))),
        Class::new("trailers", "They go on, behind the body.").each(["T: v", "T: v\r\nU: w", "T:", "T: \t v"], TRAILER),
        Class::new(
            "trailers that frame, route, or are ours to set",
            "Dropped (RFC 9110 §6.5.1): whoever merged them into the head would see another message.",
        )
        .each(
            [
                "Content-Length: 50",
                "Transfer-Encoding: chunked",
                "Transfer-Encoding: gzip",
                "Host: other.test",
                "Connection: close",
                "Upgrade: h2c",
                "TE: gzip",
                "Trailer: X",
                "X-Forwarded-For: 192.0.2.1",
                "Keep-Alive: x",
            ],
            TRAILER,
        ),
        Class::new("trailers that are no fields", "The same rules as for the fields of a head.").each(
            [
                "T v",
                ": v",
                "T : v",
                " T: v",
                "T: v\r\n folded",
                "T: v\nU: w",
                "T: v\rU: w",
                "T: \0",
                "T\x01: v",
                "GET /{M}/hidden HTTP/1.1\r\nHost: differential.test",
            ],
            TRAILER,
        ),
        Class::new("more trailers than anybody needs", "At most 64 fields and 8 KiB.")
            .with("200", TRAILER.replace("{X}", &vec!["T: v"; 200].join("\r\n")))
            .with("20 KiB", TRAILER.replace("{X}", &format!("T: {}", "v".repeat(20 * 1024)))),
    ]
}
