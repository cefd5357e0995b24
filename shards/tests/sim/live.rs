//! Configurations that change while requests are under way.

mod churn;
mod listeners;
mod settings;

use std::rc::Rc;
use std::time::Duration;

use ringway_core::Config;
use ringway_health::board::Signal;

use crate::http::Wire;
use crate::seeds;
use crate::server::{ask, ask_for, start};
use crate::site::{End, GET, OK, Site, end, head, own_answer, serve, silent_end, site, take_ok};

const SEEDS: u64 = 6;

/// Two backends, without a word more.
fn plain(_: &mut Config) {}

/// One backend.
fn alone(config: &mut Config) {
    config.clusters[0].backends.truncate(1);
}

/// What the shard says of removed backends.
fn drained(site: &Site) -> Vec<Signal> {
    site.told().into_iter().filter(|signal| matches!(signal, Signal::Drained { .. })).collect()
}

async fn get(site: &Site, client: &Wire) {
    assert!(site.send(client, GET).await);
}

const SECOND: &str =
    r#"{"change":"backend_add","cluster":"default","backend":"b","set":{"address":"127.0.0.1:9001"}}"#;
const FIRST_GOES: &str = r#"{"change":"backend_remove","cluster":"default","backend":"127.0.0.1:9000"}"#;

#[test]
fn a_change_holds_from_its_commit_on_and_not_if_it_is_aborted() {
    seeds::each("a_change_holds_from_its_commit_on_and_not_if_it_is_aborted", SEEDS, |seed| {
        site(seed, alone, |site| async move {
            let (first, second) = (start(&site, 0), start(&site, 1));
            let before = site.control().hash();
            let change = || site.control().stage(&[SECOND, FIRST_GOES]);
            let asked = async || {
                assert_eq!(ask(&site, "").await.status, 200);
                (first.take(), second.take())
            };
            site.prepare(&change()).await.expect("it follows");
            assert_eq!(asked().await, (1, 0), "it is only prepared");
            site.tell(ringway_shards::Command::Abort);
            assert_eq!((site.commit().await, asked().await), (before, (1, 0)), "it was left");
            assert_eq!(site.commit().await, before, "there is nothing to commit");
            site.carry_out(change(), &[]).await;
            assert_eq!(asked().await, (0, 1));
            assert_ne!(site.snapshot().await.state_hash, before);
            assert_eq!(site.snapshot().await.state_hash, site.control().hash());
        });
    });
}

#[test]
fn a_change_that_does_not_follow_what_a_shard_serves_by_is_refused() {
    seeds::each("a_change_that_does_not_follow_what_a_shard_serves_by_is_refused", SEEDS, |seed| {
        site(seed, plain, |site| async move {
            let (early, late) = (site.control().stage(&[FIRST_GOES]), site.control().stage(&[FIRST_GOES]));
            site.carry_out(early, &[]).await;
            let refused = site.prepare(&late).await.expect_err("it was made for the configuration before");
            assert!(refused.contains("number 2") && refused.contains("number 1"), "{refused}");
            let hash = site.control().hash();
            assert_eq!(site.commit().await, hash, "nothing is prepared");
            // The next one follows again.
            site.change(&[r#"{"change":"cluster_update","cluster":"default","set":{"retries":2}}"#]).await;
            site.change(&[r#"{"change":"cluster_update","cluster":"default","set":{"retries":1}}"#]).await;
        });
    });
}

#[test]
fn a_removed_cluster_answers_what_it_has_and_nothing_more() {
    seeds::each("a_removed_cluster_answers_what_it_has_and_nothing_more", SEEDS, |seed| {
        let http_only = |config: &mut Config| config.listeners.truncate(1);
        site(seed, http_only, |site| async move {
            let (first, second) = (site.listen(0), site.listen(1));
            let mut client = site.client().await;
            get(&site, &client).await;
            // Which of the two it is, is drawn.
            let (mut origin, member) = busy_one(&site, &first, &second).await;
            head(&mut origin).await;
            site.change(&[r#"{"change":"cluster_remove","cluster":"default"}"#]).await;
            let told = drained(&site);
            assert_eq!(told.len(), 1, "the one that has nothing: {told:?}");
            assert!(!told.contains(&Signal::Drained { member, shard: 0 }));
            assert!(site.send(&origin, OK).await);
            take_ok(&mut client).await;
            assert_eq!(silent_end(&mut origin).await, End::Clean, "it is not kept");
            assert_eq!(drained(&site), [Signal::Drained { member, shard: 0 }]);
            get(&site, &client).await;
            own_answer(&mut client, 404).await;
            assert_eq!(site.snapshot().await.pooled, 0);
        });
    });
}

/// The backend that gets the request, and what it is called.
async fn busy_one(
    site: &Site,
    first: &<ringway_engine::sim::Sim as ringway_engine::Engine>::Listener,
    second: &<ringway_engine::sim::Sim as ringway_engine::Engine>::Listener,
) -> (Wire, ringway_health::board::Member) {
    let member = |n| site.control().member("default", &format!("127.0.0.1:900{n}"));
    let members = [member(0), member(1)];
    site.sleep(Duration::from_millis(5)).await;
    let at = members.iter().position(|member| site.control().load(*member).0 == 1).expect("one has it");
    (site.accept(if at == 0 { first } else { second }).await, members[at])
}

#[test]
fn a_removed_backend_is_told_drained_once_when_its_last_connection_has_ended() {
    let name = "a_removed_backend_is_told_drained_once_when_its_last_connection_has_ended";
    seeds::each(name, SEEDS, |seed| {
        site(seed, alone, |site| async move {
            let listener = site.listen(0);
            let member = site.control().member("default", "127.0.0.1:9000");
            // One connection lies in the pool, on another a request is under way.
            let (mut one, mut two) = (site.client().await, site.client().await);
            get(&site, &one).await;
            let mut pooled = site.accept(&listener).await;
            get(&site, &two).await;
            let mut busy = site.accept(&listener).await;
            serve(&site, &mut pooled).await;
            take_ok(&mut one).await;
            head(&mut busy).await;
            assert_eq!((site.snapshot().await.pooled, drained(&site)), (1, vec![]));

            site.change(&[FIRST_GOES, SECOND]).await;
            assert_eq!(silent_end(&mut pooled).await, End::Clean, "it is of no use any more");
            assert_eq!(drained(&site), [], "it still has a request");
            assert_eq!(site.control().load(member), (0, 0), "it is in the book no longer");
            assert!(site.send(&busy, OK).await);
            take_ok(&mut two).await;
            assert_eq!(silent_end(&mut busy).await, End::Clean);
            assert_eq!(drained(&site), [Signal::Drained { member, shard: 0 }]);
            site.sleep(Duration::from_secs(3)).await;
            assert_eq!(drained(&site), []);
        });
    });
}

#[test]
fn a_backend_that_had_nothing_is_told_drained_at_once_and_its_name_may_come_again() {
    let name = "a_backend_that_had_nothing_is_told_drained_at_once_and_its_name_may_come_again";
    seeds::each(name, SEEDS, |seed| {
        site(seed, plain, |site| async move {
            let (first, _second) = (start(&site, 0), start(&site, 1));
            let member = site.control().member("default", "127.0.0.1:9000");
            site.change(&[FIRST_GOES]).await;
            assert_eq!(drained(&site), [Signal::Drained { member, shard: 0 }]);
            let again = r#"{"change":"backend_add","cluster":"default","backend":"127.0.0.1:9000","set":{"address":"127.0.0.1:9000"}}"#;
            site.change(&[again]).await;
            let new = site.control().member("default", "127.0.0.1:9000");
            assert_eq!(new.cluster, member.cluster);
            assert!(new.backend > member.backend, "numbers are not used again");
            for _ in 0..20 {
                assert_eq!(ask(&site, "").await.status, 200);
            }
            assert!(first.take() > 0);
            // Gone and come within one change it is the same one, and loses nothing.
            site.change(&[FIRST_GOES, again]).await;
            assert_eq!(site.control().member("default", "127.0.0.1:9000"), new);
            assert_eq!(drained(&site), []);
            // At another address it is another one.
            let moved = again.replace(r#""address":"127.0.0.1:9000""#, r#""address":"127.0.0.1:9003""#);
            site.change(&[FIRST_GOES, &moved]).await;
            assert_ne!(site.control().member("default", "127.0.0.1:9000"), new);
            site.sleep(Duration::from_millis(100)).await;
            assert_eq!(drained(&site), [Signal::Drained { member: new, shard: 0 }]);
        });
    });
}

#[test]
fn what_an_operator_wants_of_a_backend_holds_for_the_next_request() {
    seeds::each("what_an_operator_wants_of_a_backend_holds_for_the_next_request", SEEDS, |seed| {
        site(seed, plain, |site| async move {
            let (first, second) = (start(&site, 0), start(&site, 1));
            let set = |set: &str| {
                format!(
                    r#"{{"change":"backend_update","cluster":"default","backend":"127.0.0.1:9000","set":{set}}}"#
                )
            };
            let asks = async |count: usize| {
                for _ in 0..count {
                    assert_eq!(ask(&site, "").await.status, 200);
                }
                (first.take(), second.take())
            };
            for state in ["drain", "maint"] {
                site.change(&[&set(&format!(r#"{{"state":"{state}"}}"#))]).await;
                assert_eq!(asks(10).await, (0, 10), "{state}");
            }
            // By the weight alone.
            let random =
                r#"{"change":"cluster_update","cluster":"default","set":{"load_balancing":"random"}}"#;
            site.change(&[&set(r#"{"state":"ready","weight":1000}"#), random]).await;
            let (heavy, light) = asks(110).await;
            assert!(heavy > 80 && light < 30, "{heavy} and {light}");
            site.change(&[&set(r#"{"backup":true}"#)]).await;
            assert_eq!(asks(5).await, (0, 5));
        });
    });
}

#[test]
fn a_policy_and_limits_that_change_hold_for_the_next_request() {
    seeds::each("a_policy_and_limits_that_change_hold_for_the_next_request", SEEDS, |seed| {
        site(seed, plain, |site| async move {
            let (first, second) = (start(&site, 0), start(&site, 1));
            let set = |set: &str| format!(r#"{{"change":"cluster_update","cluster":"default","set":{set}}}"#);
            site.change(&[&set(r#"{"load_balancing":"first"}"#)]).await;
            for _ in 0..10 {
                assert_eq!(ask(&site, "").await.status, 200);
            }
            assert_eq!((first.take(), second.take()), (10, 0));
            // A request that is under way counts for a limit that comes after it.
            first.delay.set(Duration::from_millis(100));
            let mut client = site.client().await;
            get(&site, &client).await;
            site.sleep(Duration::from_millis(10)).await;
            site.change(&[&set(r#"{"max_in_flight":1,"queue_timeout":"0s"}"#)]).await;
            assert_eq!(ask(&site, "").await.status, 503);
            take_ok(&mut client).await;
            assert_eq!(ask(&site, "").await.status, 200);
            // Whoever waits at a limit gets through when it goes.
            site.change(&[&set(r#"{"max_in_flight":1,"queue_timeout":"10s"}"#)]).await;
            first.delay.set(Duration::from_millis(500));
            get(&site, &client).await;
            site.sleep(Duration::from_millis(10)).await;
            first.delay.set(Duration::ZERO);
            let mut other = site.client().await;
            get(&site, &other).await;
            site.sleep(Duration::from_millis(10)).await;
            let began = site.now();
            site.change(&[&set(r#"{"max_in_flight":null}"#)]).await;
            take_ok(&mut other).await;
            assert!(site.now().since(began) < Duration::from_millis(200), "it waited no longer");
            take_ok(&mut client).await;
        });
    });
}

#[test]
fn each_request_of_a_connection_goes_by_the_rules_of_its_time() {
    seeds::each("each_request_of_a_connection_goes_by_the_rules_of_its_time", SEEDS, |seed| {
        site(seed, alone, |site| async move {
            let server = start(&site, 0);
            let mut client = site.client().await;
            get(&site, &client).await;
            take_ok(&mut client).await;
            let gone = r#"{"change":"route_add","set":{"hostname":"sim.example","respond":{"status":410,"body":"gone\n"}}}"#;
            site.change(&[gone]).await;
            get(&site, &client).await;
            own_answer(&mut client, 410).await;
            let back = r#"{"change":"route_remove","set":{"hostname":"sim.example"}}"#;
            let edited = r#"{"change":"frontend_add","cluster":"default","set":{"hostname":"sim.example","response_headers":{"set":{"X-Edited":"yes"}}}}"#;
            site.change(&[back, edited]).await;
            get(&site, &client).await;
            assert_eq!(take_ok(&mut client).await.field("x-edited"), Some("yes"));
            assert_eq!(server.take(), 2);
            // The answer to a request goes by the rule that it came by.
            server.delay.set(Duration::from_millis(100));
            get(&site, &client).await;
            site.sleep(Duration::from_millis(10)).await;
            site.change(&[
                r#"{"change":"frontend_remove","cluster":"default","set":{"hostname":"sim.example"}}"#,
            ])
            .await;
            assert_eq!(take_ok(&mut client).await.field("x-edited"), Some("yes"));
            get(&site, &client).await;
            assert_eq!(take_ok(&mut client).await.field("x-edited"), None);
        });
    });
}

#[test]
fn a_tunnel_outlives_the_cluster_it_leads_to() {
    seeds::each("a_tunnel_outlives_the_cluster_it_leads_to", SEEDS, |seed| {
        site(seed, alone, |site| async move {
            let listener = site.listen(0);
            let client = site.connect(crate::config::TCP).await;
            let mut origin = site.accept(&listener).await;
            assert!(site.send(&client, b"one").await);
            assert_eq!(origin.read(3).await.expect("it is passed on"), b"one");
            site.change(&[
                r#"{"change":"listener_remove","listener":"tcp"}"#,
                r#"{"change":"cluster_remove","cluster":"default"}"#,
            ])
            .await;
            assert_eq!(drained(&site), []);
            assert!(site.send(&client, b"two").await);
            assert_eq!(origin.read(3).await.expect("it is passed on"), b"two");
            drop(client);
            end(&mut origin).await;
            drop(origin);
            site.sleep(Duration::from_millis(50)).await;
            assert_eq!(drained(&site).len(), 1);
        });
    });
}

#[test]
fn a_check_that_comes_with_a_change_runs_and_one_that_goes_does_not() {
    seeds::each("a_check_that_comes_with_a_change_runs_and_one_that_goes_does_not", SEEDS, |seed| {
        site(seed, plain, |site| async move {
            let (first, second) = (Rc::new(start(&site, 0)), start(&site, 1));
            let check =
                r#"{"change":"health_check_set","cluster":"default","set":{"interval":"1s","path":"/up"}}"#;
            site.change(&[check]).await;
            site.sleep(Duration::from_secs(3)).await;
            assert!(first.take() >= 2 && second.take() >= 2);
            assert_eq!(site.snapshot().await.checks, 2);
            let maint = r#"{"change":"backend_update","cluster":"default","backend":"127.0.0.1:9000","set":{"state":"maint"}}"#;
            site.change(&[maint]).await;
            site.sleep(Duration::from_secs(2)).await;
            first.take();
            site.sleep(Duration::from_secs(3)).await;
            assert_eq!((first.take(), site.snapshot().await.checks), (0, 1), "nothing is to be asked of it");
            site.change(&[r#"{"change":"health_check_remove","cluster":"default"}"#]).await;
            site.sleep(Duration::from_secs(2)).await;
            second.take();
            site.sleep(Duration::from_secs(3)).await;
            assert_eq!((second.take(), site.snapshot().await.checks), (0, 0));
            assert_eq!(ask_for(&site, "", "/", "").await.status, 200);
        });
    });
}
