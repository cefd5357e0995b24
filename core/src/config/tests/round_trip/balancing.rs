//! Clusters of any kind: who gets the next request, how many, and what is made of their answers.

use super::*;
use crate::address::Address;

/// Any time that a request may wait.
pub(super) fn queue() -> impl Strategy<Value = Duration> {
    (0..=300_000_u64).prop_map(Duration::from_millis)
}

pub(super) fn rate_limit() -> impl Strategy<Value = Option<RateLimit>> {
    let key = prop_oneof![Just(RateKey::Source), text("[a-z.!-]{1,6}").prop_map(RateKey::Header)];
    let limit = (key, 1..=1_000_000_u32, 1..=1_000_000_u32);
    prop::option::of(limit.prop_map(|(key, rate, burst)| RateLimit { key, rate, burst }))
}

fn sticky() -> impl Strategy<Value = Sticky> {
    let same_site = [SameSite::Unset, SameSite::Strict, SameSite::Lax, SameSite::None];
    let max_age = prop::option::of((1..=34_560_000_u64).prop_map(Duration::from_secs));
    let flags = (any::<bool>(), any::<bool>());
    (text("[A-Za-z.!-]{1,8}"), prop::option::of(file()), flags, select(same_site.to_vec()), max_age).prop_map(
        |(cookie, secret_file, (secure, http_only), same_site, max_age)| Sticky {
            cookie,
            secret_file,
            secure: secure || same_site == SameSite::None,
            http_only,
            same_site,
            max_age,
        },
    )
}

/// What a check asks over HTTP, and what it takes for an answer.
fn request() -> impl Strategy<Value = HealthCheck> {
    let fields = subsequence(vec!["accept", "x-a", "x.b", "user-agent"], 0..=4);
    let values = prop::collection::vec(text("([!-~é]([ -~é]{0,8}[!-~])?)?"), 4);
    let statuses = select(vec!["2xx", "any", "200,300-399,404", "100"]);
    let texts = (
        select(vec!["GET", "POST", "x-own"]),
        text("/[!-~&&[^#]]{0,8}"),
        prop::option::of(Just("h.example:80")),
    );
    (texts, fields, values, statuses, prop::option::of(text("\\PC{1,8}"))).prop_map(
        |((method, path, host), fields, values, statuses, body)| HealthCheck {
            method: method.into(),
            path,
            host: host.map(Arc::from),
            headers: fields.into_iter().map(Arc::from).zip(values).collect(),
            statuses: statuses.parse().expect("statuses"),
            body,
            ..HealthCheck::default()
        },
    )
}

fn health_check() -> impl Strategy<Value = HealthCheck> {
    let protocols = [CheckProtocol::Tcp, CheckProtocol::Http, CheckProtocol::H2c];
    let times = (100..=3_600_000_u64, 0.0..=1.0_f64, 0.0..=1.0_f64);
    let thresholds = (1..=100_u32, 1..=100_u32);
    let port = prop::option::of(1..=u16::MAX);
    (select(protocols.to_vec()), request(), port, times, thresholds).prop_map(
        |(protocol, request, port, (interval_ms, fast, share), (rise, fall))| {
            let request = if protocol == CheckProtocol::Tcp { HealthCheck::default() } else { request };
            let part = |ms: u64, share: f64, min: u64| ((ms as f64 * share) as u64).max(min);
            let fast_ms = part(interval_ms, fast, 100);
            HealthCheck {
                protocol,
                port,
                interval: Duration::from_millis(interval_ms),
                fast_interval: Duration::from_millis(fast_ms),
                timeout: Duration::from_millis(part(fast_ms, share, 1)),
                rise,
                fall,
                ..request
            }
        },
    )
}

fn outlier_detection() -> impl Strategy<Value = OutlierDetection> {
    let consecutive = prop::array::uniform3(0..=1_000_000_u32);
    let success_rate = (0..=10_000_u32, 1..=1_000_000_u32, 2..=10_000_u32);
    let interval = (100..=3_600_000_u64).prop_map(Duration::from_millis);
    (consecutive, success_rate, interval, (time(), time()), 1..=100_u8).prop_map(
        |([server_errors, gateway_errors, connect_failures], success_rate, interval, times, ejected_max)| {
            let (success_rate_deviations, success_rate_requests, success_rate_backends) = success_rate;
            OutlierDetection {
                server_errors,
                gateway_errors,
                connect_failures,
                success_rate_deviations,
                success_rate_requests,
                success_rate_backends,
                interval,
                ejection_time: times.0.min(times.1),
                ejection_time_max: times.0.max(times.1),
                ejected_max,
            }
        },
    )
}

fn backends() -> impl Strategy<Value = Vec<Backend>> {
    let address = prop_oneof![
        (any::<[u8; 16]>(), 1..=u16::MAX).prop_map(|(ip, port)| Address::Ip(SocketAddr::from((ip, port)))),
        (any::<[u8; 4]>(), 1..=u16::MAX).prop_map(|(ip, port)| Address::Ip(SocketAddr::from((ip, port)))),
        "unix:/[a-z\" ]{1,9}".prop_map(|text| text.parse().expect("an address")),
    ];
    let states = [AdminState::Ready, AdminState::Drain, AdminState::Maint];
    let one =
        (address, 1..=1000_u16, any::<bool>(), select(states.to_vec()), any::<bool>(), (count(), count()));
    prop::collection::vec(one, 1..4).prop_map(|all| {
        let backends = all.into_iter().enumerate().map(|(n, one)| {
            let (address, weight, backup, state, has_sticky_id, (max_in_flight, max_connections)) = one;
            Backend {
                id: BackendId::parse(&format!("b{n}")).expect("a name"),
                address,
                weight,
                backup,
                state,
                sticky_id: has_sticky_id.then(|| format!("s{n}").into()),
                max_in_flight,
                max_connections,
            }
        });
        backends.collect()
    })
}

/// How backends are chosen, with every other setting at its default.
fn choosing() -> impl Strategy<Value = Cluster> {
    let policies: Vec<_> = Policy::WORDS.iter().filter_map(|word| Policy::from_word(word)).collect();
    let metrics = [LoadMetric::Requests, LoadMetric::Connections, LoadMetric::Latency];
    let hash_key = prop_oneof![
        Just(HashKey::Source),
        Just(HashKey::Uri),
        text("[a-z.!-]{1,6}").prop_map(HashKey::Header),
        text("[A-Za-z.!-]{1,6}").prop_map(HashKey::Cookie),
    ];
    let slow_start = (0..=3_600_000_u64).prop_map(Duration::from_millis);
    let rest = (2..=16_u8, prop::option::of(101..=1000_u16), slow_start, 0..=100_u8);
    (select(policies), select(metrics.to_vec()), hash_key, rest).prop_map(
        |(load_balancing, load_metric, hash_key, (choices, hash_balance, slow_start, panic_threshold))| {
            Cluster {
                load_balancing,
                load_metric,
                choices,
                hash_key,
                hash_balance,
                slow_start,
                panic_threshold,
                ..Cluster::new(cluster_name("x"), Vec::new(), Vec::new())
            }
        },
    )
}

/// A cluster without a name and frontends.
pub(super) fn cluster() -> impl Strategy<Value = Cluster> {
    let proxies = [SendProxy::Off, SendProxy::V1, SendProxy::V2];
    let pool = (0..=65_535_usize, time(), time(), count(), select(proxies.to_vec()));
    let limits = (count(), count(), queue(), 1..=1_000_000_u32);
    let retries = (0..=16_u8, 0..=100_u8, 0..=1_000_000_u32);
    let tables =
        (prop::option::of(sticky()), prop::option::of(health_check()), prop::option::of(outlier_detection()));
    (choosing(), pool, limits, retries, tables, backends()).prop_map(
        |(choosing, pool, limits, retries, (sticky, health_check, outlier_detection), backends)| {
            let (pool_idle_max, pool_idle_timeout, pool_max_age, pool_max_requests, send_proxy) = pool;
            let (max_in_flight, max_connections, queue_timeout, queue_max) = limits;
            let (retries, retry_budget, retry_budget_min) = retries;
            // A UNIX socket has no ports.
            let has_ports = backends.iter().all(|backend| backend.address.ip().is_some());
            let health_check =
                health_check.map(|check| HealthCheck { port: check.port.filter(|_| has_ports), ..check });
            Cluster {
                max_in_flight,
                max_connections,
                queue_timeout,
                queue_max,
                retries,
                retry_budget,
                retry_budget_min,
                sticky,
                health_check,
                outlier_detection,
                pool_idle_max,
                pool_idle_timeout,
                pool_max_age,
                pool_max_requests,
                send_proxy,
                backends,
                ..choosing
            }
        },
    )
}
