//! Facts for operators: what happened, to whom, and why.
//!
//! An event is a flip, not a reading: it is told when a state changes, once for the process, whatever the number of shards
//! that saw it. [`EventKind::opposite`] says which one takes it back; the two alternate for what they are about.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::address::Address;
use crate::ids::{BackendId, ClusterId, ListenerName};
use crate::verb::Actor;

/// What kind of fact it is.
///
/// Names and numbers are those of the Sozu command protocol, so that its clients know them; Ringway's own begin at 100,
/// beyond the numbers that are given there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum EventKind {
    /// A backend can not be connected to: its tries in a row are used up.
    BackendDown = 0,
    /// It can be connected to again.
    BackendUp = 1,
    /// Every backend of a cluster is unavailable: unhealthy, ejected, unreachable or in maintenance. A cluster without
    /// backends has no such event.
    NoAvailableBackends = 2,
    /// The last connection to a removed backend has ended, on all shards: its server may be stopped.
    RemovedBackendHasNoConnections = 3,
    /// A cluster was added.
    ClusterAdded = 4,
    /// A cluster was removed, with its frontends and backends.
    ClusterRemoved = 5,
    /// A frontend was added to a cluster.
    FrontendAdded = 6,
    /// A frontend was removed from a cluster.
    FrontendRemoved = 7,
    /// A certificate was added. Nothing tells it before there is TLS.
    CertificateAdded = 8,
    /// A certificate was removed. Nothing tells it before there is TLS.
    CertificateRemoved = 9,
    /// A certificate took the place of another. Nothing tells it before there is TLS.
    CertificateReplaced = 10,
    /// A listener accepts connections.
    ListenerActivated = 11,
    /// A listener accepts connections no more.
    ListenerDeactivated = 12,
    /// The configuration file was read again, and what was different was applied.
    ConfigurationReloaded = 13,
    /// A shard has ended without being told to.
    WorkerKilled = 14,
    /// A shard runs again in the place of one that has ended, or was told to.
    WorkerRelaunched = 15,
    /// Other lines reach the log.
    LoggingLevelChanged = 16,
    /// Metrics were configured. Nothing tells it before there are metrics.
    MetricsConfigured = 17,
    /// A listener was changed in place.
    ListenerUpdated = 18,
    /// A state file was applied.
    StateLoaded = 19,
    /// A state file was written.
    StateSaved = 20,
    /// A listener was added.
    ListenerAdded = 21,
    /// A listener was removed.
    ListenerRemoved = 22,
    /// The process was told to stop; the name is the protocol's.
    StopRequested = 23,
    /// Another process has taken over. Nothing tells it before there are upgrades.
    MainUpgraded = 24,
    /// A worker of the new version has taken over. Nothing tells it before there are upgrades.
    WorkerUpgraded = 25,
    /// Somebody listens to events.
    EventsSubscribed = 26,
    /// A backend was found well, after it was not: by as many probes as its check asks for, or because somebody said so.
    HealthCheckHealthy = 27,
    /// A backend was found unwell, in the same ways.
    HealthCheckUnhealthy = 28,
    /// A backend of a cluster is available, after none was. A cluster that loses its last backend in between has not
    /// recovered: it does with the first one that is available.
    ClusterRecovered = 29,
    /// Metrics are kept in more or less detail. Nothing tells it before there are metrics.
    MetricDetailChanged = 30,
    /// A backend that failed more than the others is taken out for a while. Ringway's own, as are all that follow.
    BackendEjected = 100,
    /// Its time is over.
    BackendReturned = 101,
    /// A backend was added to a cluster.
    BackendAdded = 102,
    /// A backend was removed from a cluster. Connections to it may go on: see [`EventKind::RemovedBackendHasNoConnections`].
    BackendRemoved = 103,
    /// What an operator wants of a backend has changed: ready, drain, maint.
    BackendAdminChanged = 104,
    /// Something else of a backend was changed: its weight, its limits.
    BackendUpdated = 105,
    /// The settings of a cluster were changed.
    ClusterUpdated = 106,
    /// The health check of a cluster was set or removed.
    HealthCheckConfigured = 107,
    /// A change, a reload or a state file was refused, and nothing of it applied.
    ConfigurationRejected = 108,
    /// A turn of a shard takes longer than the watchdog allows.
    ShardStalled = 109,
    /// Settings of the process were changed.
    DaemonUpdated = 110,
    /// A route was added.
    RouteAdded = 111,
    /// A route was removed.
    RouteRemoved = 112,
    /// Ringway's own answers with a status were changed.
    AnswersChanged = 113,
    /// Requests of a cluster go to backends that can not open, because none can.
    FailOpenEntered = 114,
    /// They do not any more.
    FailOpenLeft = 115,
}

impl EventKind {
    /// Every one, in the order of their numbers.
    pub const ALL: [EventKind; 47] = [
        EventKind::BackendDown,
        EventKind::BackendUp,
        EventKind::NoAvailableBackends,
        EventKind::RemovedBackendHasNoConnections,
        EventKind::ClusterAdded,
        EventKind::ClusterRemoved,
        EventKind::FrontendAdded,
        EventKind::FrontendRemoved,
        EventKind::CertificateAdded,
        EventKind::CertificateRemoved,
        EventKind::CertificateReplaced,
        EventKind::ListenerActivated,
        EventKind::ListenerDeactivated,
        EventKind::ConfigurationReloaded,
        EventKind::WorkerKilled,
        EventKind::WorkerRelaunched,
        EventKind::LoggingLevelChanged,
        EventKind::MetricsConfigured,
        EventKind::ListenerUpdated,
        EventKind::StateLoaded,
        EventKind::StateSaved,
        EventKind::ListenerAdded,
        EventKind::ListenerRemoved,
        EventKind::StopRequested,
        EventKind::MainUpgraded,
        EventKind::WorkerUpgraded,
        EventKind::EventsSubscribed,
        EventKind::HealthCheckHealthy,
        EventKind::HealthCheckUnhealthy,
        EventKind::ClusterRecovered,
        EventKind::MetricDetailChanged,
        EventKind::BackendEjected,
        EventKind::BackendReturned,
        EventKind::BackendAdded,
        EventKind::BackendRemoved,
        EventKind::BackendAdminChanged,
        EventKind::BackendUpdated,
        EventKind::ClusterUpdated,
        EventKind::HealthCheckConfigured,
        EventKind::ConfigurationRejected,
        EventKind::ShardStalled,
        EventKind::DaemonUpdated,
        EventKind::RouteAdded,
        EventKind::RouteRemoved,
        EventKind::AnswersChanged,
        EventKind::FailOpenEntered,
        EventKind::FailOpenLeft,
    ];

    /// Its name.
    #[must_use]
    pub const fn as_str_name(self) -> &'static str {
        match self {
            EventKind::BackendDown => "BACKEND_DOWN",
            EventKind::BackendUp => "BACKEND_UP",
            EventKind::NoAvailableBackends => "NO_AVAILABLE_BACKENDS",
            EventKind::RemovedBackendHasNoConnections => "REMOVED_BACKEND_HAS_NO_CONNECTIONS",
            EventKind::ClusterAdded => "CLUSTER_ADDED",
            EventKind::ClusterRemoved => "CLUSTER_REMOVED",
            EventKind::FrontendAdded => "FRONTEND_ADDED",
            EventKind::FrontendRemoved => "FRONTEND_REMOVED",
            EventKind::CertificateAdded => "CERTIFICATE_ADDED",
            EventKind::CertificateRemoved => "CERTIFICATE_REMOVED",
            EventKind::CertificateReplaced => "CERTIFICATE_REPLACED",
            EventKind::ListenerActivated => "LISTENER_ACTIVATED",
            EventKind::ListenerDeactivated => "LISTENER_DEACTIVATED",
            EventKind::ConfigurationReloaded => "CONFIGURATION_RELOADED",
            EventKind::WorkerKilled => "WORKER_KILLED",
            EventKind::WorkerRelaunched => "WORKER_RELAUNCHED",
            EventKind::LoggingLevelChanged => "LOGGING_LEVEL_CHANGED",
            EventKind::MetricsConfigured => "METRICS_CONFIGURED",
            EventKind::ListenerUpdated => "LISTENER_UPDATED",
            EventKind::StateLoaded => "STATE_LOADED",
            EventKind::StateSaved => "STATE_SAVED",
            EventKind::ListenerAdded => "LISTENER_ADDED",
            EventKind::ListenerRemoved => "LISTENER_REMOVED",
            EventKind::StopRequested => "SOZU_STOP_REQUESTED",
            EventKind::MainUpgraded => "MAIN_UPGRADED",
            EventKind::WorkerUpgraded => "WORKER_UPGRADED",
            EventKind::EventsSubscribed => "EVENTS_SUBSCRIBED",
            EventKind::HealthCheckHealthy => "HEALTH_CHECK_HEALTHY",
            EventKind::HealthCheckUnhealthy => "HEALTH_CHECK_UNHEALTHY",
            EventKind::ClusterRecovered => "CLUSTER_RECOVERED",
            EventKind::MetricDetailChanged => "METRIC_DETAIL_CHANGED",
            EventKind::BackendEjected => "BACKEND_EJECTED",
            EventKind::BackendReturned => "BACKEND_RETURNED",
            EventKind::BackendAdded => "BACKEND_ADDED",
            EventKind::BackendRemoved => "BACKEND_REMOVED",
            EventKind::BackendAdminChanged => "BACKEND_ADMIN_CHANGED",
            EventKind::BackendUpdated => "BACKEND_UPDATED",
            EventKind::ClusterUpdated => "CLUSTER_UPDATED",
            EventKind::HealthCheckConfigured => "HEALTH_CHECK_CONFIGURED",
            EventKind::ConfigurationRejected => "CONFIGURATION_REJECTED",
            EventKind::ShardStalled => "SHARD_STALLED",
            EventKind::DaemonUpdated => "DAEMON_UPDATED",
            EventKind::RouteAdded => "ROUTE_ADDED",
            EventKind::RouteRemoved => "ROUTE_REMOVED",
            EventKind::AnswersChanged => "ANSWERS_CHANGED",
            EventKind::FailOpenEntered => "FAIL_OPEN_ENTERED",
            EventKind::FailOpenLeft => "FAIL_OPEN_LEFT",
        }
    }

    /// The one of that name; case matters.
    #[must_use]
    pub fn from_str_name(name: &str) -> Option<EventKind> {
        EventKind::ALL.into_iter().find(|kind| kind.as_str_name() == name)
    }

    /// Its number in the protocol.
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The one that takes it back; `None`: it is final.
    #[must_use]
    pub const fn opposite(self) -> Option<EventKind> {
        match self {
            EventKind::BackendDown => Some(EventKind::BackendUp),
            EventKind::BackendUp => Some(EventKind::BackendDown),
            EventKind::NoAvailableBackends => Some(EventKind::ClusterRecovered),
            EventKind::ClusterRecovered => Some(EventKind::NoAvailableBackends),
            EventKind::HealthCheckHealthy => Some(EventKind::HealthCheckUnhealthy),
            EventKind::HealthCheckUnhealthy => Some(EventKind::HealthCheckHealthy),
            EventKind::BackendEjected => Some(EventKind::BackendReturned),
            EventKind::BackendReturned => Some(EventKind::BackendEjected),
            EventKind::FailOpenEntered => Some(EventKind::FailOpenLeft),
            EventKind::FailOpenLeft => Some(EventKind::FailOpenEntered),
            _ => None,
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str_name())
    }
}

impl Serialize for EventKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str_name())
    }
}

impl<'de> Deserialize<'de> for EventKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<EventKind, D::Error> {
        let name = <Cow<'_, str>>::deserialize(deserializer)?;
        EventKind::from_str_name(&name)
            .ok_or_else(|| de::Error::custom(format!("there is no event kind {name:?}")))
    }
}

/// A fact, told once for the process, after it is true.
///
/// Displays as one line: `BACKEND_DOWN cluster=api backend=api-1 address=10.0.0.1:80: connect: Connection refused`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Of which kind.
    pub kind: EventKind,
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterId>,
    /// Which backend. An event about a cluster may name the backend that tipped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<BackendId>,
    /// Where the backend or the listener listens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// Which listener.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listener: Option<ListenerName>,
    /// Which shard, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<u16>,
    /// Why, or what exactly, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

impl Event {
    /// An event that is about the process as a whole.
    #[must_use]
    pub fn new(kind: EventKind) -> Event {
        let reason = String::new();
        Event { kind, cluster: None, backend: None, address: None, listener: None, shard: None, reason }
    }

    /// It is about this cluster.
    #[must_use]
    pub fn cluster(mut self, cluster: &ClusterId) -> Event {
        self.cluster = Some(cluster.clone());
        self
    }

    /// It is about this backend of its cluster.
    #[must_use]
    pub fn backend(mut self, backend: &BackendId, address: &Address) -> Event {
        self.backend = Some(backend.clone());
        self.address = Some(address.clone());
        self
    }

    /// It is about this listener.
    #[must_use]
    pub fn listener(mut self, listener: &ListenerName, address: SocketAddr) -> Event {
        self.listener = Some(listener.clone());
        self.address = Some(Address::Ip(address));
        self
    }

    /// It is about this shard.
    #[must_use]
    pub fn shard(mut self, shard: u16) -> Event {
        self.shard = Some(shard);
        self
    }

    /// Why, or what exactly.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Event {
        self.reason = reason.into();
        self
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if let Some(shard) = self.shard {
            write!(f, " shard={shard}")?;
        }
        if let Some(listener) = &self.listener {
            write!(f, " listener={listener}")?;
        }
        if let Some(cluster) = &self.cluster {
            write!(f, " cluster={cluster}")?;
        }
        if let Some(backend) = &self.backend {
            write!(f, " backend={backend}")?;
        }
        if let Some(address) = &self.address {
            write!(f, " address={address}")?;
        }
        if self.reason.is_empty() { Ok(()) } else { write!(f, ": {}", self.reason) }
    }
}

/// An event as it is kept and told: with its number, its time, and who caused it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its number: 1 for the first since the start of the process, then one more each.
    pub seq: u64,
    /// When, in milliseconds since 1970-01-01T00:00:00Z.
    pub time_ms: u64,
    /// Who asked for it; none: nobody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Actor>,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_number_stand_for_one_kind() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::from_str_name(kind.as_str_name()), Some(kind));
        }
        assert!(EventKind::ALL.is_sorted_by(|a, b| a < b && a.number() < b.number()));
        for name in ["", "backend_down", "BACKEND_DOWN ", "BACKEND"] {
            assert_eq!(EventKind::from_str_name(name), None, "{name}");
        }
    }

    #[test]
    fn the_numbers_of_the_protocol_have_no_gap_and_ours_begin_at_100() {
        let numbers: Vec<_> = EventKind::ALL.iter().map(|kind| kind.number()).collect();
        assert_eq!(numbers[..31], (0..31).collect::<Vec<_>>());
        assert!(numbers[31..].iter().all(|number| *number >= 100));
    }

    #[test]
    fn what_takes_back_is_taken_back() {
        for kind in EventKind::ALL {
            let Some(opposite) = kind.opposite() else { continue };
            assert_ne!(opposite, kind);
            assert_eq!(opposite.opposite(), Some(kind));
        }
    }

    #[test]
    fn an_event_is_one_line() {
        let cluster = ClusterId::parse("api").expect("a name");
        let backend = BackendId::parse("api-1").expect("a name");
        let down = Event::new(EventKind::BackendDown)
            .cluster(&cluster)
            .backend(&backend, &"10.0.0.1:80".parse().expect("an address"))
            .because("connect: Connection refused");
        assert_eq!(
            down.to_string(),
            "BACKEND_DOWN cluster=api backend=api-1 address=10.0.0.1:80: connect: Connection refused"
        );
        let recovered = Event::new(EventKind::ClusterRecovered).cluster(&cluster);
        assert_eq!(recovered.to_string(), "CLUSTER_RECOVERED cluster=api");
        let killed = Event::new(EventKind::WorkerKilled).shard(3).because("it panicked");
        assert_eq!(killed.to_string(), "WORKER_KILLED shard=3: it panicked");
    }

    #[test]
    fn a_record_is_flat_json_and_comes_back() {
        let cluster = ClusterId::parse("api").expect("a name");
        let actor = Some(Actor { uid: 1, gid: 2, pid: 3, session: 4 });
        let event = Event::new(EventKind::ClusterAdded).cluster(&cluster);
        let record = Record { seq: 7, time_ms: 8, actor, event };
        let text = serde_json::to_string(&record).expect("it is plain data");
        assert_eq!(
            text,
            r#"{"seq":7,"time_ms":8,"actor":{"uid":1,"gid":2,"pid":3,"session":4},"kind":"CLUSTER_ADDED","cluster":"api"}"#
        );
        assert_eq!(serde_json::from_str::<Record>(&text).expect("it was one"), record);
    }
}
