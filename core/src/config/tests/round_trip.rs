//! What is written reads back as what it was written from.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;

mod balancing;

fn assert_round_trip(config: &Config) {
    let text = config.to_toml();
    let again = Config::read("f", text.as_bytes()).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    assert_eq!(&again, config, "{text}");
    assert_eq!(again.to_toml(), text);
}

#[test]
fn the_file_that_sets_every_key_reads_back() {
    assert_round_trip(&read(FULL));
}

#[test]
fn every_key_is_written_out_or_says_what_its_absence_means() {
    let text = read(FULL).to_toml();
    // `replace_prefix` says what it says.
    for key in KEYS.iter().filter(|key| key.name != "strip_prefix") {
        let written = text.lines().any(|line| {
            let mut words = line.split([' ', ',', '{', '[', '.', ']', ':']);
            words.any(|word| word == key.name)
        });
        assert!(written, "{} in {:?}\n{text}", key.name, key.section);
    }
    for line in
        ["# listeners: all that speak HTTP", "cluster = \"zeta\"", "split = { zeta = 90, alpha = 10 }"]
    {
        assert!(text.lines().any(|have| have == line), "{line}\n{text}");
    }
}

fn text(pattern: &'static str) -> impl Strategy<Value = Arc<str>> {
    pattern.prop_map(|text| Arc::from(text.as_str()))
}

/// Any duration that a timeout may have.
fn time() -> impl Strategy<Value = Duration> {
    (1..=86_400_000_u64).prop_map(Duration::from_millis)
}

fn count() -> impl Strategy<Value = Option<u32>> {
    prop::option::of(1..=1_000_000_u32)
}

fn daemon() -> impl Strategy<Value = Daemon> {
    let levels = [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace];
    let files = prop::array::uniform4(prop::option::of(file()));
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let control = (files, flags, 0..=60_000_u64, 100..=60_000_u64);
    let per_source = (count(), count(), balancing::queue(), 1..=1_000_000_u32);
    (0..=1024_u16, time(), select(levels.to_vec()), 1..=1_000_000_u32, count(), per_source, control).prop_map(
        |(
            shards,
            drain_timeout,
            log_level,
            max_connections_per_shard,
            max_connections,
            per_source,
            control,
        )| {
            let ([command_socket, state_file, audit_log, audit_log_json], flags, turn_ms, timeout_ms) =
                control;
            let (
                max_connections_per_source,
                max_in_flight_per_source,
                source_queue_timeout,
                source_queue_max,
            ) = per_source;
            Daemon {
                shards: ShardCount::new(shards),
                drain_timeout,
                log_level,
                max_connections_per_shard,
                max_connections,
                max_connections_per_source,
                max_in_flight_per_source,
                source_queue_timeout,
                source_queue_max,
                automatic_state_save: flags.0 && state_file.is_some(),
                load_state: flags.1 && state_file.is_some(),
                restart_shards: flags.2,
                command_socket,
                state_file,
                audit_log,
                audit_log_json,
                turn_max: Duration::from_millis(turn_ms),
                mutation_timeout: Duration::from_millis(timeout_ms),
            }
        },
    )
}

fn timeouts() -> impl Strategy<Value = Timeouts> {
    prop::array::uniform10(time()).prop_map(
        |[head, idle, body, connect, response, response_body, send, tunnel, total, proxy_header]| Timeouts {
            head,
            idle,
            body,
            connect,
            response,
            response_body,
            send,
            tunnel,
            total,
            proxy_header,
        },
    )
}

fn limits() -> impl Strategy<Value = Limits> {
    let last = (count(), prop::option::of(time()));
    (1024..=65_536_usize, 8..=256_usize, 256..=65_536_usize, 0..=1_048_576_usize, last).prop_map(
        |(head_bytes, headers, uri_bytes, body_rate, (requests_per_connection, connection_max_age))| Limits {
            head_bytes,
            headers,
            uri_bytes,
            body_rate,
            requests_per_connection,
            connection_max_age,
        },
    )
}

fn forwarding() -> impl Strategy<Value = Forwarding> {
    let ids = [RequestId::Off, RequestId::Keep, RequestId::New];
    (prop::array::uniform5(any::<bool>()), select(ids.to_vec())).prop_map(|(flags, request_id)| {
        let [x_forwarded_for, x_forwarded_proto, x_forwarded_host, x_forwarded_port, forwarded] = flags;
        Forwarding {
            x_forwarded_for,
            x_forwarded_proto,
            x_forwarded_host,
            x_forwarded_port,
            forwarded,
            request_id,
        }
    })
}

/// The first is HTTP, of the others some are TCP.
fn listeners() -> impl Strategy<Value = Vec<Listener>> {
    let networks =
        ["10.0.0.0/8", "192.0.2.1/32", "::/0", "fd00::/8"].map(|text| text.parse().expect("a network"));
    let upgrades = ["websocket", "mqtt", "x.y"].map(Arc::from);
    let one = (
        any::<bool>(),
        (any::<bool>(), any::<bool>()),
        subsequence(networks.to_vec(), 0..=4),
        subsequence(upgrades.to_vec(), 0..=3),
        (any::<bool>(), timeouts(), limits(), forwarding(), balancing::rate_limit()),
    );
    prop::collection::vec(one, 1..4).prop_map(|all| {
        let listeners = all.into_iter().enumerate().map(|(n, one)| {
            let (
                is_tcp,
                (wants_proxy, active),
                trusted_proxies,
                upgrades,
                (allow_connect, timeouts, limits, forwarding, rate_limit),
            ) = one;
            let new = Listener::new(
                listener_name(&format!("l{n}:{{x}}")),
                SocketAddr::from(([127, 0, 0, 1], 1000 + n as u16)),
            );
            let proxy_protocol = wants_proxy && !trusted_proxies.is_empty();
            let Timeouts { connect, send, tunnel, proxy_header, .. } = timeouts;
            if is_tcp && n > 0 {
                let timeouts = Timeouts { connect, send, tunnel, proxy_header, ..Timeouts::default() };
                let cluster = Some(cluster_name("c0.x"));
                return Listener {
                    protocol: Protocol::Tcp,
                    active,
                    cluster,
                    proxy_protocol,
                    trusted_proxies,
                    timeouts,
                    ..new
                };
            }
            Listener {
                active,
                proxy_protocol,
                trusted_proxies,
                upgrades,
                allow_connect,
                timeouts,
                limits,
                forwarding,
                rate_limit,
                ..new
            }
        });
        listeners.collect()
    })
}

fn predicates(query: bool) -> impl Strategy<Value = Vec<Predicate>> {
    // Of a parameter's value each character stands in a query.
    let value = move || if query { text("[!-%'-~&&[^#]]{0,8}") } else { text("[!-~é]([ -~é]{0,6}[!-~])?") };
    let test = prop_oneof![
        Just(Test::Present),
        Just(Test::Absent),
        value().prop_map(Test::Equals),
        value().prop_map(Test::Prefix),
        text("[a-z]{1,3}(\\[0-9\\]\\*)?").prop_map(Test::Regex),
    ];
    let one = (text("[a-z][a-z.!-]{0,6}x"), test).prop_map(|(name, test)| Predicate { name, test });
    // In order and without repetition, as the reader makes them.
    prop::collection::btree_set(one, 0..4).prop_map(|tests: BTreeSet<_>| tests.into_iter().collect())
}

fn edits() -> impl Strategy<Value = HeaderEdits> {
    let names = || subsequence(vec!["X-A", "x.b", "Via", "Set-Cookie", "server"], 0..=5);
    let value = || text("([!-~é]([ -~é]{0,8}[!-~])?)?");
    let pairs = move || {
        (names(), prop::collection::vec(value(), 5))
            .prop_map(|(names, values)| names.into_iter().map(Arc::from).zip(values).collect::<Vec<_>>())
    };
    (names(), pairs(), pairs()).prop_map(|(remove, set, append)| HeaderEdits {
        remove: remove.into_iter().map(|name| name.to_ascii_lowercase().into()).collect(),
        set,
        append,
    })
}

/// A rule whose path no other has; which listeners it holds for is the first, or all.
#[derive(Debug, Clone)]
struct Rule {
    first_listener_only: bool,
    matching: Match,
    rewrite: Rewrite,
}

fn rule() -> impl Strategy<Value = Rule> {
    let hostname = select(vec!["*", "*.example.com", "a.example.com", "[::1]"]);
    let methods = subsequence(vec!["GET", "POST", "x-own"], 0..=3);
    let path = 0..3_u8;
    let rewrite = (
        edits(),
        edits(),
        prop::option::of(text("/[!\"$-9a-z]{0,4}")),
        prop::option::of(Just("b.example:80")),
    );
    (any::<bool>(), hostname, path, methods, predicates(false), predicates(true), rewrite).prop_map(
        |(first_listener_only, hostname, path, methods, headers, query, rewrite)| {
            let (request_headers, response_headers, replace_prefix, host) = rewrite;
            let path = match path {
                0 => PathMatch::Prefix("/".into()),
                1 => PathMatch::Exact("/".into()),
                _ => PathMatch::Regex("/".into()),
            };
            let is_prefix = matches!(path, PathMatch::Prefix(_));
            let matching = Match {
                hostname: Hostname::parse(hostname).expect("a host"),
                path,
                methods: methods.into_iter().map(Arc::from).collect(),
                headers,
                query,
            };
            let rewrite = Rewrite {
                request_headers,
                response_headers,
                replace_prefix: replace_prefix.filter(|_| is_prefix),
                host: host.map(Arc::from),
            };
            Rule { first_listener_only, matching, rewrite }
        },
    )
}

impl Rule {
    /// Makes it the `n`th, with a path of its own.
    fn placed(self, n: usize, listeners: &[Listener]) -> (Vec<ListenerName>, Match, Rewrite) {
        let own = |path: &str| Arc::from(format!("{path}p\\{n}"));
        let path = match &self.matching.path {
            PathMatch::Prefix(path) => PathMatch::Prefix(own(path)),
            PathMatch::Exact(path) => PathMatch::Exact(own(path)),
            PathMatch::Regex(path) => PathMatch::Regex(format!("{path}p{n}\\.").into()),
        };
        let first =
            listeners.first().filter(|_| self.first_listener_only).map(|listener| listener.name.clone());
        (first.into_iter().collect(), Match { path, ..self.matching }, self.rewrite)
    }
}

fn file() -> impl Strategy<Value = PathBuf> {
    "[a-zé\"\\\\ ]{1,5}(/[a-z]{1,3})?".prop_map(PathBuf::from)
}

fn action() -> impl Strategy<Value = Action> {
    let statuses = [
        RedirectStatus::MovedPermanently,
        RedirectStatus::Found,
        RedirectStatus::SeeOther,
        RedirectStatus::Temporary,
        RedirectStatus::Permanent,
    ];
    let to = select(vec!["https://{host}{path}{query}", "/x\"'\\{query}", "http://[::1]:8/"]);
    let content = prop_oneof![
        any::<String>().prop_map(|body| Content::Inline(body.into())),
        file().prop_map(Content::File),
    ];
    prop_oneof![
        (1..=10_000_u32).prop_map(|weight| Action::Split(vec![(cluster_name("c0.x"), weight)])),
        (0..=10_000_u32)
            .prop_map(|weight| Action::Split(vec![(cluster_name("c0.x"), weight), (cluster_name("c1"), 1)])),
        (select(statuses.to_vec()), to)
            .prop_map(|(status, to)| Action::Redirect(Redirect { status, to: to.into() })),
        (400..=599_u16, text("[a-z]/[a-z\"]"), content)
            .prop_map(|(status, content_type, body)| Action::Respond(Respond { status, content_type, body })),
    ]
}

fn answers() -> impl Strategy<Value = Vec<AnswerFiles>> {
    (subsequence(vec![400, 404, 503], 0..=3), any::<bool>(), file()).prop_map(|(statuses, both, file)| {
        let answers = statuses.into_iter().map(|status| AnswerFiles {
            status,
            html: both.then(|| file.clone()),
            json: Some(file.clone()),
        });
        answers.collect()
    })
}

pub(crate) fn config() -> impl Strategy<Value = Config> {
    let frontends = prop::collection::vec(rule(), 0..3);
    let routes = prop::collection::vec((rule(), action()), 0..3);
    (daemon(), listeners(), (balancing::cluster(), balancing::cluster()), frontends, routes, answers())
        .prop_map(|(daemon, listeners, (first, second), frontends, routes, answers)| {
            let mut count = 0..;
            let mut place = |rule: Rule| rule.placed(count.next().expect("a number"), &listeners);
            let frontends = frontends.into_iter().map(|rule| {
                let (listeners, matching, rewrite) = place(rule);
                Frontend { listeners, matching, rewrite }
            });
            let frontends = frontends.collect();
            let routes = routes.into_iter().map(|(rule, action)| {
                let (listeners, matching, rewrite) = place(rule);
                let rewrite = match action {
                    Action::Split(_) => rewrite,
                    // No backend gets the request.
                    _ => Rewrite { response_headers: rewrite.response_headers, ..Rewrite::default() },
                };
                Route { listeners, matching, rewrite, action }
            });
            let routes = routes.collect();
            let first = Cluster { id: cluster_name("c0.x"), frontends, ..first };
            let second = Cluster { id: cluster_name("c1"), ..second };
            Config { daemon, listeners, clusters: vec![first, second], routes, answers }
        })
}

proptest! {
    #[test]
    fn any_configuration_reads_back_from_what_is_written(config in config()) {
        assert_round_trip(&config);
    }
}
