//! What the hot path costs: `cargo test --release -p ringway-shards -- --ignored --nocapture http1_cost`.

use std::hint::black_box;

use ringway_core::config::{Forwarding, HeaderEdits, PathMatch, RequestId, Rewrite};

use super::*;

const REQUEST: &[u8] = b"GET /api/v1/users?limit=20 HTTP/1.1\r\nHost: www.example.com\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate\r\n\
    Cookie: session=0123456789abcdef0123456789abcdef\r\nConnection: keep-alive\r\n\r\n";
const PROXIED_REQUEST: &[u8] = b"GET /api/v1/users?limit=20 HTTP/1.1\r\nHost: www.example.com\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate\r\n\
    Cookie: session=0123456789abcdef0123456789abcdef\r\nX-Forwarded-For: 198.51.100.7\r\n\
    X-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\nX-Forwarded-Host: www.example.com\r\n\r\n";
const PLAIN_RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\
    Content-Type: application/json\r\nContent-Length: 1024\r\nETag: \"65b0a1c2-400\"\r\nCache-Control: no-cache\r\n\r\n";
const KEEP_ALIVE_RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\
    Content-Type: application/json\r\nContent-Length: 1024\r\nETag: \"65b0a1c2-400\"\r\nConnection: keep-alive\r\n\
    Keep-Alive: timeout=5\r\n\r\n";

/// Prints the best of several rounds: what the code costs when nobody disturbs it.
#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn measure(name: &str, mut operation: impl FnMut()) {
    const ROUNDS: u32 = 15;
    const PER_ROUND: u32 = 100_000;
    let best = (0..ROUNDS)
        .map(|_| {
            let start = std::time::Instant::now();
            for _ in 0..PER_ROUND {
                operation();
            }
            start.elapsed()
        })
        .min()
        .unwrap_or_default();
    println!("{name:<56} {:>7.1} ns", best.as_nanos() as f64 / f64::from(PER_ROUND));
}

fn parse_request(buf: &[u8], mut then: impl FnMut(&Request<'_>)) {
    let mut scratch = Scratch::new();
    match request::parse(buf, &HeadLimits::default(), &mut HeadProgress::default(), &mut scratch) {
        Ok(Parsed::Complete(request)) => then(&request),
        other => panic!("{other:?}"),
    }
}

fn parse_response(buf: &[u8], mut then: impl FnMut(&Response<'_>)) {
    let mut scratch = Scratch::new();
    match response::parse(
        buf,
        Method::Get,
        &HeadLimits::default(),
        &mut HeadProgress::default(),
        &mut scratch,
    ) {
        Ok(Parsed::Complete(response)) => then(&response),
        other => panic!("{other:?}"),
    }
}

#[test]
#[ignore = "a measurement, of interest in release builds only"]
fn http1_cost() {
    let mut out = Vec::with_capacity(4096);
    let client = rewrite::ClientSide { version: Version::Http11, keep_alive: true };
    let closing = rewrite::ClientSide { keep_alive: false, ..client };
    let rules = ForwardRules::new(&Forwarding::default(), 80, Scheme::Http);
    let address = ClientAddress::new("192.0.2.17".parse().expect("address"));
    let forward = Forward { rules: &rules, client: &address, trusted: false, request_id: &[b'0'; 32] };
    let all = Forwarding { forwarded: true, request_id: RequestId::Keep, ..Forwarding::default() };
    let all = ForwardRules::new(&all, 80, Scheme::Http);
    let edits = HeaderEdits {
        remove: vec!["cookie".into(), "server".into()],
        set: vec![("x-stage".into(), "production".into())],
        append: Vec::new(),
    };
    let edits = Rewrite {
        request_headers: edits.clone(),
        response_headers: edits,
        replace_prefix: Some("/".into()),
        host: Some("backend.internal".into()),
    };
    let request_rules = RequestRules::new(&edits, &PathMatch::Prefix("/api".into()));
    let response_rules = ResponseRules::new(&edits);
    let tunnels = TunnelRules::new(&["websocket".into()], false);

    println!("request of {} bytes, 6 fields; responses of {} bytes", REQUEST.len(), PLAIN_RESPONSE.len());
    measure("request: httparse alone", || {
        let mut scratch = Scratch::new();
        let mut raw = httparse::Request::new(&mut []);
        let parsed = raw.parse_with_uninit_headers(black_box(REQUEST), &mut scratch.0[..100]);
        black_box(parsed.is_ok());
    });
    measure("request: parse", || {
        parse_request(black_box(REQUEST), |request| {
            black_box(request.head_len);
        })
    });
    measure("request: parse and rewrite", || {
        parse_request(black_box(REQUEST), |request| {
            out.clear();
            let tunnel = tunnels.admit(request).expect("admitted");
            rewrite::request(request, &tunnel, forward, None, &mut out);
            black_box(&out);
        });
    });
    measure("request: parse and rewrite, with Forwarded and X-Request-Id", || {
        parse_request(black_box(REQUEST), |request| {
            out.clear();
            rewrite::request(request, &Tunnel::None, Forward { rules: &all, ..forward }, None, &mut out);
            black_box(&out);
        });
    });
    measure("request: parse and rewrite, from a trusted proxy", || {
        parse_request(black_box(PROXIED_REQUEST), |request| {
            out.clear();
            rewrite::request(request, &Tunnel::None, Forward { trusted: true, ..forward }, None, &mut out);
            black_box(&out);
        });
    });
    measure("request: parse and rewrite, with a route's rules", || {
        parse_request(black_box(REQUEST), |request| {
            out.clear();
            rewrite::request(request, &Tunnel::None, forward, request_rules.as_ref(), &mut out);
            black_box(&out);
        });
    });
    measure("response: parse", || {
        parse_response(black_box(PLAIN_RESPONSE), |response| {
            black_box(response.body);
        });
    });
    measure("response: parse, untouched", || {
        parse_response(black_box(PLAIN_RESPONSE), |response| {
            black_box(rewrite::response(response, client, None, None, &mut out));
        });
    });
    let mut buf = KEEP_ALIVE_RESPONSE.to_vec();
    measure("response: parse, edited in place (and restored)", || {
        buf.copy_from_slice(KEEP_ALIVE_RESPONSE);
        let mut edit = None;
        parse_response(black_box(&buf), |response| {
            edit = Some(rewrite::response(response, client, None, None, &mut out).head);
        });
        let Some(rewrite::HeadOut::InPlace(edit)) = edit else { panic!("not edited in place: {edit:?}") };
        black_box(edit.apply(&mut buf));
    });
    measure("response: parse, written anew to close", || {
        parse_response(black_box(PLAIN_RESPONSE), |response| {
            out.clear();
            black_box(rewrite::response(response, closing, None, None, &mut out));
            black_box(&out);
        });
    });
    measure("response: parse, with a route's rules", || {
        parse_response(black_box(PLAIN_RESPONSE), |response| {
            out.clear();
            black_box(rewrite::response(response, client, response_rules.as_ref(), None, &mut out));
            black_box(&out);
        });
    });
    measure("client address, IPv4", || {
        black_box(ClientAddress::new(black_box("192.0.2.17".parse().expect("address"))));
    });

    let mut chunks = Vec::new();
    for _ in 0..4 {
        chunks.extend_from_slice(b"1000\r\n");
        chunks.extend_from_slice(&[b'x'; 0x1000]);
        chunks.extend_from_slice(b"\r\n");
    }
    chunks.extend_from_slice(b"0\r\n\r\n");
    let mut tail = Vec::new();
    measure("body: 4 chunks of 4 KiB and the end, as is", || {
        let fed = Body::new(BodyLength::Chunked).feed(black_box(&mut chunks), Framing::AsIs, &mut tail);
        assert!(black_box(fed).is_ok_and(|fed| fed.done));
    });
    let mut body = Body::new(BodyLength::Chunked);
    body.feed(&mut b"7fffffffffffffff\r\n".to_vec(), Framing::AsIs, &mut tail).expect("valid size");
    let mut piece = vec![b'x'; 16 * 1024];
    measure("body: 16 KiB inside a chunk", || {
        let fed = body.feed(black_box(&mut piece), Framing::AsIs, &mut tail);
        black_box(fed.is_ok());
    });
}
