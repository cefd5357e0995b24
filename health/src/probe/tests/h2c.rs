//! Probes over HTTP/2: answers are put together frame by frame, as RFC 9113 has them.

use proptest::prelude::*;

use super::*;
use crate::limits::{FRAME_BYTES_MAX, FRAMES_MAX};
use crate::probe::hpack;

const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;
const ACK: u8 = 0x1;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

/// `:status` 200, 404 and 500 of the static table; 103 and 302 as literals, the latter in Huffman code.
const OK: &[u8] = &[0x88];
const NOT_FOUND: &[u8] = &[0x8d];
const BROKEN: &[u8] = &[0x8e];
const HINTS: &[u8] = &[0x08, 3, b'1', b'0', b'3'];
const MOVED: &[u8] = &[0x48, 0x82, 0x64, 0x02];

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn settings() -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100])
}

fn headers(flags: u8, block: &[u8]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | flags, 1, block)
}

fn data(flags: u8, body: &str) -> Vec<u8> {
    frame(DATA, flags, 1, body.as_bytes())
}

fn check_h2c(statuses: &str, body: Option<&str>) -> HealthCheck {
    HealthCheck { protocol: CheckProtocol::H2c, ..check(statuses, body) }
}

/// The verdict on an answer, whole and in bytes.
fn h2c_raw(statuses: &str, body: Option<&str>, answer: &[u8]) -> Result<(), Reason> {
    let check = check_h2c(statuses, body);
    let whole = verdict(&check, [answer]);
    assert_eq!(whole, verdict(&check, answer.chunks(1)));
    whole
}

/// The same, with the server's settings before it.
fn h2c(statuses: &str, body: Option<&str>, frames: &[Vec<u8>]) -> Result<(), Reason> {
    h2c_raw(statuses, body, &[settings(), frames.concat()].concat())
}

/// Kind, flags, stream and payload of each frame.
fn frames(mut bytes: &[u8]) -> Vec<(u8, u8, u32, &[u8])> {
    let mut frames = Vec::new();
    while let Some((header, rest)) = bytes.split_first_chunk::<9>() {
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize;
        let stream = u32::from_be_bytes([header[5], header[6], header[7], header[8]]);
        frames.push((header[3], header[4], stream, &rest[..length]));
        bytes = &rest[length..];
    }
    assert!(bytes.is_empty());
    frames
}

fn request(check: &HealthCheck) -> Vec<(String, String)> {
    let probe = probe(check);
    let rest = probe.request().strip_prefix(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").expect("the preface");
    let frames = frames(rest);
    let [
        (SETTINGS, 0, 0, settings),
        (WINDOW_UPDATE, 0, 0, [0, 1, 0, 1]),
        (HEADERS, flags, 1, head),
        more @ ..,
    ] = &frames[..]
    else {
        panic!("{frames:?}")
    };
    assert_eq!(*settings, [0, 2, 0, 0, 0, 0, 0, 4, 0, 2, 0, 0, 0, 6, 0, 0, 0x40, 0]);
    let mut block = head.to_vec();
    let mut ends = vec![flags & END_HEADERS];
    for (kind, flags, stream, fragment) in more {
        assert_eq!((*kind, *stream, flags & !END_HEADERS), (CONTINUATION, 1, 0));
        ends.push(flags & END_HEADERS);
        block.extend_from_slice(fragment);
    }
    assert!(flags & END_STREAM != 0 && ends.pop() == Some(END_HEADERS) && ends.iter().all(|end| *end == 0));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let mut decoder = hpack::Decoder::new(4096);
    let list = decoder.decode(&block).expect("a block");
    list.into_iter().map(|(name, value)| (text(name), text(value))).collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_request_has_what_the_check_says() {
    let plain = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "127.0.0.1:8080")];
    let user_agent = ("user-agent", "ringway-health");
    assert_eq!(request(&check_h2c("2xx", None)), pairs(&[&plain[..], &[user_agent]].concat()));
    let rich = HealthCheck {
        method: "HEAD".into(),
        path: "/up?deep=1".into(),
        host: Some("app.example".into()),
        headers: vec![
            ("X-Key".into(), "a b".into()),
            ("User-Agent".into(), "us".into()),
            ("Connection".into(), "close".into()),
        ],
        ..check_h2c("2xx", None)
    };
    let pseudo =
        [(":method", "HEAD"), (":scheme", "http"), (":path", "/up?deep=1"), (":authority", "app.example")];
    assert_eq!(request(&rich), pairs(&[&pseudo[..], &[("x-key", "a b"), ("user-agent", "us")]].concat()));
    let named = HealthCheck { headers: vec![("Host".into(), "other".into())], ..rich };
    assert_eq!(request(&named)[3].1, "other");
}

#[test]
fn a_large_request_goes_on_in_further_frames() {
    let large = HealthCheck {
        headers: (0..10).map(|n| (format!("x-{n}").into(), "y".repeat(4096).into())).collect(),
        ..check_h2c("2xx", None)
    };
    let probe = probe(&large);
    let frames = frames(&probe.request()[24..]);
    let shape: Vec<_> = frames
        .iter()
        .map(|(kind, flags, _, payload)| (*kind, *flags, payload.len() <= FRAME_BYTES_MAX))
        .collect();
    let expected = [
        (SETTINGS, 0, true),
        (WINDOW_UPDATE, 0, true),
        (HEADERS, END_STREAM, true),
        (CONTINUATION, 0, true),
        (CONTINUATION, END_HEADERS, true),
    ];
    assert_eq!(shape, expected);
}

#[test]
fn the_status_alone_decides_where_no_body_is_asked_for() {
    let accepted = "2xx,404".parse().unwrap();
    for (block, result) in [
        (OK, Ok(())),
        (NOT_FOUND, Ok(())),
        (BROKEN, Err(Reason::Status { status: 500, accepted })),
        (MOVED, Err(Reason::Status { status: 302, accepted })),
    ] {
        assert_eq!(h2c("2xx,404", None, &[headers(0, block)]), result, "{block:?}");
        assert_eq!(h2c("2xx,404", None, &[headers(END_STREAM, block)]), result, "{block:?}");
    }
    assert_eq!(h2c("any", None, &[headers(0, HINTS), headers(0, HINTS), headers(0, BROKEN)]), Ok(()));
    assert_eq!(h2c("any", None, &[]), Err(Reason::Cut));
}

#[test]
fn settings_and_pings_are_acknowledged() {
    let mut judge = probe(&check_h2c("2xx", None)).judge();
    assert_eq!(judge.feed(&settings()), Step::Send(frame(SETTINGS, ACK, 0, &[])));
    assert_eq!(judge.feed(&frame(SETTINGS, ACK, 0, &[])), Step::More);
    let both = [frame(PING, 0, 0, b"12345678"), frame(SETTINGS, 0, 0, &[]), frame(PING, ACK, 0, b"abcdefgh")]
        .concat();
    let replies = [frame(PING, ACK, 0, b"12345678"), frame(SETTINGS, ACK, 0, &[])].concat();
    let (begin, end) = both.split_at(5);
    assert_eq!((judge.feed(begin), judge.feed(end)), (Step::More, Step::Send(replies)));
    assert_eq!(judge.feed(&headers(0, OK)), Step::Passed);
}

#[test]
fn frames_that_say_nothing_of_the_answer_are_passed_over() {
    let others = [
        frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]),
        frame(WINDOW_UPDATE, 0, 1, &[0x80, 0, 0, 1]),
        frame(2, 0, 7, &[0, 0, 0, 0, 16]),
        frame(0xbe, 0xff, 77, b"an extension"),
        frame(SETTINGS, 0, 0, &[0x99, 0x99, 1, 2, 3, 4]),
    ];
    assert_eq!(
        h2c("2xx", Some("ok"), &[&others[..], &[headers(0, OK)], &others, &[data(0, "ok")]].concat()),
        Ok(())
    );
}

#[test]
fn a_header_block_may_be_padded_prioritised_and_cut() {
    let padded = [&[3, 0x80, 0, 0, 0, 16][..], OK, &[0, 0, 0]].concat();
    assert_eq!(h2c("2xx", None, &[headers(PADDED | PRIORITY, &padded)]), Ok(()));
    let cut = [
        frame(HEADERS, END_STREAM, 1, &MOVED[..1]),
        frame(CONTINUATION, 0, 1, &[]),
        frame(CONTINUATION, 0, 1, &MOVED[1..3]),
        frame(CONTINUATION, END_HEADERS, 1, &MOVED[3..]),
    ];
    assert_eq!(h2c("302", None, &cut), Ok(()));
    assert_eq!(h2c("302", Some("ok"), &cut), Err(Reason::Body("ok".into())), "it ended with its head");
}

#[test]
fn a_body_is_searched_across_frames() {
    let missing = Err(Reason::Body("all is well".into()));
    let body = |frames: &[Vec<u8>]| h2c("2xx", Some("all is well"), &[&[headers(0, OK)], frames].concat());
    assert_eq!(body(&[data(0, "now all"), data(0, ""), data(0, " is well")]), Ok(()));
    assert_eq!(body(&[data(0, "all"), frame(DATA, PADDED, 1, b"\x02 is well..")]), Ok(()));
    assert_eq!(body(&[data(0, "all"), data(END_STREAM, " is fine")]), missing);
    assert_eq!(
        body(&[data(0, "all"), headers(END_STREAM, &[0x00, 1, b'a', 1, b'b'])]),
        missing,
        "trailers end it"
    );
    assert_eq!(body(&[data(0, "all")]), Err(Reason::Cut));
    let large = "x".repeat(FRAME_BYTES_MAX);
    let four = [(); 4].map(|()| data(0, &large));
    assert_eq!(body(&four), Err(Reason::BodyStart("all is well".into())));
}

#[test]
fn a_server_that_gives_up_says_why() {
    assert_eq!(h2c("any", None, &[frame(RST_STREAM, 0, 1, &[0, 0, 0, 7])]), Err(Reason::Reset(7)));
    let go_away = frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 11, b'w', b'h', b'y']);
    assert_eq!(h2c("any", None, &[go_away]), Err(Reason::GoAway(11)));
}

#[test]
fn what_is_not_http2_is_told_from_what_breaks_it() {
    let not = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        headers(0, OK),
        frame(SETTINGS, ACK, 0, &[]),
        frame(SETTINGS, 0, 1, &[]),
        frame(SETTINGS, 0, 0, &[0; FRAME_BYTES_MAX + 1]),
    ];
    for answer in not {
        assert_eq!(h2c_raw("any", None, &answer), Err(Reason::NotHttp2), "{:?}", &answer[..9]);
    }
    assert_eq!(h2c_raw("any", None, b"HTTP/1.1"), Err(Reason::Cut), "a byte less than a frame has");
}

#[test]
fn each_way_to_break_the_protocol_fails() {
    let head = || headers(0, OK);
    let cases = [
        vec![frame(DATA, 0, 1, &vec![0; FRAME_BYTES_MAX + 1])],
        vec![data(0, "a body before its head")],
        vec![frame(HEADERS, END_HEADERS, 3, OK)],
        vec![frame(HEADERS, END_HEADERS, 0, OK)],
        vec![head(), frame(DATA, 0, 0, b"x")],
        vec![frame(CONTINUATION, END_HEADERS, 1, OK)],
        vec![frame(HEADERS, 0, 1, OK), frame(PING, 0, 0, b"12345678")],
        vec![frame(HEADERS, 0, 1, OK), frame(CONTINUATION, END_HEADERS, 3, &[])],
        vec![headers(PADDED, &[5, 0x88])],
        vec![headers(PADDED, &[])],
        vec![headers(PRIORITY, &[0, 0, 0, 0])],
        vec![headers(0, &[0xff, 0xff, 0xff, 0xff, 0x7f])],
        vec![headers(0, &[])],
        vec![headers(0, &[0x00, 1, b'a', 1, b'b', 0x88])],
        vec![headers(0, &[0x88, 0x88])],
        vec![headers(0, &[0x08, 2, b'2', b'0'])],
        vec![headers(0, &[0x08, 3, b'2', b'0', b'x'])],
        vec![headers(0, &[0x08, 3, b'0', b'9', b'9'])],
        vec![headers(END_STREAM, HINTS)],
        vec![headers(0, &[0x08, 3, b'1', b'0', b'1'])],
        vec![head(), headers(0, &[0x00, 1, b'a', 1, b'b'])],
        vec![frame(SETTINGS, ACK, 0, &[0; 6])],
        vec![frame(SETTINGS, 0, 0, &[0; 5])],
        vec![frame(SETTINGS, 0, 0, &[0, 2, 0, 0, 0, 1])],
        vec![frame(SETTINGS, 0, 0, &[0, 4, 0x80, 0, 0, 0])],
        vec![frame(SETTINGS, 0, 0, &[0, 5, 0, 0, 0, 1])],
        vec![frame(SETTINGS, 0, 1, &[])],
        vec![frame(PING, 0, 0, b"1234567")],
        vec![frame(PING, 0, 1, b"12345678")],
        vec![frame(GOAWAY, 0, 0, &[0; 7])],
        vec![frame(GOAWAY, 0, 1, &[0; 8])],
        vec![frame(RST_STREAM, 0, 1, &[0; 3])],
        vec![frame(RST_STREAM, 0, 3, &[0; 4])],
        vec![frame(WINDOW_UPDATE, 0, 0, &[0; 4])],
        vec![frame(WINDOW_UPDATE, 0, 2, &[0, 0, 0, 1])],
        vec![frame(WINDOW_UPDATE, 0, 0, &[0, 0, 1])],
        vec![frame(2, 0, 0, &[0; 5])],
        vec![frame(2, 0, 1, &[0; 4])],
        vec![frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2, 0x82])],
    ];
    for frames in &cases {
        let result = h2c("any", Some("looked for"), frames);
        assert!(matches!(result, Err(Reason::Http2(_))), "{frames:02x?}: {result:?}");
    }
}

#[test]
fn an_answer_without_end_is_given_up() {
    let block = || vec![0x10; FRAME_BYTES_MAX];
    let endless = [frame(HEADERS, 0, 1, &block()), frame(CONTINUATION, 0, 1, &[0])];
    assert_eq!(h2c("any", None, &endless), Err(Reason::HeadTooLong));
    for silent in [frame(PING, 0, 0, &[0; 8]), frame(0xbe, 0, 0, &[]), headers(0, HINTS)] {
        let most = vec![silent; FRAMES_MAX as usize - 1];
        assert_eq!(h2c("any", None, &most), Err(Reason::Cut));
        assert!(matches!(h2c("any", None, &[&most[..], &most[..1]].concat()), Err(Reason::Http2(_))));
    }
}

/// Answers near to what a server sends: frames in any order, and a little noise.
fn near_h2c() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        12 => prop::sample::select(vec![
            headers(0, OK), headers(0, HINTS), headers(END_STREAM, MOVED), data(0, "o"), data(0, "k"), data(END_STREAM, "ok"),
            frame(HEADERS, 0, 1, &MOVED[..2]), frame(CONTINUATION, END_HEADERS, 1, &MOVED[2..]), frame(PING, 0, 0, &[1; 8]),
            frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]), frame(GOAWAY, 0, 0, &[0; 8]), frame(DATA, PADDED, 1, b"\x01ok."),
            settings(), headers(PADDED | PRIORITY, &[1, 0, 0, 0, 0, 0, 0x88, 0]), frame(0xbe, 0, 0, b"ok"),
        ]),
        1 => prop::collection::vec(any::<u8>(), 0..12),
        1 => (0..11u8, any::<u8>(), 0..3u32, prop::collection::vec(any::<u8>(), 0..20))
            .prop_map(|(kind, flags, stream, payload)| frame(kind, flags, stream, &payload)),
    ];
    (prop::bool::weighted(0.9), prop::collection::vec(piece, 0..12))
        .prop_map(|(starts, pieces)| [if starts { settings() } else { Vec::new() }, pieces.concat()].concat())
}

proptest! {
    #[test]
    fn the_verdict_is_the_same_however_the_answer_is_cut(
        answer in near_h2c(), body in any::<bool>(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let check = check_h2c("2xx", body.then_some("ok"));
        prop_assert_eq!(verdict(&check, [&answer[..]]), verdict(&check, cut(&answer, &cuts)));
    }
}
