//! Facts for operators: what happened, to whom, and why.
//!
//! An event is a flip, not a reading: it is told when a state changes, once for the process, whatever the number of shards
//! that saw it. [`EventKind::opposite`] says which one takes it back; the two alternate for what they are about.

use std::fmt;

use crate::address::Address;
use crate::ids::{BackendId, ClusterId};

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
    /// The last connection to a removed backend has ended: its server may be stopped.
    RemovedBackendHasNoConnections = 3,
    /// A backend was found well, after it was not: by as many probes as its check asks for, or because somebody said so.
    HealthCheckHealthy = 27,
    /// A backend was found unwell, in the same ways.
    HealthCheckUnhealthy = 28,
    /// A backend of a cluster is available, after none was.
    ClusterRecovered = 29,
    /// A backend that failed more than the others is taken out for a while. Ringway's own.
    BackendEjected = 100,
    /// Its time is over. Ringway's own.
    BackendReturned = 101,
}

impl EventKind {
    /// Every one, in the order of their numbers.
    pub const ALL: [EventKind; 9] = [
        EventKind::BackendDown,
        EventKind::BackendUp,
        EventKind::NoAvailableBackends,
        EventKind::RemovedBackendHasNoConnections,
        EventKind::HealthCheckHealthy,
        EventKind::HealthCheckUnhealthy,
        EventKind::ClusterRecovered,
        EventKind::BackendEjected,
        EventKind::BackendReturned,
    ];

    /// Its name.
    #[must_use]
    pub const fn as_str_name(self) -> &'static str {
        match self {
            EventKind::BackendDown => "BACKEND_DOWN",
            EventKind::BackendUp => "BACKEND_UP",
            EventKind::NoAvailableBackends => "NO_AVAILABLE_BACKENDS",
            EventKind::RemovedBackendHasNoConnections => "REMOVED_BACKEND_HAS_NO_CONNECTIONS",
            EventKind::HealthCheckHealthy => "HEALTH_CHECK_HEALTHY",
            EventKind::HealthCheckUnhealthy => "HEALTH_CHECK_UNHEALTHY",
            EventKind::ClusterRecovered => "CLUSTER_RECOVERED",
            EventKind::BackendEjected => "BACKEND_EJECTED",
            EventKind::BackendReturned => "BACKEND_RETURNED",
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
            EventKind::RemovedBackendHasNoConnections => None,
        }
    }

    /// Whether it is about one backend; else it is about its cluster as a whole.
    #[must_use]
    pub const fn is_about_backend(self) -> bool {
        !matches!(self, EventKind::NoAvailableBackends | EventKind::ClusterRecovered)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str_name())
    }
}

/// A fact, told once for the process.
///
/// Displays as one line: `BACKEND_DOWN cluster=api backend=api-1 address=10.0.0.1:80: connect: Connection refused`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Of which kind.
    pub kind: EventKind,
    /// Whose.
    pub cluster: ClusterId,
    /// Which backend, where it is about one ([`EventKind::is_about_backend`]): its name and where it listens. An event about
    /// the cluster may name the backend that tipped it.
    pub backend: Option<(BackendId, Address)>,
    /// Why, in words.
    pub reason: String,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cluster={}", self.kind, self.cluster)?;
        if let Some((backend, address)) = &self.backend {
            write!(f, " backend={backend} address={address}")?;
        }
        if self.reason.is_empty() { Ok(()) } else { write!(f, ": {}", self.reason) }
    }
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
    fn what_takes_back_is_taken_back_and_about_the_same() {
        for kind in EventKind::ALL {
            let Some(opposite) = kind.opposite() else { continue };
            assert_ne!(opposite, kind);
            assert_eq!(opposite.opposite(), Some(kind));
            assert_eq!(opposite.is_about_backend(), kind.is_about_backend());
        }
    }

    #[test]
    fn an_event_is_one_line() {
        let backend =
            (BackendId::parse("api-1").expect("a name"), "10.0.0.1:80".parse().expect("an address"));
        let cluster = ClusterId::parse("api").expect("a name");
        let down = Event {
            kind: EventKind::BackendDown,
            cluster: cluster.clone(),
            backend: Some(backend),
            reason: "connect: Connection refused".to_owned(),
        };
        assert_eq!(
            down.to_string(),
            "BACKEND_DOWN cluster=api backend=api-1 address=10.0.0.1:80: connect: Connection refused"
        );
        let kind = EventKind::ClusterRecovered;
        let recovered = Event { kind, cluster, backend: None, reason: String::new() };
        assert_eq!(recovered.to_string(), "CLUSTER_RECOVERED cluster=api");
    }
}
