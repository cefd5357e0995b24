//! Settings that are shared, or that more than the next request goes by.

use super::*;
use crate::server::Running;
use crate::site::TURN;

/// The cookie that an answer sets, as a client sends it back; `None`: it sets none.
async fn cookie(site: &Site, with: &str) -> Option<String> {
    let reply = ask(site, with).await;
    assert_eq!(reply.status, 200);
    let set = reply.head.field("set-cookie")?;
    Some(format!("Cookie: {}\r\n", set.split(';').next().unwrap_or_default()))
}

fn came(servers: &[Running]) -> Vec<usize> {
    servers.iter().map(Running::take).collect()
}

#[test]
fn clients_stay_where_they_are_kept_while_backends_come_and_go() {
    seeds::each("clients_stay_where_they_are_kept_while_backends_come_and_go", SEEDS, |seed| {
        site(seed, alone, |site| async move {
            let servers = [start(&site, 0), start(&site, 1)];
            let sticky = r#"{"change":"cluster_update","cluster":"default","set":{"sticky":{"secret_file":"/a secret of sixteen bytes and more"}}}"#;
            assert_eq!(cookie(&site, "").await, None);
            site.change(&[sticky]).await;
            let kept = cookie(&site, "").await.expect("it is kept from now on");
            site.change(&[SECOND]).await;
            came(&servers);
            for _ in 0..20 {
                assert_eq!(cookie(&site, &kept).await, None, "it has one");
            }
            assert_eq!(came(&servers), [20, 0]);
            let mut other = None;
            for _ in 0..50 {
                other = cookie(&site, "").await.filter(|cookie| *cookie != kept).or(other);
            }
            let other = other.expect("the newcomer gets its share");
            site.change(&[FIRST_GOES]).await;
            came(&servers);
            assert_eq!(cookie(&site, &kept).await, Some(other.clone()), "its backend is gone");
            assert_eq!(cookie(&site, &other).await, None);
            assert_eq!(came(&servers), [0, 2]);
        });
    });
}

#[test]
fn a_limit_of_connections_that_is_raised_lets_in_who_waits() {
    let one = |config: &mut Config| {
        alone(config);
        config.daemon.max_connections_per_shard = 1;
    };
    seeds::each("a_limit_of_connections_that_is_raised_lets_in_who_waits", SEEDS, |seed| {
        site(seed, one, |site| async move {
            let _server = start(&site, 0);
            let (mut first, mut second) = (site.client().await, site.client().await);
            for client in [&first, &second] {
                get(&site, client).await;
            }
            take_ok(&mut first).await;
            site.sleep(Duration::from_millis(100)).await;
            assert_eq!(site.snapshot().await.connections, 1);
            site.change(&[r#"{"change":"daemon_update","set":{"max_connections_per_shard":2}}"#]).await;
            let began = site.now();
            take_ok(&mut second).await;
            assert!(site.now().since(began) < 2 * TURN);
            assert_eq!(site.snapshot().await.connections, 2);
        });
    });
}

#[test]
fn who_waits_for_a_cluster_that_is_removed_is_answered_at_once() {
    let limited = |config: &mut Config| {
        config.listeners.truncate(1);
        alone(config);
        config.clusters[0].max_in_flight = Some(1);
        config.clusters[0].queue_timeout = Duration::from_secs(30);
    };
    seeds::each("who_waits_for_a_cluster_that_is_removed_is_answered_at_once", SEEDS, |seed| {
        site(seed, limited, |site| async move {
            let server = start(&site, 0);
            server.delay.set(Duration::from_millis(500));
            let (mut served, mut waits) = (site.client().await, site.client().await);
            get(&site, &served).await;
            site.sleep(Duration::from_millis(10)).await;
            get(&site, &waits).await;
            site.sleep(Duration::from_millis(10)).await;
            let began = site.now();
            site.change(&[r#"{"change":"cluster_remove","cluster":"default"}"#]).await;
            own_answer(&mut waits, 503).await;
            assert!(site.now().since(began) < 2 * TURN);
            take_ok(&mut served).await;
        });
    });
}

#[test]
fn answers_of_our_own_are_the_operators_from_the_next_one_on() {
    seeds::each("answers_of_our_own_are_the_operators_from_the_next_one_on", SEEDS, |seed| {
        site(seed, alone, |site| async move {
            let refused = async || {
                let mut client = site.client().await;
                get(&site, &client).await;
                own_answer(&mut client, 503).await.number("content-length").expect("it has a length")
            };
            let built_in = refused().await;
            let page = "/texts/503.json";
            let set = format!(
                r#"{{"change":"answer_set","status":503,"set":{{"html":"{page}","json":"{page}"}}}}"#
            );
            site.change(&[&set]).await;
            let mut client = site.client().await;
            assert!(
                site.send(&client, b"GET / HTTP/1.1\r\nHost: sim.example\r\nAccept: text/html\r\n\r\n").await
            );
            let head = head(&mut client).await;
            assert_eq!(head.number("content-length"), Some(page.len()));
            assert_eq!(client.read(page.len()).await.expect("it is whole"), page.as_bytes());
            site.change(&[r#"{"change":"answer_remove","status":503}"#]).await;
            assert_eq!(refused().await, built_in);
        });
    });
}
