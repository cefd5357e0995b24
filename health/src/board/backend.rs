//! What the board knows of one backend.

use ringway_core::config::{self, AdminState};
use ringway_core::{Address, BackendId, ClusterId, Event, EventKind, Time};

use super::outlier::Ejections;
use super::success_rate::Traffic;

/// A backend and what speaks against it. Each reason stands where it speaks, so that it can not outlive its cause.
#[derive(Debug, Clone)]
pub(super) struct Backend {
    pub(super) id: BackendId,
    pub(super) address: Address,
    pub(super) admin: AdminState,
    /// Why its check, or whoever stated it, finds it unwell.
    pub(super) unhealthy: Option<String>,
    /// Why it can not be connected to.
    pub(super) unreachable: Option<String>,
    pub(super) ejections: Ejections,
    /// Since the last interval.
    pub(super) traffic: Traffic,
    /// The shards that have nothing of it any more: they have heard of its removal, the board has not.
    pub(super) drained: Vec<u16>,
}

/// What the board knows of a backend, for those who ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackendState<'a> {
    /// Its name.
    pub id: &'a BackendId,
    /// Where it listens.
    pub address: &'a Address,
    /// What an operator wants of it.
    pub admin: AdminState,
    /// Why its check, or whoever stated it, finds it unwell; `None`: it is well.
    pub unhealthy: Option<&'a str>,
    /// Until when it is ejected, and why; `None`: it is not.
    pub ejected: Option<(Time, &'a str)>,
    /// Why it can not be connected to; `None`: it can.
    pub unreachable: Option<&'a str>,
    /// How often it was ejected, less the intervals in which it was not: the next ejection is that much longer.
    pub ejections: u32,
    /// Whether it is healthy, not ejected, can be reached and is not in maintenance.
    pub is_available: bool,
}

impl Backend {
    pub(super) fn new(backend: &config::Backend) -> Backend {
        Backend {
            id: backend.id.clone(),
            address: backend.address.clone(),
            admin: backend.state,
            unhealthy: None,
            unreachable: None,
            ejections: Ejections::default(),
            traffic: Traffic::default(),
            drained: Vec::new(),
        }
    }

    /// It is configured in this way from now on.
    pub(super) fn update(&mut self, backend: &config::Backend) {
        self.id.clone_from(&backend.id);
        self.address.clone_from(&backend.address);
        self.admin = backend.state;
    }

    pub(super) fn is_healthy(&self) -> bool {
        self.unhealthy.is_none()
    }

    pub(super) fn is_ejected(&self) -> bool {
        self.ejections.current.is_some()
    }

    pub(super) fn is_reachable(&self) -> bool {
        self.unreachable.is_none()
    }

    /// What shards hear as its health.
    pub(super) fn is_decided_healthy(&self) -> bool {
        self.is_healthy() && !self.is_ejected()
    }

    pub(super) fn is_available(&self) -> bool {
        self.is_decided_healthy() && self.is_reachable() && self.admin != AdminState::Maint
    }

    pub(super) fn event(&self, kind: EventKind, cluster: &ClusterId, reason: String) -> Event {
        Event::new(kind).cluster(cluster).backend(&self.id, &self.address).because(reason)
    }

    pub(super) fn state(&self) -> BackendState<'_> {
        let ejected = self.ejections.current.as_ref();
        BackendState {
            id: &self.id,
            address: &self.address,
            admin: self.admin,
            unhealthy: self.unhealthy.as_deref(),
            ejected: ejected.map(|ejected| (ejected.until, &*ejected.reason)),
            unreachable: self.unreachable.as_deref(),
            ejections: self.ejections.times(),
            is_available: self.is_available(),
        }
    }
}
