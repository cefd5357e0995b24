//! Which backend gets a request: the tiers.
//!
//! 1. **Primary**: backends that can open and are no backups.
//! 2. **Backup**: backups that can open.
//! 3. **Fail-open**: when no backend of the cluster can open, one that is in back-off, as a trial. Each gets at most
//!    one trial per [`TRIAL_INTERVAL`](crate::limits::TRIAL_INTERVAL) and shard; primaries come first, then the one
//!    that has waited longest.
//!
//! Why trials. Back-off windows grow to a minute, which is right while others serve. When all are in back-off there
//! is nothing to protect by waiting: an operator who restarts a sole origin expects it to serve, not to answer 503
//! until a window drawn earlier has run out. One request per second finds it within a second; all others are refused
//! at once instead of piling up on a dead host's connect timeout. In the first two windows, which last one second,
//! there is no trial.
//!
//! A tier is entered when the one above has nothing that the request was not sent to already. Fail-open is the
//! exception: it is a state of the cluster, so a request that has tried everything that can open gets `None`, never
//! a backend known to be bad.

use rand::Rng;
use ringway_core::{Address, Time};

use super::BackendList;
use crate::backend::BackendKey;
use crate::pool::Candidate;
use crate::tried::Tried;

/// By which tier a backend was selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tier {
    /// It can open and is no backup.
    Primary,
    /// It can open and is a backup; no primary was left.
    Backup,
    /// It is in back-off; nothing can open.
    FailOpen,
}

/// The two tiers that have a pool, in the order of `BackendList::pools`.
const POOLED: [Tier; 2] = [Tier::Primary, Tier::Backup];

/// The backend that gets the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Names it.
    pub key: BackendKey,
    /// Where it listens.
    pub address: Address,
    /// Why it.
    pub tier: Tier,
}

impl BackendList {
    /// The backend for a request that was sent to `tried` before; `None` if there is none, and the request must be
    /// answered without.
    ///
    /// Allocates nothing. O(1) or, for unequal weights, O(log n) on a first attempt while some backend can open. A
    /// retry may cost a scan, so does the end of a back-off window and a fail-open trial.
    pub fn select<R: Rng + ?Sized>(&mut self, now: Time, rng: &mut R, tried: &Tried) -> Option<Selection> {
        if self.waiting.is_due(now) {
            self.promote(now);
        }
        let (tier, index) = if tried.is_empty() { self.pick(rng) } else { self.pick_untried(rng, tried) }
            .or_else(|| self.fail_open(now, tried))?;
        self.fail_open.set(tier == Tier::FailOpen);
        Some(Selection { key: self.slab.key_at(index), address: self.slab.at(index).address.clone(), tier })
    }

    fn pick<R: Rng + ?Sized>(&mut self, rng: &mut R) -> Option<(Tier, u32)> {
        let rank = self.pools.iter().position(|pool| !pool.is_empty())?;
        let pool = &self.pools[rank];
        let position = self.policy.pick(pool, &mut self.turns[rank], rng);
        Some((POOLED[rank], pool.candidates()[position].index))
    }

    #[cold]
    fn pick_untried<R: Rng + ?Sized>(&mut self, rng: &mut R, tried: &Tried) -> Option<(Tier, u32)> {
        if tried.is_full() {
            return None;
        }
        let BackendList { slab, pools, turns, policy, .. } = self;
        pools.iter().zip(turns).zip(POOLED).find_map(|((pool, turns), tier)| {
            let admit = |candidate: &Candidate| !slab.shares_address(candidate.index, tried.as_slice());
            let position = policy.pick_admitted(pool, turns, rng, admit)?;
            Some((tier, pool.candidates()[position].index))
        })
    }

    #[cold]
    fn fail_open(&mut self, now: Time, tried: &Tried) -> Option<(Tier, u32)> {
        if tried.is_full() || self.pools.iter().any(|pool| !pool.is_empty()) {
            return None;
        }
        let slab = &self.slab;
        let index = self.waiting.claim_trial(now, |index| {
            let admitted = !slab.shares_address(index, tried.as_slice());
            admitted.then(|| slab.at(index).backup)
        })?;
        Some((Tier::FailOpen, index))
    }
}
