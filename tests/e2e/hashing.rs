//! The same key at the same backend: over shards, over restarts, and while others come and go.

use std::collections::BTreeSet;

use crate::common::{Client, Crowd, Daemon, FaultyOrigin, LONG, Mood, eventually, with_status};

const POLICIES: [&str; 2] = ["maglev", "rendezvous"];
const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
const KEYS: usize = 25;

fn hashing(policy: &str, key: &str, more: &str, origins: &[&FaultyOrigin]) -> Daemon {
    let cluster = format!("load_balancing = \"{policy}\"\nhash_key = \"{key}\"\n{more}");
    let origins: Vec<_> = origins.iter().map(|origin| (*origin, "")).collect();
    Daemon::site(4, "", &cluster, &origins)
}

/// Who serves this request, on a connection of its own: closed by the daemon, so that no port of ours stays in TIME_WAIT.
fn served_by(mut client: Client, request: &str) -> String {
    let answer = client.ask(request);
    assert_eq!(answer.status, 200);
    client.expect_closed();
    answer.header("origin").expect("an origin's").to_owned()
}

fn with_user(n: usize) -> String {
    format!("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\nX-User: user-{n}\r\n\r\n")
}

/// Who serves each of the keys, as all shards see it.
fn homes(daemon: &Daemon) -> Vec<String> {
    let home = |n| {
        let homes: BTreeSet<_> = (0..3).map(|_| served_by(daemon.client(), &with_user(n))).collect();
        assert_eq!(homes.len(), 1, "key {n} is at {homes:?}");
        homes.into_iter().next().expect("one")
    };
    (0..KEYS).map(home).collect()
}

#[test]
fn a_key_stays_at_its_backend_on_every_shard_and_after_a_restart() {
    for policy in POLICIES {
        let origins = NAMES.map(FaultyOrigin::new);
        let all = origins.each_ref();
        let first = homes(&hashing(policy, "header:X-User", "", &all));
        assert_eq!(first, homes(&hashing(policy, "header:X-User", "", &all)), "{policy}, started anew");
        let used: BTreeSet<_> = first.iter().collect();
        assert!(used.len() >= 4, "{policy}: {KEYS} keys at {used:?} alone");
    }
}

#[test]
fn only_the_keys_of_a_backend_that_is_gone_move_and_they_come_back() {
    for policy in POLICIES {
        let origins = NAMES.map(FaultyOrigin::new);
        let check =
            "[clusters.site.health_check]\npath = \"/health\"\ninterval = \"200ms\"\nrise = 1\nfall = 2";
        let daemon = hashing(policy, "header:X-User", check, &origins.each_ref());
        let before = homes(&daemon);
        let gone = origins.iter().find(|origin| before.contains(&origin.name)).expect("keys are somewhere");
        gone.turn(Mood::Refusing);
        daemon.expect_log(&format!("HEALTH_CHECK_UNHEALTHY cluster=site backend={} ", gone.name));
        let meanwhile = homes(&daemon);
        for (n, (before, meanwhile)) in before.iter().zip(&meanwhile).enumerate() {
            assert_ne!(*meanwhile, gone.name, "{policy}, key {n}");
            assert!(before == meanwhile || *before == gone.name, "{policy}: key {n} was at {before}");
        }
        gone.turn(Mood::Well);
        daemon.expect_log(&format!("HEALTH_CHECK_HEALTHY cluster=site backend={} ", gone.name));
        eventually("every shard knows", LONG, || (homes_as_seen(&daemon) == before).then_some(()));
    }
}

/// As [`homes`], asked once for each key.
fn homes_as_seen(daemon: &Daemon) -> Vec<String> {
    (0..KEYS).map(|n| served_by(daemon.client(), &with_user(n))).collect()
}

#[test]
fn sources_paths_and_cookies_are_keys_as_well() {
    let origins = NAMES.map(FaultyOrigin::new);
    for policy in POLICIES {
        let daemon = hashing(policy, "source", "", &origins.each_ref());
        let mut used = BTreeSet::new();
        for n in 2..22 {
            let client = || Client::connect_from(&format!("127.0.0.{n}"), daemon.address());
            let homes: BTreeSet<_> = (0..3).map(|k| served_by(client(), &with_user(k))).collect();
            assert_eq!(homes.len(), 1, "{policy}: source {n} is at {homes:?}");
            used.extend(homes);
        }
        assert!(used.len() >= 3, "{policy}: {used:?}");
        let uri = |n| format!("GET /object/{n}?v=1 HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        let cookie = |n| {
            format!(
                "GET /x HTTP/1.1\r\nHost: test\r\nConnection: close\r\nCookie: a=b; user={n}; c=d\r\n\r\n"
            )
        };
        let requests: [(&str, &dyn Fn(usize) -> String); 2] = [("uri", &uri), ("cookie:user", &cookie)];
        for (key, request) in requests {
            let daemon = hashing(policy, key, "", &origins.each_ref());
            let mut used = BTreeSet::new();
            for n in 0..20 {
                let homes: BTreeSet<_> = (0..3).map(|_| served_by(daemon.client(), &request(n))).collect();
                assert_eq!(homes.len(), 1, "{policy}, {key}: {n} is at {homes:?}");
                used.extend(homes);
            }
            assert!(used.len() >= 3, "{policy}, {key}: {used:?}");
        }
    }
}

#[test]
fn requests_without_the_key_spread() {
    let origins = NAMES.map(FaultyOrigin::new);
    for policy in POLICIES {
        let daemon = hashing(policy, "header:X-User", "", &origins.each_ref());
        let served = Crowd::send(daemon.address(), 8, 10, "").served();
        let used: BTreeSet<_> = served.iter().map(|served| &served.origin).collect();
        assert!(used.len() >= 4, "{policy}: {used:?}");
    }
}

#[test]
fn a_popular_key_spills_over_at_its_bound_and_not_before() {
    for policy in POLICIES {
        let origins = ["a", "b", "c", "d"].map(|name| FaultyOrigin::that_is(Mood::Silent, name));
        let all = origins.each_ref();
        for (more, bounds) in [("", 24..=24), ("hash_balance = 125", 6..=11)] {
            all.iter().for_each(|origin| origin.turn(Mood::Silent));
            let daemon = hashing(policy, "header:X-User", more, &all);
            let crowd = Crowd::send(daemon.address(), 24, 1, "X-User: everybody\r\n");
            let in_flight = || all.map(FaultyOrigin::in_flight);
            eventually("all are under way", LONG, || (in_flight().iter().sum::<u64>() == 24).then_some(()));
            // A quarter above the fair share of 24 are 8; each of four shards may add one at the same moment.
            let most = in_flight().into_iter().max().expect("four");
            assert!(bounds.contains(&most), "{policy}, {more:?}: {:?}", in_flight());
            all.iter().for_each(|origin| origin.turn(Mood::Well));
            assert_eq!(with_status(&crowd.served(), 200), 24);
        }
    }
}
