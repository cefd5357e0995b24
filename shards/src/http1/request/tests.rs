//! Request heads: what is accepted and what it means, what is refused and with which status.

use proptest::prelude::*;

use super::*;

/// What tests compare of an accepted request.
#[derive(Debug, PartialEq, Eq)]
struct Summary {
    method: String,
    version: Version,
    path: String,
    authority: Option<(String, Option<u16>)>,
    head_len: usize,
    body: BodyLength,
    flags: (bool, bool),
    upgrade: Option<String>,
    headers: Vec<(String, String)>,
}

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn summary(request: &Request<'_>) -> Summary {
    Summary {
        method: text(request.method.as_bytes()),
        version: request.version,
        path: text(request.path),
        authority: request.authority.map(|authority| (text(authority.host), authority.port)),
        head_len: request.head_len,
        body: request.body,
        flags: (request.keep_alive, request.expect_continue),
        upgrade: request.upgrade.map(text),
        headers: request
            .headers()
            .iter()
            .map(|header| (header.name.to_string(), text(header.value)))
            .collect(),
    }
}

fn step(buf: &[u8], limits: &HeadLimits, progress: &mut HeadProgress) -> Result<Option<Summary>, Reject> {
    match parse(buf, limits, progress, &mut Scratch::new())? {
        Parsed::Partial => Ok(None),
        Parsed::Complete(request) => Ok(Some(summary(&request))),
    }
}

fn whole(buf: impl AsRef<[u8]>) -> Result<Option<Summary>, Reject> {
    step(buf.as_ref(), &HeadLimits::default(), &mut HeadProgress::default())
}

fn accepted(buf: impl AsRef<[u8]>) -> Summary {
    match whole(&buf) {
        Ok(Some(summary)) => summary,
        other => panic!("{}: {other:?}", text(buf.as_ref())),
    }
}

#[track_caller]
fn assert_refused(buf: impl AsRef<[u8]>, status: Status) {
    match whole(&buf) {
        Err(reject) => assert_eq!(reject.status, status, "{}: {reject}", text(buf.as_ref())),
        Ok(outcome) => panic!("{}: {outcome:?}", text(buf.as_ref())),
    }
}

/// A GET with the given lines after its Host.
fn get_with(lines: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
}

/// A POST with the given lines after its Host.
fn post_with(lines: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
}

#[test]
fn a_plain_request_is_understood() {
    let head = "POST /a?b=c HTTP/1.1\r\nhost: Example.com:8080\r\nContent-Length: 3\r\nX: \t y z \r\nEmpty:\r\n\r\nabc";
    let request = accepted(head);
    assert_eq!(
        request,
        Summary {
            method: "POST".into(),
            version: Version::Http11,
            path: "/a?b=c".into(),
            authority: Some(("Example.com".into(), Some(8080))),
            head_len: head.len() - 3,
            body: BodyLength::Length(3),
            flags: (true, false),
            upgrade: None,
            headers: [("host", "Example.com:8080"), ("Content-Length", "3"), ("X", "y z"), ("Empty", "")]
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .to_vec(),
        }
    );
}

#[test]
fn empty_lines_before_the_request_line_are_skipped_up_to_a_bound() {
    let request = get_with("");
    for count in [1, LEADING_EMPTY_LINES_MAX] {
        assert_eq!(accepted("\r\n".repeat(count) + &request).head_len, 2 * count + request.len());
    }
    assert_refused("\r\n".repeat(LEADING_EMPTY_LINES_MAX + 1) + &request, Status::BadRequest);
    assert_refused("\n".to_string() + &request, Status::BadRequest);
    assert_refused("\r".to_string() + &request, Status::BadRequest);
    assert_eq!(whole("\r\n\r"), Ok(None));
    assert_eq!(whole(""), Ok(None));
}

#[test]
fn a_line_end_other_than_cr_lf_is_refused() {
    for head in [
        "GET / HTTP/1.1\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: b\nY: c\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX:\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        "GET / HTTP/1.1\r\nHost: a\n\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\rX",
        "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
        "GET /\rHTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\rHost: a\r\n\r\n",
    ] {
        assert_refused(head, Status::BadRequest);
    }
}

#[test]
fn malformed_header_lines_are_refused() {
    for lines in [
        " folded: b\r\n",
        "X: b\r\n c\r\n",
        "X: b\r\n\tc\r\n",
        "X : b\r\n",
        "X\t: b\r\n",
        ": b\r\n",
        "X\r\n",
        "X\u{e9}: b\r\n",
        "X(: b\r\n",
        "X\0: b\r\n",
        "\"X\": b\r\n",
        "X: a\0b\r\n",
        "X: a\u{1}b\r\n",
        "X: a\u{7f}b\r\n",
        "X: a\u{b}\r\n",
        "X: \u{1b}[2J\r\n",
    ] {
        assert_refused(get_with(lines), Status::BadRequest);
    }
}

#[test]
fn equal_content_lengths_are_one_and_others_are_refused() {
    for lines in
        ["Content-Length: 5\r\n", "Content-Length: 5\r\ncontent-length: 5\r\n", "Content-Length: 5, 5\r\n"]
    {
        assert_eq!(accepted(post_with(lines)).body, BodyLength::Length(5), "{lines}");
    }
    assert_eq!(accepted(post_with("Content-Length: 0\r\n")).body, BodyLength::Length(0));
    for value in
        ["-5", "+5", "5;", "0x5", "5 5", "", "5,", "5,6", "9223372036854775808", "18446744073709551621"]
    {
        assert_refused(post_with(&format!("Content-Length: {value}\r\n")), Status::BadRequest);
    }
    assert_refused(post_with("Content-Length: 5\r\nContent-Length: 6\r\n"), Status::BadRequest);
}

#[test]
fn transfer_encoding_is_chunked_alone_or_refused() {
    for value in ["chunked", "Chunked", "CHUNKED"] {
        assert_eq!(accepted(post_with(&format!("Transfer-Encoding: {value}\r\n"))).body, BodyLength::Chunked);
    }
    for value in [
        "",
        "chunked,",
        "chunked, chunked",
        "chunked, gzip",
        "gzip",
        "x-chunked",
        "\u{b}chunked",
        "identity",
        "\"chunked\"",
        "chunked;a=b",
    ] {
        assert_refused(post_with(&format!("Transfer-Encoding: {value}\r\n")), Status::BadRequest);
    }
    assert_refused(post_with("Transfer-Encoding: gzip, chunked\r\n"), Status::NotImplemented);
    assert_refused(
        post_with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        Status::BadRequest,
    );
    assert_refused(
        post_with("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
        Status::BadRequest,
    );
}

#[test]
fn two_ways_of_framing_in_one_request_are_refused() {
    for lines in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
    ] {
        assert_refused(post_with(lines), Status::BadRequest);
    }
    assert_refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", Status::BadRequest);
}

#[test]
fn there_is_exactly_one_valid_host() {
    for head in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nX: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
    ] {
        assert_refused(head, Status::BadRequest);
    }
    for host in [
        "a,b", "a, b", "user@a", "u:p@a", "a b", "a/b", "a#", "a?b", "\u{e9}", "a:b", "a:65536", ":80",
        "http://a",
    ] {
        assert_refused(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"), Status::BadRequest);
    }
    assert_eq!(accepted("GET / HTTP/1.1\r\nHost:\r\n\r\n").authority, None);
    assert_eq!(accepted("GET / HTTP/1.0\r\n\r\n").authority, None);
}

#[test]
fn an_absolute_form_target_must_name_the_host() {
    for (target, host) in [
        ("http://a/b", "a"),
        ("http://A/b", "a"),
        ("HTTP://a:80/b", "a"),
        ("http://a/b", "a:80"),
        ("https://a/b", "a:443"),
        ("http://a:81/b", "a:81"),
        ("http://[::1]/b", "[::1]"),
    ] {
        assert_eq!(
            accepted(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")).path,
            "/b",
            "{target} {host}"
        );
    }
    for (target, host) in [
        ("http://a/", "b"),
        ("http://a:81/", "a"),
        ("https://a/", "a:80"),
        ("http://u@a/", "a"),
        ("http://u:p@a/", "u:p@a"),
        ("http://a,b/", "a,b"),
        ("http:///", ""),
        ("http://a/", ""),
        ("ftp://a/", "a"),
        ("http:/a", "a"),
    ] {
        assert_refused(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"), Status::BadRequest);
    }
    assert_refused("GET http://a/ HTTP/1.1\r\n\r\n", Status::BadRequest);
    assert_eq!(accepted("GET http://a:1/ HTTP/1.0\r\n\r\n").authority, Some(("a".into(), Some(1))));
}

#[test]
fn star_belongs_to_options_and_authority_form_to_connect() {
    assert_eq!(accepted("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").path, "*");
    assert_refused("GET * HTTP/1.1\r\nHost: a\r\n\r\n", Status::BadRequest);
    assert_refused("GET a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", Status::BadRequest);
    for target in ["a", "a:", "a:0", "/", "*", "http://a:443/", "u@a:443", "a,b:443", ":443", "a:443/"] {
        assert_refused(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n"), Status::BadRequest);
    }
}

#[test]
fn connect_names_host_and_port_as_its_host_field_does_and_has_no_body() {
    let connect = |target: &str, lines: &str| format!("CONNECT {target} HTTP/1.1\r\n{lines}\r\n");
    for (target, lines, authority) in [
        ("a:443", "Host: a:443\r\n", ("a", Some(443))),
        ("A:443", "Host: a:443\r\nContent-Length: 0\r\n", ("a", Some(443))),
        ("[::1]:80", "Host: [::1]:80\r\n", ("[::1]", Some(80))),
    ] {
        let request = accepted(connect(target, lines));
        assert_eq!(request.authority, Some((authority.0.to_string(), authority.1)), "{target}");
        assert_eq!((request.method.as_str(), request.path.as_str()), ("CONNECT", ""));
    }
    assert_eq!(accepted("CONNECT a:1 HTTP/1.0\r\n\r\n").authority, Some(("a".into(), Some(1))));
    for lines in [
        "",
        "Host:\r\n",
        "Host: a\r\n",
        "Host: a:80\r\n",
        "Host: b:443\r\n",
        "Host: a:443\r\nContent-Length: 1\r\n",
        "Host: a:443\r\nTransfer-Encoding: chunked\r\n",
    ] {
        assert_refused(connect("a:443", lines), Status::BadRequest);
    }
}

#[test]
fn a_target_with_fragment_control_or_non_ascii_byte_is_refused() {
    for target in ["/a#b", "/#", "/\u{e9}", "/a\u{7f}", "/a\u{1}b", "/a\0", "/a\tb", "/a b", "a", ""] {
        assert_refused(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"), Status::BadRequest);
    }
    assert_refused(b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", Status::BadRequest);
}

#[test]
fn paths_stay_as_they_were_sent() {
    for path in ["/a/../b", "/%2e%2e/", "//a//b", "/a;b=c", "/%00", "/a?b?c", "/{a}|b", "/?http://x/"] {
        assert_eq!(accepted(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).path, path);
    }
}

#[test]
fn versions_other_than_1_0_and_1_1_are_refused() {
    for version in ["HTTP/0.9", "HTTP/2.0", "HTTP/1.2", "HTTP/3.0", "HTTP/2"] {
        assert_refused(format!("GET / {version}\r\nHost: a\r\n\r\n"), Status::VersionNotSupported);
    }
    assert_refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Status::VersionNotSupported);
    for line in [
        "GET /",
        "GET / ",
        "GET / RTSP/1.0",
        "GET / http/1.1",
        "GET / HTTP/1.10",
        "GET / HTTP/1.1 ",
        "GET / HTTP/x",
        "GET",
    ] {
        assert_refused(format!("{line}\r\nHost: a\r\n\r\n"), Status::BadRequest);
    }
}

#[test]
fn http_1_0_bodies_on_methods_without_one_are_refused() {
    for method in ["GET", "HEAD", "DELETE"] {
        let head = |length| format!("{method} / HTTP/1.0\r\nContent-Length: {length}\r\n\r\n");
        assert_refused(head(1), Status::ContentTooLarge);
        assert_eq!(accepted(head(0)).body, BodyLength::Length(0));
    }
    assert_eq!(accepted("POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\n").body, BodyLength::Length(1));
    assert_eq!(accepted(get_with("Content-Length: 1\r\n")).body, BodyLength::Length(1));
}

#[test]
fn too_much_of_anything_is_refused_with_the_status_that_says_what() {
    let limits = HeadLimits::default();
    let with_uri = |bytes: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(bytes - 1));
    assert_eq!(accepted(with_uri(limits.uri_bytes)).path.len(), limits.uri_bytes);
    assert_refused(with_uri(limits.uri_bytes + 1), Status::UriTooLong);

    let with_headers = |count: usize| get_with(&"X: b\r\n".repeat(count - 1));
    assert_eq!(accepted(with_headers(limits.headers)).headers.len(), limits.headers);
    assert_refused(with_headers(limits.headers + 1), Status::HeadersTooLarge);

    let with_head =
        |bytes: usize| get_with(&format!("X: {}\r\n", "b".repeat(bytes - get_with("X: \r\n").len())));
    assert_eq!(accepted(with_head(limits.head_bytes)).head_len, limits.head_bytes);
    assert_refused(with_head(limits.head_bytes + 1), Status::HeadersTooLarge);

    assert_refused(
        format!("{} / HTTP/1.1\r\nHost: a\r\n\r\n", "M".repeat(METHOD_BYTES_MAX + 1)),
        Status::NotImplemented,
    );
    assert_refused(get_with(&format!("Connection: {}\r\n", "a,".repeat(40))), Status::BadRequest);
}

#[test]
fn a_head_without_end_is_refused_at_the_limit_and_garbage_at_once() {
    let limits = HeadLimits::default();
    assert_refused(format!("GET /{}", "a".repeat(64 * 1024)), Status::UriTooLong);
    assert_refused("M".repeat(64 * 1024), Status::UriTooLong);
    assert_refused(format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(64 * 1024)), Status::HeadersTooLarge);
    assert_refused("\u{16}\u{3}\u{1}", Status::BadRequest);

    // Fed in pieces of 1,000 bytes, neither waits for its end.
    for (head, status) in [("GET /", Status::UriTooLong), ("GET / HTTP/1.1\r\nX: ", Status::HeadersTooLarge)]
    {
        let mut progress = HeadProgress::default();
        let mut buf = head.as_bytes().to_vec();
        let reject = loop {
            match step(&buf, &limits, &mut progress) {
                Ok(None) => buf.extend([b'a'; 1000]),
                Ok(summary) => panic!("{summary:?}"),
                Err(reject) => break reject,
            }
        };
        assert_eq!(reject.status, status);
        assert!(buf.len() <= limits.head_bytes + 1000, "{}", buf.len());
    }
    // An invalid line is found before the head is at its limit.
    let mut progress = HeadProgress::default();
    let mut buf = b"GET / HTTP/1.1\r\n".to_vec();
    assert_eq!(step(&buf, &limits, &mut progress), Ok(None));
    buf.extend(b"Bad Name: b\r\n".repeat(2));
    assert_eq!(step(&buf, &limits, &mut progress).map_err(|reject| reject.status), Err(Status::BadRequest));
}

#[test]
fn the_connection_is_kept_as_version_and_connection_field_say() {
    for (version, line, keep_alive) in [
        ("1.1", "", true),
        ("1.1", "Connection: close\r\n", false),
        ("1.1", "Connection: Keep-Alive\r\n", true),
        ("1.1", "Connection: x, CLOSE\r\n", false),
        ("1.1", "Connection: x\r\nConnection: close\r\n", false),
        ("1.1", "Connection: keep-alive, close\r\n", false),
        ("1.0", "", false),
        ("1.0", "Connection: keep-alive\r\n", true),
        ("1.0", "Connection: x,keep-alive\r\n", true),
        ("1.0", "Connection: keep-alive\r\nConnection: close\r\n", false),
    ] {
        let request = accepted(format!("GET / HTTP/{version}\r\nHost: a\r\n{line}\r\n"));
        assert_eq!(request.flags.0, keep_alive, "HTTP/{version} {line}");
    }
    assert_refused(get_with("Connection: a b\r\n"), Status::BadRequest);
}

#[test]
fn expectations_are_100_continue_or_refused() {
    let expect = |line: &str| accepted(post_with(&format!("Content-Length: 5\r\n{line}"))).flags.1;
    assert!(!expect(""));
    assert!(expect("Expect: 100-continue\r\n"));
    assert!(expect("Expect: 100-Continue\r\n"));
    assert!(!accepted(get_with("Expect: 100-continue\r\n")).flags.1, "there is no body to wait for");
    assert!(!accepted("POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n").flags.1);
    assert_refused(post_with("Expect: 200-ok\r\n"), Status::ExpectationFailed);
    assert_refused(post_with("Expect:\r\n"), Status::ExpectationFailed);
}

#[test]
fn an_upgrade_counts_only_if_connection_names_it() {
    let upgrade = |lines: &str| accepted(get_with(lines)).upgrade;
    assert_eq!(upgrade("Upgrade: websocket\r\nConnection: Upgrade\r\n").as_deref(), Some("websocket"));
    assert_eq!(upgrade("Connection: keep-alive, upgrade\r\nUpgrade: h2c\r\n").as_deref(), Some("h2c"));
    assert_eq!(upgrade("Upgrade: websocket\r\n"), None);
    assert_eq!(upgrade("Connection: upgrade\r\n"), None);
    assert_eq!(accepted("GET / HTTP/1.0\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n").upgrade, None);
}

#[test]
fn connection_options_are_listed_over_all_lines() {
    let head = get_with("Connection: a, b\r\nX: c\r\nconnection: d\r\n");
    let mut scratch = Scratch::new();
    let parsed = parse(head.as_bytes(), &HeadLimits::default(), &mut HeadProgress::default(), &mut scratch);
    let Ok(Parsed::Complete(request)) = parsed else { panic!("{parsed:?}") };
    assert_eq!(request.connection_options().collect::<Vec<_>>(), [b"a", b"b", b"d"]);
}

#[test]
fn a_pipelined_request_stays_in_the_buffer() {
    let first = get_with("");
    assert_eq!(accepted(first.clone() + "GET /second HTTP/1.1\r\n").head_len, first.len());
}

/// Heads that are mostly valid, with the things attackers vary.
pub(in crate::http1) fn request_head() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        4 => "[A-Za-z-]{1,12}: [ -~]{0,20}\r\n",
        1 => "Connection: (close|keep-alive|upgrade|x-a|host|content-length|x-forwarded-for|, )(, [a-z-]{1,8})?\r\n",
        1 => "Content-Length: [0-9]{1,3}(, 5)?\r\n",
        1 => "Transfer-Encoding: ([cC]hunked|gzip, chunked|gzip)\r\n",
        1 => "(TE|Upgrade|Keep-Alive|Trailer|Proxy-Connection|HTTP2-Settings): (trailers|gzip, trailers|[a-z]{1,8})\r\n",
        1 => "X-[Ff]orwarded-(For|Host|Port|Proto): [ -~]{0,20}\r\n",
        1 => "(Forwarded|X-Request-Id): (for=a|for=\"b\";proto=http|[ -~]{0,20})\r\n",
        1 => "Expect: 100-continue\r\n",
        1 => "X-A: (b|\u{e9}| c\r\n d|\n|\u{0})\r\n",
    ];
    (
        "(\r\n){0,2}",
        "(GET|HEAD|POST|PUT|OPTIONS|DELETE|PURGE)",
        "(/|/a/b\\?c=d|\\*|http://a|http://a\\?b|http://a:80/b|https://b/|/[!-~]{0,20})",
        "HTTP/1\\.[01]",
        "(Host: (a|a:80|b|a,b|)\r\n|)",
        prop::collection::vec(line, 0..8),
    )
        .prop_map(|(empty, method, target, version, host, lines)| {
            format!("{empty}{method} {target} {version}\r\n{host}{}\r\n", lines.concat())
        })
}

/// Feeds `buf` in pieces that end at `ends`, then whole.
fn fed(buf: &[u8], ends: &[usize], limits: &HeadLimits) -> Result<Option<Summary>, Reject> {
    let mut progress = HeadProgress::default();
    for &end in ends {
        if let Some(summary) = step(&buf[..end], limits, &mut progress)? {
            return Ok(Some(summary));
        }
    }
    step(buf, limits, &mut progress)
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), head in request_head(), at: prop::sample::Index) {
        let _ = whole(&bytes);
        let mut spoilt = head.into_bytes();
        let at = at.index(spoilt.len());
        spoilt.splice(at..at, bytes.into_iter().take(2));
        let _ = whole(&spoilt);
    }

    #[test]
    fn how_the_bytes_were_split_does_not_matter(
        head in request_head(), rest in "[a-z]{0,3}", steps in prop::collection::vec(1usize..20, 0..80), limit in 20usize..400,
    ) {
        let buf = head + &rest;
        let limits = HeadLimits { head_bytes: limit, uri_bytes: 20, headers: 6 };
        let at_once = fed(buf.as_bytes(), &[], &limits).ok();
        let ends = |steps: &[usize]| steps.iter().scan(0, |end, step| { *end += step; Some(*end) })
            .take_while(|&end| end < buf.len()).collect::<Vec<_>>();
        for ends in [ends(&steps), ends(&vec![1; buf.len()])] {
            // Which of several faults is reported may depend on the split, that there is one may not.
            let split = fed(buf.as_bytes(), &ends, &limits).ok();
            prop_assert_eq!(&at_once, &split, "split at {:?}", ends);
        }
    }
}
