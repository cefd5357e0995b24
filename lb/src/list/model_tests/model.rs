//! What a list must know and answer, found by scanning.

use super::*;
use crate::latch::Flip;
use crate::limits::RETRY_TRIES_MAX;
use crate::list::select::{NoBackend, Tier};

/// A backend as the model knows it.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) key: BackendKey,
    pub(super) spec: BackendSpec,
    pub(super) status: Status,
    pub(super) admin: Admin,
    pub(super) healthy: bool,
    pub(super) tries: u8,
    pub(super) wait_until: Time,
    pub(super) trial_at: Time,
    pub(super) connections: u32,
    pub(super) requests: u32,
    /// Requests of other shards.
    pub(super) elsewhere: u32,
    /// When it got its sticky id.
    pub(super) sticky_since: u64,
    pub(super) load: Arc<Load>,
}

impl Known {
    pub(super) fn new(key: BackendKey, spec: BackendSpec, load: Arc<Load>, serial: u64) -> Known {
        Known {
            key,
            admin: spec.admin,
            spec,
            status: Status::Normal,
            healthy: true,
            tries: 0,
            wait_until: Time::ZERO,
            trial_at: Time::ZERO,
            connections: 0,
            requests: 0,
            elsewhere: 0,
            sticky_since: serial,
            load,
        }
    }

    /// Neither removed nor taken out, and no window is open.
    fn is_callable(&self, now: Time) -> bool {
        self.status == Status::Normal && self.admin == Admin::Ready && now >= self.wait_until
    }

    pub(super) fn can_open(&self, now: Time) -> bool {
        self.is_callable(now) && self.healthy
    }

    pub(super) fn is_down(&self) -> bool {
        self.tries >= RETRY_TRIES_MAX
    }

    pub(super) fn is_up(&self) -> bool {
        self.healthy && !self.is_down() && self.admin != Admin::Maint
    }

    fn is_full(&self) -> bool {
        self.requests + self.elsewhere >= self.spec.requests_max
    }

    fn is_trial_due(&self, now: Time) -> bool {
        let is_in = self.status == Status::Normal && self.admin == Admin::Ready;
        is_in && now < self.wait_until && now >= self.trial_at
    }

    pub(super) fn failed(&mut self, now: Time, until: Time) {
        self.tries = (self.tries + 1).min(RETRY_TRIES_MAX);
        self.wait_until = until;
        self.trial_at = now + TRIAL_INTERVAL;
    }

    pub(super) fn exhausted(&mut self, now: Time, until: Time) {
        self.trial_at = now + TRIAL_INTERVAL;
        self.tries = RETRY_TRIES_MAX;
        self.wait_until = until;
    }

    pub(super) fn forgive(&mut self) {
        self.tries = 0;
        self.wait_until = Time::ZERO;
    }

    /// What ending a connection or a request must answer.
    pub(super) fn release(&mut self) -> Released {
        if self.status == Status::Closing && self.connections == 0 && self.requests == 0 {
            self.status = Status::Closed;
            return Released::Drained(self.spec.id.clone());
        }
        Released::Kept
    }

    /// Other shards have so many requests from now on.
    pub(super) fn set_elsewhere(&mut self, requests: u32) {
        if self.elsewhere > 0 {
            self.load.end(self.elsewhere);
        }
        (0..requests).for_each(|_| assert!(self.load.try_begin(u32::MAX)));
        self.elsewhere = requests;
    }
}

/// Every backend that ever was, the closed ones included: their keys are the stale ones.
pub(super) struct Model {
    pub(super) known: Vec<Known>,
    pub(super) settings: Settings,
    pub(super) total: Arc<Load>,
    pub(super) now: Time,
    pub(super) serial: u64,
    pub(super) is_all_down: bool,
    pub(super) is_failing_open: bool,
    pub(super) fail_open_decisions: u64,
}

impl Model {
    pub(super) fn new(settings: Settings, total: Arc<Load>) -> Model {
        Model {
            known: Vec::new(),
            settings,
            total,
            now: Time::from_nanos(1),
            serial: 0,
            is_all_down: false,
            is_failing_open: false,
            fail_open_decisions: 0,
        }
    }

    /// The configured ones.
    pub(super) fn normal(&self) -> impl Iterator<Item = &Known> {
        self.known.iter().filter(|known| known.status == Status::Normal)
    }

    pub(super) fn by_sticky(&self, sticky_id: &str) -> Option<BackendKey> {
        let with = self.normal().filter(|known| &*known.spec.sticky_id == sticky_id);
        with.min_by_key(|known| known.sticky_since).map(|known| known.key)
    }

    pub(super) fn is_total_shared(&self) -> bool {
        let is_hashing = matches!(self.settings.policy, Policy::Maglev | Policy::Rendezvous);
        self.settings.requests_max != u32::MAX || is_hashing && self.settings.hash_balance.is_some()
    }

    pub(super) fn is_full_of_connections(&self) -> bool {
        self.known.iter().map(|known| known.connections).sum::<u32>() >= self.settings.connections_max
    }

    fn is_full(&self) -> bool {
        self.known.iter().map(|known| known.requests).sum::<u32>() >= self.settings.requests_max
    }

    fn is_panic(&self) -> bool {
        let serving: Vec<_> = self.normal().filter(|known| known.admin == Admin::Ready).collect();
        let healthy = serving.iter().filter(|known| known.healthy).count();
        healthy * 100 < usize::from(self.settings.panic_percent) * serving.len()
    }

    /// The flip to be expected after a change.
    pub(super) fn flip(&mut self) -> Option<Flip> {
        let is_all_down = self.normal().count() > 0 && !self.normal().any(Known::is_up);
        let was = std::mem::replace(&mut self.is_all_down, is_all_down);
        match (was, is_all_down) {
            (false, true) => Some(Flip::AllDown),
            (true, false) => Some(Flip::Recovered),
            _ => None,
        }
    }

    /// The keys that may be selected, and by which tier.
    pub(super) fn eligible(&self, demand: &Demand<'_>) -> Result<(Tier, Vec<BackendKey>), NoBackend> {
        let alive =
            |key: &BackendKey| self.known.iter().find(|k| k.key == *key && k.status != Status::Closed);
        let refused: Vec<_> =
            demand.tried.as_slice().iter().filter_map(alive).map(|known| &known.spec.address).collect();
        let untried = |known: &&Known| !refused.contains(&&known.spec.address);
        let cluster = |found| if self.is_full() { Err(NoBackend::Full) } else { Ok(found) };

        let sticky = demand.sticky.as_ref().and_then(alive);
        if let Some(known) = sticky.filter(|known| known.can_open(self.now)).filter(untried)
            && (self.is_full() || !known.is_full())
        {
            return cluster((Tier::Sticky, vec![known.key]));
        }
        let is_ready = self.known.iter().any(|known| known.can_open(self.now));
        for backup in [false, true] {
            let serves = |known: &&Known| match (self.is_panic(), is_ready) {
                (true, _) => known.is_callable(self.now),
                (false, true) => known.can_open(self.now),
                (false, false) => known.is_callable(self.now),
            };
            let tier = match (self.is_panic(), is_ready, backup) {
                (true, ..) => Tier::Panic,
                (false, false, _) => Tier::FailOpen,
                (false, true, false) => Tier::Primary,
                (false, true, true) => Tier::Backup,
            };
            let of_tier = self.known.iter().filter(|known| known.spec.backup == backup);
            let found: Vec<_> = of_tier.filter(serves).filter(untried).collect();
            if !found.is_empty() {
                let room: Vec<_> =
                    found.iter().filter(|known| !known.is_full()).map(|known| known.key).collect();
                return if room.is_empty() { Err(NoBackend::Full) } else { cluster((tier, room)) };
            }
        }
        if is_ready {
            return Err(NoBackend::None);
        }
        let is_due = |known: &&Known| known.is_trial_due(self.now) && !known.is_full();
        let due: Vec<_> = self.known.iter().filter(is_due).filter(untried).collect();
        let rank = |known: &Known| (!known.healthy, known.spec.backup, known.trial_at);
        let first = due.iter().map(|known| rank(known)).min().ok_or(NoBackend::None)?;
        let firsts = due.iter().filter(|known| rank(known) == first).map(|known| known.key);
        cluster((Tier::FailOpen, firsts.collect()))
    }

    /// A request goes there.
    pub(super) fn selected(&mut self, key: BackendKey, tier: Tier) {
        let (now, is_panic) = (self.now, self.is_panic());
        let known = self.known.iter_mut().find(|known| known.key == key).expect("it is eligible");
        known.requests += 1;
        if matches!(tier, Tier::FailOpen | Tier::Panic) {
            if now < known.wait_until {
                known.trial_at = now + TRIAL_INTERVAL;
            }
            self.fail_open_decisions += 1;
            self.is_failing_open = true;
        } else if known.tries == 0 && !is_panic {
            self.is_failing_open = false;
        }
    }

    /// A request might come.
    pub(super) fn refresh(&mut self) {
        let is_sound = |known: &Known| known.can_open(self.now) && known.tries == 0;
        if !self.is_panic() && self.known.iter().any(is_sound) {
            self.is_failing_open = false;
        }
    }
}
