//! Methods, and predicates on fields and query.

use super::parts::{any, asked, build, exact, get, host, path, predicate, prefix, regex, router};
use crate::http1::Header;
use crate::routing::{Asked, Router};
use ringway_core::config::Match;

fn methods(names: &[&str]) -> Match {
    Match { methods: names.iter().map(|&name| name.into()).collect(), ..any() }
}

fn headers(predicates: &[&str]) -> Match {
    Match { headers: predicates.iter().map(|text| predicate(text)).collect(), ..any() }
}

fn query(predicates: &[&str]) -> Match {
    Match { query: predicates.iter().map(|text| predicate(text)).collect(), ..any() }
}

fn with_fields(router: &Router<u32>, fields: &[(&str, &str)]) -> Option<u32> {
    let headers: Vec<Header<'_>> =
        fields.iter().map(|&(name, value)| Header { name, value: value.as_bytes() }).collect();
    router.lookup(&Asked { headers: &headers, ..asked("x", "/") }, &mut router.cache())
}

fn with_method(router: &Router<u32>, method: &str) -> Option<u32> {
    router.lookup(&Asked { method: method.as_bytes(), ..asked("x", "/a/b") }, &mut router.cache())
}

#[test]
fn methods_are_compared_with_case() {
    let router = router([methods(&["POST", "PURGE"]), methods(&["GET"])]);
    for (method, target) in
        [("POST", Some(0)), ("PURGE", Some(0)), ("GET", Some(1)), ("post", None), ("PUT", None), ("", None)]
    {
        assert_eq!(with_method(&router, method), target, "{method}");
    }
}

#[test]
fn a_field_is_found_by_its_name_without_case_and_one_of_several_suffices() {
    let rules = ["x-a=1", "x-b^ab", "x-c~[0-9]+", "x-d", "!x-e"];
    let router = router(rules.map(|rule| headers(&[rule])));
    for (fields, target) in [
        (&[("X-A", "1"), ("X-E", "")][..], Some(0)),
        (&[("x-a", "2"), ("x-A", "1"), ("x-e", "")], Some(0)),
        (&[("x-a", "2"), ("x-a", "1, 1"), ("x-e", "")], None),
        (&[("x-B", "abc"), ("x-e", "")], Some(1)),
        (&[("x-B", "a"), ("x-e", "")], None),
        (&[("x-c", "x"), ("x-c", "12"), ("x-e", "")], Some(2)),
        (&[("x-c", "12a"), ("x-e", "")], None),
        (&[("x-d", ""), ("x-e", "")], Some(3)),
        (&[("x-dd", ""), ("x-e", "")], None),
        (&[], Some(4)),
        (&[("X-E", "")], None),
    ] {
        assert_eq!(with_fields(&router, fields), target, "{fields:?}");
    }
}

#[test]
fn a_field_name_of_a_rule_may_be_in_any_case() {
    let router = router([headers(&["X-Upper=1"])]);
    assert_eq!(with_fields(&router, &[("x-upper", "1")]), Some(0));
}

#[test]
fn parameters_are_the_raw_pieces_between_ampersands() {
    let router = router(["a=1", "b=x=y", "c^%20", "d", "e=", "!f"].map(|rule| query(&[rule])));
    for (target, expected) in [
        ("/?a=1&f", Some(0)),
        ("/?f&x=2&a=2&a=1", Some(0)),
        ("/?f&A=1", None),
        ("/?f&a=1%20", None),
        ("/?f&aa=1", None),
        ("/?f&%61=1", None),
        ("/?f;a=1", Some(5)),
        ("/?f&;a=1", None),
        ("/?f&b=x=y", Some(1)),
        ("/?f&c=%20b", Some(2)),
        ("/?f&c=+b", None),
        ("/?f&d", Some(3)),
        ("/?f&d=", Some(3)),
        ("/?f&&d=1&", Some(3)),
        ("/?f&e", Some(4)),
        ("/?f&e=", Some(4)),
        ("/?f=", None),
        ("/", Some(5)),
        ("", Some(5)),
        ("/?", Some(5)),
        ("?a=1", Some(0)),
        ("/?f&x=/?a=1", None),
    ] {
        assert_eq!(get(&router, "x", target), expected, "{target}");
    }
}

#[test]
fn a_parameter_name_ends_at_the_first_equals_sign() {
    let mut rule = query(&["a"]);
    rule.query[0].name = "a=b".into();
    let router = router([rule]);
    assert_eq!(get(&router, "x", "/?a=b=c"), None);
}

#[test]
fn all_predicates_must_hold() {
    let router = router([Match { query: vec![predicate("q=1")], ..headers(&["x-a", "x-b=2"]) }]);
    let of = |path: &str, fields: &[(&str, &str)]| {
        let headers: Vec<Header<'_>> =
            fields.iter().map(|&(name, value)| Header { name, value: value.as_bytes() }).collect();
        router.lookup(&Asked { headers: &headers, ..asked("x", path) }, &mut router.cache())
    };
    assert_eq!(of("/?q=1", &[("x-b", "2"), ("x-a", "")]), Some(0));
    assert_eq!(of("/?q=2", &[("x-b", "2"), ("x-a", "")]), None);
    assert_eq!(of("/?q=1", &[("x-b", "2")]), None);
    assert_eq!(of("/?q=1", &[("x-b", "1"), ("x-a", "")]), None);
}

#[test]
fn more_predicates_come_first_then_methods_then_the_order_given() {
    let router = router([
        any(),
        methods(&["GET", "PUT"]),
        headers(&["x-a"]),
        Match { methods: vec!["GET".into()], ..headers(&["x-b"]) },
        headers(&["x-a", "x-b"]),
        methods(&["GET"]),
        headers(&["x-b"]),
    ]);
    assert_eq!(with_fields(&router, &[("x-a", ""), ("x-b", "")]), Some(4));
    // Both have one predicate: the method decides, and not the order.
    assert_eq!(with_fields(&router, &[("x-b", "")]), Some(3));
    assert_eq!(with_fields(&router, &[("x-a", "")]), Some(2));
    // Both have methods: the order decides.
    assert_eq!(with_fields(&router, &[]), Some(1));
    assert_eq!(with_method(&router, "POST"), Some(0));
}

#[test]
fn where_no_rule_of_a_path_fits_the_next_less_specific_path_and_then_host_is_tried() {
    let put = |rule: Match| Match { methods: vec!["PUT".into()], ..rule };
    let at = |name: &str, path| Match { path, ..host(name) };
    let router = router([
        put(at("a.b", exact("/x/y"))),
        put(at("a.b", regex("/x/.*"))),
        put(at("a.b", prefix("/x/y"))),
        at("a.b", prefix("/x")),
        put(at("*.b", prefix("/"))),
        put(path(exact("/z"))),
        any(),
    ]);
    let of = |method: &str, host: &str, path: &str| {
        router.lookup(&Asked { method: method.as_bytes(), ..asked(host, path) }, &mut router.cache())
    };
    assert_eq!(of("PUT", "a.b", "/x/y"), Some(0));
    assert_eq!(of("PUT", "a.b", "/x/z"), Some(1));
    assert_eq!(of("GET", "a.b", "/x/y"), Some(3), "over the exact path, the pattern and the longer prefix");
    assert_eq!(of("PUT", "a.b", "/z"), Some(4), "the wildcard's, although any host has the exact path");
    assert_eq!(of("GET", "a.b", "/z"), Some(6), "over the wildcard and the exact path");
}

#[test]
fn rules_that_differ_in_writing_only_are_duplicates() {
    for (one, two) in [
        (methods(&["GET", "PUT"]), methods(&["PUT", "GET", "PUT"])),
        (headers(&["x-a", "x-b=1"]), headers(&["X-B=1", "x-a"])),
        (query(&["a~1+"]), query(&["a~1+", "a~1+"])),
    ] {
        assert!(build(&[one.clone(), any(), two.clone()]).is_err(), "{one:?} {two:?}");
    }
    let different =
        [methods(&["GET"]), methods(&["GET", "PUT"]), headers(&["a"]), query(&["a"]), query(&["A"])];
    assert!(build(&different).is_ok());
}

#[test]
fn a_bad_pattern_of_a_predicate_is_refused() {
    let error = build(&[headers(&["x~["])]).expect_err("refused").to_string();
    assert!(error.contains("\"[\""), "{error}");
}
