//! How old a connection may get.

use std::time::Duration;

use ringway_core::{Config, Time};

use crate::http::Wire;
use crate::script::Route;
use crate::seeds;
use crate::site::{End, Site, TURN, end, head, site};

const SEEDS: u64 = 12;
/// Less than an idle connection has.
const MAX_AGE: Duration = Duration::from_secs(4);

fn limit(config: &mut Config) {
    config.routes = vec![crate::config::fixed_rule()];
    config.listeners.iter_mut().for_each(|listener| listener.limits.connection_max_age = Some(MAX_AGE));
}

/// A request and its answer: whether this is the last one.
async fn is_last(site: &Site, client: &mut Wire) -> bool {
    let request = format!("GET {} HTTP/1.1\r\nHost: sim.example\r\n\r\n", Route::Fixed.prefix());
    assert!(site.send(client, request.as_bytes()).await);
    let head = head(client).await;
    client.skip(head.number("content-length").expect("a length")).await.expect("a whole answer");
    match head.field("connection") {
        None => false,
        Some(connection) => {
            assert_eq!(connection, "close");
            true
        }
    }
}

/// Checks that it ends now, a tenth before or after its time.
#[track_caller]
fn is_due(site: &Site, since: Time) {
    let age = site.now().since(since);
    let tenth = MAX_AGE / 10;
    assert!((MAX_AGE - tenth..MAX_AGE + tenth + 12 * TURN).contains(&age), "{age:?}");
}

#[test]
fn an_idle_connection_is_closed_when_it_is_old_and_each_at_its_own_time() {
    let name = "an_idle_connection_is_closed_when_it_is_old_and_each_at_its_own_time";
    seeds::each(name, SEEDS, |seed| {
        site(seed, limit, |site| async move {
            let since = site.now();
            let mut clients = Vec::new();
            for _ in 0..8 {
                let mut client = site.client().await;
                assert!(!is_last(&site, &mut client).await);
                clients.push(client);
            }
            let mut counts = Vec::new();
            while counts.last() != Some(&0) {
                site.sleep(MAX_AGE / 400).await;
                counts.push(site.snapshot().await.connections);
                let age = site.now().since(since);
                assert!(age >= MAX_AGE || counts.last() == Some(&8), "too soon: {age:?}, {counts:?}");
                assert!(age < MAX_AGE + MAX_AGE / 8, "too late: {age:?}, {counts:?}");
            }
            counts.dedup();
            assert!(counts.len() > 3, "they end together: {counts:?}");
            for client in &mut clients {
                assert_eq!(end(client).await, End::Clean);
            }
        });
    });
}

#[test]
fn a_connection_in_use_is_told_before_it_ends() {
    seeds::each("a_connection_in_use_is_told_before_it_ends", SEEDS, |seed| {
        site(seed, limit, |site| async move {
            let since = site.now();
            let mut client = site.client().await;
            let mut answers = 1;
            while !is_last(&site, &mut client).await {
                answers += 1;
                site.sleep(MAX_AGE / 200).await;
            }
            is_due(&site, since);
            assert!(answers > 170, "{answers}");
            assert_eq!(end(&mut client).await, End::Clean);
        });
    });
}

#[test]
fn an_answer_that_outlasts_its_connections_age_is_whole_and_the_last() {
    let name = "an_answer_that_outlasts_its_connections_age_is_whole_and_the_last";
    let limit = |config: &mut Config| {
        let short = Some(Duration::from_millis(500));
        config.listeners.iter_mut().for_each(|listener| listener.limits.connection_max_age = short);
    };
    seeds::each(name, SEEDS, |seed| {
        site(seed, limit, |site| async move {
            let listener = site.listen(0);
            let mut client = site.client().await;
            assert!(site.send(&client, b"GET / HTTP/1.1\r\nHost: sim.example\r\n\r\n").await);
            let mut backend = site.accept(&listener).await;
            head(&mut backend).await;
            assert!(site.send(&backend, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nOK").await);
            site.sleep(Duration::from_secs(1)).await;
            assert!(site.send(&backend, b"OK").await);
            head(&mut client).await;
            client.skip(4).await.expect("a whole answer");
            // The client thinks that it may go on, and what it sends must not destroy what it has not read yet.
            assert!(site.send(&client, b"GET / HTTP/1.1\r\nHost: sim.example\r\n\r\n").await);
            assert_eq!(end(&mut client).await, End::Clean);
        });
    });
}

#[test]
fn a_tunnel_gets_as_old_as_it_likes() {
    seeds::each("a_tunnel_gets_as_old_as_it_likes", SEEDS, |seed| {
        site(seed, limit, |site| async move {
            let listener = site.listen(0);
            let mut client = site.connect(crate::config::TCP).await;
            let backend = site.accept(&listener).await;
            for _ in 0..10 {
                site.sleep(MAX_AGE / 5).await;
                assert!(site.send(&backend, b"still").await);
                assert_eq!(client.read(5).await.expect("it is there"), b"still");
            }
        });
    });
}
