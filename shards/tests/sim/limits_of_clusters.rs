//! Limits of clusters and their backends: requests, connections, retries.

use std::time::Duration;

use ringway_core::Config;
use ringway_engine::Stream;

use crate::config::TCP;
use crate::seeds;
use crate::server::{ask, start};
use crate::site::{Site, TURN, site};
use crate::talk::all;

const SEEDS: u64 = 6;
const CLIENTS: usize = 12;
const DELAY: Duration = Duration::from_millis(50);

/// Shards ask each other for connections not more often than that.
const SOON: Duration = Duration::from_millis(10);

/// One backend, and as much time to wait as it takes.
fn patient(config: &mut Config) {
    let cluster = &mut config.clusters[0];
    cluster.backends.truncate(1);
    cluster.queue_timeout = Duration::from_secs(20);
}

/// One backend that takes one request at a time.
fn one_at_a_time(config: &mut Config) {
    patient(config);
    config.clusters[0].backends[0].max_in_flight = Some(1);
}

/// Asks once for each client, one a little after the other; the numbers that they send.
async fn crowd(site: &Site) -> Vec<String> {
    let one = async |n: usize| {
        site.sleep(Duration::from_millis(n as u64)).await;
        let reply = ask(site, &format!("X-Id: {n}\r\n")).await;
        assert_eq!(reply.status, 200, "{n}: {:?}", reply.head);
    };
    all((0..CLIENTS).map(one)).await;
    (0..CLIENTS).map(|n| n.to_string()).collect()
}

#[test]
fn a_backend_gets_no_more_requests_than_it_may_and_in_their_order() {
    seeds::each("a_backend_gets_no_more_requests_than_it_may_and_in_their_order", SEEDS, |seed| {
        let limit = |config: &mut Config| {
            patient(config);
            config.clusters[0].backends[0].max_in_flight = Some(2);
        };
        site(seed, limit, |site| async move {
            let server = start(&site, 0);
            server.delay.set(DELAY);
            let since = site.now();
            let ids = crowd(&site).await;
            assert_eq!(server.requests.most.get(), 2);
            let came = server.heads.borrow();
            assert_eq!(came.iter().map(|head| head.field("x-id")).collect::<Vec<_>>(), {
                ids.iter().map(|id| Some(id.as_str())).collect::<Vec<_>>()
            });
            // No place was left empty for longer than it takes to fill it.
            let least = DELAY * CLIENTS as u32 / 2;
            let took = site.now().since(since);
            assert!((least..least + 2 * TURN * CLIENTS as u32).contains(&took), "{took:?}");
        });
    });
}

#[test]
fn a_cluster_gets_no_more_requests_than_it_may() {
    seeds::each("a_cluster_gets_no_more_requests_than_it_may", SEEDS, |seed| {
        let limit = |config: &mut Config| {
            let cluster = &mut config.clusters[0];
            (cluster.max_in_flight, cluster.queue_timeout) = (Some(3), Duration::from_secs(20));
        };
        site(seed, limit, |site| async move {
            let servers = [start(&site, 0), start(&site, 1)];
            servers.iter().for_each(|server| server.delay.set(DELAY));
            let watch = async {
                let mut most = 0;
                while site.snapshot().await.counters.responses_2xx < CLIENTS as u64 {
                    most = most.max(site.load(0).0 + site.load(1).0);
                    site.sleep(Duration::from_millis(1)).await;
                }
                most
            };
            let (_, most) = crate::talk::both(crowd(&site), watch).await;
            assert_eq!(most, 3);
        });
    });
}

#[test]
fn a_backend_gets_no_more_connections_than_it_may() {
    seeds::each("a_backend_gets_no_more_connections_than_it_may", SEEDS, |seed| {
        for most in [1, 2] {
            let limit = |config: &mut Config| {
                patient(config);
                config.clusters[0].backends[0].max_connections = Some(most);
            };
            site(seed, limit, |site| async move {
                let server = start(&site, 0);
                server.delay.set(DELAY);
                let since = site.now();
                crowd(&site).await;
                assert_eq!(server.connections_most.get(), most as usize);
                let least = DELAY * CLIENTS as u32 / most;
                let took = site.now().since(since);
                assert!((least..least + 2 * TURN * CLIENTS as u32).contains(&took), "{took:?}");
            });
        }
    });
}

#[test]
fn an_idle_connection_makes_room_for_one_that_is_needed() {
    seeds::each("an_idle_connection_makes_room_for_one_that_is_needed", SEEDS, |seed| {
        // Of the backend, and of the cluster as a whole.
        let of_backend = |config: &mut Config| {
            config.clusters[0].backends.truncate(1);
            config.clusters[0].backends[0].max_connections = Some(1);
        };
        let of_cluster = |config: &mut Config| config.clusters[0].max_connections = Some(1);
        let scenario = |site: Site| async move {
            let servers = [start(&site, 0), start(&site, 1)];
            for _ in 0..4 {
                assert_eq!(ask(&site, "").await.status, 200);
                site.sleep(TURN).await;
                assert_eq!(site.snapshot().await.pooled, 1);
                // What goes through a TCP listener is never a connection that was used before.
                let accepts = || servers.iter().map(|server| server.accepts.get()).sum::<usize>();
                let before = accepts();
                let mut tcp = site.connect(TCP).await;
                assert!(site.send(&tcp, b"GET / HTTP/1.1\r\n\r\n").await);
                crate::site::take_ok(&mut tcp).await;
                assert_eq!(accepts(), before + 1);
                tcp.stream.reset_on_close();
                drop(tcp);
                site.sleep(TURN).await;
            }
            let open: usize = servers.iter().map(|server| server.connections_most.get()).max().unwrap_or(0);
            assert_eq!(open, 1);
        };
        site(seed, of_backend, scenario);
        site(seed, of_cluster, scenario);
    });
}

#[test]
fn a_backend_that_comes_back_serves_all_who_wait_and_fit() {
    seeds::each("a_backend_that_comes_back_serves_all_who_wait_and_fit", SEEDS, |seed| {
        use ringway_health::board::{Decision, Member};
        use ringway_shards::Command;
        let limit = |config: &mut Config| {
            let cluster = &mut config.clusters[0];
            cluster.queue_timeout = Duration::from_secs(20);
            cluster.backends.iter_mut().for_each(|backend| backend.max_in_flight = Some(4));
        };
        site(seed, limit, |site| async move {
            let servers = [start(&site, 0), start(&site, 1)];
            servers.iter().for_each(|server| server.delay.set(20 * DELAY));
            let member = Member { cluster: 0, backend: 1 };
            let health = |healthy| Command::Decide(Decision::Health { member, healthy });
            site.command(health(false)).await;
            let returning = async {
                site.sleep(DELAY).await;
                assert_eq!(site.load(0).0, 4);
                assert_eq!(site.load(1).0, 0);
                site.command(health(true)).await;
                site.sleep(DELAY).await;
                assert_eq!(site.load(1).0, 4);
            };
            crate::talk::both(crowd(&site), returning).await;
        });
    });
}

#[test]
fn retries_are_no_more_than_the_budget_of_the_cluster() {
    seeds::each("retries_are_no_more_than_the_budget_of_the_cluster", SEEDS, |seed| {
        let limit = |config: &mut Config| {
            let cluster = &mut config.clusters[0];
            (cluster.retries, cluster.retry_budget, cluster.retry_budget_min) = (3, 0, 1);
        };
        site(seed, limit, |site| async move {
            let servers = [start(&site, 0), start(&site, 1)];
            // They take requests and answer none.
            servers.iter().for_each(|server| server.status.set(0));
            let attempts = || servers.iter().map(|server| server.take()).sum::<usize>();
            assert_eq!(ask(&site, "").await.status, 502);
            assert_eq!(attempts(), 2, "one retry a second");
            for _ in 0..5 {
                assert_eq!(ask(&site, "").await.status, 502);
                assert_eq!(attempts(), 1, "no retry is left");
            }
            let counters = site.snapshot().await.counters;
            assert_eq!((counters.redispatches, counters.retries_refused), (1, 6), "{counters:?}");
            site.sleep(Duration::from_secs(1)).await;
            assert_eq!(ask(&site, "").await.status, 502);
            assert_eq!(attempts(), 2, "there is one again");
        });
    });
}

#[test]
fn shards_share_the_limit_of_a_backend_and_take_turns() {
    seeds::each("shards_share_the_limit_of_a_backend_and_take_turns", SEEDS, |seed| {
        let limit = |config: &mut Config| {
            patient(config);
            config.clusters[0].backends[0].max_in_flight = Some(2);
        };
        site(seed, limit, |site| async move {
            let (server, other) = (start(&site, 0), site.another());
            server.delay.set(DELAY);
            let one = async |n: usize| {
                site.sleep(Duration::from_millis(n as u64)).await;
                let reply = ask([&site, &other][n % 2], &format!("X-Id: {n}\r\n")).await;
                assert_eq!(reply.status, 200, "{n}: {:?}", reply.head);
            };
            all((0..CLIENTS).map(one)).await;
            assert_eq!(server.requests.most.get(), 2);
            let came: Vec<_> = server.heads.borrow().iter().filter_map(|head| head.number("x-id")).collect();
            assert_eq!(came, (0..CLIENTS).collect::<Vec<_>>());
            assert!(other.drain(DELAY).await.drained);
        });
    });
}

#[test]
fn a_shard_gives_its_idle_connection_up_for_another() {
    seeds::each("a_shard_gives_its_idle_connection_up_for_another", SEEDS, |seed| {
        let limit = |config: &mut Config| {
            config.clusters[0].backends.truncate(1);
            config.clusters[0].backends[0].max_connections = Some(1);
        };
        site(seed, limit, |site| async move {
            let (server, other) = (start(&site, 0), site.another());
            for n in 0..6 {
                let since = site.now();
                assert_eq!(
                    ask([&site, &other][n % 2], "").await.status,
                    200,
                    "it waits, though it is not told to"
                );
                assert!(site.now().since(since) < SOON, "{:?}", site.now().since(since));
                site.sleep(TURN / 2).await;
                assert_eq!((site.load(0), server.accepts.get()), ((0, 1), n + 1));
            }
            assert_eq!(server.connections_most.get(), 1);
            assert!(other.drain(DELAY).await.drained);
        });
    });
}

#[test]
fn shards_share_the_limit_of_a_source() {
    seeds::each("shards_share_the_limit_of_a_source", SEEDS, |seed| {
        let limit = |config: &mut Config| {
            config.daemon.max_in_flight_per_source = Some(3);
            config.daemon.source_queue_timeout = Duration::from_secs(20);
        };
        site(seed, limit, |site| async move {
            let (servers, other) = ([start(&site, 0), start(&site, 1)], site.another());
            servers.iter().for_each(|server| server.delay.set(DELAY));
            let since = site.now();
            let one = async |n: usize| assert_eq!(ask([&site, &other][n % 2], "").await.status, 200);
            all((0..CLIENTS).map(one)).await;
            let took = site.now().since(since);
            let rounds = CLIENTS as u32 / 3;
            assert!((DELAY * rounds..(DELAY + 2 * TURN) * rounds).contains(&took), "{took:?}");
            assert!(other.drain(DELAY).await.drained);
        });
    });
}

#[test]
fn as_many_requests_as_there_may_be_connections_are_never_refused() {
    const MOST: usize = 4;
    let limit = |config: &mut Config| {
        config.clusters[0].backends.truncate(1);
        config.clusters[0].backends[0].max_connections = Some(MOST as u32);
    };
    seeds::each("as_many_requests_as_there_may_be_connections_are_never_refused", SEEDS, |seed| {
        site(seed, limit, |site| async move {
            let (server, other) = (start(&site, 0), site.another());
            server.delay.set(Duration::from_millis(3));
            // Each in turn asks both shards, at its own pace, so that connections are idle where they are not wanted.
            let one = async |n: usize| {
                for round in 0..40 {
                    let reply = ask([&site, &other][(n + round) % 2], "").await;
                    assert_eq!(reply.status, 200, "{n}, {round}: {:?}", reply.head);
                    site.sleep(Duration::from_micros(700 * n as u64)).await;
                }
            };
            all((0..MOST).map(one)).await;
            assert_eq!(server.connections_most.get(), MOST);
            assert!(other.drain(DELAY).await.drained);
        });
    });
}

#[test]
fn a_request_whose_client_is_gone_gives_its_place_up() {
    const GONE: usize = 5;
    seeds::each("a_request_whose_client_is_gone_gives_its_place_up", SEEDS, |seed| {
        site(seed, one_at_a_time, |site| async move {
            let server = start(&site, 0);
            server.delay.set(DELAY);
            let since = site.now();
            let first = async || assert_eq!(ask(&site, "X-Id: first\r\n").await.status, 200);
            let gone = async |n: usize| {
                site.sleep(TURN).await;
                let mut client = site.client().await;
                assert!(site.send(&client, b"GET /gone HTTP/1.1\r\nHost: sim.example\r\n\r\n").await);
                site.sleep(TURN).await;
                match n % 2 {
                    0 => client.stream.reset_on_close(),
                    _ => client.stream.shutdown_write(),
                }
                // Half of them wait for the end of their half of the connection.
                if n % 2 == 1 {
                    crate::site::end(&mut client).await;
                }
            };
            let last = async || {
                site.sleep(3 * TURN).await;
                assert_eq!(ask(&site, "X-Id: last\r\n").await.status, 200);
                assert!(site.now().since(since) < 2 * DELAY + 4 * TURN, "{:?}", site.now().since(since));
            };
            all((0..GONE + 2).map(async |n: usize| match n {
                0 => first().await,
                1 => last().await,
                n => gone(n).await,
            }))
            .await;
            assert_eq!(server.take(), 2, "who is gone gets nothing from the backend");
            assert_eq!(site.load(0).0, 0);
        });
    });
}

#[test]
fn what_a_client_sends_behind_a_request_that_waits_is_served_after_it() {
    seeds::each("what_a_client_sends_behind_a_request_that_waits_is_served_after_it", SEEDS, |seed| {
        site(seed, one_at_a_time, |site| async move {
            let server = start(&site, 0);
            server.delay.set(DELAY);
            let other = async || assert_eq!(ask(&site, "").await.status, 200);
            let pipelining = async || {
                let mut client = site.client().await;
                site.sleep(TURN).await;
                for _ in 0..2 {
                    assert!(site.send(&client, b"GET / HTTP/1.1\r\nHost: sim.example\r\n\r\n").await);
                    site.sleep(TURN).await;
                }
                crate::site::take_ok(&mut client).await;
                crate::site::take_ok(&mut client).await;
            };
            all((0..2).map(async |n: usize| if n == 0 { other().await } else { pipelining().await })).await;
            assert_eq!(server.take(), 3);
        });
    });
}
