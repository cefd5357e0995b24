//! What the rewriter writes is read again by our own strict parser, and means the same to one hop less.

use std::sync::LazyLock;

use ringway_core::config::{Forwarding, HeaderEdits, PathMatch, Rewrite};
use ringway_shards::http1::rewrite::{self, ClientSide, HeadOut};
use ringway_shards::http1::{
    BodyLength, ClientAddress, Forward, ForwardRules, Framing, HeadLimits, HeadProgress, Method, Parsed,
    Request, RequestRules, Response, ResponseRules, Scheme, Scratch, TunnelRules, Version, request, response,
};

use super::wire::{self, Head};

const PORT: u16 = 8080;
const CLIENT: [u8; 4] = [192, 0, 2, 1];
const CLIENT_TEXT: &str = "192.0.2.1";

/// Fields that a hop keeps for itself (RFC 9110 section 7.6.1).
const HOP_BY_HOP: &[&str] = &["keep-alive", "proxy-connection", "http2-settings"];
/// Fields with rules of their own: they are not copied, or not only.
const SPECIAL: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "forwarded",
    "host",
    "te",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-request-id",
];

/// A route that changes something of everything.
static REWRITE: LazyLock<Rewrite> = LazyLock::new(|| {
    let edits = || HeaderEdits {
        remove: vec!["x-a".into()],
        set: vec![("X-B".into(), "set".into())],
        append: vec![("X-Appended".into(), "1".into())],
    };
    Rewrite {
        request_headers: edits(),
        response_headers: edits(),
        replace_prefix: Some("/new".into()),
        host: Some("backend.example:81".into()),
    }
});
static REQUEST_RULES: LazyLock<Option<RequestRules>> =
    LazyLock::new(|| RequestRules::new(&REWRITE, &PathMatch::Prefix("/a".into())));
static RESPONSE_RULES: LazyLock<Option<ResponseRules>> = LazyLock::new(|| ResponseRules::new(&REWRITE));
static FORWARD_RULES: LazyLock<ForwardRules> =
    LazyLock::new(|| ForwardRules::new(&Forwarding::default(), PORT, Scheme::Http));
static TUNNEL_RULES: LazyLock<TunnelRules> = LazyLock::new(|| TunnelRules::new(&["websocket".into()], true));

/// The first byte of `data` says what the rest is and how it goes on.
pub(crate) fn check(data: &[u8]) {
    let Some((&choices, data)) = data.split_first() else { return };
    let choice = |bit: u8| choices & 1 << bit != 0;
    if choice(0) {
        let client = ClientSide {
            version: if choice(1) { Version::Http10 } else { Version::Http11 },
            keep_alive: choice(2),
        };
        let asked = [Method::Get, Method::Head, Method::Connect][usize::from(choices >> 3) % 3];
        let rules = RESPONSE_RULES.as_ref().filter(|_| choice(7));
        with_response(data, asked, |response| check_response(data, response, asked, client, rules));
    } else {
        let rules = REQUEST_RULES.as_ref().filter(|_| choice(1));
        with_request(data, |request| check_request(request, choice(2), rules));
    }
}

fn with_request<T>(head: &[u8], then: impl FnOnce(&Request<'_>) -> T) -> Option<T> {
    // Twice the bounds of any listener: what was added must not be what is refused.
    let limits = HeadLimits { head_bytes: 1 << 17, headers: 256, uri_bytes: 1 << 16 };
    let mut scratch = Scratch::new();
    match request::parse(head, &limits, &mut HeadProgress::default(), &mut scratch) {
        Ok(Parsed::Complete(request)) => Some(then(&request)),
        _ => None,
    }
}

fn with_response<T>(head: &[u8], asked: Method<'_>, then: impl FnOnce(&Response<'_>) -> T) -> Option<T> {
    let limits = HeadLimits { head_bytes: 1 << 17, headers: 256, uri_bytes: 1 << 16 };
    let mut scratch = Scratch::new();
    match response::parse(head, asked, &limits, &mut HeadProgress::default(), &mut scratch) {
        Ok(Parsed::Complete(response)) => Some(then(&response)),
        _ => None,
    }
}

fn check_request(asked: &Request<'_>, trusted: bool, rules: Option<&RequestRules>) {
    let Ok(tunnel) = TUNNEL_RULES.admit(asked) else { return };
    let client = ClientAddress::new(CLIENT.into());
    let forward = Forward { rules: &FORWARD_RULES, client: &client, trusted, request_id: &[b'f'; 32] };
    let mut out = Vec::new();
    rewrite::request(asked, &tunnel, forward, rules, &mut out);
    let same = with_request(&out, |sent| {
        assert_eq!(sent.head_len, out.len(), "one request");
        check_meaning(asked, sent, rules.is_some());
    });
    assert!(same.is_some(), "the rewritten head is refused: {}", out.escape_ascii());
    let head = Head::of(&out);
    check_fields(asked, &head, rules.is_some(), !tunnel.is_none());
    check_forwarding(asked, &head, trusted);
}

fn check_meaning(asked: &Request<'_>, sent: &Request<'_>, ruled: bool) {
    assert_eq!(sent.method, asked.method);
    assert_eq!(sent.body, asked.body);
    assert_eq!(sent.expect_continue, asked.expect_continue);
    assert_eq!((sent.version, sent.keep_alive), (Version::Http11, true));
    let is_connect = asked.method == Method::Connect;
    let host = if ruled && !is_connect {
        Some(&b"backend.example:81"[..])
    } else {
        asked.authority.map(|authority| authority.bytes)
    };
    assert_eq!(sent.authority.map(|authority| authority.bytes), host);
    let path = match asked.path {
        b"*" => b"*".to_vec(),
        path if is_connect || path.starts_with(b"/") => path.to_vec(),
        path => [b"/", path].concat(),
    };
    match path.strip_prefix(b"/a").filter(|rest| matches!(rest, [] | [b'/' | b'?', ..])) {
        Some(rest) if ruled => {
            // One slash, however many there were: none of them may come to stand for a host.
            let slashes = rest.iter().take_while(|&&byte| byte == b'/').count();
            assert_eq!(sent.path, [b"/new", &rest[slashes.saturating_sub(1)..]].concat());
        }
        _ => assert_eq!(sent.path, path),
    }
}

/// One Host, one length, nothing of the client's hop, and the rest in its order.
fn check_fields(asked: &Request<'_>, head: &Head<'_>, ruled: bool, tunnel: bool) {
    assert_eq!(head.values("host").len(), 1);
    assert_eq!(usize::from(head.is_chunked()), usize::from(asked.body == BodyLength::Chunked));
    assert_eq!(head.values("content-length").len(), usize::from(matches!(asked.body, BodyLength::Length(_))));
    assert!(HOP_BY_HOP.iter().all(|name| head.values(name).is_empty()));
    let upgrade = tunnel && asked.method != Method::Connect;
    assert_eq!(head.values("upgrade").len(), usize::from(upgrade));
    let options = head.members("connection");
    match head.values("te")[..] {
        [] => assert_eq!(options, if upgrade { vec![b"upgrade".to_vec()] } else { vec![] }),
        [te] => assert!(te == b"trailers" && options == [b"te"]),
        _ => panic!("more than one TE"),
    }
    let named: Vec<_> = asked.connection_options().map(<[u8]>::to_ascii_lowercase).collect();
    let is_plain = |name: &[u8]| {
        let name = name.to_ascii_lowercase();
        let rule = ruled && [&b"x-a"[..], b"x-b", b"x-appended"].contains(&&name[..]);
        let special = SPECIAL.iter().chain(HOP_BY_HOP).any(|special| special.as_bytes() == name);
        !rule && !special && !named.contains(&name)
    };
    let received = asked.headers().iter().map(|field| (field.name.as_bytes(), field.value));
    let received: Vec<_> = received.filter(|(name, _)| is_plain(name)).collect();
    let sent: Vec<_> = head.fields.iter().copied().filter(|(name, _)| is_plain(name)).collect();
    assert_eq!(sent, received, "end-to-end fields go through");
    if ruled {
        assert!(head.values("x-a").is_empty() && head.values("x-b") == [b"set"]);
        assert_eq!(head.values("x-appended").last(), Some(&&b"1"[..]));
    }
    let protected = |name: &[u8]| {
        SPECIAL.iter().any(|special| special.as_bytes() == name)
            || ruled && (name == b"x-b" || name == b"x-appended")
    };
    for (name, _) in &head.fields {
        let name = name.to_ascii_lowercase();
        assert!(protected(&name) || !named.contains(&name), "{} was named", name.escape_ascii());
    }
}

/// Nobody whom we do not trust speaks for us.
fn check_forwarding(asked: &Request<'_>, head: &Head<'_>, trusted: bool) {
    let addresses = head.members("x-forwarded-for");
    assert_eq!(addresses.last().map(Vec::as_slice), Some(CLIENT_TEXT.as_bytes()));
    for name in ["x-forwarded-proto", "x-forwarded-port"] {
        assert!(trusted || head.values(name).len() == 1, "{name}");
    }
    if !trusted {
        assert_eq!(addresses.len(), 1);
        assert_eq!(head.values("x-forwarded-proto"), [b"http"]);
        assert_eq!(head.values("x-forwarded-port"), [PORT.to_string().as_bytes()]);
        let host: Vec<_> = asked.authority.iter().map(|authority| authority.bytes).collect();
        assert_eq!(head.values("x-forwarded-host"), host);
        assert!(head.values("forwarded").is_empty());
    }
}

fn check_response(
    data: &[u8],
    answer: &Response<'_>,
    asked: Method<'_>,
    client: ClientSide,
    rules: Option<&ResponseRules>,
) {
    let mut out = Vec::new();
    let rewrite = rewrite::response(answer, client, rules, None, &mut out);
    let mut received = data[..answer.head_len].to_vec();
    let sent = match rewrite.head {
        HeadOut::Untouched => received,
        HeadOut::InPlace(edit) => {
            let start = edit.apply(&mut received);
            received.split_off(start)
        }
        HeadOut::Written => out,
    };
    let body = if rewrite.framing == Framing::Strip { BodyLength::UntilClose } else { answer.body };
    let same = with_response(&sent, asked, |again| {
        assert_eq!(again.head_len, sent.len(), "one response");
        assert_eq!((again.status, again.body, again.version), (answer.status, body, Version::Http11));
        assert_eq!(again.tunnel, answer.tunnel);
        assert!(answer.tunnel || again.keep_alive == rewrite.keep_alive);
    });
    assert!(same.is_some(), "the rewritten head is refused: {}", sent.escape_ascii());
    let head = Head::of(&sent);
    assert!(["keep-alive", "proxy-connection"].iter().all(|name| head.values(name).is_empty()));
    assert!(
        client.version == Version::Http11 || answer.is_interim() || !head.is_chunked(),
        "chunks for HTTP/1.0"
    );
    assert!(wire::find(&sent, b"\r\n\r\n") == Some(sent.len() - 4));
}
