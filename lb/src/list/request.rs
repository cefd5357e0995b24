//! What requests and connections do to a backend.

use rand::Rng;
use ringway_core::Time;

use super::BackendList;
use super::outcome::{Failed, Released, Succeeded};
use crate::backend::{Backend, BackendKey, Status};
use crate::limits::TRIAL_INTERVAL;
use crate::retry::{FailureOutcome, SuccessOutcome};

impl BackendList {
    /// A selected request is over, whatever its result.
    pub fn end_request(&mut self, key: BackendKey) -> Released {
        let Some(backend) = self.slab.get_mut(key) else { return Released::Kept };
        debug_assert!(backend.requests > 0, "request ended on {} that never began", backend.spec.address);
        if backend.requests == 0 {
            return Released::Kept;
        }
        backend.requests -= 1;
        backend.load.end(1);
        self.total.end();
        self.release(key)
    }

    /// A connection to the backend is about to be made: it is counted, unless the backend or the cluster has as many as it
    /// may over all shards. Once it is closed, or could not be made, [`BackendList::connection_closed`] takes it back.
    #[must_use = "no connection may be made if it was refused"]
    pub fn try_open(&mut self, key: BackendKey) -> bool {
        let Some(backend) = self.slab.get_mut(key) else { return false };
        if !self.total.try_open() {
            return false;
        }
        let opened = backend.try_open();
        if !opened {
            self.total.closed();
        }
        opened
    }

    /// A connection that [`BackendList::try_open`] admitted is no more.
    pub fn connection_closed(&mut self, key: BackendKey) -> Released {
        let Some(backend) = self.slab.get_mut(key) else { return Released::Kept };
        debug_assert!(
            backend.connections > 0,
            "connection closed to {} that never opened",
            backend.spec.address
        );
        if backend.connections == 0 {
            return Released::Kept;
        }
        backend.connections -= 1;
        backend.load.closed(1);
        self.total.closed();
        self.release(key)
    }

    /// A connection or request failed by the backend's fault.
    pub fn on_failure<R: Rng + ?Sized>(&mut self, key: BackendKey, now: Time, rng: &mut R) -> Failed {
        self.now = now;
        let counts = |backend: &Backend| backend.status() == Status::Normal && backend.retry.is_okay(now);
        if !self.slab.get(key).is_some_and(counts) {
            return Failed { outcome: FailureOutcome::Ignored, flip: None };
        }
        let mut outcome = FailureOutcome::Ignored;
        let flip = self.change(key.index, |backend| {
            outcome = backend.retry.on_failure(now, rng);
            backend.trial_at = now + TRIAL_INTERVAL;
        });
        Failed { outcome, flip }
    }

    /// A connection or request succeeded. One look-up and one comparison if nothing had failed.
    pub fn on_success(&mut self, key: BackendKey) -> Succeeded {
        let mut outcome = SuccessOutcome::Unchanged;
        match self.slab.get(key) {
            Some(backend) if !backend.retry.is_clean() && backend.status() == Status::Normal => {}
            _ => return Succeeded { outcome, flip: None },
        }
        let flip = self.change(key.index, |backend| outcome = backend.retry.on_success());
        Succeeded { outcome, flip }
    }
}
