//! Who gets a tunnel: what goes on of the wish, and which answer grants it.

use proptest::prelude::*;
use ringway_core::config::Forwarding;

use super::super::request::tests::request_head;
use super::super::rewrite::{ClientSide, HeadOut};
use super::super::{
    BadResponse, BodyLength, ClientAddress, Forward, ForwardRules, HeadLimits, HeadProgress, Parsed, ReplyTo,
    Scheme, Scratch, Version, request, response, rewrite,
};
use super::*;

const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const ACCEPT: &str = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
const VERSION: &str = "Sec-WebSocket-Version: 13\r\n";
const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\n";

fn rules() -> TunnelRules {
    TunnelRules::new(&["websocket".into(), "Irc/6.9".into()], true)
}

/// What is admitted of a request, and the head that a backend gets of it.
fn admitted(head: &str, rules: &TunnelRules) -> Result<(Tunnel, String), Reject> {
    let forwarding = Forwarding {
        x_forwarded_for: false,
        x_forwarded_proto: false,
        x_forwarded_host: false,
        x_forwarded_port: false,
        ..Forwarding::default()
    };
    let forward_rules = ForwardRules::new(&forwarding, 80, Scheme::Http);
    let client = ClientAddress::new("192.0.2.1".parse().expect("address"));
    let forward = Forward { rules: &forward_rules, client: &client, trusted: false, request_id: &[b'0'; 32] };
    let mut scratch = Scratch::new();
    let parsed =
        request::parse(head.as_bytes(), &HeadLimits::default(), &mut HeadProgress::default(), &mut scratch)?;
    let Parsed::Complete(request) = parsed else { panic!("incomplete: {head:?}") };
    let tunnel = rules.admit(&request)?;
    let mut out = Vec::new();
    rewrite::request(&request, &tunnel, forward, None, &mut out);
    Ok((tunnel, String::from_utf8(out).expect("ASCII")))
}

fn get(lines: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
}

fn websocket() -> Tunnel {
    admitted(&get(&format!("{UPGRADE}{KEY}{VERSION}")), &rules()).expect("a handshake").0
}

#[track_caller]
fn assert_refused(head: &str, status: Status) {
    match admitted(head, &rules()) {
        Err(reject) => assert_eq!(reject.status, status, "{head:?}: {reject}"),
        Ok(outcome) => panic!("{head:?}: {outcome:?}"),
    }
}

#[test]
fn a_websocket_handshake_goes_on_in_our_own_words() {
    for upgrade in [
        UPGRADE,
        "Upgrade: WebSocket\r\nConnection: keep-alive, upgrade\r\n",
        "Upgrade: h2c, websocket\r\nConnection: HTTP2-Settings, Upgrade\r\nHTTP2-Settings: x\r\n",
        "Upgrade: h2c\r\nupgrade: websocket\r\nConnection: upgrade\r\nTE: trailers\r\n",
    ] {
        let (tunnel, out) =
            admitted(&get(&format!("{upgrade}{KEY}{VERSION}Origin: b\r\n")), &rules()).expect("admitted");
        assert!(matches!(tunnel, Tunnel::WebSocket(_)), "{tunnel:?}");
        assert_eq!(
            out,
            format!(
                "GET / HTTP/1.1\r\nHost: a\r\n{KEY}{VERSION}Origin: b\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
            )
        );
    }
}

#[test]
fn a_broken_websocket_handshake_is_refused() {
    for lines in [
        String::new(),
        KEY.into(),
        VERSION.into(),
        format!("{KEY}Sec-WebSocket-Version: 8\r\n"),
        format!("{KEY}Sec-WebSocket-Version: 13, 8\r\n"),
        format!("{KEY}{VERSION}{VERSION}"),
        format!("{KEY}{KEY}{VERSION}"),
        format!("{VERSION}Sec-WebSocket-Key:\r\n"),
        format!("{VERSION}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ\r\n"),
        format!("{VERSION}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQA=\r\n"),
        format!("{VERSION}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQAA\r\n"),
        format!("{VERSION}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j-_==\r\n"),
        format!("{VERSION}Sec-WebSocket-Key: SGVsbG8sIHdvcmxkIQ==\r\n"),
        format!("{KEY}{VERSION}Connection: Sec-WebSocket-Key\r\n"),
        format!("{KEY}{VERSION}Content-Length: 1\r\n"),
        format!("{KEY}{VERSION}Transfer-Encoding: chunked\r\n"),
    ] {
        assert_refused(&get(&format!("{UPGRADE}{lines}")), Status::BadRequest);
    }
    for method in ["POST", "HEAD", "get"] {
        assert_refused(
            &format!("{method} / HTTP/1.1\r\nHost: a\r\n{UPGRADE}{KEY}{VERSION}\r\n"),
            Status::BadRequest,
        );
    }
}

#[test]
fn an_upgrade_that_may_not_be_asked_for_stays_behind() {
    for lines in [
        "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
        "Upgrade: h2\r\nConnection: upgrade\r\n",
        "Upgrade: irc\r\nConnection: upgrade\r\n",
        "Upgrade: irc/7\r\nConnection: upgrade\r\n",
        "Upgrade: websocket/13\r\nConnection: upgrade\r\n",
        "Upgrade: websocket\r\n",
        "Upgrade:\r\nConnection: upgrade\r\n",
        "Connection: upgrade\r\n",
    ] {
        let (tunnel, out) = admitted(&get(lines), &rules()).expect("admitted");
        assert_eq!((tunnel, out), (Tunnel::None, get("")), "{lines:?}");
    }
    let old = format!("GET / HTTP/1.0\r\nHost: a\r\n{UPGRADE}{KEY}{VERSION}\r\n");
    assert_eq!(admitted(&old, &rules()).expect("admitted").0, Tunnel::None);
    let none = TunnelRules::new(&[], false);
    let head = get(&format!("{UPGRADE}{VERSION}"));
    assert_eq!(
        admitted(&head, &none),
        Ok((Tunnel::None, get(VERSION))),
        "what is no handshake here is not checked as one"
    );
}

#[test]
fn another_listed_protocol_goes_on_unless_the_request_has_a_body() {
    let ask = "Upgrade: IRC/6.9\r\nConnection: upgrade\r\n";
    let (tunnel, out) = admitted(&get(ask), &rules()).expect("admitted");
    assert!(matches!(tunnel, Tunnel::Protocol(_)));
    assert_eq!(out, get("Connection: upgrade\r\nUpgrade: irc/6.9\r\n"));
    let with_body = get(&format!("{ask}Content-Length: 1\r\n"));
    assert_eq!(admitted(&with_body, &rules()), Ok((Tunnel::None, get("Content-Length: 1\r\n"))));
}

#[test]
fn names_that_are_no_protocols_are_never_admitted() {
    let long = "x".repeat(UPGRADE_BYTES_MAX + 1);
    for name in ["", "a b", "a/b/c", "/", "a/", "\u{e9}", &long] {
        let rules = TunnelRules::new(&[name.into()], false);
        let head = get(&format!("Upgrade: {name}\r\nConnection: upgrade\r\n"));
        assert_eq!(admitted(&head, &rules).expect("admitted").0, Tunnel::None, "{name}");
    }
}

#[test]
fn connect_goes_on_where_it_is_allowed() {
    let head = "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nProxy-Connection: keep-alive\r\n\r\n";
    let out = "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n";
    assert_eq!(admitted(head, &rules()), Ok((Tunnel::Connect, out.to_string())));
    let old = "CONNECT a:443 HTTP/1.0\r\n\r\n";
    assert_eq!(admitted(old, &rules()), Ok((Tunnel::Connect, out.to_string())));
    let with_upgrade = format!("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n{UPGRADE}\r\n");
    assert_eq!(admitted(&with_upgrade, &rules()), Ok((Tunnel::Connect, out.to_string())));
    let refused = admitted(head, &TunnelRules::new(&["websocket".into()], false));
    assert_eq!(refused.map_err(|reject| reject.status), Err(Status::NotImplemented));
}

/// The head that the client gets of a backend's answer.
fn granted(head: &str, tunnel: Tunnel) -> Result<String, BadResponse> {
    let mut scratch = Scratch::new();
    let to = ReplyTo { is_head: false, tunnel };
    let parsed = response::parse(
        head.as_bytes(),
        to,
        &HeadLimits::default(),
        &mut HeadProgress::default(),
        &mut scratch,
    )?;
    let Parsed::Complete(response) = parsed else { panic!("incomplete: {head:?}") };
    assert!(response.tunnel && !response.keep_alive && !response.is_interim(), "{response:?}");
    assert_eq!((response.body, response.head_len), (BodyLength::None, head.len()));
    let mut out = Vec::new();
    let client = ClientSide { version: Version::Http11, keep_alive: false };
    let rewritten = rewrite::response(&response, client, None, None, &mut out);
    assert_eq!((rewritten.head, rewritten.keep_alive), (HeadOut::Written, false));
    Ok(String::from_utf8(out).expect("ASCII"))
}

#[test]
fn the_right_answer_grants_a_websocket() {
    for lines in [
        format!("{UPGRADE}{ACCEPT}"),
        format!("Upgrade: websocket\r\n{ACCEPT}Connection: keep-alive, Upgrade\r\nKeep-Alive: 5\r\n"),
        format!("{ACCEPT}{UPGRADE}Content-Length: 5\r\n"),
    ] {
        let out = granted(&format!("HTTP/1.1 101 Switching Protocols\r\n{lines}\r\n"), websocket());
        let want = format!(
            "HTTP/1.1 101 Switching Protocols\r\n{ACCEPT}Connection: upgrade\r\nUpgrade: websocket\r\n\r\n"
        );
        assert_eq!(out, Ok(want), "{lines:?}");
    }
}

#[test]
fn any_other_switch_is_a_bad_response() {
    for lines in [
        String::new(),
        ACCEPT.into(),
        UPGRADE.into(),
        format!("Upgrade: websocket\r\n{ACCEPT}"),
        format!("Connection: upgrade\r\n{ACCEPT}"),
        format!("Connection: upgrade\r\nUpgrade: h2c\r\n{ACCEPT}"),
        format!("Connection: upgrade\r\nUpgrade: websocket, h2c\r\n{ACCEPT}"),
        format!("{UPGRADE}Upgrade: h2c\r\n{ACCEPT}"),
        format!("{UPGRADE}{ACCEPT}{ACCEPT}"),
        format!("{UPGRADE}Sec-WebSocket-Accept: AAAALMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
        format!("{UPGRADE}Sec-WebSocket-Accept: dGhlIHNhbXBsZSBub25jZQ==\r\n"),
        format!("Connection: upgrade, sec-websocket-accept\r\nUpgrade: websocket\r\n{ACCEPT}"),
    ] {
        let head = format!("HTTP/1.1 101 X\r\n{lines}\r\n");
        assert!(granted(&head, websocket()).is_err(), "{head:?}");
    }
    let right = format!("HTTP/1.1 101 X\r\n{UPGRADE}{ACCEPT}\r\n");
    assert!(granted(&right.replace("HTTP/1.1", "HTTP/1.0"), websocket()).is_err());
    for tunnel in [Tunnel::None, Tunnel::Connect] {
        assert!(granted(&right, tunnel).is_err(), "{tunnel:?}");
    }
}

#[test]
fn another_protocol_is_granted_by_its_name() {
    let (tunnel, _) =
        admitted(&get("Upgrade: irc/6.9\r\nConnection: upgrade\r\n"), &rules()).expect("admitted");
    let head = "HTTP/1.1 101 X\r\nUpgrade: IRC/6.9\r\nConnection: upgrade\r\n\r\n";
    assert_eq!(
        granted(head, tunnel),
        Ok("HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: IRC/6.9\r\n\r\n".to_string())
    );
    assert!(granted(&format!("HTTP/1.1 101 X\r\n{UPGRADE}{ACCEPT}\r\n"), tunnel).is_err());
}

#[test]
fn a_success_to_connect_goes_on_without_framing_and_connection_fields() {
    let head = "HTTP/1.0 200 Connection established\r\nContent-Length: 5\r\nA: b\r\nTransfer-Encoding: chunked\r\n\
                Connection: close\r\nUpgrade: x\r\n\r\n";
    assert_eq!(
        granted(head, Tunnel::Connect),
        Ok("HTTP/1.1 200 Connection established\r\nA: b\r\n\r\n".to_string())
    );
}

#[test]
fn a_refused_upgrade_is_answered_like_any_request() {
    let mut scratch = Scratch::new();
    let head =
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n";
    let to = ReplyTo { is_head: false, tunnel: websocket() };
    let parsed = response::parse(
        head.as_bytes(),
        to,
        &HeadLimits::default(),
        &mut HeadProgress::default(),
        &mut scratch,
    );
    let Ok(Parsed::Complete(response)) = parsed else { panic!("{parsed:?}") };
    assert_eq!((response.tunnel, response.body), (false, BodyLength::Length(5)));
}

#[test]
fn what_is_kept_of_a_tunnel_is_small() {
    assert!(size_of::<Tunnel>() <= 40, "{}", size_of::<Tunnel>());
}

proptest! {
    #[test]
    fn an_upgrade_reaches_a_backend_only_as_one_that_was_admitted(head in request_head(), ask in "(websocket|h2c|irc/6.9|, ){1,3}") {
        let (line, rest) = head.trim_start().split_once("\r\n").expect("a request line");
        let head = format!("{line}\r\nUpgrade: {ask}\r\nConnection: upgrade\r\n{KEY}{VERSION}{rest}");
        if let Ok((tunnel, out)) = admitted(&head, &rules()) {
            let upgrades: Vec<&str> = out.split("\r\n").filter_map(|line| line.strip_prefix("Upgrade: ")).collect();
            let want: &[&str] = match tunnel {
                Tunnel::None => &[],
                Tunnel::WebSocket(_) => &["websocket"],
                Tunnel::Protocol(_) => &["irc/6.9"],
                Tunnel::Connect => unreachable!("no CONNECT is drawn"),
            };
            prop_assert_eq!(upgrades, want, "{}", out);
            prop_assert_eq!(out.contains("\r\nConnection: upgrade\r\n"), !want.is_empty(), "{}", out);
        }
    }
}
