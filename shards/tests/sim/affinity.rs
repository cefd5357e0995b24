//! Who is kept at a backend: by a hash of its request, by a cookie.

use std::collections::BTreeSet;

use ringway_core::Config;
use ringway_core::config::{Backend, HashKey, Policy, Sticky};

use crate::config::origin_address;
use crate::http::Head;
use crate::seeds;
use crate::server::{Reply, Running, ask, ask_for, start};
use crate::site::{Site, site};

const SEEDS: u64 = 4;
const BACKENDS: usize = 4;
const KEYS: usize = 24;

fn many(config: &mut Config) {
    config.clusters[0].backends = (0..BACKENDS).map(|n| Backend::new(origin_address(n))).collect();
}

fn start_all(site: &Site) -> Vec<Running> {
    (0..BACKENDS).map(|origin| start(site, origin)).collect()
}

/// Which of the backends the only request since it was asked last has reached.
#[track_caller]
fn reached(servers: &[Running]) -> usize {
    let counts: Vec<_> = servers.iter().map(Running::take).collect();
    assert_eq!(counts.iter().sum::<usize>(), 1, "one request: {counts:?}");
    counts.iter().position(|count| *count == 1).expect("somebody got it")
}

/// Asks for each key in turn, again and again; `request` makes greeting, target and fields of it.
fn each_key_has_its_backend(
    name: &str,
    key: &HashKey,
    request: impl Fn(usize) -> (String, String, String) + Clone + 'static,
) {
    seeds::each(name, SEEDS, |seed| {
        for policy in [Policy::Maglev, Policy::Rendezvous] {
            let hash = |config: &mut Config| {
                many(config);
                (config.clusters[0].load_balancing, config.clusters[0].hash_key) = (policy, key.clone());
                if *key == HashKey::Source {
                    config.listeners[0].proxy_protocol = true;
                    config.listeners[0].trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
                }
            };
            let request = request.clone();
            site(seed, hash, |site| async move {
                let servers = start_all(&site);
                let mut places = Vec::new();
                for round in 0..3 {
                    for key in 0..KEYS {
                        let (greeting, target, fields) = request(key);
                        assert_eq!(ask_for(&site, &greeting, &target, &fields).await.status, 200);
                        let place = reached(&servers);
                        if round == 0 {
                            places.push(place);
                        }
                        assert_eq!(place, places[key], "{policy:?}: key {key}");
                    }
                }
                let used: BTreeSet<_> = places.iter().collect();
                assert_eq!(used.len(), BACKENDS, "{policy:?}: {places:?}");
            });
        }
    });
}

fn plain(target: &str, fields: String) -> (String, String, String) {
    (String::new(), target.to_owned(), fields)
}

#[test]
fn a_source_gets_its_backend() {
    each_key_has_its_backend("a_source_gets_its_backend", &HashKey::Source, |key| {
        let greeting = format!("PROXY TCP4 10.0.0.{key} 10.255.0.1 {} 443\r\n", 20_000 + key);
        (greeting, "/".to_owned(), String::new())
    });
}

#[test]
fn a_target_gets_its_backend() {
    let request = |key| plain(&format!("/page?n={key}"), format!("X-User: {key}\r\n"));
    each_key_has_its_backend("a_target_gets_its_backend", &HashKey::Uri, request);
}

#[test]
fn the_value_of_a_field_gets_its_backend() {
    let request = |key| plain("/", format!("x-UsEr: user-{key}\r\n"));
    let key = HashKey::Header("x-user".into());
    each_key_has_its_backend("the_value_of_a_field_gets_its_backend", &key, request);
}

#[test]
fn the_value_of_a_cookie_gets_its_backend() {
    let request = |key| plain("/", format!("Cookie: a=b; session={key}; c=d\r\n"));
    let key = HashKey::Cookie("session".into());
    each_key_has_its_backend("the_value_of_a_cookie_gets_its_backend", &key, request);
}

#[test]
fn requests_without_a_key_go_anywhere() {
    seeds::each("requests_without_a_key_go_anywhere", SEEDS, |seed| {
        let hash = |config: &mut Config| {
            many(config);
            let cluster = &mut config.clusters[0];
            (cluster.load_balancing, cluster.hash_key) = (Policy::Maglev, HashKey::Header("x-user".into()));
        };
        site(seed, hash, |site| async move {
            let servers = start_all(&site);
            let mut used = BTreeSet::new();
            for _ in 0..60 {
                assert_eq!(ask(&site, "").await.status, 200);
                used.insert(reached(&servers));
            }
            assert_eq!(used.len(), BACKENDS);
        });
    });
}

fn sticky(config: &mut Config) {
    many(config);
    config.clusters[0].sticky = Some(Sticky { cookie: "srv".into(), ..Sticky::default() });
}

/// The value of the cookie that an answer sets.
fn set(head: &Head) -> Option<String> {
    let (pair, attributes) = head.field("set-cookie")?.split_once("; ").expect("it has attributes");
    assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax");
    Some(pair.strip_prefix("srv=").expect("our cookie").to_owned())
}

async fn ask_with(site: &Site, value: &str) -> Reply {
    let reply = ask(site, &format!("Cookie: a=b; srv={value}; c=d\r\n")).await;
    assert_eq!(reply.status, 200);
    reply
}

#[test]
fn a_cookie_is_set_once_and_keeps_its_client_at_its_backend() {
    seeds::each("a_cookie_is_set_once_and_keeps_its_client_at_its_backend", SEEDS, |seed| {
        site(seed, sticky, |site| async move {
            let servers = start_all(&site);
            let mut values = BTreeSet::new();
            for _ in 0..40 {
                let first = ask(&site, "").await;
                let (place, value) =
                    (reached(&servers), set(&first.head).expect("who has no cookie gets one"));
                for _ in 0..3 {
                    let again = ask_with(&site, &value).await;
                    assert_eq!((reached(&servers), set(&again.head)), (place, None));
                }
                values.insert((place, value));
            }
            assert_eq!(values.len(), BACKENDS, "one value for each: {values:?}");
        });
    });
}

#[test]
fn a_client_can_not_make_a_cookie_by_itself() {
    seeds::each("a_client_can_not_make_a_cookie_by_itself", SEEDS, |seed| {
        site(seed, sticky, |site| async move {
            let servers = start_all(&site);
            let value = set(&ask(&site, "").await.head).expect("a cookie");
            reached(&servers);
            let last = if value.ends_with('0') { "1" } else { "0" };
            let altered = format!("{}{last}", &value[..value.len() - 1]);
            let name = origin_address(0).to_string();
            for forged in [altered.as_str(), &name, "0", "", &value.to_uppercase().replace('0', "O")] {
                let mut used = BTreeSet::new();
                for _ in 0..60 {
                    let reply = ask_with(&site, forged).await;
                    assert!(set(&reply.head).is_some(), "{forged:?} is no cookie of ours");
                    used.insert(reached(&servers));
                }
                assert_eq!(used.len(), BACKENDS, "{forged:?} chooses");
            }
        });
    });
}

#[test]
fn a_client_whose_backend_is_gone_gets_another_and_is_kept_there() {
    seeds::each("a_client_whose_backend_is_gone_gets_another_and_is_kept_there", SEEDS, |seed| {
        site(seed, sticky, |site| async move {
            let mut servers = start_all(&site);
            let value = set(&ask(&site, "").await.head).expect("a cookie");
            let place = reached(&servers);
            servers.remove(place).close(&site).await;
            let moved = ask_with(&site, &value).await;
            let (other, new) = (reached(&servers), set(&moved.head).expect("another cookie"));
            assert_ne!(new, value);
            for _ in 0..5 {
                let again = ask_with(&site, &new).await;
                assert_eq!((reached(&servers), set(&again.head)), (other, None));
            }
        });
    });
}
