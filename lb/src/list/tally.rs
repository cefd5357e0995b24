//! How many of a list's backends are in which state, kept by counting.

use crate::backend::Backend;
use crate::spec::Admin;

/// A list in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Backends of the configuration.
    pub configured: usize,
    /// Removed ones that still have something open.
    pub closing: usize,
    /// Configured ones that are healthy, whatever else is said of them.
    pub healthy: usize,
    /// Configured ones that are available, see [`Backend::is_available`].
    pub available: usize,
    /// Configured ones that can open, as far as is known: a back-off window that has ended is noticed by the next selection.
    pub ready: usize,
    /// Requests in progress, of this list's shard.
    pub requests: u32,
    /// Connections open, of this list's shard.
    pub connections: u32,
}

/// The configured backends of a list by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) configured: usize,
    pub(crate) healthy: usize,
    pub(crate) available: usize,
    /// Neither drained nor in maintenance.
    pub(crate) serving: usize,
    /// Of those, the healthy ones.
    pub(crate) serving_healthy: usize,
}

impl Tally {
    /// Counts a configured backend.
    pub(crate) fn add(&mut self, backend: &Backend) {
        let serves = backend.admin == Admin::Ready;
        self.configured += 1;
        self.healthy += usize::from(backend.healthy);
        self.available += usize::from(backend.is_up());
        self.serving += usize::from(serves);
        self.serving_healthy += usize::from(serves && backend.healthy);
    }

    /// Undoes [`Tally::add`], the backend's state being what it was then.
    pub(crate) fn subtract(&mut self, backend: &Backend) {
        let serves = backend.admin == Admin::Ready;
        self.configured -= 1;
        self.healthy -= usize::from(backend.healthy);
        self.available -= usize::from(backend.is_up());
        self.serving -= usize::from(serves);
        self.serving_healthy -= usize::from(serves && backend.healthy);
    }

    /// Whether less than `percent` of the serving backends are healthy. Those that an operator took out say nothing about
    /// those that are left.
    pub(crate) fn is_panic(&self, percent: u8) -> bool {
        self.serving_healthy * 100 < usize::from(percent) * self.serving
    }
}
