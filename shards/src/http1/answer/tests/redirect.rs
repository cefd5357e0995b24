//! Redirects: where they lead, and that a request can not lead them elsewhere.

use proptest::prelude::*;
use ringway_core::config::{Redirect, RedirectStatus};

use super::super::limits::{REDIRECT_BYTES_MAX, REDIRECT_PLACEHOLDERS_MAX};
use super::super::{HostMissing, Place, RedirectAnswer, RedirectError};
use super::Read;
use crate::http1::BodyLength;

fn compiled(to: &str) -> Result<RedirectAnswer, RedirectError> {
    RedirectAnswer::compile(&Redirect { status: RedirectStatus::Found, to: to.into() }, None)
}

/// The Location of a redirect `to` for a request of `host` and `target`.
#[track_caller]
fn location(to: &str, host: &[u8], target: &[u8]) -> String {
    let mut out = Vec::new();
    let redirect = compiled(to).expect("compiles");
    redirect.write(Place::new(host, target), true, false, &mut out).expect("there is a host");
    let read = Read::of(&out, false);
    assert_eq!(read.names(), ["location", "content-type", "content-length"]);
    read.field("location").expect("a Location").to_string()
}

#[test]
fn a_redirect_is_what_it_looks_like() {
    for (status, line, length) in [
        (RedirectStatus::MovedPermanently, "301 Moved Permanently", 54),
        (RedirectStatus::Found, "302 Found", 42),
        (RedirectStatus::SeeOther, "303 See Other", 46),
        (RedirectStatus::Temporary, "307 Temporary Redirect", 55),
        (RedirectStatus::Permanent, "308 Permanent Redirect", 55),
    ] {
        let to = "https://{host}{path}{query}".into();
        let redirect = RedirectAnswer::compile(&Redirect { status, to }, None).expect("compiles");
        let mut out = Vec::new();
        redirect.write(Place::new(b"a", b"/b?c=d"), false, false, &mut out).expect("there is a host");
        assert_eq!(
            String::from_utf8(out).expect("ASCII"),
            format!(
                "HTTP/1.1 {line}\r\nLocation: https://a/b?c=d\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\
                 Connection: close\r\n\r\n{line}: The Location field says where.\n"
            )
        );
    }
}

#[test]
fn placeholders_stand_for_the_parts_of_the_request() {
    for (to, target, want) in [
        ("https://{host}{path}{query}", "/a/b?c=d?e", "https://h.example/a/b?c=d?e"),
        ("https://{host}{path}{query}", "/", "https://h.example/"),
        ("https://{host}{path}{query}", "?a", "https://h.example/?a"),
        ("https://{host}{path}{query}", "", "https://h.example/"),
        ("https://{host}{path}{query}", "*", "https://h.example/"),
        ("https://www.{host}:8443/x{path}", "/a?b", "https://www.h.example:8443/x/a"),
        ("//{host}{path}", "/a", "//h.example/a"),
        ("/new{path}{query}", "/a?b", "/new/a?b"),
        ("{path}/", "/a?b", "/a/"),
        ("/login?next={path}#top", "/a", "/login?next=/a#top"),
        ("https://example.com/", "/a", "https://example.com/"),
    ] {
        assert_eq!(location(to, b"h.example", target.as_bytes()), want, "{to} for {target}");
    }
}

#[test]
fn a_path_can_not_become_a_host() {
    for target in [
        "//evil.example/",
        "/\\evil.example/",
        "///evil.example/",
        "/\\/evil.example/",
        "//\\/\\evil.example/",
    ] {
        for to in ["{path}", "{path}{query}", "/{path}"] {
            assert_eq!(location(to, b"a", target.as_bytes()), "/evil.example/", "{to} for {target}");
        }
        let stays = format!("https://a{target}");
        assert_eq!(location("https://{host}{path}", b"a", target.as_bytes()), stays);
        assert_eq!(location("/in{path}", b"a", target.as_bytes()), format!("/in{target}"));
    }
    assert_eq!(location("{path}", b"a", b"@evil.example/"), "/");
}

#[test]
fn what_the_parser_would_have_refused_is_encoded() {
    assert_eq!(location("{path}{query}", b"a", b"/\r\nX: 1?\n\xe9\x7f\0"), "/%0D%0AX:%201?%0A%E9%7F%00");
    assert_eq!(location("https://{host}/", b"a/@evil\\#?\r\n", b"/"), "https://a%2F%40evil%5C%23%3F%0D%0A/");
}

#[test]
fn a_redirect_to_the_host_asked_for_needs_one() {
    let mut out = b"kept".to_vec();
    let write = |to, out: &mut Vec<u8>| {
        compiled(to).expect("compiles").write(Place::new(b"", b"/"), true, false, out)
    };
    assert_eq!(write("https://{host}/", &mut out), Err(HostMissing));
    assert_eq!(out, b"kept");
    assert_eq!(write("https://a/", &mut out), Ok(()));
}

#[test]
fn targets_that_leave_it_to_the_client_where_they_lead_are_refused() {
    for to in [
        "",
        "a",
        "a/b",
        "{host}/",
        "{query}",
        "?a",
        "https:{path}",
        "https:/{path}",
        "https://{path}",
        "https:///{path}",
        "https://{query}",
        "//{path}",
        "///a",
        "https://",
        "https://?a",
        "https://:80{path}",
        "https://@{path}",
        "//\\a",
        "://a",
        "1http://a",
        "ht tp://a",
        "mailto:a",
    ] {
        let refused = compiled(to);
        let expected = match to {
            "ht tp://a" => RedirectError::Byte { at: 2 },
            _ => RedirectError::Start,
        };
        assert_eq!(refused, Err(expected), "{to:?}");
    }
}

#[test]
fn targets_that_are_no_url_are_refused_with_what_is_wrong() {
    let placeholders = format!("/{}", "{path}".repeat(REDIRECT_PLACEHOLDERS_MAX));
    assert!(compiled(&placeholders).is_ok());
    for (to, error, words) in [
        ("/a b".to_string(), RedirectError::Byte { at: 2 }, "byte 2"),
        ("/\u{e9}".to_string(), RedirectError::Byte { at: 1 }, "percent-encode it"),
        ("/a\r\nX: y".to_string(), RedirectError::Byte { at: 2 }, "byte 2"),
        ("/a{paht}".to_string(), RedirectError::Placeholder { at: 2 }, "{host}, {path} and {query}"),
        ("/a}".to_string(), RedirectError::Placeholder { at: 2 }, "byte 2"),
        ("/{path".to_string(), RedirectError::Placeholder { at: 1 }, "byte 1"),
        (placeholders + "{path}", RedirectError::Placeholders, "more than 8"),
        ("/".repeat(REDIRECT_BYTES_MAX + 1), RedirectError::TooLong { bytes: 8001 }, "8001 bytes"),
    ] {
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(compiled(&to), Err(error), "{to:?}");
    }
}

/// Whether a browser that is on another host takes `location` for a path of that host.
fn is_local(location: &str) -> bool {
    location.starts_with('/') && !location.starts_with("//") && !location.starts_with("/\\")
}

proptest! {
    #[test]
    fn no_request_leads_a_redirect_elsewhere_or_adds_a_field(
        host in prop::collection::vec(any::<u8>(), 1..20),
        target in prop_oneof![
            "[/\\\\a.@:?]{0,20}".prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 0..40),
        ],
        keep_alive: bool, to_head: bool,
    ) {
        for (to, host_is) in [
            ("{path}{query}", None), ("/{path}{query}", None), ("/a{path}?n={host}", None),
            ("https://b.example{path}{query}", Some("b.example")), ("https://b.example:1{path}", Some("b.example:1")),
            ("https://b.example/{host}{query}", Some("b.example")),
        ] {
            let mut out = Vec::new();
            compiled(to).expect("compiles").write(Place::new(&host, &target), keep_alive, to_head, &mut out).expect("host");
            let read = Read::of(&out, to_head);
            prop_assert_eq!((read.status, read.keep_alive), (302, keep_alive));
            let fields = ["location", "content-type", "content-length", "connection"];
            prop_assert_eq!(read.names(), &fields[..if keep_alive { 3 } else { 4 }]);
            let location = read.field("location").expect("a Location");
            match host_is {
                None => prop_assert!(is_local(location), "{}", location),
                Some(host) => {
                    let rest = location.strip_prefix("https://").and_then(|rest| rest.strip_prefix(host));
                    prop_assert!(rest.expect("the template's host").starts_with('/'), "{}", location);
                }
            }
            if to_head {
                prop_assert!(read.body.is_empty());
            } else {
                prop_assert_eq!(read.length, BodyLength::Length(read.body.len() as u64));
            }
        }
    }
}
