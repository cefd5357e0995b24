//! What a look-up costs: hosts by their number, prefixes, patterns, predicates; and what an edit costs.
//!
//! `cargo bench -p ringway-benches --bench routing`. The figures of one run are to be compared with each other only: none
//! of it is measured on a quiet machine.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ringway_core::config::{Hostname, Match, PathMatch, Predicate, Test};
use ringway_shards::http1::Header;
use ringway_shards::routing::{Asked, Router};

const PATH: &[u8] = b"/api/v1/users?limit=20";
const FIELDS: [Header<'static>; 6] = [
    Header { name: "Host", value: b"www.example.com" },
    Header { name: "User-Agent", value: b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36" },
    Header { name: "Accept", value: b"*/*" },
    Header { name: "Accept-Encoding", value: b"gzip, deflate" },
    Header { name: "X-Version", value: b"12" },
    Header { name: "Cookie", value: b"session=0123456789abcdef0123456789abcdef" },
];

/// Different hosts asked for in turn, so that large tables are not answered from the cache; a power of two.
const ASKED: usize = 4096;

fn exact(host: &str) -> Match {
    Match { hostname: Hostname::Exact(host.into()), ..Match::any() }
}

fn path(path: PathMatch) -> Match {
    Match { path, ..exact("www.example.com") }
}

fn wildcard(suffix: &str) -> Match {
    Match { hostname: Hostname::Wildcard(suffix.into()), ..Match::any() }
}

fn router(rules: &[Match]) -> Router<u32> {
    Router::build(rules.iter().zip(0..)).expect("valid rules")
}

fn asked<'a>(host: &'a str, path: &'a [u8]) -> Asked<'a> {
    Asked { host: host.as_bytes(), path, method: b"GET", headers: &FIELDS }
}

/// Look-ups of `hosts` in turn.
fn in_turn(criterion: &mut Criterion, name: &str, count: usize, router: &Router<u32>, hosts: &[String]) {
    let mut cache = router.cache();
    let mut group = criterion.benchmark_group(name);
    group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
        let mut turn = 0;
        bencher.iter(|| {
            turn = (turn + 1) % hosts.len();
            router.lookup(black_box(&asked(&hosts[turn], PATH)), &mut cache)
        });
    });
    group.finish();
}

fn hosts(criterion: &mut Criterion) {
    for count in [10, 10_000, 1_000_000] {
        let name = |n: usize| format!("customer-{n}.example.com");
        let rules: Vec<Match> = (0..count).map(|n| exact(&name(n))).chain([Match::any()]).collect();
        // Steps that are coprime with all three numbers: far apart, and each host once.
        let hits: Vec<String> = (0..ASKED.min(count)).map(|n| name(n * 244_177 % count)).collect();
        let misses: Vec<String> = (0..ASKED.min(count)).map(|n| format!("unknown-{n}.example.com")).collect();
        let of_names = router(&rules);
        in_turn(criterion, "exact host", count, &of_names, &hits);
        in_turn(criterion, "no such host", count, &of_names, &misses);
        drop((rules, of_names));

        let rules: Vec<Match> = (0..count).map(|n| wildcard(&format!("*.{}", name(n)))).collect();
        let under: Vec<String> = hits.iter().map(|host| format!("a.b.{host}")).collect();
        in_turn(criterion, "wildcard host", count, &router(&rules), &under);
    }
}

fn one(criterion: &mut Criterion, name: &str, rules: &[Match], asked: &Asked<'_>, target: Option<u32>) {
    let router = router(rules);
    let mut cache = router.cache();
    assert_eq!(router.lookup(asked, &mut cache), target, "{name}");
    criterion.bench_function(name, |bencher| bencher.iter(|| router.lookup(black_box(asked), &mut cache)));
}

fn paths(criterion: &mut Criterion) {
    let www = "www.example.com";
    one(criterion, "any host, every path", &[Match::any()], &asked(www, PATH), Some(0));
    one(criterion, "one host, every path", &[exact(www)], &asked(www, PATH), Some(0));
    one(criterion, "one host in upper case", &[exact(www)], &asked("WWW.Example.com", PATH), Some(0));

    let prefixes: Vec<Match> =
        (0..1_000).map(|n| path(PathMatch::Prefix(format!("/service-{n}/v1").into()))).collect();
    let at = |path: &'static str| asked(www, path.as_bytes());
    one(criterion, "1,000 prefixes, hit", &prefixes, &at("/service-577/v1/users?limit=20"), Some(577));
    one(criterion, "1,000 prefixes, miss", &prefixes, &at("/service-577/v2/users?limit=20"), None);
    let exacts: Vec<Match> =
        (0..1_000).map(|n| path(PathMatch::Exact(format!("/service-{n}/v1").into()))).collect();
    one(criterion, "1,000 exact paths, hit", &exacts, &at("/service-577/v1?limit=20"), Some(577));

    let patterns: Vec<Match> =
        (0..10).map(|n| path(PathMatch::Regex(format!("/service-{n}/v[0-9]+/.*").into()))).collect();
    one(criterion, "pattern, the only one", &patterns[..1], &at("/service-0/v12/users/9"), Some(0));
    one(criterion, "pattern, the tenth", &patterns, &at("/service-9/v12/users/9"), Some(9));
}

fn predicates(criterion: &mut Criterion) {
    let www = exact("www.example.com");
    let predicate = |name: &str, test| vec![Predicate { name: name.into(), test }];
    let asked = asked("www.example.com", b"/api/v1/users?limit=20&page=3");
    let methods = Match { methods: vec!["POST".into(), "GET".into()], ..www.clone() };
    one(criterion, "method", &[methods], &asked, Some(0));
    let field = Match { headers: predicate("x-version", Test::Equals("12".into())), ..www.clone() };
    one(criterion, "field equals, 6 fields", &[field], &asked, Some(0));
    let pattern = Match { headers: predicate("x-version", Test::Regex("[0-9]+".into())), ..www.clone() };
    one(criterion, "field by pattern, 6 fields", &[pattern], &asked, Some(0));
    let query = Match { query: predicate("page", Test::Equals("3".into())), ..www.clone() };
    one(criterion, "parameter equals, 2 parameters", &[query], &asked, Some(0));
    let other = Match { headers: predicate("x-version", Test::Equals("13".into())), ..www };
    one(criterion, "field does not fit, any host does", &[other, Match::any()], &asked, Some(1));
}

/// What a change costs while shards look up in the router before it.
fn changes(criterion: &mut Criterion) {
    const COUNT: usize = 100_000;
    let name = |n: usize| format!("customer-{n}.example.com");
    let rules: Vec<Match> = (0..COUNT).map(|n| exact(&name(n))).collect();
    let mut group = criterion.benchmark_group("100,000 hosts");
    group.sample_size(10);
    group.bench_function("built at once", |bencher| bencher.iter_with_large_drop(|| router(&rules)));
    let built = router(&rules);
    let mut turn = 0;
    group.bench_function("one host added", |bencher| {
        bencher.iter(|| {
            turn += 1;
            built.edit([], [(exact(&name(COUNT + turn)), turn as u64, 0)]).expect("a new one")
        });
    });
    group.bench_function("one host removed", |bencher| {
        bencher.iter(|| {
            turn += 1;
            built.edit([&rules[turn * 7_919 % COUNT]], NONE).expect("it is there")
        });
    });
    let patterns: Vec<Match> = (0..COUNT)
        .map(|n| {
            let path = PathMatch::Regex("/v[0-9]+/.*".into());
            let headers = vec![Predicate { name: "x-version".into(), test: Test::Equals("12".into()) }];
            Match { path, headers, ..exact(&name(n)) }
        })
        .collect();
    let built = router(&patterns);
    group.bench_function("one host with a pattern removed", |bencher| {
        bencher.iter(|| {
            turn += 1;
            built.edit([&patterns[turn * 7_919 % COUNT]], NONE).expect("it is there")
        });
    });
    group.finish();
}

const NONE: [(Match, u64, u32); 0] = [];

criterion_group!(benches, hosts, paths, predicates, changes);
criterion_main!(benches);
