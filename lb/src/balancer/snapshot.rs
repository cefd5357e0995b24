//! A service as it was at one moment.

use std::time::Duration;

use ringway_core::{Address, BackendId, ClusterId, Time};

use crate::backend::{Backend, Status};
use crate::latch::Availability;
use crate::load::Failures;
use crate::spec::{Admin, Settings};

/// A service and its backends.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupSnapshot {
    /// Its name.
    pub service: ClusterId,
    /// How it selects.
    pub settings: Settings,
    /// Whether it has an available backend.
    pub availability: Availability,
    /// Whether requests go to backends that are not healthy, since no other can open.
    pub is_failing_open: bool,
    /// How often that, or the panic threshold, decided.
    pub fail_open_decisions: u64,
    /// In the order they came; also removed ones that still have something open.
    pub backends: Vec<BackendSnapshot>,
}

/// One backend.
#[derive(Debug, Clone, PartialEq)]
pub struct BackendSnapshot {
    /// Its name.
    pub id: BackendId,
    /// Where it listens.
    pub address: Address,
    /// Where it is in its life.
    pub status: Status,
    /// What an operator wants of it.
    pub admin: Admin,
    /// Its share relative to the others'.
    pub weight: u32,
    /// How much of its share slow start lets it have, in percent.
    pub share_percent: u8,
    /// Whether it serves only when no other can.
    pub backup: bool,
    /// Whether it is held for healthy.
    pub healthy: bool,
    /// Whether it may get a request.
    pub can_open: bool,
    /// Whether it counts as up: waiting in back-off still does.
    pub available: bool,
    /// Requests in flight.
    pub requests: u64,
    /// Connections open.
    pub connections: u64,
    /// What failed in a row.
    pub failures: Failures,
    /// How long an answer is expected to take; measured only where latency is the metric.
    pub latency: Duration,
}

impl BackendSnapshot {
    pub(super) fn new(backend: &Backend, now: Time) -> BackendSnapshot {
        BackendSnapshot {
            id: backend.id().clone(),
            address: backend.address().clone(),
            status: backend.status(),
            admin: backend.admin(),
            weight: backend.weight(),
            share_percent: backend.share_percent(),
            backup: backend.is_backup(),
            healthy: backend.is_healthy(),
            can_open: backend.can_open(now),
            available: backend.is_available(),
            requests: backend.load().requests(),
            connections: backend.load().connections(),
            failures: backend.load().failures(),
            latency: backend.load().latency(now),
        }
    }
}
