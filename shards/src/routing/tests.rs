//! Routing: which route wins, and what matches at all.

use proptest::prelude::*;

use super::*;

fn router(routes: &[(HostRule<'static>, &'static str, u32)]) -> Router<u32> {
    Router::build(routes.iter().copied()).expect("valid routes")
}

#[test]
fn a_prefix_matches_whole_segments() {
    for prefix in ["/api", "/api/"] {
        let router = router(&[(HostRule::Any, prefix, 1)]);
        for path in ["/api", "/api/", "/api/x", "/api?x", "/api/?x", "/api//"] {
            assert_eq!(router.lookup(b"a", path.as_bytes()), Some(1), "{prefix} {path}");
        }
        for path in ["/apix", "/ap", "/", "", "*", "/API", "/x/api", "/?/api", "//api", "/%61pi"] {
            assert_eq!(router.lookup(b"a", path.as_bytes()), None, "{prefix} {path}");
        }
    }
}

#[test]
fn slash_matches_everything() {
    let router = router(&[(HostRule::Any, "/", 1)]);
    for path in ["/", "/a/b?c", "*", "", "?a", "//"] {
        assert_eq!(router.lookup(b"", path.as_bytes()), Some(1), "{path}");
    }
}

#[test]
fn the_longest_prefix_wins() {
    let router = router(&[
        (HostRule::Any, "/", 1),
        (HostRule::Any, "/a", 2),
        (HostRule::Any, "/a/b/c", 3),
        (HostRule::Any, "/ab", 4),
        (HostRule::Any, "/a/b", 5),
    ]);
    for (path, target) in [
        ("/a", 2),
        ("/a/c", 2),
        ("/a/b", 5),
        ("/a/b/c", 3),
        ("/a/b/cd", 5),
        ("/ab/c", 4),
        ("/b", 1),
        ("/a?/b/c", 2),
    ] {
        assert_eq!(router.lookup(b"x", path.as_bytes()), Some(target), "{path}");
    }
}

#[test]
fn a_host_is_compared_without_case_port_and_final_dot() {
    let router = router(&[
        (HostRule::Exact("Example.com"), "/", 1),
        (HostRule::Exact("[::1]"), "/", 2),
        (HostRule::Exact("dotted.example."), "/", 3),
    ]);
    for (host, target) in [
        ("example.com", Some(1)),
        ("EXAMPLE.com:8080", Some(1)),
        ("example.com.", Some(1)),
        ("example.com.:80", Some(1)),
        ("[::1]", Some(2)),
        ("[::1]:80", Some(2)),
        ("dotted.example", Some(3)),
        ("www.example.com", None),
        ("example.co", None),
        ("[::2]", None),
        ("", None),
    ] {
        assert_eq!(router.lookup(host.as_bytes(), b"/"), target, "{host}");
    }
}

#[test]
fn a_hosts_own_routes_come_before_those_for_any_host() {
    let router = router(&[
        (HostRule::Exact("a"), "/own", 1),
        (HostRule::Any, "/own/more/specific", 2),
        (HostRule::Any, "/", 3),
    ]);
    assert_eq!(router.lookup(b"a", b"/own/more/specific"), Some(1));
    assert_eq!(router.lookup(b"a", b"/else"), Some(3));
    assert_eq!(router.lookup(b"b", b"/own/more/specific"), Some(2));
}

#[test]
fn long_host_names_match_up_to_the_limit_of_dns() {
    let (medium, long) = ("M".repeat(SHORT_HOST_BYTES + 1), "L".repeat(HOST_BYTES_MAX));
    let routes = [
        (HostRule::Exact(medium.as_str()), "/", 1),
        (HostRule::Exact(&long), "/", 2),
        (HostRule::Any, "/", 3),
    ];
    let router = Router::build(routes).expect("valid routes");
    assert_eq!(router.lookup(medium.as_bytes(), b"/"), Some(1));
    assert_eq!(router.lookup(long.as_bytes(), b"/"), Some(2));
    assert_eq!(router.lookup("l".repeat(HOST_BYTES_MAX + 1).as_bytes(), b"/"), None);
}

#[test]
fn routes_that_cannot_work_are_refused_with_what_is_wrong() {
    let error = |routes: &[(HostRule<'static>, &'static str, u32)]| {
        Router::build(routes.iter().copied()).expect_err("refused").to_string()
    };
    let duplicate = error(&[(HostRule::Exact("a"), "/b", 1), (HostRule::Exact("A."), "/b/", 2)]);
    assert!(duplicate.contains("\"A.\"") && duplicate.contains("\"/b/\""), "{duplicate}");
    assert!(error(&[(HostRule::Any, "/", 1), (HostRule::Any, "/", 1)]).contains("\"*\""));
    for prefix in ["", "a", "/a?b"] {
        assert!(error(&[(HostRule::Any, prefix, 1)]).contains("path prefix"), "{prefix}");
    }
    for host in ["", ".", "a:80", "a."] {
        let refused = Router::build([(HostRule::Exact(host), "/", 1)]).is_err();
        assert_eq!(refused, host != "a.", "{host:?}");
    }
}

/// The same rules, written as a scan over all routes.
fn naive(routes: &[(Option<String>, String)], host: &str, path: &str) -> Option<usize> {
    let path = path.split('?').next().unwrap_or_default();
    let best = |wanted: Option<&str>| {
        (0..routes.len())
            .filter(|&at| routes[at].0.as_deref() == wanted)
            .filter(|&at| {
                let prefix = routes[at].1.trim_end_matches('/');
                path == prefix || path.starts_with(&format!("{prefix}/")) || prefix.is_empty()
            })
            .max_by_key(|&at| routes[at].1.trim_end_matches('/').len())
    };
    best(Some(host)).or_else(|| best(None))
}

proptest! {
    #[test]
    fn a_look_up_finds_what_a_scan_finds(
        routes in prop::collection::vec((prop::option::of("[ab]"), "(/[ab]{0,2}){1,3}"), 0..20),
        host in "[abc]", path in "(/[ab]{0,2}){1,4}(\\?/a)?",
    ) {
        // Prefixes that differ by slashes at their end only are the same route.
        let bare = |(host, prefix): &(Option<String>, String)| (host.clone(), prefix.trim_end_matches('/').to_string());
        let mut routes = routes;
        routes.sort_by_key(bare);
        routes.dedup_by_key(|route| bare(route));
        let router = Router::build(routes.iter().enumerate().map(|(at, (host, prefix))| {
            (host.as_deref().map_or(HostRule::Any, HostRule::Exact), prefix.as_str(), at)
        }));
        let found = router.expect("no duplicates").lookup(host.as_bytes(), path.as_bytes());
        prop_assert_eq!(found, naive(&routes, &host, &path));
    }
}
