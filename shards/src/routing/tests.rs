//! Routing: which rule wins, and what matches at all.

mod edits;
mod parts;
mod predicates;
mod reference;

use ringway_core::config::{Hostname, PathMatch};

use super::*;
use parts::{any, exact, get, host, path, prefix, regex, router};

#[test]
fn a_prefix_matches_whole_segments() {
    for text in ["/api", "/api/"] {
        let router = router([path(prefix(text))]);
        for path in ["/api", "/api/", "/api/x", "/api?x", "/api/?x", "/api//"] {
            assert_eq!(get(&router, "a", path), Some(0), "{text} {path}");
        }
        for path in ["/apix", "/ap", "/", "", "*", "/API", "/x/api", "/?/api", "//api", "/%61pi"] {
            assert_eq!(get(&router, "a", path), None, "{text} {path}");
        }
    }
}

#[test]
fn slash_matches_everything() {
    // Alone, and beside another path: a router takes different ways for these.
    for router in [router([any()]), router([any(), path(exact("/else"))])] {
        for path in ["/", "/a/b?c", "*", "", "?a", "//"] {
            assert_eq!(get(&router, "", path), Some(0), "{path}");
        }
    }
}

#[test]
fn the_longest_prefix_wins() {
    let router = router(["/", "/a", "/a/b/c", "/ab", "/a/b"].map(|text| path(prefix(text))));
    for (path, target) in [
        ("/a", 1),
        ("/a/c", 1),
        ("/a/b", 4),
        ("/a/b/c", 2),
        ("/a/b/cd", 4),
        ("/ab/c", 3),
        ("/b", 0),
        ("/a?/b/c", 1),
    ] {
        assert_eq!(get(&router, "x", path), Some(target), "{path}");
    }
}

#[test]
fn an_exact_path_is_taken_literally_and_an_empty_one_means_slash() {
    let router = router([path(exact("/a")), path(exact("/b/")), path(exact("/"))]);
    for (path, target) in [
        ("/a", Some(0)),
        ("/a?b", Some(0)),
        ("/a/", None),
        ("/b/", Some(1)),
        ("/b", None),
        ("/", Some(2)),
        ("", Some(2)),
        ("?a", Some(2)),
        ("*", None),
        ("//", None),
    ] {
        assert_eq!(get(&router, "x", path), target, "{path}");
    }
}

#[test]
fn a_pattern_matches_from_end_to_end_without_the_query() {
    let router = router([path(regex("/v[0-9]+/(a|ab)")), path(regex("b|/"))]);
    for (path, target) in [
        ("/v1/a", Some(0)),
        ("/v12/ab", Some(0)),
        ("/v1/a?x=/y", Some(0)),
        ("/v1/abc", None),
        ("x/v1/a", None),
        ("/v1/a/", None),
        ("", Some(1)),
        ("/b", None),
    ] {
        assert_eq!(get(&router, "x", path), target, "{path}");
    }
}

#[test]
fn exact_paths_come_before_patterns_and_patterns_in_their_order_before_prefixes() {
    let router = router([
        path(prefix("/a/b/c/d")),
        path(regex("/a/.*")),
        path(regex("/a/b/.*")),
        path(exact("/a/b/c/d")),
        path(prefix("/a/b/c/d/e")),
    ]);
    assert_eq!(get(&router, "x", "/a/b/c/d"), Some(3));
    assert_eq!(get(&router, "x", "/a/b/c/d/e"), Some(1));
    assert_eq!(get(&router, "x", "/a/b/c/d?e"), Some(3));
}

#[test]
fn each_host_has_its_own_order_of_patterns() {
    let (one, two) = (regex("/a.*"), regex("/.*a"));
    let router = router([
        Match { path: one.clone(), ..host("x") },
        Match { path: two.clone(), ..host("x") },
        Match { path: two, ..host("y") },
        Match { path: one, ..host("y") },
    ]);
    assert_eq!(get(&router, "x", "/aa"), Some(0));
    assert_eq!(get(&router, "y", "/aa"), Some(2));
}

#[test]
fn a_host_is_compared_without_case_port_and_final_dot() {
    let router = router([host("Example.com"), host("[::1]"), host("dotted.example.")]);
    for (host, target) in [
        ("example.com", Some(0)),
        ("EXAMPLE.com:8080", Some(0)),
        ("example.com.", Some(0)),
        ("example.com.:80", Some(0)),
        ("[::1]", Some(1)),
        ("[::1]:80", Some(1)),
        ("dotted.example", Some(2)),
        ("www.example.com", None),
        ("example.co", None),
        ("[::2]", None),
        ("", None),
    ] {
        assert_eq!(get(&router, host, "/"), target, "{host}");
    }
}

#[test]
fn a_wildcard_is_for_hosts_with_something_before_its_dot() {
    let router = router([host("*.Example.com")]);
    for (host, target) in [
        ("a.example.com", Some(0)),
        ("A.b.EXAMPLE.com.:80", Some(0)),
        ("example.com", None),
        (".example.com", None),
        ("aexample.com", None),
        ("a.example.com.org", None),
        ("com", None),
        ("", None),
    ] {
        assert_eq!(get(&router, host, "/"), target, "{host}");
    }
}

#[test]
fn exact_hosts_come_before_wildcards_and_long_suffixes_before_short_ones() {
    let router = router([host("*.com"), host("*.b.c.com"), host("a.b.c.com"), any(), host("*.c.com")]);
    for (host, target) in [
        ("a.b.c.com", 2),
        ("x.b.c.com", 1),
        ("x.y.b.c.com", 1),
        ("b.c.com", 4),
        ("x.com", 0),
        ("x.y.z.com", 0),
        ("com", 3),
        ("", 3),
    ] {
        assert_eq!(get(&router, host, "/"), Some(target), "{host}");
    }
}

#[test]
fn where_no_path_of_a_host_fits_the_next_less_specific_host_is_tried() {
    let router = router([
        Match { path: exact("/exact"), ..host("a.b.c") },
        Match { path: prefix("/long"), ..host("*.b.c") },
        Match { path: prefix("/short"), ..host("*.c") },
        path(exact("/exact")),
        path(prefix("/long/more/specific")),
        any(),
    ]);
    for (path, target) in [("/exact", 0), ("/long/more/specific", 1), ("/short", 2), ("/else", 5)] {
        assert_eq!(get(&router, "a.b.c", path), Some(target), "{path}");
    }
    assert_eq!(get(&router, "x.c", "/long/more/specific"), Some(4));
    assert_eq!(get(&router, "x.c", "/exact"), Some(3));
}

#[test]
fn a_hosts_own_rules_come_before_those_for_any_host() {
    let router =
        router([Match { path: prefix("/own"), ..host("a") }, path(prefix("/own/more/specific")), any()]);
    assert_eq!(get(&router, "a", "/own/more/specific"), Some(0));
    assert_eq!(get(&router, "a", "/else"), Some(2));
    assert_eq!(get(&router, "b", "/own/more/specific"), Some(1));
}

#[test]
fn long_host_names_match_up_to_the_limit_of_dns() {
    let (medium, long) = ("M".repeat(hosts::SHORT_HOST_BYTES + 1), "L".repeat(HOST_BYTES_MAX));
    let router = router([host(&medium), host(&long), any()]);
    assert_eq!(get(&router, &medium, "/"), Some(0));
    assert_eq!(get(&router, &long, "/"), Some(1));
    assert_eq!(get(&router, &"l".repeat(HOST_BYTES_MAX + 1), "/"), None);
}

#[test]
fn a_host_of_nothing_but_dots_ends_well() {
    let suffix = "a.".repeat(126) + "a";
    let router = router([host(&format!("*.{suffix}")), any()]);
    assert_eq!(get(&router, &format!("x.{suffix}"), "/"), Some(0));
    for length in 0..=HOST_BYTES_MAX {
        assert_eq!(get(&router, &".".repeat(length), "/"), Some(1), "{length} dots");
    }
}

#[test]
fn rules_that_cannot_work_are_refused_with_what_is_wrong() {
    let error = |rules: &[Match]| parts::build(rules).expect_err("refused").to_string();
    let of = |name: &str, path: PathMatch| Match { path, ..host(name) };
    let duplicate = error(&[of("a", prefix("/b")), of("A.", prefix("/b/"))]);
    assert!(duplicate.contains("\"A.\"") && duplicate.contains("\"/b/\""), "{duplicate}");
    assert!(error(&[any(), any()]).contains("\"*\""));
    assert!(error(&[of("*.a", regex("/b|c")), of("*.A", regex("/b|c"))]).contains("/b|c"));
    for text in ["", "a", "/a?b"] {
        assert!(error(&[path(prefix(text))]).contains("request path"), "{text}");
        assert!(error(&[path(exact(text))]).contains("request path"), "{text}");
    }
    for (name, refused) in [
        ("", true),
        (".", true),
        ("a:80", true),
        ("a.", false),
        ("*.", true),
        ("*.a:80", true),
        ("*.a", false),
    ] {
        assert_eq!(parts::build(&[host(name)]).is_err(), refused, "{name:?}");
    }
    let no_star = Match { hostname: Hostname::Wildcard("a.b".into()), ..any() };
    assert!(error(&[no_star]).contains("\"a.b\""));
}

#[test]
fn a_pattern_that_cannot_be_compiled_is_refused_with_its_text_and_in_bounds() {
    for text in ["/a(", "a)|(b", "(?P<x", &"/x".repeat(100_000)] {
        let error = parts::build(&[path(regex(text))]).expect_err("refused").to_string();
        assert!(error.contains(&text[..4.min(text.len())]), "{error}");
        assert!(error.len() < 1_000, "{} bytes", error.len());
    }
}

#[test]
fn a_cache_of_another_router_does_no_harm() {
    let one = router([path(regex("/a"))]);
    let two = router([path(regex("/b")), path(regex("/c.*"))]);
    let mut cache = one.cache();
    for _ in 0..2 {
        assert_eq!(one.lookup(&parts::asked("", "/a"), &mut cache), Some(0));
        assert_eq!(two.lookup(&parts::asked("", "/cc"), &mut cache), Some(1));
    }
}

#[test]
fn a_router_is_shared_by_threads() {
    fn is_shared<S: Send + Sync>() {}
    is_shared::<Router<u32>>();
}
