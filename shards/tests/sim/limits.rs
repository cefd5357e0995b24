//! Limits of connections, of requests per connection, and of rates.

use std::time::Duration;

use ringway_core::Config;
use ringway_core::config::{RateKey, RateLimit};
use ringway_shards::limits::LINGER_MAX;

use crate::cases::{case, get, post, served};
use crate::http::Wire;
use crate::script::{Client, Origin, Script, Session};
use crate::seeds;
use crate::server::{ask, start};
use crate::site::{End, GET, Site, TURN, end, serve, site, take_ok};

const SEEDS: u64 = 12;

#[test]
fn a_connection_ends_with_the_last_request_it_may_carry() {
    let name = "a_connection_ends_with_the_last_request_it_may_carry";
    let limit = |script: &mut Script| script.setup.requests_per_connection = Some(3);
    case(name, &vec![get(); 8], limit, |ended, records| {
        records.iter().for_each(served);
        assert!(records.iter().all(|record| record.resent == 0), "the last answer says that it is the last");
        assert_eq!(ended.summary.snapshot.counters.connections, 3);
    });
}

#[test]
fn pipelined_requests_behind_the_last_one_are_not_carried_out() {
    let name = "pipelined_requests_behind_the_last_one_are_not_carried_out";
    let limit = |script: &mut Script| {
        script.setup.requests_per_connection = Some(2);
        script.clients[0].sessions[0].pipelined = true;
    };
    // Each is asserted to have been carried out once: what is behind the last answer is sent again.
    case(name, &vec![post(300); 7], limit, |ended, records| {
        records.iter().for_each(served);
        assert_eq!(ended.summary.snapshot.counters.connections, 4);
    });
}

#[test]
fn requests_under_way_behind_the_last_answer_do_not_reset_it() {
    let name = "requests_under_way_behind_the_last_answer_do_not_reset_it";
    let limit = |config: &mut Config| config.listeners[0].limits.requests_per_connection = Some(1);
    seeds::each(name, SEEDS, |seed| {
        site(seed, limit, |site| async move {
            let listener = site.listen(0);
            let client = served_client(&site, &mut None, async || site.accept(&listener).await).await;
            // They are taken and dropped for a while.
            site.sleep(LINGER_MAX / 2).await;
            assert!(site.send(&client, GET).await);
            assert_eq!(site.snapshot().await.connections, 1);
            site.sleep(LINGER_MAX / 2 + TURN).await;
            assert_eq!(site.snapshot().await.connections, 0);
        });
    });
}

#[test]
fn a_backend_connection_carries_as_many_requests_as_it_may() {
    let name = "a_backend_connection_carries_as_many_requests_as_it_may";
    let limit = |script: &mut Script| script.setup.pool_max_requests = Some(3);
    case(name, &vec![get(); 8], limit, |ended, records| {
        records.iter().for_each(served);
        let counters = ended.summary.snapshot.counters;
        assert!(counters.backend_connections >= 3, "{counters:?}");
        assert_eq!(counters.backend_connections + counters.reused, 8, "{counters:?}");
    });
}

#[test]
fn a_backend_connection_is_not_used_beyond_its_age() {
    let name = "a_backend_connection_is_not_used_beyond_its_age";
    let mut slow = get();
    slow.answer.delay_ms = 10;
    let limit = |script: &mut Script| script.setup.pool_max_age = Duration::from_millis(25);
    case(name, &vec![slow; 9], limit, |ended, records| {
        records.iter().for_each(served);
        let counters = ended.summary.snapshot.counters;
        // The third request of each ends beyond its age.
        assert!((3..=5).contains(&counters.backend_connections), "{counters:?}");
    });
}

#[test]
fn all_are_served_in_their_turn_where_few_connections_may_be_open() {
    let mut slow = get();
    slow.answer.delay_ms = 5;
    let few = |script: &mut Script| {
        script.setup.connections_max = 2;
        script.origins = vec![Origin::default(), Origin::default()];
        let session = |id| Session { exchanges: vec![id], ..script.clients[0].sessions[0].clone() };
        script.clients = (0..8)
            .map(|id| Client { start: Duration::from_millis(1), sessions: vec![session(id)] })
            .collect();
    };
    let name = "all_are_served_in_their_turn_where_few_connections_may_be_open";
    case(name, &vec![slow; 8], few, |ended, records| {
        records.iter().for_each(served);
        assert_eq!(ended.summary.snapshot.counters.connections, 8);
        // Two at a time, each for longer than its answer takes.
        let last = records.iter().map(|record| record.took).max().expect("there are records");
        assert!(last >= Duration::from_millis(4 * 5), "{last:?}");
    });
}

/// A client whose request is answered, and which stays.
async fn served_client(site: &Site, origin: &mut Option<Wire>, accept: impl AsyncFnOnce() -> Wire) -> Wire {
    let mut client = site.client().await;
    assert!(site.send(&client, GET).await);
    let backend = match origin {
        Some(backend) => backend,
        None => origin.insert(accept().await),
    };
    serve(site, backend).await;
    take_ok(&mut client).await;
    client
}

#[test]
fn a_source_gets_as_many_connections_as_it_may_and_more_only_when_one_has_ended() {
    let name = "a_source_gets_as_many_connections_as_it_may_and_more_only_when_one_has_ended";
    let limit = |config: &mut Config| config.daemon.max_connections_per_source = Some(2);
    seeds::each(name, SEEDS, |seed| {
        site(seed, limit, |site| async move {
            let listener = site.listen(0);
            let mut origin = None;
            let accept = async || site.accept(&listener).await;
            let first = served_client(&site, &mut origin, accept).await;
            let _second = served_client(&site, &mut origin, accept).await;
            for _ in 0..3 {
                let mut third = site.client().await;
                assert_eq!(end(&mut third).await, End::Reset);
            }
            assert_eq!(site.snapshot().await.counters.refused_sources, 3);
            drop(first);
            site.sleep(Duration::from_millis(10)).await;
            // The one that has ended does not count any more, and those that were refused never did.
            let _next = served_client(&site, &mut origin, accept).await;
        });
    });
}

fn rate(key: RateKey) -> impl FnOnce(&mut Config) {
    move |config| config.listeners[0].rate_limit = Some(RateLimit { key, rate: 10, burst: 3 })
}

/// Asks until it is too much: how often that was not.
async fn burst(site: &Site, fields: &str) -> usize {
    let mut served = 0;
    loop {
        let reply = ask(site, fields).await;
        if reply.status == 429 {
            assert_eq!(reply.head.field("retry-after"), Some("1"), "{:?}", reply.head);
            return served;
        }
        assert_eq!(reply.status, 200);
        served += 1;
    }
}

#[test]
fn a_source_that_asks_too_fast_is_answered_429_until_it_has_waited() {
    let name = "a_source_that_asks_too_fast_is_answered_429_until_it_has_waited";
    seeds::each(name, SEEDS, |seed| {
        site(seed, rate(RateKey::Source), |site| async move {
            let servers = [start(&site, 0), start(&site, 1)];
            assert_eq!(burst(&site, "").await, 3);
            // A tenth of a second each, and never more than at once.
            site.sleep(Duration::from_millis(100)).await;
            assert_eq!(burst(&site, "").await, 1);
            site.sleep(Duration::from_secs(60)).await;
            assert_eq!(burst(&site, "X-User: another\r\n").await, 3);
            assert_eq!(servers.iter().map(|server| server.take()).sum::<usize>(), 7);
            assert_eq!(site.snapshot().await.counters.rate_limited, 3);
        });
    });
}

#[test]
fn those_with_other_values_of_the_field_have_a_rate_of_their_own() {
    let name = "those_with_other_values_of_the_field_have_a_rate_of_their_own";
    seeds::each(name, SEEDS, |seed| {
        site(seed, rate(RateKey::Header("x-user".into())), |site| async move {
            let _servers = [start(&site, 0), start(&site, 1)];
            for fields in ["X-User: ann\r\n", "x-user: bob\r\n", ""] {
                assert_eq!(burst(&site, fields).await, 3, "{fields:?}");
            }
            assert_eq!(burst(&site, "X-USER: ann\r\n").await, 0);
        });
    });
}
