//! What a configuration file means, and what a wrong one is told.

use std::net::SocketAddr;
use std::time::Duration;

use super::*;
use crate::ids::{BackendId, ClusterId, ListenerName};

mod balancing;
mod defaults;
mod mutation;
mod problems;
pub(crate) mod round_trip;
mod rules;

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
pub(in crate::config) const FULL: &str = r##"
[daemon]
shards = 4
drain_timeout = "1m"
log_level = "debug"
max_connections_per_shard = 20_000
max_connections = 50_000
max_connections_per_source = 100
max_in_flight_per_source = 32
source_queue_timeout = "250ms"
source_queue_max = 8
command_socket = "run/ringway.sock"
state_file = "/var/lib/ringway/state"
automatic_state_save = true
load_state = true
audit_log = "audit.log"
audit_log_json = "/var/log/ringway/audit.json"
turn_max = "250ms"
mutation_timeout = "5s"
restart_shards = false

[[listeners]]
name = "web"
address = "0.0.0.0:8080"
protocol = "http"
proxy_protocol = true
trusted_proxies = ["10.0.0.0/8", "fd00::1"]
upgrades = ["WebSocket", "mqtt"]
allow_connect = true
[listeners.timeouts]
head = "1s"
idle = "2s"
body = "3s"
connect = "400ms"
response = "5s"
response_body = "6s"
send = "7s"
tunnel = "8s"
total = "9s"
proxy_header = "10s"
[listeners.limits]
head_bytes = "32KiB"
headers = 64
uri_bytes = 4096
body_rate = "1KiB"
requests_per_connection = 1000
connection_max_age = "30m"
[listeners.forwarding]
x_forwarded_for = false
x_forwarded_proto = false
x_forwarded_host = false
x_forwarded_port = false
forwarded = true
request_id = "keep"
[listeners.rate_limit]
key = "header:X-Api-Key"
rate = 50
burst = 200

[[listeners]]
name = "db"
address = "[::1]:8081"
protocol = "tcp"
active = false
cluster = "alpha"

[clusters.zeta]
load_balancing = "maglev"
load_metric = "latency"
choices = 3
hash_key = "cookie:Session"
hash_balance = 125
slow_start = "30s"
panic_threshold = 40
max_in_flight = 500
max_connections = 600
queue_timeout = "2s"
queue_max = 64
retries = 1
retry_budget = 10
retry_budget_min = 5
pool_idle_max = 16
pool_idle_timeout = "10s"
pool_max_age = "11s"
pool_max_requests = 12
send_proxy = "v2"
[clusters.zeta.sticky]
cookie = "__Host-Zeta"
secret_file = "secrets/zeta.key"
secure = true
http_only = false
same_site = "none"
max_age = "7h"
[clusters.zeta.health_check]
protocol = "h2c"
method = "POST"
path = "/health?deep=1"
host = "Health.internal"
headers = { X-Probe = "a b" }
statuses = "200-299,404"
body = "all \"well\""
interval = "20s"
fast_interval = "2s"
timeout = "1500ms"
rise = 2
fall = 4
[clusters.zeta.outlier_detection]
server_errors = 10
gateway_errors = 6
connect_failures = 0
success_rate_deviations = 250
success_rate_requests = 50
success_rate_backends = 4
interval = "15s"
ejection_time = "20s"
ejection_time_max = "2m"
ejected_max = 34
[[clusters.zeta.frontends]]
listeners = ["web"]
hostname = "API.example.com"
path_prefix = "/v1"
methods = ["POST", "GET"]
headers = [{ name = "X-Beta", equals = "yes" }, { name = "Accept", prefix = "text/" }]
query = [{ name = "v", regex = "[0-9]+" }, { name = "debug", present = false }]
replace_prefix = "/"
host = "Backend.internal:8080"
[clusters.zeta.frontends.request_headers]
remove = ["Cookie"]
set = { X-Env = "a b" }
append = { Via = "1.1 ringway" }
[clusters.zeta.frontends.response_headers]
set = { x-served-by = "ringway" }
[[clusters.zeta.frontends]]
hostname = "*.Example.com"
path = "/exact"
[[clusters.zeta.frontends]]
path_regex = "/v[0-9]+"
[[clusters.zeta.backends]]
id = "one"
address = "10.0.0.1:80"
weight = 7
backup = true
state = "drain"
sticky_id = "first"
max_in_flight = 10
max_connections = 12
[[clusters.zeta.backends]]
address = "[::1]:80"
[[clusters.zeta.backends]]
id = "local"
address = "unix:/run/app.sock"

[clusters.alpha]
[clusters.alpha.sticky]
[clusters.alpha.health_check]
protocol = "tcp"
port = 8008
interval = "3s"
[clusters.alpha.outlier_detection]
[[clusters.alpha.backends]]
address = "10.0.0.2:80"

[[routes]]
hostname = "one.example.com"
strip_prefix = true
cluster = "zeta"

[[routes]]
hostname = "split.example.com"
split = { zeta = 90, alpha = 10 }

[[routes]]
hostname = "old.example.com"
redirect = "https://{host}{path}{query}"
redirect_status = 308

[[routes]]
path = "/robots.txt"
respond = { status = 200, content_type = "text/x", body = "no\n" }

[[routes]]
path = "/file"
respond = { status = 503, file = "pages/sorry.html" }

[[answers]]
status = 503
html = "/etc/503.html"
json = "503.json"
"##;

#[test]
fn every_key_of_the_file_arrives_where_it_belongs() {
    let seconds = Duration::from_secs;
    let web = Listener {
        protocol: Protocol::Http,
        proxy_protocol: true,
        trusted_proxies: ["10.0.0.0/8", "fd00::1/128"].map(|text| text.parse().expect("a network")).into(),
        upgrades: vec!["websocket".into(), "mqtt".into()],
        allow_connect: true,
        timeouts: Timeouts {
            head: seconds(1),
            idle: seconds(2),
            body: seconds(3),
            connect: Duration::from_millis(400),
            response: seconds(5),
            response_body: seconds(6),
            send: seconds(7),
            tunnel: seconds(8),
            total: seconds(9),
            proxy_header: seconds(10),
        },
        limits: Limits {
            head_bytes: 32_768,
            headers: 64,
            uri_bytes: 4096,
            body_rate: 1024,
            requests_per_connection: Some(1000),
            connection_max_age: Some(seconds(30 * 60)),
        },
        forwarding: Forwarding {
            x_forwarded_for: false,
            x_forwarded_proto: false,
            x_forwarded_host: false,
            x_forwarded_port: false,
            forwarded: true,
            request_id: RequestId::Keep,
        },
        rate_limit: Some(RateLimit { key: RateKey::Header("x-api-key".into()), rate: 50, burst: 200 }),
        ..Listener::new(listener_name("web"), address("0.0.0.0:8080"))
    };
    let db = Listener {
        protocol: Protocol::Tcp,
        active: false,
        cluster: Some(cluster_name("alpha")),
        ..Listener::new(listener_name("db"), address("[::1]:8081"))
    };
    let daemon = Daemon {
        shards: ShardCount::new(4),
        drain_timeout: seconds(60),
        log_level: LogLevel::Debug,
        max_connections_per_shard: 20_000,
        max_connections: Some(50_000),
        max_connections_per_source: Some(100),
        max_in_flight_per_source: Some(32),
        source_queue_timeout: Duration::from_millis(250),
        source_queue_max: 8,
        command_socket: Some("conf/run/ringway.sock".into()),
        state_file: Some("/var/lib/ringway/state".into()),
        automatic_state_save: true,
        load_state: true,
        audit_log: Some("conf/audit.log".into()),
        audit_log_json: Some("/var/log/ringway/audit.json".into()),
        turn_max: Duration::from_millis(250),
        mutation_timeout: seconds(5),
        restart_shards: false,
    };
    let answers =
        AnswerFiles { status: 503, html: Some("/etc/503.html".into()), json: Some("conf/503.json".into()) };
    let expected = Config {
        daemon,
        listeners: vec![web, db],
        clusters: vec![zeta(), alpha()],
        routes: routes(),
        answers: vec![answers],
    };
    assert_eq!(Config::read("conf/f", FULL.as_bytes()), Ok(expected));
}

fn listener_name(text: &str) -> ListenerName {
    ListenerName::parse(text).expect("a name")
}

fn cluster_name(text: &str) -> ClusterId {
    ClusterId::parse(text).expect("a name")
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// The first cluster of [`FULL`].
fn zeta() -> Cluster {
    let one = Backend {
        id: BackendId::parse("one").expect("a name"),
        weight: 7,
        backup: true,
        state: AdminState::Drain,
        sticky_id: Some("first".into()),
        max_in_flight: Some(10),
        max_connections: Some(12),
        ..Backend::new(address("10.0.0.1:80"))
    };
    let local = Backend {
        id: BackendId::parse("local").expect("a name"),
        address: "unix:/run/app.sock".parse().expect("an address"),
        ..Backend::new(address("10.0.0.1:80"))
    };
    let test = |name: &str, test| Predicate { name: name.into(), test };
    let matching = Match {
        hostname: Hostname::Exact("api.example.com".into()),
        path: PathMatch::Prefix("/v1".into()),
        methods: vec!["GET".into(), "POST".into()],
        headers: vec![
            test("accept", Test::Prefix("text/".into())),
            test("x-beta", Test::Equals("yes".into())),
        ],
        query: vec![test("debug", Test::Absent), test("v", Test::Regex("[0-9]+".into()))],
    };
    let rewrite = Rewrite {
        request_headers: HeaderEdits {
            remove: vec!["cookie".into()],
            set: vec![("X-Env".into(), "a b".into())],
            append: vec![("Via".into(), "1.1 ringway".into())],
        },
        response_headers: HeaderEdits {
            set: vec![("x-served-by".into(), "ringway".into())],
            ..HeaderEdits::default()
        },
        replace_prefix: Some("/".into()),
        host: Some("backend.internal:8080".into()),
    };
    let wildcard = Match {
        hostname: Hostname::Wildcard("*.example.com".into()),
        path: PathMatch::Exact("/exact".into()),
        ..Match::any()
    };
    let pattern = Match { path: PathMatch::Regex("/v[0-9]+".into()), ..Match::any() };
    let frontend = |matching| Frontend { matching, ..Frontend::any() };
    Cluster {
        load_balancing: Policy::Maglev,
        load_metric: LoadMetric::Latency,
        choices: 3,
        hash_key: HashKey::Cookie("Session".into()),
        hash_balance: Some(125),
        slow_start: Duration::from_secs(30),
        panic_threshold: 40,
        max_in_flight: Some(500),
        max_connections: Some(600),
        queue_timeout: Duration::from_secs(2),
        queue_max: 64,
        retries: 1,
        retry_budget: 10,
        retry_budget_min: 5,
        sticky: Some(Sticky {
            cookie: "__Host-Zeta".into(),
            secret_file: Some("conf/secrets/zeta.key".into()),
            secure: true,
            http_only: false,
            same_site: SameSite::None,
            max_age: Some(Duration::from_secs(7 * 60 * 60)),
        }),
        health_check: Some(HealthCheck {
            protocol: CheckProtocol::H2c,
            method: "POST".into(),
            path: "/health?deep=1".into(),
            host: Some("health.internal".into()),
            headers: vec![("x-probe".into(), "a b".into())],
            statuses: "2xx,404".parse().expect("statuses"),
            body: Some("all \"well\"".into()),
            port: None,
            interval: Duration::from_secs(20),
            fast_interval: Duration::from_secs(2),
            timeout: Duration::from_millis(1500),
            rise: 2,
            fall: 4,
        }),
        outlier_detection: Some(OutlierDetection {
            server_errors: 10,
            gateway_errors: 6,
            connect_failures: 0,
            success_rate_deviations: 250,
            success_rate_requests: 50,
            success_rate_backends: 4,
            interval: Duration::from_secs(15),
            ejection_time: Duration::from_secs(20),
            ejection_time_max: Duration::from_secs(120),
            ejected_max: 34,
        }),
        pool_idle_max: 16,
        pool_idle_timeout: Duration::from_secs(10),
        pool_max_age: Duration::from_secs(11),
        pool_max_requests: Some(12),
        send_proxy: SendProxy::V2,
        ..Cluster::new(
            cluster_name("zeta"),
            vec![
                Frontend { listeners: vec![listener_name("web")], matching, rewrite },
                frontend(wildcard),
                frontend(pattern),
            ],
            vec![one, Backend::new(address("[::1]:80")), local],
        )
    }
}

/// The second: empty tables, and a check of which little is said.
fn alpha() -> Cluster {
    let seconds = Duration::from_secs;
    Cluster {
        sticky: Some(Sticky::default()),
        health_check: Some(HealthCheck {
            protocol: CheckProtocol::Tcp,
            port: Some(8008),
            interval: seconds(3),
            fast_interval: seconds(3),
            timeout: seconds(3),
            ..HealthCheck::default()
        }),
        outlier_detection: Some(OutlierDetection::default()),
        ..Cluster::new(cluster_name("alpha"), Vec::new(), vec![Backend::new(address("10.0.0.2:80"))])
    }
}

/// The routes of [`FULL`], in a file of the folder `conf`.
fn routes() -> Vec<Route> {
    let host = |host: &str| Match { hostname: Hostname::Exact(host.into()), ..Match::any() };
    let path = |path: &str| Match { path: PathMatch::Exact(path.into()), ..Match::any() };
    let route =
        |matching, action| Route { listeners: Vec::new(), matching, rewrite: Rewrite::default(), action };
    let weights = |weights: &[(&str, u32)]| {
        Action::Split(weights.iter().map(|(name, weight)| (cluster_name(name), *weight)).collect())
    };
    let respond = |status, content_type: &str, body| {
        Action::Respond(Respond { status, content_type: content_type.into(), body })
    };
    let redirect = Redirect { status: RedirectStatus::Permanent, to: "https://{host}{path}{query}".into() };
    vec![
        Route {
            rewrite: Rewrite { replace_prefix: Some("/".into()), ..Rewrite::default() },
            ..route(host("one.example.com"), weights(&[("zeta", 1)]))
        },
        route(host("split.example.com"), weights(&[("zeta", 90), ("alpha", 10)])),
        route(host("old.example.com"), Action::Redirect(redirect)),
        route(path("/robots.txt"), respond(200, "text/x", Content::Inline("no\n".into()))),
        route(
            path("/file"),
            respond(503, "text/plain; charset=utf-8", Content::File("conf/pages/sorry.html".into())),
        ),
    ]
}

#[test]
fn every_file_that_is_named_can_be_moved() {
    let mut config = Config::read("conf/f", FULL.as_bytes()).expect("valid");
    let files: Vec<_> = config.files_mut().map(|file| file.display().to_string()).collect();
    let expected = ["/etc/503.html", "conf/503.json", "conf/pages/sorry.html", "conf/secrets/zeta.key"];
    assert_eq!(files, expected);
}

/// What the other tests damage and compare has to be everything.
#[test]
fn the_full_file_sets_every_key_there_is() {
    for key in KEYS {
        let set = FULL.lines().any(|line| {
            let mut words = line.split([' ', ',', '{', '[', '.', ']']);
            words.any(|word| word == key.name)
        });
        assert!(set, "{} in {:?}", key.name, key.section);
    }
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_change_nothing() {
    let text = format!("\u{feff}{}", FULL.replace('\n', "\r\n"));
    assert_eq!(read(&text), read(FULL));
}
