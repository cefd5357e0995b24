//! What routing takes of the heap: nothing at a look-up, and little per host.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use ringway_core::config::{Hostname, Match, PathMatch, Predicate, Test};
use ringway_shards::http1::Header;
use ringway_shards::routing::{Asked, Router};

/// Counts the allocations of each thread, and the bytes it holds.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is the system allocator's; the counts of a thread that is ending are let go.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        let _ = BYTES.try_with(|bytes| bytes.set(bytes.get().wrapping_add(layout.size())));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let _ = BYTES.try_with(|bytes| bytes.set(bytes.get().wrapping_sub(layout.size())));
        // SAFETY: the caller keeps the contract of `dealloc`, and the block came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn exact(host: &str) -> Match {
    Match { hostname: Hostname::Exact(host.into()), ..Match::any() }
}

fn with(name: &str, test: Test) -> Vec<Predicate> {
    vec![Predicate { name: name.into(), test }]
}

#[test]
fn a_warm_look_up_allocates_nothing() {
    // It needs more states than any table may have: they are made as texts need them.
    let large = "/large/.*x[a-z]{20}";
    let rules = [
        Match { path: PathMatch::Exact("/exact".into()), ..exact("a.example.com") },
        Match { path: PathMatch::Regex("/v[0-9]+/.*".into()), ..exact("a.example.com") },
        Match { path: PathMatch::Regex(large.into()), ..exact("a.example.com") },
        Match { path: PathMatch::Prefix("/p/q".into()), ..exact("a.example.com") },
        Match { headers: with("x-a", Test::Regex("[0-9]+".into())), ..exact("b.example.com") },
        Match { query: with("q", Test::Prefix("1".into())), ..exact("b.example.com") },
        Match { hostname: Hostname::Wildcard("*.example.com".into()), ..Match::any() },
        Match::any(),
    ];
    let router = Router::build(rules.iter().zip(0u32..)).expect("valid rules");
    let fields = [Header { name: "X-A", value: b"12" }];
    let asked = |host: &'static str, path: &'static str, headers: &'static [Header<'static>]| {
        let (host, path) = (host.as_bytes(), path.as_bytes());
        Asked { host, path, method: b"GET", headers }
    };
    let fields: &'static [Header<'static>] = Box::leak(Box::new(fields));
    let all = [
        (asked("A.example.com:80", "/exact?x", fields), 0),
        (asked("a.example.com", "/v1/x", &[]), 1),
        (asked("a.example.com", "/large/yxabcdefghijklmnopqrst", &[]), 2),
        (asked("a.example.com", "/p/q/r", &[]), 3),
        (asked("b.example.com", "/?q=12", fields), 4),
        (asked("b.example.com", "/?q=12", &[]), 5),
        (asked("c.b.a.EXAMPLE.com", "/x", &[]), 6),
        (asked("elsewhere", "/", fields), 7),
    ];
    let mut cache = router.cache();
    let mut allocated = 0;
    for round in 0..100 {
        let before = ALLOCATIONS.get();
        for (asked, target) in &all {
            assert_eq!(router.lookup(asked, &mut cache), Some(*target));
        }
        allocated += if round == 0 { 0 } else { ALLOCATIONS.get() - before };
    }
    assert_eq!(allocated, 0);
}

/// Bytes per host of a router for one rule a host. The number of hosts is one at which tables have most room to spare.
fn bytes_per_host(rule: impl Fn(&str) -> Match) -> usize {
    const HOSTS: usize = 130_000;
    let rules: Vec<Match> = (0..HOSTS).map(|n| rule(&format!("customer-{n}.example.com"))).collect();
    let before = BYTES.get();
    let router = Router::build(rules.iter().zip(0u32..)).expect("valid rules");
    let held = BYTES.get() - before;
    drop(router);
    assert_eq!(BYTES.get(), before, "a router gives everything back");
    held / HOSTS
}

#[test]
fn a_host_with_one_rule_takes_at_most_150_bytes() {
    let plain = bytes_per_host(exact);
    assert!(plain <= 80, "every path: {plain} bytes");
    let prefix = bytes_per_host(|host| Match { path: PathMatch::Prefix("/api/v1".into()), ..exact(host) });
    assert!(prefix <= 150, "a prefix: {prefix} bytes");
    let method = bytes_per_host(|host| Match { methods: vec!["GET".into()], ..exact(host) });
    assert!(method <= 150, "a method: {method} bytes");
    println!("bytes per host: every path {plain}, a prefix {prefix}, a method {method}");
}
