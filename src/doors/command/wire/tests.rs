//! The numbers of all fields, by bytes that are written by hand.

use prost::Message;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::certificate::*;
use super::metrics::*;
use super::*;

mod bytes;

use bytes::{Label, fields, payload};

/// What the tests do with a message of whatever type.
struct Kind {
    name: &'static str,
    json: fn(&[u8]) -> Result<Value, prost::DecodeError>,
    round_trip: fn(&[u8]),
}

fn json<M: Message + Default + Serialize>(bytes: &[u8]) -> Result<Value, prost::DecodeError> {
    M::decode(bytes).map(|message| serde_json::to_value(message).expect("plain data"))
}

fn round_trip<M>(bytes: &[u8])
where
    M: Message + Default + PartialEq + Serialize + DeserializeOwned,
{
    let message = M::decode(bytes).expect("a message");
    assert!(M::decode(message.encode_to_vec().as_slice()).expect("it was encoded") == message);
    let text = serde_json::to_string(&message).expect("plain data");
    assert!(serde_json::from_str::<M>(&text).expect("it was written") == message, "{text}");
}

macro_rules! kinds {
    ($($name:ident)*) => {
        const KINDS: &[Kind] = &[$(Kind {
            name: stringify!($name),
            json: json::<$name>,
            round_trip: round_trip::<$name>,
        }),*];
    };
}

kinds! {
        ActivateListener AddBackend AddCertificate AggregatedMetrics AlpnProtocols
        AvailableMetrics BackendMetrics Bucket CertificateAndKey CertificateSummary
        CertificatesByAddress CertificatesWithFingerprints ClientAuthPolicy CloseSessions
        ClosedSessions Cluster ClusterHashes ClusterInformation ClusterInformations
        ClusterMetrics CountRequests CustomHttpAnswers DeactivateListener Event FilteredHistogram
        FilteredMetrics FilteredTimeSerie FrontendFilters HardStop Header HeaderPredicate
        HealthCheckConfig HealthCheckHeader HealthCheckHeaderValue HealthChecksList HstsConfig
        HttpListenerConfig HttpStatusRange HttpsListenerConfig IpAddress ListListeners
        ListOfCertificatesByAddress ListWorkers ListedFrontends ListenersList LoadBalancingParams
        MaxConnectionsPerIpLimit MaxConnectionsPerSubnetLimit MetricDetailStatus
        MetricDetailTransition PathRule Percentiles ProtectedHealthCheckOrder
        ProtectedHealthCheckReply QueryCertificatesFilters QueryClusterByDomain
        QueryClustersHashes QueryHealthChecks QueryMaxConnectionsPerIp
        QueryMaxConnectionsPerSubnet QueryMetricsOptions QueryProtectedHealthCheckSupport
        RemoveBackend RemoveCertificate RemoveListener ReplaceCertificate Request RequestCounts
        RequestHttpFrontend RequestTcpFrontend RequestUdpFrontend Response ResponseContent
        ReturnListenSockets SetHealthCheck SetMetricDetail SetProtectedHealthCheck SocketAddress
        SoftStop Status SubscribeEvents TcpListenerConfig UdpClusterConfig UdpHealthConfig
        UdpListenerConfig Uint128 UpdateHttpListenerConfig UpdateHttpsListenerConfig
        UpdateTcpListenerConfig UpdateUdpListenerConfig UpgradeMain WorkerInfo WorkerInfos
        WorkerMetricDetailStatus WorkerMetrics WorkerResponses
}

fn seeds() -> impl Iterator<Item = u64> {
    0..20
}

#[test]
fn every_message_of_the_protocol_is_there() {
    let mut there: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
    let mut listed: Vec<_> = fields().iter().map(|field| field.message).collect();
    listed.dedup();
    there.sort_unstable();
    assert_eq!(there, listed);
}

#[test]
fn every_field_has_its_number_and_type() {
    for kind in KINDS {
        let nothing = (kind.json)(&[]).expect("all fields have defaults");
        for field in fields().iter().filter(|field| field.message == kind.name && !field.name.is_empty()) {
            let json = (kind.json)(&bytes::field(field, &mut first)).expect("one field");
            // Members of a oneof stand one level below.
            let object = json.as_object().expect("a message");
            let changed: Vec<_> = object
                .iter()
                .filter(|(name, value)| nothing[name.as_str()] != **value)
                .map(|(name, value)| match field.label {
                    Label::OneOf => value.as_object().expect("a member").keys().next().expect("one").clone(),
                    _ => name.clone(),
                })
                .collect();
            assert_eq!(changed, [field.name], "{} {}", kind.name, field.number);
        }
    }
}

/// The same value each time.
fn first(bound: u32) -> u32 {
    bound.min(1)
}

#[test]
fn messages_survive_both_forms() {
    for seed in seeds() {
        let mut random = StdRng::seed_from_u64(seed);
        let mut pick = |bound: u32| random.random_range(0..=bound);
        for kind in KINDS {
            let bytes = payload(kind.name, 4, &mut pick);
            println!("seed {seed}: {} {bytes:?}", kind.name);
            (kind.round_trip)(&bytes);
        }
    }
}

#[test]
fn unknown_fields_are_skipped() {
    for seed in seeds() {
        let mut random = StdRng::seed_from_u64(seed);
        let mut pick = |bound: u32| random.random_range(0..=bound);
        for kind in KINDS {
            let known = payload(kind.name, 3, &mut pick);
            let mut more = Vec::new();
            bytes::tag(777, 2, &mut more);
            more.extend([3, b'a', b'b', b'c']);
            more.extend(&known);
            bytes::tag(778, 0, &mut more);
            more.push(1);
            let (known, more) = ((kind.json)(&known), (kind.json)(&more));
            assert_eq!(known.expect("a message"), more.expect("a message"), "seed {seed}: {}", kind.name);
        }
    }
}

#[test]
fn garbage_is_refused_or_a_message_but_never_a_panic() {
    for seed in seeds() {
        let mut random = StdRng::seed_from_u64(seed);
        let mut bytes = vec![0; 512];
        for kind in KINDS {
            random.fill_bytes(&mut bytes);
            println!("seed {seed}: {} {bytes:?}", kind.name);
            let _ = (kind.json)(&bytes);
        }
    }
    // A length beyond the end, a group that nobody opened, a number 0, text that is no UTF-8, a wrong wire type.
    for bytes in [&[0x0a, 5, b'x'][..], &[0x0c], &[0x02, 0], &[0x0a, 1, 0xff], &[0x08, 1]] {
        assert!(Request::decode(bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn a_request_is_these_bytes() {
    let address = SocketAddress { ip: IpAddress { inner: Some(IpVersion::V4(0x7f00_0001)) }, port: 8080 };
    let backend = AddBackend {
        cluster_id: "c".to_owned(),
        backend_id: "b".to_owned(),
        address,
        load_balancing_parameters: Some(LoadBalancingParams { weight: -1 }),
        ..AddBackend::default()
    };
    let request = Request { request_type: Some(RequestType::AddBackend(backend)) };
    let expected = [
        0xc2, 0x01, 31, // 24, a message
        0x0a, 1, b'c', 0x12, 1, b'b', // 1 and 2, texts
        0x1a, 10, 0x0a, 5, 0x0d, 1, 0, 0, 0x7f, 0x10, 0x90,
        0x3f, // 3: its 1 has 1, fixed32; its 2, a varint
        0x2a, 11, 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0x01, // 5, a negative number
    ];
    assert_eq!(request.encode_to_vec(), expected);
}

#[test]
fn required_fields_are_sent_at_their_defaults_and_lists_of_numbers_one_by_one() {
    let response = Response::default();
    assert_eq!(response.encode_to_vec(), [0x08, 0, 0x12, 0]);
    let series = FilteredTimeSerie { last_second: 0, last_minute: vec![1, 2], last_hour: vec![] };
    assert_eq!(series.encode_to_vec(), [0x08, 0, 0x10, 1, 0x10, 2]);
    // Both ways of sending lists are read.
    assert_eq!(FilteredTimeSerie::decode(&[0x12, 2, 1, 2][..]).expect("packed"), series);
}

#[test]
fn numbers_of_enumerations_are_the_protocols() {
    assert_eq!(LoadBalancingAlgorithms::Maglev as i32, 5);
    assert_eq!(RedirectPolicy::SilentClose as i32, 5);
    assert_eq!(RedirectScheme::Https as i32, 2);
    assert_eq!(ListenerType::Tcp as i32, 2);
    assert_eq!(PathRuleKind::Equals as i32, 2);
    assert_eq!(HeaderPosition::Both as i32, 3);
    assert_eq!(HeaderMatchKind::Present as i32, 2);
    assert_eq!(ResponseStatus::Failure as i32, 2);
    assert_eq!(RunState::NotAnswering as i32, 3);
    assert_eq!(ForwardedHeaders::None as i32, 3);
    assert_eq!(ProxyProtocolConfig::Relay as i32, 2);
    assert_eq!(LoadMetric::ConnectionTime as i32, 2);
    assert_eq!(HealthCheckMode::Tcp as i32, 1);
    assert_eq!(RulePosition::Tree as i32, 2);
    assert_eq!(TlsVersion::TlsV13 as i32, 5);
}
