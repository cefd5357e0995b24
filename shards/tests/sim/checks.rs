//! Active health checks of a shard: when it probes, what it makes of the answers, whom it tells, and whom it leaves to others.

use std::sync::Arc;
use std::time::Duration;

use ringway_core::Config;
use ringway_core::config::{Backend, CheckProtocol, HealthCheck};
use ringway_health::board::{Decision, Member, Signal};
use ringway_shards::{Command, Live};

use crate::config::origin_address;
use crate::seeds;
use crate::server::{Running, ask, start};
use crate::site::{Site, site, site_among};

const SEEDS: u64 = 6;
const INTERVAL: Duration = Duration::from_secs(2);
/// Chance moves the start of a probe by so much at most, and it takes a moment.
const SLACK: Duration = Duration::from_millis(100);
/// Until as many probes as it takes have begun and ended, whenever the first one is due.
const UNTIL_FLIP: Duration = Duration::from_secs(3 * 2).saturating_add(SLACK);

fn check(config: &mut Config) {
    config.clusters[0].health_check = Some(HealthCheck {
        path: "/up".into(),
        interval: INTERVAL,
        fast_interval: INTERVAL,
        timeout: INTERVAL / 2,
        ..HealthCheck::default()
    });
}

fn tcp_check(config: &mut Config) {
    check(config);
    if let Some(check) = &mut config.clusters[0].health_check {
        check.protocol = CheckProtocol::Tcp;
    }
}

const SECOND: Member = Member { cluster: 0, backend: 1 };

/// What was told is one verdict, on the second backend.
#[track_caller]
fn one_verdict(told: &[Signal], expected: bool) -> String {
    let [Signal::Probed { member: SECOND, healthy, reason }] = told else { panic!("one verdict: {told:?}") };
    assert_eq!(*healthy, expected, "{reason}");
    reason.clone()
}

/// How many of `count` requests reach the second backend.
async fn share(site: &Site, servers: &[Running], count: usize) -> usize {
    servers.iter().for_each(|server| drop(server.heads.take()));
    for _ in 0..count {
        assert_eq!(ask(site, "").await.status, 200);
    }
    let second = servers[1].heads.take();
    second.iter().filter(|head| head.start.starts_with("GET / ")).count()
}

#[test]
fn each_backend_is_probed_once_in_each_interval() {
    seeds::each("each_backend_is_probed_once_in_each_interval", SEEDS, |seed| {
        site(seed, check, |site| async move {
            let servers = [start(&site, 0), start(&site, 1)];
            site.sleep(10 * INTERVAL + SLACK).await;
            for (origin, server) in servers.iter().enumerate() {
                let heads = server.heads.take();
                assert!((10..=11).contains(&heads.len()), "{} probes", heads.len());
                for head in &heads {
                    assert_eq!(head.start, "GET /up HTTP/1.1");
                    assert_eq!(head.field("host"), Some(origin_address(origin).to_string().as_str()));
                }
            }
            let snapshot = site.snapshot().await;
            let counters = snapshot.counters;
            assert_eq!((snapshot.checks, counters.probes_failed, counters.probes_skipped), (2, 0, 0));
            assert!((20..=22).contains(&counters.probes), "{counters:?}");
            assert_eq!(site.told(), [], "a backend that is well is no news");
        });
    });
}

#[test]
fn a_backend_that_answers_500_thrice_is_told_once_and_so_is_its_return() {
    seeds::each("a_backend_that_answers_500_thrice_is_told_once_and_so_is_its_return", SEEDS, |seed| {
        site(seed, check, |site| async move {
            let servers = [start(&site, 0), start(&site, 1)];
            site.sleep(INTERVAL).await;
            let health = |healthy| Command::Decide(Decision::Health { member: SECOND, healthy });
            servers[1].status.set(500);
            site.sleep(2 * INTERVAL - SLACK).await;
            assert_eq!(site.told(), [], "two are not enough");
            site.sleep(UNTIL_FLIP + 5 * INTERVAL).await;
            let reason = one_verdict(&site.told(), false);
            assert!(reason.contains("500"), "{reason}");
            // Until all shards are told it goes on; then nothing but probes gets there.
            site.command(health(false)).await;
            servers[1].status.set(200);
            assert_eq!(share(&site, &servers, 20).await, 0);
            site.sleep(UNTIL_FLIP + 5 * INTERVAL).await;
            one_verdict(&site.told(), true);
            assert_eq!(share(&site, &servers, 20).await, 0, "the coordinator decides");
            site.command(health(true)).await;
            assert!(share(&site, &servers, 20).await > 0);
        });
    });
}

#[test]
fn a_failure_among_successes_is_no_news() {
    seeds::each("a_failure_among_successes_is_no_news", SEEDS, |seed| {
        site(seed, check, |site| async move {
            let servers = [start(&site, 0), start(&site, 1)];
            site.sleep(INTERVAL).await;
            for _ in 0..4 {
                servers[1].status.set(500);
                site.sleep(2 * INTERVAL - SLACK).await;
                servers[1].status.set(200);
                site.sleep(INTERVAL + 2 * SLACK).await;
            }
            assert!(site.snapshot().await.counters.probes_failed >= 4);
            assert_eq!(site.told(), []);
        });
    });
}

#[test]
fn a_backend_that_does_not_answer_in_time_is_unwell() {
    seeds::each("a_backend_that_does_not_answer_in_time_is_unwell", SEEDS, |seed| {
        site(seed, check, |site| async move {
            let servers = [start(&site, 0), start(&site, 1)];
            servers[1].delay.set(INTERVAL);
            site.sleep(UNTIL_FLIP + INTERVAL).await;
            let reason = one_verdict(&site.told(), false);
            assert!(reason.contains("1 s"), "{reason}");
        });
    });
}

#[test]
fn a_tcp_check_connects_and_says_nothing() {
    seeds::each("a_tcp_check_connects_and_says_nothing", SEEDS, |seed| {
        site(seed, tcp_check, |site| async move {
            let servers = [start(&site, 0), start(&site, 1)];
            site.sleep(5 * INTERVAL + SLACK).await;
            // A connection that is reset at once is one that a backend need not even hear of.
            let counters = site.snapshot().await.counters;
            assert!((10..=12).contains(&counters.probes) && counters.probes_failed == 0, "{counters:?}");
            assert_eq!((servers[0].take(), servers[1].take()), (0, 0));
            assert_eq!(site.told(), []);
            let [_first, second] = servers;
            second.close(&site).await;
            site.sleep(UNTIL_FLIP + 2 * INTERVAL).await;
            one_verdict(&site.told(), false);
            let _second = start(&site, 1);
            site.sleep(UNTIL_FLIP + 2 * INTERVAL).await;
            one_verdict(&site.told(), true);
        });
    });
}

#[test]
fn a_shard_probes_what_it_owns_and_all_of_it_once_it_is_alone() {
    const BACKENDS: usize = 8;
    let many = |config: &mut Config| {
        config.clusters[0].backends = (0..BACKENDS).map(|n| Backend::new(origin_address(n))).collect();
        check(config);
    };
    let live = |shards: &[u16], unhealthy: Vec<Member>| {
        Command::Live(Arc::new(Live { shards: shards.to_vec(), unhealthy }))
    };
    seeds::each("a_shard_probes_what_it_owns_and_all_of_it_once_it_is_alone", SEEDS, |seed| {
        site_among(seed, 2, many, |site| async move {
            let servers: Vec<_> = (0..BACKENDS).map(|origin| start(&site, origin)).collect();
            let probes = || servers.iter().map(Running::take).collect::<Vec<_>>();
            site.sleep(INTERVAL + SLACK).await;
            let owned = probes();
            let count = owned.iter().filter(|probes| **probes > 0).count();
            assert_eq!(site.snapshot().await.checks, count as u64, "{owned:?}");
            assert!((1..BACKENDS).contains(&count), "{owned:?}");

            // The other shard found one of its own unwell before it died.
            let other = owned.iter().position(|probes| *probes == 0).expect("not all are ours");
            let member = Member { cluster: 0, backend: other as u32 };
            site.command(live(&[0], vec![member])).await;
            site.sleep(INTERVAL + SLACK).await;
            let all = probes();
            assert!(all.iter().all(|probes| (1..=2).contains(probes)), "{all:?}");
            site.sleep(UNTIL_FLIP).await;
            let told = site.told();
            let [Signal::Probed { member: well, healthy: true, .. }] = &told[..] else { panic!("{told:?}") };
            assert_eq!(*well, member);

            // One that is back takes its share again.
            site.command(live(&[0, 1], Vec::new())).await;
            probes();
            site.sleep(INTERVAL + SLACK).await;
            let again = probes();
            let same = owned.iter().zip(&again).all(|(before, now)| (*before > 0) == (*now > 0));
            assert!(same, "{owned:?}, {again:?}");
        });
    });
}

#[test]
fn black_holes_do_not_cost_a_good_backend_its_interval() {
    const HOLES: usize = 300;
    const INTERVAL: Duration = Duration::from_secs(10);
    let many = |config: &mut Config| {
        config.clusters[0].backends = (0..=HOLES).map(|n| Backend::new(origin_address(n))).collect();
        config.clusters[0].health_check = Some(HealthCheck::default());
    };
    seeds::each("black_holes_do_not_cost_a_good_backend_its_interval", 3, |seed| {
        site(seed, many, |site| async move {
            let good = start(&site, 0);
            (1..=HOLES).for_each(|hole| site.black_hole(hole));
            // Until each of them is known for what it is.
            site.sleep(4 * INTERVAL).await;
            good.take();
            let before = site.snapshot().await.counters.probes;
            site.sleep(6 * INTERVAL).await;
            // One at the edge falls to the one side or the other by its jitter.
            let probes = good.take();
            assert!((5..=7).contains(&probes), "{probes} probes in six intervals");
            let all = site.snapshot().await.counters.probes - before;
            // 48 at once, of five seconds each.
            assert!((11 * 48..=13 * 48 + 7).contains(&all), "{all} probes");
            // Those under way end, and those that wait for a slot are another shard's now.
            let live = Live { shards: vec![1], unhealthy: Vec::new() };
            site.command(Command::Live(Arc::new(live))).await;
            site.sleep(INTERVAL).await;
            let after = site.snapshot().await.counters.probes - before;
            assert!(after <= all + 48 + 1, "{after} after {all}");
        });
    });
}

#[test]
fn a_backend_that_is_down_without_traffic_is_up_again_by_its_check() {
    seeds::each("a_backend_that_is_down_without_traffic_is_up_again_by_its_check", SEEDS, |seed| {
        site(seed, check, |site| async move {
            let servers = [start(&site, 0), start(&site, 1)];
            let reach = |up| Command::Decide(Decision::Reach { member: SECOND, up });
            // What it achieved before is of no account.
            site.sleep(5 * INTERVAL).await;
            site.command(reach(false)).await;
            site.sleep(2 * INTERVAL - SLACK).await;
            assert_eq!(site.told(), [], "two are not enough");
            servers[1].status.set(500);
            site.sleep(INTERVAL).await;
            servers[1].status.set(200);
            site.sleep(2 * INTERVAL - SLACK).await;
            assert_eq!(site.told(), [], "in a row");
            site.sleep(2 * INTERVAL).await;
            assert_eq!(site.told(), [Signal::Up { member: SECOND }]);
            site.command(reach(true)).await;
            assert!(share(&site, &servers, 20).await > 0);
            site.sleep(5 * INTERVAL).await;
            assert_eq!(site.told(), [], "it was told");
        });
    });
}

#[test]
fn a_backend_that_is_down_and_unwell_is_only_told_well() {
    seeds::each("a_backend_that_is_down_and_unwell_is_only_told_well", SEEDS, |seed| {
        site(seed, check, |site| async move {
            let servers = [start(&site, 0), start(&site, 1)];
            servers[1].status.set(500);
            site.command(Command::Decide(Decision::Reach { member: SECOND, up: false })).await;
            site.sleep(UNTIL_FLIP + INTERVAL).await;
            one_verdict(&site.told(), false);
            site.command(Command::Decide(Decision::Health { member: SECOND, healthy: false })).await;
            servers[1].status.set(200);
            // The coordinator takes who is well again for reached.
            site.sleep(3 * INTERVAL + SLACK).await;
            one_verdict(&site.told(), true);
        });
    });
}
