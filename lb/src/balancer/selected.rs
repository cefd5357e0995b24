//! A backend that was selected, counted as long as this lives.

use std::sync::Arc;

use ringway_core::{Address, Time};

use super::service::Service;
use crate::backend::BackendKey;
use crate::demand::Demand;
use crate::list::select::{NoBackend, Selection, Tier};
use crate::tried::Tried;

/// One connection, or request, to one backend: counted there since it was selected, until this is dropped.
#[derive(Debug)]
#[must_use = "dropping it says that the connection is over"]
pub struct Selected {
    service: Arc<Service>,
    selection: Selection,
    /// When it was selected.
    since: Time,
    /// Where its request was sent, this one included.
    tried: Tried,
}

impl Selected {
    pub(super) fn new(service: Arc<Service>, demand: &Demand<'_>) -> Result<Selected, NoBackend> {
        let (selection, since) = service.select(demand)?;
        let mut tried = *demand.tried;
        tried.insert(selection.key);
        Ok(Selected { service, selection, since, tried })
    }

    /// Where to connect.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.selection.address
    }

    /// Names the backend within its service.
    #[must_use]
    pub fn key(&self) -> BackendKey {
        self.selection.key
    }

    /// Why this one.
    #[must_use]
    pub fn tier(&self) -> Tier {
        self.selection.tier
    }

    /// It answers: ends its back-off. Where latency is the metric, the time since the selection counts as the answer's.
    pub fn succeeded(&self) {
        self.service.succeeded(self.selection.key, self.since);
    }

    /// It does not: connecting failed, or there was no usable answer. A back-off begins, and after enough of them it is
    /// down.
    pub fn failed(&self) {
        self.service.failed(self.selection.key);
    }

    /// Another backend for the same request, none of those it was sent to. Both are counted until they are dropped.
    ///
    /// # Errors
    ///
    /// If no other can take it.
    pub fn select_again(&self) -> Result<Selected, NoBackend> {
        Selected::new(Arc::clone(&self.service), &Demand { tried: &self.tried, ..Demand::first() })
    }
}

impl Drop for Selected {
    fn drop(&mut self) {
        self.service.release(self.selection.key, &self.selection.address);
    }
}
