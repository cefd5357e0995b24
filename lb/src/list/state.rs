//! What others decide about a backend: health, reach, and what an operator wants of it.

use rand::Rng;
use ringway_core::Time;

use super::BackendList;
use super::outcome::Changed;
use crate::backend::{Backend, BackendKey, Status};
use crate::limits::TRIAL_INTERVAL;
use crate::spec::Admin;

impl BackendList {
    /// Checks and outlier detection say that the backend may serve, or may not. Becoming healthy forgives its back-off
    /// and begins slow start. What is in flight goes on either way.
    pub fn set_health(&mut self, key: BackendKey, healthy: bool, now: Time) -> Changed {
        self.decide(
            key,
            now,
            |backend| backend.healthy != healthy,
            |backend| {
                backend.healthy = healthy;
                if healthy {
                    backend.retry.on_success();
                }
            },
        )
    }

    /// The backend's retries are used up, as another shard found out: it is down here as well, and gets nothing for a
    /// window drawn as after its last permitted failure.
    pub fn set_down<R: Rng + ?Sized>(&mut self, key: BackendKey, now: Time, rng: &mut R) -> Changed {
        self.decide(
            key,
            now,
            |backend| !backend.retry.is_exhausted(),
            |backend| {
                backend.trial_at = now + TRIAL_INTERVAL;
                backend.retry.exhaust(now, rng);
            },
        )
    }

    /// The backend answers again, as another shard found out.
    pub fn set_up(&mut self, key: BackendKey, now: Time) -> Changed {
        self.decide(key, now, |backend| !backend.retry.is_clean(), |backend| _ = backend.retry.on_success())
    }

    /// An operator takes the backend out, or lets it serve again. What is in flight goes on.
    pub fn set_admin(&mut self, key: BackendKey, admin: Admin, now: Time) -> Changed {
        self.decide(key, now, |backend| backend.admin != admin, |backend| backend.admin = admin)
    }

    /// Changes a configured backend if there is something to change.
    fn decide(
        &mut self,
        key: BackendKey,
        now: Time,
        is_due: impl FnOnce(&Backend) -> bool,
        change: impl FnOnce(&mut Backend),
    ) -> Changed {
        self.now = now;
        match self.slab.get(key) {
            Some(backend) if backend.status() == Status::Normal && is_due(backend) => {
                Changed { flip: self.change(key.index, change) }
            }
            _ => Changed { flip: None },
        }
    }
}
