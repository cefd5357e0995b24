//! A request head is refused, or means what stands there.

use ringway_shards::http1::{
    BodyLength, HeadLimits, HeadProgress, Method, Parsed, Request, Scratch, Status, Version, request,
};

use super::wire::{self, Head};

/// `data` is what a client sends.
pub(crate) fn check(data: &[u8]) {
    for limits in [HeadLimits::default(), HeadLimits { head_bytes: 200, headers: 5, uri_bytes: 20 }] {
        let mut scratch = Scratch::new();
        match request::parse(data, &limits, &mut HeadProgress::default(), &mut scratch) {
            Err(reject) => assert!(Status::ALL.contains(&reject.status) && !reject.reason.is_empty()),
            Ok(Parsed::Partial) => check_partial(data, &limits),
            Ok(Parsed::Complete(request)) => check_complete(data, &request, &limits),
        }
    }
}

fn check_partial(data: &[u8], limits: &HeadLimits) {
    let head = &data[wire::empty_lines(data)..];
    assert_eq!(wire::find(head, b"\r\n\r\n"), None, "the head is complete");
    assert!(!wire::has_bare_lf(head));
    assert!(head.len() < limits.head_bytes, "waiting for what will be refused");
}

fn check_complete(data: &[u8], request: &Request<'_>, limits: &HeadLimits) {
    let bytes = &data[wire::empty_lines(data)..request.head_len];
    assert_eq!(
        wire::find(bytes, b"\r\n\r\n"),
        Some(bytes.len() - 4),
        "the head ends at the first empty line"
    );
    assert!(bytes.len() <= limits.head_bytes);
    let head = Head::of(bytes);
    let words: Vec<_> = head.start_line.split(|&byte| byte == b' ').collect();
    let [method, target, version] = words[..] else { panic!("{} words in the request line", words.len()) };
    assert!(wire::is_token(method));
    assert_eq!(request.method.as_bytes(), method);
    assert!(target.len() <= limits.uri_bytes);
    assert!(target.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#'));
    match version {
        b"HTTP/1.1" => assert_eq!(request.version, Version::Http11),
        b"HTTP/1.0" => assert_eq!(request.version, Version::Http10),
        _ => panic!("version {}", version.escape_ascii()),
    }
    assert!(head.fields.len() <= limits.headers);
    let fields: Vec<_> = request.headers().iter().map(|field| (field.name.as_bytes(), field.value)).collect();
    assert_eq!(fields, head.fields);
    check_place(request, target, &head);
    check_body(request, &head);
    check_connection(request, &head);
}

/// Where it is asked, and for what.
fn check_place(request: &Request<'_>, target: &[u8], head: &Head<'_>) {
    let hosts = head.values("host");
    assert!(hosts.len() == 1 || hosts.is_empty() && request.version == Version::Http10, "{hosts:?}");
    let host = hosts.first().copied().unwrap_or_default();
    if let Some(authority) = request.authority {
        let splits = |byte: &u8| !byte.is_ascii_graphic() || b"/\\?#@,<>\"".contains(byte);
        assert!(!authority.bytes.is_empty() && !authority.bytes.iter().any(splits));
        assert!(authority.bytes.starts_with(authority.host) && !authority.host.is_empty());
        assert!(host.is_empty() || authority.bytes == host, "Host is what counts");
    } else {
        assert!(host.is_empty());
    }
    match target {
        [b'/', ..] => assert_eq!(request.path, target),
        _ if request.method == Method::Connect => assert_eq!(request.path, b""),
        b"*" => assert!(request.path == b"*" && request.method == Method::Options),
        _ => {
            let (_, rest) = target.split_at(wire::find(target, b"://").expect("an absolute URL") + 3);
            let end = rest.iter().position(|byte| b"/?".contains(byte)).unwrap_or(rest.len());
            let (authority, path) = rest.split_at(end);
            assert!(!authority.contains(&b'@'));
            let whole_server = path.is_empty() && request.method == Method::Options;
            assert_eq!(request.path, if whole_server { b"*" } else { path });
            assert!(request.authority.is_some());
        }
    }
}

fn check_body(request: &Request<'_>, head: &Head<'_>) {
    let expected = match (head.is_chunked(), head.length()) {
        (true, None) => BodyLength::Chunked,
        (false, Some(length)) => BodyLength::Length(length),
        (false, None) => BodyLength::None,
        (true, Some(_)) => panic!("two framings"),
    };
    assert_eq!(request.body, expected);
    assert!(request.body != BodyLength::Chunked || request.version == Version::Http11);
    if request.expect_continue {
        assert!(request.version == Version::Http11 && !request.body.is_empty());
        assert!(head.values("expect").iter().all(|value| value.eq_ignore_ascii_case(b"100-continue")));
        assert!(!head.values("expect").is_empty());
    }
}

fn check_connection(request: &Request<'_>, head: &Head<'_>) {
    let options = head.members("connection");
    let names = |option: &str| options.iter().any(|name| name == option.as_bytes());
    let keeps = !names("close") && (request.version == Version::Http11 || names("keep-alive"));
    assert_eq!(request.keep_alive, keeps);
    assert!(request.upgrade.is_none() || names("upgrade") && request.version == Version::Http11);
    assert_eq!(
        request.upgrade.map(wire::trim),
        head.values("upgrade").first().copied().filter(|_| request.upgrade.is_some())
    );
}
