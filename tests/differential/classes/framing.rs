//! How long the body is: Content-Length and Transfer-Encoding.

use crate::variant::Class;

const LENGTH: &str = "POST /{M} HTTP/1.1\r\n{H}Content-Length: {X}\r\n\r\nhello";
const CODING: &str = "POST /{M} HTTP/1.1\r\n{H}Transfer-Encoding: {X}\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
/// The hidden request is body for whoever goes by the length, and a second request for whoever sees a coding.
const CODING_AND_LENGTH: &str =
    "POST /{M} HTTP/1.1\r\n{H}Content-Length: {ALL}\r\nTransfer-Encoding: {X}\r\n\r\n0\r\n\r\n{S}";

/// Spellings of `chunked` that some server takes for it, or took.
const DISGUISES: [&[u8]; 22] = [
    b"xchunked",
    b"x-chunked",
    b"chunked-x",
    b"chunk",
    b"chunkedd",
    b"chu nked",
    b"\x0bchunked",
    b"\x0cchunked",
    b"\0chunked",
    b"chunked\x0b",
    b"chunked\0",
    b"chunked\r",
    b"\"chunked\"",
    b"'chunked'",
    b"(chunked)",
    b"chunked;q=1",
    b"chunked; a=b",
    b"chunked chunked",
    b"chunked\xa0",
    b"\xc2\xa0chunked",
    b"chunked\x7f",
    b"chunked/1.1",
];

/// Fields that someone may take for a Transfer-Encoding.
const MISSPELT: [&[u8]; 14] = [
    b"Transfer-Encoding : chunked",
    b"Transfer-Encoding\t: chunked",
    b" Transfer-Encoding: chunked",
    b"\tTransfer-Encoding: chunked",
    b"Transfer-Encoding\x0b: chunked",
    b"Transfer-Encoding\0: chunked",
    b"\0Transfer-Encoding: chunked",
    b"Transfer Encoding: chunked",
    b"Transfer-Encoding\r\n: chunked",
    b"Transfer-Encoding:\r\n chunked",
    b"Transfer-Encoding:\n chunked",
    b"X: y\nTransfer-Encoding: chunked",
    b"X: y\rTransfer-Encoding: chunked",
    b"Transfer-Encoding\xa0: chunked",
];

pub(crate) fn classes() -> Vec<Class> {
    vec![
        Class::new(
            "a Content-Length that is no plain number",
            "A sign, a base or trailing junk is read differently by every number parser; RFC 9112 §6.3 wants a refusal.",
        )
        .each(
            [
                "", "+5", "-5", "-0", "0x5", "5e0", "5.0", "5;", "5_0", "5 5", "\"5\"", "five", "5\x0b", "\x0b5", "5\0",
                "５", "5h", "0b101", "5\r", "5-5",
            ],
            LENGTH,
        ),
        Class::new(
            "a Content-Length beyond 63 bits",
            "Whoever counts in fewer bits sees another number: RFC 9110 §8.6 asks to guard against overflow.",
        )
        .each(
            [
                "9223372036854775808",
                "18446744073709551616",
                "18446744073709551621",
                "4294967296000000000000",
                "100000000000000000000000000000000000005",
            ],
            LENGTH,
        ),
        Class::new(
            "equal Content-Lengths",
            "RFC 9110 §8.6 lets a proxy merge them. One plain number goes on, so nobody behind has a choice.",
        )
        .each(["5\r\nContent-Length: 5", "5, 5", "5,5", "5\r\nContent-Length: 5, 5", "5\r\ncontent-length: 5"], LENGTH),
        Class::new("a Content-Length with leading zeros", "Legal; written anew without them, as some read octal. More digits than 63 bits can have are refused.")
            .each(["05", "0000000000000000000000005"], LENGTH),
        Class::new(
            "a Content-Length with white space around it",
            "Legal: optional white space is no part of the value.",
        )
        .each([" 5", "\t5", "5  ", "  5 \t "], LENGTH),
        Class::new(
            "differing Content-Lengths",
            "Where the message ends is in doubt, which is what smuggling needs.",
        )
        .each(
            [
                "5\r\nContent-Length: 6",
                "6\r\nContent-Length: 5",
                "5, 6",
                "5,6,5",
                "5\r\nContent-Length: 0",
                "0\r\nContent-Length: 5",
                "5\r\nX: y\r\nCONTENT-LENGTH: 4",
                "5\r\nContent-Length: 5, 4",
            ],
            LENGTH,
        )
        .with(
            "0, and all of a hidden request",
            "POST /{M} HTTP/1.1\r\n{H}Content-Length: 0\r\nContent-Length: {ALL}\r\n\r\n{S}",
        )
        .with(
            "all of a hidden request, and 0",
            "POST /{M} HTTP/1.1\r\n{H}Content-Length: {ALL}\r\nContent-Length: 0\r\n\r\n{S}",
        ),
        Class::new(
            "a Content-Length list with empty members",
            "A list parser skips them, a number parser stops at them.",
        )
        .each(["5,", ",5", "5,,5", ", 5", "5\r\nContent-Length:"], LENGTH),
        Class::new(
            "Transfer-Encoding and Content-Length",
            "The classic of smuggling. RFC 9112 §6.1 lets a server refuse it, and no honest client sends it.",
        )
        .each(["chunked", "CHUNKED", " chunked", "chunked "], CODING_AND_LENGTH)
        .with(
            "the coding first",
            "POST /{M} HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\nContent-Length: {ALL}\r\n\r\n0\r\n\r\n{S}",
        )
        .with(
            "a length that ends within the chunks",
            "POST /{M} HTTP/1.1\r\n{H}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n{SX}\r\n{S}\r\n0\r\n\r\n",
        )
        .with(
            "a length of 0",
            "POST /{M} HTTP/1.1\r\n{H}Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        )
        .with(
            "a length that is right",
            "POST /{M} HTTP/1.1\r\n{H}Content-Length: 15\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        )
        .with(
            "a length that is none",
            "POST /{M} HTTP/1.1\r\n{H}Content-Length: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        )
        .with("in a GET", "GET /{M} HTTP/1.1\r\n{H}Content-Length: {ALL}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{S}"),
        Class::new(
            "chunked, spelled as the standard allows",
            "Codings are named in any case, with white space around the value.",
        )
        .each(["chunked", "Chunked", "cHuNkEd", "\tchunked", "chunked\t", "   chunked  "], CODING),
        Class::new(
            "chunked in disguise",
            "One server takes it for chunked, the next does not: exactly `chunked` passes, nothing else does.",
        )
        .each(DISGUISES, CODING),
        Class::new(
            "chunked in disguise, and a Content-Length",
            "As above; whoever overlooks the coding goes by the length.",
        )
        .each(DISGUISES, CODING_AND_LENGTH),
        Class::new(
            "other lists of codings",
            "The end is only known when `chunked` comes last and once; a second mention is an old trick.",
        )
        .each(
            [
                "chunked, chunked",
                "chunked,",
                ",chunked",
                "chunked, gzip",
                "chunked, identity",
                "identity, chunked",
                "identity",
                "gzip",
                "",
                "chunked\r\nTransfer-Encoding: chunked",
                "chunked\r\nTransfer-Encoding: identity",
                "identity\r\nTransfer-Encoding: chunked",
                "chunked\r\nTransfer-Encoding:",
                "\r\nTransfer-Encoding: chunked",
                "chunked\r\nTransfer-Encoding: x",
                "trailers, chunked",
            ],
            CODING,
        ),
        Class::new(
            "codings in front of chunked",
            "Legal, but neither decoded here nor safe to pass on unread: 501 says so (RFC 9112 §6.1).",
        )
        .each(["gzip, chunked", "deflate, chunked", "x-gzip,chunked", "gzip, deflate, chunked"], CODING),
        Class::new(
            "a Transfer-Encoding that is spelled as a field it is not, and a Content-Length",
            "White space, controls and line ends in names are what one server strips and the next does not.",
        )
        .each(MISSPELT, "POST /{M} HTTP/1.1\r\n{H}Content-Length: {ALL}\r\n{X}\r\n\r\n0\r\n\r\n{S}"),
        Class::new(
            "a Content-Length that is spelled as a field it is not",
            "As above.",
        )
        .each(
            [
                &b"Content-Length : 5"[..],
                b"Content-Length\t: 5",
                b" Content-Length: 5",
                b"Content-Length\0: 5",
                b"Content-Length\x0b: 5",
                b"Content Length: 5",
                b"Content-Length:\r\n 5",
                b"X: y\nContent-Length: 5",
                b"X: y\rContent-Length: 5",
            ],
            "POST /{M} HTTP/1.1\r\n{H}{X}\r\n\r\nhello",
        ),
        Class::new(
            "framing fields with underscores",
            "To a CGI-like origin `Transfer_Encoding` and `Transfer-Encoding` are the same variable.",
        )
        .with(
            "Transfer_Encoding",
            "POST /{M} HTTP/1.1\r\n{H}Content-Length: {ALL}\r\nTransfer_Encoding: chunked\r\n\r\n0\r\n\r\n{S}",
        )
        .with("Content_Length", "POST /{M} HTTP/1.1\r\n{H}Content_Length: 5\r\nContent-Length: {ALL}\r\n\r\nhello{S}"),
        Class::new(
            "chunked in HTTP/1.0",
            "That version has no codings, so the two ends may disagree about the end (RFC 9112 §6.1).",
        )
        .with("alone", "POST /{M} HTTP/1.0\r\n{H}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
        .with("kept alive", "POST /{M} HTTP/1.0\r\n{H}Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{S}")
        .with("with a length", "POST /{M} HTTP/1.0\r\n{H}Content-Length: {ALL}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{S}"),
        Class::new("a body where none is usual, in HTTP/1.1", "Legal, and framed like any other.")
            .each(["GET", "HEAD", "DELETE", "OPTIONS", "TRACE"], "{X} /{M} HTTP/1.1\r\n{H}Content-Length: 5\r\n\r\nhello"),
        Class::new(
            "a body where none is usual, in HTTP/1.0",
            "What an HTTP/1.0 server makes of such a body is anybody's guess.",
        )
        .each(["GET", "HEAD", "DELETE"], "{X} /{M} HTTP/1.0\r\n{H}Content-Length: {ALL}\r\n\r\n{S}"),
        Class::new("a body that never ends", "What is missing is waited for, for a bounded time.")
            .with("a short length", "POST /{M} HTTP/1.1\r\n{H}Content-Length: 10\r\n\r\nhello")
            .with("chunks without a last one", "POST /{M} HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            .with("half a chunk", "POST /{M} HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\nff\r\nhello"),
    ]
}
