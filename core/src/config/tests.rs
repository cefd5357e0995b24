//! What a configuration file means, and what a wrong one is told.

use super::*;

mod defaults;
mod mutation;
mod problems;

/// The problems of `text`, one per line, as an operator sees them.
fn problems(text: &str) -> Vec<String> {
    match Config::read("f", text.as_bytes()) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.to_string().lines().map(str::to_owned).collect(),
    }
}

fn read(text: &str) -> Config {
    Config::read("f", text.as_bytes()).unwrap_or_else(|errors| panic!("{errors}"))
}

/// A file that sets every key there is.
const FULL: &str = r#"
[daemon]
shards = 4
drain_timeout = "1m"
log_level = "debug"
max_connections_per_shard = 20_000

[[listeners]]
name = "web"
address = "0.0.0.0:8080"
protocol = "http"
[listeners.timeouts]
head = "1s"
idle = "2s"
body = "3s"
connect = "400ms"
response = "5s"
response_body = "6s"
send = "7s"
[listeners.limits]
head_bytes = "32KiB"
headers = 64
uri_bytes = 4096

[[listeners]]
name = "admin"
address = "[::1]:8081"

[clusters.zeta]
load_balancing = "round_robin"
retries = 1
pool_idle_max = 16
pool_idle_timeout = "10s"
[[clusters.zeta.frontends]]
listeners = ["web"]
hostname = "API.example.com"
path_prefix = "/v1"
[[clusters.zeta.backends]]
id = "one"
address = "10.0.0.1:80"
weight = 7
backup = true
[[clusters.zeta.backends]]
address = "[::1]:80"

[clusters.alpha]
[[clusters.alpha.frontends]]
[[clusters.alpha.backends]]
address = "10.0.0.2:80"
"#;

#[test]
fn every_key_arrives_where_it_belongs() {
    use std::time::Duration;

    use crate::ids::{BackendId, ClusterId, ListenerName};

    let seconds = Duration::from_secs;
    let name = |text| ListenerName::parse(text).expect("a name");
    let address = |text: &str| text.parse().expect("an address");
    let web = Listener {
        name: name("web"),
        address: address("0.0.0.0:8080"),
        protocol: Protocol::Http,
        timeouts: Timeouts {
            head: seconds(1),
            idle: seconds(2),
            body: seconds(3),
            connect: Duration::from_millis(400),
            response: seconds(5),
            response_body: seconds(6),
            send: seconds(7),
        },
        limits: Limits { head_bytes: 32_768, headers: 64, uri_bytes: 4096 },
    };
    let one = Backend {
        id: BackendId::parse("one").expect("a name"),
        address: address("10.0.0.1:80"),
        weight: 7,
        backup: true,
    };
    let zeta = Cluster {
        id: ClusterId::parse("zeta").expect("a name"),
        load_balancing: Policy::RoundRobin,
        retries: 1,
        pool_idle_max: 16,
        pool_idle_timeout: seconds(10),
        frontends: vec![Frontend {
            listeners: vec![name("web")],
            hostname: Hostname::Exact("api.example.com".into()),
            path_prefix: "/v1".to_owned(),
        }],
        backends: vec![one, Backend::new(address("[::1]:80"))],
    };
    let alpha = Cluster::new(
        ClusterId::parse("alpha").expect("a name"),
        vec![Frontend::any()],
        vec![Backend::new(address("10.0.0.2:80"))],
    );
    let daemon = Daemon {
        shards: ShardCount::new(4),
        drain_timeout: seconds(60),
        log_level: LogLevel::Debug,
        max_connections_per_shard: 20_000,
    };
    let admin = Listener::new(name("admin"), address("[::1]:8081"));
    let expected = Config { daemon, listeners: vec![web, admin], clusters: vec![zeta, alpha] };
    assert_eq!(read(FULL), expected);
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_change_nothing() {
    let text = format!("\u{feff}{}", FULL.replace('\n', "\r\n"));
    assert_eq!(read(&text), read(FULL));
}
