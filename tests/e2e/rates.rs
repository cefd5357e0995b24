//! How often: requests of one client, and retries of one cluster. Exact for the process, whatever the number of shards.

use std::time::Duration;

use crate::common::{Crowd, Daemon, FaultyOrigin, Origin, Served, now, rest, with_status};

/// Of these, `burst` and what came in at `rate` since `from` were served; the others are told to come again.
fn assert_limited(what: &str, served: &[Served], burst: usize, rate: f64, took: Duration) {
    let most = burst + (took.as_secs_f64() * rate).ceil() as usize;
    let passed = with_status(served, 200);
    assert!((burst..=most).contains(&passed), "{what}: {passed} passed, {burst} to {most} may");
    for served in served.iter().filter(|served| served.status != 200) {
        assert_eq!((served.status, served.retry_after.as_deref()), (429, Some("1")), "{what}: {served:?}");
    }
    assert!(passed < served.len(), "{what}: somebody was refused");
}

#[test]
fn a_source_makes_so_many_requests_per_second_whatever_the_number_of_shards() {
    for shards in [2, 4] {
        let origin = FaultyOrigin::new("one");
        let limit = "rate_limit = { rate = 20, burst = 30 }";
        let daemon = Daemon::site(shards, limit, "", &[(&origin, "")]);
        let what = format!("{shards} shards");
        let since = now();
        let served = Crowd::send(daemon.address(), 40, 5, "").served();
        assert_limited(&what, &served, 30, 20.0, now() - since);
        assert_eq!(origin.requests(), with_status(&served, 200) as u64, "what is refused goes nowhere");
        // Another source has its own.
        let since = now();
        let other = Crowd::send_from("127.0.0.2", daemon.address(), 10, 5, "").served();
        assert_limited(&what, &other, 30, 20.0, now() - since);
        // After a second there are as many as a second brings.
        rest(Duration::from_millis(1050));
        let since = now();
        let again = Crowd::send(daemon.address(), 40, 2, "").served();
        assert_limited(&what, &again, 20, 20.0, Duration::from_millis(1050) + (now() - since));
    }
}

#[test]
fn each_value_of_a_field_has_its_own_rate_and_all_without_it_are_one() {
    let origin = FaultyOrigin::new("one");
    let limit = "rate_limit = { key = \"header:X-Api-Key\", rate = 1, burst = 8 }";
    let daemon = Daemon::site(4, limit, "", &[(&origin, "")]);
    for field in ["X-Api-Key: a\r\n", "x-api-key: b\r\n", "X-Api-Key: \r\n", ""] {
        let since = now();
        let served = Crowd::send(daemon.address(), 16, 2, field).served();
        assert_limited(field, &served, 8, 1.0, now() - since);
    }
    let source = Crowd::send_from("127.0.0.2", daemon.address(), 4, 1, "X-Api-Key: a\r\n").served();
    assert!(with_status(&source, 429) >= 1, "the source does not matter: {source:?}");
}

/// Takes connections and closes them, the request unread.
fn closing() -> Origin {
    Origin::raw(|stream| stream.peek(&mut [0]).map(drop))
}

/// What `requests` came to at backends that all fail, and how long that took.
fn attempts(cluster: &str, requests: usize) -> (u64, Duration) {
    let origins = [closing(), closing(), closing(), closing()];
    let backends: String = origins
        .iter()
        .map(|origin| format!("[[clusters.site.backends]]\naddress = \"{}\"\n", origin.address))
        .collect();
    let daemon = Daemon::configured(&format!(
        "[daemon]\nshards = 2\n[[listeners]]\nname = \"main\"\naddress = \"127.0.0.1:0\"\n\
         [clusters.site]\n{cluster}\n[[clusters.site.frontends]]\n{backends}"
    ));
    let since = now();
    let served = Crowd::send(daemon.address(), 20, requests / 20, "").served();
    let took = now() - since;
    assert!(served.iter().all(|served| served.status == 502), "{served:?}");
    (origins.iter().map(Origin::connections).sum(), took)
}

#[test]
fn retries_do_not_multiply_the_load_on_a_cluster_that_fails() {
    const REQUESTS: usize = 500;
    let (seen, took) = attempts("", REQUESTS);
    let most = REQUESTS as f64 * 1.2 + 3.0 * (took.as_secs_f64() + 1.0);
    assert!(
        seen as f64 <= most,
        "{seen} attempts for {REQUESTS} requests in {took:?}, no more than {most} may"
    );
    // And what is allowed is used, up to what a shard has counted and not yet told.
    assert!(seen as f64 >= REQUESTS as f64 * 1.1, "{seen} attempts for {REQUESTS} requests");
}

#[test]
fn with_few_requests_some_retries_per_second_are_allowed_and_without_a_budget_none() {
    let (seen, _) = attempts("retry_budget = 0\nretry_budget_min = 0", 200);
    assert_eq!(seen, 200);
    let (seen, took) = attempts("retry_budget = 0\nretry_budget_min = 5", 200);
    let most = 205 + (took.as_secs_f64() * 5.0).ceil() as u64;
    assert!((205..=most).contains(&seen), "{seen} attempts in {took:?}");
    let (seen, _) = attempts("retry_budget = 100\nretry_budget_min = 1000\nretries = 1", 200);
    assert_eq!(seen, 400, "with enough in the budget each request is tried again");
}
