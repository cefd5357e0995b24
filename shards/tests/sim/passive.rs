//! What a shard's own traffic says of backends, and whom it tells.

use std::time::Duration;

use ringway_core::Config;
use ringway_core::config::OutlierDetection;
use ringway_health::board::{Decision, FailureKind, Member, Signal};
use ringway_shards::Command;

use crate::seeds;
use crate::server::{ask, start};
use crate::site::{Site, site};

const SEEDS: u64 = 6;
const FIRST: Member = Member { cluster: 0, backend: 0 };
/// Longer than the longest back-off of a backend that is not down yet.
const BACK_OFF_MAX: Duration = Duration::from_secs(32);

/// One backend, and outliers by runs only.
fn watched(config: &mut Config) {
    let cluster = &mut config.clusters[0];
    cluster.backends.truncate(1);
    cluster.outlier_detection = Some(OutlierDetection {
        server_errors: 5,
        gateway_errors: 3,
        connect_failures: 2,
        success_rate_deviations: 0,
        ..OutlierDetection::default()
    });
}

fn outlier(kind: FailureKind, run: u32) -> Signal {
    Signal::Outlier { member: FIRST, kind, run }
}

#[test]
fn a_run_of_server_errors_is_told_once() {
    seeds::each("a_run_of_server_errors_is_told_once", SEEDS, |seed| {
        site(seed, watched, |site| async move {
            let server = start(&site, 0);
            let asks = async |count: usize, status: u16| {
                server.status.set(status);
                for _ in 0..count {
                    assert_eq!(ask(&site, "").await.status, status);
                }
            };
            asks(4, 500).await;
            asks(1, 200).await;
            asks(4, 500).await;
            assert_eq!(site.told(), [], "an answer that is none ends the run");
            asks(1, 500).await;
            assert_eq!(site.told(), [outlier(FailureKind::ServerErrors, 5)]);
            asks(4, 500).await;
            assert_eq!(site.told(), [], "it was told");
            asks(1, 404).await;
            // Those count as both.
            asks(4, 503).await;
            assert_eq!(site.told(), [outlier(FailureKind::GatewayErrors, 3)]);
        });
    });
}

#[test]
fn answers_that_break_off_before_they_begin_are_gateway_errors() {
    seeds::each("answers_that_break_off_before_they_begin_are_gateway_errors", SEEDS, |seed| {
        site(seed, watched, |site| async move {
            let server = start(&site, 0);
            server.status.set(0);
            for _ in 0..3 {
                assert_eq!(ask(&site, "").await.status, 502);
            }
            assert_eq!(site.told(), [outlier(FailureKind::GatewayErrors, 3)]);
        });
    });
}

#[test]
fn a_run_of_failed_connects_is_told_once_and_a_connection_ends_it() {
    seeds::each("a_run_of_failed_connects_is_told_once_and_a_connection_ends_it", SEEDS, |seed| {
        site(seed, watched, |site| async move {
            let outliers = || {
                let mut told = site.told();
                told.retain(|signal| matches!(signal, Signal::Outlier { .. }));
                told
            };
            assert_eq!(ask(&site, "").await.status, 503);
            assert_eq!(outliers(), []);
            site.sleep(BACK_OFF_MAX).await;
            assert_eq!(ask(&site, "").await.status, 503);
            assert_eq!(outliers(), [outlier(FailureKind::ConnectFailures, 2)]);
            site.sleep(BACK_OFF_MAX).await;
            let server = start(&site, 0);
            assert_eq!(ask(&site, "").await.status, 200);
            server.close(&site).await;
            site.sleep(BACK_OFF_MAX).await;
            assert_eq!(ask(&site, "").await.status, 503);
            assert_eq!(outliers(), [], "the run began anew");
        });
    });
}

#[test]
fn a_backend_that_can_not_be_reached_is_told_down_once_and_up_once() {
    let other_serves = |config: &mut Config| config.clusters[0].retries = 1;
    seeds::each("a_backend_that_can_not_be_reached_is_told_down_once_and_up_once", SEEDS, |seed| {
        site(seed, other_serves, |site| async move {
            let _other = start(&site, 1);
            let mut told = Vec::new();
            for _ in 0..400 {
                assert_eq!(ask(&site, "").await.status, 200, "the other one serves");
                site.sleep(Duration::from_millis(500)).await;
                told.extend(site.told());
            }
            let [Signal::Down { member: FIRST, reason }] = &told[..] else { panic!("{told:?}") };
            assert!(reason.starts_with("connect: "), "{reason}");

            let first = start(&site, 0);
            for _ in 0..400 {
                assert_eq!(ask(&site, "").await.status, 200);
                site.sleep(Duration::from_millis(500)).await;
            }
            assert_eq!(site.told(), [Signal::Up { member: FIRST }]);
            assert!(first.take() > 0);
        });
    });
}

#[test]
fn a_backend_that_another_shard_reaches_again_is_not_held_back() {
    let only_one = |config: &mut Config| {
        config.clusters[0].backends.truncate(1);
    };
    seeds::each("a_backend_that_another_shard_reaches_again_is_not_held_back", SEEDS, |seed| {
        site(seed, only_one, |site| async move {
            assert_eq!(ask(&site, "").await.status, 503);
            let first = start(&site, 0);
            assert_eq!(ask(&site, "").await.status, 503, "it waits");
            site.command(Command::Decide(Decision::Reach { member: FIRST, up: true })).await;
            assert_eq!(ask(&site, "").await.status, 200);
            assert_eq!(site.told(), [], "it is no news");
            assert_eq!(first.take(), 1);
            drop(first);
        });
        site(seed, only_one, |site| async move {
            assert_eq!(ask(&site, "").await.status, 503);
            let _first = start(&site, 0);
            site.sleep(BACK_OFF_MAX).await;
            assert_eq!(ask(&site, "").await.status, 200);
            assert_eq!(site.told(), [Signal::Recovered { member: FIRST }]);
        });
    });
}

#[test]
fn what_success_rates_need_is_told_every_second() {
    let rates = |config: &mut Config| {
        watched(config);
        if let Some(outlier) = &mut config.clusters[0].outlier_detection {
            outlier.success_rate_deviations = 190;
        }
    };
    seeds::each("what_success_rates_need_is_told_every_second", SEEDS, |seed| {
        site(seed, rates, |site| async move {
            let server = start(&site, 0);
            let second = Duration::from_millis(1_050);
            for status in [200, 404, 500, 200, 503] {
                server.status.set(status);
                assert_eq!(ask(&site, "").await.status, status);
            }
            site.sleep(second).await;
            assert_eq!(site.told_counts(), [(0, 5, 2)]);
            site.sleep(second).await;
            assert_eq!(site.told_counts(), [], "there was nothing to tell");
            server.close(&site).await;
            assert_eq!(ask(&site, "").await.status, 503);
            site.sleep(second).await;
            assert_eq!(site.told_counts(), [], "a request that did not get there is none");
        });
    });
}

#[test]
fn requests_that_go_to_backends_that_are_unwell_are_told_when_they_begin_and_when_they_end() {
    let name = "requests_that_go_to_backends_that_are_unwell_are_told_when_they_begin_and_when_they_end";
    seeds::each(name, SEEDS, |seed| {
        site(
            seed,
            |config| config.clusters[0].backends.truncate(1),
            |site| async move {
                let _server = start(&site, 0);
                let health = |healthy| Command::Decide(Decision::Health { member: FIRST, healthy });
                let fail_open = |entered| Signal::FailOpen { cluster: 0, shard: 0, entered };
                for _ in 0..2 {
                    site.command(health(false)).await;
                    for _ in 0..3 {
                        assert_eq!(ask(&site, "").await.status, 200, "better than none");
                    }
                    assert_eq!(site.told(), [fail_open(true)]);
                    site.command(health(true)).await;
                    for _ in 0..3 {
                        assert_eq!(ask(&site, "").await.status, 200);
                    }
                    assert_eq!(site.told(), [fail_open(false)]);
                }
                assert_eq!(site.snapshot().await.counters.fail_open, 6);
            },
        );
    });
}

#[test]
fn the_end_of_failing_open_is_told_without_another_request() {
    let alone = |config: &mut Config| config.clusters[0].backends.truncate(1);
    let fail_opens = |site: &Site| {
        let mut told = site.told();
        told.retain(|signal| matches!(signal, Signal::FailOpen { .. }));
        told
    };
    let fail_open = |entered| Signal::FailOpen { cluster: 0, shard: 0, entered };
    seeds::each("the_end_of_failing_open_is_told_without_another_request", SEEDS, |seed| {
        site(seed, alone, move |site| async move {
            let server = start(&site, 0);
            // By a decision: at once.
            for decision in [
                |up| Decision::Health { member: FIRST, healthy: up },
                |up| Decision::Reach { member: FIRST, up },
            ] {
                site.command(Command::Decide(decision(false))).await;
                // One that is down gets a trial, within a second.
                site.sleep(Duration::from_secs(1)).await;
                server.status.set(0);
                ask(&site, "").await;
                server.status.set(200);
                assert_eq!(fail_opens(&site), [fail_open(true)]);
                site.sleep(3 * BACK_OFF_MAX).await;
                assert_eq!(fail_opens(&site), [], "it has not answered, and nobody said that it would");
                site.command(Command::Decide(decision(true))).await;
                assert_eq!(fail_opens(&site), [fail_open(false)]);
            }
            // By the answer to the last request.
            server.close(&site).await;
            while fail_opens(&site).is_empty() {
                ask(&site, "").await;
                site.sleep(Duration::from_millis(500)).await;
            }
            let _server = start(&site, 0);
            while ask(&site, "").await.status != 200 {
                site.sleep(Duration::from_millis(500)).await;
            }
            site.sleep(Duration::from_millis(1_100)).await;
            assert_eq!(fail_opens(&site), [fail_open(false)]);
        });
    });
}

#[test]
fn a_backend_that_returns_has_all_its_failures_before_it() {
    seeds::each("a_backend_that_returns_has_all_its_failures_before_it", SEEDS, |seed| {
        site(seed, watched, |site| async move {
            let server = start(&site, 0);
            server.status.set(500);
            let asks = async |count: usize| {
                for _ in 0..count {
                    assert_eq!(ask(&site, "").await.status, 500);
                }
                let mut told = site.told();
                told.retain(|signal| matches!(signal, Signal::Outlier { .. }));
                told
            };
            let health = |healthy| Command::Decide(Decision::Health { member: FIRST, healthy });
            assert_eq!(asks(5).await, [outlier(FailureKind::ServerErrors, 5)]);
            site.command(health(false)).await;
            assert_eq!(asks(4).await, [], "there is no other to serve");
            site.command(health(true)).await;
            assert_eq!(asks(4).await, []);
            assert_eq!(asks(1).await, [outlier(FailureKind::ServerErrors, 5)]);
        });
    });
}

#[test]
fn a_backend_that_is_down_is_told_up_whatever_its_check_said_meanwhile() {
    let other_serves = |config: &mut Config| config.clusters[0].retries = 1;
    seeds::each("a_backend_that_is_down_is_told_up_whatever_its_check_said_meanwhile", SEEDS, |seed| {
        site(seed, other_serves, |site| async move {
            let _other = start(&site, 1);
            let asks = async |until: &dyn Fn(&[Signal]) -> bool| {
                let mut told = Vec::new();
                for _ in 0..400 {
                    assert_eq!(ask(&site, "").await.status, 200, "the other one serves");
                    site.sleep(Duration::from_millis(500)).await;
                    told.extend(site.told());
                    if until(&told) {
                        break;
                    }
                }
                told
            };
            let told = asks(&|told| !told.is_empty()).await;
            assert!(matches!(&told[..], [Signal::Down { member: FIRST, .. }]), "{told:?}");
            for decision in [
                Decision::Reach { member: FIRST, up: false },
                Decision::Health { member: FIRST, healthy: false },
                Decision::Health { member: FIRST, healthy: true },
            ] {
                site.command(Command::Decide(decision)).await;
            }
            let first = start(&site, 0);
            assert_eq!(asks(&|_| false).await, [Signal::Up { member: FIRST }]);
            assert!(first.take() > 0);
        });
    });
}
