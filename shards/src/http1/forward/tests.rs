//! Which forwarding fields a backend sees, for each configuration and each kind of client.

use proptest::prelude::*;
use ringway_core::config::{Forwarding, RequestId};

use super::super::request::tests::request_head;
use super::super::{HeadLimits, HeadProgress, Parsed, Scratch, Tunnel, request, rewrite};
use super::*;

const FRESH: &[u8; 32] = b"0123456789abcdef0123456789abcdef";
const NOTHING: Forwarding = Forwarding {
    x_forwarded_for: false,
    x_forwarded_proto: false,
    x_forwarded_host: false,
    x_forwarded_port: false,
    forwarded: false,
    request_id: RequestId::Off,
};
const EVERYTHING: Forwarding = Forwarding {
    x_forwarded_for: true,
    x_forwarded_proto: true,
    x_forwarded_host: true,
    x_forwarded_port: true,
    forwarded: true,
    request_id: RequestId::New,
};

fn rewritten(head: &str, fields: &Forwarding, trusted: bool) -> Option<String> {
    let rules = ForwardRules::new(fields, 8080, Scheme::Https);
    let client = ClientAddress::new("2001:db8::1".parse().expect("address"));
    let forward = Forward { rules: &rules, client: &client, trusted, request_id: FRESH };
    let mut scratch = Scratch::new();
    match request::parse(head.as_bytes(), &HeadLimits::default(), &mut HeadProgress::default(), &mut scratch)
    {
        Ok(Parsed::Complete(request)) => {
            let mut out = Vec::new();
            rewrite::request(&request, &Tunnel::None, forward, None, &mut out);
            assert!(out.capacity() <= 2 * (head.len() + 1024), "grown again: {}", out.capacity());
            Some(String::from_utf8(out).expect("UTF-8"))
        }
        _ => None,
    }
}

/// What follows the Host line when a GET for `a:80` has `lines`.
fn told(lines: &str, fields: &Forwarding, trusted: bool) -> String {
    let out = rewritten(&format!("GET / HTTP/1.1\r\nHost: a:80\r\n{lines}\r\n"), fields, trusted)
        .expect("accepted");
    out.strip_prefix("GET / HTTP/1.1\r\nHost: a:80\r\n").expect("stay first").to_string()
}

#[test]
fn each_field_is_written_as_configured() {
    assert_eq!(told("", &NOTHING, false), "\r\n");
    for (fields, want) in [
        (Forwarding { x_forwarded_for: true, ..NOTHING }, "X-Forwarded-For: 2001:db8::1"),
        (Forwarding { x_forwarded_proto: true, ..NOTHING }, "X-Forwarded-Proto: https"),
        (Forwarding { x_forwarded_host: true, ..NOTHING }, "X-Forwarded-Host: a:80"),
        (Forwarding { x_forwarded_port: true, ..NOTHING }, "X-Forwarded-Port: 8080"),
        (
            Forwarding { forwarded: true, ..NOTHING },
            "Forwarded: for=\"[2001:db8::1]\";host=\"a:80\";proto=https",
        ),
        (
            Forwarding { request_id: RequestId::New, ..NOTHING },
            "X-Request-Id: 0123456789abcdef0123456789abcdef",
        ),
    ] {
        for trusted in [false, true] {
            assert_eq!(told("", &fields, trusted), format!("{want}\r\n\r\n"));
        }
    }
}

#[test]
fn what_an_untrusted_client_claims_is_dropped_whether_or_not_we_say_it_ourselves() {
    let claims = "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n\
                  X-Forwarded-Port: 1\r\nForwarded: for=10.0.0.1\r\n";
    for fields in [NOTHING, EVERYTHING] {
        assert_eq!(told(claims, &fields, false), told("", &fields, false));
    }
}

#[test]
fn a_trusted_client_s_lists_are_continued_and_its_single_values_kept() {
    let theirs = "X-Forwarded-For: 198.51.100.7, 10.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: b\r\n\
                  A: b\r\nForwarded: for=198.51.100.7;proto=http\r\nX-Forwarded-Port: 80\r\nx-forwarded-for: 10.0.0.2\r\n\
                  forwarded: for=10.0.0.1,for=10.0.0.2\r\n";
    assert_eq!(
        told(theirs, &EVERYTHING, true),
        format!(
            "A: b\r\nX-Request-Id: {}\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: 80\r\n\
             X-Forwarded-For: 198.51.100.7, 10.0.0.1, 10.0.0.2, 2001:db8::1\r\nX-Forwarded-Host: b\r\n\
             Forwarded: for=198.51.100.7;proto=http, for=10.0.0.1,for=10.0.0.2, \
             for=\"[2001:db8::1]\";host=\"a:80\";proto=https\r\n\r\n",
            str::from_utf8(FRESH).expect("ASCII")
        )
    );
    assert_eq!(
        told(theirs, &NOTHING, true),
        "A: b\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: 80\r\n\
         X-Forwarded-For: 198.51.100.7, 10.0.0.1, 10.0.0.2\r\nX-Forwarded-Host: b\r\n\
         Forwarded: for=198.51.100.7;proto=http, for=10.0.0.1,for=10.0.0.2\r\n\r\n"
    );
}

#[test]
fn what_a_trusted_client_left_out_we_say() {
    assert_eq!(
        told("X-Forwarded-Proto: http\r\nX-Forwarded-Host:\r\n", &Forwarding::default(), true),
        "X-Forwarded-Proto: http\r\nX-Forwarded-Port: 8080\r\nX-Forwarded-For: 2001:db8::1\r\nX-Forwarded-Host: a:80\r\n\r\n"
    );
}

#[test]
fn of_a_single_value_sent_twice_the_trusted_client_s_own_counts() {
    assert!(
        told("X-Forwarded-Proto: https\r\nx-forwarded-proto: http\r\n", &Forwarding::default(), true)
            .starts_with("X-Forwarded-Proto: http\r\nX-Forwarded-Port")
    );
}

#[test]
fn a_malformed_forwarded_of_a_trusted_client_is_dropped_as_a_whole() {
    let fields = Forwarding { forwarded: true, ..NOTHING };
    for theirs in ["Forwarded: for=\"a\r\n", "Forwarded: for=a\r\nForwarded: 10.0.0.1\r\n"] {
        assert_eq!(told(theirs, &fields, true), told("", &fields, false), "{theirs:?}");
        assert_eq!(told(theirs, &NOTHING, true), "\r\n", "{theirs:?}");
    }
}

#[test]
fn what_connection_names_was_not_sent_and_ours_stays() {
    let lines = "Connection: X-Forwarded-For, forwarded, x-forwarded-proto, x-request-id\r\nX-Forwarded-For: 1.1.1.1\r\n\
                 Forwarded: for=1.1.1.1\r\nX-Forwarded-Proto: http\r\nX-Request-Id: 7\r\n";
    let fields = Forwarding { request_id: RequestId::Keep, ..EVERYTHING };
    for trusted in [false, true] {
        assert_eq!(told(lines, &fields, trusted), told("", &fields, false));
    }
}

#[test]
fn a_request_id_goes_through_or_is_kept_if_sane_or_is_new() {
    let ours = format!("X-Request-Id: {}\r\n\r\n", str::from_utf8(FRESH).expect("ASCII"));
    let with = |request_id| Forwarding { request_id, ..NOTHING };
    let long = format!("X-Request-Id: {}\r\n", "x".repeat(128));
    for trusted in [false, true] {
        for sane in ["X-Request-Id: 7\r\n", "x-request-ID: {a}:/+=\r\n", &long] {
            for request_id in [RequestId::Off, RequestId::Keep] {
                assert_eq!(told(sane, &with(request_id), trusted), format!("{sane}\r\n"));
            }
            assert_eq!(told(sane, &with(RequestId::New), trusted), ours);
        }
        let too_long = format!("X-Request-Id: {}\r\n", "x".repeat(129));
        for odd in [
            "X-Request-Id:\r\n",
            "X-Request-Id: a b\r\n",
            "X-Request-Id: \u{e9}\r\n",
            "X-Request-Id: a\r\nX-Request-Id: a\r\n",
            &too_long,
        ] {
            assert_eq!(told(odd, &with(RequestId::Keep), trusted), ours, "{odd:?}");
            assert_eq!(told(odd, &with(RequestId::Off), trusted), format!("{odd}\r\n"));
        }
    }
}

#[test]
fn the_name_of_a_request_is_the_one_the_backend_gets() {
    for (request_id, line, want) in [
        (RequestId::Off, "X-Request-Id: 7\r\n", None),
        (RequestId::Keep, "X-Request-Id: 7\r\n", Some(&b"7"[..])),
        (RequestId::Keep, "X-Request-Id: 7 8\r\n", Some(FRESH)),
        (RequestId::Keep, "", Some(FRESH)),
        (RequestId::New, "X-Request-Id: 7\r\n", Some(FRESH)),
    ] {
        let rules = ForwardRules::new(&Forwarding { request_id, ..NOTHING }, 80, Scheme::Http);
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{line}\r\n");
        let mut scratch = Scratch::new();
        let parsed = request::parse(
            head.as_bytes(),
            &HeadLimits::default(),
            &mut HeadProgress::default(),
            &mut scratch,
        );
        let Ok(Parsed::Complete(request)) = parsed else { panic!("{parsed:?}") };
        assert_eq!(rules.request_id(&request, FRESH), want, "{request_id} {line}");
        assert_eq!(rules.names_requests(), want.is_some());
    }
}

proptest! {
    #[test]
    fn whoever_sends_whatever_each_field_arrives_once_at_most(
        head in request_head(), bits in any::<[bool; 6]>(), id in 0usize..3,
    ) {
        let fields = Forwarding {
            x_forwarded_for: bits[0],
            x_forwarded_proto: bits[1],
            x_forwarded_host: bits[2],
            x_forwarded_port: bits[3],
            forwarded: bits[4],
            request_id: [RequestId::Off, RequestId::Keep, RequestId::New][id],
        };
        if let Some(out) = rewritten(&head, &fields, bits[5]) {
            let count = |name: &str| {
                out.split("\r\n").skip(1).filter(|line| {
                    line.split_once(':').is_some_and(|(is, _)| is.eq_ignore_ascii_case(name))
                }).count()
            };
            for (name, ours) in [
                ("X-Forwarded-For", bits[0]),
                ("X-Forwarded-Proto", bits[1]),
                ("X-Forwarded-Port", bits[3]),
                ("Forwarded", bits[4]),
            ] {
                let range = if ours { 1..=1 } else { 0..=usize::from(bits[5]) };
                prop_assert!(range.contains(&count(name)), "{} in {}", name, out);
            }
            prop_assert!(count("X-Forwarded-Host") <= 1);
            prop_assert!(id == 0 || count("X-Request-Id") == 1, "{}", out);
        }
    }
}
