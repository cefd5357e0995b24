//! Listeners that come, change, pause and go.

use std::net::SocketAddr;

use ringway_engine::Engine;

use super::*;
use crate::config::WEB;
use crate::site::TURN;

fn other() -> SocketAddr {
    SocketAddr::new(WEB.ip(), 8090)
}

const ADDED: &str = r#"{"change":"listener_add","listener":"other","set":{"address":"127.0.0.1:8090"}}"#;

fn other_is(change: &str) -> String {
    format!(r#"{{"change":"listener_{change}","listener":"other"}}"#)
}

/// Whether anybody listens there, once what was closed is closed.
async fn answers(site: &Site) -> bool {
    site.sleep(TURN).await;
    let engine = site.engine();
    engine.connect(other(), site.now() + Duration::from_secs(1)).await.is_ok()
}

async fn served(site: &Site, client: &mut Wire) {
    get(site, client).await;
    take_ok(client).await;
}

#[test]
fn a_listener_accepts_from_its_commit_until_it_is_deactivated_and_again() {
    seeds::each("a_listener_accepts_from_its_commit_until_it_is_deactivated_and_again", SEEDS, |seed| {
        site(seed, alone, |site| async move {
            let _server = start(&site, 0);
            assert!(!answers(&site).await);
            let next = site.control().stage(&[ADDED]);
            let missing = site.prepare_with(&next, Vec::new()).await.expect_err("there is no socket");
            assert!(missing.contains("other"), "{missing}");
            site.carry_out(next, &[]).await;
            let mut client = site.connect(other()).await;
            served(&site, &mut client).await;

            site.change(&[&other_is("deactivate")]).await;
            assert!(!answers(&site).await);
            served(&site, &mut client).await;
            // Deactivated, it is still there to be changed.
            site.change(&[
                r#"{"change":"listener_update","listener":"other","set":{"timeouts":{"idle":"7s"}}}"#,
            ])
            .await;

            site.change(&[&other_is("activate")]).await;
            let mut newcomer = site.connect(other()).await;
            served(&site, &mut newcomer).await;
            served(&site, &mut client).await;
            let began = site.now();
            assert_eq!(silent_end(&mut newcomer).await, End::Clean);
            site.fired("the new time for the next request", began, Duration::from_secs(7));
        });
    });
}

#[test]
fn a_removed_listener_ends_what_is_idle_and_answers_what_is_under_way() {
    seeds::each("a_removed_listener_ends_what_is_idle_and_answers_what_is_under_way", SEEDS, |seed| {
        site(seed, alone, |site| async move {
            let server = start(&site, 0);
            site.change(&[ADDED]).await;
            let (mut idle, mut busy) = (site.connect(other()).await, site.connect(other()).await);
            let (mut begun, mut fresh) = (site.connect(other()).await, site.connect(other()).await);
            let mut unconcerned = site.client().await;
            served(&site, &mut idle).await;
            served(&site, &mut unconcerned).await;
            server.delay.set(Duration::from_millis(100));
            get(&site, &busy).await;
            assert!(site.send(&begun, &GET[..20]).await);
            site.sleep(Duration::from_millis(10)).await;
            server.delay.set(Duration::ZERO);

            let began = site.now();
            site.change(&[&other_is("remove")]).await;
            assert!(!answers(&site).await);
            assert_eq!(silent_end(&mut idle).await, End::Clean);
            assert!(site.now().since(began) < 4 * TURN, "at once");
            assert_eq!(take_ok(&mut busy).await.field("connection"), Some("close"));
            assert_eq!(silent_end(&mut busy).await, End::Clean);
            // What has begun is served by the rules that held when the listener went, as long as they lead anywhere.
            assert!(site.send(&begun, &GET[20..]).await);
            assert_eq!(take_ok(&mut begun).await.field("connection"), Some("close"));
            get(&site, &fresh).await;
            assert_eq!(take_ok(&mut fresh).await.field("connection"), Some("close"));
            served(&site, &mut unconcerned).await;
            assert_eq!(site.snapshot().await.state_hash, site.control().hash());
        });
    });
}

#[test]
fn what_a_removed_listener_led_to_is_not_mistaken_for_what_came_in_its_place() {
    let name = "what_a_removed_listener_led_to_is_not_mistaken_for_what_came_in_its_place";
    seeds::each(name, SEEDS, |seed| {
        site(seed, alone, |site| async move {
            let server = start(&site, 0);
            let cluster = |n: usize| {
                [
                    format!(r#"{{"change":"cluster_add","cluster":"c{n}","set":{{}}}}"#),
                    format!(
                        r#"{{"change":"backend_add","cluster":"c{n}","backend":"b","set":{{"address":"127.0.0.1:9000"}}}}"#
                    ),
                    format!(
                        r#"{{"change":"frontend_add","cluster":"c{n}","set":{{"hostname":"c{n}.example","listeners":["other"]}}}}"#
                    ),
                ]
            };
            let mut changes = vec![ADDED.to_owned()];
            changes.extend((0..100).flat_map(cluster));
            site.change(&changes.iter().map(String::as_str).collect::<Vec<_>>()).await;
            let mut begun = site.connect(other()).await;
            assert!(site.send(&begun, b"GET / HTTP/1.1\r\nHost: c0.ex").await);
            site.sleep(Duration::from_millis(10)).await;
            let mut goes: Vec<String> = (0..100)
                .map(|n| format!(r#"{{"change":"frontend_remove","cluster":"c{n}","set":{{"hostname":"c{n}.example","listeners":["other"]}}}}"#))
                .collect();
            goes.push(other_is("remove"));
            goes.extend((0..100).map(|n| format!(r#"{{"change":"cluster_remove","cluster":"c{n}"}}"#)));
            site.change(&goes.iter().map(String::as_str).collect::<Vec<_>>()).await;
            // Their numbers go to others.
            let others: Vec<String> = (200..300)
                .map(|n| format!(r#"{{"change":"cluster_add","cluster":"c{n}","set":{{}}}}"#))
                .collect();
            site.change(&others.iter().map(String::as_str).collect::<Vec<_>>()).await;
            assert!(site.send(&begun, b"ample\r\n\r\n").await);
            own_answer(&mut begun, 503).await;
            assert_eq!(server.take(), 0);
        });
    });
}

#[test]
fn settings_of_a_listener_hold_for_the_next_request_of_each_connection() {
    seeds::each("settings_of_a_listener_hold_for_the_next_request_of_each_connection", SEEDS, |seed| {
        site(seed, alone, |site| async move {
            let _server = start(&site, 0);
            let mut client = site.client().await;
            served(&site, &mut client).await;
            let limit = r#"{"change":"listener_update","listener":"main","set":{"limits":{"requests_per_connection":2}}}"#;
            site.change(&[limit]).await;
            get(&site, &client).await;
            assert_eq!(take_ok(&mut client).await.field("connection"), Some("close"), "its second one");
            assert_eq!(silent_end(&mut client).await, End::Clean);
        });
    });
}
