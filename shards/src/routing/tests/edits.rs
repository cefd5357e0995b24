//! Edits: what they refuse, what they share, and what becomes of a shard's cache.

use std::sync::Arc;

use ringway_core::config::{Match, PathMatch};

use super::parts::{any, asked, exact, get, host, path, predicate, prefix, regex, router};
use crate::routing::{BUCKETS, Cache, RouteError, Router};

const NONE: [(Match, u64, u32); 0] = [];

impl<T> Router<T> {
    /// Nothing is left in it.
    pub(super) fn is_bare(&self) -> bool {
        let Router { hasher: _, names, wildcards, buckets, any, book } = self;
        let counted = *names == 0 && wildcards.is_empty();
        counted && any.is_none() && buckets.iter().all(Option::is_none) && book.living() == 0
    }
}

impl Cache {
    fn used(&self) -> usize {
        self.slots.iter().flatten().count()
    }
}

fn add(router: &Router<u32>, rule: Match, target: u32) -> Router<u32> {
    router.edit([], [(rule, u64::from(target), target)]).expect("a valid rule")
}

fn remove(router: &Router<u32>, rule: &Match) -> Router<u32> {
    router.edit([rule], NONE).expect("it is there")
}

/// How many buckets two routers do not share.
fn differing(one: &Router<u32>, two: &Router<u32>) -> usize {
    let is_shared = |one: &Option<Arc<_>>, two: &Option<Arc<_>>| match (one, two) {
        (Some(one), Some(two)) => Arc::ptr_eq(one, two),
        (one, two) => one.is_none() && two.is_none(),
    };
    let named = one.buckets.iter().zip(two.buckets.iter()).filter(|(one, two)| !is_shared(one, two)).count();
    named + usize::from(!is_shared(&one.any, &two.any))
}

#[test]
fn an_edit_builds_the_buckets_it_touches_and_shares_the_others() {
    let rules: Vec<Match> = (0..4 * BUCKETS).map(|n| host(&format!("h{n}.example"))).chain([any()]).collect();
    let router = router(rules.iter().cloned());
    assert!(differing(&Router::new(), &router) > BUCKETS / 2, "hosts are spread");
    let edited = add(&router, Match { path: exact("/x"), ..host("h7.example") }, 9_999);
    assert_eq!(differing(&router, &edited), 1);
    assert_eq!(get(&edited, "h7.example", "/x"), Some(9_999));
    assert_eq!(get(&router, "h7.example", "/x"), Some(7), "the old one stays as it was");
    for n in 0..4 * BUCKETS {
        assert_eq!(get(&edited, &format!("h{n}.example"), "/"), Some(n as u32));
    }
    assert_eq!(differing(&router, &add(&router, path(exact("/x")), 9_999)), 1);
}

#[test]
fn a_rule_is_replaced_in_one_edit() {
    let router = router([host("a"), any()]);
    let edited =
        router.edit([&host("A.")], [(Arc::new(host("a")), 5, 7)]).expect("removed first, then added");
    assert_eq!(get(&edited, "a", "/"), Some(7));
    assert_eq!(get(&edited, "b", "/"), Some(1));
}

#[test]
fn what_is_not_there_cannot_be_removed() {
    let router = router([
        host("a"),
        Match { methods: vec!["GET".into()], ..host("a") },
        Match { path: regex("/b"), ..host("*.c") },
    ]);
    let absent = [
        host("b"),
        host("*.a"),
        any(),
        Match { path: exact("/"), ..host("a") },
        Match { methods: vec!["PUT".into()], ..host("a") },
        Match { headers: vec![predicate("x")], ..host("a") },
        Match { path: prefix("/b"), ..host("*.c") },
        Match { path: regex("/bb"), ..host("*.c") },
    ];
    for rule in &absent {
        let error = router.edit([rule], NONE).expect_err("not there");
        let RouteError::Unknown { host, .. } = &error else { panic!("{rule:?}: {error}") };
        assert_eq!(*host, rule.hostname.to_string());
        assert!(error.to_string().contains("nothing to remove"), "{error}");
    }
    let twice = router.edit([&host("a"), &host("A")], NONE);
    assert!(matches!(twice, Err(RouteError::Unknown { .. })), "{twice:?}");
}

#[test]
fn a_duplicate_of_what_is_there_is_refused_by_what_was_to_be_added() {
    let rule = Match { path: prefix("/b"), headers: vec![predicate("x")], ..host("a") };
    let router = Router::new().edit([], [(&rule, 10, 0u32)]).expect("a valid rule");
    let again = Match { path: prefix("/b/"), ..rule.clone() };
    for order in [0, 10, 20] {
        let error = router.edit([], [(&again, order, 1)]).expect_err("a duplicate");
        assert_eq!(error, RouteError::Duplicate { host: "a".into(), path: "/b/".into() });
    }
    assert!(matches!(
        router.edit([], [(host("c"), 0, 1), (host("C"), 1, 2)]),
        Err(RouteError::Duplicate { host, .. }) if host == "C"
    ));
}

#[test]
fn rules_come_in_the_order_of_their_numbers_whenever_they_were_added() {
    let of = |name: &str| Match { headers: vec![predicate(name)], ..path(regex("/.*")) };
    let (first, second) = (of("!x"), of("!y"));
    for (one, two) in [((&first, 1, 0), (&second, 2, 1)), ((&second, 2, 1), (&first, 1, 0))] {
        let router = Router::new().edit([], [one]).and_then(|router| router.edit([], [two]));
        assert_eq!(get(&router.expect("valid rules"), "a", "/"), Some(0));
    }
    // Of patterns, the one that a rule with a smaller number names.
    let late = router([path(regex("/a.*")), path(regex("/.*"))]);
    let late = late.edit([&path(regex("/a.*"))], [(path(regex("/a.*")), 9, 9)]).expect("valid rules");
    assert_eq!(get(&late, "x", "/a"), Some(1));
}

#[test]
fn the_depth_of_a_wildcard_is_searched_as_long_as_one_has_it() {
    let mut router = router([host("*.a.b"), host("*.c.d"), any()]);
    router = remove(&router, &host("*.a.b"));
    assert_eq!(get(&router, "x.c.d", "/"), Some(1));
    assert_eq!(get(&router, "x.a.b", "/"), Some(2));
    router = remove(&router, &host("*.c.d"));
    assert!(router.wildcards.is_empty());
    assert_eq!(get(&router, "x.c.d", "/"), Some(2));
    router = add(&router, host("*.c.d"), 5);
    assert_eq!(get(&router, "x.y.c.d", "/"), Some(5));
}

#[test]
fn a_cache_stays_warm_for_the_patterns_that_an_edit_leaves_and_its_size_is_bounded() {
    let pattern = |n: u32| Match { path: regex(&format!("/{n}/.*")), ..any() };
    let mut router = router([pattern(0)]);
    let mut cache = router.cache();
    assert_eq!(router.lookup(&asked("a", "/0/"), &mut cache), Some(0));
    let kept = cache.slots[0].as_ref().map(|entry| entry.0);
    for n in 1..100 {
        router = add(&router, pattern(n), n);
        assert_eq!(router.lookup(&asked("a", &format!("/{n}/x")), &mut cache), Some(n));
        assert_eq!(router.lookup(&asked("a", "/0/"), &mut cache), Some(0));
        router = remove(&router, &pattern(n));
        assert_eq!(router.lookup(&asked("a", &format!("/{n}/x")), &mut cache), None);
    }
    assert_eq!(cache.slots[0].as_ref().map(|entry| entry.0), kept);
    assert!(cache.used() <= 2, "{} patterns kept", cache.used());
    assert_eq!(router.book.living(), 1);
}

#[test]
fn a_pattern_is_compiled_once_for_all_buckets_and_edits() {
    let of = |n: usize| Match { path: regex("/v[0-9]+/.*"), ..host(&format!("h{n}")) };
    let mut router = router((0..100).map(of));
    assert_eq!((router.book.living(), router.book.slots()), (1, 1));
    router = add(&router, of(100), 100);
    assert_eq!((router.book.living(), router.book.slots()), (1, 1));
    drop(remove(&router, &of(0)));
    assert_eq!(get(&router, "h0", "/v1/x"), Some(0));
}

#[test]
fn an_edit_that_is_refused_leaves_nothing_behind() {
    let router = router([any()]);
    let bad = Match { headers: vec![predicate("x~(")], ..host("b") };
    let edit = [(path(regex("/a")), 1, 1), (host("a"), 2, 2), (bad, 3, 3)];
    assert!(matches!(router.edit([&any()], edit), Err(RouteError::Pattern { .. })));
    assert_eq!(get(&router, "a", "/"), Some(0));
    assert!(
        remove(&router, &any()).edit([], NONE).expect("nothing to do").buckets.iter().all(Option::is_none)
    );
    assert_eq!(router.book.living(), 0);
}

#[test]
fn a_rule_reads_back_as_it_was_however_its_bucket_is_built() {
    let rules: Vec<Match> = [exact("/e"), prefix("/p"), prefix("/"), regex("/r.*")]
        .into_iter()
        .flat_map(|path: PathMatch| {
            let bare = Match { path, ..host("*.h.example") };
            let headers = ["x", "!x", "x=1", "x^1", "x~1+"].map(predicate).to_vec();
            let methods = Match { methods: vec!["PUT".into(), "GET".into()], ..bare.clone() };
            let fields = Match { headers: headers.clone(), ..bare.clone() };
            [methods, fields, Match { query: headers, ..bare.clone() }, bare]
        })
        .collect();
    // Each rule that comes builds the others from what they were compiled into.
    let mut router = Router::new();
    for (rule, target) in rules.iter().zip(0..) {
        router = add(&router, rule.clone(), target);
    }
    for rule in &rules {
        router = remove(&router, rule);
    }
    assert!(router.is_bare());
}
