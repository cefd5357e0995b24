//! The figures of one cluster, kept up to date with each change.

use ringway_core::config::AdminState;

use super::backend::Backend;

/// What the board knows of a cluster, in numbers. The first part are gauges, the part from
/// [`Gauges::ejections_total`] on are counters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Backends of the cluster.
    pub configured: u32,
    /// Those that their check, or whoever stated it, finds well.
    pub healthy: u32,
    /// Those that are ejected.
    pub ejected: u32,
    /// Those that can not be connected to.
    pub unreachable: u32,
    /// Those that drain.
    pub draining: u32,
    /// Those in maintenance.
    pub in_maintenance: u32,
    /// Those that are healthy, not ejected, can be reached and are not in maintenance.
    pub available: u32,
    /// Whether there are backends and none is available.
    pub is_all_down: bool,
    /// Shards that send requests to backends that can not open.
    pub fail_open_shards: u32,
    /// Ejections.
    pub ejections_total: u64,
    /// Ejections that were due and would have gone beyond the allowed share.
    pub ejections_refused_total: u64,
    /// How often it has become all down.
    pub all_down_total: u64,
    /// How often it has recovered.
    pub recovered_total: u64,
    /// How often the first shard began to fail open.
    pub fail_open_total: u64,
}

impl Gauges {
    pub(super) fn add(&mut self, backend: &Backend) {
        self.each(backend, |gauge| *gauge += 1);
    }

    pub(super) fn subtract(&mut self, backend: &Backend) {
        self.each(backend, |gauge| *gauge -= 1);
    }

    /// Each gauge that counts this backend.
    fn each(&mut self, backend: &Backend, change: impl Fn(&mut u32)) {
        let counted = [
            (&mut self.configured, true),
            (&mut self.healthy, backend.is_healthy()),
            (&mut self.ejected, backend.is_ejected()),
            (&mut self.unreachable, !backend.is_reachable()),
            (&mut self.draining, backend.admin == AdminState::Drain),
            (&mut self.in_maintenance, backend.admin == AdminState::Maint),
            (&mut self.available, backend.is_available()),
        ];
        counted.into_iter().filter(|(_, is_counted)| *is_counted).for_each(|(gauge, _)| change(gauge));
    }
}
