//! Each personality falls for the trick that it is there for, and the strict one for none.

use super::*;

const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";

/// How many requests each personality reads in a POST with these fields, and with the hidden request after `lead` in its
/// body.
fn readers_of_two(fields: &str, lead: &str) -> Vec<&'static str> {
    let fields = fields.replace("{ALL}", &(lead.len() + HIDDEN.len()).to_string());
    let fields = fields.replace("{LEAD}", &lead.len().to_string());
    let bytes = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n{lead}{HIDDEN}");
    let two = PERSONALITIES.iter().filter(|who| who.read(bytes.as_bytes()).requests.len() > 1);
    two.map(|who| who.name).collect()
}

#[test]
fn everybody_reads_a_plain_request_alike() {
    for bytes in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nT: x\r\n\r\n",
    ] {
        let strict = STRICT.read(bytes.as_bytes());
        assert_eq!((strict.requests.len(), strict.rest), (1, Rest::Nothing), "{bytes:?}");
        for personality in PERSONALITIES {
            assert_eq!(personality.read(bytes.as_bytes()), strict, "{}: {bytes:?}", personality.name);
            let cut = personality.read(&bytes.as_bytes()[..bytes.len() - 1]);
            assert_eq!((cut.requests.len(), cut.rest), (0, Rest::Incomplete), "{}", personality.name);
        }
    }
}

#[test]
fn each_trick_shows_two_requests_to_whom_it_is_made_for() {
    let te = "Transfer-Encoding: chunked\r\n";
    for (trick, fields, lead, who) in [
        ("length and coding", format!("Content-Length: {{ALL}}\r\n{te}"), "0\r\n\r\n", "tolerant"),
        (
            "the same, from the other side",
            format!("Content-Length: {{LEAD}}\r\n{te}"),
            "ffff\r\n",
            "length over coding",
        ),
        (
            "a coding in disguise",
            "Content-Length: {ALL}\r\nTransfer-Encoding: xchunked\r\n".into(),
            "0\r\n\r\n",
            "anything chunked is chunked",
        ),
        (
            "two lengths",
            "Content-Length: {LEAD}\r\nContent-Length: {ALL}\r\n".into(),
            "12345",
            "first length",
        ),
        (
            "two lengths the other way",
            "Content-Length: {ALL}\r\nContent-Length: {LEAD}\r\n".into(),
            "12345",
            "last length",
        ),
        ("a line in a line", format!("Content-Length: {{ALL}}\r\nX: y\n{te}"), "0\r\n\r\n", "bare LF"),
        (
            "a line in a line after CR",
            format!("Content-Length: {{ALL}}\r\nX: y\r{te}"),
            "0\r\n\r\n",
            "bare CR",
        ),
        (
            "a cut value",
            "Content-Length: {ALL}\r\nTransfer-Encoding: chunked\0\r\n".into(),
            "0\r\n\r\n",
            "C strings",
        ),
        (
            "a folded coding",
            "Content-Length: {ALL}\r\nTransfer-Encoding:\r\n chunked\r\n".into(),
            "0\r\n\r\n",
            "folded lines",
        ),
        (
            "a space before the colon",
            "Content-Length: {ALL}\r\nTransfer-Encoding : chunked\r\n".into(),
            "0\r\n\r\n",
            "trimmed names",
        ),
        (
            "an underscore",
            "Content-Length: {ALL}\r\nTransfer_Encoding: chunked\r\n".into(),
            "0\r\n\r\n",
            "underscores",
        ),
        ("a size with a base", te.to_owned(), "0x0\r\n\r\n", "careless chunks"),
        ("a size that wraps", te.to_owned(), "100000000\r\n\r\n", "careless chunks"),
    ] {
        let two = readers_of_two(&fields, lead);
        assert!(two.contains(&who), "{trick}: {two:?}");
        assert!(!two.contains(&STRICT.name), "{trick}: {two:?}");
    }
}
